// Goal: an order is paid at WeChat's non-tax platform once, whatever is lost, late, double or forged on the way: the phone gets the platform's page in one request, a notice is ordered there with
// one page that anybody has, its calls are believed for their signature alone and applied once, what they do not say the sweep asks, an order is given up only when its time there is over, a
// token that is over is exchanged without anybody noticing, and a refund goes back once; the ledger sums to zero.
// Method: the sandbox plays the platform; its calls are made there and sent by the test, so that it chooses their order.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test, { after, beforeEach } from 'node:test';
import { sandbox } from '../sandbox/lib/client.mjs';
import { assert_problem, id_number, world } from './lib/cases.mjs';
import { gateway, jobs_often } from './lib/gateway.mjs';
import { bring, day, notice, sandbox_codes } from './lib/payments.mjs';
import { first, hire } from './lib/staff.mjs';
import { until } from './lib/until.mjs';
import { wechat_settings } from './lib/wechat.mjs';
import { NONTAX_SECRET, made, nontax_settings, pay, tell } from './lib/wechat_nontax.mjs';
import { pay as pay_otherwise, wechat_pay_settings } from './lib/wechat_pay.mjs';

const s = await sandbox();
const g = await gateway({ environment: jobs_often, settings: { ...sandbox_codes, ...wechat_settings(s), ...wechat_pay_settings(s), ...nontax_settings(s), 'payments.open_orders': 100, 'payments.orders_per_hour': 1000,
	'payments.notices_per_order': 2, 'rate.write': 0, 'rate.read': 0, 'rate.public': 0, 'timeout.park': 5000, 'otp.per_address': 1000000 } });
const w = await world(g, { test_key: true });
await s.setup('wechat_nontax', { callbacks: false, refund_ends: false });
beforeEach(() => s.clear_faults());

const number = async (sql) => Number(await g.sql(sql));
const sum = (where = '1 = 1') => number(`SELECT COALESCE(SUM(p.amount_fen), 0) FROM ledger_posting p JOIN ledger_account a ON a.id = p.account WHERE ${where}`);
const ordered = async (more = {}) => {
	const n = notice(more);
	assert.equal((await bring(g, w.department, n)).status, 201);
	const { json } = await g.ask('POST', '/v1/orders', { token: w.citizen, key: randomUUID(), body: { payment_codes: [n.payment_code] } });
	return { id: json.id, code: n.payment_code };
};
const show = async (id) => (await g.get(`/v1/orders/${id}`, { token: w.citizen })).json;
const state = (id, wanted) => until(`${id} is ${wanted}`, async () => (await show(id)).state === wanted);
const there = async (order_id) => (await s.show('wechat_nontax')).orders.find((o) => o.order_id === order_id);
const all_of = async (code) => (await s.show('wechat_nontax')).orders.filter((o) => o.notice === code);
const id_of = (page_url) => new URL(page_url).searchParams.get('order_id');
// An order whose page a phone has: {id, code, order_id}
const ready = async () => {
	const one = await ordered(), answer = await pay(g, one.id, 'h5', { token: w.citizen });
	assert.equal(answer.status, 201, answer.text);
	return { ...one, payment: answer.json.id, order_id: id_of(answer.json.pay.page_url) };
};
const paid = async (order_id, more = {}) => s.tell('wechat_nontax', 'pay', { order_id, ...more });
const hurry = (order_id) => g.sql(`UPDATE pay_attempt SET ask_ms = 1 WHERE channel_no = '${order_id}' AND ask_ms > 0`);
const ends = (order_id) => g.sql(`UPDATE pay_order SET expires_ms = 1 WHERE id = (SELECT pay_order FROM pay_attempt WHERE channel_no = '${order_id}')`);
// As if it had been ordered there so long ago that its time is over.
const is_old = (order_id) => g.sql(`UPDATE pay_attempt SET made_ms = 1 WHERE channel_no = '${order_id}'`);
const payments_of = (order_id) => number(`SELECT COUNT(*) FROM pay_payment p JOIN pay_attempt a ON a.pay_order = p.pay_order WHERE a.channel_no = '${order_id}'`);

