// Goal: a notice is held by one order at a time, however many want it; a hold that is over or cancelled frees it; money taken at a counter is an order, its notices and the ledger at the
// same moment, once; what was told otherwise meanwhile is never paid; and the ledger sums to zero afterwards.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import test, { after } from 'node:test';
import { sandbox } from '../sandbox/lib/client.mjs';
import { assert_problem, id_number, world } from './lib/cases.mjs';
import { gateway, siban } from './lib/gateway.mjs';
import { bring, day, finance_settings, knows, notice, payment_code, sandbox_codes } from './lib/payments.mjs';
import { first, hire } from './lib/staff.mjs';
import { until } from './lib/until.mjs';

const s = await sandbox();
const g = await gateway({ settings: { ...sandbox_codes, ...finance_settings(s), 'payments.notices_per_order': 3, 'payments.open_orders': 20, 'payments.orders_per_hour': 200, 'rate.write': 0 } });
const w = await world(g, { test_key: true });
const maker = await first(g, 'li.safe', 'security_admin'), checker = await first(g, 'li.system', 'system_admin');
const clerk = await hire(maker, checker, 'window.one', '621202', 'window_clerk'), prefecture = await hire(maker, checker, 'window.two', '621200', 'window_clerk');

const made = async (more) => {
	const n = notice(more);
	assert.equal((await bring(g, w.department, n)).status, 201);
	return n;
};
const order = (codes, { token = w.citizen, key = randomUUID(), ...more } = {}) => g.ask('POST', '/v1/orders', { token, key, body: { payment_codes: [codes].flat() }, ...more });
const show = (id, token = w.citizen) => g.get(`/v1/orders/${id}`, { token });
const cancel = (id, token = w.citizen) => g.ask('POST', `/v1/orders/${id}/cancel`, { token, key: randomUUID() });
const take = (codes, amount_fen, { key = randomUUID(), ...more } = {}) => clerk.ask('POST', '/v1/hall/counter-payments', { key, body: { payment_codes: [codes].flat(), channel: 'cash', amount_fen, ...more } });
const look = (code) => g.get(`/v1/notices/${code}`);
const number = async (sql) => Number(await g.sql(sql));
const sum = (where = '1 = 1') => number(`SELECT COALESCE(SUM(p.amount_fen), 0) FROM ledger_posting p JOIN ledger_account a ON a.id = p.account WHERE ${where}`);

for (const via of ['h2', 'h1'])
	test(`ordered, held, cancelled, ordered again (${via})`, async () => {
		const n = await made({ late_fen: 20, late_on: day(2) }), key = randomUUID();
		const first_time = await order(n.payment_code, { key, via });
		assert.equal(first_time.status, 201, first_time.text);
		const { id } = first_time.json;
		assert.deepEqual([first_time.json.state, first_time.json.total_fen, first_time.json.next], ['open', 8020, 'pay']);
		assert.ok(Math.abs(Date.parse(first_time.json.expires_at) - Date.now() - 30 * 60e3) < 60e3);
		assert.equal((await order(n.payment_code, { key, via })).json.id, id, 'the same submission');
		assert.equal((await look(n.payment_code)).json.state, 'locked');
		assert_problem(await order(n.payment_code), 409, 'being_paid');
		assert_problem(await order(n.payment_code, { token: w.stranger }), 409, 'being_paid');
		assert_problem(await take(n.payment_code, 8020), 409, 'being_paid');
		assert_problem(await g.ask('POST', `/v1/department/notices/${n.payment_code}/void`, { token: w.department, key: randomUUID(), body: { reason: '重复开具' } }), 409, 'notice_state');
		assert_problem(await bring(g, w.department, { ...n, late_fen: 40, late_on: day(3), total_fen: 8040 }), 409, 'notice_state');
		const { json } = await show(id);
		assert.deepEqual(json, { id, state: 'open', total_fen: 8020, notices: [{ payment_code: n.payment_code, unit_name: n.unit_name, total_fen: 8020 }], payment: null, refund: null, booking: null, made_at: json.made_at,
			expires_at: first_time.json.expires_at, next: 'pay' });
		assert_problem(await show(id, w.stranger), 404, 'not_found');
		assert_problem(await cancel(id, w.stranger), 404, 'not_found');
		assert.deepEqual((await cancel(id)).json, { id, state: 'closed' });
		assert_problem(await cancel(id), 409, 'order_state');
		assert.deepEqual([(await show(id)).json.state, (await show(id)).json.next], ['closed', 'order_again']);
		assert.equal((await look(n.payment_code)).json.state, 'unpaid');
		assert.equal((await order(n.payment_code, { token: w.stranger })).status, 201, 'anybody may pay');
	});

