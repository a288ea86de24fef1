// Goal: an application is written on one device and on another without losing anything, handed in once, and is then a case that its department reads; a guide that
// changed meanwhile, answers that do not fit, a second hand and somebody else's draft are refused in words that say what to do.
// Method: one matter with a form, people by development tokens, the department's own events; each kind of bad use once, the rows by g.sql.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { assert_problem, id_number, now, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { png } from './lib/media.mjs';
import { source_dir } from './lib/openapi.mjs';
import { until } from './lib/until.mjs';

const g = await gateway({ settings: { 'rate.write': 0, 'rate.read': 0, 'rate.public': 0, 'rate.department': 0 } });
const w = await world(g);
const form = [
	{ key: 'owner', label: '姓名', type: 'text', required: true, min: 2, max: 30, pattern: 'han_name' },
	{ key: 'place', label: '场所', type: 'choice', required: true, choices: [{ value: 'shop', label: '店铺' }, { value: 'net', label: '网络' }] },
	{ key: 'url', label: '网址', type: 'text', required: true, depends_on: { field: 'place', is: 'net' } },
	{ key: 'phone', label: '电话', type: 'phone', required: true },
];
const sample = JSON.parse(readFileSync(path.join(source_dir, 'tests/unit/data/guide.json'), 'utf8'));
const materials = sample.materials.map((m, i) => (i === 0 ? { ...m, from_form: true } : m));
const guide = (more = {}) => ({ ...structuredClone(sample), materials, code: w.matter.code, department: w.matter.department.code, region: w.region, places: [], form, ...more });

async function load(...guides) {
	const file = path.join(g.state, 'guides.jsonl');
	writeFileSync(file, guides.map((one) => `${JSON.stringify(one)}\n`).join(''));
	return g.command('import', 'guides', file);
}
const { waived_by, ...may_follow } = sample.materials[1];
const follow = guide({ code: 'FOLLOW-1', name: '可以容缺', form: [], materials: [materials[0], may_follow, { ...may_follow, name: '场所照片' }] });
const sensitive = guide({ code: 'SENSITIVE-1', name: '须核验本人', form: [], materials: [materials[0]], level: 'real_person' });
await load(guide(), guide({ code: 'WINDOW-1', name: '只在窗口办理', online: 'query' }), follow, sensitive);

const token = await g.citizen(id_number(701)), stranger = await g.citizen(id_number(702));
const post = (target, { body, as = token, key = randomUUID(), headers } = {}) => g.ask('POST', target, { token: as, key, body, headers });
const begin = async (as = token, matter = w.matter.code) => {
	const made = await post('/v1/applications', { as, body: { matter } });
	assert.equal(made.status, 201, made.text);
	return `/v1/applications/${made.json.id}`;
};
const save = (at, answers, edition, { as = token, headers = {} } = {}) => g.ask('PUT', at, { token: as, body: { answers }, headers: { ...(edition ? { 'if-match': `"${edition}"` } : {}), ...headers } });
const good = { owner: '王小明', place: 'shop', phone: '13900000000' };
const handed_in = async (answers = good, as = token) => {
	const at = await begin(as);
	assert.equal((await save(at, answers, 1, { as })).status, 200);
	const done = await post(`${at}/submit`, { as });
	assert.equal(done.status, 201, done.text);
	return { at, ...done.json };
};
const report = (case_ref, seq, event, more = {}) => g.ask('POST', '/v1/department/events', { token: w.department, key: randomUUID(),
	body: { event_id: randomUUID(), case_ref, seq, event, occurred_at: now(), ...more } });
// What such an event says it wants.
const missing = (item = { material: 2 }, days = 5) => ({ demand: { days, items: [{ ...item, reason: '已过期' }] } });
const count_of = (where) => g.sql(`SELECT COUNT(*) FROM ${where}`);

