/* Goal: an effect is done, once where that can be had, in its subject's order, and whatever happens it is seen what became of
 * it; within its account's limits: notify_accounts_test.c. Method: notifier and committer stepped by hand, a peer that counts, a clock of our own. */
#include "notify_world.h"

#include "base/metrics.h"
#include "notify/effect_act.h"

static void is_done_once(void **state)
{
	struct notify_world *w = *state;
	int64_t sms = world_add(w, KIND_sms_aliyun, ""), hook = world_add(w, KIND_webhook, "");
	world_settle(w);
	world_is(w, sms, EFFECT_DONE);
	world_is(w, hook, EFFECT_DONE);
	assert_int_equal(world_calls(w, sms), 1);
	assert_int_equal(world_calls(w, hook), 1);
	assert_string_equal(world_get(w, sms).ref, "1^0");
	assert_int_equal(w->follows, 2);
	assert_int_equal(fixture_number(&w->f, "SELECT count(*) FROM effect WHERE done_ms >= due_ms AND due_ms >= made_ms AND attempts = 1"), 2);
	assert_true(w->wake_ms > w->mono_ms + 1000); /* and it sleeps */
	world_invariants(w);
}

static void nothing_leaves_before_the_mark(void **state)
{
	struct notify_world *w = *state;
	int64_t id = world_add(w, KIND_webhook, "");
	world_step(w);
	committer_step(w->committer); /* recovery: nothing was left */
	world_step(w);                /* the mark is with the committer */
	assert_int_equal(w->peer.call_count, 0);
	world_is(w, id, EFFECT_DUE);
	committer_step(w->committer);
	world_is(w, id, EFFECT_SENDING);
	assert_int_equal(w->peer.call_count, 0);
	world_step(w);
	assert_int_equal(w->peer.call_count, 1);
}

static void ladder(void **state)
{
	struct notify_world *w = *state;
	const struct effect_kind *kind = effect_kind_of(KIND_sms_aliyun);
	int64_t id = world_add(w, KIND_sms_aliyun, "");
	w->peer.mood = mood_dead;
	for (int n = 1; n <= kind->rungs; n++) {
		world_settle(w);
		assert_int_equal(world_calls(w, id), n);
		if (n == kind->rungs)
			break;
		world_is(w, id, EFFECT_DUE);
		world_pass(w, kind->wait_s[n - 1] * 1000 - 1);
		world_settle(w);
		assert_int_equal(world_calls(w, id), n); /* not a moment early */
		assert_in_range(w->wake_ms, w->mono_ms, w->mono_ms + 60000);
		world_pass(w, kind->wait_s[n - 1] * 1000 / 16 + 1);
	}
	world_is(w, id, EFFECT_FAILED);
	assert_int_equal(w->follows, 1);
	assert_string_equal(world_get(w, id).code, "not_sent");
	world_invariants(w);
}

static void expires(void **state)
{
	struct notify_world *w = *state;
	int64_t id = world_add(w, KIND_sms_aliyun, "");
	world_pass(w, effect_kind_of(KIND_sms_aliyun)->life_ms + 1000);
	world_settle(w);
	world_is(w, id, EFFECT_FAILED);
	assert_string_equal(world_get(w, id).code, "expired");
	assert_int_equal(world_calls(w, id), 0);
	assert_int_equal(w->follows, 1);
	world_invariants(w);
}

static void retry_after_is_honoured(void **state)
{
	struct notify_world *w = *state;
	int64_t id = world_add(w, KIND_webhook, "");
	w->peer.mood = (struct peer_mood){ HTTP_ANSWERED, 429, false, "", "100" };
	world_settle(w);
	w->peer.mood = mood_ok;
	int64_t other = world_add(w, KIND_webhook, "");
	world_pass(w, 99000);
	world_settle(w);
	assert_int_equal(world_calls(w, id), 1);
	assert_int_equal(world_calls(w, other), 0); /* it was said to the account */
	world_pass(w, 1001);
	world_settle(w);
	world_is(w, id, EFFECT_DONE);
	world_is(w, other, EFFECT_DONE);
}

/* ---- subjects ---- */

static void subjects_keep_their_order(void **state)
{
	struct notify_world *w = *state;
	int64_t ids[4];
	for (int i = 0; i < 4; i++)
		ids[i] = world_add(w, KIND_sms_aliyun, "case 1");
	int64_t stranger = world_add(w, KIND_sms_aliyun, "case 2");
	w->peer.mood = mood_dead;
	world_settle(w);
	assert_int_equal(world_calls(w, ids[0]), 1);
	assert_int_equal(world_calls(w, ids[1]), 0); /* though it is due */
	assert_int_equal(world_calls(w, stranger), 1);
	w->peer.mood = mood_ok;
	world_pass(w, 60000);
	world_settle(w);
	int last = -1;
	for (int i = 0; i < 4; i++) {
		char key[EFFECT_KEY_BYTES];
		world_is(w, ids[i], EFFECT_DONE);
		effect_key_text(world_get(w, ids[i]).key, key);
		int at = 0;
		while (strcmp(w->peer.deeds[at], key) != 0)
			at++;
		assert_true(at > last);
		last = at;
	}
	world_invariants(w);
}

