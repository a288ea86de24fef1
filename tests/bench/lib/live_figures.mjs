// tests/bench/lib/live_figures.mjs - figures 8 (memory per idle connection) and 10 (from a committed event to its person's open streams).
import fs from 'node:fs';
import http2 from 'node:http2';
import tls from 'node:tls';
import { citizen_token, CITIZEN, command, department, filled_state, serve } from './daemon.mjs';
import { stop } from './machine.mjs';
import { report } from './report.mjs';

const settled = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Private memory of a process, in KiB. */
function private_kib(pid) {
	const rollup = fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
	return [...rollup.matchAll(/^Private_(?:Clean|Dirty): +(\d+) kB/gm)].reduce((sum, m) => sum + Number(m[1]), 0);
}

/** Waits until two looks in a row agree: the figure is of rest, not of arrival. */
async function at_rest(pid) {
	for (let before = -1, now; ; before = now) {
		now = private_kib(pid);
		if (Math.abs(now - before) < 64)
			return now;
		await settled(500);
	}
}

const handshake = (token) => `GET /v1/ws HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n`
	+ 'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

/** A WebSocket by hand: text frames of under 64 KiB, ping and nothing else. `told` gets each JSON object. */
function websocket(port, token, told) {
	return new Promise((resolve, reject) => {
		const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] }, () => socket.write(handshake(token)));
		let bytes = Buffer.alloc(0), open = false;
		socket.on('error', reject);
		socket.on('data', (chunk) => {
			bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
			if (!open) {
				const end = bytes.indexOf('\r\n\r\n');
				if (end < 0) return;
				if (!bytes.toString('latin1').startsWith('HTTP/1.1 101')) return reject(new Error(bytes.toString('utf8', 0, 300)));
				open = true;
				bytes = bytes.subarray(end + 4);
				resolve(socket);
			}
			for (;;) {
				if (bytes.length < 2) return;
				const long = (bytes[1] & 127) === 126, length = long ? (bytes.length < 4 ? Infinity : bytes.readUInt16BE(2)) : bytes[1] & 127, at = long ? 4 : 2;
				if (bytes.length < at + length) return;
				const opcode = bytes[0] & 15;
				if (opcode === 1) told(JSON.parse(bytes.toString('utf8', at, at + length)));
				if (opcode === 9) socket.write(Buffer.concat([Buffer.from([0x8a, 0x80]), Buffer.alloc(4)]));
				bytes = bytes.subarray(at + length);
			}
		});
	});
}

/** An event stream over an HTTP/2 session. */
function event_stream(session, token, told) {
	return new Promise((resolve, reject) => {
		const stream = session.request({ ':path': '/v1/stream', authorization: `Bearer ${token}` });
		let text = '';
		stream.on('error', reject);
		stream.once('response', (head) => (head[':status'] === 200 ? resolve(stream) : reject(new Error(`status ${head[':status']}`))));
		stream.setEncoding('utf8').on('data', (chunk) => {
			text += chunk;
			for (let at; (at = text.indexOf('\n\n')) >= 0; text = text.slice(at + 2)) {
				const data = /^data: (.*)$/m.exec(text.slice(0, at));
				if (data) told({ data: JSON.parse(data[1]) });
			}
		});
	});
}

const session_to = (port) => http2.connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });

/** Opens `count` things, `at_once` at a time. */
async function many(count, at_once, open) {
	const all = [];
	for (let i = 0; i < count; i += at_once)
		all.push(...await Promise.all(Array.from({ length: Math.min(at_once, count - i) }, (_, n) => open(i + n))));
	return all;
}

