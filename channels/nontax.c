/* channels/nontax.c - why this exists: a confirmation that is believed to have failed is sent again, and one that is believed to have been booked is not. The table of results decides which. */
#include "channels/nontax.h"

#include "base/clock.h"
#include "base/json.h"
#include "channels/nontax_frame.h"
#include "channels/nontax_json.h"
#include "channels/retry_after.h"

#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
enum { TIMEOUT_MS = 15000, FRAME_ANSWER_MAX = 64 << 10 };

const struct nontax_deed_row *nontax_deed_row(enum nontax_deed_kind kind)
{
#define TEXT(literal) { literal, sizeof(literal) - 1 }
	static const struct nontax_deed_row rows[] = {
#define DEED(name, path, message, answer) [NONTAX_##name] = { TEXT(path), TEXT(message), TEXT(answer) },
#include "channels/nontax_deeds.def"
#undef DEED
	};
#undef TEXT
	return &rows[kind];
}

bool nontax_deed_read(struct str payload, struct nontax_deed *out, struct arena *a, struct fail *why)
{
#define TEXT(name, needed) { #name, JSON_F_TEXT, needed, 0, 0, offsetof(struct nontax_deed, name), NULL }
	static const struct json_field fields[] = { TEXT(payment_code, true), TEXT(trace_no, true), TEXT(amount, true), TEXT(channel, false), TEXT(reference, false), TEXT(receipt_code, false),
		TEXT(receipt_number, false), { "paid_ms", JSON_F_INT, true, 0, 0, offsetof(struct nontax_deed, paid_ms), NULL },
		{ "division", JSON_F_INT, true, 0, 0, offsetof(struct nontax_deed, division), NULL } };
#undef TEXT
	*out = (struct nontax_deed){ .paid_ms = 0 };
	DROP(json) json_t *j = json_read(payload, why);
	return j != NULL && json_take(j, fields, COUNT(fields), JSON_REFUSE_UNKNOWN, "", out, a, why);
}

/* ---- build ---- */

bool nontax_is_frame(const struct config *c)
{
	return c->finance_form == 1; /* "json|frame" */
}

static struct str mode_of(struct str channel)
{
	static const struct { struct str channel, mode; } rows[] = {
#define MODE(channel, mode) { { channel, sizeof(channel) - 1 }, { mode, sizeof(mode) - 1 } },
#include "channels/nontax_modes.def"
#undef MODE
	};
	for (size_t i = 0; i < COUNT(rows); i++)
		if (str_eq(rows[i].channel, channel))
			return rows[i].mode;
	return STR("99");
}

bool nontax_frame_url(const struct config *c, struct arena *a, struct str *out, struct fail *why)
{
	struct buf b;
	buf_init(&b, a, 64);
	buf_str(&b, c->finance_frame_tls ? STR("frames://") : STR("frame://"));
	buf_str(&b, str_c(c->finance_frame_address));
	*out = buf_text(&b);
	return buf_ok(&b) || FAILS(why, MEMORY, "a frame's address");
}

static bool frame_build(enum nontax_deed_kind kind, const struct order *o, const struct nontax_deed *d, struct arena *a, struct http_call *out, struct fail *why)
{
	char day[16], clock[7] = "";
	int64_t s = (d->paid_ms + INT64_C(28800000)) / 1000 % 86400; /* Longnan's */
	snprintf(day, sizeof(day), "%08d", time_yyyymmdd(d->paid_ms));
	memcpy(clock, two_digits[s / 3600], 2);
	memcpy(clock + 2, two_digits[s / 60 % 60], 2);
	memcpy(clock + 4, two_digits[s % 60], 2);
	const struct nontax_head head = { .message = nontax_deed_row(kind)->message, .id = str_c(o->key), .from = str_c(o->config->finance_frame_node), .to = str_c(o->config->finance_frame_peer),
		.division = d->division, .now_ms = o->now_ms };
	const struct nontax_told told[] = { { "PayCode", d->payment_code }, { "CfmDate", str_c(day) }, { "CfmTime", str_c(clock) }, { "Amt", d->amount }, { "PayMode", mode_of(d->channel) },
		{ "TraNoBus", d->trace_no }, { "EInvoiceCode", d->receipt_code }, { "EInvoiceNumber", d->receipt_number }, { "Hold1", d->reference } };
	*out = (struct http_call){ .method = METHOD_POST, .answer_max = FRAME_ANSWER_MAX };
	return nontax_frame_url(o->config, a, &out->url, why) && nontax_message_write(&head, told, COUNT(told), o->secret, a, &out->body, why);
}

static bool build(enum nontax_deed_kind kind, const struct order *o, struct arena *a, struct http_call *out, struct fail *why)
{
	struct nontax_deed d;
	if (!nontax_deed_read(o->payload, &d, a, why) || !(nontax_is_frame(o->config) ? frame_build(kind, o, &d, a, out, why) : nontax_json_build(kind, o, &d, a, out, why)))
		return false;
	out->timeout_ms = TIMEOUT_MS;
	return true;
}

