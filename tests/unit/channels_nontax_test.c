/* Goal: what the finance system answers is read as the table of results says, and whatever is not an answer books nothing: the effect is tried again, or a person looks.
 * And an e-receipt is one only if it is numbered as one. Method: rows of answers in JSON, and the call as it was built; the e-receipt of tests/unit/vectors/payments.json and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/json.h"
#include "channels/nontax.h"
#include "channels/standard_webhooks.h"
#include <stdio.h>

#define KEY "ef_01JD0000000000000000000000"
#define SECRET "whsec_c2libi1zYW5kYm94LWZpbmFuY2Uta2V5LTAwMDAwMQ=="
#define NOW INT64_C(1795420800000)
#define PAYLOAD "{\"payment_code\":\"62120226100000000012\",\"trace_no\":\"2026112316000000000000000001\",\"amount\":\"80.05\",\"paid_ms\":1795420800000,\"division\":621202,\"channel\":\"pos\"," \
	"\"reference\":\"T-1\"}"
#define IS "{\"id\":\"" KEY "\","

static struct config config;

static struct order order(void)
{
	snprintf(config.finance_url, sizeof(config.finance_url), "https://finance.example/api");
	return (struct order){ .key = KEY, .payload = STR(PAYLOAD), .config = &config, .secret = { STR(SECRET) }, .now_ms = NOW };
}

static void said_and_signed(void **state)
{
	struct arena a;
	struct http_call call;
	struct fail why;
	struct order o = order();
	char signature[WEBHOOK_SIGNATURE_BYTES];
	(void)state;
	fail_clear(&why);
	arena_init(&a, 64 << 10);
	assert_true(codec_finance_confirm.build(&o, &a, &call, &why));
	assert_true(str_eq(call.url, STR("https://finance.example/api/payments/confirm")));
	assert_true(str_eq(call.body, STR(IS "\"payment_code\":\"62120226100000000012\",\"trace_no\":\"2026112316000000000000000001\",\"amount\":\"80.05\","
		"\"paid_at\":\"2026-11-23T16:00:00.000+08:00\",\"pay_mode\":\"pos\",\"reference\":\"T-1\"}")));
	assert_true(call.timeout_ms > 0 && webhook_sign(o.secret, STR(KEY), NOW / 1000, call.body, signature));
	assert_true(str_eq(call.headers[4].value, str_c(signature)));
	o.payload = STR("{\"payment_code\":\"1\"}");
	assert_false(codec_finance_confirm.build(&o, &a, &call, &why));
	arena_free(&a);
}

enum { CONFIRMS, ISSUES };
static const struct { int deed; enum http_end end; int status; const char *body; enum verdict verdict; const char *code, *ref, *receipt; } rows[] = {
	{ CONFIRMS, HTTP_ANSWERED, 200, IS "\"result\":\"00000\",\"state\":\"booked\",\"finance_no\":\"FN1\"}", VERDICT_DONE, "00000", "FN1", "" },
	{ CONFIRMS, HTTP_ANSWERED, 200, IS "\"result\":\"00000\"}", VERDICT_DONE, "00000", "", "" },
	{ CONFIRMS, HTTP_ANSWERED, 200, IS "\"result\":\"00000\",\"state\":\"accepted\"}", VERDICT_DONE, "accepted", "", "" },
	{ CONFIRMS, HTTP_ANSWERED, 200, IS "\"result\":\"99999\",\"message\":\"忙\"}", VERDICT_AGAIN, "99999", "", "" },
	{ CONFIRMS, HTTP_ANSWERED, 200, IS "\"result\":\"18012\"}", VERDICT_FAILED, "18012", "", "" },
	{ CONFIRMS, HTTP_ANSWERED, 200, IS "\"result\":\"30004\"}", VERDICT_FAILED, "30004", "", "" },
	{ CONFIRMS, HTTP_ANSWERED, 200, IS "\"result\":\"77777\"}", VERDICT_FAILED, "77777", "", "" },
	{ CONFIRMS, HTTP_ANSWERED, 200, IS "\"result\":\"0000\"}", VERDICT_UNKNOWN, "nonsense", "", "" },
	{ CONFIRMS, HTTP_ANSWERED, 200, IS "\"result\":\"-0001\"}", VERDICT_UNKNOWN, "nonsense", "", "" },
	{ CONFIRMS, HTTP_ANSWERED, 200, IS "\"result\":\"０００００\"}", VERDICT_UNKNOWN, "nonsense", "", "" },
	{ CONFIRMS, HTTP_ANSWERED, 200, IS "\"result\":0}", VERDICT_UNKNOWN, "nonsense", "", "" },
	{ CONFIRMS, HTTP_ANSWERED, 200, IS "\"result\":\"00000\",\"state\":\"perhaps\"}", VERDICT_UNKNOWN, "nonsense", "", "" },
	{ CONFIRMS, HTTP_ANSWERED, 200, IS "\"result\":\"00000\",\"finance_no\":\"a b\"}", VERDICT_UNKNOWN, "nonsense", "", "" },
	{ CONFIRMS, HTTP_ANSWERED, 200, "{\"id\":\"ef_OTHER\",\"result\":\"00000\"}", VERDICT_UNKNOWN, "nonsense", "", "" },
	{ CONFIRMS, HTTP_ANSWERED, 200, "<html>", VERDICT_UNKNOWN, "nonsense", "", "" },
	{ CONFIRMS, HTTP_ANSWERED, 200, "", VERDICT_UNKNOWN, "nonsense", "", "" },
	{ CONFIRMS, HTTP_ANSWERED, 201, IS "\"result\":\"00000\"}", VERDICT_UNKNOWN, "http_201", "", "" },
	{ CONFIRMS, HTTP_ANSWERED, 400, "{}", VERDICT_FAILED, "http_400", "", "" },
	{ CONFIRMS, HTTP_ANSWERED, 401, "{}", VERDICT_STOP, "http_401", "", "" },
	{ CONFIRMS, HTTP_ANSWERED, 429, "{}", VERDICT_AGAIN, "http_429", "", "" },
	{ CONFIRMS, HTTP_ANSWERED, 503, "{}", VERDICT_UNKNOWN, "http_503", "", "" },
	{ CONFIRMS, HTTP_NOT_SENT, 0, "", VERDICT_AGAIN, "not_sent", "", "" },
	{ CONFIRMS, HTTP_UNCLEAR, 0, "", VERDICT_UNKNOWN, "unclear", "", "" },
	{ CONFIRMS, HTTP_TOO_LARGE, 200, "", VERDICT_UNKNOWN, "nonsense", "", "" },
	{ ISSUES, HTTP_ANSWERED, 200, IS "\"result\":\"00000\",\"code\":\"62030126\",\"number\":\"0000000001\",\"check_code\":\"656aa9\",\"link\":\"https://x/1\"}", VERDICT_DONE, "00000", "",
		"62030126 0000000001 656aa9 https://x/1" },
	{ ISSUES, HTTP_ANSWERED, 200, IS "\"result\":\"00000\",\"code\":\"62030126\",\"number\":\"0000000001\"}", VERDICT_DONE, "00000", "", "62030126 0000000001  " },
	{ ISSUES, HTTP_ANSWERED, 200, IS "\"result\":\"00000\",\"code\":\"62030126\"}", VERDICT_UNKNOWN, "nonsense", "", "" },
	{ ISSUES, HTTP_ANSWERED, 200, IS "\"result\":\"00000\",\"code\":\"620301 26\",\"number\":\"1\"}", VERDICT_UNKNOWN, "nonsense", "", "" },
	{ ISSUES, HTTP_ANSWERED, 200, IS "\"result\":\"00000\",\"code\":\"123456789012345678901\",\"number\":\"1\"}", VERDICT_UNKNOWN, "nonsense", "", "" },
	{ ISSUES, HTTP_ANSWERED, 200, IS "\"result\":\"30005\"}", VERDICT_FAILED, "30005", "", "" },
};

static void answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct order o = order();
		struct judgement j = { .verdict = VERDICT_UNKNOWN };
		struct http_answer answer = { .end = rows[i].end, .status = rows[i].status, .body = str_c(rows[i].body) };
		(rows[i].deed == ISSUES ? codec_receipt_issue : codec_finance_confirm).judge(&o, &answer, &j);
		if (j.verdict != rows[i].verdict || strcmp(j.code, rows[i].code) != 0 || strcmp(j.ref, rows[i].ref) != 0)
			fail_msg("row %zu, %s: %d %s %s", i, rows[i].body, (int)j.verdict, j.code, j.ref);
		if (rows[i].receipt[0] == '\0')
			continue;
		struct nontax_answer said;
		char receipt[512];
		assert_true(nontax_answer_read(j.said, &said));
		snprintf(receipt, sizeof(receipt), "%s %s %s %s", said.code, said.number, said.check_code, said.link);
		assert_string_equal(receipt, rows[i].receipt);
	}
}

/* ---- e-receipts ---- */

