/* services/staff/staff_mandate.c - POST /v1/staff/mandates/:id/accept: the giver, or whoever brings the papers of a child or a company, stands at a window.
 *
 * The holder brings the mandate's id; the clerk types what the card says, so that nobody is accepted for unseen. It must be what the holder wrote. */
#include "base/clock.h"
#include "base/hash.h"
#include "services/handlers.h"
#include "services/people/mandate_tell.h"
#include "services/people/mandate_view.h"
#include "services/services.h"

struct at_window {
	struct id key;
	struct document_said document, holder_said;
	struct str name;
	struct identity giver, holder; /* holder.kind NONE: nobody said who he is */
};

static bool accept_parse(struct request *r, struct fail *why)
{
	static const struct json_field fields[] = {
		DOCUMENT_FIELDS(offsetof(struct at_window, document), false),
		{ "name", JSON_F_TEXT, true, 1, PERSON_NAME_MAX, offsetof(struct at_window, name), check_plain_text },
		{ "holder_id_type", JSON_F_TEXT, false, 1, 16, offsetof(struct at_window, holder_said.type), NULL },
		{ "holder_id_country", JSON_F_TEXT, false, 3, 3, offsetof(struct at_window, holder_said.country), NULL },
		{ "holder_id_number", JSON_F_TEXT, false, 1, 32, offsetof(struct at_window, holder_said.number), NULL },
	};
	struct at_window *w = request_state(r, sizeof(*w), why);
	if (w == NULL || !mandate_question(r, &w->key, why) || !request_json(r, fields, sizeof(fields) / sizeof(fields[0]), w, why) ||
	    !mandate_giver_from(r, &w->document, &w->giver, why))
		return false;
	return w->holder_said.number.at == NULL || document_parse(&w->holder_said, DOCUMENTS_EXACT, "/holder_", time_yyyymmdd(r->now_ms), &w->holder, why);
}

/* Whose it is; the runtime compares. */
static bool accept_look(struct tx *tx, struct request *r, struct fail *why)
{
	const struct at_window *w = r->state;
	struct mandate m;
	if (!mandate_at_window(tx, r, w->key, &m, why))
		return false;
	r->owner = m.region;
	return true;
}

/* The licence names its representative: he is who offered, by the card he has with him. */
static bool holder_is_there(struct tx *tx, const struct at_window *w, const struct mandate *m, struct fail *why)
{
	char text[PERSON_FACTS_BYTES];
	struct person_facts facts;
	enum identity_kind kind;
	if (m->kind != MANDATE_REPRESENTATIVE)
		return true;
	if (w->holder.kind == IDENTITY_NONE)
		return FAILS_FIELD(why, FIELD_MISSING, "/holder_id_number", "whose card is it that says he represents the company?");
	bool ok = person_kind(tx, m->holder, &kind, why) && person_facts_get(tx, m->holder, text, &facts, why);
	bool is_he = ok && kind == w->holder.kind && str_eq(facts.number, str_c(w->holder.number));
	wipe(text, sizeof(text));
	return ok && (is_he || FAILS(why, MANDATE_PAPERS, "mandate %lld is held by another", (long long)m->id));
}

static bool accept_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct at_window *w = r->state;
	struct mandate m;
	uint8_t random[32];
	request_bytes(r, "mandate giver", random);
	if (!mandate_at_window(tx, r, w->key, &m, why) || !holder_is_there(tx, w, &m, why) || !mandate_papers(tx, r, &m, &w->giver, w->name, random, why) || !mandate_accept(tx, r, &m, BY_WINDOW, why) ||
	    !mandate_tell(tx, &m, TEMPLATE_mandate_accepted, r->now_ms, r->random, &r->arena, why))
		return false;
	mandate_decided(r, &m);
	return true;
}

const struct handler staff_mandate_accept = { .parse = accept_parse, .look = accept_look, .apply = accept_apply, .render = mandate_decided_render };
