// Goal: the sandbox's moods are what they are called, over HTTP/1.1 and HTTP/2, with TLS and without; each says whether the deed was done. And its
// control API: faults for a peer, a route, certain requests, a number of times; the log that tests wait on; the file that people read.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import test, { after, beforeEach } from 'node:test';
import { Sandbox, sandbox } from '../sandbox/lib/client.mjs';
import { make_certificate } from './lib/gateway.mjs';
import { ask, ask_h2, case_request, message, receiver, sms_request } from './lib/outside.mjs';
import { within } from './lib/until.mjs';

const room = mkdtempSync(path.join(os.tmpdir(), 'siban-sandbox-test-'));
after(() => rmSync(room, { recursive: true, force: true }));
const { key, cert } = await make_certificate(room);
const ca = readFileSync(cert);
const s = await sandbox({ key, cert });
beforeEach(() => s.reset());

const WAYS = {
	'HTTP/1.1': (request) => ask(s.url, request),
	'HTTP/2, prior knowledge': (request) => ask_h2(s.url, request),
	'HTTP/1.1 over TLS': (request) => ask(s.tls_url, request, { ca }),
	'HTTP/2 over TLS': (request) => ask_h2(s.tls_url, request, { ca }),
};
const sms = (fields, options) => ask(s.url, sms_request(s, fields, options));
const sent = async (out_id) => (await s.show('aliyun_sms')).messages.filter((m) => m.out_id === out_id).length;
const last = async () => (await s.log()).entries.at(-1);

// Over every way: the fault is set for one request, which looks as `looks` says, has or has not done its deed, and is back to normal afterwards.
function every_way(name, fault, { is_done, looks }) {
	for (const [way, go] of Object.entries(WAYS))
		test(`${name}, ${way}`, async () => {
			const fields = message();
			await s.fault('aliyun_sms', { ...fault, count: 1 });
			await looks(go(sms_request(s, fields)));
			assert.equal(await sent(fields.OutId), is_done ? 1 : 0);
			assert.equal((await last()).acted, is_done);
			assert.ok((await last()).fault);
			assert.equal((await go(sms_request(s))).json.Code, 'OK', 'back to normal');
		});
}
const no_answer = (promise) => assert.rejects(promise, (error) => /hang up|ECONNRESET|no answer|closed|cancel/i.test(`${error.code} ${error.message}`) || assert.fail(error));

every_way('a status: no deed', { status: 503 }, { is_done: false, looks: async (answer) => assert.equal((await answer).status, 503) });
every_way('closed before: no deed', { close: 'before' }, { is_done: false, looks: no_answer });
every_way('closed in the middle: the deed is done', { close: 'mid_body' }, { is_done: true, looks: async (promise) => {
	const answer = await promise;
	assert.equal(answer.status, 200);
	assert.equal(answer.is_whole, false);
	assert.ok(answer.bytes.length > 0 && answer.json === undefined);
} });
every_way('the answer is lost: the deed is done', { lose_answer: true }, { is_done: true, looks: no_answer });
every_way('HTML', { rubbish: 'html' }, { is_done: false, looks: async (promise) => {
	const answer = await promise;
	assert.equal(answer.headers['content-type'], 'text/html');
	assert.match(answer.text, /<html>/);
} });
every_way('truncated JSON: the deed is done', { rubbish: 'truncated_json' }, { is_done: true, looks: async (promise) => {
	const answer = await promise;
	assert.ok(answer.is_whole && answer.status === 200 && answer.text.startsWith('{') && answer.json === undefined, answer.text);
} });
every_way('binary', { rubbish: 'binary' }, { is_done: false, looks: async (promise) => assert.deepEqual((await promise).bytes.subarray(0, 3), Buffer.from([255, 254, 253])) });
every_way('huge', { rubbish: 'huge' }, { is_done: false, looks: async (promise) => {
	const { bytes, json } = await within(60000, 'a huge answer', promise);
	assert.ok(bytes.length > 64 << 20 && typeof json.rubbish === 'string');
} });
every_way('a refusal by code', { refuse_code: 'isv.OUT_OF_SERVICE' }, { is_done: false, looks: async (promise) => {
	const answer = await promise;
	assert.equal(answer.status, 200);
	assert.equal(answer.json.Code, 'isv.OUT_OF_SERVICE');
} });

