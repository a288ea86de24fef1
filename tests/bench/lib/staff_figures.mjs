// tests/bench/lib/staff_figures.mjs - figure 13: logins of staff, dear on purpose, beside citizens' status queries.
import fs from 'node:fs';
import path from 'node:path';
import { citizen_token, copied_state, filled_state, serve, tool } from './daemon.mjs';
import { client, median, sh, stop, work_dir } from './machine.mjs';
import { report } from './report.mjs';

/** Logins of accounts nobody has: each is one argon2id of 64 MiB, as a right one is. */
export async function figure_13({ rounds = 3, seconds = 5 }) {
	const copy = copied_state(filled_state(100000), 'state-copy');
	const token = citizen_token(copy.state), body = path.join(work_dir, 'login.json');
	const server = await serve('siban-logins', copy.state, { 'staff.logins_per_address': 100000 });
	fs.writeFileSync(body, JSON.stringify({ account: 'bench.@ID@', password: 'Guess-@ID@-Guess', totp: '000000' }));
	const read = () => client([tool('h2client'), '-k', '-c', '10', '-m', '10', '-r', '1000', '-t', String(seconds), '-i', copy.numbers, '-p', '/v1/cases/',
		'-H', `authorization: Bearer ${token}`, '127.0.0.1', String(server.port)], { before: ['chrt', '-f', '10'] }).then(JSON.parse);
	const login = (from) => client([tool('h2client'), '-c', '4', '-m', '4', '-t', String(seconds + 2), '-b', body, '-a', String(from), '-p', '/v1/staff/login',
		'-H', 'content-type: application/json', '127.0.0.1', String(server.port)], { codes: [0, 1] }).then(JSON.parse);
	const idle = [], busy = [], logins = [];
	for (let round = 0; round < rounds; round++) {
		idle.push(await read());
		const trying = login(Date.now() * 1000);
		await new Promise((resolve) => { setTimeout(resolve, 1000); });
		busy.push(await read());
		logins.push(await trying);
	}
	await stop(server);
	const line = (label, list) => [label, Math.round(median(list.map((r) => r.per_second))), ...['p50_us', 'p99_us', 'p999_us', 'max_us'].map((p) => (median(list.map((r) => r[p])) / 1000).toFixed(2))];
	const p99 = (list) => median(list.map((r) => r.p99_us));
	report({ figure: '13', title: `status query at 1,000/s while 16 logins are always tried (argon2id, 64 MiB each), loop and CPU lane on one core, ${rounds} rounds`,
		head: ['what', 'per second', 'p50 ms', 'p99 ms', 'p99.9 ms', 'max ms'], rows: [line('reads, idle', idle), line('reads, logins busy', busy), line('logins judged', logins)],
		goals: [{ what: 'p99 busy / idle', value: p99(busy) / p99(idle), goal: 1.5, step: 3 }], raw: { idle, busy, logins } });
	sh(['rm', '-rf', copy.state]);
}
