/* notify/timing.h - what time it is for effects, when the machine's clock jumps. Pure.
 *
 * Rows bear wall time. When the wall clock is set, by a day forward say, everything would fall due and expire at once; set back, nothing would be due for a
 * day. So for an hour after a jump two clocks count: the wall's, and one that went on steadily. Due is what is due by either; expired is what is
 * expired by both. After the hour the wall is right.
 * Thread: the stepper's. */
#ifndef NOTIFY_TIMING_H
#define NOTIFY_TIMING_H
#include <stdbool.h>
#include <stdint.h>

struct timing {
	bool begun;
	int64_t ahead_ms;         /* steady wall time is monotonic time and this */
	int64_t jumped_mono_ms;   /* when the jump was seen; 0: none */
	int64_t wall_ms, due_ms, expiry_ms; /* out */
};

/* Returns the size of a jump that was seen now; 0: none. */
int64_t timing_step(struct timing *t, int64_t wall_ms, int64_t mono_ms);
#endif
