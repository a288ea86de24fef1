// Goal: what reached which account is said by whose word it is: of WeChat Pay its fund flow, merchant by merchant; of cash, terminals and the non-tax platform the bank's detail, where a sum that was paid out names its
// merchant. Each is posted once, from the channel to the bank, with what was kept as fees; a correction posts what it corrects; a merchant that nobody knows stays a difference; and what a flow says of its account's
// balance is held against its lines.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test, { after } from 'node:test';
import { fund_bill, trade_bill } from './lib/bills.mjs';
import { assert_problem, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { bring as bring_notice, day, notice, sandbox_codes } from './lib/payments.mjs';
import { csv, workbook } from './lib/sheets.mjs';
import { source_dir } from './lib/openapi.mjs';
import { first, hire } from './lib/staff.mjs';
import { until } from './lib/until.mjs';

const g = await gateway({ settings: { ...sandbox_codes, 'rate.write': 0, 'rate.read': 0 } });
const w = await world(g, { test_key: true });
const [safe, system] = [await first(g, 'li.safe', 'security_admin'), await first(g, 'li.system', 'system_admin')];
const office = await hire(safe, system, 'pay.one', '621200', 'payment_clerk'), window = await hire(safe, system, 'window.one', '621202', 'window_clerk');
const county = await hire(safe, system, 'pay.county', '621202', 'payment_clerk');
const D = day(-2), NEXT = day(-1), compact = D.replaceAll('-', '');
const [TERMINALS, PLATFORM, FIRST, SECOND] = ['898620112345678', '1900000001', '1900000021', '1900000022'], BANK = '27010122000001234';

const number = async (sql) => Number(await g.sql(sql));
const balance = (kind, channel) => number(`SELECT COALESCE(SUM(p.amount_fen), 0) FROM ledger_posting p JOIN ledger_account a ON a.id = p.account WHERE a.kind = ${kind} AND a.channel = ${channel}`);
const held = async (channel) => Object.fromEntries(await Promise.all([['owed', 1], ['bank', 5], ['fee', 6], ['transit', 8], ['other', 9]].map(async ([name, kind]) => [name, await balance(kind, channel)])));
const rounds = (source, on = D) => number(`SELECT COALESCE(MAX(CASE WHEN state = 3 THEN round ELSE 0 END), 0) FROM recon_run WHERE source = ${source} AND day = ${Date.parse(on) / 86400e3}`);
const sources = { wechat_trade: 1, wechat_fund: 2, wechat_nontax: 3, unionpay: 4, bank: 5 };
// Brings it, and waits until it was held.
async function bring(source, body, { on = D, more = '' } = {}) {
	const before = await rounds(sources[source], on);
	const taken = await office.ask('POST', `/v1/office/statements?source=${source}&day=${on}${more}`, { key: randomUUID(), body: Buffer.from(body), type: 'application/octet-stream' });
	assert.equal(taken.status, 201, taken.text);
	await until(`${source} of ${on} was held`, async () => (await rounds(sources[source], on)) > before);
}
const accounts = async (on = D) => (await office.ask('GET', `/v1/office/accounts?day=${on}`)).json;
const rows = async (on = D) => (await accounts(on)).accounts.map((a) => [a.source, a.channel, a.merchant, a.account, a.business, a.lines, a.amount_fen]);
const open = async (source) => (await office.ask('GET', `/v1/office/discrepancies?day=${D}&state=open&limit=100`)).json.items.filter((i) => i.source === source).map((i) => [i.kind, i.number, i.theirs_fen]);
const now = async (channel) => (await accounts()).now.find((c) => c.channel === channel);

const paid = async (channel, reference) => {
	const n = notice();
	assert.equal((await bring_notice(g, w.department, n)).status, 201);
	assert.equal((await window.ask('POST', '/v1/hall/counter-payments', { key: randomUUID(), body: { payment_codes: [n.payment_code], channel, reference, amount_fen: 8000 } })).status, 201);
	return n;
};
const detail = (lines) => `PAYSERIAL,PAYNOTENO,MERCHANTNO,ACCOUNTNO,PAYDATETIME,AMOUNT,FEE,TRANSSTATUS\n${lines.map(([serial, code, merchant, yuan, fee = '0.00', state = '00']) => [serial, code, merchant, BANK, `${compact}093000`, yuan, fee, state].join(',')).join('\n')}\n`;
let cash;

test("terminals' money: their own text names the merchant, the bank's detail proves that it came, and what was kept", async () => {
	cash = await paid('cash');
	for (const reference of ['112509300001', '112509300002']) await paid('pos', reference);
	assert.deepEqual(await held(2), { owed: 16000, bank: 0, fee: 0, transit: 0, other: 0 });
	await bring('unionpay', `#${compact}|000000016000|2\r\n${['1', '2'].map((n) => `${TERMINALS}|武都大厅|6222****0001|${compact.slice(4)}093011|00000${n}|62000001|11250930000${n}|000000008000`).join('\r\n')}\r\n`);
	assert.deepEqual(await rows(), [], 'what terminals took is not at the bank yet');
	await bring('bank', detail([['B1', cash.payment_code, '', '80.00'], ['B2', '', TERMINALS, '159.20', '0.80'], ['B3', '', TERMINALS, '7.00', '0.00', '01']]));
	assert.deepEqual(await rows(), [['bank', 'cash', '', BANK, 'trade', 1, 8000], ['bank', 'pos', TERMINALS, BANK, 'trade', 1, 15920], ['bank', 'pos', TERMINALS, BANK, 'fee', 1, -80]], 'what is undecided has not come');
	assert.deepEqual(await held(1), { owed: 0, bank: 8000, fee: 0, transit: 0, other: 0 });
	assert.deepEqual(await held(2), { owed: 0, bank: 15920, fee: 80, transit: 0, other: 0 });
	assert.deepEqual(await now('pos'), { channel: 'pos', owed_fen: 0, reached_fen: 15920, on_its_way_fen: 0, kept_fen: 80, other_fen: 0 });
	assert.deepEqual(await open('bank'), [], 'a sum that was paid out is no payment that we lack');
});

test('the same again posts nothing, a correction what it corrects, and what it has no more is posted back', async () => {
	const journals = await g.sql('SELECT COUNT(*) FROM ledger_journal'), before = await rounds(5);
	assert.equal((await office.ask('POST', `/v1/office/runs?day=${D}`)).status, 202);
	await until('once more', async () => (await rounds(5)) > before);
	assert.equal(await g.sql('SELECT COUNT(*) FROM ledger_journal'), journals);
	await bring('bank', detail([['B1', cash.payment_code, '', '80.00'], ['B2', '', TERMINALS, '159.00', '1.00'], ['B4', '', TERMINALS, '-9.00']]), { more: '&replaces=1' });
	assert.deepEqual(await held(2), { owed: 900, bank: 15000, fee: 100, transit: 0, other: 0 });
	assert.deepEqual((await rows()).filter((r) => r[1] === 'pos').map((r) => r.slice(4)), [['trade', 1, 15900], ['fee', 1, -100], ['refund', 1, -900]]);
	await bring('bank', detail([['B2', '', TERMINALS, '159.00', '1.00']]), { more: '&replaces=1' });
	assert.deepEqual([await held(1), await held(2)], [{ owed: 8000, bank: 0, fee: 0, transit: 0, other: 0 }, { owed: 0, bank: 15900, fee: 100, transit: 0, other: 0 }]);
	assert.deepEqual((await rows()).map((r) => r.slice(1)), [['pos', TERMINALS, BANK, 'trade', 1, 15900], ['pos', TERMINALS, BANK, 'fee', 1, -100]]);
});

test('the non-tax platform: its fees are in its own file, its money comes to the bank a day later; a merchant whose file is not here is a difference until it is', async () => {
	const was = await held(2), lines = [['B2', '', TERMINALS, '159.00', '1.00'], ['B5', '', PLATFORM, '34.30', '1.20']];
	await bring('bank', detail(lines), { more: '&replaces=1' });
	assert.deepEqual(await open('bank'), [['long', 'B5', 3430]]);
	assert.deepEqual([await held(6), await held(2)], [{ owed: 0, bank: 0, fee: 0, transit: 0, other: 0 }, was], 'nobody knows whose it is: nothing moved');
	const file = readFileSync(path.join(source_dir, 'tests/unit/vectors/wechat_nontax_bill.csv'), 'utf8').replaceAll('2026-11-22', D).replace('`交通违法罚款,`0.00', '`交通违法罚款,`1.204').replace(/`0\.00\s*$/, '`1.20\n');
	await bring('wechat_nontax', file);
	assert.deepEqual(await held(6), { owed: -120, bank: 0, fee: 120, transit: 0, other: 0 });
	const before = await rounds(5);
	assert.equal((await office.ask('POST', `/v1/office/runs?day=${D}`)).status, 202);
	await until('the bank once more', async () => (await rounds(5)) > before);
	assert.deepEqual(await held(6), { owed: -3550, bank: 3430, fee: 120, transit: 0, other: 0 }, 'what the bank says of its fee is the same fee');
	assert.deepEqual(await open('bank'), []);
	assert.deepEqual((await rows()).filter((r) => r[1] === 'wechat_nontax'), [['wechat_nontax', 'wechat_nontax', PLATFORM, '', 'fee', 2, -120], ['bank', 'wechat_nontax', PLATFORM, BANK, 'trade', 1, 3430]]);
});

test('fund flows of two merchants are two accounts; a withdrawal is on its way until the bank has it; what is no payment is told apart', async () => {
	await bring('wechat_fund', fund_bill(D, [['trade', 10000], ['fee', 60], ['other', 500], ['withdrawn', 9000]]), { more: `&account=${FIRST}` });
	await bring('wechat_fund', fund_bill(D, [['trade', 700], ['back', 200]], { opening: 300 }), { more: `&account=${SECOND}` });
	assert.deepEqual((await rows()).filter((r) => r[0] === 'wechat_fund').map((r) => r.slice(1)), [
		['wechat_pay', FIRST, FIRST, 'trade', 1, 10000], ['wechat_pay', FIRST, FIRST, 'fee', 1, -60], ['wechat_pay', FIRST, FIRST, 'withdrawn', 1, -9000], ['wechat_pay', FIRST, FIRST, 'other', 1, 500],
		['wechat_pay', SECOND, SECOND, 'trade', 1, 700], ['wechat_pay', SECOND, SECOND, 'refund', 1, -200]]);
	assert.deepEqual(await held(3), { owed: -10500, bank: 10500 - 60 + 500 - 9000, fee: 60, transit: 9000, other: -500 });
	await bring('wechat_trade', trade_bill(D, [{ number: '4200001', fen: 100, time: '10:00:00' }], { merchant: FIRST }));
	await bring('bank', detail([['B2', '', TERMINALS, '159.00', '1.00'], ['B5', '', PLATFORM, '34.30'], ['B6', '', FIRST, '90.00']]), { more: '&replaces=1' });
	assert.deepEqual(await held(3), { owed: -10500, bank: 10940, fee: 60, transit: 0, other: -500 });
	assert.deepEqual((await rows()).filter((r) => r[0] === 'bank' && r[1] === 'wechat_pay'), [['bank', 'wechat_pay', FIRST, BANK, 'withdrawn', 1, 9000]]);
	// of the month: what arrived is payments less fees, and no withdrawal takes anything off it
	const month = csv((await office.ask('GET', `/v1/office/exports?what=months&from=${day(-5)}&to=${day()}`)).text.slice(1)).filter((r) => r[1] === 'wechat_pay');
	assert.equal(month.reduce((s, r) => s + Math.round(Number(r[6]) * 100), 0), 10000 + 500 - 60);
});

test("an account's balance is held against its lines and the day before: a difference is shown, the file taken", async () => {
	const of = async (on, account) => (await accounts(on)).balances.find((b) => b.account === account);
	const want = (account, opening_fen, moved_fen, closing_fen, gap_fen, breaks, since_before_fen) => ({ source: 'wechat_fund', account, opening_fen, moved_fen, closing_fen, gap_fen, breaks, since_before_fen });
	assert.deepEqual(await of(D, FIRST), want(FIRST, 0, 1440, 1440, 0, 0, null));
	assert.deepEqual(await of(D, SECOND), want(SECOND, 300, 500, 800, 0, 0, null));
	// its last balance is another than its lines come to
	const honest = fund_bill(NEXT, [['trade', 1000], ['fee', 6], ['trade', 2000]], { opening: 1440 });
	assert.ok(honest.includes('`20.00,`44.34'));
	await bring('wechat_fund', honest.replace('`20.00,`44.34', '`20.00,`54.34'), { on: NEXT, more: `&account=${FIRST}` });
	assert.deepEqual(await of(NEXT, FIRST), want(FIRST, 1440, 2994, 5434, 1000, 1, 0));
	await bring('wechat_fund', honest, { on: NEXT, more: `&account=${FIRST}&replaces=1` });
	assert.deepEqual(await of(NEXT, FIRST), want(FIRST, 1440, 2994, 4434, 0, 0, 0));
	// the newest first is the same flow; it began with 50 fen more than the day before ended with
	const lines = fund_bill(NEXT, [['trade', 1000], ['fee', 6], ['trade', 2000]], { opening: 850 }).split('\r\n');
	await bring('wechat_fund', [lines[0], ...lines.slice(1, 4).reverse(), ...lines.slice(4)].join('\r\n'), { on: NEXT, more: `&account=${SECOND}` });
	assert.deepEqual(await of(NEXT, SECOND), want(SECOND, 850, 2994, 3844, 0, 0, 50));
	// and the table of it
	const table = csv((await office.ask('GET', `/v1/office/exports?what=settlement&from=${D}&to=${NEXT}`)).text.slice(1));
	assert.deepEqual(table[0], ['日期', '来源', '渠道', '商户号', '账户', '业务', '笔数', '金额（元）', '期初结余（元）', '期末结余（元）', '结余与流水差额（元）', '与上日结余差额（元）']);
	assert.deepEqual(table.filter((r) => r[0] === NEXT).map((r) => [r[2], ...r.slice(4)]), [
		['wechat_pay', FIRST, '交易', '2', '30.00', '14.40', '44.34', '0.00', '0.00'], ['wechat_pay', FIRST, '手续费', '1', '-0.06', '', '', '', ''],
		['wechat_pay', SECOND, '交易', '2', '30.00', '8.50', '38.44', '0.00', '0.50'], ['wechat_pay', SECOND, '手续费', '1', '-0.06', '', '', '', '']]);
	assert.ok(table.some((r) => r[2] === 'pos' && r[3] === `\t${TERMINALS}` && r[4] === `\t${BANK}` && r[7] === '159.00'));
	assert.equal(Math.round(Number(table.at(-1)[7]) * 100), [...await rows(), ...await rows(NEXT)].reduce((s, r) => s + r[6], 0));
	assert.equal(workbook((await office.ask('GET', `/v1/office/exports?what=settlement&from=${D}&to=${NEXT}&as=xlsx`)).bytes).length, table.length);
	// fees are shared by the units of the day on which a statement told them
	const units = csv((await office.ask('GET', `/v1/office/exports?what=settlement_units&from=${D}`)).text.slice(1));
	assert.deepEqual(units.slice(1, -1).map((r) => [r[1], r[2], r[8]]), [['pos', '未分摊', '1.00'], ['wechat_pay', '未分摊', '0.60'], ['wechat_nontax', '未分摊', '1.20']]);
});

test('a flow without a line says nothing of a balance, and what a corrected one said is forgotten', async () => {
	const [on, next, third] = [day(-5), day(-4), '1900000023'], since = async () => (await accounts(next)).balances.find((b) => b.account === third).since_before_fen;
	const flows = () => number(`SELECT COUNT(*) FROM recon_flow WHERE day = ${Date.parse(on) / 86400e3}`);
	await bring('wechat_fund', fund_bill(next, [['trade', 100]], { opening: 5000 }), { on: next, more: `&account=${third}` });
	await bring('wechat_fund', fund_bill(on, []), { on, more: `&account=${third}` });
	assert.deepEqual([await flows(), await since()], [0, null]);
	await bring('wechat_fund', fund_bill(on, [['trade', 100]], { opening: 4800 }), { on, more: `&account=${third}&replaces=1` });
	assert.deepEqual([await flows(), await since()], [1, 100]);
	await bring('wechat_fund', fund_bill(on, []), { on, more: `&account=${third}&replaces=1` });
	assert.deepEqual([await flows(), await since()], [0, null]);
});

test('whose it is may be said where the file does not, and nowhere else; who may not see it, may not', async () => {
	const refused = async (query) => assert_problem(await office.ask('POST', `/v1/office/statements?day=${D}&${query}`, { key: randomUUID(), body: Buffer.from('x'), type: 'application/octet-stream' }), 400, 'invalid_query').json.pointer;
	assert.equal(await refused(`source=wechat_trade&account=${FIRST}`), 'account');
	assert.equal(await refused('source=bank&account='), 'account');
	assert.equal(await refused(`source=bank&account=${'1'.repeat(65)}`), 'account');
	assert.equal(await refused(`source=bank&account=${encodeURIComponent('账户')}`), 'account');
	// a bank's detail without such a column, of another account: both count
	const another = `PAYSERIAL,PAYNOTENO,PAYDATETIME,AMOUNT\nC1,${cash.payment_code},${compact}093000,80.00\n`;
	await bring('bank', another, { more: '&account=ANOTHER-1' });
	assert.deepEqual((await rows()).filter((r) => r[0] === 'bank' && r[1] !== 'wechat_pay').map((r) => [r[1], r[3], r[6]]), [['cash', 'ANOTHER-1', 8000], ['pos', BANK, 15900], ['pos', BANK, -100], ['wechat_nontax', BANK, 3430]]);
	// the same file as another's is not taken beside itself: its sums would be posted twice; it may take its own place
	const again = await office.ask('POST', `/v1/office/statements?source=bank&day=${D}&account=ANOTHER-2`, { key: randomUUID(), body: Buffer.from(another), type: 'application/octet-stream' });
	assert_problem(again, 409, 'other_statement');
	await bring('bank', another, { more: '&account=ANOTHER-2&replaces=1' });
	assert.deepEqual((await rows()).filter((r) => r[0] === 'bank' && r[1] === 'cash').map((r) => [r[3], r[6]]), [['ANOTHER-2', 8000]]);
	assert.equal((await held(1)).bank, 8000);
	assert_problem(await window.ask('GET', `/v1/office/accounts?day=${D}`), 403, 'forbidden');
	assert_problem(await county.ask('GET', `/v1/office/accounts?day=${D}`), 403, 'forbidden');
	assert.equal(assert_problem(await office.ask('GET', '/v1/office/accounts?day=2026-02-30'), 400, 'invalid_query').json.pointer, 'day');
	assert.deepEqual((await accounts(day(-9))).accounts, []);
});

test('a day is held however often it was corrected: accounts that are in it no more take no room, and no journal comes twice', async () => {
	const on = day(-6), before = (await held(1)).bank, of = (from, count) => `PAYSERIAL,PAYNOTENO,ACCOUNTNO,PAYDATETIME,AMOUNT\n${Array.from({ length: count }, (_, i) => `S${from + i},${cash.payment_code},A-${from + i},${on.replaceAll('-', '')}093000,1.00\n`).join('')}`;
	for (const [from, count] of [[0, 70], [70, 70], [0, 128], [0, 0], [0, 70]]) {
		await bring('bank', of(from, count), { on, more: '&replaces=1' });
		assert.equal((await held(1)).bank - before, 100 * count);
		assert.deepEqual((await rows(on)).map((r) => r[3]).sort(), Array.from({ length: count }, (_, i) => `A-${from + i}`).sort());
	}
});

after(async () => {
	assert.equal(await number('SELECT SUM(amount_fen) FROM ledger_posting'), 0);
	assert.equal(await number('SELECT COUNT(*) FROM (SELECT journal FROM ledger_posting GROUP BY journal HAVING SUM(amount_fen) <> 0) x'), 0);
});
