// Goal: an order is paid by WeChat Pay once, whatever is lost, late, double or forged on the way: the phone gets in one request what it pays with, the callback is believed for its signature alone
// and applied once, what it does not say the sweep asks, an order is given up only when it is closed there, and money that fits nowhere is kept; the ledger sums to zero.
// Method: the sandbox plays WeChat Pay; callbacks are made there and sent by the test, so that it chooses their order.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import test, { after, beforeEach } from 'node:test';
import { sandbox } from '../sandbox/lib/client.mjs';
import { assert_problem, world } from './lib/cases.mjs';
import { gateway, siban, jobs_often } from './lib/gateway.mjs';
import { bring, notice, sandbox_codes } from './lib/payments.mjs';
import { People, authority_settings, device, phone } from './lib/people.mjs';
import { on_postgres } from './lib/stores.mjs';
import { until } from './lib/until.mjs';
import { WeChat, wechat_settings } from './lib/wechat.mjs';
import { API_KEY, made, pay, pays, tell, wechat_pay_settings } from './lib/wechat_pay.mjs';

const s = await sandbox();
const files = wechat_pay_settings(s);
const g = await gateway({ environment: jobs_often, settings: { ...sandbox_codes, ...wechat_settings(s), ...authority_settings(s), ...files, 'payments.open_orders': 100, 'payments.orders_per_hour': 1000, 'rate.write': 0, 'rate.public': 0,
	'timeout.park': 3000, 'otp.per_address': 1000000 } });
const w = await world(g, { test_key: true });
await s.setup('wechat_pay', { callbacks: false });
beforeEach(() => s.clear_faults());

const number = async (sql) => Number(await g.sql(sql));
const sum = (where = '1 = 1') => number(`SELECT COALESCE(SUM(p.amount_fen), 0) FROM ledger_posting p JOIN ledger_account a ON a.id = p.account WHERE ${where}`);
const ordered = async (token = w.citizen) => {
	const n = notice();
	assert.equal((await bring(g, w.department, n)).status, 201);
	const { json } = await g.ask('POST', '/v1/orders', { token, key: randomUUID(), body: { payment_codes: [n.payment_code] } });
	return { id: json.id, code: n.payment_code };
};
const show = async (id, token = w.citizen) => (await g.get(`/v1/orders/${id}`, { token })).json;
const state = (id, wanted) => until(`${id} is ${wanted}`, async () => (await show(id)).state === wanted);
const trade_of = async (handle) => (await s.show('wechat_pay')).trades.find((t) => [t.prepay_id, t.code_url, t.h5_url].includes(handle));
// An order that a phone can pay by scanning: {id, code, trade}
const ready = async () => {
	const one = await ordered(), answer = await pay(g, one.id, 'native', { token: w.citizen });
	assert.equal(answer.status, 201, answer.text);
	return { ...one, payment: answer.json.id, trade: await trade_of(answer.json.pay.code_url) };
};
// As if its time had come.
const hurry = (trade) => g.sql(`UPDATE pay_attempt SET ask_ms = 1 WHERE out_trade_no = '${trade.out_trade_no}' AND ask_ms > 0`);
const ends = (trade) => g.sql(`UPDATE pay_order SET expires_ms = 1 WHERE id = (SELECT pay_order FROM pay_attempt WHERE out_trade_no = '${trade.out_trade_no}')`);
const reload = () => g.control('POST', '/control/reload');
const payments_of = (id) => number(`SELECT COUNT(*) FROM pay_payment p JOIN pay_attempt a ON a.pay_order = p.pay_order WHERE a.out_trade_no = '${id}'`);

