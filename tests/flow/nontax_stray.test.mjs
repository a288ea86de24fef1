// Goal: what somebody pays on the non-tax platform's own page, without an order of ours, is the notice's payment where the platform, asked about that order, says that it is paid, and the notice is open
// and cost exactly that on that day; anything else is kept for two people: of another amount, a second time, of what is void, over or in somebody's hands here, of what went back already. Heard of by
// the platform's call or out of its file of the day, once or a hundred times at once, it is booked once, and the day fits.
// Method: the sandbox makes orders of its own and puts them back by a day; what is paid there for a notice is told by its file, by its call, or by both.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test, { after } from 'node:test';
import { sandbox } from '../sandbox/lib/client.mjs';
import { id_number, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { bring, day, finance_settings, notice, payment_code, sandbox_codes } from './lib/payments.mjs';
import { first, hire } from './lib/staff.mjs';
import { until } from './lib/until.mjs';
import { wechat_settings } from './lib/wechat.mjs';
import { made, nontax_settings, pay as pay_here, tell } from './lib/wechat_nontax.mjs';

const s = await sandbox(), merchant = '1900000011', D = day(-1);
const ODD = { late: 1, double: 2, void: 3, amount: 4, unknown_order: 5 };
await s.setup('wechat_nontax', { callbacks: false, bill_mood: 'not_ready' });
const g = await gateway({ settings: { ...sandbox_codes, ...wechat_settings(s), ...nontax_settings(s), ...finance_settings(s), 'wechat.nontax.mch_ids': merchant, 'payments.fetch_nontax_from': 0, 'payments.fetch_to': 1440,
	'payments.fetch_nontax_seconds': 1, 'payments.open_orders': 100, 'payments.orders_per_hour': 1000, 'rate.write': 0, 'rate.read': 0, 'timeout.park': 5000 } });
const w = await world(g, { test_key: true });
const maker = await first(g, 'li.safe', 'security_admin'), checker = await first(g, 'li.system', 'system_admin');
const office = await hire(maker, checker, 'pay.one', '621200', 'payment_clerk'), second = await hire(maker, checker, 'pay.two', '621200', 'payment_checker');

const number = async (sql) => Number(await g.sql(sql));
const brought = async (more = {}) => {
	const n = notice(more);
	assert.equal((await bring(g, w.department, n)).status, 201);
	return n.payment_code;
};
// An order there that nobody here made, paid: { order_id, trans_id }
const paid_there = async (code, { fee = 8000, days = 0, status } = {}) => {
	const { order_id } = await s.tell('wechat_nontax', 'place', { notice: code, fee }), { trans_id } = await s.tell('wechat_nontax', 'pay', { order_id, ...(status ? { status } : {}) });
	if (days > 0) await s.tell('wechat_nontax', 'earlier', { order_id, days });
	return { order_id, trans_id };
};
const state_of = (code) => g.sql(`SELECT state FROM pay_notice WHERE payment_code = '${code}'`);
const payments_of = (code) => number(`SELECT COUNT(*) FROM pay_payment p JOIN pay_order_notice o ON o.pay_order = p.pay_order JOIN pay_notice n ON n.id = o.notice WHERE n.payment_code = '${code}'`);
const kind_of = async (trans_id) => number(`SELECT COALESCE(MAX(kind), 0) FROM pay_odd WHERE channel = 6 AND reference = '${trans_id}'`);
const held_here = async (code) => {
	const { json } = await g.ask('POST', '/v1/orders', { token: w.citizen, key: randomUUID(), body: { payment_codes: [code] } });
	return json.id;
};
const source = async () => (await office.ask('GET', `/v1/office/days?day=${D}`)).json.sources.find((r) => r.source === 'wechat_nontax');

test('what the file of a day has and our books have not is asked about, and booked or kept, and the day has nothing left to explain', async () => {
	const open = await brought({ payer: { name: '王小明', id_number: id_number(7) } }), other = await brought(), over = await brought(), twice = await brought(), in_hand = await brought(), gone_back = await brought(), ended = await brought({ last_on: day() }), quoted = await brought({ late_fen: 100, late_on: day() });
	const exact = await paid_there(open, { days: 1 }), less = await paid_there(other, { fee: 7999, days: 1 }), voided = await paid_there(over, { days: 1 }), [one, two] = [await paid_there(twice, { days: 1 }), await paid_there(twice, { days: 1 })];
	const mine = await paid_there(in_hand, { days: 1 }), back = await paid_there(gone_back, { days: 1, status: 5 }), nobodys = await paid_there(payment_code(), { days: 1 }), late = await paid_there(ended, { days: 1 });
	const quote = await paid_there(quoted, { fee: 8100, days: 1 });
	await g.sql(`UPDATE pay_notice SET state = 4 WHERE payment_code = '${over}'`);
	await g.sql(`UPDATE pay_notice SET last_on = ${Date.parse(D) / 86400e3 - 1} WHERE payment_code = '${ended}'`);
	await g.sql(`UPDATE pay_notice SET late_on = ${Date.parse(D) / 86400e3 - 1} WHERE payment_code = '${quoted}'`);
	assert.ok(await held_here(in_hand));
	const since = await s.mark();
	await s.setup('wechat_nontax', { bill_mood: null });
	await until('all of them are in our books', async () => (await number('SELECT COUNT(*) FROM pay_odd')) === 8 && (await number('SELECT COUNT(*) FROM pay_payment')) === 2);
	assert.deepEqual([await state_of(open), await payments_of(open), await g.sql(`SELECT p.reference, p.channel FROM pay_payment p WHERE p.reference = '${exact.trans_id}'`)], ['3', 1, `${exact.trans_id}|6`]);
	assert.deepEqual([await payments_of(twice), [await kind_of(one.trans_id), await kind_of(two.trans_id)].sort()], [1, [0, ODD.double]]);
	for (const [what, kind] of [[less, ODD.amount], [voided, ODD.void], [late, ODD.void], [quote, ODD.amount], [mine, ODD.unknown_order], [back, ODD.unknown_order], [nobodys, ODD.unknown_order]]) assert.equal(await kind_of(what.trans_id), kind, what.trans_id);
	for (const code of [other, over, in_hand, gone_back, ended, quoted]) assert.equal(await payments_of(code), 0, code);
	assert.equal(await number(`SELECT COUNT(*) FROM pay_payment WHERE taken_ms < ${Date.parse(`${day()}T00:00:00+08:00`)}`), 2, 'they are of the day they were paid');
	assert.equal(await number('SELECT COUNT(*) FROM pay_order WHERE person IS NULL AND staff IS NULL AND state = 2'), 2, 'nobody here ordered them');
	assert.equal(await number(`SELECT COUNT(*) FROM pay_channel_trade WHERE reference = '${exact.trans_id}' AND channel_no = '${exact.order_id}'`), 1, 'by what it is given back');
	await until('the day fits', async () => {
		const row = await source();
		return row?.state === 'done' && row.matched === 2 && row.open === 0 && row.queued === 8;
	});
	await until('the finance system has them', async () => (await number('SELECT COUNT(*) FROM pay_confirmation WHERE state = 3')) === 2);
	const asked = (await s.log({ since })).entries.filter((e) => e.route === 'getorder').map((e) => JSON.parse(e.body).order_id);
	const strays = [exact, less, voided, one, two, mine, back, nobodys, late, quote].map((o) => o.order_id).sort();
	assert.deepEqual([...asked].sort(), strays, 'each once');
	await until('it was asked to tell of each', async () => {
		const told = (await s.log({ since })).entries.filter((e) => e.route === 'notifyinconsistentorder').map((e) => JSON.parse(e.body).order_id);
		return JSON.stringify(told.sort()) === JSON.stringify(strays);
	});
	assert.deepEqual([true, false].map((is) => g.log().split('\n').filter((line) => line.includes('"ev":"stray_paid"') && line.includes(`"is_taken":${is}`)).length), [2, 8], 'and the log says so, once');
	const shown = (await office.ask('GET', '/v1/office/odd-money?state=open&limit=50')).json.items.map((o) => o.kind);
	assert.equal(shown.length, 8, shown.join());
	const rows = () => g.sql('SELECT COUNT(*), (SELECT COUNT(*) FROM pay_payment), (SELECT COUNT(*) FROM pay_odd) FROM ledger_posting'), before = await rows(), round_of = () => number(`SELECT round FROM recon_run WHERE source = 3 AND day = ${Date.parse(D) / 86400e3}`), round = await round_of();
	await office.ask('POST', `/v1/office/runs?day=${D}`);
	await until('it was held again', async () => (await source()).state === 'done' && (await round_of()) > round);
	assert.equal(await rows(), before, 'and nothing came of it');
});

test('its call tells of it first: asked about, booked once whatever is told at once; what is of another amount is kept', async () => {
	const code = await brought(), there = await paid_there(code), wrong = await brought(), less = await paid_there(wrong, { fee: 1 });
	const { all } = await made(s, there.order_id, { copies: 10 });
	const answers = await Promise.all([...Array.from({ length: 100 }, (_, i) => tell(g, all[i % 10])), tell(g, await made(s, less.order_id))]);
	assert.deepEqual([...new Set(answers.map((a) => `${a.status} ${a.errcode}`))], ['200 0']);
	await until('both are in our books', async () => (await state_of(code)) === '3' && (await kind_of(less.trans_id)) === ODD.amount);
	assert.deepEqual([await payments_of(code), await payments_of(wrong)], [1, 0]);
	assert.equal(await number('SELECT COUNT(*) FROM pay_odd'), 9);
});

test('two of one notice at once, and an order of ours among them: one payment, and the other is kept', async () => {
	const codes = await Promise.all(Array.from({ length: 6 }, () => brought()));
	const pairs = await Promise.all(codes.map(async (code) => [await paid_there(code), await paid_there(code)])), odd = await number('SELECT COUNT(*) FROM pay_odd');
	const calls = await Promise.all(pairs.flat().map((o) => made(s, o.order_id)));
	await Promise.all([...calls.map((call) => tell(g, call)), ...codes.slice(0, 3).map((code) => held_here(code))]);
	await until('all of them are in our books', async () => (await number('SELECT COUNT(*) FROM pay_odd')) + (await number('SELECT COUNT(*) FROM pay_payment WHERE channel = 6')) === odd + 3 + 12);
	for (const [i, code] of codes.entries()) {
		const kinds = [await kind_of(pairs[i][0].trans_id), await kind_of(pairs[i][1].trans_id)].sort();
		if ((await state_of(code)) === '3') assert.deepEqual([await payments_of(code), kinds[0], [ODD.double, ODD.unknown_order].includes(kinds[1])], [1, 0, true], code);
		else assert.deepEqual([await payments_of(code), kinds], [0, [ODD.unknown_order, ODD.unknown_order]], `${code} is in somebody's hands`);
	}
	for (const code of codes.slice(3)) assert.equal(await state_of(code), '3');
});

test('an order of ours that is paid there is ours, whoever tells of it', async () => {
	const code = await brought(), id = await held_here(code), answer = await pay_here(g, id, 'h5', { token: w.citizen });
	assert.equal(answer.status, 201, answer.text);
	const order_id = new URL(answer.json.pay.page_url).searchParams.get('order_id');
	await s.tell('wechat_nontax', 'pay', { order_id });
	assert.equal((await tell(g, await made(s, order_id))).errcode, 0);
	assert.equal((await g.get(`/v1/orders/${id}`, { token: w.citizen })).json.state, 'paid');
	assert.equal(await payments_of(code), 1);
});

test('an order of ours that was given up, and paid there all the same: the file says so, two people book it, and it can go back by its number there', async () => {
	const code = await brought(), id = await held_here(code), answer = await pay_here(g, id, 'h5', { token: w.citizen }), order_id = new URL(answer.json.pay.page_url).searchParams.get('order_id');
	await g.sql(`UPDATE pay_order SET expires_ms = 1 WHERE id = (SELECT pay_order FROM pay_attempt WHERE channel_no = '${order_id}')`);
	await g.sql(`UPDATE pay_attempt SET made_ms = 1 WHERE channel_no = '${order_id}'`);
	await until('it is given up', async () => {
		await g.sql(`UPDATE pay_attempt SET ask_ms = 1 WHERE channel_no = '${order_id}' AND ask_ms > 0`);
		return (await g.get(`/v1/orders/${id}`, { token: w.citizen })).json.state === 'expired';
	});
	const { trans_id } = await s.tell('wechat_nontax', 'pay', { order_id });
	await s.tell('wechat_nontax', 'earlier', { order_id });
	const { text } = await s.tell('wechat_nontax', 'file', { day: D, mch_id: merchant });
	assert.equal((await office.ask('POST', `/v1/office/statements?source=wechat_nontax&day=${D}&replaces=1`, { key: randomUUID(), body: Buffer.from(text), type: 'application/octet-stream' })).status, 201);
	const found = await until('it is found', async () => (await office.ask('GET', `/v1/office/discrepancies?day=${D}&state=open&limit=100`)).json.items.find((i) => i.number === trans_id));
	assert.deepEqual([found.kind, found.proposes], ['status', 'book']);
	const proposed = await office.propose('recon_settle', '621200', { action: 'book', reason: '已核对', ours_fen: found.ours_fen, theirs_fen: found.theirs_fen }, found.id);
	assert.equal(proposed.status, 201, proposed.text);
	assert.equal((await second.decide(proposed.json.id, 'approve')).status, 200);
	assert.deepEqual([await kind_of(trans_id), await payments_of(code)], [ODD.late, 0], 'it came too late, and is kept');
	assert.equal(await g.sql(`SELECT channel_no FROM pay_channel_trade WHERE reference = '${trans_id}'`), order_id);
});

test('the platform does not answer: two people keep the money, and it can go back by its number there', async () => {
	const there = await paid_there(await brought(), { days: 1 });
	await s.fault('wechat_nontax', { refuse_code: '9700002', route: 'getorder', count: 1000 });
	const { text } = await s.tell('wechat_nontax', 'file', { day: D, mch_id: merchant });
	assert.equal((await office.ask('POST', `/v1/office/statements?source=wechat_nontax&day=${D}&replaces=1`, { key: randomUUID(), body: Buffer.from(text), type: 'application/octet-stream' })).status, 201);
	const found = await until('it is found', async () => (await office.ask('GET', `/v1/office/discrepancies?day=${D}&state=open&limit=100`)).json.items.find((i) => i.number === there.trans_id));
	assert.deepEqual([found.kind, found.proposes], ['long', 'suspend']);
	const proposed = await office.propose('recon_settle', '621200', { action: 'suspend', reason: '平台查无此单', ours_fen: found.ours_fen, theirs_fen: found.theirs_fen }, found.id);
	assert.equal(proposed.status, 201, proposed.text);
	assert.equal((await second.decide(proposed.json.id, 'approve')).status, 200);
	assert.deepEqual([await kind_of(there.trans_id), await g.sql(`SELECT channel_no FROM pay_channel_trade WHERE reference = '${there.trans_id}'`)], [ODD.unknown_order, there.order_id]);
	await s.clear_faults();
	assert.equal((await tell(g, await made(s, there.order_id))).errcode, 0);
	await until('it is asked about', async () => (await number(`SELECT COUNT(*) FROM effect WHERE kind = 17 AND state <= 2`)) === 0 || (await g.sql('UPDATE effect SET due_ms = 1 WHERE kind = 17 AND state IN (1, 2) AND due_ms > 1'), false));
	assert.equal(await number(`SELECT COUNT(*) FROM pay_payment WHERE reference = '${there.trans_id}'`), 0, 'what two people have kept is not booked past them');
});

after(async () => {
	assert.equal(await number('SELECT COALESCE(SUM(amount_fen), 0) FROM ledger_posting'), 0);
	await g.command('ledger', 'verify');
});
