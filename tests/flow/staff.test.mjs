// Goal: staff log in with two factors or not at all, and nobody learns which was wrong; a stranger's guesses lock nobody out of a session; what takes two people
// takes two, over the wire; a county sees its own; no secret is written down anywhere.
// Method: three first administrators by the command line, everybody else by proposals; guesses by the thousand; the state folder's bytes searched.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gateway } from './lib/gateway.mjs';
import { digits, first, hire, password } from './lib/staff.mjs';
import { until } from './lib/until.mjs';

const g = await gateway({ settings: { 'rate.public': 0, 'staff.logins_per_address': 100000 } });
const system = await first(g, 'li.system', 'system_admin');
const security = await first(g, 'wang.security', 'security_admin');
const audit = await first(g, 'zhao.audit', 'audit_admin');
const spoken = [system, security, audit].flatMap((c) => [c.secret, c.token]);
const hired = async (...words) => {
	const c = await hire(security, system, ...words);
	spoken.push(c.secret, c.token);
	return c;
};
const metric = async (name, label) => {
	const line = (await g.admin('/metrics')).text.split('\n').find((l) => l.startsWith(`${name}{`) && l.includes(label));
	return line === undefined ? 0 : Number(line.split(' ').at(-1));
};
const argon2_calls = () => metric('siban_lane_work_seconds_count', 'cpu');
const sql = (text) => g.sql(text);
const refusals = () => Number(sql('SELECT count(*) FROM audit WHERE act = 4'));
const fails = (promise) => promise.then(() => assert.fail('should fail'), (e) => e.stderr);

test('each duty has one first holder', async () => {
	for (const [role, word] of [['system_admin', /冲突 \/role/], ['window_clerk', /\/role/]])
		assert.match(await fails(g.command('staff', 'add', '--first', '--account', 'second.one', '--name', '乙', '--role', role, '--region', '621200')), word);
	const list = await g.command('staff', 'list');
	assert.match(list, /li\.system +active +621200 +system_admin +李建国/);
	assert.match(await fails(g.command('staff', 'again', '--account', 'nobody.here')), /没有找到 \/account/);
});

test('me says what I may', async () => {
	const me = (await security.ask('GET', '/v1/staff/me')).json;
	assert.deepEqual([me.account, me.region, me.roles], ['wang.security', '621200', ['security_admin']]);
	assert.ok(me.rights.includes('staff:manage') && !me.rights.includes('audit:read'));
});

test('unknown account, wrong password, wrong digits, closed or not activated: the same bytes, the same rows, one argon2id each', async () => {
	const clerk = await hired('chen.window', '621202', 'window_clerk'), shape = [];
	const made = (await security.propose('staff_invite', '621202', { account: 'never.came', name: '未', region: '621202', roles: 'window_clerk' })).json;
	spoken.push((await system.decide(made.id, 'approve')).json.invitation);
	const wrong = [{ account: 'no.such.one' }, { account: 'Not an account' }, { password: 'Wrong-2026-Sunny' }, { totp: '000000' }, { account: 'never.came' }];
	for (const body of wrong) {
		const before = await argon2_calls(), audits = refusals();
		const answer = await clerk.try_login({ totp: '123456', ...body });
		assert.equal(answer.status, 401);
		const { request_id, trace_id, ...rest } = answer.json;
		assert.ok(request_id && trace_id);
		shape.push(JSON.stringify([rest, Object.keys(answer.headers).sort()]));
		assert.equal(await argon2_calls() - before, 1, JSON.stringify(body));
		assert.equal(refusals() - audits, 1);
	}
	assert.equal(new Set(shape).size, 1, shape.join('\n'));
	assert.equal((await clerk.try_login()).status, 200); // four wrong ones hold nobody
});

test('digits serve once; of two at once one wins', async () => {
	const clerk = await hired('sun.twice', '621202', 'window_clerk');
	assert.equal((await clerk.try_login({ totp: digits(clerk.secret, clerk.last) })).status, 401);
	const totp = clerk.fresh();
	const both = await Promise.all([clerk.try_login({ totp }), clerk.try_login({ totp })]);
	assert.deepEqual(both.map((a) => a.status).sort(), [200, 401]);
	assert.equal((await clerk.try_login({ totp })).status, 401);
});

