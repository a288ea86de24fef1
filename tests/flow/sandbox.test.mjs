// Goal: the sandbox's SMS platform refuses what the real one refuses, so that a gateway that satisfies it can be trusted with the real one.
// Judges: the published and captured signatures (unit/vectors/aliyun_acs3.json) and the platform's own SDK package, both ways.
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import test, { beforeEach } from 'node:test';
import dysms from '@alicloud/dysmsapi20170525';
import { $OpenApiUtil } from '@alicloud/openapi-core';
import { acs3_refusal, string_to_sign } from '../sandbox/lib/acs3.mjs';
import { sandbox } from '../sandbox/lib/client.mjs';
import { ACCESS_KEY, ACCESS_SECRET, aliyun_date, ask, ask_h2, message, query_of, receiver, sms_request } from './lib/outside.mjs';
import { within } from './lib/until.mjs';

const s = await sandbox();
beforeEach(() => s.reset());

const { cases } = JSON.parse(readFileSync(new URL('../unit/vectors/aliyun_acs3.json', import.meta.url), 'utf8'));

// A vector as it would arrive.
function question_of(v) {
	const header_list = v.canonical_headers.trimEnd().split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]);
	header_list.push(['authorization', v.authorization], ['user-agent', 'siban'], ['accept', 'application/json']);
	return { method: 'POST', path: '/', query: v.canonical_query, header_list, body: Buffer.alloc(0) };
}

// The server's judgement at the moment of signing; every nonce is new.
function refusal_of(v, question) {
	const signed_at = question_of(v).header_list.find(([name]) => name === 'x-acs-date')[1];
	return acs3_refusal(question, { secret_of: (id) => (id === v.access_key_id ? v.access_key_secret : undefined), is_nonce_new: () => true, now_ms: Date.parse(signed_at) });
}

const send = (fields, options) => ask(s.url, sms_request(s, fields, options));
const messages = async () => (await s.show('aliyun_sms')).messages;

function assert_refused(answer, status, code) {
	assert.equal(answer.status, status, answer.text);
	assert.equal(answer.json.Code, code, answer.text);
	assert.match(answer.json.RequestId, /^[0-9A-F-]{36}$/);
	return answer;
}

test('the published, the captured and the derived signature are right', () => {
	assert.equal(cases.length, 3);
	for (const v of cases) {
		const ours = string_to_sign(question_of(v));
		assert.equal(ours.canonical, v.canonical_request);
		assert.equal(ours.text, v.string_to_sign);
		assert.equal(refusal_of(v, question_of(v)), null, v.kind);
	}
});

test('one bit flipped anywhere in what is signed is refused', () => {
	for (const v of cases) {
		const flips = (text, into) => [...Buffer.from(text, 'latin1').keys()].flatMap((at) => [0, 1, 2, 3, 4, 5, 6, 7].map((bit) => {
			const bytes = Buffer.from(text, 'latin1');
			bytes[at] ^= 1 << bit;
			return into(bytes.toString('latin1'));
		}));
		const q = question_of(v);
		const spoiled = [...flips(q.method, (method) => ({ ...q, method })), ...flips(q.path, (path) => ({ ...q, path })), ...flips(q.query, (query) => ({ ...q, query }))];
		for (const [i, [name, value]] of q.header_list.entries()) {
			if (name === 'user-agent' || name === 'accept') continue; // nobody signs these
			const put = (header) => ({ ...q, header_list: q.header_list.map((one, j) => (j === i ? header : one)) });
			spoiled.push(...flips(value, (one) => put([name, one])), ...flips(name, (one) => put([one.toLowerCase(), value])).filter((one) => one.header_list[i][0] !== name));
		}
		assert.ok(spoiled.length > 4000, `${spoiled.length}`);
		for (const one of spoiled) assert.notEqual(refusal_of(v, one), null, JSON.stringify(one.header_list));
		assert.notEqual(refusal_of(v, { ...q, body: Buffer.from('\0') }), null);
	}
});

