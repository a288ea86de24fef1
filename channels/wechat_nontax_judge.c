/* channels/wechat_nontax_judge.c - answers of WeChat's non-tax interfaces: their pages and their samples disagree, so they are read tolerantly, and believed when they are about what was asked. */
#include "channels/wechat_nontax.h"

#include "base/arena.h"
#include "base/day.h"
#include "base/json.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
enum { MONEY_TYPE_CNY = 1 };
#define FEN_MAX INT64_C(9999999999)

static const struct nontax_said nonsense = { NONTAX_NONSENSE, 0 }, unclear = { NONTAX_UNCLEAR, 0 };

static struct nontax_said said_of(int64_t errcode)
{
	static const struct { int64_t code; enum nontax_means means; } codes[] = {
#define CODE(number, word) { number, NONTAX_##word },
#include "channels/wechat_nontax_codes.def"
#undef CODE
	};
	for (size_t i = 0; i < COUNT(codes); i++)
		if (codes[i].code == errcode)
			return (struct nontax_said){ codes[i].means, errcode };
	return (struct nontax_said){ NONTAX_UNCLEAR, errcode };
}

/* What did not leave was not done. */
static struct nontax_said read_answer(const struct http_answer *answer, json_t **object)
{
	struct fail inner;
	fail_clear(&inner);
	*object = NULL;
	if (answer->end == HTTP_NOT_SENT)
		return (struct nontax_said){ NONTAX_BUSY, 0 };
	if (answer->end != HTTP_ANSWERED || answer->status != 200)
		return unclear;
	*object = json_read(answer->body, &inner);
	const json_t *code = *object != NULL ? json_object_get(*object, "errcode") : NULL;
	return json_is_integer(code) ? said_of(json_integer_value(code)) : unclear;
}

static bool is_id(struct str s, struct fail *why)
{
	(void)why;
	return s.len <= NONTAX_ID_MAX && str_is_visible_ascii(s);
}

static bool take(const json_t *object, const struct json_field *fields, size_t count, void *out, struct arena *a)
{
	struct fail inner;
	fail_clear(&inner);
	return json_is_object(object) && json_take(object, fields, count, JSON_IGNORE_UNKNOWN, "", out, a, &inner);
}

/* ---- what is due ---- */

static const struct json_field item_fields[] = {
	{ "item_id", JSON_F_TEXT, true, 1, NONTAX_ID_MAX, offsetof(struct nontax_item, id), NULL },
	{ "item_name", JSON_F_TEXT, true, 1, NONTAX_NAME_MAX, offsetof(struct nontax_item, name), NULL },
	{ "overdue", JSON_F_INT, false, 0, FEN_MAX, offsetof(struct nontax_item, overdue_fen), NULL },
	{ "penalty", JSON_F_INT, false, 0, FEN_MAX, offsetof(struct nontax_item, penalty_fen), NULL },
	{ "fee", JSON_F_INT, true, 0, FEN_MAX, offsetof(struct nontax_item, fee_fen), NULL },
};

static bool read_items(const json_t *list, struct nontax_notice *n, struct arena *a)
{
	int64_t sum = 0;
	if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > NONTAX_ITEMS_MAX)
		return false;
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct nontax_item *t = &n->items[i];
		*t = (struct nontax_item){ .fee_fen = 0 };
		if (!take(json_array_get(list, i), item_fields, COUNT(item_fields), t, a) || t->overdue_fen + t->penalty_fen > t->fee_fen)
			return false;
		sum += t->fee_fen;
	}
	n->count = (int)json_array_size(list);
	return sum == n->fee_fen;
}

struct fee {
	struct nontax_notice n;
	struct str region, last_on;
};

/* "20261208" */
static bool read_day(struct str s, int32_t *day)
{
	char text[10];
	if (s.len != 8)
		return false;
	memcpy(text, s.at, 4);
	text[4] = text[7] = '-';
	memcpy(text + 5, s.at + 4, 2);
	memcpy(text + 8, s.at + 6, 2);
	return day_from_text((struct str){ text, sizeof(text) }, day);
}

