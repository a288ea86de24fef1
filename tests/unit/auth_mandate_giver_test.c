/* Goal: whoever cannot say yes on a phone of his own is found all the same: by his papers at a window of the place, and nowhere else; a code goes only to a phone that its owner has confirmed;
 * and one helper may act for a whole village.
 * Method: tests/unit/mandate_world.h; papers right and wrong, phones of each level, fifty elders and one more. */
#include "mandate_world.h"

/* ---- a window ---- */

static enum fail_code at_window(const struct mandate *m, int64_t region, const char *number, const char *name)
{
	struct act a = { .what = PAPERS, .m = *m, .new = { .giver_name = str_c(name) }, .r.who = { .kind = WHO_STAFF, .id = 7, .region = region } };
	assert_int_equal(identity_person(str_c(number), IDENTITY_LATEST_DAY, &a.new.giver), IDENTITY_FINE);
	return acted(&a, 0);
}

static void by_papers(void **state)
{
	(void)state;
	struct mandate child, elder = an_offer(MANDATE_AGENT, SEE);
	assert_int_equal(offered(MANDATE_GUARDIAN, "110101199003074514", "王小小", SEE, now_ms + DAY, &child), FAIL_NONE);
	assert_int_equal(at_window(&child, 621221, "110101199003074514", "王小小"), FAIL_NOT_FOUND); /* another county */
	assert_int_equal(at_window(&child, 621200, "110101199003074514", "王小"), FAIL_MANDATE_PAPERS);
	assert_int_equal(at_window(&child, 621200, people[ELDER].number, "王小小"), FAIL_MANDATE_PAPERS);
	assert_int_equal(count("SELECT COUNT(*) FROM person"), PEOPLE);
	assert_int_equal(at_window(&child, 621202, "110101199003074514", "王小小"), FAIL_NONE);
	assert_int_equal(count("SELECT COUNT(*) FROM person"), PEOPLE + 1); /* nobody had heard of him */
	assert_int_equal(at_window(&elder, 621200, people[ELDER].number, people[ELDER].name), FAIL_NONE);
	assert_int_equal(at_window(&elder, 621200, people[ELDER].number, people[ELDER].name), FAIL_MANDATE_STATE);
	assert_int_equal(count("SELECT COUNT(*) FROM mandate WHERE state = 2 AND accepted_by = 4"), 2);
	assert_int_equal(count("SELECT COUNT(*) FROM audit WHERE act = 51 AND actor_kind = 16 AND actor_id = 7 AND for_kind = 2 AND for_id > 0"), 2);
}

/* ---- the phone ---- */

static int phone_level;

static bool phone_make(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	struct login_found found;
	uint8_t device[32] = { (uint8_t)phone_level };
	if (!login_enter(tx, LOGIN_PHONE, STR(PHONE), device, now_ms, salt, &found, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE login SET person = $1, level = $2 WHERE id = $3", why);
	stmt_bind_int(q, 1, ids[ELDER]);
	stmt_bind_int(q, 2, phone_level);
	stmt_bind_int(q, 3, found.login);
	return stmt_run(q, why);
}

static bool phone_of_department(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	struct person_facts facts = { .phone = STR("13900000009") };
	return person_facts_merge(tx, ids[ELDER], &facts, salt, why);
}

static bool has_phone(const struct mandate *m)
{
	struct act a = { .what = FIND_PHONE, .m = *m };
	assert_int_equal(acted(&a, HELPER), FAIL_NONE);
	assert_true(!a.found || strcmp(a.phone, PHONE) == 0);
	return a.found;
}

static void only_a_phone_that_was_confirmed(void **state)
{
	(void)state;
	struct fail why;
	fail_clear(&why);
	struct mandate m = an_offer(MANDATE_AGENT, SEE);
	assert_false(has_phone(&m));
	must(store_write(store, phone_of_department, NULL, &why), &why);
	assert_false(has_phone(&m));
	phone_level = 1;
	must(store_write(store, phone_make, NULL, &why), &why);
	assert_false(has_phone(&m));
	phone_level = 2;
	must(store_write(store, phone_make, NULL, &why), &why);
	assert_true(has_phone(&m));
	now_ms += LOGIN_IDLE_MS + 1;
	assert_false(has_phone(&m)); /* it may be another's by now */
}

/* ---- a village helper ---- */

static bool elders_make(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	for (int i = 0; i < 50; i++) {
		char number[IDENTITY_NUMBER_MAX + 1];
		int64_t id;
		snprintf(number, sizeof(number), "6212991940010%05u", (unsigned)i % 100000u); /* rows ask no form of it */
		if (!person_find_or_make(tx, IDENTITY_RESIDENT, str_c(number), NOW, &id, why))
			return false;
		struct person_facts facts = { .name = STR("老人") };
		struct request r = { .who = { .kind = WHO_CITIZEN, .id = ids[HELPER], .level = LEVEL_L2 }, .now_ms = now_ms };
		struct request elder = { .who = { .kind = WHO_CITIZEN, .id = id, .level = LEVEL_L2 }, .now_ms = now_ms };
		uint8_t random[10] = { 200, (uint8_t)i };
		struct mandate_new n = { .kind = MANDATE_HELPER, .giver = { .kind = IDENTITY_RESIDENT }, .giver_name = STR("老人"), .scopes = SEE,
					 .until_ms = now_ms + DAY, .key = id_make(now_ms, random), .salt = salt };
		struct mandate m;
		snprintf(n.giver.number, sizeof(n.giver.number), "%s", number);
		if (!person_facts_merge(tx, id, &facts, salt, why) || !mandate_offer(tx, &r, &n, &m, why) || !mandate_accept(tx, &elder, &m, BY_SESSION, why))
			return false;
	}
	return true;
}

static bool elders_list(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	struct mandate page[20];
	int64_t below = INT64_MAX;
	int count = 20, seen = 0;
	while (count == 20) {
		if (!mandate_list(tx, MANDATES_HELD, ids[HELPER], below, now_ms, page, 20, &count, why))
			return false;
		for (int i = 0; i < count; i++, seen++) {
			assert_true(page[i].id < below && page[i].state == MANDATE_ACTIVE);
			below = page[i].id;
		}
	}
	assert_int_equal(seen, 50);
	return mandate_list(tx, MANDATES_GIVEN, page[0].giver, INT64_MAX, now_ms, page, 20, &count, why) && count == 1;
}

static void fifty_elders(void **state)
{
	(void)state;
	struct fail why;
	fail_clear(&why);
	must(store_write(store, elders_make, NULL, &why), &why);
	must(store_write(store, elders_list, NULL, &why), &why);
}

int main(void)
{
	const struct CMUnitTest tests[] = { CASE(by_papers), CASE(only_a_phone_that_was_confirmed), CASE(fifty_elders) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
