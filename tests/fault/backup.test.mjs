// Goal: what was accepted before a backup began is in it, whatever goes on beside it and after; restored, it answers as before, and nothing is done outside
// until an operator has looked. What is no whole backup, or is not met by its own keys, is refused in plain words, and nothing is half done.
// Method: a real gateway, copied under load and then killed; a new folder; and backups spoilt in one way each.
import assert from 'node:assert/strict';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { siban } from '../flow/lib/gateway.mjs';
import { until } from '../flow/lib/until.mjs';
import { broken_invariants, Gateway, slack } from './lib/gateway.mjs';

const EVENTS = 40, BESIDE = 8, BLOBS = 3;

/** What a command said, and how it ended. */
function command(gateway, ...words) {
	const { status, stdout, stderr } = spawnSync(siban, [...words, '--config', gateway.conf], { encoding: 'utf8', timeout: 60000 * slack });
	return { status, stdout, stderr };
}

/** A folder for a restore, with the keys of this gateway. */
function fresh_state(gateway, name, keys = path.join(gateway.state, 'keys/vault.keys')) {
	const state = path.join(gateway.folder, name);
	mkdirSync(path.join(state, 'keys'), { recursive: true, mode: 0o700 });
	if (keys !== null)
		copyFileSync(keys, path.join(state, 'keys/vault.keys'));
	return state;
}

function files_in(state) {
	return readdirSync(state).filter((name) => name !== 'keys' && name !== 'siban.lock').sort();
}

let gateway, backup, acknowledged, told;

/** Writes until it is told to stop; what it was answered does not matter. */
async function write_beside(client) {
	let n = 0;
	const one = async () => {
		while (!write_beside.stop) {
			const id = `BESIDE-${n++}`;
			await client.event(gateway.opening(id));
		}
	};
	await Promise.all(Array.from({ length: BESIDE }, one));
	return n;
}

function open_effects() {
	const row = (id, state) => `(${id}, randomblob(16), 1, ${state}, '', 0, 0, 0, 0, ${state === 1 ? 0 : 1}, 0, 0, 4102444800000, 4102444900000, ${state === 3 ? 4102444800001 : 0}, 0, '', '', 0, 0)`;
	gateway.sql(`INSERT INTO effect (id, key, kind, state, subject, waits, held_by, person, message, attempts, rung, asks, due_ms, expires_ms, done_ms, receipt, code, ref,
		made_ms, changed_ms) VALUES ${row(1, 1)}, ${row(2, 2)}, ${row(3, 3)}`); // due, sending, done
	gateway.sql("INSERT INTO effect_payload (effect, payload) VALUES (1, x'00'), (2, x'00'), (3, x'00')");
}

/** Files of somebody's, as a handler would have left them: the bytes, then the row. Old enough for the clearer to take what no row speaks of. */
const blobs = [];

function add_blobs() {
	for (let i = 0; i < BLOBS; i++) {
		const name = `0000000003e8${randomBytes(10).toString('hex')}`, place = path.join(name.slice(28, 30), name.slice(30, 32), name), bytes = randomBytes(1000 + 70000 * i);
		const file = path.join(gateway.state, 'blobs', place);
		mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
		writeFileSync(file, bytes, { mode: 0o600 });
		gateway.sql(`INSERT INTO blob (id, person, name, content_hash, bytes, media, made_ms, head) SELECT ${i + 1}, MIN(id), x'${name}', x'0${i}', 1, 'image/png', 1, x'00' FROM person`);
		blobs.push({ place, bytes });
	}
}

before(async () => {
	gateway = await Gateway.make({ settings: { 'store.wal_pages': 100 } });
	gateway.may_end_badly = true;
	await gateway.serve();
	const client = gateway.client();
	acknowledged = [];
	for (let i = 0; i < EVENTS; i++) {
		const body = gateway.opening(`BEFORE-${i}`), key = randomUUID(), answer = await client.event(body, key);
		assert.equal(answer.status, 201, answer.text);
		acknowledged.push({ body, key, text: answer.text, case_no: answer.json.case_no });
	}
	await until('they are sealed', () => Number(gateway.sql('SELECT count(*) FROM seal')) >= EVENTS);
	open_effects();
	add_blobs();
	backup = path.join(gateway.folder, 'backup');
	write_beside.stop = false;
	const beside = write_beside(client);
	told = await gateway.command('backup', backup);
	write_beside.stop = true;
	assert.ok(await beside > 0);
	await client.close();
});

