// Goal: a mandate is accepted by the code on the giver's phone and by no other; nobody guesses it; and whoever asks for one learns nothing of the giver.
// Method: two people known by name, over the sandbox's authority and SMS platform; ten thousand guesses; known and unknown givers told apart by nothing, not by time.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { sandbox } from '../sandbox/lib/client.mjs';
import { assert_problem, id_number, now } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { People, authority_settings, device, phone, sms_settings } from './lib/people.mjs';
import { until } from './lib/until.mjs';

const secrets = mkdtempSync(path.join(os.tmpdir(), 'siban-mandates-'));
process.once('exit', () => rmSync(secrets, { recursive: true, force: true }));
writeFileSync(path.join(secrets, 'sms.key'), 'sandbox-access-key-secret', { mode: 0o600 });

const s = await sandbox();
const g = await gateway({ settings: { ...authority_settings(s), ...sms_settings(s, path.join(secrets, 'sms.key')), 'sms.aliyun.template.mandate_code': 'SMS_100000005', 'sms.aliyun.template.mandate': 'SMS_100000006',
	'rate.public': 0, 'rate.read': 0, 'rate.write': 0 } });
const people = new People(g, s);
const elder = { number: '621299199006150131', name: '张三', phone: phone() }, helper = { number: '62129919850101006X', name: '李小明', phone: phone() };
for (const one of [elder, helper]) {
	one.token = (await people.login(one.phone, device())).access_token;
	assert.equal((await people.confirm(one.token, one)).status, 200);
}
const stranger = await g.citizen(id_number(900));

const offer = async (giver, more = {}) => {
	const answer = await g.ask('POST', '/v1/me/mandates', { token: helper.token, key: randomUUID(),
		body: { kind: 'helper', id_number: giver.number, name: giver.name, scopes: 'see_cases', until: now(24 * 3600e3), ...more } });
	assert.equal(answer.status, 201, answer.text);
	return answer.json.id;
};
const ask_code = (id, options = {}) => g.ask('POST', `/v1/me/mandates/${id}/code`, { token: helper.token, ...options });
const accept = (id, code, options = {}) => g.ask('POST', `/v1/me/mandates/${id}/accept`, { token: helper.token, key: randomUUID(), body: { code }, ...options });
const codes = async () => (await s.show('aliyun_sms')).messages.filter((m) => /申请代您/.test(m.text));
const next_code = (before) => until('the code is on the phone', async () => {
	const all = await codes();
	return all.length > before ? all.at(-1) : undefined;
});
const wrong = (code) => String((Number(code) + 1) % 1e6).padStart(6, '0');

for (const via of ['h2', 'h1'])
	test(`over ${via}: the giver reads it out, the holder types it, and it serves once`, async () => {
		const id = await offer(elder), before = (await codes()).length, asked = await ask_code(id, { via });
		assert.deepEqual([asked.status, Object.keys(asked.json)], [202, ['expires_in', 'resend_in']]);
		const message = await next_code(before), [, code] = /验证码([0-9]{6})/.exec(message.text);
		assert.equal(message.phone_number, elder.phone);
		assert.ok(message.text.includes('李*明申请'), message.text);
		const missed = assert_problem(await accept(id, wrong(code), { via }), 422, 'mandate_code');
		assert.equal(missed.json.tries_left, 4);
		assert_problem(await accept(id, code, { via, token: stranger }), 404, 'not_found');
		assert.equal(assert_problem(await accept(id, undefined, { via }), 422, 'missing_field').json.pointer, '/code');
		const key = randomUUID(), yes = await accept(id, code, { via, key });
		assert.deepEqual([yes.status, yes.json.state], [200, 'active']);
		assert.equal((await accept(id, code, { via, key })).json.state, 'active'); // an answer that was lost
		assert_problem(await accept(id, code, { via }), 422, 'mandate_code');
		assert.equal((await g.get(`/v1/me/mandates/${id}`, { token: helper.token })).json.accepted_by, 'code');
		assert.equal((await g.get('/v1/cases', { token: helper.token, headers: { 'x-acting-for': id }, via })).status, 200);
		await until('the use is noted', async () => (await g.get(`/v1/me/mandates/${id}`, { token: elder.token })).json.used_at !== null);
		assert.equal((await g.ask('POST', `/v1/me/mandates/${id}/revoke`, { token: elder.token })).status, 200);
	});

