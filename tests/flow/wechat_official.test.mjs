// Goal: a page of the official account, opened in WeChat, lets in whose account it is, links it to who asks for that in his own session, and pays by its openid with parameters signed for its appid;
// a code that comes in an address somebody sent is worth nothing, a made-up account is linked to nobody, and no account's name for a person is ever sent beside another account's appid.
// Method: the sandbox plays WeChat, which judges the address a page goes to, and WeChat Pay, which judges what the page pays with.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test, { beforeEach } from 'node:test';
import { sandbox } from '../sandbox/lib/client.mjs';
import { assert_problem, id_number, world } from './lib/cases.mjs';
import { Gateway, gateway } from './lib/gateway.mjs';
import { bring, notice, sandbox_codes } from './lib/payments.mjs';
import { People, authority_settings, device, phone } from './lib/people.mjs';
import { first, hire } from './lib/staff.mjs';
import { until } from './lib/until.mjs';
import { OFFICIAL_SECRET, PAGE, Visitor, WeChat, official_settings, wechat_settings } from './lib/wechat.mjs';
import { made, pay, pays, tell, wechat_pay_settings } from './lib/wechat_pay.mjs';

const s = await sandbox();
const g = await gateway({ settings: { ...sandbox_codes, ...wechat_settings(s), ...official_settings(s), ...authority_settings(s), ...wechat_pay_settings(s), 'payments.open_orders': 100, 'payments.orders_per_hour': 1000,
	'rate.write': 0, 'rate.public': 0, 'rate.read': 0, 'timeout.park': 5000, 'timeout.ask': 1500, 'otp.per_address': 1000000 } });
const w = await world(g, { test_key: true });
await s.setup('wechat_pay', { callbacks: false });
beforeEach(() => s.clear_faults());

const people = new People(g); // no SMS: the answer bears the code
people.s = s;
people.code = async (number, id, options) => {
	const { json: { challenge, development_code } } = await people.ask_code(number, id, options);
	return { challenge, code: development_code };
};
const spoken = []; // must be found in no file
const somebody = (number = phone()) => {
	const one = new Visitor(people, number);
	spoken.push(one.openid, number);
	return one;
};
let next = 700;
// Somebody known by name, with a face just shown: {token, id}
const known = async (number = phone(), id = device()) => {
	const one = { number: id_number(next++), name: '王小明', phone: number };
	await s.setup('authority', { people: [one] });
	const { access_token: token } = await people.login(number, id);
	assert.equal((await people.confirm(token, one)).status, 200);
	assert.equal((await people.step_up(token, `face-of-${one.number}`)).status, 200);
	return { token, id, number };
};
const link = (token, back, device_id, { key = randomUUID(), ...more } = {}) => g.ask('POST', '/v1/me/identities', { token, key, body: { provider: 'wechat_official', device_id, ...back, ...more } });
const links = async (token) => (await g.get('/v1/me/identities', { token })).json.items.map((l) => l.provider);
const asked = async (since) => (await s.log({ peer: 'wechat', since })).entries.filter((e) => e.route === 'sns_access_token');
const refused = (answer) => `${answer.status} ${answer.json.error} ${answer.json.code}`;

for (const via of ['h2', 'h1'])
	test(`over ${via}: a phone once, on the device the page is open on, then the account alone; a lost answer is given again, another device gets none`, async () => {
		const one = somebody(), id = device(), back = await one.visit(id, { via }), mark = await s.mark();
		const unknown = [await one.grant(back, id, { via }), await one.grant(back, id, { via })];
		assert.deepEqual(unknown.map((a) => [a.status, a.json.code, a.json.step]), Array(2).fill([400, 'phone_needed', 'phone']));
		const linked = await one.link_by_code(id);
		assert.deepEqual([linked.status, linked.json.linked], [200, true], linked.text);
		assert.deepEqual(await links(linked.json.access_token), ['wechat_official']);
		const elsewhere = device(), again = await one.visit(elsewhere, { via }), answers = [await one.grant(again, elsewhere, { via }), await one.grant(again, elsewhere, { via })];
		assert.deepEqual(answers.map((a) => a.status), [200, 200], answers[0].text);
		assert.equal((await asked(mark)).length, 2, 'each code once');
		assert.equal(refused(await one.grant(again, device(), { via })), '400 invalid_grant invalid_grant', 'another device');
		assert.equal(refused(await one.grant({ ...again, code: 'another' }, elsewhere, { via })), '400 invalid_grant invalid_grant', 'another code under its state');
	});

