/* payments/attempts/attempt_channel.c - the table of channels. */
#include "payments/attempts/attempt_channel.h"

#include "base/arena.h"
#include "base/json.h"
#include "channels/wechat_pay_message.h"
#include "payments/notices/nontax_notice.h"

#include <assert.h>

enum { HANDLE_MAX = 2560 };
#define MS_PER_MINUTE INT64_C(60000)
#define MS_PER_HOUR INT64_C(3600000)

static int64_t ends_after_ms, scan_ends_after_ms, division;
static bool listens;

void attempts_compose(const struct config *c)
{
	ends_after_ms = c->wechat_nontax_order_minutes * MS_PER_MINUTE;
	scan_ends_after_ms = c->wechat_nontax_barcode_hours * MS_PER_HOUR;
	division = c->payment_code_prefecture * 100;
	listens = c->wechat_nontax_calls != 0;
}

bool attempt_is_scanned(const struct attempt *a)
{
	return a->method == ATTEMPT_BY_BARCODE;
}

int64_t attempt_ends_by_itself_ms(const struct attempt *a)
{
	return a->made_ms + (attempt_is_scanned(a) ? scan_ends_after_ms : ends_after_ms);
}

int64_t attempt_stray_division(void)
{
	return division;
}

/* ---- WeChat Pay ---- */

/* What it is asked, letter by letter: the same number with other words is another order there, and refused. */
static bool pay_payload(struct tx *tx, const struct attempt *a, const struct order *o, const struct attempt_new *n, struct buf *b, struct arena *arena, struct fail *why)
{
	(void)tx, (void)arena;
	struct json_out j = json_begin(b);
	json_put_object(&j);
	json_add_text(&j, "method", attempt_method_text(n->method));
	json_add_text(&j, "out_trade_no", str_c(a->number));
	json_add_number(&j, "total_fen", a->total_fen);
	json_add_number(&j, "expires_ms", o->expires_ms);
	if (n->openid.at != NULL)
		json_add_text(&j, "openid", n->openid);
	if (n->ip.at != NULL)
		json_add_text(&j, "ip", n->ip);
	json_put_object_end(&j);
	return json_end(&j) || FAILS(why, MEMORY, "an attempt's payload");
}

static void pay_page(const struct effect_view *e, enum attempt_method method, struct attempt_page *out, struct arena *arena)
{
	(void)method;
	*out = (struct attempt_page){ .handle = e->said.at != NULL ? wechat_pay_handle(e->said, arena) : STR_NONE };
}

struct attempt_word attempt_word_of_trade(const struct wechat_pay_trade *t)
{
	struct attempt_word w = { .is = wechat_pay_trade_is_paid(t) ? ATTEMPT_IS_PAID : t->state == WECHAT_PAY_TRADE_CLOSED ? ATTEMPT_IS_CLOSED : ATTEMPT_IS_UNPAID, .reference = t->transaction_id,
		.total_fen = t->total_fen, .paid_ms = t->success_ms };
	return w;
}

static bool pay_word(struct str said, struct attempt_word *out, struct arena *arena)
{
	struct wechat_pay_trade t;
	if (!wechat_pay_trade_read(said, &t, arena))
		return false;
	*out = attempt_word_of_trade(&t);
	return true;
}

/* ---- WeChat's non-tax platform ---- */

static void items_out(struct json_out *j, const struct nontax_notice *n)
{
	json_put_name(j, "items");
	json_put_array(j);
	for (int i = 0; i < n->count; i++) {
		const struct nontax_item *t = &n->items[i];
		json_put_object(j);
		json_add_text(j, "id", t->id);
		json_add_text(j, "name", t->name);
		if (t->overdue_fen > 0)
			json_add_number(j, "overdue_fen", t->overdue_fen);
		if (t->penalty_fen > 0)
			json_add_number(j, "penalty_fen", t->penalty_fen);
		json_add_number(j, "fee_fen", t->fee_fen);
		json_put_object_end(j);
	}
	json_put_array_end(j);
}

/* Not a word of who pays: the platform wants the notice. */
static bool nontax_payload(struct tx *tx, const struct attempt *a, const struct order *o, const struct attempt_new *n, struct buf *b, struct arena *arena, struct fail *why)
{
	struct notice notice;
	struct nontax_notice there;
	assert(o->count == 1 && (n->ip.at != NULL) == (n->method != ATTEMPT_BY_BARCODE));
	if (!notice_read(tx, o->notices[0], &notice, arena, why))
		return false;
	nontax_notice_of(&notice, a->total_fen, &there);
	struct json_out j = json_begin(b);
	json_put_object(&j);
	json_add_text(&j, "notice_no", there.notice_no);
	json_add_text(&j, "unit", there.department_code);
	json_add_text(&j, "unit_name", there.department_name);
	json_add_number(&j, "region", there.region);
	json_add_number(&j, "kind", there.kind);
	json_add_number(&j, "made_s", there.made_s);
	if (there.last_on >= 0)
		json_add_number(&j, "last_on", there.last_on);
	json_add_number(&j, "fee_fen", there.fee_fen);
	items_out(&j, &there);
	if (n->ip.at != NULL)
		json_add_text(&j, "ip", n->ip);
	if (n->openid.at != NULL)
		json_add_text(&j, "openid", n->openid);
	json_add_boolean(&j, "is_mini", n->method == ATTEMPT_BY_MINI);
	json_put_object_end(&j);
	return json_end(&j) || FAILS(why, MEMORY, "an attempt's payload");
}

