// Goal: a day of which WeChat Pay says that it has no bill is on record and held beside our books all the same: payments of ours on it are missed; a bill that comes after all is taken.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { sandbox } from '../sandbox/lib/client.mjs';
import { book, trade_bill } from './lib/bills.mjs';
import { assert_problem, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { bring, day, notice, sandbox_codes } from './lib/payments.mjs';
import { first, hire } from './lib/staff.mjs';
import { until } from './lib/until.mjs';
import { wechat_settings } from './lib/wechat.mjs';
import { wechat_pay_settings } from './lib/wechat_pay.mjs';

const s = await sandbox(), [one, two, three] = [day(-1), day(-2), day(-3)], merchant = '1900000001';
await s.setup('wechat_pay', { callbacks: false, creating: [one, two, three] });
const g = await gateway({ settings: { ...sandbox_codes, ...wechat_settings(s), ...wechat_pay_settings(s), 'payments.fetch_from': 0, 'payments.fetch_to': 1440, 'payments.fetch_seconds': 1 } });
const w = await world(g, { test_key: true });
const [safe, system] = [await first(g, 'li.safe', 'security_admin'), await first(g, 'li.system', 'system_admin')];
const office = await hire(safe, system, 'pay.one', '621200', 'payment_clerk'), window = await hire(safe, system, 'window.one', '621202', 'window_clerk');
// one payment that is real, for its journal, and one by WeChat Pay on a day of which it will know nothing
const real = notice(), unseen = { number: '4200002699unseen', fen: 700, ms: Date.parse(`${two}T12:00:00+08:00`) };
assert.equal((await bring(g, w.department, real)).status, 201);
assert.equal((await window.ask('POST', '/v1/hall/counter-payments', { key: randomUUID(), body: { payment_codes: [real.payment_code], channel: 'pos', reference: 'POS0001', amount_fen: 8000 } })).status, 201);
await book(g, [unseen], { staff: Number(await g.sql('SELECT MIN(id) FROM staff')), journal: Number(await g.sql('SELECT MIN(journal) FROM pay_payment')) });

const look = async (on) => (await g.control('POST', `/control/reconciliation/days?day=${on}`)).json;
const trade = (now) => now.sources.find((r) => r.source === 'wechat_trade');
const held = (on) => until(`${on} is held`, async () => { const now = await look(on); return trade(now)?.state === 'done' && now; });

test('there is none: what we have is missed, a quiet day has nothing to explain, and what is being made is neither', async () => {
	assert.deepEqual([(await look(two)).none, (await look(two)).sources], [[], []], 'being made');
	await s.setup('wechat_pay', { creating: [one] });
	const now = await held(two);
	assert.deepEqual([trade(now).ours, trade(now).theirs, trade(now).open, now.unexplained], [1, 0, 1, 1]);
	assert.deepEqual(now.differences.map((d) => [d.kind, d.state, d.ours_fen]), [['short', 'open', 700]]);
	const quiet = await held(three);
	assert.deepEqual([trade(quiet).open, quiet.unexplained], [0, 0]);
	for (const on of [two, three]) {
		await until('both said so, and both are held', async () => {
			const { none, sources } = await look(on);
			return none.map((n) => n.source).join() === 'wechat_trade,wechat_fund' && sources.length === 2 && sources.every((r) => r.state === 'done' || r.state === 'no_statement');
		});
	}
	assert.deepEqual([(await look(one)).none, (await look(one)).sources], [[], []]);
});

test('of a channel that is asked every day a day needs its statement, whatever we know of it, or its word that there is none', async () => {
	const wish = (on) => office.ask('POST', '/v1/staff/proposals', { key: randomUUID(), body: { kind: 'recon_close', region: '621200', subject: on, payload: {} } });
	assert.equal((await look(one)).missing, 'wechat_trade');
	assert.equal(assert_problem(await wish(day(-10)), 409, 'day_not_explained').json.missing, 'wechat_trade');
	assert.equal((await look(three)).missing, null);
	assert.equal((await wish(three)).status, 201);
	assert.equal((await look(two)).missing, 'finance', 'of the others because something was paid');
});

test('it is held again by hand as well, and a bill that comes after all is taken', async () => {
	assert.equal((await office.ask('POST', `/v1/office/runs?day=${two}`)).json.asked, 2);
	const bill = trade_bill(two, [{ ...unseen, time: '12:00:00' }], { merchant });
	assert.equal((await office.ask('POST', `/v1/office/statements?source=wechat_trade&day=${two}`, { key: randomUUID(), body: Buffer.from(bill), type: 'application/octet-stream' })).status, 201);
	await until('it fits', async () => { const r = trade(await look(two)); return r.state === 'done' && r.theirs === 1 && r.matched === 1 && r.open === 0; });
	assert.equal((await look(two)).unexplained, 0);
});
