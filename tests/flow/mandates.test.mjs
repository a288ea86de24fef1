// Goal: one acts for another by his yes, within what he said yes to, until he says no; and whoever offers learns nothing.
// Method: people who are known by name (development tokens), their cases and messages; each step over HTTP/2 and HTTP/1.1; the audit read from the database.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { Case, assert_problem, id_number, now, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { first, hire } from './lib/staff.mjs';
import { until } from './lib/until.mjs';

const g = await gateway({ settings: { 'rate.write': 0, 'rate.read': 0, 'rate.public': 0 } });
const w = await world(g);
const sql = (text) => g.sql(text);
const day = 24 * 3600e3, none = `md_${'0'.repeat(26)}`;

// Somebody departments know by name, with a case of his own.
let people = 600;
class Person {
	static async make(name) {
		const p = Object.assign(new Person(), { name, number: id_number(people++) });
		p.case = new Case(g, w, { person: p.number });
		await p.case.send('submitted', { matter: w.matter.code, region: w.region, applicant: { id_type: 'resident', id_number: p.number, name } });
		await p.case.live('accepted');
		p.token = await g.citizen(p.number);
		p.id = sql(`SELECT person FROM cases WHERE case_no = '${p.case.case_no}'`);
		return p;
	}

	offer(giver, { key = randomUUID(), via, ...more } = {}) {
		const body = { kind: 'agent', id_number: giver.number, name: giver.name, scopes: 'see_cases,receive_messages', until: now(30 * day), ...more };
		return g.ask('POST', '/v1/me/mandates', { token: this.token, key, body, via });
	}

	decide(id, what, options = {}) {
		return g.ask('POST', `/v1/me/mandates/${id}/${what}`, { token: this.token, ...(what === 'accept' ? { key: randomUUID() } : {}), ...options });
	}

	async held_of(giver, more) {
		const made = await this.offer(giver, more);
		assert.equal(made.status, 201, made.text);
		assert.equal((await giver.decide(made.json.id, 'accept')).status, 200);
		return made.json.id;
	}

	get(target, acting_for, options = {}) {
		return g.get(target, { token: this.token, headers: acting_for ? { 'x-acting-for': acting_for } : {}, ...options });
	}
}

const elder = await Person.make('李大娘'), helper = await Person.make('王小明'), stranger = await Person.make('张三');
const case_of = (p) => `/v1/cases/${p.case.case_no}`;

for (const via of ['h2', 'h1'])
	test(`over ${via}: offered, accepted, acted by, revoked`, async () => {
		const made = await helper.offer(elder, { via });
		assert.deepEqual([made.status, made.json.state], [201, 'offered']);
		const { id } = made.json;
		assert_problem(await helper.get('/v1/cases', id, { via }), 403, 'mandate_ended'); // an offer is no yes
		const [mine] = (await helper.get('/v1/me/mandates', undefined, { via })).json.items;
		assert.deepEqual([mine.id, mine.side, mine.name, mine.state, mine.accepted_by], [id, 'held', '李大娘', 'offered', null]);
		assert.ok(mine.id_number.includes('****') && !mine.id_number.includes(elder.number.slice(6, 14)));
		const [given] = (await elder.get('/v1/me/mandates?side=given', undefined, { via })).json.items;
		assert.deepEqual([given.id, given.side, given.name, given.id_number], [id, 'given', '王小明', null]);
		assert_problem(await stranger.get(`/v1/me/mandates/${id}`, undefined, { via }), 404, 'not_found');
		assert.equal((await elder.decide(id, 'accept', { via })).json.state, 'active');
		assert.deepEqual((await helper.get('/v1/cases', id, { via })).json.items.map((c) => c.case_no), [elder.case.case_no]);
		assert.equal((await helper.get(case_of(elder), id, { via })).status, 200);
		assert.equal((await helper.get(`${case_of(elder)}/events`, id, { via })).json.items.length, 2);
		const { items: [message], unread_count } = (await helper.get('/v1/messages', id, { via })).json;
		assert.equal(message.case_no, elder.case.case_no);
		assert.equal(unread_count, 1);
		assert.equal((await helper.get(`/v1/messages/${message.id}`, id, { via })).status, 200);
		// his own stay his own, and the giver's are not seen without the mandate
		assert.deepEqual((await helper.get('/v1/cases', undefined, { via })).json.items.map((c) => c.case_no), [helper.case.case_no]);
		assert_problem(await helper.get(case_of(helper), id, { via }), 404, 'not_found');
		assert_problem(await helper.get(case_of(elder), undefined, { via }), 404, 'not_found');
		assert.equal((await elder.decide(id, 'revoke', { via })).json.state, 'revoked');
		for (const target of ['/v1/cases', case_of(elder), '/v1/messages']) assert_problem(await helper.get(target, id, { via }), 403, 'mandate_ended');
		assert_problem(await elder.decide(id, 'accept', { via }), 409, 'mandate_state');
	});

