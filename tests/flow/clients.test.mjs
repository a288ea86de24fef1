// Goal: a department's or courier's system gets tokens by its secret and no other way; a rotation leaves no gap; a revoked key opens nothing any more.
// Method: a real gateway, clients made on the control socket, both protocols.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Case, world } from './lib/cases.mjs';
import { curl } from './lib/clients.mjs';
import { gateway } from './lib/gateway.mjs';
import { form_type } from './lib/people.mjs';

const g = await gateway();
const { items } = (await g.get('/v1/matters?limit=100')).json;
const code = items[0].department.code;
const told = [];

async function client(more = {}) {
	const made = await g.control('POST', '/control/clients/add', { department: code, name: '审批系统', ...more });
	assert.equal(made.status, 201, made.text);
	return made.json.client;
}

async function key(id) {
	const made = await g.control('POST', '/control/clients/keys/add', { client: id });
	assert.equal(made.status, 201, made.text);
	told.push(made.json.secret);
	return made.json;
}

const basic = (id, secret) => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
const form = (fields, { authorization, via } = {}) => g.ask('POST', '/oauth2/token', { via, type: form_type,
	body: new URLSearchParams({ grant_type: 'client_credentials', ...fields }).toString(), ...(authorization ? { headers: { authorization } } : {}) });
const feed = (token, via) => g.get('/v1/department/feed', { token, via });

for (const via of ['h2', 'h1'])
	test(`over ${via}: Basic or form, exactly one; scopes are a part of what was given`, async () => {
		const id = await client({ scope: 'feed:read cases:read' }), { secret } = await key(id);
		const all = await form({}, { authorization: basic(id, secret), via });
		assert.equal(all.status, 200, all.text);
		assert.equal(all.json.scope, 'cases:read feed:read');
		assert.ok(all.json.expires_in === 3600 && all.json.refresh_token === undefined && all.json.access_token.startsWith('sbd_'));
		assert.equal((await feed(all.json.access_token, via)).status, 200);
		const part = await form({ client_id: id, client_secret: secret, scope: 'cases:read' }, { via });
		assert.equal(part.json.scope, 'cases:read');
		assert.equal((await feed(part.json.access_token, via)).status, 403);
		for (const scope of ['events:write', 'nothing:such']) assert.equal((await form({ client_id: id, client_secret: secret, scope }, { via })).json.error, 'invalid_scope');
		const both = await form({ client_id: id, client_secret: secret }, { authorization: basic(id, secret), via });
		assert.deepEqual([both.status, both.json.error], [400, 'invalid_request']);
	});

test('what is wrong with credentials is one answer', async () => {
	const id = await client({ networks: '127.0.0.0/8' }), other = await client(), { secret } = await key(id), gone = await key(id);
	assert.equal((await form({ client_id: id, client_secret: secret })).status, 200);
	await g.control('POST', '/control/clients/keys/revoke', { client: id, key: gone.key });
	const answers = [];
	for (const [a, b] of [['cl_00000000000000000000000000', secret], ['x', secret], [other, secret], [id, secret.slice(0, 4) + (secret[4] === 'A' ? 'B' : 'A') + secret.slice(5)], [id, 'guess'], [id, gone.secret]])
		answers.push(await form({ client_id: a, client_secret: b }));
	await g.control('POST', '/control/clients/allow', { client: id, networks: '203.0.113.0/24' });
	answers.push(await form({ client_id: id, client_secret: secret }));
	const shapes = new Set(answers.map((a) => JSON.stringify([a.status, { ...a.json, request_id: '', trace_id: '' }, a.headers['www-authenticate']])));
	assert.equal(shapes.size, 1, [...shapes].join('\n'));
	assert.deepEqual([answers[0].status, answers[0].json.error, answers[0].headers['www-authenticate']], [401, 'invalid_client', undefined]);
	assert.match((await form({}, { authorization: basic(id, 'guess') })).headers['www-authenticate'], /^Basic /);
});

