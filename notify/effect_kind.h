/* notify/effect_kind.h - the rows of effects.def as data.
 * Thread: any; constant. */
#ifndef NOTIFY_EFFECT_KIND_H
#define NOTIFY_EFFECT_KIND_H
#include "base/str.h"
#include "notify/account.h"
#include "notify/transport.h"

/* Numbers are in the database. */
enum {
#define EFFECT(number, name, ...) KIND_##name = number,
#include "notify/effects.def"
#undef EFFECT
};

enum { /* how many there are, and their places in effect_kinds */
#define EFFECT(number, name, ...) KIND_AT_##name,
#include "notify/effects.def"
#undef EFFECT
	EFFECT_KINDS
};

enum crash_rule { CRASH_RESEND, CRASH_ASK, CRASH_STOP };
enum subject_after { AFTER_PASS, AFTER_HOLD };
enum effect_needs { NEEDS_NOTHING, NEEDS_ACCESS_TOKEN };

struct effect_kind {
	int32_t number;
	const char *name;
	enum transport_kind transport;
	enum account account;
	enum effect_needs needs;
	enum crash_rule crash;
	enum subject_after after;
	int priority;
	int64_t life_ms;
	int rungs;                    /* attempts at most: one more than there are waits */
	const int32_t *wait_s;        /* [n - 1]: after the n-th attempt */
};

extern const struct effect_kind effect_kinds[EFFECT_KINDS];
const struct effect_kind *effect_kind_of(int32_t number);       /* NULL: a row of another version of the program */
const struct effect_kind *effect_kind_named(struct str name);   /* NULL: no such kind */
#endif