static bool build_confirm(const struct order *o, struct arena *a, struct http_call *out, struct fail *why)
{
	return build(NONTAX_CONFIRM, o, a, out, why);
}

static bool build_issue(const struct order *o, struct arena *a, struct http_call *out, struct fail *why)
{
	return build(NONTAX_RECEIPT, o, a, out, why);
}

static bool build_reverse(const struct order *o, struct arena *a, struct http_call *out, struct fail *why)
{
	return build(NONTAX_RED, o, a, out, why);
}

/* ---- judge ---- */

static void says(struct judgement *out, enum verdict verdict, const char *code)
{
	out->verdict = verdict;
	snprintf(out->code, sizeof(out->code), "%s", code);
}

/* No answer of its own: the transport's word, or the server's in front of it. A key it refuses stops the account. false: there is one. */
static bool by_transport(const struct order *o, const struct http_answer *answer, struct judgement *out)
{
	char code[16];
	if (answer->end == HTTP_ANSWERED && answer->status == 200)
		return false;
	if (answer->end == HTTP_NOT_SENT) {
		says(out, VERDICT_AGAIN, "not_sent");
		return true;
	}
	if (answer->end != HTTP_ANSWERED) {
		says(out, VERDICT_UNKNOWN, answer->end == HTTP_TOO_LARGE ? "nonsense" : "unclear");
		return true;
	}
	snprintf(code, sizeof(code), "http_%d", answer->status);
	bool is_key = answer->status == 401 || answer->status == 403;
	says(out, is_key ? VERDICT_STOP : nontax_is_http_refusal(str_c(code)) ? VERDICT_FAILED : answer->status == 429 ? VERDICT_AGAIN : VERDICT_UNKNOWN, code);
	out->again_after_ms = retry_after_ms(answer, o->now_ms);
	return true;
}

/* Whoever does not share the token says nothing we believe: the answer is as good as none. */
static bool answer_read(enum nontax_deed_kind kind, const struct order *o, const struct http_answer *answer, struct nontax_answer *said)
{
	if (nontax_is_frame(o->config))
		return nontax_frame_answer(answer->body, o->secret, str_c(o->key), nontax_deed_row(kind)->answer, said);
	return nontax_json_read(str_c(o->key), answer->body, said);
}

static bool is_shaped(const char *text, int64_t len, bool letters)
{
	if (len == 0)
		return true;
	for (const char *c = text; *c != '\0'; c++)
		if (!(*c >= '0' && *c <= '9') && !(letters && ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z'))))
			return false;
	return (int64_t)strlen(text) == len;
}

/* One that does not say which it is, or is numbered as no e-receipt is, is none. */
static bool is_receipt_named(const struct config *c, const struct nontax_answer *said)
{
	return said->code[0] != '\0' && said->number[0] != '\0' && is_shaped(said->code, c->finance_receipt_code, false) && is_shaped(said->number, c->finance_receipt_number, false) &&
	       (said->check_code[0] == '\0' || is_shaped(said->check_code, c->finance_receipt_check, true));
}

static void judge(enum nontax_deed_kind kind, const struct order *o, const struct http_answer *answer, struct judgement *out)
{
	bool is_receipt = kind != NONTAX_CONFIRM;
	static const enum verdict verdicts[] = { [NONTAX_DONE] = VERDICT_DONE, [NONTAX_TAKEN] = VERDICT_DONE, [NONTAX_AGAIN] = VERDICT_AGAIN, [NONTAX_REFUSED] = VERDICT_FAILED, [NONTAX_DOUBLE] = VERDICT_FAILED };
	struct nontax_answer said;
	if (by_transport(o, answer, out))
		return;
	if (!answer_read(kind, o, answer, &said) || !nontax_is_result(str_c(said.result))) {
		says(out, VERDICT_UNKNOWN, "nonsense");
		return;
	}
	enum nontax_means means = nontax_means(str_c(said.result));
	if (means == NONTAX_DONE && is_receipt && !is_receipt_named(o->config, &said)) {
		says(out, VERDICT_UNKNOWN, "nonsense");
		return;
	}
	out->said = answer->body;
	snprintf(out->ref, sizeof(out->ref), "%s", said.finance_no);
	says(out, verdicts[means], means == NONTAX_DONE && !is_receipt && said.is_taken_only ? "accepted" : said.result);
}

static void judge_confirm(const struct order *o, const struct http_answer *answer, struct judgement *out)
{
	judge(NONTAX_CONFIRM, o, answer, out);
}

static void judge_issue(const struct order *o, const struct http_answer *answer, struct judgement *out)
{
	judge(NONTAX_RECEIPT, o, answer, out);
}

static void judge_reverse(const struct order *o, const struct http_answer *answer, struct judgement *out)
{
	judge(NONTAX_RED, o, answer, out);
}

const struct codec_http codec_finance_confirm = { "finance_confirm", build_confirm, judge_confirm, NULL, NULL };
const struct codec_http codec_receipt_issue = { "receipt_issue", build_issue, judge_issue, NULL, NULL };
const struct codec_http codec_receipt_reverse = { "receipt_reverse", build_reverse, judge_reverse, NULL, NULL };
