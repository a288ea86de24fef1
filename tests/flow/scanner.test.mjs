// Goal: where a scanner is configured no file passes it unscanned: what it finds out is refused and nothing of it stays; while it is away, silent or talks nonsense, the upload
// is refused with 503 and can be made again; other requests are answered meanwhile.
// Method: a daemon that knows the EICAR string, in each of its moods; a PDF that carries it; rows and folders afterwards.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { EICAR, clamd } from '../sandbox/peers/clamd.mjs';
import { assert_problem, id_number, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { large_png, pdf, png } from './lib/media.mjs';
import { source_dir } from './lib/openapi.mjs';
import { files_below, on_postgres } from './lib/stores.mjs';

const folder = mkdtempSync(path.join(os.tmpdir(), 'siban-clamd-'));
const at_path = path.join(folder, 'clamd.ctl');
const scanner = await clamd({ path: at_path });
after(async () => {
	await scanner.close();
	rmSync(folder, { recursive: true, force: true });
});
const g = await gateway({ settings: { 'scanner.clamd': at_path, 'scanner.timeout': 300, 'rate.write': 0, 'rate.read': 0, 'rate.public': 0 } });
const w = await world(g);
const sample = JSON.parse(readFileSync(path.join(source_dir, 'tests/unit/data/guide.json'), 'utf8'));
const file = path.join(g.state, 'guides.jsonl');
writeFileSync(file, `${JSON.stringify({ ...sample, code: w.matter.code, department: w.matter.department.code, region: w.region, places: [] })}\n`);
await g.command('import', 'guides', file);
const token = await g.citizen(id_number(741));
const { json: { id } } = await g.ask('POST', '/v1/applications', { token, key: randomUUID(), body: { matter: w.matter.code } });
const up = (body, key = randomUUID(), type = 'application/pdf') => g.ask('POST', `/v1/applications/${id}/materials/1`, { token, key, body, type });
const kept = () => (on_postgres ? Number(g.sql('SELECT COUNT(*) FROM blob_body')) : [...files_below(g.state)].filter((one) => one.name.includes('blobs')).length);

test('clean, harmful, and as large as may be', async () => {
	const before = kept();
	const bad = assert_problem(await up(pdf({ stream: EICAR })), 422, 'harmful_file');
	assert.ok(!bad.text.includes('Eicar'));
	assert.equal(kept(), before);
	assert.equal((await up(pdf({ stream: 'harmless' }))).status, 201);
	const big = large_png(9 << 20);
	assert.equal((await up(big, randomUUID(), 'image/png')).status, 201);
	assert.ok(scanner.seen.at(-1) > 9 << 20);
	assert.match(g.log(), /"ev":"scan_found".*"what":"Eicar-Test-Signature"/);
	assert.match((await g.admin('/metrics')).text, /siban_scans_total\{end="found"\} 1/);
});

for (const mood of ['gone', 'nonsense', 'half', 'silent'])
	test(`it is ${mood}: nothing passes, and the same key works when it is well again`, async () => {
		const key = randomUUID(), paper = pdf({ stream: `paper of ${mood}` }), before = kept();
		scanner.mood = mood;
		const [refused, other] = await Promise.all([up(paper, key), g.get('/v1/regions?limit=1')]);
		assert.equal(other.status, 200);
		assert.ok(Number(assert_problem(refused, 503, 'scanner_away').headers['retry-after']) > 0);
		assert.equal(kept(), before);
		scanner.mood = 'well';
		assert.equal((await up(paper, key)).status, 201);
	});

test('nobody is there', async () => {
	await scanner.close();
	assert_problem(await up(png(), randomUUID(), 'image/png'), 503, 'scanner_away');
	assert.equal((await g.get(`/v1/applications/${id}`, { token })).json.materials.length, 6);
});