/* A page's address; or of another mini-program "APPID/PATH?QUERY", which a mini-program prefers. */
static struct str nontax_handle(const struct nontax_page *p, bool is_mini, struct arena *arena)
{
	struct buf b;
	bool to_mini = is_mini && p->mini_appid.len > 0;
	if (to_mini ? memchr(p->mini_appid.at, '/', p->mini_appid.len) != NULL : !str_starts(p->pay_url, STR("https://")))
		return STR_NONE;
	buf_init(&b, arena, 256);
	buf_str(&b, to_mini ? p->mini_appid : p->pay_url);
	if (to_mini) {
		buf_str(&b, STR("/"));
		buf_str(&b, p->mini_path);
		if (p->mini_query.len > 0)
			buf_str(&b, STR("?"));
		buf_str(&b, p->mini_query);
	}
	return buf_ok(&b) && b.len <= HANDLE_MAX ? buf_text(&b) : STR_NONE;
}

static void nontax_page(const struct effect_view *e, enum attempt_method method, struct attempt_page *out, struct arena *arena)
{
	struct nontax_page p;
	*out = (struct attempt_page){ .channel_no = e->ref[0] != '\0' ? str_c(e->ref) : STR_NONE };
	if (e->said.at != NULL && nontax_page_read(e->said, &p, arena) && str_eq(p.order_id, out->channel_no))
		out->handle = nontax_handle(&p, method == ATTEMPT_BY_MINI, arena);
}

struct attempt_word attempt_word_of_nontax(const struct nontax_trade *t)
{
	static const enum attempt_is words[] = { [NONTAX_OTHER] = ATTEMPT_IS_OTHER, [NONTAX_UNPAID] = ATTEMPT_IS_UNPAID, [NONTAX_PAID] = ATTEMPT_IS_PAID, [NONTAX_REFUNDED] = ATTEMPT_IS_PAID,
		[NONTAX_REFUNDING] = ATTEMPT_IS_PAID, [NONTAX_CLOSED] = ATTEMPT_IS_CLOSED };
	return (struct attempt_word){ .is = words[t->state], .reference = t->trans_id, .channel_no = t->order_id,
		.notice_no = t->state == NONTAX_PAID && !t->has_refunds ? t->notice_no : STR_NONE, .total_fen = t->fee_fen, .paid_ms = t->paid_s * 1000 };
}

static bool nontax_word(struct str said, struct attempt_word *out, struct arena *arena)
{
	struct nontax_trade t;
	if (!nontax_trade_read(said, &t, arena))
		return false;
	*out = attempt_word_of_nontax(&t);
	return true;
}

/* ---- the table ---- */

#define BY(name) (1u << ATTEMPT_BY_##name)
static const struct attempt_channel channels[] = {
	{ PAY_BY_WECHAT, BY(MINI) | BY(JSAPI) | BY(APP) | BY(NATIVE) | BY(H5), 0, 0, KIND_wechat_pay_prepay, KIND_wechat_pay_query, 0, KIND_wechat_pay_close, .is_asked_by_ours = true, .renews = true, .payload = pay_payload,
	  .page = pay_page, .word = pay_word },
	{ PAY_BY_WECHAT_NONTAX, BY(MINI) | BY(H5), KIND_wechat_nontax_micropay, KIND_wechat_nontax_list, KIND_wechat_nontax_order, KIND_wechat_nontax_query, KIND_wechat_nontax_tell, 0, .payload = nontax_payload, .page = nontax_page, .word = nontax_word },
};
enum { CHANNELS = sizeof(channels) / sizeof(channels[0]) };

const struct attempt_channel *attempt_channel_of(enum pay_channel channel)
{
	for (int i = 0; i < CHANNELS; i++)
		if (channels[i].channel == channel)
			return &channels[i];
	return NULL;
}

bool attempt_is_told(enum pay_channel channel)
{
	return attempt_channel_of(channel)->tell != 0 && listens;
}

const struct attempt_channel *attempt_channel_asked(int32_t query)
{
	for (int i = 0; i < CHANNELS; i++)
		if (channels[i].query == query)
			return &channels[i];
	return NULL;
}

bool attempt_channel_has(const struct attempt_channel *c, enum attempt_method method)
{
	return (c->methods & 1u << method) != 0;
}
