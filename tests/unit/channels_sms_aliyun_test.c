/* Goal: what is sent is signed as Aliyun signs it, what it says is read with care, and receipts are read strictly.
 * Method: the published and captured vectors (tests/unit/vectors/aliyun_acs3.json), rows of answers, reports good and bad. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "channels/sms_aliyun.h"
#include <stdio.h>
#include <stdlib.h>

static struct arena a;
static struct config config;

static int begin(void **state)
{
	(void)state;
	arena_init(&a, 4 << 20);
	config_defaults(&config);
	strcpy(config.sms_aliyun_url, "https://dysmsapi.aliyuncs.com/");
	strcpy(config.sms_aliyun_key_id, "testid");
	strcpy(config.sms_aliyun_sign_name, "政务服务");
	strcpy(config.sms_aliyun_template_case_moved, "SMS_123");
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(&a);
	return 0;
}

/* ---- the signature ---- */

static json_t *vectors(void)
{
	static char text[64 << 10];
	struct fail why;
	fail_clear(&why);
	FILE *f = fopen(SIBAN_SOURCE_DIR "/tests/unit/vectors/aliyun_acs3.json", "rb");
	assert_non_null(f);
	size_t n = fread(text, 1, sizeof text, f);
	fclose(f);
	json_t *j = json_read((struct str){ text, n }, &why);
	assert_non_null(j);
	return j;
}

static const char *text_of(const json_t *j, const char *name)
{
	const char *text = json_string_value(json_object_get(j, name));
	assert_non_null(text);
	return text;
}

/* "name:value\n" lines to headers. */
static int headers_of(const char *lines, struct header out[8])
{
	struct str rest = str_c(lines), line;
	int n = 0;
	while (rest.len > 0 && str_cut(rest, '\n', &line, &rest))
		(void)str_cut(line, ':', &out[n].name, &out[n].value), n++;
	return n;
}

static void published_vectors(void **state)
{
	(void)state;
	json_t *all = vectors(), *cases = json_object_get(all, "cases");
	assert_true(json_array_size(cases) >= 2);
	for (size_t i = 0; i < json_array_size(cases); i++) {
		const json_t *c = json_array_get(cases, i);
		struct header headers[8];
		struct acs3 s = { "POST", str_c(text_of(c, "access_key_id")), str_c(text_of(c, "canonical_query")), { str_c(text_of(c, "access_key_secret")) },
				  headers, headers_of(text_of(c, "canonical_headers"), headers) };
		struct str got = acs3_authorization(&s, str_c(text_of(c, "body_sha256")), &a);
		if (!str_eq(got, str_c(text_of(c, "authorization"))))
			fail_msg("%s: %.*s", text_of(c, "kind"), STR_ARG(got));
	}
	json_decref(all);
}

static struct order order_of(const char *payload)
{
	static const uint8_t random[16] = { 0x31, 0x56, 0x85, 0x32 };
	return (struct order){ .key = "ef_01JD0000000000000000000000", .payload = str_c(payload), .config = &config, .secret = { STR("testsecret") },
			       .now_ms = INT64_C(1763913095000), .random = random };
}

static void request(void **state)
{
	(void)state;
	struct fail why;
	struct http_call c;
	struct order o = order_of("{\"phone\":\"+86 138-0013-8000\",\"template\":\"case_moved\",\"params\":{\"name\":\"张三\",\"no\":\"A*01\"},\"later\":1}");
	fail_clear(&why);
	assert_true(codec_sms_aliyun.build(&o, &a, &c, &why));
	assert_int_equal(c.method, METHOD_POST);
	assert_int_equal(c.body.len, 0);
	assert_true(c.timeout_ms > 0);
	assert_true(str_eq(c.url, STR("https://dysmsapi.aliyuncs.com/?OutId=ef_01JD0000000000000000000000&PhoneNumbers=13800138000"
				      "&SignName=%E6%94%BF%E5%8A%A1%E6%9C%8D%E5%8A%A1&TemplateCode=SMS_123"
				      "&TemplateParam=%7B%22name%22%3A%22%E5%BC%A0%E4%B8%89%22%2C%22no%22%3A%22A%2A01%22%7D")));
	bool date = false, nonce = false;
	for (int i = 0; i < c.header_count; i++) {
		assert_false(str_eq(c.headers[i].name, STR("host")));
		date = date || (str_eq(c.headers[i].name, STR("x-acs-date")) && str_eq(c.headers[i].value, STR("2025-11-23T15:51:35Z")));
		nonce = nonce || (str_eq(c.headers[i].name, STR("x-acs-signature-nonce")) && str_starts(c.headers[i].value, STR("31568532")) && c.headers[i].value.len == 32);
	}
	assert_true(date && nonce);
}

