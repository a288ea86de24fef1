/* Goal: what is asked of WeChat's non-tax platform as an effect is what its payload says, and each answer ends it, tries it again, asks first or stops the account: never a second order or refund
 * on the chance. A call of the platform's is opened by its own word and key alone.
 * Method: payloads and answers as rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "base/arena.h"
#include "channels/wechat_nontax_call.h"
#include "channels/wechat_nontax_deed.h"

static struct arena a;
static struct fail why;
static struct config c;
static struct order o;

#define NOTICE "\"notice_no\":\"62120026000000000001\",\"unit\":\"065000001\",\"unit_name\":\"示例单位\",\"region\":621200,\"kind\":2,\"made_s\":1795300000,\"fee_fen\":20600," \
	"\"items\":[{\"id\":\"1\",\"name\":\"罚款\",\"penalty_fen\":600,\"fee_fen\":20600}],\"ip\":\"10.1.2.3\""

static int begin(void **state)
{
	(void)state;
	arena_init(&a, 1 << 20);
	fail_clear(&why);
	c = (struct config){ .development = true };
	strcpy(c.wechat_url, "https://api.weixin.qq.com");
	strcpy(c.wechat_nontax_appid, "wxdummy");
	strcpy(c.wechat_nontax_bank_id, "BANK-T");
	strcpy(c.wechat_nontax_return_url, "https://pay.example/back");
	strcpy(c.wechat_pay_description, "缴费");
	o = (struct order){ .key = "ef_1", .config = &c, .token = { STR("T1") } };
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(&a);
	return 0;
}

static bool holds(struct str text, const char *part)
{
	return memmem(text.at, text.len, part, strlen(part)) != NULL;
}

static void questions(void **state)
{
	(void)state;
	struct http_call call;
	o.payload = STR("{" NOTICE "}");
	assert_true(codec_wechat_nontax_order.build(&o, &a, &call, &why));
	assert_true(holds(call.url, "/nontax/unifiedorder?access_token=T1") && holds(call.body, "\"trade_type\":\"MWEB\",\"return_url\":\"https://pay.example/back\"") && holds(call.body, "\"penalty\":600,\"fee\":20600"));
	assert_false(holds(call.body, "openid") || holds(call.body, "user_name"));
	o.payload = STR("{" NOTICE ",\"openid\":\"o-1\",\"is_mini\":true}");
	assert_true(codec_wechat_nontax_order.build(&o, &a, &call, &why));
	assert_true(holds(call.body, "\"scene\":\"miniprogram\",\"openid\":\"o-1\"") && !holds(call.body, "return_url"));
	assert_true(codec_wechat_nontax_order.build_query(&o, &a, &call, &why) && holds(call.url, "/nontax/getorderlist?") && holds(call.body, "62120026000000000001"));
	o.payload = STR("{\"order_id\":\"AQAAD1\",\"number\":\"rf_1\",\"fen\":600,\"reason\":\"技术差错\"}");
	assert_true(codec_wechat_nontax_refund.build(&o, &a, &call, &why) && holds(call.body, "\"refund_fee\":600,\"refund_out_id\":\"rf_1\""));
	assert_true(codec_wechat_nontax_refund.build_query(&o, &a, &call, &why) && holds(call.url, "/nontax/getorder?") && holds(call.body, "AQAAD1"));
	assert_true(codec_wechat_nontax_tell.build(&o, &a, &call, &why) && holds(call.url, "/nontax/notifyinconsistentorder?") && holds(call.body, "AQAAD1"));
	o.payload = STR("{}");
	assert_false(codec_wechat_nontax_order.build(&o, &a, &call, &why) || codec_wechat_nontax_query.build(&o, &a, &call, &why) || codec_wechat_nontax_refund.build(&o, &a, &call, &why));
	o.token = (struct secret){ STR_NONE };
	o.payload = STR("{" NOTICE "}");
	assert_false(codec_wechat_nontax_order.build(&o, &a, &call, &why));
}

#define PAGE "{\"errcode\":0,\"order_id\":\"AQAAD1\",\"pay_url\":\"https://pay.example/1\"}"
#define TRADE(status, more) "{\"errcode\":0,\"order_id\":\"AQAAD1\",\"status\":" status ",\"fee\":8000" more "}"
#define PAID ",\"trans_id\":\"42\",\"pay_finish_time\":1795300100"
enum which { ORDER, LIST, QUERY, REFUND, REFUND_ASK, REFUND_QUERY, TELL };

static const struct {
	enum which which;
	enum http_end end;
	int status;
	const char *body;
	enum verdict verdict;
	const char *code;
	bool token_is_over;
} rows[] = {
	{ ORDER, HTTP_ANSWERED, 200, PAGE, VERDICT_DONE, "OK", false },
	{ ORDER, HTTP_NOT_SENT, 0, "", VERDICT_AGAIN, "not_sent", false },
	{ ORDER, HTTP_UNCLEAR, 0, "", VERDICT_UNKNOWN, "unclear", false },
	{ ORDER, HTTP_ANSWERED, 502, PAGE, VERDICT_UNKNOWN, "unclear", false },
	{ ORDER, HTTP_ANSWERED, 200, "{\"errcode\":-1}", VERDICT_UNKNOWN, "-1", false },
	{ ORDER, HTTP_ANSWERED, 200, "{\"errcode\":40001}", VERDICT_AGAIN, "40001", true },
	{ ORDER, HTTP_ANSWERED, 200, "{\"errcode\":45011}", VERDICT_AGAIN, "45011", false },
	{ ORDER, HTTP_ANSWERED, 200, "{\"errcode\":48001}", VERDICT_STOP, "48001", false },
	{ ORDER, HTTP_ANSWERED, 200, "{\"errcode\":47001}", VERDICT_FAILED, "47001", false },
	{ ORDER, HTTP_ANSWERED, 200, "{\"errcode\":9700099}", VERDICT_UNKNOWN, "9700099", false },
	{ ORDER, HTTP_ANSWERED, 200, "{\"errcode\":0,\"order_id\":\"AQAAD1\"}", VERDICT_UNKNOWN, "unclear", false },
	{ LIST, HTTP_ANSWERED, 200, "{\"errcode\":0,\"order_id_list\":[\"AQAAD1\"],\"paid_order_id\":\"\"}", VERDICT_AGAIN, "none_paid", false },
	{ LIST, HTTP_ANSWERED, 200, "{\"errcode\":0,\"order_id_list\":[\"AQAAD1\"],\"paid_order_id\":\"AQAAD1\"}", VERDICT_DONE, "PAID", false },
	{ LIST, HTTP_ANSWERED, 200, "{\"errcode\":-1}", VERDICT_UNKNOWN, "-1", false },
	{ LIST, HTTP_NOT_SENT, 0, "", VERDICT_UNKNOWN, "not_sent", false },
	{ LIST, HTTP_ANSWERED, 200, "{\"errcode\":42001}", VERDICT_UNKNOWN, "42001", true },
	{ LIST, HTTP_ANSWERED, 200, "{\"errcode\":0}", VERDICT_UNKNOWN, "nonsense", false },
	{ QUERY, HTTP_ANSWERED, 200, TRADE("1", ""), VERDICT_DONE, "UNPAID", false },
	{ QUERY, HTTP_ANSWERED, 200, TRADE("4", PAID), VERDICT_DONE, "PAID", false },
	{ QUERY, HTTP_ANSWERED, 200, TRADE("12", ""), VERDICT_DONE, "CLOSED", false },
	{ QUERY, HTTP_ANSWERED, 200, TRADE("77", ""), VERDICT_DONE, "OTHER", false },
	{ QUERY, HTTP_ANSWERED, 200, TRADE("3", ""), VERDICT_UNKNOWN, "nonsense", false },
	{ QUERY, HTTP_ANSWERED, 200, "{\"errcode\":-1}", VERDICT_AGAIN, "-1", false },
	{ REFUND, HTTP_ANSWERED, 200, "{\"errcode\":0,\"refund_order_id\":\"R1\"}", VERDICT_DONE, "PROCESSING", false },
	{ REFUND, HTTP_ANSWERED, 200, "{\"errcode\":0}", VERDICT_DONE, "PROCESSING", false },
	{ REFUND, HTTP_ANSWERED, 200, "{\"errcode\":9700003}", VERDICT_UNKNOWN, "9700003", false },
	{ REFUND, HTTP_UNCLEAR, 0, "", VERDICT_UNKNOWN, "unclear", false },
	{ REFUND_ASK, HTTP_ANSWERED, 200, TRADE("3", PAID), VERDICT_AGAIN, "RESOURCE_NOT_EXISTS", false },
	{ REFUND_ASK, HTTP_ANSWERED, 200, TRADE("3", PAID ",\"partial_refund_info\":{\"refund_out_id\":\"rf_1\",\"refund_fee\":600,\"refund_status\":6}"), VERDICT_DONE, "PROCESSING", false },
	{ REFUND_ASK, HTTP_ANSWERED, 200, TRADE("3", PAID ",\"partial_refund_info\":[{\"refund_out_id\":\"rf_0\",\"refund_status\":6},{\"refund_out_id\":\"rf_1\",\"refund_status\":\"5\"}]"), VERDICT_DONE, "SUCCESS", false },
	{ REFUND_ASK, HTTP_ANSWERED, 200, "{\"errcode\":40001}", VERDICT_UNKNOWN, "40001", true },
	{ TELL, HTTP_ANSWERED, 200, "{\"errcode\":0}", VERDICT_DONE, "OK", false },
	{ TELL, HTTP_ANSWERED, 200, "{\"errcode\":9700002}", VERDICT_DONE, "REFUSED", false },
	{ TELL, HTTP_ANSWERED, 200, "{\"errcode\":-1}", VERDICT_AGAIN, "-1", false },
	{ TELL, HTTP_ANSWERED, 200, "{\"errcode\":40001}", VERDICT_AGAIN, "40001", true },
	{ TELL, HTTP_ANSWERED, 200, "{\"errcode\":48001}", VERDICT_STOP, "48001", false },
	{ TELL, HTTP_ANSWERED, 502, "{\"errcode\":0}", VERDICT_UNKNOWN, "unclear", false },
	{ REFUND_QUERY, HTTP_ANSWERED, 200, TRADE("5", PAID ",\"refund_out_id\":\"rf_1\",\"refund_order_id\":\"R1\""), VERDICT_DONE, "SUCCESS", false },
	{ REFUND_QUERY, HTTP_ANSWERED, 200, TRADE("3", PAID ",\"refund_out_id\":\"rf_2\""), VERDICT_DONE, "RESOURCE_NOT_EXISTS", false },
	{ REFUND_QUERY, HTTP_ANSWERED, 200, TRADE("3", PAID ",\"partial_refund_info\":{\"refund_out_id\":\"rf_1\",\"refund_status\":9}"), VERDICT_DONE, "RESOURCE_NOT_EXISTS", false },
};

static void answers(void **state)
{
	(void)state;
	o.payload = STR("{\"order_id\":\"AQAAD1\",\"number\":\"rf_1\",\"fen\":600,\"reason\":\"x\"}");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct http_answer answer = { .end = rows[i].end, .status = rows[i].status, .body = str_c(rows[i].body) };
		void (*const judges[])(const struct order *, const struct http_answer *, struct judgement *) = { codec_wechat_nontax_order.judge, codec_wechat_nontax_order.judge_query,
			codec_wechat_nontax_query.judge, codec_wechat_nontax_refund.judge, codec_wechat_nontax_refund.judge_query, codec_wechat_nontax_refund_query.judge, codec_wechat_nontax_tell.judge };
		struct judgement j;
		judges[rows[i].which](&o, &answer, &j);
		if (j.verdict != rows[i].verdict || strcmp(j.code, rows[i].code) != 0 || j.token_is_over != rows[i].token_is_over)
			fail_msg("row %zu: %d %s", i, (int)j.verdict, j.code);
	}
}

/* ---- the platform's calls ---- */

