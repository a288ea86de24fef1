/* Goal: whatever fails while a statement is taken, a day held beside our books (claimed, its differences kept, the old ones cleared, done and its fund flow posted, failed, asked again), a difference settled in each
 * of the ways there are, a day closed, or a table put on record, nothing of it stays, and trying again does the whole thing; applied twice each leaves the same rows.
 * Method: tests/write_faults.h, a row for each; what is no handler is made one here. */
#include "tests/write_faults.h"

#include "auth/right.h"
#include "payments/ledger/ledger.h"
#include "payments/reconciliation/recon_run.h"
#include "payments/reconciliation/recon_settle.h"

#define CODE "62120226100000000012"
#define NOTICE "{\"kind\":\"penalty\",\"division\":\"621200\",\"unit\":\"065080906\",\"unit_name\":\"市公安局\",\"payer\":{\"name\":\"王小明\",\"id_number\":\"" RESIDENT "\"}," \
	"\"items\":[{\"item\":\"103050101\",\"name\":\"罚款\",\"amount_fen\":20600}],\"payment_code\":\"" CODE "\",\"total_fen\":20600}"
#define DAY_TEXT "2026-11-22"
#define BANK "PAYSERIAL,PAYNOTENO,PAYDATETIME,AMOUNT,TRANSSTATUS\nB1," CODE ",20261122100000,206.00,00\n"
#define BANK_CORRECTED BANK "B2,,20261122110000,1.00,00\n"

enum { CLERK = 1, CHECKER = 2, ATTEMPT = 1, DAY_NUMBER = 20779 /* DAY_TEXT */ };

static char proposal[ID_TEXT_BYTES];
static struct recon_claim claim;

/* ---- people ---- */

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

static void people(struct world *w)
{
	struct fail why;
	fail_clear(&why);
	world_import_small(w);
	world_must(store_write(w->store, staff_make, NULL, &why), &why);
}

static void by_staff(struct world *w, int who, enum method method, const char *target, const char *param, const char *body)
{
	world_ask(w, method, target, param, body);
	w->r.who = (struct principal){ .kind = WHO_STAFF, .id = who, .token = who, .session = who, .region = 621200, .rights = UINT64_MAX };
}

/* ---- statements ---- */

static void brings(struct world *w, const char *target, const char *text)
{
	by_staff(w, CLERK, METHOD_POST, target, NULL, NULL);
	world_expect(w, recon_bring.sink->take(&w->r, str_c(text), &w->r.why) && recon_bring.sink->end(&w->r, &w->r.why));
}

static void ask_bring(struct world *w) { brings(w, "/v1/office/statements?source=bank&day=" DAY_TEXT, BANK); }
static void ask_correct(struct world *w) { brings(w, "/v1/office/statements?source=bank&replaces=1&day=" DAY_TEXT, BANK_CORRECTED); }
static void ask_run(struct world *w) { by_staff(w, CLERK, METHOD_POST, "/v1/office/runs?day=" DAY_TEXT, NULL, NULL); }
static void ask_export(struct world *w) { by_staff(w, CLERK, METHOD_GET, "/v1/office/exports?what=differences&from=" DAY_TEXT, NULL, NULL); }

static void is_taken(struct world *w)
{
	people(w);
	ask_bring(w);
	world_expect(w, world_write(w, &recon_bring));
}

/* ---- a run: what the reconciler writes ---- */

static void by_itself(struct world *w)
{
	world_ask(w, METHOD_POST, "/nowhere", NULL, NULL);
	w->r.outcome = (struct outcome){ .code = 1, .status = 200 };
}

static bool render(struct request *r, struct fail *why)
{
	(void)why;
	reply_json_text(r, 200, STR("{}"));
	return true;
}

/* What a handler's apply says; the runtime forgets it before each. */
static bool told(struct request *r, bool ok)
{
	r->outcome = (struct outcome){ .code = 1, .status = 200 };
	return ok;
}

static bool claim_apply(struct tx *tx, struct request *r, struct fail *why)
{
	return told(r, recon_claim(tx, r->now_ms, &claim, why) && (claim.id != 0 || FAILS(why, NOT_FOUND, "nothing is due")));
}

static const struct recon_found found[] = {
	{ .side = RECON_PAID_IN, .kind = RECON_LONG, .theirs_fen = 100, .line = 2, .division = 621200, .at_ms = NOW_MS, .number = "LONG1" },
	{ .side = RECON_PAID_IN, .kind = RECON_AMOUNT, .ours = 5, .ours_fen = 100, .theirs_fen = 101, .line = 3, .division = 621200, .at_ms = NOW_MS, .number = "AMOUNT1" },
	{ .side = RECON_PAID_IN, .kind = RECON_SHORT, .ours = 6, .ours_fen = 100, .division = 621200, .at_ms = NOW_MS, .number = "SHORT1" },
	{ .side = RECON_PAID_IN, .kind = RECON_STATUS, .ours = ATTEMPT, .theirs_fen = 20600, .line = 4, .division = 621200, .at_ms = NOW_MS, .number = "STATUS1" },
};
enum { FOUND = sizeof found / sizeof found[0] };

