// Goal: a terminal is its certificate; a visit is of one visitor; a citizen hands his login over by a code he reads and a yes to the machine he was shown; what the
// terminal gets is little, short, bound to its certificate, and ends from the phone too.
// Method: a real gateway, two terminals, citizens with phones; codes replayed, stolen, passed on and waited for.
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import test, { after } from 'node:test';
import { sandbox } from '../sandbox/lib/client.mjs';
import { Authority, CertifiedH2, certified_h1 } from './lib/certificates.mjs';
import { gateway } from './lib/gateway.mjs';
import { assert_documented } from './lib/openapi.mjs';
import { People, authority_settings, device, phone } from './lib/people.mjs';
import { on_postgres } from './lib/stores.mjs';
import { until } from './lib/until.mjs';

const HOST = 'terminal.test';
const s = await sandbox();
const g = await gateway({ settings: { ...authority_settings(s), 'terminal.url': 'https://siban.test/t/' } });
const ca = await Authority.make(g.state, 'terminals-ca');
g.configure({ 'tls.client_hosts': `${HOST}=${ca.file}` });
assert.equal((await g.control('POST', '/control/reload')).status, 200);
const people = new People(g);

class Terminal {
	static async add(name, place) {
		const t = new Terminal();
		t.certificate = await ca.sign(name);
		const said = Object.fromEntries((await g.command('terminal', 'add', name, place, '621202', t.certificate.cert_file)).split('\n').map((line) => line.split(' ')));
		Object.assign(t, { id: said.terminal, name, place });
		return t;
	}

	get h2() {
		if (!this.connection || this.connection.session.closed) {
			this.connection = new CertifiedH2(g, HOST, this.certificate);
			after(() => this.connection.close());
		}
		return this.connection;
	}

	async ask(method, target, token = this.token, { body, headers = {} } = {}) {
		return assert_documented(await this.h2.request(method, target, { headers: { ...(token ? { authorization: `Bearer ${token}` } : {}), ...(body ? { 'content-type': 'application/json' } : {}), ...headers }, body }));
	}

	async visit() {
		const answer = await this.ask('POST', '/v1/terminal/visits', null);
		assert.equal(answer.status, 201, answer.text);
		this.token = answer.json.access_token;
		return answer.json;
	}

	async code() {
		const answer = await this.ask('POST', '/v1/terminal/hand-overs');
		assert.equal(answer.status, 201, answer.text);
		return answer.json;
	}

	state(id, token) {
		return this.ask('GET', `/v1/terminal/hand-overs/${id}`, token);
	}

	take(id, token) {
		return this.ask('POST', `/v1/terminal/hand-overs/${id}/take`, token);
	}

	// A citizen's session here, all the way.
	async login(citizen) {
		await this.visit();
		const { id, code } = await this.code();
		assert.equal((await approve(citizen, code, this.id)).status, 204);
		const answer = await this.take(id);
		assert.equal(answer.status, 201, answer.text);
		return answer.json;
	}
}

const bytes = (n) => (on_postgres ? `'\\x${randomBytes(n).toString('hex')}'::bytea` : `x'${randomBytes(n).toString('hex')}'`);
const show = (token, code) => g.get(`/v1/me/hand-overs/${code}`, { token });
const approve = (token, code, terminal, key = randomUUID()) => g.ask('POST', `/v1/me/hand-overs/${code}/approve`, { token, key, body: { terminal } });

const one = await Terminal.add('自助机 1', '武都区政务大厅一楼'), two = await Terminal.add('自助机 2', '成县政务大厅');
const zhang = (await people.login(phone(), device())).access_token;
assert.equal((await people.confirm(zhang, { number: '621299199006150131', name: '张三' })).status, 200);
const li = (await people.login(phone(), device())).access_token;

test('a visit takes the certificate, on the name that asks for it, and no other', async () => {
	const { terminal, access_token, idle_s } = await one.visit();
	assert.deepEqual([terminal, access_token.slice(0, 4), idle_s], [{ id: one.id, name: one.name, place: one.place, region: '621202' }, 'sbt_', 60]);
	const visit = (certificate) => certified_h1(g, HOST, certificate, 'POST', '/v1/terminal/visits').then(assert_documented);
	assert.equal((await visit(one.certificate)).status, 201);
	for (const certificate of [undefined, await ca.sign('unknown')]) assert.deepEqual(await visit(certificate).then((a) => [a.status, a.json.code]), [401, 'certificate_needed']);
	for (const target of ['/v1/terminal/visits', '/v1/terminal/hand-overs']) assert.equal((await g.ask('POST', target)).status, 421);
	assert.equal((await g.ask('POST', '/v1/terminal/hand-overs', { token: access_token, via: 'h1' })).status, 421);
});

