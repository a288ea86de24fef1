/* Goal: who beats lives, who is silent for his whole lease is dead, and whoever could not look says nothing of anybody.
 * Method: looks by hand, at times of our own, each as (time, count) of one other node with a lease of 10 s. Then what the rows say: a life, a beat, an end, and jobs that go from hand to hand. */
#include "store/node.h"
#include "store_fixture.h"

enum { LEASE = 10000 };
#define NEVER (-1)

/* ---- the watch ---- */

struct glance {
	int64_t at_ms, beat;
	bool is_dead;
};

static const struct {
	const char *name;
	struct glance looks[8];
} watches[] = {
	{ "who is seen first lives", { { 1000, 5, false }, { NEVER, 0, false } } },
	{ "who beats lives", { { 1000, 5, false }, { 4000, 6, false }, { 7000, 7, false }, { 10000, 8, false }, { 13000, 9, false }, { NEVER, 0, false } } },
	{ "silent for all but the whole lease", { { 1000, 5, false }, { 4000, 5, false }, { 7000, 5, false }, { 10999, 5, false }, { NEVER, 0, false } } },
	{ "silent for the whole lease", { { 1000, 5, false }, { 4000, 5, false }, { 7000, 5, false }, { 11000, 5, true }, { NEVER, 0, false } } },
	{ "a beat begins the lease anew", { { 1000, 5, false }, { 4000, 5, false }, { 8000, 6, false }, { 12000, 6, false }, { 16000, 6, false }, { 18000, 6, true }, { NEVER, 0, false } } },
	{ "who looks after a long pause has seen nothing", { { 1000, 5, false }, { 60000, 5, false }, { 64000, 5, false }, { 68000, 5, false }, { 70000, 5, true }, { NEVER, 0, false } } },
	{ "and one pause in the middle", { { 1000, 5, false }, { 5000, 5, false }, { 10100, 5, false }, { 14000, 5, false }, { 19000, 5, false }, { 20100, 5, true }, { NEVER, 0, false } } },
};

static void who_is_dead(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof watches / sizeof watches[0]; i++) {
		struct node_watch w = { .count = 0 };
		for (const struct glance *g = watches[i].looks; g->at_ms != NEVER; g++) {
			struct node_seen n = { .id = 7, .beat = g->beat, .lease_ms = LEASE };
			if (node_watch_is_dead(&w, &n, g->at_ms) != g->is_dead)
				fail_msg("%s: at %lld", watches[i].name, (long long)g->at_ms);
			node_watch_saw(&w, &n, 1, g->at_ms);
		}
	}
}

/* ---- the rows ---- */

static struct fixture f;
static const char *const jobs[] = { "sweep", NULL, "seal" };

static int begin(void **state)
{
	(void)state;
	fixture_make(&f, NULL);
	return 0;
}

static int end(void **state)
{
	(void)state;
	fixture_drop(&f);
	return 0;
}

static struct node_life life(const char *home, const char *before, int64_t now_ms)
{
	struct node_life l = { .lease_ms = LEASE, .now_ms = now_ms, .jobs = jobs, .job_count = 3 };
	snprintf(l.home, sizeof l.home, "%s", home);
	snprintf(l.before, sizeof l.before, "%s", before);
	snprintf(l.host, sizeof l.host, "host");
	snprintf(l.version, sizeof l.version, "1");
	FIXTURE_OK(&f, store_write(f.store, node_begin, &l, &f.why));
	return l;
}

static struct node_round beat(const struct node_life *l, struct node_watch *w, int64_t mono_ms)
{
	static struct node_round r;
	r = (struct node_round){ .life = l, .watch = w, .now_ms = mono_ms, .mono_ms = mono_ms };
	FIXTURE_OK(&f, store_write(f.store, node_round, &r, &f.why));
	FIXTURE_OK(&f, store_write(f.store, node_round, &r, &f.why)); /* may be run again */
	if (!r.lost)
		node_watch_saw(w, r.seen, r.count, mono_ms);
	return r;
}

