/* services/money/pay_attempt.c - POST /v1/orders/{id}/payments, GET /v1/orders/{id}/payments/{payment}: somebody pays his order by a channel.
 *
 * The channel is told of the order by an effect, and the phone waits for its end: it gets in one request what it goes on with, signed now and never kept. Asked again, it gets the
 * same attempt; asked for another way, the one before is closed first. */
#include "auth/audit.h"
#include "auth/login.h"
#include "base/hash.h"
#include "channels/wechat_pay_call.h"
#include "notify/account.h"
#include "payments/attempts/attempt_channel.h"
#include "services/handlers.h"
#include "services/money/ordering.h"
#include "services/services.h"

enum { PAYING = 1 };
enum { N_ATTEMPT, N_EFFECT };
enum { LEFT_MIN_MS = 70000 /* WeChat takes no order that ends within a minute */, OTHERWISE_AGAIN_S = 2 };

static const char *const no_query[] = { NULL };

struct paying {
	struct id key, attempt_key;
	struct str channel_name, method_name;
	const struct attempt_channel *channel;
	enum attempt_method method;
	struct attempt attempt;
	struct order order;
};

/* ---- order_pay ---- */

static bool order_key(struct request *r, struct id *key, struct fail *why)
{
	return id_from_text(r->params[0], "or", key) || FAILS(why, NOT_FOUND, "not an order's id");
}

static const struct attempt_channel *channel_named(struct str text)
{
	static const enum pay_channel all[] = { PAY_BY_WECHAT, PAY_BY_WECHAT_NONTAX };
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (str_eq(text, pay_channel_name(all[i])))
			return attempt_channel_of(all[i]);
	return NULL;
}

static bool pay_parse(struct request *r, struct fail *why)
{
	static const struct json_field fields[] = {
		{ "channel", JSON_F_TEXT, true, 1, 32, offsetof(struct paying, channel_name), NULL },
		{ "method", JSON_F_TEXT, true, 1, 16, offsetof(struct paying, method_name), NULL },
	};
	struct paying *p = request_state(r, sizeof(*p), why);
	if (p == NULL || !request_query_only(r, no_query, why) || !order_key(r, &p->key, why) || !request_json(r, fields, 2, p, why))
		return false;
	p->channel = channel_named(p->channel_name);
	if (p->channel == NULL)
		return FAILS_FIELD(why, FIELD, "/channel", "no channel of ours");
	p->method = attempt_method_named(p->method_name);
	return (p->method != 0 && attempt_channel_has(p->channel, p->method)) || FAILS_FIELD(why, FIELD, "/method", "no method of this channel");
}

/* Whoever pays inside the mini-program is named as that mini-program knows him, so it must be the one the platform knows too. */
static bool nontax_is_there(enum attempt_method method, struct fail *why)
{
	const struct config *c = services_config();
	if (!account_is_configured(ACCOUNT_wechat_nontax))
		return FAILS_FIELD(why, FIELD, "/channel", "not configured");
	return method != ATTEMPT_BY_MINI || strcmp(c->wechat_nontax_appid, c->wechat_mini_appid) == 0 || FAILS_FIELD(why, FIELD, "/method", "wechat.nontax.appid is not the mini-program's");
}

static bool pay_is_there(enum attempt_method method, struct fail *why)
{
	const struct config *c = services_config();
	if (c->wechat_pay_url[0] == '\0')
		return FAILS_FIELD(why, FIELD, "/channel", "not configured");
	return wechat_pay_appid(c, attempt_method_text(method))[0] != '\0' || FAILS_FIELD(why, FIELD, "/method", "its appid is not configured");
}

static bool is_there(const struct paying *p, struct fail *why)
{
	return p->channel->channel == PAY_BY_WECHAT_NONTAX ? nontax_is_there(p->method, why) : pay_is_there(p->method, why);
}

/* Who is named to the channel, by which account's name for him: an openid of one account means nothing beside the appid of another. */
static const struct { enum attempt_method method; enum login_kind kind; enum fail_code needed; } payers[] = {
	{ ATTEMPT_BY_MINI, LOGIN_WECHAT, FAIL_WECHAT_NEEDED },
	{ ATTEMPT_BY_JSAPI, LOGIN_WECHAT_OFFICIAL, FAIL_OFFICIAL_NEEDED },
};
enum { PAYERS = sizeof(payers) / sizeof(payers[0]) };

