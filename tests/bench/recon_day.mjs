// tests/bench/recon_day.mjs - a day of `count` payments by WeChat and the bill that comes of it, with differences planted, as files: ours.csv and odd.csv for SQLite, bill.csv, answers.csv, and both sides
// as number|fen for whoever only joins. It knows nothing of how siban compares. `recon_day.mjs FOLDER DAY COUNT EACH`
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import path from 'node:path';

const [folder, day, count, each] = [process.argv[2], process.argv[3], Number(process.argv[4]), Number(process.argv[5])];
const columns = '交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注';
const sums = '总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额';
const yuan = (fen) => `${Math.trunc(fen / 100)}.${String(fen % 100).padStart(2, '0')}`, two = (n) => String(n).padStart(2, '0');
const midnight = Date.parse(`${day}T00:00:00+08:00`);
let state = 20261125;
const dice = (n) => { state = (Math.imul(state, 1103515245) + 12345) >>> 0; return (state >>> 8) % n; };
const number = (i) => `4200002611${day.replaceAll('-', '')}${String((i * 7368787) % 10000000000).padStart(10, '0')}`; // all different, in no order

class Out {
	constructor(name) { this.stream = createWriteStream(path.join(folder, name)); this.held = []; this.size = 0; }

	async put(line) {
		this.held.push(line);
		this.size += line.length;
		if (this.size > 1 << 20) await this.flush();
	}

	async flush() {
		const text = this.held.join('');
		[this.held, this.size] = [[], 0];
		if (text && !this.stream.write(text)) await once(this.stream, 'drain');
	}

	async end() { await this.flush(); this.stream.end(); await once(this.stream, 'finish'); }
}

const [ours, odd, bill, answers, our_side, their_side] = ['ours.csv', 'odd.csv', 'bill.csv', 'answers.csv', 'ours.txt', 'theirs.txt'].map((n) => new Out(n));
const total = { lines: 0, fen: 0, refund: 0 };
let id = 1000, odd_id = 1;
async function book(n, fen, second) {
	id++;
	await ours.put(`${id},${id},3,${n},${fen},1,${midnight + second * 1000 + 700}\n`);
	await our_side.put(`${n}|${fen}\n`);
}
async function queue(n, fen, second, kind) {
	await odd.put(`${odd_id},${String(odd_id).padStart(16, '0')},${kind},3,${n},621202,${fen},1,${midnight + second * 1000},1,${midnight},${midnight}\n`);
	odd_id++;
}
async function line(n, fen, second, back, refund_state = back ? 'SUCCESS' : '') {
	const time = `${day} ${two(Math.trunc(second / 3600))}:${two(Math.trunc(second / 60) % 60)}:${two(second % 60)}`, cells = [time, 'wxab8acd895ab1638a', '1900007291', '0', '', n, `or${n}`, 'oHkLxtx0vUqe-18p_AXTZ1innxkCY', 'JSAPI',
		back ? 'REFUND' : 'SUCCESS', 'OTHERS', 'CNY', yuan(back ? 0 : fen), '0.00', back ? `5030${n}` : '0', back ?? '0', yuan(back ? fen : 0), '0.00', back ? 'ORIGINAL' : '', refund_state, '政府非税收入缴费, 不动产登记费', '', '0.00000', '0.60%',
		yuan(back ? 0 : fen), yuan(back ? fen : 0), ''];
	await bill.put(`${cells.map((c) => `\`${c}`).join(',')}\r\n`);
	if (!back) await their_side.put(`${n}|${fen}\n`);
	total.lines++;
	total[back ? 'refund' : 'fen'] += fen;
}

const kinds = ['long', 'short', 'amount', 'duplicate', 'refund', 'cutoff', 'paid_after_void', 'status', 'to_be_confirmed'];
const step = Math.floor(count / (kinds.length * each));
await bill.put(`\ufeff${columns}\r\n`);
for (let i = 0; i < count; i++) {
	const n = number(i), fen = 1 + dice(200000), second = 1200 + dice(84000), kind = i % step === step - 1 ? kinds[Math.floor(i / step) % kinds.length] : undefined;
	if (kind !== undefined && kind !== 'duplicate' && kind !== 'refund') await answers.put(`${n},${kind}\n`);
	switch (kind) {
	case 'long': await line(n, fen, second); break;
	case 'short': await book(n, fen, second); break;
	case 'amount': await book(n, fen, second); await line(n, fen + 1, second); break;
	case 'duplicate': await book(n, fen, second); await line(n, fen, second); await line(n, fen, second + 1); await answers.put(`${n}#2,duplicate\n`); break;
	case 'refund': await book(n, fen, second); await line(n, fen, second); await line(n, fen, second, `RF${n}`); await answers.put(`RF${n},refund\n`); break;
	case 'cutoff': await book(n, fen, 86398); break;
	case 'paid_after_void': await queue(n, fen, second, 3); await line(n, fen, second); break;
	case 'status': await queue(n, fen, second, 1); await line(n, fen, second); break;
	case 'to_be_confirmed': await book(n, fen, second); await line(n, fen, second, undefined, 'PROCESSING'); break; // a payment of which they are not sure themselves
	default: await book(n, fen, second); await line(n, fen, second);
	}
}
await bill.put(`${sums}\r\n${[`${total.lines}.0`, yuan(total.fen), yuan(total.refund), '0.0', '0.00', yuan(total.fen), yuan(total.refund)].map((c) => `\`${c}`).join(',')}\r\n`);
for (const out of [ours, odd, bill, answers, our_side, their_side]) await out.end();
process.stdout.write(JSON.stringify(total));
