// Goal: keys are exchanged on a working day: departments post, citizens look up and list, and nobody notices; a start with a wrong, missing or
// careless key file is refused in words that say which line or which key; and nothing personal lies open in any file.
// Method: real commands against a real daemon under load; key files of every kind; the state folder's bytes searched.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { Case, assert_problem, id_number, world } from './lib/cases.mjs';
import { Gateway, gateway, siban } from './lib/gateway.mjs';
import { on_postgres } from './lib/stores.mjs';

const run = promisify(execFile);
const unlimited = { 'rate.lookup_address': 100000, 'rate.lookup_case': 1000, 'rate.department': 1000000, 'rate.read': 1000000, 'rate.public': 1000000 };
/* An account nobody answers: what is to be sent waits, sealed. */
const secrets = mkdtempSync(path.join(os.tmpdir(), 'siban-keys-'));
after(() => rmSync(secrets, { recursive: true, force: true }));
writeFileSync(path.join(secrets, 'sms.key'), 'an access key secret', { mode: 0o600 });
const account = { 'sms.aliyun.url': 'http://127.0.0.1:9/', 'sms.aliyun.key_id': 'somebody', 'sms.aliyun.key_secret_file': path.join(secrets, 'sms.key'),
	'sms.aliyun.sign_name': '陇南四办', 'sms.aliyun.template.case_moved': 'SMS_100000002' };
const g = await gateway({ settings: { ...unlimited, ...account } });
const w = await world(g);
const key_file = (own = g) => path.join(own.state, 'keys/vault.keys');
const look = (c) => g.ask('POST', '/v1/case-lookups', { body: { case_no: c.case_no, id_last4: c.person.slice(-4) } });

const names = ['王小明', '欧阳静怡', '𠮷田花子', 'Aisha Rahman'];
const phone_of = (n) => `139${String(20000000 + n)}`;

// A case of person n, who has a name and a phone.
async function open_case(n) {
	const c = new Case(g, w, { person: id_number(n) });
	const applicant = { id_type: 'resident', id_number: c.person, name: names[n % names.length], phone: phone_of(n) };
	const answer = await c.post({ ...c.body('submitted'), applicant });
	assert.equal(answer.status, 201, answer.text);
	Object.assign(c, { seq: 1, case_no: answer.json.case_no, n });
	return c;
}

const cases = await Promise.all(Array.from({ length: 300 }, (_, n) => open_case(n + 1)));

const effects = 30, sms = (n) => ({ phone: phone_of(n), template: 'case_moved', params: { case_no: 'LN1', status: names[n % names.length] } });
for (let n = 1; n <= effects; n++) assert.equal((await g.control('POST', '/control/effects/send/sms_aliyun', sms(n))).status, 201);

async function all_found(some = cases) {
	for (const c of some) assert.equal((await look(c)).json.case_no, c.case_no);
	const { items } = (await g.get('/v1/cases?limit=100', { token: w.citizen })).json;
	assert.deepEqual(items.map((i) => i.case_no), cases.filter((c) => c.person === w.person).map((c) => c.case_no).reverse());
}

// The operator's table: by id, its words.
async function keys(own = g) {
	const lines = (await own.command('keys', 'list')).split('\n').slice(1);
	return new Map(lines.map((line) => line.trim().split(/\s+/)).map(([id, kind, algorithm, fingerprint, state, values]) => [Number(id), { kind, algorithm, fingerprint, state, values }]));
}

const failing = async (own, ...words) => own.command(...words).then(() => assert.fail(`siban ${words.join(' ')} should fail`), (e) => e.stderr);

// Departments post and citizens look while something is done; every answer must be the right one.
async function under_load(work) {
	let busy = true, posted = 0, seen = 0;
	const opened = [];
	const writer = async (start) => {
		for (let n = start; busy; n += 2, posted++) opened.push(await open_case(n));
	};
	const mover = async () => {
		for (let i = 0; busy; i++, posted++) {
			const c = cases[i % cases.length];
			await c.send(c.seq === 1 ? 'received' : c.seq === 2 ? 'accepted' : c.seq % 2 === 1 ? 'correct_asked' : 'correct_done');
		}
	};
	const reader = async () => {
		for (let i = 0; busy; i++, seen++) {
			const c = i % 2 === 0 || opened.length === 0 ? cases[i % cases.length] : opened[i % opened.length];
			assert.equal((await look(c)).json.case_no, c.case_no);
		}
	};
	const first = 1000 + cases.length;
	const load = [writer(first), writer(first + 1), mover(), reader()];
	try {
		await work();
	} finally {
		busy = false;
		await Promise.all(load);
	}
	cases.push(...opened);
	assert.ok(posted > 0 && seen > 0);
	return { posted, seen };
}

