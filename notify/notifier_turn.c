/* notify/notifier_turn.c - why this exists: what an answer means, and what is written about it, must survive a death at any line of it.
 *
 * landed (judged) -> fresh -> thought about -> a turn (the outcome is committed) -> idle. Picked -> a turn (marked as sending) -> the transport. */
#include "notify/notifier_inside.h"

#include "base/fault.h"
#include "notify/ladder.h"
#include "notify/watch.h"

enum {
	RETRY_MS = 1000,           /* after the store said no */
	FULL_MS = 20,              /* after the committer's queue was full */
};

/* ---- landed: what a verdict means ---- */

/* Called from the transport, or from flight_begin when there was nothing to call. */
void notifier_landed(struct flight *f)
{
	struct notifier *n = f->owner;
	n->under_way--;
	flights_push(&n->fresh, f);
	fault_die(FAULT_effect_after_answer);
}

static struct effect_move move_of(const struct notifier *n, const struct flight *f)
{
	const struct judgement *j = &f->judgement;
	if (!f->was_called && j->verdict == VERDICT_FAILED && strcmp(j->code, "sealed") == 0)
		return (struct effect_move){ .to = EFFECT_HELD, .held_by = HELD_BY_SEAL, .due_ms = f->view.due_ms, .rung = f->view.rung - 1, .code = j->code };
	if (flight_is_kept_back(f)) /* ours to begin again, if nobody else has */
		return (struct effect_move){ .to = f->is_ask ? EFFECT_SENDING : EFFECT_DUE, .asks = f->view.asks, .due_ms = n->time.wall_ms,
					     .rung = f->is_ask ? f->view.rung : f->view.rung - 1, .code = j->code };
	return ladder_next(f->kind, &f->view, j, n->time.wall_ms, n->time.expiry_ms);
}

static bool is_ill(const struct flight *f)
{
	return f->job.answer.end != HTTP_ANSWERED || f->http_status >= 500;
}

/* What one call says about the whole account. */
static void hear(struct notifier *n, const struct flight *f, int64_t mono_ms)
{
	struct lane *l = notifier_lane(n, f);
	if (f->judgement.token_is_over && n->needs != NULL)
		n->needs->refused(n->needs->ctx, f->kind->account, f->token);
	if (account_is_many(f->kind->account))
		return;
	if (f->was_called && lane_heard(l, is_ill(f), mono_ms))
		LOG_EVENT(account_breaker, STR_NONE, L_C(account_name(f->kind->account)), L_INT(l->breaker), L_INT(l->open_for_ms));
	if (f->was_called && f->http_status == 429 && f->judgement.again_after_ms > 0)
		lane_pause(l, mono_ms + f->judgement.again_after_ms);
	if (f->move.held_by == HELD_BY_ACCOUNT && !l->is_stopped) {
		l->is_stopped = true;
		LOG_EVENT(account_stopped, STR_NONE, L_C(account_name(f->kind->account)), L_C(f->judgement.code));
	}
}

void notifier_think(struct notifier *n, int64_t mono_ms)
{
	for (struct flight *f; (f = flights_pop(&n->fresh)) != NULL;) {
		f->move = move_of(n, f);
		hear(n, f, mono_ms);
		lane_end(notifier_lane(n, f));
		flights_push(&n->landed, f);
	}
}

/* ---- turns ---- */

static void turn_done(struct commit_job *job)
{
	struct turn *t = (struct turn *)job;
	struct notifier *n = CONTAINER(t, struct notifier, turn);
	mailbox_post_always(&n->home, &job->letter);
}

/* Ends first: they free slots, and the longer an outcome is not written the more a crash would leave unknown. */
static void load_turn(struct notifier *n)
{
	struct turn *t = &n->turn;
	int room = n->solo > 0 ? 1 : n->turn_room;
	t->end_count = t->mark_count = 0;
	for (struct flight *f; t->end_count < room && (f = flights_pop(&n->landed)) != NULL;)
		t->ends[t->end_count++] = f;
	if (n->solo > 0)
		room -= t->end_count;
	for (struct flight *f; t->mark_count < room && (f = flights_pop(&n->picked)) != NULL;)
		t->marks[t->mark_count++] = f;
}

static void unload_turn(struct notifier *n)
{
	for (int i = n->turn.mark_count; i-- > 0;)
		flights_push_first(&n->picked, n->turn.marks[i]);
	for (int i = n->turn.end_count; i-- > 0;)
		flights_push_first(&n->landed, n->turn.ends[i]);
}

void notifier_submit(struct notifier *n, int64_t mono_ms)
{
	struct turn *t = &n->turn;
	t->recovers = !n->recovered;
	t->node = n->self;
	t->picks_anew = n->node != NULL && n->solo == 0; /* a part that is tried alone is the one that was meant */
	t->now_ms = n->time.wall_ms;
	t->expired_before_ms = n->time.expiry_ms;
	t->due_by_ms = n->time.due_ms;
	if (!t->recovers)
		load_turn(n);
	if (!t->recovers && t->end_count + t->mark_count == 0)
		return;
	if (t->mark_count > 0)
		fault_die(FAULT_effect_before_mark);
	if (t->end_count > 0)
		fault_die(FAULT_effect_before_outcome);
	t->job = (struct commit_job){ .apply = turn_apply, .done = turn_done, .low = true };
	n->turn_out = committer_submit(n->committer, &t->job);
	if (n->turn_out)
		return;
	if (!t->recovers)
		unload_turn(n);
	n->retry_ms = mono_ms + FULL_MS;
}

