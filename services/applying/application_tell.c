/* services/applying/application_tell.c - a line to say that there is something to read, and where. */
#include "services/applying/application_tell.h"

#include "base/hash.h"
#include "base/json.h"
#include "channels/url.h"
#include "services/departments/hook.h"
#include "store/store.h"

enum { BODY_BYTES = 1024, PARTS_MAX = 16 };

struct part {
	int64_t department;
	int64_t n;
	struct str code; /* in the arena */
};

/* The request's own, another for each thing that is told: a department may lead and have parts. */
static void seed_of(const struct case_file *c, int64_t seq, int64_t part, uint8_t out[SHA256_BYTES])
{
	struct {
		uint8_t random[32];
		int64_t case_id, seq, part;
	} in = { .case_id = c->id, .seq = seq, .part = part };
	memcpy(in.random, c->pen->random, sizeof in.random);
	sha256((struct str){ (const char *)&in, sizeof in }, out);
}

static void place_out(struct json_out *j, struct arena *a, struct str case_ref)
{
	struct buf place;
	buf_init(&place, a, 128);
	buf_str(&place, STR("/v1/department/cases/"));
	url_escape(&place, case_ref);
	buf_str(&place, STR("/application"));
	json_add_text(j, "read", buf_text(&place));
}

/* part at NULL: to the department whose case it is. */
static bool body_of(const struct case_file *c, const struct journal_entry *e, const struct part *part, struct str *out, struct fail *why)
{
	struct buf b, type;
	buf_init(&b, c->pen->arena, BODY_BYTES);
	buf_init(&type, c->pen->arena, 64);
	buf_str(&type, STR("application."));
	buf_str(&type, part != NULL ? STR("part_awaited") : case_event_row(e->event)->name);
	struct json_out j = json_begin(&b);
	json_put_object(&j);
	json_add_text(&j, "type", buf_text(&type));
	json_add_time(&j, "timestamp", c->pen->now_ms);
	json_put_name(&j, "data");
	json_put_object(&j);
	json_add_text(&j, "case_no", (struct str){ c->case_no, CASE_NUMBER_LENGTH });
	if (part != NULL) {
		json_add_text(&j, "part", part->code);
	} else {
		json_add_text(&j, "case_ref", c->case_ref);
		json_add_text(&j, "event_id", e->event_id);
		json_add_number(&j, "seq", e->seq);
		json_add_plain(&j, "state", case_state_name(c->state));
		place_out(&j, c->pen->arena, c->case_ref);
	}
	json_put_object_end(&j);
	json_put_object_end(&j);
	*out = buf_text(&b);
	return json_end(&j) || FAILS(why, MEMORY, "a webhook's body");
}

static bool tell(struct tx *tx, const struct case_file *c, const struct journal_entry *e, int64_t department, const struct part *part, struct fail *why)
{
	uint8_t seed[SHA256_BYTES];
	struct str body;
	bool any;
	int count;
	if (!hooks_any(tx, department, HOOK_APPLICATIONS, &any, why) || !any)
		return why->code == FAIL_NONE;
	seed_of(c, e->seq, part != NULL ? part->n : 0, seed);
	return body_of(c, e, part, &body, why) && hooks_tell_case(tx, department, c->id, body, seed, c->pen->now_ms, c->pen->arena, &count, why);
}

static bool parts_of(struct tx *tx, const struct case_file *c, struct part out[PARTS_MAX], int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT p.department, p.n, g.code FROM case_part p JOIN cases w ON w.id = p.whole JOIN guide_part g ON g.guide = w.guide AND g.n = p.n WHERE p.whole = $1 AND p.part IS NULL ORDER BY p.n", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, c->id);
	for (*count = 0; *count < PARTS_MAX && stmt_row(q, why); ++*count) {
		out[*count] = (struct part){ stmt_int(q, 0), stmt_int(q, 1), str_copy(c->pen->arena, stmt_text(q, 2)) };
		if (out[*count].code.at == NULL)
			return FAILS(why, MEMORY, "a part");
	}
	return why->code == FAIL_NONE;
}

bool application_told(struct tx *tx, const struct case_file *c, const struct journal_entry *e, struct fail *why)
{
	struct part parts[PARTS_MAX];
	int count = 0;
	if (!tell(tx, c, e, c->department, NULL, why) || (c->parts > 0 && e->seq == 1 && !parts_of(tx, c, parts, &count, why)))
		return false;
	for (int i = 0; i < count; i++)
		if (!tell(tx, c, e, parts[i].department, &parts[i], why))
			return false;
	return true;
}
