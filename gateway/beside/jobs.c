/* gateway/beside/jobs.c - why this exists: what nobody asks for must be done too, and must not be felt by those who ask. */
#include "gateway/beside/jobs.h"

#include "auth/blob.h"
#include "auth/otp.h"
#include "auth/proposal.h"
#include "auth/real_name.h"
#include "auth/refresh.h"
#include "auth/retention.h"
#include "auth/token.h"
#include "base/clock.h"
#include "base/day.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/metrics.h"
#include "gateway/beside/nodes.h"
#include "gateway/loops/bell.h"
#include "gateway/outside/bill_fetch.h"
#include "gateway/requests/noted.h"
#include "notify/stream.h"
#include "payments/attempts/attempt.h"
#include "payments/bureau/confirmation_send.h"
#include "payments/bureau/receipt_send.h"
#include "payments/ledger/ledger.h"
#include "payments/orders/order.h"
#include "payments/reconciliation/recon_run.h"
#include "services/applying/application.h"
#include "services/booking/booking.h"
#include "services/booking/booking_day.h"
#include "services/booking/booking_replan.h"
#include "services/booking/booking_wait.h"
#include "services/booking/slot_make.h"
#include "services/cases/case_clock.h"
#include "services/cases/demand.h"
#include "services/guides/guide_rows.h"
#include "services/handlers.h"
#include "services/money/pay_callback.h"
#include "services/money/refunding.h"
#include "services/money/wechat_pay_account.h"
#include "services/people/erasure.h"
#include "services/people/mandate_code_send.h"
#include "services/people/mandate_tell.h"
#include "services/supervision/alert.h"
#include "services/voices/rating_invitation.h"
#include "services/voices/voice_clock.h"
#include "store/committer.h"
#include "store/node.h"
#include "store/outcome.h"
#include "store/sealer.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <uv.h>

enum { REFUSED_AGAIN_MS = 100, ANOTHERS_AGAIN_MS = 1000, SLOTS_KEPT_DAYS = 30, FETCH_ALLOWED_MS = 150000 };
#define DAY_MS INT64_C(86400000)

/* What a bite knows and leaves. */
struct bite {
	const struct config *config;
	int64_t now_ms, rows_max;
	int64_t node;    /* whose it is; 0: there is one only */
	int64_t rows;    /* done */
	int64_t waiting; /* seal: facts that are not sealed yet */
	struct receipts_taken receipts; /* take_receipts */
};

struct job_row {
	const char *name;
	int64_t every_ms, bite;
	bool says, is_for_all;
	bool (*apply)(struct tx *tx, struct bite *b, struct fail *why);
};

struct job {
	struct commit_job commit;
	struct jobs *jobs;
	const struct job_row *row;
	struct bite bite;
	int64_t due_ms;      /* monotonic; of the step's thread */
	_Atomic bool is_out; /* with the committer, whose everything above is meanwhile */
	_Atomic bool more;
};

/* ---- the table ---- */

static bool purge_outcomes(struct tx *tx, struct bite *b, struct fail *why)
{
	return outcome_purge(tx, b->now_ms, b->config->outcome_hours, (int)b->rows_max, &b->rows, why);
}

/* Each as many as a bite may have: the rows are small. */
static bool purge_tokens(struct tx *tx, struct bite *b, struct fail *why)
{
	int64_t tokens, refreshes, days, failures;
	if (!token_purge(tx, b->now_ms, b->rows_max, &tokens, why) || !refresh_purge(tx, b->now_ms, b->rows_max, &refreshes, why) ||
	    !otp_purge(tx, b->now_ms, b->rows_max, &days, why) || !identity_purge(tx, b->now_ms, b->rows_max, &failures, why))
		return false;
	b->rows = tokens > refreshes ? tokens : refreshes;
	b->rows = b->rows > days ? b->rows : days;
	b->rows = b->rows > failures ? b->rows : failures;
	return true;
}

static bool expire_proposals(struct tx *tx, struct bite *b, struct fail *why)
{
	return proposal_expire(tx, b->now_ms, b->rows_max, &b->rows, why);
}

static bool expire_mandates(struct tx *tx, struct bite *b, struct fail *why)
{
	return mandates_expire(tx, b->now_ms, b->rows_max, &b->rows, why);
}

static bool send_mandate_codes(struct tx *tx, struct bite *b, struct fail *why)
{
	return mandate_codes_send(tx, b->now_ms, b->rows_max, &b->rows, why);
}

