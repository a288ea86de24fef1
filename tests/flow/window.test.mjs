// Goal: a clerk who has seen the card raises the session that showed him its digits, to L4, and no other; the digits serve once; it is on record who did it; and only
// whoever works at a window may.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { Case, id_number, world } from './lib/cases.mjs';
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

test('a passport that nobody can ask about is seen at a window, and its cases are its bearer’s', async () => {
	const w = await world(g), number = 'AB1234567', passport = { id_type: 'passport', id_country: 'CAN', id_number: number }, token = await login();
	const cases = [];
	for (const id_country of ['CAN', 'USA']) {
		const c = new Case(g, w);
		cases.push(c);
		const opened = await c.post(c.body('submitted', { matter: w.matter.code, region: '621202', applicant: { ...passport, id_country } }));
		assert.equal(opened.status, 201, opened.text);
		c.case_no = opened.json.case_no;
	}
	assert.equal((await identify({ ...passport, name: 'Marie Tremblay', code: await show(token) })).status, 200);
	const me = await known(token);
	assert.deepEqual([me.level, me.id_type, me.id_country, me.id_number, me.confirmed_by], [4, 'passport', 'CAN', 'A*******7', 'window']);
	assert.deepEqual((await g.get('/v1/cases', { token })).json.items.map((c) => c.case_no), [cases[0].case_no], 'not those of the same number from elsewhere');
	assert.equal((await g.get(`/v1/cases/${cases[1].case_no}`, { token })).status, 404);
	assert.equal((await g.ask('POST', '/v1/case-lookups', { body: { case_no: cases[0].case_no, id_last4: '4567' } })).status, 200);
	const applicant = await clerk.ask('POST', `/v1/staff/cases/${cases[0].case_no}/applicant`, { body: { reason: '核对申请材料' } });
	assert.deepEqual([applicant.status, applicant.json.id_type, applicant.json.id_country, applicant.json.id_number], [200, 'passport', 'CAN', number], applicant.text);
	const nameless = await new Case(g, w).post(new Case(g, w).body('submitted', { matter: w.matter.code, region: w.region, applicant: { ...passport, id_country: undefined } }));
	assert.deepEqual([nameless.status, nameless.json.pointer], [422, '/applicant/id_country']);
});
