// tests/bench/lib/other_figures.mjs - figures 3 (instructions), 5 and 6 (durable bookings) and 12 (back after kill -9).
import fs from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { citizen_token, copied_state, CITIZEN, department, filled_state, serve, siban, tool } from './daemon.mjs';
import { client, median, sh, stop, work_dir } from './machine.mjs';
import { report } from './report.mjs';

/** All instructions of one run of the daemon under callgrind, user space only. */
async function instructions(name, state, token, file, requests, extra) {
	const out = path.join(work_dir, `${name}.callgrind`);
	fs.rmSync(out, { force: true });
	const server = await serve(name, state, extra, { cpu: null, before: ['valgrind', '--tool=callgrind', `--callgrind-out-file=${out}`] });
	await client([tool('h2client'), '-k', '-c', '5', '-m', '10', '-n', String(requests), '-T', '600', '-i', file, '-p', '/v1/cases/', '-H', `authorization: Bearer ${token}`,
		'127.0.0.1', String(server.port)], { cpu: null });
	const how = await stop(server);
	if (how.code !== 0)
		throw new Error(`${name} ended with ${JSON.stringify(how)}, see ${server.log}`);
	return Number(/^(?:totals|summary): (\d+)/m.exec(fs.readFileSync(out, 'utf8'))[1]);
}

/** The difference of a long and a short run leaves out start, handshakes and what the cache had to learn. */
export async function figure_3({ few = 5000, many = 25000 }) {
	const { state, numbers } = filled_state(100000);
	const token = citizen_token(state);
	const keys = path.join(work_dir, 'keys-3');
	fs.writeFileSync(keys, `${fs.readFileSync(numbers, 'utf8').split('\n', 1000).join('\n')}\n`);
	const seen = {};
	for (const [label, extra, file] of [['sqlite', { 'store.row_cache': 0 }, numbers], ['cached', {}, keys]]) {
		const short = await instructions(`callgrind-${label}-short`, state, token, file, few, extra);
		const long = await instructions(`callgrind-${label}-long`, state, token, file, many, extra);
		seen[label] = (long - short) / (many - few);
	}
	report({ figure: '3', title: 'instructions per request (callgrind, user space, -c5 -m10; from SQLite: uniform over 100,000 cases, cached: 1,000 keys)',
		head: ['status query', 'instructions/request'], rows: Object.entries(seen).map(([l, v]) => [l, Math.round(v)]),
		goals: [{ what: 'from SQLite', value: seen.sqlite, goal: 30000, step: 30000 }, { what: 'cached', value: seen.cached, goal: 20000, step: 23000 }], raw: seen });
}

export async function figure_5({ rounds = 5, seconds = 3 }) {
	const shapes = [['single', 1], ['committer', 1], ['committer', 64], ['group', 64], ['committer', 512], ['group', 512]];
	const rows = new Map(shapes.map((s) => [s.join(' '), []]));
	const folder = path.join(work_dir, 'committer');
	for (let round = 0; round < rounds; round++)
		for (const [mode, in_flight] of round % 2 === 0 ? shapes : [...shapes].reverse()) {
			fs.rmSync(folder, { recursive: true, force: true });
			fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
			rows.get(`${mode} ${in_flight}`).push(JSON.parse(sh([tool('committer_bench'), mode, String(in_flight), String(seconds), folder])));
		}
	fs.rmSync(folder, { recursive: true, force: true });
	const middle = (shape, what) => median(rows.get(shape).map((r) => r[what]));
	const names = { single: 'raw SQLite, one at a time', committer: 'committer', group: 'raw SQLite, grouped by hand' };
	report({ figure: '5, 6', title: `durable bookings (2 selects, conditional update, 2 inserts), ${rounds} rounds of ${seconds} s`,
		head: ['what', 'in flight', 'durable/s', 'least', 'most', 'p50 ms', 'p99 ms', 'CPU us each'],
		rows: shapes.map(([mode, in_flight]) => {
			const shape = `${mode} ${in_flight}`, per_second = rows.get(shape).map((r) => r.per_second);
			return [names[mode], in_flight, Math.round(median(per_second)), Math.min(...per_second), Math.max(...per_second),
				(middle(shape, 'p50_us') / 1000).toFixed(2), (middle(shape, 'p99_us') / 1000).toFixed(2), middle(shape, 'cpu_us').toFixed(1)];
		}),
		goals: [
			{ what: '5: committer 64 / one at a time', value: middle('committer 64', 'per_second') / middle('single 1', 'per_second'), goal: 10, step: 10, at_least: true },
			{ what: '6: committer 512, thousands a second', value: middle('committer 512', 'per_second') / 1000, goal: 50, step: 50, at_least: true },
			{ what: '6: committer 512, p99 ms', value: middle('committer 512', 'p99_us') / 1000, goal: 20, step: 20 },
		], raw: Object.fromEntries(rows) });
}

