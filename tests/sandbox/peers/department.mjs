// A department's own case system. The contract is in README.md; this keeps to it.
import { is_signed, key_bytes } from '../lib/webhook_signature.mjs';

const KEY = 'whsec_c2libi1zYW5kYm94LWRlcGFydG1lbnQta2V5LTAwMDE=';
const CASES = [
	{ case_ref: 'GS-2026-0001', last4: '001X', matter: '620131001000', matter_name: '企业设立登记', state: 'accepted', status_text: '已受理，正在办理',
		department_name: '陇南市市场监督管理局', region_name: '陇南市', opened_at: '2026-11-20T09:30:00+08:00', updated_at: '2026-11-23T16:05:12+08:00' },
	{ case_ref: 'GS-2026-0002', last4: '0017', matter: '620131003000', matter_name: '食品经营许可', state: 'done', status_text: '已办结，请到窗口领取许可证',
		department_name: '陇南市市场监督管理局', region_name: '武都区', opened_at: '2026-11-02T10:00:00+08:00', updated_at: '2026-11-18T11:20:45+08:00' },
	{ case_ref: 'GS-2026-0003', last4: '0020', matter: '620131003000', matter_name: '食品经营许可', state: 'correct', status_text: '请补交经营场所平面图',
		department_name: '陇南市市场监督管理局', region_name: '成县', opened_at: '2026-11-16T14:12:30+08:00', updated_at: '2026-11-24T09:00:00+08:00' },
	{ case_ref: 'GS/2026 4号', last4: '9995', matter: '620131001000', matter_name: '企业设立登记', state: 'submitted', status_text: '',
		department_name: '陇南市市场监督管理局', region_name: '宕昌县', opened_at: '2026-11-25T08:31:00+08:00', updated_at: '2026-11-25T08:31:00+08:00' },
];
const FIELDS = Object.keys(CASES[0]);

const refusal = (status, code, headers) => ({ status, headers, body: { code } });

export function department() {
	const peer = { name: 'department', settings: null };

	peer.reset = () => {
		peer.settings = { key: KEY, cases: CASES.map((c) => ({ ...c })) };
	};
	peer.reset();

	// key: another key. cases: added, or put in the place of those with the same case_ref.
	peer.set = ({ key = peer.settings.key, cases = [], ...unknown }) => {
		if (Object.keys(unknown).length > 0) return `there is no setting "${Object.keys(unknown)[0]}"`;
		if (typeof key !== 'string' || key_bytes(key) === null) return 'key must be whsec_ and base64 of 24 to 64 bytes';
		const wrong = cases.find((c) => FIELDS.some((name) => typeof c[name] !== 'string') || Object.keys(c).length !== FIELDS.length);
		if (wrong) return `a case has the texts ${FIELDS.join(', ')}`;
		const replaced = new Set(cases.map((c) => c.case_ref));
		peer.settings = { key, cases: [...peer.settings.cases.filter((c) => !replaced.has(c.case_ref)), ...cases] };
		return null;
	};
	peer.show = () => ({});

	const judge = (question) => {
		if (question.method !== 'GET') return refusal(405, 'method_not_allowed', { allow: 'GET' });
		if (!is_signed(peer.settings.key, question.header_list, question.target)) return refusal(401, 'unauthorized');
		const { pairs } = question;
		if (pairs === null || pairs.length !== 1 || pairs[0][0] !== 'last4' || !/^[0-9A-Za-z]{4}$/.test(pairs[0][1])) return refusal(400, 'bad_request');
		return null;
	};
	const act = (question) => {
		const found = peer.settings.cases.find((c) => c.case_ref === question.params.case_ref && c.last4 === question.fields.last4);
		if (found === undefined) return refusal(404, 'not_found');
		const { last4, ...shown } = found;
		return { status: 200, body: shown };
	};
	peer.limited = (seconds) => refusal(429, 'too_many_requests', { 'retry-after': String(seconds) });
	peer.routes = [
		{ name: 'case_show', path: '/departments/:department/cases/:case_ref', judge, act },
		{ name: 'case_show_bare', path: '/cases/:case_ref', judge, act },
	];
	return peer;
}
