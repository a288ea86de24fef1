// WeChat's server interfaces for one mini-program and one official account: login codes of both, phone codes, the access tokens. Everything is said with 200 and an errcode. What was taken from
// its documents and what we assumed is in README.md. All accounts are synthetic.
import { createHash, createHmac, randomBytes } from 'node:crypto';

const APP = { appid: 'wx0123456789abcdef', secret: '0123456789abcdef0123456789abcdef' };
const OFFICIAL = { official: 'wxofficial000000', domains: ['app.siban.test'] }; // its appid, and where its web authorization may come back to
const OTHERS = { accounts: { wxnontax00000000: 'ffffffffffffffffffffffffffffffff', wxofficial000000: 'dddddddddddddddddddddddddddddddd' } }; // appid: secret
const LIVES = { code_ms: 300000, token_ms: 7200000, overlap_ms: 300000 };
const FORCED = { a_day: 20, apart_ms: 30000 };
const MESSAGES = {
	'-1': 'system error', 40001: 'invalid credential, access_token is invalid or not latest', 40002: 'invalid grant_type', 40013: 'invalid appid', 40014: 'invalid access_token',
	40029: 'invalid code', 40125: 'invalid appsecret', 40163: 'code been used', 40226: 'high risk user, login code is invalid', 41001: 'access_token missing', 41002: 'appid missing',
	41004: 'appsecret missing', 41008: 'missing code', 42001: 'access_token expired', 43001: 'require GET method', 43002: 'require POST method', 44002: 'empty post data',
	45009: 'reach max api daily quota limit', 45011: 'api minute-quota reach limit', 47001: 'data format error', 87009: 'invalid signature',
};

