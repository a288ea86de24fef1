// Goal: who logs in at the province is known here by name and number; a login is its device's and its session's own and opens one session; what the province does
// not say, or says wrongly, opens nothing; slow, dead and rubbish are three answers; a session is raised by it under the rules of a confirmation.
// Method: the sandbox plays the province (an OpenID provider: sandbox_provincial.test.mjs) and the authority; every person is a test's own.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test, { after, beforeEach } from 'node:test';
import { sandbox } from '../sandbox/lib/client.mjs';
import { Case, id_number, world } from './lib/cases.mjs';
import { Gateway } from './lib/gateway.mjs';
import { People, authority_settings, device, phone } from './lib/people.mjs';
import { BACK, Province, provincial_settings } from './lib/province.mjs';
import { on_postgres } from './lib/stores.mjs';

const s = await sandbox();
const shared = { ...provincial_settings(s), 'timeout.ask': 1000, 'otp.per_address': 1000000, 'rate.public': 0 };
// Two ways to be configured: by all that a provider may offer, and by the least.
const g = await Gateway.start({ settings: { ...shared, ...authority_settings(s), 'provincial.issuer': `${s.url}/provincial`, 'provincial.claim_level': 'level',
	'provincial.level_l2': 'real_name, verified', 'provincial.level_l3': 'live_face' } });
const plain = await Gateway.start({ data: false, settings: { ...shared, 'provincial.client_auth': 'post', 'provincial.trusts_phone': 'true' } });
const province = new Province(g, s), people = new People(g), w = await world(g);
const spoken = ['sandbox-provincial-secret'];

let next = 300;
async function citizen(more = {}) {
	const one = { sub: `gs-t${next}`, name: '王小明', id_number: id_number(next++), phone_number: phone(), level: 'real_name', ...more };
	await s.setup('provincial', { people: [one] });
	spoken.push(one.sub, ...[one.id_number, one.phone_number].filter(Boolean));
	return one;
}
const me = async (token) => (await g.get('/v1/me', { token })).json;
const hex = (column) => (on_postgres ? `encode(${column}, 'hex')` : `hex(${column})`);
const on_record = (act, word) => Number(g.sql(`SELECT count(*) FROM audit WHERE act = ${act} AND lower(${hex('detail')}) = '${Buffer.from(`provincial: ${word}`).toString('hex')}'`));
const refusals = (word) => on_record(4, word);
const said = (answer) => `${answer.status} ${answer.json.error} ${answer.json.code}`;
beforeEach(() => s.clear_faults());

for (const via of ['h2', 'h1'])
	test(`over ${via}: away, back, known by name and number`, async () => {
		const one = await citizen(), id = device(), back = await province.visit(id, one.sub, { via });
		assert.deepEqual([back.asked.get('code_challenge_method'), back.asked.get('code_challenge').length, back.asked.get('nonce').length, back.state.length], ['S256', 43, 43, 43]);
		const answer = await province.end(id, back, { via });
		assert.deepEqual([answer.status, answer.json.level], [200, 2], answer.text);
		spoken.push(id, back.state, back.code, answer.json.access_token, answer.json.refresh_token);
		const known = await me(answer.json.access_token);
		assert.deepEqual([known.level, known.name, known.id_type, known.phone, known.next_step], [2, '王*明', 'resident', null, 'live_face']);
		assert.equal((await g.get('/v1/me/identity', { token: answer.json.access_token, via })).json.confirmed_by, 'province');
		assert.equal((await g.get('/v1/cases', { token: answer.json.access_token, via })).status, 200);
		assert.equal((await people.refresh(answer.json.refresh_token, id, { via })).status, 200);
		const person = g.sql('SELECT max(id) FROM person');
		assert.deepEqual(g.sql(`SELECT act FROM audit WHERE subject_kind = 1 AND subject_id = ${person} ORDER BY id`).split('\n'), ['8', '3'], 'confirmed, logged in');
		assert.equal(g.sql(`SELECT count(*) FROM person WHERE id = ${person} AND phone_hash_a IS NULL`), '1', 'a phone that nobody here confirmed is not kept');
	});

test('by the least that can be configured; and there the phone is trusted', async () => {
	const one = await citizen({ level: null }), id = device(), there = new Province(plain, s);
	await s.setup('provincial', { id_token: false });
	const { access_token: token } = await there.login(id, one.sub);
	await s.setup('provincial', { id_token: true });
	assert.deepEqual([(await plain.get('/v1/me', { token })).json.name], ['王*明']);
	const hash = () => plain.sql(`SELECT ${hex('phone_hash_a')} FROM person ORDER BY id DESC LIMIT 1`), before = hash();
	assert.equal(before.length, 64);
	await s.setup('provincial', { people: [{ ...one, phone_number: phone() }] });
	await there.login(id, one.sub);
	assert.ok(hash() !== before && Number(plain.sql('SELECT count(*) FROM person')) === 1);
});

