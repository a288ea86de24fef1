// Goal: where the non-tax platform knows us by the mini-program's own appid, its users pay inside it: as the account that is linked to them, by the platform's mini-program, or its page where it has none;
// where nobody told us how the platform's calls are sealed, its address is closed.
// Method: the sandbox plays the platform under that appid.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { sandbox } from '../sandbox/lib/client.mjs';
import { assert_problem, world } from './lib/cases.mjs';
import { gateway } from './lib/gateway.mjs';
import { bring, notice, sandbox_codes } from './lib/payments.mjs';
import { People, authority_settings, device, phone } from './lib/people.mjs';
import { until } from './lib/until.mjs';
import { WeChat, wechat_settings } from './lib/wechat.mjs';
import { made, nontax_settings, pay, tell } from './lib/wechat_nontax.mjs';

const s = await sandbox(), mini = wechat_settings(s);
const g = await gateway({ settings: { ...sandbox_codes, ...authority_settings(s), ...nontax_settings(s), ...mini, 'wechat.nontax.appid': mini['wechat.mini.appid'], 'wechat.nontax.secret_file': mini['wechat.mini.secret_file'],
	'wechat.nontax.calls': 'none', 'payments.open_orders': 100, 'payments.orders_per_hour': 1000, 'rate.write': 0, 'rate.read': 0, 'rate.public': 0, 'timeout.park': 5000, 'otp.per_address': 1000000 } });
const w = await world(g, { test_key: true });
await s.setup('wechat_nontax', { callbacks: false, appid: mini['wechat.mini.appid'] });

const ordered = async (token) => {
	const n = notice();
	assert.equal((await bring(g, w.department, n)).status, 201);
	return (await g.ask('POST', '/v1/orders', { token, key: randomUUID(), body: { payment_codes: [n.payment_code] } })).json.id;
};

test('who is linked pays inside the mini-program; who is not is told so', async () => {
	const people = new People(g);
	people.s = s;
	const one = new WeChat(people, phone()), { access_token } = await one.login(device(), { with_phone: true });
	const raised = await g.ask('POST', '/v1/me/identity', { token: access_token, key: randomUUID(), body: { id_type: 'resident', id_number: '621299199006150131', name: '张三' } });
	assert.equal(raised.status, 200, raised.text);
	const token = raised.json.access_token ?? access_token, id = await ordered(token), answer = await pay(g, id, 'mini', { token });
	assert.deepEqual([answer.status, answer.json.pay.mini_program.app_id], [201, 'wxnontaxpages0000'], answer.text);
	const order_id = new URLSearchParams(answer.json.pay.mini_program.path.split('?')[1]).get('order_id');
	const there = (await s.show('wechat_nontax')).orders.find((o) => o.order_id === order_id);
	assert.deepEqual([there.openid, there.scene, there.trade_type, there.fee], [one.openid, 'miniprogram', 'JSAPI', 8000]);
	const call = await made(s, order_id);
	assert_problem((await tell(g, call)).answer, 404, 'no_such_resource'); // nobody calls us, so it is asked for
	await s.tell('wechat_nontax', 'pay', { order_id });
	await until('it is paid', async () => {
		await g.sql('UPDATE pay_attempt SET ask_ms = 1 WHERE ask_ms > 0');
		return (await g.get(`/v1/orders/${id}`, { token })).json.state === 'paid';
	});
	await s.setup('wechat_nontax', { without_mini: true });
	const page = await pay(g, await ordered(token), 'mini', { token });
	assert.match(page.json.pay.page_url, /^https:/);
	assert_problem(await pay(g, await ordered(w.citizen), 'mini', { token: w.citizen }), 409, 'wechat_needed');
});
