/* tests/bench/measure.h - what the measuring programs share: giving up in words, and latencies with their percentiles.
 *
 * Thread: one. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H
#include <stddef.h>
#include <stdint.h>

/* Says why on stderr and ends the program with code 2. */
__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...);

struct latencies {
	uint32_t *us;
	size_t count, cap;
};

void latency_note(struct latencies *l, int64_t ns);
void latency_sort(struct latencies *l);                             /* once, before percentiles are asked for */
uint32_t latency_percentile(const struct latencies *l, double part); /* microseconds; part 0..1; 0 when there is none */

char *file_text(const char *path, size_t *len); /* the whole file with a NUL behind it, malloc'd; dies */
#endif
