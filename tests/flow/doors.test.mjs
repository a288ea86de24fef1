// Goal: what happens before a request: TLS versions, resumption, caps on connections, silence, hosts we do not answer for, and a start that
// cannot have its port. Method: bare TLS and TCP sockets.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import tls from 'node:tls';
import { assert_problem } from './lib/cases.mjs';
import { gateway, siban } from './lib/gateway.mjs';
import { until, within } from './lib/until.mjs';

const g = await gateway({ settings: { 'limit.connections_per_address': 8, 'timeout.handshake': 1000, 'timeout.header': 1000, 'timeout.idle': 2000,
	'listen.hosts': 'localhost, longnan.example' }, data: false });

const options = (more) => ({ host: '127.0.0.1', port: g.public_port, servername: 'localhost', ca: g.ca, ...more });
const opened = (more) => new Promise((resolve, reject) => {
	const socket = tls.connect(options(more), () => resolve(socket));
	socket.once('error', reject);
});
const over = (socket) => within(10000, 'the end of a connection', new Promise((resolve) => {
	for (const event of ['close', 'end', 'error']) socket.once(event, resolve);
	socket.resume();
}));
const metric = async (line) => Number((await g.admin('/metrics')).text.split('\n').find((l) => l.startsWith(line))?.split(' ').pop() ?? 0);

const asked = async (socket) => {
	const answer = within(5000, 'an answer', new Promise((resolve) => socket.once('data', resolve)));
	socket.write('GET /v1/regions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
	assert.match(String(await answer), /^HTTP\/1\.1 200 /);
	await over(socket);
};

for (const version of ['TLSv1.2', 'TLSv1.3'])
	test(`a ${version} session is resumed from its ticket`, async () => {
		const first = await opened({ minVersion: version, maxVersion: version, ALPNProtocols: ['http/1.1'] });
		let session = first.getSession();
		first.on('session', (s) => { session = s; });
		assert.equal(first.isSessionReused(), false);
		await asked(first);
		const resumed = await metric('siban_handshakes_total{kind="resumed"}');
		const second = await opened({ minVersion: version, maxVersion: version, ALPNProtocols: ['http/1.1'], session });
		assert.equal(second.isSessionReused(), true);
		await asked(second);
		assert.equal(await metric('siban_handshakes_total{kind="resumed"}'), resumed + 1);
	});

test('a protocol that is not spoken here is an alert, not a guess', async () => {
	await assert.rejects(opened({ ALPNProtocols: ['spdy/3'] }), /alert|no_application_protocol|reset/i);
});

test('plain HTTP on the TLS port gets nothing but an end', async () => {
	const socket = net.connect(g.public_port, '127.0.0.1');
	let bytes = Buffer.alloc(0);
	socket.on('data', (chunk) => { bytes = Buffer.concat([bytes, chunk]); });
	socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
	await over(socket);
	assert.ok(!bytes.includes('HTTP/'), String(bytes));
});

test('who says nothing is let go: in the handshake, after it, and when idle', async () => {
	const silent = net.connect(g.public_port, '127.0.0.1');
	await within(10000, 'silence before the handshake', over(silent));
	const idle = await opened({ ALPNProtocols: ['http/1.1'] });
	await within(10000, 'silence after the handshake', over(idle));
});

test('one address has so many connections and no more; the others are served again when some go', async () => {
	g.h2.close();
	await until('nobody is connected', async () => await metric('siban_connections{proto="h1"}') + await metric('siban_connections{proto="h2"}') === 0);
	const held = [];
	for (let i = 0; i < 8; i++) held.push(await opened({ ALPNProtocols: ['h2'] }));
	await assert.rejects(opened({ ALPNProtocols: ['h2'] }));
	assert.ok(held.every((s) => !s.destroyed), 'who was there stays');
	held.pop().destroy();
	await until('there is room again', async () => opened({ ALPNProtocols: ['h2'] }).then((s) => held.push(s), () => 0));
	held.forEach((s) => s.destroy());
});

test('a host that is not ours is sent elsewhere; ours are answered with any port and in any case', async () => {
	await until('there is room', async () => g.get('/v1/regions').then((a) => a.status === 200, () => false));
	assert_problem(await g.get('/v1/regions', { via: 'h1', headers: { host: 'bank.example' } }), 421, 'misdirected_request');
	assert.equal((await g.get('/v1/regions', { via: 'h1', headers: { host: 'LONGNAN.example:443' } })).status, 200);
});

test('a certificate that cannot be used stops the start, in words', () => {
	const folder = mkdtempSync(path.join(os.tmpdir(), 'siban-doors-'));
	const start = (command, ...sets) => spawnSync(siban, [command, '--config', g.conf, ...[`state.dir=${folder}`, 'store.url=', ...sets].flatMap((s) => ['--set', s])], { encoding: 'utf8' });
	assert.equal(start('migrate').status, 0);
	for (const [setting, words] of [['tls.certificate=/nowhere/cert.pem', /\/nowhere\/cert\.pem.*No such file/], [`tls.key=${g.ca_file}`, /key/i],
		[`tls.certificate=${g.conf}`, /siban\.conf/]]) {
		const { status, stderr } = start('serve', setting);
		assert.equal(status, 1, stderr);
		assert.match(stderr, words);
	}
	rmSync(folder, { recursive: true });
});
