// People who work here: invited, activated, logged in with the digits an authenticator app would show.
import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';

// RFC 4648 base 32 and RFC 6238, written from the documents.
function base32(text) {
	const bits = [...text].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
	return Buffer.from(bits.match(/.{8}/g).map((b) => Number.parseInt(b, 2)));
}

export function digits(secret, step) {
	const counter = Buffer.alloc(8);
	counter.writeBigUInt64BE(BigInt(step));
	const mac = createHmac('sha1', base32(secret)).update(counter).digest(), at = mac[19] & 15;
	return String((mac.readUInt32BE(at) & 0x7fffffff) % 1000000).padStart(6, '0');
}

export const now_step = () => Math.floor(Date.now() / 30000);
export const password = 'Wudu-2026-Sunny';

export class Clerk {
	constructor(g, account) {
		Object.assign(this, { g, account, password, last: 0 });
	}

	async activate(code) {
		const answer = await this.g.ask('POST', '/v1/staff/activate', { body: { code, password: this.password } });
		assert.equal(answer.status, 200, answer.text);
		this.secret = answer.json.totp_secret;
		return this;
	}

	// Digits that have not served: the step before, now, or the next; after those the clock must go on.
	fresh() {
		this.last = Math.max(this.last + 1, now_step() - 1);
		assert.ok(this.last <= now_step() + 1, 'more logins than steps');
		return digits(this.secret, this.last);
	}

	try_login({ via, ...more } = {}) {
		return this.g.ask('POST', '/v1/staff/login', { via, body: { account: this.account, password: this.password, totp: more.totp ?? this.fresh(), ...more } });
	}

	async login() {
		const answer = await this.try_login();
		assert.equal(answer.status, 200, answer.text);
		this.token = answer.json.access_token;
		return this;
	}

	ask(method, target, options = {}) {
		return this.g.ask(method, target, { token: this.token, ...options });
	}

	propose(kind, region, payload, subject) {
		return this.ask('POST', '/v1/staff/proposals', { key: randomUUID(), body: { kind, region, payload, ...(subject ? { subject } : {}) } });
	}

	decide(id, what, body) {
		return this.ask('POST', `/v1/staff/proposals/${id}/${what}`, body ? { body } : {});
	}
}

export async function first(g, account, role) {
	const code = await g.command('staff', 'add', '--first', '--account', account, '--name', '李建国', '--role', role, '--region', '621200');
	return (await new Clerk(g, account).activate(code)).login();
}

// Two administrators agree on a third person.
export async function hire(maker, checker, account, region, roles) {
	const made = await maker.propose('staff_invite', region, { account, name: '王小明', region, roles });
	assert.equal(made.status, 201, made.text);
	const approved = await checker.decide(made.json.id, 'approve');
	assert.equal(approved.status, 200, approved.text);
	return (await new Clerk(maker.g, account).activate(approved.json.invitation)).login();
}