static bool tell_clocks(struct tx *tx, struct bite *b, struct fail *why)
{
	int64_t of_voices;
	if (!clocks_tell(tx, day_of(b->now_ms), b->now_ms, b->rows_max, &b->rows, why) || !voice_clocks_tell(tx, day_of(b->now_ms), b->now_ms, b->rows_max, &of_voices, why))
		return false;
	b->rows = b->rows > of_voices ? b->rows : of_voices;
	return true;
}

static bool close_voices(struct tx *tx, struct bite *b, struct fail *why)
{
	return voices_close(tx, b->now_ms, b->config->voices_feedback_days, b->rows_max, &b->rows, why);
}

static bool tell_demands(struct tx *tx, struct bite *b, struct fail *why)
{
	return demands_tell(tx, b->now_ms, b->rows_max, &b->rows, why);
}

static bool renew_clocks(struct tx *tx, struct bite *b, struct fail *why)
{
	int64_t of_voices;
	if (!clocks_renew(tx, b->rows_max, &b->rows, why) || !voice_clocks_renew(tx, b->rows_max, &of_voices, why))
		return false;
	b->rows = b->rows > of_voices ? b->rows : of_voices;
	return true;
}

static bool forget_drafts(struct tx *tx, struct bite *b, struct fail *why)
{
	return application_sweep(tx, b->now_ms, b->rows_max, &b->rows, why);
}

static bool push_alerts(struct tx *tx, struct bite *b, struct fail *why)
{
	return alerts_push(tx, b->config, b->now_ms, b->rows_max, &b->rows, why);
}

static bool forget_loads(struct tx *tx, struct bite *b, struct fail *why)
{
	return load_forget(tx, b->rows_max, &b->rows, why);
}

static bool take_receipts(struct tx *tx, struct bite *b, struct fail *why)
{
	bool ok = callback_take(tx, b->now_ms, b->rows_max, &b->receipts, why);
	b->rows = b->receipts.rows;
	return ok;
}

static bool follow_callbacks(struct tx *tx, struct bite *b, struct fail *why)
{
	return pay_callbacks_follow(tx, b->now_ms, b->rows_max, &b->rows, why);
}

static bool purge_callbacks(struct tx *tx, struct bite *b, struct fail *why)
{
	return callback_purge(tx, b->now_ms, b->config->callback_days, b->rows_max, &b->rows, why);
}

static bool purge_stream(struct tx *tx, struct bite *b, struct fail *why)
{
	return stream_purge(tx, b->now_ms - b->config->stream_days * DAY_MS, (int)b->rows_max, &b->rows, why);
}

static bool seal(struct tx *tx, struct bite *b, struct fail *why)
{
	struct seal head;
	int64_t oldest_ms;
	return sealer_apply(tx, b->now_ms, b->rows_max, &b->rows, why) && seal_head(tx, &head, why) &&
	       seal_waiting(tx, &head, &b->waiting, &oldest_ms, why);
}

static bool erase_persons(struct tx *tx, struct bite *b, struct fail *why)
{
	return erasure_step(tx, b->now_ms, b->rows_max, &b->rows, why);
}

static bool purge_kept(struct tx *tx, struct bite *b, struct fail *why)
{
	return retention_purge(tx, b->now_ms, b->rows_max, &b->rows, why);
}

static bool write_noted(struct tx *tx, struct bite *b, struct fail *why)
{
	return noted_write(tx, b->now_ms, b->rows_max, &b->rows, why);
}

static bool sweep_blobs(struct tx *tx, struct bite *b, struct fail *why)
{
	return blob_sweep(tx, b->now_ms, b->rows_max, &b->rows, why);
}

static bool expire_orders(struct tx *tx, struct bite *b, struct fail *why)
{
	return orders_expire(tx, b->now_ms, b->rows_max, &b->rows, why);
}

static bool confirm_payments(struct tx *tx, struct bite *b, struct fail *why)
{
	int64_t receipts;
	if (!confirmations_send(tx, b->now_ms, b->rows_max, &b->rows, why) || !receipts_send(tx, b->now_ms, b->rows_max - b->rows, &receipts, why))
		return false;
	b->rows += receipts;
	return true;
}

static bool sweep_payments(struct tx *tx, struct bite *b, struct fail *why)
{
	return attempts_sweep(tx, b->now_ms, b->rows_max, &b->rows, why);
}

static bool renew_certificates(struct tx *tx, struct bite *b, struct fail *why)
{
	return wechat_pay_certificates_renew(tx, b->config, b->now_ms, &b->rows, why);
}

static bool follow_certificates(struct tx *tx, struct bite *b, struct fail *why)
{
	return wechat_pay_certificates_follow(tx, &b->rows, why);
}

static bool watch_money(struct tx *tx, struct bite *b, struct fail *why)
{
	return money_watch(tx, b->now_ms, why) && pay_callbacks_watch(tx, b->now_ms, why);
}

