/* Goal: several nodes on one PostgreSQL do each effect once and in its subject's order; what a dead one had begun is settled by the kinds' crash rules; and one
 * that was only thought dead writes over nobody.
 * Method: two notifiers, each with a store, writers and a transport of its own, in threads of their own or stepped by hand; the receiver is one, and counts. */
#include "postgres_server.h"

#include "notify_world.h"

#include "base/clock.h"
#include "notify/effect_act.h"
#include "store/node.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

enum { NODES = 2, EFFECTS = 240, SUBJECTS = 12, GATE_MAX = 512, PATIENCE_MS = 60000, CLAIMERS = 8 };

struct gate {
	struct transport transport; /* first */
	struct transport_job *open[GATE_MAX];
	int count, sent;
};

struct node {
	struct notify_world w;       /* for its fixture and configuration */
	struct gate gate;
	struct node_source source;
	_Atomic int64_t self;
	bool stands_still;           /* from each mark's commit on, until its end is written */
	struct node_life life;
	pthread_t thread;
};

static struct node nodes[NODES];
static char url[256];
static atomic_bool stop;

/* The receiver, in the order in which it was told. */
static pthread_mutex_t receiver = PTHREAD_MUTEX_INITIALIZER;
static struct { char key[EFFECT_KEY_BYTES]; } deeds[8192];
static int deed_count;

static void gate_begin(struct transport *t, struct transport_job *job)
{
	struct gate *g = (struct gate *)t;
	assert_true(g->count < GATE_MAX);
	g->open[g->count++] = job;
	g->sent++;
}

static int deeds_of(const char *key)
{
	int n = 0;
	pthread_mutex_lock(&receiver);
	for (int i = 0; i < deed_count; i++)
		n += strcmp(deeds[i].key, key) == 0;
	pthread_mutex_unlock(&receiver);
	return n;
}

static void answer_all(struct gate *g)
{
	while (g->count > 0) {
		struct transport_job *job = g->open[--g->count];
		bool is_query = job->call.method == METHOD_GET;
		char key[EFFECT_KEY_BYTES];
		peer_key(job, key);
		int status = is_query && deeds_of(key) == 0 ? 404 : 200;
		if (!is_query) {
			pthread_mutex_lock(&receiver);
			memcpy(deeds[deed_count++].key, key, sizeof key);
			pthread_mutex_unlock(&receiver);
		}
		job->answer = (struct http_answer){ .end = HTTP_ANSWERED, .status = status, .body = STR("{\"Code\":\"OK\",\"BizId\":\"1^0\"}") };
		job->done(job);
	}
}

static struct notify_world *first(void)
{
	return &nodes[0].w;
}

static int64_t number(const char *sql)
{
	return fixture_number(&first()->f, sql);
}

static int64_t self_of(void *ctx)
{
	struct node *n = ctx;
	return n->stands_still && number("SELECT count(*) FROM effect WHERE state = 2") > 0 ? 0 : atomic_load(&n->self);
}

static int two(void *ctx)
{
	(void)ctx;
	return NODES;
}

static void nobody_waits(void *ctx)
{
	(void)ctx;
}

static void begin_life(struct node *n)
{
	snprintf(n->life.home, sizeof n->life.home, "%s", n->w.f.folder);
	n->life.lease_ms = 15000;
	n->life.now_ms = clock_wall_ms();
	FIXTURE_OK(&n->w.f, store_write(n->w.f.store, node_begin, &n->life, &n->w.f.why));
	atomic_store(&n->self, n->life.id);
}

static void end_life(struct node *by, const struct node *n)
{
	struct node_life l = n->life;
	l.now_ms = clock_wall_ms();
	FIXTURE_OK(&by->w.f, store_write(by->w.f.store, node_end, &l, &by->w.f.why));
}

static void node_serve(struct node *n)
{
	struct fixture *f = &n->w.f;
	FIXTURE_OK(f, (n->w.committer = committer_start(f->store, &f->config, &f->why)) != NULL);
	FIXTURE_OK(f, (n->w.n = notifier_make(f->store, n->w.committer, &f->config, &n->gate.transport, nobody_waits, NULL, &f->why)) != NULL);
	n->source = (struct node_source){ self_of, two, n };
	notifier_node(n->w.n, &n->source);
	begin_life(n);
}

