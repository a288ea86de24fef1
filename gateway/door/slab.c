/* gateway/door/slab.c - glibc keeps seven blocks of a size at hand per thread; a turn that serves ten streams on fifty connections needs
 * some hundred of each. Under AddressSanitizer every block is malloc's own, so that a use after free is seen. */
#include "gateway/door/slab.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLAB_KEEPS_NOTHING
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SLAB_KEEPS_NOTHING
#endif

#ifdef SLAB_KEEPS_NOTHING
enum { KEPT_PER_CLASS = 0 };
#else
enum { KEPT_PER_CLASS = 2048 };
#endif

struct slab_block {
	union {
		struct slab_block *next; /* while free */
		size_t bytes;            /* while taken: room after this head */
		uint64_t align[2];
	};
};

static int class_of(size_t bytes)
{
	return (int)((bytes + SLAB_STEP - 1) / SLAB_STEP) - 1;
}

void *slab_alloc(struct slab *s, size_t bytes)
{
	if (bytes == 0)
		bytes = 1;
	struct slab_block *b = NULL;
	if (bytes <= SLAB_MAX) {
		int class = class_of(bytes);
		bytes = (size_t)(class + 1) * SLAB_STEP;
		b = s->free[class];
		if (b != NULL) {
			s->free[class] = b->next;
			s->count[class]--;
		}
	}
	if (b == NULL)
		b = bytes <= SIZE_MAX - sizeof(*b) ? malloc(sizeof(*b) + bytes) : NULL;
	if (b == NULL)
		return NULL;
	b->bytes = bytes;
	return b + 1;
}

void *slab_zalloc(struct slab *s, size_t count, size_t bytes)
{
	size_t all;
	if (__builtin_mul_overflow(count, bytes, &all))
		return NULL;
	void *at = slab_alloc(s, all);
	if (at != NULL)
		memset(at, 0, all);
	return at;
}

void slab_free(struct slab *s, void *at)
{
	if (at == NULL)
		return;
	struct slab_block *b = (struct slab_block *)at - 1;
	int class = class_of(b->bytes);
	if (b->bytes > SLAB_MAX || s->count[class] >= KEPT_PER_CLASS) {
		free(b);
		return;
	}
	b->next = s->free[class];
	s->free[class] = b;
	s->count[class]++;
}

void *slab_realloc(struct slab *s, void *at, size_t bytes)
{
	if (at == NULL)
		return slab_alloc(s, bytes);
	size_t had = ((struct slab_block *)at - 1)->bytes;
	if (bytes <= had)
		return at;
	void *more = slab_alloc(s, bytes);
	if (more == NULL)
		return NULL;
	memcpy(more, at, had);
	slab_free(s, at);
	return more;
}

void slab_drop(struct slab *s)
{
	for (int class = 0; class < SLAB_CLASSES; class++) {
		for (struct slab_block *next, *b = s->free[class]; b != NULL; b = next) {
			next = b->next;
			free(b);
		}
		s->free[class] = NULL;
		s->count[class] = 0;
	}
}
