/* channels/wechat_pay_message.c - read tolerantly (unknown members are theirs to add), believed strictly. */
#include "channels/wechat_pay_message.h"

#include "base/arena.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool is_number(struct str s, struct fail *why)
{
	(void)why;
	return s.len <= WECHAT_PAY_NUMBER_MAX && str_is_visible_ascii(s);
}

static bool take(const json_t *object, const struct json_field *fields, size_t count, void *out, struct arena *a)
{
	struct fail inner;
	fail_clear(&inner);
	return json_is_object(object) && json_take(object, fields, count, JSON_IGNORE_UNKNOWN, "", out, a, &inner);
}

static json_t *read_object(struct str text)
{
	struct fail inner;
	fail_clear(&inner);
	return text.len <= WECHAT_PAY_BODY_MAX ? json_read(text, &inner) : NULL;
}

/* ---- sealed things ---- */

struct sealed {
	struct str algorithm, ciphertext, associated_data, nonce, original_type;
};

static const struct json_field sealed_fields[] = {
	{ "algorithm", JSON_F_TEXT, true, 0, 0, offsetof(struct sealed, algorithm), NULL },
	{ "ciphertext", JSON_F_TEXT, true, 0, 0, offsetof(struct sealed, ciphertext), NULL },
	{ "associated_data", JSON_F_TEXT, false, 0, 0, offsetof(struct sealed, associated_data), NULL },
	{ "nonce", JSON_F_TEXT, true, 0, 0, offsetof(struct sealed, nonce), NULL },
	{ "original_type", JSON_F_TEXT, false, 0, 0, offsetof(struct sealed, original_type), is_number },
};

static bool sealed_read(const json_t *object, struct sealed *s, struct arena *a)
{
	*s = (struct sealed){ STR_NONE, STR_NONE, STR_NONE, STR_NONE, STR_NONE };
	return take(object, sealed_fields, COUNT(sealed_fields), s, a) && str_eq(s->algorithm, STR("AEAD_AES_256_GCM"));
}

struct head {
	struct str id, event_type, resource_type;
};

enum wechat_pay_wrong wechat_pay_envelope(const struct wechat_pay_keys *k, struct str body, struct wechat_pay_envelope *out, struct arena *a)
{
	static const struct json_field fields[] = {
		{ "id", JSON_F_TEXT, true, 1, WECHAT_PAY_NUMBER_MAX, offsetof(struct head, id), is_number },
		{ "event_type", JSON_F_TEXT, true, 1, WECHAT_PAY_NUMBER_MAX, offsetof(struct head, event_type), is_number },
		{ "resource_type", JSON_F_TEXT, true, 0, 0, offsetof(struct head, resource_type), NULL },
	};
	struct head h = { STR_NONE, STR_NONE, STR_NONE };
	struct sealed s;
	DROP(json) json_t *object = read_object(body);
	*out = (struct wechat_pay_envelope){ STR_NONE, STR_NONE, STR_NONE, STR_NONE };
	if (object == NULL || !take(object, fields, COUNT(fields), &h, a) || !str_eq(h.resource_type, STR("encrypt-resource")) ||
	    !sealed_read(json_object_get(object, "resource"), &s, a) || s.original_type.at == NULL)
		return WECHAT_PAY_WRONG_BODY;
	*out = (struct wechat_pay_envelope){ h.id, h.event_type, s.original_type, STR_NONE };
	return wechat_pay_open(&k->shared, s.nonce, s.associated_data, s.ciphertext, a, &out->plain) ? WECHAT_PAY_FINE : WECHAT_PAY_WRONG_KEY;
}

/* ---- a trade ---- */

struct amount {
	int64_t total, refund;
	struct str currency;
};

static const struct json_field amount_fields[] = {
	{ "total", JSON_F_INT, true, 1, INT64_C(1000000000000), offsetof(struct amount, total), NULL },
	{ "refund", JSON_F_INT, false, 1, INT64_C(1000000000000), offsetof(struct amount, refund), NULL },
	{ "currency", JSON_F_TEXT, false, 3, 16, offsetof(struct amount, currency), is_number },
};

static enum wechat_pay_trade_state trade_state(struct str word)
{
	static const struct { struct str word; enum wechat_pay_trade_state state; } words[] = {
		{ { "NOTPAY", 6 }, WECHAT_PAY_TRADE_NOTPAY }, { { "SUCCESS", 7 }, WECHAT_PAY_TRADE_SUCCESS }, { { "REFUND", 6 }, WECHAT_PAY_TRADE_REFUND },
		{ { "CLOSED", 6 }, WECHAT_PAY_TRADE_CLOSED }, { { "PAYERROR", 8 }, WECHAT_PAY_TRADE_PAYERROR },
	};
	for (size_t i = 0; i < COUNT(words); i++)
		if (str_eq(word, words[i].word))
			return words[i].state;
	return WECHAT_PAY_TRADE_OTHER;
}

struct trade {
	struct wechat_pay_trade t;
	struct str state;
};

