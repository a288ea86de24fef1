// Goal: a list can be followed to its end by its Link alone, each thing once, in order; and a cursor is good for its own list only.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Case, assert_problem, id_number, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { until } from './lib/until.mjs';

const g = await gateway();
const w = await world(g);

const link_of = (answer) => /^<([^>]+)>; rel="next"$/.exec(answer.headers.link ?? '')?.[1];

async function follow(target, options) {
	const items = [];
	for (let pages = 0; target !== undefined; pages++) {
		assert.ok(pages < 1000, 'the list never ends');
		const answer = await g.get(target, options);
		assert.equal(answer.status, 200, answer.text);
		items.push(...answer.json.items);
		target = link_of(answer);
		assert.equal(target === undefined, answer.json.next_cursor === null, 'Link and next_cursor agree');
		if (target !== undefined) assert.ok(target.includes(answer.json.next_cursor));
	}
	return items;
}

for (const via of ['h2', 'h1'])
	test(`regions by pages are the regions in one piece (${via})`, async () => {
		const paged = await follow('/v1/regions?limit=7&level=3', { via });
		const whole = (await g.get('/v1/regions?level=3&limit=100')).json.items;
		assert.deepEqual(paged, whole);
		assert.ok(whole.length >= 9);
		assert.deepEqual(whole.map((r) => r.code), whole.map((r) => r.code).sort());
	});

test('all regions, each once', async () => {
	const all = await follow('/v1/regions?limit=100');
	assert.ok(all.length > 200);
	assert.equal(new Set(all.map((r) => r.code)).size, all.length);
	const children = await follow('/v1/regions?parent=621202&limit=3');
	assert.deepEqual(children, all.filter((r) => r.parent === '621202'));
});

test('matters by region and department', async () => {
	const all = await follow('/v1/matters?limit=3');
	assert.ok(all.length > 1);
	const mine = await follow(`/v1/matters?limit=1&department=${w.matter.department.code}&region=${w.region}`);
	assert.deepEqual(mine.map((m) => m.code), all.filter((m) => m.department.code === w.matter.department.code && m.region.code === w.region).map((m) => m.code));
	const one = await g.get(`/v1/matters/${w.matter.code}`);
	assert.deepEqual(one.json, w.matter);
});

test('a matter is found by what one types, with a wrong character too', async () => {
	const first = async (words, more = '') => (await g.get(`/v1/search?q=${encodeURIComponent(words)}${more}`)).json.items[0]?.name;
	await until('what was imported is in the index', async () => (await first('企业设立')) === '企业设立登记');
	assert.equal(await first('怎么办食品经营许刻'), '食品经营许可');
	assert.equal(await first('户口迁移', '&region=621221001'), '户口迁移审批');
	assert.equal(await first('户口迁移', '&region=621202'), undefined);
	assert.deepEqual((await g.get('/v1/search?q=%EF%BC%9F')).json.items, []);
	assert.equal((await g.get('/v1/search?q=%E7%99%BB%E8%AE%B0&limit=2')).json.items.length, 2);
	assert_problem(await g.get('/v1/search'), 400, 'invalid_query');
	assert_problem(await g.get('/v1/search?q=x&topic=magic'), 400, 'invalid_query');
	assert_problem(await g.get(`/v1/search?q=${'x'.repeat(257)}`), 400, 'invalid_query');
});

test('the working days of a year, and nothing of a year that is not known', async () => {
	const year = await g.get('/v1/calendar/2026');
	assert.equal(year.status, 200, year.text);
	assert.equal(year.json.working_days, 248);
	assert.equal(year.json.days.filter((d) => !d.works).length, 33);
	assert.deepEqual(year.json.days.filter((d) => d.works).map((d) => d.date), ['2026-01-04', '2026-02-14', '2026-02-28', '2026-05-09', '2026-09-20', '2026-10-10']);
	assert.equal((await g.get('/v1/calendar/2026', { headers: { 'if-none-match': year.headers.etag } })).status, 304);
	assert_problem(await g.get('/v1/calendar/2027'), 404, 'not_found');
	assert_problem(await g.get('/v1/calendar/next'), 404, 'not_found');
	assert_problem(await g.get('/v1/calendar/2026?region=x'), 400, 'invalid_query');
});

