// What every fresh gateway begins with, made once before a run of ctest (flow/prepare.mjs) and copied from then on: a migrated database, with and without
// the data of data/, and its keys; on PostgreSQL the whole cluster. Made by another program or of other data, it is not used: then each gateway makes its own.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { source_dir } from './openapi.mjs';

const siban = process.env.SIBAN ?? path.join(source_dir, 'build/dev/siban');
const on_postgres = process.env.SIBAN_STORE === 'postgres';
const folder = path.join(path.dirname(siban), on_postgres ? 'prepared_postgres' : 'prepared');

// What is written down differently under another of these cannot be copied.
const OWN = /^(store|seal|vault|state|keys)\./;

function made_of() {
	const data = path.join(source_dir, 'data');
	const files = [siban, ...readdirSync(data).sort().map((name) => path.join(data, name))];
	return createHash('sha256').update(files.map((f) => statSync(f)).map((s) => `${s.size} ${s.mtimeMs}`).join('\n')).digest('hex');
}

let found;
function is_there() {
	const stamp = path.join(folder, 'made_of');
	found ??= existsSync(stamp) && readFileSync(stamp, 'utf8') === made_of();
	return found;
}

// With their owners: PostgreSQL's files are not root's.
const copy = (from, to) => execFileSync('cp', ['-a', '--reflink=auto', from, to]);

export function unpack_cluster(to) {
	if (!on_postgres || !is_there()) return false;
	copy(path.join(folder, 'cluster'), to);
	return true;
}

// The name of what a gateway with these settings may begin with, or nothing.
export function prepared(data, settings) {
	return is_there() && !Object.keys(settings).some((name) => OWN.test(name)) ? (data ? 'data' : 'bare') : undefined;
}

export function unpack(name, state) {
	copy(`${path.join(folder, name)}/.`, state); // what is in it
}

export function drop() {
	rmSync(folder, { recursive: true, force: true });
}

// Keeps what gateways left behind, by name, and the cluster their databases are in.
export function keep(states, cluster) {
	for (const [name, state] of Object.entries(states)) {
		mkdirSync(path.join(folder, name), { recursive: true });
		for (const one of ['siban.db', 'keys']) if (existsSync(path.join(state, one))) copy(path.join(state, one), path.join(folder, name, one));
	}
	if (cluster !== undefined) copy(cluster, path.join(folder, 'cluster'));
	writeFileSync(path.join(folder, 'made_of'), made_of());
}
