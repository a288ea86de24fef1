/* services/applying/material_upload.c - POST /v1/applications/:id/materials/:number: a file goes by in pieces, is judged, cleaned and sealed, and only then asked whose it is. */
#include "services/applying/application_view.h"
#include "services/applying/material.h"
#include "services/applying/upload_sink.h"
#include "services/handlers.h"
#include "services/services.h"

enum { UPLOADED = 1, THERE = 2, N_EDITION = 0, N_BYTES = 1, N_NUMBER = 2, N_KIND = 3, N_MADE = 4 };

/* ---- the request ---- */

struct uploading {
	struct application ap;
	int64_t number, numbers; /* of the guide's materials: this one, and how many there are */
};

static bool upload_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	struct uploading *u = request_state(r, sizeof(*u), why);
	if (u == NULL || !request_query_only(r, no_query, why))
		return false;
	return str_to_i64(r->params[1], 1, MATERIAL_NUMBERS_MAX, &u->number) || FAILS(why, NOT_FOUND, "not a material's number");
}

static bool upload_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct uploading *u = r->state;
	bool is_seen;
	if (!application_asked(tx, r, &u->ap, &is_seen, why))
		return false;
	if (!is_seen)
		return true;
	DROP(json) json_t *body = NULL;
	struct fields *form;
	if (!application_form(tx, u->ap.guide, &r->arena, &body, &form, why))
		return false;
	u->numbers = (int64_t)json_array_size(json_object_get(body, "materials"));
	return true;
}

static bool upload_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct uploading *u = r->state;
	const struct upload *s = upload_of(r);
	struct material m;
	int64_t edition;
	uint8_t random[32];
	request_bytes(r, "material", random);
	struct material_new n = { .key = id_make(r->now_ms, random), .number = u->number, .maker = r->who.id, .kind = s->media.kind, .sealed = &s->sealed };
	if (!material_add(tx, &u->ap, &n, u->numbers, r->now_ms, random + 16, &r->arena, &m, &edition, why))
		return false;
	bool is_new = memcmp(m.key.bytes, n.key.bytes, ID_BYTES) == 0;
	r->outcome = (struct outcome){ .code = is_new ? UPLOADED : THERE, .status = is_new ? 201 : 200,
				       .n = { [N_EDITION] = edition, [N_BYTES] = m.bytes, [N_NUMBER] = m.number, [N_KIND] = m.kind, [N_MADE] = m.made_ms } };
	id_text(m.key, MATERIAL_PREFIX, r->outcome.text);
	return true;
}

static bool upload_render(struct request *r, struct fail *why)
{
	const struct outcome *o = &r->outcome;
	struct json_out j = reply_json(r, o->status);
	json_put_object(&j);
	json_add_text(&j, "id", str_c(o->text));
	json_add_number(&j, "material", o->n[N_NUMBER]);
	json_add_plain(&j, "media", media_type((enum media_kind)o->n[N_KIND]));
	json_add_number(&j, "bytes", o->n[N_BYTES]);
	json_add_time(&j, "uploaded_at", o->n[N_MADE]);
	json_add_number(&j, "edition", o->n[N_EDITION]);
	json_put_object_end(&j);
	application_etag(r, o->n[N_EDITION]);
	return reply_json_end(r, &j, why);
}

const struct handler material_upload = { .sink = &upload_sink, .parse = upload_parse, .look = upload_look, .apply = upload_apply, .render = upload_render };
