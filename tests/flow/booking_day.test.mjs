// Goal: from the waiting list to the window: a free seat is held for the first in line; a ticket is believed without asking us; who has come is called in order; a
// day that is cancelled and windows that are merged leave nobody before a closed door; who does not come has to wait.
// Method: people and clerks over HTTP/2; the ticket verified by node:crypto from the published keys alone; a booking's day moved to today by hand.
import assert from 'node:assert/strict';
import { createPublicKey, randomUUID, verify } from 'node:crypto';
import { after, test } from 'node:test';
import { assert_problem, id_number, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { counters_fit, days_ahead, open_halls, slots_are_made, slots_of } from './lib/halls.mjs';
import { first, hire } from './lib/staff.mjs';
import { on_postgres } from './lib/stores.mjs';
import { until } from './lib/until.mjs';

const g = await gateway({ settings: { 'rate.public': 0, 'rate.read': 0, 'rate.write': 0, 'staff.logins_per_address': 100000 } });
const w = await world(g);
const hall = 'H621202', a = w.matter.code, b = w.elsewhere.code;
await open_halls(g, [`${hall},commerce,1-5 09:00-12:00,30,1,0,4,0,B`, `${hall},other,1-5 09:00-12:00,30,2,0,4,0,H`], [`${hall},commerce,${a},on`, `${hall},other,${b},on`]);
const [day, next_day] = await days_ahead(g, hall, 'commerce');
const at = (time, on = day) => `${on}T${time}:00.000+08:00`;
const system = await first(g, 'first.system', 'system_admin'), security = await first(g, 'first.security', 'security_admin');
const clerk = await hire(security, system, 'window.clerk', '621202', 'window_clerk'), stranger = await hire(security, system, 'county.clerk', '621221', 'window_clerk');
after(() => counters_fit(g));

let people = 800;
class Person {
	static async make() {
		return Object.assign(new Person(), { token: await g.citizen(id_number(people++)) });
	}

	post(target, body) {
		return g.ask('POST', target, { token: this.token, key: randomUUID(), body });
	}

	get(target, options) {
		return g.get(target, { token: this.token, ...options });
	}

	async booked(starts_at, matters = a, more = {}) {
		const held = await this.post('/v1/holds', { hall, matters, starts_at, ...more });
		assert.equal(held.status, 201, held.text);
		assert.equal((await this.post(`/v1/bookings/${held.json.id}/confirm`, {})).status, 200);
		return held.json.id;
	}

	cancel(id) {
		return this.post(`/v1/bookings/${id}/cancel`, { reason: 'no_time' });
	}

	async template() {
		return (await this.get('/v1/messages?limit=1')).json.items[0]?.template;
	}
}
const hex = (id) => [...id.slice(3)].reduce((n, c) => n * 32n + BigInt('0123456789ABCDEFGHJKMNPQRSTVWXYZ'.indexOf(c)), 0n).toString(16).padStart(32, '0');
const where = (id) => `key = ${on_postgres ? `'\\x${hex(id)}'` : `x'${hex(id)}'`}`;
const shanghai_day = Math.floor((Date.now() + 8 * 3600e3) / 86400e3);
// Its visit is now: as if the days in between were over.
const is_now = (id, begins = Date.now()) => g.sql(`UPDATE booking SET day = ${shanghai_day}, starts_ms = ${begins}, ends_ms = ${begins + 1800e3} WHERE ${where(id)}`);
const hall_post = (who, path, body) => who.ask('POST', `/v1/hall/${path}`, { key: randomUUID(), body });

test('the waiting list: the seat is held for the first in line, then for the next', async () => {
	const p = await Person.make(), q = await Person.make(), r = await Person.make(), taken = [];
	for (const { starts_at } of await slots_of(g, hall, 'commerce', day)) taken.push([r, await (taken.length === 0 ? r : await Person.make()).booked(starts_at)]);
	const wish = { hall, matter: a, from: day, to: day };
	const first_place = await p.post('/v1/waitlist', wish), second = await q.post('/v1/waitlist', wish);
	assert.deepEqual([first_place.status, first_place.json.state, second.status], [201, 'waiting', 201], second.text);
	assert_problem(await p.post('/v1/waitlist', wish), 409, 'conflict');
	for (const [more, pointer] of [[{ from: 'soon1234567'.slice(0, 10) }, '/from'], [{ to: '2020-01-01' }, '/to'], [{ to: '2190-01-01' }, '/to'], [{ matter: 'none' }, '/matter'], [{ people: 9 }, '/people']])
		assert.equal((await p.post('/v1/waitlist', { ...wish, ...more })).json.pointer, pointer);
	await r.cancel(taken[0][1]);
	const offered = await until('the first is offered the seat', async () => (await p.get('/v1/waitlist')).json.items.find((i) => i.state === 'offered'));
	assert.equal(await p.template(), 'seat_offered');
	const minutes = (new Date((await p.get(`/v1/bookings/${offered.booking}`)).json.held_until) - Date.now()) / 60e3;
	assert.ok(minutes > 13 && minutes <= 15);
	// he lets it run out: the next one has it, and books it
	g.sql(`UPDATE booking SET held_until_ms = 1 WHERE ${where(offered.booking)}`);
	const next = await until('the second is offered the seat', async () => (await q.get('/v1/waitlist')).json.items.find((i) => i.state === 'offered'));
	assert.equal((await q.post(`/v1/bookings/${next.booking}/confirm`, {})).status, 200);
	await until('both are out of line', async () => (await q.get('/v1/waitlist')).json.items[0].state === 'taken' && (await p.get('/v1/waitlist')).json.items[0].state === 'over');
	const again = await p.post('/v1/waitlist', wish);
	const leave = (who, id) => g.ask('DELETE', `/v1/waitlist/${id}`, { token: who.token });
	assert_problem(await leave(q, again.json.id), 404, 'not_found');
	assert.equal((await leave(p, again.json.id)).status, 204);
	assert.equal(assert_problem(await leave(p, again.json.id), 409, 'booking_state').json.state, 'left');
});

test('a ticket that a window believes without asking us; for a calendar, too', async () => {
	const p = await Person.make(), id = await p.booked(at('09:00', next_day), `${b}`);
	const { ticket } = (await p.get(`/v1/bookings/${id}/ticket`)).json, { items: keys } = (await g.get('/v1/ticket-keys')).json;
	const believes = (text) => {
		const [version, body, signature] = text.split('.'), bytes = Buffer.from(body, 'base64url');
		const key = keys.find((k) => k.id === bytes.subarray(0, 4).toString('hex'));
		if (version !== 'SB1' || key === undefined) return null;
		const public_key = createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(key.public_key, 'hex').toString('base64url') } });
		if (!verify(null, Buffer.from(`${version}.${body}`), public_key, Buffer.from(signature, 'base64url'))) return null;
		return { booking: bytes.subarray(4, 20).toString('hex'), starts_ms: bytes.readUInt32BE(20) * 60e3, minutes: bytes.readUInt16BE(24), people: bytes[26], moves: bytes[27], hall: bytes.subarray(28).toString() };
	};
	assert.deepEqual(believes(ticket), { booking: hex(id), starts_ms: Date.parse(at('09:00', next_day)), minutes: 30, people: 1, moves: 0, hall });
	for (let n = 4; n < ticket.length; n += 7) if (ticket[n] !== '.') assert.equal(believes(ticket.slice(0, n) + (ticket[n] === 'A' ? 'Q' : 'A') + ticket.slice(n + 1)), null);
	await p.post(`/v1/bookings/${id}/reschedule`, { starts_at: at('10:00', next_day) });
	assert.equal(believes((await p.get(`/v1/bookings/${id}/ticket`)).json.ticket).moves, 1);
	const calendar = await p.get(`/v1/bookings/${id}/calendar`);
	assert.equal(calendar.headers['content-type'], 'text/calendar; charset=utf-8');
	const lines = calendar.text.split('\r\n');
	assert.ok(lines.every((l) => Buffer.byteLength(l) <= 75) && lines.at(-1) === '' && !/[^\r]\n/.test(calendar.text));
	const unfolded = calendar.text.replaceAll('\r\n ', '').split('\r\n'), value = (name) => unfolded.find((l) => l.startsWith(`${name}:`))?.slice(name.length + 1);
	assert.deepEqual([value('UID'), value('SEQUENCE'), value('DTSTART')], [`${id}@siban`, '1', new Date(at('10:00', next_day)).toISOString().replace(/[-:]|\.000/g, '')]);
	assert.ok(value('DESCRIPTION').includes(id) && value('LOCATION').startsWith('武都区政务服务中心'));
	await p.cancel(id);
	for (const paper of ['ticket', 'calendar']) assert_problem(await p.get(`/v1/bookings/${id}/${paper}`), 409, 'booking_state');
});

