/* Goal: from any seed, whatever departments, citizens and the machine do, siban keeps what it promised; the same seed is the same life; and a siban that
 * breaks a promise is found out, so that the first sentence says something.
 * Method: lives (world.h). For the last part the linker puts a mutant in the place of one function (--wrap, tests/CMakeLists.txt), and lives must end badly.
 * SIBAN_LONG=1: 10,000 seeds. SIBAN_SEED: the first. */
#include "world.h"

#include "notify/ladder.h"
#include "notify/message.h"
#include "services/cases/joint.h"
#include "services/cases/outage.h"
#include "store/outcome.h"
#include "store/rowcache.h"
#include "store/sqlite.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

enum { SEEDS = 60, SEEDS_LONG = 10000, STEPS = 250, SEEDS_REPLAYED = 12, SEEDS_FOR_A_MUTANT = 150 };

static struct world world;

/* ---- mutants ---- */

enum mutant { MUTANT_NONE, MUTANT_NO_OUTCOME, MUTANT_NO_RELEASE, MUTANT_NO_COMMIT, MUTANT_REFUSED_IS_DONE, MUTANT_STALE_CACHE, MUTANT_NO_MEMORY, MUTANT_NO_FACT,
	      MUTANT_NO_SUBJECT, MUTANT_SENDS_AGAIN, MUTANT_FORGETS_THE_MARK, MUTANT_TELLS_NOBODY,
	      MUTANT_NEVER_STANDS, MUTANT_NO_EXTENSION, MUTANT_NO_OUTAGES, MUTANT_OLD_CALENDAR, MUTANT_LIGHTS_LATE, MUTANT_DECIDES_ALONE,
	      MUTANT_PARTS_RUN_ON, MUTANT_BLAMES_THE_LEAD };
static enum mutant mutant;

bool __real_outcome_put(struct tx *tx, const struct outcome_key *k, int64_t now_ms, const struct outcome *o, struct fail *why);
bool __wrap_outcome_put(struct tx *tx, const struct outcome_key *k, int64_t now_ms, const struct outcome *o, struct fail *why);
bool __wrap_outcome_put(struct tx *tx, const struct outcome_key *k, int64_t now_ms, const struct outcome *o, struct fail *why)
{
	return mutant == MUTANT_NO_OUTCOME || __real_outcome_put(tx, k, now_ms, o, why);
}

bool __real_journal_release(struct tx *tx, struct case_file *c, struct journal_released *out, struct fail *why);
bool __wrap_journal_release(struct tx *tx, struct case_file *c, struct journal_released *out, struct fail *why);
bool __wrap_journal_release(struct tx *tx, struct case_file *c, struct journal_released *out, struct fail *why)
{
	if (mutant != MUTANT_NO_RELEASE)
		return __real_journal_release(tx, c, out, why);
	*out = (struct journal_released){ 0 };
	return true;
}

enum journal_seen __real_journal_seen(struct tx *tx, int64_t department, const struct journal_entry *e, enum case_state *refused_in, struct fail *why);
enum journal_seen __wrap_journal_seen(struct tx *tx, int64_t department, const struct journal_entry *e, enum case_state *refused_in, struct fail *why);
enum journal_seen __wrap_journal_seen(struct tx *tx, int64_t department, const struct journal_entry *e, enum case_state *refused_in, struct fail *why)
{
	return mutant == MUTANT_NO_MEMORY ? JOURNAL_NEW : __real_journal_seen(tx, department, e, refused_in, why);
}

bool __real_fact_add(struct tx *tx, int64_t id, const struct fact *f, const struct fact_content *c, struct fail *why);
bool __wrap_fact_add(struct tx *tx, int64_t id, const struct fact *f, const struct fact_content *c, struct fail *why);
bool __wrap_fact_add(struct tx *tx, int64_t id, const struct fact *f, const struct fact_content *c, struct fail *why)
{
	return mutant == MUTANT_NO_FACT || __real_fact_add(tx, id, f, c, why);
}

