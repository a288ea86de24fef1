// Ways to answer, good and bad. A plan says what is done before: judged (signature, parameters), acted (the deed), and how the answer leaves.
import { once } from 'node:events';

const HTML = '<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center><hr></body></html>\n';
const HUGE_CHUNK = Buffer.alloc(1 << 16, 'a'), HUGE_CHUNKS = 1024; // 64 MiB
const INTERNAL_ERROR = 2; // RFC 9113 7

export const ORDINARY = { judged: true, acted: true, send };
export const KINDS = {
	delay: ORDINARY,
	hang: { judged: false, acted: false, send: hang },
	status: { judged: false, acted: false, make: (fault) => ({ status: fault.status, body: fault.status >= 400 ? { code: `status_${fault.status}` } : '' }), send },
	close_before: { judged: false, acted: false, send: drop },
	close_mid_body: { judged: true, acted: true, send: send_half },
	rubbish_html: { judged: false, acted: false, make: () => ({ status: 200, type: 'text/html', body: HTML }), send },
	rubbish_binary: { judged: false, acted: false, make: () => ({ status: 200, type: 'application/json', body: Buffer.from(Array.from({ length: 256 }, (_, i) => 255 - i)) }), send },
	rubbish_huge: { judged: false, acted: false, make: () => ({ status: 200 }), send: send_huge },
	rubbish_truncated_json: { judged: true, acted: true, send: send_cut },
	lose_answer: { judged: true, acted: true, send: drop },
	refuse_code: { judged: true, acted: false, make: (fault, peer) => peer.refuse(fault.refuse_code), send },
	rate_limit: { judged: true, acted: false, make: (fault, peer) => peer.limited(Math.ceil(fault.rate_limit.window_ms / 1000)), send },
};

const bytes_of = (body) => (Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body ?? '')));

function head(res, answer, length) {
	const type = answer.type ?? (typeof answer.body === 'object' ? 'application/json; charset=utf-8' : 'text/plain; charset=utf-8');
	res.writeHead(answer.status, { 'content-type': type, ...(length === undefined ? {} : { 'content-length': length }), ...answer.headers });
}

export function send(res, answer) {
	const bytes = bytes_of(answer.body);
	head(res, answer, bytes.length);
	res.end(bytes);
}

// A complete message whose JSON stops in the middle.
function send_cut(res, answer) {
	const bytes = bytes_of(answer.body), half = bytes.subarray(0, bytes.length >> 1);
	head(res, { type: 'application/json; charset=utf-8', ...answer }, half.length);
	res.end(half);
}

// A message that was to be longer: the connection ends (HTTP/1.1), the stream is reset (HTTP/2).
function send_half(res, answer) {
	const bytes = bytes_of(answer.body);
	head(res, answer, bytes.length);
	res.write(bytes.subarray(0, bytes.length >> 1), () => (res.stream ? res.stream.close(INTERNAL_ERROR) : drop(res)));
}

async function send_huge(res) {
	let is_gone = false;
	const gone = new Promise((resolve) => res.once('close', () => resolve((is_gone = true))));
	res.on('error', () => {});
	head(res, { status: 200, type: 'application/json' });
	res.write('{"rubbish":"');
	for (let i = 0; i < HUGE_CHUNKS && !is_gone; i++)
		if (!res.write(HUGE_CHUNK)) await Promise.race([once(res, 'drain').catch(() => {}), gone]);
	if (!is_gone) res.end('"}');
}

// The whole connection, also in HTTP/2: that is what a dead machine looks like.
export function drop(res) {
	if (res.stream) res.stream.session?.destroy();
	else res.socket?.destroy();
}

function hang(res, answer, hanging) {
	hanging.add(res);
	res.once('close', () => hanging.delete(res));
}
