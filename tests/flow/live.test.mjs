// Goal: what happens to a case is on its person's open connections at once, and on nobody else's; and whoever was away loses nothing and hears nothing
// twice. Server-sent events and WebSockets, over both protocols, tell the same.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Case, assert_problem, id_number, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { Sse, Ws, ws_over_h2 } from './lib/live.mjs';
import { until } from './lib/until.mjs';
import { WireH1 } from './lib/wire_h1.mjs';

const g = await gateway({ settings: { 'stream.per_person': 40, 'rate.read': 0 } });
const w = await world(g, { test_key: true });
let people = 1000;
// A citizen nobody else has to do with, and a case of his.
async function somebody() {
	const person = id_number(people++), token = await g.citizen(person);
	return { person, token, open: () => new Case(g, w, { person }) };
}

test('a decided case is on the open stream, on the open WebSockets and in the inbox', async () => {
	const { token, open } = await somebody(), c = await open().live('received', 'accepted');
	const sse = await Sse.open(g, { token }), ws = await Ws.open(g, { token }), h2 = await ws_over_h2(g, { token });
	assert.equal(sse.status, 200);
	assert.equal(sse.headers['content-type'], 'text/event-stream; charset=utf-8');
	assert.equal(sse.headers['cache-control'], 'no-store');
	assert.equal(h2.status, 200);
	await c.send('decided_ok');
	const told = [];
	for (const client of [sse, ws, h2]) {
		const moved = await client.event('the move', (e) => e.event === 'case_moved');
		assert.equal(moved.data.case_no, c.case_no);
		assert.equal(moved.data.state, 'decided_ok');
		const message = await client.event('the message', (e) => e.event === 'message');
		assert.equal(message.id, moved.id + 1);
		assert.equal(message.data.title, '审批通过');
		assert.ok(message.data.body.includes(c.case_no) && message.data.body.includes(w.matter.name), message.data.body);
		told.push(message.data);
		client.close();
	}
	assert.deepEqual(told[1], told[0]);
	assert.deepEqual(told[2], told[0]);
	const inbox = (await g.get('/v1/messages', { token })).json;
	assert.deepEqual(inbox.items[0], told[0]);
	assert.deepEqual(inbox.items.map((m) => m.template), ['decided_ok', 'accepted']);
	assert.equal(inbox.unread_count, 2);
});

test('nobody hears what is another’s', async () => {
	const mine = await somebody(), other = await somebody();
	const ears = [await Sse.open(g, { token: other.token }), await Ws.open(g, { token: other.token })];
	await mine.open().live('received', 'accepted');
	const c = await other.open().live('received');
	for (const ear of ears) {
		await ear.event('the own event', (e) => e.data.case_no === c.case_no);
		assert.equal(ear.events.length, 1, JSON.stringify(ear.events));
		ear.close();
	}
});

test('events that waited are told in their order, each once', async () => {
	const { token, open } = await somebody(), c = open(), sse = await Sse.open(g, { token });
	for (const [seq, event] of [[4, 'decided_ok'], [3, 'accepted'], [2, 'received']]) await c.send(event, { seq, expect: 202 });
	await c.send('submitted', { seq: 1 });
	await sse.event('the last', (e) => e.event === 'message' && e.data.template === 'decided_ok');
	assert.deepEqual(sse.events.filter((e) => e.event === 'case_moved').map((e) => e.data.seq), [1, 2, 3, 4]);
	assert.deepEqual(sse.events.filter((e) => e.event === 'message').map((e) => e.data.template), ['accepted', 'decided_ok']);
	assert.deepEqual(sse.ids, [1, 2, 3, 4, 5, 6]);
	sse.close();
	assert.equal((await g.get('/v1/messages', { token })).json.items.length, 2);
});

