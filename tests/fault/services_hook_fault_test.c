/* Goal: whatever fails while an address or a duty phone is added, changed or removed, or while receivers are told, nothing of it stays, and the repetition does
 * the whole thing; when nothing got through for long, and only then, an address is disabled.
 * Method: fail the n-th statement step of each handler and of a bite of the job; effects' ends told by hand. */
#include "auth/right.h"
#include "auth/role.h"
#include "auth/staff.h"
#include "every_statement.h"
#include "services/departments/hook.h"
#include "services/supervision/alert.h"

#define KEY_ONE "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define KEY_TWO "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define DAY_MS INT64_C(86400000)

static void as_department(struct world *w, const struct deed *d)
{
	world_ask(w, METHOD_POST, "/v1/department/hooks", d->param[0] != '\0' ? d->param : NULL, d->body);
	w->r.who = (struct principal){ .kind = WHO_DEPARTMENT, .id = 1, .rights = rights_all(WHO_DEPARTMENT) };
}

static int64_t supervisor;

static void as_supervisor(struct world *w, const struct deed *d)
{
	world_ask(w, METHOD_POST, "/v1/staff/duty-phones", d->param[0] != '\0' ? d->param : NULL, d->body);
	w->r.who = (struct principal){ .kind = WHO_STAFF, .id = supervisor, .session = 10, .region = 621200, .rights = role_row(ROLE_SUPERVISOR)->rights };
}

static bool hired(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	uint8_t random[32] = { 1 };
	struct staff_new s = { .account = STR("super"), .name = STR("王小明"), .region = 621200, .roles = 1 << ROLE_SUPERVISOR };
	return staff_invite(tx, &s, NOW_MS, random, &supervisor, why);
}

static int begin(void **state)
{
	struct fail why;
	world_make(state);
	struct world *w = *state;
	world_import_small(w);
	fail_clear(&why);
	world_must(store_write(w->store, hired, NULL, &why), &why);
	return 0;
}

static void did(struct world *w, const struct deed *d)
{
	d->ask(w, d);
	world_expect(w, world_write(w, d->handler));
}

static const char *hook_rows(struct world *w)
{
	size_t t = 0;
	while (strstr(world_tables[t], " FROM hook ORDER") == NULL)
		t++;
	return world_rows(w, (int)t).at;
}

static void an_address(void **state)
{
	struct world *w = *state;
	struct deed d = { .ask = as_department, .handler = &hook_add_handler, .least = 8, .body = "{\"url\":\"https://a.example/x\",\"secret\":\"" KEY_ONE "\"}" };
	char id[ID_TEXT_BYTES];
	every_statement(w, &d);
	assert_non_null(strstr(hook_rows(w), "https://a.example/x"));
	snprintf(id, sizeof(id), "%.*s", ID_TEXT_BYTES - 1, w->r.outcome.text);
	const struct handler *others[] = { &hook_rotate_handler, &hook_enable_handler, &hook_remove_handler };
	for (int i = 0; i < 3; i++) {
		struct deed next = { .ask = as_department, .handler = others[i], .least = 4, .body = i == 0 ? "{\"secret\":\"" KEY_TWO "\"}" : NULL };
		memcpy(next.param, id, sizeof(id));
		every_statement(w, &next);
	}
	w->commits++; /* other random bytes */
	did(w, &d); /* the address is free again */
}

static void a_phone(void **state)
{
	struct world *w = *state;
	struct deed d = { .ask = as_supervisor, .handler = &staff_duty_add, .least = 8, .body = "{\"phone\":\"13900001111\"}" };
	every_statement(w, &d);
	struct deed gone = { .ask = as_supervisor, .handler = &staff_duty_remove, .least = 4 };
	snprintf(gone.param, sizeof(gone.param), "%.*s", ID_TEXT_BYTES - 1, w->r.outcome.text);
	every_statement(w, &gone);
}

/* ---- a bite of the job ---- */

struct bite {
	struct world *w;
	int64_t now_ms, told;
};

static bool bite(struct tx *tx, void *ctx, struct fail *why)
{
	struct bite *b = ctx;
	return alerts_push(tx, &b->w->config, b->now_ms, 10, &b->told, why);
}

static bool sql_run(struct tx *tx, void *ctx, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, (const char *)ctx, why);
	return q != NULL && stmt_run(q, why);
}

static void sql(struct world *w, const char *text)
{
	struct fail why;
	fail_clear(&why);
	world_must(store_write(w->store, sql_run, (void *)(uintptr_t)text, &why), &why);
}

/* A clock of department 1's case was told of as broken, and that is sealed. */
static void a_light(struct world *w)
{
	sql(w, "INSERT INTO fact (id, kind, ref_a, ref_b, department, region, made_ms, digest) SELECT COALESCE(MAX(id), 0) + 1, 3,"
	       " (SELECT COALESCE(MAX(id), 0) + 1 FROM clock_event), 0, 1, 621200, 1, CAST('x' AS BLOB) FROM fact");
	sql(w, "INSERT INTO clock_event (id, fact, case_id, kind, what, day, begun, days, due, department, region) SELECT COALESCE(MAX(id), 0) + 1,"
	       " (SELECT MAX(id) FROM fact), 1, 2, 3, 20780, 20700, 5, 20000 + COALESCE(MAX(id), 0), 1, 621200 FROM clock_event");
	sql(w, "INSERT INTO seal (seq, fact, department, sealed_ms, chain) SELECT COALESCE(MAX(seq), 0) + 1, (SELECT MAX(id) FROM fact), 1, 1, CAST('x' AS BLOB) FROM seal");
	sql(w, "INSERT INTO seal_place (kind, place, seq, ref) SELECT 3, -1, MAX(seq), (SELECT MAX(id) FROM clock_event) FROM seal");
}

