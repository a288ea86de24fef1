/* services/supervision/case_tally.h - what supervision counts of a case besides its clocks (电子监察): trips to the hall, papers asked for, and what it took in all.
 *
 * A trip (跑动次数) is a day on which an event says that the applicant came (in_person): nothing is guessed, and who comes twice a day came once. At the case's end
 * a row says how many trips it took beside what its guide promised. Each row is a fact, in the feeds of the department and of the supervisors of the place; the
 * scoreboard counts from them alone, so whoever has a feed counts the same.
 * Thread: the write lane, but for the tables. */
#ifndef SERVICES_CASE_TALLY_H
#define SERVICES_CASE_TALLY_H
#include "services/cases/case_state.h"

struct tx;

/* Numbers are in the database. */
enum tally_what { TALLY_TRIP = 1, TALLY_ASKED_BEFORE = 2, TALLY_ASKED = 3, TALLY_ENDED = 4, TALLY_ADDED = 5 /* requirements beside the guide */,
		  TALLY_ASKED_AGAIN = 6 /* 一次告知 broken */, TALLY_SUPPLEMENT_OVER = 7 /* nothing came by the last day */ };
struct str tally_what_name(int64_t what);
/* May this event say that the person came? */
bool tally_is_at_window(enum case_event e);

struct tally_move {
	int64_t case_id, department, region, seq, now_ms;
	int32_t day;            /* of the event */
	enum case_event event;
	enum case_state state;  /* after it */
	bool in_person;
};
/* One more of it in this case, at this event. */
MUST_USE bool tally_count(struct tx *tx, const struct tally_move *m, enum tally_what what, struct fail *why);
MUST_USE bool tallies_move(struct tx *tx, const struct tally_move *m, struct fail *why);
#endif