test('a browser gets the platform’s page in one request, and its call says that it was paid', async () => {
	const { id, code } = await ordered(), key = randomUUID();
	const answer = await pay(g, id, 'h5', { token: w.citizen, key });
	assert.equal(answer.status, 201, answer.text);
	assert.deepEqual([answer.json.state, answer.json.channel, answer.json.method, answer.json.next], ['ready', 'wechat_nontax', 'h5', 'pay']);
	const order_id = id_of(answer.json.pay.page_url), at = await there(order_id);
	assert.deepEqual([at.notice, at.fee, at.trade_type, at.openid, at.user_name], [code, 8000, 'MWEB', null, null]);
	const [again, other] = [await pay(g, id, 'h5', { token: w.citizen, key }), await pay(g, id, 'h5', { token: w.citizen })];
	assert.deepEqual([again.json.id, other.json.pay], [answer.json.id, answer.json.pay], 'the same payment');
	assert.equal((await all_of(code)).length, 1);
	assert.equal((await show(id)).state, 'paying');
	const { trans_id } = await paid(order_id);
	assert.deepEqual(await tell(g, await made(s, order_id)).then((a) => [a.status, a.errcode]), [200, 0]);
	const order = await show(id);
	assert.deepEqual([order.state, order.payment.channel, order.payment.amount_fen], ['paid', 'wechat_nontax', 8000]);
	assert.equal(await g.sql(`SELECT reference FROM pay_payment WHERE reference = '${trans_id}'`), trans_id);
	assert.equal((await g.get(`/v1/orders/${id}/payments/${answer.json.id}`, { token: w.citizen })).json.next, 'done');
	assert_problem(await pay(g, id, 'h5', { token: w.citizen }), 409, 'order_state');
});

test('what cannot follow from a call waits: taken at once, tried again, done once', async () => {
	const { id, order_id } = await ready(), waiting = () => number('SELECT COUNT(*) FROM pay_callback_due');
	await paid(order_id);
	const told = await made(s, order_id);
	await g.fault('callback_follow=1+');
	for (let i = 0; i < 3; i++) assert.deepEqual(await tell(g, told).then((a) => [a.status, a.errcode]), [200, 0]);
	assert.equal((await show(id)).state, 'paying');
	assert.equal(await waiting(), 1, 'it was told three times, and waits once');
	assert.match(await g.command('callbacks', 'list'), /^\d+ +wechat_nontax .*store_unavailable$/m);
	await g.kill(); // and what waits is in the database alone
	await g.serve();
	await until('nothing waits any more', async () => (await g.command('callbacks', 'again')) !== '' && (await waiting()) === 0);
	assert.equal((await show(id)).state, 'paid');
	assert.equal(await payments_of(order_id), 1);
	assert.deepEqual(await tell(g, told).then((a) => [a.status, a.errcode]), [200, 0]);
	assert.equal(await sum(), 0);
});

test('late money is the first item’s; what it does not offer; two notices at once', async () => {
	const late = await ordered({ kind: 'penalty', items: [{ item: '103050199', name: '罚款', amount_fen: 20000 }, { item: '103050198', name: '其他', amount_fen: 100 }], late_fen: 600, late_on: day() });
	assert.equal((await pay(g, late.id, 'h5', { token: w.citizen })).status, 201);
	const [{ fee, items }] = await all_of(late.code);
	assert.deepEqual([fee, items], [20700, [{ no: 1, item_id: '103050199', item_name: '罚款', penalty: 600, fee: 20600 }, { no: 2, item_id: '103050198', item_name: '其他', fee: 100 }]]);
	const { id } = await ordered();
	for (const method of ['native', 'app', 'cheque']) assert.equal(assert_problem(await pay(g, id, method, { token: w.citizen }), 422, 'invalid_field').json.pointer, '/method');
	assert.equal(assert_problem(await pay(g, id, 'mini', { token: w.citizen }), 422, 'invalid_field').json.pointer, '/method'); // the platform knows another appid than the mini-program's
	const payer = { name: '王小明', id_number: id_number(20) }, [one, two] = [notice({ payer }), notice({ payer })];
	for (const n of [one, two]) assert.equal((await bring(g, w.department, n)).status, 201);
	const both = await g.ask('POST', '/v1/orders', { token: w.citizen, key: randomUUID(), body: { payment_codes: [one.payment_code, two.payment_code] } });
	assert.equal(both.status, 201, both.text);
	assert.equal(assert_problem(await pay(g, both.json.id, 'h5', { token: w.citizen }), 422, 'invalid_field').json.pointer, '/channel');
});

