/* channels/wechat_nontax_deed.c - why this exists: their answers say what happened, or that it is not known; what an effect does about it is decided here, once for all. By a barcode: wechat_nontax_micropay.c. */
#include "channels/wechat_nontax_deed.h"

#include "base/json.h"
#include "channels/wechat_nontax_inside.h"

#include <inttypes.h>
#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
enum { QUOTA_AGAIN_MS = 60000 };

struct nontax_account wechat_deed_account(const struct order *o)
{
	return nontax_account_of(o->config, o->token);
}

/* ---- payloads ---- */

#define T(name, max, member) { name, JSON_F_TEXT, false, 1, max, offsetof(struct wechat_deed, member), NULL }
#define N(name, member) { name, JSON_F_INT, false, 0, INT64_MAX, offsetof(struct wechat_deed, member), NULL }
static const struct json_field deed_fields[] = {
	T("notice_no", NONTAX_ID_MAX, notice.notice_no), T("unit", NONTAX_ID_MAX, notice.department_code), T("unit_name", NONTAX_NAME_MAX, notice.department_name), N("region", notice.region),
	N("kind", notice.kind), N("made_s", notice.made_s), N("last_on", last_on), N("fee_fen", notice.fee_fen), T("ip", 45, ip), T("openid", 128, openid), T("order_id", NONTAX_ID_MAX, order_id),
	T("number", NONTAX_ID_MAX, number), T("reason", NONTAX_REASON_BYTES_MAX, reason), N("fen", fen), { "is_mini", JSON_F_BOOL, false, 0, 0, offsetof(struct wechat_deed, is_mini), NULL },
	T("auth_code", NONTAX_BARCODE_DIGITS, auth_code), N("until_ms", until_ms),
};
#undef T
#undef N

static bool read_items(const json_t *list, struct nontax_notice *n, struct arena *a, struct fail *why)
{
	static const struct json_field fields[] = {
		{ "id", JSON_F_TEXT, true, 1, NONTAX_ID_MAX, offsetof(struct nontax_item, id), NULL },
		{ "name", JSON_F_TEXT, true, 1, NONTAX_NAME_MAX, offsetof(struct nontax_item, name), NULL },
		{ "overdue_fen", JSON_F_INT, false, 0, INT64_MAX, offsetof(struct nontax_item, overdue_fen), NULL },
		{ "penalty_fen", JSON_F_INT, false, 0, INT64_MAX, offsetof(struct nontax_item, penalty_fen), NULL },
		{ "fee_fen", JSON_F_INT, true, 0, INT64_MAX, offsetof(struct nontax_item, fee_fen), NULL },
	};
	for (size_t i = 0; i < json_array_size(list) && i < NONTAX_ITEMS_MAX; i++)
		if (!json_take(json_array_get(list, i), fields, COUNT(fields), JSON_IGNORE_UNKNOWN, "/items", &n->items[n->count++], a, why))
			return false;
	return true;
}

bool wechat_deed_read(const struct order *o, struct wechat_deed *d, struct arena *a, struct fail *why)
{
	*d = (struct wechat_deed){ .last_on = -1 };
	DROP(json) json_t *j = json_read(o->payload, why);
	if (j == NULL || !json_take(j, deed_fields, COUNT(deed_fields), JSON_IGNORE_UNKNOWN, "", d, a, why) || !read_items(json_object_get(j, "items"), &d->notice, a, why))
		return false;
	d->notice.last_on = (int32_t)d->last_on;
	return true;
}

bool wechat_deed_has(struct str s, const char *what, struct fail *why)
{
	return s.at != NULL || FAILS_FIELD(why, FIELD_MISSING, "", "a payload without %s", what);
}

/* ---- build ---- */

static bool order_build(const struct order *o, struct arena *a, struct http_call *out, struct fail *why)
{
	struct wechat_deed d;
	struct nontax_account w = wechat_deed_account(o);
	if (!wechat_deed_read(o, &d, a, why) || !wechat_deed_has(d.notice.notice_no, "notice_no", why) || !wechat_deed_has(d.ip, "ip", why))
		return false;
	struct nontax_order n = { .notice = &d.notice, .desc = str_c(o->config->wechat_pay_description), .ip = d.ip, .openid = d.openid,
		.return_url = d.is_mini ? STR_NONE : str_c(o->config->wechat_nontax_return_url) };
	return nontax_order_build(&w, &n, a, out, why);
}

static bool list_build(const struct order *o, struct arena *a, struct http_call *out, struct fail *why)
{
	struct wechat_deed d;
	struct nontax_account w = wechat_deed_account(o);
	return wechat_deed_read(o, &d, a, why) && wechat_deed_has(d.notice.notice_no, "notice_no", why) && nontax_list_build(&w, &d.notice, a, out, why);
}

