/* Goal: one verdict for each pair of records, as government.md A7 has it; a day's records are found by their numbers, however many there are.
 * Method: the vector `reconcile` of tests/unit/vectors/reconcile.json, compared here in the simplest way there is; every pair there can be has a verdict, and equal sums
 * that both sides have are never a difference; 100,000 numbers put and found. */
#include "payments/reconciliation/recon.h"
#include "payments/reconciliation/recon_join.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char *text(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));
	return s != NULL ? s : "";
}

static const json_t *find(const json_t *rows, const char *order, const char *state)
{
	size_t i;
	const json_t *row;
	json_array_foreach(rows, i, row)
		if (strcmp(text(row, "order"), order) == 0 && (state == NULL || strcmp(text(row, "state"), state) == 0))
			return row;
	return NULL;
}

static int64_t fen(const json_t *o)
{
	return json_integer_value(json_object_get(o, "fen"));
}

/* Was the notice of this order paid by another one? */
static bool paid_otherwise(const json_t *ours, const json_t *own)
{
	size_t i;
	const json_t *row;
	json_array_foreach(ours, i, row) {
		bool is_paid = strcmp(text(row, "status"), "PAID") == 0 || strcmp(text(row, "status"), "REFUNDED") == 0;
		if (row != own && is_paid && json_equal(json_object_get(row, "notice"), json_object_get(own, "notice")))
			return true;
	}
	return false;
}

static enum recon_kind verdict(const json_t *v, const char *order)
{
	const json_t *ours = json_object_get(v, "gateway"), *own = find(ours, order, NULL), *channel = json_object_get(v, "channel");
	const json_t *in = find(channel, order, "SUCCESS"), *back = find(channel, order, "REFUND");
	const char *status = own != NULL ? text(own, "status") : "";
	bool is_refunded = strcmp(status, "REFUNDED") == 0, is_void = strcmp(status, "VOID") == 0;
	struct recon_pair p = { .side = RECON_PAID_IN, .theirs = in != NULL ? RECON_THEIRS_DONE : RECON_THEIRS_NONE, .notice = RECON_NOTICE_NOBODYS, .more = RECON_MORE_NOTHING };
	p.ours = own == NULL ? RECON_OURS_NONE : strcmp(status, "PAID") == 0 || is_refunded ? RECON_OURS_DONE : strcmp(status, "PENDING") == 0 ? RECON_OURS_OPEN : RECON_OURS_OVER;
	p.sums = own != NULL && in != NULL && fen(own) == fen(in) ? RECON_SUMS_EQUAL : RECON_SUMS_OTHER;
	if (p.ours == RECON_OURS_OPEN || p.ours == RECON_OURS_OVER)
		p.notice = paid_otherwise(ours, own) ? RECON_NOTICE_PAID : is_void ? RECON_NOTICE_VOID : RECON_NOTICE_UNPAID;
	if (in == NULL && own != NULL && strcmp(text(own, "paid_at"), text(v, "cutoff")) >= 0)
		p.more = RECON_MORE_NEAR;
	enum recon_kind kind = recon_judge(&p);
	if (kind != RECON_MATCH || !is_refunded)
		return kind;
	struct recon_pair r = { .side = RECON_PAID_BACK, .ours = RECON_OURS_DONE, .theirs = back != NULL ? RECON_THEIRS_DONE : RECON_THEIRS_NONE, .notice = RECON_NOTICE_NOBODYS,
				.sums = back != NULL && fen(back) == fen(own) ? RECON_SUMS_EQUAL : RECON_SUMS_OTHER, .more = RECON_MORE_NOTHING };
	return recon_judge(&r);
}

static void vector(void **state)
{
	(void)state;
	static const struct { const char *theirs; enum recon_kind ours; } names[] = {
		{ "MATCH", RECON_MATCH }, { "LONG", RECON_LONG }, { "SHORT", RECON_SHORT }, { "AMOUNT_DIFF", RECON_AMOUNT }, { "STATUS_DIFF", RECON_STATUS },
		{ "DUPLICATE_PAYMENT", RECON_DUPLICATE }, { "PAID_AFTER_VOID", RECON_VOID }, { "REFUND_DIFF", RECON_REFUND }, { "CARRY_CUTOFF", RECON_CUTOFF }, { "TBC", RECON_TBC },
	};
	json_error_t e;
	const char *order;
	json_t *all = json_load_file(SIBAN_SOURCE_DIR "/tests/unit/vectors/reconcile.json", 0, &e), *want;
	assert_non_null(all);
	json_t *v = json_object_get(json_object_get(all, "vectors"), "reconcile"), *expected = json_object_get(v, "expected");
	assert_int_equal(json_object_size(expected), 10);
	json_object_foreach(expected, order, want)
		for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
			if (strcmp(names[i].theirs, json_string_value(want)) == 0)
				assert_int_equal(verdict(v, order), names[i].ours);
	json_decref(all);
}

