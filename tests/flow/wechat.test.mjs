// Goal: a WeChat account opens a session once it is linked, and is linked only by a phone shown with it; a login code serves its device for five minutes and nobody
// else; whatever WeChat does, the answer is right; nothing of a secret, a token or an account is in a log, an address or a file.
// Method: the sandbox plays WeChat, its log shows what was asked of it; every account and phone is a test's own.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test, { beforeEach } from 'node:test';
import { sandbox } from '../sandbox/lib/client.mjs';
import { id_number } from './lib/cases.mjs';
import { Gateway, gateway } from './lib/gateway.mjs';
import { People, authority_settings, device, phone } from './lib/people.mjs';
import { until } from './lib/until.mjs';
import { SECRET, WeChat, wechat_settings } from './lib/wechat.mjs';

const s = await sandbox();
const settings = { ...wechat_settings(s), ...authority_settings(s), 'timeout.ask': 1500, 'otp.per_address': 1000000 };
const g = await gateway({ data: false, settings });
const people = new People(g); // no SMS: the answer bears the code
people.s = s;
people.code = async (number, id, options) => {
	const { json: { challenge, development_code } } = await people.ask_code(number, id, options);
	return { challenge, code: development_code };
};

const spoken = []; // must be found nowhere
const somebody = (number = phone(), openid) => {
	const one = new WeChat(people, number, openid);
	spoken.push(one.openid, number);
	return one;
};
const person = async (token) => (await g.get('/v1/me/identities', { token })).json.items.map((i) => i.id).join();
const asked = async (route, since) => (await s.log({ peer: 'wechat', since })).entries.filter((e) => e.route === route);
beforeEach(() => s.clear_faults());

for (const via of ['h2', 'h1'])
	test(`over ${via}: the phone once, then the account alone, on another device too; unlinked, it is as at first`, async () => {
		const one = somebody(), first = device(), mark = await s.mark();
		const { js_code, phone_code } = await one.codes();
		const needs = await one.grant({ js_code }, first, { via, lang: 'en' });
		assert.deepEqual([needs.status, needs.json.error, needs.json.code, needs.json.step], [400, 'interaction_required', 'phone_needed', 'phone']);
		const linked = await one.grant({ js_code, phone_code }, first, { via });
		assert.deepEqual([linked.status, linked.json.level], [200, 1], linked.text);
		const [session, number] = [await asked('code2session', mark), await asked('getuserphonenumber', mark)];
		assert.deepEqual([session.length, number.length], [1, 1], 'the login code was asked about once');
		assert.equal(JSON.parse(number[0].body).openid, one.openid, 'whose phone it must be');

		const again = await one.login(device(), { via });
		assert.equal(again.level, 1);
		const { json: { items: [link] } } = await g.get('/v1/me/identities', { token: again.access_token, via });
		assert.deepEqual([link.provider, link.provider_name], ['wechat_mini', '微信小程序']);
		assert.equal(await person(linked.json.access_token), link.id);
		assert.equal((await people.login(one.phone, first)).level, 1, 'the phone leads there as well');
		assert.equal((await asked('getuserphonenumber', mark)).length, 1, 'and nobody was asked again');

		const refreshed = await people.refresh(linked.json.refresh_token, first, { via });
		assert.equal(refreshed.status, 200);
		assert.equal((await g.ask('DELETE', `/v1/me/identities/${link.id}`, { token: again.access_token, via })).status, 204);
		assert.equal((await g.get('/v1/me', { token: refreshed.json.access_token })).status, 401, 'it came by that account');
		assert.equal((await g.get('/v1/me', { token: again.access_token })).status, 200, 'who unlinks stays');
		assert.equal((await one.grant({ js_code: (await one.codes()).js_code }, device(), { via })).json.code, 'phone_needed');
	});

