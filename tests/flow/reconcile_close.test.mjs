// Goal: a day is closed only when every statement that could speak of it was held beside our books.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { book, send_back, trade_bill } from './lib/bills.mjs';
import { assert_problem, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { bring as bring_notice, day, notice, sandbox_codes } from './lib/payments.mjs';
import { first, hire } from './lib/staff.mjs';
import { sql_bytes } from './lib/stores.mjs';
import { until } from './lib/until.mjs';

const g = await gateway({ settings: { ...sandbox_codes, 'rate.write': 0, 'rate.read': 0 } });
const w = await world(g, { test_key: true });
const [safe, system] = [await first(g, 'li.safe', 'security_admin'), await first(g, 'li.system', 'system_admin')];
const office = await hire(safe, system, 'pay.one', '621200', 'payment_clerk'), checker = await hire(safe, system, 'pay.two', '621200', 'payment_checker');
const window = await hire(safe, system, 'window.one', '621202', 'window_clerk');
const number = async (sql) => Number(await g.sql(sql));
const noon = (on) => Date.parse(`${on}T12:00:00+08:00`), nth = (on) => Date.parse(on) / 86400e3;

async function notice_here() {
	const n = notice();
	assert.equal((await bring_notice(g, w.department, n)).status, 201);
	return { ...n, id: await number(`SELECT id FROM pay_notice WHERE payment_code = '${n.payment_code}'`) };
}
// one payment that is real, for its journal
const real = await notice_here();
assert.equal((await window.ask('POST', '/v1/hall/counter-payments', { key: randomUUID(), body: { payment_codes: [real.payment_code], channel: 'pos', reference: 'POS0001', amount_fen: 8000 } })).status, 201);
const journal = await number('SELECT MIN(journal) FROM pay_payment'), staff = await number('SELECT MIN(id) FROM staff');

const show = async (on) => (await office.ask('GET', `/v1/office/days?day=${on}`)).json;
const bring = async (source, on, body, more = '') => assert.equal((await office.ask('POST', `/v1/office/statements?source=${source}&day=${on}${more}`, { key: randomUUID(), body: Buffer.from(body), type: 'application/octet-stream' })).status, 201);
const over = (on, source, is = () => true) => until(`${source} of ${on} is done`, async () => {
	const s = (await show(on)).sources.find((one) => one.source === source);
	return s?.state === 'done' && is(s) && s;
});
const again = async (on) => assert.equal((await office.ask('POST', `/v1/office/runs?day=${on}`)).status, 202);
const wish = (on) => office.ask('POST', '/v1/staff/proposals', { key: randomUUID(), body: { kind: 'recon_close', region: '621200', subject: on, payload: {} } });
async function close(on) {
	const made = await wish(on);
	assert.equal(made.status, 201, made.text);
	const decided = await checker.decide(made.json.id, 'approve');
	assert.equal(decided.status, 200, decided.text);
}
const lacks = async (on, missing, unexplained = 0) => {
	const { json } = assert_problem(await wish(on), 409, 'day_not_explained');
	assert.deepEqual([json.missing, json.unexplained], [missing, unexplained]);
	assert.equal((await show(on)).missing, missing ?? null);
};

test('a refund or odd money alone needs its channel’s statement; what was booked needs to be looked at for its e-receipt; a day without anything needs nothing', async () => {
	const [back, odd, booked, quiet] = [day(-20), day(-21), day(-22), day(-23)];
	await send_back(g, [{ key: 'refund-alone-001', payment: await number('SELECT MIN(id) FROM pay_payment'), fen: 1, ms: noon(back), state: 6 }], { notice: real.id });
	await lacks(back, 'wechat_trade');
	await g.sql(`INSERT INTO pay_odd (id, key, kind, channel, reference, pay_order, division, amount_fen, journal, came_ms, state, made_ms, changed_ms)
		VALUES (900, ${sql_bytes('odd-money-000001')}, 1, 2, 'POSODD1', NULL, 621202, 100, ${journal}, ${noon(odd)}, 1, 1, 1)`);
	await lacks(odd, 'unionpay');
	await close(quiet);
	// e-receipts are held beside what is booked by now, not beside what was booked when somebody looked
	const book_one = async (id) => g.sql(`INSERT INTO pay_confirmation (id, payment, notice, trace_no, amount_fen, division, day, state, word, finance_no, wants_receipt, made_ms, booked_ms, changed_ms)
		VALUES (${id}, (SELECT MIN(id) FROM pay_payment), ${(await notice_here()).id}, 'T${id}', 8000, 621202, ${nth(booked)}, 3, '', '', 1, 1, 1, 1)`);
	const receive = (id) => g.sql(`INSERT INTO pay_receipt (id, confirmation, state, word, check_code, link, red_code, red_number, is_unwanted, made_ms, issued_ms, reversed_ms, changed_ms)
		VALUES (${id}, ${id}, 2, '', '', ${sql_bytes('')}, '', '', 0, 1, 1, 0, 1)`);
	await book_one(800);
	await lacks(booked, 'receipts');
	await again(booked);
	await over(booked, 'receipts', (s) => s.open === 1);
	await lacks(booked, undefined, 1);
	await receive(800);
	await book_one(801);
	await lacks(booked, 'receipts', 1);
	await receive(801);
	await again(booked);
	await over(booked, 'receipts', (s) => s.ours === 2 && s.open === 0);
	await close(booked);
});
