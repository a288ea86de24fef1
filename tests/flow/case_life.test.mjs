// Goal: what a department may tell about a case, in every order the network can make of it: applied, repeated, held, released, refused;
// and every way to say it wrongly, each with its own answer.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { Case, assert_problem, id_number, now, with_check_digit, world } from './lib/cases.mjs';
import { gateway, is_long } from './lib/gateway.mjs';

const g = await gateway();
const w = await world(g, { test_key: true });
const fresh = (options) => new Case(g, w, options);
const held_by = async (c) => (await g.get(`/v1/department/cases/${c.ref}`, { token: w.department })).json;

test('Location leads to the case, whatever the department calls it', async () => {
	for (const name of ['%2f', '?a=b#c', '...', '~;,&=+$@!*()[]{}<>"`^|']) {
		const c = new Case(g, w, { ref: `${name}${randomUUID()}` }), { headers } = await c.send('submitted');
		assert.equal((await g.get(headers.location, { token: w.department })).json.case_ref, c.ref);
	}
});

test('a case from the first event to the last', async () => {
	const c = fresh();
	const first = await c.send('submitted');
	assert.deepEqual({ ...first.json, case_no: '', event_id: '' },
		{ result: 'applied', case_no: '', case_ref: c.ref, event_id: '', seq: 1, state: 'submitted', status: 'submitted', next_seq: 2, released: [], refused: [] });
	assert.match(c.case_no, /^LN\d{23}$/);
	assert.equal(c.case_no.slice(2, 8), w.region);
	assert.equal(c.case_no.slice(2), with_check_digit(c.case_no.slice(2, 24)));
	await c.live('received', 'accepted', 'correct_asked', 'correct_done', 'special_started', 'special_ended', 'paused', 'resumed', 'decided_ok', 'done');
	const last = await c.send('delivered');
	assert.equal(last.json.state, 'delivered');
	assert.equal(last.json.status, 'delivered');
	assert.equal(last.json.case_no, first.json.case_no);
});

test('a case may begin at the window', async () => {
	assert.equal((await fresh().send('received')).json.status, 'checking');
});

test('the first event must be an opening one', async () => {
	for (const event of ['accepted', 'done', 'withdrawn']) {
		const c = fresh();
		const answer = await c.post(c.body(event));
		assert.ok(answer.status === 409 || answer.status === 422, answer.text);
	}
});

test('the same event under another key is repeated, not done again', async () => {
	const c = await fresh().live('submitted');
	const body = c.body('received');
	assert.equal((await c.post(body)).json.result, 'applied');
	const again = await c.post(body);
	assert.equal(again.status, 200, again.text);
	assert.equal(again.json.result, 'repeated');
	assert.equal(again.json.case_no, c.case_no);
	assert.equal((await held_by(c)).last_seq, 2);
});

test('an event id is for one content only', async () => {
	const c = await fresh().live('submitted');
	const body = c.body('received');
	await c.post(body);
	assert_problem(await c.post({ ...body, seq: 3, event: 'accepted' }), 409, 'event_id_reused');
	assert_problem(await c.post({ ...body, note: 'another' }), 409, 'event_id_reused');
});

test('a seq is for one event only, and the answer says which is next', async () => {
	const c = await fresh().live('submitted', 'received');
	assert.equal(assert_problem(await c.post(c.body('accepted', { seq: 2 })), 409, 'seq_taken').json.next_seq, 3);
});

test('a move that is not allowed is refused with what is allowed', async () => {
	const c = await fresh().live('submitted');
	const problem = assert_problem(await c.post(c.body('done')), 409, 'illegal_move').json;
	assert.equal(problem.state, 'submitted');
	assert.match(problem.allowed, /received/);
	assert.equal((await c.send('received')).json.seq, 2, 'the refused event took no seq');
});

test('an end is an end', async () => {
	for (const path of [['submitted', 'withdrawn'], ['submitted', 'received', 'not_accepted'], ['received', 'accepted', 'returned'], ['submitted', 'aborted']]) {
		const c = await fresh().live(...path);
		assert_problem(await c.post(c.body('received')), 409, 'illegal_move');
	}
});

