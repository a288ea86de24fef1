// People who log in: a phone, a device, codes out of the sandbox's messages or, where no SMS is configured, out of the answer itself.
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { until } from './until.mjs';

export const device = () => randomBytes(18).toString('base64url');
export const phone = () => `139${String(randomInt(1e8)).padStart(8, '0')}`;
export const OTP = 'urn:siban:params:oauth:grant-type:otp';
export const form_type = 'application/x-www-form-urlencoded';

// What the gateway needs to be told to send codes through the sandbox.
export const sms_settings = (s, key_file) => ({ 'sms.aliyun.url': s.url, 'sms.aliyun.key_id': 'sandbox-access-key', 'sms.aliyun.key_secret_file': key_file,
	'sms.aliyun.sign_name': '陇南四办', 'sms.aliyun.template.otp': 'SMS_100000001', 'sms.aliyun.template.phone_changed': 'SMS_100000003' });

// And to ask the sandbox's authority.
export function authority_settings(s) {
	const folder = mkdtempSync(path.join(os.tmpdir(), 'siban-authority-')), key_file = path.join(folder, 'key');
	process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
	writeFileSync(key_file, 'whsec_c2libi1zYW5kYm94LWF1dGhvcml0eS1rZXktMDAwMQ==', { mode: 0o600 });
	return { 'authority.url': `${s.url}/authority`, 'authority.key_file': key_file };
}

export class People {
	// s: a sandbox that plays the SMS platform; without it the gateway is in development and tells the code
	constructor(g, s) {
		Object.assign(this, { g, s });
	}

	form(target, fields, options = {}) {
		return this.g.ask('POST', target, { body: new URLSearchParams(fields).toString(), type: form_type, ...options });
	}

	ask_code(number, device_id, options) {
		return this.g.ask('POST', '/v1/otp', { body: { phone: number, purpose: 'login', device_id }, ...options });
	}

	// {challenge, code}
	async code(number, device_id, options) {
		const before = this.s ? (await this.texts(number)).length : 0;
		const answer = await this.ask_code(number, device_id, options);
		if (answer.status !== 202) throw new Error(`no code: ${answer.status} ${answer.text}`);
		const { challenge, development_code } = answer.json;
		return { challenge, code: development_code ?? await this.received(number, before) };
	}

	async texts(number) {
		return (await this.s.show('aliyun_sms')).messages.filter((m) => m.phone_number === number).map((m) => m.text);
	}

	// The code in the text behind those that were there before.
	received(number, before = 0) {
		return until(`${number} has its code`, async () => /验证码([0-9]{6})/.exec((await this.texts(number)).slice(before).at(-1))?.[1]);
	}

	try_code(number, { challenge, code }, device_id, options) {
		return this.form('/oauth2/token', { grant_type: OTP, phone: number, challenge, code, device_id, device_name: '我的手机' }, options);
	}

	async login(number, device_id, options) {
		const answer = await this.try_code(number, await this.code(number, device_id, options), device_id, options);
		if (answer.status !== 200) throw new Error(`no login: ${answer.status} ${answer.text}`);
		return answer.json;
	}

	// one: {number, name}
	confirm(token, one, { key = randomUUID(), ...options } = {}) {
		return this.g.ask('POST', '/v1/me/identity', { token, key, body: { id_number: one.number, name: one.name }, ...options });
	}

	step_up(token, proof, options) {
		return this.g.ask('POST', '/v1/me/step-up', { token, key: randomUUID(), body: { method: 'live_face', proof }, ...options });
	}

	refresh(refresh_token, device_id, options) {
		return this.form('/oauth2/token', { grant_type: 'refresh_token', refresh_token, device_id }, options);
	}
}
