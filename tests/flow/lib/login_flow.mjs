// What login must be, whatever remembers the codes: run by login.test.mjs over this process's memory and by login_redis.test.mjs over a real redis-server.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { sandbox } from '../../sandbox/lib/client.mjs';
import { gateway } from './gateway.mjs';
import { People, device, form_type, phone, sms_settings } from './people.mjs';
import { until } from './until.mjs';

const secrets = mkdtempSync(path.join(os.tmpdir(), 'siban-login-'));
process.once('exit', () => rmSync(secrets, { recursive: true, force: true }));
writeFileSync(path.join(secrets, 'sms.key'), 'sandbox-access-key-secret', { mode: 0o600 });

export async function login_flow(settings) {
	const s = await sandbox();
	const g = await gateway({ data: false, settings: { ...settings, ...sms_settings(s, path.join(secrets, 'sms.key')), 'otp.per_address': 1000000, 'rate.public': 0 } });
	const people = new People(g, s);
	const spoken = []; // numbers, codes and tokens that must be found nowhere

	for (const via of ['h2', 'h1'])
		test(`over ${via}: a code by SMS, a session, its names, its end`, async () => {
			const number = phone(), id = device();
			const tokens = await people.login(number, id, { via });
			spoken.push(number, id, tokens.access_token, tokens.refresh_token);
			assert.equal(tokens.level, 1);
			const me = await g.get('/v1/me', { token: tokens.access_token, via });
			assert.equal(me.json.phone, `139****${number.slice(7)}`);
			assert.equal(me.json.next_step, 'identity');
			const low = await g.get('/v1/cases', { token: tokens.access_token, via });
			assert.equal(low.status, 403);
			assert.deepEqual([low.json.code, low.json.needed_level, low.json.step], ['level_too_low', 2, 'identity']);
			const { json: { items: [session] } } = await g.get('/v1/me/sessions', { token: tokens.access_token, via });
			assert.deepEqual([session.name, session.current], ['我的手机', true]);
			assert.equal((await g.ask('PUT', `/v1/me/sessions/${session.id}`, { token: tokens.access_token, body: { name: '新名字' }, via })).status, 204);
			const next = await people.refresh(tokens.refresh_token, id, { via });
			assert.equal(next.status, 200);
			assert.equal((await g.get('/v1/me/sessions', { token: next.json.access_token, via })).json.items[0].name, '新名字');
			assert.equal((await g.ask('DELETE', `/v1/me/sessions/${session.id}`, { token: next.json.access_token, via })).status, 204);
			for (const token of [tokens.access_token, next.json.access_token]) assert.equal((await g.get('/v1/me', { token, via })).status, 401);
			assert.equal((await people.refresh(next.json.refresh_token, id, { via })).status, 400);
		});

	test('the same code twenty times at once: one session', async () => {
		const number = phone(), id = device(), code = await people.code(number, id);
		const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => people.try_code(number, code, id, { via: n % 2 === 0 ? 'h2' : 'h1' })));
		assert.deepEqual(answers.map((a) => a.status).sort(), [200, ...Array(19).fill(400)]);
		const { access_token } = answers.find((a) => a.status === 200).json;
		assert.equal((await g.get('/v1/me/sessions', { token: access_token })).json.items.length, 1);
	});

	test('ten thousand guesses: none opens anything, five were tried, the owner’s session lives', async () => {
		const number = phone(), id = device(), mine = await people.login(number, id);
		const code = await people.code(phone(), device()), target = { ...code, code: undefined };
		const seen = new Map();
		for (let n = 0; n < 10000; n += 100) {
			const answers = await Promise.all(Array.from({ length: 100 }, (_, k) => g.h2.request('POST', '/oauth2/token', { headers: { 'content-type': form_type },
				body: new URLSearchParams({ grant_type: 'urn:siban:params:oauth:grant-type:otp', phone: number, challenge: target.challenge, device_id: id,
					code: String(n + k).padStart(6, '0') }).toString() })));
			for (const a of answers) seen.set(`${a.status} ${a.json.error}`, (seen.get(`${a.status} ${a.json.error}`) ?? 0) + 1);
		}
		assert.deepEqual([...seen], [['400 invalid_grant', 10000]]);
		assert.equal((await g.get('/v1/me', { token: mine.access_token })).status, 200);
	});

	test('a stolen refresh token ends the session for both', async () => {
		const number = phone(), id = device(), first = await people.login(number, id);
		const next = await people.refresh(first.refresh_token, id);
		const thief = await people.refresh(first.refresh_token, device());
		assert.deepEqual([thief.status, thief.json.error], [400, 'invalid_grant']);
		assert.equal((await g.get('/v1/me', { token: next.json.access_token })).status, 401);
		assert.equal((await people.refresh(next.json.refresh_token, id)).status, 400);
		await until('it is in the log', () => g.log().includes('refresh_reused'));
	});

	test('an answer that was lost is asked for again with the same token', async () => {
		const number = phone(), id = device(), first = await people.login(number, id);
		await people.refresh(first.refresh_token, id); // lost
		const again = await people.refresh(first.refresh_token, id);
		assert.equal(again.status, 200);
		assert.equal((await people.refresh(again.json.refresh_token, id)).status, 200);
	});

	test('too many codes are refused in the words of which count it was', async () => {
		const number = phone(), id = device();
		await people.code(number, id);
		for (const from of [id, device()]) {
			const soon = await people.ask_code(number, from);
			assert.deepEqual([soon.status, soon.json.code, soon.json.reason], [429, 'rate_limited', 'resend']);
			assert.ok(Number(soon.headers['retry-after']) > 0 && Number(soon.headers['retry-after']) <= 60);
		}
	});

	test('what is wrong with a form is said as OAuth says it', async () => {
		const wrong = await people.form('/oauth2/token', { grant_type: 'password' });
		assert.deepEqual([wrong.status, wrong.json.error, wrong.headers['cache-control']], [400, 'unsupported_grant_type', 'no-store']);
		const twice = await g.ask('POST', '/oauth2/token', { body: 'grant_type=refresh_token&grant_type=refresh_token', type: form_type });
		assert.deepEqual([twice.status, twice.json.error], [400, 'invalid_request']);
		assert.equal((await g.ask('POST', '/oauth2/token', { body: { grant_type: 'refresh_token' } })).status, 415);
		assert.equal((await people.form('/oauth2/revoke', { token: 'sbr_unknown' })).status, 200);
		// A bearer that has expired does not stop whoever comes for a new one.
		assert.equal((await people.form('/oauth2/revoke', { token: 'sbr_unknown' }, { token: 'sbc_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' })).status, 200);
	});

	after(async () => {
		await g.stop();
		const files = await g.files();
		assert.ok(files.length > 5 && spoken.length > 0);
		for (const { name, bytes } of files)
			for (const word of spoken) assert.ok(!bytes.includes(word), `${name} holds ${word.slice(0, 4)}…`);
	});
	return { g, s, people };
}
