/* channels/wechat_pay_keys.c - why this exists: whoever signs must not know where a key came from, nor wait for the one that replaces it. */
#include "channels/wechat_pay_keys.h"

#include "base/certificate.h"
#include <limits.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

static BIO *bio_of(struct str pem)
{
	return pem.len > 0 && pem.len <= INT_MAX ? BIO_new_mem_buf(pem.at, (int)pem.len) : NULL;
}

static bool is_rsa(const EVP_PKEY *key)
{
	return key != NULL && EVP_PKEY_is_a(key, "RSA") == 1 && EVP_PKEY_get_bits(key) >= WECHAT_PAY_RSA_BITS_MIN && EVP_PKEY_get_size(key) <= WECHAT_PAY_RSA_BYTES_MAX;
}

/* NULL when it is none of ours to use. */
static EVP_PKEY *only_rsa(EVP_PKEY *key)
{
	ERR_clear_error();
	if (is_rsa(key))
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

static int no_password(char *to, int max, int writing, void *ctx)
{
	(void)to, (void)max, (void)writing, (void)ctx;
	return -1; /* or the library would ask at the terminal */
}

static EVP_PKEY *private_key(struct str pem)
{
	BIO *from = bio_of(pem);
	EVP_PKEY *key = from != NULL ? PEM_read_bio_PrivateKey(from, NULL, no_password, NULL) : NULL;
	BIO_free(from);
	return only_rsa(key);
}

static EVP_PKEY *public_key(struct str pem)
{
	BIO *from = bio_of(pem);
	EVP_PKEY *key = from != NULL ? PEM_read_bio_PUBKEY(from, NULL, no_password, NULL) : NULL;
	BIO_free(from);
	return only_rsa(key);
}

/* ---- ours, and their public key ---- */

static bool is_serial(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (strchr("0123456789ABCDEF", s.at[i]) == NULL || s.at[i] == '\0')
			return false;
	return s.len >= 8 && s.len <= WECHAT_PAY_SERIAL_MAX;
}

static bool is_public_id(struct str s)
{
	return s.len <= WECHAT_PAY_SERIAL_MAX && str_starts(s, STR("PUB_KEY_ID_")) && str_is_visible_ascii(s);
}

bool wechat_pay_api_key(struct str text, struct cipher_key *out)
{
	if (text.len != CIPHER_KEY_MAX || !str_is_visible_ascii(text))
		return false;
	cipher_key_make(out, CIPHER_AES_256_GCM, (const uint8_t *)text.at);
	return true;
}

static void keys_drop(void *at)
{
	struct wechat_pay_keys *k = at;
	EVP_PKEY_free(k->merchant);
	EVP_PKEY_free(k->theirs);
	wipe(k, sizeof(*k));
	free(k);
}

static bool keys_fill(struct wechat_pay_keys *k, const struct wechat_pay_key_texts *t, struct fail *why)
{
	if (!is_serial(t->serial))
		return FAILS(why, CONFIG, "wechat.pay.serial: the merchant certificate's serial, hex in upper case");
	if (t->public_id.len > 0 && !is_public_id(t->public_id))
		return FAILS(why, CONFIG, "wechat.pay.public_key_id: PUB_KEY_ID_ and digits");
	if (!wechat_pay_api_key(t->api_key.secret, &k->shared))
		return FAILS(why, CONFIG, "wechat.pay.api_key_file: an APIv3 key has 32 characters");
	if ((k->merchant = private_key(t->merchant_pem.secret)) == NULL)
		return FAILS(why, CONFIG, "wechat.pay.key_file: no private RSA key of 2048 bits or more in PEM, without a password");
	if (t->public_id.len > 0 && (k->theirs = public_key(t->public_pem)) == NULL)
		return FAILS(why, CONFIG, "wechat.pay.public_key_file: no public RSA key of 2048 bits or more in PEM");
	memcpy(k->serial, t->serial.at, t->serial.len);
	if (t->public_id.len > 0)
		memcpy(k->public_id, t->public_id.at, t->public_id.len);
	return true;
}

bool wechat_pay_keys_put(const struct wechat_pay_key_texts *t, struct fail *why)
{
	struct wechat_pay_keys *k = calloc(1, sizeof(*k));
	if (k == NULL)
		return FAILS(why, MEMORY, "keys of WeChat Pay");
	if (keys_fill(k, t, why))
		return shelf_put(SHELF_WECHAT_PAY, k, keys_drop, why);
	keys_drop(k);
	return false;
}

const struct wechat_pay_keys *wechat_pay_keys_take(struct shelved **held)
{
	return shelf_take(SHELF_WECHAT_PAY, held);
}

void wechat_pay_keys_close(void)
{
	struct fail why;
	fail_clear(&why);
	(void)!shelf_put(SHELF_WECHAT_PAY, NULL, NULL, &why);
	(void)!shelf_put(SHELF_WECHAT_CERTIFICATES, NULL, NULL, &why);
}

/* ---- platform certificates ---- */

static struct str bare(struct str digits)
{
	while (digits.len > 1 && digits.at[0] == '0')
		digits.at++, digits.len--;
	return digits;
}

/* As a number: whoever writes one may begin it with a zero. */
static bool serial_is(X509 *x, struct str serial)
{
	BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
	char *hex = n != NULL ? BN_bn2hex(n) : NULL;
	bool same = hex != NULL && str_eq(bare(str_c(hex)), bare(serial));
	OPENSSL_free(hex);
	BN_free(n);
	return same;
}

bool wechat_pay_certificate_add(struct wechat_pay_certificates *to, struct str serial, struct str pem)
{
	struct certificate facts;
	BIO *from = bio_of(pem);
	X509 *x = from != NULL ? PEM_read_bio_X509(from, NULL, no_password, NULL) : NULL;
	EVP_PKEY *key = x != NULL ? X509_get0_pubkey(x) : NULL;
	bool ok = to->count < WECHAT_PAY_CERTIFICATES_MAX && is_serial(serial) && is_rsa(key) && serial_is(x, serial) && certificate_of(x, &facts);
	if (ok && EVP_PKEY_up_ref(key) == 1) {
		snprintf(to->at[to->count].serial, sizeof(to->at[0].serial), "%.*s", STR_ARG(serial));
		to->at[to->count].key = key;
		to->at[to->count].from_ms = facts.from_ms;
		to->at[to->count].until_ms = facts.until_ms;
		to->count++;
	}
	X509_free(x);
	BIO_free(from);
	ERR_clear_error();
	return ok;
}

void wechat_pay_certificates_drop(void *certificates)
{
	struct wechat_pay_certificates *c = certificates;
	for (int i = 0; i < c->count; i++)
		EVP_PKEY_free(c->at[i].key);
	c->count = 0;
}

static void put_drop(void *at)
{
	wechat_pay_certificates_drop(at);
	free(at);
}

bool wechat_pay_certificates_put(const struct wechat_pay_certificate_text *list, int count, int *left_out, struct fail *why)
{
	struct wechat_pay_certificates *c = calloc(1, sizeof(*c));
	*left_out = 0;
	if (c == NULL)
		return FAILS(why, MEMORY, "certificates of WeChat Pay");
	for (int i = 0; i < count; i++)
		*left_out += !wechat_pay_certificate_add(c, list[i].serial, list[i].pem);
	return shelf_put(SHELF_WECHAT_CERTIFICATES, c, put_drop, why);
}

const struct wechat_pay_certificates *wechat_pay_certificates_take(struct shelved **held)
{
	return shelf_take(SHELF_WECHAT_CERTIFICATES, held);
}
