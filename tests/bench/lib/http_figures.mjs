// tests/bench/lib/http_figures.mjs - figures 1, 2, 4 and 7: the status query beside static files, over many cases, and beside a saturated committer.
import fs from 'node:fs';
import path from 'node:path';
import { anchors, ANCHOR_PREFIX, document } from './anchors.mjs';
import { citizen_token, copied_state, department, CITIZEN, filled_state, metrics, one_answer, serve, tool } from './daemon.mjs';
import { client, cpu_ns, machine_cpu, median, sh, stop, work_dir } from './machine.mjs';
import { report } from './report.mjs';

const PREFIX = '/v1/cases/';

/** `count` lines of a file, drawn evenly and shuffled with a fixed seed. */
function key_sample(numbers, count, name) {
	const all = fs.readFileSync(numbers, 'utf8').trim().split('\n');
	let state = 20261123;
	const draw = (n) => { state = (Math.imul(state, 1103515245) + 12345) >>> 0; return Math.floor(state / 4294967296 * n); };
	for (let i = 0; i < Math.min(count, all.length); i++) {
		const j = i + draw(all.length - i);
		[all[i], all[j]] = [all[j], all[i]];
	}
	const keys = all.slice(0, count);
	const file = path.join(work_dir, name);
	fs.writeFileSync(file, `${keys.join('\n')}\n`);
	for (const [kind, prefix] of [['siban', PREFIX], ['anchor', ANCHOR_PREFIX]])
		fs.writeFileSync(`${file}.${kind}`, `${keys.map((k) => prefix + k).join('\n')}\n`);
	return { keys, file };
}

/** One round of load; gives requests answered, requests a second, and latencies where the client knows them. */
async function h2load({ port, token, c, m, n, file, kind, target }) {
	const from = target === undefined ? ['-B', `https://127.0.0.1:${port}`, '-i', `${file}.${kind}`] : [`https://127.0.0.1:${port}${target}`];
	const out = await client(['h2load', `-c${c}`, `-m${m}`, `-n${n}`, '-H', `authorization: Bearer ${token}`, ...from]);
	const good = Number(/status codes: (\d+) 2xx/.exec(out)?.[1]);
	if (good !== n)
		throw new Error(`not every answer was 2xx:\n${out}`);
	return { answered: n, per_second: Number(/, ([\d.]+) req\/s/.exec(out)[1]) };
}

async function own_client({ port, token, c, m, n, file, seed, kind }) {
	const aim = kind === 'anchor' ? ['-p', ANCHOR_PREFIX] : ['-p', PREFIX, '-k'];
	return JSON.parse(await client([tool('h2client'), '-c', c, '-m', m, '-n', n, '-s', seed, '-i', file, ...aim, '-H', `authorization: Bearer ${token}`,
		'127.0.0.1', port].map(String)));
}

function children_cpu_s() {
	const fields = fs.readFileSync('/proc/self/stat', 'utf8').split(') ')[1].split(' ');
	return (Number(fields[13]) + Number(fields[14])) / 100; /* cutime, cstime */
}

async function measured(server, load, ask) {
	const machine = machine_cpu(), own = children_cpu_s(), before = cpu_ns(server.pid);
	const got = await load({ ...ask, port: server.port });
	const used = cpu_ns(server.pid) - before, after = machine_cpu();
	const others = Math.max(0, after.busy - machine.busy - used / 1e9 - (children_cpu_s() - own)) + after.steal - machine.steal;
	return { ...got, cpu_us: used / 1000 / got.answered, others_s: others };
}

/** Every server in turn, forth and back (ABBA), so that a drift of the machine meets all of them alike. */
async function rounds_of(servers, load, count, ask) {
	const rows = new Map(servers.map((s) => [s.label, []]));
	for (const s of servers)
		await load({ ...ask, ...s.ask, n: Math.min(ask.n, 20000), port: s.port, seed: 1 });
	for (let round = 0; round < count; round++)
		for (const s of round % 2 === 0 ? servers : [...servers].reverse())
			rows.get(s.label).push(await measured(s, load, { ...ask, ...s.ask, seed: 100 + round }));
	return rows;
}

