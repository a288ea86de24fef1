/* services/booking/hall_closure.c - the hall takes its time away, or merges two windows: whoever was booked is given another time (services/booking/booking_replan.h). And a clerk
 * excuses who did not come. */
#include "auth/audit.h"
#include "auth/tenancy.h"
#include "base/day.h"
#include "services/booking/booking_inside.h"
#include "services/booking/booking_replan.h"
#include "services/booking/booking_rule.h"
#include "services/booking/booking_view.h"
#include "services/booking/hall_place.h"
#include "services/guides/guide_words.h"
#include "services/handlers.h"
#include "services/services.h"

enum { NOTE_MAX = 60, MS_A_MINUTE = 60000, GROUPS_MAX = 16 };

static const char *const no_query[] = { NULL };

/* ---- a day, or a part of it ---- */

struct closing {
	struct str hall, window, date, from, to, note;
	int64_t from_ms, to_ms;
};

static bool times_parse(struct closing *c, struct fail *why)
{
	int32_t day;
	int from = 0, to = MINUTES_A_DAY;
	if (!day_from_text(c->date, &day))
		return FAILS_FIELD(why, FIELD, "/date", "not a date");
	if (c->from.at != NULL && !minute_parse(c->from, &from))
		return FAILS_FIELD(why, FIELD, "/from", "not a time");
	if (c->to.at != NULL && !minute_parse(c->to, &to))
		return FAILS_FIELD(why, FIELD, "/to", "not a time");
	c->from_ms = day_begins_ms(day) + (int64_t)from * MS_A_MINUTE;
	c->to_ms = day_begins_ms(day) + (int64_t)to * MS_A_MINUTE;
	return from < to || FAILS_FIELD(why, FIELD, "/to", "not after from");
}

static bool close_parse(struct request *r, struct fail *why)
{
	static const struct json_field fields[] = {
		{ "hall", JSON_F_TEXT, true, 1, PLACE_CODE_MAX, offsetof(struct closing, hall), NULL },
		{ "window", JSON_F_TEXT, false, 1, 20, offsetof(struct closing, window), NULL },
		{ "date", JSON_F_TEXT, true, 10, 10, offsetof(struct closing, date), NULL },
		{ "from", JSON_F_TEXT, false, 5, 5, offsetof(struct closing, from), NULL },
		{ "to", JSON_F_TEXT, false, 5, 5, offsetof(struct closing, to), NULL },
		{ "note", JSON_F_TEXT, true, 1, NOTE_MAX, offsetof(struct closing, note), check_plain_text },
	};
	struct closing *c = request_state(r, sizeof(*c), why);
	if (c == NULL || !request_query_only(r, no_query, why) || !request_json(r, fields, sizeof(fields) / sizeof(fields[0]), c, why) || !times_parse(c, why))
		return false;
	return c->to_ms > r->now_ms || FAILS_FIELD(why, FIELD, "/date", "gone by");
}

static bool groups_of(struct tx *tx, const struct hall_place *p, int64_t groups[GROUPS_MAX], int *count, struct fail *why)
{
	*count = 1;
	groups[0] = p->group;
	if (p->group != 0)
		return true;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM booking_group WHERE hall = $1 ORDER BY id LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, p->hall);
	stmt_bind_int(q, 2, GROUPS_MAX);
	for (*count = 0; stmt_row(q, why);)
		groups[(*count)++] = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

static bool hall_audit(struct tx *tx, const struct request *r, const struct hall_place *p, enum audit_act act, struct fail *why)
{
	struct audit a = { .act = act, .subject = AUDIT_OF_HALL, .subject_id = p->hall, .result = 200, .region = p->region };
	return audit_add(tx, r, &a, why);
}

static void counted(struct request *r, int64_t orphans)
{
	r->outcome = (struct outcome){ .code = 1, .status = 200, .n = { orphans } };
}