test('the first keys', async () => {
	const all = await keys();
	assert.deepEqual([...all.keys()], [1, 2]);
	assert.equal(all.get(1).state, 'current');
	assert.ok(Number(all.get(1).values) >= 600, 'persons and outcomes');
	assert.equal(all.get(2).kind, 'index');
	const secret = readFileSync(key_file(), 'utf8').match(/[0-9a-f]{64}/g);
	assert.equal(secret.length, 3);
	const said = await g.command('keys', 'list');
	for (const key of secret) assert.ok(!said.includes(key) && !g.log().includes(key));
});

test('a cipher key is exchanged for one of SM4 under load', async (t) => {
	const repeated = cases[0].body('received'), key = randomUUID();
	assert.equal((await cases[0].post(repeated, { key })).status, 201);
	cases[0].seq = 2;
	const told = await g.command('keys', 'add', '--cipher', 'sm4-cbc-hmac-sm3');
	assert.match(told, new RegExp(`^cipher key 3 is ${on_postgres ? 'kept' : 'current'}, fingerprint [0-9a-f]{16}\nBack up`));
	assert.equal(/copy the key file to each/.test(told), on_postgres); /* beside other nodes it waits for them */
	await all_found(cases.slice(0, 10));
	if (!on_postgres) assert.match(await failing(g, 'keys', 'retire', '1'), /(密钥仍在使用|still in use)[^]*values lie under it/);
	t.diagnostic(JSON.stringify(await under_load(async () => {
		const said = await g.command('keys', 'rotate');
		assert.match(said, /^person\.facts: \d+ rows, \d+ changed$/m);
		assert.ok(Number(/^effect\.payload: \d+ rows, (\d+) changed$/m.exec(said)[1]) >= effects, said);
		assert.match(said, /everything lies under the current keys$/);
	})));
	const all = await keys();
	assert.equal(all.get(1).values, '0');
	assert.equal(all.get(3).algorithm, 'sm4-cbc-hmac-sm3');
	assert.ok(Number(all.get(3).values) >= 600);
	await all_found();
	const replayed = await cases[0].post(repeated, { key });
	assert.equal(replayed.headers['idempotency-replayed'], 'true');
	assert.equal(replayed.json.case_no, cases[0].case_no); /* the outcome's text, sealed anew meanwhile */
	assert.equal(await g.command('keys', 'retire', '1'), 'key 1 is out of the key file');
	assert.ok(!readFileSync(key_file(), 'utf8').includes('cipher 1 '));
	await all_found();
});

test('an index key is exchanged under load, twice; repeats of former days are still recognised', async (t) => {
	const c = cases[1], repeated = c.body(c.seq === 1 ? 'received' : 'accepted'), key = randomUUID();
	const first = await c.post(repeated, { key });
	assert.equal(first.status, 201, first.text);
	c.seq = first.json.next_seq - 1;
	for (const [id, before] of [[4, 2], [5, 4]]) {
		assert.match(await g.command('keys', 'add', '--index'), new RegExp(`^index key ${id} is ${on_postgres ? 'kept' : 'next'}`));
		assert.match(await failing(g, 'keys', 'add', '--index'), /索引密钥正在更换|being exchanged/);
		t.diagnostic(JSON.stringify(await under_load(() => g.command('keys', 'rotate'))));
		const all = await keys();
		assert.equal(all.get(id).state, 'current');
		assert.equal(all.get(before).state, 'kept');
		await all_found();
		/* by number too: the same person again, not a second one */
		const again = await open_case(7);
		cases.push(again);
		assert.equal((await g.get('/v1/cases', { token: await g.citizen(id_number(7)) })).json.items.length, cases.filter((o) => o.person === again.person).length);
		assert.equal((await c.post(repeated)).json.result, 'repeated'); /* by the digest of its content */
		assert.equal((await c.post(repeated, { key })).text, first.text); /* by the digest of its body */
		assert.equal((await c.post({ ...repeated, note: 'other' }, { key })).json.code, 'idempotency_key_reused');
		assert.match(await failing(g, 'keys', 'retire', String(before)), /密钥仍在使用|still in use/);
	}
	assert.match(readFileSync(key_file(), 'utf8'), /^index 5 [0-9a-f]{64} current$/m);
});

