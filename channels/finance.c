/* channels/finance.c - why this exists: whether a notice is paid only the bureau that issued its code can say. */
#include "channels/finance.h"

#include "channels/signed_question.h"

enum { ANSWER_MAX = 32 << 10, BODY_FIRST_BYTES = 256 };

/* ---- build ---- */

static struct str body_of(const struct finance_question *q, struct arena *a)
{
	struct buf b;
	buf_init(&b, a, BODY_FIRST_BYTES);
	struct json_out j = json_begin(&b);
	json_put_object(&j);
	json_add_text(&j, "id", q->id);
	json_add_text(&j, "payment_code", q->code);
	json_put_object_end(&j);
	return json_end(&j) ? buf_text(&b) : STR_NONE;
}

bool finance_build(const struct finance_question *q, struct arena *a, struct http_call *out, struct fail *why)
{
	const struct signed_question asked = { .base = q->base, .path = STR("/notices/query"), .id = q->id, .body = body_of(q, a), .key = q->key,
		.key_name = "finance.key_file", .now_ms = q->now_ms, .answer_max = ANSWER_MAX };
	return signed_question_build(&asked, a, out, why);
}

/* ---- judge ---- */

struct said {
	struct str id, result, division;
	json_t *notice; /* borrowed */
};

static const struct json_field fields[] = {
	{ "id", JSON_F_TEXT, true, 0, 0, offsetof(struct said, id), NULL },
	{ "result", JSON_F_TEXT, true, 0, 0, offsetof(struct said, result), NULL },
	{ "division", JSON_F_TEXT, false, 0, 0, offsetof(struct said, division), NULL },
	{ "notice", JSON_F_OBJECT, false, 0, 0, offsetof(struct said, notice), NULL },
};

static enum finance_verdict broken(struct fail *why, const char *how)
{
	fail_clear(why); /* what the reader said of the text is no reason of ours */
	FAILS(why, PEER_NONSENSE, "the finance system: %s", how);
	return FINANCE_BROKEN;
}

enum finance_verdict finance_judge(struct str id, const struct http_answer *answer, json_t **notice, int64_t *division, struct arena *a, struct fail *why)
{
	static const struct { struct str word; enum finance_verdict verdict; } words[] = {
		{ { "found", 5 }, FINANCE_FOUND }, { { "not_found", 9 }, FINANCE_NOT_FOUND }, { { "paid", 4 }, FINANCE_PAID }, { { "void", 4 }, FINANCE_VOID },
		{ { "other_division", 14 }, FINANCE_OTHER_DIVISION }, { { "tax_office", 10 }, FINANCE_TAX_OFFICE },
	};
	struct said said = { .id = STR_NONE };
	*notice = NULL;
	*division = 0;
	if (answer->end != HTTP_ANSWERED || answer->status != 200)
		return broken(why, "not a 200");
	DROP(json) json_t *j = json_read(answer->body, why);
	if (j == NULL || !json_take(j, fields, sizeof(fields) / sizeof(fields[0]), JSON_IGNORE_UNKNOWN, "", &said, a, why))
		return broken(why, "not what was agreed");
	if (!str_eq(said.id, id))
		return broken(why, "an answer to another question");
	if (said.division.at != NULL && !str_to_i64(said.division, 100000, 999999, division))
		return broken(why, "a division that is none");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!str_eq(said.result, words[i].word))
			continue;
		if (words[i].verdict == FINANCE_FOUND && said.notice == NULL)
			return broken(why, "found, and no notice");
		*notice = words[i].verdict == FINANCE_FOUND ? json_incref(said.notice) : NULL;
		return words[i].verdict;
	}
	return broken(why, "a result nobody knows");
}
