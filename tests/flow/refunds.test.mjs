// Goal: money goes back once, to whom it may, as far as it was paid: asked for by its payer, the unit or the office, verified, decided by two, paid out at a counter or by the treasury's
// voucher; each party sees it in its own words, strangers nothing; money that fits nowhere is applied or goes back by two people; the ledger sums to zero.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test, { after } from 'node:test';
import { Case, assert_problem, now, world } from './lib/cases.mjs';
import { gateway, jobs_often } from './lib/gateway.mjs';
import { bring, day, notice, sandbox_codes } from './lib/payments.mjs';
import { csv } from './lib/sheets.mjs';
import { first, hire } from './lib/staff.mjs';
import { until } from './lib/until.mjs';

const g = await gateway({ environment: jobs_often, settings: { ...sandbox_codes, 'payments.orders_per_hour': 200, 'rate.write': 0, 'rate.read': 0 } });
const w = await world(g, { test_key: true });
const maker = await first(g, 'li.safe', 'security_admin'), checker = await first(g, 'li.system', 'system_admin');
const window = await hire(maker, checker, 'window.one', '621202', 'window_clerk'), clerk = await hire(maker, checker, 'pay.one', '621202', 'payment_clerk');
const second = await hire(maker, checker, 'pay.two', '621202', 'payment_checker'), elsewhere = await hire(maker, checker, 'pay.else', '621221', 'payment_clerk');
const office = await hire(maker, checker, 'pay.all', '621200', 'payment_clerk');

const number = async (sql) => Number(await g.sql(sql));
const sum = (where = '1 = 1') => number(`SELECT COALESCE(SUM(p.amount_fen), 0) FROM ledger_posting p JOIN ledger_account a ON a.id = p.account WHERE ${where}`);
// Taken at a counter, for the citizen: his notice.
async function paid({ channel = 'cash', more = {} } = {}) {
	const n = notice({ payer: { name: '王小明', id_number: w.person }, ...more });
	assert.equal((await bring(g, w.department, n)).status, 201);
	const took = await window.ask('POST', '/v1/hall/counter-payments', { key: randomUUID(), body: { payment_codes: [n.payment_code], channel, amount_fen: n.total_fen,
		...(channel === 'pos' ? { reference: `T-${randomUUID().slice(0, 8)}` } : {}) } });
	assert.equal(took.status, 201, took.text);
	return n;
}
const wish = (n, more = {}) => ({ payment_code: n.payment_code, refundable_fen: n.total_fen, ground: 'overcharged', reason: '多收了登记费', ...more });
const mine = (n, more, { token = w.citizen, key = randomUUID() } = {}) => g.ask('POST', '/v1/refunds', { token, key, body: wish(n, more) });
const show = (id, token = w.citizen) => g.get(`/v1/refunds/${id}`, { token });
const review = (id, body, token = w.department) => g.ask('POST', `/v1/department/refunds/${id}/review`, { token, key: randomUUID(), body });
const pay_out = (id, body = {}, who = window) => who.ask('POST', `/v1/hall/refunds/${id}/paid`, { key: randomUUID(), body });
async function decided(kind, payload, subject, { status = 200 } = {}) {
	const made = await clerk.propose(kind, '621202', payload, subject);
	assert.equal(made.status, 201, made.text);
	const answer = await second.decide(made.json.id, 'approve');
	assert.equal(answer.status, status, answer.text);
	return { ...answer, id: made.json.id };
}
const messages = async () => (await g.get('/v1/messages?limit=100', { token: w.citizen })).json.items.map((m) => m.title);