test('written on two devices, handed in once, read by its department', async () => {
	const at = await begin();
	const first = await g.get(at, { token });
	assert.deepEqual([first.json.state, first.json.edition, first.headers.etag, first.json.next.action], ['draft', 1, '"1"', 'submit']);
	assert.deepEqual(first.json.open.map((o) => o.pointer), ['/answers/owner', '/answers/place', '/answers/phone']);
	// half done is kept, and says what is open
	const half = await save(at, { owner: 'x', place: 'net' }, 1);
	assert.deepEqual([half.status, half.json.edition, half.headers.etag], [200, 2, '"2"']);
	assert.deepEqual(half.json.open, [{ pointer: '/answers/owner', reason: 'out_of_bounds' }, { pointer: '/answers/url', reason: 'missing' }, { pointer: '/answers/phone', reason: 'missing' }]);
	// another device was behind
	assert.equal(assert_problem(await save(at, good, 1), 412, 'precondition_failed').json.edition, 2);
	assert_problem(await save(at, good), 428, 'precondition_needed');
	assert_problem(await save(at, good, 0), 428, 'precondition_needed');
	assert_problem(await save(at, good, undefined, { headers: { 'if-match': '*' } }), 412, 'precondition_failed');
	const refused = assert_problem(await post(`${at}/submit`), 422, 'invalid_form');
	assert.deepEqual(refused.json.errors, half.json.open);
	assert.equal((await save(at, good, 2)).json.edition, 3);
	assert.equal((await save(at, good, 2)).json.edition, 3); // its answer was lost
	// once, and a repeat hears the same
	const key = randomUUID();
	const done = await post(`${at}/submit`, { key });
	assert.equal(done.status, 201, done.text);
	assert.deepEqual([done.json.state, done.json.seq, done.json.submission, done.headers.location], ['submitted', 1, 1, `/v1/cases/${done.json.case_no}`]);
	const again = await post(`${at}/submit`, { key });
	assert.deepEqual([again.status, again.headers['idempotency-replayed'], again.json], [201, 'true', done.json]);
	assert.equal(assert_problem(await post(`${at}/submit`), 409, 'application_state').json.case_no, done.json.case_no);
	assert_problem(await save(at, { ...good, owner: '李小明' }, 4), 409, 'application_state');
	assert_problem(await g.ask('DELETE', at, { token }), 409, 'application_state');
	assert.equal((await g.get(`/v1/cases/${done.json.case_no}`, { token })).json.state, 'submitted');
	// she is told
	const { items } = (await g.get('/v1/messages', { token })).json;
	assert.deepEqual(items.filter((m) => m.case_no === done.json.case_no).map((m) => m.template), ['you_submitted']);
	// its department finds it in the feed, and reads it
	const found = await until('the event is sealed', async () => (await g.get('/v1/department/feed?limit=100', { token: w.department })).json.items.find((i) => i.case_no === done.json.case_no));
	assert.deepEqual([found.event, found.case_ref, found.seq], ['submitted', done.json.case_no, 1]);
	const target = `/v1/department/cases/${found.case_ref}/application`;
	const read = await g.get(target, { token: w.department });
	assert.deepEqual([read.status, read.json.answers, read.json.submission, read.json.guide_version, read.json.applicant.id_number], [200, good, 1, 1, id_number(701)]);
	assert_problem(await g.get(target, { token: w.other_department }), 404, 'not_found');
	assert_problem(await g.get('/v1/department/cases/T-none/application', { token: w.department }), 404, 'not_found');
	assert.equal(count_of(`audit a JOIN cases c ON c.id = a.subject_id WHERE a.act = 133 AND c.case_no = '${done.json.case_no}'`), '1');
	// sealed
	assert.equal(count_of("application WHERE CAST(answers AS TEXT) LIKE '%13900000000%' OR CAST(answers AS TEXT) LIKE '%3133393030303030303030%'"), '0');
	// and goes on by its ordinary events
	assert.equal((await report(found.case_ref, 2, 'accepted')).status, 201);
	assert.equal((await g.get(at, { token })).json.case_state, 'accepted');
});

