/* channels/wechat_pay_judge.c - why this exists: a platform's answer is believed when it is signed, about our own number, and says a word we know. */
#include "channels/wechat_pay_inside.h"

#include "base/arena.h"
#include "channels/retry_after.h"
#include "channels/wechat_pay_message.h"
#include <stdatomic.h>
#include <stdio.h>

enum { JUDGE_ARENA_MAX = 512 << 10 };
enum asked { PREPAY, QUERY, CLOSE, REFUND, REFUND_QUERY, CERTIFICATES };

static inline void arena_dropper(struct arena *a) { arena_free(a); }

/* ---- judge: is it theirs, and is it an answer? ---- */

static _Atomic bool is_missed;

void wechat_pay_serial_missed(void)
{
	atomic_store(&is_missed, true);
}

bool wechat_pay_serial_was_missed(void)
{
	return atomic_exchange(&is_missed, false);
}

static struct wechat_pay_signed signed_of(const struct http_answer *answer)
{
	return (struct wechat_pay_signed){ answer->kept[0], answer->kept[1], answer->kept[2], answer->kept[3], answer->kept[4] };
}

enum wechat_pay_wrong wechat_pay_answer_verify(const struct http_answer *answer, int64_t now_ms)
{
	DROP(shelved) struct shelved *held = NULL, *certified = NULL;
	struct wechat_pay_signed s = signed_of(answer);
	const struct wechat_pay_keys *k = wechat_pay_keys_take(&held);
	enum wechat_pay_wrong wrong = k == NULL ? WECHAT_PAY_WRONG_ACCOUNT : wechat_pay_verify(k, wechat_pay_certificates_take(&certified), &s, answer->body, now_ms);
	if (wrong == WECHAT_PAY_WRONG_SERIAL)
		wechat_pay_serial_missed();
	return wrong;
}

static void keep(char *to, size_t size, struct str s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.len && n + 1 < size; i++)
		if (s.at[i] > ' ' && s.at[i] < 0x7f) /* a peer's word is printed in logs and on screens */
			to[n++] = s.at[i];
	to[n] = '\0';
}

static struct str word_in(const json_t *j, const char *name)
{
	const json_t *v = json_object_get(j, name);
	return json_is_string(v) ? (struct str){ json_string_value(v), json_string_length(v) } : STR_NONE;
}

void wechat_pay_error_word(struct str body, char *to, size_t size)
{
	struct fail why;
	fail_clear(&why);
	DROP(json) json_t *j = json_read(body, &why);
	keep(to, size, word_in(j, "code"));
}