static bool push_refunds(struct tx *tx, struct bite *b, struct fail *why)
{
	return refunds_push(tx, b->now_ms, b->rows_max, &b->rows, why);
}

static bool close_ledger(struct tx *tx, struct bite *b, struct fail *why)
{
	return ledger_close(tx, b->now_ms, b->rows_max, &b->rows, why);
}

/* Who does it for all may fetch until it is asked again, and a little longer. */
static bool fetch_bills(struct tx *tx, struct bite *b, struct fail *why)
{
	(void)tx;
	(void)why;
	bill_fetch_allow(b->now_ms + FETCH_ALLOWED_MS);
	return true;
}

static bool reconcile_again(struct tx *tx, struct bite *b, struct fail *why)
{
	return recon_ask_open(tx, b->now_ms, b->rows_max, &b->rows, why);
}

/* Jobs that need no more than the time and how many rows. */
#define BITE_OF(job, step)                                                     \
	static bool job(struct tx *tx, struct bite *b, struct fail *why)       \
	{                                                                      \
		return step(tx, b->now_ms, b->rows_max, &b->rows, why);        \
	}
BITE_OF(invite_ratings, invitations_send)
BITE_OF(expire_holds, bookings_expire)
BITE_OF(offer_seats, waits_offer)
BITE_OF(replan_bookings, bookings_replan)
BITE_OF(remind_bookings, bookings_remind)
BITE_OF(miss_bookings, bookings_miss)
BITE_OF(make_slots, slots_make)

static bool forget_slots(struct tx *tx, struct bite *b, struct fail *why)
{
	return slots_forget(tx, b->now_ms - SLOTS_KEPT_DAYS * DAY_MS, b->rows_max, &b->rows, why);
}

enum { QUIET, SAY };
enum { EACH, ONCE };
static const struct job_row rows[] = {
#define JOB(name, every, bite, log, who, what) { #name, every, bite, log, who, name },
#include "gateway/beside/jobs.def"
#undef JOB
};
enum { JOBS = sizeof(rows) / sizeof(rows[0]) };
_Static_assert((int)JOBS <= (int)NODE_JOBS_MAX, "a node knows them by bits");

const char *const *jobs_for_all(int *count)
{
	static const char *const names[] = {
#define JOB(name, every, bite, log, who, what) who == ONCE ? #name : NULL,
#include "gateway/beside/jobs.def"
#undef JOB
	};
	*count = JOBS;
	return names;
}

struct jobs {
	struct committer *committer;
	const _Atomic(const struct config *) *config;
	const struct nodes *nodes; /* NULL: there is one only */
	void (*wake)(void *ctx);
	void *ctx;
	_Atomic bool stopping;
	uv_timer_t timer;  /* of jobs_start */
	struct bell bell;
	struct job at[JOBS];
};

/* ---- a bite, on the committer's thread ---- */

static bool job_apply(struct commit_job *commit, struct tx *tx, struct fail *why)
{
	struct job *job = CONTAINER(commit, struct job, commit);
	bool ours = true;
	job->bite.rows = job->bite.waiting = 0;
	job->bite.receipts = (struct receipts_taken){ .rows = 0 };
	if (job->bite.node > 0 && !node_job_bite(tx, job->row->name, job->bite.node, job->bite.now_ms, &ours, why))
		return false;
	return !ours || job->row->apply(tx, &job->bite, why);
}

static void job_done(struct commit_job *commit)
{
	struct job *job = CONTAINER(commit, struct job, commit);
	struct jobs *j = job->jobs;
	int index = (int)(job->row - rows);
	if (job->row->apply == write_noted)
		noted_written(commit->committed);
	bool more = commit->committed && job->bite.rows >= job->row->bite;
	if (!commit->committed) {
		metric_add(M_job_failures, index, 1);
		log_fail(STR_NONE, &commit->why);
	} else {
		metric_add(M_job_rows, index, job->bite.rows);
		metric_set(M_job_last_seconds, index, job->bite.now_ms / 1000);
		if (job->row->apply == seal)
			metric_set(M_facts_unsealed, 0, job->bite.waiting);
		if (job->row->apply == take_receipts)
			callback_count(job->bite.receipts.counts);
		if (job->row->says && job->bite.rows > 0)
			LOG_EVENT(job_ran, STR_NONE, L_C(job->row->name), L_INT(job->bite.rows));
	}
	atomic_store(&job->more, more);
	atomic_store(&job->is_out, false);
	if (more)
		j->wake(j->ctx);
}

/* ---- the step ---- */

