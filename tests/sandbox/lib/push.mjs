// What a peer pushes later: tried, judged, tried again on a schedule, given up. Never beyond this machine.
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';

const ANSWER_MAX = 1 << 16;

// A text that says why a URL cannot be pushed to, or null.
export function wrong_with_url(text) {
	let url;
	try {
		url = new URL(text);
	} catch {
		return `not a URL: ${text}`;
	}
	if (!['http:', 'https:'].includes(url.protocol)) return 'only http:// and https://';
	const name = url.hostname.replace(/^\[|\]$/g, '');
	return name === 'localhost' || name === '::1' || (net.isIPv4(name) && name.startsWith('127.')) ? null : 'the sandbox pushes to loopback only';
}

// {status, text, ms} or {error, ms}. Never throws.
export function ask(url, { method = 'POST', body = '', headers = {}, timeout_ms, ca }) {
	const began = Date.now();
	return new Promise((resolve) => {
		const done = (result) => {
			clearTimeout(timer);
			resolve({ ...result, ms: Date.now() - began });
		};
		const bytes = Buffer.from(body);
		const length = method === 'GET' ? {} : { 'content-length': bytes.length };
		const request = (url.startsWith('https:') ? https : http).request(url, { method, agent: false, ca, headers: { ...length, ...headers } }, (response) => {
			let text = '';
			response.setEncoding('utf8');
			response.on('data', (chunk) => { if (text.length < ANSWER_MAX) text += chunk; });
			response.on('end', () => done({ status: response.statusCode, text }));
			response.on('error', (error) => done({ error: error.message }));
		});
		request.on('error', (error) => done({ error: error.message }));
		const timer = setTimeout(() => {
			done({ error: `no answer within ${timeout_ms} ms` });
			request.destroy();
		}, timeout_ms);
		request.end(method === 'GET' ? undefined : bytes);
	});
}

// Deliveries under way. deliver() pushes at once and again after each of `again_ms` until is_accepted(answer); every try is in the journal.
export class Pusher {
	constructor(peer_name, journal, ca) {
		Object.assign(this, { peer_name, journal, ca, timers: new Set() });
	}

	clear() {
		for (const timer of this.timers) clearTimeout(timer);
		this.timers.clear();
	}

	later(ms, work) {
		const timer = setTimeout(() => {
			this.timers.delete(timer);
			work();
		}, ms);
		this.timers.add(timer);
	}

	async deliver(url, json, { again_ms, timeout_ms, is_accepted, note }, attempt = 1) {
		const body = JSON.stringify(json);
		const answer = await ask(url, { body, headers: { 'content-type': 'application/json' }, timeout_ms, ca: this.ca });
		const accepted = is_accepted(answer);
		this.journal.add({ kind: 'push', peer: this.peer_name, url, body, attempt, is_accepted: accepted, is_given_up: !accepted && attempt > again_ms.length,
			status: answer.status ?? null, error: answer.error ?? null, answer: answer.text ?? null, ms: answer.ms, ...note });
		if (accepted || attempt > again_ms.length) return;
		this.later(again_ms[attempt - 1], () => this.deliver(url, json, { again_ms, timeout_ms, is_accepted, note }, attempt + 1));
	}
}
