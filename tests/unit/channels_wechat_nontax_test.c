/* Goal: what is asked of WeChat's non-tax interfaces is what its pages want, of amounts that add up, and never of the real bank by accident; each answer means what it says, and one that leaves
 * open whether something was done says so.
 * Method: the samples of its pages as rows, then bent in each way that matters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/day.h"
#include "channels/wechat_nontax.h"

static struct arena a;
static struct fail why;
static struct nontax_account account;
static struct nontax_notice notice;

static int begin(void **state)
{
	(void)state;
	arena_init(&a, 1 << 20);
	fail_clear(&why);
	account = (struct nontax_account){ .base = STR("https://api.weixin.qq.com"), .appid = STR("wxdummy"), .bank_id = STR("BANK-T"), .service_id = 7, .token = { STR("T&1") } };
	notice = (struct nontax_notice){ .notice_no = STR("62120026000000000001"), .department_code = STR("065000001"), .department_name = STR("示例单位"), .user_name = STR("张*"), .region = 621200, .kind = 2,
		.fee_fen = 20600, .made_s = 1795300000, .count = 1, .items = { { STR("100000000001"), STR("罚款"), 0, 600, 20600 } } };
	assert_true(day_from_text(STR("2026-12-08"), &notice.last_on));
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(&a);
	return 0;
}

#define NOTICE "\"payment_notice_no\":\"62120026000000000001\",\"department_code\":\"065000001\",\"department_name\":\"示例单位\",\"payment_notice_type\":2,\"region_code\":\"621200\",\"user_name\":\"张*\"," \
	"\"fee\":20600,\"payment_notice_create_time\":1795300000,\"payment_expire_date\":\"20261208\",\"items\":[{\"no\":1,\"item_id\":\"100000000001\",\"item_name\":\"罚款\",\"penalty\":600,\"fee\":20600}]"

static void is_call(const struct http_call *c, const char *path, const char *body)
{
	char url[256];
	snprintf(url, sizeof(url), "https://api.weixin.qq.com/nontax/%s?access_token=T%%261", path);
	assert_true(c->method == METHOD_POST && str_eq(c->url, str_c(url)));
	if (!str_eq(c->body, str_c(body)))
		fail_msg("%.*s", STR_ARG(c->body));
}

static void questions(void **state)
{
	(void)state;
	struct http_call c;
	struct nontax_order o = { .notice = &notice, .desc = STR("缴费"), .ip = STR("10.1.2.3"), .openid = STR("o-1") };
	assert_true(nontax_fee_build(&account, &notice, &a, &c, &why));
	is_call(&c, "queryfee", "{\"appid\":\"wxdummy\",\"service_id\":7,\"bank_id\":\"BANK-T\",\"payment_notice_no\":\"62120026000000000001\",\"department_code\":\"065000001\",\"region_code\":\"621200\",\"payment_notice_type\":2}");
	assert_true(nontax_order_build(&account, &o, &a, &c, &why));
	is_call(&c, "unifiedorder", "{\"appid\":\"wxdummy\",\"service_id\":7,\"bank_id\":\"BANK-T\",\"desc\":\"缴费\",\"ip\":\"10.1.2.3\"," NOTICE ",\"scene\":\"miniprogram\",\"openid\":\"o-1\"}");
	o.openid = STR_NONE;
	o.return_url = STR("https://pay.example/back");
	assert_true(nontax_order_build(&account, &o, &a, &c, &why));
	is_call(&c, "unifiedorder", "{\"appid\":\"wxdummy\",\"service_id\":7,\"bank_id\":\"BANK-T\",\"desc\":\"缴费\",\"ip\":\"10.1.2.3\"," NOTICE ",\"scene\":\"biz\",\"trade_type\":\"MWEB\",\"return_url\":\"https://pay.example/back\"}");
	assert_true(nontax_ask_build(&account, STR("AQAAD1"), &a, &c, &why));
	is_call(&c, "getorder", "{\"appid\":\"wxdummy\",\"order_id\":\"AQAAD1\"}");
	assert_true(nontax_list_build(&account, &notice, &a, &c, &why));
	is_call(&c, "getorderlist", "{\"appid\":\"wxdummy\",\"region_code\":\"621200\",\"department_code\":\"065000001\",\"payment_notice_no\":\"62120026000000000001\"}");
	assert_true(nontax_refund_build(&account, STR("AQAAD1"), STR("RF1"), 600, STR("线上线下重复缴费"), &a, &c, &why));
	is_call(&c, "refund", "{\"appid\":\"wxdummy\",\"order_id\":\"AQAAD1\",\"reason\":\"线上线下重复缴费\",\"refund_fee\":600,\"refund_out_id\":\"RF1\"}");
}

static void refused_here(void **state)
{
	(void)state;
	struct http_call c;
	struct nontax_order o = { .notice = &notice, .desc = STR("缴费"), .ip = STR("10.1.2.3"), .openid = STR("o-1") };
	const struct nontax_item right = notice.items[0];
	struct { struct nontax_item item; int64_t fee_fen; } rows[] = { { right, 20599 }, { right, 0 }, { right, 20600 }, { right, 20600 }, { right, -1 } };
	rows[2].item.overdue_fen = 20600;
	rows[3].item.penalty_fen = -1;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		notice.items[0] = rows[i].item;
		notice.fee_fen = rows[i].fee_fen;
		fail_clear(&why);
		if (nontax_order_build(&account, &o, &a, &c, &why) || why.code != FAIL_FIELD)
			fail_msg("row %zu", i);
	}
	fail_clear(&why);
	account.bank_id = STR_NONE;
	account.is_development = true; /* it would be the real bank */
	assert_false(nontax_fee_build(&account, &notice, &a, &c, &why));
	assert_true(why.code == FAIL_CONFIG && strstr(why.log, "T&1") == NULL);
	account.is_development = false;
	fail_clear(&why);
	assert_true(nontax_fee_build(&account, &notice, &a, &c, &why));
	assert_false(nontax_refund_build(&account, STR("A"), STR("R"), 0, STR("x"), &a, &c, &why));
}

