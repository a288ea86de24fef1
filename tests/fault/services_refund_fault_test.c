/* Goal: whatever fails while somebody asks for money back, withdraws it, a unit verifies it, two people decide it, a clerk pays it out, it is sent again, its e-receipt is called back, or odd
 * money is applied or goes back, nothing of it stays (no refund, no posting, no count), and trying again does the whole thing; and applied twice each leaves the same rows.
 * Method: tests/write_faults.h, a row for each. */
#include "tests/write_faults.h"

#include "auth/right.h"
#include "base/arena.h"
#include "notify/account.h"
#include "payments/bureau/receipt_send.h"
#include "payments/refunds/refund_wechat.h"
#include "services/money/refunding.h"

#define CODE "62120226100000000012"
#define NOTICE "{\"kind\":\"penalty\",\"division\":\"621200\",\"unit\":\"065080906\",\"unit_name\":\"市公安局\",\"payer\":{\"name\":\"王小明\",\"id_number\":\"" RESIDENT "\"}," \
	"\"items\":[{\"item\":\"103050101\",\"name\":\"罚款\",\"amount_fen\":20000},{\"item\":\"103050102\",\"name\":\"工本费\",\"amount_fen\":600}],\"payment_code\":\"" CODE "\",\"total_fen\":20600}"

enum { CLERK = 1, CHECKER = 2 };
static inline void arena_dropper(struct arena *a) { arena_free(a); }

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

static void propose_of(struct world *w, const char *kind, const char *payload, const char *subject)
{
	char body[256];
	snprintf(body, sizeof(body), "{\"kind\":\"%s\",\"region\":\"621200\",\"payload\":%s,\"subject\":\"%s\"}", kind, payload, subject);
	by_staff(w, CLERK, NULL, body);
	world_expect(w, world_write(w, &staff_proposal_make));
	keep(w, proposal);
}

static void propose(struct world *w, const char *payload) { propose_of(w, "refund_decide", payload, refund); }

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

/* ---- by the unit, by the office ---- */

#define WISH "{\"payment_code\":\"" CODE "\",\"refundable_fen\":20600,\"amount_fen\":20100,\"ground\":\"technical\",\"reason\":\"系统差错\"}"
static void ask_by_unit(struct world *w) { by_department(w, NULL, WISH); }
static void ask_by_office(struct world *w) { by_staff(w, CLERK, NULL, WISH); }

static void run(struct world *w, bool (*apply)(struct tx *tx, void *ctx, struct fail *why), void *ctx)
{
	struct fail why;
	fail_clear(&why);
	world_must(store_write(w->store, apply, ctx, &why), &why);
}

static bool sql_run(struct tx *tx, const char *const sql, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, sql, why);
	return q != NULL && stmt_run(q, why);
}

/* As if the finance system had told us of it. */
static bool of_no_unit(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	return sql_run(tx, "UPDATE pay_notice SET department = NULL", why);
}

static void asked_of_office(struct world *w)
{
	paid(w);
	run(w, of_no_unit, NULL);
	ask_refund(w);
	world_expect(w, world_write(w, &refund_create));
	keep(w, refund);
}

static void ask_office_verifies(struct world *w) { by_staff(w, CLERK, refund, "{\"verdict\":\"verified\"}"); }
static void ask_office_refuses(struct world *w) { by_staff(w, CLERK, refund, "{\"verdict\":\"refused\",\"note\":\"未多收\"}"); }

/* ---- by the treasury's voucher ---- */

static void by_treasury(struct world *w)
{
	verified(w);
	propose(w, "{\"verdict\":\"approve\",\"path\":\"treasury\"}");
	ask_decide(w);
	world_expect(w, world_write(w, &staff_proposal_approve));
	propose_of(w, "refund_by_hand", "{\"number\":\"TH2026-0001\"}", refund);
}

/* ---- odd money ---- */

static char odd[ID_TEXT_BYTES];

static bool odd_came(struct tx *tx, void *ctx, struct fail *why)
{
	DROP(arena) struct arena a;
	struct odd_row row;
	int64_t id;
	struct odd_money m = { .kind = ODD_LATE, .channel = PAY_BY_WECHAT, .reference = STR("4200000001202611230000000001"), .order = 1, .division = 621200, .fen = 20600,
		.came_ms = ((struct world *)ctx)->now_ms };
	arena_init(&a, 16 << 10);
	if (!odd_money_put(tx, &m, m.came_ms, &id, why) || !odd_money_by_id(tx, id, &row, &a, why))
		return false;
	odd_money_key_text(row.key, odd);
	return true;
}

/* Ordered, given up, and paid by the channel all the same. */
static void came_late(struct world *w)
{
	char order[ID_TEXT_BYTES];
	world_import_small(w);
	by_department(w, NULL, NOTICE);
	world_expect(w, world_write(w, &department_notice_put));
	run(w, staff_make, NULL);
	world_ask(w, METHOD_POST, "/v1/orders", NULL, "{\"payment_codes\":[\"" CODE "\"]}");
	w->r.who = (struct principal){ .kind = WHO_CITIZEN, .id = 1, .level = 2 };
	world_expect(w, world_write(w, &order_create));
	keep(w, order);
	world_ask(w, METHOD_POST, "/v1/orders/x/cancel", order, NULL);
	w->r.who = (struct principal){ .kind = WHO_CITIZEN, .id = 1, .level = 2 };
	world_expect(w, world_write(w, &order_cancel));
	run(w, odd_came, w);
}

