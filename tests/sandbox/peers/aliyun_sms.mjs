// Aliyun's SMS platform (Dysmsapi 2017-05-25): SendSms with ACS3 signatures, receipts pushed later. It does not deduplicate: the same OutId twice
// is two messages, and both are remembered.
import { randomInt, randomUUID } from 'node:crypto';
import { acs3_refusal } from '../lib/acs3.mjs';
import { Pusher, ask, wrong_with_url } from '../lib/push.mjs';

const NUMBERS_MAX = 1000;
const PART_ONE = 70, PART_MORE = 67; // UTF-16 units
const NONCES_MAX = 100000;
const RECEIPT_AGAIN_MINUTES = [1, 5, 10];
const MOBILE = /^(?:\+86|0086|86)?(1[3-9][0-9]{9})$/;
const URL_IN_VARIABLE = /https?:|www\.|[0-9A-Za-z-]\.(?:com|cn|net|org|gov|top)\b/i;
const VARIABLE = /\$\{([A-Za-z][A-Za-z0-9_]*)\}/g;

// What happens to a number's messages is decided by its last digits; who is not in the table gets the message.
const DELIVERED = { success: true, err_code: 'DELIVERED', err_msg: '用户接收成功', receipts: 1 };
const ENDINGS = {
	'0001': { success: false, err_code: 'UNDELIV', err_msg: '短信未送达' },
	'0002': { success: false, err_code: 'MK:0001', err_msg: '空号' },
	'0003': { receipts: 0 },
	'0004': { receipts: 2 },
	'0005': { is_early: true }, // the receipt overtakes the answer
};

const default_settings = () => ({
	access_keys: { 'sandbox-access-key': 'sandbox-access-key-secret' },
	signatures: ['陇南四办'],
	templates: {
		SMS_100000005: '${name}申请代您查看办件，同意请将验证码${code}告诉他，一日内有效；不认识的人请勿告知。',
		SMS_100000007: '您的预约${status}，请登录四办查看。',
		SMS_100000008: '您的诉求${status}，请登录四办查看。',
		SMS_100000006: '您的代办授权${status}，请登录四办查看。',
		SMS_100000001: '验证码${code}，${minutes}分钟内有效，请勿告诉他人。',
		SMS_100000002: '您的办件${case_no}：${status}。请登录四办查看。',
		SMS_100000003: '您的四办账号已改用尾号${tail}的手机号登录。如非本人操作，请尽快到政务大厅窗口核验。',
	},
	variable_max: 35,   // characters in one variable
	frequency: null,    // {per_minute, per_hour, per_day} for one number: switched off unless set
	balance: null,      // parts left to send; null: never ends
	endings: ENDINGS,
	callback_url: null, // where receipts go; saved only when it answers the probe
	receipt_delay_ms: 20,
	minute_ms: 60000,   // how long a minute is, for receipts pushed again and for frequencies
	probe_ms: 700,      // how soon the probe wants its answer
	push_timeout_ms: 3000,
});

const MESSAGES = {
	'isv.MOBILE_NUMBER_ILLEGAL': '手机号码格式错误', 'isv.MOBILE_COUNT_OVER_LIMIT': '手机号码数量超过限制', 'isv.SMS_SIGNATURE_ILLEGAL': '该账号下找不到对应签名',
	'isv.SMS_TEMPLATE_ILLEGAL': '该账号下找不到对应模板', 'isv.INVALID_JSON_PARAM': 'JSON参数不合法，只接受字符串值', 'isv.TEMPLATE_MISSING_PARAMETERS': '模板变量缺少对应参数值',
	'isv.PARAM_LENGTH_LIMIT': '参数超过长度限制', 'isv.PARAM_NOT_SUPPORT_URL': '变量不支持传入URL', 'isv.EXTEND_CODE_ERROR': '扩展码错误', 'isv.AMOUNT_NOT_ENOUGH': '账户余额不足',
	'isv.BUSINESS_LIMIT_CONTROL': '触发分钟级流控Permits:1',
};

const request_id = () => randomUUID().toUpperCase();
const is_text_table = (v) => typeof v === 'object' && v !== null && Object.values(v).every((one) => typeof one === 'string');
const is_whole = (v) => Number.isInteger(v) && v >= 0;
const SETTINGS = {
	access_keys: is_text_table, templates: is_text_table, signatures: (v) => Array.isArray(v) && v.every((one) => typeof one === 'string'),
	frequency: (v) => v === null || (typeof v === 'object' && ['per_minute', 'per_hour', 'per_day'].every((name) => is_whole(v[name]))),
	endings: (v) => typeof v === 'object' && v !== null && Object.keys(v).every((digits) => /^[0-9]{1,11}$/.test(digits)),
	balance: (v) => v === null || is_whole(v), callback_url: (v) => v === null || typeof v === 'string',
	variable_max: is_whole, receipt_delay_ms: is_whole, minute_ms: (v) => is_whole(v) && v > 0, probe_ms: (v) => is_whole(v) && v > 0, push_timeout_ms: (v) => is_whole(v) && v > 0,
};

// ---- answers ----