test('two hands at once: one case', async () => {
	const at = await begin();
	assert.equal((await save(at, good, 1)).status, 200);
	const answers = await Promise.all(Array.from({ length: 8 }, () => post(`${at}/submit`)));
	assert.deepEqual(answers.filter((a) => a.status === 201).length, 1);
	for (const a of answers.filter((one) => one.status !== 201)) assert.ok([409, 412].includes(a.status), a.text);
	assert.equal(count_of(`cases WHERE person = (SELECT person FROM cases WHERE case_no = '${answers.find((a) => a.status === 201).json.case_no}') AND guide IS NOT NULL`), '2');
});

test('what came back is handed in again, and each time is kept', async () => {
	const { at, case_no } = await handed_in();
	assert_problem(await report(case_no, 2, 'pre_returned', { note: '请补充网址' }), 422, 'missing_field');
	assert.equal((await report(case_no, 2, 'pre_returned', { note: '请补充网址', ...missing({ field: 'url' }) })).status, 201);
	const back = (await g.get(at, { token })).json;
	assert.deepEqual([back.editable, back.next.action, back.case_state], [true, 'supplement', 'pre_returned']);
	assert.equal((await save(at, { ...good, place: 'net', url: 'shop.example' }, back.edition)).status, 200);
	// until it is handed in, the department sees what it had
	assert.deepEqual((await g.get(`/v1/department/cases/${case_no}/application`, { token: w.department })).json.answers, good);
	const again = await post(`${at}/submit`);
	assert.deepEqual([again.status, again.json.case_no, again.json.seq, again.json.submission, again.json.state], [201, case_no, 3, 2, 'submitted']);
	const read = (await g.get(`/v1/department/cases/${case_no}/application`, { token: w.department })).json;
	assert.deepEqual([read.submission, read.seq, read.answers.url], [2, 3, 'shop.example']);
	assert.deepEqual(read.changes, { since: 1, items: [{ pointer: '/answers/place', change: 'changed' }, { pointer: '/answers/url', change: 'added' }] });
	assert.deepEqual((await g.get(at, { token })).json.changes, read.changes);
	// a department that did not see it yet is told the next number
	assert.equal(assert_problem(await report(case_no, 3, 'received'), 409, 'seq_taken').json.next_seq, 4);
	for (const [seq, event, more] of [[4, 'received'], [5, 'correct_pre_asked', missing()]]) assert.equal((await report(case_no, seq, event, more)).status, 201);
	assert.equal((await post(`${at}/submit`)).json.state, 'received');
	for (const [seq, event, more] of [[7, 'accepted'], [8, 'correct_asked', missing({ name: '居委会证明' })]]) assert.equal((await report(case_no, seq, event, more)).status, 201);
	assert.deepEqual((await post(`${at}/submit`)).json.state, 'accepted');
	assert.deepEqual((await g.get('/v1/messages?limit=100', { token })).json.items.filter((m) => m.case_no === case_no).map((m) => m.template).reverse(),
		['you_submitted', 'demand_pre_returned', 'you_submitted', 'demand_correct_pre_asked', 'you_correct_pre_done', 'accepted', 'demand_correct_asked', 'you_correct_done']);
	// withdrawn, once
	const out = await post(`${at}/withdraw`);
	assert.deepEqual([out.status, out.json.state], [200, 'withdrawn']);
	assert_problem(await post(`${at}/withdraw`), 409, 'illegal_move');
	assert_problem(await post(`${at}/submit`), 409, 'application_state');
});