static const struct secret key = { STR("whsec_c2liYW4tc2FuZGJveC1ub250YXgta2V5LTAwMDAwMDE=") };

static void calls(void **state)
{
	(void)state;
	const struct nontax_profile *p = nontax_profile_of(1);
	static const uint8_t random[NONTAX_NONCE_BYTES] = { 1, 2, 3 };
	const struct str word = STR("00112233aabbccdd");
	struct str plain;
	assert_null(nontax_profile_of(0));
	assert_null(nontax_profile_of(2));
	struct str reply = p->seal(key, word, nontax_reply_plain(NONTAX_REPLY_PAID, NULL, &a), random, &a);
	assert_true(holds(reply, "{\"data\":\"") && !holds(reply, "232"));
	assert_int_equal(p->open(key, word, reply, &plain, &a), NONTAX_REPLY_SIGNATURE); /* our answer is no call of theirs */
	static const struct { struct str body; enum nontax_reply reply; } bad[] = {
		{ STR("{}"), NONTAX_REPLY_FORM }, { STR("not json"), NONTAX_REPLY_FORM }, { STR("{\"data\":\"AAAA\"}"), NONTAX_REPLY_SIGNATURE }, { STR("{\"data\":1}"), NONTAX_REPLY_FORM },
		{ STR("{\"data\":\"AAAA\",\"sign\":\"0000000000000000000000000000000000000000000000000000000000000000\"}"), NONTAX_REPLY_SIGNATURE },
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(p->open(key, word, bad[i].body, &plain, &a), bad[i].reply);
	/* made by another program: opened for the word it is bound to, and refused where the signature is right and the seal is not */
#define CALL(data, sign) STR("{\"version\":1,\"data\":\"" data "\",\"sign\":\"" sign "\"}")
	const struct str call = CALL("AAECAwQFBgcICQoLB7Kd6kShKWoVkbaWb4J+SSklY4WSSiM8LraanpBrwPh3EKdNLg==", "7bd0508559146842d868c243ed3495a8f9f1c9dca6e72506102e008c8b26b971");
	assert_int_equal(p->open(key, word, call, &plain, &a), NONTAX_REPLY_OK);
	assert_true(str_eq(plain, STR("{\"order_id\":\"AQAAD1\"}")));
	assert_int_equal(p->open(key, STR("00112233aabbccde"), call, &plain, &a), NONTAX_REPLY_SIGNATURE);
	assert_int_equal(p->open(key, word, CALL("AAECAwQFBgcICQoLB7Kd6kShKWoVkbaWb4J+SSklY4WSSiM8LraanpBrwPh3AAAAAAA=", "2d6219c1d5109776d25398f8384e25b2525c10497ca63fbd03ce4993b4d1d24b"), &plain, &a),
		NONTAX_REPLY_SEALED);
	assert_int_equal(p->open((struct secret){ STR("whsec_AAAA") }, word, bad[0].body, &plain, &a), NONTAX_REPLY_SYSTEM);
	assert_null(p->seal((struct secret){ STR("whsec_AAAA") }, word, nontax_reply_plain(NONTAX_REPLY_OK, NULL, &a), random, &a).at);
}

/* ---- a payer's code ---- */

#define DUE "\"notice_no\":\"6212\",\"unit\":\"065\",\"unit_name\":\"U\",\"region\":621200,\"kind\":2,\"made_s\":1,\"fee_fen\":206,\"items\":[{\"id\":\"1\",\"name\":\"I\",\"fee_fen\":206}]"
#define CODE_SHOWN "134567890123456789"

static void barcode_sent(void **state)
{
	(void)state;
	struct http_call call;
	const struct codec_http *codec = &codec_wechat_nontax_micropay;
	o = (struct order){ .key = "ef_1", .config = &c, .token = { STR("T1") }, .payload = STR("{" DUE ",\"is_mini\":false,\"auth_code\":\"" CODE_SHOWN "\",\"until_ms\":60000}"), .now_ms = 59999, .ref = "", .attempt = 1 };
	assert_true(codec->build(&o, &a, &call, &why));
	assert_true(holds(call.url, "/nontax/micropay?access_token=T1") && holds(call.body, "\"auth_code\":\"" CODE_SHOWN "\"") && holds(call.body, "\"fee\":206") && holds(call.body, "\"bank_id\":\"BANK-T\""));
	static const char *const never[] = { "service_id", "openid", "\"ip\"", "scene", "return_url", "trade_type", "order_id" };
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		assert_false(holds(call.body, never[i]));
	assert_true(codec->build_query(&o, &a, &call, &why) && holds(call.url, "/nontax/getorderlist?") && !holds(call.body, CODE_SHOWN));
	o.ref = "AQAAD1";
	assert_true(codec->build(&o, &a, &call, &why) && holds(call.body, "\"order_id\":\"AQAAD1\""));
	assert_true(codec->build_query(&o, &a, &call, &why) && holds(call.url, "/nontax/getorder?") && holds(call.body, "AQAAD1") && !holds(call.body, CODE_SHOWN));
	assert_true(codec_wechat_nontax_list.build(&o, &a, &call, &why) && holds(call.url, "/nontax/getorderlist?") && !holds(call.body, CODE_SHOWN));
	o.now_ms = 60000; /* the phone shows another by now */
	assert_false(codec->build(&o, &a, &call, &why));
	fail_clear(&why);
	o.now_ms = 0;
	o.payload = STR("{" DUE ",\"is_mini\":false}"); /* what is kept of it */
	assert_false(codec->build(&o, &a, &call, &why));
	fail_clear(&why);
	assert_true(codec->build_query(&o, &a, &call, &why));
}

static void barcode_answered(void **state)
{
	(void)state;
	static const struct { int attempt; enum http_end end; int status; const char *body; enum verdict verdict; const char *code; int64_t again_ms; bool is_harmless; } answers_of[] = {
		{ 1, HTTP_ANSWERED, 200, "{\"errcode\":0,\"order_id\":\"AQ1\"}", VERDICT_UNKNOWN, "taken", 0, false },         /* believed when the order says so */
		{ 1, HTTP_ANSWERED, 200, "{\"errcode\":11,\"order_id\":\"AQ1\"}", VERDICT_AGAIN, "paying 11", 10000, false },
		{ 9, HTTP_ANSWERED, 200, "{\"errcode\":12}", VERDICT_AGAIN, "paying 12", 10000, false },
		{ 1, HTTP_ANSWERED, 200, "{\"errcode\":-1}", VERDICT_AGAIN, "busy -1", 5000, false },
		{ 2, HTTP_ANSWERED, 200, "{\"errcode\":13}", VERDICT_FAILED, "refused 13", 0, true },
		{ 1, HTTP_ANSWERED, 200, "{\"errcode\":14,\"order_id\":\"AQ1\"}", VERDICT_UNKNOWN, "unknown 14", 0, false },
		{ 1, HTTP_ANSWERED, 200, "{\"errcode\":47001}", VERDICT_FAILED, "refused 47001", 0, true },
		{ 2, HTTP_ANSWERED, 200, "{\"errcode\":47001}", VERDICT_UNKNOWN, "unknown 47001", 0, false },                     /* of a call before it nothing is said */
		{ 1, HTTP_ANSWERED, 200, "{\"errcode\":48001}", VERDICT_FAILED, "refused 48001", 0, true },
		{ 1, HTTP_ANSWERED, 200, "{\"errcode\":40001}", VERDICT_AGAIN, "stale", 0, true },
		{ 1, HTTP_ANSWERED, 500, "{\"errcode\":13}", VERDICT_UNKNOWN, "unclear", 0, false },
		{ 1, HTTP_ANSWERED, 200, "nonsense", VERDICT_UNKNOWN, "unclear", 0, false },
		{ 1, HTTP_UNCLEAR, 0, "", VERDICT_UNKNOWN, "unclear", 0, false },
		{ 1, HTTP_NOT_SENT, 0, "", VERDICT_AGAIN, "not_sent", 0, true },
	};
	strcpy(c.wechat_nontax_barcode_paying, "11, 12");
	strcpy(c.wechat_nontax_barcode_busy, "-1");
	strcpy(c.wechat_nontax_barcode_refused, "13");
	for (size_t i = 0; i < sizeof(answers_of) / sizeof(answers_of[0]); i++) {
		struct judgement j;
		o = (struct order){ .config = &c, .payload = STR("{}"), .ref = "", .attempt = answers_of[i].attempt };
		const struct http_answer answer = { .end = answers_of[i].end, .status = answers_of[i].status, .body = str_c(answers_of[i].body) };
		codec_wechat_nontax_micropay.judge(&o, &answer, &j);
		assert_string_equal(j.code, answers_of[i].code);
		assert_true(j.verdict == answers_of[i].verdict && j.again_after_ms == answers_of[i].again_ms && j.token_is_over == (strcmp(j.code, "stale") == 0));
		assert_string_equal(j.ref, strstr(answers_of[i].body, "AQ1") != NULL ? "AQ1" : "");
		assert_int_equal(nontax_was_harmless(str_c(j.code)), answers_of[i].is_harmless);
	}
}

/* Whatever is said of it, it is never to be sent again. */
static void barcode_asked_about(void **state)
{
	(void)state;
#define PAID_TRADE "{\"errcode\":0,\"order_id\":\"AQ1\",\"status\":3,\"fee\":206,\"trans_id\":\"42\",\"pay_finish_time\":1}"
	static const struct { const char *ref, *body; enum verdict verdict; const char *code, *ref_after; } told[] = {
		{ "AQ1", PAID_TRADE, VERDICT_DONE, "PAID", "AQ1" },
		{ "AQ1", "{\"errcode\":0,\"order_id\":\"AQ1\",\"status\":12,\"fee\":206}", VERDICT_DONE, "CLOSED", "AQ1" },
		{ "AQ1", "{\"errcode\":0,\"order_id\":\"AQ1\",\"status\":1,\"fee\":206}", VERDICT_UNKNOWN, "not_paid", "" },
		{ "AQ1", "{\"errcode\":0,\"order_id\":\"AQ2\",\"status\":12,\"fee\":206}", VERDICT_UNKNOWN, "nonsense", "" }, /* another's */
		{ "", "{\"errcode\":0,\"order_id_list\":[\"AQ1\"],\"paid_order_id\":\"AQ1\"}", VERDICT_UNKNOWN, "listed", "AQ1" },
		{ "", "{\"errcode\":0,\"order_id_list\":[\"AQ1\"],\"paid_order_id\":\"\"}", VERDICT_UNKNOWN, "none_paid", "" },
		{ "", "{\"errcode\":0,\"order_id_list\":[]}", VERDICT_UNKNOWN, "none_paid", "" },
		{ "", "{\"errcode\":9}", VERDICT_UNKNOWN, "9", "" }, { "", "{\"errcode\":-1}", VERDICT_UNKNOWN, "-1", "" }, { "AQ1", "{\"errcode\":48001}", VERDICT_STOP, "48001", "" },
	};
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
		struct judgement j;
		o = (struct order){ .config = &c, .payload = STR("{}"), .ref = told[i].ref, .attempt = 1 };
		const struct http_answer answer = { .end = HTTP_ANSWERED, .status = 200, .body = str_c(told[i].body) };
		codec_wechat_nontax_micropay.judge_query(&o, &answer, &j);
		assert_string_equal(j.code, told[i].code);
		assert_string_equal(j.ref, told[i].ref_after);
		assert_int_equal(j.verdict, told[i].verdict);
		assert_true(j.verdict != VERDICT_AGAIN && (j.said.at != NULL) == (j.verdict == VERDICT_DONE));
	}
}

