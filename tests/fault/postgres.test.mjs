// Goal: what somebody is told while PostgreSQL hangs, throws everybody out or is not there: in time, with words, and by a loop that waits for nobody. What is kept
// of what was acknowledged is postgres_load.test.mjs.
// Method: a real PostgreSQL, stopped in its tracks, and single requests.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { after, test } from 'node:test';
import { Case, assert_problem, world } from '../flow/lib/cases.mjs';
import { Gateway } from '../flow/lib/gateway.mjs';
import { postgres } from '../flow/lib/postgres.mjs';
import { until, within } from '../flow/lib/until.mjs';

const HEALED_MS = 3000, REQUEST_MS = 10000, STATEMENT_MS = 500;

const server = await postgres();
const database = await server.database();
const g = await Gateway.start({ settings: { 'store.url': server.url(database), 'store.statement': STATEMENT_MS, 'rate.department': 0, 'log.access': 'false' } });
after(() => g.stop());
const w = await world(g);
const is_ready = () => g.admin('/readyz').then((a) => a.status === 200);

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

test('whoever is killed while it hangs leaves nothing behind that stands still', async (t) => {
	const program = `
		import { Postgres } from '${import.meta.dirname}/../flow/lib/postgres.mjs';
		const p = await new Postgres().start();
		p.hang();
		console.log(p.child.pid, p.folder);
		setInterval(() => {}, 1000);`;
	const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
	const [pid, folder] = String((await once(child.stdout, 'data'))[0]).trim().split(' ');
	t.after(() => rmSync(folder, { recursive: true, force: true }));
	const stands = () => existsSync(`/proc/${pid}/stat`) && / [TtDSR] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
	assert.ok(stands());
	child.kill('SIGKILL');
	await until('it has ended', () => !stands());
});
