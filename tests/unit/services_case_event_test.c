/* Goal: whatever a department's system does (repeat, overtake, leave gaps, be wrong), the timeline is the one it meant: in order,
 * once, nothing lost. Method: the rules one by one, every write applied twice. All of them at once: services_case_order_test.c. */
#include "tests/unit/services_world.h"
#include "auth/person.h"
#include "base/metrics.h"
#include "services/cases/case_journal.h"
#include "services/cases/case_state.h"
#include "services/services.h"

#define APPLICANT "\"matter\":\"M1\",\"region\":\"621202\",\"applicant\":{\"id_type\":\"resident\",\"id_number\":\"" RESIDENT "\"}"

/* An event of department 1; opening ones bring the applicant. */
static bool post(struct world *w, const char *ref, const char *event_id, int seq, const char *event)
{
	char body[512];
	snprintf(body, sizeof(body), "{\"event_id\":\"%s\",\"case_ref\":\"%s\",\"seq\":%d,\"event\":\"%s\",\"occurred_at\":\"2026-11-23T15:00:00+08:00\"%s%s}",
		 event_id, ref, seq, event, seq == 1 ? "," : "", seq == 1 ? APPLICANT : "");
	return world_post(w, 1, body);
}

static const char *location(struct world *w)
{
	for (int i = 0; i < w->r.reply.header_count; i++)
		if (str_eq(w->r.reply.headers[i].name, STR("location")))
			return str_c_copy(&w->r.arena, w->r.reply.headers[i].value);
	return "";
}

static void expect_fact(struct world *w, const char *name, int64_t number)
{
	for (int i = 0; i < w->r.why.fact_count; i++)
		if (strcmp(w->r.why.facts[i].name, name) == 0) {
			assert_int_equal(w->r.why.facts[i].number, number);
			return;
		}
	fail_msg("no fact %s", name);
}

static bool view(struct world *w, int64_t department, const char *ref)
{
	world_ask(w, METHOD_GET, "/v1/department/cases/x", ref, NULL);
	w->r.who = (struct principal){ .kind = WHO_DEPARTMENT, .id = department };
	return world_read(w, &department_case_show);
}

static int begin(void **state)
{
	world_make(state);
	world_import_small(*state);
	return 0;
}

/* ---- in order ---- */

static void opens_and_moves(void **state)
{
	struct world *w = *state;
	world_expect(w, post(w, "A%1", "e1", 1, "submitted"));
	assert_int_equal(w->r.reply.status, 201);
	assert_true(body_has(w, "\"result\":\"applied\",\"case_no\":\"LN62120220261123"));
	assert_true(body_has(w, "\"case_ref\":\"A%1\",\"event_id\":\"e1\",\"seq\":1,\"state\":\"submitted\",\"status\":\"submitted\",\"next_seq\":2,\"released\":[],\"refused\":[]}"));
	assert_string_equal(location(w), "/v1/department/cases/A%251");
	world_expect(w, post(w, "A%1", "e2", 2, "received"));
	assert_true(body_has(w, "\"state\":\"received\",\"status\":\"checking\",\"next_seq\":3"));

	expect_code(w, post(w, "A%1", "e3", 3, "done"), FAIL_ILLEGAL_MOVE, "");
	assert_string_equal(w->r.why.facts[0].text, "received");
	assert_string_equal(w->r.why.facts[1].text, "correct_pre_asked,not_accepted,accepted,returned,withdrawn,aborted");
	world_expect(w, post(w, "A%1", "e3", 3, "accepted")); /* what was refused left no trace: the id is free */

	expect_code(w, post(w, "B%1", "e9", 1, "accepted"), FAIL_ILLEGAL_MOVE, "");
	assert_string_equal(w->r.why.facts[0].text, "none");
	assert_string_equal(w->r.why.facts[1].text, "submitted,received");
	world_expect(w, view(w, 1, "A%1"));
	assert_true(body_has(w, "\"state\":\"accepted\",\"last_seq\":3,\"next_seq\":4,\"held\":[],\"refused\":[]"));
	assert_int_equal(w->r.owner, 1);
	expect_code(w, view(w, 2, "A%1"), FAIL_NOT_FOUND, "");
	expect_code(w, view(w, 1, "B%1"), FAIL_NOT_FOUND, "");
}