test('a person\'s cases, newest first, and nobody else\'s', async () => {
	const person = id_number(40), token = await g.citizen(person);
	const opened = [];
	for (let i = 0; i < 7; i++) {
		const c = await new Case(g, w, { person }).live('submitted');
		opened.unshift(c.case_no);
		await new Case(g, w).live('submitted'); // somebody else's in between
	}
	const items = await follow('/v1/cases?limit=2', { token });
	assert.deepEqual(items.map((i) => i.case_no), opened);
	assert.ok(items.every((i) => i.next === undefined && i.status === 'submitted'));
	assert.deepEqual((await g.get('/v1/cases', { token: await g.citizen(id_number(41)) })).json, { items: [], next_cursor: null });
});

test('a list that grows while it is read shows each old thing once', async () => {
	const person = id_number(42), token = await g.citizen(person);
	for (let i = 0; i < 4; i++) await new Case(g, w, { person }).live('submitted');
	const first = await g.get('/v1/cases?limit=2', { token });
	await new Case(g, w, { person }).live('submitted');
	const second = await g.get(link_of(first), { token });
	const seen = [...first.json.items, ...second.json.items].map((i) => i.case_no);
	assert.equal(new Set(seen).size, 4);
});

test('events of a case by pages', async () => {
	const c = await new Case(g, w).live('submitted', 'received', 'accepted', 'paused', 'resumed');
	const items = await follow(`/v1/cases/${c.case_no}/events?limit=2`, { token: w.citizen });
	assert.deepEqual(items.map((e) => e.seq), [1, 2, 3, 4, 5]);
});

test('a forged, damaged or borrowed cursor is refused', async () => {
	const { next_cursor } = (await g.get('/v1/regions?limit=2&level=3')).json;
	const last = next_cursor.at(-1) === 'A' ? 'E' : 'A';
	const wrong = ['', 'x', 'AAAA', 'A'.repeat(32), next_cursor.slice(0, -1), next_cursor.slice(0, -1) + last, `${next_cursor}A`, 'B' + next_cursor.slice(1)];
	for (const cursor of wrong)
		assert_problem(await g.get(`/v1/regions?limit=2&level=3&cursor=${cursor}`), 400, 'invalid_cursor');
	assert_problem(await g.get(`/v1/regions?limit=2&cursor=${next_cursor}`), 400, 'invalid_cursor');
	assert_problem(await g.get(`/v1/regions?limit=2&level=4&cursor=${next_cursor}`), 400, 'invalid_cursor');
	assert_problem(await g.get(`/v1/matters?limit=2&cursor=${next_cursor}`), 400, 'invalid_cursor');
	assert.equal((await g.get(`/v1/regions?level=3&limit=5&cursor=${next_cursor}`)).status, 200, 'another limit is fine');
});

test('a cursor is for the person it was given to', async () => {
	const tokens = [await g.citizen(id_number(43)), await g.citizen(id_number(44))];
	for (let i = 0; i < 3; i++) await new Case(g, w, { person: id_number(43) }).live('submitted');
	const { next_cursor } = (await g.get('/v1/cases?limit=1', { token: tokens[0] })).json;
	assert_problem(await g.get(`/v1/cases?limit=1&cursor=${next_cursor}`, { token: tokens[1] }), 400, 'invalid_cursor');
});

const wrong_queries = ['limit=0', 'limit=101', 'limit=-1', 'limit=ten', 'limit=1&limit=2', 'level=9', 'level=x', 'parent=1', 'nonsense=1', 'level=%ff', 'level=%4'];
for (const query of wrong_queries)
	test(`refused: ?${query}`, async () => {
		const problem = assert_problem(await g.get(`/v1/regions?${query}`), 400, 'invalid_query').json;
		assert.equal(problem.pointer, query.split('=')[0]);
	});

test('immutable things have ETags too', async () => {
	for (const target of ['/v1/regions/621202', `/v1/matters/${w.matter.code}`]) {
		const first = await g.get(target);
		assert.equal((await g.get(target, { headers: { 'if-none-match': first.headers.etag } })).status, 304);
	}
	for (const target of ['/v1/regions/1', '/v1/regions/999999', '/v1/regions/62120x', '/v1/matters/none'])
		assert_problem(await g.get(target), 404, 'not_found');
});
