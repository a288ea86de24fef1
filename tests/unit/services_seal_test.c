/* Goal: every event of a case and every audited act has its fact, and whatever is changed in it afterwards is found at its number; a
 * department's feed shows its own sealed events, each once, in one order, a page at the price of a page. Method: events posted by hand, the
 * sealer stepped by hand; each column of case_event changed past the store; the control socket's handlers asked as `siban seal` asks them. */
#include "tests/unit/services_world.h"

#include "store/fact.h"
#include "store/sealer.h"
#include "store/sqlite.h"

enum { IMPORTS = 3 /* of world_import_small: audited, so they are the first facts */, CLOCKS = 3 /* of a_case: three that were stopped */ };

static bool post(struct world *w, int64_t department, const char *ref, int seq, const char *event, const char *note)
{
	char body[640], opening[256] = "";
	if (seq == 1)
		snprintf(opening, sizeof(opening), ",\"matter\":\"%s\",\"region\":\"621202\",\"applicant\":{\"id_type\":\"resident\",\"id_number\":\"" RESIDENT "\"}",
			 department == 1 ? "M1" : "M3");
	snprintf(body, sizeof(body), "{\"event_id\":\"%s-%d\",\"case_ref\":\"%s\",\"seq\":%d,\"event\":\"%s\",\"occurred_at\":\"2026-11-23T15:00:00+08:00\"%s%s%s%s}",
		 ref, seq, ref, seq, event, note != NULL ? ",\"note\":\"" : "", note != NULL ? note : "", note != NULL ? "\"" : "", opening);
	return world_post(w, department, body);
}

static bool seal_apply(struct tx *tx, void *ctx, struct fail *why)
{
	struct world *w = ctx;
	int64_t sealed;
	return sealer_apply(tx, w->now_ms + 1000, 1000000, &sealed, why);
}

static void seal_all(struct world *w)
{
	struct fail why;
	fail_clear(&why);
	world_must(store_write(w->store, seal_apply, w, &why), &why);
}

static int begin(void **state)
{
	world_make(state);
	world_import_small(*state);
	return 0;
}

/* A case of department 1 whose events 2, 3 waited for event 1, and whose 4 has a note. */
static void a_case(struct world *w, const char *ref)
{
	world_expect(w, post(w, 1, ref, 2, "received", NULL));
	world_expect(w, post(w, 1, ref, 3, "accepted", "已受理"));
	world_expect(w, post(w, 1, ref, 1, "submitted", NULL));
	world_expect(w, post(w, 1, ref, 4, "decided_ok", "请到大厅领取"));
}

/* ---- verification ---- */

static bool ask(struct world *w, const struct handler *h, const char *target, const char *param)
{
	world_ask(w, METHOD_POST, target, param, NULL);
	w->r.who.kind = WHO_OPERATOR;
	return world_read(w, h);
}

static void expect_whole(struct world *w, int64_t seals, int64_t events, int64_t audits)
{
	char want[64];
	world_expect(w, ask(w, &control_seal_verify, "/control/seal/verify", NULL));
	snprintf(want, sizeof(want), "\"rows\":%lld,\"end\":true,\"wrong\":null}", (long long)seals);
	if (!body_has(w, want))
		fail_msg("%s", world_body(w));
	world_expect(w, ask(w, &control_seal_rows, "/control/seal/rows/x", "case_event"));
	snprintf(want, sizeof(want), "\"rows\":%lld,\"end\":true,\"wrong\":null}", (long long)events);
	if (!body_has(w, want))
		fail_msg("%s", world_body(w));
	world_expect(w, ask(w, &control_seal_rows, "/control/seal/rows/x", "audit"));
	snprintf(want, sizeof(want), "\"rows\":%lld,\"end\":true,\"wrong\":null}", (long long)audits);
	if (!body_has(w, want))
		fail_msg("%s", world_body(w));
}

static bool holds(struct str text, const char *part)
{
	return memmem(text.at, text.len, part, strlen(part)) != NULL;
}

