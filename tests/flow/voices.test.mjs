// Goal: a case is rated once, by whoever it is of, whatever races; a poor rating is a work order at once, called back about and answered, its result with its rater, and what two people find wrong
// still counts; a ticket goes from hand to hand by the table alone, by those whose turn it is, and its speaker has the last word twice; whoever may look sees what was sent to him.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { Case, assert_problem, id_number, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { Clerk, first, hire } from './lib/staff.mjs';
import { until } from './lib/until.mjs';

const g = await gateway({ settings: { 'rate.write': 0, 'rate.department': 0, 'rate.public': 0, 'rate.read': 0 } });
const w = await world(g, { test_key: true });
const security = await first(g, 'vo.security', 'security_admin'), system = await first(g, 'vo.system', 'system_admin');
const of_department = async (account, department) => {
	const made = await security.propose('staff_invite', w.region, { account, name: '王小明', region: w.region, roles: 'department_clerk', department });
	const { json } = await system.decide(made.json.id, 'approve');
	return (await new Clerk(g, account).activate(json.invitation)).login();
};
const clerk = await of_department('vo.clerk', w.matter.department.code), other_clerk = await of_department('vo.other', w.elsewhere.department.code);
const hotline = await hire(security, system, 'vo.hotline', w.region, 'hotline_clerk'), supervisor = await hire(security, system, 'vo.super', w.region, 'supervisor');
const window_clerk = await hire(security, system, 'vo.window', w.region, 'window_clerk'), far = await hire(security, system, 'vo.far', '621228', 'hotline_clerk');

const over = (events = ['submitted', 'accepted', 'decided_ok', 'done']) => new Case(g, w).live(...events);
const rate = (c, body, { token = w.citizen, key = randomUUID(), ...more } = {}) => g.ask('POST', `/v1/cases/${c.case_no}/rating`, { token, key, body, ...more });
const rating_of = (c, token = w.citizen) => g.get(`/v1/cases/${c.case_no}/rating`, { token });
const move = (who, number, event, more = {}) => who === w.department || who === w.other_department
	? g.ask('POST', `/v1/department/tickets/${number}/moves`, { token: who, key: randomUUID(), body: { event, ...more } })
	: who.ask('POST', `/v1/staff/tickets/${number}/moves`, { key: randomUUID(), body: { event, ...more } });
const moved = async (who, number, event, state, more) => {
	const answer = await move(who, number, event, more);
	assert.deepEqual([answer.status, answer.json.state], [200, state], answer.text);
};
const say = (body, token = w.citizen) => g.ask('POST', '/v1/tickets', { token, key: randomUUID(), body });
const feedback = (number, body, token = w.citizen) => g.ask('POST', `/v1/tickets/${number}/feedback`, { token, key: randomUUID(), body });
const mine = (number, token = w.citizen) => g.get(`/v1/tickets/${number}`, { token });
const titles = async () => (await g.get('/v1/messages?limit=5', { token: w.citizen })).json.items.map((i) => i.template);
const uscc_of_nobody = '91621299MA0000000X';
const count = async (sql) => Number(await g.sql(sql));