for (const [way, go] of Object.entries(WAYS)) {
	test(`hangs until the faults are taken away, ${way}`, async () => {
		await s.fault('department', { hang: true });
		const answer = go(case_request()), seen = no_answer(answer);
		await s.wait_for('the question', (e) => e.peer === 'department' && e.fault === 'hang');
		assert.equal(await Promise.race([answer.catch(() => 'an end'), new Promise((resolve) => setImmediate(resolve, 'silence'))]), 'silence');
		await s.clear_faults();
		await within(20000, 'the end', seen);
		assert.equal((await go(case_request())).status, 200);
	});

	test(`a thousand numbers in one request, ${way}`, async () => {
		const fields = message({ PhoneNumbers: Array.from({ length: 1000 }, (_, i) => String(13800130000 + i)).join(',') });
		assert.equal((await go(sms_request(s, fields))).json.Code, 'OK');
		assert.equal(await sent(fields.OutId), 1000);
	});

	test(`an answer is late, and the deed is not, ${way}`, async () => {
		const fields = message();
		await s.fault('aliyun_sms', { delay_ms: 300 });
		const began = Date.now(), answer = go(sms_request(s, fields));
		await s.wait_for('the message', (e) => e.out_id === fields.OutId);
		assert.equal(await sent(fields.OutId), 1);
		assert.equal((await answer).json.Code, 'OK');
		assert.ok(Date.now() - began >= 295);
	});
}

test('what is refused anyway is refused whole: no deed, no trouble with its answer', async () => {
	for (const fault of [{ lose_answer: true }, { close: 'mid_body' }, { rubbish: 'truncated_json' }]) {
		await s.fault('aliyun_sms', fault);
		assert.equal((await sms(message(), { secret: 'wrong' })).json.Code, 'SignatureDoesNotMatch');
	}
});

test('a refusal by code is for who is well signed', async () => {
	await s.fault('aliyun_sms', { refuse_code: 'isv.AMOUNT_NOT_ENOUGH' });
	assert.equal((await sms(message(), { secret: 'wrong' })).json.Code, 'SignatureDoesNotMatch');
	await s.fault('aliyun_sms', { refuse_code: 'Throttling.User' });
	assert.equal((await sms()).status, 400);
	await s.fault('aliyun_sms', { refuse_code: 'ServiceUnavailable' });
	assert.equal((await sms()).status, 503);
});

test('a rate, for everybody or by a field', async () => {
	await s.fault('department', { rate_limit: { permits: 2, window_ms: 60000 } });
	const answers = [];
	for (let i = 0; i < 3; i++) answers.push(await ask(s.url, case_request()));
	assert.deepEqual(answers.map((a) => a.status), [200, 200, 429]);
	assert.equal(answers[2].headers['retry-after'], '60');
	assert.deepEqual(answers[2].json, { code: 'too_many_requests' });
	await s.fault('aliyun_sms', { rate_limit: { permits: 1, window_ms: 60000, by: 'PhoneNumbers' } });
	const codes = [];
	for (const PhoneNumbers of ['13800138000', '13800138000', '13900139000']) codes.push((await sms(message({ PhoneNumbers }))).json.Code);
	assert.deepEqual(codes, ['OK', 'isv.BUSINESS_LIMIT_CONTROL', 'OK']);
});

