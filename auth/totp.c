/* auth/totp.c - HOTP over the time's steps. */
#include "auth/totp.h"
#include <assert.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>

void totp_code(const uint8_t secret[TOTP_SECRET_BYTES], int64_t step, char out[TOTP_DIGITS + 1])
{
	uint8_t counter[8], mac[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	for (int i = 0; i < 8; i++)
		counter[i] = (uint8_t)((uint64_t)step >> (56 - 8 * i));
	uint8_t *made = HMAC(EVP_sha1(), secret, TOTP_SECRET_BYTES, counter, sizeof(counter), mac, &len);
	assert(made != NULL && len == 20);
	int at = mac[len - 1] & 15;
	uint32_t number = ((uint32_t)(mac[at] & 127) << 24 | (uint32_t)mac[at + 1] << 16 | (uint32_t)mac[at + 2] << 8 | mac[at + 3]) % 1000000;
	snprintf(out, TOTP_DIGITS + 1, "%06u", number);
}

int64_t totp_check(const uint8_t secret[TOTP_SECRET_BYTES], struct str code, int64_t now_ms, int64_t last_step)
{
	int64_t now = now_ms / 1000 / TOTP_STEP_S, right = 0;
	if (code.len != TOTP_DIGITS)
		return 0;
	for (int64_t step = now - TOTP_DRIFT_STEPS; step <= now + TOTP_DRIFT_STEPS; step++) {
		char want[TOTP_DIGITS + 1];
		totp_code(secret, step, want);
		if (str_same_secret((struct str){ want, TOTP_DIGITS }, code) && step > last_step)
			right = step; /* no early way out: all steps cost the same */
	}
	return right;
}

void totp_secret_text(const uint8_t secret[TOTP_SECRET_BYTES], char out[TOTP_SECRET_TEXT])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	for (int i = 0; i < TOTP_SECRET_BYTES * 8 / 5; i++) {
		int bit = i * 5, byte = bit / 8, shift = bit % 8;
		unsigned two = (unsigned)secret[byte] << 8 | (byte + 1 < TOTP_SECRET_BYTES ? secret[byte + 1] : 0);
		*out++ = digits[two >> (11 - shift) & 31];
	}
	*out = '\0';
}
