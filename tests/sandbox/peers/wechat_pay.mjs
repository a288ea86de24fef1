// WeChat Pay APIv3 for one merchant: orders, what phones pay, closes, refunds, its certificates, callbacks with their repeats. Bills: wechat_pay_bills.mjs.
// What was taken from its documents and what we assumed is in README.md.
import { randomBytes, randomUUID } from 'node:crypto';
import { authorization_wrong, pay_sign_wrong, platform, platform_headers, public_key, seal } from '../lib/wechat_pay_keys.mjs';
import { Pusher, ask, wrong_with_url } from '../lib/push.mjs';
import { bill_routes, is_bill_moods, is_bills } from './wechat_pay_bills.mjs';

const RETRIES_S = [15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600];
const DEFAULTS = {
	mchid: '1900000001', appids: ['wx0123456789abcdef', 'wxofficial000000', 'wxapp0123456789a'], api_key: 'siban-sandbox-apiv3-key-00000001',
	signs_with: 'public_key',  // public_key or certificate: answers and callbacks
	has_certificates: true,    // false: a merchant with a public key alone
	wrong_answers: null, wrong_callbacks: null, // signature, probe, serial, time, none, merchant
	second_ms: 1000,           // how long a second is, between callbacks
	callbacks: true,           // false: none is sent by itself
	push_timeout_ms: 5000,
	refund_ends: 'SUCCESS',    // what becomes of a refund, after refund_ms; null: it goes on until refund_end
	refund_ms: 20,
	bills: {}, fund_bills: {}, creating: [], bill_moods: {}, // by day: the file's text; days whose bill is being made; by kind and day what is wrong with it
};
const MOODS = [null, 'signature', 'probe', 'serial', 'time', 'none', 'merchant'];
const is_text = (v, max) => typeof v === 'string' && v.length > 0 && [...v].length <= max;
const is_whole = (v) => Number.isInteger(v) && v >= 0;
const SETTINGS = {
	mchid: (v) => is_text(v, 32), appids: (v) => Array.isArray(v), api_key: (v) => typeof v === 'string' && v.length === 32, signs_with: (v) => ['public_key', 'certificate'].includes(v),
	has_certificates: (v) => typeof v === 'boolean', wrong_answers: (v) => MOODS.includes(v), wrong_callbacks: (v) => MOODS.includes(v), second_ms: (v) => is_whole(v) && v > 0,
	callbacks: (v) => typeof v === 'boolean', push_timeout_ms: is_whole, refund_ends: (v) => [null, 'SUCCESS', 'CLOSED', 'ABNORMAL'].includes(v), refund_ms: is_whole,
	bills: is_bills, fund_bills: is_bills, creating: (v) => Array.isArray(v), bill_moods: is_bill_moods,
};
const STATUS = {
	PARAM_ERROR: 400, INVALID_REQUEST: 400, APPID_MCHID_NOT_MATCH: 400, ORDER_PAID: 400, ORDER_CLOSED: 400, STATEMENT_CREATING: 400, NO_STATEMENT_EXIST: 400, SIGN_ERROR: 401,
	NO_AUTH: 403, OUT_TRADE_NO_USED: 403, NOT_ENOUGH: 403, USER_ACCOUNT_ABNORMAL: 403, ORDER_NOT_EXIST: 404, RESOURCE_NOT_EXISTS: 404, FREQUENCY_LIMITED: 429, SYSTEM_ERROR: 500,
};
const MESSAGES = { ORDER_PAID: '该订单已支付', ORDER_CLOSED: '订单已关闭', ORDER_NOT_EXIST: '订单不存在', OUT_TRADE_NO_USED: '商户订单号重复', SYSTEM_ERROR: '系统错误', FREQUENCY_LIMITED: '频率超限' };

const refusal = (code, message = MESSAGES[code] ?? code, detail = undefined) => ({ status: STATUS[code] ?? 400, is_refusal: true, headers: { 'request-id': `sandbox-${randomUUID()}` },
	body: { code, message, ...(detail === undefined ? {} : { detail }) } });
const local_time = (ms) => `${new Date(ms + 8 * 3600e3).toISOString().slice(0, 19)}+08:00`;