test('for one peer, one department, one route, n times, one after another', async () => {
	const show = async (prefix) => (await ask(s.url, case_request('GS-2026-0001', '001X', { prefix }))).status;
	await s.fault('department', { status: 500, where: { department: 'DEAD' } }, { status: 502, count: 2 }, { status: 504, count: 1, route: 'case_show' });
	assert.equal(await show('/departments/DEAD'), 500);
	assert.deepEqual([await show(''), await show('/departments/OTHER'), await show(''), await show('/departments/OTHER'), await show('/departments/OTHER')], [502, 502, 200, 504, 200]);
	assert.equal(await show('/departments/DEAD'), 500);
	assert.equal((await sms()).json.Code, 'OK', 'another peer knows nothing of it');
	assert.deepEqual((await s.control('GET', '/faults')).department.map((f) => f.used), [2, 2, 1]);
	await s.clear_faults();
	assert.equal(await show('/departments/DEAD'), 200);
});

test('what cannot be a fault is told so', async () => {
	for (const [peer, fault, words] of [['nobody', { hang: true }, /there are aliyun_sms, authority, .*finance, department/], ['department', { hnag: true }, /there is no fault "hnag"/], ['department', {}, /needs a kind/],
		['department', { hang: false }, /hang cannot be/], ['department', { status: 99 }, /status cannot be/], ['department', { close: 'after' }, /close cannot be/], ['department', { rubbish: 'x' }, /rubbish cannot be/],
		['department', { hang: true, status: 500 }, /one kind/], ['department', { hang: true, count: 0 }, /count cannot be/], ['department', { hang: true, route: 'x' }, /no route/],
		['department', { refuse_code: 'isv.X' }, /with a status/], ['department', { rate_limit: { permits: 1 } }, /rate_limit cannot be/], ['department', { delay_ms: -1 }, /delay_ms cannot be/], ['department', 7, /JSON object/]]) {
		const { status, json } = await s.try_control('PUT', `/faults/${peer}`, fault);
		assert.ok(status === 400 || status === 404, `${status}`);
		assert.match(json.detail, words);
	}
	assert.deepEqual(await s.control('GET', '/faults'), {});
});

test('the control API says what there is, and is not for web pages', async () => {
	assert.equal((await s.control('GET', '/healthz')).status, 'ok');
	assert.match((await s.try_control('GET', '/')).json.detail, /PUT \/faults\/:peer/);
	assert.equal((await s.try_control('POST', '/faults')).status, 405);
	assert.equal((await s.try_control('POST', '/reset', undefined, { origin: 'https://example.com' })).status, 403);
	assert.equal((await s.try_control('GET', '/log?since=x')).status, 400);
	assert.equal((await s.try_control('PUT', '/peers/aliyun_sms', { blance: 3 })).status, 422);
	assert.equal((await s.try_control('PUT', '/peers/aliyun_sms', { balance: -3 })).status, 422);
});

test('the log: by peer, by kind, since, and as soon as there is something', async () => {
	const since = await s.mark();
	const waiting = s.log({ since, peer: 'department', wait_ms: 20000 });
	await sms(); // wakes it, but is not for it
	await ask(s.url, case_request());
	const { entries, last: seq } = await waiting;
	assert.deepEqual(entries.map((e) => [e.peer, e.kind, e.route, e.method, e.status, e.http]), [['department', 'request', 'case_show_bare', 'GET', 200, '1.1']]);
	assert.equal(entries[0].seq, seq);
	assert.equal(entries[0].fields.last4, '001X');
	assert.deepEqual((await s.log({ since: seq, wait_ms: 1 })).entries, [], 'nothing came');
	assert.deepEqual((await s.log({ since })).entries.map((e) => e.peer), ['aliyun_sms', 'department']);
	await ask_h2(s.tls_url, case_request(), { ca });
	assert.deepEqual([(await last()).http, (await last()).tls], ['2', true]);
});