test('who has come is called: priority, booked, the others; called again, passed over, taken back', async () => {
	const p = await Person.make(), id = await p.booked(at('09:30', next_day), b), { ticket } = (await p.get(`/v1/bookings/${id}/ticket`)).json;
	const come = (body, who = clerk) => hall_post(who, 'checkins', { hall, ...body }), call = (desk = '3号') => hall_post(clerk, 'queue/call', { hall, window: 'other', desk });
	assert.equal(assert_problem(await come({ ticket }), 409, 'booking_state').json.state, 'booked'); // not today
	is_now(id);
	assert_problem(await come({ ticket }, stranger), 404, 'not_found');
	assert.equal((await come({ ticket: `${ticket.slice(0, -1)}${ticket.endsWith('A') ? 'Q' : 'A'}` })).json.pointer, '/ticket');
	assert.equal((await come({})).json.pointer, '/ticket');
	const walk_in = (await come({ window: 'other' })).json, elder = (await come({ window: 'other', priority: true })).json, booked = (await come({ ticket })).json;
	assert.deepEqual([walk_in, elder, booked].map((n) => [n.number, n.rank]), [['H001', 'walk_in'], ['H002', 'priority'], ['H003', 'booked']]);
	assert_problem(await come({ ticket }), 409, 'booking_state');
	assert.equal((await p.get(`/v1/bookings/${id}`)).json.state, 'attended');
	const calls = await Promise.all([call('1号'), call('2号')]);
	assert.deepEqual(calls.map((c) => c.json.number).sort(), ['H002', 'H003']);
	const deed = (n, what, who = clerk) => hall_post(who, `queue/${n.id}/${what}`);
	assert_problem(await deed(walk_in, 'done', stranger), 404, 'not_found');
	const third = (await call()).json;
	assert.equal(third.number, 'H001');
	for (let n = 2; n <= 3; n++) assert.equal((await deed(third, 'recall')).json.calls, n);
	assert_problem(await deed(third, 'recall'), 409, 'booking_state');
	assert.equal((await deed(third, 'skip')).json.state, 'skipped');
	assert.deepEqual((await deed(third, 'back')).json.rank, 'skipped');
	assert_problem(await hall_post(clerk, `queue/${`qn_${'0'.repeat(26)}`}/skip`), 404, 'not_found');
	const late = (await come({ window: 'other' })).json;
	assert.equal((await call()).json.number, late.number);
	assert.equal((await call()).json.number, 'H001');
	assert.equal((await deed(third, 'skip')).json.state, 'skipped');
	assert_problem(await deed(third, 'back'), 409, 'booking_state');
	assert.equal((await deed(elder, 'done')).json.state, 'done');
	assert_problem(await call(), 404, 'not_found');
	const line = (await clerk.ask('GET', `/v1/hall/queue?hall=${hall}&window=other`)).json.items;
	assert.deepEqual(line.map((n) => [n.number, n.state]), [['H003', 'called'], ['H004', 'called'], ['H001', 'skipped']]);
	assert.ok(!JSON.stringify(line).includes('name'));
});

