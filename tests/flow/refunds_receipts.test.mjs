// Goal: after a part refund the payer has a valid e-receipt for exactly what he paid net: the old one is reversed whole, then the money goes back, then there is a new one for what remains;
// each once, in that order, whatever dies or is refused on the way; whoever is shown an old one learns that it is good no more. The part comes from the items that were named.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test, { after } from 'node:test';
import { sandbox } from '../sandbox/lib/client.mjs';
import { assert_problem, world } from './lib/cases.mjs';
import { gateway, jobs_often } from './lib/gateway.mjs';
import { bring, finance_settings, notice, sandbox_codes } from './lib/payments.mjs';
import { first, hire } from './lib/staff.mjs';
import { until } from './lib/until.mjs';

const s = await sandbox();
const g = await gateway({ environment: jobs_often, settings: { ...sandbox_codes, ...finance_settings(s), 'rate.write': 0, 'rate.read': 0, 'rate.public': 0, 'finance.rate': 0 } });
const w = await world(g, { test_key: true });
const maker = await first(g, 'li.safe', 'security_admin'), checker = await first(g, 'li.system', 'system_admin');
const window = await hire(maker, checker, 'window.one', '621202', 'window_clerk'), clerk = await hire(maker, checker, 'pay.one', '621202', 'payment_clerk');
const second = await hire(maker, checker, 'pay.two', '621202', 'payment_checker');

const number = async (sql) => Number(await g.sql(sql));
const income = (item) => number(`SELECT COALESCE(SUM(p.amount_fen), 0) FROM ledger_posting p JOIN ledger_account a ON a.id = p.account WHERE a.kind = 2 AND a.item = '${item}'`);
const ITEMS = [{ item: '103043211', name: '不动产登记费', amount_fen: 8000 }, { item: '103043212', name: '工本费', amount_fen: 1000 }];
const receipt = async (code) => (await g.get('/v1/me/receipts?limit=100', { token: w.citizen })).json.items.find((r) => r.payment_code === code);
const is_valid = (code, fen) => until(`a receipt of ${fen} is valid`, async () => { const r = await receipt(code); return r?.state === 'valid' && r.amount_fen === fen && r; });
const papers = async (code) => (await s.show('finance')).papers.filter((p) => p.payment_code === code).map((p) => p.amount);
const verify = async (r, amount_fen = r.amount_fen) => (await g.ask('POST', '/v1/receipt-verifications', { body: { code: r.code, number: r.number, check_code: r.check_code, amount_fen } })).json.result;
// Taken at a counter for the citizen, booked, and with its receipt.
async function paid() {
	const n = notice({ payer: { name: '王小明', id_number: w.person }, items: ITEMS });
	assert.equal((await bring(g, w.department, n)).status, 201);
	const took = await window.ask('POST', '/v1/hall/counter-payments', { key: randomUUID(), body: { payment_codes: [n.payment_code], channel: 'cash', amount_fen: 9000 } });
	assert.equal(took.status, 201, took.text);
	return { code: n.payment_code, first: await is_valid(n.payment_code, 9000) };
}
const wish = (code, refundable_fen, more) => g.ask('POST', '/v1/department/refunds', { token: w.department, key: randomUUID(), body: { payment_code: code, refundable_fen, ground: 'overcharged', reason: '多收了工本费', ...more } });
async function asked(code, refundable_fen, more) {
	const answer = await wish(code, refundable_fen, more);
	assert.equal(answer.status, 201, answer.text);
	return answer.json.id;
}
async function approve(id) {
	const made = await clerk.propose('refund_decide', '621202', { verdict: 'approve' }, id);
	assert.equal(made.status, 201, made.text);
	assert.equal((await second.decide(made.json.id, 'approve')).status, 200);
}
const show = async (id) => (await clerk.ask('GET', `/v1/office/refunds/${id}`)).json;
// While a receipt is being reversed it is asked about after seconds: here at once.
const is = (id, state) => until(`the refund is ${state}`, async () => {
	await g.sql('UPDATE pay_refund SET next_ms = 1 WHERE state = 3 AND next_ms > 1');
	return (await show(id)).state === state;
});
const pay_out = async (id) => assert.equal((await window.ask('POST', `/v1/hall/refunds/${id}/paid`, { key: randomUUID(), body: {} })).json.state, 'done');
async function refunded(code, refundable_fen, more) {
	const id = await asked(code, refundable_fen, more);
	await approve(id);
	await is(id, 'sent');
	await pay_out(id);
	return id;
}

