/* Goal: whatever deeds come, in whatever order, a hall keeps its promises (days.h); and a hall that breaks one is found out.
 * Method: random deeds from a seed against the model in words, on SQLite; SIBAN_LONG=1: 100,000 of them, and 100,000 on a PostgreSQL. For the last part the linker puts a mutant
 * in the place of one function (--wrap, tests/CMakeLists.txt). SIBAN_SEED: the seed. */
#include "tests/postgres_server.h"
#include "days.h"

#include "base/arena.h"
#include "services/applying/application.h"
#include "services/booking/booking_day.h"
#include "services/booking/booking_seats.h"
#include "services/booking/booking_wait.h"
#include "services/booking/hall_queue.h"
#include "services/cases/demand.h"
#include "services/voices/rating.h"
#include "services/voices/rating_invitation.h"

#include <stdlib.h>

enum { STEPS = 4000, STEPS_LONG = 100000, STEPS_FOR_A_MUTANT = 6000 };

/* ---- mutants ---- */

enum mutant { MUTANT_NONE, MUTANT_SEAT_LEAKS, MUTANT_NEVER_MISSED, MUTANT_STAYS_IN_LINE, MUTANT_BACK_FIRST, MUTANT_ANY_MOVE, MUTANT_FORGETS_RATING, MUTANT_ANY_EDITION, MUTANT_APART, MUTANT_NOTHING_FOLLOWS, MUTANT_NEVER_ASKS };
static enum mutant mutant;

bool __real_seats_give_back(struct tx *tx, int64_t booking, enum seat_column column, struct fail *why);
bool __wrap_seats_give_back(struct tx *tx, int64_t booking, enum seat_column column, struct fail *why);
bool __wrap_seats_give_back(struct tx *tx, int64_t booking, enum seat_column column, struct fail *why)
{
	return mutant == MUTANT_SEAT_LEAKS || __real_seats_give_back(tx, booking, column, why);
}

bool __real_no_show_of(struct tx *tx, int64_t person, int64_t now_ms, struct no_show *out, struct fail *why);
bool __wrap_no_show_of(struct tx *tx, int64_t person, int64_t now_ms, struct no_show *out, struct fail *why);
bool __wrap_no_show_of(struct tx *tx, int64_t person, int64_t now_ms, struct no_show *out, struct fail *why)
{
	*out = (struct no_show){ .open = -1 };
	return mutant == MUTANT_NEVER_MISSED || __real_no_show_of(tx, person, now_ms, out, why);
}

bool __real_wait_leave(struct tx *tx, struct booking_wait *w, int64_t now_ms, struct fail *why);
bool __wrap_wait_leave(struct tx *tx, struct booking_wait *w, int64_t now_ms, struct fail *why);
bool __wrap_wait_leave(struct tx *tx, struct booking_wait *w, int64_t now_ms, struct fail *why)
{
	return mutant == MUTANT_STAYS_IN_LINE ? w->state == WAIT_WAITING || FAILS(why, BOOKING_STATE, "not waiting") : __real_wait_leave(tx, w, now_ms, why);
}

bool __real_queue_join(struct tx *tx, struct queue_number *n, struct fail *why);
bool __wrap_queue_join(struct tx *tx, struct queue_number *n, struct fail *why);
bool __wrap_queue_join(struct tx *tx, struct queue_number *n, struct fail *why)
{
	if (mutant == MUTANT_BACK_FIRST && n->rank == QUEUE_RANK_WALK_IN)
		n->rank = QUEUE_RANK_BOOKED;
	return __real_queue_join(tx, n, why);
}

bool __real_voice_may_move(enum voice_state s, enum voice_event e, enum voice_state *to);
bool __wrap_voice_may_move(enum voice_state s, enum voice_event e, enum voice_state *to);
bool __wrap_voice_may_move(enum voice_state s, enum voice_event e, enum voice_state *to)
{
	return __real_voice_may_move(s, e, to) || (mutant == MUTANT_ANY_MOVE && s == VOICE_IS_ASSIGNED && e == VOICE_WAS_ANSWERED);
}

bool __real_rating_add(struct tx *tx, struct request *r, const struct rated_case *c, const struct rating_said *s, int64_t *id, struct voice *order, struct fail *why);
bool __wrap_rating_add(struct tx *tx, struct request *r, const struct rated_case *c, const struct rating_said *s, int64_t *id, struct voice *order, struct fail *why);
bool __wrap_rating_add(struct tx *tx, struct request *r, const struct rated_case *c, const struct rating_said *s, int64_t *id, struct voice *order, struct fail *why)
{
	if (mutant != MUTANT_FORGETS_RATING || s->level <= RATING_POOR)
		return __real_rating_add(tx, r, c, s, id, order, why);
	*order = (struct voice){ .id = 0 };
	*id = 1;
	return true;
}

bool __real_application_write(struct tx *tx, struct application *ap, int64_t now_ms, const uint8_t salt[16], struct fail *why);
bool __wrap_application_write(struct tx *tx, struct application *ap, int64_t now_ms, const uint8_t salt[16], struct fail *why);
bool __wrap_application_write(struct tx *tx, struct application *ap, int64_t now_ms, const uint8_t salt[16], struct fail *why)
{
	return mutant == MUTANT_ANY_EDITION || __real_application_write(tx, ap, now_ms, salt, why); /* what was written is not kept */
}

