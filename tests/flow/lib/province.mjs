// The province's unified login as an app uses it: begun at the gateway, done in the sandbox by whoever is named, ended with what came back.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ask } from './outside.mjs';
import { form_type } from './people.mjs';

export const PROVINCIAL = 'urn:siban:params:oauth:grant-type:provincial';
export const BACK = 'https://app.siban.test/login/provincial';

// What the gateway needs to be told to send people to the sandbox.
export function provincial_settings(s) {
	const folder = mkdtempSync(path.join(os.tmpdir(), 'siban-provincial-')), secret_file = path.join(folder, 'secret'), base = `${s.url}/provincial`;
	process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
	writeFileSync(secret_file, 'sandbox-provincial-secret', { mode: 0o600 });
	return { 'provincial.authorize_url': `${base}/authorize`, 'provincial.token_url': `${base}/token`, 'provincial.userinfo_url': `${base}/userinfo`,
		'provincial.client_id': 'siban-sandbox', 'provincial.secret_file': secret_file, 'provincial.redirect_uris': `https://old.siban.test/, ${BACK}` };
}

export class Province {
	constructor(g, s) {
		Object.assign(this, { g, s });
	}

	try_begin(device_id, { redirect_uri = BACK, ...options } = {}) {
		return this.g.ask('POST', '/v1/login/provincial', { body: { device_id, redirect_uri }, ...options });
	}

	// {state, code} or {state, error} of who went there
	async visit(device_id, sub, options) {
		const begun = await this.try_begin(device_id, options);
		assert.equal(begun.status, 200, begun.text);
		const url = new URL(begun.json.authorization_url);
		url.searchParams.set('login_as', sub);
		const answer = await ask(this.s.url, { target: url.pathname + url.search });
		assert.equal(answer.status, 302, answer.text);
		const came = new URL(answer.headers.location);
		assert.equal(came.origin + came.pathname, BACK);
		return { asked: url.searchParams, ...Object.fromEntries(came.searchParams) };
	}

	end(device_id, { state, code, iss }, options) {
		const form = { grant_type: PROVINCIAL, state, code, device_id, ...(iss === undefined ? {} : { iss }) };
		return this.g.ask('POST', '/oauth2/token', { body: new URLSearchParams(form).toString(), type: form_type, ...options });
	}

	async login(device_id, sub, options) {
		const answer = await this.end(device_id, await this.visit(device_id, sub, options), options);
		assert.equal(answer.status, 200, answer.text);
		return answer.json;
	}

	// A step-up of the token's session.
	raise(token, device_id, { state, code }, { key = randomUUID(), ...options } = {}) {
		return this.g.ask('POST', '/v1/me/identity/provincial', { token, key, body: { device_id, state, code }, ...options });
	}
}
