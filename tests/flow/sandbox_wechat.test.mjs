// Goal: the sandbox's WeChat answers as the real one does, and refuses what the real one refuses. Judge: the node-easywechat package, driven as a mini-program's
// server drives it; the rest by hand.
import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import test, { beforeEach } from 'node:test';
import MiniApp from 'node-easywechat/dist/MiniApp/Application.js'; // its index wants a package of other ways to log in
import { sandbox } from '../sandbox/lib/client.mjs';
import { ask } from './lib/outside.mjs';
import { until } from './lib/until.mjs';

const s = await sandbox();
beforeEach(() => s.reset());
const APPID = 'wx0123456789abcdef', SECRET = '0123456789abcdef0123456789abcdef';

function application(more = {}) {
	const app = new MiniApp({ app_id: APPID, secret: SECRET, use_stable_access_token: true, http: { baseURL: s.url, throw: false }, ...more });
	const kept = new Map(); // a cache of this test's own: the package's lies in a folder
	app.setCache({ get: async (key) => kept.get(key) ?? null, set: async (key, value) => kept.set(key, value), has: async (key) => kept.has(key), delete: async (key) => kept.delete(key) });
	return app;
}

const get = async (target) => (await ask(s.url, { target })).json;
const post = async (target, body) => (await ask(s.url, { method: 'POST', target, headers: { 'content-type': 'application/json' }, body: typeof body === 'string' ? body : JSON.stringify(body) })).json;
const query = (fields) => new URLSearchParams(fields).toString();
const session_of = (js_code, more = {}) => get(`/sns/jscode2session?${query({ appid: APPID, secret: SECRET, js_code, grant_type: 'authorization_code', ...more })}`);
const stable = (more = {}) => post('/cgi-bin/stable_token', { grant_type: 'client_credential', appid: APPID, secret: SECRET, ...more });
const phone_of = (token, body) => post(`/wxa/business/getuserphonenumber?${query({ access_token: token })}`, body);

test('the package logs in, gets a token and a phone number', async () => {
	await s.setup('wechat', { bound: true });
	const app = application(), openid = randomUUID(), { js_code, phone_code } = await s.tell('wechat', 'code', { openid, phone: '13900000001' });
	const session = await app.getUtils().codeToSession(js_code);
	assert.deepEqual([session.openid, Buffer.from(session.session_key, 'base64').length, session.unionid.length], [openid, 16, 28]);
	const { phone_info } = (await app.getClient().postJson('/wxa/business/getuserphonenumber', { code: phone_code })).toObject();
	assert.deepEqual([phone_info.purePhoneNumber, phone_info.countryCode, phone_info.watermark.appid], ['13900000001', '86', APPID]);
	const signature = createHmac('sha256', session.session_key).update('').digest('hex');
	const check = async (more) => (await app.getClient().get('/wxa/checksession', { params: { openid, signature, sig_method: 'hmac_sha256', ...more } })).toObject().errcode;
	assert.deepEqual([await check(), await check({ signature: 'x' })], [0, 87009]);
	await assert.rejects(application({ secret: 'wrong' }).getUtils().codeToSession(js_code), /40125/);
	await assert.rejects(app.getUtils().codeToSession(js_code), /40163/);
	const legacy = application({ use_stable_access_token: false });
	assert.notEqual(await legacy.getAccessToken().getToken(), await app.getAccessToken().getToken());
});

test('codes: used, expired, made up, of nobody, of a risky user', async () => {
	const { js_code } = await s.tell('wechat', 'code', { openid: 'o' });
	const [first, second] = [await session_of(js_code), await session_of(js_code)];
	assert.deepEqual([first.openid, first.unionid, second.errcode], ['o', undefined, 40163]);
	assert.match(second.errmsg, /^code been used rid: /);
	assert.equal((await session_of('made-up')).errcode, 40029);
	await s.setup('wechat', { code_ms: 1, risky: ['r'] });
	const late = await s.tell('wechat', 'code', { openid: 'o', phone: '13900000001' });
	const made_by = Date.now();
	await until('its millisecond is over', () => Date.now() > made_by + 1);
	assert.equal((await session_of(late.js_code)).errcode, 40029);
	assert.equal((await phone_of((await stable()).access_token, { code: late.phone_code })).errcode, 40029);
	await s.setup('wechat', { code_ms: 60000 });
	assert.equal((await session_of((await s.tell('wechat', 'code', { openid: 'r' })).js_code)).errcode, 40226);
	assert.equal((await s.try_control('POST', '/peers/wechat/code', {})).status, 422);
	assert.equal((await s.try_control('POST', '/peers/wechat/dance', {})).status, 404);
	assert.equal((await s.try_control('POST', '/peers/authority/dance', {})).status, 404);
});

