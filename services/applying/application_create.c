/* services/applying/application_create.c - POST /v1/applications: an application is begun, under the guide that its matter has now. */
#include "services/applying/application_view.h"

#include "auth/mandate.h"
#include "auth/tenancy.h"
#include "services/guides/guide_rows.h"
#include "services/guides/guide_words.h"
#include "services/handlers.h"
#include "services/services.h"

#include <stddef.h>

enum { DONE = 1, N_EDITION = 0, REGION_SIX = 999999 };
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const no_query[] = { NULL };

struct beginning {
	struct str matter, region_text;
	int64_t region; /* 0: where the matter is at home */
};

static const struct json_field beginning_fields[] = {
	{ "matter", JSON_F_TEXT, true, 1, 64, offsetof(struct beginning, matter), NULL },
	{ "region", JSON_F_TEXT, false, 6, 6, offsetof(struct beginning, region_text), NULL },
};

static bool create_parse(struct request *r, struct fail *why)
{
	struct beginning *b = request_state(r, sizeof(*b), why);
	if (b == NULL || !request_query_only(r, no_query, why) || !request_json(r, beginning_fields, COUNT(beginning_fields), b, why))
		return false;
	return b->region_text.at == NULL || region_code_from(b->region_text, &b->region) || FAILS_FIELD(why, FIELD, "/region", "not a region code");
}

static bool wrong(struct fail *why, const char *pointer, const char *reason)
{
	FAILS_FIELD(why, FIELD, pointer, "application: %s", reason);
	fail_fact_text(why, "reason", reason);
	return false;
}

/* The matter as citizens see it now. */
struct matter {
	int64_t id, department, guide, region, online; /* guide, online 0: it has no guide */
};

static bool matter_find(struct tx *tx, struct str code, struct matter *m, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT m.id, COALESCE(u.department, m.department), COALESCE(u.id, 0), COALESCE(u.region, m.region), COALESCE(u.online, 0) FROM matter m" GUIDE_CURRENT_JOIN
		" WHERE m.code = $1 AND " MATTER_IS_SHOWN, why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, code);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && wrong(why, "/matter", "unknown_matter");
	*m = (struct matter){ stmt_int(q, 0), stmt_int(q, 1), stmt_int(q, 2), stmt_int(q, 3), stmt_int(q, 4) };
	return true;
}

static bool matter_fits(struct tx *tx, const struct request *r, const struct matter *m, struct fail *why)
{
	bool covers;
	if (!mandate_covers(tx, &r->who, m->id, &covers, why))
		return false;
	if (!covers)
		return wrong(why, "/matter", "not_in_your_mandate");
	return m->online >= ONLINE_APPLY || FAILS(why, NOT_ONLINE, "matter %lld", (long long)m->id);
}

static bool region_fits(struct tx *tx, const struct matter *m, int64_t *region, struct fail *why)
{
	int64_t home = m->region;
	while (home > REGION_SIX)
		home /= 1000; /* a township's case is counted in its county */
	if (*region == 0)
		*region = home;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT code FROM region WHERE code = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, *region);
	bool found = stmt_row(q, why);
	if (why->code != FAIL_NONE)
		return false;
	return (found && region_is_within(home, *region)) || wrong(why, "/region", found ? "not_served_there" : "unknown_region");
}

static bool create_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct beginning *b = r->state;
	struct matter m = { 0 };
	uint8_t random[32];
	int64_t region = b->region;
	if (!matter_find(tx, b->matter, &m, why) || !matter_fits(tx, r, &m, why) || !region_fits(tx, &m, &region, why))
		return false;
	request_bytes(r, "application", random);
	struct application ap = { .key = id_make(r->now_ms, random), .person = principal_whose(&r->who), .maker = r->who.id, .matter = m.id, .guide = m.guide,
				  .department = m.department, .region = region };
	if (!application_make(tx, &ap, r->now_ms, random + 16, why))
		return false;
	r->outcome = (struct outcome){ .code = DONE, .status = 201, .n = { [N_EDITION] = ap.edition } };
	id_text(ap.key, APPLICATION_PREFIX, r->outcome.text);
	return true;
}

static bool create_render(struct request *r, struct fail *why)
{
	struct json_out j = reply_json(r, 201);
	struct buf location;
	json_put_object(&j);
	json_add_text(&j, "id", str_c(r->outcome.text));
	json_add_number(&j, "edition", r->outcome.n[N_EDITION]);
	json_put_object_end(&j);
	buf_init(&location, &r->arena, 64);
	buf_printf(&location, "/v1/applications/%s", r->outcome.text);
	if (!buf_ok(&location))
		return FAILS(why, MEMORY, "location");
	reply_header(r, "location", buf_text(&location));
	application_etag(r, r->outcome.n[N_EDITION]);
	return reply_json_end(r, &j, why);
}

const struct handler application_create = { .parse = create_parse, .apply = create_apply, .render = create_render };