test('a rotation under load: not one failure; then the old key and its tokens open nothing', async () => {
	const id = await client(), first = await key(id);
	let secret = first.secret, stop = false;
	const statuses = [], tokens = [];
	const load = Promise.all([0, 1, 2, 3].map(async () => {
		while (!stop && statuses.length < 400) {
			const answer = await form({ client_id: id, client_secret: secret });
			statuses.push(answer.status);
			tokens.push(answer.json.access_token);
		}
	}));
	const old = (await form({ client_id: id, client_secret: first.secret })).json.access_token;
	const second = await key(id);
	secret = second.secret;
	for (let n = 0; n < 20; n++) assert.equal((await form({ client_id: id, client_secret: secret })).status, 200);
	stop = true;
	await load;
	assert.ok(statuses.length > 0 && statuses.every((s) => s === 200));
	const fresh = (await form({ client_id: id, client_secret: second.secret })).json.access_token;
	assert.equal((await feed(old)).status, 200);
	const revoked = await g.control('POST', '/control/clients/keys/revoke', { client: id, key: first.key });
	assert.ok(revoked.json.sessions_ended >= 1);
	assert.equal((await feed(old)).status, 401);
	assert.equal((await feed(fresh)).status, 200);
	assert.equal((await form({ client_id: id, client_secret: first.secret })).status, 401);
});

test('a courier gets a partner’s token; a stranger who hammers a client slows down himself, and guesses nothing', async () => {
	const made = await g.control('POST', '/control/clients/add', { partner: 'SF', name: '顺丰' });
	const { secret } = await key(made.json.client);
	const answer = await form({ client_id: made.json.client, client_secret: secret });
	assert.ok(answer.json.access_token.startsWith('sbp_'), answer.text);
	assert.equal((await feed(answer.json.access_token)).status, 403);
	const seen = new Set();
	for (let n = 0; n < 700; n += 100)
		for (const a of await Promise.all(Array.from({ length: 100 }, () => form({ client_id: made.json.client, client_secret: 'guess' })))) seen.add(a.status);
	assert.deepEqual([...seen].sort(), [401, 429]);
	const id = await client(), good = await key(id);
	assert.equal((await form({ client_id: id, client_secret: good.secret })).status, 200);
});

test('the command line makes a client, its key, and ends it', async () => {
	const said = async (...words) => Object.fromEntries((await g.command('client', ...words)).split('\n').filter(Boolean).map((line) => line.split(' ')));
	const { client: id } = await said('add', '--department', code, '--scope', 'feed:read', '--networks', '127.0.0.0/8', '--test', '档案系统');
	const { key: number, secret } = await said('key', 'add', id, '--days', '30');
	told.push(secret);
	assert.equal((await form({ client_id: id, client_secret: secret })).status, 200);
	await said('allow', id, '203.0.113.0/24');
	assert.equal((await form({ client_id: id, client_secret: secret })).status, 401);
	await said('allow', id, '');
	assert.equal((await form({ client_id: id, client_secret: secret })).status, 200);
	assert.equal((await said('key', 'revoke', id, number)).sessions_ended, '2');
	assert.equal((await form({ client_id: id, client_secret: secret })).status, 401);
	await assert.rejects(g.command('client', 'allow', id, '10.0.0.1/8'), /networks/);
});

test('a pace is of a client and an address: whoever hammers from one slows down nobody at another', async () => {
	const id = await client(), { secret } = await key(id);
	const from = (address) => curl(g, '/oauth2/token', '--interface', address, '-d', new URLSearchParams({ grant_type: 'client_credentials', client_id: id, client_secret: secret }).toString());
	let last = 200;
	for (let n = 0; n < 700 && last === 200; n += 100)
		for (const a of await Promise.all(Array.from({ length: 100 }, () => form({ client_id: id, client_secret: secret })))) last = a.status === 200 ? last : a.status;
	assert.equal(last, 429);
	assert.equal((await from('127.0.0.1')).status, 429);
	assert.equal((await from('127.0.0.2')).status, 200);
});

test('eight keys are good at once, no ninth; one revoked makes room', async () => {
	const id = await client(), keys = [];
	for (let n = 0; n < 8; n++) keys.push(await key(id));
	const ninth = () => g.control('POST', '/control/clients/keys/add', { client: id });
	assert.deepEqual([(await ninth()).status, (await ninth()).json.code], [409, 'conflict']);
	for (const { secret } of keys) assert.equal((await form({ client_id: id, client_secret: secret })).status, 200);
	await g.control('POST', '/control/clients/keys/revoke', { client: id, key: keys[3].key });
	assert.equal((await ninth()).status, 201);
});

test('a field nobody knows: a test client is told, a live one is not stopped by it', async () => {
	const w = await world(g);
	for (const test_key of [true, false]) {
		const id = await client({ test_key, department: w.matter.department.code }), { secret } = await key(id);
		const one = new Case(g, w, { token: (await form({ client_id: id, client_secret: secret })).json.access_token });
		const { status, json } = await one.post(one.body('submitted', { no_such_field: 1 }));
		assert.deepEqual([status, json.code, json.pointer], test_key ? [422, 'unknown_field', '/no_such_field'] : [201, undefined, undefined], JSON.stringify(json));
	}
});

