/* Goal: a statement that is what it should be is read to the fen, in whatever pieces it comes; one with anything wrong in it is refused whole, with its line and column.
 * Method: WeChat's own sample (45 rows, packed and not), its documented layouts, rows of ours for the others; then the same bytes with one thing changed. */
#include "payments/statements/bill.h"
#include "published.h"

#include "base/day.h"

#include <iconv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <cmocka.h>

enum { ROOM = 1 << 20 };

struct seen {
	int64_t lines, first_refund_fen, last_fen, last_refund_fen, last_at_ms, last_state, fee_milli;
	char first_reference[BILL_TEXT_MAX + 1], first_refund_no[BILL_TEXT_MAX + 1], reference[BILL_TEXT_MAX + 1], order_no[BILL_TEXT_MAX + 1], refund_no[BILL_TEXT_MAX + 1], code[BILL_TEXT_MAX + 1];
	int64_t of_business[BILL_BUSINESSES];
};

static void copy(char *to, struct str s)
{
	snprintf(to, BILL_TEXT_MAX + 1, "%.*s", STR_ARG(s));
}

static bool take(void *ctx, const struct bill_line *l, struct fail *why)
{
	struct seen *s = ctx;
	(void)why;
	s->lines++;
	s->last_fen = l->fen;
	s->last_refund_fen = l->refund_fen;
	s->last_at_ms = l->at_ms;
	s->last_state = l->state;
	s->fee_milli += l->fee_milli;
	s->of_business[l->business] += l->fen;
	copy(s->reference, l->reference);
	if (s->lines == 1) {
		copy(s->first_reference, l->reference);
		copy(s->first_refund_no, l->refund_no);
		s->first_refund_fen = l->refund_fen;
	}
	copy(s->order_no, l->order_no);
	copy(s->refund_no, l->refund_no);
	copy(s->code, l->code);
	return true;
}

static struct fail why;
static struct seen seen;
static struct bill_totals totals;

static bool read_in(struct bill_want want, struct str text, size_t step)
{
	fail_clear(&why);
	memset(&seen, 0, sizeof seen);
	struct bill *b = bill_begin(&want, take, &seen, &why);
	assert_non_null(b);
	for (size_t at = 0; at < text.len; at += step) {
		size_t len = text.len - at < step ? text.len - at : step;
		if (!bill_feed(b, (struct str){ text.at + at, len }, &why)) {
			bill_drop(b);
			return false;
		}
	}
	return bill_end(b, &totals, &why);
}

static struct bill_want want_of(enum bill_source source, const char *day)
{
	struct bill_want w = { .source = source };
	assert_true(day_from_text(str_c(day), &w.day));
	return w;
}

static const char *fact(const char *name)
{
	static char text[24];
	for (int i = 0; i < why.fact_count; i++)
		if (strcmp(why.facts[i].name, name) == 0) {
			snprintf(text, sizeof text, "%lld", (long long)why.facts[i].number);
			return why.facts[i].is_number ? text : why.facts[i].text;
		}
	return "";
}

static void refused(struct bill_want want, struct str text, const char *line, const char *column, const char *reason)
{
	if (read_in(want, text, 1000) || why.code != FAIL_IMPORT || strcmp(fact("reason"), reason) != 0 || strcmp(fact("line"), line) != 0 || strcmp(fact("column"), column) != 0)
		fail_msg("wanted line %s, %s, %s; got code %d line %s, %s, %s", line, column, reason, why.code, fact("line"), fact("column"), fact("reason"));
}

static struct str slurp(const char *name, char *room)
{
	char path[512];
	snprintf(path, sizeof path, "%s/tests/unit/vectors/%s", SIBAN_SOURCE_DIR, name);
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	size_t len = fread(room, 1, ROOM, f);
	fclose(f);
	return (struct str){ room, len };
}

