// A mini-program's phone and server: codes out of the sandbox, and the grant they are for.
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { OTP, device } from './people.mjs';

export const WECHAT = 'urn:siban:params:oauth:grant-type:wechat-mini';
export const SECRET = '0123456789abcdef0123456789abcdef';

// What the gateway needs to be told to ask the sandbox.
export function wechat_settings(s, more = {}) {
	const folder = mkdtempSync(path.join(os.tmpdir(), 'siban-wechat-')), file = path.join(folder, 'secret');
	process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
	writeFileSync(file, SECRET, { mode: 0o600 });
	return { 'wechat.url': s.url, 'wechat.mini.appid': 'wx0123456789abcdef', 'wechat.mini.secret_file': file, ...more };
}

export const OFFICIAL = 'urn:siban:params:oauth:grant-type:wechat-official', OFFICIAL_SECRET = 'd'.repeat(32), PAGE = 'https://app.siban.test/login/wechat';

// The same of the official account.
export function official_settings(s, more = {}) {
	const folder = mkdtempSync(path.join(os.tmpdir(), 'siban-wechat-')), file = path.join(folder, 'secret');
	process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
	writeFileSync(file, OFFICIAL_SECRET, { mode: 0o600 });
	return { 'wechat.url': s.url, 'wechat.official.appid': 'wxofficial000000', 'wechat.official.secret_file': file, 'wechat.official.redirect_uris': PAGE, ...more };
}

// Somebody who opens pages of the official account in WeChat.
export class Visitor {
	constructor(people, phone, openid = `w-${randomUUID()}`) {
		Object.assign(this, { people, phone, openid });
	}

	// Away and back; with a token, to be linked: {code, state}
	async visit(device_id, { token, snapshot = false, via } = {}) {
		const begun = await this.people.g.ask('POST', '/v1/login/wechat', { token, via, body: { device_id, redirect_uri: PAGE } });
		if (begun.status !== 200) throw new Error(`no login begun: ${begun.status} ${begun.text}`);
		const { code, state } = await this.people.s.tell('wechat', 'visit', { url: begun.json.authorization_url, openid: this.openid, snapshot });
		return { code, state };
	}

	grant(back, device_id, options) {
		return this.people.form('/oauth2/token', { grant_type: OFFICIAL, device_id, device_name: '微信网页', ...back }, options);
	}

	async login(device_id = device(), options) {
		return this.grant(await this.visit(device_id, options), device_id, options);
	}

	// a code on the phone, and the account that waits on this device along with it
	async link_by_code(device_id, options) {
		const { challenge, code } = await this.people.code(this.phone, device_id);
		return this.people.form('/oauth2/token', { grant_type: OTP, phone: this.phone, challenge, code, device_id, link: 'wechat_official' }, options);
	}
}

// Somebody with a WeChat account and a phone, as People has phones.
export class WeChat {
	constructor(people, phone, openid = `o-${randomUUID()}`) {
		Object.assign(this, { people, phone, openid });
	}

	// {js_code, phone_code}
	codes(more = {}) {
		return this.people.s.tell('wechat', 'code', { openid: this.openid, phone: this.phone, ...more });
	}

	grant(codes, device_id, options) {
		return this.people.form('/oauth2/token', { grant_type: WECHAT, device_id, device_name: '微信', ...codes }, options);
	}

	// with the button for the phone: {tokens}; without: by the account alone
	async login(device_id = device(), { with_phone = false, ...options } = {}) {
		const { js_code, phone_code } = await this.codes();
		const answer = await this.grant(with_phone ? { js_code, phone_code } : { js_code }, device_id, options);
		if (answer.status !== 200) throw new Error(`no login by WeChat: ${answer.status} ${answer.text}`);
		return answer.json;
	}

	// a code on the phone, and the account that waits on this device along with it
	async link_by_code(device_id, options) {
		const { challenge, code } = await this.people.code(this.phone, device_id);
		return this.people.form('/oauth2/token', { grant_type: OTP, phone: this.phone, challenge, code, device_id, link: 'wechat_mini' }, options);
	}
}
