// The platform of electronic certificates. The contract is in README.md; this keeps to it. Its certificates are put there by tests.
import { is_signed, key_bytes } from '../lib/webhook_signature.mjs';

const KEY = 'whsec_c2libi1zYW5kYm94LWNlcnRpZmljYXRlcy0wMDAwMDE=';

const refusal = (status, code, headers) => ({ status, headers, body: { code } });
const is_text = (v) => typeof v === 'string' && v.length > 0;

export function certificates() {
	const peer = { name: 'certificates', settings: null };

	peer.reset = () => {
		peer.settings = { key: KEY, held: [], answer: null, asked: 0 };
	};
	peer.reset();

	// key: another key. held: all there are, [{holder, name, type, certificate: {number, name, issuer, sha256, valid_until?}}]. answer: said instead of what is held; null: nothing instead.
	peer.set = ({ key = peer.settings.key, held = peer.settings.held, answer = null, ...unknown }) => {
		if (Object.keys(unknown).length > 0) return `there is no setting "${Object.keys(unknown)[0]}"`;
		if (typeof key !== 'string' || key_bytes(key) === null) return 'key must be whsec_ and base64 of 24 to 64 bytes';
		if (!Array.isArray(held) || held.some((one) => !is_text(one.holder) || !is_text(one.type) || typeof one.certificate !== 'object')) return 'what is held has holder, type and certificate';
		Object.assign(peer.settings, { key, held, answer });
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
		if (!is_text(asked?.id) || !is_text(asked.type) || !is_text(asked.holder?.id_type) || !is_text(asked.holder.id_number) || typeof asked.holder.name !== 'string') return refusal(400, 'bad_request');
		return null;
	};

	// A holder is known by his number; a name that is another's finds nothing.
	const act = (question) => {
		const asked = read(question);
		peer.settings.asked++;
		if (peer.settings.answer !== null) return { status: 200, body: { id: asked.id, ...peer.settings.answer } };
		const mine = peer.settings.held.filter((one) => one.holder === asked.holder.id_number && one.type === asked.type && (one.name === undefined || one.name === asked.holder.name));
		return { status: 200, body: mine.length > 0 ? { id: asked.id, result: 'found', certificates: mine.map((one) => one.certificate) } : { id: asked.id, result: 'none' } };
	};
	peer.limited = (seconds) => refusal(429, 'too_many_requests', { 'retry-after': String(seconds) });
	peer.routes = [{ name: 'query', path: '/platform/certificates/query', judge, act }];
	return peer;
}