export function wechat_pay(journal, { ca } = {}) {
	const pusher = new Pusher('wechat_pay', journal, ca);
	const peer = { name: 'wechat_pay', settings: null, trades: new Map(), refunds: new Map() };

	peer.reset = () => {
		pusher.clear();
		peer.settings = { ...DEFAULTS };
		peer.trades.clear();
		peer.refunds.clear();
	};
	peer.reset();
	peer.set = (changes) => {
		const wrong = Object.keys(changes).find((name) => !Object.hasOwn(SETTINGS, name) || !SETTINGS[name](changes[name]));
		if (wrong !== undefined) return Object.hasOwn(SETTINGS, wrong) ? `${wrong} cannot be ${JSON.stringify(changes[wrong])}` : `there is no setting "${wrong}"; there are ${Object.keys(SETTINGS).join(', ')}`;
		Object.assign(peer.settings, changes);
		return null;
	};
	peer.show = () => ({ trades: [...peer.trades.values()].map(({ asked, ...trade }) => trade), refunds: [...peer.refunds.values()] });
	peer.refuse = (code) => refusal(code);
	peer.limited = (seconds) => ({ ...refusal('FREQUENCY_LIMITED'), headers: { 'retry-after': String(seconds) } });

	const said = (body, status = 200) => {
		const text = body === '' ? '' : JSON.stringify(body);
		return { status, type: 'application/json; charset=utf-8', body: text, note: { code: body.trade_state ?? body.status ?? null },
			headers: { 'request-id': `sandbox-${randomUUID()}`, ...platform_headers(text, { by: peer.settings.signs_with, mood: peer.settings.wrong_answers }) } };
	};
	const judged = (method, judge = () => null) => (question) => {
		if (question.method !== method) return refusal('INVALID_REQUEST', `want ${method}`);
		if ((question.headers['user-agent'] ?? '') === '') return refusal('INVALID_REQUEST', 'Http头缺少User-Agent');
		if (!(question.headers.accept ?? '*/*').match(/json|\*\/\*|gzip/)) return refusal('INVALID_REQUEST', 'Http头Accept');
		const wrong = authorization_wrong(question, peer.settings);
		if (wrong !== null) return refusal('SIGN_ERROR', wrong);
		if (method === 'POST' && !question.headers['content-type']?.startsWith('application/json')) return refusal('INVALID_REQUEST', 'Http头Content-Type');
		if (method === 'POST') question.asked = json_of(question.body);
		if (question.asked === null) return refusal('PARAM_ERROR', '不是 JSON');
		return judge(question);
	};

	// ---- orders ----

	const wrong_field = (field, issue) => refusal('PARAM_ERROR', '参数错误', { field, issue });
	const judge_order = (kind) => ({ asked }) => {
		const a = asked, until = Date.parse(a.time_expire ?? ''), known = peer.trades.get(a.out_trade_no);
		if (!peer.settings.appids.includes(a.appid) || a.mchid !== peer.settings.mchid) return refusal('APPID_MCHID_NOT_MATCH');
		if (!is_text(a.description, 127)) return wrong_field('/description', '1-127');
		if (!/^[0-9A-Za-z_\-|*]{6,32}$/.test(a.out_trade_no ?? '')) return wrong_field('/out_trade_no', '6-32');
		if (a.time_expire !== undefined && (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00$/.test(a.time_expire) || !(until > Date.now()))) return wrong_field('/time_expire', 'RFC 3339, later than now');
		if (!is_text(a.notify_url, 255) || a.notify_url.includes('?')) return wrong_field('/notify_url', 'no query');
		if (!Number.isInteger(a.amount?.total) || a.amount.total < 1 || a.amount.currency !== 'CNY') return wrong_field('/amount', '1 fen and more, CNY');
		if (kind === 'jsapi' && !is_text(a.payer?.openid, 128)) return wrong_field('/payer/openid', 'required');
		if (kind === 'h5' && (!is_text(a.scene_info?.payer_client_ip, 45) || !is_text(a.scene_info?.h5_info?.type, 32))) return wrong_field('/scene_info', 'required');
		if (known === undefined) return null;
		if (known.trade_state === 'SUCCESS' || known.trade_state === 'REFUND') return refusal('ORDER_PAID');
		if (known.trade_state === 'CLOSED') return refusal('ORDER_CLOSED');
		return JSON.stringify([kind, a]) === known.asked ? null : refusal('OUT_TRADE_NO_USED');
	};
	const order = (kind) => ({ asked: a }) => {
		const prepay_id = `wx${local_time(Date.now()).replace(/\D/g, '').slice(0, 14)}${randomBytes(10).toString('hex')}`;
		const known = peer.trades.get(a.out_trade_no) ?? { out_trade_no: a.out_trade_no, appid: a.appid, trade_state: 'NOTPAY', total: a.amount.total, openid: a.payer?.openid ?? 'oScanned',
			until_ms: a.time_expire === undefined ? Infinity : Date.parse(a.time_expire), notify_url: a.notify_url, attach: a.attach, kind, description: a.description, asked: JSON.stringify([kind, a]), refunded: 0 };
		peer.trades.set(a.out_trade_no, Object.assign(known, { prepay_id, code_url: `weixin://wxpay/bizpayurl?pr=${prepay_id}`, h5_url: `https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=${prepay_id}&package=1234567890` }));
		return said({ jsapi: { prepay_id }, app: { prepay_id }, native: { code_url: known.code_url }, h5: { h5_url: known.h5_url } }[kind]);
	};
	const trade_types = { jsapi: 'JSAPI', app: 'APP', native: 'NATIVE', h5: 'MWEB' };
	const shown = (t) => ({ appid: t.appid, mchid: peer.settings.mchid, out_trade_no: t.out_trade_no, trade_state: t.trade_state, trade_state_desc: t.trade_state, ...(t.attach === undefined ? {} : { attach: t.attach }),
		...(t.transaction_id === undefined ? {} : { transaction_id: t.transaction_id, trade_type: trade_types[t.kind], bank_type: 'OTHERS', success_time: local_time(t.paid_ms), payer: { openid: t.openid },
			amount: { total: t.total, payer_total: t.total, currency: 'CNY', payer_currency: 'CNY' } }) });
	const by_number = ({ params }) => peer.trades.get(params.no);
	const judge_query = (question) => {
		if (question.fields.mchid !== peer.settings.mchid) return refusal('PARAM_ERROR', 'mchid');
		return by_number(question) ? null : refusal('ORDER_NOT_EXIST');
	};
	const by_transaction = ({ params }) => [...peer.trades.values()].find((t) => t.transaction_id === params.id);
	const judge_close = (question) => {
		if (question.asked.mchid !== peer.settings.mchid) return refusal('PARAM_ERROR', 'mchid');
		if (by_number(question) === undefined) return refusal('ORDER_NOT_EXIST');
		return ['SUCCESS', 'REFUND'].includes(by_number(question).trade_state) ? refusal('ORDER_PAID') : null;
	};
	const close = (question) => {
		by_number(question).trade_state = 'CLOSED';
		return said('', 204);
	};

	// ---- what phones do ----

	// The person confirms in WeChat. With `parameters` (those the phone was given, `as` mini, jsapi or app) they are checked first. A text: why he cannot.
	const pay = ({ out_trade_no, handle, parameters, as = 'mini', payerror = false, paid_ms = Date.now() }) => {
		const t = [...peer.trades.values()].find((one) => one.out_trade_no === out_trade_no || [one.prepay_id, one.code_url, one.h5_url].includes(handle ?? parameters?.prepayId ?? parameters?.package?.replace('prepay_id=', '')));
		if (t === undefined) return 'there is no such order';
		const wrong = parameters === undefined ? null : pay_sign_wrong({ appid: t.appid, prepay_id: t.prepay_id, mchid: peer.settings.mchid }, as, parameters);
		if (wrong !== null) return wrong;
		if (t.trade_state !== 'NOTPAY' && t.trade_state !== 'PAYERROR') return `it is ${t.trade_state}`;
		if (t.until_ms <= Date.now()) return 'its time is over';
		if (payerror) t.trade_state = 'PAYERROR';
		else Object.assign(t, { trade_state: 'SUCCESS', transaction_id: `42000${Date.now()}${Math.floor(Math.random() * 1e9).toString().padStart(10, '0')}`, paid_ms });
		if (!payerror && peer.settings.callbacks) notify({ out_trade_no: t.out_trade_no });
		return { out_trade_no: t.out_trade_no, transaction_id: t.transaction_id ?? null, trade_state: t.trade_state };
	};

	// ---- callbacks ----

	const callback = (event_type, original_type, plain) => JSON.stringify({ id: randomUUID(), create_time: local_time(Date.now()), resource_type: 'encrypt-resource', event_type, summary: '支付成功',
		resource: { original_type, ...seal(peer.settings.api_key, JSON.stringify(plain), original_type) } });
	const deliver = async (url, body, { repeats = true, headers = undefined, note = {} }, attempt = 1) => {
		const signed = headers ?? platform_headers(body, { by: peer.settings.signs_with, mood: peer.settings.wrong_callbacks });
		const answer = await ask(url, { body, headers: { 'content-type': 'application/json', ...signed }, timeout_ms: peer.settings.push_timeout_ms, ca });
		const is_accepted = answer.status === 200 || answer.status === 204;
		journal.add({ kind: 'push', peer: peer.name, url, body, attempt, is_accepted, status: answer.status ?? null, error: answer.error ?? null, answer: answer.text ?? null, ms: answer.ms, ...note });
		if (repeats && !is_accepted && attempt <= RETRIES_S.length) pusher.later(RETRIES_S[attempt - 1] * peer.settings.second_ms, () => deliver(url, body, { repeats, headers, note }, attempt + 1));
	};
	// Tells of a payment, `copies` at once. `changes` are put over the trade, `mchid` and so on; `text` is a body of the test's own.
	const notify = ({ out_trade_no, copies = 1, changes = {}, same = false, repeats = true, url = undefined, event = 'TRANSACTION.SUCCESS' }) => {
		const t = peer.trades.get(out_trade_no), to = url ?? t?.notify_url;
		if (t === undefined) return 'there is no such order';
		if (wrong_with_url(to)) return wrong_with_url(to);
		const make = () => callback(event, 'transaction', { ...shown(t), ...changes }), first = make();
		for (let i = 0; i < copies; i++) deliver(to, same ? first : make(), { repeats, note: { out_trade_no, event } });
		return { copies };
	};
	const refund_told = (r) => ({ mchid: peer.settings.mchid, transaction_id: r.transaction_id, out_trade_no: r.out_trade_no, refund_id: r.refund_id, out_refund_no: r.out_refund_no, refund_status: r.status,
		user_received_account: r.user_received_account, ...(r.success_time === undefined ? {} : { success_time: r.success_time }), amount: { total: r.amount.total, refund: r.amount.refund, payer_total: r.amount.total, payer_refund: r.amount.refund } });
	const refund_end = ({ out_refund_no, status = 'SUCCESS', copies = 1 }) => {
		const r = peer.refunds.get(out_refund_no);
		if (r === undefined) return 'there is no such refund';
		r.status = status;
		if (status === 'SUCCESS') r.success_time = local_time(Date.now());
		const to = r.notify_url ?? peer.trades.get(r.out_trade_no).notify_url;
		for (let i = 0; i < copies && peer.settings.callbacks; i++)
			if (wrong_with_url(to) === null) deliver(to, callback(`REFUND.${status}`, 'refund', refund_told(r)), { note: { out_refund_no, event: `REFUND.${status}` } });
		return r;
	};
	// A callback as the test wrote it, signed as asked; once.
	const post = ({ url, body, headers }) => {
		if (wrong_with_url(url)) return wrong_with_url(url);
		deliver(url, body, { repeats: false, headers });
		return {};
	};
	// A callback with its headers, for a test that sends it itself.
	const make = ({ out_trade_no, changes = {}, by = peer.settings.signs_with, mood = null, event = 'TRANSACTION.SUCCESS', kind = 'transaction', copies = 1, same = false }) => {
		const t = peer.trades.get(out_trade_no);
		if (t === undefined) return 'there is no such order';
		const fresh = () => callback(event, kind, { ...shown(t), ...changes }), first = fresh();
		const all = Array.from({ length: copies }, () => {
			const body = same ? first : fresh();
			return { body, headers: platform_headers(body, { by, mood }) };
		});
		return copies === 1 ? all[0] : { all };
	};
	peer.does = { pay, notify, refund_end, post, make };

	// ---- refunds ----

	const judge_refund = ({ asked: a }) => {
		const t = a.transaction_id === undefined ? peer.trades.get(a.out_trade_no) : [...peer.trades.values()].find((one) => one.transaction_id === a.transaction_id), known = peer.refunds.get(a.out_refund_no);
		if (!/^[0-9A-Za-z_\-|*@]{1,64}$/.test(a.out_refund_no ?? '')) return wrong_field('/out_refund_no', '1-64');
		if (!Number.isInteger(a.amount?.refund) || a.amount.refund < 1 || a.amount.currency !== 'CNY') return wrong_field('/amount/refund', '1 fen and more');
		if (Buffer.byteLength(a.reason ?? 'x') > 80 || a.reason === '') return wrong_field('/reason', '1-80 bytes');
		if (t?.transaction_id === undefined) return refusal('RESOURCE_NOT_EXISTS', '订单不存在');
		if (a.amount.total !== t.total) return refusal('INVALID_REQUEST', '订单金额与原订单不一致');
		if (known !== undefined) return known.amount.refund === a.amount.refund && known.transaction_id === t.transaction_id ? null : refusal('INVALID_REQUEST', '商户退款单号重复，参数不一致');
		return t.refunded + a.amount.refund > t.total ? refusal('INVALID_REQUEST', '申请退款金额超过可退金额') : null;
	};
	const refund = ({ asked: a }) => {
		const t = [...peer.trades.values()].find((one) => one.transaction_id === a.transaction_id || one.out_trade_no === a.out_trade_no);
		if (!peer.refunds.has(a.out_refund_no)) {
			t.refunded += a.amount.refund;
			t.trade_state = 'REFUND';
			peer.refunds.set(a.out_refund_no, { refund_id: `50300${Date.now()}${Math.floor(Math.random() * 1e9).toString().padStart(10, '0')}`, out_refund_no: a.out_refund_no, transaction_id: t.transaction_id, out_trade_no: t.out_trade_no,
				channel: 'ORIGINAL', user_received_account: '支付用户零钱', create_time: local_time(Date.now()), made_ms: Date.now(), status: 'PROCESSING', funds_account: 'UNSETTLED', notify_url: a.notify_url, reason: a.reason,
				amount: { total: t.total, refund: a.amount.refund, payer_total: t.total, payer_refund: a.amount.refund, settlement_refund: a.amount.refund, settlement_total: t.total, discount_refund: 0, currency: 'CNY' } });
			if (peer.settings.refund_ends !== null) pusher.later(peer.settings.refund_ms, () => refund_end({ out_refund_no: a.out_refund_no, status: peer.settings.refund_ends }));
		}
		return refund_shown(peer.refunds.get(a.out_refund_no));
	};
	const refund_shown = ({ notify_url, made_ms, reason, ...r }) => said(r);

	// ---- certificates ----

	const certificates = () => said({ data: [{ serial_no: platform.serial, effective_time: '2026-11-26T00:00:00+08:00', expire_time: '2126-11-02T00:00:00+08:00',
		encrypt_certificate: seal(peer.settings.api_key, platform.certificate_pem, 'certificate') }] });
	const judge_certificates = () => (peer.settings.has_certificates ? null : refusal('RESOURCE_NOT_EXISTS', '无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥'));

	const orders = ['jsapi', 'app', 'native', 'h5'].map((kind) => ({ name: kind, path: `/v3/pay/transactions/${kind}`, judge: judged('POST', judge_order(kind)), act: order(kind) }));
	peer.routes = [
		...orders,
		{ name: 'query', path: '/v3/pay/transactions/out-trade-no/:no', judge: judged('GET', judge_query), act: (question) => said(shown(by_number(question))) },
		{ name: 'query_id', path: '/v3/pay/transactions/id/:id', judge: judged('GET', (q) => (by_transaction(q) ? null : refusal('ORDER_NOT_EXIST'))), act: (question) => said(shown(by_transaction(question))) },
		{ name: 'close', path: '/v3/pay/transactions/out-trade-no/:no/close', judge: judged('POST', judge_close), act: close },
		{ name: 'refund', path: '/v3/refund/domestic/refunds', judge: judged('POST', judge_refund), act: refund },
		{ name: 'refund_query', path: '/v3/refund/domestic/refunds/:no', judge: judged('GET', ({ params }) => (peer.refunds.has(params.no) ? null : refusal('RESOURCE_NOT_EXISTS'))), act: ({ params }) => refund_shown(peer.refunds.get(params.no)) },
		{ name: 'certificates', path: '/v3/certificates', judge: judged('GET', judge_certificates), act: certificates },
		...bill_routes(peer, { judged, said, refusal, local_time }),
	];
	return peer;
}

function json_of(body) {
	try {
		const value = JSON.parse(body.toString('utf8'));
		return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
	} catch {
		return null;
	}
}

export { public_key };
