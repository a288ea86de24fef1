// Goal: answers of a limited route say what is left once half is used; who has used it up is told when to come back; others are not affected.
import assert from 'node:assert/strict';
import test from 'node:test';
import { assert_problem, id_number, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';

const g = await gateway({ settings: { 'rate.read': 10, 'rate.public': 400 } });
const w = await world(g);
const policy = (answer) => answer.headers['ratelimit-policy'];
const left = (answer) => Number(/r=(\d+)/.exec(answer.headers.ratelimit)[1]);

/** Uses up `times` of the quota. */
const use = async (times, token) => { for (let i = 0; i < times; i++) await g.get('/v1/cases', { token }); };

test('the policy and what is left, from the half on', async () => {
	for (const [via, person] of [['h1', 60], ['h2', 66]]) {
		const token = await g.citizen(id_number(person));
		let told = await g.get('/v1/cases', { token, via }), silent = 0;
		for (; policy(told) === undefined; silent++) {
			assert.equal(told.headers.ratelimit, undefined);
			assert.equal(told.status, 200);
			told = await g.get('/v1/cases', { token, via });
		}
		assert.ok(silent >= 4, String(silent)); /* more on a machine so slow that some comes back meanwhile */
		assert.match(policy(told), /^"\w+";q=10;w=60$/);
		assert.match(told.headers.ratelimit, /^"\w+";r=\d+;t=\d+$/);
		assert.equal(left(told), 5);
	}
});

test('used up: 429, when to come back, and only for this person', async () => {
	const token = await g.citizen(id_number(61)), other = await g.citizen(id_number(62));
	const answers = await Promise.all(Array.from({ length: 15 }, (_, i) => g.get('/v1/cases', { token, via: i % 2 ? 'h1' : 'h2' })));
	assert.equal(answers.filter((a) => a.status === 200).length, 10);
	for (const refused of answers.filter((a) => a.status !== 200)) {
		assert_problem(refused, 429, 'rate_limited');
		const wait = Number(refused.headers['retry-after']);
		assert.ok(wait >= 1 && wait <= 60);
		assert.equal(left(refused), 0);
	}
	assert.equal((await g.get('/v1/cases', { token: other })).status, 200);
});

test('two tokens of one person share one limit', async () => {
	const tokens = [await g.citizen(id_number(63)), await g.citizen(id_number(63))];
	await use(8, tokens[0]);
	assert.ok(left(await g.get('/v1/cases', { token: tokens[1] })) < 5);
});

test('a reload changes a limit without a restart', async () => {
	const token = await g.citizen(id_number(64));
	await use(1, token);
	g.configure({ 'rate.read': 2 });
	assert.equal((await g.control('POST', '/control/reload')).status, 200);
	assert.match(policy(await g.get('/v1/cases', { token })), /q=2/);
});

test('a reload with a wrong line changes nothing', async () => {
	g.configure({ 'rate.read': 'plenty' });
	const answer = await g.control('POST', '/control/reload');
	assert.ok(answer.status >= 400, answer.text);
	const token = await g.citizen(id_number(65));
	assert.match(policy(await g.get('/v1/cases', { token })), /q=2/);
});

test('without a token the address is counted', async () => {
	const answers = await Promise.all(Array.from({ length: 500 }, () => g.get('/v1/regions/621202')));
	const refused = answers.filter((a) => a.status === 429);
	assert.ok(refused.length >= 90 && refused.length <= 110, String(refused.length));
	assert.equal((await g.get('/v1/cases', { token: w.citizen })).status, 200, 'who is logged in is not held to the address');
});
