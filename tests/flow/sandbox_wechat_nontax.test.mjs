// Goal: the sandbox's non-tax platform of WeChat answers as its documents say the real one does, and refuses what they refuse: tokens of other accounts, the real bank, amounts that do not add up,
// a second refund under one number of another amount. No package speaks to the real one, so all is done by hand, after the documents.
import assert from 'node:assert/strict';
import test, { beforeEach } from 'node:test';
import { KEY, call_of, reply_of } from '../sandbox/lib/nontax_seal.mjs';
import { sandbox } from '../sandbox/lib/client.mjs';
import { ask } from './lib/outside.mjs';

const s = await sandbox();
beforeEach(() => s.reset());
const APPID = 'wxnontax00000000', SECRET = 'ffffffffffffffffffffffffffffffff';
const send = async (target, body, method = 'POST') => (await ask(s.url, { method, target, headers: { 'content-type': 'application/json' }, body: typeof body === 'string' ? body : JSON.stringify(body) })).json;
const token_of = async (appid = APPID, secret = SECRET) => (await send('/cgi-bin/stable_token', { grant_type: 'client_credential', appid, secret })).access_token;
const order = (more = {}) => ({ appid: APPID, bank_id: 'BANK-TEST', desc: '缴费', ip: '10.1.2.3', fee: 8000, payment_notice_no: '62120226100000000012', department_code: '065080906', department_name: '示例单位', region_code: '621202',
	payment_notice_type: 1, payment_notice_create_time: 1795300000, items: [{ no: 1, item_id: '1', item_name: '登记费', fee: 8000 }], scene: 'biz', trade_type: 'MWEB', return_url: 'https://app.example/back', ...more });
async function platform() {
	const token = await token_of();
	return (path, body) => send(`/nontax/${path}?access_token=${token}`, body);
}

test('an order, its page, its states, all orders of a notice', async () => {
	const call = await platform(), [one, two] = [await call('unifiedorder', order()), await call('unifiedorder', order({ openid: 'o-1', trade_type: undefined, scene: 'miniprogram', return_url: undefined }))];
	assert.deepEqual([one.errcode, one.order_id.length, two.errcode, one.order_id === two.order_id], [0, 28, 0, false]);
	assert.match(one.pay_url, /^https:/);
	const show = (order_id) => call('getorder', { appid: APPID, order_id });
	assert.deepEqual([(await show(one.order_id)).status, (await show(one.order_id)).pay_finish_time, (await show('nobody')).errcode], [1, 0, 9700002]);
	const { trans_id } = await s.tell('wechat_nontax', 'pay', { order_id: one.order_id });
	await s.tell('wechat_nontax', 'close', { order_id: two.order_id });
	assert.deepEqual([(await show(one.order_id)).status, (await show(one.order_id)).trans_id, (await show(two.order_id)).status], [3, trans_id, 12]);
	const list = await call('getorderlist', { appid: APPID, region_code: '621202', department_code: '065080906', payment_notice_no: '62120226100000000012' });
	assert.deepEqual([list.order_id_list.sort(), list.paid_order_id], [[one.order_id, two.order_id].sort(), one.order_id]);
});

test('what it refuses', async () => {
	const call = await platform(), mini = await token_of('wx0123456789abcdef', '0123456789abcdef0123456789abcdef');
	const rows = [[{ bank_id: undefined }, 'bank_id'], [{ fee: 7999 }, 'items'], [{ items: [] }, 'items'], [{ items: [{ no: 2, item_id: '1', item_name: 'x', fee: 8000 }] }, 'items'], [{ items: [{ no: 1, item_id: '1', item_name: 'x', fee: 8000, overdue: 8001 }] }, 'items'],
		[{ ip: undefined }, 'ip'], [{ scene: 'cityservice' }, 'scene'], [{ openid: 'o-1' }, 'openid'], [{ trade_type: undefined }, 'openid'], [{ return_url: undefined }, 'return_url'], [{ order_no: '1' }, 'payment_notice_no'],
		[{ payment_expire_date: '2026-12-08' }, 'payment_expire_date'], [{ payment_notice_create_time: undefined }, 'payment_notice_create_time']];
	for (const [more, field] of rows) {
		const answer = await call('unifiedorder', order(more));
		assert.deepEqual([answer.errcode, answer.errmsg.endsWith(field)], [9700001, true], JSON.stringify(more));
	}
	assert.deepEqual([(await call('unifiedorder', order({ appid: 'wxelse' }))).errcode, (await call('unifiedorder', 'no json')).errcode], [40013, 47001]);
	assert.equal((await send(`/nontax/unifiedorder?access_token=${mini}`, order())).errcode, 40001, 'the token of another account');
	assert.equal((await send('/nontax/unifiedorder', order())).errcode, 41001);
	await s.tell('wechat', 'stale');
	assert.equal((await call('unifiedorder', order())).errcode, 40001);
});

