// Goal: the non-tax platform's file of a day comes by itself, one a merchant number: asked for until it is there, with the access token all have; believed when its sums and cells prove it and refused
// whole otherwise, whatever is wrong with it; taken once, and then the day is held beside our books and fits. A call that hangs keeps no day waiting.
// Method: what was paid there a day ago is put in our books as well; the sandbox makes the file out of its orders.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test, { after } from 'node:test';
import { sandbox } from '../sandbox/lib/client.mjs';
import { book } from './lib/bills.mjs';
import { world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { bring, day, notice, payment_code, sandbox_codes } from './lib/payments.mjs';
import { first, hire } from './lib/staff.mjs';
import { until } from './lib/until.mjs';
import { wechat_settings } from './lib/wechat.mjs';
import { NONTAX_SECRET, nontax_settings } from './lib/wechat_nontax.mjs';

const s = await sandbox(), [one, two] = ['1900000011', '1900000012'], D = day(-1), DAY = 86400e3;
await s.setup('wechat_nontax', { callbacks: false, bill_mood: 'not_ready' });
const g = await gateway({ settings: { ...sandbox_codes, ...wechat_settings(s), ...nontax_settings(s), 'wechat.nontax.mch_ids': `${one}, ${two}`,
	'payments.fetch_nontax_from': 0, 'payments.fetch_to': 1440, 'payments.fetch_nontax_seconds': 1, 'rate.write': 0, 'rate.read': 0 } });
const w = await world(g, { test_key: true });
const maker = await first(g, 'li.safe', 'security_admin'), checker = await first(g, 'li.system', 'system_admin');
const office = await hire(maker, checker, 'pay.one', '621200', 'payment_clerk'), window = await hire(maker, checker, 'window.one', '621202', 'window_clerk');

const number = async (sql) => Number(await g.sql(sql));
const look = async (on = D) => (await g.control('POST', `/control/reconciliation/days?day=${on}`)).json;
const asks = (merchant, on = D) => (e) => e.route === 'downloadbill' && e.body.includes(`"mch_id":"${merchant}"`) && e.body.includes(`"bill_date":"${on.replaceAll('-', '')}"`);
const files = async (on = D) => (await look(on)).statements.filter((f) => f.source === 'wechat_nontax');
const asked_again = async (merchant, n = 2) => s.wait_for(`${n} more questions`, asks(merchant), { n, since: await s.mark(), peer: 'wechat_nontax' });
const mood = (bill_mood, bill_moods = {}) => s.setup('wechat_nontax', { bill_mood, bill_moods });
// As if it had never come.
const lost = (merchant, on = D) => g.sql(`UPDATE recon_file SET state = 2 WHERE source = 3 AND merchant = '${merchant}' AND day = ${Date.parse(on) / DAY}`);
// one payment that is real, for its journal
const real = notice();
assert.equal((await bring(g, w.department, real)).status, 201);
assert.equal((await window.ask('POST', '/v1/hall/counter-payments', { key: randomUUID(), body: { payment_codes: [real.payment_code], channel: 'pos', reference: 'POS0001', amount_fen: 8000 } })).status, 201);
const journal = await number('SELECT MIN(journal) FROM pay_payment'), staff = await number('SELECT MIN(id) FROM staff');
// Paid there and here, a day ago.
async function paid_yesterday(count) {
	const ours = [];
	for (let i = 0; i < count; i++) {
		const { order_id } = await s.tell('wechat_nontax', 'place', { notice: payment_code(), fee: 8000 + i }), { trans_id } = await s.tell('wechat_nontax', 'pay', { order_id });
		await s.tell('wechat_nontax', 'earlier', { order_id });
		ours.push({ number: trans_id, fen: 8000 + i, ms: Date.now() - DAY });
	}
	await book(g, ours, { staff, journal, channel: 6 });
}

test('a file that is not there, or proves nothing, is asked for again and leaves nothing behind; the one that does is taken once, and the day fits', async () => {
	await paid_yesterday(2);
	await asked_again(one);
	for (const bad of ['error', 'truncated', 'cells', 'sums', 'other_merchant', 'huge']) {
		await mood(bad, { [two]: 'not_ready' });
		await asked_again(one);
		assert.deepEqual([await files(), await number('SELECT COUNT(*) FROM recon_item')], [[], 0], bad);
	}
	await until('it is in the log', () => ['cut_off', 'sum_differs', 'other_merchant'].every((reason) => g.log().includes(reason)));
	await mood('gzip', { [two]: 'not_ready' });
	const taken = await until('the first’s is here', async () => (await files()).find((f) => f.merchant === one));
	assert.deepEqual([taken.lines, taken.payments, taken.payment_fen], [2, 2, 16001]);
	assert.equal((await files()).length, 1, 'the other’s is not there yet');
	await until('the day fits', async () => (await look()).sources.some((r) => r.source === 'wechat_nontax' && r.state === 'done' && r.ours === 2 && r.theirs === 2 && r.matched === 2 && r.open === 0));
	assert.equal((await look()).missing, 'wechat_nontax', 'a file for each of them, or the day stays open');
	await mood('bom');
	await until('the other’s is here, without a line', async () => (await files()).some((f) => f.merchant === two && f.lines === 0));
	await until('the day needs the bureau’s still', async () => (await look()).missing === 'finance');
	await g.kill();
	await lost(two, day(-2));
	const kept = () => number(`SELECT COUNT(*) FROM recon_file WHERE day = ${Date.parse(D) / DAY}`), before = await kept(), since = await s.mark();
	await g.serve(); // who forgot when it asked last finds what is here
	await until('another day’s is here again', async () => (await files(day(-2))).some((f) => f.merchant === two));
	assert.equal((await s.log({ since })).entries.some((e) => asks(one)(e) || asks(two)(e)), false, 'what is here is not asked for');
	assert.deepEqual([before, await kept()], [2, 2]);
});

test('it is believed with the token all have, and one that is over is exchanged once', async () => {
	await mood('not_ready');
	await g.kill();
	await lost(two);
	await g.serve();
	await asked_again(two, 1); // it has a token
	const since = await s.mark();
	await s.tell('wechat', 'stale');
	await mood(null);
	await until('it is here again', async () => (await files()).some((f) => f.merchant === two));
	const said = (await s.log({ since })).entries.filter((e) => e.route === 'downloadbill' || e.route === 'stable_token').map((e) => `${e.route} ${e.code ?? 'ok'}`);
	const stale = said.indexOf('downloadbill 40001'), of = (what) => said.filter((one) => one === what).length;
	assert.deepEqual([said[stale + 1], of('downloadbill 40001'), of('stable_token ok')], ['stable_token ok', 1, 1], said.join());
	for (const word of [NONTAX_SECRET, 'access_token=']) assert.ok(!g.log().includes(word), `${word} is in the log`);
});

test('one that hangs keeps no day waiting: what is to be held beside our books is, after one call and before the next', async () => {
	const hangs = (since) => s.wait_for('one that hangs', (e) => e.route === 'downloadbill' && e.fault === 'hang', { since, peer: 'wechat_nontax' }), hang = () => s.fault('wechat_nontax', { hang: true, route: 'downloadbill', count: 1000 });
	await mood('not_ready');
	await g.kill();
	for (const on of [D, day(-2)]) await lost(two, on); // there is more than one to ask for
	await hang();
	let since = await s.mark();
	await g.serve();
	await hangs(since);
	const of_it = `FROM recon_run WHERE source = 3 AND day = ${Date.parse(D) / DAY}`, round = await number(`SELECT round ${of_it}`);
	assert.equal((await office.ask('POST', `/v1/office/runs?day=${D}`)).json.asked, 1);
	since = await s.mark();
	await s.clear_faults(); // that call is over
	await hang();
	await until('the day was held again', async () => (await number(`SELECT COUNT(*) ${of_it} AND state = 3 AND round > ${round}`)) === 1);
	await hangs(since);
	await s.clear_faults();
	await mood(null);
	await until('it is here again', async () => (await files()).some((f) => f.merchant === two));
});

test('somebody brings it: the same is the one that is here, another merchant’s is not taken', async () => {
	const text = (await s.tell('wechat_nontax', 'file', { day: D, mch_id: one })).text, bring_file = (body) => office.ask('POST', `/v1/office/statements?source=wechat_nontax&day=${D}`, { key: randomUUID(), body: Buffer.from(body), type: 'application/octet-stream' });
	const again = await bring_file(text);
	assert.deepEqual([again.status, again.json.is_new], [200, false], again.text);
	const wrong = await bring_file(text.replaceAll(one, '1900000099'));
	assert.deepEqual([wrong.status, wrong.json.reason], [422, 'other_merchant'], wrong.text);
	assert.equal((await bring_file('{"errcode":-1,"errmsg":"system error"}')).status, 422, 'an error is no file');
});

test('what has not come when it is given up is told to the payment office, until it is brought or the day is closed', async () => {
	const old = day(-2);
	await mood('not_ready');
	await g.kill();
	for (const on of [D, old]) await lost(two, on);
	g.configure({ 'payments.fetch_to': 1 });
	await g.serve();
	const told = (await office.ask('GET', `/v1/office/days?day=${old}`)).json;
	assert.deepEqual([told.statements.map((f) => f.merchant), told.not_fetched], [[one], [{ source: 'wechat_nontax', merchant: two }]]);
	assert.match(await g.command('reconcile', 'status', '--day', old), /wechat_nontax did not come of merchant 1900000012/);
	await until('it is in the log', () => /"ev":"bill_missing".*"wechat_nontax".*"1900000012"/.test(g.log()));
	assert.ok(!/"ev":"bill_missing".*"1900000011"/.test(g.log()), 'the one that came is not missing');
});

after(async () => {
	assert.equal(await number('SELECT COALESCE(SUM(amount_fen), 0) FROM ledger_posting'), 0);
});