/* Whom it concerns, where, and when it was made: for an event that waited, not when it came. */
static void a_fact_says_whom_where_and_when(void **state)
{
	struct world *w = *state;
	world_expect(w, post(w, 1, "A", 2, "received", NULL));
	w->now_ms += 86400000;
	world_expect(w, post(w, 1, "A", 1, "submitted", NULL));
	struct str facts = world_rows(w, WORLD_FACTS);
	assert_true(holds(facts, "3|2|3|0|0|0|1795420800000|")); /* an import */
	assert_true(holds(facts, "4|1|1|1|1|621202|1795507200000|") && holds(facts, "5|1|1|2|1|621202|1795507200000|"));
	w->now_ms += 1000;
	world_expect(w, post(w, 1, "A", 3, "accepted", NULL)); /* of a case that was there: its region is read */
	assert_true(holds(world_rows(w, WORLD_FACTS), "6|1|1|3|1|621202|1795507201000|"));
}

static void every_event_and_act_has_its_fact(void **state)
{
	struct world *w = *state;
	a_case(w, "A");
	seal_all(w);
	expect_whole(w, IMPORTS + CLOCKS + 4, 4, IMPORTS);
	/* what changes nothing is no fact: a repeat, a refusal, an event that waits, a dry import */
	world_expect(w, post(w, 1, "A", 4, "decided_ok", "请到大厅领取"));
	expect_code(w, post(w, 1, "A", 5, "submitted", NULL), FAIL_ILLEGAL_MOVE, "");
	world_expect(w, post(w, 1, "B", 2, "received", NULL));
	world_ask(w, METHOD_POST, "/control/imports/x?dry=1", "regions", SMALL_REGIONS);
	world_expect(w, world_write(w, &control_import));
	seal_all(w);
	expect_whole(w, IMPORTS + CLOCKS + 4, 4, IMPORTS);
	/* an act */
	world_ask(w, METHOD_POST, "/control/tokens", NULL, "{\"kind\":\"department\",\"department\":\"" DEPARTMENT_B "\"}");
	w->r.who.kind = WHO_OPERATOR;
	world_expect(w, world_write(w, &control_token));
	seal_all(w);
	expect_whole(w, IMPORTS + CLOCKS + 5, 4, IMPORTS + 1);
	struct str audit = world_rows(w, WORLD_AUDIT);
	assert_true(holds(audit, "1|1|1795420800000|rq_TEST|8|0|0|0|2|3|1|200|line=2 rows=5 changed=5\n"));
	assert_true(holds(audit, "4|11|1795420800000|rq_TEST|8|0|0|0|1|2|2|201|-\n"));
}

static void raw(struct world *w, const char *sql)
{
	char path[300], *said = NULL;
	sqlite3 *db;
	snprintf(path, sizeof(path), "%s/siban.db", w->dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &said) != SQLITE_OK)
		fail_msg("%s: %s", sql, said);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Of case 1, event 3, which is fact 6 and seal 6 (imports, then 1, 2, 3 in their turn). */
static const struct { const char *set, *where, *want; } changes[] = {
	{ "fact = 5", "seq = 3", "\"what\":\"row_changed\",\"text\":\"the record it stands for was changed\",\"seq\":6,\"kind\":\"case_event\",\"ref_a\":1,\"ref_b\":3}" },
	{ "case_id = 2", "seq = 3", "\"what\":\"row_gone\",\"text\":\"the record it stands for is gone\",\"seq\":6,\"kind\":\"case_event\",\"ref_a\":1,\"ref_b\":3}" },
	{ "seq = 9", "seq = 3", "\"what\":\"row_gone\"" },
	{ "department = 2", "seq = 3", "\"what\":\"row_changed\"" },
	{ "event_id = 'A-33'", "seq = 3", "\"what\":\"row_changed\"" },
	{ "digest = zeroblob(32)", "seq = 3", "\"what\":\"row_changed\"" },
	{ "event = event + 1", "seq = 3", "\"what\":\"row_changed\"" },
	{ "state = state + 1", "seq = 3", "\"what\":\"row_changed\"" },
	{ "note = '已受理。'", "seq = 3", "\"what\":\"row_changed\"" },
	{ "note = NULL", "seq = 3", "\"what\":\"row_changed\"" },
	{ "note = ''", "seq = 2", "\"what\":\"row_changed\",\"text\":\"the record it stands for was changed\",\"seq\":5" }, /* it has none */
	{ "occurred_ms = occurred_ms - 86400000", "seq = 3", "\"what\":\"row_changed\"" },
	{ "received_ms = received_ms - 1", "seq = 3", "\"what\":\"row_changed\"" },
};

