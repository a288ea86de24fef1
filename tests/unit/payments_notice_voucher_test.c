/* Goal: a voucher becomes the notice it tells of, with its items and to the fen; whatever does not add up, or cannot be read in one way only, becomes none.
 * Method: one voucher that is well, and rows that alter one field of it; the published amounts (tests/unit/vectors/payments.json) in the place of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/mask.h"
#include "base/day.h"
#include "payments/fen.h"
#include "payments/notices/notice_voucher.h"
#include <stdio.h>
#include <stdlib.h>

#define CODE "62120226100000000012"
#define FEE "103043211|不动产登记费|80.0|次|1|不限制|0.0-0.0#"
#define FINE "103050101|罚款|200|次|1|金额上下限|100-500#"

/* A field said otherwise than in the voucher that is well; a text of NULL leaves it out. */
struct other { const char *name, *text; };

static struct nontax_fields voucher(const struct other *other, int count)
{
	static const struct other well[] = { { "AdmDivCode", "621202" }, { "PayCode", CODE }, { "ChgAgenCode", "065080906" }, { "ChgAgenName", "武都区自然资源局" }, { "PayerName", "王小明" }, { "Amt", "80.00" },
		{ "OriAmt", "80.00" }, { "DelayAmt", "0" }, { "PayStats", "0" }, { "PayInfo", FEE } };
	struct nontax_fields v = { .count = 0 };
	struct other all[24];
	int n = sizeof(well) / sizeof(well[0]);
	memcpy(all, well, sizeof(well));
	for (int i = 0; i < count; i++) {
		int at = 0;
		while (at < n && strcmp(all[at].name, other[i].name) != 0)
			at++;
		all[at] = other[i];
		n += at == n;
	}
	for (int i = 0; i < n; i++)
		if (all[i].text != NULL) {
			v.at[v.count].name = str_c(all[i].name);
			v.at[v.count++].text = str_c(all[i].text);
		}
	return v;
}

static bool taken(const struct other *other, int count, const char *day, const char *penalties, struct notice *n, struct arena *a, struct fail *why)
{
	struct nontax_fields v = voucher(other, count);
	const struct voucher_rules rules = { PAYMENT_CODE_SANDBOX, str_c(penalties) };
	fail_clear(why);
	return notice_from_voucher(&v, str_c(day), &rules, n, a, why);
}

static void a_voucher_that_is_well(void **state)
{
	(void)state;
	struct arena a;
	struct fail why;
	struct notice n;
	static const struct other late[] = { { "PayInfo", FEE FINE }, { "OriAmt", "280.00" }, { "DelayAmt", "6.01" }, { "Amt", "286.01" }, { "CrcCode", "A1b2" }, { "PayerName", "某某公司" },
		{ "PayerCreditCode", "91621299MA0000015U" } };
	arena_init(&a, 1 << 20);
	assert_true(taken(NULL, 0, "20261126", "10305", &n, &a, &why));
	assert_string_equal(n.code, CODE);
	assert_true(str_eq(n.unit, STR("065080906")) && str_eq(n.unit_name, STR("武都区自然资源局")) && str_eq(n.payer, STR("王小明")) && n.payer_kind == 0 && n.check_code.at == NULL);
	assert_true(n.kind == NOTICE_ORDINARY && n.division == 621202 && n.count == 1 && n.items[0].fen == 8000 && n.total_fen == 8000 && n.late_fen == 0 && !n.has_late_on && !n.has_last_on);
	assert_true(str_eq(n.items[0].item, STR("103043211")) && str_eq(n.items[0].name, STR("不动产登记费")));

	assert_true(taken(late, 7, "20261126", "9, 10305", &n, &a, &why));
	int32_t day;
	assert_true(day_from_text(STR("2026-11-26"), &day));
	assert_true(n.kind == NOTICE_PENALTY && n.count == 2 && n.amount_fen == 28000 && n.late_fen == 601 && n.total_fen == 28601 && n.has_late_on && n.late_on == day);
	assert_true(str_eq(n.check_code, STR("A1b2")) && n.payer_kind == IDENTITY_ORGANISATION);
	assert_true(taken(late, 7, "20261126", "", &n, &a, &why) && n.kind == NOTICE_ORDINARY);
	assert_true(taken(late, 7, "20261126", ",", &n, &a, &why) && n.kind == NOTICE_ORDINARY);
	arena_free(&a);
}

