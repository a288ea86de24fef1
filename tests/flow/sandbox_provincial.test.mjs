// Goal: the sandbox's provincial login is an OpenID provider, and refuses what one refuses. Judge: the openid-client package, which performs the whole flow and
// checks signature, issuer, audience, nonce and state itself.
import assert from 'node:assert/strict';
import test, { beforeEach } from 'node:test';
import { Issuer, generators } from 'openid-client';
import { sandbox } from '../sandbox/lib/client.mjs';
import { ask } from './lib/outside.mjs';

const s = await sandbox();
beforeEach(() => s.reset());
const back = 'https://app.siban.test/login/provincial';
const basic = `Basic ${Buffer.from('siban-sandbox:sandbox-provincial-secret').toString('base64')}`;

async function client(more = {}) {
	const issuer = await Issuer.discover(`${s.url}/provincial`);
	return new issuer.Client({ client_id: 'siban-sandbox', client_secret: 'sandbox-provincial-secret', redirect_uris: [back], response_types: ['code'], id_token_signed_response_alg: 'ES256', ...more });
}

// Sends a person there; what came back in the address.
async function sent(c, fields, who = 'gs-0001') {
	const answer = await ask(s.url, { target: c.authorizationUrl({ redirect_uri: back, scope: 'openid profile', login_as: who, ...fields }).slice(s.url.length) });
	assert.equal(answer.status, 302, answer.text);
	return c.callbackParams(answer.headers.location);
}

const exchange = (form, headers = {}) => ask(s.url, { method: 'POST', target: '/provincial/token', headers: { 'content-type': 'application/x-www-form-urlencoded', authorization: basic, ...headers },
	body: new URLSearchParams(form).toString() });

for (const token_endpoint_auth_method of ['client_secret_basic', 'client_secret_post'])
	test(`the whole flow, by ${token_endpoint_auth_method}`, async () => {
		const c = await client({ token_endpoint_auth_method }), code_verifier = generators.codeVerifier(), state = generators.state(), nonce = generators.nonce();
		const params = await sent(c, { state, nonce, code_challenge: generators.codeChallenge(code_verifier), code_challenge_method: 'S256' });
		const tokens = await c.callback(back, params, { code_verifier, state, nonce, response_type: 'code' });
		assert.deepEqual([tokens.claims().sub, tokens.claims().aud, tokens.token_type], ['gs-0001', 'siban-sandbox', 'Bearer']);
		assert.deepEqual(await c.userinfo(tokens), { sub: 'gs-0001', name: '张三', id_number: '621299199006150131', phone_number: '13900000001', level: 'real_name' });
	});

test('what openid-client refuses, our peer can say', async () => {
	const c = await client();
	for (const [says, words] of [[{ nonce: 'x' }, /nonce mismatch/], [{ iss: 'https://x' }, /iss/], [{ aud: 'x' }, /aud/], [{ exp: 1 }, /expired/]]) {
		await s.setup('provincial', { says });
		const params = await sent(c, { state: 's', nonce: 'n' });
		await assert.rejects(c.callback(back, params, { state: 's', nonce: 'n', response_type: 'code' }), words);
	}
});

test('a page asks who one is; who says no comes back without a code', async () => {
	const c = await client(), target = c.authorizationUrl({ redirect_uri: back, scope: 'openid', state: 's' }).slice(s.url.length), asked = await ask(s.url, { target });
	assert.deepEqual([asked.status, asked.headers['content-type']], [200, 'text/html; charset=utf-8']);
	const links = [...asked.text.matchAll(/href="([^"]+)">([^<]+)</g)].map(([, href, name]) => [href.replaceAll('&#38;', '&'), name]);
	assert.deepEqual(links.map(([, name]) => name), ['张三', '李小明', '取消']);
	assert.match((await ask(s.url, { target: links[0][0] })).headers.location, /^https:\/\/app\.siban\.test\/login\/provincial\?code=[\w-]+&state=s$/);
	assert.deepEqual(c.callbackParams((await ask(s.url, { target: links[2][0] })).headers.location), { error: 'access_denied', state: 's' });
	await s.setup('provincial', { auto: 'gs-0002' });
	assert.ok(c.callbackParams((await ask(s.url, { target })).headers.location).code);
});

