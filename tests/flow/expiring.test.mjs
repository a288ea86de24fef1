// Goal: the expiring store is this process's memory, or Redis when expiring.url says so; /readyz?verbose tells which way it stands, a node without it stays
// ready for everything else, it comes back by itself, and the gateway starts and stops as well with it as without.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import test from 'node:test';
import { Gateway, gateway } from './lib/gateway.mjs';
import { redis } from './lib/redis.mjs';
import { until } from './lib/until.mjs';

const r = await redis({ password: 'a-password-nobody-logs' });
const g = await gateway({ data: false, settings: r.settings });

const stands = async (up) => {
	const answer = await g.admin('/readyz?verbose');
	assert.equal(answer.status, 200);
	return answer.text.includes(`[${up ? '+' : '-'}] expiring\n`);
};

test('with Redis it is up, gone when Redis is gone, and back when Redis is back', async () => {
	await until('the links are up', () => stands(true));
	await r.kill();
	await until('the links are down', () => stands(false));
	await r.start();
	await until('the links are up again', () => stands(true));
	assert.ok(!g.log().includes(r.password));
});

test('a wrong password leaves it down, and everything else up', async () => {
	const other = await Gateway.start({ data: false, settings: { ...r.settings } });
	await other.stop();
	writeFileSync(r.password_file, 'another', { mode: 0o600 });
	await other.serve();
	assert.match((await other.admin('/readyz?verbose')).text, /\[-\] expiring\n/);
	assert.equal((await other.get('/v1/regions')).status, 200);
	await other.stop();
	writeFileSync(r.password_file, r.password, { mode: 0o600 });
});

test('without Redis it is memory, and always there', async () => {
	const alone = await Gateway.start({ data: false });
	assert.match((await alone.admin('/readyz?verbose')).text, /\[\+\] expiring\n/);
	await alone.stop();
});

test('an address that is none stops the start, and says which', async () => {
	const wrong = await Gateway.start({ data: false, may_end_badly: true });
	await wrong.stop();
	wrong.configure({ 'expiring.url': 'http://localhost/' });
	await assert.rejects(wrong.serve(), /expiring\.url: begins with redis:\/\/, rediss:\/\/, sentinel:\/\/, sentinels:\/\/ or unix:\//);
});

test('a server that hangs does not keep the gateway from stopping', async () => {
	const stopped = await Gateway.start({ data: false, settings: r.settings });
	r.hang();
	try {
		await stopped.stop();
	} finally {
		r.go_on();
	}
});
