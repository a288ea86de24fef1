// tests/bench/lib/booking_figures.mjs - figure 18: holds of seats over the wire, whole requests of people who are logged in, beside the committer alone; and what
// it costs to show what is free.
import fs from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import path from 'node:path';
import { copied_state, filled_state, running, serve, tool } from './daemon.mjs';
import { client, cpu_ns, median, sh, source_dir, stop, work_dir } from './machine.mjs';
import { report } from './report.mjs';

const HALL = 'H621202', KINDS = ['investment', 'commerce', 'real_estate', 'housing_fund', 'social_security', 'birth'], HOLDS_EACH = KINDS.length; /* what one person may have open */
const WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

export function resident(n) {
	const body = `621202${1950 + (Math.floor(n / 999 / 28) % 50)}03${String(1 + (Math.floor(n / 999) % 28)).padStart(2, '0')}${String(1 + (n % 999)).padStart(3, '0')}`;
	return body + '10X98765432'[[...body].reduce((sum, digit, i) => sum + Number(digit) * WEIGHTS[i], 0) % 11];
}

export function control(state, target, body) {
	return new Promise((resolve, reject) => {
		const request = http.request({ socketPath: path.join(state, 'control.sock'), method: 'POST', path: target, headers: { 'content-type': 'application/json', host: 'localhost' } }, (answer) => {
			let text = '';
			answer.on('data', (d) => { text += d; });
			answer.on('end', () => (answer.statusCode === 201 ? resolve(JSON.parse(text)) : reject(new Error(`${target}: ${answer.statusCode} ${text}`))));
		});
		request.on('error', reject);
		request.end(JSON.stringify(body));
	});
}

/** Windows whose slots have room for everybody, and one as halls have them, for reading. */
async function opened(state) {
	const matters = sh(['sqlite3', '-readonly', path.join(state, 'siban.db'), `SELECT code FROM matter ORDER BY id LIMIT ${KINDS.length}`]).trim().split('\n');
	const put = async (kind, header, lines) => {
		const file = path.join(work_dir, `${kind}.csv`);
		fs.writeFileSync(file, `${header}\n${lines.join('\n')}\n`);
		await running(state, 'import', kind, file);
	};
	const year = new Date(Date.now() + 8 * 3600e3).getUTCFullYear();
	await put('calendar', 'date,kind,name,source,region', [year, year + 1].map((y) => `${y}-01-01,off,元旦,bench,`));
	for (const kind of ['halls', 'windows']) await running(state, 'import', kind, path.join(source_dir, `data/${kind}.csv`));
	await put('booking_rules', 'hall,window,sessions,slot_minutes,capacity,walk_in_percent,horizon_days,notice_minutes,letter',
		[...KINDS.map((k, i) => `${HALL},${k},1-5 00:00-24:00,15,500,0,20,0,${'ABCDEF'[i]}`), `${HALL},other,1-5 08:30-12:00;1-5 14:30-17:30,30,4,30,7,60,H`]);
	await put('window_matters', 'hall,window,matter,state', KINDS.map((k, i) => `${HALL},${k},${matters[i]},on`));
	const count = () => Number(sh(['sqlite3', '-readonly', path.join(state, 'siban.db'), 'SELECT COUNT(*) FROM booking_group WHERE made_version <> version OR pass_day <> 0 OR made_day = 0']));
	while (count() > 0) await new Promise((resolve) => { setTimeout(resolve, 100); });
	return matters;
}

function posted(session, token, key, body) {
	return new Promise((resolve, reject) => {
		const stream = session.request({ ':method': 'POST', ':path': '/v1/holds', 'content-type': 'application/json', authorization: `Bearer ${token}`, 'idempotency-key': key });
		let status, text = '';
		stream.on('response', (h) => { status = h[':status']; });
		stream.setEncoding('utf8');
		stream.on('data', (d) => { text += d; });
		stream.on('error', reject);
		stream.on('end', () => (status === 201 ? resolve() : reject(new Error(`${status} ${text}`))));
		stream.end(body);
	});
}

async function holds(server, sessions, tokens, matters, days, count, at_once) {
	const before = cpu_ns(server.pid), began = process.hrtime.bigint(), waits = [];
	let next = 0;
	await Promise.all(Array.from({ length: at_once }, async (_unused, lane) => {
		for (let n; (n = next++) < count;) {
			const person = Math.floor(n / HOLDS_EACH), kind = n % HOLDS_EACH, slot = (n * 7) % 96, from = process.hrtime.bigint();
			const starts_at = `${days[1 + kind]}T${String(Math.floor(slot / 4)).padStart(2, '0')}:${String((slot % 4) * 15).padStart(2, '0')}:00+08:00`;
			await posted(sessions[lane % sessions.length], tokens[person], `bench-${tokens[person].slice(-12)}-${kind}`, JSON.stringify({ hall: HALL, matters: matters[kind], starts_at }));
			waits.push(Number(process.hrtime.bigint() - from) / 1e6);
		}
	}));
	waits.sort((a, b) => a - b);
	return { per_second: count / (Number(process.hrtime.bigint() - began) / 1e9), cpu_us: (cpu_ns(server.pid) - before) / 1000 / count, p50_ms: waits[Math.floor(count / 2)], p99_ms: waits[Math.floor(count * 0.99)] };
}

