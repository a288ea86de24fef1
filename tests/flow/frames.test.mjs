// Goal: the bureau's frames carry what its JSON carries: told once, asked again until they are answered, believed only from who shares the token, and never read beyond what they announce.
// Judge of the letters: the iconv-lite package; of the frame: the published vector.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import iconv from 'iconv-lite';
import net from 'node:net';
import tls from 'node:tls';
import { sandbox } from '../sandbox/lib/client.mjs';
import { Frames, frame, from_gbk, open, read, to_gbk, write } from '../sandbox/lib/cnnontax.mjs';
import { assert_problem, world } from './lib/cases.mjs';
import { Authority } from './lib/certificates.mjs';
import { gateway, make_certificate } from './lib/gateway.mjs';
import { bring, notice, sandbox_codes } from './lib/payments.mjs';
import { source_dir } from './lib/openapi.mjs';
import { claim_ports } from './lib/ports.mjs';
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
const authority = has_tls ? await Authority.make(folder, 'bureau') : null, shown = has_tls ? await authority.sign('finance') : null;
const claimed = await claim_ports(), port = claimed.public_port;
const g = await gateway({ settings: { ...sandbox_codes, 'finance.frame.listen_port': port, 'finance.frame.listen_address': '127.0.0.1', 'finance.frame.networks': '127.0.0.0/8', 'finance.frame.listen_tls': String(has_tls),
	...(has_tls && { 'finance.frame.ca_file': authority.file }), 'timeout.body': 1500, 'finance.form': 'frame', 'finance.frame.address': s.frames, 'finance.frame.tls': String(has_tls), 'outside.ca_file': cert, 'finance.frame.token_file': token_file,
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
		const code = await until(`${wrong[i]} was tried`, () => g.sql(`SELECT a.code FROM effect_attempt a JOIN effect e ON e.id = a.effect WHERE e.subject = 'confirmation:' || ${of(n.payment_code)} AND a.n = 1`));
		assert.equal(code, words[wrong[i]] ?? 'nonsense', wrong[i]);
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

// ---- the bureau speaks first ----

// Sends these bytes and gives what was answered, frame by frame, until as many came or the connection ended.
const speak = (pieces, { answers = 1, from, certificate = shown } = {}) => new Promise((resolve) => {
	const frames = new Frames(), got = [];
	const socket = has_tls ? tls.connect({ host: '127.0.0.1', port, ca: g.ca, checkServerIdentity: () => undefined, ...(certificate && { cert: certificate.cert, key: certificate.key }), localAddress: from })
		: net.connect({ host: '127.0.0.1', port, localAddress: from });
	const end = (error) => { socket.destroy(); resolve({ answers: got.map((one) => read(one, TOKEN)), error: error?.code }); };
	socket.on('error', end).on('close', () => end()).on('data', (piece) => { got.push(...frames.take(piece)); if (got.length === answers) end(); });
	socket.once(has_tls ? 'secureConnect' : 'connect', async () => { for (const piece of [pieces].flat()) await new Promise((written) => socket.write(piece, written)); });
});
const trace = '2026112608000099999999999999';
const paid = (n, more = {}, how = {}) => write('5996', { PayCode: n.payment_code, CfmDate: '20261126', CfmTime: '080000', Amt: '80.00', PayMode: '01', TraNoBus: trace, PayerName: '王小明', ...more }, { token: TOKEN, id: `F${randomUUID().slice(0, 8)}`, ...how });
const said = async (bytes, more) => {
	const { answers: [one] } = await speak(bytes, more);
	assert.equal(one?.message, '8001');
	return [one.voucher.Result, one.voucher.Information];
};

test('paid at a bank, told in a frame: closed here, answered with its number, and again', async () => {
	const n = await made(), bytes = paid(n, {}, { id: 'F0001' });
	const { answers: [one] } = await speak(bytes);
	assert.deepEqual([one.message, one.head.MsgRef, one.head.SRC, one.head.DES, one.voucher.PayCode, one.voucher.Result, one.voucher.Information], ['8001', 'F0001', 'K6212000001', 'F621200', n.payment_code, '00000', 'paid_elsewhere']);
	assert.deepEqual(await said(bytes), ['00000', 'known']);
	assert_problem(await g.get(`/v1/notices/${n.payment_code}`), 409, 'notice_paid');
	const other = await made(), unknown = { payment_code: '62120226100000000012' };
	assert.deepEqual(await said(write('4601', { PayCode: other.payment_code, PayStats: '2' }, { token: TOKEN, id: 'F2' })), ['00000', 'void']);
	assert_problem(await g.get(`/v1/notices/${other.payment_code}`), 410, 'notice_void');
	assert.deepEqual(await said(paid(unknown)), ['00000', 'unknown']);
	assert.equal(await g.sql("SELECT COUNT(*) FROM audit WHERE act = 165"), '2', 'what was news is on record');
});

test('what we took is booked by a frame; another payment of it is a second one', async () => {
	const [a, b] = [await made(), await made()];
	for (const n of [a, b]) {
		await s.setup('finance', { confirm: { [n.payment_code]: { result: '99999' } } });
		await take(n);
	}
	assert.deepEqual(await said(paid(a, { TraNoBus: await g.sql(`SELECT trace_no FROM pay_confirmation WHERE id = ${of(a.payment_code)}`) })), ['00000', 'booked']);
	assert.equal(await booking(a.payment_code), 'booked');
	assert.deepEqual(await said(paid(b)), ['00000', 'paid_twice']);
	assert.equal(await booking(b.payment_code), 'paid_twice');
});

test('in pieces, several at once, one after the other', async () => {
	const [a, b, c] = [await made(), await made(), await made()], whole = paid(a);
	assert.deepEqual(await said([...whole].map((byte) => Buffer.of(byte)).concat()), ['00000', 'paid_elsewhere']);
	const { answers } = await speak(Buffer.concat([paid(b), paid(c)]), { answers: 2 });
	assert.deepEqual(answers.map((one) => [one.voucher.PayCode, one.voucher.Information]), [[b.payment_code, 'paid_elsewhere'], [c.payment_code, 'paid_elsewhere']]);
});

test('forged, broken, nonsense, half, too long: no word, and nothing changes; well signed and not understood: said so', async () => {
	const n = await made(), good = paid(n), flipped = Buffer.from(good);
	flipped[200] ^= 1;
	const doctype = frame('5996', Buffer.from('<?xml version="1.0" encoding="GBK"?><!DOCTYPE a [<!ENTITY e "x">]><CFX><MsgNo>5996</MsgNo></CFX>'), TOKEN);
	for (const [what, bytes] of Object.entries({ forged: paid(n, {}, { token: 'ANOTHER' }), flipped, doctype, http: Buffer.from('GET / HTTP/1.1\r\n\r\n'), long: Buffer.from('1048576 CNNONTAX1.05996'), half: good.subarray(0, 100) }))
		assert.deepEqual((await speak(bytes)).answers, [], what);
	for (const [more, message] of [[{ Amt: '1e3' }], [{ Amt: '' }], [{ TraNoBus: '' }], [{ PayCode: '12' }], [{}, '8994']])
		assert.equal((await said(write(message ?? '5996', { PayCode: n.payment_code, Amt: '80.00', TraNoBus: trace, ...more }, { token: TOKEN, id: 'F3' })))[0], '99999');
	assert.equal((await g.get(`/v1/notices/${n.payment_code}`)).json.state, 'unpaid');
});

test('who comes from elsewhere, or shows no certificate where one is demanded, is not heard', async () => {
	const n = await made();
	if (has_tls) {
		assert.deepEqual((await speak(paid(n), { certificate: null })).answers, []);
		const strangers = await Authority.make(folder, 'strangers');
		assert.deepEqual((await speak(paid(n), { certificate: await strangers.sign('finance') })).answers, []);
	}
	g.configure({ 'finance.frame.networks': '10.0.0.0/8' });
	assert.equal((await g.control('POST', '/control/reload')).status, 200);
	assert.deepEqual((await speak(paid(n))).answers, []);
	assert.equal((await g.get(`/v1/notices/${n.payment_code}`)).json.state, 'unpaid');
});
