// Goal: SIGTERM loses nothing. Who is in the middle of a request gets the answer, who is not is told to go elsewhere, and the end is
// quick and quiet. Each test has a gateway of its own.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { Case, world } from './lib/cases.mjs';
import { H2, h1_request } from './lib/clients.mjs';
import { gateway } from './lib/gateway.mjs';
import { within } from './lib/until.mjs';
import { WireH1 } from './lib/wire_h1.mjs';

const stopping = (g) => g.child.kill('SIGTERM');
async function ended_well(g, began) {
	assert.deepEqual(await within(15000, 'after SIGTERM', g.exited), { code: 0, signal: null });
	assert.ok(Date.now() - began < 10000, `${Date.now() - began} ms`);
}

test('a body that is still on its way is waited for: GOAWAY, the rest of it, 201, exit 0', async () => {
	const g = await gateway(), w = await world(g), c = await new Case(g, w).live('submitted');
	const client = new H2(g), bytes = Buffer.from(JSON.stringify(c.body('received')));
	const stream = client.open('POST', '/v1/department/events', { authorization: `Bearer ${w.department}`, 'idempotency-key': randomUUID(), 'content-type': 'application/json', 'content-length': bytes.length });
	stream.write(bytes.subarray(0, 10));
	await client.request('GET', '/v1/regions/621202'); // answered: so the half before it has arrived
	const began = Date.now();
	stopping(g);
	assert.equal(await within(5000, 'GOAWAY', client.goaway), 0);
	stream.end(bytes.subarray(10));
	assert.equal((await stream.answer).status, 201);
	await client.closed;
	await ended_well(g, began);
});

test('over HTTP/1.1 the last answer says connection: close', async () => {
	const g = await gateway(), w = await world(g), c = await new Case(g, w).live('submitted');
	const wire = await WireH1.open(g), bytes = JSON.stringify(c.body('received'));
	wire.send(`POST /v1/department/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${w.department}\r\nIdempotency-Key: ${randomUUID()}\r\n`,
		`Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: ${bytes.length}\r\n\r\n`);
	assert.equal((await wire.answer()).status, 100);
	const client = new H2(g);
	await client.request('GET', '/v1/regions/621202');
	const began = Date.now();
	stopping(g);
	await within(5000, 'GOAWAY', client.goaway);
	wire.send(bytes);
	const answer = await wire.answer();
	assert.equal(answer.status, 201);
	assert.equal(answer.headers.connection, 'close');
	assert.equal(await wire.end(), '');
	await ended_well(g, began);
});

test('under load: every request is answered or was never begun', async () => {
	const g = await gateway(), w = await world(g);
	const cases = await Promise.all(Array.from({ length: 8 }, () => new Case(g, w).live('submitted')));
	const clients = Array.from({ length: 4 }, () => new H2(g));
	let answered = 0, refused = 0, running = true;
	const wrong = [];
	const work = cases.map(async (c, i) => {
		const client = clients[i % clients.length];
		while (running && !client.session.closed && !client.session.destroyed) {
			try {
				const a = await client.request('GET', `/v1/cases/${c.case_no}`, { headers: { authorization: `Bearer ${w.citizen}` } });
				if (a.status !== 200 && a.status !== 429) wrong.push(`${a.status} ${a.text}`);
				answered++;
				if (answered === 200) stopping(g);
			} catch (e) {
				const never_begun = e.rstCode === 7 || ['ERR_HTTP2_GOAWAY_SESSION', 'ERR_HTTP2_INVALID_SESSION'].includes(e.code) || /REFUSED_STREAM|GOAWAY/.test(e.message);
				if (!never_begun) wrong.push(e.stack);
				refused++;
				running = running && never_begun && refused < 100;
			}
		}
	});
	const began = Date.now();
	await Promise.all(work);
	assert.deepEqual(wrong, []);
	assert.ok(answered >= 200);
	await ended_well(g, began);
});

test('while it stops nobody new is let in, and an idle connection does not hold it', async () => {
	const g = await gateway();
	const idle_h2 = new H2(g), idle_h1 = await WireH1.open(g);
	await idle_h2.request('GET', '/v1/regions?limit=1');
	const began = Date.now();
	stopping(g);
	await idle_h2.closed;
	await idle_h1.end();
	await ended_well(g, began);
	await assert.rejects(h1_request(g, 'GET', '/v1/regions'));
});

test('SIGTERM twice and SIGINT are no different', async () => {
	const g = await gateway({ data: false });
	g.child.kill('SIGINT');
	g.child.kill('SIGTERM');
	await ended_well(g, Date.now());
});

test('it starts again on the same folder, with the same data', async () => {
	const g = await gateway(), w = await world(g), c = await new Case(g, w).live('submitted', 'received');
	g.connection.close();
	stopping(g);
	await ended_well(g, Date.now());
	await g.serve();
	assert.equal((await c.show()).json.last_seq, 2);
});