test('ten thousand wrong logins: five are tried, the rest cost nothing, and the open session does not notice', async () => {
	const clerk = await hired('he.target', '621202', 'window_clerk'), before = await argon2_calls(), seen = new Map();
	for (let n = 0; n < 10000; n += 100) {
		const answers = await Promise.all(Array.from({ length: 100 }, (_, k) => g.h2.request('POST', '/v1/staff/login', { headers: { 'content-type': 'application/json' },
			body: { account: 'he.target', password: `Guess-${n + k}-Guess`, totp: String(n + k).padStart(6, '0') } })));
		for (const a of answers) seen.set(a.status, (seen.get(a.status) ?? 0) + 1);
	}
	assert.deepEqual([...seen].sort(), [[401, 5], [429, 9995]]);
	assert.equal(await argon2_calls() - before, 5);
	const held = await clerk.try_login();
	assert.deepEqual([held.status, held.json.code], [429, 'login_held']);
	assert.ok(Number(held.headers['retry-after']) > 0 && Number(held.headers['retry-after']) <= 900);
	assert.equal((await clerk.ask('GET', '/v1/staff/me')).status, 200);
	// an account nobody has is held in the same words, and others are not held at all
	for (let n = 0; n < 5; n++) assert.equal((await clerk.try_login({ account: 'no.body', totp: '111111' })).status, 401);
	assert.equal((await clerk.try_login({ account: 'no.body', totp: '111111' })).json.code, 'login_held');
	assert.equal((await audit.try_login()).status, 200);
});

test('an invitation serves once, and cannot be guessed', async () => {
	const made = (await security.propose('staff_invite', '621202', { account: 'qian.once', name: '钱', region: '621202', roles: 'window_clerk' })).json;
	const { invitation } = (await system.decide(made.id, 'approve')).json;
	const activate = (body) => g.ask('POST', '/v1/staff/activate', { body });
	for (const code of ['x', 'A'.repeat(43), invitation.toLowerCase(), invitation.slice(0, -1)])
		assert.equal((await activate({ code, password })).json.code, 'wrong_invitation');
	const weak = await activate({ code: invitation, password: 'aaaaaaaaaaaa' });
	assert.deepEqual([weak.status, weak.json.pointer, weak.json.reason], [422, '/password', 'classes']);
	const answers = await Promise.all([activate({ code: invitation, password }), activate({ code: invitation, password })]);
	assert.deepEqual(answers.map((a) => a.status).sort(), [200, 401]);
	assert.equal((await activate({ code: invitation, password })).status, 401);
	const { totp_secret, otpauth_uri } = answers.find((a) => a.status === 200).json;
	spoken.push(invitation, totp_secret);
	assert.equal(new URL(otpauth_uri).searchParams.get('secret'), totp_secret);
});

test('a password changed with its login ends the other sessions, and none of the last five comes again', async () => {
	const clerk = await hired('zhou.change', '621202', 'window_clerk'), old = clerk.token;
	const same = await clerk.try_login({ new_password: password });
	assert.deepEqual([same.status, same.json.pointer, same.json.reason], [422, '/new_password', 'former']);
	const changed = await clerk.try_login({ totp: digits(clerk.secret, clerk.last), new_password: 'Chengxian-88-Rain' });
	assert.equal(changed.status, 200, changed.text);
	spoken.push('Chengxian-88-Rain', changed.json.access_token);
	assert.equal((await clerk.ask('GET', '/v1/staff/me', { token: old })).status, 401);
	assert.equal((await clerk.ask('GET', '/v1/staff/me', { token: changed.json.access_token })).status, 200);
	assert.equal((await clerk.ask('POST', '/v1/staff/logout', { token: changed.json.access_token })).status, 204);
	assert.equal((await clerk.ask('GET', '/v1/staff/me', { token: changed.json.access_token })).status, 401);
});

