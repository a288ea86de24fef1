/* auth/password.h - passwords of staff: argon2id, dear on purpose, so only ever on the CPU lane.
 *
 * Stored is the library's text "$argon2id$v=19$m=…,t=…,p=1$salt$hash", which says how it was made; one made more cheaply than today's setting is to be
 * made anew at the next login (*is_old).
 * Thread: any; a call holds 64 MiB for some 100 ms.
 * Source: RFC 9106 section 4, second recommended option's memory (64 MiB); GB/T 22239-2019 8.1.4.1 a. */
#ifndef AUTH_PASSWORD_H
#define AUTH_PASSWORD_H
#include "base/fail.h"
#include "base/log.h"

enum { PASSWORD_TEXT_BYTES = 128, PASSWORD_LENGTH_MIN = 10, PASSWORD_LENGTH_MAX = 128 /* code points */, PASSWORD_CLASSES_MIN = 3 };

/* May it be chosen? At least 10 characters of three classes (lower, upper, digit, other), not the account's own name, not one character or run over
 * and over. Fails: FIELD at `pointer` with a reason fact: length, classes, name, simple. */
MUST_USE bool password_fits(struct secret password, struct str account, const char *pointer, struct fail *why);
/* `salt` is 16 random bytes of the request: apply and work may be run again. */
MUST_USE bool password_hash(struct secret password, const uint8_t salt[16], char out[PASSWORD_TEXT_BYTES], struct fail *why);
/* Constant work for a wrong and a right one. *is_old: hash it anew. Fails: MEMORY; a text that is none of ours is just wrong. */
MUST_USE bool password_check(struct secret password, const char *stored, bool *is_right, bool *is_old, struct fail *why);
/* Checks against nothing, in the same time: for accounts that do not exist. */
MUST_USE bool password_check_nobody(struct secret password, struct fail *why);

/* -- where it runs */
struct password_job {
	bool is_check;
	struct secret password;
	const uint8_t *salt;            /* 16 bytes; to hash */
	char text[PASSWORD_TEXT_BYTES]; /* to check: what is stored. To hash: what came of it */
	bool is_right;                  /* of a check */
};
/* All of the above ask `elsewhere` first; false: it was not done, and runs on the caller's thread. Once before and once after whoever asks; NULL: nowhere else. */
typedef bool (*password_elsewhere)(void *ctx, struct password_job *j);
void password_runs_in(password_elsewhere elsewhere, void *ctx);
MUST_USE bool password_run(struct password_job *j, struct fail *why); /* here and now. Fails: MEMORY */
MUST_USE bool password_ready(void); /* the library is: afterwards it wants nothing of the system but memory */
#endif