/* The account of WeChat that is linked to the caller, whose phone pays, for whomever he acts; kept nowhere but in what the channel is told. At NULL: the method names nobody. */
static bool openid_of(struct tx *tx, const struct request *r, enum attempt_method method, char text[LOGIN_VALUE_MAX + 1], struct str *openid, struct fail *why)
{
	int64_t login;
	enum login_kind kind;
	int i = 0;
	while (i < PAYERS && payers[i].method != method)
		i++;
	if (i == PAYERS)
		return true;
	if (!login_newest(tx, payers[i].kind, r->who.id, r->who.session, &login, why))
		return false;
	if (login == 0)
		return fail_note(why, payers[i].needed, __FILE__, __LINE__, "person %lld has linked none", (long long)r->who.id);
	return login_value(tx, login, text, &kind, openid, why);
}

/* Of IPv6 the network is all that is known. */
static struct str address_of(struct str peer)
{
	struct str address, rest;
	str_cut(peer, '/', &address, &rest);
	return address;
}

static bool begin(struct tx *tx, struct request *r, struct paying *p, struct fail *why)
{
	char text[LOGIN_VALUE_MAX + 1];
	uint8_t random[32];
	request_bytes(r, "attempt", random);
	struct attempt_new n = { .key = id_make(r->now_ms, random), .channel = p->channel->channel, .method = p->method, .now_ms = r->now_ms, .salt = random + 16 };
	if (p->order.expires_ms < r->now_ms + LEFT_MIN_MS)
		return FAILS(why, ORDER_ENDS, "order %lld", (long long)p->order.id);
	if (!openid_of(tx, r, p->method, text, &n.openid, why))
		return false;
	if (n.channel == PAY_BY_WECHAT_NONTAX && p->order.count != 1)
		return FAILS_FIELD(why, FIELD, "/channel", "it takes one notice at a time");
	if (p->method == ATTEMPT_BY_H5 || n.channel == PAY_BY_WECHAT_NONTAX)
		n.ip = address_of(r->peer);
	bool ok = attempt_make(tx, &p->order, &n, &p->attempt, why);
	wipe(text, sizeof(text));
	return ok;
}

static bool is_same_way(const struct paying *p)
{
	return p->attempt.channel == p->channel->channel && p->attempt.method == p->method;
}

static bool go_on(struct tx *tx, struct request *r, struct paying *p, struct fail *why)
{
	struct attempt *a = &p->attempt;
	if (a->state == ATTEMPT_READY && is_same_way(p))
		return attempt_serves(a, r->now_ms) || attempt_renew(tx, a, r->now_ms, why);
	return a->state != ATTEMPT_CLOSING || FAILS(why, PAYING_OTHERWISE, "attempt %lld is being closed", (long long)a->id);
}

/* Another way is wanted: what is there is closed first, and that must be kept, so it is told in render. */
static bool is_otherwise(const struct paying *p)
{
	return p->attempt.id != 0 && p->attempt.state != ATTEMPT_CLOSING && !is_same_way(p);
}

static bool pay_apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct paying *p = r->state;
	struct order found;
	if (!order_find(tx, p->key, &found, why))
		return false;
	if (found.id == 0 || found.person != principal_whose(&r->who))
		return FAILS(why, NOT_FOUND, "no such order of his");
	if (!is_there(p, why) || !order_hold(tx, found.id, why) || !order_read(tx, found.id, &p->order, why) || !attempt_live(tx, found.id, &p->attempt, &r->arena, why))
		return false;
	r->outcome = (struct outcome){ .code = PAYING, .status = 201 };
	if (is_otherwise(p))
		return attempt_wind_up(tx, &p->attempt, 0, r->now_ms, why);
	if (!(p->attempt.id != 0 ? go_on(tx, r, p, why) : begin(tx, r, p, why)))
		return false;
	struct audit a = { AUDIT_ORDER_PAYING, AUDIT_OF_ORDER, p->order.id, .result = 201 };
	r->outcome.n[N_ATTEMPT] = p->attempt.id;
	r->outcome.n[N_EFFECT] = p->attempt.effect;
	id_text(p->attempt.key, "pa", r->outcome.text);
	return audit_add(tx, r, &a, why);
}

static int64_t pay_park(const struct request *r)
{
	return r->outcome.n[N_EFFECT];
}

