// Goal: a department that registered an address for applications hears of each at once, rightly signed, in the order of each case and at least once, also when its system was away for a
// while; whoever registered for alerts alone hears none of it; nothing personal goes out; the department of a part of a joint case is told too; the feed has it all besides.
// Method: an application's life against the outside world's log; signatures are judged by the sandbox and by the standardwebhooks package.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { sandbox } from '../sandbox/lib/client.mjs';
import { assert_problem, id_number, now, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { source_dir } from './lib/openapi.mjs';
import { until } from './lib/until.mjs';

const s = await sandbox();
const g = await gateway({ settings: { 'rate.write': 0, 'rate.read': 0, 'rate.public': 0, 'rate.department': 0 } });
const w = await world(g);
const sample = JSON.parse(readFileSync(path.join(source_dir, 'tests/unit/data/guide.json'), 'utf8'));
const guide = (more = {}) => ({ ...structuredClone(sample), materials: [], code: w.matter.code, department: w.matter.department.code, region: w.region, places: [],
	form: [{ key: 'owner', label: '姓名', type: 'text', required: true }], ...more });
const joint = guide({ code: 'JOINT-1', name: '联合办理', type: 'commitment', promised_days: 10, legal_days: 15, parts: [['land', w.elsewhere], ['fees', w.matter]].map(([code, of]) => ({ code, name: code === 'land' ? '用地审核' : '核费', department: of.department.code, days: 3 })) });
const file = path.join(g.state, 'guides.jsonl');
writeFileSync(file, [guide(), joint].map((one) => `${JSON.stringify(one)}\n`).join(''));
await g.command('import', 'guides', file);

const key_of = (n) => `whsec_${Buffer.alloc(32, n).toString('base64')}`;
const token = await g.citizen(id_number(731));
const post = (target, { body, as = token, key = randomUUID(), ...more } = {}) => g.ask('POST', target, { token: as, key, body, ...more });
const report = (case_ref, seq, event, more = {}) => post('/v1/department/events', { as: w.department, body: { event_id: randomUUID(), case_ref, seq, event, occurred_at: now(), ...more } });
const register = (receiver, n, tells, as = w.department) => post('/v1/department/hooks', { as, body: { url: `${s.url}/hooks/${receiver}`, secret: key_of(n), ...(tells ? { tells } : {}) } });
const begin = async (matter = w.matter.code) => {
	const { json: { id } } = await post('/v1/applications', { body: { matter } }), at = `/v1/applications/${id}`;
	assert.equal((await g.ask('PUT', at, { token, body: { answers: { owner: '王小明' } }, headers: { 'if-match': '"1"' } })).status, 200);
	return at;
};
const heard = async (receiver, case_no) => (await s.show('hooks')).received.filter((one) => one.receiver === receiver && JSON.parse(one.body).data.case_no === case_no);
const told = async (receiver, case_no, count) => until(`${receiver} has heard ${count}`, async () => {
	const all = (await heard(receiver, case_no)).filter((one) => one.status === 200);
	return all.length >= count && all;
});

test('registered for what it wants to hear', async () => {
	await s.setup('hooks', { keys: { system: key_of(1), duty: key_of(2), part: key_of(3) } });
	assert_problem(await register('system', 1, 'gossip'), 422, 'invalid_field');
	for (const [receiver, n, tells, as] of [['system', 1, 'applications'], ['duty', 2], ['part', 3, 'everything', w.other_department]]) assert.equal((await register(receiver, n, tells, as)).status, 201);
	assert.deepEqual((await g.get('/v1/department/hooks', { token: w.department })).json.items.map((h) => h.tells), ['alerts', 'applications']);
});

test('each step of an application, in order, rightly signed, and no more than where to read', async () => {
	const at = await begin(), { json: { case_no } } = await post(`${at}/submit`);
	assert.equal((await report(case_no, 2, 'correct_pre_asked', { demand: { days: 5, items: [{ field: 'owner', reason: '与证件不符' }] } })).status, 201);
	assert.equal((await post(`${at}/submit`)).status, 201);
	assert.equal((await post(`${at}/withdraw`)).status, 200);
	const all = await told('system', case_no, 3);
	assert.deepEqual(all.map((one) => JSON.parse(one.body)).map(({ type, data }) => [type, data.seq, data.state]),
		[['application.submitted', 1, 'submitted'], ['application.correct_pre_done', 3, 'received'], ['application.withdrawn', 4, 'withdrawn']]);
	for (const one of all) {
		new Webhook(key_of(1)).verify(one.body, one.headers);
		assert.throws(() => new Webhook(key_of(2)).verify(one.body, one.headers));
		assert.ok(!one.body.includes('王小明') && !one.body.includes(id_number(731)));
	}
	assert.equal(new Set(all.map((one) => one.headers['webhook-id'])).size, 3);
	const first = JSON.parse(all[0].body).data;
	assert.equal((await g.get(first.read, { token: w.department })).json.answers.owner, '王小明');
	const feed = await until('it is in the feed', async () => {
		const items = (await g.get('/v1/department/feed?limit=100', { token: w.department })).json.items.filter((i) => i.case_no === case_no);
		return items.length === 4 && items;
	});
	assert.equal(feed[0].event_id, first.event_id);
	assert.deepEqual(await heard('duty', case_no), []);
});

test('its system was away: the same comes again, and what followed comes after it', async () => {
	await s.setup('hooks', { answers: { system: 503 } });
	const at = await begin(), { json: { case_no } } = await post(`${at}/submit`);
	await until('it was refused', async () => (await heard('system', case_no)).length > 0);
	assert.equal((await post(`${at}/withdraw`)).status, 200);
	await s.setup('hooks', { answers: { system: 200 } });
	const all = await told('system', case_no, 2);
	assert.deepEqual(all.map((one) => JSON.parse(one.body).type), ['application.submitted', 'application.withdrawn']);
	assert.equal((await heard('system', case_no))[0].headers['webhook-id'], all[0].headers['webhook-id']);
});

test('a part that is awaited, and an address that was removed', async () => {
	const { json: { case_no } } = await post(`${await begin('JOINT-1')}/submit`);
	const [one] = await told('part', case_no, 1);
	assert.deepEqual([JSON.parse(one.body).type, JSON.parse(one.body).data.part], ['application.part_awaited', 'land']);
	await s.setup('hooks', { answers: { system: 503 } });
	const at = await begin(), other = (await post(`${at}/submit`)).json.case_no;
	await until('it was refused', async () => (await heard('system', other)).length > 0);
	assert.equal((await post(`${at}/withdraw`)).status, 200);
	const { items } = (await g.get('/v1/department/hooks', { token: w.department })).json;
	assert.equal((await g.ask('DELETE', `/v1/department/hooks/${items.find((h) => h.tells === 'applications').id}`, { token: w.department })).status, 204);
	assert.equal(g.sql("SELECT COUNT(*) FROM effect WHERE kind = 30 AND state = 1"), '0');
});
