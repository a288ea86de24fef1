// tests/bench/lib/upload_figures.mjs - figure 21: files uploaded over HTTP/2, judged, cleaned, sealed and on the disk before they are answered; and what that holds in memory.
import crypto from 'node:crypto';
import fs from 'node:fs';
import http2 from 'node:http2';
import path from 'node:path';
import { chunk, large_png } from '../../flow/lib/media.mjs';
import { control, resident } from './booking_figures.mjs';
import { copied_state, filled_state, running, serve } from './daemon.mjs';
import { cpu_ns, median, sh, source_dir, stop, work_dir } from './machine.mjs';
import { report } from './report.mjs';

const MIB = 1 << 20, FILE_MIB = 8, AT_ONCE = 4, GROWTH_MIB = 16;
const resident_mib = (pid) => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;

/** The same bytes sealed in pieces of 64 KiB by one thread, written and synced: what no server can do without. */
function bare(bytes, files) {
	const began = process.cpuUsage(), from = process.hrtime.bigint(), folder = fs.mkdtempSync(path.join(work_dir, 'bare-'));
	for (let n = 0; n < files; n++) {
		const cipher = crypto.createCipheriv('aes-256-gcm', crypto.randomBytes(32), crypto.randomBytes(12)), file = fs.openSync(path.join(folder, String(n)), 'w');
		for (let at = 0; at < bytes.length; at += 65536) fs.writeSync(file, cipher.update(bytes.subarray(at, at + 65536)));
		fs.fsyncSync(file);
		fs.closeSync(file);
	}
	const wall = Number(process.hrtime.bigint() - from) / 1e9, cpu = process.cpuUsage(began);
	fs.rmSync(folder, { recursive: true });
	return { rate: (files * bytes.length) / MIB / wall, cpu: ((cpu.user + cpu.system) * 1000) / ((files * bytes.length) / MIB) };
}

function asked(session, target, headers, body) {
	return new Promise((resolve, reject) => {
		const stream = session.request({ ':method': 'POST', ':path': target, ...headers });
		let status, text = '';
		stream.on('response', (h) => { status = h[':status']; });
		stream.setEncoding('utf8');
		stream.on('data', (d) => { text += d; });
		stream.on('error', reject);
		stream.on('end', () => (status === 201 ? resolve(JSON.parse(text)) : reject(new Error(`${target}: ${status} ${text}`))));
		stream.end(body);
	});
}

/** A matter that takes files. */
async function applied(state, session, tokens) {
	const [code, department, region] = sh(['sqlite3', '-readonly', '-separator', '|', path.join(state, 'siban.db'), 'SELECT m.code, d.code, m.region FROM matter m JOIN department d ON d.id = m.department ORDER BY m.id LIMIT 1'])
		.trim().split('|');
	const sample = JSON.parse(fs.readFileSync(path.join(source_dir, 'tests/unit/data/guide.json'), 'utf8')), file = path.join(work_dir, 'guides.jsonl');
	fs.writeFileSync(file, `${JSON.stringify({ ...sample, code, department, region, places: [] })}\n`);
	await running(state, 'import', 'guides', file);
	return Promise.all(tokens.map(async (token, n) => `/v1/applications/${(await asked(session, '/v1/applications', { authorization: `Bearer ${token}`, 'content-type': 'application/json',
		'idempotency-key': `bench-application-${n}-${token.slice(-8)}` }, JSON.stringify({ matter: code }))).id}/materials/1`));
}

/** Each with bytes of its own: what was brought before is kept once, and is not what is measured. */
function pictures(bytes, count) {
	const head = bytes.subarray(0, 33), noise = bytes.subarray(41, bytes.length - 16);
	return Array.from({ length: count }, () => {
		const own = Buffer.from(noise);
		crypto.randomFillSync(own, 0, 4096);
		return Buffer.concat([head, chunk('IDAT', own), chunk('IEND')]);
	});
}

async function uploads(server, session, tokens, targets, bytes, files, peak) {
	const bodies = pictures(bytes, files);
	const before = cpu_ns(server.pid), from = process.hrtime.bigint();
	let next = 0;
	await Promise.all(Array.from({ length: AT_ONCE }, async (_unused, lane) => {
		for (let n; (n = next++) < files;) {
			const who = n % tokens.length;
			await asked(session[lane], targets[who], { authorization: `Bearer ${tokens[who]}`, 'content-type': 'image/png', 'idempotency-key': `bench-${process.pid}-${Date.now()}-${n}` }, bodies[n]);
			peak.mib = Math.max(peak.mib, resident_mib(server.pid));
		}
	}));
	const mib = (files * bytes.length) / MIB;
	return { rate: mib / (Number(process.hrtime.bigint() - from) / 1e9), cpu: (cpu_ns(server.pid) - before) / mib };
}

export async function figure_21({ n = 24, rounds = 3 } = {}) {
	const { state } = copied_state(filled_state(1000), 'uploads');
	const server = await serve('siban', state, { 'rate.write': 100000000 });
	const bytes = large_png(FILE_MIB * MIB - 4096);
	const sessions = Array.from({ length: AT_ONCE }, () => http2.connect(`https://127.0.0.1:${server.port}`, { rejectUnauthorized: false, settings: { initialWindowSize: 1 << 20 } }));
	const tokens = [];
	for (let i = 0; i < n; i++) tokens.push((await control(state, '/control/tokens', { kind: 'citizen', id_number: resident(500 + i) })).token);
	const targets = await applied(state, sessions[0], tokens);
	await uploads(server, sessions, tokens, targets, bytes, AT_ONCE, { mib: 0 }); /* what the first ones allocate stays */
	const base = resident_mib(server.pid), peak = { mib: base }, seen = [], anchors = [];
	for (let round = 0; round < rounds; round++) {
		anchors.push(bare(bytes, Math.min(n, 16)));
		seen.push(await uploads(server, sessions, tokens, targets, bytes, n, peak));
	}
	const middle = (list, of) => median(list.map((x) => x[of]));
	const growth = peak.mib - base;
	const row = (label, at_once, list) => [label, at_once, middle(list, 'rate').toFixed(0), (middle(list, 'cpu') / 1e6).toFixed(2)];
	report({ figure: '21', title: `files of ${FILE_MIB} MiB uploaded over HTTP/2, sealed and on the disk when answered; ${rounds} rounds of ${n}, ${(rounds * n * FILE_MIB) / 1024} GiB`,
		head: ['what', 'at a time', 'MiB a second', 'CPU ms per MiB'],
		rows: [row('siban: judged, cleaned, sealed, synced', AT_ONCE, seen), row('sealed and synced by one thread, no network', 1, anchors)],
		goals: [{ what: 'memory beyond that after the first files, MiB', value: growth, goal: GROWTH_MIB, step: GROWTH_MIB },
			{ what: 'CPU per MiB / the bare one', value: middle(seen, 'cpu') / middle(anchors, 'cpu'), goal: 4, step: 8 }], raw: { seen, anchors, base_mib: base, peak_mib: peak.mib } });
	for (const s of sessions) s.destroy();
	await stop(server);
}