static bool pay_revisit(struct tx *tx, struct request *r, struct fail *why)
{
	struct paying *p = r->state;
	struct id key;
	return (id_from_text(str_c(r->outcome.text), "pa", &key) || FAILS(why, INTERNAL, "an outcome without its attempt")) && attempt_find(tx, key, &p->attempt, &r->arena, why) &&
	       order_read(tx, p->attempt.order, &p->order, why);
}

/* ---- what the phone is given ---- */

/* The four lines it is signed over; the app's names are its own. */
static bool parameters_sign(const struct wechat_pay_keys *k, const char *appid, struct str seconds, const char *nonce, const struct attempt *a, char out[WECHAT_PAY_SIGNATURE_MAX + 1],
			    struct arena *arena)
{
	struct buf b;
	buf_init(&b, arena, 256);
	buf_printf(&b, "%s\n%.*s\n%s\n%s%.*s\n", appid, STR_ARG(seconds), nonce, a->method == ATTEMPT_BY_APP ? "" : "prepay_id=", STR_ARG(a->handle));
	return buf_ok(&b) && wechat_pay_sign(k, buf_text(&b), out);
}

/* In a page the appid goes along; a mini-program's is its own. */
static void page_out(struct json_out *j, enum attempt_method method, struct str seconds, const char *nonce, struct str handle, const char *signature)
{
	char words[16 + 512];
	size_t n = sizeof("prepay_id=") - 1;
	memcpy(words, "prepay_id=", n);
	memcpy(words + n, handle.at, handle.len);
	if (method == ATTEMPT_BY_JSAPI)
		json_add_text(j, "appId", str_c(services_config()->wechat_official_appid));
	json_add_text(j, "timeStamp", seconds);
	json_add_text(j, "nonceStr", str_c(nonce));
	json_add_text(j, "package", (struct str){ words, n + handle.len });
	json_add_plain(j, "signType", STR("RSA"));
	json_add_text(j, "paySign", str_c(signature));
}

static void app_out(struct json_out *j, struct str seconds, const char *nonce, struct str handle, const char *signature)
{
	json_add_text(j, "appId", str_c(services_config()->wechat_pay_app_appid));
	json_add_text(j, "partnerId", str_c(services_config()->wechat_pay_mchid));
	json_add_text(j, "prepayId", handle);
	json_add_plain(j, "packageValue", STR("Sign=WXPay"));
	json_add_text(j, "nonceStr", str_c(nonce));
	json_add_text(j, "timeStamp", seconds);
	json_add_text(j, "sign", str_c(signature));
}

static bool signed_out(struct request *r, struct json_out *j, const struct attempt *a, struct fail *why)
{
	DROP(shelved) struct shelved *held = NULL;
	uint8_t random[32];
	char nonce[WECHAT_PAY_NONCE_BYTES + 1], signature[WECHAT_PAY_SIGNATURE_MAX + 1], digits[21];
	struct str seconds = { digits, i64_text(r->now_ms / 1000, digits) };
	const struct wechat_pay_keys *k = wechat_pay_keys_take(&held);
	const char *appid = wechat_pay_appid(services_config(), attempt_method_text(a->method));
	request_bytes(r, "pay_sign", random);
	wechat_pay_nonce(random, nonce);
	if (k == NULL || a->handle.len > 512 || !parameters_sign(k, appid, seconds, nonce, a, signature, &r->arena))
		return FAILS(why, MEMORY, "a payment's parameters");
	if (a->method == ATTEMPT_BY_APP)
		app_out(j, seconds, nonce, a->handle, signature);
	else
		page_out(j, a->method, seconds, nonce, a->handle, signature);
	return true;
}

/* The platform's own page, or its mini-program's: nothing of it is signed by us. */
static void nontax_out(struct json_out *j, struct str handle)
{
	struct str appid, path;
	if (str_starts(handle, STR("https://"))) {
		json_add_text(j, "page_url", handle);
		return;
	}
	str_cut(handle, '/', &appid, &path);
	json_put_name(j, "mini_program");
	json_put_object(j);
	json_add_text(j, "app_id", appid);
	json_add_text(j, "path", path);
	json_put_object_end(j);
}

