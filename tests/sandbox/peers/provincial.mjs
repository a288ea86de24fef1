// The province's unified login: an OpenID provider. What it is known to say and what we assumed is in README.md. All people are synthetic, as the authority's are.
import { createHash, createSign, generateKeyPairSync, randomBytes, timingSafeEqual } from 'node:crypto';

const CLIENT = { id: 'siban-sandbox', secret: 'sandbox-provincial-secret', redirect_uris: ['https://app.siban.test/login/provincial'] };
const PEOPLE = [
	{ sub: 'gs-0001', name: '张三', id_number: '621299199006150131', phone_number: '13900000001', level: 'real_name' },
	{ sub: 'gs-0002', name: '李小明', id_number: '62129919850101006X', phone_number: '13900000002', level: 'live_face' },
];
const LIVES = { code_ms: 60000, token_ms: 300000 };
const CLAIMS = ['sub', 'name', 'id_number', 'phone_number', 'level'];

const is_text = (v) => typeof v === 'string' && v.length > 0;
const random = () => randomBytes(24).toString('base64url');
const sha256 = (text) => createHash('sha256').update(text).digest('base64url');
const same = (a, b) => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));

const told = (status, error, headers = {}) => ({ status, headers: { 'cache-control': 'no-store', ...headers }, body: { error }, note: { code: error } });
const page = (status, html) => ({ status, type: 'text/html; charset=utf-8', body: `<!doctype html><html lang="zh"><meta charset="utf-8"><title>统一身份认证（演示）</title>${html}</html>\n` });
const escaped = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

// Parameters of a query or a form; null when one is given twice (RFC 6749 3.1, 3.2).
function once(text) {
	const all = new URLSearchParams(text), names = [...all.keys()];
	return new Set(names).size === names.length ? Object.fromEntries(all) : null;
}
const query_of = (question) => once(question.query);
const form_of = (question) => (question.headers['content-type']?.startsWith('application/x-www-form-urlencoded') ? once(question.body.toString('latin1')) : null);
const issuer_of = ({ tls, headers }) => `${tls ? 'https' : 'http'}://${headers.host}/provincial`;

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const JWK = { ...publicKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid: 'sandbox-1' };

