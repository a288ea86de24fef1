// Goal: over rediss:// a code is sent and taken as over any other way; the gateway speaks to nobody but the server it was told of, and comes back when that does.
// Method: a real redis-server with a TLS port; certificates made here, right and wrong.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { Authority } from './lib/certificates.mjs';
import { Gateway, gateway } from './lib/gateway.mjs';
import { People, device, phone } from './lib/people.mjs';
import { claim_ports } from './lib/ports.mjs';
import { redis } from './lib/redis.mjs';
import { until } from './lib/until.mjs';

const folder = mkdtempSync(path.join(os.tmpdir(), 'siban-redis-tls-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const ca = await Authority.make(folder, 'redis-ca'), strangers = await Authority.make(folder, 'strangers-ca');
const { public_port: port, admin_port: strict_port } = await claim_ports();
const server = await ca.sign('redis', { usage: 'serverAuth', names: 'DNS:localhost,IP:127.0.0.1' });
const of_server = { cert_file: server.cert_file, key_file: server.key_file, ca_file: ca.file };
const r = await redis({ password: 'correct-horse', tls: { port, ...of_server } });
const settings = (url, more = {}) => ({ ...r.settings, 'expiring.url': url, 'expiring.ca_file': ca.file, ...more });
const is_up = async (one) => (await one.admin('/readyz?verbose')).text.includes('[+] expiring');

const g = await gateway({ data: false, settings: settings(`rediss://localhost:${port}/2`) });
const people = new People(g);

test('a login goes through it, and lies there', async () => {
	await until('it is up', () => is_up(g));
	const tokens = await people.login(phone(), device());
	assert.equal((await g.get('/v1/me', { token: tokens.access_token })).status, 200);
	await people.code(phone(), device());
	assert.match(await r.say(`EVAL "redis.call('SELECT', 2) return redis.call('DBSIZE')" 0`), /^:[1-9]/);
});

test('it goes, and comes back', async () => {
	await r.kill();
	await until('it is missed', async () => !(await is_up(g)));
	assert.equal((await people.ask_code(phone(), device())).json.code, 'try_later');
	await r.start();
	await until('it is found again', () => is_up(g));
	await until('codes are sent again', async () => (await people.ask_code(phone(), device())).status === 202);
});

// Each: the gateway serves, without it, and the log says why.
async function stays_down(wanted, why) {
	const one = await Gateway.start({ data: false, settings: wanted });
	await until(`the log says ${why}`, () => why.test(one.log()));
	assert.equal(await is_up(one), false);
	assert.equal((await one.get('/v1/regions')).status, 200);
	await one.stop();
}

test('a server of another authority is none of ours', () => stays_down(settings(`rediss://localhost:${port}`, { 'expiring.ca_file': strangers.file }), /self-signed certificate|unable to get local issuer/));
test('nor one of another name', () => stays_down(settings(`rediss://127.0.0.2:${port}`), /redis_down.*IP address mismatch/));
test('TLS to a door in the clear, and the other way round', async () => {
	await stays_down(settings(`redis://localhost:${port}`), /redis_down/);
	await stays_down(settings(`rediss://127.0.0.1:${g.admin_port}`), /redis_down.*TLS: wrong version number/);
});

test('an address is looked for in the certificate as a name is', async () => {
	const one = await Gateway.start({ data: false, settings: settings(`rediss://127.0.0.1:${port}`) });
	await until('it is up', () => is_up(one));
	await one.stop();
});

test('a server that wants a client certificate gets ours, and takes nobody without', async () => {
	const strict = await redis({ tls: { port: strict_port, ...of_server, wants_client: true } }), own = await ca.sign('gateway');
	const wanted = { 'expiring.url': `rediss://localhost:${strict_port}`, 'expiring.ca_file': ca.file };
	const one = await Gateway.start({ data: false, settings: { ...wanted, 'expiring.certificate': own.cert_file, 'expiring.key': own.key_file } });
	await until('it is up', () => is_up(one));
	assert.ok((await new People(one).login(phone(), device())).access_token);
	await one.stop();
	await stays_down(wanted, /redis_down.*TLS: .*certificate required/);
	assert.match(await strict.say('PING'), /PONG/);
});

test('siban check reads the address, and names what is wrong with it', async () => {
	for (const [url, why] of [['http://localhost', /expiring\.url: begins with redis:\/\//], ['rediss://', /expiring\.url: redis\[s\]/], ['redis://user:secret@localhost', /password has a file/],
		['redis://localhost:0', /expiring\.url: redis\[s\]/], ['redis://localhost/x', /expiring\.url/], [`unix:/${'x'.repeat(200)}`, /107 bytes/]])
		await assert.rejects(g.command('check', '--set', `expiring.url=${url}`), why);
	await g.command('check', '--set', 'expiring.url=rediss://gw@cache.example:6390/1');
});

test('a file that is none stops the start, and says which', async () => {
	const wrong = await Gateway.start({ data: false, may_end_badly: true });
	await wrong.stop();
	wrong.configure(settings(`rediss://localhost:${port}`, { 'expiring.ca_file': '/nowhere.pem' }));
	await assert.rejects(wrong.serve(), /expiring: no certificates of authorities in \/nowhere\.pem/);
});