/* ---- repeats ---- */

static void repeats(void **state)
{
	struct world *w = *state;
	world_expect(w, post(w, "R", "r1", 1, "received"));
	char case_no[CASE_NUMBER_BYTES];
	memcpy(case_no, w->r.outcome.text, sizeof(case_no) - 1);
	case_no[sizeof(case_no) - 1] = '\0';
	world_expect(w, post(w, "R", "r2", 2, "accepted"));

	struct str before = world_rows(w, WORLD_CASE_EVENTS);
	char *kept = str_c_copy(&w->r.arena, before); /* gone with the next request */
	size_t kept_len = before.len;
	char *copy = malloc(kept_len);
	memcpy(copy, kept, kept_len);
	world_expect(w, post(w, "R", "r1", 1, "received"));
	assert_int_equal(w->r.reply.status, 200);
	assert_true(body_has(w, "\"result\":\"repeated\"") && body_has(w, case_no) && body_has(w, "\"seq\":1,\"state\":\"accepted\"") && body_has(w, "\"next_seq\":3"));
	assert_string_equal(location(w), "");
	struct str after = world_rows(w, WORLD_CASE_EVENTS);
	assert_int_equal(after.len, kept_len);
	assert_memory_equal(after.at, copy, kept_len);
	free(copy);

	expect_code(w, post(w, "R", "r2", 2, "returned"), FAIL_EVENT_REUSED, "");    /* other content */
	expect_code(w, post(w, "R2", "r1", 1, "received"), FAIL_EVENT_REUSED, "");   /* other case */
	expect_code(w, post(w, "R", "other", 1, "received"), FAIL_SEQ_TAKEN, "");    /* opened already */
	expect_fact(w, "next_seq", 3);
	expect_code(w, post(w, "R", "other", 2, "accepted"), FAIL_SEQ_TAKEN, "");
	/* another department's ids and numbers are its own */
	world_expect(w, world_post(w, 2, "{\"event_id\":\"r1\",\"case_ref\":\"R\",\"seq\":1,\"event\":\"received\",\"occurred_at\":\"2026-11-23T15:00:00+08:00\","
		"\"matter\":\"M3\",\"region\":\"621221\",\"applicant\":{\"id_type\":\"uscc\",\"id_number\":\"" COMPANY "\"}}"));
	assert_int_equal(w->r.reply.status, 201);
	/* the same moment in another offset, and x for X, are the same content */
	world_expect(w, world_post(w, 1, "{\"event_id\":\"x1\",\"case_ref\":\"X\",\"seq\":1,\"event\":\"received\",\"occurred_at\":\"2026-11-23T15:00:00+08:00\","
		"\"matter\":\"M1\",\"region\":\"621221\",\"applicant\":{\"id_type\":\"resident\",\"id_number\":\"" OTHER_RESIDENT "\"}}"));
	world_expect(w, world_post(w, 1, "{\"seq\":1,\"event_id\":\"x1\",\"case_ref\":\"X\",\"event\":\"received\",\"occurred_at\":\"2026-11-23T07:00:00Z\","
		"\"matter\":\"M1\",\"region\":\"621221\",\"applicant\":{\"id_number\":\"62129919850101006x\",\"id_type\":\"resident\"}}"));
	assert_int_equal(w->r.reply.status, 200);
}

/* ---- gaps ---- */

