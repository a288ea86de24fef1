// Goal: what the README promises about its two commands. deploy/up starts a gateway with data, and the curl it prints works as printed; the
// tour finds every answer right; again it is quick and starts nothing; a changed configuration restarts; nothing foreign is ever wiped.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { claim_ports } from '../flow/lib/ports.mjs';

const top = process.env.SIBAN_SOURCE_DIR ?? path.resolve(new URL('../..', import.meta.url).pathname);
const room = mkdtempSync(path.join(os.tmpdir(), 'siban-deploy-'));
const state = path.join(room, 'state');
const { public_port: port } = await claim_ports();

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
const pid = () => readFileSync(path.join(state, 'siban.pid'), 'utf8').trim();

after(async () => {
	if (existsSync(state)) await down();
	rmSync(room, { recursive: true, force: true });
});

test('up, and the request it prints', async () => {
	const first = await up('--port', String(port));
	assert.equal(first.code, 0, first.said);
	assert.match(first.said, /siban runs/);
	const line = first.said.split('\n').find((l) => l.trim().startsWith('curl '));
	const asked = await run('sh', '-c', `${line} -sS -w '\\n%{http_code}'`);
	assert.match(asked.said, /\n200$/, asked.said);
	assert.deepEqual(JSON.parse(asked.said.split('\n')[0]).items, []);
});

test('the tour', async () => {
	const tour = await run(path.join(top, 'deploy/tour'), '--state', state);
	assert.equal(tour.code, 0, tour.said);
	assert.match(tour.said, /Every answer was what it should be/);
	assert.ok(!tour.said.includes('✗'));
});

test('again: the same process, in less than five seconds', async () => {
	const before = pid(), again = await up();
	assert.equal(again.code, 0, again.said);
	assert.match(again.said, /already runs/);
	assert.equal(pid(), before);
	assert.ok(again.ms < 5000, `${again.ms} ms`);
});

test('a changed configuration: another process, the same data', async () => {
	const before = pid();
	appendFileSync(path.join(state, 'siban.conf'), 'rate.read = 1234\n');
	const again = await up();
	assert.equal(again.code, 0, again.said);
	assert.notEqual(pid(), before);
	assert.match((await run('sh', '-c', `${again.said.split('\n').find((l) => l.trim().startsWith('curl '))} -sS`)).said, /"case_no":"LN/);
});

test('a port that is taken is said so', async () => {
	const other = await run(path.join(top, 'deploy/up'), '--detach', '--state', path.join(room, 'other'), '--port', String(port));
	assert.equal(other.code, 1);
	assert.match(other.said, /already listens/);
});

test('only what was made here is wiped', async () => {
	const foreign = path.join(room, 'foreign'), file = path.join(foreign, 'thesis.txt');
	mkdirSync(foreign);
	writeFileSync(file, 'years of work');
	const refused = await run(path.join(top, 'deploy/up'), '--detach', '--state', foreign, '--reset');
	assert.equal(refused.code, 1);
	assert.match(refused.said, /was not made by deploy\/up/);
	assert.equal(readFileSync(file, 'utf8'), 'years of work');
});

test('reset begins anew', async () => {
	const fresh = await up('--reset', '--port', String(port));
	assert.equal(fresh.code, 0, fresh.said);
	assert.match((await run('sh', '-c', `${fresh.said.split('\n').find((l) => l.trim().startsWith('curl '))} -sS`)).said, /"items":\[\]/);
});

test('down, and down again', async () => {
	const first = await down();
	assert.equal(first.code, 0, first.said);
	assert.match(first.said, /stopped/);
	const second = await down();
	assert.equal(second.code, 0);
	assert.match(second.said, /nothing to stop/);
});
