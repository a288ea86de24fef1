/* channels/wechat_pay.c - why this exists: between "ordered" and "paid" lies a platform, and only its signed word about our own number counts. */
#include "channels/wechat_pay.h"

#include "base/arena.h"
#include "base/clock.h"
#include "channels/url.h"
#include "channels/wechat_pay_inside.h"
#include "channels/wechat_pay_message.h"

enum { TIMEOUT_MS = 10000, PATH_FIRST = 128 };

/* ---- a call ---- */

static const char *const signed_headers[] = { "wechatpay-timestamp", "wechatpay-nonce", "wechatpay-serial", "wechatpay-signature", "wechatpay-signature-type", NULL };

/* The path on the wire: a base may bring a beginning of its own. */
static struct str target_of(struct str base, struct str url)
{
	size_t from = str_starts(base, STR("https://")) ? 8 : 7;
	while (from < base.len && base.at[from] != '/')
		from++;
	return (struct str){ url.at + from, url.len - from };
}

static void put_header(struct http_call *c, struct str name, struct str value)
{
	c->headers[c->header_count++] = (struct header){ name, value };
}

static bool sign(const struct wechat_pay_keys *k, struct str mchid, struct str target, int64_t now_ms, const uint8_t random[16], struct arena *a, struct http_call *out)
{
	struct str authorization = wechat_pay_authorization(k, mchid, out->method == METHOD_GET ? STR("GET") : STR("POST"), target, out->body, now_ms, random, a);
	struct str public_id = k->public_id[0] != '\0' ? str_copy(a, str_c(k->public_id)) : STR_NONE;
	put_header(out, STR("authorization"), authorization);
	put_header(out, STR("accept"), STR("application/json"));
	if (out->body.len > 0)
		put_header(out, STR("content-type"), STR("application/json"));
	if (public_id.at != NULL)
		put_header(out, STR("wechatpay-serial"), public_id);
	return authorization.at != NULL && !a->refused;
}

bool wechat_pay_call(const struct config *c, enum method method, struct str path, struct str body, int64_t now_ms, const uint8_t random[16], struct arena *a,
		     struct http_call *out, struct fail *why)
{
	DROP(shelved) struct shelved *held = NULL;
	struct str base = str_c(c->wechat_pay_url);
	const struct wechat_pay_keys *k = wechat_pay_keys_take(&held);
	struct buf url;
	if (k == NULL || !url_base_is_right(base))
		return FAILS(why, CONFIG, "wechat.pay.url and its keys");
	buf_init(&url, a, base.len + path.len + 1);
	buf_str(&url, base);
	buf_str(&url, path);
	*out = (struct http_call){ .method = method, .url = buf_text(&url), .body = body, .timeout_ms = TIMEOUT_MS, .answer_max = WECHAT_PAY_BODY_MAX, .keeps = signed_headers };
	return (buf_ok(&url) && sign(k, str_c(c->wechat_pay_mchid), target_of(base, out->url), now_ms, random, a, out)) || FAILS(why, MEMORY, "a call to WeChat Pay");
}

static bool call(const struct order *o, enum method method, const struct buf *path, const struct buf *body, struct arena *a, struct http_call *out, struct fail *why)
{
	if (!buf_ok(path) || (body != NULL && !buf_ok(body)))
		return FAILS(why, MEMORY, "a call to WeChat Pay");
	return wechat_pay_call(o->config, method, buf_text(path), body != NULL ? buf_text(body) : STR(""), o->now_ms, o->random, a, out, why);
}

/* ---- build ---- */

#define T(name, max) { #name, JSON_F_TEXT, false, 1, max, offsetof(struct wechat_pay_deed, name), NULL }
#define N(name) { #name, JSON_F_INT, false, 1, INT64_MAX, offsetof(struct wechat_pay_deed, name), NULL }
static const struct json_field deed_fields[] = { T(method, 8), T(out_trade_no, 32), T(transaction_id, 32), T(out_refund_no, 64), T(openid, 128), T(ip, 45), T(reason, 80),
						 N(total_fen), N(refund_fen), N(expires_ms) };
#undef T
#undef N

bool wechat_pay_deed_read(const struct order *o, struct wechat_pay_deed *d, struct arena *a, struct fail *why)
{
	*d = (struct wechat_pay_deed){ .method = STR_NONE };
	DROP(json) json_t *j = json_read(o->payload, why);
	return j != NULL && json_take(j, deed_fields, sizeof(deed_fields) / sizeof(deed_fields[0]), JSON_IGNORE_UNKNOWN, "", d, a, why);
}