test('a login code serves its device, for a repeat; on another it is used; made up, it is wrong', async () => {
	const one = somebody(), mine = device();
	await one.login(mine, { with_phone: true });
	const { js_code } = await one.codes(), mark = await s.mark();
	const answers = [await one.grant({ js_code }, mine), await one.grant({ js_code }, mine)];
	assert.deepEqual(answers.map((a) => a.status), [200, 200]);
	assert.equal(await person(answers[0].json.access_token), await person(answers[1].json.access_token));
	assert.equal((await asked('code2session', mark)).length, 1);
	const stolen = await one.grant({ js_code }, device());
	assert.deepEqual([stolen.status, stolen.json.error, stolen.json.wrong], [400, 'invalid_grant', 'js_code']);
	assert.equal((await one.grant({ js_code: 'made-up' }, mine)).json.error, 'invalid_grant');
	const { phone_code } = await one.codes();
	const twice = [await one.grant({ js_code, phone_code }, mine), await one.grant({ js_code, phone_code }, mine)];
	assert.deepEqual(twice.map((a) => a.status), [200, 200], 'the phone code too');
	const other = await one.grant({ js_code: (await one.codes()).js_code, phone_code }, device());
	assert.deepEqual([other.json.error, other.json.wrong], ['invalid_grant', 'phone_code']);
});

test('the same code twice at once, from an impatient phone: asked about once, and both are let in', async () => {
	const one = somebody(), mine = device();
	await one.login(mine, { with_phone: true });
	const { js_code } = await one.codes(), mark = await s.mark();
	await s.fault('wechat', { delay_ms: 300, route: 'code2session' });
	const answers = await Promise.all(['h2', 'h1', 'h2'].map((via) => one.grant({ js_code }, mine, { via })));
	assert.deepEqual(answers.map((a) => a.status), [200, 200, 200]);
	assert.equal((await asked('code2session', mark)).length, 1);
	await s.fault('wechat', { refuse_code: '-1', delay_ms: 300, count: 1 });
	const next = await one.codes(), [busy, well] = await Promise.all([1, 2].map(() => one.grant({ js_code: next.js_code }, mine)));
	assert.deepEqual([busy.status, well.status].sort(), [200, 503], 'who waited for what was no answer asks himself');
});

test('a code on the phone links the account that waits on this device, and only there', async () => {
	const one = somebody(), mine = device();
	assert.equal((await one.grant({ js_code: (await one.codes()).js_code }, mine)).json.code, 'phone_needed');
	const elsewhere = await one.link_by_code(device());
	assert.deepEqual([elsewhere.status, elsewhere.json.linked], [200, false]);
	await g.sql('DELETE FROM otp_day'); // as if it had been yesterday
	const here = await one.link_by_code(mine);
	assert.deepEqual([here.status, here.json.linked], [200, true], here.text);
	assert.equal((await one.login()).level, 1);
});

test('nobody gets another’s person: not by another’s phone code, not by a second link', async () => {
	const victim = somebody(), thief = somebody(phone());
	const before = await victim.login(device(), { with_phone: true });
	const { phone_code } = await victim.codes(), { js_code } = await thief.codes();
	const lured = await thief.grant({ js_code, phone_code }, device());
	assert.deepEqual([lured.status, lured.json.error], [400, 'invalid_grant'], 'a phone code of another user');
	await thief.login(device(), { with_phone: true });
	const both = new WeChat(people, victim.phone, thief.openid); // the thief's account now says the victim's number
	const codes = await both.codes(), refused = await both.grant(codes, device());
	assert.deepEqual([refused.status, refused.json.code], [409, 'linked_elsewhere']);
	assert.equal((await g.get('/v1/me', { token: before.access_token })).status, 200);
	const { json: { items: [link] } } = await g.get('/v1/me/identities', { token: before.access_token });
	assert.equal((await g.ask('DELETE', `/v1/me/identities/${link.id}`, { token: (await thief.login()).access_token })).status, 404);
});

// Somebody known by name, with a face just shown.
const known = async (number = phone()) => {
	const one = { number: id_number(next++), name: '王小明', phone: number };
	await s.setup('authority', { people: [one] });
	const { access_token: token } = await people.login(number, device());
	assert.equal((await people.confirm(token, one)).status, 200);
	return { token, face: async () => assert.equal((await people.step_up(token, `face-of-${one.number}`)).status, 200) };
};
let next = 300;
const link = (token, js_code, { key = randomUUID(), provider = 'wechat_mini', ...options } = {}) => g.ask('POST', '/v1/me/identities', { token, key, body: { provider, js_code }, ...options });
const links = async (token) => (await g.get('/v1/me/identities', { token })).json.items;

