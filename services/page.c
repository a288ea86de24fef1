/* services/page.c - why this exists: thirty lists page in one way. */
#include "services/page.h"

void *page_state(struct request *r, struct cursor begin, size_t head, size_t item, struct fail *why)
{
	struct page read = { .from = begin };
	if (!request_page(r, &read.from, &read.has_cursor, &read.limit, why))
		return NULL;
	struct page *p = request_state(r, head + ((size_t)read.limit + 1) * item, why);
	if (p != NULL)
		*p = read;
	return p;
}

bool page_next(struct page *p, struct stmt *q, struct fail *why)
{
	if (p->is_more || !stmt_row(q, why))
		return false;
	p->is_more = p->count == p->limit;
	p->count += !p->is_more;
	return !p->is_more;
}

void page_cut(struct page *p)
{
	p->is_more = p->count > p->limit;
	if (p->is_more)
		p->count = p->limit;
}

bool page_end(struct request *r, struct json_out *j, const struct page *p, int64_t last, struct fail *why)
{
	const struct cursor next = { 0, last };
	return reply_list_end(r, j, p->is_more ? &next : NULL, why);
}

void page_bind_feed(struct stmt *q, const struct request *r, const struct page *p)
{
	stmt_bind_int(q, 1, r->who.kind == WHO_DEPARTMENT ? 0 - r->who.id : r->who.region);
	stmt_bind_int(q, 2, p->from.id);
	stmt_bind_int(q, 3, p->limit + 1);
}
