// Goal: docs/runbook.md is true: each command in it is one that siban knows, in that spelling, and does its work beside a running gateway, or says plainly why it cannot.
// Method: reads the commands out of the file and runs them one after the other; what stands in capitals is replaced.
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { gateway } from './lib/gateway.mjs';
import { source_dir } from './lib/openapi.mjs';
import { first, hire } from './lib/staff.mjs';
import { on_postgres } from './lib/stores.mjs';

const g = await gateway(), within = (name) => path.join(g.state, name);
const text = readFileSync(path.join(source_dir, 'docs/runbook.md'), 'utf8');
const commands = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap((m) => m[1].trimEnd().split('\n'));
const yesterday = new Date(Date.now() + 8 * 3600e3 - 86400e3).toISOString().slice(0, 10);
const replaced = { DAY: yesterday, FOLDER: within('copy'), TRIAL: within('trial'), FILE: within('statement.csv'), ID: '1', PHONE: '13800138000', ITEM: 'df_17', REGION: '621200', TOKEN: within('token') };

// What is said by a gateway that has no such effect, no account at an SMS platform, and is brought a file that is no statement; all others end well.
const refused = {
	'siban effects show ID': /没有找到/,
	'siban sms-test PHONE': /配置有误/,
	'siban reconcile load FILE --source wechat_trade --day DAY': /line 1, 交易时间: no_column/,
	...(on_postgres ? { 'siban backup FOLDER': /pg_basebackup/, 'siban restore FOLDER --to TRIAL': /./ } : {}),
};
const said = {
	'siban seal verify': /all as it was written/,
	'siban ledger verify': /every one sums to zero and is as it was written/,
	'siban callbacks list': /^0 callbacks wait$/m,
	'siban reconcile status --day DAY': /0 unexplained/,
	'siban reconcile settle ITEM explain 已与银行核对 --ours 0 --theirs 700 --region REGION --token-file TOKEN': /^pp_\w+ df_17: proposed/,
	'siban reconcile close --day DAY --region REGION --token-file TOKEN': /^pp_\w+ \S+: proposed/,
	'siban keys list': /current/,
	'siban outage declare --from DAY --to DAY 机房停电': /^declared/,
	'siban audit export --from DAY --to DAY': /"head":/,
	...(on_postgres ? {} : { 'siban restore FOLDER --to TRIAL': /siban effects release --all-restored/ }),
};

test('every command of the runbook', async () => {
	writeFileSync(replaced.FILE, '这不是账单\n');
	const clerk = await hire(await first(g, 'li.safe', 'security_admin'), await first(g, 'li.system', 'system_admin'), 'pay.one', '621200', 'payment_clerk');
	writeFileSync(replaced.TOKEN, `${clerk.token}\n`, { mode: 0o600 });
	await g.sql(`INSERT INTO recon_item (id, source, day, side, number, kind, ours, ours_fen, theirs_fen, line, division, at_ms, state, action, proposal, round, first_ms, changed_ms)
		VALUES (17, 1, 20000, 1, '42009', 2, 0, 0, 700, 2, 621202, 1, 1, 0, 0, 1, 1, 1)`); // of another day
	for (const line of commands) {
		if (line.includes('TRIAL')) {
			mkdirSync(replaced.TRIAL, { mode: 0o700 });
			cpSync(within('keys'), path.join(replaced.TRIAL, 'keys'), { recursive: true });
		}
		assert.match(line, /^siban /);
		const words = line.split(' ').slice(1).map((w) => replaced[w] ?? w);
		const end = await g.command(...words).then((stdout) => ({ code: 0, text: stdout }), (e) => ({ code: e.code, text: e.stderr + e.stdout }));
		assert.equal(end.code, refused[line] === undefined ? 0 : 1, `${line}: ${end.text}`);
		assert.match(end.text, refused[line] ?? said[line] ?? /(?:)/, line);
	}
	for (const line of [...Object.keys(refused), ...Object.keys(said)]) assert.ok(commands.includes(line), `the runbook has no ${line} any more`);
	assert.ok(commands.length >= 26);
});
