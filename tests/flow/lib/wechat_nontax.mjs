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

// What its errcodes mean for a payer's barcode, as the sandbox has them.
export const barcode_settings = { 'wechat.nontax.barcodes': 'true', 'wechat.nontax.barcode_paying': '9700101', 'wechat.nontax.barcode_busy': '9700102, 9700108', 'wechat.nontax.barcode_refused': '9700103,9700104' };
export const pay = (g, order, method, { token, key = randomUUID(), ...more } = {}) => g.ask('POST', `/v1/orders/${order}/payments`, { token, key, body: { channel: 'wechat_nontax', method }, ...more });
export const made = (s, order_id, more = {}) => s.tell('wechat_nontax', 'make', { order_id, ...more });
// {status, errcode, said}: what we said to a call of the platform's; at: the path below.
export async function tell(g, { query, word, body }, via, at = '') {
	const answer = await g.ask('POST', `/callbacks/wechatnontax${at}?${query}`, { body, headers: { 'content-type': 'application/json' }, via }), said = reply_of(KEY, word, answer.text);
	return { status: answer.status, errcode: said?.errcode ?? null, said, answer };
}
// It asks what a notice costs. more: other members of the question; mood: what is wrong with the call.
export const priced = async (s, g, notice, { more = {}, mood, via } = {}) =>
	tell(g, await s.tell('wechat_nontax', 'fee_call', { payment_notice_no: notice.payment_code, department_code: notice.unit, region_code: notice.division, changes: more, mood }), via, '/fee');