test('told once what is missing, in the words of the guide, and when it is not', async () => {
	const { case_no } = await handed_in(), at = `/v1/cases/${case_no}/demands`;
	assert_problem(await report(case_no, 2, 'correct_pre_asked', { demand: { days: 5, items: [{ material: 2, reason: '请打13900000000' }] } }), 422, 'invalid_field');
	assert_problem(await report(case_no, 2, 'not_accepted'), 422, 'missing_field');
	assert_problem(await report(case_no, 3, 'not_accepted'), 422, 'missing_field'); // nor does it wait without
	const most = Array.from({ length: 20 }, (_, n) => ({ name: `${n}`.padEnd(100, '证'), reason: '缺'.repeat(200) })); // as long as may be, and early
	assert.equal((await report(case_no, 40, 'correct_asked', { demand: { days: 90, items: most } })).status, 202);
	assert_problem(await report(case_no, 41, 'correct_asked', { demand: { days: 90, items: [...most, most[0]] } }), 422, 'invalid_field');
	const items = [{ material: 2, reason: '已过期' }, { field: 'owner', reason: '与证件不符' }, { name: '居委会证明', reason: '没有' }];
	assert.equal((await report(case_no, 2, 'correct_pre_asked', { demand: { days: 5, items } })).status, 201);
	const [asked] = (await g.get(at, { token })).json.items;
	assert.deepEqual(asked.items, [{ material: 2, name: materials[1].name, reason: '已过期', added: false }, { field: 'owner', name: '姓名', reason: '与证件不符', added: false },
		{ name: '居委会证明', reason: '没有', added: true }]);
	assert.deepEqual([asked.seq, asked.kind, asked.open, asked.asked_again, asked.over, asked.working_days], [2, 'asked', true, false, false, 5]);
	const { body } = (await g.get('/v1/messages', { token })).json.items[0];
	assert.ok(body.includes(materials[1].name) && body.includes('居委会证明') && body.includes(asked.due_on), body);
	assert.ok((await g.get('/v1/messages', { token, lang: 'en' })).json.items[0].body.includes(`by ${asked.due_on}`));
	assert_problem(await g.get(at, { token: stranger }), 404, 'not_found');
	assert.equal((await report(case_no, 3, 'correct_pre_done')).status, 201);
	assert.equal((await report(case_no, 4, 'correct_pre_asked', missing())).status, 201);
	assert.equal((await report(case_no, 5, 'not_accepted', { demand: { items: [{ condition: 1, reason: '住所不合法' }] } })).status, 201);
	assert.deepEqual((await g.get(at, { token })).json.items.map((d) => [d.seq, d.kind, d.open, d.asked_again]), [[5, 'refused', false, false], [4, 'asked', false, true], [2, 'asked', false, false]]);
	assert.equal((await g.get(`${at}?limit=2`, { token })).json.items.length, 2);
	const found = await until('it is in the feed', async () => {
		const tallies = (await g.get('/v1/department/tallies/feed?limit=100', { token: w.department })).json.items.filter((t) => t.case_no === case_no);
		return tallies.length === 5 && tallies;
	});
	assert.deepEqual(found.map((t) => [t.what, t.n]), [['asked_before_acceptance', 1], ['added_requirement', 1], ['asked_before_acceptance', 2], ['asked_again', 1], ['ended', 0]]);
	const today = now().slice(0, 10), { tallies } = (await g.control('POST', `/control/scoreboard?from=${today}&to=${today}`)).json;
	assert.ok(tallies.some((t) => t.added_requirements > 0 && t.asked_again > 0 && t.supplements_over === 0));
	assert.match(await g.command('scoreboard', '--from', today, '--to', today), /"added_requirements",\d/);
});