test('refunds: in parts, under one number each, never more than was paid', async () => {
	const call = await platform(), { order_id } = await call('unifiedorder', order());
	await s.setup('wechat_nontax', { refund_ends: false });
	const refund = (refund_out_id, refund_fee, more = {}) => call('refund', { appid: APPID, order_id, reason: '重复缴费', refund_fee, refund_out_id, ...more });
	assert.equal((await refund('R1', 1000)).errcode, 9700003, 'it is not paid');
	await s.tell('wechat_nontax', 'pay', { order_id });
	const [first, again] = [await refund('R1', 1000), await refund('R1', 1000)];
	assert.deepEqual([first.errcode, again.refund_order_id], [0, first.refund_order_id]);
	assert.deepEqual([(await refund('R1', 999)).errcode, (await refund('R2', 7001)).errcode, (await refund('R3', 1, { reason: '' })).errcode], [9700003, 9700003, 9700001]);
	const show = () => call('getorder', { appid: APPID, order_id });
	assert.deepEqual([(await show()).status, (await show()).partial_refund_info.refund_status], [3, 6]);
	await refund('R2', 7000);
	assert.ok(Array.isArray((await show()).partial_refund_info));
	for (const refund_out_id of ['R1', 'R2']) await s.tell('wechat_nontax', 'refund_end', { refund_out_id });
	assert.equal((await show()).status, 5, 'all of it');
});

test('the file of a day: what was paid and given back under a merchant number, in the answer itself; an error is JSON', async () => {
	const call = await platform(), { order_id } = await call('unifiedorder', order({ mch_id: '1900000012' })), yesterday = new Date(Date.now() - 16 * 3600e3).toISOString().slice(0, 10).replaceAll('-', '');
	const file = async (mch_id, more = {}) => (await ask(s.url, { method: 'POST', target: `/nontax/downloadbill?access_token=${await token_of()}`, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ appid: APPID, mch_id, bill_date: yesterday, bill_type: 'ALL', ...more }) })).text;
	const { trans_id } = await s.tell('wechat_nontax', 'pay', { order_id });
	await s.tell('wechat_nontax', 'earlier', { order_id });
	const lines = (await file('1900000012')).split('\r\n');
	assert.deepEqual([lines.length, lines[0].split(',').length, lines[3], lines[4]], [5, 27, '`1,`80.00,`0.00,`0.00,`0.00', '']);
	for (const cell of [trans_id, order_id, '1900000012', '62120226100000000012', 'SUCCESS', '80.00']) assert.ok(lines[1].includes(`\`${cell}`), cell);
	assert.equal((await file('1900000011')).split('\r\n').length, 4, 'another’s has no line');
	for (const [mch_id, more] of [['1900000099', {}], ['1900000011', { bill_date: '2026-11-22' }], ['1900000011', { bill_type: 'SOME' }]]) assert.equal(JSON.parse(await file(mch_id, more)).errcode, 9700001);
	await s.setup('wechat_nontax', { bill_mood: 'not_ready' });
	assert.equal(JSON.parse(await file('1900000011')).errcode, 9700004);
});

test('a payer’s code: one order however often it comes, and what it refuses', async () => {
	const call = await platform(), { ip, scene, trade_type, return_url, ...due } = order(), auth_code = '134567890123456789', pay = (more = {}) => call('micropay', { ...due, auth_code, ...more });
	for (const [more, field] of [[{ ip }, 'ip'], [{ scene }, 'scene'], [{ openid: 'o' }, 'openid'], [{ service_id: 1 }, 'service_id'], [{ return_url }, 'return_url'], [{ trade_type }, 'trade_type'], [{ auth_code: '164567890123456789' }, 'auth_code'],
		[{ auth_code: '13456789012345678' }, 'auth_code'], [{ bank_id: undefined }, 'bank_id'], [{ fee: 1 }, 'items'], [{ order_id: 'AQ' }, 'order_id']]) assert.match((await pay(more)).errmsg, new RegExp(`: ${field}$`), field);
	await s.setup('wechat_nontax', { micropay: 'password', names_late: true });
	const [first, second] = [await pay(), await pay()];
	assert.deepEqual([first.errcode, first.order_id, second.errcode], [9700101, undefined, 9700101]);
	assert.equal((await pay({ payment_notice_no: '62120226100000000020' })).errcode, 9700104, 'it was shown for another notice');
	await s.tell('wechat_nontax', 'typed', { auth_code });
	assert.deepEqual([(await pay({ order_id: second.order_id })).errcode, (await call('getorder', { appid: APPID, order_id: second.order_id })).status], [0, 3]);
	const { scans, orders } = await s.show('wechat_nontax');
	assert.deepEqual([scans.length, scans[0].calls, orders.length], [1, 3, 1]);
	await s.setup('wechat_nontax', { micropay: 'refused' });
	assert.deepEqual([(await pay({ auth_code: '134567890123456780' })).errcode, (await s.show('wechat_nontax')).orders.length], [9700103, 1]);
});

test('its calls are sealed and signed with its key, each by its own word', () => {
	const { word, body } = call_of(KEY, { status: 3 }), other = call_of(KEY, { status: 3 });
	assert.notEqual(word, other.word);
	assert.ok(!body.includes('status'));
	assert.equal(reply_of(KEY, word, body), null, 'a call is no answer');
});