test('a mandate of another, of nobody, or in no form at all: the same answer', async () => {
	const id = await helper.held_of(elder);
	const plain = ({ status, headers, json: { request_id, trace_id, ...rest } }) => JSON.stringify([status, rest, Object.keys(headers).sort(), Boolean(request_id && trace_id)]);
	const answers = await Promise.all([stranger.get('/v1/cases', id), elder.get('/v1/cases', id), stranger.get('/v1/cases', none), stranger.get('/v1/cases', 'md_')]);
	for (const answer of answers) assert_problem(answer, 403, 'mandate_ended');
	assert.equal(new Set(answers.map(plain)).size, 1);
	assert.equal((await helper.decide(id, 'revoke')).json.state, 'revoked'); // the holder may end it too
});

test('what the mandate does not allow, and what nobody does for another', async () => {
	const id = await helper.held_of(elder, { scopes: 'see_cases' });
	const answer = assert_problem(await helper.get('/v1/messages', id), 403, 'mandate_scope');
	assert.equal(answer.json.scope, 'receive_messages');
	assert.equal(assert_problem(await helper.get('/v1/me/mandates', id), 403, 'mandate_scope').json.scope, 'manage_agents');
	for (const target of ['/v1/me', '/v1/me/sessions', '/v1/stream']) assert_problem(await helper.get(target, id), 403, 'never_by_mandate');
	const [{ id: message }] = (await elder.get('/v1/messages')).json.items;
	assert_problem(await g.ask('POST', `/v1/messages/${message}/read`, { token: helper.token, headers: { 'x-acting-for': id } }), 403, 'never_by_mandate');
	assert.equal((await elder.get(`/v1/messages/${message}`)).json.read_at, null);
	// he is asked who he is first
	assert_problem(await g.get('/v1/cases', { headers: { 'x-acting-for': id } }), 401, 'login_required');
	assert_problem(await g.get('/v1/department/feed', { token: w.department, headers: { 'x-acting-for': id } }), 400, 'acting_for_not_here');
	for (const token of [undefined, helper.token]) assert_problem(await g.get('/v1/regions', { token, headers: { 'x-acting-for': id } }), 400, 'acting_for_not_here');
	await helper.decide(id, 'revoke');
});

test('for one matter: other cases are not there', async () => {
	const other = new Case(g, { ...w, matter: w.elsewhere, region: w.elsewhere.region.code }, { person: elder.number, token: w.other_department });
	await other.live('submitted', 'accepted');
	const id = await helper.held_of(elder, { matters: w.elsewhere.code });
	assert.deepEqual((await helper.get(`/v1/me/mandates/${id}`)).json.matters, [w.elsewhere.code]);
	assert.deepEqual((await helper.get('/v1/cases', id)).json.items.map((c) => c.case_no), [other.case_no]);
	assert.equal((await elder.get('/v1/cases')).json.items.length, 2);
	for (let n = 0; n < 2; n++) { // from the table, and from what was kept of the first time
		await elder.get(case_of(elder));
		assert_problem(await helper.get(case_of(elder), id), 404, 'not_found');
		assert_problem(await helper.get(`${case_of(elder)}/events`, id), 404, 'not_found');
		assert.equal((await helper.get(`/v1/cases/${other.case_no}`, id)).status, 200);
	}
	const inbox = (await helper.get('/v1/messages', id)).json;
	assert.deepEqual(inbox.items.map((m) => m.case_no), [other.case_no]);
	assert.equal(inbox.unread_count, 1);
	const theirs = (await elder.get('/v1/messages')).json.items.find((m) => m.case_no === elder.case.case_no);
	assert_problem(await helper.get(`/v1/messages/${theirs.id}`, id), 404, 'not_found');
	await helper.decide(id, 'revoke');
	assert.equal(assert_problem(await helper.offer(elder, { matters: 'no-such-matter' }), 422, 'invalid_field').json.pointer, '/matters');
});