static bool pay_out(struct request *r, struct json_out *j, const struct paying *p, struct fail *why)
{
	const struct attempt *a = &p->attempt;
	if (a->state != ATTEMPT_READY || !attempt_serves(a, r->now_ms)) {
		json_add_nothing(j, "pay");
		return true;
	}
	json_put_name(j, "pay");
	json_put_object(j);
	bool ok = true;
	if (a->channel == PAY_BY_WECHAT_NONTAX)
		nontax_out(j, a->handle);
	else if (a->method == ATTEMPT_BY_NATIVE)
		json_add_text(j, "code_url", a->handle);
	else if (a->method == ATTEMPT_BY_H5)
		json_add_text(j, "h5_url", a->handle);
	else
		ok = signed_out(r, j, a, why);
	json_put_object_end(j);
	return ok;
}

static struct str next_of(const struct paying *p, int64_t now_ms)
{
	switch (p->attempt.state) {
	case ATTEMPT_READY:   return attempt_serves(&p->attempt, now_ms) ? STR("pay") : STR("ask_again");
	case ATTEMPT_PAID:    return STR("done");
	case ATTEMPT_CLOSED:
	case ATTEMPT_FAILED:  return p->order.state == ORDER_OPEN ? STR("ask_again") : STR("order_again");
	case ATTEMPT_ASKED:
	case ATTEMPT_UNKNOWN:
	case ATTEMPT_CLOSING: break;
	}
	return STR("wait");
}

static bool attempt_out(struct request *r, const struct paying *p, int status, struct fail *why)
{
	char id[ID_TEXT_BYTES], order[ID_TEXT_BYTES];
	id_text(p->attempt.key, "pa", id);
	order_id_text(&p->order, order);
	struct json_out j = reply_json(r, status);
	json_put_object(&j);
	json_add_text(&j, "id", str_c(id));
	json_add_text(&j, "order", str_c(order));
	json_add_text(&j, "channel", pay_channel_name(p->attempt.channel));
	json_add_text(&j, "method", attempt_method_text(p->attempt.method));
	json_add_text(&j, "state", attempt_state_text(p->attempt.state));
	json_add_number(&j, "total_fen", p->attempt.total_fen);
	json_add_time(&j, "expires_at", p->order.expires_ms);
	if (!pay_out(r, &j, p, why))
		return false;
	json_add_plain(&j, "next", next_of(p, r->now_ms));
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

static bool pay_render(struct request *r, struct fail *why)
{
	const struct paying *p = r->state;
	if (r->outcome.n[N_ATTEMPT] == 0) {
		why->retry_after_s = OTHERWISE_AGAIN_S;
		return FAILS(why, PAYING_OTHERWISE, "what was there is being closed");
	}
	bool is_late = p->attempt.state == ATTEMPT_ASKED || p->attempt.state == ATTEMPT_UNKNOWN || (p->attempt.state == ATTEMPT_READY && !attempt_serves(&p->attempt, r->now_ms));
	if (is_late) {
		struct buf b;
		char order[ID_TEXT_BYTES];
		order_id_text(&p->order, order);
		buf_init(&b, &r->arena, 128);
		buf_printf(&b, "/v1/orders/%s/payments/%s", order, r->outcome.text);
		if (!buf_ok(&b))
			return FAILS(why, MEMORY, "a place to look");
		reply_header(r, "location", buf_text(&b));
	}
	return attempt_out(r, p, is_late ? 202 : 201, why);
}

const struct handler order_pay = { .parse = pay_parse, .apply = pay_apply, .park = pay_park, .revisit = pay_revisit, .render = pay_render };

/* ---- order_payment_show ---- */

static bool show_parse(struct request *r, struct fail *why)
{
	struct paying *p = request_state(r, sizeof(*p), why);
	return p != NULL && request_query_only(r, no_query, why) && order_key(r, &p->key, why) &&
	       (id_from_text(r->params[1], "pa", &p->attempt_key) || FAILS(why, NOT_FOUND, "not a payment's id"));
}

static bool show_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct paying *p = r->state;
	if (!order_find(tx, p->key, &p->order, why) || !attempt_find(tx, p->attempt_key, &p->attempt, &r->arena, why))
		return false;
	if (p->order.id == 0 || p->attempt.order != p->order.id)
		return FAILS(why, NOT_FOUND, "no such payment of this order");
	r->owner = p->order.person;
	return true;
}

static bool show_render(struct request *r, struct fail *why)
{
	return attempt_out(r, r->state, 200, why);
}

const struct handler order_payment_show = { .parse = show_parse, .look = show_look, .render = show_render };