bool __real_visit_plan(const struct visit_wish *w, int64_t starts_ms, struct visit_plan *out);
bool __wrap_visit_plan(const struct visit_wish *w, int64_t starts_ms, struct visit_plan *out);
bool __wrap_visit_plan(const struct visit_wish *w, int64_t starts_ms, struct visit_plan *out)
{
	struct visit_wish changed = *w;
	if (mutant == MUTANT_APART && changed.people > 1)
		changed.people--; /* one of the family is left at home */
	return __real_visit_plan(&changed, starts_ms, out);
}

bool __real_demand_follows(struct tx *tx, int64_t case_id, uint64_t *numbers, struct fail *why);
bool __wrap_demand_follows(struct tx *tx, int64_t case_id, uint64_t *numbers, struct fail *why);
bool __wrap_demand_follows(struct tx *tx, int64_t case_id, uint64_t *numbers, struct fail *why)
{
	*numbers = 0;
	return mutant == MUTANT_NOTHING_FOLLOWS || __real_demand_follows(tx, case_id, numbers, why);
}

bool __real_invitation_note(struct tx *tx, const struct case_file *c, struct fail *why);
bool __wrap_invitation_note(struct tx *tx, const struct case_file *c, struct fail *why);
bool __wrap_invitation_note(struct tx *tx, const struct case_file *c, struct fail *why)
{
	return mutant == MUTANT_NEVER_ASKS || __real_invitation_note(tx, c, why);
}

/* ---- tests ---- */

static struct days *days;

static bool lived(const char *url, int64_t steps, bool says)
{
	const char *seed = getenv("SIBAN_SEED");
	memset(days, 0, sizeof(*days));
	days->print = says && getenv("SIBAN_TELL") != NULL ? stdout : NULL;
	bool ok = days_open(days, url) && days_live(days, seed != NULL ? strtoull(seed, NULL, 10) : 20261126, steps);
	if (says)
		print_message("%lld deeds taken, %lld refused; %d visits, %d waits, %d numbers, %d cases, %d drafts, %d voices; %.1f days\n", (long long)days->taken, (long long)days->refused,
			      days->visit_count, days->wait_count, days->number_count, days->case_count, days->draft_count, days->voice_count, (double)(days->now - D_BEGIN_MS) / (double)D_DAY);
	days_close(days);
	return ok;
}

static void promises_are_kept(void **state)
{
	(void)state;
	if (!lived(NULL, getenv("SIBAN_LONG") != NULL ? STEPS_LONG : STEPS, true))
		fail_msg("step %lld: %s. SIBAN_TELL=1 tells the whole life", (long long)days->steps, days->wrong);
}

static void promises_are_kept_on_postgres(void **state)
{
	char url[256], name[32];
	if (getenv("SIBAN_LONG") == NULL)
		skip();
	assert_int_equal(postgres_server_start(state), 0);
	postgres_database(NULL, name);
	bool ok = lived(postgres_url_as("siban", name, url), STEPS_LONG, true);
	assert_int_equal(postgres_server_stop(state), 0);
	if (!ok)
		fail_msg("%s", days->wrong);
}

static void mutants_are_found_out(void **state)
{
	(void)state;
	static const struct { enum mutant mutant; const char *what; } rows[] = {
		{ MUTANT_SEAT_LEAKS, "a seat that was given back stays taken" },
		{ MUTANT_NEVER_MISSED, "who did not come may book as before" },
		{ MUTANT_STAYS_IN_LINE, "who leaves the waiting list stays in it" },
		{ MUTANT_BACK_FIRST, "who walks in goes before who has booked" },
		{ MUTANT_ANY_MOVE, "a ticket is answered by whom it was not taken up" },
		{ MUTANT_FORGETS_RATING, "a rating is acknowledged and not kept" },
		{ MUTANT_ANY_EDITION, "a draft is acknowledged and not kept" },
		{ MUTANT_APART, "a seat less than people" },
		{ MUTANT_NOTHING_FOLLOWS, "what may follow is not taken when it comes" },
		{ MUTANT_NEVER_ASKS, "nobody is asked to rate" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		mutant = rows[i].mutant;
		bool escaped = lived(NULL, STEPS_FOR_A_MUTANT, false);
		mutant = MUTANT_NONE;
		assert_true(days->steps > 1);
		if (escaped)
			fail_msg("nobody noticed that %s", rows[i].what);
		print_message("%s: step %lld, %s\n", rows[i].what, (long long)days->steps, days->wrong);
	}
}

static int begin(void **state)
{
	(void)state;
	days = malloc(sizeof(*days));
	return days == NULL ? -1 : 0;
}

static int end(void **state)
{
	(void)state;
	free(days);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(promises_are_kept), cmocka_unit_test(promises_are_kept_on_postgres), cmocka_unit_test(mutants_are_found_out) };
	return cmocka_run_group_tests(tests, begin, end);
}
