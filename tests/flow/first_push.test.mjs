// Goal: the first push, whole: a department decides, and in the transaction of its event the person has a message and an SMS has its order; the open
// streams show it, the SMS leaves with a real signature, its receipt closes the loop, and the trace tells each attempt in plain words.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { sandbox } from '../sandbox/lib/client.mjs';
import { Case, id_number, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { days_ahead, open_halls, slots_of } from './lib/halls.mjs';
import { Sse, Ws } from './lib/live.mjs';
import { ACCESS_KEY, ACCESS_SECRET } from './lib/outside.mjs';
import { until } from './lib/until.mjs';

const folder = mkdtempSync(path.join(os.tmpdir(), 'siban-push-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const secret = 'k'.repeat(40), file = (name, text) => {
	writeFileSync(path.join(folder, name), text, { mode: 0o600 });
	return path.join(folder, name);
};
const s = await sandbox();
const g = await gateway({ settings: { 'sms.aliyun.url': s.url, 'sms.aliyun.key_id': ACCESS_KEY, 'sms.aliyun.key_secret_file': file('sms.key', ACCESS_SECRET),
	'sms.aliyun.sign_name': '陇南四办', 'sms.aliyun.template.case_moved': 'SMS_100000002',
	'sms.aliyun.template.booking': 'SMS_100000007', 'sms.aliyun.template.voice': 'SMS_100000008', 'sms.aliyun.callback_secret_file': file('sms.callback', secret) } });
const w = await world(g);
let people = 4000;

// A person whose phone the department has told with the case.
async function somebody(phone) {
	const person = id_number(people++), token = await g.citizen(person), c = new Case(g, w, { person });
	await c.send('received', { matter: w.matter.code, region: w.region, applicant: { id_type: 'resident', id_number: person, phone } });
	return { token, c };
}
const trace_of = async (token, id, lang) => (await g.get(`/v1/messages/${id}/trace`, { token, lang })).json;
const newest = async (token) => (await g.get('/v1/messages', { token })).json.items[0];
const sent_to = (phone) => s.wait_for(`the SMS to ${phone}`, (e) => e.kind === 'request' && e.fields?.PhoneNumbers === phone, { peer: 'aliyun_sms' });
test('decided: stream, WebSocket, inbox, SMS, receipt, trace', async () => {
	const phone = '13900004321', { token, c } = await somebody(phone);
	await c.send('accepted');
	const sse = await Sse.open(g, { token }), ws = await Ws.open(g, { token });
	await c.send('decided_ok');
	const message = await sse.event('the message', (e) => e.event === 'message');
	assert.equal(message.data.template, 'decided_ok');
	assert.deepEqual(await ws.event('the same', (e) => e.event === 'message'), message);
	assert.deepEqual(await newest(token), message.data);
	await until('both SMS have left', async () => (await trace_of(token, message.data.id)).rungs[0]?.state === 'done');
	const [request] = await sent_to(phone);
	assert.equal(JSON.stringify(request).includes(w.matter.name), false, 'no matter on a lock screen');
	assert.deepEqual(JSON.parse(request.fields.TemplateParam), { case_no: c.case_no, status: '有新的进展' });
	const waiting = (await trace_of(token, message.data.id)).rungs[0];
	assert.equal(waiting.to, '139****4321');
	assert.equal(waiting.text, '平台已接收，等待送达回执');
	assert.deepEqual(waiting.attempts.map((a) => a.text), ['短信平台已接收']);
	const { messages } = await s.show('aliyun_sms');
	assert.equal(messages.length, 2, 'each message rang once');
	await receipt_of_all(phone);
	await until('the receipt is in the trace', async () => (await trace_of(token, message.data.id)).rungs[0].receipt === 'arrived');
	const closed = await trace_of(token, message.data.id);
	assert.equal(closed.rungs[0].text, '已送达手机');
	assert.equal(closed.next, '无需处理。');
	assert.equal((await trace_of(token, message.data.id, 'en')).rungs[0].text, 'It reached the phone');
	for (const ear of [sse, ws]) {
		await ear.event('the delivery', (e) => e.event === 'delivery' && e.data.message === message.data.id && e.data.receipt === 'arrived');
		ear.close();
	}
	assert.equal(g.log().includes(phone), false, 'no number in the log');
});

// What the platform would push: the receipts of all it has for this number.
async function receipt_of_all(phone) {
	const { messages } = await s.show('aliyun_sms');
	for (const m of messages.filter((one) => JSON.stringify(one).includes(phone))) {
		const answer = await g.ask('POST', `/callbacks/sms/aliyun/${secret}`, { body: [{ phone_number: phone, send_time: '2026-11-23 15:30:00',
			report_time: '2026-11-23 15:30:05', success: !phone.endsWith('0001'), err_code: phone.endsWith('0001') ? 'UNDELIV' : 'DELIVERED', err_msg: '', sms_size: '1',
			biz_id: m.biz_id ?? m.BizId, out_id: m.out_id ?? m.OutId }] });
		assert.equal(answer.status, 200, answer.text);
	}
}

test('what did not arrive is said, with what to do', async () => {
	const phone = '13900000001', { token, c } = await somebody(phone);
	await c.send('accepted');
	const { id } = await newest(token);
	await until('it has left', async () => (await trace_of(token, id)).rungs[0].state === 'done');
	await receipt_of_all(phone);
	await until('its receipt', async () => (await trace_of(token, id)).rungs[0].receipt === 'lost');
	const trace = await trace_of(token, id);
	assert.equal(trace.rungs[0].text, '未能送达手机');
	assert.match(trace.next, /收件箱/);
});

test('a refusal is told in a citizen’s words, not the provider’s', async () => {
	await s.fault('aliyun_sms', { refuse_code: 'isv.MOBILE_NUMBER_ILLEGAL', count: 1 });
	const { token, c } = await somebody('13900007777');
	await c.send('accepted');
	const { id } = await newest(token);
	await until('it has failed', async () => (await trace_of(token, id)).rungs[0].state === 'failed');
	const trace = await trace_of(token, id);
	assert.equal(trace.rungs[0].text, '手机号码不正确，短信平台拒绝发送');
	assert.match(trace.next, /更正手机号/);
	assert.equal(JSON.stringify(trace).includes('isv.'), false);
});

test('a booking and a ticket ring too, and name nothing', async () => {
	const phone = '13900007654', { token } = await somebody(phone), hall = 'H621202';
	await open_halls(g, [`${hall},commerce,1-5 09:00-12:00,30,4,0,6,0,B`], [`${hall},commerce,${w.matter.code},on`]);
	const [{ starts_at }] = await slots_of(g, hall, 'commerce', (await days_ahead(g, hall, 'commerce'))[0]);
	const ask = async (target, body, status) => {
		const answer = await g.ask('POST', target, { token, key: randomUUID(), body });
		assert.equal(answer.status, status, answer.text);
		return answer.json;
	};
	const { id } = await ask('/v1/holds', { hall, matters: w.matter.code, starts_at }, 201);
	await ask(`/v1/bookings/${id}/confirm`, {}, 200);
	await ask(`/v1/bookings/${id}/cancel`, { reason: 'no_time' }, 200);
	await ask('/v1/tickets', { kind: 'complain', text: '窗口没有人', region: w.region }, 201);
	const rings = await until('three have rung', async () => {
		const { messages } = await s.show('aliyun_sms');
		const his = messages.filter((m) => m.phone_number === phone);
		return his.length === 3 && his;
	});
	assert.deepEqual(rings.map((m) => m.text).sort(), ['您的预约有变化，请登录四办查看。', '您的预约有变化，请登录四办查看。', '您的诉求有回复，请登录四办查看。'].map((t) => `【陇南四办】${t}`).sort());
	const of_him = (await g.get('/v1/messages', { token })).json.items.slice(0, 3);
	assert.deepEqual(of_him.map((m) => m.template), ['voice_received', 'booking_cancelled', 'booked']);
	for (const m of of_him) await until('each says that it left', async () => (await trace_of(token, m.id)).rungs[0]?.state === 'done');
	await receipt_of_all(phone);
	await until('the receipt is in the trace', async () => (await trace_of(token, of_him[2].id)).rungs[0].receipt === 'arrived');
});
