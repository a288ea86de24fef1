// Goal: a day's statement beside our books: what was planted by another program is found, all of it and nothing else, and the same the second time; a wrong file is refused whole, with its line; what
// is carried over midnight is cleared by the next day's statement; a fund flow is posted once; who may not, may not.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { gzipSync } from 'node:zlib';
import { book, fund_bill, merchant, planted_day, refund_number, send_back, sha1, trade_bill } from './lib/bills.mjs';
import { assert_problem, world } from './lib/cases.mjs';
import { control_request } from './lib/clients.mjs';
import { gateway, siban } from './lib/gateway.mjs';
import { bring as bring_notice, day, notice, sandbox_codes } from './lib/payments.mjs';
import { csv, workbook } from './lib/sheets.mjs';
import { source_dir } from './lib/openapi.mjs';
import { first, hire } from './lib/staff.mjs';
import { sql_bytes } from './lib/stores.mjs';
import { until } from './lib/until.mjs';

const g = await gateway({ settings: { ...sandbox_codes, 'rate.write': 0, 'rate.read': 0 } });
const w = await world(g, { test_key: true });
const [safe, system] = [await first(g, 'li.safe', 'security_admin'), await first(g, 'li.system', 'system_admin')];
const office = await hire(safe, system, 'pay.one', '621200', 'payment_clerk'), window = await hire(safe, system, 'window.one', '621202', 'window_clerk');
const checker = await hire(safe, system, 'pay.two', '621200', 'payment_checker');
const county = await hire(safe, system, 'pay.county', '621202', 'payment_clerk');
const D = day(-1), BEFORE = day(-2), OF_NONTAX = '2026-11-22'; // the day of the published file
const apart = (n) => day(day(-n) === OF_NONTAX ? -n - 20 : -n);

// one payment that is real, for its journal
const real = notice();
await bring_notice(g, w.department, real);
assert.equal((await window.ask('POST', '/v1/hall/counter-payments', { key: randomUUID(), body: { payment_codes: [real.payment_code], channel: 'pos', reference: 'POS0001', amount_fen: 8000 } })).status, 201);
const number = async (sql) => Number(await g.sql(sql));
const journal = await number('SELECT MIN(journal) FROM pay_payment'), staff = await number("SELECT MIN(id) FROM staff");