/* What a notice costs: the members are those of protocols/nontax.md 2.2, in both directions. */
static void fees(void **state)
{
	(void)state;
	static const struct { struct str plain; enum nontax_reply reply; } asked[] = {
		{ STR("{\"appid\":\"w\",\"payment_notice_no\":\"6212\",\"department_code\":\"065\",\"region_code\":\"621200\",\"service_id\":7}"), NONTAX_REPLY_OK },
		{ STR("{\"appid\":\"w\",\"payment_notice_no\":\"6212\",\"department_code\":\"065\",\"region_code\":\"6212\"}"), NONTAX_REPLY_FORM },
		{ STR("{\"appid\":\"w\",\"payment_notice_no\":\"6212\",\"department_code\":\"065\",\"region_code\":\"62120x\"}"), NONTAX_REPLY_FORM },
		{ STR("{\"appid\":\"w\",\"department_code\":\"065\",\"region_code\":\"621200\"}"), NONTAX_REPLY_FORM }, { STR("[]"), NONTAX_REPLY_FORM }, { STR(""), NONTAX_REPLY_FORM },
	};
	struct nontax_fee_question q;
	for (size_t i = sizeof(asked) / sizeof(asked[0]); i-- > 0;)
		assert_int_equal(nontax_fee_asked(asked[i].plain, &q, &a), asked[i].reply);
	assert_true(q.region == 621200 && q.kind == 0 && q.bank_id.at == NULL && str_eq(q.notice_no, STR("6212")));
	const struct nontax_notice due = { .notice_no = STR("6212"), .department_code = STR("065"), .department_name = STR("U"), .user_name = STR("P"), .region = 621200, .kind = 2, .fee_fen = 206, .last_on = -1, .count = 1,
		.items = { { .id = STR("1"), .name = STR("I"), .penalty_fen = 6, .fee_fen = 206 } } };
	assert_true(str_eq(nontax_reply_plain(NONTAX_REPLY_OK, &due, &a), STR("{\"errcode\":0,\"errmsg\":\"\",\"payment_notice_no\":\"6212\",\"department_code\":\"065\",\"department_name\":\"U\","
		"\"payment_notice_type\":2,\"region_code\":\"621200\",\"user_name\":\"P\",\"fee\":206,\"items\":[{\"no\":1,\"item_id\":\"1\",\"item_name\":\"I\",\"penalty\":6,\"fee\":206}]}")));
	assert_true(str_eq(nontax_reply_plain(NONTAX_REPLY_BANK, NULL, &a), STR("{\"errcode\":236,\"errmsg\":\"not by this bank\"}")));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(questions, begin, end), cmocka_unit_test_setup_teardown(answers, begin, end),
		cmocka_unit_test_setup_teardown(calls, begin, end), cmocka_unit_test_setup_teardown(fees, begin, end),
		cmocka_unit_test_setup_teardown(barcode_sent, begin, end), cmocka_unit_test_setup_teardown(barcode_answered, begin, end), cmocka_unit_test_setup_teardown(barcode_asked_about, begin, end) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
