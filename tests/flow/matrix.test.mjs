// Goal: who may ask what is what the tables say: every route × every kind of caller and every role; and whoever asks for somebody else's row gets the bytes of
// a row that does not exist.
// Method: the routes from the program itself, rights and roles from auth/*.def; a route that is new is in the matrix at once, and one that takes a name in its
// path fails this test until it says below whose row a stranger is to be refused.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { sandbox } from '../sandbox/lib/client.mjs';
import { Case, now, uscc, world } from './lib/cases.mjs';
import { Authority, CertifiedH2 } from './lib/certificates.mjs';
import { gateway } from './lib/gateway.mjs';
import { days_ahead, open_halls, slots_of } from './lib/halls.mjs';
import { source_dir } from './lib/openapi.mjs';
import { bring, notice } from './lib/payments.mjs';
import { People, authority_settings, device, phone } from './lib/people.mjs';
import { first, hire } from './lib/staff.mjs';
import { WeChat, wechat_settings } from './lib/wechat.mjs';

const s = await sandbox();
const g = await gateway({ settings: { ...authority_settings(s), ...wechat_settings(s), 'rate.public': 0, 'rate.read': 0, 'rate.write': 0, 'staff.logins_per_address': 100000 } });
const routes = (await g.command('version', '--routes')).split('\n').map((line) => {
	const [name, method, target, level, right, owner, who, face, scope, ...more] = line.split(' ');
	return { name, method, target, level: Number(level), right, owner, who: who.split(','), face, scope, certified: more.includes('certificate') };
});
const open = routes.filter((r) => r.face === 'public');

// ---- the tables ----

