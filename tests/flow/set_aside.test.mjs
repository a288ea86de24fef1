// Goal: a row that a job of payments cannot do does not hold up the others in its queue: it is set aside with the reason, staff sees it, it is tried again ever later, and leaves the list when
// it is done. Method: in each queue one row that the database refuses to change (a trigger), made to be the first of its bite; the one behind it must go on.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { sandbox } from '../sandbox/lib/client.mjs';
import { assert_problem, world } from './lib/cases.mjs';
import { gateway, jobs_often } from './lib/gateway.mjs';
import { bring, finance_settings, notice, sandbox_codes } from './lib/payments.mjs';
import { first, hire } from './lib/staff.mjs';
import { on_postgres } from './lib/stores.mjs';
import { until } from './lib/until.mjs';
import { wechat_settings } from './lib/wechat.mjs';
import { pay, wechat_pay_settings } from './lib/wechat_pay.mjs';

const s = await sandbox();
const g = await gateway({ environment: jobs_often, settings: { ...sandbox_codes, ...finance_settings(s), ...wechat_settings(s), ...wechat_pay_settings(s), 'rate.write': 0, 'rate.read': 0, 'finance.rate': 0, 'timeout.park': 3000 } });
const w = await world(g, { test_key: true });
await s.setup('wechat_pay', { callbacks: false });
const maker = await first(g, 'li.safe', 'security_admin'), checker = await first(g, 'li.system', 'system_admin');
const window = await hire(maker, checker, 'window.one', '621202', 'window_clerk'), clerk = await hire(maker, checker, 'pay.one', '621202', 'payment_clerk');
const elsewhere = await hire(maker, checker, 'pay.else', '621221', 'payment_clerk');

const listed = async (queue, who = clerk) => (await who.ask('GET', '/v1/office/set-aside?limit=100')).json.items.filter((i) => i.queue === queue);
const made = async () => {
	const n = notice();
	assert.equal((await bring(g, w.department, n)).status, 201);
	return n.payment_code;
};
const take = async (code) => assert.equal((await window.ask('POST', '/v1/hall/counter-payments', { key: randomUUID(), body: { payment_codes: [code], channel: 'cash', amount_fen: 8000 } })).status, 201);
const order = async (code) => (await g.ask('POST', '/v1/orders', { token: w.citizen, key: randomUUID(), body: { payment_codes: [code] } })).json.id;
const of = (code) => `(SELECT id FROM pay_notice WHERE payment_code = '${code}')`;
const order_of = (code) => `(SELECT MAX(pay_order) FROM pay_order_notice WHERE notice = ${of(code)})`;
const value = async (sql) => g.sql(sql);

let poisons = 0;
async function poison(table, when) {
	const name = `poison_${++poisons}`;
	const found = await value(`SELECT ${when.id}`);
	const is = `NEW.id = ${found} AND ${when.is}`;
	await g.sql(on_postgres ? `CREATE TRIGGER ${name} BEFORE UPDATE ON ${table} FOR EACH ROW WHEN (${is}) EXECUTE FUNCTION ledger_refuse()`
		: `CREATE TRIGGER ${name} BEFORE UPDATE ON ${table} WHEN ${is} BEGIN SELECT RAISE(ABORT, 'poison'); END`);
	return () => g.sql(on_postgres ? `DROP TRIGGER ${name} ON ${table}` : `DROP TRIGGER ${name}`);
}

// bad and good: payment codes. begins: puts both into the queue, bad first. is_done: of one.
async function holds_up_nobody(queue, name, heal, begins, is_done, bad, good) {
	await begins();
	await until(`${queue}: the other went on`, () => is_done(good));
	const [one] = await until(`${queue}: it is set aside`, async () => { const all = await listed(queue); return all.length > 0 && all; });
	assert.deepEqual([one.id, one.division, one.reason, one.tries], [name, '621202', 'conflict', 1]);
	assert.ok(one.next_at > one.since);
	assert.equal(await is_done(bad), false);
	assert.deepEqual(await listed(queue, elsewhere), []);
	await g.sql('UPDATE pay_aside SET next_ms = ' + Date.now());
	await until(`${queue}: tried again`, async () => (await listed(queue))[0]?.tries === 2);
	await heal();
	await g.sql('UPDATE pay_aside SET next_ms = ' + Date.now());
	await until(`${queue}: done`, () => is_done(bad));
	await until(`${queue}: no longer there`, async () => (await listed(queue)).length === 0);
}

