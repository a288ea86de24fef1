/* services/voices/voice_mine.c - GET /v1/tickets, /v1/tickets/{number}; POST …/feedback, …/withdraw: whoever spoke sees what becomes of it, and says whether that satisfies him (评价反馈). */
#include "auth/audit.h"
#include "auth/mandate.h"
#include "services/handlers.h"
#include "services/services.h"
#include "services/voices/voice_view.h"

/* ---- list ---- */

static bool list_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "cursor", "limit", NULL };
	return request_query_only(r, names, why) && voice_page_state(r, why) != NULL;
}

static bool list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct voice_page *list = r->state;
	DROP(stmt) struct stmt *q = tx_query(tx, VOICE_VIEW_SELECT " WHERE v.person = $1 AND v.id < $2"
		" AND (EXISTS (SELECT 1 FROM mandate_matter mm WHERE mm.mandate = $3 AND mm.matter = c.matter) OR $3 = 0) ORDER BY v.id DESC LIMIT $4", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, principal_whose(&r->who));
	stmt_bind_int(q, 2, list->page.from.id);
	stmt_bind_int(q, 3, r->who.by_matter ? r->who.mandate : 0);
	stmt_bind_int(q, 4, list->page.limit + 1);
	return voice_page_read(list, q, &r->arena, why);
}

const struct handler voice_list = { .parse = list_parse, .look = list_look, .render = voice_page_render };

/* ---- show ---- */

static bool matter_of(struct tx *tx, int64_t case_id, int64_t *matter, struct fail *why)
{
	*matter = 0;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT matter FROM cases WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, case_id);
	if (stmt_row(q, why))
		*matter = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

/* Nobody's when whoever acts by a mandate may not act in its matter. */
static bool owner_of(struct tx *tx, struct request *r, const struct voice *v, struct fail *why)
{
	int64_t matter;
	bool covers;
	if (!matter_of(tx, v->case_id, &matter, why) || !mandate_covers(tx, &r->who, matter, &covers, why))
		return false;
	r->owner = covers ? v->person : 0;
	return true;
}

static bool show_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct voice_shown *s = r->state;
	return voice_view_find(tx, &r->arena, s->number, &s->view, why) && owner_of(tx, r, &s->view.v, why) &&
	       (r->owner != principal_whose(&r->who) || voice_view_all(tx, &r->arena, &s->view, VOICE_SEEN_BY_PERSON, why));
}

static bool show_render(struct request *r, struct fail *why)
{
	return voice_shown_reply(r, VOICE_SEEN_BY_PERSON, why);
}

const struct handler voice_show = { .parse = voice_shown_parse, .look = show_look, .render = show_render };

/* ---- feedback, and taking it back ---- */

struct saying {
	struct str number, text;
	bool satisfied, withdraws;
};

static bool feedback_parse(struct request *r, struct fail *why)
{
	static const struct json_field fields[] = {
		{ "satisfied", JSON_F_BOOL, true, 0, 0, offsetof(struct saying, satisfied), NULL },
		{ "text", JSON_F_TEXT, false, 2, VOICE_SAID_MAX, offsetof(struct saying, text), check_plain_text },
	};
	struct saying *s = request_state(r, sizeof(*s), why);
	return s != NULL && voice_question(r, &s->number, why) && request_json(r, fields, sizeof(fields) / sizeof(fields[0]), s, why);
}

static bool withdraw_parse(struct request *r, struct fail *why)
{
	struct saying *s = request_state(r, sizeof(*s), why);
	if (s == NULL || !voice_question(r, &s->number, why))
		return false;
	s->withdraws = true;
	return true;
}

static bool say_look(struct tx *tx, struct request *r, struct fail *why)
{
	const struct saying *s = r->state;
	struct voice v;
	if (!voice_find(tx, s->number, &v, why))
		return false;
	return v.id != 0 ? owner_of(tx, r, &v, why) : FAILS(why, NOT_FOUND, "no such voice");
}

/* Whoever is not satisfied is heard once more, and then it is over. A work order goes with its rating and is not taken back. */
static enum voice_event event_of(const struct saying *s, const struct voice *v)
{
	return s->withdraws ? VOICE_WAS_WITHDRAWN : s->satisfied ? VOICE_WAS_SATISFIED : v->reopened ? VOICE_WAS_DISSATISFIED : VOICE_WAS_REOPENED;
}

static bool say_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct saying *s = r->state;
	struct voice v;
	struct voice_by by = { .r = r, .role = VOICE_BY_PERSON, .now_ms = r->now_ms, .random = r->random, .arena = &r->arena };
	if (!voice_take(tx, s->number, &v, why))
		return false;
	if (v.person != principal_whose(&r->who))
		return FAILS(why, NOT_FOUND, "not his any more");
	struct voice_act act = { .event = event_of(s, &v), .text = s->text };
	struct audit a = { AUDIT_VOICE_MOVED, AUDIT_OF_VOICE, v.id, .result = 200, .detail = voice_event_row(act.event)->text, .department = v.department, .region = v.region };
	if (!voice_move(tx, &v, &act, &by, why))
		return false;
	voice_decided(r, &v, 200);
	return audit_add(tx, r, &a, why);
}

const struct handler voice_feedback = { .parse = feedback_parse, .look = say_look, .apply = say_apply, .render = voice_decided_render };
const struct handler voice_withdraw = { .parse = withdraw_parse, .look = say_look, .apply = say_apply, .render = voice_decided_render };