const bring = (source, on, body, { as = office, key = randomUUID(), more = '' } = {}) => as.ask('POST', `/v1/office/statements?source=${source}&day=${on}${more}`, { key, body: Buffer.from(body), type: 'application/octet-stream' });
const show = async (on) => (await office.ask('GET', `/v1/office/days?day=${on}`)).json;
async function over(on, source, round = () => true) {
	let day_now;
	await until(`${source} of ${on} is done`, async () => {
		day_now = await show(on);
		const s = day_now.sources.find((one) => one.source === source);
		return s && ['done', 'no_statement'].includes(s.state) && round(s);
	});
	return day_now;
}
async function items(query) {
	const all = [];
	for (let cursor = ''; cursor !== null;) {
		const { json, text } = await office.ask('GET', `/v1/office/discrepancies?limit=100&${query}${cursor ? `&cursor=${cursor}` : ''}`);
		assert.ok(json.items, text);
		all.push(...json.items);
		cursor = json.next_cursor;
	}
	return all;
}
const answers_of = (all) => new Map(all.map((i) => [i.number.replace(/#\d+$/, '#'), i.kind]));
const sorted = (map) => [...map].sort();

const planted = planted_day(D, 2000);
// and refunds of ours: two that the statement has, one that it lacks, one that is still on its way
const backs = [['refund-at-noon-1', 6], ['refund-at-noon-2', 4], ['refund-at-noon-3', 6], ['refund-at-noon-4', 4]].map(([key, state], i) => ({ key, state, fen: 1, payment: 100000 + i, ms: Date.parse(`${D}T12:00:00+08:00`) }));
for (const r of backs.slice(0, 2)) planted.lines.push({ number: planted.ours[r.payment - 100000].number, refund: refund_number(r.key), refund_fen: 1, time: '12:00:01' });
planted.answers.set(refund_number('refund-at-noon-3'), 'refund');
const bill = trade_bill(D, planted.lines);

test('what was planted is found, nothing is invented, and the same again', async () => {
	await book(g, planted.ours, { staff, journal });
	await send_back(g, backs, { notice: await number('SELECT MIN(id) FROM pay_notice') });
	const taken = await bring('wechat_trade', D, bill, { more: `&sha1=${sha1(bill)}` });
	assert.equal(taken.status, 201, taken.text);
	assert.deepEqual([taken.json.lines, taken.json.is_new], [planted.lines.length, true]);
	const now = await over(D, 'wechat_trade');
	const source = now.sources[0];
	assert.deepEqual([source.ours, source.theirs], [planted.ours.length + backs.length, planted.lines.length]);
	const found = await items(`day=${D}`);
	assert.deepEqual(sorted(answers_of(found)), sorted(planted.answers));
	assert.equal(now.unexplained, found.filter((i) => i.kind !== 'cutoff').length);
	const amount = found.find((i) => i.kind === 'amount');
	assert.equal(amount.theirs_fen, amount.ours_fen + 1);
	assert.equal(bill.split('\r\n')[amount.line - 1].includes(amount.number), true, 'the line it says');
	// again: the same rows, unchanged
	const rows = await g.sql('SELECT id, kind, number, state, changed_ms FROM recon_item ORDER BY id');
	const asked = await office.ask('POST', `/v1/office/runs?day=${D}`);
	assert.deepEqual([asked.status, asked.json.asked], [202, 1]);
	await until('it was held again', async () => (await number('SELECT round FROM recon_run')) === 2 && (await show(D)).sources[0].state === 'done');
	assert.equal(await g.sql('SELECT id, kind, number, state, changed_ms FROM recon_item ORDER BY id'), rows);
});

test('the same statement again is the one that is here; another takes its place only when it is said', async () => {
	const again = await bring('wechat_trade', D, gzipSync(bill));
	assert.deepEqual([again.status, again.json.is_new], [200, false]);
	const long = planted.lines.find((l) => planted.answers.get(l.number) === 'long');
	const other = trade_bill(D, planted.lines.filter((l) => l !== long));
	assert_problem(await bring('wechat_trade', D, other), 409, 'other_statement');
	assert.equal((await bring('wechat_trade', D, other, { more: '&replaces=1' })).status, 201);
	await over(D, 'wechat_trade', (s) => s.theirs === planted.lines.length - 1);
	assert.deepEqual((await items(`day=${D}&state=gone`)).map((i) => i.number), [long.number], 'it says that it is gone');
	assert.equal((await bring('wechat_trade', D, bill, { more: '&replaces=1' })).status, 201);
	await over(D, 'wechat_trade', (s) => s.theirs === planted.lines.length);
	assert.deepEqual(sorted(answers_of(await items(`day=${D}`))), sorted(planted.answers));
});

test("what is carried over midnight is cleared by a neighbour's statement, or becomes short", async () => {
	const carried = planted_day(BEFORE, 20, { each: 2, seed: 7 });
	await book(g, carried.ours, { staff, journal, from: 200000 });
	assert.equal((await bring('wechat_trade', BEFORE, trade_bill(BEFORE, carried.lines))).status, 201);
	// D's statement is here, and has none of them
	await over(BEFORE, 'wechat_trade');
	const found = answers_of(await items(`day=${BEFORE}`));
	assert.deepEqual(sorted(found), sorted(new Map([...carried.answers].map(([n, kind]) => [n, kind === 'cutoff' ? 'short' : kind]))));
	// corrected: it has one of them now
	const [late] = [...carried.answers].filter(([, kind]) => kind === 'cutoff').map(([n]) => n), ours = carried.ours.find((o) => o.number === late);
	assert.equal((await bring('wechat_trade', D, trade_bill(D, [...planted.lines, { number: late, fen: ours.fen, time: '00:00:03' }]), { more: '&replaces=1' })).status, 201);
	await over(D, 'wechat_trade', (s) => s.theirs === planted.lines.length + 1);
	await until('the day before has heard of it', async () => (await items(`day=${BEFORE}&state=gone`)).some((i) => i.number === late));
	assert.equal((await items(`day=${D}`)).some((i) => i.number === late), false, 'and it is no stranger in its own');
});

test('the finance bureau: booked, undecided, void, unpaid, unknown', async () => {
	const all = await Promise.all(Array.from({ length: 6 }, async () => {
		const n = notice();
		assert.equal((await bring_notice(g, w.department, n)).status, 201);
		return { ...n, id: await number(`SELECT id FROM pay_notice WHERE payment_code = '${n.payment_code}'`) };
	}));
	const [booked, pending, other, silent, unpaid, gone] = all, ms = Date.parse(`${D}T10:00:00+08:00`);
	await book(g, [booked, pending, other, silent].map((n) => ({ fen: 8000, ms })), { staff, journal, from: 300000, channel: 1 });
	for (const [i, n] of [booked, pending, other, silent].entries()) {
		await g.sql(`INSERT INTO pay_order_notice (pay_order, notice, total_fen, is_live) VALUES (${300000 + i}, ${n.id}, 8000, 0)`);
		await g.sql(`UPDATE pay_notice SET state = 3 WHERE id = ${n.id}`);
	}
	// e-receipts: one that is there, one on its way, none, and one that is good though its money goes back
	for (const [i, [n, receipt, wants]] of [[booked, 2, 1], [pending, 1, 1], [other, 0, 1], [silent, 2, 0]].entries()) {
		await g.sql(`INSERT INTO pay_confirmation (id, payment, notice, trace_no, amount_fen, division, day, state, word, finance_no, wants_receipt, made_ms, booked_ms, changed_ms)
			VALUES (${800 + i}, ${300000 + i}, ${n.id}, 'T${i}', 8000, 621202, ${Date.parse(D) / 86400e3}, 3, '', '', ${wants}, ${ms}, ${ms}, ${ms})`);
		if (receipt > 0) await g.sql(`INSERT INTO pay_receipt (id, confirmation, state, word, check_code, link, red_code, red_number, is_unwanted, made_ms, issued_ms, reversed_ms, changed_ms)
			VALUES (${800 + i}, ${800 + i}, ${receipt}, '', '', ${sql_bytes('')}, '', '', 0, ${ms}, ${ms}, 0, ${ms})`);
	}
	assert.equal((await g.ask('POST', `/v1/department/notices/${gone.payment_code}/void`, { token: w.department, key: randomUUID(), body: { reason: '重复开具' } })).status, 200);
	const unknown = '62120226100000000012';
	const line = (code, status, amount = '80.00') => JSON.stringify({ payment_code: code, amount, status, booked_at: `${D} 11:00:00` });
	const text = [line(booked.payment_code, 'booked'), line(pending.payment_code, 'pending'), line(other.payment_code, 'booked', '80.01'), line(unpaid.payment_code, 'booked'), line(gone.payment_code, 'booked'), line(unknown, 'booked')].join('\n');
	const taken = await bring('finance', D, `${text}\n`);
	assert.equal(taken.status, 201, taken.text);
	await over(D, 'finance');
	const kinds = new Map((await items(`day=${D}`)).filter((i) => i.source === 'finance').map((i) => [i.number, i.kind]));
	assert.deepEqual(sorted(kinds), sorted(new Map([[pending.payment_code, 'to_be_confirmed'], [other.payment_code, 'amount'], [silent.payment_code, 'to_be_confirmed'], [unpaid.payment_code, 'status'], [gone.payment_code, 'paid_after_void'], [unknown, 'long']])));
	const receipts = (await over(D, 'receipts')).sources.find((one) => one.source === 'receipts');
	assert.deepEqual([receipts.ours, receipts.theirs, receipts.matched], [4, 2, 1]);
	const lacking = new Map((await items(`day=${D}`)).filter((i) => i.source === 'receipts').map((i) => [i.number, i.kind]));
	assert.deepEqual(sorted(lacking), sorted(new Map([[pending.payment_code, 'to_be_confirmed'], [other.payment_code, 'to_be_confirmed'], [silent.payment_code, 'refund']])));
});

test('what is proposed can be done: of each source and kind, it is taken as it stands', async () => {
	const all = await items(`day=${D}&state=open`), seen = new Map(all.map((i) => [`${i.source} ${i.side} ${i.kind}`, i])), of = (source, kind) => all.filter((i) => i.source === source && i.kind === kind).map((i) => i.proposes);
	for (const [what, i] of seen) {
		const made = await office.ask('POST', '/v1/staff/proposals', { key: randomUUID(), body: { kind: 'recon_settle', region: '621200', subject: i.id, payload: { action: i.proposes, reason: '已核对', ours_fen: i.ours_fen, theirs_fen: i.theirs_fen } } });
		assert.equal(made.status, 201, `${what}: ${i.proposes}: ${made.text}`);
		assert.equal((await checker.decide(made.json.id, 'refuse', { note: '只看能否提议' })).status, 200);
	}
	assert.ok(seen.size >= 12, [...seen.keys()].join());
	// what no channel of ours has cannot be kept, written off or booked; of a channel's the kind's own comes first
	assert.deepEqual(['long', 'amount', 'status', 'paid_after_void'].map((kind) => of('finance', kind)[0]), ['explain', 'explain', 'explain', 'explain']);
	assert.deepEqual(of('receipts', 'refund'), ['explain']);
	assert.deepEqual(['long', 'short', 'amount', 'duplicate', 'refund'].map((kind) => of('wechat_trade', kind)[0]), ['suspend', 'explain', 'write', 'suspend', 'write']);
});

test('a fund flow says what reached the account, and is posted once', async () => {
	const balance = (kind) => number(`SELECT COALESCE(SUM(p.amount_fen), 0) FROM ledger_posting p JOIN ledger_account a ON a.id = p.account WHERE a.kind = ${kind} AND a.channel = 3`);
	assert.equal((await bring('wechat_fund', D, fund_bill(D, [['trade', 10000], ['fee', 60], ['back', 4000], ['fee_back', 24]]))).status, 201);
	await over(D, 'wechat_fund');
	assert.deepEqual([await balance(5), await balance(6), await balance(1)], [6000 - 36, 36, -6000]);
	assert.equal((await office.ask('POST', `/v1/office/runs?day=${D}`)).status, 202);
	await until('once more', async () => (await number('SELECT round FROM recon_run WHERE source = 2')) === 2 && (await number('SELECT state FROM recon_run WHERE source = 2')) === 3);
	assert.deepEqual([await balance(5), await balance(6)], [5964, 36], 'the same again posts nothing');
	assert.equal((await bring('wechat_fund', D, fund_bill(D, [['trade', 10000], ['trade', 500], ['fee', 63], ['back', 4000], ['fee_back', 24]]), { more: '&replaces=1' })).status, 201);
	await over(D, 'wechat_fund', (s) => s.theirs === 5);
	assert.deepEqual([await balance(5), await balance(6)], [6500 - 39, 39], 'a correction posts what it corrects');
	assert.equal(await number('SELECT SUM(amount_fen) FROM ledger_posting'), 0);
});

test('the day file of the non-tax platform: what we have not booked of it is shown, line by line', async () => {
	const on = OF_NONTAX, file = readFileSync(path.join(source_dir, 'tests/unit/vectors/wechat_nontax_bill.csv'));
	assert.equal((await bring('wechat_nontax', on, file)).status, 201);
	await over(on, 'wechat_nontax');
	assert.deepEqual((await items(`day=${on}`)).map((i) => [i.kind, i.number, i.theirs_fen]).sort(), [
		['long', '4200000000000000000000000001', 20000], ['long', '4200000000000000000000000002', 3550], ['refund', 'RF20261122000001', 20000]]);
});

test('what is wrong with a file is said with its line, and nothing of it stays', async () => {
	const before = await g.sql('SELECT COUNT(*) FROM recon_file');
	const small = trade_bill(BEFORE, [{ number: '4200001', fen: 100, time: '10:00:00' }, { number: '4200002', fen: 200, time: '11:00:00' }]);
	const more = '&replaces=1';
	const wrong = async (body, problem, { source = 'wechat_trade', on = BEFORE, extra = more } = {}) => {
		const { reason, line, column } = assert_problem(await bring(source, on, body, { more: extra }), 422, 'import').json;
		assert.deepEqual({ reason, line, column }, { reason: undefined, line: undefined, column: undefined, ...problem });
	};
	await wrong(small.replace('`1.00', '`1e0'), { line: 2, column: '应结订单金额', reason: 'not_an_amount' });
	await wrong(small.replaceAll(merchant, '1900000001').replace('1900000001', merchant), { line: 3, reason: 'other_merchant' });
	await wrong(small.slice(0, -40), { line: 5, reason: 'cells_missing' });
	await wrong(small.split('\r\n').slice(0, 3).join('\r\n'), { line: 3, reason: 'cut_off' });
	await wrong(small + small, { line: 6, reason: 'behind_the_end' });
	await wrong(Buffer.from(small, 'utf16le'), { line: 1, reason: 'utf16' });
	await wrong(gzipSync(small).subarray(0, 200), { reason: 'cut_off' });
	await wrong(small, { line: 2, reason: 'other_day' }, { on: day(-3) });
	await wrong(small, { line: 1, column: '记账时间', reason: 'no_column' }, { source: 'wechat_fund' });
	await wrong(small, { reason: 'other_digest' }, { extra: `&replaces=1&sha1=${sha1('x')}` });
	await wrong('', { reason: 'empty_file' });
	await wrong(gzipSync(Buffer.concat([Buffer.from(small.slice(0, small.indexOf('\n') + 1)), Buffer.alloc(64 << 20, '\n')])), { reason: 'zip_bomb' });
	await wrong(Buffer.concat([gzipSync(small), gzipSync(small)]), { reason: 'behind_gzip' });
	await wrong(small.replace('`2.00', '`２.00'), { line: 3, column: '应结订单金额', reason: 'not_an_amount' });
	const mixed = small.split('\r\n');
	await wrong([mixed[0], ...mixed.slice(3, 5), mixed[1], mixed[2], ''].join('\r\n'), { line: 3, column: '总交易单数', reason: 'sum_differs' });
	await wrong([...mixed.slice(0, 2), mixed[1], ...mixed.slice(2)].join('\r\n'), { line: 6, column: '总交易单数', reason: 'sum_differs' });
	await wrong('payment_code,amount,status,booked_at\n62120226100000000012,1.00,booked,2020-01-01\n', { line: 2, reason: 'other_day' }, { source: 'finance' });
	assert.equal(assert_problem(await bring('wechat_trade', day(), small), 400, 'invalid_query').json.pointer, 'day');
	assert.equal(assert_problem(await bring('alipay', D, small), 400, 'invalid_query').json.pointer, 'source');
	assert.equal(await g.sql('SELECT COUNT(*) FROM recon_file'), before);
	// who may not
	assert_problem(await bring('wechat_trade', BEFORE, small, { as: window }), 403, 'forbidden');
	assert_problem(await bring('wechat_trade', BEFORE, small, { as: county }), 403, 'forbidden');
	assert_problem(await county.ask('GET', `/v1/office/days?day=${D}`), 403, 'forbidden');
	assert_problem(await office.ask('GET', '/v1/office/days?day=2026-02-30'), 400, 'invalid_query');
});

test('what did not match is settled by two people, posted, and the day closed; what changes afterwards is seen', async () => {
	const E = apart(8), small = planted_day(E, 5, { each: 1, seed: 11 });
	const balance = (kind) => number(`SELECT COALESCE(SUM(p.amount_fen), 0) FROM ledger_posting p JOIN ledger_account a ON a.id = p.account WHERE a.kind = ${kind}`);
	await book(g, small.ours, { staff, journal, from: 400000 });
	// an order that a phone paid and nobody told us of
	const untold = notice();
	assert.equal((await bring_notice(g, w.department, untold)).status, 201);
	const order = (await g.ask('POST', '/v1/orders', { token: w.citizen, key: randomUUID(), body: { payment_codes: [untold.payment_code] } })).json;
	const order_row = await number(`SELECT MAX(pay_order) FROM pay_order_notice o JOIN pay_notice n ON n.id = o.notice WHERE n.payment_code = '${untold.payment_code}'`);
	await g.sql(`INSERT INTO pay_attempt (id, key, pay_order, channel, method, out_trade_no, total_fen, state, is_live, payload, handle, handle_ms, effect, asking, asks, ask_ms, deeds, word, made_ms, changed_ms)
		VALUES (1, ${sql_bytes('attempt000000001')}, ${order_row}, 3, 1, 'ATTEMPT0001', 8000, 2, 1, ${sql_bytes('')}, '', 0, 0, 0, 0, 0, 0, '', 1, 1)`);
	small.lines.push({ number: '4200002611untold', order: 'ATTEMPT0001', fen: 8000, time: '10:00:00' });
	assert.equal((await bring('wechat_trade', E, trade_bill(E, small.lines))).status, 201);
	await over(E, 'wechat_trade');
	const propose = (kind, subject, payload, as = office) => as.ask('POST', '/v1/staff/proposals', { key: randomUUID(), body: { kind, region: '621200', subject, payload } });
	const left = assert_problem(await propose('recon_close', E, {}), 409, 'day_not_explained').json;
	assert.deepEqual([left.unexplained, left.missing], [6, 'finance']);
	const before = { difference: await balance(7), suspense: await balance(3) };
	const all = new Map((await items(`day=${E}`)).map((i) => [i.kind, i])), seen = ({ ours_fen, theirs_fen }) => ({ ours_fen, theirs_fen });
	const settle = async (kind, action) => {
		const i = all.get(kind), made = await propose('recon_settle', i.id, { action, reason: '已核对', ...seen(i) });
		assert.equal(made.status, 201, made.text);
		assert_problem(await office.decide(made.json.id, 'approve'), 403, 'forbidden');
		const decided = await checker.decide(made.json.id, 'approve');
		assert.equal(decided.status, 200, decided.text);
	};
	assert.equal(assert_problem(await propose('recon_settle', all.get('long').id, { action: 'write', reason: '已核对', ...seen(all.get('long')) }), 422, 'invalid_field').json.pointer, '/payload/action');
	assert_problem(await propose('recon_settle', all.get('long').id, { action: 'suspend', reason: '已核对', ours_fen: 0, theirs_fen: 1 }), 409, 'difference_state');
	assert_problem(await propose('recon_settle', all.get('long').id, { action: 'suspend', reason: '已核对', ...seen(all.get('long')) }, checker), 403, 'forbidden');
	for (const [kind, action] of [['long', 'suspend'], ['short', 'explain'], ['amount', 'write'], ['duplicate', 'suspend'], ['refund', 'write'], ['status', 'book']]) {
		const run = (what) => number(`SELECT ${what} FROM recon_run WHERE source = 1 AND day = ${Date.parse(E) / 86400e3}`), round = await run('round');
		await settle(kind, action);
		if (action === 'suspend' || action === 'book') assert.ok((await run('round')) > round || (await run('state')) === 1, `${action}: what our books got is held beside the statement by itself`);
	}
	const paid = (await g.get(`/v1/orders/${order.id}`, { token: w.citizen })).json;
	assert.deepEqual([paid.state, paid.payment.channel, paid.payment.amount_fen], ['paid', 'wechat_pay', 8000]);
	assert_problem(await propose('recon_settle', all.get('long').id, { action: 'suspend', reason: '已核对', ...seen(all.get('long')) }), 409, 'difference_state');
	assert.equal(await balance(3) - before.suspense, -(all.get('long').theirs_fen + all.get('duplicate').theirs_fen));
	assert.equal(await balance(7) - before.difference, -1 + all.get('refund').theirs_fen, 'one fen more came, and a refund nobody knew went');
	assert.equal(await number('SELECT COUNT(*) FROM pay_odd'), 2);
	// another round changes nothing of it: that which booking asks for by itself, since the money is of that day, and one more
	const rounds = () => number(`SELECT round FROM recon_run WHERE state = 3 AND source = 1 AND day = ${Date.parse(E) / 86400e3}`);
	await until('booking asked for another', async () => (await rounds()) > 1);
	const so_far = await rounds();
	assert.equal((await office.ask('POST', `/v1/office/runs?day=${E}`)).status, 202);
	await until('again', async () => (await rounds()) > so_far);
	assert.deepEqual((await items(`day=${E}`)).map((i) => i.state).sort(), ['open', 'settled', 'settled', 'settled', 'settled', 'settled', 'settled']);
	// what was booked is of the day it came, and the bureau has it there
	assert.equal((await bring('finance', E, `payment_code,amount,status,booked_at\n${untold.payment_code},80.00,booked,${E} 11:00:00\n`)).status, 201);
	await over(E, 'finance');
	const closing = await propose('recon_close', E, {});
	assert.equal(closing.status, 201, closing.text);
	assert.equal((await checker.decide(closing.json.id, 'approve')).status, 200);
	assert.equal((await show(E)).closed.is_changed, false);
	assert_problem(await propose('recon_close', E, {}), 409, 'conflict');
	assert.equal((await bring('wechat_trade', E, trade_bill(E, small.lines.slice(1)), { more: '&replaces=1' })).status, 201);
	assert.equal((await show(E)).closed.is_changed, true);
});

test('tables for the office: by CSV, GB18030 and workbook the same, sums right, nothing that runs, and on record', async () => {
	const table = (query, as = office) => as.ask('GET', `/v1/office/exports?${query}`);
	await g.sql("UPDATE recon_item SET number = '=1+1' WHERE id = (SELECT MIN(id) FROM recon_item WHERE kind = 2)");
	const plain = await table(`what=differences&from=${D}`);
	assert.equal(plain.status, 200, plain.text);
	assert.equal(plain.headers['content-disposition'], `attachment; filename="differences-${D}.csv"`);
	assert.deepEqual([...plain.bytes.subarray(0, 3)], [0xef, 0xbb, 0xbf]);
	const rows = csv(plain.bytes.subarray(3).toString('utf8')), all = await items(`day=${D}`);
	assert.deepEqual([rows[0][3], rows.length], ['号码', all.length + 2]);
	const numbers = rows.slice(1, -1).map((r) => r[3]);
	assert.ok(numbers.includes("'=1+1") && numbers.some((n) => /^\t\d{28}$/.test(n)), 'no formula, no number');
	const fen = (yuan) => Math.round(Number(yuan) * 100), sum = (i) => rows.slice(1, -1).reduce((s, r) => s + fen(r[i]), 0);
	for (const i of [6, 7, 8]) assert.equal(fen(rows.at(-1)[i]), sum(i));
	assert.equal(sum(7), all.reduce((s, i) => s + i.theirs_fen, 0));
	const gb = await table(`what=differences&from=${D}&as=gb18030`);
	assert.equal(new TextDecoder('gb18030').decode(gb.bytes), plain.bytes.subarray(3).toString('utf8'));
	const book = workbook((await table(`what=differences&from=${D}&as=xlsx`)).bytes);
	assert.equal(book.length, rows.length);
	assert.equal(book.flat().some((c) => c.type === 'f'), false);
	assert.deepEqual(book.slice(1, -1).map((r) => [r[3].type, r[3].value]), numbers.map((n) => ['s', n.replace(/^['\t]/, '')]));
	assert.deepEqual(book.at(-1).slice(6, 9).map((c) => Math.round(c.value * 100)), [6, 7, 8].map(sum));
	assert.equal((await table(`what=differences&from=${D}`)).bytes.equals(plain.bytes), true, 'the same question, the same table');
	// a month of days, what reached the account, by unit and item, and the two files for others
	const days = csv((await table(`what=days&from=${day(-30)}&to=${D}`)).text.slice(1));
	assert.ok(days.some((r) => r[0] === D && r[1] === '微信支付交易账单' && r[2] === 'done'));
	const settled = csv((await table(`what=settlement&from=${D}`)).text.slice(1));
	assert.deepEqual(settled.slice(1).map((r) => [r[2], r[5], r[7], r[8], r[9]]), [['wechat_pay', '交易', '105.00', '', ''], ['wechat_pay', '手续费', '-0.63', '', ''], ['wechat_pay', '退款', '-40.00', '', ''], ['wechat_pay', '退还手续费', '0.24', '', ''], ['', '', '64.61', '', '']]);
	const income = csv((await table(`what=income&from=${day(-1)}&to=${day()}`)).text.slice(1));
	assert.deepEqual(income[1].slice(0, 5), ['621202', '065080906', '103043211', '2', '160.00']);
	const pos = await table(`what=unionpay&from=${day()}`);
	assert.match(pos.text, new RegExp(`^#${day().replaceAll('-', '')}\\|000000008000\\|1\\r\\n\\|\\|\\|\\d{10}\\|\\|\\|POS0001\\|000000008000\\r\\n$`));
	const booked = csv((await table(`what=finance&from=${day()}`)).text.slice(1));
	assert.deepEqual([booked[1][0], booked[1][3], booked[1][5]], [`\t${real.payment_code}`, '80.00', 'POS0001']);
	assert.equal(await number('SELECT COUNT(*) FROM audit WHERE act = 163'), 9);
	assert.equal(assert_problem(await table(`what=nothing&from=${D}`), 400, 'invalid_query').json.pointer, 'what');
	assert.equal(assert_problem(await table(`what=days&from=${D}&to=${BEFORE}`), 400, 'invalid_query').json.pointer, 'to');
	assert.equal(assert_problem(await table(`what=unionpay&from=${BEFORE}&to=${D}`), 400, 'invalid_query').json.pointer, 'to');
	assert_problem(await table(`what=days&from=${D}`, county), 403, 'forbidden');
});

test('siban reconcile: load, status, run, differences, export, settle, close', async () => {
	const on = apart(5), file = path.join(g.state, 'bill.csv.gz'), small = trade_bill(on, [{ number: '42009', fen: 700, time: '09:00:00' }]);
	writeFileSync(file, gzipSync(small));
	const say = (words, { input } = {}) => new Promise((resolve) => {
		const child = spawn(siban, ['reconcile', ...words, '--config', g.conf]);
		const [out, err] = [[], []];
		child.stdout.on('data', (d) => out.push(d));
		child.stderr.on('data', (d) => err.push(d));
		child.on('close', (code) => resolve({ code, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() }));
		child.stdin.on('error', () => {}); // who refuses the words reads no token
		child.stdin.end(input);
	});
	const loaded = await say(['load', file, '--source', 'wechat_trade', '--day', on]);
	assert.match(loaded.out, /^wechat_trade \S+: 1 lines, 700 fen paid, 0 fen back, taken\n[0-9a-f]{64}\n$/);
	assert.match(loaded.err, /\rsiban reconcile: \d+ of \d+ KiB, being judged\n$/);
	writeFileSync(file, small.replace('`7.00', '`7e0'));
	const wrong = await say(['load', file, '--source', 'wechat_trade', '--day', on, '--replaces']);
	assert.equal(wrong.code, 1);
	assert.match(wrong.err, /siban: reconcile: line 2, 应结订单金额: not_an_amount\n$/);
	writeFileSync(file, gzipSync(small).subarray(0, 100));
	assert.match((await say(['load', file, '--source', 'wechat_trade', '--day', on, '--replaces'])).err, /cut_off\n/);
	// whose it is may be said where the file does not
	const flow = fund_bill(apart(7), [['trade', 900]]), flow_of = (account) => say(['load', file, '--source', 'wechat_fund', '--day', apart(7), '--account', account]);
	writeFileSync(file, flow);
	assert.match((await flow_of('1900000033')).out, /: 1 lines, 0 fen paid, 0 fen back, taken\n/);
	await until('it is in its account', async () => (await g.sql("SELECT account || ' ' || fen FROM recon_settlement WHERE merchant = '1900000033'")) === '1900000033 900');
	assert.equal((await flow_of('a&day=b')).code, 2);
	const ran = await say(['run', '--day', on]);
	assert.equal(ran.code, 3);
	assert.match(ran.out, /wechat_trade +done +ours 0, theirs 1, matched 0, open 1.*\n {2}long +open +1, ours 0 fen, theirs 700 fen, office, 0 days\n\S+: 1 unexplained\n/);
	assert.equal((await say(['status', '--day', apart(6)])).code, 0);
	const left = await say(['differences', '--day', on]);
	assert.match(left.out, /^df_\d+ +wechat_trade +long +open +ours 0 fen, theirs 700 fen, line 2, 42009, office: suspend, 0 days\n$/);
	assert.equal((await say(['differences', '--day', on, '--kind', 'short'])).out, '');
	assert.equal((await say(['differences', '--day', D, '--state', 'open'])).out.split('\n').length - 1, (await items(`day=${D}&state=open`)).length, 'all of their pages');
	// what it cannot be is said, in both languages, and nothing is done
	const clerks = ['--region', '621200', '--token-file', '-'];
	for (const words of [['status'], ['close', '--day', on], ['export', 'days'], ['load', file], ['settle', '--day', on], ['settle', 'df_1', 'suspend', '已核对', '--ours', '0', '--theirs', '7.00', ...clerks],
		['settle', 'df_1', 'suspend', '已核对', '--theirs', '700', ...clerks], ['settle', 'df_1', 'suspend', '已核对', '--ours', '0', '--theirs', '700', '--region', '621200']]) {
		const { code, err } = await say(words, { input: `${office.token}\n` });
		assert.equal(code, 2);
		assert.match(err, /close --day D --region CODE --token-file/);
	}
	const help = await say(['--help']);
	assert.equal(help.code, 0);
	assert.match(help.out, /holds the day beside our books again[^]*重新对账/);
	// a table is the office's own, and on record as the operator's
	const table = await say(['export', 'differences', '--from', D]);
	assert.equal(table.out, (await office.ask('GET', `/v1/office/exports?what=differences&from=${D}`)).bytes.toString());
	assert.equal(await number('SELECT COUNT(*) FROM audit WHERE act = 163 AND actor_kind = 8'), 1);
	assert.equal((await say(['export', 'nothing', '--from', D])).code, 1);
	// closing is a clerk's wish: without his token there is none, and his own decides nothing
	const closing = (more = {}) => say(['close', '--day', on, '--region', '621200', '--token-file', '-'], more);
	assert.equal((await closing({ input: '' })).code, 1);
	assert.match((await closing({ input: 'at_nonsense\n' })).err, /登录/);
	assert.match((await closing({ input: `${window.token}\n` })).err, /reconcile: .+\n/);
	assert.match((await closing({ input: `${office.token}\n` })).err, /unexplained/);
	// so is settling: by the amounts that he saw, as its table allows, and decided by another
	const item = left.out.slice(0, left.out.indexOf(' '));
	const settling = (action, { ours = 0, theirs = 700, as = office, named = item } = {}) => say(['settle', named, action, '已核对', '--ours', `${ours}`, '--theirs', `${theirs}`, ...clerks], { input: `${as.token}\n` });
	const refused = async (end, text) => assert.deepEqual([(await end).code, text.test((await end).err), (await end).out], [1, true, ''], (await end).err);
	await refused(settling('suspend', { as: window }), /reconcile: .+\n/);
	await refused(settling('suspend', { named: 'df_0' }), /\/subject/);
	await refused(settling('write'), /\/payload\/action/);
	await refused(settling('forget'), /\/action/);
	await refused(settling('suspend', { theirs: 701 }), /差异已变化/);
	const settled = await settling('suspend');
	assert.match(settled.out, new RegExp(`^pp_\\w+ ${item}: proposed; another of the payment office decides it: POST /v1/staff/proposals/pp_`), settled.err);
	await refused(settling('explain'), /reconcile: .+\n/);
	const wished = settled.out.slice(0, settled.out.indexOf(' '));
	assert.deepEqual((await office.ask('GET', `/v1/staff/proposals/${wished}`)).json.payload, { action: 'suspend', reason: '已核对', ours_fen: 0, theirs_fen: 700 });
	assert_problem(await office.decide(wished, 'approve'), 403, 'forbidden');
	assert.match((await say(['differences', '--day', on])).out, / open +ours 0 fen/, 'only proposed');
	assert.equal((await checker.decide(wished, 'approve')).status, 200);
	assert.match((await say(['differences', '--day', on])).out, / settled +ours 0 fen, theirs 700 fen, line 2, 42009, office: suspend, /);
	assert.equal((await say(['status', '--day', on])).code, 0);
	assert.equal(await number("SELECT COUNT(*) FROM pay_odd WHERE reference = '42009' AND amount_fen = 700"), 1);
	const quiet = apart(40), wish = await say(['close', '--day', quiet, '--region', '621200', '--token-file', '-'], { input: `${office.token}\n` });
	assert.match(wish.out, /^pp_\w+ \S+: proposed; another of the payment office decides it/);
	const id = wish.out.slice(0, wish.out.indexOf(' '));
	assert_problem(await office.decide(id, 'approve'), 403, 'forbidden');
	assert.equal((await show(quiet)).closed, null);
	assert.equal((await checker.decide(id, 'approve')).status, 200);
	assert.match((await say(['status', '--day', quiet])).out, /: closed 20/);
	assert.equal(await number(`SELECT COUNT(*) FROM proposal WHERE kind = 61 AND maker = (SELECT id FROM staff WHERE account = 'pay.one')`), 2, 'in the name of whose token it was');
	// what is not the operator's is not his by the socket either
	assert_problem(await g.control('POST', '/v1/staff/proposals', { kind: 'recon_close', region: '621200', subject: quiet, payload: {} }), 401, 'login_required');
	assert.equal((await control_request(g, 'GET', '/v1/staff/proposals')).status, 405);
	assert.equal(execFileSync(siban, ['ledger', 'verify', '--config', g.conf], { encoding: 'utf8' }).startsWith('verified'), true);
	await g.stop(); // without a gateway: the same, but for what only a running one can know
	assert.equal((await say(['export', 'differences', '--from', D])).out, table.out);
	assert.match((await closing({ input: `${office.token}\n` })).err, /siban: reconcile: .*restarting/);
});