test('rated when it is over, once, by whoever it is of', async () => {
	const c = await over(['submitted', 'accepted']);
	assert_problem(await rate(c, { level: 5 }), 409, 'not_over_yet');
	assert.deepEqual((await rating_of(c)).json, { may_rate: false, rating: null, work_order: null });
	for (const event of ['decided_ok', 'done']) await c.send(event);
	assert.equal((await rating_of(c)).json.may_rate, true);
	assert_problem(await rate(c, { level: 5 }, { token: w.stranger }), 404, 'not_found');
	assert_problem(await rating_of(c, w.stranger), 404, 'not_found');
	for (const [body, pointer] of [[{ level: 0 }, '/level'], [{ level: 6 }, '/level'], [{ level: 5, tags: 'slow' }, '/tags'], [{ level: 1, tags: 'quick' }, '/tags'], [{ level: 3, tags: 'nice' }, '/tags']])
		assert.equal(assert_problem(await rate(c, body), 422, 'invalid_field').json.pointer, pointer);
	const key = randomUUID(), said = { level: 3, tags: 'quick,slow', text: '还可以' };
	const answer = await rate(c, said, { key });
	assert.deepEqual([answer.status, answer.json], [201, { level: 3, level_text: '基本满意', work_order: null }], answer.text);
	assert.equal((await rate(c, said, { key })).status, 201, 'the same submission');
	assert_problem(await rate(c, said), 409, 'rated_already');
	const { rating } = (await rating_of(c)).json;
	assert.deepEqual([rating.level, rating.tags, rating.text, rating.channel], [3, ['quick', 'slow'], '还可以', 'online']);
	assert.equal(await count(`SELECT COUNT(*) FROM rating_text WHERE CAST(text AS VARCHAR(100)) LIKE '%还可以%'`).catch(() => 0), 0, 'it lies sealed');
});

test('whoever has not rated is asked to, once and by a message of its own; not who has, and not who wants to be forgotten', async () => {
	const invited = async (c) => count(`SELECT COUNT(*) FROM message m JOIN cases c ON c.id = m.case_id WHERE m.template = 55 AND c.case_no = '${c.case_no}'`);
	const of_gone = new Case(g, w), unrated = await over(), rated = await over(), open = await over(['submitted', 'accepted']);
	await of_gone.send('submitted', { matter: w.matter.code, region: w.region, applicant: { id_type: 'resident', id_number: id_number(731), name: '王小明' } });
	await of_gone.live('accepted', 'decided_ok', 'done');
	assert.equal((await rate(rated, { level: 4 })).status, 201);
	await g.sql(`INSERT INTO erasure (id, key, person, state, asked_ms, due_ms) SELECT 731, (SELECT key FROM message LIMIT 1), person, 1, 1, 9000000000000000 FROM cases WHERE case_no = '${of_gone.case_no}'`);
	// A day later, as far as the job knows.
	const later = async () => {
		await g.sql('UPDATE rating_invitation SET due_ms = 1 WHERE due_ms IS NOT NULL');
		await until('all that are due are settled', async () => (await count('SELECT COUNT(*) FROM rating_invitation WHERE due_ms IS NOT NULL')) === 0);
	};
	assert.equal(await invited(unrated), 0, 'not at once');
	await later();
	assert.deepEqual([await invited(unrated), await invited(rated), await invited(of_gone), await invited(open)], [1, 0, 0, 0]);
	const [asked] = (await g.get('/v1/messages?limit=50', { token: w.citizen })).json.items.filter((m) => m.template === 'rating_invited' && m.case_no === unrated.case_no);
	assert.match(asked.body, /评价/);
	await unrated.send('delivered');
	await later();
	assert.equal(await invited(unrated), 1, 'its second end asks nobody again');
	assert.equal((await rate(unrated, { level: 5 })).status, 201);
});

test('thirty devices rate at once: one rating, one work order, and one way to end', async () => {
	const c = await over();
	const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => rate(c, { level: 1 + (i % 2) })));
	assert.deepEqual(answers.map((a) => a.status).sort(), [201, ...Array(29).fill(409)]);
	const row = `FROM rating g JOIN cases c ON c.id = g.case_id WHERE c.case_no = '${c.case_no}'`;
	assert.equal(await count(`SELECT COUNT(*) ${row}`), 1);
	assert.equal(await count(`SELECT COUNT(*) FROM voice v JOIN rating g ON g.id = v.rating JOIN cases c ON c.id = g.case_id WHERE c.case_no = '${c.case_no}'`), 1);
	const number = answers.find((a) => a.status === 201).json.work_order;
	await moved(w.department, number, 'accepted', 'handling');
	await moved(w.department, number, 'called', 'handling', { text: '已电话致歉并核实' });
	const ends = await Promise.all(Array.from({ length: 8 }, () => move(w.department, number, 'answered', { text: '已整改' })));
	assert.deepEqual(ends.map((a) => a.status).sort(), [200, ...Array(7).fill(409)]);
	const says = await Promise.all(Array.from({ length: 8 }, (_, i) => feedback(number, i % 2 ? { satisfied: true } : { satisfied: false, text: '没有解决' })));
	assert.equal(says.filter((a) => a.status === 200).length, 1, 'one feedback');
});