static void every_pair(void **state)
{
	(void)state;
	int kinds[RECON_TBC + 1] = { 0 };
	struct recon_pair p;
	for (p.side = RECON_PAID_IN; p.side <= RECON_BOOKED; p.side++)
		for (p.ours = RECON_OURS_NONE; p.ours <= RECON_OURS_RETURNED; p.ours++)
			for (p.theirs = RECON_THEIRS_NONE; p.theirs <= RECON_THEIRS_RETURNED; p.theirs++)
				for (p.notice = RECON_NOTICE_UNPAID; p.notice <= RECON_NOTICE_NOBODYS; p.notice++)
					for (p.sums = RECON_SUMS_EQUAL; p.sums <= RECON_SUMS_OTHER; p.sums++)
						for (p.more = RECON_MORE_AGAIN; p.more <= RECON_MORE_NOTHING; p.more++) {
							enum recon_kind k = recon_judge(&p);
							bool both = p.ours == RECON_OURS_DONE && p.theirs == RECON_THEIRS_DONE && p.more != RECON_MORE_AGAIN;
							kinds[k]++;
							assert_int_equal(recon_kind_row(k)->kind, k);
							if (both)
								assert_true((k == RECON_MATCH) == (p.sums == RECON_SUMS_EQUAL));
							if (p.side == RECON_BOOKED && (p.theirs == RECON_THEIRS_RETURNED) != (p.ours == RECON_OURS_RETURNED) && p.theirs != RECON_THEIRS_NONE)
								assert_true(k != RECON_MATCH); /* gone back for one of the two alone */
							if (p.theirs == RECON_THEIRS_DONE && p.ours == RECON_OURS_NONE)
								assert_true(k != RECON_MATCH);
							if (p.ours == RECON_OURS_DONE && p.theirs == RECON_THEIRS_NONE)
								assert_true(k != RECON_MATCH);
						}
	for (int k = RECON_MATCH; k <= RECON_TBC; k++)
		assert_true(kinds[k] > 0);
}

static void words(void **state)
{
	(void)state;
	for (int k = RECON_MATCH; k <= RECON_TBC; k++) {
		const struct recon_kind_row *row = recon_kind_row(k);
		assert_ptr_equal(recon_kind_named(row->text), row);
		assert_true(k == RECON_MATCH || (row->may & 1u << row->action) != 0);
	}
	assert_null(recon_kind_named(STR("lost")));
	assert_int_equal(recon_action_named(STR("write")), RECON_TO_WRITE);
	assert_int_equal(recon_action_named(STR("forget")), RECON_NO_ACTION);
}

static void many_numbers(void **state)
{
	(void)state;
	enum { MANY = 100000 };
	struct fail why = { .code = FAIL_NONE };
	struct recon_join *j = recon_join_begin(&why);
	char number[32];
	assert_non_null(j);
	assert_null(recon_join_find(j, RECON_PAID_IN, STR("1")));
	for (int i = 0; i < MANY; i++)
		for (int side = RECON_PAID_IN; side <= RECON_PAID_BACK; side++) {
			struct recon_ours_row row = { .id = i, .fen = i * 2 + side, .side = (uint8_t)side, .ours = RECON_OURS_DONE };
			size_t len = (size_t)snprintf(number, sizeof number, "42%d", i);
			assert_true(recon_join_put(j, &row, (struct str){ number, len }, &why));
		}
	struct recon_ours_row second = { .id = -1, .side = RECON_PAID_IN };
	assert_true(recon_join_put(j, &second, STR("420"), &why));
	assert_int_equal(recon_join_count(j), 2 * MANY);
	size_t place = 0;
	struct str at;
	for (int i = 0; i < MANY; i++) {
		size_t len = (size_t)snprintf(number, sizeof number, "42%d", i);
		struct recon_ours_row *row = recon_join_find(j, RECON_PAID_BACK, (struct str){ number, len });
		assert_non_null(row);
		assert_int_equal(row->fen, i * 2 + RECON_PAID_BACK);
		assert_int_equal(recon_join_next(j, &place, &at)->side, RECON_PAID_IN);
		assert_int_equal(recon_join_next(j, &place, &at)->id, i);
		assert_true(str_eq(at, (struct str){ number, len }));
		assert_null(recon_join_find(j, RECON_BOOKED, (struct str){ number, len }));
	}
	assert_null(recon_join_next(j, &place, &at)); /* the second 420 is nowhere */
	recon_join_drop(j);
}

/* Said early what will be asked for, whether it is there, is not, or comes in between; and what is asked right after it was put. */
static void early(void **state)
{
	(void)state;
	enum { MANY = 50000 /* some chunks */ };
	struct fail why = { .code = FAIL_NONE };
	struct recon_join *j = recon_join_begin(&why);
	const struct str first = STR("first");
	struct recon_ours_row row = { .id = 7, .side = RECON_PAID_IN };
	assert_non_null(j);
	uint32_t tag = recon_join_tag(j, RECON_PAID_IN, first);
	recon_join_near(j, tag);
	assert_null(recon_join_find_tag(j, tag, RECON_PAID_IN, first));
	assert_true(recon_join_put(j, &row, first, &why));
	recon_join_near(j, tag);
	assert_int_equal(recon_join_find_tag(j, tag, RECON_PAID_IN, first)->id, 7);
	assert_null(recon_join_find_tag(j, recon_join_tag(j, RECON_BOOKED, first), RECON_BOOKED, first));
	char number[RECON_JOIN_NUMBER_MAX + 1];
	for (int i = 0; i < MANY; i++) { /* of all lengths, each twice beside the other */
		size_t len = (size_t)snprintf(number, sizeof number, "%0*d", 5 + i % (RECON_JOIN_NUMBER_MAX - 4), i);
		for (row.id = 0; row.id < 2; row.id++)
			assert_true(recon_join_put(j, &row, (struct str){ number, len }, &why));
	}
	assert_int_equal(recon_join_count(j), MANY + 1);
	assert_int_equal(recon_join_find_tag(j, tag, RECON_PAID_IN, first)->id, 7);
	size_t at = 0, rows = 0;
	for (struct str found; recon_join_next(j, &at, &found) != NULL; rows++)
		assert_int_equal(recon_join_find(j, RECON_PAID_IN, found)->id, rows == 0 ? 7 : 0);
	assert_int_equal(rows, MANY + 1);
	recon_join_drop(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(vector), cmocka_unit_test(every_pair), cmocka_unit_test(words), cmocka_unit_test(many_numbers), cmocka_unit_test(early) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
