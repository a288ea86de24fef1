// Goal: the bureau's frames carry what its JSON carries: told once, asked again until they are answered, believed only from who shares the token, and never read beyond what they announce.
// Judge of the letters: the iconv-lite package; of the frame: the published vector.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import iconv from 'iconv-lite';
import { sandbox } from '../sandbox/lib/client.mjs';
import { frame, from_gbk, open, read, to_gbk, write } from '../sandbox/lib/cnnontax.mjs';
import { assert_problem, world } from './lib/cases.mjs';
import { gateway, make_certificate } from './lib/gateway.mjs';
import { bring, notice, sandbox_codes } from './lib/payments.mjs';
import { source_dir } from './lib/openapi.mjs';
import { first, hire } from './lib/staff.mjs';
import { until } from './lib/until.mjs';

const TOKEN = 'SANDBOXTOKEN';
const folder = mkdtempSync(path.join(os.tmpdir(), 'siban-frames-')), token_file = path.join(folder, 'token');
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
writeFileSync(token_file, TOKEN, { mode: 0o600 });

// Over TLS in one of the two runs, in the clear in the other.
const has_tls = process.env.SIBAN_STORE !== 'postgres';
const { key, cert } = await make_certificate(folder);
const s = await sandbox(has_tls ? { key, cert } : {});
const g = await gateway({ settings: { ...sandbox_codes, 'finance.form': 'frame', 'finance.frame.address': s.frames, 'finance.frame.tls': String(has_tls), 'outside.ca_file': cert, 'finance.frame.token_file': token_file,
	'finance.frame.node': 'K6212000001', 'finance.frame.peer': 'F621200', 'finance.rate': 0, 'rate.write': 0 } });
const w = await world(g, { test_key: true });
const clerk = await hire(await first(g, 'li.safe', 'security_admin'), await first(g, 'li.system', 'system_admin'), 'window.one', '621202', 'window_clerk');

const made = async (more) => {
	const n = notice(more);
	assert.equal((await bring(g, w.department, n)).status, 201);
	return n;
};
const take = async (n) => {
	const answer = await clerk.ask('POST', '/v1/hall/counter-payments', { key: randomUUID(), body: { payment_codes: [n.payment_code], channel: 'pos', reference: randomUUID(), amount_fen: n.total_fen } });
	assert.equal(answer.status, 201, answer.text);
};
const booking = async (code) => assert_problem(await g.get(`/v1/notices/${code}`), 409, 'notice_paid').json.booking;
const of = (code) => `(SELECT c.id FROM pay_confirmation c JOIN pay_notice n ON n.id = c.notice WHERE n.payment_code = '${code}')`;

test('the peer is right about frames: the published vector, and letters as iconv-lite has them', () => {
	const { frame: vector } = JSON.parse(readFileSync(path.join(source_dir, 'tests/unit/vectors/cnnontax_frame.json'), 'utf8'));
	assert.equal(frame(vector.msgno, Buffer.from(vector.xml), vector.token).toString(), vector.frame);
	assert.equal(open(Buffer.from(vector.frame), vector.token).message, vector.msgno);
	assert.equal(open(Buffer.from(vector.frame), 'ANOTHER').wrong, 'digest');
	const text = '武都区自然资源局缴款：￥80.00 <&> 乡镇（街道）';
	assert.deepEqual(to_gbk(text), iconv.encode(text, 'gbk'));
	assert.equal(from_gbk(to_gbk(text)), text);
	assert.equal(read(write('8001', { PayCode: '1', Information: text }, { token: 't', id: 'F1' }), 't').voucher.Information, text);
});

test('paid, told in a frame, booked, its receipt issued', async () => {
	const n = await made({ items: [{ item: '103043211', name: '不动产登记费', amount_fen: 8005 }] });
	await take(n);
	await until('it is booked', async () => (await booking(n.payment_code)) === 'booked');
	const { paid } = await s.show('finance');
	assert.deepEqual(paid[n.payment_code], { trace_no: await g.sql(`SELECT trace_no FROM pay_confirmation WHERE id = ${of(n.payment_code)}`), amount: '80.05', finance_no: await g.sql(`SELECT finance_no FROM pay_confirmation WHERE id = ${of(n.payment_code)}`) });
	await until('the receipt is there', async () => (await g.sql(`SELECT state FROM pay_receipt WHERE confirmation = ${of(n.payment_code)}`)) === '2');
	const issued = (await s.show('finance')).receipts[n.payment_code];
	assert.deepEqual([await g.sql(`SELECT code FROM pay_receipt WHERE confirmation = ${of(n.payment_code)}`), await g.sql(`SELECT number FROM pay_receipt WHERE confirmation = ${of(n.payment_code)}`)], [issued.code, issued.number]);
});

test('lost, halved, forged, nonsense, of another message, endless: tried again, and booked once', async () => {
	const wrong = ['close', 'act_and_close', 'half', 'rubbish', 'wrong_digest', 'wrong_ref', 'huge'], words = { half: 'unclear', close: 'unclear', act_and_close: 'unclear', rubbish: 'unclear', huge: 'unclear' };
	const all = await Promise.all(wrong.map(() => made()));
	for (const [i, n] of all.entries()) {
		await s.setup('finance', { moods: { [n.payment_code]: wrong[i] } });
		await take(n);
		const code = await until(`${wrong[i]} was tried`, () => g.sql(`SELECT a.code FROM effect_attempt a JOIN pay_confirmation c ON c.effect = a.effect WHERE c.id = ${of(n.payment_code)}`));
		assert.equal(code, words[wrong[i]] ?? 'nonsense', wrong[i]);
		assert.equal(await booking(n.payment_code), 'being_booked');
	}
	await Promise.all(all.map((n) => until('it is booked', async () => (await booking(n.payment_code)) === 'booked')));
	assert.deepEqual((await s.show('finance')).refused, []);
});

test('a byte at a time, in capital hex, in broken lines: it is the same answer', async () => {
	for (const mood of ['pieces', 'upper_hex', 'wrapped']) {
		const n = await made();
		await s.setup('finance', { moods: { [n.payment_code]: mood } });
		await take(n);
		await until(`it is booked, ${mood}`, async () => (await booking(n.payment_code)) === 'booked');
		assert.equal(await g.sql(`SELECT COUNT(*) FROM effect_attempt a JOIN effect e ON e.id = a.effect WHERE e.subject = 'confirmation:' || ${of(n.payment_code)}`), '0');
	}
});
