/* notify/notifier.c - why this exists: somebody has to say what goes out next, how much of it at once, and what came of it, and be able to die at
 * any line of it without anything being lost or silently done twice.
 *
 * An effect's way: a window (due) -> picked -> turn (marked as sending) -> the transport -> landed (judged) -> turn (its outcome). */
#include "notify/notifier.h"

#include "notify/notifier_inside.h"
#include "notify/watch.h"

#include <assert.h>
#include <stdlib.h>

enum {
	POLL_MS = 60000,           /* news is a hint; this is the net below it */
	POLL_SHARED_MS = 1000,     /* and this where other nodes write, whose news may come or not */
	ESTATE_MS = 10000,         /* how often somebody looks for what the dead left: a mark may have been committed after its node's end */
	RETRY_MS = 1000,           /* after the store said no */
	WATCH_MS = 5000,           /* how often gauges are set */
};

/* ---- made and dropped ---- */

static int by_priority(const void *a, const void *b)
{
	const struct effect_kind *one = *(const struct effect_kind *const *)a, *two = *(const struct effect_kind *const *)b;
	return one->priority != two->priority ? (one->priority > two->priority) - (one->priority < two->priority) : (one > two) - (one < two);
}

/* Questions first: whoever is asked about has waited longer, and holds its subject's turn. */
static void make_windows(struct notifier *n)
{
	const struct effect_kind *order[EFFECT_KINDS];
	for (int i = 0; i < EFFECT_KINDS; i++)
		order[i] = &effect_kinds[i];
	qsort(order, EFFECT_KINDS, sizeof order[0], by_priority);
	for (int i = 0; i < EFFECT_KINDS; i++) {
		n->windows[2 * i] = (struct window){ .kind = order[i]->number, .of = WINDOW_ASK, .stale = true };
		n->windows[2 * i + 1] = (struct window){ .kind = order[i]->number, .of = WINDOW_DUE, .stale = true };
	}
}

static bool make_pool(struct notifier *n, struct fail *why)
{
	for (int i = 0; i < ACCOUNTS; i++)
		if (account_is_configured((enum account)i))
			n->pool_count += 2 * (size_t)account_settings((enum account)i)->in_flight; /* lane.h: in flight, and unwritten */
	n->pool = calloc(n->pool_count > 0 ? n->pool_count : 1, sizeof *n->pool);
	if (n->pool == NULL)
		return FAILS(why, MEMORY, "%zu calls in flight", n->pool_count);
	for (size_t i = 0; i < n->pool_count; i++) {
		arena_init(&n->pool[i].arena, FLIGHT_ARENA_MAX);
		flights_push(&n->idle, &n->pool[i]);
	}
	return true;
}

static void bring_home(void *ctx)
{
	struct notifier *n = ctx;
	n->wake(n->wake_ctx);
}

struct notifier *notifier_make(struct store *s, struct committer *committer, const struct config *c, struct transport *http, void (*wake)(void *ctx),
			       void *wake_ctx, struct fail *why)
{
	struct notifier *n = calloc(1, sizeof *n);
	if (n == NULL) {
		FAILS(why, MEMORY, "the notifier");
		return NULL;
	}
	n->committer = committer;
	n->config = c;
	n->http = http;
	n->wake = wake;
	n->wake_ctx = wake_ctx;
	flights_init(&n->idle);
	flights_init(&n->picked);
	flights_init(&n->fresh);
	flights_init(&n->landed);
	flights_init(&n->stuck);
	n->turn.recover_max = n->turn_room = TURN_FIRST;
	for (int i = 0; i < ACCOUNTS; i++)
		lane_init(&n->lanes[i], account_settings((enum account)i), 0);
	mailbox_init(&n->home, 0, bring_home, n);
	make_windows(n);
	watch_names();
	if (make_pool(n, why) && (n->reader = store_reader(s, 0, why)) != NULL)
		return n;
	notifier_drop(n);
	return NULL;
}

void notifier_needs(struct notifier *n, const struct needs_source *source)
{
	n->needs = source;
}

void notifier_node(struct notifier *n, const struct node_source *source)
{
	n->node = source;
}

void notifier_takeover(struct notifier *n)
{
	atomic_store(&n->takeover, true);
	n->wake(n->wake_ctx);
}

void notifier_news(struct notifier *n)
{
	atomic_store(&n->news, true);
	n->wake(n->wake_ctx);
}

