/* Goal: a table that the office takes away says, to whoever reads it cell by cell, just what was put into it, whatever its texts are and in whichever letters, and its rows are as wide as its head: our own reader of statements is the judge. No text of it begins as a formula does, in either width.
 * Method: rows with what spreadsheets and CSV trip over, written as CSV and as GB18030, read again by payments/statements/bill.h as a bank's table under other names; its last row says their sum, which is held against them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/day.h"
#include "payments/statements/bill.h"
#include "services/money/office_sheet.h"
#include <stdio.h>
#include <string.h>

enum { DAY = 20782, ROOM = 1 << 16 };

static const struct row {
	const char *reference, *code, *unit;
	int64_t fen;
} rows[] = {
	{ "R0001", "62120226100000000012", "065080906", 8000 },
	{ "4200001234202611260000000001", "62120226100000000023", "0", 1 },              /* 28 digits */
	{ "a,b", "c\"d", "\"", 100 },
	{ "\"\"", ",", ",\",\"", 99 },
	{ "=1+1", "+86", "-12", -12345 },                                                 /* what went back */
	{ "@SUM(A1)", "'", "''", 12 },
	{ "'=1+1", "'-1", "'quoted'", 10 },
	{ "''=1+1", "'+'", "=", 10 },
	{ "12345678901", "-12345678901", "'12345678901", INT64_C(99999999999999) },       /* a long number, and what only looks like one; the most a cell may be */
	{ "`tick", "a|b|c", "\\\\", -1 },
	{ "1234567890123456789012345678901234567890123456789012345678901234", "%2C", ";", 5 }, /* 64 */
	{ "x\"", "\"x", "x\"\"x", 6 },
	{ "-", "--", "=\"", 7 },
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static struct arena arena;

static struct str written(enum office_as as)
{
	static const char *const heads[] = { "号码", "参考号", "缴款码", "单位", "时间", "金额（元）", "备注" };
	struct fail why;
	struct buf out;
	struct office_sheet s;
	int64_t sum = 0;
	fail_clear(&why);
	buf_init(&out, &arena, ROOM);
	assert_true(office_open(&s, as, "test", 0, &why));
	office_into(&s, &out);
	office_heads(&s, heads, 7);
	for (int i = 0; i < ROWS; i++) {
		office_number(&s, i);
		office_text(&s, str_c(rows[i].reference));
		office_text(&s, str_c(rows[i].code));
		office_text(&s, str_c(rows[i].unit));
		office_text(&s, STR("2026-11-25 08:00:00"));
		office_fen(&s, rows[i].fen);
		office_row(&s);
		sum += rows[i].fen;
	}
	office_text(&s, STR("合计"));
	for (int i = 0; i < 4; i++)
		office_text(&s, STR(""));
	office_fen(&s, sum);
	office_row(&s);
	assert_true(office_piece(&s, &arena, &why) && office_end(&s, &why));
	office_drop(&s);
	return buf_text(&out);
}

static bool same(struct str read, const char *want)
{
	return str_eq(read, str_eq(str_c(want), STR("0")) ? STR("") : str_c(want)); /* a lone 0 is a statement's nothing */
}

static bool take(void *ctx, const struct bill_line *l, struct fail *why)
{
	int *n = ctx;
	(void)why;
	assert_true(*n < ROWS);
	const struct row *w = &rows[*n];
	bool is_back = w->fen < 0;
	if (!same(l->reference, w->reference) || !same(l->code, w->code) || !same(l->unit, w->unit) || l->fen != (is_back ? 0 : w->fen) || l->refund_fen != (is_back ? -w->fen : 0) ||
	    l->at_ms != day_begins_ms(DAY) + 8 * 3600000 || l->line != *n + 2)
		fail_msg("row %d: %.*s, %.*s, %.*s, %lld fen, %lld back", *n, STR_ARG(l->reference), STR_ARG(l->code), STR_ARG(l->unit), (long long)l->fen, (long long)l->refund_fen);
	(*n)++;
	return true;
}

static bool read_again(struct str text, int *lines, struct fail *why)
{
	const struct bill_want want = { .source = BILL_BANK, .day = DAY, .names = STR("PAYSERIAL=参考号,PAYNOTENO=缴款码,UNITNO=单位,PAYDATETIME=时间,AMOUNT=金额（元）") };
	struct bill_totals totals;
	*lines = 0;
	fail_clear(why);
	struct bill *b = bill_begin(&want, take, lines, why);
	assert_non_null(b);
	for (size_t at = 0; at < text.len; at += 7)
		if (!bill_feed(b, (struct str){ text.at + at, text.len - at < 7 ? text.len - at : 7 }, why)) {
			bill_drop(b);
			return false;
		}
	return bill_end(b, &totals, why);
}

