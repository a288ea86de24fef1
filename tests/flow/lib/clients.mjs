// Ways to ask: HTTP/2 and HTTP/1.1 over TLS, plain HTTP on the admin port and the control socket, and curl.
// Every answer is {method, target, status, headers, text, json}; header names are lower case.
import { execFile } from 'node:child_process';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';

function finished(method, target, status, headers, chunks, extra) {
	const text = Buffer.concat(chunks).toString('utf8');
	const plain = Object.fromEntries(Object.entries(headers).filter(([name]) => typeof name === 'string' && !name.startsWith(':')));
	let json;
	try {
		json = text === '' ? undefined : JSON.parse(text);
	} catch {
		json = undefined;
	}
	return Object.defineProperty({ method, target, status, headers: plain, text, json, ...extra }, 'bytes', { value: Buffer.concat(chunks) });
}

const defined = (headers) => Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
const body_bytes = (body) => (body === undefined ? undefined : Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));

// One HTTP/2 connection. request() may be called many times at once.
export class H2 {
	constructor(gateway, session = http2.connect(`https://localhost:${gateway.public_port}`, { ca: gateway.ca, host: '127.0.0.1', servername: 'localhost' })) {
		this.session = session;
		this.error = null;
		this.goaway = new Promise((resolve) => this.session.once('goaway', (code) => resolve(code)));
		this.closed = new Promise((resolve) => this.session.once('close', resolve));
		this.session.on('error', (e) => { this.error = e; });
	}

	// An opened stream with its answer to come: what a test needs that sends its body in pieces.
	open(method, target, headers = {}, options = {}) {
		const stream = this.session.request({ ':method': method, ':path': target, ...headers }, options);
		const chunks = [];
		let head, trailers;
		stream.answer = new Promise((resolve, reject) => {
			stream.on('response', (h) => { head = h; });
			stream.on('trailers', (t) => { trailers = t; });
			stream.on('data', (chunk) => chunks.push(chunk));
			stream.on('end', () => { if (head) resolve(finished(method, target, head[':status'], head, chunks, { proto: 'h2', trailers })); });
			stream.on('error', reject);
			stream.on('close', () => reject(Object.assign(new Error(`stream closed with ${stream.rstCode}`), { rstCode: stream.rstCode })));
		});
		stream.answer.catch(() => {});
		return stream;
	}

	request(method, target, { headers = {}, body } = {}) {
		const bytes = body_bytes(body);
		const stream = this.open(method, target, defined(bytes === undefined ? headers : { 'content-length': bytes.length, ...headers }), { endStream: bytes === undefined });
		if (bytes !== undefined) stream.end(bytes);
		return stream.answer;
	}

	close() {
		this.session.close();
	}
}

// announce: says how long the body would be, sends none of it, and takes the answer that comes all the same.
export function one_shot(module, options, method, target, { headers = {}, body, announce } = {}) {
	const bytes = body_bytes(body);
	return new Promise((resolve, reject) => {
		const request = module.request({ ...options, method, path: target, headers: defined({ ...(bytes ? { 'content-length': bytes.length } : {}), ...headers }) }, (response) => {
			const chunks = [];
			response.on('data', (chunk) => chunks.push(chunk));
			response.on('end', () => resolve(finished(method, target, response.statusCode, response.headers, chunks, { proto: 'h1' })));
			response.on('error', reject);
		});
		request.on('error', reject);
		if (announce === undefined) return request.end(bytes);
		request.setHeader('content-length', announce);
		request.flushHeaders();
		request.on('response', (response) => response.on('end', () => request.destroy()));
	});
}

export function h1_request(gateway, method, target, options) {
	const where = { host: '127.0.0.1', port: gateway.public_port, servername: 'localhost', ca: gateway.ca, ALPNProtocols: ['http/1.1'], agent: false };
	return one_shot(https, where, method, target, { ...options, headers: { host: `localhost:${gateway.public_port}`, ...options?.headers } });
}

export function admin_request(gateway, method, target, options) {
	return one_shot(http, { host: '127.0.0.1', port: gateway.admin_port, agent: false }, method, target, options);
}

export function control_request(gateway, method, target, options) {
	return one_shot(http, { socketPath: gateway.control_socket, agent: false }, method, target, options);
}

// curl is what people copy from the documentation.
export function curl(gateway, target, ...more) {
	const mark = '\n%{http_code} %{http_version}';
	const words = ['-sS', '--max-time', '20', '--cacert', gateway.ca_file, '-w', mark, ...more, `https://localhost:${gateway.public_port}${target}`];
	return new Promise((resolve, reject) => {
		execFile('curl', words, { maxBuffer: 16 << 20 }, (error, stdout, stderr) => {
			if (error) return reject(new Error(`curl: ${stderr}`));
			const cut = stdout.lastIndexOf('\n');
			const [status, version] = stdout.slice(cut + 1).split(' ');
			resolve({ status: Number(status), version, text: stdout.slice(0, cut) });
		});
	});
}
