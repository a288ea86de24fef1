/* tests/fault/every_statement.h - a handler of services/ whose n-th statement step fails, n = 1, 2, … until it passes: after each failure all rows are as
 * before, and the reason is one that may be tried again. */
#ifndef TESTS_EVERY_STATEMENT_H
#define TESTS_EVERY_STATEMENT_H
#include "tests/unit/services_world.h"
#include "base/fault.h"
#include "base/ids.h"

struct deed {
	const struct handler *handler;
	void (*ask)(struct world *w, const struct deed *d); /* makes the request */
	int who, least; /* the caller's, for ask; statements it takes at least */
	char param[ID_TEXT_BYTES];
	const char *body;
};

struct deed_attempt {
	struct world *w;
	const struct deed *deed;
};

static inline bool deed_once(struct tx *tx, void *ctx, struct fail *why)
{
	struct deed_attempt *a = ctx;
	const struct handler *h = a->deed->handler;
	struct request *r = &a->w->r;
	return (h->look == NULL || h->look(tx, r, why)) && h->apply(tx, r, why);
}

static inline bool attempted(struct world *w, const struct deed *d, int fails_at)
{
	char setting[64];
	struct deed_attempt a = { w, d };
	d->ask(w, d);
	if (!d->handler->parse(&w->r, &w->r.why))
		fail_msg("%s", w->r.why.log);
	snprintf(setting, sizeof(setting), "store_step=%d", fails_at);
	assert_true(fault_set(str_c(setting)));
	bool ok = store_write(w->store, deed_once, &a, &w->r.why);
	fault_clear_all();
	return ok;
}

static inline char *all_rows(struct world *w)
{
	size_t len = 0;
	char *all = calloc(1, 1 << 20);
	arena_reset(&w->arena);
	for (size_t t = 0; t < sizeof(world_tables) / sizeof(world_tables[0]); t++) {
		struct str rows = world_rows(w, (int)t);
		memcpy(all + len, rows.at, rows.len);
		len += rows.len;
	}
	return all;
}

static inline void every_statement(struct world *w, const struct deed *d)
{
	char *before = all_rows(w);
	int n = 1;
	for (; !attempted(w, d, n); n++) {
		if (!fail_row(w->r.why.code)->again)
			fail_msg("%d: %s: %s", n, fail_row(w->r.why.code)->name, w->r.why.log);
		char *after = all_rows(w);
		assert_string_equal(after, before);
		free(after);
		assert_true(n < 1000);
	}
	free(before);
	print_message("%d failures\n", n - 1);
	assert_true(n > d->least);
}
#endif
