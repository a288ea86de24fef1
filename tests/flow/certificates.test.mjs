// Goal: client certificates are asked for by the names that say so, judged anew by each handshake, and good for nothing anywhere else; a client that has one
// gets tokens by it, and its tokens are worth nothing without it.
// Method: a real gateway with three names, authorities made here; Node's TLS as one judge, curl as another; both protocols.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { Authority, CertifiedH2, certified_curl, certified_h1, handshake } from './lib/certificates.mjs';
import { gateway } from './lib/gateway.mjs';
import { assert_documented } from './lib/openapi.mjs';
import { form_type } from './lib/people.mjs';
import { until } from './lib/until.mjs';

const g = await gateway();
const ours = await Authority.make(g.state, 'partners-ca'), others = await Authority.make(g.state, 'strangers-ca'), terminals = await Authority.make(g.state, 'terminals-ca');
const PARTNER = 'partner.test', TERMINAL = 'terminal.test', bundle = path.join(g.state, 'bundle.pem');
writeFileSync(bundle, readFileSync(ours.file));
g.configure({ 'tls.client_hosts': `${PARTNER}=${bundle}, ${TERMINAL}=${terminals.file}` });
assert.deepEqual((await g.control('POST', '/control/reload')).json.changed, 'tls.client_hosts');
const good = await ours.sign('system'), code = (await g.get('/v1/matters?limit=1')).json.items[0].department.code;
const regions = '/v1/regions?limit=1';

async function client(more = {}) {
	const made = await g.control('POST', '/control/clients/add', { department: code, name: '审批系统', ...more });
	assert.equal(made.status, 201, made.text);
	return made.json.client;
}

const add = (id, certificate) => g.control('POST', '/control/clients/certs/add', { client: id, certificate: certificate.cert.toString() });
const form = (id, more = {}) => new URLSearchParams({ grant_type: 'client_credentials', client_id: id, ...more }).toString();

// One request over either protocol, by this name and with this certificate.
async function ask(via, certificate, method, target, { token, body, host = PARTNER } = {}) {
	const headers = { ...(token ? { authorization: `Bearer ${token}` } : {}), ...(body ? { 'content-type': form_type } : {}) };
	if (via === 'h1') return assert_documented(await certified_h1(g, host, certificate, method, target, { headers, body }));
	const h2 = new CertifiedH2(g, host, certificate);
	try {
		return assert_documented(await h2.request(method, target, { headers, body }));
	} finally {
		h2.close();
	}
}

for (const via of ['h2', 'h1'])
	test(`over ${via}: a certificate opens what its client may, and its token is bound to it`, async () => {
		const id = await client({ scope: 'feed:read' }), own = await ours.sign(`own-${via}`), another = await ours.sign(`another-${via}`);
		const added = await add(id, own);
		assert.equal(added.status, 201, added.text);
		const answer = await ask(via, own, 'POST', '/oauth2/token', { body: form(id) });
		assert.equal(answer.status, 200, answer.text);
		const token = answer.json.access_token, feed = (certificate, host) => ask(via, certificate, 'GET', '/v1/department/feed', { token, host });
		assert.equal((await feed(own)).status, 200);
		assert.equal((await feed(another)).json.code, 'invalid_token');
		assert.equal((await feed(undefined)).json.code, 'invalid_token');
		assert.equal((await g.get('/v1/department/feed', { token, via })).json.code, 'invalid_token');
		// nobody else's certificate, and none, is this client's
		for (const wrong of [another, undefined]) {
			const refused = await ask(via, wrong, 'POST', '/oauth2/token', { body: form(id) });
			assert.deepEqual(wrong ? [refused.status, refused.json.error] : [refused.status, refused.json.pointer], wrong ? [401, 'invalid_client'] : [400, '/client_secret']);
		}
		assert.deepEqual((await ask(via, own, 'POST', '/oauth2/token', { body: form(await client()) })).json.error, 'invalid_client');
	});

