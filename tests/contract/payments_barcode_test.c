/* Goal: however the effect that carries a payer's barcode ends, its attempt is paid, surely refused, or unknown, and never refused when money may have been asked for; it is heard once; the code is gone
 * then; an order that was not paid this way is over; and what is unknown is asked about at once, after 1, 5 and 15 minutes and twice an hour, to the millisecond, until its time is over and not before.
 * The code does not go out, and not again, once its notice is paid otherwise or its order ends; and an older payment of the notice is not taken for the code's.
 * Method: a row for each end, with what is on record of its attempts; the questions answered in words. On SQLite and on PostgreSQL. */
#include "one_person_sides.h"

#include "base/arena.h"
#include "notify/effect_act.h"
#include "payments/attempts/attempt.h"
#include "payments/attempts/attempt_channel.h"
#include "payments/orders/arrive.h"
#include <inttypes.h>

#define BEGAN INT64_C(1795420800000)
#define CODE_SHOWN "134567890123456789"
#define TRADE(status, fee) "{\"errcode\":0,\"order_id\":\"AQ1\",\"payment_notice_no\":\"62120026100000000012\",\"status\":" status ",\"fee\":" fee ",\"trans_id\":\"42001\",\"pay_finish_time\":1795420801}"
enum { HOURS = 42, HOLD_MS = 600000 };
static const uint8_t salt[16] = { 7 };

static const struct end {
	const char *name, *attempts[3];  /* codes on record, of those that did not do it */
	enum effect_state state;
	const char *code, *ref, *said;
	enum attempt_state wanted;
	enum order_state order;
	bool is_odd;
} ends[] = {
	{ "paid", { "taken" }, EFFECT_DONE, "PAID", "AQ1", TRADE("3", "20600"), ATTEMPT_PAID, ORDER_PAID, false },
	{ "paid, after it was paying", { "paying 11", "taken" }, EFFECT_DONE, "PAID", "AQ1", TRADE("4", "20600"), ATTEMPT_PAID, ORDER_PAID, false },
	{ "paid, of another amount", { "taken" }, EFFECT_DONE, "PAID", "AQ1", TRADE("3", "20599"), ATTEMPT_PAID, ORDER_CLOSED, true },
	{ "closed there", { "unknown 14" }, EFFECT_DONE, "CLOSED", "AQ1", TRADE("12", "20600"), ATTEMPT_FAILED, ORDER_CLOSED, false },
	{ "done, and what was said is lost", { "taken" }, EFFECT_DONE, "PAID", "AQ1", NULL, ATTEMPT_UNKNOWN, ORDER_PAYING, false },
	{ "refused", { "refused 13" }, EFFECT_FAILED, "refused 13", "", NULL, ATTEMPT_FAILED, ORDER_CLOSED, false },
	{ "refused, after it was paying", { "paying 11", "refused 13" }, EFFECT_FAILED, "refused 13", "AQ1", NULL, ATTEMPT_FAILED, ORDER_CLOSED, false },
	{ "paying all the time", { "paying 11", "paying 11" }, EFFECT_FAILED, "paying 11", "AQ1", NULL, ATTEMPT_UNKNOWN, ORDER_PAYING, false },
	{ "their system failed all the time", { "busy 12" }, EFFECT_FAILED, "busy 12", "", NULL, ATTEMPT_UNKNOWN, ORDER_PAYING, false },
	{ "never reached", { "not_sent", "stale" }, EFFECT_FAILED, "stale", "", NULL, ATTEMPT_FAILED, ORDER_CLOSED, false },
	{ "not reached, after it was paying", { "paying 11", "not_sent" }, EFFECT_FAILED, "not_sent", "", NULL, ATTEMPT_UNKNOWN, ORDER_PAYING, false },
	{ "too late before it left", { NULL }, EFFECT_FAILED, "expired", "", NULL, ATTEMPT_FAILED, ORDER_CLOSED, false },
	{ "too late while it was paying", { "paying 11" }, EFFECT_FAILED, "expired", "", NULL, ATTEMPT_UNKNOWN, ORDER_PAYING, false },
	{ "cancelled before it left", { NULL }, EFFECT_CANCELLED, "", "", NULL, ATTEMPT_FAILED, ORDER_CLOSED, false },
	{ "cancelled while it was paying", { "paying 11" }, EFFECT_CANCELLED, "", "", NULL, ATTEMPT_UNKNOWN, ORDER_PAYING, false },
	{ "no answer", { "unclear" }, EFFECT_UNKNOWN, "none_paid", "", NULL, ATTEMPT_UNKNOWN, ORDER_PAYING, false },
	{ "of a backup, and too old", { "restored", "order" }, EFFECT_FAILED, "order", "", NULL, ATTEMPT_UNKNOWN, ORDER_PAYING, false },
};
enum { ENDS = sizeof(ends) / sizeof(ends[0]) };

