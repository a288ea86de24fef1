/* Goal: whatever fails while a mandate is accepted, nothing of it stays, the reason is one that may be tried again, and the repetition does the whole thing.
 * Method: an older one gives its place up, so that there is most to do; fail the n-th statement step, n = 1, 2, … until it passes; after each failure all
 * rows are as before. */
#include "tests/unit/services_world.h"
#include "auth/mandate.h"
#include "auth/right.h"
#include "base/fault.h"

static struct id keys[2];

static bool make(struct tx *tx, void *ctx, struct fail *why)
{
	static const uint8_t salt[16] = "sixteen bytes...";
	static const struct { const char *number, *name; } people[] = { { RESIDENT, "王小明" }, { OTHER_RESIDENT, "李大娘" } };
	struct world *w = ctx;
	int64_t ids[2];
	struct mandate m;
	for (int i = 0; i < 2; i++) {
		struct person_facts facts = { .name = str_c(people[i].name) };
		if (!person_find_or_make(tx, IDENTITY_RESIDENT, str_c(people[i].number), w->now_ms, &ids[i], why) || !person_facts_merge(tx, ids[i], &facts, salt, why))
			return false;
	}
	for (int i = 0; i < 2; i++) {
		struct request holder = { .who = { .kind = WHO_CITIZEN, .id = ids[0], .level = LEVEL_L2 }, .now_ms = w->now_ms, .id = "rq_TEST" }, giver = holder;
		uint8_t random[10] = { (uint8_t)(i + 1) };
		struct mandate_new n = { .kind = MANDATE_AGENT, .giver = { .kind = IDENTITY_RESIDENT, .number = OTHER_RESIDENT }, .giver_name = STR("李大娘"),
					 .scopes = UINT64_C(1) << MANDATE_TO_SEE_CASES, .until_ms = w->now_ms + 1000, .key = id_make(w->now_ms, random), .salt = salt };
		keys[i] = n.key;
		giver.who.id = ids[1];
		if (!mandate_offer(tx, &holder, &n, &m, why) || (i == 0 && !mandate_accept(tx, &giver, &m, BY_SESSION, why)))
			return false;
	}
	return true;
}

static int begin(void **state)
{
	struct fail why;
	world_make(state);
	fail_clear(&why);
	world_must(store_write(((struct world *)*state)->store, make, *state, &why), &why);
	return 0;
}

static char *all_rows(struct world *w)
{
	size_t len = 0;
	char *all = calloc(1, 1 << 20);
	arena_reset(&w->arena);
	for (size_t t = 0; t < sizeof(world_tables) / sizeof(world_tables[0]); t++) {
		struct str rows = world_rows(w, (int)t);
		memcpy(all + len, rows.at, rows.len);
		len += rows.len;
	}
	return all;
}

static bool apply_only(struct tx *tx, void *ctx, struct fail *why)
{
	struct world *w = ctx;
	return me_mandate_accept.apply(tx, &w->r, why);
}

static bool accept(struct world *w, int fails_at)
{
	char setting[64], id[ID_TEXT_BYTES];
	id_text(keys[1], "md", id);
	world_ask(w, METHOD_POST, "/v1/me/mandates/x/accept", id, NULL)->who = (struct principal){ .kind = WHO_CITIZEN, .id = 2, .level = LEVEL_L2 };
	assert_true(me_mandate_accept.parse(&w->r, &w->r.why));
	snprintf(setting, sizeof(setting), "store_step=%d", fails_at);
	assert_true(fault_set(str_c(setting)));
	bool ok = store_write(w->store, apply_only, w, &w->r.why);
	fault_clear_all();
	return ok;
}

static void statements(void **state)
{
	struct world *w = *state;
	char *before = all_rows(w);
	int n = 1;
	for (; !accept(w, n); n++) {
		if (!fail_row(w->r.why.code)->again)
			fail_msg("%d: %s: %s", n, fail_row(w->r.why.code)->name, w->r.why.log);
		char *after = all_rows(w);
		assert_string_equal(after, before);
		free(after);
		assert_true(n < 1000);
	}
	free(before);
	print_message("%d failures\n", n - 1);
	assert_true(n > 15);
	assert_non_null(strstr(world_rows(w, WORLD_MANDATES).at, "|2|1|2|"));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(statements, begin, world_end) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
