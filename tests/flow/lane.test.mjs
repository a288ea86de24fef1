// Goal: nobody holds the write lane for long: imports, receipts, the exchange of keys and sealing work in bites, while people are served.
// Method: each of them at its largest, beside departments that post; then the committer's own word about the largest transaction it saw. Rows are counted, as a
// busy machine does not change them; the time has a generous bound.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { Case, id_number, world } from './lib/cases.mjs';
import { h1_request } from './lib/clients.mjs';
import { gateway } from './lib/gateway.mjs';
import { until } from './lib/until.mjs';

const CALLBACK = 'a-part-of-the-address-nobody-guesses', EFFECTS = 250, REPORTS = 1000, EVENTS = 800, MATTERS = 1200;
const ROWS_MOST = 1100;         // of one transaction: a bite of the sealer, which is the largest, is 400 facts, nearly each of them with a row in somebody's feed
const STALL_MOST_US = 500000;   // a machine that does other things

const folder = mkdtempSync(path.join(os.tmpdir(), 'siban-lane-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = (name, text) => {
	writeFileSync(path.join(folder, name), text, { mode: 0o600 });
	return path.join(folder, name);
};

/* An account nobody answers: its effects stay open, and their receipts come before any answer. */
const g = await gateway({ settings: { 'rate.department': 1000000, 'rate.public': 1000000, 'log.access': 'false', 'sms.aliyun.url': 'http://127.0.0.1:9/', 'sms.aliyun.key_id': 'somebody',
	'sms.aliyun.key_secret_file': file('sms.key', 'an access key secret'), 'sms.aliyun.callback_secret_file': file('callback.key', CALLBACK),
	'sms.aliyun.sign_name': '陇南四办', 'sms.aliyun.template.case_moved': 'SMS_100000002' } });
const w = await world(g);
const escaped = (name) => name.replace(/[{}]/g, '\\$&');
const metric = async (name) => Number(new RegExp(`^siban_${escaped(name)} (\\d+)$`, 'm').exec((await g.admin('/metrics')).text)[1]);
const told = async (result) => metric(`receipts_total{result="${result}"}`);

let posted = 0;

async function post_until(done) {
	const poster = async () => {
		for (let c = null; !done(); posted++) {
			c ??= new Case(g, w, { person: id_number(posted % 900 + 1) });
			await c.send(c.seq === 0 ? 'submitted' : c.seq === 1 ? 'received' : c.seq === 2 ? 'accepted' : c.seq % 2 === 1 ? 'correct_asked' : 'correct_done');
			c = c.seq < 20 ? c : null;
		}
	};
	await Promise.all([poster(), poster(), poster(), poster()]);
}

async function beside(work) {
	let busy = true;
	const before = posted, posting = post_until(() => !busy);
	try {
		await work();
	} finally {
		busy = false;
		await posting;
	}
	assert.ok(posted > before, 'nobody was served meanwhile');
}

async function receipts() {
	const keys = [], ids = [];
	for (let n = 0; n < EFFECTS; n++) {
		const sent = await g.control('POST', '/control/effects/send/sms_aliyun', { phone: `139${20000000 + n}`, template: 'case_moved', params: { case_no: 'LN1', status: '已受理' } });
		assert.equal(sent.status, 201, sent.text);
		ids.push(sent.json.id);
		keys.push((await g.control('POST', `/control/effects/show/${sent.json.id}`)).json.key);
	}
	const report = (n) => ({ phone_number: '13800138000', send_time: '2026-11-23 15:30:00', success: true, err_code: 'DELIVERED', out_id: keys[n % EFFECTS], biz_id: `${n}^0` });
	const pushed = await h1_request(g, 'POST', `/callbacks/sms/aliyun/${CALLBACK}`, { body: JSON.stringify(Array.from({ length: REPORTS }, (_, n) => report(n))), headers: { 'content-type': 'application/json' } });
	assert.equal(pushed.status, 200, pushed.text);
	await until('all reports are told', async () => await told('arrived') + await told('repeated') === REPORTS, 30000);
	assert.deepEqual([await told('arrived'), await told('unmatched')], [EFFECTS, 0]);
	for (const id of [ids[0], ids.at(-1)]) assert.equal((await g.control('POST', `/control/effects/show/${id}`)).json.receipt, 'arrived');
}

async function imports() {
	const { code, department, region } = w.matter;
	const rows = Array.from({ length: MATTERS }, (_, n) => `${String(code).slice(0, 6)}${String(900000 + n)},事项 ${n},${department.code},${region.code},commitment,15,3,0,1`);
	assert.match(await g.command('import', 'matters', file('matters.csv', `code,name,department,region,type,legal_days,promised_days,trips,online\n${rows.join('\n')}\n`)), /^matters: 1200 rows/);
}

async function exchange_keys() {
	await g.command('keys', 'add', '--cipher', 'sm4-cbc-hmac-sm3');
	await g.command('keys', 'add', '--index');
	assert.match(await g.command('keys', 'rotate'), /everything/);
}

test('a thousand receipts, imports, an exchange of keys and a full feed, beside people who are served', { timeout: 120000 }, async (t) => {
	await post_until(() => posted >= EVENTS);
	await beside(receipts);
	await beside(imports);
	await beside(exchange_keys);
	await until('everything is sealed', async () => (await metric('facts_unsealed')) === 0, 30000);
	const rows = await metric('committer_rows_most'), stall_us = await metric('committer_stall_us');
	t.diagnostic(`${rows} rows at most, ${stall_us} us at most`);
	assert.ok(rows >= 100 && rows <= ROWS_MOST, `${rows} rows in one transaction`);
	assert.ok(stall_us <= STALL_MOST_US, `${stall_us} us in one transaction`);
});
