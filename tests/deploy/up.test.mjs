// Goal: what the README promises about its two commands. deploy/up starts a gateway with data, and the curl it prints works as printed; the
// tour finds every answer right; again it is quick and starts nothing; a changed configuration restarts; nothing foreign is ever wiped. The
// outside world comes and goes with it, and is kept as long as nothing about it changed.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { appendFileSync, chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { claim_ports } from '../flow/lib/ports.mjs';

const top = process.env.SIBAN_SOURCE_DIR ?? path.resolve(new URL('../..', import.meta.url).pathname);
const room = mkdtempSync(path.join(os.tmpdir(), 'siban-deploy-'));
const state = path.join(room, 'state');
let port; // the sandbox's are 2000 above it, and must be below those that the kernel gives to clients
do port = (await claim_ports()).public_port; while (port > 30000);

const run = (command, ...words) => run_with({}, command, ...words);
function run_with(environment, command, ...words) {
	return new Promise((resolve) => {
		const began = Date.now();
		execFile(command, words, { cwd: room, maxBuffer: 16 << 20, env: { ...process.env, ...environment } }, (error, stdout, stderr) => {
			resolve({ code: error === null ? 0 : error.code, said: stdout + stderr, ms: Date.now() - began });
		});
	});
}
const up = (...words) => run(path.join(top, 'deploy/up'), '--detach', '--state', state, ...words);
const down = () => run(path.join(top, 'deploy/down'), '--state', state);
const pid = () => readFileSync(path.join(state, 'siban.pid'), 'utf8').trim();
const sandbox_pid = () => readFileSync(path.join(state, 'sandbox/pid'), 'utf8').trim();
const conf = () => readFileSync(path.join(state, 'siban.conf'), 'utf8');
const printed = (words, mark) => words.split('\n').find((l) => l.includes(mark)).trim();

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

test('the outside world is there, and its requests work as printed', async () => {
	const { said } = await up();
	const fault = await run('sh', '-c', `${printed(said, 'curl -X PUT')} -sS`);
	assert.equal(JSON.parse(fault.said).aliyun_sms[0].kind, 'lose_answer', fault.said);
	const log = await run('sh', '-c', `${printed(said, '/log')} -sS`);
	const entries = JSON.parse(log.said).entries.filter((e) => e.peer === 'aliyun_sms'); // others are asked for their keys
	assert.ok(entries.length > 0, 'the platform has looked whether its receipts have somewhere to go');
	for (const e of entries)
		assert.deepEqual([e.kind, e.peer, e.status, e.answer], ['probe', 'aliyun_sms', 200, '{"code":0,"msg":"成功"}']);
	const { url, tls_url } = JSON.parse(readFileSync(path.join(state, 'sandbox/ready.json'), 'utf8'));
	for (const line of [`sms.aliyun.url = ${url}/`, `authority.url = ${url}/authority`, `provincial.token_url = ${url}/provincial/token`])
		assert.ok(conf().split('\n').includes(line), `the configuration says ${line}`);
	for (const address of [url, tls_url]) {
		const asked = await run('curl', '-sS', '--cacert', path.join(state, 'tls/cert.pem'), '-w', ' %{http_code} %{http_version}', `${address}/cases/GS-2026-0001?last4=001X`);
		assert.equal(asked.said, `{"code":"unauthorized"} 401 ${address === tls_url ? '2' : '1.1'}`);
	}
	const h2 = await run('curl', '-sS', '--http2-prior-knowledge', '-o', '/dev/null', '-w', '%{http_code} %{http_version}', `${url}/cases/x`);
	assert.equal(h2.said, '401 2', 'libcurl with prior knowledge');
});

test('the tour', async () => {
	const tour = await run(path.join(top, 'deploy/tour'), '--state', state);
	assert.equal(tour.code, 0, tour.said);
	assert.match(tour.said, /Every answer was what it should be/);
	assert.ok(!tour.said.includes('✗'));
	for (const shown of [/pay\.example\/intp\?order_id=/, /Genuine and valid/, /And she has a new e-receipt[^]*"amount_fen": 8000/, /Reversed This receipt/, /suspend 已与银行核对[^]*proposed; another[^]*: 0 unexplained/, /v1\/scoreboard/])
		assert.match(tour.said, shown);
});