test('hand-over: shown, approved, taken; little, short, bound', async () => {
	await one.visit();
	const { id, code, qr } = await one.code();
	assert.equal(qr, `https://siban.test/t/${code}`);
	assert.equal((await one.state(id)).json.state, 'waiting');
	assert.equal((await one.take(id)).status, 404, 'nobody has said yes');
	const shown = (await show(zhang, code)).json;
	assert.deepEqual([shown.terminal, shown.level], [{ id: one.id, name: one.name, place: one.place, region: '621202', region_name: '武都区' }, 2]);
	assert.ok(new Date(shown.expires_at) - Date.now() <= 60000);
	assert.equal((await one.state(id)).json.state, 'waiting', 'reading is no yes');
	assert.equal((await approve(zhang, code, one.id)).status, 204);
	assert.equal((await one.state(id)).json.state, 'approved');
	const taken = await one.take(id), token = taken.json.access_token;
	assert.deepEqual([taken.status, taken.json.level, taken.json.idle_s, taken.json.expires_in, token.slice(0, 4)], [201, 2, 60, 600, 'sbc_']);
	assert.equal((await one.ask('GET', '/v1/me', token)).json.level, 2);
	assert.equal((await one.ask('GET', '/v1/cases', token)).status, 200);
	for (const answer of [await g.get('/v1/me', { token }), await two.ask('GET', '/v1/me', token)]) assert.equal(answer.json.code, 'invalid_token', 'nowhere but there');
	// it stands among his sessions, and ends there
	const sessions = (await g.get('/v1/me/sessions', { token: zhang })).json.items, there = sessions.find((x) => x.name === one.place);
	assert.ok(there && !there.current && new Date(there.expires_at) - Date.now() <= 60000);
	assert.equal((await g.ask('DELETE', `/v1/me/sessions/${there.id}`, { token: zhang })).status, 204);
	assert.equal((await one.ask('GET', '/v1/me', token)).json.code, 'invalid_token');
});

test('a code serves once, for one yes and one taking, and for the visit that showed it', async () => {
	await one.visit();
	const { id, code } = await one.code(), key = randomUUID();
	assert.equal((await approve(zhang, code, one.id, key)).status, 204);
	const again = await approve(zhang, code, one.id, key);
	assert.deepEqual([again.status, again.headers['idempotency-replayed']], [204, 'true']);
	for (const token of [zhang, li]) for (const answer of [await show(token, code), await approve(token, code, one.id)]) assert.equal(answer.status, 404);
	assert.equal((await two.visit(), await two.take(id)).status, 404, 'another terminal');
	assert.equal((await two.state(id)).status, 404);
	const both = await Promise.all([one.take(id), one.take(id)]);
	assert.deepEqual(both.map((a) => a.status).sort(), [201, 404]);
	assert.equal((await one.take(id)).status, 404);
	assert.equal((await one.state(id)).status, 404);
	// the next visitor of the same machine finds nothing of the one before
	const second = await one.code();
	assert.equal((await approve(zhang, second.code, one.id)).status, 204);
	await one.visit();
	assert.equal((await one.take(second.id)).status, 404);
});

test('two who read one code: one of them gives his yes', async () => {
	await one.visit();
	const { id, code } = await one.code();
	const statuses = (await Promise.all([approve(zhang, code, one.id), approve(li, code, one.id)])).map((a) => a.status).sort();
	assert.deepEqual(statuses, [204, 404]);
	assert.equal((await one.take(id)).status, 201);
});

test('a picture passed on says from where: a yes to another machine is none', async () => {
	await one.visit();
	await two.visit();
	const { id, code } = await two.code();
	assert.equal((await show(zhang, code)).json.terminal.place, two.place);
	const wrong = await approve(zhang, code, one.id);
	assert.deepEqual([wrong.status, wrong.json.pointer], [422, '/terminal']);
	assert.equal((await approve(zhang, code, 'tm_00000000000000000000000000')).status, 422);
	assert.equal((await two.state(id)).json.state, 'waiting');
	assert.equal((await g.ask('POST', `/v1/me/hand-overs/${code}/approve`, { token: zhang, key: randomUUID(), body: {} })).json.code, 'missing_field');
	assert.equal((await show(zhang, 'x')).status, 404);
});

test('who has only a phone hands over only that; what wants a device of one’s own is refused there', async () => {
	const { access_token: token, level } = await one.login(li);
	assert.equal(level, 1);
	assert.equal((await one.ask('GET', '/v1/cases', token)).json.code, 'level_too_low');
	const refused = [
		['POST', '/v1/me/identity', { id_number: '62129919850101006X', name: '李小明' }], ['DELETE', '/v1/me/sessions'], ['DELETE', '/v1/me/sessions/se_00000000000000000000000000'],
		['PUT', '/v1/me/sessions/se_00000000000000000000000000', { name: '我' }],
	];
	const known = (await one.login(zhang)).access_token;
	await two.visit();
	const { code } = await two.code();
	refused.push(['POST', '/v1/me/phone', {}], ['POST', '/v1/me/step-up', { method: 'live_face', proof: 'x' }], ['GET', `/v1/me/hand-overs/${code}`], ['POST', `/v1/me/hand-overs/${code}/approve`, { terminal: two.id }]);
	for (const [method, target, body] of refused) {
		const answer = await one.ask(method, target, known, { body, headers: { 'idempotency-key': randomUUID() } });
		assert.deepEqual([answer.status, answer.json.code], [403, 'not_at_a_terminal'], `${method} ${target}`);
	}
});