/* The same text with one thing put for another: the n-th of them. */
static struct str changed(struct str text, const char *from, const char *to, int n, char *room)
{
	const char *at = text.at, *end = text.at + text.len;
	while (at != NULL && n-- > 0) {
		at = memmem(at, (size_t)(end - at), from, strlen(from));
		if (at != NULL && n > 0)
			at++;
	}
	assert_non_null(at);
	size_t before = (size_t)(at - text.at), after = text.len - before - strlen(from);
	memcpy(room, text.at, before);
	memcpy(room + before, to, strlen(to));
	memcpy(room + before + strlen(to), at + strlen(from), after);
	return (struct str){ room, before + strlen(to) + after };
}

static char one[ROOM], two[ROOM];

static void wechat_sample(void **state)
{
	(void)state;
	char hex[2 * SHA1_BYTES + 1];
	json_t *v = published("wechat_bill_all.json");
	struct str text = slurp("wechat_bill_ALL.csv", one);
	assert_true(has_names(text, json_object_get(v, "header")) && has_names(text, json_object_get(v, "summary_header")));
	assert_true(str_starts(text, STR("\xef\xbb\xbf")) == json_is_true(json_object_get(v, "has_utf8_bom")) && (text.at[text.len - 1] == '\n') == json_is_true(json_object_get(v, "ends_with_newline")));
	struct bill_want want = want_of(BILL_WECHAT_TRADE, "2019-02-19");
	want.is_proved = true;
	assert_string_equal(json_string_value(json_object_get(v, "hash_type")), "SHA1");
	for (size_t step = 1; step < 20000; step = step * 3 + 1)
		for (int packed = 0; packed < 2; packed++) {
			assert_true(read_in(want, slurp(packed ? "wechat_bill_ALL.csv.gz" : json_string_value(json_object_get(v, "file")), one), step));
			hex_text(totals.sha1, SHA1_BYTES, hex);
			assert_string_equal(hex, json_string_value(json_object_get(v, "hash_value")));
			assert_int_equal(totals.lines, number_of(v, "detail_rows"));
			assert_int_equal(seen.lines, totals.lines);
			assert_int_equal(totals.bytes, number_of(v, "bytes"));
			assert_int_equal(totals.settled_fen, fen_of(cell(v, "summary_row", 1)));
			assert_int_equal(totals.refund_settled_fen, fen_of(cell(v, "summary_row", 2)));
			assert_int_equal(totals.refund_coupon_fen, fen_of(cell(v, "summary_row", 3)));
			assert_int_equal(totals.payment_fen, fen_of(cell(v, "summary_row", 5)));
			assert_int_equal(totals.refund_fen, fen_of(cell(v, "summary_row", 6)));
			assert_int_equal(totals.payments + totals.refunds, totals.lines);
			assert_string_equal(totals.merchant, cell(v, "first_row", 2));
			assert_string_equal(seen.first_reference, cell(v, "first_row", 5));
			assert_string_equal(seen.first_refund_no, cell(v, "first_row", 15));
			assert_int_equal(seen.first_refund_fen, fen_of(cell(v, "first_row", 25)));
			assert_string_equal(seen.reference, "4200000263201902167700136502");
			assert_string_equal(seen.order_no, "autotest_20190219015157_13391");
			assert_int_equal(seen.last_fen, 3);
			assert_int_equal(seen.last_at_ms - day_begins_ms(want.day), ((1 * 60 + 51) * 60 + 59) * 1000);
		}
	json_decref(v);
}