test('counts', async () => {
	const callback = await receiver(() => ({ body: { code: 0 } }));
	await s.setup('aliyun_sms', { callback_url: callback.url, probe_ms: 20000 });
	await sms();
	await sms(message(), { secret: 'wrong' });
	await s.fault('aliyun_sms', { lose_answer: true });
	await no_answer(sms(message({ PhoneNumbers: '13800130003' })));
	await s.wait_for('the receipt', (e) => e.kind === 'push');
	assert.deepEqual((await s.counts()).aliyun_sms, { received: 3, acted: 2, not_acted: 1, faults: 1, pushed: 1, pushes_accepted: 1 });
	await ask(s.url, { target: '/nowhere' });
	assert.equal((await s.counts()).nobody.received, 1);
	await s.reset();
	assert.deepEqual(await s.counts(), {});
});

test('nobody\'s address is 404, a broken escape and too long a body are refused', async () => {
	for (const target of ['/nowhere', '/cases', '/cases/%zz', '/cases/a/b']) assert.equal((await ask(s.url, { target })).status, 404, target);
	for (const way of [ask, ask_h2]) assert.equal((await way(s.url, { method: 'POST', target: '/', body: Buffer.alloc(8 << 20) })).status, 413);
	for (const body of ['{', Buffer.alloc(8 << 20)]) assert.ok([400, 413].includes((await ask(s.control_url, { method: 'PUT', target: '/faults/department', body })).status));
});

test('the file has no telephone number and no last four; the log for tests has', async () => {
	await sms(message({ PhoneNumbers: '13812345678,+8613987654321,008613700001111', OutId: 'in-the-file' }));
	await ask(s.url, case_request('GS-2026-0002', '0017'));
	const file = s.log_file(), lines = file.trimEnd().split('\n').map((line) => JSON.parse(line));
	assert.ok(lines.some((e) => e.out_id === 'in-the-file'));
	for (const phone of ['13812345678', '13987654321', '13700001111']) assert.ok(!file.includes(phone), phone);
	assert.match(file, /138\*\*\*\*5678/);
	assert.ok(!/last4=0017|"last4":"0017"/.test(file));
	const { entries } = await s.log();
	assert.ok(entries.some((e) => e.fields.PhoneNumbers?.startsWith('13812345678')));
});

test('a client that sends a byte and waits, or nothing, holds nobody up', async () => {
	const { port } = new URL(s.url), sockets = [net.connect(port, '127.0.0.1'), net.connect(port, '127.0.0.1')];
	sockets[0].write('P');
	assert.equal((await ask(s.url, case_request())).status, 200);
	sockets[0].write('OST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
	const said = await within(20000, 'an answer', new Promise((resolve) => sockets[0].once('data', resolve)));
	assert.match(String(said), /^HTTP\/1\.1 400 .*MissingAction/s);
	for (const socket of sockets) socket.destroy();
});

test('it listens on loopback only', async () => {
	const own = Object.values(os.networkInterfaces()).flat().find((a) => a.family === 'IPv4' && !a.internal);
	if (own === undefined) return;
	for (const url of [s.url, s.tls_url, s.control_url])
		await assert.rejects(new Promise((resolve, reject) => net.connect(new URL(url).port, own.address, resolve).once('error', reject)), { code: 'ECONNREFUSED' });
});

test('SIGTERM ends it while a client hangs; a wrong command line is told so', async () => {
	const other = await Sandbox.start();
	await other.fault('department', { hang: true });
	const hanging = no_answer(ask(other.url, case_request()));
	await other.wait_for('the question', (e) => e.fault === 'hang');
	await within(20000, 'its end', other.stop());
	await hanging;
	for (const [words, says] of [[[], /--state/], [['--state', room, '--port', 'x'], /--port/], [['--state', room, '--cert', cert], /belong together/], [['--nothing'], /--nothing/], [['--state', room, '--port', new URL(s.url).port], /EADDRINUSE/]]) {
		const child = spawn(process.execPath, [new URL('../sandbox/sandbox.mjs', import.meta.url).pathname, ...words], { stdio: ['ignore', 'ignore', 'pipe'] });
		let said = '';
		child.stderr.setEncoding('utf8').on('data', (text) => { said += text; });
		assert.equal(await new Promise((resolve) => child.once('close', resolve)), 2);
		assert.match(said, says);
	}
});