test('one visitor at a machine, one machine for a citizen, and no device put out for it', async () => {
	const first = (await one.login(zhang)).access_token;
	assert.equal((await one.ask('GET', '/v1/me', first)).status, 200);
	const second = (await two.login(zhang)).access_token;
	assert.equal((await one.ask('GET', '/v1/me', first)).status, 401, 'he went to another machine');
	assert.equal((await two.ask('GET', '/v1/me', second)).status, 200);
	await two.visit();
	assert.equal((await two.ask('GET', '/v1/me', second)).status, 401, 'somebody else stands there');
});

test('eight devices and a terminal beside them: none is put out for it', async () => {
	const token = (await people.login(phone(), device())).access_token;
	const open = () => g.sql('SELECT count(*) FROM session WHERE kind = 2 AND ended_ms IS NULL AND principal_id = (SELECT max(id) FROM person)');
	await g.stop();
	for (let n = 0; n < 7; n++)
		await g.sql(`INSERT INTO session (id, key, kind, principal_id, login, device_hash, name, level, level3_until_ms, rights, region, made_ms, seen_ms, expires_ms, end_reason)
			SELECT ${1000000 + n}, ${bytes(16)}, kind, principal_id, login, ${bytes(32)}, name, level, 0, 0, 0, made_ms, seen_ms - 1, expires_ms, 0
			FROM session WHERE kind = 2 AND principal_id = (SELECT max(id) FROM person) LIMIT 1`);
	assert.equal(await open(), '8');
	await g.serve();
	await one.login(token);
	assert.equal(await open(), '9');
});

test('revoked: the machine and whoever stands at it are out at once; it does not come back', async () => {
	const three = await Terminal.add('自助机 3', '两当县政务大厅'), token = (await three.login(zhang)).access_token, visit = three.token;
	assert.match(await g.command('terminal', 'list'), new RegExp(`${three.id}  good .* 621202  自助机 3  两当县政务大厅`));
	assert.equal(await g.command('terminal', 'revoke', three.id), 'sessions_ended 2');
	assert.equal((await three.ask('GET', '/v1/me', token)).status, 401);
	assert.equal((await three.ask('POST', '/v1/terminal/hand-overs', visit)).status, 401);
	assert.equal((await three.ask('POST', '/v1/terminal/visits', null)).json.code, 'certificate_needed');
	assert.match(await g.command('terminal', 'list'), new RegExp(`${three.id}  revoked`));
	await assert.rejects(g.command('terminal', 'revoke', three.id), /没有找到/);
	await assert.rejects(g.command('terminal', 'add', 'x', 'y', '621202', three.certificate.cert_file), /冲突/);
	await assert.rejects(g.command('terminal', 'add', 'x', 'y', '999999', (await ca.sign('z')).cert_file), /region/);
});

test('a yes whose phone has logged out since is worth nothing', async () => {
	const token = (await people.login(phone(), device())).access_token;
	await one.visit();
	const { id, code } = await one.code();
	assert.equal((await approve(token, code, one.id)).status, 204);
	assert.equal((await people.form('/oauth2/revoke', { token })).status, 200);
	assert.equal((await one.take(id)).status, 404);
});

// Time is moved by hand: the daemon is down meanwhile, so its memory is empty too.
test('a visit ends after its last use, a yes after its minute', async () => {
	await one.visit();
	const { id, code } = await one.code(), visit = one.token;
	assert.equal((await approve(zhang, code, one.id)).status, 204);
	const before = Number(await g.sql('SELECT max(expires_ms) FROM session WHERE kind = 64'));
	assert.ok(before - Date.now() <= 60000 && before - Date.now() > 40000);
	await g.stop();
	await g.sql('UPDATE hand_over SET until_ms = until_ms - 60000');
	await g.serve();
	assert.equal((await one.state(id)).status, 404);
	assert.equal((await one.take(id)).status, 404);
	const ends = async () => Number(await g.sql('SELECT max(expires_ms) FROM session WHERE kind = 64 AND ended_ms IS NULL'));
	await g.stop();
	await g.sql('UPDATE session SET expires_ms = expires_ms - 30000, seen_ms = seen_ms - 30000 WHERE kind = 64 AND ended_ms IS NULL');
	await g.serve();
	const early = await ends();
	await one.code();
	await until('its use is written down', async () => (await ends()) > early);
	assert.ok((await ends()) - Date.now() <= 60000);
	await g.stop();
	await g.sql('UPDATE session SET expires_ms = expires_ms - 60000 WHERE kind = 64');
	await g.serve();
	assert.equal((await one.state(id, visit)).json.code, 'invalid_token');
});
