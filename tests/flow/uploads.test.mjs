// Goal: a file goes by in pieces and costs the gateway two buffers, whatever its size: judged, cleaned, sealed, kept once; everything that is no picture or document,
// too large, too many at a time, or brought by a stranger is refused; what an application lacks is named, and its department reads what was handed in and nothing else.
// Method: pictures made here byte by byte, over HTTP/2 and HTTP/1.1; clients that dribble, hang up and send for ever; memory read from /proc.
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { assert_problem, id_number, world } from './lib/cases.mjs';
import { h1_request } from './lib/clients.mjs';
import { gateway } from './lib/gateway.mjs';
import { chunk, exif, jpeg, large_png, pdf, png, segment } from './lib/media.mjs';
import { source_dir } from './lib/openapi.mjs';
import { on_postgres } from './lib/stores.mjs';
import { until } from './lib/until.mjs';

const MIB = 1 << 20;
const g = await gateway({ settings: { 'rate.write': 0, 'rate.read': 0, 'rate.public': 0, 'rate.department': 0 },
	environment: { ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:quarantine_size_mb=1` } }); // what was freed is not to count as memory in use
const w = await world(g);
const sample = JSON.parse(readFileSync(path.join(source_dir, 'tests/unit/data/guide.json'), 'utf8'));
const guide = (more = {}) => ({ ...structuredClone(sample), code: w.matter.code, department: w.matter.department.code, region: w.region, places: [], ...more });
async function load(one) {
	const file = path.join(g.state, 'guides.jsonl');
	writeFileSync(file, `${JSON.stringify(one)}\n`);
	return g.command('import', 'guides', file);
}
await load(guide());

let people = 800;
const somebody = () => g.citizen(id_number(people++));
const token = await somebody(), stranger = await somebody();
const begin = async (as = token) => {
	const made = await g.ask('POST', '/v1/applications', { token: as, key: randomUUID(), body: { matter: w.matter.code } });
	assert.equal(made.status, 201, made.text);
	return `/v1/applications/${made.json.id}`;
};
const up = (at, body, { number = 1, as = token, key = randomUUID(), type = 'image/png', ...more } = {}) => g.ask('POST', `${at}/materials/${number}`, { token: as, key, body, type, ...more });
const refused = async (at, body, reason, more) => assert.equal(assert_problem(await up(at, body, more), 422, 'media_refused').json.reason, reason);

// All of it, part by part. Text is what the client makes of the answer, so lengths and digests come from what is known of pure ASCII.
async function whole(target, as) {
	let text = '', total = Infinity;
	for (let at = 0; at < total;) {
		const part = await g.get(`${target}?at=${at}`, { token: as });
		assert.ok([200, 206].includes(part.status), part.text);
		const [, first, last, bytes] = part.headers['content-range']?.match(/^bytes (\d+)-(\d+)\/(\d+)$/) ?? [null, 0, part.text.length - 1, part.text.length];
		assert.equal(Number(first), at);
		text += part.text;
		at = Number(last) + 1;
		total = Number(bytes);
	}
	return text;
}
const resident_kib = () => Number(readFileSync(`/proc/${g.child.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]);
const blob_count = () => Number(g.sql('SELECT COUNT(*) FROM blob'));

for (const via of ['h2', 'h1'])
	test(`over ${via}: judged, cleaned, kept once, read again, taken away`, async () => {
		const as = await somebody(), at = await begin(as), before = blob_count();
		const photo = jpeg({ extra: [exif({ orientation: 6, text: 'GPS 33.4N 104.9E' }), segment(0xfe, Buffer.from('camera of 王小明'))], tail: Buffer.from('a film behind it') });
		const made = await up(at, photo, { as, via, type: 'image/jpeg' });
		assert.equal(made.status, 201, made.text);
		assert.deepEqual([made.json.material, made.json.media, made.json.edition, made.headers.etag], [1, 'image/jpeg', 2, '"2"']);
		// the same again is the one that is there
		const again = await up(at, photo, { as, via, type: 'image/jpeg' });
		assert.deepEqual([again.status, again.json.id, again.json.edition], [200, made.json.id, 2]);
		// a repeat hears the same; another file under its key does not
		const key = randomUUID(), scan = png({ extra: [chunk('tEXt', Buffer.from('Author\0王小明'))] });
		const first = await up(at, scan, { as, via, number: 2, key });
		const repeat = await up(at, scan, { as, via, number: 2, key });
		assert.deepEqual([first.status, repeat.status, repeat.headers['idempotency-replayed'], repeat.json.id], [201, 201, 'true', first.json.id]);
		assert_problem(await up(at, png({ fill: 3 }), { as, via, number: 2, key }), 422, 'idempotency_key_reused');
		assert.equal(blob_count(), before + 2);
		const paper = pdf({ stream: 'x'.repeat(300000) });
		const long = await up(at, paper, { as, via, number: 2, type: 'application/pdf' });
		assert.deepEqual([long.status, long.json.bytes], [201, paper.length]);
		const text = await whole(`${at}/materials/${long.json.id}`, as);
		assert.equal(createHash('sha256').update(text).digest('hex'), createHash('sha256').update(paper).digest('hex'));
		const shown = (await g.get(at, { token: as })).json;
		assert.deepEqual(shown.materials.map((m) => [m.id, m.material]), [[made.json.id, 1], [first.json.id, 2], [long.json.id, 2]]);
		assert.deepEqual(shown.open, []);
		const picture = (await g.get(`${at}/materials/${made.json.id}`, { token: as })).text;
		assert.ok(!picture.includes('GPS') && !picture.includes('camera') && !picture.includes('film'));
		// strangers
		assert_problem(await up(at, scan, { as: stranger, via }), 404, 'not_found');
		assert_problem(await g.get(`${at}/materials/${made.json.id}`, { token: stranger }), 404, 'not_found');
		assert_problem(await g.ask('DELETE', `${at}/materials/${made.json.id}`, { token: stranger }), 404, 'not_found');
		assert.equal((await g.ask('DELETE', `${at}/materials/${made.json.id}`, { token: as, via })).status, 204);
		assert_problem(await g.get(`${at}/materials/${made.json.id}`, { token: as }), 404, 'not_found');
		assert.deepEqual((await g.get(at, { token: as })).json.open, [{ pointer: '/materials/1', reason: 'missing' }]);
		assert_problem(await g.ask('POST', `${at}/submit`, { token: as, key: randomUUID() }), 422, 'invalid_form');
	});

test('handed in with its files, which its department reads on record; what came later it does not see', async () => {
	const at = await begin(), file = (await up(at, png())).json.id;
	const done = await g.ask('POST', `${at}/submit`, { token, key: randomUUID() });
	assert.equal(done.status, 201, done.text);
	assert_problem(await up(at, png({ fill: 1 })), 409, 'application_state');
	const { case_no } = done.json, target = `/v1/department/cases/${case_no}`;
	const read = (await g.get(`${target}/application`, { token: w.department })).json;
	assert.deepEqual(read.materials.map((m) => m.id), [file]);
	assert.equal((await g.get(`${target}/materials/${file}`, { token: w.department })).status, 200);
	assert_problem(await g.get(`${target}/materials/${file}`, { token: w.other_department }), 404, 'not_found');
	assert.equal(g.sql(`SELECT COUNT(*) FROM audit a JOIN cases c ON c.id = a.subject_id WHERE a.act = 134 AND c.case_no = '${case_no}'`), '1');
	const back = await g.ask('POST', '/v1/department/events', { token: w.department, key: randomUUID(),
		body: { event_id: randomUUID(), case_ref: case_no, seq: 2, event: 'pre_returned', occurred_at: new Date().toISOString(), demand: { days: 5, items: [{ material: 1, reason: '看不清' }] } } });
	assert.equal(back.status, 201, back.text);
	const later = (await up(at, png({ fill: 2 }), { number: 2 })).json.id;
	assert_problem(await g.get(`${target}/materials/${later}`, { token: w.department }), 404, 'not_found');
	assert.equal((await g.ask('DELETE', `${at}/materials/${file}`, { token })).status, 204);
	assert.equal((await g.get(`${target}/materials/${file}`, { token: w.department })).status, 200); // it was handed in
	assert.equal((await up(at, png({ fill: 4 }))).status, 201);
	assert.equal((await g.ask('POST', `${at}/submit`, { token, key: randomUUID() })).json.submission, 2);
	assert.equal((await g.get(`${target}/application`, { token: w.department })).json.materials.length, 2);
});

test('what is no picture or document', async () => {
	const at = await begin();
	for (const [body, reason] of [[Buffer.alloc(0), 'empty'], [Buffer.from('GIF89a, or so'), 'neither_jpeg_png_nor_pdf'], [Buffer.from('MZ\x90\0 a program'), 'neither_jpeg_png_nor_pdf'],
		[png({ width: 30000, height: 30000 }), 'too_many_pixels'], [png({ width: 8000, height: 8000 }), 'too_many_pixels'], [png({ width: 0 }), 'no_size'],
		[png().subarray(0, 60), 'ends_early'], [png({ extra: [chunk('ABCD')] }), 'broken_chunk'], [png({ extra: [Buffer.concat([chunk('gAMA', Buffer.alloc(4)).subarray(0, 12), Buffer.alloc(4)])] }), 'wrong_checksum'],
		[jpeg({ width: 60000, height: 60000 }), 'too_many_pixels'], [jpeg().subarray(0, 40), 'ends_early'], [Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 1, 0, 0, 0]), 'broken_segment'],
		[pdf({ more: '/OpenAction << /S /JavaScript /JS (app.alert) >>' }), 'runs_script'], [pdf({ more: '/#4a#53 (x)' }), 'runs_script'], [pdf({ more: '/Names << /EmbeddedFiles 3 0 R >>' }), 'embeds_files'],
		[pdf().subarray(0, 60), 'broken_objects'], [Buffer.concat([pdf(), Buffer.from('x')]), 'broken_end']])
		await refused(at, body, reason);
	assert_problem(await up(at, png(), { type: 'text/html' }), 415, 'unsupported_media_type');
	assert_problem(await up(at, png(), { number: 3 }), 422, 'invalid_field');
	assert_problem(await up(at, png(), { number: 0 }), 404, 'not_found');
	assert_problem(await up(at, png(), { key: null }), 400, 'idempotency_key_missing');
	assert_problem(await g.ask('POST', `${at}/materials/1`, { key: randomUUID(), body: png(), type: 'image/png' }), 401, 'login_required');
	assert.equal((await g.get(at, { token })).json.edition, 1); // nothing of it stayed
});

