// Clients that stay: server-sent events over HTTP/2 and HTTP/1.1, WebSockets over HTTP/1.1 (the package ws) and over HTTP/2 (RFC 8441, node's http2).
// Each keeps the events it was given, in order: {id, event, data}.
import http2 from 'node:http2';
import { WebSocket } from 'ws';
import { until } from './until.mjs';

class Heard {
	constructor() {
		this.events = [];
		this.comments = 0;
		this.retries = [];
		this.is_over = false;
	}

	// Waits until an event is there for which the condition holds, and returns it.
	event(what, condition) {
		return until(what, () => this.events.find(condition));
	}

	get ids() {
		return this.events.map((e) => e.id);
	}
}

export class Sse extends Heard {
	// options: token, after, last_event_id, lang, session (an open http2 session); paused: reads nothing until resume()
	static async open(g, { token, after, last_event_id, lang, session, paused = false } = {}) {
		const s = new Sse();
		s.own = session === undefined;
		s.session = session ?? http2.connect(`https://localhost:${g.public_port}`, { ca: g.ca, host: '127.0.0.1', servername: 'localhost' });
		s.session.on('error', () => {});
		s.stream = s.session.request({ ':path': `/v1/stream${after === undefined ? '' : `?after=${after}`}`,
			...(token ? { authorization: `Bearer ${token}` } : {}), ...(last_event_id === undefined ? {} : { 'last-event-id': String(last_event_id) }),
			...(lang ? { 'accept-language': lang } : {}) });
		s.stream.on('error', (e) => { s.error = e; });
		s.stream.on('close', () => { s.is_over = true; });
		s.stream.on('end', () => { s.ended_cleanly = true; });
		s.headers = await new Promise((resolve, reject) => {
			s.stream.once('response', resolve);
			s.stream.once('close', () => reject(s.error ?? new Error('closed before the answer')));
		});
		s.status = s.headers[':status'];
		s.text = '';
		if (!paused) s.resume();
		return s;
	}

	resume() {
		this.stream.on('data', (chunk) => this.take(chunk.toString('utf8')));
	}

	take(text) {
		this.text += text;
		for (let at; (at = this.text.indexOf('\n\n')) >= 0;) {
			const block = this.text.slice(0, at).split('\n');
			this.text = this.text.slice(at + 2);
			if (block.some((line) => line.startsWith(':'))) this.comments++;
			const field = (name) => block.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
			if (field('retry')) this.retries.push(Number(field('retry')));
			if (field('event')) this.events.push({ id: field('id') === undefined ? undefined : Number(field('id')), event: field('event'), data: JSON.parse(field('data')) });
		}
	}

	close() {
		this.stream.close(http2.constants.NGHTTP2_CANCEL);
		if (this.own) this.session.destroy();
	}
}

function take_message(heard, text) {
	const m = JSON.parse(text);
	if (m.event === undefined) heard.replies.push(m);
	else heard.events.push(m);
}

export class Ws extends Heard {
	// in_protocol: the token goes as a subprotocol, as a browser must
	static async open(g, { token, after, in_protocol = false, headers = {}, lang } = {}) {
		const w = new Ws();
		w.replies = [];
		const protocols = in_protocol ? ['siban.v1', `bearer.${token}`] : [];
		w.socket = new WebSocket(`wss://localhost:${g.public_port}/v1/ws${after === undefined ? '' : `?after=${after}`}`, protocols, {
			ca: g.ca, host: '127.0.0.1', servername: 'localhost', perMessageDeflate: true,
			headers: { ...(token && !in_protocol ? { authorization: `Bearer ${token}` } : {}), ...(lang ? { 'accept-language': lang } : {}), ...headers } });
		w.socket.on('message', (data) => take_message(w, data.toString('utf8')));
		w.closed = new Promise((resolve) => w.socket.on('close', (code, reason) => {
			w.is_over = true;
			resolve({ code, reason: reason.toString() });
		}));
		w.socket.on('ping', () => { w.comments++; });
		w.status = await new Promise((resolve, reject) => {
			w.socket.once('open', () => resolve(101));
			w.socket.once('unexpected-response', (request, response) => {
				resolve(response.statusCode);
				request.destroy();
			});
			w.socket.once('error', reject);
		});
		w.socket.on('error', (e) => { w.error = e; });
		return w;
	}