static void every_column_counts(void **state)
{
	struct world *w = *state;
	a_case(w, "A");
	seal_all(w);
	raw(w, "DROP TRIGGER case_event_no_update; DROP TRIGGER case_event_no_delete; CREATE TABLE kept AS SELECT * FROM case_event");
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		char sql[256];
		snprintf(sql, sizeof(sql), "UPDATE case_event SET %s WHERE %s", changes[i].set, changes[i].where);
		raw(w, sql);
		world_expect(w, ask(w, &control_seal_verify, "/control/seal/verify?limit=2", NULL)); /* in pieces, as it is asked */
		while (body_has(w, "\"end\":false,\"wrong\":null")) {
			char target[160];
			long long seq;
			char chain[65];
			assert_int_equal(sscanf(world_body(w), "{\"seq\":%lld,\"chain\":\"%64[0-9a-f]", &seq, chain), 2);
			snprintf(target, sizeof(target), "/control/seal/verify?limit=2&seq=%lld&chain=%s", seq, chain);
			world_expect(w, ask(w, &control_seal_verify, target, NULL));
		}
		if (!body_has(w, changes[i].want))
			fail_msg("%s: %s", changes[i].set, world_body(w));
		raw(w, "DELETE FROM case_event; INSERT INTO case_event SELECT * FROM kept");
		expect_whole(w, IMPORTS + CLOCKS + 4, 4, IMPORTS);
	}
	/* one put in, with no fact, with another's, with one that is not there */
	static const char *const facts[] = { "0", "6", "77" };
	for (size_t i = 0; i < 3; i++) {
		char sql[256];
		snprintf(sql, sizeof(sql), "INSERT INTO case_event SELECT case_id, 5, department, 'A-5', digest, event, state, note, occurred_ms, received_ms, %s"
			 " FROM kept WHERE seq = 3", facts[i]);
		raw(w, sql);
		world_expect(w, ask(w, &control_seal_rows, "/control/seal/rows/x?limit=100", "case_event"));
		assert_true(body_has(w, "\"wrong\":{\"what\":\"row_unknown\"") && body_has(w, "\"kind\":\"case_event\",\"ref_a\":1,\"ref_b\":5}"));
		raw(w, "DELETE FROM case_event WHERE seq = 5");
	}
}