static void after_a_failure(void **state)
{
	struct notify_world *w = *state;
	int64_t sms = world_add(w, KIND_sms_aliyun, "s"), next_sms = world_add(w, KIND_sms_aliyun, "s");
	int64_t hook = world_add(w, KIND_webhook, "h"), next_hook = world_add(w, KIND_webhook, "h"), third = world_add(w, KIND_webhook, "h");
	w->peer.mood = mood_refused;
	world_settle(w);
	world_is(w, sms, EFFECT_FAILED);
	world_is(w, next_sms, EFFECT_FAILED); /* PASS: it had its turn */
	world_is(w, hook, EFFECT_FAILED);
	world_is(w, next_hook, EFFECT_HELD); /* HOLD: and it is said why */
	assert_int_equal(world_get(w, next_hook).held_by, HELD_BY_SUBJECT);
	world_is(w, third, EFFECT_DUE);
	assert_int_equal(world_calls(w, third), 0);
	w->peer.mood = mood_ok;
	struct effect_act act = { .what = EFFECT_RELEASE, .id = next_hook, .now_ms = w->wall_ms };
	FIXTURE_OK(&w->f, store_write(w->f.store, effect_act_apply, &act, &w->f.why));
	world_settle(w);
	world_is(w, next_hook, EFFECT_DONE);
	world_is(w, third, EFFECT_DONE);
	world_invariants(w);
}

/* ---- crash rules ---- */

enum stop_at { AT_MARK, AT_MARKED, AT_SENT, AT_ACTED, AT_ANSWERED, AT_KEPT, STOPS };

/* Brings one effect to a point of its way and lets the process die there. */
static void die_at(struct notify_world *w, enum stop_at at)
{
	world_crash(w); /* from a fresh start, so that each row counts the same steps */
	world_serve(w);
	world_step(w);
	committer_step(w->committer);
	world_step(w);
	if (at >= AT_MARKED)
		committer_step(w->committer);
	if (at >= AT_SENT)
		world_step(w);
	if (at >= AT_ACTED)
		peer_answer_all(&w->peer);
	if (at >= AT_ANSWERED)
		world_step(w); /* its outcome is with the committer */
	if (at >= AT_KEPT)
		committer_step(w->committer);
	world_crash(w);
	world_serve(w);
}

static const struct { int32_t kind; enum stop_at at; enum effect_state want; int deeds, calls; } crashes[] = {
	{ KIND_webhook, AT_MARK, EFFECT_DONE, 1, 1 },
	{ KIND_webhook, AT_MARKED, EFFECT_DONE, 1, 1 },
	{ KIND_webhook, AT_SENT, EFFECT_DONE, 1, 2 },
	{ KIND_webhook, AT_ACTED, EFFECT_DONE, 2, 2 },        /* twice with one key: the receiver knows it */
	{ KIND_webhook, AT_ANSWERED, EFFECT_DONE, 2, 2 },
	{ KIND_webhook, AT_KEPT, EFFECT_DONE, 1, 1 },
	{ KIND_probe, AT_MARK, EFFECT_DONE, 1, 1 },
	{ KIND_probe, AT_MARKED, EFFECT_DONE, 1, 2 },         /* asked, unknown there, done */
	{ KIND_probe, AT_SENT, EFFECT_DONE, 1, 3 },
	{ KIND_probe, AT_ACTED, EFFECT_DONE, 1, 2 },          /* asked, done already */
	{ KIND_probe, AT_ANSWERED, EFFECT_DONE, 1, 2 },
	{ KIND_probe, AT_KEPT, EFFECT_DONE, 1, 1 },
	{ KIND_sms_aliyun, AT_MARK, EFFECT_DONE, 1, 1 },
	{ KIND_sms_aliyun, AT_MARKED, EFFECT_UNKNOWN, 0, 0 }, /* nobody can tell this one from the next */
	{ KIND_sms_aliyun, AT_SENT, EFFECT_UNKNOWN, 0, 1 },
	{ KIND_sms_aliyun, AT_ACTED, EFFECT_UNKNOWN, 1, 1 },
	{ KIND_sms_aliyun, AT_ANSWERED, EFFECT_UNKNOWN, 1, 1 },
	{ KIND_sms_aliyun, AT_KEPT, EFFECT_DONE, 1, 1 },
};

