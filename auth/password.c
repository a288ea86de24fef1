/* auth/password.c - libsodium behind a plain face. */
#include "auth/password.h"
#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define MEMORY_BYTES ((size_t)64 << 20)
#define PASSES 2ULL
enum { SIMPLE_DISTINCT_MIN = 5, HASH_BYTES = 32 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool is_here;
static char nobody[PASSWORD_TEXT_BYTES]; /* in place of a hash, bytes that nobody drew from a password */
static password_elsewhere elsewhere;
static void *elsewhere_ctx;

static void text_form(const uint8_t salt[16], const uint8_t hash[HASH_BYTES], char out[PASSWORD_TEXT_BYTES])
{
	char salt64[32], hash64[64];
	sodium_bin2base64(salt64, sizeof(salt64), salt, 16, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
	sodium_bin2base64(hash64, sizeof(hash64), hash, HASH_BYTES, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
	snprintf(out, PASSWORD_TEXT_BYTES, "$argon2id$v=19$m=%zu,t=%llu,p=1$%s$%s", MEMORY_BYTES >> 10, PASSES, salt64, hash64);
}

static void start(void)
{
	uint8_t unknown[16 + HASH_BYTES];
	is_here = sodium_init() >= 0;
	if (!is_here)
		return;
	randombytes_buf(unknown, sizeof(unknown));
	text_form(unknown, unknown + 16, nobody);
}

bool password_ready(void)
{
	_Static_assert(crypto_pwhash_STRBYTES <= PASSWORD_TEXT_BYTES, "the library's text");
	pthread_once(&once, start);
	return is_here;
}

static bool ready(struct fail *why)
{
	return password_ready() || FAILS(why, SYSTEM, "libsodium does not start");
}

/* ---- may it be chosen? ---- */

static bool refused(struct fail *why, const char *pointer, const char *reason)
{
	FAILS_FIELD(why, FIELD, pointer, "password: %s", reason);
	fail_fact_text(why, "reason", reason);
	return false;
}

static int classes_of(struct str s)
{
	bool has[4] = { false };
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];
		has[c >= 'a' && c <= 'z' ? 0 : c >= 'A' && c <= 'Z' ? 1 : c >= '0' && c <= '9' ? 2 : 3] = true;
	}
	return has[0] + has[1] + has[2] + has[3];
}

static bool is_simple(struct str s)
{
	bool seen[256] = { false };
	int distinct = 0, steps = 0;
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];
		distinct += !seen[c];
		seen[c] = true;
		steps += i > 0 && (c == (unsigned char)s.at[i - 1] + 1 || c == (unsigned char)s.at[i - 1] - 1 || c == (unsigned char)s.at[i - 1]);
	}
	return distinct < SIMPLE_DISTINCT_MIN || (size_t)steps * 3 > s.len * 2;
}

static bool holds_nocase(struct str s, struct str part)
{
	for (size_t i = 0; part.len >= 3 && i + part.len <= s.len; i++)
		if (str_eq_nocase((struct str){ s.at + i, part.len }, part))
			return true;
	return false;
}

bool password_fits(struct secret password, struct str account, const char *pointer, struct fail *why)
{
	struct str s = password.secret;
	size_t length = str_is_utf8(s) ? str_utf8_length(s) : 0;
	if (length < PASSWORD_LENGTH_MIN || length > PASSWORD_LENGTH_MAX)
		return refused(why, pointer, "length");
	if (classes_of(s) < PASSWORD_CLASSES_MIN)
		return refused(why, pointer, "classes");
	if (holds_nocase(s, account))
		return refused(why, pointer, "name");
	return !is_simple(s) || refused(why, pointer, "simple");
}

/* ---- argon2id ---- */

void password_runs_in(password_elsewhere fn, void *ctx)
{
	elsewhere = fn;
	elsewhere_ctx = ctx;
}

/* The library's own text form draws its salt; this one is made of the salt given, so that work may be run again. */
static bool hash_here(struct password_job *j, struct fail *why)
{
	uint8_t hash[HASH_BYTES];
	_Static_assert(crypto_pwhash_SALTBYTES == 16, "argon2id's salt");
	if (crypto_pwhash(hash, sizeof(hash), j->password.secret.at, j->password.secret.len, j->salt, PASSES, MEMORY_BYTES, crypto_pwhash_ALG_ARGON2ID13) != 0)
		return FAILS(why, MEMORY, "argon2id wants %zu bytes", MEMORY_BYTES);
	text_form(j->salt, hash, j->text);
	sodium_memzero(hash, sizeof(hash));
	return true;
}

bool password_run(struct password_job *j, struct fail *why)
{
	if (!ready(why))
		return false;
	if (!j->is_check)
		return hash_here(j, why);
	errno = 0;
	j->is_right = crypto_pwhash_str_verify(j->text, j->password.secret.at, j->password.secret.len) == 0;
	return j->is_right || errno != ENOMEM || FAILS(why, MEMORY, "argon2id wants its memory");
}

static bool run(struct password_job *j, struct fail *why)
{
	return (elsewhere != NULL && elsewhere(elsewhere_ctx, j)) || password_run(j, why);
}

bool password_hash(struct secret password, const uint8_t salt[16], char out[PASSWORD_TEXT_BYTES], struct fail *why)
{
	struct password_job j = { .password = password, .salt = salt };
	if (!run(&j, why))
		return false;
	memcpy(out, j.text, PASSWORD_TEXT_BYTES);
	return true;
}

bool password_check(struct secret password, const char *stored, bool *is_right, bool *is_old, struct fail *why)
{
	struct password_job j = { .is_check = true, .password = password };
	size_t length = strlen(stored);
	if (!ready(why))
		return false;
	if (length < sizeof(j.text)) /* what is longer is none of ours, and "" neither */
		memcpy(j.text, stored, length);
	if (!run(&j, why))
		return false;
	*is_right = j.is_right;
	*is_old = j.is_right && crypto_pwhash_str_needs_rehash(j.text, PASSES, MEMORY_BYTES) != 0;
	return true;
}

bool password_check_nobody(struct secret password, struct fail *why)
{
	bool is_right, is_old;
	return ready(why) && password_check(password, nobody, &is_right, &is_old, why);
}
