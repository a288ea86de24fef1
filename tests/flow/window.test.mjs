// Goal: a clerk who has seen the card raises the session that showed him its digits, to L4, and no other; the digits serve once; it is on record who did it; and only
// whoever works at a window may.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { id_number } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { People, device, phone } from './lib/people.mjs';
import { first, hire } from './lib/staff.mjs';

const g = await gateway({ data: true, settings: { 'otp.per_address': 1000000 } });
const people = new People(g), maker = await first(g, 'li.safe', 'security_admin'), checker = await first(g, 'li.system', 'system_admin');
const clerk = await hire(maker, checker, 'window.one', '621202', 'window_clerk');

let next = 700;
const person = (name = '赵小明') => ({ id_number: id_number(next++), name });
const login = async () => (await people.login(phone(), device())).access_token;
const show = async (token, options) => {
	const answer = await g.ask('POST', '/v1/me/window-code', { token, ...options });
	assert.equal(answer.status, 200, answer.text);
	return answer.json.code;
};
const identify = (body, { key = randomUUID(), by = clerk, ...options } = {}) => by.ask('POST', '/v1/hall/identifications', { key, body, ...options });
const known = async (token) => (await g.get('/v1/me/identity', { token })).json;

for (const via of ['h2', 'h1'])
	test(`over ${via}: shown, seen, raised for eight hours`, async () => {
		const token = await login(), one = person(), code = await show(token, { via }), key = randomUUID();
		assert.match(code, /^[0-9]{8}$/);
		for (let twice = 0; twice < 2; twice++) {
			const answer = await identify({ code, ...one, id_type: 'resident' }, { key, via });
			assert.deepEqual([answer.status, answer.json.level], [200, 4], answer.text);
			assert.ok(Math.abs(Date.parse(answer.json.level4_until) - Date.now() - 8 * 3600e3) < 60000);
		}
		const me = await known(token);
		assert.deepEqual([me.level, me.level_name, me.name, me.confirmed_by], [4, 'window', '赵*明', 'window']);
		assert.ok(Date.parse(me.level4_until) > Date.now());
		const again = await identify({ code, ...one });
		assert.deepEqual([again.status, again.json.code], [404, 'not_found'], 'the digits have served');
		const row = g.sql('SELECT actor_kind, subject_kind, result FROM audit WHERE act = 14 AND actor_id > 0 AND subject_id > 0 ORDER BY id DESC LIMIT 1');
		assert.equal(row, '16|1|200');
	});

test('what is wrong is said, and spends nothing', async () => {
	const token = await login(), one = person(), code = await show(token);
	for (const [body, pointer] of [[{ ...one, code: '1234567' }, '/code'], [{ ...one, code, id_number: '62120219850301001' }, '/id_number'], [{ ...one, code, id_type: 'hmt_residence' }, '/id_type'],
		[{ ...one, code, name: '' }, '/name']]) {
		const wrong = await identify(body);
		assert.deepEqual([wrong.status, wrong.json.pointer], [422, pointer]);
	}
	assert.equal((await identify({ ...one, code: code === '00000000' ? '00000001' : '00000000' })).status, 404);
	assert.equal((await identify({ ...one, code }, { by: checker })).json.code, 'forbidden');
	assert.equal((await identify({ ...one, code })).status, 200);
	const hand = await g.citizen(id_number(next++));
	assert.equal((await g.ask('POST', '/v1/me/window-code', { token: hand })).json.code, 'forbidden');
});

test('a session that has ended is not raised', async () => {
	const token = await login(), code = await show(token);
	assert.equal((await people.form('/oauth2/revoke', { token })).status, 200);
	assert.equal((await identify({ ...person(), code })).status, 404);
});

test('two accounts of one person are one at the window too', async () => {
	const one = person('孙小明'), first_token = await login(), second = await login();
	for (const token of [first_token, second]) assert.equal((await identify({ ...one, code: await show(token) })).status, 200);
	assert.deepEqual([(await known(second)).level, (await g.get('/v1/me/sessions', { token: second })).json.items.length], [4, 2]);
	assert.equal((await g.get('/v1/me/merges', { token: first_token })).json.items.length, 1);
});