test('too large: said at once when it is announced, and before it is all here when it is not', async () => {
	const at = await begin(), big = large_png(11 * MIB);
	const announced = { authorization: `Bearer ${token}`, 'idempotency-key': randomUUID(), 'content-type': 'image/png', 'content-length': big.length };
	assert_problem(await g.h2.open('POST', `${at}/materials/1`, announced).answer, 413, 'body_too_large');
	assert_problem(await h1_request(g, 'POST', `${at}/materials/1`, { headers: { ...announced, 'content-length': undefined }, announce: big.length }), 413, 'body_too_large');
	// a gigabyte without a length, as long as somebody takes it
	const stream = g.h2.open('POST', `${at}/materials/1`, { authorization: `Bearer ${token}`, 'idempotency-key': randomUUID(), 'content-type': 'image/png' });
	const noise = big.subarray(0, MIB), before = resident_kib();
	let sent = 0, over = false;
	stream.answer.then(() => { over = true; }, () => { over = true; });
	while (!over && sent < 1024) {
		sent++;
		if (!stream.write(noise)) await Promise.race([new Promise((resolve) => stream.once('drain', resolve)), stream.answer.catch(() => {})]);
	}
	const answer = await stream.answer.catch((e) => e);
	stream.close();
	assert.ok(answer.status === 413 || answer.rstCode !== undefined, answer.text);
	assert.ok(sent < 64, `${sent} MiB went out`);
	assert.ok(resident_kib() - before < 8 * 1024, `${before} -> ${resident_kib()} KiB`);
});