for (const via of ['h2', 'h1'])
	test(`a mini-program pays with what it got in one request (${via})`, async () => {
		const people = new People(g);
		people.s = s;
		const one = new WeChat(people, phone()), { access_token } = await one.login(device(), { with_phone: true });
		const raised = await g.ask('POST', '/v1/me/identity', { token: access_token, key: randomUUID(), body: { id_type: 'resident', id_number: '621299199006150131', name: '张三' } });
		assert.equal(raised.status, 200, raised.text);
		const token = raised.json.access_token ?? access_token, { id } = await ordered(token), key = randomUUID();
		const answer = await pay(g, id, 'mini', { token, key, via });
		assert.equal(answer.status, 201, answer.text);
		assert.deepEqual([answer.json.state, answer.json.order, answer.json.total_fen, answer.json.next], ['ready', id, 8000, 'pay']);
		const trade = await trade_of(answer.json.pay.package.replace('prepay_id=', ''));
		assert.deepEqual([trade.openid, trade.total, trade.kind], [one.openid, 8000, 'jsapi']);
		const [again, other] = [await pay(g, id, 'mini', { token, key, via }), await pay(g, id, 'mini', { token, via })];
		assert.deepEqual([again.json.id, other.json.id], [answer.json.id, answer.json.id], 'the same payment');
		assert.equal((await g.get(`/v1/orders/${id}/payments/${answer.json.id}`, { token })).json.pay.package, answer.json.pay.package);
		assert_problem(await g.get(`/v1/orders/${id}/payments/${answer.json.id}`, { token: w.citizen }), 404, 'not_found');
		assert_problem(await pay(g, id, 'mini', { token: w.citizen }), 404, 'not_found');
		assert.equal((await show(id, token)).state, 'paying');
		const { transaction_id } = await pays(s, { parameters: other.json.pay });
		assert.equal((await tell(g, await made(s, trade.out_trade_no), via)).status, 204);
		const paid = await show(id, token);
		assert.deepEqual([paid.state, paid.payment.channel, paid.payment.amount_fen], ['paid', 'wechat_pay', 8000]);
		assert.equal(await g.sql(`SELECT reference FROM pay_payment WHERE reference = '${transaction_id}'`), transaction_id);
		assert_problem(await pay(g, id, 'mini', { token }), 409, 'order_state');
	});

test('app, scan and browser; wrong words; who has no WeChat account', async () => {
	const { id } = await ordered();
	assert_problem(await pay(g, id, 'mini', { token: w.citizen }), 409, 'wechat_needed');
	for (const [method, more, pointer] of [['cheque', {}, '/method'], ['native', { channel: 'alipay' }, '/channel']])
		assert.equal(assert_problem(await pay(g, id, method, { token: w.citizen, ...more }), 422, 'invalid_field').json.pointer, pointer);
	const app = await pay(g, id, 'app', { token: w.citizen });
	assert.deepEqual([app.status, app.json.pay.packageValue, app.json.pay.partnerId], [201, 'Sign=WXPay', '1900000001'], app.text);
	const other = await pay(g, id, 'h5', { token: w.citizen });
	assert_problem(other, 409, 'paying_otherwise');
	assert.ok(Number(other.headers['retry-after']) >= 1);
	await state(id, 'open');
	const h5 = await pay(g, id, 'h5', { token: w.citizen });
	assert.deepEqual([h5.status, h5.json.pay.h5_url.startsWith('https://wx.tenpay.com/')], [201, true], h5.text);
	assert.equal((await trade_of(app.json.pay.prepayId)).trade_state, 'CLOSED');
	assert.equal((await s.try_control('POST', '/peers/wechat_pay/pay', { parameters: app.json.pay, as: 'app' })).json.detail, 'it is CLOSED');
});

test('a channel that is slow: 202 and a place to look; one that refuses: the order is open again', async () => {
	const { id } = await ordered(), token = w.citizen;
	g.configure({ 'timeout.park': 300 });
	assert.equal((await reload()).status, 200);
	await s.fault('wechat_pay', { hang: true, route: 'native' }); // until long after the wait is over
	const late = await pay(g, id, 'native', { token }), place = late.headers.location;
	assert.deepEqual([late.status, place, late.json.state, late.json.pay], [202, `/v1/orders/${id}/payments/${late.json.id}`, 'asked', null], late.text);
	assert.deepEqual([(await g.get(place, { token })).json.state, (await show(id)).state], ['asked', 'paying']);
	const again = await pay(g, id, 'native', { token });
	assert.deepEqual([again.status, again.json.id], [202, late.json.id], 'the same payment');
	await s.clear_faults();
	const there = await until('it is ready', async () => (({ json }) => json.state === 'ready' && json)(await g.get(place, { token })));
	assert.equal((await trade_of(there.pay.code_url)).total, 8000);
	g.configure({ 'timeout.park': 3000 });
	assert.equal((await reload()).status, 200);
	const two = await ordered();
	await s.fault('wechat_pay', { refuse_code: 'PARAM_ERROR', route: 'native', count: 1 });
	const refused = await pay(g, two.id, 'native', { token: w.citizen });
	assert.deepEqual([refused.status, refused.json.state, refused.json.pay, refused.json.next], [201, 'failed', null, 'ask_again']);
	assert.equal((await show(two.id)).state, 'open');
	assert.equal((await pay(g, two.id, 'native', { token: w.citizen })).json.state, 'ready');
});

