// Goal: who did what can be read by those who supervise, in an order that is proved, within their region, and by nobody else; who is refused is on record without
// being able to fill it; who looks at somebody in full leaves a trace with his reason; the command line writes it all down with the head that proves it.
// Method: a small world of citizens, clerks and cases; every answer held against what was done.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { sandbox } from '../sandbox/lib/client.mjs';
import { Case, assert_problem, world } from './lib/cases.mjs';
import { gateway, siban } from './lib/gateway.mjs';
import { People, authority_settings, device, phone } from './lib/people.mjs';
import { first, hire } from './lib/staff.mjs';
import { on_postgres } from './lib/stores.mjs';
import { until } from './lib/until.mjs';

const s = await sandbox();
const g = await gateway({ settings: { ...authority_settings(s), 'rate.public': 0, 'rate.read': 0, 'rate.write': 0, 'staff.logins_per_address': 1000 } });
const w = await world(g), people = new People(g);
const one = { number: '621299199006150131', name: '张三' };
const [system, security, auditor] = [await first(g, 'li.system', 'system_admin'), await first(g, 'wang.security', 'security_admin'), await first(g, 'zhao.audit', 'audit_admin')];
const county = await hire(security, system, 'cheng.super', '621221', 'supervisor');
const sql = (text) => g.sql(text);
const has = (words) => (on_postgres ? `position(convert_to('${words}', 'UTF8') IN detail) > 0` : `instr(detail, CAST('${words}' AS BLOB)) > 0`);
const sealed = () => until('everything is sealed', async () => (await g.control('POST', '/control/seal/head')).json.unsealed === 0);

// Every page behind a filter, as its reader gets it.
async function all(reader, filter = '', limit = 50) {
	const rows = [];
	for (let cursor = '', more = true; more;) {
		const answer = await reader.ask('GET', `/v1/staff/audit?limit=${limit}${filter}${cursor}`);
		assert.equal(answer.status, 200, answer.text);
		rows.push(...answer.json.items);
		cursor = `&cursor=${answer.json.next_cursor}`;
		({ more } = answer.json);
	}
	return rows;
}

// One act, once the sealer has been there.
const act = (filter, fits) => until(`an act ${filter}`, async () => (await all(auditor, filter)).find(fits));

test('a login is there for a prefecture’s auditor, page by page in one order, and a filter is a filter', async () => {
	const { access_token: token } = await people.login(phone(), device());
	assert.ok(token);
	await sealed();
	const rows = await all(auditor, '', 3);
	assert.ok(rows.length > 10);
	assert.deepEqual(rows.map((r) => r.seal_seq), [...rows.map((r) => r.seal_seq)].sort((a, b) => a - b));
	assert.equal(new Set(rows.map((r) => r.seal_seq)).size, rows.length);
	const logins = await all(auditor, '&act=logged_in&subject=person');
	assert.ok(logins.length >= 1 && logins.every((r) => r.act === 'logged_in' && r.subject.kind === 'person'));
	const about = logins.at(-1).subject.id;
	assert.deepEqual((await all(auditor, `&subject=person:${about}&act=logged_in`)).map((r) => r.seal_seq), logins.filter((r) => r.subject.id === about).map((r) => r.seal_seq));
	const by_staff = await all(auditor, '&actor=staff');
	assert.ok(by_staff.length > 0 && by_staff.every((r) => r.actor.kind === 'staff'));
	assert.ok(by_staff.some((r) => r.actor.account === 'wang.security' && r.title === '提出提议'));
	const late = rows.at(-2).sealed_at, since = await all(auditor, `&from=${encodeURIComponent(late)}`);
	assert.ok(since.length >= 2 && since.every((r) => r.sealed_at >= late));
	const before = await all(auditor, `&to=${encodeURIComponent(late)}`);
	assert.deepEqual(before.map((r) => r.seal_seq), rows.filter((r) => r.sealed_at < late).map((r) => r.seal_seq));
	for (const [query, pointer] of [['act=flew', 'act'], ['actor=king', 'actor'], ['actor=staff:x', 'actor'], ['subject=moon:1', 'subject'], ['from=yesterday', 'from'], ['to=2026', 'to']]) {
		const wrong = await auditor.ask('GET', `/v1/staff/audit?${query}`);
		assert.deepEqual([wrong.status, wrong.json.code, wrong.json.pointer], [400, 'invalid_query', pointer], wrong.text);
	}
});

test('a county’s supervisor sees his county, and nothing that lies elsewhere or nowhere', async () => {
	await sealed();
	const rows = await all(county);
	assert.ok(rows.length > 0);
	assert.ok(rows.every((r) => sql(`SELECT region FROM fact f JOIN seal s ON s.fact = f.id WHERE s.seq = ${r.seal_seq}`).startsWith('621221')), JSON.stringify(rows));
	assert.ok((await all(auditor)).length > rows.length);
	assert_problem(await security.ask('GET', '/v1/staff/audit'), 403, 'forbidden');
});

test('who read the record is on record', async () => {
	const row = await act('&act=audit_read', (r) => r.actor.account === 'cheng.super');
	assert.match(row.detail, /^read staff_audit/);
});

