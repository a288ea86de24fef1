// Goal: an answer may wait for what is done outside on its behalf: it leaves at once when that is over, as 202 with a place to look when it is late,
// and whoever went away, was killed or asks again finds the one text that was sent.
// Method: the operator's test text against the sandbox's SMS platform. timeout.park is either so long that only the outcome can have woken the answer,
// or 0, so that only the deadline can.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import test, { beforeEach } from 'node:test';
import { sandbox } from '../sandbox/lib/client.mjs';
import { control_request } from './lib/clients.mjs';
import { gateway, siban } from './lib/gateway.mjs';
import { assert_documented } from './lib/openapi.mjs';
import { ACCESS_KEY, ACCESS_SECRET } from './lib/outside.mjs';
import { until, within } from './lib/until.mjs';
import os from 'node:os';
import { mkdtempSync } from 'node:fs';

const s = await sandbox();
beforeEach(() => s.reset());

const secret = path.join(mkdtempSync(path.join(os.tmpdir(), 'siban-park-')), 'secret');
writeFileSync(secret, ACCESS_SECRET, { mode: 0o600 });
const LONG = 60000, SMS = { 'sms.aliyun.url': `${s.url}/`, 'sms.aliyun.key_id': ACCESS_KEY, 'sms.aliyun.key_secret_file': secret, 'sms.aliyun.sign_name': '陇南四办',
	'sms.aliyun.template.test': 'SMS_100000001' };
const start = (settings = {}) => gateway({ data: false, settings: { ...SMS, 'timeout.park': LONG, ...settings } });
const g = await start();
const impatient = await start({ 'timeout.park': 0 });

let phones = 0;
const phone = () => `138${String(10000000 + ++phones * 10 + 9)}`; // ends in 9: nothing special
const params = { code: '123456', minutes: '5' };
const send = async (gw, { key = randomUUID(), body = { phone: phone(), params }, lang } = {}) =>
	assert_documented(await control_request(gw, 'POST', '/control/sms-tests', { body, headers: { 'content-type': 'application/json', 'idempotency-key': key, ...(lang ? { 'accept-language': lang } : {}) } }));
const show = async (gw, location) => assert_documented(await control_request(gw, 'GET', location, {}));
const metric = async (gw, line) => Number(new RegExp(`^siban_${line} (\\d+)$`, 'm').exec((await gw.admin('/metrics')).text)?.[1] ?? NaN);
const messages = async () => (await s.show('aliyun_sms')).messages;

test('the outcome wakes the answer', async () => {
	const woken = await metric(g, 'parks_total{end="woken"}') + await metric(g, 'parks_total{end="over"}');
	const answer = await send(g);
	assert.equal(answer.status, 200, answer.text);
	assert.deepEqual([answer.json.state, answer.json.is_over, answer.json.text], ['done', true, '平台已接收。']);
	assert.ok(answer.json.ref.length > 0);
	assert.equal((await messages()).length, 1);
	assert.equal(await metric(g, 'parks_total{end="woken"}') + await metric(g, 'parks_total{end="over"}'), woken + 1);
	assert.equal(await metric(g, 'parked'), 0);
});

test('a refusal is said in words, in two languages', async () => {
	await s.fault('aliyun_sms', { refuse_code: 'isv.SMS_SIGNATURE_ILLEGAL' });
	const answer = await send(g);
	assert.deepEqual([answer.status, answer.json.state, answer.json.code, answer.json.text], [200, 'failed', 'isv.SMS_SIGNATURE_ILLEGAL', '平台拒绝发送：短信签名不存在或未通过审核。']);
	assert.match((await send(g, { lang: 'en' })).json.text, /^the platform refused it: the signature/);
});

test('an answer that was lost: nobody knows, and it is not sent twice', async () => {
	await s.fault('aliyun_sms', { lose_answer: true });
	const answer = await send(g);
	assert.deepEqual([answer.status, answer.json.state, answer.json.is_over], [200, 'unknown', true]);
	assert.equal((await messages()).length, 1);
});

