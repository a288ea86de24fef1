/* channels/wechat_pay_sign.c - why this exists: whoever could write such a signature could write money. */
#include "channels/wechat_pay_sign.h"

#include "base/hash.h"
#include <openssl/err.h>
#include <openssl/evp.h>

enum { NONCE_MAX = 64, TIMESTAMP_S_MAX = INT32_MAX, GCM_NONCE = 12 };
static const struct str SCHEME = { "WECHATPAY2-SHA256-RSA2048", 25 };

/* ---- ours ---- */

bool wechat_pay_sign(const struct wechat_pay_keys *k, struct str text, char out[WECHAT_PAY_SIGNATURE_MAX + 1])
{
	unsigned char bytes[WECHAT_PAY_RSA_BYTES_MAX];
	size_t len = sizeof(bytes);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx != NULL && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, k->merchant) == 1 &&
		EVP_DigestSign(ctx, bytes, &len, (const unsigned char *)text.at, text.len) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	out[ok ? base64_text(bytes, len, out) : 0] = '\0';
	return ok;
}

void wechat_pay_nonce(const uint8_t random[16], char out[WECHAT_PAY_NONCE_BYTES + 1])
{
	static const char digits[] = "0123456789ABCDEF";
	for (int i = 0; i < 16; i++) {
		out[2 * i] = digits[random[i] >> 4];
		out[2 * i + 1] = digits[random[i] & 15];
	}
	out[WECHAT_PAY_NONCE_BYTES] = '\0';
}

static void line(struct buf *b, struct str s)
{
	buf_str(b, s);
	buf_char(b, '\n');
}

struct str wechat_pay_authorization(const struct wechat_pay_keys *k, struct str mchid, struct str method, struct str target, struct str body, int64_t now_ms,
				    const uint8_t random[16], struct arena *a)
{
	struct buf text, out;
	char nonce[WECHAT_PAY_NONCE_BYTES + 1], signature[WECHAT_PAY_SIGNATURE_MAX + 1], seconds[21];
	struct str time = { seconds, i64_text(now_ms / 1000, seconds) };
	wechat_pay_nonce(random, nonce);
	buf_init(&text, a, body.len + target.len + 128);
	line(&text, method);
	line(&text, target);
	line(&text, time);
	line(&text, str_c(nonce));
	line(&text, body);
	buf_init(&out, a, 768);
	if (!buf_ok(&text) || !wechat_pay_sign(k, buf_text(&text), signature))
		return STR_NONE;
	buf_str(&out, SCHEME);
	buf_printf(&out, " mchid=\"%.*s\",nonce_str=\"%s\",signature=\"%s\",timestamp=\"%.*s\",serial_no=\"%s\"", STR_ARG(mchid), nonce, signature, STR_ARG(time), k->serial);
	return buf_ok(&out) ? buf_text(&out) : STR_NONE;
}

/* ---- theirs ---- */

struct str wechat_pay_wrong_text(enum wechat_pay_wrong w)
{
	static const char *const texts[] = { "",
#define X(name, word) word,
		WECHAT_PAY_WRONGS(X)
#undef X
	};
	return str_c(texts[w]);
}

static EVP_PKEY *key_of(const struct wechat_pay_keys *k, const struct wechat_pay_certificates *c, struct str serial, int64_t now_ms)
{
	if (k->theirs != NULL && str_eq(serial, str_c(k->public_id)))
		return k->theirs;
	for (int i = 0; c != NULL && i < c->count; i++)
		if (str_eq(serial, str_c(c->at[i].serial)))
			return now_ms >= c->at[i].from_ms && now_ms < c->at[i].until_ms ? c->at[i].key : NULL;
	return NULL;
}

static bool verifies(EVP_PKEY *key, const uint8_t *signature, size_t len, const struct str *parts, int count)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1;
	for (int i = 0; ok && i < count; i++)
		ok = parts[i].len == 0 || EVP_DigestVerifyUpdate(ctx, parts[i].at, parts[i].len) == 1;
	ok = ok && EVP_DigestVerifyFinal(ctx, signature, len) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}

static bool is_near(struct str timestamp, int64_t now_ms)
{
	int64_t s;
	return timestamp.len <= 10 && str_to_i64(timestamp, 0, TIMESTAMP_S_MAX, &s) && timestamp.at[0] != '-' && s * 1000 - now_ms <= WECHAT_PAY_WINDOW_MS &&
	       now_ms - s * 1000 <= WECHAT_PAY_WINDOW_MS;
}

enum wechat_pay_wrong wechat_pay_verify(const struct wechat_pay_keys *k, const struct wechat_pay_certificates *c, const struct wechat_pay_signed *s, struct str body,
					int64_t now_ms)
{
	uint8_t signature[WECHAT_PAY_RSA_BYTES_MAX];
	const struct str end = STR("\n"), parts[] = { s->timestamp, end, s->nonce, end, body, end };
	if (s->timestamp.len == 0 || s->serial.len == 0 || s->signature.len == 0 || s->nonce.len > NONCE_MAX || !str_is_visible_ascii(s->nonce) ||
	    (s->type.at != NULL && !str_eq(s->type, SCHEME)))
		return WECHAT_PAY_WRONG_HEADERS;
	if (!is_near(s->timestamp, now_ms))
		return WECHAT_PAY_WRONG_TIME;
	if (str_starts(s->signature, STR("WECHATPAY/SIGNTEST/")))
		return WECHAT_PAY_WRONG_PROBE;
	EVP_PKEY *key = key_of(k, c, s->serial, now_ms);
	if (key == NULL)
		return WECHAT_PAY_WRONG_SERIAL;
	int64_t len = base64_bytes(s->signature, signature, sizeof(signature));
	return len > 0 && verifies(key, signature, (size_t)len, parts, 6) ? WECHAT_PAY_FINE : WECHAT_PAY_WRONG_SIGNATURE;
}

/* ---- sealed ---- */

bool wechat_pay_open(const struct cipher_key *k, struct str nonce, struct str associated, struct str sealed, struct arena *a, struct str *out)
{
	uint8_t *bytes = arena_alloc(a, sealed.len + 1), *plain = arena_alloc(a, sealed.len + 1);
	int64_t len = bytes != NULL && plain != NULL && nonce.len == GCM_NONCE ? base64_bytes(sealed, bytes, sealed.len) : -1;
	*out = STR_NONE;
	if (len < GCM_TAG_BYTES)
		return false;
	struct str inner = { (const char *)bytes, (size_t)len - GCM_TAG_BYTES };
	if (!gcm_open(k, (const uint8_t *)nonce.at, associated, inner, bytes + inner.len, plain))
		return false;
	*out = (struct str){ (const char *)plain, inner.len };
	return true;
}
