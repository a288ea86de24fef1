/* base/arena.c - why this exists: a request allocates by moving a pointer and is freed in one go, and no client can make it
 * take more than its cap.
 *
 * Under AddressSanitizer the free room is poisoned, so that reading what a reset took back is caught. */
#include "base/arena.h"

#include "base/fault.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#endif
#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define HIDE(at, len) ASAN_POISON_MEMORY_REGION((at), (len))
#define SHOW(at, len) ASAN_UNPOISON_MEMORY_REGION((at), (len))
#else
#define HIDE(at, len) ((void)(at), (void)(len))
#define SHOW(at, len) ((void)(at), (void)(len))
#endif

enum { ALIGN = 16, CHUNK_MAX = 1 << 18 /* doubling ends here; a larger piece gets a chunk of its size */ };

struct arena_chunk {
	struct arena_chunk *next;
	size_t bytes; /* of the whole chunk, this head included */
};

_Static_assert(sizeof(struct arena_chunk) == ALIGN, "what follows the head is aligned");

static size_t rounded(size_t bytes)
{
	return bytes == 0 ? ALIGN : (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

void arena_init(struct arena *a, size_t cap_bytes)
{
	*a = (struct arena){ .cap = cap_bytes };
}

static bool new_chunk(struct arena *a, size_t bytes)
{
	size_t least = bytes + sizeof(struct arena_chunk);
	size_t want = ARENA_FIRST_BYTES;
	if (a->chunks != NULL)
		want = a->chunks->bytes < CHUNK_MAX ? 2 * a->chunks->bytes : CHUNK_MAX;
	if (want > a->cap - a->used)
		want = a->cap - a->used;
	if (want < least)
		want = least;
	if (want > a->cap - a->used || fault_hit(FAULT_alloc))
		return false;
	struct arena_chunk *chunk = malloc(want);
	if (chunk == NULL)
		return false;
	chunk->next = a->chunks;
	chunk->bytes = want;
	a->chunks = chunk;
	if (a->first == NULL)
		a->first = chunk;
	a->used += want;
	a->at = (char *)(chunk + 1);
	a->end = (char *)chunk + (want & ~(size_t)(ALIGN - 1));
	HIDE(a->at, (size_t)(a->end - a->at));
	return true;
}

void *arena_alloc(struct arena *a, size_t bytes)
{
	if (bytes > a->cap) {
		a->refused = true;
		return NULL;
	}
	size_t take = rounded(bytes);
	if (take > (size_t)(a->end - a->at) && !new_chunk(a, take)) {
		a->refused = true;
		return NULL;
	}
	void *out = a->at;
	a->at += take;
	SHOW(out, bytes);
	return out;
}

void *arena_zalloc(struct arena *a, size_t bytes)
{
	void *out = arena_alloc(a, bytes);
	if (out != NULL)
		memset(out, 0, bytes);
	return out;
}

bool arena_extend(struct arena *a, void *last, size_t old_bytes, size_t new_bytes)
{
	if (last == NULL || (char *)last + rounded(old_bytes) != a->at)
		return false;
	if (new_bytes > a->cap || rounded(new_bytes) > (size_t)(a->end - (char *)last))
		return false;
	a->at = (char *)last + rounded(new_bytes);
	HIDE(last, (size_t)(a->end - (char *)last));
	SHOW(last, new_bytes);
	return true;
}

static void free_chunk(struct arena_chunk *chunk)
{
	SHOW(chunk, chunk->bytes);
	free(chunk);
}

void arena_reset(struct arena *a)
{
	while (a->chunks != a->first) {
		struct arena_chunk *old = a->chunks;
		a->chunks = old->next;
		free_chunk(old);
	}
	a->refused = false;
	if (a->first == NULL)
		return;
	a->used = a->first->bytes;
	a->at = (char *)(a->first + 1);
	a->end = (char *)a->first + (a->first->bytes & ~(size_t)(ALIGN - 1));
	HIDE(a->at, (size_t)(a->end - a->at));
}

void arena_free(struct arena *a)
{
	arena_reset(a);
	if (a->first != NULL)
		free_chunk(a->first);
	arena_init(a, a->cap);
}
