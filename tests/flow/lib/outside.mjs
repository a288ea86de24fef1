// Asking the sandbox's peers as the gateway would, and as it must not: signed requests that a test may spoil before they are sent.
import { createHash, createHmac, randomUUID } from 'node:crypto';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import { string_to_sign } from '../../sandbox/lib/acs3.mjs';
import { sign } from '../../sandbox/lib/webhook_signature.mjs';

export const ACCESS_KEY = 'sandbox-access-key', ACCESS_SECRET = 'sandbox-access-key-secret';
export const DEPARTMENT_KEY = 'whsec_c2libi1zYW5kYm94LWRlcGFydG1lbnQta2V5LTAwMDE=';

const encoded = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => '%' + c.charCodeAt(0).toString(16).toUpperCase());
export const query_of = (fields) => Object.keys(fields).sort().map((name) => `${encoded(name)}=${encoded(fields[name])}`).join('&');
export const aliyun_date = (offset_ms = 0) => new Date(Date.now() + offset_ms).toISOString().slice(0, 19) + 'Z';

export const message = (more = {}) => ({ PhoneNumbers: '13800138000', SignName: '陇南四办', TemplateCode: 'SMS_100000002',
	TemplateParam: JSON.stringify({ case_no: 'LN62120220261123481516236', status: '已受理' }), OutId: `e-${randomUUID()}`, ...more });

// A SendSms request, well signed unless `headers` says otherwise: {method, target, headers}, as ask() takes it.
export function sms_request(s, fields = message(), { key = ACCESS_KEY, secret = ACCESS_SECRET, headers = {} } = {}) {
	const query = query_of(fields);
	const all = { host: new URL(s.url).host, 'x-acs-action': 'SendSms', 'x-acs-content-sha256': createHash('sha256').digest('hex'), 'x-acs-date': aliyun_date(),
		'x-acs-signature-nonce': randomUUID(), 'x-acs-version': '2017-05-25', ...headers };
	const { text, signed_headers } = string_to_sign({ method: 'POST', path: '/', query, header_list: Object.entries(all), body: Buffer.alloc(0) });
	const signature = createHmac('sha256', secret).update(text).digest('hex');
	return { method: 'POST', target: `/?${query}`, headers: { ...all, authorization: `ACS3-HMAC-SHA256 Credential=${key},SignedHeaders=${signed_headers},Signature=${signature}` } };
}

// A question about a case.
export function case_request(case_ref = 'GS-2026-0001', last4 = '001X', { key = DEPARTMENT_KEY, prefix = '', at_ms = Date.now(), id = `q_${randomUUID()}`, headers = {}, query } = {}) {
	const target = `${prefix}/cases/${encodeURIComponent(case_ref)}${query ?? `?last4=${last4}`}`, timestamp = String(Math.floor(at_ms / 1000));
	return { method: 'GET', target, headers: { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': sign(key, id, timestamp, target), ...headers } };
}

const json_of = (text) => {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
};

// Over a fresh HTTP/1.1 connection. Resolves with {status, headers, bytes, text, json, is_whole}; is_whole: nothing was missing at the end.
export function ask(base, { method = 'GET', target, headers = {}, body }, { ca } = {}) {
	return new Promise((resolve, reject) => {
		const { protocol, hostname, port } = new URL(base);
		const request = (protocol === 'https:' ? https : http).request({ hostname, port, method, path: target, headers, ca, agent: false }, (response) => {
			const chunks = [];
			const done = (is_whole) => {
				const bytes = Buffer.concat(chunks), text = bytes.toString('utf8');
				resolve({ status: response.statusCode, headers: response.headers, bytes, text, json: json_of(text), is_whole });
			};
			response.on('data', (chunk) => chunks.push(chunk));
			response.on('end', () => done(true));
			response.on('error', () => done(false));
		});
		request.on('error', reject);
		request.end(body);
	});
}

// The same over HTTP/2: with TLS, or with prior knowledge.
export function ask_h2(base, { method = 'GET', target, headers = {}, body }, { ca } = {}) {
	return new Promise((resolve, reject) => {
		const session = http2.connect(base, { ca });
		session.on('error', reject);
		const { host, ...rest } = headers;
		const stream = session.request({ ':method': method, ':path': target, ...(host ? { ':authority': host } : {}), ...rest });
		const chunks = [];
		let head, is_whole = false;
		stream.on('response', (h) => { head = h; });
		stream.on('data', (chunk) => chunks.push(chunk));
		stream.on('end', () => { is_whole = stream.rstCode === 0; });
		stream.on('error', () => {});
		stream.on('close', () => {
			session.destroy();
			if (!head) return reject(new Error(`no answer: stream closed with ${stream.rstCode}`));
			const bytes = Buffer.concat(chunks), text = bytes.toString('utf8');
			resolve({ status: head[':status'], headers: head, bytes, text, json: json_of(text), is_whole: is_whole && stream.rstCode === 0 });
		});
		stream.end(body);
	});
}

// Somebody who is pushed to: on_request(method, text) says what to answer, as {status, body} or nothing for no answer at all.
export async function receiver(on_request) {
	const got = [];
	const server = http.createServer(async (req, res) => {
		let text = '';
		for await (const chunk of req.setEncoding('utf8')) text += chunk;
		got.push({ method: req.method, target: req.url, text });
		const answer = await on_request(req.method, text);
		if (answer) res.writeHead(answer.status ?? 200, { 'content-type': 'application/json' }).end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
	});
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	server.unref();
	return { got, url: `http://127.0.0.1:${server.address().port}/callbacks/sms/unguessable`, close: () => server.closeAllConnections?.() ?? server.close() };
}