bool notifier_quiet(struct notifier *n)
{
	n->is_quiet = true;
	return !n->turn_out && n->under_way == 0 && n->picked.count + n->fresh.count + n->landed.count == 0;
}

void notifier_drop(struct notifier *n)
{
	(void)mailbox_take(&n->home);
	mailbox_drop(&n->home);
	for (size_t i = 0; n->pool != NULL && i < n->pool_count; i++)
		arena_free(&n->pool[i].arena);
	if (n->reader != NULL)
		connection_close(n->reader);
	free(n->pool);
	free(n);
}

bool notifier_needs_met(struct notifier *n, const struct effect_kind *kind, struct token_given *out)
{
	*out = (struct token_given){ .number = 0 };
	return kind->needs == NEEDS_NOTHING || (n->needs != NULL && n->needs->get(n->needs->ctx, kind->needs, kind->account, out));
}

void notifier_free(struct notifier *n, struct flight *f)
{
	arena_reset(&f->arena);
	f->busy = false;
	flights_push_first(&n->idle, f); /* its memory is the warmest */
}

/* ---- picking ---- */

static bool read_stops(struct notifier *n, struct tx *tx, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT account FROM account_stop", why);
	if (q == NULL)
		return false;
	bool stopped[ACCOUNTS] = { false };
	enum account a;
	while (stmt_row(q, why))
		if (account_named(stmt_text(q, 0), &a))
			stopped[a] = true;
	if (why->code != FAIL_NONE)
		return false;
	for (int i = 0; i < ACCOUNTS; i++)
		n->lanes[i].is_stopped = stopped[i];
	n->stops_stale = false;
	return true;
}

/* Only between turns, with nothing picked: what the table says is due is then nowhere else. */
static bool read_schedule(struct notifier *n, int64_t mono_ms, struct fail *why)
{
	struct tx tx;
	bool begun = false, ok = true;
	/* a stop that is not committed yet would be taken for one that was lifted */
	if (n->stops_stale && n->landed.count == 0 && n->fresh.count == 0)
		ok = (begun = reader_begin(n->reader, &tx, why)) && read_stops(n, &tx, why);
	for (int i = 0; ok && i < 2 * EFFECT_KINDS; i++) {
		struct window *w = &n->windows[i];
		if (!window_wants_reading(w) || lane_room(&n->lanes[effect_kind_of(w->kind)->account], mono_ms) == 0)
			continue;
		ok = (begun || (begun = reader_begin(n->reader, &tx, why))) && window_read(w, &tx, why);
	}
	if (ok && mono_ms >= n->watch_ms) {
		n->watch_ms = mono_ms + WATCH_MS;
		ok = (begun || (begun = reader_begin(n->reader, &tx, why))) && watch_open(&tx, n->time.due_ms, why);
		watch_lanes(n->lanes);
	}
	reader_end(n->reader);
	return ok;
}

/* A question that is on its way is `sending` in the table all the while. */
static bool is_asking(const struct notifier *n, int64_t id)
{
	for (size_t i = 0; i < n->pool_count; i++)
		if (n->pool[i].busy && n->pool[i].is_ask && n->pool[i].id == id)
			return true;
	return false;
}

static void pick_from(struct notifier *n, struct window *w, int64_t mono_ms)
{
	const struct effect_kind *kind = effect_kind_of(w->kind);
	struct lane *l = &n->lanes[kind->account];
	struct token_given given;
	int64_t id;
	if (window_due_ms(w) > n->time.due_ms || lane_room(l, mono_ms) == 0 || !notifier_needs_met(n, kind, &given))
		return;
	while (n->picked.count < TURN_MAX && lane_room(l, mono_ms) > 0 && window_next(w, n->time.due_ms, &id)) {
		if (w->of == WINDOW_ASK && is_asking(n, id))
			continue;
		struct flight *f = flights_pop(&n->idle);
		assert(f != NULL); /* there is one for each that a lane has room for */
		f->id = id;
		f->kind = kind;
		f->is_ask = w->of == WINDOW_ASK;
		f->owner = n;
		f->landed = notifier_landed;
		f->busy = true;
		lane_take(l);
		flights_push(&n->picked, f);
	}
}

