// Standard Webhooks, symmetric: webhook-signature lists "v1," + base64(HMAC-SHA256(key, id.timestamp.content)).
import { createHmac, timingSafeEqual } from 'node:crypto';

const TOLERANCE_S = 300;
const KEY_MIN = 24, KEY_MAX = 64;

// The key's bytes, or null: not a key.
export function key_bytes(text) {
	const base64 = text.startsWith('whsec_') ? text.slice(6) : text;
	if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return null;
	const bytes = Buffer.from(base64, 'base64');
	return bytes.length >= KEY_MIN && bytes.length <= KEY_MAX ? bytes : null;
}

export function sign(key, id, timestamp, content) {
	return 'v1,' + createHmac('sha256', key_bytes(key)).update(`${id}.${timestamp}.`).update(content).digest('base64');
}

// header_list: [name, value] as sent; a header that comes twice is as good as none.
export function is_signed(key, header_list, content, now_ms = Date.now()) {
	const only = (name) => {
		const values = header_list.filter(([n]) => n === name);
		return values.length === 1 ? values[0][1] : '';
	};
	const id = only('webhook-id'), timestamp = only('webhook-timestamp'), signatures = only('webhook-signature');
	if (!/^[!-~]{1,128}$/.test(id) || id.includes('.') || !/^[0-9]{1,12}$/.test(timestamp)) return false;
	if (Math.abs(now_ms / 1000 - Number(timestamp)) > TOLERANCE_S) return false;
	const right = Buffer.from(sign(key, id, timestamp, content));
	return signatures.split(' ').some((one) => {
		const got = Buffer.from(one);
		return got.length === right.length && timingSafeEqual(got, right);
	});
}