static void a_voucher_that_is_none(void **state)
{
	(void)state;
	static const struct { struct other other[3]; const char *day, *pointer; } rows[] = {
		{ { { "Amt", "80.01" } }, "20261126", "/total_fen" },
		{ { { "OriAmt", "79.99" }, { "Amt", "79.99" } }, "20261126", "OriAmt" },
		{ { { "DelayAmt", "1" } }, "20261126", "/total_fen" },
		{ { { "DelayAmt", NULL } }, "20261126", "DelayAmt" },
		{ { { "DelayAmt", "-1" }, { "Amt", "79.00" } }, "20261126", "DelayAmt" },
		{ { { "DelayAmt", "1" }, { "Amt", "81" } }, "", "/late_on" },
		{ { { "DelayAmt", "1" }, { "Amt", "81" } }, "2026112", "/late_on" },
		{ { { "DelayAmt", "1" }, { "Amt", "81" } }, "20261131", "/late_on" },
		{ { { "DelayAmt", "1" }, { "Amt", "81" } }, "2026-1-1", "/late_on" },
		{ { { "PayInfo", NULL } }, "20261126", "PayInfo" },
		{ { { "PayInfo", "" } }, "20261126", "PayInfo" },
		{ { { "PayInfo", "#" } }, "20261126", "PayInfo" },
		{ { { "PayInfo", "103043211|不动产登记费|80.0|次|1|不限制|0.0-0.0" } }, "20261126", "PayInfo" },
		{ { { "PayInfo", "103043211|不动产登记费|80.0|次|1|不限制#" } }, "20261126", "PayInfo" },
		{ { { "PayInfo", "103043211|不动产登记费|80.0|次|1|不限制|0|0#" } }, "20261126", "PayInfo" },
		{ { { "PayInfo", "103043211|不动产登记费|80.0.0|次|1|不限制|0-0#" } }, "20261126", "PayInfo" },
		{ { { "PayInfo", FEE FEE } }, "20261126", "OriAmt" },
		{ { { "PayInfo", "|不动产登记费|80.0|次|1|不限制|0.0-0.0#" } }, "20261126", "/items/0/item" },
		{ { { "PayInfo", "103043211||80.0|次|1|不限制|0.0-0.0#" } }, "20261126", "/items/0/name" },
		{ { { "PayCode", "62120226100000000013" } }, "20261126", "/payment_code" },
		{ { { "PayCode", NULL } }, "20261126", "/payment_code" },
		{ { { "AdmDivCode", "62120" } }, "20261126", "/division" },
		{ { { "PayerName", "" } }, "20261126", "/payer/name" },
		{ { { "PayerCreditCode", "91621299MA0000015W" } }, "20261126", "/payer/id_number" },
		{ { { "ChgAgenCode", NULL } }, "20261126", "/unit" },
		{ { { "ChgAgenName", NULL } }, "20261126", "/unit_name" },
		{ { { "CrcCode", "12345" } }, "20261126", "/check_code" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena a;
		struct fail why;
		struct notice n;
		int count = rows[i].other[1].name == NULL ? 1 : 2;
		arena_init(&a, 1 << 20);
		if (taken(rows[i].other, count, rows[i].day, "", &n, &a, &why) || strcmp(why.pointer, rows[i].pointer) != 0)
			fail_msg("row %zu: %s, want %s", i, why.pointer, rows[i].pointer);
		arena_free(&a);
	}
}

static void twenty_items_and_no_more(void **state)
{
	(void)state;
	static char info[4096], amount[16];
	for (int items = NOTICE_ITEMS_MAX; items <= NOTICE_ITEMS_MAX + 1; items++) {
		struct arena a;
		struct fail why;
		struct notice n;
		size_t len = 0;
		for (int i = 0; i < items; i++)
			len += (size_t)snprintf(info + len, sizeof(info) - len, "%d|项目|0.01|次|1|不限制|0-0#", i + 1);
		snprintf(amount, sizeof(amount), "0.%d", items);
		const struct other other[] = { { "PayInfo", info }, { "OriAmt", amount }, { "Amt", amount } };
		arena_init(&a, 1 << 20);
		assert_int_equal(taken(other, 3, "20261126", "", &n, &a, &why), items == NOTICE_ITEMS_MAX);
		arena_free(&a);
	}
}

static json_t *published(const char *name, json_t **all)
{
	static char text[1 << 16];
	struct fail why;
	fail_clear(&why);
	FILE *f = fopen(SIBAN_SOURCE_DIR "/tests/unit/vectors/payments.json", "rb");
	assert_non_null(f);
	size_t len = fread(text, 1, sizeof(text), f);
	fclose(f);
	*all = json_read((struct str){ text, len }, &why);
	return json_object_get(json_object_get(*all, "vectors"), name);
}

/* Amounts as others published them: what is one becomes the notice's, up to what a notice may be of, and what is none becomes nothing. */
static void published_amounts(void **state)
{
	(void)state;
	struct fail why;
	DROP(json) json_t *all = NULL;
	json_t *rows = published("yuan_to_fen", &all), *row;
	size_t i, seen = 0;
	json_array_foreach(rows, i, row) {
		char info[128];
		struct arena a;
		struct notice n;
		const char *in = json_string_value(json_object_get(row, "in"));
		json_t *fen = json_object_get(row, "fen");
		snprintf(info, sizeof(info), "103043211|费|%s|次|1|不限制|0-0#", in);
		const struct other other[] = { { "PayInfo", info }, { "OriAmt", in }, { "Amt", in } };
		bool is_one = json_is_integer(fen) && json_integer_value(fen) <= NOTICE_FEN_MAX;
		arena_init(&a, 1 << 20);
		if (taken(other, 3, "20261126", "", &n, &a, &why) != is_one || (is_one && n.total_fen != json_integer_value(fen)))
			fail_msg("\"%s\"", in);
		arena_free(&a);
		seen++;
	}
	assert_true(seen > 10);
}

/* Late money is the bureau's to count, and nothing here counts it: what it said is taken to the fen beside the fine, and a total that is not both is refused. */
static void published_surcharges(void **state)
{
	(void)state;
	struct fail why;
	DROP(json) json_t *all = NULL;
	json_t *rows = published("fine_surcharge", &all), *row;
	size_t i;
	json_array_foreach(rows, i, row) {
		char info[128], amount[FEN_TEXT_BYTES], late[FEN_TEXT_BYTES], total[FEN_TEXT_BYTES], other_total[FEN_TEXT_BYTES];
		struct arena a;
		struct notice n;
		int64_t base = json_integer_value(json_object_get(row, "base_fen")), surcharge = json_integer_value(json_object_get(row, "surcharge_fen"));
		fen_yuan(base, amount);
		fen_yuan(surcharge, late);
		fen_yuan(base + surcharge, total);
		fen_yuan(base + surcharge + 1, other_total);
		snprintf(info, sizeof(info), "103050101|罚款|%s|次|1|不限制|0-0#", amount);
		struct other other[] = { { "PayInfo", info }, { "OriAmt", amount }, { "DelayAmt", late }, { "Amt", total } };
		arena_init(&a, 1 << 20);
		if (!taken(other, 4, "20261126", "10305", &n, &a, &why) || n.amount_fen != base || n.late_fen != surcharge || n.total_fen != base + surcharge || n.has_late_on != (surcharge > 0))
			fail_msg("%s and %s late", amount, late);
		other[3].text = other_total;
		assert_false(taken(other, 4, "20261126", "10305", &n, &a, &why));
		arena_free(&a);
	}
	assert_int_equal(i, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_voucher_that_is_well), cmocka_unit_test(a_voucher_that_is_none), cmocka_unit_test(twenty_items_and_no_more), cmocka_unit_test(published_amounts),
		cmocka_unit_test(published_surcharges) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