bool __real_message_case_moved(struct tx *tx, const struct case_news *c, int64_t now_ms, const uint8_t random[32], struct arena *a, struct fail *why);
bool __wrap_message_case_moved(struct tx *tx, const struct case_news *c, int64_t now_ms, const uint8_t random[32], struct arena *a, struct fail *why);
bool __wrap_message_case_moved(struct tx *tx, const struct case_news *c, int64_t now_ms, const uint8_t random[32], struct arena *a, struct fail *why)
{
	return mutant == MUTANT_TELLS_NOBODY || __real_message_case_moved(tx, c, now_ms, random, a, why);
}

bool __real_effect_add(struct tx *tx, const struct effect_new *e, int64_t now_ms, const uint8_t random[16], int64_t *id, struct fail *why);
bool __wrap_effect_add(struct tx *tx, const struct effect_new *e, int64_t now_ms, const uint8_t random[16], int64_t *id, struct fail *why);
bool __wrap_effect_add(struct tx *tx, const struct effect_new *e, int64_t now_ms, const uint8_t random[16], int64_t *id, struct fail *why)
{
	struct effect_new changed = *e;
	if (mutant == MUTANT_NO_SUBJECT)
		changed.subject = STR("");
	return __real_effect_add(tx, &changed, now_ms, random, id, why);
}

struct effect_move __real_ladder_next(const struct effect_kind *kind, const struct effect_view *e, const struct judgement *j, int64_t now_ms, int64_t expiry_ms);
struct effect_move __wrap_ladder_next(const struct effect_kind *kind, const struct effect_view *e, const struct judgement *j, int64_t now_ms, int64_t expiry_ms);
struct effect_move __wrap_ladder_next(const struct effect_kind *kind, const struct effect_view *e, const struct judgement *j, int64_t now_ms, int64_t expiry_ms)
{
	if (mutant == MUTANT_SENDS_AGAIN && j->verdict == VERDICT_UNKNOWN)
		((struct judgement *)j)->verdict = VERDICT_AGAIN; /* in its place: the move that comes back points into it */
	return __real_ladder_next(kind, e, j, now_ms, expiry_ms);
}

struct effect_move __real_ladder_after_crash(const struct effect_kind *kind, const struct effect_view *e, int64_t now_ms);
struct effect_move __wrap_ladder_after_crash(const struct effect_kind *kind, const struct effect_view *e, int64_t now_ms);
struct effect_move __wrap_ladder_after_crash(const struct effect_kind *kind, const struct effect_view *e, int64_t now_ms)
{
	return __real_ladder_after_crash(mutant == MUTANT_FORGETS_THE_MARK ? effect_kind_of(KIND_webhook) : kind, e, now_ms);
}

enum commit_end __real_write_commit(struct connection *c, const struct commit_notes *notes, struct fail *why);
enum commit_end __wrap_write_commit(struct connection *c, const struct commit_notes *notes, struct fail *why);
enum commit_end __wrap_write_commit(struct connection *c, const struct commit_notes *notes, struct fail *why)
{
	if (mutant == MUTANT_NO_COMMIT) {
		write_rollback(c);
		return COMMIT_DONE;
	}
	enum commit_end ended = __real_write_commit(c, notes, why);
	if (mutant != MUTANT_REFUSED_IS_DONE || ended != COMMIT_REFUSED)
		return ended;
	fail_clear(why);
	return COMMIT_DONE;
}

void __real_rowcache_forget(struct store *s, const uint64_t *touched, size_t count, bool all);
void __wrap_rowcache_forget(struct store *s, const uint64_t *touched, size_t count, bool all);
void __wrap_rowcache_forget(struct store *s, const uint64_t *touched, size_t count, bool all)
{
	if (mutant != MUTANT_STALE_CACHE)
		__real_rowcache_forget(s, touched, count, all);
}

enum clock_phase __real_clock_phase_in(enum clock_kind k, enum case_state s);
enum clock_phase __wrap_clock_phase_in(enum clock_kind k, enum case_state s);
enum clock_phase __wrap_clock_phase_in(enum clock_kind k, enum case_state s)
{
	enum clock_phase phase = __real_clock_phase_in(k, s);
	return mutant == MUTANT_NEVER_STANDS && phase == CLOCK_STANDS ? CLOCK_RUNS : phase;
}