static void after_a_crash(void **state)
{
	struct notify_world *w = *state;
	for (size_t i = 0; i < sizeof crashes / sizeof crashes[0]; i++) {
		w->peer.call_count = w->peer.deed_count = 0;
		int64_t id = world_add(w, crashes[i].kind, "");
		die_at(w, crashes[i].at);
		for (int n = 0; n < 4; n++) {
			world_settle(w);
			world_pass(w, 10000);
		}
		struct effect_view e = world_get(w, id);
		if (e.state != crashes[i].want || world_deeds(w, id) != crashes[i].deeds || world_calls(w, id) != crashes[i].calls)
			fail_msg("row %zu: %s, %d deeds, %d calls", i, effect_state_name(e.state), world_deeds(w, id), world_calls(w, id));
		world_invariants(w);
	}
	/* each attempt that a death broke off is there, and says so */
	assert_int_equal(fixture_number(&w->f, "SELECT count(*) FROM effect_attempt WHERE code = 'crashed' AND verdict = 4 AND ended_ms IS NULL"), 12);
	assert_int_equal(fixture_number(&w->f, "SELECT count(*) FROM effect_attempt WHERE code = 'crashed' OR ended_ms IS NULL"), 12);
}

/* The same rules when the process lives and the answer is lost. */
static void after_a_lost_answer(void **state)
{
	struct notify_world *w = *state;
	int64_t sms = world_add(w, KIND_sms_aliyun, ""), hook = world_add(w, KIND_webhook, ""), probe = world_add(w, KIND_probe, "");
	w->peer.mood = mood_lost;
	world_settle(w);
	world_is(w, sms, EFFECT_UNKNOWN);
	world_is(w, hook, EFFECT_DUE);
	world_is(w, probe, EFFECT_SENDING);
	w->peer.mood = mood_ok;
	world_pass(w, 10000);
	world_settle(w);
	world_is(w, hook, EFFECT_DONE);
	world_is(w, probe, EFFECT_DONE);
	assert_int_equal(world_deeds(w, sms), 1);
	assert_int_equal(world_deeds(w, probe), 1); /* it was asked, not done again */
	world_invariants(w);
}

/* A receiver that cannot even be asked: the questions get rarer, and at the end of its life the effect is unknown. */
static void questions_end(void **state)
{
	struct notify_world *w = *state;
	int64_t id = world_add(w, KIND_probe, "");
	w->peer.mood = mood_eaten;
	world_settle(w);
	for (int n = 0; n < 370; n++) {
		world_pass(w, 10000);
		world_settle(w);
	}
	world_is(w, id, EFFECT_UNKNOWN);
	assert_in_range(world_calls(w, id), 5, 400);
	assert_int_equal(world_deeds(w, id), 0);
	world_invariants(w);
}

/* One whose consequence cannot be written stays as it is, and nobody else feels it: neither at work nor at a start. */
static void one_is_stuck(void **state)
{
	struct notify_world *w = *state;
	int64_t ids[12];
	for (int i = 0; i < 12; i++)
		ids[i] = world_add(w, KIND_webhook, "");
	w->poison = ids[5];
	world_settle(w);
	for (int i = 0; i < 12; i++)
		world_is(w, ids[i], i == 5 ? EFFECT_SENDING : EFFECT_DONE);
	int64_t later = world_add(w, KIND_webhook, "");
	world_settle(w);
	world_is(w, later, EFFECT_DONE);
	w->poison = 0;
	world_pass(w, 61000);
	world_settle(w);
	world_is(w, ids[5], EFFECT_DONE);
	assert_int_equal(world_deeds(w, ids[5]), 1);

	int64_t texts[6];
	for (int i = 0; i < 6; i++)
		texts[i] = world_add(w, KIND_sms_aliyun, "");
	for (int i = 0; i < 4; i++) {
		world_step(w);
		committer_step(w->committer);
	}
	world_is(w, texts[0], EFFECT_SENDING);
	w->poison = texts[2];
	world_crash(w);
	world_serve(w);
	world_settle(w);
	for (int i = 0; i < 6; i++)
		world_is(w, texts[i], i == 2 ? EFFECT_SENDING : EFFECT_UNKNOWN);
	later = world_add(w, KIND_sms_aliyun, "");
	world_settle(w);
	world_is(w, later, EFFECT_DONE);
	w->poison = 0;
	world_crash(w);
	world_serve(w);
	world_settle(w);
	world_is(w, texts[2], EFFECT_UNKNOWN);
	world_invariants(w);
}

