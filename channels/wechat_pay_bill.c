/* channels/wechat_pay_bill.c - why this exists: what the channel says it took is half of every day's close. */
#include "channels/wechat_pay_bill.h"

#include "base/arena.h"
#include "base/day.h"
#include "base/json.h"
#include "channels/url.h"

enum { FETCH_TIMEOUT_MS = 120000, ADDRESS_MAX = 1024 };

bool wechat_pay_bill_ask(const struct config *c, enum wechat_pay_bill_kind kind, int32_t day, bool as_gzip, int64_t now_ms, const uint8_t random[16], struct arena *a,
			 struct http_call *out, struct fail *why)
{
	struct buf path;
	char date[DAY_TEXT_BYTES];
	day_text(day, date);
	buf_init(&path, a, 128);
	buf_str(&path, kind == WECHAT_PAY_TRADE_BILL ? STR("/v3/bill/tradebill") : STR("/v3/bill/fundflowbill"));
	url_field(&path, '?', "bill_date", str_c(date));
	url_field(&path, '&', kind == WECHAT_PAY_TRADE_BILL ? "bill_type" : "account_type", kind == WECHAT_PAY_TRADE_BILL ? STR("ALL") : STR("BASIC"));
	if (as_gzip)
		url_field(&path, '&', "tar_type", STR("GZIP"));
	return (buf_ok(&path) || FAILS(why, MEMORY, "a bill's question")) && wechat_pay_call(c, METHOD_GET, buf_text(&path), STR(""), now_ms, random, a, out, why);
}

struct place {
	struct str hash_type, hash_value, url;
};

static enum wechat_pay_bill_end read_place(struct str body, struct arena *a, struct wechat_pay_bill *out)
{
	static const struct json_field fields[] = {
		{ "hash_type", JSON_F_TEXT, true, 1, 16, offsetof(struct place, hash_type), NULL },
		{ "hash_value", JSON_F_TEXT, true, 2 * SHA1_BYTES, 2 * SHA1_BYTES, offsetof(struct place, hash_value), NULL },
		{ "download_url", JSON_F_TEXT, true, 1, ADDRESS_MAX, offsetof(struct place, url), NULL },
	};
	struct place p = { STR_NONE, STR_NONE, STR_NONE };
	struct fail inner;
	fail_clear(&inner);
	DROP(json) json_t *j = json_read(body, &inner);
	if (j == NULL || !json_take(j, fields, sizeof(fields) / sizeof(fields[0]), JSON_IGNORE_UNKNOWN, "", &p, a, &inner) || !str_eq(p.hash_type, STR("SHA1")) ||
	    str_hex(p.hash_value, out->sha1, SHA1_BYTES) != SHA1_BYTES || !str_is_visible_ascii(p.url))
		return WECHAT_PAY_BILL_AWAY;
	out->url = p.url;
	return WECHAT_PAY_BILL_THERE;
}

static enum wechat_pay_bill_end refused(int status, const char *word)
{
	if (strcmp(word, "STATEMENT_CREATING") == 0)
		return WECHAT_PAY_BILL_CREATING;
	if (strcmp(word, "NO_STATEMENT_EXIST") == 0)
		return WECHAT_PAY_BILL_NONE;
	return status == 429 || status >= 500 ? WECHAT_PAY_BILL_AWAY : WECHAT_PAY_BILL_REFUSED;
}

enum wechat_pay_bill_end wechat_pay_bill_judge(const struct http_answer *answer, int64_t now_ms, struct arena *a, struct wechat_pay_bill *out, char word[64])
{
	*out = (struct wechat_pay_bill){ .url = STR_NONE };
	word[0] = '\0';
	if (answer->end != HTTP_ANSWERED)
		return WECHAT_PAY_BILL_AWAY;
	if (answer->status != 200) {
		wechat_pay_error_word(answer->body, word, 64);
		return refused(answer->status, word);
	}
	return wechat_pay_answer_verify(answer, now_ms) == WECHAT_PAY_FINE ? read_place(answer->body, a, out) : WECHAT_PAY_BILL_AWAY;
}

bool wechat_pay_bill_fetch(const struct config *c, const struct wechat_pay_bill *b, size_t bytes_max, int64_t now_ms, const uint8_t random[16], struct arena *a,
			   struct http_call *out, struct fail *why)
{
	struct str base = str_c(c->wechat_pay_url);
	if (!str_starts(b->url, base) || b->url.len <= base.len || b->url.at[base.len] != '/')
		return FAILS(why, CONFIG, "a bill lies at another host than wechat.pay.url");
	if (!wechat_pay_call(c, METHOD_GET, (struct str){ b->url.at + base.len, b->url.len - base.len }, STR(""), now_ms, random, a, out, why))
		return false;
	out->answer_max = bytes_max;
	out->timeout_ms = FETCH_TIMEOUT_MS;
	out->keeps = NULL;
	return true;
}
