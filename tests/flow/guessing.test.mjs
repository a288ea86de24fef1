// Goal: whoever walks through payment codes gets nowhere: by ordering them he has so many tries in an hour, and after a few wrong ones he waits, whatever code he brings next; by looking them up
// the same holds of his address. Whoever brings right ones does not notice, and nobody waits for another.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { assert_problem, id_number, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { bring, notice, payment_code, sandbox_codes } from './lib/payments.mjs';

const PACE = 10, WRONG = 5, WRONG_ADDRESS = 8;
const g = await gateway({ settings: { ...sandbox_codes, 'payments.orders_per_hour': PACE, 'rate.wrong_codes': WRONG, 'rate.wrong_codes_address': WRONG_ADDRESS } });
const w = await world(g, { test_key: true });
let persons = 70;
const person = () => g.citizen(id_number(persons++));
const due = async () => {
	const n = notice();
	assert.equal((await bring(g, w.department, n)).status, 201);
	return n.payment_code;
};
const order = (token, code, via = 'h2') => g.ask('POST', '/v1/orders', { token, via, key: randomUUID(), body: { payment_codes: [code] } });
const orders = async () => Number(await g.sql('SELECT COUNT(*) FROM pay_order'));
const waits = (answer, most) => {
	const after = Number(assert_problem(answer, 429, 'rate_limited').headers['retry-after']);
	assert.ok(after >= 1 && after <= most, String(after));
};

test('so many orders an hour, whether they succeed or not; another person has his own', async () => {
	const [token, other, code] = [await person(), await person(), await due()], tries = [];
	for (let i = 0; i < PACE; i++) tries.push((await order(token, code, i % 2 ? 'h1' : 'h2')).status);
	assert.deepEqual([tries[0], [...new Set(tries.slice(1))]], [201, [409]]);
	const made = await orders();
	waits(await order(token, await due()), 3600);
	assert.equal(await orders(), made);
	assert.equal((await order(other, await due())).status, 201);
});

test('after a few codes that nobody knows a person waits, whatever he brings; misses are his own', async () => {
	const [token, other, code] = [await person(), await person(), await due()];
	for (let i = 0; i < WRONG; i++) assert_problem(await order(token, payment_code(), i % 2 ? 'h1' : 'h2'), 404, 'payment_code_unknown');
	const made = await orders();
	waits(await order(token, payment_code()), 600 / WRONG);
	waits(await order(token, code), 600 / WRONG);
	assert.equal(await orders(), made);
	assert.equal((await g.get(`/v1/notices/${code}`)).status, 200, 'his address has not looked anything up');
	assert.equal((await order(other, code)).status, 201);
});

test('after a few wrong look-ups an address waits; right ones are not counted', async () => {
	const code = await due(), look = (one) => g.get(`/v1/notices/${one}`);
	for (let i = 0; i < 3 * WRONG_ADDRESS; i++) assert.equal((await look(code)).status, 200);
	assert_problem(await look('hello'), 404, 'payment_code_unknown');
	const at_once = (await Promise.all([...Array.from({ length: 3 * WRONG_ADDRESS }, payment_code), code].map(look))).map((a) => a.status);
	assert.deepEqual([404, 200, 429].map((status) => at_once.filter((s) => s === status).length), [WRONG_ADDRESS - 1, 0, 2 * WRONG_ADDRESS + 2], 'asked at once: the right one comes after too many wrong ones');
	waits(await look(payment_code()), 600 / WRONG_ADDRESS);
	waits(await look(code), 600 / WRONG_ADDRESS);
	assert.equal((await order(await person(), code)).status, 201, 'who is logged in is not held to the address');
});

test('whoever asks for many at once gets no further; and what was right is given back', async () => {
	const [token, other, code] = [await person(), await person(), await due()];
	const answers = await Promise.all(Array.from({ length: PACE - 1 }, () => order(token, payment_code())));
	const told = answers.filter((a) => a.json.code === 'payment_code_unknown');
	assert.equal(told.length, WRONG, answers.map((a) => a.status).join(' '));
	for (const answer of answers.filter((a) => !told.includes(a))) waits(answer, 600 / WRONG);
	waits(await order(token, code), 600 / WRONG);
	for (let i = 0; i < WRONG + 1; i++) assert.equal((await order(other, code)).status, i === 0 ? 201 : 409);
	for (let i = 0; i < PACE - WRONG - 1; i++) assert_problem(await order(other, payment_code()), 404, 'payment_code_unknown');
});
