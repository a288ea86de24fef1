// Goal: a refund by WeChat Pay moves money once, whatever is lost, late, double, shuffled or against our ledger; what nobody answers for is asked, never sent again by itself; what the channel
// gives up can be asked for again; money that came too late goes back the way it came; the ledger sums to zero.
// Method: the sandbox plays WeChat Pay and keeps what it was asked; callbacks are made there and sent by the test, in its order.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test, { after, beforeEach } from 'node:test';
import { sandbox } from '../sandbox/lib/client.mjs';
import { world } from './lib/cases.mjs';
import { gateway, jobs_often } from './lib/gateway.mjs';
import { bring, notice, sandbox_codes } from './lib/payments.mjs';
import { first, hire } from './lib/staff.mjs';
import { until } from './lib/until.mjs';
import { wechat_settings } from './lib/wechat.mjs';
import { made, pay, pays, tell, wechat_pay_settings } from './lib/wechat_pay.mjs';

const s = await sandbox();
const g = await gateway({ environment: jobs_often, settings: { ...sandbox_codes, ...wechat_settings(s), ...wechat_pay_settings(s), 'payments.open_orders': 100, 'payments.orders_per_hour': 1000, 'rate.write': 0, 'rate.read': 0, 'rate.public': 0, 'timeout.park': 3000 } });
const w = await world(g, { test_key: true });
const maker = await first(g, 'li.safe', 'security_admin'), checker = await first(g, 'li.system', 'system_admin');
const clerk = await hire(maker, checker, 'pay.one', '621202', 'payment_clerk'), second = await hire(maker, checker, 'pay.two', '621202', 'payment_checker');
await s.setup('wechat_pay', { callbacks: false, refund_ends: null });
beforeEach(() => s.clear_faults());

const number = async (sql) => Number(await g.sql(sql));
const sum = (where = '1 = 1') => number(`SELECT COALESCE(SUM(p.amount_fen), 0) FROM ledger_posting p JOIN ledger_account a ON a.id = p.account WHERE ${where}`);
const wechat = () => sum('a.kind = 1 AND a.channel = 3');

async function ordered() {
	const n = notice();
	assert.equal((await bring(g, w.department, n)).status, 201);
	const { id } = (await g.ask('POST', '/v1/orders', { token: w.citizen, key: randomUUID(), body: { payment_codes: [n.payment_code] } })).json;
	const answer = await pay(g, id, 'native', { token: w.citizen });
	assert.equal(answer.status, 201, answer.text);
	return { id, code: n.payment_code, handle: answer.json.pay.code_url };
}
async function paid() {
	const o = await ordered();
	const { out_trade_no } = await pays(s, { handle: o.handle });
	assert.equal((await tell(g, await made(s, out_trade_no))).status, 204);
	return { ...o, out_trade_no };
}
const ask = async (o, refundable_fen, amount_fen) => {
	const answer = await g.ask('POST', '/v1/department/refunds', { token: w.department, key: randomUUID(), body: { payment_code: o.code, refundable_fen, amount_fen, ground: 'technical', reason: '系统差错' } });
	assert.equal(answer.status, 201, answer.text);
	return answer.json.id;
};
async function decide(kind, payload, subject) {
	const { json: { id } } = await clerk.propose(kind, '621202', payload, subject);
	const answer = await second.decide(id, 'approve');
	assert.equal(answer.status, 200, answer.text);
}
const show = async (id) => (await clerk.ask('GET', `/v1/office/refunds/${id}`)).json;
const is = (id, state) => until(`${id} is ${state}`, async () => (await show(id)).state === state);
const there = async (id) => (await s.show('wechat_pay')).refunds.find((r) => r.out_refund_no === id);
const asked_there = (id) => until(`${id} is there`, () => there(id));
// What WeChat Pay tells of it, signed by it.
async function says(o, id, status, { copies = 1, refund } = {}) {
	const r = await there(id), one = await made(s, o.out_trade_no, { event: `REFUND.${status}`, kind: 'refund', copies,
		changes: { refund_id: r.refund_id, out_refund_no: id, refund_status: status, amount: { total: r.amount.total, refund: refund ?? r.amount.refund, payer_total: r.amount.total, payer_refund: r.amount.refund } } });
	return Promise.all((one.all ?? [one]).map((c) => tell(g, c)));
}

test('sent once, told many times and in any order: done once', async () => {
	const o = await paid(), before = await wechat(), id = await ask(o, 8000, 3000);
	await decide('refund_decide', { verdict: 'approve' }, id);
	const r = await asked_there(id);
	assert.deepEqual([r.amount.refund, r.amount.total, r.reason], [3000, 8000, '技术差错']);
	assert.equal((await show(id)).state, 'sent');
	assert.equal(await wechat(), before, 'accepted is not given');
	await says(o, id, 'SUCCESS', { refund: 2999 });
	assert.equal((await show(id)).state, 'sent', 'another amount is not believed');
	for (const a of await says(o, id, 'SUCCESS', { copies: 20 })) assert.equal(a.status, 204, a.text);
	await says(o, id, 'ABNORMAL');
	await says(o, id, 'CLOSED');
	const { state, channel_no } = await show(id);
	assert.deepEqual([state, channel_no], ['done', r.refund_id]);
	assert.equal(await wechat(), before - 3000);
	assert.equal(await number(`SELECT COUNT(*) FROM ledger_journal WHERE cause = 5 AND step = 1`), 1);
	await until('the contradiction is on record', () => g.log().includes('against our ledger'));
});

