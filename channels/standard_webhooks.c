/* channels/standard_webhooks.c - why this exists: one signature for whom we tell, and for who may tell us. */
#include "channels/standard_webhooks.h"

#include "base/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>

enum { TOLERANCE_S = 300 };

static bool key_bytes(struct secret key, uint8_t out[WEBHOOK_KEY_MAX + 3], size_t *len)
{
	struct str text = key.secret, prefix = STR("whsec_");
	if (str_starts(text, prefix))
		text = (struct str){ text.at + prefix.len, text.len - prefix.len };
	if (text.len == 0 || text.len % 4 != 0 || text.len > (WEBHOOK_KEY_MAX + 2) / 3 * 4)
		return false;
	int n = EVP_DecodeBlock(out, (const unsigned char *)text.at, (int)text.len);
	for (size_t i = text.len; n > 0 && i > text.len - 2 && text.at[i - 1] == '='; i--)
		n--;
	*len = n > 0 ? (size_t)n : 0;
	return n >= WEBHOOK_KEY_MIN && n <= WEBHOOK_KEY_MAX;
}

bool webhook_sign(struct secret key, struct str id, int64_t timestamp_s, struct str content, char out[WEBHOOK_SIGNATURE_BYTES])
{
	uint8_t bytes[WEBHOOK_KEY_MAX + 3], mac[SHA256_BYTES];
	size_t len;
	char digits[21];
	if (!key_bytes(key, bytes, &len))
		return false;
	struct str parts[] = { id, STR("."), { digits, i64_text(timestamp_s, digits) }, STR("."), content };
	hmac_sha256((struct str){ (const char *)bytes, len }, parts, 5, mac);
	OPENSSL_cleanse(bytes, sizeof bytes);
	memcpy(out, "v1,", 3);
	EVP_EncodeBlock((unsigned char *)out + 3, mac, sizeof mac);
	return true;
}

bool webhook_verify(struct secret key, struct str id, struct str timestamp, struct str signatures, struct str content, int64_t now_ms)
{
	char want[WEBHOOK_SIGNATURE_BYTES];
	int64_t at_s;
	struct str entry;
	if (id.len == 0 || !str_to_i64(timestamp, 0, INT64_MAX / 1000, &at_s) || at_s < now_ms / 1000 - TOLERANCE_S || at_s > now_ms / 1000 + TOLERANCE_S ||
	    !webhook_sign(key, id, at_s, content, want))
		return false;
	bool is_right = false;
	for (bool more = true; more;) {
		more = str_cut(signatures, ' ', &entry, &signatures);
		is_right = str_same_secret(entry, str_c(want)) || is_right;
	}
	return is_right;
}