static const struct { const char *word; enum verdict means[CERTIFICATES]; } codes[] = {
#define CODE(word, prepay, query, close, refund, refund_query) \
	{ word, { VERDICT_##prepay, VERDICT_##query, VERDICT_##close, VERDICT_##refund, VERDICT_##refund_query } },
#include "channels/wechat_pay_codes.def"
#undef CODE
};

static enum verdict refused(enum asked what, int status, const char *word)
{
	enum asked row = what == CERTIFICATES ? QUERY : what;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (strcmp(codes[i].word, word) == 0)
			return codes[i].means[row];
	if (status == 429)
		return what == REFUND ? VERDICT_UNKNOWN : VERDICT_AGAIN;
	return status >= 400 && status < 500 ? VERDICT_FAILED : VERDICT_UNKNOWN;
}

/* true: a whole answer of success, signed by them; it is the caller's to read. */
static bool is_answer(enum asked what, const struct order *o, const struct http_answer *answer, struct judgement *out)
{
	out->verdict = VERDICT_UNKNOWN;
	out->again_after_ms = retry_after_ms(answer, o->now_ms);
	if (answer->end == HTTP_NOT_SENT)
		out->verdict = VERDICT_AGAIN;
	if (answer->end != HTTP_ANSWERED) {
		keep(out->code, sizeof(out->code), answer->end == HTTP_NOT_SENT ? STR("not_sent") : STR("unclear"));
		return false;
	}
	if (answer->status != 200 && answer->status != 204) {
		wechat_pay_error_word(answer->body, out->code, sizeof(out->code));
		out->verdict = refused(what, answer->status, out->code);
		if (out->code[0] == '\0')
			snprintf(out->code, sizeof(out->code), "http_%d", answer->status);
		return false;
	}
	if (what == CERTIFICATES)
		return true; /* they may be signed by one that is in them */
	enum wechat_pay_wrong wrong = wechat_pay_answer_verify(answer, o->now_ms);
	if (wrong == WECHAT_PAY_FINE)
		return true;
	snprintf(out->code, sizeof(out->code), "unsigned_%s", wechat_pay_wrong_text(wrong).at);
	return false;
}

static void nonsense(struct judgement *out)
{
	out->verdict = VERDICT_UNKNOWN;
	keep(out->code, sizeof(out->code), STR("nonsense"));
}

static void done(struct judgement *out, struct str code, struct str ref, struct str said)
{
	out->verdict = VERDICT_DONE;
	keep(out->code, sizeof(out->code), code);
	if (ref.len < sizeof(out->ref))
		keep(out->ref, sizeof(out->ref), ref);
	out->said = said;
}

/* ---- judge: what does it say? ---- */

void wechat_pay_prepay_judge(const struct order *o, const struct http_answer *answer, struct judgement *out)
{
	DROP(arena) struct arena a;
	arena_init(&a, JUDGE_ARENA_MAX);
	if (!is_answer(PREPAY, o, answer, out))
		return;
	if (wechat_pay_handle(answer->body, &a).at == NULL)
		nonsense(out);
	else
		done(out, STR("OK"), STR_NONE, answer->body);
}

static struct wechat_pay_deed deed_of(const struct order *o, struct arena *a)
{
	struct wechat_pay_deed d;
	struct fail why;
	fail_clear(&why);
	(void)!wechat_pay_deed_read(o, &d, a, &why); /* it was read once already, to build the call */
	return d;
}

void wechat_pay_query_judge(const struct order *o, const struct http_answer *answer, struct judgement *out)
{
	static const struct str words[] = { [WECHAT_PAY_TRADE_OTHER] = { "OTHER", 5 }, [WECHAT_PAY_TRADE_NOTPAY] = { "NOTPAY", 6 }, [WECHAT_PAY_TRADE_SUCCESS] = { "SUCCESS", 7 },
		[WECHAT_PAY_TRADE_REFUND] = { "REFUND", 6 }, [WECHAT_PAY_TRADE_CLOSED] = { "CLOSED", 6 }, [WECHAT_PAY_TRADE_PAYERROR] = { "PAYERROR", 8 } };
	DROP(arena) struct arena a;
	struct wechat_pay_trade t;
	arena_init(&a, JUDGE_ARENA_MAX);
	if (!is_answer(QUERY, o, answer, out))
		return;
	if (!wechat_pay_trade_read(answer->body, &t, &a) || !str_eq(t.out_trade_no, deed_of(o, &a).out_trade_no) || !str_eq(t.mchid, str_c(o->config->wechat_pay_mchid)))
		nonsense(out);
	else
		done(out, words[t.state], t.transaction_id, answer->body);
}

/* 204, and nothing in it. */
void wechat_pay_close_judge(const struct order *o, const struct http_answer *answer, struct judgement *out)
{
	if (is_answer(CLOSE, o, answer, out))
		done(out, STR("CLOSED"), STR_NONE, STR_NONE);
}

static void refund_answered(const struct order *o, const struct http_answer *answer, struct judgement *out)
{
	DROP(arena) struct arena a;
	struct wechat_pay_refund r;
	arena_init(&a, JUDGE_ARENA_MAX);
	struct wechat_pay_deed d = deed_of(o, &a);
	if (!wechat_pay_refund_read(answer->body, &r, &a) || !str_eq(r.out_refund_no, d.out_refund_no) || (d.refund_fen != 0 && r.refund_fen != d.refund_fen) ||
	    (d.transaction_id.at != NULL && !str_eq(r.transaction_id, d.transaction_id)))
		nonsense(out);
	else
		done(out, wechat_pay_refund_state_text(r.state), r.refund_id, answer->body);
}

void wechat_pay_refund_judge(const struct order *o, const struct http_answer *answer, struct judgement *out)
{
	if (is_answer(REFUND, o, answer, out))
		refund_answered(o, answer, out);
}

void wechat_pay_refund_query_judge(const struct order *o, const struct http_answer *answer, struct judgement *out)
{
	if (is_answer(REFUND_QUERY, o, answer, out))
		refund_answered(o, answer, out);
}

/* What became of a refund whose answer was lost: one they do not know was not made. */
void wechat_pay_refund_ask_judge(const struct order *o, const struct http_answer *answer, struct judgement *out)
{
	if (is_answer(REFUND_QUERY, o, answer, out))
		refund_answered(o, answer, out);
	else if (out->verdict == VERDICT_DONE)
		out->verdict = VERDICT_AGAIN;
	else if (out->verdict != VERDICT_STOP)
		out->verdict = VERDICT_UNKNOWN;
}

static bool signed_by_one_of(const struct wechat_pay_certificate_text *texts, int count, const struct http_answer *answer, int64_t now_ms)
{
	static const struct wechat_pay_keys nobody;
	struct wechat_pay_certificates c = { .count = 0 };
	struct wechat_pay_signed s = signed_of(answer);
	for (int i = 0; i < count; i++)
		(void)wechat_pay_certificate_add(&c, texts[i].serial, texts[i].pem);
	bool ok = wechat_pay_verify(&nobody, &c, &s, answer->body, now_ms) == WECHAT_PAY_FINE;
	wechat_pay_certificates_drop(&c);
	return ok;
}

/* The first have nothing to be verified with but themselves: that they opened with our APIv3 key is what vouches for them. Merchants with a public key alone have none. */
void wechat_pay_certificates_judge(const struct order *o, const struct http_answer *answer, struct judgement *out)
{
	DROP(arena) struct arena a;
	DROP(shelved) struct shelved *held = NULL;
	struct wechat_pay_certificate_text texts[WECHAT_PAY_CERTIFICATES_MAX];
	int count;
	arena_init(&a, JUDGE_ARENA_MAX);
	const struct wechat_pay_keys *k = wechat_pay_keys_take(&held);
	if (!is_answer(CERTIFICATES, o, answer, out))
		return;
	if (k == NULL || !wechat_pay_certificates_read(k, answer->body, texts, &count, &a))
		nonsense(out);
	else if (!signed_by_one_of(texts, count, answer, o->now_ms) && wechat_pay_answer_verify(answer, o->now_ms) != WECHAT_PAY_FINE)
		keep(out->code, sizeof(out->code), STR("unsigned"));
	else
		done(out, STR("OK"), STR_NONE, answer->body);
}
