// Goal: WeChat Pay's bills come by themselves: asked for until they are there, believed by their digest, taken once; a day without one is none; what is not our merchant's is not taken.
import assert from 'node:assert/strict';
import test from 'node:test';
import { sandbox } from '../sandbox/lib/client.mjs';
import { fund_bill, trade_bill } from './lib/bills.mjs';
import { gateway } from './lib/gateway.mjs';
import { day } from './lib/payments.mjs';
import { until } from './lib/until.mjs';
import { wechat_settings } from './lib/wechat.mjs';
import { wechat_pay_settings } from './lib/wechat_pay.mjs';

const s = await sandbox(), [one, two, three] = [day(-1), day(-2), day(-3)], merchant = '1900000001';
const line = (n) => ({ number: `42000026${n}`, fen: 100 + n, time: '10:00:00' });
await s.setup('wechat_pay', { callbacks: false, creating: [one], bills: { [one]: trade_bill(one, [line(1), line(2)], { merchant }), [three]: trade_bill(three, [line(3)], { merchant: '1900000002' }) }, fund_bills: { [two]: fund_bill(two, [['trade', 500], ['fee', 3]]) } });
const g = await gateway({ settings: { ...wechat_settings(s), ...wechat_pay_settings(s), 'payments.fetch_from': 0, 'payments.fetch_to': 1440, 'payments.fetch_seconds': 1 } });
const asks = (e, route) => e.route === route;
const look = async (on) => (await g.control('POST', `/control/reconciliation/days?day=${on}`)).json;

test('a bill that is being made is asked for again; one that is there is taken, by its digest, and held beside our books', async () => {
	await until('the fund flow is here', async () => (await look(two)).statements.some((f) => f.source === 'wechat_fund' && f.lines === 2));
	await s.wait_for('questions for the other', (e) => asks(e, 'tradebill') && e.target.includes(one), { n: 2 });
	assert.deepEqual((await look(one)).statements, [], 'it is being made');
	await s.setup('wechat_pay', { creating: [] });
	await until('it is taken', async () => (await look(one)).statements.some((f) => f.source === 'wechat_trade' && f.lines === 2 && f.merchant === merchant));
	await until('it is compared', async () => (await look(one)).sources.some((r) => r.source === 'wechat_trade' && r.state === 'done' && r.open === 2));
	assert.deepEqual((await look(three)).statements, [], 'another merchant\'s is not taken');
	const taken = await g.sql('SELECT COUNT(*) FROM recon_file'), since = await s.mark();
	await s.wait_for('more rounds of what is not taken', (e) => asks(e, 'billdownload'), { n: 2, since });
	assert.equal((await s.log({ since })).entries.some((e) => asks(e, 'tradebill') && e.target.includes(one)), false);
	assert.equal(await g.sql('SELECT COUNT(*) FROM recon_file'), taken, 'what is here is not fetched again');
});
