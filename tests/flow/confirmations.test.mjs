// Goal: money that came is told to the finance system once, in words it takes, and again until it answers; who paid reads "being booked" until it is booked; what it refuses waits for
// staff and for nobody else; and its nonsense moves nothing.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { sandbox } from '../sandbox/lib/client.mjs';
import { assert_problem, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { bring, finance_settings, notice, payment_code, sandbox_codes } from './lib/payments.mjs';
import { first, hire } from './lib/staff.mjs';
import { until } from './lib/until.mjs';

const s = await sandbox();
const g = await gateway({ settings: { ...sandbox_codes, ...finance_settings(s), 'rate.write': 0, 'finance.rate': 0 } });
const w = await world(g, { test_key: true });
const security = await first(g, 'li.safe', 'security_admin'), system = await first(g, 'li.system', 'system_admin');
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

test('a ladder that is over begins again', async () => {
	const n = await made();
	await setup('confirm', n.payment_code, { result: '99999' });
	await take(n);
	const effect = await until('it is under way', () => row(n.payment_code, 'effect'));
	await until('it was refused for now', async () => (await g.sql(`SELECT code FROM effect WHERE id = ${effect}`)) === '99999');
	await setup('confirm', n.payment_code, null);
	await g.sql(`UPDATE effect SET expires_ms = 2 WHERE id = ${effect}`);
	await is_booked(n.payment_code);
	assert.equal(await g.sql(`SELECT state FROM effect WHERE id = ${effect}`), '4');
	assert.equal(await g.sql(`SELECT COUNT(*) FROM effect WHERE subject = (SELECT subject FROM effect WHERE id = ${effect})`), '2');
});
