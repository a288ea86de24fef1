/* channels/wechat_nontax.c - questions to WeChat's non-tax interfaces. What is sent is exact; answers: wechat_nontax_judge.c. */
#include "channels/wechat_nontax.h"

#include "base/arena.h"
#include "base/day.h"
#include "base/json.h"
#include "channels/url.h"

enum { TIMEOUT_MS = 10000, BILL_TIMEOUT_MS = 120000, ANSWER_MAX = 64 << 10, BODY_FIRST_BYTES = 1024 };

struct nontax_account nontax_account_of(const struct config *c, struct secret token)
{
	return (struct nontax_account){ .base = str_c(c->wechat_url), .appid = str_c(c->wechat_nontax_appid), .bank_id = str_c(c->wechat_nontax_bank_id), .mch_id = str_c(c->wechat_nontax_mch_id),
		.service_id = c->wechat_nontax_service_id, .token = token, .is_development = c->development };
}

int nontax_merchants(const struct config *c, struct str out[NONTAX_MERCHANTS_MAX])
{
	struct str one, rest = str_c(c->wechat_nontax_mch_ids[0] != '\0' ? c->wechat_nontax_mch_ids : c->wechat_nontax_mch_id);
	int count = 0;
	while (c->wechat_nontax_appid[0] != '\0' && rest.len > 0 && count < NONTAX_MERCHANTS_MAX) {
		str_cut(rest, ',', &one, &rest);
		out[count] = str_trim(one);
		count += out[count].len > 0;
	}
	return count;
}

struct writing {
	struct buf url, body;
	struct json_out j;
};

static bool begin(const struct nontax_account *w, const char *path, struct arena *a, struct writing *out, struct fail *why)
{
	if (!url_base_is_right(w->base) || w->appid.len == 0 || w->token.secret.len == 0)
		return FAILS(why, CONFIG, "WeChat's non-tax account: address, appid and token");
	if (w->is_development && w->bank_id.len == 0)
		return FAILS(why, CONFIG, "without a bank_id it is the real bank that is asked");
	buf_init(&out->url, a, 256);
	buf_str(&out->url, w->base);
	buf_str(&out->url, str_c(path));
	url_field(&out->url, '?', "access_token", w->token.secret);
	buf_init(&out->body, a, BODY_FIRST_BYTES);
	out->j = json_begin(&out->body);
	json_put_object(&out->j);
	json_add_text(&out->j, "appid", w->appid);
	return true;
}

static bool end(struct writing *w, struct http_call *out, struct fail *why)
{
	json_put_object_end(&w->j);
	*out = (struct http_call){ .method = METHOD_POST, .url = buf_text(&w->url), .body = buf_text(&w->body), .timeout_ms = TIMEOUT_MS, .answer_max = ANSWER_MAX };
	out->headers[out->header_count++] = (struct header){ STR("content-type"), STR("application/json") };
	return (json_end(&w->j) && buf_ok(&w->url)) || FAILS(why, MEMORY, "a question to WeChat");
}

static void add_if(struct json_out *j, const char *name, struct str s)
{
	if (s.len > 0)
		json_add_text(j, name, s);
}

static void account_out(struct json_out *j, const struct nontax_account *w)
{
	if (w->service_id > 0)
		json_add_number(j, "service_id", w->service_id);
	add_if(j, "bank_id", w->bank_id);
}

static void region_out(struct json_out *j, int64_t region)
{
	char digits[21];
	json_add_text(j, "region_code", (struct str){ digits, i64_text(region, digits) });
}

bool nontax_fee_build(const struct nontax_account *w, const struct nontax_notice *n, struct arena *a, struct http_call *out, struct fail *why)
{
	struct writing b;
	if (!begin(w, "/nontax/queryfee", a, &b, why))
		return false;
	account_out(&b.j, w);
	json_add_text(&b.j, "payment_notice_no", n->notice_no);
	json_add_text(&b.j, "department_code", n->department_code);
	region_out(&b.j, n->region);
	if (n->kind != 0)
		json_add_number(&b.j, "payment_notice_type", n->kind);
	return end(&b, out, why);
}

