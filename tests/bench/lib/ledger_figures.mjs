// tests/bench/lib/ledger_figures.mjs - figure 19: is every fen where it was posted? The whole ledger proved by the command line, beside one pass of SQLite over the same rows.
import fs from 'node:fs';
import path from 'node:path';
import { command, tool } from './daemon.mjs';
import { sh, work_dir } from './machine.mjs';
import { report } from './report.mjs';

const MILLION = 1e6;

// Seconds of the clock and of CPU, and the most memory, of a command and its children.
function timed(argv) {
	const began = process.hrtime.bigint();
	const said = sh(['python3', '-c', 'import resource, subprocess, sys\np = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, check=True)\nu = resource.getrusage(resource.RUSAGE_CHILDREN)\n'
		+ 'print(u.ru_utime + u.ru_stime, u.ru_maxrss, p.stdout.decode().strip().replace("\\n", " "))', ...argv]);
	const [, cpu, kib, text] = /^(\S+) (\d+) (.*)/.exec(said);
	return { s: Number(process.hrtime.bigint() - began) / 1e9, cpu: Number(cpu), mib: Number(kib) / 1024, text };
}

// n: postings; ten million is the goal's own size.
export async function figure_19({ n = MILLION }) {
	const state = path.join(work_dir, 'state-ledger'), journals = Math.ceil(n / 2);
	fs.rmSync(state, { recursive: true, force: true });
	fs.mkdirSync(state, { mode: 0o700 });
	command(state, 'migrate');
	const filled = JSON.parse(sh([tool('ledger_fill'), state, String(journals)]));
	const verify = timed([...command.argv(state, 'ledger', 'verify')]);
	if (!verify.text.includes(`verified ${journals * 2} postings in ${journals} journals`))
		throw new Error(`siban ledger verify: ${verify.text}`);
	const anchor = timed(['sqlite3', '-readonly', path.join(state, 'siban.db'),
		'SELECT count(*), total(wrong) FROM (SELECT sum(p.amount_fen) <> 0 OR count(*) <> j.postings AS wrong FROM ledger_journal j JOIN ledger_posting p ON p.journal = j.id GROUP BY j.id)']);
	if (anchor.text !== `${journals}|0.0`)
		throw new Error(`sqlite3: ${anchor.text}`);
	const row = (what, t) => [what, t.s.toFixed(2), t.cpu.toFixed(2), t.mib.toFixed(0), Math.round((journals * 2) / t.s).toString()];
	const scaled = verify.s * 10 * MILLION / (journals * 2);
	report({ figure: '19', title: `the whole ledger verified: ${journals * 2} postings of ${journals} journals over thirty days`,
		head: ['what', 's', 'CPU s', 'MiB', 'postings/s'],
		rows: [row('siban ledger verify (chain, digests, sums, noted balances)', verify), row('sqlite3: one join, sums alone', anchor),
			...['posted', 'sealed', 'closed'].map((w) => [`${w} before`, (filled[`${w}_ms`] / 1000).toFixed(2), '', '', Math.round(journals * 2000 / filled[`${w}_ms`]).toString()])],
		goals: [{ what: 'seconds for ten million postings, at this rate', value: scaled, goal: 60, step: 60 }], raw: { filled, verify, anchor } });
	fs.rmSync(state, { recursive: true, force: true });
}