	say(message) {
		this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
	}

	reply(what, condition) {
		return until(what, () => this.replies.find(condition));
	}

	close() {
		this.socket.terminate();
	}
}

// Frames by hand, over any duplex stream: what a library would not send.
export class Frames extends Heard {
	constructor(stream) {
		super();
		this.replies = [];
		this.stream = stream;
		this.bytes = Buffer.alloc(0);
		this.close_code = null;
		this.controls = [];
		stream.on('data', (chunk) => {
			this.bytes = Buffer.concat([this.bytes, chunk]);
			this.read();
		});
		for (const event of ['end', 'close', 'error']) stream.on(event, () => { this.is_over = true; });
	}

	read() {
		for (;;) {
			if (this.bytes.length < 2) return;
			let length = this.bytes[1] & 0x7f, at = 2;
			if (length === 126) [length, at] = [this.bytes.length < 4 ? Infinity : this.bytes.readUInt16BE(2), 4];
			if (length === 127) [length, at] = [this.bytes.length < 10 ? Infinity : Number(this.bytes.readBigUInt64BE(2)), 10];
			if (this.bytes.length < at + length) return;
			const opcode = this.bytes[0] & 15, payload = this.bytes.subarray(at, at + length);
			this.bytes = this.bytes.subarray(at + length);
			if (opcode === 8) this.close_code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
			else if (opcode === 1) take_message(this, payload.toString('utf8'));
			else this.controls.push({ opcode, payload: Buffer.from(payload) });
		}
	}

	// fin, opcode, payload; mask false: as a client must not; length: another than the payload's
	frame({ fin = true, opcode = 1, payload = '', mask = true, rsv = 0, length }) {
		const body = Buffer.from(payload), claimed = length ?? body.length, key = Buffer.from([1, 2, 3, 4]);
		const head = claimed < 126 ? Buffer.from([0, claimed]) : claimed < 65536 ? Buffer.from([0, 126, claimed >> 8, claimed & 255]) : Buffer.alloc(10);
		if (claimed >= 65536) {
			head[1] = 127;
			head.writeBigUInt64BE(BigInt(claimed), 2);
		}
		head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
		if (mask) {
			head[1] |= 0x80;
			for (let i = 0; i < body.length; i++) body[i] ^= key[i % 4];
		}
		this.stream.write(Buffer.concat([head, ...(mask ? [key] : []), body]));
		return this;
	}

	say(message) {
		return this.frame({ payload: JSON.stringify(message) });
	}

	closed_with(code) {
		return until(`the close frame ${code}`, () => {
			if (this.close_code !== null && this.close_code !== code) throw new Error(`closed with ${this.close_code}, not ${code}`);
			return this.close_code === code;
		});
	}
}

// RFC 8441: a WebSocket as one stream of an HTTP/2 connection.
export async function ws_over_h2(g, { token, after, session, headers = {} } = {}) {
	const s = session ?? http2.connect(`https://localhost:${g.public_port}`, { ca: g.ca, host: '127.0.0.1', servername: 'localhost' });
	s.on('error', () => {});
	if (s.remoteSettings?.enableConnectProtocol === undefined) await new Promise((resolve) => s.once('remoteSettings', resolve));
	const stream = s.request({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': `/v1/ws${after === undefined ? '' : `?after=${after}`}`,
		'sec-websocket-version': '13', ...(token ? { authorization: `Bearer ${token}` } : {}), ...headers }, { endStream: false });
	stream.on('error', () => {});
	const head = await new Promise((resolve, reject) => {
		stream.once('response', resolve);
		stream.once('close', () => reject(new Error('closed before the answer')));
	});
	const f = new Frames(stream);
	f.session = s;
	f.status = head[':status'];
	f.headers = head;
	f.close = () => (session ? stream.close(http2.constants.NGHTTP2_CANCEL) : s.destroy());
	return f;
}