struct limit_now __real_limit_look(const struct workdays *w, const struct time_limit *l, int32_t today);
struct limit_now __wrap_limit_look(const struct workdays *w, const struct time_limit *l, int32_t today);
struct limit_now __wrap_limit_look(const struct workdays *w, const struct time_limit *l, int32_t today)
{
	struct time_limit changed = *l;
	if (mutant == MUTANT_NO_EXTENSION)
		changed.extended = 0;
	return __real_limit_look(w, &changed, today);
}

bool __real_outages_add(struct tx *tx, int64_t region, int32_t from, struct day_span *out, int max, int *count, struct fail *why);
bool __wrap_outages_add(struct tx *tx, int64_t region, int32_t from, struct day_span *out, int max, int *count, struct fail *why);
bool __wrap_outages_add(struct tx *tx, int64_t region, int32_t from, struct day_span *out, int max, int *count, struct fail *why)
{
	return mutant == MUTANT_NO_OUTAGES || __real_outages_add(tx, region, from, out, max, count, why);
}

bool __real_clocks_renew(struct tx *tx, int64_t most, int64_t *renewed, struct fail *why);
bool __wrap_clocks_renew(struct tx *tx, int64_t most, int64_t *renewed, struct fail *why);
bool __wrap_clocks_renew(struct tx *tx, int64_t most, int64_t *renewed, struct fail *why)
{
	*renewed = 0;
	return mutant == MUTANT_OLD_CALENDAR || __real_clocks_renew(tx, most, renewed, why);
}

bool __real_clocks_tell(struct tx *tx, int32_t today, int64_t now_ms, int64_t most, int64_t *told, struct fail *why);
bool __wrap_clocks_tell(struct tx *tx, int32_t today, int64_t now_ms, int64_t most, int64_t *told, struct fail *why);
bool __wrap_clocks_tell(struct tx *tx, int32_t today, int64_t now_ms, int64_t most, int64_t *told, struct fail *why)
{
	return __real_clocks_tell(tx, mutant == MUTANT_LIGHTS_LATE ? today - 1 : today, now_ms, most, told, why); /* twice the database itself refuses: clock_event_once */
}

bool __real_joint_allows(struct tx *tx, const struct case_file *c, enum case_event e, enum case_state to, struct fail *why);
bool __wrap_joint_allows(struct tx *tx, const struct case_file *c, enum case_event e, enum case_state to, struct fail *why);
bool __wrap_joint_allows(struct tx *tx, const struct case_file *c, enum case_event e, enum case_state to, struct fail *why)
{
	return mutant == MUTANT_DECIDES_ALONE || __real_joint_allows(tx, c, e, to, why);
}

bool __real_joint_moved(struct tx *tx, const struct case_file *c, int32_t day, struct fail *why);
bool __wrap_joint_moved(struct tx *tx, const struct case_file *c, int32_t day, struct fail *why);
bool __wrap_joint_moved(struct tx *tx, const struct case_file *c, int32_t day, struct fail *why)
{
	return mutant == MUTANT_PARTS_RUN_ON || __real_joint_moved(tx, c, day, why);
}

bool __real_clocks_move(struct tx *tx, const struct clock_move *m, struct fail *why);
bool __wrap_clocks_move(struct tx *tx, const struct clock_move *m, struct fail *why);
bool __wrap_clocks_move(struct tx *tx, const struct clock_move *m, struct fail *why)
{
	struct clock_move changed = *m;
	if (mutant == MUTANT_BLAMES_THE_LEAD && m->is_part)
		changed.department = 1;
	return __real_clocks_move(tx, &changed, why);
}

/* ---- tests ---- */

static uint64_t first_seed(void)
{
	const char *text = getenv("SIBAN_SEED");
	return text != NULL ? strtoull(text, NULL, 10) : 1;
}

static uint64_t traces[SEEDS_REPLAYED]; /* of the first lives */