test('a header that is sent but not signed, or signed but not sent, or sent twice, is refused', () => {
	for (const v of cases) {
		const q = question_of(v), more = (...headers) => refusal_of(v, { ...q, header_list: [...q.header_list, ...headers] });
		assert.equal(more(['x-acs-security-token', 'stolen']).code, 'SignatureDoesNotMatch');
		assert.equal(more(['content-type', 'text/plain']).code, 'SignatureDoesNotMatch');
		assert.equal(more(['x-acs-action', 'SendSms']).code, 'MissingAction');
		assert.notEqual(refusal_of(v, { ...q, header_list: q.header_list.filter(([name]) => name !== 'host') }), null);
	}
});

test('a well signed message is sent, over every HTTP there is', async () => {
	for (const way of [ask, ask_h2]) {
		const fields = message(), answer = await way(s.url, sms_request(s, fields));
		assert.equal(answer.status, 200, answer.text);
		assert.equal(answer.json.Code, 'OK', answer.text);
		assert.match(answer.json.BizId, /^[0-9]{18}\^0$/);
		const sent = (await messages()).find((m) => m.out_id === fields.OutId);
		assert.equal(sent.biz_id, answer.json.BizId);
		assert.equal(sent.text, '【陇南四办】您的办件LN62120220261123481516236：已受理。请登录四办查看。');
	}
});

test('a wrong secret is told the string that should have been signed', async () => {
	const request = sms_request(s, message(), { secret: `${ACCESS_SECRET}x` });
	const refused = assert_refused(await ask(s.url, request), 400, 'SignatureDoesNotMatch');
	const expected = string_to_sign({ method: 'POST', path: '/', query: request.target.slice(2), header_list: Object.entries(request.headers).filter(([name]) => name !== 'authorization'), body: Buffer.alloc(0) });
	assert.ok(refused.json.Message.endsWith(`server string to sign is:${expected.text}`), refused.json.Message);
	assert.equal(refused.json.HostId, new URL(s.url).host);
	assert_refused(await send(message(), { key: 'nobody' }), 404, 'InvalidAccessKeyId.NotFound');
	assert.deepEqual(await messages(), []);
});

test('fifteen minutes, either way', async () => {
	for (const [offset_s, code] of [[-14 * 60, 'OK'], [14 * 60, 'OK'], [-15 * 60 - 30, 'InvalidTimeStamp.Expired'], [15 * 60 + 30, 'InvalidTimeStamp.Expired']]) {
		const answer = await send(message(), { headers: { 'x-acs-date': aliyun_date(offset_s * 1000) } });
		assert.equal(answer.json.Code, code, `${offset_s} s`);
		assert.equal(answer.status, code === 'OK' ? 200 : 400);
	}
	for (const date of ['2026-11-25', aliyun_date().replace('Z', '.000Z'), aliyun_date().replace('T', ' '), '2026-13-45T00:00:00Z'])
		assert_refused(await send(message(), { headers: { 'x-acs-date': date } }), 400, 'InvalidTimeStamp.Format');
});

test('a nonce is used once; a refused request does not use it up', async () => {
	const nonce = randomUUID(), headers = { 'x-acs-signature-nonce': nonce };
	assert_refused(await send(message(), { secret: 'wrong', headers }), 400, 'SignatureDoesNotMatch');
	assert.equal((await send(message(), { headers })).json.Code, 'OK');
	assert_refused(await send(message(), { headers }), 400, 'SignatureNonceUsed');
	const request = sms_request(s);
	await ask(s.url, request);
	assert_refused(await ask(s.url, request), 400, 'SignatureNonceUsed');
	assert.equal((await messages()).length, 2);
});

test('the query on the wire is the canonical one, byte for byte', async () => {
	const fields = message({ TemplateParam: JSON.stringify({ case_no: 'a b*c~d', status: '(办结)' }) });
	for (const other of [(q) => q.replaceAll('%20', '+'), (q) => q.replaceAll('%7B', '%7b'), (q) => q.replaceAll('~', '%7E'),
		(q) => q.split('&').reverse().join('&'), (q) => `${q}&`]) {
		const request = sms_request(s, fields), query = request.target.slice(2);
		assert.notEqual(other(query), query);
		assert_refused(await ask(s.url, { ...request, target: `/?${other(query)}` }), 400, 'SignatureDoesNotMatch');
	}
	assert.equal((await ask(s.url, sms_request(s, fields))).json.Code, 'OK');
});