static bool bites(struct tx *tx, void *ctx, struct fail *why)
{
	bool ours;
	int64_t *owner = ctx;
	if (!node_job_bite(tx, "seal", *owner, 1, &ours, why))
		return false;
	*owner = ours;
	return true;
}

static bool may_bite(int64_t owner)
{
	FIXTURE_OK(&f, store_write(f.store, bites, &owner, &f.why));
	return owner == 1;
}

static void lives_and_jobs(void **state)
{
	(void)state;
	struct node_watch wa = { .count = 0 }, wb = { .count = 0 };
	struct node_life a = life("a", "", 1000), b = life("b", "", 1000);
	struct node_round r = beat(&a, &wa, 1000);
	assert_int_equal(r.count, 2);
	assert_int_equal(fixture_number(&f, "SELECT count(*) FROM job_lease WHERE owner = 1 AND name IN ('seal', 'sweep')"), 2);
	r = beat(&b, &wb, 1000);
	assert_int_equal(r.taken, 0);
	assert_true(may_bite(a.id));
	assert_false(may_bite(b.id));
	for (int64_t at = 4000; at < 11000; at += 3000)
		assert_int_equal(beat(&b, &wb, at).count, 2);
	r = beat(&b, &wb, 11500); /* a was silent */
	assert_int_equal(r.count, 1);
	assert_int_equal(fixture_number(&f, "SELECT count(*) FROM node WHERE ended_ms = 0"), 1);
	assert_int_equal(fixture_number(&f, "SELECT count(*) FROM job_lease WHERE owner = 2"), 2);
	assert_false(may_bite(a.id)); /* whenever it comes back */
	assert_true(may_bite(b.id));
	assert_true(beat(&a, &wa, 11600).lost);
	FIXTURE_OK(&f, store_write(f.store, node_end, &b, &f.why)); /* a clean stop gives everything back */
	struct node_life again = life("c", "", 12000);
	assert_true(again.id > b.id);
	assert_int_equal(beat(&again, &wa, 12000).count, 1);
	assert_true(may_bite(again.id));
}

static void one_life_per_folder(void **state)
{
	(void)state;
	struct node_watch w = { .count = 0 };
	struct node_life first = life("a", "", 1000), other = life("b", "", 1000), second = life("c", "a", 2000);
	assert_true(beat(&first, &w, 1000).lost);
	w.count = 0;
	assert_int_equal(beat(&second, &w, 1000).count, 2);
	w.count = 0;
	assert_false(beat(&other, &w, 1000).lost);
}

/* It beat between the look and the end. */
static void a_beat_saves(void **state)
{
	(void)state;
	struct node_watch w = { .count = 0 };
	struct node_life a = life("a", "", 1000), b = life("b", "", 1000);
	w.looked_ms = 19000;
	w.count = 1;
	w.at[0] = (struct node_seen){ .id = a.id, .beat = 0, .lease_ms = LEASE, .since_ms = 1 };
	FIXTURE_OK(&f, store_write(f.store, node_round, &(struct node_round){ .life = &a, .watch = &(struct node_watch){ .count = 0 } }, &f.why));
	assert_int_equal(beat(&b, &w, 20000).count, 2);
}

static void names_that_are_strange(void **state)
{
	(void)state;
	struct node_watch w = { .count = 0 };
	FIXTURE_OK(&f, store_write(f.store, fixture_run_script, (void *)(uintptr_t)"INSERT INTO job_lease (name, owner, taken_ms, last_ms, bites) VALUES ('of tomorrow', 0, 0, 0, 0);", &f.why));
	struct node_life a = life("a", "", 1000);
	(void)beat(&a, &w, 1000);
	assert_int_equal(fixture_number(&f, "SELECT count(*) FROM job_lease WHERE owner = 0"), 1); /* a newer node will know it */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_dead),
		cmocka_unit_test_setup_teardown(lives_and_jobs, begin, end), cmocka_unit_test_setup_teardown(one_life_per_folder, begin, end),
		cmocka_unit_test_setup_teardown(a_beat_saves, begin, end), cmocka_unit_test_setup_teardown(names_that_are_strange, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