static const struct { const char *payload, *pointer; enum fail_code code; } wrong_orders[] = {
	{ "{\"phone\":\"12345\",\"template\":\"case_moved\"}", "/phone", FAIL_FIELD },
	{ "{\"phone\":\"13800138000\",\"template\":\"unheard\"}", "/template", FAIL_FIELD },
	{ "{\"phone\":\"13800138000\",\"template\":\"test\"}", "/template", FAIL_FIELD }, /* known, not configured */
	{ "{\"phone\":\"13800138000\",\"template\":\"case_moved\",\"params\":{\"n\":1}}", "/params", FAIL_FIELD },
	{ "{\"template\":\"case_moved\"}", "/phone", FAIL_FIELD_MISSING },
	{ "[", "", FAIL_BAD_JSON },
};

static void wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wrong_orders / sizeof wrong_orders[0]; i++) {
		struct fail why;
		struct http_call c;
		struct order o = order_of(wrong_orders[i].payload);
		fail_clear(&why);
		assert_false(codec_sms_aliyun.build(&o, &a, &c, &why));
		assert_int_equal(why.code, wrong_orders[i].code);
		assert_string_equal(why.pointer, wrong_orders[i].pointer);
	}
}

/* ---- judgement ---- */

static const struct { enum http_end end; int status; const char *body, *retry_after; enum verdict want; const char *code; int64_t again_ms; } answers[] = {
	{ HTTP_ANSWERED, 200, "{\"Code\":\"OK\",\"Message\":\"OK\",\"BizId\":\"9006^0\",\"RequestId\":\"x\"}", NULL, VERDICT_DONE, "OK", 0 },
	{ HTTP_ANSWERED, 200, "{\"Code\":\"isv.BUSINESS_LIMIT_CONTROL\"}", NULL, VERDICT_AGAIN, "isv.BUSINESS_LIMIT_CONTROL", 3600000 },
	{ HTTP_ANSWERED, 200, "{\"Code\":\"isv.MOBILE_NUMBER_ILLEGAL\"}", NULL, VERDICT_FAILED, "isv.MOBILE_NUMBER_ILLEGAL", 0 },
	{ HTTP_ANSWERED, 200, "{\"Code\":\"isv.AMOUNT_NOT_ENOUGH\"}", NULL, VERDICT_STOP, "isv.AMOUNT_NOT_ENOUGH", 0 },
	{ HTTP_ANSWERED, 400, "{\"Code\":\"SignatureDoesNotMatch\",\"Message\":\"m\"}", NULL, VERDICT_STOP, "SignatureDoesNotMatch", 0 },
	{ HTTP_ANSWERED, 503, "{\"Code\":\"ServiceUnavailable\"}", "7", VERDICT_AGAIN, "ServiceUnavailable", 7000 },
	{ HTTP_ANSWERED, 200, "{\"Code\":\"isv.SOMETHING_NEW\"}", NULL, VERDICT_FAILED, "isv.SOMETHING_NEW", 0 },
	{ HTTP_ANSWERED, 200, "{\"Code\":\"isp.SOMETHING_NEW\"}", NULL, VERDICT_UNKNOWN, "isp.SOMETHING_NEW", 0 }, /* conservative */
	{ HTTP_ANSWERED, 500, "{\"Code\":\"Weird\"}", NULL, VERDICT_UNKNOWN, "Weird", 0 },
	{ HTTP_ANSWERED, 502, "{\"Code\":\"OK\"}", NULL, VERDICT_UNKNOWN, "OK", 0 },
	{ HTTP_ANSWERED, 200, "<html>", NULL, VERDICT_UNKNOWN, "http_200", 0 },
	{ HTTP_ANSWERED, 200, "{\"Code\":\"OK\",\"Mess", NULL, VERDICT_UNKNOWN, "http_200", 0 },
	{ HTTP_ANSWERED, 200, "{\"Code\":1}", NULL, VERDICT_UNKNOWN, "http_200", 0 },
	{ HTTP_ANSWERED, 503, "<html>", NULL, VERDICT_AGAIN, "http_503", 0 },
	{ HTTP_ANSWERED, 504, "<html>", NULL, VERDICT_UNKNOWN, "http_504", 0 },
	{ HTTP_NOT_SENT, 0, NULL, NULL, VERDICT_AGAIN, "not_sent", 0 },
	{ HTTP_UNCLEAR, 0, NULL, NULL, VERDICT_UNKNOWN, "unclear", 0 },
	{ HTTP_TOO_LARGE, 200, NULL, NULL, VERDICT_UNKNOWN, "unclear", 0 },
};

