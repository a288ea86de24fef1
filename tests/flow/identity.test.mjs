// Goal: a session becomes known by name and number (and by its phone, where that is asked for) when the authority says so, and by a live face for a quarter of an hour; its four other answers are four;
// attempts are paced; two accounts of one person are merged, and taken apart again; a family has a person per device.
// Method: the sandbox plays the authority and the SMS platform; every person and phone is a test's own.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test, { beforeEach } from 'node:test';
import { sandbox } from '../sandbox/lib/client.mjs';
import { id_number } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { People, authority_settings, device, phone } from './lib/people.mjs';

const s = await sandbox();
const g = await gateway({ data: false, settings: { ...authority_settings(s), 'timeout.ask': 1000, 'otp.per_address': 1000000 } });
const people = new People(g); // no SMS: the answer bears the code

let next = 100;
const citizen = async (name = '王小明') => {
	const one = { number: id_number(next++), name, phone: phone() };
	await s.setup('authority', { people: [one] });
	return one;
};
beforeEach(() => s.clear_faults());

const confirm = (...words) => people.confirm(...words), step_up = (...words) => people.step_up(...words);
const me = async (token) => (await g.get('/v1/me', { token })).json;

for (const via of ['h2', 'h1'])
	test(`over ${via}: phone, name, face`, async () => {
		const one = await citizen(), { access_token: token } = await people.login(one.phone, device());
		const face = `face-of-${one.number}`;
		const early = await step_up(token, face, { via });
		assert.deepEqual([early.status, early.json.code, early.json.step], [403, 'level_too_low', 'identity']);
		const key = randomUUID();
		for (let twice = 0; twice < 2; twice++) {
			const answer = await confirm(token, one, { key, via });
			assert.deepEqual([answer.status, answer.json.level], [200, 2]);
		}
		const known = await me(token);
		assert.deepEqual([known.level, known.name, known.id_type, known.next_step], [2, '王*明', 'resident', 'live_face']);
		assert.ok(!known.id_number.includes(one.number.slice(1, -1)));
		assert.equal((await g.get('/v1/cases', { token, via })).status, 200);
		assert.equal((await g.ask('DELETE', '/v1/me/merges/pm_00000000000000000000000000', { token })).json.code, 'level_too_low');
		assert.equal((await step_up(token, face, { via })).json.level, 3);
		assert.equal((await me(token)).next_step, 'window');
		assert.equal((await g.ask('DELETE', '/v1/me/merges/pm_00000000000000000000000000', { token })).status, 404);
	});

test('four answers beside yes, and each is another', async () => {
	const one = await citizen(), stranger = { number: id_number(next++), name: '王小明' };
	const login = async () => (await people.login(phone(), device())).access_token;
	const seen = [await confirm(await login(), { ...one, name: '王大明' }), await confirm(await login(), stranger)];
	await s.fault('authority', { hang: true });
	seen.push(await confirm(await login(), await citizen()));
	await s.clear_faults();
	await s.fault('authority', { status: 503 });
	seen.push(await confirm(await login(), await citizen()));
	await s.clear_faults();
	await s.fault('authority', { rubbish: 'html' });
	seen.push(await confirm(await login(), await citizen()));
	assert.deepEqual(seen.map((a) => `${a.status} ${a.json.code}`), ['422 identity_mismatch', '422 identity_not_found', '504 peer_timeout', '503 peer_away', '502 peer_nonsense']);
});

test('an attempt is paced, by the pair and by the number, and never for more than seconds', async () => {
	const one = await citizen(), wrong = { ...one, name: '王大明' };
	const tokens = await Promise.all([1, 2, 3].map(async () => (await people.login(phone(), device())).access_token));
	assert.equal((await confirm(tokens[0], wrong)).status, 422);
	const soon = await confirm(tokens[0], wrong);
	assert.deepEqual([soon.status, soon.json.code], [429, 'rate_limited']);
	assert.ok(Number(soon.headers['retry-after']) <= 6);
	assert.equal((await confirm(tokens[1], wrong)).status, 422);
	const third = await confirm(tokens[2], one);
	assert.equal(third.status, 429);
	assert.ok(Number(third.headers['retry-after']) <= 11);
});

