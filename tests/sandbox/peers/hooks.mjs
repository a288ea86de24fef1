// Systems of departments that registered an address with us: each path is a receiver of its own. The contract is Standard Webhooks; this keeps to it.
import { is_signed, key_bytes } from '../lib/webhook_signature.mjs';

const KEPT = 200;

export function hooks() {
	const peer = { name: 'hooks', settings: null, received: [] };

	peer.reset = () => {
		peer.settings = { keys: {}, answers: {} };
		peer.received = [];
	};
	peer.reset();

	// keys: by receiver, whsec_…; who is not in it takes nothing. answers: by receiver, the status of what is rightly signed.
	peer.set = ({ keys = {}, answers = {}, ...unknown }) => {
		if (Object.keys(unknown).length > 0) return `there is no setting "${Object.keys(unknown)[0]}"`;
		if (!Object.values(keys).every((key) => typeof key === 'string' && key_bytes(key) !== null)) return 'a key must be whsec_ and base64 of 24 to 64 bytes';
		if (!Object.values(answers).every((status) => Number.isInteger(status) && status >= 200 && status <= 599)) return 'an answer is a status';
		peer.settings = { keys: { ...peer.settings.keys, ...keys }, answers: { ...peer.settings.answers, ...answers } };
		return null;
	};
	// What came, rightly signed, in order; a repeat is there again.
	peer.show = () => ({ received: peer.received });

	const judge = (question) => {
		if (question.method !== 'POST') return { status: 405, headers: { allow: 'POST' }, body: { code: 'method_not_allowed' } };
		const key = peer.settings.keys[question.params.receiver];
		if (key === undefined) return { status: 404, body: { code: 'no_such_receiver' } };
		if (question.headers['content-type'] !== 'application/json') return { status: 415, body: { code: 'media_type' } };
		if (!is_signed(key, question.header_list, question.body)) return { status: 401, body: { code: 'unauthorized' } };
		return null;
	};
	const act = (question) => {
		const { receiver } = question.params, status = peer.settings.answers[receiver] ?? 200;
		const only = Object.fromEntries(['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => [name, question.headers[name]]));
		peer.received.push({ receiver, status, headers: only, body: question.body.toString('utf8') });
		if (peer.received.length > KEPT) peer.received.shift();
		return { status, body: {} };
	};
	peer.limited = (seconds) => ({ status: 429, headers: { 'retry-after': String(seconds) }, body: { code: 'too_many_requests' } });
	peer.routes = [{ name: 'post', path: '/hooks/:receiver', judge, act }];
	return peer;
}
