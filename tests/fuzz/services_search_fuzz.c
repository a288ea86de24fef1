/* Any bytes are searched for, and any bytes are searched in: the same text is found in itself whenever it holds a word at all. */
#include "services/guides/search.h"
#include "services/guides/search_text.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fail why;
	struct arena a;
	struct search_hit hits[SEARCH_HITS_MAX];
	uint32_t words[SEARCH_QUERY_MAX];
	int count;
	struct str text = { (const char *)data, size };
	struct search_matter matter = { 7, 621202, 1, text, text, text, text, text }, other = { 8, 621202, 1, STR("不动产登记"), STR_NONE, STR_NONE, STR_NONE, STR_NONE };
	fail_clear(&why);
	arena_init(&a, 1 << 20);
	struct search_making *m = search_begin(&why);
	if (m == NULL || !search_add(m, &matter, &why) || !search_add(m, &other, &why))
		abort();
	struct search_index *x = search_end(m, &why);
	struct search_question q = { text, 0, 0, SEARCH_HITS_MAX };
	if (x == NULL || !search_ask(x, &q, &a, hits, &count, &why))
		abort();
	bool holds_a_word = search_words(text, words, SEARCH_QUERY_MAX) > 0, is_found = false;
	for (int i = 0; i < count; i++) {
		assert(hits[i].id == 7 || hits[i].id == 8);
		assert(i == 0 || hits[i - 1].score >= hits[i].score);
		assert(hits[i].score >= 0 && hits[i].score <= 1000);
		is_found |= hits[i].id == 7;
	}
	assert(holds_a_word == is_found);
	search_index_drop(x);
	arena_free(&a);
	return 0;
}
