/* Goal: whatever fails while a department brings, quotes, replaces or voids a notice, while somebody orders or cancels, a clerk takes money, the finance system speaks or is told again, nothing of it stays (no order, no payment,
 * no posting), and trying again does the whole thing; and applied twice each leaves the same rows. Method: tests/write_faults.h, a row for each. */
#include "tests/fault/nontax_world.h"
#include "services/money/finance_account.h"

#define SECOND "62122126201234567894"
#define LATE "\"late_fen\":400,\"late_on\":\"2026-11-23\",\"total_fen\":21000"

static void ask_other(struct world *w) { ask_way(w, "{\"channel\":\"wechat_pay\",\"method\":\"h5\"}"); }

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

static void ask_late(struct world *w) { by_department(w, NULL, NOTICE(FIRST, LATE)); }
static void ask_replacing(struct world *w) { by_department(w, NULL, NOTICE(SECOND, NO_LATE ",\"notice_no\":\"A-2\",\"replaces\":\"" FIRST "\"")); }
static void ask_void(struct world *w) { by_department(w, FIRST, "{\"reason\":\"重复开具\"}"); }
static void ask_cancel(struct world *w) { by_citizen(w, ordered, NULL); }

static void at_counter(struct world *w)
{
	struct fail why;
	fail_clear(&why);
	brought(w);
	ask_late(w);
	world_expect(w, world_write(w, &department_notice_put));
	world_must(store_write(w->store, staff_make, NULL, &why), &why);
}

static void ask_payment(struct world *w)
{
	world_ask(w, METHOD_POST, "/v1/hall/counter-payments", NULL, "{\"payment_codes\":[\"" FIRST "\"],\"channel\":\"pos\",\"reference\":\"T-0001\",\"amount_fen\":21000}");
	w->r.who = (struct principal){ .kind = WHO_STAFF, .id = 1, .region = 621200 };
}

static void at_counter_with_barcodes(struct world *w)
{
	at_counter(w);
	with_calls(w);
	w->config.wechat_nontax_barcodes = true;
}

static void ask_barcode(struct world *w)
{
	world_ask(w, METHOD_POST, "/v1/hall/barcode-payments", NULL, "{\"payment_codes\":[\"" FIRST "\"],\"auth_code\":\"134567890123456789\",\"amount_fen\":21000}");
	w->r.who = (struct principal){ .kind = WHO_STAFF, .id = 1, .region = 621200 };
}

static void is_taken(struct world *w)
{
	at_counter(w);
	ask_payment(w);
	world_expect(w, world_write(w, &hall_payment));
}

static bool refuse(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE pay_confirmation SET state = 4, word = '18012'", why);
	return q != NULL && stmt_run(q, why);
}

static void is_refused(struct world *w)
{
	struct fail why;
	fail_clear(&why);
	is_taken(w);
	world_must(store_write(w->store, refuse, NULL, &why), &why);
}

static void by_finance(struct world *w, const char *body)
{
	world_ask(w, METHOD_POST, "/v1/finance/pushes", NULL, body);
	w->r.who = (struct principal){ .kind = WHO_DEPARTMENT, .id = 1, .token = 1, .test_key = true };
}

static bool receipt_refused(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO pay_receipt (id, confirmation, state, word, check_code, link, red_code, red_number, is_unwanted, made_ms, issued_ms, reversed_ms, changed_ms)"
		" VALUES (1, 1, 3, '30005', '', $1, '', '', 0, 0, 0, 0, 0)", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, "", 0);
	return stmt_run(q, why);
}

static void is_without_receipt(struct world *w)
{
	struct fail why;
	fail_clear(&why);
	is_taken(w);
	world_must(store_write(w->store, receipt_refused, NULL, &why), &why);
}

