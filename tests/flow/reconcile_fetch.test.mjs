// Goal: WeChat Pay's bills come by themselves: asked for until they are there, believed by their digest, taken once; a day without one is none; what is not our merchant's is not taken,
// nor what is not what its digest says, came cut or broken, or lies elsewhere. What was brought as another merchant's fund flow is not ours, which is fetched and needed all the same.
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
const spoilt = [['tradebill', two, 'hash'], ['fundflowbill', one, 'cut'], ['fundflowbill', three, 'flipped']], fund = (on) => fund_bill(on, [['trade', 500], ['fee', 3]]);
const moods = (all) => Object.fromEntries(all.map(([kind, on, mood]) => [`${kind} ${on}`, mood]));
await s.setup('wechat_pay', { callbacks: false, creating: [one], bills: { [one]: trade_bill(one, [line(1), line(2)], { merchant }), [two]: trade_bill(two, [line(4)], { merchant }), [three]: trade_bill(three, [line(3)], { merchant: '1900000002' }) },
	fund_bills: { [one]: fund(one), [two]: fund(two), [three]: fund(three) }, bill_moods: moods(spoilt) });
const g = await gateway({ settings: { ...wechat_settings(s), ...wechat_pay_settings(s), 'payments.fetch_from': 0, 'payments.fetch_to': 1440, 'payments.fetch_seconds': 1, 'payments.close_needs': 'wechat_trade,wechat_fund' } });
const asks = (e, route) => e.route === route;
const look = async (on) => (await g.control('POST', `/control/reconciliation/days?day=${on}`)).json;

test('a bill that is being made is asked for again; one that is there is taken, by its digest, and held beside our books', async () => {
	await until('the fund flow is here', async () => (await look(two)).statements.some((f) => f.source === 'wechat_fund' && f.lines === 2));
	await s.wait_for('questions for the other', (e) => asks(e, 'tradebill') && e.target.includes(one), { n: 2 });
	await until('what it says is posted as of the merchant it was fetched by: it has no number in it', async () => (await g.sql("SELECT DISTINCT merchant || '/' || account FROM recon_settlement")) === `${merchant}/${merchant}`);
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

test('one whose digest is another\'s, that came cut or broken, or is said to lie elsewhere leaves nothing behind and is asked for again until it is good', async () => {
	const has = (e, kind, on) => asks(e, kind) && e.target.includes(on), sources = { tradebill: 'wechat_trade', fundflowbill: 'wechat_fund' };
	const again = async () => {
		const since = await s.mark();
		for (const [kind, on] of spoilt) await s.wait_for(`another question for ${kind}`, (e) => has(e, kind, on), { since });
		return since;
	};
	const none_is_kept = async () => {
		for (const [kind, on, mood] of spoilt) assert.equal((await look(on)).statements.some((f) => f.source === sources[kind]), false, mood);
		assert.equal(Number(await g.sql('SELECT COUNT(*) FROM recon_file')), 2);
	};
	await again();
	await none_is_kept();
	for (const word of ['not what its digest says', 'cut_off', 'not_gzip']) assert.ok(g.log().includes(word), word);
	await s.setup('wechat_pay', { bill_moods: moods(spoilt.map(([kind, on]) => [kind, on, 'other_host'])) });
	await again(); // what was on its way is over
	const since = await again(), of_them = new Set(spoilt.map(([kind, on]) => `${kind} ${on}`));
	const fetched = (await s.log({ since })).entries.filter((e) => asks(e, 'billdownload')).map((e) => JSON.parse(Buffer.from(e.fields.token, 'base64url')).slice(0, 2).join(' '));
	assert.deepEqual(fetched.filter((what) => of_them.has(what)), [], 'nothing is fetched where we were not told to trust');
	await none_is_kept();
	assert.ok(g.log().includes('at another host'));
	const others = await g.control('POST', `/control/reconciliation/files?source=wechat_fund&day=${one}&account=1900000033`, Buffer.from(fund_bill(one, [['trade', 900]])), 'application/octet-stream');
	assert.equal(others.status, 201, others.text);
	await until('it is posted', async () => (await look(one)).sources.some((r) => r.source === 'wechat_fund' && r.state === 'done'));
	assert.equal((await look(one)).missing, 'wechat_fund', 'another merchant\'s is none of ours');
	await s.setup('wechat_pay', { bill_moods: {} });
	for (const [kind, on] of spoilt) await until(`${kind} of ${on} is taken`, async () => (await look(on)).statements.some((f) => f.source === sources[kind] && f.merchant !== '1900000033'));
	await until('nothing is missing', async () => (await look(one)).missing === null);
});
