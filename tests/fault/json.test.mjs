// Goal: hostile JSON gets a clear refusal quickly, and never a crash.
// Method: each text goes over the wire to a route that reads JSON; status, code and the time the server's own access log gives are held
// against the row. A good request between them shows that nothing was left behind.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../flow/lib/until.mjs';
import { broken_invariants, Gateway, slack } from './lib/gateway.mjs';

const SERVER_MS = 100;
let gateway, client;

before(async () => {
	gateway = await Gateway.make({ settings: { 'rate.lookup_address': 100000 } });
	await gateway.serve();
	client = gateway.client();
});
after(async () => {
	await client.close();
	assert.deepEqual(broken_invariants(gateway), []);
	await gateway.stop();
});

/** A good body with one member's text replaced. */
const with_member = (name, text) => JSON.stringify({ ...gateway.opening('J'), [name]: '@@' }).replace('"@@"', text);
const deep = (n, open, close) => open.repeat(n) + close.repeat(n);
const bytes = (...parts) => Buffer.concat(parts.map((p) => Buffer.from(p)));

const LOOKUP = '/v1/case-lookups', EVENTS = '/v1/department/events';
const rows = [
	/* name, target, body, status, code */
	['nothing', EVENTS, () => '', [400], ['bad_json', 'bad_request']],
	['white space', EVENTS, () => '   ', [400], ['bad_json']],
	['half an object', EVENTS, () => '{"event_id":', [400], ['bad_json']],
	['two values', EVENTS, () => '{}{}', [400], ['bad_json']],
	['an array', EVENTS, () => '[]', [400], ['bad_request', 'bad_json']],
	['a number', EVENTS, () => '1', [400], ['bad_request', 'bad_json']],
	['null', EVENTS, () => 'null', [400], ['bad_request', 'bad_json']],
	['a trailing comma', EVENTS, () => '{"event_id":"a",}', [400], ['bad_json']],
	['single quotes', EVENTS, () => "{'event_id':'a'}", [400], ['bad_json']],
	['a comment', EVENTS, () => '{/* */}', [400], ['bad_json']],
	['a byte order mark', EVENTS, () => '\ufeff{}', [400], ['bad_json']],
	['UTF-16', EVENTS, () => Buffer.from('{"event_id":"a"}', 'utf16le'), [400], ['bad_json']],
	['a name twice', EVENTS, () => with_member('seq', '1,"seq":2'), [400], ['bad_json']],
	['a name twice, one escaped', EVENTS, () => with_member('seq', '1,"s\\u0065q":2'), [400], ['bad_json']],
	['a name twice, deep down', EVENTS, () => with_member('applicant', '{"id_type":"resident","id_type":"uscc","id_number":"1"}'), [400], ['bad_json']],
	['NaN', EVENTS, () => with_member('seq', 'NaN'), [400], ['bad_json']],
	['Infinity', EVENTS, () => with_member('seq', 'Infinity'), [400], ['bad_json']],
	['-Infinity', EVENTS, () => with_member('seq', '-Infinity'), [400], ['bad_json']],
	['1e309', EVENTS, () => with_member('seq', '1e309'), [400, 422], ['bad_json', 'invalid_field']],
	['-1e309', EVENTS, () => with_member('seq', '-1e309'), [400, 422], ['bad_json', 'invalid_field']],
	['1.5 for an integer', EVENTS, () => with_member('seq', '1.5'), [422], ['invalid_field']],
	['1.0 for an integer', EVENTS, () => with_member('seq', '1.0'), [422], ['invalid_field']],
	['2^63', EVENTS, () => with_member('seq', '9223372036854775808'), [400, 422], ['bad_json', 'invalid_field']],
	['2^63 - 1', EVENTS, () => with_member('seq', '9223372036854775807'), [422], ['invalid_field']],
	['-2^63 - 1', EVENTS, () => with_member('seq', '-9223372036854775809'), [400, 422], ['bad_json', 'invalid_field']],
	['a number of 4,000 digits', EVENTS, () => with_member('seq', '9'.repeat(4000)), [400, 422], ['bad_json', 'invalid_field']],
	['a leading zero', EVENTS, () => with_member('seq', '01'), [400], ['bad_json']],
	['a leading plus', EVENTS, () => with_member('seq', '+1'), [400], ['bad_json']],
	['a text for a number', EVENTS, () => with_member('seq', '"1"'), [422], ['invalid_field']],
	['a number for a text', EVENTS, () => with_member('event_id', '7'), [422], ['invalid_field']],
	['an object for a text', EVENTS, () => with_member('event_id', '{}'), [422], ['invalid_field']],
	['a lone high surrogate', EVENTS, () => with_member('note', '"\\ud800"'), [400], ['bad_json']],
	['a lone low surrogate', EVENTS, () => with_member('note', '"\\udc00"'), [400], ['bad_json']],
	['surrogates the wrong way round', EVENTS, () => with_member('note', '"\\udc00\\ud800"'), [400], ['bad_json']],
	['an escaped NUL', EVENTS, () => with_member('note', '"a\\u0000b"'), [400, 422], ['bad_json', 'invalid_field']],
	['a raw NUL', EVENTS, () => bytes(with_member('note', '"a').slice(0, -1), [0], 'b"}'), [400], ['bad_json']],
	['a raw newline in a text', EVENTS, () => with_member('note', '"a\nb"'), [400], ['bad_json']],
	['broken UTF-8', EVENTS, () => bytes('{"event_id":"', [0xff, 0xfe], '"}'), [400], ['bad_json']],
	['overlong UTF-8', EVENTS, () => bytes('{"event_id":"', [0xc0, 0xaf], '"}'), [400], ['bad_json']],
	['a surrogate in UTF-8', EVENTS, () => bytes('{"event_id":"', [0xed, 0xa0, 0x80], '"}'), [400], ['bad_json']],
	['beyond U+10FFFF', EVENTS, () => bytes('{"event_id":"', [0xf4, 0x90, 0x80, 0x80], '"}'), [400], ['bad_json']],
	['an unknown escape', EVENTS, () => with_member('note', '"\\x41"'), [400], ['bad_json']],
	['arrays 17 deep', EVENTS, () => with_member('note', deep(17, '[', ']')), [400, 422], ['bad_json', 'invalid_field']],
	['arrays 4,000 deep', EVENTS, () => deep(4000, '[', ']'), [400], ['bad_json']],
	['objects 1,000 deep', EVENTS, () => '{"a":'.repeat(1000) + '1' + '}'.repeat(1000), [400], ['bad_json']],
	['arrays 100,000 deep', EVENTS, () => deep(100000, '[', ']'), [413], ['body_too_large']],
	['objects 100,000 deep', EVENTS, () => '{"a":'.repeat(100000) + '1' + '}'.repeat(100000), [413], ['body_too_large']],
	['an opened array 8,000 times', EVENTS, () => '['.repeat(8000), [400], ['bad_json']],
	['10 MB of white space', EVENTS, () => ' '.repeat(10 << 20), [413], ['body_too_large']],
	['10 MB in one text', EVENTS, () => with_member('note', `"${'a'.repeat(10 << 20)}"`), [413], ['body_too_large']],
	['10 MB without its length', EVENTS, () => ({ unannounced: `{"note":"${'a'.repeat(10 << 20)}"}` }), [413], ['body_too_large']],
	['1,000 members', EVENTS, () => `{${Array.from({ length: 500 }, (_, i) => `"m${i}":${i}`).join(',')}}`, [422], ['missing_field', 'unknown_field', 'invalid_field']],
	['a look-up with a name twice', LOOKUP, () => '{"case_no":"a","case_no":"b","id_last4":"0030"}', [400], ['bad_json']],
	['a look-up with an unknown name', LOOKUP, () => '{"case_no":"LN1","id_last4":"0030","is_admin":true}', [422], ['unknown_field']],
	['a look-up, 100,000 deep', LOOKUP, () => deep(100000, '[', ']'), [413], ['body_too_large']],
	['a look-up with null', LOOKUP, () => '{"case_no":null,"id_last4":"0030"}', [422], ['missing_field']],
];

for (const [name, target, body, statuses, codes] of rows) {
	test(name, async () => {
		const made = body(), text = made.unannounced ?? made;
		const answer = await client.post(target, target === EVENTS ? gateway.department_token : undefined, text,
			{ key: target === EVENTS ? `json-${name.replaceAll(/[^a-z0-9]/gi, '-')}` : undefined,
				headers: made.unannounced === undefined ? { 'content-length': Buffer.byteLength(text) } : {} });
		assert.ok(statuses.includes(answer.status), `${answer.status} ${answer.text}, wanted ${statuses}`);
		assert.ok(codes.includes(answer.json.code), `${answer.text}, wanted ${codes}`);
		const line = await until('the access log has the request', () => gateway.events('access').find((e) => e.req === answer.json.request_id));
		assert.ok(line.us < SERVER_MS * 1000 * slack, `took the server ${line.us} us`);
		assert.ok(gateway.is_running());
		const good = await client.get('/v1/regions/621202');
		assert.equal(good.status, 200, good.text);
	});
}

test('the same in good form is taken', async () => {
	const answer = await client.event(gateway.opening('J-good', { note: '好 \ud83d\ude00 \u00e9' }));
	assert.equal(answer.status, 201, answer.text);
});
