// Goal: the sandbox's department system keeps to its contract (tests/sandbox/README.md), whatever is wrong with the question.
// Judge of the signature: the standardwebhooks package and the published vector.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test, { beforeEach } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { sandbox } from '../sandbox/lib/client.mjs';
import { is_signed, key_bytes, sign } from '../sandbox/lib/webhook_signature.mjs';
import { DEPARTMENT_KEY, ask, ask_h2, case_request } from './lib/outside.mjs';
import { source_dir } from './lib/openapi.mjs';

const s = await sandbox();
beforeEach(() => s.reset());

const show = (...words) => ask(s.url, case_request(...words));
const contract = readFileSync(new URL('../sandbox/README.md', import.meta.url), 'utf8');

function assert_refused(answer, status, code) {
	assert.equal(answer.status, status, answer.text);
	assert.equal(answer.text, `{"code":"${code}"}`);
	assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
}

test('the published signature is right, and others\' signatures are ours', () => {
	const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', body = '{"test": 2432232314}';
	assert.equal(sign(secret, 'msg_p5jXN8AQM9LWM0D4loKWxJek', '1614265330', body), 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
	const at = new Date(), target = '/cases/GS-2026-0001?last4=001X';
	const theirs = new Webhook(DEPARTMENT_KEY).sign('q_1', at, target), timestamp = String(Math.floor(at / 1000));
	assert.equal(sign(DEPARTMENT_KEY, 'q_1', timestamp, target), theirs);
	assert.ok(is_signed(DEPARTMENT_KEY, [['webhook-id', 'q_1'], ['webhook-timestamp', timestamp], ['webhook-signature', theirs]], target));
});

test('the cases of the contract are there, with all their fields', async () => {
	const rows = [...contract.matchAll(/^\| `(GS[^`]+)` \| `(....)` \| `([a-z_]+)` \|$/gm)];
	assert.equal(rows.length, 4);
	const states = readFileSync(`${source_dir}/services/cases/case_state.def`, 'utf8');
	const fields = Object.keys(JSON.parse(/```json\n([\s\S]*?)```/.exec(contract)[1]));
	for (const [, case_ref, last4, state] of rows) {
		const answer = await show(case_ref, last4);
		assert.equal(answer.status, 200, answer.text);
		assert.deepEqual(Object.keys(answer.json), fields);
		assert.equal(answer.json.case_ref, case_ref);
		assert.equal(answer.json.state, state);
		assert.ok(states.includes(`CASE_STATE(`) && states.includes(`"${state}"`), state);
		for (const value of Object.values(answer.json)) assert.equal(typeof value, 'string');
		assert.ok(Date.parse(answer.json.opened_at) <= Date.parse(answer.json.updated_at));
		assert.ok(!answer.text.includes(last4) || last4 === '0020', 'the last four are nobody\'s business');
	}
});

test('every department has them, over HTTP/2 too', async () => {
	for (const way of [ask, ask_h2]) assert.equal((await way(s.url, case_request('GS-2026-0001', '001X', { prefix: '/departments/11621299D00000013E' }))).json.state, 'accepted');
});

test('unknown and another\'s are the same', async () => {
	const answers = [await show('GS-2026-9999', '001X'), await show('GS-2026-0001', '0017'), await show('GS-2026-0001', '001x'), await show('', '001X')];
	for (const answer of answers) assert_refused(answer, 404, 'not_found');
});

test('what is not well signed is refused, and told nothing', async () => {
	const good = case_request(), old = (at_ms) => case_request('GS-2026-0001', '001X', { at_ms });
	const spoiled = (headers) => ({ ...good, headers: { ...good.headers, ...headers } });
	const without = (name) => ({ ...good, headers: Object.fromEntries(Object.entries(good.headers).filter(([n]) => n !== name)) });
	const signature = good.headers['webhook-signature'];
	const wrong = {
		'another key': case_request('GS-2026-0001', '001X', { key: `whsec_${Buffer.alloc(32, 7).toString('base64')}` }),
		'another case': { ...good, target: '/cases/GS-2026-0002?last4=001X' },
		'another last4': { ...good, target: '/cases/GS-2026-0001?last4=0017' },
		'another parameter': { ...good, target: `${good.target}&x=1` },
		'no id': without('webhook-id'), 'no timestamp': without('webhook-timestamp'), 'no signature': without('webhook-signature'),
		'another id': spoiled({ 'webhook-id': 'q_other' }), 'a dot in the id': case_request('GS-2026-0001', '001X', { id: 'a.b' }),
		'another time': spoiled({ 'webhook-timestamp': String(Number(good.headers['webhook-timestamp']) + 1) }),
		'no number': spoiled({ 'webhook-timestamp': 'now' }), 'a fraction': spoiled({ 'webhook-timestamp': `${good.headers['webhook-timestamp']}.0` }),
		'six minutes old': old(Date.now() - 301500), 'six minutes early': old(Date.now() + 301500),
		'empty': spoiled({ 'webhook-signature': 'v1,' }), 'cut': spoiled({ 'webhook-signature': signature.slice(0, 11) }), 'another version': spoiled({ 'webhook-signature': signature.replace('v1', 'v2') }),
		'a body for a target': (() => {
			const { 'webhook-id': id, 'webhook-timestamp': at } = good.headers;
			return spoiled({ 'webhook-signature': sign(DEPARTMENT_KEY, id, at, '') });
		})(),
	};
	for (const [name, request] of Object.entries(wrong)) {
		const answer = await ask(s.url, request);
		assert.equal(answer.status, 401, name);
		assert_refused(answer, 401, 'unauthorized');
	}
	for (let bit = 0; bit < 6; bit++) { // the alphabet's six bits of the first character
		const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/', first = alphabet[alphabet.indexOf(signature[3]) ^ (1 << bit)];
		assert_refused(await ask(s.url, spoiled({ 'webhook-signature': `v1,${first}${signature.slice(4)}` })), 401, 'unauthorized');
	}
	assert.equal((await ask(s.url, spoiled({ 'webhook-signature': `v1,AAAA v1a,xyz ${signature}` }))).status, 200, 'one right entry is enough');
	assert.equal((await ask(s.url, good)).status, 200, 'asking changes nothing: the same question again');
	for (const at_ms of [Date.now() - 290000, Date.now() + 290000]) assert.equal((await ask(s.url, old(at_ms))).status, 200);
});

test('well signed and badly asked', async () => {
	for (const query of ['', '?', '?last4=', '?last4=001', '?last4=001XX', '?last4=%20001', '?last4=001X&x=1', '?last4=001X&last4=001X', '?x=001X', '?last4=%zz'])
		assert_refused(await show('GS-2026-0001', '', { query }), 400, 'bad_request');
	const answer = await ask(s.url, { ...case_request(), method: 'POST' });
	assert_refused(answer, 405, 'method_not_allowed');
	assert.equal(answer.headers.allow, 'GET');
});

test('cases and the key can be set', async () => {
	const { settings } = await s.show('department'), key = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;
	await s.setup('department', { key, cases: [{ ...settings.cases[0], state: 'done', status_text: '已办结' }, { ...settings.cases[0], case_ref: 'T-1', last4: '1234' }] });
	assert.equal((await show('GS-2026-0001', '001X')).status, 401);
	assert.equal((await show('GS-2026-0001', '001X', { key })).json.state, 'done');
	assert.equal((await show('T-1', '1234', { key })).json.case_ref, 'T-1');
	assert.equal((await show('GS-2026-0002', '0017', { key })).status, 200);
	for (const bad of [{ key: 'whsec_' }, { key: 'whsec_YWJj' }, { cases: [{ case_ref: 'T-2' }] }, { nothing: 1 }]) assert.equal((await s.try_control('PUT', '/peers/department', bad)).status, 422);
	await s.reset();
	assert.equal((await show()).status, 200);
});

test('a key is 24 to 64 bytes, with or without its prefix', () => {
	for (const [bytes, is_key] of [[23, false], [24, true], [64, true], [65, false]]) {
		const base64 = Buffer.alloc(bytes, 9).toString('base64');
		for (const text of [base64, `whsec_${base64}`]) assert.equal(key_bytes(text) !== null, is_key, text);
	}
	for (const text of ['', 'whsec_', 'whsec_***']) assert.equal(key_bytes(text), null);
});