test('a visit with two stops gets its second number when the first is done', async () => {
	const p = await Person.make(), id = await p.booked(at('10:00', next_day), `${b},${a}`);
	is_now(id);
	const n = (await hall_post(clerk, 'checkins', { hall, booking: id })).json, first_window = n.number[0] === 'H' ? 'other' : 'commerce';
	const called = (await hall_post(clerk, 'queue/call', { hall, window: first_window, desk: '5' })).json;
	assert.equal(called.id, n.id);
	const done = (await hall_post(clerk, `queue/${n.id}/done`)).json;
	assert.match(done.next_number, first_window === 'other' ? /^B001$/ : /^H\d{3}$/);
});

test('a cancelled day: everybody is given the nearest other time and told; nothing is booked there any more', async () => {
	const p = await Person.make(), q = await Person.make(), id = await p.booked(at('11:00', next_day)), held = await q.post('/v1/holds', { hall, matters: a, starts_at: at('11:30', next_day) });
	assert_problem(await hall_post(stranger, 'closures', { hall, date: next_day, note: '停电' }), 404, 'not_found');
	assert.equal((await hall_post(clerk, 'closures', { hall, date: '2020-01-01', note: '停电' })).json.pointer, '/date');
	const closed = await hall_post(clerk, 'closures', { hall, window: 'commerce', date: next_day, note: '停电' });
	assert.equal(closed.status, 200, closed.text);
	assert.ok(closed.json.bookings >= 1);
	assert.deepEqual(await slots_of(g, hall, 'commerce', next_day), []);
	assert_problem(await q.post(`/v1/bookings/${held.json.id}/confirm`, {}), 410, 'hold_expired');
	await until('he has another time', async () => !(await p.get(`/v1/bookings/${id}`)).json.starts_at.startsWith(next_day));
	const moved = (await p.get(`/v1/bookings/${id}`)).json;
	assert.deepEqual([moved.state, await p.template()], ['booked', 'hall_moved']);
	await slots_are_made(g);
	assert.deepEqual(await slots_of(g, hall, 'commerce', next_day), []);
	assert.equal(g.sql('SELECT COUNT(*) FROM booking WHERE orphaned = 1'), '0');
	assert.equal(g.sql('SELECT COUNT(*) FROM audit WHERE act = 114'), '1');
});

