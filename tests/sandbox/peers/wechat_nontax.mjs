// WeChat's non-tax platform (微信非税): orders and their pages, what phones pay, refunds, the calls it makes to us; the file of a day: wechat_nontax_bills.mjs. Everything is said with 200 and an errcode; tokens are the wechat peer's.
// What was taken from its documents, what we assumed and what nobody outside knows is in README.md.
import { randomBytes } from 'node:crypto';
import { KEY, call_of, reply_of } from '../lib/nontax_seal.mjs';
import { Pusher, ask, wrong_with_url } from '../lib/push.mjs';
import { BILL_MOODS, bill_file, bill_route } from './wechat_nontax_bills.mjs';

const DEFAULTS = {
	appid: 'wxnontax00000000', bank_id: 'BANK-TEST', key: KEY,
	callbacks: true,       // false: none is sent by itself
	notify_url: null,      // where to; told to the platform when an account is made
	fee_url: null,         // where it asks what a notice costs, alike
	second_ms: 1000, push_timeout_ms: 5000,
	refund_ends: true, refund_ms: 20, // false: it goes on until refund_end
	without_mini: false,   // orders come without the platform's mini-program
	mch_ids: ['1900000011', '1900000012'], // under the bank; an order that names none is the first's
	bill_mood: null, bill_moods: {}, // what is wrong with the file of a day; of one merchant's
	micropay: 'paid',      // what a payer's code comes to: paid, password (paying until `typed`), busy (their system fails once, then paid), refused, unknown (a code nobody knows, and an order), nothing (the same without)
	names_late: false,     // with password, the order is named from the second call on
};
const RETRIES_S = [15, 30, 180];
const MESSAGES = { 0: 'ok', 43002: 'require POST method', 44002: 'empty post data', 47001: 'data format error', 9700001: 'invalid param', 9700002: 'order not exist', 9700003: 'refund not allowed', 9700101: 'user paying', 9700102: 'system error', 9700103: 'not enough money', 9700104: 'auth code used', 9700199: 'something else' };
const STATUS = { unpaid: 1, paid: 3, refunded: 5, refunding: 6, closed: 12 };
const is_text = (v, max = 64) => typeof v === 'string' && v.length > 0 && [...v].length <= max;
const is_whole = (v) => Number.isInteger(v) && v >= 0;
const SETTINGS = {
	appid: (v) => is_text(v), bank_id: (v) => is_text(v), key: (v) => is_text(v, 128), callbacks: (v) => typeof v === 'boolean', notify_url: (v) => v === null || wrong_with_url(v) === null,
	fee_url: (v) => v === null || wrong_with_url(v) === null,
	second_ms: is_whole, push_timeout_ms: is_whole, refund_ends: (v) => typeof v === 'boolean', refund_ms: is_whole, without_mini: (v) => typeof v === 'boolean',
	mch_ids: (v) => Array.isArray(v) && v.length > 0 && v.every((one) => is_text(one, 32)), bill_mood: (v) => BILL_MOODS.includes(v), bill_moods: (v) => typeof v === 'object' && v !== null && Object.values(v).every((one) => BILL_MOODS.includes(one)),
	micropay: (v) => ['paid', 'password', 'busy', 'refused', 'unknown', 'nothing'].includes(v), names_late: (v) => typeof v === 'boolean',
};
const said = (body) => ({ status: 200, note: { code: String(body.errcode) }, is_refusal: body.errcode !== 0, body });
const told = (errcode, field = '') => said({ errcode, errmsg: `${MESSAGES[errcode] ?? 'error'}${field === '' ? '' : `: ${field}`}` });

