// Goal: what was acknowledged is there after kill -9, once, and its Idempotency-Key gets the same answer again.
// Method: many writers move many cases; the process is killed at seeded random moments in the middle of it and started again; the
// writers' own notes are the oracle. An answer that never came is asked for again with its key: done before the kill or now, but once.
// SIBAN_LONG=1: 100 rounds. SIBAN_SEED chooses the moments.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { is_long } from '../flow/lib/gateway.mjs';
import { now } from '../flow/lib/cases.mjs';
import { broken_invariants, Gateway, seeded, slack } from './lib/gateway.mjs';

const ROUNDS = is_long ? 100 : 20, CONNECTIONS = 6, CASES_EACH = 8, READY_MS = 2000;
const OLD_REPLAYS = 20; /* per round, of answers from earlier rounds */

/** received, accepted, then supplements asked and brought for ever. */
const event_of = (seq) => (seq === 1 ? 'received' : seq === 2 ? 'accepted' : seq % 2 === 1 ? 'correct_asked' : 'correct_done');

class Subject {
	constructor(gateway, ref) {
		Object.assign(this, { gateway, ref, seq: 0, case_no: null });
	}

	next() {
		const seq = this.seq + 1;
		const body = seq === 1 ? this.gateway.opening(this.ref) : { event_id: `${this.ref}-${seq}`, case_ref: this.ref, seq, event: event_of(seq), occurred_at: now() };
		return { subject: this, key: randomUUID(), seq, body: JSON.stringify(body), event_id: body.event_id };
	}
}

/** Sends one event; notes the answer only when the whole of it came. */
async function send(client, note) {
	const answer = await client.event(note.body, note.key);
	if (answer.status === 0 || answer.status === 503)
		return false;
	assert.equal(answer.status, 201, `${note.event_id}: ${answer.text}`);
	assert.equal(answer.json.seq, note.seq);
	note.answer = answer.text;
	note.subject.seq = note.seq;
	note.subject.case_no = answer.json.case_no;
	return true;
}

async function write_until_killed(client, subject, acked, open) {
	for (;;) {
		const note = subject.next();
		open.set(subject, note);
		if (!await send(client, note))
			return;
		open.delete(subject);
		acked.push(note);
	}
}

async function replay(client, note) {
	const again = await client.event(note.body, note.key);
	assert.equal(again.status, 201, `${note.event_id} again: ${again.text}`);
	assert.equal(again.text, note.answer, `${note.event_id} got another answer the second time`);
}

async function in_turn(list, width, work) {
	const rest = [...list];
	await Promise.all(Array.from({ length: width }, async () => {
		while (rest.length > 0)
			await work(rest.pop());
	}));
}

test(`kill -9 under load, ${ROUNDS} times: nothing acknowledged is lost or doubled`, { timeout: ROUNDS * 30000 * slack }, async (t) => {
	const seed = Number(process.env.SIBAN_SEED ?? 20261123), draw = seeded(seed);
	const gateway = await Gateway.make({ settings: { 'log.access': 'false' } });
	gateway.may_end_badly = true; /* kill -9 is no clean end */
	const subjects = Array.from({ length: CONNECTIONS * CASES_EACH }, (_, i) => new Subject(gateway, `K${i}`));
	const all = [];
	let unsure = 0, slowest = 0;
	await gateway.serve();
	for (let round = 0; round < ROUNDS; round++) {
		const acked = [], open = new Map(), clients = Array.from({ length: CONNECTIONS }, () => gateway.client());
		const writers = subjects.map((s, i) => write_until_killed(clients[i % CONNECTIONS], s, acked, open));
		await pause(20 + draw(400));
		await gateway.kill();
		await Promise.all(writers);
		await Promise.all(clients.map((c) => c.close()));

		const ready_ms = await gateway.serve();
		slowest = Math.max(slowest, ready_ms);
		assert.ok(ready_ms < READY_MS * slack, `round ${round}, seed ${seed}: ready only after ${ready_ms.toFixed(0)} ms`);
		const client = gateway.client();
		unsure += open.size;
		await in_turn(open.values(), 16, async (note) => {
			assert.ok(await send(client, note), `${note.event_id} has no answer after the restart`);
			acked.push(note);
		});
		await in_turn(acked, 32, (note) => replay(client, note));
		for (let i = 0; i < OLD_REPLAYS && all.length > 0; i++)
			await replay(client, all[draw(all.length)]);
		all.push(...acked);
		await client.close();

		assert.deepEqual(broken_invariants(gateway), [], `round ${round}, seed ${seed}`);
		const kept = gateway.sql('SELECT event_id FROM case_event ORDER BY event_id').split('\n');
		assert.deepEqual(kept, all.map((n) => n.event_id).sort(), `round ${round}, seed ${seed}: the timeline and what was acknowledged differ`);
	}

	const client = gateway.client();
	for (const s of subjects) {
		const shown = await client.get(`/v1/department/cases/${s.ref}`, gateway.department_token);
		assert.equal(shown.status, 200, `${s.ref}: ${shown.status} ${shown.text}`);
		assert.equal(shown.json.last_seq, s.seq, shown.text);
		const seen = [];
		for (let target = `/v1/cases/${s.case_no}/events?limit=100`; target !== null;) {
			const page = await client.get(target, gateway.citizen_token);
			assert.equal(page.status, 200, page.text);
			seen.push(...page.json.items.map((e) => e.seq));
			target = page.json.next_cursor === null ? null : `/v1/cases/${s.case_no}/events?limit=100&cursor=${encodeURIComponent(page.json.next_cursor)}`;
		}
		assert.deepEqual(seen, Array.from({ length: s.seq }, (_, i) => i + 1), `${s.ref} is not in sequence`);
	}
	await client.close();
	assert.match(await gateway.command('seal', 'verify'), /all as it was written/);
	await gateway.stop();
	t.diagnostic(`${all.length} events acknowledged, ${unsure} answers lost with the process and got again, slowest start ${slowest.toFixed(0)} ms, seed ${seed}`);
});
