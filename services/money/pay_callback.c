/* services/money/pay_callback.c - why this exists: a platform waits five seconds for its 204 and gives up after a day; what follows from its word may take longer than either. */
#include "services/money/pay_callback.h"

#include "auth/vault.h"
#include "base/arena.h"
#include "base/fault.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/metrics.h"
#include "services/services.h"
#include "store/part.h"
#include <inttypes.h>

enum { WAIT_MS = 200 /* for each lock */, SLOW_MS = 5000 };
enum { ARENA_MAX = 4 << 20, BITE_MAX = 10 };

static const struct platform {
	enum pay_channel channel;
	const char *name;
	pay_follow_fn *follow;
	const char *(*odd)(int64_t heard);
} platforms[] = {
	{ PAY_BY_WECHAT, "wechat_pay", wechat_pay_follow, wechat_pay_odd },
	{ PAY_BY_WECHAT_NONTAX, "wechat_nontax", wechat_nontax_follow, wechat_nontax_odd },
};

static inline void arena_dropper(struct arena *a) { arena_free(a); }

static const struct platform *platform_of(int64_t channel)
{
	for (size_t i = 0; i < sizeof(platforms) / sizeof(platforms[0]); i++)
		if ((int64_t)platforms[i].channel == channel)
			return &platforms[i];
	return NULL;
}

struct str pay_callback_platform(enum pay_channel channel)
{
	const struct platform *p = platform_of(channel);
	return p != NULL ? str_c(p->name) : STR("");
}

/* ---- what follows ---- */

struct following {
	int64_t channel, id;
	struct pay_word word;
	bool is_sealed;              /* word.said is */
	int64_t heard;
	struct arena *arena;
};

static bool opened(struct following *f, struct fail *why)
{
	struct buf said;
	buf_init(&said, f->arena, f->word.said.len);
	if (!vault_open("pay_callback_due.said", f->id, f->word.said, &said, why))
		return false;
	f->word.said = buf_text(&said);
	f->is_sealed = false;
	return buf_ok(&said) || FAILS(why, MEMORY, "callback %" PRId64, f->id);
}

static bool follow(struct tx *tx, void *ctx, struct fail *why)
{
	struct following *f = ctx;
	const struct platform *p = platform_of(f->channel);
	if (fault_hit(FAULT_callback_follow))
		return FAILS(why, STORE, "nothing follows (fault switch)");
	if (p == NULL)
		return FAILS(why, INTERNAL, "callback %" PRId64 " of channel %" PRId64, f->id, f->channel);
	return (!f->is_sealed || opened(f, why)) && p->follow(tx, &f->word, &f->heard, f->arena, why);
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
	buf_init(&sealed, a, c->word.said.len + VAULT_OVERHEAD_MAX);
	if (!vault_seal("pay_callback_due.said", c->id, c->word.said, c->word.random, &sealed, why))
		return false;
	if (!buf_ok(&sealed))
		return FAILS(why, MEMORY, "a callback of %zu bytes", c->word.said.len);
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO pay_callback_due (id, type, said, tries, due_ms, reason, made_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, c->id);
	stmt_bind_text(q, 2, c->word.type);
	stmt_bind_blob(q, 3, sealed.at, sealed.len);
	stmt_bind_int(q, 4, tries);
	stmt_bind_int(q, 5, next_ms(tries, c->word.now_ms));
	stmt_bind_text(q, 6, tries == 0 ? STR("behind") : str_c(fail_row(reason->code)->slug));
	stmt_bind_int(q, 7, c->word.now_ms);
	return stmt_run(q, why);
}

static void say_waits(struct tx *tx, int64_t id, int64_t tries, const struct fail *reason)
{
	TX_SAY(tx, callback_waits, L_INT(id), L_INT(tries), L_C(fail_row(reason->code)->slug), L_C(reason->log));
}

bool pay_callback_follow(struct tx *tx, const struct pay_callback *c, int64_t *heard, bool *is_done, struct arena *a, struct fail *why)
{
	struct following f = { .channel = c->channel, .id = c->id, .word = c->word, .arena = a };
	struct fail reason;
	bool slow;
	fail_clear(&reason);
	if (!is_slow(tx, c->word.now_ms, &slow, why) || (!slow && (!tx_wait(tx, WAIT_MS, why) || !tx_part(tx, follow, &f, &reason, why))))
		return false;
	*is_done = !slow && reason.code == FAIL_NONE;
	*heard = *is_done ? f.heard : 0;
	if (*is_done)
		return true;
	if (!slow)
		say_waits(tx, c->id, 1, &reason);
	return wait(tx, c, slow ? 0 : 1, &reason, a, why);
}

/* NULL: nothing odd is to be said of it. */
static const char *odd_word(int64_t channel, int64_t heard)
{
	const struct platform *p = platform_of(channel);
	return p != NULL ? p->odd(heard) : NULL;
}

void pay_callback_heard(enum pay_channel channel, struct str request_id, int64_t heard)
{
	const char *odd = odd_word(channel, heard);
	if (odd != NULL)
		LOG_EVENT(callback_odd, request_id, L_STR(pay_callback_platform(channel)), L_C(odd));
}

/* ---- later ---- */

struct due {
	int64_t id, tries, channel;
	struct str type, said;
};

static bool due_first(struct tx *tx, int64_t now_ms, int64_t most, struct due out[BITE_MAX], int *count, struct arena *a, struct fail *why)
{
	*count = 0;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT d.id, d.tries, c.channel, d.type, d.said FROM pay_callback_due d JOIN pay_callback c ON c.id = d.id WHERE d.due_ms <= $1"
		" ORDER BY d.due_ms, d.id LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, most);
	while (*count < BITE_MAX && stmt_row(q, why))
		out[(*count)++] = (struct due){ stmt_int(q, 0), stmt_int(q, 1), stmt_int(q, 2), str_copy(a, stmt_text(q, 3)), str_copy(a, stmt_blob(q, 4)) };
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
	uint8_t random[SHA256_BYTES]; /* of what nobody else has seen */
	struct fail reason;
	sha256(d->said, random);
	struct following f = { .channel = d->channel, .id = d->id, .word = { d->type, d->said, now_ms, random }, .is_sealed = true, .arena = a };
	if (!tx_part(tx, follow, &f, &reason, why))
		return false;
	if (reason.code != FAIL_NONE) {
		say_waits(tx, d->id, d->tries + 1, &reason);
		return put_off(tx, d, &reason, now_ms, why);
	}
	const char *odd = odd_word(d->channel, f.heard);
	if (odd != NULL)
		TX_SAY(tx, callback_odd, L_STR(pay_callback_platform((enum pay_channel)d->channel)), L_C(odd));
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
