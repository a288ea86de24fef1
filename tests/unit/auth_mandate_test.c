/* Goal: nobody acts for anybody without his yes, beyond what he said yes to, after it is over, or by another's mandate; and whoever offers learns nothing.
 * Method: a real store and a clock of the test's; each deed in a transaction of its own; every state against every deed; the rows themselves. */
#include "mandate_world.h"

/* ---- offering ---- */

static const struct { const char *name; enum mandate_kind kind; const char *number, *said; uint64_t scopes; int64_t days; enum fail_code want; } offers[] = {
	{ "known",                  MANDATE_AGENT,    "62129919850101006X", "李大娘", SEE,           1,    FAIL_NONE },
	{ "a number nobody has",    MANDATE_AGENT,    "110101199003074514", "李大娘", SEE,           1,    FAIL_NONE },
	{ "another name",           MANDATE_AGENT,    "62129919850101006X", "李大爷", SEE,           1,    FAIL_NONE },
	{ "the longest",            MANDATE_AGENT,    "62129919850101006X", "李大娘", SEE,           365,  FAIL_NONE },
	{ "too long",               MANDATE_AGENT,    "62129919850101006X", "李大娘", SEE,           366,  FAIL_FIELD },
	{ "a helper's may be",      MANDATE_HELPER,   "62129919850101006X", "李大娘", SEE | RECEIVE, 366,  FAIL_NONE },
	{ "over already",           MANDATE_AGENT,    "62129919850101006X", "李大娘", SEE,           0,    FAIL_FIELD },
	{ "for nothing",            MANDATE_AGENT,    "62129919850101006X", "李大娘", 0,             1,    FAIL_FIELD },
	{ "for what there is not",  MANDATE_AGENT,    "62129919850101006X", "李大娘", UINT64_C(1) << MANDATE_SCOPES, 1, FAIL_FIELD },
	{ "for himself",            MANDATE_AGENT,    "621299199006150131", "王小明", SEE,           1,    FAIL_FIELD },
	{ "a company",              MANDATE_COMPANY,  "91621299MA0000015U", "陇南一号", SEE,         1,    FAIL_NONE },
};

static void offering(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
		struct mandate m;
		enum fail_code have = offered(offers[i].kind, offers[i].number, offers[i].said, offers[i].scopes, now_ms + offers[i].days * DAY, &m);
		if (have != offers[i].want)
			fail_msg("%s: %s", offers[i].name, fail_row(have)->name);
	}
	struct act low = { .what = OFFER, .r.who = { .kind = WHO_CITIZEN, .id = ids[HELPER], .level = LEVEL_L1 },
			   .new = { .kind = MANDATE_AGENT, .giver_name = STR("李大娘"), .scopes = SEE, .until_ms = now_ms + DAY, .salt = salt } };
	assert_int_equal(identity_person(str_c(people[ELDER].number), IDENTITY_LATEST_DAY, &low.new.giver), IDENTITY_FINE);
	assert_int_equal(acted(&low, HELPER), FAIL_LEVEL);
	assert_int_equal(count("SELECT COUNT(*) FROM person"), PEOPLE); /* an offer makes nobody */
}

/* Known, unknown and misnamed: the same row but for one column, and the same answers to the holder whatever he does. */
static void nothing_is_learnt(void **state)
{
	(void)state;
	struct mandate m[3];
	assert_int_equal(offered(MANDATE_AGENT, people[ELDER].number, people[ELDER].name, SEE, now_ms + DAY, &m[0]), FAIL_NONE);
	assert_int_equal(offered(MANDATE_AGENT, people[ELDER].number, "李大爷", SEE, now_ms + DAY, &m[1]), FAIL_NONE);
	assert_int_equal(offered(MANDATE_AGENT, "110101199003074514", "李大娘", SEE, now_ms + DAY, &m[2]), FAIL_NONE);
	assert_int_equal(m[0].giver, ids[ELDER]);
	assert_int_equal(m[1].giver, 0);
	assert_int_equal(m[2].giver, 0);
	for (int i = 0; i < 3; i++) {
		struct act said = { .what = GET_SAID, .m = m[i] };
		assert_int_equal(acted(&said, HELPER), FAIL_NONE);
		assert_true(str_eq(said.said.name, str_c(i == 1 ? "李大爷" : "李大娘")));
		assert_true(str_eq(said.said.number, str_c(i == 2 ? "110101199003074514" : people[ELDER].number)));
		assert_int_equal(said.said.kind, IDENTITY_RESIDENT);
		assert_int_equal(does(&m[i], ACCEPT_SESSION, HELPER), FAIL_FORBIDDEN);
		assert_int_equal(does(&m[i], REFUSE, HELPER), FAIL_FORBIDDEN);
		assert_int_equal(allows(&m[i], MANDATE_TO_SEE_CASES, HELPER), FAIL_MANDATE_ENDED);
		assert_int_equal(does(&m[i], REFUSE, STRANGER), FAIL_NOT_FOUND);
		assert_int_equal(m[i].state, MANDATE_OFFERED);
	}
	for (int i = 1; i < 3; i++) {
		assert_int_equal(does(&m[i], ACCEPT_CODE, HELPER), FAIL_FORBIDDEN); /* even with a code that was guessed */
		assert_int_equal(does(&m[i], ACCEPT_WINDOW, HELPER), FAIL_FORBIDDEN);
	}
	for (int i = 0; i < 3; i++)
		assert_int_equal(does(&m[i], REVOKE, HELPER), FAIL_NONE);
}

