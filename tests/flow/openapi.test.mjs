// Goal: docs/openapi.yaml is a valid OpenAPI 3.1 document and says exactly what the gateway's table of routes says, both ways.
// (That every answer is as documented is checked in every flow test, by lib/openapi.mjs.)
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { id_number } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { answer_wrongs, document, operations, source_dir } from './lib/openapi.mjs';

const g = await gateway({ data: false });

test('it is valid by the meta-schema', async () => {
	assert.match(document.openapi, /^3\.1\./);
	const result = await new Validator().validate(readFileSync(path.join(source_dir, 'docs/openapi.yaml'), 'utf8'));
	// The meta-schema's format for a server's url does not know templates, which OpenAPI 3.1 (4.8.5) allows.
	const errors = (result.errors || []).filter((e) => !(/^\/servers\/\d+\/url$/.test(e.instancePath) && e.params.format === 'uri-reference'));
	assert.deepEqual(errors, []);
});

test('its operations are the routes, and the routes are its operations', async () => {
	const rows = (await g.command('version', '--routes')).split('\n').filter((row) => row.split(' ')[7] !== 'frames').map((row) => row.split(' ').slice(0, 5).join(' '));
	const documented = operations.map((o) => `${o.id} ${o.method} ${o.path} ${o.node.at['x-level'] ?? 0} ${o.node.at['x-right'] ?? '-'}`);
	// A parameter may bear another name in the document; its place is what counts.
	const plain = (list) => list.map((row) => row.replace(/:\w+/g, ':_')).sort();
	assert.deepEqual(plain(documented), plain(rows));
	assert.equal(new Set(operations.map((o) => o.id)).size, operations.length);
});

test('every reference leads somewhere, every schema compiles, every operation says its failures', () => {
	for (const operation of operations) {
		const statuses = Object.keys(operation.node.at.responses);
		assert.ok(statuses.some((s) => s.startsWith('2')), operation.id);
		assert.ok(operation.node.at.summary ?? operation.node.at.description, `${operation.id} says what it is for`);
		for (const status of statuses.filter((s) => /^\d+$/.test(s)))
			answer_wrongs({ method: operation.method, target: operation.path.replace(/:\w+/g, 'x'), status: Number(status), headers: { 'content-type': 'application/json' }, text: '{}' });
	}
});

test('what the operator’s doors refuse is documented too', async () => {
	assert.equal((await g.admin(`/livez?${'x'.repeat(20000)}`)).status, 414);
	for (const target of ['/livez', '/readyz', '/metrics', '/version']) {
		assert.equal((await g.admin(target, { headers: { x: 'y'.repeat(70000) } })).status, 431);
		assert.equal((await g.admin(target, { headers: { expect: 'the impossible' } })).status, 417);
	}
	await g.fault('store_full=1+');
	assert.equal((await g.control('POST', '/control/tokens', { kind: 'citizen', id_number: id_number(7) })).status, 507);
	await g.fault('store_full=');
});

test('a wrong answer would be noticed', () => {
	const right = { method: 'GET', target: '/v1/regions', status: 200, headers: { 'content-type': 'application/json' }, text: '{"items":[],"next_cursor":null}' };
	assert.ok(answer_wrongs({ ...right, status: 299 }).length > 0);
	assert.ok(answer_wrongs({ ...right, text: '{"items":[{"code":1}],"next_cursor":null}' }).length > 0);
	assert.ok(answer_wrongs({ ...right, headers: { 'content-type': 'text/html' } }).length > 0);
	assert.ok(answer_wrongs({ ...right, target: '/v1/nothing' }).length > 0);
});

test('the configuration reference and the sample are what the program prints', async () => {
	assert.equal(readFileSync(path.join(source_dir, 'docs/configuration.md'), 'utf8').trimEnd(), await g.command('check', '--reference'));
	assert.equal(readFileSync(path.join(source_dir, 'deploy/siban.conf.sample'), 'utf8').trimEnd(), await g.command('check', '--sample'));
});