static void gaps(void **state)
{
	struct world *w = *state;
	world_expect(w, post(w, "G", "g4", 4, "paused")); /* before the case exists */
	assert_int_equal(w->r.reply.status, 202);
	assert_true(body_has(w, "{\"result\":\"held\",\"case_ref\":\"G\",\"event_id\":\"g4\",\"seq\":4,\"awaiting_seq\":1}"));
	assert_string_equal(location(w), "/v1/department/cases/G");
	world_expect(w, view(w, 1, "G"));
	assert_true(body_has(w, "{\"case_ref\":\"G\",\"case_no\":null,\"state\":null,\"last_seq\":0,\"next_seq\":1,\"held\":[{\"event_id\":\"g4\",\"seq\":4}],\"refused\":[]}"));
	world_expect(w, post(w, "G", "g2", 2, "received"));
	world_expect(w, post(w, "G", "g4", 4, "paused")); /* again: still held */
	assert_int_equal(w->r.reply.status, 202);
	expect_code(w, post(w, "G", "g4", 4, "done"), FAIL_EVENT_REUSED, "");
	expect_code(w, post(w, "G", "g4b", 4, "paused"), FAIL_SEQ_TAKEN, "");
	expect_fact(w, "next_seq", 1);

	world_expect(w, post(w, "G", "g1", 1, "submitted"));
	assert_true(body_has(w, "\"state\":\"received\",\"status\":\"checking\",\"next_seq\":3,\"released\":[2],\"refused\":[]"));
	world_expect(w, post(w, "G", "g2", 2, "received")); /* released meanwhile: a repeat now */
	assert_int_equal(w->r.reply.status, 200);
	world_expect(w, post(w, "G", "g6", 6, "done")); /* will not do from accepted */
	world_expect(w, post(w, "G", "g7", 7, "decided_ok"));
	world_expect(w, post(w, "G", "g5", 5, "resumed"));
	world_expect(w, post(w, "G", "g3", 3, "accepted"));
	assert_true(body_has(w, "\"state\":\"accepted\",\"status\":\"in_progress\",\"next_seq\":6,\"released\":[4,5],"
				"\"refused\":[{\"event_id\":\"g6\",\"seq\":6,\"code\":\"illegal_move\",\"state\":\"accepted\"}]}"));
	world_expect(w, view(w, 1, "G"));
	assert_true(body_has(w, "\"last_seq\":5,\"next_seq\":6,\"held\":[{\"event_id\":\"g7\",\"seq\":7}],"
				"\"refused\":[{\"event_id\":\"g6\",\"seq\":6,\"code\":\"illegal_move\",\"state\":\"accepted\"}]}"));
	expect_code(w, post(w, "G", "g6", 6, "done"), FAIL_ILLEGAL_MOVE, ""); /* the same verdict again */
	world_expect(w, post(w, "G", "g6-corrected", 6, "correct_asked"));   /* now g7 is refused: no decision in correct */
	assert_true(body_has(w, "\"next_seq\":7,\"released\":[],\"refused\":[{\"event_id\":\"g7\",\"seq\":7,"));
	expect_code(w, post(w, "G", "g6", 6, "done"), FAIL_SEQ_TAKEN, "");
	expect_fact(w, "next_seq", 7);
	world_expect(w, post(w, "G", "g7-corrected", 7, "correct_done"));
	assert_true(body_has(w, "\"next_seq\":8,\"released\":[],\"refused\":[]"));
	world_expect(w, view(w, 1, "G"));
	assert_true(body_has(w, "\"held\":[],\"refused\":[{\"event_id\":\"g6\"") && body_has(w, "{\"event_id\":\"g7\",\"seq\":7,\"code\":\"illegal_move\",\"state\":\"correct\"}]"));
}

static void too_many_wait(void **state)
{
	struct world *w = *state;
	char id[16];
	for (int seq = 2; seq <= 51; seq++) {
		snprintf(id, sizeof(id), "m%d", seq);
		world_expect(w, post(w, "M", id, seq, seq % 2 == 0 ? "pre_returned" : "submitted"));
		assert_int_equal(w->r.reply.status, 202);
	}
	expect_code(w, post(w, "M", "m52", 52, "pre_returned"), FAIL_HELD_FULL, "");
	expect_fact(w, "awaiting_seq", 1);
	world_expect(w, post(w, "M", "m51", 51, "submitted")); /* a repeat needs no room */
	world_expect(w, post(w, "M", "m1", 1, "submitted"));
	assert_true(body_has(w, "\"next_seq\":52,\"released\":[2,3,4,") && body_has(w, ",50,51],\"refused\":[]"));
	world_expect(w, post(w, "M", "m52", 52, "pre_returned"));
	assert_int_equal(w->r.reply.status, 201);
}

/* ---- what a body may say ---- */

