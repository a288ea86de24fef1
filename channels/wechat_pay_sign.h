/* channels/wechat_pay_sign.h - WeChat Pay APIv3: what we sign, what they signed, and what they sealed. Pure.
 *
 * What goes to them bears `Authorization: WECHATPAY2-SHA256-RSA2048 …` over method, path with query, time, nonce and body, each with a line end. What comes from
 * them, answers and callbacks alike, is signed over time, nonce and the body's bytes as they came. Some of it is signed wrongly on purpose, to see who looks.
 *
 * Thread: any. */
#ifndef CHANNELS_WECHAT_PAY_SIGN_H
#define CHANNELS_WECHAT_PAY_SIGN_H
#include "channels/http.h"
#include "channels/wechat_pay_keys.h"

enum { WECHAT_PAY_SIGNATURE_MAX = 4 * ((WECHAT_PAY_RSA_BYTES_MAX + 2) / 3), WECHAT_PAY_WINDOW_MS = 300000, WECHAT_PAY_NONCE_BYTES = 32 };

/* SHA256withRSA of the text in base64, NUL-terminated. false: the key cannot. */
bool wechat_pay_sign(const struct wechat_pay_keys *k, struct str text, char out[WECHAT_PAY_SIGNATURE_MAX + 1]);
/* 16 random bytes as a nonce: 32 digits of hex. */
void wechat_pay_nonce(const uint8_t random[16], char out[WECHAT_PAY_NONCE_BYTES + 1]);
/* The value of Authorization. `target`: path and query, exactly as they are on the wire. at NULL: no memory, or the key cannot. */
struct str wechat_pay_authorization(const struct wechat_pay_keys *k, struct str mchid, struct str method, struct str target, struct str body, int64_t now_ms,
				    const uint8_t random[16], struct arena *a);

/* The headers of what they sent; what is absent is at NULL. */
struct wechat_pay_signed {
	struct str timestamp, nonce, serial, signature, type;
};
enum wechat_pay_wrong {
	WECHAT_PAY_FINE,
#define WECHAT_PAY_WRONGS(X) X(HEADERS, "headers") X(TIME, "time") X(PROBE, "probe") X(SERIAL, "serial") X(SIGNATURE, "signature") X(BODY, "body") X(KEY, "key") X(ACCOUNT, "account")
#define X(name, word) WECHAT_PAY_WRONG_##name,
	WECHAT_PAY_WRONGS(X)
#undef X
	WECHAT_PAY_WRONG_COUNT
};
struct str wechat_pay_wrong_text(enum wechat_pay_wrong w); /* "signature" */

/* Was it signed by the key it names, within five minutes of now? `c` NULL: no certificates. HEADERS missing or malformed; SERIAL a key we do not have, or a
 * certificate that is over; PROBE one of their own tests, as wrong as any other. */
enum wechat_pay_wrong wechat_pay_verify(const struct wechat_pay_keys *k, const struct wechat_pay_certificates *c, const struct wechat_pay_signed *s, struct str body,
					int64_t now_ms);

/* AEAD_AES_256_GCM: base64 of ciphertext and tag, a nonce of 12 bytes, additional data that may be empty. The text lies in `a`; false: not sealed with this key,
 * or for something else. */
MUST_USE bool wechat_pay_open(const struct cipher_key *k, struct str nonce, struct str associated, struct str sealed, struct arena *a, struct str *out);
#endif