test('a client that is closed opens nothing and its sessions are over; opened again its keys are good and its old tokens are not', async () => {
	const id = await client(), { secret } = await key(id), second = await key(id), ask = () => form({ client_id: id, client_secret: secret });
	const token = (await ask()).json.access_token, other = (await form({ client_id: id, client_secret: second.secret })).json.access_token;
	assert.equal((await feed(token)).status, 200);
	assert.equal(await g.command('client', 'disable', id), 'sessions_ended 2');
	assert.deepEqual([(await feed(token)).status, (await feed(other)).status], [401, 401]);
	assert.equal((await ask()).json.error, 'invalid_client');
	assert.match(await g.command('client', 'list'), new RegExp(`${id} .* disabled since `));
	assert.equal(await g.command('client', 'disable', id), 'sessions_ended 0');
	assert.equal(await g.command('client', 'enable', id), '');
	assert.equal((await ask()).status, 200);
	assert.equal((await feed(token)).status, 401);
	assert.ok(!new RegExp(`${id} .* disabled since `).test(await g.command('client', 'list')));
	await assert.rejects(g.command('client', 'disable', 'cl_00000000000000000000000000'));
});

test('the list has everybody, over as many answers as it takes', async () => {
	const ids = [];
	for (let n = 0; n < 55; n++) ids.push(await client());
	const lines = (await g.command('client', 'list')).split('\n').filter((line) => line.startsWith('cl_'));
	assert.equal(new Set(lines.map((line) => line.split(' ')[0])).size, lines.length);
	for (const id of ids) assert.ok(lines.some((line) => line.startsWith(id)), id);
	assert.ok(lines.some((line) => line.includes('partner SF  顺丰')) && lines.some((line) => line.includes(`department ${code}  档案系统  test`)));
});

// The daemon is down: the same commands open the database themselves, and time is moved by hand.
test('without a daemon: the commands work all the same; a key ends with its day; use is noted by the hour', async () => {
	const said = async (...words) => Object.fromEntries((await g.command('client', ...words)).split('\n').filter(Boolean).map((line) => line.split(' ')));
	const used_at = async (number) => new RegExp(`key ${number} +secret .* used (.*)`).exec(await g.command('client', 'list'))[1];
	const before = await client(), kept = await key(before);
	await g.stop();
	const { client: id } = await said('add', '--department', code, '离线系统'), one = await said('key', 'add', id), two = await said('key', 'add', id, '--days', '1');
	told.push(one.secret, two.secret);
	assert.equal((await said('key', 'revoke', id, one.key)).sessions_ended, '0');
	await said('allow', id, '127.0.0.0/8');
	assert.equal(await g.command('client', 'disable', before), 'sessions_ended 0');
	await g.serve();
	assert.equal((await form({ client_id: id, client_secret: one.secret })).status, 401);
	assert.equal((await form({ client_id: before, client_secret: kept.secret })).status, 401);
	assert.equal(await used_at(two.key), 'never');
	assert.equal((await form({ client_id: id, client_secret: two.secret })).status, 200);
	const first = await used_at(two.key);
	assert.match(first, /^20/);
	assert.equal((await form({ client_id: id, client_secret: two.secret })).status, 200);
	assert.equal(await used_at(two.key), first, 'not noted twice in an hour');
	await g.stop();
	await g.sql(`UPDATE client_key SET used_ms = used_ms - 3600001 WHERE id = ${two.key}`);
	await g.serve();
	const earlier = await used_at(two.key);
	assert.equal((await form({ client_id: id, client_secret: two.secret })).status, 200);
	assert.ok(await used_at(two.key) > earlier, 'an hour later it is');
	await g.stop();
	await g.sql(`UPDATE client_key SET from_ms = from_ms - 86400000, until_ms = until_ms - 86400000 WHERE id = ${two.key}`);
	await g.serve();
	assert.equal((await form({ client_id: id, client_secret: two.secret })).json.error, 'invalid_client');
});

test('secrets lie nowhere', async () => {
	const files = await g.files();
	assert.ok(told.length > 5 && files.length > 5);
	for (const { name, bytes } of files)
		for (const secret of told) assert.ok(!bytes.includes(secret), name);
});
