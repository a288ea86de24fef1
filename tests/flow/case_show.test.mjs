// Goal: a person sees the own cases and no other; unchanged answers cost a 304; a case of somebody else is as one that does not exist.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Case, assert_problem, with_check_digit, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';

const g = await gateway();
const w = await world(g);
const c = await new Case(g, w).live('submitted', 'received');

test('what a person sees of a case', async () => {
	const { json } = await c.show();
	assert.equal(json.case_no, c.case_no);
	assert.deepEqual(json.matter, { code: w.matter.code, name: w.matter.name });
	assert.equal(json.department.name, w.matter.department.name);
	assert.equal(json.region.code, w.region);
	assert.deepEqual([json.type, json.state, json.status, json.last_seq], ['commitment', 'received', 'checking', 2]);
	assert.equal(json.status_text, '受理审查中');
	assert.equal(json.next.action, 'wait');
	assert.ok(json.next.text.length > 5);
	assert.match(json.updated_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+08:00$/);
});

test('in English when asked, and a client that kept the Chinese answer is not told that it is unchanged', async () => {
	const zh = await c.show(), en = await c.show({ lang: 'en-GB, zh;q=0.5' });
	assert.equal(en.headers['content-language'], 'en');
	assert.equal(en.json.status_text, 'Being checked');
	assert.equal(en.json.status, zh.json.status);
	assert.notEqual(en.headers.etag, zh.headers.etag);
	assert.equal((await c.show({ lang: 'en', headers: { 'if-none-match': zh.headers.etag } })).status, 200);
});

for (const via of ['h2', 'h1'])
	test(`an unchanged case is a 304, a changed one is not (${via})`, async () => {
		const mine = await new Case(g, w).live('submitted');
		const first = await mine.show({ via });
		const same = await mine.show({ via, headers: { 'if-none-match': first.headers.etag } });
		assert.equal(same.status, 304);
		assert.equal(same.text, '');
		assert.equal(same.headers.etag, first.headers.etag);
		assert.equal((await mine.show({ via, headers: { 'if-none-match': `"other", ${first.headers.etag}` } })).status, 304);
		assert.equal((await mine.show({ via, headers: { 'if-none-match': '*' } })).status, 304);
		await mine.send('received');
		const changed = await mine.show({ via, headers: { 'if-none-match': first.headers.etag } });
		assert.equal(changed.status, 200);
		assert.notEqual(changed.headers.etag, first.headers.etag);
	});

test('a read sees every write that was acknowledged before it, on any connection', async () => {
	const mine = await new Case(g, w).live('submitted');
	const path = ['received', 'accepted', 'paused', 'resumed', 'paused', 'resumed', 'paused', 'resumed', 'decided_ok', 'done', 'delivered'];
	for (const event of path) {
		await mine.send(event);
		const answers = await Promise.all([mine.show(), mine.show({ via: 'h1' }), mine.show({ via: 'h1' }), mine.show({ via: 'h1' })]);
		for (const a of answers) assert.equal(a.json.last_seq, mine.seq);
	}
});

const blank = (answer) => answer.text.replaceAll(answer.json.request_id, '').replaceAll(answer.json.trace_id, '');

test('another person\'s case and an unknown one are the same answer', async () => {
	const unknown_no = `LN${with_check_digit(c.case_no.slice(2, 16) + String((Number(c.case_no.slice(16, 24)) + 1) % 1e8).padStart(8, '0'))}`;
	for (const tail of ['', '/events']) {
		const theirs = await g.get(`/v1/cases/${c.case_no}${tail}`, { token: w.stranger });
		const none = await g.get(`/v1/cases/${unknown_no}${tail}`, { token: w.stranger });
		const nonsense = await g.get(`/v1/cases/LN1${tail}`, { token: w.stranger });
		for (const answer of [theirs, none, nonsense]) assert_problem(answer, 404, 'not_found');
		assert.equal(blank(theirs), blank(none));
		assert.equal(blank(theirs), blank(nonsense));
		assert.deepEqual(Object.keys(theirs.headers).sort(), Object.keys(none.headers).sort());
	}
	const stolen = await g.get(`/v1/cases/${c.case_no}`, { token: w.stranger, headers: { 'if-none-match': (await c.show()).headers.etag } });
	assert_problem(stolen, 404, 'not_found');
});

for (const via of ['h2', 'h1'])
	test(`HEAD is GET without the body (${via})`, async () => {
		const get = await c.show({ via });
		const head = await g.ask('HEAD', `/v1/cases/${c.case_no}`, { token: w.citizen, via });
		assert.equal(head.status, 200);
		assert.equal(head.text, '');
		assert.equal(head.headers['content-length'], String(Buffer.byteLength(get.text)));
		assert.equal(head.headers.etag, get.headers.etag);
	});

test('the length is told where the answer does not tell it itself', async () => {
	const short = await c.show({ via: 'h1' });
	assert.equal(short.headers['content-length'], String(Buffer.byteLength(short.text)));
	assert.equal((await c.show({ via: 'h2' })).headers['content-length'], undefined, 'one frame, which bears it');
	await Promise.all(Array.from({ length: 40 }, () => new Case(g, w).live('submitted')));
	const long = await g.get('/v1/cases?limit=100', { token: w.citizen, via: 'h2' });
	assert.ok(Buffer.byteLength(long.text) > 16384, String(long.text.length));
	assert.equal(long.headers['content-length'], String(Buffer.byteLength(long.text)));
});

test('events are told oldest first, with what the public may read', async () => {
	const mine = await new Case(g, w).live('submitted');
	await mine.send('correct_pre_asked', { note: '请补交户口簿复印件' });
	const { json } = await g.get(`/v1/cases/${mine.case_no}/events`, { token: w.citizen });
	assert.deepEqual(json.items.map((e) => [e.seq, e.event, e.status]), [[1, 'submitted', 'submitted'], [2, 'correct_pre_asked', 'needs_you']]);
	assert.equal(json.items[1].note, '请补交户口簿复印件');
	assert.equal(json.next_cursor, null);
});

test('a private answer is not kept by anybody else', async () => {
	assert.match((await c.show()).headers['cache-control'], /private|no-store/);
	assert.equal((await g.get('/v1/cases', { token: w.citizen })).headers['cache-control'], 'no-store');
});

test('neither number nor token of a person is in the log', async () => {
	const log = g.log();
	for (const secret of [w.person, w.person.slice(6, 14) + w.person.slice(14), w.citizen, w.department]) assert.ok(!log.includes(secret));
});
