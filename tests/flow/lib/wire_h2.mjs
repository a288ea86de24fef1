// HTTP/2 frame by frame: what an ordinary client would not send. Header blocks are literals without indexing (RFC 7541 6.2.2).
import tls from 'node:tls';
import { within } from './until.mjs';

export const FRAME = { DATA: 0, HEADERS: 1, PRIORITY: 2, RST_STREAM: 3, SETTINGS: 4, PUSH_PROMISE: 5, PING: 6, GOAWAY: 7, WINDOW_UPDATE: 8, CONTINUATION: 9 };
export const FLAG = { END_STREAM: 1, ACK: 1, END_HEADERS: 4 };
export const ERROR = { NO_ERROR: 0, PROTOCOL_ERROR: 1, REFUSED_STREAM: 7, ENHANCE_YOUR_CALM: 11 };

function integer(value, prefix_bits) {
	const limit = 2 ** prefix_bits - 1;
	if (value < limit) return [value];
	const out = [limit];
	for (value -= limit; value >= 128; value = Math.floor(value / 128)) out.push((value % 128) + 128);
	return [...out, value];
}

export function header_block(headers) {
	return Buffer.concat(headers.map(([name, value]) => {
		const n = Buffer.from(name, 'latin1'), v = Buffer.from(value, 'latin1');
		return Buffer.concat([Buffer.from([0, ...integer(n.length, 7)]), n, Buffer.from(integer(v.length, 7)), v]);
	}));
}

export function frame(type, flags, stream, payload = Buffer.alloc(0)) {
	const head = Buffer.alloc(9);
	head.writeUIntBE(payload.length, 0, 3);
	head.writeUInt8(type, 3);
	head.writeUInt8(flags, 4);
	head.writeUInt32BE(stream, 5);
	return Buffer.concat([head, payload]);
}

export const get_headers = (g, path = '/v1/matters?limit=1', more = []) =>
	[[':method', 'GET'], [':scheme', 'https'], [':authority', `localhost:${g.public_port}`], [':path', path], ...more];

export class WireH2 {
	static async open(g, { settings = Buffer.alloc(0) } = {}) {
		const socket = await new Promise((resolve, reject) => {
			const s = tls.connect({ host: '127.0.0.1', port: g.public_port, servername: 'localhost', ca: g.ca, ALPNProtocols: ['h2'] });
			s.once('secureConnect', () => resolve(s));
			s.once('error', reject);
		});
		const wire = new WireH2(socket);
		wire.write(Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1'), frame(FRAME.SETTINGS, 0, 0, settings));
		return wire;
	}

	constructor(socket) {
		this.socket = socket;
		this.bytes = Buffer.alloc(0);
		this.frames = [];
		this.seen = []; // every frame, for counting
		this.is_over = false;
		this.wake = () => {};
		socket.on('data', (chunk) => this.read(chunk));
		for (const event of ['end', 'close', 'error']) socket.on(event, () => {
			this.is_over = true;
			this.wake();
		});
	}

	read(chunk) {
		this.bytes = Buffer.concat([this.bytes, chunk]);
		while (this.bytes.length >= 9) {
			const length = this.bytes.readUIntBE(0, 3);
			if (this.bytes.length < 9 + length) break;
			const one = { type: this.bytes[3], flags: this.bytes[4], stream: this.bytes.readUInt32BE(5) & 0x7fffffff, payload: Buffer.from(this.bytes.subarray(9, 9 + length)) };
			this.bytes = this.bytes.subarray(9 + length);
			if (one.type === FRAME.SETTINGS && !(one.flags & FLAG.ACK)) this.write(frame(FRAME.SETTINGS, FLAG.ACK, 0));
			this.frames.push(one);
			this.seen.push(one);
		}
		this.wake();
	}

	write(...pieces) {
		if (!this.is_over) this.socket.write(Buffer.concat(pieces));
		return this;
	}

	headers(stream, list, { end = true } = {}) {
		return this.write(frame(FRAME.HEADERS, FLAG.END_HEADERS | (end ? FLAG.END_STREAM : 0), stream, header_block(list)));
	}

	// The next frame that fits; those before it are passed over. null: the connection ended first.
	async next(fits) {
		for (;;) {
			while (this.frames.length > 0) {
				const one = this.frames.shift();
				if (fits(one)) return one;
			}
			if (this.is_over) return null;
			await within(20000, 'a frame from the gateway', new Promise((resolve) => { this.wake = resolve; }));
		}
	}

	reset_of(stream) {
		return this.next((f) => f.type === FRAME.RST_STREAM && f.stream === stream);
	}

	// The verdict on a stream: 'answered', or the code of its RST_STREAM, or 'goaway', or 'closed'.
	async verdict(stream) {
		const one = await this.next((f) => (f.stream === stream && (f.type === FRAME.HEADERS || f.type === FRAME.RST_STREAM)) || f.type === FRAME.GOAWAY);
		if (one === null) return 'closed';
		if (one.type === FRAME.GOAWAY) return 'goaway';
		return one.type === FRAME.HEADERS ? 'answered' : one.payload.readUInt32BE(0);
	}

	goaway() {
		return this.next((f) => f.type === FRAME.GOAWAY);
	}

	async end() {
		while (!this.is_over) await within(20000, 'the end of the connection', new Promise((resolve) => { this.wake = resolve; }));
	}

	close() {
		this.socket.destroy();
	}
}
