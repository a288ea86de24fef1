// Records what the sandbox's SMS platform answers in each of its moods, for the simulator's providers: node tests/sim/record.mjs >tests/sim/answers/sms_aliyun.txt
// A line: name, whether the deed was done (the sandbox says), how the call ended, status, retry-after, body; between tabs.
import { Sandbox } from '../sandbox/lib/client.mjs';
import { ask, message, sms_request } from '../flow/lib/outside.mjs';

const moods = {
	ok: null,
	throttled: { refuse_code: 'isv.BUSINESS_LIMIT_CONTROL' },
	slow_down: { refuse_code: 'Throttling.User' },
	number_refused: { refuse_code: 'isv.MOBILE_NUMBER_ILLEGAL' },
	no_money: { refuse_code: 'isv.AMOUNT_NOT_ENOUGH' },
	unavailable: { status: 503 },
	lost_answer: { lose_answer: true },
	closed: { close: 'before' },
	garbage: { rubbish: 'html' },
	truncated: { rubbish: 'truncated_json' },
};

const s = await Sandbox.start();
for (const [name, fault] of Object.entries(moods)) {
	const fields = message();
	if (fault !== null)
		await s.fault('aliyun_sms', { ...fault, count: 1 });
	const answer = await ask(s.url, sms_request(s, fields)).catch(() => null);
	const { messages } = await s.show('aliyun_sms'), is_done = messages.some((m) => m.out_id === fields.OutId);
	const end = answer === null || !answer.is_whole ? 'unclear' : 'answered';
	const body = end === 'answered' ? answer.text.replaceAll(/[^\x20-\x7e\u0080-\uffff]/g, ' ') : '';
	process.stdout.write([name, is_done ? 'done' : 'not_done', end, end === 'answered' ? answer.status : 0, answer?.headers?.['retry-after'] ?? '', body].join('\t') + '\n');
	await s.clear_faults();
}
process.stdout.write('not_sent\tnot_done\tnot_sent\t0\t\t\n'); // nobody is there
await s.stop();
