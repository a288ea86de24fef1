// Goal: the sandbox's WeChat Pay is asked, answers and calls back as the real one, and refuses what the real one refuses. Judge: the wechatpay-axios-plugin package, which signs what
// it sends and verifies what it gets; callbacks by its Rsa and Aes. The rest by hand.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import http from 'node:http';
import { gunzipSync } from 'node:zlib';
import test, { after, beforeEach } from 'node:test';
import Pay from 'wechatpay-axios-plugin';
import { sandbox } from '../sandbox/lib/client.mjs';
import { merchant, platform, public_key, sign_with } from '../sandbox/lib/wechat_pay_keys.mjs';

const { Aes, Formatter, Rsa, Wechatpay } = Pay;
const s = await sandbox();
beforeEach(() => s.reset());
const MCHID = '1900000001', APPID = 'wx0123456789abcdef', API_KEY = 'siban-sandbox-apiv3-key-00000001';

// Whoever is called back: keeps what came and answers as told.
const heard = [];
let answers = [];
const listener = http.createServer((req, res) => {
	let body = '';
	req.setEncoding('utf8').on('data', (text) => { body += text; }).on('end', () => {
		heard.push({ headers: req.headers, body });
		res.writeHead(answers.shift() ?? 204).end();
	});
}).listen(0, '127.0.0.1');
await new Promise((resolve) => listener.once('listening', resolve));
after(() => listener.close());
const notify_url = `http://127.0.0.1:${listener.address().port}/callbacks/wechatpay`;

const certs = { [public_key.serial]: public_key.public_pem, [platform.serial]: platform.certificate_pem };
const client = (more = {}) => new Wechatpay({ mchid: MCHID, serial: merchant.serial, privateKey: merchant.key_pem, certs, baseURL: s.url, ...more }).v3;
const order = (more = {}) => ({ appid: APPID, mchid: MCHID, description: '政府非税收入缴费', out_trade_no: 'T0000001', notify_url, amount: { total: 20600, currency: 'CNY' }, payer: { openid: 'o-1' }, ...more });
const code_of = (promise) => promise.then(() => 'no refusal', ({ response, message }) => response?.data?.code ?? message);
const pushed = (n, more = {}) => s.wait_for(`${n} callbacks`, (e) => e.kind === 'push', { n, peer: 'wechat_pay', ...more });

test('the package orders, asks, closes, and verifies what it gets, whichever key signs', async () => {
	const v3 = client();
	for (const signs_with of ['public_key', 'certificate']) {
		await s.setup('wechat_pay', { signs_with });
		const out_trade_no = `T-${signs_with}`;
		const { data: { prepay_id } } = await v3.pay.transactions.jsapi.post(order({ out_trade_no }));
		assert.match(prepay_id, /^wx\d{14}/);
		const { data } = await v3.pay.transactions.outTradeNo.$out_trade_no$.get({ params: { mchid: MCHID }, out_trade_no });
		assert.deepEqual([data.trade_state, data.transaction_id], ['NOTPAY', undefined]);
		assert.equal((await v3.pay.transactions.outTradeNo.$out_trade_no$.close.post({ mchid: MCHID }, { out_trade_no })).status, 204);
		assert.equal(await code_of(v3.pay.transactions.jsapi.post(order({ out_trade_no }))), 'ORDER_CLOSED');
	}
	assert.match((await v3.pay.transactions.native.post(order({ out_trade_no: 'T-native', payer: undefined }))).data.code_url, /^weixin:/);
	assert.match((await v3.pay.transactions.h5.post(order({ out_trade_no: 'T-h5-001', payer: undefined, scene_info: { payer_client_ip: '10.1.2.3', h5_info: { type: 'Wap' } } }))).data.h5_url, /^https:/);
	for (const mood of ['signature', 'probe', 'serial', 'time', 'none', 'merchant']) {
		await s.setup('wechat_pay', { wrong_answers: mood });
		assert.notEqual(await code_of(v3.pay.transactions.outTradeNo.$out_trade_no$.get({ params: { mchid: MCHID }, out_trade_no: 'T-native' })), 'no refusal', mood);
	}
});