function gateway_refusal(question, { status, code, message, canonical }) {
	const id = request_id();
	return { status, note: canonical === undefined ? {} : { canonical_request: canonical }, body: { RequestId: id, Message: message,
		Recommend: `https://api.aliyun.com/troubleshoot?q=${code}&product=Dysmsapi&requestId=${id}`, HostId: question?.headers.host ?? 'dysmsapi.aliyuncs.com', Code: code } };
}

// isv. and isp. are said with 200, as everything else that is not about the request's form.
function refuse(code, message = MESSAGES[code] ?? code) {
	if (/^is[vp]\./.test(code)) return { status: 200, is_refusal: true, body: { Message: message, RequestId: request_id(), Code: code } };
	return gateway_refusal(undefined, { status: code.startsWith('ServiceUnavailable') ? 503 : 400, code, message });
}

// ---- SendSms ----

// What is wrong with the message itself, by the order in which the platform looks.
function wrong_with(fields, settings) {
	for (const name of ['PhoneNumbers', 'SignName', 'TemplateCode'])
		if (!fields[name]) return { status: 400, code: `Missing${name}`, message: `${name} is mandatory for this action.` };
	const numbers = fields.PhoneNumbers.split(',');
	if (numbers.length > NUMBERS_MAX) return 'isv.MOBILE_COUNT_OVER_LIMIT';
	if (!numbers.every((n) => MOBILE.test(n))) return 'isv.MOBILE_NUMBER_ILLEGAL';
	if (!settings.signatures.includes(fields.SignName)) return 'isv.SMS_SIGNATURE_ILLEGAL';
	if (!Object.hasOwn(settings.templates, fields.TemplateCode)) return 'isv.SMS_TEMPLATE_ILLEGAL';
	if (fields.SmsUpExtendCode !== undefined && !/^[0-9]{1,10}$/.test(fields.SmsUpExtendCode)) return 'isv.EXTEND_CODE_ERROR';
	return wrong_with_variables(fields.TemplateParam, settings.templates[fields.TemplateCode], settings.variable_max);
}

function wrong_with_variables(text, template, variable_max) {
	const names = [...template.matchAll(VARIABLE)].map((match) => match[1]);
	const given = variables_of(text);
	if (given === null) return 'isv.INVALID_JSON_PARAM';
	if (!names.every((name) => Object.hasOwn(given, name) && given[name] !== '')) return 'isv.TEMPLATE_MISSING_PARAMETERS';
	const values = names.map((name) => given[name]);
	if (values.some((value) => value.length > variable_max)) return 'isv.PARAM_LENGTH_LIMIT';
	return values.some((value) => URL_IN_VARIABLE.test(value)) ? 'isv.PARAM_NOT_SUPPORT_URL' : null;
}

// TemplateParam is a JSON object of texts, as a text; none is an empty one.
function variables_of(text) {
	if (text === undefined || text === '') return {};
	try {
		const value = JSON.parse(text);
		return is_text_table(value) && !Array.isArray(value) ? value : null;
	} catch {
		return null;
	}
}

// ---- the peer ----

