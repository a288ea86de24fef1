// Goal: an exchange of keys survives what may happen in the middle of it: kill -9 at every stage, a full disk, a full disk for the key file. Nothing
// is lost, everybody is found meanwhile, and the next `siban keys rotate` goes on where the last one stopped.
// Method: bites are asked for one by one on the control socket; the process is killed while one is under way.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, unlinkSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { id_number } from '../flow/lib/cases.mjs';
import { broken_invariants, Gateway, slack } from './lib/gateway.mjs';

const PERSONS = 350;
const settings = { 'rate.lookup_address': 100000, 'rate.lookup_case': 1000 };

// Cases of many persons, each known by name and phone.
async function fill(gateway, client, count, from = 0) {
	const cases = [];
	for (let n = from; n < from + count; n++) {
		const person = id_number(n + 1), applicant = { id_type: 'resident', id_number: person, name: '王小明', phone: `139${20000000 + n}` };
		cases.push({ person, body: gateway.opening(`V-${n}`, { applicant }), key: randomUUID() });
	}
	for (const c of cases) {
		const answer = await client.event(c.body, c.key);
		assert.equal(answer.status, 201, answer.text);
		Object.assign(c, { case_no: answer.json.case_no, answer: answer.text });
	}
	return cases;
}

async function all_found(gateway, cases, step = 1) {
	for (let i = 0; i < cases.length; i += step) {
		const c = cases[i], answer = await gateway.ask('POST', '/v1/case-lookups', { body: { case_no: c.case_no, id_last4: c.person.slice(-4) } });
		assert.equal(answer.status, 200, answer.text);
		assert.equal(answer.json.case_no, c.case_no);
	}
}

const bite = (gateway) => gateway.control('POST', '/control/keys/rotate');
const values = (gateway, id) => Number(gateway.sql(`SELECT count(*) FROM person WHERE substr(facts, 2, 2) = x'${id.toString(16).padStart(4, '0')}'`));

test('kill -9 in the middle of an exchange, at every stage of it', { timeout: 240000 * slack }, async (t) => {
	const gateway = await Gateway.make({ settings });
	gateway.may_end_badly = true; /* kill -9 is no clean end */
	await gateway.serve();
	let client = gateway.client();
	const cases = await fill(gateway, client, PERSONS);
	assert.equal((await gateway.control('POST', '/control/keys/add?kind=cipher&algorithm=sm4-cbc-hmac-sm3')).status, 201);
	assert.equal((await gateway.control('POST', '/control/keys/add?kind=index')).status, 201);
	const stages = new Set(), stopped_at = [];
	let done = false, kills = 0;
	while (!done) {
		const first = await bite(gateway);
		assert.equal(first.status, 200, first.text);
		stages.add(first.json.what);
		done = first.json.end;
		if (done)
			break;
		const torn = bite(gateway).catch(() => null);
		await client.close();
		await gateway.kill();
		await torn;
		kills++;
		stopped_at.push(values(gateway, 3));
		await gateway.serve();
		client = gateway.client();
		await all_found(gateway, cases, 9);
		/* persons and outcomes: the same request hears the same, and a new case of an old person is that person's */
		const old = cases[kills % cases.length], again = await client.event(old.body, old.key);
		assert.equal(again.text, old.answer);
		const more = await client.event(gateway.opening(`V-more-${kills}`, { applicant: { id_type: 'resident', id_number: old.person } }), randomUUID());
		assert.equal(more.status, 201, more.text);
		assert.ok(kills < 200);
	}
	assert.deepEqual([...stages].filter((s) => /^(person.facts|outcome.text|index.fill|index.empty)$/.test(s)).length, 4, [...stages].join(' '));
	assert.ok(stopped_at.some((n) => n > 0 && n < PERSONS), `it was killed in the middle of the persons: ${stopped_at}`);
	assert.ok(stopped_at.every((n, i) => i === 0 || n >= stopped_at[i - 1]), 'nothing was done twice or undone');
	assert.equal(gateway.sql('SELECT count(*) FROM person'), String(new Set([...cases.map((c) => c.person), gateway.person]).size));
	assert.equal(gateway.sql('SELECT count(*) FROM person WHERE id_hash_a IS NOT NULL OR id_hash_b IS NULL'), '0');
	assert.match(await gateway.command('keys', 'list'), /^ *1 +cipher +aes-256-gcm +\w+ +kept +0$/m);
	assert.equal(await gateway.command('keys', 'retire', '1'), 'key 1 is out of the key file');
	await all_found(gateway, cases);
	await client.close();
	assert.deepEqual(broken_invariants(gateway), []);
	await gateway.kill();
	t.diagnostic(`${kills} kills, persons under the new key at each: ${stopped_at}`);
});

