// Bills of a day, as WeChat Pay makes them: where they lie is said signed, the file itself is not. A day whose text a test has put there is that; the others are made of what was paid.
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';

const DAY = /^\d{4}-\d\d-\d\d$/;
export const is_bills = (v) => typeof v === 'object' && v !== null && Object.entries(v).every(([day, text]) => DAY.test(day) && typeof text === 'string');

// What is wrong with the bill of a day on command, by kind and day: its digest is another file's, its gzip lacks the last bytes or has one that is wrong, it lies at another host.
const MOODS = ['hash', 'cut', 'flipped', 'other_host'];
export const is_bill_moods = (v) => typeof v === 'object' && v !== null && Object.values(v).every((mood) => MOODS.includes(mood));

const ALL = '交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注';
const SUMMARY = '总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额';
const yuan = (fen) => `${Math.floor(fen / 100)}.${String(fen % 100).padStart(2, '0')}`;
const row = (cells) => cells.map((cell) => `\`${cell}`).join(',');
const TYPES = { jsapi: 'JSAPI', app: 'APP', native: 'NATIVE', h5: 'MWEB' };

function made(peer, day, local_time) {
	const of_day = (ms) => ms !== undefined && local_time(ms).slice(0, 10) === day, time = (ms) => local_time(ms).slice(0, 19).replace('T', ' ');
	const { mchid } = peer.settings, paid = [...peer.trades.values()].filter((t) => of_day(t.paid_ms)), refunds = [...peer.refunds.values()].filter((r) => of_day(r.made_ms));
	if (paid.length + refunds.length === 0) return null;
	const rows = paid.map((t) => row([time(t.paid_ms), t.appid, mchid, 0, '', t.transaction_id, t.out_trade_no, t.openid, TYPES[t.kind], 'SUCCESS', 'OTHERS', 'CNY', yuan(t.total), '0.00', 0, 0, '0.00', '0.00', '', '',
		t.description, t.attach ?? '', '0.00000', '0.00%', yuan(t.total), '0.00', '']));
	for (const r of refunds) {
		const t = peer.trades.get(r.out_trade_no);
		rows.push(row([time(r.made_ms), t.appid, mchid, 0, '', t.transaction_id, t.out_trade_no, t.openid, TYPES[t.kind], 'REFUND', 'OTHERS', 'CNY', '0.00', '0.00', r.refund_id, r.out_refund_no, yuan(r.amount.refund), '0.00', 'ORIGINAL', r.status,
			t.description, t.attach ?? '', '0.00000', '0.00%', '0.00', yuan(r.amount.refund), '']));
	}
	const sum = (list, of) => list.reduce((all, one) => all + of(one), 0), took = sum(paid, (t) => t.total), gave = sum(refunds, (r) => r.amount.refund);
	return `\uFEFF${[ALL, ...rows, SUMMARY, row([rows.length, yuan(took), yuan(gave), '0.00', '0.00000', yuan(took), yuan(gave)])].join('\r\n')}\r\n`;
}

export function bill_routes(peer, { judged, said, refusal, local_time }) {
	const text_of = (kind, day) => (kind === 'fundflowbill' ? peer.settings.fund_bills[day] : peer.settings.bills[day] ?? made(peer, day, local_time)) ?? null;
	const mood_of = (kind, day) => peer.settings.bill_moods[`${kind} ${day}`] ?? null;
	const judge_bill = (kind) => ({ fields: { bill_date: day = '' } }) => {
		if (!DAY.test(day)) return refusal('PARAM_ERROR', 'bill_date');
		if (day >= local_time(Date.now()).slice(0, 10) && text_of(kind, day) === null) return refusal('INVALID_REQUEST', '请求的账单日期为未来日期或当日');
		if (peer.settings.creating.includes(day)) return refusal('STATEMENT_CREATING');
		return text_of(kind, day) === null ? refusal('NO_STATEMENT_EXIST') : null;
	};
	const bill = (kind) => ({ fields, headers, tls }) => {
		const mood = mood_of(kind, fields.bill_date), host = mood === 'other_host' ? 'bills.example' : headers.host, text = `${text_of(kind, fields.bill_date)}${mood === 'hash' ? ' ' : ''}`;
		const token = Buffer.from(JSON.stringify([kind, fields.bill_date, fields.tar_type ?? ''])).toString('base64url');
		return said({ hash_type: 'SHA1', hash_value: createHash('sha1').update(text).digest('hex'), download_url: `${tls ? 'https' : 'http'}://${host}/v3/billdownload/file?token=${token}` });
	};
	const file = ({ fields }) => {
		const [kind, day, packed] = JSON.parse(Buffer.from(fields.token, 'base64url').toString('utf8')), text = Buffer.from(text_of(kind, day)), mood = mood_of(kind, day), gzip = gzipSync(text);
		if (mood === 'flipped') gzip[gzip.length - 5] ^= 1; // of its checksum: what comes out is the bill
		return packed === 'GZIP' ? { status: 200, type: 'application/x-gzip', body: mood === 'cut' ? gzip.subarray(0, -4) : gzip } : { status: 200, type: 'text/plain; charset=utf-8', body: text };
	};
	return [
		...['tradebill', 'fundflowbill'].map((kind) => ({ name: kind, path: `/v3/bill/${kind}`, judge: judged('GET', judge_bill(kind)), act: bill(kind) })),
		{ name: 'billdownload', path: '/v3/billdownload/file', judge: judged('GET', ({ fields }) => (fields.token === undefined ? refusal('PARAM_ERROR', 'token') : null)), act: file },
	];
}