static void ask_ours(struct world *w) { by_finance(w, "{\"kind\":\"paid\",\"payment_code\":\"" FIRST "\",\"trace_no\":\"2026112316000000000000000001\",\"amount\":\"210.00\"}"); }
static void ask_elsewhere(struct world *w) { by_finance(w, "{\"kind\":\"paid\",\"payment_code\":\"" FIRST "\",\"trace_no\":\"X\",\"amount\":\"210.00\"}"); }

static void ask_again(struct world *w)
{
	world_ask(w, METHOD_POST, "/v1/office/confirmations", FIRST, NULL);
	w->r.who = (struct principal){ .kind = WHO_STAFF, .id = 1, .region = 621200 };
}

static void priced_only_there(struct world *w)
{
	struct fail why;
	fail_clear(&why);
	catalogue(w);
	with_calls(w);
	strcpy(w->config.finance_url, "https://finance.example");
	file_put(w->config.finance_key_file, sizeof(w->config.finance_key_file), w, "finance", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
	world_must(finance_open(&w->config, &why), &why);
}

static void ask_price(struct world *w)
{
	ask_sealed(w, "/callbacks/wechatnontax/fee", "{\"appid\":\"wxnontax\",\"payment_notice_no\":\"" FIRST "\",\"department_code\":\"065080906\",\"region_code\":\"621200\"}");
}

/* It answers the very question that was put. */
static void price_told(struct world *w)
{
	char body[2048];
	struct question q = { .keep_ms = 0 };
	const struct ask *ask = wechat_nontax_fee.ask;
	world_expect(w, ask->build(&w->r, &q, &w->r.why));
	DROP(json) json_t *question = json_read(q.call.body, &w->r.why);
	snprintf(body, sizeof(body), "{\"id\":\"%s\",\"result\":\"found\",\"notice\":" NOTICE(FIRST, NO_LATE) "}", json_string_value(json_object_get(question, "id")));
	const struct http_answer answer = { .end = HTTP_ANSWERED, .status = 200, .body = str_c(body) };
	world_expect(w, ask->judge(&w->r, &answer, &w->r.why));
	finance_close();
}

static const struct write_case cases[] = {
	{ "a notice", &department_notice_put, catalogue, ask_first, NULL, 6 },
	{ "a newer quote", &department_notice_put, brought, ask_late, NULL, 2 },
	{ "one that replaces another", &department_notice_put, brought, ask_replacing, NULL, 9 },
	{ "void", &department_notice_void, brought, ask_void, NULL, 5 },
	{ "an order", &order_create, brought, ask_order, NULL, 8 },
	{ "cancelled", &order_cancel, is_ordered, ask_cancel, NULL, 9 },
	{ "paid by a channel", &order_pay, is_ordered, ask_pay, NULL, 14 },
	{ "cancelled while a channel could be paid", &order_cancel, is_paying, ask_cancel, NULL, 14 },
	{ "paid at the non-tax platform", &order_pay, with_nontax, ask_nontax, NULL, 14 },
	{ "another way to pay", &order_pay, is_paying, ask_other, NULL, 12 },
	{ "money at a counter", &hall_payment, at_counter, ask_payment, NULL, 25 },
	{ "a barcode at a counter", &hall_barcode, at_counter_with_barcodes, ask_barcode, NULL, 20 },
	{ "paid elsewhere, while it was ordered", &finance_push, is_ordered, ask_elsewhere, NULL, 9 },
	{ "paid elsewhere as well", &finance_push, is_taken, ask_elsewhere, NULL, 4 },
	{ "booked, and a receipt asked for", &finance_push, is_taken, ask_ours, NULL, 7 },
	{ "a receipt asked for again", &office_receipt_send, is_without_receipt, ask_again, NULL, 4 },
	{ "the price of what only the finance system has", &wechat_nontax_fee, priced_only_there, ask_price, price_told, 6 },
	{ "told to the finance system again", &office_confirmation_send, is_refused, ask_again, NULL, 4 },
};

int main(void)
{
	effect_follow(KIND_wechat_pay_prepay, attempt_ordered);
	return WRITE_FAULTS_RUN(cases);
}
