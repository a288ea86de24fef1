// People, departments and their cases, made up but well formed.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

const WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

// A resident's number with its right check character (ISO 7064 MOD 11-2); n makes them differ.
export function id_number(n = 1) {
	const day = String(1 + (Math.floor(n / 999) % 28)).padStart(2, '0');
	const body = `6212021985${'03'}${day}${String(1 + (n % 999)).padStart(3, '0')}`;
	const sum = [...body].reduce((total, digit, i) => total + Number(digit) * WEIGHTS[i], 0);
	return body + '10X98765432'[sum % 11];
}

// A company's code with its right check character (GB 32100); n makes them differ.
export function uscc(n = 1) {
	const alphabet = '0123456789ABCDEFGHJKLMNPQRTUWXY', body = `91621299MA${String(n).padStart(7, '0')}`;
	const sum = [...body].reduce((total, c, i) => total + alphabet.indexOf(c) * (3 ** i % 31), 0);
	return body + alphabet[(31 - (sum % 31)) % 31];
}

// A case number with its right check digit (ISO 7064 MOD 11,10).
export function with_check_digit(digits) {
	let p = 10;
	for (const digit of digits) {
		const s = (p + Number(digit)) % 10 || 10;
		p = (s * 2) % 11;
	}
	return digits + String((11 - p) % 10);
}

export const now = (offset_ms = 0) => new Date(Date.now() + offset_ms + 8 * 3600e3).toISOString().replace('Z', '+08:00');

// What every case needs: a matter, its department's token, another department's, a citizen's.
export async function world(g, { test_key = false } = {}) {
	const { items } = (await g.get('/v1/matters?limit=100')).json;
	const matter = items.find((m) => m.type === 'commitment');
	const elsewhere = items.find((m) => m.department.code !== matter.department.code);
	const person = id_number(1);
	return {
		matter, elsewhere, person,
		region: matter.region.code,
		department: await g.department(matter.department.code, test_key ? { test_key } : {}),
		other_department: await g.department(elsewhere.department.code),
		citizen: await g.citizen(person),
		stranger: await g.citizen(id_number(500)),
	};
}

// One case as its department sees it: its own number, events counted from 1.
export class Case {
	constructor(g, w, { ref = `T-${randomUUID()}`, person = w.person, token = w.department } = {}) {
		Object.assign(this, { g, w, ref, person, token, seq: 0, case_no: null });
	}

	body(event, { seq, ...more } = {}) {
		const body = { event_id: randomUUID(), case_ref: this.ref, seq: seq ?? this.seq + 1, event, occurred_at: now(), ...more };
		if (body.seq === 1 && !('matter' in more))
			Object.assign(body, { matter: this.w.matter.code, region: this.w.region, applicant: { id_type: 'resident', id_number: this.person } });
		return body;
	}

	post(body, { key = randomUUID(), ...more } = {}) {
		return this.g.ask('POST', '/v1/department/events', { token: this.token, key, body, ...more });
	}

	// Sends the next event (or the one given by seq) and expects its answer.
	async send(event, { expect = 201, ...more } = {}) {
		const answer = await this.post(this.body(event, more));
		assert.equal(answer.status, expect, answer.text);
		if (answer.status === 201) {
			this.seq = answer.json.next_seq - 1;
			this.case_no = answer.json.case_no;
		}
		return answer;
	}

	async live(...events) {
		for (const event of events) await this.send(event);
		return this;
	}

	show(options = {}) {
		return this.g.get(`/v1/cases/${this.case_no}`, { token: this.w.citizen, ...options });
	}
}

export function assert_problem(answer, status, code) {
	assert.equal(answer.status, status, answer.text);
	assert.equal(answer.json.code, code, answer.text);
	assert.equal(answer.json.status, status);
	assert.equal(answer.json.type, `urn:siban:problem:${code}`);
	assert.equal(answer.headers['content-type'], 'application/problem+json');
	return answer;
}