for (const via of ['h2', 'h1'])
	test(`over ${via}: who is logged in links an account to himself, once he has shown his face; it opens his sessions until he unlinks it`, async () => {
		const me = await known(), account = somebody(), { js_code } = await account.codes(), key = randomUUID();
		const early = await link(me.token, js_code, { via });
		assert.deepEqual([early.status, early.json.code, early.json.step], [403, 'level_too_low', 'live_face']);
		await me.face();
		const mark = await s.mark(), answers = [await link(me.token, js_code, { via, key }), await link(me.token, js_code, { via, key })];
		assert.deepEqual(answers.map((a) => a.status), [201, 201], answers[0].text);
		assert.equal(answers[0].json.id, answers[1].json.id);
		assert.equal((await asked('code2session', mark)).length, 1, 'a repeat asks nobody');
		const again = await link(me.token, (await account.codes()).js_code, { via });
		assert.deepEqual([again.status, again.json.id], [201, answers[0].json.id], 'his own is his own');
		assert.deepEqual((await links(me.token)).map((l) => l.id), [answers[0].json.id]);
		const elsewhere = await account.login(device(), { via });
		assert.equal(elsewhere.level, 2);
		assert.equal((await g.get('/v1/me', { token: elsewhere.access_token })).json.name, '王*明');
		assert.equal((await g.ask('DELETE', `/v1/me/identities/${answers[0].json.id}`, { token: me.token, via })).status, 204);
		assert.equal((await g.get('/v1/me', { token: elsewhere.access_token })).status, 401);
		assert.equal((await account.grant({ js_code: (await account.codes()).js_code }, device(), { via })).json.code, 'phone_needed');
	});

test('an account that leads to another is refused, is on record, and stays his; of two who link it at once one does', async () => {
	const owner = somebody(), theirs = await owner.login(device(), { with_phone: true }), me = await known();
	await me.face();
	const key = randomUUID(), { js_code } = await owner.codes();
	for (let twice = 0; twice < 2; twice++) {
		const refused = await link(me.token, js_code, { key });
		assert.deepEqual([refused.status, refused.json.code], [409, 'linked_elsewhere'], refused.text);
		assert.ok(!refused.text.includes(owner.openid) && !refused.text.includes(owner.phone));
	}
	assert.equal(g.sql('SELECT COUNT(*) FROM audit WHERE act = 17 AND result = 409'), '1');
	assert.deepEqual(await links(me.token), []);
	assert.equal((await links(theirs.access_token)).length, 1);
	assert.equal((await owner.login()).level, 1, 'and leads where it did');

	const contested = somebody(), other = await known();
	await other.face();
	const codes = await Promise.all([1, 2].map(() => contested.codes())), race = await Promise.all([me, other].map((who, i) => link(who.token, codes[i].js_code)));
	assert.deepEqual(race.map((a) => a.status).sort(), [201, 409]);
	assert.equal((await links(me.token)).length + (await links(other.token)).length, 1);
});

test('a wrong code, another provider, a slow WeChat: each is said, and nothing is linked', async () => {
	const me = await known(), account = somebody();
	await me.face();
	const wrong = await link(me.token, 'made-up');
	assert.deepEqual([wrong.status, wrong.json.code, wrong.json.wrong], [400, 'invalid_grant', 'js_code']);
	for (const provider of ['provincial', 'weibo']) assert.equal((await link(me.token, 'x', { provider })).json.pointer, '/provider');
	const { js_code } = await account.codes();
	await s.fault('wechat', { hang: true });
	assert.equal((await link(me.token, js_code)).json.code, 'peer_timeout');
	await s.clear_faults();
	await s.fault('wechat', { refuse_code: '40226' });
	assert.equal((await link(me.token, js_code)).json.code, 'account_at_risk');
	await s.clear_faults();
	assert.deepEqual(await links(me.token), []);
	assert.equal((await link(me.token, js_code)).status, 201);
});