test('asked for, verified, decided by two, paid out: once, and she hears of each step', async () => {
	const n = await paid(), key = randomUUID(), cash = await sum('a.kind = 1 AND a.channel = 1');
	assert.equal(assert_problem(await mine(n, { refundable_fen: 9000 }), 409, 'other_refundable').json.refundable_fen, 8000);
	assert_problem(await mine(n, {}, { token: w.stranger }), 404, 'not_found');
	const asked = await mine(n, { amount_fen: 3000 }, { key });
	assert.deepEqual([asked.status, asked.json.state, asked.json.amount_fen], [201, 'asked', 3000], asked.text);
	const { id } = asked.json;
	assert.equal((await mine(n, { amount_fen: 3000 }, { key })).json.id, id, 'the same submission');
	assert.equal(assert_problem(await mine(n), 409, 'other_refundable').json.refundable_fen, 5000, 'a part is asked for already');
	assert_problem(await show(id, w.stranger), 404, 'not_found');
	assert_problem(await review(id, { verdict: 'verified' }, w.other_department), 404, 'not_found');
	assert_problem(await review(id, { verdict: 'refused' }), 422, 'missing_field');
	// nobody pays before two have decided, and nobody decides before the unit has looked
	assert_problem(await pay_out(id), 409, 'refund_state');
	await decided('refund_decide', { verdict: 'approve' }, id, { status: 409 });
	assert.equal((await review(id, { verdict: 'verified' })).json.state, 'reviewed');
	await until('she was told', async () => (await messages()).includes('退付申请已核实'));
	assert.equal((await clerk.propose('refund_decide', '621202', { verdict: 'approve', path: 'moon' }, id)).status, 422);
	assert.equal((await elsewhere.propose('refund_decide', '621221', { verdict: 'approve' }, id)).status, 422, 'not of his region');
	const open = (await clerk.ask('GET', '/v1/staff/proposals?state=open')).json.items.find((p) => p.subject === id);
	assert.equal((await clerk.decide(open.id, 'approve')).status, 403, 'never alone');
	assert.equal((await second.decide(open.id, 'approve')).status, 200);
	const { json } = await show(id);
	assert.deepEqual([json.state, json.path, json.channel, json.steps.map((s) => s.state)], ['paying', 'counter', 'cash', ['asked', 'reviewed', 'approved', 'paying']]);
	assert.match(json.due_on, /^\d{4}-\d\d-\d\d$/);
	assert.ok(json.due_on > json.made_at.slice(0, 10), 'working days from now');
	assert.equal(await sum('a.kind = 1 AND a.channel = 1'), cash, 'it is decided, not paid');
	assert.ok(await sum('a.kind = 4') <= -3000, 'on its way');
	assert_problem(await pay_out(id, { reference: 'T-0001' }), 422, 'invalid_field');
	assert.equal((await pay_out(id)).json.state, 'done');
	assert_problem(await pay_out(id), 409, 'refund_state');
	assert.equal(await sum('a.kind = 1 AND a.channel = 1'), cash - 3000);
	await until('she was told', async () => (await messages()).includes('退付已完成'));
	assert.equal((await show(id)).json.state, 'done');
});

test('many ask for the same at once, one gets it', async () => {
	const n = await paid();
	const answers = await Promise.all(Array.from({ length: 12 }, () => mine(n)));
	assert.deepEqual(answers.map((a) => a.status).sort(), [201, ...Array(11).fill(409)]);
	assert.equal(await number(`SELECT COUNT(*) FROM pay_refund r JOIN pay_notice n ON n.id = r.notice WHERE n.payment_code = '${n.payment_code}'`), 1);
	const { id } = answers.find((a) => a.status === 201).json;
	const withdraw = (token) => g.ask('POST', `/v1/refunds/${id}/withdraw`, { token, key: randomUUID() });
	assert_problem(await withdraw(w.stranger), 404, 'not_found');
	assert.equal((await withdraw(w.citizen)).json.state, 'withdrawn');
	assert_problem(await withdraw(w.citizen), 409, 'refund_state');
	assert.equal((await mine(n)).status, 201, 'it may be asked for again');
});

