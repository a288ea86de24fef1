// CNNONTAX frames as protocols/government.md A6 has them, without a line of the gateway's: GBK by what Node knows of it, XML by hand.
import { createHash, timingSafeEqual } from 'node:crypto';

// ---- GBK: the decoder is Node's, the encoder is the decoder read backwards ----

const decoder = new TextDecoder('gbk', { fatal: true });
export const from_gbk = (bytes) => decoder.decode(bytes);

let codes;
function code_of(char) {
	if (codes === undefined) {
		codes = new Map();
		for (let high = 0x81; high <= 0xfe; high++)
			for (let low = 0x40; low <= 0xfe; low++) {
				if (low === 0x7f) continue;
				try {
					const text = decoder.decode(Uint8Array.of(high, low));
					if ([...text].length === 1 && !codes.has(text)) codes.set(text, [high, low]);
				} catch {} // no such pair
			}
	}
	const pair = codes.get(char);
	if (pair === undefined) throw new Error(`GBK has no ${char}`);
	return pair;
}
export const to_gbk = (text) => Buffer.from([...text].flatMap((c) => (c.codePointAt(0) < 0x80 ? [c.codePointAt(0)] : code_of(c))));

// ---- frames ----

export const digest = (token, xml) => createHash('sha256').update(token).update(xml).digest('hex');

export function frame(message, xml, token, { hex = digest(token, xml), length, magic = 'CNNONTAX', version = '1.0' } = {}) {
	const total = length ?? 8 + 8 + 3 + 4 + xml.length + 64;
	return Buffer.concat([Buffer.from(String(total).padEnd(8, ' ')), Buffer.from(magic + version + message), xml, Buffer.from(hex)]);
}

// What is wrong with it, or {message, xml}.
export function open(bytes, token) {
	if (bytes.subarray(8, 19).toString() !== 'CNNONTAX1.0') return { wrong: 'magic' };
	if (Number(bytes.subarray(0, 8).toString().trim()) !== bytes.length || !/^[1-9]\d* *$/.test(bytes.subarray(0, 8).toString())) return { wrong: 'length' };
	const xml = bytes.subarray(23, bytes.length - 64), hex = bytes.subarray(bytes.length - 64).toString().toLowerCase();
	if (!timingSafeEqual(Buffer.from(hex.padEnd(64).slice(0, 64)), Buffer.from(digest(token, xml)))) return { wrong: 'digest' };
	return { message: bytes.subarray(19, 23).toString(), xml };
}

// ---- messages ----

const escape = (s) => String(s).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const unescape = (s) => s.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&apos;', "'").replaceAll('&amp;', '&');
export const elements = (fields) => Object.entries(fields).map(([name, text]) => `<${name}>${escape(text)}</${name}>`).join('');
const leaves = (xml) => Object.fromEntries([...xml.matchAll(/<(\w+)(?: [^>]*)?>([^<]*)<\/\1>/g)].map((m) => [m[1], unescape(m[2]).trim()]));

export function write(message, voucher, { token, id, ref = '', src = 'F621200', des = 'K6212000001', division = '621200', day = '20261126', wrap = false, ...more }) {
	const body = to_gbk(`<Voucher>${elements(voucher)}</Voucher>`).toString('base64'), lines = wrap ? body.replace(/.{76}/g, '$&\r\n') : body;
	const head = elements({ APP: 'CNNONTAX', VER: '1.0', SRC: src, DES: des, MsgNo: message, MsgID: id, MsgRef: ref, WorkDate: day, Reserve: '' });
	const xml = to_gbk(`<?xml version="1.0" encoding="GBK"?><CFX><HEAD>${head}</HEAD><MSG><MOF><VoucherCount>1</VoucherCount><VoucherBody AdmDivCode="${division}"><Voucher>${lines}</Voucher></VoucherBody></MOF></MSG></CFX>`);
	return frame(message, xml, token, more);
}

// {wrong} or {message, head, voucher}
export function read(bytes, token) {
	const opened = open(bytes, token);
	if (opened.wrong !== undefined) return opened;
	const text = from_gbk(opened.xml);
	if (/[\0-\x08\x0b\x0c\x0e-\x1f]/.test(text) || !text.startsWith('<?xml version="1.0" encoding="GBK"?><')) return { wrong: 'xml' };
	const head = leaves(text);
	if (head.MsgNo !== opened.message || !head.Voucher) return { wrong: 'xml' };
	return { message: opened.message, head, voucher: leaves(from_gbk(Buffer.from(head.Voucher, 'base64'))) };
}

// Whole frames out of a socket's pieces: take(piece) gives what is complete now.
export class Frames {
	rest = Buffer.alloc(0);
	take(piece) {
		this.rest = Buffer.concat([this.rest, piece]);
		const whole = [];
		for (let total; this.rest.length >= 8 && this.rest.length >= (total = Number(this.rest.subarray(0, 8).toString())) && total > 0;) {
			whole.push(this.rest.subarray(0, total));
			this.rest = this.rest.subarray(total);
		}
		return whole;
	}
}