test('two accounts of one person are merged, and taken apart again', async () => {
	const one = await citizen(), old_phone = one.phone, new_phone = phone(), here = device(), there = device();
	const first = await people.login(old_phone, here);
	assert.equal((await confirm(first.access_token, one)).status, 200);
	const second = await people.login(new_phone, there);
	assert.equal((await me(second.access_token)).name, null);
	const merged = await confirm(second.access_token, one);
	assert.equal(merged.status, 200, merged.text);
	assert.equal((await me(second.access_token)).name, '王*明');
	const sessions = (await g.get('/v1/me/sessions', { token: second.access_token })).json.items;
	assert.equal(sessions.length, 2);
	const { items: [merge] } = (await g.get('/v1/me/merges', { token: first.access_token })).json;
	await step_up(first.access_token, `face-of-${one.number}`);
	assert.equal((await g.ask('DELETE', `/v1/me/merges/${merge.id}`, { token: first.access_token })).status, 204);
	for (const { access_token: token } of [first, second]) assert.equal((await g.get('/v1/me', { token })).status, 401);
});

test('a family on one phone: whose device it is, is shown by name and number', async () => {
	const mother = await citizen('陈秀英'), son = await citizen('陈小龙'), shared = mother.phone, hers = device();
	const first = await people.login(shared, hers);
	assert.equal((await confirm(first.access_token, mother)).status, 200);
	assert.equal((await confirm(first.access_token, son)).status, 200); // hers becomes his, by his own name and number; she is not touched
	const known = await me(first.access_token);
	assert.deepEqual([known.level, known.name], [2, '陈*龙']);
	assert.equal((await g.get('/v1/me/merges', { token: first.access_token })).json.items.length, 0);
});

test('how I am known: by which document, on whose word and since when', async () => {
	const one = await citizen(), { access_token: token } = await people.login(one.phone, device()), known = async () => (await g.get('/v1/me/identity', { token })).json;
	const nothing = { id_type: null, id_country: null, name: null, id_number: null, phone: `139****${one.phone.slice(7)}`, confirmed_by: null, confirmed_at: null };
	assert.deepEqual(await known(), { level: 1, level_name: 'phone', level3_until: null, next_step: 'identity', level4_until: null, ...nothing });
	const before = Date.now() - 1;
	assert.equal((await confirm(token, one)).status, 200);
	const { confirmed_at, ...rest } = await known();
	assert.deepEqual(rest, { level: 2, level_name: 'real_name', level3_until: null, next_step: 'live_face', level4_until: null, id_type: 'resident', id_country: null, name: '王*明', id_number: `6****************${one.number.at(-1)}`,
		phone: nothing.phone, confirmed_by: 'authority' });
	assert.ok(Date.parse(confirmed_at) >= before && Date.parse(confirmed_at) <= Date.now() + 1);
	const second = await people.login(phone(), device());
	assert.deepEqual((await g.get('/v1/me/identity', { token: second.access_token })).json.name, null, 'another phone shows nothing of it');
});

test('three elements: the phone that answered is confirmed along', async () => {
	const one = await citizen(), body = { id_number: one.number, name: one.name, with_phone: true }, ask = (token, more = body) => g.ask('POST', '/v1/me/identity', { token, key: randomUUID(), body: more });
	const { access_token: other } = await people.login(phone(), device()), { access_token: token } = await people.login(one.phone, device());
	const wrong = await ask(other);
	assert.deepEqual([wrong.status, wrong.json.code], [422, 'identity_mismatch'], 'it is another’s phone');
	assert.equal((await ask(token)).status, 200);
	assert.equal((await g.get('/v1/me/identity', { token })).json.confirmed_by, 'authority_with_phone');
});

