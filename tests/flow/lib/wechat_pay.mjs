// A merchant of the sandbox's WeChat Pay, as the gateway is told of it, and phones that pay.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import os from 'node:os';
import path from 'node:path';
import { source_dir } from './openapi.mjs';

const keys = path.join(source_dir, 'tests/sandbox/keys/wechat_pay');
export const API_KEY = 'siban-sandbox-apiv3-key-00000001', SERIAL = '5AB00000000000000000000000000000000A11CE';

// {settings, folder}: keys are files of the test's own.
export function wechat_pay_settings(s, more = {}) {
	const folder = mkdtempSync(path.join(os.tmpdir(), 'siban-wechat-pay-'));
	process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
	const file = (name, text) => {
		writeFileSync(path.join(folder, name), text, { mode: 0o600 });
		return path.join(folder, name);
	};
	return { 'wechat.pay.url': s.url, 'wechat.pay.mchid': '1900000001', 'wechat.pay.serial': SERIAL, 'wechat.pay.key_file': file('merchant.key', readFileSync(path.join(keys, 'merchant.key.pem'))),
		'wechat.pay.api_key_file': file('api.key', API_KEY), 'wechat.pay.public_key_id': 'PUB_KEY_ID_0190000000120261126000000000000', 'wechat.pay.public_key_file': path.join(keys, 'public.pem'),
		'wechat.pay.app_appid': 'wxapp0123456789a', 'wechat.pay.notify_url': 'https://localhost/callbacks/wechatpay', ...more };
}

// The callbacks that WeChat Pay would send, sent by the test: what the sandbox made, to this gateway.
export const tell = (g, { body, headers }, via) => g.ask('POST', '/callbacks/wechatpay', { body, headers, via });
export const made = (s, out_trade_no, more = {}) => s.tell('wechat_pay', 'make', { out_trade_no, ...more });
export const pays = (s, what) => s.tell('wechat_pay', 'pay', what);
export const pay = (g, order, method, { token, key = randomUUID(), channel = 'wechat_pay', ...more } = {}) => g.ask('POST', `/v1/orders/${order}/payments`, { token, key, body: { channel, method }, ...more });