static void case_event_is_only_added_to(void **state)
{
	struct world *w = *state;
	static const char *const refused[] = { "UPDATE case_event SET note = 'x'", "DELETE FROM case_event", "UPDATE OR REPLACE case_event SET seq = 2 WHERE seq = 3" };
	char path[300];
	sqlite3 *db;
	a_case(w, "A");
	seal_all(w);
	snprintf(path, sizeof(path), "%s/siban.db", w->dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (sqlite3_exec(db, refused[i], NULL, NULL, NULL) != SQLITE_CONSTRAINT || strcmp(sqlite3_errmsg(db), "case_event is append-only") != 0)
			fail_msg("%s: %s", refused[i], sqlite3_errmsg(db));
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	expect_whole(w, IMPORTS + CLOCKS + 4, 4, IMPORTS);
	/* REPLACE asks no trigger of SQLite's; the chain tells */
	raw(w, "REPLACE INTO case_event SELECT case_id, seq, department, event_id, digest, event, state, 'x', occurred_ms, received_ms, fact FROM case_event WHERE seq = 3");
	world_expect(w, ask(w, &control_seal_verify, "/control/seal/verify", NULL));
	assert_true(body_has(w, changes[0].want));
}

static void the_control_socket_says_where_and_what(void **state)
{
	struct world *w = *state;
	seal_all(w);
	a_case(w, "A");
	world_expect(w, ask(w, &control_seal_head, "/control/seal/head", NULL));
	assert_true(body_has(w, "{\"seq\":3,\"chain\":\"") && body_has(w, "\"hash\":\"sha256\",\"sealed_at\":\"2026-11-23T16:00:01.000+08:00\",\"unsealed\":7,"
		"\"oldest_unsealed_at\":\"2026-11-23T16:00:00.000+08:00\"}"));
	static const struct { const char *target, *pointer; } wrong[] = {
		{ "/control/seal/verify?seq=1", "chain" }, { "/control/seal/verify?seq=1&chain=00", "chain" }, { "/control/seal/verify?seq=-1", "seq" },
		{ "/control/seal/verify?limit=0", "limit" }, { "/control/seal/verify?limit=1001", "limit" }, { "/control/seal/verify?other=1", "other" },
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		expect_code(w, ask(w, &control_seal_verify, wrong[i].target, NULL), FAIL_QUERY, wrong[i].pointer);
	expect_code(w, ask(w, &control_seal_rows, "/control/seal/rows/x", "person"), FAIL_NOT_FOUND, "");
	expect_code(w, ask(w, &control_seal_rows, "/control/seal/rows/x?ref_a=x", "audit"), FAIL_QUERY, "ref_a");
	char target[160] = "/control/seal/verify?seq=99&chain=";
	memset(target + strlen(target), '0', 64);
	world_expect(w, ask(w, &control_seal_verify, target, NULL));
	assert_true(body_has(w, "\"wrong\":{\"what\":\"no_such_head\"") && body_has(w, "\"seq\":99}"));
}

/* ---- the feed ---- */

static bool feed(struct world *w, int64_t department, const char *query)
{
	char target[160];
	snprintf(target, sizeof(target), "/v1/department/feed%s", query);
	world_ask(w, METHOD_GET, target, NULL, NULL);
	w->r.who = (struct principal){ .kind = WHO_DEPARTMENT, .id = department, .token = 1 };
	return world_read(w, &department_feed);
}

/* "A-1 A-2 " of the answer. */
static void ids_of(struct world *w, char *out)
{
	*out = '\0';
	for (const char *at = world_body(w); (at = strstr(at, "\"event_id\":\"")) != NULL;) {
		at += 12;
		size_t len = strcspn(at, "\"");
		strncat(out, at, len);
		strcat(out, " ");
	}
}

static const char *next_of(struct world *w, char query[64])
{
	const char *at = strstr(world_body(w), "\"next_cursor\":\"");
	assert_non_null(at);
	snprintf(query, 64, "?limit=3&cursor=%.32s", at + 15);
	return query;
}

static void a_department_follows_its_own(void **state)
{
	struct world *w = *state;
	char ids[512], next[64];
	world_expect(w, feed(w, 1, "?limit=3"));
	assert_true(body_has(w, "{\"items\":[],\"more\":false,\"next_cursor\":\"")); /* a place to go on from even now */
	next_of(w, next);
	a_case(w, "A");
	world_expect(w, post(w, 2, "X", 1, "submitted", NULL));
	world_expect(w, post(w, 1, "B", 1, "submitted", NULL));
	world_expect(w, feed(w, 1, next));
	assert_true(body_has(w, "{\"items\":[],\"more\":false")); /* committed, not sealed */
	seal_all(w);
	world_expect(w, feed(w, 1, next));
	ids_of(w, ids);
	assert_string_equal(ids, "A-1 A-2 A-3 ");
	assert_true(body_has(w, "],\"more\":true,\"next_cursor\":\""));
	assert_true(body_has(w, "{\"seal_seq\":6,\"case_no\":\"LN621202") && body_has(w, "\"case_ref\":\"A\",\"seq\":3,\"event_id\":\"A-3\",\"event\":\"accepted\",\"state\":\"accepted\","
		"\"status\":\"in_progress\",\"occurred_at\":\"2026-11-23T15:00:00.000+08:00\",\"received_at\":\"2026-11-23T16:00:00.000+08:00\","
		"\"sealed_at\":\"2026-11-23T16:00:01.000+08:00\"}"));
	assert_true(w->r.reply.header_count == 1 && strcmp(w->r.reply.headers[0].name.at, "link") == 0);
	world_expect(w, feed(w, 1, next_of(w, next)));
	ids_of(w, ids);
	assert_string_equal(ids, "A-4 B-1 ");
	assert_true(body_has(w, "],\"more\":false,") && w->r.reply.header_count == 0);
	next_of(w, next);
	world_expect(w, feed(w, 1, next)); /* at the end, again and again, from the same place */
	assert_true(body_has(w, "{\"items\":[],\"more\":false"));
	world_expect(w, post(w, 1, "B", 2, "received", NULL));
	seal_all(w);
	world_expect(w, feed(w, 1, next));
	ids_of(w, ids);
	assert_string_equal(ids, "B-2 ");
	/* the other sees its own, and no cursor of ours */
	expect_code(w, feed(w, 2, next), FAIL_CURSOR, "cursor");
	world_expect(w, feed(w, 2, ""));
	ids_of(w, ids);
	assert_string_equal(ids, "X-1 ");
	expect_code(w, feed(w, 1, "?since=1"), FAIL_QUERY, "since");
}

static int count_step(void *steps)
{
	++*(int *)steps;
	return 0;
}

static int steps_of_a_page(struct world *w, const char *query)
{
	int steps = 0;
	sqlite3_progress_handler(w->reader->db, 1, count_step, &steps);
	world_expect(w, feed(w, 1, query));
	sqlite3_progress_handler(w->reader->db, 0, NULL, NULL);
	return steps;
}

/* Whatever lies before and between: steps of SQLite's machine, not time. */
static void a_page_costs_a_page(void **state)
{
	struct world *w = *state;
	char next[64], ref[16];
	a_case(w, "A");
	seal_all(w);
	world_expect(w, feed(w, 1, "?limit=3"));
	int first = steps_of_a_page(w, "?limit=3");
	next_of(w, next);
	for (int i = 0; i < 150; i++) {
		snprintf(ref, sizeof(ref), "X%d", i);
		world_expect(w, post(w, 2, ref, 1, "submitted", NULL));
		if (i % 10 == 0) {
			snprintf(ref, sizeof(ref), "C%d", i);
			world_expect(w, post(w, 1, ref, 1, "submitted", NULL));
		}
	}
	seal_all(w);
	assert_in_range(steps_of_a_page(w, "?limit=3"), first / 2, first + 8);
	assert_in_range(steps_of_a_page(w, next), first / 2, first + 30); /* from A-4 over its clocks and dozens of the other's */
	assert_true(body_has(w, "\"event_id\":\"C10-1\"") && body_has(w, "\"more\":true"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_fact_says_whom_where_and_when, begin, world_end),
		cmocka_unit_test_setup_teardown(every_event_and_act_has_its_fact, begin, world_end),
		cmocka_unit_test_setup_teardown(every_column_counts, begin, world_end),
		cmocka_unit_test_setup_teardown(case_event_is_only_added_to, begin, world_end),
		cmocka_unit_test_setup_teardown(the_control_socket_says_where_and_what, begin, world_end),
		cmocka_unit_test_setup_teardown(a_department_follows_its_own, begin, world_end),
		cmocka_unit_test_setup_teardown(a_page_costs_a_page, begin, world_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