static bool items_apply(struct tx *tx, struct request *r, struct fail *why)
{
	return told(r, recon_items_keep(tx, &claim, found, FOUND, r->now_ms, why));
}

/* All but one are found again. */
static bool fewer_apply(struct tx *tx, struct request *r, struct fail *why)
{
	return told(r, recon_items_keep(tx, &claim, found, FOUND - 1, r->now_ms, why));
}

static bool clear_apply(struct tx *tx, struct request *r, struct fail *why)
{
	int64_t rows;
	return told(r, recon_items_clear(tx, &claim, 100, r->now_ms, &rows, why));
}

static bool done_apply(struct tx *tx, struct request *r, struct fail *why)
{
	static const struct recon_result trade = { .has_statement = true, .theirs = 3 }, fund = { .has_statement = true, .theirs = 5, .settled = {
		.rows = { { PAY_BY_WECHAT, BILL_TRADE, 1, 10000, "1900000001", "1900000001" }, { PAY_BY_WECHAT, BILL_FEE, 1, -60, "1900000001", "1900000001" },
			  { PAY_BY_WECHAT, BILL_BACK, 1, -4000, "1900000001", "1900000001" }, { PAY_BY_WECHAT, BILL_WITHDRAWN, 1, -5000, "1900000001", "1900000001" },
			  { PAY_BY_WECHAT, BILL_TRADE, 1, 300, "1900000002", "1900000002" } },
		.count = 5, .flows = { { "1900000001", 4, 0, 940, 940, 0 } }, .flow_count = 1 } };
	const struct recon_result *result = claim.source == BILL_WECHAT_FUND ? &fund : &trade;
	return told(r, recon_done(tx, &claim, result, r->now_ms, why) && recon_settle(tx, &claim, result, r->now_ms, why));
}

static bool failed_apply(struct tx *tx, struct request *r, struct fail *why)
{
	return told(r, recon_failed(tx, &claim, STR("store_unavailable"), r->now_ms, why));
}

static bool open_apply(struct tx *tx, struct request *r, struct fail *why)
{
	int64_t rows;
	return told(r, recon_ask_open(tx, r->now_ms + 3600000, 100, &rows, why));
}

static bool trade_asked_apply(struct tx *tx, struct request *r, struct fail *why)
{
	return told(r, recon_ask(tx, BILL_WECHAT_TRADE, DAY_NUMBER, r->now_ms, why));
}

static bool fund_asked_apply(struct tx *tx, struct request *r, struct fail *why)
{
	return told(r, recon_ask(tx, BILL_WECHAT_FUND, DAY_NUMBER, r->now_ms, why));
}

/* As the one who fetches bills does it: gateway/outside/bill_fetch.c. */
static bool none_apply(struct tx *tx, struct request *r, struct fail *why)
{
	bool is_new;
	return told(r, recon_none_keep(tx, BILL_WECHAT_TRADE, DAY_NUMBER, r->now_ms, &is_new, why) && (!is_new || recon_ask_around(tx, BILL_WECHAT_TRADE, DAY_NUMBER, r->now_ms, why)));
}

static const struct handler asking = { .apply = trade_asked_apply, .render = render }, fund_asking = { .apply = fund_asked_apply, .render = render };
static const struct handler claiming = { .apply = claim_apply, .render = render }, keeping = { .apply = items_apply, .render = render }, keeping_fewer = { .apply = fewer_apply, .render = render };
static const struct handler clearing = { .apply = clear_apply, .render = render }, ending = { .apply = done_apply, .render = render }, failing = { .apply = failed_apply, .render = render };
static const struct handler asking_open = { .apply = open_apply, .render = render }, none_said = { .apply = none_apply, .render = render };

static void does(struct world *w, const struct handler *h)
{
	by_itself(w);
	world_expect(w, world_write(w, h));
}

static void is_asked(struct world *w)
{
	people(w);
	does(w, &asking);
}

static void is_claimed(struct world *w)
{
	is_asked(w);
	does(w, &claiming);
}

static void fund_is_claimed(struct world *w)
{
	people(w);
	does(w, &fund_asking);
	does(w, &claiming);
}

static void is_found(struct world *w)
{
	is_claimed(w);
	does(w, &keeping);
}

/* A second round that does not find the last of them any more. */
static void is_found_again(struct world *w)
{
	is_found(w);
	does(w, &asking);
	does(w, &claiming);
	does(w, &keeping_fewer);
}

static void is_done(struct world *w)
{
	is_found(w);
	does(w, &ending);
}

/* ---- two people ---- */

static void keep(struct world *w)
{
	snprintf(proposal, sizeof proposal, "%.*s", ID_TEXT_BYTES - 1, w->r.outcome.text);
}