static void to_be_applied(struct world *w)
{
	came_late(w);
	propose_of(w, "odd_apply", "{}", odd);
}

static void accounts(struct world *w)
{
	struct fail why;
	fail_clear(&why);
	strcpy(w->config.wechat_pay_url, "https://api.mch.weixin.qq.com");
	strcpy(w->config.finance_url, "https://finance.example");
	world_must(accounts_open(&w->config, &why), &why);
}

static void to_go_back(struct world *w)
{
	came_late(w);
	accounts(w);
	propose_of(w, "odd_refund", "{\"note\":\"超时缴款\"}", odd);
}

static bool is_abnormal(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT key FROM pay_refund WHERE state = 4", why);
	struct id key;
	if (q == NULL || !stmt_row(q, why))
		return false;
	memcpy(key.bytes, stmt_blob(q, 0).at, ID_BYTES);
	refund_key_text(key, refund);
	return sql_run(tx, "UPDATE pay_refund SET state = 7, word = 'ABNORMAL', next_ms = NULL", why);
}

static void abnormal(struct world *w)
{
	to_go_back(w);
	ask_decide(w);
	world_expect(w, world_write(w, &staff_proposal_approve));
	run(w, is_abnormal, NULL);
}

static void ask_again(struct world *w) { by_staff(w, CLERK, refund, NULL); }

/* ---- its e-receipt ---- */

static bool receipt_made(struct tx *tx, void *ctx, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO pay_receipt (id, confirmation, state, word, code, number, check_code, link, red_code, red_number, is_unwanted, made_ms, issued_ms, reversed_ms, changed_ms)"
		" VALUES (1, 1, $1, '', '62030126', '0000000001', 'abcdef', $2, '', '', 0, 0, 1, 0, 0)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, *(const int64_t *)ctx);
	stmt_bind_blob(q, 2, "", 0);
	return stmt_run(q, why);
}

static void receipted(struct world *w)
{
	static int64_t issued = 2;
	approval(w);
	accounts(w);
	run(w, receipt_made, &issued);
}

static void not_reversed(struct world *w)
{
	static int64_t state = 6;
	paid(w);
	accounts(w);
	run(w, receipt_made, &state);
}

static void ask_reverse(struct world *w) { by_staff(w, CLERK, CODE, NULL); }

/* ---- by the unit and the office: withdrawn ---- */

static void asked_by_unit(struct world *w)
{
	paid(w);
	ask_by_unit(w);
	world_expect(w, world_write(w, &refund_create));
	keep(w, refund);
}

static void asked_by_office(struct world *w)
{
	paid(w);
	ask_by_office(w);
	world_expect(w, world_write(w, &refund_create));
	keep(w, refund);
}

static void ask_unit_withdraws(struct world *w) { by_department(w, refund, NULL); }
static void ask_office_withdraws(struct world *w) { by_staff(w, CHECKER, refund, NULL); }

/* ---- the last of it is paid: a new paper for what remains ---- */

static bool red_and_sent(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	return sql_run(tx, "UPDATE pay_confirmation SET state = 3", why) && sql_run(tx, "UPDATE pay_receipt SET state = 5, effect = NULL, amount_fen = 20600, red_number = '9000000001'", why) &&
	       sql_run(tx, "UPDATE pay_refund SET told = state, next_ms = 1", why);
}

static void called_back(struct world *w)
{
	receipted(w);
	ask_decide(w);
	world_expect(w, world_write(w, &staff_proposal_approve));
	run(w, red_and_sent, NULL);
}

/* ---- a bite of push_refunds ---- */

static bool bite_apply(struct tx *tx, struct request *r, struct fail *why)
{
	int64_t rows;
	r->outcome = (struct outcome){ .code = 1, .status = 200 };
	return refunds_push(tx, r->now_ms, 20, &rows, why);
}

static bool bite_render(struct request *r, struct fail *why)
{
	(void)r, (void)why;
	return true;
}

static const struct handler bite = { .apply = bite_apply, .render = bite_render };

static void ask_bite(struct world *w) { world_ask(w, METHOD_POST, "/", NULL, NULL); }

static void pushed(struct world *w)
{
	called_back(w);
	ask_bite(w);
	world_expect(w, world_write(w, &bite));
}

/* ---- what was done outside ---- */

static struct effect_view ended;

static bool ended_apply(struct tx *tx, struct request *r, struct fail *why)
{
	r->outcome = (struct outcome){ .code = 1, .status = 200 };
	return ended.kind == KIND_receipt_issue || ended.kind == KIND_receipt_reverse ? receipt_followed(tx, &ended, r->now_ms, why) : refund_wechat_followed(tx, &ended, r->now_ms, why);
}

