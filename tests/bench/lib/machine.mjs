// tests/bench/lib/machine.mjs - processes pinned to a core, their CPU time, and statistics over rounds.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

export const SERVER_CPU = '0';
export const CLIENT_CPU = os.cpus().length > 1 ? '1' : '0';
export const source_dir = path.resolve(path.dirname(new URL(import.meta.url).pathname), '../../..');
export const work_dir = process.env.SIBAN_BENCH_DIR || path.join(source_dir, 'build/bench');

const children = new Set();
process.on('exit', () => children.forEach((c) => c.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM'])
	process.on(signal, () => process.exit(130));

/** A long-lived process on the server's core; its output goes to a file. */
export function start(name, argv, { cpu = SERVER_CPU, env = {} } = {}) {
	const log = path.join(work_dir, `${name}.log`);
	const fd = fs.openSync(log, 'w');
	const [command, ...rest] = cpu === null ? argv : ['taskset', '-c', cpu, ...argv];
	const child = spawn(command, rest, { stdio: ['ignore', fd, fd], env: { ...process.env, ...env } });
	fs.closeSync(fd);
	children.add(child);
	const ended = new Promise((resolve) => child.once('exit', (code, signal) => {
		children.delete(child);
		resolve({ code, signal });
	}));
	return { name, child, pid: child.pid, log, ended };
}

export async function stop(process_, signal = 'SIGTERM') {
	process_.child.kill(signal);
	const timer = setTimeout(() => process_.child.kill('SIGKILL'), 20000);
	const how = await process_.ended;
	clearTimeout(timer);
	return how;
}

/** Runs a client to its end on its own core and gives back its standard output. */
export function client(argv, { cpu = CLIENT_CPU, before = [], codes = [0], input = '' } = {}) {
	const [command, ...rest] = cpu === null ? argv : [...before, 'taskset', '-c', cpu, ...argv];
	return new Promise((resolve, reject) => {
		const child = spawn(command, rest, { stdio: ['pipe', 'pipe', 'pipe'] });
		let out = '', err = '';
		children.add(child);
		child.stdout.on('data', (d) => { out += d; });
		child.stderr.on('data', (d) => { err += d; });
		child.on('error', reject);
		child.stdin.on('error', () => {});
		child.stdin.end(input);
		child.on('exit', (code, signal) => {
			children.delete(child);
			if (codes.includes(code))
				resolve(out);
			else
				reject(new Error(`${argv.join(' ')}: ${signal || code}\n${out.slice(-2000)}${err.slice(-2000)}`));
		});
	});
}

export function sh(argv, options = {}) {
	const r = spawnSync(argv[0], argv.slice(1), { encoding: 'utf8', maxBuffer: 1 << 28, ...options });
	if (r.error)
		throw r.error;
	if (r.status !== 0)
		throw new Error(`${argv.join(' ')}: ${r.signal || r.status}\n${r.stdout}${r.stderr}`);
	return r.stdout;
}

function descendants(pid) {
	const all = [pid];
	for (const task of fs.readdirSync(`/proc/${pid}/task`)) {
		const line = fs.readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim();
		for (const child of line === '' ? [] : line.split(' '))
			all.push(...descendants(Number(child)));
	}
	return all;
}

/** CPU time of a process, its threads and its children in nanoseconds (schedstat counts what jiffies round away). */
export function cpu_ns(pid) {
	let sum = 0;
	for (const p of descendants(pid))
		for (const task of fs.readdirSync(`/proc/${p}/task`))
			sum += Number(fs.readFileSync(`/proc/${p}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
	return sum;
}

/** Busy and stolen CPU time of the whole machine, in seconds. */
export function machine_cpu() {
	const [user, nice, system, , , irq, softirq, steal] = fs.readFileSync('/proc/stat', 'utf8').split('\n')[0].split(/\s+/).slice(1).map(Number);
	return { busy: (user + nice + system + irq + softirq) / 100, steal: steal / 100 };
}

export function free_port() {
	return new Promise((resolve, reject) => {
		const s = net.createServer();
		s.once('error', reject);
		s.listen(0, '127.0.0.1', () => {
			const { port } = s.address();
			s.close(() => resolve(port));
		});
	});
}

function connects(port) {
	return new Promise((resolve) => {
		const s = net.connect(port, '127.0.0.1', () => { s.destroy(); resolve(true); });
		s.once('error', () => resolve(false));
	});
}

export async function wait_port(server, port, timeout_ms = 20000) {
	for (const until = Date.now() + timeout_ms; !(await connects(port));) {
		if (server.child.exitCode !== null || Date.now() > until)
			throw new Error(`${server.name} does not listen on ${port}:\n${fs.readFileSync(server.log, 'utf8').slice(-3000)}`);
		await new Promise((resolve) => { setTimeout(resolve, 10); });
	}
}

export function median(values) {
	const sorted = [...values].sort((a, b) => a - b);
	const half = sorted.length >> 1;
	return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** Rows of text with right-aligned numbers. */
export function table(head, rows) {
	const cells = [head, ...rows.map((r) => r.map((c) => (c === null || c === undefined ? '' : String(c))))];
	const widths = head.map((_, i) => Math.max(...cells.map((r) => [...r[i]].length)));
	const line = (r) => r.map((c, i) => (i === 0 ? c.padEnd(widths[i]) : c.padStart(widths[i]))).join('  ');
	return [line(cells[0]), widths.map((w) => '-'.repeat(w)).join('  '), ...cells.slice(1).map(line)].join('\n');
}
