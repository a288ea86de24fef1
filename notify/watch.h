/* notify/watch.h - what the notifier tells the world about its work: metrics and events, in one place.
 * Thread: the stepper's. */
#ifndef NOTIFY_WATCH_H
#define NOTIFY_WATCH_H
#include "notify/flight.h"

enum { WATCH_COUNT_MAX = 10000 /* gauges of rows stop counting here: to know that it is this many is enough, and stays cheap */ };

void watch_names(void);
void watch_attempt(const struct flight *f);           /* its outcome is committed */
void watch_expired(const struct effect_view *e);       /* before anybody was called */
void watch_lanes(const struct lane lanes[ACCOUNTS]);
MUST_USE bool watch_open(struct tx *tx, int64_t now_ms, struct fail *why); /* gauges of what is open, by counting */
#endif
