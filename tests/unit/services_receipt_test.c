/* Goal: money that came is to be confirmed once for each notice it paid, and for none of nothing; while a receipt is valid, or may become so, its money is not clear to go back; what
 * goes back without one asks for none any more; states go where their tables say and nowhere else.
 * What remains after a part went back has a new paper, once, and the one before it is kept.
 * Method: money taken at a counter of the test's world, receipts put beside it, and receipt_reverse asked again and again. */
#include "login_world.h"

#include "payments/bureau/confirmation.h"
#include "payments/bureau/receipt.h"
#include "payments/orders/payment.h"

#define FIRST "62120226100000000012"
#define NOTICE(items, total) "{\"kind\":\"ordinary\",\"division\":\"621200\",\"unit\":\"065080906\",\"unit_name\":\"市公安局\",\"payer\":{\"name\":\"王小明\",\"id_number\":\"" RESIDENT "\"}," \
	"\"items\":[" items "],\"payment_code\":\"" FIRST "\",\"total_fen\":" total "}"

static bool run_sql(struct tx *tx, void *sql, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, sql, why);
	return q != NULL && stmt_run(q, why);
}

static void sql(struct world *w, char *text)
{
	struct fail why;
	fail_clear(&why);
	world_must(store_write(w->store, run_sql, text, &why), &why);
}

struct reading {
	const char *sql;
	char text[64];
};

static bool read_text(struct tx *tx, void *ctx, struct fail *why)
{
	struct reading *r = ctx;
	DROP(stmt) struct stmt *q = tx_query(tx, r->sql, why);
	if (q == NULL || !stmt_row(q, why))
		return false;
	snprintf(r->text, sizeof(r->text), "%.*s", STR_ARG(stmt_text(q, 0)));
	return true;
}

/* `sql` is a literal; the text is valid until the next. */
static const char *text(struct world *w, const char *sql)
{
	static struct reading r;
	struct fail why;
	fail_clear(&why);
	r.sql = sql;
	world_must(store_write(w->store, read_text, &r, &why), &why);
	return r.text;
}

/* The statement cache knows a text by its address, so each stays where it is. */
static void put_state(struct world *w, const char *what, int state)
{
	static char texts[64][96];
	static int used;
	assert_true(used < 64);
	snprintf(texts[used], sizeof(texts[0]), "UPDATE %s, state = %d", what, state);
	sql(w, texts[used++]);
}

static void staff_make(struct world *w)
{
	static char text[] = "INSERT INTO staff (id, account, name, region, roles, state, password, password_ms, totp, totp_step, invited_until_ms, made_ms, changed_ms)"
		" VALUES (1, 'clerk', X'00', 621200, 0, 2, '', 0, X'00', 0, 0, 0, 0)";
	sql(w, text);
}

static void paid(struct world *w, const char *body, const char *amount)
{
	char payment[256];
	world_import_small(w);
	world_ask(w, METHOD_POST, "/v1/department/notices", NULL, body);
	w->r.who = (struct principal){ .kind = WHO_DEPARTMENT, .id = 1, .token = 1, .test_key = true };
	world_expect(w, world_write(w, &department_notice_put));
	staff_make(w);
	snprintf(payment, sizeof(payment), "{\"payment_codes\":[\"" FIRST "\"],\"channel\":\"cash\",\"amount_fen\":%s}", amount);
	world_ask(w, METHOD_POST, "/v1/hall/counter-payments", NULL, payment);
	w->r.who = (struct principal){ .kind = WHO_STAFF, .id = 1, .region = 621200 };
	world_expect(w, world_write(w, &hall_payment));
}

static void pays(struct world *w)
{
	paid(w, NOTICE("{\"item\":\"103050101\",\"name\":\"罚款\",\"amount_fen\":20000}", "20000"), "20000");
}

/* ---- confirmations ---- */

struct looking {
	struct world *w;
	struct confirmation c;
	struct str of_order;
};

static bool look(struct tx *tx, void *ctx, struct fail *why)
{
	struct looking *l = ctx;
	return confirmation_find(tx, 1, &l->c, &l->w->arena, why) && confirmation_of_order(tx, 1, &l->of_order, why);
}

static struct looking looked(struct world *w)
{
	struct fail why;
	struct looking l = { .w = w };
	fail_clear(&why);
	world_must(store_write(w->store, look, &l, &why), &why);
	return l;
}

static void money_is_to_be_confirmed(void **state)
{
	struct world *w = *state;
	pays(w);
	struct looking l = looked(w);
	assert_int_equal(l.c.id, 1);
	assert_int_equal(l.c.amount_fen, 20000);
	assert_int_equal(l.c.division, 621200);
	assert_int_equal(l.c.state, CONFIRMATION_WAITING);
	assert_true(l.c.wants_receipt);
	assert_string_equal(l.c.serial, "2026112316000000000000000001"); /* the world's clock: 2026-11-23 16:00 */
	assert_true(str_eq(l.of_order, STR("being_booked")));
}

