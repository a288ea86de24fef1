/* services/guides/search_index.h - what making and asking share about an index. Only search_*.c include it. */
#ifndef SERVICES_SEARCH_INDEX_H
#define SERVICES_SEARCH_INDEX_H
#include "services/guides/search.h"

/* Two neighbours, or one character and 0. */
static inline uint64_t gram_of(uint32_t a, uint32_t b) { return (uint64_t)a << 32 | b; }

enum { WEIGHT_TEXT = 1, WEIGHT_DEPARTMENT = 3, WEIGHT_TOPIC = 4, WEIGHT_ALIAS = 7, WEIGHT_NAME = 8 };

struct posting {
	uint32_t matter;
	uint32_t weight;             /* the heaviest place it stands in */
};

struct indexed {
	int64_t id, region;
	uint64_t topics;
	uint32_t name_at, name_chars; /* into names */
};

struct search_index {
	uint32_t matter_count, gram_count;
	struct indexed *matters;
	uint32_t *names;             /* names of all, made alike, one behind the other */
	uint64_t *grams;             /* in order */
	uint32_t *from;              /* gram_count + 1: a gram's first posting */
	struct posting *postings;
};

/* The gram's postings; *count 0: it stands nowhere. */
const struct posting *postings_of(const struct search_index *x, uint64_t gram, uint32_t *count);
#endif
