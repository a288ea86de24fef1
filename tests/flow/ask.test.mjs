// Goal: a request may ask another system before it answers, and whatever that system does, the answer is right, in time, and nobody else's matter.
// Method: the sandbox's department systems, with moods; a tiny peer of our own where a test must hold the answer in its hand.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { writeFileSync } from 'node:fs';
import test, { after, beforeEach } from 'node:test';
import { sandbox } from '../sandbox/lib/client.mjs';
import { Case, assert_problem, world } from './lib/cases.mjs';
import { H2, control_request } from './lib/clients.mjs';
import { Gateway, gateway, make_certificate } from './lib/gateway.mjs';
import { DEPARTMENT_KEY } from './lib/outside.mjs';
import { until, within } from './lib/until.mjs';

const A = '11621299D00000013E', B = '11621299D000000219', C = '11621299D0000003X1', DEAD = '11621299D000000481', OTHER_KEY = '11621299D00000056X';
const TIMES = { 'rate.lookup_case': 1000, 'rate.lookup_address': 100000, 'timeout.ask': 20000 };

const g = await gateway({ settings: { ...TIMES } });
const s = await sandbox({ cert: path.join(g.state, 'tls/cert.pem'), key: path.join(g.state, 'tls/key.pem') });
const w = await world(g);
beforeEach(() => s.reset());

const dead = await new Promise((resolve) => { // bound, never listening: nobody else gets the port, and it refuses
	const server = net.createServer().listen(0, '127.0.0.1', () => { const { port } = server.address(); server.close(() => resolve(port)); });
});

function systems_file(gw, lines) {
	const keys = { right: DEPARTMENT_KEY, wrong: 'whsec_d3Jvbmcta2V5LXdyb25nLWtleS13cm9uZy1rZXk=' };
	for (const [name, key] of Object.entries(keys)) writeFileSync(path.join(gw.state, `${name}.key`), `${key}\n`, { mode: 0o600 });
	writeFileSync(path.join(gw.state, 'systems'), lines.map(([code, url, key = 'right']) => `${code} ${url} ${path.join(gw.state, `${key}.key`)}\n`).join('') + '# nobody else\n');
	return path.join(gw.state, 'systems');
}

async function configure(gw, settings) {
	gw.configure(settings);
	const answer = await gw.control('POST', '/control/reload');
	assert.equal(answer.status, 200, answer.text);
}

const LINES = [[A, `${s.tls_url}/departments/${A}`], [B, `${s.url}/departments/${B}`], [DEAD, `http://127.0.0.1:${dead}`], [OTHER_KEY, `${s.url}/departments/${OTHER_KEY}`, 'wrong']];
await configure(g, { 'departments.systems_file': systems_file(g, LINES), 'outside.ca_file': g.ca_file });

const look = (department, case_ref, id_last4, options) => g.ask('POST', '/v1/case-lookups', { body: { department, case_ref, id_last4 }, ...options });
const asked = async (since) => (await s.log({ peer: 'department', kind: 'request', since })).entries;
const unknown = () => `X-${randomUUID()}`; // asked for once only, so no memory is in the way
const metric = async (line) => Number(new RegExp(`^siban_${line} (\\d+)$`, 'm').exec((await g.admin('/metrics')).text)?.[1] ?? NaN);

test('a case that only the department knows: its answer, our shape, over TLS', async () => {
	const since = await s.mark();
	const answer = await look(A, 'GS-2026-0001', '001x');
	assert.equal(answer.status, 200, answer.text);
	const { updated_at, department_text, matter, status_text, ...rest } = answer.json;
	assert.deepEqual(rest, { case_no: null, case_ref: 'GS-2026-0001', status: rest.status, source: 'department' });
	assert.ok(matter.name.length > 0 && department_text.length > 0 && status_text.length > 0 && Date.parse(updated_at) > 0);
	assert.equal((await look(A, 'GS/2026 4号', '9995')).json.status, 'submitted');
	assert.equal((await asked(since)).length, 2);
});

test('it is asked once a minute, by each for himself', async () => {
	const since = await s.mark();
	const first = await look(B, 'GS-2026-0002', '0017');
	for (let i = 0; i < 3; i++) assert.deepEqual((await look(B, 'GS-2026-0002', '0017')).json, first.json);
	assert.equal((await asked(since)).length, 1);
	assert_problem(await look(B, 'GS-2026-0002', '0018'), 404, 'case_lookup_failed');
	assert_problem(await look(B, 'GS-2026-0002', '0018'), 404, 'case_lookup_failed'); // remembered too
	assert.equal((await asked(since)).length, 2);
});

