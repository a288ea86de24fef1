// The outside world, played: one process with its peers behind one port (and the same with TLS behind another) and a control API. See README.md.
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { control } from './lib/control.mjs';
import { Door } from './lib/door.mjs';
import { Faults } from './lib/faults.mjs';
import { Journal } from './lib/journal.mjs';
import { control_server, listen, plain_server, tls_server } from './lib/listen.mjs';
import { aliyun_sms } from './peers/aliyun_sms.mjs';
import { authority } from './peers/authority.mjs';
import { certificates } from './peers/certificates.mjs';
import { department } from './peers/department.mjs';
import { hooks } from './peers/hooks.mjs';
import { finance } from './peers/finance.mjs';
import { frame_server } from './peers/finance_frames.mjs';
import { provincial } from './peers/provincial.mjs';
import { wechat } from './peers/wechat.mjs';
import { wechat_nontax } from './peers/wechat_nontax.mjs';
import { wechat_pay } from './peers/wechat_pay.mjs';

const text = { type: 'string' };
const port = { type: 'string', default: '0' };

function fail(words) {
	console.error(`sandbox: ${words}`);
	process.exit(2);
}

function options() {
	const { values } = parseArgs({ options: { state: text, port, 'control-port': port, 'tls-port': port, cert: text, key: text, ca: text } });
	if (values.state === undefined) fail('--state DIR is needed: where the log is written');
	if ((values.cert === undefined) !== (values.key === undefined)) fail('--cert and --key belong together');
	for (const name of ['port', 'control-port', 'tls-port'])
		if (!/^[0-9]{1,5}$/.test(values[name]) || Number(values[name]) > 65535) fail(`--${name} is a port`);
	return values;
}

async function start(o) {
	mkdirSync(o.state, { recursive: true, mode: 0o700 });
	const journal = new Journal(path.join(o.state, 'sandbox.log.jsonl'));
	const ca = o.ca === undefined ? undefined : readFileSync(o.ca);
	const accounts = wechat();
	const peers = [aliyun_sms(journal, { ca }), authority(), certificates(), finance(), department(), hooks(), provincial(), accounts, wechat_pay(journal, { ca }), wechat_nontax(journal, { ca, accounts })];
	const faults = new Faults();
	const door = new Door(peers, faults, journal);
	const main = await listen(plain_server(door.serve), Number(o.port));
	const tls = o.cert === undefined ? null : await listen(tls_server(o, door.serve), Number(o['tls-port']));
	const frames = await listen(frame_server(peers.find((p) => p.name === 'finance'), o.cert && { cert: readFileSync(o.cert), key: readFileSync(o.key) }), 0);
	const commands = await listen(control_server(control({ peers, faults, journal, door })), Number(o['control-port']));
	const address = (scheme, number) => `${scheme}://127.0.0.1:${number}`;
	return { url: address('http', main), tls_url: tls === null ? null : address('https', tls), control_url: address('http', commands), frames: `127.0.0.1:${frames}`, pid: process.pid };
}

process.once('SIGTERM', () => process.exit(0));
process.once('SIGINT', () => process.exit(0));
let chosen;
try {
	chosen = options();
} catch (error) {
	fail(error.message);
}
try {
	console.log(JSON.stringify(await start(chosen)));
} catch (error) {
	fail(error.message);
}