static void judgements(void **state)
{
	(void)state;
	struct order o = order_of("{}");
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		struct http_answer answer = { .end = answers[i].end, .status = answers[i].status, .body = str_c(answers[i].body), .retry_after = str_c(answers[i].retry_after) };
		struct judgement j = { .verdict = VERDICT_DONE };
		codec_sms_aliyun.judge(&o, &answer, &j);
		if (j.verdict != answers[i].want || strcmp(j.code, answers[i].code) != 0 || j.again_after_ms != answers[i].again_ms)
			fail_msg("row %zu: %d %s %lld", i, j.verdict, j.code, (long long)j.again_after_ms);
	}
	struct http_answer done = { .end = HTTP_ANSWERED, .status = 200, .body = STR("{\"Code\":\"OK\",\"BizId\":\"90\\n06^0\"}") };
	struct judgement j = { .verdict = VERDICT_UNKNOWN };
	codec_sms_aliyun.judge(&o, &done, &j);
	assert_string_equal(j.ref, "9006^0"); /* nothing a terminal would obey */
}

/* ---- receipts ---- */

struct seen {
	int count, good;
	char last[64];
};

static bool see(void *ctx, const struct sms_report *r, struct fail *why)
{
	struct seen *s = ctx;
	s->count++;
	s->good += r->is_success;
	snprintf(s->last, sizeof s->last, "%.*s", STR_ARG(r->out_id));
	return s->count < 5 || FAILS(why, STORE, "enough");
}

static const struct { const char *body; enum fail_code code; int count, good; const char *last; } reports[] = {
	{ "[]", FAIL_NONE, 0, 0, "" },
	{ "[{\"phone_number\":\"138\",\"send_time\":\"2017-01-01 00:00:00\",\"report_time\":\"x\",\"success\":true,\"err_code\":\"DELIVERED\",\"err_msg\":\"\","
	  "\"sms_size\":\"1\",\"biz_id\":\"b\",\"out_id\":\"ef_1\"},{\"success\":false,\"err_code\":\"UNDELIV\",\"out_id\":\"ef_2\",\"new\":{\"x\":[]}}]", FAIL_NONE, 2, 1, "ef_2" },
	{ "{}", FAIL_BAD_REQUEST, 0, 0, "" },
	{ "[1]", FAIL_BAD_REQUEST, 0, 0, "" },
	{ "[{\"out_id\":\"x\"}]", FAIL_FIELD_MISSING, 0, 0, "" },
	{ "[{\"success\":\"true\"}]", FAIL_FIELD, 0, 0, "" },
	{ "[{\"success\":true},", FAIL_BAD_JSON, 0, 0, "" },
	{ "[{\"success\":true},{\"success\":true},{\"success\":true},{\"success\":true},{\"success\":true},{\"success\":true}]", FAIL_STORE, 5, 5, "" },
};

static void receipts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof reports / sizeof reports[0]; i++) {
		struct fail why;
		struct seen s = { 0, 0, "" };
		fail_clear(&why);
		assert_int_equal(sms_aliyun_reports(str_c(reports[i].body), see, &s, &a, &why), reports[i].code == FAIL_NONE);
		assert_int_equal(why.code, reports[i].code);
		assert_int_equal(s.count, reports[i].count);
		assert_int_equal(s.good, reports[i].good);
		assert_string_equal(s.last, reports[i].last);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(published_vectors, begin, end), cmocka_unit_test_setup_teardown(request, begin, end),
		cmocka_unit_test_setup_teardown(wrong, begin, end),
		cmocka_unit_test_setup_teardown(judgements, begin, end), cmocka_unit_test_setup_teardown(receipts, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
