/* services/booking/booking_day.c - bites over indexes that hold only what is still to do. */
#include "services/booking/booking_day.h"
#include "base/day.h"
#include "services/booking/booking_tell.h"
#include <assert.h>

#define DAY_MS INT64_C(86400000)
enum { ARENA_BYTES = 192 << 10, HOUR_MS = 3600000 };

static const struct { int64_t times, within, open, days; } no_shows[] = {
#define NO_SHOW(times, within, open, days) { times, within, open, days },
#include "services/booking/booking_noshow.def"
#undef NO_SHOW
};

static bool missed(struct tx *tx, int64_t person, int64_t since_ms, int64_t *count, int64_t *last_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COUNT(*), COALESCE(MAX(starts_ms), 0) FROM booking WHERE person = $1 AND state = 6 AND excused = 0 AND starts_ms > $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, person);
	stmt_bind_int(q, 2, since_ms);
	if (!stmt_row(q, why))
		return false;
	*count = stmt_int(q, 0);
	*last_ms = stmt_int(q, 1);
	return true;
}

bool no_show_of(struct tx *tx, int64_t person, int64_t now_ms, struct no_show *out, struct fail *why)
{
	*out = (struct no_show){ .open = -1 };
	for (size_t i = 0; i < sizeof(no_shows) / sizeof(no_shows[0]); i++) {
		int64_t count, last_ms;
		if (!missed(tx, person, now_ms - no_shows[i].within * DAY_MS, &count, &last_ms, why))
			return false;
		if (count >= no_shows[i].times && now_ms < last_ms + no_shows[i].days * DAY_MS) {
			*out = (struct no_show){ no_shows[i].open, last_ms + no_shows[i].days * DAY_MS };
			return true;
		}
	}
	return true;
}

/* ---- bites ---- */

static bool ids_of(struct stmt *q, int64_t ids[DAY_BITE_MAX], int *count, struct fail *why)
{
	for (*count = 0; *count < DAY_BITE_MAX && stmt_row(q, why);)
		ids[(*count)++] = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

enum clock_deed { REMIND, MISS };

/* *moved false: its person or a clerk was faster. */
static bool mark(struct tx *tx, enum clock_deed deed, int64_t id, int64_t now_ms, bool *moved, struct fail *why)
{
	DROP(stmt) struct stmt *q = deed == REMIND ? tx_query(tx, "UPDATE booking SET reminded = 1, changed_ms = $1 WHERE id = $2 AND state = 2 AND reminded = 0", why) :
						     tx_query(tx, "UPDATE booking SET state = 6, changed_ms = $1 WHERE id = $2 AND state = 2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, id);
	if (!stmt_run(q, why))
		return false;
	*moved = tx_changes(tx) == 1;
	return true;
}

static bool tell(struct tx *tx, enum clock_deed deed, int64_t id, int64_t now_ms, struct arena *a, struct fail *why)
{
	struct booking b;
	uint8_t random[32];
	if (!booking_by_id(tx, id, now_ms, &b, why))
		return false;
	booking_random(&b, deed == REMIND ? "tomorrow" : "missed", b.moves, random);
	return booking_tell(tx, &b, deed == REMIND ? TEMPLATE_booking_tomorrow : TEMPLATE_booking_missed, now_ms, random, a, why);
}

static bool each(struct tx *tx, enum clock_deed deed, const int64_t *ids, int count, int64_t now_ms, struct fail *why)
{
	struct arena arena;
	bool ok = true, moved;
	arena_init(&arena, ARENA_BYTES);
	for (int i = 0; i < count && ok; i++) {
		ok = mark(tx, deed, ids[i], now_ms, &moved, why) && (!moved || tell(tx, deed, ids[i], now_ms, &arena, why));
		arena_reset(&arena);
	}
	arena_free(&arena);
	return ok;
}

static bool to_remind(struct tx *tx, int64_t day, int64_t rows_max, int64_t ids[DAY_BITE_MAX], int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM booking WHERE state = 2 AND reminded = 0 AND day = $1 ORDER BY id LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, day);
	stmt_bind_int(q, 2, rows_max);
	return ids_of(q, ids, count, why);
}

bool bookings_remind(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why)
{
	int64_t ids[DAY_BITE_MAX];
	int count;
	int32_t today = day_of(now_ms);
	assert(rows_max <= DAY_BITE_MAX);
	*rows = 0;
	if (now_ms < day_begins_ms(today) + (int64_t)REMIND_FROM_HOUR * HOUR_MS)
		return true;
	if (!to_remind(tx, today + 1, rows_max, ids, &count, why))
		return false;
	*rows = count;
	return each(tx, REMIND, ids, count, now_ms, why);
}

static bool to_miss(struct tx *tx, int64_t before_ms, int64_t rows_max, int64_t ids[DAY_BITE_MAX], int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM booking WHERE state = 2 AND ends_ms <= $1 ORDER BY ends_ms LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, before_ms);
	stmt_bind_int(q, 2, rows_max);
	return ids_of(q, ids, count, why);
}

bool bookings_miss(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why)
{
	int64_t ids[DAY_BITE_MAX];
	int count;
	assert(rows_max <= DAY_BITE_MAX);
	if (!to_miss(tx, now_ms - ARRIVAL_MS, rows_max, ids, &count, why))
		return false;
	*rows = count;
	return each(tx, MISS, ids, count, now_ms, why);
}
