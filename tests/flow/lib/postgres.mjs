// A real PostgreSQL on a socket of its own, and a fresh database of it for whoever asks: started, crashed, stopped in its tracks.
// It refuses to run as root, so a root's test starts it as somebody without rights. What connects is the role "siban", which owns its databases and
// nothing else; "postgres" is the superuser.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { promisify } from 'node:util';
import { unpack_cluster } from './prepared.mjs';
import { until } from './until.mjs';

const run = promisify(execFile);
const is_root = process.geteuid() === 0;

// Debian keeps the server's programs beside the path, one folder per version.
function program(name) {
	const folder = '/usr/lib/postgresql';
	const versions = readdirSync(folder).filter((v) => /^\d+$/.test(v)).sort((a, b) => a - b);
	return path.join(folder, versions.at(-1), 'bin', name);
}

// uid and gid of whom it runs as; null: of whoever runs the test.
function somebody() {
	if (!is_root) return null;
	const users = readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => line.split(':'));
	const [, , uid, gid] = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody');
	return { uid: Number(uid), gid: Number(gid) };
}

// Memory, when there is plenty of it: a cluster is three thousand files of 80 MB, and making and deleting them on a disk was half of a test's time (measured 2026-11).
export function memory_or_disk() {
	const memory = '/dev/shm', free = existsSync(memory) ? statfsSync(memory) : { bavail: 0, bsize: 0 };
	return free.bavail * free.bsize >= 2 * 2 ** 30 ? memory : os.tmpdir();
}

export class Postgres {
	// durable: a COMMIT waits for the disk, as outside of tests. settings: of postgresql.conf. under: the folder that its own is made in.
	constructor({ durable = false, settings = {}, under = os.tmpdir() } = {}) {
		this.folder = mkdtempSync(path.join(under, 'siban-pg-'));
		this.data = path.join(this.folder, 'data');
		this.who = somebody();
		if (this.who !== null) chownSync(this.folder, this.who.uid, this.who.gid);
		this.settings = { listen_addresses: '', unix_socket_directories: this.folder, fsync: durable ? 'on' : 'off', full_page_writes: durable ? 'on' : 'off',
			max_connections: 100, shared_buffers: '64MB', jit: 'off', ...settings };
		this.databases = 0;
		process.once('exit', () => {
			this.child?.kill('SIGQUIT');
			rmSync(this.folder, { recursive: true, force: true });
		});
	}

	as_somebody(words) {
		return this.who === null ? words : ['setpriv', '--reuid', this.who.uid, '--regid', this.who.gid, '--clear-groups', ...words].map(String);
	}

	async start() {
		if (unpack_cluster(this.data)) {
			await this.run();
			return this;
		}
		const [command, ...words] = this.as_somebody([program('initdb'), '-D', this.data, '-k', '-A', 'trust', '-U', 'postgres', '-E', 'UTF8', '--locale=C', '--no-sync']);
		await run(command, words, { cwd: '/' });
		await this.run();
		await this.say('CREATE ROLE siban LOGIN');
		return this;
	}

	// Starts it on what is there, and waits until it takes connections.
	async run() {
		const settings = Object.entries(this.settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
		// Immediate shutdown when this process ends in whatever way; the inner setpriv, because a change of user forgets the signal.
		const [command, ...words] = this.as_somebody(['setpriv', '--pdeathsig', 'QUIT', program('postgres'), '-D', this.data, ...settings]);
		this.child = spawn(command, words, { cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] });
		this.log = '';
		this.child.stderr.on('data', (chunk) => { this.log = (this.log + chunk).slice(-20000); });
		this.exited = new Promise((resolve) => this.child.once('exit', resolve));
		let gone = false;
		this.exited.then(() => { gone = true; });
		await until('postgres takes connections', () => {
			if (gone) throw new Error(`postgres ended while starting:\n${this.log}`);
			return this.say('SELECT 1').then((answer) => answer === '1', () => false);
		});
	}

	// SQL as the superuser, through psql; what it printed, without head and frame.
	async say(sql, database = 'postgres') {
		const { stdout } = await run(program('psql'), this.#psql(sql, database), { cwd: '/' });
		return stdout.trimEnd();
	}

	say_now(sql, database = 'postgres') {
		return execFileSync(program('psql'), this.#psql(sql, database), { cwd: '/', encoding: 'utf8' }).trimEnd();
	}

	// A transaction of somebody else's that did this and stays open, locks and all, until what is returned is called.
	async hold(sql, database) {
		const child = spawn(program('psql'), this.#psql(undefined, database), { cwd: '/', stdio: ['pipe', 'pipe', 'inherit'] });
		const gone = new Promise((resolve) => child.once('exit', resolve));
		await new Promise((resolve, reject) => {
			let said = '';
			child.stdout.on('data', (chunk) => {
				said += chunk;
				if (said.includes('it is held')) resolve();
			});
			gone.then(() => reject(new Error(`psql ended: ${said}`)));
			child.stdin.write(`BEGIN;\n${sql};\n\\echo it is held\n`);
		});
		return async () => {
			child.stdin.end('ROLLBACK;\n');
			await gone;
		};
	}

	#psql(sql, database) {
		return ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-h', this.folder, '-U', 'postgres', '-d', database, ...(sql === undefined ? [] : ['-c', sql])];
	}

	// A new database of siban's; nobody may be connected to the template.
	async database(template = 'template0', name = `t${++this.databases}`) {
		await this.say(`CREATE DATABASE ${name} OWNER siban TEMPLATE ${template}`);
		return name;
	}

	url(database, role = 'siban') {
		return `postgresql:///${database}?host=${this.folder}&user=${role}`;
	}

	// SIGQUIT: at once, as after a crash. SIGINT: it says good-bye to those who are connected.
	async stop(signal = 'SIGQUIT') {
		this.child.ref(); // this wait is to keep us
		this.child.kill(signal);
		await this.exited;
	}

	async crash() {
		await this.stop('SIGQUIT');
		await this.run();
	}

	// It does not keep the process that started it: with that one's end it ends too.
	let_go() {
		this.child.unref();
		this.child.stderr.unref();
	}

	#processes() {
		const children = readFileSync(`/proc/${this.child.pid}/task/${this.child.pid}/children`, 'utf8').trim().split(' ').filter((p) => p !== '').map(Number);
		return [this.child.pid, ...children];
	}

	#signal_all(signal) {
		for (const pid of this.#processes()) {
			try {
				process.kill(pid, signal);
			} catch (e) {
				if (e.code !== 'ESRCH') throw e; // a connection's process that has ended meanwhile
			}
		}
	}

	// The signal that ends it with this process is not delivered to what is stopped: a watcher lets it go on when its pipe closes, however we end.
	hang() {
		this.watcher = spawn('setsid', ['sh', '-c', 'read -r word || kill -CONT "$@"', 'watcher', ...this.#processes().map(String)], { stdio: ['pipe', 'ignore', 'ignore'] });
		this.watcher.unref();
		this.watcher.stdin.unref();
		this.#signal_all('SIGSTOP');
	}

	go_on() {
		this.#signal_all('SIGCONT');
		this.watcher?.stdin.end('done\n');
	}
}

// One for a whole test file.
export async function postgres(options) {
	const p = await new Postgres(options).start();
	after(() => p.stop());
	return p;
}