test('what we know ourselves is answered here; what does not fit is asked for, known or not', async () => {
	const department = w.matter.department.code, c = await new Case(g, w).live('submitted');
	const ours = await look(department, c.ref, w.person.slice(-4));
	assert.equal(ours.json.source, 'gateway');
	assert.equal(ours.json.case_no, c.case_no);
	await configure(g, { 'departments.systems_file': systems_file(g, [...LINES.filter(([code]) => code !== department), [department, `${s.url}/departments/${department}`]]) });
	const since = await s.mark(), blank = (a) => a.text.replaceAll(a.json.request_id, '').replaceAll(a.json.trace_id, '');
	const answers = [await look(department, c.ref, '0000'), await look(department, unknown(), '0000'), await look(C, c.ref, '0000'), await look(C, unknown(), '0000')];
	for (const a of answers) {
		assert_problem(a, 404, 'case_lookup_failed');
		assert.equal(blank(a), blank(answers[0]));
	}
	assert.equal((await asked(since)).length, 2, 'C has no system');
	assert_problem(await look(department, unknown(), '00#0'), 404, 'case_lookup_failed');
	assert.equal((await asked(since)).length, 2, 'no peer is asked what it must refuse');
});

test('a number can be tried five times an hour, by its department’s number too', async () => {
	await configure(g, { 'rate.lookup_case': 5 });
	const ref = unknown();
	for (let i = 0; i < 5; i++) assert_problem(await look(B, ref, `000${i}`), 404, 'case_lookup_failed');
	assert_problem(await look(B, ref, '0005'), 429, 'rate_limited');
	assert_problem(await look(B, unknown(), '0005'), 404, 'case_lookup_failed');
	await configure(g, TIMES);
});

// ---- the peer's moods: four different answers, and never a crash ----

const moods = [
	['says that it is ill', { status: 500 }, 503, 'peer_away'], ['has too much to do', { status: 429 }, 503, 'peer_away'],
	['hangs up', { close: 'before' }, 503, 'peer_away'], ['hangs up in the middle', { close: 'mid_body' }, 503, 'peer_away'], ['loses its answer', { lose_answer: true }, 503, 'peer_away'],
	['answers with a page', { rubbish: 'html' }, 502, 'peer_nonsense'], ['answers with bytes', { rubbish: 'binary' }, 502, 'peer_nonsense'],
	['answers with too much', { rubbish: 'huge' }, 502, 'peer_nonsense'], ['answers with half', { rubbish: 'truncated_json' }, 502, 'peer_nonsense'],
	['sends us elsewhere', { status: 302 }, 502, 'peer_nonsense'], ['is not what it was', { status: 404 }, 502, 'peer_nonsense'],
];
let turn = 0;
for (const department of [A, B])
	for (const [what, fault, status, code] of moods)
		test(`it ${what} (${department === A ? 'TLS' : 'plain'})`, async () => {
			const ref = `GS-2026-000${1 + turn++ % 3}`, last4 = { 1: '001X', 2: '0017', 3: '0020' }[ref.at(-1)];
			await s.fault('department', { ...fault, count: 9 });
			const answer = assert_problem(await look(department, `${ref}`, `${last4.slice(0, 3)}${'ABCDEFGHJKLMNPQRSTUVWYZ'[turn % 23]}`), status, code);
			assert.equal('retry-after' in answer.headers, status === 503);
			await s.clear_faults();
			await until('it is asked again', async () => (await look(department, unknown(), '0000')).status === 404);
		});

test('our key is not its key', async () => {
	assert_problem(await look(OTHER_KEY, 'GS-2026-0001', '001X'), 502, 'peer_nonsense');
});

test('nobody is there, and one who does not exist costs nobody anything', async () => {
	for (let i = 0; i < 5; i++) assert_problem(await look(DEAD, unknown(), '0000'), 503, 'peer_away');
	const refused = await metric('asks_total{end="refused"}');
	const answer = assert_problem(await look(DEAD, unknown(), '0000'), 503, 'peer_away');
	assert.match(answer.headers['retry-after'], /^[1-9]\d*$/);
	assert.equal(await metric('asks_total{end="refused"}'), refused + 1, 'it was not even tried');
	assert.equal((await look(B, 'GS-2026-0003', '0020')).json.status_text.length > 0, true, 'another department answers');
});