test('two people, two sessions, over the wire; a decision is made once, and what it tells it tells once', async () => {
	const payload = { account: 'wu.clerk', name: '吴', region: '621202', roles: 'window_clerk' };
	const made = await security.propose('staff_invite', '621202', payload);
	const again = await security.login();
	assert.equal((await security.decide(made.json.id, 'approve')).json.code, 'four_eyes'); // another session of his is not another person
	assert.equal((await audit.decide(made.json.id, 'approve')).status, 404);
	assert.equal((await system.propose('staff_invite', '621202', payload)).json.code, 'forbidden');
	const shown = (await system.ask('GET', `/v1/staff/proposals/${made.json.id}`)).json;
	assert.deepEqual([shown.maker, shown.checker, shown.state, shown.payload], ['wang.security', null, 'open', payload]);
	assert.equal((await audit.ask('GET', `/v1/staff/proposals/${made.json.id}`)).status, 404);
	const both = await Promise.all([system.decide(made.json.id, 'approve'), system.decide(made.json.id, 'approve')]);
	assert.deepEqual(both.map((a) => a.status).sort(), [200, 409]);
	assert.ok(both.find((a) => a.status === 200).json.invitation);
	spoken.push(both.find((a) => a.status === 200).json.invitation, again.token);
	const no = await security.propose('staff_close', '621202', {}, 'wu.clerk');
	assert.equal((await security.propose('staff_close', '621202', {}, 'wu.clerk')).json.code, 'conflict');
	assert.equal((await system.decide(no.json.id, 'refuse', { note: '此人仍在岗' })).json.state, 'refused');
	assert.equal((await security.ask('GET', `/v1/staff/proposals/${no.json.id}`)).json.note, '此人仍在岗');
	const back = await security.propose('staff_close', '621202', {}, 'wu.clerk');
	assert.equal((await system.decide(back.json.id, 'withdraw')).status, 403);
	assert.equal((await security.decide(back.json.id, 'withdraw')).json.state, 'withdrawn');
	const himself = await security.propose('staff_again', '621200', {}, 'li.system');
	assert.equal((await system.decide(himself.json.id, 'approve')).json.code, 'four_eyes'); // nobody decides about himself
	assert.equal((await security.decide(himself.json.id, 'withdraw')).status, 200);
	for (const [kind, body, pointer] of [['staff_close', {}, '/subject'], ['staff_invite', { ...payload, roles: 'king' }, '/roles'], ['no_kind', {}, '/kind']])
		assert.equal((await security.propose(kind, '621202', body)).json.pointer, pointer);
	assert.equal((await security.propose('staff_close', '621202', {}, 'no.such')).json.pointer, '/subject');
});

test('other roles, a closed account, another invitation: the sessions are over with the decision', async () => {
	for (const [kind, payload, account] of [['staff_roles', { roles: 'department_clerk' }, 'a.roles'], ['staff_close', {}, 'b.close'], ['staff_again', {}, 'c.again']]) {
		const clerk = await hired(account, '621202', 'window_clerk');
		const made = await security.propose(kind, '621202', payload, account);
		assert.equal((await clerk.ask('GET', '/v1/staff/me')).status, 200);
		const approved = await system.decide(made.json.id, 'approve');
		assert.equal(approved.status, 200, approved.text);
		assert.equal((await clerk.ask('GET', '/v1/staff/me')).status, 401);
		assert.equal((await clerk.try_login()).status, kind === 'staff_roles' ? 200 : 401);
		if (kind !== 'staff_again') continue;
		const same = await g.ask('POST', '/v1/staff/activate', { body: { code: approved.json.invitation, password } });
		assert.equal(same.json.reason, 'former');
		clerk.password = 'Huixian-77-Cloud';
		const secret = clerk.secret;
		await clerk.activate(approved.json.invitation);
		spoken.push(approved.json.invitation, clerk.secret, clerk.password);
		assert.notEqual(clerk.secret, secret);
	}
});