struct moving {
	struct world *w;
	enum confirmation_state to;
};

static bool move(struct tx *tx, void *ctx, struct fail *why)
{
	struct moving *m = ctx;
	struct confirmation c;
	return confirmation_read(tx, 1, &c, &m->w->arena, why) && confirmation_move(tx, &c, m->to, STR("word"), STR_NONE, m->w->now_ms, why);
}

static void states_go_where_they_may(void **state)
{
	static const unsigned may[] = { [CONFIRMATION_WAITING] = 1u << CONFIRMATION_SENT | 1u << CONFIRMATION_BOOKED | 1u << CONFIRMATION_REFUSED | 1u << CONFIRMATION_DOUBLE,
		[CONFIRMATION_SENT] = 1u << CONFIRMATION_BOOKED | 1u << CONFIRMATION_REFUSED | 1u << CONFIRMATION_DOUBLE, [CONFIRMATION_BOOKED] = 1u << CONFIRMATION_DOUBLE,
		[CONFIRMATION_REFUSED] = 1u << CONFIRMATION_WAITING | 1u << CONFIRMATION_BOOKED | 1u << CONFIRMATION_DOUBLE, [CONFIRMATION_DOUBLE] = 0 };
	struct world *w = *state;
	pays(w);
	for (int from = CONFIRMATION_WAITING; from <= CONFIRMATION_DOUBLE; from++)
		for (int to = CONFIRMATION_WAITING; to <= CONFIRMATION_DOUBLE; to++) {
			struct fail why;
			struct moving m = { .w = w, .to = (enum confirmation_state)to };
			fail_clear(&why);
			put_state(w, "pay_confirmation SET word = ''", from);
			bool ok = store_write(w->store, move, &m, &why);
			assert_int_equal(ok, (may[from] & 1u << to) != 0);
			assert_int_equal(why.code, ok ? FAIL_NONE : FAIL_CONFIRMATION_STATE);
			assert_int_equal(looked(w).c.state, ok ? to : from);
		}
}

/* ---- receipts ---- */

struct reversing {
	struct world *w;
	bool is_clear, is_stuck;
};

static bool reverse(struct tx *tx, void *ctx, struct fail *why)
{
	struct reversing *v = ctx;
	return receipt_reverse(tx, 1, v->w->now_ms, &v->is_clear, &v->is_stuck, why);
}

static void a_valid_receipt_holds_money_back(void **state)
{
	static const struct { int state, then; bool is_clear, is_stuck; } rows[] = {
		{ RECEIPT_IS_ASKED, RECEIPT_IS_ASKED, false, false }, { RECEIPT_IS_ISSUED, RECEIPT_IS_REVERSING, false, false }, { RECEIPT_IS_REFUSED, RECEIPT_IS_REFUSED, true, false },
		{ RECEIPT_IS_REVERSING, RECEIPT_IS_REVERSING, false, false }, { RECEIPT_IS_REVERSED, RECEIPT_IS_REVERSED, true, false },
		{ RECEIPT_IS_NOT_REVERSED, RECEIPT_IS_NOT_REVERSED, false, true },
	};
	static char make[] = "INSERT INTO pay_receipt (id, confirmation, state, word, check_code, link, red_code, red_number, is_unwanted, made_ms, issued_ms, reversed_ms, changed_ms)"
		" VALUES (1, 1, 1, '', '', X'', '', '', 0, 0, 0, 0, 0)";
	struct world *w = *state;
	struct fail why;
	struct reversing v = { .w = w };
	fail_clear(&why);
	pays(w);
	world_must(store_write(w->store, reverse, &v, &why), &why);
	assert_true(v.is_clear && !v.is_stuck);
	assert_false(looked(w).c.wants_receipt);
	sql(w, make);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char want[64];
		put_state(w, "pay_receipt SET is_unwanted = 0", rows[i].state);
		for (int again = 0; again < 2; again++) {
			world_must(store_write(w->store, reverse, &v, &why), &why);
			assert_int_equal(v.is_clear, rows[i].is_clear);
			assert_int_equal(v.is_stuck, rows[i].is_stuck);
		}
		arena_reset(&w->arena);
		snprintf(want, sizeof(want), "1|1|%d|-|", rows[i].then);
		assert_true(str_starts(world_rows(w, WORLD_RECEIPTS), str_c(want)));
	}
}

/* ---- what remains ---- */

static bool rest(struct tx *tx, void *ctx, struct fail *why)
{
	return receipt_rest(tx, 1, ((struct world *)ctx)->now_ms, why);
}

static void rests(struct world *w)
{
	struct fail why;
	fail_clear(&why);
	world_must(store_write(w->store, rest, w, &why), &why);
	arena_reset(&w->arena);
}

