// Goal: two gateways on one PostgreSQL and one Redis do everything once: effects, each by one of them; jobs, once a period. One that dies in the middle is taken over by the crash rules,
// one that stood still past its lease writes over nobody, and whoever waits at one for what the other does is not kept waiting.
// Method: receivers outside that count; calls that are held there, so that it is known whose they are when their node is killed or stopped in its tracks.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { EffectPeer } from '../fault/lib/effect_peers.mjs';
import { sandbox } from '../sandbox/lib/client.mjs';
import { control_request } from './lib/clients.mjs';
import { gateway } from './lib/gateway.mjs';
import { assert_documented } from './lib/openapi.mjs';
import { ACCESS_KEY, ACCESS_SECRET } from './lib/outside.mjs';
import { on_postgres } from './lib/stores.mjs';
import { until, within } from './lib/until.mjs';

assert.ok(on_postgres, 'several gateways share a PostgreSQL: SIBAN_STORE=postgres');
const HELD_PHONE = '13900000009', FEW = 1, MANY = 64;
const s = await sandbox(), peer = await EffectPeer.start(), room = mkdtempSync(path.join(os.tmpdir(), 'siban-nodes-'));
after(() => peer.stop());
const secret = (name, text) => {
	const file = path.join(room, name);
	writeFileSync(file, text, { mode: 0o600 });
	return file;
};
const shared = { loops: 1, 'node.lease': 3000, 'timeout.stop': 1000, 'timeout.park': 60000, 'sms.aliyun.url': `${s.url}/`, 'sms.aliyun.key_id': ACCESS_KEY, 'sms.aliyun.key_secret_file': secret('sms', ACCESS_SECRET),
	'sms.aliyun.sign_name': '陇南四办', 'sms.aliyun.template.case_moved': 'SMS_100000002', 'sms.aliyun.template.test': 'SMS_100000001', 'webhook.url': `${peer.url}/hook`,
	'webhook.secret_file': secret('hook', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw') };
const start = (settings, more = {}) => gateway({ data: false, fresh: 'nodes', may_end_badly: true, settings: { ...shared, ...settings }, ...more }); // nodes are counted from 1
const a = await start({ 'sms.aliyun.in_flight': FEW, 'webhook.in_flight': MANY });
let now_a = Number(a.sql('SELECT max(id) FROM node'));
const b = await start({ 'sms.aliyun.in_flight': MANY, 'webhook.in_flight': FEW }, { beside: a });

let phones = 0;
const phone = () => `138${String(10000000 + ++phones * 10 + 9)}`; // ends in 9: nothing special
const payloads = { webhook: () => ({ type: 'case.moved' }), sms_aliyun: (to = phone()) => ({ phone: to, template: 'case_moved', params: { case_no: 'LN1', status: '已受理' } }) };
const send = async (g, kind, to) => {
	const answer = await g.control('POST', `/control/effects/send/${kind}`, payloads[kind](to));
	assert.equal(answer.status, 201, answer.text);
	return answer.json.id;
};
const many = (g, kind, n) => Promise.all(Array.from({ length: n }, () => send(g, kind)));
const number = (sql) => Number(a.sql(sql));
const newest = () => number('SELECT max(id) FROM node');
const metric = async (g, line) => Number(new RegExp(`^siban_${line} (\\d+)$`, 'm').exec((await g.admin('/metrics')).text)?.[1] ?? 0);
const done_by = (g) => metric(g, 'effect_attempts_total{verdict="done"}');
const nodes = async (g) => (await g.control('POST', '/control/nodes')).json.items;
const events = (g, name) => g.log().split('\n').filter((line) => line.includes(name));
const texts = async (out_id) => (await s.show('aliyun_sms')).messages.filter((m) => m.out_id === out_id).length;
const key_of = async (g, id) => (await g.control('POST', `/control/effects/show/${id}`)).json.key;

const now_b = newest();

test('two nodes: each effect is sent once, by both of them, and what the one does for all the other leaves alone', async () => {
	assert.ok(now_b > now_a);
	await until('they know of each other', async () => (await metric(a, 'nodes_alive')) === 2 && (await metric(b, 'nodes_alive')) === 2);
	peer.act = () => ({ after: 15 });
	const bites = () => number("SELECT bites FROM job_lease WHERE name = 'seal'"), began = bites(), began_ms = Date.now();
	const hooks = await many(a, 'webhook', 60), sms = await many(b, 'sms_aliyun', 40);
	await until('all are done', () => number('SELECT count(*) FROM effect WHERE state = 3') === 100);
	assert.equal(peer.deeds.size, 60);
	assert.ok([...peer.deeds.values()].every((n) => n === 1));
	for (const id of sms.slice(0, 5)) assert.equal(await texts(await key_of(a, id)), 1);
	assert.equal((await s.show('aliyun_sms')).messages.length, 40);
	assert.equal(number('SELECT count(*) FROM effect WHERE attempts <> 1 OR owner <> 0'), 0);
	assert.equal(hooks.length, 60);
	const by_a = await done_by(a), by_b = await done_by(b);
	assert.ok(by_a > 5 && by_b > 5, `${by_a} by the one, ${by_b} by the other`);
	assert.equal(by_a + by_b, 100);
	await until('the sealer has looked three times more', () => bites() >= began + 4);
	assert.ok(Date.now() - began_ms > 2500, 'two seal');
	assert.equal(number(`SELECT count(*) FROM job_lease WHERE owner <> ${now_a}`), 0);
	const shown = await nodes(b);
	assert.deepEqual(shown.map((n) => [n.node, n.ended_at === undefined, n.jobs.length > 5]), [[now_b, true, false], [now_a, true, true]]);
	assert.match(await b.command('nodes'), /does .*seal.*\n2 alive$/s);
});

// Sends one after the other until `node` has one text and one webhook with the receivers, who have done them and say nothing; what it has there: a webhook, then texts.
async function hold(node, through) {
	peer.act = () => 'hold';
	await s.fault('aliyun_sms', { delay_ms: 600000, where: { PhoneNumbers: HELD_PHONE } });
	const of = () => a.sql(`SELECT id FROM effect WHERE state = 2 AND owner = ${node} ORDER BY kind DESC, id`).split('\n').filter((id) => id !== '');
	for (const kind of ['webhook', 'sms_aliyun'])
		for (const before = of().length; of().length === before;) {
			const id = await send(through, kind, HELD_PHONE);
			await until('somebody sends it', () => number(`SELECT count(*) FROM effect WHERE id = ${id} AND state = 2`) === 1);
		}
	const ids = of(), keys = await Promise.all(ids.map((id) => key_of(through, id)));
	await until('the receivers have done them', async () => peer.deeds.has(keys[0]) && await texts(keys.at(-1)) === 1);
	peer.act = () => 'answer';
	return { ids, keys };
}
const attempts_agree = () => assert.equal(number('SELECT count(*) FROM effect e WHERE attempts <> (SELECT count(*) FROM effect_attempt t WHERE t.effect = e.id) + CASE WHEN done_ms > 0 OR state = 2 THEN 1 ELSE 0 END'), 0);

test('who waits at one for what the other does goes on at once; who is killed is taken over by the crash rules', async () => {
	const { ids, keys } = await hold(now_a, a), [hook, sms] = ids;
	const woken = await metric(a, 'parks_total{end="woken"}'); // a has its one call open: b sends it
	const answer = assert_documented(await within(20000, 'an answer', control_request(a, 'POST', '/control/sms-tests', { body: { phone: phone(), params: { code: '123456', minutes: '5' } },
		headers: { 'content-type': 'application/json', 'idempotency-key': randomUUID() } })));
	assert.deepEqual([answer.status, answer.json.state], [200, 'done'], answer.text);
	assert.equal(await metric(a, 'parks_total{end="woken"}'), woken + 1);
	await a.kill();
	await until('the other has settled what it left', () => number(`SELECT count(*) FROM effect WHERE state = 5 AND id = ${sms} OR state = 3 AND id = ${hook}`) === 2);
	assert.equal(a.sql(`SELECT state, attempts, code, owner FROM effect WHERE id IN (${hook}, ${sms}) ORDER BY id`), '3|2|http_200|0\n5|1|crashed|0');
	assert.deepEqual([peer.deeds.get(keys[0]), await texts(keys[1])], [2, 1]); // the one receiver knows a repeat by its key, the other got none
	assert.match(await b.command('effects', 'list', '--state', 'unknown'), new RegExp(`^${sms} +sms_aliyun +unknown .*crashed`, 'm'));
	assert.equal(number(`SELECT count(*) FROM job_lease WHERE owner <> ${now_b}`), 0);
	assert.ok(events(b, 'node_dead').length > 0);
	attempts_agree();
});

test('who stood still past his lease writes over nobody, and goes on as somebody new', async () => {
	await a.serve(); // in the folder of the one that was killed
	now_a = newest();
	await until('they know of each other', async () => (await metric(a, 'nodes_alive')) === 2 && (await metric(b, 'nodes_alive')) === 2);
	const { ids, keys } = await hold(now_b, b);
	b.child.kill('SIGSTOP');
	await until('the other has settled what it had begun', () => number(`SELECT count(*) FROM effect WHERE id IN (${ids}) AND state IN (3, 5)`) === ids.length);
	assert.equal(number(`SELECT count(*) FROM job_lease WHERE owner <> ${now_a}`), 0);
	const rows = () => a.sql(`SELECT id, state, attempts, code, changed_ms FROM effect WHERE id IN (${ids}) ORDER BY id`), before = rows();
	for (const response of peer.held.splice(0)) response.writeHead(200).end();
	await s.clear_faults();
	b.child.kill('SIGCONT');
	await until('it has heard that it was buried', () => newest() > now_a && events(b, 'node_lost').length === 1);
	await until('its late end was written nowhere', () => events(b, 'effect_late').length > 0);
	assert.equal(rows(), before);
	assert.equal(number(`SELECT count(*) FROM job_lease WHERE owner <> ${now_a}`), 0);
	const more = await many(b, 'webhook', 12);
	await until('both go on', () => number(`SELECT count(*) FROM effect WHERE id IN (${more}) AND state = 3 AND attempts = 1`) === more.length);
	for (const id of more) assert.equal(peer.deeds.get(await key_of(a, id)), 1);
	assert.equal(peer.deeds.get(keys[0]), 2);
	attempts_agree();
	await b.stop();
	await a.stop();
	assert.equal(number('SELECT count(*) FROM node WHERE ended_ms = 0'), 0);
	assert.equal(number('SELECT count(*) FROM effect WHERE state = 2 OR owner <> 0'), 0);
});