static enum verdict issued(const char *code, const char *number, const char *check)
{
	char body[512];
	struct order o = order();
	struct judgement j = { .verdict = VERDICT_UNKNOWN };
	snprintf(body, sizeof(body), IS "\"result\":\"00000\",\"code\":\"%s\",\"number\":\"%s\",\"check_code\":\"%s\"}", code, number, check);
	const struct http_answer answer = { .end = HTTP_ANSWERED, .status = 200, .body = str_c(body) };
	codec_receipt_reverse.judge(&o, &answer, &j);
	enum verdict red = j.verdict;
	codec_receipt_issue.judge(&o, &answer, &j);
	assert_int_equal(j.verdict, red);
	if (j.verdict != VERDICT_DONE)
		assert_string_equal(j.code, "nonsense");
	return j.verdict;
}

static void numbered_as_e_receipts_are(void **state)
{
	(void)state;
	json_error_t e;
	size_t i;
	json_t *row, *all = json_load_file(SIBAN_SOURCE_DIR "/tests/unit/vectors/payments.json", 0, &e), *v = json_object_get(json_object_get(all, "vectors"), "e_invoice");
	const char *code, *number, *check;
	assert_int_equal(json_unpack(json_object_get(v, "valid"), "{s:s,s:s,s:s}", "code", &code, "number", &number, "check", &check), 0);
	config_defaults(&config);
	assert_int_equal(config.finance_receipt_code, json_integer_value(json_array_get(json_object_get(v, "lengths"), 0)));
	assert_int_equal(config.finance_receipt_number, json_integer_value(json_array_get(json_object_get(v, "lengths"), 1)));
	assert_int_equal(config.finance_receipt_check, json_integer_value(json_array_get(json_object_get(v, "lengths"), 2)));
	assert_int_equal(issued(code, number, check), VERDICT_DONE);
	assert_int_equal(issued(code, number, ""), VERDICT_DONE);
	json_array_foreach(json_object_get(v, "invalid_code"), i, row)
		assert_int_equal(issued(json_string_value(row), number, check), VERDICT_UNKNOWN);
	assert_int_equal(i, 3);
	static const struct { const char *number, *check; } wrong[] = { { "000000001", "0a1b2c" }, { "00000000001", "0a1b2c" }, { "000000000l", "0a1b2c" }, { "", "0a1b2c" }, { "０000000001", "0a1b2c" },
		{ "0000000001", "0a1b2" }, { "0000000001", "0a1b2c3" }, { "0000000001", "0a-b2c" } };
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (issued(code, wrong[i].number, wrong[i].check) != VERDICT_UNKNOWN)
			fail_msg("%s %s", wrong[i].number, wrong[i].check);
	config.finance_receipt_code = 10; /* where the bureau's are otherwise */
	config.finance_receipt_number = config.finance_receipt_check = 0;
	assert_int_equal(issued(code, number, check), VERDICT_UNKNOWN);
	assert_int_equal(issued("6201012600", "A-1", "any-thing"), VERDICT_DONE);
	json_decref(all);
}

static void words(void **state)
{
	(void)state;
	static const struct { const char *word; enum nontax_means means; } all[] = {
		{ "00000", NONTAX_DONE }, { "accepted", NONTAX_TAKEN }, { "99999", NONTAX_AGAIN }, { "30004", NONTAX_DOUBLE }, { "12345", NONTAX_REFUSED }, { "http_400", NONTAX_REFUSED },
		{ "http_429", NONTAX_AGAIN }, { "http_401", NONTAX_AGAIN }, { "http_502", NONTAX_AGAIN }, { "not_sent", NONTAX_AGAIN }, { "expired", NONTAX_AGAIN }, { "", NONTAX_AGAIN },
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (nontax_means(str_c(all[i].word)) != all[i].means)
			fail_msg("%s", all[i].word);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(said_and_signed), cmocka_unit_test(answers), cmocka_unit_test(numbered_as_e_receipts_are), cmocka_unit_test(words) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
