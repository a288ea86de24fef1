// Moods on command. A fault is meant for a peer, perhaps for one of its routes or for requests with certain fields, perhaps for the next n only.
// What matters to the one who asks is whether the deed was done all the same, so each kind says so.
import { KINDS } from './answer.mjs';

const is_count = (v) => Number.isInteger(v) && v > 0;
const is_fields = (v) => typeof v === 'object' && v !== null && Object.values(v).every((one) => typeof one === 'string');

// How a fault is written: one of the first group chooses the kind, the others go with any kind.
const CHOOSING = {
	hang: (v) => v === true && 'hang',
	status: (v) => Number.isInteger(v) && v >= 200 && v <= 599 && 'status',
	close: (v) => ['before', 'mid_body'].includes(v) && `close_${v}`,
	rubbish: (v) => ['html', 'truncated_json', 'binary', 'huge'].includes(v) && `rubbish_${v}`,
	lose_answer: (v) => v === true && 'lose_answer',
	refuse_code: (v) => typeof v === 'string' && v !== '' && 'refuse_code',
	rate_limit: (v) => typeof v === 'object' && v !== null && is_count(v.permits) && is_count(v.window_ms) &&
		(v.by === undefined || typeof v.by === 'string') && 'rate_limit',
};
const BESIDE = {
	delay_ms: (v) => Number.isInteger(v) && v >= 0,
	count: is_count,
	route: (v) => typeof v === 'string',
	where: is_fields,
};

// The fault as it is kept, or a text that says what is wrong with it.
export function parse_fault(peer, body) {
	if (typeof body !== 'object' || body === null || Array.isArray(body)) return 'a fault is a JSON object';
	let kind = null;
	for (const [name, value] of Object.entries(body)) {
		if (name in BESIDE) {
			if (!BESIDE[name](value)) return `${name} cannot be ${JSON.stringify(value)}`;
			continue;
		}
		const chosen = CHOOSING[name]?.(value);
		if (!chosen) return name in CHOOSING ? `${name} cannot be ${JSON.stringify(value)}` : `there is no fault "${name}"; there are ${Object.keys({ ...CHOOSING, ...BESIDE }).join(', ')}`;
		if (kind !== null) return 'one kind of fault at a time; several faults are an array';
		kind = chosen;
	}
	if (kind === null && body.delay_ms === undefined) return 'a fault needs a kind or delay_ms';
	if (body.route !== undefined && !peer.routes.some((route) => route.name === body.route)) return `${peer.name} has no route "${body.route}"`;
	if (body.refuse_code !== undefined && peer.refuse === undefined) return `${peer.name} refuses with a status, not with a code`;
	return { ...body, kind: kind ?? 'delay', used: 0 };
}

export class Faults {
	constructor() {
		this.clear();
	}

	clear() {
		this.by_peer = new Map();
	}

	set(peer, list) {
		this.by_peer.set(peer.name, list);
	}

	show() {
		return Object.fromEntries([...this.by_peer].map(([name, list]) => [name, list.map(({ windows, ...fault }) => fault)]));
	}

	// The first fault that is meant for this request, counted as used; null: behave.
	take(peer, route, question) {
		for (const fault of this.by_peer.get(peer.name) ?? []) {
			if (fault.count !== undefined && fault.used >= fault.count) continue;
			if (fault.route !== undefined && fault.route !== route.name) continue;
			if (!Object.entries(fault.where ?? {}).every(([name, value]) => (question.params[name] ?? question.fields[name]) === value)) continue;
			if (fault.kind === 'rate_limit' && !is_over(fault, question)) continue;
			fault.used++;
			return { ...fault, ...KINDS[fault.kind] };
		}
		return null;
	}
}

// Has this request's key (a field's value, or everybody together) had its permits within the window? A refused one takes none.
function is_over(fault, question) {
	const { permits, window_ms, by } = fault.rate_limit, now = Date.now();
	fault.windows ??= new Map();
	const key = by === undefined ? '' : question.params[by] ?? question.fields[by] ?? '';
	const times = (fault.windows.get(key) ?? []).filter((at) => at > now - window_ms);
	fault.windows.set(key, times);
	if (times.length >= permits) return true;
	times.push(now);
	return false;
}
