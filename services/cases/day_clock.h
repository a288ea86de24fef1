/* services/cases/day_clock.h - one clock that counts working days, whoever's it is: a case's (case_clock.h) or a voice's (services/voices/voice_clock.h).
 *
 * What is kept is when it began, how long it is, and what stood still; its last day is made of that (services/cases/time_limit.h), once with each event and
 * again when the calendar changes, never counted down. Where the last day is looked at without the calendar, `due` and `yellow` are enough:
 *
 *   today < yellow: green    yellow <= today < due: yellow    today = due: orange    today > due: red    no due: it stands, or is pending
 *
 * Thread: the write lane for what takes a tx and writes; any for the rest. */
#ifndef SERVICES_DAY_CLOCK_H
#define SERVICES_DAY_CLOCK_H
#include "services/cases/time_limit.h"
#include "store/store.h"

enum clock_phase { CLOCK_RUNS = 1, CLOCK_STANDS = 2, CLOCK_STOPPED = 3 };

/* What became of a clock; numbers are in the database. */
enum clock_what { CLOCK_TOLD_YELLOW = 1, CLOCK_TOLD_ORANGE = 2, CLOCK_TOLD_RED = 3, CLOCK_IN_TIME = 4, CLOCK_LATE = 5 };
struct str clock_what_name(int64_t what);

struct str light_name(enum light l);
/* By the two days alone. has_due false: standing says which of the two it is. */
enum light light_on(int32_t today, bool has_due, int32_t due, int32_t yellow, bool standing);

/* Where clocks of one kind of owner are kept: its statements, whose parameters and columns are those of day_clock.c. */
struct clock_table {
	const char *read, *write, *made_before, *next, *told;
	const char *pauses;        /* NULL: they never stand */
	bool has_department;       /* and `broken` */
};

struct day_clock {
	int64_t owner, kind;
	enum clock_phase phase;
	bool is_there;
	int32_t begun, stopped_on;
	int64_t days, extended, region, department;
	int64_t told;              /* as it was; 0 again when its last day moves */
	bool had_due;
	int32_t due_before;
};

/* What follows from it by the calendar. */
struct clock_made {
	int64_t calendar;
	bool has_due, broken;
	int32_t due, yellow;
};

/* c->owner and c->kind say which. */
MUST_USE bool day_clock_read(struct tx *tx, const struct clock_table *t, struct day_clock *c, struct fail *why);
MUST_USE bool day_clock_write(struct tx *tx, const struct clock_table *t, const struct day_clock *c, struct clock_made *made, struct fail *why);

/* Jobs: a bite of clocks, `most` at most, by owner and kind. */
enum { CLOCKS_BITE_MAX = 100 };
struct clocks_found {
	int count;
	struct {
		struct day_clock clock;
		struct clock_made made;
	} at[CLOCKS_BITE_MAX];
};
/* Those made with another calendar than today's; nothing but owner and kind is known of them. */
MUST_USE bool day_clocks_behind(struct tx *tx, const struct clock_table *t, int64_t most, struct clocks_found *out, struct fail *why);
/* Those whose light has changed by `today`. */
MUST_USE bool day_clocks_due(struct tx *tx, const struct clock_table *t, int32_t today, int64_t most, struct clocks_found *out, struct fail *why);
/* Only the light of today is told: of one that was passed over while nobody looked there is nothing to say any more. */
enum clock_what day_clock_light(const struct clock_made *made, int32_t today);
/* *is_told false: somebody moved or stopped it meanwhile. */
MUST_USE bool day_clock_tell(struct tx *tx, const struct clock_table *t, const struct day_clock *c, const struct clock_made *made, enum clock_what what, int32_t today, bool *is_told,
	struct fail *why);

void stmt_bind_day(struct stmt *q, int n, bool has, int32_t day); /* NULL when there is none */
#endif