/* As a life of refunds of the one notice leaves it: one of each state with its amount, the receipt as it was when they began. */
static void begins(struct world *w, int receipt_state, const char *refunds)
{
	static char none[] = "DELETE FROM pay_receipt_past", gone[] = "DELETE FROM pay_receipt", wanted[] = "UPDATE pay_confirmation SET wants_receipt = 0, state = 3";
	static char texts[32][512];
	static int used;
	sql(w, none);
	sql(w, gone);
	sql(w, wanted);
	if (receipt_state != 0) {
		snprintf(texts[used], sizeof(texts[0]), "INSERT INTO pay_receipt (id, confirmation, state, word, code, number, check_code, link, red_code, red_number, is_unwanted, made_ms, issued_ms, reversed_ms,"
			" changed_ms, n, amount_fen) VALUES (1, 1, %d, '', %s, 'abcdef', X'', '', '', 1, 0, 5, 6, 0, 1, 20000)", receipt_state, receipt_state == RECEIPT_IS_REFUSED ? "NULL, NULL" : "'62030126', '0000000001'");
		sql(w, texts[used++]);
	}
	snprintf(texts[used], sizeof(texts[0]), "UPDATE pay_refund SET state = %s", refunds);
	sql(w, texts[used++]);
}

static void refund_put(struct world *w, int id, int fen)
{
	static char texts[2][512];
	snprintf(texts[id - 1], sizeof(texts[0]), "INSERT INTO pay_refund (id, key, payment, notice, asker, asked_by, division, channel, path, ground, reason, amount_fen, state, told, since_ms, tries, word,"
		" channel_no, made_ms, changed_ms) VALUES (%d, X'0000000000000000000000000000000%d', 1, 1, 3, 1, 621200, 1, 2, 1, X'', %d, 2, 0, 0, 0, '', '', 0, 0)", id, id, fen);
	sql(w, texts[id - 1]);
}

/* id 1 is of 600 fen, id 2 of the other 19400. */
static void a_new_paper_for_what_remains(void **state)
{
	static const struct { const char *name, *refunds; int receipt; const char *rows; int past; bool wants; } lives[] = {
		{ "a part went back",                 "CASE id WHEN 1 THEN 6 ELSE 10 END", RECEIPT_IS_REVERSED, "1|2|19400", 1, true },
		{ "another part is on its way",       "CASE id WHEN 1 THEN 6 ELSE 4 END",  RECEIPT_IS_REVERSED, "5|1|20000", 0, false },
		{ "nobody knows of another part",     "CASE id WHEN 1 THEN 6 ELSE 5 END",  RECEIPT_IS_REVERSED, "5|1|20000", 0, false },
		{ "another part is only asked for",   "CASE id WHEN 1 THEN 6 ELSE 2 END",  RECEIPT_IS_REVERSED, "1|2|19400", 1, true },
		{ "all of it went back",              "6",                                 RECEIPT_IS_REVERSED, "5|1|20000", 0, false },
		{ "nothing did after all",            "9",                                 RECEIPT_IS_REVERSED, "1|2|20000", 1, true },
		{ "there never was one",              "CASE id WHEN 1 THEN 6 ELSE 10 END", RECEIPT_IS_REFUSED,  "1|2|19400", 0, true },
		{ "none had been asked for",          "CASE id WHEN 1 THEN 6 ELSE 10 END", 0,                   "1|1|19400", 0, true },
	};
	struct world *w = *state;
	pays(w);
	refund_put(w, 1, 600);
	refund_put(w, 2, 19400);
	for (size_t i = 0; i < sizeof(lives) / sizeof(lives[0]); i++) {
		begins(w, lives[i].receipt, lives[i].refunds);
		for (int again = 0; again < 2; again++) { /* asking twice changes nothing */
			rests(w);
			if (atoi(text(w, "SELECT CAST(COUNT(*) AS TEXT) FROM pay_receipt_past WHERE number = '0000000001' AND amount_fen = 20000")) != lives[i].past)
				fail_msg("%s: papers of the past", lives[i].name);
			const char *have = text(w, "SELECT state || '|' || n || '|' || amount_fen FROM pay_receipt");
			if (strcmp(have, lives[i].rows) != 0)
				fail_msg("%s: %s instead of %s", lives[i].name, have, lives[i].rows);
			assert_int_equal(looked(w).c.wants_receipt, lives[i].wants);
		}
	}
	receipts_compose(false); /* where the finance system does so by itself */
	begins(w, RECEIPT_IS_REVERSED, lives[0].refunds);
	rests(w);
	assert_string_equal(text(w, "SELECT state || '|' || n || '|' || amount_fen FROM pay_receipt"), "5|1|20000");
	receipts_compose(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_new_paper_for_what_remains, login_make, login_unmake),
		cmocka_unit_test_setup_teardown(money_is_to_be_confirmed, login_make, login_unmake),
		cmocka_unit_test_setup_teardown(states_go_where_they_may, login_make, login_unmake),
		cmocka_unit_test_setup_teardown(a_valid_receipt_holds_money_back, login_make, login_unmake),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
