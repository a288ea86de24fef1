/* Goal: what waits cannot fill the disk, and what was refused once cannot end the gateway after the rules have changed. Method: the
 * table of held events is made as another time would have left it; then a department's system goes on as if nothing were. */
#include "tests/unit/services_world.h"
#include "services/cases/case_journal.h"
#include "services/cases/case_state.h"

static bool post(struct world *w, const char *ref, const char *event_id, int seq, const char *event)
{
	char body[512];
	snprintf(body, sizeof(body), "{\"event_id\":\"%s\",\"case_ref\":\"%s\",\"seq\":%d,\"event\":\"%s\",\"occurred_at\":\"2026-11-23T15:00:00+08:00\"%s}",
		 event_id, ref, seq, event,
		 seq == 1 ? ",\"matter\":\"M1\",\"region\":\"621202\",\"applicant\":{\"id_type\":\"resident\",\"id_number\":\"" RESIDENT "\"}" : "");
	return world_post(w, 1, body);
}

static int begin(void **state)
{
	world_make(state);
	world_import_small(*state);
	return 0;
}

/* As a system would leave it that sends events of cases it never opens. */
static bool fill_department(struct tx *tx, void *ctx, struct fail *why)
{
	const int *count = ctx;
	uint8_t digest[SHA256_BYTES] = { 0 };
	for (int i = 0; i < *count; i++) {
		char text[32];
		int64_t id;
		snprintf(text, sizeof(text), "never-opened-%d", i);
		if (!tx_next_id(tx, "held_event", &id, why))
			return false;
		DROP(stmt) struct stmt *q = tx_query(tx,
			"INSERT INTO held_event (id, department, case_ref, seq, refused_in, event_id, digest, event, occurred_ms, received_ms)"
			" VALUES ($1, 1, $2, 2, 0, $3, $4, 3, 0, 0)", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, id);
		stmt_bind_text(q, 2, str_c(text));
		stmt_bind_text(q, 3, str_c(text));
		stmt_bind_blob(q, 4, digest, sizeof(digest));
		if (!stmt_run(q, why))
			return false;
	}
	return true;
}

static void too_many_wait_for_one_department(void **state)
{
	struct world *w = *state;
	struct fail why;
	int count = CASE_HELD_DEPARTMENT_MAX - 1;
	fail_clear(&why);
	world_must(store_write(w->store, fill_department, &count, &why), &why);
	world_expect(w, post(w, "L", "l2", 2, "received"));
	expect_code(w, post(w, "K", "k2", 2, "received"), FAIL_HELD_FULL, "");
	assert_string_equal(w->r.why.facts[0].name, "awaiting_seq");
	assert_int_equal(w->r.why.facts[0].number, 1);
	world_expect(w, post(w, "K", "k1", 1, "submitted")); /* what need not wait goes on */
	world_expect(w, post(w, "L", "l1", 1, "submitted"));
	assert_true(body_has(w, "\"released\":[2]"));
	world_expect(w, post(w, "K", "k3", 3, "accepted")); /* and has made room */
	assert_int_equal(w->r.reply.status, 202);
	world_expect(w, world_post(w, 2, "{\"event_id\":\"d2\",\"case_ref\":\"D\",\"seq\":2,\"event\":\"received\",\"occurred_at\":\"2026-11-23T15:00:00+08:00\"}"));
	assert_int_equal(w->r.reply.status, 202);
}

/* A later release may allow more moves. What was refused before comes again: it must not end the gateway. */
static bool as_if_rules_were_narrower(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE held_event SET refused_in = $1 WHERE event_id = 'w2'", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, CASE_SUBMITTED); /* where today "received" is allowed */
	return stmt_run(q, why);
}

static void refused_by_older_rules(void **state)
{
	struct world *w = *state;
	struct fail why;
	world_expect(w, post(w, "W", "w2", 2, "received"));
	world_expect(w, post(w, "W", "w1", 1, "received"));
	assert_true(body_has(w, "\"refused\":[{\"event_id\":\"w2\""));
	fail_clear(&why);
	world_must(store_write(w->store, as_if_rules_were_narrower, NULL, &why), &why);
	expect_code(w, post(w, "W", "w2", 2, "received"), FAIL_ILLEGAL_MOVE, "");
	world_expect(w, post(w, "W", "w2-again", 2, "accepted"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(too_many_wait_for_one_department, begin, world_end),
		cmocka_unit_test_setup_teardown(refused_by_older_rules, begin, world_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