test('slow, wrong, dead, rubbish, busy, risky, asked too often: each is said, and none is kept', async () => {
	const one = somebody(), mine = device();
	await one.login(mine, { with_phone: true });
	const { js_code } = await one.codes(), said = {};
	const moods = { slow: { hang: true }, dead: { close: 'before' }, ill: { status: 503 }, rubbish: { rubbish: 'html' }, busy: { refuse_code: '-1' }, quota: { refuse_code: '45011' },
		risky: { refuse_code: '40226' }, ours: { refuse_code: '40013' } };
	for (const [mood, fault] of Object.entries(moods)) {
		await s.fault('wechat', fault);
		const answer = await one.grant({ js_code }, mine);
		said[mood] = `${answer.status} ${answer.json.code}`;
		if (answer.status === 503) assert.ok(Number(answer.headers['retry-after']) > 0, mood);
		await s.clear_faults();
	}
	assert.deepEqual(said, { slow: '504 peer_timeout', dead: '503 peer_away', ill: '503 peer_away', rubbish: '502 peer_nonsense', busy: '503 peer_away', quota: '503 peer_away', risky: '403 account_at_risk',
		ours: '503 peer_away' });
	assert.equal((await one.grant({ js_code }, mine)).status, 200, 'the code was not spent by any of them');
	await until('an operator is told', () => g.log().includes('"ev":"provider_refused"'));
});

test('a token that is over in the middle is exchanged once; when WeChat gives out what it refuses, nobody asks in circles', async () => {
	const mark = await s.mark();
	await somebody().login(device(), { with_phone: true });
	await s.tell('wechat', 'stale');
	await somebody().login(device(), { with_phone: true });
	const numbers = await asked('getuserphonenumber', mark);
	assert.deepEqual(numbers.map((e) => e.code), [null, '40001', null].slice(-numbers.length));
	const bodies = (await asked('stable_token', mark)).map((e) => JSON.parse(e.body).force_refresh);
	assert.ok(bodies.length >= 1 && bodies.every((f) => f === false), 'nobody is forced');
	await s.fault('wechat', { refuse_code: '42001', route: 'getuserphonenumber' });
	const one = somebody(), codes = await one.codes(), before = await s.mark(), refused = await one.grant(codes, device());
	assert.deepEqual([refused.status, refused.json.code], [503, 'peer_away']);
	assert.ok((await asked('getuserphonenumber', before)).length <= 2);
	await until('an alarm', () => g.log().includes('"ev":"provider_token_failed"'));
	await s.clear_faults();
	await until('it is tried again', () => somebody().login(device(), { with_phone: true }).then(() => true, () => false));
});

test('many at once fetch one token', async () => {
	const h = await Gateway.start({ data: false, settings }), those = new People(h);
	those.s = s;
	const mark = await s.mark(), crowd = Array.from({ length: 12 }, () => new WeChat(those, phone()));
	await s.fault('wechat', { delay_ms: 300, route: 'stable_token' });
	const answers = await Promise.all(crowd.map((one) => one.login(device(), { with_phone: true })));
	assert.equal(answers.length, 12);
	assert.equal((await asked('stable_token', mark)).length, 1);
	const metrics = await h.admin('/metrics');
	assert.match(metrics.text, /provider_tokens[a-z_]*\{end="fetched"\} 1\b/);
	// The token source is away: whoever needs it is told in time, the account alone goes on.
	await h.stop();
	await h.serve();
	await s.tell('wechat', 'stale');
	await s.fault('wechat', { hang: true, route: 'stable_token' });
	const late = await new WeChat(those, phone()).codes(), began = Date.now(), answer = await new WeChat(those).grant(late, device());
	assert.deepEqual([answer.status, answer.json.code], [504, 'peer_timeout']);
	assert.ok(Date.now() - began < 6000);
	assert.equal((await crowd[0].login()).level, 1);
	await h.stop();
});

