/* services/staff/staff_proposal.c - /v1/staff/proposals: one person proposes, another looks and decides.
 *
 * Approving may tell a code once (an invitation's). So it takes no Idempotency-Key and keeps no answer; a second time it says that it is decided. A code whose
 * answer was lost is worth nothing: propose staff_again, or `siban staff again`. */
#include "auth/proposal.h"
#include "auth/staff.h"
#include "base/json.h"
#include "services/handlers.h"
#include "services/page.h"
#include "services/services.h"
#include "services/staff/proposal_wish.h"
#include <stdlib.h>

enum { MADE = 1, APPROVED, REFUSED, WITHDRAWN };
enum { N_KIND };
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const no_query[] = { NULL };

/* ---- make ---- */

struct wish {
	struct str kind_name, region;
	json_t *payload_object;
	struct proposal_wish made;
};

static const struct json_field make_fields[] = {
	{ "kind", JSON_F_TEXT, true, 1, 32, offsetof(struct wish, kind_name), NULL },
	{ "subject", JSON_F_TEXT, false, 1, PROPOSAL_SUBJECT_MAX - 1, offsetof(struct wish, made.subject), NULL },
	{ "region", JSON_F_TEXT, true, 6, 9, offsetof(struct wish, region), NULL },
	{ "payload", JSON_F_OBJECT, true, 0, 0, offsetof(struct wish, payload_object), NULL },
};

static bool payload_text(struct request *r, const json_t *object, struct str *out, struct fail *why)
{
	char *at = arena_alloc(&r->arena, PROPOSAL_PAYLOAD_MAX);
	if (at == NULL)
		return FAILS(why, MEMORY, "a proposal's payload");
	size_t len = json_dumpb(object, at, PROPOSAL_PAYLOAD_MAX, JSON_COMPACT | JSON_SORT_KEYS);
	*out = (struct str){ at, len };
	return (len > 0 && len <= PROPOSAL_PAYLOAD_MAX) || FAILS_FIELD(why, FIELD, "/payload", "more than %d bytes", PROPOSAL_PAYLOAD_MAX);
}

static bool wish_fits(struct request *r, struct wish *w, struct fail *why)
{
	int kind = proposal_kind_from(w->kind_name);
	if (kind == 0)
		return FAILS_FIELD(why, FIELD, "/kind", "no such kind");
	bool has_subject = proposal_deed(kind)->find != NULL;
	if (has_subject && w->made.subject.at == NULL)
		return FAILS_FIELD(why, FIELD_MISSING, "/subject", "whom is it about?");
	if (!has_subject && w->made.subject.at != NULL)
		return FAILS_FIELD(why, FIELD, "/subject", "it does not exist yet");
	if (!region_code_from(w->region, &w->made.n.region))
		return FAILS_FIELD(why, FIELD, "/region", "not a region code");
	w->made.n.kind = (enum proposal_kind)kind;
	return payload_text(r, w->payload_object, &w->made.n.payload, why) &&
	       proposal_deed(kind)->check(w->made.n.kind, w->made.n.payload, &r->arena, why);
}

/* Not request_json: the payload's object must outlive the first json_take. */
static bool make_parse(struct request *r, struct fail *why)
{
	struct wish *w = request_state(r, sizeof(*w), why);
	if (w == NULL || !request_query_only(r, no_query, why))
		return false;
	DROP(json) json_t *body = json_read(r->body, why);
	bool ok = body != NULL && json_take(body, make_fields, COUNT(make_fields), JSON_REFUSE_UNKNOWN, "", w, &r->arena, why) && wish_fits(r, w, why);
	w->payload_object = NULL;
	return ok;
}

static bool region_exists(struct tx *tx, int64_t region, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT code FROM region WHERE code = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, region);
	return stmt_row(q, why) || (why->code == FAIL_NONE && FAILS_FIELD(why, FIELD, "/region", "no such region"));
}

bool proposal_wish_apply(struct tx *tx, struct request *r, struct proposal_wish *w, struct fail *why)
{
	const struct proposal_deed *deed = proposal_deed(w->n.kind);
	struct proposal p;
	uint8_t random[32];
	request_bytes(r, "proposal", random);
	if (!proposal_may_make(r, &w->n, why) || !region_exists(tx, w->n.region, why) ||
	    (deed->find != NULL && !deed->find(tx, r, w->subject, &w->n, &w->n.subject, why)) || !proposal_make(tx, r, &w->n, random, &p, why))
		return false;
	r->outcome = (struct outcome){ .code = MADE, .status = 201 };
	id_text(p.key, "pp", r->outcome.text);
	return true;
}

