/* Goal: what is asked of WeChat Pay is what it expects, signed over the bytes on the wire; an answer counts only when they signed it and it is about our number; each of
 * their words means what the table says, for each deed.
 * Method: orders to calls; rows of answers, signed here with the platform key of tests/unit/vectors/wechat_pay_verify.json. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/day.h"
#include "channels/wechat_pay.h"
#include "channels/wechat_pay_bill.h"
#include "channels/wechat_pay_message.h"
#include <stdio.h>

#define NOW_MS INT64_C(1778207696000)
#define MCHID "1900007291"
#define PUBLIC_ID "PUB_KEY_ID_0114232134912410000000000000"

static struct arena a;
static struct config c;
static struct fail why;
static json_t *vectors;
static const uint8_t random16[16] = { 1, 2, 3 };

static struct str text_of(const char *whose, const char *name)
{
	return str_c(json_string_value(json_object_get(json_object_get(json_object_get(vectors, "test_key_pair"), whose), name)));
}

static void put_keys(const char *signer)
{
	struct wechat_pay_key_texts t = { .serial = STR("5F1C72E2A8931B72A2E13AF8DEE92471EB397115"), .public_id = STR(PUBLIC_ID), .public_pem = text_of("platform", "public_key_pem"),
		.merchant_pem = { text_of(signer, "private_key_pem") }, .api_key = { STR("a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb") } };
	assert_true(wechat_pay_keys_put(&t, &why));
}

static int begin(void **state)
{
	static char text[64 << 10];
	(void)state;
	arena_init(&a, 4 << 20);
	fail_clear(&why);
	config_defaults(&c);
	strcpy(c.wechat_pay_url, "https://api.mch.weixin.qq.com");
	strcpy(c.wechat_pay_mchid, MCHID);
	strcpy(c.wechat_mini_appid, "wxmini");
	strcpy(c.wechat_official_appid, "wxofficial");
	strcpy(c.wechat_pay_app_appid, "wxapp");
	strcpy(c.wechat_pay_notify_url, "https://pay.example/callbacks/wechatpay");
	FILE *f = fopen(SIBAN_SOURCE_DIR "/tests/unit/vectors/wechat_pay_verify.json", "rb");
	assert_non_null(f);
	size_t n = fread(text, 1, sizeof(text), f);
	fclose(f);
	vectors = json_read((struct str){ text, n }, &why);
	assert_non_null(vectors);
	put_keys("merchant");
	return 0;
}

static int end(void **state)
{
	(void)state;
	wechat_pay_keys_close();
	json_decref(vectors);
	arena_free(&a);
	return 0;
}

static struct order order_of(const char *payload)
{
	return (struct order){ .key = "ef_1", .payload = str_c(payload), .config = &c, .now_ms = NOW_MS, .random = random16 };
}

/* ---- calls ---- */

#define AMOUNT(n) "\"amount\":{\"total\":" n ",\"currency\":\"CNY\"}"
#define ORDER(appid, amount) "{\"appid\":\"" appid "\",\"mchid\":\"" MCHID "\",\"description\":\"政府非税收入缴费\",\"out_trade_no\":\"T1\",\"time_expire\":\"2026-05-08T11:04:56+08:00\"," \
	"\"notify_url\":\"https://pay.example/callbacks/wechatpay\"," amount
#define ASK "{\"out_trade_no\":\"T1\",\"total_fen\":20600,\"expires_ms\":1778209496789,\"method\":"