test('a poor rating: work order, called back, answered, its result with its rater', async () => {
	const c = await over();
	const { work_order: number } = (await rate(c, { level: 2, tags: 'not_told_at_once', text: '来回跑了三次' })).json;
	assert.match(number, /^R\d{14}$/);
	assert.equal((await titles())[0], 'voice_received');
	const order = (await g.get(`/v1/department/tickets/${number}`, { token: w.department })).json;
	assert.deepEqual([order.kind, order.state, order.case_no, order.text, order.clock.kind], ['rating', 'assigned', c.case_no, '来回跑了三次', 'accept']);
	assert_problem(await g.get(`/v1/department/tickets/${number}`, { token: w.other_department }), 404, 'not_found');
	assert_problem(await other_clerk.ask('GET', `/v1/staff/tickets/${number}`), 404, 'not_found');
	assert_problem(await far.ask('GET', `/v1/staff/tickets/${number}`), 404, 'not_found');
	assert_problem(await mine(number, w.stranger), 404, 'not_found');
	const list = (await g.get('/v1/department/tickets?state=assigned&limit=1', { token: w.department })).json;
	assert.equal(list.items[0].number, number);
	assert.ok((await clerk.ask('GET', '/v1/staff/tickets')).json.items.some((i) => i.number === number));
	assert.deepEqual((await g.get('/v1/department/tickets', { token: w.other_department })).json.items, []);
	assert_problem(await move(supervisor, number, 'accepted'), 403, 'forbidden');
	const early = assert_problem(await move(clerk, number, 'answered', { text: '已整改' }), 409, 'voice_state').json;
	assert.deepEqual([early.state, early.allowed], ['assigned', 'handed_over,returned,accepted']);
	await moved(clerk, number, 'accepted', 'handling');
	assert_problem(await move(clerk, number, 'answered', { text: '已整改' }), 409, 'call_first');
	const contact = await clerk.ask('POST', `/v1/staff/tickets/${number}/contact`, { body: { reason: '回访差评' } });
	assert.equal(contact.status, 200, contact.text);
	assert.equal(await count(`SELECT COUNT(*) FROM audit WHERE act = 157`), 1);
	assert_problem(await move(clerk, number, 'called'), 422, 'missing_field');
	await moved(clerk, number, 'called', 'handling', { text: '已电话核实，材料清单没有一次告知' });
	await moved(clerk, number, 'answered', 'answered', { text: '已更新一次性告知单，并向您致歉' });
	assert.equal((await titles())[0], 'voice_answered');
	const { work_order } = (await rating_of(c)).json;
	assert.equal(work_order.steps.at(-1).text, '已更新一次性告知单，并向您致歉');
	assert.equal(work_order.steps.find((s) => s.what === 'called').text, null, 'not what offices write');
	assert.equal((await feedback(number, { satisfied: true })).json.state, 'closed');
	assert_problem(await feedback(number, { satisfied: true }), 409, 'voice_state');
	assert_problem(await g.ask('POST', `/v1/tickets/${number}/withdraw`, { token: w.citizen, key: randomUUID() }), 409, 'voice_state');
});