test('accepted without what may follow, which is listed, uploaded and handed in', async () => {
	const at = await begin(token, 'FOLLOW-1');
	const up = (n, body) => g.ask('POST', `${at}/materials/${n}`, { token, key: randomUUID(), body, type: 'image/png' });
	assert.deepEqual((await g.get(at, { token })).json.may_follow, [2, 3]);
	assert.equal((await up(3, png())).status, 201);
	const done = await post(`${at}/submit`);
	assert.equal(done.status, 201, done.text);
	const { case_no } = done.json, target = `/v1/department/cases/${case_no}/application`;
	assert.deepEqual((({ may_follow: missing_now, changes }) => [missing_now, changes])((await g.get(target, { token: w.department })).json), [[2], null]);
	assert.equal(assert_problem(await report(case_no, 2, 'accepted'), 422, 'missing_field').json.material, 2);
	assert.equal((await report(case_no, 2, 'accepted', { demand: { days: 10, items: [{ material: 2, reason: '容缺受理' }] } })).status, 201);
	const [wanted] = (await g.get(`/v1/cases/${case_no}/demands`, { token })).json.items;
	assert.deepEqual([wanted.kind, wanted.open, wanted.items[0].material], ['follows', true, 2]);
	assert.equal((await g.get('/v1/messages', { token })).json.items[0].template, 'demand_accepted');
	const now_open = (await g.get(at, { token })).json;
	assert.deepEqual([now_open.editable, now_open.takes_files, now_open.next.action], [false, true, 'supplement']);
	// that, and nothing else
	assert_problem(await save(at, {}, now_open.edition), 409, 'application_state');
	assert_problem(await up(3, png({ fill: 1 })), 409, 'application_state');
	assert_problem(await g.ask('DELETE', `${at}/materials/${now_open.materials[0].id}`, { token }), 409, 'application_state');
	assert.deepEqual(assert_problem(await post(`${at}/submit`), 422, 'invalid_form').json.errors, [{ pointer: '/materials/2', reason: 'missing' }]);
	const file = (await up(2, png({ fill: 2 }))).json.id;
	const again = await post(`${at}/submit`);
	assert.deepEqual([again.status, again.json.state, again.json.submission], [201, 'accepted', 2]);
	assert_problem(await post(`${at}/submit`), 409, 'application_state');
	const read = (await g.get(target, { token: w.department })).json;
	assert.deepEqual([read.may_follow, read.changes], [[], { since: 1, items: [{ pointer: '/materials/2', change: 'added', id: file }] }]);
	assert.equal((await g.get(`/v1/cases/${case_no}/demands`, { token })).json.items[0].open, false);
	assert.equal((await report(case_no, 4, 'decided_ok')).status, 201);
});

test('a matter that asks for his face is not handed in without', async () => {
	const at = await begin(token, 'SENSITIVE-1');
	assert.equal((await g.get(at, { token })).json.level, 3);
	const refused = assert_problem(await post(`${at}/submit`), 403, 'level_too_low').json;
	assert.deepEqual([refused.needed_level, refused.step], [3, 'live_face']);
});

test('a newer guide: the draft goes over, and what was handed in stays', async () => {
	const { case_no } = await handed_in(), at = await begin();
	assert.equal((await save(at, { ...good, place: 'net', url: 'shop.example' }, 1)).status, 200);
	await load(guide({ form: [...form.filter((f) => f.key !== 'url'), { key: 'people', label: '人数', type: 'number', required: true, min: 1, max: 9 }] }),
		guide({ code: 'WINDOW-1', name: '只在窗口办理', online: 'query' }));
	const behind = assert_problem(await post(`${at}/submit`), 409, 'application_outdated').json;
	assert.deepEqual([behind.pinned_version, behind.current_version], [1, 2]);
	assert.deepEqual((({ outdated, next }) => [outdated, next.action])((await g.get(at, { token })).json), [true, 'renew']);
	const over = await post(`${at}/renew`, { key: undefined });
	assert.deepEqual([over.status, over.json.guide_version, over.json.dropped, over.json.open], [200, 2, ['url'], [{ pointer: '/answers/people', reason: 'missing' }]]);
	assert.equal((await post(`${at}/renew`, { key: undefined })).json.edition, over.json.edition);
	assert.equal((await save(at, { ...good, people: 3 }, over.json.edition)).status, 200);
	assert.equal((await post(`${at}/submit`)).status, 201);
	assert.equal((await g.get(`/v1/department/cases/${case_no}/application`, { token: w.department })).json.guide_version, 1);
});

test('whose it is', async () => {
	const at = await begin();
	for (const [method, target, more] of [['GET', at], ['PUT', at, { body: { answers: good }, headers: { 'if-match': '"1"' } }], ['DELETE', at], ['POST', `${at}/renew`],
		['POST', `${at}/submit`, { key: randomUUID() }], ['POST', `${at}/withdraw`, { key: randomUUID() }]])
		assert_problem(await g.ask(method, target, { token: stranger, ...more }), 404, 'not_found');
	assert.deepEqual((await g.get('/v1/applications', { token: stranger })).json.items, []);
	assert.equal((await g.ask('DELETE', at, { token })).status, 204);
	assert_problem(await g.get(at, { token }), 404, 'not_found');
	assert_problem(await post(`${await begin()}/withdraw`), 409, 'application_state');
});

