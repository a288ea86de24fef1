/* services/staff_mandate.c - POST /v1/staff/mandates/:id/accept: the giver, or whoever brings the papers of a child or a company, stands at a window.
 *
 * The holder brings the mandate's id; the clerk types what the card says, so that nobody is accepted for unseen. It must be what the holder wrote. */
#include "services/handlers.h"
#include "services/mandate_tell.h"
#include "services/mandate_view.h"
#include "services/services.h"

struct at_window {
	struct id key;
	struct document_said document;
	struct str name;
	struct identity giver;
};

static bool accept_parse(struct request *r, struct fail *why)
{
	static const struct json_field fields[] = {
		DOCUMENT_FIELDS(offsetof(struct at_window, document), false),
		{ "name", JSON_F_TEXT, true, 1, PERSON_NAME_MAX, offsetof(struct at_window, name), check_plain_text },
	};
	struct at_window *w = request_state(r, sizeof(*w), why);
	return w != NULL && mandate_question(r, &w->key, why) && request_json(r, fields, sizeof(fields) / sizeof(fields[0]), w, why) &&
	       mandate_giver_from(r, &w->document, &w->giver, why);
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

static bool accept_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct at_window *w = r->state;
	struct mandate m;
	uint8_t random[32];
	request_bytes(r, "mandate giver", random);
	if (!mandate_at_window(tx, r, w->key, &m, why) || !mandate_papers(tx, r, &m, &w->giver, w->name, random, why) || !mandate_accept(tx, r, &m, BY_WINDOW, why) ||
	    !mandate_tell(tx, &m, TEMPLATE_mandate_accepted, r->now_ms, r->random, &r->arena, why))
		return false;
	mandate_decided(r, &m);
	return true;
}

const struct handler staff_mandate_accept = { .parse = accept_parse, .look = accept_look, .apply = accept_apply, .render = mandate_decided_render };
