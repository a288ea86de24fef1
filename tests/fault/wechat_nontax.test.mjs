// Goal: whenever the process dies on the way of a payment at WeChat's non-tax platform (ordered there, asked about, given back, asked whether it was, found in its file and asked about), one page is what anybody has, it is paid once,
// and a refund goes back once, under one number, however often it is said; and by a payer's barcode money is asked for once at most, and taken once when it was paid.
// Method: lives of an order in which the process kills itself at one named point of each effect, and is started again; the sandbox counts what it was asked. SIBAN_LONG=1: every point.
import assert from 'node:assert/strict';
import { randomInt, randomUUID } from 'node:crypto';
import test from 'node:test';
import { world } from '../flow/lib/cases.mjs';
import { gateway, is_long } from '../flow/lib/gateway.mjs';
import { bring, day, notice, sandbox_codes } from '../flow/lib/payments.mjs';
import { first, hire } from '../flow/lib/staff.mjs';
import { until } from '../flow/lib/until.mjs';
import { barcode_settings, made, nontax_settings, pay, tell } from '../flow/lib/wechat_nontax.mjs';
import { sandbox } from '../sandbox/lib/client.mjs';

// How often an order is asked for there, by the point of death: the platform knows no number of ours, so one whose answer nobody wrote down is another, and nobody has its page.
const ORDERS = { effect_before_mark: 1, effect_after_mark: 1, effect_after_send: 1, effect_after_answer: 2, effect_before_outcome: 2, effect_after_outcome: 1 };
const points = is_long ? Object.keys(ORDERS) : ['effect_after_send', 'effect_after_answer', 'effect_before_outcome'];

const s = await sandbox();
const g = await gateway({ may_end_badly: true, settings: { ...sandbox_codes, ...nontax_settings(s, barcode_settings), 'payments.open_orders': 100, 'payments.orders_per_hour': 1000, 'rate.write': 0, 'rate.read': 0, 'rate.public': 0, 'log.access': 'false' } });
const w = await world(g, { test_key: true });
const maker = await first(g, 'li.safe', 'security_admin'), checker = await first(g, 'li.system', 'system_admin');
const clerk = await hire(maker, checker, 'pay.one', '621202', 'payment_clerk'), second = await hire(maker, checker, 'pay.two', '621202', 'payment_checker'), window = await hire(maker, checker, 'window.one', '621202', 'window_clerk');
await s.setup('wechat_nontax', { callbacks: false, refund_ends: false });

const number = async (sql) => Number(await g.sql(sql));
const lost = (promise) => promise.catch(() => ({ status: 0 })); // what it was doing dies with it
const hurry = () => g.sql('UPDATE effect SET due_ms = 1 WHERE kind IN (16, 17, 18, 19, 24) AND state IN (1, 2) AND due_ms > 1');
const quiet = () => until('nothing is on its way', async () => {
	await hurry();
	return (await number('SELECT COUNT(*) FROM effect WHERE state <= 2')) === 0;
});
async function dies(point, what, begin) {
	await g.fault(`${point}=1`);
	await begin();
	assert.equal((await g.exited).signal, 'SIGKILL', `${what}, ${point}`);
	await g.serve();
}

async function life(point) {
	const n = notice();
	assert.equal((await bring(g, w.department, n)).status, 201);
	const { id } = (await g.ask('POST', '/v1/orders', { token: w.citizen, key: randomUUID(), body: { payment_codes: [n.payment_code] } })).json, key = randomUUID();
	const there = async () => (await s.show('wechat_nontax')).orders.filter((o) => o.notice === n.payment_code);
	await dies(point, 'ordered there', () => lost(pay(g, id, 'h5', { token: w.citizen, key })));
	const answer = await until('it can be paid', async () => {
		const got = await pay(g, id, 'h5', { token: w.citizen, key });
		return got.json.state === 'ready' ? got : undefined;
	});
	const order_id = new URL(answer.json.pay.page_url).searchParams.get('order_id');
	assert.equal((await there()).length, ORDERS[point], `orders there, ${point}`);
	await quiet();
	await dies(point, 'asked about', () => g.sql('UPDATE pay_attempt SET ask_ms = 1 WHERE ask_ms > 0'));
	await quiet();
	await s.tell('wechat_nontax', 'pay', { order_id });
	assert.equal((await tell(g, await made(s, order_id))).errcode, 0);
	assert.equal((await g.get(`/v1/orders/${id}`, { token: w.citizen })).json.state, 'paid');
	const wish = await g.ask('POST', '/v1/department/refunds', { token: w.department, key: randomUUID(), body: { payment_code: n.payment_code, refundable_fen: 8000, amount_fen: 3000, ground: 'technical', reason: '系统差错' } });
	assert.equal(wish.status, 201, wish.text);
	const refund = wish.json.id, state = async () => (await clerk.ask('GET', `/v1/office/refunds/${refund}`)).json.state;
	const { json: proposal } = await clerk.propose('refund_decide', '621202', { verdict: 'approve' }, refund);
	await dies(point, 'given back', () => lost(second.decide(proposal.id, 'approve')));
	await quiet();
	const one = (await there()).find((o) => o.order_id === order_id);
	assert.deepEqual(one.refunds.map((r) => [r.refund_out_id, r.refund_fee]), [[refund, 3000]], point);
	assert.equal(await state(), 'sent');
	await s.tell('wechat_nontax', 'refund_end', { refund_out_id: refund });
	await dies(point, 'asked whether it was', () => g.sql('UPDATE pay_refund SET next_ms = 1 WHERE next_ms > 1'));
	await until('it is done', async () => {
		await hurry();
		return (await state()) === 'done';
	});
	const stray = notice(), paid = () => number(`SELECT COUNT(*) FROM pay_payment p JOIN pay_order_notice o ON o.pay_order = p.pay_order JOIN pay_notice n ON n.id = o.notice WHERE n.payment_code = '${stray.payment_code}'`);
	assert.equal((await bring(g, w.department, stray)).status, 201);
	const nobodys = await s.tell('wechat_nontax', 'place', { notice: stray.payment_code, fee: 8000 });
	await s.tell('wechat_nontax', 'pay', nobodys);
	await s.tell('wechat_nontax', 'earlier', nobodys);
	const { text } = await s.tell('wechat_nontax', 'file', { day: day(-1), mch_id: '1900000011' });
	await dies(point, 'asked about what nobody here ordered', () => lost(g.control('POST', `/control/reconciliation/files?source=wechat_nontax&day=${day(-1)}&replaces=1`, text, 'application/octet-stream')));
	await quiet();
	await until('it is the notice’s', async () => (await paid()) === 1);
}

