// Goal: an electronic certificate stands for a material: listed for its holder alone, named by digest after the platform was asked once more, part of what was handed in, read in full by the
// department and by nobody else; what the platform does not have, another's, or says in nonsense is not taken.
// Method: a guide with a material of a catalogue type, the sandbox's platform, the owner, his agent and a stranger.
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { sandbox } from '../sandbox/lib/client.mjs';
import { assert_problem, id_number, now, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { source_dir } from './lib/openapi.mjs';
import { ask } from './lib/outside.mjs';

const KEY = 'whsec_c2libi1zYW5kYm94LWNlcnRpZmljYXRlcy0wMDAwMDE=';
const folder = mkdtempSync(path.join(os.tmpdir(), 'siban-certificates-'));
after(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(path.join(folder, 'key'), KEY, { mode: 0o600 });
const s = await sandbox();
const g = await gateway({ settings: { 'certificates.url': `${s.url}/platform`, 'certificates.key_file': path.join(folder, 'key'), 'rate.write': 0, 'rate.read': 0, 'rate.public': 0, 'rate.department': 0 } });
const w = await world(g);
const sample = JSON.parse(readFileSync(path.join(source_dir, 'tests/unit/data/guide.json'), 'utf8'));
const { waived_by, ...house } = sample.materials[1];
const guide = { ...sample, code: w.matter.code, department: w.matter.department.code, region: w.region, places: [], form: [],
	materials: [{ ...sample.materials[0], from_form: true }, { ...house, may_follow: false, certificate_type: '11100000000013338W032' }] };
const file = path.join(g.state, 'guides.jsonl');
writeFileSync(file, `${JSON.stringify(guide)}\n`);
await g.command('import', 'guides', file);

const me = id_number(751), token = await g.citizen(me), stranger = await g.citizen(id_number(752));
const post = (target, { body, as = token, key = randomUUID(), ...more } = {}) => g.ask('POST', target, { token: as, key, body, ...more });
const sha = (text) => createHash('sha256').update(text).digest('hex');
const one = (n, more = {}) => ({ number: `甘（2026）武都区不动产权第000${n}号`, name: '不动产权证书', issuer: '陇南市自然资源局', sha256: sha(`house ${n}`), ...more });
const held = [{ holder: me, type: '11100000000013338W032', certificate: one(1, { valid_until: '2046-01-01' }) }, { holder: me, type: '11100000000013338W032', certificate: one(2) },
	{ holder: me, type: 'OTHER', certificate: one(3) }, { holder: id_number(752), type: '11100000000013338W032', certificate: one(4) }];
await s.setup('certificates', { held });
const begin = async (as = token, headers = {}) => `/v1/applications/${(await post('/v1/applications', { as, body: { matter: w.matter.code }, headers })).json.id}`;

test('the platform, as it is played: signed and whole, or refused', async () => {
	const query = (body, key = KEY) => {
		const text = JSON.stringify(body), at = new Date();
		return ask(s.url, { method: 'POST', target: '/platform/certificates/query', body: text, headers: { 'content-type': 'application/json', 'webhook-id': 'q_1',
			'webhook-timestamp': String(Math.floor(at / 1000)), 'webhook-signature': new Webhook(key).sign('q_1', at, text) } });
	};
	const whole = { id: 'q_1', type: 'OTHER', holder: { id_type: 'resident', id_number: me, name: '' } };
	assert.deepEqual((await query(whole)).json, { id: 'q_1', result: 'found', certificates: [one(3)] });
	assert.deepEqual((await query({ ...whole, type: 'NONE' })).json, { id: 'q_1', result: 'none' });
	assert.equal((await query(whole, `whsec_${Buffer.alloc(32).toString('base64')}`)).status, 401);
	assert.equal((await query({ ...whole, holder: { id_number: me } })).status, 400);
});

test('listed for its holder, named, handed in, read by the department', async () => {
	const at = await begin(), target = `${at}/materials/2/certificates`;
	assert.deepEqual((await g.get(at, { token })).json.open, [{ pointer: '/materials/2', reason: 'missing' }]);
	const { items } = (await g.get(target, { token })).json;
	assert.deepEqual(items, [1, 2].map((n) => ({ sha256: sha(`house ${n}`), name: '不动产权证书', issuer: '陇南市自然资源局', number_tail: `00${n}号`, valid_until: n === 1 ? '2046-01-01' : null })));
	assert_problem(await g.get(target, { token: stranger }), 404, 'not_found');
	assert_problem(await g.get(`${at}/materials/1/certificates`, { token }), 404, 'not_found');
	assert_problem(await g.get(`${at}/materials/9/certificates`, { token }), 404, 'not_found');
	assert.equal(assert_problem(await post(target, { body: { sha256: sha('house 4') } }), 422, 'invalid_field').json.reason, 'not_there'); // another's
	assert_problem(await post(target, { body: { sha256: 'x'.repeat(64) } }), 422, 'invalid_field');
	assert_problem(await post(target, { as: stranger, body: { sha256: items[0].sha256 } }), 404, 'not_found');
	const key = randomUUID(), taken = await post(target, { key, body: { sha256: items[0].sha256 } });
	assert.deepEqual([taken.status, taken.json.material, taken.json.edition], [201, 2, 2]);
	assert.deepEqual((({ status, json, headers }) => [status, json.id, headers['idempotency-replayed']])(await post(target, { key, body: { sha256: items[0].sha256 } })), [201, taken.json.id, 'true']);
	assert.deepEqual((({ status, json }) => [status, json.id])(await post(target, { body: { sha256: items[0].sha256 } })), [200, taken.json.id]);
	const mine = (await g.get(at, { token })).json;
	assert.deepEqual([mine.open, mine.materials.map((m) => [m.id, m.certificate])], [[], [[taken.json.id, { type: '11100000000013338W032', number_tail: '001号', sha256: sha('house 1') }]]]);
	assert_problem(await g.get(`${at}/materials/${taken.json.id}`, { token }), 404, 'not_found'); // its platform has it
	assert.equal(g.sql("SELECT COUNT(*) FROM application_certificate WHERE CAST(said AS TEXT) LIKE '%不动产%'"), '0');
	// taken away, another in its place, and handed in
	assert.equal((await g.ask('DELETE', `${at}/materials/${taken.json.id}`, { token })).status, 204);
	assert_problem(await post(`${at}/submit`), 422, 'invalid_form');
	assert.equal((await post(target, { body: { sha256: items[1].sha256 } })).status, 201);
	const { json: { case_no } } = await post(`${at}/submit`);
	const read = (await g.get(`/v1/department/cases/${case_no}/application`, { token: w.department })).json;
	assert.deepEqual(read.certificates, [{ id: read.materials[0].id, number: one(2).number, name: '不动产权证书', issuer: '陇南市自然资源局' }]);
	// asked for again: the other one, and what is new
	assert.equal((await post('/v1/department/events', { as: w.department, body: { event_id: randomUUID(), case_ref: case_no, seq: 2, event: 'correct_pre_asked', occurred_at: now(),
		demand: { days: 5, items: [{ material: 2, reason: '不是本处房屋' }] } } })).status, 201);
	assert.equal((await g.ask('DELETE', `${at}/materials/${read.materials[0].id}`, { token })).status, 204);
	assert.equal((await post(target, { body: { sha256: items[0].sha256 } })).status, 201);
	assert.equal((await post(`${at}/submit`)).status, 201);
	const { changes } = (await g.get(`/v1/department/cases/${case_no}/application`, { token: w.department })).json;
	assert.deepEqual(changes.items.map((c) => [c.pointer, c.change]), [['/materials/2', 'added'], ['/materials/2', 'removed']]);
});

test('the platform is away, or talks nonsense: nothing is taken, and it is said which', async () => {
	const at = await begin(), target = `${at}/materials/2/certificates`;
	for (const answer of [{ result: 'perhaps' }, { result: 'found' }, { result: 'found', certificates: [{ number: '1' }] }, { result: 'found', certificates: [one(1, { sha256: 'x'.repeat(64) })] },
		{ result: 'found', certificates: [one(1, { number: 'a\nb' })] }]) {
		await s.setup('certificates', { held, answer });
		assert_problem(await g.get(target, { token }), 502, 'peer_nonsense');
	}
	await s.setup('certificates', { held });
	await s.fault('certificates', { status: 503, count: 1 });
	assert_problem(await post(target, { body: { sha256: sha('house 1') } }), 503, 'peer_away');
	assert.equal((await g.get(at, { token })).json.edition, 1);
	assert.ok(!g.log().includes(me));
});
