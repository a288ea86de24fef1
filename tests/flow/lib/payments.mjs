// Notices that are made up but well formed, the finance system that knows others, and departments that bring them.
import { randomInt, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { now, with_check_digit } from './cases.mjs';

// A payment code of the sandbox profile: division, year, kind, a serial nobody has, check digit.
export const payment_code = (division = '621202') => with_check_digit(`${division}261${String(randomInt(1e10)).padStart(10, '0')}`);
export const day = (offset = 0) => now(offset * 24 * 3600e3).slice(0, 10);

export function notice(more = {}) {
	const items = more.items ?? [{ item: '103043211', name: '不动产登记费', amount_fen: 8000 }];
	const amount = [items].flat().reduce((sum, i) => sum + Number(i.amount_fen ?? 0), 0), late_fen = more.late_fen ?? 0;
	return { payment_code: payment_code(), kind: 'ordinary', division: '621202', unit: '065080906', unit_name: '武都区自然资源局', payer: { name: '王小明' }, items, total_fen: amount + late_fen, ...more };
}

export function finance_settings(s) {
	const folder = mkdtempSync(path.join(os.tmpdir(), 'siban-finance-')), key_file = path.join(folder, 'key');
	process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
	writeFileSync(key_file, 'whsec_c2libi1zYW5kYm94LWZpbmFuY2Uta2V5LTAwMDAwMQ==', { mode: 0o600 });
	return { 'finance.url': `${s.url}/finance`, 'finance.key_file': key_file };
}

export const sandbox_codes = { 'payments.code_profile': 'sandbox', 'rate.lookup_address': 100000, 'rate.wrong_codes': 0, 'rate.wrong_codes_address': 0 };

// The finance system knows this one.
export const knows = (s, code, answer) => s.control('PUT', '/peers/finance', { notices: { [code]: answer } });
export const bring = (g, token, body, { key = randomUUID(), ...more } = {}) => g.ask('POST', '/v1/department/notices', { token, key, body, ...more });