static void what_was_written_is_read(void **state)
{
	(void)state;
	struct fail why;
	int lines;
	for (enum office_as as = OFFICE_CSV; as <= OFFICE_GB18030; as++) {
		if (!read_again(written(as), &lines, &why))
			fail_msg("as %d, line %d: %s", (int)as, lines + 2, why.log);
		assert_int_equal(lines, ROWS);
	}
}

/* ---- what a spreadsheet would reckon with ---- */

static const struct { const char *text, *cell; } guards[] = {
	{ "=1+1", "'=1+1" }, { "+86", "'+86" }, { "-12", "'-12" }, { "@SUM(A1)", "'@SUM(A1)" }, { "'=1", "''=1" }, { "'", "''" },
	{ "\t=1", "'\t=1" }, { "\r=1", "'\r=1" }, { "\n=1", "'\n=1" },
	{ "＝1+1", "'＝1+1" }, { "＋86", "'＋86" }, { "－12", "'－12" }, { "＠SUM(A1)", "'＠SUM(A1)" }, { "'＝1", "''＝1" },
	{ "缴款＝", "缴款＝" }, { "—12", "—12" }, { "（1）", "（1）" }, { "＜1", "＜1" }, { "", "" }, { "a=1", "a=1" }, /* their first letters begin with the same byte as the full-width signs */
};
enum { GUARDS = sizeof guards / sizeof guards[0] };

static struct str one_cell(const char *text, enum office_as as)
{
	struct fail why;
	struct buf out;
	struct office_sheet s;
	fail_clear(&why);
	buf_init(&out, &arena, 1024);
	assert_true(office_open(&s, as, "test", 0, &why));
	office_into(&s, &out);
	office_text(&s, str_c(text));
	office_row(&s);
	assert_true(office_piece(&s, &arena, &why) && office_end(&s, &why));
	office_drop(&s);
	return buf_text(&out);
}

static void formulas_are_guarded(void **state)
{
	(void)state;
	for (int i = 0; i < GUARDS; i++) {
		char want[64];
		snprintf(want, sizeof want, "\xef\xbb\xbf\"%s\"\r\n", guards[i].cell);
		assert_int_equal(bill_wants_guard(str_c(guards[i].text)), strcmp(guards[i].text, guards[i].cell) != 0);
		struct str cell = one_cell(guards[i].text, OFFICE_CSV);
		if (!str_eq(cell, str_c(want)))
			fail_msg("row %d: %.*s", i, STR_ARG(cell));
	}
}

static bool done_take(void *ctx, const struct bill_line *l, struct fail *why)
{
	(void)why;
	*(int64_t *)ctx = l->state;
	return true;
}

/* A bank's word of its own may be any text (payments.bank_columns): what it is read as says which text came back. */
static void guards_are_taken_away(void **state)
{
	(void)state;
	for (int i = 0; i < 2 * GUARDS; i++) {
		const char *text = guards[i / 2].text;
		char names[128], head[] = "PAYSERIAL,PAYDATETIME,AMOUNT,TRANSSTATUS\nB1,20261125093011,1.00,";
		struct bill_totals totals;
		struct fail why;
		int64_t said = 0;
		fail_clear(&why);
		bool is_refused = strpbrk(text, "\r\n") != NULL; /* a line's end in a cell is no statement's */
		if (*text == '\t' || *text == '\0') /* no word of a configuration */
			continue;
		snprintf(names, sizeof names, "TRANSSTATUS/01=%s", text);
		const struct bill_want want = { .source = BILL_BANK, .day = DAY, .names = str_c(names) };
		struct str cell = one_cell(text, i % 2 == 0 ? OFFICE_CSV : OFFICE_GB18030);
		size_t mark = i % 2 == 0 ? 3 : 0;
		struct bill *b = bill_begin(&want, done_take, &said, &why);
		assert_non_null(b);
		assert_true(bill_feed(b, str_c(head), &why));
		bool ok = bill_feed(b, (struct str){ cell.at + mark, cell.len - mark }, &why);
		if (is_refused) {
			assert_false(ok);
			assert_int_equal(why.code, FAIL_IMPORT);
			bill_drop(b);
			continue;
		}
		if (!ok || !bill_end(b, &totals, &why))
			fail_msg("%s: %s", text, why.log);
		assert_int_equal(said, BILL_PENDING);
	}
}

static int begin(void **state)
{
	(void)state;
	arena_init(&arena, 1 << 20);
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_was_written_is_read), cmocka_unit_test(formulas_are_guarded), cmocka_unit_test(guards_are_taken_away) };
	return cmocka_run_group_tests(tests, begin, end);
}