test('a bad certificate ends the handshake, and both judges are told why', async () => {
	const bad = [
		{ name: 'another authority', certificate: await others.sign('stranger'), alert: /unknown ca/i, log: 'unable to get local issuer certificate' },
		{ name: 'expired', certificate: await ours.sign('old', { from: -7200, to: -60 }), alert: /certificate expired/i, log: 'certificate has expired' },
		{ name: 'not yet valid', certificate: await ours.sign('young', { from: 7200, to: 9000 }), alert: /bad certificate/i, log: 'certificate is not yet valid' },
		{ name: 'for servers', certificate: await ours.sign('server', { usage: 'serverAuth' }), alert: /certificate/i, log: 'unsuitable certificate purpose' },
		{ name: 'of another host', certificate: await terminals.sign('terminal'), alert: /unknown ca/i, log: 'unable to get local issuer certificate' },
	];
	for (const { name, certificate, alert, log } of bad)
		for (const version of ['TLSv1.3', 'TLSv1.2']) {
			const before = g.log().split(log).length, end = await handshake(g, PARTNER, certificate, { version });
			assert.equal(end.text, '', `${name}, ${version}`);
			assert.match(String(end.error), alert, `${name}, ${version}`);
			await until(`the log says why ${name}`, () => g.log().split(log).length > before);
		}
	for (const { name, certificate, alert } of bad) {
		const end = await certified_curl(g, PARTNER, certificate, regions);
		assert.equal(end.status, 0, name);
		assert.match(end.text, alert, name);
	}
	assert.equal((await certified_curl(g, PARTNER, good, regions)).status, 200);
	assert.equal((await certified_curl(g, PARTNER, undefined, regions)).status, 200, 'none is no bad one');
});

test('a name that asks for certificates serves its own connections, and they serve nothing else', async () => {
	const cases = [ // the connection's name, the request's, what comes
		[PARTNER, PARTNER, 200], ['localhost', PARTNER, 421], [PARTNER, 'localhost', 421], [PARTNER, TERMINAL, 421], [PARTNER.toUpperCase(), PARTNER, 200], [undefined, PARTNER, 421],
		['elsewhere.test', 'elsewhere.test', 200],
	];
	for (const [by, host, status] of cases) {
		const certificate = by?.toLowerCase() === PARTNER ? good : undefined;
		const h1 = await certified_h1(g, host, certificate, 'GET', regions, { by: by ?? '' });
		assert.equal(h1.status, status, `HTTP/1.1 by ${by} for ${host}`);
		const h2 = new CertifiedH2(g, by ?? 'x', certificate, by === undefined ? { servername: '' } : {});
		const answer = await h2.request('GET', regions, { headers: { ':authority': `${host}:${g.public_port}` } });
		h2.close();
		assert.equal(answer.status, status, `HTTP/2 by ${by} for ${host}`);
		if (status === 421) assert.deepEqual([h1.json.code, answer.json.code], ['misdirected_request', 'misdirected_request']);
	}
});

test('no verdict outlives its handshake: nothing is resumed where certificates are asked for', async () => {
	for (const version of ['TLSv1.3', 'TLSv1.2']) {
		const plain = await handshake(g, 'localhost', undefined, { version });
		assert.ok(plain.session);
		assert.equal((await handshake(g, 'localhost', undefined, { version, session: plain.session })).reused, true, `${version}: elsewhere it is`);
		const first = await handshake(g, PARTNER, good, { version });
		assert.equal(first.status, 200);
		for (const [session, host, certificate, why] of [[first.session, PARTNER, good, 'its own'], [first.session, PARTNER, undefined, 'its own, without'], [first.session, 'localhost', undefined, 'elsewhere'],
			[plain.session, PARTNER, good, 'one from elsewhere'], [first.session, TERMINAL, undefined, 'another name']]) {
			if (session === undefined) continue; // none was given at all
			const again = await handshake(g, host, certificate, { version, session });
			assert.deepEqual([again.reused, again.status], [false, 200], `${version}: ${why}`);
		}
		if (version === 'TLSv1.3') assert.equal(first.session, undefined, 'no ticket');
	}
});

test('revoked in the middle of a connection: the next request on it is refused', async () => {
	const id = await client(), own = await ours.sign('to-be-revoked'), { json: { key } } = await add(id, own);
	const h2 = new CertifiedH2(g, PARTNER, own);
	const token = (await h2.request('POST', '/oauth2/token', { headers: { 'content-type': form_type }, body: form(id) })).json.access_token;
	const feed = () => h2.request('GET', '/v1/department/feed', { headers: { authorization: `Bearer ${token}` } });
	assert.equal((await feed()).status, 200);
	assert.equal((await g.control('POST', '/control/clients/keys/revoke', { client: id, key })).json.sessions_ended, 1);
	assert.equal((await feed()).json.code, 'invalid_token');
	assert.equal((await h2.request('POST', '/oauth2/token', { headers: { 'content-type': form_type }, body: form(id) })).json.error, 'invalid_client');
	assert.equal((await add(id, own)).json.code, 'conflict', 'a revoked certificate never comes back');
	h2.close();
});

