// A real daemon in a fresh state folder: started, asked, stopped, and looked over for what it should not have said.
import { execFile, spawn } from 'node:child_process';
import { closeSync, cpSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { after } from 'node:test';
import { H2, admin_request, control_request, h1_request } from './clients.mjs';
import { assert_documented, source_dir } from './openapi.mjs';
import { files_below, stores } from './stores.mjs';
import { claim_ports } from './ports.mjs';
import { prepared, unpack } from './prepared.mjs';
import { until, within } from './until.mjs';

const run = promisify(execFile);
export const siban = process.env.SIBAN ?? path.join(source_dir, 'build/dev/siban');
// For whoever waits for one job after the other: each comes ten times as often as gateway/beside/jobs.def says.
export const jobs_often = { SIBAN_FAULT: 'jobs_often=1+' };
export const is_long = process.env.SIBAN_LONG === '1';

// What no log of a healthy gateway holds.
const BAD_WORDS = ['AddressSanitizer', 'LeakSanitizer', 'ThreadSanitizer', 'UndefinedBehaviorSanitizer', 'runtime error:', 'store_stopped', 'Assertion'];

export async function make_certificate(state) {
	mkdirSync(path.join(state, 'tls'), { mode: 0o700 });
	const key = path.join(state, 'tls/key.pem'), cert = path.join(state, 'tls/cert.pem');
	await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=siban test',
		'-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1', '-addext', 'basicConstraints=critical,CA:FALSE', '-keyout', key, '-out', cert]);
	return { key, cert };
}

export class Gateway {
	// settings: configuration by name; data: import data/*.csv; environment: for the daemon; check: hold every answer against the OpenAPI document
	// beside: another node of this gateway's database (PostgreSQL's), with a copy of its keys; fresh: copied from nothing that was prepared, its database under that name
	static async start({ settings = {}, data = true, environment = {}, may_end_badly = false, beside, fresh } = {}) {
		const g = new Gateway();
		g.may_end_badly = may_end_badly;
		g.environment = environment;
		g.state = mkdtempSync(path.join(os.tmpdir(), 'siban-flow-'));
		process.once('exit', () => {
			g.child?.kill('SIGKILL');
			rmSync(g.state, { recursive: true, force: true });
		});
		Object.assign(g, await claim_ports());
		const begins = beside === undefined && fresh === undefined ? prepared(data, settings) : undefined;
		if (begins !== undefined) unpack(begins, g.state);
		g.store = beside?.store ?? await stores(g.state, begins, fresh);
		if (beside !== undefined) cpSync(path.join(beside.state, 'keys'), path.join(g.state, 'keys'), { recursive: true });
		const { key, cert } = await make_certificate(g.state);
		g.ca_file = cert;
		g.ca = readFileSync(cert);
		g.control_socket = path.join(g.state, 'control.sock');
		g.log_file = path.join(g.state, 'siban.log');
		g.conf = path.join(g.state, 'siban.conf');
		g.configure({ development: 'true', 'state.dir': g.state, 'listen.address': '127.0.0.1', 'listen.port': g.public_port,
			'admin.port': g.admin_port, 'tls.certificate': cert, 'tls.key': key, loops: 2, ...g.store.settings(settings), ...settings });
		if (beside === undefined && begins === undefined) await g.command('migrate');
		await g.serve();
		if (data && beside === undefined && begins === undefined) for (const kind of ['regions', 'departments', 'matters', 'calendar']) await g.command('import', kind, path.join(source_dir, `data/${kind}.csv`));
		return g;
	}

	configure(settings) {
		this.settings = { ...this.settings, ...settings };
		writeFileSync(this.conf, Object.entries(this.settings).map(([name, value]) => `${name} = ${value}\n`).join(''), { mode: 0o600 });
	}

	// A command of the command line; what it printed.
	async command(...words) {
		const { stdout } = await run(siban, [...words, '--config', this.conf], { maxBuffer: 16 << 20 });
		return stdout.trimEnd();
	}

	// Runs these words with the log's file as the place for complaints: it is whole as soon as the gateway is gone, however long its helper, which yields to all others, lives on.
	spawn(words) {
		const log = openSync(this.log_file, 'a');
		this.child = spawn(words[0], words.slice(1), { stdio: ['ignore', 'ignore', log], env: { ...process.env, ...this.environment } });
		closeSync(log);
		this.exited = new Promise((resolve) => this.child.once('exit', (code, signal) => resolve({ code, signal })));
	}

