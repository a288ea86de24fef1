// Goal: whatever the disk does, a write is done or clearly refused, reads go on where they can, and after the repair writes go on.
// Method: a real full file system (tmpfs, when we may mount), a read-only one, a foreign lock, overwritten bytes, a database of a newer
// siban, a second daemon; and, mounts or not, the switches that make COMMIT fail.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { closeSync, copyFileSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, unlinkSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { until } from '../flow/lib/until.mjs';
import { broken_invariants, Gateway, slack } from './lib/gateway.mjs';

const MIB = 1 << 20;

function may_mount() {
	const folder = mkdtempSync(path.join(os.tmpdir(), 'siban-mount-'));
	const tried = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'siban-test', folder]);
	if (tried.status === 0)
		execFileSync('umount', [folder]);
	rmSync(folder, { recursive: true });
	return tried.status === 0 ? false : `file systems cannot be mounted here: ${tried.error?.message ?? String(tried.stderr)}`;
}
const no_mount = may_mount();

function mounted(size) {
	const folder = mkdtempSync(path.join(os.tmpdir(), 'siban-disk-'));
	execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=700`, 'siban-test', folder]);
	after(() => {
		spawnSync('umount', ['-l', folder]);
		rmSync(folder, { recursive: true, force: true });
	});
	return folder;
}

/** Writes a file until not a byte more fits. */
function fill_up(file) {
	const fd = openSync(file, 'w');
	for (let bytes = MIB; bytes >= 1; bytes = Math.floor(bytes / 2)) {
		try {
			for (;;)
				writeSync(fd, Buffer.alloc(bytes));
		} catch (failed) {
			assert.equal(failed.code, 'ENOSPC');
		}
	}
	closeSync(fd);
}

async function end_well(gateway, client) {
	await client.close();
	assert.deepEqual(broken_invariants(gateway), []);
	await gateway.stop();
}

function assert_refused(answer, status, code) {
	assert.equal(answer.status, status, answer.text);
	assert.equal(answer.json.code, code, answer.text);
	assert.ok(Number(answer.headers['retry-after']) > 0, 'it says when to come back');
}

test('a full disk', { skip: no_mount, timeout: 120000 * slack }, async (t) => {
	const disk = mounted('64m'), ballast = path.join(disk, 'ballast');
	const gateway = await Gateway.make({ state: path.join(disk, 'state'), settings: { 'store.wal_pages': 100 } });
	await gateway.serve();
	const client = gateway.client();
	const opened = await client.event(gateway.opening('FULL-first'));
	assert.equal(opened.status, 201, opened.text);
	fill_up(ballast);
	let taken = 0, refused = null;
	for (; refused === null; taken++) {
		assert.ok(taken < 3000, 'the disk is full and 3,000 events were taken');
		const body = gateway.opening(`FULL-${taken}`), key = randomUUID(), answer = await client.event(body, key);
		if (answer.status !== 201)
			refused = { body, key, answer };
	}
	assert_refused(refused.answer, 507, 'storage_full');
	for (let i = 0; i < 5; i++) {
		const read = await client.get(`/v1/cases/${opened.json.case_no}`, gateway.citizen_token);
		assert.equal(read.status, 200, `a read with a full disk: ${read.text}`);
		assert_refused(await client.event(gateway.opening(`FULL-more-${i}`)), 507, 'storage_full');
	}
	assert.equal((await gateway.admin('/livez')).status, 200);
	assert.equal((await gateway.admin('/readyz')).status, 503, 'balancers should send elsewhere');

	unlinkSync(ballast);
	const late = await client.event(refused.body, refused.key);
	assert.equal(late.status, 201, late.text);
	const again = await client.event(refused.body, refused.key);
	assert.equal(again.text, late.text);
	await until('it is ready again', async () => (await gateway.admin('/readyz')).status === 200);
	await end_well(gateway, client);
	t.diagnostic(`${taken} events after the last free byte`);
});

test('COMMIT says the disk is full', async () => {
	const gateway = await Gateway.make();
	await gateway.serve();
	const client = gateway.client(), body = gateway.opening('SWITCH'), key = randomUUID();
	await gateway.fault('store_full=1+'); /* once would not be enough: after a lost batch each request is tried alone */
	assert_refused(await client.event(body, key), 507, 'storage_full');
	await gateway.fault('store_full=');
	assert.equal((await client.event(body, key)).status, 201);
	assert.equal(gateway.sql("SELECT count(*) FROM case_event WHERE event_id = 'SWITCH-1'"), '1');
	await end_well(gateway, client);
});

test('a failed fsync ends the process without an answer, and nothing half done is found afterwards', { timeout: 60000 * slack }, async () => {
	const gateway = await Gateway.make();
	gateway.may_end_badly = true;
	await gateway.serve();
	const client = gateway.client(), body = gateway.opening('FSYNC'), key = randomUUID();
	await gateway.fault('store_commit=1');
	const answer = await client.event(body, key);
	assert.equal(answer.status, 0, `an answer came, though nobody knows what is on the disk: ${answer.text}`);
	const { code } = await gateway.gone();
	assert.ok(code > 0, `it ended with ${code}`);
	assert.equal(gateway.events('store_stopped').length, 1);
	await client.close();
	await gateway.serve();
	const second = gateway.client();
	assert.equal((await second.event(body, key)).status, 201);
	assert.equal(gateway.sql("SELECT count(*) FROM case_event WHERE event_id = 'FSYNC-1'"), '1');
	await end_well(gateway, second);
});

test('a read-only state folder refuses the start in plain words', { skip: no_mount }, async () => {
	const disk = mounted('64m');
	const gateway = await Gateway.make({ state: path.join(disk, 'state') });
	execFileSync('mount', ['-o', 'remount,ro', disk]);
	const refused = await gateway.refused_start();
	assert.ok(refused.code > 0, JSON.stringify(refused));
	assert.match(refused.words, /read-only|writ/i);
	execFileSync('mount', ['-o', 'remount,rw', disk]);
	await gateway.serve();
	const client = gateway.client();
	assert.equal((await client.event(gateway.opening('RO'))).status, 201);
	await end_well(gateway, client);
});

test('a foreign program holds the database', { timeout: 60000 * slack }, async () => {
	const gateway = await Gateway.make({ settings: { 'store.busy': 300 } });
	await gateway.serve();
	const client = gateway.client(), opened = await client.event(gateway.opening('LOCK-first'));
	const other = spawn('sqlite3', [path.join(gateway.state, 'siban.db')]);
	let said = '';
	other.stdout.on('data', (d) => { said += d; });
	other.stdin.write("BEGIN EXCLUSIVE;\nSELECT 'held';\n");
	await until('the other program holds the lock', () => said.includes('held'));

	const body = gateway.opening('LOCK'), key = randomUUID(), began = performance.now();
	assert_refused(await client.event(body, key), 503, 'store_unavailable');
	const waited = performance.now() - began;
	assert.ok(waited < 3000 * slack, `it waited ${waited.toFixed(0)} ms for a lock that it may wait 300 ms for`);
	const read = await client.get(`/v1/cases/${opened.json.case_no}`, gateway.citizen_token);
	assert.equal(read.status, 200, read.text);

	other.stdin.end('COMMIT;\n');
	await new Promise((resolve) => { other.once('exit', resolve); });
	assert.equal((await client.event(body, key)).status, 201);
	await end_well(gateway, client);
});

test('a second daemon on the same folder refuses to start', async () => {
	const gateway = await Gateway.make();
	await gateway.serve();
	const refused = await gateway.refused_start();
	assert.ok(refused.code > 0);
	assert.match(refused.words, /another|already|holds|in use/i);
	const client = gateway.client();
	assert.equal((await client.event(gateway.opening('SECOND'))).status, 201);
	await end_well(gateway, client);
});

/** Puts other bytes into the closed database. */
function overwrite(file, from, length) {
	const fd = openSync(file, 'r+');
	writeSync(fd, Buffer.alloc(length, 0x5a), 0, length, from);
	closeSync(fd);
}

test('a database whose first page was overwritten refuses the start in plain words', async () => {
	const gateway = await Gateway.make();
	await gateway.serve();
	await gateway.stop();
	const file = path.join(gateway.state, 'siban.db'), good = path.join(gateway.folder, 'good.db');
	copyFileSync(file, good);
	overwrite(file, 0, 4096);
	const refused = await gateway.refused_start();
	assert.ok(refused.code > 0);
	assert.match(refused.words, /not a database|damaged|malformed/i);
	copyFileSync(good, file);
	await gateway.serve();
	const client = gateway.client();
	assert.equal((await client.event(gateway.opening('PAGE'))).status, 201);
	await end_well(gateway, client);
});

test('a damaged page is never read as an answer', { timeout: 120000 * slack }, async (t) => {
	const gateway = await Gateway.make();
	await gateway.serve();
	let client = gateway.client();
	const numbers = [];
	for (let i = 0; i < 200; i++)
		numbers.push((await client.event(gateway.opening(`PAGES-${i}`, { note: 'x'.repeat(150) }))).json.case_no);
	const right = new Map();
	for (const no of numbers)
		right.set(no, (await client.get(`/v1/cases/${no}`, gateway.citizen_token)).text);
	await client.close();
	await gateway.stop();
	gateway.may_end_badly = true; /* to stop at a damaged page is allowed; to answer from it is not */
	const file = path.join(gateway.state, 'siban.db'), good = path.join(gateway.folder, 'good.db');
	gateway.sql('PRAGMA wal_checkpoint(TRUNCATE)');
	copyFileSync(file, good);
	const pages = statSync(file).size / 4096, ends = { refused: 0, served: 0, error: 0, stopped: 0 };
	for (let page = 2; page < pages; page += Math.max(1, Math.floor(pages / 12))) {
		copyFileSync(good, file);
		overwrite(file, page * 4096, 4096);
		const started = await gateway.serve().then(() => true, () => false);
		if (!started) {
			ends.refused++;
			gateway.child.kill('SIGKILL');
			await gateway.gone();
			continue;
		}
		client = gateway.client();
		for (const no of numbers) {
			const answer = await client.get(`/v1/cases/${no}`, gateway.citizen_token);
			if (answer.status === 200) {
				assert.equal(answer.text, right.get(no));
				ends.served++;
			} else if (answer.status === 0) {
				ends.stopped++;
				break;
			} else {
				assert.ok([503, 500, 401, 404].includes(answer.status), answer.text);
				ends.error++;
			}
		}
		await client.close();
		await gateway.kill();
		const { signal } = await gateway.gone();
		assert.ok([null, 'SIGKILL', 'SIGTERM'].includes(signal), `page ${page}: ended by ${signal}\n${gateway.log().slice(-2000)}`);
	}
	for (const rest of ['-wal', '-shm'])
		rmSync(file + rest, { force: true });
	copyFileSync(good, file);
	await gateway.serve();
	client = gateway.client();
	assert.equal((await client.get(`/v1/cases/${numbers[0]}`, gateway.citizen_token)).text, right.get(numbers[0]));
	assert.equal((await client.event(gateway.opening('PAGES-late'))).status, 201);
	await end_well(gateway, client);
	t.diagnostic(JSON.stringify(ends));
});

test('the database of a newer siban refuses the start in plain words', async () => {
	const gateway = await Gateway.make();
	gateway.sql("INSERT INTO schema_migration (number, name, sha256, applied_at_ms) VALUES (9999, '9999_future.sql', zeroblob(32), 0)");
	const before = readFileSync(path.join(gateway.state, 'siban.db'));
	const refused = await gateway.refused_start();
	assert.ok(refused.code > 0);
	assert.match(refused.words, /newer|9999/i);
	assert.deepEqual(readFileSync(path.join(gateway.state, 'siban.db')), before, 'the newer database was written to');
	gateway.sql('DELETE FROM schema_migration WHERE number = 9999');
	await gateway.serve();
	const client = gateway.client();
	assert.equal((await client.event(gateway.opening('NEWER'))).status, 201);
	await end_well(gateway, client);
});
