#!/usr/bin/env node
// deploy/office.mjs BASE STATE SIBAN - two people of the payment office of a development gateway, logged in: prints the access tokens of who proposes and of who decides.
// The first time it makes them, as two administrators would; what they log in with is kept in STATE/sandbox.keys/office.json. Exits with 3 when the administrators are somebody else's.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { Clerk, first, hire, now_step } from '../tests/flow/lib/staff.mjs';

const [base, state, siban] = process.argv.slice(2), file = path.join(state, 'sandbox.keys/office.json');
const agent = new https.Agent({ ca: readFileSync(path.join(state, 'tls/cert.pem')) });

// As much of a gateway as staff.mjs wants of one.
const g = {
	command: async (...words) => execFileSync(siban, [...words, '--config', path.join(state, 'siban.conf')], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim(),
	ask: (method, target, { token, key, body } = {}) => new Promise((resolve, reject) => {
		const headers = { ...(token && { authorization: `Bearer ${token}` }), ...(key && { 'idempotency-key': key }), ...(body && { 'content-type': 'application/json' }) };
		const r = https.request(base + target, { method, agent, headers }, (answer) => {
			let text = '';
			answer.setEncoding('utf8').on('data', (piece) => { text += piece; }).on('end', () => resolve({ status: answer.statusCode, text, json: text ? JSON.parse(text) : undefined }));
		});
		r.on('error', reject).end(body && JSON.stringify(body));
	}),
};

const keep = (clerks) => writeFileSync(file, JSON.stringify(clerks.map(({ account, password, secret, last }) => ({ account, password, secret, last }))), { mode: 0o600 });

async function made() {
	const admins = [];
	try {
		for (const role of ['security_admin', 'system_admin']) admins.push(await first(g, `tour.${role.slice(0, 6)}`, role));
	} catch (e) {
		if (admins.length > 0 || e.status === undefined) throw e;
		process.exit(3);
	}
	const [one, two] = admins, suffix = randomBytes(3).toString('hex');
	const clerks = [];
	for (const role of ['payment_clerk', 'payment_checker']) clerks.push(await hire(one, two, `tour.${role.slice(8)}.${suffix}`, '621200', role));
	return clerks;
}

// Digits serve once: who has used all that are good waits for the next.
async function again() {
	const clerks = JSON.parse(readFileSync(file, 'utf8')).map((kept) => Object.assign(new Clerk(g, kept.account), kept));
	for (const c of clerks) {
		while (c.last > now_step()) await new Promise((resolve) => { setTimeout(resolve, 1000); });
		await c.login();
	}
	return clerks;
}

const clerks = existsSync(file) ? await again() : await made();
keep(clerks);
console.log(clerks.map((c) => c.token).join(' '));
agent.destroy();