test('a certificate that ends while its connection lasts opens nothing any more', async () => {
	const id = await client(), own = await ours.sign('short', { to: 4 });
	assert.equal((await add(id, own)).status, 201);
	const h2 = new CertifiedH2(g, PARTNER, own);
	const token = (await h2.request('POST', '/oauth2/token', { headers: { 'content-type': form_type }, body: form(id) })).json.access_token;
	const feed = () => h2.request('GET', '/v1/department/feed', { headers: { authorization: `Bearer ${token}` } });
	assert.equal((await feed()).status, 200);
	await until('it has expired', async () => (await feed()).status === 401);
	assert.equal((await h2.request('GET', regions)).status, 200, 'what needs none is served');
	assert.equal((await h2.request('POST', '/oauth2/token', { headers: { 'content-type': form_type }, body: form(id) })).status, 400);
	h2.close();
});

test('what is added as a certificate must be one, of this day, and nobody else’s', async () => {
	const id = await client(), own = await ours.sign('once');
	for (const text of ['x', own.key.toString(), own.cert.toString() + own.cert.toString(), own.cert.toString().replace(/[A-Z]/, '!')])
		assert.equal((await g.control('POST', '/control/clients/certs/add', { client: id, certificate: text })).json.pointer, '/certificate');
	assert.equal((await add(id, await ours.sign('past', { from: -7200, to: -60 }))).json.pointer, '/certificate');
	assert.equal((await add(id, own)).status, 201);
	assert.equal((await add(await client(), own)).json.code, 'conflict');
	assert.equal((await add('cl_00000000000000000000000000', await ours.sign('nobody'))).status, 404);
});

test('the command line registers a certificate, and revokes it', async () => {
	const id = await client(), own = await ours.sign('by-hand');
	const said = Object.fromEntries((await g.command('client', 'cert', 'add', id, own.cert_file)).split('\n').map((line) => line.split(' ')));
	assert.ok(Number(said.key) > 0 && said.expires_at);
	assert.match(await g.command('client', 'list'), new RegExp(`key ${said.key} +certificate until .* used never`));
	assert.equal((await ask('h2', own, 'POST', '/oauth2/token', { body: form(id) })).status, 200);
	assert.match(await g.command('client', 'list'), new RegExp(`key ${said.key} +certificate until .* used 20`));
	assert.equal(await g.command('client', 'cert', 'revoke', id, said.key), 'sessions_ended 1');
	assert.equal((await ask('h2', own, 'POST', '/oauth2/token', { body: form(id) })).status, 401);
	await assert.rejects(g.command('client', 'cert', 'add', id, '/nowhere.pem'), /nowhere/);
	await assert.rejects(g.command('client', 'cert', 'add', id, own.key_file), /certificate/);
});

test('a reload reads the authorities anew, and a wrong one changes nothing', async () => {
	const stranger = await others.sign('soon-known');
	assert.equal((await certified_curl(g, PARTNER, stranger, regions)).status, 0);
	writeFileSync(bundle, Buffer.concat([readFileSync(ours.file), readFileSync(others.file)]));
	assert.equal((await g.control('POST', '/control/reload')).status, 200);
	assert.equal((await certified_curl(g, PARTNER, stranger, regions)).status, 200);
	writeFileSync(bundle, 'nothing\n');
	const wrong = await g.control('POST', '/control/reload');
	assert.deepEqual([wrong.status, wrong.json.wrong.map((w) => w.name)], [422, ['tls.client_hosts']]);
	assert.equal((await certified_curl(g, PARTNER, stranger, regions)).status, 200);
	writeFileSync(bundle, readFileSync(ours.file));
	assert.equal((await g.control('POST', '/control/reload')).status, 200);
	assert.equal((await certified_curl(g, PARTNER, stranger, regions)).status, 0);
	assert.equal((await certified_curl(g, PARTNER, good, regions)).status, 200);
});
