/* channels/wechat_nontax_call.c - profiles of the platform's calls. */
#include "channels/wechat_nontax_call.h"

#include "base/arena.h"
#include "base/cipher.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/json.h"

#include <stdio.h>

enum { DATA_MAX = 64 << 10, KEY_BYTES = 32, SIGN_CHARACTERS = 64, BOUND_BYTES_MAX = NONTAX_WORD_MAX + 8 };

/* ---- the sandbox's ---- */

static bool key_read(struct secret key, uint8_t bytes[KEY_BYTES])
{
	struct str text = key.secret, prefix = STR("whsec_");
	if (str_starts(text, prefix))
		text = (struct str){ text.at + prefix.len, text.len - prefix.len };
	return base64_bytes(text, bytes, KEY_BYTES) == KEY_BYTES;
}

static bool is_signed(const uint8_t key[KEY_BYTES], struct str word, struct str data, struct str sign)
{
	const struct str parts[] = { word, STR("."), data };
	uint8_t mac[SHA256_BYTES];
	char text[SIGN_CHARACTERS + 1];
	hmac_sha256((struct str){ (const char *)key, KEY_BYTES }, parts, 3, mac);
	hex_text(mac, sizeof(mac), text);
	return str_same_secret(sign, (struct str){ text, SIGN_CHARACTERS });
}

struct envelope {
	struct str data, sign;
};

/* Of what could not be read: was it the other side's? */
static enum nontax_reply reply_of(const struct fail *why)
{
	return why->code == FAIL_MEMORY ? NONTAX_REPLY_SYSTEM : NONTAX_REPLY_FORM;
}

static enum nontax_reply envelope_read(struct str body, struct envelope *e, struct arena *a)
{
	static const struct json_field fields[] = {
		{ "data", JSON_F_TEXT, true, 1, DATA_MAX, offsetof(struct envelope, data), NULL },
		{ "sign", JSON_F_TEXT, false, 0, SIGN_CHARACTERS, offsetof(struct envelope, sign), NULL },
	};
	struct fail inner;
	fail_clear(&inner);
	*e = (struct envelope){ .sign = STR_NONE };
	DROP(json) json_t *object = json_read(body, &inner);
	bool ok = json_is_object(object) && json_take(object, fields, 2, JSON_IGNORE_UNKNOWN, "", e, a, &inner);
	return ok ? NONTAX_REPLY_OK : reply_of(&inner);
}

static bool opened(const uint8_t bytes[KEY_BYTES], struct str word, struct str data, struct str *plain, struct arena *a)
{
	struct cipher_key key;
	uint8_t *sealed = arena_alloc(a, data.len), *out = arena_alloc(a, data.len);
	int64_t len = sealed != NULL && out != NULL ? base64_bytes(data, sealed, data.len) : -1;
	if (len < GCM_NONCE_BYTES + GCM_TAG_BYTES)
		return false;
	size_t text = (size_t)len - GCM_NONCE_BYTES - GCM_TAG_BYTES;
	cipher_key_make(&key, CIPHER_AES_256_GCM, bytes);
	bool ok = gcm_open(&key, sealed, word, (struct str){ (const char *)sealed + GCM_NONCE_BYTES, text }, sealed + GCM_NONCE_BYTES + text, out);
	wipe(&key, sizeof(key));
	*plain = (struct str){ (const char *)out, text };
	return ok;
}

static enum nontax_reply sandbox_open(struct secret key, struct str word, struct str body, struct str *plain, struct arena *a)
{
	uint8_t bytes[KEY_BYTES];
	struct envelope e;
	*plain = STR_NONE;
	if (!key_read(key, bytes))
		return NONTAX_REPLY_SYSTEM;
	enum nontax_reply reply = envelope_read(body, &e, a);
	if (reply == NONTAX_REPLY_OK && (e.sign.at == NULL || !is_signed(bytes, word, e.data, e.sign)))
		reply = NONTAX_REPLY_SIGNATURE;
	if (reply == NONTAX_REPLY_OK && !opened(bytes, word, e.data, plain, a))
		reply = a->refused ? NONTAX_REPLY_SYSTEM : NONTAX_REPLY_SEALED;
	wipe(bytes, sizeof(bytes));
	return reply;
}

