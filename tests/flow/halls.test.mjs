// Goal: what the rules say can be booked is what is shown: by day and by slot, for a window and for a matter; and follows the rules, the calendar and the
// times without slots when they change.
// Method: rules imported as an operator does, well and badly; the shown days held against the calendar the gateway itself shows.
import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import { assert_problem, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { days_ahead, open_halls, sessions, set_blackouts, set_matters, set_rules, slots_are_made, slots_of } from './lib/halls.mjs';
import { source_dir } from './lib/openapi.mjs';

const g = await gateway({ settings: { 'rate.public': 0 } });
const w = await world(g);
const hall = 'H621202', rule = (more = {}) => Object.values({ hall, window: 'commerce', sessions: '1-5 08:30-12:00;1-5 14:30-17:30', slot: 30, capacity: 10, walk_in: 30, horizon: 5,
	notice: 0, letter: 'B', ...more }).join(',');
await open_halls(g, [rule(), rule({ window: 'other', letter: 'H', capacity: 2, walk_in: 100 })], [`${hall},commerce,${w.matter.code},on`]);
const refused = async (run, ...words) => {
	const { stderr } = await run.then(() => assert.fail('was taken'), (e) => e);
	for (const word of words) assert.ok(stderr.includes(word), stderr);
};

test('days and slots are those of the rules and of the calendar', async () => {
	const all = await sessions(g, hall, 'window=commerce');
	assert.deepEqual([all.hall, all.window, all.slot_minutes, all.notice_minutes], [hall, 'commerce', 30, 0]);
	const days = await days_ahead(g, hall, 'commerce');
	assert.equal(days.length, 5);
	for (const day of days) {
		const slots = await slots_of(g, hall, 'commerce', day);
		assert.equal(slots.length, 13);
		assert.deepEqual([slots[0].starts_at, slots[0].ends_at, slots[0].free], [`${day}T08:30:00.000+08:00`, `${day}T09:00:00.000+08:00`, 7]);
		assert.equal(slots[12].ends_at, `${day}T17:30:00.000+08:00`);
		assert.equal(all.days.find((d) => d.date === day).free, 13 * 7);
	}
	const years = new Map();
	for (const day of days) {
		const weekday = new Date(`${day}T00:00:00Z`).getUTCDay(), year = day.slice(0, 4);
		if (!years.has(year)) years.set(year, (await g.get(`/v1/calendar/${year}`)).json.days);
		const own = years.get(year).find((d) => d.date === day && d.region === null);
		assert.ok(own?.works ?? (weekday >= 1 && weekday <= 5), day);
	}
	assert.deepEqual((await sessions(g, hall, `matter=${w.matter.code}`)).days, all.days);
	assert.equal((await sessions(g, hall, 'window=other')).days[0].free, 0); // all of it is kept for walk-ins
});

test('what nobody has is said', async () => {
	for (const target of [`${hall}/sessions?window=birth`, 'H0/sessions?window=commerce', `${hall}/sessions?matter=none`]) assert_problem(await g.get(`/v1/halls/${target}`), 404, 'not_found');
	for (const query of ['', 'window=door', 'window=commerce&date=2026-02-30', `window=commerce&matter=${w.matter.code}`, 'window=commerce&day=1'])
		assert_problem(await g.get(`/v1/halls/${hall}/sessions?${query}`), 400, 'invalid_query');
	assert.deepEqual((await sessions(g, hall, 'window=commerce&date=2020-01-01')).days, []);
	assert.deepEqual((await sessions(g, hall, 'window=commerce&date=2190-01-01')).days, []);
});

test('a time without slots, and taken back', async () => {
	const [day] = await days_ahead(g, hall, 'commerce'), line = (state) => `${hall},commerce,${day},08:00,10:10,${state},系统检修`;
	assert.match(await set_blackouts(g, line('on')), /1 changed/);
	await slots_are_made(g);
	assert.equal((await slots_of(g, hall, 'commerce', day)).length, 9);
	assert.match(await set_blackouts(g, line('on')), /0 changed/);
	assert.match(await set_blackouts(g, line('off')), /1 changed/);
	await slots_are_made(g);
	assert.equal((await slots_of(g, hall, 'commerce', day)).length, 13);
});

test('rules that change change the slots; none is left of the old ones', async () => {
	assert.match(await set_rules(g, rule()), /0 changed/);
	assert.match(await set_rules(g, rule({ sessions: '1-5 09:00-11:00', slot: 60, capacity: 4, walk_in: 0, horizon: 2 })), /1 changed/);
	await slots_are_made(g);
	const [day] = await days_ahead(g, hall, 'commerce');
	assert.deepEqual((await slots_of(g, hall, 'commerce', day)).map((s) => [s.starts_at.slice(11, 16), s.ends_at.slice(11, 16), s.free]), [['09:00', '10:00', 4], ['10:00', '11:00', 4]]);
	await set_rules(g, rule());
	await slots_are_made(g);
});

test('a matter moves to another window, and leaves', async () => {
	const shown = async () => (await g.get(`/v1/halls/${hall}/sessions?matter=${w.matter.code}`)).json.window;
	await set_matters(g, `${hall},other,${w.matter.code},on`);
	assert.equal(await shown(), 'other');
	assert.match(await set_matters(g, `${hall},commerce,${w.matter.code},off`), /0 changed/);
	await set_matters(g, `${hall},other,${w.matter.code},off`);
	assert.equal(await shown(), undefined);
});

test('a file with a wrong line is refused by line and column, and nothing of it is in', async () => {
	const good = rule({ capacity: 9 });
	for (const [more, column, reason] of [[{ hall: 'H0' }, 'hall', 'unknown_hall'], [{ window: 'door' }, 'window', 'not_a_kind_of_window'], [{ sessions: '6 08:00-09:00' }, 'sessions', 'not_sessions'],
		[{ slot: 1 }, 'slot_minutes', 'not_a_number_in_range'], [{ sessions: '1-5 00:00-24:00', slot: 10 }, 'slot_minutes', 'too_many_slots_a_day'], [{ walk_in: 101 }, 'walk_in_percent', 'not_a_number'],
		[{ letter: 'b' }, 'letter', 'not_a_letter'], [{ window: 'birth', letter: 'H' }, 'letter', 'letter_of_another_window']])
		await refused(set_rules(g, good, rule(more)), 'line 3', column, reason);
	assert.equal(g.sql(`SELECT COUNT(*) FROM booking_group WHERE capacity = 9`), '0');
	const [day] = await days_ahead(g, hall, 'commerce');
	for (const [line, column, reason] of [[`${hall},health,${day},08:00,09:00,on,无`, 'window', 'no_booking_rules'], [`${hall},commerce,${day},09:00,08:00,on,无`, 'to', 'not_after_from'],
		[`${hall},commerce,${day},9:00,10:00,on,无`, 'from', 'not_a_time'], [`${hall},commerce,2026-02-30,08:00,09:00,on,无`, 'date', 'not_a_date'], [`${hall},commerce,${day},08:00,09:00,maybe,无`, 'state', 'neither']])
		await refused(set_blackouts(g, line), 'line 2', column, reason);
	await refused(set_matters(g, `${hall},commerce,none,on`), 'line 2', 'matter', 'unknown_matter');
});

test('what is shipped goes in as it is, once', async () => {
	await g.command('import', 'guides', path.join(source_dir, 'data/guides.jsonl'));
	for (const [kind, rows] of [['booking_rules', 80], ['window_matters', 89], ['blackouts', 0]]) {
		const file = path.join(source_dir, `data/${kind}.csv`);
		assert.match(await g.command('import', kind, file), new RegExp(`\\b${rows}\\b`));
		assert.match(await g.command('import', kind, file), /0 changed/);
	}
	assert.equal(g.sql('SELECT COUNT(*) FROM window_matter x WHERE NOT EXISTS (SELECT 1 FROM booking_group b WHERE b.hall = x.hall AND b.kind = x.kind)'), '0');
});