test('what is not there, or not spoken here', async () => {
	assert_refused(await send(message(), { headers: { 'x-acs-action': 'SendNothing' } }), 404, 'InvalidApi.NotFound');
	assert_refused(await send(message(), { headers: { 'x-acs-version': '2017-05-26' } }), 404, 'InvalidApi.NotFound');
	for (const name of ['x-acs-date', 'x-acs-signature-nonce', 'x-acs-content-sha256', 'authorization']) {
		const request = sms_request(s);
		delete request.headers[name];
		const { status, json } = await ask(s.url, request);
		assert.equal(status, 400);
		assert.match(json.Code, /^Missing|^IncompleteSignature$/);
	}
	for (const name of ['PhoneNumbers', 'SignName', 'TemplateCode']) assert_refused(await send(message({ [name]: '' })), 400, `Missing${name}`);
	const form = sms_request(s);
	assert_refused(await ask(s.url, { ...form, headers: { ...form.headers, 'content-type': 'application/x-www-form-urlencoded' }, body: 'OutId=x' }), 400, 'SignatureDoesNotMatch');
	assert.deepEqual(await messages(), []);
});

test('what the platform says about the message itself', async () => {
	const param = (value) => message({ TemplateParam: typeof value === 'string' ? value : JSON.stringify(value) });
	const full = { case_no: 'LN1', status: '已受理' };
	for (const [fields, code] of [
		[message({ PhoneNumbers: '12800138000' }), 'isv.MOBILE_NUMBER_ILLEGAL'],
		[message({ PhoneNumbers: '1380013800' }), 'isv.MOBILE_NUMBER_ILLEGAL'],
		[message({ PhoneNumbers: '+8513800138000' }), 'isv.MOBILE_NUMBER_ILLEGAL'],
		[message({ PhoneNumbers: '13800138000,,13800138001' }), 'isv.MOBILE_NUMBER_ILLEGAL'],
		[message({ PhoneNumbers: Array(1001).fill('13800138000').join(',') }), 'isv.MOBILE_COUNT_OVER_LIMIT'],
		[message({ SignName: '别人的签名' }), 'isv.SMS_SIGNATURE_ILLEGAL'],
		[message({ TemplateCode: 'SMS_1' }), 'isv.SMS_TEMPLATE_ILLEGAL'],
		[message({ TemplateCode: 'constructor' }), 'isv.SMS_TEMPLATE_ILLEGAL'],
		[message({ SmsUpExtendCode: '12a' }), 'isv.EXTEND_CODE_ERROR'],
		[param('not json'), 'isv.INVALID_JSON_PARAM'],
		[param('["LN1"]'), 'isv.INVALID_JSON_PARAM'],
		[param({ ...full, status: 5 }), 'isv.INVALID_JSON_PARAM'],
		[param({ case_no: 'LN1' }), 'isv.TEMPLATE_MISSING_PARAMETERS'],
		[param({ ...full, case_no: '' }), 'isv.TEMPLATE_MISSING_PARAMETERS'],
		[param({ ...full, status: '办'.repeat(36) }), 'isv.PARAM_LENGTH_LIMIT'],
		[param({ ...full, status: '见 https://t.cn/a' }), 'isv.PARAM_NOT_SUPPORT_URL'],
	]) assert_refused(await send(fields), 200, code);
	assert.deepEqual(await messages(), []);
	for (const fields of [param({ ...full, more: 'is ignored' }), message({ PhoneNumbers: '+8613800138000,8613800138000,008613800138000' })])
		assert.equal((await send(fields)).json.Code, 'OK');
	assert.equal((await messages()).length, 4);
});

test('frequency, when it is switched on; money, when it is counted', async () => {
	await s.setup('aliyun_sms', { frequency: { per_minute: 1, per_hour: 5, per_day: 10 } });
	assert.equal((await send()).json.Code, 'OK');
	assert.equal(assert_refused(await send(), 200, 'isv.BUSINESS_LIMIT_CONTROL').json.Message, '触发分钟级流控Permits:1');
	assert.equal((await send(message({ PhoneNumbers: '13800138009' }))).json.Code, 'OK', 'another number is another count');
	await s.setup('aliyun_sms', { frequency: { per_minute: 99, per_hour: 1, per_day: 10 } });
	assert.equal(assert_refused(await send(), 200, 'isv.BUSINESS_LIMIT_CONTROL').json.Message, '触发小时级流控Permits:1');
	await s.setup('aliyun_sms', { frequency: null, balance: 2 });
	assert.equal((await send(message({ PhoneNumbers: '13800138001,13800138002' }))).json.Code, 'OK');
	assert_refused(await send(), 200, 'isv.AMOUNT_NOT_ENOUGH');
	assert.equal((await messages()).length, 4);
});

