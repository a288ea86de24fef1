// Goal: HTTP/1.1 as strict as it must be where a balancer may stand in front: what two parsers could read differently is refused with 400
// and the connection ends, so that no byte of it can be taken for another request. And what is allowed works: pipelining, chunks, 100.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Case, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { WireH1 } from './lib/wire_h1.mjs';

const g = await gateway({ settings: { 'timeout.header': 700, 'timeout.body': 900, 'timeout.idle': 1500 } });
const w = await world(g);
const GET = (target = '/v1/regions/621202') => `GET ${target} HTTP/1.1\r\nHost: localhost\r\n`;
const POST = '/v1/case-lookups', JSON_TYPE = 'Content-Type: application/json\r\n';
const body = '{"case_no":"LN1","id_last4":"0000"}';

async function connected(use) {
	const wire = await WireH1.open(g);
	try {
		return await use(wire);
	} finally {
		wire.close();
	}
}

// Each must be refused; the request smuggled behind it must never be answered.
const smuggled = 'GET /v1/regions/620000 HTTP/1.1\r\nHost: localhost\r\n\r\n';
const refused = {
	'Content-Length and Transfer-Encoding': `POST ${POST} HTTP/1.1\r\nHost: localhost\r\n${JSON_TYPE}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
	'two different Content-Lengths': `POST ${POST} HTTP/1.1\r\nHost: localhost\r\n${JSON_TYPE}Content-Length: 5\r\nContent-Length: 6\r\n\r\n{"a"}x`,
	'Content-Length as a list of two': `POST ${POST} HTTP/1.1\r\nHost: localhost\r\n${JSON_TYPE}Content-Length: 5, 6\r\n\r\n{"a"}x`,
	'Content-Length with a sign': `POST ${POST} HTTP/1.1\r\nHost: localhost\r\n${JSON_TYPE}Content-Length: +5\r\n\r\n{"a"}`,
	'Content-Length negative': `POST ${POST} HTTP/1.1\r\nHost: localhost\r\n${JSON_TYPE}Content-Length: -1\r\n\r\n`,
	'Content-Length hexadecimal': `POST ${POST} HTTP/1.1\r\nHost: localhost\r\n${JSON_TYPE}Content-Length: 0x5\r\n\r\n{"a"}`,
	'Content-Length past 64 bits': `POST ${POST} HTTP/1.1\r\nHost: localhost\r\n${JSON_TYPE}Content-Length: 18446744073709551621\r\n\r\n`,
	'Transfer-Encoding other than chunked': `POST ${POST} HTTP/1.1\r\nHost: localhost\r\n${JSON_TYPE}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
	'Transfer-Encoding misspelt': `POST ${POST} HTTP/1.1\r\nHost: localhost\r\n${JSON_TYPE}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
	'Transfer-Encoding twice': `POST ${POST} HTTP/1.1\r\nHost: localhost\r\n${JSON_TYPE}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`,
	'chunk size that is no number': `POST ${POST} HTTP/1.1\r\nHost: localhost\r\n${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n`,
	'chunk size past 64 bits': `POST ${POST} HTTP/1.1\r\nHost: localhost\r\n${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n10000000000000001\r\nx\r\n0\r\n\r\n`,
	'chunk without its CRLF': `POST ${POST} HTTP/1.1\r\nHost: localhost\r\n${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n1\r\nxx0\r\n\r\n`,
	'bare LF between lines': 'GET /v1/regions/621202 HTTP/1.1\nHost: localhost\n\n',
	'bare CR in a value': `${GET()}X-A: a\rb\r\n\r\n`,
	'NUL in a value': `${GET()}X-A: a\0b\r\n\r\n`,
	'space before the colon': `${GET()}X-A : a\r\n\r\n`,
	'folded line': `${GET()}X-A: a\r\n b\r\n\r\n`,
	'empty name': `${GET()}: a\r\n\r\n`,
	'name with a control character': `${GET()}X\x01A: a\r\n\r\n`,
	'no Host': 'GET /v1/regions/621202 HTTP/1.1\r\n\r\n',
	'two Hosts': `${GET()}Host: elsewhere\r\n\r\n`,
	'Host with userinfo': 'GET /v1/regions/621202 HTTP/1.1\r\nHost: me@localhost\r\n\r\n',
	'absolute target for another host': 'GET https://elsewhere/v1/regions/621202 HTTP/1.1\r\nHost: localhost\r\n\r\n',
	'target without a slash': 'GET v1/regions HTTP/1.1\r\nHost: localhost\r\n\r\n',
	'fragment in the target': `${GET('/v1/regions#x')}\r\n`,
	'two spaces in the request line': 'GET  /v1/regions/621202 HTTP/1.1\r\nHost: localhost\r\n\r\n',
	'no version': 'GET /v1/regions/621202\r\nHost: localhost\r\n\r\n',
	'version 2.0 in text': 'GET /v1/regions/621202 HTTP/2.0\r\nHost: localhost\r\n\r\n',
};
for (const [what, bytes] of Object.entries(refused))
	test(`refused: ${what}`, () => connected(async (wire) => {
		wire.send(bytes, smuggled);
		const said = await wire.end();
		assert.match(said, /^HTTP\/1\.1 (400|501|505) /, said.slice(0, 200));
		assert.equal(said.match(/HTTP\/1\.1 \d{3}/g).length, 1, 'one answer, not two');
		assert.ok(!said.includes('甘肃省'));
		assert.match(said, /connection: close/i);
	}));

test('Upgrade is not followed: the request is answered as it stands', () => connected(async (wire) => {
	wire.send(`${GET()}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n`);
	assert.equal((await wire.answer()).status, 200);
}));

test('pipelined requests are answered in their order, reads behind slower ones too', () => connected(async (wire) => {
	const c = await new Case(g, w).live('submitted');
	const targets = ['/v1/regions?limit=3', '/v1/regions/621202', `/v1/cases/${c.case_no}`, '/v1/matters?limit=2', '/nothing', '/v1/regions/620000'];
	wire.send(...targets.map((t) => `${GET(t)}Authorization: Bearer ${w.citizen}\r\n\r\n`));
	const answers = [];
	for (const _ of targets) answers.push(await wire.answer());
	assert.deepEqual(answers.map((a) => a.status), [200, 200, 200, 200, 404, 200]);
	assert.equal(answers[0].json.items.length, 3);
	assert.equal(answers[1].json.code, '621202');
	assert.equal(answers[2].json.case_no, c.case_no);
	assert.equal(answers[5].json.code, '620000');
}));

test('a POST with a body and a GET behind it in one segment', () => connected(async (wire) => {
	wire.send(`POST ${POST} HTTP/1.1\r\nHost: localhost\r\n${JSON_TYPE}Content-Length: ${body.length}\r\n\r\n${body}`, `${GET()}\r\n`);
	assert.equal((await wire.answer()).json.code, 'case_lookup_failed');
	assert.equal((await wire.answer()).json.code, '621202');
}));

test('a body in chunks, with extensions and trailers, cut anywhere', () => connected(async (wire) => {
	const head = `POST ${POST} HTTP/1.1\r\nHost: localhost\r\n${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n`;
	const chunks = `5;name=value\r\n${body.slice(0, 5)}\r\n${(body.length - 5).toString(16)}\r\n${body.slice(5)}\r\n0\r\nX-Trailer: 1\r\n\r\n`;
	for (const byte of head + chunks) wire.send(byte);
	assert.equal((await wire.answer()).json.code, 'case_lookup_failed');
	wire.send(`${GET()}\r\n`);
	assert.equal((await wire.answer()).status, 200);
}));

test('Expect: 100-continue is answered before the body, unless the head is refused already', () => connected(async (wire) => {
	const head = `POST ${POST} HTTP/1.1\r\nHost: localhost\r\n${JSON_TYPE}Expect: 100-continue\r\n`;
	wire.send(`${head}Content-Length: ${body.length}\r\n\r\n`);
	assert.equal((await wire.answer()).status, 100);
	wire.send(body);
	assert.equal((await wire.answer()).status, 404);
	wire.send(`${head}Content-Length: 99999\r\n\r\n`);
	assert.equal((await wire.answer()).status, 413);
}));

test('an expectation nobody knows: 417', () => connected(async (wire) => {
	wire.send(`${GET()}Expect: miracles\r\n\r\n`);
	assert.equal((await wire.answer()).status, 417);
}));

test('HEAD has the headers of GET and no body, and the connection goes on', () => connected(async (wire) => {
	wire.send(`${GET()}\r\n`.replace('GET', 'HEAD'), `${GET()}\r\n`);
	const head = await wire.answer({ head: true }), get = await wire.answer();
	assert.equal(head.headers['content-length'], get.headers['content-length']);
	assert.equal(get.json.code, '621202');
}));

test('HTTP/1.0 and Connection: close end the connection', async () => {
	for (const request of ['GET /v1/regions/621202 HTTP/1.0\r\nHost: localhost\r\n\r\n', `${GET()}Connection: close\r\n\r\n`])
		await connected(async (wire) => {
			wire.send(request);
			assert.equal((await wire.answer()).status, 200);
			assert.equal(await wire.end(), '');
		});
});

test('caps: target 414, header section 431, number of fields 431; each ends the connection', async () => {
	const rows = [[`${GET(`/v1/regions?x=${'a'.repeat(5000)}`)}\r\n`, 414], [`${GET()}X-Long: ${'a'.repeat(20000)}\r\n\r\n`, 431],
		[`${GET()}${Array.from({ length: 200 }, (_, i) => `X-${i}: 1\r\n`).join('')}\r\n`, 431]];
	for (const [bytes, status] of rows)
		await connected(async (wire) => {
			wire.send(bytes);
			assert.equal((await wire.answer()).status, status);
			await wire.end();
		});
});

test('an empty line before a request is passed over; more of them are not waited for', () => connected(async (wire) => {
	wire.send(`\r\n${GET()}\r\n`);
	assert.equal((await wire.answer()).status, 200);
}));

test('a header that never ends, a body that never comes, a connection that says nothing: each is ended in time', async () => {
	await connected(async (wire) => {
		wire.send('GET /v1/regions/621202 HTTP/1.1\r\nHost: loc');
		const said = await wire.end();
		assert.ok(said === '' || /^HTTP\/1\.1 408 /.test(said));
	});
	await connected(async (wire) => {
		wire.send(`POST ${POST} HTTP/1.1\r\nHost: localhost\r\n${JSON_TYPE}Content-Length: 30\r\n\r\n{"case`);
		const said = await wire.end();
		assert.ok(said === '' || /^HTTP\/1\.1 408 /.test(said));
	});
	await connected(async (wire) => {
		wire.send(`${GET()}\r\n`);
		await wire.answer();
		assert.equal(await wire.end(), '');
	});
});

test('the gateway is well after all this', async () => {
	assert.equal((await g.get('/v1/regions/621202', { via: 'h1' })).status, 200);
	assert.equal((await g.admin('/readyz')).status, 200);
});
