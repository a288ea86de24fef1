// Goal: `siban seal` tells the truth: beside a running gateway, without one, against a noted head, and about a database that somebody altered.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import test from 'node:test';
import { Case, world } from './lib/cases.mjs';
import { Gateway, gateway, siban } from './lib/gateway.mjs';
import { on_postgres } from './lib/stores.mjs';
import { until } from './lib/until.mjs';

const g = await gateway();
const w = await world(g);

// A command with everything it says.
const say = (g, ...words) => run(...words, '--config', g.conf);

function run(...words) {
	return new Promise((resolve) => {
		const child = spawn(siban, words);
		let out = '', err = '';
		child.stdout.on('data', (d) => { out += d; });
		child.stderr.on('data', (d) => { err += d; });
		child.on('close', (code) => resolve({ code, out, err }));
	});
}

const sealed = (g) => until('everything is sealed', async () => (await g.control('POST', '/control/seal/head')).json.unsealed === 0);
const head_of = (out) => /^head (\d+:[0-9a-f]{64})$/m.exec(out)[1];

test('beside a running gateway: what is sealed, where it ends, what waits', async () => {
	for (let i = 0; i < 5; i++) await new Case(g, w).live('submitted', 'received', 'accepted');
	await sealed(g);
	const head = await say(g, 'seal', 'head');
	assert.equal(head.code, 0, head.err);
	assert.match(head.out, /^head \d+:[0-9a-f]{64}\nsealed at \S+\+08:00 with sha256\nunsealed 0\n$/);
	const all = await say(g, 'seal', 'verify');
	assert.equal(all.code, 0, all.err);
	const { groups } = /^verified (?<seals>\d+) seals and (?<records>\d+) records: all as it was written$/m.exec(all.out);
	assert.equal(groups.seals, groups.records, 'each fact has its record');
	assert.equal(head_of(all.out).split(':')[0], groups.seals);
	assert.match(all.err, /seals: \d+ of \d+ \(100 %\), \d+ rows\/s/);
	assert.match(all.err, /case_event: 15 of 15 \(100 %\)/);
});

test('a noted head is a place to go on from, and shows when it is not there any more', async () => {
	await sealed(g);
	const noted = head_of((await say(g, 'seal', 'head')).out);
	await new Case(g, w).live('submitted', 'received');
	await sealed(g);
	const since = await say(g, 'seal', 'verify', '--from', noted);
	assert.equal(since.code, 0, since.err);
	assert.match(since.out, /^verified 2 seals and 0 records since the noted head: all as it was written$/m);
	const [seq, chain] = noted.split(':');
	const other = await say(g, 'seal', 'verify', '--from', `${seq}:${chain.replace(/.$/, (c) => (c === '0' ? '1' : '0'))}`);
	assert.equal(other.code, 1);
	assert.match(other.err, new RegExp(`seq ${seq}: the chain there is not the one that was noted`));
	const beyond = await say(g, 'seal', 'verify', '--from', `${Number(seq) + 1000}:${chain}`);
	assert.equal(beyond.code, 1);
	assert.match(beyond.err, new RegExp(`seq ${Number(seq) + 1000}: there is no such head: sealed records were taken away`));
	for (const wrong of [['seal'], ['seal', 'open'], ['seal', 'head', '--from', noted], ['seal', 'verify', '--from', '12'], ['seal', 'verify', '--from', `0:${chain}`], ['seal', 'verify', '--from', `${seq}:xyz`]])
		assert.equal((await say(g, ...wrong)).code, 2, wrong.join(' '));
});

test('events posted while it walks do not keep it from ending', async () => {
	let walking = true;
	const writers = Array.from({ length: 3 }, async () => { while (walking) await new Case(g, w).live('submitted', 'received'); });
	const all = await say(g, 'seal', 'verify');
	walking = false;
	await Promise.all(writers);
	assert.equal(all.code, 0, all.err);
});

test('what operators do is on record', async () => {
	await g.department(w.matter.department.code);
	await sealed(g);
	assert.equal((await say(g, 'seal', 'verify')).code, 0);
	const text = (await g.admin('/metrics')).text;
	assert.match(text, /siban_job_rows_total\{job="seal"\} [1-9]\d*/);
	assert.match(text, /siban_job_last_seconds\{job="seal"\} \d{10}/);
	assert.match(text, /siban_facts_unsealed 0/);
	assert.match(text, /siban_job_failures_total\{job="seal"\} 0/);
});