static void fund_flow(void **state)
{
	(void)state;
	json_t *v = published("wechat_bill_fundflow_synthetic.json"), *rows = json_object_get(v, "rows"), *sums = json_object_get(v, "summary"), *row;
	int64_t of[BILL_BUSINESSES] = { 0 };
	size_t i;
	struct str text = slurp(json_string_value(json_object_get(v, "file")), one);
	digest_is(text, json_string_value(json_object_get(v, "hash_value")));
	assert_int_equal(text.len, number_of(v, "bytes"));
	assert_true(read_in(want_of(BILL_WECHAT_FUND, "2026-05-07"), text, 7));
	assert_int_equal(totals.in_fen, fen_of(json_string_value(json_object_get(sums, "收入金额"))));
	assert_int_equal(totals.out_fen, fen_of(json_string_value(json_object_get(sums, "支出金额"))));
	static const struct { const char *name; enum bill_business is; } names[] = { { "交易", BILL_TRADE }, { "扣除交易手续费", BILL_FEE }, { "退款", BILL_BACK }, { "退还交易手续费", BILL_FEE_BACK } };
	json_array_foreach(rows, i, row)
		for (size_t k = 0; k < sizeof names / sizeof names[0]; k++)
			if (strcmp(json_string_value(json_array_get(row, 4)), names[k].name) == 0)
				of[names[k].is] += fen_of(json_string_value(json_array_get(row, 6)));
	assert_int_equal(totals.lines, i);
	for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
		assert_true(of[names[k].is] > 0);
		assert_int_equal(seen.of_business[names[k].is], of[names[k].is]);
	}
	json_decref(v);
}

static void nontax(void **state)
{
	(void)state;
	json_t *v = published("wechat_nontax_bill.json"), *expect = json_object_get(v, "expect");
	struct str text = slurp(json_string_value(json_object_get(v, "file")), one);
	digest_is(text, json_string_value(json_object_get(v, "sha1")));
	assert_int_equal(text.len, number_of(v, "bytes"));
	assert_true(read_in(want_of(BILL_WECHAT_NONTAX, "2026-11-22"), text, 100));
	assert_int_equal(totals.lines, number_of(expect, "detail_rows"));
	assert_int_equal(totals.payment_fen, number_of(expect, "paid_fen"));
	assert_int_equal(totals.refund_fen, number_of(expect, "refunded_fen"));
	assert_string_equal(seen.code, "62120026000000000001");
	/* without its number at the platform, though with a notice's */
	const char *number = memmem(text.at, text.len, "4200000000000000000000000001", 28);
	assert_non_null(number);
	size_t before = (size_t)(number - text.at), after = text.len - before - 28;
	memcpy(two, text.at, before);
	two[before] = '0';
	memcpy(two + before + 1, number + 28, after);
	refused(want_of(BILL_WECHAT_NONTAX, "2026-11-22"), (struct str){ two, before + 1 + after }, "2", "", "no_number");
	refused(want_of(BILL_WECHAT_NONTAX, "2026-11-22"), str_c(json_string_value(json_object_get(v, "error_body_example"))), "1", "交易时间", "no_column");
	json_decref(v);
}

