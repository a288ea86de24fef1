// Goal: cases that grow under load keep every event that was acknowledged, once, in order and sealed, while PostgreSQL crashes, while it hangs, while its
// connections are cut again and again, and behind PgBouncer in transaction mode, where it crashes too; and the gateway is back within three seconds of the server.
// Method: many writers move many cases and ask again, under the same Idempotency-Key, until each event has its answer; their notes are the oracle.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { now } from '../flow/lib/cases.mjs';
import { admin_request } from '../flow/lib/clients.mjs';
import { Postgres } from '../flow/lib/postgres.mjs';
import { until } from '../flow/lib/until.mjs';
import { Gateway, slack } from './lib/gateway.mjs';
import { PgBouncer } from './lib/pgbouncer.mjs';

const WRITERS = 24, CONNECTIONS = 4, HEAL_MS = 3000, PATIENCE_MS = 20000; /* an answer, whichever, comes within that */
const server = await new Postgres({ durable: true }).start();
after(() => server.stop());

class OnPostgres extends Gateway {
	sql(text) {
		return server.say_now(text, new URL(this.settings['store.url']).pathname.slice(1));
	}
}

async function gateway(url = (database) => server.url(database), settings = {}) {
	return OnPostgres.make({ settings: { 'store.url': url(await server.database()), 'log.access': 'false', ...settings } });
}

const event_of = (seq) => (seq === 1 ? 'received' : seq === 2 ? 'accepted' : seq % 2 === 1 ? 'correct_asked' : 'correct_done');

/** Moves one case after another, each event until it is acknowledged, until `load` is over. */
async function write(load, client, ref) {
	for (let seq = 1; !load.over; seq++) {
		const key = randomUUID(), event_id = `${ref}-${seq}`;
		const body = JSON.stringify(seq === 1 ? load.gateway.opening(ref) : { event_id, case_ref: ref, seq, event: event_of(seq), occurred_at: now() });
		for (;;) {
			const asked = performance.now(), answer = await client.event(body, key);
			load.slowest = Math.max(load.slowest, performance.now() - asked);
			if (answer.status === 201) break;
			assert.equal(answer.status, 503, `${event_id}: ${answer.status} ${answer.text}`);
			assert.ok(answer.headers['retry-after'] !== undefined, answer.text);
			load.refused++;
			await pause(20);
		}
		load.acked.push({ event_id, at: performance.now() });
	}
}

/** Starts the writers, lets `upset` happen in the middle of it, and holds what is kept against what was acknowledged. What upset returns is when the server was back. */
async function under_load(gateway, upset) {
	const load = { gateway, acked: [], refused: 0, slowest: 0, over: false };
	const clients = Array.from({ length: CONNECTIONS }, () => gateway.client());
	const writers = Array.from({ length: WRITERS }, (_, i) => write(load, clients[i % CONNECTIONS], `P${i}`));
	const failed = Promise.all(writers).then(() => false);
	const meanwhile = (work) => Promise.race([work, failed]);
	await meanwhile(until('the load is on', () => load.acked.length > 5 * WRITERS));
	const back = await meanwhile(upset(load));
	await meanwhile(until('they write again', () => load.acked.filter((a) => a.at > back).length > 5 * WRITERS));
	load.over = true;
	await Promise.all(writers);
	await Promise.all(clients.map((c) => c.close()));
	load.healed_ms = load.acked.find((a) => a.at > back).at - back;
	const kept = gateway.sql('SELECT event_id FROM case_event ORDER BY event_id').split('\n');
	assert.deepEqual(kept, load.acked.map((a) => a.event_id).sort(), 'the timeline and what was acknowledged differ');
	for (const [what, text] of [
		['a sequence with a gap', 'SELECT case_id FROM case_event GROUP BY case_id HAVING count(*) <> max(seq)'],
		['a case that does not agree with its timeline', 'SELECT c.id FROM cases c JOIN case_event e ON e.case_id = c.id AND e.seq = c.last_seq WHERE e.state <> c.state'],
		['an event without its fact', 'SELECT e.fact FROM case_event e LEFT JOIN fact f ON f.id = e.fact WHERE f.ref_a IS DISTINCT FROM e.case_id OR f.ref_b IS DISTINCT FROM e.seq'],
	]) assert.equal(gateway.sql(text), '', what);
	return load;
}

async function ends_well(gateway, t, load) {
	await until('everything is sealed', async () => /^unsealed 0$/m.test(await gateway.command('seal', 'head')));
	assert.match(await gateway.command('seal', 'verify'), /all as it was written/);
	await gateway.stop();
	t.diagnostic(`${load.acked.length} events acknowledged, ${load.refused} times told to come again, back after ${load.healed_ms.toFixed(0)} ms, slowest answer ${load.slowest.toFixed(0)} ms`);
	assert.ok(load.healed_ms < HEAL_MS * slack, `back only after ${load.healed_ms.toFixed(0)} ms`);
	assert.ok(load.slowest < PATIENCE_MS * slack, `an answer took ${load.slowest.toFixed(0)} ms`);
}

test('it crashes', { timeout: 120000 * slack }, async (t) => {
	const g = await gateway();
	await g.serve();
	const load = await under_load(g, async () => {
		await server.crash();
		return performance.now();
	});
	await ends_well(g, t, load);
});

test('it hangs, and goes on', { timeout: 120000 * slack }, async (t) => {
	const g = await gateway();
	await g.serve();
	await ends_well(g, t, await under_load(g, async (load) => {
		server.hang();
		await until('somebody is told to come again', () => load.refused > 0);
		await until('the gateway says that it is not ready', () => admin_request(g, 'GET', '/readyz').then((a) => a.status === 503));
		server.go_on();
		return performance.now();
	}));
});

test('its connections are cut again and again: nobody needs to know', { timeout: 120000 * slack }, async (t) => {
	const g = await gateway();
	await g.serve();
	const load = await under_load(g, async (on) => {
		for (let round = 0; round < 5; round++) {
			const before = on.acked.length;
			g.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'siban'");
			await until('they write again', () => on.acked.length > before + WRITERS);
		}
		return performance.now();
	});
	await ends_well(g, t, load);
});

test('behind PgBouncer in transaction mode, and a crash there', { timeout: 120000 * slack }, async (t) => {
	const bouncer = await new PgBouncer(server).start();
	const g = await gateway((database) => bouncer.url(database), { 'store.prepared': 'false', 'store.pool': 12, 'store.readers': 6 });
	await g.serve();
	const load = await under_load(g, async (on) => {
		const client = g.client();
		for (let i = 0; i < 30; i++) assert.equal((await client.get('/v1/cases?limit=5', g.citizen_token)).status, 200);
		await client.close();
		assert.equal(on.refused, 0);
		await server.crash();
		return performance.now();
	});
	await ends_well(g, t, load);
	await bouncer.stop();
});