/* Whose time has come, and who may do it. */
static bool may_begin(const struct jobs *j, const struct job *job, int64_t *node)
{
	*node = 0;
	return !atomic_load(&j->stopping) && (!job->row->is_for_all || nodes_do(j->nodes, (int)(job->row - rows), node));
}

static int64_t period_ms(const struct job_row *row)
{
	return fault_hit(FAULT_jobs_often) ? row->every_ms / 10 : row->every_ms;
}

static void submit(struct jobs *j, struct job *job, int64_t node, int64_t mono_ms)
{
	bool is_next = atomic_exchange(&job->more, false);
	job->bite = (struct bite){ .config = atomic_load(j->config), .now_ms = clock_wall_ms(), .rows_max = job->row->bite, .node = node };
	job->commit = (struct commit_job){ .apply = job_apply, .done = job_done, .low = true };
	if (!is_next)
		job->due_ms = mono_ms + period_ms(job->row);
	atomic_store(&job->is_out, true);
	if (committer_submit(j->committer, &job->commit))
		return;
	atomic_store(&job->is_out, false);
	job->due_ms = mono_ms + REFUSED_AGAIN_MS; /* its line is full */
}

/* How long until it is asked again whose it is. What this node last saw of it is no longer so. */
static int64_t anothers(const struct job *job)
{
	if (job->row->apply == seal)
		metric_set(M_facts_unsealed, 0, 0);
	return ANOTHERS_AGAIN_MS;
}

int64_t jobs_step(struct jobs *j, int64_t mono_ms)
{
	int64_t next_ms = INT64_MAX;
	for (int i = 0; i < JOBS; i++) {
		struct job *job = &j->at[i];
		int64_t node, again_ms = REFUSED_AGAIN_MS;
		if (!atomic_load(&job->is_out) && (atomic_load(&job->more) || job->due_ms <= mono_ms)) {
			if (may_begin(j, job, &node))
				submit(j, job, node, mono_ms);
			else
				again_ms = anothers(job);
		}
		/* one that is still out when its time comes is looked at again a little later */
		int64_t wait_ms = job->due_ms > mono_ms ? job->due_ms - mono_ms : again_ms;
		if (wait_ms < next_ms)
			next_ms = wait_ms;
	}
	return next_ms;
}

struct jobs *jobs_make(struct committer *committer, const _Atomic(const struct config *) *config, void (*wake)(void *ctx), void *ctx, struct fail *why)
{
	struct jobs *j = calloc(1, sizeof(*j));
	if (j == NULL) {
		FAILS(why, MEMORY, "jobs");
		return NULL;
	}
	noted_begin();
	j->bell.fd = -1;
	j->committer = committer;
	j->config = config;
	j->wake = wake;
	j->ctx = ctx;
	for (int i = 0; i < JOBS; i++) {
		j->at[i].jobs = j;
		j->at[i].row = &rows[i];
		metric_label(M_job_failures, i, rows[i].name);
		metric_label(M_job_rows, i, rows[i].name);
		metric_label(M_job_last_seconds, i, rows[i].name);
	}
	return j;
}

void jobs_among(struct jobs *j, const struct nodes *nodes)
{
	j->nodes = nodes;
}

void jobs_stop(struct jobs *j)
{
	if (j != NULL)
		atomic_store(&j->stopping, true);
}

void jobs_drop(struct jobs *j)
{
	if (j != NULL)
		bell_drop(&j->bell);
	free(j);
}

/* ---- turned by libuv ---- */

static void on_timer(uv_timer_t *timer)
{
	struct jobs *j = timer->data;
	uv_timer_start(timer, on_timer, (uint64_t)jobs_step(j, clock_mono_ms()), 0);
}

static void on_bell(void *ctx)
{
	struct jobs *j = ctx;
	on_timer(&j->timer);
}

static void ring(void *ctx)
{
	struct jobs *j = ctx;
	bell_ring(&j->bell);
}

struct jobs *jobs_start(struct committer *committer, const _Atomic(const struct config *) *config, const struct nodes *nodes, struct uv_loop_s *loop, struct fail *why)
{
	struct jobs *j = jobs_make(committer, config, ring, NULL, why);
	if (j == NULL)
		return NULL;
	jobs_among(j, nodes);
	j->ctx = j->timer.data = j;
	if (!bell_open(&j->bell, loop, on_bell, j, why)) {
		jobs_drop(j);
		return NULL;
	}
	uv_timer_init(loop, &j->timer);
	uv_timer_start(&j->timer, on_timer, 0, 0);
	/* A loop that has nothing else left may end; who rings late finds the handle open until poller_close. */
	bell_unref(&j->bell);
	uv_unref((uv_handle_t *)&j->timer);
	return j;
}