test('an offer says nothing of whom it names', async () => {
	const shape = ({ status, json }) => JSON.stringify([status, Object.keys(json), json.state]);
	const offers = [await helper.offer(elder), await helper.offer({ number: elder.number, name: '李大爷' }), await helper.offer({ number: id_number(997), name: '李大娘' })];
	assert.equal(new Set(offers.map(shape)).size, 1);
	const shown = await Promise.all(offers.map((o) => helper.get(`/v1/me/mandates/${o.json.id}`)));
	assert.equal(new Set(shown.map(({ json: { id, name, id_number: number, made_at, ends_at, until, ...rest } }) => JSON.stringify(rest))).size, 1);
	for (const o of offers.slice(1)) assert_problem(await elder.decide(o.json.id, 'accept'), 404, 'not_found');
	assert_problem(await helper.decide(offers[0].json.id, 'refuse'), 403, 'forbidden');
	assert.equal((await elder.decide(offers[0].json.id, 'refuse')).json.state, 'refused');
	for (const o of offers.slice(1)) assert.equal((await helper.decide(o.json.id, 'revoke')).json.state, 'revoked');
});

test('what is wrong with an offer is said', async () => {
	for (const [more, pointer] of [[{ kind: 'uncle' }, '/kind'], [{ scopes: 'everything' }, '/scopes'], [{ id_number: '621202198503010000' }, '/id_number'], [{ id_type: 'diplomat' }, '/id_type'], [{ id_type: 'passport' }, '/id_country'],
		[{ until: now(-1000) }, '/until'], [{ until: now(400 * day) }, '/until'], [{ kind: 'guardian' }, '/region'], [{ kind: 'company' }, '/kind'], [{ region: '999999' }, '/region'],
		[{ id_number: helper.number, name: helper.name }, '/id_number']]) {
		const answer = await helper.offer(elder, more);
		assert.deepEqual([answer.status, answer.json.pointer], [422, pointer], answer.text);
	}
	const key = randomUUID(), until = now(day), first = await helper.offer(elder, { key, until }), again = await helper.offer(elder, { key, until });
	assert.deepEqual([again.status, again.json.id, again.headers['idempotency-replayed']], [201, first.json.id, 'true']);
	assert_problem(await g.get('/v1/me/mandates?side=both', { token: helper.token }), 400, 'invalid_query');
	await helper.decide(first.json.id, 'revoke');
});

test('a village helper and thirty elders, page by page', async () => {
	const village = await Person.make('赵帮办'), elders = [];
	for (let n = 0; n < 30; n++) elders.push(await Person.make(`老人${String.fromCharCode(0x4e00 + n)}`));
	const held = await Promise.all(elders.map((e) => village.held_of(e, { kind: 'helper', until: now(1000 * day) })));
	const seen = [];
	for (let target = '/v1/me/mandates?limit=7'; target !== undefined;) {
		const { json } = await village.get(target);
		seen.push(...json.items);
		target = json.next_cursor === null ? undefined : `/v1/me/mandates?limit=7&cursor=${json.next_cursor}`;
	}
	assert.deepEqual(seen.map((m) => m.id).sort(), held.slice().sort());
	for (const [n, e] of elders.entries()) assert.deepEqual((await village.get('/v1/cases', held[n])).json.items.map((c) => c.case_no), [e.case.case_no]);
});

test('the giver is told when it begins, when it is first used, and when it is over', async () => {
	const giver = await Person.make('孙大爷'), id = await helper.held_of(giver);
	const told = async () => (await giver.get('/v1/messages')).json.items.filter((m) => m.template.startsWith('mandate_')).map((m) => m.template);
	assert.deepEqual(await told(), ['mandate_accepted']);
	for (let n = 0; n < 3; n++) assert.equal((await helper.get('/v1/cases', id)).status, 200);
	await until('the first use is told', async () => (await told())[0] === 'mandate_used');
	assert.equal((await helper.get('/v1/cases', id)).status, 200);
	assert.ok((await giver.get(`/v1/me/mandates/${id}`)).json.used_at);
	await giver.decide(id, 'revoke');
	assert.deepEqual(await told(), ['mandate_ended', 'mandate_used', 'mandate_accepted']);
	const { items: [ended], unread_count } = (await giver.get('/v1/messages', undefined, { lang: 'en' })).json;
	assert.deepEqual([ended.case_no, unread_count], [null, 4]);
	assert.ok(ended.body.startsWith('王小明 no longer acts for you'), ended.body);
	assert.equal(sql(`SELECT COUNT(*) FROM audit WHERE act = 54 AND actor_id = ${helper.id} AND for_id = ${giver.id}`), '1');
	// and only he is told
	assert.equal((await helper.get('/v1/messages')).json.items.filter((m) => m.template.startsWith('mandate_')).length, 0);
	const again = await helper.held_of(giver);
	assert.deepEqual((await helper.get('/v1/messages', again)).json.items.map((m) => m.template), ['accepted']);
	assert_problem(await helper.get(`/v1/messages/${ended.id}`, again), 404, 'not_found');
	await helper.decide(again, 'revoke');
});

