// Goal: a case that several departments handle together is one case for its applicant and as many for those who work on it: each moves its own part, in the order
// that the guide says, under its own clock; the whole is decided when all of them are. Method: a joint matter written for the test, its three departments, and
// everything they may do too early, twice, for another, or at the same moment.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { Case, assert_problem, now, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { source_dir } from './lib/openapi.mjs';
import { first, hire } from './lib/staff.mjs';
import { until } from './lib/until.mjs';

const g = await gateway();
const w = await world(g);
const { items: matters } = (await g.get('/v1/matters?limit=100')).json;
const departments = [...new Map(matters.map((m) => [m.department.code, m.department])).values()];
const [one, two] = departments.filter((d) => d.code !== w.matter.department.code);
const tokens = { [one.code]: await g.department(one.code), [two.code]: await g.department(two.code) };
const sample = JSON.parse(readFileSync(path.join(source_dir, 'tests/unit/data/guide.json'), 'utf8'));
const parts = [
	{ code: 'land', name: '用地核查', department: one.code, days: 3 },
	{ code: 'plan', name: '方案审查', department: two.code, days: 4 },
	{ code: 'permit', name: '许可核发', department: one.code, days: 5, after: ['land', 'plan'] },
];
const joint = { ...sample, code: 'JOINT-1', name: '联办事项', department: w.matter.department.code, region: w.region, places: [], trips: 0, legal_days: 30, promised_days: 10, parts };
const file = path.join(g.state, 'joint.jsonl');
const day = (n) => new Date(Date.now() - n * 86400e3 + 8 * 3600e3).toISOString().slice(0, 10);
const noon = (n) => `${day(n)}T00:00:01+08:00`;

async function import_guide(...guides) {
	writeFileSync(file, guides.map((guide) => JSON.stringify(guide) + '\n').join(''));
	return g.command('import', 'guides', file);
}
assert.match(await import_guide(joint), /^guides: 1 rows, 1 changed$/);

// Limits need the years around today to be known.
{
	const year = Number(day(0).slice(0, 4)), rows = ['date,kind,name,source,region'];
	for (let y = Math.min(year - 1, 2026); y <= Math.max(year + 1, 2026); y++) if (y !== 2026) rows.push(`${y}-01-01,off,元旦,测试,`);
	writeFileSync(path.join(g.state, 'calendar.csv'), rows.join('\n') + '\n');
	await g.command('import', 'calendar', path.join(g.state, 'calendar.csv'));
}

class Whole extends Case {
	body(event, more = {}) {
		const body = super.body(event, more);
		if (body.seq === 1) body.matter = joint.code;
		return body;
	}

	async accepted(at = now()) {
		await this.send('submitted', { occurred_at: at });
		await this.send('accepted', { occurred_at: at });
		return this;
	}
}

class Part extends Case {
	constructor(whole, code, more = {}) {
		super(g, w, { token: tokens[parts.find((p) => p.code === code).department], ...more });
		Object.assign(this, { whole, code });
	}

	body(event, { seq, ...more } = {}) {
		const body = { event_id: randomUUID(), case_ref: this.ref, seq: seq ?? this.seq + 1, event, occurred_at: now(), ...more };
		return body.seq === 1 ? { whole: this.whole.case_no, part: this.code, ...body } : body;
	}
}

const decided = async (whole, code, event = 'decided_ok') => new Part(whole, code).live('received', 'accepted', event);
const parts_of = async (whole) => Object.fromEntries((await whole.show()).json.parts.map((p) => [p.code, p]));
const awaited = async (whole, code) => (await g.get('/v1/department/parts?limit=100', { token: tokens[parts.find((p) => p.code === code).department] })).json.items
	.find((i) => i.case_no === whole.case_no && i.part.code === code);

