// Goal: a submission is done once, however often it is sent: replayed with the same answer, also after a crash; never mixed up with
// another; and two at once do not race.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { Case, assert_problem, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';

const g = await gateway();
const w = await world(g);
const case_of = async () => new Case(g, w).live('submitted');
const post = (body, headers = {}) => g.ask('POST', '/v1/department/events', { token: w.department, body, headers });
const events_of = async (c) => (await g.get(`/v1/cases/${c.case_no}/events`, { token: w.citizen })).json.items.length;
const is_replay = (answer) => answer.headers['idempotency-replayed'] === 'true';

test('a key is needed, and must be one', async () => {
	const c = await case_of(), body = c.body('received');
	assert_problem(await post(body), 400, 'idempotency_key_missing');
	for (const key of ['', 'short', 'x'.repeat(256), 'with space 1', '"seven77"'])
		assert_problem(await post(body, { 'idempotency-key': key }), 400, 'idempotency_key_invalid');
	assert.equal(await events_of(c), 1);
	assert.equal((await post(body, { 'idempotency-key': 'x'.repeat(255) })).status, 201);
});

for (const via of ['h2', 'h1'])
	test(`a repeat gets the same bytes and does nothing (${via})`, async () => {
		const c = await case_of(), body = c.body('received'), key = randomUUID();
		const first = await c.post(body, { key, via });
		assert.ok(!is_replay(first));
		for (let i = 0; i < 3; i++) {
			const again = await c.post(body, { key, via });
			assert.equal(again.status, 201);
			assert.equal(again.text, first.text);
			assert.ok(is_replay(again));
		}
		assert.equal(await events_of(c), 2);
	});

test('quoted as the draft says or bare, it is the same key', async () => {
	const c = await case_of(), body = c.body('received'), key = randomUUID();
	await c.post(body, { key });
	assert.ok(is_replay(await c.post(body, { key: `"${key}"` })));
});

test('a held answer is replayed as held, though the gap is closed meanwhile', async () => {
	const c = await case_of(), body = c.body('accepted', { seq: 3 }), key = randomUUID();
	const held = await c.post(body, { key });
	assert.equal(held.status, 202);
	await c.send('received');
	const again = await c.post(body, { key });
	assert.equal(again.status, 202);
	assert.equal(again.text, held.text);
	assert.equal(again.headers.location, held.headers.location);
});

test('an opening answer with what it released is replayed in full', async () => {
	const c = new Case(g, w), body = c.body('submitted'), key = randomUUID();
	await c.send('accepted', { seq: 3, expect: 202 });
	await c.send('received', { seq: 2, expect: 202 });
	const first = await c.post(body, { key });
	assert.deepEqual(first.json.released, [2, 3]);
	await c.post(c.body('decided_ok', { seq: 4 }));
	assert.equal((await c.post(body, { key })).text, first.text, 'as it was then, not as it is now');
});

test('the same key with other content is refused and does nothing', async () => {
	const c = await case_of(), key = randomUUID(), body = c.body('received');
	await c.post(body, { key });
	assert_problem(await c.post(c.body('accepted', { seq: 3 }), { key }), 422, 'idempotency_key_reused');
	assert_problem(await c.post({ ...body, note: 'x' }, { key }), 422, 'idempotency_key_reused');
	assert.equal(await events_of(c), 2);
});

test('a refusal is not kept: the key may be used again when the reason is gone', async () => {
	const c = await case_of(), key = randomUUID(), body = c.body('accepted', { seq: 2 });
	body.event = 'decided_ok';
	assert_problem(await c.post(body, { key }), 409, 'illegal_move');
	assert.equal((await c.post(c.body('received'), { key })).status, 201);
});

test('keys of two departments do not meet', async () => {
	const key = randomUUID();
	const mine = new Case(g, w), theirs = new Case(g, { ...w, matter: w.elsewhere, region: w.elsewhere.region.code }, { token: w.other_department });
	assert.equal((await mine.post(mine.body('submitted'), { key })).status, 201);
	const answer = await theirs.post(theirs.body('submitted'), { key });
	assert.equal(answer.status, 201);
	assert.ok(!is_replay(answer));
});

// Two streams with one key while nothing is committed. Whose caller is known first has the key, which need not be the one that was sent
// first: callers are looked up side by side.
async function two_at_once(c, body, key) {
	const bytes = Buffer.from(JSON.stringify(body));
	const open = () => {
		const stream = g.h2.open('POST', '/v1/department/events', { authorization: `Bearer ${w.department}`, 'idempotency-key': key, 'content-type': 'application/json', 'content-length': bytes.length });
		stream.end(bytes);
		return stream;
	};
	await g.fault('committer=hold');
	const streams = [open(), open()];
	const [refused, answer] = await Promise.race(streams.map(async (stream, i) => [i, await stream.answer]));
	assert_problem(answer, 409, 'idempotency_key_in_use');
	return { answer, waiting: streams[1 - refused] };
}

test('a second with the same key while the first is on its way is told so', async () => {
	const c = await case_of(), body = c.body('received'), key = randomUUID();
	const { answer, waiting } = await two_at_once(c, body, key);
	assert.match(answer.headers['retry-after'], /^[1-9]\d*$/);
	const elsewhere = await c.post(body, { key, via: 'h1' });
	assert_problem(elsewhere, 409, 'idempotency_key_in_use');
	await g.fault('committer=');
	const first = await waiting.answer;
	assert.equal(first.status, 201);
	const third = await c.post(body, { key });
	assert.equal(third.text, first.text);
});

test('a hundred at once: one event, and nobody is told anything else', async () => {
	const c = await case_of(), body = c.body('received'), key = randomUUID();
	const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => c.post(body, { key, via: i % 10 === 0 ? 'h1' : 'h2' })));
	const done = answers.filter((a) => a.status === 201);
	for (const a of answers) assert.ok(a.status === 201 || a.status === 409, a.text);
	assert.ok(done.length >= 1);
	assert.equal(new Set(done.map((a) => a.text)).size, 1);
	assert.equal(done.filter((a) => !is_replay(a)).length, 1);
	assert.equal(await events_of(c), 2);
});

test('what was acknowledged is there after kill -9, and a repeat gets the same answer', async () => {
	const cases = await Promise.all(Array.from({ length: 20 }, case_of));
	const sent = cases.map((c) => [c, c.body('received'), randomUUID()]);
	const first = await Promise.all(sent.map(([c, body, key]) => c.post(body, { key })));
	await g.kill();
	await g.serve();
	for (const [i, [c, body, key]] of sent.entries()) {
		const again = await c.post(body, { key });
		assert.equal(again.text, first[i].text);
		assert.ok(is_replay(again));
		assert.equal(await events_of(c), 2);
	}
});

// A client that dies before its request is with the committer is let go, and nothing was done; one that dies later gets its answer. From outside
// nobody can tell which it was, so this dies until it was late enough; once is what must hold either way.
test('a client that died while waiting gets its answer by the key', async () => {
	for (let tries = 1; ; tries++) {
		const c = await case_of(), body = c.body('received'), key = randomUUID();
		const { waiting } = await two_at_once(c, body, key);
		waiting.close(8 /* CANCEL */);
		await assert.rejects(waiting.answer);
		await g.fault('committer=');
		let answer;
		do answer = await c.post(body, { key }); while (answer.status === 409);
		assert.equal(answer.status, 201);
		assert.equal(await events_of(c), 2);
		if (is_replay(answer)) return;
		assert.ok(tries < 20, 'it was let go every time');
	}
});
