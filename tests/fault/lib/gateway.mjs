// tests/fault/lib/gateway.mjs - a daemon in a folder of its own that may be killed, starved and lied to, and a client that survives it.
import { execFile, execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import http2 from 'node:http2';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { id_number, now } from '../../flow/lib/cases.mjs';
import { admin_request } from '../../flow/lib/clients.mjs';
import { Gateway as FlowGateway, siban } from '../../flow/lib/gateway.mjs';
import { source_dir } from '../../flow/lib/openapi.mjs';
import { claim_ports } from '../../flow/lib/ports.mjs';
import { prepared, unpack } from '../../flow/lib/prepared.mjs';
import { until } from '../../flow/lib/until.mjs';

/** Sanitizers slow everything down; limits of time are stretched by this much. */
export const slack = /asan|tsan/.test(siban) ? 6 : 1;
const run = promisify(execFile);
const nothing = () => {};

/** A generator that gives the same numbers for the same seed. */
export function seeded(seed) {
	let state = seed >>> 0;
	return (n) => {
		state = (state + 0x6d2b79f5) >>> 0;
		let z = Math.imul(state ^ (state >>> 15), state | 1);
		z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
		return Math.floor(((z ^ (z >>> 14)) >>> 0) / 4294967296 * n);
	};
}

export class Gateway extends FlowGateway {
	/** A prepared gateway, not yet started. state: a folder to use; settings: configuration; before: words before the program, e.g. prlimit */
	static async make({ state, settings = {}, before = [] } = {}) {
		const g = new this();
		g.folder = mkdtempSync(path.join(os.tmpdir(), 'siban-fault-'));
		process.once('exit', () => {
			g.child?.kill('SIGKILL');
			rmSync(g.folder, { recursive: true, force: true });
		});
		Object.assign(g, await claim_ports(), { before, environment: {}, state: state ?? path.join(g.folder, 'state') });
		mkdirSync(g.state, { recursive: true, mode: 0o700 });
		g.control_socket = path.join(g.state, 'control.sock');
		g.log_file = path.join(g.folder, 'siban.log');
		g.conf = path.join(g.folder, 'siban.conf');
		const key = path.join(g.folder, 'key.pem'), cert = path.join(g.folder, 'cert.pem');
		await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=siban test',
			'-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key, '-out', cert]);
		g.ca = readFileSync(cert);
		g.configure({ development: 'true', 'state.dir': g.state, 'listen.address': '127.0.0.1', 'listen.port': g.public_port, 'admin.port': g.admin_port,
			'tls.certificate': cert, 'tls.key': key, loops: 1, 'rate.department': 10000000, 'rate.read': 1000000, 'rate.public': 10000000, ...settings });
		const begins = prepared(true, settings);
		if (begins !== undefined)
			unpack(begins, g.state);
		else
			await g.command('migrate');
		for (const kind of begins === undefined ? ['regions', 'departments', 'matters', 'calendar'] : [])
			await g.command('import', kind, path.join(source_dir, `data/${kind}.csv`));
		const [department, matter, region] = g.sql(
			'SELECT d.code, m.code, r.code FROM matter m JOIN department d ON d.id = m.department JOIN region r ON r.level = 3 ORDER BY m.id, r.code LIMIT 1').split('|');
		Object.assign(g, { matter, region, person: id_number(1) });
		g.citizen_token = await g.command('token', '--dev', '--citizen', g.person);
		g.department_token = await g.command('token', '--dev', '--department', department);
		return g;
	}

	/** Starts and waits until it says ready; gives the milliseconds that took. */
	async serve() {
		const began = performance.now();
		this.spawn([...this.before, siban, 'serve', '--config', this.conf]);
		/* A test that failed half-way leaves its daemon running; node must not wait for it. Whoever waits for its end says so by gone(). */
		this.child.unref();
		await until('the gateway is ready', async () => {
			if (!this.is_running())
				throw new Error(`the gateway ended while starting:\n${this.log().slice(-3000)}`);
			return admin_request(this, 'GET', '/readyz').then((a) => a.status === 200, () => false);
		});
		return performance.now() - began;
	}

	/** sqlite3's own program beside us. */
	sql(text) {
		return execFileSync('sqlite3', ['-cmd', '.timeout 5000', path.join(this.state, 'siban.db'), text], { encoding: 'utf8' }).trim();
	}

	/** A start that must refuse: its exit code and its words. */
	async refused_start() {
		try {
			await run(siban, ['serve', '--config', this.conf], { timeout: 10000 * slack });
		} catch (failed) {
			return { code: failed.code, words: `${failed.stdout}${failed.stderr}` };
		}
		return { code: 0, words: '' };
	}

	/** Its exit code and signal, when it has ended. */
	gone() {
		this.child.ref();
		return this.exited;
	}

	kill() {
		this.gone();
		return super.kill();
	}

	stop() {
		this.gone();
		return super.stop();
	}

	/** Stops and starts again in good order: caches are cold, nothing is lost. */
	async restart() {
		this.child.kill('SIGTERM');
		const { code, signal } = await this.gone();
		if (code !== 0)
			throw new Error(`the gateway ended with ${code ?? signal}:\n${this.log().slice(-3000)}`);
		return this.serve();
	}

	is_running() {
		return this.child.exitCode === null && this.child.signalCode === null;
	}

	/** Every event of the log that bears this name. */
	events(name) {
		return this.log().split('\n').filter((line) => line.includes(`"ev":"${name}"`)).map((line) => JSON.parse(line.slice(line.indexOf('{'))));
	}

	/** CPU time of the daemon in milliseconds. */
	cpu_ms() {
		const tasks = readdirSync(`/proc/${this.child.pid}/task`);
		return tasks.reduce((sum, t) => sum + Number(readFileSync(`/proc/${this.child.pid}/task/${t}/schedstat`, 'utf8').split(' ')[0]), 0) / 1e6;
	}

	client() {
		return new Client(this);
	}

	opening(ref, extra = {}) {
		return { event_id: `${ref}-1`, case_ref: ref, seq: 1, event: 'received', occurred_at: now(), matter: this.matter, region: this.region,
			applicant: { id_type: 'resident', id_number: this.person }, ...extra };
	}
}

/** One HTTP/2 connection. A request that got no whole answer has status 0. */
export class Client {
	constructor(gateway) {
		this.gateway = gateway;
		this.session = http2.connect(`https://localhost:${gateway.public_port}`, { ca: gateway.ca, host: '127.0.0.1', servername: 'localhost', maxSessionMemory: 200 });
		this.session.on('error', nothing);
		this.waits = 0;
	}

	/** An idle connection that a failed test forgot must not keep node waiting. */
	wait(more) {
		this.waits += more;
		if (this.waits > 0)
			this.session.ref();
		else
			this.session.unref();
	}

	is_connected() {
		return !this.session.connecting && !this.session.destroyed;
	}

	/** Did the connection come about within this time? */
	connected(limit_ms = 5000) {
		if (!this.session.connecting)
			return Promise.resolve(!this.session.destroyed);
		this.wait(+1);
		const met = new Promise((resolve) => { this.session.once('connect', () => resolve(true)).once('close', () => resolve(false)); });
		return Promise.race([met, pause(limit_ms, false)]).finally(() => this.wait(-1));
	}

	request(headers, body) {
		return new Promise((resolve) => {
			if (this.session.destroyed || this.session.closed) {
				resolve({ status: 0, text: '' });
				return;
			}
			const stream = this.session.request(headers, { endStream: body === undefined });
			const chunks = [];
			let head, finished = false;
			this.wait(+1);
			/* At 'end', not at 'close': when the server needs no more of the body it resets the stream after its answer, and node waits on. */
			const finish = () => {
				if (finished)
					return;
				finished = true;
				this.wait(-1);
				const bytes = Buffer.concat(chunks), answer = { status: 0, headers: head, text: bytes.toString('utf8'), reset: stream.rstCode };
				if (head !== undefined && Number(head['content-length'] ?? bytes.length) === bytes.length)
					answer.status = head[':status'];
				try {
					answer.json = JSON.parse(answer.text);
				} catch { /* not every answer is JSON, and a torn one is none */ }
				resolve(answer);
			};
			stream.on('response', (h) => { head = h; }).on('data', (d) => { chunks.push(d); }).on('error', nothing).on('end', finish).on('close', finish);
			if (body !== undefined)
				stream.end(body);
		});
	}

	get(target, token, headers = {}) {
		return this.request({ ':method': 'GET', ':path': target, ...(token ? { authorization: `Bearer ${token}` } : {}), ...headers });
	}

	post(target, token, body, { key, headers = {} } = {}) {
		const bytes = Buffer.isBuffer(body) || typeof body === 'string' ? body : JSON.stringify(body);
		return this.request({ ':method': 'POST', ':path': target, 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}),
			...(key ? { 'idempotency-key': key } : {}), ...headers }, bytes);
	}

	event(body, key = randomUUID()) {
		return this.post('/v1/department/events', this.gateway.department_token, body, { key });
	}

	close() {
		return new Promise((resolve) => {
			if (this.session.destroyed) {
				resolve();
				return;
			}
			this.wait(+1);
			this.session.once('close', resolve);
			this.session.destroy();
		});
	}
}

