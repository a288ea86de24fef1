/* Goal: whatever fails while a department brings, quotes, replaces or voids a notice, while somebody orders or cancels, a clerk takes money, the finance system speaks or is told again, nothing of it stays (no order, no payment,
 * no posting), and trying again does the whole thing; and applied twice each leaves the same rows. Method: tests/write_faults.h, a row for each. */
#include "tests/write_faults.h"
#include "base/hash.h"
#include "channels/wechat_pay_sign.h"
#include "payments/attempt.h"
#include <stdio.h>

#define NOTICE(code, more) "{\"kind\":\"penalty\",\"division\":\"621200\",\"unit\":\"065080906\",\"unit_name\":\"市公安局\",\"payer\":{\"name\":\"王小明\",\"id_number\":\"" RESIDENT "\"}," \
	"\"items\":[{\"item\":\"103050101\",\"name\":\"罚款\",\"amount_fen\":20000},{\"item\":\"103050102\",\"name\":\"工本费\",\"amount_fen\":600}],\"payment_code\":\"" code "\"," more "}"
#define FIRST "62120226100000000012"
#define SECOND "62122126201234567894"
#define NO_LATE "\"total_fen\":20600"
#define LATE "\"late_fen\":400,\"late_on\":\"2026-11-23\",\"total_fen\":21000"

static char ordered[sizeof(((struct outcome *)NULL)->text)];

static void by_department(struct world *w, const char *param, const char *body)
{
	world_ask(w, METHOD_POST, "/v1/department/notices", param, body);
	w->r.who = (struct principal){ .kind = WHO_DEPARTMENT, .id = 1, .token = 1, .test_key = true };
}

static void by_citizen(struct world *w, const char *param, const char *body)
{
	world_ask(w, METHOD_POST, "/v1/orders", param, body);
	w->r.who = (struct principal){ .kind = WHO_CITIZEN, .id = 1, .level = 2 };
}

/* The scan needs no account of the person's. */
static void ask_way(struct world *w, const char *body)
{
	strcpy(w->config.wechat_pay_url, "https://api.mch.weixin.qq.com");
	world_ask(w, METHOD_POST, "/v1/orders/x/payments", ordered, body);
	w->r.who = (struct principal){ .kind = WHO_CITIZEN, .id = 1, .level = 2 };
}

static void ask_pay(struct world *w) { ask_way(w, "{\"channel\":\"wechat_pay\",\"method\":\"native\"}"); }
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

static void catalogue(struct world *w)
{
	world_import_small(w);
}

static void ask_first(struct world *w) { by_department(w, NULL, NOTICE(FIRST, NO_LATE)); }
static void ask_late(struct world *w) { by_department(w, NULL, NOTICE(FIRST, LATE)); }
static void ask_replacing(struct world *w) { by_department(w, NULL, NOTICE(SECOND, NO_LATE ",\"notice_no\":\"A-2\",\"replaces\":\"" FIRST "\"")); }
static void ask_void(struct world *w) { by_department(w, FIRST, "{\"reason\":\"重复开具\"}"); }
static void ask_order(struct world *w) { by_citizen(w, NULL, "{\"payment_codes\":[\"" FIRST "\"]}"); }
static void ask_cancel(struct world *w) { by_citizen(w, ordered, NULL); }

static void brought(struct world *w)
{
	catalogue(w);
	ask_first(w);
	world_expect(w, world_write(w, &department_notice_put));
}

static void is_ordered(struct world *w)
{
	brought(w);
	ask_order(w);
	world_expect(w, world_write(w, &order_create));
	memcpy(ordered, w->r.outcome.text, sizeof(ordered));
}

static void is_paying(struct world *w)
{
	is_ordered(w);
	ask_pay(w);
	world_expect(w, world_write(w, &order_pay));
}

/* ---- what WeChat Pay tells: sealed and signed with the keys of tests/unit/vectors/wechat_pay_verify.json ---- */

#define MCHID "1900007291"
#define PUBLIC_ID "PUB_KEY_ID_0114232134912410000000000000"

static char told_body[4096], told_time[24], told_signature[WECHAT_PAY_SIGNATURE_MAX + 1];

static void keys_put(const json_t *vectors, const char *signer, struct fail *why)
{
	const json_t *pair = json_object_get(vectors, "test_key_pair");
	struct wechat_pay_key_texts t = { .serial = STR("5F1C72E2A8931B72A2E13AF8DEE92471EB397115"), .public_id = STR(PUBLIC_ID),
		.public_pem = str_c(json_string_value(json_object_get(json_object_get(pair, "platform"), "public_key_pem"))),
		.merchant_pem = { str_c(json_string_value(json_object_get(json_object_get(pair, signer), "private_key_pem"))) }, .api_key = { STR("a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb") } };
	world_must(wechat_pay_keys_put(&t, why), why);
}

