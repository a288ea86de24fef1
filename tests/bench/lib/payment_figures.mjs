// tests/bench/lib/payment_figures.mjs - figure 20: orders of notices over the wire, and callbacks of WeChat Pay about them: signature, seal, ledger, order and notices, one transaction each.
// Beside it in the same run: the committer alone, and what the cryptography of a callback costs by itself.
import crypto from 'node:crypto';
import fs from 'node:fs';
import http2 from 'node:http2';
import path from 'node:path';
import { Sandbox } from '../../sandbox/lib/client.mjs';
import { wechat_settings } from '../../flow/lib/wechat.mjs';
import { wechat_pay_settings } from '../../flow/lib/wechat_pay.mjs';
import { notice } from '../../flow/lib/payments.mjs';
import { control, resident } from './booking_figures.mjs';
import { copied_state, department, filled_state, serve, tool } from './daemon.mjs';
import { cpu_ns, median, sh, stop, work_dir } from './machine.mjs';
import { report } from './report.mjs';

const OPEN_EACH = 100, AT_ONCE = 64;

function ask(session, target, { token, key, body, headers = {} }) {
	return new Promise((resolve, reject) => {
		const stream = session.request({ ':method': 'POST', ':path': target, 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}), ...(key ? { 'idempotency-key': key } : {}), ...headers });
		let status, text = '';
		stream.on('response', (h) => { status = h[':status']; });
		stream.setEncoding('utf8');
		stream.on('data', (d) => { text += d; });
		stream.on('error', reject);
		stream.on('end', () => (status < 300 ? resolve(text === '' ? null : JSON.parse(text)) : reject(new Error(`${target}: ${status} ${text}`))));
		stream.end(body);
	});
}

// Each of `list`, so many at once; what the server took for it.
async function through(server, sessions, list, doing) {
	const before = cpu_ns(server.pid), began = process.hrtime.bigint(), waits = [], ends = [];
	let next = 0;
	await Promise.all(Array.from({ length: AT_ONCE }, async (_unused, lane) => {
		for (let n; (n = next++) < list.length;) {
			const from = process.hrtime.bigint();
			ends[n] = await doing(sessions[lane % sessions.length], list[n], n);
			waits.push(Number(process.hrtime.bigint() - from) / 1e6);
		}
	}));
	waits.sort((a, b) => a - b);
	return { ends, per_second: list.length / (Number(process.hrtime.bigint() - began) / 1e9), cpu_us: (cpu_ns(server.pid) - before) / 1000 / list.length, p50_ms: waits[list.length >> 1], p99_ms: waits[Math.floor(list.length * 0.99)] };
}

// What nobody can leave out of a callback: one RSA signature verified, one AES-GCM opened.
function cryptography(callbacks, s) {
	const key = crypto.createPublicKey(fs.readFileSync(s['wechat.pay.public_key_file'])), api_key = fs.readFileSync(s['wechat.pay.api_key_file']), began = process.cpuUsage();
	for (const { body, headers } of callbacks) {
		const text = `${headers['wechatpay-timestamp']}\n${headers['wechatpay-nonce']}\n${body}\n`, { resource } = JSON.parse(body), sealed = Buffer.from(resource.ciphertext, 'base64');
		if (!crypto.verify('sha256', Buffer.from(text), key, Buffer.from(headers['wechatpay-signature'], 'base64'))) throw new Error('a callback is not signed by the public key');
		const open = crypto.createDecipheriv('aes-256-gcm', api_key, resource.nonce).setAAD(Buffer.from(resource.associated_data ?? '')).setAuthTag(sealed.subarray(-16));
		JSON.parse(Buffer.concat([open.update(sealed.subarray(0, -16)), open.final()]));
	}
	const used = process.cpuUsage(began);
	return (used.user + used.system) / callbacks.length;
}