static struct http_answer said(const char *body)
{
	return (struct http_answer){ .end = HTTP_ANSWERED, .status = 200, .body = str_c(body) };
}

static void codes(void **state)
{
	(void)state;
	static const struct { const char *body; enum nontax_means want; } rows[] = {
		{ "{\"errcode\":-1,\"errmsg\":\"x\"}", NONTAX_BUSY }, { "{\"errcode\":40001}", NONTAX_STALE }, { "{\"errcode\":42001}", NONTAX_STALE }, { "{\"errcode\":45011}", NONTAX_QUOTA },
		{ "{\"errcode\":48001}", NONTAX_CONFIG }, { "{\"errcode\":47001}", NONTAX_OURS }, { "{\"errcode\":31337}", NONTAX_UNCLEAR }, { "{\"errcode\":\"0\"}", NONTAX_UNCLEAR },
		{ "{}", NONTAX_UNCLEAR }, { "<html>", NONTAX_UNCLEAR }, { "", NONTAX_UNCLEAR }, { "[]", NONTAX_UNCLEAR },
	};
	struct nontax_page p;
	struct nontax_trade t;
	struct nontax_orders l;
	struct nontax_notice n;
	struct str number;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_answer answer = said(rows[i].body);
		assert_int_equal(nontax_order_judge(&answer, &a, &p).means, rows[i].want);
		assert_int_equal(nontax_ask_judge(STR("A"), &answer, &a, &t).means, rows[i].want);
		assert_int_equal(nontax_list_judge(&answer, &a, &l).means, rows[i].want);
		assert_int_equal(nontax_fee_judge(STR("A"), &answer, &a, &n).means, rows[i].want);
		assert_int_equal(nontax_refund_judge(&answer, &a, &number).means, rows[i].want);
	}
	static const struct { enum http_end end; int status; enum nontax_means want; } ends[] = { { HTTP_NOT_SENT, 0, NONTAX_BUSY }, { HTTP_UNCLEAR, 0, NONTAX_UNCLEAR }, { HTTP_ANSWERED, 502, NONTAX_UNCLEAR } };
	for (size_t i = 0; i < 3; i++) {
		struct http_answer answer = { .end = ends[i].end, .status = ends[i].status, .body = STR("{\"errcode\":0}") };
		assert_int_equal(nontax_order_judge(&answer, &a, &p).means, ends[i].want);
	}
}