test('five hundred copies at once, and those that come later: one payment', async () => {
	const { id, trade } = await ready(), before = await sum('a.kind = 1 AND a.channel = 3');
	await pays(s, { out_trade_no: trade.out_trade_no });
	const copies = [...(await made(s, trade.out_trade_no, { copies: 5, same: true })).all, ...(await made(s, trade.out_trade_no, { copies: 5, by: 'certificate' })).all];
	await until('the platform certificate is here', async () => (await tell(g, copies[9])).status === 204);
	const answers = await Promise.all(Array.from({ length: 500 }, (_, i) => tell(g, copies[i % 10])));
	assert.deepEqual([...new Set(answers.map((a) => a.status))], [204]);
	assert.equal((await show(id)).state, 'paid');
	assert.equal(await payments_of(trade.out_trade_no), 1);
	assert.equal(await sum('a.kind = 1 AND a.channel = 3') - before, 8000);
	assert.equal(await sum(), 0);
	assert.equal(await number('SELECT COUNT(*) FROM pay_odd'), 0);
});

test('nothing forged is believed: signatures, times, probes, other merchants', async () => {
	const { id, trade } = await ready();
	await pays(s, { out_trade_no: trade.out_trade_no });
	for (const mood of ['signature', 'probe', 'serial', 'time', 'none', 'merchant']) assert_problem(await tell(g, await made(s, trade.out_trade_no, { mood })), 403, 'callback_refused');
	const { body, headers } = await made(s, trade.out_trade_no);
	for (const changes of [{ mchid: '1900000002' }, { appid: 'wxelse' }, { amount: { total: 8000, currency: 'USD' } }])
		assert_problem(await tell(g, await made(s, trade.out_trade_no, { changes })), 403, 'callback_refused');
	assert.equal((await show(id)).state, 'paying');
	assert.equal(await payments_of(trade.out_trade_no), 0);
	assert.equal((await tell(g, { body, headers })).status, 204);
	assert.equal((await show(id)).state, 'paid');
	await until('it is in the log', () => /"ev":"callback_refused".*"probe"/.test(g.log()));
});

// The n-th of `count` changes of one bit, spread over the text; of a header one that can be sent.
function flipped(text, n, count, visible) {
	const bytes = Buffer.from(text), at = Math.floor((bytes.length * n) / count), was = bytes[at];
	for (let bit = n; bytes[at] === was; bit++) {
		const now = was ^ (1 << bit % (visible ? 7 : 8));
		if (!visible || (now > 0x20 && now < 0x7f)) bytes[at] = now;
	}
	return visible ? bytes.toString('latin1') : bytes;
}