const failing = (gateway, ...words) => gateway.command(...words).then(() => assert.fail(`siban ${words.join(' ')} should fail`), (e) => e.stderr);

test('COMMIT finds the disk full in the middle of an exchange', { timeout: 120000 * slack }, async () => {
	const gateway = await Gateway.make({ settings });
	await gateway.serve();
	const client = gateway.client(), cases = await fill(gateway, client, PERSONS);
	assert.match(await gateway.command('keys', 'add', '--cipher'), /key 3 is current/);
	assert.equal((await bite(gateway)).json.changed, 100);
	await gateway.fault('store_full=1+');
	assert.match(await failing(gateway, 'keys', 'rotate'), /存储空间不足[^]*goes on where it stopped/);
	await gateway.fault('store_full=');
	assert.equal(values(gateway, 3), 100);
	await all_found(gateway, cases, 7);
	assert.match(await gateway.command('keys', 'rotate'), new RegExp(`^person.facts: \\d+ rows, ${PERSONS - 100} changed$`, 'm')); /* not those of before again */
	await all_found(gateway, cases);
	await client.close();
	assert.deepEqual(broken_invariants(gateway), []);
	await gateway.stop();
});

function may_mount() {
	const folder = mkdtempSync(path.join(os.tmpdir(), 'siban-mount-'));
	const tried = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'siban-test', folder]);
	if (tried.status === 0)
		execFileSync('umount', [folder]);
	rmSync(folder, { recursive: true });
	return tried.status === 0 ? false : `file systems cannot be mounted here: ${tried.error?.message ?? String(tried.stderr)}`;
}

function fill_up(file) {
	const fd = openSync(file, 'w');
	for (let bytes = 1 << 20; bytes >= 1; bytes = Math.floor(bytes / 2)) {
		try {
			for (;;)
				writeSync(fd, Buffer.alloc(bytes));
		} catch (failed) {
			assert.equal(failed.code, 'ENOSPC');
		}
	}
	closeSync(fd);
}

test('a full disk in the middle of an exchange, and while a key is added', { skip: may_mount(), timeout: 120000 * slack }, async () => {
	const disk = mkdtempSync(path.join(os.tmpdir(), 'siban-disk-')), ballast = path.join(disk, 'ballast');
	execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m,mode=700', 'siban-test', disk]);
	after(() => {
		spawnSync('umount', ['-l', disk]);
		rmSync(disk, { recursive: true, force: true });
	});
	const gateway = await Gateway.make({ state: path.join(disk, 'state'), settings: { ...settings, 'store.wal_pages': 100 } });
	await gateway.serve();
	const client = gateway.client(), cases = await fill(gateway, client, PERSONS), file = path.join(gateway.state, 'keys/vault.keys');
	await gateway.command('keys', 'add', '--cipher');
	await bite(gateway);
	const before = readFileSync(file, 'utf8');
	fill_up(ballast);
	for (let i = 0, status = 201; status !== 507; i++) { /* until what is free inside the files is used up too */
		assert.ok(i < 3000, 'the disk is full and 3,000 events were taken');
		({ status } = await client.event(gateway.opening(`V-full-${i}`), randomUUID()));
	}
	assert.match(await failing(gateway, 'keys', 'rotate'), /存储空间不足[^]*goes on where it stopped/);
	await failing(gateway, 'keys', 'add', '--cipher');
	assert.equal(readFileSync(file, 'utf8'), before);
	assert.deepEqual(readdirSync(path.dirname(file)), ['vault.keys'], 'no draft is left');
	await all_found(gateway, cases, 7);
	unlinkSync(ballast);
	await gateway.command('keys', 'rotate');
	assert.match(await gateway.command('keys', 'list'), /^ *1 +cipher +aes-256-gcm +\w+ +kept +0$/m);
	await all_found(gateway, cases);
	await client.close();
	assert.deepEqual(broken_invariants(gateway), []);
	await gateway.stop();
});