test('withdrawn by whoever asked, before it is decided: the unit, the office; and its payer hears of it', async () => {
	const n = await paid(), by_unit = { who: (method, target, more) => g.ask(method, target, { token: w.department, ...more }), at: '/v1/department/refunds' }, by_office = { who: (...a) => clerk.ask(...a), at: '/v1/office/refunds' };
	const ask = async ({ who, at }) => (await who('POST', at, { key: randomUUID(), body: wish(n) })).json.id;
	const withdraw = ({ who, at }, id) => who('POST', `${at}/${id}/withdraw`, { key: randomUUID() });
	for (const [mine, others] of [[by_unit, [by_office, { ...by_unit, who: (method, target, more) => g.ask(method, target, { token: w.other_department, ...more }) }]], [by_office, [by_unit, { ...by_office, who: (...a) => elsewhere.ask(...a) }]]]) {
		const id = await ask(mine);
		for (const other of others) assert_problem(await withdraw(other, id), 404, 'not_found');
		assert_problem(await g.ask('POST', `/v1/refunds/${id}/withdraw`, { token: w.citizen, key: randomUUID() }), 404, 'not_found');
		assert.equal((await withdraw(mine, id)).json.state, 'withdrawn');
		assert_problem(await withdraw(mine, id), 409, 'refund_state');
		await until('she was told', async () => (await messages()).filter((m) => m === '退付已撤回').length === (mine === by_unit ? 1 : 2));
	}
	// what was decided is no longer anybody's to withdraw
	const id = await ask(by_office);
	await decided('refund_decide', { verdict: 'approve' }, id);
	assert_problem(await withdraw(by_office, id), 409, 'refund_state');
	assert_problem(await withdraw(by_unit, `rf_${'0'.repeat(26)}`), 404, 'not_found');
});

test('for another, by a mandate to pay: ordered, asked for, seen and withdrawn; by another mandate nothing', async () => {
	// a mandate is of a person by number and name
	await new Case(g, w).send('submitted', { matter: w.matter.code, region: w.region, applicant: { id_type: 'resident', id_number: w.person, name: '王小明' } });
	const helper = w.stranger, held = async (scopes, kind) => {
		const { json: { id } } = await g.ask('POST', '/v1/me/mandates', { token: helper, key: randomUUID(), body: { kind, id_number: w.person, name: '王小明', scopes, until: now(24 * 3600e3) } });
		assert.equal((await g.ask('POST', `/v1/me/mandates/${id}/accept`, { token: w.citizen, key: randomUUID() })).status, 200);
		return { token: helper, headers: { 'x-acting-for': id } };
	};
	const paying = await held('pay', 'agent'), seeing = await held('see_cases', 'helper'), n = await paid();
	const ask = (by) => g.ask('POST', '/v1/refunds', { ...by, key: randomUUID(), body: wish(n) });
	assert_problem(await ask({ token: helper }), 404, 'not_found');
	assert_problem(await ask(seeing), 403, 'mandate_scope');
	const asked = await ask(paying);
	assert.equal(asked.status, 201, asked.text);
	const at = `/v1/refunds/${asked.json.id}`;
	assert.equal((await g.get(at, paying)).json.asked_by, 'payer');
	assert_problem(await g.get(at, { token: helper }), 404, 'not_found');
	assert.ok((await g.get('/v1/refunds?limit=100', paying)).json.items.some((r) => r.id === asked.json.id));
	assert.equal((await show(asked.json.id)).json.state, 'asked', 'it is the payer’s');
	assert_problem(await g.ask('POST', `${at}/withdraw`, { ...seeing, key: randomUUID() }), 403, 'mandate_scope');
	assert.equal((await g.ask('POST', `${at}/withdraw`, { ...paying, key: randomUUID() })).json.state, 'withdrawn');
	const unpaid = notice({ payer: { name: '王小明', id_number: w.person } });
	assert.equal((await bring(g, w.department, unpaid)).status, 201);
	const order = await g.ask('POST', '/v1/orders', { ...paying, key: randomUUID(), body: { payment_codes: [unpaid.payment_code] } });
	assert.equal(order.status, 201, order.text);
	assert.equal((await g.get(`/v1/orders/${order.json.id}`, { token: w.citizen })).json.state, 'open', 'the payer’s order');
	assert_problem(await g.get(`/v1/orders/${order.json.id}`, { token: helper }), 404, 'not_found');
	assert.equal((await g.ask('POST', `/v1/orders/${order.json.id}/cancel`, { ...paying, key: randomUUID() })).json.state, 'closed');
});

