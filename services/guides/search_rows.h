/* services/guides/search_rows.h - the search index of all matters that are shown, read page by page.
 * Thread: search_page whoever holds the transaction; the rest any. */
#ifndef SERVICES_SEARCH_ROWS_H
#define SERVICES_SEARCH_ROWS_H
#include "services/guides/search.h"
#include "store/store.h"

enum { SEARCH_PAGE_ROWS = 200 };

/* Adds the matters behind *after, SEARCH_PAGE_ROWS at most, and moves it on. *more false: they were the last. */
MUST_USE bool search_page(struct tx *tx, struct search_making *m, int64_t *after, bool *more, struct fail *why);
#endif
