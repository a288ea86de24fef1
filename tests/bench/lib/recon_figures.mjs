// tests/bench/lib/recon_figures.mjs - figure 11: a day of a million bill lines. Another program makes the day and keeps the answers (recon_day.mjs); siban takes the bill, compares, keeps what does not
// match; beside it sqlite3 imports both sides and joins them, and sort and join do that alone, over number and amount only.
import fs from 'node:fs';
import path from 'node:path';
import { command, serve } from './daemon.mjs';
import { cpu_ns, sh, source_dir, stop, work_dir } from './machine.mjs';
import { report } from './report.mjs';

const MIB = 1024;
const kib = (pid, what) => Number(fs.readFileSync(`/proc/${pid}/status`, 'utf8').match(new RegExp(`${what}:\\s+(\\d+)`))[1]);

function timed(work) {
	const began = process.hrtime.bigint(), value = work();
	return { s: Number(process.hrtime.bigint() - began) / 1e9, value };
}

const day_before = (days) => new Date(Date.now() + 8 * 3600e3 - days * 86400e3).toISOString().slice(0, 10);
const sql = (state, text) => sh(['sqlite3', path.join(state, 'siban.db'), text]).trim();
const found_by = (state) => sql(state, 'SELECT i.number || \',\' || k.text FROM recon_item i JOIN kinds k ON k.kind = i.kind WHERE i.state <> 4 ORDER BY 1');

export async function figure_11({ n = 1000000, many = 300 }) {
	const state = path.join(work_dir, 'state-recon'), folder = path.join(work_dir, 'recon-day'), day = day_before(1);
	for (const f of [state, folder]) {
		fs.rmSync(f, { recursive: true, force: true });
		fs.mkdirSync(f, { mode: 0o700 });
	}
	const made = JSON.parse(sh(['node', path.join(source_dir, 'tests/bench/recon_day.mjs'), folder, day, String(n), String(many)]));
	command(state, 'migrate');
	sh(['sqlite3', path.join(state, 'siban.db'), '-cmd', '.mode csv', '-cmd', `.import ${folder}/ours.csv pay_payment`, '-cmd', 'CREATE TABLE odd_in (id, key, kind, channel, reference, division, fen, journal, came, state, made, changed)',
		'-cmd', `.import ${folder}/odd.csv odd_in`, `INSERT INTO pay_odd (id, key, kind, channel, reference, division, amount_fen, journal, came_ms, state, made_ms, changed_ms)
		SELECT CAST(id AS INTEGER), CAST(key AS BLOB), CAST(kind AS INTEGER), 3, reference, 621202, CAST(fen AS INTEGER), 1, CAST(came AS INTEGER), 1, CAST(made AS INTEGER), CAST(changed AS INTEGER) FROM odd_in;
		DROP TABLE odd_in; CREATE TABLE kinds AS SELECT 2 AS kind, 'long' AS text UNION ALL VALUES (3, 'short'), (4, 'amount'), (5, 'status'), (6, 'duplicate'), (7, 'paid_after_void'), (8, 'refund'), (9, 'cutoff'), (10, 'to_be_confirmed')`]);
	const server = await serve('siban', state, {});
	const idle = kib(server.pid, 'VmRSS'), cpu = [cpu_ns(server.pid)];
	sh(['gzip', '-1', '-k', path.join(folder, 'bill.csv')]); // as WeChat gives it
	const load = timed(() => command(state, 'reconcile', 'load', path.join(folder, 'bill.csv.gz'), '--source', 'wechat_trade', '--day', day));
	const run_s = () => timed(() => { try { return command(state, 'reconcile', 'run', '--day', day); } catch (e) { return String(e); } });
	cpu.push(cpu_ns(server.pid));
	run_s(); // the one that loading asked for, or another
	const answers = fs.readFileSync(path.join(folder, 'answers.csv'), 'utf8').trim().split('\n').sort().join('\n');
	const first = found_by(state).split('\n').sort().join('\n');
	cpu.push(cpu_ns(server.pid));
	const again = run_s();
	cpu.push(cpu_ns(server.pid));
	const spent = cpu.slice(1).map((ns, i) => (ns - cpu[i]) / 1e9);
	const second = found_by(state).split('\n').sort().join('\n');
	const peak = kib(server.pid, 'VmHWM');
	const log = fs.readFileSync(server.log, 'utf8').split('\n').filter((l) => l.includes('"day_reconciled"')).map((l) => JSON.parse(l));
	await stop(server);
	const join = timed(() => sh(['bash', '-c', `cd ${folder} && export LC_ALL=C && sort -S1G --parallel=2 -t'|' -k1,1 ours.txt >o && sort -S1G --parallel=2 -t'|' -k1,1 theirs.txt >t && join -t'|' -a1 -a2 -e- -o0,1.2,2.2 o t | awk -F'|' '$2 != $3' | wc -l`]).trim());
	const lite = timed(() => sh(['sqlite3', ':memory:', '-cmd', 'CREATE TABLE o (n TEXT, fen INTEGER)', '-cmd', 'CREATE TABLE t (n TEXT, fen INTEGER)', '-cmd', '.mode list', '-cmd', `.import ${folder}/ours.txt o`, '-cmd', `.import ${folder}/theirs.txt t`,
		'CREATE INDEX oi ON o (n); CREATE INDEX ti ON t (n); SELECT (SELECT count(*) FROM o LEFT JOIN t USING (n) WHERE t.fen IS NOT o.fen) + (SELECT count(*) FROM t LEFT JOIN o USING (n) WHERE o.n IS NULL)']).trim());
	const compared = Math.min(...log.map((l) => l.ms)) / 1000, wanted = answers.split('\n').length;
	report({ figure: '11', title: `a day of ${made.lines} bill lines beside ${n} payments, ${wanted} differences planted`, head: ['what', 's', 'CPU s', ''],
		rows: [['siban reconcile load: unpacked, read, judged, digested, sealed, kept', load.s.toFixed(2), spent[0].toFixed(2), `${(fs.statSync(path.join(folder, 'bill.csv')).size / 1e6).toFixed(0)} MB`],
			['compared, and what does not match kept', compared.toFixed(2), Math.min(...spent.slice(1)).toFixed(2), `${log.length} runs`], ['siban reconcile run, as its caller waits', again.s.toFixed(2), '', ''],
			['found', '', '', `${first.split('\n').length}: ${first === answers ? 'all, and none invented' : 'NOT WHAT WAS PLANTED'}`], ['the second time', '', '', second === first ? 'the same' : 'OTHERS'],
			['the gateway\'s memory, MiB', (peak / MIB).toFixed(0), '', `${(idle / MIB).toFixed(0)} before`], ['anchor: sort, join, awk of number and amount', join.s.toFixed(2), '', `${join.value} lines`],
			['anchor: sqlite3 .import, indexes, join of the same', lite.s.toFixed(2), '', lite.value]],
		goals: [{ what: 'CPU seconds to read and to compare a million lines', value: (spent[0] + Math.min(...spent.slice(1))) * 1e6 / made.lines, goal: 3, step: 4 }, { what: 'MiB of memory at most', value: peak / MIB, goal: 512, step: 512 },
			{ what: 'differences that are not what was planted', value: first === answers && second === first ? 0 : 1, goal: 0, step: 0 }], raw: { made, load: load.s, spent, log, join: join.s, lite: lite.s, idle, peak } });
	for (const f of [state, folder]) fs.rmSync(f, { recursive: true, force: true });
}