bool wechat_pay_trade_read(struct str json, struct wechat_pay_trade *out, struct arena *a)
{
	static const struct json_field fields[] = {
		{ "appid", JSON_F_TEXT, true, 1, 32, offsetof(struct trade, t.appid), is_number },
		{ "mchid", JSON_F_TEXT, true, 1, 32, offsetof(struct trade, t.mchid), is_number },
		{ "out_trade_no", JSON_F_TEXT, true, 1, 32, offsetof(struct trade, t.out_trade_no), is_number },
		{ "transaction_id", JSON_F_TEXT, false, 0, 32, offsetof(struct trade, t.transaction_id), NULL },
		{ "trade_state", JSON_F_TEXT, true, 1, 32, offsetof(struct trade, state), is_number },
		{ "success_time", JSON_F_TIME, false, 0, 0, offsetof(struct trade, t.success_ms), NULL },
	};
	struct trade read = { .state = STR_NONE };
	struct amount amount = { .total = 0 };
	DROP(json) json_t *object = read_object(json);
	*out = read.t;
	if (object == NULL || !take(object, fields, COUNT(fields), &read, a))
		return false;
	read.t.state = trade_state(read.state);
	const json_t *money = json_object_get(object, "amount");
	if (money != NULL && !json_is_null(money) && !take(money, amount_fields, COUNT(amount_fields), &amount, a))
		return false;
	read.t.total_fen = amount.total;
	read.t.currency = amount.currency;
	if (wechat_pay_trade_is_paid(&read.t) && (!is_number(read.t.transaction_id, NULL) || amount.total == 0 || amount.currency.at == NULL))
		return false;
	*out = read.t;
	return true;
}

/* ---- a refund ---- */

static const struct str refund_words[] = { [WECHAT_PAY_REFUND_OTHER] = { "OTHER", 5 }, [WECHAT_PAY_REFUND_PROCESSING] = { "PROCESSING", 10 }, [WECHAT_PAY_REFUND_SUCCESS] = { "SUCCESS", 7 },
	[WECHAT_PAY_REFUND_CLOSED] = { "CLOSED", 6 }, [WECHAT_PAY_REFUND_ABNORMAL] = { "ABNORMAL", 8 } };

struct str wechat_pay_refund_state_text(enum wechat_pay_refund_state s)
{
	return refund_words[s];
}

struct refund {
	struct wechat_pay_refund r;
	struct str status, refund_status;
};

bool wechat_pay_refund_read(struct str json, struct wechat_pay_refund *out, struct arena *a)
{
	static const struct json_field fields[] = {
		{ "mchid", JSON_F_TEXT, false, 1, 32, offsetof(struct refund, r.mchid), is_number },
		{ "out_trade_no", JSON_F_TEXT, true, 1, 32, offsetof(struct refund, r.out_trade_no), is_number },
		{ "transaction_id", JSON_F_TEXT, true, 1, 32, offsetof(struct refund, r.transaction_id), is_number },
		{ "refund_id", JSON_F_TEXT, true, 1, 64, offsetof(struct refund, r.refund_id), is_number },
		{ "out_refund_no", JSON_F_TEXT, true, 1, 64, offsetof(struct refund, r.out_refund_no), is_number },
		{ "status", JSON_F_TEXT, false, 1, 32, offsetof(struct refund, status), is_number },
		{ "refund_status", JSON_F_TEXT, false, 1, 32, offsetof(struct refund, refund_status), is_number },
		{ "success_time", JSON_F_TIME, false, 0, 0, offsetof(struct refund, r.success_ms), NULL },
	};
	struct refund read = { .status = STR_NONE };
	struct amount amount = { .total = 0 };
	DROP(json) json_t *object = read_object(json);
	*out = read.r;
	if (object == NULL || !take(object, fields, COUNT(fields), &read, a) || !take(json_object_get(object, "amount"), amount_fields, COUNT(amount_fields), &amount, a) ||
	    amount.refund == 0 || (read.status.at == NULL) == (read.refund_status.at == NULL))
		return false;
	struct str word = read.status.at != NULL ? read.status : read.refund_status;
	for (size_t i = 1; i < COUNT(refund_words); i++)
		if (str_eq(word, refund_words[i]))
			read.r.state = (enum wechat_pay_refund_state)i;
	read.r.refund_fen = amount.refund;
	read.r.total_fen = amount.total;
	*out = read.r;
	return true;
}

/* ---- what a phone goes on with ---- */

struct str wechat_pay_handle(struct str said, struct arena *a)
{
	static const char *const names[] = { "prepay_id", "code_url", "h5_url" };
	struct fail why;
	fail_clear(&why);
	DROP(json) json_t *j = json_read(said, &why);
	for (int i = 0; i < 3; i++) {
		const json_t *v = json_object_get(j, names[i]);
		struct str s = json_is_string(v) ? (struct str){ json_string_value(v), json_string_length(v) } : STR_NONE;
		if (s.at != NULL)
			return s.len <= WECHAT_PAY_HANDLE_MAX && str_is_visible_ascii(s) ? str_copy(a, s) : STR_NONE;
	}
	return STR_NONE;
}

/* ---- their certificates ---- */

bool wechat_pay_certificates_read(const struct wechat_pay_keys *k, struct str body, struct wechat_pay_certificate_text out[WECHAT_PAY_CERTIFICATES_MAX], int *count,
				  struct arena *a)
{
	static const struct json_field serial_field[] = { { "serial_no", JSON_F_TEXT, true, 1, WECHAT_PAY_SERIAL_MAX, 0, is_number } };
	DROP(json) json_t *object = read_object(body);
	const json_t *list = object != NULL ? json_object_get(object, "data") : NULL;
	*count = 0;
	if (!json_is_array(list) || json_array_size(list) > WECHAT_PAY_CERTIFICATES_MAX)
		return false;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		struct sealed s;
		struct wechat_pay_certificate_text *to = &out[*count];
		*to = (struct wechat_pay_certificate_text){ STR_NONE, STR_NONE };
		if (!take(one, serial_field, 1, &to->serial, a) || !sealed_read(json_object_get(one, "encrypt_certificate"), &s, a) ||
		    !wechat_pay_open(&k->shared, s.nonce, s.associated_data, s.ciphertext, a, &to->pem))
			return false;
		++*count;
	}
	return true;
}
