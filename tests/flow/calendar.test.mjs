// Goal: a year's calendar takes two people; a wrong table is refused by its line; once confirmed, whatever waited for it has a last day; and one who may do it at
// the command line is on record. Method: a synthetic next year, staff of several roles, a case whose limit runs past the last year that is known.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { Case, assert_problem, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { first, hire } from './lib/staff.mjs';
import { until } from './lib/until.mjs';

const g = await gateway({ settings: { 'rate.read': 0, 'rate.write': 0 } });
const w = await world(g);
const security = await first(g, 'cal.security', 'security_admin'), system = await first(g, 'cal.system', 'system_admin');
const operator = await hire(security, system, 'cal.operator', '621200', 'operator'), supervisor = await hire(security, system, 'cal.supervisor', '621200', 'supervisor');
const county_operator = await hire(security, system, 'cal.county', '621221', 'operator');

const head = 'date,kind,name,source,region';
const known = Number((await g.sql('SELECT MAX(year) FROM calendar_year')).trim()), next = known + 1;
const days = [['01-01', '元旦'], ['02-05', '春节'], ['02-06', '春节'], ['02-07', '春节'], ['02-08', '春节'], ['04-05', '清明节'], ['05-01', '劳动节'], ['05-02', '劳动节'],
	['06-09', '端午节'], ['09-15', '中秋节'], ['10-01', '国庆节'], ['10-02', '国庆节'], ['10-03', '国庆节']];
const table = (year, more = []) => [head, ...days.map(([d, name]) => `${year}-${d},off,${name},测试〔${year}〕1号,`), ...more].join('\n') + '\n';

const upload = (year, body, { by = operator, key = randomUUID(), type = 'text/csv' } = {}) => g.h2.request('POST', `/v1/staff/calendars?year=${year}`, {
	headers: { authorization: `Bearer ${by.token}`, 'idempotency-key': key, 'content-type': type }, body });
const json_of = (answer) => JSON.parse(answer.text);
async function refused(year, body, line, column, reason) {
	const answer = await upload(year, body);
	assert.equal(answer.status, 422, answer.text);
	const { code, ...facts } = json_of(answer);
	assert.deepEqual([code, facts.line, String(facts.column), facts.reason], ['import', line, column, reason]);
}

test('a wrong table is refused by its line', async () => {
	const text = table(next), lines = text.trimEnd().split('\n');
	await refused(next, text.replace(`${next}-05-02`, `${next}-05-01`), 9, 'date', 'day_twice');
	await refused(next, text.replace(`${next}-06-09`, `${known}-06-09`), 10, 'date', 'not_of_this_year');
	await refused(next, text.replace(`${next}-02-06`, `${next}-02-14`), 4, 'date', 'holiday_with_a_gap');
	await refused(next, lines.slice(0, -1).join('\n'), 13, 'date', 'year_is_a_fragment');
	await refused(next, Buffer.concat([Buffer.from(`${head}\n${next}-01-01,off,`), Buffer.from([0xd4, 0xaa, 0xb5, 0xa9]), Buffer.from(',x,\n')]), 2, '3', 'not_utf8');
	await refused(next, `${head}\n${next}-01-01,off,元旦\n`, 2, 'source', 'missing_field');
	await refused(next, 'day,kind\n', 1, 'date', 'not_the_expected_header');
	assert.equal((await upload(next, text, { type: 'application/json' })).status, 415);
	assert.equal(json_of(await upload('soon', text)).pointer, 'year');
	assert.equal((await upload(next, text, { by: supervisor })).status, 403);
	assert.equal(json_of(await upload(next + 1, table(next + 1))).pointer, '/subject'); // the year between is not known
	assert.equal(json_of(await upload(next, text, { by: county_operator })).pointer, '/region');
	assert.equal((await g.sql('SELECT COUNT(*) FROM proposal WHERE kind = 30')).trim(), '0');
});

