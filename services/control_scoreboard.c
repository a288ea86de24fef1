/* services/control_scoreboard.c - what departments and counties are measured by (效能排名): for a span of days, how many of each clock were stopped and how many of
 * those in time, how often papers were asked for (a second time, beside the guide, in vain), and how many trips to the hall cases took beside what was promised. Counted from clock_event and case_tally
 * alone: both are sealed, so anybody who has their feeds counts the same. */
#include "base/day.h"
#include "services/case_clock.h"
#include "services/handlers.h"
#include "services/services.h"

enum { ROWS_MAX = 500 };

struct score {
	int64_t region, kind, in_time, late, days_taken;
	struct str department;
};

struct scoreboard {
	int32_t from, to;
	int64_t after;             /* rows passed over */
	int count;
	bool more;
	struct score rows[ROWS_MAX];
	int tally_count;
	struct tallied {
		int64_t region, trips, asked_before, asked, ended, ended_within, trips_of_ended, added, again, over;
		struct str department;
	} tallies[ROWS_MAX];
};

static bool day_query(struct request *r, const char *name, int32_t *out, struct fail *why)
{
	struct str text;
	if (!request_query(r, name, &text, why))
		return false;
	return (text.at != NULL && day_from_text(text, out)) || FAILS_FIELD(why, QUERY, name, "a date");
}

static bool board_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "from", "to", "after", NULL };
	struct scoreboard *s = request_state(r, sizeof(*s), why);
	return s != NULL && request_query_only(r, names, why) && day_query(r, "from", &s->from, why) && day_query(r, "to", &s->to, why) &&
	       query_number(r, "after", 0, INT32_MAX, 0, &s->after, why);
}

static bool tallies_look(struct tx *tx, struct request *r, struct scoreboard *s, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT t.region, d.name, CAST(SUM(CASE WHEN t.what = 1 THEN 1 ELSE 0 END) AS BIGINT), CAST(SUM(CASE WHEN t.what = 2 THEN 1 ELSE 0 END) AS BIGINT),"
		" CAST(SUM(CASE WHEN t.what = 3 THEN 1 ELSE 0 END) AS BIGINT), CAST(SUM(CASE WHEN t.what = 4 THEN 1 ELSE 0 END) AS BIGINT),"
		" CAST(SUM(CASE WHEN t.what = 4 AND t.n <= t.promised THEN 1 ELSE 0 END) AS BIGINT), CAST(SUM(CASE WHEN t.what = 4 THEN t.n ELSE 0 END) AS BIGINT),"
		" CAST(SUM(CASE WHEN t.what = 5 THEN 1 ELSE 0 END) AS BIGINT), CAST(SUM(CASE WHEN t.what = 6 THEN 1 ELSE 0 END) AS BIGINT),"
		" CAST(SUM(CASE WHEN t.what = 7 THEN 1 ELSE 0 END) AS BIGINT)"
		" FROM case_tally t JOIN department d ON d.id = t.department WHERE t.day >= $1 AND t.day <= $2"
		" GROUP BY t.region, d.id, d.name ORDER BY t.region, d.id LIMIT $3 OFFSET $4", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, s->from);
	stmt_bind_int(q, 2, s->to);
	stmt_bind_int(q, 3, ROWS_MAX + 1);
	stmt_bind_int(q, 4, s->after);
	while (stmt_row(q, why)) {
		if (s->tally_count == ROWS_MAX) {
			s->more = true;
			break;
		}
		struct tallied *t = &s->tallies[s->tally_count++];
		*t = (struct tallied){ .region = stmt_int(q, 0), .department = str_copy(&r->arena, stmt_text(q, 1)), .trips = stmt_int(q, 2), .asked_before = stmt_int(q, 3),
			.asked = stmt_int(q, 4), .ended = stmt_int(q, 5), .ended_within = stmt_int(q, 6), .trips_of_ended = stmt_int(q, 7),
			.added = stmt_int(q, 8), .again = stmt_int(q, 9), .over = stmt_int(q, 10) };
		if (t->department.at == NULL)
			return FAILS(why, MEMORY, "a department's name");
	}
	return why->code == FAIL_NONE;
}

static bool board_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct scoreboard *s = r->state;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT k.region, d.name, k.kind, CAST(SUM(CASE WHEN k.what = 4 THEN 1 ELSE 0 END) AS BIGINT), CAST(SUM(CASE WHEN k.what = 5 THEN 1 ELSE 0 END) AS BIGINT),"
		" CAST(SUM(k.day - k.begun) AS BIGINT) FROM clock_event k JOIN department d ON d.id = k.department"
		" WHERE k.day >= $1 AND k.day <= $2 AND k.what >= 4 GROUP BY k.region, d.id, d.name, k.kind ORDER BY k.region, d.id, k.kind LIMIT $3 OFFSET $4", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, s->from);
	stmt_bind_int(q, 2, s->to);
	stmt_bind_int(q, 3, ROWS_MAX + 1);
	stmt_bind_int(q, 4, s->after);
	while (stmt_row(q, why)) {
		s->more = s->count == ROWS_MAX;
		if (s->more)
			break;
		struct score *row = &s->rows[s->count++];
		*row = (struct score){ .region = stmt_int(q, 0), .department = str_copy(&r->arena, stmt_text(q, 1)), .kind = stmt_int(q, 2), .in_time = stmt_int(q, 3),
			.late = stmt_int(q, 4), .days_taken = stmt_int(q, 5) };
		if (row->department.at == NULL)
			return FAILS(why, MEMORY, "a department's name");
	}
	return why->code == FAIL_NONE && tallies_look(tx, r, s, why);
}

static bool board_render(struct request *r, struct fail *why)
{
	const struct scoreboard *s = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_put_name(&j, "rows");
	json_put_array(&j);
	for (int i = 0; i < s->count; i++) {
		const struct score *row = &s->rows[i];
		json_put_object(&j);
		json_add_region_code(&j, "region", row->region);
		json_add_text(&j, "department", row->department);
		json_add_text(&j, "kind", clock_kind_row((enum clock_kind)row->kind)->name);
		json_add_number(&j, "in_time", row->in_time);
		json_add_number(&j, "late", row->late);
		json_add_number(&j, "days_taken", row->days_taken);
		json_put_object_end(&j);
	}
	json_put_array_end(&j);
	json_put_name(&j, "tallies");
	json_put_array(&j);
	for (int i = 0; i < s->tally_count; i++) {
		const struct tallied *t = &s->tallies[i];
		json_put_object(&j);
		json_add_region_code(&j, "region", t->region);
		json_add_text(&j, "department", t->department);
		json_add_number(&j, "trips", t->trips);
		json_add_number(&j, "asked_before_acceptance", t->asked_before);
		json_add_number(&j, "asked", t->asked);
		json_add_number(&j, "ended", t->ended);
		json_add_number(&j, "ended_within", t->ended_within);
		json_add_number(&j, "trips_of_ended", t->trips_of_ended);
		json_add_number(&j, "added_requirements", t->added);
		json_add_number(&j, "asked_again", t->again);
		json_add_number(&j, "supplements_over", t->over);
		json_put_object_end(&j);
	}
	json_put_array_end(&j);
	json_add_boolean(&j, "more", s->more);
	json_add_number(&j, "after", s->after + ROWS_MAX);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_scoreboard = { .parse = board_parse, .look = board_look, .render = board_render };