export async function figure_8({ n = 2000 }) {
	const { state } = filled_state(1000);
	const token = citizen_token(state), rows = [], seen = {};
	for (const [name, open, goal] of [
		['HTTP/2, idle after one request', async (port) => {
			const s = session_to(port);
			await new Promise((resolve, reject) => s.request({ ':path': '/v1/regions/621202', authorization: `Bearer ${token}` }).on('end', resolve).on('error', reject).resume());
			return s;
		}, 24],
		['WebSocket', (port) => websocket(port, token, () => {}), 32],
	]) {
		const server = await serve('idle', state, { 'stream.per_person': 1000, 'stream.connections': 20000, 'stream.heartbeat': 300, 'timeout.idle': 3600000 }, { cpu: null });
		const warm = await many(20, 20, () => open(server.port));
		const before = await at_rest(server.pid);
		const all = await many(Math.min(n, name === 'WebSocket' ? 900 : n), 50, () => open(server.port));
		const each = (await at_rest(server.pid) - before) / all.length;
		seen[name] = each;
		rows.push([name, all.length, each.toFixed(1), `<= ${goal}`]);
		for (const one of [...warm, ...all]) one.destroy();
		await stop(server);
	}
	report({ figure: '8', title: 'private memory per idle TLS connection, KiB (fresh process)', head: ['connection', 'open', 'KiB each', 'goal'], rows,
		goals: [{ what: 'HTTP/2', value: seen['HTTP/2, idle after one request'], goal: 24, step: 48 }, { what: 'WebSocket', value: seen.WebSocket, goal: 32, step: 32 }], raw: seen });
}

const percentile = (sorted, p) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))];

/** One person's streams beside many strangers'. The clock runs from the event's answer, which comes after COMMIT, to the last byte of it on each stream; when
 * the stream was quicker than the answer it counts as 0. */
export async function figure_10({ n = 1000, rounds = 200 }) {
	const { state } = filled_state(1000);
	const d = department(state), token = citizen_token(state), strangers = [];
	for (let i = 0; i < 20; i++) strangers.push(command(state, 'token', '--dev', '--citizen', stranger(i)));
	const server = await serve('live', state, { loops: 0, 'stream.per_person': 1000, 'stream.connections': 20000 }, { cpu: null });
	const sessions = await many(Math.ceil(n / 90), 20, async () => session_to(server.port));
	let hear = () => {};
	await many(n, 50, (i) => (i % 3 === 0 ? websocket(server.port, strangers[i % 20], () => {}) : event_stream(sessions[i % sessions.length], strangers[i % 20], () => {})));
	const told = (e) => hear(e);
	const session = session_to(server.port), own = 4;
	for (let i = 0; i < own / 2; i++) {
		await websocket(server.port, token, told);
		await event_stream(session, token, told);
	}
	const post = session_to(server.port), times = [], key = process.pid;
	for (let seq = 1; seq <= rounds; seq++) {
		const body = JSON.stringify({ event_id: `f10-${key}-${seq}`, case_ref: `F10-${key}`, seq, event: seq === 1 ? 'received' : seq === 2 ? 'accepted' : seq % 2 === 1 ? 'paused' : 'resumed',
			occurred_at: new Date().toISOString(), ...(seq === 1 ? { matter: d.matter, region: d.region, applicant: { id_type: 'resident', id_number: CITIZEN } } : {}) });
		let left = own, committed = null;
		const done = new Promise((resolve) => {
			hear = (e) => {
				if (e.data.seq !== seq || e.data.case_no === undefined) return;
				times.push({ at: performance.now(), seq });
				if (--left === 0) resolve();
			};
		});
		await new Promise((resolve, reject) => {
			const r = post.request({ ':method': 'POST', ':path': '/v1/department/events', authorization: `Bearer ${d.token}`, 'content-type': 'application/json', 'idempotency-key': `f10-${key}-${seq}` });
			r.once('response', (head) => {
				committed = performance.now();
				if (head[':status'] !== 201) reject(new Error(`event ${seq}: ${head[':status']}`));
			});
			r.on('error', reject).on('end', resolve).resume();
			r.end(body);
		});
		await done;
		for (const t of times) if (t.seq === seq) t.ms = Math.max(0, t.at - committed);
	}
	const sorted = times.map((t) => t.ms).sort((a, b) => a - b);
	report({ figure: '10', title: `event committed -> on the person's ${own} open streams, beside ${n} of strangers, ${rounds} events`, head: ['p50 ms', 'p99 ms', 'most ms'],
		rows: [[percentile(sorted, 0.5).toFixed(2), percentile(sorted, 0.99).toFixed(2), sorted.at(-1).toFixed(2)]],
		goals: [{ what: 'p99 to one person', value: percentile(sorted, 0.99), goal: 50, step: 50 }], raw: { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99) } });
	for (const s of [...sessions, session, post]) s.destroy();
	await stop(server);
}

/** Made-up residents with right check characters. */
function stranger(i) {
	const body = `62120219850301${String(100 + i)}`, weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
	return body + '10X98765432'[[...body].reduce((sum, digit, at) => sum + Number(digit) * weights[at], 0) % 11];
}
