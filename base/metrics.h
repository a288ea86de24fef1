/* base/metrics.h - numbers about ourselves, in OpenMetrics text.
 *
 * Counters and histograms are kept per thread and summed when read, so that counting never makes two threads meet.
 * A metric has at most one label; its values are registered at start (routes, lanes, codes), never taken from outside.
 * Thread: any. Gauges are set by whoever knows; the last word wins. */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H
#include "base/str.h"

enum { METRIC_LABELS_MAX = 384, METRIC_BUCKETS = 16 };

enum metric {
#define METRIC(name, kind, label, unit, help) M_##name,
#include "base/metrics.def"
#undef METRIC
	M_COUNT
};

void metric_add(enum metric m, int label, int64_t n);       /* counter; label 0 where the metric has none */
void metric_set(enum metric m, int label, int64_t v);       /* gauge */
void metric_observe(enum metric m, int label, int64_t ns);  /* histogram of durations, given in nanoseconds */
void metric_label(enum metric m, int index, const char *value); /* at start; the value is kept by pointer */
int64_t metric_read(enum metric m, int label);              /* a counter's or gauge's value, or a histogram's count; for tests and readiness */
void metrics_text(struct buf *out, bool openmetrics);       /* false: Prometheus text 0.0.4 */
#endif
