// Goal: another phone takes both numbers in hand, or a face; then it alone leads to me, what the old one had open is over, and the old one is told. A lost phone is
// left behind the same way. Nobody else's number, code or session can be used for it.
// Method: people of the sandbox, codes out of its messages.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { sandbox } from '../sandbox/lib/client.mjs';
import { assert_problem } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { People, authority_settings, device, phone, sms_settings } from './lib/people.mjs';
import { sql_bytes } from './lib/stores.mjs';
import { until } from './lib/until.mjs';

const secrets = mkdtempSync(path.join(os.tmpdir(), 'siban-phone-'));
process.once('exit', () => rmSync(secrets, { recursive: true, force: true }));
writeFileSync(path.join(secrets, 'sms.key'), 'sandbox-access-key-secret', { mode: 0o600 });

const s = await sandbox();
const g = await gateway({ data: false, settings: { ...authority_settings(s), ...sms_settings(s, path.join(secrets, 'sms.key')), 'rate.public': 0, 'otp.per_address': 100000 } });
const people = new People(g, s);
const one = { number: '621299199006150131', name: '张三' }, another = { number: '62129919850101006X', name: '李小明' };
const sql = (text) => g.sql(text);

async function code_for(token, number, purpose, id) {
	const before = (await people.texts(number)).length, asked = await g.ask('POST', '/v1/otp', { token, body: { phone: number, purpose, device_id: id } });
	assert.equal(asked.status, 202, asked.text);
	return { challenge: asked.json.challenge, code: await people.received(number, before) };
}

// One code a minute: what counts it may be forgotten, and for strangers' devices in a row.
async function a_minute_later() {
	await g.stop();
	await g.forget();
	sql('UPDATE otp_day SET last_ms = last_ms - 60000');
	await g.serve();
}

const change = (token, body, options = {}) => g.ask('POST', '/v1/me/phone', { token, key: randomUUID(), body, ...options });
const known = async (who, number, id) => {
	const { access_token } = await people.login(number, id);
	assert.equal((await people.confirm(access_token, who)).status, 200);
	return access_token;
};
const me = async (token) => (await g.get('/v1/me', { token })).json;
const told = (number) => until(`${number} is told`, async () => (await people.texts(number)).find((text) => text.includes('改用')));

for (const via of ['h2', 'h1'])
	test(`over ${via}: both numbers in hand`, async () => {
		const old_phone = phone(), fresh = phone(), here = device(), there = device();
		const token = (await people.login(old_phone, here)).access_token;
		await a_minute_later();
		const other = (await people.login(old_phone, there)).access_token;
		await a_minute_later();
		const to = await code_for(token, fresh, 'phone', here), from = await code_for(token, old_phone, 'phone_old', here);
		const key = randomUUID(), body = { phone: `+86 ${fresh}`, ...to, old_phone, old_challenge: from.challenge, old_code: from.code };
		const changed = await change(token, body, { key, via });
		assert.deepEqual([changed.status, changed.json], [200, { phone: `139****${fresh.slice(7)}`, sessions_ended: 1 }], changed.text);
		const again = await change(token, body, { key, via });
		assert.deepEqual([again.status, again.json, again.headers['idempotency-replayed']], [200, changed.json, 'true']);
		assert.equal((await me(token)).phone, `139****${fresh.slice(7)}`);
		assert.equal((await g.get('/v1/me', { token: other })).status, 401);
		assert.ok((await told(old_phone)).includes(`尾号${fresh.slice(7)}`));
		// the old number, in whosever hand it is now, leads to nobody's past; the new one leads here
		const mine = (await g.get('/v1/me/sessions', { token })).json.items;
		assert.equal(mine.length, 1);
		await a_minute_later();
		await people.login(old_phone, there);
		assert.equal((await g.get('/v1/me/sessions', { token })).json.items.length, 1);
		const back = await people.login(fresh, here);
		assert.equal((await g.get('/v1/me/sessions', { token: back.access_token })).json.items.length, 2);
	});

test('a lost phone: new number, name and number, face; what it had open is over', async () => {
	const lost = phone(), fresh = phone(), stolen = await known(one, lost, device());
	await a_minute_later(); // the authority's pace too
	const here = device(), token = await known(one, fresh, here);
	await a_minute_later();
	const to = await code_for(token, fresh, 'phone', here), alone = await change(token, { phone: fresh, ...to });
	assert.deepEqual([alone.status, alone.json.code, alone.json.step], [403, 'level_too_low', 'live_face']);
	assert.equal((await people.step_up(token, `face-of-${one.number}`)).status, 200);
	const changed = await change(token, { phone: fresh, ...to }); // the code was not spent for want of a face
	assert.equal(changed.status, 200, changed.text);
	assert.equal(changed.json.sessions_ended, 1);
	assert.equal((await g.get('/v1/me', { token: stolen })).status, 401);
	await told(lost);
	await a_minute_later();
	const stranger = await people.login(lost, device()); // whoever holds it now
	assert.deepEqual([(await me(stranger.access_token)).level, (await me(stranger.access_token)).name], [1, null]);
	assert.equal((await people.login(fresh, device())).level, 2);
	assert.equal(sql(`SELECT count(*) FROM audit WHERE act = 84 AND detail = ${sql_bytes('by a face')}`), '1');
});

test('what is wrong is said', async () => {
	const number = phone(), here = device(), fresh = phone(), token = (await people.login(number, here)).access_token;
	await a_minute_later();
	const good = await code_for(token, fresh, 'phone', here), wrong = { challenge: good.challenge, code: good.code === '000000' ? '000001' : '000000' };
	for (const [body, pointer] of [[{ ...good }, '/phone'], [{ phone: '12', ...good }, '/phone'], [{ phone: fresh, ...good, code: '12' }, '/code'],
		[{ phone: fresh, ...good }, '/old_code'], [{ phone: fresh, ...good, old_phone: number }, '/old_code']])
		assert.equal((await change(token, body)).json.pointer, pointer, JSON.stringify(body));
	const from = await code_for(token, number, 'phone_old', here), old = { old_phone: number, old_challenge: from.challenge, old_code: from.code };
	const first = await change(token, { phone: fresh, ...wrong, ...old });
	assert.deepEqual([first.status, first.json.pointer, first.json.tries_left], [422, '/code', 4], first.text);
	// the old number's code was right and has served
	assert.deepEqual([(await change(token, { phone: fresh, ...good, ...old })).json.pointer], ['/old_code']);
	assert_problem(await g.ask('POST', '/v1/otp', { body: { phone: number, purpose: 'phone', device_id: here } }), 401, 'login_required');
	assert_problem(await change(undefined, { phone: fresh, ...good }), 401, 'login_required');
	assert_problem(await change(await g.citizen(another.number), { phone: fresh, ...good }), 403, 'forbidden');
});

test('another’s number, with its code, proves nothing about me', async () => {
	const mine = phone(), here = device(), token = (await people.login(mine, here)).access_token, theirs = phone(), fresh = phone();
	const to = await code_for(token, fresh, 'phone', here), from = await code_for(token, theirs, 'phone_old', here);
	const answer = await change(token, { phone: fresh, ...to, old_phone: theirs, old_challenge: from.challenge, old_code: from.code });
	assert.deepEqual([answer.status, answer.json.pointer], [422, '/old_phone']);
	assert.equal((await me(token)).phone, `139****${mine.slice(7)}`);
});