static struct scene {
	const struct end *end;
	struct tx *tx;
	struct fail *why;
	struct arena arena;
	struct attempt attempt;
	int64_t now_ms;
} on_stage;

#define MUST(call) \
	do { \
		if (!(call)) \
			fail_msg("%s: %s: %s", on_stage.end->name, #call, on_stage.why->log); \
	} while (0)

static int64_t number(const char *sql)
{
	DROP(stmt) struct stmt *q = tx_query(on_stage.tx, sql, on_stage.why);
	assert_non_null(q);
	stmt_bind_int(q, 1, on_stage.attempt.id);
	assert_true(stmt_row(q, on_stage.why));
	return stmt_int(q, 0);
}

static void is_scanned(void)
{
	enum notice_put what;
	uint8_t random[10] = { 9 };
	struct order o;
	struct notice n = { .code = "62120026100000000012", .code_division = 621200, .check_code = STR_NONE, .kind = NOTICE_PENALTY, .division = 621200, .unit = STR("065080906"), .unit_name = STR("市公安局"),
		.payer = STR("王小明"), .count = 1, .items = { { STR("103050101"), STR("罚款"), 20600 } }, .amount_fen = 20600, .total_fen = 20600, .state = NOTICE_UNPAID };
	MUST(notice_put(on_stage.tx, &n, BEGAN, salt, &what, on_stage.why));
	struct order_new w = { .key = id_make(BEGAN, random), .person = 1, .notices = &n, .count = 1, .now_ms = BEGAN, .hold_ms = HOLD_MS, .open_max = 1000, .salt = salt };
	MUST(order_make(on_stage.tx, &w, &o, on_stage.why));
	const struct attempt_new a = { .key = id_make(BEGAN, random), .channel = PAY_BY_WECHAT_NONTAX, .method = ATTEMPT_BY_BARCODE, .auth_code = { STR(CODE_SHOWN) }, .now_ms = BEGAN, .salt = salt };
	MUST(attempt_make(on_stage.tx, &o, &a, &on_stage.attempt, on_stage.why));
	assert_true(number("SELECT LENGTH(p.payload) - LENGTH(a.payload) FROM pay_attempt a JOIN effect_payload p ON p.effect = a.effect WHERE a.id = $1") > (int64_t)sizeof(CODE_SHOWN));
}

static void attempts_put(void)
{
	const struct end *e = on_stage.end;
	for (int i = 0; i < 3 && e->attempts[i] != NULL; i++) {
		DROP(stmt) struct stmt *q = tx_query(on_stage.tx, "INSERT INTO effect_attempt (effect, n, began_ms, ended_ms, verdict, code) VALUES ($1, $2, 1, 1, 2, $3)", on_stage.why);
		assert_non_null(q);
		stmt_bind_int(q, 1, on_stage.attempt.effect);
		stmt_bind_int(q, 2, i + 1);
		stmt_bind_text(q, 3, str_c(e->attempts[i]));
		MUST(stmt_run(q, on_stage.why));
	}
}

static void effect_put(int64_t id, enum effect_state state)
{
	DROP(stmt) struct stmt *q = tx_query(on_stage.tx, "UPDATE effect SET state = $1, held_by = CASE WHEN CAST($1 AS BIGINT) = 6 THEN 2 ELSE 0 END WHERE id = $2", on_stage.why);
	assert_non_null(q);
	stmt_bind_int(q, 1, state);
	stmt_bind_int(q, 2, id);
	MUST(stmt_run(q, on_stage.why));
}

static void ends_as_it_does(void)
{
	const struct end *e = on_stage.end;
	struct effect_view v;
	bool found;
	attempts_put();
	effect_put(on_stage.attempt.effect, e->state);
	MUST(effect_get(on_stage.tx, on_stage.attempt.effect, &v, &found, on_stage.why));
	strcpy(v.code, e->code);
	strcpy(v.ref, e->ref);
	v.said = e->said != NULL ? str_c(e->said) : STR_NONE;
	for (int i = 0; i < 2; i++) { /* what is said twice is heard once */
		MUST(attempt_scanned(on_stage.tx, &v, on_stage.now_ms, on_stage.why));
		if (number("SELECT state FROM pay_attempt WHERE id = $1") != (int64_t)e->wanted)
			fail_msg("%s: the attempt is %" PRId64, e->name, number("SELECT state FROM pay_attempt WHERE id = $1"));
		if (number("SELECT o.state FROM pay_attempt a JOIN pay_order o ON o.id = a.pay_order WHERE a.id = $1") != (int64_t)e->order)
			fail_msg("%s: the order is %" PRId64, e->name, number("SELECT o.state FROM pay_attempt a JOIN pay_order o ON o.id = a.pay_order WHERE a.id = $1"));
		assert_int_equal(number("SELECT COUNT(*) FROM pay_payment p JOIN pay_attempt a ON a.pay_order = p.pay_order WHERE a.id = $1"), e->order == ORDER_PAID);
		assert_int_equal(number("SELECT COUNT(*) FROM pay_odd o JOIN pay_attempt a ON a.pay_order = o.pay_order WHERE a.id = $1"), e->is_odd);
		assert_int_equal(number("SELECT LENGTH(p.payload) - LENGTH(a.payload) FROM pay_attempt a JOIN effect_payload p ON p.effect = a.effect WHERE a.id = $1"), 0);
	}
	const bool is_named = e->ref[0] != '\0';
	assert_int_equal(number("SELECT COUNT(*) FROM pay_attempt WHERE id = $1 AND channel_no = 'AQ1'"), is_named);
}

/* ---- asked on ---- */

/* The question that is under way; 0: none is. */
static int64_t question(struct effect_view *out)
{
	bool found;
	int64_t id = number("SELECT asking FROM pay_attempt WHERE id = $1");
	if (id != 0)
		MUST(effect_get(on_stage.tx, id, out, &found, on_stage.why));
	return id;
}

/* "It is not paid", of the order or of all orders of the notice. */
static void is_asked_and_answered(int64_t after_s)
{
	struct effect_view v;
	bool is_named = on_stage.end->ref[0] != '\0';
	if (question(&v) == 0)
		fail_msg("%s: not asked after %" PRId64 " s", on_stage.end->name, after_s);
	assert_int_equal(v.kind, is_named ? KIND_wechat_nontax_query : KIND_wechat_nontax_list);
	v.state = EFFECT_DONE;
	strcpy(v.code, is_named ? "UNPAID" : "NONE");
	v.said = str_c(is_named ? "{\"errcode\":0,\"order_id\":\"AQ1\",\"status\":1,\"fee\":20600}" : "{\"errcode\":0,\"order_id_list\":[]}");
	effect_put(v.id, EFFECT_DONE);
	MUST((is_named ? attempt_answered : attempt_listed)(on_stage.tx, &v, on_stage.now_ms, on_stage.why));
}

static void sweep(void)
{
	int64_t rows;
	MUST(attempts_sweep(on_stage.tx, on_stage.now_ms, 64, &rows, on_stage.why));
}

static void is_asked_in_time(void)
{
	static const int64_t after_s[] = { 0, 60, 300, 900, 900 + 1800, 900 + 3600, 900 + 5400 };
	struct effect_view v;
	MUST(order_hold(on_stage.tx, on_stage.attempt.order, on_stage.why));
	for (size_t i = 0; i < sizeof(after_s) / sizeof(after_s[0]); i++) {
		on_stage.now_ms = BEGAN + after_s[i] * 1000 - 1;
		if (i > 0)
			sweep();
		if (question(&v) != 0)
			fail_msg("%s: asked before %" PRId64 " s", on_stage.end->name, after_s[i]);
		on_stage.now_ms++;
		sweep();
		is_asked_and_answered(after_s[i]);
	}
}

static void is_given_up(void)
{
	for (int64_t over_ms = BEGAN + HOURS * INT64_C(3600000); on_stage.now_ms < over_ms;) {
		if (number("SELECT is_live FROM pay_attempt WHERE id = $1") != 1)
			fail_msg("%s: given up %" PRId64 " s early", on_stage.end->name, (over_ms - on_stage.now_ms) / 1000);
		int64_t next_ms = number("SELECT ask_ms FROM pay_attempt WHERE id = $1");
		assert_true(next_ms > on_stage.now_ms && next_ms <= over_ms);
		on_stage.now_ms = next_ms;
		sweep();
		is_asked_and_answered((next_ms - BEGAN) / 1000);
	}
	assert_int_equal(number("SELECT is_live FROM pay_attempt WHERE id = $1"), 0);
	assert_int_equal(number("SELECT COUNT(*) FROM pay_notice WHERE id > 0 * CAST($1 AS BIGINT) AND state = 1"), 1); /* free for another way to pay */
}

/* The end of the order's own hold asks as well. */
static void is_held_long(void)
{
	DROP(stmt) struct stmt *q = tx_query(on_stage.tx, "UPDATE pay_order SET expires_ms = expires_ms + 1000000000", on_stage.why);
	assert_non_null(q);
	MUST(stmt_run(q, on_stage.why));
}

/* ---- what is over before the code went out, or before it goes again ---- */

static const struct other {
	const char *name, *attempts[3];
	enum effect_state state;
	bool is_paid;             /* the notice, by another order there; otherwise the order's hold ends */
	enum attempt_state wanted;
	enum order_state order;
} others[] = {
	{ "paid otherwise before it left", { NULL }, EFFECT_DUE, true, ATTEMPT_PAID, ORDER_PAID },
	{ "paid otherwise when it was not sent", { "not_sent" }, EFFECT_DUE, true, ATTEMPT_PAID, ORDER_PAID },
	{ "paid otherwise while it was paying", { "paying 11" }, EFFECT_DUE, true, ATTEMPT_PAID, ORDER_PAID },
	{ "paid otherwise while it was held", { "stale" }, EFFECT_HELD, true, ATTEMPT_PAID, ORDER_PAID },
	{ "paid otherwise while it was on its way", { "not_sent" }, EFFECT_SENDING, true, ATTEMPT_PAID, ORDER_PAID },
	{ "ended when it was not sent", { "not_sent", "stale" }, EFFECT_DUE, false, ATTEMPT_FAILED, ORDER_EXPIRED },
	{ "ended while it was paying", { "paying 11" }, EFFECT_DUE, false, ATTEMPT_UNKNOWN, ORDER_PAYING },
	{ "ended while it was held", { "stale" }, EFFECT_HELD, false, ATTEMPT_FAILED, ORDER_EXPIRED },
	{ "ended while it was on its way", { "not_sent" }, EFFECT_SENDING, false, ATTEMPT_CLOSED, ORDER_EXPIRED },
};
enum { OTHERS = sizeof(others) / sizeof(others[0]), NOBODYS_QUESTION = 999999 };

/* What the platform answers to a question that is no attempt's. */
static void is_told(const char *said)
{
	const struct effect_view v = { .id = NOBODYS_QUESTION, .kind = KIND_wechat_nontax_query, .state = EFFECT_DONE, .said = str_c(said) };
	MUST(attempt_answered(on_stage.tx, &v, on_stage.now_ms, on_stage.why));
}

/* Its account was stopped meanwhile: it was held, and goes on when that is over. */
static void comes_home(void)
{
	struct effect_act act = { .what = EFFECT_RELEASE, .id = on_stage.attempt.effect, .now_ms = on_stage.now_ms };
	effect_put(on_stage.attempt.effect, EFFECT_HELD);
	MUST(effect_act_apply(on_stage.tx, &act, on_stage.why));
}

static void tried(const struct other *o)
{
	DROP(stmt) struct stmt *q = tx_query(on_stage.tx, "UPDATE effect SET attempts = $1 + (SELECT COUNT(*) FROM effect_attempt WHERE effect = $2) WHERE id = $2", on_stage.why);
	assert_non_null(q);
	stmt_bind_int(q, 1, o->state == EFFECT_SENDING);
	stmt_bind_int(q, 2, on_stage.attempt.effect);
	MUST(stmt_run(q, on_stage.why));
}

static bool other_play(struct tx *tx, void *ctx, struct fail *why)
{
	const struct other *o = ctx;
	const struct end named = { .name = o->name, .attempts = { o->attempts[0], o->attempts[1], o->attempts[2] } };
	on_stage = (struct scene){ .end = &named, .tx = tx, .why = why, .now_ms = o->is_paid ? BEGAN + 1000 : BEGAN + HOLD_MS };
	arena_init(&on_stage.arena, 1 << 20);
	is_scanned();
	attempts_put();
	effect_put(on_stage.attempt.effect, o->state);
	tried(o);
	if (o->is_paid)
		is_told(TRADE("3", "20600"));
	else
		sweep();
	if (o->state == EFFECT_SENDING)
		comes_home();
	if (number("SELECT e.state FROM pay_attempt a JOIN effect e ON e.id = a.effect WHERE a.id = $1") != EFFECT_CANCELLED)
		fail_msg("%s: the code goes out", o->name);
	assert_int_equal(number("SELECT LENGTH(p.payload) - LENGTH(a.payload) FROM pay_attempt a JOIN effect_payload p ON p.effect = a.effect WHERE a.id = $1"), 0);
	if (number("SELECT state FROM pay_attempt WHERE id = $1") != (int64_t)o->wanted || number("SELECT o.state FROM pay_attempt a JOIN pay_order o ON o.id = a.pay_order WHERE a.id = $1") != (int64_t)o->order)
		fail_msg("%s: the attempt is %" PRId64 ", its order %" PRId64, o->name, number("SELECT state FROM pay_attempt WHERE id = $1"),
			number("SELECT o.state FROM pay_attempt a JOIN pay_order o ON o.id = a.pay_order WHERE a.id = $1"));
	arena_free(&on_stage.arena);
	return FAILS(why, GONE, "rolled back by the test");
}

/* ---- an older payment of the same notice ---- */

static void by_the_effect(void)
{
	struct effect_view v;
	bool found;
	effect_put(on_stage.attempt.effect, EFFECT_DONE);
	MUST(effect_get(on_stage.tx, on_stage.attempt.effect, &v, &found, on_stage.why));
	strcpy(v.code, "PAID");
	strcpy(v.ref, "AQ1");
	v.said = STR(TRADE("3", "20599"));
	MUST(attempt_scanned(on_stage.tx, &v, on_stage.now_ms, on_stage.why));
}

static void by_its_notice(void)
{
	struct effect_view v;
	bool found;
	effect_put(on_stage.attempt.effect, EFFECT_UNKNOWN);
	MUST(effect_get(on_stage.tx, on_stage.attempt.effect, &v, &found, on_stage.why));
	MUST(attempt_scanned(on_stage.tx, &v, on_stage.now_ms, on_stage.why));
	sweep();
	assert_true(question(&v) != 0);
	assert_int_equal(v.kind, KIND_wechat_nontax_list);
	v.state = EFFECT_DONE;
	strcpy(v.code, "PAID");
	strcpy(v.ref, "AQ1");
	effect_put(v.id, EFFECT_DONE);
	MUST(attempt_listed(on_stage.tx, &v, on_stage.now_ms, on_stage.why));
}

static void by_their_call(void)
{
	is_told(TRADE("3", "20599"));
}

static const struct older {
	const char *name;
	void (*is_heard)(void);
	enum attempt_state wanted;
} olders[] = {
	{ "an older payment, found by the effect", by_the_effect, ATTEMPT_UNKNOWN },
	{ "an older payment, found by its notice", by_its_notice, ATTEMPT_UNKNOWN },
	{ "an older payment, told of again", by_their_call, ATTEMPT_ASKED },
};
enum { OLDERS = sizeof(olders) / sizeof(olders[0]) };

/* Of a wrong sum, and odd: the notice is open, and a code is scanned for it. Then its own payment is told of, and is that. */
static bool older_play(struct tx *tx, void *ctx, struct fail *why)
{
	const struct older *o = ctx;
	const struct end named = { .name = o->name };
	enum money_end how;
	const struct money m = { .channel = PAY_BY_WECHAT_NONTAX, .reference = STR("42001"), .channel_no = STR("AQ1"), .division = 621200, .fen = 20599, .came_ms = BEGAN - 1000 };
	on_stage = (struct scene){ .end = &named, .tx = tx, .why = why, .now_ms = BEGAN };
	arena_init(&on_stage.arena, 1 << 20);
	MUST(money_arrives(tx, &m, BEGAN, &how, why));
	assert_int_equal(how, MONEY_ODD);
	is_scanned();
	o->is_heard();
	if (number("SELECT state FROM pay_attempt WHERE id = $1") != (int64_t)o->wanted)
		fail_msg("%s: the attempt is %" PRId64, o->name, number("SELECT state FROM pay_attempt WHERE id = $1"));
	assert_int_equal(number("SELECT o.state FROM pay_attempt a JOIN pay_order o ON o.id = a.pay_order WHERE a.id = $1"), ORDER_PAYING);
	assert_int_equal(number("SELECT COUNT(*) FROM pay_attempt WHERE id = $1 AND channel_no = ''"), 1);
	is_told("{\"errcode\":0,\"order_id\":\"AQ2\",\"payment_notice_no\":\"62120026100000000012\",\"status\":3,\"fee\":20600,\"trans_id\":\"42002\",\"pay_finish_time\":1795420802}");
	assert_int_equal(number("SELECT state FROM pay_attempt WHERE id = $1 AND channel_no = 'AQ2'"), ATTEMPT_PAID);
	assert_int_equal(number("SELECT COUNT(*) FROM pay_payment p JOIN pay_attempt a ON a.pay_order = p.pay_order WHERE a.id = $1 AND p.reference = '42002'"), 1);
	arena_free(&on_stage.arena);
	return FAILS(why, GONE, "rolled back by the test");
}

static bool play(struct tx *tx, void *ctx, struct fail *why)
{
	on_stage = (struct scene){ .end = ctx, .tx = tx, .why = why, .now_ms = BEGAN };
	arena_init(&on_stage.arena, 1 << 20);
	is_scanned();
	ends_as_it_does();
	if (on_stage.end->wanted == ATTEMPT_UNKNOWN) {
		is_held_long();
		is_asked_in_time();
		is_given_up();
	}
	arena_free(&on_stage.arena);
	return FAILS(why, GONE, "rolled back by the test");
}

static void one(bool (*play_it)(struct tx *tx, void *ctx, struct fail *why), const void *row)
{
	fail_clear(&on->f.why);
	assert_false(store_write(on->f.store, play_it, (void *)(uintptr_t)row, &on->f.why));
	assert_int_equal(on->f.why.code, FAIL_GONE);
	fail_clear(&on->f.why);
}

static void each_end(void **state)
{
	(void)state;
	for (int i = 0; i < ENDS; i++)
		one(play, &ends[i]);
}

static void each_other(void **state)
{
	(void)state;
	for (int i = 0; i < OTHERS; i++)
		one(other_play, &others[i]);
}

static void each_older(void **state)
{
	(void)state;
	for (int i = 0; i < OLDERS; i++)
		one(older_play, &olders[i]);
}

static int start(void **state)
{
	static struct config c = { .wechat_nontax_barcode_hours = HOURS, .wechat_nontax_order_minutes = 30, .payment_code_prefecture = 6212 };
	attempts_compose(&c);
	effect_follow(KIND_wechat_nontax_micropay, attempt_scanned);
	effect_follow_again(KIND_wechat_nontax_micropay, attempt_scans_again);
	return person_sides_make(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "each_end", each_end, side, side_unstick, &sides[0] }, { "each_end", each_end, side, side_unstick, &sides[1] },
		{ "each_other", each_other, side, side_unstick, &sides[0] }, { "each_other", each_other, side, side_unstick, &sides[1] },
		{ "each_older", each_older, side, side_unstick, &sides[0] }, { "each_older", each_older, side, side_unstick, &sides[1] },
	};
	return cmocka_run_group_tests(tests, start, person_sides_drop);
}