static void calls(void **state)
{
	(void)state;
	static const struct { const struct codec_http *codec; bool asks; const char *payload, *path, *body; } rows[] = {
		{ &codec_wechat_pay_prepay, false, ASK "\"mini\",\"openid\":\"o-1\"}", "/v3/pay/transactions/jsapi", ORDER("wxmini", AMOUNT("20600")) ",\"payer\":{\"openid\":\"o-1\"}}" },
		{ &codec_wechat_pay_prepay, false, ASK "\"app\"}", "/v3/pay/transactions/app", ORDER("wxapp", AMOUNT("20600")) "}" },
		{ &codec_wechat_pay_prepay, false, ASK "\"jsapi\",\"openid\":\"w-1\"}", "/v3/pay/transactions/jsapi", ORDER("wxofficial", AMOUNT("20600")) ",\"payer\":{\"openid\":\"w-1\"}}" },
		{ &codec_wechat_pay_prepay, false, ASK "\"native\"}", "/v3/pay/transactions/native", ORDER("wxmini", AMOUNT("20600")) "}" },
		{ &codec_wechat_pay_prepay, false, ASK "\"h5\",\"ip\":\"10.1.2.3\"}", "/v3/pay/transactions/h5",
		  ORDER("wxmini", AMOUNT("20600")) ",\"scene_info\":{\"payer_client_ip\":\"10.1.2.3\",\"h5_info\":{\"type\":\"Wap\"}}}" },
		{ &codec_wechat_pay_query, false, "{\"out_trade_no\":\"T1\"}", "/v3/pay/transactions/out-trade-no/T1?mchid=" MCHID, "" },
		{ &codec_wechat_pay_query, false, "{\"out_trade_no\":\"GOV|2026*01\"}", "/v3/pay/transactions/out-trade-no/GOV%7C2026%2A01?mchid=" MCHID, "" },
		{ &codec_wechat_pay_close, false, "{\"out_trade_no\":\"T1\"}", "/v3/pay/transactions/out-trade-no/T1/close", "{\"mchid\":\"" MCHID "\"}" },
		{ &codec_wechat_pay_refund, false, "{\"transaction_id\":\"42\",\"out_refund_no\":\"R1\",\"refund_fen\":5,\"total_fen\":7,\"reason\":\"重复缴费\"}", "/v3/refund/domestic/refunds",
		  "{\"transaction_id\":\"42\",\"out_refund_no\":\"R1\",\"reason\":\"重复缴费\",\"notify_url\":\"https://pay.example/callbacks/wechatpay\",\"amount\":{\"refund\":5,\"total\":7,\"currency\":\"CNY\"}}" },
		{ &codec_wechat_pay_refund, true, "{\"transaction_id\":\"42\",\"out_refund_no\":\"R1\",\"refund_fen\":5,\"total_fen\":7}", "/v3/refund/domestic/refunds/R1", "" },
		{ &codec_wechat_pay_refund_query, false, "{\"out_refund_no\":\"R1\"}", "/v3/refund/domestic/refunds/R1", "" },
		{ &codec_wechat_pay_certificates, false, "{}", "/v3/certificates?algorithm_type=RSA", "" },
	};
	DROP(shelved) struct shelved *held;
	const struct wechat_pay_keys *k = wechat_pay_keys_take(&held);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int with_path = 0; with_path < 2; with_path++) {
			char url[512];
			struct http_call call;
			struct order o = order_of(rows[i].payload);
			snprintf(c.wechat_pay_url, sizeof(c.wechat_pay_url), "https://api.mch.weixin.qq.com%s", with_path ? "/sandbox" : "");
			assert_true(snprintf(url, sizeof(url), "%s%s", c.wechat_pay_url, rows[i].path) > 0);
			if (!(rows[i].asks ? rows[i].codec->build_query : rows[i].codec->build)(&o, &a, &call, &why))
				fail_msg("row %zu: %s", i, why.log);
			if (!str_eq(call.url, str_c(url)) || !str_eq(call.body, str_c(rows[i].body)))
				fail_msg("row %zu: %.*s %.*s", i, STR_ARG(call.url), STR_ARG(call.body));
			struct str target = { call.url.at + 29, call.url.len - 29 }; /* behind https://api.mch.weixin.qq.com */
			assert_true(call.method == (call.body.len > 0 ? METHOD_POST : METHOD_GET) && str_eq(call.headers[0].name, STR("authorization")));
			struct str want = wechat_pay_authorization(k, STR(MCHID), call.body.len > 0 ? STR("POST") : STR("GET"), target, call.body, NOW_MS, random16, &a);
			assert_true(str_eq(call.headers[0].value, want) && str_eq(call.headers[call.header_count - 1].value, STR(PUBLIC_ID)));
		}
	static const struct { const struct codec_http *codec; const char *payload; } wrong[] = {
		{ &codec_wechat_pay_prepay, ASK "\"cheque\"}" }, { &codec_wechat_pay_prepay, "{\"out_trade_no\":\"T1\"}" }, { &codec_wechat_pay_query, "{}" }, { &codec_wechat_pay_close, "[]" },
		{ &codec_wechat_pay_refund, "{\"transaction_id\":\"42\",\"out_refund_no\":\"R1\",\"refund_fen\":8,\"total_fen\":7}" },
		{ &codec_wechat_pay_refund, "{\"transaction_id\":\"42\",\"out_refund_no\":\"R1\",\"total_fen\":7}" },
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct http_call call;
		struct order o = order_of(wrong[i].payload);
		fail_clear(&why);
		assert_false(wrong[i].codec->build(&o, &a, &call, &why));
	}
}