test('the process dies at each step of each effect there, and it ends as the platform knows it', { timeout: 600000 }, async () => {
	for (const point of points) await life(point);
	assert.equal(await number('SELECT COUNT(*) FROM pay_payment'), 2 * points.length);
	assert.equal(await number('SELECT COUNT(*) FROM effect WHERE kind = 24'), points.length);
	assert.equal(await number('SELECT COUNT(*) FROM pay_odd'), 0);
	assert.equal(await number('SELECT COALESCE(SUM(amount_fen), 0) FROM ledger_posting'), 0);
	assert.equal(await number('SELECT COUNT(*) FROM effect WHERE kind = 18'), points.length, 'one effect for one deed');
});

// How often a payer's code comes there, by the point of death: once, or never where nothing had left; never twice. Where it never came, nobody knows that but the platform, which is asked by the notice.
const SCANS = { effect_before_mark: 1, effect_after_mark: 0, effect_after_send: 0, effect_after_answer: 1, effect_before_outcome: 1, effect_after_outcome: 1 };

async function scanned(point, mood) {
	const n = notice(), auth_code = `13${String(randomInt(1e8)).padStart(8, '0')}${String(randomInt(1e8)).padStart(8, '0')}`, key = randomUUID(), what = `${mood}, ${point}`;
	assert.equal((await bring(g, w.department, n)).status, 201);
	await s.setup('wechat_nontax', { micropay: mood });
	const scan = () => window.ask('POST', '/v1/hall/barcode-payments', { key, body: { payment_codes: [n.payment_code], auth_code, amount_fen: n.total_fen } });
	const there = async () => (await s.show('wechat_nontax')).scans.filter((one) => one.auth_code === auth_code);
	const mine = `id IN (SELECT a.id FROM pay_attempt a JOIN pay_order_notice x ON x.pay_order = a.pay_order JOIN pay_notice n ON n.id = x.notice WHERE n.payment_code = '${n.payment_code}')`;
	await dies(point, what, () => lost(scan()));
	await until('the effect is over', async () => {
		await g.sql('UPDATE effect SET expires_ms = 1 WHERE kind = 23 AND state = 2 AND asks > 3');
		return (await number('SELECT COUNT(*) FROM effect WHERE kind = 23 AND state <= 2')) === 0;
	});
	const ends = (wanted) => until(`${what}: ${wanted}`, async () => {
		await g.sql(`UPDATE pay_attempt SET ask_ms = 1 WHERE ask_ms > 1 AND ${mine}`);
		await hurry();
		return (await scan()).json.next === wanted;
	});
	const came = (await there())[0];
	if (mood === 'unknown' && came !== undefined) await s.tell('wechat_nontax', 'typed', { auth_code }); // it was asked for, and is paid after all
	if (came === undefined) await g.sql(`UPDATE pay_attempt SET made_ms = 1 WHERE ${mine}`);       // nobody ever heard of it: until its time is over
	await ends(came === undefined ? 'scan_again' : 'done');
	assert.equal((await there())[0]?.calls ?? 0, SCANS[point], `asked for, ${what}`);
	assert.equal(await number(`SELECT COUNT(*) FROM pay_payment p JOIN pay_attempt a ON a.pay_order = p.pay_order WHERE a.${mine}`), SCANS[point], `paid, ${what}`);
	assert.equal(await number(`SELECT COUNT(*) FROM pay_attempt a JOIN effect_payload p ON p.effect = a.effect WHERE LENGTH(p.payload) <> LENGTH(a.payload) AND a.${mine}`), 0, `the code is forgotten, ${what}`);
}

test('the process dies at each step of a payer’s barcode: money is asked for once at most, and what was paid is taken', { timeout: 900000 }, async () => {
	for (const mood of ['paid', 'unknown']) for (const point of points) await scanned(point, mood);
	assert.equal(await number('SELECT COUNT(*) FROM pay_odd'), 0);
	assert.equal(await number('SELECT COALESCE(SUM(amount_fen), 0) FROM ledger_posting'), 0);
});