static bool query_build(const struct order *o, struct arena *a, struct http_call *out, struct fail *why)
{
	struct wechat_deed d;
	struct nontax_account w = wechat_deed_account(o);
	return wechat_deed_read(o, &d, a, why) && wechat_deed_has(d.order_id, "order_id", why) && nontax_ask_build(&w, d.order_id, a, out, why);
}

static bool tell_build(const struct order *o, struct arena *a, struct http_call *out, struct fail *why)
{
	struct wechat_deed d;
	struct nontax_account w = wechat_deed_account(o);
	return wechat_deed_read(o, &d, a, why) && wechat_deed_has(d.order_id, "order_id", why) && nontax_tell_build(&w, d.order_id, a, out, why);
}

static bool refund_build(const struct order *o, struct arena *a, struct http_call *out, struct fail *why)
{
	struct wechat_deed d;
	struct nontax_account w = wechat_deed_account(o);
	return wechat_deed_read(o, &d, a, why) && wechat_deed_has(d.order_id, "order_id", why) && nontax_refund_build(&w, d.order_id, d.number, d.fen, d.reason, a, out, why);
}

/* ---- judge ---- */

void nontax_ref_keep(struct judgement *out, struct str ref)
{
	if (ref.len < sizeof(out->ref) && str_is_visible_ascii(ref))
		snprintf(out->ref, sizeof(out->ref), "%.*s", STR_ARG(ref));
}

void nontax_done(struct judgement *out, const char *code, struct str ref, struct str said)
{
	*out = (struct judgement){ .verdict = VERDICT_DONE, .said = said };
	snprintf(out->code, sizeof(out->code), "%s", code);
	if (ref.len > 0)
		nontax_ref_keep(out, ref);
}

void nontax_refused(struct nontax_said said, const struct http_answer *answer, bool is_question, bool is_ask, struct judgement *out)
{
	enum verdict sure = is_ask ? VERDICT_UNKNOWN : VERDICT_AGAIN;
	*out = (struct judgement){ .verdict = VERDICT_UNKNOWN };
	switch (said.means) {
	case NONTAX_BUSY:
		out->verdict = answer->end == HTTP_NOT_SENT || is_question ? sure : VERDICT_UNKNOWN;
		break;
	case NONTAX_STALE:
		out->verdict = sure;
		out->token_is_over = true;
		break;
	case NONTAX_QUOTA:
		out->verdict = sure;
		out->again_after_ms = QUOTA_AGAIN_MS;
		break;
	case NONTAX_CONFIG:
		out->verdict = VERDICT_STOP;
		break;
	case NONTAX_OURS:
		out->verdict = is_ask ? VERDICT_UNKNOWN : VERDICT_FAILED;
		break;
	case NONTAX_OK:
	case NONTAX_UNCLEAR:
	case NONTAX_NONSENSE:
		break;
	}
	if (said.errcode != 0)
		snprintf(out->code, sizeof(out->code), "%" PRId64, said.errcode);
	else
		snprintf(out->code, sizeof(out->code), "%s", answer->end == HTTP_NOT_SENT ? "not_sent" : said.means == NONTAX_NONSENSE ? "nonsense" : "unclear");
}

static void order_judge(const struct order *o, const struct http_answer *answer, struct judgement *out)
{
	(void)o;
	DROP(arena) struct arena a;
	struct nontax_page page;
	arena_init(&a, NONTAX_JUDGE_ARENA_MAX);
	struct nontax_said said = nontax_order_judge(answer, &a, &page);
	if (said.means == NONTAX_OK)
		nontax_done(out, "OK", page.order_id, answer->body);
	else
		nontax_refused(said, answer, false, false, out);
}

/* Is it paid by one of the notice's orders? Of those that are not, nobody has the page: another is made. */
static void list_judge(const struct order *o, const struct http_answer *answer, struct judgement *out)
{
	(void)o;
	DROP(arena) struct arena a;
	struct nontax_orders orders;
	arena_init(&a, NONTAX_JUDGE_ARENA_MAX);
	struct nontax_said said = nontax_list_judge(answer, &a, &orders);
	if (said.means != NONTAX_OK) {
		nontax_refused(said, answer, true, true, out);
	} else if (orders.paid.len > 0) {
		nontax_done(out, "PAID", orders.paid, answer->body);
	} else {
		*out = (struct judgement){ .verdict = VERDICT_AGAIN };
		snprintf(out->code, sizeof(out->code), "none_paid");
	}
}

/* The same as a question of its own, when whoever asked for money by a barcode has no number of it. */
static void list_question_judge(const struct order *o, const struct http_answer *answer, struct judgement *out)
{
	(void)o;
	DROP(arena) struct arena a;
	struct nontax_orders orders;
	arena_init(&a, NONTAX_JUDGE_ARENA_MAX);
	struct nontax_said said = nontax_list_judge(answer, &a, &orders);
	if (said.means != NONTAX_OK)
		nontax_refused(said, answer, true, false, out);
	else
		nontax_done(out, orders.paid.len > 0 ? "PAID" : "NONE", orders.paid, answer->body);
}