test('a thousand callbacks with one bit changed, of the body or of any header, by key and by certificate: none is believed, and nothing moves', async () => {
	const other = await ready(), type = 'application/json';
	await pays(s, { out_trade_no: other.trade.out_trade_no });
	await until('the platform certificate is here', async () => (await tell(g, await made(s, other.trade.out_trade_no, { by: 'certificate' }))).status === 204);
	const books = async () => Promise.all(['pay_payment', 'pay_odd', 'pay_callback', 'ledger_journal', 'ledger_posting'].map((table) => number(`SELECT COUNT(*) FROM ${table}`)));
	for (const by of ['public_key', 'certificate']) {
		const { id, trade } = await ready();
		await pays(s, { out_trade_no: trade.out_trade_no });
		const { body, headers } = await made(s, trade.out_trade_no, { by }), before = await books();
		const wrong = [...Array.from({ length: 300 }, (_, i) => ({ what: `body ${i}`, body: flipped(body, i, 300, false), headers })),
			...Object.keys(headers).flatMap((name) => Array.from({ length: 40 }, (_, i) => ({ what: `${name} ${i}`, body: Buffer.from(body), headers: { ...headers, [name]: flipped(headers[name], i, 40, true) } })))];
		assert.equal(wrong.length, 500);
		for (let i = 0; i < wrong.length; i += 50)
			await Promise.all(wrong.slice(i, i + 50).map(async ({ what, ...call }, k) => {
				const answer = await g.ask('POST', '/callbacks/wechatpay', { ...call, type, via: k % 10 === 0 ? 'h1' : 'h2' });
				assert.ok([400, 403].includes(answer.status), `${by}, ${what}: ${answer.status}`);
			}));
		assert.deepEqual(await books(), before, by);
		assert.equal((await show(id)).state, 'paying');
		assert.equal((await tell(g, { body, headers })).status, 204, 'as it was sent it is believed');
		assert.equal((await show(id)).state, 'paid');
	}
});

test('what no callback says, the sweep asks', async () => {
	const { id, trade } = await ready(), mark = await s.mark();
	await hurry(trade);
	await s.wait_for('a question', (e) => e.route === 'query', { since: mark, peer: 'wechat_pay' });
	assert.equal((await show(id)).state, 'paying');
	await pays(s, { out_trade_no: trade.out_trade_no });
	await until('it is paid', async () => {
		await hurry(trade);
		return (await show(id)).state === 'paid';
	});
	assert.equal(await payments_of(trade.out_trade_no), 1);
});

test('what is heard of days later, by the sweep or a callback, is a payment of the day it came', async () => {
	const days_ago = new Date(Math.trunc((Date.now() - 5 * 86400e3) / 1000) * 1000), swept = await ready(), called = await ready(), on = Math.floor((days_ago.getTime() + 8 * 3600e3) / 86400e3);
	// the bureau's records of that day were held beside our books, and without it fitted
	await g.sql(`INSERT INTO recon_run (id, source, day, state, round, due_ms, tries, reason, ours, theirs, matched, differences, asked_ms, ended_ms) VALUES (1, 6, ${on}, 3, 1, 0, 0, '', 0, 0, 0, 0, 0, 1)`);
	const rounds = async () => Number(await g.sql('SELECT round FROM recon_run WHERE id = 1'));
	await pays(s, { out_trade_no: swept.trade.out_trade_no, paid_ms: days_ago.getTime() });
	await until('it is paid', async () => {
		await hurry(swept.trade);
		return (await show(swept.id)).state === 'paid';
	});
	assert.ok((await rounds()) > 1, 'that day is held beside them again');
	const changes = { trade_state: 'SUCCESS', transaction_id: `42${Date.now()}4`, success_time: days_ago.toISOString(), amount: { total: 8000, currency: 'CNY' } };
	assert.equal((await tell(g, await made(s, called.trade.out_trade_no, { changes }))).status, 204);
	assert.equal((await show(called.id)).state, 'paid');
	const taken = await g.sql(`SELECT p.taken_ms FROM pay_payment p JOIN pay_attempt a ON a.pay_order = p.pay_order WHERE a.out_trade_no IN ('${swept.trade.out_trade_no}', '${called.trade.out_trade_no}')`);
	assert.deepEqual(taken.split('\n').map(Number), [days_ago.getTime(), days_ago.getTime()]);
});