static struct str sandbox_seal(struct secret key, struct str word, struct str plain, const uint8_t *random, struct arena *a)
{
	uint8_t bytes[KEY_BYTES];
	char bound[BOUND_BYTES_MAX];
	struct cipher_key k;
	struct buf b;
	size_t bytes_all = GCM_NONCE_BYTES + plain.len + GCM_TAG_BYTES;
	uint8_t *sealed = arena_alloc(a, bytes_all);
	char *data = arena_alloc(a, 4 * ((bytes_all + 2) / 3) + 1);
	if (sealed == NULL || data == NULL || plain.at == NULL || !key_read(key, bytes) || word.len > NONTAX_WORD_MAX)
		return STR_NONE;
	size_t bound_len = (size_t)snprintf(bound, sizeof(bound), "%.*s.reply", STR_ARG(word));
	memcpy(sealed, random, GCM_NONCE_BYTES);
	cipher_key_make(&k, CIPHER_AES_256_GCM, bytes);
	gcm_seal(&k, sealed, (struct str){ bound, bound_len }, plain, sealed + GCM_NONCE_BYTES, sealed + GCM_NONCE_BYTES + plain.len);
	wipe(&k, sizeof(k));
	wipe(bytes, sizeof(bytes));
	base64_text(sealed, bytes_all, data);
	buf_init(&b, a, strlen(data) + 16);
	buf_printf(&b, "{\"data\":\"%s\"}", data);
	return buf_ok(&b) ? buf_text(&b) : STR_NONE;
}

/* ---- the table ---- */

/* In the order of the knob wechat.nontax.calls, "none" first. */
static const struct nontax_profile profiles[] = { { sandbox_open, sandbox_seal } };

const struct nontax_profile *nontax_profile_of(int number)
{
	return number >= 1 && (size_t)number <= sizeof(profiles) / sizeof(profiles[0]) ? &profiles[number - 1] : NULL;
}

/* ---- what is said, whatever it is sealed with ---- */

static const char *message_of(enum nontax_reply reply)
{
	switch (reply) {
#define REPLY(name, code, message) case NONTAX_REPLY_##name: return message;
#include "channels/wechat_nontax_replies.def"
#undef REPLY
	}
	return "";
}

struct str nontax_reply_plain(enum nontax_reply reply, const struct nontax_notice *due, struct arena *a)
{
	struct buf b;
	buf_init(&b, a, due != NULL ? 1024 : 64);
	struct json_out j = json_begin(&b);
	json_put_object(&j);
	json_add_number(&j, "errcode", (int64_t)reply);
	json_add_text(&j, "errmsg", str_c(message_of(reply)));
	if (due != NULL)
		nontax_notice_out(&j, due);
	json_put_object_end(&j);
	return json_end(&j) ? buf_text(&b) : STR_NONE;
}

struct fee_question {
	struct nontax_fee_question q;
	struct str region;
};

enum nontax_reply nontax_fee_asked(struct str plain, struct nontax_fee_question *out, struct arena *a)
{
	static const struct json_field fields[] = {
		{ "appid", JSON_F_TEXT, true, 1, NONTAX_ID_MAX, offsetof(struct fee_question, q.appid), NULL },
		{ "payment_notice_no", JSON_F_TEXT, true, 1, NONTAX_ID_MAX, offsetof(struct fee_question, q.notice_no), NULL },
		{ "department_code", JSON_F_TEXT, true, 1, NONTAX_ID_MAX, offsetof(struct fee_question, q.department_code), NULL },
		{ "region_code", JSON_F_TEXT, true, 6, 12, offsetof(struct fee_question, region), NULL },
		{ "bank_id", JSON_F_TEXT, false, 0, NONTAX_ID_MAX, offsetof(struct fee_question, q.bank_id), NULL },
		{ "payment_notice_type", JSON_F_INT, false, 1, 2, offsetof(struct fee_question, q.kind), NULL },
	};
	struct fail inner;
	struct fee_question f = { .region = STR_NONE };
	fail_clear(&inner);
	DROP(json) json_t *object = json_read(plain, &inner);
	bool ok = json_is_object(object) && json_take(object, fields, sizeof(fields) / sizeof(fields[0]), JSON_IGNORE_UNKNOWN, "", &f, a, &inner) &&
		str_to_i64(f.region, 100000, INT64_C(999999999999), &f.q.region);
	*out = f.q;
	return ok ? NONTAX_REPLY_OK : reply_of(&inner);
}