test('sixty want it, one has it', async () => {
	const n = await made();
	const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => order(n.payment_code, { token: i % 2 ? w.citizen : w.stranger })));
	const statuses = answers.map((a) => a.status).sort();
	assert.deepEqual(statuses, [201, ...Array(59).fill(409)]);
	assert.equal(await number(`SELECT COUNT(*) FROM pay_order_notice o JOIN pay_notice n ON n.id = o.notice WHERE n.payment_code = '${n.payment_code}'`), 1);
});

test('a hold that is over frees its notices, by itself', async () => {
	const n = await made();
	const { id } = (await order(n.payment_code)).json;
	await g.sql(`UPDATE pay_order SET expires_ms = 1 WHERE state = 1 AND expires_ms > 1 AND id = (SELECT pay_order FROM pay_order_notice o JOIN pay_notice n ON n.id = o.notice WHERE n.payment_code = '${n.payment_code}')`);
	await until('the order has expired', async () => (await show(id)).json.state === 'expired');
	assert.equal((await show(id)).json.expires_at, null);
	assert.equal((await order(n.payment_code)).status, 201);
});

test('a hold does not outlast its quote', async () => {
	const n = await made({ late_fen: 1, late_on: day() });
	const { expires_at } = (await order(n.payment_code)).json;
	assert.ok(Date.parse(expires_at) <= Date.parse(`${day(1)}T00:00:00+08:00`));
});

test('several of one payer in one order, and of nobody else', async () => {
	const payer = { name: '王小明', id_number: id_number(20) };
	const [a, b, c, other, unknown] = [await made({ payer }), await made({ payer }), await made({ payer }), await made({ payer: { name: '李四', id_number: id_number(21) } }), await made()];
	assert_problem(await order([a.payment_code, other.payment_code]), 409, 'different_payers');
	assert_problem(await order([a.payment_code, unknown.payment_code]), 409, 'different_payers');
	assert.equal((await look(a.payment_code)).json.state, 'unpaid', 'nothing of it stayed');
	const answer = await order([a, b].map((n) => n.payment_code));
	assert.deepEqual([answer.status, answer.json.total_fen], [201, 16000]);
	assert_problem(await order([c.payment_code, b.payment_code]), 409, 'being_paid');
	assert.equal((await look(c.payment_code)).json.state, 'unpaid');
	for (const [codes, pointer] of [[[], '/payment_codes'], [[c.payment_code, c.payment_code], '/payment_codes/1'], [Array.from({ length: 4 }, () => payment_code()), '/payment_codes'], [[7], '/payment_codes/0']])
		assert.equal(assert_problem(await order(codes), 422, 'invalid_field').json.pointer, pointer);
	assert_problem(await order('hello'), 404, 'payment_code_unknown');
	assert_problem(await g.ask('POST', '/v1/orders', { token: w.citizen, key: randomUUID(), body: { payment_codes: [c.payment_code], amount_fen: 1 } }), 422, 'unknown_field');
	assert_problem(await g.ask('POST', '/v1/orders', { token: w.citizen, key: randomUUID(), body: {} }), 422, 'missing_field');
});

test('a fee of nothing closes itself', async () => {
	const n = await made({ items: [{ item: '103043211', name: '小微企业免征', amount_fen: 0 }] });
	const answer = await order(n.payment_code);
	assert.deepEqual([answer.status, answer.json.state, answer.json.expires_at, answer.json.next], [201, 'paid', null, 'done']);
	assert.equal(assert_problem(await look(n.payment_code), 409, 'notice_paid').json.booking, undefined, 'there is no money to be booked');
	assert.deepEqual([(await show(answer.json.id)).json.payment, (await show(answer.json.id)).json.booking], [null, null]);
});

