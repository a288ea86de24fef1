// How this sandbox seals and signs what WeChat's non-tax platform calls us with. Nobody outside knows the real way; this one is the sandbox's own (profile "sandbox" of wechat.nontax.calls).
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';

export const KEY = 'whsec_c2liYW4tc2FuZGJveC1ub250YXgta2V5LTAwMDAwMDE='; // 32 bytes
const bytes_of = (key) => Buffer.from(key.replace(/^whsec_/, ''), 'base64');

function seal(key, bound, text) {
	const nonce = randomBytes(12), cipher = createCipheriv('aes-256-gcm', bytes_of(key), nonce);
	cipher.setAAD(Buffer.from(bound));
	return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64');
}

function open(key, bound, data) {
	const all = Buffer.from(data, 'base64'), decipher = createDecipheriv('aes-256-gcm', bytes_of(key), all.subarray(0, 12));
	decipher.setAAD(Buffer.from(bound));
	decipher.setAuthTag(all.subarray(all.length - 16));
	return Buffer.concat([decipher.update(all.subarray(12, all.length - 16)), decipher.final()]).toString('utf8');
}

// {query, body}. mood: null; signature, none, cipher (signed, and not opened by the key), form (signed and sealed, and no JSON).
export function call_of(key, object, mood = null) {
	const word = randomBytes(8).toString('hex'), other = `whsec_${randomBytes(32).toString('base64')}`;
	const data = seal(mood === 'cipher' ? other : key, word, mood === 'form' ? 'not json' : JSON.stringify(object));
	const right = createHmac('sha256', bytes_of(key)).update(`${word}.${data}`).digest('hex');
	const sign = mood === 'none' ? undefined : mood === 'signature' ? right.replace(/^./, (c) => (c === '0' ? '1' : '0')) : right;
	return { query: `wxnontaxstr=${word}`, word, body: JSON.stringify({ version: 1, data, ...(sign === undefined ? {} : { sign }) }) };
}

// What we answered: {errcode, errmsg}; null: it is no answer.
export function reply_of(key, word, text) {
	try {
		return JSON.parse(open(key, `${word}.reply`, JSON.parse(text).data));
	} catch {
		return null;
	}
}
