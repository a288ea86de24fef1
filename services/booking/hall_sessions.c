/* services/booking/hall_sessions.c - GET /v1/halls/:code/sessions: when a window group can be booked, by day, and by slot when one day is asked for.
 *
 * Read from the counters of its slots and nothing else, whatever is booked. A hold whose ten minutes are over counts as free within a second. */
#include "services/booking/booking_rule.h"
#include "services/guides/guide_words.h"
#include "services/handlers.h"
#include "services/services.h"
#include "store/store.h"

enum { CODE_MAX = 64, DAYS_MAX = 64, MS_A_MINUTE = 60000 };

struct open_slot {
	int64_t starts_ms, ends_ms, free;
};

struct open_day {
	int32_t day;
	int64_t free;
};

struct sessions_view {
	struct str hall, matter;
	int32_t day;             /* 0: all days */
	int64_t kind, group, slot_minutes, notice_minutes;
	int day_count, slot_count;
	struct open_day days[DAYS_MAX];
	struct open_slot slots[SLOTS_A_DAY_MAX];
};

static bool which_parse(struct request *r, struct sessions_view *v, struct fail *why)
{
	struct str window, date;
	if (!request_query(r, "window", &window, why) || !request_query(r, "matter", &v->matter, why) || !request_query(r, "date", &date, why))
		return false;
	const struct guide_word *kind = window.at != NULL ? guide_word_from(GUIDE_WINDOW, window) : NULL;
	if (window.at != NULL && kind == NULL)
		return FAILS_FIELD(why, QUERY, "window", "not a kind of window");
	if ((window.at == NULL) == (v->matter.at == NULL))
		return FAILS_FIELD(why, QUERY, "window", "a window or a matter, one of the two");
	v->kind = kind != NULL ? kind->number : 0;
	return date.at == NULL || day_from_text(date, &v->day) || FAILS_FIELD(why, QUERY, "date", "not a date");
}

static bool sessions_parse_request(struct request *r, struct fail *why)
{
	static const char *const names[] = { "window", "matter", "date", NULL };
	struct sessions_view *v = request_state(r, sizeof(*v), why);
	if (v == NULL || !request_query_only(r, names, why))
		return false;
	v->hall = r->params[0];
	return (v->hall.len <= CODE_MAX || FAILS(why, NOT_FOUND, "not a hall's code")) && which_parse(r, v, why);
}

static bool group_look(struct tx *tx, struct sessions_view *v, struct fail *why)
{
	DROP(stmt) struct stmt *q = v->matter.at == NULL ?
		tx_query(tx, "SELECT g.id, g.kind, g.slot_minutes, g.notice_minutes FROM hall h JOIN booking_group g ON g.hall = h.id WHERE h.code = $1 AND g.kind = $2", why) :
		tx_query(tx, "SELECT g.id, g.kind, g.slot_minutes, g.notice_minutes FROM hall h JOIN window_matter x ON x.hall = h.id"
			" JOIN booking_group g ON g.hall = h.id AND g.kind = x.kind JOIN matter m ON m.id = x.matter WHERE h.code = $1 AND m.code = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, v->hall);
	if (v->matter.at == NULL)
		stmt_bind_int(q, 2, v->kind);
	else
		stmt_bind_text(q, 2, v->matter);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no such hall, or nothing to book there");
	v->group = stmt_int(q, 0);
	v->kind = stmt_int(q, 1);
	v->slot_minutes = stmt_int(q, 2);
	v->notice_minutes = stmt_int(q, 3);
	return true;
}

/* The rows come in the order of time. */
static void count_slot(struct sessions_view *v, const struct open_slot *s)
{
	int32_t day = day_of(s->starts_ms);
	if (v->day_count == 0 || v->days[v->day_count - 1].day != day) {
		if (v->day_count == DAYS_MAX)
			return;
		v->days[v->day_count++] = (struct open_day){ day, 0 };
	}
	v->days[v->day_count - 1].free += s->free;
	if (v->day != 0 && v->slot_count < SLOTS_A_DAY_MAX)
		v->slots[v->slot_count++] = *s;
}

static bool sessions_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct sessions_view *v = r->state;
	if (!group_look(tx, v, why))
		return false;
	int64_t first_ms = r->now_ms + v->notice_minutes * MS_A_MINUTE, from_ms = v->day != 0 ? day_begins_ms(v->day) : first_ms;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT starts_ms, ends_ms, capacity - held - booked FROM booking_slot WHERE grp = $1 AND starts_ms >= $2 AND starts_ms < $3 AND is_open = 1"
		" ORDER BY starts_ms", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, v->group);
	stmt_bind_int(q, 2, from_ms > first_ms ? from_ms : first_ms);
	stmt_bind_int(q, 3, v->day != 0 ? day_begins_ms(v->day + 1) : INT64_MAX);
	while (stmt_row(q, why))
		count_slot(v, &(struct open_slot){ stmt_int(q, 0), stmt_int(q, 1), stmt_int(q, 2) });
	return why->code == FAIL_NONE;
}

static void slot_members(struct json_out *j, const struct sessions_view *v)
{
	json_put_name(j, "slots");
	json_put_array(j);
	for (int i = 0; i < v->slot_count; i++) {
		json_put_object(j);
		json_add_time(j, "starts_at", v->slots[i].starts_ms);
		json_add_time(j, "ends_at", v->slots[i].ends_ms);
		json_add_number(j, "free", v->slots[i].free);
		json_put_object_end(j);
	}
	json_put_array_end(j);
}

static bool sessions_render(struct request *r, struct fail *why)
{
	const struct sessions_view *v = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_text(&j, "hall", v->hall);
	json_add_text(&j, "window", guide_word(GUIDE_WINDOW, v->kind)->text);
	json_add_number(&j, "slot_minutes", v->slot_minutes);
	json_add_number(&j, "notice_minutes", v->notice_minutes);
	json_put_name(&j, "days");
	json_put_array(&j);
	for (int i = 0; i < v->day_count; i++) {
		char date[DAY_TEXT_BYTES];
		day_text(v->days[i].day, date);
		json_put_object(&j);
		json_add_text(&j, "date", str_c(date));
		json_add_number(&j, "free", v->days[i].free);
		if (v->day != 0)
			slot_members(&j, v);
		json_put_object_end(&j);
	}
	json_put_array_end(&j);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler hall_sessions = { .parse = sessions_parse_request, .look = sessions_look, .render = sessions_render };