struct nontax_said nontax_fee_judge(struct str notice_no, const struct http_answer *answer, struct arena *a, struct nontax_notice *out)
{
	static const struct json_field fields[] = {
		{ "payment_notice_no", JSON_F_TEXT, true, 1, NONTAX_ID_MAX, offsetof(struct fee, n.notice_no), is_id },
		{ "department_code", JSON_F_TEXT, true, 1, NONTAX_ID_MAX, offsetof(struct fee, n.department_code), is_id },
		{ "department_name", JSON_F_TEXT, true, 1, NONTAX_NAME_MAX, offsetof(struct fee, n.department_name), NULL },
		{ "user_name", JSON_F_TEXT, false, 0, NONTAX_NAME_MAX, offsetof(struct fee, n.user_name), NULL },
		{ "region_code", JSON_F_TEXT, true, 6, 12, offsetof(struct fee, region), is_id },
		{ "payment_notice_type", JSON_F_INT, false, 1, 2, offsetof(struct fee, n.kind), NULL },
		{ "fee", JSON_F_INT, true, 1, FEN_MAX, offsetof(struct fee, n.fee_fen), NULL },
		{ "payment_notice_create_time", JSON_F_INT, false, 0, INT64_MAX / 1000, offsetof(struct fee, n.made_s), NULL },
		{ "payment_expire_date", JSON_F_TEXT, false, 8, 8, offsetof(struct fee, last_on), NULL },
	};
	struct fee f = { .region = STR_NONE };
	json_t *read;
	struct nontax_said said = read_answer(answer, &read);
	DROP(json) json_t *object = read;
	*out = f.n;
	if (said.means != NONTAX_OK)
		return said;
	f.n.last_on = -1;
	if (!take(object, fields, COUNT(fields), &f, a) || !str_eq(f.n.notice_no, notice_no) || !str_to_i64(f.region, 100000, INT64_C(999999999999), &f.n.region) ||
	    (f.last_on.at != NULL && !read_day(f.last_on, &f.n.last_on)) || !read_items(json_object_get(object, "items"), &f.n, a))
		return nonsense;
	*out = f.n;
	return said;
}

/* ---- an order ---- */

static bool page_of(const json_t *object, struct nontax_page *p, struct arena *a)
{
	static const struct json_field fields[] = {
		{ "order_id", JSON_F_TEXT, true, 1, NONTAX_ID_MAX, offsetof(struct nontax_page, order_id), is_id },
		{ "pay_url", JSON_F_TEXT, false, 0, 1024, offsetof(struct nontax_page, pay_url), NULL },
	}, mini_fields[] = {
		{ "appid", JSON_F_TEXT, true, 1, NONTAX_ID_MAX, offsetof(struct nontax_page, mini_appid), is_id },
		{ "pagepath", JSON_F_TEXT, true, 1, 256, offsetof(struct nontax_page, mini_path), NULL },
		{ "query_string", JSON_F_TEXT, false, 0, 1024, offsetof(struct nontax_page, mini_query), NULL },
	};
	*p = (struct nontax_page){ .order_id = STR_NONE };
	const json_t *mini = json_object_get(object, "miniprogram");
	return take(object, fields, COUNT(fields), p, a) && (!json_is_object(mini) || take(mini, mini_fields, COUNT(mini_fields), p, a)) && (p->pay_url.len > 0 || p->mini_appid.len > 0);
}

bool nontax_page_read(struct str json, struct nontax_page *out, struct arena *a)
{
	struct fail inner;
	fail_clear(&inner);
	DROP(json) json_t *object = json_read(json, &inner);
	return object != NULL && page_of(object, out, a);
}

struct nontax_said nontax_order_judge(const struct http_answer *answer, struct arena *a, struct nontax_page *out)
{
	json_t *read;
	struct nontax_said said = read_answer(answer, &read);
	DROP(json) json_t *object = read;
	struct nontax_page p;
	*out = (struct nontax_page){ .order_id = STR_NONE };
	if (said.means != NONTAX_OK)
		return said;
	if (!page_of(object, &p, a))
		return unclear; /* it may be there, under a number we were not told: the notice's orders are asked for */
	*out = p;
	return said;
}

struct nontax_said nontax_micropay_judge(const struct http_answer *answer, struct arena *a, struct str *order_id)
{
	static const struct json_field fields[] = { { "order_id", JSON_F_TEXT, false, 1, NONTAX_ID_MAX, 0, is_id } };
	json_t *read;
	struct nontax_said said = read_answer(answer, &read);
	DROP(json) json_t *object = read;
	*order_id = STR_NONE;
	if (object != NULL && !take(object, fields, 1, order_id, a))
		*order_id = STR_NONE;
	return said;
}

