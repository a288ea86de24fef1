/* base/ids.c - why this exists: ids that sort by time, cannot be guessed and survive being read over the telephone. */
#include "base/ids.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

enum { POOL_BYTES = 4096, POOLED_MAX = 256, ID_DIGITS = 26 };

static _Thread_local struct {
	uint8_t bytes[POOL_BYTES];
	size_t left;
} pool;

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void from_kernel(uint8_t *to, size_t len)
{
	while (len > 0) {
		ssize_t got = getrandom(to, len, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			perror("siban: getrandom");
			abort();
		}
		to += got;
		len -= (size_t)got;
	}
}

/* A child must not hand out its parent's bytes again. */
static void forget(void)
{
	explicit_bzero(&pool, sizeof pool);
}

static void watch_forks(void)
{
	if (pthread_atfork(NULL, NULL, forget) != 0)
		abort();
}

#ifdef SIBAN_FAULTS
static void (*replaced)(void *out, size_t len);

void random_replace(void (*fill)(void *out, size_t len))
{
	replaced = fill;
}
#endif

void random_bytes(void *out, size_t len)
{
#ifdef SIBAN_FAULTS
	if (replaced != NULL) {
		replaced(out, len);
		return;
	}
#endif
	if (len > POOLED_MAX) {
		from_kernel(out, len);
		return;
	}
	if (pool.left < len) {
		pthread_once(&once, watch_forks);
		from_kernel(pool.bytes, POOL_BYTES);
		pool.left = POOL_BYTES;
	}
	pool.left -= len;
	memcpy(out, pool.bytes + pool.left, len);
	memset(pool.bytes + pool.left, 0, len); /* what was handed out is nobody else's */
}

struct id id_make(int64_t now_ms, const uint8_t random10[10])
{
	struct id id;
	for (int i = 0; i < 6; i++)
		id.bytes[i] = (uint8_t)((uint64_t)now_ms >> (40 - 8 * i));
	memcpy(id.bytes + 6, random10, 10);
	return id;
}

struct id id_new(int64_t now_ms)
{
	uint8_t random10[10];
	random_bytes(random10, sizeof random10);
	return id_make(now_ms, random10);
}

size_t id_text(struct id id, const char *prefix, char out[ID_TEXT_BYTES])
{
	static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; /* Crockford: no I, L, O, U */
	size_t len = strlen(prefix);
	assert(len <= 4);
	memcpy(out, prefix, len);
	out[len++] = '_';
	uint64_t high, low;
	memcpy(&high, id.bytes, sizeof high);
	memcpy(&low, id.bytes + sizeof high, sizeof low);
	high = be64toh(high);
	low = be64toh(low);
	/* 26 digits hold 130 bits; the first two are zero. So one digit lies across the halves, the middle one. */
	for (int shift = 61; shift > 0; shift -= 5)
		out[len++] = alphabet[high >> shift & 31];
	out[len++] = alphabet[(high << 4 | low >> 60) & 31];
	for (int shift = 55; shift >= 0; shift -= 5)
		out[len++] = alphabet[low >> shift & 31];
	out[len] = '\0';
	return len;
}

static int digit(char c)
{
	static const char after_9[] = "ABCDEFGHJKMNPQRSTVWXYZ";
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	const char *found = c == '\0' ? NULL : strchr(after_9, c);
	return found == NULL ? -1 : 10 + (int)(found - after_9);
}

bool id_from_text(struct str s, const char *prefix, struct id *out)
{
	struct str want = str_c(prefix);
	if (s.len != want.len + 1 + ID_DIGITS || !str_starts(s, want) || s.at[want.len] != '_')
		return false;
	const char *at = s.at + want.len + 1;
	struct id found;
	int have = -2, bytes = 0;
	uint32_t bits = 0;
	for (int i = 0; i < ID_DIGITS; i++) {
		int d = digit(at[i]);
		if (d < 0 || (i == 0 && d > 7)) /* more than 128 bits is not canonical */
			return false;
		bits = bits << 5 | (uint32_t)d;
		have += 5;
		if (have >= 8) {
			have -= 8;
			found.bytes[bytes++] = (uint8_t)(bits >> have);
		}
	}
	assert(bytes == ID_BYTES && have == 0);
	*out = found;
	return true;
}