test('refused, with a reason that she reads', async () => {
	const n = await paid(), { id } = (await mine(n)).json;
	assert.equal((await review(id, { verdict: 'refused', note: '未多收' })).json.state, 'refused');
	const { json } = await show(id);
	assert.deepEqual([json.state, json.refusal, json.reason, json.due_on], ['refused', '未多收', '多收了登记费', null]);
	assert_problem(await review(id, { verdict: 'verified' }), 409, 'refund_state');
	const again = (await mine(n)).json.id;
	assert.equal((await review(again, { verdict: 'verified' })).status, 200);
	await decided('refund_decide', { verdict: 'refuse', note: '不符合退付条件' }, again);
	assert.equal((await show(again)).json.refusal, '不符合退付条件');
	assert.equal((await mine(n)).status, 201);
});

test('by the unit and by the office, by terminal and by the treasury', async () => {
	const n = await paid({ channel: 'pos' });
	const by_unit = (body, token = w.department) => g.ask('POST', '/v1/department/refunds', { token, key: randomUUID(), body });
	assert_problem(await by_unit(wish(n), w.other_department), 404, 'not_found');
	const first_part = await by_unit(wish(n, { amount_fen: 100, ground: 'technical' }));
	assert.deepEqual([first_part.status, first_part.json.state], [201, 'reviewed'], first_part.text);
	assert_problem(await elsewhere.ask('POST', '/v1/office/refunds', { key: randomUUID(), body: wish(n, { refundable_fen: 7900 }) }), 404, 'not_found');
	const rest = await clerk.ask('POST', '/v1/office/refunds', { key: randomUUID(), body: wish(n, { refundable_fen: 7900 }) });
	assert.equal(rest.status, 201, rest.text);
	await decided('refund_decide', { verdict: 'approve' }, first_part.json.id);
	assert_problem(await pay_out(first_part.json.id), 422, 'missing_field');
	const slip = `T-${randomUUID().slice(0, 8)}`;
	assert.equal((await pay_out(first_part.json.id, { reference: slip })).json.state, 'done');
	await decided('refund_decide', { verdict: 'approve', path: 'channel' }, rest.json.id, { status: 409 }); // the terminal gives nothing back by itself
	const waiting = (await clerk.ask('GET', '/v1/staff/proposals?state=open')).json.items.find((p) => p.subject === rest.json.id);
	assert.equal((await second.decide(waiting.id, 'refuse', { note: '改为退库' })).status, 200);
	await decided('refund_decide', { verdict: 'approve', path: 'treasury' }, rest.json.id);
	assert_problem(await pay_out(rest.json.id, { reference: 'T-9999' }), 409, 'refund_state');
	await decided('refund_by_hand', { number: 'TH2026-0001' }, rest.json.id);
	const { json } = await clerk.ask('GET', `/v1/office/refunds/${rest.json.id}`);
	assert.deepEqual([json.state, json.path, json.channel_no, json.asked_by], ['done', 'treasury', 'TH2026-0001', 'office']);
	assert.equal(await sum('a.kind = 5 AND a.channel = 2'), -7900, 'the bank gave it');
	const listed = (await g.get('/v1/department/refunds?state=done', { token: w.department })).json.items.map((r) => r.id);
	assert.ok(listed.includes(rest.json.id) && listed.includes(first_part.json.id));
	assert.deepEqual((await g.get('/v1/department/refunds', { token: w.other_department })).json.items, []);
	assert.deepEqual((await elsewhere.ask('GET', '/v1/office/refunds')).json.items, []);
	assert.equal((await clerk.ask('GET', '/v1/office/refunds?limit=2')).json.items.length, 2);
	assert.ok((await g.get('/v1/refunds', { token: w.citizen })).json.items.length >= 4);
	assert_problem(await g.get('/v1/refunds?state=gone', { token: w.citizen }), 400, 'invalid_query');
	// of the month: what the terminal gave back and what the treasury did are both refunds, and neither is what arrived
	const months = csv((await office.ask('GET', `/v1/office/exports?what=months&from=${day(-1)}&to=${day()}`)).text.slice(1)).filter((r) => r[1] === 'pos');
	assert.deepEqual(months.map((r) => r.slice(2, 9)), [['1', '80.00', '2', '-80.00', '0.00', '0.00', '0.00']]);
});

