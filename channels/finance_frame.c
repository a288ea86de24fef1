/* channels/finance_frame.c - why this exists: the bureau's provincial system is asked in the form in which it is told; who would speak JSON to it beside would need a second system there. */
#include "channels/finance_frame.h"

#include "channels/nontax.h"

enum { ANSWER_MAX = 16 << 10 };
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SUCCESS STR("00000")

/* ---- what is configured ---- */

static bool is_number(struct str s)
{
	int64_t n;
	return s.len == NONTAX_MESSAGE_DIGITS && s.at[0] != '-' && str_to_i64(s, 0, 9999, &n);
}

static bool numbers_read(struct str text, struct finance_frames *out, struct fail *why)
{
	struct str rest;
	bool has_all = str_cut(text, ',', &out->query, &rest) && str_cut(rest, ',', &out->dues, &out->refusal);
	if (has_all && is_number(out->query) && is_number(out->dues) && is_number(out->refusal) && !str_eq(out->dues, out->refusal))
		return true;
	return FAILS(why, CONFIG, "finance.frame.query: want three numbers of four digits, comma separated: the question, its answer, its refusal");
}

static bool verdict_of(struct str word, enum finance_verdict *verdict)
{
	static const struct { struct str word; enum finance_verdict verdict; } words[] = {
		{ { "not_found", 9 }, FINANCE_NOT_FOUND }, { { "paid", 4 }, FINANCE_PAID }, { { "void", 4 }, FINANCE_VOID }, { { "other_division", 14 }, FINANCE_OTHER_DIVISION },
		{ { "tax_office", 10 }, FINANCE_TAX_OFFICE },
	};
	for (size_t i = 0; i < COUNT(words); i++)
		if (str_eq(words[i].word, word)) {
			*verdict = words[i].verdict;
			return true;
		}
	return false;
}

static enum finance_verdict result_of(const struct finance_frames *f, struct str code)
{
	for (int i = 0; i < f->count; i++)
		if (str_eq(f->results[i].code, code))
			return f->results[i].verdict;
	return FINANCE_BROKEN;
}

/* One code means one thing, and neither success nor "failed, say it again". */
static bool result_read(struct str one, struct finance_frames *out)
{
	struct str word, code;
	enum finance_verdict verdict;
	if (out->count == FINANCE_RESULTS_MAX || !str_cut(one, '=', &word, &code) || !verdict_of(word, &verdict) || !nontax_is_result(code) || nontax_means(code) == NONTAX_DONE ||
	    nontax_means(code) == NONTAX_AGAIN || result_of(out, code) != FINANCE_BROKEN)
		return false;
	out->results[out->count].code = code;
	out->results[out->count++].verdict = verdict;
	return true;
}

static bool results_read(struct str text, struct finance_frames *out, struct fail *why)
{
	struct str one, rest = text;
	for (bool more = text.len > 0; more;) {
		more = str_cut(rest, ',', &one, &rest);
		if (!result_read(str_trim(one), out))
			return FAILS(why, CONFIG, "finance.frame.query_results: \"%.*s\": want WORD=CODE, WORD one of not_found, paid, void, other_division, tax_office, CODE five digits and each once", STR_ARG(one));
	}
	return true;
}

bool finance_frames_read(const struct config *c, struct finance_frames *out, struct fail *why)
{
	*out = (struct finance_frames){ .config = c };
	return numbers_read(str_c(c->finance_frame_query), out, why) && results_read(str_c(c->finance_frame_query_results), out, why);
}

/* ---- build ---- */

bool finance_frame_build(const struct finance_frames *f, const struct finance_question *q, int64_t division, struct secret token, struct arena *a, struct http_call *out, struct fail *why)
{
	char place[21];
	const struct nontax_head head = { .message = f->query, .id = q->id, .from = str_c(f->config->finance_frame_node), .to = str_c(f->config->finance_frame_peer), .division = division,
		.now_ms = q->now_ms };
	const struct nontax_told told[] = { { "AdmDivCode", { place, i64_text(division, place) } }, { "PayCode", q->code } };
	*out = (struct http_call){ .method = METHOD_POST, .answer_max = ANSWER_MAX };
	return nontax_frame_url(f->config, a, &out->url, why) && nontax_message_write(&head, told, COUNT(told), token, a, &out->body, why);
}

/* ---- judge ---- */

static enum finance_verdict broken(struct fail *why, const char *how)
{
	FAILS(why, PEER_NONSENSE, "the finance system: %s", how);
	return FINANCE_BROKEN;
}

static bool division_read(const struct nontax_fields *v, int64_t *division)
{
	struct str said = nontax_field(v, "AdmDivCode");
	return said.len == 0 || (said.len == 6 && str_to_i64(said, 100000, 999999, division));
}

/* PayStats of a notice. */
static enum finance_verdict by_state(const struct nontax_fields *v, struct fail *why)
{
	static const struct { struct str said; enum finance_verdict verdict; } states[] = { { { "0", 1 }, FINANCE_FOUND }, { { "1", 1 }, FINANCE_PAID }, { { "2", 1 }, FINANCE_VOID } };
	struct str said = nontax_field(v, "PayStats");
	for (size_t i = 0; i < COUNT(states); i++)
		if (str_eq(states[i].said, said))
			return states[i].verdict;
	return broken(why, "a PayStats nobody knows");
}

static enum finance_verdict by_result(const struct finance_frames *f, struct str result, struct fail *why)
{
	if (!nontax_is_result(result) || str_eq(result, SUCCESS))
		return broken(why, "no notice, and no reason why");
	if (nontax_means(result) == NONTAX_AGAIN) {
		FAILS(why, PEER_AWAY, "the finance system says that it failed: %.*s", STR_ARG(result));
		return FINANCE_BROKEN;
	}
	enum finance_verdict verdict = result_of(f, result);
	return verdict != FINANCE_BROKEN ? verdict : broken(why, "a result that finance.frame.query_results does not know");
}

enum finance_verdict finance_frame_judge(const struct finance_frames *f, struct str id, struct str code, struct secret token, const struct http_answer *answer, struct nontax_message *told,
	int64_t *division, struct arena *a, struct fail *why)
{
	const struct nontax_fields *v = &told->voucher;
	*division = 0;
	if (answer->end != HTTP_ANSWERED || answer->status != 200)
		return broken(why, "not a frame");
	if (!nontax_message_read(answer->body, token, told, a))
		return broken(why, "a frame that is broken, or not from who shares the token");
	bool is_dues = str_eq(told->message, f->dues);
	if (!str_eq(told->ref, id) || (!is_dues && !str_eq(told->message, f->refusal)))
		return broken(why, "an answer to another question");
	struct str result = nontax_field(v, "Result"), about = nontax_field(v, "PayCode");
	if ((is_dues || about.len > 0) && !str_eq(about, code))
		return broken(why, "an answer about another code");
	if (!division_read(v, division))
		return broken(why, "a division that is none");
	return is_dues && (result.len == 0 || str_eq(result, SUCCESS)) ? by_state(v, why) : by_result(f, result, why);
}