static void fees(void **state)
{
	(void)state;
	struct nontax_notice n;
	struct http_answer answer = said("{\"errcode\":0,\"errmsg\":\"ok\"," NOTICE "}");
	assert_int_equal(nontax_fee_judge(notice.notice_no, &answer, &a, &n).means, NONTAX_OK);
	assert_true(n.fee_fen == 20600 && n.count == 1 && n.items[0].penalty_fen == 600 && n.region == 621200 && n.last_on == notice.last_on && str_eq(n.department_name, STR("示例单位")));
	assert_int_equal(nontax_fee_judge(STR("another"), &answer, &a, &n).means, NONTAX_NONSENSE);
	answer = said("{\"errcode\":0,\"payment_notice_no\":\"1\",\"department_code\":\"1\",\"department_name\":\"x\",\"region_code\":\"621200\",\"fee\":2,\"items\":[{\"item_id\":\"1\",\"item_name\":\"x\",\"fee\":1}]}");
	assert_int_equal(nontax_fee_judge(STR("1"), &answer, &a, &n).means, NONTAX_NONSENSE);
}

static void orders(void **state)
{
	(void)state;
	struct nontax_page p;
	struct http_answer answer = said("{\"errcode\":0,\"order_id\":\"AQAAD1\",\"pay_url\":\"https://pay.example/intp?order_id=AQAAD1#wechat_redirect\",\"miniprogram\":{\"appid\":\"wxm\",\"pagepath\":\"pages/pay\",\"query_string\":\"order_id=1\",\"business_type\":\"d\"}}");
	assert_true(nontax_order_judge(&answer, &a, &p).means == NONTAX_OK && str_eq(p.order_id, STR("AQAAD1")) && str_eq(p.mini_path, STR("pages/pay")));
	static const char *const open[] = { "{\"errcode\":0}", "{\"errcode\":0,\"order_id\":\"\"}", "{\"errcode\":0,\"order_id\":\"A\"}", "{\"errcode\":0,\"pay_url\":\"https://x\"}", "{\"errcode\":0,\"order_id\":\"A\",\"miniprogram\":{}}" };
	for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
		answer = said(open[i]);
		assert_int_equal(nontax_order_judge(&answer, &a, &p).means, NONTAX_UNCLEAR);
	}
#define TRADE(status, more) "{\"errcode\":0,\"order_id\":\"A1\",\"status\":" status ",\"fee\":20600" more "}"
#define DONE ",\"trans_id\":\"42\",\"pay_finish_time\":1795300100,\"fee_type\":1"
	static const struct { const char *body; enum nontax_means means; enum nontax_state state; } rows[] = {
		{ TRADE("1", ""), NONTAX_OK, NONTAX_UNPAID }, { TRADE("3", DONE), NONTAX_OK, NONTAX_PAID }, { TRADE("4", DONE), NONTAX_OK, NONTAX_PAID }, { TRADE("5", DONE), NONTAX_OK, NONTAX_REFUNDED },
		{ TRADE("6", DONE), NONTAX_OK, NONTAX_REFUNDING }, { TRADE("12", ""), NONTAX_OK, NONTAX_CLOSED }, { TRADE("99", ""), NONTAX_OK, NONTAX_OTHER }, { TRADE("3", ""), NONTAX_NONSENSE, NONTAX_OTHER },
		{ TRADE("3", ",\"trans_id\":\"42\",\"pay_finish_time\":1,\"fee_type\":2"), NONTAX_NONSENSE, NONTAX_OTHER }, { TRADE("\"3\"", DONE), NONTAX_NONSENSE, NONTAX_OTHER },
		{ TRADE("3", DONE ",\"partial_refund_info\":[{\"refund_status\":\"5\"}]"), NONTAX_OK, NONTAX_PAID },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nontax_trade t;
		answer = said(rows[i].body);
		if (nontax_ask_judge(STR("A1"), &answer, &a, &t).means != rows[i].means || t.state != rows[i].state)
			fail_msg("%s", rows[i].body);
	}
	struct nontax_trade t;
	answer = said(TRADE("3", DONE));
	assert_int_equal(nontax_ask_judge(STR("A2"), &answer, &a, &t).means, NONTAX_NONSENSE);
	struct nontax_orders l;
	answer = said("{\"errcode\":0,\"order_id_list\":[\"A1\",\"A2\"],\"paid_order_id\":\"A2\"}");
	assert_true(nontax_list_judge(&answer, &a, &l).means == NONTAX_OK && l.count == 2 && str_eq(l.paid, STR("A2")) && str_eq(l.ids[0], STR("A1")));
	answer = said("{\"errcode\":0,\"order_id_list\":[]}");
	assert_true(nontax_list_judge(&answer, &a, &l).means == NONTAX_OK && l.count == 0 && l.paid.len == 0);
	answer = said("{\"errcode\":0,\"order_id_list\":[1]}");
	assert_int_equal(nontax_list_judge(&answer, &a, &l).means, NONTAX_NONSENSE);
	struct str number;
	answer = said("{\"errcode\":0,\"refund_order_id\":\"R9\"}");
	assert_true(nontax_refund_judge(&answer, &a, &number).means == NONTAX_OK && str_eq(number, STR("R9")));
	answer = said("{\"errcode\":0}");
	assert_true(nontax_refund_judge(&answer, &a, &number).means == NONTAX_OK && number.at == NULL);
}