static void what_is_wrong_with_it(void **state)
{
	(void)state;
	static const struct { const char *from, *to; int n; const char *line, *column, *reason; } cases[] = {
		{ "`0.03", "`0.3e1", 1, "4", "应结订单金额", "not_an_amount" },
		{ "`0.03", "`-0.03", 1, "4", "应结订单金额", "not_an_amount" },
		{ "`0.03", "`０.03", 1, "4", "应结订单金额", "not_an_amount" },
		{ "`0.03", "`0.04", 1, "48", "应结订单总金额", "sum_differs" },
		{ "`0.03,`0.00,`\r\n", "`0.05,`0.00,`\r\n", 1, "48", "订单总金额", "sum_differs" },
		{ "2019-02-19 01:52:32", "2019-02-20 01:52:32", 1, "4", "", "other_day" },
		{ "2019-02-19 01:52:32", "2019-02-29 01:52:32", 1, "4", "交易时间", "not_a_time" },
		{ "2019-02-19 01:52:32", "2019-02-19 24:52:32", 1, "4", "交易时间", "not_a_time" },
		{ "`1921000401", "`1921000402", 3, "4", "", "other_merchant" },
		{ "`SUCCESS,`OTHERS", "`PAID,`OTHERS", 1, "4", "交易状态", "unknown_word" },
		{ "`CNY", "`USD", 2, "3", "货币种类", "other_money" },
		{ "微信订单号", "支付宝订单号", 1, "1", "微信订单号", "no_column" },
		{ "用户标识", "订单金额", 1, "1", "订单金额", "column_twice" },
		{ ",`JSAPI", "", 1, "2", "", "cells_missing" },
		{ "`JSAPI", "`JSAPI,`JSAPI", 1, "2", "", "too_many_cells" },
		{ "`4200000263201902167700134902", "`420000026320190216770013490２", 1, "4", "微信订单号", "not_ascii" },
		{ "`4200000263201902167700134902", "`0", 1, "4", "", "no_number" },
		{ "`45.0", "`44.0", 1, "48", "总交易单数", "sum_differs" },
		{ "`45.0", "45.0", 1, "48", "", "no_sums" },
		{ "`0.08", "`0.18", 1, "48", "手续费总金额", "sum_differs" },
		{ "autotest,", "auto\x01test,", 1, "4", "", "control_character" },
		{ "autotest,", "auto\xd0test,", 1, "4", "", "not_utf8" },
	};
	struct str text = slurp("wechat_bill_ALL.csv", one);
	struct bill_want want = want_of(BILL_WECHAT_TRADE, "2019-02-19");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		refused(want, changed(text, cases[i].from, cases[i].to, cases[i].n, two), cases[i].line, cases[i].column, cases[i].reason);
	want.merchant = STR("1900000001");
	refused(want, text, "2", "", "other_merchant");
	want.merchant = STR("1921000401");
	assert_true(read_in(want, text, 512));
	refused(want_of(BILL_WECHAT_TRADE, "2019-02-18"), text, "2", "", "other_day");
	refused(want_of(BILL_WECHAT_FUND, "2019-02-19"), text, "1", "记账时间", "no_column");
}

/* Cut anywhere, twice, or in other letters. */
static void not_whole(void **state)
{
	(void)state;
	struct str text = slurp("wechat_bill_ALL.csv", one);
	struct bill_want want = want_of(BILL_WECHAT_TRADE, "2019-02-19");
	size_t sums = text.len;
	while (text.at[sums - 2] != '\r' || sums == text.len)
		sums--; /* behind the end of the line before the last */
	for (size_t len = 0; len < text.len; len += len < sums ? 97 : 1)
		if (len + 2 < text.len && read_in(want, (struct str){ text.at, len }, 4096) && len < sums)
			fail_msg("taken: %zu bytes of %zu", len, text.len);
	memcpy(two, text.at, text.len);
	memcpy(two + text.len, text.at, text.len);
	refused(want, (struct str){ two, 2 * text.len }, "49", "", "behind_the_end");
	struct str packed = slurp("wechat_bill_ALL.csv.gz", one);
	for (size_t len = 1; len < packed.len; len += 13)
		assert_false(read_in(want, (struct str){ one, len }, 100));
	memcpy(two, packed.at, packed.len);
	memcpy(two + packed.len, packed.at, packed.len);
	refused(want, (struct str){ two, 2 * packed.len }, "", "", "behind_gzip");
	two[packed.len / 2] ^= 0x40;
	assert_false(read_in(want, (struct str){ two, packed.len }, 100));
	refused(want, STR("\xff\xfe" "a\0b\0\n\0"), "1", "", "utf16");
	refused(want, STR(""), "", "", "empty_file");
	memset(two, 'x', BILL_LINE_MAX + 1);
	refused(want, (struct str){ two, BILL_LINE_MAX + 1 }, "1", "", "line_too_long");
}

