/* services/booking/hall_place.c - a hall elsewhere is answered like none at all. */
#include "services/booking/hall_place.h"
#include "auth/tenancy.h"
#include "services/guides/guide_words.h"

static bool hall_look(struct tx *tx, struct str code, struct hall_place *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, region FROM hall WHERE code = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, code);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no such hall");
	*out = (struct hall_place){ .hall = stmt_int(q, 0), .region = stmt_int(q, 1) };
	return true;
}

static bool group_look(struct tx *tx, int64_t kind, struct hall_place *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM booking_group WHERE hall = $1 AND kind = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, out->hall);
	stmt_bind_int(q, 2, kind);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no such window there");
	out->group = stmt_int(q, 0);
	return true;
}

bool hall_place(struct tx *tx, const struct request *r, struct str hall, struct str window, struct hall_place *out, struct fail *why)
{
	const struct guide_word *kind = window.at != NULL ? guide_word_from(GUIDE_WINDOW, window) : NULL;
	if (window.at != NULL && kind == NULL)
		return FAILS_FIELD(why, FIELD, "/window", "not a kind of window");
	if (!hall_look(tx, hall, out, why))
		return false;
	if (!region_is_within(r->who.region, out->region))
		return FAILS(why, NOT_FOUND, "a hall elsewhere");
	return kind == NULL || group_look(tx, kind->number, out, why);
}

bool group_region(struct tx *tx, int64_t group, int64_t *region, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT h.region FROM booking_group g JOIN hall h ON h.id = g.hall WHERE g.id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, group);
	*region = stmt_row(q, why) ? stmt_int(q, 0) : 0;
	return why->code == FAIL_NONE;
}
