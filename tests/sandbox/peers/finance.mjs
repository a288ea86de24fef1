// The finance bureau's non-tax system. The contract is in README.md; this keeps to it. Its notices are put there by tests.
import { is_signed, key_bytes } from '../lib/webhook_signature.mjs';

const KEY = 'whsec_c2libi1zYW5kYm94LWZpbmFuY2Uta2V5LTAwMDAwMQ==';
const RESULTS = new Set(['found', 'paid', 'void', 'other_division', 'tax_office']);

const refusal = (status, code, headers) => ({ status, headers, body: { code } });
const is_text = (v) => typeof v === 'string' && v.length > 0;

export function finance() {
	const peer = { name: 'finance', settings: null };

	peer.reset = () => {
		peer.settings = { key: KEY, notices: new Map(), asked: 0 };
	};
	peer.reset();

	// key: another key. notices: {payment_code: {result, division?, notice?}}, put beside or in the place of those that are there; null takes one away.
	peer.set = ({ key = peer.settings.key, notices = {}, ...unknown }) => {
		if (Object.keys(unknown).length > 0) return `there is no setting "${Object.keys(unknown)[0]}"`;
		if (typeof key !== 'string' || key_bytes(key) === null) return 'key must be whsec_ and base64 of 24 to 64 bytes';
		for (const [code, one] of Object.entries(notices)) {
			if (!/^\d{20}$/.test(code)) return 'a payment code has 20 digits';
			if (one !== null && !RESULTS.has(one.result)) return `a result is one of ${[...RESULTS].join(', ')}`;
			if (one?.result === 'found' && one.notice === undefined) return 'what is found is a notice';
		}
		for (const [code, one] of Object.entries(notices)) one === null ? peer.settings.notices.delete(code) : peer.settings.notices.set(code, one);
		peer.settings.key = key;
		return null;
	};
	peer.show = () => ({ asked: peer.settings.asked });

	const read = (question) => {
		try {
			return JSON.parse(question.body.toString('utf8'));
		} catch {
			return null;
		}
	};

	const judge = (question) => {
		if (question.method !== 'POST') return refusal(405, 'method_not_allowed', { allow: 'POST' });
		if (!is_signed(peer.settings.key, question.header_list, question.body)) return refusal(401, 'unauthorized');
		const asked = read(question);
		if (!is_text(asked?.id) || !/^\d{20}$/.test(asked?.payment_code ?? '')) return refusal(400, 'bad_request');
		return null;
	};

	const act = (question) => {
		const asked = read(question);
		peer.settings.asked++;
		return { status: 200, body: { id: asked.id, ...(peer.settings.notices.get(asked.payment_code) ?? { result: 'not_found' }) } };
	};
	peer.limited = (seconds) => refusal(429, 'too_many_requests', { 'retry-after': String(seconds) });
	peer.routes = [{ name: 'query', path: '/finance/notices/query', judge, act }];
	return peer;
}
