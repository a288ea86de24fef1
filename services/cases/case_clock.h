/* services/cases/case_clock.h - the clocks of a case: they begin, stand, go on and stop with its events, by the table clocks.def.
 *
 * What is kept is when a clock began, how long it is, and what stood still; its last day is made of that (services/cases/time_limit.h), once with each event and
 * again when the calendar changes, never counted down. Where the last day is looked at without the calendar, `due` and `yellow` are enough:
 *
 *   today < yellow: green    yellow <= today < due: yellow    today = due: orange    today > due: red    no due: it stands, or is pending
 *
 * Thread: the write lane for what takes a tx and writes; any for the rest.
 * Source: 行政许可法 42 to 45; design notes "Time limits", "Clock algorithm". */
#ifndef SERVICES_CASE_CLOCK_H
#define SERVICES_CASE_CLOCK_H
#include "services/cases/case_state.h"
#include "services/cases/time_limit.h"
#include "store/store.h"

enum clock_kind {
	CLOCK_NONE_SHOWN = 0,
#define CLOCK(number, name, ...) CLOCK_##name = number,
#include "services/cases/clocks.def"
#undef CLOCK
	CLOCK_KINDS
};
enum clock_phase { CLOCK_RUNS = 1, CLOCK_STANDS = 2, CLOCK_STOPPED = 3 };
enum clock_days { CLOCK_DAYS_ACCEPTANCE, CLOCK_DAYS_PROMISED, CLOCK_DAYS_STATUTORY, CLOCK_DAYS_DELIVERY };

/* What became of a clock; numbers are in the database. */
enum clock_what { CLOCK_TOLD_YELLOW = 1, CLOCK_TOLD_ORANGE = 2, CLOCK_TOLD_RED = 3, CLOCK_IN_TIME = 4, CLOCK_LATE = 5 };
struct str clock_what_name(int64_t what);

struct clock_kind_row {
	struct str name, text[2]; /* by enum lang */
	uint32_t runs, stands;    /* bit n: state n */
	bool anew;
	bool of_whole;            /* a part of a joint case has none */
	enum clock_days days;
};
const struct clock_kind_row *clock_kind_row(enum clock_kind k);
enum clock_phase clock_phase_in(enum clock_kind k, enum case_state s); /* of one that has begun */

struct str light_name(enum light l);
/* By the two days alone. has_due false: standing says which of the two it is. */
enum light light_on(int32_t today, bool has_due, int32_t due, int32_t yellow, bool standing);

struct clock_move {
	int64_t case_id, department, region;
	enum case_state state;    /* after the event */
	int32_t day;              /* of the event */
	int64_t seq, now_ms;
	int64_t extend_days;      /* 0: the event extends nothing */
	struct str document;
	bool is_part;             /* of a joint case */
};
/* What the event does to every clock of the case. */
MUST_USE bool clocks_move(struct tx *tx, const struct clock_move *m, struct fail *why);
/* Writes the clock a citizen sees to the case's row: of those that have not stopped the promised one, else the one there is. */
MUST_USE bool clocks_show(struct tx *tx, int64_t case_id, struct fail *why);
/* Tells departments of lights that changed by `today`, `most` at most: an event each, provable and in their feed. */
MUST_USE bool clocks_tell(struct tx *tx, int32_t today, int64_t now_ms, int64_t most, int64_t *told, struct fail *why);
/* Makes anew, `most` at most, what was made with another calendar than today's. */
MUST_USE bool clocks_renew(struct tx *tx, int64_t most, int64_t *renewed, struct fail *why);
#endif
