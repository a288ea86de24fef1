/* Goal: an order that people pay, cancel, pay in another way and forget, at a channel whose answers and callbacks are late, lost, doubled and in any order, ends as the channel knows it:
 * paid once when it was paid there, given up when everything there is closed, and never both; no money is odd, no attempt stays live, and the ledger sums to zero.
 * Method: a life is drawn from a seed: steps of persons, of the channel (a model of it in words), of the notifier and of the clock, shuffled; then everything is given time, all callbacks
 * lost or told twice. And the channel is asked when the protocol says, to the millisecond, as long as it says "not yet" or nothing at all. On SQLite and on PostgreSQL.
 * SIBAN_ATTEMPT_SEEDS=n for more. */
#include "one_person_sides.h"

#include "base/arena.h"
#include "channels/wechat_pay_message.h"
#include "payments/attempts/attempt.h"
#include <inttypes.h>

#define BEGAN INT64_C(1795420800000)
enum { SEEDS_SQLITE = 200, SEEDS_POSTGRES = 30, STEPS = 60, THERE_MAX = 16, PENDING_MAX = 32, HOLD_MS = 1800000 };

static uint64_t seed;

static int draw(int n)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (int)((seed >> 33) % (uint64_t)n);
}

static const uint8_t salt[16] = { 7 };

/* ---- the channel, in words ---- */

struct there {
	char number[ATTEMPT_NUMBER_BYTES];
	bool exists, is_paid, is_closed, has_phone; /* the phone was given what it pays with */
};

static struct life {
	int n;
	int64_t now_ms;
	struct id order;
	int64_t order_id;
	struct there there[THERE_MAX];
	int count;
	struct arena arena;
	struct tx *tx;
	struct fail *why;
} life;

