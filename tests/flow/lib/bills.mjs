// A day of payments and what others say of it, with the answers: a program of its own that knows nothing of how they are compared.
import { createHash } from 'node:crypto';
import { sql_bytes } from './stores.mjs';

const yuan = (fen) => `${Math.trunc(fen / 100)}.${String(Math.abs(fen % 100)).padStart(2, '0')}`;
export const merchant = '1900007291';
const trade_columns = '交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注';
const trade_sums = '总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额';
const ticks = (cells) => cells.map((c) => `\`${c}`).join(',');

// lines: { time, number, fen } or { time, number, refund, refund_fen, status }
export function trade_bill(day, lines, more = {}) {
	const sum = { fen: 0, refund: 0, fee: 0 };
	const rows = lines.map((l) => {
		const back = l.refund !== undefined, fee = back ? 0 : Math.round(l.fen * 0.006 * 1000) / 1000;
		sum.fen += back ? 0 : l.fen;
		sum.refund += back ? l.refund_fen : 0;
		sum.fee += fee;
		return ticks([`${l.day ?? day} ${l.time}`, 'wxab8acd895ab1638a', more.merchant ?? merchant, '0', '', l.number, l.order ?? `or${l.number}`, 'oHkLxtx0vUqe', 'JSAPI', back ? 'REFUND' : 'SUCCESS', 'OTHERS', 'CNY',
			yuan(back ? 0 : l.fen), '0.00', back ? `5000${l.refund}` : '0', back ? l.refund : '0', yuan(back ? l.refund_fen : 0), '0.00', back ? 'ORIGINAL' : '', back ? l.status ?? 'SUCCESS' : '',
			'非税缴费, 含邮寄', '', (fee / 100).toFixed(5), '0.60%', yuan(back ? 0 : l.fen), yuan(back ? l.refund_fen : 0), '']);
	});
	return `\ufeff${[trade_columns, ...rows, trade_sums, ticks([`${lines.length}.0`, yuan(sum.fen), yuan(sum.refund), '0.0', (sum.fee / 100).toFixed(2), yuan(sum.fen), yuan(sum.refund)])].join('\r\n')}\r\n`;
}

export const sha1 = (text) => createHash('sha1').update(text).digest('hex');

export function fund_bill(day, rows, { opening = 0 } = {}) {
	let balance = opening;
	const names = { trade: ['交易', '收入'], fee: ['扣除交易手续费', '支出'], back: ['退款', '支出'], fee_back: ['退还交易手续费', '收入'], withdrawn: ['提现', '支出'], other: ['充值', '收入'] };
	const sum = { 收入: [0, 0], 支出: [0, 0] };
	const lines = rows.map(([what, fen], i) => {
		const [business, way] = names[what];
		balance += way === '收入' ? fen : -fen;
		sum[way][0]++;
		sum[way][1] += fen;
		return ticks([`${day} 12:00:00`, `42000026${i}`, `43000026${i}`, business, business, way, yuan(fen), balance < 0 ? `-${yuan(-balance)}` : yuan(balance), 'system', '缴费', `GOV${i}`]);
	});
	return `\ufeff${['记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号', ...lines, '资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额',
		ticks([`${rows.length}.0`, `${sum.收入[0]}.0`, yuan(sum.收入[1]), `${sum.支出[0]}.0`, yuan(sum.支出[1])])].join('\r\n')}\r\n`;
}

// Payments of ours by WeChat as rows, [{ number, fen, ms }]: orders and all, behind one journal that is there.
export async function book(g, payments, { staff, journal, from = 100000, channel = 3 }) {
	for (let at = 0; at < payments.length; at += 500) {
		const part = payments.slice(at, at + 500).map((p, i) => ({ ...p, id: from + at + i }));
		const key = (id) => sql_bytes(`k${String(id).padStart(15, '0')}`);
		await g.sql(`INSERT INTO pay_order (id, key, person, staff, state, total_fen, expires_ms, made_ms, changed_ms) VALUES ${part.map((p) => `(${p.id}, ${key(p.id)}, NULL, ${staff}, 2, ${p.fen}, ${p.ms}, ${p.ms}, ${p.ms})`).join(', ')}`);
		await g.sql(`INSERT INTO pay_payment (id, pay_order, channel, reference, amount_fen, journal, taken_ms) VALUES ${part.map((p) => `(${p.id}, ${p.id}, ${channel}, ${p.number ? `'${p.number}'` : 'NULL'}, ${p.fen}, ${journal}, ${p.ms})`).join(', ')}`);
	}
}