export async function figure_18({ rounds = 3, n = 6000, seconds = 3 }) {
	const copy = copied_state(filled_state(1000), 'state-copy'), server = await serve('siban-bookings', copy.state, { 'rate.write': 1000000 });
	const matters = await opened(copy.state), folder = path.join(work_dir, 'committer');
	const days = sh(['sqlite3', '-readonly', path.join(copy.state, 'siban.db'), "SELECT DISTINCT date(starts_ms / 1000 + 28800, 'unixepoch') FROM booking_slot ORDER BY 1"]).trim().split('\n');
	const shapes = [1, 64, 512], seen = Object.fromEntries(shapes.flatMap((s) => [[`holds ${s}`, []], [`committer ${s}`, []]])), shown = { days: [], day: [] };
	const keys = { days: `${HALL}/sessions?window=other`, day: `${HALL}/sessions?window=other&date=${days[1]}` };
	let person = 0;
	for (let round = 0; round < rounds; round++) {
		for (const at_once of round % 2 === 0 ? shapes : [...shapes].reverse()) {
			const count = at_once === 1 ? Math.ceil(n / 10) : n, tokens = [];
			for (let i = 0; i < Math.ceil(count / HOLDS_EACH); i++) tokens.push((await control(copy.state, '/control/tokens', { kind: 'citizen', id_number: resident(person++) })).token);
			const sessions = Array.from({ length: Math.min(8, at_once) }, () => http2.connect(`https://127.0.0.1:${server.port}`, { rejectUnauthorized: false }));
			seen[`holds ${at_once}`].push(await holds(server, sessions, tokens, matters, days, count, at_once));
			for (const s of sessions) s.close();
			fs.rmSync(folder, { recursive: true, force: true });
			fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
			const raw = JSON.parse(sh([tool('committer_bench'), 'committer', String(at_once), String(seconds), folder]));
			seen[`committer ${at_once}`].push({ per_second: raw.per_second, cpu_us: raw.cpu_us, p50_ms: raw.p50_us / 1000, p99_ms: raw.p99_us / 1000 });
		}
		for (const [name, key] of Object.entries(keys)) {
			const file = path.join(work_dir, `sessions-${name}`);
			fs.writeFileSync(file, `${key}\n`);
			const before = cpu_ns(server.pid), count = 20000;
			const got = JSON.parse(await client([tool('h2client'), '-c', '10', '-m', '10', '-n', String(count), '-i', file, '-p', '/v1/halls/', '127.0.0.1', String(server.port)]));
			shown[name].push({ cpu_us: (cpu_ns(server.pid) - before) / 1000 / count, per_second: got.per_second });
		}
	}
	const wrong = sh(['sqlite3', '-readonly', path.join(copy.state, 'siban.db'), `SELECT COUNT(*) FROM booking_slot s WHERE s.held + s.booked <>
		(SELECT COUNT(*) FROM booking_seat x JOIN booking b ON b.id = x.booking WHERE x.slot = s.id AND b.state IN (1, 2, 5, 6))`]).trim();
	if (wrong !== '0') throw new Error(`${wrong} slots do not fit their seats`);
	await stop(server);
	fs.rmSync(folder, { recursive: true, force: true });
	const middle = (list, what) => median(list.map((r) => r[what])), row = (label, at_once, list) => [label, at_once, Math.round(middle(list, 'per_second')), middle(list, 'cpu_us').toFixed(1),
		list[0].p50_ms === undefined ? '' : middle(list, 'p50_ms').toFixed(2), list[0].p99_ms === undefined ? '' : middle(list, 'p99_ms').toFixed(2)];
	report({ figure: '18', title: `holds of seats over HTTP/2 by people who are logged in, beside the committer alone; what is free, from counters; ${rounds} rounds of ${n}`,
		head: ['what', 'in flight', 'a second', 'CPU us each', 'p50 ms', 'p99 ms'],
		rows: [...shapes.flatMap((s) => [row('hold', s, seen[`holds ${s}`]), row('committer alone, 5 statements', s, seen[`committer ${s}`])]),
			row('days that can be booked', 100, shown.days), row('slots of a day', 100, shown.day)],
		goals: [{ what: 'days that can be booked, CPU ms', value: middle(shown.days, 'cpu_us') / 1000, goal: 1, step: 1 }, { what: 'slots of a day, CPU ms', value: middle(shown.day, 'cpu_us') / 1000, goal: 1, step: 1 },
			{ what: 'holds at 64 / one at a time', value: middle(seen['holds 64'], 'per_second') / middle(seen['holds 1'], 'per_second'), goal: 5, step: 2, at_least: true }], raw: { seen, shown } });
	sh(['rm', '-rf', copy.state]);
}
