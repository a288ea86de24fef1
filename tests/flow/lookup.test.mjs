// Goal: whoever holds the slip learns the status; whoever guesses learns nothing, not even whether a number exists; guessing is slow.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Case, assert_problem, id_number, with_check_digit, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';

const g = await gateway();
const w = await world(g);
const open = async () => (await new Case(g, w).live('submitted')).case_no;
const look = (case_no, id_last4, options) => g.ask('POST', '/v1/case-lookups', { body: { case_no, id_last4 }, ...options });
const other_no = (case_no, step) => `LN${with_check_digit(case_no.slice(2, 16) + String((Number(case_no.slice(16, 24)) + step) % 1e8).padStart(8, '0'))}`;

for (const via of ['h2', 'h1'])
	test(`the right four characters (${via})`, async () => {
		const answer = await look(await open(), w.person.slice(-4), { via });
		assert.equal(answer.status, 200);
		assert.deepEqual(Object.keys(answer.json), ['case_no', 'matter', 'status', 'status_text', 'updated_at', 'source']);
		assert.equal(answer.json.status, 'submitted');
		assert.equal(answer.headers['cache-control'], 'no-store');
	});

test('spaces around the number and a small x do not matter', async () => {
	const person = Array.from({ length: 100 }, (_, n) => id_number(n)).find((number) => number.endsWith('X'));
	const c = await new Case(g, w, { person }).live('submitted');
	assert.equal((await look(` ${c.case_no} `, person.slice(-4).toLowerCase())).status, 200);
});

test('wrong, unknown and nonsense are the same bytes', async () => {
	const case_no = await open();
	const blank = (a) => a.text.replaceAll(a.json.request_id, '').replaceAll(a.json.trace_id, '');
	const answers = [await look(case_no, '0000'), await look(other_no(case_no, 1), '0000'), await look(other_no(case_no, 2), w.person.slice(-4)),
		await look('LN62120220261123000000000', '0000'), await look('hello', '0000')];
	for (const a of answers) {
		assert_problem(a, 404, 'case_lookup_failed');
		assert.equal(blank(a), blank(answers[0]));
		assert.deepEqual(Object.keys(a.headers).sort(), Object.keys(answers[0].headers).sort());
		assert.equal(a.headers['content-length'], answers[0].headers['content-length']);
	}
});

test('a number can be tried five times an hour, existing or not, right or wrong', async () => {
	for (const case_no of [await open(), other_no(await open(), 7)]) {
		for (let i = 0; i < 5; i++) assert.equal((await look(case_no, '0000')).status, 404);
		const refused = assert_problem(await look(case_no, w.person.slice(-4)), 429, 'rate_limited');
		assert.match(refused.headers['retry-after'], /^[1-9]\d*$/);
		assert.ok(Number(refused.headers['retry-after']) <= 3600);
	}
	assert.equal((await look(await open(), w.person.slice(-4))).status, 200, 'another number is free');
});

test('one person’s typing errors do not use up another’s tries', async () => {
	for (let i = 0; i < 12; i++) assert_problem(await look(`no number ${i}`, '0000'), 404, 'case_lookup_failed');
});

test('five at once are five, not more', async () => {
	const case_no = await open();
	const answers = await Promise.all(Array.from({ length: 30 }, () => look(case_no, '0000')));
	assert.equal(answers.filter((a) => a.status === 404).length, 5);
	assert.equal(answers.filter((a) => a.status === 429).length, 25);
});

test('an address may ask only so often', async () => {
	const slow = await gateway({ settings: { 'rate.lookup_address': 8 } });
	const answers = [];
	for (let i = 0; i < 10; i++)
		answers.push(await slow.ask('POST', '/v1/case-lookups', { body: { case_no: `LN${with_check_digit(`6212022026112300000${String(i).padStart(3, '0')}`)}`, id_last4: '0000' } }));
	assert.deepEqual(answers.map((a) => a.status), [...Array(8).fill(404), 429, 429]);
	assert.match(answers[9].headers['retry-after'], /^[1-9]\d*$/);
});

const wrong_bodies = [
	['no case_no', { id_last4: '0000' }, 422, 'missing_field', '/case_no'], ['no id_last4', { case_no: 'LN1' }, 422, 'missing_field', '/id_last4'],
	['department alone', { department: '11621299D00000013E', id_last4: '0000' }, 422, 'missing_field', '/case_ref'],
	['case_ref alone', { case_ref: 'A-1', id_last4: '0000' }, 422, 'missing_field', '/department'],
	['both numbers', { case_no: 'LN1', department: '11621299D00000013E', case_ref: 'A-1', id_last4: '0000' }, 422, 'invalid_field', '/case_no'],
	['a case_ref of 65 bytes', { department: '11621299D00000013E', case_ref: '办'.repeat(21) + 'xx', id_last4: '0000' }, 422, 'invalid_field', '/case_ref'],
	['three characters', { case_no: 'LN1', id_last4: '000' }, 422, 'invalid_field', '/id_last4'], ['a number', { case_no: 'LN1', id_last4: 1234 }, 422, 'invalid_field', '/id_last4'],
	['unknown field', { case_no: 'LN1', id_last4: '0000', name: 'x' }, 422, 'unknown_field', '/name'],
];
for (const [what, body, status, code, pointer] of wrong_bodies)
	test(`refused: ${what}`, async () => {
		const problem = assert_problem(await g.ask('POST', '/v1/case-lookups', { body }), status, code).json;
		assert.equal(problem.pointer, pointer);
	});