static void zip_bomb(void **state)
{
	(void)state;
	z_stream z = { .next_in = NULL };
	static char zeros[64 << 10];
	memset(zeros, '\n', sizeof zeros);
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_out = (unsigned char *)one;
	z.avail_out = sizeof one;
	for (int i = 0; i < 1600; i++) { /* 100 MiB */
		z.next_in = (unsigned char *)zeros;
		z.avail_in = sizeof zeros;
		assert_int_equal(deflate(&z, i == 1599 ? Z_FINISH : Z_NO_FLUSH), i == 1599 ? Z_STREAM_END : Z_OK);
	}
	struct bill_want want = want_of(BILL_BANK, "2026-11-25");
	size_t len = sizeof one - z.avail_out;
	deflateEnd(&z);
	/* behind a header every empty line would be passed over */
	refused(want, (struct str){ one, len }, "1", "", "empty_line");
	memset(zeros, 'x', sizeof zeros);
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_out = (unsigned char *)one;
	z.avail_out = sizeof one;
	static const char head[] = "PAYSERIAL,PAYDATETIME,AMOUNT\n";
	z.next_in = (unsigned char *)(uintptr_t)head;
	z.avail_in = sizeof head - 1;
	deflate(&z, Z_NO_FLUSH);
	memset(zeros, '\n', sizeof zeros);
	for (int i = 0; i < 1600; i++) {
		z.next_in = (unsigned char *)zeros;
		z.avail_in = sizeof zeros;
		deflate(&z, i == 1599 ? Z_FINISH : Z_NO_FLUSH);
	}
	len = sizeof one - z.avail_out;
	deflateEnd(&z);
	refused(want, (struct str){ one, len }, "", "", "zip_bomb");
}

static void unionpay(void **state)
{
	(void)state;
	struct bill_want want = want_of(BILL_UNIONPAY, "2026-11-25");
	struct str offline = STR("#20261125|000000011999|3\r\n"
		"898620112345678|\xce\xe4\xb6\xbc\xb4\xf3\xcc\xfc|6222****0001|1125093011|000001|62000001|112509300001|000000008000\r\n"
		"898620112345678|\xce\xe4\xb6\xbc\xb4\xf3\xcc\xfc|6222****0002|1124233011|000002|62000001|112423300002|000000004000\r\n"
		"898620112345678|\xce\xe4\xb6\xbc\xb4\xf3\xcc\xfc|6222****0002|1125113011|000003|62000001|112511300003|-00000000001\r\n");
	assert_true(read_in(want, offline, 5));
	assert_int_equal(totals.lines, 3);
	assert_int_equal(totals.payment_fen, 12000);
	assert_int_equal(totals.refund_fen, 1);
	assert_string_equal(seen.reference, "112511300003");
	struct str online = STR("#20261125|000000008000|1\n898620112345678|武都大厅|112509300001|62120226100000000012|2026-11-25 09:30:11|000000008000|01|48200000\n");
	assert_true(read_in(want, online, 1));
	assert_string_equal(seen.reference, "112509300001");
	assert_int_equal(seen.last_fen, 8000);
	refused(want_of(BILL_UNIONPAY, "2026-11-24"), offline, "1", "", "other_day");
	refused(want, changed(offline, "|3\r", "|4\r", 1, two), "1", "count", "sum_differs");
	refused(want, changed(offline, "000000004000", "000000004001", 1, two), "1", "amount", "sum_differs");
	refused(want, changed(offline, "000000004000", "0000004000", 1, two), "3", "金额", "not_an_amount");
	refused(want, changed(offline, "1124233011", "1120233011", 1, two), "3", "", "other_day");
}

