// until(what, condition): asks again until it is so, or says what never came. The only place in the tests that waits by the clock.
import { setTimeout as pause } from 'node:timers/promises';

export async function until(what, condition, limit_ms = 30000) {
	const end = Date.now() + limit_ms;
	for (;;) {
		const answer = await condition();
		if (answer) return answer;
		if (Date.now() > end) throw new Error(`waited ${limit_ms} ms in vain until ${what}`);
		await pause(15);
	}
}

// What a promise yields, but not later than limit_ms.
export async function within(limit_ms, what, promise) {
	const stop = new AbortController();
	const late = pause(limit_ms, undefined, { signal: stop.signal }).then(() => {
		throw new Error(`${what}: nothing within ${limit_ms} ms`);
	});
	late.catch(() => {});
	try {
		return await Promise.race([promise, late]);
	} finally {
		stop.abort();
	}
}