test('ten thousand guesses: five were tried, none opened anything, and then the right one comes too late', async () => {
	const id = await offer(elder), before = (await codes()).length, seen = new Map();
	assert.equal((await ask_code(id)).status, 202);
	const [, code] = /验证码([0-9]{6})/.exec((await next_code(before)).text);
	for (let n = 0; n < 10000; n += 100) {
		const guesses = Array.from({ length: 100 }, (_, k) => String(n + k).padStart(6, '0')).filter((guess) => guess !== code);
		const answers = await Promise.all(guesses.map((guess) => g.h2.request('POST', `/v1/me/mandates/${id}/accept`, { headers: {
			authorization: `Bearer ${helper.token}`, 'content-type': 'application/json', 'idempotency-key': randomUUID() }, body: JSON.stringify({ code: guess }) })));
		for (const a of answers) seen.set(`${a.status} ${a.json.code} ${a.json.tries_left}`, (seen.get(`${a.status} ${a.json.code} ${a.json.tries_left}`) ?? 0) + 1);
	}
	for (const left of [4, 3, 2, 1]) assert.equal(seen.get(`422 mandate_code ${left}`), 1);
	assert.ok(seen.get('422 mandate_code 0') > 9900 && seen.size === 5, [...seen].join());
	assert.equal(assert_problem(await accept(id, code), 422, 'mandate_code').json.tries_left, 0);
	assert.equal((await g.get(`/v1/me/mandates/${id}`, { token: helper.token })).json.state, 'offered');
	assert.equal(assert_problem(await ask_code(id), 429, 'rate_limited').json.reason, 'resend');
});

test('the giver’s phone rings when somebody may act for him', async () => {
	const rings = async () => (await s.show('aliyun_sms')).messages.filter((m) => m.text.includes('代办授权有变化') && m.phone_number === elder.phone).length;
	// accepted, used, ended; over HTTP/2 and over HTTP/1.1
	await until('six bells', async () => (await rings()) >= 6);
	assert.equal(await rings(), 6);
});

test('three go to a phone in a day; a fourth is answered alike, and stays here', async () => {
	const before = (await codes()).length;
	assert.equal((await ask_code(await offer(elder))).status, 202);
	await until('nothing waits to be sent', async () => g.sql('SELECT COUNT(*) FROM mandate WHERE code IS NOT NULL') === '0');
	assert.equal(g.sql('SELECT COUNT(*) FROM effect WHERE state IN (1, 2)'), '0');
	assert.equal((await codes()).length, before);
});

test('a code is for its holder, its offer and its kind', async () => {
	const id = await offer(elder);
	const plain = ({ status, json: { request_id, trace_id, ...rest } }) => JSON.stringify([status, rest]);
	assert.equal(plain(await ask_code(id, { token: stranger })), plain(await ask_code(`md_${'0'.repeat(26)}`, { token: stranger })));
	assert_problem(await ask_code(id, { token: elder.token }), 403, 'forbidden');
	assert_problem(await ask_code(await offer(elder, { kind: 'guardian', region: '621202' })), 403, 'forbidden');
	assert.equal((await g.ask('POST', `/v1/me/mandates/${id}/revoke`, { token: helper.token })).status, 200);
	assert_problem(await ask_code(id), 409, 'mandate_state');
});

test('whether the giver is known is seen neither from the answer nor from its time', async () => {
	const N = 45, took = { known: [], unknown: [] }, said = new Set();
	for (let n = 0; n < N; n++)
		for (const which of n % 2 === 0 ? ['known', 'unknown'] : ['unknown', 'known']) {
			const id = await offer(which === 'known' ? elder : { number: id_number(901 + n), name: '某某' }), began = process.hrtime.bigint();
			const answer = await ask_code(id);
			took[which].push(Number(process.hrtime.bigint() - began));
			said.add(JSON.stringify([answer.status, answer.json, Object.keys(answer.headers).sort(), answer.headers['content-length']]));
		}
	assert.equal(said.size, 1, [...said].join());
	// By rank: how often a known giver takes longer. Half of the time when they are alike; the standard deviation of chance is 0.06 here.
	let longer = 0;
	for (const a of took.known) for (const b of took.unknown) longer += a > b ? 1 : a === b ? 0.5 : 0;
	const share = longer / (N * N);
	assert.ok(Math.abs(share - 0.5) < 0.25, `a known giver takes longer ${Math.round(share * 100)} times of 100`);
});
