// Keys and signatures of WeChat Pay APIv3 in its own place: what a merchant must sign, what WeChat Pay signs, what it seals. The keys were made for this sandbox.
import { X509Certificate, createCipheriv, createPrivateKey, createPublicKey, randomBytes, sign, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';

const folder = new URL('../keys/wechat_pay/', import.meta.url).pathname;
const read = (name) => readFileSync(folder + name, 'utf8');
const serial_of = (pem) => new X509Certificate(pem).serialNumber.replace(/^0+/, '');

export const merchant = { key_pem: read('merchant.key.pem'), certificate_pem: read('merchant.pem'), serial: serial_of(read('merchant.pem')) };
export const platform = { key_pem: read('platform.key.pem'), certificate_pem: read('platform.pem'), serial: serial_of(read('platform.pem')) };
export const public_key = { key_pem: read('public.key.pem'), public_pem: read('public.pem'), serial: 'PUB_KEY_ID_0190000000120261126000000000000' };

const lines = (...parts) => parts.map((part) => `${part}\n`).join('');
const keys = new Map([merchant, platform, public_key].map(({ key_pem }) => [key_pem, createPrivateKey(key_pem)])), merchants = createPublicKey(merchant.key_pem); // reading a PEM costs more than signing
export const sign_with = (key_pem, text) => sign('sha256', Buffer.from(text), keys.get(key_pem) ?? key_pem).toString('base64');
export const is_merchants = (text, signature) => verify('sha256', Buffer.from(text), merchants, Buffer.from(signature ?? '', 'base64'));

const FIELD = /([a-z_]+)="([^"]*)"/g;

// null, or what is wrong with the Authorization of a request; the body as it came.
export function authorization_wrong({ method, target, headers, body }, { mchid, window_s = 300 }) {
	const [scheme, rest] = [(headers.authorization ?? '').split(' ')[0], (headers.authorization ?? '').split(' ').slice(1).join(' ')];
	const f = Object.fromEntries([...rest.matchAll(FIELD)].map(([, name, value]) => [name, value]));
	if (scheme !== 'WECHATPAY2-SHA256-RSA2048') return 'Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》';
	if (f.mchid !== mchid) return '商户号有误';
	if (f.serial_no !== merchant.serial) return '商户证书序列号有误';
	if (!/^\d{10}$/.test(f.timestamp ?? '') || Math.abs(Date.now() / 1000 - Number(f.timestamp)) > window_s) return 'Http头Authorization中的timestamp与发起请求的时间不得超过5分钟';
	if (!/^[0-9A-Za-z]{1,32}$/.test(f.nonce_str ?? '')) return 'nonce_str有误';
	return is_merchants(lines(method, target, f.timestamp, f.nonce_str, body.toString('utf8')), f.signature) ? null : '签名错误，请检查后再试';
}

// The headers of what WeChat Pay says. mood: null, or the way in which they are wrong.
export function platform_headers(body, { by, mood = null, now_s = Math.floor(Date.now() / 1000) }) {
	const signer = by === 'certificate' ? platform : public_key, timestamp = String(mood === 'time' ? now_s - 400 : now_s), nonce = randomBytes(16).toString('hex');
	const right = sign_with(signer.key_pem, lines(timestamp, nonce, body));
	const signature = { signature: `${right.slice(0, -6)}AAAA==`, probe: `WECHATPAY/SIGNTEST/${right.slice(20)}`, merchant: sign_with(merchant.key_pem, lines(timestamp, nonce, body)) }[mood] ?? right;
	if (mood === 'none') return {};
	return { 'wechatpay-timestamp': timestamp, 'wechatpay-nonce': nonce, 'wechatpay-serial': mood === 'serial' ? '5AB0000000000000000000000000000000BADBAD' : signer.serial,
		'wechatpay-signature': signature, 'wechatpay-signature-type': 'WECHATPAY2-SHA256-RSA2048' };
}

export function seal(api_key, text, associated_data) {
	const nonce = randomBytes(6).toString('hex'), cipher = createCipheriv('aes-256-gcm', api_key, nonce);
	cipher.setAAD(Buffer.from(associated_data));
	const ciphertext = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64');
	return { algorithm: 'AEAD_AES_256_GCM', ciphertext, associated_data, nonce };
}

// Are these the parameters a phone may pay with? `kind`: mini, jsapi or app.
export function pay_sign_wrong({ appid, prepay_id, mchid }, kind, p) {
	const text = kind === 'app' ? lines(appid, p.timeStamp, p.nonceStr, prepay_id) : lines(appid, p.timeStamp, p.nonceStr, `prepay_id=${prepay_id}`);
	if (typeof p.timeStamp !== 'string' || Math.abs(Date.now() / 1000 - Number(p.timeStamp)) > 7200) return 'timeStamp is a text of seconds, of now';
	if (kind === 'app') {
		if (p.appId !== appid || p.partnerId !== mchid || p.prepayId !== prepay_id || p.packageValue !== 'Sign=WXPay') return 'not the parameters of an app';
		return is_merchants(text, p.sign) ? null : 'sign is wrong';
	}
	if (kind === 'jsapi' && p.appId !== appid) return 'appId is not the one of the order';
	if (p.package !== `prepay_id=${prepay_id}` || p.signType !== 'RSA') return 'not the parameters of a mini-program';
	return is_merchants(text, p.paySign) ? null : 'paySign is wrong';
}
