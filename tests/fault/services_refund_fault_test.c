/* Goal: whatever fails while somebody asks for money back, withdraws it, a unit verifies it, two people decide it, or a clerk pays it out, nothing of it stays (no refund, no posting, no count),
 * and trying again does the whole thing; and applied twice each leaves the same rows. Method: tests/write_faults.h, a row for each. */
#include "tests/write_faults.h"

#include "auth/right.h"

#define CODE "62120226100000000012"
#define NOTICE "{\"kind\":\"penalty\",\"division\":\"621200\",\"unit\":\"065080906\",\"unit_name\":\"市公安局\",\"payer\":{\"name\":\"王小明\",\"id_number\":\"" RESIDENT "\"}," \
	"\"items\":[{\"item\":\"103050101\",\"name\":\"罚款\",\"amount_fen\":20000},{\"item\":\"103050102\",\"name\":\"工本费\",\"amount_fen\":600}],\"payment_code\":\"" CODE "\",\"total_fen\":20600}"

enum { CLERK = 1, CHECKER = 2 };

static char refund[ID_TEXT_BYTES], proposal[ID_TEXT_BYTES];

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

static void by_department(struct world *w, const char *param, const char *body)
{
	world_ask(w, METHOD_POST, "/v1/department/refunds", param, body);
	w->r.who = (struct principal){ .kind = WHO_DEPARTMENT, .id = 1, .token = 1, .test_key = true };
}

static void by_staff(struct world *w, int who, const char *param, const char *body)
{
	world_ask(w, METHOD_POST, "/v1/staff/proposals", param, body);
	w->r.who = (struct principal){ .kind = WHO_STAFF, .id = who, .token = who, .session = who, .region = 621200, .rights = UINT64_MAX };
}

static void keep(struct world *w, char to[ID_TEXT_BYTES])
{
	snprintf(to, ID_TEXT_BYTES, "%.*s", ID_TEXT_BYTES - 1, w->r.outcome.text);
}

static void paid(struct world *w)
{
	struct fail why;
	fail_clear(&why);
	world_import_small(w);
	by_department(w, NULL, NOTICE);
	world_expect(w, world_write(w, &department_notice_put));
	world_must(store_write(w->store, staff_make, NULL, &why), &why);
	by_staff(w, CLERK, NULL, "{\"payment_codes\":[\"" CODE "\"],\"channel\":\"cash\",\"amount_fen\":20600}");
	world_expect(w, world_write(w, &hall_payment));
}

static void ask_refund(struct world *w)
{
	world_ask(w, METHOD_POST, "/v1/refunds", NULL, "{\"payment_code\":\"" CODE "\",\"refundable_fen\":20600,\"amount_fen\":20100,\"ground\":\"overcharged\",\"reason\":\"多收了\"}");
	w->r.who = (struct principal){ .kind = WHO_CITIZEN, .id = 1, .level = 2 };
}

static void asked_for(struct world *w)
{
	paid(w);
	ask_refund(w);
	world_expect(w, world_write(w, &refund_create));
	keep(w, refund);
}

static void ask_withdraw(struct world *w)
{
	world_ask(w, METHOD_POST, "/v1/refunds/x/withdraw", refund, NULL);
	w->r.who = (struct principal){ .kind = WHO_CITIZEN, .id = 1, .level = 2 };
}

static void ask_verify(struct world *w) { by_department(w, refund, "{\"verdict\":\"verified\"}"); }
static void ask_refuse(struct world *w) { by_department(w, refund, "{\"verdict\":\"refused\",\"note\":\"未多收\"}"); }

static void verified(struct world *w)
{
	asked_for(w);
	ask_verify(w);
	world_expect(w, world_write(w, &refund_review));
}

static void propose(struct world *w, const char *payload)
{
	char body[256];
	snprintf(body, sizeof(body), "{\"kind\":\"refund_decide\",\"region\":\"621200\",\"payload\":%s,\"subject\":\"%s\"}", payload, refund);
	by_staff(w, CLERK, NULL, body);
	world_expect(w, world_write(w, &staff_proposal_make));
	keep(w, proposal);
}

static void approval(struct world *w)
{
	verified(w);
	propose(w, "{\"verdict\":\"approve\"}");
}

static void refusal(struct world *w)
{
	verified(w);
	propose(w, "{\"verdict\":\"refuse\",\"note\":\"不符合条件\"}");
}

static void ask_decide(struct world *w) { by_staff(w, CHECKER, proposal, NULL); }

static void approved(struct world *w)
{
	approval(w);
	ask_decide(w);
	world_expect(w, world_write(w, &staff_proposal_approve));
}

static void ask_paid(struct world *w) { by_staff(w, CLERK, refund, "{}"); }

static const struct write_case cases[] = {
	{ "asked for", &refund_create, paid, ask_refund, NULL, 15 },
	{ "withdrawn", &refund_withdraw, asked_for, ask_withdraw, NULL, 6 },
	{ "verified", &refund_review, asked_for, ask_verify, NULL, 5 },
	{ "refused by the unit", &refund_review, asked_for, ask_refuse, NULL, 8 },
	{ "decided: paid", &staff_proposal_approve, approval, ask_decide, NULL, 25 },
	{ "decided: refused", &staff_proposal_approve, refusal, ask_decide, NULL, 12 },
	{ "paid out", &hall_refund_paid, approved, ask_paid, NULL, 14 },
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
