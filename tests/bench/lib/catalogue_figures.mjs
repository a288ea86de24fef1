// tests/bench/lib/catalogue_figures.mjs - figure 16: a whole catalogue of guides comes in while citizens ask.
import fs from 'node:fs';
import path from 'node:path';
import { citizen_token, copied_state, department, filled_state, metrics, running, serve, tool } from './daemon.mjs';
import { client, median, sh, source_dir, stop, work_dir } from './machine.mjs';
import { report } from './report.mjs';

/** As many guides as asked for, each of the length of a real one and none like another. */
function guides_file(count, department_code) {
	const sample = JSON.parse(fs.readFileSync(path.join(source_dir, 'tests/unit/data/guide.json'), 'utf8')), file = path.join(work_dir, 'guides.jsonl');
	const lines = Array.from({ length: count }, (_, i) => `${JSON.stringify({ ...sample, code: `BENCH-${i}`, name: `批量导入的第 ${i} 件事项`, department: department_code, places: [],
		conditions: Array.from({ length: 12 }, (_unused, n) => `第 ${i} 件事项的第 ${n} 项条件：申请人具备法律、法规规定的资格，材料齐全、真实、有效。`) })}\n`);
	fs.writeFileSync(file, lines.join(''));
	return { file, bytes: Math.round(fs.statSync(file).size / count) };
}

/** Reads at a fixed, low rate, second after second, while the file is imported. */
export async function figure_16({ rounds = 3, n = 20000 }) {
	const filled = filled_state(100000), idle = [], busy = [], took_s = [], stalls = [];
	let bytes = 0;
	for (let round = 0; round < rounds; round++) {
		const copy = copied_state(filled, 'state-copy'), made = guides_file(n, department(copy.state).code), token = citizen_token(copy.state);
		const server = await serve('siban-import', copy.state);
		const read = (seconds) => client([tool('h2client'), '-k', '-c', '10', '-m', '10', '-r', '1000', '-t', String(seconds), '-i', copy.numbers, '-p', '/v1/cases/',
			'-H', `authorization: Bearer ${token}`, '127.0.0.1', String(server.port)], { before: ['chrt', '-f', '10'] }).then(JSON.parse);
		bytes = made.bytes;
		idle.push(await read(5));
		const began = Date.now();
		let is_over = false;
		const importing = running(copy.state, 'import', 'guides', made.file).finally(() => { is_over = true; });
		while (!is_over) {
			const seen = await read(2);
			if (!is_over) busy.push(seen);
		}
		if (!(await importing).endsWith(`${n} rows, ${n} changed\n`)) throw new Error(`imported: ${await importing}`);
		took_s.push((Date.now() - began) / 1000);
		stalls.push((await metrics(server)).get('siban_committer_stall_us'));
		await stop(server);
		sh(['rm', '-rf', copy.state]);
	}
	const line = (label, list) => [label, Math.round(median(list.map((r) => r.per_second))), ...['p50_us', 'p99_us', 'p999_us', 'max_us'].map((p) => (median(list.map((r) => r[p])) / 1000).toFixed(2))];
	const p99 = (list) => median(list.map((r) => r.p99_us));
	report({ figure: '16', title: `status query at 1,000/s while ${n} guides of ${bytes} bytes are imported (${median(took_s).toFixed(0)} s, judged and then written), ${rounds} rounds`,
		head: ['what', 'per second', 'p50 ms', 'p99 ms', 'p99.9 ms', 'max ms'], rows: [line('reads, idle', idle), line('reads, importing', busy)],
		goals: [{ what: 'p99 importing / idle', value: p99(busy) / p99(idle), goal: 5, step: 5 },
			{ what: 'longest hold of the committer, ms', value: median(stalls) / 1000, goal: 5, step: 25 }], raw: { idle, busy, took_s, stalls } });
}