test('a part of one item: reversed whole, paid, a new one for the rest; the ledger takes it from that item', async () => {
	const { code, first: old } = await paid(), before = [await income('103043211'), await income('103043212')];
	for (const [items, pointer] of [[[{ n: 3, amount_fen: 1 }], '/items/0/n'], [[{ n: 2, amount_fen: 1 }, { n: 2, amount_fen: 1 }], '/items'], [[], '/items'], [[{ n: 2 }], '/items/0/amount_fen']])
		assert.equal(assert_problem(await wish(code, 9000, { items }), 422, items[0]?.n === 2 && items.length === 1 ? 'missing_field' : 'invalid_field').json.pointer, pointer);
	assert.equal((await wish(code, 9000, { items: [{ n: 2, amount_fen: 5 }], amount_fen: 6 })).json.pointer, '/items');
	const too_much = assert_problem(await wish(code, 9000, { items: [{ n: 2, amount_fen: 1001 }] }), 409, 'other_refundable').json;
	assert.deepEqual([too_much.refundable_fen, too_much.item], [1000, 2]);
	assert.equal(await verify(old), 'valid', 'asking changes nothing');
	const id = await asked(code, 9000, { items: [{ n: 2, amount_fen: 600 }] });
	assert.equal((await wish(code, 8400, { items: [{ n: 2, amount_fen: 500 }] })).json.refundable_fen, 400, 'what was asked for is no longer there');
	await approve(id);
	await is(id, 'sent');
	assert.equal(await verify(old), 'reversed', 'before the money goes');
	assert.deepEqual(await papers(code), ['90.00'], 'none before it has gone');
	assert.equal((await receipt(code)).state, 'reversed');
	await pay_out(id);
	const now = await is_valid(code, 8400);
	assert.notEqual(now.number, old.number);
	assert.deepEqual(now.replaces.map((p) => [p.code, p.number, p.amount_fen]), [[old.code, old.number, 9000]]);
	assert.deepEqual([await verify(now), await verify(old), await verify(now, 9000)], ['valid', 'reversed', 'no']);
	assert.deepEqual(await papers(code), ['90.00', '84.00']);
	assert.deepEqual([await income('103043211'), await income('103043212')], [before[0], before[1] + 600]);
	assert.deepEqual((await show(id)).items, [{ n: 2, item: '103043212', name: '工本费', amount_fen: 600 }]);
	// once more, and then the rest: of nothing there is no receipt
	await refunded(code, 8400, { amount_fen: 400 });
	const third = await is_valid(code, 8000);
	assert.deepEqual(third.replaces.map((p) => p.amount_fen), [9000, 8400]);
	await refunded(code, 8000, {});
	assert.deepEqual([(await receipt(code)).state, await verify(third)], ['reversed', 'reversed']);
	assert.deepEqual(await papers(code), ['90.00', '84.00', '80.00']);
	assert.ok((await g.get('/v1/me/data/payment_receipts_past', { token: w.citizen })).json.items.length >= 2);
});

test('two at once: no new one before the last of them is over, then one for what both left', async () => {
	const { code } = await paid(), a = await asked(code, 9000, { amount_fen: 1000 }), b = await asked(code, 8000, { amount_fen: 500 });
	await Promise.all([approve(a), approve(b)]);
	await Promise.all([is(a, 'sent'), is(b, 'sent')]);
	await pay_out(a);
	assert.equal(await number(`SELECT wants_receipt FROM pay_confirmation c JOIN pay_notice n ON n.id = c.notice WHERE n.payment_code = '${code}'`), 0);
	await pay_out(b);
	await is_valid(code, 7500);
	assert.deepEqual(await papers(code), ['90.00', '75.00']);
});

for (const point of ['effect_after_mark', 'effect_after_answer'])
	test(`the process dies while the new one is asked for: ${point}; it is issued once`, async () => {
		const { code } = await paid(), id = await asked(code, 9000, { amount_fen: 1000 });
		await approve(id);
		await is(id, 'sent');
		await until('nothing else is on its way', async () => (await number('SELECT COUNT(*) FROM effect WHERE state <= 2')) === 0);
		await g.fault(`${point}=1`);
		await window.ask('POST', `/v1/hall/refunds/${id}/paid`, { key: randomUUID(), body: {} }).catch(() => {}); // the answer may die with it; the refund does not
		await g.exited;
		await g.kill();
		await g.serve();
		await is_valid(code, 8000);
		assert.equal((await show(id)).state, 'done');
		assert.deepEqual(await papers(code), ['90.00', '80.00']);
	});

test('refused: staff sees it and asks again; a paper that nobody wants is not asked for', async () => {
	const { code } = await paid(), id = await asked(code, 9000, { amount_fen: 1000 });
	await s.setup('finance', { issue: { [code]: { result: '30005' } } });
	await approve(id);
	await is(id, 'sent');
	const send = () => clerk.ask('POST', `/v1/office/receipts/${code}/send`, { key: randomUUID() });
	assert_problem(await send(), 409, 'receipt_state');
	await pay_out(id);
	await until('it was refused', async () => (await clerk.ask('GET', '/v1/office/receipts')).json.items.find((r) => r.payment_code === code));
	assert.deepEqual([(await receipt(code)).state, (await receipt(code)).replaces.length], ['being_issued', 1]);
	// a second part while there is none: what is refused is not sent again, and the rest is asked for when it is over
	const other = await asked(code, 8000, { amount_fen: 2000 });
	await approve(other);
	await is(other, 'sent');
	assert_problem(await send(), 409, 'receipt_state');
	await pay_out(other);
	await until('it was refused again', async () => (await number(`SELECT r.state FROM pay_receipt r JOIN pay_confirmation c ON c.id = r.confirmation JOIN pay_notice n ON n.id = c.notice WHERE n.payment_code = '${code}' AND r.n = 3`)) === 3);
	await s.setup('finance', { issue: { [code]: null } });
	assert.equal((await send()).json.state, 'asked');
	await is_valid(code, 6000);
	assert.deepEqual(await papers(code), ['90.00', '60.00']);
});

after(async () => {
	assert.equal(await number('SELECT COALESCE(SUM(amount_fen), 0) FROM ledger_posting'), 0);
	assert.equal(await number(`SELECT COUNT(*) FROM pay_receipt r JOIN pay_confirmation c ON c.id = r.confirmation WHERE r.state = 2 AND r.amount_fen <> c.amount_fen
		- (SELECT COALESCE(SUM(f.amount_fen), 0) FROM pay_refund f WHERE f.notice = c.notice AND f.state = 6)`), 0, 'a valid receipt is of what was paid net');
});
