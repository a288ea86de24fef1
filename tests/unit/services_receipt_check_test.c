/* Goal: whoever asks whether an e-receipt is good learns from the time it takes no more than from the answer: a wrong check code, a wrong amount, a number nobody has, a paper that was called back and
 * a good one are the same statements, the same values unsealed and the same bytes compared, in the same order.
 * Method: no clock: each question's way is written down at the store, the vault and the comparison, and held beside the others'. The answers are looked at, too. */
#include "login_world.h"

#include "payments/bureau/receipt.h"
#include "services/money/receipt_check.h"

#define CODE "62120226100000000012"
#define GOOD_NUMBER "0000000002"

/* ---- the way of a question ---- */

static char way[1024];

static void step(const char *what, const void *which)
{
	size_t len = strlen(way);
	snprintf(way + len, sizeof(way) - len, "%s %p\n", what, which);
}

struct stmt *__real_tx_query(struct tx *tx, const char *sql, struct fail *why);
struct stmt *__wrap_tx_query(struct tx *tx, const char *sql, struct fail *why);
struct stmt *__wrap_tx_query(struct tx *tx, const char *sql, struct fail *why)
{
	step("statement", sql);
	return __real_tx_query(tx, sql, why);
}

bool __real_vault_open(const char *place, int64_t row, struct str sealed, struct buf *out, struct fail *why);
bool __wrap_vault_open(const char *place, int64_t row, struct str sealed, struct buf *out, struct fail *why);
bool __wrap_vault_open(const char *place, int64_t row, struct str sealed, struct buf *out, struct fail *why)
{
	step("unseal", place);
	return __real_vault_open(place, row, sealed, out, why);
}

bool __real_str_same_secret(struct str a, struct str b);
bool __wrap_str_same_secret(struct str a, struct str b);
bool __wrap_str_same_secret(struct str a, struct str b)
{
	assert_int_equal(a.len, b.len); /* or it is over at once */
	step("compare", (const void *)a.len);
	return __real_str_same_secret(a, b);
}

/* ---- questions ---- */

struct asking {
	struct world *w;
	struct receipt_question question;
	struct receipt_found found;
};

static bool ask(struct tx *tx, void *ctx, struct fail *why)
{
	struct asking *k = ctx;
	way[0] = '\0'; /* of the question alone, not of the transaction */
	return receipt_check(tx, &k->question, &k->found, &k->w->arena, why);
}

static struct receipt_found asked(struct world *w, struct receipt_question q)
{
	struct fail why;
	struct asking k = { .w = w, .question = q };
	fail_clear(&why);
	world_must(store_write(w->store, ask, &k, &why), &why);
	return k.found;
}

static bool run(struct tx *tx, void *text, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, text, why);
	return q != NULL && stmt_run(q, why);
}

static void sql(struct world *w, char *text)
{
	struct fail why;
	fail_clear(&why);
	world_must(store_write(w->store, run, text, &why), &why);
}

/* A notice, paid; its receipt in one of the states, and one before it that was reversed. */
static void paid(struct world *w)
{
	static char staff[] = "INSERT INTO staff (id, account, name, region, roles, state, password, password_ms, totp, totp_step, invited_until_ms, made_ms, changed_ms)"
		" VALUES (1, 'clerk', X'00', 621200, 0, 2, '', 0, X'00', 0, 0, 0, 0)",
		receipt[] = "INSERT INTO pay_receipt (id, confirmation, state, word, code, number, check_code, link, red_code, red_number, is_unwanted, made_ms, issued_ms, reversed_ms, changed_ms, n, amount_fen)"
		" VALUES (1, 1, 2, '', '62030126', '" GOOD_NUMBER "', 'abcdef', X'', '', '', 0, 0, 5, 0, 0, 2, 19400)",
		past[] = "INSERT INTO pay_receipt_past (receipt, n, code, number, check_code, red_code, red_number, amount_fen, issued_ms, reversed_ms)"
		" VALUES (1, 1, '62030126', '0000000001', 'qwertyuiop', '1', '1', 20000, 3, 4)";
	world_import_small(w);
	world_ask(w, METHOD_POST, "/v1/department/notices", NULL, "{\"kind\":\"ordinary\",\"division\":\"621200\",\"unit\":\"065080906\",\"unit_name\":\"市公安局\",\"payer\":{\"name\":\"王小明\",\"id_number\":\""
		RESIDENT "\"},\"items\":[{\"item\":\"103050101\",\"name\":\"罚款\",\"amount_fen\":20000}],\"payment_code\":\"" CODE "\",\"total_fen\":20000}");
	w->r.who = (struct principal){ .kind = WHO_DEPARTMENT, .id = 1, .token = 1, .test_key = true };
	world_expect(w, world_write(w, &department_notice_put));
	sql(w, staff);
	world_ask(w, METHOD_POST, "/v1/hall/counter-payments", NULL, "{\"payment_codes\":[\"" CODE "\"],\"channel\":\"cash\",\"amount_fen\":20000}");
	w->r.who = (struct principal){ .kind = WHO_STAFF, .id = 1, .region = 621200 };
	world_expect(w, world_write(w, &hall_payment));
	sql(w, receipt);
	sql(w, past);
}