test('proposed by one, confirmed by another; and what waited has its last day', async () => {
	// So long that it ends in a year nobody knows.
	const c = await new Case(g, w).live('submitted', 'accepted');
	await c.send('extended', { extend_days: 60, document: '测试〔2026〕1号' });
	await until('it waits for a calendar', async () => (await c.show()).json.limit.light === 'pending');

	const key = randomUUID(), made = await upload(next, `\ufeff${table(next)}`, { key });
	assert.equal(made.status, 201, made.text);
	assert.equal((await upload(next, `\ufeff${table(next)}`, { key })).text, made.text);
	const { id } = json_of(made);
	assert_problem(await operator.propose('calendar_year', '621200', { table: table(next) }, String(next)), 409, 'conflict');
	assert.equal((await operator.decide(id, 'approve')).status, 403);
	assert.equal((await system.decide(id, 'approve')).status, 403); // may propose, not confirm
	const seen = (await supervisor.ask('GET', `/v1/staff/proposals/${id}`)).json;
	assert.deepEqual([seen.kind, seen.subject, seen.maker], ['calendar_year', String(next), 'cal.operator']);
	assert.match(seen.payload.table, new RegExp(`${next}-10-03,off,国庆节`));
	assert.equal((await g.get(`/v1/calendar/${next}`)).status, 404);
	assert.equal((await supervisor.decide(id, 'approve')).status, 200);
	assert.equal((await g.get(`/v1/calendar/${next}`)).status, 200);
	const due = async () => (await g.sql(`SELECT COUNT(*) FROM case_clock WHERE phase < 3 AND calendar < (SELECT MAX(version) FROM calendar_year)`)).trim() === '0';
	await until('every clock is made with it', due, { timeout: 15000 });
	const { limit } = (await c.show()).json;
	assert.deepEqual([limit.light, limit.due_on.slice(0, 4)], ['green', String(next)]);
	assert.equal((await g.sql('SELECT COUNT(*) FROM audit WHERE act = 104')).trim(), '1');
	assert_problem(await supervisor.decide(id, 'approve'), 409, 'conflict');
	// the same once more is no news; a correction is, and takes the place of the whole year
	assert_problem(await operator.propose('calendar_year', '621200', { table: table(next) }, String(next)), 409, 'conflict');
	const again = await operator.propose('calendar_year', '621200', { table: table(next, [`${next}-12-24,off,测试日,测试〔${next}〕2号,`]) }, String(next));
	assert.equal((await supervisor.decide(again.json.id, 'approve')).status, 200);
	const { days: shown } = (await g.get(`/v1/calendar/${next}`)).json;
	assert.ok(JSON.stringify(shown).includes(`${next}-12-24`));
	const back = await operator.propose('calendar_year', '621200', { table: table(next) }, String(next));
	assert.equal((await supervisor.decide(back.json.id, 'approve')).status, 200);
	assert.ok(!JSON.stringify((await g.get(`/v1/calendar/${next}`)).json.days).includes(`${next}-12-24`));
	assert.equal(assert_problem(await operator.propose('calendar_year', '621200', { table: 'x' }, String(next)), 422, 'import').json.line, 1);
	assert.equal(assert_problem(await operator.propose('calendar_year', '621200', { tables: 'x' }, String(next)), 422, 'unknown_field').json.pointer, '/tables');
});

test('who may open the files needs nobody, and is on record', async () => {
	const count = async () => Number((await g.sql('SELECT COUNT(*) FROM audit WHERE act = (SELECT act FROM audit WHERE id = 1) AND subject_kind = 3 AND subject_id = 4')).trim());
	const before = await count(), file = path.join(g.state, 'calendar.csv');
	writeFileSync(file, `${head}\n${next}-12-31,off,测试日,测试,\n`);
	assert.match(await g.command('import', 'calendar', file), / 1 changed$/);
	assert.equal(await count(), before + 1);
});