test('nobody is sent to an address that is not the client’s', async () => {
	const c = await client();
	for (const fields of [{ redirect_uri: `${back}/` }, { redirect_uri: `${back}?x=1` }, { redirect_uri: 'https://evil.example/' }, { client_id: 'x' }]) {
		const answer = await ask(s.url, { target: c.authorizationUrl({ redirect_uri: back, scope: 'openid', login_as: 'gs-0001', ...fields }).slice(s.url.length) });
		assert.deepEqual([answer.status, answer.headers.location], [400, undefined]);
	}
	for (const [fields, error] of [[{ response_type: 'token' }, 'unsupported_response_type'], [{ scope: 'profile' }, 'invalid_scope'],
		[{ code_challenge: 'x', code_challenge_method: 'S256' }, 'invalid_request'], [{ code_challenge: 'A'.repeat(43), code_challenge_method: 'plain' }, 'invalid_request']])
		assert.equal((await sent(c, fields)).error, error);
});

test('a code is good once, for its client, address, verifier and a while', async () => {
	const c = await client(), code_verifier = generators.codeVerifier(), pkce = { code_challenge: generators.codeChallenge(code_verifier), code_challenge_method: 'S256' };
	const fresh = async (fields = pkce) => ({ grant_type: 'authorization_code', code: (await sent(c, fields)).code, redirect_uri: back, code_verifier });
	const without = ({ code_verifier: left_out, ...form }) => form;
	const refused = async (answer, status, error) => assert.deepEqual([(await answer).status, (await answer).json], [status, { error }]);
	await refused(exchange({ ...await fresh(), redirect_uri: 'https://evil.example/' }), 400, 'invalid_grant');
	await refused(exchange({ ...await fresh(), code_verifier: generators.codeVerifier() }), 400, 'invalid_grant');
	await refused(exchange(without(await fresh())), 400, 'invalid_grant');
	await refused(exchange(await fresh({})), 400, 'invalid_grant');
	await refused(exchange({ ...await fresh(), code: 'x' }), 400, 'invalid_grant');
	await refused(exchange({ ...await fresh(), grant_type: 'password' }), 400, 'unsupported_grant_type');
	await refused(exchange({ grant_type: 'authorization_code' }), 400, 'invalid_request');
	await refused(exchange(await fresh(), { authorization: `Basic ${Buffer.from('siban-sandbox:x').toString('base64')}` }), 401, 'invalid_client');
	await refused(exchange({ ...await fresh(), client_secret: 'x' }), 400, 'invalid_request');
	await s.setup('provincial', { client: { auth: 'post' } });
	await refused(exchange(await fresh()), 401, 'invalid_client');
	await s.setup('provincial', { client: { auth: 'any' }, code_ms: 0 });
	await refused(exchange(await fresh()), 400, 'invalid_grant');
	await s.setup('provincial', { code_ms: 60000 });
	const form = await fresh(), first = await exchange(form);
	assert.equal(first.status, 200, first.text);
	assert.equal((await c.userinfo(first.json.access_token)).sub, 'gs-0001');
	await refused(exchange(form), 400, 'invalid_grant');
	await assert.rejects(c.userinfo(first.json.access_token), /invalid_token/);
	await s.setup('provincial', { token_ms: 0 });
	await assert.rejects(c.userinfo((await exchange(await fresh())).json.access_token), /invalid_token/);
	assert.equal((await ask(s.url, { target: '/provincial/userinfo' })).headers['www-authenticate'], 'Bearer');
});

test('its settings are checked', async () => {
	for (const wrong of [{ colour: 'red' }, { client: { name: 'x' } }, { client: { auth: 'none' } }, { people: [{ name: '张三' }] }, { people: [{ sub: 'x', age: 1 }] }])
		await assert.rejects(s.setup('provincial', wrong));
});
