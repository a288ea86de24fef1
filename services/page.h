/* services/page.h - a page of a list: from where, how many, is there more. What every list's handler begins with, counts rows by and ends with.
 *
 * Thread: the request's. Owns: the state lives in the request. */
#ifndef SERVICES_PAGE_H
#define SERVICES_PAGE_H
#include "base/request.h"
#include "store/store.h"

struct page {
	struct cursor from; /* what the last page ended with, or `begin` */
	bool has_cursor;
	int limit, count;
	bool is_more;       /* rows beyond `limit` */
};

/* The request's state: `head` bytes that begin with a struct page, and behind them room for a page of items of `item` bytes each and one more. Reads ?cursor= and ?limit=; what else may
 * stand in the query is for request_query_only. */
void *page_state(struct request *r, struct cursor begin, size_t head, size_t item, struct fail *why);
/* Takes the next row onto the page: its item is number count - 1. A statement is asked for limit + 1 rows. false: the page is full, the rows are over, or `why` says what failed. */
MUST_USE bool page_next(struct page *p, struct stmt *q, struct fail *why);
/* $1 to $3 of a feed in sealed order (seal_place): whose it is (a region, or a department below 0), what he has read, and one more than fit. */
void page_bind_feed(struct stmt *q, const struct request *r, const struct page *p);
void page_cut(struct page *p); /* of whoever filled it by itself, up to limit + 1 */
/* Ends the list; the next page begins after `last`, the id of the last item. */
MUST_USE bool page_end(struct request *r, struct json_out *j, const struct page *p, int64_t last, struct fail *why);
#endif
