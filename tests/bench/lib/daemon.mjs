// tests/bench/lib/daemon.mjs - siban itself, made ready for a figure: a filled state folder, tokens, limits that run but do not refuse.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { certificate } from './anchors.mjs';
import { client, free_port, sh, source_dir, start, wait_port, work_dir } from './machine.mjs';

const build_dir = () => process.env.SIBAN_BUILD || path.join(work_dir, 'release');
export const siban = () => process.env.SIBAN || path.join(build_dir(), 'siban');
export const tool = (name) => path.join(build_dir(), 'tests/bench', name);

export const CITIZEN = '621202199003070030'; // made up; the check digit is right

/** Settings of every figure: access log, metrics and rate limits are on, quotas so high that they never refuse. */
function settings(state, extra) {
	const { cert, key } = certificate();
	const all = { development: 'true', 'state.dir': state, 'listen.address': '127.0.0.1', 'tls.certificate': cert, 'tls.key': key, loops: 1,
		'limit.connections': 15000, 'limit.connections_per_address': 15000, 'rate.read': 1000000, 'rate.department': 10000000, 'rate.public': 10000000, ...extra };
	return Object.entries(all).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
}

export function command(state, verb, ...rest) {
	return sh(command.argv(state, verb, ...rest)).trim();
}
command.argv = (state, verb, ...rest) => [siban(), verb, ...rest, ...settings(state, {})];

/** The same beside what goes on: a promise of what it printed. */
export const running = (state, verb, ...rest) => client([siban(), verb, ...rest, ...settings(state, {})]);

/** A state folder with `cases` cases and the file of their numbers; kept between runs while the schema and what fills it stay the same. */
export function filled_state(cases) {
	const state = path.join(work_dir, `state-${cases}`);
	const stamp = path.join(state, 'filled');
	const schema = sh(['sha256sum', ...fs.readdirSync(path.join(source_dir, 'store/schema')).sort().map((f) => path.join(source_dir, 'store/schema', f)),
		path.join(source_dir, 'tests/bench/fill.c'), path.join(source_dir, 'services/cases/case_number.c')]);
	const numbers = path.join(state, 'case_numbers');
	if (fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === schema)
		return { state, numbers };
	process.stderr.write(`filling ${cases} cases into ${state}\n`);
	fs.rmSync(state, { recursive: true, force: true });
	fs.mkdirSync(state, { recursive: true, mode: 0o700 });
	command(state, 'migrate');
	for (const kind of ['regions', 'departments', 'matters'])
		command(state, 'import', kind, path.join(source_dir, `data/${kind}.csv`));
	sh([tool('fill'), state, String(cases), CITIZEN, numbers]);
	fs.writeFileSync(stamp, schema);
	return { state, numbers };
}

/** A copy of a filled state folder, for figures that write. */
export function copied_state({ state, numbers }, name) {
	const to = path.join(work_dir, name);
	fs.rmSync(to, { recursive: true, force: true });
	sh(['cp', '-a', '--reflink=auto', state, to]);
	return { state: to, numbers };
}

export const citizen_token = (state) => command(state, 'token', '--dev', '--citizen', CITIZEN);
/** A department and one of its matters and regions, as imported. */
export function department(state) {
	const [code, matter, region] = sh(['sqlite3', '-readonly', '-separator', '|', path.join(state, 'siban.db'),
		'SELECT d.code, m.code, r.code FROM matter m JOIN department d ON d.id = m.department JOIN region r ON r.level = 3 ORDER BY m.id, r.code LIMIT 1']).trim().split('|');
	return { code, matter, region, token: command(state, 'token', '--dev', '--department', code) };
}

export async function serve(name, state, extra = {}, { cpu, before = [] } = {}) {
	const port = await free_port(), admin_port = await free_port();
	const argv = [...before, siban(), 'serve', ...settings(state, { 'listen.port': port, 'admin.port': admin_port, ...extra })];
	const server = start(name, argv, cpu === undefined ? {} : { cpu });
	await wait_port(server, admin_port, before.length > 0 ? 120000 : 20000);
	await wait_port(server, port);
	return { ...server, port, admin_port };
}

/** Metrics as a Map from "name{label}" to its number. */
export function metrics(server) {
	return new Promise((resolve, reject) => {
		http.get({ port: server.admin_port, host: '127.0.0.1', path: '/metrics' }, (answer) => {
			let text = '';
			answer.on('data', (d) => { text += d; });
			answer.on('end', () => resolve(new Map(text.split('\n').filter((l) => l !== '' && l[0] !== '#').map((l) => {
				const cut = l.lastIndexOf(' ');
				return [l.slice(0, cut), Number(l.slice(cut + 1))];
			}))));
		}).on('error', reject);
	});
}

/** The body of one answer, and a refusal to measure a wrong one. */
export async function one_answer(port, target, token) {
	const out = await client(['curl', '-sk', '--http2', '-w', '\n%{http_code}', '-H', `authorization: Bearer ${token}`, `https://127.0.0.1:${port}${target}`]);
	const cut = out.lastIndexOf('\n');
	if (out.slice(cut + 1) !== '200')
		throw new Error(`${target} answers ${out}`);
	return out.slice(0, cut);
}
