// The authority for real names. The contract is in README.md; this keeps to it. All people are synthetic: their numbers bear an address code that was never given out.
import { is_signed, key_bytes } from '../lib/webhook_signature.mjs';

const KEY = 'whsec_c2libi1zYW5kYm94LWF1dGhvcml0eS1rZXktMDAwMQ==';
const PEOPLE = [
	{ number: '621299199006150131', name: '张三', phone: '13900000001' },
	{ number: '62129919850101006X', name: '李小明', phone: '13900000002' },
];
const ORGANISATIONS = [{ code: '91621299MA0000015U', name: '陇南市某某有限公司', representative: '621299199006150131' }];
const KINDS = { two_element: [], three_element: ['phone'], face: ['proof'], representative: ['organisation', 'organisation_name'] };
const DOCUMENTS = ['resident', 'hmt_residence', 'foreign_pr', 'foreign_pr_old', 'hm_travel', 'tw_travel', 'passport'];
const COUNTRY = 'CHN'; // whose passports it has a record of

const refusal = (status, code, headers) => ({ status, headers, body: { code } });
const is_text = (v) => typeof v === 'string' && v.length > 0;

export function authority() {
	const peer = { name: 'authority', settings: null };

	peer.reset = () => {
		peer.settings = { key: KEY, people: PEOPLE.map((p) => ({ ...p })), organisations: ORGANISATIONS.map((o) => ({ ...o })) };
	};
	peer.reset();

	// key: another key. people: added, or put in the place of those with the same number; with document, that number is one of such papers alone.
	// organisations: likewise, by code; representative is the number of the person.
	peer.set = ({ key = peer.settings.key, people = [], organisations = [], ...unknown }) => {
		if (Object.keys(unknown).length > 0) return `there is no setting "${Object.keys(unknown)[0]}"`;
		if (typeof key !== 'string' || key_bytes(key) === null) return 'key must be whsec_ and base64 of 24 to 64 bytes';
		if (!Array.isArray(people) || people.some((p) => !is_text(p.number) || !is_text(p.name) || !is_text(p.phone))) return 'a person has number, name and phone';
		if (!Array.isArray(organisations) || organisations.some((o) => !is_text(o.code) || !is_text(o.name) || !is_text(o.representative))) return 'an organisation has code, name and representative';
		const renewed = new Set(organisations.map((o) => o.code));
		const replaced = new Set(people.map((p) => p.number));
		peer.settings = { key, people: [...peer.settings.people.filter((p) => !replaced.has(p.number)), ...people],
			organisations: [...peer.settings.organisations.filter((o) => !renewed.has(o.code)), ...organisations] };
		return null;
	};
	peer.show = () => ({});

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
		const asked = read(question), more = KINDS[asked?.kind];
		if (more === undefined || !['id', 'number', 'name', ...more].every((name) => is_text(asked[name]))) return refusal(400, 'bad_request');
		if (!DOCUMENTS.includes(asked.document) || (asked.document === 'passport') !== is_text(asked.country)) return refusal(400, 'bad_request');
		return null;
	};

	const represents = (asked) => {
		const one = peer.settings.organisations.find((o) => o.code === asked.organisation);
		if (one === undefined) return 'no_record';
		return one.name === asked.organisation_name && one.representative === asked.number ? 'match' : 'mismatch';
	};

	const verdict = (asked) => {
		if (asked.document === 'passport' && asked.country !== COUNTRY) return 'not_checked';
		const person = peer.settings.people.find((p) => p.number === asked.number && (p.document ?? asked.document) === asked.document);
		if (person === undefined) return 'no_record';
		if (person.name !== asked.name) return 'mismatch';
		if (asked.kind === 'three_element' && person.phone !== asked.phone) return 'mismatch';
		if (asked.kind === 'face' && asked.proof !== `face-of-${person.number}`) return 'mismatch';
		return asked.kind === 'representative' ? represents(asked) : 'match';
	};

	const act = (question) => {
		const asked = read(question);
		return { status: 200, body: { id: asked.id, result: verdict(asked) } };
	};
	peer.limited = (seconds) => refusal(429, 'too_many_requests', { 'retry-after': String(seconds) });
	peer.routes = [{ name: 'verify', path: '/authority/verify', judge, act }];
	return peer;
}
