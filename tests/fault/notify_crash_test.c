/* Goal: whatever dies or fails at whatever moment, no effect is lost, none whose receiver cannot know a repeat is done twice, subjects keep their order.
 * Method: a notifier and a committer stepped by hand against a peer that counts. First chance decides: who steps next, what the peer does, when the process
 * dies (SIBAN_SEED begins elsewhere, SIBAN_LONG=1 goes on for longer). Then the n-th statement fails, the n-th commit, the n-th allocation, for
 * n = 1, 2, … until nothing fails (from the twentieth on every fifth; each with SIBAN_LONG=1). */
#include "notify_world.h"

#include "notify/effect_act.h"

enum { EFFECTS = 14, TURNS = 220, SUBJECTS = 3 };

static uint64_t dice;

static unsigned draw(unsigned below)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (unsigned)(dice >> 11) % below;
}

static const int32_t kinds[] = { KIND_sms_aliyun, KIND_webhook, KIND_probe };
static int64_t ids[EFFECTS];
static uint64_t seed_now; /* said when something is wrong */

static void add_some(struct notify_world *w)
{
	static const char *const subjects[SUBJECTS] = { "", "a", "b" };
	for (int i = 0; i < EFFECTS; i++) {
		int32_t kind = kinds[draw(3)];
		char subject[16] = "";
		unsigned s = draw(SUBJECTS);
		if (s > 0)
			snprintf(subject, sizeof subject, "%s%d", subjects[s], (int)kind);
		ids[i] = world_add(w, kind, subject);
	}
}

/* Calls that were on their way when the process died reach the peer, or do not. */
static void crash(struct notify_world *w)
{
	while (w->peer.open_count > 0) {
		struct transport_job *job = w->peer.open[--w->peer.open_count];
		if (job->call.method == METHOD_POST && draw(2) == 0) {
			char key[EFFECT_KEY_BYTES];
			peer_key(job, key);
			memcpy(w->peer.deeds[w->peer.deed_count++], key, sizeof key);
		}
	}
	world_crash(w);
	world_serve(w);
}

static void one_turn(struct notify_world *w)
{
	static const struct peer_mood *const moods[] = { &mood_ok, &mood_ok, &mood_ok, &mood_dead, &mood_lost, &mood_eaten };
	switch (draw(12)) {
	case 0: case 1: case 2: case 3:
		world_step(w);
		break;
	case 4: case 5: case 6:
		committer_step(w->committer);
		break;
	case 7: case 8: case 9:
		w->peer.mood = *moods[draw(6)];
		if (w->peer.open_count > 0)
			peer_answer(&w->peer, (int)draw((unsigned)w->peer.open_count));
		break;
	case 10:
		world_pass(w, draw(2000));
		break;
	default:
		if (draw(3) == 0)
			crash(w);
	}
}

static void to_the_end(struct notify_world *w)
{
	w->peer.mood = mood_ok;
	for (int i = 0; i < 60; i++) {
		world_settle(w);
		world_pass(w, 120000);
		for (int e = 0; e < EFFECTS; e++) {
			struct effect_act act = { .what = EFFECT_RELEASE, .id = ids[e], .now_ms = w->wall_ms };
			if (world_get(w, ids[e]).state == EFFECT_HELD)
				FIXTURE_OK(&w->f, store_write(w->f.store, effect_act_apply, &act, &w->f.why));
		}
	}
}

static int first_deed(const struct notify_world *w, const char *key)
{
	for (int i = 0; i < w->peer.deed_count; i++)
		if (strcmp(w->peer.deeds[i], key) == 0)
			return i;
	return -1;
}

