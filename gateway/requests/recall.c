/* gateway/requests/recall.c - a task's batches of the expiring store, before its work and after its COMMIT: memory answers at once, Redis while the task is away.
 *
 * Whoever repeats a request whose first went all the way recalls nothing: it would count, or spend a code, a second time.
 * What ends AWAY follows its row of keys.def here, so that no handler can forget it: REFUSE is 503 try_later. A handler sees AWAY only for classes
 * that ask the database instead. */
#include "base/ids.h"
#include "gateway/gateway.h"
#include "gateway/requests/task.h"
#include "store/expiring.h"
#include <assert.h>

enum { TRY_LATER_S = 2 };

/* About 10 KiB, so only for requests that recall. */
struct recalling {
	struct expiring_batch batch;
	struct task *task;
};

static void recalled(struct expiring_batch *b)
{
	task_home(CONTAINER(b, struct recalling, batch)->task);
}

static struct recalling *recalling_make(struct task *t)
{
	struct recalling *out = arena_alloc(&t->r.arena, sizeof(*out));
	if (out == NULL)
		return NULL;
	out->task = t;
	out->batch.count = 0;
	out->batch.all_or_nothing = false;
	out->batch.done = recalled;
	return out;
}

static enum step run(struct task *t, struct recalling *out)
{
	t->away = true;
	if (!expiring_run(t->loop->expiring, &out->batch))
		return STEP_AWAY;
	t->away = false;
	return STEP_ON;
}

enum step recall_begin(struct task *t)
{
	struct request *r = &t->r;
	bool is_repeated = false;
	if (t->has_key && (task_repeats(t, &is_repeated) == STEP_FAILED || is_repeated))
		return is_repeated ? STEP_ON : STEP_FAILED;
	struct recalling *out = recalling_make(t);
	if (out == NULL) {
		FAILS(&r->why, MEMORY, "a batch of the expiring store");
		return STEP_FAILED;
	}
	random_bytes(r->seed, sizeof(r->seed));
	if (!r->route->handler->recall(r, &out->batch, &r->why))
		return STEP_FAILED;
	if (out->batch.count == 0)
		return STEP_ON;
	t->recalling = out;
	return run(t, out);
}

bool recall_judge(struct task *t, struct fail *why)
{
	const struct expiring_batch *b = &t->recalling->batch;
	for (int i = 0; i < b->count; i++) {
		const struct key_row *row = key_row(b->op[i].class);
		if (b->op[i].end != EXPIRING_AWAY || row->away == KEY_AWAY_SQL)
			continue;
		why->retry_after_s = TRY_LATER_S;
		return FAILS(why, TRY_LATER, "the expiring store does not answer for %s", row->name);
	}
	return t->r.route->handler->recalled(&t->r, b, why);
}

/* What was recalled is judged by then: its memory serves again. */
enum step settle_begin(struct task *t)
{
	struct recalling *out = t->recalling != NULL ? t->recalling : recalling_make(t);
	if (out == NULL)
		return STEP_ON; /* a hint less: the count ends by itself */
	out->batch.count = 0;
	out->batch.all_or_nothing = false;
	t->r.route->handler->settle(&t->r, &out->batch);
	return out->batch.count > 0 ? run(t, out) : STEP_ON;
}
