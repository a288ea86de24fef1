/* services/cases/case_state.h - the one function that moves a case, over the table case_state.def.
 *
 * Thread: any; pure. */
#ifndef SERVICES_CASE_STATE_H
#define SERVICES_CASE_STATE_H
#include "base/fail.h"
#include "base/request.h"
#include "base/str.h"

enum case_status {
#define CASE_STATUS(number, name, ...) CASE_STATUS_##name = number,
#define CASE_STATE(...)
#define CASE_EVENT(...)
#include "services/cases/case_state.def"
#undef CASE_STATUS
#undef CASE_STATE
	CASE_STATUS_COUNT
};

enum case_state {
	CASE_NONE = 0, /* not opened yet */
#define CASE_STATUS(...)
#define CASE_STATE(number, name, ...) CASE_##name = number,
#include "services/cases/case_state.def"
#undef CASE_STATE
#undef CASE_EVENT
	CASE_STATE_COUNT
};

enum case_event {
#define CASE_STATE(...)
#define CASE_EVENT(number, name, ...) CASE_EVENT_##name = number,
#include "services/cases/case_state.def"
#undef CASE_STATUS
#undef CASE_STATE
#undef CASE_EVENT
	CASE_EVENT_COUNT
};

enum case_mover { CASE_MOVER_NOBODY, CASE_MOVER_DEPARTMENT, CASE_MOVER_APPLICANT };
enum case_next { CASE_NEXT_WAIT, CASE_NEXT_SUPPLEMENT, CASE_NEXT_COLLECT, CASE_NEXT_NONE };

struct case_status_row {
	struct str name, text[2]; /* by enum lang */
};

struct case_state_row {
	struct str name, text[2];
	enum case_status status;
	enum case_mover mover;    /* who moves it on */
	enum case_next next;      /* what the applicant can do */
	struct str advice[2];
};

struct case_event_row {
	struct str name, text_zh;
	enum case_state to;
	uint32_t from;            /* bit n: state n; bit 0: no case yet */
};

const struct case_status_row *case_status_row(enum case_status s);
const struct case_state_row *case_state_row(enum case_state s); /* never of CASE_NONE */
const struct case_event_row *case_event_row(enum case_event e);
const struct case_status_row *case_status_of(enum case_state s);
struct str case_next_name(enum case_next n);
struct str case_state_name(enum case_state s); /* "none" for CASE_NONE */
bool case_state_from(struct str name, enum case_state *out); /* never CASE_NONE */
bool case_event_from(struct str name, enum case_event *out);

/* Where does `event` lead from `state`? Asserts once that the table is sane. Fails: ILLEGAL_MOVE with facts state and allowed. */
MUST_USE bool case_move(enum case_state state, enum case_event event, enum case_state *to, struct fail *why);
/* For a move that something else than the table forbids: the same answer; of the allowed events those of `without` (bit e: event e) are left out. */
bool case_illegal(enum case_state state, enum case_event event, uint32_t without, struct fail *why); /* always false */
#endif
