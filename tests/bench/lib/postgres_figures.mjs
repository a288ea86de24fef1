// tests/bench/lib/postgres_figures.mjs - figure 17: durable bookings through the pool of writers on PostgreSQL, beside pgbench with the same five statements, tables
// and time-ordered keys on the same server, and beside SQLite.
import fs from 'node:fs';
import path from 'node:path';
import { Postgres } from '../../flow/lib/postgres.mjs';
import { tool } from './daemon.mjs';
import { median, sh, work_dir } from './machine.mjs';
import { report } from './report.mjs';

const TABLES = `CREATE TABLE bench_slot (id BIGINT PRIMARY KEY, capacity BIGINT NOT NULL, taken BIGINT NOT NULL);
CREATE TABLE bench_booking (id BYTEA PRIMARY KEY, slot BIGINT NOT NULL, person BIGINT NOT NULL, made_ms BIGINT NOT NULL);
CREATE TABLE bench_outcome (key BYTEA PRIMARY KEY, booking BYTEA NOT NULL);
INSERT INTO bench_slot SELECT i, 1000000000, 0 FROM generate_series(1, 1000) i;`;

// A key is milliseconds and then randomness, as ours are; 16 bytes. now() and not clock_timestamp(): what is volatile cannot be looked up in an index, and pgbench
// would read the whole table of outcomes in each transaction.
const key = (random) => `(int8send((extract(epoch FROM now()) * 1000)::bigint) || int8send(${random}::bigint))`;
const SCRIPT = `\\set slot random(1, 1000)
\\set person random(1, 16000000)
\\set a random(1, 9000000000000000000)
\\set b random(1, 9000000000000000000)
BEGIN;
SELECT booking FROM bench_outcome WHERE key = ${key(':a')};
SELECT capacity, taken FROM bench_slot WHERE id = :slot;
UPDATE bench_slot SET taken = taken + 1 WHERE id = :slot AND taken < capacity;
INSERT INTO bench_booking (id, slot, person, made_ms) VALUES (${key(':b')}, :slot, :person, (extract(epoch FROM now()) * 1000)::bigint);
INSERT INTO bench_outcome (key, booking) VALUES (${key(':a')}, ${key(':b')});
COMMIT;
`;

// The comparison is of lookups by index on both sides, or it is none.
async function plan_is_fair(postgres, database) {
	const plan = await postgres.say(`SET enable_seqscan = off; EXPLAIN SELECT booking FROM bench_outcome WHERE key = ${key('7')}`, database);
	if (!/Index (Only )?Scan/.test(plan)) throw new Error(`pgbench would not look its key up in the index:\n${plan}`);
}

export async function figure_17({ rounds = 5, seconds = 3, clients = 8 }) {
	const postgres = await new Postgres({ durable: true, settings: { shared_buffers: '256MB' } }).start();
	const script = path.join(postgres.folder, 'booking.sql'), folder = path.join(work_dir, 'writers');
	fs.writeFileSync(script, SCRIPT);
	const seen = { postgres: [], pgbench: [], sqlite: [] };
	const program = fs.readdirSync('/usr/lib/postgresql').filter((v) => /^\d+$/.test(v)).sort((a, b) => a - b).at(-1);
	const runs = {
		async postgres(url) {
			fs.rmSync(folder, { recursive: true, force: true });
			fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
			return JSON.parse(sh(['env', `SIBAN_BENCH_URL=${url}`, tool('committer_bench'), 'postgres', String(clients), String(seconds), folder])).per_second;
		},
		async pgbench(url) {
			const database = /postgresql:\/\/\/([^?]+)/.exec(url)[1];
			await postgres.say(`SET ROLE siban; ${TABLES}`, database);
			await plan_is_fair(postgres, database);
			const text = sh([`/usr/lib/postgresql/${program}/bin/pgbench`, '-n', '-M', 'prepared', '-c', String(clients), '-j', '2', '-T', String(seconds), '-f', script, url]);
			return Number(/tps = ([\d.]+)/.exec(text)[1]);
		},
		async sqlite() {
			fs.rmSync(folder, { recursive: true, force: true });
			fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
			return JSON.parse(sh([tool('committer_bench'), 'committer', '64', String(seconds), folder])).per_second;
		},
	};
	for (let round = 0; round < rounds; round++)
		for (const what of round % 2 === 0 ? ['postgres', 'pgbench', 'sqlite'] : ['sqlite', 'pgbench', 'postgres'])
			seen[what].push(await runs[what](what === 'sqlite' ? null : postgres.url(await postgres.database())));
	const names = { postgres: `siban's writers on PostgreSQL, ${clients}`, pgbench: `pgbench -M prepared -c ${clients}`, sqlite: 'siban\'s committer on SQLite, 64 in flight' };
	report({ figure: '17', title: `durable bookings on PostgreSQL (fsync and synchronous_commit on), ${rounds} rounds of ${seconds} s`,
		head: ['what', 'durable/s', 'least', 'most'],
		rows: Object.entries(seen).map(([what, v]) => [names[what], Math.round(median(v)), Math.round(Math.min(...v)), Math.round(Math.max(...v))]),
		goals: [{ what: '17: beside pgbench', value: median(seen.postgres) / median(seen.pgbench), goal: 0.8, step: 0.6, at_least: true }], raw: seen });
	await postgres.stop();
}