static bool has(struct str s, const char *what, struct fail *why)
{
	return s.at != NULL || FAILS_FIELD(why, FIELD_MISSING, "", "a payload without %s", what);
}

static void put_amount(struct json_out *j, const struct wechat_pay_deed *d)
{
	json_put_name(j, "amount");
	json_put_object(j);
	if (d->refund_fen > 0)
		json_add_number(j, "refund", d->refund_fen);
	json_add_number(j, "total", d->total_fen);
	json_add_plain(j, "currency", STR("CNY"));
	json_put_object_end(j);
}

static void put_scene(struct json_out *j, const struct wechat_pay_deed *d)
{
	json_put_name(j, "scene_info");
	json_put_object(j);
	json_add_text(j, "payer_client_ip", d->ip);
	json_put_name(j, "h5_info");
	json_put_object(j);
	json_add_plain(j, "type", STR("Wap"));
	json_put_object_end(j);
	json_put_object_end(j);
}

static const struct { struct str method, path; } ways[] = {
	{ { "mini", 4 }, { "jsapi", 5 } }, { { "jsapi", 5 }, { "jsapi", 5 } }, { { "app", 3 }, { "app", 3 } }, { { "native", 6 }, { "native", 6 } }, { { "h5", 2 }, { "h5", 2 } },
};

static struct str way_of(struct str method)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (str_eq(method, ways[i].method))
			return ways[i].path;
	return STR_NONE;
}

const char *wechat_pay_appid(const struct config *c, struct str method)
{
	return str_eq(method, STR("app")) ? c->wechat_pay_app_appid : str_eq(method, STR("jsapi")) ? c->wechat_official_appid : c->wechat_mini_appid;
}

bool wechat_pay_is_our_appid(const struct config *c, struct str appid)
{
	const char *const ours[] = { c->wechat_mini_appid, c->wechat_official_appid, c->wechat_pay_app_appid };
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (appid.len > 0 && str_eq(appid, str_c(ours[i])))
			return true;
	return false;
}

static void put_order(struct json_out *j, const struct config *c, const struct wechat_pay_deed *d)
{
	char until[RFC3339_BYTES];
	time_rfc3339(d->expires_ms, until);
	memmove(until + 19, until + 23, strlen(until + 23) + 1); /* without the milliseconds: 2026-05-08T11:04:56+08:00 */
	json_put_object(j);
	json_add_text(j, "appid", str_c(wechat_pay_appid(c, d->method)));
	json_add_text(j, "mchid", str_c(c->wechat_pay_mchid));
	json_add_text(j, "description", str_c(c->wechat_pay_description));
	json_add_text(j, "out_trade_no", d->out_trade_no);
	json_add_text(j, "time_expire", str_c(until));
	json_add_text(j, "notify_url", str_c(c->wechat_pay_notify_url));
	put_amount(j, d);
	if (d->openid.at != NULL) {
		json_put_name(j, "payer");
		json_put_object(j);
		json_add_text(j, "openid", d->openid);
		json_put_object_end(j);
	}
	if (d->ip.at != NULL)
		put_scene(j, d);
	json_put_object_end(j);
}

static bool prepay_build(const struct order *o, struct arena *a, struct http_call *out, struct fail *why)
{
	struct wechat_pay_deed d;
	struct buf path, body;
	if (!wechat_pay_deed_read(o, &d, a, why) || !has(d.method, "method", why) || !has(d.out_trade_no, "out_trade_no", why) || !has(way_of(d.method), "a method we know", why))
		return false;
	buf_init(&path, a, PATH_FIRST);
	buf_str(&path, STR("/v3/pay/transactions/"));
	buf_str(&path, way_of(d.method));
	buf_init(&body, a, 1024);
	struct json_out j = json_begin(&body);
	put_order(&j, o->config, &d);
	return (json_end(&j) || FAILS(why, MEMORY, "a payment's order")) && call(o, METHOD_POST, &path, &body, a, out, why);
}

static void trade_path(struct buf *path, struct arena *a, struct str out_trade_no)
{
	buf_init(path, a, PATH_FIRST);
	buf_str(path, STR("/v3/pay/transactions/out-trade-no/"));
	url_escape(path, out_trade_no);
}

