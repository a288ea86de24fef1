// Goal: a clerk scans the code of a payer's phone and money is asked for once, whatever is lost, slow, refused or unknown: what the platform says in a code nobody explained is unknown and never "failed";
// no second code is taken for a notice before that is known; what became of it is found by the order's number, by the notice, or by the platform's own call; and the code is kept nowhere once it was used.
// Method: the sandbox plays the platform, whose moods say what a code comes to, and counts how often a code came; times pass by moving them.
import assert from 'node:assert/strict';
import { randomInt, randomUUID } from 'node:crypto';
import test, { after, beforeEach } from 'node:test';
import { sandbox } from '../sandbox/lib/client.mjs';
import { assert_problem, id_number, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { bring, day, notice, payment_code, sandbox_codes } from './lib/payments.mjs';
import { first, hire } from './lib/staff.mjs';
import { until } from './lib/until.mjs';
import { barcode_settings, made, nontax_settings, tell } from './lib/wechat_nontax.mjs';

const s = await sandbox();
const g = await gateway({ settings: { ...sandbox_codes, ...nontax_settings(s, barcode_settings), 'rate.write': 0, 'rate.read': 0, 'rate.public': 0, 'timeout.park': 8000 } });
const w = await world(g, { test_key: true });
const security = await first(g, 'li.safe', 'security_admin'), system = await first(g, 'li.system', 'system_admin');
const clerk = await hire(security, system, 'window.one', '621202', 'window_clerk'), other = await hire(security, system, 'window.two', '621202', 'window_clerk'), elsewhere = await hire(security, system, 'window.three', '621221', 'window_clerk');
await s.setup('wechat_nontax', { callbacks: false });
beforeEach(async () => {
	await s.clear_faults();
	await s.setup('wechat_nontax', { micropay: 'paid', names_late: false });
});

const number = async (sql) => Number(await g.sql(sql));
const sum = (where = '1 = 1') => number(`SELECT COALESCE(SUM(p.amount_fen), 0) FROM ledger_posting p JOIN ledger_account a ON a.id = p.account WHERE ${where}`);
const code_of_phone = () => `13${String(randomInt(1e8)).padStart(8, '0')}${String(randomInt(1e8)).padStart(8, '0')}`;
const used = [];
const brought = async (more = {}) => {
	const n = notice(more);
	assert.equal((await bring(g, w.department, n)).status, 201);
	return n;
};
const scan = (n, { auth_code = code_of_phone(), who = clerk, key = randomUUID(), ...more } = {}) => {
	used.push(auth_code);
	return who.ask('POST', '/v1/hall/barcode-payments', { key, body: { payment_codes: [n.payment_code], auth_code, amount_fen: n.total_fen, ...more } });
};
const look = (answer, who = clerk) => who.ask('GET', answer.headers.location ?? `/v1/hall/barcode-payments/${answer.json.id}`);
const there = async (n) => (await s.show('wechat_nontax')).scans.filter((one) => one.notice === n.payment_code);
const calls = async (n) => (await there(n)).map((one) => one.calls).join(' ');
const mine = (n, columns) => g.sql(`SELECT ${columns} FROM pay_attempt a JOIN pay_order_notice x ON x.pay_order = a.pay_order JOIN pay_notice n ON n.id = x.notice WHERE n.payment_code = '${n.payment_code}' ORDER BY a.id`);
const of_notice = `(SELECT a.effect FROM pay_attempt a JOIN pay_order_notice x ON x.pay_order = a.pay_order JOIN pay_notice n ON n.id = x.notice WHERE n.payment_code = `;
const payments = (n) => number(`SELECT COUNT(*) FROM pay_payment p JOIN pay_order_notice x ON x.pay_order = p.pay_order JOIN pay_notice n ON n.id = x.notice WHERE n.payment_code = '${n.payment_code}'`);
const of_attempts = (n) => `id IN (SELECT a.id FROM pay_attempt a JOIN pay_order_notice x ON x.pay_order = a.pay_order JOIN pay_notice n ON n.id = x.notice WHERE n.payment_code = '${n.payment_code}')`;
const asked_now = (n) => g.sql(`UPDATE pay_attempt SET ask_ms = 1 WHERE ask_ms > 1 AND ${of_attempts(n)}`);
// The half minute is over, and nobody has waited for it.
const half_minute = (n) => g.sql(`UPDATE effect SET expires_ms = 1 WHERE kind = 23 AND state = 2 AND id IN ${of_notice}'${n.payment_code}')`);
const ends = (what, answer, n, wanted) => until(`${what}: ${wanted}`, async () => {
	await asked_now(n);
	return (await look(answer)).json.next === wanted;
});
// What lies in its effect is what lies in the attempt, in which there never was a code.
const is_forgotten = async (n) => assert.equal(await g.sql(`SELECT COUNT(*) FROM pay_attempt a JOIN effect_payload p ON p.effect = a.effect WHERE LENGTH(p.payload) <> LENGTH(a.payload) AND a.${of_attempts(n)}`), '0');

for (const via of ['h2', 'h1'])
	test(`scanned and paid, in one request (${via})`, async () => {
		const n = await brought({ kind: 'penalty', items: [{ item: '103050199', name: '罚款', amount_fen: 20000 }], late_fen: 600, late_on: day(), total_fen: 20600 }), before = await sum('a.kind = 1 AND a.channel = 6');
		const auth_code = code_of_phone(), key = randomUUID(), answer = await clerk.ask('POST', '/v1/hall/barcode-payments', { via, key, body: { payment_codes: [n.payment_code], auth_code, amount_fen: 20600 } });
		used.push(auth_code);
		assert.equal(answer.status, 201, answer.text);
		const { id, order, ...rest } = answer.json;
		assert.deepEqual(rest, { channel: 'wechat_nontax', state: 'paid', order_state: 'paid', amount_fen: 20600, next: 'done' });
		const [one] = await there(n), { orders } = await s.show('wechat_nontax'), at = orders.find((o) => o.order_id === one.order_id);
		assert.deepEqual([one.calls, at.fee, at.scene, at.ip, at.user_name, at.items], [1, 20600, 'offline', null, null, [{ no: 1, item_id: '103050199', item_name: '罚款', penalty: 600, fee: 20600 }]]);
		assert.equal(await g.sql(`SELECT reference FROM pay_payment WHERE reference = '${at.trans_id}'`), at.trans_id);
		assert.deepEqual([await payments(n), await sum('a.kind = 1 AND a.channel = 6') - before, await sum()], [1, 20600, 0]);
		const again = await scan(n, { auth_code, key });
		assert.deepEqual([again.status, again.json, await calls(n)], [201, answer.json, '1'], 'the same request again');
		assert.deepEqual((await look(answer)).json, answer.json);
		assert_problem(await scan(n), 409, 'notice_paid');
		await is_forgotten(n);
		assert.equal((await tell(g, await made(s, one.order_id))).errcode, 0, 'and what the platform tells of it is nothing new');
		assert.deepEqual([await payments(n), await number('SELECT COUNT(*) FROM pay_odd')], [1, 0]);
	});

test('a password is typed first: the same code again, with the order’s number, every ten seconds', async () => {
	await s.setup('wechat_nontax', { micropay: 'password', names_late: true });
	const n = await brought(), auth_code = code_of_phone(), key = randomUUID(), pending = scan(n, { auth_code, key });
	await until('it is there', async () => (await calls(n)) === '1');
	assert_problem(await scan(n, { who: other }), 409, 'being_paid');
	assert_problem(await g.ask('POST', '/v1/orders', { token: w.citizen, key: randomUUID(), body: { payment_codes: [n.payment_code] } }), 409, 'being_paid');
	const answer = await pending;
	assert.deepEqual([answer.status, answer.json.state, answer.json.next], [202, 'asked', 'wait'], answer.text);
	assert.match(answer.headers.location, /^\/v1\/hall\/barcode-payments\/pa_/);
	await until('it is asked again', async () => (await calls(n)) === '2');
	const began = (await s.log({ peer: 'wechat_nontax' })).entries.filter((e) => e.route === 'micropay' && e.body.includes(auth_code)).map((e) => Date.parse(e.at ?? e.time ?? 0));
	assert.ok(!Number.isFinite(began[0]) || began[0] === 0 || began[1] - began[0] >= 9900, 'ten seconds');
	await s.tell('wechat_nontax', 'typed', { auth_code });
	await ends('paid', answer, n, 'done');
	const [one] = await there(n);
	assert.deepEqual(one.order_ids, [null, null, one.order_id].slice(0, one.calls), 'named as soon as it has a name');
	assert.deepEqual([await payments(n), (await scan(n, { auth_code, key })).json.next], [1, 'done']);
	await is_forgotten(n);
});

test('paid on the platform’s own page while a password is typed: the code does not go out again', async () => {
	await s.setup('wechat_nontax', { micropay: 'password', names_late: true });
	const n = await brought(), pending = scan(n);
	await until('it is there', async () => (await calls(n)) === '1');
	const { order_id } = await s.tell('wechat_nontax', 'place', { notice: n.payment_code, fee: n.total_fen });
	await s.tell('wechat_nontax', 'pay', { order_id });
	assert.equal((await tell(g, await made(s, order_id))).errcode, 0);
	await until('it is paid', async () => (await payments(n)) === 1);
	const before = await calls(n);
	assert.equal((await pending).json.next, 'done');
	await until('nobody waits for the code', async () => (await number(`SELECT COUNT(*) FROM effect WHERE state <= 2 AND id IN ${of_notice}'${n.payment_code}')`)) === 0);
	assert.deepEqual([await g.sql(`SELECT state FROM effect WHERE id IN ${of_notice}'${n.payment_code}')`), await calls(n), await payments(n), await number('SELECT COUNT(*) FROM pay_odd')], ['7', before, 1, 0]);
	await is_forgotten(n);
});

test('their system fails once: again after five seconds, and one order', async () => {
	await s.setup('wechat_nontax', { micropay: 'busy' });
	const n = await brought(), answer = await scan(n);
	assert.deepEqual([answer.status, answer.json.next], [201, 'done'], answer.text);
	assert.deepEqual([await calls(n), await payments(n)], ['2', 1]);
});

test('refused in a code that means it: nothing was paid, and the next code is taken at once', async () => {
	await s.setup('wechat_nontax', { micropay: 'refused' });
	const n = await brought(), answer = await scan(n);
	assert.deepEqual([answer.status, answer.json.state, answer.json.order_state, answer.json.next], [201, 'failed', 'closed', 'scan_again'], answer.text);
	await is_forgotten(n);
	await s.setup('wechat_nontax', { micropay: 'paid' });
	assert.equal((await scan(n)).json.next, 'done');
	assert.equal(await mine(n, 'a.word'), 'refused 9700103\nSUCCESS');
	assert.deepEqual([await calls(n), await payments(n)], ['1 1', 1]);
});

test('a code nobody explained is unknown: asked about by the order it named, and held until it is known', async () => {
	await s.setup('wechat_nontax', { micropay: 'unknown' });
	const n = await brought(), auth_code = code_of_phone(), pending = scan(n, { auth_code });
	await until('it is asked about', async () => (await number(`SELECT asks FROM effect WHERE kind = 23 AND id IN ${of_notice}'${n.payment_code}')`)) > 1);
	await half_minute(n);
	const answer = await pending;
	assert.deepEqual([answer.status, answer.json.next], [202, 'wait'], answer.text);
	await until('it is unknown', async () => ['unknown', 'closing'].includes((await look(answer)).json.state));
	assert_problem(await scan(n), 409, 'being_paid', 'no second code');
	const id = await mine(n, 'a.effect');
	await g.command('effects', 'replay', id); // whatever an operator tries: the code is gone
	await until('it was tried', async () => ['failed', '4'].includes(await g.sql(`SELECT state FROM effect WHERE id = ${id}`)));
	assert.deepEqual([await calls(n), (await look(answer)).json.next], ['1', 'wait']);
	await g.sql(`UPDATE pay_order SET expires_ms = 1 WHERE id IN (SELECT pay_order FROM pay_attempt WHERE ${of_attempts(n)})`); // the order's own hold ends nothing
	await until('it is asked about again', async () => {
		await asked_now(n);
		return (await number(`SELECT MIN(asks) FROM pay_attempt WHERE ${of_attempts(n)}`)) > 1;
	});
	assert.equal((await look(answer)).json.next, 'wait');
	await s.tell('wechat_nontax', 'typed', { auth_code });
	await ends('paid', answer, n, 'done');
	assert.deepEqual([await payments(n), await calls(n), await number('SELECT COUNT(*) FROM pay_odd')], [1, '1', 0]);
	await is_forgotten(n);
});

test('unknown, and nothing is there: held until its time is over, closed by the platform’s word before', async () => {
	await s.setup('wechat_nontax', { micropay: 'nothing' });
	const n = await brought(), pending = scan(n);
	await until('it is asked about', async () => (await calls(n)) === '1');
	await half_minute(n);
	const answer = await pending;
	await until('it is unknown', async () => (await look(answer)).json.state === 'unknown');
	await until('asked by its notice', async () => {
		await asked_now(n);
		return (await s.log({ peer: 'wechat_nontax' })).entries.filter((e) => e.route === 'getorderlist' && e.body.includes(n.payment_code)).length > 2;
	});
	assert.equal((await look(answer)).json.next, 'wait');
	await g.sql(`UPDATE pay_attempt SET made_ms = 1 WHERE ${of_attempts(n)}`);
	await ends('given up', answer, n, 'scan_again');
	await s.setup('wechat_nontax', { micropay: 'unknown' });
	const m = await brought(), second = scan(m);
	await until('it is there', async () => (await there(m))[0]?.order_id);
	await s.tell('wechat_nontax', 'close', { order_id: (await there(m))[0].order_id });
	assert.deepEqual([(await second).json.next, await mine(m, 'a.word')], ['scan_again', 'CLOSED']);
	await s.setup('wechat_nontax', { micropay: 'paid' });
	for (const one of [n, m]) assert.equal((await scan(one)).json.next, 'done');
	assert.deepEqual([await payments(n), await payments(m)], [1, 1]);
});

test('an answer that is lost: never sent again, found by its notice', async () => {
	const n = await brought();
	await s.fault('wechat_nontax', { lose_answer: true, route: 'micropay', count: 1 });
	const answer = await scan(n);
	assert.deepEqual([answer.status, answer.json.next], [201, 'done'], answer.text);
	assert.deepEqual([await calls(n), await payments(n)], ['1', 1]);
	await is_forgotten(n);
});

test('the platform’s own call comes before we know of what: it is that one', async () => {
	const n = await brought();
	await s.fault('wechat_nontax', { lose_answer: true, route: 'micropay', count: 1 }, { refuse_code: '9700199', route: 'getorderlist' });
	const pending = scan(n), [one] = await until('it is there', async () => ((await there(n)).length === 1 ? there(n) : undefined));
	assert.equal((await tell(g, await made(s, one.order_id))).errcode, 0);
	const answer = await pending;
	await ends('paid', answer, n, 'done');
	assert.deepEqual([await calls(n), await payments(n), await number('SELECT COUNT(*) FROM pay_odd'), await mine(n, 'a.channel_no')], ['1', 1, 0, one.order_id]);
	await until('the effect is over', async () => {
		await half_minute(n);
		return (await number(`SELECT COUNT(*) FROM effect WHERE state <= 2 AND id IN ${of_notice}'${n.payment_code}')`)) === 0;
	});
	assert.deepEqual([(await look(answer)).json.next, await payments(n)], ['done', 1]);
	await is_forgotten(n);
});

test('an older payment of the notice, of a wrong sum, is not taken for the code’s whose answer was lost', async () => {
	const n = await brought(), odd = () => number('SELECT COUNT(*) FROM pay_odd'), { order_id } = await s.tell('wechat_nontax', 'place', { notice: n.payment_code, fee: n.total_fen - 1 });
	await s.tell('wechat_nontax', 'pay', { order_id });
	assert.equal((await tell(g, await made(s, order_id))).errcode, 0);
	await until('it is kept', async () => (await odd()) === 1);
	await s.fault('wechat_nontax', { lose_answer: true, route: 'micropay', count: 1 });
	const answer = await scan(n);
	assert.deepEqual([answer.status, answer.json.next], [202, 'wait'], answer.text);
	await until('asked by its notice', async () => {
		await asked_now(n);
		return (await s.log({ peer: 'wechat_nontax' })).entries.filter((e) => e.route === 'getorderlist' && e.body.includes(n.payment_code)).length > 2;
	});
	assert.deepEqual([(await look(answer)).json.next, await payments(n), await mine(n, 'a.channel_no'), await odd()], ['wait', 0, '', 1]);
	assert_problem(await scan(n), 409, 'being_paid');
	const [one] = await there(n);
	assert.equal((await tell(g, await made(s, one.order_id))).errcode, 0);
	await ends('paid', answer, n, 'done');
	assert.deepEqual([await calls(n), await payments(n), await mine(n, 'a.channel_no'), await odd()], ['1', 1, one.order_id, 1]);
	await is_forgotten(n);
});

test('a token that is over is exchanged; a platform that cannot be reached was asked for nothing', async () => {
	const n = await brought(), m = await brought();
	await s.tell('wechat', 'stale');
	assert.equal((await scan(n)).json.next, 'done');
	assert.deepEqual([await calls(n), await payments(n)], ['1', 1]);
	await s.fault('wechat_nontax', { refuse_code: '47001', route: 'micropay', count: 1 });
	assert.deepEqual((await scan(m)).json.next, 'scan_again', 'a call that was wrong has done nothing');
	assert.equal(await calls(m), '');
});

test('what is no code, no amount, no notice, no clerk’s; and closed where it is not configured', async () => {
	const n = await brought();
	for (const auth_code of ['1', '161234567890123456', '13123456789012345x', '13123456789012345', '1312345678901234567', 131234567890123456]) assert.equal(assert_problem(await scan(n, { auth_code }), 422, 'invalid_field').json.pointer, '/auth_code');
	assert_problem(await scan(n, { amount_fen: 7999 }), 409, 'other_amount');
	assert_problem(await scan(notice()), 404, 'payment_code_unknown');
	assert.equal(assert_problem(await scan(n, { payment_codes: [n.payment_code, payment_code()] }), 422, 'invalid_field').json.pointer, '/payment_codes');
	assert.equal(assert_problem(await scan(n, { reference: '1234' }), 422, 'unknown_field').json.pointer, '/reference');
	assert_problem(await scan(n, { who: elsewhere }), 404, 'notice_elsewhere');
	assert_problem(await g.ask('POST', '/v1/hall/barcode-payments', { token: w.citizen, key: randomUUID(), body: {} }), 403, 'forbidden');
	assert_problem(await clerk.ask('POST', '/v1/hall/barcode-payments', { body: { payment_codes: [n.payment_code], auth_code: code_of_phone(), amount_fen: 8000 } }), 400, 'idempotency_key_missing');
	assert.equal(await calls(n), '');
	const answer = await scan(n);
	assert.equal(answer.json.next, 'done');
	for (const [who, at] of [[other, answer.json.id], [clerk, 'pa_00000000000000000000000000'], [clerk, 'x']]) assert_problem(await who.ask('GET', `/v1/hall/barcode-payments/${at}`), 404, 'not_found');
	assert_problem(await g.ask('POST', `/v1/orders/${answer.json.order}/payments`, { token: w.citizen, key: randomUUID(), body: { channel: 'wechat_nontax', method: 'barcode' } }), 422, 'invalid_field');
	const closed = await gateway({ settings: { ...sandbox_codes, ...nontax_settings(s) } }), a = await first(closed, 'li.safe', 'security_admin'), b = await first(closed, 'li.system', 'system_admin');
	const there_too = await hire(a, b, 'window.one', '621202', 'window_clerk');
	assert.equal(assert_problem(await scan(n, { who: there_too }), 422, 'invalid_field').json.pointer, '/auth_code');
});

after(async () => {
	assert.equal(await sum(), 0);
	for (const code of used) assert.ok(!g.log().includes(String(code)) || String(code).length < 17, `${code} is in the log`);
});