/* ---- answers ---- */

/* As the platform signs: over time, nonce and body. */
static struct http_answer answered(int status, const char *body, int64_t at_s)
{
	static char text[4096], signature[WECHAT_PAY_SIGNATURE_MAX + 1], time[24];
	DROP(shelved) struct shelved *held;
	put_keys("platform");
	const struct wechat_pay_keys *k = wechat_pay_keys_take(&held);
	snprintf(time, sizeof(time), "%lld", (long long)at_s);
	snprintf(text, sizeof(text), "%s\nn1\n%s\n", time, body);
	assert_true(wechat_pay_sign(k, str_c(text), signature));
	put_keys("merchant");
	return (struct http_answer){ .end = HTTP_ANSWERED, .status = status, .body = str_c(body),
		.kept = { str_c(time), STR("n1"), STR(PUBLIC_ID), str_c(signature), STR("WECHATPAY2-SHA256-RSA2048") } };
}

#define TRADE(state) "{\"appid\":\"wxmini\",\"mchid\":\"" MCHID "\",\"out_trade_no\":\"T1\",\"trade_state\":\"" state "\"}"
#define PAID(state, number) "{\"appid\":\"wxmini\",\"mchid\":\"" MCHID "\",\"out_trade_no\":\"" number "\",\"transaction_id\":\"42\",\"trade_state\":\"" state "\"," AMOUNT("206") "}"
#define REFUND(state, number) "{\"refund_id\":\"50\",\"out_refund_no\":\"" number "\",\"transaction_id\":\"42\",\"out_trade_no\":\"T1\",\"status\":\"" state "\",\"amount\":{\"total\":7,\"refund\":5}}"
#define MISTAKE(word) "{\"code\":\"" word "\",\"message\":\"说明\"}"
#define REFUND_ORDER "{\"transaction_id\":\"42\",\"out_refund_no\":\"R1\",\"refund_fen\":5,\"total_fen\":7}"