static void nothing_lies_open(void **state)
{
	(void)state;
	an_offer(MANDATE_AGENT, SEE);
	assert_int_equal(count("SELECT COUNT(*) FROM mandate WHERE INSTR(said, CAST('李大娘' AS BLOB)) > 0 OR INSTR(said, CAST('62129919850101006X' AS BLOB)) > 0"), 0);
}

static void as_many_as_the_kind_says(void **state)
{
	(void)state;
	struct mandate m, last = { 0 };
	for (int i = 0; i < mandate_row(MANDATE_AGENT)->most; i++)
		last = an_offer(MANDATE_AGENT, SEE);
	assert_int_equal(offered(MANDATE_AGENT, people[ELDER].number, people[ELDER].name, SEE, now_ms + DAY, &m), FAIL_MANDATES);
	an_offer(MANDATE_HELPER, SEE); /* counted by themselves */
	assert_int_equal(does(&last, REVOKE, HELPER), FAIL_NONE);
	an_offer(MANDATE_AGENT, SEE);
	now_ms += DAY; /* and offers that nobody answered make room by themselves */
	an_offer(MANDATE_AGENT, SEE);
}

/* ---- accepting: every kind, every way, every asker ---- */

static void who_says_yes(void **state)
{
	(void)state;
	static const enum mandate_by bys[] = { [ACCEPT_CODE] = BY_CODE, [ACCEPT_SESSION] = BY_SESSION, [ACCEPT_WINDOW] = BY_WINDOW };
	for (int kind = MANDATE_AGENT; kind <= MANDATE_GUARDIAN; kind++)
		for (int deed = ACCEPT_CODE; deed <= ACCEPT_WINDOW; deed++)
			for (int who = 0; who < PEOPLE; who++) {
				struct mandate m = an_offer((enum mandate_kind)kind, SEE);
				bool may = (mandate_row(kind)->accepted >> bys[deed] & 1) != 0 &&
					   (deed == ACCEPT_WINDOW || who == (deed == ACCEPT_CODE ? HELPER : ELDER)); /* a clerk is a clerk, whoever `who` is */
				enum fail_code want = may ? FAIL_NONE : who == STRANGER && deed != ACCEPT_WINDOW ? FAIL_NOT_FOUND : FAIL_FORBIDDEN;
				enum fail_code have = does(&m, (enum deed)deed, who);
				if (have != want)
					fail_msg("kind %d, deed %d, who %d: %s", kind, deed, who, fail_row(have)->name);
				assert_int_equal(allows(&m, MANDATE_TO_SEE_CASES, HELPER), may ? FAIL_NONE : FAIL_MANDATE_ENDED);
				if (m.state == MANDATE_OFFERED || m.state == MANDATE_ACTIVE)
					assert_int_equal(does(&m, REVOKE, HELPER), FAIL_NONE);
			}
	struct mandate m = an_offer(MANDATE_AGENT, SEE);
	struct act low = { .what = DO, .deed = ACCEPT_SESSION, .m = m, .r.who = { .kind = WHO_CITIZEN, .id = ids[ELDER], .level = LEVEL_L1 } };
	assert_int_equal(acted(&low, ELDER), FAIL_LEVEL);
}

/* ---- the table of states, all of it ---- */

