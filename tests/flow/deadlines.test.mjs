// Goal: who owes something sees what ends when, in time; what became of it is in a feed that proves it; the scoreboard counts the same; a guide is seen whole and
// at once, and a case keeps the one of its opening day. Method: cases whose events happened some working days ago, so that lights are what they are today.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { inflateRawSync } from 'node:zlib';
import { Case, assert_problem, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { source_dir } from './lib/openapi.mjs';
import { first, hire } from './lib/staff.mjs';
import { until } from './lib/until.mjs';

const g = await gateway();
const w = await world(g);

// The day `n` days before today, in Asia/Shanghai, and its noon.
const day = (n) => new Date(Date.now() - n * 86400e3 + 8 * 3600e3).toISOString().slice(0, 10);
const noon = (n) => `${day(n)}T00:00:01+08:00`;

// A year is known by its notice; the run's own year may not be the shipped one.
async function know_the_years() {
	const year = Number(day(0).slice(0, 4)), file = path.join(g.state, 'calendar.csv');
	const rows = ['date,kind,name,source,region'];
	for (let y = Math.min(year - 1, 2026); y <= Math.max(year + 1, 2026); y++) if (y !== 2026) rows.push(`${y}-01-01,off,元旦,测试,`);
	writeFileSync(file, rows.join('\n') + '\n');
	await g.command('import', 'calendar', file);
}

async function feed_of(token) {
	const items = [];
	for (let cursor = '', more = true; more; ) {
		const { json, status, text } = await g.get(`/v1/department/deadlines/feed?limit=3${cursor && `&cursor=${cursor}`}`, { token });
		assert.equal(status, 200, text);
		items.push(...json.items);
		({ more, next_cursor: cursor } = json);
	}
	return items;
}

// One file of a zip archive: its place is in the directory at the end.
function unzipped(zip, name) {
	for (let at = zip.readUInt32LE(zip.lastIndexOf(Buffer.from('PK\x05\x06')) + 16); zip.readUInt32LE(at) === 0x02014b50; ) {
		const [method, size] = [zip.readUInt16LE(at + 10), zip.readUInt32LE(at + 20)];
		const [name_len, extra_len, note_len, local] = [zip.readUInt16LE(at + 28), zip.readUInt16LE(at + 30), zip.readUInt16LE(at + 32), zip.readUInt32LE(at + 42)];
		if (zip.toString('utf8', at + 46, at + 46 + name_len) === name) {
			const from = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28), bytes = zip.subarray(from, from + size);
			return (method === 8 ? inflateRawSync(bytes) : bytes).toString('utf8');
		}
		at += 46 + name_len + extra_len + note_len;
	}
	throw new Error(`no ${name} in the archive`);
}

test('limits that end are listed by their end, for their department only', async () => {
	await know_the_years();
	const late = await new Case(g, w).live(), soon = new Case(g, w), other = new Case(g, w);
	await late.send('submitted', { occurred_at: noon(40) });
	await soon.send('submitted', { occurred_at: noon(0) });
	await other.send('submitted', { occurred_at: noon(3) });
	await other.send('accepted', { occurred_at: noon(1) });
	const { json } = await g.get('/v1/department/deadlines?limit=100', { token: w.department });
	const mine = json.items.filter((i) => [late, soon, other].some((c) => c.case_no === i.case_no));
	assert.equal(mine[0].case_no, late.case_no);
	assert.equal(mine[0].light, 'red');
	assert.deepEqual(mine.filter((i) => i.case_no === other.case_no).map((i) => i.kind).sort(), ['promised', 'statutory']);
	assert.deepEqual(json.items.map((i) => i.due_on), json.items.map((i) => i.due_on).sort());
	const paged = [];
	for (let target = '/v1/department/deadlines?limit=1'; target; ) {
		const answer = await g.get(target, { token: w.department });
		paged.push(...answer.json.items);
		target = answer.json.next_cursor && `/v1/department/deadlines?limit=1&cursor=${answer.json.next_cursor}`;
	}
	assert.deepEqual(paged, json.items);
	const yesterday = (await g.get(`/v1/department/deadlines?until=${day(1)}`, { token: w.department })).json.items;
	assert.ok(yesterday.every((i) => i.due_on <= day(1)) && yesterday.some((i) => i.case_no === late.case_no));
	assert.deepEqual((await g.get('/v1/department/deadlines', { token: w.other_department })).json.items, []);
	assert_problem(await g.get('/v1/department/deadlines?until=tomorrow', { token: w.department }), 400, 'invalid_query');
	const shown = (await late.show()).json;
	assert.deepEqual([shown.limit.kind, shown.limit.light], ['acceptance', 'red']);
});

