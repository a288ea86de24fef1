// Goal: backups are made by themselves, a restart makes none before its time, the last few stay; one that cannot be made is an event and a figure, and takes nothing
// away; what was restored says so in the record.
// Method: a gateway with a folder of its own; names of backups turned back in time between two starts.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { Gateway } from './lib/gateway.mjs';
import { until } from './lib/until.mjs';

const folder = mkdtempSync(path.join(os.tmpdir(), 'siban-backups-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const names = () => readdirSync(folder).sort();
const figure = async (g, name) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec((await g.admin('/metrics')).text)?.[1] ?? 0);
// As if the newest had been made `hours` ago.
function older(hours) {
	const at = new Date(Date.now() - hours * 3600e3 + 8 * 3600e3).toISOString();
	renameSync(path.join(folder, names().at(-1)), path.join(folder, `siban-${at.slice(0, 10).replaceAll('-', '')}-${at.slice(11, 19).replaceAll(':', '')}`));
}

test('by itself, not before its time, and the last few stay', async () => {
	const g = await Gateway.start({ data: false, settings: { 'backup.folder': folder, 'backup.every_hours': 24, 'backup.keep': 2 } });
	await until('there is one', () => names().some((n) => /^siban-\d{8}-\d{6}$/.test(n)));
	await until('it is counted', async () => await figure(g, 'siban_backups_total{result="made"}') === 1);
	assert.ok(await figure(g, 'siban_backup_last_seconds') > 1e9);
	await g.stop();
	const [first] = names();
	await g.serve();
	assert.equal((await g.get('/v1/regions')).status, 200);
	await g.stop();
	assert.deepEqual(names(), [first], 'a restart makes none');
	for (const hours of [80, 50, 25]) {
		older(hours);
		const before = names();
		await g.serve();
		await until('the next is whole', () => names().some((n) => !before.includes(n) && !n.endsWith('.partial')));
		await until('older ones are gone', () => names().length <= 2);
		await g.stop();
	}
	assert.equal(names().length, 2);
	assert.match(g.log(), /"ev":"backup_made".*"older_removed":1/);

	// it cannot be made: said, counted, nothing taken away
	older(24.5);
	const before = names(), elsewhere = path.join(folder, 'not-here');
	g.configure({ 'backup.folder': elsewhere });
	await g.serve();
	await until('it is counted', async () => await figure(g, 'siban_backups_total{result="failed"}') === 1);
	await g.stop();
	assert.match(g.log(), /"lvl":"warn","ev":"backup_failed"/);
	assert.deepEqual(names(), before);

	// and back again: whoever reads the record sees it
	const state = mkdtempSync(path.join(os.tmpdir(), 'siban-restored-'));
	execFileSync('cp', ['-r', path.join(g.state, 'keys'), state]);
	chmodSync(state, 0o700);
	await g.command('restore', path.join(folder, before[0]), '--to', state);
	const rows = execFileSync('sqlite3', [path.join(state, 'siban.db'), 'SELECT CAST(detail AS TEXT) FROM audit WHERE act = 89'], { encoding: 'utf8' });
	rmSync(state, { recursive: true, force: true });
	assert.match(rows, /^the backup of 20\d\d-.*, sealed up to \d+$/m);
});

test('a folder that is no whole path, or another database’s, is refused', async () => {
	const g = await Gateway.start({ data: false });
	await g.stop();
	for (const [settings, word] of [[['--set', 'backup.folder=here'], /not an absolute path/], [['--set', 'backup.folder=/tmp', '--set', 'store.url=postgresql://x/y'], /its own tools/]])
		await g.command('migrate', ...settings).then(() => assert.fail('should fail'), (e) => assert.match(e.stderr, word));
});
