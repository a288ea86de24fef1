// A ClamAV daemon as far as INSTREAM goes (man clamd): it knows the EICAR string and nothing else, and keeps to its StreamMaxLength. Not HTTP, so it stands by itself:
// `const c = await clamd({ path })`, c.seen what it was shown, c.mood how it behaves, c.close().
import { once } from 'node:events';
import net from 'node:net';

export const EICAR = 'X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*';

// mood: 'well'; 'silent' takes all and says nothing; 'gone' hangs up at once; 'nonsense'; 'half' says the beginning of a good answer and hangs up
export async function clamd({ path, most = 11 << 20 }) {
	const peer = { seen: [], mood: 'well', open: new Set() };
	const server = net.createServer({ allowHalfOpen: true }, (socket) => {
		let held = Buffer.alloc(0), begun = false, over = false;
		const chunks = [];
		let total = 0;
		peer.open.add(socket);
		socket.on('close', () => peer.open.delete(socket));
		socket.on('error', () => {});
		const say = (text) => {
			over = true;
			socket.end(`${text}\0`);
		};
		const judge = () => {
			const file = Buffer.concat(chunks);
			peer.seen.push(file.length);
			if (peer.mood === 'silent') return;
			if (peer.mood === 'nonsense') return say('stream: maybe');
			if (peer.mood === 'half') return socket.end('stream: O');
			say(file.includes(EICAR) ? 'stream: Eicar-Test-Signature FOUND' : 'stream: OK');
		};
		if (peer.mood === 'gone') return socket.destroy();
		socket.on('data', (piece) => {
			held = Buffer.concat([held, piece]);
			if (over) return;
			if (!begun) {
				if (held.length < 10) return;
				if (held.subarray(0, 10).toString('latin1') !== 'zINSTREAM\0') return say('UNKNOWN COMMAND');
				begun = true;
				held = held.subarray(10);
			}
			while (!over && held.length >= 4) {
				const length = held.readUInt32BE(0);
				if (length === 0) return judge();
				if (total + length > most) return say('INSTREAM size limit exceeded. ERROR');
				if (held.length < 4 + length) return;
				chunks.push(held.subarray(4, 4 + length));
				total += length;
				held = held.subarray(4 + length);
			}
		});
	});
	server.listen(path);
	await once(server, 'listening');
	peer.close = () => {
		for (const socket of peer.open) socket.destroy();
		return new Promise((resolve) => server.close(resolve));
	};
	return peer;
}