after(() => gateway.kill().catch(() => {}));

test('a backup says what it is, and where its keys are not', () => {
	const manifest = JSON.parse(readFileSync(path.join(backup, 'manifest.json'), 'utf8')), bytes = readFileSync(path.join(backup, 'siban.db'));
	assert.deepEqual(readdirSync(backup).sort(), ['blobs', 'blobs.sha256', 'manifest.json', 'siban.db']);
	execFileSync('sha256sum', ['--check', '--strict', '--quiet', 'blobs.sha256'], { cwd: backup });
	assert.equal(manifest.blobs.count, BLOBS);
	assert.equal(manifest.blobs.missing, 0);
	assert.match(told, new RegExp(`${BLOBS} blobs of ${blobs.reduce((n, b) => n + b.bytes.length, 0)} bytes`));
	assert.equal(statSync(path.join(backup, 'siban.db')).mode & 0o777, 0o600);
	assert.equal(manifest.database.sha256, createHash('sha256').update(bytes).digest('hex'));
	assert.equal(manifest.database.bytes, bytes.length);
	assert.match(told, /It holds no keys/);
	for (const line of manifest.keys.trim().split('\n'))
		assert.ok(told.includes(line), `${line} of the manifest is told`);
	for (const line of readFileSync(path.join(gateway.state, 'keys/vault.keys'), 'utf8').split('\n').filter((l) => /[0-9a-f]{64}/.test(l)))
		assert.ok(!bytes.includes(/[0-9a-f]{64}/.exec(line)[0]), 'no key is in it');
	assert.equal(gateway.events('backup_made').length, 1);
});

test('a backup replaces nothing, and what cannot be written leaves nothing', async () => {
	const again = command(gateway, 'backup', backup);
	assert.equal(again.status, 1);
	assert.match(again.stderr, /is there already/);
	const nowhere = command(gateway, 'backup', path.join(gateway.folder, 'none/backup'));
	assert.match(nowhere.stderr, /make the folder above it first/);
	await gateway.fault('backup=1');
	const full = command(gateway, 'backup', path.join(gateway.folder, 'full'));
	assert.equal(full.status, 1);
	assert.match(full.stderr, /disk is full/);
	assert.ok(!existsSync(path.join(gateway.folder, 'full')) && !existsSync(path.join(gateway.folder, 'full.partial')));
	await gateway.fault('backup=');
});

test('the drill: killed, restored elsewhere, and everything acknowledged before is there', { timeout: 120000 * slack }, async () => {
	const holding = command(gateway, 'restore', backup);
	assert.match(holding.stderr, /another siban holds this folder/);
	await gateway.kill();
	const old = gateway.state, state = fresh_state(gateway, 'fresh'), out = await gateway.command('restore', backup, '--to', state);
	assert.match(out, /2 open effects are held/);
	assert.match(out, /release --all-restored/);
	assert.deepEqual(files_in(state), ['blobs', 'siban.db']);
	for (const { place, bytes } of blobs)
		assert.deepEqual(readFileSync(path.join(state, 'blobs', place)), bytes);
	gateway.state = state;
	gateway.control_socket = path.join(state, 'control.sock');
	gateway.configure({ 'state.dir': state });
	assert.equal(gateway.sql('SELECT group_concat(id || state || held_by) FROM effect'), '161,261,330'); // held, held, done
	assert.equal(gateway.sql('SELECT group_concat(effect || code) FROM effect_attempt'), '2restored'); // the one that was under way
	assert.deepEqual(broken_invariants(gateway), []);
	await gateway.serve();
	const client = gateway.client();
	for (const one of acknowledged) {
		const shown = await client.get(`/v1/cases/${one.case_no}`, gateway.citizen_token);
		assert.equal(shown.status, 200, shown.text);
		const again = await client.event(one.body, one.key);
		assert.equal(again.text, one.text, 'the same answer');
		assert.equal(again.headers['idempotency-replayed'], 'true');
	}
	assert.equal((await client.event(gateway.opening('AFTER'))).status, 201);
	await client.close();
	assert.match(await gateway.command('seal', 'verify'), /whole|fine|verified|seals/i);
	assert.match(await gateway.command('effects', 'list', '--state', 'held'), /restore/);
	await gateway.command('effects', 'release', '--all-restored');
	assert.equal(gateway.sql('SELECT count(*) FROM effect WHERE state = 6'), '0');
	await gateway.kill();
	gateway.state = old;
	gateway.configure({ 'state.dir': old });
});

