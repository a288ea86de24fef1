/* Goal: whatever the program believes, the database refuses a second live order of a notice, a second live way to pay an order, a second payment of an order or of a channel's number, and any
 * change of what came and of what was signed.
 * Method: one notice that is being paid and one that is paid; rows of statements past the functions, each with a twin that differs in the one thing that is refused. On SQLite and on PostgreSQL. */
#include "both_stores.h"
#include "one_person.h"

#include "auth/keyring.h"
#include "base/arena.h"
#include "payments/attempts/attempt.h"
#include "payments/orders/payment.h"

#define NOW INT64_C(1795420800000)

static const uint8_t salt[16] = { 7 };

/* ---- one that is being paid (the first order), and one that is paid (the last) ---- */

static bool run_sql(struct tx *tx, const char *sql, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, sql, why);
	return q != NULL && stmt_run(q, why);
}

static bool ordered(struct tx *tx, uint8_t n, struct order *o, struct fail *why)
{
	enum notice_put what;
	const uint8_t random[10] = { n };
	struct notice notice = { .code_division = 621200, .check_code = STR_NONE, .kind = NOTICE_ORDINARY, .division = 621200, .unit = STR("065080906"), .unit_name = STR("市公安局"),
		.payer = STR("王小明"), .count = 1, .items = { { STR("103050101"), STR("罚款"), 20600 } }, .amount_fen = 20600, .total_fen = 20600, .state = NOTICE_UNPAID };
	snprintf(notice.code, sizeof(notice.code), "6212002610000%07d", n);
	struct order_new w = { .key = id_make(NOW, random), .person = 1, .notices = &notice, .count = 1, .now_ms = NOW, .hold_ms = 60000, .open_max = 10, .salt = salt };
	return notice_put(tx, &notice, NOW, salt, &what, why) && order_make(tx, &w, o, why);
}

static bool world_make(struct tx *tx, void *ctx, struct fail *why)
{
	struct order first, last;
	struct attempt attempt;
	int64_t payment;
	struct arena a;
	(void)ctx;
	arena_init(&a, 1 << 20);
	struct attempt_new n = { .channel = PAY_BY_WECHAT, .method = ATTEMPT_BY_NATIVE, .now_ms = NOW, .salt = salt };
	bool ok = person_make(tx, NULL, why) && ordered(tx, 1, &first, why) && attempt_make(tx, &first, &n, &attempt, why) &&
	       ordered(tx, 2, &last, why) && payment_take(tx, &last, PAY_BY_WECHAT, STR("4200000001"), last.total_fen, NOW, &a, &payment, why);
	arena_free(&a);
	return ok;
}

/* ---- what is refused ---- */

#define FIRST "(SELECT MIN(id) FROM pay_order)"
#define LAST "(SELECT MAX(id) FROM pay_order)"
#define KEY "(SELECT key FROM pay_order WHERE id = " LAST ")"
#define HELD(live) "INSERT INTO pay_order_notice (pay_order, notice, total_fen, is_live) SELECT " LAST ", notice, total_fen, " live " FROM pay_order_notice WHERE pay_order = " FIRST
#define ATTEMPT(key, number, live) \
	"INSERT INTO pay_attempt (id, key, pay_order, channel, method, out_trade_no, total_fen, state, is_live, payload, handle, handle_ms, effect, asking, asks, ask_ms, deeds, word, made_ms, changed_ms)" \
	" SELECT 900001, " key ", pay_order, channel, method, " number ", total_fen, state, " live ", payload, handle, handle_ms, effect, asking, asks, ask_ms, deeds, word, made_ms, changed_ms FROM pay_attempt"
#define PAYMENT(order, channel, reference, fen) \
	"INSERT INTO pay_payment (id, pay_order, channel, reference, amount_fen, journal, taken_ms) SELECT 900001, " order ", " channel ", " reference ", " fen ", journal, taken_ms FROM pay_payment"
#define SIGNED "INSERT INTO recon_sign (day, n, proposal, digest, closed_ms) SELECT 20000, 1, 1, key, 1 FROM pay_order WHERE id = " FIRST

