// Goal: deploy/up --store postgres is one command as the other is: a PostgreSQL and a Redis of the state folder's own, on no port, not root's, behind
// passwords; again it starts nothing; what died is started again with its data; a folder's store is not changed by an option; down and reset leave nothing.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { claim_ports } from '../flow/lib/ports.mjs';
import { until } from '../flow/lib/until.mjs';

const top = process.env.SIBAN_SOURCE_DIR ?? path.resolve(new URL('../..', import.meta.url).pathname);
const room = mkdtempSync(path.join(os.tmpdir(), 'siban-store-'));
const state = path.join(room, 'state');
let port; // the sandbox's are 2000 above it, and must be below those that the kernel gives to clients
do port = (await claim_ports()).public_port; while (port > 30000);

function run(command, ...words) {
	return new Promise((resolve) => {
		const began = Date.now();
		execFile(command, words, { cwd: room, maxBuffer: 16 << 20 }, (error, stdout, stderr) => {
			resolve({ code: error === null ? 0 : error.code, said: stdout + stderr, ms: Date.now() - began });
		});
	});
}
const up = (...words) => run(path.join(top, 'deploy/up'), '--detach', '--state', state, ...words);
const down = () => run(path.join(top, 'deploy/down'), '--state', state);
const postgres_pid = () => Number(readFileSync(path.join(state, 'pg/data/postmaster.pid'), 'utf8').split('\n')[0]);
const redis_pid = () => Number(readFileSync(path.join(state, 'redis/redis.pid'), 'utf8'));
const cases = async (said) => (await run('sh', '-c', `${said.split('\n').find((l) => l.trim().startsWith('curl '))} -sS`)).said;
const status = (pid) => readFileSync(`/proc/${pid}/status`, 'utf8');
const is_there = (pid) => existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(status(pid));
const secret = (name) => readFileSync(path.join(state, 'store.keys', name), 'utf8').trim();
const psql = (password, sql) => run('env', `PGPASSWORD=${password}`, 'psql', '-XAtq', '-h', path.join(state, 'pg'), '-U', 'siban', '-d', 'siban', '-c', sql);
const redis = (...words) => run('redis-cli', '--no-auth-warning', '-s', path.join(state, 'redis/redis.sock'), ...words);

if (process.geteuid() === 0) chmodSync(room, 0o711); // root's servers run as somebody else, who has to come through

after(async () => {
	if (existsSync(state)) await down();
	rmSync(room, { recursive: true, force: true });
});

test('up, and a whole case through it', async () => {
	const first = await up('--store', 'postgres', '--port', String(port));
	assert.equal(first.code, 0, first.said);
	assert.match(first.said, /data +PostgreSQL in /);
	assert.deepEqual(JSON.parse(await cases(first.said)).items, []);
	const tour = await run(path.join(top, 'deploy/tour'), '--state', state);
	assert.equal(tour.code, 0, tour.said);
	assert.match(tour.said, /Every answer was what it should be/);
	assert.ok(!existsSync(path.join(state, 'siban.db')));
});

test('on no port, not root’s, behind passwords that only their owner reads', async () => {
	for (const pid of [postgres_pid(), redis_pid()]) assert.doesNotMatch(status(pid), /^Uid:\s+0\b/m);
	assert.equal((await psql(secret('postgres.password'), 'SHOW listen_addresses')).said, '\n');
	assert.match((await psql('guessed', 'SELECT 1')).said, /password authentication failed/);
	assert.match((await redis('PING')).said, /NOAUTH/);
	assert.match((await redis('-a', secret('redis.password'), 'PING')).said, /PONG/);
	for (const words of [['FLUSHALL'], ['CONFIG', 'SET', 'port', '6379'], ['SET', 'another:key', '1']])
		assert.match((await redis('-a', secret('redis.password'), ...words)).said, /NOPERM/, words.join(' '));
	for (const name of readdirSync(path.join(state, 'store.keys'))) assert.equal(statSync(path.join(state, 'store.keys', name)).mode & 0o077, 0, name);
	for (const folder of ['pg', 'redis', 'store.keys', 'keys']) assert.equal(statSync(path.join(state, folder)).mode & 0o077, 0, folder);
});

test('again: the same processes', async () => {
	const before = [postgres_pid(), redis_pid()], again = await up();
	assert.equal(again.code, 0, again.said);
	assert.match(again.said, /PostgreSQL already runs .*\n.*\nRedis already runs .*\nthe gateway already runs/);
	assert.deepEqual([postgres_pid(), redis_pid()], before);
	assert.ok(again.ms < 15000, `${again.ms} ms`); // beside other tests; a build alone takes longer
});

test('what was killed is started again, and nothing is lost', async () => {
	const dead = [postgres_pid(), redis_pid()];
	for (const pid of dead) process.kill(pid, 'SIGKILL');
	await until('they are gone', () => !dead.some(is_there));
	const again = await up();
	assert.equal(again.code, 0, again.said);
	for (const pid of [postgres_pid(), redis_pid()]) assert.ok(!dead.includes(pid));
	assert.match(await until('the gateway finds it again', async () => {
		const said = await cases(again.said);
		return said.includes('case_no') ? said : false;
	}), /"case_no":"LN/);
});

test('an option does not move the data', async () => {
	const other = await up('--store', 'sqlite');
	assert.equal(other.code, 1);
	assert.match(other.said, /lie in postgres.*\n.*another folder/);
	assert.match((await up('--store', 'oracle')).said, /must be sqlite or postgres/);
});

test('down stops all of it, and up finds the data again', async () => {
	const pids = [postgres_pid(), redis_pid()], stopped = await down();
	assert.equal(stopped.code, 0, stopped.said);
	assert.ok(!pids.some(is_there));
	assert.match((await down()).said, /nothing to stop/);
	const again = await up();
	assert.equal(again.code, 0, again.said);
	assert.match(await cases(again.said), /"case_no":"LN/);
});

test('reset begins anew, on the other store too', async () => {
	const pids = [postgres_pid(), redis_pid()], fresh = await up('--reset', '--store', 'sqlite', '--port', String(port));
	assert.equal(fresh.code, 0, fresh.said);
	assert.ok(!pids.some(is_there));
	assert.ok(existsSync(path.join(state, 'siban.db')) && !existsSync(path.join(state, 'pg')));
	assert.match(await cases(fresh.said), /"items":\[\]/);
});
