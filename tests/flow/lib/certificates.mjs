// Certificate authorities and client certificates, made by openssl; and connections that show them.
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import http2 from 'node:http2';
import https from 'node:https';
import path from 'node:path';
import tls from 'node:tls';
import { promisify } from 'node:util';
import { H2, one_shot } from './clients.mjs';

const run = promisify(execFile);
let serial = 1000;

export class Authority {
	static async make(folder, name) {
		const a = new Authority();
		Object.assign(a, { folder, name, key: path.join(folder, `${name}.key`), file: path.join(folder, `${name}.pem`) });
		await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', `/CN=${name}`,
			'-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign', '-keyout', a.key, '-out', a.file]);
		return a;
	}

	// from, to: seconds from now; names: as openssl writes them, DNS:localhost,IP:127.0.0.1
	async sign(name, { from = -3600, to = 86400, usage = 'clientAuth', names } = {}) {
		const base = path.join(this.folder, `${this.name}-${name}-${serial}`), request = `${base}.csr`, extensions = `${base}.ext`;
		const stamp = (s) => new Date(Date.now() + s * 1000).toISOString().replace(/[-:T]/g, '').replace(/\.\d+Z/, 'Z');
		await run('openssl', ['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`, '-keyout', `${base}.key`, '-out', request]);
		writeFileSync(extensions, `[e]\nbasicConstraints=critical,CA:FALSE\nextendedKeyUsage=${usage}\n${names ? `subjectAltName=${names}\n` : ''}`);
		// `openssl x509` knows days only; `openssl ca` knows moments.
		writeFileSync(`${base}.db`, '');
		writeFileSync(`${base}.db.attr`, 'unique_subject = no\n');
		writeFileSync(`${base}.serial`, `${serial++}\n`);
		writeFileSync(`${base}.conf`, `[ca]\ndefault_ca=c\n[c]\ndatabase=${base}.db\nserial=${base}.serial\nnew_certs_dir=${this.folder}\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n`);
		await run('openssl', ['ca', '-batch', '-notext', '-config', `${base}.conf`, '-cert', this.file, '-keyfile', this.key, '-in', request, '-out', `${base}.pem`,
			'-extfile', extensions, '-extensions', 'e', '-startdate', stamp(from), '-enddate', stamp(to)]);
		return { cert_file: `${base}.pem`, key_file: `${base}.key`, cert: readFileSync(`${base}.pem`), key: readFileSync(`${base}.key`) };
	}
}

const shown = (certificate) => (certificate ? { cert: certificate.cert, key: certificate.key } : {});

// An HTTP/2 connection by this name, with this certificate.
export class CertifiedH2 extends H2 {
	constructor(gateway, host, certificate, more = {}) {
		super(gateway, http2.connect(`https://${host}:${gateway.public_port}`,
			{ ca: gateway.ca, host: '127.0.0.1', servername: host, checkServerIdentity: () => undefined, ...shown(certificate), ...more }));
	}
}

// host: what the request names; by: the name of the connection (SNI)
export function certified_h1(gateway, host, certificate, method, target, { headers = {}, body, by = host } = {}) {
	const where = { host: '127.0.0.1', port: gateway.public_port, servername: by, ca: gateway.ca, ALPNProtocols: ['http/1.1'], agent: false,
		checkServerIdentity: () => undefined, ...shown(certificate) };
	return one_shot(https, where, method, target, { headers: { host: `${host}:${gateway.public_port}`, ...headers }, body });
}

// A bare TLS connection that asks for one thing in HTTP/1.1 and gives what became of it: text, or the alert.
export function handshake(gateway, host, certificate, { session, version, target = '/v1/regions?limit=1' } = {}) {
	return new Promise((resolve) => {
		const out = { text: '', session: undefined, reused: undefined, error: undefined };
		const socket = tls.connect({ host: '127.0.0.1', port: gateway.public_port, servername: host, ca: gateway.ca, ALPNProtocols: ['http/1.1'], session,
			...(version ? { minVersion: version, maxVersion: version } : {}), checkServerIdentity: () => undefined, ...shown(certificate) }, () => {
			out.reused = socket.isSessionReused();
			socket.write(`GET ${target} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
		});
		socket.on('session', (s) => { out.session = s; });
		socket.on('data', (chunk) => { out.text += chunk; });
		socket.on('error', (e) => { out.error = e; });
		socket.on('close', () => {
			out.status = Number(/^HTTP\/1\.1 (\d+)/.exec(out.text)?.[1] ?? 0);
			resolve(out);
		});
	});
}

// curl is the second judge. Words before the address are curl's.
export async function certified_curl(gateway, host, certificate, target, ...more) {
	const words = ['-sS', '--max-time', '10', '--cacert', gateway.ca_file, '--insecure', '--resolve', `${host}:${gateway.public_port}:127.0.0.1`, '-w', '\n%{http_code}',
		...(certificate ? ['--cert', certificate.cert_file, '--key', certificate.key_file] : []), ...more, `https://${host}:${gateway.public_port}${target}`];
	try {
		const { stdout } = await run('curl', words);
		const cut = stdout.lastIndexOf('\n');
		return { status: Number(stdout.slice(cut + 1)), text: stdout.slice(0, cut) };
	} catch (e) {
		return { status: 0, text: e.stderr };
	}
}
