// tests/bench/lib/report.mjs - a figure as a table for people and as a line of JSON for machines.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { table, work_dir } from './machine.mjs';

export const missed = [];

/** goals: { what, value, goal, step }: at most `goal`; `step` is what this step of the project asks. at_least turns both round. */
export function report({ figure, title, head, rows, goals, raw }) {
	const lines = goals.map((g) => {
		const reached = (limit) => (g.at_least ? g.value >= limit : g.value <= limit);
		if (!reached(g.step))
			missed.push(`figure ${figure}: ${g.what}`);
		const verdict = reached(g.goal) ? 'reached' : reached(g.step) ? 'within this step' : 'MISSED';
		return [g.what, g.value.toFixed(g.value >= 100 ? 0 : 2), `${g.at_least ? '>=' : '<='} ${g.goal}`, g.step === g.goal ? '' : `${g.at_least ? '>=' : '<='} ${g.step}`, verdict];
	});
	process.stdout.write(`\nFigure ${figure}: ${title}\n\n${table(head, rows)}\n\n${table(['goal', 'seen', 'goal', 'this step', ''], lines)}\n`);
	fs.appendFileSync(path.join(work_dir, 'figures.jsonl'), `${JSON.stringify({ at: new Date().toISOString(), figure, title, cpus: os.cpus().length, cpu: os.cpus()[0].model,
		load: os.loadavg(), kernel: os.release(), head, rows, goals, raw })}\n`);
}