test('a clock that stops is told in the feed, sealed, and counted by the scoreboard', async () => {
	const c = await new Case(g, w).live();
	await c.send('submitted', { occurred_at: noon(60) });
	await c.send('accepted', { occurred_at: noon(50) });
	await c.send('correct_asked', { occurred_at: noon(49) });
	await c.send('correct_done', { occurred_at: noon(20) });
	await c.send('decided_ok', { occurred_at: noon(0) });
	const of_case = async () => (await feed_of(w.department)).filter((i) => i.case_no === c.case_no);
	const items = await until('its clocks are in the feed', async () => {
		const found = await of_case();
		return found.filter((i) => i.what.startsWith('stopped')).length >= 3 && found;
	});
	const stopped = Object.fromEntries(items.filter((i) => i.what.startsWith('stopped')).map((i) => [i.kind, i.what]));
	assert.equal(stopped.promised, 'stopped_late');
	assert.deepEqual(items.map((i) => i.seal_seq), items.map((i) => i.seal_seq).sort((a, b) => a - b));
	const text = await g.command('scoreboard', '--from', day(61), '--to', day(0));
	const row = text.split('\r\n').find((line) => line.includes(w.matter.department.name) && line.includes('"promised"'));
	assert.ok(row, text);
	const in_feed = (await feed_of(w.department)).filter((i) => i.kind === 'promised' && i.region === w.region);
	const [, , , count, in_time, late] = row.split(',');
	assert.equal(Number(in_time), in_feed.filter((i) => i.what === 'stopped_in_time').length);
	assert.equal(Number(late), in_feed.filter((i) => i.what === 'stopped_late').length);
	assert.equal(Number(count), Number(in_time) + Number(late));
	assert.ok(text.includes('supplements_asked'));
	// The workbook says the same, read by another program: unzip, and the words that are in it.
	const book = path.join(g.state, 'scoreboard.xlsx');
	await g.command('scoreboard', '--from', day(61), '--to', day(0), '--xlsx', book);
	const sheet = unzipped(readFileSync(book), 'xl/worksheets/sheet1.xml'); // its words stand in it: it is written row by row
	assert.ok(sheet.includes(w.matter.department.name) && sheet.includes('supplements_asked') && sheet.includes('promised'));
	assert.equal((sheet.match(/<row /g) ?? []).length, text.split('\r\n').length);
	await assert.rejects(g.command('scoreboard', '--from', day(61), '--to', day(0), '--xlsx', path.join(g.state, 'none', 'x.xlsx')));
	await assert.rejects(g.command('scoreboard', '--from', 'x', '--to', day(0)));
});