static void plan(struct notifier *n, int64_t mono_ms)
{
	struct fail why;
	fail_clear(&why);
	if (mono_ms >= n->poll_ms) {
		n->poll_ms = mono_ms + (n->node != NULL ? POLL_SHARED_MS : POLL_MS);
		atomic_store(&n->news, true);
	}
	if (mono_ms >= n->stuck_ms) {
		n->stuck_ms = mono_ms + POLL_MS;
		for (struct flight *f; (f = flights_pop(&n->stuck)) != NULL;)
			flights_push(&n->landed, f);
	}
	if (atomic_exchange(&n->news, false)) {
		n->stops_stale = true;
		for (int i = 0; i < 2 * EFFECT_KINDS; i++)
			n->windows[i].stale = true;
	}
	for (int i = 0; i < ACCOUNTS && n->node != NULL; i++)
		lane_share(&n->lanes[i], n->node->alive(n->node->ctx));
	if (!read_schedule(n, mono_ms, &why)) {
		log_fail(STR_NONE, &why);
		n->retry_ms = mono_ms + RETRY_MS;
		return;
	}
	for (int i = 0; i < 2 * EFFECT_KINDS; i++)
		pick_from(n, &n->windows[i], mono_ms);
}

/* ---- the step ---- */

/* Nothing new is begun; what is marked goes its way. */
static void put_back(struct notifier *n)
{
	for (struct flight *f; (f = flights_pop(&n->picked)) != NULL;) {
		lane_untake(notifier_lane(n, f));
		notifier_free(n, f);
	}
}

static bool may_begin(const struct notifier *n)
{
	return !n->is_quiet && (n->node == NULL || n->self > 0);
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t window_wake_ms(struct notifier *n, const struct window *w, int64_t mono_ms)
{
	const struct effect_kind *kind = effect_kind_of(w->kind);
	struct token_given given;
	int64_t room_ms = lane_wake_ms(&n->lanes[kind->account], mono_ms), due_ms = window_due_ms(w);
	if (room_ms == INT64_MAX)
		return INT64_MAX;
	if (window_wants_reading(w))
		return room_ms;
	if (due_ms == INT64_MAX || (due_ms <= n->time.due_ms && !notifier_needs_met(n, kind, &given)))
		return INT64_MAX;
	int64_t at = due_ms > n->time.due_ms ? mono_ms + (due_ms - n->time.due_ms) : mono_ms;
	return at > room_ms ? at : room_ms;
}

static int64_t wake_ms(struct notifier *n, int64_t mono_ms)
{
	if (n->turn_out)
		return INT64_MAX; /* it wakes us when it comes home */
	if (!n->recovered || n->landed.count + n->picked.count > 0)
		return n->retry_ms > mono_ms ? n->retry_ms : mono_ms;
	if (n->is_quiet)
		return INT64_MAX;
	if (!may_begin(n))
		return mono_ms + RETRY_MS;
	int64_t at = sooner(n->poll_ms, n->watch_ms);
	for (int i = 0; i < 2 * EFFECT_KINDS; i++)
		at = sooner(at, window_wake_ms(n, &n->windows[i], mono_ms));
	return at > n->retry_ms ? at : n->retry_ms;
}

/* What the dead left is looked for as after a start. */
static void see_nodes(struct notifier *n, int64_t mono_ms)
{
	if (n->node == NULL)
		return;
	n->self = n->node->self(n->node->ctx);
	if (!n->recovered || n->turn_out || n->is_quiet || (!atomic_exchange(&n->takeover, false) && mono_ms < n->estate_ms))
		return;
	n->estate_ms = mono_ms + ESTATE_MS;
	n->recovered = false;
	n->turn.recover_after = 0;
}

int64_t notifier_step(struct notifier *n, int64_t wall_ms, int64_t mono_ms)
{
	int64_t jump = timing_step(&n->time, wall_ms, mono_ms);
	if (jump != 0)
		LOG_EVENT(clock_jumped, STR_NONE, L_INT(jump));
	if (n->turn_out && mailbox_take(&n->home) != NULL)
		notifier_turn_home(n, mono_ms);
	notifier_think(n, mono_ms);
	see_nodes(n, mono_ms);
	if (!may_begin(n) && !n->turn_out)
		put_back(n);
	if (!n->turn_out && mono_ms >= n->retry_ms) {
		if (n->recovered && may_begin(n) && n->picked.count == 0)
			plan(n, mono_ms);
		notifier_submit(n, mono_ms);
	}
	return wake_ms(n, mono_ms);
}
