// Goal: whenever the process dies, an effect ends as its crash rule says, and the receivers count what we say they got: once where a repeat can be known,
// once or openly unknown where it cannot. What a provider does to us is seen, held and mended by the operator's command.
// Method: the process kills itself at each named point of an effect's way (SIBAN_FAULT), or is killed while the peer holds its answer; then it starts again. The
// peers outside (the sandbox's SMS platform and two of our own) are the oracle. SIBAN_LONG=1: 20,000 messages instead of 800.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { control_request, h1_request } from '../flow/lib/clients.mjs';
import { is_long } from '../flow/lib/gateway.mjs';
import { ACCESS_KEY, ACCESS_SECRET } from '../flow/lib/outside.mjs';
import { until } from '../flow/lib/until.mjs';
import { sandbox } from '../sandbox/lib/client.mjs';
import { EffectPeer } from './lib/effect_peers.mjs';
import { Gateway, seeded, slack } from './lib/gateway.mjs';

const CALLBACK_SECRET = 'a-part-of-the-address-nobody-guesses';
const s = await sandbox();

async function world(settings = {}) {
	const peer = await EffectPeer.start();
	const gateway = await Gateway.make({ settings: { 'log.access': 'false' } });
	const secret = (name, text) => {
		const file = path.join(gateway.folder, name);
		writeFileSync(file, text, { mode: 0o600 });
		return file;
	};
	gateway.configure({ 'sms.aliyun.url': `${s.url}/`, 'sms.aliyun.key_id': ACCESS_KEY, 'sms.aliyun.key_secret_file': secret('sms.key', ACCESS_SECRET),
		'sms.aliyun.sign_name': '陇南四办', 'sms.aliyun.template.case_moved': 'SMS_100000002', 'sms.aliyun.rate': 0,
		'sms.aliyun.callback_secret_file': secret('callback.key', CALLBACK_SECRET), 'webhook.url': `${peer.url}/hook`, 'webhook.rate': 0,
		'webhook.secret_file': secret('hook.key', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'), ...settings });
	gateway.may_end_badly = true;
	gateway.peer = peer;
	return gateway;
}

async function end(gateway) {
	await gateway.stop();
	await gateway.peer.stop();
	await s.reset();
}

const payload = (gateway, kind, phone) => JSON.stringify(kind === 'sms_aliyun' ? { phone, template: 'case_moved', params: { case_no: 'LN1', status: '已受理' } } :
	kind === 'probe' ? { url: `${gateway.peer.url}/probe` } : { type: 'case.moved' });

const control = (gateway, target, body) => control_request(gateway, 'POST', target, body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } });

async function send(gateway, kind, phone = '13800138000') {
	const answer = await control(gateway, `/control/effects/send/${kind}`, payload(gateway, kind, phone));
	assert.equal(answer.status, 201, answer.text);
	return JSON.parse(answer.text).id;
}

async function show(gateway, id) {
	const answer = await control(gateway, `/control/effects/show/${id}`);
	assert.equal(answer.status, 200, answer.text);
	return JSON.parse(answer.text);
}

const reaches = (gateway, id, state) => until(`effect ${id} is ${state}`, async () => (await show(gateway, id)).state === state, 30000 * slack);

const messages = async () => (await s.show('aliyun_sms')).messages;
const deeds = async (gateway, kind, key) => (kind === 'sms_aliyun' ? (await messages()).filter((m) => JSON.stringify(m).includes(key)).length : gateway.peer.deeds.get(key) ?? 0);

/* what became of it, and how often the receiver did it */
const matrix = {
	effect_before_mark:    { webhook: ['done', 1], probe: ['done', 1], sms_aliyun: ['done', 1] },
	effect_after_mark:     { webhook: ['done', 1], probe: ['done', 1], sms_aliyun: ['unknown', 0] },
	effect_after_send:     { webhook: ['done', 1], probe: ['done', 1], sms_aliyun: ['unknown', 0] }, /* handed over, and not on the wire yet */
	acted:                 { webhook: ['done', 2], probe: ['done', 1], sms_aliyun: ['unknown', 1] },
	effect_after_answer:   { webhook: ['done', 2], probe: ['done', 1], sms_aliyun: ['unknown', 1] },
	effect_before_outcome: { webhook: ['done', 2], probe: ['done', 1], sms_aliyun: ['unknown', 1] },
	effect_after_outcome:  { webhook: ['done', 1], probe: ['done', 1], sms_aliyun: ['done', 1] },
};

test('the process dies at every point of an effect, and each kind ends as its crash rule says', { timeout: 240000 * slack }, async () => {
	const gateway = await world();
	for (const [point, wanted] of Object.entries(matrix))
		for (const [kind, [state, count]] of Object.entries(wanted)) {
			const what = `${kind}, ${point}`;
			gateway.environment = point === 'acted' ? {} : { SIBAN_FAULT: `${point}=1` };
			await gateway.serve();
			const gone = gateway.gone(), last = await s.mark();
			if (point === 'acted') {
				gateway.peer.act = () => 'hold';
				await s.fault('aliyun_sms', { delay_ms: 600000 });
			}
			const answer = await control(gateway, `/control/effects/send/${kind}`, payload(gateway, kind, '13800138000')).catch(() => null);
			const id = answer?.status === 201 ? JSON.parse(answer.text).id : Number(gateway.sql('SELECT max(id) FROM effect'));
			if (point === 'acted') {
				const calls = gateway.peer.calls;
				await (kind === 'sms_aliyun' ? s.wait_for('the message', (e) => e.kind === 'request', { since: last, peer: 'aliyun_sms' }) :
					until('the deed is done', () => gateway.peer.calls > calls || [...gateway.peer.deeds.keys()].length > 0 && gateway.peer.held.length > 0));
				await gateway.kill();
				gateway.peer.act = () => 'answer';
				gateway.peer.held.length = 0;
				await s.clear_faults();
			}
			assert.equal((await gone).signal, 'SIGKILL', what);
			gateway.environment = {};
			await gateway.serve();
			await reaches(gateway, id, state);
			const effect = await show(gateway, id);
			assert.equal(await deeds(gateway, kind, effect.key), count, `${what}: ${JSON.stringify(effect)}`);
			await gateway.kill();
		}
	await gateway.serve();
	await end(gateway);
});

test('many messages, the process killed five times: each done, none twice where nobody could know, the rest openly unknown', { timeout: 600000 * slack }, async (t) => {
	const MANY = is_long ? 20000 : 800, WRITERS = 16;
	const gateway = await world(), draw = seeded(Number(process.env.SIBAN_SEED ?? 20261125));
	const kinds = ['webhook', 'sms_aliyun', 'webhook', 'probe'];
	let sent = 0, serving = gateway.serve();
	await serving;
	const writers = Array.from({ length: WRITERS }, async (_, w) => {
		while (sent < MANY) {
			const n = sent++;
			const phone = `138${String(10000000 + n * 10 + 8).slice(-8)}`;
			await until('it is taken', async () => {
				const answer = await control(gateway, `/control/effects/send/${kinds[(n + w) % kinds.length]}`, payload(gateway, kinds[(n + w) % kinds.length], phone)).catch(() => null);
				return answer?.status === 201;
			}, 60000 * slack);
		}
	});
	let kills = 0;
	while (kills < 5) {
		await until('it is time to die', () => sent >= (MANY / 6) * (kills + 1), 300000 * slack);
		await pause(draw(60));
		await gateway.kill();
		kills++;
		await gateway.serve();
	}
	await Promise.all(writers);
	await until('nothing is open', () => gateway.sql('SELECT count(*) FROM effect WHERE state IN (1, 2, 6)') === '0', 300000 * slack);

	const rows = gateway.sql("SELECT kind, state, hex(key) FROM effect").split('\n').map((line) => line.split('|'));
	assert.ok(rows.length >= MANY, `${rows.length} rows`);
	const sms = new Map();
	for (const m of await messages())
		sms.set(m.out_id ?? m.OutId, (sms.get(m.out_id ?? m.OutId) ?? 0) + 1);
	assert.ok([...sms.values()].every((n) => n === 1), 'a text was sent twice');
	const by = (kind, state) => rows.filter(([k, st]) => Number(k) === kind && Number(st) === state).length;
	const of_sms = rows.filter(([k]) => k === '1').length;
	assert.equal(by(1, 3) + by(1, 5), of_sms, 'a text is neither done nor unknown');
	assert.ok(sms.size >= by(1, 3) && sms.size <= of_sms, `${sms.size} texts, ${by(1, 3)} done`);
	assert.ok(by(1, 5) <= 5 * 2 * 64, `${by(1, 5)} unknown: more than were under way or unwritten`);
	for (const [kind, name] of [[2, 'webhook'], [900, 'probe']])
		assert.equal(by(kind, 3), rows.filter(([k]) => Number(k) === kind).length, `a ${name} is not done`);
	const others = rows.filter(([k]) => k !== '1').length;
	assert.equal(gateway.peer.deeds.size, others, 'the receivers know other keys than we do');
	assert.equal(gateway.sql('SELECT count(*) FROM effect e WHERE attempts <> (SELECT count(*) FROM effect_attempt a WHERE a.effect = e.id) + (done_ms > 0)'), '0');
	const twice = [...gateway.peer.deeds.values()].filter((n) => n > 1).length;
	t.diagnostic(`${rows.length} effects, ${kills} kills: ${by(1, 5)} texts unknown, ${twice} webhooks twice with the same id`);
	await end(gateway);
});

test('no money stops the account, others go on; resume sends what was held, once', { timeout: 60000 * slack }, async () => {
	const gateway = await world();
	await gateway.serve();
	await s.fault('aliyun_sms', { refuse_code: 'isv.AMOUNT_NOT_ENOUGH' });
	const first = await send(gateway, 'sms_aliyun');
	await reaches(gateway, first, 'held');
	await s.clear_faults();
	const second = await send(gateway, 'sms_aliyun'), hook = await send(gateway, 'webhook');
	await reaches(gateway, hook, 'done');
	await gateway.kill();
	await gateway.serve();
	assert.equal((await show(gateway, second)).state, 'due');
	const accounts = await gateway.command('effects', 'accounts');
	assert.match(accounts, /sms_aliyun .*STOPPED since .*isv\.AMOUNT_NOT_ENOUGH/);
	assert.equal(gateway.events('account_stopped').length, 1);
	assert.match(await gateway.command('effects', 'list', '--state', 'held'), /held by account/);
	assert.match(await gateway.command('effects', 'resume', 'sms_aliyun'), /1 effects/);
	await reaches(gateway, first, 'done');
	await reaches(gateway, second, 'done');
	assert.equal((await messages()).length, 2);
	await end(gateway);
});

test('an unknown text is shown masked, is not replayed by mistake, and its receipt settles it', { timeout: 60000 * slack }, async () => {
	const gateway = await world();
	await gateway.serve();
	await s.fault('aliyun_sms', { lose_answer: true, count: 2 });
	const id = await send(gateway, 'sms_aliyun'), other = await send(gateway, 'sms_aliyun', '13911112222');
	await reaches(gateway, id, 'unknown');
	await reaches(gateway, other, 'unknown');
	const shown = await gateway.command('effects', 'show', String(id));
	assert.match(shown, /phone +138\*{4}8000/);
	assert.doesNotMatch(shown, /13800138000/);
	await assert.rejects(gateway.command('effects', 'replay', String(id)), /--again/);
	const { key } = await show(gateway, id);
	const report = JSON.stringify([{ phone_number: '13800138000', success: true, err_code: 'DELIVERED', out_id: key, biz_id: '1^0' }, { success: true, out_id: 'somebody else' }]);
	const push = (secret, body = report) => h1_request(gateway, 'POST', `/callbacks/sms/aliyun/${secret}`, { body, headers: { 'content-type': 'application/json' } });
	assert.equal((await push('guess')).status, 404);
	assert.equal((await show(gateway, id)).state, 'unknown');
	for (let n = 0; n < 3; n++) {
		const answer = await push(CALLBACK_SECRET);
		assert.equal(answer.status, 200, answer.text);
		assert.equal(answer.text, '{"code":0,"msg":"接收成功"}');
	}
	const probe = await h1_request(gateway, 'GET', `/callbacks/sms/aliyun/${CALLBACK_SECRET}`);
	assert.equal(probe.text, '{"code":0,"msg":"成功"}');
	const settled = await show(gateway, id);
	assert.deepEqual([settled.state, settled.receipt], ['done', 'arrived']);
	assert.equal(gateway.sql('SELECT count(*), sum(unmatched) FROM raw_callback'), '1|1'); /* the same bytes are kept once */
	assert.equal((await push(CALLBACK_SECRET, 'not json')).text, '{"code":0,"msg":"接收成功"}'); /* kept for a person to look at */
	assert.equal(gateway.sql('SELECT count(*) FROM raw_callback'), '2');
	assert.match(await gateway.command('effects', 'replay', String(other), '--again'), /1 effects/);
	await reaches(gateway, other, 'done');
	assert.equal((await messages()).length, 3); /* the operator's own decision */
	assert.doesNotMatch(gateway.log(), /13800138000|13911112222/);
	await end(gateway);
});

test('a receiver that is down fills its own lane only, and is left alone', { timeout: 60000 * slack }, async () => {
	const gateway = await world();
	await gateway.serve();
	gateway.peer.act = () => 503;
	const hooks = [];
	for (let i = 0; i < 150; i++)
		hooks.push(await send(gateway, 'webhook'));
	await until('the breaker has opened', async () => /webhook .*breaker (open|half_open)/.test(await gateway.command('effects', 'accounts')), 30000 * slack);
	const sms = await send(gateway, 'sms_aliyun');
	await reaches(gateway, sms, 'done');
	assert.ok(gateway.peer.calls < 150, `${gateway.peer.calls} calls to a receiver that is down`);
	gateway.peer.act = () => 'answer';
	await gateway.command('effects', 'cancel', String(hooks[149]));
	await assert.rejects(gateway.command('effects', 'cancel', String(sms)), /状态|state/);
	await gateway.kill(); /* a start has no opinion of anybody */
	await gateway.serve();
	await until('what was due again is done', () => Number(gateway.sql('SELECT count(*) FROM effect WHERE state = 3')) > 60, 60000 * slack);
	assert.equal((await show(gateway, hooks[149])).state, 'cancelled');
	await gateway.kill();
	assert.match(await gateway.command('effects', 'list', '--kind', 'webhook', '--state', 'cancelled'), /1 effects/); /* without a daemon, too */
	await gateway.serve();
	await end(gateway);
});