test('nonsense of the finance system is not remembered: said again under its key, it is asked again', async () => {
	const told = notice({ payer: { name: '王*明' } }), code = told.payment_code, key = randomUUID();
	await knows(s, code, { result: 'found', notice: { ...told, total_fen: 1 } });
	assert_problem(await order(code, { key }), 502, 'peer_nonsense');
	assert.equal(await number(`SELECT COUNT(*) FROM pay_notice WHERE payment_code = '${code}'`), 0);
	await knows(s, code, { result: 'found', notice: told });
	assert.equal((await order(code, { key })).status, 201);
});

test('what only the finance system knows is ordered and kept, and refused as it says', async () => {
	const code = payment_code(), told = notice({ payment_code: code, payer: { name: '张*' }, late_fen: 600, late_on: day() });
	await knows(s, code, { result: 'found', notice: told });
	const answer = await order(code);
	assert.deepEqual([answer.status, answer.json.total_fen], [201, 8600], answer.text);
	assert.equal((await look(code)).json.source, 'gateway', 'it is in our books now');
	for (const [result, status, problem] of [['paid', 409, 'notice_paid'], ['void', 410, 'notice_void'], ['tax_office', 404, 'notice_tax_office'], ['other_division', 404, 'notice_elsewhere']]) {
		const other = payment_code();
		await knows(s, other, { result });
		assert_problem(await order(other), status, problem);
	}
	assert_problem(await order(payment_code()), 404, 'payment_code_unknown');
});

test('a quote that has ended is asked for again before it is held, and its notice says what it said', async () => {
	const n = await made({ late_fen: 100, late_on: day() });
	await g.sql(`UPDATE pay_notice SET late_on = late_on - 2 WHERE payment_code = '${n.payment_code}'`);
	await knows(s, n.payment_code, { result: 'found', notice: { ...n, payer: { name: '王*明' }, late_fen: 300, late_on: day(), total_fen: 8300 } });
	assert.equal((await order(n.payment_code)).json.total_fen, 8300);
	const m = await made({ late_fen: 100, late_on: day() });
	await g.sql(`UPDATE pay_notice SET late_on = late_on - 2 WHERE payment_code = '${m.payment_code}'`);
	await knows(s, m.payment_code, { result: 'found', notice: { ...m, items: [{ item: '1', name: 'x', amount_fen: 9000 }], late_on: day(), total_fen: 9100 } });
	assert_problem(await order(m.payment_code), 409, 'notice_differs');
});

test('money at a counter: order, notice and ledger at once, and once', async () => {
	const n = await made({ late_fen: 240, late_on: day(), unit: `U${randomUUID().slice(0, 8)}`, items: [{ item: '103043211', name: '登记费', amount_fen: 8000 }, { item: '103050101', name: '罚款', amount_fen: 500 }] });
	const cash = await sum('a.kind = 1 AND a.channel = 1'), key = randomUUID();
	assert.equal(assert_problem(await take(n.payment_code, 8500), 409, 'other_amount').json.total_fen, 8740);
	assert.equal((await look(n.payment_code)).json.state, 'unpaid', 'nothing of it stayed');
	const answer = await take(n.payment_code, 8740, { key });
	assert.equal(answer.status, 201, answer.text);
	assert.equal((await take(n.payment_code, 8740, { key })).json.order, answer.json.order, 'the same submission');
	assert_problem(await take(n.payment_code, 8740), 409, 'notice_paid');
	assert_problem(await order(n.payment_code), 409, 'notice_paid');
	assert.match(assert_problem(await look(n.payment_code), 409, 'notice_paid').json.booking, /^(being_)?booked$/);
	assert.equal(await number(`SELECT COUNT(*) FROM pay_confirmation c JOIN pay_notice n ON n.id = c.notice WHERE n.payment_code = '${n.payment_code}' AND c.amount_fen = 8740 AND LENGTH(c.trace_no) = 28`), 1);
	assert_problem(await bring(g, w.department, { ...n, late_fen: 480, late_on: day(1), total_fen: 8980 }), 409, 'notice_state');
	assert.equal(await sum('a.kind = 1 AND a.channel = 1'), cash + 8740);
	assert.equal(await sum(`a.kind = 2 AND a.unit = '${n.unit}' AND a.item = '103043211'`), -8240);
	assert.equal(await sum(`a.kind = 2 AND a.unit = '${n.unit}' AND a.item = '103050101'`), -500);
	assert.equal(await sum(), 0);
	assert.equal(await number("SELECT COUNT(*) FROM audit WHERE act = 123 AND subject_kind = 121 AND result = 201 AND actor_kind = 16"), await number('SELECT COUNT(*) FROM pay_payment'));
});