test('it does not deduplicate: the same OutId twice is two messages', async () => {
	const fields = message();
	const first = (await send(fields)).json.BizId, second = (await send(fields)).json.BizId;
	assert.notEqual(first, second);
	assert.deepEqual((await messages()).filter((m) => m.out_id === fields.OutId).map((m) => m.biz_id), [first, second]);
	const { entries } = await s.log({ peer: 'aliyun_sms' });
	assert.deepEqual(entries.filter((e) => e.out_id === fields.OutId && e.acted).map((e) => e.biz_id), [first, second]);
});

test('a long text is several parts', async () => {
	await s.setup('aliyun_sms', { variable_max: 500, templates: { SMS_2: '${text}' } });
	for (const [length, parts] of [[64, '1'], [65, '2'], [128, '2'], [129, '3']]) { // 【陇南四办】 is six
		assert.equal((await send(message({ TemplateCode: 'SMS_2', TemplateParam: JSON.stringify({ text: '办'.repeat(length) }) }))).json.Code, 'OK');
		assert.equal((await messages()).at(-1).sms_size, parts, `${length} characters and the signature`);
	}
});

// ---- the platform's own SDK ----

const sdk = (secret) => new dysms.default(new $OpenApiUtil.Config({ accessKeyId: ACCESS_KEY, accessKeySecret: secret, endpoint: new URL(s.url).host, protocol: 'http', regionId: 'cn-hangzhou' }));