/* ---- asked after ---- */

static enum nontax_state state_of(int64_t status)
{
	switch (status) {
	case 1:  return NONTAX_UNPAID;
	case 3:
	case 4:  return NONTAX_PAID;
	case 5:  return NONTAX_REFUNDED;
	case 6:  return NONTAX_REFUNDING;
	case 12: return NONTAX_CLOSED;
	default: return NONTAX_OTHER;
	}
}

struct trade {
	struct nontax_trade t;
	int64_t status, money_type;
};

static bool trade_of(const json_t *object, struct nontax_trade *out, struct arena *a)
{
	static const struct json_field fields[] = {
		{ "order_id", JSON_F_TEXT, true, 1, NONTAX_ID_MAX, offsetof(struct trade, t.order_id), is_id },
		{ "payment_notice_no", JSON_F_TEXT, false, 0, NONTAX_ID_MAX, offsetof(struct trade, t.notice_no), NULL },
		{ "trans_id", JSON_F_TEXT, false, 0, NONTAX_ID_MAX, offsetof(struct trade, t.trans_id), NULL },
		{ "bank_id", JSON_F_TEXT, false, 0, NONTAX_ID_MAX, offsetof(struct trade, t.bank_id), NULL },
		{ "appid", JSON_F_TEXT, false, 0, NONTAX_ID_MAX, offsetof(struct trade, t.appid), NULL },
		{ "status", JSON_F_INT, true, 0, 1000, offsetof(struct trade, status), NULL },
		{ "fee", JSON_F_INT, true, 1, FEN_MAX, offsetof(struct trade, t.fee_fen), NULL },
		{ "fee_type", JSON_F_INT, false, 0, 100, offsetof(struct trade, money_type), NULL },
		{ "pay_finish_time", JSON_F_INT, false, 0, INT64_MAX / 1000, offsetof(struct trade, t.paid_s), NULL },
	};
	struct trade t = { .money_type = MONEY_TYPE_CNY };
	*out = t.t;
	if (!take(object, fields, COUNT(fields), &t, a) || t.money_type != MONEY_TYPE_CNY)
		return false;
	const json_t *parts = json_object_get(object, "partial_refund_info");
	t.t.state = state_of(t.status);
	t.t.has_refunds = json_object_size(parts) > 0 || json_array_size(parts) > 0;
	if (nontax_trade_is_paid(&t.t) && (t.t.trans_id.len == 0 || !is_id(t.t.trans_id, NULL) || t.t.paid_s == 0))
		return false;
	*out = t.t;
	return true;
}

bool nontax_trade_read(struct str json, struct nontax_trade *out, struct arena *a)
{
	struct fail inner;
	fail_clear(&inner);
	DROP(json) json_t *object = json_read(json, &inner);
	*out = (struct nontax_trade){ .order_id = STR_NONE };
	return object != NULL && trade_of(object, out, a);
}

struct nontax_said nontax_ask_judge(struct str order_id, const struct http_answer *answer, struct arena *a, struct nontax_trade *out)
{
	json_t *read;
	struct nontax_said said = read_answer(answer, &read);
	DROP(json) json_t *object = read;
	struct nontax_trade t;
	*out = (struct nontax_trade){ .order_id = STR_NONE };
	if (said.means != NONTAX_OK)
		return said;
	if (!trade_of(object, &t, a) || !str_eq(t.order_id, order_id))
		return nonsense;
	*out = t;
	return said;
}

/* ---- refunds inside a trade ---- */

struct refund_told {
	struct nontax_refund r;
	struct str number, status_text;
	int64_t status;
};

