// The control API: moods, settings, what was received. JSON in, JSON out; every mistake is told in words.
import { parse_fault } from './faults.mjs';
import { match_path, read_body } from './question.mjs';

const BODY_MAX = 4 << 20;

class Mistake extends Error {
	constructor(status, detail) {
		super(detail);
		this.status = status;
	}
}

export function control(world) {
	const { peers, faults, journal, door } = world;
	const peer_named = (name) => {
		const peer = peers.find((p) => p.name === name);
		if (!peer) throw new Mistake(404, `there is no peer "${name}"; there are ${peers.map((p) => p.name).join(', ')}`);
		return peer;
	};
	const number = (text, name) => {
		if (text !== null && !/^[0-9]{1,15}$/.test(text)) throw new Mistake(400, `${name} is a number`);
		return text === null ? undefined : Number(text);
	};

	const show_peer = ({ params }) => {
		const peer = peer_named(params.peer);
		return { settings: peer.settings, ...peer.show() };
	};

	const routes = [
		['GET', '/healthz', () => ({ status: 'ok' })],
		['GET', '/faults', () => faults.show()],
		['PUT', '/faults/:peer', ({ params, body }) => {
			const peer = peer_named(params.peer), list = (Array.isArray(body) ? body : [body]).map((one) => parse_fault(peer, one));
			const wrong = list.find((one) => typeof one === 'string');
			if (wrong) throw new Mistake(400, wrong);
			faults.set(peer, list);
			return faults.show();
		}],
		['DELETE', '/faults', () => {
			faults.clear();
			door.release();
			return {};
		}],
		['GET', '/peers/:peer', show_peer],
		['PUT', '/peers/:peer', async ({ params, body }) => {
			const wrong = typeof body === 'object' && body !== null && !Array.isArray(body) ? await peer_named(params.peer).set(body) : 'settings are a JSON object';
			if (wrong) throw new Mistake(422, wrong);
			return show_peer({ params });
		}],
		['POST', '/peers/:peer/:what', ({ params, body }) => {
			const { does = {} } = peer_named(params.peer);
			if (!Object.hasOwn(does, params.what)) throw new Mistake(404, `${params.peer} does ${Object.keys(does).join(', ') || 'nothing by itself'}`);
			const said = does[params.what](body ?? {});
			if (typeof said === 'string') throw new Mistake(422, said);
			return said;
		}],
		['GET', '/log', ({ query }) => journal.read({ peer: query.get('peer') ?? undefined, kind: query.get('kind') ?? undefined,
			since: number(query.get('since'), 'since'), wait_ms: number(query.get('wait_ms'), 'wait_ms') })],
		['GET', '/counts', () => journal.counts],
		['POST', '/reset', () => {
			faults.clear();
			door.release();
			for (const peer of peers) peer.reset();
			journal.clear();
			return {};
		}],
	];

	const answer = async (req) => {
		if (req.headers.origin !== undefined) throw new Mistake(403, 'not for web pages');
		const url = new URL(req.url, 'http://sandbox'), at_path = routes.map((row) => ({ row, params: match_path(row[1], url.pathname) })).filter((one) => one.params);
		if (at_path.length === 0) throw new Mistake(404, `there is ${routes.map(([method, path]) => `${method} ${path}`).join(', ')}`);
		const found = at_path.find(({ row }) => row[0] === req.method);
		if (!found) throw new Mistake(405, `there is ${at_path.map(({ row }) => row[0]).join(', ')}`);
		return found.row[2]({ params: found.params, query: url.searchParams, body: await read_json(req) });
	};

	return async (req, res) => {
		let status = 200, body;
		try {
			body = await answer(req);
		} catch (error) {
			if (!(error instanceof Mistake)) console.error(error);
			status = error.status ?? 500;
			body = { detail: error.message };
		}
		const bytes = Buffer.from(JSON.stringify(body, null, '\t') + '\n');
		res.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'content-length': bytes.length });
		res.end(bytes);
	};
}

async function read_json(req) {
	const bytes = await read_body(req, BODY_MAX);
	if (bytes === null) throw new Mistake(413, 'too large');
	if (bytes.length === 0) return undefined;
	try {
		return JSON.parse(bytes.toString('utf8'));
	} catch (error) {
		throw new Mistake(400, `not JSON: ${error.message}`);
	}
}