test('five hundred copies at once, and those that come later: one payment', async () => {
	const { id, order_id } = await ready(), before = await sum('a.kind = 1 AND a.channel = 6');
	await paid(order_id, { status: 4 });
	const { all } = await made(s, order_id, { copies: 10 });
	const answers = await Promise.all(Array.from({ length: 500 }, (_, i) => tell(g, all[i % 10])));
	assert.deepEqual([...new Set(answers.map((a) => `${a.status} ${a.errcode}`))], ['200 0']);
	assert.equal((await show(id)).state, 'paid');
	assert.equal(await payments_of(order_id), 1);
	assert.equal(await sum('a.kind = 1 AND a.channel = 6') - before, 8000);
	assert.equal(await sum(), 0);
	assert.deepEqual((await tell(g, await made(s, order_id, { changes: { status: 3 } }))).errcode, 0, 'the other word for paid');
	assert.deepEqual((await tell(g, await made(s, order_id, { changes: { fee: 7999 } }))).errcode, 299, 'of another amount now');
	assert.equal(await payments_of(order_id), 1);
	assert.equal(await number('SELECT COUNT(*) FROM pay_odd'), 0);
});

test('nothing forged is believed: signatures, seals, forms, bits, other accounts', async () => {
	const { id, order_id } = await ready();
	await paid(order_id);
	for (const [mood, errcode] of [['signature', 300], ['none', 300], ['cipher', 298], ['form', 210]]) assert.equal((await tell(g, await made(s, order_id, { mood }))).errcode, errcode, mood);
	for (const changes of [{ appid: 'wxelse' }, { fee: 0 }, { trans_id: '' }, { pay_finish_time: 0 }, { fee_type: 2 }, { order_id: null }]) assert.equal((await tell(g, await made(s, order_id, { changes }))).errcode, 210, JSON.stringify(changes));
	const right = await made(s, order_id);
	assert.equal((await tell(g, { ...right, query: 'wxnontaxstr=0011223344556677', word: '0011223344556677' })).errcode, 300, 'the word is signed too');
	for (let i = 0; i < 40; i++) {
		const bytes = Buffer.from(right.body), at = 20 + Math.floor(((bytes.length - 40) * i) / 40);
		bytes[at] ^= 1 << (i % 5);
		const { status, errcode } = await tell(g, { ...right, body: bytes.toString('latin1') });
		assert.ok(status >= 400 || [210, 298, 300].includes(errcode), `bit ${i}: ${status} ${errcode}`);
	}
	assert.equal((await g.ask('POST', '/callbacks/wechatnontax', { body: right.body, headers: { 'content-type': 'application/json' } })).status, 400);
	assert.equal((await show(id)).state, 'paying');
	assert.equal(await payments_of(order_id), 0);
	assert.equal((await tell(g, right)).errcode, 0);
	assert.equal((await show(id)).state, 'paid');
	await until('it is in the log', () => /"ev":"callback_refused".*"wechat_nontax"/.test(g.log()));
});

test('what no call says, the sweep asks', async () => {
	const { id, order_id } = await ready(), mark = await s.mark();
	await hurry(order_id);
	await s.wait_for('a question', (e) => e.route === 'getorder', { since: mark, peer: 'wechat_nontax' });
	assert.equal((await show(id)).state, 'paying');
	await paid(order_id);
	await until('it is paid', async () => {
		await hurry(order_id);
		return (await show(id)).state === 'paid';
	});
	assert.equal(await payments_of(order_id), 1);
});

test('an answer that is lost: asked about by its notice, ordered again, and one page', async () => {
	const { id, code } = await ordered();
	await s.fault('wechat_nontax', { lose_answer: true, route: 'unifiedorder', count: 1 });
	const answer = await pay(g, id, 'h5', { token: w.citizen });
	assert.ok([201, 202].includes(answer.status), answer.text);
	const ready = await until('it has a page', async () => {
		const got = await g.get(`/v1/orders/${id}/payments/${answer.json.id}`, { token: w.citizen });
		return got.json.pay ? got : undefined;
	});
	assert.equal((await all_of(code)).length, 2);
	const order_id = id_of(ready.json.pay.page_url);
	await paid(order_id);
	assert.equal((await tell(g, await made(s, order_id))).errcode, 0);
	await state(id, 'paid');
	assert.equal(await payments_of(order_id), 1);
});