static void bills(void **state)
{
	(void)state;
	struct http_call c;
	assert_true(nontax_bill_build(&account, STR("1900000011"), 20779, 1 << 20, &a, &c, &why)); /* 2026-11-22 */
	is_call(&c, "downloadbill", "{\"appid\":\"wxdummy\",\"mch_id\":\"1900000011\",\"bill_date\":\"20261122\",\"bill_type\":\"ALL\"}");
	assert_int_equal(c.answer_max, 1 << 20);
	static const struct { const char *body; enum nontax_means want; } rows[] = {
		{ "交易时间,公众账号ID\n", NONTAX_OK }, { "\xEF\xBB\xBF交易时间", NONTAX_OK }, { "\x1f\x8b\b", NONTAX_OK }, { " \r\n{\"errcode\":40001,\"errmsg\":\"dummy\"}", NONTAX_STALE },
		{ "{\"errcode\":0}", NONTAX_NONSENSE }, { "{\"errcode\":9700004}", NONTAX_UNCLEAR }, { "{\"errcode\":48001}", NONTAX_CONFIG }, { "{", NONTAX_UNCLEAR }, { " \n", NONTAX_NONSENSE }, { "", NONTAX_NONSENSE },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_answer answer = said(rows[i].body);
		if (nontax_bill_judge(&answer).means != rows[i].want)
			fail_msg("row %zu", i);
	}
	struct http_answer away = { .end = HTTP_NOT_SENT }, ill = { .end = HTTP_ANSWERED, .status = 502, .body = STR("交易时间") }, large = { .end = HTTP_TOO_LARGE, .status = 200, .body = STR("交易时间") };
	assert_true(nontax_bill_judge(&away).means == NONTAX_BUSY && nontax_bill_judge(&ill).means == NONTAX_UNCLEAR && nontax_bill_judge(&large).means == NONTAX_UNCLEAR);
}

/* Of what went back, in part or on its way, nobody may think that it is all there. */
static void what_went_back(void **state)
{
	(void)state;
	static const struct { const char *more; bool has; } rows[] = {
		{ "", false }, { ",\"partial_refund_info\":{}", false }, { ",\"partial_refund_info\":[]", false }, { ",\"partial_refund_info\":null", false },
		{ ",\"partial_refund_info\":{\"refund_fee\":1}", true }, { ",\"partial_refund_info\":[{\"refund_fee\":1}]", true },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char body[256];
		struct nontax_trade t;
		snprintf(body, sizeof(body), "{\"errcode\":0,\"order_id\":\"A1\",\"status\":3,\"fee\":100,\"trans_id\":\"42\",\"pay_finish_time\":1795300100,\"payment_notice_no\":\"6\"%s}", rows[i].more);
		if (!nontax_trade_read(str_c(body), &t, &a) || t.has_refunds != rows[i].has)
			fail_msg("row %zu", i);
	}
}

static void merchants(void **state)
{
	(void)state;
	struct config *config = calloc(1, sizeof(*config));
	struct str out[NONTAX_MERCHANTS_MAX];
	strcpy(config->wechat_nontax_mch_id, "1900000010");
	assert_int_equal(nontax_merchants(config, out), 0); /* nobody pays there */
	strcpy(config->wechat_nontax_appid, "wxdummy");
	assert_true(nontax_merchants(config, out) == 1 && str_eq(out[0], STR("1900000010")));
	strcpy(config->wechat_nontax_mch_ids, "1900000011, 1900000012");
	assert_true(nontax_merchants(config, out) == 2 && str_eq(out[0], STR("1900000011")) && str_eq(out[1], STR("1900000012")));
	free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(questions, begin, end), cmocka_unit_test_setup_teardown(refused_here, begin, end), cmocka_unit_test_setup_teardown(codes, begin, end),
		cmocka_unit_test_setup_teardown(fees, begin, end), cmocka_unit_test_setup_teardown(orders, begin, end),
		cmocka_unit_test_setup_teardown(bills, begin, end), cmocka_unit_test(merchants),
		cmocka_unit_test_setup_teardown(what_went_back, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
