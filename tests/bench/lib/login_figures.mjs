// tests/bench/lib/login_figures.mjs - figures 14 and 15: what it costs to know who asks, and to log in.
import http2 from 'node:http2';
import path from 'node:path';
import fs from 'node:fs';
import { copied_state, filled_state, metrics, serve, tool } from './daemon.mjs';
import { client, cpu_ns, median, SERVER_CPU, sh, stop, work_dir } from './machine.mjs';
import { report } from './report.mjs';

const OTP = 'urn:siban:params:oauth:grant-type:otp';
const settings = { 'otp.per_address': 1000000, 'staff.logins_per_address': 100000 };

function connected(port) {
	return http2.connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
}

function posted(session, target, type, text, wanted) {
	return new Promise((resolve, reject) => {
		const stream = session.request({ ':method': 'POST', ':path': target, 'content-type': type });
		let status, body = '';
		stream.on('response', (h) => { status = h[':status']; });
		stream.setEncoding('utf8');
		stream.on('data', (d) => { body += d; });
		stream.on('error', reject);
		stream.on('end', () => (status === wanted ? resolve(JSON.parse(body)) : reject(new Error(`${target}: ${status} ${body}`))));
		stream.end(text);
	});
}

const somebody = (n) => ({ phone: `139${String(n).padStart(8, '0')}`, device_id: `bench-device-${String(n).padStart(12, '0')}` });

const ask_code = (session, n) => posted(session, '/v1/otp', 'application/json', JSON.stringify({ ...somebody(n), purpose: 'login' }), 202);

/** A citizen's whole login: a code asked for, and given back for a token (in development the answer bears it). */
async function login(session, n) {
	const { phone, device_id } = somebody(n), { challenge, development_code: code } = await ask_code(session, n);
	const form = new URLSearchParams({ grant_type: OTP, phone, challenge, code, device_id, device_name: 'bench' });
	return (await posted(session, '/oauth2/token', 'application/x-www-form-urlencoded', form.toString(), 200)).access_token;
}

/** CPU time of the server for each of `count` deeds, `at_once` under way. */
async function each(server, count, at_once, deed) {
	const before = cpu_ns(server.pid), began = process.hrtime.bigint();
	let next = 0;
	await Promise.all(Array.from({ length: at_once }, async () => {
		while (next < count)
			await deed(next++);
	}));
	return { cpu_us: (cpu_ns(server.pid) - before) / 1000 / count, per_second: count / (Number(process.hrtime.bigint() - began) / 1e9) };
}

const line = (label, list, anchor) => {
	const cpu = list.map((r) => r.cpu_us);
	return [label, median(cpu).toFixed(2), Math.min(...cpu).toFixed(2), Math.max(...cpu).toFixed(2), Math.round(median(list.map((r) => r.per_second))),
		(median(cpu) / median(anchor.map((r) => r.cpu_us))).toFixed(2)];
};
const head = ['what', 'CPU us each', 'least', 'most', 'a second', 'x anchor'];

