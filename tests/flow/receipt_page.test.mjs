// Goal: whoever is shown an e-receipt learns in any browser whether it is good, from what is printed on it and from nothing less; the page runs no script, loads nothing of others, never says a whole
// name or a check code, and its guesses are counted with those of the API. The message about a receipt leads to it.
// Method: the form as a browser without scripts sends it, over HTTP/2 and HTTP/1.1.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { sandbox } from '../sandbox/lib/client.mjs';
import { id_number, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { bring, finance_settings, notice, sandbox_codes } from './lib/payments.mjs';
import { first, hire } from './lib/staff.mjs';
import { until } from './lib/until.mjs';

const s = await sandbox();
const g = await gateway({ settings: { ...sandbox_codes, ...finance_settings(s), 'rate.write': 0, 'finance.rate': 0, 'rate.lookup_case': 30, 'web.base': 'https://pay.example.gov.cn' } });
const w = await world(g, { test_key: true });
const clerk = await hire(await first(g, 'li.safe', 'security_admin'), await first(g, 'li.system', 'system_admin'), 'window.one', '621202', 'window_clerk');

const CSP = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const page = (query = '', options) => g.get(`/receipts/verify${query}`, options);
const send = (fields, { query = '', ...options } = {}) => g.ask('POST', `/receipts/verify${query}`, { body: new URLSearchParams(fields).toString(), type: 'application/x-www-form-urlencoded', ...options });
const result = (answer) => (answer.text.match(/data-result="(\w+)"/g) ?? []).map((m) => m.slice(13, -1)).join();
const value = (answer, name) => new RegExp(`name="${name}" value="([^"]*)"`).exec(answer.text)?.[1];

// What every page keeps, whatever is on it.
function assert_page(answer, status = 200) {
	assert.equal(answer.status, status, answer.text);
	assert.equal(answer.headers['content-type'], 'text/html; charset=utf-8');
	assert.equal(answer.headers['content-security-policy'], CSP);
	assert.equal(answer.headers['referrer-policy'], 'no-referrer');
	assert.equal(answer.headers['x-content-type-options'], 'nosniff');
	assert.doesNotMatch(answer.text, /<script|<style|<iframe|<img|\sstyle=|\son\w+=|https?:|\{\{/);
	assert.match(answer.text, /^<!doctype html>\n<html lang="(zh-CN|en)"/);
	return answer;
}

// A receipt of its own: its notice, and what is printed on it.
async function issued(more) {
	const n = notice({ payer: { name: '欧阳测试', id_number: id_number(51) }, ...more });
	assert.equal((await bring(g, w.department, n)).status, 201);
	const taken = await clerk.ask('POST', '/v1/hall/counter-payments', { key: randomUUID(), body: { payment_codes: [n.payment_code], channel: 'cash', amount_fen: n.total_fen } });
	assert.equal(taken.status, 201, taken.text);
	const id = await until('its receipt is there', async () => (await g.sql(`SELECT r.id FROM pay_receipt r JOIN pay_confirmation c ON c.id = r.confirmation JOIN pay_notice n ON n.id = c.notice WHERE n.payment_code = '${n.payment_code}' AND r.state = 2`)) || false);
	const { code, number, check_code } = (await s.show('finance')).receipts[n.payment_code];
	return { n, id, form: { code, number, check_code, amount: '80.00' } };
}

test('the page: Chinese first, English on request, large type, filled in as far as the link says', async () => {
	const plain = assert_page(await page());
	assert.match(plain.text, /<html lang="zh-CN">/);
	assert.match(plain.text, /财政电子票据查验/);
	assert.equal(plain.headers['content-language'], 'zh-CN');
	assert.match(plain.text, /<form method="post" action="\/receipts\/verify\?lang=zh"/);
	assert.equal(result(plain), '');
	for (const answer of [await page('?lang=en'), await page('', { lang: 'en' })]) {
		assert.match(assert_page(answer).text, /<html lang="en">[\s\S]*Check a fiscal e-receipt/);
		assert.equal(answer.headers['content-language'], 'en');
	}
	assert.match((await page('?lang=zh', { lang: 'en' })).text, /<html lang="zh-CN">/);
	const large = assert_page(await page('?size=large&lang=en&code=62030126&number=0000000001'));
	assert.match(large.text, /<html lang="en" class="large">/);
	assert.match(large.text, /action="\/receipts\/verify\?lang=en&amp;size=large"/);
	assert.match(large.text, /href="\/receipts\/verify\?lang=en&amp;code=62030126&amp;number=0000000001">Normal type/);
	assert.match(large.text, /href="\/receipts\/verify\?lang=zh&amp;size=large&amp;code=62030126&amp;number=0000000001"/);
	assert.deepEqual([value(large, 'code'), value(large, 'number')], ['62030126', '0000000001']);
	assert_page(await page('?from=singlemessage&isappinstalled=0&code=1'));
	const style = await g.get('/web/style.css');
	assert.deepEqual([style.status, style.headers['content-type']], [200, 'text/css; charset=utf-8']);
	assert.doesNotMatch(style.text, /url\(|@import/);
});

test('what a link brings is a text, and nothing of a page', async () => {
	const evil = assert_page(await page(`?code=${encodeURIComponent('"><script>x')}&number=${encodeURIComponent("'&<b>")}`));
	assert.deepEqual([value(evil, 'code'), value(evil, 'number')], ['&quot;&gt;&lt;script&gt;x', '&#39;&amp;&lt;b&gt;']);
	assert.equal(value(assert_page(await page(`?code=${'9'.repeat(21)}`)), 'code'), '', 'too long for a code');
	assert.equal(value(assert_page(await page('?code=%E4%B8%80')), 'code'), '', 'not a code');
	for (const query of ['?code=1&code=2', '?code=%zz', '?lang=%00'])
		assert.equal(result(assert_page(await page(query), 400)), 'problem', query);
});

for (const via of ['h2', 'h1'])
	test(`good, and only for who has all four (${via})`, async () => {
		const { n, form } = await issued();
		const answer = assert_page(await send(form, { via }));
		assert.equal(result(answer), 'valid', answer.text);
		for (const shown of [n.unit_name, '欧**试', '80.00 元', `${form.code} ${form.number}`]) assert.ok(answer.text.includes(shown), shown);
		assert.ok(!answer.text.includes('欧阳') && !answer.text.includes(form.check_code) && !answer.text.includes(n.payment_code), 'a name is masked, and a check code is not shown again');
		assert.equal(answer.headers['cache-control'], 'no-store');
		assert.match((await send({ ...form, code: ` ${form.code} `, check_code: `${form.check_code} `, amount: ' 80' }, { via, query: '?lang=en&size=large' })).text, /class="large"[\s\S]*Genuine and valid/);
		const no = [];
		for (const wrong of [{ check_code: 'zzzzzz' }, { check_code: form.check_code.slice(0, 5) }, { amount: '80.01' }, { code: '62030125' }, { number: '9999999999' }]) {
			const one = assert_page(await send({ ...form, ...wrong }, { via }));
			assert.equal(result(one), 'no', JSON.stringify(wrong));
			assert.ok(!one.text.includes(n.unit_name));
			no.push(one.text.replaceAll(/ value="[^"]*"/g, '').replaceAll(/code=\d+&amp;number=\d+/g, ''));
		}
		assert.equal(new Set(no).size, 1, 'wrong and unknown are one answer');
	});

test('a form that is not whole is no question', async () => {
	const { form } = await issued();
	for (const wrong of [{ code: '' }, { number: ' ' }, { check_code: '' }, { amount: '' }, { amount: '0' }, { amount: '8e1' }, { amount: '-80.00' }, { amount: '８０.00' }, { amount: '80.000' }, { code: '一' }, { number: '1'.repeat(21) },
		{ amount: '100000000.00' }])
		assert.equal(result(assert_page(await send({ ...form, ...wrong }))), 'missing', JSON.stringify(wrong));
	for (const name of Object.keys(form)) {
		const { [name]: left_out, ...rest } = form;
		assert.equal(result(assert_page(await send(rest))), 'missing', `${name}, which was ${left_out}`);
	}
	const bare = await send({}, { query: '?lang=en' });
	assert.equal(result(assert_page(bare)), 'missing');
	assert.equal(result(assert_page(await send([['code', '1'], ['code', '2']]), 422)), 'problem');
	assert.equal(result(assert_page(await send({ code: 'x'.repeat(41) }), 422)), 'problem');
	assert.equal(result(assert_page(await g.ask('POST', '/receipts/verify', { body: form }), 415)), 'problem');
	assert.equal(result(assert_page(await send({ code: 'x'.repeat(2000) }), 413)), 'problem');
});

test('reversed, being reversed, and one whose reversal was refused are not good any more', async () => {
	const { id, form } = await issued();
	for (const [state, reversed] of [[4, 0], [6, 0], [5, 1795420800000]]) {
		await g.sql(`UPDATE pay_receipt SET state = ${state}, reversed_ms = ${reversed}, effect = 0 WHERE id = ${id}`);
		const answer = assert_page(await send(form));
		assert.equal(result(answer), 'reversed', `state ${state}`);
		assert.equal(answer.text.includes('2026-11-23'), reversed > 0, 'the day on which it was');
		const { json } = await g.ask('POST', '/v1/receipt-verifications', { body: { ...form, amount: undefined, amount_fen: 8000 } });
		assert.deepEqual([json.result, json.receipt.payer, json.receipt.reversed_at], ['reversed', '欧**试', reversed > 0 ? '2026-11-23T16:00:00.000+08:00' : null]);
	}
});

test('a paper that another took the place of is reversed, and the other is good', async () => {
	const { id, form } = await issued(), older = { ...form, number: `7${form.number.slice(1)}`, check_code: 'abc123', amount: '90.00' };
	await g.sql(`INSERT INTO pay_receipt_past (receipt, n, code, number, check_code, red_code, red_number, amount_fen, issued_ms, reversed_ms) VALUES (${id}, 0, '${older.code}', '${older.number}', 'abc123', '1', '1', 9000, 1795334400000, 1795420800000)`);
	const answer = assert_page(await send(older));
	assert.equal(result(answer), 'reversed');
	assert.ok(answer.text.includes('2026-11-22') && answer.text.includes('2026-11-23') && answer.text.includes('90.00 元'), answer.text);
	assert.equal(result(await send({ ...older, check_code: 'abc124' })), 'no');
	assert.equal(result(await send(form)), 'valid');
});

test('guesses about one receipt are counted, whichever way they come, and refused as a page', async () => {
	const { form } = await issued();
	let answer;
	for (let i = 0; i < 40 && answer?.status !== 429; i++) {
		const check_code = `x${i}`;
		answer = i % 2 ? await send({ ...form, check_code }) : await g.ask('POST', '/v1/receipt-verifications', { body: { code: form.code, number: form.number, check_code, amount_fen: 8000 } });
	}
	assert.equal(answer.status, 429);
	const refused = assert_page(await send(form, { query: '?lang=en' }), 429);
	assert.equal(result(refused), 'problem');
	assert.ok(Number(refused.headers['retry-after']) > 0 && refused.text.includes(`${refused.headers['retry-after']} seconds`), refused.text);
	assert.match(refused.text, new RegExp(refused.headers['x-request-id']));
	assert.equal(result(assert_page(await send((await issued()).form))), 'valid', 'another receipt is not concerned');
});

test('the message about a receipt leads to its page', async () => {
	const { form } = await issued({ payer: { name: '王小明', id_number: w.person } });
	const message = await until('it was told', async () => (await g.get('/v1/messages', { token: w.citizen })).json.items.find((m) => m.template === 'receipt_issued' && m.body.includes(form.number)) ?? false);
	const link = `https://pay.example.gov.cn/receipts/verify?code=${form.code}&number=${form.number}`;
	assert.ok(message.body.endsWith(`。 ${link}`), message.body);
	assert.ok((await g.get('/v1/messages', { token: w.citizen, lang: 'en' })).json.items.some((m) => m.body.endsWith(`. ${link}`)));
	const opened = assert_page(await page(link.slice(link.indexOf('?'))));
	assert.deepEqual([value(opened, 'code'), value(opened, 'number')], [form.code, form.number]);
	assert.equal(result(await send({ ...form })), 'valid');
});