test('an event that overtakes another is held, and released with it', async () => {
	const c = await fresh().live('submitted');
	const held = await c.send('accepted', { seq: 3, expect: 202 });
	assert.deepEqual({ ...held.json, event_id: '' }, { result: 'held', case_ref: c.ref, event_id: '', seq: 3, awaiting_seq: 2 });
	assert.equal(held.headers.location, `/v1/department/cases/${c.ref}`);
	assert.deepEqual((await held_by(c)).held.map((h) => h.seq), [3]);
	assert.equal((await c.show()).json.state, 'submitted', 'what is held has not happened');
	const closing = await c.send('received');
	assert.deepEqual(closing.json.released, [3]);
	assert.equal(closing.json.state, 'accepted');
	assert.equal(closing.json.next_seq, 4);
	assert.deepEqual((await held_by(c)).held, []);
});

test('events may come backwards, even before the case exists', async () => {
	const c = fresh();
	for (const [seq, event] of [[5, 'done'], [4, 'decided_ok'], [3, 'accepted'], [2, 'received']]) await c.send(event, { seq, expect: 202 });
	const waiting = await held_by(c);
	assert.equal(waiting.case_no, null);
	assert.deepEqual(waiting.held.map((h) => h.seq).sort(), [2, 3, 4, 5]);
	const opening = await c.send('submitted', { seq: 1 });
	assert.deepEqual(opening.json.released, [2, 3, 4, 5]);
	assert.equal(opening.json.state, 'done');
});

test('a held event that turns out illegal is kept as refused, and corrected', async () => {
	const c = await fresh().live('submitted');
	await c.send('delivered', { seq: 3, expect: 202 });
	const closing = await c.send('received');
	assert.deepEqual(closing.json.released, []);
	assert.equal(closing.json.refused.length, 1);
	assert.equal(closing.json.next_seq, 3);
	const shown = await held_by(c);
	assert.equal(shown.refused[0].seq, 3);
	assert.equal(shown.refused[0].code, 'illegal_move');
	assert.equal((await c.send('accepted', { seq: 3 })).json.state, 'accepted');
});

test('a held event sent again is still held; fifty may wait, not more', async () => {
	const c = await fresh().live('submitted');
	const body = c.body('received', { seq: 100 });
	assert.equal((await c.post(body)).status, 202);
	assert.ok([200, 202].includes((await c.post(body)).status));
	for (let seq = 101; seq < 150; seq++) assert.equal((await c.post(c.body('received', { seq }))).status, 202, String(seq));
	assert_problem(await c.post(c.body('received', { seq: 150 })), 409, 'too_many_held');
	assert.equal((await held_by(c)).held.length, 50);
});

test('another department does not see the case, and may use the same number for its own', async () => {
	const c = await fresh().live('submitted');
	const theirs = new Case(g, { ...w, matter: w.elsewhere, region: w.elsewhere.region.code }, { ref: c.ref, token: w.other_department });
	assert_problem(await g.get(`/v1/department/cases/${c.ref}`, { token: w.other_department }), 404, 'not_found');
	await theirs.send('submitted');
	assert.notEqual(theirs.case_no, c.case_no);
});

test('a matter must exist and be the department\'s own', async () => {
	for (const matter of ['no-such-matter', w.elsewhere.code]) {
		const c = fresh();
		const answer = await c.post(c.body('submitted', { matter, region: w.region, applicant: { id_type: 'resident', id_number: w.person } }));
		assert.equal(answer.status, 422, answer.text);
		assert.equal(answer.json.pointer, '/matter');
	}
});

