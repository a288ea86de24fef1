/* gateway/beside/reconciler.c - why this is no job (jobs.def): a job is a transaction, and no transaction may last as long as a statement. */
#include "gateway/beside/reconciler.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "gateway/outside/bill_fetch.h"
#include "payments/reconciliation/recon_run.h"
#include "payments/reconciliation/recon_settle.h"
#include "store/committer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum { LOOK_EVERY_MS = 500, CLEAR_ROWS = 200, FULL_AGAIN_MS = 20 };

/* A write that this thread waits for. */
enum write_kind { WRITE_CLAIM, WRITE_ITEMS, WRITE_CLEAR, WRITE_DONE, WRITE_FAILED, WRITE_OTHER };
struct writing {
	struct commit_job commit;
	enum write_kind kind;
	struct recon_claim *claim;
	const struct recon_result *result;
	int64_t from, count, rows, now_ms;
	struct str reason;
	bool (*other)(struct tx *tx, void *what, struct fail *why);
	void *what;
	struct reconciler *owner;
	bool is_over;
};

struct reconciler {
	struct store *store;
	struct committer *committer;
	const _Atomic(const struct config *) *config;
	struct bill_fetch_by by;
	struct bill_fetch *fetch;
	struct blobs *blobs;
	struct connection *reader;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* on the monotonic clock */
	bool stopping;
};

static bool is_stopping(void *ctx)
{
	struct reconciler *r = ctx;
	pthread_mutex_lock(&r->lock);
	bool is_so = r->stopping;
	pthread_mutex_unlock(&r->lock);
	return is_so;
}

static void nap(struct reconciler *r, int64_t ms)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)ms % 1000 * 1000000;
	until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&r->lock);
	for (int rc = 0; !r->stopping && rc == 0;)
		rc = pthread_cond_timedwait(&r->changed, &r->lock, &until);
	pthread_mutex_unlock(&r->lock);
}

/* ---- writes ---- */

static bool apply(struct commit_job *job, struct tx *tx, struct fail *why)
{
	struct writing *w = CONTAINER(job, struct writing, commit);
	switch (w->kind) {
	case WRITE_CLAIM: return recon_claim(tx, w->now_ms, w->claim, why);
	case WRITE_ITEMS: return recon_items_keep(tx, w->claim, w->result->found + w->from, w->count, w->now_ms, why);
	case WRITE_CLEAR: return recon_items_clear(tx, w->claim, CLEAR_ROWS, w->now_ms, &w->rows, why);
	case WRITE_DONE: return recon_done(tx, w->claim, w->result, w->now_ms, why) && recon_settle(tx, w->claim, w->result, w->now_ms, why);
	case WRITE_OTHER: return w->other(tx, w->what, why);
	case WRITE_FAILED: break;
	}
	return recon_failed(tx, w->claim, w->reason, w->now_ms, why);
}

static void done(struct commit_job *job)
{
	struct writing *w = CONTAINER(job, struct writing, commit);
	pthread_mutex_lock(&w->owner->lock);
	w->is_over = true;
	pthread_cond_broadcast(&w->owner->changed);
	pthread_mutex_unlock(&w->owner->lock);
}

/* What was taken by the committer is waited for, whoever wants to stop. */
static bool write_it(struct reconciler *r, struct writing *w, struct fail *why)
{
	w->owner = r;
	w->now_ms = clock_wall_ms();
	w->is_over = false;
	w->commit = (struct commit_job){ .apply = apply, .done = done, .low = true };
	while (!committer_submit(r->committer, &w->commit)) {
		if (is_stopping(r))
			return FAILS(why, STOPPING, "a day is given up");
		nap(r, FULL_AGAIN_MS);
	}
	pthread_mutex_lock(&r->lock);
	while (!w->is_over)
		pthread_cond_wait(&r->changed, &r->lock);
	pthread_mutex_unlock(&r->lock);
	if (!w->commit.committed)
		*why = w->commit.why;
	return w->commit.committed;
}

static bool write_other(void *ctx, bool (*other)(struct tx *tx, void *what, struct fail *why), void *what, struct fail *why)
{
	struct writing w = { .kind = WRITE_OTHER, .other = other, .what = what };
	return write_it(ctx, &w, why);
}

/* ---- a day ---- */

static bool keep(struct reconciler *r, struct recon_claim *c, const struct recon_result *found, struct fail *why)
{
	struct writing w = { .claim = c, .result = found, .kind = WRITE_ITEMS };
	for (; w.from < found->count; w.from += RECON_BITE) {
		w.count = found->count - w.from < RECON_BITE ? found->count - w.from : RECON_BITE;
		if (is_stopping(r))
			return FAILS(why, STOPPING, "a day is given up");
		if (!write_it(r, &w, why))
			return false;
	}
	w.kind = WRITE_CLEAR;
	do
		if (!write_it(r, &w, why))
			return false;
	while (w.rows == CLEAR_ROWS);
	w.kind = WRITE_DONE;
	return write_it(r, &w, why);
}

