// What the sandbox received and pushed: in memory as it was, for tests; in a file with telephone numbers masked, for people.
import { appendFileSync } from 'node:fs';

const KEPT_MAX = 50000;
const WAIT_MAX_MS = 60000;

// A mainland mobile number, with or without 86, also right after an escape like %2C.
const PHONE = /(?<=%[0-9A-Fa-f]{2}|(?:^|[^0-9])(?:00)?(?:86)?)(1[3-9][0-9])[0-9]{4}([0-9]{4})(?![0-9])/g;
const LAST4 = /(last4(?:=|":"))[0-9A-Za-z]{4}/g;

export function masked(text) {
	return text.replace(PHONE, '$1****$2').replace(LAST4, '$1****');
}

export class Journal {
	constructor(file) {
		this.file = file;
		this.last = 0; // goes on over a reset, so that nobody's `since` means something else afterwards
		this.waiters = new Set();
		this.clear();
	}

	clear() {
		this.entries = [];
		this.counts = {};
	}

	// kind: request (received), push or probe (sent by us). Returns the entry, numbered.
	add(entry) {
		const whole = { seq: ++this.last, at: new Date().toISOString(), ...entry };
		this.entries.push(whole);
		if (this.entries.length > KEPT_MAX) this.entries.splice(0, KEPT_MAX / 10);
		this.count(whole);
		appendFileSync(this.file, masked(JSON.stringify(whole)) + '\n', { mode: 0o600 });
		for (const wake of [...this.waiters]) wake();
		return whole;
	}

	count({ peer, kind, acted, fault, is_accepted }) {
		const c = (this.counts[peer ?? 'nobody'] ??= { received: 0, acted: 0, not_acted: 0, faults: 0, pushed: 0, pushes_accepted: 0 });
		if (kind === 'push') c.pushed++;
		if (kind === 'push' && is_accepted) c.pushes_accepted++;
		if (kind !== 'request') return;
		c.received++;
		if (acted) c.acted++;
		else c.not_acted++;
		if (fault) c.faults++;
	}

	// Entries after `since`, at once when there are some, else as soon as there are, else none after wait_ms.
	async read({ peer, kind, since = 0, wait_ms = 0 }) {
		const fits = (e) => e.seq > since && (peer === undefined || e.peer === peer) && (kind === undefined || e.kind === kind);
		const end = Date.now() + Math.min(wait_ms, WAIT_MAX_MS);
		for (;;) {
			const entries = this.entries.filter(fits);
			const left = end - Date.now();
			if (entries.length > 0 || left <= 0) return { entries, last: this.last };
			await this.next(left);
		}
	}

	next(limit_ms) {
		return new Promise((resolve) => {
			const wake = () => {
				clearTimeout(timer);
				this.waiters.delete(wake);
				resolve();
			};
			const timer = setTimeout(wake, limit_ms);
			this.waiters.add(wake);
		});
	}
}