static void bank(void **state)
{
	(void)state;
	struct bill_want want = want_of(BILL_BANK, "2026-11-25");
	struct str text = STR("UNITNO,PAYNOTENO,PAYSERIAL,PAYERNAME,AMOUNT,PAYDATETIME,TRANSSTATUS\r\n"
		"065000001,62120026000000000001,B001,\"\xcd\xf5\xd0\xa1\xc3\xf7, \"\"\xb4\xfa\"\"\",80.00,20261125093011,00\r\n"
		"065000001,62120026000000000002,B002,\xc0\xee,-20.5,20261125,01\r\n");
	assert_true(read_in(want, text, 3));
	assert_int_equal(totals.payment_fen, 8000);
	assert_int_equal(totals.refund_fen, 2050);
	assert_int_equal(seen.last_state, BILL_PENDING);
	want.names = STR("PAYSERIAL=流水号, AMOUNT=发生额,PAYDATETIME=时间");
	struct str other = STR("时间,流水号,发生额,余额\n2026-11-25 09:30:11,X1,80.00,1.00\n");
	assert_true(read_in(want, other, 11));
	assert_string_equal(seen.reference, "X1");
	refused(want, text, "1", "PAYSERIAL", "no_column");
	/* what was given a name is counted on, and its words may be the bank's too */
	want.names = STR("PAYSERIAL=流水号,AMOUNT=发生额,PAYDATETIME=时间, TRANSSTATUS=状态, TRANSSTATUS/00=成功, TRANSSTATUS / 02 = 失败");
	refused(want, other, "1", "TRANSSTATUS", "no_column");
	assert_true(read_in(want, STR("状态,时间,流水号,发生额\n成功,2026-11-25,X1,80.00\n失败,2026-11-25,X2,1.00\n"), 11));
	assert_int_equal(seen.last_state, BILL_FAILED);
	assert_true(read_in(want, STR("状态,时间,流水号,发生额\n失败,2026-11-25,X2,1.00\n成功,2026-11-25,X1,80.00\n"), 11));
	assert_int_equal(seen.last_state, BILL_DONE);
	refused(want, STR("状态,时间,流水号,发生额\n处理中,2026-11-25,X1,80.00\n"), "2", "TRANSSTATUS", "unknown_word");
	want.names = STR_NONE;
	refused(want, STR("PAYSERIAL,PAYDATETIME,AMOUNT\nB1,20261125093011,\"1\"\"\n"), "2", "", "quote_not_closed");
	refused(want, STR("PAYSERIAL,PAYDATETIME,AMOUNT\nB1,20261125093011,\"1\"2\n"), "2", "", "text_after_quote");
	refused(want, STR("PAYSERIAL,PAYDATETIME,AMOUNT\nB1,20261125093011,\"1,000.00\"\n"), "2", "AMOUNT", "not_an_amount");
	/* each line has its number, also one that is paid out and held beside nothing, or is found by its notice: neighbours' runs walk them all */
	refused(want, STR("PAYSERIAL,PAYDATETIME,AMOUNT,MERCHANTNO\n,20261125093011,80.00,1900000001\n"), "2", "", "no_number");
	refused(want, STR("PAYSERIAL,PAYDATETIME,AMOUNT,PAYNOTENO\n,20261125093011,80.00,62120226100000000012\n"), "2", "", "no_number");
	/* what keeps a spreadsheet from reckoning is none of the text */
	assert_true(read_in(want, STR("\"PAYSERIAL\",\"PAYDATETIME\",AMOUNT,ORDERNO\n\"\t4200001234202611260000000001\",20261125093011,\"1.00\t\",\"'=1+1\"\n"), 9));
	assert_string_equal(seen.reference, "4200001234202611260000000001");
	assert_string_equal(seen.order_no, "=1+1");
	assert_int_equal(seen.last_fen, 100);
	assert_true(read_in(want, STR("PAYSERIAL,PAYDATETIME,AMOUNT,ORDERNO\n\"'abc\",20261125093011,1.00,'=1\n"), 9));
	assert_string_equal(seen.reference, "'abc");
	assert_string_equal(seen.order_no, "'=1");
	/* a last row for people is the sum of all */
	struct str summed = STR("PAYSERIAL,PAYDATETIME,AMOUNT\nB1,20261125093011,80.00\nB2,20261125093011,-0.01\n\xe5\x90\x88\xe8\xae\xa1,,79.99\n");
	assert_true(read_in(want, summed, 9));
	assert_int_equal(totals.lines, 2);
	assert_true(read_in(want, STR("PAYSERIAL,PAYDATETIME,AMOUNT\nB1,20261125093011,80.00\n\xba\xcf\xbc\xc6,,80.00\n\n"), 9)); /* in GB18030 */
	refused(want, changed(summed, "79.99", "79.98", 1, two), "4", "AMOUNT", "sum_differs");
	refused(want, changed(summed, "79.99", "", 1, two), "4", "AMOUNT", "not_an_amount");
	refused(want, changed(summed, ",,79.99", ",79.99", 1, two), "4", "", "cells_missing");
	refused(want, changed(summed, "79.99\n", "79.99\nB3,20261125093011,0.00\n", 1, two), "5", "", "behind_the_end");
}

