/* services/guides/search_make.c - all matters' pairs and characters, sorted once, so that asking only reads. */
#include "services/guides/search.h"
#include "base/fault.h"
#include "services/guides/search_index.h"
#include "services/guides/search_text.h"

#include <assert.h>
#include <stdlib.h>

struct found_gram {
	uint64_t gram;
	uint32_t matter, weight;
};

struct growing {
	void *at;
	size_t count, room, each;
};

struct search_making {
	struct growing matters, names, grams;
};

static void *grown(struct growing *g, size_t more, struct fail *why)
{
	if (g->count + more > g->room) {
		size_t room = g->room < 1024 ? 1024 : g->room * 2;
		while (room < g->count + more)
			room *= 2;
		void *at = fault_hit(FAULT_search) ? NULL : realloc(g->at, room * g->each);
		if (at == NULL) {
			FAILS(why, MEMORY, "no memory for the search index");
			return NULL;
		}
		g->at = at;
		g->room = room;
	}
	return (char *)g->at + g->count * g->each;
}

struct search_making *search_begin(struct fail *why)
{
	struct search_making *m = calloc(1, sizeof *m);
	if (m == NULL) {
		FAILS(why, MEMORY, "no memory for the search index");
		return NULL;
	}
	m->matters.each = sizeof(struct indexed);
	m->names.each = sizeof(uint32_t);
	m->grams.each = sizeof(struct found_gram);
	return m;
}

void search_drop(struct search_making *m)
{
	if (m == NULL)
		return;
	free(m->matters.at);
	free(m->names.at);
	free(m->grams.at);
	free(m);
}

static bool gram_add(struct search_making *m, uint64_t gram, uint32_t matter, uint32_t weight, struct fail *why)
{
	struct found_gram *to = grown(&m->grams, 1, why);
	if (to == NULL)
		return false;
	*to = (struct found_gram){ gram, matter, weight };
	m->grams.count++;
	return true;
}

static bool field_add(struct search_making *m, struct str text, uint32_t matter, uint32_t weight, struct fail *why)
{
	uint32_t before = 0;
	while (text.len > 0) {
		uint32_t c = search_char(&text);
		if (c != 0 && !gram_add(m, gram_of(c, 0), matter, weight, why))
			return false;
		if (c != 0 && before != 0 && !gram_add(m, gram_of(before, c), matter, weight, why))
			return false;
		before = c;
	}
	return true;
}

static int by_gram(const void *a, const void *b)
{
	const struct found_gram *l = a, *r = b;
	if (l->gram != r->gram)
		return l->gram < r->gram ? -1 : 1;
	if (l->matter != r->matter)
		return l->matter < r->matter ? -1 : 1;
	return (l->weight < r->weight) - (l->weight > r->weight); /* the heaviest first */
}

/* Sorted, and each gram once by matter. */
static size_t made_single(struct found_gram *g, size_t count)
{
	size_t kept = 0;
	if (count > 1)
		qsort(g, count, sizeof *g, by_gram);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || g[kept - 1].gram != g[i].gram || g[kept - 1].matter != g[i].matter)
			g[kept++] = g[i];
	return kept;
}

static bool name_add(struct search_making *m, struct str name, struct indexed *to, struct fail *why)
{
	to->name_at = (uint32_t)m->names.count;
	while (name.len > 0) {
		uint32_t c = search_char(&name), *at = grown(&m->names, 1, why);
		if (at == NULL)
			return false;
		*at = c;
		m->names.count += c != 0;
	}
	to->name_chars = (uint32_t)m->names.count - to->name_at;
	return true;
}

bool search_add(struct search_making *m, const struct search_matter *matter, struct fail *why)
{
	size_t before = m->grams.count;
	uint32_t n = (uint32_t)m->matters.count;
	struct indexed *to = grown(&m->matters, 1, why);
	if (to == NULL)
		return false;
	*to = (struct indexed){ .id = matter->id, .region = matter->region, .topics = matter->topics };
	if (!name_add(m, matter->name, to, why) || !field_add(m, matter->name, n, WEIGHT_NAME, why) || !field_add(m, matter->aliases, n, WEIGHT_ALIAS, why) ||
	    !field_add(m, matter->topic_words, n, WEIGHT_TOPIC, why) || !field_add(m, matter->department, n, WEIGHT_DEPARTMENT, why) ||
	    !field_add(m, matter->text, n, WEIGHT_TEXT, why))
		return false;
	/* one matter's texts say the same again and again */
	m->grams.count = before + made_single((struct found_gram *)m->grams.at + before, m->grams.count - before);
	m->matters.count++;
	return true;
}

static bool index_fill(struct search_index *x, const struct found_gram *g, size_t count, struct fail *why)
{
	size_t grams = 0;
	for (size_t i = 0; i < count; i++)
		grams += i == 0 || g[i].gram != g[i - 1].gram;
	if (fault_hit(FAULT_search) || (x->grams = malloc((grams + 1) * sizeof *x->grams)) == NULL ||
	    (x->from = malloc((grams + 1) * sizeof *x->from)) == NULL || (x->postings = malloc((count + 1) * sizeof *x->postings)) == NULL)
		return FAILS(why, MEMORY, "no memory for the search index");
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || g[i].gram != g[i - 1].gram) {
			x->grams[x->gram_count] = g[i].gram;
			x->from[x->gram_count++] = (uint32_t)i;
		}
		x->postings[i] = (struct posting){ g[i].matter, g[i].weight };
	}
	x->from[x->gram_count] = (uint32_t)count;
	return true;
}

struct search_index *search_end(struct search_making *m, struct fail *why)
{
	struct search_index *x = fault_hit(FAULT_search) ? NULL : calloc(1, sizeof *x);
	if (x == NULL) {
		FAILS(why, MEMORY, "no memory for the search index");
		search_drop(m);
		return NULL;
	}
	size_t count = made_single(m->grams.at, m->grams.count);
	assert(count < UINT32_MAX);
	bool ok = index_fill(x, m->grams.at, count, why);
	x->matter_count = (uint32_t)m->matters.count;
	x->matters = m->matters.at;
	x->names = m->names.at;
	m->matters.at = m->names.at = NULL;
	search_drop(m);
	if (ok)
		return x;
	search_index_drop(x);
	return NULL;
}

void search_index_drop(struct search_index *x)
{
	if (x == NULL)
		return;
	free(x->matters);
	free(x->names);
	free(x->grams);
	free(x->from);
	free(x->postings);
	free(x);
}

int64_t search_size(const struct search_index *x)
{
	return x->matter_count;
}

const struct posting *postings_of(const struct search_index *x, uint64_t gram, uint32_t *count)
{
	uint32_t low = 0, high = x->gram_count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (x->grams[middle] < gram)
			low = middle + 1;
		else
			high = middle;
	}
	*count = low < x->gram_count && x->grams[low] == gram ? x->from[low + 1] - x->from[low] : 0;
	return *count > 0 ? x->postings + x->from[low] : NULL;
}