static bool find(struct reconciler *r, const struct recon_claim *c, struct recon_result *found, struct fail *why)
{
	const struct config *config = atomic_load(r->config);
	struct recon_question q = { .source = c->source, .day = (int32_t)c->day, .cutoff_ms = config->recon_cutoff_minutes * 60000, .blobs = r->blobs,
				    .names = c->source == BILL_BANK ? str_c(config->recon_bank_columns) : STR_NONE, .merchant = str_c(config->wechat_pay_mchid) };
	struct tx tx;
	bool ok = reader_begin(r->reader, &tx, why) && recon_find(&tx, &q, found, why);
	reader_end(r->reader);
	return ok;
}

static void say_done(const struct recon_claim *c, const struct recon_result *found, int64_t began_ns)
{
	LOG_EVENT(day_reconciled, STR_NONE, L_STR(bill_source_text(c->source)), L_INT(c->day), L_INT(found->ours), L_INT(found->theirs), L_INT(found->count),
		  L_INT((clock_mono_ns() - began_ns) / 1000000));
}

static void do_one(struct reconciler *r, struct recon_claim *c)
{
	struct recon_result found = { .file = 0 };
	struct fail why, after;
	int64_t began_ns = clock_mono_ns();
	fail_clear(&why);
	fail_clear(&after);
	bool ok = find(r, c, &found, &why) && keep(r, c, &found, &why);
	if (ok)
		say_done(c, &found, began_ns);
	recon_found_drop(&found);
	if (ok || why.code == FAIL_CONFLICT)
		return;
	if (!is_stopping(r)) /* given up at a stop, it is due again soon after the start */
		log_fail(STR_NONE, &why);
	struct writing w = { .claim = c, .kind = WRITE_FAILED, .reason = str_c(fail_row(why.code)->slug) };
	if (!write_it(r, &w, &after))
		log_fail(STR_NONE, &after);
}

static bool claim(struct reconciler *r, struct recon_claim *c, struct fail *why)
{
	struct writing w = { .claim = c, .kind = WRITE_CLAIM };
	struct tx tx;
	bool is_due = false;
	c->id = 0;
	bool ok = reader_begin(r->reader, &tx, why) && recon_is_due(&tx, clock_wall_ms(), &is_due, why);
	reader_end(r->reader);
	return ok && is_due && write_it(r, &w, why) && c->id != 0;
}

static void *work(void *ctx)
{
	struct reconciler *r = ctx;
	while (!is_stopping(r)) {
		struct recon_claim c;
		struct fail why;
		fail_clear(&why);
		if (claim(r, &c, &why)) {
			do_one(r, &c);
			log_flush();
			continue;
		}
		if (why.code != FAIL_NONE)
			log_fail(STR_NONE, &why);
		bill_fetch_step(r->fetch, atomic_load(r->config));
		log_flush();
		nap(r, LOOK_EVERY_MS);
	}
	return NULL;
}

/* ---- begin and end ---- */

static void drop(struct reconciler *r)
{
	bill_fetch_drop(r->fetch);
	if (r->reader != NULL)
		connection_close(r->reader);
	blobs_close(r->blobs);
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

struct reconciler *reconciler_start(struct store *s, struct committer *c, struct outside *o, const _Atomic(const struct config *) *config, struct fail *why)
{
	pthread_condattr_t monotonic;
	struct reconciler *r = calloc(1, sizeof *r);
	if (r == NULL) {
		FAILS(why, MEMORY, "who reconciles");
		return NULL;
	}
	r->store = s;
	r->committer = c;
	r->config = config;
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&r->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	r->blobs = blobs_open(s, blob_body_of(s), why);
	r->reader = r->blobs != NULL ? store_reader(s, 0, why) : NULL;
	r->by = (struct bill_fetch_by){ r->blobs, r->reader, o, write_other, is_stopping, r };
	r->fetch = r->reader != NULL ? bill_fetch_make(&r->by, why) : NULL;
	if (r->fetch != NULL && (pthread_create(&r->thread, NULL, work, r) == 0 || FAILS(why, SYSTEM, "no thread for who reconciles")))
		return r;
	drop(r);
	return NULL;
}

void reconciler_stop(struct reconciler *r)
{
	if (r == NULL)
		return;
	pthread_mutex_lock(&r->lock);
	r->stopping = true;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	drop(r);
}