const AUTHORIZE = /^https?:\/\/[^?#]+\?appid=([^&]+)&redirect_uri=([^&]+)&response_type=code&scope=(snsapi_base|snsapi_userinfo)&state=([a-zA-Z0-9]{0,128})#wechat_redirect$/;
const is_text = (v) => typeof v === 'string' && v.length > 0;
const random = (bytes) => randomBytes(bytes).toString('base64url');
const hex_hmac = (key, data) => createHmac('sha256', key).update(data).digest('hex');

function told(errcode) {
	const rid = `${random(6)}-${random(6)}-${random(6)}`;
	return { status: 200, is_refusal: errcode !== 0, note: { code: String(errcode) }, body: { errcode, errmsg: errcode === 0 ? 'ok' : `${MESSAGES[errcode] ?? 'error'} rid: ${rid}` } };
}

const json_of = ({ body }) => {
	try {
		return JSON.parse(body.toString('utf8'));
	} catch {
		return null;
	}
};

export function wechat() {
	const peer = { name: 'wechat', settings: null };
	let login_codes, web_codes, phone_codes, sessions, tokens, owners, current, forced;

	peer.reset = () => {
		peer.settings = { ...APP, ...OFFICIAL, ...OTHERS, ...LIVES, bound: false, risky: [] };
		login_codes = new Map();
		web_codes = new Map();
		phone_codes = new Map();
		sessions = new Map(); // openid: its newest session_key
		tokens = new Map(); // each token: until when it serves
		owners = new Map(); // each token: whose appid
		current = { stable: new Map(), legacy: null };
		forced = [];
	};
	peer.reset();

	// appid, secret; code_ms, token_ms, overlap_ms: lives; bound: the mini-program belongs to an Open Platform account, so there is a unionid; risky: openids
	peer.set = (changes) => {
		const s = peer.settings, unknown = Object.keys(changes).find((name) => !(name in s));
		if (unknown !== undefined) return `there is no setting "${unknown}"`;
		if (['code_ms', 'token_ms', 'overlap_ms'].some((name) => !(Number.isInteger(changes[name] ?? 1) && (changes[name] ?? 1) > 0))) return 'lives are positive numbers of ms';
		if (!Array.isArray(changes.risky ?? []) || typeof (changes.bound ?? true) !== 'boolean') return 'risky is a list of openids, bound is true or false';
		peer.settings = { ...s, ...changes };
		return null;
	};
	peer.show = () => ({ login_codes: login_codes.size, web_codes: web_codes.size, phone_codes: phone_codes.size, tokens: tokens.size });

	// What a phone does: wx.login, and with a phone the button that asks for its number. A text: what is wrong.
	const code = ({ openid, phone = null, country = '86', ...more }) => {
		if (Object.keys(more).length > 0 || !is_text(openid)) return 'a code is of an openid, perhaps with phone and country';
		const until = Date.now() + peer.settings.code_ms, js_code = random(24);
		login_codes.set(js_code, { openid, until, used: false });
		if (phone === null) return { js_code };
		const phone_code = random(32);
		phone_codes.set(phone_code, { openid, phone, country, until, used: false });
		return { js_code, phone_code };
	};
	// What WeChat does with a page that goes to the address of the web authorization: {back, code, state}. snapshot: it shows a snapshot of the page, with a made-up account.
	const visit = ({ url, openid, snapshot = false }) => {
		const [, appid, to, scope, state] = AUTHORIZE.exec(url ?? '') ?? [];
		if (!is_text(openid)) return 'a visit is of an openid';
		if (appid === undefined) return '该链接无法访问: its parameters, their order, or the state';
		if (appid !== peer.settings.official) return 'AppID 参数错误';
		const back = new URL(decodeURIComponent(to)), code = random(24);
		if (!peer.settings.domains.includes(back.host)) return 'redirect_uri 参数错误';
		web_codes.set(code, { openid: snapshot ? `snapshot-${random(9)}` : openid, scope, snapshot, until: Date.now() + peer.settings.code_ms, used: false });
		back.searchParams.set('code', code);
		back.searchParams.set('state', state);
		return { back: back.href, code, state };
	};
	// Somebody elsewhere has forced a refresh: what we hand out next is another, and those that are out are over at once.
	const stale = () => {
		tokens.clear();
		current = { stable: new Map(), legacy: null };
		return {};
	};
	peer.does = { code, visit, stale };

	// ---- who asks ----

	const judge_app = ({ appid, secret }) => {
		if (!is_text(appid)) return told(41002);
		const wanted = appid === peer.settings.appid ? peer.settings.secret : peer.settings.accounts[appid];
		if (wanted === undefined) return told(40013);
		if (!is_text(secret)) return told(41004);
		return secret === wanted ? null : told(40125);
	};
	const judge_token = (token) => {
		if (!is_text(token)) return told(41001);
		if (!/^[\w-]{64,512}$/.test(token)) return told(40014);
		if (!tokens.has(token)) return told(40001);
		return tokens.get(token) > Date.now() ? null : told(42001);
	};
	// For interfaces of other peers: is it a token of this account?
	peer.token_wrong = (token, appid) => judge_token(token) ?? (owners.get(token) === appid ? null : told(40001));
	const judge_code = (given, used) => {
		if (given === undefined || given.until <= Date.now()) return told(40029);
		return given.used ? told(used) : null;
	};
	// A POST with a JSON object in it; the object is question.asked.
	const judge_post = (question) => {
		if (question.method !== 'POST') return told(43002);
		if (question.body.length === 0) return told(44002);
		question.asked = json_of(question);
		return typeof question.asked === 'object' && question.asked !== null ? null : told(47001);
	};

	// ---- code2Session ----

	const judge_session = (question) => {
		const q = question.fields;
		if (question.method !== 'GET') return told(43001);
		const refusal = judge_app(q);
		if (refusal !== null) return refusal;
		if (q.grant_type !== 'authorization_code') return told(40002);
		if (!is_text(q.js_code)) return told(41008);
		const given = login_codes.get(q.js_code);
		return judge_code(given, 40163) ?? (peer.settings.risky.includes(given.openid) ? told(40226) : null);
	};
	const union_of = (openid) => (peer.settings.bound ? { unionid: createHash('sha256').update(`union ${openid}`).digest('base64url').slice(0, 28) } : {});
	const session = (question) => {
		const given = login_codes.get(question.fields.js_code), session_key = randomBytes(16).toString('base64');
		given.used = true;
		sessions.set(given.openid, session_key);
		return { status: 200, type: 'text/plain', body: JSON.stringify({ session_key, openid: given.openid, ...union_of(given.openid) }) };
	};

	// ---- the web authorization of the official account ----

	// A code of one account is none of another's.
	const judge_visitor = ({ method, fields: q }) => {
		if (method !== 'GET') return told(43001);
		const refusal = judge_app(q);
		if (refusal !== null) return refusal;
		if (q.grant_type !== 'authorization_code') return told(40002);
		if (!is_text(q.code)) return told(41008);
		const given = web_codes.get(q.code);
		if (q.appid !== peer.settings.official) return told(40029);
		return judge_code(given, 40163) ?? (peer.settings.risky.includes(given.openid) ? told(40226) : null);
	};
	const visitor = ({ fields: { code: web_code } }) => {
		const given = web_codes.get(web_code), { openid, scope, snapshot } = given;
		given.used = true;
		return { status: 200, type: 'text/plain', body: JSON.stringify({ access_token: `web_${random(60)}`, expires_in: 7200, refresh_token: `web_${random(60)}`, openid, scope, ...(snapshot ? { is_snapshotuser: 1 } : {}),
			...(scope === 'snsapi_userinfo' ? union_of(openid) : {}) }) };
	};

	const judge_check = ({ method, fields }) => {
		if (method !== 'GET') return told(43001);
		const refusal = judge_token(fields.access_token), key = sessions.get(fields.openid);
		if (refusal !== null) return refusal;
		return fields.sig_method === 'hmac_sha256' && key !== undefined && fields.signature === hex_hmac(key, '') ? null : told(87009);
	};

	// ---- access tokens ----

	const made = (appid) => {
		const token = `${random(3)}_${random(72)}`, until = Date.now() + peer.settings.token_ms;
		tokens.set(token, until);
		owners.set(token, appid);
		return { token, until };
	};
	const answer = ({ token, until }) => ({ status: 200, body: { access_token: token, expires_in: Math.max(1, Math.ceil((until - Date.now()) / 1000)) } });

	const judge_stable = (question) => judge_post(question) ?? judge_app(question.asked) ?? (question.asked.grant_type === 'client_credential' ? judge_forced(question.asked) : told(40002));
	const judge_forced = ({ force_refresh }) => {
		const now = Date.now(), today = forced.filter((at) => now - at < 86400000);
		if (force_refresh !== true) return null;
		return today.length >= FORCED.a_day || now - (today.at(-1) ?? 0) < FORCED.apart_ms ? told(45009) : null;
	};
	// The same one until it is nearly over; then another, and both serve for the overlap.
	const stable = ({ asked: { appid, force_refresh = false } }) => {
		const there = current.stable.get(appid), is_over = there === undefined || there.until - Date.now() < Math.min(peer.settings.overlap_ms, peer.settings.token_ms / 2);
		if (force_refresh) {
			forced.push(Date.now());
			if (there !== undefined) tokens.delete(there.token);
		}
		if (is_over || force_refresh) current.stable.set(appid, made(appid));
		return answer(current.stable.get(appid));
	};

	const judge_legacy = ({ method, fields }) => (method === 'GET' ? judge_app(fields) ?? (fields.grant_type === 'client_credential' ? null : told(40002)) : told(43001));
	// Another each time: the one before serves a little longer.
	const legacy = () => {
		if (current.legacy !== null) tokens.set(current.legacy.token, Math.min(current.legacy.until, Date.now() + peer.settings.overlap_ms));
		current.legacy = made(peer.settings.appid);
		return answer(current.legacy);
	};

	// ---- getPhoneNumber ----

	const judge_phone = (question) => {
		const refusal = question.method === 'POST' ? judge_token(question.fields.access_token) ?? judge_post(question) : told(43002);
		if (refusal !== null) return refusal;
		const { code: phone_code, openid } = question.asked, given = phone_codes.get(phone_code);
		if (!is_text(phone_code)) return told(41008);
		return judge_code(given, 40029) ?? (openid === undefined || openid === given.openid ? null : told(40029));
	};
	const phone = ({ asked }) => {
		const given = phone_codes.get(asked.code), timestamp = Math.floor(Date.now() / 1000);
		given.used = true;
		return { status: 200, body: { errcode: 0, errmsg: 'ok', phone_info: { phoneNumber: given.country === '86' ? given.phone : `+${given.country}${given.phone}`, purePhoneNumber: given.phone,
			countryCode: given.country, watermark: { timestamp, appid: peer.settings.appid } } } };
	};

	peer.limited = () => told(45011);
	peer.refuse = (errcode) => told(Number(errcode));
	peer.routes = [
		{ name: 'code2session', path: '/sns/jscode2session', judge: judge_session, act: session },
		{ name: 'sns_access_token', path: '/sns/oauth2/access_token', judge: judge_visitor, act: visitor },
		{ name: 'checksession', path: '/wxa/checksession', judge: judge_check, act: () => told(0) },
		{ name: 'stable_token', path: '/cgi-bin/stable_token', judge: judge_stable, act: stable },
		{ name: 'token', path: '/cgi-bin/token', judge: judge_legacy, act: legacy },
		{ name: 'getuserphonenumber', path: '/wxa/business/getuserphonenumber', judge: judge_phone, act: phone },
	];
	return peer;
}
