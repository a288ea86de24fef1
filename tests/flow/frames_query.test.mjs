// Goal: where the bureau is spoken to in frames, it is also asked in them: its answers are told apart, only a whole one about our question from who shares the token is believed, nothing of another
// is kept, and what it told is ordered and paid as any notice is. No JSON address is configured here.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { sandbox } from '../sandbox/lib/client.mjs';
import { assert_problem, world } from './lib/cases.mjs';
import { gateway, make_certificate } from './lib/gateway.mjs';
import { bring, day, knows, notice, payment_code, sandbox_codes } from './lib/payments.mjs';
import { first, hire } from './lib/staff.mjs';
import { until } from './lib/until.mjs';

const folder = mkdtempSync(path.join(os.tmpdir(), 'siban-query-')), token_file = path.join(folder, 'token');
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
writeFileSync(token_file, 'SANDBOXTOKEN', { mode: 0o600 });

// Over TLS in one of the two runs, in the clear in the other.
const has_tls = process.env.SIBAN_STORE !== 'postgres';
const { key, cert } = await make_certificate(folder);
const s = await sandbox(has_tls ? { key, cert } : {});
const frame_settings = { 'finance.form': 'frame', 'finance.frame.address': s.frames, 'finance.frame.tls': String(has_tls), 'outside.ca_file': cert, 'finance.frame.token_file': token_file, 'finance.frame.node': 'K6212000001',
	'finance.frame.peer': 'F621200' };
const g = await gateway({ settings: { ...sandbox_codes, ...frame_settings, 'finance.rate': 0, 'rate.write': 0, 'payments.open_orders': 20, 'payments.orders_per_hour': 200, 'timeout.ask': 1500 } });
const w = await world(g, { test_key: true });
const clerk = await hire(await first(g, 'li.safe', 'security_admin'), await first(g, 'li.system', 'system_admin'), 'window.one', '621202', 'window_clerk');

const look = (code, options) => g.get(`/v1/notices/${code}`, options);
const order = (code, { key: own = randomUUID() } = {}) => g.ask('POST', '/v1/orders', { token: w.citizen, key: own, body: { payment_codes: [code] } });
const count = async (sql) => Number(await g.sql(`SELECT COUNT(*) FROM ${sql}`));
const mood = (code, one) => s.setup('finance', { moods: { [code]: one } });
const there = async (answer = {}, more = {}) => {
	const code = payment_code();
	await knows(s, code, { result: 'found', notice: notice({ payment_code: code, ...more }), ...answer });
	return code;
};

for (const via of ['h2', 'h1'])
	test(`what is not known here is asked in a frame, and its answers are told apart (${via})`, async () => {
		const code = await there({}, { payer: { name: '张*' }, items: [{ item: '103050101', name: '罚款（超限）', amount_fen: 20000 }, { item: '103043211', name: '工本费', amount_fen: 605 }], late_fen: 600 });
		const { json, text } = await look(code, { via });
		assert.deepEqual(json, { payment_code: code, state: 'unpaid', kind: 'penalty', division: '621202', unit: '065080906', unit_name: '武都区自然资源局', payer: '张*',
			items: [{ item: '103050101', name: '罚款（超限）', amount_fen: 20000 }, { item: '103043211', name: '工本费', amount_fen: 605 }], amount_fen: 20605, late_fen: 600, late_on: day(), total_fen: 21205,
			last_on: null, source: 'finance', quote_until: `${day(1)}T00:00:00.000+08:00` }, text);
		assert.equal(await count(`pay_notice WHERE payment_code = '${code}'`), 0, 'nothing of it is kept');
		const says = async (answer) => {
			const one = payment_code();
			if (answer) await knows(s, one, answer);
			return look(one, { via });
		};
		assert_problem(await says(null), 404, 'payment_code_unknown');
		assert_problem(await says({ result: 'paid' }), 409, 'notice_paid');
		assert_problem(await says({ result: 'void' }), 410, 'notice_void');
		assert_problem(await says({ result: 'tax_office' }), 404, 'notice_tax_office');
		assert.equal(assert_problem(await says({ result: 'other_division', division: '620100' }), 404, 'notice_elsewhere').json.division, 620100);
		assert.equal(assert_problem(await says({ result: 'other_division' }), 404, 'notice_elsewhere').json.division, undefined);
		assert_problem(await says({ result: 'failed' }), 503, 'peer_away');
		for (const [state, status, word] of [['1', 409, 'notice_paid'], ['2', 410, 'notice_void']])
			assert_problem(await look(await there({ voucher: { PayStats: state } }), { via }), status, word);
		const company = await look(await there({ voucher: { PayerName: '某某公司', PayerCreditCode: '91621299MA0000015U', CrcCode: 'A1b2' } }), { via });
		assert.deepEqual([company.status, company.json.payer], [200, '某某公司'], company.text);
	});

test('a byte at a time, in capital hex, in broken lines: it is the same answer', async () => {
	for (const one of ['pieces', 'upper_hex', 'wrapped']) {
		const code = await there();
		await mood(code, one);
		assert.equal((await look(code)).json.total_fen, 8000, one);
	}
});