static void states(void **state)
{
	(void)state;
	static const enum deed to[] = { [MANDATE_ACTIVE] = ACCEPT_SESSION, [MANDATE_REFUSED] = REFUSE, [MANDATE_REVOKED] = REVOKE };
	static const bool may[MANDATE_STATES][MANDATE_STATES] = {
		[MANDATE_OFFERED] = { [MANDATE_ACTIVE] = true, [MANDATE_REFUSED] = true, [MANDATE_REVOKED] = true },
		[MANDATE_ACTIVE] = { [MANDATE_REVOKED] = true },
	};
	for (int from = MANDATE_OFFERED; from < MANDATE_STATES; from++)
		for (int next = MANDATE_ACTIVE; next <= MANDATE_REVOKED; next++) {
			struct mandate m = an_offer(MANDATE_AGENT, SEE);
			if (from == MANDATE_EXPIRED)
				now_ms += DAY;
			else if (from != MANDATE_OFFERED)
				assert_int_equal(does(&m, to[from], ELDER), FAIL_NONE);
			enum fail_code have = does(&m, to[next], ELDER);
			if (have != (may[from][next] ? FAIL_NONE : FAIL_MANDATE_STATE))
				fail_msg("%d to %d: %s", from, next, fail_row(have)->name);
		}
}

static void time_ends_it(void **state)
{
	(void)state;
	struct mandate m = an_offer(MANDATE_AGENT, SEE);
	now_ms += DAY - 1;
	assert_int_equal(does(&m, ACCEPT_SESSION, ELDER), FAIL_NONE);
	now_ms = m.until_ms - 1;
	assert_int_equal(allows(&m, MANDATE_TO_SEE_CASES, HELPER), FAIL_NONE);
	now_ms = m.until_ms;
	assert_int_equal(allows(&m, MANDATE_TO_SEE_CASES, HELPER), FAIL_MANDATE_ENDED); /* no job has run */
	struct mandate next = an_offer(MANDATE_AGENT, SEE);
	assert_int_equal(does(&next, ACCEPT_SESSION, ELDER), FAIL_NONE); /* the one that is over does not stand in its way */
	struct act tidy = { .what = EXPIRE };
	an_offer(MANDATE_AGENT, SEE);
	now_ms += DAY;
	assert_int_equal(acted(&tidy, HELPER), FAIL_NONE);
	assert_int_equal(tidy.rows, 1);
	assert_int_equal(count("SELECT COUNT(*) FROM mandate WHERE state = 5"), 1);
	assert_int_equal(allows(&next, MANDATE_TO_SEE_CASES, HELPER), FAIL_NONE);
}

/* ---- acting ---- */

/* Numbers of scopes have gaps. */
static bool is_scope(int n)
{
	return (mandate_row(MANDATE_REPRESENTATIVE)->scopes >> n & 1) != 0;
}

static void never_beyond_its_scope(void **state)
{
	(void)state;
	for (uint64_t scopes = 2; scopes < UINT64_C(1) << MANDATE_SCOPES; scopes += 2) {
		struct mandate m;
		if ((scopes & ~mandate_row(MANDATE_HELPER)->scopes) != 0) { /* agents are managed for a company alone */
			assert_int_equal(offered(MANDATE_HELPER, people[ELDER].number, people[ELDER].name, scopes, now_ms + DAY, &m), FAIL_FIELD);
			continue;
		}
		m = an_offer(MANDATE_HELPER, scopes);
		assert_int_equal(does(&m, ACCEPT_SESSION, ELDER), FAIL_NONE);
		for (int scope = 1; scope < MANDATE_SCOPES; scope++) {
			if (!is_scope(scope))
				continue;
			bool may = (scopes >> scope & 1) != 0;
			assert_int_equal(allows(&m, (enum mandate_scope)scope, HELPER), may ? FAIL_NONE : FAIL_MANDATE_SCOPE);
			assert_int_equal(allows(&m, (enum mandate_scope)scope, ELDER), FAIL_MANDATE_ENDED); /* the giver is not the holder */
			assert_int_equal(allows(&m, (enum mandate_scope)scope, STRANGER), FAIL_MANDATE_ENDED);
		}
	}
	struct mandate unknown = { .key = id_make(1, salt) };
	assert_int_equal(allows(&unknown, MANDATE_TO_SEE_CASES, HELPER), FAIL_MANDATE_ENDED);
}

