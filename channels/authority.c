/* channels/authority.c - why this exists: only the issuing authority's answer proves a person. */
#include "channels/authority.h"

#include "base/json.h"
#include "channels/signed_question.h"

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

bool authority_build(const struct authority_question *q, struct arena *a, struct http_call *out, struct fail *why)
{
	const struct signed_question asked = { .base = q->base, .path = STR("/verify"), .id = q->id, .body = body_of(q, a), .key = q->key,
		.key_name = "authority.key_file", .now_ms = q->now_ms, .answer_max = ANSWER_MAX };
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