test('a child and a company: at a window, by their papers, in its region', async () => {
	const maker = await first(g, 'first.security', 'security_admin'), checker = await first(g, 'first.system', 'system_admin');
	const clerk = await hire(maker, checker, 'window.clerk', '621202', 'window_clerk'), elsewhere = await hire(maker, checker, 'other.clerk', '621221', 'window_clerk');
	const child = { number: id_number(998), name: '王小小' }, region = '621202', until = now(300 * day);
	const made = await helper.offer(child, { kind: 'guardian', region, until });
	assert.equal(made.status, 201, made.text);
	const { id } = made.json, target = `/v1/staff/mandates/${id}/accept`;
	const accept = (who, body, more) => who.ask('POST', more ?? target, { key: randomUUID(), body: { id_number: child.number, name: child.name, ...body } });
	assert_problem(await accept(elsewhere), 404, 'not_found');
	assert_problem(await accept(clerk, { name: '王大大' }), 422, 'mandate_papers');
	assert_problem(await helper.get('/v1/cases', id), 403, 'mandate_ended');
	assert.equal((await accept(clerk)).json.state, 'active');
	assert_problem(await accept(clerk), 409, 'mandate_state');
	const theirs = new Case(g, w, { person: child.number });
	await theirs.live('submitted');
	assert.deepEqual((await helper.get('/v1/cases', id)).json.items.map((c) => c.case_no), [theirs.case_no]);
	const company = { number: '91621299MA0000015U', name: '陇南一号有限公司' }, cases = new Case(g, w);
	await cases.send('submitted', { matter: w.matter.code, region: w.region, applicant: { id_type: 'uscc', id_number: company.number, name: company.name } });
	const agent = await helper.offer(company, { kind: 'company', id_type: 'uscc', region, until });
	assert.equal(agent.status, 201, agent.text);
	assert.equal((await accept(clerk, { id_type: 'uscc', id_number: company.number, name: company.name }, `/v1/staff/mandates/${agent.json.id}/accept`)).json.state, 'active');
	assert.deepEqual((await helper.get('/v1/cases', agent.json.id)).json.items.map((c) => c.case_no), [cases.case_no]);
	assert.equal(sql('SELECT COUNT(*) FROM audit WHERE act = 51 AND actor_kind = 16 AND for_kind = 2'), '2');
	// without a region no window knows of it
	const plain = (await helper.offer(elder)).json.id;
	assert_problem(await accept(clerk, {}, `/v1/staff/mandates/${plain}/accept`), 404, 'not_found');
	await helper.decide(plain, 'revoke');
});

test('when its day has come it is over, and the giver is told', async () => {
	const giver = await Person.make('周大爷'), id = await helper.held_of(giver);
	await g.stop();
	sql(`UPDATE mandate SET until_ms = 1, ends_ms = 1 WHERE giver = ${giver.id}`);
	await g.serve();
	assert_problem(await helper.get('/v1/cases', id), 403, 'mandate_ended');
	assert.equal((await helper.get(`/v1/me/mandates/${id}`)).json.state, 'expired');
	await until('he is told', async () => (await giver.get('/v1/messages')).json.items[0].template === 'mandate_ended');
	assert_problem(await giver.decide(id, 'revoke'), 409, 'mandate_state');
});

test('the audit says by whom and for whom', async () => {
	const rows = sql(`SELECT act || ' ' || actor_id || ' ' || for_id FROM audit WHERE act IN (50, 51, 53) AND (for_id = ${elder.id} OR actor_id = ${elder.id}) ORDER BY id LIMIT 3`);
	assert.deepEqual(rows.split('\n'), [`50 ${helper.id} ${elder.id}`, `51 ${elder.id} 0`, `53 ${elder.id} 0`]);
	await until('refusals are on record', async () => Number(sql(`SELECT COUNT(*) FROM audit WHERE result = 403 AND actor_id = ${stranger.id}`)) > 0);
	await g.command('seal', 'verify');
});
