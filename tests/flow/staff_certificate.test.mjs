// Goal: a client certificate stands for a clerk's digits and for nothing else: the password is still asked for, another's certificate is none, and the session is
// worth nothing without it.
// Method: a real gateway with a name for staff, the three administrators, certificates made here.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { Authority, CertifiedH2 } from './lib/certificates.mjs';
import { gateway } from './lib/gateway.mjs';
import { assert_documented } from './lib/openapi.mjs';
import { first } from './lib/staff.mjs';

const HOST = 'staff.test';
const g = await gateway();
const ca = await Authority.make(g.state, 'staff-ca');
g.configure({ 'tls.client_hosts': `${HOST}=${ca.file}` });
assert.equal((await g.control('POST', '/control/reload')).status, 200);
const one = await first(g, 'first.one', 'system_admin'), two = await first(g, 'first.two', 'security_admin');
const his = await ca.sign('one'), hers = await ca.sign('two');
const register = (account, file) => g.command('staff', 'certificate', '--account', account, file);

function connect(certificate) {
	const h2 = new CertifiedH2(g, HOST, certificate);
	after(() => h2.close());
	return { h2,
		login: async (body) => assert_documented(await h2.request('POST', '/v1/staff/login', { headers: { 'content-type': 'application/json' }, body })),
		me: async (token) => assert_documented(await h2.request('GET', '/v1/staff/me', { headers: { authorization: `Bearer ${token}` } })) };
}

const with_his = connect(his), with_hers = connect(hers), with_none = connect(undefined);
const right = { account: one.account, password: one.password };

test('not before it is registered; then beside the password, and only his', async () => {
	assert.equal((await with_his.login(right)).json.code, 'wrong_credentials');
	assert.equal(await register(one.account, his.cert_file), '');
	assert.equal((await g.ask('GET', '/v1/staff/me', { token: one.token })).status, 401, 'his sessions ended');
	const { status, json } = await with_his.login(right);
	assert.equal(status, 200, JSON.stringify(json));
	assert.equal((await with_his.me(json.access_token)).json.account, one.account);
	for (const wrong of [with_hers, with_none]) assert.equal((await wrong.me(json.access_token)).json.code, 'invalid_token');
	assert.equal((await g.ask('GET', '/v1/staff/me', { token: json.access_token })).json.code, 'invalid_token');
	assert.equal((await with_his.login({ ...right, password: 'Wudu-2026-Cloudy' })).json.code, 'wrong_credentials');
	assert.equal((await with_hers.login(right)).json.code, 'wrong_credentials');
	assert.equal((await with_his.login({ account: two.account, password: two.password })).json.code, 'wrong_credentials');
	for (const answer of [await with_none.login(right), await g.ask('POST', '/v1/staff/login', { body: right })]) assert.deepEqual([answer.status, answer.json.pointer], [422, '/totp']);
});

test('digits still serve, and wrong ones are not forgiven for the certificate’s sake', async () => {
	assert.equal((await with_his.login({ ...right, totp: '000000' })).json.code, 'wrong_credentials');
	await one.login();
	assert.equal((await g.ask('GET', '/v1/staff/me', { token: one.token })).status, 200, 'unbound, as before');
});

test('one certificate, one person; taken away it opens nothing', async () => {
	await assert.rejects(register(two.account, his.cert_file), /冲突/);
	await assert.rejects(register('nobody.here', hers.cert_file), /没有找到/);
	await assert.rejects(register(two.account, his.key_file), /certificate/);
	const { json } = await with_his.login(right);
	assert.equal((await with_his.me(json.access_token)).status, 200);
	assert.equal(await register(one.account, 'none'), '');
	assert.equal((await with_his.me(json.access_token)).status, 401);
	assert.equal((await with_his.login(right)).json.code, 'wrong_credentials');
});

test('who begins again begins without it', async () => {
	await register(two.account, hers.cert_file);
	const { json } = await with_hers.login({ account: two.account, password: two.password });
	assert.ok(json.access_token);
	const code = (await g.command('staff', 'again', '--account', two.account)).split('\n')[0];
	two.password = 'Wudu-2026-Rainy'; // none of the former
	await two.activate(code);
	assert.equal((await with_hers.login({ account: two.account, password: two.password })).json.code, 'wrong_credentials');
});