static void propose(struct world *w, const char *kind, const char *subject, const char *payload)
{
	char body[512];
	snprintf(body, sizeof body, "{\"kind\":\"%s\",\"region\":\"621200\",\"subject\":\"%s\",\"payload\":%s}", kind, subject, payload);
	by_staff(w, CLERK, METHOD_POST, "/v1/staff/proposals", NULL, body);
}

static void ask_settle(struct world *w, int nth, const char *action)
{
	char subject[24], payload[160];
	snprintf(subject, sizeof subject, "df_%d", nth + 1);
	snprintf(payload, sizeof payload, "{\"action\":\"%s\",\"reason\":\"已核对\",\"ours_fen\":%lld,\"theirs_fen\":%lld}", action, (long long)found[nth].ours_fen, (long long)found[nth].theirs_fen);
	propose(w, "recon_settle", subject, payload);
}

static void settling(struct world *w, int nth, const char *action)
{
	ask_settle(w, nth, action);
	world_expect(w, world_write(w, &staff_proposal_make));
	keep(w);
}

/* An order that a phone paid and nobody told us of. */
static bool attempt_make(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO pay_attempt (id, key, pay_order, channel, method, out_trade_no, total_fen, state, is_live, payload, handle, handle_ms, effect, asking, asks, ask_ms, deeds, word, made_ms, changed_ms)"
		" VALUES (1, $1, 1, 3, 1, 'ATTEMPT1', 20600, 2, 1, $2, '', 0, 0, 0, 0, 0, 0, '', 1, 1)", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, "attempt000000001", 16);
	stmt_bind_blob(q, 2, "", 0);
	return stmt_run(q, why);
}

static void is_attempted(struct world *w)
{
	struct fail why;
	fail_clear(&why);
	is_done(w);
	world_ask(w, METHOD_POST, "/v1/department/notices", NULL, NOTICE);
	w->r.who = (struct principal){ .kind = WHO_DEPARTMENT, .id = 1, .token = 1, .test_key = true };
	world_expect(w, world_write(w, &department_notice_put));
	world_ask(w, METHOD_POST, "/v1/orders", NULL, "{\"payment_codes\":[\"" CODE "\"]}");
	w->r.who = (struct principal){ .kind = WHO_CITIZEN, .id = 1, .level = 2 };
	world_expect(w, world_write(w, &order_create));
	world_must(store_write(w->store, attempt_make, NULL, &why), &why);
}

static void is_long(struct world *w) { is_done(w); settling(w, 0, "suspend"); }
static void is_amount(struct world *w) { is_done(w); settling(w, 1, "write"); }
static void is_short(struct world *w) { is_done(w); settling(w, 2, "explain"); }
static void is_status(struct world *w) { is_attempted(w); settling(w, 3, "book"); }
static void ask_settle_long(struct world *w) { ask_settle(w, 0, "suspend"); }
static void ask_decide(struct world *w) { by_staff(w, CHECKER, METHOD_POST, "/v1/staff/proposals/x/approve", proposal, NULL); }
static void ask_close(struct world *w) { propose(w, "recon_close", DAY_TEXT, "{}"); }

static void is_closing(struct world *w)
{
	is_taken(w);
	ask_close(w);
	world_expect(w, world_write(w, &staff_proposal_make));
	keep(w);
}

static const struct write_case cases[] = {
	{ "a statement taken", &recon_bring, people, ask_bring, NULL, 6 },
	{ "another in its place", &recon_bring, is_taken, ask_correct, NULL, 7 },
	{ "asked again", &recon_run_again, is_taken, ask_run, NULL, 8 },
	{ "asked again by itself", &asking_open, is_done, by_itself, NULL, 1 },
	{ "there is none, on record", &none_said, people, by_itself, NULL, 4 },
	{ "claimed", &claiming, is_asked, by_itself, NULL, 1 },
	{ "differences kept", &keeping, is_claimed, by_itself, NULL, 1 + 2 * FOUND - 1 },
	{ "differences that are gone", &clearing, is_found_again, by_itself, NULL, 2 },
	{ "done, and its fund flow posted", &ending, fund_is_claimed, by_itself, NULL, 30 },
	{ "failed", &failing, is_claimed, by_itself, NULL, 1 },
	{ "proposed", &staff_proposal_make, is_done, ask_settle_long, NULL, 8 },
	{ "settled: kept as odd money", &staff_proposal_approve, is_long, ask_decide, NULL, 30 },
	{ "settled: written off", &staff_proposal_approve, is_amount, ask_decide, NULL, 28 },
	{ "settled: explained", &staff_proposal_approve, is_short, ask_decide, NULL, 11 },
	{ "settled: booked for its order", &staff_proposal_approve, is_status, ask_decide, NULL, 40 },
	{ "closing proposed", &staff_proposal_make, is_taken, ask_close, NULL, 19 },
	{ "closed", &staff_proposal_approve, is_closing, ask_decide, NULL, 28 },
	{ "a table put on record", &recon_export, is_done, ask_export, NULL, 3 },
};

int main(void)
{
	return WRITE_FAULTS_RUN(cases);
}
