/* Goal: whoever waits for a refund is shown the last day of the clock that runs, each clock with its own number of working days from the day after it began, whatever states it passes through
 * meanwhile, and none when it is over; and what is with the treasury goes back by the treasury's way, what is not by the one it came. Method: a counter's payment on a Monday in November 2026, the
 * shipped calendar, three clocks of different lengths, and decisions on different days. */
#include "login_world.h"

#define CODE "62120226100000000012"
#define NOTICE "{\"kind\":\"ordinary\",\"division\":\"621200\",\"unit\":\"065080906\",\"unit_name\":\"市公安局\",\"payer\":{\"name\":\"王小明\",\"id_number\":\"" RESIDENT "\"}," \
	"\"items\":[{\"item\":\"103050101\",\"name\":\"证照费\",\"amount_fen\":20000}],\"payment_code\":\"" CODE "\",\"total_fen\":20000}"

enum { CLERK = 1, CHECKER = 2 };

static bool staff_make(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO staff (id, account, name, region, roles, state, password, password_ms, totp, totp_step, invited_until_ms, made_ms, changed_ms)"
		" VALUES (1, 'clerk', $1, 621200, 0, 2, '', 0, $1, 0, 0, 0, 0), (2, 'checker', $1, 621200, 0, 2, '', 0, $1, 0, 0, 0, 0)", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, "", 0);
	return stmt_run(q, why);
}

static void writes(struct world *w, struct principal who, const struct handler *h, const char *param, const char *body)
{
	world_ask(w, METHOD_POST, "/v1/x", param, body);
	w->r.who = who;
	world_expect(w, world_write(w, h));
}

static struct principal staff(int who)
{
	return (struct principal){ .kind = WHO_STAFF, .id = who, .token = who, .session = who, .region = 621200, .rights = UINT64_MAX };
}

static const struct principal unit = { .kind = WHO_DEPARTMENT, .id = 1, .token = 1, .test_key = true }, payer = { .kind = WHO_CITIZEN, .id = 1, .level = 2 };

static void calendar(struct world *w)
{
	static char text[32 << 10];
	FILE *f = fopen(SIBAN_SOURCE_DIR "/data/calendar.csv", "rb");
	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	world_import(w, "calendar", text);
}

static void paid(struct world *w)
{
	struct fail why;
	fail_clear(&why);
	world_import_small(w);
	calendar(w);
	writes(w, unit, &department_notice_put, NULL, NOTICE);
	world_must(store_write(w->store, staff_make, NULL, &why), &why);
	writes(w, staff(CLERK), &hall_payment, NULL, "{\"payment_codes\":[\"" CODE "\"],\"channel\":\"cash\",\"amount_fen\":20000}");
}

static char refund[ID_TEXT_BYTES];

static void asked(struct world *w)
{
	writes(w, payer, &refund_create, NULL, "{\"payment_code\":\"" CODE "\",\"refundable_fen\":20000,\"ground\":\"overcharged\",\"reason\":\"多收了\"}");
	snprintf(refund, sizeof(refund), "%.*s", ID_TEXT_BYTES - 1, w->r.outcome.text);
}

static void decided(struct world *w, const char *payload)
{
	char body[256], proposal[ID_TEXT_BYTES];
	snprintf(body, sizeof(body), "{\"kind\":\"refund_decide\",\"region\":\"621200\",\"payload\":%s,\"subject\":\"%s\"}", payload, refund);
	writes(w, staff(CLERK), &staff_proposal_make, NULL, body);
	snprintf(proposal, sizeof(proposal), "%.*s", ID_TEXT_BYTES - 1, w->r.outcome.text);
	writes(w, staff(CHECKER), &staff_proposal_approve, proposal, NULL);
}

/* What both are shown of it. */
static void shown(struct world *w, const char *state, const char *due_on, const char *path)
{
	const struct principal who[] = { staff(CLERK), payer };
	char want[64];
	for (int i = 0; i < 2; i++) {
		world_ask(w, METHOD_GET, "/v1/refunds/x", refund, NULL);
		w->r.who = who[i];
		world_expect(w, world_read(w, &refund_show));
		const char *body = world_body(w);
		snprintf(want, sizeof(want), "\"due_on\":%s%s%s", due_on != NULL ? "\"" : "", due_on != NULL ? due_on : "null", due_on != NULL ? "\"" : "");
		if (strstr(body, want) == NULL)
			fail_msg("%s: not %s in %s", state, want, body);
		snprintf(want, sizeof(want), "\"path\":%s%s%s", path != NULL ? "\"" : "", path != NULL ? path : "null", path != NULL ? "\"" : "");
		if (strstr(body, want) == NULL)
			fail_msg("%s: not %s in %s", state, want, body);
	}
	snprintf(want, sizeof(want), "\"state\":\"%s\"", state);
	world_ask(w, METHOD_GET, "/v1/office/refunds/x", refund, NULL);
	w->r.who = staff(CLERK);
	world_expect(w, world_read(w, &refund_show));
	assert_non_null(strstr(world_body(w), want));
}