static const struct row {
	const char *name, *before, *refused, *twin; /* before, twin: NULL none */
} rows[] = {
	{ "a second live order of a notice", NULL, HELD("1"), HELD("0") },
	{ "one that becomes live beside another", HELD("0"), "UPDATE pay_order_notice SET is_live = 1 WHERE pay_order = " LAST " AND is_live = 0", "UPDATE pay_order_notice SET is_live = 0 WHERE pay_order = " LAST },
	{ "a second live way to pay an order", NULL, ATTEMPT(KEY, "'another'", "1"), ATTEMPT(KEY, "'another'", "0") },
	{ "one that becomes live beside it", ATTEMPT(KEY, "'another'", "0"), "UPDATE pay_attempt SET is_live = 1 WHERE is_live = 0", "UPDATE pay_attempt SET is_live = 0 WHERE is_live = 0" },
	{ "our number at the channel twice", NULL, ATTEMPT(KEY, "out_trade_no", "0"), ATTEMPT(KEY, "'another'", "0") },
	{ "a way's name twice", NULL, ATTEMPT("key", "'another'", "0"), ATTEMPT(KEY, "'another'", "0") },
	{ "an order paid twice", NULL, PAYMENT("pay_order", "channel", "'another'", "1"), PAYMENT(FIRST, "channel", "'another'", "1") },
	{ "a channel's number twice", NULL, PAYMENT(FIRST, "channel", "reference", "1"), PAYMENT(FIRST, "channel + 1", "reference", "1") },
	{ "a payment of nothing", NULL, PAYMENT(FIRST, "channel", "'another'", "0"), PAYMENT(FIRST, "channel", "'another'", "1") },
	/* one that nothing else leans on, so that no foreign key refuses in its stead */
	{ "another sum", PAYMENT(FIRST, "channel", "'another'", "1"), "UPDATE pay_payment SET amount_fen = 2 WHERE id = 900001", NULL },
	{ "another day", PAYMENT(FIRST, "channel", "'another'", "1"), "UPDATE pay_payment SET taken_ms = taken_ms + 86400000 WHERE id = 900001", NULL },
	{ "a payment taken away", PAYMENT(FIRST, "channel", "'another'", "1"), "DELETE FROM pay_payment WHERE id = 900001", NULL },
	{ "a signed day signed otherwise", SIGNED, "UPDATE recon_sign SET closed_ms = 2 WHERE day = 20000", NULL },
	{ "a signed day opened", SIGNED, "DELETE FROM recon_sign WHERE day = 20000", NULL },
};

struct trying {
	const char *before, *sql;
	bool is_before; /* that much was done */
};

static bool try_and_no(struct tx *tx, void *ctx, struct fail *why)
{
	struct trying *t = ctx;
	t->is_before = t->before == NULL || run_sql(tx, t->before, why);
	return t->is_before && run_sql(tx, t->sql, why) && FAILS(why, GONE, "rolled back by the test");
}

/* What it ends with; FAIL_GONE: it was done. */
static enum fail_code tried(const struct row *r, const char *sql)
{
	struct trying t = { .before = r->before, .sql = sql };
	fail_clear(&on->f.why);
	assert_false(store_write(on->f.store, try_and_no, &t, &on->f.why));
	if (!t.is_before)
		fail_msg("%s: %s", r->name, on->f.why.log);
	return on->f.why.code;
}

static void the_database_refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		if (tried(r, r->refused) == FAIL_GONE)
			fail_msg("not refused: %s", r->name);
		if (r->twin == NULL && strstr(on->f.why.log, "append-only") == NULL)
			fail_msg("%s: refused by something else: %s", r->name, on->f.why.log);
		if (r->twin != NULL && tried(r, r->twin) != FAIL_GONE)
			fail_msg("%s: its twin was refused too: %s", r->name, on->f.why.log);
	}
	fail_clear(&on->f.why);
}

static int start(void **state)
{
	sides_make(state, NULL);
	FIXTURE_OK(&sides[0].f, keyring_open(&sides[0].f.config, true, &sides[0].f.why));
	for (int i = 0; i < SIDES; i++)
		FIXTURE_OK(&sides[i].f, store_write(sides[i].f.store, world_make, NULL, &sides[i].f.why));
	return 0;
}

static int stop(void **state)
{
	keyring_close();
	return sides_drop(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "the_database_refuses", the_database_refuses, side, NULL, &sides[0] },
		{ "the_database_refuses", the_database_refuses, side, NULL, &sides[1] },
	};
	return cmocka_run_group_tests(tests, start, stop);
}