test('late: 202, and Location tells the end', async () => {
	await s.fault('aliyun_sms', { hang: true, count: 1 });
	const answer = await send(impatient);
	assert.equal(answer.status, 202, answer.text);
	assert.ok(!answer.json.is_over);
	await s.wait_for('the platform has it', () => true, { peer: 'aliyun_sms' });
	await s.clear_faults(); // closes it
	const end = await until('it is over', async () => { const a = await show(impatient, answer.headers.location); return a.json.is_over ? a : null; });
	assert.equal(end.json.state, 'unknown');
	assert.equal(end.json.id, answer.json.id);
	assert.equal((await show(impatient, '/control/sms-tests/999999')).status, 404);
});

test('a repeat sends nothing, and is told how it is now', async () => {
	const key = randomUUID(), body = { phone: phone(), params };
	await s.fault('aliyun_sms', { hang: true, count: 1 });
	const first = await send(impatient, { key, body });
	assert.equal(first.status, 202);
	const meanwhile = await send(impatient, { key, body });
	assert.deepEqual([meanwhile.status, meanwhile.headers['idempotency-replayed'], meanwhile.json.is_over], [202, 'true', false]);
	await s.wait_for('the platform has it', () => true, { peer: 'aliyun_sms' });
	await s.clear_faults();
	await until('it is over', async () => (await show(impatient, first.headers.location)).json.is_over);
	const second = await send(impatient, { key, body });
	assert.deepEqual([second.status, second.headers['idempotency-replayed'], second.json.id, second.json.state], [200, 'true', first.json.id, 'unknown']);
	assert.equal((await s.log({ peer: 'aliyun_sms', kind: 'request' })).entries.length, 1);
});

test('many wait, each for its own', async () => {
	const g = await start(); // whose account has not failed yet
	await s.fault('aliyun_sms', { hang: true });
	const since = await s.mark();
	let ended = 0;
	const waiting = Array.from({ length: 20 }, () => send(g).finally(() => ended++));
	await s.wait_for('all are with the platform', () => true, { n: 20, since, peer: 'aliyun_sms' });
	await until('all are parked', async () => (await metric(g, 'parked')) === 20);
	assert.equal(ended, 0);
	await s.clear_faults(); // closes them: nobody knows
	const answers = await Promise.all(waiting);
	assert.equal(new Set(answers.map((a) => a.json.id)).size, 20);
	for (const a of answers) assert.deepEqual([a.status, a.json.state], [200, 'unknown']);
	assert.equal(await metric(g, 'parked'), 0);
});

test('who went away is not waited for, and the text goes its way', async () => {
	const g = await start();
	await s.fault('aliyun_sms', { hang: true });
	const stop = new AbortController(), key = randomUUID(), body = { phone: phone(), params };
	const request = http.request({ socketPath: g.control_socket, method: 'POST', path: '/control/sms-tests', agent: false, signal: stop.signal,
		headers: { 'content-type': 'application/json', 'idempotency-key': key } });
	const ended = new Promise((resolve) => request.on('error', resolve).on('response', resolve));
	request.end(JSON.stringify(body));
	await until('it is parked', async () => (await metric(g, 'parked')) === 1);
	await s.wait_for('the platform has it', () => true, { peer: 'aliyun_sms' });
	stop.abort();
	await ended;
	await until('nobody is parked', async () => (await metric(g, 'parked')) === 0); /* long before the platform says anything */
	await s.clear_faults();
	const again = await until('it is over', async () => { const a = await send(g, { key, body }); return a.json.is_over ? a : null; });
	assert.deepEqual([again.headers['idempotency-replayed'], again.json.state], ['true', 'unknown']);
	await until('nobody is parked', async () => (await metric(g, 'parked')) === 0);
});

