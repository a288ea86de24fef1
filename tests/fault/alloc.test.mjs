// Goal: whichever piece of memory a request cannot have, it is answered properly or refused as out of memory, and nothing is half done.
// Method: in a freshly started daemon, whose arenas are cold, the n-th question for memory is refused, n = 1, 2, … until the same set of
// requests passes untouched three times running.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { h1_request } from '../flow/lib/clients.mjs';
import { broken_invariants, Gateway, slack } from './lib/gateway.mjs';

const UNTOUCHED = 3, TRIES_MAX = 500, OLDER_CASES = 40;
const NGHTTP2_NO_ERROR = 0;

test('the n-th allocation fails, for every n', { timeout: 240000 * slack }, async (t) => {
	const gateway = await Gateway.make({ settings: { 'rate.lookup_case': 1000, 'rate.lookup_address': 100000 } });
	await gateway.serve();
	const opener = gateway.client(), first = await opener.event(gateway.opening('A-first'));
	assert.equal(first.status, 201, first.text);
	const { case_no } = first.json;
	for (let i = 0; i < OLDER_CASES; i++)
		assert.equal((await opener.event(gateway.opening(`O-${i}`))).status, 201); /* a list that is longer than an arena's first piece */
	await opener.close();

	/* Each answers with the first status when memory is there. */
	const set = (client, body, key) => [
		[200, client.get('/v1/regions/621202')],
		[200, h1_request(gateway, 'GET', '/v1/regions/621202').catch(() => ({ status: 0 }))],
		[200, client.get('/v1/matters?limit=100')],
		[200, client.get('/v1/regions?limit=100')],
		[200, client.get(`/v1/cases/${case_no}`, gateway.citizen_token)],
		[200, client.get('/v1/cases?limit=100', gateway.citizen_token)],
		[200, client.get(`/v1/cases/${case_no}/events`, gateway.citizen_token)],
		[200, client.get('/v1/department/cases/A-first', gateway.department_token)],
		[404, client.post('/v1/case-lookups', undefined, { case_no: case_no.replace(/.$/, 'x'), id_last4: '0000' })],
		[201, client.event(body, key)],
	];

	let untouched = 0, n = 0, refused = 0, reset = 0;
	for (; untouched < UNTOUCHED; n++) {
		assert.ok(n < TRIES_MAX, `after ${n} refused allocations there is still something that fails`);
		await gateway.restart();
		const set_answer = await gateway.control('POST', '/control/faults', { switch: `alloc=${n + 1}` }).catch(() => null);
		assert.ok(set_answer !== null && [200, 503].includes(set_answer.status), set_answer?.text);
		const client = gateway.client(), key = randomUUID(), body = gateway.opening(`A-${n}`);
		let all_well = true;
		for (const [want, asked] of set(client, body, key)) {
			const answer = await asked;
			if (answer.status === want)
				continue;
			all_well = false;
			if (answer.status === 0) { /* not even room for a request: its stream was reset, its connection perhaps closed */
				assert.notEqual(answer.reset ?? 1, NGHTTP2_NO_ERROR);
				reset++;
				continue;
			}
			refused++;
			assert.equal(answer.status, 503, `n=${n + 1}: ${answer.text}`);
			assert.equal(answer.json?.code, 'out_of_memory', `n=${n + 1}: ${answer.text}`);
			assert.ok(answer.headers['retry-after'], 'a 503 says when to come back');
		}
		assert.ok(gateway.is_running(), `n=${n + 1}: ${gateway.log().slice(-3000)}`);
		await gateway.fault('alloc=').catch(() => gateway.fault('alloc='));
		await client.close();
		const second = gateway.client(), again = await second.event(body, key);
		assert.equal(again.status, 201, `n=${n + 1}: ${again.text}`); /* done then and repeated, or done now */
		await second.close();
		untouched = all_well ? untouched + 1 : 0;
	}
	assert.ok(refused + reset > 0, 'no allocation was ever refused: is this build without fault switches?');
	assert.deepEqual(broken_invariants(gateway), []);
	assert.equal(gateway.sql("SELECT count(*) FROM cases WHERE case_ref LIKE 'A-%'"), String(n + 1));
	await gateway.stop();
	t.diagnostic(`${n} places, ${refused} times 503, ${reset} streams reset`);
});