static bool make_apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct wish *w = r->state;
	return proposal_wish_apply(tx, r, &w->made, why);
}

bool proposal_wish_render(struct request *r, struct fail *why)
{
	struct json_out j = reply_json(r, 201);
	json_put_object(&j);
	json_add_text(&j, "id", str_c(r->outcome.text));
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler staff_proposal_make = { .parse = make_parse, .apply = make_apply, .render = proposal_wish_render };

/* ---- how one is shown ---- */

struct shown {
	struct proposal p;
	char maker[STAFF_ACCOUNT_MAX + 1], checker[STAFF_ACCOUNT_MAX + 1], subject[PROPOSAL_SUBJECT_MAX];
};

static bool shown_look(struct tx *tx, struct shown *s, struct fail *why)
{
	const struct proposal_deed *deed = proposal_deed(s->p.kind);
	s->subject[0] = '\0';
	return staff_account(tx, s->p.maker, s->maker, why) && staff_account(tx, s->p.checker, s->checker, why) &&
	       (s->p.subject == 0 || deed->name == NULL || deed->name(tx, s->p.subject, s->subject, why));
}

static void text_or_nothing(struct json_out *j, const char *name, const char *text)
{
	if (text[0] == '\0')
		json_add_nothing(j, name);
	else
		json_add_text(j, name, str_c(text));
}

static void shown_members(struct json_out *j, const struct shown *s, enum lang lang)
{
	char key[ID_TEXT_BYTES];
	const struct proposal_row *row = proposal_row(s->p.kind);
	id_text(s->p.key, "pp", key);
	json_add_text(j, "id", str_c(key));
	json_add_text(j, "kind", str_c(row->text));
	json_add_text(j, "title", str_c(lang == LANG_EN ? row->text : row->zh));
	json_add_text(j, "state", str_c(proposal_state_text(s->p.state)));
	text_or_nothing(j, "subject", s->subject);
	json_add_region_code(j, "region", s->p.region);
	json_add_text(j, "maker", str_c(s->maker));
	text_or_nothing(j, "checker", s->checker);
	json_add_time(j, "made_at", s->p.made_ms);
	json_add_time(j, "expires_at", s->p.expires_ms);
	if (s->p.decided_ms != 0)
		json_add_time(j, "decided_at", s->p.decided_ms);
	else
		json_add_nothing(j, "decided_at");
}

/* ---- list ---- */

struct proposal_page {
	struct page page;
	enum proposal_state state;
	struct proposal *found;
	struct shown items[];
};

static bool list_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "cursor", "limit", "state", NULL };
	struct str state;
	if (!request_query_only(r, names, why) || !request_query(r, "state", &state, why))
		return false;
	struct proposal_page *list = page_state(r, (struct cursor){ 0, INT64_MAX }, sizeof(*list), sizeof(list->items[0]), why);
	if (list == NULL)
		return false;
	list->state = state.at != NULL ? proposal_state_from(state) : 0;
	list->found = arena_alloc(&r->arena, ((size_t)list->page.limit + 1) * sizeof(*list->found));
	if (list->found == NULL)
		return FAILS(why, MEMORY, "%d proposals", list->page.limit);
	return state.at == NULL || list->state != 0 || FAILS_FIELD(why, QUERY, "state", "no such state");
}

static bool list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct proposal_page *list = r->state;
	if (!proposal_list(tx, r, list->state, list->page.from.id, list->found, list->page.limit + 1, &list->page.count, why))
		return false;
	page_cut(&list->page);
	for (int i = 0; i < list->page.count; i++) {
		list->items[i].p = list->found[i];
		if (!shown_look(tx, &list->items[i], why))
			return false;
	}
	return true;
}

static bool list_render(struct request *r, struct fail *why)
{
	const struct proposal_page *list = r->state;
	struct json_out j = reply_list(r);
	for (int i = 0; i < list->page.count; i++) {
		json_put_object(&j);
		shown_members(&j, &list->items[i], r->lang);
		json_put_object_end(&j);
	}
	return page_end(r, &j, &list->page, list->page.is_more ? list->items[list->page.count - 1].p.id : 0, why);
}

