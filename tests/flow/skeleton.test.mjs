// Goal: the machine's face. Health, metrics and version on the admin port and the control socket; the public port over HTTP/2, HTTP/1.1,
// without ALPN and by curl, with the headers every answer bears.
import assert from 'node:assert/strict';
import test from 'node:test';
import tls from 'node:tls';
import { assert_problem } from './lib/cases.mjs';
import { admin_request, control_request, curl } from './lib/clients.mjs';
import { gateway } from './lib/gateway.mjs';

const g = await gateway();

test('livez, readyz and version answer on the admin port and on the control socket', async () => {
	for (const ask of [admin_request, control_request]) {
		assert.equal((await ask(g, 'GET', '/livez')).status, 200);
		assert.equal((await ask(g, 'GET', '/readyz')).status, 200);
		const version = await ask(g, 'GET', '/version');
		assert.equal(version.status, 200);
		assert.match(version.json.version, /^\d+\.\d+\.\d+/);
	}
});

test('readyz?verbose names what it looked at', async () => {
	const answer = await g.admin('/readyz?verbose');
	assert.match(answer.text, /\[\+\] store\n/);
	assert.ok(!answer.text.includes('[-]'));
});

test('the version is the one the program says', async () => {
	assert.equal(await g.command('version'), `siban ${(await g.admin('/version')).json.version}`);
});

test('metrics count requests, in both formats', async () => {
	const count = (text) => Number(/requests_total\{route="region_show"\} (\d+)/.exec(text)?.[1] ?? 0);
	const before = count((await g.admin('/metrics')).text);
	await g.get('/v1/regions/621202');
	const answer = await g.admin('/metrics');
	assert.equal(count(answer.text), before + 1);
	assert.match(answer.headers['content-type'], /^text\/plain/);
	const open = await g.admin('/metrics', { headers: { accept: 'application/openmetrics-text; version=1.0.0' } });
	assert.match(open.headers['content-type'], /^application\/openmetrics-text/);
	assert.ok(open.text.endsWith('# EOF\n'));
});

test('what is for operators is not on the public port, and what is public is not on the admin port', async () => {
	for (const target of ['/livez', '/readyz', '/metrics', '/version', '/control/tokens'])
		assert_problem(await g.h2.request('GET', target), 404, 'no_such_resource');
	assert.equal((await admin_request(g, 'GET', '/v1/regions')).status, 404);
	assert.equal((await admin_request(g, 'POST', '/control/faults', { body: { switch: 'send=1' }, headers: { 'content-type': 'application/json' } })).status, 404);
});

for (const via of ['h2', 'h1'])
	test(`a public answer bears what every answer bears (${via})`, async () => {
		const answer = await g.get('/v1/regions/621200', { via, lang: 'zh-CN, en;q=0.5' });
		assert.equal(answer.status, 200);
		assert.deepEqual(answer.json, { code: '621200', name: '陇南市', level: 2, parent: '620000' });
		assert.match(answer.headers['x-request-id'], /^rq_[0-9A-HJKMNP-TV-Z]{26}$/i);
		assert.equal(answer.headers['content-language'], 'zh-CN');
		assert.match(answer.headers.vary, /accept-language/);
		assert.equal(answer.headers['cache-control'], 'public, max-age=60');
		assert.match(answer.headers['strict-transport-security'], /max-age=\d+/);
		assert.equal(answer.headers['x-content-type-options'], 'nosniff');
		assert.match(answer.headers.etag, /^"?W?\/?"?.+"$/);
		assert.equal(answer.headers['content-type'], 'application/json');
	});

test('a trace is carried on, and a problem names it', async () => {
	const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
	const answer = await g.get('/v1/regions/621200', { headers: { traceparent } });
	assert.equal(answer.headers.traceparent.slice(3, 35), traceparent.slice(3, 35));
	const problem = await g.get('/v1/regions/999999', { headers: { traceparent } });
	assert.equal(assert_problem(problem, 404, 'not_found').json.trace_id, traceparent.slice(3, 35));
	const wrong = await g.get('/v1/regions/999999', { headers: { traceparent: '00-zz' } });
	assert.match(wrong.json.trace_id, /^[0-9a-f]{32}$/);
});

test('request ids differ', async () => {
	const ids = await Promise.all(Array.from({ length: 20 }, async () => (await g.get('/v1/regions/621200')).headers['x-request-id']));
	assert.equal(new Set(ids).size, 20);
});

for (const [words, version] of [[['--http2'], '2'], [['--http1.1'], '1.1'], [['--no-alpn'], '1.1']])
	test(`curl ${words.join(' ')}`, async () => {
		const answer = await curl(g, '/v1/matters?limit=1', ...words);
		assert.equal(answer.status, 200);
		assert.equal(answer.version, version);
		assert.equal(JSON.parse(answer.text).items.length, 1);
	});

test('nothing older than TLS 1.2 is spoken', async () => {
	await assert.rejects(new Promise((resolve, reject) => {
		const socket = tls.connect({ host: '127.0.0.1', port: g.public_port, servername: 'localhost', ca: g.ca, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
		socket.once('secureConnect', resolve);
		socket.once('error', reject);
	}));
});
