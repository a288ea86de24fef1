/* services/people/mandate_view.c - why this exists: what may be said of another person is decided once. */
#include "services/people/mandate_view.h"
#include "auth/mask.h"
#include "base/clock.h"
#include "base/hash.h"
#include "services/services.h"
#include <assert.h>

enum { N_STATE, N_ENDS };

static void copy(struct str from, char *to, size_t bytes)
{
	assert(from.len < bytes);
	memcpy(to, from.at, from.len);
	to[from.len] = '\0';
}

static bool giver_as_written(struct tx *tx, struct mandate_view *to, struct fail *why)
{
	char text[MANDATE_SAID_BYTES];
	struct mandate_said said;
	bool ok = mandate_said(tx, to->m.id, text, &said, why);
	if (ok) {
		struct buf number = { .at = to->number, .cap = sizeof(to->number) - 1 };
		copy(said.name, to->name, sizeof(to->name));
		mask_number(said.kind, said.number, &number);
		to->number[number.len] = '\0';
	}
	wipe(text, sizeof(text));
	return ok;
}

/* He came forward himself, so the giver learns his name. */
static bool holder_by_name(struct tx *tx, struct mandate_view *to, struct fail *why)
{
	char text[PERSON_FACTS_BYTES];
	struct person_facts facts;
	bool ok = person_facts_get(tx, to->m.holder, text, &facts, why);
	if (ok && facts.name.at != NULL)
		copy(facts.name, to->name, sizeof(to->name));
	wipe(text, sizeof(text));
	return ok;
}

bool mandate_view_look(struct tx *tx, struct request *r, const struct mandate *m, struct mandate_view *to, struct fail *why)
{
	int count;
	*to = (struct mandate_view){ .m = *m, .is_held = mandate_is_holder(&r->who, m) };
	assert(to->is_held || mandate_is_giver(&r->who, m));
	if (!(to->is_held ? giver_as_written(tx, to, why) : holder_by_name(tx, to, why)))
		return false;
	if (m->matters == 0)
		return true;
	to->matters = arena_alloc(&r->arena, MANDATE_MATTERS_MAX * sizeof(*to->matters));
	return to->matters != NULL ? mandate_matters(tx, m->id, &r->arena, to->matters, &count, why) : FAILS(why, MEMORY, "matters of a mandate");
}

static void text_or_nothing(struct json_out *j, const char *name, const char *text)
{
	if (text[0] != '\0')
		json_add_text(j, name, str_c(text));
	else
		json_add_nothing(j, name);
}

static void time_or_nothing(struct json_out *j, const char *name, int64_t ms)
{
	if (ms != 0)
		json_add_time(j, name, ms);
	else
		json_add_nothing(j, name);
}

static void scopes_and_matters(struct json_out *j, const struct mandate_view *v)
{
	json_put_name(j, "scopes");
	json_put_array(j);
	for (int i = 1; i < MANDATE_SCOPES; i++)
		if (v->m.scopes >> i & 1)
			json_put_text(j, str_c(mandate_scope_text((enum mandate_scope)i)));
	json_put_array_end(j);
	json_put_name(j, "matters");
	json_put_array(j);
	for (int i = 0; i < v->m.matters; i++)
		json_put_text(j, v->matters[i]);
	json_put_array_end(j);
}

void mandate_members(struct json_out *j, const struct mandate_view *v)
{
	static const char *const ways[] = { [BY_NOBODY] = "", [BY_CODE] = "code", [BY_SESSION] = "session", [BY_AUTHORITY] = "authority", [BY_WINDOW] = "window" };
	char key[ID_TEXT_BYTES];
	id_text(v->m.key, "md", key);
	json_add_text(j, "id", str_c(key));
	json_add_plain(j, "side", v->is_held ? STR("held") : STR("given"));
	json_add_text(j, "kind", str_c(mandate_row(v->m.kind)->text));
	json_add_text(j, "state", str_c(mandate_state_text(v->m.state)));
	text_or_nothing(j, "name", v->name);
	text_or_nothing(j, "id_number", v->number);
	scopes_and_matters(j, v);
	if (v->m.region != 0)
		json_add_region_code(j, "region", v->m.region);
	else
		json_add_nothing(j, "region");
	text_or_nothing(j, "accepted_by", ways[v->m.accepted_by]);
	json_add_time(j, "made_at", v->m.made_ms);
	json_add_time(j, "until", v->m.until_ms);
	json_add_time(j, "ends_at", v->m.ends_ms);
	time_or_nothing(j, "used_at", v->m.used_ms);
}

bool mandate_question(struct request *r, struct id *key, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	if (!request_query_only(r, no_query, why))
		return false;
	return id_from_text(r->params[0], "md", key) || FAILS(why, NOT_FOUND, "not the id of a mandate");
}

bool mandate_giver_from(const struct request *r, const struct document_said *said, struct identity *out, struct fail *why)
{
	return document_parse(said, DOCUMENTS_OF_RESIDENTS | DOCUMENTS_OF_ORGANISATIONS, "/", time_yyyymmdd(r->now_ms), out, why);
}

void mandate_decided(struct request *r, const struct mandate *m)
{
	r->outcome = (struct outcome){ .code = 1, .status = 200, .n = { [N_STATE] = m->state, [N_ENDS] = m->ends_ms } };
	id_text(m->key, "md", r->outcome.text);
}

bool mandate_decided_render(struct request *r, struct fail *why)
{
	struct json_out j = reply_json(r, r->outcome.status);
	json_put_object(&j);
	json_add_text(&j, "id", str_c(r->outcome.text));
	json_add_text(&j, "state", str_c(mandate_state_text((enum mandate_state)r->outcome.n[N_STATE])));
	json_add_time(&j, "ends_at", r->outcome.n[N_ENDS]);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}
