/* services/booking/hall_place.h - "this window of this hall", as a clerk names it: it must lie where he may work.
 * Thread: whoever holds the transaction. */
#ifndef SERVICES_HALL_PLACE_H
#define SERVICES_HALL_PLACE_H
#include "base/request.h"
#include "store/store.h"

enum { PLACE_CODE_MAX = 64 };

struct hall_place {
	int64_t hall, region, group /* 0: no window was asked for */;
};
/* `window` at NULL: the hall alone. Fails: NOT_FOUND, also when it lies elsewhere than r->who's root; FIELD /window not a kind of window. */
MUST_USE bool hall_place(struct tx *tx, const struct request *r, struct str hall, struct str window, struct hall_place *out, struct fail *why);
/* Where a group is. */
MUST_USE bool group_region(struct tx *tx, int64_t group, int64_t *region, struct fail *why);
#endif