test('after a restart all is as it was; the commands work without a gateway too', async () => {
	await g.stop();
	const all = await keys();
	assert.equal(all.get(5).state, 'current');
	assert.match(await g.command('keys', 'add', '--cipher'), new RegExp(`^cipher key 6 is ${on_postgres ? 'kept' : 'current'}`));
	assert.match(await g.command('keys', 'rotate'), /everything/);
	assert.equal((await keys()).get(3).values, '0');
	await g.serve();
	await all_found();
});

test('what the commands refuse', async () => {
	for (const words of [[], ['list', 'x'], ['add'], ['add', '--cipher', '--index'], ['add', '--index', 'aes-256-gcm'], ['retire'], ['rotate', '--index']])
		assert.match(await failing(g, 'keys', ...words), /needs one of/);
	assert.match(await failing(g, 'keys', 'add', '--cipher', 'rot13'), /查询条件|query parameter/);
	assert.match(await failing(g, 'keys', 'retire', '999'), /没有找到|Not found/);
	assert.match(await failing(g, 'keys', 'retire', 'x'), /查询条件|query parameter/);
	assert.match(await failing(g, 'keys', 'retire', '6'), /密钥仍在使用|still in use/);
	assert_problem(await g.control('POST', '/control/keys/count?column=99'), 400, 'invalid_query');
	assert_problem(await g.control('POST', '/control/keys/count?after=1.2.3'), 400, 'invalid_query');
});

test('no file holds a number, a phone or a name', async () => {
	const copy = path.join(g.state, 'copy.db');
	if (!on_postgres) {
		g.sql(`VACUUM INTO '${copy}'`);
		await g.command('backup', path.join(g.state, 'kept'));
	}
	const personal = [...new Set(cases.flatMap((c) => [c.person, phone_of(c.n ?? 1)])), ...names].map((text) => Buffer.from(text));
	let searched = 0;
	const files = await g.files();
	for (const { name, bytes } of files) {
		searched += bytes.length;
		for (const text of personal) assert.equal(bytes.indexOf(text), -1, `${name} holds ${text}`);
	}
	assert.ok(searched > 200000 && personal.length > 100);
	const scraped = (await g.admin('/metrics')).text;
	for (const text of personal) assert.ok(!scraped.includes(text.toString()));
	assert.ok(files.some(({ bytes }) => bytes.includes(Buffer.from(cases[0].case_no))), 'the search would find what is there');
	rmSync(copy, { force: true });
});

// ---- key files

const good = { cipher: `cipher 1 aes-256-gcm ${'0123456789abcdef'.repeat(4)} current`, index: `index 2 ${'fedcba9876543210'.repeat(4)} current`, nonce: `nonce ${'00112233445566778899aabbccddeeff'.repeat(2)}` };
const with_lines = (change) => Object.values({ ...good, ...change }).flat().join('\n') + '\n';
const hex = (seed) => seed.repeat(64 / seed.length);

