// Goal: a guide's life as people see it: what differs between its versions.
// Method: a catalogue of two matters by the command line, then the wire, used well and badly.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { assert_problem } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { source_dir } from './lib/openapi.mjs';

const g = await gateway({ settings: { 'rate.public': 0, 'rate.read': 0, 'rate.write': 0 } });
const { items } = (await g.get('/v1/matters?region=621200&limit=100')).json;
const matter = items[0], department = matter.department.code;
const sample = JSON.parse(readFileSync(path.join(source_dir, 'tests/unit/data/guide.json'), 'utf8'));
const guide = (more = {}) => ({ ...structuredClone(sample), code: matter.code, department, ...more });

async function load(kind, text) {
	const file = path.join(g.state, `${kind}.txt`);
	writeFileSync(file, text);
	return g.command('import', kind, file);
}
const load_guides = (...guides) => load('guides', guides.map((one) => `${JSON.stringify(one)}\n`).join(''));

await load('halls', 'code,name,region,address,hours,transport,phone\nH1,陇南市政务服务中心,621200,武都区,周一至周五 8:30-12:00,1 路公交,0939-0000000\n');
await load('windows', 'hall,kind,name\nH1,commerce,商事登记窗口\n');

test('what differs between two versions', async () => {
	const first = guide(), second = guide({ trips: 1 });
	second.materials.splice(1, 0, { name: '股东会决议', originals: 1, copies: 0, form: 'paper', source: 'applicant', may_follow: false });
	await load_guides(first);
	await load_guides(second);
	const target = `/v1/matters/${matter.code}/guides/diff`;
	const { status, json, headers } = await g.get(`${target}?from=1&to=2`);
	assert.equal(status, 200);
	assert.deepEqual(json, { matter: matter.code, from: 1, to: 2, more: false, changes: [
		{ pointer: '/materials/1', before: null, after: second.materials[1] }, { pointer: '/trips', before: 0, after: 1 }] });
	const back = (await g.get(`${target}?from=2&to=1`)).json.changes;
	assert.deepEqual(back, [{ pointer: '/materials/1', before: second.materials[1], after: null }, { pointer: '/trips', before: 1, after: 0 }]);
	assert.deepEqual((await g.get(`${target}?from=2&to=2`)).json.changes, []);
	assert.equal((await g.get(`${target}?from=1&to=2`, { headers: { 'if-none-match': headers.etag } })).status, 304);
	assert.equal(assert_problem(await g.get(`${target}?from=1`), 400, 'invalid_query').json.pointer, 'to');
	assert.equal(assert_problem(await g.get(`${target}?from=0&to=2`), 400, 'invalid_query').json.pointer, 'from');
	assert_problem(await g.get(`${target}?from=1&to=3`), 404, 'not_found');
	assert_problem(await g.get('/v1/matters/none/guides/diff?from=1&to=2'), 404, 'not_found');
});