test('the database that was there is kept aside, with its log', async () => {
	const state = fresh_state(gateway, 'again');
	await gateway.command('restore', backup, '--to', state);
	/* Its last shell command kills it: the log stays where it is. */
	spawnSync('sqlite3', [path.join(state, 'siban.db'), "INSERT INTO meta VALUES ('mine', x'00')", '.shell kill -9 $PPID']);
	assert.ok(statSync(path.join(state, 'siban.db-wal')).size > 0);
	const out = await gateway.command('restore', backup, '--to', state);
	const aside = /that was there is (\S+);/.exec(out)[1];
	assert.ok(existsSync(aside));
	assert.ok(existsSync(path.join(aside.replace('siban.db', 'blobs'), blobs[0].place)), 'and so are its blobs');
	assert.ok(existsSync(path.join(state, 'blobs', blobs[0].place)));
	assert.equal(execFileSync('sqlite3', [aside, "SELECT count(*) FROM meta WHERE name = 'mine'"], { encoding: 'utf8' }).trim(), '1', 'what its log held is with it');
	assert.ok(!existsSync(path.join(state, 'siban.db-wal')));
	assert.equal(execFileSync('sqlite3', [path.join(state, 'siban.db'), "SELECT count(*) FROM meta WHERE name = 'mine'"], { encoding: 'utf8' }).trim(), '0');
});

// ---- what is refused ----

