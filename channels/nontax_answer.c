/* channels/nontax_answer.c - why this exists: those who keep the books and those who speak to the bureau must not read one word in two ways. */
#include "channels/nontax_answer.h"

#include "channels/nontax_frame.h"
#include "channels/nontax_json.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct { struct str code; enum nontax_means means; struct str zh; } results[] = {
#define RESULT(code, means, zh) { { code, sizeof(code) - 1 }, NONTAX_##means, { zh, sizeof(zh) - 1 } },
#include "channels/nontax_results.def"
#undef RESULT
};

bool nontax_is_result(struct str word)
{
	int64_t n;
	return word.len == NONTAX_RESULT_DIGITS && word.at[0] != '-' && str_to_i64(word, 0, 99999, &n);
}

bool nontax_is_http_refusal(struct str word)
{
	static const int64_t passing[] = { 401, 403, 408, 425, 429 };
	int64_t status;
	if (!str_starts(word, STR("http_")) || !str_to_i64((struct str){ word.at + 5, word.len - 5 }, 400, 499, &status))
		return false;
	for (size_t i = 0; i < COUNT(passing); i++)
		if (passing[i] == status)
			return false;
	return true;
}

enum nontax_means nontax_means(struct str word)
{
	for (size_t i = 0; i < COUNT(results); i++)
		if (str_eq(results[i].code, word))
			return results[i].means;
	if (str_eq(word, STR("accepted")))
		return NONTAX_TAKEN;
	return nontax_is_result(word) || nontax_is_http_refusal(word) ? NONTAX_REFUSED : NONTAX_AGAIN;
}

struct str nontax_result_zh(struct str word)
{
	for (size_t i = 0; i < COUNT(results); i++)
		if (str_eq(results[i].code, word))
			return results[i].zh;
	return STR_NONE;
}

bool nontax_answer_read(struct str said, struct nontax_answer *out)
{
	if (said.len > 0 && said.at[0] >= '0' && said.at[0] <= '9') /* a frame begins with its length, and no object does */
		return nontax_frame_answer(said, (struct secret){ STR_NONE }, STR_NONE, STR_NONE, out); /* its digest was judged when it came */
	return nontax_json_read(STR_NONE, said, out);
}