test('merged windows: the same time at the other where there is room; a matter’s days are the other’s', async () => {
	const p = await Person.make(), days = await days_ahead(g, hall, 'commerce'), on = days.at(-1), id = await p.booked(at('09:00', on));
	assert_problem(await hall_post(clerk, 'merges', { hall, from: 'birth', into: 'other' }), 404, 'not_found');
	const merged = await hall_post(clerk, 'merges', { hall, from: 'commerce', into: 'other' });
	assert.ok(merged.status === 200 && merged.json.bookings >= 1, merged.text);
	await until('he is at the other window', async () => (await p.get(`/v1/bookings/${id}`)).json.route[0].window === 'other');
	assert.equal((await p.get(`/v1/bookings/${id}`)).json.starts_at, at('09:00', on));
	assert.equal(await until('told', p.template.bind(p)), 'hall_moved');
	assert.equal((await g.get(`/v1/halls/${hall}/sessions?matter=${a}`)).json.window, 'other');
	assert.deepEqual((await g.get(`/v1/halls/${hall}/sessions?window=commerce`)).json.days, []);
	assert_problem(await hall_post(clerk, 'merges', { hall, from: 'commerce', into: 'other' }), 404, 'not_found');
});

test('who does not come has to wait, unless a clerk excuses him', async () => {
	const p = await Person.make(), days = await days_ahead(g, hall, 'other'), missed = [];
	for (let n = 0; n < 3; n++) {
		const free = (await slots_of(g, hall, 'other', days[2])).find((s) => s.free > 0);
		missed.push(await p.booked(free.starts_at, b));
		g.sql(`UPDATE booking SET state = 6, starts_ms = starts_ms - 20 * 86400000, ends_ms = ends_ms - 20 * 86400000, day = day - 20 WHERE ${where(missed[n])}`);
	}
	const hold = async () => p.post('/v1/holds', { hall, matters: b, starts_at: (await slots_of(g, hall, 'other', days[2])).find((s) => s.free > 0).starts_at });
	const paused = assert_problem(await hold(), 403, 'booking_paused');
	assert.equal(paused.json.most, 0);
	assert.ok(Date.parse(paused.json.until) > Date.now());
	assert_problem(await hall_post(stranger, `bookings/${missed[0]}/excuse`), 404, 'not_found');
	assert.equal((await hall_post(clerk, `bookings/${missed[0]}/excuse`)).status, 204);
	const one = await hold(); // two left: one visit at a time
	assert.equal((await p.post(`/v1/bookings/${one.json.id}/confirm`, {})).status, 200, one.text);
	assert.equal(assert_problem(await p.post('/v1/holds', { hall, matters: a, starts_at: (await slots_of(g, hall, 'other', days[2])).find((s) => s.free > 0).starts_at }), 403, 'booking_paused').json.most, 1);
});