test('an order that ends, or is cancelled, is asked about and closed first; paid meanwhile, it is paid', async () => {
	const over = await ready(), mark = await s.mark();
	await ends(over.trade);
	await state(over.id, 'expired');
	const routes = (await s.log({ peer: 'wechat_pay', since: mark })).entries.filter((e) => e.fields?.no === over.trade.out_trade_no).map((e) => e.route);
	assert.deepEqual(routes.slice(0, 2), ['query', 'close']);
	assert.equal((await trade_of(over.trade.prepay_id)).trade_state, 'CLOSED');
	const cancelled = await ready(), answer = await g.ask('POST', `/v1/orders/${cancelled.id}/cancel`, { token: w.citizen, key: randomUUID() });
	assert.deepEqual([answer.status, answer.json.state, answer.headers.location], [202, 'paying', `/v1/orders/${cancelled.id}`], answer.text);
	await state(cancelled.id, 'closed');
	const quicker = await ready();
	await pays(s, { out_trade_no: quicker.trade.out_trade_no });
	await ends(quicker.trade);
	await state(quicker.id, 'paid');
	assert.equal((await g.get(`/v1/orders/${quicker.id}/payments/${quicker.payment}`, { token: w.citizen })).json.next, 'done');
});

test('paid at a bank while a phone could still pay: the order is closed at once, and at the channel too', async () => {
	const one = await ready();
	const push = await g.ask('POST', '/v1/finance/pushes', { token: w.department, body: { kind: 'paid', payment_code: one.code, trace_no: '2026112608000099999999999999', amount: '80.00' } });
	assert.deepEqual([push.status, push.json?.heard], [200, 'paid_elsewhere'], push.text);
	assert.equal((await show(one.id)).state, 'closed');
	await hurry(one.trade);
	await until('it is closed there', async () => (await trade_of(one.trade.code_url)).trade_state === 'CLOSED');
	assert.equal(await payments_of(one.trade.out_trade_no), 0);
});

test('money that fits nowhere is kept: too late, of another amount, of no order we know', async () => {
	const { id, trade } = await ready();
	await ends(trade);
	await state(id, 'expired');
	const told = { trade_state: 'SUCCESS', transaction_id: `42${Date.now()}1`, success_time: '2026-11-26T10:00:00+08:00', amount: { total: 8000, currency: 'CNY' } };
	assert.equal((await tell(g, await made(s, trade.out_trade_no, { changes: told }))).status, 204);
	const other = await ready();
	assert.equal((await tell(g, await made(s, other.trade.out_trade_no, { changes: { ...told, transaction_id: `42${Date.now()}2`, amount: { total: 7999, currency: 'CNY' } } }))).status, 204);
	assert.equal((await tell(g, await made(s, other.trade.out_trade_no, { changes: { ...told, transaction_id: `42${Date.now()}3`, out_trade_no: 'NOBODYS0001' } }))).status, 204);
	assert.equal(await g.sql('SELECT kind, amount_fen FROM pay_odd ORDER BY id'), '1|8000\n4|7999\n5|8000');
	assert.equal(await payments_of(trade.out_trade_no), 0);
	assert.equal(await sum(), 0);
	assert.equal(await sum('a.kind = 3'), -23999);
	const back = await made(s, trade.out_trade_no, { kind: 'refund', event: 'REFUND.SUCCESS', changes: { refund_id: '50', transaction_id: '42', out_refund_no: 'NOBODYS', refund_status: 'SUCCESS', amount: { total: 8000, refund: 1 } } });
	assert.equal((await tell(g, back)).status, 204);
	await until('it is in the log', () => /"ev":"callback_odd".*no refund of ours/.test(g.log()));
	assert.equal(await sum(), 0);
});

test('the merchant’s key is exchanged while it runs; a file that is none changes nothing', async () => {
	writeFileSync(files['wechat.pay.api_key_file'], 'short', { mode: 0o600 });
	const refused = await reload();
	assert.notEqual(refused.status, 200);
	assert.match(refused.text, /APIv3 key has 32 characters/);
	const { id, trade } = await ready();
	await pays(s, { out_trade_no: trade.out_trade_no });
	writeFileSync(files['wechat.pay.api_key_file'], 'another-apiv3-key-of-32-letters!', { mode: 0o600 });
	assert.equal((await reload()).status, 200);
	assert_problem(await tell(g, await made(s, trade.out_trade_no)), 403, 'callback_refused');
	writeFileSync(files['wechat.pay.api_key_file'], API_KEY, { mode: 0o600 });
	assert.equal((await reload()).status, 200);
	assert.equal((await tell(g, await made(s, trade.out_trade_no))).status, 204);
	assert.equal((await show(id)).state, 'paid');
});