/* Of a whole refund the trade's own status speaks, and it gives back the whole fee. A number or a text, as pages and kits disagree. */
static bool one_refund(const json_t *object, const char *status, const char *fee, struct str number, struct nontax_refund *out, struct arena *a)
{
	const json_t *word = json_object_get(object, status);
	const struct json_field fields[] = {
		{ "refund_out_id", JSON_F_TEXT, true, 1, NONTAX_ID_MAX, offsetof(struct refund_told, number), is_id },
		{ "refund_order_id", JSON_F_TEXT, false, 0, NONTAX_ID_MAX, offsetof(struct refund_told, r.refund_id), is_id },
		{ fee, JSON_F_INT, false, 0, FEN_MAX, offsetof(struct refund_told, r.fen), NULL },
		{ status, json_is_string(word) ? JSON_F_TEXT : JSON_F_INT, true, 0, 1000, json_is_string(word) ? offsetof(struct refund_told, status_text) : offsetof(struct refund_told, status), NULL },
	};
	struct refund_told t = { .number = STR_NONE };
	if (!take(object, fields, COUNT(fields), &t, a) || !str_eq(t.number, number) || (json_is_string(word) && !str_to_i64(t.status_text, 0, 1000, &t.status)))
		return false;
	enum nontax_state state = state_of(t.status);
	*out = t.r;
	out->is_done = state == NONTAX_REFUNDED;
	return state == NONTAX_REFUNDED || state == NONTAX_REFUNDING;
}

bool nontax_refund_read(struct str json, struct str number, struct nontax_refund *out, struct arena *a)
{
	struct fail inner;
	fail_clear(&inner);
	DROP(json) json_t *object = json_read(json, &inner);
	const json_t *parts = object != NULL ? json_object_get(object, "partial_refund_info") : NULL;
	*out = (struct nontax_refund){ .fen = 0 };
	if (object == NULL)
		return false;
	if (json_is_object(parts) && one_refund(parts, "refund_status", "refund_fee", number, out, a))
		return true;
	for (size_t i = 0; json_is_array(parts) && i < json_array_size(parts); i++)
		if (one_refund(json_array_get(parts, i), "refund_status", "refund_fee", number, out, a))
			return true;
	return one_refund(object, "status", "fee", number, out, a);
}

struct nontax_said nontax_list_judge(const struct http_answer *answer, struct arena *a, struct nontax_orders *out)
{
	static const struct json_field fields[] = { { "paid_order_id", JSON_F_TEXT, false, 0, NONTAX_ID_MAX, offsetof(struct nontax_orders, paid), NULL } };
	json_t *read;
	struct nontax_said said = read_answer(answer, &read);
	DROP(json) json_t *object = read;
	*out = (struct nontax_orders){ .paid = STR_NONE };
	if (said.means != NONTAX_OK)
		return said;
	const json_t *list = json_object_get(object, "order_id_list");
	if (!take(object, fields, COUNT(fields), out, a) || !json_is_array(list) || json_array_size(list) > NONTAX_ORDERS_MAX)
		return nonsense;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		struct str id = json_is_string(one) ? (struct str){ json_string_value(one), json_string_length(one) } : STR_NONE;
		if (!is_id(id, NULL) || (out->ids[out->count] = str_copy(a, id)).at == NULL)
			return nonsense;
		out->count++;
	}
	return said;
}

struct nontax_said nontax_refund_judge(const struct http_answer *answer, struct arena *a, struct str *channel_number)
{
	static const struct json_field fields[] = { { "refund_order_id", JSON_F_TEXT, false, 1, NONTAX_ID_MAX, 0, is_id } };
	json_t *read;
	struct nontax_said said = read_answer(answer, &read);
	DROP(json) json_t *object = read;
	*channel_number = STR_NONE;
	if (said.means == NONTAX_OK && !take(object, fields, 1, channel_number, a))
		*channel_number = STR_NONE;
	return said;
}

struct nontax_said nontax_tell_judge(const struct http_answer *answer)
{
	json_t *read;
	struct nontax_said said = read_answer(answer, &read);
	json_decref(read);
	return said;
}

/* ---- the file of a day ---- */

/* A brace that is no error is no file either. */
struct nontax_said nontax_bill_judge(const struct http_answer *answer)
{
	struct str body = answer->body;
	if (answer->end != HTTP_ANSWERED || answer->status != 200)
		return answer->end == HTTP_NOT_SENT ? (struct nontax_said){ NONTAX_BUSY, 0 } : unclear;
	while (body.len > 0 && strchr(" \t\r\n", body.at[0]) != NULL)
		body = (struct str){ body.at + 1, body.len - 1 };
	if (body.len == 0)
		return nonsense;
	if (body.at[0] != '{')
		return (struct nontax_said){ NONTAX_OK, 0 };
	DROP(json) json_t *read = NULL;
	struct nontax_said said = read_answer(answer, &read);
	return said.means == NONTAX_OK ? nonsense : said;
}
