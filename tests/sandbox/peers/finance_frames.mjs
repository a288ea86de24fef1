// The bureau's frames over TCP (README.md, "Peer finance"): the same books as its JSON, told and asked in CNNONTAX. One frame, one answer; what is not from who shares the token gets none.
import net from 'node:net';
import tls from 'node:tls';
import { Frames, read, write } from '../lib/cnnontax.mjs';

const DEEDS = { 5996: ['confirm', '8001'], 8981: ['issue', '5001'], 8983: ['reverse', '5001'] };
const FIELDS = { PayCode: /^\d{20}$/, CfmDate: /^\d{8}$/, CfmTime: /^\d{6}$/, Amt: /^(0|[1-9]\d*)\.\d{2}$/, PayMode: /^\d{2}$/, TraNoBus: /^\d{28}$/ };

const is_whole = (v) => Object.entries(FIELDS).every(([name, form]) => form.test(v[name] ?? ''));
const told = (v) => ({ payment_code: v.PayCode, trace_no: v.TraNoBus, amount: v.Amt, receipt_code: v.EInvoiceCode, receipt_number: v.EInvoiceNumber });

// What it knows about a payment code, in the fields in which 8994 sends a notice. `voucher` of what a test has put there is said beside, or instead.
const RESULTS = { not_found: '30001', paid: '30004', void: '30003', other_division: '30007', tax_office: '30008', failed: '99999' };
const yuan = (fen) => `${Math.floor(fen / 100)}.${String(fen % 100).padStart(2, '0')}`;
const dues = (n) => ({ AdmDivCode: n.division, PayCode: n.payment_code, BillDate: '20261120', ChgAgenCode: n.unit, ChgAgenName: n.unit_name, PayerName: n.payer.name, Amt: yuan(n.total_fen),
	OriAmt: yuan(n.total_fen - (n.late_fen ?? 0)), DelayAmt: yuan(n.late_fen ?? 0), PayStats: '0', PayInfo: n.items.map((i) => `${i.item}|${i.name}|${yuan(i.amount_fen)}|次|1|不限制|0.0-0.0#`).join('') });

function asked(m, settings, { number, about, ...more } = {}) {
	settings.asked++;
	const { result = 'not_found', notice, division, voucher } = settings.notices.get(m.voucher.PayCode) ?? {};
	const said = result === 'found' ? dues(notice) : { PayCode: m.voucher.PayCode, Result: RESULTS[result], Information: '查询无结果', ...(division && { AdmDivCode: division }) };
	const all = Object.fromEntries(Object.entries({ ...said, ...voucher, ...(about && { PayCode: about }) }).filter(([, text]) => text !== null));
	return write(number ?? (result === 'found' ? '5997' : '5001'), all, { token: settings.token, id: `F${Date.now()}`, ref: m.head.MsgID, day: new Date(Date.now() + 8 * 3600e3).toISOString().slice(0, 10).replaceAll('-', ''), ...more });
}

function answer_to(m, settings, { number: other, about, ...more } = {}) {
	if (m.message === '8997') return asked(m, settings, { number: other, about, ...more });
	const [deed, number] = DEEDS[m.message];
	const said = is_whole(m.voucher) ? settings.books[deed](told(m.voucher), settings[deed]) : { result: '99999' };
	const voucher = { PayCode: m.voucher.PayCode ?? '', Result: said.result, Information: said.link ?? '处理结果：完成', ...(said.finance_no && { BusinessNo: said.finance_no }),
		...(said.code && { EInvoiceCode: said.code, EInvoiceNumber: said.number, RandomNumber: said.check_code ?? '' }) };
	return write(other ?? number, voucher, { token: settings.token, id: `F${Date.now()}`, ref: m.head.MsgID, ...more });
}

// What it does instead with one frame about a payment code (settings.moods), once.
const MOODS = {
	close: (socket) => socket.destroy(),
	act_and_close: (socket, m, settings) => { answer_to(m, settings); socket.destroy(); },
	half: (socket, m, settings) => socket.end(answer_to(m, settings).subarray(0, 90)),
	rubbish: (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
	wrong_digest: (socket, m, settings) => socket.end(answer_to(m, settings, { hex: '0'.repeat(64) })),
	upper_hex: (socket, m, settings) => {
		const frame = answer_to(m, settings);
		socket.end(Buffer.concat([frame.subarray(0, -64), Buffer.from(frame.subarray(-64).toString().toUpperCase())]));
	},
	wrong_number: (socket, m, settings) => socket.end(answer_to(m, settings, { number: '8002' })),
	other_code: (socket, m, settings) => socket.end(answer_to(m, settings, { about: '62120226100000000012' })),
	silent: () => {},
	wrong_ref: (socket, m, settings) => socket.end(answer_to(m, settings, { ref: 'ef_OTHER' })),
	huge: (socket) => socket.write('2097152 CNNONTAX1.08001'),
	long: (socket) => socket.write('524288  CNNONTAX1.05997'),
	wrapped: (socket, m, settings) => socket.end(answer_to(m, settings, { wrap: true })),
	pieces: async (socket, m, settings) => {
		for (const byte of answer_to(m, settings)) await new Promise((resolve) => socket.write(Buffer.of(byte), resolve));
		socket.end();
	},
};
export const moods = Object.keys(MOODS);

// Over TLS when there is a certificate.
export function frame_server(peer, shown) {
	const create = (serve) => (shown === undefined ? net.createServer({ noDelay: true }, serve) : tls.createServer(shown, serve).on('tlsClientError', () => {}));
	return create((socket) => {
		const frames = new Frames();
		socket.on('error', () => {}).on('data', (piece) => {
			for (const whole of frames.take(piece)) {
				const { settings } = peer, m = read(whole, settings.token);
				settings.frames++;
				if (m.wrong !== undefined || (m.message !== '8997' && DEEDS[m.message] === undefined)) {
					settings.refused.push(m.wrong ?? m.message);
					socket.destroy();
					return;
				}
				const mood = MOODS[settings.moods.get(m.voucher.PayCode)];
				settings.moods.delete(m.voucher.PayCode);
				if (mood !== undefined) mood(socket, m, settings);
				else socket.end(answer_to(m, settings));
			}
		});
	});
}
