/* services/cases/staff_calendar.c - POST /v1/staff/calendars?year=: a year's table as its maker keeps it, made a proposal calendar_year (services/cases/calendar_year.h). */
#include "base/json.h"
#include "services/cases/calendar_year.h"
#include "services/handlers.h"
#include "services/services.h"
#include "services/staff/proposal_wish.h"

static bool payload_of(struct request *r, struct str *out, struct fail *why)
{
	struct buf b;
	buf_init(&b, &r->arena, PROPOSAL_PAYLOAD_MAX);
	struct json_out j = json_begin(&b);
	json_put_object(&j);
	json_add_text(&j, "table", r->body);
	json_put_object_end(&j);
	*out = buf_text(&b);
	if (!json_end(&j))
		return FAILS(why, MEMORY, "a calendar");
	return out->len <= PROPOSAL_PAYLOAD_MAX || FAILS(why, BODY_TOO_LARGE, "a calendar of %zu bytes", r->body.len);
}

/* By its form already here, where lines are counted as its maker counts them; what is not UTF-8 never gets to be JSON. */
static bool propose_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "year", NULL };
	struct proposal_wish *w = request_state(r, sizeof(*w), why);
	struct str text;
	int64_t year;
	if (w == NULL || !request_query_only(r, names, why) || !request_query(r, "year", &text, why))
		return false;
	if (!str_to_i64(text, 1970, 2199, &year))
		return FAILS_FIELD(why, QUERY, "year", "not a year");
	*w = (struct proposal_wish){ .subject = text, .n = { .kind = PROPOSAL_CALENDAR_YEAR, .region = r->who.region } };
	return calendar_year_check(r->body, (int)year, &r->arena, why) && payload_of(r, &w->n.payload, why);
}

static bool propose_apply(struct tx *tx, struct request *r, struct fail *why)
{
	return proposal_wish_apply(tx, r, r->state, why);
}

const struct handler staff_calendar_propose = { .parse = propose_parse, .apply = propose_apply, .render = proposal_wish_render, .takes_table = true };