// As the function that takes a channel's money does; the tests of channels come by the channel.
async function odd(kind, fen, order_of) {
	const reference = `42${randomUUID().slice(0, 12)}`;
	await g.sql(`INSERT INTO pay_odd (id, key, kind, channel, reference, pay_order, division, amount_fen, journal, came_ms, state, made_ms, changed_ms)
		SELECT (SELECT COUNT(*) FROM pay_odd) + 1, (SELECT o.key FROM pay_order o WHERE o.key NOT IN (SELECT key FROM pay_odd) ORDER BY o.id LIMIT 1), ${kind}, 1, '${reference}',
		${order_of ? `(SELECT pay_order FROM pay_order_notice l JOIN pay_notice n ON n.id = l.notice WHERE n.payment_code = '${order_of}' LIMIT 1)` : 'NULL'}, 621202, ${fen},
		(SELECT MIN(id) FROM ledger_journal), ${Date.now()}, 1, 1, 1`);
	return (await clerk.ask('GET', '/v1/office/odd-money?state=open')).json.items.find((o) => o.reference === reference);
}

test('odd money: proposed by a table, settled by two', async () => {
	const n = notice({ payer: { name: '王小明', id_number: w.person } });
	assert.equal((await bring(g, w.department, n)).status, 201);
	const { id } = (await g.ask('POST', '/v1/orders', { token: w.citizen, key: randomUUID(), body: { payment_codes: [n.payment_code] } })).json;
	assert.equal((await g.ask('POST', `/v1/orders/${id}/cancel`, { token: w.citizen, key: randomUUID() })).status, 200);
	const late = await odd(1, n.total_fen, n.payment_code), twice = await odd(2, 500), unknown = await odd(5, 700);
	assert.deepEqual([late.proposes, twice.proposes, unknown.proposes, late.title], ['apply', 'refund', 'look', '订单已关闭']);
	assert.equal((await elsewhere.ask('GET', `/v1/office/odd-money/${late.id}`)).status, 404);
	assert_problem(await clerk.propose('odd_apply', '621202', {}, twice.id), 409, 'money_goes_back');
	await decided('odd_apply', {}, late.id);
	assert_problem(await g.get(`/v1/notices/${n.payment_code}`), 409, 'notice_paid');
	assert.equal((await clerk.ask('GET', `/v1/office/odd-money/${late.id}`)).json.state, 'applied');
	await decided('odd_refund', { note: '重复缴款' }, twice.id);
	const { json: { items } } = await clerk.ask('GET', '/v1/office/refunds?state=sent');
	const back = items.find((r) => r.odd_money === twice.id);
	assert.deepEqual([back.amount_fen, back.ground, back.path], [500, 'paid_twice', 'counter']);
	assert.equal((await pay_out(back.id)).json.state, 'done');
	assert.equal((await clerk.ask('GET', `/v1/office/odd-money/${twice.id}`)).json.state, 'refunded');
	// whose the unknown one is, somebody found out
	const m = notice({ items: [{ item: '103043211', name: '登记费', amount_fen: 700 }] });
	assert.equal((await bring(g, w.department, m)).status, 201);
	await decided('odd_apply', { payment_code: m.payment_code }, unknown.id);
	assert_problem(await g.get(`/v1/notices/${m.payment_code}`), 409, 'notice_paid');
	await decided('odd_apply', {}, late.id, { status: 409 });
	assert.match((await g.admin('/metrics')).text, /^siban_odd_money\{kind="unknown_order"\} \d+$/m);
});

after(async () => {
	assert.equal(await sum(), 0);
	assert.equal(await number('SELECT COUNT(*) FROM pay_refundable WHERE asked_fen > paid_fen'), 0);
	assert.ok(!g.log().includes('多收了'), 'no reasons in the log');
});