test('refused: who signs wrongly, for another merchant, with a number that was another order, or asks for nonsense', async () => {
	const v3 = client();
	assert.equal(await code_of(client({ privateKey: platform.key_pem }).pay.transactions.jsapi.post(order())), 'SIGN_ERROR');
	assert.equal(await code_of(client({ serial: platform.serial, certs: { [public_key.serial]: public_key.public_pem } }).pay.transactions.jsapi.post(order())), 'SIGN_ERROR');
	for (const [more, code] of [[{ appid: 'wx1' }, 'APPID_MCHID_NOT_MATCH'], [{ amount: { total: 0, currency: 'CNY' } }, 'PARAM_ERROR'], [{ out_trade_no: 'x' }, 'PARAM_ERROR'], [{ payer: undefined }, 'PARAM_ERROR'],
		[{ notify_url: `${notify_url}?a=1` }, 'PARAM_ERROR'], [{ time_expire: '2020-01-01T00:00:00+08:00' }, 'PARAM_ERROR'], [{ description: '' }, 'PARAM_ERROR']])
		assert.equal(await code_of(v3.pay.transactions.jsapi.post(order(more))), code, JSON.stringify(more));
	await v3.pay.transactions.jsapi.post(order());
	await v3.pay.transactions.jsapi.post(order());
	assert.equal(await code_of(v3.pay.transactions.jsapi.post(order({ description: 'other' }))), 'OUT_TRADE_NO_USED');
	assert.equal(await code_of(v3.pay.transactions.outTradeNo.$out_trade_no$.get({ params: { mchid: MCHID }, out_trade_no: 'T9999999' })), 'ORDER_NOT_EXIST');
	assert.equal((await s.try_control('POST', '/peers/wechat_pay/pay', { out_trade_no: 'T9999999' })).status, 422);
	assert.equal((await s.try_control('PUT', '/peers/wechat_pay', { signs_with: 'ink' })).status, 422);
});

test('a phone pays with parameters its merchant signed; the callback opens and verifies; it comes again until it is taken', async () => {
	await s.setup('wechat_pay', { second_ms: 1 });
	const { data: { prepay_id } } = await client().pay.transactions.jsapi.post(order()), timeStamp = `${Formatter.timestamp()}`, nonceStr = Formatter.nonce(), words = `prepay_id=${prepay_id}`;
	const parameters = { timeStamp, nonceStr, package: words, signType: 'RSA', paySign: Rsa.sign(Formatter.joinedByLineFeed(APPID, timeStamp, nonceStr, words), merchant.key_pem) };
	const wrong = await s.try_control('POST', '/peers/wechat_pay/pay', { parameters: { ...parameters, timeStamp: `${Number(timeStamp) + 1}` } });
	assert.deepEqual([wrong.status, wrong.json.detail], [422, 'paySign is wrong']);
	heard.length = 0;
	answers = [500, 401];
	const { transaction_id } = await s.tell('wechat_pay', 'pay', { parameters });
	const tries = await pushed(3);
	assert.deepEqual(tries.map((e) => [e.status, e.is_accepted]), [[500, false], [401, false], [204, true]]);
	assert.equal(new Set(heard.map((one) => one.headers['wechatpay-nonce'])).size, 3);
	const { headers: h, body } = heard[0], text = Formatter.joinedByLineFeed(h['wechatpay-timestamp'], h['wechatpay-nonce'], body);
	assert.ok(Rsa.verify(text, h['wechatpay-signature'], public_key.public_pem) && !Rsa.verify(`${text} `, h['wechatpay-signature'], public_key.public_pem));
	const { resource, event_type } = JSON.parse(body), trade = JSON.parse(Aes.AesGcm.decrypt(resource.ciphertext, API_KEY, resource.nonce, resource.associated_data));
	assert.deepEqual([event_type, trade.transaction_id, trade.amount.total, trade.trade_state], ['TRANSACTION.SUCCESS', transaction_id, 20600, 'SUCCESS']);
	assert.equal(await code_of(client().pay.transactions.outTradeNo.$out_trade_no$.close.post({ mchid: MCHID }, { out_trade_no: 'T0000001' })), 'ORDER_PAID');
	const made = await s.tell('wechat_pay', 'make', { out_trade_no: 'T0000001', by: 'certificate', changes: { mchid: 'x' } });
	assert.ok(Rsa.verify(Formatter.joinedByLineFeed(made.headers['wechatpay-timestamp'], made.headers['wechatpay-nonce'], made.body), made.headers['wechatpay-signature'], platform.certificate_pem));
});

