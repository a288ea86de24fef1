/* services/people/me_erasure.c - /v1/me/erasure: forget me. What goes, what the law keeps and for how long is said in the answer, from auth/retention.def.
 *
 * Who is known by name shows his face first; who is known by a phone alone has none to show. */
#include "auth/audit.h"
#include "auth/person.h"
#include "auth/retention.h"
#include "auth/right.h"
#include "services/handlers.h"
#include "services/people/erasure.h"
#include "services/services.h"

enum { ASKED = 1, TAKEN_BACK };
enum { N_ASKED, N_DUE };

static const char *const no_query[] = { NULL };

static bool erasure_parse(struct request *r, struct fail *why)
{
	return request_state(r, sizeof(struct erasure), why) != NULL && request_query_only(r, no_query, why);
}

static void what_becomes_of_it(struct json_out *j, enum lang lang)
{
	json_put_name(j, "erased");
	json_put_array(j);
	for (int i = 0; i < retention_class_count; i++)
		if (retention_classes[i].erasure != RETENTION_KEPT)
			json_put_text(j, str_c(retention_classes[i].what[lang]));
	json_put_array_end(j);
	json_put_name(j, "kept");
	json_put_array(j);
	for (int i = 0; i < retention_class_count; i++) {
		if (retention_classes[i].erasure != RETENTION_KEPT)
			continue;
		json_put_object(j);
		json_add_text(j, "what", str_c(retention_classes[i].what[lang]));
		json_add_text(j, "why", str_c(retention_classes[i].basis[lang]));
		json_put_object_end(j);
	}
	json_put_array_end(j);
}

static bool erasure_render(struct request *r, int status, struct str id, enum erasure_state state, int64_t asked_ms, int64_t due_ms, struct fail *why)
{
	static const char *const states[] = { [ERASURE_NONE] = "none", [ERASURE_WAITING] = "waiting", [ERASURE_TAKEN_BACK] = "taken_back",
		[ERASURE_UNDER_WAY] = "under_way", [ERASURE_DONE] = "done" };
	struct json_out j = reply_json(r, status);
	json_put_object(&j);
	json_add_text(&j, "id", id);
	json_add_plain(&j, "state", str_c(states[state]));
	json_add_time(&j, "asked_at", asked_ms);
	json_add_time(&j, "due_at", due_ms);
	what_becomes_of_it(&j, r->lang);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

/* ---- ask ---- */

static bool ask_look(struct tx *tx, struct request *r, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT kind FROM person WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, r->who.id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "person %lld", (long long)r->who.id);
	if (stmt_int(q, 0) == IDENTITY_NONE || level_suffices(&r->who, LEVEL_L3, r->now_ms))
		return true;
	FAILS(why, LEVEL, "an erasure needs a face");
	fail_fact_number(why, "needed_level", LEVEL_L3);
	fail_fact_text(why, "step", level_row(LEVEL_L3)->step);
	return false;
}

static bool ask_apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct erasure e;
	if (!erasure_ask(tx, r, services_config()->erasure_days, &e, why))
		return false;
	r->outcome = (struct outcome){ .code = ASKED, .status = 202, .n = { [N_ASKED] = e.asked_ms, [N_DUE] = e.due_ms } };
	id_text(e.key, "er", r->outcome.text);
	return true;
}

static bool ask_render(struct request *r, struct fail *why)
{
	return erasure_render(r, 202, str_c(r->outcome.text), ERASURE_WAITING, r->outcome.n[N_ASKED], r->outcome.n[N_DUE], why);
}

const struct handler me_erasure_ask = { .parse = erasure_parse, .look = ask_look, .apply = ask_apply, .render = ask_render };

/* ---- show ---- */

static bool show_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct erasure *e = r->state;
	return erasure_last(tx, r->who.id, e, why) && (e->state != ERASURE_NONE || FAILS(why, NOT_FOUND, "none was asked for"));
}

static bool show_render(struct request *r, struct fail *why)
{
	const struct erasure *e = r->state;
	char key[ID_TEXT_BYTES];
	id_text(e->key, "er", key);
	return erasure_render(r, 200, str_c(key), e->state, e->asked_ms, e->due_ms, why);
}

const struct handler me_erasure_show = { .parse = erasure_parse, .look = show_look, .render = show_render };

/* ---- take back ---- */

static bool take_back_apply(struct tx *tx, struct request *r, struct fail *why)
{
	r->outcome = (struct outcome){ .code = TAKEN_BACK, .status = 204 };
	return erasure_take_back(tx, r, why);
}

static bool take_back_render(struct request *r, struct fail *why)
{
	(void)why;
	r->reply.status = 204;
	return true;
}

const struct handler me_erasure_take_back = { .parse = erasure_parse, .apply = take_back_apply, .render = take_back_render };