static void seal_and_sign(const char *plain, int64_t now_ms, struct fail *why)
{
	static char vectors_text[64 << 10], text[8192], base64[2048];
	uint8_t sealed[1024], nonce[12] = { 'n', 'o', 'n', 'c', 'e', '0', '0', '0', '0', '0', '0', '1' };
	struct shelved *held;
	size_t len = strlen(plain);
	FILE *f = fopen(SIBAN_SOURCE_DIR "/tests/unit/vectors/wechat_pay_verify.json", "rb");
	assert_non_null(f);
	size_t n = fread(vectors_text, 1, sizeof(vectors_text), f);
	fclose(f);
	DROP(json) json_t *vectors = json_read((struct str){ vectors_text, n }, why);
	assert_non_null(vectors);
	keys_put(vectors, "platform", why);
	const struct wechat_pay_keys *k = wechat_pay_keys_take(&held);
	gcm_seal(&k->shared, nonce, STR("transaction"), str_c(plain), sealed, sealed + len);
	base64_text(sealed, len + GCM_TAG_BYTES, base64);
	snprintf(told_body, sizeof(told_body), "{\"id\":\"EV-1\",\"event_type\":\"TRANSACTION.SUCCESS\",\"resource_type\":\"encrypt-resource\",\"resource\":{\"original_type\":\"transaction\","
		"\"algorithm\":\"AEAD_AES_256_GCM\",\"ciphertext\":\"%s\",\"associated_data\":\"transaction\",\"nonce\":\"nonce0000001\"}}", base64);
	snprintf(told_time, sizeof(told_time), "%lld", (long long)(now_ms / 1000));
	snprintf(text, sizeof(text), "%s\nn1\n%s\n", told_time, told_body);
	assert_true(wechat_pay_sign(k, str_c(text), told_signature));
	shelf_give(held);
	keys_put(vectors, "merchant", why);
}

static bool number_of(struct tx *tx, void *to, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT out_trade_no FROM pay_attempt ORDER BY id DESC LIMIT 1", why);
	if (q == NULL || !stmt_row(q, why))
		return false;
	snprintf(to, ATTEMPT_NUMBER_BYTES, "%.*s", STR_ARG(stmt_text(q, 0)));
	return true;
}

static void is_paid_there(struct world *w)
{
	char number[ATTEMPT_NUMBER_BYTES], plain[512];
	struct fail why;
	fail_clear(&why);
	is_paying(w);
	strcpy(w->config.wechat_pay_mchid, MCHID);
	strcpy(w->config.wechat_mini_appid, "wxmini");
	world_must(store_write(w->store, number_of, number, &why), &why);
	snprintf(plain, sizeof(plain), "{\"appid\":\"wxmini\",\"mchid\":\"" MCHID "\",\"out_trade_no\":\"%s\",\"transaction_id\":\"42\",\"trade_state\":\"SUCCESS\",\"amount\":{\"total\":20600,\"currency\":\"CNY\"}}", number);
	seal_and_sign(plain, w->now_ms, &why);
}

static void ask_told(struct world *w)
{
	static struct header headers[5];
	const struct header list[] = { { STR("wechatpay-timestamp"), str_c(told_time) }, { STR("wechatpay-nonce"), STR("n1") }, { STR("wechatpay-serial"), STR(PUBLIC_ID) },
		{ STR("wechatpay-signature"), str_c(told_signature) }, { STR("wechatpay-signature-type"), STR("WECHATPAY2-SHA256-RSA2048") } };
	memcpy(headers, list, sizeof(headers));
	strcpy(w->config.wechat_pay_url, "https://api.mch.weixin.qq.com");
	world_ask(w, METHOD_POST, "/callbacks/wechatpay", NULL, told_body);
	w->r.headers = headers;
	w->r.header_count = 5;
	w->r.peer = STR("101.226.103.1");
}

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

static const struct write_case cases[] = {
	{ "a notice", &department_notice_put, catalogue, ask_first, NULL, 6 },
	{ "a newer quote", &department_notice_put, brought, ask_late, NULL, 2 },
	{ "one that replaces another", &department_notice_put, brought, ask_replacing, NULL, 9 },
	{ "void", &department_notice_void, brought, ask_void, NULL, 5 },
	{ "an order", &order_create, brought, ask_order, NULL, 8 },
	{ "cancelled", &order_cancel, is_ordered, ask_cancel, NULL, 9 },
	{ "paid by a channel", &order_pay, is_ordered, ask_pay, NULL, 14 },
	{ "cancelled while a channel could be paid", &order_cancel, is_paying, ask_cancel, NULL, 14 },
	{ "paid, says the channel", &wechat_pay_callback, is_paid_there, ask_told, NULL, 30 },
	{ "another way to pay", &order_pay, is_paying, ask_other, NULL, 12 },
	{ "money at a counter", &hall_payment, at_counter, ask_payment, NULL, 25 },
	{ "paid elsewhere, while it was ordered", &finance_push, is_ordered, ask_elsewhere, NULL, 9 },
	{ "paid elsewhere as well", &finance_push, is_taken, ask_elsewhere, NULL, 4 },
	{ "booked, and a receipt asked for", &finance_push, is_taken, ask_ours, NULL, 7 },
	{ "a receipt asked for again", &office_receipt_send, is_without_receipt, ask_again, NULL, 4 },
	{ "told to the finance system again", &office_confirmation_send, is_refused, ask_again, NULL, 4 },
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
	effect_follow(KIND_wechat_pay_prepay, attempt_ordered);
	const struct CMUnitTest tests[] = { cmocka_unit_test(each) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