test('the words come in the language asked for', async () => {
	const { token, open } = await somebody(), sse = await Sse.open(g, { token, lang: 'en' }), c = await open().live('received', 'accepted');
	assert.match((await sse.event('the message', (e) => e.event === 'message')).data.body, /^Your case LN\d{23} \(.+\) was accepted/);
	assert.equal((await sse.event('the move', (e) => e.data.state === 'accepted')).data.state_text, 'Accepted');
	sse.close();
	const [item] = (await g.get('/v1/messages', { token, lang: 'en' })).json.items;
	assert.equal(item.title, 'Accepted');
	assert.equal((await g.get(`/v1/messages/${item.id}`, { token })).json.title, '已受理');
	assert.ok(c.case_no);
});

test('a stream begins now, behind an event, or says that it cannot', async () => {
	const { token, open } = await somebody(), c = await open().live('received', 'accepted', 'correct_asked');
	const all = await Sse.open(g, { token, after: 0 });
	await all.event('the fifth', (e) => e.id === 5);
	assert.deepEqual(all.ids, [1, 2, 3, 4, 5]);
	const header = await Sse.open(g, { token, after: 1, last_event_id: 3 }), query = await Ws.open(g, { token, after: 3 }), fresh = await Sse.open(g, { token });
	const beyond = await Sse.open(g, { token, after: 77 });
	await c.send('correct_done');
	for (const [client, ids] of [[header, [4, 5, 6, 7]], [query, [4, 5, 6, 7]], [fresh, [6, 7]], [all, [1, 2, 3, 4, 5, 6, 7]]]) {
		await client.event('the seventh', (e) => e.id === 7);
		assert.deepEqual(client.ids, ids);
		client.close();
	}
	const reset = await beyond.event('the reset', (e) => e.event === 'reset');
	assert.ok(reset.id >= 5 && reset.data.reload.includes('/v1/messages'));
	await beyond.event('what comes after', (e) => e.id === 7);
	beyond.close();
	for (const after of ['x', '-1', '1e3']) assert_problem(await g.get(`/v1/stream?after=${after}`, { token }), 400, 'invalid_query');
	assert_problem(await g.get('/v1/stream', { token, headers: { 'last-event-id': 'now' } }), 400, 'invalid_query');
});

test('random partings: what was heard, one after another, is what was told', async () => {
	const { token, open } = await somebody(), heard = { sse: [], ws: [], h2: [] };
	const ways = { sse: Sse.open, ws: Ws.open, h2: ws_over_h2 };
	const c = await open().live('received', 'accepted');
	let over = false;
	const listen = async (way) => {
		for (let after = 0; !over || after < last;) {
			const client = await ways[way](g, { token, after });
			const enough = 1 + Math.floor(Math.random() * 5);
			await until(`event ${enough}`, () => client.events.length >= enough || (over && client.events.at(-1)?.id === last) || (over && after === last));
			const got = client.events.slice(); // what was read before the line went dead
			client.close();
			heard[way].push(...got);
			after = heard[way].at(-1)?.id ?? after;
		}
	};
	let last = Infinity;
	const listeners = Object.keys(ways).map(listen);
	for (let i = 0; i < 15; i++) await c.live('correct_asked', 'correct_done');
	const table = await Sse.open(g, { token, after: 0 });
	await table.event('all of it', (e) => e.event === 'case_moved' && e.data.seq === 32);
	await until('its message', () => table.events.filter((e) => e.event === 'message').length === 31);
	table.close();
	last = table.events.at(-1).id;
	over = true;
	await Promise.all(listeners);
	assert.deepEqual(table.ids, Array.from({ length: 63 }, (_, i) => i + 1));
	for (const way of Object.keys(ways)) assert.deepEqual(heard[way], table.events, way);
});

