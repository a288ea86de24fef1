/* base/shelf.h - things that are made whole, read by all, and replaced as a whole: an index, a table of halls.
 *
 * Who reads takes the thing, and gives it back when done; a newer one may be put meanwhile, and the older is dropped by whoever gives it back last.
 * Thread: any.
 * Owns:   the shelf owns what was put; what was taken may be read until it is given back. */
#ifndef BASE_SHELF_H
#define BASE_SHELF_H
#include "base/fail.h"

enum shelf { SHELF_SEARCH /* struct search_index */, SHELF_SUMMARY /* struct catalogue_summary */, SHELF_TRUST /* struct trust */,
	SHELF_WECHAT_PAY /* struct wechat_pay_keys */, SHELF_WECHAT_CERTIFICATES /* struct wechat_pay_certificates */, SHELVES };

struct shelved;

/* `drop` is called once, when the last reader is done. at NULL: the shelf is emptied. Fails: MEMORY, and then `at` is dropped. */
MUST_USE bool shelf_put(enum shelf s, void *at, void (*drop)(void *at), struct fail *why);
/* NULL: nothing is there yet. */
const void *shelf_take(enum shelf s, struct shelved **held);
void shelf_give(struct shelved *held); /* NULL is fine */
static inline void shelved_dropper(struct shelved **held) { shelf_give(*held); }
#endif
