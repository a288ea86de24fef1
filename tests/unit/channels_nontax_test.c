/* Goal: what the finance system answers is read as the table of results says, and whatever is not an answer books nothing: the effect is tried again, or a person looks.
 * Method: rows of answers in JSON, and the call as it was built. */
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
	const struct CMUnitTest tests[] = { cmocka_unit_test(said_and_signed), cmocka_unit_test(answers), cmocka_unit_test(words) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