#define Q(code, number, check, fen) { { code, sizeof(code) - 1 }, { number, sizeof(number) - 1 }, { check, sizeof(check) - 1 }, fen }
static const struct { const char *name; struct receipt_question q; enum receipt_result want; } questions[] = {
	{ "good",                          Q("62030126", GOOD_NUMBER, "abcdef", 19400),               RECEIPT_GOOD },
	{ "another's check code",          Q("62030126", GOOD_NUMBER, "abcdeg", 19400),               RECEIPT_UNKNOWN },
	{ "its first letter is wrong",     Q("62030126", GOOD_NUMBER, "bbcdef", 19400),               RECEIPT_UNKNOWN },
	{ "a short one",                   Q("62030126", GOOD_NUMBER, "a", 19400),                    RECEIPT_UNKNOWN },
	{ "a long one",                    Q("62030126", GOOD_NUMBER, "abcdefabcdefabcdefab", 19400), RECEIPT_UNKNOWN },
	{ "another amount",                Q("62030126", GOOD_NUMBER, "abcdef", 19401),               RECEIPT_UNKNOWN },
	{ "the amount of the one before",  Q("62030126", GOOD_NUMBER, "abcdef", 20000),               RECEIPT_UNKNOWN },
	{ "a paper of the past",           Q("62030126", "0000000001", "qwertyuiop", 20000),          RECEIPT_CALLED_BACK },
	{ "the past with the new amount",  Q("62030126", "0000000001", "qwertyuiop", 19400),          RECEIPT_UNKNOWN },
	{ "the past with the new code",    Q("62030126", "0000000001", "abcdef", 20000),              RECEIPT_UNKNOWN },
	{ "a number nobody has",           Q("62030126", "0000000003", "abcdef", 19400),              RECEIPT_UNKNOWN },
	{ "another number nobody has",     Q("62030126", "9", "qwertyuiop", 20000),                   RECEIPT_UNKNOWN },
	{ "a code nobody has",             Q("62030127", GOOD_NUMBER, "abcdef", 19400),               RECEIPT_UNKNOWN },
	{ "nothing of it is known",        Q("1", "1", "1", 1),                                       RECEIPT_UNKNOWN },
};
enum { QUESTIONS = sizeof(questions) / sizeof(questions[0]) };

static void one_way(void **state)
{
	struct world *w = *state;
	char first[sizeof(way)] = "";
	paid(w);
	for (int round = 0; round < 2; round++) /* again: what is remembered changes no way */
		for (int i = 0; i < QUESTIONS; i++) {
			struct receipt_found found = asked(w, questions[i].q);
			if (found.result != questions[i].want || (found.unit_name.at != NULL) != (found.result != RECEIPT_UNKNOWN) || (found.payer.at != NULL) != (found.result != RECEIPT_UNKNOWN))
				fail_msg("%s: %s", questions[i].name, receipt_result_text(found.result).at);
			if (first[0] == '\0')
				memcpy(first, way, sizeof(way));
			if (strcmp(first, way) != 0)
				fail_msg("%s goes another way:\n%s\ninstead of\n%s", questions[i].name, way, first);
			arena_reset(&w->arena);
		}
	assert_non_null(strstr(first, "unseal"));
	assert_non_null(strstr(first, "compare 0x14")); /* 20 bytes, whatever came */
}

static void in_every_state(void **state)
{
	static char set[7][64];
	static const enum receipt_result want[] = { [RECEIPT_IS_ASKED] = RECEIPT_UNKNOWN, [RECEIPT_IS_ISSUED] = RECEIPT_GOOD, [RECEIPT_IS_REFUSED] = RECEIPT_UNKNOWN, [RECEIPT_IS_REVERSING] = RECEIPT_CALLED_BACK,
		[RECEIPT_IS_REVERSED] = RECEIPT_CALLED_BACK, [RECEIPT_IS_NOT_REVERSED] = RECEIPT_CALLED_BACK };
	struct world *w = *state;
	char first[sizeof(way)] = "";
	paid(w);
	for (int s = RECEIPT_IS_ASKED; s <= RECEIPT_IS_NOT_REVERSED; s++) {
		snprintf(set[s], sizeof(set[0]), "UPDATE pay_receipt SET state = %d", s);
		sql(w, set[s]);
		assert_int_equal(asked(w, questions[0].q).result, want[s]);
		if (first[0] == '\0')
			memcpy(first, way, sizeof(way));
		assert_string_equal(first, way);
	}
}

/* Whose name does not open harms nobody who asks about something else. */
static void a_payer_who_does_not_open(void **state)
{
	static char broken[] = "UPDATE pay_notice SET payer = X'00'";
	struct world *w = *state;
	paid(w);
	sql(w, broken);
	for (int i = 0; i < QUESTIONS; i++)
		if (questions[i].want == RECEIPT_UNKNOWN)
			assert_int_equal(asked(w, questions[i].q).result, RECEIPT_UNKNOWN);
	struct fail why;
	struct asking k = { .w = w, .question = questions[0].q };
	fail_clear(&why);
	assert_false(store_write(w->store, ask, &k, &why));
	assert_int_equal(why.code, FAIL_SEALED);
}

static void before_there_was_any(void **state)
{
	struct world *w = *state;
	assert_int_equal(asked(w, questions[0].q).result, RECEIPT_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_way, login_make, login_unmake), cmocka_unit_test_setup_teardown(in_every_state, login_make, login_unmake),
		cmocka_unit_test_setup_teardown(a_payer_who_does_not_open, login_make, login_unmake), cmocka_unit_test_setup_teardown(before_there_was_any, login_make, login_unmake),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
