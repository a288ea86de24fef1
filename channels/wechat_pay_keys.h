/* channels/wechat_pay_keys.h - the keys between a merchant (商户号) and WeChat Pay: ours to sign with, theirs to believe by, and the one both share (APIv3 key).
 *
 *   merchant key, its certificate's serial    ours; from files, read again at a reload
 *   APIv3 key                                 shared: what they seal for us
 *   public key (微信支付公钥), PUB_KEY_ID_…      theirs, does not expire; from a file
 *   platform certificates (平台证书), a serial   theirs, several at once, renewed by themselves: fetched and kept in the database
 *
 * During a change some messages are signed by the one and some by the other, so each message says by its Wechatpay-Serial which key it means.
 * They lie on the shelf (base/shelf.h): who signs or verifies takes them, and a newer set may be put meanwhile.
 *
 * Thread: made and put by one; taken by any.
 * Source: protocols: pay.weixin.qq.com, APIv3 "签名与验签", "证书和回调报文解密". */
#ifndef CHANNELS_WECHAT_PAY_KEYS_H
#define CHANNELS_WECHAT_PAY_KEYS_H
#include "base/cipher.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/shelf.h"

enum { WECHAT_PAY_SERIAL_MAX = 64, WECHAT_PAY_CERTIFICATES_MAX = 16, WECHAT_PAY_RSA_BITS_MIN = 2048, WECHAT_PAY_RSA_BYTES_MAX = 512 };

struct evp_pkey_st;

struct wechat_pay_key_texts {
	struct str serial;            /* of the merchant's certificate, 8 to 64 digits of hex, upper case */
	struct str public_id;         /* "PUB_KEY_ID_…"; len 0: there is none */
	struct str public_pem;
	struct secret merchant_pem, api_key;
};

struct wechat_pay_keys {
	char serial[WECHAT_PAY_SERIAL_MAX + 1], public_id[WECHAT_PAY_SERIAL_MAX + 1];
	struct evp_pkey_st *merchant, *theirs; /* theirs NULL: none */
	struct cipher_key shared;
};

struct wechat_pay_certificates {
	int count;
	struct {
		char serial[WECHAT_PAY_SERIAL_MAX + 1];
		struct evp_pkey_st *key;
		int64_t from_ms, until_ms;
	} at[WECHAT_PAY_CERTIFICATES_MAX];
};

/* Fails: CONFIG which of them is none; MEMORY. */
MUST_USE bool wechat_pay_keys_put(const struct wechat_pay_key_texts *t, struct fail *why);
/* Exactly 32 bytes, as WeChat wants them. */
bool wechat_pay_api_key(struct str text, struct cipher_key *out);
void wechat_pay_keys_close(void); /* both */
const struct wechat_pay_keys *wechat_pay_keys_take(struct shelved **held); /* NULL: nobody pays by WeChat here */

struct wechat_pay_certificate_text {
	struct str serial, pem;
};
/* What reads as no RSA certificate of that serial is left out and counted. Fails: MEMORY. */
MUST_USE bool wechat_pay_certificates_put(const struct wechat_pay_certificate_text *list, int count, int *left_out, struct fail *why);
const struct wechat_pay_certificates *wechat_pay_certificates_take(struct shelved **held); /* NULL: none yet */
/* One alone, for whoever has just fetched it; false: it is none of that serial. `out` is dropped by wechat_pay_certificates_drop. */
bool wechat_pay_certificate_add(struct wechat_pay_certificates *to, struct str serial, struct str pem);
void wechat_pay_certificates_drop(void *certificates); /* what is inside; the struct when it was put */
#endif
