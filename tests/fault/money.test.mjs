// Goal: whenever the process dies on the way of money (ordered at the channel, asked about, closed there; told to the finance bureau, receipt issued and reversed; given back, and asked whether it was),
// the peer has done it once, under one number; a refund is never sent on the chance; the order ends in the one right state, and the ledger sums to zero.
// Method: lives of an order, from its payment to its refund, in which the process kills itself at one named point of each effect, and is started again; the sandbox counts what it was asked.
// SIBAN_LONG=1: every point.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { world } from '../flow/lib/cases.mjs';
import { gateway, is_long } from '../flow/lib/gateway.mjs';
import { bring, finance_settings, notice, sandbox_codes } from '../flow/lib/payments.mjs';
import { first, hire } from '../flow/lib/staff.mjs';
import { until } from '../flow/lib/until.mjs';
import { wechat_settings } from '../flow/lib/wechat.mjs';
import { made, pay, pays, tell, wechat_pay_settings } from '../flow/lib/wechat_pay.mjs';
import { sandbox } from '../sandbox/lib/client.mjs';

// How often the peer is then asked for the deed: who dies after it was answered and before that was committed says the same again, but for a refund, which is asked about.
const POINTS = { effect_before_mark: 1, effect_after_mark: 1, effect_after_send: 1, effect_after_answer: 2, effect_before_outcome: 2, effect_after_outcome: 1 };
const points = is_long ? Object.keys(POINTS) : ['effect_after_send', 'effect_after_answer'];

const s = await sandbox();
const g = await gateway({ may_end_badly: true, settings: { ...sandbox_codes, ...wechat_settings(s), ...wechat_pay_settings(s), ...finance_settings(s), 'payments.open_orders': 100, 'payments.orders_per_hour': 1000,
	'rate.write': 0, 'rate.read': 0, 'rate.public': 0, 'finance.rate': 0, 'log.access': 'false' } });
const w = await world(g, { test_key: true });
const maker = await first(g, 'li.safe', 'security_admin'), checker = await first(g, 'li.system', 'system_admin');
const clerk = await hire(maker, checker, 'pay.one', '621202', 'payment_clerk'), second = await hire(maker, checker, 'pay.two', '621202', 'payment_checker');
await s.setup('wechat_pay', { callbacks: false, refund_ends: null });

const number = async (sql) => Number(await g.sql(sql));
const quiet = () => until('nothing is on its way', async () => (await number('SELECT COUNT(*) FROM effect WHERE state <= 2')) === 0);
const show = async (id) => (await g.get(`/v1/orders/${id}`, { token: w.citizen })).json;
const lost = (promise) => promise.catch(() => ({ status: 0 })); // what it was doing dies with it
// As if its time had come; and far away.
const ask_at = (ms) => g.sql(`UPDATE pay_attempt SET ask_ms = ${ms} WHERE ask_ms > 0`);

let point;
// The process dies at the n-th time it comes to the point, and goes on after a start; the sandbox's log from here on.
async function dies(what, begin, n = 1) {
	await g.fault(`${point}=${n}`);
	const mark = await s.mark();
	await begin();
	await is_dead(what);
	await g.serve();
	return mark;
}
// The same, and after the start again, at the effect that follows from the one it died of.
async function dies_twice(what, begin) {
	await g.fault(`${point}=1`);
	const mark = await s.mark();
	await begin();
	await is_dead(what);
	g.environment = { SIBAN_FAULT: `${point}=${point === 'effect_after_outcome' ? 1 : 2}` };
	const start = g.serve().catch(() => {}); // it may be dead before it is ready
	g.environment = {};
	await is_dead(`${what}, and what follows`);
	await start;
	await g.serve();
	return mark;
}
async function is_dead(what) {
	assert.equal((await g.exited).signal, 'SIGKILL', `${what}, ${point}`);
}
const asked = async (mark, peer, route) => (await s.log({ peer, since: mark })).entries.filter((e) => e.route === route).length;
async function counted(mark, peer, route, times = POINTS[point]) {
	assert.equal(await asked(mark, peer, route), times, `${route}, ${point}`);
}

async function ordered() {
	const n = notice();
	assert.equal((await bring(g, w.department, n)).status, 201);
	const { json: { id } } = await g.ask('POST', '/v1/orders', { token: w.citizen, key: randomUUID(), body: { payment_codes: [n.payment_code] } });
	return { id, code: n.payment_code, key: randomUUID() };
}
const pay_it = (o) => pay(g, o.id, 'native', { token: w.citizen, key: o.key });
async function ready(o) {
	const answer = await until('it can be paid', async () => {
		const got = await pay_it(o);
		return got.json.state === 'ready' ? got : undefined;
	});
	await ask_at(9e12);
	o.trade = (await s.show('wechat_pay')).trades.find((t) => t.code_url === answer.json.pay.code_url);
	return o;
}