test('trips are what events say, a day is one trip, and the scoreboard counts what the feeds show', async () => {
	const security = await first(g, 'tally.security', 'security_admin'), system = await first(g, 'tally.system', 'system_admin');
	const supervisor = await hire(security, system, 'tally.super', w.region, 'supervisor'), elsewhere = await hire(security, system, 'tally.far', '621228', 'supervisor');
	const c = new Case(g, w), quick = new Case(g, w), held = new Case(g, w);
	await c.send('submitted', { occurred_at: noon(30), in_person: true });
	await c.send('received', { occurred_at: noon(30), in_person: true }); // the same day: the same trip
	await c.send('correct_pre_asked', { occurred_at: noon(30) });
	await c.send('correct_pre_done', { occurred_at: noon(28), in_person: true });
	await c.send('accepted', { occurred_at: noon(28) });
	await c.send('decided_ok', { occurred_at: noon(27) });
	await c.send('done', { occurred_at: noon(27) });
	await c.send('delivered', { occurred_at: noon(26), in_person: true });
	await quick.send('submitted', { occurred_at: noon(30) });
	await quick.send('withdrawn', { occurred_at: noon(29) });
	// what waits for its turn keeps what it says
	const early = held.body('received', { seq: 2, occurred_at: noon(9), in_person: true });
	assert.equal((await held.post(early)).status, 202);
	await held.send('submitted', { occurred_at: noon(10) });
	assert_problem(await held.post(held.body('accepted', { seq: 3, in_person: 'yes' })), 422, 'invalid_field');
	assert.equal(assert_problem(await held.post(held.body('not_accepted', { seq: 3, in_person: true })), 422, 'invalid_field').json.pointer, '/in_person');
	assert_problem(await held.post({ ...early, in_person: false }), 409, 'event_id_reused');

	const all = async (target, token) => {
		const items = [];
		for (let cursor = '', more = true; more; ) {
			const { json, status, text } = await g.get(`${target}?limit=3${cursor && `&cursor=${cursor}`}`, { token });
			assert.equal(status, 200, text);
			items.push(...json.items);
			({ more, next_cursor: cursor } = json);
		}
		return items;
	};
	const mine = await until('all of it is sealed', async () => {
		const items = await all('/v1/department/tallies/feed', w.department), of = (x) => items.filter((i) => i.case_no === x.case_no);
		return of(c).length === 5 && of(quick).length === 1 && of(held).length === 1 && items;
	});
	const { promised_trips } = mine[0], told = (x) => mine.filter((i) => i.case_no === x.case_no).map((i) => [i.what, i.n, i.on]);
	assert.deepEqual(told(c), [['trip', 1, day(30)], ['asked_before_acceptance', 1, day(30)], ['trip', 2, day(28)], ['trip', 3, day(26)], ['ended', 3, day(26)]]);
	assert.deepEqual(told(quick), [['ended', 0, day(29)]]);
	assert.deepEqual(told(held), [['trip', 1, day(9)]]);
	const seen = await all('/v1/staff/tallies/feed', supervisor.token);
	assert.deepEqual(seen, mine.filter((i) => i.region === w.region));
	assert.deepEqual(await all('/v1/staff/tallies/feed', elsewhere.token), []);
	assert.deepEqual(await all('/v1/department/tallies/feed', w.other_department), []);
	const clocks = await all('/v1/staff/deadlines/feed', supervisor.token);
	assert.ok(clocks.length > 0 && clocks.every((i) => i.region === w.region));
	assert.deepEqual(await all('/v1/staff/deadlines/feed', elsewhere.token), []);

	// counted from the feed alone
	const text = await g.command('scoreboard', '--from', day(61), '--to', day(0));
	const row = (measure) => (text.split('\r\n').find((line) => line.includes(w.matter.department.name) && line.includes(`"${measure}"`)) ?? '').split(',').slice(3).map(Number);
	const of = (what) => seen.filter((i) => i.what === what), ended = of('ended'), within = ended.filter((i) => i.n <= i.promised_trips);
	assert.equal(row('trips')[0], of('trip').length);
	assert.equal(row('supplements_asked_before_acceptance')[0], of('asked_before_acceptance').length);
	assert.equal(row('supplements_asked')[0], of('asked').length);
	assert.deepEqual(row('ended_within_promised_trips').slice(0, 3), [ended.length, within.length, ended.length - within.length]);
	assert.equal(row('ended_within_promised_trips')[5], Math.floor(ended.reduce((sum, i) => sum + i.n, 0) * 100 / ended.length) / 100);
	assert.ok(promised_trips <= 9 && within.length < ended.length);
});