test('refusals: the first is there at once, a thousand are no more than one more', async () => {
	const { access_token: token } = await people.login(phone(), device());
	const rows = () => Number(sql('SELECT count(*) FROM audit WHERE act = 80'));
	assert_problem(await g.get('/v1/cases', { token }), 403, 'level_too_low');
	const low = await act('&act=access_refused&actor=citizen', (r) => r.detail === 'level case_list');
	assert.deepEqual([low.result, low.subject.kind], [403, 'route']);
	const before = rows();
	for (let i = 0; i < 1000; i += 100) await Promise.all(Array.from({ length: 100 }, () => g.get('/v1/cases', { token })));
	await security.ask('GET', '/v1/staff/audit');
	await act('&act=access_refused&actor=staff', (r) => r.detail === 'right staff_audit' && r.actor.account === 'wang.security');
	assert.ok(rows() - before <= 2, `${rows() - before} rows for a thousand refusals`);
	const theirs = await new Case(g, w).live('submitted');
	assert.equal((await g.get(`/v1/cases/${theirs.case_no}`, { token: w.stranger })).status, 404);
	await act('&act=access_refused&actor=citizen', (r) => r.detail === 'owner case_show' && r.result === 404);
	// nobody's are counted, not kept
	const then = rows();
	for (let i = 0; i < 20; i++) assert.equal((await g.get('/v1/cases')).status, 401);
	assert.equal(rows(), then);
});

test('me in full: with a fresh face, and on record', async () => {
	const number = phone(), { access_token: token } = await people.login(number, device());
	const reveal = (options) => g.ask('POST', '/v1/me/identity/reveal', { token, ...options });
	assert_problem(await reveal(), 403, 'level_too_low');
	assert.equal((await people.confirm(token, one)).status, 200);
	assert.equal((await reveal()).json.step, 'live_face');
	assert.equal((await people.step_up(token, `face-of-${one.number}`)).status, 200);
	for (const via of ['h2', 'h1']) {
		const full = await reveal({ via });
		assert.deepEqual(full.json, { id_type: 'resident', id_country: null, name: one.name, id_number: one.number, phone: number });
	}
	assert.equal((await g.get('/v1/me', { token })).json.name, '张*');
	const row = await act('&act=identity_revealed', () => true);
	assert.equal(row.actor.id, row.subject.id);
});

test('a clerk sees an applicant in full when he says why, in his own county', async () => {
	const clerk = await hire(security, system, 'chen.window', w.region, 'window_clerk');
	const far = await hire(security, system, 'he.window', '621221', 'window_clerk');
	const theirs = await new Case(g, w).live('submitted', 'accepted'), target = `/v1/staff/cases/${theirs.case_no}/applicant`;
	const ask = (who, body, via) => who.ask('POST', target, { body, via });
	assert.equal((await ask(clerk, {})).json.pointer, '/reason');
	assert.equal((await ask(clerk, { reason: '看' })).json.pointer, '/reason');
	assert_problem(await ask(far, { reason: '群众来窗口核对材料' }), 404, 'not_found');
	assert_problem(await ask(system, { reason: '群众来窗口核对材料' }), 403, 'forbidden');
	for (const via of ['h2', 'h1']) {
		const seen = await ask(clerk, { reason: '群众来窗口核对材料' }, via);
		assert.deepEqual([seen.status, seen.json.case_no, seen.json.id_number], [200, theirs.case_no, w.person], seen.text);
	}
	const row = await act('&act=applicant_seen', (r) => r.actor.account === 'chen.window');
	assert.equal(row.detail, `${theirs.case_no} 群众来窗口核对材料`);
	assert.equal(row.subject.kind, 'person');
	assert.equal(sql(`SELECT count(*) FROM audit WHERE ${has("群众")}`), '0', 'what people write is sealed');
});

test('the record as a file, with the head that proves it; beside a gateway and without one', async () => {
	const run = (...words) => spawnSync(siban, ['audit', ...words, '--config', g.conf], { encoding: 'utf8', maxBuffer: 64 << 20 });
	await sealed();
	const lines = (out) => out.trimEnd().split('\n').map((line) => JSON.parse(line));
	const beside = run('export');
	assert.equal(beside.status, 0, beside.stderr);
	const file = lines(beside.stdout), { head, rows } = file.pop();
	assert.equal(file.length, rows);
	assert.deepEqual(file.map((r) => r.seal_seq), (await all(auditor)).map((r) => r.seal_seq).filter((n) => n <= Number(head.split(':')[0])));
	assert.match(beside.stderr, /seal \d+ of \d+, \d+ rows, \d+ rows\/s/);
	for (const noted of [head, `${file[0].seal_seq}:${file[0].chain}`])
		assert.equal(spawnSync(siban, ['seal', 'verify', '--from', noted, '--config', g.conf]).status, 0, noted);
	assert.deepEqual(lines(run('export', '--to', '2001-01-01').stdout), [{ head, rows: 0 }]);
	assert.equal(lines(run('export', '--from', '2001-01-01', '--to', '2999-01-01T00:00:00+08:00').stdout).length, rows + 1);
	for (const wrong of [[], ['import'], ['export', '--from', 'yesterday'], ['export', '--to', '1999']]) assert.equal(run(...wrong).status, 2, wrong.join(' '));
	await g.stop();
	// what was counted within the hour is written when the gateway stops
	assert.match(sql(`SELECT ${on_postgres ? "convert_from(detail, 'UTF8')" : 'detail'} FROM audit WHERE act = 80 AND ${has("level case_list")} ORDER BY id DESC LIMIT 1`), /^level case_list, 1000 more times within the hour$/);
	const offline = run('export');
	assert.equal(offline.status, 0, offline.stderr);
	assert.ok(lines(offline.stdout).some((r) => r.act === 'applicant_seen' && r.detail.endsWith('群众来窗口核对材料')));
});