test('a live face there is L3 for a quarter of an hour', async () => {
	const one = await citizen({ level: 'live_face' }), tokens = await province.login(device(), one.sub), known = await me(tokens.access_token);
	assert.deepEqual([tokens.level, known.level, known.next_step], [3, 3, 'window']);
	assert.ok(Date.parse(known.level3_until) - Date.now() <= 15 * 60000);
	assert.equal((await g.ask('DELETE', '/v1/me/merges/pm_00000000000000000000000000', { token: tokens.access_token })).status, 404);
});

test('whoever has cases here under his number finds them, whatever phone stood there', async () => {
	const one = await citizen({ name: '李大海' }), c = new Case(g, w, { person: one.id_number });
	await c.live('submitted', 'accepted');
	const hash = () => g.sql(`SELECT ${hex('phone_hash_a')} FROM person WHERE id = (SELECT person FROM cases ORDER BY id DESC LIMIT 1)`), before = hash();
	const { access_token: token } = await province.login(device(), one.sub), { items } = (await g.get('/v1/cases', { token })).json;
	assert.deepEqual(items.map((i) => i.case_no), [c.case_no]);
	assert.equal(hash(), before);
});

test('an answer that was lost: the same again gives another session, and the first is over', async () => {
	const one = await citizen(), id = device(), back = await province.visit(id, one.sub), asked = async () => (await s.control('GET', '/counts')).provincial.received;
	const first = await province.end(id, back), before = await asked(), again = await province.end(id, back);
	assert.deepEqual([first.status, again.status], [200, 200]);
	assert.equal(await asked(), before, 'the province is not asked again: its code is spent');
	assert.equal((await g.get('/v1/me', { token: first.json.access_token })).status, 401);
	assert.equal((await me(again.json.access_token)).name, '王*明');
	assert.equal((await g.get('/v1/me/sessions', { token: again.json.access_token })).json.items.length, 1);
	for (const wrong of [await province.end(id, { ...back, code: `${back.code}x` }), await province.end(device(), back)]) assert.equal(said(wrong), '400 invalid_grant invalid_grant');
	assert.equal((await g.ask('DELETE', '/v1/me/sessions', { token: again.json.access_token })).status, 204);
	assert.equal((await g.ask('POST', '/oauth2/revoke', { body: `token=${again.json.access_token}`, type: 'application/x-www-form-urlencoded' })).status, 200);
	assert.equal(said(await province.end(id, back)), '400 invalid_grant invalid_grant', 'who has logged out does not come back by it');
});

test('a login is its device’s own, its session’s own, and the configured issuer’s', async () => {
	const one = await citizen(), id = device(), back = await province.visit(id, one.sub);
	const { access_token: token } = await people.login(phone(), id), mine = await province.visit(id, one.sub, { token });
	for (const wrong of [await province.end(device(), back), await province.end(id, { ...back, state: 'x'.repeat(43) }), await province.end(id, mine),
		await province.end(id, { ...back, iss: 'https://another.example/' })])
		assert.equal(said(wrong), '400 invalid_grant invalid_grant', wrong.text);
	const { access_token: other } = await people.login(phone(), id);
	for (const wrong of [await province.raise(token, id, back), await province.raise(other, id, mine), await province.raise(token, device(), mine)])
		assert.deepEqual([wrong.status, wrong.json.code], [400, 'invalid_grant']);
	assert.equal((await province.end(id, { ...back, iss: `${s.url}/provincial` })).status, 200, 'and none of that has spent it');
	assert.equal((await province.raise(token, id, mine)).status, 200);
});

