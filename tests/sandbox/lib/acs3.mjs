// Alibaba Cloud's request signature, version 3 (ACS3-HMAC-SHA256), from the server's side. Everything is rebuilt from what was sent: the signature
// covers whatever arrived, so a header that was sent but not signed, or signed but not sent, makes another canonical request.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { pairs_of } from './question.mjs';

const ALGORITHM = 'ACS3-HMAC-SHA256';
const AUTHORIZATION = /^ACS3-HMAC-SHA256 Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]{64})$/;
const DATE = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$/;
const CLOCK_MS = 15 * 60 * 1000;
const REQUIRED = { 'x-acs-action': 'Action', 'x-acs-version': 'Version', 'x-acs-date': 'Date', 'x-acs-signature-nonce': 'SignatureNonce', 'x-acs-content-sha256': 'ContentSha256' };

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const encode = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => '%' + c.charCodeAt(0).toString(16).toUpperCase());
const in_order = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b));

// The query as it must be written; null when it cannot be read at all.
export function canonical_query(query) {
	const pairs = pairs_of(query);
	if (pairs === null) return null;
	return pairs.map(([name, value = '']) => [encode(name), encode(value)]).sort((a, b) => in_order(a[0], b[0]) || in_order(a[1], b[1])).map((p) => p.join('=')).join('&');
}

// The platform's own SDK leaves !'()* as they are on the wire and signs them escaped, so that much is allowed; nothing else may differ.
const is_canonical = (query) => query.replace(/[!'()*]/g, encode) === canonical_query(query);

export function string_to_sign({ method, path, query, header_list, body }) {
	const covered = header_list.filter(([name]) => name === 'host' || name === 'content-type' || name.startsWith('x-acs-')).sort((a, b) => in_order(a[0], b[0]));
	const signed_headers = covered.map(([name]) => name).join(';');
	const canonical = [method, path, canonical_query(query), covered.map(([name, value]) => `${name}:${value.trim()}\n`).join(''), signed_headers, sha256(body)].join('\n');
	return { text: `${ALGORITHM}\n${sha256(canonical)}`, signed_headers, canonical };
}

// null: well signed, and its nonce is used up. Otherwise what the platform's front says, with the status it says it with.
export function acs3_refusal(question, { secret_of, is_nonce_new, now_ms = Date.now() }) {
	const only = (name) => {
		const values = question.header_list.filter(([n]) => n === name);
		return values.length === 1 ? values[0][1].trim() : undefined;
	};
	for (const [header, name] of Object.entries(REQUIRED))
		if (!only(header)) return { status: 400, code: `Missing${name}`, message: `${name} is mandatory for this action.` };
	const [, key_id, signed_headers, signature] = AUTHORIZATION.exec(only('authorization') ?? '') ?? [];
	if (signature === undefined) return { status: 400, code: 'IncompleteSignature', message: 'The request signature does not conform to Aliyun standards.' };
	const date = only('x-acs-date'), at_ms = Date.parse(date);
	if (!DATE.test(date) || Number.isNaN(at_ms)) return { status: 400, code: 'InvalidTimeStamp.Format', message: 'Specified time stamp or date value is not well formatted.' };
	if (Math.abs(now_ms - at_ms) > CLOCK_MS) return { status: 400, code: 'InvalidTimeStamp.Expired', message: 'Specified time stamp or date value is expired.' };
	const secret = secret_of(key_id);
	if (secret === undefined) return { status: 404, code: 'InvalidAccessKeyId.NotFound', message: 'Specified access key is not found.' };
	const ours = string_to_sign(question);
	const right = createHmac('sha256', secret).update(ours.text).digest(), got = Buffer.from(signature, 'hex');
	if (signed_headers !== ours.signed_headers || !is_canonical(question.query) || !timingSafeEqual(right, got))
		return { status: 400, code: 'SignatureDoesNotMatch', message: `Specified signature is not matched with our calculation. server string to sign is:${ours.text}`, canonical: ours.canonical };
	if (!is_nonce_new(`${key_id} ${only('x-acs-signature-nonce')}`)) return { status: 400, code: 'SignatureNonceUsed', message: 'Specified signature nonce was used already.' };
	return null;
}
