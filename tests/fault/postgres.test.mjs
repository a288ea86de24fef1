// Goal: PostgreSQL may crash, hang or throw everybody out: what was acknowledged is there, once; who is refused is told so in time and with words; and the gateway is
// back as soon as the server is.
// Method: a durable PostgreSQL and a real gateway; writers with Idempotency-Keys whose own notes are the oracle.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, test } from 'node:test';
import { Case, assert_problem, world } from '../flow/lib/cases.mjs';
import { Gateway } from '../flow/lib/gateway.mjs';
import { postgres } from '../flow/lib/postgres.mjs';
import { until, within } from '../flow/lib/until.mjs';

const WRITERS = 16, HEALED_MS = 3000, REQUEST_MS = 10000, STATEMENT_MS = 500;

const server = await postgres({ durable: true });
const database = await server.database();
const g = await Gateway.start({ settings: { 'store.url': server.url(database), 'store.statement': STATEMENT_MS, 'rate.department': 0, 'log.access': 'false' } });
after(() => g.stop());
const w = await world(g);
const is_ready = () => g.admin('/readyz').then((a) => a.status === 200);

// Opens cases until told to stop; who is refused asks again with the same key.
async function open_cases(notes, goes_on) {
	while (goes_on()) {
		const note = { case: new Case(g, w), key: randomUUID() };
		note.body = note.case.body('submitted');
		await until('it is taken', async () => {
			const answer = await note.case.post(note.body, { key: note.key });
			if (answer.status !== 503) {
				assert.equal(answer.status, 201, answer.text);
				note.answer = answer.text;
				return true;
			}
			assert_problem(answer, 503, 'store_unavailable');
			assert.ok(Number(answer.headers['retry-after']) > 0);
			return false;
		});
		notes.push(note);
	}
}

test('a crash under load: nothing that was acknowledged is lost, nothing is there twice', async () => {
	const notes = [];
	let stop = false;
	const writers = Array.from({ length: WRITERS }, () => open_cases(notes, () => !stop));
	await until('there is load', () => notes.length > 5 * WRITERS);
	await server.crash();
	const back = Date.now(), before = notes.length;
	await until('it writes again', () => notes.length > before);
	assert.ok(Date.now() - back < HEALED_MS, `${Date.now() - back} ms after the server was back`);
	stop = true;
	await Promise.all(writers);
	for (const note of notes) {
		const again = await note.case.post(note.body, { key: note.key });
		assert.equal(again.status, 201, again.text);
		assert.equal(again.text, note.answer);
	}
	assert.equal(await server.say('SELECT count(*) FROM cases', database), String(notes.length));
	assert.equal(await server.say('SELECT count(*) FROM case_event', database), String(notes.length));
});

test('who is thrown out comes back, and nobody hears of it', async () => {
	await server.say(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}'`);
	const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? new Case(g, w).send('submitted') : g.get('/v1/cases', { token: w.citizen }))));
	for (const answer of answers) assert.ok(answer.status < 300, answer.text);
});

test('a server that hangs: answers in time, on every loop, and the machine’s own at once', async (t) => {
	server.hang();
	t.after(() => server.go_on());
	const began = Date.now();
	const asked = [g.get('/v1/cases', { token: w.citizen }), g.get('/v1/matters'), new Case(g, w).post(new Case(g, w).body('submitted'))];
	for (let i = 0; i < 5; i++) {
		const sent = Date.now();
		assert.equal((await g.admin('/livez')).status, 200);
		assert.ok(Date.now() - sent < STATEMENT_MS, 'a loop waited for the server');
	}
	for (const answer of await within(REQUEST_MS, 'refusals', Promise.all(asked))) {
		assert_problem(answer, 503, 'store_unavailable');
		assert.ok(Number(answer.headers['retry-after']) > 0);
	}
	await until('it says that it is not ready', async () => !(await is_ready()));
	assert.ok(Date.now() - began < REQUEST_MS);
	await until('nobody waits any more to be told', async () => {
		const sent = Date.now();
		assert_problem(await g.get('/v1/cases', { token: w.citizen }), 503, 'store_unavailable');
		return Date.now() - sent < STATEMENT_MS;
	});
	server.go_on();
	const back = Date.now();
	await until('it is ready', is_ready);
	assert.equal((await g.get('/v1/cases', { token: w.citizen })).status, 200);
	assert.ok(Date.now() - back < HEALED_MS, `${Date.now() - back} ms after the server went on`);
});

test('a start without a server is refused in words', async () => {
	await g.stop();
	await server.stop();
	const e = await g.command('serve').then(() => assert.fail('it started'), (error) => error);
	assert.match(e.stderr, /the server is away, or lets nobody in/);
});
