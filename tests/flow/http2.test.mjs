// Goal: HTTP/2 as strict as it must be: what could smuggle is refused, what an attacker would repeat without end is ended, and the
// neighbours on other connections do not notice.
import assert from 'node:assert/strict';
import test from 'node:test';
import { world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { until } from './lib/until.mjs';
import { ERROR, FLAG, FRAME, WireH2, frame, get_headers, header_block } from './lib/wire_h2.mjs';

const g = await gateway({ settings: { 'limit.streams': 20 } });
const w = await world(g);

async function connected(use, options) {
	const wire = await WireH2.open(g, options);
	try {
		return await use(wire);
	} finally {
		wire.close();
	}
}
const with_header = (...more) => get_headers(g, '/v1/regions/621202', more);
const without = (name) => with_header().filter(([n]) => n !== name);
const changed = (name, value) => with_header().map(([n, v]) => (n === name ? [n, value] : [n, v]));

test('the plain request is answered', () => connected(async (wire) => {
	assert.equal(await wire.headers(1, with_header()).verdict(1), 'answered');
}));

test('the settings say our limits', () => connected(async (wire) => {
	const settings = await wire.next((f) => f.type === FRAME.SETTINGS && !(f.flags & FLAG.ACK));
	const values = new Map();
	for (let at = 0; at < settings.payload.length; at += 6) values.set(settings.payload.readUInt16BE(at), settings.payload.readUInt32BE(at + 2));
	assert.equal(values.get(3), 20, 'MAX_CONCURRENT_STREAMS');
	assert.equal(values.get(6), 16384, 'MAX_HEADER_LIST_SIZE');
}));

// A stream error or a 400: in no case another answer.
const malformed = {
	'upper case name': with_header(['X-Upper', '1']), 'connection header': with_header(['connection', 'keep-alive']),
	'transfer-encoding': with_header(['transfer-encoding', 'chunked']), 'upgrade': with_header(['upgrade', 'h2c']), 'te other than trailers': with_header(['te', 'gzip']),
	'CR LF in a value': with_header(['x-a', 'a\r\nhost: evil']), 'NUL in a value': with_header(['x-a', 'a\0b']), 'empty name': with_header(['', 'x']),
	'space in a name': with_header(['x a', '1']), 'no :path': without(':path'), 'no :method': without(':method'), 'no :scheme': without(':scheme'),
	'no :authority and no host': without(':authority'), 'two :paths': [...get_headers(g), [':path', '/']], 'unknown pseudo header': [[':evil', '1'], ...with_header()],
	'pseudo header after a plain one': [['x-a', '1'], ...with_header()], 'empty :path': changed(':path', ''), ':path without a slash': changed(':path', 'v1/regions'),
	'absolute :path': changed(':path', 'https://localhost/v1/regions'), 'space in :path': changed(':path', '/v1/regions HTTP/1.1'), 'fragment in :path': changed(':path', '/v1/regions#a'),
	'dot segments': changed(':path', '/v1/../v1/regions'), 'NUL in :path': changed(':path', '/v1/regions/%00'), 'host that is not :authority': with_header(['host', 'elsewhere']),
	'userinfo in :authority': changed(':authority', 'me@localhost'), 'content-length without a body': with_header(['content-length', '5']), 'two content-lengths': with_header(['content-length', '0'], ['content-length', '1']),
};
for (const [what, list] of Object.entries(malformed))
	test(`refused: ${what}`, () => connected(async (wire) => {
		wire.headers(1, list);
		const one = await wire.next((f) => (f.stream === 1 && (f.type === FRAME.HEADERS || f.type === FRAME.RST_STREAM)) || f.type === FRAME.GOAWAY);
		if (one === null || one.type !== FRAME.HEADERS) return; // reset, or the connection ended
		const data = await wire.next((f) => f.stream === 1 && f.type === FRAME.DATA);
		assert.equal(JSON.parse(data.payload).status, 400, data.payload.toString());
	}));

test('a content-length that is not kept resets the stream or is a 400', () => connected(async (wire) => {
	const list = [[':method', 'POST'], [':scheme', 'https'], [':authority', 'localhost'], [':path', '/v1/case-lookups'], ['content-type', 'application/json'], ['content-length', '3']];
	wire.headers(1, list, { end: false }).write(frame(FRAME.DATA, FLAG.END_STREAM, 1, Buffer.from('{"a":1}')));
	assert.equal(await wire.verdict(1), ERROR.PROTOCOL_ERROR);
}));

test('a header section past the limit: 431, a reset, or the end; the fields too', async () => {
	const large = with_header(...Array.from({ length: 14 }, (_, i) => [`x-${i}`, 'a'.repeat(1300)]));
	const many = with_header(...Array.from({ length: 150 }, (_, i) => [`x-${i}`, '1']));
	for (const list of [large, many])
		await connected(async (wire) => {
			wire.headers(1, list);
			const one = await wire.next((f) => (f.stream === 1 && (f.type === FRAME.HEADERS || f.type === FRAME.RST_STREAM)) || f.type === FRAME.GOAWAY);
			if (one === null || one.type !== FRAME.HEADERS) return;
			const data = await wire.next((f) => f.stream === 1 && f.type === FRAME.DATA);
			assert.equal(JSON.parse(data.payload).status, 431);
		});
});

test('streams over the limit are refused and those within go on', () => connected(async (wire) => {
	const post = [[':method', 'POST'], [':scheme', 'https'], [':authority', 'localhost'], [':path', '/v1/case-lookups'], ['content-type', 'application/json']];
	for (let i = 0; i < 21; i++) wire.headers(1 + 2 * i, post, { end: false });
	const verdict = await wire.verdict(41);
	assert.ok(verdict === ERROR.REFUSED_STREAM || verdict === ERROR.PROTOCOL_ERROR, String(verdict));
	wire.write(frame(FRAME.DATA, FLAG.END_STREAM, 1, Buffer.from('{"case_no":"LN1","id_last4":"0000"}')));
	assert.equal(await wire.verdict(1), 'answered');
}));

test('a hundred requests at once on one connection are all answered', async () => {
	const answers = await Promise.all(Array.from({ length: 100 }, () => g.get('/v1/matters?limit=1')));
	assert.ok(answers.every((a) => a.status === 200));
});

const bytes8 = Buffer.alloc(8), word = (n) => { const b = Buffer.alloc(4); b.writeUInt32BE(n); return b; };
const open_post = (wire, stream) => wire.headers(stream, [[':method', 'POST'], [':scheme', 'https'], [':authority', 'localhost'], [':path', '/v1/case-lookups'], ['content-type', 'application/json']], { end: false });

// Floods: each goes on until the gateway ends the connection, and it must do so before `most` frames.
const floods = {
	'PING': { most: 20000, piece: () => frame(FRAME.PING, 0, 0, bytes8) },
	'SETTINGS': { most: 20000, piece: () => frame(FRAME.SETTINGS, 0, 0, Buffer.from([0, 4, 0, 0, 0xff, 0xff])) },
	'empty DATA': { most: 20000, open: 1, piece: () => frame(FRAME.DATA, 0, 1) },
	'PRIORITY': { most: 20000, piece: (i) => frame(FRAME.PRIORITY, 0, 1 + 2 * (i % 1000), Buffer.from([0, 0, 0, 0, 15])) },
	'WINDOW_UPDATE': { most: 20000, open: 1, piece: () => frame(FRAME.WINDOW_UPDATE, 0, 1, word(1)) },
	'unknown frames': { most: 20000, piece: () => frame(0xbb, 0, 0, bytes8) },
	'rapid reset': { most: 10000, piece: (i) => Buffer.concat([frame(FRAME.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, 1 + 2 * i, header_block(get_headers(g))), frame(FRAME.RST_STREAM, 0, 1 + 2 * i, word(8))]) },
	'streams that reset themselves': { most: 10000, piece: (i) => Buffer.concat([frame(FRAME.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, 1 + 2 * i, header_block(get_headers(g))), frame(FRAME.WINDOW_UPDATE, 0, 1 + 2 * i, word(0))]) },
};
for (const [what, flood] of Object.entries(floods))
	test(`ended: a flood of ${what}`, () => connected(async (wire) => {
		if (flood.open) open_post(wire, flood.open);
		let sent = 0;
		while (!wire.is_over && sent < flood.most && !wire.seen.some((f) => f.type === FRAME.GOAWAY)) {
			const pieces = Array.from({ length: 50 }, (_, i) => flood.piece(sent + i));
			sent += 50;
			// What the socket cannot take at once is waited for, so that the answer to it can come.
			if (!wire.socket.destroyed && !wire.socket.write(Buffer.concat(pieces))) await Promise.race([new Promise((r) => wire.socket.once('drain', r)), new Promise((r) => wire.socket.once('close', r))]);
			await new Promise((resolve) => setImmediate(resolve));
		}
		// What was sent last may not have been read yet.
		await until(`the gateway ends it, having been sent ${sent}`, () => wire.is_over || wire.seen.some((f) => f.type === FRAME.GOAWAY), 5000);
		assert.equal((await g.get('/v1/regions/621202')).status, 200, 'the neighbours are served');
	}));

test('a header block that goes on without end is ended', () => connected(async (wire) => {
	wire.write(frame(FRAME.HEADERS, FLAG.END_STREAM, 1, header_block(with_header())));
	for (let i = 0; i < 100 && !wire.is_over; i++) wire.write(frame(FRAME.CONTINUATION, 0, 1, header_block([[`x-${i}`, 'a'.repeat(900)]])));
	await wire.end();
}));

test('not HTTP/2 at all: closed', () => connected(async (wire) => {
	wire.write(Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(20)));
	await wire.end();
}));

test('a client that goes away in the middle leaves nothing behind', async () => {
	for (let i = 0; i < 30; i++) {
		const wire = await WireH2.open(g);
		open_post(wire, 1);
		wire.headers(3, get_headers(g));
		wire.close();
	}
	assert.equal((await g.get('/v1/cases', { token: w.citizen })).status, 200);
});
