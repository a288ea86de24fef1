/* channels/certificates.c - what is believed of a certificate is what can be held against it later: its number and its digest. */
#include "channels/certificates.h"

#include "base/day.h"
#include "channels/signed_question.h"

enum { ANSWER_MAX = 64 << 10, BODY_FIRST_BYTES = 512 };

/* ---- build ---- */

static struct str body_of(const struct certificates_question *q, struct arena *a)
{
	struct buf b;
	buf_init(&b, a, BODY_FIRST_BYTES);
	struct json_out j = json_begin(&b);
	json_put_object(&j);
	json_add_text(&j, "id", q->id);
	json_add_text(&j, "type", q->type);
	json_put_name(&j, "holder");
	json_put_object(&j);
	json_add_text(&j, "id_type", q->id_type);
	json_add_text(&j, "id_number", q->id_number);
	json_add_text(&j, "name", q->name);
	json_put_object_end(&j);
	json_put_object_end(&j);
	return json_end(&j) ? buf_text(&b) : STR_NONE;
}

bool certificates_build(const struct certificates_question *q, struct arena *a, struct http_call *out, struct fail *why)
{
	const struct signed_question asked = { .base = q->base, .path = STR("/certificates/query"), .id = q->id, .body = body_of(q, a), .key = q->key,
		.key_name = "certificates.key_file", .now_ms = q->now_ms, .answer_max = ANSWER_MAX };
	return signed_question_build(&asked, a, out, why);
}

/* ---- judge ---- */

struct said {
	struct str id, result;
};

static const struct json_field fields[] = {
	{ "id", JSON_F_TEXT, true, 0, 0, offsetof(struct said, id), NULL },
	{ "result", JSON_F_TEXT, true, 0, 0, offsetof(struct said, result), NULL },
};

struct told {
	struct str number, name, issuer, sha256, valid_until;
};

static const struct json_field certificate_fields[] = {
	{ "number", JSON_F_TEXT, true, 1, E_CERTIFICATE_NUMBER_MAX, offsetof(struct told, number), NULL },
	{ "name", JSON_F_TEXT, true, 1, E_CERTIFICATE_NAME_MAX, offsetof(struct told, name), NULL },
	{ "issuer", JSON_F_TEXT, true, 1, E_CERTIFICATE_NAME_MAX, offsetof(struct told, issuer), NULL },
	{ "sha256", JSON_F_TEXT, true, 2 * SHA256_BYTES, 2 * SHA256_BYTES, offsetof(struct told, sha256), NULL },
	{ "valid_until", JSON_F_TEXT, false, DAY_TEXT_BYTES - 1, DAY_TEXT_BYTES - 1, offsetof(struct told, valid_until), NULL },
};

static bool broken(struct fail *why, const char *how)
{
	fail_clear(why); /* what the reader said of the text is no reason of ours */
	return FAILS(why, PEER_NONSENSE, "the platform of certificates: %s", how);
}

/* A line's end would be one more line of whatever shows it. */
static bool is_plain(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.at[i] < ' ' || s.at[i] == 0x7f)
			return false;
	return true;
}

static bool take_one(const json_t *item, struct held_certificate *to, struct arena *a, struct fail *why)
{
	struct told t = { .number = STR_NONE };
	int32_t day;
	if (!json_take(item, certificate_fields, sizeof certificate_fields / sizeof certificate_fields[0], JSON_IGNORE_UNKNOWN, "", &t, a, why))
		return why->code == FAIL_MEMORY ? false : broken(why, "a certificate that is not whole");
	if (!is_plain(t.number) || !is_plain(t.name) || !is_plain(t.issuer) || (t.valid_until.at != NULL && !day_from_text(t.valid_until, &day)))
		return broken(why, "a certificate that cannot be shown");
	*to = (struct held_certificate){ .number = t.number, .name = t.name, .issuer = t.issuer, .valid_until = t.valid_until.at != NULL ? t.valid_until : STR("") };
	return str_hex(t.sha256, to->sha256, SHA256_BYTES) == SHA256_BYTES || broken(why, "a digest that is none");
}

bool certificates_judge(struct str id, const struct http_answer *answer, struct held_certificate out[CERTIFICATES_MAX], int *count, struct arena *a, struct fail *why)
{
	struct said said = { .id = STR_NONE };
	size_t i;
	json_t *item;
	*count = 0;
	if (answer->end != HTTP_ANSWERED || answer->status != 200)
		return broken(why, "not a 200");
	DROP(json) json_t *j = json_read(answer->body, why);
	if (j == NULL || !json_take(j, fields, sizeof fields / sizeof fields[0], JSON_IGNORE_UNKNOWN, "", &said, a, why))
		return broken(why, "not what was agreed");
	if (!str_eq(said.id, id))
		return broken(why, "an answer to another question");
	if (str_eq(said.result, STR("none")))
		return true;
	const json_t *items = json_object_get(j, "certificates");
	if (!str_eq(said.result, STR("found")) || !json_is_array(items) || json_array_size(items) == 0 || json_array_size(items) > CERTIFICATES_MAX)
		return broken(why, "neither some nor none");
	json_array_foreach(items, i, item)
		if (!take_one(item, &out[i], a, why))
			return false;
	*count = (int)json_array_size(items);
	return true;
}
