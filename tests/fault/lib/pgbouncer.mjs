// tests/fault/lib/pgbouncer.mjs - a real PgBouncer in transaction mode before a Postgres: at each transaction a session's server is another one.
import { spawn } from 'node:child_process';
import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { until } from '../../flow/lib/until.mjs';

const PORT = 6432; // only names the socket

export class PgBouncer {
	// pool: how many servers there are for all clients
	constructor(server, { pool = 3 } = {}) {
		this.server = server;
		this.folder = path.join(server.folder, 'bouncer');
		this.file = path.join(this.folder, 'pgbouncer.ini');
		mkdirSync(this.folder);
		writeFileSync(path.join(this.folder, 'users'), '"siban" ""\n');
		writeFileSync(this.file, `[databases]
* = host=${server.folder}
[pgbouncer]
listen_addr =
listen_port = ${PORT}
unix_socket_dir = ${this.folder}
auth_type = trust
auth_file = ${path.join(this.folder, 'users')}
pool_mode = transaction
default_pool_size = ${pool}
max_client_conn = 200
server_login_retry = 0.2
`);
		if (server.who !== null) for (const name of ['', 'users', 'pgbouncer.ini']) chownSync(path.join(this.folder, name), server.who.uid, server.who.gid);
	}

	async start() {
		const [command, ...words] = this.server.as_somebody(['setpriv', '--pdeathsig', 'KILL', '/usr/sbin/pgbouncer', '-q', this.file]);
		this.child = spawn(command, words, { cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] });
		this.log = '';
		this.child.stderr.on('data', (chunk) => { this.log += chunk; });
		this.exited = new Promise((resolve) => this.child.once('exit', resolve));
		let gone = false;
		this.exited.then(() => { gone = true; });
		await until('pgbouncer listens', () => {
			if (gone) throw new Error(`pgbouncer ended while starting:\n${this.log}`);
			return new Promise((resolve) => {
				const socket = net.connect(path.join(this.folder, `.s.PGSQL.${PORT}`), () => { socket.destroy(); resolve(true); });
				socket.on('error', () => resolve(false));
			});
		});
		return this;
	}

	url(database) {
		return `postgresql:///${database}?host=${this.folder}&port=${PORT}&user=siban`;
	}

	async stop() {
		this.child.kill('SIGKILL');
		await this.exited;
	}
}
