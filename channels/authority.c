/* channels/authority.c - why this exists: only the issuing authority's answer proves a person. */
#include "channels/authority.h"

#include "base/json.h"
#include "channels/standard_webhooks.h"

enum { ANSWER_MAX = 4 << 10, BODY_FIRST_BYTES = 512 };

/* ---- build ---- */

static struct str body_of(const struct authority_question *q, struct arena *a)
{
	static const struct str kinds[] = { [AUTHORITY_TWO_ELEMENT] = { "two_element", 11 }, [AUTHORITY_THREE_ELEMENT] = { "three_element", 13 },
		[AUTHORITY_FACE] = { "face", 4 }, [AUTHORITY_REPRESENTATIVE] = { "representative", 14 } };
	struct buf b;
	buf_init(&b, a, BODY_FIRST_BYTES);
	struct json_out j = json_begin(&b);
	json_put_object(&j);
	json_add_text(&j, "id", q->id);
	json_add_text(&j, "kind", kinds[q->kind]);
	json_add_text(&j, "document", q->document);
	if (q->country.len > 0)
		json_add_text(&j, "country", q->country);
	json_add_text(&j, "number", q->number);
	json_add_text(&j, "name", q->name);
	if (q->kind == AUTHORITY_THREE_ELEMENT)
		json_add_text(&j, "phone", q->phone);
	if (q->kind == AUTHORITY_FACE)
		json_add_text(&j, "proof", q->proof);
	if (q->kind == AUTHORITY_REPRESENTATIVE) {
		json_add_text(&j, "organisation", q->organisation);
		json_add_text(&j, "organisation_name", q->organisation_name);
	}
	json_put_object_end(&j);
	return json_end(&j) ? buf_text(&b) : STR_NONE;
}

static void add(struct http_call *c, const char *name, struct str value)
{
	c->headers[c->header_count++] = (struct header){ str_c(name), value };
}

bool authority_build(const struct authority_question *q, struct arena *a, struct http_call *out, struct fail *why)
{
	char signature[WEBHOOK_SIGNATURE_BYTES], digits[21];
	struct buf url;
	struct str body = body_of(q, a);
	int64_t now_s = q->now_ms / 1000;
	buf_init(&url, a, q->base.len + 16);
	buf_str(&url, q->base);
	buf_str(&url, STR("/verify"));
	if (body.at == NULL || !buf_ok(&url))
		return FAILS(why, MEMORY, "a question to the authority");
	if (!webhook_sign(q->key, q->id, now_s, body, signature))
		return FAILS(why, CONFIG, "authority.key_file: want whsec_ and base64 of 24 to 64 bytes");
	*out = (struct http_call){ .method = METHOD_POST, .url = buf_text(&url), .body = body, .answer_max = ANSWER_MAX };
	add(out, "accept", STR("application/json"));
	add(out, "content-type", STR("application/json"));
	add(out, "webhook-id", q->id);
	add(out, "webhook-timestamp", str_copy(a, (struct str){ digits, i64_text(now_s, digits) }));
	add(out, "webhook-signature", str_copy(a, str_c(signature)));
	return !a->refused || FAILS(why, MEMORY, "a question's headers");
}

/* ---- judge ---- */

struct said {
	struct str id, result;
};

static const struct json_field fields[] = {
	{ "id", JSON_F_TEXT, true, 0, 0, offsetof(struct said, id), NULL },
	{ "result", JSON_F_TEXT, true, 0, 0, offsetof(struct said, result), NULL },
};

static enum authority_verdict broken(struct fail *why, const char *how)
{
	fail_clear(why); /* what the reader said of the text is no reason of ours */
	FAILS(why, PEER_NONSENSE, "the authority: %s", how);
	return AUTHORITY_BROKEN;
}

enum authority_verdict authority_judge(struct str id, const struct http_answer *answer, struct arena *a, struct fail *why)
{
	static const struct { struct str word; enum authority_verdict verdict; } words[] = {
		{ { "match", 5 }, AUTHORITY_MATCH }, { { "mismatch", 8 }, AUTHORITY_MISMATCH }, { { "no_record", 9 }, AUTHORITY_NO_RECORD },
		{ { "not_checked", 11 }, AUTHORITY_NOT_ITS },
	};
	struct said said = { .id = STR_NONE };
	if (answer->end != HTTP_ANSWERED || answer->status != 200)
		return broken(why, "not a 200");
	DROP(json) json_t *j = json_read(answer->body, why);
	if (j == NULL || !json_take(j, fields, sizeof(fields) / sizeof(fields[0]), JSON_IGNORE_UNKNOWN, "", &said, a, why))
		return broken(why, "not what was agreed");
	if (!str_eq(said.id, id))
		return broken(why, "an answer to another question");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_eq(said.result, words[i].word))
			return words[i].verdict;
	return broken(why, "a result nobody knows");
}
