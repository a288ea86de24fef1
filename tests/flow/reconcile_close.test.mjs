// Goal: a day is closed only when every statement that could speak of it was held beside our books, as they are; what changes in them afterwards is seen wherever the day is shown, and can be signed again.
// What is carried over midnight is known when the day is signed, and changes nothing of it.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { book, send_back, trade_bill } from './lib/bills.mjs';
import { assert_problem, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { bring as bring_notice, day, notice, sandbox_codes } from './lib/payments.mjs';
import { csv } from './lib/sheets.mjs';
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
const lacks = async (on, missing, unexplained = 0) => { // missing null: nothing
	const { json } = assert_problem(await wish(on), 409, 'day_not_explained');
	assert.deepEqual([json.missing ?? null, json.unexplained], [missing, unexplained]);
	await until('what is shown says so, too, when nothing is under way', async () => (await show(on)).missing === missing);
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
	await lacks(booked, null, 1);
	await receive(800);
	await book_one(801);
	await lacks(booked, 'receipts', 1);
	await receive(801);
	await again(booked);
	await over(booked, 'receipts', (s) => s.ours === 2 && s.open === 0);
	await close(booked);
});

test('what comes into the books of a signed day is seen, in the day, the days and the months, and can be signed again once it was looked at', async () => {
	const on = day(-30), paid = (i) => ({ number: `42000027${i}`, fen: 500 + i, time: '12:00:00', ms: noon(on) });
	const cell = async () => [...new Set(csv((await office.ask('GET', `/v1/office/exports?what=days&from=${on}`)).text.slice(1)).filter((r) => r[0] === on).map((r) => r[8]))].join();
	const month = async () => csv((await office.ask('GET', `/v1/office/exports?what=months&from=${on}`)).text.slice(1)).at(-1).slice(10);
	const state = async () => { const { closed } = await show(on); return closed && [closed.is_changed, closed.signatures]; };
	await book(g, [paid(1)], { staff, journal });
	await bring('wechat_trade', on, trade_bill(on, [paid(1)]));
	await bring('finance', on, 'payment_code,amount,status,booked_at\n');
	await over(on, 'wechat_trade');
	await over(on, 'finance');
	// a payment that the statement has, but nobody has held beside it yet
	await bring('wechat_trade', on, trade_bill(on, [paid(1), paid(2)]), '&replaces=1');
	await over(on, 'wechat_trade', (s) => s.open === 1);
	await book(g, [paid(2)], { staff, journal, from: 100010 });
	await lacks(on, 'wechat_trade', 1);
	await again(on);
	await over(on, 'wechat_trade', (s) => s.matched === 2);
	await over(on, 'finance', (s) => s.ours === 0);
	await until('nothing is under way', async () => (await show(on)).missing === null);
	await close(on);
	assert.deepEqual([await state(), await cell(), await month()], [[false, 1], '已日结', ['1', '0']]);
	assert_problem(await wish(on), 409, 'conflict');
	await again(on);
	await over(on, 'wechat_trade', (s) => s.matched === 2);
	await until('nothing is under way', async () => (await show(on)).missing === null);
	assert.deepEqual(await state(), [false, 1], 'the same again is the same');
	// each of what our books can get later
	let signed = 1;
	const changes = async (sql) => {
		await sql();
		assert.deepEqual([await state(), await cell(), await month()], [[true, signed], '已变更', ['0', '1']]);
	};
	const sign_again = async () => {
		await again(on);
		await until('it was looked at', async () => (await show(on)).missing === null);
		await close(on);
		signed++;
		assert.deepEqual([await state(), await cell(), await month()], [[false, signed], '已日结', ['1', '0']]);
	};
	await changes(() => book(g, [paid(3)], { staff, journal, from: 100020 }));
	await lacks(on, 'wechat_trade'); // it is short, and nobody has seen it
	await again(on);
	await over(on, 'wechat_trade', (s) => s.open === 1);
	await until('nothing is under way', async () => (await show(on)).missing === null);
	await lacks(on, null, 1);
	await bring('wechat_trade', on, trade_bill(on, [paid(1), paid(2), paid(3)]), '&replaces=1');
	await over(on, 'wechat_trade', (s) => s.matched === 3);
	await sign_again();
	await changes(() => g.sql(`INSERT INTO pay_odd (id, key, kind, channel, reference, pay_order, division, amount_fen, journal, came_ms, state, made_ms, changed_ms)
		VALUES (901, ${sql_bytes('odd-money-000002')}, 1, 3, '420000274', NULL, 621202, 504, ${journal}, ${noon(on)}, 1, 1, 1)`));
	await bring('wechat_trade', on, trade_bill(on, [1, 2, 3, 4].map(paid)), '&replaces=1');
	await over(on, 'wechat_trade', (s) => s.matched + s.open + s.queued === 4);
	assert.equal(Number(await g.sql('SELECT COUNT(*) FROM recon_sign')), 4, 'nothing of what was signed is gone');
});

test('what is carried over midnight is cleared by the next day’s statement, before the day is signed and after it', async () => {
	for (const [first_day, is_signed] of [[-41, false], [-44, true]]) {
		const [on, next] = [day(first_day), day(first_day + 1)], late = { number: `42000028${-first_day}`, fen: 900, ms: Date.parse(`${next}T00:00:00+08:00`) - 2000, time: '00:00:03' };
		await book(g, [late], { staff, journal, from: 100100 - first_day });
		await bring('wechat_trade', on, trade_bill(on, []));
		await bring('finance', on, 'payment_code,amount,status,booked_at\n');
		await over(on, 'wechat_trade', (s) => s.open === 1);
		await over(on, 'finance');
		const [item] = (await office.ask('GET', `/v1/office/discrepancies?day=${on}`)).json.items;
		assert.deepEqual([item.kind, item.state, item.number], ['cutoff', 'open', late.number]);
		if (is_signed) await close(on); // it carries over by itself
		await bring('wechat_trade', next, trade_bill(next, [late]));
		await over(on, 'wechat_trade', (s) => s.open === 0 && s.matched === 1);
		assert.deepEqual((await office.ask('GET', `/v1/office/discrepancies?day=${on}&state=gone`)).json.items.map((i) => i.number), [late.number]);
		await over(next, 'wechat_trade');
		assert.deepEqual((await office.ask('GET', `/v1/office/discrepancies?day=${next}`)).json.items, [], 'and it is no stranger there');
		assert.deepEqual((await show(on)).unexplained, 0);
		if (is_signed) assert.equal((await show(on)).closed.is_changed, false, 'as everybody expected when it was signed');
		else await close(on);
	}
	// the next day's statement lacks it: that is another day than the one that was signed
	const [on, next] = [day(-47), day(-46)], lost = { number: '4200002847', fen: 900, ms: Date.parse(`${next}T00:00:00+08:00`) - 2000 };
	await book(g, [lost], { staff, journal, from: 100200 });
	await bring('wechat_trade', on, trade_bill(on, []));
	await bring('finance', on, 'payment_code,amount,status,booked_at\n');
	await over(on, 'wechat_trade', (s) => s.open === 1);
	await over(on, 'finance');
	await close(on);
	await bring('wechat_trade', next, trade_bill(next, []));
	await until('it is short', async () => (await office.ask('GET', `/v1/office/discrepancies?day=${on}`)).json.items[0].kind === 'short');
	assert.equal((await show(on)).closed.is_changed, true);
});