test('its payment is told of before its number is known: it is asked about again until it is, and pays the order, once', async () => {
	const { id, code } = await ordered();
	await s.fault('wechat_nontax', { lose_answer: true, delay_ms: 1000, route: 'unifiedorder', count: 1 });
	const mark = await s.mark(), answer = pay(g, id, 'h5', { token: w.citizen });
	await s.wait_for('the order', (e) => e.route === 'unifiedorder', { since: mark, peer: 'wechat_nontax' });
	await s.fault('wechat_nontax', { hang: true, route: 'getorderlist', count: 1000 }); // before that answer is lost
	const [{ order_id }] = await all_of(code), { trans_id } = await paid(order_id), odd = await number('SELECT COUNT(*) FROM pay_odd');
	assert.ok([201, 202].includes((await answer).status));
	assert.equal((await tell(g, await made(s, order_id))).errcode, 0);
	await s.wait_for('the answer', (e) => e.route === 'getorder' && e.body.includes(order_id), { since: mark, peer: 'wechat_nontax' });
	const waits = `kind = 17 AND state = 1 AND due_ms > made_ms`;
	await until('it is to be asked about again', () => number(`SELECT COUNT(*) FROM effect WHERE ${waits}`));
	assert.deepEqual([(await show(id)).state, await number('SELECT COUNT(*) FROM pay_odd')], ['paying', odd]);
	// As if its time had come; whoever makes an order wakes who looks.
	const comes = async () => {
		const since = await s.mark();
		await g.sql(`UPDATE effect SET due_ms = made_ms WHERE ${waits}`);
		await ready();
		await s.wait_for('another question', (e) => e.route === 'getorder' && e.body.includes(order_id), { since, peer: 'wechat_nontax' });
	};
	await comes();
	await until('and again', () => number(`SELECT COUNT(*) FROM effect WHERE ${waits}`));
	await s.clear_faults();
	await state(id, 'paid');
	await comes();
	await until('all is asked', async () => (await number('SELECT COUNT(*) FROM effect WHERE kind = 17 AND state IN (1, 2)')) === 0);
	assert.deepEqual([await payments_of(order_id), await number('SELECT COUNT(*) FROM pay_odd'), await number(`SELECT COUNT(*) FROM pay_payment WHERE reference = '${trans_id}'`), (await show(id)).state], [1, odd, 1, 'paid']);
});

test('a notice that is paid there already is not ordered again: it is paid', async () => {
	const { id, code } = await ordered();
	await s.fault('wechat_nontax', { lose_answer: true, delay_ms: 3000, route: 'unifiedorder', count: 1 });
	const mark = await s.mark(), answer = pay(g, id, 'h5', { token: w.citizen, key: randomUUID() });
	await s.wait_for('the order', (e) => e.route === 'unifiedorder', { since: mark, peer: 'wechat_nontax' });
	const [lost] = await all_of(code);
	await paid(lost.order_id); // before its answer is lost
	assert.ok([201, 202].includes((await answer).status));
	await state(id, 'paid');
	assert.deepEqual([(await all_of(code)).length, await payments_of(lost.order_id)], [1, 1]);
});

test('a token that is over, or forced to be another, is exchanged once, and nobody notices', async () => {
	const before = await ready(), mark = await s.mark();
	await s.tell('wechat', 'stale');
	const one = await ready();
	assert.notEqual(one.order_id, before.order_id);
	const routes = (await s.log({ since: mark })).entries.filter((e) => ['wechat', 'wechat_nontax'].includes(e.peer)).map((e) => `${e.route} ${e.code}`);
	assert.deepEqual(routes.filter((r) => /unifiedorder|stable_token/.test(r)), ['unifiedorder 40001', 'stable_token null', 'unifiedorder 0']);
	assert.equal((await all_of(one.code)).length, 1);
});

test('no token to be had: what was due waits, and goes on by itself when there is one', async () => {
	const { id, code } = await ordered(), mark = await s.mark();
	await s.tell('wechat', 'stale');
	await s.fault('wechat', { status: 503, route: 'stable_token', count: 2 });
	const answer = await pay(g, id, 'h5', { token: w.citizen, key: randomUUID() });
	assert.ok([201, 202].includes(answer.status), answer.text);
	await state(id, 'paying');
	await until('it has a page', async () => (await g.get(`/v1/orders/${id}/payments/${answer.json.id}`, { token: w.citizen })).json.state === 'ready');
	assert.equal((await all_of(code)).length, 1);
	assert.equal((await s.log({ since: mark, peer: 'wechat' })).entries.filter((e) => e.route === 'stable_token').length, 3);
});