test('only registered pages are come back to; what is wrong is said', async () => {
	const id = device();
	for (const redirect_uri of [`${BACK}/`, `${BACK}?x=1`, 'https://APP.siban.test/login/provincial', 'https://evil.example/', ` ${BACK}`]) {
		const wrong = await province.try_begin(id, { redirect_uri });
		assert.deepEqual([wrong.status, wrong.json.code, wrong.json.pointer], [422, 'invalid_field', '/redirect_uri']);
	}
	const { access_token: no_phone } = await province.login(id, 'gs-0001');
	const three = await g.ask('POST', '/v1/me/identity', { token: no_phone, key: randomUUID(), body: { id_number: '621299199006150131', name: '张三', with_phone: true } });
	assert.deepEqual([three.status, three.json.pointer], [422, '/with_phone'], 'there is no phone to confirm');
	assert.equal((await province.try_begin('short')).json.pointer, '/device_id');
	assert.equal((await province.try_begin(id, { token: w.department })).json.code, 'forbidden');
	assert.equal((await province.try_begin(id, { token: w.citizen })).json.code, 'forbidden');
	assert.equal((await province.end(id, { state: 's', code: '' })).json.code, 'missing_field');
	assert.equal((await province.end(id, { state: 's', code: 'a b' })).json.code, 'invalid_field');
});

test('a code that was used, another’s, or for another login: refused, noted, and the login is over', async () => {
	const one = await citizen(), id = device(), before = refusals('invalid_grant');
	const first = await province.visit(id, one.sub), second = await province.visit(id, one.sub);
	assert.equal(said(await province.end(id, { state: second.state, code: first.code })), '400 invalid_grant invalid_grant', 'the verifier is the other login’s');
	assert.equal(said(await province.end(id, second)), '400 invalid_grant invalid_grant');
	assert.equal(refusals('invalid_grant'), before + 1, 'the second time nobody was asked');
	await s.setup('provincial', { code_ms: 0 });
	const late = await province.visit(id, one.sub);
	await s.setup('provincial', { code_ms: 60000 });
	assert.equal(said(await province.end(id, late)), '400 invalid_grant invalid_grant');
	assert.deepEqual(Object.keys(await province.visit(id, '')).sort(), ['asked', 'error', 'state'], 'who says no there brings no code');
	const refused = await province.visit(id, one.sub);
	await s.fault('provincial', { refuse_code: 'access_denied', count: 1 });
	assert.equal(said(await province.end(id, refused)), '400 invalid_grant invalid_grant');
	assert.equal(refusals('access_denied'), 1);
});

test('an id_token of another issuer, client, time or login opens nothing', async () => {
	const one = await citizen();
	for (const says of [{ iss: 'https://x' }, { aud: 'x' }, { exp: 1 }, { nonce: 'x' }, { sub: 'gs-0001' }]) {
		await s.setup('provincial', { says });
		const id = device();
		assert.equal(said(await province.end(id, await province.visit(id, one.sub))), '502 server_error peer_nonsense', JSON.stringify(says));
	}
	await s.setup('provincial', { says: {} });
});

test('slow, dead and rubbish are three answers, and cost nobody his login', async () => {
	const one = await citizen();
	const rows = [[{ hang: true }, '504 server_error peer_timeout'], [{ status: 503 }, '503 temporarily_unavailable peer_away'],
		[{ rubbish: 'html' }, '502 server_error peer_nonsense'], [{ rubbish: 'huge' }, '502 server_error peer_nonsense'], [{ refuse_code: 'temporarily_unavailable' }, '503 temporarily_unavailable peer_away'],
		[{ refuse_code: 'invalid_client' }, '502 server_error peer_nonsense']];
	for (const route of ['token', 'userinfo'])
		for (const [fault, want] of rows) {
			const id = device(), back = await province.visit(id, one.sub);
			await s.fault('provincial', { ...fault, route, count: 1 });
			assert.equal(said(await province.end(id, back)), want, `${route} ${JSON.stringify(fault)}`);
			assert.equal((await province.end(id, back)).status, 200, 'again, with the same code');
		}
	const id = device(), back = await province.visit(id, one.sub);
	await s.fault('provincial', { lose_answer: true, route: 'token', count: 1 });
	assert.equal((await province.end(id, back)).status, 503);
	assert.equal(said(await province.end(id, back)), '400 invalid_grant invalid_grant', 'the code was exchanged, and nobody has the token');
});

test('an account without name and number opens nothing, unless it has led to somebody', async () => {
	const id = device(), rows = [[{ id_number: null }, 'no number'], [{ name: null }, 'no name'], [{ level: 'phone' }, 'level'], [{ level: null }, 'level']];
	for (const [more, word] of rows) {
		const one = await citizen(more), before = refusals(word), answer = await province.end(id, await province.visit(id, one.sub));
		assert.equal(said(answer), '400 invalid_grant identity_unconfirmed');
		assert.equal(refusals(word), before + 1);
	}
	const one = await citizen();
	await province.login(id, one.sub);
	await s.setup('provincial', { people: [{ ...one, id_number: null, name: null }] });
	assert.equal((await me((await province.login(device(), one.sub)).access_token)).name, '王*明');
});