test('nobody is named in the list of ratings, and what two people find wrong still counts', async () => {
	const c = await over(), { work_order: number } = (await rate(c, { level: 1, text: '态度恶劣' })).json;
	await moved(w.department, number, 'accepted', 'handling');
	const rated = await count('SELECT COUNT(*) FROM rating WHERE level <= 2');
	assert.equal((await other_clerk.propose('voice_wrong', w.region, { reason: '不是我们办的' }, number)).status, 422);
	const made = await clerk.propose('voice_wrong', w.region, { reason: '录音显示当日未到窗口' }, number);
	assert.equal(made.status, 201, made.text);
	assert_problem(await clerk.decide(made.json.id, 'approve'), 403, 'forbidden');
	assert.equal((await supervisor.decide(made.json.id, 'approve')).status, 200);
	assert.equal((await mine(number)).json.state, 'wrong');
	assert.equal((await titles())[0], 'voice_wrong');
	assert.equal(await count('SELECT COUNT(*) FROM rating WHERE level <= 2'), rated, 'it stays a rating');
	for (const [who, answer] of [['department', await g.get('/v1/department/ratings?level_max=2', { token: w.department })], ['clerk', await clerk.ask('GET', '/v1/staff/ratings?level_max=2')]]) {
		const item = answer.json.items.find((i) => i.text === '态度恶劣');
		assert.deepEqual([item.by, item.work_order_state], ['匿名', 'wrong'], who);
		assert.ok(!answer.text.includes(c.case_no) && !answer.text.includes(number), 'no number that would be a name');
	}
	assert.equal((await g.get('/v1/department/ratings', { token: w.other_department })).json.items.length, 0);
});

test('a rating given at a counter is the visitor’s own', async () => {
	const c = await over(), give = (who, more) => who.ask('POST', '/v1/hall/ratings', { key: randomUUID(), body: { case_no: c.case_no, id_last4: w.person.slice(-4), level: 4, ...more } });
	assert_problem(await give(window_clerk, { id_last4: '0000' }), 404, 'case_lookup_failed');
	assert_problem(await give(window_clerk, { case_no: 'LN621202202601010000000' }), 404, 'case_lookup_failed');
	assert_problem(await give(clerk), 403, 'forbidden');
	const answer = await give(window_clerk);
	assert.equal(answer.status, 201, answer.text);
	assert_problem(await give(window_clerk), 409, 'rated_already');
	assert.equal((await rating_of(c)).json.rating.channel, 'counter');
	assert.equal(await count('SELECT COUNT(*) FROM audit WHERE act = 151'), 1);
});