/** The same public row with and without a bearer; a bearer that is given is always checked, token and session. */
export async function figure_14({ rounds = 7, n = 50000 }) {
	const copies = ['state-copy', 'state-copy-2'].map((name) => copied_state(filled_state(1000), name));
	const keys = path.join(work_dir, 'matters'), seen = { public: [], kept: [], asked: [] };
	fs.writeFileSync(keys, sh(['sqlite3', '-readonly', path.join(copies[0].state, 'siban.db'), 'SELECT code FROM matter ORDER BY code LIMIT 100']));
	const kept = await serve('siban-kept', copies[0].state, settings), asked = await serve('siban-asked', copies[1].state, { ...settings, 'store.token_cache': 0 });
	for (const server of [kept, asked]) {
		const session = connected(server.port);
		server.header = ['-H', `authorization: Bearer ${await login(session, 1)}`];
		session.close();
	}
	const ways = [['public', kept, []], ['kept', kept, kept.header], ['asked', asked, asked.header]];
	const run = async ([name, server, header], count, seed) => {
		const before = cpu_ns(server.pid);
		const got = JSON.parse(await client([tool('h2client'), '-c', '50', '-m', '10', '-n', String(count), '-s', String(seed), '-i', keys, '-p', '/v1/matters/', '-k', ...header,
			'127.0.0.1', String(server.port)]));
		return [name, { cpu_us: (cpu_ns(server.pid) - before) / 1000 / count, per_second: got.per_second }];
	};
	for (const way of ways)
		await run(way, 5000, 1);
	for (let round = 0; round < rounds; round++)
		for (const way of round % 2 === 0 ? ways : [...ways].reverse()) {
			const [name, got] = await run(way, n, 100 + round);
			seen[name].push(got);
		}
	for (const server of [kept, asked])
		await stop(server);
	const cpu = (name) => median(seen[name].map((r) => r.cpu_us));
	report({ figure: '14', title: `the check of token and session: GET /v1/matters/:code, -c50 -m10, one core, ${rounds} rounds of ${n}`, head,
		rows: [line('without login', seen.public, seen.public), line('token and session kept', seen.kept, seen.public), line('both from SQLite', seen.asked, seen.public)],
		goals: [{ what: 'kept / without login', value: cpu('kept') / cpu('public'), goal: 1.25, step: 1.25 },
			{ what: 'from SQLite / without login', value: cpu('asked') / cpu('public'), goal: 2, step: 2 }], raw: seen });
	for (const { state } of copies)
		sh(['rm', '-rf', state]);
}

/** Whole logins: of staff beside argon2id alone; of citizens, two committed requests, beside the first of them. */
export async function figure_15({ rounds = 3, n = 2000, seconds = 5 }) {
	const copy = copied_state(filled_state(1000), 'state-copy'), server = await serve('siban-logins', copy.state, settings), body = path.join(work_dir, 'login.json');
	const seen = { codes: [], citizens: [], staff: [], argon2: [] }, session = connected(server.port);
	fs.writeFileSync(body, JSON.stringify({ account: 'bench.@ID@', password: 'Guess-@ID@-Guess', totp: '000000' }));
	await login(session, 0);
	for (let round = 0; round < rounds; round++) {
		seen.argon2.push(JSON.parse(sh(['taskset', '-c', SERVER_CPU, tool('argon2_bench'), '30'])));
		seen.codes.push(await each(server, n, 32, (k) => ask_code(session, 1 + 2 * round * n + k)));
		seen.citizens.push(await each(server, n, 32, (k) => login(session, 1 + (2 * round + 1) * n + k)));
		const before = cpu_ns(server.pid);
		const got = JSON.parse(await client([tool('h2client'), '-c', '4', '-m', '1', '-t', String(seconds), '-b', body, '-a', String(Date.now() * 1000), '-p', '/v1/staff/login',
			'-H', 'content-type: application/json', '127.0.0.1', String(server.port)], { codes: [0, 1] })); /* 1: every answer is 401 */
		seen.staff.push({ cpu_us: (cpu_ns(server.pid) - before) / 1000 / got.answered, per_second: got.per_second });
	}
	session.close();
	await stop(server);
	const cpu = (name) => median(seen[name].map((r) => r.cpu_us));
	report({ figure: '15', title: `logins, server on one core, ${rounds} rounds: ${n} of citizens (code asked for and given back, 32 at once), ${seconds} s of staff (argon2id, judged and refused, 4 at once)`,
		head, rows: [line('argon2id alone', seen.argon2, seen.argon2), line('login of staff', seen.staff, seen.argon2), line('a code asked for', seen.codes, seen.codes),
			line('login of citizens', seen.citizens, seen.codes)],
		goals: [{ what: 'login of staff / argon2id alone', value: cpu('staff') / cpu('argon2'), goal: 1.25, step: 1.25 },
			{ what: 'login of citizens / a code asked for', value: cpu('citizens') / cpu('codes'), goal: 4, step: 4 }], raw: seen });
	sh(['rm', '-rf', copy.state]);
}