test('an account that is refused stops; what was due waits for an operator', async () => {
	const { id } = await ordered();
	await s.fault('wechat_nontax', { refuse_code: '48001', route: 'unifiedorder', count: 1 });
	assert.equal((await pay(g, id, 'h5', { token: w.citizen, key: randomUUID() })).status, 202);
	await until('it has stopped', () => /"ev":"account_stopped".*"wechat_nontax"/.test(g.log()));
	assert.match(await g.command('effects', 'resume', 'wechat_nontax'), /1 effects/);
	await until('it has a page', async () => (await pay(g, id, 'h5', { token: w.citizen })).json.state === 'ready');
});

test('nothing closes an order there: its notice waits until its time is over, and what comes later is kept', async () => {
	const one = await ready();
	assert_problem(await pay_otherwise(g, one.id, 'native', { token: w.citizen }), 409, 'paying_otherwise');
	await until('it was asked about', async () => (await number(`SELECT asks FROM pay_attempt WHERE channel_no = '${one.order_id}' AND state = 3 AND asking = 0`)) >= 1);
	assert.equal((await show(one.id)).state, 'paying');
	await is_old(one.order_id);
	await until('it is open again', async () => {
		await hurry(one.order_id);
		return (await show(one.id)).state === 'open';
	});
	const other = await pay_otherwise(g, one.id, 'native', { token: w.citizen });
	assert.equal(other.status, 201, other.text);
	const odd = await number('SELECT COUNT(*) FROM pay_odd');
	await paid(one.order_id);
	assert.equal((await tell(g, await made(s, one.order_id))).errcode, 0); // it takes the order that is still being paid, whichever way
	assert.equal((await show(one.id)).state, 'paid');
	assert.equal(await number('SELECT COUNT(*) FROM pay_odd'), odd);
	await until('the other is closed there', async () => {
		await g.sql('UPDATE pay_attempt SET ask_ms = 1 WHERE ask_ms > 0 AND channel = 3');
		return (await s.show('wechat_pay')).trades.find((t) => t.code_url === other.json.pay.code_url).trade_state === 'CLOSED';
	});
	const closed = await ready();
	await s.tell('wechat_nontax', 'close', { order_id: closed.order_id });
	await until('it is open', async () => {
		await hurry(closed.order_id);
		return (await show(closed.id)).state === 'open';
	});
});

test('money that fits nowhere is kept: too late, of another amount, twice, of an order nobody here made', async () => {
	const before = await number('SELECT COALESCE(MAX(id), 0) FROM pay_odd'), late = await ready();
	await ends(late.order_id);
	await is_old(late.order_id);
	await until('it is expired', async () => {
		await hurry(late.order_id);
		return (await show(late.id)).state === 'expired';
	});
	await paid(late.order_id);
	assert.equal((await tell(g, await made(s, late.order_id))).errcode, 0);
	const other = await ready();
	await paid(other.order_id);
	assert.equal((await tell(g, await made(s, other.order_id, { changes: { fee: 7999 } }))).errcode, 0);
	const twice = await ready();
	await paid(twice.order_id);
	assert.equal((await tell(g, await made(s, twice.order_id))).errcode, 0);
	const second = await made(s, twice.order_id, { changes: { trans_id: `42${Date.now()}9`, status: 6 } });
	assert.equal((await tell(g, second)).errcode, 232);
	assert.equal((await tell(g, second)).errcode, 232, 'told again, answered alike');
	assert.equal(await g.sql(`SELECT kind, amount_fen FROM pay_odd WHERE id > ${before} ORDER BY id`), '1|8000\n4|7999\n2|8000');
	const mark = await s.mark(), nobody = await made(s, other.order_id, { changes: { order_id: 'AQAAD-nobody-knows-it' } });
	assert.equal((await tell(g, nobody)).errcode, 0);
	await s.wait_for('it is asked about', (e) => e.route === 'getorder' && e.body.includes('AQAAD-nobody-knows-it'), { since: mark, peer: 'wechat_nontax' });
	const elsewhere = await ready(), odd = await number('SELECT COUNT(*) FROM pay_odd'); // and one that is there, as if nobody here had made it
	await g.sql(`UPDATE pay_attempt SET channel_no = 'AQAAD-another', ask_ms = 0 WHERE channel_no = '${elsewhere.order_id}'`);
	const { trans_id } = await paid(elsewhere.order_id);
	assert.equal((await tell(g, await made(s, elsewhere.order_id))).errcode, 0);
	await until('it is kept', async () => (await number('SELECT COUNT(*) FROM pay_odd')) === odd + 1);
	assert.equal(await g.sql(`SELECT o.kind, t.channel_no FROM pay_odd o JOIN pay_channel_trade t ON t.channel = o.channel AND t.reference = o.reference WHERE o.reference = '${trans_id}'`), `5|${elsewhere.order_id}`);
	assert.equal(await sum(), 0);
});