	async serve() {
		// setpriv: however this process ends, the gateway ends with it.
		this.spawn(['setpriv', '--pdeathsig', 'KILL', siban, 'serve', '--config', this.conf]);
		let end = null;
		this.exited.then((e) => { end = e; });
		await until('the gateway is ready', async () => {
			if (end !== null) throw new Error(`the gateway ended while starting (${end.code ?? end.signal}):\n${this.log().slice(-3000)}`);
			return admin_request(this, 'GET', '/readyz').then((a) => a.status === 200, () => false);
		});
	}

	// SQL past the gateway, as another program would say it; what it answers, columns parted by "|".
	sql(text) {
		return this.store.sql(text);
	}

	// What may be forgotten is, between a stop and a start.
	async forget() {
		await this.store.forget();
	}

	// Its database beside it, for whoever alters it: how a command is pointed there (without a gateway of ours, unless `alone`: without its keys too), SQL, the end.
	async copy({ alone = false } = {}) {
		const folder = mkdtempSync(path.join(os.tmpdir(), 'siban-copy-'));
		if (!alone) cpSync(this.state, folder, { recursive: true });
		const { sql, settings } = await this.store.copy(folder);
		const sets = Object.entries({ 'state.dir': folder, ...settings }).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
		return { sets, sql, drop: () => rmSync(folder, { recursive: true, force: true }) };
	}

	// Every file in which something of it may lie: name and bytes.
	async files() {
		return [...files_below(this.state), ...await this.store.files()];
	}

	log() {
		return readFileSync(this.log_file, 'utf8');
	}

	// ---- asking ----

	get h2() {
		if (this.connection === undefined || this.connection.session.closed || this.connection.session.destroyed) this.connection = new H2(this);
		return this.connection;
	}

	// The ordinary way: over one kept HTTP/2 connection (via: 'h1' for a fresh HTTP/1.1 one); the answer is held against the document.
	async ask(method, target, { token, key, body, headers = {}, lang, via = 'h2', type = 'application/json' } = {}) {
		const all = { ...(token ? { authorization: `Bearer ${token}` } : {}), ...(key ? { 'idempotency-key': key } : {}),
			...(lang ? { 'accept-language': lang } : {}), ...(body !== undefined && type ? { 'content-type': type } : {}), ...headers };
		const answer = via === 'h1' ? await h1_request(this, method, target, { headers: all, body }) : await this.h2.request(method, target, { headers: all, body });
		return assert_documented(answer);
	}

	get(target, options) {
		return this.ask('GET', target, options);
	}

	async admin(target, options) {
		return assert_documented(await admin_request(this, 'GET', target, options));
	}

	async control(method, target, body, type = 'application/json') {
		return assert_documented(await control_request(this, method, target, { body, headers: body === undefined ? {} : { 'content-type': type } }));
	}

	async fault(setting) {
		const answer = await this.control('POST', '/control/faults', { switch: setting });
		if (answer.status !== 200) throw new Error(`fault ${setting}: ${answer.status} ${answer.text}`);
	}

	async token(spec) {
		const answer = await this.control('POST', '/control/tokens', spec);
		if (answer.status !== 201) throw new Error(`token ${JSON.stringify(spec)}: ${answer.status} ${answer.text}`);
		return answer.json.token;
	}

	citizen(id_number, more = {}) {
		return this.token({ kind: 'citizen', id_number, ...more });
	}

	department(code, more = {}) {
		return this.token({ kind: 'department', department: code, ...more });
	}

	// ---- ends ----

	async kill() {
		this.connection?.session.destroy();
		this.child.kill('SIGKILL');
		await this.exited;
	}

	async stop() {
		if (this.child.exitCode !== null || this.child.signalCode !== null) return this.look_over();
		this.connection?.close();
		this.child.kill('SIGTERM');
		this.ended = await within(20000, 'after SIGTERM', this.exited);
		return this.look_over();
	}

	async look_over() {
		const { code, signal } = await this.exited;
		const log = this.log(), bad = BAD_WORDS.filter((word) => log.includes(word));
		if (this.may_end_badly) return;
		if (bad.length > 0) throw new Error(`the log says ${bad.join(', ')}:\n${excerpt(log, bad[0])}`);
		if (code !== 0) throw new Error(`the gateway ended with ${code ?? signal}:\n${log.slice(-3000)}`);
	}
}

function excerpt(log, word) {
	const at = log.indexOf(word);
	return log.slice(Math.max(0, at - 500), at + 6000);
}

// A gateway for a whole test file: stopped and looked over when its last test has ended.
export async function gateway(options) {
	const g = await Gateway.start(options);
	after(() => g.stop());
	return g;
}
