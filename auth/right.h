/* auth/right.h - may this principal? levels.def answers for citizens, rights.def for everybody else; who asks is admission, from the route's row.
 * Thread: any; pure. */
#ifndef AUTH_RIGHT_H
#define AUTH_RIGHT_H
#include "base/request.h"

enum level {
#define LEVEL(name, number, ...) LEVEL_##name = number,
#include "auth/levels.def"
#undef LEVEL
	LEVEL_COUNT
};

struct level_row {
	const char *text;      /* "real_name" */
	const char *zh;
	const char *step;      /* what raises a session to it; "" nothing does */
};
const struct level_row *level_row(int level);

/* LEVEL_L3_FRESH_MS: a face shown longer ago is no proof of who holds the phone now. */
enum { LEVEL_L3_FRESH_MS = 15 * 60 * 1000, LEVEL_L4_FRESH_MS = 8 * 3600 * 1000 /* a day at the hall */ };

/* Is this citizen known well enough at this moment? L3 is a matter of minutes, whatever else he is. */
bool level_suffices(const struct principal *who, int needed, int64_t now_ms);

enum right {
#define RIGHT(name, bit, ...) RIGHT_##name = bit,
#include "auth/rights.def"
#undef RIGHT
	RIGHT_COUNT
};

struct right_row {
	int holders;           /* bits of enum who */
	const char *text;      /* "events:write" */
	const char *zh;
};
const struct right_row *right_row(enum right right);
enum right right_from(struct str text); /* RIGHT_NONE: there is no such scope */
uint64_t rights_all(enum who kind);     /* what this kind may hold at all */
void rights_text(uint64_t held, struct buf *out); /* a space between two: an OAuth scope */
bool right_is_held(const struct principal *who, enum right right); /* RIGHT_NONE: always */
#endif
