/* services/guides/search.h - finding a matter by what a citizen types: Chinese without spaces, several words, a wrong character in one of them. Pure.
 *
 * An index is made once of all matters and never changes; a newer one takes its place as a whole. Texts are cut into pairs of neighbouring characters and
 * single characters (latin letters and digits alike), full-width made half, capitals small. A word is found by its pairs; where too few of them are there, by
 * its single characters, which is what forgives a wrong, a missing or an exchanged one. Fillers ("怎么办", "在哪里") are taken out first, because they would be
 * neighbours of the word that matters.
 *
 * Rank: how much of the question is there, weighed by how rare its pairs are and by where they stand (a name above a description); then exact names, the
 * asker's own region, and shorter names.
 * Thread: an index any, once it is made; making it one. */
#ifndef SERVICES_SEARCH_H
#define SERVICES_SEARCH_H
#include "base/arena.h"
#include "base/fail.h"
#include "base/str.h"

struct search_index;
struct search_making;

enum { SEARCH_QUERY_MAX = 64 /* characters looked at */, SEARCH_HITS_MAX = 100 };

/* One matter, as it is searched. Texts need not outlive the call. */
struct search_matter {
	int64_t id, region;          /* region: 6 or 9 digits */
	uint64_t topics;             /* a bit each */
	struct str name, aliases, topic_words, department, text;
};

struct search_question {
	struct str words;
	int64_t region;              /* 0: any; else its own matters and those of what it lies in */
	uint64_t topics;             /* 0: any; else at least one of them */
	int limit;                   /* 1 .. SEARCH_HITS_MAX */
};

struct search_hit {
	int64_t id;
	int32_t score;               /* for tests and for telling equal ones apart; 1000 is an exact name in the asker's own region */
};

struct search_making *search_begin(struct fail *why);
MUST_USE bool search_add(struct search_making *m, const struct search_matter *matter, struct fail *why);
/* Ends the making, whatever comes of it. NULL: why is noted. */
struct search_index *search_end(struct search_making *m, struct fail *why);
void search_drop(struct search_making *m);      /* without an index of it */
void search_index_drop(struct search_index *x); /* NULL is fine */

/* Best first. No words, or nothing but fillers and signs: no hits. Scratch memory comes from the arena. */
MUST_USE bool search_ask(const struct search_index *x, const struct search_question *q, struct arena *a, struct search_hit out[SEARCH_HITS_MAX],
			 int *count, struct fail *why);
int64_t search_size(const struct search_index *x); /* matters in it */
#endif
