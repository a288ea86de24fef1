// Goal: WeChat's non-tax platform is told what a notice costs when it asks: what anybody with the code is told, the same all day and with the late money of that day; every refusal is an errcode in its own
// form, whatever fails; nothing forged is looked up, nothing changes here but what the finance system tells, which is kept before it is said: who pays that price there has
// paid; nobody has the finance system asked at will; a question whose answer at the finance system is not known is one to be asked again, never an amount, and so is one for
// what somebody is paying by another way.
// Method: the sandbox makes the calls and the test sends them, or a sandbox that trusts the gateway sends them itself; days pass by moving what a quote is good for.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test, { after, beforeEach } from 'node:test';
import { Sandbox, sandbox } from '../sandbox/lib/client.mjs';
import { assert_problem, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { bring, day, finance_settings, knows, notice, payment_code, sandbox_codes } from './lib/payments.mjs';
import { until } from './lib/until.mjs';
import { wechat_settings } from './lib/wechat.mjs';
import { NONTAX_SECRET, nontax_settings, pay, priced, tell } from './lib/wechat_nontax.mjs';
import { pay as pay_otherwise, wechat_pay_settings } from './lib/wechat_pay.mjs';

const s = await sandbox();
const g = await gateway({ settings: { ...sandbox_codes, ...finance_settings(s), ...wechat_settings(s), ...wechat_pay_settings(s), ...nontax_settings(s), 'payments.open_orders': 100, 'payments.orders_per_hour': 1000, 'rate.write': 0, 'rate.read': 0, 'rate.public': 0, 'timeout.ask': 1000 } });
const w = await world(g, { test_key: true });
const caller = await Sandbox.start({ ca: g.ca_file });
await s.setup('wechat_nontax', { callbacks: false });
beforeEach(() => s.clear_faults());

const count = async (what) => Number(await g.sql(`SELECT COUNT(*) FROM ${what}`));
const brought = async (more = {}) => {
	const n = notice(more);
	assert.equal((await bring(g, w.department, n)).status, 201);
	return n;
};
const of_code = (code, more = {}) => notice({ payment_code: code, ...more });
const errcode = async (n, more) => {
	const { status, said } = await priced(s, g, n, more);
	assert.equal(status, 200);
	assert.deepEqual(said.errcode === 0 || Object.keys(said), said.errcode === 0 || ['errcode', 'errmsg'], 'a refusal says nothing of a notice');
	return said.errcode;
};
// Everything a question could have changed. The sums of both sides of it are equal, or it did.
const rows = async () => (await Promise.all(['pay_notice', 'pay_order', 'pay_attempt', 'pay_callback', 'effect', 'audit', 'pay_notice_item'].map(count))).join(' ');

for (const via of ['h2', 'h1'])
	test(`it is told what a notice costs, and of whom no more than a stranger may know (${via})`, async () => {
		const n = await brought({ kind: 'penalty', items: [{ item: '103050199', name: '罚款', amount_fen: 20000 }, { item: '103050198', name: '其他', amount_fen: 100 }], late_fen: 600, late_on: day(), last_on: day(30) }), before = await rows();
		const { status, said } = await priced(s, g, n, { via });
		assert.equal(status, 200);
		const made = said.payment_notice_create_time;
		assert.deepEqual(said, { errcode: 0, errmsg: '', payment_notice_no: n.payment_code, department_code: n.unit, department_name: n.unit_name, payment_notice_type: 2, region_code: '621202', user_name: '王*明', fee: 20700,
			payment_notice_create_time: made, payment_expire_date: day(30).replaceAll('-', ''),
			items: [{ no: 1, item_id: '103050199', item_name: '罚款', penalty: 600, fee: 20600 }, { no: 2, item_id: '103050198', item_name: '其他', fee: 100 }] });
		assert.equal(made, Math.floor(Number(await g.sql(`SELECT made_ms FROM pay_notice WHERE payment_code = '${n.payment_code}'`)) / 1000));
		for (const more of [{ payment_notice_type: 2 }, { bank_id: null }, { bank_id: '' }, { service_id: 9 }]) assert.equal(await errcode(n, { more, via }), 0, JSON.stringify(more));
		assert.equal(await rows(), before);
	});

test('every refusal has its errcode', async () => {
	const n = await brought(), other = await brought(), old = await brought({ last_on: day(-1) });
	assert.equal((await g.ask('POST', `/v1/department/notices/${other.payment_code}/void`, { token: w.department, key: randomUUID(), body: { reason: '重复开具' } })).status, 200);
	for (const [what, mood] of [[300, 'signature'], [300, 'none'], [298, 'cipher'], [210, 'form']]) assert.equal(await errcode(n, { mood }), what, mood);
	for (const more of [{ payment_notice_no: null }, { payment_notice_no: 7 }, { department_code: null }, { region_code: null }, { region_code: '6212' }, { region_code: 621202 }, { appid: null }, { appid: 'wxelse' },
		{ payment_notice_type: 3 }, { payment_notice_type: '1' }, { bank_id: 7 }]) assert.equal(await errcode(n, { more }), 210, JSON.stringify(more));
	for (const one of [of_code('1'), of_code(payment_code('110101')), of_code(payment_code()), of_code(`${n.payment_code}0`), other, old]) assert.equal(await errcode(one), 210, one.payment_code);
	for (const more of [{ department_code: '1' }, { region_code: '621221' }, { payment_notice_type: 2 }]) assert.equal(await errcode(n, { more }), 210, `another is meant: ${JSON.stringify(more)}`);
	assert.equal(await errcode(n, { more: { bank_id: 'BANK-ELSE' } }), 236);
	assert.equal(await errcode(n), 0, 'and nothing of it is wrong');
	const { id } = (await g.ask('POST', '/v1/orders', { token: w.citizen, key: randomUUID(), body: { payment_codes: [n.payment_code] } })).json;
	assert.equal(await errcode(n), 299, 'somebody is about to pay it here, who knows by which way');
	const page = (await pay(g, id, 'h5', { token: w.citizen })).json.pay.page_url;
	assert.equal(await errcode(n), 0, 'while it is being paid there, it costs what it costs');
	const order_id = new URL(page).searchParams.get('order_id');
	await s.tell('wechat_nontax', 'pay', { order_id });
	assert.equal((await tell(g, await s.tell('wechat_nontax', 'make', { order_id }))).errcode, 0);
	assert.equal(await errcode(n), 232);
	await g.sql(`UPDATE pay_notice SET state = 6 WHERE payment_code = '${n.payment_code}'`); // as if the finance system had said so
	assert.equal(await errcode(n), 232, 'paid elsewhere');
});

test('what is being paid by another way is to be asked for again: the platform takes no money for it, until that way is given up', async () => {
	const n = await brought(), { id } = (await g.ask('POST', '/v1/orders', { token: w.citizen, key: randomUUID(), body: { payment_codes: [n.payment_code] } })).json;
	const answer = await pay_otherwise(g, id, 'h5', { token: w.citizen });
	assert.equal(answer.status, 201, answer.text);
	const before = await rows();
	assert.deepEqual([await errcode(n), await errcode(n, { more: { department_code: '1' } })], [299, 210], 'who means another is told so');
	assert.equal(await rows(), before);
	assert.equal((await g.ask('POST', `/v1/orders/${id}/cancel`, { token: w.citizen, key: randomUUID() })).status < 300, true);
	await until('it is nobody’s again', async () => (await errcode(n)) === 0);
});

test('late money is of its day: all day the same, a new one on the next', async () => {
	const n = await brought({ late_fen: 240, late_on: day() });
	const fee = async () => (await priced(s, g, n)).said.fee;
	assert.deepEqual([await fee(), await fee()], [8240, 8240]);
	const asked = (await s.show('finance')).asked;
	await g.sql(`UPDATE pay_notice SET late_on = late_on - 1 WHERE payment_code = '${n.payment_code}'`); // it is tomorrow
	await knows(s, n.payment_code, { result: 'found', notice: { ...n, late_fen: 480, late_on: day(), total_fen: 8480 } });
	const before = await rows(), { said } = await priced(s, g, n);
	assert.deepEqual([said.fee, said.items, await fee()], [8480, [{ no: 1, item_id: '103043211', item_name: '不动产登记费', overdue: 480, fee: 8480 }], 8480]);
	assert.equal(said.payment_notice_create_time, Math.floor(Number(await g.sql(`SELECT made_ms FROM pay_notice WHERE payment_code = '${n.payment_code}'`)) / 1000));
	assert.deepEqual([await rows(), await g.sql(`SELECT total_fen, late_on FROM pay_notice WHERE payment_code = '${n.payment_code}'`)], [before, `8480|${Date.parse(day()) / 86400e3}`], 'the price that was said is the one in our books');
	assert.equal((await s.show('finance')).asked, asked + 1, 'once a day');
	const late = await brought({ late_fen: 240, late_on: day() });
	await g.sql(`UPDATE pay_notice SET late_on = late_on - 1 WHERE payment_code = '${late.payment_code}'`);
	await knows(s, late.payment_code, { result: 'found', notice: { ...late, late_fen: 240, late_on: day(-1), total_fen: 8240 } });
	assert.equal(await errcode(late), 299, 'a quote of yesterday is no amount');
});

// Somebody has the platform's page and pays what it says.
const paid_there = async (n, fee) => {
	const { order_id } = await s.tell('wechat_nontax', 'place', { notice: n.payment_code, fee }), { trans_id } = await s.tell('wechat_nontax', 'pay', { order_id });
	assert.equal((await tell(g, await s.tell('wechat_nontax', 'make', { order_id }))).errcode, 0);
	return trans_id;
};

test('who pays the price that was said has paid: of a notice whose quote had ended, and of one that only the finance system had', async () => {
	const old = await brought({ late_fen: 240, late_on: day() }), unknown = of_code(payment_code());
	await g.sql(`UPDATE pay_notice SET late_on = late_on - 1 WHERE payment_code = '${old.payment_code}'`);
	await knows(s, old.payment_code, { result: 'found', notice: { ...old, late_fen: 480, late_on: day(), total_fen: 8480 } });
	await knows(s, unknown.payment_code, { result: 'found', notice: unknown });
	for (const [n, fee] of [[old, 8480], [unknown, 8000]]) {
		const told = await Promise.all(Array.from({ length: 10 }, () => priced(s, g, n)));
		assert.deepEqual([...new Set(told.map(({ said }) => `${said.errcode} ${said.fee}`))], [`0 ${fee}`], 'whoever asks at once');
		const trans_id = await paid_there(n, fee);
		await until('it is in our books', async () => (await count(`pay_payment WHERE reference = '${trans_id}'`)) + (await count(`pay_odd WHERE reference = '${trans_id}'`)));
		assert.deepEqual([await count(`pay_payment WHERE reference = '${trans_id}' AND amount_fen = ${fee}`), await g.sql(`SELECT state FROM pay_notice WHERE payment_code = '${n.payment_code}'`), await errcode(n)], [1, '3', 232], `${fee}`);
	}
});

test('what is not known here is asked of the finance system, in time or not at all', async () => {
	const at = async (answer, more = {}) => {
		const n = of_code(payment_code(), more);
		if (answer) await knows(s, n.payment_code, typeof answer === 'function' ? answer(n) : answer);
		return n;
	};
	const none = await rows(), elsewhere = await at((one) => ({ result: 'found', notice: one }));
	assert.deepEqual([await errcode(elsewhere, { more: { department_code: '1' } }), await rows()], [210, none], 'who means another is told nothing, and nothing is kept');
	const n = await at((one) => ({ result: 'found', notice: { ...one, payer: { name: '张*' } } })), { said } = await priced(s, g, n), before = await rows();
	assert.deepEqual([said.errcode, said.fee, said.user_name, said.department_code], [0, 8000, '张*', n.unit]);
	assert.equal(said.payment_notice_create_time, Math.floor(Number(await g.sql(`SELECT made_ms FROM pay_notice WHERE payment_code = '${n.payment_code}'`)) / 1000));
	assert.equal(await errcode(n, { more: { department_code: '1' } }), 210);
	for (const [answer, wanted] of [[null, 210], [{ result: 'paid' }, 232], [{ result: 'void' }, 210], [{ result: 'other_division', division: '620100' }, 210], [{ result: 'tax_office' }, 210], [{ result: 'failed' }, 299],
		[{ result: 'found', notice: {} }, 299], [(one) => ({ result: 'found', notice: { ...one, total_fen: 1 } }), 299], [() => ({ result: 'found', notice: notice() }), 299]]) assert.equal(await errcode(await at(answer)), wanted, JSON.stringify(answer));
	assert.equal(await rows(), before, 'what is refused is not kept');
	const later = await at((one) => ({ result: 'found', notice: one }));
	await s.fault('finance', { hang: true, count: 1 });
	assert.equal(await errcode(later), 299, 'it does not answer');
	await until('it is asked again', async () => (await errcode(later)) === 0);
});

test('nothing forged is believed, whatever bit is another; what is said again is answered again', async () => {
	const n = await brought(), made = () => s.tell('wechat_nontax', 'fee_call', { payment_notice_no: n.payment_code, department_code: n.unit, region_code: n.division }), right = await made(), asked = (await s.show('finance')).asked;
	assert.equal((await tell(g, { ...right, query: 'wxnontaxstr=0011223344556677', word: '0011223344556677' }, undefined, '/fee')).errcode, 300, 'the word is signed too');
	const bits = Buffer.from(right.body).length * 8;
	for (let bit = 0; bit < bits; bit += 7) {
		const bytes = Buffer.from(right.body);
		bytes[bit >> 3] ^= 1 << (bit & 7);
		const { status, errcode: said } = await tell(g, { ...right, body: bytes }, undefined, '/fee');
		assert.ok(status >= 400 || [210, 298, 300].includes(said) || (said === 0 && says_the_same(bytes, right.body)), `bit ${bit}: ${status} ${said}`);
	}
	const answers = await Promise.all(Array.from({ length: 50 }, () => tell(g, right, undefined, '/fee')));
	assert.deepEqual([...new Set(answers.map((a) => `${a.status} ${a.errcode} ${a.said.fee}`))], ['200 0 8000']);
	assert.equal(new Set(answers.map((a) => a.answer.json.data)).size, 50, 'sealed anew each time');
	assert.equal((await s.show('finance')).asked, asked);
	for (const [query, status] of [['', 400], ['?wxnontaxstr=', 400], [`?wxnontaxstr=${'a'.repeat(65)}`, 400], ['?wxnontaxstr=a&wxnontaxstr=b', 400]])
		assert.equal((await g.ask('POST', `/callbacks/wechatnontax/fee${query}`, { body: right.body, headers: { 'content-type': 'application/json' } })).status, status, query);
	assert.equal((await g.ask('POST', `/callbacks/wechatnontax/fee?${right.query}`, { body: 'x'.repeat(8193), headers: { 'content-type': 'application/json' } })).status, 413);
});
// What is neither sealed nor signed (the version, members nobody knows) may be another.
const says_the_same = (bytes, right) => {
	const [one, two] = [JSON.parse(bytes.toString()), JSON.parse(right)];
	return one.data === two.data && one.sign === two.sign;
};

test('a call that was caught is no way to ask the finance system as often as one likes, whatever that answers', async () => {
	const FEW = 3; // one in ten seconds, and this takes no half minute
	for (const answer of [null, { result: 'void' }, { result: 'failed' }, { result: 'found', notice: {} }]) {
		const n = of_code(payment_code());
		if (answer) await knows(s, n.payment_code, answer);
		const caught = await s.tell('wechat_nontax', 'fee_call', { payment_notice_no: n.payment_code, department_code: n.unit, region_code: n.division }), asked = (await s.show('finance')).asked;
		const once = (await tell(g, caught, undefined, '/fee')).errcode, again = await Promise.all(Array.from({ length: 30 }, () => tell(g, caught, undefined, '/fee')));
		assert.deepEqual([...new Set(again.map((a) => `${a.status} ${a.errcode}`))], [`200 ${once}`], JSON.stringify(answer));
		const questions = (await s.show('finance')).asked - asked;
		assert.ok(questions >= 1 && questions <= FEW, `${questions} questions, ${JSON.stringify(answer)}`);
	}
});

test('the platform asks by itself, and its two calls of a test are told apart', async () => {
	const n = await brought(), what = { payment_notice_no: n.payment_code, department_code: n.unit, region_code: n.division };
	await caller.setup('wechat_nontax', { fee_url: `https://localhost:${g.public_port}/callbacks/wechatnontax/fee` });
	let mark = await caller.mark();
	await caller.tell('wechat_nontax', 'ask_fee', what);
	const [entry] = await caller.wait_for('a push', (e) => e.kind === 'push', { since: mark, peer: 'wechat_nontax' });
	assert.deepEqual([entry.status, entry.reply.errcode, entry.reply.fee], [200, 0, 8000]);
	await until('its word is in the log', () => new RegExp(`"ev":"nontax_call".*"word":"${entry.word}","errcode":0`).test(g.log()));
	mark = await caller.mark();
	await caller.tell('wechat_nontax', 'mock_fee', { ...what, payment_notice_no: '62120026000000000001' });
	const both = await until('both are answered', async () => {
		const { entries } = await caller.log({ since: mark, peer: 'wechat_nontax' });
		return entries.length === 2 && entries;
	});
	assert.deepEqual(both.map((e) => [e.mood, e.status, e.reply.errcode]).sort(), [[null, 200, 210], ['signature', 200, 300]]);
});

test('what cannot be read here is ours: to be asked again, and never an amount', async () => {
	const n = await brought(), other = await brought();
	await g.sql(`UPDATE pay_notice SET payer = (SELECT payer FROM pay_notice WHERE payment_code = '${other.payment_code}') WHERE payment_code = '${n.payment_code}'`); // a sealed value does not open in another's place
	assert.deepEqual([await errcode(n), await errcode(n, { mood: 'signature' }), await errcode(other)], [299, 300, 0], 'what is not signed is not read');
});

test('closed until a profile is configured', async () => {
	const closed = await gateway({ settings: { ...sandbox_codes, ...nontax_settings(s), 'wechat.nontax.calls': 'none' } });
	assert_problem(await closed.ask('POST', '/callbacks/wechatnontax/fee?wxnontaxstr=1', { body: '{}', headers: { 'content-type': 'application/json' } }), 404, 'no_such_resource');
});

after(async () => {
	await caller.stop();
	for (const word of [NONTAX_SECRET, 'access_token=', '王小明']) assert.ok(!g.log().includes(word), `${word} is in the log`);
});
