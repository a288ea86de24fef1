/* base/clock.h - the only place that asks what time it is, replaceable as a whole.
 *
 * Wall time is milliseconds since 1970 UTC; people see it in Asia/Shanghai, fixed at +08:00 (no summer time since 1991).
 * Monotonic time is nanoseconds since an arbitrary start and is used for every duration and timer.
 * Thread: any; replace the clock only before threads start. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H
#include "base/str.h"

struct clock {
	int64_t (*wall_ms)(void *ctx);
	int64_t (*mono_ns)(void *ctx);
	void *ctx;
};

int64_t clock_wall_ms(void);
int64_t clock_mono_ns(void);
static inline int64_t clock_mono_ms(void) { return clock_mono_ns() / 1000000; }
int64_t clock_boot_ms(void);                    /* monotonic, and goes on while the machine sleeps: for what others may think of us meanwhile */
int64_t clock_thread_cpu_ns(void);              /* CPU time of the calling thread; not replaceable */
void clock_replace(const struct clock *c);      /* NULL: the machine's again. Kept by pointer. */

enum { RFC3339_BYTES = 30 };
size_t time_rfc3339(int64_t ms, char out[RFC3339_BYTES]);      /* "2026-11-23T08:00:00.000+08:00", returns the length 29 */
bool time_from_rfc3339(struct str s, int64_t *ms);             /* any offset; years 1970..9999; false: not a time */
void time_civil(int64_t ms, int *year, int *month, int *day);  /* the date in Asia/Shanghai */
int32_t time_yyyymmdd(int64_t ms);                             /* 20261123 in Asia/Shanghai */
#endif