test('a page of the official account: the address is judged by its form, the code serves its account once', async () => {
	const OFFICIAL = 'wxofficial000000', secret = 'd'.repeat(32), back = encodeURIComponent('https://app.siban.test/l?a=1');
	const url = (appid = OFFICIAL, to = back, state = 'a1', end = '#wechat_redirect') => `https://open.weixin.qq.com/connect/oauth2/authorize?appid=${appid}&redirect_uri=${to}&response_type=code&scope=snsapi_base&state=${state}${end}`;
	const visit = (address, more = {}) => s.try_control('POST', '/peers/wechat/visit', { url: address, openid: 'w', ...more });
	for (const wrong of [url('wx0'), url(OFFICIAL, encodeURIComponent('https://evil.example/')), url(OFFICIAL, back, 'a-1'), url(OFFICIAL, back, 'a1', ''), 'x']) assert.equal((await visit(wrong)).status, 422, wrong);
	const { json: { code, back: came } } = await visit(url()), exchange = (more) => get(`/sns/oauth2/access_token?${query({ appid: OFFICIAL, secret, code, grant_type: 'authorization_code', ...more })}`);
	assert.equal(came, `https://app.siban.test/l?a=1&code=${code}&state=a1`);
	const rows = [[40013, { appid: 'wx0' }], [40125, { secret: 'x' }], [40029, { appid: APPID, secret: SECRET }], [40002, { grant_type: 'x' }], [41008, { code: '' }], [40029, { code: 'x' }]];
	for (const [want, more] of rows) assert.equal((await exchange(more)).errcode, want, JSON.stringify(more));
	const said = await exchange();
	assert.deepEqual([said.openid, said.scope, said.is_snapshotuser, said.unionid, said.errcode], ['w', 'snsapi_base', undefined, undefined, undefined]);
	assert.equal((await exchange()).errcode, 40163);
	assert.equal((await session_of(code)).errcode, 40029, 'it is no code of the mini-program');
	const snapshot = (await visit(url(), { snapshot: true })).json, made_up = await exchange({ code: snapshot.code });
	assert.deepEqual([made_up.is_snapshotuser, made_up.openid === 'w'], [1, false]);
});

test('what is missing or wrong, by its number', async () => {
	const { js_code, phone_code } = await s.tell('wechat', 'code', { openid: 'o', phone: '13900000001' }), { access_token: t } = await stable();
	const rows = [
		[41002, await session_of(js_code, { appid: '' })], [40013, await session_of(js_code, { appid: 'wx0' })], [41004, await session_of(js_code, { secret: '' })],
		[40125, await session_of(js_code, { secret: 'x' })], [41008, await session_of('')], [40002, await session_of(js_code, { grant_type: 'x' })],
		[43001, await post(`/sns/jscode2session?${query({ appid: APPID })}`, {})], [43002, await get('/cgi-bin/stable_token')], [44002, await post('/cgi-bin/stable_token', '')],
		[47001, await post('/cgi-bin/stable_token', '{')], [40125, await stable({ secret: 'x' })], [40002, await stable({ grant_type: 'x' })], [40013, await stable({ appid: 'x' })],
		[40002, await get(`/cgi-bin/token?${query({ appid: APPID, secret: SECRET, grant_type: 'x' })}`)],
		[41001, await post('/wxa/business/getuserphonenumber', { code: phone_code })], [40014, await phone_of('short', { code: phone_code })],
		[40001, await phone_of('x'.repeat(80), { code: phone_code })], [43002, await get(`/wxa/business/getuserphonenumber?access_token=${t}`)], [44002, await phone_of(t, '')],
		[41008, await phone_of(t, {})], [40029, await phone_of(t, { code: js_code })], [40029, await phone_of(t, { code: phone_code, openid: 'another' })],
		[0, await phone_of(t, { code: phone_code, openid: 'o' })], [40029, await phone_of(t, { code: phone_code })],
	];
	for (const [n, [want, said]] of rows.entries()) assert.equal(said.errcode, want, `row ${n}: ${JSON.stringify(said)}`);
});

test('the stable token is everybody’s until it is nearly over; a forced one ends it; the legacy one is another each time', async () => {
	const legacy = async () => (await get(`/cgi-bin/token?${query({ appid: APPID, secret: SECRET, grant_type: 'client_credential' })}`)).access_token;
	const serves = async (token) => (await phone_of(token, { code: 'x' })).errcode;
	const one = await stable();
	assert.ok(one.expires_in > 7100 && one.expires_in <= 7200);
	assert.equal((await stable()).access_token, one.access_token);
	const old = [await legacy(), await legacy()];
	assert.notEqual(old[0], old[1]);
	assert.deepEqual([await serves(old[0]), await serves(old[1]), await serves(one.access_token)], [40029, 40029, 40029], 'all of them serve');
	const forced = await stable({ force_refresh: true });
	assert.deepEqual([await serves(one.access_token), await serves(forced.access_token)], [40001, 40029]);
	assert.equal((await stable({ force_refresh: true })).errcode, 45009, 'not twice within 30 s');
	await s.tell('wechat', 'stale');
	assert.equal(await serves(forced.access_token), 40001);
	assert.notEqual((await stable()).access_token, forced.access_token);
});

test('moods: busy and quotas by number, and the rest of them', async () => {
	const { js_code } = await s.tell('wechat', 'code', { openid: 'o' });
	await s.fault('wechat', { refuse_code: '-1', count: 1 }, { refuse_code: '45011', count: 1 }, { rate_limit: { permits: 1, window_ms: 60000 }, count: 1 }, { rubbish: 'html', count: 1 });
	assert.deepEqual([(await session_of(js_code)).errcode, (await session_of(js_code)).errcode], [-1, 45011]);
	const answers = [await session_of(js_code), await session_of(js_code), await session_of(js_code)];
	assert.ok(answers.some((a) => a === undefined) && answers.some((a) => a?.openid === 'o'), JSON.stringify(answers));
});