test('who ends his half is not kept waiting: 202 at once, whether he is parked by then or not', async () => {
	const g = await start();
	await s.fault('aliyun_sms', { hang: true });
	for (const early of [false, true]) {
		const body = JSON.stringify({ phone: phone(), params }), since = await s.mark();
		const socket = net.connect({ path: g.control_socket, allowHalfOpen: true });
		const answer = new Promise((resolve, reject) => {
			let text = '';
			socket.on('data', (bytes) => { text += bytes; }).on('end', () => resolve(text)).on('error', reject);
		});
		socket.write(`POST /control/sms-tests HTTP/1.1\r\nhost: control\r\ncontent-type: application/json\r\nidempotency-key: ${randomUUID()}\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
		if (!early) await until('it is parked', async () => (await metric(g, 'parked')) === 1);
		socket.end();
		assert.match(await within(15000, 'an answer', answer), /^HTTP\/1\.1 202 [^]*\r\nlocation: \/control\/sms-tests\/\d+\r\n/);
		assert.equal(await metric(g, 'parked'), 0);
		await s.wait_for('the text goes its way', () => true, { since, peer: 'aliyun_sms' });
	}
	assert.equal(await metric(g, 'parks_total{end="gone"}'), 2);
	await s.clear_faults();
});

test('killed while parked: the same key finds the same text, and it was sent once', async () => {
	const k = await start(), key = randomUUID(), body = { phone: phone(), params };
	await s.fault('aliyun_sms', { delay_ms: 600000 }); // done at once, answered never
	const first = send(k, { key, body }).catch((e) => e);
	await until('it is parked', async () => (await metric(k, 'parked')) === 1);
	await until('the platform has it', async () => (await messages()).length === 1);
	await k.kill();
	assert.ok((await first) instanceof Error);
	await s.clear_faults();
	await k.serve();
	const again = await until('it is over', async () => { const a = await send(k, { key, body }); return a.json.is_over ? a : null; });
	assert.deepEqual([again.status, again.headers['idempotency-replayed'], again.json.state], [200, 'true', 'unknown']);
	assert.equal((await messages()).length, 1);
});

test('SIGTERM: who is parked gets 202 at once, and the end is quiet', async () => {
	const k = await start();
	await s.fault('aliyun_sms', { hang: true });
	const waiting = Array.from({ length: 3 }, () => send(k));
	await until('they are parked', async () => (await metric(k, 'parked')) === 3);
	k.child.kill('SIGTERM');
	for (const answer of await Promise.all(waiting)) {
		assert.equal(answer.status, 202);
		assert.match(answer.headers.location, /^\/control\/sms-tests\/\d+$/);
	}
	await s.clear_faults();
	assert.deepEqual(await within(15000, 'after SIGTERM', k.exited), { code: 0, signal: null });
});

test('what cannot be tried is said before anything is written', async () => {
	const wrong = [[{ params }, 'missing_field', '/phone'], [{ phone: '12345' }, 'invalid_field', '/phone'], [{ phone: phone(), template: 'nonsense' }, 'invalid_field', '/template'],
		[{ phone: phone(), params: { code: 5 } }, 'invalid_field', '/params'], [{ phone: phone(), more: 1 }, 'unknown_field', '/more']];
	for (const [body, code, pointer] of wrong) {
		const answer = await send(g, { body });
		assert.deepEqual([answer.status, answer.json.code, answer.json.pointer], [422, code, pointer], answer.text);
	}
	assert.equal((await messages()).length, 0);
});

const command = (gw, ...words) => new Promise((resolve) => execFile(siban, [...words, '--config', gw.conf], (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr })));

test('siban sms-test says it in words, and its exit says it too', async () => {
	const sent = await command(g, 'sms-test', phone(), 'code=123456', 'minutes=5');
	assert.equal(sent.code, 0, sent.stderr);
	assert.match(sent.stdout, /^平台已接收。\nBizId \S+\nsiban effects show \d+\n$/);
	await s.fault('aliyun_sms', { refuse_code: 'isv.MOBILE_NUMBER_ILLEGAL' });
	const refused = await command(g, 'sms-test', phone(), 'code=123456', 'minutes=5');
	assert.equal(refused.code, 1);
	assert.match(refused.stdout, /^平台拒绝发送：手机号码不正确。\nsiban effects show \d+\n$/);
	assert.equal((await command(g, 'sms-test')).code, 2);
	assert.equal((await command(g, 'sms-test', phone(), 'nonsense')).code, 2);
});