test('a number that is none is nonsense; names and numbers are never in the answer', async () => {
	for (const bad of ['62120219900615001', '621299199002300005', id_number(1).replace(/.$/, (c) => (c === '1' ? '2' : '1')), '6212****0013', '王小明']) {
		const one = await citizen({ id_number: bad }), id = device(), answer = await province.end(id, await province.visit(id, one.sub));
		assert.equal(said(answer), '502 server_error peer_nonsense');
		assert.ok(!answer.text.includes(bad));
	}
});

test('an account that is somebody else’s now leads to him, and to him alone', async () => {
	const one = await citizen({ name: '陈秀英' }), id = device(), first = await province.login(id, one.sub), other = id_number(next++);
	await s.setup('provincial', { people: [{ ...one, id_number: other, name: '陈小龙' }] });
	const second = await province.login(id, one.sub);
	assert.deepEqual([(await me(first.access_token)).name, (await me(second.access_token)).name], ['陈*英', '陈*龙']);
	await s.setup('provincial', { people: [{ ...one, id_number: null }] });
	assert.equal((await me((await province.login(id, one.sub)).access_token)).name, '陈*龙');
});

test('a session that a phone opened is raised: the same key the same answer, the account is linked', async () => {
	const one = await citizen({ level: 'live_face' }), id = device(), { access_token: token } = await people.login(phone(), id);
	assert.equal((await me(token)).level, 1);
	const back = await province.visit(id, one.sub, { token }), key = randomUUID();
	for (let twice = 0; twice < 2; twice++) {
		const answer = await province.raise(token, id, back, { key });
		assert.deepEqual([answer.status, answer.json.level, answer.headers['idempotency-replayed']], [200, 3, twice === 0 ? undefined : 'true'], answer.text);
	}
	assert.equal((await province.raise(token, id, back)).json.code, 'invalid_grant', 'under another key it is spent');
	const known = await me(token);
	assert.deepEqual([known.level, known.name], [3, '王*明']);
	assert.ok(known.phone.startsWith('139****'), 'the phone it came by is still its way in');
	await s.setup('provincial', { people: [{ ...one, id_number: null }] });
	assert.equal((await me((await province.login(device(), one.sub)).access_token)).name, '王*明');
});

test('a step-up merges what was under the phone alone, and a known person’s session becomes the other’s', async () => {
	const one = await citizen({ name: '张大山' }), id = device(), first = await province.login(id, one.sub);
	const there = device(), { access_token: token } = await people.login(phone(), there);
	assert.equal((await province.raise(token, there, await province.visit(there, one.sub, { token }))).status, 200);
	assert.equal((await me(token)).name, '张*山');
	assert.equal((await g.get('/v1/me/merges', { token: first.access_token })).json.items.length, 1);
	const son = await citizen({ name: '张小山' });
	assert.equal((await province.raise(token, there, await province.visit(there, son.sub, { token }))).status, 200);
	assert.deepEqual([(await me(token)).name, (await me(first.access_token)).name], ['张*山', '张*山']);
	assert.equal((await g.get('/v1/me/sessions', { token: first.access_token })).json.items.length, 1, 'it is no longer his father’s');
	assert.equal((await g.get('/v1/me/merges', { token })).json.items.length, 0);
});

test('a refused step-up is on record, and leaves the session as it was', async () => {
	const one = await citizen({ id_number: null }), id = device(), { access_token: token } = await people.login(phone(), id), key = randomUUID();
	const back = await province.visit(id, one.sub, { token });
	for (let twice = 0; twice < 2; twice++) {
		const answer = await province.raise(token, id, back, { key });
		assert.deepEqual([answer.status, answer.json.code], [422, 'identity_unconfirmed']);
	}
	assert.equal(on_record(9, 'no number'), 1);
	assert.equal((await me(token)).level, 1);
	const hand = await g.citizen(id_number(next++));
	assert.equal((await province.raise(hand, id, back)).json.code, 'forbidden');
});

test('where no province is configured it is away', async () => {
	plain.configure({ 'provincial.authorize_url': '' });
	await plain.stop();
	await plain.serve();
	assert.deepEqual([(await new Province(plain, s).try_begin(device())).json.code], ['peer_away']);
});

after(async () => {
	for (const one of [g, plain]) {
		await one.stop();
		for (const { name, bytes } of await one.files())
			for (const word of spoken) assert.ok(!bytes.includes(word), `${name} holds ${word.slice(0, 6)}…`);
	}
});
