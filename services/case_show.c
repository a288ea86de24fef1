/* services/case_show.c - "where is my case?": the question this gateway exists for, and its most frequent. */
#include "services/case_journal.h"
#include "services/case_row.h"
#include "services/handlers.h"
#include "services/services.h"
#include "store/store.h"

/* Part of the ETag: raise it when a text of case_state.def changes, or clients keep the old one. */
enum { TEXTS_EDITION = 1 };

static bool case_show_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	struct case_question *c = request_state(r, sizeof(*c), why);
	return c != NULL && request_query_only(r, no_query, why) && case_question_parse(r->params[0], c, why);
}

static bool case_show_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct case_question *c = r->state;
	if (!case_question_look(tx, r, c, why))
		return false;
	/* A case changes by its events only, and each has a seq; the time tells apart what two databases call the same case. */
	_Static_assert(CASE_SEQ_MAX < 1 << 17, "seq fits below the edition");
	r->version = (uint64_t)c->row.updated_ms << 22 | (uint64_t)TEXTS_EDITION << 17 | (uint64_t)c->row.last_seq;
	return true;
}

static bool case_show_render(struct request *r, struct fail *why)
{
	const struct case_question *c = r->state;
	const struct case_state_row *state = case_state_row((enum case_state)c->row.state);
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	case_row_members(&j, &c->row, r->lang);
	json_put_name(&j, "next");
	json_put_object(&j);
	json_add_plain(&j, "action", case_next_name(state->next));
	json_add_plain(&j, "text", state->advice[r->lang]);
	json_put_object_end(&j);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler case_show = { .parse = case_show_parse, .look = case_show_look, .render = case_show_render };