test('orders whose hold is over', async () => {
	const [bad, good] = [await made(), await made()], id = await order(bad);
	await order(good);
	const heal = await poison('pay_order', { id: order_of(bad), is: 'NEW.state <> OLD.state' });
	const ends = async (code, ms) => g.sql(`UPDATE pay_order SET expires_ms = ${ms} WHERE id = ${order_of(code)}`);
	await holds_up_nobody('orders', id, heal, async () => { await ends(bad, 1); await ends(good, 2); }, async (code) => (await value(`SELECT state FROM pay_order WHERE id = ${order_of(code)}`)) === '4', bad, good);
	assert.equal((await g.get(`/v1/orders/${id}`, { token: w.citizen })).json.state, 'expired');
});

test('confirmations, and receipts', async () => {
	const [bad, good] = [await made(), await made()];
	for (const code of [bad, good]) await take(code);
	const confirmation = (code) => `(SELECT id FROM pay_confirmation WHERE notice = ${of(code)})`, receipt = (code) => `(SELECT id FROM pay_receipt WHERE confirmation = ${confirmation(code)})`;
	const state = (table, id) => value(`SELECT state FROM ${table} WHERE id = ${id}`);
	for (const code of [bad, good]) await until('its receipt is there', async () => (await state('pay_receipt', receipt(code))) === '2');
	for (const [queue, table, id, ends] of [['confirmations', 'pay_confirmation', confirmation, '3'], ['receipts', 'pay_receipt', receipt, '2']]) {
		const heal = await poison(table, { id: id(bad), is: 'NEW.effect IS NOT NULL' });
		await holds_up_nobody(queue, bad, heal, () => g.sql(`UPDATE ${table} SET state = 1, effect = NULL WHERE id IN (${id(bad)}, ${id(good)})`), async (code) => (await state(table, id(code))) === ends, bad, good);
	}
});

test('refunds that are to be told of', async () => {
	const [bad, good] = [await made(), await made()];
	for (const code of [bad, good]) await take(code);
	const ask = async (code) => (await clerk.ask('POST', '/v1/office/refunds', { key: randomUUID(), body: { payment_code: code, refundable_fen: 8000, ground: 'technical', reason: '系统差错' } })).json.id;
	await g.sql(`UPDATE pay_notice SET person = (SELECT MIN(id) FROM person) WHERE payment_code IN ('${bad}', '${good}')`);
	const id = await ask(bad);
	await ask(good);
	for (const code of [bad, good]) await until('she was told', async () => (await value(`SELECT told FROM pay_refund WHERE notice = ${of(code)}`)) === '2');
	const row = (code) => `(SELECT id FROM pay_refund WHERE notice = ${of(code)})`;
	const heal = await poison('pay_refund', { id: row(bad), is: 'NEW.told <> OLD.told AND NEW.told <> 0' });
	await holds_up_nobody('refunds', id, heal, () => g.sql(`UPDATE pay_refund SET told = 0, next_ms = CASE WHEN id = ${row(bad)} THEN 1 ELSE 2 END WHERE id IN (${row(bad)}, ${row(good)})`),
		async (code) => (await value(`SELECT told FROM pay_refund WHERE id = ${row(code)}`)) === '2', bad, good);
	assert.match((await g.admin('/metrics')).text, /^siban_payments_aside\{queue="refunds"\} \d+$/m);
	await until('it is in the log', () => g.log().includes('"ev":"row_set_aside"'));
});

test('payments that a channel has said nothing of', async () => {
	const [bad, good] = [await made(), await made()], orders = new Map();
	for (const code of [bad, good]) {
		orders.set(code, await order(code));
		assert.equal((await pay(g, orders.get(code), 'native', { token: w.citizen })).status, 201);
	}
	const attempt = (code) => `(SELECT id FROM pay_attempt WHERE pay_order = ${order_of(code)})`, asks = async (code) => Number(await value(`SELECT asks FROM pay_attempt WHERE id = ${attempt(code)}`));
	const heal = await poison('pay_attempt', { id: attempt(bad), is: 'NEW.asks > OLD.asks' }), before = { [bad]: await asks(bad), [good]: await asks(good) };
	await holds_up_nobody('attempts', orders.get(bad), heal, () => g.sql(`UPDATE pay_attempt SET ask_ms = CASE WHEN id = ${attempt(bad)} THEN 1 ELSE 2 END WHERE id IN (${attempt(bad)}, ${attempt(good)})`),
		async (code) => (await asks(code)) > before[code], bad, good);
});

test('who may not see payments sees nothing of it', async () => {
	assert_problem(await window.ask('GET', '/v1/office/set-aside'), 403, 'forbidden');
	assert_problem(await clerk.ask('GET', '/v1/office/set-aside?queue=orders'), 400, 'invalid_query');
});