test('a refund goes back once: a part and the rest, an answer that is lost, by call and by question', async () => {
	const maker = await first(g, 'li.safe', 'security_admin'), checker = await first(g, 'li.system', 'system_admin');
	const clerk = await hire(maker, checker, 'pay.one', '621202', 'payment_clerk'), second = await hire(maker, checker, 'pay.two', '621202', 'payment_checker');
	const { id, code, order_id } = await ready(), before = await sum('a.kind = 1 AND a.channel = 6');
	await paid(order_id);
	assert.equal((await tell(g, await made(s, order_id))).errcode, 0);
	const asks = async (refundable_fen, amount_fen) => {
		const answer = await g.ask('POST', '/v1/department/refunds', { token: w.department, key: randomUUID(), body: { payment_code: code, refundable_fen, amount_fen, ground: 'technical', reason: '系统差错' } });
		assert.equal(answer.status, 201, answer.text);
		const { json } = await clerk.propose('refund_decide', '621202', { verdict: 'approve' }, answer.json.id);
		assert.equal((await second.decide(json.id, 'approve')).status, 200);
		return answer.json.id;
	};
	const of = async (refund) => (await there(order_id)).refunds.find((r) => r.refund_out_id === refund);
	const is = (refund, wanted) => until(`${refund} is ${wanted}`, async () => (await clerk.ask('GET', `/v1/office/refunds/${refund}`)).json.state === wanted);
	const part = await asks(8000, 3000);
	const r = await until('it is there', () => of(part));
	assert.deepEqual([r.refund_fee, r.refund_reason], [3000, '技术差错']);
	await is(part, 'sent');
	await s.tell('wechat_nontax', 'refund_end', { refund_out_id: part });
	assert.equal((await tell(g, await made(s, order_id, { refund_out_id: part, changes: { refund_fee: 2999 } }))).errcode, 0);
	await is(part, 'sent'); // another amount is not believed
	for (let i = 0; i < 3; i++) assert.equal((await tell(g, await made(s, order_id, { refund_out_id: part }))).errcode, 0);
	await until('the job asks', async () => {
		await g.sql('UPDATE pay_refund SET next_ms = 1 WHERE state = 4 AND next_ms > 1');
		return (await clerk.ask('GET', `/v1/office/refunds/${part}`)).json.state === 'done';
	});
	assert.equal(await sum('a.kind = 1 AND a.channel = 6'), before + 5000);
	await s.fault('wechat_nontax', { lose_answer: true, route: 'refund', count: 1 });
	const rest = await asks(5000, 5000);
	await until('it is sent', async () => {
		await g.sql('UPDATE effect SET due_ms = 1 WHERE kind = 18 AND state IN (1, 2) AND due_ms > 1');
		return of(rest);
	});
	await until('it was asked about', async () => {
		await g.sql('UPDATE effect SET due_ms = 1 WHERE kind = 18 AND state IN (1, 2) AND due_ms > 1');
		return (await number('SELECT COUNT(*) FROM effect WHERE kind = 18 AND state <> 3')) === 0;
	});
	await s.tell('wechat_nontax', 'refund_end', { refund_out_id: rest });
	await until('it is done', async () => {
		await g.sql('UPDATE pay_refund SET next_ms = 1 WHERE state IN (4, 7) AND next_ms > 1');
		return (await clerk.ask('GET', `/v1/office/refunds/${rest}`)).json.state === 'done';
	});
	assert.deepEqual([(await there(order_id)).refunds.length, (await there(order_id)).status, await sum('a.kind = 1 AND a.channel = 6')], [2, 5, before]);
	assert.deepEqual((await show(id)).refund, { state: 'refunded', under_way_fen: 0, done_fen: 8000 });
});

after(async () => {
	assert.equal(await sum(), 0);
	for (const word of [NONTAX_SECRET, 'access_token=']) assert.ok(!g.log().includes(word), `${word} is in the log`);
});