static const char *const states[] = { [NONTAX_OTHER] = "OTHER", [NONTAX_UNPAID] = "UNPAID", [NONTAX_PAID] = "PAID", [NONTAX_REFUNDED] = "REFUNDED", [NONTAX_REFUNDING] = "REFUNDING",
	[NONTAX_CLOSED] = "CLOSED" };

/* The trade that was asked about; false: what came instead stands in `out`. */
static bool trade_judge(const struct order *o, const struct http_answer *answer, bool is_ask, struct wechat_deed *d, struct nontax_trade *t, struct judgement *out, struct arena *a)
{
	struct fail inner;
	fail_clear(&inner);
	*out = (struct judgement){ .verdict = VERDICT_UNKNOWN };
	if (!wechat_deed_read(o, d, a, &inner))
		return false;
	struct nontax_said said = nontax_ask_judge(d->order_id, answer, a, t);
	if (said.means != NONTAX_OK)
		nontax_refused(said, answer, true, is_ask, out);
	return said.means == NONTAX_OK;
}

static void query_judge(const struct order *o, const struct http_answer *answer, struct judgement *out)
{
	DROP(arena) struct arena a;
	struct wechat_deed d;
	struct nontax_trade t;
	arena_init(&a, NONTAX_JUDGE_ARENA_MAX);
	if (trade_judge(o, answer, false, &d, &t, out, &a))
		nontax_done(out, states[t.state], t.trans_id, answer->body);
}

/* Whatever they say to it, they were asked: the order itself is asked about besides (payments/attempts/stray.h). */
static void tell_judge(const struct order *o, const struct http_answer *answer, struct judgement *out)
{
	(void)o;
	struct nontax_said said = nontax_tell_judge(answer);
	nontax_refused(said, answer, true, false, out);
	if (said.means == NONTAX_OK || (said.means == NONTAX_UNCLEAR && said.errcode != 0))
		nontax_done(out, said.means == NONTAX_OK ? "OK" : "REFUSED", STR_NONE, answer->body);
}

/* A yes is that it was taken, not that it was given back. */
static void refund_judge(const struct order *o, const struct http_answer *answer, struct judgement *out)
{
	(void)o;
	DROP(arena) struct arena a;
	struct str number;
	arena_init(&a, NONTAX_JUDGE_ARENA_MAX);
	struct nontax_said said = nontax_refund_judge(answer, &a, &number);
	if (said.means == NONTAX_OK)
		nontax_done(out, "PROCESSING", number, answer->body);
	else
		nontax_refused(said, answer, false, false, out);
}

static bool refund_there(const struct order *o, const struct http_answer *answer, bool is_ask, struct judgement *out)
{
	DROP(arena) struct arena a;
	struct wechat_deed d;
	struct nontax_trade t;
	struct nontax_refund r;
	arena_init(&a, NONTAX_JUDGE_ARENA_MAX);
	if (!trade_judge(o, answer, is_ask, &d, &t, out, &a))
		return true;
	bool is_there = nontax_refund_read(answer->body, d.number, &r, &a);
	if (is_there)
		nontax_done(out, r.is_done ? "SUCCESS" : "PROCESSING", r.refund_id, answer->body);
	return is_there;
}

static void refund_ask_judge(const struct order *o, const struct http_answer *answer, struct judgement *out)
{
	if (refund_there(o, answer, true, out))
		return;
	*out = (struct judgement){ .verdict = VERDICT_AGAIN };
	snprintf(out->code, sizeof(out->code), "RESOURCE_NOT_EXISTS");
}

static void refund_query_judge(const struct order *o, const struct http_answer *answer, struct judgement *out)
{
	if (!refund_there(o, answer, false, out))
		nontax_done(out, "RESOURCE_NOT_EXISTS", STR_NONE, answer->body);
}

const struct codec_http codec_wechat_nontax_order = { "wechat_nontax_order", order_build, order_judge, list_build, list_judge };
const struct codec_http codec_wechat_nontax_list = { "wechat_nontax_list", list_build, list_question_judge, NULL, NULL };
const struct codec_http codec_wechat_nontax_query = { "wechat_nontax_query", query_build, query_judge, NULL, NULL };
const struct codec_http codec_wechat_nontax_tell = { "wechat_nontax_tell", tell_build, tell_judge, NULL, NULL };
const struct codec_http codec_wechat_nontax_refund = { "wechat_nontax_refund", refund_build, refund_judge, query_build, refund_ask_judge };
const struct codec_http codec_wechat_nontax_refund_query = { "wechat_nontax_refund_query", query_build, refund_query_judge, NULL, NULL };
