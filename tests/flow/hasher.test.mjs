// Goal: whoever kills the processes that hash passwords while logins wait for them takes no verdict with him, and they go when the gateway goes.
// Method: the processes are stopped before they have seen a password, an activation and a wrong login wait for them, then they are killed. That new ones
// come is seen in unit.gateway_hasher: on a machine that is busy with others they get no time at all, and rightly so.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { gateway } from './lib/gateway.mjs';
import { Clerk } from './lib/staff.mjs';
import { until } from './lib/until.mjs';

const g = await gateway({ settings: { 'rate.public': 0, 'lane.cpu_threads': 2 } });
const hashers = () => readdirSync(`/proc/${g.child.pid}/task`).flatMap((task) => readFileSync(`/proc/${g.child.pid}/task/${task}/children`, 'utf8').trim().split(' '))
	.filter((pid) => pid !== '').map(Number);
const metric = async (name, label) => {
	const line = (await g.admin('/metrics')).text.split('\n').find((l) => l.startsWith(`${name}{`) && l.includes(label));
	return line === undefined ? 0 : Number(line.split(' ').at(-1));
};
const begun = () => metric('siban_lane_wait_seconds_count', 'cpu');

test('killed while an activation and a login wait for them: each has its verdict', async () => {
	const code = await g.command('staff', 'add', '--first', '--account', 'li.system', '--name', '李建国', '--role', 'system_admin', '--region', '621200');
	const killed = hashers(), clerk = new Clerk(g, 'li.system'), nobody = new Clerk(g, 'nobody.here');
	assert.equal(killed.length, 2);
	for (const pid of killed) process.kill(pid, 'SIGSTOP');
	const before = await begun(), waiting = [clerk.activate(code), nobody.try_login({ totp: '123456' })];
	await until('both are at work', async () => await begun() >= before + 2);
	for (const pid of killed) process.kill(pid, 'SIGKILL');
	assert.equal((await waiting[1]).status, 401);
	await waiting[0];
	assert.equal((await clerk.try_login({ totp: '123456' })).status, 401);
	assert.equal((await clerk.login()).token.length, 47);
	assert.ok(await metric('siban_password_hashes_total', 'lost') + await metric('siban_password_hashes_total', 'late') >= 2);
});

test('they are gone with the gateway', async () => {
	const left = hashers();
	await g.stop();
	for (const pid of left) assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
});
