/* services/cases/demand_tell.c - what the calendar does to a demand: its person is told again, and at its end the department too. */
#include "services/cases/demand.h"

#include "auth/keyring.h"
#include "base/day.h"
#include "base/hash.h"
#include "notify/message.h"
#include "services/cases/case_names.h"
#include "services/cases/demand_inside.h"
#include "services/departments/hook.h"
#include "services/supervision/case_tally.h"

#include <assert.h>

enum { BITE_MAX = 25, ARENA_BYTES = 256 * 1024, LIST_BYTES = 1024 };
#define HOUR_MS INT64_C(3600000)

struct open_demand {
	int64_t id, case_id, seq, person, department, region, names, state, parts;
	struct str case_ref, case_no; /* in the arena */
	struct demand_days days;
};

/* Those whose day has come, and those whose days are of another calendar. */
static bool ids_of(struct tx *tx, int32_t today, int64_t version, int64_t most, int64_t ids[BITE_MAX], int *count, struct fail *why)
{
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM case_demand WHERE closed_seq IS NULL AND calendar < $1 ORDER BY calendar, id LIMIT $2", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, version);
		stmt_bind_int(q, 2, most);
		for (*count = 0; *count < BITE_MAX && stmt_row(q, why);)
			ids[(*count)++] = stmt_int(q, 0);
		if (why->code != FAIL_NONE || *count > 0)
			return why->code == FAIL_NONE;
	}
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM case_demand WHERE closed_seq IS NULL AND next_on <= $1 ORDER BY next_on, id LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, today);
	stmt_bind_int(q, 2, most);
	while (*count < BITE_MAX && stmt_row(q, why))
		ids[(*count)++] = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

static bool read_one(struct tx *tx, int64_t id, struct arena *a, struct open_demand *d, bool *is_open, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT d.case_id, d.seq, c.person, c.department, c.region, c.names, c.state, c.parts, d.told_on, d.days, d.calendar, d.stage, COALESCE(d.due, 0), COALESCE(d.next_on, 0),"
		" c.case_ref, c.case_no FROM case_demand d JOIN cases c ON c.id = d.case_id WHERE d.id = $1 AND d.closed_seq IS NULL", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	*is_open = stmt_row(q, why);
	if (!*is_open)
		return why->code == FAIL_NONE;
	*d = (struct open_demand){ .id = id, .case_id = stmt_int(q, 0), .seq = stmt_int(q, 1), .person = stmt_int(q, 2), .department = stmt_int(q, 3), .region = stmt_int(q, 4),
		.names = stmt_int(q, 5), .state = stmt_int(q, 6), .parts = stmt_int(q, 7), .case_ref = str_copy(a, stmt_text(q, 14)), .case_no = str_copy(a, stmt_text(q, 15)),
		.days = { .told_on = (int32_t)stmt_int(q, 8), .days = (int32_t)stmt_int(q, 9), .calendar = stmt_int(q, 10), .stage = (int)stmt_int(q, 11),
			  .has_due = stmt_int(q, 12) != 0, .due = (int32_t)stmt_int(q, 12), .next_on = (int32_t)stmt_int(q, 13) } };
	return (d->case_ref.at != NULL && d->case_no.at != NULL) || FAILS(why, MEMORY, "a demand");
}

/* *moved false: its case, or another node, was quicker. */
static bool write_one(struct tx *tx, const struct open_demand *d, int stage_before, bool *moved, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE case_demand SET stage = $1, calendar = $2, due = $3, next_on = $4 WHERE id = $5 AND stage = $6 AND closed_seq IS NULL", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, d->days.stage);
	stmt_bind_int(q, 2, d->days.calendar);
	if (d->days.has_due)
		stmt_bind_int(q, 3, d->days.due);
	else
		stmt_bind_null(q, 3);
	if (d->days.next_on != 0)
		stmt_bind_int(q, 4, d->days.next_on);
	else
		stmt_bind_null(q, 4);
	stmt_bind_int(q, 5, d->id);
	stmt_bind_int(q, 6, stage_before);
	if (!stmt_run(q, why))
		return false;
	*moved = tx_changes(tx) == 1;
	return true;
}

/* ---- telling ---- */

static void random_of(const struct open_demand *d, int stage, uint8_t out[32])
{
	char id[21], n[21];
	const struct str parts[] = { { id, i64_text(d->id, id) }, { n, i64_text(stage, n) } };
	keyring_index("demand", parts, 2, out);
}

static bool list_of(struct tx *tx, int64_t id, struct arena *a, struct str *out, struct fail *why)
{
	struct buf b;
	buf_init(&b, a, LIST_BYTES);
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT name FROM case_demand_item WHERE demand = $1 ORDER BY n", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	while (stmt_row(q, why)) {
		if (b.len > 0)
			buf_str(&b, STR("；"));
		buf_str(&b, stmt_text(q, 0));
	}
	*out = buf_text(&b);
	return why->code == FAIL_NONE && (buf_ok(&b) || FAILS(why, MEMORY, "a list"));
}

