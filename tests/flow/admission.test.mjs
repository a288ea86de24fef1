// Goal: who may not come in is told why, with the words and headers the standards ask for, before anything is done.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { Case, assert_problem, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';

const g = await gateway({ settings: { 'listen.hosts': 'localhost, example.org' } });
const w = await world(g);
const c = await new Case(g, w).live('submitted');
const event = (options) => g.ask('POST', '/v1/department/events', { token: w.department, key: randomUUID(), body: c.body('received'), ...options });

for (const via of ['h2', 'h1']) {
	test(`no token: 401 and how to get in (${via})`, async () => {
		for (const target of ['/v1/cases', `/v1/cases/${c.case_no}`, '/v1/department/cases/x']) {
			const answer = assert_problem(await g.get(target, { via }), 401, 'login_required');
			assert.match(answer.headers['www-authenticate'], /^Bearer realm=/);
		}
		assert_problem(await event({ token: undefined, via }), 401, 'login_required');
	});

	test(`a token that is none: 401 and that it is the token (${via})`, async () => {
		const wrong = ['Bearer x', 'Bearer', 'Basic eDp5', `Bearer ${w.citizen}x`, `Bearer ${w.citizen.slice(0, -1)}`, `bearer  ${w.citizen}`, `Bearer sbc_${'A'.repeat(43)}`];
		for (const authorization of wrong) {
			const answer = assert_problem(await g.get('/v1/cases', { headers: { authorization }, via }), 401, 'invalid_token');
			assert.match(answer.headers['www-authenticate'], /error="invalid_token"/);
		}
		assert.equal((await g.get('/v1/cases', { headers: { authorization: `bearer ${w.citizen}` }, via })).status, 200, 'the scheme\'s case does not matter');
	});

	test(`a wrong token is refused even where none is needed (${via})`, async () => {
		assert_problem(await g.get('/v1/regions', { token: 'sbc_wrong', via }), 401, 'invalid_token');
		assert.equal((await g.get('/v1/regions', { token: w.citizen, via })).status, 200);
	});

	test(`the right token of the wrong kind: 403 (${via})`, async () => {
		assert_problem(await g.get('/v1/cases', { token: w.department, via }), 403, 'forbidden');
		assert_problem(await g.get('/v1/department/cases/x', { token: w.citizen, via }), 403, 'forbidden');
		assert_problem(await event({ token: w.citizen, via }), 403, 'forbidden');
	});

	test(`a method that is not there: 405 with Allow (${via})`, async () => {
		const rows = [['DELETE', '/v1/cases', 'GET, HEAD, OPTIONS'], ['GET', '/v1/department/events', 'POST, OPTIONS'], ['PATCH', '/v1/regions/621202', 'GET, HEAD, OPTIONS'], ['PUT', '/v1/case-lookups', 'POST, OPTIONS']];
		for (const [method, target, allow] of rows) {
			const answer = assert_problem(await g.ask(method, target, { via }), 405, 'method_not_allowed');
			assert.equal(answer.headers.allow, allow);
		}
	});

	test(`OPTIONS says what there is (${via})`, async () => {
		const answer = await g.ask('OPTIONS', '/v1/case-lookups', { via });
		assert.equal(answer.status, 204);
		assert.equal(answer.headers.allow, 'POST, OPTIONS');
	});

	test(`a path that is not there: 404 (${via})`, async () => {
		for (const target of ['/', '/v1', '/v1/', '/v2/cases', '/v1/cases/', `/v1/cases/${c.case_no}/`, `/v1/cases/${c.case_no}/events/1`, '/V1/regions', '/v1//regions'])
			assert_problem(await g.get(target, { via, token: w.citizen }), 404, 'no_such_resource');
	});

	test(`a path that could be read in two ways: 400 (${via})`, async () => {
		for (const target of ['/v1/../v1/regions', '/v1/%2e%2e/regions', '/v1/./regions', '/v1/regions%2f621202', '/v1/regions/%00', '/v1\\regions', '/v1/regions/%zz', '/v1/regions/%ff'])
			assert.equal((await g.get(target, { via })).status, 400, target);
	});

	test(`another media type: 415 (${via})`, async () => {
		for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', 'text/csv', ''])
			assert_problem(await event({ type: null, headers: { 'content-type': type }, via }), 415, 'unsupported_media_type');
		assert_problem(await event({ type: null, via }), 415, 'unsupported_media_type');
		const fine = new Case(g, w);
		assert.equal((await fine.post(fine.body('submitted'), { type: 'Application/JSON; charset=utf-8', via })).status, 201);
	});

	test(`a body that is no JSON, or more than JSON should be: 400 (${via})`, async () => {
		const bodies = ['', '{', '{"a":1,"a":2}', '[]]', '{"seq":1e999}', '\ufeff{}', '{"a":"\ud800"}', '{"note":NaN}', `${'['.repeat(100)}${']'.repeat(100)}`, '{"seq":99999999999999999999}', "{'a':1}", '{"a":"\u0000"}'];
		for (const body of bodies) {
			const answer = await event({ body, via });
			assert.ok(answer.status === 400 || answer.status === 422, `${body}: ${answer.status}`);
		}
		const latin = await event({ body: Buffer.from('{"note":"\xe4"}', 'latin1'), via });
		assert_problem(latin, 400, 'bad_json');
		for (const body of ['[]', '"x"', 'null', '1']) assert.equal((await event({ body, via })).status, 400, body);
	});

	test(`a body that is too large: 413, announced or not (${via})`, async () => {
		assert_problem(await event({ body: Buffer.alloc(25 << 10, 0x20), via }), 413, 'body_too_large');
		assert_problem(await event({ body: Buffer.alloc(25 << 10, 0x20), headers: { 'content-length': undefined, ...(via === 'h1' ? { 'transfer-encoding': 'chunked' } : {}) }, via }), 413, 'body_too_large');
		assert.equal((await g.get('/v1/regions?limit=1', { via })).status, 200, 'the gateway is well');
	});

	test(`another host's request: 421 (${via})`, async () => {
		const target = '/v1/regions?limit=1';
		const as = (host) => g.get(target, { via, headers: via === 'h1' ? { host } : { ':authority': host } });
		assert_problem(await as('elsewhere.example'), 421, 'misdirected_request');
		for (const host of ['localhost', `LOCALHOST:${g.public_port}`, 'example.org']) assert.equal((await as(host)).status, 200, host);
	});
}

test('a problem speaks the language that was asked for', async () => {
	const zh = await g.get('/v1/cases'), en = await g.get('/v1/cases', { lang: 'en' });
	assert.equal(zh.json.title, '请先登录');
	assert.equal(en.json.title, 'Authentication is required');
	assert.equal(zh.json.code, en.json.code);
});

test('a token of another gateway is no token here', async () => {
	const other = await gateway();
	const token = await other.citizen(w.person);
	assert.equal((await other.get('/v1/cases', { token })).status, 200);
	assert_problem(await g.get('/v1/cases', { token }), 401, 'invalid_token');
});
