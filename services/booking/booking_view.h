/* services/booking/booking_view.h - how a visit is shown: its route through the hall, and what to bring for all of it.
 * Thread: whoever holds the transaction, or renders. */
#ifndef SERVICES_BOOKING_VIEW_H
#define SERVICES_BOOKING_VIEW_H
#include "base/json.h"
#include "services/booking/booking.h"

enum { BRING_MAX = 40, BOOKINGS_A_PAGE = 20 };

struct booking_stop {            /* people who are served in one slot for one matter */
	int64_t starts_ms, ends_ms, people, window, guide_version /* 0: none */;
	struct str matter, matter_name;
};

struct booking_item {
	struct str name;
	int64_t originals, copies;
};

struct booking_view {
	struct booking b;
	struct str hall, hall_name, hall_address;
	int stop_count, item_count;
	struct booking_stop stops[VISIT_SEATS_MAX];
	struct booking_item items[BRING_MAX];
};

/* Hall and route, in the arena. */
MUST_USE bool booking_view_look(struct tx *tx, struct arena *a, const struct booking *b, struct booking_view *to, struct fail *why);
/* One list of papers for the whole visit, of the guides it is pinned to: what two matters ask for is there once, with the larger number. */
MUST_USE bool booking_view_bring(struct tx *tx, struct arena *a, struct booking_view *v, struct fail *why);
void booking_members(struct json_out *j, const struct booking_view *v); /* into the open object, without what to bring */
void booking_bring(struct json_out *j, const struct booking_view *v);

/* "This booking, please", of the path, without a query. Fails: NOT_FOUND. */
MUST_USE bool booking_question(struct request *r, struct id *key, struct fail *why);
/* What a deed leaves: which one, and what it is now. */
void booking_decided(struct request *r, const struct booking *b, int status);
MUST_USE bool booking_decided_render(struct request *r, struct fail *why);
#endif
