/* services/cases/outage.c - declared by the operator, read by everybody: POST /control/outages, GET /v1/outages. */
#include "services/cases/outage.h"

#include "auth/audit.h"
#include "auth/tenancy.h"
#include "services/cases/calendar.h"
#include "services/handlers.h"
#include "services/page.h"
#include "services/services.h"

#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { DECLARED = 1, REASON_MAX = 120, DAYS_MAX = 60 };
enum { N_OUTAGE };

bool outages_add(struct tx *tx, int64_t region, int32_t from, struct day_span *out, int max, int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT region, first, last FROM outage WHERE last >= $1 ORDER BY id", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, from);
	while (*count < max && stmt_row(q, why))
		if (region_is_within(stmt_int(q, 0), region))
			out[(*count)++] = (struct day_span){ (int32_t)stmt_int(q, 1), (int32_t)stmt_int(q, 2) };
	return why->code == FAIL_NONE;
}

/* ---- control_outage_declare ---- */

struct wish {
	struct str region_text, from_text, to_text, reason;
	int64_t region;
	int32_t first, last;
};

static const struct json_field wish_fields[] = {
	{ "region", JSON_F_TEXT, false, 6, 9, offsetof(struct wish, region_text), NULL },
	{ "from", JSON_F_TEXT, true, 10, 10, offsetof(struct wish, from_text), NULL },
	{ "to", JSON_F_TEXT, true, 10, 10, offsetof(struct wish, to_text), NULL },
	{ "reason", JSON_F_TEXT, true, 4, REASON_MAX, offsetof(struct wish, reason), check_plain_text },
};

static bool declare_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	struct wish *w = request_state(r, sizeof(*w), why);
	if (w == NULL || !request_query_only(r, no_query, why) || !request_json(r, wish_fields, COUNT(wish_fields), w, why))
		return false;
	if (w->region_text.at != NULL && !region_code_from(w->region_text, &w->region))
		return FAILS_FIELD(why, FIELD, "/region", "not a region code");
	if (!day_from_text(w->from_text, &w->first))
		return FAILS_FIELD(why, FIELD, "/from", "not a date");
	if (!day_from_text(w->to_text, &w->last) || w->last < w->first || w->last - w->first >= DAYS_MAX)
		return FAILS_FIELD(why, FIELD, "/to", "not a date, before the first, or more than %d days", DAYS_MAX);
	/* an outage is what was; a closure that is to come is a row of the calendar */
	return w->last <= day_of(r->now_ms) || FAILS_FIELD(why, FIELD, "/to", "in the future");
}

static bool outage_insert(struct tx *tx, const struct request *r, const struct wish *w, int64_t id, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO outage (id, region, first, last, reason, declared_ms) VALUES ($1, $2, $3, $4, $5, $6)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_int(q, 2, w->region);
	stmt_bind_int(q, 3, w->first);
	stmt_bind_int(q, 4, w->last);
	stmt_bind_text(q, 5, w->reason);
	stmt_bind_int(q, 6, r->now_ms);
	return stmt_run(q, why);
}

static bool declare_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct wish *w = r->state;
	int64_t id;
	char detail[64];
	int len = snprintf(detail, sizeof detail, "days %.10s to %.10s region %lld", w->from_text.at, w->to_text.at, (long long)w->region);
	r->outcome = (struct outcome){ .code = DECLARED, .status = 201 };
	struct audit a = { AUDIT_OUTAGE_DECLARED, AUDIT_OF_NOTHING, 0, .result = 201, .detail = { detail, (size_t)len }, .region = w->region };
	if (!tx_next_id(tx, "outage", &id, why) || !outage_insert(tx, r, w, id, why) || !calendar_touch(tx, why) || !audit_add(tx, r, &a, why))
		return false;
	r->outcome.n[N_OUTAGE] = id;
	return true;
}

static bool declare_render(struct request *r, struct fail *why)
{
	struct json_out j = reply_json(r, 201);
	json_put_object(&j);
	json_add_number(&j, "id", r->outcome.n[N_OUTAGE]);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_outage_declare = { .parse = declare_parse, .apply = declare_apply, .render = declare_render };

/* ---- outage_list ---- */

struct shown {
	int64_t id, region, first, last, declared_ms;
	struct str reason;
};

struct outages {
	struct page page;
	struct shown items[];
};

static bool list_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "cursor", "limit", NULL };
	return request_query_only(r, names, why) && page_state(r, (struct cursor){ 0, INT64_MAX }, sizeof(struct outages), sizeof(struct shown), why) != NULL;
}

static bool list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct outages *list = r->state;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, region, first, last, declared_ms, reason FROM outage WHERE id < $1 ORDER BY id DESC LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, list->page.from.id);
	stmt_bind_int(q, 2, list->page.limit + 1);
	while (page_next(&list->page, q, why)) {
		struct shown *s = &list->items[list->page.count - 1];
		*s = (struct shown){ stmt_int(q, 0), stmt_int(q, 1), stmt_int(q, 2), stmt_int(q, 3), stmt_int(q, 4), str_copy(&r->arena, stmt_text(q, 5)) };
		if (s->reason.at == NULL)
			return FAILS(why, MEMORY, "an outage's reason");
	}
	return why->code == FAIL_NONE;
}

static bool list_render(struct request *r, struct fail *why)
{
	const struct outages *list = r->state;
	struct json_out j = reply_list(r);
	for (int i = 0; i < list->page.count; i++) {
		const struct shown *s = &list->items[i];
		char from[DAY_TEXT_BYTES], to[DAY_TEXT_BYTES];
		day_text((int32_t)s->first, from);
		day_text((int32_t)s->last, to);
		json_put_object(&j);
		json_add_text(&j, "from", str_c(from));
		json_add_text(&j, "to", str_c(to));
		if (s->region == REGION_EVERYWHERE)
			json_add_nothing(&j, "region");
		else
			json_add_region_code(&j, "region", s->region);
		json_add_text(&j, "reason", s->reason);
		json_add_time(&j, "declared_at", s->declared_ms);
		json_put_object_end(&j);
	}
	return page_end(r, &j, &list->page, list->page.is_more ? list->items[list->page.count - 1].id : 0, why);
}

const struct handler outage_list = { .parse = list_parse, .look = list_look, .render = list_render };