test('what was read on one device is read on all; the second time changes nothing', async () => {
	const { token, open } = await somebody(), other = await somebody();
	await open().live('received', 'accepted', 'decided_no');
	const sse = await Sse.open(g, { token }), [newest] = (await g.get('/v1/messages', { token })).json.items;
	for (let i = 0; i < 2; i++) assert.equal((await g.ask('POST', `/v1/messages/${newest.id}/read`, { token })).status, 204);
	const told = await sse.event('the news', (e) => e.event === 'message_read');
	assert.equal(told.data.id, newest.id);
	const inbox = (await g.get('/v1/messages', { token })).json;
	assert.equal(inbox.unread_count, 1);
	assert.equal(inbox.items[0].read_at, told.data.read_at);
	assert.equal(sse.events.length, 1);
	sse.close();
	for (const id of [newest.id, 'ms_01M8AC4N8TP20RS5BPXSY5DKVN', 'nothing']) {
		const answers = [await g.get(`/v1/messages/${id}`, { token: other.token }), await g.get(`/v1/messages/${id}/trace`, { token: other.token }),
			await g.ask('POST', `/v1/messages/${id}/read`, { token: other.token })];
		for (const a of answers) assert_problem(a, 404, 'not_found');
	}
	assert.equal((await g.get('/v1/messages', { token })).json.unread_count, 1);
});

test('the inbox in pages', async () => {
	const { token, open } = await somebody(), c = await open().live('received', 'accepted');
	for (let i = 0; i < 3; i++) await c.live('correct_asked', 'correct_done');
	const seen = [];
	for (let target = '/v1/messages?limit=3'; target;) {
		const page = (await g.get(target, { token })).json;
		assert.equal(page.unread_count, 7);
		seen.push(...page.items);
		target = page.next_cursor && `/v1/messages?limit=3&cursor=${page.next_cursor}`;
	}
	assert.equal(new Set(seen.map((m) => m.id)).size, 7);
	assert.deepEqual(seen.map((m) => m.template), ['accepted', 'correct', 'accepted', 'correct', 'accepted', 'correct', 'accepted'], 'newest first');
});

test('the trace says that it is in the inbox, and that there was no phone', async () => {
	const { token, open } = await somebody();
	await open().live('received', 'accepted');
	const [m] = (await g.get('/v1/messages', { token })).json.items, trace = (await g.get(`/v1/messages/${m.id}/trace`, { token })).json;
	assert.equal(trace.inbox.text, '消息已放入收件箱');
	assert.deepEqual(trace.rungs, []);
	assert.match(trace.next, /没有发送短信/);
});

test('who may listen', async () => {
	for (const target of ['/v1/stream', '/v1/messages', '/v1/ws']) {
		assert_problem(await g.get(target), 401, 'login_required');
		assert_problem(await g.get(target, { token: 'sbc_' + 'x'.repeat(43) }), 401, 'invalid_token');
		assert_problem(await g.get(target, { token: w.department }), 403, 'forbidden');
	}
	assert_problem(await g.get(`/v1/stream?token=${w.citizen}`), 401, 'login_required');
	const head = await g.ask('HEAD', '/v1/stream', { token: w.citizen });
	assert.equal(head.status, 200);
	assert.equal(head.headers['content-type'], 'text/event-stream; charset=utf-8');
});

test('over HTTP/1.1 the stream is chunked; over HTTP/1.0 it ends with the connection', async () => {
	for (const version of ['1.1', '1.0']) {
		const { token, open } = await somebody(), wire = await WireH1.open(g);
		wire.send(`GET /v1/stream HTTP/${version}\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n\r\n`);
		const head = await wire.take_until('\r\n\r\n');
		assert.match(head, /^HTTP\/1\.1 200 /);
		assert.doesNotMatch(head, /content-length/i);
		assert.equal(/transfer-encoding: chunked/i.test(head), version === '1.1');
		assert.equal(/connection: close/i.test(head), version === '1.0');
		if (version === '1.1') {
			const chunk = async () => (await wire.take(Number.parseInt(await wire.take_until('\r\n'), 16) + 2)).toString('utf8').trimEnd();
			assert.equal(await chunk(), 'retry: 3000');
			await open().live('received');
			assert.match(await chunk(), /^id: 1\nevent: case_moved\ndata: \{.*\}$/);
		} else {
			await open().live('received');
			assert.match(await wire.take_until('}\n\n'), /^retry: 3000\n\nid: 1\nevent: case_moved\ndata: \{/);
		}
		wire.close();
	}
});
