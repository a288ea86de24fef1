/* base/arena.h - the bytes of one request, capped, freed in one go.
 *
 * Thread: one at a time; a request's arena goes where the request goes.
 * Owns:   everything it gave out, until arena_reset or arena_free.
 * Errors: over the cap, out of memory or a fault switch: NULL, and `arena->refused` stays true until the reset. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H
#include <stdbool.h>
#include <stddef.h>

struct arena_chunk;

struct arena {
	char *at, *end;             /* free room of the current chunk */
	struct arena_chunk *chunks; /* newest first */
	struct arena_chunk *first;  /* kept over a reset */
	size_t used, cap;           /* bytes; cap counts chunks, not requests for them */
	bool refused;
};

enum { ARENA_FIRST_BYTES = 8192 };

/* Starts empty; the first chunk (ARENA_FIRST_BYTES) is taken when first needed and kept over resets. */
void arena_init(struct arena *a, size_t cap_bytes);
void *arena_alloc(struct arena *a, size_t bytes); /* aligned to 16, not zeroed */
void *arena_zalloc(struct arena *a, size_t bytes);
void arena_reset(struct arena *a);                /* all but the first chunk goes back */
void arena_free(struct arena *a);
/* Grows the newest allocation in place when it can. NULL: no, copy instead. */
bool arena_extend(struct arena *a, void *last, size_t old_bytes, size_t new_bytes);
#endif
