// Goal: what is done on one node is so on every other, within a second: a session or a key that ends, a mandate that is revoked, keys that are exchanged, a matter that
// is new; with Redis, and without it, because the database is the truth and Redis only wakes up.
// Method: two gateways on one PostgreSQL and one Redis, each with a state folder and a key file of its own.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { copyFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { Case, assert_problem, id_number, now, world } from './lib/cases.mjs';
import { Gateway, gateway } from './lib/gateway.mjs';
import { Sse } from './lib/live.mjs';
import { People, device, form_type, phone } from './lib/people.mjs';
import { redis } from './lib/redis.mjs';
import { on_postgres } from './lib/stores.mjs';
import { until } from './lib/until.mjs';

if (on_postgres) {
	const r = await redis(), settings = { ...r.settings, 'expiring.deadline': 1000, 'rate.write': 0, 'rate.read': 0, 'rate.public': 0, 'rate.department': 0, 'stream.heartbeat': 300, loops: 1 };
	const a = await gateway({ settings }), b = await Gateway.start({ settings, beside: a });
	test.after(() => b.stop());
	const w = await world(a);
	const is_up = async (g) => (await g.admin('/readyz?verbose')).text.includes('[+] expiring');
	const key_file = (g) => path.join(g.state, 'keys/vault.keys');
	const share_keys = () => copyFileSync(key_file(a), key_file(b));

	async function session() {
		const { access_token: token } = await new People(a).login(phone(), device());
		for (const g of [a, b]) assert.equal((await g.get('/v1/me', { token })).status, 200);
		return token;
	}

	async function ends(token) {
		await new People(a).form('/oauth2/revoke', { token });
		assert.equal((await b.get('/v1/me', { token })).status, 401, 'with the next request, and not only soon');
	}

	test('a session that is ended on one is over on the other', async () => {
		await until('both have Redis', async () => (await is_up(a)) && (await is_up(b)));
		await ends(await session());
	});

	test('without Redis too', async () => {
		const token = await session();
		await r.kill();
		await until('Redis is missed', async () => !(await is_up(a)) && !(await is_up(b)));
		await ends(token);
		await r.start();
		await until('Redis is back', async () => (await is_up(a)) && (await is_up(b)));
	});

	test('a live stream on one hears what happened on the other, and ends with its session there; with Redis, and without', async () => {
		const people = new People(a);
		for (const with_redis of [true, false]) {
			const token = await a.citizen(id_number(704)), sse = await Sse.open(b, { token, after: 0 });
			assert.equal(sse.status, 200);
			if (!with_redis) {
				await r.kill();
				await until('Redis is missed', async () => !(await is_up(a)) && !(await is_up(b)));
			}
			await people.form('/oauth2/revoke', { token });
			await until('it is over', () => sse.is_over); // long before its next sign of life: 25 s
			assert.ok(sse.ended_cleanly);
		}
		await r.start();
		await until('Redis is back', async () => (await is_up(a)) && (await is_up(b)));
		const c = await new Case(a, w, { person: id_number(703) }).live('received'), token = await a.citizen(c.person), sse = await Sse.open(b, { token, after: 0 });
		const rows = () => Number(a.sql(`SELECT count(*) FROM stream_event s JOIN cases c ON c.person = s.person WHERE c.case_no = '${c.case_no}'`));
		await until('it has what there was', () => sse.ids.filter((id) => id !== undefined).length >= rows());
		const before = rows();
		await c.send('accepted');
		assert.ok(rows() > before);
		await until('it is told', () => sse.ids.filter((id) => id !== undefined).length >= rows(), 10000); // also when the hint went before b listened again
		sse.close();
	});

	test('a client whose key is revoked on one opens nothing on the other', async () => {
		const { client } = (await a.control('POST', '/control/clients/add', { department: w.matter.department.code, name: '审批系统', scope: 'feed:read' })).json;
		const { key, secret } = (await a.control('POST', '/control/clients/keys/add', { client })).json;
		const ask = (g) => g.ask('POST', '/oauth2/token', { type: form_type, body: new URLSearchParams({ grant_type: 'client_credentials', client_id: client, client_secret: secret }).toString() });
		const { access_token: token } = (await ask(b)).json;
		assert.equal((await b.get('/v1/department/feed', { token })).status, 200);
		assert.equal((await a.control('POST', '/control/clients/keys/revoke', { client, key })).status, 200);
		assert.equal((await b.get('/v1/department/feed', { token })).status, 401);
		assert.equal((await ask(b)).status, 401);
	});

	test('a mandate that is revoked on one is over on the other', async () => {
		const [elder, helper] = await Promise.all([['李大娘', 701], ['王小明', 702]].map(async ([name, n]) => {
			const c = new Case(a, w, { person: id_number(n) });
			assert.equal((await c.post({ ...c.body('submitted'), applicant: { id_type: 'resident', id_number: c.person, name } })).status, 201);
			return { name, number: c.person, token: await a.citizen(c.person) };
		}));
		const body = { kind: 'agent', id_number: elder.number, name: elder.name, scopes: 'see_cases', until: now(30 * 24 * 3600e3) };
		const { id } = (await a.ask('POST', '/v1/me/mandates', { token: helper.token, key: randomUUID(), body })).json;
		assert.equal((await b.ask('POST', `/v1/me/mandates/${id}/accept`, { token: elder.token, key: randomUUID() })).status, 200);
		const look = () => b.get('/v1/cases', { token: helper.token, headers: { 'x-acting-for': id } });
		assert.equal((await look()).json.items.length, 1);
		assert.equal((await a.ask('POST', `/v1/me/mandates/${id}/revoke`, { token: elder.token })).status, 200);
		assert_problem(await look(), 403, 'mandate_ended');
	});

	// ---- keys ----

	let last = 800;
	async function opened(g) {
		const c = new Case(g, w, { person: id_number(last++) });
		const answer = await c.post({ ...c.body('submitted'), applicant: { id_type: 'resident', id_number: c.person, name: '张三', phone: phone() } });
		return { c, answer };
	}

	async function everywhere({ c, answer }) {
		assert.equal(answer.status, 201, answer.text);
		for (const g of [a, b]) {
			assert.equal((await g.ask('POST', '/v1/case-lookups', { body: { case_no: answer.json.case_no, id_last4: c.person.slice(-4) } })).status, 200);
			assert.equal((await g.get('/v1/cases', { token: await g.citizen(c.person) })).json.items.length, 1, 'he is found by his number, and not made once more');
		}
	}

	test('a cipher key made on one seals and opens on both, and waits for the rotation that the other can follow', async () => {
		assert.match(await a.command('keys', 'add', '--cipher'), /is kept[^]*copy the key file to each/);
		await everywhere(await opened(a));
		share_keys();
		const before = await opened(b);
		assert.match(await a.command('keys', 'rotate'), /everything lies under the current keys$/);
		await everywhere(before);
		await everywhere(await opened(a));
		await everywhere(await opened(b));
		const counts = (await a.command('keys', 'list')).split('\n').map((line) => line.trim().split(/\s+/));
		assert.equal(counts.find(([id]) => id === '1').at(-1), '0', 'nothing was sealed with the old key, by neither of them');
	});

	test('an index key is exchanged while both make persons, and each finds all of them', async () => {
		await a.command('keys', 'add', '--index');
		share_keys();
		let busy = true;
		const made = [];
		const load = [a, b].map(async (g) => {
			while (busy) made.push(await opened(g));
		});
		await until('there are some', () => made.length > 4);
		await a.command('keys', 'rotate');
		busy = false;
		await Promise.all(load);
		const [id_a, role_a] = a.sql("SELECT convert_from(value, 'UTF8') FROM meta WHERE name = 'index_slots'").split(' '), slot = role_a === '1' ? 'a' : 'b', other = slot === 'a' ? 'b' : 'a';
		assert.ok(id_a !== undefined);
		assert.equal(a.sql(`SELECT count(*) FROM person WHERE kind <> 0 AND (id_hash_${slot} IS NULL OR id_hash_${other} IS NOT NULL)`), '0');
		for (const one of [...made.slice(0, 3), ...made.slice(-6)]) await everywhere(one);
	});

	test('a node without the key that the others use writes nothing, says which, and goes on when it has it', async () => {
		await a.command('keys', 'add', '--cipher');
		await a.command('keys', 'rotate');
		const refused = await opened(b);
		assert_problem(refused.answer, 503, 'store_unavailable');
		await until('its log says which', () => /copy its vault\.keys: key \d+, which this database was written with, is not in vault\.keys/.test(b.log()));
		share_keys();
		await until('it writes again', async () => (await opened(b)).answer.status === 201);
		await everywhere(await opened(a));
	});

	// ---- the catalogue ----

	test('a matter that is new on one is found on the other', async () => {
		const file = path.join(a.state, 'new.csv');
		writeFileSync(file, `code,name,department,region,type,legal_days,promised_days,trips,online\nNODES-1,跨节点事项测试,${w.matter.department.code},621200,commitment,9,9,0,1\n`);
		await a.command('import', 'matters', file);
		assert.equal((await b.get('/v1/matters/NODES-1')).status, 200);
		await until('it is found', async () => JSON.stringify((await b.get(`/v1/search?q=${encodeURIComponent('跨节点事项测试')}`)).json).includes('NODES-1'));
	});
}
