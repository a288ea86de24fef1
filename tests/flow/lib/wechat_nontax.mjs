// An account of ours at the sandbox's non-tax platform of WeChat, and the calls it makes to us.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import os from 'node:os';
import path from 'node:path';
import { KEY, reply_of } from '../../sandbox/lib/nontax_seal.mjs';

export const NONTAX_SECRET = 'ffffffffffffffffffffffffffffffff';

export function nontax_settings(s, more = {}) {
	const folder = mkdtempSync(path.join(os.tmpdir(), 'siban-nontax-'));
	process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
	const file = (name, text) => {
		writeFileSync(path.join(folder, name), text, { mode: 0o600 });
		return path.join(folder, name);
	};
	return { 'wechat.url': s.url, 'wechat.nontax.appid': 'wxnontax00000000', 'wechat.nontax.secret_file': file('secret', NONTAX_SECRET), 'wechat.nontax.bank_id': 'BANK-TEST',
		'wechat.nontax.return_url': 'https://app.siban.test/paid', 'wechat.nontax.calls': 'sandbox', 'wechat.nontax.calls_key_file': file('calls.key', KEY), ...more };
}

export const pay = (g, order, method, { token, key = randomUUID(), ...more } = {}) => g.ask('POST', `/v1/orders/${order}/payments`, { token, key, body: { channel: 'wechat_nontax', method }, ...more });
export const made = (s, order_id, more = {}) => s.tell('wechat_nontax', 'make', { order_id, ...more });
// {status, errcode}: what we said to a call of the platform's.
export async function tell(g, { query, word, body }, via) {
	const answer = await g.ask('POST', `/callbacks/wechatnontax?${query}`, { body, headers: { 'content-type': 'application/json' }, via });
	return { status: answer.status, errcode: reply_of(KEY, word, answer.text)?.errcode ?? null, answer };
}