test('a document is what its number says it is', async () => {
	const rows = [['810000199408230021', 'hmt_residence'], ['830000199201300022', 'hmt_residence'], ['932682198501010017', 'foreign_pr'], ['KAZ110090123105', 'foreign_pr_old']];
	await s.setup('authority', { people: rows.map(([number]) => ({ number, name: '陈大文', phone: phone() })) });
	for (const [id_number, id_type] of rows) {
		const { access_token: token } = await people.login(phone(), device()), ask = (type) => g.ask('POST', '/v1/me/identity', { token, key: randomUUID(), body: { id_number, id_type: type, name: '陈大文' } });
		for (const type of ['resident', 'hm_travel', 'diplomat']) {
			const wrong = await ask(type);
			assert.deepEqual([wrong.status, wrong.json.code, wrong.json.pointer], [422, 'invalid_field', type === 'hm_travel' ? '/id_number' : '/id_type']);
		}
		assert.equal((await ask(id_type)).status, 200, id_number);
		assert.deepEqual((await g.get('/v1/me/identity', { token })).json.id_type, id_type);
	}
});

test('papers that are named: travel permits and passports, each country’s for itself', async () => {
	const rows = [{ id_type: 'hm_travel', id_number: 'H12345678' }, { id_type: 'hm_travel', id_number: 'm1234567801' }, { id_type: 'tw_travel', id_number: '12345678' }, { id_type: 'tw_travel', id_number: '0123456789B' },
		{ id_type: 'passport', id_country: 'chn', id_number: 'e12345678' }];
	await s.setup('authority', { people: rows.map(({ id_type, id_number }) => ({ document: id_type, number: id_number.toUpperCase(), name: '陈大文', phone: phone() })) });
	const ask = (token, body) => g.ask('POST', '/v1/me/identity', { token, key: randomUUID(), body: { name: '陈大文', ...body } });
	for (const paper of rows) {
		const { access_token: token } = await people.login(phone(), device());
		assert.equal((await ask(token, paper)).status, 200, JSON.stringify(paper));
		const known = (await g.get('/v1/me/identity', { token })).json, number = paper.id_number.toUpperCase();
		assert.deepEqual([known.id_type, known.id_country, known.id_number], [paper.id_type, paper.id_country?.toUpperCase() ?? null, number[0] + '*'.repeat(number.length - 2) + number.at(-1)]);
		assert.equal((await step_up(token, `face-of-${number}`)).status, 200, 'a face is asked about with the same paper');
	}
	const { access_token: token } = await people.login(phone(), device()), passport = { id_type: 'passport', id_country: 'CHN', id_number: 'E12345678' };
	for (const [body, code, pointer] of [[{ ...passport, id_country: undefined }, 'missing_field', '/id_country'], [{ ...passport, id_country: 'C1N' }, 'invalid_field', '/id_country'],
		[{ id_type: 'hm_travel', id_number: 'H12345678', id_country: 'CHN' }, 'invalid_field', '/id_country'], [{ ...passport, id_number: 'E-1234567' }, 'invalid_field', '/id_number'],
		[{ id_type: 'hm_travel', id_number: 'K12345678' }, 'invalid_field', '/id_number'], [{ id_type: 'tw_travel', id_number: '1234567' }, 'invalid_field', '/id_number'], [{ id_number: 'E12345678' }, 'invalid_field', '/id_number'],
		[{ id_type: 'uscc', id_number: '91621299MA0000015U' }, 'invalid_field', '/id_type']]) {
		const wrong = await ask(token, body);
		assert.deepEqual([wrong.status, wrong.json.code, wrong.json.pointer], [422, code, pointer], JSON.stringify(body));
	}
	const other = await ask(token, { ...passport, id_country: 'CAN' });
	assert.deepEqual([other.status, other.json.code], [422, 'identity_at_window'], 'the same number from elsewhere is another paper, and not the authority’s');
	assert.match(other.json.detail, /窗口/);
	assert.equal(g.sql("SELECT COUNT(*) FROM audit WHERE act = 9 AND for_id = 0 AND actor_id = (SELECT principal_id FROM session ORDER BY id DESC LIMIT 1)"), '0', 'no try is counted');
});

test('a token made by the operator’s hand cannot be raised', async () => {
	const token = await g.citizen(id_number(next++));
	assert.equal((await confirm(token, await citizen())).json.code, 'forbidden');
});
