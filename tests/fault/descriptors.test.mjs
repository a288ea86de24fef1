// Goal: when descriptors run out, those who are in are served, those outside wait, nothing spins, and room is used as soon as there is some.
// Method: the daemon runs under prlimit; connections are opened until no more come in; then half of the table is watched for a second.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../flow/lib/until.mjs';
import { Gateway, slack } from './lib/gateway.mjs';

const TRIES = 60;

/** Connections it has accepted; those that only the kernel has taken in are nobody's yet, and have no inode. */
function accepted(gateway) {
	const port = `:${gateway.public_port.toString(16).toUpperCase().padStart(4, '0')}`, lines = readFileSync('/proc/net/tcp', 'utf8').trim().split('\n').slice(1);
	return lines.map((line) => line.trim().split(/\s+/)).filter(([, local, , state, , , , , , inode]) => local.endsWith(port) && state === '01' && inode !== '0').length;
}

for (const limit of [64, 128]) {
	test(`${limit} descriptors and more connections than that`, { timeout: 120000 * slack }, async (t) => {
		const gateway = await Gateway.make({ before: ['prlimit', `--nofile=${limit}:${limit}`], settings: { 'timeout.handshake': 60000 } });
		await gateway.serve();
		const old = gateway.client();
		assert.equal((await old.get('/v1/regions/621202')).status, 200);

		const all = Array.from({ length: limit + TRIES }, () => gateway.client());
		await until('accept() is paused, and who was let in before is inside', () =>
			gateway.events('accept_paused').length > 0 && all.filter((c) => c.is_connected()).length + 1 === accepted(gateway));
		const inside = all.filter((c) => c.is_connected()), outside = all.filter((c) => !c.is_connected());
		assert.ok(outside.length > 0, `all ${all.length} connections came in with ${limit} descriptors`);
		assert.ok(inside.length > limit / 4, `only ${inside.length} connections came in with ${limit} descriptors`);

		for (const c of [old, inside[0], inside.at(-1)]) {
			const began = performance.now(), answer = await c.get('/v1/regions/621202');
			assert.equal(answer.status, 200, answer.text);
			assert.ok(performance.now() - began < 1000 * slack, 'an old connection waits');
		}
		const posted = await old.event(gateway.opening(`D-${limit}`));
		assert.equal(posted.status, 201, posted.text);

		const before = gateway.cpu_ms();
		await pause(1000); /* the measured second: nothing happens in it, and nothing should */
		const spent = gateway.cpu_ms() - before;
		assert.ok(spent < 100 * slack, `${spent.toFixed(1)} ms of CPU in an idle second`);

		for (const c of [...inside, ...outside])
			await c.close();
		const late = gateway.client();
		assert.ok(await late.connected(5000 * slack), 'a connection that comes after the crowd has left is not let in');
		assert.equal((await late.get('/v1/regions/621202')).status, 200);
		assert.equal((await old.get('/v1/regions/621202')).status, 200);
		await late.close();
		await old.close();
		const pauses = gateway.events('accept_paused').length;
		await gateway.stop();
		t.diagnostic(`${inside.length} in, ${outside.length} out, ${pauses} pauses, ${spent.toFixed(1)} ms CPU in the idle second`);
	});
}