test('it hangs: 504 in time, while every other route answers at once', async () => {
	await configure(g, { 'timeout.ask': 1500 });
	await s.fault('department', { hang: true, where: { department: B } });
	const since = await s.mark();
	let ended = 0;
	const hung = Array.from({ length: 4 }, () => look(B, unknown(), '0000').finally(() => ended++));
	await s.wait_for('four questions', () => true, { n: 4, since, peer: 'department' });
	await Promise.all(Array.from({ length: 40 }, async (_, i) => {
		assert.equal((await g.get(`/v1/matters?limit=${1 + i}`)).status, 200);
		assert.equal((await look(A, 'GS-2026-0001', '001X')).status, 200);
	}));
	assert.equal(ended, 0, 'these were answered while those still waited');
	for (const answer of await Promise.all(hung)) assert_problem(answer, 504, 'peer_timeout');
	await s.clear_faults();
	await configure(g, TIMES);
	await until('it is asked again', async () => (await look(B, unknown(), '0000')).status === 404);
});

test('more wait for it than may: those are told at once', async () => {
	await configure(g, { 'outside.asks_per_peer': 3 });
	await s.fault('department', { hang: true, where: { department: B } });
	const since = await s.mark();
	const hung = Array.from({ length: 3 }, () => look(B, unknown(), '0000'));
	await s.wait_for('three questions', () => true, { n: 3, since, peer: 'department' });
	assert_problem(await look(B, unknown(), '0000'), 503, 'peer_away');
	assert.equal((await look(A, 'GS-2026-0001', '001X')).status, 200);
	await s.clear_faults(); // closes them
	for (const answer of await Promise.all(hung)) assert.ok([404, 503].includes(answer.status), 'a question on a kept connection that ends is asked again: it changes nothing');
	await configure(g, { 'outside.asks_per_peer': 32 });
});

test('the client goes away: the question comes home to nobody', async () => {
	await s.fault('department', { hang: true });
	const since = await s.mark(), client = new H2(g);
	const stream = client.open('POST', '/v1/case-lookups', { 'content-type': 'application/json' });
	stream.answer.catch(() => {});
	stream.end(JSON.stringify({ department: B, case_ref: unknown(), id_last4: '0000' }));
	await s.wait_for('the question', () => true, { since, peer: 'department' });
	assert.equal(await metric('asks_open'), 1);
	client.session.destroy();
	await s.clear_faults();
	await until('it has come home', async () => (await metric('asks_open')) === 0);
});

test('a question that could not be sent, and an answer that was lost', async () => {
	await g.fault('outside_send=1');
	assert_problem(await look(B, unknown(), '0000'), 503, 'peer_away');
	await g.fault('outside_answer=1');
	assert_problem(await look(B, unknown(), '0000'), 503, 'peer_away');
	assert_problem(await look(B, unknown(), '0000'), 404, 'case_lookup_failed');
});

test('a file that is wrong changes nothing, and says where', async () => {
	const { right, ...wrong } = { right: LINES[0], 'line 1': [A.slice(1), 'http://x'], 'line 2': null, key: [A, 'http://x', 'missing'] };
	for (const [what, line] of Object.entries(wrong)) {
		systems_file(g, line === null ? [LINES[0], LINES[0]] : [line]);
		const answer = await g.control('POST', '/control/reload');
		assert.equal(answer.status, 422, what);
		assert.equal(answer.json.wrong[0].name, 'departments.systems_file');
		if (what !== 'key') assert.match(answer.json.wrong[0].why, new RegExp(what));
	}
	assert.equal((await look(A, 'GS-2026-0001', '001X')).status, 200);
	systems_file(g, LINES);
	assert.equal((await g.control('POST', '/control/reload')).status, 200);
});

// ---- with an Idempotency-Key: a peer that counts, and answers when we say so ----

class Peer {
	static async start() {
		const p = new Peer();
		p.requests = 0;
		p.held = [];
		p.holds = false;
		p.server = http.createServer((req, res) => {
			p.requests++;
			p.arrived?.();
			if (p.holds) p.held.push(res);
			else res.writeHead(200).end(p.says ?? '{}');
		});
		await new Promise((resolve) => p.server.listen(0, '127.0.0.1', resolve));
		p.url = `http://127.0.0.1:${p.server.address().port}/code`;
		after(() => p.server.closeAllConnections());
		after(() => p.server.close());
		return p;
	}

	release() {
		this.holds = false;
		for (const res of this.held.splice(0)) res.writeHead(200).end('{}');
	}

	next() {
		return within(20000, 'a question', new Promise((resolve) => { this.arrived = resolve; }));
	}
}

const probe = (gw, url, key, options = {}, more = {}) => control_request(gw, 'POST', '/control/ask-probes', { body: { url, ...more }, headers: { 'content-type': 'application/json', 'idempotency-key': key }, ...options });