/* ---- an order ---- */

static bool adds_up(const struct nontax_notice *n, struct fail *why)
{
	int64_t sum = 0;
	for (int i = 0; i < n->count; i++) {
		const struct nontax_item *t = &n->items[i];
		if (t->fee_fen < 0 || t->overdue_fen < 0 || t->penalty_fen < 0 || t->overdue_fen + t->penalty_fen > t->fee_fen)
			return FAILS_FIELD(why, FIELD, "/items", "item %d is of less than what it was raised by", i);
		sum += t->fee_fen;
	}
	return (n->count > 0 && n->fee_fen > 0 && sum == n->fee_fen) || FAILS_FIELD(why, FIELD, "/fee", "not the sum of its items");
}

static void items_out(struct json_out *j, const struct nontax_notice *n)
{
	json_put_name(j, "items");
	json_put_array(j);
	for (int i = 0; i < n->count; i++) {
		const struct nontax_item *t = &n->items[i];
		json_put_object(j);
		json_add_number(j, "no", i + 1);
		json_add_text(j, "item_id", t->id);
		json_add_text(j, "item_name", t->name);
		if (t->overdue_fen > 0)
			json_add_number(j, "overdue", t->overdue_fen);
		if (t->penalty_fen > 0)
			json_add_number(j, "penalty", t->penalty_fen);
		json_add_number(j, "fee", t->fee_fen);
		json_put_object_end(j);
	}
	json_put_array_end(j);
}

/* 20261208 */
static void day_out(struct json_out *j, const char *name, int32_t day)
{
	char date[DAY_TEXT_BYTES], digits[9];
	day_text(day, date);
	memcpy(digits, date, 4);
	memcpy(digits + 4, date + 5, 2);
	memcpy(digits + 6, date + 8, 2);
	json_add_text(j, name, (struct str){ digits, 8 });
}

void nontax_notice_out(struct json_out *j, const struct nontax_notice *n)
{
	json_add_text(j, "payment_notice_no", n->notice_no);
	json_add_text(j, "department_code", n->department_code);
	json_add_text(j, "department_name", n->department_name);
	if (n->kind != 0)
		json_add_number(j, "payment_notice_type", n->kind);
	region_out(j, n->region);
	add_if(j, "user_name", n->user_name);
	json_add_number(j, "fee", n->fee_fen);
	if (n->made_s > 0)
		json_add_number(j, "payment_notice_create_time", n->made_s);
	if (n->last_on >= 0)
		day_out(j, "payment_expire_date", n->last_on);
	items_out(j, n);
}

bool nontax_order_build(const struct nontax_account *w, const struct nontax_order *o, struct arena *a, struct http_call *out, struct fail *why)
{
	struct writing b;
	if (!adds_up(o->notice, why) || !begin(w, "/nontax/unifiedorder", a, &b, why))
		return false;
	account_out(&b.j, w);
	add_if(&b.j, "mch_id", w->mch_id);
	json_add_text(&b.j, "desc", o->desc);
	json_add_text(&b.j, "ip", o->ip);
	nontax_notice_out(&b.j, o->notice);
	json_add_plain(&b.j, "scene", o->return_url.at == NULL ? STR("miniprogram") : STR("biz"));
	if (o->openid.at != NULL)
		json_add_text(&b.j, "openid", o->openid);
	else
		json_add_plain(&b.j, "trade_type", STR("MWEB"));
	if (o->return_url.at != NULL)
		json_add_text(&b.j, "return_url", o->return_url);
	return end(&b, out, why);
}