test('days on which we could not serve are public, and move last days on', async () => {
	const c = await new Case(g, w).live();
	await c.send('submitted', { occurred_at: noon(5) });
	const before = (await c.show()).json.limit.due_on;
	assert.match(await g.command('outage', 'declare', '--from', day(4), '--to', day(0), '机房断电'), /^declared/);
	await until('its last day has moved on', async () => (await c.show()).json.limit.due_on > before);
	const { items } = (await g.get('/v1/outages')).json;
	assert.deepEqual([items[0].from, items[0].to, items[0].region, items[0].reason], [day(4), day(0), null, '机房断电']);
	await assert.rejects(g.command('outage', 'declare', '--from', day(0), '--to', day(4), '机房断电'));
});

test('the shipped guides come in, and again without a change; a case keeps the version of its opening day', async () => {
	for (const [kind, file] of [['halls', 'halls.csv'], ['windows', 'windows.csv'], ['guides', 'guides.jsonl']]) {
		const first = await g.command('import', kind, path.join(source_dir, 'data', file));
		const again = await g.command('import', kind, path.join(source_dir, 'data', file));
		assert.match(again, / 0 changed$/, first);
	}
	const shown = await g.get('/v1/matters/620131001000/guide');
	assert.equal(shown.status, 200, shown.text);
	assert.equal(shown.json.version, 1);
	assert.ok(shown.json.guide.materials.length > 0);
	assert.equal((await g.get('/v1/matters/620131001000/guide', { headers: { 'if-none-match': shown.headers.etag } })).status, 304);
	const file = path.join(g.state, 'one.jsonl');
	writeFileSync(file, JSON.stringify({ ...shown.json.guide, promised_days: 2 }) + '\n');
	assert.match(await g.command('import', 'guides', file), /^guides: 1 rows, 1 changed$/);
	assert.equal((await g.get('/v1/matters/620131001000')).json.promised_days, 2);
	assert.equal((await g.get('/v1/matters/620131001000/guide?version=1')).json.guide.promised_days, 3);
	assert.deepEqual((await g.get('/v1/matters/620131001000/guides')).json.items.map((v) => v.version), [2, 1]);
	assert_problem(await g.get('/v1/matters/620131001000/guide?version=3'), 404, 'not_found');
	assert_problem(await g.get('/v1/matters/none/guide'), 404, 'not_found');
	const halls = (await g.get('/v1/halls?region=621202')).json.items;
	assert.equal(halls.length, 1);
	assert.equal((await g.get(`/v1/halls/${halls[0].code}`)).json.windows.length, 8);
	assert_problem(await g.get('/v1/halls/none'), 404, 'not_found');
});

test('a wrong guide is refused by its line and member, and nothing of its file is seen', async () => {
	const file = path.join(g.state, 'wrong.jsonl');
	const { guide } = (await g.get('/v1/matters/620131002000/guide')).json;
	for (const [wrong, what] of [
		[{ trips: 99 }, /\/trips/], [{ online: 'none' }, /\/offline_reason/], [{ places: [{ hall: 'H9', window: 'commerce' }] }, /\/places\/0\/hall/], [{ extra: 1 }, /\/extra/],
	]) {
		writeFileSync(file, `${JSON.stringify({ ...guide, name: '改过的名字' })}\n${JSON.stringify({ ...guide, code: '620131003000', ...wrong })}\n`);
		const e = await g.command('import', 'guides', file).then(() => assert.fail('it was taken'), (refused) => refused);
		assert.match(e.stderr, what);
		assert.match(e.stderr, /line.?2|"line": ?2|2/);
	}
	for (const bytes of [Buffer.from('\ufeff{}\n'), Buffer.from([0xb0, 0xec, 0x0a]), Buffer.from('[]\n'), Buffer.from('{"code":1,"code":2}\n')]) {
		writeFileSync(file, bytes);
		await assert.rejects(g.command('import', 'guides', file));
	}
	assert.notEqual((await g.get('/v1/matters/620131002000')).json.name, '改过的名字');
});