test('a ticket from hand to hand: assigned, handed over, returned, accepted, complex, urged, extended, answered, opened once more', async () => {
	const answer = await say({ kind: 'complain', text: '窗口经常没有人', region: w.region });
	assert.deepEqual([answer.status, answer.json.state], [201, 'received'], answer.text);
	const { number } = answer.json, clock = async () => (await mine(number)).json.clock;
	assert.equal((await mine(number)).json.department, null);
	assert_problem(await move(w.department, number, 'accepted'), 404, 'not_found');
	assert_problem(await move(hotline, number, 'accepted'), 403, 'forbidden');
	assert_problem(await move(hotline, number, 'assigned'), 422, 'missing_field');
	assert_problem(await move(hotline, number, 'assigned', { department: uscc_of_nobody }), 422, 'invalid_field');
	assert_problem(await move(far, number, 'assigned', { department: w.matter.department.code }), 404, 'not_found');
	await moved(hotline, number, 'assigned', 'assigned', { department: w.elsewhere.department.code });
	const first_due = (await clock()).due_on;
	assert_problem(await move(w.other_department, number, 'returned'), 422, 'missing_field');
	await moved(w.other_department, number, 'returned', 'received', { text: '不属于本部门职责' });
	await moved(hotline, number, 'assigned', 'assigned', { department: w.elsewhere.department.code });
	await moved(w.other_department, number, 'handed_over', 'assigned', { text: '应由该部门办理', department: w.matter.department.code });
	assert.deepEqual([(await clock()).kind, (await clock()).due_on], ['accept', first_due], 'a hand-over wins nobody a day');
	assert_problem(await move(w.other_department, number, 'accepted'), 404, 'not_found');
	await moved(clerk, number, 'accepted', 'handling');
	const { due_on } = await clock();
	await moved(clerk, number, 'complex', 'handling', { text: '需要协调多个部门' });
	const complex = (await clock()).due_on;
	assert.ok(complex > due_on);
	assert_problem(await move(clerk, number, 'complex', { text: '再次' }), 409, 'voice_state');
	await moved(supervisor, number, 'urged', 'handling', { text: '请尽快办理' });
	const more = await clerk.propose('voice_extend', w.region, { days: 5, reason: '需要现场勘验' }, number);
	assert.equal((await supervisor.decide(more.json.id, 'approve')).status, 200);
	assert.ok((await clock()).due_on > complex);
	await moved(clerk, number, 'answered', 'answered', { text: '已增加窗口值守' });
	assert.equal(await clock(), null);
	assert_problem(await feedback(number, { satisfied: false }), 422, 'missing_field');
	assert.equal((await feedback(number, { satisfied: false, text: '中午还是没有人' })).json.state, 'handling');
	assert.equal((await clock()).kind, 'handle');
	await moved(clerk, number, 'answered', 'answered', { text: '中午安排轮值' });
	assert.equal((await feedback(number, { satisfied: false })).json.state, 'closed');
	const shown = (await supervisor.ask('GET', `/v1/staff/tickets/${number}`)).json;
	assert.deepEqual(shown.steps.map((s) => s.what), ['received', 'assigned', 'returned', 'assigned', 'handed_over', 'accepted', 'stopped_in_time', 'complex', 'urged', 'extended', 'answered', 'stopped_in_time',
		'reopened', 'answered', 'stopped_in_time', 'dissatisfied']);
	const feed = await until('its events are in the supervisors’ feed', async () => {
		const { json } = await supervisor.ask('GET', '/v1/staff/tickets/feed?limit=100');
		const items = json.items.filter((i) => i.number === number);
		return items.length === 16 && items;
	});
	assert.deepEqual(feed.map((i) => i.what), shown.steps.map((s) => s.what));
	assert.ok((await g.get('/v1/department/tickets/feed?limit=100', { token: w.department })).json.items.some((i) => i.number === number && i.what === 'urged'));
	await g.command('seal', 'verify');
});

