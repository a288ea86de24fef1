/* Goal: whatever fails while an application is handed in, there is no case without it and no submission without a case, the reason is one that may be tried again, and
 * the repetition does the whole thing; and every write of an application's life is the same when it is run again.
 * Method: begin and write a draft through the handlers (each is applied twice by the world), then fail the n-th statement step of the handing in, n = 1, 2, … until
 * it passes; after each failure all rows are as before. */
#include "tests/unit/services_world.h"
#include "auth/person.h"
#include "base/fault.h"
#include "services/applying/application.h"
#include "services/guides/guide.h"

static char id[96];

static bool person(struct tx *tx, void *ctx, struct fail *why)
{
	static const uint8_t salt[16] = "sixteen bytes...";
	struct world *w = ctx;
	struct person_facts facts = { .name = STR("王小明"), .phone = STR("13900000000") };
	int64_t made;
	return person_find_or_make(tx, IDENTITY_RESIDENT, STR(RESIDENT), w->now_ms, &made, why) && person_facts_merge(tx, made, &facts, salt, why);
}

static void import_guide(struct world *w)
{
	json_error_t e;
	json_t *g = json_load_file(SIBAN_SOURCE_DIR "/tests/unit/data/guide.json", 0, &e);
	assert_non_null(g);
	json_object_set_new(g, "department", json_string(DEPARTMENT_A));
	json_object_set_new(g, "places", json_array());
	json_object_set_new(json_array_get(json_object_get(g, "materials"), 0), "from_form", json_true());
	json_object_set_new(g, "form", json_loads("[{\"key\":\"owner\",\"label\":\"姓名\",\"type\":\"text\",\"required\":true}]", 0, NULL));
	char *text = json_dumps(g, JSON_COMPACT);
	world_ask(w, METHOD_POST, "/control/imports/x?line=1", "guides", text);
	w->r.who.kind = WHO_OPERATOR;
	world_expect(w, world_write(w, &control_import));
	free(text);
	json_decref(g);
}

static struct request *as_citizen(struct world *w, const char *target, const char *param, const char *body)
{
	struct request *r = world_ask(w, METHOD_POST, target, param, body);
	r->who = (struct principal){ .kind = WHO_CITIZEN, .id = 1, .level = 2 };
	return r;
}

static int begin(void **state)
{
	static const struct header if_match = { { "if-match", 8 }, { "\"1\"", 3 } };
	struct fail why;
	world_make(state);
	struct world *w = *state;
	fail_clear(&why);
	world_import_small(w);
	import_guide(w);
	world_must(store_write(w->store, person, w, &why), &why);
	as_citizen(w, "/v1/applications", NULL, "{\"matter\":\"M1\",\"region\":\"621202\"}");
	world_expect(w, world_write(w, &application_create));
	snprintf(id, sizeof id, "%s", w->r.outcome.text);
	as_citizen(w, "/v1/applications/x", id, "{\"answers\":{\"owner\":\"王小明\"}}");
	w->r.headers = &if_match;
	w->r.header_count = 1;
	world_expect(w, world_write(w, &application_save));
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

static int applications(void)
{
	for (int t = 0; t < (int)(sizeof(world_tables) / sizeof(world_tables[0])); t++)
		if (strstr(world_tables[t], "FROM application ORDER BY") != NULL)
			return t;
	fail_msg("the world knows no applications");
	return -1;
}

static bool apply_only(struct tx *tx, void *ctx, struct fail *why)
{
	struct world *w = ctx;
	return application_submit.apply(tx, &w->r, why);
}

static bool submit(struct world *w, int fails_at)
{
	char setting[64];
	as_citizen(w, "/v1/applications/x/submit", id, NULL);
	assert_true(application_submit.parse(&w->r, &w->r.why));
	assert_true(world_look(w, &application_submit));
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
	for (; !submit(w, n); n++) {
		if (!fail_row(w->r.why.code)->again)
			fail_msg("%d: %s: %s", n, fail_row(w->r.why.code)->name, w->r.why.log);
		char *after = all_rows(w);
		assert_string_equal(after, before);
		free(after);
		assert_true(n < 1000);
	}
	free(before);
	print_message("%d failures\n", n - 1);
	assert_true(n > 20);
	assert_true(application_submit.render(&w->r, &w->r.why));
	assert_true(body_has(w, "\"state\":\"submitted\""));
	assert_non_null(strstr(world_rows(w, applications()).at, "|2|1|1|"));
	/* and withdrawn, the same when it is run again */
	as_citizen(w, "/v1/applications/x/withdraw", id, NULL);
	world_expect(w, world_write(w, &application_withdraw));
	assert_true(body_has(w, "\"state\":\"withdrawn\""));
}

static bool sweep(struct tx *tx, void *ctx, struct fail *why)
{
	struct world *w = ctx;
	int64_t rows;
	return application_sweep(tx, w->now_ms, 20, &rows, why);
}

/* What handing in asks for follows from the guide, else from the configuration; a face of the last quarter of an hour is enough. */
static void by_level(void **state)
{
	struct world *w = *state;
	w->config.applications_level = 3;
	as_citizen(w, "/v1/applications/x/submit", id, NULL);
	expect_code(w, world_write(w, &application_submit), FAIL_LEVEL, "");
	as_citizen(w, "/v1/applications/x/submit", id, NULL);
	w->r.who.level3_until_ms = w->now_ms + 1;
	world_expect(w, world_write(w, &application_submit));
	json_t *says = json_pack("{s:s}", "level", "real_name"), *silent = json_object();
	assert_int_equal(guide_level(says), 2);
	assert_int_equal(guide_level(silent), 3);
	json_decref(says);
	json_decref(silent);
}

/* A draft that nobody touches goes, on its day and not before. */
static void forgotten(void **state)
{
	struct world *w = *state;
	struct fail why;
	fail_clear(&why);
	w->now_ms += DRAFT_DAYS * INT64_C(86400000) - 1;
	world_must(store_write(w->store, sweep, w, &why), &why);
	assert_true(world_rows(w, applications()).len > 0);
	w->now_ms += 1;
	world_must(store_write(w->store, sweep, w, &why), &why);
	assert_int_equal(world_rows(w, applications()).len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(statements, begin, world_end), cmocka_unit_test_setup_teardown(forgotten, begin, world_end),
					     cmocka_unit_test_setup_teardown(by_level, begin, world_end) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