test('two accounts of one person: the WeChat account leads to the merged one, and back after an undo', async () => {
	const known = { number: id_number(7100), name: '王小明', phone: phone() };
	await s.setup('authority', { people: [known] });
	const { access_token: old } = await people.login(known.phone, device());
	assert.equal((await people.confirm(old, known)).status, 200);
	const one = somebody(), mine = device(), first = await one.login(mine, { with_phone: true }), first_link = await person(first.access_token);
	await until('the number may be asked about again', async () => (await people.confirm(first.access_token, known)).status === 200);
	assert.equal((await g.get('/v1/me', { token: first.access_token })).json.name, '王*明');
	const merged = await one.login(mine);
	assert.equal(merged.level, 2);
	assert.notEqual(await person(merged.access_token), first_link);
	assert.equal((await people.step_up(merged.access_token, `face-of-${known.number}`)).status, 200);
	const { json: { items: [merge] } } = await g.get('/v1/me/merges', { token: merged.access_token });
	assert.equal((await g.ask('DELETE', `/v1/me/merges/${merge.id}`, { token: merged.access_token })).status, 204);
	const back = await one.login(mine);
	assert.deepEqual([back.level, await person(back.access_token)], [1, first_link]);
});

test('a phone given to somebody else: his account is a person of its own', async () => {
	const number = phone(), owner = somebody(number);
	const before = await owner.login(device(), { with_phone: true }), link = await person(before.access_token);
	await g.sql(`UPDATE login SET seen_ms = seen_ms - ${91 * 86400000}`);
	const heir = somebody(number), after_it = await heir.login(device(), { with_phone: true });
	assert.equal(after_it.level, 1);
	assert.notEqual(await person(after_it.access_token), link);
	assert.equal((await g.get('/v1/me', { token: before.access_token })).status, 200, 'the owner’s session lives');
	const lost = await owner.grant({ js_code: (await owner.codes()).js_code }, device());
	assert.equal(lost.json.code, 'phone_needed', 'after such a silence, on a strange device, he shows his phone again');
});

test('what is wrong with the form, and too many from one device', async () => {
	const one = somebody(), mine = device();
	const rows = [[{}, 'missing_field', '/js_code'], [{ js_code: 'a b' }, 'invalid_field', '/js_code'], [{ js_code: 'a', phone_code: 'a b' }, 'invalid_field', '/phone_code']];
	for (const [form, code, pointer] of rows) {
		const answer = await one.grant(form, mine);
		assert.deepEqual([answer.status, answer.json.code, answer.json.pointer], [400, code, pointer]);
	}
	assert.equal((await one.grant({ js_code: 'a' }, 'short')).json.pointer, '/device_id');
	const seen = new Set();
	for (let n = 0; n < 25; n++) seen.add((await one.grant({ js_code: `made-up-${n}` }, mine)).status);
	assert.deepEqual([...seen], [400, 429]);
	const foreign = await somebody('51234567').codes({ country: '852' });
	assert.deepEqual((await one.grant({ js_code: (await one.codes()).js_code }, device())).json.code, 'phone_needed');
	const abroad = await new WeChat(people, null).grant(foreign, device());
	assert.deepEqual([abroad.status, abroad.json.pointer], [400, '/phone_code']);
});

test('without WeChat there is no such grant; a half configuration is named', async () => {
	const h = await Gateway.start({ data: false }), those = new People(h);
	those.s = s;
	const answer = await new WeChat(those, phone()).grant({ js_code: 'x' }, device());
	assert.equal(answer.json.error, 'unsupported_grant_type');
	await h.stop();
	h.configure({ 'wechat.url': 'http://127.0.0.1:1' });
	const words = await h.command('check').catch((e) => e.stderr);
	assert.match(words, /wechat\.mini\.appid: missing/);
	assert.match(words, /wechat\.mini\.secret_file: missing/);
	h.configure({ development: 'false', 'wechat.mini.appid': 'wx1', 'wechat.mini.secret_file': '/nowhere' });
	assert.match(await h.command('check').catch((e) => e.stderr), /wechat\.url: not https/);
});

test('nothing of a secret, a token, an account or a phone is in a file', async () => {
	const { entries } = await s.log({ peer: 'wechat', kind: 'request' });
	for (const e of entries) if (e.fields.access_token) spoken.push(e.fields.access_token);
	await g.stop();
	const files = await g.files();
	assert.ok(files.length > 2 && spoken.length > 20);
	for (const { name, bytes } of files) for (const word of [...spoken, SECRET]) assert.ok(!bytes.includes(word), `${name} holds ${word.slice(0, 6)}…`);
});