static void test_promises_are_kept(void **state)
{
	(void)state;
	int seeds = getenv("SIBAN_LONG") != NULL ? SEEDS_LONG : SEEDS;
	for (int i = 0; i < seeds; i++) {
		uint64_t seed = first_seed() + (uint64_t)i;
		bool ok = world_live(&world, seed, STEPS);
		if (i < SEEDS_REPLAYED)
			traces[i] = world.trace;
		if (!ok)
			fail_msg("step %lld: %s. The whole life: sim --seed %llu --steps %d", (long long)world.counts.steps, world.wrong, (unsigned long long)seed, STEPS);
	}
}

static void test_the_same_seed_is_the_same_life(void **state)
{
	(void)state;
	for (int i = 0; i < SEEDS_REPLAYED; i++) {
		assert_true(world_live(&world, first_seed() + (uint64_t)i, STEPS));
		assert_true(traces[i] == world.trace);
		assert_true(i == 0 || traces[i] != traces[i - 1]);
	}
}

static bool is_found_out(uint64_t first, uint64_t *seed)
{
	for (*seed = first; *seed < first + SEEDS_FOR_A_MUTANT; ++*seed)
		if (!world_live(&world, *seed, STEPS))
			return true;
	return false;
}

static void test_mutants_are_found_out(void **state)
{
	(void)state;
	static const struct { enum mutant mutant; uint64_t first; /* the seed that found it when this was written: the search begins there */ const char *what; } rows[] = {
		{ MUTANT_NO_OUTCOME, 1, "what a client was told is not kept" },
		{ MUTANT_NO_RELEASE, 1, "who waited is not let in when the gap closes" },
		{ MUTANT_NO_MEMORY, 1, "an event that comes again is not recognised" },
		{ MUTANT_NO_FACT, 1, "an event is written that nothing proves" },
		{ MUTANT_TELLS_NOBODY, 1, "a case moves and its person is not told" },
		{ MUTANT_NO_SUBJECT, 1, "the order within a subject is forgotten" },
		{ MUTANT_SENDS_AGAIN, 5, "what may have been sent is sent again" },
		{ MUTANT_FORGETS_THE_MARK, 5, "what was under way in a crash is sent again" },
		{ MUTANT_NO_COMMIT, 1, "answered without COMMIT" },
		{ MUTANT_REFUSED_IS_DONE, 1, "answered although COMMIT was refused" },
		{ MUTANT_STALE_CACHE, 28, "rows are shown as they were" },
		{ MUTANT_NEVER_STANDS, 5, "days on which a case stood still are counted" },
		{ MUTANT_NO_EXTENSION, 5, "an extension extends nothing" },
		{ MUTANT_NO_OUTAGES, 2, "days on which we could not serve are counted" },
		{ MUTANT_OLD_CALENDAR, 2, "limits are what they were before the calendar changed" },
		{ MUTANT_LIGHTS_LATE, 4, "lights are told a day late" },
		{ MUTANT_DECIDES_ALONE, 2, "the lead decides over open parts" },
		{ MUTANT_PARTS_RUN_ON, 2, "clocks of parts run on when the whole is over" },
		{ MUTANT_BLAMES_THE_LEAD, 1, "a part's limits are counted to the lead" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint64_t seed;
		mutant = rows[i].mutant;
		bool found = is_found_out(rows[i].first, &seed);
		mutant = MUTANT_NONE;
		if (!found)
			fail_msg("nobody noticed: %s", rows[i].what);
		print_message("seed %llu, step %lld: %s: %s\n", (unsigned long long)seed, (long long)world.counts.steps, rows[i].what, world.wrong);
	}
}

static void test_a_lying_disk_is_found_out(void **state)
{
	(void)state;
	uint64_t seed;
	world.disk_lies = true;
	bool found = is_found_out(1, &seed);
	world.disk_lies = false;
	assert_true(found);
}

static int found(void **state)
{
	(void)state;
	world_begin(&world);
	return 0;
}

static int disband(void **state)
{
	(void)state;
	world_end(&world);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_promises_are_kept), cmocka_unit_test(test_the_same_seed_is_the_same_life), cmocka_unit_test(test_mutants_are_found_out),
		cmocka_unit_test(test_a_lying_disk_is_found_out),
	};
	return cmocka_run_group_tests(tests, found, disband);
}