test('what is said in a call is a ticket, of a case only for whoever knows it; who reports is told to no department', async () => {
	const c = await over(['submitted', 'accepted']), body = { kind: 'consult', text: '什么时候能办好', name: '李大爷', phone: '13900001111' };
	const take = (who, more) => who.ask('POST', '/v1/staff/tickets', { key: randomUUID(), body: { ...body, ...more } });
	assert_problem(await take(hotline), 422, 'missing_field');
	assert_problem(await take(hotline, { case_no: c.case_no }), 422, 'missing_field');
	assert_problem(await take(hotline, { case_no: c.case_no, id_last4: '0000' }), 404, 'case_lookup_failed');
	assert_problem(await take(far, { case_no: c.case_no, id_last4: w.person.slice(-4) }), 404, 'case_lookup_failed');
	assert_problem(await take(clerk, { region: w.region }), 403, 'forbidden');
	const taken = await take(hotline, { case_no: c.case_no, id_last4: w.person.slice(-4) });
	assert.deepEqual([taken.status, taken.json.state], [201, 'assigned'], taken.text);
	assert.equal((await mine(taken.json.number)).json.case_no, c.case_no, 'he sees it too');
	const shown = (await clerk.ask('GET', `/v1/staff/tickets/${taken.json.number}`)).json;
	assert.ok(shown.speaker.includes('*') && shown.phone.includes('****'), JSON.stringify(shown));
	assert.deepEqual((await clerk.ask('POST', `/v1/staff/tickets/${taken.json.number}/contact`, { body: { reason: '回电答复' } })).json, { number: taken.json.number, name: '李大爷', phone: '13900001111' });
	const report = (await take(hotline, { kind: 'report', text: '有人收取好处费', region: w.region })).json.number;
	await moved(hotline, report, 'assigned', 'assigned', { department: w.matter.department.code });
	assert.deepEqual([(await clerk.ask('GET', `/v1/staff/tickets/${report}`)).json.speaker, (await clerk.ask('GET', `/v1/staff/tickets/${report}`)).json.phone], [null, null]);
	assert_problem(await clerk.ask('POST', `/v1/staff/tickets/${report}/contact`, { body: { reason: '想知道是谁' } }), 403, 'forbidden');
	assert.equal((await hotline.ask('POST', `/v1/staff/tickets/${report}/contact`, { body: { reason: '回访举报人' } })).json.phone, '13900001111');
	await moved(clerk, report, 'accepted', 'handling');
	await moved(clerk, report, 'answered', 'answered', { text: '已查处' });
	await moved(hotline, report, 'satisfied', 'closed');
	assert.ok(!(await g.log()).includes('13900001111'));
	// A hotline's own system does the same, and sees what it took.
	const system_take = await g.ask('POST', '/v1/department/tickets', { token: w.other_department, key: randomUUID(), body: { ...body, kind: 'suggest', region: w.region } });
	assert.equal(system_take.status, 201, system_take.text);
	assert.ok((await g.get('/v1/department/tickets?taken=true', { token: w.other_department })).json.items.some((i) => i.number === system_take.json.number));
	await moved(w.other_department, system_take.json.number, 'refused', 'refused', { text: '属于信访渠道' });
});

test('an operator sees what was sent of a case and of a ticket, and the look is on record', async () => {
	const c = await over(['submitted', 'accepted']), { number } = (await say({ kind: 'consult', text: '何时出证', case_no: c.case_no })).json;
	assert.equal((await mine(number)).json.state, 'assigned', 'a question about a case goes to its department');
	assert_problem(await say({ kind: 'consult', text: '何时出证', case_no: c.case_no }, w.stranger), 422, 'invalid_field');
	assert_problem(await say({ kind: 'rating', text: '何时出证', case_no: c.case_no }), 422, 'invalid_field');
	const looks = await count('SELECT COUNT(*) FROM audit WHERE act = 158');
	const of_case = await hotline.ask('GET', `/v1/staff/cases/${c.case_no}/messages`), of_voice = await hotline.ask('GET', `/v1/staff/tickets/${number}/messages`);
	assert.deepEqual(of_case.json.items.map((i) => i.title), ['已受理']);
	assert.deepEqual(of_voice.json.items.map((i) => i.title), ['已收到您的诉求']);
	assert.ok(of_voice.json.items[0].next.length > 0 && of_voice.json.items[0].inbox.state === 'done');
	assert.equal(await count('SELECT COUNT(*) FROM audit WHERE act = 158'), looks + 2);
	assert_problem(await far.ask('GET', `/v1/staff/cases/${c.case_no}/messages`), 404, 'not_found');
	assert_problem(await other_clerk.ask('GET', `/v1/staff/tickets/${number}/messages`), 404, 'not_found');
	assert.equal((await g.ask('POST', `/v1/tickets/${number}/withdraw`, { token: w.citizen, key: randomUUID() })).json.state, 'withdrawn');
	const list = (await g.get('/v1/tickets?limit=2', { token: w.citizen })).json;
	assert.deepEqual([list.items.length, list.items[0].number, list.next_cursor !== null], [2, number, true]);
	assert.deepEqual((await g.get('/v1/tickets', { token: w.stranger })).json.items, []);
});