static void finance(void **state)
{
	(void)state;
	struct bill_want want = want_of(BILL_FINANCE, "2026-11-25");
	struct str lines = STR("{\"payment_code\":\"62120026000000000001\",\"amount\":\"80.00\",\"status\":\"booked\",\"booked_at\":\"2026-11-25 10:00:00\",\"number\":\"F1\"}\n"
		"{\"payment_code\":\"62120026000000000002\",\"amount\":\"0.01\",\"status\":\"pending\",\"booked_at\":\"2026-11-27\",\"payer\":\"王\"}\n");
	assert_true(read_in(want, lines, 9));
	assert_int_equal(totals.payment_fen, 8001);
	assert_string_equal(seen.code, "62120026000000000002");
	assert_int_equal(seen.last_state, BILL_PENDING);
	struct str table = STR("payment_code,amount,status,booked_at\n62120026000000000001,80,refused,2026-11-25\n");
	assert_true(read_in(want, table, 9));
	assert_int_equal(seen.last_state, BILL_FAILED);
	refused(want, changed(lines, "\"0.01\"", "0.01", 1, two), "2", "amount", "not_a_text");
	refused(want, changed(lines, "\"amount\":\"0.01\",", "", 1, two), "2", "amount", "no_column");
	refused(want, changed(lines, "pending", "lost", 1, two), "2", "status", "unknown_word");
	refused(want, changed(lines, "}\n", "}}\n", 2, two), "2", "", "not_json");
}

/* An amount is what fen.h takes, in every layout: nothing that a spreadsheet, a locale or an input method makes of it. */
static void amounts(void **state)
{
	(void)state;
	static const char *const wrong[] = { "8e1", "8E1", "+80.00", "８０.00", "80．00", "80,00", "80.001", "80.", ".80", " 80.00", "80.00 ", "0x50", "--80.00", "", "-", "NaN", "80.00-", "(80.00)", "99999999999999999999", "¥80.00" };
	static const struct { enum bill_source source; const char *day, *before, *after, *line, *column; } layouts[] = {
		{ BILL_BANK, "2026-11-25", "PAYSERIAL,PAYDATETIME,AMOUNT\nB1,20261125093011,\"", "\"\n", "2", "AMOUNT" },
		{ BILL_FINANCE, "2026-11-25", "{\"payment_code\":\"1\",\"status\":\"booked\",\"booked_at\":\"2026-11-25\",\"amount\":\"", "\"}\n", "1", "amount" },
		{ BILL_UNIONPAY, "2026-11-25", "#20261125|000000008000|1\r\nM||||||R1|", "\r\n", "2", "金额" },
	};
	for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++)
		for (size_t w = 0; w < sizeof wrong / sizeof wrong[0]; w++) {
			int len = snprintf(two, sizeof two, "%s%s%s", layouts[i].before, wrong[w], layouts[i].after);
			if (layouts[i].source == BILL_UNIONPAY) /* its time has a place of its own */
				len = snprintf(two, sizeof two, "#20261125|000000008000|1\r\nM|||1125093011|||R1|%s\r\n", wrong[w]);
			refused(want_of(layouts[i].source, layouts[i].day), (struct str){ two, (size_t)len }, layouts[i].line, layouts[i].column, "not_an_amount");
		}
	refused(want_of(BILL_FINANCE, "2026-11-25"), STR("{\"payment_code\":\"1\",\"status\":\"booked\",\"booked_at\":\"2026-11-25\",\"amount\":\"-80.00\"}\n"), "1", "amount", "not_an_amount");
}

