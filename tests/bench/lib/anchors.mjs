// tests/bench/lib/anchors.mjs - the servers we are measured beside, each with one thread, HTTP/2 over TLS 1.3 and an answer of the same size.
//
// Each serves one thing, in the way that is quickest for it (a thousand files would make h2o open one per request). The path still differs
// with each request, as siban's does: the case number stands behind a '?', which file servers ignore but HPACK must carry.
import fs from 'node:fs';
import path from 'node:path';
import { free_port, sh, start, wait_port, work_dir } from './machine.mjs';

const cert = () => path.join(work_dir, 'cert.pem');
const key = () => path.join(work_dir, 'key.pem');

/** A certificate for localhost: the P-256 kind that everybody serves. */
export function certificate() {
	fs.mkdirSync(work_dir, { recursive: true });
	if (!fs.existsSync(cert()))
		sh(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30', '-subj', '/CN=localhost',
			'-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key(), '-out', cert()]);
	fs.chmodSync(key(), 0o600);
	return { cert: cert(), key: key() };
}

export const ANCHOR_PREFIX = '/one.json?'; /* as long as /v1/cases/ */

/** A folder with `body` as its one file. */
export function document(body) {
	const root = path.join(work_dir, 'document');
	fs.mkdirSync(root, { recursive: true });
	fs.chmodSync(work_dir, 0o755);
	fs.writeFileSync(path.join(root, 'one.json'), body);
	return root;
}

async function up(name, argv, port) {
	const server = start(name, argv);
	await wait_port(server, port);
	return { ...server, port };
}

async function nghttpd(root) {
	const port = await free_port();
	return up('nghttpd', ['nghttpd', '-n1', '-d', root, String(port), key(), cert()], port);
}

async function nginx(root, body) {
	const port = await free_port();
	const file = path.join(work_dir, 'nginx.conf');
	fs.writeFileSync(file, `daemon off; master_process on; worker_processes 1; pid ${work_dir}/nginx.pid; error_log ${work_dir}/nginx.error.log;
events { worker_connections 16384; }
http {
	access_log off; default_type application/json; keepalive_requests 100000000; keepalive_timeout 300s;
	server {
		listen 127.0.0.1:${port} ssl http2; ssl_certificate ${cert()}; ssl_certificate_key ${key()}; ssl_protocols TLSv1.3;
		http2_max_concurrent_streams 1000;
		location / { return 200 '${body.replace(/[\\']/g, '\\$&')}'; }
	}
}
`);
	return up('nginx', ['nginx', '-p', work_dir, '-c', file], port);
}

async function h2o(root) {
	const port = await free_port();
	const file = path.join(work_dir, 'h2o.conf');
	fs.writeFileSync(file, `num-threads: 1
user: root
max-connections: 16384
http2-idle-timeout: 300
listen: { host: 127.0.0.1, port: ${port}, ssl: { certificate-file: ${cert()}, key-file: ${key()}, minimum-version: TLSv1.3 } }
hosts: { default: { paths: { "/": { file.dir: ${root} } } } }
`);
	return up('h2o', ['h2o', '-c', file], port);
}

/** Swallows what is posted to it and says {}. */
export async function sink() {
	certificate();
	return nginx(null, '{}');
}

export const anchors = { nghttpd, nginx, h2o };