test('the parts go their way, and the whole is decided when all of them are', async () => {
	const whole = await new Whole(g, w).accepted();
	assert.deepEqual((await whole.show()).json.parts.map((p) => [p.code, p.state, p.decided, p.limit, p.after]),
		[['land', null, false, null, []], ['plan', null, false, null, []], ['permit', null, false, null, ['land', 'plan']]]);
	assert.deepEqual([(await awaited(whole, 'land')).may_begin, (await awaited(whole, 'permit')).may_begin], [true, false]);
	assert.equal((await awaited(whole, 'permit')).open_parts, 'land,plan');
	let refused = assert_problem(await whole.post(whole.body('decided_ok')), 409, 'illegal_move').json;
	assert.deepEqual([refused.state, refused.open_parts, refused.open_count], ['accepted', 'land,plan,permit', 3]);
	assert.ok(!refused.allowed.includes('decided') && refused.allowed.includes('extended'));
	const early = new Part(whole, 'permit');
	refused = assert_problem(await early.post(early.body('received')), 409, 'illegal_move').json;
	assert.deepEqual([refused.state, refused.open_parts], ['none', 'land,plan']);
	const land = await decided(whole, 'land', 'decided_no');
	assert.equal(land.case_no, whole.case_no, 'a part bears the number of its whole');
	const plan = await new Part(whole, 'plan').live('received', 'accepted', 'special_started');
	assert.equal(await awaited(whole, 'plan'), undefined);
	let seen = await parts_of(whole);
	assert.deepEqual([seen.land.state, seen.land.decided, seen.plan.state, seen.plan.limit.light], ['decided_no', true, 'special', 'standing']);
	assert.equal(seen.plan.department.name, two.name);
	await plan.live('special_ended', 'decided_ok', 'done');
	assert.equal((await awaited(whole, 'permit')).may_begin, true);
	await early.live('received', 'accepted');
	seen = await parts_of(whole);
	assert.equal(seen.permit.limit.kind, 'promised', 'a part has no statutory clock of its own');
	assert.equal(assert_problem(await whole.post(whole.body('decided_ok')), 409, 'illegal_move').json.open_parts, 'permit');
	await early.send('decided_ok');
	await whole.live('decided_ok', 'done', 'delivered');
	assert.equal((await whole.show()).json.state, 'delivered');
});

test('a part that nobody begins is late, and its department and the supervisors see it', async () => {
	const security = await first(g, 'jo.security', 'security_admin'), system = await first(g, 'jo.system', 'system_admin');
	const supervisor = await hire(security, system, 'jo.super', w.region, 'supervisor'), far = await hire(security, system, 'jo.far', '621228', 'supervisor');
	const clerk = await hire(security, system, 'jo.hotline', w.region, 'hotline_clerk');
	const old = await new Whole(g, w).accepted(noon(40)), fresh = await new Whole(g, w).accepted();
	const by = async (whole, code) => (await awaited(whole, code)).begin_by;
	assert.equal((await by(old, 'land')).light, 'red');
	assert.ok((await by(old, 'land')).due_on < day(20));
	assert.equal(await by(old, 'permit'), null, 'what may not begin is not late');
	const { due_on, light } = await by(fresh, 'land');
	assert.ok(due_on > day(0) && light !== 'red', 'the clock runs from the acceptance of its own whole');
	// What it needs has been decided: the time of the last one counts, not that of the acceptance.
	await new Part(old, 'land').live('received', 'accepted', 'decided_ok');
	assert.equal(await by(old, 'permit'), null);
	await new Part(old, 'plan').live('received', 'accepted', 'decided_ok');
	assert.deepEqual(await by(old, 'permit'), { due_on, light });
	const seen = async (who) => {
		const items = [];
		for (let cursor = ''; cursor !== null; ) {
			const { json } = await who.ask('GET', `/v1/staff/parts?limit=2${cursor && `&cursor=${cursor}`}`);
			items.push(...json.items);
			cursor = json.next_cursor ?? null;
		}
		return items.filter((i) => [old.case_no, fresh.case_no].includes(i.case_no)).map((i) => [i.case_no, i.part.code, i.department, i.begin_by && i.begin_by.light]);
	};
	assert.deepEqual(await seen(supervisor), [[old.case_no, 'permit', one.name, light], [fresh.case_no, 'land', one.name, light], [fresh.case_no, 'plan', two.name, light],
		[fresh.case_no, 'permit', one.name, null]]);
	assert.deepEqual(await seen(far), [], 'another place');
	assert_problem(await clerk.ask('GET', '/v1/staff/parts'), 403, 'forbidden');
	await new Part(old, 'permit').live('received');
	assert.equal((await seen(supervisor)).length, 3, 'begun');
});