test('a code out of an address somebody sent: of no state, of his state, made up, used; a refusal spends the state', async () => {
	const one = somebody(), thief = somebody(), mine = device(), theirs = await thief.visit(device());
	assert.equal(refused(await one.grant(theirs, mine)), '400 invalid_grant invalid_grant', 'his code and his state');
	const back = await one.visit(mine);
	for (const wrong of [{ ...back, state: 'f'.repeat(64) }, { ...back, code: 'made-up' }, back]) assert.equal(refused(await one.grant(wrong, mine)), '400 invalid_grant invalid_grant');
	const first = await one.visit(mine), second = await one.visit(mine);
	await one.grant(first, mine);
	assert.equal(refused(await one.grant({ ...second, code: first.code }, mine)), '400 invalid_grant invalid_grant', 'used under another state');
	for (const half of [{ code: back.code }, { state: back.state }]) assert.equal((await one.grant(half, mine)).json.error, 'invalid_request');
	const begin = (body) => g.ask('POST', '/v1/login/wechat', { body: { device_id: mine, redirect_uri: PAGE, ...body } });
	for (const [pointer, body] of [['/redirect_uri', { redirect_uri: `${PAGE}/` }], ['/device_id', { device_id: 'short' }]]) assert.equal(assert_problem(await begin(body), 422, 'invalid_field').json.pointer, pointer);
	assert_problem(await g.ask('POST', '/v1/login/wechat', { token: w.department, body: { device_id: mine, redirect_uri: PAGE } }), 403, 'forbidden');
});

test('a snapshot of the page has a made-up account: nobody is let in, and he is told what to tap', async () => {
	const one = somebody(), id = device(), me = await known();
	const answer = await one.grant(await one.visit(id, { snapshot: true }), id);
	assert.deepEqual([answer.status, answer.json.error, answer.json.code], [403, 'access_denied', 'wechat_snapshot'], answer.text);
	assert_problem(await link(me.token, await one.visit(me.id, { token: me.token, snapshot: true }), me.id), 403, 'wechat_snapshot');
	assert.deepEqual(await links(me.token), []);
});

test('slow, dead, busy, risky, misconfigured: each is said, and the same code serves afterwards', async () => {
	const one = somebody(), id = device(), back = await one.visit(id), said = {};
	const moods = { slow: { hang: true }, dead: { close: 'before' }, rubbish: { rubbish: 'html' }, busy: { refuse_code: '-1' }, risky: { refuse_code: '40226' }, secret: { refuse_code: '40125' } };
	for (const [mood, fault] of Object.entries(moods)) {
		await s.fault('wechat', fault);
		const answer = await one.grant(back, id);
		said[mood] = `${answer.status} ${answer.json.code}`;
		await s.clear_faults();
	}
	assert.deepEqual(said, { slow: '504 peer_timeout', dead: '503 peer_away', rubbish: '502 peer_nonsense', busy: '503 peer_away', risky: '403 account_at_risk', secret: '503 peer_away' });
	assert.equal((await one.grant(back, id)).json.code, 'phone_needed');
	await until('an operator is told', () => /"ev":"provider_refused".*wechat_official/.test(g.log()));
});

