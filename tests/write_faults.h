/* tests/write_faults.h - a write handler while the store fails under it: the n-th statement for n = 1, 2, … until the deed passes.
 *
 * Whatever fails, nothing of it stays, in any table; the reason is one that may be tried again; and the deed that passes in the end leaves the rows it would have left
 * had nothing failed. One row of the test's table is one handler, a test by its name with a world of its own: `prepare` makes what must be there, `ask` the request. */
#ifndef TESTS_WRITE_FAULTS_H
#define TESTS_WRITE_FAULTS_H
#include "tests/unit/login_world.h"

#include "base/fault.h"

#include <assert.h>

struct write_case {
	const char *name;
	const struct handler *handler;
	void (*prepare)(struct world *w);
	void (*ask)(struct world *w);
	void (*asked)(struct world *w);  /* NULL; or what the outside has said, where the handler asks it */
	int least;                       /* statements at which it can fail, or it did not do what was meant */
};

/* ---- every row of every table ---- */

enum { WF_TABLES_MAX = 160, WF_SQL_MAX = 4096 };

/* Texts are keys of the statement cache by their address, so each stays where it is. */
static char wf_names[WF_TABLES_MAX][64], wf_texts[WF_TABLES_MAX][WF_SQL_MAX];
static int wf_count;

static inline void wf_columns(struct tx *tx, int table)
{
	struct fail why;
	size_t len = (size_t)snprintf(wf_texts[table], WF_SQL_MAX, "SELECT ''");
	fail_clear(&why);
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT name FROM pragma_table_info($1) ORDER BY cid", &why);
	world_must(q != NULL, &why);
	stmt_bind_text(q, 1, str_c(wf_names[table]));
	while (stmt_row(q, &why))
		len += (size_t)snprintf(wf_texts[table] + len, WF_SQL_MAX - len, " || '|' || quote(%.*s)", STR_ARG(stmt_text(q, 0)));
	len += (size_t)snprintf(wf_texts[table] + len, WF_SQL_MAX - len, " FROM %s ORDER BY 1", wf_names[table]);
	assert_true(len < WF_SQL_MAX);
}

static inline void wf_tables(struct tx *tx)
{
	struct fail why;
	fail_clear(&why);
	if (wf_count > 0)
		return;
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name", &why);
		world_must(q != NULL, &why);
		for (; stmt_row(q, &why); wf_count++) {
			assert_true(wf_count < WF_TABLES_MAX);
			snprintf(wf_names[wf_count], sizeof(wf_names[0]), "%.*s", STR_ARG(stmt_text(q, 0)));
		}
	}
	for (int i = 0; i < wf_count; i++)
		wf_columns(tx, i);
}

static inline bool wf_dump(struct tx *tx, void *ctx, struct fail *why)
{
	struct buf *to = ctx;
	wf_tables(tx);
	for (int i = 0; i < wf_count; i++) {
		buf_str(to, str_c(wf_names[i]));
		buf_char(to, '\n');
		DROP(stmt) struct stmt *q = tx_query(tx, wf_texts[i], why);
		world_must(q != NULL, why);
		while (stmt_row(q, why)) {
			buf_str(to, stmt_text(q, 0));
			buf_char(to, '\n');
		}
		world_must(why->code == FAIL_NONE, why);
	}
	return true;
}

static inline char *wf_text(struct buf *b)
{
	buf_char(b, '\0');
	assert_true(buf_ok(b));
	return strdup(b->at);
}

static inline char *wf_rows(struct world *w)
{
	struct buf b;
	struct tx tx;
	struct fail why;
	fail_clear(&why);
	arena_reset(&w->arena);
	buf_init(&b, &w->arena, 1 << 16);
	world_must(reader_begin(w->reader, &tx, &why), &why);
	wf_dump(&tx, &b, &why);
	reader_end(w->reader);
	return wf_text(&b);
}

/* ---- the deed ---- */

struct wf_deed {
	const struct write_case *c;
	struct world *w;
	struct buf *rows; /* NULL: nothing is dumped, and it is kept */
};

static inline bool wf_apply(struct tx *tx, void *ctx, struct fail *why)
{
	struct wf_deed *d = ctx;
	memset(&d->w->r.outcome, 0, sizeof(d->w->r.outcome));
	if (!d->c->handler->apply(tx, &d->w->r, why))
		return false;
	return d->rows == NULL || (wf_dump(tx, d->rows, why) && FAILS(why, CONFLICT, "rolled back by the test"));
}