static bool query_build(const struct order *o, struct arena *a, struct http_call *out, struct fail *why)
{
	struct wechat_pay_deed d;
	struct buf path;
	if (!wechat_pay_deed_read(o, &d, a, why) || !has(d.out_trade_no, "out_trade_no", why))
		return false;
	trade_path(&path, a, d.out_trade_no);
	url_field(&path, '?', "mchid", str_c(o->config->wechat_pay_mchid));
	return call(o, METHOD_GET, &path, NULL, a, out, why);
}

static bool close_build(const struct order *o, struct arena *a, struct http_call *out, struct fail *why)
{
	struct wechat_pay_deed d;
	struct buf path, body;
	if (!wechat_pay_deed_read(o, &d, a, why) || !has(d.out_trade_no, "out_trade_no", why))
		return false;
	trade_path(&path, a, d.out_trade_no);
	buf_str(&path, STR("/close"));
	buf_init(&body, a, 64);
	struct json_out j = json_begin(&body);
	json_put_object(&j);
	json_add_text(&j, "mchid", str_c(o->config->wechat_pay_mchid));
	json_put_object_end(&j);
	return (json_end(&j) || FAILS(why, MEMORY, "a close")) && call(o, METHOD_POST, &path, &body, a, out, why);
}

static bool refund_build(const struct order *o, struct arena *a, struct http_call *out, struct fail *why)
{
	struct wechat_pay_deed d;
	struct buf path, body;
	if (!wechat_pay_deed_read(o, &d, a, why) || !has(d.transaction_id, "transaction_id", why) || !has(d.out_refund_no, "out_refund_no", why))
		return false;
	if (d.refund_fen == 0 || d.refund_fen > d.total_fen)
		return FAILS_FIELD(why, FIELD, "/refund_fen", "more than there is, or nothing");
	buf_init(&path, a, PATH_FIRST);
	buf_str(&path, STR("/v3/refund/domestic/refunds"));
	buf_init(&body, a, 512);
	struct json_out j = json_begin(&body);
	json_put_object(&j);
	json_add_text(&j, "transaction_id", d.transaction_id);
	json_add_text(&j, "out_refund_no", d.out_refund_no);
	if (d.reason.at != NULL)
		json_add_text(&j, "reason", d.reason);
	json_add_text(&j, "notify_url", str_c(o->config->wechat_pay_notify_url));
	put_amount(&j, &d);
	json_put_object_end(&j);
	return (json_end(&j) || FAILS(why, MEMORY, "a refund")) && call(o, METHOD_POST, &path, &body, a, out, why);
}

static bool refund_query_build(const struct order *o, struct arena *a, struct http_call *out, struct fail *why)
{
	struct wechat_pay_deed d;
	struct buf path;
	if (!wechat_pay_deed_read(o, &d, a, why) || !has(d.out_refund_no, "out_refund_no", why))
		return false;
	buf_init(&path, a, PATH_FIRST);
	buf_str(&path, STR("/v3/refund/domestic/refunds/"));
	url_escape(&path, d.out_refund_no);
	return call(o, METHOD_GET, &path, NULL, a, out, why);
}

static bool certificates_build(const struct order *o, struct arena *a, struct http_call *out, struct fail *why)
{
	return wechat_pay_call(o->config, METHOD_GET, STR("/v3/certificates?algorithm_type=RSA"), STR(""), o->now_ms, o->random, a, out, why);
}

/* ---- the codecs ---- */

const struct codec_http codec_wechat_pay_prepay = { "wechat_pay_prepay", prepay_build, wechat_pay_prepay_judge, NULL, NULL };
const struct codec_http codec_wechat_pay_query = { "wechat_pay_query", query_build, wechat_pay_query_judge, NULL, NULL };
const struct codec_http codec_wechat_pay_close = { "wechat_pay_close", close_build, wechat_pay_close_judge, NULL, NULL };
const struct codec_http codec_wechat_pay_refund = { "wechat_pay_refund", refund_build, wechat_pay_refund_judge, refund_query_build, wechat_pay_refund_ask_judge };
const struct codec_http codec_wechat_pay_refund_query = { "wechat_pay_refund_query", refund_query_build, wechat_pay_refund_query_judge, NULL, NULL };
const struct codec_http codec_wechat_pay_certificates = { "wechat_pay_certificates", certificates_build, wechat_pay_certificates_judge, NULL, NULL };
