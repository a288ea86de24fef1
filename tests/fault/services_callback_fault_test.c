/* Goal: a callback that was verified is kept or refused so that it comes again, whatever statement fails; when it is kept, what follows from it follows whole, then or by the job, and once; and the
 * job, failing at whatever statement, leaves it waiting.
 * Method: the handler with the n-th statement failing, then the job with the n-th statement failing, n = 1, 2, …, each time from the same rows; then the job unhindered. What is left must be what is
 * left when only the job does it. */
#include "tests/fault/nontax_world.h"
#include "base/metrics.h"
#include "services/money/pay_callback.h"

enum { LATER_MS = 3600000 };

static const struct platform {
	const char *name;
	const struct handler *handler;
	void (*given)(struct world *w);
	void (*ask)(struct world *w);
} platforms[] = {
	{ "a callback of WeChat Pay", &wechat_pay_callback, is_paid_there, ask_told },
	{ "a call of the non-tax platform", &wechat_nontax_callback, is_paying_there, ask_call },
};
enum { PLATFORMS = sizeof(platforms) / sizeof(platforms[0]) };

struct run {
	const struct platform *p;
	struct world *w;
	int apply_fails_at, job_fails_at; /* statements; 0: none */
	bool follow_fails;
	bool is_kept, is_job_whole, waited; /* what happened */
	struct buf rows;
};

static int64_t count(struct tx *tx, const char *sql, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, sql, why);
	world_must(q != NULL && stmt_row(q, why), why);
	return stmt_int(q, 0);
}

static void fails_at(const char *what, int n)
{
	char setting[64];
	snprintf(setting, sizeof(setting), "%s=%d", what, n);
	if (n > 0)
		assert_true(fault_set(str_c(setting)));
}

static bool job(struct tx *tx, struct world *w, int64_t after_ms, struct fail *why)
{
	int64_t rows;
	return pay_callbacks_follow(tx, w->now_ms + after_ms, 10, &rows, why);
}

static bool once(struct tx *tx, void *ctx, struct fail *why)
{
	struct run *run = ctx;
	int64_t purged;
	memset(&run->w->r.outcome, 0, sizeof(run->w->r.outcome));
	fails_at("callback_follow", run->follow_fails);
	fails_at("store_step", run->apply_fails_at);
	run->is_kept = run->p->handler->apply(tx, &run->w->r, why);
	fault_clear_all();
	if (!run->is_kept)
		return false;
	run->waited = count(tx, "SELECT COUNT(*) FROM pay_callback_due", why) == 1;
	world_must(pay_callbacks_watch(tx, run->w->now_ms + 90000, why), why);
	assert_int_equal(metric_read(M_callbacks_due, 0), run->waited);
	assert_int_equal(metric_read(M_callbacks_due_seconds, 0), run->waited ? 90 : 0);
	assert_int_equal(count(tx, "SELECT COUNT(*) FROM pay_callback", why), 1);
	assert_int_equal(count(tx, "SELECT COUNT(*) FROM pay_payment", why), !run->waited);
	assert_int_equal(count(tx, "SELECT COUNT(*) FROM ledger_posting", why) > 0, !run->waited);
	if (run->job_fails_at > 0) {
		fails_at("store_step", run->job_fails_at);
		run->is_job_whole = job(tx, run->w, 1000, why);
		fault_clear_all();
		if (!run->is_job_whole)
			return false;
		run->waited = count(tx, "SELECT COUNT(*) FROM pay_callback_due", why) == 1;
		assert_int_equal(count(tx, "SELECT COUNT(*) FROM pay_payment", why), !run->waited);
	}
	world_must(callback_purge(tx, run->w->now_ms + 400 * DAY, 1, 100, &purged, why), why); /* what waits is not too old */
	assert_int_equal(purged, !run->waited);
	assert_int_equal(count(tx, "SELECT COUNT(*) FROM pay_callback", why), run->waited);
	world_must(job(tx, run->w, LATER_MS, why), why);
	world_must(callback_purge(tx, run->w->now_ms + 400 * DAY, 1, 100, &purged, why), why);
	wf_dump(tx, &run->rows, why);
	return FAILS(why, CONFLICT, "rolled back by the test");
}

/* From the same rows each time: nothing of it is kept. */
static char *left_by(struct run *run)
{
	struct fail why;
	fail_clear(&why);
	arena_reset(&run->w->arena);
	buf_init(&run->rows, &run->w->arena, 1 << 16);
	assert_false(store_write(run->w->store, once, run, &why));
	if (strstr(why.log, "rolled back by the test") != NULL)
		return wf_text(&run->rows);
	if (!fail_row(why.code)->again)
		fail_msg("%s: %s", fail_row(why.code)->name, why.log);
	return NULL;
}

static void same(const struct platform *p, int n, char *have, const char *want)
{
	const struct write_case named = { .name = p->name };
	wf_same(&named, n, have, want);
	free(have);
}

static struct world *told(const struct platform *p, void **state)
{
	login_make(state);
	struct world *w = *state;
	p->given(w);
	p->ask(w);
	wf_stages_before(w, &(struct write_case){ .name = p->name, .handler = p->handler });
	return w;
}

static void kept_or_refused_by(const struct platform *p, void **state)
{
	struct world *w = told(p, state);
	struct run later = { p, .w = w, .follow_fails = true }, at_once = { p, .w = w };
	char *want_later = left_by(&later), *want = left_by(&at_once);
	int kept = 0, refused = 0, n = 1;
	assert_true(later.waited && !at_once.waited);
	for (bool is_past = false; !is_past; n++) {
		struct run run = { p, .w = w, .apply_fails_at = n };
		char *rows = left_by(&run);
		refused += !run.is_kept;
		kept += run.is_kept && run.waited;
		is_past = run.is_kept && !run.waited;
		if (run.is_kept)
			same(p, n, rows, run.waited ? want_later : want);
		assert_true(n < 1000);
	}
	print_message("%s, %d statements: %d times kept for later, %d times refused\n", p->name, n - 1, kept, refused);
	assert_true(kept >= 25 && refused >= 3);
	free(want_later);
	free(want);
	login_unmake(state);
}

static void the_job_goes_on_with(const struct platform *p, void **state)
{
	struct world *w = told(p, state);
	struct run unhindered = { p, .w = w, .follow_fails = true };
	char *want = left_by(&unhindered);
	int waited = 0, lost = 0;
	for (int n = 1, done = 0; done == 0; n++) {
		struct run run = { p, .w = w, .follow_fails = true, .job_fails_at = n };
		char *rows = left_by(&run);
		assert_true(run.is_kept);
		lost += !run.is_job_whole;
		waited += run.is_job_whole && run.waited;
		done = run.is_job_whole && !run.waited;
		if (run.is_job_whole && run.waited)
			same(p, n, rows, want);
		else
			free(rows);
		assert_true(n < 1000);
	}
	print_message("the job and %s: %d times put off, %d times run again\n", p->name, waited, lost);
	assert_true(waited >= 25 && lost >= 1);
	free(want);
	login_unmake(state);
}

static void kept_or_refused(void **state)
{
	for (int i = 0; i < PLATFORMS; i++)
		kept_or_refused_by(&platforms[i], state);
}

static void the_job_goes_on(void **state)
{
	for (int i = 0; i < PLATFORMS; i++)
		the_job_goes_on_with(&platforms[i], state);
}

int main(void)
{
	effect_follow(KIND_wechat_pay_prepay, attempt_ordered);
	log_level_set(LOG_ERROR);
	const struct CMUnitTest tests[] = { cmocka_unit_test(kept_or_refused), cmocka_unit_test(the_job_goes_on) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
