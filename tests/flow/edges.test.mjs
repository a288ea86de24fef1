// Goal: where two things meet in one turn of the loop, or one thing never ends, a connection stays what it is: the last byte and the end
// of patience, a pipeline without a pause, a refusal in the middle of a HEAD, a malformed request among good ones, a slow body and the
// writer's deadline, a stop and an unread body.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import test from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Case, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { until, within } from './lib/until.mjs';
import { WireH1 } from './lib/wire_h1.mjs';
import { ERROR, WireH2, get_headers } from './lib/wire_h2.mjs';

const ended = (g) => g.child.exitCode !== null || g.child.signalCode !== null;
const inside = (g) => new Promise((resolve, reject) => {
	const socket = net.connect(g.control_socket, () => resolve(new WireH1(socket)));
	socket.once('error', reject);
});

// The tick that looks at deadlines may come between the turn's input and its end. So: many requests whose patience ends one after
// another, all completed in one long turn; for some of them the end falls right into it. The last chunk renews nothing.
test('patience that ends in the turn in which the request became complete', async () => {
	const g = await gateway({ data: false, settings: { 'timeout.body': 1000, loops: 1, 'log.access': 'false' } });
	const body = JSON.stringify({ kind: 'department', department: 'nobody' });
	const busy = await Promise.all(Array.from({ length: 100 }, () => inside(g))), asked = [];
	const began = Date.now();
	for (let i = 0; i < 60; i++) {
		const wire = await inside(g);
		asked.push(wire.send('POST /control/tokens HTTP/1.1\r\nHost: l\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
			`${body.length.toString(16)}\r\n${body}\r\n`));
		await pause(10);
	}
	await pause(Math.max(0, began + 1200 - Date.now()));
	g.child.kill('SIGSTOP'); // so that all of it is there at once
	for (const wire of busy) wire.send('GET /metrics HTTP/1.1\r\nHost: l\r\n\r\n'.repeat(2));
	for (const wire of asked) wire.send('0\r\n\r\n');
	await pause(50);
	g.child.kill('SIGCONT');
	for (const wire of asked) assert.ok([408, 422].includes((await wire.answer()).status));
	for (const wire of [...busy, ...asked]) wire.close();
	assert.ok(!ended(g));
});

test('a pipeline that never pauses is kept a buffer long, not as long as it is', async () => {
	const SENT = 12 << 20, g = await gateway({ data: false, settings: { 'log.access': 'false' },
		environment: { ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:quarantine_size_mb=1` } });
	const resident = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${g.child.pid}/status`, 'utf8'))[1]) << 10;
	const request = 'GET /x HTTP/1.1\r\nHost: l\r\n\r\n'; // its answer is ten times as long: we are always ahead
	const socket = net.connect(g.control_socket), before = resident();
	let peak = 0, tail = '';
	socket.on('data', (chunk) => {
		tail = (tail + chunk.toString('latin1')).slice(-200);
		peak = Math.max(peak, resident());
	});
	socket.end(request.repeat(Math.ceil(SENT / request.length)) + 'GET /version HTTP/1.1\r\nHost: l\r\n\r\n');
	await within(60000, 'the last answer', new Promise((resolve) => socket.once('close', resolve)));
	assert.match(tail, /"name":"siban"/);
	assert.ok(peak - before < SENT / 2, `${(peak - before) >> 10} KiB more`);
});

test('HEAD is answered without a body even when its head is wrong', async () => {
	const g = await gateway({ data: false });
	for (const [rest, status] of [['Host : l\r\n\r\n', 400], [`X: ${'x'.repeat(70000)}\r\n\r\n`, 431]]) {
		const wire = await WireH1.open(g);
		wire.send(`HEAD /v1/regions HTTP/1.1\r\n${rest}`);
		assert.equal((await wire.answer({ head: true })).status, status);
		assert.equal(await wire.end(), '');
	}
});

test('the writer’s deadline does not count the time that the body took', async () => {
	const g = await gateway({ settings: { 'timeout.request': 500 } }), w = await world(g);
	const bytes = Buffer.from(JSON.stringify(new Case(g, w).body('submitted')));
	const stream = g.h2.open('POST', '/v1/department/events', { authorization: `Bearer ${w.department}`, 'idempotency-key': randomUUID(), 'content-type': 'application/json', 'content-length': bytes.length });
	stream.write(bytes.subarray(0, 10));
	await pause(800);
	stream.end(bytes.subarray(10));
	assert.equal((await stream.answer).status, 201);
});

test('a stop does not wait for who has sent the rest of a refused body', async () => {
	const g = await gateway({ data: false }), wire = await WireH1.open(g);
	wire.send('POST /v1/regions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n');
	assert.equal((await wire.answer()).status, 405);
	const began = Date.now();
	g.child.kill('SIGTERM');
	await until('it is stopping', () => g.log().includes('"ev":"stopping"'));
	wire.send('0123456789');
	assert.equal(await wire.end(), '');
	assert.deepEqual(await within(15000, 'after SIGTERM', g.exited), { code: 0, signal: null });
	assert.ok(Date.now() - began < 4000, `${Date.now() - began} ms`);
});

test('a malformed request is not a header section without an end: the connection stays', async () => {
	const g = await gateway({ data: false, settings: { 'timeout.header': 400 } }), wire = await WireH2.open(g);
	assert.equal(await wire.headers(1, get_headers(g, '/v1/regions', [['connection', 'keep-alive']])).verdict(1), ERROR.PROTOCOL_ERROR);
	await pause(1200);
	assert.equal(await wire.headers(3, get_headers(g, '/v1/regions')).verdict(3), 'answered');
	wire.close();
});

test('a header with one meaning may come once', async () => {
	const g = await gateway({ data: false }), token = await g.citizen('621299199006150131');
	for (const twice of [`Authorization: Bearer ${token}`, 'Content-Type: application/json', `Idempotency-Key: ${randomUUID()}`]) {
		const wire = await WireH1.open(g);
		const answer = await wire.send(`GET /v1/cases HTTP/1.1\r\nHost: localhost\r\n${twice}\r\n${twice}\r\n\r\n`).answer();
		assert.equal(answer.status, 400, twice);
		wire.close();
	}
	await g.stop();
});

test('who brings many unknown tokens is slowed down, and nobody else by name', async () => {
	const g = await gateway({ data: false, settings: { 'rate.public': 20 } });
	const token = await g.citizen('621299199006150131');
	const guesses = await Promise.all(Array.from({ length: 40 }, (_, i) => g.get('/v1/cases', { token: `sbc_${String(i).padStart(43, 'A')}` })));
	assert.equal(guesses.filter((a) => a.status === 401).length, 20);
	assert.equal(guesses.filter((a) => a.status === 429).length, 20);
	assert.equal((await g.get('/v1/cases', { token })).status, 200);
	await g.stop();
});
