// Goal: login over this process's own memory (see lib/login_flow.mjs), and in development without any SMS.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Gateway } from './lib/gateway.mjs';
import { login_flow } from './lib/login_flow.mjs';
import { People, device, phone } from './lib/people.mjs';

await login_flow({});

test('in development without an account the answer bears the code; elsewhere there is none, and it is said so', async () => {
	const g = await Gateway.start({ data: false }), people = new People(g);
	assert.equal((await people.login(phone(), device())).level, 1);
	await g.stop();
	g.configure({ development: 'false' });
	await g.serve();
	const off = await people.ask_code(phone(), device());
	assert.deepEqual([off.status, off.json.code], [503, 'sms_unavailable']);
	await g.stop();
});

test('whether a phone is known is seen neither from the answer nor from its time', async () => {
	const N = 300, g = await Gateway.start({ data: false, settings: { 'otp.per_address': 1000000, 'rate.public': 0, loops: 1 } }), people = new People(g);
	const known = Array.from({ length: N }, (_, n) => `1390001${String(n).padStart(4, '0')}`), unknown = known.map((number) => number.replace('1390001', '1380002'));
	for (const number of known) await people.login(number, device());
	await g.stop();
	await g.sql('DELETE FROM otp_day'); // as if it had been yesterday
	await g.serve();
	const took = { known: [], unknown: [] }, said = { known: new Set(), unknown: new Set() };
	const plain = ({ status, headers, json }) => JSON.stringify([status, Object.keys(headers).sort(), headers['content-length'], Object.keys(json), json.expires_in, json.resend_in]);
	await people.ask_code(phone(), device()); // the connection stands
	for (let n = 0; n < N; n++)
		for (const which of n % 2 === 0 ? ['known', 'unknown'] : ['unknown', 'known']) {
			const number = (which === 'known' ? known : unknown)[n], id = device(), began = process.hrtime.bigint();
			const answer = await people.ask_code(number, id);
			took[which].push(Number(process.hrtime.bigint() - began));
			said[which].add(plain(answer));
		}
	assert.deepEqual([...said.known], [...said.unknown]);
	assert.equal(said.known.size, 1);
	// By rank: how often a known phone takes longer than an unknown one. Half of the time when they are alike, whatever else the machine does; the
	// standard deviation of chance is 0.024 here.
	let longer = 0;
	for (const a of took.known) for (const b of took.unknown) longer += a > b ? 1 : a === b ? 0.5 : 0;
	const share = longer / (N * N);
	assert.ok(Math.abs(share - 0.5) < 0.13, `a known phone takes longer ${Math.round(share * 100)} times of 100`);
	await g.stop();
});
