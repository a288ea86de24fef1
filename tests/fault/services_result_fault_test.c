/* Goal: whatever fails while a result is given or corrected, a code made, or something handed out, nothing of it stays (no hand-out without its event, no event without its
 * hand-out), and trying again does the whole thing; and applied twice each leaves the same rows. Method: tests/write_faults.h, a row for each. */
#include "tests/write_faults.h"
#include "services/result.h"

static char case_no[CASE_NUMBER_BYTES], code[PICKUP_DIGITS + 1];

static void event(struct world *w, int seq, const char *name)
{
	char body[512];
	snprintf(body, sizeof body, "{\"event_id\":\"r%d\",\"case_ref\":\"R\",\"seq\":%d,\"event\":\"%s\",\"occurred_at\":\"2026-11-23T10:00:00+08:00\"%s}", seq, seq, name,
		 seq == 1 ? ",\"matter\":\"M1\",\"region\":\"621202\",\"applicant\":{\"id_type\":\"resident\",\"id_number\":\"" RESIDENT "\"}" : "");
	world_expect(w, world_post(w, 1, body));
	memcpy(case_no, w->r.outcome.text, CASE_NUMBER_LENGTH);
}

static bool staff_make(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO staff (id, account, name, region, roles, state, password, password_ms, totp, totp_step, invited_until_ms, made_ms, changed_ms)"
		" VALUES (1, 'clerk', $1, 621200, 0, 2, '', 0, $1, 0, 0, 0, 0)", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, "", 0);
	return stmt_run(q, why);
}

static void decided(struct world *w)
{
	static const char *const names[] = { "submitted", "received", "accepted", "decided_ok", "done" };
	struct fail why;
	fail_clear(&why);
	world_import_small(w);
	world_must(store_write(w->store, staff_make, NULL, &why), &why);
	for (int i = 0; i < 5; i++)
		event(w, i + 1, names[i]);
}

static void give(struct world *w, const char *body)
{
	world_ask(w, METHOD_POST, "/v1/department/cases/R/result", "R", body);
	w->r.who = (struct principal){ .kind = WHO_DEPARTMENT, .id = 1, .token = 1, .test_key = true };
}

static void ask_first(struct world *w) { give(w, "{\"decision\":\"granted\",\"document_no\":\"A-1\",\"ready_for_collection\":true,\"place\":\"一号窗口\"}"); }
static void ask_other(struct world *w) { give(w, "{\"decision\":\"granted\",\"document_no\":\"A-2\",\"ready_for_collection\":true,\"place\":\"二号窗口\"}"); }

static void given(struct world *w)
{
	decided(w);
	ask_first(w);
	world_expect(w, world_write(w, &department_result));
}

static void ask_code(struct world *w)
{
	world_ask(w, METHOD_POST, "/v1/cases/x/pickup-codes", case_no, NULL);
	w->r.who = (struct principal){ .kind = WHO_CITIZEN, .id = 1, .level = 2 };
}

static void coded(struct world *w)
{
	given(w);
	struct fail why;
	fail_clear(&why);
	w->expiring = expiring_memory(&why);
	ask_code(w);
	world_expect(w, world_write(w, &pickup_code_make));
	memcpy(code, strstr(world_body(w), "\"code\":\"") + 8, PICKUP_DIGITS);
}

static void ask_hand_out(struct world *w)
{
	char body[64];
	snprintf(body, sizeof body, "{\"code\":\"%s\"}", code);
	world_ask(w, METHOD_POST, "/v1/hall/cases/x/hand-out", case_no, body);
	w->r.who = (struct principal){ .kind = WHO_STAFF, .id = 1, .region = 621200 };
}

static const struct write_case cases[] = {
	{ "a result", &department_result, decided, ask_first, NULL, 10 },
	{ "corrected", &department_result, given, ask_other, NULL, 10 },
	{ "a code", &pickup_code_make, given, ask_code, NULL, 1 },
	{ "handed out", &hall_hand_out, coded, ask_hand_out, NULL, 15 },
};

static void each(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		login_make(state);
		write_faults(*state, &cases[i]);
		login_unmake(state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(each) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
