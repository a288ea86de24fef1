/* services/cases/case_clock.h - the clocks of a case: they begin, stand, go on and stop with its events, by the table clocks.def.
 *
 * Each is a clock that counts working days (services/cases/day_clock.h).
 * Thread: the write lane for what takes a tx and writes; any for the rest.
 * Source: 行政许可法 42 to 45; design notes "Time limits", "Clock algorithm". */
#ifndef SERVICES_CASE_CLOCK_H
#define SERVICES_CASE_CLOCK_H
#include "services/cases/case_state.h"
#include "services/cases/day_clock.h"

enum clock_kind {
	CLOCK_NONE_SHOWN = 0,
#define CLOCK(number, name, ...) CLOCK_##name = number,
#include "services/cases/clocks.def"
#undef CLOCK
	CLOCK_KINDS
};
enum clock_days { CLOCK_DAYS_ACCEPTANCE, CLOCK_DAYS_PROMISED, CLOCK_DAYS_STATUTORY, CLOCK_DAYS_DELIVERY };

struct clock_kind_row {
	struct str name, text[2]; /* by enum lang */
	uint32_t runs, stands;    /* bit n: state n */
	bool anew;
	bool of_whole;            /* a part of a joint case has none */
	enum clock_days days;
};
const struct clock_kind_row *clock_kind_row(enum clock_kind k);
enum clock_phase clock_phase_in(enum clock_kind k, enum case_state s); /* of one that has begun */

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
