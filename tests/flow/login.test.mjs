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
