/* Goal: a day with an open difference is held beside our books again by itself for some days after somebody last asked for it, and then not until somebody does; one without is not.
 * Method: the job at each hour of a month, with a run after each that finds the same again. On SQLite and on PostgreSQL. */
#include "both_stores.h"

#include "payments/reconciliation/recon_run.h"

#define NOW INT64_C(1795420800000)
#define HOUR_MS INT64_C(3600000)
enum { DAY = 20779, DAYS = 30 };

static struct recon_claim claim;
static int64_t now_ms, asked;
static bool has_open;

static bool ask(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	return recon_ask(tx, BILL_WECHAT_TRADE, DAY, now_ms, why);
}

static bool ask_open(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	return recon_ask_open(tx, now_ms, 100, &asked, why);
}

/* What is due, until its end. */
static bool hold(struct tx *tx, void *ctx, struct fail *why)
{
	static const struct recon_found found = { .side = RECON_PAID_IN, .kind = RECON_LONG, .theirs_fen = 100, .line = 2, .division = 621200, .at_ms = NOW, .number = "LONG1" };
	static const struct recon_result result = { .has_statement = true, .theirs = 1 };
	(void)ctx;
	return recon_claim(tx, now_ms, &claim, why) && (claim.id == 0 || (recon_items_keep(tx, &claim, &found, has_open, now_ms, why) && recon_done(tx, &claim, &result, now_ms, why)));
}

static void does(bool (*apply)(struct tx *, void *, struct fail *))
{
	FIXTURE_OK(&on->f, store_write(on->f.store, apply, NULL, &on->f.why));
}

/* How many days it is asked again, of DAYS. */
static int64_t days_again(void)
{
	int64_t last_ms = 0, begun_ms = now_ms;
	does(ask);
	does(hold);
	for (int hour = 0; hour < DAYS * 24; hour++) {
		now_ms += HOUR_MS;
		does(ask_open);
		if (asked > 0)
			last_ms = now_ms;
		does(hold);
		assert_true((asked > 0) == (claim.id != 0));
	}
	return last_ms == 0 ? 0 : (last_ms - begun_ms + HOUR_MS) / (24 * HOUR_MS);
}

static void not_for_ever(void **state)
{
	(void)state;
	now_ms = NOW;
	has_open = false;
	assert_int_equal(days_again(), 0);
	has_open = true;
	assert_int_equal(days_again(), 10);
	assert_int_equal(days_again(), 10); /* somebody asked once more */
}

static int start(void **state)
{
	sides_make(state, NULL);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { { "on SQLite", not_for_ever, side, NULL, &sides[0] }, { "on PostgreSQL", not_for_ever, side, NULL, &sides[1] } };
	return cmocka_run_group_tests(tests, start, sides_drop);
}