async function decided(kind, payload, subject) {
	const { json: { id } } = await clerk.propose(kind, '621202', payload, subject);
	return second.decide(id, 'approve');
}
const refund = async (id) => (await clerk.ask('GET', `/v1/office/refunds/${id}`)).json;

// Paid, booked, receipted, given back; it dies at each.
async function given_back() {
	const o = await ordered();
	let mark = await dies('ordered there', () => lost(pay_it(o)));
	await ready(o);
	await counted(mark, 'wechat_pay', 'native');
	await quiet();
	mark = await dies('asked about', () => ask_at(1));
	await until('it was asked about', async () => (await number('SELECT asks FROM pay_attempt ORDER BY id DESC LIMIT 1')) === 1);
	await quiet();
	await counted(mark, 'wechat_pay', 'query');
	await ask_at(9e12);
	const { out_trade_no } = await pays(s, { out_trade_no: o.trade.out_trade_no }), told = await made(s, out_trade_no);
	mark = await dies_twice('told to the bureau, and its receipt', () => lost(tell(g, told)));
	await until('there is a receipt', async () => (await number('SELECT COUNT(*) FROM pay_receipt WHERE state = 2')) === 1);
	await counted(mark, 'finance', 'confirm');
	await counted(mark, 'finance', 'issue');
	assert.equal((await tell(g, told)).status, 204);
	assert.equal((await show(o.id)).state, 'paid');
	await quiet();
	const wish = await g.ask('POST', '/v1/department/refunds', { token: w.department, key: randomUUID(), body: { payment_code: o.code, refundable_fen: 8000, amount_fen: 8000, ground: 'technical', reason: '系统差错' } });
	assert.equal(wish.status, 201, wish.text);
	const { id } = wish.json;
	mark = await dies_twice('receipt reversed, and money given back', () => lost(decided('refund_decide', { verdict: 'approve' }, id)));
	await until('it is on its way', async () => (await refund(id)).state === 'sent');
	await quiet();
	await counted(mark, 'finance', 'reverse');
	await counted(mark, 'wechat_pay', 'refund', 1);
	await s.tell('wechat_pay', 'refund_end', { out_refund_no: id });
	mark = await dies('asked whether it was', () => g.sql('UPDATE pay_refund SET next_ms = 1 WHERE next_ms > 1'));
	await until('it is done', async () => (await refund(id)).state === 'done');
	await quiet();
	await counted(mark, 'wechat_pay', 'refund_query');
	assert.deepEqual((await show(o.id)).refund, { state: 'refunded', under_way_fen: 0, done_fen: 8000 });
	const { trades, refunds } = await s.show('wechat_pay');
	assert.deepEqual([trades.filter((t) => t.out_trade_no === out_trade_no).length, refunds.filter((r) => r.out_trade_no === out_trade_no).map((r) => [r.out_refund_no, r.amount.refund])], [1, [[id, 8000]]]);
	const { paid, receipts, red } = await s.show('finance');
	assert.deepEqual([paid[o.code].amount, receipts[o.code] !== undefined, red[o.code] !== undefined], ['80.00', true, true]);
}

// Cancelled: asked about, then closed there; it dies at the close.
async function closed() {
	const o = await ready(await ordered());
	await quiet();
	const mark = await dies('closed there', () => lost(g.ask('POST', `/v1/orders/${o.id}/cancel`, { token: w.citizen, key: randomUUID() })), 2);
	await until('it is closed', async () => (await show(o.id)).state === 'closed');
	await quiet();
	await counted(mark, 'wechat_pay', 'close');
	assert.equal((await s.show('wechat_pay')).trades.find((t) => t.out_trade_no === o.trade.out_trade_no).trade_state, 'CLOSED');
}

test('the process dies at each step of each effect of money, and every peer has done its deed once', { timeout: 600000 }, async () => {
	for (let lives = 1; lives <= points.length; lives++) {
		point = points[lives - 1];
		await given_back();
		await closed();
		assert.equal(await g.sql('SELECT kind, COUNT(*) FROM effect WHERE kind IN (12, 13, 20, 21, 22) GROUP BY kind ORDER BY kind'), [12, 13, 20, 21, 22].map((kind) => `${kind}|${lives}`).join('\n'), 'one effect for one deed');
		assert.equal(await number('SELECT COUNT(*) FROM pay_payment'), lives);
	}
	assert.equal(await number('SELECT COUNT(*) FROM pay_odd'), 0);
	assert.equal(await number('SELECT COALESCE(SUM(amount_fen), 0) FROM ledger_posting'), 0);
	assert.equal(await number('SELECT COALESCE(SUM(p.amount_fen), 0) FROM ledger_posting p JOIN ledger_account a ON a.id = p.account WHERE a.kind = 1'), 0, 'what came went back');
	assert.match(await g.command('ledger', 'verify'), /every one sums to zero/);
});