test('a wrong key file is refused by every wrong line', async (t) => {
	const own = await Gateway.start({ data: false });
	after(() => rmSync(own.state, { recursive: true, force: true }));
	await own.stop();
	const file = key_file(own), kept = readFileSync(file, 'utf8');
	const refused = async (text, ...words) => {
		writeFileSync(file, text);
		chmodSync(file, 0o600);
		const said = await failing(own, 'serve');
		for (const word of words) assert.match(said, word);
		assert.ok(!/[0-9a-f]{60}/.test(said), 'no line is quoted');
	};
	const rows = [
		['too short', with_lines({ cipher: 'cipher 1 aes-256-gcm 0123 current' }), /line 1: the key is too short/],
		['no hex', with_lines({ cipher: `cipher 1 aes-256-gcm ${hex('xyz0')} current` }), /line 1: the key is not 64 hex/],
		['nothing random', with_lines({ nonce: `nonce ${hex('00')}` }), /line 3: the key is one byte repeated/],
		['two currents', with_lines({ cipher: [good.cipher, `cipher 3 aes-256-gcm ${hex('0f1e2d3c')} current`] }), /line 2: a second current cipher key/],
		['two current index keys', with_lines({ index: [good.index, `index 3 ${hex('0f1e2d3c')} current`] }), /line 3: a second current index key/],
		['two next', with_lines({ index: [good.index, `index 3 ${hex('0f1e2d3c')} next`, `index 4 ${hex('0f1e2d3d')} next`] }), /line 4: a second next/],
		['one id twice', with_lines({ cipher: [good.cipher, `cipher 2 aes-256-gcm ${hex('0f1e2d3c')}`] }), /line 3: this id stands above/],
		['unknown algorithm', with_lines({ cipher: `cipher 1 rot13 ${hex('0f1e2d3c')} current` }), /line 1: no such algorithm: want aes-256-gcm or sm4-cbc-hmac-sm3/],
		['no current', with_lines({ cipher: good.cipher.replace(' current', '') }), /no cipher key is marked current/],
		['no index', with_lines({ index: '# none' }), /no index key is marked current/],
		['no nonce', with_lines({ nonce: '' }), /there is no nonce key/],
		['id out of range', with_lines({ cipher: good.cipher.replace('cipher 1', 'cipher 65536') }), /line 1: the id is not a number/],
		['a word of its own', with_lines({ index: [good.index, 'hello'] }), /line 3: the line begins with none of/],
		['all at once', `cipher 1\nindex x ${hex('ab')}\nnonce 12\n`, /"line":1,/, /"line":2,/, /"line":3,/],
		['too large', `${with_lines({})}${'# x\n'.repeat(5000)}`, /larger than a key file can be/],
	];
	for (const [what, text, ...words] of rows) await t.test(what, () => refused(text, ...words));
	await t.test('readable for others', async () => {
		writeFileSync(file, kept);
		chmodSync(file, 0o640);
		assert.match(await failing(own, 'serve'), /others may read it: chmod 600/);
		chmodSync(file, 0o600);
	});
	await t.test('somebody else\'s', { skip: process.getuid() !== 0 && 'only root may give a file away' }, async () => {
		chownSync(file, 65534, 65534);
		assert.match(await failing(own, 'serve'), /belongs to another user: chown it/);
		chownSync(file, 0, 0);
	});
	await t.test('comments, spaces and line ends of other systems do no harm', async () => {
		writeFileSync(file, kept.split('\n').map((line) => `  ${line.replaceAll(' ', ' \t ')} # a comment\r`).join('\n'));
		assert.match(await own.command('keys', 'list'), /current/);
	});
	await t.test('another database\'s file', () => refused(with_lines({}), /key 1 in vault\.keys is not the key this database was written with/));
	await t.test('a key that values refer to is missing', async () => {
		writeFileSync(file, kept);
		await own.command('keys', 'add', '--cipher');
		await own.command('keys', 'list'); /* a start notes it, whatever the database is */
		const both = readFileSync(file, 'utf8');
		await refused(both.split('\n').filter((line) => !line.startsWith('cipher 1 ')).join('\n'), /key 1, which this database was written with, is not in vault\.keys/);
		await refused(`${kept}`, /key 3, which/);
		writeFileSync(file, both);
		await own.command('keys', 'list');
	});
	await t.test('a new index key marked current by hand', async () => {
		const both = readFileSync(file, 'utf8');
		await refused(both.replace(/^(index 2 \w+) current$/m, `$1\nindex 9 ${hex('0f1e2d3c')} current`), /marks a new index key 9 current: mark it next/);
		writeFileSync(file, both.replace(/^(index 2 \w+ current)$/m, `$1\nindex 9 ${hex('0f1e2d3c')} next`));
		assert.equal((await keys(own)).get(9).state, 'next'); /* that is how it is done */
		await own.command('keys', 'rotate');
		assert.equal((await keys(own)).get(9).state, 'current');
	});
});

test('systemd credentials take the place of the file', async () => {
	const other = await Gateway.start({ data: false });
	await other.stop();
	const folder = path.join(other.state, 'credentials');
	mkdirSync(folder, { mode: 0o700 });
	renameSync(key_file(other), path.join(folder, 'vault.keys'));
	chmodSync(path.join(folder, 'vault.keys'), 0o440);
	assert.match(await failing(other, 'serve'), /vault\.keys is not there/);
	other.environment = { CREDENTIALS_DIRECTORY: folder };
	await other.serve();
	after(() => other.child.kill('SIGKILL'));
	await other.citizen(id_number(3));
	const added = await other.control('POST', '/control/keys/add?kind=cipher');
	assert_problem(added, 409, 'key_file_not_writable');
	assert.equal((await other.control('POST', '/control/keys/list')).json.keys.length, 2);
	assert.ok(!existsSync(key_file(other)));
	await other.stop();
	chmodSync(path.join(folder, 'vault.keys'), 0o444);
	const refused = await run(siban, ['serve', '--config', other.conf], { env: { ...process.env, ...other.environment } }).then(() => assert.fail('it should not start'), (e) => e.stderr);
	assert.match(refused, /everybody may read this credential/);
});
