// The two receivers that the sandbox does not play: one that takes webhooks and knows a repeat by its id, and one that can be asked by our key.
import { createServer } from 'node:http';

/** deeds: key -> how often it was done. act(kind, key): 'answer' | 'hold' (acts, and says nothing) | { after } (acts, and answers so many ms later) | a status that is not an act. */
export class EffectPeer {
	static async start() {
		const p = new EffectPeer();
		Object.assign(p, { deeds: new Map(), calls: 0, asked: 0, act: () => 'answer', held: [] });
		p.server = createServer((request, response) => {
			request.resume().on('end', () => p.take(request, response));
		});
		await new Promise((resolve) => p.server.listen(0, '127.0.0.1', resolve));
		p.url = `http://127.0.0.1:${p.server.address().port}`;
		return p;
	}

	take(request, response) {
		const [, kind, in_path] = request.url.split('/'), key = in_path ?? request.headers['webhook-id'];
		const say = (status) => response.writeHead(status, { 'content-type': 'text/plain' }).end();
		if (request.method === 'GET') {
			this.asked++;
			return say(this.deeds.has(key) ? 200 : 404);
		}
		this.calls++;
		const how = this.act(kind, key);
		if (typeof how === 'number')
			return say(how);
		this.deeds.set(key, (this.deeds.get(key) ?? 0) + 1);
		if (how === 'hold')
			return this.held.push(response);
		if (how.after !== undefined)
			return setTimeout(() => say(200), how.after);
		return say(200);
	}

	stop() {
		this.server.closeAllConnections?.();
		return new Promise((resolve) => this.server.close(resolve));
	}
}