#define MUST(call) \
	do { \
		if (!(call)) \
			fail_msg("life %d: %s: %s", life.n, #call, life.why->log); \
	} while (0)

static struct there *there_of(const char *number)
{
	for (int i = 0; i < life.count; i++)
		if (strcmp(life.there[i].number, number) == 0)
			return &life.there[i];
	assert_true(life.count < THERE_MAX);
	life.there[life.count] = (struct there){ .exists = false };
	strcpy(life.there[life.count].number, number);
	return &life.there[life.count++];
}

static const char *said(const struct there *t)
{
	static char text[512];
	const char *state = t->is_paid ? "SUCCESS" : t->is_closed ? "CLOSED" : "NOTPAY";
	int len = snprintf(text, sizeof(text), "{\"appid\":\"wx\",\"mchid\":\"19\",\"out_trade_no\":\"%s\",\"trade_state\":\"%s\"", t->number, state);
	if (t->is_paid)
		len += snprintf(text + len, sizeof(text) - (size_t)len, ",\"transaction_id\":\"42%s\",\"amount\":{\"total\":20600,\"currency\":\"CNY\"}", t->number + 4);
	snprintf(text + len, sizeof(text) - (size_t)len, "}");
	return text;
}

/* ---- the notifier ---- */

static int pending(int64_t ids[PENDING_MAX])
{
	int n = 0;
	DROP(stmt) struct stmt *q = tx_query(life.tx, "SELECT id FROM effect WHERE state = 1 AND kind IN (10, 11, 12) ORDER BY id LIMIT 32", life.why);
	assert_non_null(q);
	while (n < PENDING_MAX && stmt_row(q, life.why))
		ids[n++] = stmt_int(q, 0);
	return n;
}

static void state_put(int64_t id, enum effect_state state)
{
	DROP(stmt) struct stmt *q = tx_query(life.tx, "UPDATE effect SET state = $1, attempts = 1 WHERE id = $2", life.why);
	assert_non_null(q);
	stmt_bind_int(q, 1, state);
	stmt_bind_int(q, 2, id);
	MUST(stmt_run(q, life.why));
}

static void ordered(struct effect_view *e, bool may_fail)
{
	struct attempt a;
	char handle[96];
	int luck = may_fail ? draw(6) : 5;
	MUST(attempt_by_effect(life.tx, e->id, &a, &life.arena, life.why));
	assert_true(a.id != 0);
	struct there *t = there_of(a.number);
	e->state = luck == 0 ? EFFECT_FAILED : luck == 1 ? EFFECT_UNKNOWN : EFFECT_DONE;
	t->exists = t->exists || e->state != EFFECT_FAILED;
	if (e->state == EFFECT_DONE) {
		snprintf(handle, sizeof(handle), "{\"prepay_id\":\"wx%s\"}", a.number);
		e->said = str_copy(&life.arena, str_c(handle));
		t->has_phone = true;
	}
	strcpy(e->code, luck == 0 ? "PARAM_ERROR" : luck == 1 ? "unclear" : "OK");
	state_put(e->id, e->state);
	MUST(attempt_ordered(life.tx, e, life.now_ms, life.why));
}

static void answer(struct effect_view *e, bool is_lost)
{
	struct attempt a;
	MUST(attempt_by_asking(life.tx, e->id, &a, &life.arena, life.why));
	if (a.id == 0) {
		state_put(e->id, EFFECT_FAILED);
		return;
	}
	const struct there *t = there_of(a.number);
	e->state = is_lost ? EFFECT_UNKNOWN : EFFECT_DONE;
	if (!is_lost && t->exists)
		e->said = str_copy(&life.arena, str_c(said(t)));
	strcpy(e->code, is_lost ? "unclear" : t->exists ? "OK" : "ORDER_NOT_EXIST");
	state_put(e->id, e->state);
	MUST(attempt_answered(life.tx, e, life.now_ms, life.why));
}

static void answered(struct effect_view *e, bool may_fail)
{
	answer(e, may_fail && draw(5) == 0);
}

static void closed(struct effect_view *e, bool may_fail)
{
	struct attempt a;
	bool is_lost = may_fail && draw(4) == 0;
	MUST(attempt_by_asking(life.tx, e->id, &a, &life.arena, life.why));
	if (a.id == 0) {
		state_put(e->id, EFFECT_FAILED);
		return;
	}
	struct there *t = there_of(a.number);
	assert_true(t->exists);
	t->is_closed = t->is_closed || !t->is_paid;
	e->state = is_lost ? EFFECT_UNKNOWN : t->is_paid ? EFFECT_FAILED : EFFECT_DONE;
	strcpy(e->code, is_lost ? "unclear" : t->is_paid ? "ORDER_PAID" : "CLOSED");
	state_put(e->id, e->state);
	MUST(attempt_closed(life.tx, e, life.now_ms, life.why));
}

static bool notifier_step(bool may_fail)
{
	int64_t ids[PENDING_MAX];
	struct effect_view e;
	bool found;
	int n = pending(ids);
	if (n == 0)
		return false;
	MUST(effect_get(life.tx, ids[draw(n)], &e, &found, life.why));
	(e.kind == KIND_wechat_pay_prepay ? ordered : e.kind == KIND_wechat_pay_query ? answered : closed)(&e, may_fail);
	return true;
}

/* ---- persons, callbacks, the clock ---- */

static struct order order_now(void)
{
	struct order o = { .id = 0 };
	MUST(order_hold(life.tx, life.order_id, life.why));
	MUST(order_read(life.tx, life.order_id, &o, life.why));
	return o;
}

static void pays_somehow(void)
{
	static unsigned keys;
	struct order o = order_now();
	struct attempt a;
	uint8_t random[10] = { (uint8_t)keys, (uint8_t)(keys >> 8), (uint8_t)on->is_postgres };
	keys++;
	if (o.state == ORDER_PAYING) {
		MUST(attempt_live(life.tx, o.id, &a, &life.arena, life.why));
		if (a.state != ATTEMPT_CLOSING && draw(2) == 0)
			MUST(attempt_wind_up(life.tx, &a, 0, life.now_ms, life.why)); /* in another way */
		else if (a.state == ATTEMPT_READY && draw(2) == 0)
			MUST(attempt_renew(life.tx, &a, life.now_ms, life.why));
		return;
	}
	if (o.state != ORDER_OPEN || o.expires_ms < life.now_ms + 60000 || life.count >= THERE_MAX - 2)
		return;
	struct attempt_new n = { .key = id_make(life.now_ms, random), .channel = PAY_BY_WECHAT, .method = ATTEMPT_BY_NATIVE, .now_ms = life.now_ms, .salt = salt };
	MUST(attempt_make(life.tx, &o, &n, &a, life.why));
}

static void cancels(void)
{
	struct order o = order_now();
	struct attempt a;
	if (o.state == ORDER_OPEN) {
		MUST(order_move(life.tx, &o, ORDER_CLOSED, life.now_ms, life.why));
	} else if (o.state == ORDER_PAYING) {
		MUST(attempt_live(life.tx, o.id, &a, &life.arena, life.why));
		MUST(attempt_wind_up(life.tx, &a, ORDER_CLOSED, life.now_ms, life.why));
	}
}

/* The channel takes nothing after the order's own end. */
static void phone_pays(void)
{
	if (life.count == 0 || life.now_ms >= BEGAN + HOLD_MS)
		return;
	struct there *t = &life.there[draw(life.count)];
	t->is_paid = t->is_paid || (t->exists && t->has_phone && !t->is_closed);
}

static void called_back(const struct there *t)
{
	struct attempt a;
	struct wechat_pay_trade trade;
	if (!t->is_paid)
		return;
	assert_true(wechat_pay_trade_read(str_c(said(t)), &trade, &life.arena));
	MUST(attempt_by_number(life.tx, trade.out_trade_no, &a, &life.arena, life.why));
	(void)order_now();
	MUST(attempt_by_number(life.tx, trade.out_trade_no, &a, &life.arena, life.why));
	const struct attempt_word w = attempt_word_of_trade(&trade);
	MUST(attempt_told(life.tx, &a, &w, life.now_ms, life.why));
}

static void sweeps(void)
{
	int64_t rows;
	MUST(attempts_sweep(life.tx, life.now_ms, 64, &rows, life.why));
	MUST(orders_expire(life.tx, life.now_ms, 64, &rows, life.why));
}

static void step(void)
{
	int what = draw(100);
	if (what < 12)
		pays_somehow();
	else if (what < 14)
		cancels();
	else if (what < 26)
		phone_pays();
	else if (what < 34 && life.count > 0)
		called_back(&life.there[draw(life.count)]);
	else if (what < 70)
		(void)notifier_step(true);
	else
		life.now_ms += draw(60000);
	sweeps();
}

/* ---- the end ---- */

static int64_t number(const char *sql)
{
	DROP(stmt) struct stmt *q = tx_query(life.tx, sql, life.why);
	assert_non_null(q);
	stmt_bind_int(q, 1, life.order_id);
	assert_true(stmt_row(q, life.why));
	return stmt_int(q, 0);
}

static void end(bool tells)
{
	for (int i = 0; tells && i < 2 * life.count; i++)
		called_back(&life.there[draw(life.count)]);
	for (int i = 0; i < 60; i++) {
		while (notifier_step(false))
			arena_reset(&life.arena);
		life.now_ms += 600000;
		sweeps();
	}
	struct order o = order_now();
	int paid = 0;
	for (int i = 0; i < life.count; i++) {
		paid += life.there[i].is_paid;
		if (life.there[i].exists && !life.there[i].is_paid && life.there[i].has_phone && !life.there[i].is_closed)
			fail_msg("life %d: %s can still be paid", life.n, life.there[i].number);
	}
	if (paid > 1)
		fail_msg("life %d: paid %d times", life.n, paid);
	if (paid == 1 ? o.state != ORDER_PAID : o.state != ORDER_EXPIRED && o.state != ORDER_CLOSED)
		fail_msg("life %d: paid %d, and the order is %s", life.n, paid, order_state_text(o.state).at);
	assert_int_equal(number("SELECT COUNT(*) FROM pay_payment WHERE pay_order = $1"), paid);
	assert_int_equal(number("SELECT COUNT(*) FROM pay_odd WHERE pay_order = $1"), 0);
	assert_int_equal(number("SELECT COUNT(*) FROM pay_attempt WHERE pay_order = $1 AND (is_live = 1 OR ask_ms > 0 OR asking > 0)"), 0);
	assert_int_equal(number("SELECT COUNT(*) FROM pay_attempt WHERE pay_order = $1 AND state = 4"), paid);
}

static void order_begin(int n, int64_t hold_ms)
{
	enum notice_put what;
	uint8_t random[10] = { (uint8_t)n, (uint8_t)(n >> 8), 9 };
	struct order o;
	struct notice notice = { .code_division = 621200, .check_code = STR_NONE, .kind = NOTICE_PENALTY, .division = 621200, .unit = STR("065080906"), .unit_name = STR("市公安局"),
		.payer = STR("王小明"), .count = 1, .items = { { STR("103050101"), STR("罚款"), 20600 } }, .amount_fen = 20600, .total_fen = 20600, .state = NOTICE_UNPAID };
	snprintf(notice.code, sizeof(notice.code), "6212002610000%07d", n);
	MUST(notice_put(life.tx, &notice, BEGAN, salt, &what, life.why));
	struct order_new w = { .key = id_make(BEGAN, random), .person = 1, .notices = &notice, .count = 1, .now_ms = BEGAN, .hold_ms = hold_ms, .open_max = 1000000, .salt = salt };
	MUST(order_make(life.tx, &w, &o, life.why));
	life.order_id = o.id;
}

static bool live(struct tx *tx, void *ctx, struct fail *why)
{
	int n = *(int *)ctx;
	life = (struct life){ .n = n, .now_ms = BEGAN, .tx = tx, .why = why };
	arena_init(&life.arena, 1 << 20);
	seed = (uint64_t)n * UINT64_C(2654435761) + 1;
	order_begin(n, HOLD_MS);
	for (int i = 0; i < STEPS; i++) {
		step();
		arena_reset(&life.arena);
	}
	end(draw(2) == 0);
	arena_free(&life.arena);
	return why->code == FAIL_NONE;
}

static void lives(void **state)
{
	(void)state;
	const char *wanted = getenv("SIBAN_ATTEMPT_SEEDS");
	int count = wanted != NULL ? atoi(wanted) : on->is_postgres ? SEEDS_POSTGRES : SEEDS_SQLITE;
	for (int n = 0; n < count; n++)
		FIXTURE_OK(&on->f, store_write(on->f.store, live, &n, &on->f.why));
	assert_int_equal(fixture_number(&on->f, "SELECT CAST(COALESCE(SUM(amount_fen), 0) AS BIGINT) FROM ledger_posting"), 0);
	assert_true(fixture_number(&on->f, "SELECT COUNT(*) FROM pay_payment") > count / 5); /* the lives are worth something */
	assert_true(fixture_number(&on->f, "SELECT COUNT(*) FROM pay_order WHERE state IN (3, 4)") > count / 5);
}

/* ---- when it is asked ---- */

/* Seconds after it was ready, or was to be closed. What is being closed was asked at once, so its next question is the second. */
static const struct rhythm {
	const char *name;
	bool is_closing;
	int64_t after_s[9];
} rhythms[] = {
	{ "ready: 5 s, 30 s, 1, 3, 5, 10, 30 min, daily", false, { 5, 30, 60, 180, 300, 600, 1800, 1800 + 86400, 1800 + 2 * 86400 } },
	{ "closing: twice an hour in the end", true, { 25, 55, 175, 295, 595, 1795, 1795 + 1800, 1795 + 2 * 1800, 1795 + 3 * 1800 } },
};
enum { RHYTHMS = sizeof(rhythms) / sizeof(rhythms[0]), HOLD_LONG_MS = 864000000 };

static void question_is_answered(bool is_lost, const char *name, int64_t after_s)
{
	int64_t ids[PENDING_MAX];
	struct effect_view e;
	bool found;
	if (pending(ids) != 1)
		fail_msg("%s: not asked at %lld s", name, (long long)after_s);
	MUST(effect_get(life.tx, ids[0], &e, &found, life.why));
	assert_int_equal(e.kind, KIND_wechat_pay_query);
	answer(&e, is_lost);
}

static void rhythm_begin(const struct rhythm *r)
{
	struct attempt a;
	pays_somehow();
	assert_true(notifier_step(false));
	if (!r->is_closing)
		return;
	MUST(attempt_live(life.tx, life.order_id, &a, &life.arena, life.why));
	MUST(attempt_wind_up(life.tx, &a, ORDER_CLOSED, life.now_ms, life.why));
	question_is_answered(true, r->name, 0);
}

/* A ready one is told "not paid yet"; of what is being closed no answer comes, or it would be over. */
static void rhythm_holds(const struct rhythm *r)
{
	int64_t ids[PENDING_MAX];
	for (size_t i = 0; i < sizeof(r->after_s) / sizeof(r->after_s[0]); i++) {
		life.now_ms = BEGAN + r->after_s[i] * 1000 - 1;
		sweeps();
		if (pending(ids) != 0)
			fail_msg("%s: asked before %lld s", r->name, (long long)r->after_s[i]);
		life.now_ms++;
		sweeps();
		question_is_answered(r->is_closing, r->name, r->after_s[i]);
	}
	assert_int_equal(number("SELECT state FROM pay_attempt WHERE pay_order = $1"), r->is_closing ? ATTEMPT_CLOSING : ATTEMPT_READY);
}

static bool keep_time(struct tx *tx, void *ctx, struct fail *why)
{
	const struct rhythm *r = ctx;
	int n = 900000 + (int)(r - rhythms);
	life = (struct life){ .n = n, .now_ms = BEGAN, .tx = tx, .why = why };
	arena_init(&life.arena, 1 << 20);
	order_begin(n, HOLD_LONG_MS);
	rhythm_begin(r);
	rhythm_holds(r);
	arena_free(&life.arena);
	return FAILS(why, GONE, "rolled back by the test");
}

static void each_is_asked_in_time(void **state)
{
	(void)state;
	for (int i = 0; i < RHYTHMS; i++) {
		fail_clear(&on->f.why);
		assert_false(store_write(on->f.store, keep_time, (void *)(uintptr_t)&rhythms[i], &on->f.why));
		assert_int_equal(on->f.why.code, FAIL_GONE);
	}
	fail_clear(&on->f.why);
}

static int start(void **state)
{
	effect_follow(KIND_wechat_pay_prepay, attempt_ordered);
	effect_follow(KIND_wechat_pay_query, attempt_answered);
	effect_follow(KIND_wechat_pay_close, attempt_closed);
	return person_sides_make(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "lives", lives, side, NULL, &sides[0] }, { "lives", lives, side, NULL, &sides[1] },
		{ "each_is_asked_in_time", each_is_asked_in_time, side, side_unstick, &sides[0] }, { "each_is_asked_in_time", each_is_asked_in_time, side, side_unstick, &sides[1] },
	};
	return cmocka_run_group_tests(tests, start, person_sides_drop);
}