const struct handler staff_proposal_list = { .parse = list_parse, .look = list_look, .render = list_render };

/* ---- show ---- */

struct one {
	struct id key;
	struct shown shown;
	struct str note; /* of refuse: the wish; of show: what was said */
};

static bool one_parse(struct request *r, struct fail *why)
{
	struct one *o = request_state(r, sizeof(*o), why);
	if (o == NULL || !request_query_only(r, no_query, why))
		return false;
	return id_from_text(r->params[0], "pp", &o->key) || FAILS(why, NOT_FOUND, "not a proposal's id");
}

/* Whose it is; the runtime compares. */
static bool one_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct one *o = r->state;
	if (!proposal_find(tx, r, o->key, &o->shown.p, why))
		return false;
	r->owner = o->shown.p.region;
	return true;
}

static bool show_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct one *o = r->state;
	return one_look(tx, r, why) && shown_look(tx, &o->shown, why) && proposal_open(tx, r, &o->shown.p, why) && proposal_note(tx, r, &o->shown.p, &o->note, why);
}

static bool show_render(struct request *r, struct fail *why)
{
	const struct one *o = r->state;
	struct str payload = o->shown.p.payload;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	shown_members(&j, &o->shown, r->lang);
	if (o->note.at != NULL)
		json_add_text(&j, "note", o->note);
	else
		json_add_nothing(&j, "note");
	json_put_name(&j, "payload");
	json_put_object(&j);
	if (payload.len > 2) /* as written when it was made: members without their braces */
		json_put_members(&j, (struct str){ payload.at + 1, payload.len - 2 });
	json_put_object_end(&j);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler staff_proposal_show = { .parse = one_parse, .look = show_look, .render = show_render };

/* ---- decide ---- */

static bool refuse_parse(struct request *r, struct fail *why)
{
	static const struct json_field fields[] = { { "note", JSON_F_TEXT, true, 1, PROPOSAL_NOTE_MAX, offsetof(struct one, note), check_plain_text } };
	return one_parse(r, why) && request_json(r, fields, COUNT(fields), r->state, why);
}

static bool decided(struct request *r, const struct proposal *p, int code)
{
	r->outcome = (struct outcome){ .code = code, .status = 200, .n = { [N_KIND] = p->kind } };
	id_text(p->key, "pp", r->outcome.text);
	return true;
}

static bool approve_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct one *o = r->state;
	struct proposal p;
	return proposal_find(tx, r, o->key, &p, why) && proposal_approve(tx, r, &p, why) && decided(r, &p, APPROVED);
}

static bool refuse_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct one *o = r->state;
	struct proposal p;
	return proposal_find(tx, r, o->key, &p, why) && proposal_refuse(tx, r, &p, o->note, why) && decided(r, &p, REFUSED);
}

static bool withdraw_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct one *o = r->state;
	struct proposal p;
	return proposal_find(tx, r, o->key, &p, why) && proposal_withdraw(tx, r, &p, why) && decided(r, &p, WITHDRAWN);
}

static bool decide_render(struct request *r, struct fail *why)
{
	static const enum proposal_state states[] = { [APPROVED] = PROPOSAL_APPROVED, [REFUSED] = PROPOSAL_REFUSED, [WITHDRAWN] = PROPOSAL_WITHDRAWN };
	const struct proposal_deed *deed = proposal_deed((int)r->outcome.n[N_KIND]);
	char secret[PROPOSAL_SECRET_TEXT];
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_text(&j, "id", str_c(r->outcome.text));
	json_add_text(&j, "state", str_c(proposal_state_text(states[r->outcome.code])));
	if (r->outcome.code == APPROVED && deed->secret != NULL) {
		deed->secret(r, secret);
		json_add_text(&j, "invitation", str_c(secret));
		wipe(secret, sizeof(secret));
	}
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler staff_proposal_approve = { .parse = one_parse, .look = one_look, .apply = approve_apply, .render = decide_render };
const struct handler staff_proposal_refuse = { .parse = refuse_parse, .look = one_look, .apply = refuse_apply, .render = decide_render };
const struct handler staff_proposal_withdraw = { .parse = one_parse, .look = one_look, .apply = withdraw_apply, .render = decide_render };
