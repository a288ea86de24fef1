// The file of a day, as the non-tax platform makes it: CSV in the answer itself, out of what was paid and given back that day under a merchant number; an error is JSON under the same status.
import { gzipSync } from 'node:zlib';

const COLUMNS = '交易时间,公众账号ID,商户号,子商户号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,总金额,企业红包金额,微信退款单号,商户退款单号,退款金额,企业红包退款金额,退款类型,退款状态,商品名称,手续费,费率,行政区划代码,缴费通知书编号(或平台订单号),执收单位编码,通知书类型,银行ID';
const SUMS = '总交易单数,总交易额,总退款金额,总企业红包退款金额,手续费总金额';
const yuan = (fen) => `${Math.floor(fen / 100)}.${String(fen % 100).padStart(2, '0')}`;
const row = (cells) => cells.map((cell) => `\`${cell}`).join(',');
const local = (s) => new Date(s * 1000 + 8 * 3600e3).toISOString().slice(0, 19).replace('T', ' ');
const is_of = (day) => (s) => s > 0 && local(s).slice(0, 10).replaceAll('-', '') === day;

// What is wrong with it on command.
export const BILL_MOODS = [null, 'not_ready', 'error', 'truncated', 'cells', 'sums', 'other_merchant', 'gzip', 'bom', 'lf', 'huge'];

function text_of(peer, day, mch_id) {
	const { appid, bank_id } = peer.settings, on = is_of(day), orders = [...peer.orders.values()].filter((o) => o.mch_id === mch_id);
	const line = (o, time, state, fen, refund = null) => row([local(time), appid, peer.settings.bill_mood === 'other_merchant' ? '1900000099' : mch_id, 0, o.trans_id, o.order_id, o.openid ?? '', o.trade_type, state, 'OTHERS', 'CNY', yuan(fen), '0.00',
		refund?.refund_order_id ?? 0, refund?.refund_out_id ?? 0, yuan(refund?.refund_fee ?? 0), '0.00', refund === null ? '' : 'ORIGINAL', refund === null ? '' : refund.refund_status === 5 ? 'SUCCESS' : 'PROCESSING', '非税缴费,含邮寄',
		'0.00', '0.00%', o.region_code, o.notice, o.department_code, 1, bank_id]);
	const paid = orders.filter((o) => on(o.pay_finish_time)), back = orders.flatMap((o) => o.refunds.filter((r) => on(r.made_time)).map((r) => [o, r]));
	const rows = [...paid.map((o) => line(o, o.pay_finish_time, 'SUCCESS', o.fee)), ...back.map(([o, r]) => line(o, r.made_time, 'REFUND', 0, r))];
	const sum = (list, of) => list.reduce((all, one) => all + of(one), 0);
	return [COLUMNS, ...rows, SUMS, row([rows.length, yuan(sum(paid, (o) => o.fee)), yuan(sum(back, ([, r]) => r.refund_fee)), '0.00', '0.00'])];
}

// The file as it would be served, for a test that brings it.
export const bill_file = (peer) => ({ day, mch_id }) => ({ text: `${text_of(peer, day.replaceAll('-', ''), mch_id).join('\r\n')}\r\n` });

export function bill_route(peer, { judged, said }) {
	const wrong = (a) => (!/^\d{8}$/.test(a.bill_date ?? '') ? 'bill_date' : !['ALL', 'SUCCESS', 'REFUND', undefined].includes(a.bill_type) ? 'bill_type' : peer.settings.mch_ids.includes(a.mch_id) ? null : 'mch_id');
	const bill = ({ asked: a }) => {
		const mood = (peer.settings.bill_moods[a.mch_id] ?? peer.settings.bill_mood), lines = text_of(peer, a.bill_date, a.mch_id);
		if (mood === 'not_ready') return said({ errcode: 9700004, errmsg: 'bill not ready' });
		if (mood === 'error') return said({ errcode: -1, errmsg: 'system error' });
		if (mood === 'cells') lines[lines.length - 3] = lines[lines.length - 3].replace(',`CNY', '');
		if (mood === 'sums') lines[lines.length - 1] = lines[lines.length - 1].replace('`0.00', '`0.01');
		if (mood === 'huge') lines.splice(1, 0, 'x'.repeat(9000));
		const text = `${mood === 'bom' ? '\uFEFF' : ''}${lines.join(mood === 'lf' ? '\n' : '\r\n')}${mood === 'lf' ? '\n' : '\r\n'}`;
		const answer = { status: 200, type: 'text/plain; charset=utf-8', body: mood === 'truncated' ? text.slice(0, text.indexOf(SUMS)) : text };
		return mood === 'gzip' ? { ...answer, headers: { 'content-encoding': 'gzip' }, body: gzipSync(text) } : answer;
	};
	return { name: 'downloadbill', path: '/nontax/downloadbill', judge: judged(wrong), act: bill };
}
