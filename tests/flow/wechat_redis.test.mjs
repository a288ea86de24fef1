// Goal: nodes share one access token over Redis, sealed; whoever comes second fetches none. Without Redis each node asks for itself and goes on.
import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { sandbox } from '../sandbox/lib/client.mjs';
import { Gateway } from './lib/gateway.mjs';
import { People, device, phone } from './lib/people.mjs';
import { redis } from './lib/redis.mjs';
import { on_postgres } from './lib/stores.mjs';
import { until } from './lib/until.mjs';
import { WeChat, wechat_settings } from './lib/wechat.mjs';

const s = await sandbox(), r = await redis();
const settings = { ...wechat_settings(s), ...r.settings, loops: 1 };
const nodes = await Promise.all([1, 2, 3].map(() => Gateway.start({ data: false, settings })));
// Nodes of one gateway have one set of keys, and one database where there is a server for it: otherwise the others begin with a copy.
for (const g of nodes) await g.stop();
for (const g of nodes.slice(1)) {
	cpSync(path.join(nodes[0].state, 'keys'), path.join(g.state, 'keys'), { recursive: true });
	if (on_postgres) g.configure({ 'store.url': nodes[0].settings['store.url'] });
	else cpSync(path.join(nodes[0].state, 'siban.db'), path.join(g.state, 'siban.db'));
}
for (const g of nodes) await g.serve();
const is_up = async (one) => (await one.admin('/readyz?verbose')).text.includes('[+] expiring');
const people_of = (g) => Object.assign(new People(g), { s });
const log_in = (g) => new WeChat(people_of(g), phone()).login(device(), { with_phone: true });
const fetched = async () => (await s.log({ peer: 'wechat' })).entries.filter((e) => e.route === 'stable_token').length;
const count = async (g, end) => Number(new RegExp(`provider_tokens[a-z_]*\\{end="${end}"\\} ([0-9]+)`).exec((await g.admin('/metrics')).text)?.[1] ?? 0);

test('two nodes at once: one fetches, the other waits for it; a third finds it there', async () => {
	await until('all have Redis', async () => (await Promise.all(nodes.map(is_up))).every(Boolean));
	await s.fault('wechat', { delay_ms: 400, route: 'stable_token' });
	await Promise.all([log_in(nodes[0]), log_in(nodes[1])]);
	assert.equal(await fetched(), 1);
	await log_in(nodes[2]);
	assert.equal(await fetched(), 1);
	const ends = await Promise.all(nodes.map(async (g) => [await count(g, 'fetched'), await count(g, 'shared')]));
	assert.deepEqual(ends.map(([f, h]) => f + h), [1, 1, 1]);
	const { access_token } = (await s.log({ peer: 'wechat' })).entries.find((e) => e.fields.access_token).fields;
	const holds = `EVAL "return string.find(redis.call('HGET', KEYS[1], 'v'), ARGV[1], 1, true) and 1 or 0" 1 siban:PROVIDER_TOKEN:wechat_mini ${access_token}`;
	assert.equal(await r.say(holds), ':0', 'there, and sealed');
	await s.clear_faults();
});

test('a token that is over: the first who is told looks, the others find what he found', async () => {
	const before = await fetched();
	await s.tell('wechat', 'stale');
	for (const g of nodes) await log_in(g);
	assert.equal(await fetched(), before + 1);
});

test('without Redis a node cannot count logins and says so; with it again, all is as before', async () => {
	await r.kill();
	await until('Redis is missed', async () => !(await is_up(nodes[0])));
	const one = new WeChat(people_of(nodes[0]), phone()), answer = await one.grant(await one.codes(), device());
	assert.deepEqual([answer.status, answer.json.code], [503, 'try_later']);
	await r.start();
	await until('Redis is found again', () => is_up(nodes[0]));
	await log_in(nodes[0]);
	await Promise.all(nodes.map((g) => g.stop()));
});
