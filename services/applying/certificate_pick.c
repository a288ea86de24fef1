/* services/applying/certificate_pick.c - /v1/applications/:id/materials/:n/certificates: which electronic certificates the applicant has of the type a material names, and one of them taken in its place.
 *
 * What he picks he names by its digest, and the platform is asked once more: nothing is taken on the word of a phone. */
#include "base/hash.h"
#include "services/applying/application_view.h"
#include "services/applying/certificate_account.h"
#include "services/applying/material_certificate.h"
#include "services/handlers.h"
#include "services/services.h"

#include <stddef.h>

enum { TAKEN = 1, THERE = 2, N_EDITION = 0, HEX_BYTES = 2 * SHA256_BYTES };

struct picking {
	struct application ap;
	int64_t number;
	struct str type, wanted_hex;
	enum identity_kind kind;
	struct person_facts facts;
	char text[PERSON_FACTS_BYTES];
	struct held_certificate of[CERTIFICATES_MAX];
	int count;
	uint8_t wanted[SHA256_BYTES];
};

static struct picking *begin(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	struct picking *p = request_state(r, sizeof(*p), why);
	if (p == NULL || !request_query_only(r, no_query, why))
		return NULL;
	if (!str_to_i64(r->params[1], 1, MATERIAL_NUMBERS_MAX, &p->number)) {
		FAILS(why, NOT_FOUND, "not a material's number");
		return NULL;
	}
	return p;
}

static bool type_of(struct tx *tx, struct request *r, struct picking *p, struct fail *why)
{
	DROP(json) json_t *body = NULL;
	struct fields *form;
	if (!application_form(tx, p->ap.guide, &r->arena, &body, &form, why))
		return false;
	const json_t *type = json_object_get(json_array_get(json_object_get(body, "materials"), (size_t)p->number - 1), "certificate_type");
	if (type == NULL)
		return FAILS(why, NOT_FOUND, "material %lld knows no certificate", (long long)p->number);
	p->type = str_copy(&r->arena, (struct str){ json_string_value(type), json_string_length(type) });
	return p->type.at != NULL || FAILS(why, MEMORY, "a type");
}

/* Of the person whose application it is, whoever acts for him. */
static bool holder_of(struct tx *tx, struct picking *p, struct fail *why)
{
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT kind FROM person WHERE id = $1", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, p->ap.person);
		if (!stmt_row(q, why))
			return why->code == FAIL_NONE && FAILS(why, STORE, "person %lld is gone", (long long)p->ap.person);
		p->kind = (enum identity_kind)stmt_int(q, 0);
	}
	return person_facts_get(tx, p->ap.person, p->text, &p->facts, why) && (p->facts.number.at != NULL || FAILS(why, IDENTITY_UNKNOWN, "a holder without a number"));
}

static bool pick_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct picking *p = r->state;
	bool is_seen;
	if (!application_asked(tx, r, &p->ap, &is_seen, why))
		return false;
	return !is_seen || (type_of(tx, r, p, why) && holder_of(tx, p, why));
}

static bool pick_ask(struct request *r, struct question *q, struct fail *why)
{
	struct picking *p = r->state;
	bool ok = certificate_ask(r, p->type, p->kind, &p->facts, q, why);
	wipe(p->text, sizeof p->text);
	return ok;
}

static bool pick_answered(struct request *r, const struct http_answer *answer, struct fail *why)
{
	struct picking *p = r->state;
	return certificate_answered(r, p->type, answer, p->of, &p->count, why);
}

static const struct ask ask_platform = { .build = pick_ask, .judge = pick_answered };

/* ---- which there are ---- */

static bool list_parse(struct request *r, struct fail *why)
{
	return begin(r, why) != NULL;
}

/* Its owner sees the end of the number, as of a bank card. */
static struct str masked(struct str number)
{
	size_t at = 0, left = str_utf8_length(number), keep = left > 4 ? 4 : left / 2;
	for (; left > keep; left--)
		at += str_utf8_char(number.at + at, number.len - at);
	return (struct str){ number.at + at, number.len - at };
}

static bool list_render(struct request *r, struct fail *why)
{
	const struct picking *p = r->state;
	char hex[HEX_BYTES + 1];
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_text(&j, "type", p->type);
	json_put_name(&j, "items");
	json_put_array(&j);
	for (int i = 0; i < p->count; i++) {
		hex_text(p->of[i].sha256, SHA256_BYTES, hex);
		json_put_object(&j);
		json_add_text(&j, "sha256", str_c(hex));
		json_add_text(&j, "name", p->of[i].name);
		json_add_text(&j, "issuer", p->of[i].issuer);
		json_add_text(&j, "number_tail", masked(p->of[i].number));
		if (p->of[i].valid_until.len > 0)
			json_add_text(&j, "valid_until", p->of[i].valid_until);
		else
			json_add_nothing(&j, "valid_until");
		json_put_object_end(&j);
	}
	json_put_array_end(&j);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler certificate_list_mine = { .parse = list_parse, .look = pick_look, .ask = &ask_platform, .render = list_render };

/* ---- one of them ---- */

static bool take_parse(struct request *r, struct fail *why)
{
	static const struct json_field fields[] = { { "sha256", JSON_F_TEXT, true, HEX_BYTES, HEX_BYTES, offsetof(struct picking, wanted_hex), NULL } };
	struct picking *p = begin(r, why);
	if (p == NULL || !request_json(r, fields, 1, p, why))
		return false;
	return str_hex(p->wanted_hex, p->wanted, SHA256_BYTES) == SHA256_BYTES || FAILS_FIELD(why, FIELD, "/sha256", "not 64 hexadecimal digits");
}

static bool take_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct picking *p = r->state;
	struct material m;
	uint8_t random[32];
	int64_t edition;
	int i = 0;
	while (i < p->count && memcmp(p->of[i].sha256, p->wanted, SHA256_BYTES) != 0)
		i++;
	if (i == p->count) {
		FAILS_FIELD(why, FIELD, "/sha256", "none of his %d", p->count);
		fail_fact_text(why, "reason", "not_there");
		return false;
	}
	request_bytes(r, "certificate", random);
	struct id key = id_make(r->now_ms, random);
	if (!certificate_add(tx, &p->ap, p->number, p->type, &p->of[i], key, r->who.id, r->now_ms, random + 16, &r->arena, &m, &edition, why))
		return false;
	bool is_new = memcmp(m.key.bytes, key.bytes, ID_BYTES) == 0;
	r->outcome = (struct outcome){ .code = is_new ? TAKEN : THERE, .status = is_new ? 201 : 200, .n = { [N_EDITION] = edition } };
	id_text(m.key, MATERIAL_PREFIX, r->outcome.text);
	return true;
}

static bool take_render(struct request *r, struct fail *why)
{
	const struct outcome *o = &r->outcome;
	const struct picking *p = r->state;
	char hex[HEX_BYTES + 1];
	struct json_out j = reply_json(r, o->status);
	hex_text(p->wanted, SHA256_BYTES, hex);
	json_put_object(&j);
	json_add_text(&j, "id", str_c(o->text));
	json_add_number(&j, "material", p->number);
	json_add_text(&j, "sha256", str_c(hex));
	json_add_number(&j, "edition", o->n[N_EDITION]);
	json_put_object_end(&j);
	application_etag(r, o->n[N_EDITION]);
	return reply_json_end(r, &j, why);
}

const struct handler certificate_take = { .parse = take_parse, .look = pick_look, .ask = &ask_platform, .apply = take_apply, .render = take_render };