static void node_open(struct node *n, bool is_first)
{
	memset(n, 0, sizeof *n);
	n->gate.transport.begin = gate_begin;
	if (is_first)
		fixture_make_at(&n->w.f, url, NULL);
	else
		fixture_folder(&n->w.f);
	world_configure(&n->w);
	strcpy(n->w.f.config.store_url, url);
	n->w.f.config.store_pool = 4;
	if (!is_first)
		FIXTURE_OK(&n->w.f, fixture_open(&n->w.f, STORE_SERVE));
	if (is_first)
		FIXTURE_OK(&n->w.f, keyring_open(&n->w.f.config, true, &n->w.f.why) && accounts_open(&n->w.f.config, &n->w.f.why));
	node_serve(n);
}

static int make(void **state)
{
	char name[32];
	(void)state;
	postgres_database(NULL, name);
	postgres_url_as("siban", name, url);
	deed_count = 0;
	atomic_store(&stop, false);
	for (int i = 0; i < NODES; i++)
		node_open(&nodes[i], i == 0);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	for (int i = 0; i < NODES; i++) {
		committer_stop(nodes[i].w.committer);
		notifier_drop(nodes[i].w.n);
		fixture_drop(&nodes[i].w.f);
	}
	accounts_close();
	keyring_close();
	return 0;
}

static int64_t add(int32_t kind, const char *subject)
{
	struct notify_world *w = first();
	w->wall_ms = clock_wall_ms();
	return world_add(w, kind, subject);
}

static void step(struct node *n)
{
	(void)notifier_step(n->w.n, clock_wall_ms(), clock_mono_ms());
}

static void *run(void *ctx)
{
	struct node *n = ctx;
	while (!atomic_load(&stop)) {
		step(n);
		answer_all(&n->gate);
		poll(NULL, 0, 1);
	}
	return NULL;
}

#define UNTIL(condition, ...) \
	do { \
		for (int64_t end_ms = clock_mono_ms() + PATIENCE_MS; !(condition);) { \
			assert_true(clock_mono_ms() < end_ms); \
			__VA_ARGS__; \
			poll(NULL, 0, 2); \
		} \
	} while (0)

/* ---- both at once ---- */

static int first_deed(int64_t id)
{
	char key[EFFECT_KEY_BYTES];
	effect_key_text(world_get(first(), id).key, key);
	for (int i = 0; i < deed_count; i++)
		if (strcmp(deeds[i].key, key) == 0)
			return i;
	return -1;
}

static void each_once_and_in_order(void **state)
{
	static const int32_t kinds[] = { KIND_webhook, KIND_sms_aliyun };
	static int64_t ids[EFFECTS];
	int last[SUBJECTS];
	(void)state;
	for (int i = 0; i < EFFECTS; i++) {
		char subject[16] = "";
		if (i % 2 == 0)
			snprintf(subject, sizeof subject, "s%d", i / 2 % SUBJECTS);
		ids[i] = add(kinds[i % 2], subject);
	}
	for (int i = 0; i < NODES; i++)
		assert_int_equal(pthread_create(&nodes[i].thread, NULL, run, &nodes[i]), 0);
	UNTIL(number("SELECT count(*) FROM effect WHERE state = 3") == EFFECTS, poll(NULL, 0, 20));
	atomic_store(&stop, true);
	for (int i = 0; i < NODES; i++)
		pthread_join(nodes[i].thread, NULL);
	assert_int_equal(deed_count, EFFECTS);
	for (int i = 0; i < NODES; i++)
		assert_true(nodes[i].gate.sent > EFFECTS / 10);
	memset(last, -1, sizeof last);
	for (int i = 0; i < EFFECTS; i++) {
		int at = first_deed(ids[i]);
		assert_true(at >= 0);
		if (i % 2 == 0) {
			assert_true(at > last[i / 2 % SUBJECTS]);
			last[i / 2 % SUBJECTS] = at;
		}
	}
	assert_int_equal(number("SELECT count(*) FROM effect WHERE owner <> 0 OR attempts <> 1"), 0);
	world_invariants(first());
}

/* ---- the claim alone ---- */

struct claimer {
	struct node *node;
	pthread_t thread;
	int64_t got[EFFECTS];
	int count;
	bool failed;
	struct commit_job job;
	_Atomic bool is_back;
	int64_t ids[7];
	int taken;
};