test('for another, by his yes', async () => {
	const number = id_number(703), elder = await g.citizen(number);
	const opened = await g.ask('POST', '/v1/department/events', { token: w.department, key: randomUUID(), body: { event_id: randomUUID(), case_ref: `T-${randomUUID()}`, seq: 1,
		event: 'submitted', occurred_at: now(), matter: w.matter.code, region: w.region, applicant: { id_type: 'resident', id_number: number, name: '李大娘' } } });
	assert.equal(opened.status, 201, opened.text);
	const mandate = async (scopes) => {
		const { json: { id } } = await post('/v1/me/mandates', { body: { kind: scopes === 'apply' ? 'agent' : 'helper', id_number: number, name: '李大娘', scopes, until: now(3600e3) } });
		assert.equal((await post(`/v1/me/mandates/${id}/accept`, { as: elder })).status, 200);
		return { 'x-acting-for': id };
	};
	const headers = await mandate('apply'), other = await mandate('see_cases');
	assert_problem(await post('/v1/applications', { body: { matter: w.matter.code }, headers: other }), 403, 'mandate_scope');
	const made = await post('/v1/applications', { body: { matter: w.matter.code }, headers });
	const at = `/v1/applications/${made.json.id}`;
	assert.equal((await save(at, { ...good, people: 1 }, 1, { headers })).status, 200);
	assert_problem(await g.get(at, { token }), 404, 'not_found'); // it is hers
	const done = await post(`${at}/submit`, { headers });
	assert.equal(done.status, 201, done.text);
	assert.equal((await g.get(`/v1/cases/${done.json.case_no}`, { token: elder })).status, 200);
	assert.equal((await g.get('/v1/messages', { token: elder })).json.items[0].template, 'you_submitted');
	assert.equal(count_of(`audit a JOIN cases c ON c.id = a.subject_id WHERE a.act = 130 AND a.for_id = c.person AND c.case_no = '${done.json.case_no}'`), '1');
});

test('what cannot be taken', async () => {
	const at = await begin();
	const wrong = async (answers, errors) => assert.deepEqual(assert_problem(await save(at, answers, 1), 422, 'invalid_form').json.errors, errors);
	await wrong({ owner: 7, salary: 1 }, [{ pointer: '/answers/salary', reason: 'unknown' }, { pointer: '/answers/owner', reason: 'not_a_text' }]);
	await wrong({ owner: 'x'.repeat(9000) }, [{ pointer: '/answers/owner', reason: 'out_of_bounds' }]);
	assert_problem(await g.ask('PUT', at, { token, body: { answers: good, status: 'approved' }, headers: { 'if-match': '"1"' } }), 422, 'unknown_field');
	assert_problem(await g.ask('PUT', at, { token, body: { answers: [] }, headers: { 'if-match': '"1"' } }), 422, 'invalid_field');
	assert_problem(await g.ask('PUT', at, { token, body: { answers: { owner: 'x'.repeat(30000) } }, headers: { 'if-match': '"1"' } }), 413, 'body_too_large');
	assert_problem(await post('/v1/applications', { body: { matter: 'NONE' } }), 422, 'invalid_field');
	assert_problem(await post('/v1/applications', { body: { matter: 'WINDOW-1' } }), 409, 'not_online');
	assert_problem(await post('/v1/applications', { body: { matter: w.matter.code, region: '110000' } }), 422, 'invalid_field');
	const many = await g.citizen(id_number(704));
	for (let i = 0; i < 20; i++) await begin(many);
	assert.equal(assert_problem(await post('/v1/applications', { as: many, body: { matter: w.matter.code } }), 409, 'too_many_drafts').json.most, 20);
	const page = (await g.get('/v1/applications?limit=15', { token: many })).json;
	assert.equal(page.items.length, 15);
	assert.equal((await g.get(`/v1/applications?limit=15&cursor=${page.next_cursor}`, { token: many })).json.items.length, 5);
});
