// Goal: a person's digital certificate raises the session that was given the text it signed, to L4 for eight hours and to L3 for fifteen minutes; it must be in force, not
// revoked, of an authority that is trusted, and his own; a text serves once, one session and five minutes.
// Method: authorities of three kinds made here by openssl, with their lists; each person is a test's own.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { sandbox } from '../sandbox/lib/client.mjs';
import { assert_problem, id_number } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { People, authority_settings, device, phone } from './lib/people.mjs';
import { PersonalCa, trust_files } from './lib/personal_ca.mjs';

const folder = mkdtempSync(path.join(os.tmpdir(), 'siban-personal-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const [sm2, ecdsa, rsa, stranger] = await Promise.all([PersonalCa.make(folder, 'sm2'), PersonalCa.make(folder, 'ecdsa'), PersonalCa.make(folder, 'rsa'), PersonalCa.make(folder, 'ecdsa')]);
const below = await PersonalCa.make(folder, 'ecdsa', { parent: ecdsa });
const s = await sandbox();
const g = await gateway({ data: false, settings: { ...authority_settings(s), ...trust_files(folder, [sm2, ecdsa, rsa], [sm2, ecdsa, rsa, below]), 'otp.per_address': 1000000 } });
const people = new People(g);

let next = 800;
const person = (name = '钱小明') => ({ number: id_number(next++), name });
const login = async () => (await people.login(phone(), device())).access_token;
const text_for = async (token, options) => {
	const answer = await g.ask('POST', '/v1/me/certificate-challenges', { token, ...options });
	assert.equal(answer.status, 200, answer.text);
	return answer.json.text;
};
const show = (token, body, { key = randomUUID(), ...options } = {}) => g.ask('POST', '/v1/me/certificate', { token, key, body, ...options });
const signed = async (certificate, text, more = {}) => ({ text, certificate: certificate.pem, signature: await certificate.sign(text), ...more });
const raise = async (token, certificate, options) => show(token, await signed(certificate, await text_for(token, options)), options);
const known = async (token) => (await g.get('/v1/me/identity', { token })).json;
const refused = (answer, reason) => assert.deepEqual([answer.status, answer.json.code, answer.json.reason], [422, 'certificate_refused', reason], answer.text);

for (const [n, ca] of [sm2, ecdsa, rsa].entries())
	test(`${ca.kind}: a session known by a phone alone becomes the bearer’s, at L4`, async () => {
		const one = person(), certificate = await ca.issue(one, { choice: n === 1 }), token = await login(), via = n === 0 ? 'h1' : 'h2', key = randomUUID();
		const body = await signed(certificate, await text_for(token, { via }));
		for (let twice = 0; twice < 2; twice++) {
			const answer = await show(token, body, { key, via });
			assert.deepEqual([answer.status, answer.json.level], [200, 4], answer.text);
			assert.ok(Math.abs(Date.parse(answer.json.level4_until) - Date.now() - 8 * 3600e3) < 60000 && Math.abs(Date.parse(answer.json.level3_until) - Date.now() - 900e3) < 60000);
		}
		const me = await known(token);
		assert.deepEqual([me.level, me.level_name, me.name, me.id_type, me.confirmed_by], [4, 'window', '钱*明', 'resident', 'certificate']);
		assert.equal((await g.ask('POST', '/v1/me/identity/reveal', { token })).json.id_number, one.number, 'what a face allows is allowed');
		assert_problem(await show(token, body), 422, 'certificate_challenge');
		assert.equal(g.sql('SELECT COUNT(*) FROM audit WHERE act = 18 AND actor_id = subject_id').split('\n')[0], String(n + 1));
	});

test('of somebody known already it must be his own', async () => {
	const one = person(), other = person('孙小明'), phone_number = phone();
	await s.setup('authority', { people: [{ ...one, phone: phone_number }] });
	const { access_token: token } = await people.login(phone_number, device());
	assert.equal((await people.confirm(token, one)).status, 200);
	refused(await raise(token, await ecdsa.issue(other)), 'others');
	assert.deepEqual([(await known(token)).level, (await known(token)).confirmed_by], [2, 'authority']);
	const spent = await text_for(token), again = await ecdsa.issue(one);
	assert.equal((await show(token, await signed(again, spent))).status, 200);
	assert.equal((await known(token)).level, 4);
});

test('what is wrong with a certificate is said, and raises nothing', async () => {
	const one = person(), token = await login();
	const revoked = await ecdsa.issue(one);
	await ecdsa.revoke(revoked);
	await ecdsa.list();
	g.configure(trust_files(folder, [sm2, ecdsa, rsa], [sm2, ecdsa, rsa, below]));
	assert.equal((await g.control('POST', '/control/reload')).status, 200);
	refused(await raise(token, revoked), 'revoked');
	for (const [options, reason] of [[{ to: -60 }, 'expired'], [{ from: 3600 }, 'expired'], [{ usage: 'keyEncipherment' }, 'usage'], [{ with_number: false }, 'no_number'], [{ option: 'ec_paramgen_curve:P-224' }, 'algorithm']])
		refused(await raise(token, await ecdsa.issue(one, options)), reason);
	refused(await raise(token, await ecdsa.issue({ ...one, number: '621299199006150130' })), 'no_number');
	refused(await raise(token, await stranger.issue(one)), 'untrusted');
	const good = await ecdsa.issue(one), other = await ecdsa.issue(one);
	refused(await show(token, { ...await signed(other, await text_for(token)), certificate: good.pem }), 'signature');
	refused(await show(token, await signed(good, await text_for(token), { certificate: 'not a certificate' })), 'unreadable');
	refused(await show(token, await signed(good, await text_for(token), { certificate: readFileSync(ecdsa.file, 'utf8') })), 'usage');
	const rsa_small = await rsa.issue(one, { option: 'rsa_keygen_bits:1024' });
	refused(await raise(token, rsa_small), 'algorithm');
	assert.equal((await known(token)).level, 1);
	assert.equal(g.sql("SELECT COUNT(*) FROM audit WHERE act = 19 AND result = 422") >= 12, true);
	assert.equal((await raise(token, good)).status, 200);
});

test('an intermediate comes along, and is asked for its list too', async () => {
	const one = person(), certificate = await below.issue(one), token = await login();
	refused(await raise(token, certificate), 'untrusted');
	const with_chain = { ...certificate, pem: certificate.pem + readFileSync(below.file, 'utf8') };
	assert.equal((await raise(token, with_chain)).status, 200);
	await below.list({ from: -7200, to: -3600 });
	trust_files(folder, [sm2, ecdsa, rsa], [sm2, ecdsa, rsa, below]);
	assert.equal((await g.control('POST', '/control/reload')).status, 200);
	refused(await raise(await login(), with_chain), 'list_too_old');
	trust_files(folder, [sm2, ecdsa, rsa], [sm2, ecdsa, rsa]);
	assert.equal((await g.control('POST', '/control/reload')).status, 200);
	refused(await raise(await login(), with_chain), 'list_too_old');
});

test('a text is of its session, once, and the newest', async () => {
	const one = person(), certificate = await ecdsa.issue(one), mine = await login(), theirs = await login();
	const old = await signed(certificate, await text_for(mine)), body = await signed(certificate, await text_for(mine));
	assert_problem(await show(mine, old), 422, 'certificate_challenge');
	await text_for(theirs);
	assert_problem(await show(theirs, body), 422, 'certificate_challenge');
	assert_problem(await show(mine, await signed(certificate, 'siban.level4.x')), 422, 'certificate_challenge');
	assert_problem(await show(mine, await signed(certificate, `other.level4.${body.text.slice(13)}`)), 422, 'certificate_challenge');
	const race = await Promise.all(Array.from({ length: 5 }, () => show(mine, body)));
	assert.deepEqual(race.map((a) => a.status).sort(), [200, 422, 422, 422, 422]);
	const hand = await g.citizen(id_number(next++));
	assert_problem(await g.ask('POST', '/v1/me/certificate-challenges', { token: hand }), 403, 'forbidden');
	for (const [more, pointer] of [[{ signature: '***' }, '/signature'], [{ certificate: 'x'.repeat(13000) }, '/certificate'], [{ text: undefined }, '/text']])
		assert.equal((await show(mine, { ...body, ...more })).json.pointer, pointer);
});

test('the key kinds that are taken are configuration; without authorities nobody is raised; what cannot be read is refused by name', async () => {
	const one = person(), token = await login(), by_rsa = await rsa.issue(one);
	trust_files(folder, [sm2, ecdsa, rsa], [sm2, ecdsa, rsa, below]);
	g.configure({ 'certificate.algorithms': 'sm2' });
	assert.equal((await g.control('POST', '/control/reload')).status, 200);
	refused(await raise(token, by_rsa), 'algorithm');
	for (const wrong of [{ 'certificate.algorithms': 'sm2,dsa' }, { 'certificate.trust_file': '/nowhere' }, { 'certificate.revocation_file': '' }, { 'certificate.number_oid': 'x' }]) {
		g.configure({ 'certificate.algorithms': 'sm2,ecdsa,rsa', ...wrong });
		assert.equal((await g.control('POST', '/control/reload')).status >= 400, true, JSON.stringify(wrong));
		g.configure(trust_files(folder, [sm2, ecdsa, rsa], [sm2, ecdsa, rsa, below]));
	}
	g.configure({ 'certificate.number_oid': '1.2.156.10260.4.1.1', 'certificate.trust_file': '' });
	assert.equal((await g.control('POST', '/control/reload')).status, 200);
	assert.equal((await raise(token, by_rsa)).status, 503);
});
