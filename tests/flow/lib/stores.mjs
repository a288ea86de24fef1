// Where a gateway's data lie: SQLite in its state folder and memory, or, with SIBAN_STORE=postgres, a PostgreSQL and a Redis of the whole test file, in
// which each gateway has its own database and its own keys.
import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { Postgres, memory_or_disk } from './postgres.mjs';
import { Redis } from './redis.mjs';

export const on_postgres = process.env.SIBAN_STORE === 'postgres';

// Words as SQL says the bytes of a text.
export const sql_bytes = (words) => `CAST('${words}' AS ${on_postgres ? 'BYTEA' : 'BLOB'})`;

// Every file below a folder but sockets: its name and what is in it.
export function files_below(folder) {
	return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((f) => f.isFile()).map((f) => {
		const file = path.join(f.parentPath ?? f.path, f.name);
		return { name: path.relative(folder, file), bytes: readFileSync(file) };
	});
}

class Embedded {
	constructor(state) {
		this.file = path.join(state, 'siban.db');
	}

	settings() {
		return {};
	}

	forget() {
		// memory: a restart forgets
	}

	sql(text) {
		return execFileSync('sqlite3', ['-cmd', '.timeout 5000', this.file, text], { encoding: 'utf8' }).trim();
	}

	files() {
		return []; // they are in the state folder
	}

	copy(folder) {
		const other = new Embedded(folder);
		cpSync(this.file, other.file);
		return { sql: (text) => other.sql(text), settings: {} };
	}
}

let servers;

// Started once and ended with the process; they do not keep it.
async function start_servers() {
	const [server, forgetful] = await Promise.all([new Postgres({ durable: true, under: memory_or_disk() }).start(), new Redis().start()]);
	server.let_go();
	forgetful.child.unref();
	return { server, forgetful };
}

class Served {
	static async make(template, name) {
		servers ??= start_servers();
		const s = Object.assign(new Served(), await servers);
		s.database = await s.server.database(template, name);
		return s;
	}

	// Beside what a test says; one with a Redis of its own needs none.
	settings(said) {
		const store = { 'store.url': this.server.url(this.database) };
		return 'expiring.url' in said ? store : { ...store, ...this.forgetful.settings, 'expiring.prefix': `${this.database}:`, 'expiring.deadline': 1000 };
	}

	sql(text) {
		return this.server.say_now(text, this.database);
	}

	hold(sql) {
		return this.server.hold(sql, this.database);
	}

	forget() {
		return this.forgetful.say('FLUSHALL');
	}

	async copy() {
		const database = await this.server.database(this.database);
		return { sql: (text) => this.server.say_now(text, database), settings: { 'store.url': this.server.url(database) } };
	}

	async files() {
		await this.server.say('CHECKPOINT');
		return ['base', 'pg_wal'].flatMap((folder) => files_below(path.join(this.server.data, folder)));
	}
}

// template, name: of a database of PostgreSQL's
export const stores = async (state, template, name) => (on_postgres ? Served.make(template, name) : new Embedded(state));

// Ends PostgreSQL in an orderly way; where its files are.
export async function end_servers() {
	if (servers === undefined) return undefined;
	const { server } = await servers;
	await server.stop('SIGINT');
	return server.data;
}