static bool close_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct closing *c = r->state;
	struct hall_place p;
	int64_t groups[GROUPS_MAX], orphans = 0;
	int count;
	if (!hall_place(tx, r, c->hall, c->window, &p, why) || !groups_of(tx, &p, groups, &count, why))
		return false;
	for (int i = 0; i < count; i++)
		if (!group_close(tx, groups[i], c->from_ms, c->to_ms, c->note, r->now_ms, &orphans, why))
			return false;
	counted(r, orphans);
	return hall_audit(tx, r, &p, AUDIT_HALL_CLOSED, why);
}

static bool counted_render(struct request *r, struct fail *why)
{
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_number(&j, "bookings", r->outcome.n[0]);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler hall_close = { .parse = close_parse, .apply = close_apply, .render = counted_render };

/* ---- two windows become one ---- */

struct merging {
	struct str hall, from, into;
};

static bool merge_parse(struct request *r, struct fail *why)
{
	static const struct json_field fields[] = {
		{ "hall", JSON_F_TEXT, true, 1, PLACE_CODE_MAX, offsetof(struct merging, hall), NULL },
		{ "from", JSON_F_TEXT, true, 1, 20, offsetof(struct merging, from), NULL },
		{ "into", JSON_F_TEXT, true, 1, 20, offsetof(struct merging, into), NULL },
	};
	struct merging *m = request_state(r, sizeof(*m), why);
	if (m == NULL || !request_query_only(r, no_query, why) || !request_json(r, fields, sizeof(fields) / sizeof(fields[0]), m, why))
		return false;
	if (guide_word_from(GUIDE_WINDOW, m->from) == NULL)
		return FAILS_FIELD(why, FIELD, "/from", "not a kind of window");
	return (guide_word_from(GUIDE_WINDOW, m->into) != NULL && !str_eq(m->from, m->into)) || FAILS_FIELD(why, FIELD, "/into", "not another kind of window");
}

static bool merge_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct merging *m = r->state;
	struct hall_place p;
	int64_t orphans = 0;
	if (!hall_place(tx, r, m->hall, STR_NONE, &p, why) ||
	    !group_merge(tx, p.hall, guide_word_from(GUIDE_WINDOW, m->from)->number, guide_word_from(GUIDE_WINDOW, m->into)->number, r->now_ms, &orphans, why))
		return false;
	counted(r, orphans);
	return hall_audit(tx, r, &p, AUDIT_WINDOWS_MERGED, why);
}

const struct handler hall_merge = { .parse = merge_parse, .apply = merge_apply, .render = counted_render };

/* ---- who did not come, and why that shall not count ---- */

static bool excuse_parse(struct request *r, struct fail *why)
{
	struct id *key = request_state(r, sizeof(*key), why);
	return key != NULL && booking_question(r, key, why);
}

static bool hall_region(struct tx *tx, int64_t hall, int64_t *region, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT region FROM hall WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, hall);
	*region = stmt_row(q, why) ? stmt_int(q, 0) : 0;
	return why->code == FAIL_NONE;
}

static bool excuse_look(struct tx *tx, struct request *r, struct fail *why)
{
	const struct id *key = r->state;
	struct booking b;
	return booking_by_key(tx, *key, r->now_ms, &b, why) && hall_region(tx, b.hall, &r->owner, why);
}

static bool excuse_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct id *key = r->state;
	struct booking b;
	if (!booking_by_key(tx, *key, r->now_ms, &b, why))
		return false;
	if (b.state != BOOKING_MISSED) {
		FAILS(why, BOOKING_STATE, "it is %s", booking_state_text(b.state));
		fail_fact_text(why, "state", booking_state_text(b.state));
		return false;
	}
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE booking SET excused = 1 WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, b.id);
	if (!stmt_run(q, why))
		return false;
	r->outcome = (struct outcome){ .code = 1, .status = 204 };
	return booking_audit(tx, r, &b, AUDIT_NO_SHOW_EXCUSED, 204, why);
}

static bool excuse_render(struct request *r, struct fail *why)
{
	(void)why;
	r->reply.status = r->outcome.status;
	return true;
}

const struct handler hall_excuse = { .parse = excuse_parse, .look = excuse_look, .apply = excuse_apply, .render = excuse_render };
