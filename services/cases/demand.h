/* services/cases/demand.h - what a department wants of an applicant, told once and in the words of the guide his case is pinned to.
 *
 *   ASKED    what he must hand in before the case goes on (一次告知), with a last day
 *   FOLLOWS  what the case was accepted without (容缺预审), with a last day
 *   REFUSED  for what the case was not accepted, returned or refused
 *
 * An event brings one as its member "demand": days, and items that each name a material, a field of the form, a condition or a basis of the guide, with a reason.
 * What the pinned guide does not hold is an added requirement (清单之外): kept, told and counted like the others, and shown to supervision; so is asking a second time
 * in one case. Neither is refused: the applicant has to know either way.
 * Until it is closed by the event that ends it, its person is told again when its end is near, on its last day and when it is over; then its department too. Nothing is
 * withdrawn by that: the case waits for its department.
 * A demand is about a case; where the case was applied for here (services/applying/application.h), asking and refusing must bring one.
 * Thread: the write lane, but for what takes no tx.
 * Source: 行政许可法 32, 38, 42; design notes "Time limits". */
#ifndef SERVICES_DEMAND_H
#define SERVICES_DEMAND_H
#include "base/json.h"
#include "base/request.h"
#include "services/cases/case_journal.h"

/* Numbers are in the database. */
enum demand_kind { DEMAND_NONE, DEMAND_ASKED = 1, DEMAND_FOLLOWS = 2, DEMAND_REFUSED = 3, DEMAND_KINDS };
enum demand_what { DEMAND_MATERIAL = 1, DEMAND_FIELD = 2, DEMAND_CONDITION = 3, DEMAND_BASIS = 4, DEMAND_NAMED = 5, DEMAND_WHATS };
enum { DEMAND_ITEMS_MAX = 20, DEMAND_DAYS_MAX = 90, DEMAND_NAME_MAX = 100, DEMAND_REASON_MAX = 200, DEMAND_TEXT_MAX = 8192,
       DEMAND_SOON_DAYS = 2 /* working days before its last one it is told again */, DEMAND_FROM_HOUR = 9 };

struct demand_item {
	enum demand_what what;
	int64_t number;          /* of a material, condition or basis: its place in the guide's list, from 1 */
	struct str field, name;  /* of a field its key; of what is named, its name */
	struct str reason;
};

struct demand {
	int64_t days;            /* working days; 0: refused */
	int count;
	struct demand_item items[DEMAND_ITEMS_MAX];
};

struct str demand_kind_name(int64_t kind);
struct str demand_what_name(int64_t what);
enum demand_kind demand_kind_of(enum case_event e);   /* DEMAND_NONE: it wants nothing */
bool demand_is_owed(enum case_event e);               /* of an application's case it must bring one */

/* `object` is an event's member "demand". Fails: FIELD, FIELD_MISSING, FIELD_UNKNOWN with pointers below "/demand". Texts are copied into `a`. */
MUST_USE bool demand_take(const json_t *object, enum case_event event, enum json_unknown unknown, struct demand *out, struct arena *a, struct fail *why);
/* As demand_take reads it again, in one form: what is digested, and what waits with an event that came early. In the arena. */
MUST_USE bool demand_text(const struct demand *d, struct arena *a, struct str *out, struct fail *why);

/* In the transaction of the event e, c being as it is after it: closes what the event ends, and keeps what it brings. *told: for the applicant's message, in the pen's
 * arena; its list NULL: it brought nothing. `before`: the state it came from. */
struct demand_told {
	struct str list, due;
};
MUST_USE bool demand_hear(struct tx *tx, const struct case_file *c, const struct journal_entry *e, enum case_state before, struct demand_told *told, struct fail *why);

/* The materials that open demands of this case let follow: bit n: the n-th of the guide. 0: none is open. */
MUST_USE bool demand_follows(struct tx *tx, int64_t case_id, uint64_t *numbers, struct fail *why);

/* A job's bite: reminds, and tells whose time is over. Renews first what was made with another calendar. */
MUST_USE bool demands_tell(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why);
#endif