test('a county takes its own notices; the prefecture takes all', async () => {
	const n = await made({ payment_code: payment_code('621221'), division: '621221' }), pay = (who) => who.ask('POST', '/v1/hall/counter-payments', { key: randomUUID(), body: { payment_codes: [n.payment_code], channel: 'cash', amount_fen: 8000 } });
	assert.equal(assert_problem(await pay(clerk), 404, 'notice_elsewhere').json.division, 621221);
	assert.equal((await look(n.payment_code)).json.state, 'unpaid');
	assert.equal((await pay(prefecture)).status, 201);
});

test('a terminal has a number for each payment, and it serves once', async () => {
	const [a, b] = [await made(), await made()], reference = randomUUID();
	assert.equal((await take(a.payment_code, 8000, { channel: 'pos', reference })).status, 201);
	assert_problem(await take(b.payment_code, 8000, { channel: 'pos', reference }), 409, 'reference_used');
	for (const [more, code, pointer] of [[{ channel: 'pos' }, 'missing_field', '/reference'], [{ reference: '1234' }, 'invalid_field', '/reference'], [{ channel: 'wechat_pay' }, 'invalid_field', '/channel'],
		[{ channel: 'pos', reference: 'a b c d' }, 'invalid_field', '/reference'], [{ amount_fen: 80.5 }, 'invalid_field', '/amount_fen'], [{ amount_fen: 0 }, 'invalid_field', '/amount_fen']])
		assert.equal(assert_problem(await take(b.payment_code, 8000, more), 422, code).json.pointer, pointer);
	assert.equal((await look(b.payment_code)).json.state, 'unpaid');
});

test('twenty clerks and twenty phones: one payment at most, and the ledger holds it once', async () => {
	const n = await made(), before = await number('SELECT COUNT(*) FROM pay_payment');
	const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => (i % 2 ? take(n.payment_code, 8000) : order(n.payment_code))));
	assert.equal(answers.filter((a) => a.status === 201).length, 1);
	assert.ok(answers.every((a) => [201, 409].includes(a.status)), answers.map((a) => a.status).join(' '));
	assert.ok(await number('SELECT COUNT(*) FROM pay_payment') - before <= 1);
	assert.equal(await sum(), 0);
});

test('nobody holds what is not his without end, nor walks through codes by ordering', async () => {
	const token = await g.citizen(id_number(600));
	for (let i = 0; i < 20; i++) assert.equal((await order((await made()).payment_code, { token })).status, 201);
	assert_problem(await order((await made()).payment_code, { token }), 409, 'too_many_orders');
	let answer;
	for (let i = 0; i < 200 && answer?.status !== 429; i++) answer = await order(payment_code(), { token });
	assert_problem(answer, 429, 'rate_limited');
	assert.ok(Number(answer.headers['retry-after']) <= 3600);
	assert.equal((await order((await made()).payment_code, { token: w.stranger })).status, 201, 'others go on');
});

after(async () => {
	const child = spawn(siban, ['ledger', 'verify', '--config', g.conf]);
	let out = '';
	child.stdout.on('data', (d) => { out += d; });
	await new Promise((resolve) => child.on('close', resolve));
	assert.match(out, /^verified [1-9]\d* postings in [1-9]\d* journals: every one sums to zero and is as it was written$/m);
});