test('twenty tickets may be open', async () => {
	const token = await g.citizen(id_number(77));
	const answers = await Promise.all(Array.from({ length: 24 }, () => say({ kind: 'suggest', text: '建议延时服务', region: w.region }, token)));
	assert.deepEqual(answers.map((a) => a.status).sort(), [...Array(20).fill(201), ...Array(4).fill(409)]);
	assert.equal(answers.find((a) => a.status === 409).json.most, 20);
	assert_problem(await say({ kind: 'suggest', text: '建议延时服务' }, token), 422, 'missing_field');
	assert_problem(await say({ kind: 'suggest', text: '建议延时服务', region: '999999' }, token), 422, 'invalid_field');
});

test('the scoreboard counts what was said, on all its pages up to the same fact, and ranks who is best', async () => {
	const today = new Date(Date.now() + 8 * 3600e3).toISOString().slice(0, 10), span = `from=${today}&to=${today}`;
	const board = async (more = '') => (await g.control('POST', `/control/scoreboard?${span}${more}`)).json;
	const pages = async (target, who) => {
		const items = [];
		for (let next = '', more = true; more; more = next !== null) {
			const answer = await who.ask('GET', `${target}${next && `&cursor=${next}`}`);
			assert.equal(answer.status, 200, answer.text);
			items.push(...answer.json.items);
			next = answer.json.next_cursor;
		}
		return items;
	};
	const every = async (what) => {
		const rows = [], first_page = await board();
		for (let page = first_page; ; page = await board(`&after=${page.after}&generation=${first_page.generation}`)) {
			rows.push(...page[what]);
			if (!page.more) return rows;
		}
	};
	const sum = (rows, name) => rows.reduce((n, row) => n + row[name], 0);
	await until('all is sealed', async () => await count('SELECT COALESCE(MAX(fact), 0) FROM seal') === await count('SELECT COALESCE(MAX(id), 0) FROM fact'));
	assert.equal(sum(await every('ratings'), 'count'), await count('SELECT COUNT(*) FROM rating'));
	assert.equal(sum(await every('ratings'), 'marked_wrong'), 1);
	assert.ok(sum(await every('voices'), 'urged') >= 1 && sum(await every('voices'), 'answers_dissatisfied') >= 2);
	const before = await board(), of = (page) => sum(page.ratings, 'count');
	await rate(await over(), { level: 5 });
	await until('it is counted', async () => of(await board()) === of(before) + 1);
	assert.deepEqual(await board(`&generation=${before.generation}`), before, 'a look that has begun does not see it');
	assert_control(await g.control('POST', `/control/scoreboard?${span}&generation=${before.generation + 1e9}`));
	const lines = await pages(`/v1/staff/scoreboard?${span}`, supervisor);
	assert.equal(lines.reduce((n, line) => n + line.ratings.count, 0), await count('SELECT COUNT(*) FROM rating'));
	assert.deepEqual(await pages(`/v1/staff/scoreboard?${span}`, await hire(security, system, 'vo.elsewhere', '621228', 'supervisor')).then((l) => l.filter((line) => line.ratings.count > 0)), []);
	for (const by of ['satisfaction', 'in_time']) {
		const ranks = await pages(`/v1/staff/scoreboard/ranking?${span}&by=${by}&limit=1`, supervisor);
		assert.ok(ranks.length >= 1 && ranks.every((r, i) => i === 0 || r.share_basis_points <= ranks[i - 1].share_basis_points));
		assert.deepEqual(ranks, await pages(`/v1/staff/scoreboard/ranking?${span}&by=${by}`, supervisor));
		if (by === 'satisfaction') assert.equal(ranks.reduce((n, r) => n + r.count, 0), await count('SELECT COUNT(*) FROM rating'));
	}
	assert_problem(await supervisor.ask('GET', `/v1/staff/scoreboard/ranking?${span}&by=luck`), 400, 'invalid_query');
	assert_problem(await clerk.ask('GET', `/v1/staff/scoreboard?${span}`), 403, 'forbidden');
	assert.match(await g.command('scoreboard', '--from', today, '--to', today), /ratings_not_poor.*\r\n[^]*voices_answered/);
});

