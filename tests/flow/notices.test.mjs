// Goal: a department's notice can be paid by whoever has its code, who sees no more than that; what is told twice is one notice, what is told otherwise is refused; a quote
// ends at midnight; what is not known here is asked of the finance system, whose answers are told apart; whoever walks through codes learns nothing and is slowed down.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { sandbox } from '../sandbox/lib/client.mjs';
import { assert_problem, id_number, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { bring, day, finance_settings, knows, notice, payment_code, sandbox_codes } from './lib/payments.mjs';

const s = await sandbox();
const g = await gateway({ settings: { ...sandbox_codes, ...finance_settings(s) } });
const w = await world(g, { test_key: true });
const put = (body, options) => bring(g, w.department, body, options);
const look = (code, options) => g.get(`/v1/notices/${encodeURIComponent(code)}`, options);
const count = async (sql) => Number(await g.sql(`SELECT COUNT(*) FROM ${sql}`));

for (const via of ['h2', 'h1'])
	test(`brought by a department, seen by whoever has the code (${via})`, async () => {
		const n = notice({ payer: { name: '王小明', id_number: id_number(7) }, notice_no: randomUUID(), items: [{ item: '103043211', name: '登记费', amount_fen: 8000 }, { item: '103050101', name: '工本费', amount_fen: 0 }] });
		const made = await put(n, { via });
		assert.equal(made.status, 201, made.text);
		assert.deepEqual(made.json, { payment_code: n.payment_code, result: 'new', state: 'unpaid' });
		const { json, text } = await look(n.payment_code, { via });
		assert.deepEqual(json, { payment_code: n.payment_code, state: 'unpaid', kind: 'ordinary', division: '621202', unit: n.unit, unit_name: n.unit_name, payer: '王*明',
			items: n.items.map(({ item, name, amount_fen }) => ({ item, name, amount_fen })), amount_fen: 8000, late_fen: 0, late_on: null, total_fen: 8000, last_on: null, source: 'gateway', quote_until: null });
		assert.ok(!text.includes('王小明') && !text.includes(id_number(7)) && !text.includes(n.notice_no));
		assert.equal((await look(`${n.payment_code.slice(0, 6)} ${n.payment_code.slice(6, 12)}-${n.payment_code.slice(12)}`, { via })).status, 200, 'as it is printed');
	});

test('nothing of a payer lies open in the database', async () => {
	const n = notice({ payer: { name: '欧阳不见', id_number: id_number(8) } });
	assert.equal((await put(n)).status, 201);
	assert.ok(!(await g.sql('SELECT * FROM pay_notice')).includes('欧阳'));
});

test('told twice it is one; told otherwise it is refused; a number is used once', async () => {
	const n = notice({ notice_no: randomUUID() });
	const key = randomUUID();
	assert.equal((await put(n, { key })).status, 201);
	assert.equal((await put(n, { key })).status, 201, 'the same submission');
	assert.deepEqual((await put(n)).json.result, 'same');
	for (const other of [{ payer: { name: '王小亮' } }, { payer: { name: '王小明', id_number: id_number(9) } }, { unit: '1' }, { kind: 'penalty' }, { last_on: day(9) }, { check_code: 'A1' },
		{ items: [{ item: '103043211', name: '登记费', amount_fen: 8000 }] }, { items: [{ item: '103043211', name: '不动产登记费', amount_fen: 8001 }], total_fen: 8001 }])
		assert_problem(await put({ ...n, ...other }), 409, 'notice_differs');
	assert_problem(await put(notice({ notice_no: n.notice_no })), 409, 'notice_differs');
	assert_problem(await bring(g, w.other_department, n), 409, 'notice_differs');
	assert.equal(await count(`pay_notice WHERE payment_code = '${n.payment_code}'`), 1);
});

test('twenty at once are one notice', async () => {
	const n = notice();
	const answers = await Promise.all(Array.from({ length: 20 }, () => put(n)));
	assert.deepEqual(answers.map((a) => a.status).sort(), [...Array(19).fill(200), 201]);
	assert.equal(await count(`pay_notice_item i JOIN pay_notice n ON n.id = i.notice WHERE n.payment_code = '${n.payment_code}'`), 1);
});

test('late money has its day, and a newer quote takes the place of an older one', async () => {
	const n = notice({ late_fen: 240, late_on: day() });
	assert.equal((await put(n)).status, 201);
	const { json } = await look(n.payment_code);
	assert.deepEqual([json.late_fen, json.late_on, json.total_fen, json.quote_until], [240, day(), 8240, `${day(1)}T00:00:00.000+08:00`]);
	assert.equal((await put({ ...n, late_fen: 480, late_on: day(1), total_fen: 8480 })).json.result, 'quoted');
	assert.equal((await look(n.payment_code)).json.total_fen, 8480);
	assert_problem(await put(n), 409, 'notice_differs');
	await g.sql(`UPDATE pay_notice SET late_on = late_on - 3 WHERE payment_code = '${n.payment_code}'`);
	assert_problem(await look(n.payment_code), 404, 'payment_code_unknown', 'asked of the finance system, which does not know it');
	const told = { ...n, late_fen: 720, late_on: day(), total_fen: 8720 };
	await knows(s, n.payment_code, { result: 'found', notice: told });
	const newer = (await look(n.payment_code)).json;
	assert.deepEqual([newer.total_fen, newer.source], [8720, 'finance']);
});

test('void and replaced are not paid, and the old code says so', async () => {
	const n = notice(), m = notice();
	for (const one of [n, m]) assert.equal((await put(one)).status, 201);
	const away = (code, token = w.department, key = randomUUID()) => g.ask('POST', `/v1/department/notices/${code}/void`, { token, key, body: { reason: '重复开具' } });
	assert_problem(await away(n.payment_code, w.other_department), 404, 'not_found');
	assert.deepEqual((await away(n.payment_code)).json, { payment_code: n.payment_code, state: 'void' });
	assert_problem(await look(n.payment_code), 410, 'notice_void');
	assert_problem(await away(n.payment_code), 409, 'notice_state');
	const r = notice({ replaces: m.payment_code });
	assert_problem(await bring(g, w.other_department, r), 422, 'invalid_field');
	assert.equal((await put(r)).status, 201);
	assert_problem(await look(m.payment_code), 410, 'notice_void');
	assert.equal((await look(r.payment_code)).status, 200);
	assert.equal((await put(r)).json.result, 'same');
	assert_problem(await put(notice({ replaces: m.payment_code })), 409, 'notice_state');
	assert.equal((await g.get(`/v1/department/notices/${m.payment_code}`, { token: w.department })).json.state, 'replaced');
	assert_problem(await g.get(`/v1/department/notices/${m.payment_code}`, { token: w.other_department }), 404, 'not_found');
});

test('a notice has its last day', async () => {
	const n = notice({ last_on: day(-1) });
	assert.equal((await put(n)).status, 201);
	assert_problem(await look(n.payment_code), 410, 'notice_over');
});

const bad = [
	['no code', { payment_code: undefined }, '/payment_code'], ['a check digit', { payment_code: payment_code().replace(/.$/, (d) => (Number(d) + 1) % 10) }, '/payment_code'],
	['full-width digits', { payment_code: '６2120226100000000012' }, '/payment_code'], ['a place that is none', { division: '621299' }, '/division'], ['a kind', { kind: 'fine' }, '/kind'],
	['no items', { items: [] , total_fen: 0 }, '/items'], ['items that are none', { items: {} }, '/items'], ['no item member', { items: undefined }, '/items'],
	['21 items', { items: Array.from({ length: 21 }, () => ({ item: '1', name: 'x', amount_fen: 1 })), total_fen: 21 }, '/items'],
	['an amount with a fraction', { items: [{ item: '1', name: 'x', amount_fen: 80.5 }], total_fen: 80 }, '/items/0/amount_fen'],
	['an amount in text', { items: [{ item: '1', name: 'x', amount_fen: '80' }], total_fen: 80 }, '/items/0/amount_fen'],
	['less than nothing', { items: [{ item: '1', name: 'x', amount_fen: -1 }], total_fen: 0 }, '/items/0/amount_fen'], ['another sum', { total_fen: 7999 }, '/total_fen'],
	['late money without its day', { late_fen: 1, total_fen: 8001 }, '/late_on'], ['a day that is none', { last_on: '2026-02-30' }, '/last_on'],
	['a number that is none', { payer: { name: '王小明', id_number: '123' } }, '/payer/id_number'], ['a type alone', { payer: { name: '王小明', id_type: 'resident' } }, '/payer/id_number'],
	['no name', { payer: {} }, '/payer/name'], ['a line break in a name', { payer: { name: '王\n明' } }, '/payer/name'], ['a member nobody knows', { amount: 1 }, '/amount'],
];
test('what is wrong with a notice is named', async () => {
	const before = await count('pay_notice');
	for (const [what, more, pointer] of bad) {
		const answer = await put(notice(more));
		assert.equal(answer.status, 422, `${what}: ${answer.text}`);
		assert.equal(answer.json.pointer, pointer, `${what}: ${answer.text}`);
	}
	assert.equal(await count('pay_notice'), before);
});

test('what is not known here is asked of the finance system, and its answers are told apart', async () => {
	const at = async (answer) => {
		const code = payment_code();
		if (answer) await knows(s, code, typeof answer === 'function' ? answer(code) : answer);
		return { code, answer: await look(code) };
	};
	const { code, answer } = await at((c) => ({ result: 'found', notice: notice({ payment_code: c, payer: { name: '张*' }, kind: 'penalty', late_fen: 600, late_on: day() }) }));
	assert.deepEqual([answer.status, answer.json.payment_code, answer.json.source, answer.json.total_fen], [200, code, 'finance', 8600]);
	assert.equal(await count(`pay_notice WHERE payment_code = '${code}'`), 0, 'nothing of it is kept');
	assert_problem((await at(null)).answer, 404, 'payment_code_unknown');
	assert_problem((await at({ result: 'paid' })).answer, 409, 'notice_paid');
	assert_problem((await at({ result: 'void' })).answer, 410, 'notice_void');
	assert.equal(assert_problem((await at({ result: 'other_division', division: '620100' })).answer, 404, 'notice_elsewhere').json.division, 620100);
	assert_problem((await at({ result: 'tax_office' })).answer, 404, 'notice_tax_office');
	for (const nonsense of [{ result: 'found', notice: {} }, (c) => ({ result: 'found', notice: notice({ payment_code: c, total_fen: 1 }) }), () => ({ result: 'found', notice: notice() }), { result: 'paid', division: 'x' }])
		assert_problem((await at(nonsense)).answer, 502, 'peer_nonsense');
});

test('what is no code, of no place, or known to nobody is the same answer', async () => {
	const blank = (a) => a.text.replaceAll(a.json.request_id, '').replaceAll(a.json.trace_id, '');
	const asked = (await s.control('GET', '/peers/finance')).asked;
	const answers = [];
	for (const code of ['1', 'hello', payment_code('110101'), payment_code('621230'), payment_code().replace(/.$/, (d) => (Number(d) + 1) % 10), '6'.repeat(200)]) answers.push(await look(code));
	assert.equal((await s.control('GET', '/peers/finance')).asked, asked, 'nobody was asked about those');
	answers.push(await look(payment_code()));
	for (const a of answers) {
		assert_problem(a, 404, 'payment_code_unknown');
		assert.equal(blank(a), blank(answers[0]));
	}
});

test('whoever walks through codes is slowed down', async () => {
	g.configure({ 'rate.lookup_address': 3 });
	assert.equal((await g.control('POST', '/control/reload')).status, 200);
	const answers = [];
	for (let i = 0; i < 6; i++) answers.push((await look(payment_code())).status);
	assert.ok(answers.includes(429), answers.join(' '));
	g.configure({ 'rate.lookup_address': 100000 });
	assert.equal((await g.control('POST', '/control/reload')).status, 200);
});

test('a file of notices, and the same again', async () => {
	const file = path.join(g.state, 'pay_notices.jsonl'), department = w.matter.department.code;
	const lines = Array.from({ length: 40 }, () => ({ department, ...notice() }));
	const write = (rows) => writeFileSync(file, rows.map((l) => JSON.stringify(l)).join('\n'));
	write(lines);
	assert.match(await g.command('import', 'pay_notices', file), /^pay_notices: 40 rows, 40 changed$/);
	assert.match(await g.command('import', 'pay_notices', file), /^pay_notices: 40 rows, 0 changed$/);
	assert.equal((await look(lines[39].payment_code)).status, 200);
	for (const [spoil, what] of [[{ total_fen: 1 }, /line 3, \/total_fen/], [{ department: 'nobody' }, /line 3, \/department/], [{ unit_name: '另一单位' }, /line 3, \/payment_code: notice_differs/]]) {
		write([...lines.slice(0, 2), { ...lines[2], ...spoil }]);
		await assert.rejects(g.command('import', 'pay_notices', file), (e) => what.test(e.stderr) || assert.fail(e.stderr));
	}
});