test('memory stays flat: many megabytes through four streams', async () => {
	const bodies = large_png((on_postgres ? 1 : 4) * MIB), owners = await Promise.all([0, 1].map(async () => { const as = await somebody(); return { as, at: await begin(as) }; }));
	await up(owners[0].at, bodies, { as: owners[0].as });
	const before = resident_kib();
	for (let round = 0; round < (on_postgres ? 1 : 4); round++)
		await Promise.all(owners.flatMap(({ as, at }) => [1, 2].map(async (number) => {
			const answer = await up(at, bodies, { as, number });
			assert.ok([200, 201].includes(answer.status), answer.text);
		})));
	assert.ok(resident_kib() - before < 12 * 1024, `${before} -> ${resident_kib()} KiB`);
});

test('two at a time; one that dribbles holds nobody up, and one that hangs up leaves nothing', async () => {
	const at = await begin(), head = { authorization: `Bearer ${token}`, 'content-type': 'image/png' };
	const bytes = large_png(200000), begun = [];
	// One that a busy database turned away is begun anew.
	const open_one = () => {
		const stream = g.h2.open('POST', `${at}/materials/1`, { ...head, 'idempotency-key': randomUUID() });
		const gone = () => { stream.is_over = true; };
		stream.answer.then(gone, gone);
		stream.write(bytes.subarray(0, 100000));
		begun.push(stream);
	};
	await until('both are under way', async () => {
		while (begun.filter((stream) => !stream.is_over).length < 2) open_one();
		return (await up(at, png())).status === 429;
	});
	const open = begun.filter((stream) => !stream.is_over);
	assert_problem(await up(at, png()), 429, 'too_many_uploads');
	const other = await somebody();
	assert.equal((await up(await begin(other), png(), { as: other })).status, 201);
	open[0].close(8);
	await until('there is room again', async () => (await up(at, png({ fill: 9 }))).status === 201);
	open[1].end(bytes.subarray(100000));
	assert.equal((await open[1].answer).status, 201);
	if (!on_postgres) {
		const files = (folder) => readdirSync(folder, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? files(path.join(folder, e.name)) : [path.join(folder, e.name)]));
		await until('what was begun is gone', async () => files(path.join(g.state, 'blobs')).every((f) => !f.endsWith('.part') && statSync(f).size > 0));
		const text = Buffer.concat(files(path.join(g.state, 'blobs')).map((f) => readFileSync(f)));
		assert.ok(!text.includes('IHDR') && !text.includes('%PDF')); // sealed
	}
});