static void telling(void **state)
{
	struct world *w = *state;
	struct deed d = { .ask = as_department, .handler = &hook_add_handler, .body = "{\"url\":\"https://a.example/x\",\"secret\":\"" KEY_ONE "\"}" };
	struct bite b = { w, NOW_MS, 0 };
	struct fail why;
	char setting[64];
	int n = 1;
	sql(w, "INSERT INTO calendar_year (year, bits, version) SELECT 2026, zeroblob(48), 1"); /* no day of it works */
	did(w, &d);
	struct deed opening = { .ask = as_department, .handler = &department_event_post, .body = "{\"event_id\":\"e1\",\"case_ref\":\"R1\",\"seq\":1,\"event\":\"submitted\","
		"\"occurred_at\":\"2026-11-20T09:00:00+08:00\",\"matter\":\"M1\",\"region\":\"621200\",\"applicant\":{\"id_type\":\"resident\",\"id_number\":\"" RESIDENT "\"}}" };
	did(w, &opening);
	for (int i = 0; i < 30; i++)
		a_light(w);
	fail_clear(&why);
	world_must(store_write(w->store, bite, &b, &why), &why);
	assert_int_equal(b.told, 0); /* nobody is told on a day off */
	sql(w, "INSERT INTO calendar_day (region, day, works, name, source) VALUES (621200, 20780, 1, 'x', 'x')");
	char *before = all_rows(w);
	for (;; n++) {
		fail_clear(&why);
		snprintf(setting, sizeof(setting), "store_step=%d", n);
		assert_true(fault_set(str_c(setting)));
		bool ok = store_write(w->store, bite, &b, &why);
		fault_clear_all();
		if (ok)
			break;
		assert_true(fail_row(why.code)->again && n < 1000);
		char *after = all_rows(w);
		assert_string_equal(after, before);
		free(after);
	}
	free(before);
	assert_true(n > 15);
	assert_int_equal(b.told, 1); /* thirty at once are one message */
	const char *effects = world_rows(w, WORLD_EFFECTS).at;
	assert_int_equal(effects != NULL && strstr(effects, "|3|1|") != NULL && strchr(effects, '\n') == strrchr(effects, '\n'), 1);
	fail_clear(&why);
	world_must(store_write(w->store, bite, &b, &why), &why);
	assert_int_equal(b.told, 0); /* once */
	a_light(w);
	b.now_ms += INT64_C(29) * 60000;
	world_must(store_write(w->store, bite, &b, &why), &why);
	assert_int_equal(b.told, 0); /* not so soon again */
	b.now_ms += INT64_C(2) * 60000;
	world_must(store_write(w->store, bite, &b, &why), &why);
	assert_int_equal(b.told, 1);
}

/* ---- what became of it ---- */

struct end {
	struct effect_view e;
	int64_t now_ms;
};

static bool ended(struct tx *tx, void *ctx, struct fail *why)
{
	struct end *e = ctx;
	return hook_followed(tx, &e->e, e->now_ms, why);
}

static void told(struct world *w, enum effect_state state, const char *code, int64_t ago_ms)
{
	struct end e = { { .state = state, .made_ms = NOW_MS - ago_ms, .subject = "hook:1" }, NOW_MS };
	struct fail why;
	fail_clear(&why);
	snprintf(e.e.code, sizeof(e.e.code), "%s", code);
	world_must(store_write(w->store, ended, &e, &why), &why);
}

static bool row_has(struct world *w, const char *failing, const char *disabled)
{
	char end[64];
	snprintf(end, sizeof(end), "|%s|%s|-", failing, disabled);
	return strstr(hook_rows(w), end) != NULL;
}

static void long_failure(void **state)
{
	struct world *w = *state;
	char since[32], now[32];
	struct deed d = { .ask = as_department, .handler = &hook_add_handler, .body = "{\"url\":\"https://a.example/x\",\"secret\":\"" KEY_ONE "\"}" };
	did(w, &d);
	snprintf(now, sizeof(now), "%lld", (long long)NOW_MS);
	assert_true(row_has(w, "-", "-"));
	told(w, EFFECT_FAILED, "http_500", DAY_MS / 2);
	snprintf(since, sizeof(since), "%lld", (long long)(NOW_MS - DAY_MS / 2));
	assert_true(row_has(w, since, "-"));
	told(w, EFFECT_DONE, "http_200", 0);
	assert_true(row_has(w, "-", "-"));
	told(w, EFFECT_FAILED, "http_500", DAY_MS);
	snprintf(since, sizeof(since), "%lld", (long long)(NOW_MS - DAY_MS));
	assert_true(row_has(w, since, now));
	d = (struct deed){ .ask = as_department, .handler = &hook_enable_handler };
	snprintf(d.param, sizeof(d.param), "%.*s", ID_TEXT_BYTES - 1, w->r.outcome.text);
	did(w, &d);
	told(w, EFFECT_FAILED, "http_410", 1); /* its receiver's word */
	snprintf(since, sizeof(since), "%lld", (long long)(NOW_MS - 1));
	assert_true(row_has(w, since, now));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_address, begin, world_end), cmocka_unit_test_setup_teardown(a_phone, begin, world_end),
		cmocka_unit_test_setup_teardown(telling, begin, world_end), cmocka_unit_test_setup_teardown(long_failure, begin, world_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
