// Listeners, on loopback only. One port without TLS, where the first bytes say whether HTTP/1.1 or HTTP/2 is spoken (RFC 9113 3.3), one with TLS,
// where ALPN says it.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';

const LOOPBACK = '127.0.0.1';
const HEADERS_MAX = 1 << 16; // a thousand telephone numbers in a query
const H2_PREFACE = 'PRI';

export async function listen(server, port) {
	await new Promise((resolve, reject) => {
		server.once('error', reject);
		server.listen({ port, host: LOOPBACK, exclusive: true }, resolve);
	});
	server.on('error', () => {});
	return server.address().port;
}

export function plain_server(serve) {
	const h1 = http.createServer({ maxHeaderSize: HEADERS_MAX, keepAliveTimeout: 60000 }, serve);
	const h2 = http2.createServer({ settings: { maxHeaderListSize: HEADERS_MAX } }, serve);
	h2.on('sessionError', () => {});
	return net.createServer((socket) => {
		socket.on('error', () => {});
		peek(socket, H2_PREFACE.length, (first) => (first === H2_PREFACE ? h2 : h1).emit('connection', socket));
	});
}

// Looks at the first n bytes and leaves them where they are.
function peek(socket, n, then) {
	const look = () => {
		const bytes = socket.read(n);
		if (bytes === null) return socket.once('readable', look); // fewer so far
		socket.unshift(bytes);
		then(bytes.toString('latin1'));
	};
	socket.once('readable', look);
}

export function tls_server({ cert, key }, serve) {
	const server = http2.createSecureServer({ cert: readFileSync(cert), key: readFileSync(key), allowHTTP1: true, ALPNProtocols: ['h2', 'http/1.1'],
		maxHeaderSize: HEADERS_MAX, settings: { maxHeaderListSize: HEADERS_MAX } }, serve);
	server.on('sessionError', () => {});
	server.on('tlsClientError', () => {});
	return server;
}

export const control_server = (serve) => http.createServer(serve);