static inline void wf_stages_before(struct world *w, const struct write_case *c)
{
	const struct handler *h = c->handler;
	world_expect(w, h->parse == NULL || h->parse(&w->r, &w->r.why));
	world_expect(w, world_recall(w, h) && world_look(w, h) && (h->work == NULL || h->work(&w->r, &w->r.why)));
	if (c->asked != NULL)
		c->asked(w);
	else
		world_expect(w, world_outside(w, h));
}

/* What it leaves when nothing fails, rolled back. */
static inline char *wf_unfailed(struct world *w, const struct write_case *c)
{
	struct buf b;
	arena_reset(&w->arena);
	buf_init(&b, &w->arena, 1 << 16);
	struct wf_deed d = { c, w, &b };
	assert_false(store_write(w->store, wf_apply, &d, &w->r.why));
	if (w->r.why.code != FAIL_CONFLICT || strstr(w->r.why.log, "rolled back by the test") == NULL)
		fail_msg("%s: %s: %s", c->name, fail_row(w->r.why.code)->name, w->r.why.log);
	fail_clear(&w->r.why);
	return wf_text(&b);
}

static inline bool wf_fails_at(struct world *w, const struct write_case *c, int n)
{
	char setting[64];
	struct wf_deed d = { c, w, NULL };
	fail_clear(&w->r.why);
	snprintf(setting, sizeof(setting), "store_step=%d", n);
	assert_true(fault_set(str_c(setting)));
	bool ok = store_write(w->store, wf_apply, &d, &w->r.why);
	fault_clear_all();
	return !ok;
}

static inline void wf_same(const struct write_case *c, int n, const char *have, const char *want)
{
	if (strcmp(have, want) == 0)
		return;
	size_t at = 0, line = 0;
	for (; have[at] != '\0' && have[at] == want[at]; at++)
		if (have[at] == '\n')
			line = at + 1;
	fail_msg("%s, statement %d:\n%.200s\ninstead of\n%.200s", c->name, n, have + line, want + line);
}

static inline void write_faults(struct world *w, const struct write_case *c)
{
	if (c->prepare != NULL)
		c->prepare(w);
	c->ask(w);
	wf_stages_before(w, c);
	char *before = wf_rows(w), *wanted = wf_unfailed(w, c), *after;
	int n = 1;
	for (; wf_fails_at(w, c, n); n++) {
		if (!fail_row(w->r.why.code)->again)
			fail_msg("%s, statement %d: %s: %s", c->name, n, fail_row(w->r.why.code)->name, w->r.why.log);
		wf_same(c, n, after = wf_rows(w), before);
		free(after);
		assert_true(n < 1000);
	}
	wf_same(c, n, after = wf_rows(w), wanted);
	if (strcmp(after, before) == 0)
		fail_msg("%s left nothing", c->name);
	if (!c->handler->render(&w->r, &w->r.why) && fail_row(w->r.why.code)->http >= 500) /* a refusal that was kept is an answer too */
		fail_msg("%s: %s: %s", c->name, fail_row(w->r.why.code)->name, w->r.why.log);
	if (n <= c->least)
		fail_msg("%s: only %d statements", c->name, n - 1);
	print_message("%s: %d failures\n", c->name, n - 1);
	free(before);
	free(wanted);
	free(after);
}

/* ---- the table ---- */

enum { WF_CASES_MAX = 64 };

static struct {
	const struct write_case *c; /* whose turn it is */
	CMFixtureFunction make;
} wf_turn;

static inline int wf_make(void **state)
{
	wf_turn.c = *state;
	return wf_turn.make(state);
}

static inline void wf_test(void **state)
{
	write_faults(*state, wf_turn.c);
}

/* What main() returns. make, unmake: login_make, login_unmake, or what says more. */
static inline int write_faults_run(const struct write_case *cases, size_t count, CMFixtureFunction make, CMFixtureFunction unmake)
{
	struct CMUnitTest tests[WF_CASES_MAX];
	assert(count <= WF_CASES_MAX);
	wf_turn.make = make;
	for (size_t i = 0; i < count; i++)
		tests[i] = (struct CMUnitTest){ cases[i].name, wf_test, wf_make, unmake, (void *)(uintptr_t)&cases[i] };
	return _cmocka_run_group_tests("cases", tests, count, NULL, NULL);
}
#define WRITE_FAULTS_RUN(cases) write_faults_run(cases, sizeof(cases) / sizeof((cases)[0]), login_make, login_unmake)
#endif