static void answers(void **state)
{
	(void)state;
	static const struct { const struct codec_http *codec; bool asks; const char *payload; int status; const char *body; enum verdict want; const char *code, *ref; } rows[] = {
		{ &codec_wechat_pay_prepay, false, ASK "\"mini\"}", 200, "{\"prepay_id\":\"wx2014\"}", VERDICT_DONE, "OK", "" },
		{ &codec_wechat_pay_prepay, false, ASK "\"native\"}", 200, "{\"code_url\":\"weixin://wxpay/bizpayurl?pr=1\"}", VERDICT_DONE, "OK", "" },
		{ &codec_wechat_pay_prepay, false, ASK "\"mini\"}", 200, "{}", VERDICT_UNKNOWN, "nonsense", "" },
		{ &codec_wechat_pay_prepay, false, ASK "\"mini\"}", 200, "<html>", VERDICT_UNKNOWN, "nonsense", "" },
		{ &codec_wechat_pay_prepay, false, ASK "\"mini\"}", 400, MISTAKE("PARAM_ERROR"), VERDICT_FAILED, "PARAM_ERROR", "" },
		{ &codec_wechat_pay_prepay, false, ASK "\"mini\"}", 401, MISTAKE("SIGN_ERROR"), VERDICT_STOP, "SIGN_ERROR", "" },
		{ &codec_wechat_pay_prepay, false, ASK "\"mini\"}", 500, MISTAKE("SYSTEM_ERROR"), VERDICT_UNKNOWN, "SYSTEM_ERROR", "" },
		{ &codec_wechat_pay_prepay, false, ASK "\"mini\"}", 429, MISTAKE("FREQUENCY_LIMITED"), VERDICT_AGAIN, "FREQUENCY_LIMITED", "" },
		{ &codec_wechat_pay_prepay, false, ASK "\"mini\"}", 403, MISTAKE("NEW_WORD"), VERDICT_FAILED, "NEW_WORD", "" },
		{ &codec_wechat_pay_prepay, false, ASK "\"mini\"}", 502, "<html>", VERDICT_UNKNOWN, "http_502", "" },
		{ &codec_wechat_pay_query, false, "{\"out_trade_no\":\"T1\"}", 200, TRADE("NOTPAY"), VERDICT_DONE, "NOTPAY", "" },
		{ &codec_wechat_pay_query, false, "{\"out_trade_no\":\"T1\"}", 200, PAID("SUCCESS", "T1"), VERDICT_DONE, "SUCCESS", "42" },
		{ &codec_wechat_pay_query, false, "{\"out_trade_no\":\"T1\"}", 200, PAID("SUCCESS", "T2"), VERDICT_UNKNOWN, "nonsense", "" },
		{ &codec_wechat_pay_query, false, "{\"out_trade_no\":\"T1\"}", 404, MISTAKE("ORDER_NOT_EXIST"), VERDICT_DONE, "ORDER_NOT_EXIST", "" },
		{ &codec_wechat_pay_query, false, "{\"out_trade_no\":\"T1\"}", 500, MISTAKE("SYSTEM_ERROR"), VERDICT_AGAIN, "SYSTEM_ERROR", "" },
		{ &codec_wechat_pay_close, false, "{\"out_trade_no\":\"T1\"}", 204, "", VERDICT_DONE, "CLOSED", "" },
		{ &codec_wechat_pay_close, false, "{\"out_trade_no\":\"T1\"}", 400, MISTAKE("ORDER_PAID"), VERDICT_FAILED, "ORDER_PAID", "" },
		{ &codec_wechat_pay_close, false, "{\"out_trade_no\":\"T1\"}", 400, MISTAKE("ORDER_CLOSED"), VERDICT_DONE, "ORDER_CLOSED", "" },
		{ &codec_wechat_pay_refund, false, REFUND_ORDER, 200, REFUND("PROCESSING", "R1"), VERDICT_DONE, "PROCESSING", "50" },
		{ &codec_wechat_pay_refund, false, REFUND_ORDER, 200, REFUND("SUCCESS", "R2"), VERDICT_UNKNOWN, "nonsense", "" },
		{ &codec_wechat_pay_refund, false, REFUND_ORDER, 429, MISTAKE("FREQUENCY_LIMITED"), VERDICT_UNKNOWN, "FREQUENCY_LIMITED", "" },
		{ &codec_wechat_pay_refund, false, REFUND_ORDER, 429, "", VERDICT_UNKNOWN, "http_429", "" },
		{ &codec_wechat_pay_refund, false, REFUND_ORDER, 403, MISTAKE("NOT_ENOUGH"), VERDICT_AGAIN, "NOT_ENOUGH", "" },
		{ &codec_wechat_pay_refund, true, REFUND_ORDER, 200, REFUND("SUCCESS", "R1"), VERDICT_DONE, "SUCCESS", "50" },
		{ &codec_wechat_pay_refund, true, REFUND_ORDER, 404, MISTAKE("RESOURCE_NOT_EXISTS"), VERDICT_AGAIN, "RESOURCE_NOT_EXISTS", "" },
		{ &codec_wechat_pay_refund, true, REFUND_ORDER, 429, MISTAKE("FREQUENCY_LIMITED"), VERDICT_UNKNOWN, "FREQUENCY_LIMITED", "" },
		{ &codec_wechat_pay_refund, true, REFUND_ORDER, 400, MISTAKE("PARAM_ERROR"), VERDICT_UNKNOWN, "PARAM_ERROR", "" },
		{ &codec_wechat_pay_refund_query, false, "{\"out_refund_no\":\"R1\"}", 200, REFUND("ABNORMAL", "R1"), VERDICT_DONE, "ABNORMAL", "50" },
		{ &codec_wechat_pay_refund_query, false, "{\"out_refund_no\":\"R1\"}", 404, MISTAKE("RESOURCE_NOT_EXISTS"), VERDICT_DONE, "RESOURCE_NOT_EXISTS", "" },
		{ &codec_wechat_pay_certificates, false, "{}", 404, MISTAKE("RESOURCE_NOT_EXISTS"), VERDICT_DONE, "RESOURCE_NOT_EXISTS", "" },
		{ &codec_wechat_pay_certificates, false, "{}", 200, "{\"data\":[]}", VERDICT_DONE, "OK", "" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct order o = order_of(rows[i].payload);
		struct judgement j = { .verdict = VERDICT_UNKNOWN };
		struct http_answer answer = answered(rows[i].status, rows[i].body, NOW_MS / 1000);
		if (rows[i].status >= 400)
			memset(answer.kept, 0, sizeof(answer.kept)); /* refusals are not signed */
		(rows[i].asks ? rows[i].codec->judge_query : rows[i].codec->judge)(&o, &answer, &j);
		if (j.verdict != rows[i].want || strcmp(j.code, rows[i].code) != 0 || strcmp(j.ref, rows[i].ref) != 0)
			fail_msg("row %zu: %d %s %s", i, j.verdict, j.code, j.ref);
		assert_true((j.said.at != NULL) == (j.verdict == VERDICT_DONE && rows[i].status == 200));
	}
}

static void unsigned_answers(void **state)
{
	(void)state;
	struct order o = order_of("{\"out_trade_no\":\"T1\"}");
	static const struct { int what; const char *code; } rows[] = { { 0, "unsigned_time" }, { 1, "unsigned_signature" }, { 2, "unsigned_headers" }, { 3, "unsigned_serial" } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct judgement j = { .verdict = VERDICT_DONE };
		struct http_answer answer = answered(200, PAID("SUCCESS", "T1"), NOW_MS / 1000 - (rows[i].what == 0 ? 301 : 0));
		if (rows[i].what == 1)
			answer.body = str_c(PAID("SUCCESS", "T2"));
		if (rows[i].what == 2)
			answer.kept[3] = STR_NONE;
		if (rows[i].what == 3)
			answer.kept[2] = STR("5F1C72E2A8931B72A2E13AF8DEE92471EB397115");
		codec_wechat_pay_query.judge(&o, &answer, &j);
		assert_true(j.verdict == VERDICT_UNKNOWN && strcmp(j.code, rows[i].code) == 0 && j.said.at == NULL);
		assert_true(wechat_pay_serial_was_missed() == (rows[i].what == 3) && !wechat_pay_serial_was_missed());
	}
	static const struct { enum http_end end; enum verdict want; } ends[] = { { HTTP_NOT_SENT, VERDICT_AGAIN }, { HTTP_UNCLEAR, VERDICT_UNKNOWN }, { HTTP_TOO_LARGE, VERDICT_UNKNOWN } };
	for (size_t i = 0; i < 3; i++) {
		struct judgement j = { .verdict = VERDICT_DONE };
		struct http_answer answer = { .end = ends[i].end, .status = 200 };
		codec_wechat_pay_close.judge(&o, &answer, &j);
		assert_int_equal(j.verdict, ends[i].want);
	}
}

static void handles(void **state)
{
	(void)state;
	assert_true(str_eq(wechat_pay_handle(STR("{\"prepay_id\":\"wx1\"}"), &a), STR("wx1")) && str_eq(wechat_pay_handle(STR("{\"h5_url\":\"https://wx.tenpay.com/x?a=1&b=2\"}"), &a), STR("https://wx.tenpay.com/x?a=1&b=2")));
	assert_true(wechat_pay_handle(STR("{\"prepay_id\":\"a b\"}"), &a).at == NULL && wechat_pay_handle(STR("{\"prepay_id\":1}"), &a).at == NULL && wechat_pay_handle(STR_NONE, &a).at == NULL);
}

#define PLACE(host) "{\"hash_type\":\"SHA1\",\"hash_value\":\"9bb6cd81e3d3d4a9d5d5f4f4bd5bd9a9b1b1b1b1\",\"download_url\":\"" host "/v3/billdownload/file?token=a%2Bb\"}"

static void bills(void **state)
{
	(void)state;
	static const struct { int status; const char *body; enum wechat_pay_bill_end want; } rows[] = {
		{ 200, PLACE("https://api.mch.weixin.qq.com"), WECHAT_PAY_BILL_THERE }, { 200, "{\"hash_type\":\"MD5\",\"hash_value\":\"00\",\"download_url\":\"https://x\"}", WECHAT_PAY_BILL_AWAY },
		{ 400, MISTAKE("STATEMENT_CREATING"), WECHAT_PAY_BILL_CREATING }, { 400, MISTAKE("NO_STATEMENT_EXIST"), WECHAT_PAY_BILL_NONE }, { 403, MISTAKE("NO_AUTH"), WECHAT_PAY_BILL_REFUSED },
		{ 500, MISTAKE("SYSTEM_ERROR"), WECHAT_PAY_BILL_AWAY }, { 429, "", WECHAT_PAY_BILL_AWAY },
	};
	struct http_call call;
	struct wechat_pay_bill b;
	int32_t day;
	char word[64];
	assert_true(day_from_text(STR("2026-05-08"), &day));
	assert_true(wechat_pay_bill_ask(&c, WECHAT_PAY_TRADE_BILL, day, true, NOW_MS, random16, &a, &call, &why));
	assert_true(str_eq(call.url, STR("https://api.mch.weixin.qq.com/v3/bill/tradebill?bill_date=2026-05-08&bill_type=ALL&tar_type=GZIP")));
	assert_true(wechat_pay_bill_ask(&c, WECHAT_PAY_FUND_BILL, day, false, NOW_MS, random16, &a, &call, &why));
	assert_true(str_eq(call.url, STR("https://api.mch.weixin.qq.com/v3/bill/fundflowbill?bill_date=2026-05-08&account_type=BASIC")));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_answer answer = answered(rows[i].status, rows[i].body, NOW_MS / 1000);
		if (wechat_pay_bill_judge(&answer, NOW_MS, &a, &b, word) != rows[i].want)
			fail_msg("row %zu: %s", i, word);
	}
	struct http_answer answer = answered(200, PLACE("https://api.mch.weixin.qq.com"), NOW_MS / 1000);
	assert_int_equal(wechat_pay_bill_judge(&answer, NOW_MS, &a, &b, word), WECHAT_PAY_BILL_THERE);
	assert_true(b.sha1[0] == 0x9b && wechat_pay_bill_fetch(&c, &b, 1 << 20, NOW_MS, random16, &a, &call, &why));
	assert_true(str_eq(call.url, b.url) && call.answer_max == 1 << 20 && call.keeps == NULL);
	DROP(shelved) struct shelved *held;
	struct str want = wechat_pay_authorization(wechat_pay_keys_take(&held), STR(MCHID), STR("GET"), STR("/v3/billdownload/file?token=a%2Bb"), STR(""), NOW_MS, random16, &a);
	assert_true(str_eq(call.headers[0].value, want));
	answer.kept[3] = STR_NONE;
	assert_int_equal(wechat_pay_bill_judge(&answer, NOW_MS, &a, &b, word), WECHAT_PAY_BILL_AWAY);
	static const char *const elsewhere[] = { PLACE("https://evil.example"), PLACE("https://api.mch.weixin.qq.com.evil.example"), PLACE("https://api.mch.weixin.qq.com@evil.example") };
	for (size_t i = 0; i < 3; i++) {
		answer = answered(200, elsewhere[i], NOW_MS / 1000);
		assert_int_equal(wechat_pay_bill_judge(&answer, NOW_MS, &a, &b, word), WECHAT_PAY_BILL_THERE);
		fail_clear(&why);
		assert_false(wechat_pay_bill_fetch(&c, &b, 1 << 20, NOW_MS, random16, &a, &call, &why));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(calls, begin, end), cmocka_unit_test_setup_teardown(answers, begin, end), cmocka_unit_test_setup_teardown(unsigned_answers, begin, end),
		cmocka_unit_test_setup_teardown(handles, begin, end), cmocka_unit_test_setup_teardown(bills, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
