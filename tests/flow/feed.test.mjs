// Goal: a department's system that polls the feed gets every event once, in one order that never changes, while events are posted, and
// goes on after kill -9 where it was. Method: several writers, a poller with small pages that keeps only its cursor; then everything read anew.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { Case, assert_problem, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { until } from './lib/until.mjs';

const g = await gateway();
const w = await world(g);

// What a department's system keeps: its cursor, and what it took in.
class Poller {
	constructor(g, token, limit = 7) {
		Object.assign(this, { g, token, limit, cursor: null, items: [] });
	}

	async page() {
		const { status, json, headers, text } = await this.g.get(`/v1/department/feed?limit=${this.limit}${this.cursor === null ? '' : `&cursor=${this.cursor}`}`, { token: this.token });
		assert.equal(status, 200, text);
		assert.ok(json.items.length <= this.limit);
		assert.equal(headers.link !== undefined, json.more, 'a Link while there is more, and only then');
		if (json.more) assert.equal(json.items.length, this.limit);
		this.items.push(...json.items);
		this.cursor = json.next_cursor;
		return json.more;
	}

	async all() {
		while (await this.page());
		return this;
	}

	until_seen(count) {
		return until(`${count} events are in the feed`, async () => (await this.all()).items.length >= count);
	}

	// Everything from the beginning, with other pages: the same items in the same order.
	async same_as_anew() {
		const anew = await new Poller(this.g, this.token, 100).all();
		assert.deepEqual(anew.items.slice(0, this.items.length), this.items);
		assert.deepEqual(anew.items.length, this.items.length);
	}
}

function assert_order(items) {
	const last = new Map();
	let before = 0;
	for (const item of items) {
		assert.ok(item.seal_seq > before, 'seal_seq grows');
		before = item.seal_seq;
		assert.equal(item.seq, (last.get(item.case_ref) ?? 0) + 1, `${item.case_ref} in its order`);
		last.set(item.case_ref, item.seq);
	}
}

const COURSE = ['submitted', 'received', 'accepted', 'paused', 'resumed', 'paused', 'resumed', 'decided_ok', 'done'];

test('read while events are posted: each once, in order, and the same when read anew', async () => {
	const poller = new Poller(g, w.department), posted = [];
	await poller.all();
	assert.deepEqual(poller.items, []);
	let writing = true;
	const writers = Array.from({ length: 6 }, async (_, i) => {
		const c = new Case(g, w, i % 3 === 2 ? { token: w.department } : {});
		for (const event of COURSE) {
			const body = c.body(event), answer = await c.post(body);
			assert.equal(answer.status, 201, answer.text);
			c.seq++;
			posted.push(body.event_id);
			if (event === 'received') await new Case(g, { ...w, matter: w.elsewhere }, { token: w.other_department }).live('submitted'); // somebody else's in between
		}
	});
	const reading = (async () => { while (writing) await poller.page(); })();
	await Promise.all(writers);
	writing = false;
	await reading;
	await poller.until_seen(posted.length);
	assert.deepEqual(poller.items.map((i) => i.event_id).sort(), posted.sort());
	assert_order(poller.items);
	await poller.same_as_anew();
	const other = await new Poller(g, w.other_department).until_seen(6).then(() => new Poller(g, w.other_department).all());
	assert.equal(other.items.length, 6);
	assert.ok(other.items.every((i) => i.seq === 1 && i.event === 'submitted' && !posted.includes(i.event_id)));
});

test('events that waited are in the feed when they were applied, in their turn', async () => {
	const poller = await new Poller(g, w.department).all(), before = poller.items.length;
	const c = new Case(g, w);
	await c.send('received', { seq: 2, expect: 202 });
	await c.send('accepted', { seq: 3, expect: 202 });
	await c.send('submitted', { seq: 1 });
	await poller.until_seen(before + 3);
	const mine = poller.items.slice(before);
	assert.deepEqual(mine.map((i) => [i.case_ref, i.seq, i.event, i.state]), [[c.ref, 1, 'submitted', 'submitted'], [c.ref, 2, 'received', 'received'], [c.ref, 3, 'accepted', 'accepted']]);
	assert.ok(mine.every((i) => i.case_no === c.case_no && i.sealed_at >= i.received_at));
});

test('who may ask, and with which cursor', async () => {
	assert_problem(await g.get('/v1/department/feed'), 401, 'login_required');
	assert_problem(await g.get('/v1/department/feed', { token: w.citizen }), 403, 'forbidden');
	const { next_cursor } = (await g.get('/v1/department/feed?limit=2', { token: w.department })).json;
	assert_problem(await g.get(`/v1/department/feed?cursor=${next_cursor}`, { token: w.other_department }), 400, 'invalid_cursor');
	assert_problem(await g.get(`/v1/department/feed?cursor=${next_cursor.slice(0, -1)}${next_cursor.at(-1) === 'A' ? 'E' : 'A'}`, { token: w.department }), 400, 'invalid_cursor');
	assert_problem(await g.get('/v1/department/feed?after=3', { token: w.department }), 400, 'invalid_query');
	assert.equal((await g.ask('HEAD', '/v1/department/feed', { token: w.department })).status, 200);
});

test('after kill -9 the cursor goes on: nothing acknowledged is missing, nothing comes twice', async () => {
	const own = await gateway({ may_end_badly: true }), ow = await world(own);
	const poller = new Poller(own, ow.department, 5), acked = [];
	for (let round = 0; round < 3; round++) {
		const open = new Set(), before = poller.items.length;
		let alive = true;
		const write_on = async () => {
			for (;;) {
				const c = new Case(own, ow);
				for (const event of COURSE) {
					const note = { c, body: c.body(event), key: randomUUID() };
					open.add(note);
					const answer = await c.post(note.body, { key: note.key }).catch(() => null);
					if (answer === null) return; // the process is gone
					assert.equal(answer.status, 201, answer.text);
					open.delete(note);
					c.seq++;
					acked.push(note.body.event_id);
				}
			}
		};
		const writers = Array.from({ length: 4 }, write_on);
		const reading = (async () => { while (alive) await poller.page().catch((e) => { if (alive) throw e; }); })();
		await until('some are sealed and read', () => poller.items.length >= before + 10);
		alive = false;
		await own.kill();
		await Promise.all([...writers, reading]);
		assert.equal(open.size, 4, 'each writer was cut off');
		await own.serve();
		for (const note of open) { // their answers went with the process; the same key gets them
			const answer = await note.c.post(note.body, { key: note.key });
			assert.equal(answer.status, 201, answer.text);
			acked.push(note.body.event_id);
		}
		await poller.until_seen(acked.length);
		assert.deepEqual(poller.items.map((i) => i.event_id).sort(), [...acked].sort(), `round ${round}`);
		assert_order(poller.items);
		await poller.same_as_anew();
	}
	assert.match(await own.command('seal', 'verify'), /all as it was written/);
});

test('a place in the feed outlives the exchange of the index key', async () => {
	const own = await gateway(), ow = await world(own), poller = new Poller(own, ow.department);
	await new Case(own, ow).live('submitted', 'received');
	await poller.until_seen(2);
	await own.command('keys', 'add', '--index');
	await own.command('keys', 'rotate');
	await own.stop();
	await own.serve();
	await new Case(own, ow).live('submitted');
	await poller.until_seen(3);
	assert_order(poller.items);
	await poller.same_as_anew();
	assert.match(await own.command('seal', 'verify'), /all as it was written/);
});
