/* services/money/pay_callback.c - why this exists: a platform waits five seconds for its 204 and gives up after a day; what follows from its word may take longer than either. */
#include "services/money/pay_callback.h"

#include "auth/vault.h"
#include "base/arena.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/metrics.h"
#include "payments/arrive.h"
#include "payments/attempt.h"
#include "payments/refund.h"
#include "services/services.h"
#include "store/part.h"

enum { WAIT_MS = 200 /* for each lock */, SLOW_MS = 5000 };
enum { ARENA_MAX = 4 << 20, BITE_MAX = 10 };

static inline void arena_dropper(struct arena *a) { arena_free(a); }

bool pay_told_read(struct str type, struct str said, struct pay_told *out, struct arena *a)
{
	*out = (struct pay_told){ .is_trade = str_eq(type, STR("transaction")), .is_refund = str_eq(type, STR("refund")) };
	if (out->is_trade)
		return wechat_pay_trade_read(said, &out->trade, a);
	return !out->is_refund || wechat_pay_refund_read(said, &out->refund, a);
}

/* ---- what follows ---- */

/* A number nobody here gave out, and money all the same. */
static bool unknown_order(struct tx *tx, const struct wechat_pay_trade *t, int64_t now_ms, struct fail *why)
{
	enum money_end end;
	const struct money m = { .channel = PAY_BY_WECHAT, .reference = t->transaction_id, .division = services_config()->payment_code_prefecture * 100, .fen = t->total_fen,
		.came_ms = t->success_ms != 0 ? t->success_ms : now_ms };
	return !wechat_pay_trade_is_paid(t) || money_arrives(tx, &m, now_ms, &end, why);
}

static bool of_trade(struct tx *tx, const struct wechat_pay_trade *t, int64_t now_ms, struct arena *arena, struct fail *why)
{
	struct attempt a;
	const struct attempt_word w = attempt_word_of_trade(t);
	if (!attempt_by_number(tx, t->out_trade_no, &a, arena, why))
		return false;
	if (a.id == 0)
		return unknown_order(tx, t, now_ms, why);
	return order_hold(tx, a.order, why) && attempt_by_number(tx, t->out_trade_no, &a, arena, why) && attempt_told(tx, &a, &w, now_ms, why);
}

/* In what order its words come is nobody's promise; a word we do not know moves nothing. */
static bool of_refund(struct tx *tx, const struct wechat_pay_refund *f, int64_t now_ms, int64_t *heard, struct arena *a, struct fail *why)
{
	static const enum refund_said words[] = { [WECHAT_PAY_REFUND_PROCESSING] = REFUND_SAID_PROCESSING, [WECHAT_PAY_REFUND_SUCCESS] = REFUND_SAID_SUCCESS,
		[WECHAT_PAY_REFUND_CLOSED] = REFUND_SAID_CLOSED, [WECHAT_PAY_REFUND_ABNORMAL] = REFUND_SAID_ABNORMAL };
	enum refund_heard what;
	if (f->state == WECHAT_PAY_REFUND_OTHER)
		return true;
	const struct refund_word w = { f->out_refund_no, words[f->state], f->refund_fen, f->refund_id };
	bool ok = refund_told(tx, &w, now_ms, &what, a, why);
	*heard = ok ? (int64_t)what : 0;
	return ok;
}

struct following {
	struct str type, said;       /* sealed: `told` is NULL, and it is opened first */
	int64_t id;
	const struct pay_told *told;
	int64_t now_ms, heard;
	struct arena *arena;
};

static bool opened(struct following *f, struct pay_told *told, struct fail *why)
{
	struct buf said;
	buf_init(&said, f->arena, f->said.len);
	if (!vault_open("pay_callback_due.said", f->id, f->said, &said, why))
		return false;
	f->told = told;
	return pay_told_read(f->type, buf_text(&said), told, f->arena) || FAILS(why, INTERNAL, "callback %lld could be read when it came", (long long)f->id);
}

static bool follow(struct tx *tx, void *ctx, struct fail *why)
{
	struct following *f = ctx;
	struct pay_told told;
	if (fault_hit(FAULT_callback_follow))
		return FAILS(why, STORE, "nothing follows (fault switch)");
	if (f->told == NULL && !opened(f, &told, why))
		return false;
	if (f->told->is_trade)
		return of_trade(tx, &f->told->trade, f->now_ms, f->arena, why);
	return !f->told->is_refund || of_refund(tx, &f->told->refund, f->now_ms, &f->heard, f->arena, why);
}

/* ---- at once ---- */

static bool is_slow(struct tx *tx, int64_t now_ms, bool *slow, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT 1 FROM pay_callback_due WHERE made_ms > $1 LIMIT 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms - SLOW_MS);
	*slow = stmt_row(q, why);
	return why->code == FAIL_NONE;
}

/* Later and later, and never given up: what stops it is for an operator to find (siban callbacks). */
static int64_t next_ms(int64_t tries, int64_t now_ms)
{
	static const int32_t gaps_s[] = { 0, 1, 5, 30, 120, 600, 1800, 3600 };
	enum { GAPS = sizeof(gaps_s) / sizeof(gaps_s[0]) };
	return now_ms + gaps_s[tries < GAPS ? tries : GAPS - 1] * INT64_C(1000);
}