test('its history is one, and each part counts its own events', async () => {
	const whole = await new Whole(g, w).accepted();
	await decided(whole, 'plan');
	await decided(whole, 'land');
	await whole.send('paused');
	const want = [[undefined, 1], [undefined, 2], ['plan', 1], ['plan', 2], ['plan', 3], ['land', 1], ['land', 2], ['land', 3], [undefined, 3]];
	const items = [];
	for (let target = `/v1/cases/${whole.case_no}/events?limit=4`; target; ) {
		const { json } = await g.get(target, { token: w.citizen });
		items.push(...json.items);
		target = json.next_cursor && `/v1/cases/${whole.case_no}/events?limit=4&cursor=${json.next_cursor}`;
	}
	assert.deepEqual(items.map((i) => [i.part, i.seq]), want);
	assert.equal((await g.get('/v1/cases?limit=100', { token: w.citizen })).json.items.filter((i) => i.case_no === whole.case_no).length, 1, 'one case in her list');
	const about = (await g.get('/v1/messages?limit=100', { token: w.citizen })).json.items.filter((m) => m.case_no === whole.case_no);
	assert.ok(about.length > 0 && about.length <= 3, 'she hears of the whole alone');
});

test('what a client holds is old when a part has moved', async () => {
	const whole = await new Whole(g, w).accepted(), first = await whole.show();
	assert.equal((await whole.show({ headers: { 'if-none-match': first.headers.etag } })).status, 304);
	const land = await new Part(whole, 'land').live('received');
	const second = await whole.show({ headers: { 'if-none-match': first.headers.etag } });
	assert.equal(second.status, 200);
	await land.send('accepted');
	assert.equal((await whole.show({ headers: { 'if-none-match': second.headers.etag } })).status, 200);
});

test('a department sees and moves its own part only', async () => {
	const whole = await new Whole(g, w).accepted(), land = await new Part(whole, 'land').live('received');
	const read = async (c, token) => g.get(`/v1/department/cases/${c.ref}`, { token });
	assert.deepEqual((await read(land, land.token)).json.part, { code: 'land', name: '用地核查', whole_state: 'accepted' });
	assert.equal((await read(land, land.token)).json.parts, undefined);
	assert.deepEqual((await read(whole, w.department)).json.parts.map((p) => p.state), ['received', null, null], 'the lead sees who is where');
	for (const [c, token] of [[land, w.department], [land, tokens[two.code]], [whole, land.token]]) assert_problem(await read(c, token), 404, 'not_found');
	// Another's part, a part that is not there, a case that is not there: one answer.
	const strange = async (body) => {
		const { json: { request_id, trace_id, ...problem }, status } = await g.ask('POST', '/v1/department/events', { token: tokens[two.code], key: randomUUID(), body });
		return { status, ...problem };
	};
	const first = new Part(whole, 'plan').body('received');
	const answers = [];
	for (const more of [{ part: 'land' }, { part: 'none' }, { whole: (await new Case(g, w).live('submitted')).case_no }, { whole: 'LN621202202601010000000' }, { whole: 'x' }])
		answers.push(await strange({ ...first, event_id: randomUUID(), ...more }));
	for (const a of answers) assert.deepEqual(a, answers[0]);
	assert.deepEqual([answers[0].status, answers[0].pointer], [422, '/whole']);
	// The lead's events under the part's number are another case's, and a part cannot be asked for by a number of its own.
	const mine = await g.get('/v1/department/feed?limit=100', { token: land.token });
	assert.ok(mine.json.items.every((i) => i.case_ref !== whole.ref));
});