static void a_newer_takes_its_place(void **state)
{
	(void)state;
	struct mandate one = an_offer(MANDATE_AGENT, SEE), two = an_offer(MANDATE_AGENT, RECEIVE), other = an_offer(MANDATE_HELPER, SEE);
	assert_int_equal(does(&one, ACCEPT_SESSION, ELDER), FAIL_NONE);
	assert_int_equal(does(&other, ACCEPT_SESSION, ELDER), FAIL_NONE);
	assert_int_equal(does(&two, ACCEPT_SESSION, ELDER), FAIL_NONE);
	assert_int_equal(allows(&one, MANDATE_TO_SEE_CASES, HELPER), FAIL_MANDATE_ENDED);
	assert_int_equal(allows(&two, MANDATE_TO_RECEIVE_MESSAGES, HELPER), FAIL_NONE);
	assert_int_equal(allows(&other, MANDATE_TO_SEE_CASES, HELPER), FAIL_NONE);
	assert_int_equal(count("SELECT COUNT(*) FROM mandate WHERE state = 2"), 2);
}

/* By whom, for whom: the holder's deeds are for the giver, the giver's for himself. */
static void audited(void **state)
{
	(void)state;
	struct mandate m = an_offer(MANDATE_AGENT, SEE);
	assert_int_equal(does(&m, ACCEPT_CODE, HELPER), FAIL_NONE);
	assert_int_equal(does(&m, REVOKE, ELDER), FAIL_NONE);
	assert_int_equal(count("SELECT COUNT(*) FROM audit WHERE act = 50 AND actor_id = 1 AND for_kind = 2 AND for_id = 2 AND subject_kind = 50"), 1);
	assert_int_equal(count("SELECT COUNT(*) FROM audit WHERE act = 51 AND actor_id = 1 AND for_kind = 2 AND for_id = 2"), 1);
	assert_int_equal(count("SELECT COUNT(*) FROM audit WHERE act = 53 AND actor_id = 2 AND for_kind = 0 AND for_id = 0"), 1);
	assert_int_equal(does(&m, ACCEPT_CODE, HELPER), FAIL_MANDATE_STATE);
	assert_int_equal(count("SELECT COUNT(*) FROM audit"), 3); /* what was refused was not done */
}

/* Once a day, by its holder for its giver; the first time is told apart. */
static void use_is_noted(void **state)
{
	(void)state;
	struct mandate m = an_offer(MANDATE_HELPER, SEE);
	assert_int_equal(does(&m, ACCEPT_SESSION, ELDER), FAIL_NONE);
	static const struct { int64_t after_ms; bool noted, first; } uses[] = { { 0, true, true }, { HOUR, false, false }, { 23 * HOUR, true, false }, { 23 * HOUR, false, false } };
	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
		now_ms += uses[i].after_ms;
		struct act a = { .what = USE, .r.who = { .kind = WHO_CITIZEN, .id = ids[HELPER], .level = LEVEL_L2, .acting_for = ids[ELDER], .mandate = m.id } };
		assert_int_equal(acted(&a, HELPER), FAIL_NONE);
		assert_true(a.noted == uses[i].noted && a.first == uses[i].first);
	}
	assert_int_equal(count("SELECT COUNT(*) FROM audit WHERE act = 54 AND actor_id = 1 AND for_kind = 2 AND for_id = 2"), 2);
	assert_int_equal(does(&m, REVOKE, ELDER), FAIL_NONE);
	now_ms += DAY;
	struct act late = { .what = USE, .r.who = { .kind = WHO_CITIZEN, .id = ids[HELPER], .acting_for = ids[ELDER], .mandate = m.id } };
	assert_int_equal(acted(&late, HELPER), FAIL_NONE);
	assert_false(late.noted); /* it was over when the note came */
}

static void names(void **state)
{
	(void)state;
	enum mandate_kind kind;
	for (int i = 1; i < MANDATE_KINDS; i++)
		assert_true(mandate_row(i) != NULL && mandate_row_named(str_c(mandate_row(i)->text), &kind) == mandate_row(i) && (int)kind == i);
	for (int i = 1; i < MANDATE_SCOPES; i++)
		if (is_scope(i))
			assert_int_equal(mandate_scope_named(str_c(mandate_scope_text((enum mandate_scope)i))), i);
	assert_null(mandate_row(0));
	assert_null(mandate_row(MANDATE_KINDS));
	assert_null(mandate_row_named(STR("uncle"), &kind));
	assert_int_equal(mandate_scope_named(STR("everything")), 0);
	assert_string_equal(mandate_state_text(MANDATE_EXPIRED), "expired");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(offering), CASE(nothing_is_learnt), CASE(nothing_lies_open), CASE(as_many_as_the_kind_says), CASE(who_says_yes), CASE(states), CASE(time_ends_it),
		CASE(never_beyond_its_scope), CASE(a_newer_takes_its_place), CASE(audited), CASE(use_is_noted), CASE(names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