const def = (file) => readFileSync(path.join(source_dir, 'auth', file), 'utf8');
const right_text = new Map([...def('rights.def').matchAll(/^RIGHT\((\w+),\s+\d+,\s+[^,]+,\s+"([^"]*)"/gm)].map((m) => [m[1], m[2]]));
const of_departments = [...def('rights.def').matchAll(/^RIGHT\(\w+,\s+\d+,\s+([^,]*WHO_DEPARTMENT[^,]*),\s+"([^"]*)"/gm)].map((m) => m[2]);
const roles = [...def('roles.def').matchAll(/^ROLE\(\w+,\s+\d+,\s+"(\w+)",.*$/gm)].map((m) => ({ role: m[1], rights: [...m[0].matchAll(/HAS\((\w+)\)/g)].map((h) => right_text.get(h[1])) }));

// ---- the callers ----

// A terminal's certificate opens the name that asks for it; what is asked there goes over this connection.
const authority = await Authority.make(g.state, 'terminals-ca'), own = await authority.sign('terminal');
g.configure({ 'tls.client_hosts': `terminal.test=${authority.file}` });
assert.equal((await g.control('POST', '/control/reload')).status, 200);
const { terminal } = Object.fromEntries((await g.command('terminal', 'add', '自助机', '政务大厅', '621202', own.cert_file)).split('\n').map((line) => line.split(' ')));
const there = new CertifiedH2(g, 'terminal.test', own);
after(() => there.close());
const at_terminal = (method, target, token, more = {}) => there.request(method, target, { headers: { ...(token ? { authorization: `Bearer ${token}` } : {}), ...more } });
const ask_as = (route, caller, target, more = {}) => (route.certified || caller.certified ? at_terminal(route.method, target, caller.token, more)
	: g.h2.request(route.method, target, { headers: { ...(caller.token ? { authorization: `Bearer ${caller.token}` } : {}), ...more } }));

const w = await world(g);
const people = new People(g);
const duties = ['system_admin', 'security_admin', 'audit_admin'], staff = new Map();
for (const [n, role] of duties.entries()) staff.set(role, await first(g, `first.${n}`, role));
const maker = staff.get('security_admin'), checker = staff.get('system_admin');
for (const { role } of roles) if (!staff.has(role)) staff.set(role, await hire(maker, checker, role.replaceAll('_', '.'), '621202', role));
const known = (await people.login(phone(), device())).access_token;
const callers = [
	{ name: 'nobody', kind: 'anyone' },
	{ name: 'a citizen known by a phone', kind: 'citizen', level: 1, token: known },
	{ name: 'a citizen known by name', kind: 'citizen', level: 2, token: w.citizen },
	{ name: 'a department', kind: 'department', rights: of_departments, token: w.department },
	{ name: 'a terminal', kind: 'terminal', rights: [], token: (await at_terminal('POST', '/v1/terminal/visits')).json.access_token, certified: true },
	...roles.map(({ role, rights }) => ({ name: role, kind: 'staff', rights, token: staff.get(role).token })),
];

// ---- somebody else's row ----

const theirs = await new Case(g, w).live('submitted', 'accepted');
const message = (await g.get('/v1/messages', { token: w.citizen })).json.items[0].id;
const session = (await g.get('/v1/me/sessions', { token: (await people.login(phone(), device())).access_token })).json.items[0].id;
// One person with two accounts that were merged, and another who has just shown his face.
const one = { number: '621299199006150131', name: '张三' }, another = { number: '62129919850101006X', name: '李小明' };
const logged_in = async (who) => {
	const { access_token } = await people.login(phone(), device());
	assert.equal((await people.confirm(access_token, who)).status, 200);
	return access_token;
};
await logged_in(one);
const giver = await logged_in(one);
const merge = (await g.get('/v1/me/merges', { token: giver })).json.items[0].id;
const linked = await new WeChat(Object.assign(new People(g), { s }), phone()).login(device(), { with_phone: true });
const link = (await g.get('/v1/me/identities', { token: linked.access_token })).json.items[0].id;
const face = await logged_in(another);
assert.equal((await people.step_up(face, `face-of-${another.number}`)).status, 200);
const offered = await g.ask('POST', '/v1/me/mandates', { token: w.citizen, key: randomUUID(), body: { kind: 'agent', id_number: '62129919850101006X', name: '李小明',
	scopes: 'see_cases', until: now(24 * 3600e3) } });
assert.equal(offered.status, 201, offered.text);
const mandate = offered.json.id;
const window_offer = await g.ask('POST', '/v1/me/mandates', { token: w.citizen, key: randomUUID(), body: { kind: 'guardian', id_number: '62129919850101006X', name: '李小明',
	scopes: 'see_cases', until: now(24 * 3600e3), region: '621202' } });
const county_clerk = await hire(maker, checker, 'county.clerk', '621221', 'window_clerk');
const made = (await maker.propose('staff_close', '621202', {}, 'window.clerk')).json.id;
const sample = JSON.parse(readFileSync(path.join(source_dir, 'tests/unit/data/guide.json'), 'utf8'));
const draft = await staff.get('department_clerk').ask('POST', '/v1/staff/guides', { key: randomUUID(),
	body: { ...sample, code: 'MATRIX-1', region: '621202', department: w.matter.department.code, places: [] } });
assert.equal(draft.status, 201, draft.text);
const county_checker = await hire(maker, checker, 'county.checker', '621221', 'system_admin');
const county_maker = await hire(maker, checker, 'county.maker', '621221', 'security_admin');
const hook_secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const hook = await g.ask('POST', '/v1/department/hooks', { token: w.department, key: randomUUID(), body: { url: 'http://127.0.0.1:1/x', secret: hook_secret } });
assert.equal(hook.status, 201, hook.text);
const hook_id = { theirs: hook.json.id, none: `wh_${'0'.repeat(26)}`, token: w.other_department };
const duty = await staff.get('supervisor').ask('POST', '/v1/staff/duty-phones', { key: randomUUID(), body: { phone: '13900001234' } });
assert.equal(duty.status, 201, duty.text);
const county_supervisor = await hire(maker, checker, 'county.super', '621221', 'supervisor'), county_clerk_of_hooks = await hire(maker, checker, 'county.hooks', '621221', 'department_clerk');


await open_halls(g, ['H621202,commerce,1-5 09:00-12:00,30,4,0,2,0,B'], [`H621202,commerce,${w.matter.code},on`]);
const [{ starts_at }] = await slots_of(g, 'H621202', 'commerce', (await days_ahead(g, 'H621202', 'commerce'))[0]);
const held = await g.ask('POST', '/v1/holds', { token: w.citizen, key: randomUUID(), body: { hall: 'H621202', matters: w.matter.code, starts_at } });
assert.equal(held.status, 201, held.text);
const their_notice = notice();
assert.equal((await bring(g, w.department, their_notice)).status, 201);

// Mandates that have every scope between them, held by the citizen known by name.
const by_scope = new Map();
for (const [kind, scopes] of [['agent', 'see_cases'], ['helper', 'receive_messages,apply,book,pay']]) {
	const wish = { kind, id_number: one.number, name: one.name, scopes, until: now(24 * 3600e3) };
	const { json: { id } } = await g.ask('POST', '/v1/me/mandates', { token: w.citizen, key: randomUUID(), body: wish });
	assert.equal((await g.ask('POST', `/v1/me/mandates/${id}/accept`, { token: giver, key: randomUUID() })).status, 200);
	by_scope.set(scopes.split(','), id);
}
// He represents the sandbox's company, and has shown no face since.
await s.setup('authority', { organisations: [{ code: uscc(77), name: '矩阵有限公司', representative: w.person }], people: [{ number: w.person, name: '王小明', phone: phone() }] });
const boss = (await people.login(phone(), device())).access_token;
assert.equal((await people.confirm(boss, { number: w.person, name: '王小明' })).status, 200);
assert.equal((await people.step_up(boss, `face-of-${w.person}`)).status, 200);
const seal = await g.ask('POST', '/v1/me/organisations', { token: boss, key: randomUUID(), body: { id_number: uscc(77), name: '矩阵有限公司' } });
assert.equal(seal.status, 201, seal.text);
by_scope.set(['manage_agents'], seal.json.id);

// An application that was handed in, and one that was not.
const guides = path.join(g.state, 'guides.jsonl');
writeFileSync(guides, `${JSON.stringify({ ...sample, code: 'MATRIX-2', name: '可以网上申请', region: '621202', department: w.matter.department.code, places: [],
	materials: [{ ...sample.materials[0], may_follow: true }] })}\n`);
await g.command('import', 'guides', guides);
const apply = async () => (await g.ask('POST', '/v1/applications', { token: w.citizen, key: randomUUID(), body: { matter: 'MATRIX-2' } })).json.id;
const application = await apply(), handed_in = await g.ask('POST', `/v1/applications/${await apply()}/submit`, { token: w.citizen, key: randomUUID() });
assert.equal(handed_in.status, 201, handed_in.text);
const brought = await g.ask('POST', `/v1/applications/${application}/materials/1`, { token: w.citizen, key: randomUUID(), type: 'application/pdf',
	body: Buffer.from('%PDF-1.4\n1 0 obj endobj\nstartxref\n0\n%%EOF') });
assert.equal(brought.status, 201, brought.text);
const file = brought.json.id;
const application_id = { theirs: application, none: `ap_${'0'.repeat(26)}`, token: w.stranger };

const case_no = { theirs: theirs.case_no, none: 'LN621202202601010000000', token: w.stranger };
const message_id = { theirs: message, none: `ms_${'0'.repeat(26)}`, token: w.stranger };
const session_id = { theirs: session, none: `se_${'0'.repeat(26)}`, token: known };
const proposal_id = { theirs: made, none: `pp_${'0'.repeat(26)}`, token: county_checker.token };
// A code that is another's: he has said yes to it, on another visit than the one that asks.
const visitor = callers.find((c) => c.kind === 'terminal');
const shown = (await at_terminal('POST', '/v1/terminal/hand-overs', visitor.token)).json;
assert.equal((await g.ask('POST', `/v1/me/hand-overs/${shown.code}/approve`, { token: giver, key: randomUUID(), body: { terminal } })).status, 204);
visitor.token = (await at_terminal('POST', '/v1/terminal/visits')).json.access_token;
const hand_over_code = { theirs: shown.code, none: 'x'.repeat(22), token: known };
const hand_over_id = { theirs: shown.id, none: `ho_${'0'.repeat(26)}`, token: visitor.token, certified: true };
const guide_id = { theirs: draft.json.id, none: `gd_${'0'.repeat(26)}`, token: county_checker.token };
const notice_code = { theirs: their_notice.payment_code, none: notice().payment_code, token: w.other_department };
const ordered = await g.ask('POST', '/v1/orders', { token: w.citizen, key: randomUUID(), body: { payment_codes: [their_notice.payment_code] } });
assert.equal(ordered.status, 201, ordered.text);
const paid_notice = notice();
assert.equal((await bring(g, w.department, paid_notice)).status, 201);
const took = await staff.get('window_clerk').ask('POST', '/v1/hall/counter-payments', { key: randomUUID(), body: { payment_codes: [paid_notice.payment_code], channel: 'cash', amount_fen: paid_notice.total_fen } });
assert.equal(took.status, 201, took.text);
// As if a barcode had paid it: its payment is called as its order is.
await g.sql(`INSERT INTO pay_attempt (id, key, pay_order, channel, method, out_trade_no, total_fen, state, is_live, payload, handle, handle_ms, effect, asking, asks, ask_ms, deeds, word, made_ms, changed_ms)
	SELECT 1, key, id, 6, 6, 'matrix', total_fen, 4, 0, (SELECT payer FROM pay_notice LIMIT 1), '', 0, 0, 0, 0, 0, 0, '', 1, 1 FROM pay_order WHERE staff IS NOT NULL LIMIT 1`);
const scanned_id = { theirs: took.json.order.replace(/^or/, 'pa'), none: `pa_${'0'.repeat(26)}`, token: county_clerk.token };
const county_payment_clerk = await hire(maker, checker, 'county.payment', '621221', 'payment_clerk');
const order_id = { theirs: ordered.json.id, none: `or_${'0'.repeat(26)}`, token: w.stranger };
const mandate_id = { theirs: mandate, none: `md_${'0'.repeat(26)}`, token: w.stranger };
const booking_id = { theirs: held.json.id, none: `bk_${'0'.repeat(26)}`, token: w.stranger };
const waits = await g.ask('POST', '/v1/waitlist', { token: w.citizen, key: randomUUID(), body: { hall: 'H621202', matter: w.matter.code, from: now().slice(0, 10), to: now(24 * 3600e3).slice(0, 10) } });
assert.equal(waits.status, 201, waits.text);
const came = await staff.get('window_clerk').ask('POST', '/v1/hall/checkins', { key: randomUUID(), body: { hall: 'H621202', window: 'commerce' } });
assert.equal(came.status, 201, came.text);
const queue_id = { theirs: came.json.id, none: `qn_${'0'.repeat(26)}`, token: county_clerk.token, keyed: true };
// A case that is over and was rated poorly, and its work order.
const rated_case = await new Case(g, w).live('submitted', 'not_accepted');
const rated = await g.ask('POST', `/v1/cases/${rated_case.case_no}/rating`, { token: w.citizen, key: randomUUID(), body: { level: 1 } });
assert.equal(rated.status, 201, rated.text);
const voice_number = { theirs: rated.json.work_order, none: 'R20260101000000', token: w.stranger };
const county_hotline = await hire(maker, checker, 'county.hotline', '621221', 'hotline_clerk');
// A refund of what was paid, and money that fits nowhere.
const refund_wish = { payment_code: paid_notice.payment_code, refundable_fen: paid_notice.total_fen, amount_fen: 1, ground: 'overcharged', reason: '多收了' };
const refunded = await g.ask('POST', '/v1/department/refunds', { token: w.department, key: randomUUID(), body: refund_wish });
assert.equal(refunded.status, 201, refunded.text);
const refund_id = { theirs: refunded.json.id, none: `rf_${'0'.repeat(26)}`, token: w.stranger }, of_refund = { ...refund_id, token: county_payment_clerk.token };
await g.sql(`INSERT INTO pay_odd (id, key, kind, channel, reference, division, amount_fen, journal, came_ms, state, made_ms, changed_ms)
	SELECT 1, o.key, 1, 3, 'matrix', 621202, 1, p.journal, 1, 1, 1, 1 FROM pay_payment p JOIN pay_order o ON o.id = p.pay_order ORDER BY p.id LIMIT 1`);
const { id: odd } = (await staff.get('payment_clerk').ask('GET', '/v1/office/odd-money')).json.items[0];
const foreign = {
	refund_show: refund_id, refund_withdraw: { ...refund_id, keyed: true },
	department_refund_show: { ...refund_id, token: w.other_department }, department_refund_review: { ...refund_id, token: w.other_department, keyed: true, body: { verdict: 'verified' } },
	department_refund_withdraw: { ...refund_id, token: w.other_department, keyed: true }, office_refund_withdraw: { ...of_refund, keyed: true },
	office_refund_show: of_refund, office_refund_review: { ...of_refund, keyed: true, body: { verdict: 'verified' } }, office_refund_again: { ...of_refund, keyed: true },
	hall_barcode_show: scanned_id, hall_refund_paid: { ...refund_id, token: county_clerk.token, keyed: true, body: {} }, office_odd_show: { theirs: odd, none: `om_${'0'.repeat(26)}`, token: county_payment_clerk.token },
	rating_create: { ...case_no, keyed: true, body: { level: 5 } }, rating_show: case_no,
	voice_show: voice_number, voice_feedback: { ...voice_number, keyed: true, body: { satisfied: true } }, voice_withdraw: { ...voice_number, keyed: true },
	department_voice_show: { ...voice_number, token: w.other_department }, department_voice_move: { ...voice_number, token: w.other_department, keyed: true, body: { event: 'accepted' } },
	staff_voice_show: { ...voice_number, token: county_hotline.token }, staff_voice_move: { ...voice_number, token: county_hotline.token, keyed: true, body: { event: 'urged', text: '请快办' } },
	staff_voice_contact: { ...voice_number, token: county_hotline.token, body: { reason: '回访核实' } }, staff_voice_messages: { ...voice_number, token: county_hotline.token },
	staff_case_messages: { ...case_no, token: county_hotline.token },
	booking_calendar: booking_id, booking_ticket: booking_id, waitlist_leave: { theirs: waits.json.id, none: `bw_${'0'.repeat(26)}`, token: w.stranger },
	hall_queue_recall: queue_id, hall_queue_skip: queue_id, hall_queue_back: queue_id, hall_queue_done: queue_id,
	hall_excuse: { ...booking_id, token: county_clerk.token, keyed: true },
	booking_show: booking_id, booking_confirm: { ...booking_id, keyed: true, body: {} }, booking_cancel: { ...booking_id, keyed: true, body: { reason: 'no_time' } },
	booking_reschedule: { ...booking_id, keyed: true, body: { starts_at } },
	office_receipt_send: { theirs: paid_notice.payment_code, none: notice().payment_code, token: county_payment_clerk.token, keyed: true },
	office_confirmation_send: { theirs: paid_notice.payment_code, none: notice().payment_code, token: county_payment_clerk.token, keyed: true },
	case_show: case_no, case_events: case_no, case_demands: case_no, case_result: case_no, case_result_document: case_no, pickup_code_make: case_no,
	department_result: { theirs: theirs.ref, none: 'T-none', token: w.other_department, keyed: true, body: { decision: 'granted', document_no: '别人的', ready_for_collection: false } },
	department_result_document: { theirs: theirs.ref, none: 'T-none', token: w.other_department, keyed: true, body: Buffer.from('%PDF-1.4\n1 0 obj endobj\nstartxref\n0\n%%EOF'), type: 'application/pdf' },
	staff_case_demands: { ...case_no, token: county_supervisor.token },
	hall_hand_out: { ...case_no, token: county_clerk.token, keyed: true, body: { code: '123456' } },
	application_show: application_id, application_discard: application_id, application_renew: application_id,
	application_save: { ...application_id, body: { answers: {} }, headers: { 'if-match': '"1"' } },
	application_submit: { ...application_id, keyed: true }, application_withdraw: { ...application_id, keyed: true },
	department_application: { theirs: handed_in.json.case_no, none: 'T-none', token: w.other_department },
	material_upload: { ...application_id, then: '1', keyed: true, body: Buffer.from('%PDF-1.4\n1 0 obj endobj\nstartxref\n0\n%%EOF'), type: 'application/pdf' },
	certificate_list: { ...application_id, then: '2' }, certificate_take: { ...application_id, then: '2', keyed: true, body: { sha256: '0'.repeat(64) } },
	material_content: { ...application_id, then: file }, material_remove: { ...application_id, then: file },
	department_material: { theirs: handed_in.json.case_no, none: 'T-none', token: w.other_department, then: file },
	message_show: message_id, message_trace: message_id, message_read: message_id,
	me_session_rename: { ...session_id, body: { name: '别人的' } }, me_session_end: session_id,
	me_identity_unlink: { theirs: link, none: `pi_${'0'.repeat(26)}`, token: known },
	me_merge_undo: { theirs: merge, none: `pm_${'0'.repeat(26)}`, token: face },
	me_consent_withdraw: { theirs: 'another', none: 'nothing', token: known },
	me_data_part: { theirs: 'another', none: 'nothing', token: known }, // a part's name: whose it is, is always the caller
	me_mandate_show: mandate_id, me_mandate_accept: { ...mandate_id, keyed: true }, me_mandate_code: mandate_id, me_mandate_refuse: mandate_id, me_mandate_revoke: mandate_id,
	staff_mandate_accept: { theirs: window_offer.json.id, none: mandate_id.none, token: county_clerk.token, keyed: true, body: { id_number: '62129919850101006X', name: '李小明' } },
	me_hand_over_show: hand_over_code, me_hand_over_approve: { ...hand_over_code, keyed: true, body: { terminal } },
	terminal_hand_over_show: hand_over_id, terminal_hand_over_take: hand_over_id,
	department_case_show: { theirs: theirs.ref, none: 'T-none', token: w.other_department },
	order_show: order_id, order_cancel: { ...order_id, keyed: true }, order_pay: { ...order_id, keyed: true, body: { channel: 'wechat_pay', method: 'native' } },
	order_payment_show: { ...order_id, then: `pa_${'0'.repeat(26)}` },
	department_notice_show: notice_code, department_notice_void: { ...notice_code, keyed: true, body: { reason: '重复开具' } },
	staff_guide_show: guide_id, staff_guide_throw: guide_id,
	department_hook_rotate: { ...hook_id, body: { secret: hook_secret } }, department_hook_enable: hook_id, department_hook_remove: hook_id, staff_hook_enable: { ...hook_id, token: county_clerk_of_hooks.token },
	staff_duty_remove: { theirs: duty.json.id, none: `dp_${'0'.repeat(26)}`, token: county_supervisor.token },
	staff_proposal_show: proposal_id, staff_proposal_approve: proposal_id, staff_proposal_withdraw: { ...proposal_id, token: county_maker.token },
	staff_applicant: { ...case_no, token: county_clerk.token, body: { reason: '核对申请材料' } },
	staff_proposal_refuse: { ...proposal_id, body: { note: '不同意' } },
};

// ---- the rows ----

function expected(route, caller) {
	if (route.who.includes('anyone')) return 'in';
	if (caller.kind === 'anyone') return 'login_required';
	if (!route.who.includes(caller.kind)) return 'forbidden';
	if (caller.kind === 'citizen') return caller.level >= route.level ? 'in' : 'level_too_low';
	return route.right === '-' || caller.rights.includes(route.right) ? 'in' : 'forbidden';
}

test('the tables were read', () => {
	assert.ok(roles.length >= 9 && right_text.size >= 10 && open.length > 30);
	assert.ok(roles.every((r) => r.rights.length > 0 && r.rights.every(Boolean)));
});

test('every route for every caller', async () => {
	// A query that no handler knows: whoever is let in is told so, and nothing is done.
	for (const route of open)
		for (const caller of callers) {
			const target = `${route.target.replace(/:\w+/g, 'x')}?no_such_query=1`, want = expected(route, caller);
			const answer = await ask_as(route, caller, target);
			const code = answer.json?.code ?? answer.json?.error, refused = ['login_required', 'forbidden', 'level_too_low', 'invalid_token'];
			const said = refused.includes(code) ? code : 'in';
			assert.equal(said, want, `${route.name} for ${caller.name}: ${answer.status} ${answer.text.slice(0, 200)}`);
			if (want !== 'in') assert.equal(answer.status, want === 'login_required' ? 401 : 403);
			if (want === 'in') assert.ok(answer.status < 500, `${route.name} for ${caller.name}: ${answer.status} ${answer.text.slice(0, 300)}`);
		}
});

test('every route for every caller who says that he acts for another', async () => {
	const expected_for = (route, caller, held) => {
		const own = expected(route, caller);
		if (own !== 'in') return own;
		if (caller.kind !== 'citizen' || route.who.includes('anyone')) return 'acting_for_not_here';
		if (route.scope === '-') return 'never_by_mandate';
		if (caller.token !== w.citizen) return 'mandate_ended';
		return held.includes(route.scope) || held.includes('manage_agents') ? 'in' : 'mandate_scope'; // who represents a company may do all for it
	};
	const refused = ['login_required', 'forbidden', 'level_too_low', 'acting_for_not_here', 'never_by_mandate', 'mandate_ended', 'mandate_scope'];
	for (const route of open.filter((r) => !r.target.startsWith('/oauth2/'))) // a token is asked for with no token
		for (const caller of callers)
			for (const [held, id] of by_scope) {
				const target = `${route.target.replace(/:\w+/g, 'x')}?no_such_query=1`, want = expected_for(route, caller, held);
				const answer = await ask_as(route, caller, target, { 'x-acting-for': id });
				const code = answer.headers['content-type']?.startsWith('text/html') && answer.text.includes('<title>此请求不能代人办理</title>') ? 'acting_for_not_here' : answer.json?.code; // a page says it in words
				const said = refused.includes(code) ? code : 'in';
				assert.equal(said, want, `${route.name} for ${caller.name} by ${held}: ${answer.status} ${answer.text.slice(0, 200)}`);
			}
	assert.deepEqual([...new Set(open.map((r) => r.scope))].sort(), ['-', ...[...by_scope.keys()].flat()].sort());
});

test('what wants a client certificate is misdirected where none is asked for', async () => {
	assert.ok(open.filter((r) => r.certified).length >= 4);
	for (const route of open.filter((r) => r.certified))
		for (const caller of callers) {
			const answer = await g.ask(route.method, route.target.replace(/:\w+/g, 'x'), { token: caller.token });
			assert.deepEqual([answer.status, answer.json.code], [421, 'misdirected_request'], `${route.name} for ${caller.name}`);
		}
});

test('nothing that belongs to somebody is without an owner', () => {
	for (const route of routes)
		if (route.owner === '-') assert.ok(route.who.includes('anyone') || route.who.join() === 'operator', `${route.name}: whose rows?`);
});

test('somebody else’s row is answered like none at all', async () => {
	const plain = ({ status, headers, json: { request_id, trace_id, ...rest } }) => JSON.stringify([status, rest, Object.keys(headers).sort(), Boolean(request_id && trace_id)]);
	for (const route of open.filter((r) => r.owner !== '-' && r.target.includes(':'))) {
		const f = foreign[route.name];
		assert.ok(f, `${route.name} takes a name in its path: say in this test whose row a stranger is to be refused`);
		const ask = (name) => {
			const target = route.target.replace(/:\w+/, name).replace(/:\w+/, f.then);
			return f.certified ? at_terminal(route.method, target, f.token) : g.ask(route.method, target, { token: f.token, body: f.body, headers: f.headers, type: f.type, key: f.keyed ? randomUUID() : undefined });
		};
		const [one, none] = [await ask(f.theirs), await ask(f.none)];
		assert.equal(one.status, 404, `${route.name}: ${one.text}`);
		assert.equal(plain(one), plain(none), route.name);
	}
	// and it is there for him whose it is
	assert.equal((await theirs.show()).status, 200);
	assert.equal((await g.get(`/v1/messages/${message}`, { token: w.citizen })).json.read_at, null);
	assert.equal((await checker.ask('GET', `/v1/staff/proposals/${made}`)).json.state, 'open');
});