/** A spoilt copy of the backup. */
function spoilt(name, spoil, resign = false) {
	const folder = path.join(gateway.folder, `spoilt-${name}`), db = path.join(folder, 'siban.db'), manifest = path.join(folder, 'manifest.json');
	cpSync(backup, folder, { recursive: true });
	spoil({ folder, db, manifest });
	if (resign) {
		const said = JSON.parse(readFileSync(manifest, 'utf8')), bytes = readFileSync(db);
		Object.assign(said.database, { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') });
		writeFileSync(manifest, JSON.stringify(said));
	}
	return folder;
}

function sqlite(db, text) {
	execFileSync('sqlite3', [db, `PRAGMA journal_mode = DELETE; ${text}; PRAGMA journal_mode = WAL`], { stdio: 'ignore' });
}

function in_the_middle(file, bytes) {
	const all = readFileSync(file);
	bytes.copy(all, Math.floor(all.length / 2));
	writeFileSync(file, all);
}

const refusals = [
	['truncated', ({ db }) => truncateSync(db, statSync(db).size - 4096), false, /is not whole/],
	['longer', ({ db }) => appendFileSync(db, Buffer.alloc(4096)), false, /is not whole/],
	['altered', ({ db }) => in_the_middle(db, Buffer.from('altered')), false, /was altered/],
	['damaged, and signed anew', ({ db }) => in_the_middle(db, Buffer.alloc(8192, 0xff)), true, /damaged|integrity_check|malformed/],
	['no database', ({ db }) => writeFileSync(db, 'once upon a time there was a file'.repeat(300)), true, /is not a database/],
	['newer', ({ db }) => sqlite(db, "INSERT INTO schema_migration VALUES (9999, '9999_x.sql', x'00', 0)"), true, /newer siban/],
	['of another program', ({ db }) => sqlite(db, 'PRAGMA application_id = 7'), true, /another program/],
	['short of an event', ({ db }) => sqlite(db, 'DROP TRIGGER case_event_no_delete; DELETE FROM case_event WHERE case_id = 1'), true, /seal is broken|foreign_key/],
	['short of a blob', ({ folder }) => rmSync(path.join(folder, 'blobs', blobs[1].place)), false, () => new RegExp(`blobs/${blobs[1].place} is missing`)],
	['with a blob altered', ({ folder }) => in_the_middle(path.join(folder, 'blobs', blobs[2].place), Buffer.from('altered')), false, () => new RegExp(`blobs/${blobs[2].place} has sha256`)],
	['signed without a blob of its rows', ({ folder, manifest }) => {
		const list = path.join(folder, 'blobs.sha256'), lines = readFileSync(list, 'utf8').trim().split('\n'), said = JSON.parse(readFileSync(manifest, 'utf8'));
		const kept = lines.filter((line) => !line.includes(blobs[0].place)).map((line) => `${line}\n`).join('');
		writeFileSync(list, kept);
		Object.assign(said.blobs, { count: BLOBS - 1, bytes: said.blobs.bytes - blobs[0].bytes.length, list_sha256: createHash('sha256').update(kept).digest('hex') });
		writeFileSync(manifest, JSON.stringify(said));
	}, false, /1 blobs are missing, 0 were missing/],
	['no manifest', ({ manifest }) => rmSync(manifest), false, /no manifest/],
	['a torn manifest', ({ manifest }) => truncateSync(manifest, 40), false, /not the manifest/],
];

for (const [name, spoil, resign, words] of refusals)
	test(`a backup that is ${name} is refused, and nothing is touched`, () => {
		const state = fresh_state(gateway, `for-${name.replaceAll(/\W/g, '-')}`);
		writeFileSync(path.join(state, 'siban.db'), 'the one that is there');
		const refused = command(gateway, 'restore', spoilt(name.replaceAll(/\W/g, '-'), spoil, resign), '--to', state);
		assert.equal(refused.status, 1, refused.stdout);
		assert.match(refused.stderr, words instanceof RegExp ? words : words());
		assert.deepEqual(files_in(state), ['siban.db']);
		assert.equal(readFileSync(path.join(state, 'siban.db'), 'utf8'), 'the one that is there');
	});

test('another database\'s keys, and none, are refused with what is wanted', async () => {
	const other = await Gateway.make();
	const wanted = JSON.parse(readFileSync(path.join(backup, 'manifest.json'), 'utf8')).keys.trim().split('\n');
	for (const [name, keys, words] of [['other-keys', path.join(other.state, 'keys/vault.keys'), /is not the key|is not in vault.keys/], ['no-keys', null, /vault.keys is not there/]]) {
		const state = fresh_state(gateway, name, keys), refused = command(gateway, 'restore', backup, '--to', state);
		assert.equal(refused.status, 1, refused.stdout);
		assert.match(refused.stderr, words);
		for (const line of wanted)
			assert.ok(refused.stderr.includes(line), `${line} is named: ${refused.stderr}`);
		assert.deepEqual(files_in(state), []);
	}
});

const no_mount = (() => {
	const folder = mkdtempSync(path.join(os.tmpdir(), 'siban-mount-'));
	const tried = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'siban-test', folder]);
	if (tried.status !== 0) {
		rmSync(folder, { recursive: true });
		return { skip: 'file systems cannot be mounted here' };
	}
	after(() => {
		spawnSync('umount', ['-l', folder]);
		rmSync(folder, { recursive: true, force: true });
	});
	return { folder };
})();

test('a disk too small for the backup, or for the restore, is said, and nothing is left', { skip: no_mount.skip ?? false }, () => {
	const full = command(gateway, 'backup', path.join(no_mount.folder, 'backup'));
	assert.equal(full.status, 1);
	assert.match(full.stderr, /full|No space/);
	assert.deepEqual(readdirSync(no_mount.folder), []);
	const state = path.join(no_mount.folder, 'state');
	mkdirSync(path.join(state, 'keys'), { recursive: true, mode: 0o700 });
	copyFileSync(path.join(gateway.state, 'keys/vault.keys'), path.join(state, 'keys/vault.keys'));
	const refused = command(gateway, 'restore', backup, '--to', state);
	assert.equal(refused.status, 1);
	assert.match(refused.stderr, /No space|full/);
	assert.deepEqual(files_in(state), []);
});