export function aliyun_sms(journal, { ca } = {}) {
	const pusher = new Pusher('aliyun_sms', journal, ca);
	const peer = { name: 'aliyun_sms', settings: null, messages: [], nonces: new Set() };

	peer.reset = () => {
		pusher.clear();
		peer.nonces.clear();
		Object.assign(peer, { settings: default_settings(), messages: [] });
	};
	peer.reset();

	peer.set = async (changes) => {
		for (const [name, value] of Object.entries(changes)) {
			if (!Object.hasOwn(SETTINGS, name)) return `there is no setting "${name}"; there are ${Object.keys(SETTINGS).join(', ')}`;
			if (!SETTINGS[name](value)) return `${name} cannot be ${JSON.stringify(value)}`;
		}
		if (typeof changes.callback_url === 'string') {
			const wrong = wrong_with_url(changes.callback_url) ?? await probe(changes.callback_url, changes.probe_ms ?? peer.settings.probe_ms);
			if (wrong) return `callback_url is not saved: ${wrong}`;
		}
		Object.assign(peer.settings, changes);
		return null;
	};
	const probe = async (url, timeout_ms) => {
		const answer = await ask(url, { method: 'GET', timeout_ms, ca });
		journal.add({ kind: 'probe', peer: peer.name, url, status: answer.status ?? null, error: answer.error ?? null, answer: answer.text ?? null, ms: answer.ms });
		if (answer.error !== undefined) return `the probe (GET) had no answer: ${answer.error}`;
		return answer.status === 200 && json_of(answer.text)?.code === 0 ? null : `the probe (GET) wants 200 and {"code":0,"msg":"成功"}, not ${answer.status} ${answer.text}`;
	};

	peer.show = () => ({ messages: peer.messages });
	peer.refuse = refuse;
	peer.limited = () => refuse('isv.BUSINESS_LIMIT_CONTROL');

	const is_nonce_new = (nonce) => {
		if (peer.nonces.has(nonce)) return false;
		if (peer.nonces.size >= NONCES_MAX) peer.nonces.delete(peer.nonces.values().next().value);
		peer.nonces.add(nonce);
		return true;
	};
	const judge = (question) => {
		const { access_keys } = peer.settings;
		const refusal = acs3_refusal(question, { secret_of: (id) => (Object.hasOwn(access_keys, id) ? access_keys[id] : undefined), is_nonce_new });
		if (refusal) return gateway_refusal(question, refusal);
		if (question.headers['x-acs-version'] !== '2017-05-25' || question.headers['x-acs-action'] !== 'SendSms')
			return gateway_refusal(question, { status: 404, code: 'InvalidApi.NotFound', message: 'Specified api is not found, please check your url and method.' });
		const wrong = wrong_with(question.fields, peer.settings);
		if (wrong === null) return null;
		return typeof wrong === 'string' ? refuse(wrong) : gateway_refusal(question, wrong);
	};

	const act = ({ fields }) => {
		const numbers = fields.PhoneNumbers.split(',').map((n) => MOBILE.exec(n)[1]);
		const given = variables_of(fields.TemplateParam);
		const text = `【${fields.SignName}】` + peer.settings.templates[fields.TemplateCode].replace(VARIABLE, (whole, name) => given[name]);
		const parts = text.length <= PART_ONE ? 1 : Math.ceil(text.length / PART_MORE);
		const limit = numbers.map((n) => over_limit(n, peer)).find((words) => words !== null);
		if (limit !== undefined) return refuse('isv.BUSINESS_LIMIT_CONTROL', limit);
		if (peer.settings.balance !== null) {
			if (peer.settings.balance < parts * numbers.length) return refuse('isv.AMOUNT_NOT_ENOUGH');
			peer.settings.balance -= parts * numbers.length;
		}
		const biz_id = `${randomInt(1e8, 1e9)}${randomInt(1e8, 1e9)}^0`;
		const sent = numbers.map((phone_number) => ({ biz_id, out_id: fields.OutId ?? '', phone_number, sign_name: fields.SignName, template_code: fields.TemplateCode,
			template_param: given, text, sms_size: String(parts), sent_ms: Date.now() }));
		peer.messages.push(...sent);
		const before_sending = push_receipts(sent);
		return { status: 200, body: { Message: 'OK', RequestId: request_id(), Code: 'OK', BizId: biz_id }, note: { biz_id, out_id: fields.OutId ?? '' }, before_sending };
	};

	// Each message's fate is decided now and told later, those of one request together. Returns what the answer must wait for, if anything.
	const push_receipts = (sent) => {
		const told = sent.map((message) => ({ message, fate: fate_of(message.phone_number, peer.settings.endings) })).filter(({ fate }) => fate.receipts > 0);
		if (told.length === 0) return undefined;
		const deliver = () => {
			const { callback_url, minute_ms, push_timeout_ms } = peer.settings;
			if (callback_url === null) return undefined;
			return pusher.deliver(callback_url, told.map(({ message, fate }) => receipt_of(message, fate)), { timeout_ms: push_timeout_ms,
				again_ms: RECEIPT_AGAIN_MINUTES.map((minutes) => minutes * minute_ms), is_accepted, note: { biz_id: sent[0].biz_id, out_id: sent[0].out_id } });
		};
		if (told.some(({ fate }) => fate.is_early)) return deliver;
		for (let i = 0; i < Math.max(...told.map(({ fate }) => fate.receipts)); i++) pusher.later(peer.settings.receipt_delay_ms, deliver);
		return undefined;
	};

	const is_ours = (question) => question.method === 'POST' && question.headers['x-tc-action'] === undefined;
	peer.routes = [{ name: 'send_sms', path: '/', when: is_ours, judge, act }];
	return peer;
}

// The words of the first limit this number has reached, or null. Windows are minutes, hours and days of the peer's own minute.
function over_limit(phone_number, { settings, messages }) {
	if (settings.frequency === null) return null;
	const { per_minute, per_hour, per_day } = settings.frequency, now = Date.now();
	for (const [permits, minutes, words] of [[per_minute, 1, '分钟级'], [per_hour, 60, '小时级'], [per_day, 1440, '天级']]) {
		const count = messages.filter((m) => m.phone_number === phone_number && m.sent_ms > now - minutes * settings.minute_ms).length;
		if (count >= permits) return `触发${words}流控Permits:${permits}`;
	}
	return null;
}

function fate_of(phone_number, endings) {
	const digits = Object.keys(endings).find((ending) => phone_number.endsWith(ending));
	return { ...DELIVERED, ...(digits === undefined ? {} : endings[digits]) };
}

const local_time = (ms) => new Date(ms + 8 * 3600e3).toISOString().slice(0, 19).replace('T', ' ');

function receipt_of({ phone_number, sent_ms, biz_id, out_id, sms_size }, { success, err_code, err_msg }) {
	return { phone_number, send_time: local_time(sent_ms), report_time: local_time(Date.now()), success, err_code, err_msg, sms_size, biz_id, out_id };
}

// The platform only looks whether code is a number.
const is_accepted = (answer) => answer.status === 200 && typeof json_of(answer.text)?.code === 'number';

function json_of(text) {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}
