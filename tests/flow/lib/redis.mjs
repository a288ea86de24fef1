// A real redis-server on a socket of its own: started, killed, started again empty, stopped in its tracks.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { until } from './until.mjs';

export class Redis {
	// tls: {port, cert_file, key_file, ca_file, wants_client}: another door, for TLS
	constructor({ password, tls } = {}) {
		this.tls = tls;
		this.folder = mkdtempSync(path.join(os.tmpdir(), 'siban-redis-'));
		this.socket = path.join(this.folder, 'redis.sock');
		this.url = `unix:${this.socket}`;
		this.password = password;
		this.password_file = path.join(this.folder, 'password');
		writeFileSync(this.password_file, password ?? '', { mode: 0o600 });
		process.once('exit', () => {
			this.child?.kill('SIGKILL');
			rmSync(this.folder, { recursive: true, force: true });
		});
	}

	get settings() {
		return { 'expiring.url': this.url, ...(this.password === undefined ? {} : { 'expiring.password_file': this.password_file }) };
	}

	async start() {
		const words = ['--port', '0', '--unixsocket', this.socket, '--save', '', '--appendonly', 'no', '--dir', this.folder, '--logfile', 'redis.log',
			...(this.password === undefined ? [] : ['--requirepass', this.password]), ...this.tls_words()];
		this.child = spawn('setpriv', ['--pdeathsig', 'KILL', 'redis-server', ...words], { stdio: 'ignore' });
		this.exited = new Promise((resolve) => this.child.once('exit', resolve));
		await until('redis-server listens', () => this.say('PING').then((answer) => answer.startsWith('+PONG'), () => false));
		return this;
	}

	tls_words() {
		if (this.tls === undefined) return [];
		const { port, cert_file, key_file, ca_file, wants_client = false } = this.tls;
		return ['--bind', '127.0.0.1', '127.0.0.2', '--tls-port', port, '--tls-cert-file', cert_file, '--tls-key-file', key_file, '--tls-ca-cert-file', ca_file, '--tls-auth-clients', wants_client ? 'yes' : 'no'].map(String);
	}

	// One command in a line, answered with what comes first.
	say(line) {
		return new Promise((resolve, reject) => {
			const socket = net.connect(this.socket);
			const words = this.password === undefined ? [line] : [`AUTH ${this.password}`, line];
			let text = '';
			socket.on('error', reject);
			socket.on('close', () => reject(new Error(`redis-server hung up after ${text}`)));
			socket.on('data', (chunk) => {
				text += chunk;
				const lines = text.split('\r\n');
				if (lines.length <= words.length) return;
				resolve(lines[words.length - 1]);
				socket.destroy();
			});
			socket.end(words.map((w) => `${w}\r\n`).join(''));
		});
	}

	async kill() {
		this.child.kill('SIGKILL');
		await this.exited;
	}

	hang() {
		this.child.kill('SIGSTOP');
	}

	go_on() {
		this.child.kill('SIGCONT');
	}
}

// One for a whole test file.
export async function redis(options) {
	const r = await new Redis(options).start();
	after(() => r.kill());
	return r;
}
