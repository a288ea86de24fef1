// Goal: the command line does what the operator was told: commands beside a running gateway, before it, and with wrong words; and what
// is only for development stays there.
import assert from 'node:assert/strict';
import { existsSync, renameSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { assert_problem, id_number } from './lib/cases.mjs';
import { admin_request, control_request } from './lib/clients.mjs';
import { Gateway, gateway } from './lib/gateway.mjs';
import { on_postgres, sql_bytes } from './lib/stores.mjs';

const g = await gateway();
const failing = (...words) => g.command(...words).then(() => assert.fail(`siban ${words.join(' ')} should fail`), (e) => e);

test('token prints a token and nothing else', async () => {
	const token = await g.command('token', '--dev', '--citizen', id_number(3));
	assert.match(token, /^sbc_[\w-]{43}$/);
	assert.equal((await g.get('/v1/cases', { token })).status, 200);
	const { items } = (await g.get('/v1/matters?limit=1')).json;
	assert.match(await g.command('token', '--dev', '--department', items[0].department.code), /^sbd_[\w-]{43}$/);
	assert.ok((await failing('token', '--dev', '--department', 'no-such')).stderr.length > 10);
	assert.ok((await failing('token', '--citizen', id_number(3))).stderr.includes('--dev'));
	assert.ok((await failing('token', '--dev', '--citizen', '123')).stderr.length > 10);
});

test('import says what changed, and a wrong line by its number, without touching anything', async () => {
	const file = path.join(g.state, 'regions.csv');
	writeFileSync(file, 'code,name,level,parent\n620000,甘肃省,1,\n');
	assert.match(await g.command('import', 'regions', file), /^regions: 1 rows, 0 changed$/);
	writeFileSync(file, 'code,name,level,parent\n620000,甘肃,1,\n62x,坏,2,620000\n');
	const e = await failing('import', 'regions', file);
	assert.match(e.stderr, /line 3, code: not_a_region_code/);
	assert.equal((await g.get('/v1/regions/620000')).json.name, '甘肃省');
	assert.ok((await failing('import', 'planets', file)).stderr.length > 10);
	assert.ok((await failing('import', 'regions', `${file}.none`)).stderr.includes('No such file'));
});

test('import refuses what is no table, and says where', async () => {
	const file = path.join(g.state, 'odd.csv'), header = 'code,name,level,parent';
	const rows = Array.from({ length: 1500 }, (_, i) => `620000,"甘肃\n省${i}",1,`);
	for (const [text, what] of [['', /line 1, code: no_header_line/], ['hello', /line 1, code: not_the_expected_header/], [`${header}\r620000,甘肃省,1,\r`, /line 1, field 4: lone_cr/],
		[`${header}\n620000,甘"肃,1,\n`, /line 2, field 2: stray_quote/], [`\ufeff${header}\n620000,甘肃省,1,\n620000,甘肃省,2,\n`, /line 3, level: not_the_code's_level/],
		[`${header}\n${rows.map((row) => row.replace('\n', '')).join('\n')}\n620000,"甘""肃,1,\n`, /line 1502, field 2: quote_not_closed/],
		[`${header}\n${rows.join('\n')}\n`, /line 2, name: control_character/],
		[`${header}\n620000,甘肃省,1,\n620000,甘"肃,1,\n${'620000,甘肃省,1,\n'.repeat(80000)}`, /line 3, field 2: stray_quote/]]) {
		writeFileSync(file, text);
		assert.match((await failing('import', 'regions', file)).stderr, what);
	}
	writeFileSync(file, `${header}\n`);
	assert.match(await g.command('import', 'regions', file), /^regions: 0 rows, 0 changed$/);
	assert.equal((await g.get('/v1/regions/620000')).json.name, '甘肃省');
});

test('a lost key is not replaced by a new one, which would only hide the loss', async () => {
	const own = await Gateway.start({ data: false });
	await own.stop();
	const key = path.join(own.state, 'keys/vault.keys');
	renameSync(key, `${key}.away`);
	const e = await own.command('migrate').then(() => assert.fail('siban migrate should fail'), (error) => error);
	assert.match(e.stderr, /vault\.keys is not there: restore it/);
	assert.ok(!existsSync(key));
	renameSync(`${key}.away`, key);
	assert.match(await own.command('migrate'), /schema/);
});

test('check names every wrong line', async () => {
	const e = await failing('check', '--set', 'listen.port=0', '--set', 'no.such=1', '--set', 'log.level=loud');
	for (const name of ['listen.port', 'no.such', 'log.level']) assert.ok(e.stderr.includes(name));
	await g.command('check');
});

test('a second gateway on the same folder is refused', async () => {
	const e = await failing('serve', '--set', `listen.port=${g.public_port}`);
	assert.match(e.stderr, /lock|another|running/i);
});

test('secrets of the state folder are for their owner only', () => {
	for (const name of ['keys/vault.keys', 'control.sock', ...(on_postgres ? [] : ['siban.db'])])
		assert.equal(statSync(path.join(g.state, name)).mode & 0o077, 0, name);
});

test('without development its tokens, faults and token maker are gone', async () => {
	const own = await gateway();
	const token = await own.citizen(id_number(4));
	await own.kill();
	own.configure({ development: 'false' });
	await own.serve();
	assert_problem(await own.get('/v1/cases', { token }), 401, 'invalid_token');
	assert_problem(await own.control('POST', '/control/faults', { switch: 'send=1' }), 403, 'forbidden');
	assert_problem(await own.control('POST', '/control/tokens', { kind: 'citizen', id_number: id_number(4) }), 403, 'forbidden');
});

test('the control socket takes no more than it should', async () => {
	assert_problem(await g.control('POST', '/control/faults', { switch: 'no_such=1' }), 422, 'invalid_field');
	assert_problem(await g.control('POST', '/control/tokens', { kind: 'king' }), 422, 'invalid_field');
	assert.equal((await control_request(g, 'POST', '/control/nothing', { body: '{}' })).status, 404);
	const large = await control_request(g, 'POST', '/control/imports/regions?line=2&dry=1', { announce: 2 << 20, headers: { 'content-type': 'text/csv' } });
	assert_problem(large, 413, 'body_too_large');
});

test('offline commands work when no gateway runs', async () => {
	const own = await Gateway.start({ data: false });
	await own.stop();
	const token = await own.command('token', '--dev', '--citizen', id_number(5));
	await own.serve();
	assert.equal((await own.get('/v1/cases', { token })).status, 200);
	assert.equal((await admin_request(own, 'GET', '/livez')).status, 200);
	await own.stop();
});

test('a server that its own tools brought back is met by its restore: whole, and nothing is sent by itself', { skip: !on_postgres && 'a file has its own backup' }, async () => {
	const own = await Gateway.start({ data: false });
	assert.match((await own.command('backup', path.join(own.state, 'backup')).then(() => assert.fail('no file of ours'), (e) => e)).stderr, /pg_basebackup/);
	await own.stop();
	own.sql(`INSERT INTO effect (id, key, kind, state, subject, waits, held_by, person, message, attempts, rung, asks, due_ms, expires_ms, done_ms, receipt, code, ref, made_ms, changed_ms)
		VALUES (1, ${sql_bytes('0123456789abcdef')}, 1, 2, '', 0, 0, 0, 0, 1, 0, 0, 4102444800000, 4102444900000, 0, 0, '', '', 0, 0)`);
	own.sql(`INSERT INTO effect_payload (effect, payload) VALUES (1, ${sql_bytes('x')})`);
	const out = await own.command('restore');
	assert.match(out, /whole and sealed up to \d+[^]*1 open effects are held/);
	assert.equal(own.sql('SELECT state FROM effect'), '6');
	const refused = await own.command('restore', own.state).then(() => assert.fail('a folder is no server'), (e) => e);
	assert.match(refused.stderr, /siban restore without a folder/);
	own.sql(`INSERT INTO person (id, kind, facts, made_ms) VALUES (7, 0, ${sql_bytes('')}, 1)`);
	own.sql(`INSERT INTO blob (id, person, name, content_hash, bytes, media, made_ms, head) VALUES (1, 7, ${sql_bytes('a blob, 16 bytes')}, ${sql_bytes('x')}, 1, 'a/b', 1, ${sql_bytes('x')})`);
	assert.match((await own.command('restore').then(() => assert.fail('a row without its bytes'), (e) => e)).stderr, /blob 6120626c6f622c203136206279746573 is missing/);
	own.sql('DELETE FROM blob');
	await own.serve();
	assert.match(await own.command('effects', 'list', '--state', 'held'), /restore/);
	await own.stop();
});