static bool tell_person(struct tx *tx, const struct open_demand *d, int stage, int64_t now_ms, struct arena *a, struct fail *why)
{
	static const enum message_template words[DEMAND_STAGES] = { TEMPLATE_supplement_soon, TEMPLATE_supplement_last_day, TEMPLATE_supplement_over };
	struct case_names names;
	uint8_t random[32];
	char due[DAY_TEXT_BYTES];
	if (d->parts < 0)
		return true; /* of a joint case people hear of the whole alone */
	day_text(d->days.due, due);
	random_of(d, stage, random);
	struct case_telling t = { .person = d->person, .case_id = d->case_id, .cause = d->seq, .template = words[stage], .case_no = d->case_no, .due = str_c(due) };
	if (!case_names_read(tx, d->names, &names, why) || !list_of(tx, d->id, a, &t.list, why))
		return false;
	t.matter_name = case_names_get(&names, CASE_NAME_MATTER);
	return message_case_told(tx, &t, now_ms, random, a, why);
}

/* {"type", "timestamp", "data": {…}}, as Standard Webhooks proposes. */
static bool over_body(const struct open_demand *d, int64_t now_ms, struct arena *a, struct str *out, struct fail *why)
{
	struct buf b;
	char due[DAY_TEXT_BYTES];
	day_text(d->days.due, due);
	buf_init(&b, a, 512);
	struct json_out j = json_begin(&b);
	json_put_object(&j);
	json_add_text(&j, "type", STR("supplement.over"));
	json_add_time(&j, "timestamp", now_ms);
	json_put_name(&j, "data");
	json_put_object(&j);
	json_add_text(&j, "case_ref", d->case_ref);
	json_add_text(&j, "case_no", d->case_no);
	json_add_number(&j, "seq", d->seq);
	json_add_text(&j, "due_on", str_c(due));
	json_put_object_end(&j);
	json_put_object_end(&j);
	*out = buf_text(&b);
	return json_end(&j) || FAILS(why, MEMORY, "a webhook's body");
}

static bool tell_department(struct tx *tx, const struct open_demand *d, int32_t today, int64_t now_ms, struct arena *a, struct fail *why)
{
	struct tally_move tally = { .case_id = d->case_id, .department = d->department, .region = d->region, .seq = d->seq, .now_ms = now_ms, .day = today,
				    .state = (enum case_state)d->state };
	struct str body;
	uint8_t seed[32];
	int count;
	random_of(d, DEMAND_STAGES, seed);
	return tally_count(tx, &tally, TALLY_SUPPLEMENT_OVER, why) && over_body(d, now_ms, a, &body, why) && hooks_tell(tx, d->department, HOOK_ALERTS | HOOK_APPLICATIONS, body, seed, now_ms, a, &count, why);
}

static bool one(struct tx *tx, int64_t id, int32_t today, int64_t now_ms, struct arena *a, struct fail *why)
{
	struct open_demand d;
	bool is_open, moved;
	if (!tx_lock_row(tx, "demand", id, why) || !read_one(tx, id, a, &d, &is_open, why) || !is_open)
		return why->code == FAIL_NONE;
	int before = d.days.stage;
	if (!demand_days_make(tx, d.region, &d.days, why))
		return false;
	int stage = -1; /* who was not told for days hears the newest alone */
	while (d.days.next_on != 0 && d.days.next_on <= today) {
		stage = d.days.stage++;
		if (!demand_days_make(tx, d.region, &d.days, why))
			return false;
	}
	if (!write_one(tx, &d, before, &moved, why) || !moved || stage < 0)
		return why->code == FAIL_NONE;
	return tell_person(tx, &d, stage, now_ms, a, why) && (stage != DEMAND_STAGES - 1 || tell_department(tx, &d, today, now_ms, a, why));
}

bool demands_tell(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why)
{
	int64_t ids[BITE_MAX], version;
	int32_t today = day_of(now_ms);
	int count = 0;
	bool ok = true;
	struct arena a;
	*rows = 0;
	if (now_ms < day_begins_ms(today) + DEMAND_FROM_HOUR * HOUR_MS)
		return true;
	assert(rows_max <= BITE_MAX);
	if (!calendar_version(tx, &version, why) || !ids_of(tx, today, version, rows_max, ids, &count, why))
		return false;
	arena_init(&a, ARENA_BYTES);
	for (int i = 0; i < count && ok; i++) {
		ok = one(tx, ids[i], today, now_ms, &a, why);
		arena_reset(&a);
	}
	arena_free(&a);
	*rows = count;
	return ok;
}
