// Goal: a login by a page of the official account that is begun on one node ends on another, and its state serves once for all nodes together: of two that come at once one is
// taken at least, and never two codes; while Redis is away none is begun and none ends, and sessions go on.
// Method: two nodes with the same keys on one Redis, and on one database where there is a server for it; the sandbox plays WeChat, and counts how often it was asked.
import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { sandbox } from '../sandbox/lib/client.mjs';
import { assert_problem } from './lib/cases.mjs';
import { Gateway } from './lib/gateway.mjs';
import { People, device, phone } from './lib/people.mjs';
import { redis } from './lib/redis.mjs';
import { on_postgres } from './lib/stores.mjs';
import { until } from './lib/until.mjs';
import { PAGE, Visitor, official_settings, wechat_settings } from './lib/wechat.mjs';

const s = await sandbox(), r = await redis();
const settings = { ...wechat_settings(s), ...official_settings(s), ...r.settings, 'expiring.deadline': 1000, 'otp.per_address': 1000000, 'rate.public': 0, loops: 1 };
const a = await Gateway.start({ data: false, settings }), b = await Gateway.start(on_postgres ? { settings, beside: a } : { data: false, settings });
if (!on_postgres) { // nodes have one set of keys, and here each a copy of the database
	await a.stop();
	await b.stop();
	cpSync(path.join(a.state, 'keys'), path.join(b.state, 'keys'), { recursive: true });
	cpSync(path.join(a.state, 'siban.db'), path.join(b.state, 'siban.db'));
	await a.serve();
	await b.serve();
}
test.after(() => Promise.all([a.stop(), b.stop()]));
const is_up = async (g) => (await g.admin('/readyz?verbose')).text.includes('[+] expiring');
await until('both have Redis', async () => (await is_up(a)) && (await is_up(b)));

const people_of = (g) => Object.assign(new People(g), {
	s,
	code: async function code(number, id, options) { // no SMS: the answer bears the code
		const { json: { challenge, development_code } } = await this.ask_code(number, id, options);
		return { challenge, code: development_code };
	},
});
// The same somebody at either node: {a, b}
const somebody = () => {
	const number = phone(), at_a = new Visitor(people_of(a), number);
	return { number, a: at_a, b: new Visitor(people_of(b), number, at_a.openid) };
};
const asked = async (since) => (await s.log({ peer: 'wechat', since })).entries.filter((e) => e.route === 'sns_access_token').length;
const refused = (answer) => `${answer.status} ${answer.json.error} ${answer.json.code}`;
const INVALID = '400 invalid_grant invalid_grant';

test('begun on one, ended on the other; the account waits there for the phone; and the other way round', async () => {
	const one = somebody(), id = device(), back = await one.a.visit(id), mark = await s.mark();
	assert.equal((await one.b.grant(back, id)).json.code, 'phone_needed');
	assert.equal((await one.a.grant(back, id)).json.code, 'phone_needed', 'asked again at the other, the same answer');
	assert.equal(await asked(mark), 1, 'WeChat was asked by one of them, once');
	const linked = await one.b.link_by_code(id);
	assert.deepEqual([linked.status, linked.json.linked], [200, true], linked.text);
	// from now on the account alone, on any device, wherever it was begun
	for (const [begun, ended] of on_postgres ? [[one.a, one.b], [one.b, one.a]] : [[one.a, one.b], [one.b, one.b]]) {
		const elsewhere = device(), answer = await ended.grant(await begun.visit(elsewhere), elsewhere);
		assert.equal(answer.status, 200, answer.text);
		for (const g of on_postgres ? [a, b] : [b]) assert.equal((await g.get('/v1/me', { token: answer.json.access_token })).status, 200);
	}
});

test('a state serves once for both: another code, another device, made up, used up, from whichever node', async () => {
	const one = somebody(), mine = device(), back = await one.a.visit(mine), other = await one.b.visit(mine);
	for (const wrong of [await one.b.grant(back, device()), await one.b.grant({ ...back, state: 'f'.repeat(64) }, mine)]) assert.equal(refused(wrong), INVALID);
	const spent = await one.a.visit(mine);
	assert.equal((await one.b.grant(spent, mine)).json.code, 'phone_needed');
	for (const node of [one.a, one.b]) assert.equal(refused(await node.grant({ ...spent, code: other.code }, mine)), INVALID, 'a code that came under another');
	const late = await one.a.visit(mine);
	assert.equal(refused(await one.b.grant({ ...late, code: 'made-up' }, mine)), INVALID);
	for (const node of [one.a, one.b]) assert.equal(refused(await node.grant(late, mine)), INVALID, 'a refusal on one has spent it on both');
});

test('both at once: the same is one login, and of two different codes under one state one is taken', async () => {
	for (let i = 0; i < 8; i++) {
		const one = somebody(), id = device(), back = await one.a.visit(id), mark = await s.mark();
		const both = await Promise.all([one.a.grant(back, id), one.b.grant(back, id)]), asked_at_once = await asked(mark);
		assert.ok(both.some((x) => x.json.code === 'phone_needed'), 'one of them at least: WeChat answers a code once');
		const again = [await one.a.grant(back, id), await one.b.grant(back, id)];
		assert.deepEqual(again.map((x) => x.json.code), ['phone_needed', 'phone_needed'], 'and what WeChat refused the other does not undo it');
		assert.equal(await asked(mark), asked_at_once, `round ${i}: it is known from then on`);
		const [under, second, since] = [await one.a.visit(id), await one.b.visit(id), await s.mark()];
		await Promise.all([one.a.grant(under, id), one.b.grant({ ...under, code: second.code }, id)]);
		const ends = [await one.b.grant(under, id), await one.a.grant({ ...under, code: second.code }, id)].map((x) => x.json.code).sort();
		assert.deepEqual(ends, ['invalid_grant', 'phone_needed']);
		assert.equal(await asked(since), 1, `round ${i}: the other code was not tried`);
	}
});

test('without Redis none is begun and none ends, sessions go on; then a new one does', async () => {
	const one = somebody(), id = device();
	await one.b.grant(await one.a.visit(id), id);
	const { access_token: token } = (await one.b.link_by_code(id)).json, back = await one.a.visit(id);
	await r.kill();
	await until('Redis is missed', async () => !(await is_up(a)) && !(await is_up(b)));
	assert_problem(await b.ask('POST', '/v1/login/wechat', { body: { device_id: id, redirect_uri: PAGE } }), 503, 'try_later');
	const answer = await one.b.grant(back, id);
	assert.deepEqual([answer.status, answer.json.error], [503, 'temporarily_unavailable'], answer.text);
	assert.equal((await b.get('/v1/me', { token })).status, 200);
	await r.start();
	await until('Redis is found again', async () => (await is_up(a)) && (await is_up(b)));
	await until('a login ends again', async () => (await one.b.grant(await one.a.visit(id), id)).status === 200);
});
