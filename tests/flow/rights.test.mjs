// Goal: a person reads everything we hold about him, in full after showing his face and never otherwise; corrects it; and is forgotten: after the days in which he can
// take it back, with what the law keeps said in the answer, and with nothing left that leads to him. Whoever has his number later is somebody new.
// Method: people with cases, messages, notices by SMS, mandates and a clerk's look; the database and its files searched before and after.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { sandbox } from '../sandbox/lib/client.mjs';
import { Case, assert_problem, id_number, now, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { People, authority_settings, device, phone, sms_settings } from './lib/people.mjs';
import { first, hire } from './lib/staff.mjs';
import { sql_bytes } from './lib/stores.mjs';
import { until } from './lib/until.mjs';

const secrets = mkdtempSync(path.join(os.tmpdir(), 'siban-rights-'));
process.once('exit', () => rmSync(secrets, { recursive: true, force: true }));
writeFileSync(path.join(secrets, 'sms.key'), 'sandbox-access-key-secret', { mode: 0o600 });

const s = await sandbox();
const g = await gateway({ settings: { ...authority_settings(s), ...sms_settings(s, path.join(secrets, 'sms.key')), 'sms.aliyun.template.case_moved': 'SMS_100000002',
	'rate.public': 0, 'rate.read': 0, 'rate.write': 0, 'otp.per_address': 100000, 'erasure.days': 7 } });
const w = await world(g), people = new People(g, s);
const one = { number: '621299199006150131', name: '张三' }, two = { number: '62129919850101006X', name: '李小明' };
const sql = (text) => g.sql(text);
const data = async (token, part, query = '') => (await g.get(`/v1/me/data/${part}?limit=100${query}`, { token })).json;
const erasure = (token, method = 'POST', options = {}) => g.ask(method, '/v1/me/erasure', { token, ...(method === 'POST' ? { key: randomUUID() } : {}), ...options });

async function known(who, number = phone(), id = device()) {
	const { access_token: token, refresh_token } = await people.login(number, id);
	assert.equal((await people.confirm(token, who)).status, 200);
	return { ...who, token, refresh_token, phone: number, device: id };
}
const face = async (p) => assert.equal((await people.step_up(p.token, `face-of-${p.number}`)).status, 200);

// As if the days were over; the job is not waited for longer than a start.
async function days_later() {
	await g.stop();
	await g.forget();
	sql('UPDATE erasure SET due_ms = 1 WHERE state = 1; UPDATE otp_day SET last_ms = last_ms - 60000');
	await g.serve();
}

const zhang = await known(one);
const mine = await new Case(g, w, { person: one.number }).live('submitted', 'received', 'accepted');

test('everything we hold, part by part; masked, and in full with a face; and that it was taken out is on record', async () => {
	const { items: parts } = (await g.get('/v1/me/data', { token: zhang.token })).json;
	assert.ok(parts.length > 12);
	for (const { part, title } of parts) {
		const page = await data(zhang.token, part);
		assert.deepEqual([page.part, page.title], [part, title]);
		assert.ok(Array.isArray(page.items), part);
	}
	const [me] = (await data(zhang.token, 'person')).items;
	assert.deepEqual([me.name, me.id_number, me.phone], ['张*', '6****************1', `139****${zhang.phone.slice(7)}`]);
	assert.equal((await data(zhang.token, 'logins')).items[0].value, me.phone);
	assert.equal((await data(zhang.token, 'cases')).items[0].case_no, mine.case_no);
	assert.equal((await data(zhang.token, 'case_events')).items.length, 3);
	assert.ok((await data(zhang.token, 'messages')).items[0].text.startsWith('已受理\n'));
	assert.equal((await data(zhang.token, 'notices')).items[0].content, null);
	g.sql(`INSERT INTO blob (id, person, name, content_hash, bytes, media, made_ms, head) SELECT 1, p.id, ${sql_bytes('a blob, 16 bytes')}, ${sql_bytes('x')}, 70, 'image/png', 1000, ${sql_bytes('')}
		FROM person p JOIN login l ON l.person = p.id JOIN cases c ON c.person = p.id WHERE c.case_no = '${mine.case_no}' LIMIT 1`);
	assert.deepEqual((await data(zhang.token, 'files')).items, [{ media_type: 'image/png', bytes: 70, made_at: '1970-01-01T08:00:01.000+08:00' }]);
	g.sql('DELETE FROM blob');
	const refused = await g.get('/v1/me/data/person?full=1', { token: zhang.token });
	assert.deepEqual([refused.status, refused.json.code, refused.json.step], [403, 'level_too_low', 'live_face']);
	await face(zhang);
	for (const via of ['h2', 'h1']) {
		const full = (await g.get('/v1/me/data/person?full=1', { token: zhang.token, via })).json.items[0];
		assert.deepEqual([full.name, full.id_number, full.phone], [one.name, one.number, zhang.phone]);
	}
	assert.ok((await data(zhang.token, 'notices', '&full=1')).items[0].content.includes(zhang.phone));
	const acts = (await data(zhang.token, 'acts_of_mine')).items;
	assert.ok(acts.some((a) => a.act === 'data_exported' && a.detail === 'person, in full'));
	assert_problem(await g.get('/v1/me/data/secrets', { token: zhang.token }), 404, 'not_found');
	assert_problem(await g.get('/v1/me/data/person?full=yes', { token: zhang.token }), 400, 'invalid_query');
	// page by page, nothing twice, nothing left out
	const seen = [];
	for (let cursor = ''; cursor !== null;) {
		const page = (await g.get(`/v1/me/data/case_events?limit=1${cursor}`, { token: zhang.token })).json;
		seen.push(...page.items.map((e) => e.seq));
		cursor = page.next_cursor === null ? null : `&cursor=${page.next_cursor}`;
	}
	assert.deepEqual(seen, [1, 2, 3]);
});

let system;

test('what a clerk said when he looked is there for him at whom he looked', async () => {
	system = await first(g, 'li.system', 'system_admin');
	const security = await first(g, 'wang.security', 'security_admin');
	const clerk = await hire(security, system, 'chen.window', w.region, 'window_clerk');
	const reason = '群众来窗口核对材料';
	assert.equal((await clerk.ask('POST', `/v1/staff/cases/${mine.case_no}/applicant`, { body: { reason } })).json.id_number, one.number);
	const acts = (await data(zhang.token, 'acts_about_me')).items;
	const seen = acts.find((a) => a.act === 'applicant_seen');
	assert.deepEqual([seen.actor, seen.detail], ['staff', `${mine.case_no} ${reason}`]);
});

test('a notice, who agreed to it and when; a newer one asks anew, and shuts nothing', async () => {
	const file = path.join(secrets, 'notices.csv'), load = (...rows) => {
		writeFileSync(file, ['version,from,title,text', ...rows].join('\n') + '\n');
		return g.command('import', 'notices', file);
	};
	const state = async () => (await g.get('/v1/me', { token: zhang.token })).json.consent;
	const give = (notice) => g.ask('POST', '/v1/me/consents', { token: zhang.token, key: randomUUID(), body: { notice } });
	assert.equal(await state(), 'none');
	assert_problem(await g.get('/v1/notices/current'), 404, 'not_found');
	await load('2026-01,2026-01-01,隐私告知,我们如何处理您的个人信息。', '2099-01,2099-01-01,将来,尚未生效。');
	assert.deepEqual((await g.get('/v1/notices/current')).json, { version: '2026-01', from: '2026-01-01T00:00:00.000+08:00', title: '隐私告知', text: '我们如何处理您的个人信息。' });
	assert.equal(await state(), 'asked');
	assert.equal((await give('2099-01')).json.pointer, '/notice');
	for (let twice = 0; twice < 2; twice++) assert.equal((await give('2026-01')).status, 204);
	assert.equal(await state(), 'given');
	await load('2026-01,2026-01-01,隐私告知,偷偷改过的文字。').then(() => assert.fail('should fail'), (e) => assert.match(e.stderr, /agreed_to_already/));
	await load('2026-02,2026-02-01,隐私告知（第二版）,我们如何处理您的个人信息，更详细。');
	assert.equal(await state(), 'asked');
	assert.equal((await give('2026-02')).status, 204);
	for (const want of [204, 404]) assert.equal((await g.ask('DELETE', '/v1/me/consents/2026-02', { token: zhang.token })).status, want);
	assert.equal(await state(), 'asked');
	const { items } = (await g.get('/v1/me/consents', { token: zhang.token, via: 'h1' })).json;
	assert.deepEqual(items.map((c) => [c.notice, c.withdrawn_at !== null]), [['2026-02', true], ['2026-01', false]]);
	assert.equal((await data(zhang.token, 'consents')).items.length, 2);
	assert.equal(sql('SELECT count(*) FROM audit WHERE act = 92') + sql('SELECT count(*) FROM audit WHERE act = 93'), '21');
});

test('an open case stands against it, and is named; a wish can be taken back', async () => {
	const blocked = await erasure(zhang.token);
	assert.deepEqual([blocked.status, blocked.json.code, blocked.json.open_cases, blocked.json.cases], [409, 'open_cases', 1, mine.case_no], blocked.text);
	await mine.live('decided_ok', 'done', 'delivered');
	const low = await known(two, phone());
	assert.equal((await erasure(low.token)).json.step, 'live_face');
	assert_problem(await erasure(low.token, 'GET'), 404, 'not_found');
	assert_problem(await erasure(low.token, 'DELETE'), 404, 'not_found');
	const key = randomUUID(), asked = await erasure(zhang.token, 'POST', { key });
	assert.equal(asked.status, 202, asked.text);
	assert.equal(asked.json.state, 'waiting');
	assert.ok(Math.abs(Date.parse(asked.json.due_at) - Date.parse(asked.json.asked_at) - 7 * 86400e3) < 1000);
	assert.ok(asked.json.kept.some((k) => k.what === '办件' && k.why.includes('档案法')) && asked.json.erased.includes('姓名、证件号码、电话'));
	assert.deepEqual((await erasure(zhang.token, 'POST', { key })).json, asked.json);
	assert_problem(await erasure(zhang.token), 409, 'conflict');
	assert.equal((await erasure(zhang.token, 'GET')).json.state, 'waiting');
	assert.equal((await erasure(zhang.token, 'DELETE')).status, 204);
	assert.equal((await erasure(zhang.token, 'GET')).json.state, 'taken_back');
	await days_later();
	assert.equal((await g.get('/v1/me', { token: zhang.token })).json.name, '张*', 'what was taken back is not done');
});

test('forgotten: nothing leads to him, what the law keeps names nobody, and whoever comes with his number is new', async () => {
	// a second account that was merged into his, a mandate he holds, one he gave
	const second = await known(one, phone());
	const li = await known(two, phone());
	for (const [who, giver] of [[zhang, two], [li, one]]) {
		const made = await g.ask('POST', '/v1/me/mandates', { token: who.token, key: randomUUID(), body: { kind: 'agent', id_number: giver.number, name: giver.name, scopes: 'see_cases', until: now(24 * 3600e3) } });
		assert.equal(made.status, 201, made.text);
	}
	const person = Number(sql('SELECT into_person FROM person_merge ORDER BY id LIMIT 1')), merged = Number(sql('SELECT from_person FROM person_merge ORDER BY id LIMIT 1'));
	await face(zhang);
	assert.equal((await erasure(zhang.token)).status, 202);
	await days_later();
	await until('it is done', () => sql(`SELECT state FROM erasure WHERE person = ${person} ORDER BY id DESC LIMIT 1`) === '4');
	for (const { token } of [zhang, second]) assert.equal((await g.get('/v1/me', { token })).status, 401);
	assert.equal((await people.refresh(zhang.refresh_token, zhang.device)).status, 400);
	for (const id of [person, merged]) {
		assert.equal(sql(`SELECT kind, length(facts), coalesce(id_hash_a, id_hash_b, phone_hash_a, phone_hash_b) FROM person WHERE id = ${id}`), '0|0|');
		for (const [table, where] of [['login', 'person'], ['device', 'person'], ['message', 'person'], ['stream_event', 'person'], ['identity_try', 'person']])
			assert.equal(sql(`SELECT count(*) FROM ${table} WHERE ${where} = ${id}`), '0', table);
		for (const table of ['session', 'token']) assert.equal(sql(`SELECT count(*) FROM ${table} WHERE kind = 2 AND principal_id = ${id}`), '0', table);
		assert.equal(sql(`SELECT count(*) FROM effect JOIN effect_payload ON effect = id WHERE person = ${id} AND length(payload) > 0`), '0');
		assert.equal(sql(`SELECT count(*) FROM mandate WHERE (holder = ${id} OR giver = ${id}) AND (length(said) > 0 OR state IN (1, 2))`), '0');
	}
	assert.equal(sql(`SELECT count(*) FROM cases WHERE person = ${person}`), '1', 'the authority’s file stays');
	// the slip of the old case opens nothing any more
	assert_problem(await g.ask('POST', '/v1/case-lookups', { body: { case_no: mine.case_no, id_last4: one.number.slice(-4) } }), 404, 'case_lookup_failed');
	// the other side of a mandate sees no name any more, and still can read its list
	assert.deepEqual((await g.get('/v1/me/mandates', { token: li.token })).json.items.map((m) => [m.state, m.name]), [['revoked', null]]);
	assert.equal(await g.command('seal', 'verify').then((out) => out.includes('all as it was written')), true);
	// somebody new with the same number
	const again = await known(one, zhang.phone, device());
	assert.equal((await g.get('/v1/cases', { token: again.token })).json.items.length, 0);
	assert.equal((await g.get('/v1/messages', { token: again.token })).json.items.length, 0);
	assert.equal((await data(again.token, 'acts_about_me')).items.some((a) => a.act === 'applicant_seen'), false);
});

test('who is held is not forgotten before two people have released him', async () => {
	const held = await known({ number: two.number, name: two.name }, phone());
	const theirs = await new Case(g, w, { person: two.number }).live('submitted', 'withdrawn');
	const audit = await first(g, 'zhao.audit', 'audit_admin');
	const decide = async (kind, payload) => {
		const made = await audit.propose(kind, w.region, payload, theirs.case_no);
		assert.equal(made.status, 201, made.text);
		assert.equal((await audit.decide(made.json.id, 'approve')).status, 403);
		const answer = await system.decide(made.json.id, 'approve');
		if (answer.status !== 200) assert.equal((await audit.decide(made.json.id, 'withdraw')).status, 200);
		return answer;
	};
	assert.equal((await decide('hold_release', {})).json.code, 'conflict');
	assert.equal((await decide('hold_place', { reason: '法院要求保全证据' })).status, 200);
	assert.match(await g.command('hold', 'list'), new RegExp(`^${theirs.case_no} .* by zhao.audit and li.system  法院要求保全证据\n1 holds$`));
	assert.equal((await audit.propose('hold_place', w.region, { reason: '看' }, theirs.case_no)).json.pointer, '/reason');
	assert.equal((await audit.propose('hold_place', w.region, { reason: '法院要求' }, 'LN621202202601010000000')).json.pointer, '/subject');
	await face(held);
	assert.equal((await erasure(held.token)).status, 202);
	await days_later();
	await until('it is put off', () => Number(sql('SELECT due_ms FROM erasure ORDER BY id DESC LIMIT 1')) > Date.now());
	assert.equal((await g.get('/v1/me', { token: held.token })).json.name, '李*明');
	assert.equal((await decide('hold_release', {})).status, 200);
	assert.equal(await g.command('hold', 'list'), '0 holds');
	await days_later();
	await until('it is done', () => sql('SELECT state FROM erasure ORDER BY id DESC LIMIT 1') === '4');
});

test('who is known by a phone alone is forgotten too, and no file holds a word of anybody', async () => {
	const number = phone(), { access_token: token } = await people.login(number, device());
	assert.equal((await erasure(token)).status, 202);
	await days_later();
	await until('it is done', () => sql('SELECT count(*) FROM erasure WHERE state IN (1, 3)') === '0');
	assert.equal((await g.get('/v1/me', { token })).status, 401);
	await g.stop();
	for (const file of readdirSync(g.state, { recursive: true, withFileTypes: true }).filter((f) => f.isFile())) {
		const bytes = readFileSync(path.join(file.parentPath ?? file.path, file.name));
		for (const word of [number, zhang.phone, one.number, one.name, two.number, two.name]) assert.ok(!bytes.includes(word), `${file.name} holds ${word.slice(0, 3)}…`);
	}
});
