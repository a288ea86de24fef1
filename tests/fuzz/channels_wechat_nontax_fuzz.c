/* Goal: whatever comes to the address that WeChat's non-tax platform calls, nothing crashes, nothing is opened that its key has not sealed for this very call, and what was sealed is opened to the byte.
 * Method: the first byte chooses what comes and the second how long the call's word is; no fuzzer guesses a key, so it is signed, or sealed and signed, for it where it asks for that. */
#include "channels/wechat_nontax.h"
#include "channels/wechat_nontax_call.h"

#include "base/arena.h"
#include "base/cipher.h"
#include "base/hash.h"
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char key_text[] = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", key_bytes[] = "0123456789abcdef0123456789abcdef";
static const struct secret key = { { key_text, sizeof(key_text) - 1 } };
static const struct str raw_key = { key_bytes, sizeof(key_bytes) - 1 };

static void put_signed(struct buf *b, struct str word, struct str data)
{
	const struct str parts[] = { word, STR("."), data };
	uint8_t mac[SHA256_BYTES];
	char text[2 * SHA256_BYTES + 1];
	hmac_sha256(raw_key, parts, 3, mac);
	hex_text(mac, sizeof(mac), text);
	buf_printf(b, "{\"version\":1,\"data\":\"%.*s\",\"sign\":\"%s\"}", STR_ARG(data), text);
}

/* Any bytes under a right signature: base64 or not, a seal or not. */
static void is_signed_for(const struct nontax_profile *p, struct str word, struct str text, struct arena *a)
{
	struct buf b;
	struct str plain;
	buf_init(&b, a, 2 * text.len + 256);
	put_signed(&b, word, text);
	enum nontax_reply reply = p->open(key, word, buf_text(&b), &plain, a);
	assert(reply == NONTAX_REPLY_FORM || reply == NONTAX_REPLY_SIGNATURE || reply == NONTAX_REPLY_SEALED); /* a quote mark in it makes it another text */
}

static void is_sealed_for(const struct nontax_profile *p, struct str word, struct str text, struct arena *a)
{
	struct cipher_key k;
	struct buf b;
	struct str plain;
	struct nontax_trade trade;
	size_t len = GCM_NONCE_BYTES + text.len + GCM_TAG_BYTES;
	uint8_t *sealed = arena_alloc(a, len);
	char *base64 = arena_alloc(a, 4 * ((len + 2) / 3) + 1), other[NONTAX_WORD_MAX + 1] = { 'x' };
	assert(sealed != NULL && base64 != NULL);
	memset(sealed, 7, GCM_NONCE_BYTES);
	cipher_key_make(&k, CIPHER_AES_256_GCM, (const uint8_t *)key_bytes);
	gcm_seal(&k, sealed, word, text, sealed + GCM_NONCE_BYTES, sealed + GCM_NONCE_BYTES + text.len);
	base64_text(sealed, len, base64);
	buf_init(&b, a, 2 * len + 256);
	put_signed(&b, word, str_c(base64));
	assert(p->open(key, word, buf_text(&b), &plain, a) == NONTAX_REPLY_OK && str_eq(plain, text));
	if (nontax_trade_read(plain, &trade, a))
		assert(trade.fee_fen >= 0 && trade.order_id.len > 0 && (!nontax_trade_is_paid(&trade) || (trade.trans_id.len > 0 && trade.paid_s > 0)));
	/* the same of another call, and a byte of it changed */
	memcpy(other + 1, word.at, word.len);
	assert(p->open(key, (struct str){ other, word.len + 1 }, buf_text(&b), &plain, a) == NONTAX_REPLY_SIGNATURE);
	sealed[text.len % len] ^= 1;
	base64_text(sealed, len, base64);
	buf_init(&b, a, 2 * len + 256);
	put_signed(&b, word, str_c(base64));
	assert(p->open(key, word, buf_text(&b), &plain, a) == NONTAX_REPLY_SEALED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t random[NONTAX_NONCE_BYTES] = { 1 };
	struct arena a;
	struct str plain;
	const struct nontax_profile *p = nontax_profile_of(1);
	if (size < 2)
		return 0;
	size_t room = size - 2, wanted = data[1] % (NONTAX_WORD_MAX + 1);
	struct str word = { (const char *)data + 2, wanted < room ? wanted : room }, text = { word.at + word.len, room - word.len };
	arena_init(&a, 4 << 20);
	if (text.len > 32 << 10) /* base64 of it is more than a call may be */
		text.len = 32 << 10;
	switch (data[0] % 4) {
	case 0: assert(p->open(key, word, text, &plain, &a) != NONTAX_REPLY_OK); break;
	case 1: is_signed_for(p, word, text, &a); break;
	case 2: is_sealed_for(p, word, text, &a); break;
	default: /* the text is a key */
		(void)p->open((struct secret){ text }, word, STR("{\"data\":\"AAAA\",\"sign\":\"0\"}"), &plain, &a);
		struct str reply = p->seal((struct secret){ text }, word, nontax_reply_plain(NONTAX_REPLY_PAID, NULL, &a), random, &a);
		assert(reply.at == NULL || (p->open(key, word, reply, &plain, &a) != NONTAX_REPLY_OK && reply.len < 512));
	}
	arena_free(&a);
	return 0;
}