function ask(port, target, token) {
	return new Promise((resolve) => {
		const request = https.get({ host: '127.0.0.1', port, path: target, agent: false, rejectUnauthorized: false, headers: { authorization: `Bearer ${token}` } }, (answer) => {
			let text = '';
			answer.on('data', (d) => { text += d; });
			answer.on('end', () => resolve({ status: answer.statusCode, text }));
		});
		request.on('error', () => resolve({ status: 0 }));
	});
}

/** From SIGKILL in the middle of writing to the first correct answer of the next process. */
export async function figure_12({ rounds = 5, cases = 1000000 }) {
	const copy = copied_state(filled_state(cases), 'state-copy');
	const token = citizen_token(copy.state), d = department(copy.state);
	const numbers = fs.readFileSync(copy.numbers, 'utf8').trim().split('\n');
	const body = path.join(work_dir, 'event.json');
	fs.writeFileSync(body, JSON.stringify({ event_id: 'bench-@ID@', case_ref: 'BENCH@ID@', seq: 1, event: 'received', occurred_at: new Date().toISOString(),
		matter: d.matter, region: d.region, applicant: { id_type: 'resident', id_number: CITIZEN } }));
	const seen = [];
	let server = await serve('siban-killed', copy.state, {}, { cpu: null });
	for (let round = 0; round < rounds; round++) {
		const writing = client([tool('h2client'), '-c', '8', '-m', '16', '-t', '60', '-b', body, '-a', String(Date.now() * 1000), '-p', '/v1/department/events',
			'-H', `authorization: Bearer ${d.token}`, '-H', 'content-type: application/json', '-H', 'idempotency-key: bench-key-@ID@', '127.0.0.1', String(server.port)],
		{ codes: [0, 1] });
		await new Promise((resolve) => { setTimeout(resolve, 3000); });
		const began = performance.now();
		server.child.kill('SIGKILL');
		await server.ended;
		server = await serve('siban-killed', copy.state, {}, { cpu: null });
		const number = numbers[(round * 7919 + 13) % numbers.length];
		for (;;) {
			const { status, text } = await ask(server.port, `/v1/cases/${number}`, token);
			if (status === 200 && JSON.parse(text).case_no === number)
				break;
			if (performance.now() - began > 60000)
				throw new Error(`no correct answer in a minute, the last was ${status} ${text}`);
			await new Promise((resolve) => { setTimeout(resolve, 5); });
		}
		seen.push((performance.now() - began) / 1000);
		await writing;
	}
	const integrity = sh(['sqlite3', path.join(copy.state, 'siban.db'), 'PRAGMA quick_check']).trim();
	if (integrity !== 'ok')
		throw new Error(`the database is damaged: ${integrity}`);
	await stop(server);
	report({ figure: '12', title: `kill -9 while writing to the first correct answer, ${cases} cases, ${rounds} rounds (${path.basename(siban())})`,
		head: ['what', 'seconds'], rows: [['median', median(seen).toFixed(3)], ['worst', Math.max(...seen).toFixed(3)]],
		goals: [{ what: 'worst, seconds', value: Math.max(...seen), goal: 2, step: 2 }], raw: seen });
	sh(['rm', '-rf', copy.state]);
}