static void each_clock_has_its_last_day(void **state)
{
	struct world *w = *state;
	w->config.refund_review_days = 3;
	w->config.refund_decide_days = 5;
	w->config.refund_pay_days = 7;
	paid(w);
	asked(w);
	shown(w, "asked", "2026-11-26", NULL);
	w->now_ms += DAY; /* a day passes: the last one stays where it is */
	shown(w, "asked", "2026-11-26", NULL);
	w->now_ms += DAY;
	writes(w, unit, &refund_review, refund, "{\"verdict\":\"verified\"}");
	shown(w, "reviewed", "2026-12-02", NULL);
	w->now_ms += 2 * DAY;
	decided(w, "{\"verdict\":\"approve\"}"); /* a Friday: two week-ends lie in seven working days */
	shown(w, "sent", "2026-12-08", "treasury");
	w->config.refund_pay_days = 1;
	shown(w, "sent", "2026-11-30", "treasury");
}

static void none_runs_when_it_is_over(void **state)
{
	struct world *w = *state;
	paid(w);
	asked(w);
	writes(w, payer, &refund_withdraw, refund, NULL);
	shown(w, "withdrawn", NULL, NULL);
	asked(w);
	writes(w, unit, &refund_review, refund, "{\"verdict\":\"refused\",\"note\":\"未多收\"}");
	shown(w, "refused", NULL, NULL);
	asked(w);
	writes(w, unit, &refund_review, refund, "{\"verdict\":\"verified\"}");
	decided(w, "{\"verdict\":\"approve\"}");
	shown(w, "sent", "2026-12-07", "counter");
	writes(w, staff(CLERK), &hall_refund_paid, refund, "{}");
	shown(w, "done", NULL, "counter");
}

/* Money is with the treasury when more than treasury_days days have passed since it came; who decides may say otherwise. */
static void by_the_way_it_came_until_the_treasury_has_it(void **state)
{
	static const struct { int treasury_days, days; const char *payload, *path; } rows[] = {
		{ 1, 0, "{\"verdict\":\"approve\"}", "counter" }, { 1, 1, "{\"verdict\":\"approve\"}", "counter" }, { 1, 2, "{\"verdict\":\"approve\"}", "treasury" },
		{ 0, 1, "{\"verdict\":\"approve\"}", "treasury" }, { -1, 9, "{\"verdict\":\"approve\"}", "counter" }, { 1, 2, "{\"verdict\":\"approve\",\"path\":\"counter\"}", "counter" },
		{ 1, 0, "{\"verdict\":\"approve\",\"path\":\"treasury\"}", "treasury" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (i > 0)
			login_make(state);
		struct world *w = *state;
		w->config.treasury_days = rows[i].treasury_days;
		paid(w);
		asked(w);
		writes(w, unit, &refund_review, refund, "{\"verdict\":\"verified\"}");
		w->now_ms += rows[i].days * DAY;
		decided(w, rows[i].payload);
		world_ask(w, METHOD_GET, "/v1/office/refunds/x", refund, NULL);
		w->r.who = staff(CLERK);
		world_expect(w, world_read(w, &refund_show));
		char want[32];
		snprintf(want, sizeof(want), "\"path\":\"%s\"", rows[i].path);
		if (strstr(world_body(w), want) == NULL)
			fail_msg("row %zu: not %s", i, want);
		if (i + 1 < sizeof(rows) / sizeof(rows[0]))
			login_unmake(state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_clock_has_its_last_day, login_make, login_unmake),
		cmocka_unit_test_setup_teardown(none_runs_when_it_is_over, login_make, login_unmake),
		cmocka_unit_test_setup_teardown(by_the_way_it_came_until_the_treasury_has_it, login_make, login_unmake),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
