// Goal: a WebSocket begins only by a handshake that has one reading, from a page that may and a person who is known; then only RFC 6455 and our own
// few words are spoken over it, and whatever else is said ends it with its code and harms nobody.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';
import { Case, assert_problem, id_number, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { Frames, Ws, ws_over_h2 } from './lib/live.mjs';
import { until } from './lib/until.mjs';
import { WireH1 } from './lib/wire_h1.mjs';

const PAGE = 'https://fw.longnan.example', MINI = 'https://servicewechat.com/wx0123456789abcdef';
const g = await gateway({ settings: { 'stream.per_person': 3, 'rate.read': 0, 'ws.origins': `${PAGE}, ${MINI}` } });
const w = await world(g);
let people = 2000;
const somebody = async () => {
	const person = id_number(people++);
	return { person, token: await g.citizen(person) };
};
const key = () => randomBytes(16).toString('base64');

// The head of a handshake; a field set to null is left out, an array is sent several times.
function head(token, more = {}, target = '/v1/ws') {
	const fields = { host: `localhost:${g.public_port}`, authorization: `Bearer ${token}`, connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13',
		'sec-websocket-key': key(), ...more };
	return `GET ${target} HTTP/1.1\r\n${Object.entries(fields).flatMap(([name, value]) => (value === null ? [] : [value].flat().map((v) => `${name}: ${v}\r\n`))).join('')}\r\n`;
}

// Sends a handshake byte by byte and gives the answer; on 101 the frames.
async function knock(token, more, { target, after_head = '' } = {}) {
	const wire = await WireH1.open(g);
	wire.send(head(token, more, target), after_head);
	const answer = await wire.answer();
	if (answer.status !== 101) return { wire, ...answer };
	wire.socket.removeAllListeners('data');
	const frames = new Frames(wire.socket);
	frames.bytes = wire.bytes;
	frames.read();
	return { wire, frames, ...answer };
}

test('the handshake of RFC 6455 is answered with its accept', async () => {
	const { token } = await somebody();
	const { status, headers, wire } = await knock(token, { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' });
	assert.equal(status, 101);
	assert.equal(headers['sec-websocket-accept'], 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
	assert.equal(headers.upgrade, 'websocket');
	assert.equal(headers['sec-websocket-protocol'], undefined);
	assert.equal(headers['sec-websocket-extensions'], undefined);
	wire.close();
});

test('a browser’s token comes as a subprotocol and is never said back', async () => {
	const { token } = await somebody(), ws = await Ws.open(g, { token, in_protocol: true });
	assert.equal(ws.status, 101);
	assert.equal(ws.socket.protocol, 'siban.v1');
	assert.equal(ws.socket.extensions, '', 'no permessage-deflate');
	ws.close();
	assert.ok(!g.log().includes(token));
});

test('handshakes with another reading are refused, and the connection with them', async () => {
	const { token } = await somebody();
	const rows = [
		['another version', { 'sec-websocket-version': '8' }, 426, 'upgrade_required'],
		['no version', { 'sec-websocket-version': null }, 426, 'upgrade_required'],
		['two versions', { 'sec-websocket-version': ['13', '13'] }, 426, 'upgrade_required'],
		['no key', { 'sec-websocket-key': null }, 400, 'bad_request'],
		['two keys', { 'sec-websocket-key': [key(), key()] }, 400, 'bad_request'],
		['a short key', { 'sec-websocket-key': 'c2hvcnQ=' }, 400, 'bad_request'],
		['a key that is no base64', { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZ!==' }, 400, 'bad_request'],
		['a key with loose bits', { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZR==' }, 400, 'bad_request'],
		['two upgrades', { upgrade: 'websocket, websocket' }, 400, 'bad_request'],
		['another upgrade beside it', { upgrade: ['h2c', 'websocket'] }, 400, 'bad_request'],
		['a body', { 'content-length': '5' }, 400, 'bad_request'],
		['a chunked body', { 'transfer-encoding': 'chunked' }, 400, 'bad_request'],
		['a foreign page', { origin: 'https://evil.example' }, 403, 'origin_not_allowed'],
		['no page', { origin: 'null' }, 403, 'origin_not_allowed'],
		['a page whose name begins like ours', { origin: `${PAGE}.evil.example` }, 403, 'origin_not_allowed'],
		['our page without TLS', { origin: PAGE.replace('https', 'http') }, 403, 'origin_not_allowed'],
		['two pages', { origin: [PAGE, PAGE] }, 403, 'origin_not_allowed'],
		['a foreign mini-program', { referer: 'https://servicewechat.com/wxffffffffffffffff/1/page-frame.html' }, 403, 'origin_not_allowed'],
		['a mini-program whose id begins like ours', { referer: `${MINI}0/1/page-frame.html` }, 403, 'origin_not_allowed'],
		['a subprotocol of another', { 'sec-websocket-protocol': 'graphql-ws' }, 400, 'bad_request'],
		['two tokens', { 'sec-websocket-protocol': `siban.v1, bearer.${token}` }, 400, 'bad_request'],
		['no token', { authorization: null }, 401, 'login_required'],
		['a bad token in the subprotocol', { authorization: null, 'sec-websocket-protocol': `siban.v1, bearer.sbc_${'x'.repeat(43)}` }, 401, 'invalid_token'],
		['a token in the address', { authorization: null }, 401, 'login_required', `/v1/ws?token=${token}`],
	];
	for (const [name, fields, status, code, target] of rows) {
		const answer = await knock(token, fields, { target, after_head: 'GET /v1/regions HTTP/1.1\r\nhost: localhost\r\n\r\n' });
		assert.equal(answer.status, status, `${name}: ${answer.text}`);
		assert.equal(answer.json.code, code, name);
		assert.match(answer.headers.connection, /close/, name);
		if (status === 426) assert.equal(answer.headers['sec-websocket-version'], '13');
		assert.equal(await answer.wire.end(), '', `${name}: what came behind it is not read as a request`);
	}
	assert_problem(await g.get('/v1/ws', { token }), 426, 'upgrade_required');
});

test('pages that may', async () => {
	const { token } = await somebody();
	for (const fields of [{ origin: PAGE }, { origin: `https://localhost:${g.public_port}` }, { referer: `${MINI}/12/page-frame.html` },
		{ referer: `${MINI}/devtools/page-frame.html`, origin: 'https://servicewechat.com' }, { connection: 'keep-alive, Upgrade' }, { upgrade: 'WebSocket' }]) {
		const { status, wire, text } = await knock(token, fields);
		assert.equal(status, 101, `${JSON.stringify(fields)} ${text}`);
		wire.close();
	}
});

test('elsewhere an Upgrade is not taken up, and an extended CONNECT refused', async () => {
	const { wire, status } = await knock((await somebody()).token, {}, { target: '/v1/regions' });
	assert.equal(status, 200);
	wire.close();
	const f = await ws_over_h2(g, { token: w.citizen });
	for (const [path, protocol, expected] of [['/v1/regions', 'websocket', 405], ['/v1/ws', 'connect-ip', 405], ['/v1/nothing', 'websocket', 404]]) {
		const stream = f.session.request({ ':method': 'CONNECT', ':protocol': protocol, ':path': path, 'sec-websocket-version': '13', authorization: `Bearer ${w.citizen}` });
		assert.equal(await new Promise((resolve) => stream.once('response', (h) => resolve(h[':status']))), expected);
		stream.close();
	}
	f.close();
});

test('frames that come right behind the handshake are heard', async () => {
	const { token } = await somebody();
	const sent = [];
	new Frames({ on() {}, write: (bytes) => sent.push(bytes) }).say({ type: 'ping' });
	const { frames, wire } = await knock(token, {}, { after_head: Buffer.concat(sent).toString('latin1') });
	await until('the pong', () => frames.replies.some((r) => r.type === 'pong'));
	wire.close();
});

test('what must not come right behind the handshake ends it', async () => {
	const { token } = await somebody(), { status, frames, wire } = await knock(token, {}, { after_head: head(token) });
	assert.equal(status, 101);
	await frames.closed_with(1002);
	wire.close();
});

test('a second handshake inside the tunnel is no request', async () => {
	const { token } = await somebody(), { frames, wire } = await knock(token);
	wire.send(head(token));
	await until('the end', () => frames.is_over);
	assert.equal(frames.close_code, 1002);
});

for (const over of ['HTTP/1.1', 'HTTP/2']) {
	test(`what RFC 6455 forbids ends it, over ${over}`, async () => {
		const open = async () => {
			const { token } = await somebody();
			return over === 'HTTP/2' ? ws_over_h2(g, { token }) : Object.assign((await knock(token)).frames, { close() { this.stream.destroy(); } });
		};
		const rows = [
			['an unmasked frame', 1002, (f) => f.frame({ payload: '{"type":"ping"}', mask: false })],
			['reserved bits', 1002, (f) => f.frame({ payload: 'x', rsv: 4 })],
			['an unknown opcode', 1002, (f) => f.frame({ opcode: 3, payload: 'x' })],
			['a fragmented control frame', 1002, (f) => f.frame({ opcode: 9, fin: false, payload: 'x' })],
			['a long control frame', 1002, (f) => f.frame({ opcode: 9, payload: 'x'.repeat(126) })],
			['a continuation of nothing', 1002, (f) => f.frame({ opcode: 0, payload: 'x' })],
			['bad UTF-8', 1007, (f) => f.frame({ payload: Buffer.from([0x22, 0xc3, 0x28, 0x22]) })],
			['a binary frame', 1003, (f) => f.frame({ opcode: 2, payload: 'x' })],
			['a message that is too long', 1009, (f) => f.frame({ payload: 'x'.repeat(5000) })],
			['fragments that are too long together', 1009, (f) => {
				f.frame({ fin: false, payload: 'x'.repeat(3000) });
				f.frame({ opcode: 0, payload: 'x'.repeat(3000) });
			}],
			['too many messages', 1008, (f) => {
				for (let i = 0; i < 100; i++) f.say({ type: 'ack', id: i });
			}],
		];
		for (const [name, code, act] of rows) {
			const f = await open();
			act(f);
			await f.closed_with(code).catch((e) => assert.fail(`${name}: ${e.message}`));
			f.close();
		}
		const f = await open();
		f.frame({ payload: '', length: 2 ** 40 });
		f.frame({ payload: 'x'.repeat(8000) });
		await until('an end to a frame of a terabyte', () => f.is_over || f.close_code !== null);
		f.close();
	});
}

test('our own few words, and an error for all others', async () => {
	const { person, token } = await somebody(), ws = await Ws.open(g, { token });
	const c = await new Case(g, w, { person }).live('received');
	await ws.event('the move', (e) => e.id === 1);
	for (const word of [{ type: 'ack', id: 1 }, { type: 'ping' }]) ws.say(word);
	await ws.reply('the pong', (r) => r.type === 'pong');
	assert.equal(ws.replies.length, 1);
	ws.say({ type: 'resume', after: 0 });
	await until('the same again', () => ws.events.length === 2);
	assert.deepEqual(ws.events[1], ws.events[0]);
	for (const wrong of ['', 'hello', '[]', '{}', '{"type":"shout"}', '{"type":"resume"}', '{"type":"ack"}', '{"type":"resume","after":-1}', `{"type":"ping"${' '.repeat(3000)}`])
		ws.say(wrong);
	await until('every error', () => ws.replies.filter((r) => r.type === 'error' && r.code === 'bad_message').length === 9);
	await c.send('accepted');
	await ws.event('it goes on', (e) => e.id === 3);
	ws.say({ type: 'resume', after: 1000 });
	assert.equal((await ws.event('the reset', (e) => e.event === 'reset')).id, 3);
	ws.close();
});

test('a person has so many live streams, and a seat that is left is free', async () => {
	const { token } = await somebody(), open = [await Ws.open(g, { token }), await ws_over_h2(g, { token }), await Ws.open(g, { token })];
	assert.equal((await knock(token)).status, 429);
	const refused = await ws_over_h2(g, { token });
	assert.equal(refused.status, 429);
	refused.close();
	assert_problem(await g.get('/v1/stream', { token }), 429, 'too_many_streams');
	const stranger = await Ws.open(g, { token: (await somebody()).token });
	assert.equal(stranger.status, 101);
	stranger.close();
	open[1].close();
	const again = await until('a seat', async () => {
		const f = await ws_over_h2(g, { token });
		if (f.status === 200) return f;
		f.close();
		return null;
	});
	for (const one of [open[0], open[2], again]) one.close();
});

test('an orderly goodbye is answered', async () => {
	const { token } = await somebody(), ws = await Ws.open(g, { token });
	ws.socket.close(1000, 'enough');
	assert.equal((await ws.closed).code, 1000);
	const f = await ws_over_h2(g, { token });
	f.frame({ opcode: 8, payload: Buffer.from([3, 232]) });
	await f.closed_with(1000);
	await until('the stream’s end', () => f.is_over);
	f.close();
});

test('connections that are open when the gateway stops do not trouble it', async () => {
	const { token } = await somebody();
	await Ws.open(g, { token });
	await ws_over_h2(g, { token });
	const { frames } = await knock(token);
	await g.stop();
	assert.equal(frames.close_code, 1001);
});
