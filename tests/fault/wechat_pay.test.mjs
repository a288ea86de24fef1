// Goal: whenever the process dies on the way of a payment (ordered at the channel, asked about, closed there), it ends as the channel knows it: paid once or given up, and never both.
// Method: the process kills itself at a named point of the n-th effect of an order's life (the order there, the question, the close), and is started again; the sandbox's WeChat Pay is the oracle.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { world } from '../flow/lib/cases.mjs';
import { gateway } from '../flow/lib/gateway.mjs';
import { bring, notice, sandbox_codes } from '../flow/lib/payments.mjs';
import { until } from '../flow/lib/until.mjs';
import { wechat_settings } from '../flow/lib/wechat.mjs';
import { pay, pays, wechat_pay_settings } from '../flow/lib/wechat_pay.mjs';
import { sandbox } from '../sandbox/lib/client.mjs';

const s = await sandbox();
const g = await gateway({ may_end_badly: true, settings: { ...sandbox_codes, ...wechat_settings(s), ...wechat_pay_settings(s), 'payments.open_orders': 100, 'rate.write': 0, 'log.access': 'false' } });
const w = await world(g, { test_key: true });
await s.setup('wechat_pay', { callbacks: false });

const show = async (id) => (await g.get(`/v1/orders/${id}`, { token: w.citizen })).json;
const trade = async (id) => {
	const number = await g.sql(`SELECT a.out_trade_no FROM pay_attempt a ORDER BY a.id DESC LIMIT 1`);
	return (await s.show('wechat_pay')).trades.find((t) => t.out_trade_no === number);
};
const back = async () => {
	await g.exited;
	await g.serve();
};
// What it was doing dies with it.
const lost = (promise) => promise.catch(() => ({ status: 0 }));

const rows = [
	['effect_after_mark', 1, false], ['effect_after_answer', 1, true], ['effect_before_outcome', 1, false], // ordered there
	['effect_after_answer', 2, true], ['effect_after_mark', 2, false],                                       // asked about
	['effect_after_answer', 3, false], ['effect_before_outcome', 3, false],                                  // closed there
];

test('the process dies at every step of a payment, and it ends as the channel knows it', { timeout: 240000 }, async () => {
	for (const [point, n, is_paid] of rows) {
		const what = `${point} of effect ${n}, ${is_paid ? 'paid' : 'cancelled'}`, one = notice();
		assert.equal((await bring(g, w.department, one)).status, 201, what);
		const { id } = (await g.ask('POST', '/v1/orders', { token: w.citizen, key: randomUUID(), body: { payment_codes: [one.payment_code] } })).json, key = randomUUID();
		await g.fault(`${point}=${n}`);
		if (n === 1) {
			await lost(pay(g, id, 'native', { token: w.citizen, key }));
			await back();
		}
		const answer = await until(`it can be paid (${what})`, async () => {
			const got = await pay(g, id, 'native', { token: w.citizen, key });
			return got.json.state === 'ready' ? got : undefined;
		});
		assert.match(answer.json.pay.code_url, /^weixin:/);
		if (is_paid) await pays(s, { out_trade_no: (await trade(id)).out_trade_no });
		await lost(g.ask('POST', `/v1/orders/${id}/cancel`, { token: w.citizen, key: randomUUID() }));
		if (n > 1) await back();
		await until(`it has ended (${what})`, async () => ['paid', 'closed'].includes((await show(id)).state));
		const order = await show(id), there = await trade(id);
		assert.deepEqual([order.state, there.trade_state], is_paid ? ['paid', 'SUCCESS'] : ['closed', 'CLOSED'], what);
		assert.equal(await g.sql(`SELECT COUNT(*) FROM pay_payment`), String(rows.slice(0, rows.findIndex((r) => r[0] === point && r[1] === n) + 1).filter((r) => r[2]).length), what);
		assert.equal((await s.show('wechat_pay')).trades.filter((t) => t.total === 8000).length, rows.findIndex((r) => r[0] === point && r[1] === n) + 1, `${what}: ordered there once`);
	}
	assert.equal(await g.sql('SELECT COUNT(*) FROM pay_odd'), '0');
	assert.equal(await g.sql('SELECT COALESCE(SUM(amount_fen), 0) FROM ledger_posting'), '0');
});
