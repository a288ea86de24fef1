// The finance bureau's non-tax system. The contract is in README.md; this keeps to it. Its notices are put there by tests.
import { createHash } from 'node:crypto';
import { moods } from './finance_frames.mjs';
import { is_signed, key_bytes } from '../lib/webhook_signature.mjs';

const KEY = 'whsec_c2libi1zYW5kYm94LWZpbmFuY2Uta2V5LTAwMDAwMQ==';
const RESULTS = new Set(['found', 'not_found', 'paid', 'void', 'other_division', 'tax_office', 'failed']);

const refusal = (status, code, headers) => ({ status, headers, body: { code } });
const is_text = (v) => typeof v === 'string' && v.length > 0;
const fen = (yuan) => Number(yuan.replace('.', ''));
const is_amount = (v) => /^(0|[1-9]\d*)\.\d{2}$/.test(v ?? '') && v !== '0.00';

// What it has in its books, in whatever form it was told: the same for JSON and frames. A repeat is known by payment code and trace number.
export function books() {
	const b = { paid: new Map(), receipts: new Map(), red: new Map(), reversed: new Map(), papers: [], told: 0 };
	// answers: {payment_code: result or {result, state}} instead of what the books say
	b.confirm = (m, answers) => {
		b.told++;
		const set = answers.get(m.payment_code), before = b.paid.get(m.payment_code);
		if (set !== undefined) return set;
		if (before !== undefined && before.trace_no !== m.trace_no) return { result: '30004' };
		if (before !== undefined && before.amount !== m.amount) return { result: '30002' };
		if (before === undefined) b.paid.set(m.payment_code, { trace_no: m.trace_no, amount: m.amount, finance_no: `FN${String(b.paid.size + 1).padStart(10, '0')}` });
		return { result: '00000', state: 'booked', finance_no: b.paid.get(m.payment_code).finance_no };
	};
	b.issue = (m, answers) => {
		const set = answers.get(m.payment_code), booked = b.paid.get(m.payment_code);
		if (set !== undefined) return set;
		if (booked?.trace_no !== m.trace_no || fen(m.amount) > fen(booked.amount)) return { result: '30005' };
		// A new one for less than was paid, in the place of one that was reversed: whoever asks names that, and a repeat gets the same.
		const before = b.receipts.get(m.payment_code);
		if (before !== undefined && before.number === m.receipt_number && b.reversed.has(before.number)) b.receipts.delete(m.payment_code);
		if (!b.receipts.has(m.payment_code)) {
			const number = String(b.papers.push({ payment_code: m.payment_code, amount: m.amount, replaces: m.receipt_number ?? null })).padStart(10, '0');
			b.receipts.set(m.payment_code, { code: '62030126', number, check_code: createHash('sha256').update(number + m.payment_code).digest('hex').slice(0, 6), link: `https://pj.example.gov.cn/e/${m.payment_code}/${number}` });
		}
		return { result: '00000', ...b.receipts.get(m.payment_code) };
	};
	b.reverse = (m, answers) => {
		const set = answers.get(m.payment_code), r = b.receipts.get(m.payment_code);
		if (set !== undefined) return set;
		if (r === undefined || r.code !== m.receipt_code || r.number !== m.receipt_number) return { result: '30005' };
		if (!b.reversed.has(r.number)) b.reversed.set(r.number, { code: '62030126', number: String(9000000000 + b.reversed.size + 1) });
		b.red.set(m.payment_code, b.reversed.get(r.number));
		return { result: '00000', ...b.red.get(m.payment_code) };
	};
	return b;
}
const DEEDS = { confirm: '/finance/payments/confirm', issue: '/finance/receipts/issue', reverse: '/finance/receipts/reverse' };

export function finance() {
	const peer = { name: 'finance', settings: null };

	peer.reset = () => {
		peer.settings = { key: KEY, notices: new Map(), asked: 0, token: 'SANDBOXTOKEN', frames: 0, refused: [], moods: new Map(), books: books(), confirm: new Map(), issue: new Map(), reverse: new Map() };
	};
	peer.reset();

	// key: another key. notices: {payment_code: {result, division?, notice?, voucher?}}, put beside or in the place of those that are there; null takes one away. voucher: of frames only, fields that
	// are said beside or instead; null leaves one out.
	// confirm, issue, reverse: {payment_code: {result, …}}, what it answers to that deed instead of what its books say. moods: {payment_code: what it does with the next frame about it}.
	peer.set = ({ key = peer.settings.key, notices = {}, confirm = {}, issue = {}, reverse = {}, moods: wanted = {}, ...unknown }) => {
		if (Object.keys(unknown).length > 0) return `there is no setting "${Object.keys(unknown)[0]}"`;
		if (typeof key !== 'string' || key_bytes(key) === null) return 'key must be whsec_ and base64 of 24 to 64 bytes';
		for (const [code, one] of Object.entries(notices)) {
			if (!/^\d{20}$/.test(code)) return 'a payment code has 20 digits';
			if (one !== null && !RESULTS.has(one.result)) return `a result is one of ${[...RESULTS].join(', ')}`;
			if (one?.result === 'found' && one.notice === undefined) return 'what is found is a notice';
		}
		for (const [code, one] of Object.entries(notices)) one === null ? peer.settings.notices.delete(code) : peer.settings.notices.set(code, one);
		if (Object.values(wanted).some((one) => !moods.includes(one))) return `a mood is one of ${moods.join(', ')}`;
		for (const [code, one] of Object.entries(wanted)) peer.settings.moods.set(code, one);
		for (const [deed, answers] of Object.entries({ confirm, issue, reverse })) for (const [code, one] of Object.entries(answers)) one === null ? peer.settings[deed].delete(code) : peer.settings[deed].set(code, one);
		peer.settings.key = key;
		return null;
	};
	peer.show = () => ({ asked: peer.settings.asked, frames: peer.settings.frames, refused: peer.settings.refused, told: peer.settings.books.told, paid: Object.fromEntries(peer.settings.books.paid), receipts: Object.fromEntries(peer.settings.books.receipts), red: Object.fromEntries(peer.settings.books.red), papers: peer.settings.books.papers });

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
	const judge_deed = (question) => {
		if (question.method !== 'POST') return refusal(405, 'method_not_allowed', { allow: 'POST' });
		if (!is_signed(peer.settings.key, question.header_list, question.body)) return refusal(401, 'unauthorized');
		const told = read(question);
		if (!is_text(told?.id) || !/^\d{20}$/.test(told?.payment_code ?? '') || !/^\d{28}$/.test(told?.trace_no ?? '') || !is_amount(told?.amount) || !/^\d{4}-\d\d-\d\dT[\d:.]+\+08:00$/.test(told?.paid_at ?? '')) return refusal(400, 'bad_request');
		return null;
	};
	const act_deed = (deed) => (question) => {
		const told = read(question);
		return { status: 200, body: { id: told.id, ...peer.settings.books[deed](told, peer.settings[deed]) } };
	};
	peer.routes = [{ name: 'query', path: '/finance/notices/query', judge, act }, ...Object.entries(DEEDS).map(([name, path]) => ({ name, path, judge: judge_deed, act: act_deed(name) }))];
	return peer;
}