test('what is said wrongly', async () => {
	const whole = await new Whole(g, w).accepted(), land = new Part(whole, 'land');
	const wrong = async (more, status, code, pointer) => {
		const { json } = assert_problem(await land.post({ ...land.body('received'), ...more }), status, code);
		assert.equal(json.pointer, pointer);
	};
	await wrong({ part: undefined }, 422, 'missing_field', '/part');
	await wrong({ whole: undefined }, 422, 'missing_field', '/whole');
	await wrong({ matter: joint.code }, 422, 'invalid_field', '/matter');
	await wrong({ region: w.region }, 422, 'invalid_field', '/region');
	await wrong({ applicant: { id_type: 'resident', id_number: w.person } }, 422, 'invalid_field', '/applicant');
	await wrong({ seq: 2 }, 422, 'invalid_field', '/whole');
	assert_problem(await land.post(land.body('accepted')), 409, 'illegal_move');
	await land.send('received');
	const again = new Part(whole, 'land');
	assert.equal(assert_problem(await again.post(again.body('received')), 409, 'part_begun').json.case_ref, land.ref);
	const unborn = await new Whole(g, w).live('submitted'), soon = new Part(unborn, 'land');
	assert.equal(assert_problem(await soon.post(soon.body('received')), 409, 'illegal_move').json.whole_state, 'submitted');
});

test('the network may reorder and repeat: each part by itself', async () => {
	const whole = await new Whole(g, w).accepted(), land = new Part(whole, 'land');
	const [first, second, third] = ['received', 'accepted', 'decided_ok'].map((event, i) => land.body(event, { seq: i + 1 }));
	assert.equal((await land.post(third)).status, 202);
	assert.equal((await land.post(second)).status, 202);
	assert.deepEqual((await land.post(first)).json.released, [2, 3]);
	assert.equal((await land.post(second)).json.result, 'repeated');
	// A decision that waited while parts are open is refused when its turn comes, and said so.
	const [three, four] = [whole.body('paused', { seq: 3 }), whole.body('resumed', { seq: 4 })], five = whole.body('decided_ok', { seq: 5 });
	for (const body of [five, four]) assert.equal((await whole.post(body)).status, 202);
	assert.deepEqual((await whole.post(three)).json.refused.map((r) => [r.event_id, r.seq, r.state]), [[five.event_id, 5, 'accepted']]);
	await decided(whole, 'plan');
	await decided(whole, 'permit');
	assert.equal((await whole.post(whole.body('decided_ok', { seq: 5 }))).status, 201);
});

test('the whole ends early: no clock runs on, and a part can only end too', async () => {
	const whole = await new Whole(g, w).accepted(), land = await new Part(whole, 'land').live('received', 'accepted'), plan = await decided(whole, 'plan');
	await whole.send('withdrawn');
	const seen = await parts_of(whole);
	assert.deepEqual([seen.land.limit, seen.plan.limit], [null, null]);
	const refused = assert_problem(await land.post(land.body('decided_ok')), 409, 'illegal_move').json;
	assert.deepEqual([refused.whole_state, refused.allowed], ['withdrawn', 'returned,withdrawn,aborted']);
	await plan.send('done');
	await land.send('returned');
	const late = new Part(whole, 'permit');
	assert_problem(await late.post(late.body('received')), 409, 'illegal_move');
	assert.equal(await awaited(whole, 'permit'), undefined);
});

test('a limit that is broken is his whose part it is, in feeds and on the scoreboard', async () => {
	const whole = await new Whole(g, w).accepted(noon(40)), land = new Part(whole, 'land');
	await land.send('received', { occurred_at: noon(39) });
	await land.send('accepted', { occurred_at: noon(38) });
	const plan = new Part(whole, 'plan');
	await plan.send('received', { occurred_at: noon(0) });
	const listed = (await g.get('/v1/department/deadlines?limit=100', { token: land.token })).json.items.filter((i) => i.case_no === whole.case_no);
	assert.deepEqual(listed.map((i) => [i.case_ref, i.kind, i.days, i.light]), [[land.ref, 'promised', 3, 'red']]);
	assert.equal((await parts_of(whole)).land.limit.light, 'red');
	await land.send('decided_ok', { occurred_at: noon(0) });
	const fed = async (token) => (await g.get('/v1/department/deadlines/feed?limit=100', { token })).json.items.filter((i) => i.case_no === whole.case_no && i.what === 'stopped_late');
	assert.deepEqual(await until('it is in the feed of its department', async () => { const f = await fed(land.token); return f.length > 0 && f.map((i) => [i.case_ref, i.kind]); }),
		[[land.ref, 'promised']]);
	assert.deepEqual((await fed(w.department)).filter((i) => i.kind === 'promised'), []);
	const board = (await g.command('scoreboard', '--from', day(60), '--to', day(0))).split('\r\n').filter((line) => line.includes('"promised"') && line.includes(one.name));
	assert.equal(board.length, 1, 'one line for the department whose part it is');
	assert.ok(Number(board[0].split(',')[5]) >= 1, board[0]);
});