export function wechat_nontax(journal, { ca, accounts }) {
	const pusher = new Pusher('wechat_nontax', journal, ca);
	const peer = { name: 'wechat_nontax', settings: null, orders: new Map(), scans: new Map() };
	peer.reset = () => {
		pusher.clear();
		peer.settings = { ...DEFAULTS };
		peer.orders.clear();
		peer.scans.clear();
	};
	peer.reset();
	peer.set = (changes) => {
		const wrong = Object.keys(changes).find((name) => !Object.hasOwn(SETTINGS, name) || !SETTINGS[name](changes[name]));
		if (wrong !== undefined) return Object.hasOwn(SETTINGS, wrong) ? `${wrong} cannot be ${JSON.stringify(changes[wrong])}` : `there is no setting "${wrong}"; there are ${Object.keys(SETTINGS).join(', ')}`;
		Object.assign(peer.settings, changes);
		return null;
	};
	peer.show = () => ({ orders: [...peer.orders.values()], scans: [...peer.scans.values()] });
	peer.refuse = (code) => told(Number(code));
	peer.limited = () => told(45011);

	const judged = (wrong) => (question) => {
		if (question.method !== 'POST') return told(43002);
		if (question.body.length === 0) return told(44002);
		try {
			question.asked = JSON.parse(question.body.toString('utf8'));
		} catch {
			return told(47001);
		}
		const a = question.asked, refusal = accounts.token_wrong(question.fields.access_token, peer.settings.appid);
		if (refusal !== null) return refusal;
		if (a?.appid !== peer.settings.appid) return told(40013);
		const field = wrong(a);
		return field === null ? null : typeof field === 'number' ? told(field) : told(9700001, field);
	};

	// ---- orders ----

	const is_item = (i, at) => i.no === at + 1 && is_text(i.item_id) && is_text(i.item_name, 128) && is_whole(i.fee) && is_whole(i.overdue ?? 0) && is_whole(i.penalty ?? 0) && (i.overdue ?? 0) + (i.penalty ?? 0) <= i.fee;
	const order_wrong = (a) => due_wrong(a) ?? (is_text(a.ip, 45) ? page_wrong(a) : 'ip');
	const due_wrong = (a) => {
		for (const name of ['desc', 'department_code', 'department_name', 'region_code']) if (!is_text(a[name], 128)) return name;
		if (a.bank_id !== peer.settings.bank_id) return 'bank_id';
		if (a.mch_id !== undefined && !peer.settings.mch_ids.includes(a.mch_id)) return 'mch_id';
		if (!is_whole(a.fee) || a.fee === 0) return 'fee';
		if (is_text(a.payment_notice_no) === is_text(a.order_no)) return 'payment_notice_no';
		if (!Array.isArray(a.items) || a.items.length === 0 || !a.items.every(is_item) || a.items.reduce((sum, i) => sum + i.fee, 0) !== a.fee) return 'items';
		if (!is_whole(a.payment_notice_create_time) || a.payment_notice_create_time === 0) return 'payment_notice_create_time';
		if (![undefined, 1, 2].includes(a.payment_notice_type)) return 'payment_notice_type';
		return a.payment_expire_date !== undefined && !/^\d{8}$/.test(a.payment_expire_date) ? 'payment_expire_date' : null;
	};
	const page_wrong = (a) => {
		if (!['biz', 'ctiyservice', 'miniprogram'].includes(a.scene)) return 'scene';
		if (![undefined, 'MWEB'].includes(a.trade_type)) return 'trade_type';
		if ((a.trade_type === 'MWEB') === is_text(a.openid, 128)) return 'openid';
		return a.scene === 'miniprogram' || /^https:\/\//.test(a.return_url ?? '') ? null : 'return_url';
	};
	const ordered = (a) => {
		const order_id = `AQAAD${randomBytes(17).toString('base64url')}`;
		peer.orders.set(order_id, { order_id, status: STATUS.unpaid, fee: a.fee, notice: a.payment_notice_no, openid: a.openid ?? null, trade_type: a.trade_type ?? 'JSAPI', scene: a.scene ?? 'offline', ip: a.ip ?? null, items: a.items,
			department_code: a.department_code, department_name: a.department_name, region_code: a.region_code, mch_id: a.mch_id ?? peer.settings.mch_ids[0], create_time: now_s(), pay_finish_time: 0, trans_id: null, refunds: [], last_day: a.payment_expire_date ?? null,
			user_name: a.user_name ?? null });
		return order_id;
	};
	const unified = ({ asked: a }) => {
		const order_id = ordered(a);
		const mini = peer.settings.without_mini ? {} : { miniprogram: { appid: 'wxnontaxpages0000', pagepath: 'pages/pay', query_string: `order_id=${order_id}`, business_type: 'nontax' } };
		return said({ errcode: 0, errmsg: 'ok', order_id, pay_url: `https://pay.example/intp?order_id=${order_id}#wechat_redirect`, ...mini });
	};

	// ---- a payer's code at a counter ----

	const micropay_wrong = (a) => {
		const extra = ['openid', 'ip', 'scene', 'return_url', 'trade_type', 'app_appid', 'service_id'].find((name) => a[name] !== undefined);
		if (extra !== undefined) return extra;
		if (!/^1[0-5]\d{16}$/.test(a.auth_code ?? '')) return 'auth_code';
		const before = peer.scans.get(a.auth_code);
		if (before !== undefined && before.notice !== a.payment_notice_no) return 9700104;
		if (a.order_id !== undefined && before?.order_id !== a.order_id) return 'order_id';
		return due_wrong(a);
	};
	// One code asks for money once, however often it comes; `calls` counts how often it came.
	const micropay = ({ asked: a }) => {
		const mood = peer.settings.micropay, scan = peer.scans.get(a.auth_code) ?? { auth_code: a.auth_code, notice: a.payment_notice_no, fee: a.fee, order_id: null, calls: 0, order_ids: [] };
		peer.scans.set(a.auth_code, scan);
		scan.calls++;
		scan.order_ids.push(a.order_id ?? null);
		if (mood === 'refused') return told(9700103);
		if (mood === 'nothing') return told(9700199);
		if (mood === 'busy' && scan.calls === 1) return told(9700102);
		scan.order_id ??= ordered(a);
		if (['paid', 'busy'].includes(mood) && peer.orders.get(scan.order_id).status === STATUS.unpaid) pay({ order_id: scan.order_id });
		const errcode = peer.orders.get(scan.order_id).status === STATUS.unpaid ? 9700101 : 0;
		if (mood === 'unknown') return said({ errcode: 9700199, errmsg: 'error', order_id: scan.order_id });
		return said({ errcode, errmsg: errcode === 0 ? 'ok' : MESSAGES[errcode], ...(peer.settings.names_late && scan.calls === 1 ? {} : { order_id: scan.order_id }) });
	};
	// The payer types his password on his phone.
	const typed = ({ auth_code }) => (peer.scans.get(auth_code)?.order_id == null ? 'there is no such code' : pay({ order_id: peer.scans.get(auth_code).order_id }));

	// ---- asked after ----

	const told_of = ({ made_time, ...r }) => r;
	const shown = (o) => ({ appid: peer.settings.appid, order_id: o.order_id, openid: o.openid ?? '', create_time: o.create_time, pay_finish_time: o.pay_finish_time, fee: o.fee, fee_type: 1, ...(o.trans_id === null ? {} : { trans_id: o.trans_id }),
		status: o.status, bank_id: peer.settings.bank_id, payment_notice_no: o.notice, department_code: o.department_code, region_code: o.region_code, scene: o.scene,
		...(o.refunds.length === 0 ? {} : { partial_refund_info: o.refunds.length === 1 ? told_of(o.refunds[0]) : o.refunds.map(told_of) }) });
	const known = (a) => (peer.orders.has(a.order_id) ? null : 9700002);
	const list_wrong = (a) => ['region_code', 'department_code', 'payment_notice_no'].find((name) => !is_text(a[name])) ?? null;
	const list = ({ asked: a }) => {
		const all = [...peer.orders.values()].filter((o) => o.notice === a.payment_notice_no && o.department_code === a.department_code && o.region_code === a.region_code);
		return said({ errcode: 0, errmsg: 'ok', order_id_list: all.map((o) => o.order_id), paid_order_id: all.find((o) => [3, 4].includes(o.status))?.order_id ?? '' });
	};

	// ---- refunds ----

	const refund_wrong = (a) => {
		const o = peer.orders.get(a.order_id), before = o?.refunds.find((r) => r.refund_out_id === a.refund_out_id);
		if (o === undefined) return 9700002;
		if (!is_text(a.reason, 256)) return 'reason';
		if (!is_text(a.refund_out_id) || !is_whole(a.refund_fee) || a.refund_fee === 0) return 'refund_fee';
		if (before !== undefined) return before.refund_fee === a.refund_fee ? null : 9700003;
		return o.trans_id !== null && o.refunds.reduce((sum, r) => sum + r.refund_fee, 0) + a.refund_fee <= o.fee ? null : 9700003;
	};
	const refund = ({ asked: a }) => {
		const o = peer.orders.get(a.order_id);
		let r = o.refunds.find((one) => one.refund_out_id === a.refund_out_id);
		if (r === undefined) {
			r = { refund_order_id: `RF${randomBytes(12).toString('hex')}`, refund_reason: a.reason, refund_fee: a.refund_fee, refund_finish_time: 0, refund_out_id: a.refund_out_id, refund_status: STATUS.refunding, made_time: now_s() };
			o.refunds.push(r);
			if (peer.settings.refund_ends) pusher.later(peer.settings.refund_ms, () => refund_end({ refund_out_id: a.refund_out_id }));
		}
		return said({ errcode: 0, errmsg: 'ok', refund_order_id: r.refund_order_id });
	};

	// ---- what happens by itself ----

	const now_s = () => Math.floor(Date.now() / 1000);
	const of = ({ order_id }) => peer.orders.get(order_id);
	// A person pays on the platform's page.
	const pay = (what) => {
		const o = of(what);
		if (o === undefined) return 'there is no such order';
		if (o.status !== STATUS.unpaid) return `its status is ${o.status}`;
		Object.assign(o, { status: what.status ?? STATUS.paid, trans_id: `42000${Date.now()}${Math.floor(Math.random() * 1e9).toString().padStart(10, '0')}`, pay_finish_time: now_s() });
		if (peer.settings.callbacks && peer.settings.notify_url !== null) notify(what);
		return { order_id: o.order_id, trans_id: o.trans_id };
	};
	// Somebody has the platform's own page of a notice, and no order of ours was there before.
	const place = (what) => {
		if (!is_text(what.notice) || !is_whole(what.fee) || what.fee === 0) return 'notice and fee';
		const order_id = `AQAAD${randomBytes(17).toString('base64url')}`;
		peer.orders.set(order_id, { order_id, status: STATUS.unpaid, fee: what.fee, notice: what.notice, openid: 'o-somebody', trade_type: 'JSAPI', scene: 'ctiyservice', ip: null, items: [], department_code: what.department_code ?? '065080906',
			department_name: '', region_code: what.region_code ?? '621202', mch_id: what.mch_id ?? peer.settings.mch_ids[0], create_time: now_s(), pay_finish_time: 0, trans_id: null, refunds: [], last_day: null, user_name: null });
		return { order_id };
	};
	// As if all of it had been so many days earlier.
	const earlier = (what) => {
		const o = of(what), s = (what.days ?? 1) * 86400;
		if (o === undefined) return 'there is no such order';
		for (const name of ['create_time', 'pay_finish_time']) o[name] -= o[name] > 0 ? s : 0;
		for (const r of o.refunds) for (const name of ['made_time', 'refund_finish_time']) r[name] -= r[name] > 0 ? s : 0;
		return {};
	};
	const close = (what) => {
		if (of(what) === undefined) return 'there is no such order';
		of(what).status = STATUS.closed;
		return {};
	};
	const refund_end = ({ refund_out_id }) => {
		const o = [...peer.orders.values()].find((one) => one.refunds.some((r) => r.refund_out_id === refund_out_id)), r = o?.refunds.find((one) => one.refund_out_id === refund_out_id);
		if (r === undefined) return 'there is no such refund';
		Object.assign(r, { refund_status: STATUS.refunded, refund_finish_time: now_s() });
		if (o.refunds.reduce((sum, one) => sum + (one.refund_status === STATUS.refunded ? one.refund_fee : 0), 0) === o.fee) o.status = STATUS.refunded;
		if (peer.settings.callbacks && peer.settings.notify_url !== null) notify({ order_id: o.order_id, refund_out_id });
		return r;
	};

	// ---- its calls to us ----

	const message = ({ order_id, refund_out_id, changes = {} }) => {
		const o = of({ order_id }), r = o.refunds.find((one) => one.refund_out_id === refund_out_id);
		const { partial_refund_info, ...trade } = shown(o);
		return { ...trade, ...(r === undefined ? {} : { status: STATUS.refunded, refund_out_id: r.refund_out_id, refund_order_id: r.refund_order_id, refund_fee: r.refund_fee }), ...changes };
	};
	// A call with its query, for a test that sends it itself.
	const make = (what) => {
		if (of(what) === undefined) return 'there is no such order';
		const copies = what.copies ?? 1, all = Array.from({ length: copies }, () => call_of(peer.settings.key, message(what), what.mood ?? null));
		return copies === 1 ? all[0] : { all };
	};
	const deliver = async (what, attempt = 1) => {
		const { query, word, body } = make(what), url = `${peer.settings.notify_url}?${query}`;
		const answer = await ask(url, { body, headers: { 'content-type': 'application/json' }, timeout_ms: peer.settings.push_timeout_ms, ca });
		const reply = reply_of(peer.settings.key, word, answer.text ?? ''), is_accepted = answer.status === 200 && reply?.errcode === 0;
		journal.add({ kind: 'push', peer: peer.name, url, body, attempt, is_accepted, status: answer.status ?? null, error: answer.error ?? null, answer: answer.text ?? null, reply, ms: answer.ms, order_id: what.order_id });
		const is_final = is_accepted || reply?.errcode === 232;
		if (!is_final && attempt <= RETRIES_S.length) pusher.later(RETRIES_S[attempt - 1] * peer.settings.second_ms, () => deliver(what, attempt + 1));
	};
	const notify = (what) => {
		if (of(what) === undefined) return 'there is no such order';
		if (peer.settings.notify_url === null) return 'notify_url is not set';
		deliver(what);
		return {};
	};
	const answer = ({ word, text }) => ({ reply: reply_of(peer.settings.key, word, text) });

	// ---- what does a notice cost? ----

	// changes: a member that is null is left out
	const fee_call = ({ payment_notice_no, department_code, region_code, changes = {}, mood = null }) => {
		const all = { appid: peer.settings.appid, service_id: 1, payment_notice_no, department_code, region_code, bank_id: peer.settings.bank_id, ...changes };
		return call_of(peer.settings.key, Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null)), mood);
	};
	const ask_once = async (what) => {
		const { query, word, body } = fee_call(what), url = `${peer.settings.fee_url}?${query}`;
		const got = await ask(url, { body, headers: { 'content-type': 'application/json' }, timeout_ms: peer.settings.push_timeout_ms, ca });
		const reply = reply_of(peer.settings.key, word, got.text ?? '');
		journal.add({ kind: 'push', peer: peer.name, url, body, word, mood: what.mood ?? null, notice: what.payment_notice_no ?? null, status: got.status ?? null, error: got.error ?? null, answer: got.text ?? null, reply, ms: got.ms });
	};
	const asks = (all) => {
		if (peer.settings.fee_url === null) return 'fee_url is not set';
		for (const what of all) ask_once(what);
		return {};
	};
	const ask_fee = (what) => asks([what]);
	// Before it trusts an address it looks whether that opens what it is sent, and whether it verifies signatures.
	const mock_fee = (what) => asks([what, { ...what, mood: 'signature' }]);
	peer.does = { place, pay, typed, earlier, close, refund_end, notify, make, answer, file: bill_file(peer), fee_call, ask_fee, mock_fee };

	peer.routes = [
		{ name: 'unifiedorder', path: '/nontax/unifiedorder', judge: judged(order_wrong), act: unified },
		{ name: 'micropay', path: '/nontax/micropay', judge: judged(micropay_wrong), act: micropay },
		{ name: 'getorder', path: '/nontax/getorder', judge: judged(known), act: ({ asked }) => said({ errcode: 0, errmsg: 'ok', ...shown(of(asked)) }) },
		{ name: 'getorderlist', path: '/nontax/getorderlist', judge: judged(list_wrong), act: list },
		{ name: 'refund', path: '/nontax/refund', judge: judged(refund_wrong), act: refund },
		bill_route(peer, { judged, said }),
		{ name: 'notifyinconsistentorder', path: '/nontax/notifyinconsistentorder', judge: judged(known), act: ({ asked }) => (notify(asked), told(0)) },
	];
	return peer;
}