/* A statement under another's name, or of another's letters, is nobody's. */
static void renamed(void **state)
{
	(void)state;
	static const struct { enum bill_source source; const char *day, *name; } files[] = {
		{ BILL_WECHAT_TRADE, "2019-02-19", "wechat_bill_ALL.csv" }, { BILL_WECHAT_FUND, "2026-05-07", "wechat_bill_fundflow_synthetic.csv" }, { BILL_WECHAT_NONTAX, "2026-11-22", "wechat_nontax_bill.csv" },
	};
	enum { FILES = sizeof files / sizeof files[0] };
	for (int i = 0; i < FILES; i++) {
		struct str text = slurp(files[i].name, one);
		for (int source = 1; source < BILL_SOURCES; source++)
			if (source != BILL_RECEIPTS && read_in(want_of((enum bill_source)source, files[i].day), text, 4096) != (source == (int)files[i].source))
				fail_msg("%s as %s", files[i].name, bill_source_text(source).at);
		iconv_t gb = iconv_open("GB18030", "UTF-8");
		size_t in_left = text.len, out_left = sizeof two;
		char *in = one, *out = two;
		assert_true(gb != (iconv_t)-1);
		assert_int_not_equal(iconv(gb, &in, &in_left, &out, &out_left), (size_t)-1);
		iconv_close(gb);
		refused(want_of(files[i].source, files[i].day), (struct str){ two, sizeof two - out_left }, "1", "", "not_utf8");
	}
}

/* Columns may stand in any order; the sums may not stand before what they sum. */
static void reordered(void **state)
{
	(void)state;
	struct bill_want want = want_of(BILL_BANK, "2026-11-25");
	assert_true(read_in(want, STR("AMOUNT,PAYDATETIME,OTHER,PAYSERIAL\n80.00,20261125093011,x,B1\n"), 5));
	assert_string_equal(seen.reference, "B1");
	assert_int_equal(seen.last_fen, 8000);
	struct str text = slurp("wechat_nontax_bill.csv", one), lines[8], rest = text;
	int count = 0;
	while (rest.len > 0 && count < 8)
		str_cut(rest, '\n', &lines[count++], &rest);
	assert_int_equal(count, 6); /* the header, three lines, what the sums are, the sums */
	static const int orders[][6] = { { 0, 3, 1, 2, 4, 5 }, { 0, 4, 5, 1, 2, 3 }, { 1, 0, 2, 3, 4, 5 }, { 0, 1, 2, 3, 5, 4 }, { 4, 5, 0, 1, 2, 3 } };
	for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
		size_t len = 0;
		for (int n = 0; n < 6; n++)
			len += (size_t)snprintf(two + len, sizeof two - len, "%.*s\n", STR_ARG(lines[orders[i][n]]));
		bool is_taken = read_in(want_of(BILL_WECHAT_NONTAX, "2026-11-22"), (struct str){ two, len }, 64);
		if (is_taken != (i == 0))
			fail_msg("order %zu: %s", i, is_taken ? "taken" : why.log);
		assert_true(is_taken || why.code == FAIL_IMPORT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wechat_sample), cmocka_unit_test(fund_flow), cmocka_unit_test(nontax), cmocka_unit_test(what_is_wrong_with_it),
		cmocka_unit_test(not_whole), cmocka_unit_test(zip_bomb), cmocka_unit_test(unionpay), cmocka_unit_test(bank), cmocka_unit_test(finance), cmocka_unit_test(amounts), cmocka_unit_test(renamed), cmocka_unit_test(reordered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
