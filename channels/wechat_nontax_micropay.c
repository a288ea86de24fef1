/* channels/wechat_nontax_micropay.c - why this exists: of all that is done at the platform this alone cannot be done a second time on the chance, and what its answers mean is not written anywhere. */
#include "channels/wechat_nontax_deed.h"

#include "base/arena.h"
#include "base/json.h"
#include "channels/wechat_nontax_inside.h"

#include <inttypes.h>
#include <stdio.h>

enum { BUSY_MS = 5000, PAYING_MS = 10000 }; /* protocols/nontax.md 2.4 */

/* ---- build ---- */

static struct str ref_of(const struct order *o)
{
	return str_c(o->ref);
}

static bool build(const struct order *o, struct arena *a, struct http_call *out, struct fail *why)
{
	struct wechat_deed d;
	struct nontax_account w = wechat_deed_account(o);
	if (!wechat_deed_read(o, &d, a, why) || !wechat_deed_has(d.notice.notice_no, "notice_no", why) || !wechat_deed_has(d.auth_code, "auth_code", why))
		return false;
	if (o->now_ms >= d.until_ms)
		return FAILS_FIELD(why, FIELD, "/until_ms", "the payer has shown another code since");
	return nontax_micropay_build(&w, &d.notice, str_c(o->config->wechat_pay_description), (struct secret){ d.auth_code }, ref_of(o), a, out, why);
}

static bool ask_build(const struct order *o, struct arena *a, struct http_call *out, struct fail *why)
{
	struct wechat_deed d;
	struct nontax_account w = wechat_deed_account(o);
	if (!wechat_deed_read(o, &d, a, why) || !wechat_deed_has(d.notice.notice_no, "notice_no", why))
		return false;
	return o->ref[0] != '\0' ? nontax_ask_build(&w, ref_of(o), a, out, why) : nontax_list_build(&w, &d.notice, a, out, why);
}

/* ---- judge ---- */

static bool is_listed(const char *codes, int64_t errcode)
{
	struct str one, rest = str_c(codes);
	for (bool more = rest.len > 0; more;) {
		int64_t n;
		more = str_cut(rest, ',', &one, &rest);
		if (str_to_i64(str_trim(one), INT64_MIN, INT64_MAX, &n) && n == errcode)
			return true;
	}
	return false;
}

static void say(struct judgement *out, enum verdict v, const char *word, int64_t errcode, int64_t again_ms)
{
	out->verdict = v;
	out->again_after_ms = again_ms;
	if (errcode != 0)
		snprintf(out->code, sizeof(out->code), "%s %" PRId64, word, errcode);
	else
		snprintf(out->code, sizeof(out->code), "%s", word);
}

/* A call that was refused for what it is has done nothing; one of several may be about what an earlier one has done. */
static void not_listed(const struct order *o, struct nontax_said said, const struct http_answer *answer, struct judgement *out)
{
	bool is_refusal = said.means == NONTAX_CONFIG || said.means == NONTAX_OURS || said.means == NONTAX_QUOTA;
	if (answer->end == HTTP_NOT_SENT) {
		say(out, VERDICT_AGAIN, "not_sent", 0, 0);
	} else if (said.means == NONTAX_STALE) {
		say(out, VERDICT_AGAIN, "stale", 0, 0);
		out->token_is_over = true;
	} else if (is_refusal && o->attempt <= 1) {
		say(out, VERDICT_FAILED, "refused", said.errcode, 0);
	} else {
		say(out, VERDICT_UNKNOWN, said.means == NONTAX_OK ? "taken" : said.errcode != 0 ? "unknown" : "unclear", said.errcode, 0);
	}
}

static void judge(const struct order *o, const struct http_answer *answer, struct judgement *out)
{
	DROP(arena) struct arena a;
	struct str order_id;
	const struct config *c = o->config;
	arena_init(&a, NONTAX_JUDGE_ARENA_MAX);
	struct nontax_said said = nontax_micropay_judge(answer, &a, &order_id);
	*out = (struct judgement){ .verdict = VERDICT_UNKNOWN };
	if (said.errcode != 0 && is_listed(c->wechat_nontax_barcode_paying, said.errcode))
		say(out, VERDICT_AGAIN, "paying", said.errcode, PAYING_MS);
	else if (said.errcode != 0 && is_listed(c->wechat_nontax_barcode_busy, said.errcode))
		say(out, VERDICT_AGAIN, "busy", said.errcode, BUSY_MS);
	else if (said.errcode != 0 && is_listed(c->wechat_nontax_barcode_refused, said.errcode))
		say(out, VERDICT_FAILED, "refused", said.errcode, 0);
	else
		not_listed(o, said, answer, out);
	if (order_id.len > 0)
		nontax_ref_keep(out, order_id);
}

bool nontax_was_harmless(struct str code)
{
	static const char *const words[] = { "not_sent", "stale", "memory", "no_token", "lease_over", "sealed", "order" };
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_eq(code, str_c(words[i])))
			return true;
	return str_eq(code, STR("refused")) || str_starts(code, STR("refused "));
}

/* ---- what became of it ---- */

static void list_told(const struct http_answer *answer, struct judgement *out, struct arena *a)
{
	struct nontax_orders orders;
	struct nontax_said said = nontax_list_judge(answer, a, &orders);
	if (said.means != NONTAX_OK) {
		nontax_refused(said, answer, true, true, out);
		return;
	}
	say(out, VERDICT_UNKNOWN, orders.paid.len > 0 ? "listed" : "none_paid", 0, 0);
	if (orders.paid.len > 0)
		nontax_ref_keep(out, orders.paid); /* and asked about by this number next */
}

static void trade_told(const struct order *o, const struct http_answer *answer, struct judgement *out, struct arena *a)
{
	struct nontax_trade t;
	struct nontax_said said = nontax_ask_judge(ref_of(o), answer, a, &t);
	if (said.means != NONTAX_OK)
		nontax_refused(said, answer, true, true, out);
	else if (nontax_trade_is_paid(&t) || t.state == NONTAX_CLOSED)
		nontax_done(out, nontax_trade_is_paid(&t) ? "PAID" : "CLOSED", t.order_id, answer->body);
	else
		say(out, VERDICT_UNKNOWN, "not_paid", 0, 0);
}

/* It is never said that nothing is known of it, because then it would be sent again. */
static void ask_judge(const struct order *o, const struct http_answer *answer, struct judgement *out)
{
	DROP(arena) struct arena a;
	arena_init(&a, NONTAX_JUDGE_ARENA_MAX);
	*out = (struct judgement){ .verdict = VERDICT_UNKNOWN };
	if (o->ref[0] != '\0')
		trade_told(o, answer, out, &a);
	else
		list_told(answer, out, &a);
}

const struct codec_http codec_wechat_nontax_micropay = { "wechat_nontax_micropay", build, judge, ask_build, ask_judge };
