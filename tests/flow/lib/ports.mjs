// Ports that no other test of this machine uses. A daemon's listener may share its port (SO_REUSEPORT), so "it could be bound" proves
// nothing: whoever wants a pair of ports holds a third one, exclusively, as its claim for as long as the process lives.
import net from 'node:net';

const FIRST = 20000, BLOCKS = 3000; // 20000..31999: below the range from which the kernel takes ports for clients

function listen(port) {
	return new Promise((resolve) => {
		const server = net.createServer();
		server.once('error', () => resolve(null));
		server.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(server));
	});
}

export async function claim_ports() {
	for (let tries = 0; tries < 200; tries++) {
		const base = FIRST + 4 * Math.floor(Math.random() * BLOCKS);
		const claim = await listen(base);
		if (claim === null) continue;
		const used = await Promise.all([listen(base + 1), listen(base + 2)]);
		for (const server of used) if (server !== null) await new Promise((done) => server.close(done));
		if (used.includes(null)) {
			claim.close();
			continue;
		}
		claim.unref();
		return { public_port: base + 1, admin_port: base + 2, claim };
	}
	throw new Error('no free ports between 20000 and 32000');
}