bool nontax_is_barcode(struct str code)
{
	for (size_t i = 0; i < code.len; i++)
		if (code.at[i] < '0' || code.at[i] > '9')
			return false;
	return code.len == NONTAX_BARCODE_DIGITS && code.at[0] == '1' && code.at[1] <= '5';
}

bool nontax_micropay_build(const struct nontax_account *w, const struct nontax_notice *n, struct str desc, struct secret code, struct str order_id, struct arena *a, struct http_call *out,
			   struct fail *why)
{
	struct writing b;
	if (!nontax_is_barcode(code.secret))
		return FAILS_FIELD(why, FIELD, "/auth_code", "not a payer's code");
	if (!adds_up(n, why) || !begin(w, "/nontax/micropay", a, &b, why))
		return false;
	add_if(&b.j, "bank_id", w->bank_id);
	add_if(&b.j, "mch_id", w->mch_id);
	json_add_text(&b.j, "desc", desc);
	nontax_notice_out(&b.j, n);
	json_add_text(&b.j, "auth_code", code.secret);
	add_if(&b.j, "order_id", order_id);
	return end(&b, out, why);
}

/* ---- asked after, given back ---- */

static bool order_id_build(const struct nontax_account *w, const char *path, struct str order_id, struct arena *a, struct http_call *out, struct fail *why)
{
	struct writing b;
	if (!begin(w, path, a, &b, why))
		return false;
	json_add_text(&b.j, "order_id", order_id);
	return end(&b, out, why);
}

bool nontax_ask_build(const struct nontax_account *w, struct str order_id, struct arena *a, struct http_call *out, struct fail *why)
{
	return order_id_build(w, "/nontax/getorder", order_id, a, out, why);
}

bool nontax_tell_build(const struct nontax_account *w, struct str order_id, struct arena *a, struct http_call *out, struct fail *why)
{
	return order_id_build(w, "/nontax/notifyinconsistentorder", order_id, a, out, why);
}

bool nontax_list_build(const struct nontax_account *w, const struct nontax_notice *n, struct arena *a, struct http_call *out, struct fail *why)
{
	struct writing b;
	if (!begin(w, "/nontax/getorderlist", a, &b, why))
		return false;
	region_out(&b.j, n->region);
	json_add_text(&b.j, "department_code", n->department_code);
	json_add_text(&b.j, "payment_notice_no", n->notice_no);
	return end(&b, out, why);
}

bool nontax_refund_build(const struct nontax_account *w, struct str order_id, struct str number, int64_t fen, struct str reason, struct arena *a, struct http_call *out,
			 struct fail *why)
{
	struct writing b;
	if (fen <= 0 || reason.len == 0 || reason.len > NONTAX_REASON_BYTES_MAX || number.len == 0 || number.len > NONTAX_ID_MAX)
		return FAILS_FIELD(why, FIELD, "", "a refund needs a number, an amount and a reason of up to %d bytes", NONTAX_REASON_BYTES_MAX);
	if (!begin(w, "/nontax/refund", a, &b, why))
		return false;
	json_add_text(&b.j, "order_id", order_id);
	json_add_text(&b.j, "reason", reason);
	json_add_number(&b.j, "refund_fee", fen);
	json_add_text(&b.j, "refund_out_id", number);
	return end(&b, out, why);
}

/* ---- the file of a day ---- */

/* Packed it may come, but it is not asked for: an error that came packed could not be told from a file. */
bool nontax_bill_build(const struct nontax_account *w, struct str merchant, int32_t day, size_t bytes_max, struct arena *a, struct http_call *out, struct fail *why)
{
	struct writing b;
	if (!begin(w, "/nontax/downloadbill", a, &b, why))
		return false;
	json_add_text(&b.j, "mch_id", merchant);
	day_out(&b.j, "bill_date", day);
	json_add_plain(&b.j, "bill_type", STR("ALL"));
	if (!end(&b, out, why))
		return false;
	out->timeout_ms = BILL_TIMEOUT_MS;
	out->answer_max = bytes_max;
	return true;
}
