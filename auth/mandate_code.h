/* auth/mandate_code.h - the code that a mandate's giver reads on his phone and tells its holder: six digits, good for a day, five tries, one use.
 *
 *   asked for   by the holder. Whoever the mandate names, the same happens: a key in the expiring store, and the digits sealed in the mandate's row
 *   sent        within a second, by a job of its own, to a phone that the giver confirmed. So the answer says nothing, and takes no longer, whoever he is
 *   tried       by the holder. A code that did not go out opens nothing
 *
 *   what is counted                            where                             how many
 *   tries of a code                            with the code, in one key         5, then the code is gone
 *   codes of one mandate                       expiring store                    1 a minute, 5 a day
 *   codes asked for by one holder              expiring store                    100 a day
 *   codes that go to one phone                 SQL, apart from those of login    3 a day, for all mandates together; beyond that none goes out, and it is not said
 *
 * So 15 guesses a day of a million fall upon one giver at most, whoever offers him how much.
 * Thread: any. */
#ifndef AUTH_MANDATE_CODE_H
#define AUTH_MANDATE_CODE_H
#include "auth/mandate.h"
#include "auth/otp.h"
#include "store/expiring.h"

enum { MANDATE_CODE_TRIES = 5, MANDATE_CODES_A_DAY = 5, MANDATE_CODES_OF_HOLDER = 100, MANDATE_CODES_TO_PHONE = 3, MANDATE_CODE_RESEND_S = 60 };
#define MANDATE_CODE_LIFE_MS (INT64_C(24) * 3600 * 1000)

/* Bound to the holder: what a stranger asks for or tries is none of this mandate's. */
struct mandate_code {
	struct id mandate;
	int64_t holder;
	char digits[OTP_DIGITS + 1];
	uint8_t at[5][SHA256_BYTES];   /* the keys and the value, until the batch has ended */
};
void mandate_code_make(const uint8_t seed[32], struct mandate_code *c);      /* its digits */
void mandate_code_ask(struct mandate_code *c, struct expiring_batch *b);     /* four operations, all or nothing */
MUST_USE bool mandate_code_asked(const struct expiring_batch *b, struct fail *why); /* Fails: RATE with fact reason */
void mandate_code_try(struct mandate_code *c, struct expiring_op *op);       /* judged by otp_tried */

/* -- the row: digits that wait to go out */
/* Fails: FORBIDDEN not the holder, or a kind that takes no code; MANDATE_STATE. */
MUST_USE bool mandate_code_wait(struct tx *tx, const struct request *r, const struct mandate *m, const struct mandate_code *c, const uint8_t salt[16], struct fail *why);
struct mandate_code_due {
	struct mandate m;
	char digits[OTP_DIGITS + 1];   /* "": somebody else has them, or they do not open any more */
	uint8_t random[SHA256_BYTES];  /* of this code's own: the same whenever the transaction runs */
};
/* Takes the next one that waits. *found false: none does. */
MUST_USE bool mandate_code_next(struct tx *tx, int64_t now_ms, struct mandate_code_due *out, bool *found, struct fail *why);
/* May it go to this phone today? Counts it then. */
MUST_USE bool mandate_code_fits(struct tx *tx, struct str phone, int64_t now_ms, bool *fits, struct fail *why);
MUST_USE bool mandate_code_sent(struct tx *tx, int64_t mandate, int64_t now_ms, struct fail *why); /* it is good from now on */
#endif