test('linked in one’s own session: what was begun in it, on this device; nobody else’s code, nobody else’s account', async () => {
	const me = await known(), other = await known(), one = somebody(), thief = somebody();
	const sent = [await thief.visit(me.id), await thief.visit(other.id, { token: other.token }), await thief.visit(device(), { token: me.token })];
	for (const back of sent) assert_problem(await link(me.token, back, me.id), 400, 'invalid_grant');
	assert.equal(assert_problem(await link(me.token, { ...await one.visit(me.id, { token: me.token }), code: 'made-up' }, me.id), 400, 'invalid_grant').json.wrong, 'code');
	assert.equal(assert_problem(await link(me.token, { code: 'x' }, me.id), 422, 'missing_field').json.pointer, '/state');
	assert.equal(assert_problem(await g.ask('POST', '/v1/me/identities', { token: me.token, key: randomUUID(), body: { provider: 'wechat_mini' } }), 422, 'missing_field').json.pointer, '/js_code');
	assert.deepEqual(await links(me.token), []);
	const back = await one.visit(me.id, { token: me.token }), key = randomUUID(), mark = await s.mark();
	const answers = [await link(me.token, back, me.id, { key }), await link(me.token, back, me.id, { key })];
	assert.deepEqual(answers.map((a) => [a.status, a.json.provider, a.json.provider_name]), Array(2).fill([201, 'wechat_official', '微信公众号']), answers[0].text);
	assert.equal((await asked(mark)).length, 1);
	assert.equal((await one.login()).json.level, 2);
	assert_problem(await link(other.token, await one.visit(other.id, { token: other.token }), other.id), 409, 'linked_elsewhere');
	assert.equal((await g.ask('DELETE', `/v1/me/identities/${answers[0].json.id}`, { token: me.token })).status, 204);
	assert.equal((await one.login()).json.code, 'phone_needed');
});

// ---- paying ----

const ordered = async (token) => {
	const n = notice();
	assert.equal((await bring(g, w.department, n)).status, 201);
	return { id: (await g.ask('POST', '/v1/orders', { token, key: randomUUID(), body: { payment_codes: [n.payment_code] } })).json.id, code: n.payment_code };
};
const trade_of = async ({ pay: { package: prepay } }) => (await s.show('wechat_pay')).trades.find((t) => `prepay_id=${t.prepay_id}` === prepay);

test('paid in a page: ordered for the openid of the official account under its appid, signed for it, told of by it, given back', async () => {
	const me = await known(), one = somebody(), mini = new WeChat(people, me.number);
	await mini.login(me.id, { with_phone: true }); // he has a name in the mini-program too
	spoken.push(mini.openid);
	const { id, code } = await ordered(me.token), without = assert_problem(await pay(g, id, 'jsapi', { token: me.token }), 409, 'official_account_needed');
	assert.ok(without.json.detail.includes('服务号'), without.text);
	assert.equal((await link(me.token, await one.visit(me.id, { token: me.token }), me.id)).status, 201);
	const answer = await pay(g, id, 'jsapi', { token: me.token });
	assert.equal(answer.status, 201, answer.text);
	const trade = await trade_of(answer.json);
	assert.deepEqual([trade.appid, trade.openid, trade.kind, trade.total], ['wxofficial000000', one.openid, 'jsapi', 8000]);
	assert.deepEqual(Object.keys(answer.json.pay).sort(), ['appId', 'nonceStr', 'package', 'paySign', 'signType', 'timeStamp']);
	assert.equal((await s.try_control('POST', '/peers/wechat_pay/pay', { parameters: { ...answer.json.pay, appId: 'wx0123456789abcdef' }, as: 'jsapi' })).json.detail, 'appId is not the one of the order');
	const { transaction_id } = await pays(s, { parameters: answer.json.pay, as: 'jsapi' });
	assert_problem(await tell(g, await made(s, trade.out_trade_no, { changes: { appid: 'wxsomebodyelse00' } })), 403, 'callback_refused');
	assert.equal((await tell(g, await made(s, trade.out_trade_no))).status, 204);
	const paid = (await g.get(`/v1/orders/${id}`, { token: me.token })).json;
	assert.deepEqual([paid.state, paid.payment.amount_fen], ['paid', 8000]);
	assert.equal(g.sql(`SELECT COUNT(*) FROM pay_payment WHERE reference = '${transaction_id}'`), '1');

	const maker = await first(g, 'li.safe', 'security_admin'), checker = await first(g, 'li.system', 'system_admin');
	const clerk = await hire(maker, checker, 'pay.one', '621202', 'payment_clerk'), second = await hire(maker, checker, 'pay.two', '621202', 'payment_checker');
	const refund = await g.ask('POST', '/v1/department/refunds', { token: w.department, key: randomUUID(), body: { payment_code: code, refundable_fen: 8000, amount_fen: 8000, ground: 'technical', reason: '系统差错' } });
	assert.equal(refund.status, 201, refund.text);
	const proposal = await clerk.propose('refund_decide', '621202', { verdict: 'approve' }, refund.json.id);
	assert.equal((await second.decide(proposal.json.id, 'approve')).status, 200);
	await until('it is given back', async () => {
		await g.sql('UPDATE pay_refund SET next_ms = 1 WHERE state = 4 AND path = 1 AND next_ms > 1');
		return (await clerk.ask('GET', `/v1/office/refunds/${refund.json.id}`)).json.state === 'done';
	});
	assert.deepEqual((await s.show('wechat_pay')).refunds.map((r) => [r.transaction_id, r.amount.refund]), [[transaction_id, 8000]]);
});

