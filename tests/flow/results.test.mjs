// Goal: what came of a case is said once its department has decided, its document is kept byte for byte and downloaded by its person alone, and what lies ready is handed
// out once, to whoever shows a code that its person or who acts for him has made: a guessed, old, used or foreign code opens nothing.
// Method: cases of the department's own events, a clerk of the place and one from elsewhere, the owner, a mandate's holder and a stranger; the rows by g.sql.
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { Case, assert_problem, id_number, now, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { jpeg, ofd, pdf, png, zip } from './lib/media.mjs';
import { first, hire } from './lib/staff.mjs';

const g = await gateway({ settings: { 'rate.write': 0, 'rate.read': 0, 'rate.public': 0, 'rate.department': 0, 'staff.logins_per_address': 100000 } });
const w = await world(g);
const maker = await first(g, 'first.1', 'security_admin'), checker = await first(g, 'first.0', 'system_admin');
const clerk = await hire(maker, checker, 'clerk.here', w.region, 'window_clerk'), elsewhere = await hire(maker, checker, 'clerk.there', w.region === '621202' ? '621221' : '621202', 'window_clerk');
const post = (target, { body, as = w.citizen, key = randomUUID(), ...more } = {}) => g.ask('POST', target, { token: as, key, body, ...more });
const give = (c, more = {}, options = {}) => post(`/v1/department/cases/${c.ref}/result`, { as: w.department, body: { decision: 'granted', document_no: '陇市监准〔2026〕1号', ready_for_collection: false, ...more }, ...options });
const upload = (c, body, options = {}) => post(`/v1/department/cases/${c.ref}/result/document`, { as: w.department, body, type: 'application/pdf', ...options });
const code_of = async (c, options = {}) => {
	const made = await g.ask('POST', `/v1/cases/${c.case_no}/pickup-codes`, { token: w.citizen, ...options });
	assert.equal(made.status, 201, made.text);
	assert.match(made.json.code, /^\d{6}$/);
	return made.json.code;
};
const hand_out = (c, code, { by = clerk, key = randomUUID() } = {}) => by.ask('POST', `/v1/hall/cases/${c.case_no}/hand-out`, { key, body: { code } });
const ready = { ready_for_collection: true, place: '政务大厅出件窗口' };
const done = async () => {
	const c = await new Case(g, w).live('submitted', 'accepted', 'decided_ok', 'done');
	assert.equal((await give(c, ready)).status, 201);
	return c;
};
const other_code = (code) => String((Number(code) + 1) % 1000000).padStart(6, '0');

test('said when it is decided, corrected, and its document kept byte for byte', async () => {
	const c = await new Case(g, w).live('submitted', 'accepted'), at = `/v1/cases/${c.case_no}/result`, paper = pdf({ stream: 'x'.repeat(200000) });
	assert_problem(await g.get(at, { token: w.citizen }), 404, 'not_found');
	assert_problem(await give(c), 409, 'result_state');
	assert_problem(await upload(c, paper), 409, 'result_state');
	await c.send('decided_ok');
	assert.equal(assert_problem(await give(c, { decision: 'refused' }), 422, 'invalid_field').json.reason, 'not_as_decided');
	assert_problem(await give(c, { ready_for_collection: true }), 422, 'missing_field');
	const sha256 = createHash('sha256').update(paper).digest('hex'), key = randomUUID();
	assert.deepEqual((({ status, json }) => [status, json.version])(await give(c, { sha256 }, { key })), [201, 1]);
	assert.deepEqual((({ status, json, headers }) => [status, json.version, headers['idempotency-replayed']])(await give(c, { sha256 }, { key })), [201, 1, 'true']);
	assert.deepEqual((({ status, json }) => [status, json.version])(await give(c, { sha256, document_no: '陇市监准〔2026〕2号' })), [200, 2]);
	assert.equal(assert_problem(await upload(c, pdf({ stream: 'another' })), 422, 'media_refused').json.reason, 'not_the_digest_it_said');
	assert.equal(assert_problem(await upload(c, Buffer.from('GIF89a, or so')), 422, 'media_refused').json.reason, 'neither_jpeg_png_pdf_nor_ofd');
	const kept = await upload(c, paper);
	assert.deepEqual([kept.status, kept.json.bytes, kept.json.sha256], [201, paper.length, sha256]);
	const shown = (await g.get(at, { token: w.citizen })).json;
	assert.deepEqual([shown.decision, shown.document_no, shown.sha256, shown.document_bytes, shown.ready_for_collection], ['granted', '陇市监准〔2026〕2号', sha256, paper.length, false]);
	const part = await g.get(`${at}/document?at=131072`, { token: w.citizen });
	assert.deepEqual([part.status, part.text], [206, paper.toString('latin1').slice(131072)]);
	for (const target of [at, `${at}/document`]) assert_problem(await g.get(target, { token: w.stranger }), 404, 'not_found');
	assert_problem(await post(`/v1/department/cases/${c.ref}/result`, { as: w.other_department, body: { decision: 'granted', document_no: '别的', ready_for_collection: false } }), 404, 'not_found');
	assert.deepEqual((await g.get('/v1/messages?limit=100', { token: w.citizen })).json.items.filter((m) => m.case_no === c.case_no && m.template.startsWith('result')).length, 2);
	assert_problem(await g.ask('POST', `/v1/cases/${c.case_no}/pickup-codes`, { token: w.citizen }), 409, 'result_state'); // nothing lies ready
});

test('a document is a picture or an OFD too, and nothing is taken out of it', async () => {
	for (const [paper, type] of [[jpeg(), 'image/jpeg'], [png(), 'image/png'], [ofd(), 'application/ofd'], [pdf(), 'application/pdf']]) {
		const c = await new Case(g, w).live('submitted', 'accepted', 'decided_ok'), sha256 = createHash('sha256').update(paper).digest('hex');
		assert.equal((await give(c, { sha256 })).status, 201);
		assert.equal((await upload(c, paper, { type })).status, 201, type);
		const shown = await g.get(`/v1/cases/${c.case_no}/result/document`, { token: w.citizen });
		assert.deepEqual([shown.status, shown.headers['content-type'], createHash('sha256').update(shown.bytes).digest('hex')], [200, type, sha256]);
	}
	const c = await new Case(g, w).live('submitted', 'accepted', 'decided_ok');
	await give(c);
	assert.equal(assert_problem(await upload(c, zip('word/document.xml', '<w/>'), { type: 'application/ofd' }), 422, 'media_refused').json.reason, 'neither_jpeg_png_pdf_nor_ofd');
	assert.equal(assert_problem(await upload(c, ofd().subarray(0, -1), { type: 'application/ofd' }), 422, 'media_refused').json.reason, 'broken_package');
});

test('handed out once, by the newest code, by a clerk of the place', async () => {
	const c = await done(), old = await code_of(c), code = await code_of(c);
	assert_problem(await g.ask('POST', `/v1/cases/${c.case_no}/pickup-codes`, { token: w.stranger }), 404, 'not_found');
	if (old !== code) assert.equal(assert_problem(await hand_out(c, old), 422, 'pickup_code').json.tries_left, 4);
	assert_problem(await hand_out(c, code, { by: elsewhere }), 404, 'not_found');
	assert.equal(g.sql(`SELECT COUNT(*) FROM case_result WHERE CAST(code AS TEXT) LIKE '%${code}%'`), '0');
	const key = randomUUID(), answers = await Promise.all([hand_out(c, code, { key }), hand_out(c, code)]);
	assert.deepEqual(answers.map((a) => a.status).sort(), [201, 409]);
	const won = answers.find((a) => a.status === 201).json;
	assert.deepEqual([won.state, won.by_mandate, won.seq], ['delivered', false, 5]);
	assert_problem(await hand_out(c, code), 409, 'result_state');
	assert_problem(await give(c, { document_no: '改一改' }), 409, 'result_state');
	assert_problem(await g.ask('POST', `/v1/cases/${c.case_no}/pickup-codes`, { token: w.citizen }), 409, 'result_state');
	const shown = (await g.get(`/v1/cases/${c.case_no}/result`, { token: w.citizen })).json;
	assert.deepEqual([shown.ready_for_collection, shown.handed_out_at !== null], [false, true]);
	assert.equal((await c.show()).json.state, 'delivered');
	assert.equal(g.sql(`SELECT COUNT(*) FROM audit a JOIN cases c ON c.id = a.subject_id WHERE a.act = 137 AND a.actor_kind = 16 AND c.case_no = '${c.case_no}'`), '1');
});

test('guessing ends after five, and begins anew with a new code', async () => {
	const c = await done(), code = await code_of(c);
	for (let left = 4; left >= 0; left--) assert.equal(assert_problem(await hand_out(c, other_code(code)), 422, 'pickup_code').json.tries_left, left);
	assert.equal(assert_problem(await hand_out(c, code), 422, 'pickup_code').json.tries_left, 0); // the right one too
	assert.equal((await hand_out(c, await code_of(c))).status, 201);
});

test('not before it is done; not by a code of before a correction; by a mandate too', async () => {
	const c = new Case(g, w);
	await c.send('submitted', { matter: w.matter.code, region: w.region, applicant: { id_type: 'resident', id_number: w.person, name: '王小明' } });
	await c.live('accepted', 'decided_ok');
	assert.equal((await give(c, ready)).status, 201);
	assert_problem(await hand_out(c, await code_of(c)), 409, 'result_state');
	await c.send('done');
	const before = await code_of(c);
	assert.equal((await give(c, { ...ready, place: '一楼大厅' })).status, 200);
	assert_problem(await hand_out(c, before), 422, 'pickup_code');
	const helper = await g.citizen(id_number(911));
	const { json: { id } } = await post('/v1/me/mandates', { as: helper, body: { kind: 'agent', id_number: w.person, name: '王小明', scopes: 'see_cases,apply', until: now(3600e3) } });
	const accepted = await post(`/v1/me/mandates/${id}/accept`);
	assert.equal(accepted.status, 200, accepted.text);
	const handed = await hand_out(c, await code_of(c, { token: helper, headers: { 'x-acting-for': id } }));
	assert.deepEqual([handed.status, handed.json.by_mandate], [201, true]);
	assert.equal(g.sql(`SELECT COUNT(*) FROM case_result r JOIN cases c ON c.id = r.case_id WHERE c.case_no = '${c.case_no}' AND r.handed_to <> c.person AND r.handed_mandate IS NOT NULL`), '1');
});

test('what was asked beside a guide, supervisors of the place read', async () => {
	const supervisor = await hire(maker, checker, 'super.here', w.region, 'supervisor'), c = await new Case(g, w).live('submitted');
	await c.send('correct_pre_asked', { demand: { days: 5, items: [{ name: '居委会证明', reason: '没有' }] } });
	const [asked] = (await supervisor.ask('GET', `/v1/staff/cases/${c.case_no}/demands`)).json.items;
	assert.deepEqual([asked.kind, asked.items.map((i) => i.name)], ['asked', ['居委会证明']]);
	assert_problem(await clerk.ask('GET', `/v1/staff/cases/${c.case_no}/demands`), 403, 'forbidden');
});