async function round_of(server, state, s, paying, n, first) {
	const brought = department(state), notices = Array.from({ length: n }, () => notice()), people = [];
	const sessions = Array.from({ length: 8 }, () => http2.connect(`https://127.0.0.1:${server.port}`, { rejectUnauthorized: false }));
	for (let i = 0; i < Math.ceil(n / OPEN_EACH); i++) people.push((await control(state, '/control/tokens', { kind: 'citizen', id_number: resident(first + i) })).token);
	const token = (i) => people[Math.floor(i / OPEN_EACH)], key = () => crypto.randomUUID();
	const notices_put = await through(server, sessions, notices, (h, one) => ask(h, '/v1/department/notices', { token: brought.token, key: key(), body: JSON.stringify(one) }));
	const orders = await through(server, sessions, notices, (h, one, i) => ask(h, '/v1/orders', { token: token(i), key: key(), body: JSON.stringify({ payment_codes: [one.payment_code] }) }));
	await through(server, sessions, orders.ends, (h, one, i) => ask(h, `/v1/orders/${one.id}/payments`, { token: token(i), key: key(), body: JSON.stringify({ channel: 'wechat_pay', method: 'native' }) }));
	const trades = (await s.show('wechat_pay')).trades.filter((t) => t.trade_state === 'NOTPAY'), callbacks = [];
	if (trades.length !== n) throw new Error(`${trades.length} of ${n} payments are ready`);
	for (const { out_trade_no } of trades) {
		await s.tell('wechat_pay', 'pay', { out_trade_no });
		callbacks.push(await s.tell('wechat_pay', 'make', { out_trade_no }));
	}
	const told = await through(server, sessions, callbacks, (h, one) => ask(h, '/callbacks/wechatpay', one));
	const again = await through(server, sessions, callbacks, (h, one) => ask(h, '/callbacks/wechatpay', one));
	for (const h of sessions) h.close();
	return { notices: notices_put, orders, told, again, bare_us: cryptography(callbacks, paying) };
}

export async function figure_20({ rounds = 3, n = 2000, seconds = 3 }) {
	const copy = copied_state(filled_state(1000), 'state-copy'), s = await Sandbox.start(), paying = { ...wechat_settings(s), ...wechat_pay_settings(s) }, folder = path.join(work_dir, 'committer');
	await s.setup('wechat_pay', { callbacks: false });
	const server = await serve('siban-payments', copy.state, { ...paying, 'rate.write': 1000000, 'payments.code_profile': 'sandbox', 'payments.open_orders': OPEN_EACH, 'payments.orders_per_hour': 100000, 'rate.wrong_codes': 1000000 });
	const seen = { notices: [], orders: [], told: [], again: [] }, raw = [], bare = [];
	for (let round = 0; round < rounds; round++) {
		const one = await round_of(server, copy.state, s, paying, n, round * n);
		for (const what of Object.keys(seen)) seen[what].push({ ...one[what], ends: undefined });
		bare.push(one.bare_us);
		await s.reset();
		await s.setup('wechat_pay', { callbacks: false });
		fs.rmSync(folder, { recursive: true, force: true });
		fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
		const c = JSON.parse(sh([tool('committer_bench'), 'committer', String(AT_ONCE), String(seconds), folder]));
		raw.push({ per_second: c.per_second, cpu_us: c.cpu_us, p50_ms: c.p50_us / 1000, p99_ms: c.p99_us / 1000 });
	}
	const found = sh(['sqlite3', '-readonly', path.join(copy.state, 'siban.db'), 'SELECT (SELECT COUNT(*) FROM pay_payment), (SELECT SUM(amount_fen) FROM ledger_posting), (SELECT COUNT(*) FROM pay_order WHERE state = 2)']).trim();
	if (found !== `${rounds * n}|0|${rounds * n}`) throw new Error(`payments, the ledger's sum and paid orders: ${found}`);
	await stop(server);
	await s.stop();
	fs.rmSync(folder, { recursive: true, force: true });
	const middle = (list, what) => median(list.map((r) => r[what]));
	const row = (label, list) => [label, Math.round(middle(list, 'per_second')), middle(list, 'cpu_us').toFixed(1), middle(list, 'p50_ms').toFixed(2), middle(list, 'p99_ms').toFixed(2)];
	report({ figure: '20', title: `orders and callbacks of WeChat Pay over HTTP/2, ${AT_ONCE} in flight, durable; ${rounds} rounds of ${n}`,
		head: ['what', 'a second', 'CPU us each', 'p50 ms', 'p99 ms'],
		rows: [row('notice brought by a department', seen.notices), row('order of a notice', seen.orders), row('callback: signature, seal, ledger', seen.told), row('the same callback again', seen.again),
			row('committer alone, 5 statements', raw), ['signature and seal alone (node:crypto)', '', median(bare).toFixed(1), '', '']],
		goals: [{ what: 'callbacks a second / 500', value: middle(seen.told, 'per_second') / 500, goal: 1, step: 1, at_least: true },
			{ what: 'CPU of a callback / of its signature and seal', value: middle(seen.told, 'cpu_us') / median(bare), goal: 5, step: 5 }], raw: { seen, raw, bare } });
	sh(['rm', '-rf', copy.state]);
}