// Beside what each mood does to one look, an order is refused the same, keeps nothing, and is well when it is said again under its key.
test('lost, halved, forged, of another question, of another code, endless, late: refused, nothing is kept, and asked again it is well', async () => {
	const wrong = { wrong_digest: [502, 'peer_nonsense'], wrong_ref: [502, 'peer_nonsense'], wrong_number: [502, 'peer_nonsense'], other_code: [502, 'peer_nonsense'], long: [502, 'peer_nonsense'],
		huge: [503, 'peer_away'], close: [503, 'peer_away'], half: [503, 'peer_away'], rubbish: [503, 'peer_away'], silent: [504, 'peer_timeout'] };
	for (const [one, [status, word]] of Object.entries(wrong)) {
		const code = await there(), own = randomUUID();
		await mood(code, one);
		assert_problem(await look(code), status, word);
		await mood(code, one);
		assert_problem(await order(code, { key: own }), status, word);
		assert.equal(await count(`pay_notice WHERE payment_code = '${code}'`), 0, one);
		const again = await order(code, { key: own });
		assert.equal(again.status, 201, `${one}: ${again.text}`);
		assert.equal(await count(`pay_notice WHERE payment_code = '${code}'`), 1, one);
	}
	assert.deepEqual((await s.show('finance')).refused, []);
});

test('a voucher that does not add up is refused, whatever in it is wrong', async () => {
	const vouchers = { 'another sum': { Amt: '80.01' }, 'items that are not the amount': { OriAmt: '79.00', Amt: '79.00' }, 'an exponent': { Amt: '8e1' }, 'a sign': { DelayAmt: '-1.00', Amt: '79.00' },
		'full-width digits': { Amt: '８０.00' }, 'three decimals': { Amt: '80.000', OriAmt: '80.000' }, 'no amount': { Amt: null }, 'no items': { PayInfo: null }, 'items of nothing': { PayInfo: '' },
		'items cut off': { PayInfo: '103043211|不动产登记费|80.00|次|1|不限制' }, 'an item without its end': { PayInfo: '103043211|不动产登记费|80.00|次|1|不限制|0.0-0.0' },
		'an item too long': { PayInfo: '103043211|不动产登记费|80.00|次|1|不限制|0.0|0.0#' }, 'a part of another': { PayInfo: '103043211|不动产登记费|80.0x|次|1|不限制|0.0-0.0#' }, 'no payer': { PayerName: null },
		'no unit': { ChgAgenCode: '' }, 'no unit name': { ChgAgenName: null }, 'no state': { PayStats: null }, 'a state nobody knows': { PayStats: '3' }, 'a place that is none': { AdmDivCode: '62A202' },
		'no place': { AdmDivCode: null }, 'another code': { PayCode: '62120226100000000012' }, 'no code': { PayCode: null }, 'a company that is none': { PayerCreditCode: '123' }, 'a check code too long': { CrcCode: '12345' },
		'a result nobody knows': { Result: '55555' }, 'a result that is none': { Result: '0' } };
	for (const [what, voucher] of Object.entries(vouchers)) {
		const code = await there({ voucher });
		const [seen, ordered] = [await look(code), await order(code)];
		assert.equal(seen.status, 502, `${what}: ${seen.text}`);
		assert.equal(ordered.json.code, 'peer_nonsense', `${what}: ${ordered.text}`);
		assert.equal(await count(`pay_notice WHERE payment_code = '${code}'`), 0, what);
	}
	const unknown = payment_code();
	await knows(s, unknown, { result: 'paid', voucher: { Result: '00000' } });
	assert_problem(await look(unknown), 502, 'peer_nonsense');
});

test('found there, ordered here, paid, told and booked: all of it in frames', async () => {
	const code = await there();
	const made = await order(code);
	assert.equal(made.status, 201, made.text);
	assert.equal((await look(code)).json.state, 'locked');
	assert.equal((await g.ask('POST', `/v1/orders/${made.json.id}/cancel`, { token: w.citizen, key: randomUUID() })).status, 200);
	const taken = await clerk.ask('POST', '/v1/hall/counter-payments', { key: randomUUID(), body: { payment_codes: [code], channel: 'cash', amount_fen: 8000 } });
	assert.equal(taken.status, 201, taken.text);
	await until('it is booked', async () => assert_problem(await look(code), 409, 'notice_paid').json.booking === 'booked');
	assert.equal((await s.show('finance')).paid[code].amount, '80.00');
	assert.equal((await s.log({ peer: 'finance', kind: 'request' })).entries.length, 0, 'not a word in JSON');
});

test('a quote that is over is asked for again, and takes the place of the older one', async () => {
	const n = notice({ late_fen: 240, late_on: day() });
	assert.equal((await bring(g, w.department, n)).status, 201);
	await g.sql(`UPDATE pay_notice SET late_on = late_on - 3 WHERE payment_code = '${n.payment_code}'`);
	await knows(s, n.payment_code, { result: 'found', notice: { ...n, late_fen: 720, total_fen: 8720 } });
	const { json } = await look(n.payment_code);
	assert.deepEqual([json.total_fen, json.source, json.late_on], [8720, 'finance', day()]);
	assert.equal((await order(n.payment_code)).json.total_fen, 8720);
});

test('numbers and result codes are configuration', async () => {
	const other = await gateway({ settings: { ...sandbox_codes, ...frame_settings, 'finance.frame.query_results': 'tax_office=30001, void=30008', 'finance.frame.penalty_items': '' } });
	await world(other);
	assert_problem(await other.get(`/v1/notices/${payment_code()}`), 404, 'notice_tax_office');
	const swapped = payment_code(), forgotten = payment_code(), fine = await there({}, { items: [{ item: '103050101', name: '罚款', amount_fen: 100 }] });
	await knows(s, swapped, { result: 'tax_office' });
	await knows(s, forgotten, { result: 'paid' });
	assert_problem(await other.get(`/v1/notices/${swapped}`), 410, 'notice_void');
	assert_problem(await other.get(`/v1/notices/${forgotten}`), 502, 'peer_nonsense');
	assert.equal((await other.get(`/v1/notices/${fine}`)).json.kind, 'ordinary');
});