test('a repeat does not ask again: not after success, and not after a COMMIT that failed', async () => {
	const p = await Peer.start(), key = randomUUID(), other = randomUUID();
	await g.fault('store_full=1+');
	assert.equal((await probe(g, p.url, key)).status, 507);
	assert.equal(p.requests, 1);
	await g.fault('store_full=');
	const second = await probe(g, p.url, key);
	assert.deepEqual([second.status, second.json.status, second.headers['idempotency-replayed']], [200, 200, undefined]);
	assert.equal(p.requests, 1, 'a code can be used once');
	const third = await probe(g, p.url, key);
	assert.deepEqual([third.status, third.headers['idempotency-replayed']], [200, 'true']);
	assert.equal((await probe(g, `${p.url}?other`, key)).json.code, 'idempotency_key_reused');
	assert.equal(p.requests, 1);
	assert.equal((await probe(g, p.url, other)).status, 200);
	assert.equal(p.requests, 2, 'another submission is another question');
});

test('two questions in a row are two answers, and a repeat asks neither', async () => {
	const p = await Peer.start(), q = await Peer.start(), key = randomUUID(), then = { then_url: q.url };
	await g.fault('store_full=1+');
	assert.equal((await probe(g, p.url, key, {}, then)).status, 507);
	await g.fault('store_full=');
	const second = await probe(g, p.url, key, {}, then);
	assert.deepEqual([second.json, p.requests, q.requests], [{ status: 200, then_status: 200 }, 1, 1]);
	const away = await probe(g, p.url, randomUUID(), {}, { then_url: 'http://127.0.0.1:1/' });
	assert.deepEqual([away.status, away.json.code, p.requests], [503, 'peer_away', 2], 'the second failed, so the whole did');
});

test('what is said under a good status but is no answer is not remembered', async () => {
	const p = await Peer.start(), key = randomUUID();
	p.says = 'busy';
	await g.fault('store_full=1+');
	assert.equal((await probe(g, p.url, key)).status, 507);
	await g.fault('store_full=');
	p.says = '{}';
	assert.equal((await probe(g, p.url, key)).status, 200);
	assert.equal(p.requests, 2);
});

test('the answer is remembered for the client who had gone', async () => {
	const p = await Peer.start(), key = randomUUID(), stop = new AbortController();
	p.holds = true;
	const arrived = p.next();
	const gone = new Promise((resolve) => {
		const request = http.request({ socketPath: g.control_socket, method: 'POST', path: '/control/ask-probes', signal: stop.signal, agent: false,
			headers: { 'content-type': 'application/json', 'idempotency-key': key } }, resolve);
		request.on('error', resolve);
		request.end(JSON.stringify({ url: p.url }));
	});
	await arrived;
	assert.equal((await probe(g, p.url, key)).json.code, 'idempotency_key_in_use');
	stop.abort();
	await gone;
	p.release();
	const answer = await until('the first has come home', async () => { const a = await probe(g, p.url, key); return a.status === 409 ? null : a; });
	assert.equal(answer.status, 200);
	assert.equal(p.requests, 1);
});

test('killed while asking: nothing half done, and the same key goes through', async () => {
	const k = await gateway({ data: false }), p = await Peer.start(), key = randomUUID();
	p.holds = true;
	const arrived = p.next(), first = probe(k, p.url, key).catch((e) => e);
	await arrived;
	await k.kill();
	assert.ok((await first) instanceof Error);
	p.release();
	await k.serve();
	const answer = await probe(k, p.url, key);
	assert.deepEqual([answer.status, answer.headers['idempotency-replayed'], p.requests], [200, undefined, 2]);
	assert.equal((await probe(k, p.url, key)).headers['idempotency-replayed'], 'true');
});

test('SIGTERM with questions under way: they are answered, and the end is quiet', async () => {
	const k = await gateway({ data: false }), p = await Peer.start();
	p.holds = true;
	const arrived = p.next(), under_way = Array.from({ length: 8 }, () => probe(k, p.url, randomUUID()));
	await arrived;
	await until('all have asked', () => p.requests === 8);
	k.child.kill('SIGTERM');
	await until('it stops', async () => (await k.admin('/readyz').catch(() => ({ status: 503 }))).status === 503);
	p.release();
	for (const answer of await Promise.all(under_way)) assert.equal(answer.status, 200);
	assert.deepEqual(await within(15000, 'after SIGTERM', k.exited), { code: 0, signal: null });
});

test('SIGTERM with questions that nobody answers: cut off within timeout.stop', async () => {
	const k = await gateway({ data: false, settings: { 'timeout.stop': 500, 'timeout.ask': 60000 } }), p = await Peer.start();
	p.holds = true;
	const under_way = Array.from({ length: 4 }, () => probe(k, p.url, randomUUID()).catch((e) => e));
	await until('all have asked', () => p.requests === 4);
	k.child.kill('SIGTERM');
	assert.deepEqual(await within(15000, 'after SIGTERM', k.exited), { code: 0, signal: null });
	await Promise.all(under_way);
});
