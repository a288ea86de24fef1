/* notify/timing.c - why this exists: a clock that is set must neither lose an effect nor fire a thousand. */
#include "notify/timing.h"

enum { SLACK_MS = 5000 /* what NTP's slewing and a sleeping thread may add up to */, REMEMBERED_MS = 3600000 };

int64_t timing_step(struct timing *t, int64_t wall_ms, int64_t mono_ms)
{
	int64_t off = t->begun ? wall_ms - mono_ms - t->ahead_ms : 0, jump = 0;
	bool small = off <= SLACK_MS && off >= -SLACK_MS;
	if (!t->begun || small) {
		t->begun = true;
		t->ahead_ms = wall_ms - mono_ms;
		t->jumped_mono_ms = 0;
		off = 0;
	} else if (t->jumped_mono_ms == 0) {
		t->jumped_mono_ms = mono_ms > 0 ? mono_ms : 1;
		jump = off;
	} else if (mono_ms - t->jumped_mono_ms >= REMEMBERED_MS) {
		t->ahead_ms += off;
		t->jumped_mono_ms = 0;
		off = 0;
	}
	int64_t steady = wall_ms - off;
	t->wall_ms = wall_ms;
	t->due_ms = off > 0 ? wall_ms : steady;
	t->expiry_ms = off > 0 ? steady : wall_ms;
	return jump;
}
