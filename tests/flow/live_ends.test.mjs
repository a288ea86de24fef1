// Goal: how a live stream ends. A token that ends ends it, a reader that takes nothing is cut off without harm to others, a stop says goodbye, and after a
// kill -9 the person goes on where he was: nothing lost, nothing twice.
import assert from 'node:assert/strict';
import http2 from 'node:http2';
import test from 'node:test';
import { Case, assert_problem, id_number, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { Frames, Sse, Ws, ws_over_h2 } from './lib/live.mjs';
import { until } from './lib/until.mjs';

const g = await gateway({ settings: { 'stream.per_person': 20, 'stream.heartbeat': 1, 'timeout.body': 1000, 'rate.read': 0 } });
const w = await world(g);
let people = 3000;
const somebody = async () => {
	const person = id_number(people++), token = await g.citizen(person);
	return { person, token, open: () => new Case(g, w, { person }) };
};
const sql = (text) => g.sql(text);
const metric = async (line) => Number((await g.admin('/metrics')).text.split('\n').find((l) => l.startsWith(`${line} `))?.split(' ')[1] ?? 0);

test('a sign of life comes on each, and a peer that gives none is let go', async () => {
	const { token } = await somebody(), sse = await Sse.open(g, { token }), ws = await Ws.open(g, { token }), deaf = await ws_over_h2(g, { token });
	await until('comments and pings', () => sse.comments >= 2 && ws.comments >= 2);
	await until('the deaf one is cut', () => deaf.is_over); // it answers no ping
	assert.equal(sse.is_over || ws.is_over, false);
	for (const one of [sse, ws, deaf]) one.close();
});

test('when the token ends, its streams end, with a word', async () => {
	const { token } = await somebody(), other = await somebody();
	const sse = await Sse.open(g, { token }), ws = await Ws.open(g, { token }), stays = await Sse.open(g, { token: other.token });
	sql(`UPDATE token SET revoked_ms = 1 WHERE id = (SELECT t.id FROM token t ORDER BY t.id DESC LIMIT 1 OFFSET 1)`);
	await sse.event('its last word', (e) => e.event === 'login');
	await until('its end', () => sse.is_over);
	assert.ok(sse.ended_cleanly);
	assert.equal((await ws.closed).code, 4001);
	assert.equal(stays.is_over, false);
	stays.close();
});

test('a reader that takes nothing is cut off, and nobody else feels it', async () => {
	const { token, open } = await somebody(), c = await open().live('received', 'accepted');
	const narrow = () => http2.connect(`https://localhost:${g.public_port}`, { ca: g.ca, host: '127.0.0.1', servername: 'localhost', settings: { initialWindowSize: 4096 } });
	const ear = await Sse.open(g, { token, after: 0 });
	const deaf = await Sse.open(g, { token, after: 0, session: narrow(), paused: true });
	const tunnel = narrow();
	tunnel.on('error', () => {});
	const stalled = await ws_over_h2(g, { token, after: 0, session: tunnel });
	stalled.stream.removeAllListeners('data');
	stalled.stream.pause();
	assert.equal(await metric('siban_live_streams{kind="websocket"}'), 1);
	let cut = 0;
	for (const one of [deaf.stream, stalled.stream]) one.on('close', () => { cut++; });
	for (let i = 0; i < 20; i++) await c.live('correct_asked', 'correct_done');
	await ear.event('the last', (e) => e.event === 'case_moved' && e.data.seq === 42);
	await until('both are cut', () => cut === 2);
	assert.equal(deaf.ended_cleanly, undefined);
	assert.deepEqual(ear.ids, Array.from({ length: ear.ids.length }, (_, i) => i + 1));
	assert.equal(ear.is_over, false);
	await until('their seats are free', async () => await metric('siban_live_streams{kind="websocket"}') === 0);
	const again = await Sse.open(g, { token, after: deaf.events.at(-1)?.id ?? 0 });
	await again.event('what it had not taken', (e) => e.event === 'case_moved' && e.data.seq === 42);
	for (const one of [again, ear]) one.close();
	tunnel.destroy();
	deaf.session.destroy();
});

test('a node has so many live streams, whoever’s they are', async () => {
	const first = await somebody(), second = await somebody();
	const limit = async (n) => {
		g.configure({ 'stream.connections': n });
		assert.equal((await g.control('POST', '/control/reload')).status, 200);
	};
	await until('nobody is left', async () => await metric('siban_live_streams{kind="sse"}') + await metric('siban_live_streams{kind="websocket"}') === 0);
	await limit(1);
	const sse = await Sse.open(g, { token: first.token });
	assert_problem(await g.get('/v1/stream', { token: second.token }), 503, 'busy');
	sse.close();
	await limit(20000);
	const again = await Sse.open(g, { token: second.token });
	assert.equal(again.status, 200);
	again.close();
});

test('after kill -9 everybody goes on where he was', async () => {
	const { token, open } = await somebody(), c = await open().live('received', 'accepted', 'correct_asked');
	const before = [await Sse.open(g, { token, after: 0 }), await Ws.open(g, { token, after: 0 })];
	for (const one of before) await one.event('the fifth', (e) => e.id === 5);
	await g.kill();
	await until('they notice', () => before.every((one) => one.is_over));
	for (const one of before) one.close();
	await g.serve();
	const after = [await Sse.open(g, { token, last_event_id: before[0].events.at(-1).id }), await Ws.open(g, { token, after: before[1].events.at(-1).id })];
	await c.send('correct_done');
	for (const [i, one] of after.entries()) {
		await one.event('the seventh', (e) => e.id === 7);
		assert.deepEqual([...before[i].ids, ...one.ids], [1, 2, 3, 4, 5, 6, 7]);
		one.close();
	}
});

test('a gateway that stops says so', async () => {
	const { token } = await somebody(), sse = await Sse.open(g, { token }), ws = await Ws.open(g, { token }), h2 = await ws_over_h2(g, { token });
	const stopped = g.stop();
	assert.equal((await ws.closed).code, 1001);
	await h2.closed_with(1001);
	await until('the stream’s end', () => sse.is_over);
	assert.ok(sse.ended_cleanly);
	assert.deepEqual(sse.retries, [3000, 1000]);
	assert.ok(h2 instanceof Frames);
	h2.frame({ opcode: 8, payload: Buffer.from([3, 233]) });
	sse.close();
	h2.close();
	await stopped;
});