const wrong_fields = [
	['event_id empty', { event_id: '' }, '/event_id'], ['event_id too long', { event_id: 'x'.repeat(65) }, '/event_id'],
	['event_id not ascii', { event_id: '编号' }, '/event_id'], ['event_id a number', { event_id: 7 }, '/event_id'],
	['case_ref too long', { case_ref: 'x'.repeat(65) }, '/case_ref'], ['case_ref no path can hold', { case_ref: 'SB/1' }, '/case_ref'], ['case_ref of dots', { case_ref: '..' }, '/case_ref'], ['seq 0', { seq: 0 }, '/seq'], ['seq too large', { seq: 100001 }, '/seq'],
	['seq a text', { seq: '1' }, '/seq'], ['seq a fraction', { seq: 1.5 }, '/seq'], ['event unknown', { event: 'exploded' }, '/event'],
	['occurred_at no time', { occurred_at: 'yesterday' }, '/occurred_at'], ['occurred_at in the future', { occurred_at: now(3600e3) }, '/occurred_at'],
	['note too long', { note: '长'.repeat(201) }, '/note'], ['note with an identity number', { note: `申请人${id_number(3)}` }, '/note'], ['note with a mobile number', { note: '请拨打13912345678' }, '/note'], ['region unknown', { region: '999999' }, '/region'],
	['applicant no object', { applicant: 'me' }, '/applicant'], ['id_type unknown', { applicant: { id_type: 'library_card', id_number: id_number(2) } }, '/applicant/id_type'],
	['id_number wrong check', { applicant: { id_type: 'resident', id_number: '621202198503010010' } }, '/applicant/id_number'],
	['unknown field', { colour: 'red' }, '/colour'], ['unknown field inside', { applicant: { id_type: 'resident', id_number: id_number(2), colour: 'red' } }, '/applicant/colour'],
	['name with a line end', { applicant: { id_type: 'resident', id_number: id_number(2), name: '张\n三' } }, '/applicant/name'],
	['phone of another country', { applicant: { id_type: 'resident', id_number: id_number(2), phone: '+85261234567' } }, '/applicant/phone'],
];
for (const [what, change, pointer] of wrong_fields)
	test(`refused with its place: ${what}`, async () => {
		const c = fresh();
		const body = { ...c.body('submitted'), matter: w.matter.code, region: w.region, applicant: { id_type: 'resident', id_number: w.person }, ...change };
		const answer = await c.post(body);
		assert.equal(answer.status, 422, answer.text);
		assert.equal(answer.json.pointer, pointer);
	});

test('a missing field is named', async () => {
	for (const name of ['event_id', 'case_ref', 'seq', 'event', 'occurred_at', 'matter', 'region', 'applicant']) {
		const c = fresh(), body = c.body('submitted');
		delete body[name];
		assert.equal(assert_problem(await c.post(body), 422, 'missing_field').json.pointer, `/${name}`);
	}
});

test('a live key may send fields nobody knows; a test key may not', async () => {
	const live = await g.department(w.matter.department.code);
	const c = fresh({ token: live });
	assert.equal((await c.post({ ...c.body('submitted'), colour: 'red' })).status, 201);
});

test('a company may apply', async () => {
	const c = fresh();
	const body = c.body('submitted', { matter: w.matter.code, region: w.region, applicant: { id_type: 'uscc', id_number: '91621299MA0000015U' } });
	assert.equal((await c.post(body)).status, 201);
});

test('many cases at once, their events shuffled, end where they should', async () => {
	const path = ['submitted', 'received', 'accepted', 'decided_ok', 'done', 'delivered'];
	const cases = Array.from({ length: is_long ? 400 : 30 }, () => fresh());
	const letters = cases.flatMap((c) => path.map((event, i) => [c, c.body(event, { seq: i + 1 })]));
	for (let i = letters.length - 1; i > 0; i--) {
		const j = Math.floor(Math.random() * (i + 1));
		[letters[i], letters[j]] = [letters[j], letters[i]];
	}
	const answers = await Promise.all(letters.map(([c, body]) => c.post(body, { key: randomUUID() })));
	for (const a of answers) assert.ok(a.status === 201 || a.status === 202, a.text);
	for (const c of cases) {
		const shown = await held_by(c);
		assert.equal(shown.state, 'delivered');
		assert.equal(shown.last_seq, path.length);
		assert.deepEqual(shown.held, []);
	}
	assert.equal(new Set(answers.filter((a) => a.json.case_no).map((a) => a.json.case_no)).size, cases.length);
});