test('an answer that was lost is asked for, and a callback that never came too', async () => {
	const o = await paid(), id = await ask(o, 8000, 8000), mark = await s.mark();
	await s.fault('wechat_pay', { lose_answer: true, route: 'refund', count: 1 });
	await decide('refund_decide', { verdict: 'approve' }, id);
	await asked_there(id);
	await g.kill(); // and nobody remembers that it left
	await s.tell('wechat_pay', 'refund_end', { out_refund_no: id });
	await g.sql('UPDATE effect SET due_ms = 1 WHERE kind = 13 AND state IN (1, 2) AND due_ms > 1');
	await g.serve();
	await is(id, 'done');
	assert.equal((await s.show('wechat_pay')).refunds.filter((r) => r.out_trade_no === o.out_trade_no).length, 1);
	const { entries } = await s.log({ peer: 'wechat_pay', since: mark });
	assert.equal(entries.filter((e) => e.route === 'refund').length, 1, 'asked about, never sent again');
	assert.ok(entries.some((e) => e.route === 'refund_query'));
	assert.deepEqual((await g.get(`/v1/orders/${o.id}`, { token: w.citizen })).json.refund, { state: 'refunded', under_way_fen: 0, done_fen: 8000 });
	// accepted, and then nobody says anything: the job asks
	const p = await paid(), quiet = await ask(p, 8000, 8000);
	await decide('refund_decide', { verdict: 'approve' }, quiet);
	await asked_there(quiet);
	await is(quiet, 'sent');
	await s.tell('wechat_pay', 'refund_end', { out_refund_no: quiet });
	await until('it is done', async () => {
		await g.sql('UPDATE pay_refund SET next_ms = 1 WHERE state = 4 AND path = 1 AND next_ms > 1');
		return (await show(quiet)).state === 'done';
	});
});

test('abnormal: again under its number, or by hand; closed: nothing moved, and it may be asked for again', async () => {
	const o = await paid(), before = await wechat(), id = await ask(o, 8000, 1000);
	await decide('refund_decide', { verdict: 'approve' }, id);
	await asked_there(id);
	await is(id, 'sent');
	await says(o, id, 'ABNORMAL');
	assert.equal((await show(id)).state, 'abnormal');
	assert.equal((await clerk.ask('POST', `/v1/office/refunds/${id}/send`, { key: randomUUID() })).json.state, 'sent');
	await says(o, id, 'ABNORMAL');
	await decide('refund_by_hand', { number: `TH${id.slice(-8)}` }, id);
	assert.deepEqual([(await show(id)).state, (await show(id)).path, await wechat()], ['done', 'treasury', before]);
	const other = await ask(o, 7000, 7000);
	await decide('refund_decide', { verdict: 'approve' }, other);
	await asked_there(other);
	await says(o, other, 'CLOSED');
	assert.equal((await show(other)).state, 'closed');
	assert.equal(await sum('a.kind = 4'), 0, 'nothing is on its way');
	assert.notEqual(await ask(o, 7000, 7000), other, 'another number');
	assert.deepEqual((await g.get(`/v1/department/notices/${o.code}`, { token: w.department })).json.refund, { state: 'refunding', under_way_fen: 7000, done_fen: 1000 });
});

test('money that came too late goes back the way it came', async () => {
	const o = await ordered(), { out_trade_no } = await pays(s, { handle: o.handle });
	await g.sql(`UPDATE pay_notice SET state = 4 WHERE payment_code = '${o.code}' AND state > 0`);
	await g.sql(`UPDATE pay_order SET state = 4 WHERE id = (SELECT pay_order FROM pay_attempt WHERE out_trade_no = '${out_trade_no}') AND total_fen > 0`);
	assert.equal((await tell(g, await made(s, out_trade_no))).status, 204);
	const odd = (await clerk.ask('GET', '/v1/office/odd-money?state=open')).json.items.find((one) => one.has_order);
	assert.deepEqual([odd.kind, odd.proposes, odd.amount_fen], ['void', 'refund', 8000]);
	const before = await wechat();
	await decide('odd_refund', { note: '作废后缴款' }, odd.id);
	const { id } = (await clerk.ask('GET', '/v1/office/refunds')).json.items.find((r) => r.odd_money === odd.id);
	await asked_there(id);
	await is(id, 'sent');
	await says({ out_trade_no }, id, 'SUCCESS');
	assert.deepEqual([(await show(id)).state, (await clerk.ask('GET', `/v1/office/odd-money/${odd.id}`)).json.state, await wechat()], ['done', 'refunded', before - 8000]);
	assert.equal(await sum('a.kind = 3'), 0);
});

after(async () => {
	assert.equal(await sum(), 0);
	assert.equal(await number('SELECT COUNT(*) FROM pay_refundable WHERE asked_fen > paid_fen'), 0);
});