static bool claim(struct commit_job *job, struct tx *tx, struct fail *why)
{
	struct claimer *c = CONTAINER(job, struct claimer, job);
	static _Thread_local struct arena a;
	arena_init(&a, 1 << 20);
	bool ok = effect_free(tx, KIND_webhook, false, INT64_MAX / 2, 7, c->ids, &c->taken, why);
	for (int i = 0; ok && i < c->taken; i++) {
		struct effect_view e;
		struct str sealed;
		bool marked = false;
		ok = effect_mark(tx, c->ids[i], c->node->life.id, 1, 0, &e, &sealed, &a, &marked, why) && (marked || FAILS(why, INTERNAL, "held and not ours"));
	}
	arena_free(&a);
	return ok;
}

static void claimed(struct commit_job *job)
{
	atomic_store(&CONTAINER(job, struct claimer, job)->is_back, true);
}

static void *claim_all(void *ctx)
{
	struct claimer *c = ctx;
	for (int empty = 0; empty < 3 && !c->failed;) {
		c->job = (struct commit_job){ .apply = claim, .done = claimed };
		atomic_store(&c->is_back, false);
		if (!committer_submit(c->node->w.committer, &c->job))
			c->failed = true;
		while (!c->failed && !atomic_load(&c->is_back))
			poll(NULL, 0, 1);
		c->failed = c->failed || !c->job.committed;
		for (int i = 0; i < c->taken && !c->failed; i++)
			c->got[c->count++] = c->ids[i];
		empty += c->taken == 0;
	}
	return NULL;
}

static void none_is_claimed_twice(void **state)
{
	static struct claimer claimers[NODES * CLAIMERS];
	static bool seen[EFFECTS + 1];
	int total = 0;
	(void)state;
	for (int i = 0; i < EFFECTS; i++)
		(void)add(KIND_webhook, "");
	for (int i = 0; i < NODES * CLAIMERS; i++) {
		claimers[i] = (struct claimer){ .node = &nodes[i % NODES] };
		assert_int_equal(pthread_create(&claimers[i].thread, NULL, claim_all, &claimers[i]), 0);
	}
	for (int i = 0; i < NODES * CLAIMERS; i++) {
		pthread_join(claimers[i].thread, NULL);
		assert_false(claimers[i].failed);
		for (int k = 0; k < claimers[i].count; k++, total++) {
			assert_in_range(claimers[i].got[k], 1, EFFECTS);
			assert_false(seen[claimers[i].got[k]]);
			seen[claimers[i].got[k]] = true;
		}
	}
	assert_int_equal(total, EFFECTS);
	assert_int_equal(number("SELECT count(*) FROM effect WHERE state = 2 AND attempts = 1 AND owner > 0"), EFFECTS);
}

/* ---- a death, and a life that was thought over ---- */

static void settle(struct node *n)
{
	for (int i = 0; i < 60; i++) {
		step(n);
		answer_all(&n->gate);
		poll(NULL, 0, 5);
	}
}

static void the_dead_are_settled(void **state)
{
	struct node *a = &nodes[0], *b = &nodes[1];
	(void)state;
	int64_t hook = add(KIND_webhook, "h"), next = add(KIND_webhook, "h"), sms = add(KIND_sms_aliyun, ""), probe = add(KIND_probe, "");
	UNTIL(a->gate.count == 3, step(a)); /* the call is out, and nothing more is heard of a */
	assert_int_equal(number("SELECT count(*) FROM effect WHERE state = 2 AND owner = 1"), 3);
	settle(b);
	assert_int_equal(b->gate.sent, 0); /* it lives, as far as anybody knows */
	end_life(b, a);
	notifier_takeover(b->w.n);
	UNTIL(number("SELECT count(*) FROM effect WHERE state IN (1, 2)") == 0, step(b); answer_all(&b->gate));
	world_is(first(), hook, EFFECT_DONE);
	world_is(first(), next, EFFECT_DONE);
	world_is(first(), sms, EFFECT_UNKNOWN);
	world_is(first(), probe, EFFECT_DONE);
	assert_int_equal(world_get(first(), hook).attempts, 2);
	struct effect_view before[] = { world_get(first(), hook), world_get(first(), sms), world_get(first(), probe) };

	/* a was only standing still: its calls end now, with whatever answer, and it writes them down */
	answer_all(&a->gate);
	settle(a);
	struct effect_view after[] = { world_get(first(), hook), world_get(first(), sms), world_get(first(), probe) };
	for (int i = 0; i < 3; i++) {
		assert_int_equal(after[i].state, before[i].state);
		assert_int_equal(after[i].attempts, before[i].attempts);
		assert_int_equal(after[i].changed_ms, before[i].changed_ms);
	}
	world_invariants(first());

	begin_life(a); /* and goes on under a new number */
	int64_t more = add(KIND_webhook, "");
	notifier_news(a->w.n);
	UNTIL(world_get(first(), more).state == EFFECT_DONE, step(a); answer_all(&a->gate));
	world_invariants(first());
}

