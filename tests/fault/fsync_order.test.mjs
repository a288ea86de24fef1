// Goal: no byte of an answer leaves before the commit it reports is on the disk.
// Method: strace watches the daemon's syncs and socket writes in their order; for each POST the first write that is large enough to hold an
// answer must come after an fdatasync of the log that began after the POST was sent.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { until } from '../flow/lib/until.mjs';
import { Gateway } from './lib/gateway.mjs';

const POSTS = 20, TOGETHER = 16;
const ANSWER_BYTES = 150; /* a WINDOW_UPDATE or SETTINGS record is shorter, a 201 with its headers longer */

function may_trace() {
	const tried = spawnSync('strace', ['-o', '/dev/null', 'true']);
	return tried.status === 0 ? false : `strace cannot trace here: ${tried.error?.message ?? String(tried.stderr)}`;
}

/** Finished syncs of the log and writes to the public port, in the order in which the kernel saw them, with wall-clock seconds. */
function trace_lines(file, port) {
	const half = new Map(), seen = [];
	for (const line of readFileSync(file, 'utf8').split('\n')) {
		const found = /^(\d+)\s+(\d+\.\d+) (.*)$/.exec(line);
		if (found === null)
			continue;
		const [, pid, at, text] = found;
		const begun = /^(\w+)\((.*) <unfinished \.\.\.>$/.exec(text), resumed = /^<\.\.\. (\w+) resumed>/.test(text);
		if (begun !== null) {
			half.set(pid, { at, text });
			if (begun[1] !== 'fdatasync' && begun[1] !== 'fsync')
				seen.push({ kind: 'call', at: Number(at), text });
			continue;
		}
		const whole = resumed ? `${half.get(pid)?.text ?? ''} ${text}` : text;
		const began = Number(resumed ? half.get(pid)?.at ?? at : at);
		const result = Number(/= (-?\d+)/.exec(text)?.[1]);
		if (/^f(data)?sync\(/.test(whole) && whole.includes('siban.db-wal'))
			seen.push({ kind: 'sync', began, at: Number(at), ok: result === 0 });
		else if (!resumed && /^(write|writev|sendto|sendmsg)\(/.test(whole) && whole.includes(`:${port}->`))
			seen.push({ kind: 'write', at: Number(at), bytes: result });
		else if (resumed && /^(write|writev|sendto|sendmsg)\(/.test(whole) && whole.includes(`:${port}->`))
			seen.push({ kind: 'write', at: began, bytes: result });
	}
	return seen;
}

test('the answer follows the fdatasync of its commit', { skip: may_trace() }, async (t) => {
	const gateway = await Gateway.make();
	after(() => gateway.stop());
	await gateway.serve();
	const client = gateway.client();
	await client.event(gateway.opening('F-warm')); /* settings, tickets and the first pages are behind us */
	const file = path.join(gateway.folder, 'trace');
	const strace = spawn('strace', ['-f', '-yy', '-ttt', '-s', '0', '-e', 'trace=fdatasync,fsync,write,writev,sendto,sendmsg', '-o', file, '-p', String(gateway.child.pid)],
		{ stdio: ['ignore', 'ignore', 'pipe'] });
	const ended = new Promise((resolve) => { strace.once('exit', resolve); });
	let said = '';
	strace.stderr.on('data', (d) => { said += d; });
	await until('strace is attached', () => said.includes('attached') || strace.exitCode !== null);
	assert.equal(strace.exitCode, null, said);

	const wall_s = () => (performance.timeOrigin + performance.now()) / 1000;
	const asked = [];
	for (let i = 0; i < POSTS; i++) {
		const sent = wall_s(), answer = await client.event(gateway.opening(`F-${i}`));
		assert.equal(answer.status, 201, answer.text);
		asked.push({ sent, answered: wall_s() });
	}
	const sent = wall_s();
	const answers = await Promise.all(Array.from({ length: TOGETHER }, (_, i) => client.event(gateway.opening(`F-together-${i}`))));
	assert.ok(answers.every((a) => a.status === 201));
	asked.push({ sent, answered: wall_s() });
	await client.close();
	strace.kill('SIGINT');
	await ended;

	const seen = trace_lines(file, gateway.public_port);
	assert.ok(seen.some((e) => e.kind === 'sync') && seen.some((e) => e.kind === 'write'), `the trace shows no sync or no write:\n${execFileSync('head', ['-c', '3000', file])}`);
	let least_us = Infinity;
	for (const { sent: from, answered: to } of asked) {
		const during = seen.filter((e) => e.at >= from && e.at <= to);
		const first_answer = during.findIndex((e) => e.kind === 'write' && e.bytes >= ANSWER_BYTES);
		assert.ok(first_answer >= 0, `no write to the client between ${from} and ${to}`);
		const sync = during.slice(0, first_answer).find((e) => e.kind === 'sync' && e.ok && e.began >= from);
		assert.ok(sync !== undefined, `an answer left before any fdatasync: ${JSON.stringify(during.slice(0, first_answer + 1))}`);
		least_us = Math.min(least_us, (during[first_answer].at - sync.at) * 1e6);
	}
	t.diagnostic(`${asked.length} answers, the earliest ${least_us.toFixed(0)} us after its sync was seen`);
});