test('the tour again: what the first left stands in nobody’s way', async () => {
	const tour = await run(path.join(top, 'deploy/tour'), '--state', state);
	assert.equal(tour.code, 0, tour.said);
});

test('again: the same process, in less than five seconds', async () => {
	const before = pid(), sandbox_before = sandbox_pid(), again = await up();
	assert.equal(again.code, 0, again.said);
	assert.match(again.said, /already runs/);
	assert.equal(pid(), before);
	assert.equal(sandbox_pid(), sandbox_before);
	assert.ok(again.ms < 15000, `${again.ms} ms`); // beside other tests; a build alone takes longer
});

test('a changed configuration: another process, the same data', async () => {
	const before = pid(), sandbox_before = sandbox_pid();
	appendFileSync(path.join(state, 'siban.conf'), 'rate.read = 1234\n');
	const again = await up();
	assert.equal(again.code, 0, again.said);
	assert.notEqual(pid(), before);
	assert.equal(sandbox_pid(), sandbox_before);
	assert.ok(conf().endsWith('\nrate.read = 1234\n'), 'the lines of the owner stay where they are');
	assert.equal(conf().split('written by deploy/up').length, 3, 'and deploy/up has written its own once');
	assert.match((await run('sh', '-c', `${again.said.split('\n').find((l) => l.trim().startsWith('curl '))} -sS`)).said, /"case_no":"LN/);
});

test('a sandbox that died is started again; the gateway stays', async () => {
	const before = pid(), dead = Number(sandbox_pid());
	process.kill(dead, 'SIGKILL');
	const again = await up();
	assert.equal(again.code, 0, again.said);
	assert.notEqual(Number(sandbox_pid()), dead);
	assert.equal(pid(), before);
});

test('without a Node that can play the outside world, it is said so', async () => {
	const bin = path.join(room, 'bin'), fake = path.join(bin, 'node');
	const { public_port: free } = await claim_ports();
	mkdirSync(bin);
	for (const [script, words] of [['echo v16.20.2', /needs Node.js 18 or newer, and this is 16.20.2/], ['exit 127', /there is no node/]]) {
		writeFileSync(fake, `#!/bin/sh\n${script}\n`);
		chmodSync(fake, 0o755);
		const { code, said } = await run_with({ PATH: `${bin}:${process.env.PATH}` }, path.join(top, 'deploy/up'), '--detach', '--state', path.join(room, 'nodeless'), '--port', String(free));
		assert.equal(code, 1, said);
		assert.match(said, words);
	}
});

test('a port that is taken is said so', async () => {
	const other = await run(path.join(top, 'deploy/up'), '--detach', '--state', path.join(room, 'other'), '--port', String(port));
	assert.equal(other.code, 1);
	assert.match(other.said, /already listens/);
	assert.ok(!existsSync(path.join(room, 'other/sandbox/pid')), 'and nothing was started');
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
	const sandbox_before = sandbox_pid(), fresh = await up('--reset', '--port', String(port));
	assert.equal(fresh.code, 0, fresh.said);
	assert.match((await run('sh', '-c', `${fresh.said.split('\n').find((l) => l.trim().startsWith('curl '))} -sS`)).said, /"items":\[\]/);
	assert.notEqual(sandbox_pid(), sandbox_before);
	assert.equal((await run('sh', '-c', `${printed(fresh.said, '/log')} -sS`)).code, 0);
});

test('down, and down again', async () => {
	const first = await down();
	assert.equal(first.code, 0, first.said);
	assert.match(first.said, /requests and stopped/);
	assert.match(first.said, /sandbox has stopped/);
	assert.ok(!existsSync(path.join(state, 'sandbox/pid')));
	assert.match((await run('curl', '-sS', JSON.parse(readFileSync(path.join(state, 'sandbox/ready.json'), 'utf8')).control_url)).said, /onnect/);
	const second = await down();
	assert.equal(second.code, 0);
	assert.match(second.said, /nothing to stop/);
});