test('everybody may see how departments serve, month by month, and never what one person said', async () => {
	const shown = async (query = '') => {
		const items = [];
		for (let next = ''; next !== null; ) {
			const answer = await g.get(`/v1/scoreboard?limit=1${query}${next && `&cursor=${next}`}`);
			assert.deepEqual([answer.status, answer.headers['cache-control']], [200, 'public, max-age=60'], answer.text);
			items.push(...answer.json.items);
			next = answer.json.next_cursor;
		}
		return items.find((i) => i.department.code === w.matter.department.code);
	};
	const ranked = async (by) => {
		const answer = await g.get(`/v1/scoreboard/ranking?by=${by}`);
		assert.equal(answer.status, 200, answer.text);
		return answer.json.items.find((i) => i.department.code === w.matter.department.code);
	};
	// What is counted is a fact of today, and this month is not over: these rows are of the last, and of one fact of before.
	const now = new Date(Date.now() + 8 * 3600e3), last = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 0)), day = last / 86400e3, month = last.toISOString().slice(0, 7);
	const unrated = [];
	for (let i = 0; i < 10; i++) unrated.push(await over());
	const add_rating = (c, level) => g.sql(`INSERT INTO rating (id, fact, case_id, level, tags, channel, day, department, region) SELECT 900000 + id, 1, id, ${level}, 0, 1, ${day}, department, region FROM cases
		WHERE case_no = '${c.case_no}'`);
	for (const c of unrated.slice(0, 9)) await add_rating(c, 4);
	await g.sql(`INSERT INTO clock_event (id, fact, case_id, kind, what, day, begun, days, due, department, region) SELECT 900000 + id, 1, id, 2, 4 + id % 2, ${day}, ${day} - 3, 3, ${day}, department, region
		FROM cases WHERE department = (SELECT id FROM department WHERE code = '${w.matter.department.code}')`);
	const kept = await count(`SELECT COUNT(*) FROM clock_event WHERE what = 4 AND day = ${day}`), all = await count(`SELECT COUNT(*) FROM clock_event WHERE what >= 4 AND day = ${day}`);
	assert.deepEqual([(await shown()).ratings, await ranked('satisfaction')], [null, undefined], 'nine are too few');
	await add_rating(unrated[9], 1);
	const line = await shown();
	assert.deepEqual(line.ratings, { count: 10, average_hundredths: 370, satisfied_basis_points: 9000 });
	assert.deepEqual(line.limits, [{ kind: 'promised', in_time: kept, late: all - kept, in_time_basis_points: Math.floor(kept * 10000 / all) }]);
	assert.deepEqual(await shown(`&month=${month}`), line);
	const { count: n, good, share_basis_points } = await ranked('satisfaction');
	assert.deepEqual([n, good, share_basis_points, (await ranked('in_time')).count], [10, 9, 9000, all]);
	for (const wrong of [now.toISOString().slice(0, 7), '2026-13', '2026-1', '2026', '2026-10-01', `${now.getUTCFullYear() + 1}-01`, ''])
		for (const target of ['/v1/scoreboard?', '/v1/scoreboard/ranking?by=in_time&']) assert_problem(await g.get(`${target}month=${wrong}`), 400, 'invalid_query');
	assert_problem(await g.get('/v1/scoreboard/ranking?by=luck'), 400, 'invalid_query');
	assert_problem(await g.get('/v1/scoreboard?region=621202'), 400, 'invalid_query');
	assert_problem(await g.get('/v1/scoreboard?cursor=AAAA'), 400, 'invalid_cursor');
});

function assert_control(answer) {
	assert.deepEqual([answer.status, answer.json.code], [400, 'invalid_cursor'], answer.text);
}