static const struct handler outside = { .apply = ended_apply, .render = bite_render };

static void ask_ended(struct world *w, int32_t kind, const char *subject, const char *code, const char *said)
{
	ended = (struct effect_view){ .id = 77, .kind = kind, .state = EFFECT_DONE, .said = said != NULL ? str_c(said) : STR_NONE };
	snprintf(ended.subject, sizeof(ended.subject), "%s", subject);
	snprintf(ended.code, sizeof(ended.code), "%s", code);
	ask_bite(w);
}

#define PAPER "{\"id\":\"ef_1\",\"result\":\"00000\",\"code\":\"62030126\",\"number\":\"0000000002\",\"check_code\":\"abcdef\",\"link\":\"https://pj.example/1\"}"
static void ask_issued(struct world *w) { ask_ended(w, KIND_receipt_issue, "receipt:1", "00000", PAPER); }
static void ask_reversed(struct world *w) { ask_ended(w, KIND_receipt_reverse, "receipt:1", "00000", PAPER); }
static void ask_success(struct world *w) { ask_ended(w, KIND_wechat_pay_refund_query, "refund:1", "SUCCESS", NULL); }
static void ask_closed(struct world *w) { ask_ended(w, KIND_wechat_pay_refund_query, "refund:1", "CLOSED", NULL); }

static bool is_under_way(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	return sql_run(tx, "UPDATE pay_receipt SET effect = 77", why);
}

static void being_issued(struct world *w)
{
	static int64_t asked = 1;
	paid(w);
	run(w, receipt_made, &asked);
	run(w, is_under_way, NULL);
}

static void being_reversed(struct world *w)
{
	static int64_t reversing = 4;
	paid(w);
	run(w, receipt_made, &reversing);
	run(w, is_under_way, NULL);
}

static bool is_due(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	return sql_run(tx, "UPDATE pay_refund SET told = state, next_ms = 1", why);
}

static void on_its_way(struct world *w)
{
	to_go_back(w);
	ask_decide(w);
	world_expect(w, world_write(w, &staff_proposal_approve));
	run(w, is_due, NULL);
}

static const struct write_case cases[] = {
	{ "asked for", &refund_create, paid, ask_refund, NULL, 15 },
	{ "withdrawn", &refund_withdraw, asked_for, ask_withdraw, NULL, 6 },
	{ "verified", &refund_review, asked_for, ask_verify, NULL, 5 },
	{ "refused by the unit", &refund_review, asked_for, ask_refuse, NULL, 8 },
	{ "decided: paid", &staff_proposal_approve, approval, ask_decide, NULL, 25 },
	{ "decided: refused", &staff_proposal_approve, refusal, ask_decide, NULL, 12 },
	{ "paid out", &hall_refund_paid, approved, ask_paid, NULL, 14 },
	{ "asked for by the unit", &refund_create, paid, ask_by_unit, NULL, 15 },
	{ "asked for by the office", &refund_create, paid, ask_by_office, NULL, 15 },
	{ "verified by the office", &refund_review, asked_of_office, ask_office_verifies, NULL, 5 },
	{ "refused by the office", &refund_review, asked_of_office, ask_office_refuses, NULL, 8 },
	{ "paid by the treasury", &staff_proposal_approve, by_treasury, ask_decide, NULL, 18 },
	{ "odd money applied", &staff_proposal_approve, to_be_applied, ask_decide, NULL, 35 },
	{ "odd money goes back", &staff_proposal_approve, to_go_back, ask_decide, NULL, 25 },
	{ "sent again under its number", &office_refund_again, abnormal, ask_again, NULL, 10 },
	{ "decided: its receipt is called back first", &staff_proposal_approve, receipted, ask_decide, NULL, 30 },
	{ "called back again", &office_receipt_send, not_reversed, ask_reverse, NULL, 7 },
	{ "withdrawn by the unit", &refund_withdraw, asked_by_unit, ask_unit_withdraws, NULL, 6 },
	{ "withdrawn by the office", &refund_withdraw, asked_by_office, ask_office_withdraws, NULL, 6 },
	{ "a bite: its payer is told", &bite, verified, ask_bite, NULL, 10 },
	{ "a bite: its receipt was called back, it is sent", &bite, called_back, ask_bite, NULL, 8 },
	{ "a bite: the channel is asked", &bite, on_its_way, ask_bite, NULL, 8 },
	{ "the channel says that it is done", &outside, on_its_way, ask_success, NULL, 9 },
	{ "the channel says that it is closed", &outside, on_its_way, ask_closed, NULL, 9 },
	{ "its receipt was issued", &outside, being_issued, ask_issued, NULL, 8 },
	{ "its receipt was called back", &outside, being_reversed, ask_reversed, NULL, 3 },
	{ "paid out, and a new receipt for the rest", &hall_refund_paid, pushed, ask_paid, NULL, 25 },
};

static int unmake(void **state)
{
	int rc = login_unmake(state);
	accounts_close();
	return rc;
}

int main(void)
{
	refund_wechat_compose();
	return write_faults_run(cases, sizeof(cases) / sizeof(cases[0]), login_make, unmake);
}