static bool wait(struct tx *tx, const struct pay_callback *c, int64_t tries, const struct fail *reason, struct arena *a, struct fail *why)
{
	struct buf sealed;
	buf_init(&sealed, a, c->said.len + VAULT_OVERHEAD_MAX);
	if (!vault_seal("pay_callback_due.said", c->id, c->said, c->salt, &sealed, why))
		return false;
	if (!buf_ok(&sealed))
		return FAILS(why, MEMORY, "a callback of %zu bytes", c->said.len);
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO pay_callback_due (id, type, said, tries, due_ms, reason, made_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, c->id);
	stmt_bind_text(q, 2, c->type);
	stmt_bind_blob(q, 3, sealed.at, sealed.len);
	stmt_bind_int(q, 4, tries);
	stmt_bind_int(q, 5, next_ms(tries, c->now_ms));
	stmt_bind_text(q, 6, tries == 0 ? STR("behind") : str_c(fail_row(reason->code)->slug));
	stmt_bind_int(q, 7, c->now_ms);
	return stmt_run(q, why);
}

static void say_waits(int64_t id, int64_t tries, const struct fail *reason)
{
	LOG_EVENT(callback_waits, STR_NONE, L_INT(id), L_INT(tries), L_C(fail_row(reason->code)->slug), L_C(reason->log));
}

bool pay_callback_follow(struct tx *tx, const struct pay_callback *c, int64_t *heard, bool *is_done, struct arena *a, struct fail *why)
{
	struct following f = { .id = c->id, .told = c->told, .now_ms = c->now_ms, .arena = a };
	struct fail reason;
	bool slow;
	fail_clear(&reason);
	if (!is_slow(tx, c->now_ms, &slow, why) || (!slow && (!tx_wait(tx, WAIT_MS, why) || !tx_part(tx, follow, &f, &reason, why))))
		return false;
	*is_done = !slow && reason.code == FAIL_NONE;
	*heard = *is_done ? f.heard : 0;
	if (*is_done)
		return true;
	if (!slow)
		say_waits(c->id, 1, &reason);
	return wait(tx, c, slow ? 0 : 1, &reason, a, why);
}

void pay_callback_heard(struct str request_id, int64_t heard)
{
	static const char *const words[] = { [REFUND_HEARD_OF_NONE] = "no refund of ours", [REFUND_HEARD_AMOUNT] = "another amount", [REFUND_HEARD_AGAINST] = "against our ledger" };
	if (heard >= 0 && heard < (int64_t)(sizeof(words) / sizeof(words[0])) && words[heard] != NULL)
		LOG_EVENT(callback_odd, request_id, L_C("wechat_pay"), L_C(words[heard]));
}

/* ---- later ---- */

struct due {
	int64_t id, tries;
	struct str type, said;
};

static bool due_first(struct tx *tx, int64_t now_ms, int64_t most, struct due out[BITE_MAX], int *count, struct arena *a, struct fail *why)
{
	*count = 0;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, tries, type, said FROM pay_callback_due WHERE due_ms <= $1 ORDER BY due_ms, id LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, most);
	while (*count < BITE_MAX && stmt_row(q, why))
		out[(*count)++] = (struct due){ stmt_int(q, 0), stmt_int(q, 1), str_copy(a, stmt_text(q, 2)), str_copy(a, stmt_blob(q, 3)) };
	return why->code == FAIL_NONE && (!a->refused || FAILS(why, MEMORY, "callbacks that wait"));
}

static bool forget(struct tx *tx, int64_t id, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "DELETE FROM pay_callback_due WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	return stmt_run(q, why);
}

static bool put_off(struct tx *tx, const struct due *d, const struct fail *reason, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE pay_callback_due SET tries = $1, due_ms = $2, reason = $3 WHERE id = $4", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, d->tries + 1);
	stmt_bind_int(q, 2, next_ms(d->tries + 1, now_ms));
	stmt_bind_text(q, 3, str_c(fail_row(reason->code)->slug));
	stmt_bind_int(q, 4, d->id);
	return stmt_run(q, why);
}

static bool follow_later(struct tx *tx, const struct due *d, int64_t now_ms, struct arena *a, struct fail *why)
{
	struct following f = { .type = d->type, .said = d->said, .id = d->id, .now_ms = now_ms, .arena = a };
	struct fail reason;
	if (!tx_part(tx, follow, &f, &reason, why))
		return false;
	if (reason.code != FAIL_NONE) {
		say_waits(d->id, d->tries + 1, &reason);
		return put_off(tx, d, &reason, now_ms, why);
	}
	pay_callback_heard(STR_NONE, f.heard);
	return forget(tx, d->id, why);
}

bool pay_callbacks_follow(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why)
{
	struct due due[BITE_MAX];
	int count;
	DROP(arena) struct arena a;
	arena_init(&a, ARENA_MAX);
	*rows = 0;
	if (!tx_wait(tx, WAIT_MS, why) || !due_first(tx, now_ms, rows_max < BITE_MAX ? rows_max : BITE_MAX, due, &count, &a, why))
		return false;
	for (; *rows < count; ++*rows)
		if (!follow_later(tx, &due[*rows], now_ms, &a, why))
			return false;
	return true;
}

bool pay_callbacks_watch(struct tx *tx, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COUNT(*), MIN(made_ms) FROM pay_callback_due", why);
	if (q == NULL)
		return false;
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, STORE, "no count of callbacks");
	metric_set(M_callbacks_due, 0, stmt_int(q, 0));
	metric_set(M_callbacks_due_seconds, 0, stmt_int(q, 0) > 0 ? (now_ms - stmt_int(q, 1)) / 1000 : 0);
	return true;
}
