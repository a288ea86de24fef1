// Goal: a company acts through its representative, whom the register or a window confirms, and through agents he appoints within scopes and until a day; its cases are
// theirs and nobody else's; when another represents it the former is out at once, and the company's agents stay.
// Method: the sandbox plays the register and the authority; each company and person is a test's own; the audit is read from the database.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test, { beforeEach } from 'node:test';
import { sandbox } from '../sandbox/lib/client.mjs';
import { Case, assert_problem, id_number, now, uscc, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { People, authority_settings, device, phone } from './lib/people.mjs';
import { first, hire } from './lib/staff.mjs';

const s = await sandbox();
const g = await gateway({ settings: { ...authority_settings(s), 'timeout.ask': 1000, 'otp.per_address': 1000000, 'rate.read': 0, 'rate.write': 0, 'rate.public': 0 } });
const w = await world(g), people = new People(g), day = 24 * 3600e3;
beforeEach(() => s.clear_faults());

let next = 100;
// Somebody known by name, who shows his face when he is asked to.
const citizen = async (name) => {
	const one = { number: id_number(next++), name, phone: phone() };
	await s.setup('authority', { people: [one] });
	one.token = (await people.login(one.phone, device())).access_token;
	assert.equal((await people.confirm(one.token, one)).status, 200);
	one.face = () => people.step_up(one.token, `face-of-${one.number}`);
	one.ask = (method, target, { for: acting, ...more } = {}) => g.ask(method, target, { token: one.token, headers: acting ? { 'x-acting-for': acting } : {}, ...more });
	one.cases = async (acting) => (await one.ask('GET', '/v1/cases', { for: acting })).json.items?.map((c) => c.case_no);
	return one;
};
let companies = 0;
const company = async (representative) => {
	const one = { code: uscc(++companies), name: `陇南市第${companies}有限公司` };
	one.registered = (who) => s.setup('authority', { organisations: [{ ...one, registered: undefined, representative: who.number }] });
	await one.registered(representative);
	one.case = new Case(g, w);
	const opened = await one.case.post(one.case.body('submitted', { matter: w.matter.code, region: w.region, applicant: { id_type: 'uscc', id_number: one.code } }));
	assert.equal(opened.status, 201, opened.text);
	one.case_no = opened.json.case_no;
	return one;
};
const represent = (who, { code, name }, { key = randomUUID(), ...more } = {}) => who.ask('POST', '/v1/me/organisations', { key, body: { id_number: code, name }, ...more });
const represented = async (who, which) => {
	await who.face();
	const answer = await represent(who, which);
	assert.equal(answer.status, 201, answer.text);
	return answer.json.id;
};
const offer = (who, { code, name }, { via, ...more } = {}) => who.ask('POST', '/v1/me/mandates', { key: randomUUID(), via, body: { kind: 'company', id_type: 'uscc', id_number: code, name, scopes: 'see_cases', until: now(30 * day), ...more } });
const decide = (who, id, what, acting, more = {}) => who.ask('POST', `/v1/me/mandates/${id}/${what}`, { for: acting, ...(what === 'accept' ? { key: randomUUID() } : {}), ...more });

for (const via of ['h2', 'h1'])
	test(`over ${via}: the register says yes; he sees its cases, appoints an agent, lists and ends him; the audit says by whom and for which company`, async () => {
		const boss = await citizen('赵一'), agent = await citizen('钱二'), stranger = await citizen('孙三'), firm = await company(boss);
		assert.deepEqual([(await represent(boss, firm, { via })).json.code, (await boss.cases()).length], ['level_too_low', 0]);
		await boss.face();
		const key = randomUUID(), answers = [await represent(boss, firm, { key, via }), await represent(boss, firm, { key, via })];
		assert.deepEqual(answers.map((a) => [a.status, a.json.state, a.json.id]), Array(2).fill([201, 'active', answers[0].json.id]), answers[0].text);
		const { id: seal } = answers[0].json;
		assert.deepEqual(await boss.cases(seal), [firm.case_no]);
		assert.equal((await boss.ask('GET', `/v1/cases/${firm.case_no}`, { for: seal, via })).status, 200);
		assert.equal((await boss.ask('GET', `/v1/cases/${firm.case_no}`, { via })).status, 404, 'it is the company’s, not his');
		const [held] = (await boss.ask('GET', '/v1/me/mandates', { via })).json.items;
		assert.deepEqual([held.kind, held.accepted_by, held.name, held.id_number, held.scopes], ['representative', 'authority', firm.name, firm.code, ['see_cases', 'receive_messages', 'apply', 'book', 'manage_agents', 'pay']]);
		assert.ok(Math.abs(Date.parse(held.ends_at) - Date.now() - 366 * day) < 60000);

		const offered = await offer(agent, firm, { via });
		assert.equal(offered.status, 201, offered.text);
		assert_problem(await agent.ask('GET', '/v1/cases', { for: offered.json.id, via }), 403, 'mandate_ended');
		assert_problem(await decide(stranger, offered.json.id, 'accept', undefined, { via }), 404, 'not_found');
		assert_problem(await decide(boss, offered.json.id, 'accept', undefined, { via }), 404, 'not_found');
		assert.equal((await decide(boss, offered.json.id, 'accept', seal, { via })).json.state, 'active');
		assert.deepEqual(await agent.cases(offered.json.id), [firm.case_no]);
		assert_problem(await agent.ask('GET', '/v1/messages', { for: offered.json.id, via }), 403, 'mandate_scope');
		assert_problem(await agent.ask('GET', '/v1/me/mandates?side=given', { for: offered.json.id, via }), 403, 'mandate_scope');
		const given = (await boss.ask('GET', '/v1/me/mandates?side=given', { for: seal, via })).json.items;
		assert.deepEqual(given.map((m) => [m.kind, m.name, m.state]), [['company', '钱二', 'active'], ['representative', '赵一', 'active']]);
		assert.equal((await boss.ask('GET', `/v1/me/mandates/${offered.json.id}`, { for: seal, via })).status, 200);
		assert_problem(await boss.ask('GET', `/v1/me/mandates/${offered.json.id}`, { via }), 404, 'not_found');
		for (const who of [stranger, agent]) assert.deepEqual([(await who.cases()).length, (await who.ask('GET', `/v1/cases/${firm.case_no}`)).status], [0, 404]);
		for (const id of [seal, offered.json.id]) assert_problem(await stranger.ask('GET', '/v1/cases', { for: id }), 403, 'mandate_ended');

		assert.equal((await decide(boss, offered.json.id, 'revoke', seal, { via })).json.state, 'revoked');
		assert_problem(await agent.ask('GET', '/v1/cases', { for: offered.json.id, via }), 403, 'mandate_ended');
		const rows = g.sql(`SELECT a.act, a.actor_id = m.holder, a.for_kind, a.for_id = c.person FROM audit a JOIN cases c ON c.case_no = '${firm.case_no}' JOIN mandate m ON m.giver = c.person AND m.kind = 5
			WHERE a.subject_kind = 50 AND a.act IN (51, 53) AND a.for_id = c.person ORDER BY a.id`).split('\n').map((row) => row.replaceAll('true', '1').replaceAll('t', '1'));
		assert.deepEqual(rows, ['51|1|2|1', '51|1|2|1', '53|1|2|1'], 'represented, appointed, ended: by him, for the company');
	});

test('no, no such company, another name, and what no answer is', async () => {
	const boss = await citizen('周一'), other = await citizen('吴二'), firm = await company(boss);
	await other.face();
	const seen = [await represent(other, firm)];
	await boss.face();
	const unknown = { code: uscc(9000), name: '无此公司' };
	seen.push(await represent(boss, unknown));
	await s.fault('authority', { hang: true });
	seen.push(await represent(boss, await company(boss)));
	await s.clear_faults();
	assert.deepEqual(seen.map((a) => `${a.status} ${a.json.code}`), ['422 identity_mismatch', '422 identity_not_found', '504 peer_timeout']);
	assert.equal(g.sql('SELECT COUNT(*) FROM audit WHERE act = 55'), '2');
	assert_problem(await represent(other, firm), 429, 'rate_limited');
	for (const [body, pointer] of [[{ id_number: firm.code.slice(0, 17) + (firm.code[17] === '0' ? '1' : '0'), name: firm.name }, '/id_number'], [{ id_number: boss.number, name: firm.name }, '/id_number'], [{ id_number: firm.code }, '/name']])
		assert.equal((await boss.ask('POST', '/v1/me/organisations', { key: randomUUID(), body })).json.pointer, pointer);
	assert.equal(g.sql(`SELECT COUNT(*) FROM mandate WHERE kind = 5 AND giver = (SELECT person FROM cases WHERE case_no = '${firm.case_no}')`), '0');
});

test('another represents it: the former is out, his agents stay, and the new one may end them; of two who claim it at once the last is the one', async () => {
	const old = await citizen('郑一'), fresh = await citizen('王二'), agent = await citizen('冯三'), firm = await company(old), old_seal = await represented(old, firm);
	const { json: { id } } = await offer(agent, firm);
	assert.equal((await decide(old, id, 'accept', old_seal)).status, 200);
	await firm.registered(fresh);
	const seal = await represented(fresh, firm);
	assert_problem(await old.ask('GET', '/v1/cases', { for: old_seal }), 403, 'mandate_ended');
	assert_problem(await decide(old, id, 'revoke', old_seal), 403, 'mandate_ended');
	assert.equal((await old.ask('GET', `/v1/me/mandates/${old_seal}`)).json.state, 'revoked', 'and he can see that');
	assert.deepEqual(await agent.cases(id), [firm.case_no], 'the company appointed him');
	assert.equal((await decide(fresh, id, 'revoke', seal)).status, 200);
	assert_problem(await agent.ask('GET', '/v1/cases', { for: id }), 403, 'mandate_ended');
	const told = (await fresh.ask('GET', '/v1/messages', { for: seal })).json.items;
	assert.ok(told.length >= 3, `the company’s inbox says who came and went: ${JSON.stringify(told)}`);
	assert.equal((await fresh.ask('GET', `/v1/messages/${told[0].id}`, { for: seal })).status, 200);
	const again = await represented(fresh, await company(fresh));
	assert.notEqual(again, seal, 'one person may represent several');
	assert.deepEqual(await fresh.cases(seal), [firm.case_no]);

	const both = await company(old);
	for (const who of [old, fresh]) await who.face();
	const racing = [represent(old, both)];
	await both.registered(fresh);
	racing.push(represent(fresh, both));
	const ends = (await Promise.all(racing)).filter((a) => a.status === 201).length;
	assert.ok(ends >= 1);
	assert.equal(g.sql(`SELECT COUNT(*) FROM mandate WHERE kind = 5 AND state = 2 AND giver = (SELECT person FROM cases WHERE case_no = '${both.case_no}')`), '1');
});

test('at a window: the licence and the card of whom it names', async () => {
	const maker = await first(g, 'li.safe', 'security_admin'), checker = await first(g, 'li.system', 'system_admin');
	const clerk = await hire(maker, checker, 'window.one', '621202', 'window_clerk');
	const boss = await citizen('陈一'), other = await citizen('褚二'), firm = await company(boss);
	const wish = { kind: 'representative', scopes: 'see_cases,manage_agents', region: '621202', until: now(300 * day) };
	for (const [more, pointer] of [[{ region: undefined }, '/region'], [{ until: now(400 * day) }, '/until'], [{ matters: w.matter.code }, '/matters'], [{ kind: 'agent' }, '/kind']]) {
		const wrong = await offer(boss, firm, { ...wish, ...more });
		assert.deepEqual([wrong.status, wrong.json.pointer], [422, pointer], wrong.text);
	}
	const [his, others] = [(await offer(boss, firm, wish)).json.id, (await offer(other, firm, wish)).json.id];
	const accept = (id, more) => clerk.ask('POST', `/v1/staff/mandates/${id}/accept`, { key: randomUUID(), body: { id_type: 'uscc', id_number: firm.code, name: firm.name, ...more } });
	const nobody = await accept(his);
	assert.deepEqual([nobody.status, nobody.json.pointer], [422, '/holder_id_number'], nobody.text);
	assert.equal((await accept(his, { holder_id_number: '1' })).json.pointer, '/holder_id_number');
	assert_problem(await accept(others, { holder_id_number: boss.number }), 422, 'mandate_papers');
	assert_problem(await accept(his, { holder_id_number: boss.number, name: '别的公司' }), 422, 'mandate_papers');
	assert.equal((await accept(his, { holder_id_number: boss.number })).json.state, 'active');
	assert.deepEqual(await boss.cases(his), [firm.case_no]);
	assert_problem(await boss.ask('GET', '/v1/messages', { for: his }), 403, 'mandate_scope');
	const agent = await citizen('卫三'), offered = await offer(agent, firm);
	const early = await decide(boss, offered.json.id, 'accept', his);
	assert.deepEqual([early.status, early.json.code, early.json.step], [403, 'level_too_low', 'live_face'], 'who binds a company shows his face');
	await boss.face();
	assert.equal((await decide(boss, offered.json.id, 'accept', his)).json.state, 'active');
	assert.deepEqual(await agent.cases(offered.json.id), [firm.case_no]);
});