test('without a gateway, and about a copy that was altered', async () => {
	const own = await Gateway.start({ settings: { 'seal.hash': 'sm3' } }), ow = await world(own);
	for (let i = 0; i < 3; i++) await new Case(own, ow).live('submitted', 'received');
	await sealed(own);
	await own.stop();
	assert.ok(Number(own.sql("SELECT count(*) FROM audit WHERE act = 2 AND subject_kind = 3")) >= 3, 'imports are on record');
	assert.ok(Number(own.sql("SELECT count(*) FROM audit WHERE act = 1 AND result = 201")) >= 4, 'tokens are on record');
	const good = await say(own, 'seal', 'verify');
	assert.equal(good.code, 0, good.err);
	assert.match((await say(own, 'seal', 'head')).out, /with sm3/);
	// an offline command adds a fact that no gateway has sealed yet
	await own.command('token', '--dev', '--citizen', ow.person);
	const waits = await say(own, 'seal', 'verify');
	assert.equal(waits.code, 0);
	assert.match(waits.out, /^unsealed 1, the oldest from \d{4}-/m);

	const kept = ['case_event', 'audit', 'seal', 'fact'];
	const free = kept.map((table) => (on_postgres ? `ALTER TABLE ${table} DISABLE TRIGGER USER; ` : `DROP TRIGGER ${table}_no_update; DROP TRIGGER ${table}_no_delete; `)).join('');
	const seq_of = (seq) => Number(own.sql(`SELECT s.seq FROM seal s JOIN case_event e ON e.fact = s.fact WHERE e.case_id = 2 AND e.seq = ${seq}`));
	const seal_of_audit = Number(own.sql('SELECT s.seq FROM seal s JOIN audit a ON a.fact = s.fact ORDER BY a.id LIMIT 1'));
	const head = Number(head_of(good.out).split(':')[0]);
	const alterations = [
		["UPDATE case_event SET note = '已办结' WHERE case_id = 2 AND seq = 2", `seq ${seq_of(2)}: the record it stands for was changed (row_changed, case_event 2/2)`],
		['DELETE FROM case_event WHERE case_id = 2 AND seq = 2', `seq ${seq_of(2)}: the record it stands for is gone (row_gone, case_event 2/2)`],
		['UPDATE audit SET actor_id = 5 WHERE id = 1', `seq ${seal_of_audit}: the record it stands for was changed (row_changed, audit 1)`],
		[`DELETE FROM seal WHERE seq = ${head - 1}`, `seq ${head - 1}: the seal with this number is gone (seal_gone)`],
		[`UPDATE seal SET sealed_ms = sealed_ms - 1 WHERE seq = ${head}`, `seq ${head}: the chain does not follow`],
		['INSERT INTO case_event (case_id, seq, department, event_id, digest, event, state, occurred_ms, received_ms) SELECT case_id, 3, department, \'put-in\', digest, event, state, occurred_ms, received_ms FROM case_event WHERE case_id = 2 AND seq = 2',
			'a record without a fact: it was put in from outside (row_unknown, case_event 2/3)'],
	];
	for (const [alteration, words] of alterations) {
		const copy = await own.copy();
		copy.sql(free + alteration);
		const told = await say(own, 'seal', 'verify', ...copy.sets);
		copy.drop();
		assert.equal(told.code, 1, `${alteration}: ${told.out}`);
		assert.ok(told.err.includes(words), `${alteration}: ${told.err}`);
		assert.ok(!told.out.includes('all as it was written'));
	}
	// the end cut off, facts and records with it: only a noted head tells
	const copy = await own.copy();
	const fact = Number(copy.sql(`SELECT fact FROM seal WHERE seq = ${head - 1}`));
	copy.sql(`${free}DELETE FROM seal WHERE fact >= ${fact}; DELETE FROM fact WHERE id >= ${fact}; DELETE FROM case_event WHERE fact >= ${fact}; DELETE FROM audit WHERE fact >= ${fact}`);
	assert.equal((await say(own, 'seal', 'verify', ...copy.sets)).code, 0);
	const cut = await say(own, 'seal', 'verify', '--from', head_of(good.out), ...copy.sets);
	copy.drop();
	assert.equal(cut.code, 1);
	assert.match(cut.err, /there is no such head/);
	// the original is as it was, and another hash is refused
	assert.equal((await say(own, 'seal', 'verify')).code, 0);
	const other = await say(own, 'serve', '--set', 'seal.hash=sha256');
	assert.equal(other.code, 1);
	assert.match(other.err, /sealed with sm3: set it back/);
	// an auditor elsewhere has the database alone: no keys, no configuration of ours
	const alone = await own.copy({ alone: true });
	const audited = await run('seal', 'verify', ...alone.sets);
	assert.equal(audited.code, 0, audited.err);
	assert.equal(head_of(audited.out), head_of(good.out));
	alone.sql('DELETE FROM schema_migration WHERE number > 3');
	const older = await say(own, 'seal', 'verify', ...alone.sets);
	assert.equal(older.code, 1);
	assert.match(older.err, /schema 3 is not this siban's/);
	alone.drop();
});