static void check(struct notify_world *w)
{
	world_invariants(w);
	for (int i = 0; i < EFFECTS; i++) {
		struct effect_view e = world_get(w, ids[i]);
		int deeds = world_deeds(w, ids[i]);
		if (!effect_is_over(e.state))
			fail_msg("seed %llu: effect %d (%s) is %s at the end", (unsigned long long)seed_now, i, effect_kind_of(e.kind)->name, effect_state_name(e.state));
		if (e.kind != KIND_webhook && deeds > 1)
			fail_msg("seed %llu: effect %d (%s) was done %d times", (unsigned long long)seed_now, i, effect_kind_of(e.kind)->name, deeds);
		if (e.state == EFFECT_DONE && deeds == 0)
			fail_msg("seed %llu: effect %d (%s) is done and was not", (unsigned long long)seed_now, i, effect_kind_of(e.kind)->name);
		if (e.state == EFFECT_UNKNOWN && e.kind != KIND_sms_aliyun)
			fail_msg("seed %llu: effect %d (%s) is unknown, and could have been settled", (unsigned long long)seed_now, i, effect_kind_of(e.kind)->name);
	}
	for (int i = 0; i < EFFECTS; i++)
		for (int j = i + 1; j < EFFECTS; j++) {
			struct effect_view a = world_get(w, ids[i]), b = world_get(w, ids[j]);
			char key_a[EFFECT_KEY_BYTES], key_b[EFFECT_KEY_BYTES];
			effect_key_text(a.key, key_a);
			effect_key_text(b.key, key_b);
			int first = first_deed(w, key_a), second = first_deed(w, key_b);
			if (a.subject[0] != '\0' && strcmp(a.subject, b.subject) == 0 && first >= 0 && second >= 0)
				assert_true(first < second);
		}
}

static void chance(void **state)
{
	(void)state;
	const char *from = getenv("SIBAN_SEED");
	uint64_t seed = from != NULL ? strtoull(from, NULL, 10) : 1, runs = getenv("SIBAN_LONG") != NULL ? 400 : 12;
	for (uint64_t run = seed; run < seed + runs; run++) {
		void *made;
		dice = run * UINT64_C(0x9e3779b97f4a7c15) + 1;
		world_make(&made);
		struct notify_world *w = made;
		add_some(w);
		for (int t = 0; t < TURNS; t++)
			one_turn(w);
		to_the_end(w);
		seed_now = run;
		check(w);
		world_end(&made);
	}
}

/* ---- the n-th of everything ---- */

static const struct { enum fault fault; const char *name; } switches[] = {
	{ FAULT_store_step, "store_step" }, { FAULT_store_begin, "store_begin" }, { FAULT_store_full, "store_full" }, { FAULT_store_sink, "store_sink" },
	{ FAULT_alloc, "alloc" },
};

/* false: it was never asked so often. */
static bool once_with(struct notify_world *w, size_t s, int n)
{
	char setting[40];
	dice = 7;
	add_some(w);
	snprintf(setting, sizeof setting, "%s=%d", switches[s].name, n);
	assert_true(fault_set(str_c(setting)));
	for (int i = 0; i < 10; i++) {
		for (int k = 0; k < 10; k++) {
			world_step(w);
			committer_step(w->committer);
			peer_answer_all(&w->peer);
		}
		world_pass(w, 1000);
	}
	bool failed = fault_count(switches[s].fault) >= n;
	fault_clear_all();
	return failed;
}

static void the_nth(void **state)
{
	(void)state;
	for (size_t s = 0; s < sizeof switches / sizeof switches[0]; s++) {
		int n = 0;
		for (bool failed = true; failed;) {
			void *made;
			world_make(&made);
			struct notify_world *w = made;
			n += n < 20 || getenv("SIBAN_LONG") != NULL ? 1 : 5;
			failed = once_with(w, s, n);
			to_the_end(w);
			check(w);
			for (int i = 0; i < EFFECTS; i++) { /* nothing went wrong outside, so nothing may show there */
				world_is(w, ids[i], EFFECT_DONE);
				assert_int_equal(world_deeds(w, ids[i]), 1);
			}
			world_end(&made);
		}
		print_message("%s: %d\n", switches[s].name, n);
		assert_true(n > 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(chance), cmocka_unit_test(the_nth) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
