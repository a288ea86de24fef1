// HTTP/1.1 byte by byte: what an ordinary client would refuse to send, and answers read as they come off the wire.
import tls from 'node:tls';
import { within } from './until.mjs';

export class WireH1 {
	static open(g, options = {}) {
		return new Promise((resolve, reject) => {
			const socket = tls.connect({ host: '127.0.0.1', port: g.public_port, servername: 'localhost', ca: g.ca, ALPNProtocols: ['http/1.1'], ...options });
			socket.once('secureConnect', () => resolve(new WireH1(socket)));
			socket.once('error', reject);
		});
	}

	constructor(socket) {
		this.socket = socket;
		this.bytes = Buffer.alloc(0);
		this.is_over = false;
		this.wake = () => {};
		socket.on('data', (chunk) => {
			this.bytes = Buffer.concat([this.bytes, chunk]);
			this.wake();
		});
		for (const event of ['end', 'close', 'error']) socket.on(event, () => {
			this.is_over = true;
			this.wake();
		});
	}

	send(...lines) {
		this.socket.write(lines.join(''), 'latin1');
		return this;
	}

	more() {
		return within(20000, 'bytes from the gateway', new Promise((resolve) => { this.wake = resolve; }));
	}

	// Takes n bytes, or what comes before a mark.
	async take(n) {
		while (this.bytes.length < n) {
			if (this.is_over) throw new Error(`the connection ended after "${this.bytes.toString('latin1').slice(0, 200)}"`);
			await this.more();
		}
		const out = this.bytes.subarray(0, n);
		this.bytes = this.bytes.subarray(n);
		return out;
	}

	async take_until(mark) {
		for (;;) {
			const at = this.bytes.indexOf(mark);
			if (at >= 0) {
				const out = await this.take(at + mark.length);
				return out.subarray(0, at).toString('latin1');
			}
			if (this.is_over) throw new Error(`the connection ended after "${this.bytes.toString('latin1').slice(0, 200)}"`);
			await this.more();
		}
	}

	// The next answer: {status, headers, text}. head: it answers a HEAD, so no body follows.
	async answer({ head = false } = {}) {
		const [first, ...rest] = (await this.take_until('\r\n\r\n')).split('\r\n');
		const match = /^HTTP\/1\.1 (\d{3})/.exec(first);
		if (!match) throw new Error(`not a status line: ${first}`);
		const headers = Object.fromEntries(rest.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]));
		const status = Number(match[1]);
		const bodiless = head || status < 200 || status === 204 || status === 304;
		const text = bodiless ? '' : (await this.take(Number(headers['content-length']))).toString('utf8');
		return { status, headers, text, json: text.startsWith('{') ? JSON.parse(text) : undefined };
	}

	// Waits for the gateway to close; what it still said.
	async end() {
		while (!this.is_over) await this.more();
		return this.bytes.toString('latin1');
	}

	close() {
		this.socket.destroy();
	}
}