function signed(claims) {
	const text = [{ alg: JWK.alg, typ: 'JWT', kid: JWK.kid }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
	return `${text}.${createSign('SHA256').update(text).sign({ key: privateKey, dsaEncoding: 'ieee-p1363' }, 'base64url')}`;
}

// RFC 6749 2.3.1: id and secret by Basic, or in the form; never both.
function credentials(question, form) {
	const header = question.headers.authorization;
	if (header === undefined) return { id: form.client_id, secret: form.client_secret, by: 'post' };
	if (form.client_secret !== undefined || !/^Basic /i.test(header)) return null;
	const [id, secret] = Buffer.from(header.slice(6), 'base64').toString('utf8').split(':').map((part) => decodeURIComponent(part.replaceAll('+', ' ')));
	return { id, secret, by: 'basic' };
}

export function provincial() {
	const peer = { name: 'provincial', settings: null };
	let codes, tokens;

	peer.reset = () => {
		peer.settings = { client: { ...CLIENT, auth: 'any' }, people: PEOPLE.map((p) => ({ ...p })), auto: null, id_token: true, says: {}, ...LIVES };
		codes = new Map();
		tokens = new Map();
	};
	peer.reset();

	// client: redirect_uris, secret, auth (basic, post, any). people: added, or put in the place of those with the same sub; a claim that is null is not said.
	// auto: the sub who logs in without being asked. id_token: whether there is one. says: claims put over those of the next id_tokens. code_ms, token_ms: lives.
	peer.set = ({ client = {}, people = [], ...changes }) => {
		const s = peer.settings, unknown = Object.keys(changes).find((name) => !(name in s));
		if (unknown !== undefined) return `there is no setting "${unknown}"`;
		if (Object.keys(client).some((name) => !(name in s.client))) return 'a client has id, secret, redirect_uris and auth';
		if (!['basic', 'post', 'any'].includes(client.auth ?? s.client.auth)) return 'auth is basic, post or any';
		if (!Array.isArray(people) || people.some((p) => !is_text(p.sub) || Object.keys(p).some((name) => !CLAIMS.includes(name)))) return `a person has a sub, and ${CLAIMS.join(', ')}`;
		const replaced = new Set(people.map((p) => p.sub));
		peer.settings = { ...s, ...changes, client: { ...s.client, ...client }, people: [...s.people.filter((p) => !replaced.has(p.sub)), ...people] };
		return null;
	};
	peer.show = () => ({ codes: codes.size, tokens: tokens.size });

	// ---- /authorize: where the person is ----

	const back = (q, fields) => {
		const to = new URL(q.redirect_uri);
		for (const [name, value] of Object.entries({ ...fields, ...(q.state === undefined ? {} : { state: q.state }) })) to.searchParams.append(name, value);
		return { status: 302, headers: { location: to.href, 'cache-control': 'no-store' }, body: '', note: { code: fields.error ?? null } };
	};

	// Where client or address is wrong nobody is sent anywhere (RFC 6749 4.1.2.1).
	const judge_authorize = (question) => {
		if (question.method !== 'GET') return told(405, 'method_not_allowed', { allow: 'GET' });
		const q = query_of(question), { client } = peer.settings;
		if (q === null || q.client_id !== client.id) return page(400, '<h1>应用未登记</h1>');
		if (!client.redirect_uris.includes(q.redirect_uri)) return page(400, '<h1>回调地址未登记</h1>');
		if (q.response_type !== 'code') return back(q, { error: 'unsupported_response_type' });
		if (!(q.scope ?? '').split(' ').includes('openid')) return back(q, { error: 'invalid_scope' });
		if (q.code_challenge !== undefined && (q.code_challenge_method !== 'S256' || !/^[\w-]{43}$/.test(q.code_challenge))) return back(q, { error: 'invalid_request' });
		return null;
	};

	const choice = (question, q) => {
		const row = (p) => `<p><a href="${escaped(`${question.path}?${new URLSearchParams({ ...q, login_as: p.sub })}`)}">${escaped(p.name ?? p.sub)}</a></p>`;
		const no = escaped(`${question.path}?${new URLSearchParams({ ...q, login_as: '' })}`);
		return page(200, `<h1>甘肃政务服务网 统一身份认证（演示）</h1><p>以谁的身份登录？</p>${peer.settings.people.map(row).join('')}<p><a href="${no}">取消</a></p>`);
	};

	const authorize = (question) => {
		const q = query_of(question), chosen = q.login_as ?? peer.settings.auto;
		if (chosen === null) return choice(question, q);
		if (!peer.settings.people.some((p) => p.sub === chosen)) return back(q, { error: 'access_denied' });
		const code = random();
		codes.set(code, { ...q, sub: chosen, until: Date.now() + peer.settings.code_ms, token: null });
		return back(q, { code });
	};

	// ---- /token ----

	const judge_token = (question) => {
		if (question.method !== 'POST') return told(405, 'invalid_request', { allow: 'POST' });
		const form = form_of(question), { client } = peer.settings;
		if (form === null) return told(400, 'invalid_request');
		const shown = credentials(question, form);
		if (shown === null) return told(400, 'invalid_request');
		const is_he = shown.id === client.id && is_text(shown.secret) && same(shown.secret, client.secret) && ['any', shown.by].includes(client.auth);
		if (!is_he) return told(401, 'invalid_client', { 'www-authenticate': 'Basic realm="provincial"' });
		if (form.grant_type !== 'authorization_code') return told(400, 'unsupported_grant_type');
		if (!is_text(form.code)) return told(400, 'invalid_request');
		const given = codes.get(form.code);
		if (given?.token) { // RFC 6749 4.1.2: a code that comes twice ends what it was exchanged for
			tokens.delete(given.token);
			return told(400, 'invalid_grant');
		}
		const fits = given !== undefined && given.until > Date.now() && given.redirect_uri === form.redirect_uri &&
			(given.code_challenge === undefined ? form.code_verifier === undefined : is_text(form.code_verifier) && sha256(form.code_verifier) === given.code_challenge);
		return fits ? null : told(400, 'invalid_grant');
	};

	const token = (question) => {
		const given = codes.get(form_of(question).code), { client, id_token, says, token_ms } = peer.settings, now = Math.floor(Date.now() / 1000);
		given.token = random();
		tokens.set(given.token, { sub: given.sub, until: Date.now() + token_ms });
		const claims = { iss: issuer_of(question), sub: given.sub, aud: client.id, iat: now, exp: now + 300, ...(given.nonce === undefined ? {} : { nonce: given.nonce }), ...says };
		return { status: 200, headers: { 'cache-control': 'no-store' }, body: { access_token: given.token, token_type: 'Bearer', expires_in: token_ms / 1000,
			...(id_token ? { id_token: signed(claims) } : {}) } };
	};

	// ---- /userinfo ----

	const bearer_of = ({ headers }) => tokens.get(/^Bearer (\S+)$/i.exec(headers.authorization ?? '')?.[1]);
	const judge_userinfo = (question) => {
		if (!['GET', 'POST'].includes(question.method)) return told(405, 'method_not_allowed', { allow: 'GET, POST' });
		if (question.headers.authorization === undefined) return { status: 401, headers: { 'www-authenticate': 'Bearer' }, body: '' };
		const live = bearer_of(question);
		return live !== undefined && live.until > Date.now() ? null : { ...told(401, 'invalid_token', { 'www-authenticate': 'Bearer error="invalid_token"' }), body: '' };
	};
	const userinfo = (question) => {
		const person = peer.settings.people.find((p) => p.sub === bearer_of(question).sub);
		return { status: 200, body: Object.fromEntries(Object.entries(person).filter(([, value]) => value !== null)) };
	};

	// ---- what it says of itself ----

	const judge_get = (question) => (question.method === 'GET' ? null : told(405, 'method_not_allowed', { allow: 'GET' }));
	const discovery = (question) => {
		const issuer = issuer_of(question);
		return { status: 200, body: { issuer, authorization_endpoint: `${issuer}/authorize`, token_endpoint: `${issuer}/token`, userinfo_endpoint: `${issuer}/userinfo`, jwks_uri: `${issuer}/jwks`,
			response_types_supported: ['code'], grant_types_supported: ['authorization_code'], subject_types_supported: ['public'], id_token_signing_alg_values_supported: [JWK.alg],
			token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'], code_challenge_methods_supported: ['S256'], scopes_supported: ['openid', 'profile'],
			claims_supported: CLAIMS } };
	};

	peer.limited = (seconds) => told(429, 'temporarily_unavailable', { 'retry-after': String(seconds) });
	peer.refuse = (error) => told(400, error);
	peer.routes = [
		{ name: 'authorize', path: '/provincial/authorize', judge: judge_authorize, act: authorize },
		{ name: 'token', path: '/provincial/token', judge: judge_token, act: token },
		{ name: 'userinfo', path: '/provincial/userinfo', judge: judge_userinfo, act: userinfo },
		{ name: 'discovery', path: '/provincial/.well-known/openid-configuration', judge: judge_get, act: discovery },
		{ name: 'jwks', path: '/provincial/jwks', judge: judge_get, act: () => ({ status: 200, body: { keys: [JWK] } }) },
	];
	return peer;
}
