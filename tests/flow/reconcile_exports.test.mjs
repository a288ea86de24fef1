// Goal: tables of the payment office come whole, however long they are: every row once, sums right, the same bytes for the same question, as CSV, GB18030 and workbook; the gateway's memory does not grow
// with them, a reader who stands still holds nobody up, and what fails half-way is no table. Months, units with their share of the fee. SIBAN_LONG=1: ten times as many rows.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { fund_bill } from './lib/bills.mjs';
import { assert_problem, world } from './lib/cases.mjs';
import { H2 } from './lib/clients.mjs';
import { gateway } from './lib/gateway.mjs';
import { bring as bring_notice, day, notice, sandbox_codes } from './lib/payments.mjs';
import { csv, workbook } from './lib/sheets.mjs';
import { first, hire } from './lib/staff.mjs';
import { on_postgres, sql_bytes } from './lib/stores.mjs';
import { until } from './lib/until.mjs';

const MANY = process.env.SIBAN_LONG === '1' ? 150000 : 20000;
const g = await gateway({ settings: { ...sandbox_codes, 'rate.write': 0, 'rate.read': 0,
	'payments.bank_columns': 'PAYSERIAL=reference,PAYNOTENO=payment_code,UNITNO=unit,DISTRICTNO=division,PAYDATETIME=paid_at,AMOUNT=amount' } }); // as the table for the finance bureau has them
const w = await world(g, { test_key: true });
const [safe, system] = [await first(g, 'li.safe', 'security_admin'), await first(g, 'li.system', 'system_admin')];
const office = await hire(safe, system, 'pay.one', '621200', 'payment_clerk'), window = await hire(safe, system, 'window.one', '621202', 'window_clerk');
const D = day(-1), on = Date.parse(D) / 86400e3, TODAY = Date.parse(day()) / 86400e3;
const table = (query) => office.ask('GET', `/v1/office/exports?${query}`);
const number = async (sql) => Number(await g.sql(sql));
const rows_of = async (query) => csv((await table(query)).text.slice(1));
const fen = (yuan) => Math.round(Number(yuan) * 100);

// n from 0 on, as a table `s`
const series = (count) => (on_postgres ? `(SELECT generate_series(0, ${count - 1}) AS n) s` : `(WITH RECURSIVE s (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n < ${count - 1}) SELECT n FROM s) s`);
const padded = (width) => (on_postgres ? `LPAD(CAST(n AS TEXT), ${width}, '0')` : `printf('%0${width}d', n)`);

test('before: one payment by each of two channels, for its journal', async () => {
	for (const [channel, reference] of [['pos', 'POS0001'], ['cash', undefined]]) {
		const n = notice();
		assert.equal((await bring_notice(g, w.department, n)).status, 201);
		const paid = await window.ask('POST', '/v1/hall/counter-payments', { key: randomUUID(), body: { payment_codes: [n.payment_code], channel, reference, amount_fen: 8000 } });
		assert.equal(paid.status, 201, paid.text);
	}
	await g.sql(`INSERT INTO recon_item (id, source, day, side, number, kind, ours, ours_fen, theirs_fen, line, division, at_ms, state, action, proposal, round, first_ms, changed_ms)
		SELECT 1000 + n, 1, ${on}, 1, CASE WHEN n % 100 = 7 THEN '=1+' || n ELSE '42000026112600000000' || ${padded(8)} END, 2, 0, n, 2 * n + 1, n + 2, 621202, 1, CASE WHEN n % 1000 = 3 THEN 4 ELSE 1 END, 0, 0, 1, 1, 1 FROM ${series(MANY)}`);
});

