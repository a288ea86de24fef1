// tests/bench/lib/effect_figures.mjs - figure 9: what an effect costs beside the bare call.
import fs from 'node:fs';
import path from 'node:path';
import { certificate, sink } from './anchors.mjs';
import { tool } from './daemon.mjs';
import { CLIENT_CPU, median, sh, stop, work_dir } from './machine.mjs';
import { report } from './report.mjs';

const IN_FLIGHT = 100;

export async function figure_9({ rounds = 5, n = 30000 }) {
	const folder = path.join(work_dir, 'effects'), server = await sink(), { cert } = certificate();
	const seen = { bare: [], effects: [] };
	for (let round = 0; round < rounds; round++)
		for (const mode of round % 2 === 0 ? ['bare', 'effects'] : ['effects', 'bare']) {
			fs.rmSync(folder, { recursive: true, force: true });
			fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
			const words = [tool('effects_bench'), mode, `https://localhost:${server.port}/hook`, cert, String(n), String(IN_FLIGHT), folder];
			seen[mode].push(JSON.parse(sh(['taskset', '-c', CLIENT_CPU, ...words])));
		}
	fs.rmSync(folder, { recursive: true, force: true });
	await stop(server);
	const middle = (mode, what) => median(seen[mode].map((r) => r[what]));
	report({ figure: '9', title: `effects: due row to committed outcome, HTTP/2, 256 B, ${IN_FLIGHT} in flight, one core, ${rounds} rounds of ${n}`,
		head: ['what', 'CPU us each', 'least', 'most', 'a second'],
		rows: Object.entries(seen).map(([mode, runs]) => {
			const cpu = runs.map((r) => r.cpu_us);
			return [mode === 'bare' ? 'bare libcurl multi loop' : 'effects', median(cpu).toFixed(1), Math.min(...cpu).toFixed(1), Math.max(...cpu).toFixed(1),
				Math.round(middle(mode, 'per_second'))];
		}),
		goals: [{ what: 'effects / bare, by CPU time', value: middle('bare', 'cpu_us') / middle('effects', 'cpu_us'), goal: 0.7, step: 0.7, at_least: true }], raw: seen });
}