test('a session lives from use to use, a minute at a time, and idle for a quarter of an hour it is over; over HTTP/1.1 too', async () => {
	const clerk = await hired('feng.idle', '621202', 'window_clerk');
	const id = Number(sql('SELECT max(id) FROM session WHERE kind = 16')), row = () => sql(`SELECT expires_ms FROM session WHERE id = ${id}`);
	const earlier = async (minutes) => { // as if that much time had passed; no cache remembers a gateway that ended
		await g.stop();
		sql(`UPDATE session SET seen_ms = seen_ms - ${minutes * 60000}, expires_ms = expires_ms - ${minutes * 60000} WHERE id = ${id}`);
		await g.serve();
	};
	const at_once = row();
	assert.equal((await clerk.ask('GET', '/v1/staff/me')).status, 200);
	await earlier(10);
	const before = row(), me = await clerk.ask('GET', '/v1/staff/me', { via: 'h1' });
	assert.equal(me.status, 200);
	assert.equal(Date.parse(me.json.idle_until), Number(before));
	await until('the use is noted', () => Number(row()) > Number(at_once));
	await until('the next request knows', async () => Date.parse((await clerk.ask('GET', '/v1/staff/me')).json.idle_until) === Number(row()));
	await earlier(15);
	const over = await clerk.ask('GET', '/v1/staff/me', { via: 'h1' });
	assert.deepEqual([over.status, over.json.code], [401, 'invalid_token']);
	assert.equal((await clerk.try_login({ via: 'h1' })).status, 200);
});

test('a county’s administrator sees his county, and beyond it nothing, in the bytes of nothing', async () => {
	const county = await hired('cheng.security', '621221', 'security_admin');
	const county_system = await hired('cheng.system', '621221', 'system_admin');
	await hired('cheng.clerk', '621221', 'window_clerk');
	const ours = (await county.propose('staff_roles', '621221', { roles: 'operator' }, 'cheng.clerk')).json.id;
	const theirs = (await security.propose('staff_roles', '621202', { roles: 'operator' }, 'chen.window')).json.id;
	assert.deepEqual((await county_system.ask('GET', '/v1/staff/proposals?state=open')).json.items.map((p) => p.id), [ours]);
	assert.deepEqual((await system.ask('GET', '/v1/staff/proposals?state=open&limit=2')).json.items.map((p) => p.id), [theirs, ours]);
	assert.deepEqual((await county.ask('GET', '/v1/staff')).json.items.map((p) => p.account).sort(), ['cheng.clerk', 'cheng.security', 'cheng.system']);
	const none = `pp_${'0'.repeat(26)}`;
	const plain = ({ status, json: { request_id, trace_id, ...rest } }) => JSON.stringify([status, rest, Boolean(request_id && trace_id)]);
	assert.equal(plain(await county_system.ask('GET', `/v1/staff/proposals/${theirs}`)), plain(await county_system.ask('GET', `/v1/staff/proposals/${none}`)));
	for (const what of ['approve', 'withdraw']) assert.equal(plain(await county_system.decide(theirs, what)), plain(await county_system.decide(none, what)));
	assert.equal(plain(await county_system.decide(theirs, 'refuse', { note: '不' })), plain(await county_system.decide(none, 'refuse', { note: '不' })));
	assert.equal((await county.propose('staff_invite', '621202', { account: 'x.far', name: '远', region: '621202', roles: 'window_clerk' })).status, 404);
	assert.equal((await county.propose('staff_close', '621221', {}, 'chen.window')).json.pointer, '/subject');
	let cursor = '', pages = [];
	do {
		const { json } = await system.ask('GET', `/v1/staff?limit=3${cursor}`);
		pages.push(...json.items.map((i) => i.account));
		cursor = json.next_cursor && `&cursor=${json.next_cursor}`;
	} while (cursor);
	assert.equal(new Set(pages).size, pages.length);
	assert.ok(pages.length > 10);
});

test('no secret, name or password is found in the log or in any file', async () => {
	spoken.push(password, '王小明', '李建国', '此人仍在岗', 'Huixian-77-Cloud');
	await g.stop();
	const files = await g.files();
	assert.ok(files.length >= 3);
	for (const { name, bytes } of files)
		for (const [n, word] of spoken.entries()) assert.ok(!bytes.includes(word), `${name} holds the ${n}th thing that was said`);
});