const middle = (rows, label, what) => median(rows.get(label).map((r) => r[what]));

function rows_table(servers, rows, beside) {
	return servers.map(({ label }) => {
		const cpu = rows.get(label).map((r) => r.cpu_us);
		const p99 = rows.get(label)[0].p99_us === undefined ? '' : (middle(rows, label, 'p99_us') / 1000).toFixed(2);
		return [label, median(cpu).toFixed(2), Math.min(...cpu).toFixed(2), Math.max(...cpu).toFixed(2), Math.round(middle(rows, label, 'per_second')), p99,
			...beside.map((b) => (median(cpu) / middle(rows, b, 'cpu_us')).toFixed(2)), middle(rows, label, 'others_s').toFixed(2)];
	});
}

const head = (beside) => ['server', 'CPU us/request', 'least', 'most', 'requests/s', 'p99 ms', ...beside.map((b) => `x ${b}`), 'others, CPU s'];

/** siban twice (from SQLite, from the row cache) and the anchors, with answers of one size; `one_path`: the anchors again without HPACK literals. */
async function all_servers(keys_max, one_path) {
	const { state, numbers } = filled_state(100000);
	const sample = key_sample(numbers, keys_max, 'keys');
	const token = citizen_token(state);
	const copy = copied_state({ state, numbers }, 'state-copy');
	const servers = [
		{ label: 'siban sqlite', ask: { kind: 'siban' }, ...await serve('siban-sqlite', state, { 'store.row_cache': 0 }) },
		{ label: 'siban cached', ask: { kind: 'siban' }, ...await serve('siban-cached', copy.state) },
	];
	const body = await one_answer(servers[0].port, PREFIX + sample.keys[0], token);
	const root = document(body);
	for (const [label, up] of Object.entries(anchors)) {
		const server = await up(root, body);
		servers.push({ label, ask: { kind: 'anchor' }, ...server });
		if (one_path)
			servers.push({ label: `${label}, one path`, ask: { target: '/one.json' }, twin: true, ...server });
	}
	return { servers, sample, token, body_bytes: Buffer.byteLength(body) };
}

async function beside_anchors(figure, title, { c, m, n, rounds, own, goals }) {
	const { servers, sample, token, body_bytes } = await all_servers(own ? 10000 : 2000, !own && m > 1);
	const rows = await rounds_of(servers, own ? own_client : h2load, rounds, { c, m, n, token, file: sample.file });
	const beside = ['nghttpd', 'nginx', 'h2o'];
	report({
		figure, title: `${title}, ${own ? 'h2client: uniform keys' : 'h2load: every connection walks the same list'}, ${sample.keys.length} keys, ${body_bytes} byte answers, ${rounds} rounds`,
		head: head(beside), rows: rows_table(servers, rows, beside),
		goals: goals.map(([label, anchor, goal, step]) => ({ what: `${label} / ${anchor}`, value: middle(rows, label, 'cpu_us') / middle(rows, anchor, 'cpu_us'), goal, step })),
		raw: Object.fromEntries(rows),
	});
	for (const s of servers.filter(({ twin }) => !twin))
		await stop(s);
}

export async function figure_1({ rounds = 7, n = 100000, own = false }) {
	await beside_anchors('1', 'authenticated status query, -c50 -m10, one core', { c: 50, m: 10, n, rounds, own,
		goals: [['siban sqlite', 'nghttpd', 1.0, 1.3], ['siban sqlite', 'nginx', 0.75, 0.75], ['siban cached', 'h2o', 1.15, 1.495]] });
}

export async function figure_2({ rounds = 5, n = 60000, own = false }) {
	await beside_anchors('2', "the same, -c100 -m1: a phone's shape", { c: 100, m: 1, n, rounds, own,
		goals: [['siban sqlite', 'h2o', 1.1, 1.25], ['siban cached', 'h2o', 1.1, 1.25]] });
}

