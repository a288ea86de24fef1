/* auth/otp.h - one-time codes: six digits on a phone, good for five minutes, five tries and one use.
 *
 * Each asking makes a code of its own, under a challenge of 128 random bits that only the asker is told. So a stranger who asks for a code to somebody's
 * phone, or guesses, spends tries of his own code and never one of the owner's: a code is not overwritten, and not used up, by anybody else.
 *
 *   what is counted                                where                              how many
 *   tries of a code                                with the code, in one key          5, then the code is gone
 *   codes to a phone from one device               expiring store                     1 a minute, 10 a day
 *   codes asked for by a device, for any phone     expiring store                     20 a day
 *   codes asked for from an address                expiring store                     otp.per_address a day
 *   codes to a phone, from anywhere                SQL, so that nothing emptied       10 a day; of these 7 to devices that never opened a session on this phone,
 *                                                  sets it back                       and to those 1 a minute: the last 3 are kept for the owner's own
 *
 * So 50 guesses a day of a million fall upon one phone at most. Whatever is exhausted ends no session and no code already sent.
 * The phone is not looked up before the code is sent: known and unknown take the same way.
 * Thread: any. */
#ifndef AUTH_OTP_H
#define AUTH_OTP_H
#include "auth/person.h"
#include "base/hash.h"
#include "base/request.h"
#include "store/expiring.h"

enum otp_purpose {
#define PURPOSE(name, number, ...) OTP_##name = number,
#include "auth/otp_purposes.def"
#undef PURPOSE
};
struct otp_purpose_row {
	enum otp_purpose number;
	const char *text;
	int who;
};
const struct otp_purpose_row *otp_purpose_named(struct str text); /* NULL: there is none */

enum { OTP_DIGITS = 6, OTP_CHALLENGE_TEXT = 22, OTP_LIFE_S = 300, OTP_RESEND_S = 60, OTP_TRIES = 5, OTP_PER_DEVICE = 20, OTP_PER_PHONE = 10, OTP_TO_STRANGERS = 7 };

/* Of a request's seed: told to the asker, and sent to the phone. */
struct otp_code {
	char challenge[OTP_CHALLENGE_TEXT + 1];
	char digits[OTP_DIGITS + 1];
};
void otp_code(const uint8_t seed[32], struct otp_code *out);

/* -- asking: five operations, all or nothing */
struct otp_asking {
	enum otp_purpose purpose;
	char phone[PHONE_DIGITS + 1];
	uint8_t device[32];
	struct str peer;
	int64_t per_address;
	/* the keys and the value, until the batch has ended */
	uint8_t at[6][SHA256_BYTES];
};
void otp_ask(struct otp_asking *a, const struct otp_code *code, struct expiring_batch *b);
MUST_USE bool otp_asked(const struct expiring_batch *b, struct fail *why);  /* Fails: RATE with fact reason */
/* The day's count, in the transaction that writes the message. Fails: RATE. */
MUST_USE bool otp_count(struct tx *tx, struct str phone, bool is_known_device, int64_t now_ms, struct fail *why);
/* Of codes that come by another way, counted apart: one more, if that is at most `most` a day. */
MUST_USE bool otp_count_apart(struct tx *tx, const char *purpose, struct str phone, int64_t most, int64_t now_ms, bool *fits, struct fail *why);
MUST_USE bool otp_purge(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why); /* days gone by */

/* -- trying */
struct otp_trying {
	enum otp_purpose purpose;
	char phone[PHONE_DIGITS + 1];
	struct str challenge, digits;
	uint8_t at[2][SHA256_BYTES];
};
enum otp_verdict { OTP_RIGHT, OTP_WRONG, OTP_WRONG_AND_GONE, OTP_GONE /* spent, expired, never there, or of another phone or purpose */ };
void otp_try(struct otp_trying *t, struct expiring_op *op);
enum otp_verdict otp_tried(const struct expiring_op *op, int64_t *tries_left);
#endif
