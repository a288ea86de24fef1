/* base/ids.h - names for things: sortable by time, impossible to guess, readable over the phone.
 *
 * 16 bytes: 48-bit milliseconds, then 80 random bits. As text: a kind prefix and 26 characters of Crockford base 32.
 * Thread: any. Source: ARCHITECTURE.md "Names and numbers". */
#ifndef BASE_IDS_H
#define BASE_IDS_H
#include "base/str.h"

enum { ID_BYTES = 16, ID_TEXT_BYTES = 32 /* prefix up to 4, "_", 26, NUL */ };

struct id {
	uint8_t bytes[ID_BYTES];
};

void random_bytes(void *out, size_t len); /* from the kernel, buffered per thread; dies if the kernel has none */
#ifdef SIBAN_FAULTS
/* The simulator's: from now on bytes come from `fill`. NULL: from the kernel again. Not in release builds: nothing there can be made guessable. */
void random_replace(void (*fill)(void *out, size_t len));
#endif
struct id id_make(int64_t now_ms, const uint8_t random10[10]);
struct id id_new(int64_t now_ms); /* with random bytes of its own */
size_t id_text(struct id id, const char *prefix, char out[ID_TEXT_BYTES]); /* returns the length; NUL-terminated */
bool id_from_text(struct str s, const char *prefix, struct id *out);       /* lower case is accepted; canonical only */
#endif