/** Uniform keys over few and over many cases. */
export async function figure_4({ rounds = 5, n = 100000, many = Number(process.env.SIBAN_BENCH_MANY || 10000000) }) {
	const servers = [];
	for (const cases of [100000, many]) {
		const { state, numbers } = filled_state(cases);
		servers.push({ label: `${cases} cases`, ask: { token: citizen_token(state), file: numbers }, ...await serve(`siban-${cases}`, state, { 'store.row_cache': 0 }) });
	}
	const rows = await rounds_of(servers, own_client, rounds, { c: 50, m: 10, n });
	const [few, lots] = servers.map((s) => s.label);
	report({ figure: '4', title: `status query from SQLite, uniform keys, -c50 -m10, ${rounds} rounds`, head: head([few]), rows: rows_table(servers, rows, [few]),
		goals: [{ what: `${lots} / ${few}`, value: middle(rows, lots, 'cpu_us') / middle(rows, few, 'cpu_us'), goal: 1.2, step: 1.56 }], raw: Object.fromEntries(rows) });
	for (const s of servers)
		await stop(s);
}

/** Reads at a fixed, low rate while another client keeps 512 opening events in flight. */
export async function figure_7({ rounds = 3, seconds = 5 }) {
	const copy = copied_state(filled_state(100000), 'state-copy');
	const token = citizen_token(copy.state), d = department(copy.state);
	const body = path.join(work_dir, 'event.json');
	const server = await serve('siban-busy', copy.state);
	const read = () => client([tool('h2client'), '-k', '-c', '10', '-m', '10', '-r', '1000', '-t', String(seconds), '-i', copy.numbers, '-p', PREFIX,
		'-H', `authorization: Bearer ${token}`, '127.0.0.1', String(server.port)], { before: ['chrt', '-f', '10'] }).then(JSON.parse);
	const write = (from) => {
		fs.writeFileSync(body, JSON.stringify({ event_id: 'bench-@ID@', case_ref: 'BENCH@ID@', seq: 1, event: 'received', occurred_at: new Date().toISOString(),
			matter: d.matter, region: d.region, applicant: { id_type: 'resident', id_number: CITIZEN } }));
		return client([tool('h2client'), '-c', '16', '-m', '32', '-t', String(seconds + 2), '-b', body, '-a', String(from), '-p', '/v1/department/events',
			'-H', `authorization: Bearer ${d.token}`, '-H', 'content-type: application/json', '-H', 'idempotency-key: bench-key-@ID@', '127.0.0.1', String(server.port)]).then(JSON.parse);
	};
	const idle = [], busy = [], writes = [], batches = [];
	for (let round = 0; round < rounds; round++) {
		idle.push(await read());
		const before = await metrics(server);
		const writing = write(Date.now() * 1000);
		await new Promise((resolve) => { setTimeout(resolve, 1000); });
		busy.push(await read());
		writes.push(await writing);
		const after = await metrics(server);
		const grew = (name) => [...after.keys()].filter((k) => k.replace(/^siban_/, '').startsWith(name)).reduce((sum, k) => sum + after.get(k) - (before.get(k) || 0), 0);
		batches.push(grew('commit_requests') / Math.max(1, grew('commits')));
	}
	const line = (label, list) => [label, Math.round(median(list.map((r) => r.per_second))), ...['p50_us', 'p99_us', 'p999_us', 'max_us'].map((p) => (median(list.map((r) => r[p])) / 1000).toFixed(2))];
	const p99 = (list) => median(list.map((r) => r.p99_us));
	report({ figure: '7', title: `status query at 1,000/s while the committer is saturated (512 opening events in flight, ${median(batches).toFixed(1)} a commit), loop and committer on one core, ${rounds} rounds`,
		head: ['what', 'per second', 'p50 ms', 'p99 ms', 'p99.9 ms', 'max ms'], rows: [line('reads, idle', idle), line('reads, committer busy', busy), line('durable events', writes)],
		goals: [{ what: 'p99 busy / idle', value: p99(busy) / p99(idle), goal: 5, step: 5 }], raw: { idle, busy, writes } });
	await stop(server);
	sh(['rm', '-rf', copy.state]);
}
