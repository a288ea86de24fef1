// Goal: login over a real redis-server (see lib/login_flow.mjs); without it no code is sent or taken, and whoever is logged in stays so; nothing in it reads as
// a phone or a code; a session that ends in one process is looked up anew in the other; and a login at the province begins in one and ends in the other.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Gateway } from './lib/gateway.mjs';
import { login_flow } from './lib/login_flow.mjs';
import { People, device, phone } from './lib/people.mjs';
import { Province, provincial_settings } from './lib/province.mjs';
import { redis } from './lib/redis.mjs';
import { on_postgres } from './lib/stores.mjs';
import { until } from './lib/until.mjs';

const r = await redis();
const { g, s, people } = await login_flow({ ...r.settings, 'expiring.deadline': 1000 }); // a busy machine is not a Redis that is away

const is_up = async (one) => (await one.admin('/readyz?verbose')).text.includes('[+] expiring');

test('with Redis away codes are refused, sessions go on, and it comes back by itself', async () => {
	const number = phone(), id = device(), tokens = await people.login(number, id), code = await people.code(phone(), device());
	await r.kill();
	await until('Redis is missed', async () => !(await is_up(g)));
	const refused = await people.ask_code(phone(), device());
	assert.deepEqual([refused.status, refused.json.code], [503, 'try_later']);
	assert.ok(Number(refused.headers['retry-after']) > 0);
	const tried = await people.try_code(number, code, id);
	assert.deepEqual([tried.status, tried.json.error, tried.json.code], [503, 'temporarily_unavailable', 'try_later']);
	assert.equal((await g.get('/v1/me', { token: tokens.access_token })).status, 200);
	assert.equal((await people.refresh(tokens.refresh_token, id)).status, 200);
	await r.start();
	await until('Redis is found again', () => is_up(g));
	await until('codes are sent again', async () => (await people.ask_code(phone(), device())).status === 202);
});

test('a session that ends in one process is looked up anew in the other', { skip: on_postgres && 'there no row is kept' }, async () => {
	const [a, b] = await Promise.all([1, 2].map(() => Gateway.start({ data: false, settings: { ...r.settings, 'expiring.prefix': 'two:', loops: 1 } })));
	await until('both have Redis', async () => (await is_up(a)) && (await is_up(b)));
	const there = new People(b), here = new People(a), id = device();
	const mine = await here.login(phone(), id), theirs = await there.login(phone(), device()); // both are the first session of their own database
	const stale = async () => Number(/siban_row_cache[^\n]*"session_stale"[^\n]* ([0-9]+)/.exec((await b.admin('/metrics')).text)?.[1] ?? 0);
	assert.equal((await b.get('/v1/me', { token: theirs.access_token })).status, 200);
	const before = await stale();
	await here.form('/oauth2/revoke', { token: mine.access_token });
	assert.equal((await a.get('/v1/me', { token: mine.access_token })).status, 401);
	await until('the other process has forgotten its row', async () => {
		assert.equal((await b.get('/v1/me', { token: theirs.access_token })).status, 200); // by its own database it goes on
		return (await stale()) > before;
	});
	await Promise.all([a.stop(), b.stop()]);
});

test('a login at the province is begun in one process and ended in the other', async () => {
	const [a, b] = await Promise.all([1, 2].map(() => Gateway.start({ data: false, settings: { ...r.settings, ...provincial_settings(s), 'expiring.prefix': 'province:', loops: 1 } })));
	await until('both have Redis', async () => (await is_up(a)) && (await is_up(b)));
	const here = new Province(a, s), there = new Province(b, s), id = device(), back = await here.visit(id, 'gs-0001');
	for (const wrong of [await there.end(device(), back), await there.end(id, { ...back, state: device() })]) assert.deepEqual([wrong.status, wrong.json.error], [400, 'invalid_grant']);
	const first = await there.end(id, back), again = await there.end(id, back);
	assert.deepEqual([first.status, first.json.level, again.status], [200, 2, 200]);
	assert.equal((await b.get('/v1/me', { token: first.json.access_token })).status, 401);
	assert.equal((await there.end(id, { ...back, code: 'another' })).json.error, 'invalid_grant');
	await Promise.all([a.stop(), b.stop()]);
});