test('by the number of a part, one asks after the whole', async () => {
	const whole = await new Whole(g, w).accepted(), land = await decided(whole, 'land');
	const { json, status, text } = await g.ask('POST', '/v1/case-lookups', { body: { department: one.code, case_ref: land.ref, id_last4: w.person.slice(-4) } });
	assert.equal(status, 200, text);
	assert.deepEqual([json.case_no, json.status], [whole.case_no, 'in_progress']);
});

test('who decides and who begins at the same moment: never a decision over an open part', async () => {
	for (let round = 0; round < 6; round++) {
		const whole = await new Whole(g, w).accepted();
		await decided(whole, 'land');
		const plan = await decided(whole, 'plan'), permit = new Part(whole, 'permit'), twin = new Part(whole, 'permit');
		await Promise.all([permit.post(permit.body('received')), twin.post(twin.body('received'))].map(async (p) => assert.ok([201, 409].includes((await p).status))));
		const begun = [permit, twin].filter(Boolean);
		const views = await Promise.all(begun.map((c) => g.get(`/v1/department/cases/${c.ref}`, { token: c.token })));
		assert.equal(views.filter((v) => v.status === 200).length, 1, 'a part begins once');
		const winner = begun[views.findIndex((v) => v.status === 200)];
		winner.seq = 1;
		await winner.send('accepted');
		const [ended, moved] = await Promise.all([whole.post(whole.body('withdrawn')), winner.post(winner.body('special_started'))]);
		assert.equal(ended.status, 201, ended.text);
		assert.ok([201, 409].includes(moved.status), moved.text);
		assert.equal((await parts_of(whole)).permit.limit, null, 'no clock runs after the end');
		assert.equal(plan.seq, 3);
	}
});

test('a guide whose parts cannot be is refused by line and member', async () => {
	const other = { ...joint, code: 'JOINT-2', name: '另一个联办事项' };
	for (const [wrong, pointer] of [
		[[parts[0]], /\/parts\b/],
		[[parts[0], { ...parts[1], department: '91621299MA0000015U' }], /\/parts\/1\/department/],
		[[parts[0], { ...parts[1], code: 'land' }], /\/parts\/1\/code/],
		[[parts[0], { ...parts[1], after: ['permit'] }], /\/parts\/1\/after\/0/],
		[[{ ...parts[0], after: ['plan'] }, { ...parts[1], after: ['land'] }], /\/parts\/0\/after/],
		[[parts[0], { ...parts[1], days: 11 }], /\/parts\/1\/days/],
		[[{ ...parts[0], days: 6 }, { ...parts[1], after: ['land'], days: 5 }], /\/parts\/1\/days/],
		[[parts[0], { ...parts[1], extra: 1 }], /\/parts\/1\/extra/],
		[[parts[0], { ...parts[1], after: ['plan'] }], /\/parts\/1\/after\/0/],
	]) {
		const e = await import_guide({ ...joint, name: '改过的联办事项' }, { ...other, parts: wrong }).then(() => assert.fail('it was taken'), (refused) => refused);
		assert.match(e.stderr, pointer);
	}
	assert.match(await import_guide(joint), / 0 changed$/);
	assert.match(await import_guide({ ...joint, parts: [parts[0], { ...parts[1], after: ['land'], days: 7 }] }), /1 changed$/);
	const { json } = await g.get(`/v1/matters/${joint.code}/guides/diff?from=1&to=2`);
	assert.ok(json.changes.some((c) => c.pointer === '/parts/1/days' && c.before === 4 && c.after === 7), JSON.stringify(json.changes));
});