// The name a key of 16 letters has outside.
export const refund_number = (key) => {
	let n = BigInt(`0x${Buffer.from(key).toString('hex')}`), text = '';
	for (let i = 0; i < 26; i++, n >>= 5n) text = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'[Number(n & 31n)] + text;
	return `rf_${text}`;
};
// Refunds of ours: [{ key, payment, fen, ms, state }], 6 done, 4 on their way; sent to WeChat unless channel, path (payments/refunds/refund_paths.def) and slip say otherwise.
export async function send_back(g, refunds, { notice, from = 900 }) {
	for (const [i, r] of refunds.entries()) {
		const { channel = 3, path = 1, slip = '' } = r;
		await g.sql(`INSERT INTO pay_refund (id, key, payment, notice, asker, asked_by, division, channel, path, ground, reason, amount_fen, state, told, since_ms, tries, word, channel_no, made_ms, changed_ms)
			VALUES (${from + i}, ${sql_bytes(r.key)}, ${r.payment}, ${r.notice ?? notice}, 3, 1, 621202, ${channel}, ${path}, 1, ${sql_bytes('')}, ${r.fen}, ${r.state}, 0, ${r.ms}, 0, '', '${slip}', ${r.ms}, ${r.ms})`);
		await g.sql(`INSERT INTO pay_refund_step (refund, n, state, made_ms) VALUES (${from + i}, 1, ${path === 1 ? 4 : r.state}, ${r.ms})`);
	}
}

const pad = (n) => String(n).padStart(2, '0');

// A day of `count` payments, and the bill that a channel makes of it with a few things planted: what is to be found, by number and kind.
export function planted_day(day, count, { each = 3, seed = 1 } = {}) {
	let state = seed;
	const dice = (n) => { state = (state * 1103515245 + 12345) % 2147483648; return state % n; };
	const midnight = Date.parse(`${day}T00:00:00+08:00`), ours = [], lines = [], answers = new Map();
	const at = (seconds) => ({ ms: midnight + seconds * 1000, time: `${pad(Math.trunc(seconds / 3600))}:${pad(Math.trunc(seconds / 60) % 60)}:${pad(seconds % 60)}` });
	const number = (i) => `42000${day.replaceAll('-', '')}${String(i).padStart(15, '0')}`;
	for (let i = 0; i < count; i++) {
		const moment = at(1200 + dice(84000)), fen = 1 + dice(200000);
		ours.push({ number: number(i), fen, ms: moment.ms + 700 });
		lines.push({ number: number(i), fen, time: moment.time });
	}
	let next = count;
	const plant = (kind, make) => { for (let i = 0; i < each; i++) { const n = number(next++); answers.set(make(n, at(1200 + dice(84000)), 100 + dice(5000)) ?? n, kind); } };
	plant('long', (n, m, fen) => { lines.push({ number: n, fen, time: m.time }); });
	plant('short', (n, m, fen) => { ours.push({ number: n, fen, ms: m.ms }); });
	plant('amount', (n, m, fen) => { ours.push({ number: n, fen, ms: m.ms }); lines.push({ number: n, fen: fen + 1, time: m.time }); });
	plant('duplicate', (n, m, fen) => { ours.push({ number: n, fen, ms: m.ms }); lines.push({ number: n, fen, time: m.time }, { number: n, fen, time: m.time, again: true }); return `${n}#`; });
	plant('refund', (n, m, fen) => { ours.push({ number: n, fen, ms: m.ms }); lines.push({ number: n, fen, time: m.time }, { number: n, refund: `RF${n}`, refund_fen: fen, time: m.time }); return `RF${n}`; });
	plant('cutoff', (n, m, fen) => { ours.push({ number: n, fen, ms: at(86398).ms }); });
	for (let i = lines.length - 1; i > 0; i--) { const j = dice(i + 1); [lines[i], lines[j]] = [lines[j], lines[i]]; }
	return { ours, lines, answers };
}