test('in the mini-program the same person pays by his other name, and what no callback says the sweep asks', async () => {
	const me = await known(), one = somebody(), mini = new WeChat(people, me.number);
	await mini.login(me.id, { with_phone: true });
	assert.equal((await link(me.token, await one.visit(me.id, { token: me.token }), me.id)).status, 201);
	const { id } = await ordered(me.token), inside = await pay(g, id, 'mini', { token: me.token }), first = await trade_of(inside.json);
	assert.deepEqual([first.appid, first.openid, inside.json.pay.appId], ['wx0123456789abcdef', mini.openid, undefined]);
	assert_problem(await pay(g, id, 'jsapi', { token: me.token }), 409, 'paying_otherwise');
	await until('the other way is closed', async () => (await g.get(`/v1/orders/${id}`, { token: me.token })).json.state === 'open');
	const page = await pay(g, id, 'jsapi', { token: me.token }), second = await trade_of(page.json);
	assert.deepEqual([second.appid, second.openid], ['wxofficial000000', one.openid]);
	await pays(s, { parameters: page.json.pay, as: 'jsapi' });
	await until('it is paid', async () => {
		await g.sql('UPDATE pay_attempt SET ask_ms = 1 WHERE ask_ms > 0');
		return (await g.get(`/v1/orders/${id}`, { token: me.token })).json.state === 'paid';
	});
	const mixed = (await s.show('wechat_pay')).trades.filter((t) => t.openid !== 'oScanned' && (t.appid === 'wxofficial000000') !== t.openid.startsWith('w-'));
	assert.deepEqual(mixed, [], 'no name of one account beside the appid of another');
});

test('without an official account there is no such grant, login or method; a half configuration is named', async () => {
	const h = await Gateway.start({ data: false, settings: { ...wechat_settings(s), ...wechat_pay_settings(s) } });
	const answer = await h.ask('POST', '/oauth2/token', { body: 'grant_type=urn%3Asiban%3Aparams%3Aoauth%3Agrant-type%3Awechat-official&state=x&code=y', type: 'application/x-www-form-urlencoded' });
	assert.equal(answer.json.error, 'unsupported_grant_type');
	assert_problem(await h.ask('POST', '/v1/login/wechat', { body: { device_id: device(), redirect_uri: PAGE } }), 503, 'peer_away');
	await h.stop();
	h.configure({ 'wechat.official.appid': 'wx1' });
	const words = await h.command('check').catch((e) => e.stderr);
	for (const name of ['secret_file', 'redirect_uris']) assert.match(words, new RegExp(`wechat\\.official\\.${name}: missing`));
});

test('nothing of a secret, an account or a phone is in a file', async () => {
	await g.stop();
	const files = await g.files();
	assert.ok(files.length > 2 && spoken.length > 10);
	for (const { name, bytes } of files) for (const word of [...spoken, OFFICIAL_SECRET]) assert.ok(!bytes.includes(word), `${name} holds ${word.slice(0, 6)}…`);
});