test('refunds: once for each number, no more than was paid, and their end is told', async () => {
	const v3 = client();
	await s.setup('wechat_pay', { callbacks: false });
	await v3.pay.transactions.jsapi.post(order());
	const { transaction_id } = await s.tell('wechat_pay', 'pay', { out_trade_no: 'T0000001' });
	const ask = (out_refund_no, refund, more = {}) => v3.refund.domestic.refunds.post({ transaction_id, out_refund_no, notify_url, amount: { refund, total: 20600, currency: 'CNY' }, ...more });
	await s.setup('wechat_pay', { callbacks: true });
	heard.length = 0;
	const first = (await ask('R1', 20000)).data, again = (await ask('R1', 20000)).data;
	assert.deepEqual([first.status, again.refund_id], ['PROCESSING', first.refund_id]);
	assert.deepEqual(await Promise.all([code_of(ask('R1', 1)), code_of(ask('R2', 601)), code_of(ask('R3', 0)), code_of(ask('R3', 1, { transaction_id: 'x' })), code_of(ask('R3', 1, { reason: '退'.repeat(27) }))]),
		['INVALID_REQUEST', 'INVALID_REQUEST', 'PARAM_ERROR', 'RESOURCE_NOT_EXISTS', 'PARAM_ERROR']);
	await pushed(1);
	const { resource } = JSON.parse(heard[0].body), told = JSON.parse(Aes.AesGcm.decrypt(resource.ciphertext, API_KEY, resource.nonce, resource.associated_data));
	assert.deepEqual([told.refund_status, told.out_refund_no, told.amount.refund], ['SUCCESS', 'R1', 20000]);
	assert.equal((await v3.refund.domestic.refunds.$out_refund_no$.get({ out_refund_no: 'R1' })).data.status, 'SUCCESS');
	assert.equal(await code_of(v3.refund.domestic.refunds.$out_refund_no$.get({ out_refund_no: 'R9' })), 'RESOURCE_NOT_EXISTS');
});

test('certificates open with the APIv3 key; bills lie where it says, with the digest it says, and the package reads them', async () => {
	const v3 = client(), { data: { data: [one] } } = await v3.certificates.get(), { nonce, associated_data, ciphertext } = one.encrypt_certificate;
	assert.equal(Aes.AesGcm.decrypt(ciphertext, API_KEY, nonce, associated_data), platform.certificate_pem);
	await s.setup('wechat_pay', { has_certificates: false });
	assert.equal(await code_of(v3.certificates.get()), 'RESOURCE_NOT_EXISTS');
	await v3.pay.transactions.jsapi.post(order());
	await s.setup('wechat_pay', { callbacks: false });
	const { transaction_id } = await s.tell('wechat_pay', 'pay', { out_trade_no: 'T0000001' }), bill_date = new Date(Date.now() + 8 * 3600e3).toISOString().slice(0, 10);
	const { data } = await v3.bill.tradebill.get({ params: { bill_date, bill_type: 'ALL', tar_type: 'GZIP' } });
	const file = await v3.billdownload.file.get({ params: { token: new URL(data.download_url).searchParams.get('token') }, responseType: 'arraybuffer', transformResponse: [] });
	const text = gunzipSync(file.data);
	assert.equal(createHash('sha1').update(text).digest('hex'), data.hash_value);
	const { rows, summary } = Formatter.castCsvBill(text);
	assert.deepEqual([rows.length, Object.values(rows[0]).includes(transaction_id), Object.values(summary).includes('206.00')], [1, true, true]);
	assert.equal(await code_of(v3.bill.tradebill.get({ params: { bill_date: '2020-01-01' } })), 'NO_STATEMENT_EXIST');
	await s.setup('wechat_pay', { creating: ['2020-01-01'] });
	assert.equal(await code_of(v3.bill.tradebill.get({ params: { bill_date: '2020-01-01' } })), 'STATEMENT_CREATING');
	assert.ok(sign_with(merchant.key_pem, 'x').length === 344);
});
