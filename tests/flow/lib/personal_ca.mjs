// An authority that issues certificates to persons, made by openssl: SM2, ECDSA or RSA; its revocation list; and what their keys sign.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

const run = (...words) => promisify(execFile)('openssl', words);
const KEYS = { sm2: ['EC', 'ec_paramgen_curve:SM2', 'sm3'], ecdsa: ['EC', 'ec_paramgen_curve:P-256', 'sha256'], rsa: ['RSA', 'rsa_keygen_bits:2048', 'sha256'] };
const ID = 'distid:1234567812345678';
const stamp = (s) => new Date(Date.now() + s * 1000).toISOString().replace(/[-:T]/g, '').replace(/\.\d+Z/, 'Z');

export const NUMBER_OID = '1.2.156.10260.4.1.1';

export class PersonalCa {
	static async make(folder, kind, { parent, lists = true } = {}) {
		const ca = Object.assign(new PersonalCa(), { folder: path.join(folder, `ca-${kind}-${randomUUID()}`), kind });
		[ca.algorithm, ca.option, ca.digest] = KEYS[kind];
		ca.sign = kind === 'sm2' ? ['-sigopt', ID] : [];
		mkdirSync(ca.folder);
		ca.key = ca.at('ca.key');
		ca.file = ca.at('ca.pem');
		await ca.new_key(ca.key);
		const subject = ['-subj', `/CN=${path.basename(ca.folder)}`];
		if (parent) {
			await run('req', '-new', '-key', ca.key, `-${ca.digest}`, ...ca.sign, ...subject, '-out', ca.at('ca.csr'));
			await parent.issue_from(ca.at('ca.csr'), ca.file, { extensions: 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign', request_kind: kind });
		} else {
			await run('req', '-x509', '-new', '-key', ca.key, `-${ca.digest}`, ...ca.sign, ...subject, '-days', '30', '-addext', 'basicConstraints=critical,CA:TRUE',
				'-addext', 'keyUsage=critical,keyCertSign,cRLSign', '-out', ca.file);
		}
		writeFileSync(ca.at('db'), '');
		writeFileSync(ca.at('db.attr'), 'unique_subject = no\n');
		writeFileSync(ca.at('serial'), '1000\n');
		writeFileSync(ca.at('crlnumber'), '01\n');
		writeFileSync(ca.at('conf'), `[ca]\ndefault_ca=c\n[c]\ndatabase=${ca.at('db')}\nserial=${ca.at('serial')}\ncrlnumber=${ca.at('crlnumber')}\nnew_certs_dir=${ca.folder}\n`
			+ `default_md=${ca.digest}\ndefault_crl_days=1\npolicy=p\n[p]\ncommonName=supplied\n`);
		if (lists) await ca.list();
		return ca;
	}

	at(name) {
		return path.join(this.folder, name);
	}

	new_key(file, [algorithm, option] = [this.algorithm, this.option]) {
		return run('genpkey', '-algorithm', algorithm, '-pkeyopt', option, '-out', file);
	}

	issue_from(request, out, { extensions, from = -3600, to = 86400, request_kind = this.kind }) {
		writeFileSync(`${out}.ext`, `[e]\n${extensions}\n`);
		return run('ca', '-batch', '-notext', '-utf8', '-config', this.at('conf'), '-cert', this.file, '-keyfile', this.key, '-in', request, '-out', out, '-extfile', `${out}.ext`, '-extensions', 'e',
			'-startdate', stamp(from), '-enddate', stamp(to), ...this.sign, ...(request_kind === 'sm2' ? ['-vfyopt', ID] : []));
	}

	// Somebody's certificate and key. key: another kind of key than the authority's; choice: the number as an arm of GM/T 0015's choice; subject: in the subject, not in an extension
	async issue({ number, name }, { usage = 'digitalSignature', ca = 'FALSE', key = this.kind, option, from, to, choice = false, with_number = true } = {}) {
		const base = this.at(randomUUID()), [algorithm, usual, digest] = KEYS[key];
		await this.new_key(`${base}.key`, [algorithm, option ?? usual]);
		await run('req', '-new', '-utf8', '-key', `${base}.key`, `-${digest}`, ...(key === 'sm2' ? ['-sigopt', ID] : []), '-subj', `/CN=${name}`, '-out', `${base}.csr`);
		const value = choice ? `ASN1:IMPLICIT:0,PRINTABLESTRING:${number}` : `ASN1:UTF8String:${number}`;
		await this.issue_from(`${base}.csr`, `${base}.pem`, { from, to, request_kind: key,
			extensions: `basicConstraints=critical,CA:${ca}\nkeyUsage=critical,${usage}\n${with_number ? `${NUMBER_OID}=${value}\n` : ''}` });
		const sign = async (text) => {
			writeFileSync(`${base}.text`, text);
			await run('dgst', `-${digest}`, '-sign', `${base}.key`, ...(key === 'sm2' ? ['-sigopt', ID] : []), '-out', `${base}.sig`, `${base}.text`);
			return readFileSync(`${base}.sig`).toString('base64');
		};
		return { file: `${base}.pem`, pem: readFileSync(`${base}.pem`, 'utf8'), sign };
	}

	revoke(certificate) {
		return run('ca', '-config', this.at('conf'), '-cert', this.file, '-keyfile', this.key, '-revoke', certificate.file);
	}

	// The list as it is now; hours: until the next one is due, counted from `from` seconds from now
	async list({ from = -3600, to = 86400 } = {}) {
		await run('ca', '-gencrl', '-config', this.at('conf'), '-cert', this.file, '-keyfile', this.key, '-crl_lastupdate', stamp(from), '-crl_nextupdate', stamp(to), ...this.sign, '-out', this.at('crl.pem'));
		return this.at('crl.pem');
	}
}

// What certificate.trust_file and certificate.revocation_file name.
export function trust_files(folder, authorities, lists_of = authorities) {
	const trust = path.join(folder, 'trust.pem'), lists = path.join(folder, 'lists.pem');
	writeFileSync(trust, authorities.map((a) => readFileSync(a.file, 'utf8')).join(''));
	writeFileSync(lists, lists_of.map((a) => readFileSync(a.at('crl.pem'), 'utf8')).join(''));
	return { 'certificate.trust_file': trust, 'certificate.revocation_file': lists };
}
