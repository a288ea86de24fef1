// Goal: two gateways on one database, under load, killed and stopped in their tracks in turn: no effect is lost, no text is sent twice, each webhook is done, and what nobody can know is shown
// as unknown. And a database that is away for longer than a lease buries nobody.
// Method: writers that post to whichever node takes it; the receivers outside are the oracle. SIBAN_LONG=1: ten times as many. SIBAN_SEED begins elsewhere.
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { control_request } from '../flow/lib/clients.mjs';
import { Gateway, is_long } from '../flow/lib/gateway.mjs';
import { ACCESS_KEY, ACCESS_SECRET } from '../flow/lib/outside.mjs';
import { postgres } from '../flow/lib/postgres.mjs';
import { redis } from '../flow/lib/redis.mjs';
import { until } from '../flow/lib/until.mjs';
import { sandbox } from '../sandbox/lib/client.mjs';
import { EffectPeer } from './lib/effect_peers.mjs';
import { seeded, slack } from './lib/gateway.mjs';

const LEASE = slack > 1 ? 8000 : 4000, MANY = is_long ? 8000 : 800, WRITERS = 8;
const [server, r, s, peer] = await Promise.all([postgres({ durable: true }), redis(), sandbox(), EffectPeer.start()]);
after(() => peer.stop());
const database = await server.database(), room = mkdtempSync(path.join(os.tmpdir(), 'siban-nodes-'));
const secret = (name, text) => {
	const file = path.join(room, name);
	writeFileSync(file, text, { mode: 0o600 });
	return file;
};
const settings = { ...r.settings, 'store.url': server.url(database), 'node.lease': LEASE, 'log.access': 'false', loops: 1, 'store.pool': 4,
	'sms.aliyun.url': `${s.url}/`, 'sms.aliyun.key_id': ACCESS_KEY, 'sms.aliyun.key_secret_file': secret('sms', ACCESS_SECRET), 'sms.aliyun.sign_name': '陇南四办',
	'sms.aliyun.template.case_moved': 'SMS_100000002', 'sms.aliyun.rate': 0, 'webhook.url': `${peer.url}/hook`, 'webhook.rate': 0, 'webhook.secret_file': secret('hook', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw') };
const start = (beside) => Gateway.start({ data: false, may_end_badly: true, settings, beside });
const a = await start(), b = await start(a);
after(async () => {
	await b.stop();
	await a.stop();
});
const say = (sql) => server.say(sql, database), number = async (sql) => Number(await say(sql));
const events = (g, name) => g.log().split('\n').filter((line) => line.includes(`"ev":"${name}"`)).length;
const alive = () => number('SELECT count(*) FROM node WHERE ended_ms = 0');
const beats = async () => new Map((await say('SELECT id, beat FROM node WHERE ended_ms = 0')).split('\n').map((line) => line.split('|').map(Number)));

test('a database that is away for longer than a lease buries nobody', { timeout: 120000 * slack }, async () => {
	await until('both beat', async () => (await beats()).size === 2);
	const before = await beats(), began = Date.now();
	server.hang();
	try {
		await until('a lease and a half are over', () => Date.now() - began > 1.5 * LEASE, 3 * LEASE);
	} finally {
		server.go_on();
	}
	await until('both have beaten again', async () => {
		const now = await beats();
		return [...before].every(([id, beat]) => now.get(id) > beat + 2);
	}, 30000 * slack);
	assert.equal((await beats()).size, 2);
	for (const g of [a, b]) assert.deepEqual([events(g, 'node_dead'), events(g, 'node_lost')], [0, 0]);
});

test('killed and stopped in turn under load: each done, or openly unknown', { timeout: 300000 * slack }, async (t) => {
	const draw = seeded(Number(process.env.SIBAN_SEED ?? 20261126)), kinds = ['webhook', 'sms_aliyun'];
	peer.act = () => ({ after: 5 });
	let sent = 0;
	const post = (g, kind, n) => control_request(g, 'POST', `/control/effects/send/${kind}`, { headers: { 'content-type': 'application/json' },
		body: kind === 'webhook' ? { type: 'case.moved' } : { phone: `138${String(10000009 + n * 10).slice(-8)}`, template: 'case_moved', params: { case_no: 'LN1', status: '已受理' } } })
		.then((answer) => answer.status === 201, () => false);
	const writers = Array.from({ length: WRITERS }, async () => {
		for (let n; (n = sent++) < MANY;) // one that stands still takes it and says nothing: then the other is asked
			await until('it is taken', () => Promise.race([post([a, b][draw(2)], kinds[n % 2], n), pause(2000 * slack, false, { ref: false })]), 60000 * slack);
	});
	const dies = (g) => async () => {
		await g.kill();
		await pause(draw(200));
		await g.serve();
	};
	const stands = (g, other) => async () => {
		const dead = events(other, 'node_dead');
		g.child.kill('SIGSTOP');
		await until('the other has buried it', () => events(other, 'node_dead') > dead, 60000 * slack);
		await pause(draw(200));
		g.child.kill('SIGCONT');
		await until('both live', async () => (await alive()) === 2, 60000 * slack);
	};
	const disturbances = [dies(a), stands(b, a), dies(b), stands(a, b), dies(a)];
	for (const [i, disturb] of disturbances.entries()) {
		await until('it is time', () => sent >= (MANY / (disturbances.length + 1)) * (i + 1), 120000 * slack);
		await pause(draw(60));
		await disturb();
	}
	await Promise.all(writers);
	await until('nothing is open', async () => (await number('SELECT count(*) FROM effect WHERE state IN (1, 2, 6)')) === 0, 200000 * slack);

	const texts = new Map();
	for (const m of (await s.show('aliyun_sms')).messages) texts.set(m.out_id, (texts.get(m.out_id) ?? 0) + 1);
	assert.ok([...texts.values()].every((n) => n === 1), 'a text was sent twice');
	const by = (kind, state) => number(`SELECT count(*) FROM effect WHERE kind = ${kind} AND state = ${state}`);
	const sms = await number('SELECT count(*) FROM effect WHERE kind = 1'), hooks = await number('SELECT count(*) FROM effect WHERE kind = 2');
	assert.ok(sms + hooks >= MANY);
	assert.equal(await by(1, 3) + await by(1, 5), sms, 'a text is neither done nor unknown');
	assert.ok(texts.size >= await by(1, 3) && texts.size <= sms);
	assert.ok(await by(1, 5) <= disturbances.length * 2 * 64, 'more are unknown than were under way or unwritten');
	assert.equal(await by(2, 3), hooks, 'a webhook is not done');
	assert.equal(peer.deeds.size, hooks, 'the receiver knows other keys than we do');
	assert.equal(await number('SELECT count(*) FROM effect e WHERE owner <> 0 OR attempts <> (SELECT count(*) FROM effect_attempt x WHERE x.effect = e.id) + CASE WHEN done_ms > 0 THEN 1 ELSE 0 END'), 0);
	const twice = [...peer.deeds.values()].filter((n) => n > 1).length, late = events(a, 'effect_late') + events(b, 'effect_late');
	t.diagnostic(`${sms + hooks} effects, ${disturbances.length} disturbances: ${await by(1, 5)} texts unknown, ${twice} webhooks twice with the same id, ${late} ends came too late`);
});
