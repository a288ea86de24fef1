// Goal: whoever owes something is told before it is late, and those who supervise when it is: by webhook and SMS, once, many at once as one message, rightly signed;
// an address that takes nothing is disabled, with an alarm. Method: cases whose limits ended or end soon, a restart (lights are told when a gateway starts),
// and the outside world's log; signatures are judged by the sandbox and by the standardwebhooks package.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { sandbox } from '../sandbox/lib/client.mjs';
import { Case, assert_problem, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { ACCESS_KEY, ACCESS_SECRET } from './lib/outside.mjs';
import { Clerk, first, hire } from './lib/staff.mjs';
import { until } from './lib/until.mjs';

const folder = mkdtempSync(path.join(os.tmpdir(), 'siban-alerts-'));
after(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(path.join(folder, 'sms.key'), ACCESS_SECRET, { mode: 0o600 });
const s = await sandbox();
await s.setup('aliyun_sms', { templates: { SMS_D1: '即将到期${soon}件，已超期${late}件，请登录四办查看。', SMS_D2: '截至${day}将到期${count}件，请登录四办查看。' } });
const g = await gateway({ settings: { 'sms.aliyun.url': s.url, 'sms.aliyun.key_id': ACCESS_KEY, 'sms.aliyun.key_secret_file': path.join(folder, 'sms.key'), 'sms.aliyun.sign_name': '陇南四办',
	'sms.aliyun.template.deadline': 'SMS_D1', 'sms.aliyun.template.deadline_list': 'SMS_D2', 'sms.aliyun.template.voice': 'SMS_D9', /* which the platform does not know */ 'alerts.from_hour': 23, 'alerts.to_hour': 1, /* never, for now */ 'alerts.minutes': 0, 'rate.write': 0, 'rate.read': 0 } });
const w = await world(g);
const day = (n) => new Date(Date.now() - n * 86400e3 + 8 * 3600e3).toISOString().slice(0, 10);
const security = await first(g, 'al.security', 'security_admin'), system = await first(g, 'al.system', 'system_admin');
const supervisor = await hire(security, system, 'al.super', w.region, 'supervisor');
const { json: { id: invited } } = await security.propose('staff_invite', w.region, { account: 'al.clerk', name: '王小明', region: w.region, roles: 'department_clerk', department: w.matter.department.code });
const { json: { invitation } } = await system.decide(invited, 'approve');
const clerk = await (await new Clerk(g, 'al.clerk').activate(invitation)).login();

// Whatever day this is, it is a working day, and its year is known.
const year = Number(day(0).slice(0, 4)), rows = ['date,kind,name,source,region', `${day(0)},work,测试,测试,`];
for (let y = Math.min(year, 2026); y <= Math.max(year + 1, 2026); y++) if (y !== 2026) rows.push(`${y}-01-01,off,元旦,测试,`);
writeFileSync(path.join(folder, 'calendar.csv'), rows.filter((row, i) => i === 0 || !row.startsWith(`${day(0)},off`)).join('\n') + '\n');
await g.command('import', 'calendar', path.join(folder, 'calendar.csv'));

const key_of = (n) => `whsec_${Buffer.alloc(32, n).toString('base64')}`;
const hooks = (method, target = '', body, token = w.department) => g.ask(method, `/v1/department/hooks${target}`, { token, body, ...(method === 'POST' && target === '' ? { key: randomUUID() } : {}) });
const phones = (by, method, target = '', body) => by.ask(method, `/v1/staff/duty-phones${target}`, { body, ...(method === 'POST' ? { key: randomUUID() } : {}) });
const posted = async (receiver) => (await s.show('hooks')).received.filter((one) => one.receiver === receiver).map((one) => ({ ...one, json: JSON.parse(one.body) }));
const texts = async (phone) => (await s.show('aliyun_sms')).messages.filter((one) => JSON.stringify(one).includes(phone));
const params = (m) => (typeof m.template_param === 'string' ? JSON.parse(m.template_param) : m.template_param);
const restart = async () => {
	await g.stop();
	await g.serve();
};
const late = async (n) => {
	for (let i = 0; i < n; i++) await new Case(g, w).send('submitted', { occurred_at: `${day(40)}T09:00:00+08:00` });
};
// Some of these end soon, whatever day of the week this is.
for (let n = 1; n < 9; n++) await new Case(g, w).send('submitted', { occurred_at: `${day(n)}T09:00:00+08:00` });
let a;
// What a receiver has been told of in all: yellow, orange, red.
const sums = async (receiver) => (await posted(receiver)).filter((p) => p.json.type === 'deadlines.changed')
	.reduce((all, { json: { data } }) => [all[0] + data.yellow, all[1] + data.orange, all[2] + data.red], [0, 0, 0]);

test('addresses and phones: registered, refused, seen by whom they concern', async () => {
	await s.setup('hooks', { keys: { a: key_of(1), b: key_of(3) } });
	const wish = { url: `${s.url}/hooks/a`, secret: key_of(1) }, key = randomUUID();
	const made = await g.ask('POST', '/v1/department/hooks', { token: w.department, key, body: wish });
	assert.equal(made.status, 201, made.text);
	assert.equal((await g.ask('POST', '/v1/department/hooks', { token: w.department, key, body: wish })).text, made.text);
	a = made.json.id;
	assert.equal((await hooks('POST', '', { url: `${s.url}/hooks/b`, secret: key_of(3) })).status, 201);
	assert_problem(await hooks('POST', '', wish), 409, 'conflict');
	for (const [wrong, pointer] of [[{ url: 'ftp://x' }, '/url'], [{ url: 'https://x/y?z=1' }, '/url'], [{ url: 'https://u@x/' }, '/url'], [{ secret: '!'.repeat(40) }, '/secret'], [{ secret: 'whsec_c2hvcnQ=' }, '/secret']])
		assert.equal(assert_problem(await hooks('POST', '', { ...wish, url: `${s.url}/hooks/c`, ...wrong }), 422, 'invalid_field').json.pointer, pointer);
	for (let i = 0; i < 3; i++) assert.equal((await hooks('POST', '', { url: `${s.url}/spare/${i}`, secret: key_of(9) })).status, 201);
	assert_problem(await hooks('POST', '', { url: `${s.url}/spare/4`, secret: key_of(9) }), 409, 'receivers_full');
	const mine = (await hooks('GET')).json.items;
	assert.deepEqual(mine.map((h) => [h.url.replace(s.url, ''), h.state]), [['/spare/2', 'on'], ['/spare/1', 'on'], ['/spare/0', 'on'], ['/hooks/b', 'on'], ['/hooks/a', 'on']]);
	for (const spare of mine.slice(0, 3)) assert.equal((await hooks('DELETE', `/${spare.id}`)).status, 204);
	assert_problem(await hooks('DELETE', `/${mine[0].id}`), 404, 'not_found');
	assert.deepEqual((await hooks('GET', '', undefined, w.other_department)).json.items, []);
	assert_problem(await hooks('DELETE', `/${a}`, undefined, w.other_department), 404, 'not_found');
	assert.deepEqual((await clerk.ask('GET', '/v1/staff/hooks')).json.items.map((h) => h.id), (await hooks('GET')).json.items.map((h) => h.id));
	assert.ok(!JSON.stringify(mine).includes('whsec_'));

	assert.equal((await phones(clerk, 'POST', '', { phone: '+86 139-0000-1111' })).status, 201);
	assert_problem(await phones(clerk, 'POST', '', { phone: '13900001111' }), 409, 'conflict');
	assert.equal(assert_problem(await phones(clerk, 'POST', '', { phone: '0939-1234567' }), 422, 'invalid_field').json.pointer, '/phone');
	assert_problem(await phones(system, 'POST', '', { phone: '13900001111' }), 403, 'forbidden');
	assert.equal((await phones(supervisor, 'POST', '', { phone: '13900002222' })).status, 201);
	const spare = await phones(supervisor, 'POST', '', { phone: '13900003333' });
	assert.deepEqual((await phones(supervisor, 'GET')).json.items.map((p) => [p.phone, p.of]), [['139****2222', 'supervisors'], ['139****3333', 'supervisors']]);
	assert_problem(await phones(clerk, 'DELETE', `/${spare.json.id}`), 404, 'not_found');
	assert.equal((await phones(supervisor, 'DELETE', `/${spare.json.id}`)).status, 204);
	assert.deepEqual((await phones(clerk, 'GET')).json.items.map((p) => [p.phone, p.of]), [['139****1111', 'department']]);
	for (const text of ['13900001111', '13900002222']) assert.ok(!g.log().includes(text));
});

test('many lights are one message, to each who is concerned, and the morning’s list comes once', async () => {
	await late(12);
	g.configure({ 'alerts.from_hour': 0, 'alerts.to_hour': 24 });
	await restart();
	// A bite tells of a few lights at a time, so the first seconds may be more than one message; all of them together are the feed.
	const feed = async () => (await g.get('/v1/department/deadlines/feed?after=0&limit=100', { token: w.department })).json.items.filter((i) => !i.what.startsWith('stopped'));
	const wanted = await until('every light is in the feed', async () => {
		const lights = await feed();
		return lights.filter((i) => i.what === 'red').length >= 12 && (await g.sql(`SELECT COUNT(*) FROM case_clock WHERE phase = 1 AND next_on <= ${Math.floor((Date.now() + 8 * 3600e3) / 86400e3)}`)).trim() === '0'
			&& (await g.sql('SELECT COUNT(*) FROM clock_event WHERE what <= 3')).trim() === String(lights.length) && lights;
	});
	const of = (what) => wanted.filter((i) => i.what === what).length;
	const changed = async (receiver) => (await posted(receiver)).filter((one) => one.json.type === 'deadlines.changed');
	const whole = async (receiver) => (await sums(receiver)).join() === [of('yellow'), of('orange'), of('red')].join();
	await until('the department was told of all', async () => (await whole('a')) && whole('b'));
	const all = await changed('a'), [one] = all;
	assert.ok(of('red') >= 12 && of('yellow') + of('orange') > 0 && all.length <= 3, `${all.length} messages`);
	assert.equal(one.json.data.department.code, w.matter.department.code);
	const behind = (await g.get(`${one.json.data.feed}&limit=100`, { token: w.department })).json.items.filter((i) => !i.what.startsWith('stopped'));
	assert.deepEqual(one.json.data.items, behind.slice(0, one.json.data.items.length).map((i) => ({ case_ref: i.case_ref, case_no: i.case_no, kind: i.kind, light: i.what, due_on: i.due_on })));
	assert.deepEqual(new Webhook(key_of(1)).verify(one.body, one.headers), one.json);
	assert.throws(() => new Webhook(key_of(2)).verify(one.body, one.headers));
	const [theirs] = await changed('b');
	assert.deepEqual(new Webhook(key_of(3)).verify(theirs.body, theirs.headers), theirs.json);

	const [list] = await until('the list came', async () => {
		const found = (await posted('a')).filter((p) => p.json.type === 'deadlines.ending');
		return found.length > 0 && found;
	});
	const ending = (await g.get(`${list.json.data.list}&limit=100`, { token: w.department })).json.items.filter((i) => i.due_on >= day(0));
	assert.deepEqual([list.json.data.count, list.json.data.items.map((i) => i.case_ref)], [ending.length, ending.slice(0, 20).map((i) => i.case_ref)]);

	const said = async (phone) => (await texts(phone)).map(params), sum = (list, name) => list.reduce((n, p) => n + Number(p[name] ?? 0), 0);
	await until('phones rang', async () => sum(await said('13900001111'), 'late') === of('red') && sum(await said('13900002222'), 'late') === of('red')
		&& sum(await said('13900001111'), 'count') > 0);
	assert.equal(sum(await said('13900001111'), 'soon'), of('yellow') + of('orange'));
	assert.equal(sum(await said('13900001111'), 'count'), list.json.data.count);
	assert.equal(sum(await said('13900002222'), 'soon'), 0);
});

test('what was told is not told again; a new secret signs beside the old', async () => {
	const before = await posted('a');
	assert.equal((await hooks('PUT', `/${a}/secret`, { secret: key_of(2) })).status, 204);
	assert.equal((await hooks('PUT', `/${a}/secret`, { secret: key_of(2) })).status, 204); // twice is once
	assert.equal(assert_problem(await hooks('PUT', `/${a}/secret`, { secret: '!'.repeat(40) }), 422, 'invalid_field').json.pointer, '/secret');
	assert.ok((await hooks('GET')).json.items.find((h) => h.id === a).old_secret_until);
	await late(1);
	await restart();
	const fresh = await until('it was told of the new one', async () => {
		const now = (await posted('a')).slice(before.length);
		return now.length > 0 && now;
	});
	assert.deepEqual(fresh.map((p) => [p.json.type, p.json.data.red, p.json.data.yellow + p.json.data.orange]), [['deadlines.changed', 1, 0]]);
	for (const n of [1, 2]) assert.deepEqual(new Webhook(key_of(n)).verify(fresh[0].body, fresh[0].headers), fresh[0].json);
	assert.equal(new Set([...before, ...fresh].map((p) => p.headers['webhook-id'])).size, before.length + 1);
	assert.equal((await g.sql('SELECT COUNT(*) FROM (SELECT case_id FROM clock_event WHERE what <= 3 GROUP BY case_id, kind, what, due HAVING COUNT(*) > 1) AS twice')).trim(), '0');
});

test('limits of tickets and of work orders are told on the same ways', async () => {
	const before = await posted('a'), late = async () => (await texts('13900002222')).map(params).reduce((n, p) => n + Number(p.late ?? 0), 0), before_late = await late();
	const c = await new Case(g, w).live('submitted', 'accepted', 'decided_ok', 'done');
	const rated = await g.ask('POST', `/v1/cases/${c.case_no}/rating`, { token: w.citizen, key: randomUUID(), body: { level: 1, text: '来回跑了三次' } });
	const said = await g.ask('POST', '/v1/tickets', { token: w.citizen, key: randomUUID(), body: { kind: 'complain', text: '窗口没有人', region: w.region } });
	assert.deepEqual([rated.status, said.status], [201, 201], rated.text + said.text);
	// Forty days later, as far as these two know.
	await g.sql('UPDATE voice_clock SET begun = begun - 40, due = due - 40, yellow = yellow - 40, next_on = next_on - 40 WHERE phase = 1');
	await restart();
	const [told] = await until('the department was told of its work order', async () => {
		const now = (await posted('a')).slice(before.length).filter((p) => p.json.type === 'deadlines.changed' && p.json.data.tickets.red > 0);
		return now.length > 0 && now;
	});
	const { data } = told.json, items = data.items.filter((i) => 'ticket' in i);
	assert.deepEqual([data.tickets, items], [{ yellow: 0, orange: 0, red: 1, feed: '/v1/department/tickets/feed' },
		[{ ticket: rated.json.work_order, kind: 'accept', light: 'red', due_on: items[0].due_on }]]);
	const feed = (await g.get(`${data.tickets.feed}?limit=100`, { token: w.department })).json.items.filter((i) => i.number === rated.json.work_order && i.what === 'red');
	assert.deepEqual(feed.map((i) => i.clock), ['accept']);
	await until('supervisors of the place were told of both', async () => (await late()) === before_late + 2);
	assert.equal(JSON.stringify(await posted('a')).includes(said.json.number), false, 'nobody has it yet, so no department hears of it');
});

test('why what was sent of a ticket did not arrive, an operator can say', async () => {
	const hotline = await hire(security, system, 'al.hotline', w.region, 'hotline_clerk');
	await new Case(g, w).send('submitted', { matter: w.matter.code, region: w.region, applicant: { id_type: 'resident', id_number: w.person, name: '王小明', phone: '13900004444' } });
	const said = await g.ask('POST', '/v1/tickets', { token: w.citizen, key: randomUUID(), body: { kind: 'consult', text: '几点上班', region: w.region } });
	assert.equal(said.status, 201, said.text);
	const [item] = await until('the platform has refused it', async () => {
		const { items } = (await hotline.ask('GET', `/v1/staff/tickets/${said.json.number}/messages`)).json;
		return items[0]?.rungs[0]?.state === 'failed' && items;
	});
	const [rung] = item.rungs;
	assert.deepEqual([item.title, item.inbox.state, rung.channel, rung.to, rung.receipt], ['已收到您的诉求', 'done', 'sms', '139****4444', 'none']);
	assert.ok(rung.text.length > 0 && rung.next.length > 0 && rung.attempts.length === 1 && rung.attempts[0].text.length > 0, JSON.stringify(rung));
	assert.equal((await g.sql('SELECT COUNT(*) FROM audit WHERE act = 158')).trim() >= '1', true, 'the look is on record');
});

test('an address that wants no more is disabled, with an alarm, until somebody enables it', async () => {
	await s.setup('hooks', { answers: { a: 410 } });
	await late(1);
	await restart();
	const state = async () => (await clerk.ask('GET', '/v1/staff/hooks')).json.items.find((h) => h.id === a);
	await until('it is disabled', async () => (await state()).state === 'disabled');
	assert.match(g.log(), /"ev":"hook_disabled"/);
	assert.match((await g.admin('/metrics')).text, /^siban_hooks_disabled_total 1$/m);
	assert.equal((await posted('b')).at(-1).json.data.red, 1, 'the other one is told');
	assert.equal((await clerk.ask('POST', `/v1/staff/hooks/${a}/enable`)).status, 204);
	assert.equal((await state()).state, 'on');
	assert.equal((await hooks('POST', `/${a}/enable`)).status, 204);
	const count = async (act) => Number((await g.sql(`SELECT COUNT(*) FROM audit WHERE act = ${act}`)).trim());
	assert.deepEqual([await count(140), await count(141), await count(142), await count(143), await count(144), await count(145)], [5, 2, 2, 3, 3, 1]);
});