/** The invariants every fault leaves intact: one event per seq without a gap, the case says the last one, nobody's event twice, pages sound. */
export function broken_invariants(gateway) {
	const wrong = [];
	const rows = (what, text) => { const got = gateway.sql(text); if (got !== '') wrong.push(`${what}: ${got.slice(0, 500)}`); };
	rows('a sequence with a gap', 'SELECT case_id, count(*), max(seq) FROM case_event GROUP BY case_id HAVING count(*) <> max(seq) OR min(seq) <> 1');
	rows('a case that does not agree with its timeline', `SELECT c.id, c.last_seq, c.state, e.state FROM cases c
		LEFT JOIN case_event e ON e.case_id = c.id AND e.seq = c.last_seq WHERE e.state IS NOT c.state
		OR EXISTS (SELECT 1 FROM case_event l WHERE l.case_id = c.id AND l.seq > c.last_seq)`);
	rows('an event kept twice', 'SELECT department, event_id, count(*) FROM (SELECT department, event_id FROM case_event UNION ALL SELECT department, event_id FROM held_event) GROUP BY 1, 2 HAVING count(*) > 1');
	rows('an event without its fact', `SELECT e.case_id, e.seq, e.fact FROM case_event e LEFT JOIN fact f ON f.id = e.fact AND f.kind = 1
		WHERE f.ref_a IS NOT e.case_id OR f.ref_b IS NOT e.seq`);
	rows('a fact without its record', `SELECT count(*) FROM fact WHERE kind IN (1, 2) HAVING count(*) <> (SELECT count(*) FROM case_event) + (SELECT count(*) FROM audit)`);
	rows('a seal out of order', 'SELECT count(*), max(seq), max(fact) FROM seal HAVING count(*) <> coalesce(max(seq), 0) OR count(*) <> coalesce(max(fact), 0)');
	rows('a foreign key', 'PRAGMA foreign_key_check');
	const integrity = gateway.sql('PRAGMA integrity_check');
	if (integrity !== 'ok')
		wrong.push(`integrity_check: ${integrity.slice(0, 500)}`);
	return wrong;
}