test('the SDK sends successfully', async () => {
	const fields = { phoneNumbers: '13800138000', signName: '陇南四办', templateCode: 'SMS_100000002', templateParam: JSON.stringify({ case_no: "LN*(1)'~!", status: '已 受+理' }), outId: 'sdk-1' };
	const { body } = await sdk(ACCESS_SECRET).sendSms(new dysms.SendSmsRequest(fields));
	assert.equal(body.code, 'OK');
	const [sent] = await messages();
	assert.equal(body.bizId, sent.biz_id);
	assert.equal(sent.out_id, 'sdk-1');
	assert.match(sent.text, /LN\*\(1\)'~!：已 受\+理/);
});

test('the SDK is refused with a wrong secret, and reads a business refusal', async () => {
	const fields = { phoneNumbers: '13800138000', signName: '陇南四办', templateCode: 'SMS_100000002', templateParam: '{"case_no":"1","status":"2"}' };
	await assert.rejects(sdk('wrong').sendSms(new dysms.SendSmsRequest(fields)), (error) => error.code === 'SignatureDoesNotMatch' && error.statusCode === 400);
	const { body } = await sdk(ACCESS_SECRET).sendSms(new dysms.SendSmsRequest({ ...fields, phoneNumbers: '110' }));
	assert.equal(body.code, 'isv.MOBILE_NUMBER_ILLEGAL');
	assert.deepEqual(await messages(), []);
});

test('our own requests, signed by the SDK\'s rules, are what it signs', () => {
	assert.equal(query_of(cases[2].params), cases[2].canonical_query);
	assert.equal(createHash('sha256').digest('hex'), cases[2].body_sha256);
});

// ---- receipts ----

// The probe's own time limit is a test of its own; here it must not decide anything.
const listen_at = (callback, more = {}) => s.setup('aliyun_sms', { callback_url: callback.url, probe_ms: 20000, ...more });
const OK = { body: { code: 0, msg: '接收成功' } };
const pushes = (n, fits = () => true) => s.wait_for(`${n} pushes`, fits, { n, peer: 'aliyun_sms', kind: 'push' });

test('a receipt follows, in the documented form', async () => {
	const callback = await receiver(() => OK), fields = message();
	await listen_at(callback);
	assert.equal(callback.got[0].method, 'GET', 'the probe');
	const { BizId: biz_id } = (await send(fields)).json;
	const [push] = await pushes(1);
	assert.equal(push.is_accepted, true);
	const [receipt, ...more] = JSON.parse(callback.got[1].text);
	assert.deepEqual(more, []);
	assert.match(receipt.send_time, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
	assert.ok(Math.abs(Date.parse(`${receipt.report_time.replace(' ', 'T')}+08:00`) - Date.now()) < 60000, receipt.report_time);
	assert.deepEqual({ ...receipt, send_time: '', report_time: '' }, { phone_number: '13800138000', send_time: '', report_time: '', success: true, err_code: 'DELIVERED',
		err_msg: '用户接收成功', sms_size: '1', biz_id, out_id: fields.OutId });
});

test('the last digits decide what becomes of a message', async () => {
	const callback = await receiver(() => OK);
	await listen_at(callback);
	await send(message({ PhoneNumbers: '13800130001,13800130002,13800130003,13800139999' }));
	await pushes(1);
	assert.deepEqual(JSON.parse(callback.got[1].text).map((r) => [r.phone_number.slice(-4), r.success, r.err_code]),
		[['0001', false, 'UNDELIV'], ['0002', false, 'MK:0001'], ['9999', true, 'DELIVERED']], '0003 never hears');
	await send(message({ PhoneNumbers: '13800130004', OutId: 'twice' }));
	assert.deepEqual((await pushes(2, (e) => e.out_id === 'twice')).map((e) => e.is_accepted), [true, true]);
});

test('a receipt may overtake the answer', async () => {
	const order = [];
	const callback = await receiver((method) => {
		if (method === 'POST') order.push('receipt');
		return OK;
	});
	await listen_at(callback);
	assert.equal((await send(message({ PhoneNumbers: '13800130005' }))).json.Code, 'OK');
	order.push('answer');
	assert.deepEqual(order, ['receipt', 'answer']);
});

test('what is not acknowledged is pushed again after 1, 5 and 10 minutes, then given up', async () => {
	const answers = [{ status: 500, body: { code: 0 } }, { body: 'no json' }, { body: { code: '0' } }, { body: { msg: 'no code' } }];
	let posts = 0;
	const callback = await receiver((method) => (method === 'GET' ? OK : answers[posts++]));
	await listen_at(callback, { minute_ms: 20 });
	await send();
	const tries = await pushes(4);
	assert.deepEqual(tries.map((e) => [e.attempt, e.is_accepted, e.is_given_up]), [[1, false, false], [2, false, false], [3, false, false], [4, false, true]]);
	assert.equal(new Set(tries.map((e) => e.body)).size, 1, 'the same bytes each time');
	const at = tries.map((e) => Date.parse(e.at)), least = (i, minutes) => assert.ok(at[i] - at[i - 1] >= minutes * 20 - 5, `${at[i] - at[i - 1]} ms before try ${i + 1}`);
	[1, 5, 10].forEach((minutes, i) => least(i + 1, minutes));
});

test('any number is an acknowledgement, and no answer is none', async () => {
	let posts = 0;
	const callback = await receiver((method) => (method === 'GET' ? OK : ++posts === 1 ? null : { body: { code: 7 } }));
	await listen_at(callback, { minute_ms: 5, push_timeout_ms: 500 });
	await send();
	const [first] = await pushes(1), [accepted] = await pushes(1, (e) => e.is_accepted);
	assert.deepEqual([first.is_accepted, first.error, first.status], [false, 'no answer within 500 ms', null]);
	assert.ok(accepted.attempt > 1 && accepted.answer === '{"code":7}', JSON.stringify(accepted));
});

test('a callback is saved only when it answers the probe in time, and lies on this machine', async () => {
	const wrong = async (callback_url, words) => {
		const { status, json } = await s.try_control('PUT', '/peers/aliyun_sms', { callback_url });
		assert.equal(status, 422);
		assert.match(json.detail, words);
	};
	await wrong((await receiver(() => null)).url, /no answer within 700 ms/);
	await wrong((await receiver(() => ({ status: 404, body: { code: 0 } }))).url, /wants 200/);
	await wrong((await receiver(() => ({ body: { code: 1 } }))).url, /wants 200/);
	for (const url of ['http://192.0.2.1/x', 'http://example.com/x', 'http://127.0.0.1.example.com/', 'ftp://127.0.0.1/', 'nonsense']) await wrong(url, /loopback only|only http|not a URL/);
	assert.equal((await s.show('aliyun_sms')).settings.callback_url, null);
	await within(20000, 'a message without a callback', send());
});
