/* channels/wechat_nontax_call.c - profiles of the platform's calls. */
#include "channels/wechat_nontax_call.h"

#include "base/arena.h"
#include "base/cipher.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/json.h"

#include <stdio.h>

enum { DATA_MAX = 64 << 10, KEY_BYTES = 32, SIGN_CHARACTERS = 64, REPLY_BYTES_MAX = 128, BOUND_BYTES_MAX = NONTAX_WORD_MAX + 8 };

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

static bool envelope_read(struct str body, struct envelope *e, struct arena *a)
{
	static const struct json_field fields[] = {
		{ "data", JSON_F_TEXT, true, 1, DATA_MAX, offsetof(struct envelope, data), NULL },
		{ "sign", JSON_F_TEXT, false, 0, SIGN_CHARACTERS, offsetof(struct envelope, sign), NULL },
	};
	struct fail inner;
	fail_clear(&inner);
	*e = (struct envelope){ .sign = STR_NONE };
	DROP(json) json_t *object = json_read(body, &inner);
	return json_is_object(object) && json_take(object, fields, 2, JSON_IGNORE_UNKNOWN, "", e, a, &inner);
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
	bool is_form = envelope_read(body, &e, a), is_right = is_form && e.sign.at != NULL && is_signed(bytes, word, e.data, e.sign);
	enum nontax_reply reply = !is_form ? NONTAX_REPLY_FORM : !is_right ? NONTAX_REPLY_SIGNATURE : opened(bytes, word, e.data, plain, a) ? NONTAX_REPLY_OK : NONTAX_REPLY_SEALED;
	wipe(bytes, sizeof(bytes));
	return reply;
}

static const char *message_of(enum nontax_reply reply)
{
	switch (reply) {
	case NONTAX_REPLY_OK:        return "";
	case NONTAX_REPLY_FORM:      return "data format";
	case NONTAX_REPLY_PAID:      return "paid already";
	case NONTAX_REPLY_SEALED:    return "decryption";
	case NONTAX_REPLY_SYSTEM:    return "system";
	case NONTAX_REPLY_SIGNATURE: return "signature";
	}
	return "";
}

static struct str sandbox_seal(struct secret key, struct str word, enum nontax_reply reply, const uint8_t *random, struct arena *a)
{
	uint8_t bytes[KEY_BYTES], sealed[GCM_NONCE_BYTES + REPLY_BYTES_MAX + GCM_TAG_BYTES];
	char text[REPLY_BYTES_MAX], bound[BOUND_BYTES_MAX], data[4 * ((sizeof(sealed) + 2) / 3) + 1];
	struct cipher_key k;
	struct buf b;
	if (!key_read(key, bytes) || word.len > NONTAX_WORD_MAX)
		return STR_NONE;
	size_t len = (size_t)snprintf(text, sizeof(text), "{\"errcode\":%d,\"errmsg\":\"%s\"}", (int)reply, message_of(reply));
	size_t bound_len = (size_t)snprintf(bound, sizeof(bound), "%.*s.reply", STR_ARG(word));
	memcpy(sealed, random, GCM_NONCE_BYTES);
	cipher_key_make(&k, CIPHER_AES_256_GCM, bytes);
	gcm_seal(&k, sealed, (struct str){ bound, bound_len }, (struct str){ text, len }, sealed + GCM_NONCE_BYTES, sealed + GCM_NONCE_BYTES + len);
	wipe(&k, sizeof(k));
	wipe(bytes, sizeof(bytes));
	base64_text(sealed, GCM_NONCE_BYTES + len + GCM_TAG_BYTES, data);
	buf_init(&b, a, sizeof(data) + 16);
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