test('every row once and the sums of all, in each of its letters', async () => {
	const plain = await table(`what=differences&from=${D}`), rows = csv(plain.bytes.subarray(3).toString('utf8'));
	const kept = Array.from({ length: MANY }, (_, n) => n).filter((n) => n % 1000 !== 3);
	assert.equal(plain.status, 200);
	assert.equal(plain.headers['content-length'], undefined, 'nobody knew how long it would be');
	assert.equal(rows.length, kept.length + 2);
	const told = new Map(rows.slice(1, -1).map((r) => [r[3], r]));
	assert.equal(told.size, kept.length, 'none of them twice');
	for (const n of kept) {
		const row = told.get(n % 100 === 7 ? `'=1+${n}` : `\t42000026112600000000${String(n).padStart(8, '0')}`);
		assert.deepEqual([fen(row[6]), fen(row[7]), fen(row[8])], [n, 2 * n + 1, n + 1]);
	}
	const sum = kept.reduce((s, n) => s + n, 0);
	assert.deepEqual(rows.at(-1).slice(6, 9).map(fen), [sum, 2 * sum + kept.length, sum + kept.length]);
	assert.ok((await table(`what=differences&from=${D}`)).bytes.equals(plain.bytes), 'the same question, the same table');
	const gb = await table(`what=differences&from=${D}&as=gb18030`);
	assert.equal(new TextDecoder('gb18030', { fatal: true }).decode(gb.bytes), plain.bytes.subarray(3).toString('utf8'));
	const xlsx = await table(`what=differences&from=${D}&as=xlsx`), book = workbook(xlsx.bytes);
	assert.equal(book.length, rows.length);
	assert.equal(book.flat().some((c) => c.type === 'f'), false, 'nothing that runs');
	assert.deepEqual(book.slice(1, -1).map((r) => [r[3].type, r[3].value]), rows.slice(1, -1).map((r) => ['s', r[3].replace(/^['\t]/, '')]));
	assert.deepEqual(book.at(-1).slice(6, 9).map((c) => Math.round(c.value * 100)), rows.at(-1).slice(6, 9).map(fen));
	assert.ok((await table(`what=differences&from=${D}&as=xlsx`)).bytes.equals(xlsx.bytes), 'a workbook too');
	assert.equal(await number(`SELECT COUNT(*) FROM audit WHERE act = 163`), 5);
	// by HTTP/1.1 in chunks, and the connection serves another afterwards
	const again = await office.ask('GET', `/v1/office/exports?what=differences&from=${D}`, { via: 'h1' });
	assert.ok(again.bytes.equals(plain.bytes));
});

test('payments by channel and notice, some of them of one moment', async () => {
	const [staff, journal, moment] = [await number('SELECT MIN(id) FROM staff'), await number('SELECT MIN(journal) FROM pay_payment'), Date.parse(`${D}T10:00:00+08:00`)];
	const at = `${moment} + (n / 700) * 1000`, one = await number('SELECT MIN(id) FROM pay_notice');
	await g.sql(`INSERT INTO pay_order (id, key, person, staff, state, total_fen, expires_ms, made_ms, changed_ms) SELECT 100000 + n, ${on_postgres ? `CAST('k' || ${padded(15)} AS BYTEA)` : `CAST('k' || ${padded(15)} AS BLOB)`}, NULL, ${staff}, 2, n + 1, 1, 1, 1 FROM ${series(MANY)}`);
	await g.sql(`INSERT INTO pay_payment (id, pay_order, channel, reference, amount_fen, journal, taken_ms) SELECT 100000 + n, 100000 + n, CASE WHEN n % 2 = 0 THEN 2 ELSE 3 END, 'R' || ${padded(12)}, n + 1, ${journal}, ${at} FROM ${series(MANY)}`);
	await g.sql(`INSERT INTO pay_order_notice (pay_order, notice, total_fen, is_live) SELECT 100000 + n, ${one}, n + 1, 0 FROM ${series(MANY)}`);
	const finance = await rows_of(`what=finance&from=${D}`), sum = MANY * (MANY + 1) / 2;
	assert.equal(new Set(finance.slice(1, -1).map((r) => r[5])).size, MANY);
	assert.deepEqual([finance.length, fen(finance.at(-1)[3])], [MANY + 2, sum]);
	const pos = await table(`what=unionpay&from=${D}`), lines = pos.text.split('\r\n').slice(0, -1), half = Math.ceil(MANY / 2);
	assert.deepEqual([lines.length, lines[0].split('|').slice(1)], [half + 1, [String(half * half).padStart(12, '0'), String(half)]]);
	assert.equal(lines.slice(1).reduce((s, l) => s + Number(l.split('|').at(-1)), 0), half * half, 'its head says what its lines come to');
});

test('memory is bounded, a reader who stands still holds nobody up, and who goes away is forgotten', async () => {
	const rss = () => Number(readFileSync(`/proc/${g.child.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]);
	const standing = Array.from({ length: 6 }, () => new H2(g));
	const before = rss(), heads = standing.map((h) => new Promise((resolve) => {
		const s = h.session.request({ ':method': 'GET', ':path': `/v1/office/exports?what=finance&from=${D}`, authorization: `Bearer ${office.token}` });
		s.on('response', (head) => resolve(head[':status']));
		s.on('error', () => {});
		s.pause();
	}));
	assert.deepEqual(await Promise.all(heads), [200, 200, 200, 200, 200, 200]);
	assert.equal((await table(`what=finance&from=${D}`)).status, 200, 'beside them');
	assert.ok(rss() - before < 48 * 1024, `${rss() - before} KiB for six that stand still`);
	for (const h of standing) h.session.destroy();
	await until('the gateway still answers', async () => (await table(`what=days&from=${D}`)).status === 200);
});

test('what fails half-way is cut off, not shortened', async () => {
	await g.fault('piece=3');
	const h = new H2(g), stream = h.open('GET', `/v1/office/exports?what=finance&from=${D}`, { authorization: `Bearer ${office.token}` });
	await new Promise((resolve) => { stream.once('close', resolve); });
	assert.equal(stream.rstCode, 2, 'INTERNAL_ERROR: whoever reads knows that this is not all');
	h.close();
	assert.equal((await table(`what=finance&from=${D}`)).status, 200);
});

test('a workbook has its limits, and says so before it begins', async () => {
	await g.sql(`INSERT INTO recon_item (id, source, day, side, number, kind, ours, ours_fen, theirs_fen, line, division, at_ms, state, action, proposal, round, first_ms, changed_ms)
		SELECT 1000000 + n, 1, ${on - 40}, 1, 'N' || n, 2, 0, 0, 1, 1, 621202, 1, 3, 2, 1, 1, 1, 1 FROM ${series(200001)}`);
	const long = day(-41);
	assert_problem(await table(`what=differences&from=${long}&as=xlsx`), 422, 'table_too_long');
	const plain = await table(`what=differences&from=${long}`);
	assert.equal(plain.text.split('\r\n').length, 200001 + 3);
});

test('income by unit with its share of what the channel kept, and months', async () => {
	// a POS payment's journal as if WeChat had brought it: fees are of a day, so each unit bears its part
	const F = day(0);
	const units = await rows_of(`what=settlement_units&from=${F}`);
	assert.deepEqual(units[0], ['日期', '渠道', '区划', '执收单位编码', '收入项目编码', '笔数', '缴款（元）', '退款（元）', '分摊手续费（元）', '净额（元）']);
	const paid = units.slice(1, -1);
	assert.deepEqual(paid.map((r) => [r[1], r[6], r[8], r[9]]).sort(), [['cash', '80.00', '0.00', '80.00'], ['pos', '80.00', '0.00', '80.00']]);
	assert.deepEqual(units.at(-1).slice(5), ['2', '160.00', '0.00', '0.00', '160.00']);
	// a day's fund flow on which nobody paid, and one of today, when three units were paid by that channel
	const bring = (body) => office.ask('POST', `/v1/office/statements?source=wechat_fund&day=${D}`, { key: randomUUID(), body: Buffer.from(body), type: 'application/octet-stream' });
	assert.equal((await bring(fund_bill(D, [['trade', 10001], ['fee', 61], ['back', 40]]))).status, 201);
	await until('it was held', async () => (await number('SELECT COUNT(*) FROM recon_settlement')) > 0);
	const alone = await rows_of(`what=settlement_units&from=${D}`);
	assert.deepEqual(alone.slice(1).map((r) => [r[2], r[8]]), [['未分摊', '0.61'], ['', '0.61']], 'it is shown, and that no unit bears it');
	await g.sql(`INSERT INTO recon_settlement (day, source, channel, merchant, account, business, lines, fen, step) VALUES (${TODAY}, 2, 3, 'M', 'M', 2, 1, -63, 1), (${TODAY}, 2, 3, 'M', 'M', 4, 1, 2, 1)`);
	const channel = await number('SELECT id FROM ledger_account WHERE kind = 1 AND channel = 3');
	const income = [[621202, 'U1', 'I1'], [621202, 'U1', 'I2'], [621221, 'U2', 'I1']].map((a, i) => ({ id: 7000 + i, sql: `(${7000 + i}, ${7000 + i}, 2, 0, ${a[0]}, '${a[1]}', '${a[2]}', 1)` }));
	await g.sql(`INSERT INTO ledger_account (id, fact, kind, channel, division, unit, item, opened_ms) VALUES ${income.map((a) => a.sql).join(', ')}`);
	const paid_in = [3333, 3334, 3334];
	for (const [i, amount] of paid_in.entries()) {
		const id = 7000 + i;
		await g.sql(`INSERT INTO ledger_posting (journal, n, account, amount_fen, day) VALUES (${id}, 1, ${channel}, ${amount}, ${TODAY}), (${id}, 2, ${income[i].id}, ${-amount}, ${TODAY})`);
		await g.sql(`INSERT INTO ledger_journal (id, fact, cause, subject, step, day, made_ms, postings, digest) VALUES (${id}, ${id + 100}, 1, ${id}, 0, ${TODAY}, 1, 2, ${sql_bytes('d')})`);
	}
	const shared = await rows_of(`what=settlement_units&from=${F}`);
	assert.deepEqual(shared.slice(1, -1).filter((r) => r[1] === 'wechat_pay').map((r) => [r[1], r[2], r[3], r[4], r[6], r[8], r[9]]), [
		['wechat_pay', '621202', 'U1', 'I1', '33.33', '0.20', '33.13'], ['wechat_pay', '621202', 'U1', 'I2', '33.34', '0.20', '33.14'], ['wechat_pay', '621221', 'U2', 'I1', '33.34', '0.21', '33.13']]);
	assert.deepEqual(shared.at(-1).slice(6), ['260.01', '0.00', '0.61', '259.40'], 'shares come to the whole');
	// the year of that: a row for each channel that moved, a sum for each month
	// each row is as wide as its head
	for (const what of ['differences', 'days', 'months', 'settlement', 'settlement_units', 'income', 'finance']) {
		const [head, ...rows] = await rows_of(`what=${what}&from=${D}&to=${F}`);
		assert.ok(rows.length > 0 && head.every((h) => h !== ''), what);
		assert.deepEqual([head, ...rows].filter((r) => r.length !== head.length), [], what);
	}
	const months = await rows_of(`what=months&from=${day(-200)}&to=${F}`), of = months.slice(1, -1).filter((r) => r[1] === '小计');
	assert.deepEqual(of.map((r) => r[0]), [...new Set(Array.from({ length: 201 }, (_, i) => day(i - 200).slice(0, 7)))]);
	const whole = months.at(-1);
	assert.deepEqual([whole[0], whole[2], whole[3]], ['合计', '5', fen_text(10001 + 16000)]);
	assert.equal(Number(whole[9]), await number(`SELECT COUNT(*) FROM recon_item WHERE state = 1 AND day >= ${TODAY - 200}`));
	const wechat = months.filter((r) => r[1] === 'wechat_pay');
	assert.equal(wechat.length, 1);
	assert.deepEqual([wechat.reduce((s, r) => s + fen(r[3]), 0), wechat.reduce((s, r) => s + fen(r[7]), 0)], [10001, 61]);
});
const fen_text = (n) => `${Math.trunc(n / 100)}.${String(n % 100).padStart(2, '0')}`;

test('what siban writes for others, its own reader takes again: every line and figure, and nothing is different', async () => {
	const awkward = ['R,"1;"', '=1+1', '-12345', "'abc", '4200001234202611260000000001', '%00%2C', 'a\\b`c', '""""', '@SUM(A1)', '123456789012'], [P, C] = [day(-25), day(-26)];
	const n0 = notice(), refused = await window.ask('POST', '/v1/hall/counter-payments', { key: randomUUID(), body: { payment_codes: [n0.payment_code], channel: 'pos', reference: 'A|B|C', amount_fen: 1 } });
	assert.equal(assert_problem(refused, 422, 'invalid_field').json.pointer, '/reference', 'a layout of bars has no way to say one');
	const [staff, journal] = [await number('SELECT MIN(id) FROM staff'), await number('SELECT MIN(journal) FROM pay_payment')];
	const most = 9999999999; // one of each is as much as a notice can be
	// in the first and the last moments of two days on which nothing else was
	const taken = async (nth, channel, on_day) => {
		const id = 200000 + 1000 * channel + nth, fen = nth === 0 ? most : 1 + 1234567 * nth, n = notice({ items: [{ item: '103043211', name: '不动产登记费', amount_fen: fen }] });
		assert.equal((await bring_notice(g, w.department, n)).status, 201);
		await g.sql(`INSERT INTO pay_order (id, key, person, staff, state, total_fen, expires_ms, made_ms, changed_ms) VALUES (${id}, ${sql_bytes(`k${String(id).padStart(15, '0')}`)}, NULL, ${staff}, 2, ${fen}, 1, 1, 1)`);
		await g.sql(`INSERT INTO pay_payment (id, pay_order, channel, reference, amount_fen, journal, taken_ms) VALUES (${id}, ${id}, ${channel}, '${awkward[nth].replaceAll("'", "''")}', ${fen}, ${journal}, ${Date.parse(`${on_day}${nth % 2 ? 'T00:00:00' : 'T23:59:59.999'}+08:00`)})`);
		await g.sql(`INSERT INTO pay_order_notice (pay_order, notice, total_fen, is_live) VALUES (${id}, (SELECT id FROM pay_notice WHERE payment_code = '${n.payment_code}'), ${fen}, 0)`);
		return fen;
	};
	const [by_pos, by_cash] = [[], []];
	for (let i = 0; i < awkward.length; i++) {
		by_pos.push(await taken(i, 2, P));
		by_cash.push(await taken(i, 1, C));
	}
	const sum = (all) => all.reduce((s, f) => s + f, 0);
	const read = async (source, on_day, bytes, more = '') => {
		const { status, json, text } = await office.ask('POST', `/v1/office/statements?source=${source}&day=${on_day}${more}`, { key: randomUUID(), body: bytes, type: 'application/octet-stream' });
		assert.equal(status, 201, text);
		const held = await until(`${source} of ${on_day} was held`, async () => (await office.ask('GET', `/v1/office/days?day=${on_day}`)).json.sources.find((s) => s.source === source && s.state === 'done' && s.theirs === json.lines));
		assert.deepEqual((await office.ask('GET', `/v1/office/discrepancies?day=${on_day}`)).json.items, []);
		assert.deepEqual([held.ours, held.matched], [json.lines, json.lines]);
		return [json.lines, json.payment_fen];
	};
	assert.deepEqual(await read('unionpay', P, (await table(`what=unionpay&from=${P}`)).bytes), [awkward.length, sum(by_pos)]);
	for (const as of ['csv', 'gb18030'])
		assert.deepEqual(await read('bank', C, (await table(`what=finance&from=${C}&as=${as}`)).bytes, as === 'csv' ? '' : '&replaces=1'), [awkward.length, sum(by_cash)], as);
	const empty = (await table(`what=unionpay&from=${day(-30)}`)).bytes;
	assert.deepEqual(await read('unionpay', day(-30), empty), [0, 0], 'a day without any, too');
});
