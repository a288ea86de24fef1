/* auth/totp.h - the second factor of staff: six digits from a shared secret and the time.
 *
 * Thread: any; pure.
 * Source: RFC 6238 with HMAC-SHA-1 (what authenticator apps speak), step 30 s, T0 0; RFC 4226 section 5.3. */
#ifndef AUTH_TOTP_H
#define AUTH_TOTP_H
#include "base/str.h"

enum { TOTP_SECRET_BYTES = 20, TOTP_SECRET_TEXT = 33, TOTP_DIGITS = 6, TOTP_STEP_S = 30, TOTP_DRIFT_STEPS = 1 };

/* The digits of a step, with their NUL. */
void totp_code(const uint8_t secret[TOTP_SECRET_BYTES], int64_t step, char out[TOTP_DIGITS + 1]);
/* The step at which `code` is right, one before or after now allowed, if it is later than `last_step` (each code serves once: keep what is returned);
 * 0: wrong, used, or no six digits. */
int64_t totp_check(const uint8_t secret[TOTP_SECRET_BYTES], struct str code, int64_t now_ms, int64_t last_step);
/* RFC 4648 base 32 without padding, as apps want it typed. */
void totp_secret_text(const uint8_t secret[TOTP_SECRET_BYTES], char out[TOTP_SECRET_TEXT]);
#endif