static void bodies(void **state)
{
	struct world *w = *state;
#define HEAD "{\"event_id\":\"b1\",\"case_ref\":\"BODY\",\"seq\":1,\"event\":\"submitted\",\"occurred_at\":\"2026-11-23T15:00:00+08:00\""
#define LATER "{\"event_id\":\"b1\",\"case_ref\":\"BODY\",\"seq\":2,\"event\":\"received\",\"occurred_at\":\"2026-11-23T15:00:00+08:00\""
#define WHO_APPLIES(type, number) ",\"applicant\":{\"id_type\":\"" type "\",\"id_number\":\"" number "\"}}"
	static const struct {
		const char *body;
		enum fail_code code;
		const char *pointer;
	} rows[] = {
		{ HEAD "}", FAIL_FIELD_MISSING, "/matter" },
		{ HEAD ",\"matter\":\"M1\"}", FAIL_FIELD_MISSING, "/region" },
		{ HEAD ",\"matter\":\"M1\",\"region\":\"621202\"}", FAIL_FIELD_MISSING, "/applicant" },
		{ HEAD ",\"matter\":\"M1\",\"region\":\"621202\",\"applicant\":{}}", FAIL_FIELD_MISSING, "/applicant/id_type" },
		{ HEAD ",\"matter\":\"M1\",\"region\":\"621202\",\"applicant\":3}", FAIL_FIELD, "/applicant" },
		{ HEAD ",\"matter\":\"M1\",\"region\":\"621202\"" WHO_APPLIES("passport", RESIDENT), FAIL_FIELD_MISSING, "/applicant/id_country" },
		{ HEAD ",\"matter\":\"M1\",\"region\":\"621202\"" WHO_APPLIES("diplomat", RESIDENT), FAIL_FIELD, "/applicant/id_type" },
		{ HEAD ",\"matter\":\"M1\",\"region\":\"621202\"" WHO_APPLIES("resident", "621299199006150130"), FAIL_FIELD, "/applicant/id_number" },
		{ HEAD ",\"matter\":\"M1\",\"region\":\"621202\"" WHO_APPLIES("resident", "621299209912310017"), FAIL_FIELD, "/applicant/id_number" },
		{ HEAD ",\"matter\":\"M1\",\"region\":\"621202\"" WHO_APPLIES("resident", "621202000101001"), FAIL_FIELD, "/applicant/id_number" },
		{ HEAD ",\"matter\":\"M1\",\"region\":\"621202\"" WHO_APPLIES("uscc", RESIDENT), FAIL_FIELD, "/applicant/id_number" },
		{ HEAD ",\"matter\":\"NONE\",\"region\":\"621202\"" WHO_APPLIES("resident", RESIDENT), FAIL_FIELD, "/matter" },
		{ HEAD ",\"matter\":\"M3\",\"region\":\"621202\"" WHO_APPLIES("resident", RESIDENT), FAIL_FIELD, "/matter" }, /* department 2's */
		{ HEAD ",\"matter\":\"M1\",\"region\":\"621299\"" WHO_APPLIES("resident", RESIDENT), FAIL_FIELD, "/region" },
		{ HEAD ",\"matter\":\"M1\",\"region\":\"62120A\"" WHO_APPLIES("resident", RESIDENT), FAIL_FIELD, "/region" },
		{ LATER ",\"matter\":\"M1\"}", FAIL_FIELD, "/matter" },
		{ LATER ",\"note\":\"a\\u0007b\"}", FAIL_FIELD, "/note" },
		{ LATER ",\"nota\":\"x\"}", FAIL_FIELD_UNKNOWN, "/nota" },
		{ "{\"event_id\":\"b 1\",\"case_ref\":\"BODY\",\"seq\":2,\"event\":\"received\",\"occurred_at\":\"2026-11-23T15:00:00+08:00\"}", FAIL_FIELD, "/event_id" },
		{ "{\"event_id\":\"b1\",\"case_ref\":\"\",\"seq\":2,\"event\":\"received\",\"occurred_at\":\"2026-11-23T15:00:00+08:00\"}", FAIL_FIELD, "/case_ref" },
		{ "{\"event_id\":\"b1\",\"case_ref\":\"BODY\",\"seq\":0,\"event\":\"received\",\"occurred_at\":\"2026-11-23T15:00:00+08:00\"}", FAIL_FIELD, "/seq" },
		{ "{\"event_id\":\"b1\",\"case_ref\":\"BODY\",\"seq\":100001,\"event\":\"received\",\"occurred_at\":\"2026-11-23T15:00:00+08:00\"}", FAIL_FIELD, "/seq" },
		{ "{\"event_id\":\"b1\",\"case_ref\":\"BODY\",\"seq\":2,\"event\":\"eaten\",\"occurred_at\":\"2026-11-23T15:00:00+08:00\"}", FAIL_FIELD, "/event" },
		{ "{\"event_id\":\"b1\",\"case_ref\":\"BODY\",\"seq\":2,\"event\":\"received\",\"occurred_at\":\"2026-11-23\"}", FAIL_FIELD, "/occurred_at" },
		{ "{\"event_id\":\"b1\",\"case_ref\":\"BODY\",\"seq\":2,\"event\":\"received\",\"occurred_at\":\"2026-11-23T16:05:00.001+08:00\"}", FAIL_FIELD, "/occurred_at" },
		{ "[]", FAIL_BAD_REQUEST, "" },
		{ "{", FAIL_BAD_JSON, "" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		expect_code(w, world_post(w, 1, rows[i].body), rows[i].code, rows[i].pointer);
	}
	assert_null(strstr(str_c_copy(&w->r.arena, world_rows(w, WORLD_CASES)), "BODY"));
	/* five minutes ahead is a clock that runs fast; a live key's unknown field is passed over */
	world_ask(w, METHOD_POST, "/v1/department/events", NULL,
		  "{\"event_id\":\"b1\",\"case_ref\":\"BODY\",\"seq\":2,\"event\":\"received\",\"occurred_at\":\"2026-11-23T16:05:00+08:00\",\"nota\":1}");
	w->r.who = (struct principal){ .kind = WHO_DEPARTMENT, .id = 1 };
	world_expect(w, world_write(w, &department_event_post));
}

/* A replay has the outcome and the parsed request, nothing else. */
static void renders_from_the_outcome(void **state)
{
	struct world *w = *state;
	world_expect(w, post(w, "O", "o2", 2, "done")); /* will be refused: refused and released both in the answer */
	world_expect(w, post(w, "O", "o1", 1, "submitted"));
	struct outcome kept = w->r.outcome;
	char *first = strdup(world_body(w)), first_location[64];
	snprintf(first_location, sizeof(first_location), "%s", location(w));
	char *body = strdup("{\"event_id\":\"o1\",\"case_ref\":\"O\",\"seq\":1,\"event\":\"submitted\",\"occurred_at\":\"2026-11-23T15:00:00+08:00\"," APPLICANT "}");
	w->now_ms += 3600000;
	world_ask(w, METHOD_POST, "/v1/department/events", NULL, body);
	w->r.who = (struct principal){ .kind = WHO_DEPARTMENT, .id = 1, .test_key = true };
	assert_true(department_event_post.parse(&w->r, &w->r.why));
	w->r.outcome = kept;
	int64_t counted = metric_read(M_case_events, CASE_RESULT_APPLIED);
	assert_true(department_event_post.render(&w->r, &w->r.why));
	assert_int_equal(metric_read(M_case_events, CASE_RESULT_APPLIED), counted); /* nothing happened again */
	assert_string_equal(world_body(w), first);
	assert_string_equal(location(w), first_location);
	assert_int_equal(w->r.reply.status, 201);
	w->now_ms -= 3600000;
	free(first);
	free(body);
}

/* The timeline refuses to be changed, whoever asks. */
static bool change_timeline(struct tx *tx, void *ctx, struct fail *why)
{
	DROP(stmt) struct stmt *q = *(bool *)ctx ? tx_query(tx, "UPDATE case_event SET note = 'x'", why) : tx_query(tx, "DELETE FROM case_event", why);
	return q != NULL && stmt_run(q, why);
}

static void append_only(void **state)
{
	struct world *w = *state;
	world_expect(w, post(w, "T", "t1", 1, "submitted"));
	for (int update = 0; update < 2; update++) {
		struct fail why;
		bool how = update == 1;
		fail_clear(&why);
		assert_false(store_write(w->store, change_timeline, &how, &why));
	}
}

/* No identity number, nor a plain hash of one, is in the database's files. */
static void nothing_personal(void **state)
{
	struct world *w = *state;
	world_expect(w, post(w, "P", "p1", 1, "submitted"));
	for (int f = 0; f < 2; f++) {
		char path[512];
		snprintf(path, sizeof(path), "%s/siban.db%s", w->dir, f == 0 ? "" : "-wal");
		FILE *file = fopen(path, "rb");
		assert_non_null(file);
		char *all = malloc(16 << 20);
		size_t len = fread(all, 1, 16 << 20, file);
		fclose(file);
		uint8_t digest[SHA256_BYTES];
		sha256(STR(RESIDENT), digest);
		assert_null(memmem(all, len, RESIDENT, strlen(RESIDENT)));
		assert_null(memmem(all, len, digest, sizeof(digest)));
		free(all);
	}
}

/* ---- name and phone ---- */

static bool opened(struct world *w, const char *ref, const char *event_id, const char *more)
{
	char body[768];
	snprintf(body, sizeof(body), "{\"event_id\":\"%s\",\"case_ref\":\"%s\",\"seq\":1,\"event\":\"submitted\",\"occurred_at\":\"2026-11-23T15:00:00+08:00\","
		 "\"matter\":\"M1\",\"region\":\"621202\",\"applicant\":{\"id_type\":\"resident\",\"id_number\":\"" RESIDENT "\"%s}}", event_id, ref, more);
	return world_post(w, 1, body);
}

static void expect_person(struct world *w, const char *name, const char *phone)
{
	char text[PERSON_FACTS_BYTES];
	struct person_facts known;
	struct fail why;
	struct tx tx;
	fail_clear(&why);
	world_must(reader_begin(w->reader, &tx, &why), &why);
	world_must(person_facts_get(&tx, 1, text, &known, &why), &why);
	reader_end(w->reader);
	assert_true(str_eq(known.number, STR(RESIDENT)) && str_eq(known.name, str_c(name)) && str_eq(known.phone, str_c(phone)));
}

static void name_and_phone(void **state)
{
	struct world *w = *state;
	world_expect(w, opened(w, "F1", "f1", ",\"name\":\"王小明\",\"phone\":\"+8613900000000\""));
	expect_person(w, "王小明", "13900000000");
	assert_false(body_has(w, "王小明") || body_has(w, "13900000000"));
	world_expect(w, opened(w, "F1", "f1", ",\"name\":\"王小明\",\"phone\":\"008613900000000\"")); /* the same number, so the same content */
	assert_true(body_has(w, "\"repeated\""));
	expect_code(w, opened(w, "F1", "f1", ",\"name\":\"王大明\",\"phone\":\"13900000000\""), FAIL_EVENT_REUSED, "");
	expect_code(w, opened(w, "F1", "f1", ",\"name\":\"王小明\",\"phone\":\"13900000001\""), FAIL_EVENT_REUSED, "");
	expect_code(w, opened(w, "F1", "f1", ""), FAIL_EVENT_REUSED, "");
	expect_person(w, "王小明", "13900000000");
	world_expect(w, opened(w, "F2", "f2", ",\"phone\":\"13800000000\""));
	expect_person(w, "王小明", "13800000000");
	world_expect(w, opened(w, "F3", "f3", ",\"name\":\"王大明\""));
	expect_person(w, "王大明", "13800000000");
	world_expect(w, opened(w, "F4", "f4", ""));
	expect_person(w, "王大明", "13800000000");

	expect_code(w, opened(w, "F5", "f5", ",\"phone\":\"12900000000\""), FAIL_FIELD, "/applicant/phone");
	assert_null(strstr(w->r.why.log, "12900000000"));
	expect_code(w, opened(w, "F5", "f5", ",\"name\":\"\""), FAIL_FIELD, "/applicant/name");
	expect_code(w, opened(w, "F5", "f5", ",\"name\":\"a\\nb\""), FAIL_FIELD, "/applicant/name");
	expect_code(w, opened(w, "F5", "f5", ",\"name\":\"一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一\""), FAIL_FIELD,
		    "/applicant/name");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(opens_and_moves, begin, world_end),
		cmocka_unit_test_setup_teardown(repeats, begin, world_end),
		cmocka_unit_test_setup_teardown(gaps, begin, world_end),
		cmocka_unit_test_setup_teardown(too_many_wait, begin, world_end),
		cmocka_unit_test_setup_teardown(bodies, begin, world_end),
		cmocka_unit_test_setup_teardown(renders_from_the_outcome, begin, world_end),
		cmocka_unit_test_setup_teardown(append_only, begin, world_end),
		cmocka_unit_test_setup_teardown(name_and_phone, begin, world_end),
		cmocka_unit_test_setup_teardown(nothing_personal, begin, world_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
