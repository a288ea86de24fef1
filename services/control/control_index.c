/* services/control/control_index.c - is what was imported found already? The search index follows the catalogue within a second, on each gateway by itself. */
#include "base/json.h"
#include "base/shelf.h"
#include "services/guides/catalogue_summary.h"
#include "services/guides/guide_rows.h"
#include "services/handlers.h"

struct index_state {
	int64_t catalogue, index; /* generations; index 0: nothing makes one here */
};

static bool index_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	return request_state(r, sizeof(struct index_state), why) != NULL && request_query_only(r, no_query, why);
}

static bool index_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct index_state *s = r->state;
	__attribute__((cleanup(shelved_dropper))) struct shelved *held = NULL;
	const struct catalogue_summary *summary = shelf_take(SHELF_SUMMARY, &held);
	s->index = summary != NULL ? summary->generation : 0;
	return catalogue_generation(tx, &s->catalogue, why);
}

static bool index_render(struct request *r, struct fail *why)
{
	const struct index_state *s = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_number(&j, "catalogue", s->catalogue);
	json_add_number(&j, "index", s->index);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_index = { .parse = index_parse, .look = index_look, .render = index_render };