/* ---- clocks, size, memory ---- */

static void clock_jumps(void **state)
{
	struct notify_world *w = *state;
	static const int64_t day = 86400000;
	int64_t id = world_add(w, KIND_sms_aliyun, "");
	w->peer.mood = mood_dead;
	world_settle(w);
	w->peer.mood = mood_ok;
	w->wall_ms += 2 * day; /* longer than its life */
	world_settle(w);
	world_is(w, id, EFFECT_DONE); /* due by one clock, and not expired by both */
	int64_t back = world_add(w, KIND_sms_aliyun, "");
	w->peer.mood = mood_dead;
	world_settle(w);
	w->peer.mood = mood_ok;
	world_crash(w);
	world_serve(w);
	world_settle(w);
	w->wall_ms -= 2 * day;
	world_settle(w);
	world_is(w, back, EFFECT_DUE);
	world_pass(w, 60000); /* the ladder's time has passed, whatever the wall says */
	world_settle(w);
	world_is(w, back, EFFECT_DONE);
	world_invariants(w);
}

/* More than a window, and than a turn, and than slots. */
static void many(void **state)
{
	struct notify_world *w = *state;
	enum { MANY = 1500 };
	for (int i = 0; i < MANY; i++)
		(void)world_add(w, KIND_webhook, i % 3 == 0 ? "same" : "");
	world_settle(w);
	assert_int_equal(w->peer.deed_count, MANY);
	assert_int_equal(w->peer.call_count, MANY);
	assert_int_equal(fixture_number(&w->f, "SELECT count(*) FROM effect WHERE state <> 3"), 0);
	world_invariants(w);
}

static void goes_quiet(void **state)
{
	struct notify_world *w = *state;
	int64_t id = world_add(w, KIND_webhook, "");
	for (int i = 0; i < 4; i++) {
		world_step(w);
		committer_step(w->committer);
	}
	world_step(w);
	assert_int_equal(w->peer.open_count, 1);
	assert_false(notifier_quiet(w->n));
	int64_t late = world_add(w, KIND_webhook, "");
	world_settle(w);
	assert_true(notifier_quiet(w->n));
	world_is(w, id, EFFECT_DONE);
	world_is(w, late, EFFECT_DUE);
}

/* ---- receipts ---- */

struct receipt_arg {
	int64_t id;
	enum effect_receipt r;
	bool news;
};

static bool receipt_apply(struct tx *tx, void *ctx, struct fail *why)
{
	struct receipt_arg *a = ctx;
	struct effect_view e;
	bool found;
	return effect_get(tx, a->id, &e, &found, why) && effect_receipt(tx, &e, a->r, a->r == RECEIPT_ARRIVED ? "DELIVERED" : "UNDELIV", WALL, &a->news, why);
}

static bool receipt(struct notify_world *w, int64_t id, enum effect_receipt r)
{
	struct receipt_arg a = { id, r, false };
	FIXTURE_OK(&w->f, store_write(w->f.store, receipt_apply, &a, &w->f.why));
	return a.news;
}

static void receipts(void **state)
{
	struct notify_world *w = *state;
	int64_t id = world_add(w, KIND_sms_aliyun, "");
	w->peer.mood = mood_lost;
	world_settle(w);
	world_is(w, id, EFFECT_UNKNOWN);
	assert_int_equal(w->follows, 1);
	assert_true(receipt(w, id, RECEIPT_ARRIVED));
	world_is(w, id, EFFECT_DONE);
	assert_int_equal(w->follows, 2);
	assert_false(receipt(w, id, RECEIPT_LOST)); /* the first final word */
	assert_int_equal(world_get(w, id).receipt, RECEIPT_ARRIVED);
	assert_int_equal(w->follows, 2);

	int64_t early = world_add(w, KIND_sms_aliyun, "");
	for (int i = 0; i < 3; i++) {
		world_step(w);
		committer_step(w->committer);
	}
	world_step(w);
	world_is(w, early, EFFECT_SENDING);
	assert_true(receipt(w, early, RECEIPT_LOST)); /* before the answer, which is then lost */
	world_settle(w);
	world_is(w, early, EFFECT_DONE);
	assert_int_equal(world_get(w, early).receipt, RECEIPT_LOST);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_make, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(is_done_once), TEST(nothing_leaves_before_the_mark), TEST(ladder), TEST(expires), TEST(retry_after_is_honoured),
		TEST(subjects_keep_their_order), TEST(after_a_failure), TEST(after_a_crash), TEST(after_a_lost_answer), TEST(questions_end), TEST(one_is_stuck),
		TEST(clock_jumps), TEST(many), TEST(goes_quiet), TEST(receipts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