/* Its failures come late: the attempt's row is the other's to write. */
static void a_late_failure(void **state)
{
	struct node *a = &nodes[0], *b = &nodes[1];
	(void)state;
	int64_t hook = add(KIND_webhook, ""), sms = add(KIND_sms_aliyun, "");
	UNTIL(a->gate.count == 2, step(a));
	end_life(b, a);
	notifier_takeover(b->w.n);
	UNTIL(number("SELECT count(*) FROM effect WHERE state IN (1, 2)") == 0, step(b); answer_all(&b->gate));
	while (a->gate.count > 0) {
		struct transport_job *job = a->gate.open[--a->gate.count];
		job->answer = (struct http_answer){ .end = HTTP_UNCLEAR };
		job->done(job);
	}
	settle(a);
	world_is(first(), hook, EFFECT_DONE);
	world_is(first(), sms, EFFECT_UNKNOWN);
	assert_int_equal(number("SELECT count(*) FROM effect_attempt"), 2);
	world_invariants(first());
}

/* It stood still between the mark and the call: then nothing leaves any more. */
static void who_may_be_thought_dead_sends_nothing(void **state)
{
	struct node *a = &nodes[0], *b = &nodes[1];
	(void)state;
	int64_t hook = add(KIND_webhook, "");
	a->stands_still = true;
	UNTIL(world_get(first(), hook).attempts >= 2, step(a));
	atomic_store(&a->self, 0);
	settle(a);
	assert_int_equal(a->gate.sent, 0);
	world_is(first(), hook, EFFECT_DUE); /* nobody had taken it: it is anybody's, at once */
	assert_int_equal(world_get(first(), hook).rung, 0);
	UNTIL(world_get(first(), hook).state == EFFECT_DONE, step(b); answer_all(&b->gate));
	assert_int_equal(a->gate.sent, 0);
	world_invariants(first());
}

/* The provider's word to one is a row for all; so is the operator's. */
static void a_stop_reaches_all(void **state)
{
	struct node *a = &nodes[0], *b = &nodes[1];
	struct effect_act resume = { .what = EFFECT_RESUME, .account = ACCOUNT_sms_aliyun };
	(void)state;
	settle(b);
	int64_t poor = add(KIND_sms_aliyun, "");
	UNTIL(a->gate.count == 1, step(a));
	struct transport_job *job = a->gate.open[--a->gate.count];
	job->answer = (struct http_answer){ .end = HTTP_ANSWERED, .status = 200, .body = STR("{\"Code\":\"isv.AMOUNT_NOT_ENOUGH\"}") };
	job->done(job);
	UNTIL(world_get(first(), poor).state == EFFECT_HELD, step(a));
	int64_t next = add(KIND_sms_aliyun, ""), hook = add(KIND_webhook, "");
	notifier_news(b->w.n);
	UNTIL(world_get(first(), hook).state == EFFECT_DONE, step(b); answer_all(&b->gate));
	settle(b);
	world_is(first(), next, EFFECT_DUE);
	resume.now_ms = clock_wall_ms();
	FIXTURE_OK(&a->w.f, store_write(a->w.f.store, effect_act_apply, &resume, &a->w.f.why)); /* through a's database: b is told by nobody, and looks each second */
	UNTIL(number("SELECT count(*) FROM effect WHERE state = 3 AND kind = 1") == 2, step(b); answer_all(&b->gate));
	world_is(first(), poor, EFFECT_DONE);
	world_invariants(first());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_once_and_in_order, make, drop), cmocka_unit_test_setup_teardown(none_is_claimed_twice, make, drop),
		cmocka_unit_test_setup_teardown(the_dead_are_settled, make, drop), cmocka_unit_test_setup_teardown(a_late_failure, make, drop),
		cmocka_unit_test_setup_teardown(who_may_be_thought_dead_sends_nothing, make, drop),
		cmocka_unit_test_setup_teardown(a_stop_reaches_all, make, drop),
	};
	return cmocka_run_group_tests(tests, postgres_server_start, postgres_server_stop);
}