// Kept is answered: what follows may take as long as it likes.
const slack = /asan|tsan/.test(siban) ? 6 : 1;
const promptly = async (told) => {
	const began = performance.now(), answer = await tell(g, told), ms = performance.now() - began;
	assert.equal(answer.status, 204, answer.text);
	assert.ok(ms < 1000 * slack, `${Math.round(ms)} ms`);
};
const waiting = () => number('SELECT COUNT(*) FROM pay_callback_due');

test('what cannot follow from a callback waits: answered at once, tried again, done once', async () => {
	const [one, other] = [await ready(), await ready()], before = await sum('a.kind = 1 AND a.channel = 3');
	for (const { trade } of [one, other]) await pays(s, { out_trade_no: trade.out_trade_no });
	await g.fault('callback_follow=1+');
	const told = await made(s, one.trade.out_trade_no), copies = (await made(s, one.trade.out_trade_no, { copies: 10 })).all;
	for (const c of [told, told, ...copies, await made(s, other.trade.out_trade_no)]) await promptly(c);
	assert.equal((await show(one.id)).state, 'paying');
	assert.equal(await waiting(), 12, 'each once');
	assert.ok(Number(await g.sql('SELECT COUNT(*) FROM pay_callback')) >= 12);
	await until('it was tried again', async () => (await number('SELECT MAX(tries) FROM pay_callback_due')) > 1);
	await until('it is in the log', () => /"ev":"callback_waits".*"store_unavailable"/.test(g.log()));
	const listed = await g.command('callbacks', 'list');
	assert.match(listed, /^\d+ +wechat_pay TRANSACTION\.SUCCESS +\S+ +came .* tries \d+ .*store_unavailable$/m);
	assert.match(listed, /^12 callbacks wait$/m);
	assert.equal(await payments_of(one.trade.out_trade_no), 0);
	await g.kill(); // and what waits is in the database alone
	await g.serve();
	await until('nothing waits any more', async () => {
		assert.match(await g.command('callbacks', 'again'), /^again: \d+ callbacks$/);
		return (await waiting()) === 0;
	});
	for (const { id, trade } of [one, other]) {
		assert.equal((await show(id)).state, 'paid');
		assert.equal(await payments_of(trade.out_trade_no), 1);
	}
	await promptly(told);
	assert.equal(await sum('a.kind = 1 AND a.channel = 3') - before, 16000);
	assert.equal(await sum(), 0);
	assert.match(await g.command('callbacks', 'list'), /^0 callbacks wait$/m);
	await assert.rejects(g.command('callbacks', 'forget'), /list \| again/);
});

test('orders that somebody else holds: answered within a second all the same', { skip: on_postgres ? false : 'on SQLite nobody holds a row' }, async () => {
	const all = await Promise.all(Array.from({ length: 12 }, ready)), before = await sum('a.kind = 1 AND a.channel = 3');
	for (const { trade } of all) await pays(s, { out_trade_no: trade.out_trade_no });
	const told = await Promise.all(all.map(({ trade }) => made(s, trade.out_trade_no)));
	const let_go = await g.store.hold('SELECT id FROM pay_order FOR UPDATE');
	await Promise.all(told.map(promptly));
	await Promise.all(told.map(promptly));
	assert.equal(await waiting(), all.length);
	for (const { id } of all) assert.equal((await show(id)).state, 'paying');
	await let_go();
	await until('nothing waits any more', async () => {
		await g.command('callbacks', 'again');
		return (await waiting()) === 0;
	});
	for (const { id, trade } of all) assert.deepEqual([(await show(id)).state, await payments_of(trade.out_trade_no)], ['paid', 1]);
	assert.equal(await sum('a.kind = 1 AND a.channel = 3') - before, 8000 * all.length);
	assert.equal(await sum(), 0);
});

after(() => {
	for (const word of [API_KEY, 'PRIVATE KEY']) assert.ok(!g.log().includes(word), `${word} is in the log`);
});
