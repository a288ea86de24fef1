/* gateway/door/slab.h - memory for a library that takes and gives back the same few sizes for every request.
 *
 * Blocks up to SLAB_MAX bytes come from free lists by size; larger ones from malloc. Thread: its loop's alone. */
#ifndef GATEWAY_DOOR_SLAB_H
#define GATEWAY_DOOR_SLAB_H
#include <stddef.h>

enum { SLAB_STEP = 64, SLAB_CLASSES = 16, SLAB_MAX = SLAB_STEP * SLAB_CLASSES };

struct slab_block;

struct slab {
	struct slab_block *free[SLAB_CLASSES];
	int count[SLAB_CLASSES];
};

void *slab_alloc(struct slab *s, size_t bytes);
void *slab_zalloc(struct slab *s, size_t count, size_t bytes);
void *slab_realloc(struct slab *s, void *at, size_t bytes);
void slab_free(struct slab *s, void *at);
void slab_drop(struct slab *s); /* what is free goes back; the rest must have come back before */
#endif
