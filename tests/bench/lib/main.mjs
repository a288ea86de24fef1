// tests/bench/lib/main.mjs - which figures, how many rounds.
import fs from 'node:fs';
import { figure_18 } from './booking_figures.mjs';
import { figure_16 } from './catalogue_figures.mjs';
import { figure_9 } from './effect_figures.mjs';
import { figure_1, figure_2, figure_4, figure_7 } from './http_figures.mjs';
import { figure_19 } from './ledger_figures.mjs';
import { figure_10, figure_8 } from './live_figures.mjs';
import { figure_14, figure_15 } from './login_figures.mjs';
import { work_dir } from './machine.mjs';
import { figure_12, figure_3, figure_5 } from './other_figures.mjs';
import { figure_20 } from './payment_figures.mjs';
import { figure_17 } from './postgres_figures.mjs';
import { figure_11 } from './recon_figures.mjs';
import { missed } from './report.mjs';
import { figure_13 } from './staff_figures.mjs';
import { figure_21 } from './upload_figures.mjs';

const figures = { 1: figure_1, 2: figure_2, 3: figure_3, 4: figure_4, 5: figure_5, 6: figure_5, 7: figure_7, 8: figure_8, 9: figure_9, 10: figure_10, 11: figure_11, 12: figure_12, 13: figure_13, 14: figure_14, 15: figure_15, 16: figure_16, 17: figure_17, 18: figure_18, 19: figure_19, 20: figure_20, 21: figure_21 };
const usual = ['1', '2', '3', '5', '7', '8', '9', '10', '11', '12', '13', '14', '15', '16', '17', '18', '19', '20', '21']; /* 4 fills ten million cases: by name only */

const options = {}, asked = [];
for (const word of process.argv.slice(2)) {
	const option = /^--(rounds|n|seconds|cases|many)=(\d+)$/.exec(word);
	if (option !== null)
		options[option[1]] = Number(option[2]);
	else if (word === '--own')
		options.own = true; /* figures 1 and 2 with h2client: uniform keys */
	else if (word in figures)
		asked.push(word);
	else {
		process.stderr.write(`tests/bench/run [--own] [--rounds=N] [--n=N] [--seconds=N] [--cases=N] [--many=N] [figure…]\nfigures: ${Object.keys(figures).join(' ')}; without any: ${usual.join(' ')}\n`);
		process.exit(2);
	}
}

fs.mkdirSync(work_dir, { recursive: true, mode: 0o755 });
for (const run of new Set((asked.length > 0 ? asked : usual).map((f) => figures[f])))
	await run(options);
if (missed.length > 0) {
	process.stdout.write(`\nmissed: ${missed.join('; ')}\n`);
	process.exit(1);
}
process.exit(0);
