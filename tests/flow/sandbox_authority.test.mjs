// Goal: the sandbox's authority keeps to its contract (tests/sandbox/README.md): what is not well signed or not whole is refused, and a verdict is of the paper that is named.
// Judge of the signature: the standardwebhooks package.
import assert from 'node:assert/strict';
import test, { beforeEach } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { sandbox } from '../sandbox/lib/client.mjs';
import { ask } from './lib/outside.mjs';

const KEY = 'whsec_c2libi1zYW5kYm94LWF1dGhvcml0eS1rZXktMDAwMQ==';
const s = await sandbox();
beforeEach(() => s.reset());

const zhang = { id: 'q_1', kind: 'two_element', document: 'resident', number: '621299199006150131', name: '张三' };
const verify = (question, { key = KEY, method = 'POST' } = {}) => {
	const body = typeof question === 'string' ? question : JSON.stringify(question), at = new Date();
	return ask(s.url, { method, target: '/authority/verify', body: method === 'POST' ? body : undefined, headers: { 'content-type': 'application/json', 'webhook-id': 'q_1',
		'webhook-timestamp': String(Math.floor(at / 1000)), 'webhook-signature': new Webhook(key).sign('q_1', at, body) } });
};
const said = async (more) => (await verify({ ...zhang, ...more })).json.result;

test('name, phone, face, company: yes, no, nobody, not its business', async () => {
	const company = { kind: 'representative', organisation: '91621299MA0000015U', organisation_name: '陇南市某某有限公司' };
	const rows = [[{}, 'match'], [{ name: '张四' }, 'mismatch'], [{ number: '62129919850101006X' }, 'mismatch'], [{ number: '621299199006150132' }, 'no_record'],
		[{ kind: 'three_element', phone: '13900000001' }, 'match'], [{ kind: 'three_element', phone: '13900000002' }, 'mismatch'],
		[{ kind: 'face', proof: 'face-of-621299199006150131' }, 'match'], [{ kind: 'face', proof: 'face-of-62129919850101006X' }, 'mismatch'],
		[company, 'match'], [{ ...company, organisation_name: '别的公司' }, 'mismatch'], [{ ...company, number: '62129919850101006X', name: '李小明' }, 'mismatch'], [{ ...company, organisation: '91621299MA0000000X' }, 'no_record'],
		[{ document: 'passport', country: 'CAN', number: 'AB1234567' }, 'not_checked'], [{ document: 'passport', country: 'CHN', number: 'E12345678' }, 'no_record']];
	for (const [more, result] of rows) assert.equal(await said(more), result, JSON.stringify(more));
	await s.setup('authority', { people: [{ document: 'passport', number: 'E12345678', name: '张三', phone: '13900000003' }] });
	assert.equal(await said({ document: 'passport', country: 'CHN', number: 'E12345678' }), 'match');
	assert.equal(await said({ document: 'hm_travel', number: 'E12345678' }), 'no_record', 'the number of another paper');
});

test('what is not signed or not whole is refused', async () => {
	const refused = async (answer, status, code) => assert.deepEqual([answer.status, answer.json?.code], [status, code], answer.text);
	await refused(await verify(zhang, { key: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' }), 401, 'unauthorized');
	await refused(await verify(zhang, { method: 'GET' }), 405, 'method_not_allowed');
	for (const more of [{ id: undefined }, { kind: 'blood' }, { number: '' }, { name: undefined }, { document: undefined }, { document: 'diplomat' }, { document: 'passport' }, { country: 'CHN' }, { kind: 'face' },
		{ kind: 'three_element' }, { kind: 'representative', organisation: '91621299MA0000015U' }])
		await refused(await verify({ ...zhang, ...more }), 400, 'bad_request');
	await refused(await verify('{'), 400, 'bad_request');
});
