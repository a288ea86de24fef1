// Goal: `siban ledger verify` tells the truth beside a running gateway: about an empty ledger, and about a posting that somebody put in.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import test from 'node:test';
import { gateway, siban } from './lib/gateway.mjs';

const g = await gateway();

function say(...words) {
	return new Promise((resolve) => {
		const child = spawn(siban, [...words, '--config', g.conf]);
		let out = '', err = '';
		child.stdout.on('data', (d) => { out += d; });
		child.stderr.on('data', (d) => { err += d; });
		child.on('close', (code) => resolve({ code, out, err }));
	});
}

test('an empty ledger is right', async () => {
	const { code, out, err } = await say('ledger', 'verify');
	assert.equal(code, 0, err);
	assert.match(out, /^verified 0 postings in 0 journals: every one sums to zero and is as it was written\nhead \d+:[0-9a-f]{64}\n$/);
	for (const wrong of [['ledger'], ['ledger', 'open'], ['ledger', 'verify', 'twice']]) assert.equal((await say(...wrong)).code, 2, wrong.join(' '));
});

test('its questions take what they say and nothing else', async () => {
	for (const target of ['verify?journal=-1', 'verify?limit=1001', 'verify?other=1', 'balances?sum=x', 'balances?limit=0'])
		assert.equal((await g.control('POST', `/control/ledger/${target}`)).status, 400, target);
	const { json } = await g.control('POST', '/control/ledger/balances');
	assert.deepEqual([json.end, json.wrong, json.rows], [true, null, 0]);
});

test('a posting that was put in is found, and its journal named', async () => {
	await g.sql("INSERT INTO ledger_account (id, fact, kind, channel, division, unit, item, opened_ms) VALUES (1, 0, 1, 1, 0, '', '', 1)");
	const before = await say('ledger', 'verify');
	assert.equal(before.code, 1);
	assert.match(before.err, /ledger verify: a record without a fact: it was put in from outside \(row_unknown, ledger_account 1\)/);
	await g.sql('INSERT INTO ledger_posting (journal, n, account, amount_fen, day) VALUES (3, 1, 1, 500, 20000)');
	const { json } = await g.control('POST', '/control/ledger/verify');
	assert.deepEqual([json.wrong.what, json.wrong.journal, json.journal], ['orphan', 3, 3]);
});