static void ended(struct notifier *n, struct flight *f)
{
	if (f->is_late)
		LOG_EVENT(effect_late, STR_NONE, L_INT(f->view.id), L_C(f->kind->name), L_INT(f->view.attempts));
	else
		watch_attempt(f);
	lane_written(notifier_lane(n, f));
	notifier_free(n, f);
}

static void begin(struct notifier *n, struct flight *f)
{
	struct token_given given;
	bool is_met = notifier_needs_met(n, f->kind, &given);
	n->under_way++;
	if (n->node != NULL && n->node->self(n->node->ctx) != f->view.owner) { /* asked now: since the mark this process may have stood still */
		flight_keep_back(f, "lease_over");
		return;
	}
	if (!is_met) { /* it was there when this was picked */
		flight_keep_back(f, "no_token");
		return;
	}
	flight_begin(f, n->http, n->config, &given, n->time.wall_ms);
	fault_die(FAULT_effect_after_send);
}

static int doubled(int room)
{
	return 2 * room < TURN_MAX ? 2 * room : TURN_MAX;
}

/* Others took some of it. One that took nothing at all breathes before it asks again. */
static void schedule_is_old(struct notifier *n, int64_t mono_ms)
{
	int marked = 0;
	for (int i = 0; i < n->turn.mark_count; i++)
		marked += n->turn.marks[i]->marked;
	atomic_store(&n->news, true);
	if (marked == 0)
		n->retry_ms = mono_ms + FULL_MS;
}

static void turn_kept(struct notifier *n, int64_t mono_ms)
{
	struct turn *t = &n->turn;
	n->solo -= n->solo > 0;
	if (t->recovers) {
		n->recovered = t->recovered_all;
		t->recover_after = t->recover_at;
		t->recover_max = doubled(t->recover_max);
		if (t->recovered > 0)
			LOG_EVENT(effects_recovered, STR_NONE, L_INT(t->recovered));
		return;
	}
	n->turn_room = doubled(n->turn_room);
	if (t->end_count > 0)
		fault_die(FAULT_effect_after_outcome);
	if (t->mark_count > 0)
		fault_die(FAULT_effect_after_mark);
	for (int i = 0; i < t->end_count; i++)
		ended(n, t->ends[i]);
	if (t->fell_short)
		schedule_is_old(n, mono_ms);
	for (int i = 0; i < t->mark_count; i++) {
		struct flight *f = t->marks[i];
		if (f->marked) {
			begin(n, f);
		} else {
			if (f->view.id != 0 && f->view.state == EFFECT_FAILED)
				watch_expired(&f->view);
			lane_untake(notifier_lane(n, f));
			notifier_free(n, f);
		}
	}
}

/* Which of them it was shows alone. One that cannot be settled whatever is tried, because of what should follow from it, must not stop the others:
 * it stays `sending`, and the next start tries again. */
static void recovery_failed(struct notifier *n, bool again, int64_t mono_ms)
{
	struct turn *t = &n->turn;
	if (again)
		n->retry_ms = mono_ms + RETRY_MS;
	else if (t->recover_max > 1)
		t->recover_max = 1;
	else
		t->recover_after = t->recover_at;
}

/* The one part of a turn is left alone for a while; the store gets time if it was that. */
static void part_failed(struct notifier *n, bool again, int64_t mono_ms)
{
	struct turn *t = &n->turn;
	if (again)
		n->retry_ms = mono_ms + RETRY_MS;
	if (t->end_count == 1) {
		flights_push(again ? &n->landed : &n->stuck, flights_pop(&n->landed));
	} else if (again) {
		flights_push(&n->picked, flights_pop(&n->picked));
	} else {
		struct flight *f = flights_pop(&n->picked); /* its row is as it was */
		lane_untake(notifier_lane(n, f));
		notifier_free(n, f);
	}
}

static void turn_failed(struct notifier *n, int64_t mono_ms)
{
	struct turn *t = &n->turn;
	bool again = fail_row(t->job.why.code)->again && t->job.why.code != FAIL_INTERNAL; /* the store, not the part */
	int parts = t->end_count + t->mark_count;
	log_fail(STR_NONE, &t->job.why);
	if (t->recovers) {
		recovery_failed(n, again, mono_ms);
		return;
	}
	unload_turn(n);
	if (parts > 1 && n->solo == 0) {
		n->solo = parts; /* each is tried alone */
		return;
	}
	n->solo -= n->solo > 0;
	part_failed(n, again, mono_ms);
}

void notifier_turn_home(struct notifier *n, int64_t mono_ms)
{
	n->turn_out = false;
	if (n->turn.job.committed)
		turn_kept(n, mono_ms);
	else
		turn_failed(n, mono_ms);
}
