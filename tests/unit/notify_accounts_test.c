/* Goal: an account is asked no more than it bears (calls under way, calls a second, outcomes not yet written), one that is dead or refuses us is left alone, and others go on.
 * Method: notifier and committer stepped by hand, a peer that counts, a clock of our own. */
#include "notify_world.h"

#include "base/metrics.h"
#include "notify/effect_act.h"

/* A call that is over frees its slot before its outcome is written; but when outcomes cannot be written, no more than twice the slots are called. */
static void unwritten_is_bounded(void **state)
{
	struct notify_world *w = *state;
	w->f.config.webhook_in_flight = 8;
	world_crash(w);
	FIXTURE_OK(&w->f, accounts_open(&w->f.config, &w->f.why));
	world_serve(w);
	for (int i = 0; i < 40; i++)
		(void)world_add(w, KIND_webhook, "");
	w->poison = EVERYBODY;
	world_settle(w);
	assert_int_equal(w->peer.deed_count, 16);
	assert_int_equal(fixture_number(&w->f, "SELECT count(*) FROM effect WHERE state = 2"), 16);
	assert_in_range(w->wake_ms, w->mono_ms + 1000, w->mono_ms + 60000); /* and it sleeps */
	w->poison = 0;
	world_pass(w, 61000);
	world_settle(w);
	assert_int_equal(w->peer.deed_count, 40);
	assert_int_equal(fixture_number(&w->f, "SELECT count(*) FROM effect WHERE state <> 3"), 0);
	world_invariants(w);
}

static void in_flight_is_bounded(void **state)
{
	struct notify_world *w = *state;
	w->f.config.webhook_in_flight = 8;
	world_crash(w);
	FIXTURE_OK(&w->f, accounts_open(&w->f.config, &w->f.why));
	world_serve(w);
	for (int i = 0; i < 30; i++)
		(void)world_add(w, KIND_webhook, "");
	for (int i = 0; i < 6; i++) {
		world_step(w);
		committer_step(w->committer);
	}
	assert_int_equal(w->peer.open_count, 8);
	peer_answer(&w->peer, 0);
	for (int i = 0; i < 6; i++) {
		world_step(w);
		committer_step(w->committer);
	}
	assert_int_equal(w->peer.open_count, 7); /* high water until the low: handfuls */
	peer_answer(&w->peer, 0);
	for (int i = 0; i < 6; i++) {
		world_step(w);
		committer_step(w->committer);
	}
	assert_int_equal(w->peer.open_count, 8);
	world_settle(w);
	assert_int_equal(w->peer.deed_count, 30);
}

static void calls_per_second(void **state)
{
	struct notify_world *w = *state;
	w->f.config.webhook_rate = 10;
	world_crash(w);
	FIXTURE_OK(&w->f, accounts_open(&w->f.config, &w->f.why));
	world_serve(w);
	for (int i = 0; i < 50; i++)
		(void)world_add(w, KIND_webhook, "");
	int64_t began = w->mono_ms;
	while (w->peer.deed_count < 50) {
		world_settle(w);
		int64_t wait = w->wake_ms - w->mono_ms;
		world_pass(w, wait > 0 && wait < 1000 ? wait : 1);
	}
	assert_in_range(w->mono_ms - began, 4500, 5200); /* fifty at ten a second, but for the first handful */
}

static void one_dead_provider(void **state)
{
	struct notify_world *w = *state;
	for (int i = 0; i < 600; i++)
		(void)world_add(w, KIND_webhook, "");
	for (int i = 0; i < 8; i++) { /* whoever answers nothing holds his own slots */
		world_step(w);
		committer_step(w->committer);
	}
	assert_int_equal(w->peer.open_count, 64);
	int64_t sms = world_add(w, KIND_sms_aliyun, "");
	for (int i = 0; i < 4; i++) {
		world_step(w);
		committer_step(w->committer);
	}
	assert_int_equal(world_calls(w, sms), 1);
	world_settle(w);
	assert_int_equal(w->peer.deed_count, 601);
}

static void breaker(void **state)
{
	struct notify_world *w = *state;
	for (int i = 0; i < 200; i++)
		(void)world_add(w, KIND_webhook, "");
	w->peer.mood = (struct peer_mood){ HTTP_ANSWERED, 503, false, "", NULL };
	world_settle(w);
	int calls = w->peer.call_count;
	assert_in_range(calls, 5, 64 + 64); /* those on their way, and then no more */
	for (int i = 0; i < 10; i++) {
		world_pass(w, 100);
		world_settle(w);
	}
	assert_int_equal(w->peer.call_count, calls);
	world_pass(w, 1100);
	world_settle(w);
	assert_int_equal(w->peer.call_count, calls + 1); /* one probe */
	world_pass(w, 3900);
	world_settle(w);
	assert_int_equal(w->peer.call_count, calls + 1); /* a probe that fails doubles the pause */
	w->peer.mood = mood_ok;
	world_pass(w, 200);
	world_settle(w);
	world_pass(w, 120000);
	world_settle(w);
	assert_int_equal(w->peer.deed_count, 200);
	world_invariants(w);
}

static void no_money(void **state)
{
	struct notify_world *w = *state;
	int64_t first = world_add(w, KIND_sms_aliyun, "");
	w->peer.mood = mood_no_money;
	world_settle(w);
	world_is(w, first, EFFECT_HELD);
	assert_int_equal(world_get(w, first).held_by, HELD_BY_ACCOUNT);
	w->peer.mood = mood_ok;
	int64_t second = world_add(w, KIND_sms_aliyun, ""), hook = world_add(w, KIND_webhook, "");
	world_settle(w);
	world_is(w, second, EFFECT_DUE);
	world_is(w, hook, EFFECT_DONE); /* another account */
	world_crash(w); /* a stop is not forgotten */
	world_serve(w);
	world_settle(w);
	world_is(w, second, EFFECT_DUE);
	struct effect_act act = { .what = EFFECT_RESUME, .account = ACCOUNT_sms_aliyun, .now_ms = w->wall_ms };
	FIXTURE_OK(&w->f, store_write(w->f.store, effect_act_apply, &act, &w->f.why));
	world_settle(w);
	world_is(w, first, EFFECT_DONE);
	world_is(w, second, EFFECT_DONE);
	assert_int_equal(world_deeds(w, first), 1);
	world_invariants(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_make, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(unwritten_is_bounded), TEST(in_flight_is_bounded), TEST(calls_per_second), TEST(one_dead_provider), TEST(breaker), TEST(no_money),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
