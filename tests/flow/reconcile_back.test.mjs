// Goal: what a statement says of money that went back is held beside what we gave back, whoever tells it and by which number: a bank's line below zero, a terminal's, the finance bureau's "refunded"; and
// a payment that stands in the statements of two days came twice, while one that only stands in the next day's came once.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { book, refund_number, send_back, trade_bill } from './lib/bills.mjs';
import { assert_problem, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { bring as bring_notice, day, notice, sandbox_codes } from './lib/payments.mjs';
import { first, hire } from './lib/staff.mjs';
import { sql_bytes } from './lib/stores.mjs';
import { until } from './lib/until.mjs';

const g = await gateway({ settings: { ...sandbox_codes, 'rate.write': 0, 'rate.read': 0 } });
const w = await world(g, { test_key: true });
const [safe, system] = [await first(g, 'li.safe', 'security_admin'), await first(g, 'li.system', 'system_admin')];
const office = await hire(safe, system, 'pay.one', '621200', 'payment_clerk'), window = await hire(safe, system, 'window.one', '621202', 'window_clerk');
const number = async (sql) => Number(await g.sql(sql));
const at = (on, time) => Date.parse(`${on}T${time}+08:00`);

// one payment that is real, for its journal
const real = notice();
await bring_notice(g, w.department, real);
assert.equal((await window.ask('POST', '/v1/hall/counter-payments', { key: randomUUID(), body: { payment_codes: [real.payment_code], channel: 'pos', reference: 'POS0001', amount_fen: 8000 } })).status, 201);
const journal = await number('SELECT MIN(journal) FROM pay_payment'), staff = await number('SELECT MIN(id) FROM staff');

let next = 400000;
// Notices that were paid on a day: [{ code, id, payment }]
async function paid(count, on, channel) {
	const all = [];
	for (let i = 0; i < count; i++) {
		const n = notice(), payment = next++;
		assert.equal((await bring_notice(g, w.department, n)).status, 201);
		const id = await number(`SELECT id FROM pay_notice WHERE payment_code = '${n.payment_code}'`);
		await book(g, [{ fen: 8000, ms: at(on, '10:00:00'), number: channel === 1 ? undefined : `R${payment}` }], { staff, journal, from: payment, channel });
		await g.sql(`INSERT INTO pay_order_notice (pay_order, notice, total_fen, is_live) VALUES (${payment}, ${id}, 8000, 0)`);
		await g.sql(`UPDATE pay_notice SET state = 3 WHERE id = ${id}`);
		all.push({ code: n.payment_code, id, payment, number: `R${payment}` });
	}
	return all;
}
async function gone_back(notices, ms, more = {}) {
	const from = next;
	next += notices.length;
	await send_back(g, notices.map((n, i) => ({ key: `back-${from + i}`.padEnd(16, '.'), payment: n.payment, notice: n.id, fen: n.fen ?? 8000, state: 6, ms, ...more, ...(n.slip ? { slip: n.slip } : {}) })), { from });
}
const bring = (source, on, body, more = '') => office.ask('POST', `/v1/office/statements?source=${source}&day=${on}${more}`, { key: randomUUID(), body: Buffer.from(body), type: 'application/octet-stream' });
async function held(source, on, body, more) {
	const rounds = () => number(`SELECT COALESCE(SUM(round), 0) FROM recon_run r WHERE r.day = ${Date.parse(on) / 86400e3} AND r.state = 3`), before = await rounds();
	const taken = await bring(source, on, body, more);
	assert.equal(taken.status, 201, taken.text);
	await until(`${source} of ${on} was held beside our books`, async () => (await rounds()) > before);
	const { json } = await office.ask('GET', `/v1/office/days?day=${on}`);
	const found = (await office.ask('GET', `/v1/office/discrepancies?limit=100&day=${on}`)).json.items.filter((i) => i.source === source);
	return { matched: json.sources.find((s) => s.source === source).matched, found: found.map((i) => [i.number, i.kind]).sort() };
}

test("a bank's line below zero is a refund, and is held beside those paid out at a counter", async () => {
	const on = day(-3), [kept, given, twice, silent, not_ours] = await paid(5, on, 1), ms = at(on, '15:00:00');
	await gone_back([given, { ...twice, fen: 3000 }, { ...twice, fen: 2000 }, silent], ms, { channel: 1, path: 2 });
	const row = (code, amount, serial) => `621202,${code},${serial},${amount},${on.replaceAll('-', '')}160000,00\n`;
	const text = `UNITNO,PAYNOTENO,PAYSERIAL,AMOUNT,PAYDATETIME,TRANSSTATUS\n${[kept, given, twice, silent, not_ours].map((n, i) => row(n.code, '80.00', `B${i}`)).join('')}`
		+ row(given.code, '-80.00', 'B10') + row(twice.code, '-30.00', 'B11') + row(twice.code, '-20.00', 'B12') + row(not_ours.code, '-80.00', 'B13');
	assert.deepEqual(await held('bank', on, text), { matched: 8, found: [[silent.code, 'refund'], [not_ours.code, 'refund']].sort() });
});

test("a terminal's line below zero is the slip's number", async () => {
	const on = day(-4), [given, silent] = await paid(2, on, 2), ms = at(on, '15:00:00');
	await gone_back([{ ...given, slip: '000000111111' }, { ...silent, slip: '000000222222' }], ms, { channel: 2, path: 2 });
	const row = (reference, fen) => `898621202000001|0|${reference}|00|${on} 12:00:00|${fen}|0|0\n`;
	const rows = [row(given.number, '000000008000'), row(silent.number, '000000008000'), row('000000111111', '-00000008000'), row('000000333333', '-00000008000')];
	const { matched, found } = await held('unionpay', on, `#${on.replaceAll('-', '')}|000000000000|4\n${rows.join('')}`);
	assert.deepEqual([matched, found], [3, [['000000222222', 'refund'], ['000000333333', 'refund']]]);
});

test('refunded, the bureau says: then it has gone back here too, all of it, or somebody must look', async () => {
	const on = day(-5), [both, later, theirs, ours, part, booked] = await paid(6, on, 1);
	await gone_back([both, ours, { ...part, fen: 3000 }], at(on, '16:00:00'), { path: 3 });
	await gone_back([later], at(day(-1), '16:00:00'), { path: 3 });
	const line = (n, status) => JSON.stringify({ payment_code: n.code, amount: '80.00', status, booked_at: `${on} 17:00:00` });
	const text = [line(both, 'refunded'), line(later, 'refunded'), line(theirs, 'refunded'), line(ours, 'booked'), line(part, 'refunded'), line(booked, 'booked')].join('\n');
	assert.deepEqual(await held('finance', on, `${text}\n`), { matched: 3, found: [[theirs.code, 'refund'], [ours.code, 'status'], [part.code, 'refund']].sort() });
});

test("one payment in two days' statements came twice; in the next day's alone, once", async () => {
	const [D, after] = [day(-8), day(-7)], [twice, carried] = await paid(2, D, 3);
	const line = (n, time, on) => ({ number: n.number, fen: 8000, time, day: on });
	assert.deepEqual(await held('wechat_trade', after, trade_bill(after, [line(twice, '00:00:01', after), line(carried, '00:00:02', after)])), { matched: 2, found: [] }, 'before the day itself is here nobody can know');
	const again = trade_bill(after, [line(twice, '00:00:01', after), line(carried, '00:00:02', after), line(twice, '00:00:03', after)]);
	assert.deepEqual((await held('wechat_trade', after, again, '&replaces=1')).found, [[`${twice.number}#2`, 'duplicate']]);
	await held('wechat_trade', D, trade_bill(D, [line(twice, '10:00:00', D)]));
	const found = async () => (await office.ask('GET', `/v1/office/discrepancies?limit=100&day=${after}`)).json.items.map((i) => [i.number, i.kind, i.ours_fen, i.theirs_fen]);
	await until('the day after was held again', async () => (await found()).length > 1);
	assert.deepEqual((await found()).sort(), [2, 3].map((n) => [`${twice.number}#${n}`, 'duplicate', 8000, 8000]), 'each of both that are too many');
	assert.deepEqual((await office.ask('GET', `/v1/office/discrepancies?limit=100&day=${D}`)).json.items, []);
});

test("a refund in two days' statements went twice", async () => {
	const [D, after] = [day(-11), day(-10)], [one] = await paid(1, D, 3), key = 'back-in-two-days';
	await send_back(g, [{ key, payment: one.payment, notice: one.id, fen: 8000, state: 6, ms: at(D, '12:00:00') }], { from: next++ });
	await g.sql(`UPDATE pay_refund SET since_ms = ${at(day(-9), '12:00:00')} WHERE payment = ${one.payment}`); // heard of two days later
	const back = (on) => ({ number: one.number, refund: refund_number(key), refund_fen: 8000, time: '12:00:05', day: on });
	assert.deepEqual(await held('wechat_trade', D, trade_bill(D, [{ number: one.number, fen: 8000, time: '10:00:00', day: D }, back(D)])), { matched: 2, found: [] });
	assert.deepEqual(await held('wechat_trade', after, trade_bill(after, [back(after)])), { matched: 0, found: [[`${refund_number(key)}#2`, 'refund']] });
});

test('a number that lies among the odd money is not taken from a terminal once more', async () => {
	const n = notice(), on = day(-12), reference = '000000444444';
	assert.equal((await bring_notice(g, w.department, n)).status, 201);
	const { found } = await held('unionpay', on, `#${on.replaceAll('-', '')}|000000008000|1\n898621202000001|0|${reference}|00|${on} 12:00:00|000000008000|0|0\n`);
	assert.deepEqual(found, [[reference, 'long']]);
	await g.sql(`INSERT INTO pay_odd (id, key, kind, channel, reference, division, amount_fen, journal, came_ms, state, made_ms, changed_ms)
		VALUES (${next++}, ${sql_bytes('odd-at-a-counter')}, 5, 2, '${reference}', 621202, 8000, ${journal}, ${at(on, '12:00:00')}, 1, 0, 0)`);
	const taken = await window.ask('POST', '/v1/hall/counter-payments', { key: randomUUID(), body: { payment_codes: [n.payment_code], channel: 'pos', reference, amount_fen: 8000 } });
	assert_problem(taken, 409, 'reference_used');
	assert.equal(await g.sql(`SELECT state FROM pay_notice WHERE payment_code = '${n.payment_code}'`), '1');
});

test('a statement that speaks of more other days than anybody carries over is the wrong file, and says so', async () => {
	const on = day(-60), DAYS = 32, ours = Array.from({ length: DAYS }, (_, i) => ({ number: `4200002600000000000000far${i}`, fen: 100 + i, ms: at(day(-100 - i), '12:00:00') })), from = next;
	next += DAYS;
	await book(g, ours, { staff, journal, from, channel: 3 });
	const lines = (count) => trade_bill(on, ours.slice(0, count).map(({ number, fen }) => ({ number, fen, time: '12:00:00', day: on })));
	assert.deepEqual(await held('wechat_trade', on, lines(DAYS - 1)), { matched: DAYS - 1, found: [] });
	assert.equal((await bring('wechat_trade', on, lines(DAYS), '&replaces=1')).status, 201);
	await until('it is refused, with the reason', async () => (await g.sql(`SELECT reason FROM recon_run WHERE source = 1 AND day = ${Date.parse(on) / 86400e3}`)) === 'too_many_differences');
});
