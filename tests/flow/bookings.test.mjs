// Goal: a seat is held, then booked, moved or given back; what is over is said by its own status; a family and several matters are booked whole or not at all;
// by mandate within the mandate; and the counters are what the seats say after all of it.
// Method: people who book at two windows of a hall over HTTP/2 and HTTP/1.1; holds made to end by the clock's column; rows read from the database.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { after, test } from 'node:test';
import { Case, assert_problem, id_number, now, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { counters_fit, days_ahead, open_halls, set_matters, set_rules, slots_are_made, slots_of } from './lib/halls.mjs';
import { source_dir } from './lib/openapi.mjs';
import { on_postgres } from './lib/stores.mjs';
import { until } from './lib/until.mjs';

const g = await gateway({ settings: { 'rate.public': 0, 'rate.read': 0, 'rate.write': 0 } });
const w = await world(g);
const hall = 'H621202', food = '620131003000', shop = '620131002000', land = '620111001000', none = `bk_${'0'.repeat(26)}`;
await open_halls(g, [`${hall},commerce,1-5 09:00-12:00,30,4,50,6,0,B`, `${hall},real_estate,1-5 09:00-12:00,30,1,0,6,0,C`],
	[`${hall},commerce,${food},on`, `${hall},commerce,${shop},on`, `${hall},real_estate,${land},on`]);
await g.command('import', 'guides', path.join(source_dir, 'data/guides.jsonl'));
const [day, next_day] = await days_ahead(g, hall, 'commerce');
const at = (time, on = day) => `${on}T${time}:00.000+08:00`;
after(() => counters_fit(g));

let people = 700;
class Person {
	static async make() {
		const p = new Person();
		p.number = id_number(people++);
		p.token = await g.citizen(p.number);
		return p;
	}

	post(target, body, { key = randomUUID(), ...more } = {}) {
		return g.ask('POST', target, { token: this.token, key, body, ...more });
	}

	hold(time, { matters = food, on = day, ...more } = {}, options) {
		return this.post('/v1/holds', { hall, matters, starts_at: at(time, on), ...more }, options);
	}

	async held(...wish) {
		const answer = await this.hold(...wish);
		assert.equal(answer.status, 201, answer.text);
		return answer.json.id;
	}

	async booked(time, wish = {}, form = {}) {
		const id = await this.held(time, wish), answer = await this.post(`/v1/bookings/${id}/confirm`, form);
		assert.equal(answer.status, 200, answer.text);
		return id;
	}

	get(target, options) {
		return g.get(target, { token: this.token, ...options });
	}

	cancel(id, reason = 'no_time', options) {
		return this.post(`/v1/bookings/${id}/cancel`, { reason }, options);
	}
}
const free = async (time, window = 'commerce', on = day) => (await slots_of(g, hall, window, on)).find((s) => s.starts_at === at(time, on))?.free;
const row = (id) => `(SELECT id FROM booking WHERE key = ${on_postgres ? `'\\x${hex(id)}'` : `x'${hex(id)}'`})`;
// Crockford base 32 back to 16 bytes
function hex(id) {
	const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
	return [...id.slice(3)].reduce((n, c) => n * 32n + BigInt(digits.indexOf(c)), 0n).toString(16).padStart(32, '0');
}
const run_out = (id) => g.sql(`UPDATE booking SET held_until_ms = 1 WHERE id = ${row(id)}`);

for (const via of ['h2', 'h1'])
	test(`over ${via}: held, confirmed, told, shown, cancelled`, async () => {
		const p = await Person.make(), key = randomUUID();
		const held = await p.hold('09:00', {}, { via, key });
		assert.deepEqual([held.status, held.json.state, held.json.next, held.json.starts_at, held.json.ends_at], [201, 'held', 'confirm', at('09:00'), at('09:30')]);
		const minutes = (new Date(held.json.held_until) - Date.now()) / 60e3;
		assert.ok(minutes > 9.5 && minutes <= 10, held.text);
		const again = await p.hold('09:00', {}, { via, key });
		assert.deepEqual([again.json.id, again.headers['idempotency-replayed']], [held.json.id, 'true']);
		assert.equal(await free('09:00'), 1);
		const { id } = held.json;
		const booked = await p.post(`/v1/bookings/${id}/confirm`, { phone: '13800138000', note: '行动不便' }, { via });
		assert.deepEqual([booked.status, booked.json.state, booked.json.next, booked.json.held_until], [200, 'booked', 'come', null]);
		assert.equal(await free('09:00'), 1);
		const shown = (await p.get(`/v1/bookings/${id}`, { via })).json;
		assert.deepEqual(shown.route.map((s) => [s.window, s.matter, s.guide_version, s.people]), [['commerce', food, 1, 1]]);
		assert.ok(shown.bring.some((m) => m.name === '从业人员健康证明') && !shown.bring.some((m) => m.name === '食品经营许可申请书'), 'papers, and none that are electronic');
		const [message] = (await p.get('/v1/messages', { via })).json.items;
		assert.deepEqual([message.template, message.case_no], ['booked', null]);
		for (const word of [`${day} 09:00 武都区政务服务中心`, '食品经营许可', '从业人员健康证明']) assert.ok(message.body.includes(word), message.body);
		assert.match((await p.get('/v1/messages', { via, lang: 'en' })).json.items[0].body, /^You are booked at \d{4}-\d\d-\d\d 09:00 .* Please bring: .*健康证明/);
		const page = (await p.get('/v1/bookings?limit=1', { via })).json;
		assert.deepEqual([page.items.map((b) => b.id), page.next_cursor], [[id], null]);
		const cancelled = await p.cancel(id, 'not_ready', { via });
		assert.deepEqual([cancelled.json.state, cancelled.json.reason], ['cancelled', 'not_ready']);
		assert.equal(await free('09:00'), 2);
		assert.equal((await p.get('/v1/messages', { via })).json.items[0].template, 'booking_cancelled');
		assert.equal(assert_problem(await p.cancel(id, 'not_ready', { via }), 409, 'booking_state').json.state, 'cancelled');
		assert.equal(g.sql(`SELECT COUNT(*) FROM audit WHERE act IN (110, 111) AND subject_id = ${row(id)}`), '2');
		for (const reading of [id, none]) assert_problem(await (await Person.make()).get(`/v1/bookings/${reading}`, { via }), 404, 'not_found');
	});

test('a hold whose time is over: 410, and its seat is another’s at once; what is no hold: 412; unknown: 404', async () => {
	const p = await Person.make(), q = await Person.make(), time = '09:30', wish = { matters: land };
	const id = await p.held(time, wish);
	assert_problem(await q.hold(time, wish), 409, 'slot_full');
	run_out(id);
	const other = await q.held(time, wish);
	assert_problem(await p.post(`/v1/bookings/${id}/confirm`, {}), 410, 'hold_expired');
	assert.equal((await q.post(`/v1/bookings/${other}/confirm`, {})).status, 200);
	assert_problem(await q.post(`/v1/bookings/${other}/confirm`, {}), 412, 'not_a_hold');
	for (const unknown of [none, 'bk_', id]) assert_problem(await (await Person.make()).post(`/v1/bookings/${unknown}/confirm`, {}), 404, 'not_found');
	// and by itself
	await q.cancel(other);
	const left = await p.held(time, wish);
	run_out(left);
	await until('the seat is free again', async () => (await free(time, 'real_estate')) === 1);
	assert.equal((await p.get(`/v1/bookings/${left}`)).json.state, 'expired');
});

test('full: the three nearest times, and each of them can be had', async () => {
	const p = await Person.make(), wish = { matters: land };
	await (await Person.make()).booked('10:00', wish);
	await (await Person.make()).booked('10:30', wish);
	const answer = assert_problem(await p.hold('10:30', wish), 409, 'slot_full');
	assert.deepEqual(answer.json.alternatives.split(','), [at('11:00'), at('11:30'), at('09:30')]);
	await p.booked('11:00', wish);
});

test('what cannot be booked, and why', async () => {
	const p = await Person.make(), closed = async (starts_at, reason) => {
		const answer = assert_problem(await p.post('/v1/holds', { hall, matters: food, starts_at }), 422, 'slot_closed');
		assert.deepEqual([answer.json.pointer, answer.json.reason], ['/starts_at', reason]);
	};
	await closed('2020-01-02T09:00:00+08:00', 'past');
	await closed(now(-60e3), 'past');
	await closed(at('09:10'), 'no_such_slot');
	await closed('2190-01-02T09:00:00+08:00', 'no_such_slot');
	await set_rules(g, `${hall},commerce,1-5 09:00-12:00,30,4,50,6,10080,B`);
	await slots_are_made(g);
	await closed(at('09:00'), 'notice');
	await set_rules(g, `${hall},commerce,1-5 09:00-12:00,30,4,50,6,0,B`);
	await slots_are_made(g);
	for (const [more, pointer] of [[{ hall: 'H0' }, '/hall'], [{ matters: 'none' }, '/matters'], [{ matters: `${food},${food}` }, '/matters'], [{ people: 7 }, '/people'], [{ matters: 'a,b,c,d,e' }, '/matters'],
		[{ window: 'commerce' }, '/window']]) {
		const answer = await p.hold('09:00', more);
		assert.deepEqual([answer.status, answer.json.pointer], [422, pointer], answer.text);
	}
	for (const starts_at of ['tomorrow', '2026-02-30T09:00:00+08:00', 7, null])
		assert.equal((await p.post('/v1/holds', { hall, matters: food, starts_at })).json.pointer, '/starts_at');
	assert_problem(await p.post('/v1/holds', { hall, matters: food, starts_at: at('09:00') }, { key: '' }), 400, 'idempotency_key_missing');
});

test('one hold at a window, one visit for a matter, three a day', async () => {
	const p = await Person.make(), first = await p.held('09:00');
	assert.equal(assert_problem(await p.hold('09:30', { matters: shop }), 409, 'hold_exists').json.hold, first);
	await p.post(`/v1/bookings/${first}/confirm`, {});
	const twice = assert_problem(await p.hold('10:00'), 409, 'too_many_bookings').json;
	assert.deepEqual([twice.cap, twice.most], ['visits_a_matter', 1]);
	await p.booked('09:30', { matters: shop });
	await p.booked('11:30', { matters: land });
	await set_matters(g, `${hall},commerce,620131004000,on`);
	const fourth = assert_problem(await p.hold('11:00', { matters: '620131004000' }), 409, 'too_many_bookings').json;
	assert.deepEqual([fourth.cap, fourth.most], ['visits_a_day', 3]);
	await p.booked('11:00', { matters: '620131004000', on: next_day });
});

test('another time: the new seat, or the old one stays', async () => {
	const p = await Person.make(), wish = { matters: land, on: next_day }, id = await p.booked('09:00', wish), move = (time, on = next_day) => p.post(`/v1/bookings/${id}/reschedule`, { starts_at: at(time, on) });
	await (await Person.make()).booked('10:00', wish);
	const full = assert_problem(await move('10:00'), 409, 'slot_full');
	assert.deepEqual(full.json.alternatives.split(','), [at('10:30', next_day), at('09:30', next_day), at('11:00', next_day)]);
	assert_problem(await move('10:10'), 422, 'slot_closed');
	assert.equal((await p.get(`/v1/bookings/${id}`)).json.starts_at, at('09:00', next_day));
	assert.equal(await free('09:00', 'real_estate', next_day), 0);
	assert.equal((await move('11:00')).json.starts_at, at('11:00', next_day));
	assert.deepEqual([await free('09:00', 'real_estate', next_day), await free('11:00', 'real_estate', next_day)], [1, 0]);
	assert.equal((await p.get('/v1/messages')).json.items[0].template, 'booking_moved');
	assert.equal((await p.get(`/v1/bookings/${id}`)).json.route[0].guide_version, 1);
	for (let n = 0; n < 4; n++) assert.equal((await move(n % 2 ? '11:00' : '09:00')).status, 200);
	assert.equal(assert_problem(await move('09:30'), 409, 'too_many_bookings').json.cap, 'moves');
	await p.cancel(id);
	assert_problem(await move('09:00'), 409, 'booking_state');
});

test('a family and several matters: one route, one list, adjacent, whole or not at all', async () => {
	const p = await Person.make(), on = next_day;
	const id = await p.held('09:00', { matters: `${land},${food}`, on, people: 1 }), shown = (await p.get(`/v1/bookings/${id}`)).json;
	assert.deepEqual(shown.route.map((s) => [s.window, s.starts_at, s.people]), [['real_estate', at('09:00', on), 1], ['commerce', at('09:30', on), 1]]);
	assert.equal(new Set(shown.bring.map((m) => m.name)).size, shown.bring.length);
	await p.cancel(id);
	// three people at two seats a slot: two, and one in the very next
	const family = await p.held('09:00', { people: 3, on }), route = (await p.get(`/v1/bookings/${family}`)).json.route;
	assert.deepEqual(route.map((s) => [s.starts_at, s.people]), [[at('09:00', on), 2], [at('09:30', on), 1]]);
	assert.equal((await p.post(`/v1/bookings/${family}/confirm`, {})).json.pointer, '/names');
	assert.equal((await p.post(`/v1/bookings/${family}/confirm`, { names: '张三,李四' })).json.pointer, '/names');
	assert.equal((await p.post(`/v1/bookings/${family}/confirm`, { names: '张三,李四,张小三' })).status, 200);
	// nothing is taken of a visit that does not fit
	const before = await slots_of(g, hall, 'commerce', on), q = await Person.make();
	const none_left = assert_problem(await q.hold('11:30', { people: 6, on }), 409, 'slot_full');
	assert.ok(none_left.json.alternatives.split(',').includes(at('10:00', on)), none_left.text);
	assert.deepEqual(await slots_of(g, hall, 'commerce', on), before);
	assert.equal(await free('09:00', 'commerce', on), 0);
	const sealed = g.sql(`SELECT contact FROM booking WHERE id = ${row(family)}`);
	assert.ok(!sealed.includes('张三') && !g.log().includes('张小三'));
});

test('for another, by his mandate and for its matters only', async () => {
	const helper = await Person.make(), elder = await Person.make(), scopes = 'book', name = '李大娘';
	await new Case(g, w, { person: elder.number }).send('submitted', { matter: w.matter.code, region: w.region, applicant: { id_type: 'resident', id_number: elder.number, name } });
	const offer = await helper.post('/v1/me/mandates', { kind: 'agent', id_number: elder.number, name, scopes, until: now(24 * 3600e3), matters: food });
	assert.equal(offer.status, 201, offer.text);
	const acting = { headers: { 'x-acting-for': offer.json.id } };
	assert_problem(await helper.hold('10:00', { on: next_day }, acting), 403, 'mandate_ended');
	await elder.post(`/v1/me/mandates/${offer.json.id}/accept`);
	assert.equal((await helper.hold('10:00', { matters: land, on: next_day }, acting)).json.pointer, '/matters');
	const held = await helper.hold('10:00', { on: next_day }, acting);
	assert.equal(held.status, 201, held.text);
	assert.equal((await helper.post(`/v1/bookings/${held.json.id}/confirm`, {}, acting)).status, 200);
	const own = await elder.booked('10:30', { matters: land, on: next_day });
	assert.deepEqual((await elder.get('/v1/bookings')).json.items.map((b) => b.id), [own, held.json.id]);
	assert.deepEqual((await helper.get('/v1/bookings', acting)).json.items.map((b) => b.id), [held.json.id]);
	assert_problem(await helper.get(`/v1/bookings/${own}`, acting), 404, 'not_found');
	assert_problem(await helper.cancel(own, 'no_time', acting), 404, 'not_found');
	for (const id of [own, held.json.id]) assert_problem(await helper.get(`/v1/bookings/${id}`), 404, 'not_found');
	assert.equal((await elder.get('/v1/messages')).json.items[1].template, 'booked');
	assert.equal(g.sql(`SELECT COUNT(*) FROM booking WHERE id = ${row(held.json.id)} AND made_by <> person`), '1');
	assert.equal((await helper.cancel(held.json.id, 'another', acting)).status, 200);
});

test('two at once: one confirms, one cancels; and both moving into each other’s seats', async () => {
	for (let round = 0; round < 5; round++) {
		const p = await Person.make(), id = await p.held('11:00', { on: next_day });
		const answers = await Promise.all([p.post(`/v1/bookings/${id}/confirm`, {}), p.cancel(id), p.post(`/v1/bookings/${id}/confirm`, {})]);
		assert.ok(answers.every((a) => [200, 409, 412].includes(a.status)), answers.map((a) => a.text).join());
		await p.cancel(id);
	}
	const p = await Person.make(), q = await Person.make(), one = await p.booked('11:00', { on: next_day }), two = await q.booked('11:30', { on: next_day });
	await Promise.all([...Array(4).keys()].flatMap((n) => [p.post(`/v1/bookings/${one}/reschedule`, { starts_at: at(n % 2 ? '11:00' : '11:30', next_day) }),
		q.post(`/v1/bookings/${two}/reschedule`, { starts_at: at(n % 2 ? '11:30' : '11:00', next_day) })])).then((all) => all.forEach((a) => assert.ok([200, 409].includes(a.status), a.text)));
	counters_fit(g);
});
