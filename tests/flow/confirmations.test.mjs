// Goal: money that came is told to the finance system once, in words it takes, and again until it answers; who paid reads "being booked" until it is booked; what it refuses waits for
// staff and for nobody else; and its nonsense moves nothing.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { sandbox } from '../sandbox/lib/client.mjs';
import { assert_problem, id_number, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { bring, day, finance_settings, notice, payment_code, sandbox_codes } from './lib/payments.mjs';
import { first, hire } from './lib/staff.mjs';
import { until } from './lib/until.mjs';

const s = await sandbox();
const g = await gateway({ settings: { ...sandbox_codes, ...finance_settings(s), 'rate.write': 0, 'finance.rate': 0 } });
const w = await world(g, { test_key: true });
const security = await first(g, 'li.safe', 'security_admin'), system = await first(g, 'li.system', 'system_admin');
const office = await hire(security, system, 'money.one', '621202', 'payment_clerk'), elsewhere = await hire(security, system, 'money.two', '621221', 'payment_clerk');
const clerk = await hire(security, system, 'window.one', '621202', 'window_clerk');

const made = async (more) => {
	const n = notice(more);
	assert.equal((await bring(g, w.department, n)).status, 201);
	return n;
};
const take = async (n, fen = n.total_fen) => {
	const answer = await clerk.ask('POST', '/v1/hall/counter-payments', { key: randomUUID(), body: { payment_codes: [n.payment_code], channel: 'pos', reference: randomUUID(), amount_fen: fen } });
	assert.equal(answer.status, 201, answer.text);
	return answer.json;
};
const booking = async (code) => assert_problem(await g.get(`/v1/notices/${code}`), 409, 'notice_paid').json.booking;
const row = async (code, what) => g.sql(`SELECT c.${what} FROM pay_confirmation c JOIN pay_notice n ON n.id = c.notice WHERE n.payment_code = '${code}'`);
const is_booked = (code) => until('it is booked', async () => (await booking(code)) === 'booked');
const state = (code, number) => until(`the confirmation is ${number}`, async () => Number(await row(code, 'state')) === number);
const setup = (deed, code, answer) => s.setup('finance', { [deed]: { [code]: answer } });

test('paid, told, booked: with the amount as the bureau writes it, and our number for it', async () => {
	const n = await made({ items: [{ item: '103043211', name: '不动产登记费', amount_fen: 8005 }] });
	await setup('confirm', n.payment_code, { result: '00000', state: 'accepted' });
	await take(n);
	await state(n.payment_code, 2);
	assert.equal(await booking(n.payment_code), 'being_booked', 'taken is not booked');
	const other = await made({ items: [{ item: '103043211', name: '不动产登记费', amount_fen: 8005 }] });
	await take(other);
	await is_booked(other.payment_code);
	const { paid } = await s.show('finance');
	assert.deepEqual(paid[other.payment_code], { trace_no: await row(other.payment_code, 'trace_no'), amount: '80.05', finance_no: await row(other.payment_code, 'finance_no') });
	assert.equal((await g.get(`/v1/department/notices/${other.payment_code}`, { token: w.department })).json.booking, 'booked');
});

test('what is lost on the way is sent again, with the same number, and booked once', async () => {
	const all = await Promise.all([1, 2, 3].map(() => made())), told = (await s.show('finance')).told;
	await s.fault('finance', { lose_answer: true, count: 1, route: 'confirm' }, { status: 503, count: 1, route: 'confirm' }, { rubbish: 'html', count: 1, route: 'confirm' });
	for (const n of all) await take(n);
	await Promise.all(all.map((n) => is_booked(n.payment_code)));
	assert.equal(Number(await g.sql(`SELECT COUNT(*) FROM effect_attempt a JOIN pay_confirmation c ON 'confirmation:' || c.id = (SELECT subject FROM effect e WHERE e.id = a.effect) JOIN pay_notice n ON n.id = c.notice WHERE n.payment_code IN (${all.map((n) => `'${n.payment_code}'`)})`)), 3);
	assert.equal((await s.show('finance')).told - told, 4, 'the one whose answer was lost was told twice');
});

test('a ladder that is over begins again', async () => {
	const n = await made();
	await setup('confirm', n.payment_code, { result: '99999' });
	await take(n);
	const effect = await until('it is under way', () => row(n.payment_code, 'effect'));
	await until('it was refused for now', async () => (await g.sql(`SELECT code FROM effect WHERE id = ${effect}`)) === '99999');
	await g.sql(`UPDATE effect SET expires_ms = 2 WHERE id = ${effect}`);
	await until('it has given up', async () => (await g.sql(`SELECT state FROM effect WHERE id = ${effect}`)) === '4');
	await setup('confirm', n.payment_code, null);
	await is_booked(n.payment_code);
	assert.equal(await g.sql(`SELECT COUNT(*) FROM effect WHERE subject = (SELECT subject FROM effect WHERE id = ${effect})`), '2');
});

test('its nonsense books nothing: other codes, another message, half an answer', async () => {
	for (const nonsense of [{ result: 'ok' }, { result: '0000' }, { result: '00000', id: 'ef_OTHER' }, { result: '00000', state: 'perhaps' }, { result: '00000', finance_no: '一' }, {}]) {
		const n = await made();
		await setup('confirm', n.payment_code, nonsense);
		await take(n);
		await until('it was tried', async () => (await g.sql(`SELECT a.code FROM effect_attempt a JOIN pay_confirmation c ON c.effect = a.effect JOIN pay_notice n ON n.id = c.notice WHERE n.payment_code = '${n.payment_code}'`)) === 'nonsense');
		assert.equal(await booking(n.payment_code), 'being_booked');
		await setup('confirm', n.payment_code, null);
	}
});

// Whatever it was that died, the finance system has it once, under one number.
for (const point of ['effect_after_mark', 'effect_after_answer'])
	test(`the process dies: ${point}; told again after the start, and booked once`, async () => {
		const n = await made();
		await until('nothing else is on its way', async () => (await g.sql('SELECT COUNT(*) FROM effect WHERE state <= 2')) === '0');
		await g.fault(`${point}=1`);
		await take(n).catch(() => {}); // the answer may die with it; the payment does not
		await g.exited;
		await g.kill();
		await g.serve();
		await is_booked(n.payment_code);
		const { paid } = await s.show('finance');
		assert.deepEqual([paid[n.payment_code].trace_no, paid[n.payment_code].finance_no], [await row(n.payment_code, 'trace_no'), await row(n.payment_code, 'finance_no')]);
		assert.equal(await g.sql(`SELECT COUNT(*) FROM effect WHERE kind = 20 AND subject = (SELECT 'confirmation:' || c.id FROM pay_confirmation c JOIN pay_notice n ON n.id = c.notice WHERE n.payment_code = '${n.payment_code}')`), '1');
	});

// ---- what the finance system says of its own accord ----

const push = async (body, token = w.department) => g.ask('POST', '/v1/finance/pushes', { token, body });
const heard = async (body) => {
	const answer = await push(body);
	assert.equal(answer.status, 200, answer.text);
	assert.equal(answer.json.result, '00000');
	return answer.json.heard;
};
const trace = '2026112608000099999999999999';

test('paid at a bank: closed here, once, with no journal; an order that held it is closed', async () => {
	const [n, held] = [await made(), await made()], journals = () => g.sql('SELECT COUNT(*) FROM ledger_journal'), before = await journals();
	const order = await g.ask('POST', '/v1/orders', { token: w.citizen, key: randomUUID(), body: { payment_codes: [held.payment_code] } });
	for (const one of [n, held]) {
		const word = { kind: 'paid', payment_code: one.payment_code, trace_no: trace, amount: '80.0' };
		assert.equal(await heard(word), 'paid_elsewhere');
		assert.equal(await heard(word), 'known');
		assert.equal(assert_problem(await g.get(`/v1/notices/${one.payment_code}`), 409, 'notice_paid').json.booking, undefined);
		assert.equal((await g.get(`/v1/department/notices/${one.payment_code}`, { token: w.department })).json.state, 'paid_elsewhere');
		assert_problem(await g.ask('POST', '/v1/orders', { token: w.citizen, key: randomUUID(), body: { payment_codes: [one.payment_code] } }), 409, 'notice_paid');
	}
	assert.equal((await g.get(`/v1/orders/${order.json.id}`, { token: w.citizen })).json.state, 'closed');
	assert.equal(await journals(), before);
});

test('void there is void here; what nobody knows is heard and changes nothing', async () => {
	const n = await made();
	assert.equal(await heard({ kind: 'void', payment_code: n.payment_code }), 'void');
	assert.equal(await heard({ kind: 'void', payment_code: n.payment_code }), 'known');
	assert_problem(await g.get(`/v1/notices/${n.payment_code}`), 410, 'notice_void');
	assert.equal(await heard({ kind: 'paid', payment_code: n.payment_code, trace_no: trace, amount: '80' }), 'paid_elsewhere', 'its word goes before ours');
	assert.equal(await heard({ kind: 'paid', payment_code: payment_code(), trace_no: trace, amount: '80' }), 'unknown');
});

test('what we took: booked by a push, refused for another amount, paid twice, void too late', async () => {
	const all = [], orders = new Map();
	for (let i = 0; i < 4; i++) {
		all.push(await made());
		await setup('confirm', all[i].payment_code, { result: '00000', state: 'accepted' });
		orders.set(all[i].payment_code, (await take(all[i])).order);
		await state(all[i].payment_code, 2);
	}
	const [n, other, twice, late] = all.map((one) => one.payment_code), ours = (code) => row(code, 'trace_no');
	// n's money is of a day that is over, on which nothing was booked when somebody looked for e-receipts
	const over = Date.parse(day(-9)) / 86400e3, run = async () => (await g.sql(`SELECT round || '|' || state || '|' || ours FROM recon_run WHERE source = 7 AND day = ${over}`)).trim();
	await g.sql(`UPDATE pay_confirmation SET day = ${over} WHERE trace_no = '${await ours(n)}'`);
	await g.sql(`INSERT INTO recon_run (id, source, day, state, round, due_ms, tries, reason, ours, theirs, matched, differences, asked_ms, ended_ms) VALUES (900, 7, ${over}, 4, 1, 1, 0, '', 0, 0, 0, 0, 1, 1)`);
	assert.equal(await heard({ kind: 'paid', payment_code: n, trace_no: await ours(n), amount: '80.00' }), 'booked');
	assert.equal(await booking(n), 'booked');
	await until('e-receipts of that day are looked at again', async () => (await run()) === '2|3|1');
	await g.sql(`UPDATE pay_confirmation SET day = ${Date.parse(day()) / 86400e3} WHERE trace_no = '${await ours(n)}'`);
	assert.equal(await heard({ kind: 'void', payment_code: n }), 'already_paid');
	assert.equal(await booking(n), 'booked');
	assert.equal(await heard({ kind: 'paid', payment_code: other, trace_no: await ours(other), amount: '80.01' }), 'other_amount');
	assert.equal(await booking(other), 'being_booked');
	assert.equal(await heard({ kind: 'paid', payment_code: twice, trace_no: trace, amount: '80.00' }), 'paid_twice');
	assert.equal(await heard({ kind: 'paid', payment_code: twice, trace_no: trace, amount: '80.00' }), 'known');
	assert.equal(await booking(twice), 'paid_twice');
	assert.equal(await heard({ kind: 'void', payment_code: late }), 'already_paid');

	const odd = (await office.ask('GET', '/v1/office/confirmations')).json.items, of = (code) => odd.find((c) => c.payment_code === code);
	assert.deepEqual([of(other).word, of(other).next, of(twice).next, of(late).word, of(n)], ['other_amount', 'send', 'refund', 'void', undefined]);
	assert.equal(of(twice).order, orders.get(twice), 'a refund names it');
	assert.deepEqual((await elsewhere.ask('GET', '/v1/office/confirmations')).json.items, []);
});

test('a push is the bureau\'s, and well formed', async () => {
	const good = { kind: 'paid', payment_code: payment_code(), trace_no: trace, amount: '80.00' };
	for (const [more, code, pointer] of [[{ kind: 'perhaps' }, 'invalid_field', '/kind'], [{ amount: '1e3' }, 'invalid_field', '/amount'], [{ amount: '-1' }, 'invalid_field', '/amount'], [{ amount: '８０' }, 'invalid_field', '/amount'],
		[{ amount: '1.005' }, 'invalid_field', '/amount'], [{ amount: '0' }, 'invalid_field', '/amount'], [{ amount: undefined }, 'missing_field', '/amount'], [{ trace_no: undefined }, 'missing_field', '/trace_no'],
		[{ payment_code: '1' }, 'invalid_field', '/payment_code'], [{ more: 1 }, 'unknown_field', '/more']])
		assert.equal(assert_problem(await push({ ...good, ...more }), 422, code).json.pointer, pointer);
	assert_problem(await push(good, w.citizen), 403, 'forbidden');
	const code = (await g.get('/v1/matters')).json.items[0].department.code;
	const add = async (name, ...scope) => /^client (\S+)/m.exec(await g.command('client', 'add', '--department', code, name, ...scope))[1];
	const plain = await add('plain'), bureau = await add('bureau', '--scope', 'finance:push');
	const rights = (id) => g.sql(`SELECT rights FROM client WHERE name = '${id}'`);
	assert.notEqual(plain, bureau);
	assert.equal(Number(await rights('plain')) & (1 << 23), 0, 'nobody has it without being named');
	assert.notEqual(Number(await rights('bureau')) & (1 << 23), 0);
});

test('refused: staff sees why, clears it up, and sends it again', async () => {
	const n = await made();
	await setup('confirm', n.payment_code, { result: '18012' });
	await take(n);
	await state(n.payment_code, 4);
	const mine = async () => (await office.ask('GET', `/v1/office/confirmations?date=${day()}&limit=100`)).json.items.find((c) => c.payment_code === n.payment_code);
	const shown = await mine();
	assert.deepEqual([shown.state, shown.word, shown.meaning, shown.next, shown.booked_at], ['refused', '18012', '执收单位无此项目权限', 'send', null]);
	const send = (who, code = n.payment_code, key = randomUUID()) => who.ask('POST', `/v1/office/confirmations/${code}/send`, { key });
	assert_problem(await send(elsewhere), 404, 'not_found');
	assert_problem(await send(clerk), 403, 'forbidden');
	assert_problem(await send(office, payment_code()), 404, 'not_found');
	await setup('confirm', n.payment_code, null);
	const key = randomUUID();
	assert.equal((await send(office, n.payment_code, key)).status, 200);
	assert.equal((await send(office, n.payment_code, key)).status, 200, 'the same submission');
	await is_booked(n.payment_code);
	assert_problem(await send(office), 409, 'confirmation_state');
	assert.deepEqual([(await mine()).state, (await mine()).next], ['booked', 'done']);
	assert_problem(await office.ask('GET', '/v1/office/confirmations?state=booked'), 400, 'invalid_query');
	assert_problem(await office.ask('GET', '/v1/office/confirmations?state=lost'), 400, 'invalid_query');
	assert_problem(await office.ask('GET', '/v1/office/confirmations?date=2026-02-30'), 400, 'invalid_query');
	let page = (await office.ask('GET', `/v1/office/confirmations?date=${day()}&limit=1`)).json, seen = 0;
	for (; page.next_cursor !== null; seen++) page = (await office.ask('GET', `/v1/office/confirmations?date=${day()}&limit=1&cursor=${page.next_cursor}`)).json;
	assert.equal(seen + 1, Number(await g.sql(`SELECT COUNT(*) FROM pay_confirmation WHERE division = 621202`)));
});

// ---- receipts ----

const receipts = async (token, query = '') => (await g.get(`/v1/me/receipts${query}`, { token })).json.items;
const verify = (body) => g.ask('POST', '/v1/receipt-verifications', { body });
const reversal = (code) => g.sql(`UPDATE pay_confirmation SET wants_receipt = 0 WHERE notice = (SELECT id FROM pay_notice WHERE payment_code = '${code}')`);

test('booked, its receipt issued, told to its payer, and good for whoever is shown it', async () => {
	const payer = { name: '王小明', id_number: w.person }, n = await made({ payer });
	await take(n);
	const [mine] = await until('there is a receipt', async () => { const all = (await receipts(w.citizen)).filter((r) => r.payment_code === n.payment_code); return all.length > 0 && all; });
	const { receipts: issued } = await s.show('finance');
	const { code, number, check_code, link } = issued[n.payment_code];
	assert.deepEqual(mine, { payment_code: n.payment_code, unit_name: n.unit_name, amount_fen: 8000, state: 'valid', code, number, check_code, link, issued_at: mine.issued_at, reversed_at: null, replaces: [] });
	const told = (await g.get('/v1/messages', { token: w.citizen })).json.items.find((m) => m.template === 'receipt_issued');
	assert.ok(told.body.includes(`${code} ${number} ${check_code}`) && told.body.includes('80.00') && told.body.includes(n.unit_name), told.body);
	assert.equal((await g.sql(`SELECT COUNT(*) FROM pay_receipt WHERE link = '${link}'`)), '0', 'where the paper lies is sealed');
	assert.deepEqual((await receipts(w.stranger)).filter((r) => r.payment_code === n.payment_code), []);

	const whole = { code, number, check_code, amount_fen: 8000 };
	const good = (await verify(whole)).json;
	assert.deepEqual(good, { result: 'valid', receipt: { unit_name: n.unit_name, payer: '王*明', amount_fen: 8000, issued_at: mine.issued_at, reversed_at: null } });
	for (const wrong of [{ code: '62030125' }, { number: '9999999999' }, { check_code: 'zzzzzz' }, { check_code: check_code.slice(0, 5) }, { amount_fen: 8001 }])
		assert.deepEqual((await verify({ ...whole, ...wrong })).json, { result: 'no', receipt: null }, JSON.stringify(wrong));
	assert.equal(assert_problem(await verify({ ...whole, amount_fen: 0 }), 422, 'invalid_field').json.pointer, '/amount_fen');
	let answer;
	for (let i = 0; i < 60 && answer?.status !== 429; i++) answer = await verify({ ...whole, check_code: `x${i}` });
	assert_problem(answer, 429, 'rate_limited');
});

test('who pays for another has its number, and not what opens it', async () => {
	const n = await made({ payer: { name: '李四', id_number: id_number(40) } });
	const order = await g.ask('POST', '/v1/orders', { token: w.stranger, key: randomUUID(), body: { payment_codes: [n.payment_code] } });
	assert.equal(order.status, 201, order.text);
	const other = await made({ payer: { name: '李四', id_number: id_number(40) } });
	await take(other);
	await is_booked(other.payment_code);
	await g.sql(`UPDATE pay_order SET person = (SELECT person FROM pay_order WHERE id = (SELECT MAX(pay_order) FROM pay_order_notice o JOIN pay_notice n ON n.id = o.notice WHERE n.payment_code = '${n.payment_code}')), staff = NULL WHERE id = (SELECT o.pay_order FROM pay_order_notice o JOIN pay_notice n ON n.id = o.notice WHERE n.payment_code = '${other.payment_code}')`);
	const of = await until('there is a receipt', async () => (await receipts(w.stranger)).find((r) => r.payment_code === other.payment_code));
	assert.deepEqual([of.state, of.code, of.check_code, of.link], ['valid', '62030126', null, null]);
});

test('refused: nobody is told, staff sees it and asks again; two receipts of one number are refused', async () => {
	const [n, other] = [await made(), await made()];
	await setup('issue', n.payment_code, { result: '30005' });
	await setup('issue', other.payment_code, { result: '00000', code: '62030126', number: '0000000001' });
	await take(n);
	await take(other);
	const odd = async (code) => (await office.ask('GET', '/v1/office/receipts')).json.items.find((r) => r.payment_code === code);
	const refused = await until('it was refused', () => odd(n.payment_code)), taken = await until('it was refused', () => odd(other.payment_code));
	assert.deepEqual([refused.state, refused.word, refused.meaning, refused.code, taken.word], ['refused', '30005', '尚未入账，不能开票', null, 'number_taken']);
	assert.deepEqual((await elsewhere.ask('GET', '/v1/office/receipts')).json.items, []);
	const send = (who, code) => who.ask('POST', `/v1/office/receipts/${code}/send`, { key: randomUUID() });
	assert_problem(await send(elsewhere, n.payment_code), 404, 'not_found');
	await setup('issue', n.payment_code, null);
	assert.equal((await send(office, n.payment_code)).json.state, 'asked');
	await until('it was issued', async () => (await g.sql(`SELECT r.state FROM pay_receipt r JOIN pay_confirmation c ON c.id = r.confirmation JOIN pay_notice n ON n.id = c.notice WHERE n.payment_code = '${n.payment_code}'`)) === '2');
	assert_problem(await send(office, n.payment_code), 409, 'receipt_state');
});

test('money that goes back meanwhile gets no receipt; one that is called back is good no more', async () => {
	const early = await made(), n = await made();
	await setup('confirm', early.payment_code, { result: '00000', state: 'accepted' });
	await take(early);
	await state(early.payment_code, 2);
	await reversal(early.payment_code);
	assert.equal(await heard({ kind: 'paid', payment_code: early.payment_code, trace_no: await row(early.payment_code, 'trace_no'), amount: '80.00' }), 'booked');
	assert.equal(await g.sql(`SELECT COUNT(*) FROM pay_receipt r JOIN pay_confirmation c ON c.id = r.confirmation JOIN pay_notice n ON n.id = c.notice WHERE n.payment_code = '${early.payment_code}'`), '0');
	await take(n);
	const id = await until('there is a receipt', () => g.sql(`SELECT r.id FROM pay_receipt r JOIN pay_confirmation c ON c.id = r.confirmation JOIN pay_notice n ON n.id = c.notice WHERE n.payment_code = '${n.payment_code}' AND r.state = 2`));
	const [code, number, check_code] = await Promise.all(['code', 'number', 'check_code'].map((what) => g.sql(`SELECT ${what} FROM pay_receipt WHERE id = ${id}`)));
	await g.sql(`UPDATE pay_receipt SET state = 4, is_unwanted = 1 WHERE id = ${id}`);
	await until('it is reversed', async () => (await g.sql(`SELECT state FROM pay_receipt WHERE id = ${id}`)) === '5');
	assert.deepEqual((await s.show('finance')).red[n.payment_code], { code: '62030126', number: await g.sql(`SELECT red_number FROM pay_receipt WHERE id = ${id}`) });
	assert.equal((await verify({ code, number, check_code, amount_fen: 8000 })).json.result, 'reversed');
});

test('my notices, whatever became of them, page by page; nobody else’s', async () => {
	const payer = { name: '王小明', id_number: w.person }, [a, b, c] = [await made({ payer }), await made({ payer }), await made({ payer, late_fen: 20, late_on: day(2) })];
	await take(a);
	await is_booked(a.payment_code);
	const mine = (query = '') => g.get(`/v1/me/notices${query}`, { token: w.citizen });
	const [newest, second, first_one] = (await mine()).json.items;
	assert.deepEqual([newest.payment_code, newest.state, newest.booking, newest.total_fen, newest.late_fen, newest.payer], [c.payment_code, 'unpaid', null, 8020, 20, '王*明']);
	assert.deepEqual([second.payment_code, first_one.payment_code, first_one.state, first_one.booking], [b.payment_code, a.payment_code, 'paid', 'booked']);
	const page = (await mine('?limit=1')).json;
	assert.deepEqual(page.items, [newest]);
	assert.deepEqual((await mine(`?limit=1&cursor=${page.next_cursor}`)).json.items, [second]);
	assert.ok(!(await g.get('/v1/me/notices', { token: w.stranger })).json.items.some((n) => [a, b, c].some((own) => own.payment_code === n.payment_code)));
});
