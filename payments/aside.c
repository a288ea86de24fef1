/* payments/aside.c - why this exists: one row that fails for good would take its whole bite back with it, again and again, and nobody behind it would ever be paid. */
#include "payments/aside.h"

#include "auth/tenancy.h"
#include "base/arena.h"
#include "base/metrics.h"
#include "store/part.h"

#include <assert.h>

enum { FORGOTTEN_AFTER_MS = 3600000, NAME_MAX_BYTES = 64 };

struct queue {
	int64_t number;
	struct str text;
	const char *prefix;
};
static const struct queue queues[] = {
#define QUEUE(name, number, text, prefix, sql) { number, { text, sizeof(text) - 1 }, prefix },
#include "payments/aside_queues.def"
#undef QUEUE
};
enum { QUEUES = sizeof(queues) / sizeof(queues[0]) };
/* Texts are keys of the statement cache by their address. */
static const char *const names[QUEUES] = {
#define QUEUE(name, number, text, prefix, sql) sql,
#include "payments/aside_queues.def"
#undef QUEUE
};

static int row_of(int64_t queue)
{
	assert(queue > 0 && queue <= QUEUES && queues[queue - 1].number == queue);
	return (int)queue - 1;
}

struct str aside_queue_text(int64_t queue)
{
	return queues[row_of(queue)].text;
}

int64_t aside_queue_named(struct str text)
{
	for (int i = 0; i < QUEUES; i++)
		if (str_eq(queues[i].text, text))
			return queues[i].number;
	return 0;
}

bool aside_due_read(struct stmt *q, struct aside_due *out, struct fail *why)
{
	out->count = 0;
	if (q == NULL)
		return false;
	while (out->count < ASIDE_BITE_MAX && stmt_row(q, why))
		out->ids[out->count++] = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

/* ---- setting aside ---- */

/* A minute, and then ever later; the last is repeated. */
static int64_t next_ms(int64_t tries, int64_t now_ms)
{
	static const int64_t waits_s[] = { 60, 300, 1800, 7200, 21600, 86400 };
	enum { WAITS = sizeof(waits_s) / sizeof(waits_s[0]) };
	return now_ms + 1000 * waits_s[tries < WAITS ? tries : WAITS - 1];
}

struct named {
	char name[NAME_MAX_BYTES + 1];
	int64_t division;
};

static bool name_read(struct tx *tx, enum aside_queue queue, int64_t subject, struct named *out, struct fail *why)
{
	int row = row_of(queue);
	DROP(stmt) struct stmt *q = tx_query(tx, names[row], why);
	*out = (struct named){ .division = 0 };
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, subject);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	struct str is = stmt_blob(q, 0);
	struct id key;
	if (queues[row].prefix[0] == '\0') {
		snprintf(out->name, sizeof(out->name), "%.*s", STR_ARG(is));
	} else {
		assert(is.len == ID_BYTES);
		memcpy(key.bytes, is.at, ID_BYTES);
		id_text(key, queues[row].prefix, out->name);
	}
	out->division = stmt_int(q, 1);
	return true;
}

static bool tries_read(struct tx *tx, enum aside_queue queue, int64_t subject, int64_t *tries, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT tries FROM pay_aside WHERE queue = $1 AND subject = $2", why);
	*tries = 0;
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, queue);
	stmt_bind_int(q, 2, subject);
	if (stmt_row(q, why))
		*tries = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

static bool put(struct tx *tx, enum aside_queue queue, int64_t subject, const struct named *n, int64_t tries, struct str reason, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO pay_aside (queue, subject, name, division, reason, tries, next_ms, made_ms, changed_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)"
		" ON CONFLICT (queue, subject) DO UPDATE SET reason = excluded.reason, tries = excluded.tries, next_ms = excluded.next_ms, changed_ms = excluded.changed_ms", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, queue);
	stmt_bind_int(q, 2, subject);
	stmt_bind_text(q, 3, str_c(n->name));
	stmt_bind_int(q, 4, n->division);
	stmt_bind_text(q, 5, reason);
	stmt_bind_int(q, 6, tries + 1);
	stmt_bind_int(q, 7, next_ms(tries, now_ms));
	stmt_bind_int(q, 8, now_ms);
	return stmt_run(q, why);
}

static bool set_aside(struct tx *tx, enum aside_queue queue, int64_t subject, const struct fail *reason, int64_t now_ms, struct fail *why)
{
	struct named n;
	int64_t tries;
	struct str word = str_c(fail_row(reason->code)->slug);
	if (!name_read(tx, queue, subject, &n, why) || !tries_read(tx, queue, subject, &tries, why) || !put(tx, queue, subject, &n, tries, word, now_ms, why))
		return false;
	TX_SAY(tx, row_set_aside, L_STR(aside_queue_text(queue)), L_C(n.name), L_INT(tries + 1), L_C(reason->log));
	return true;
}

static bool done(struct tx *tx, enum aside_queue queue, int64_t subject, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "DELETE FROM pay_aside WHERE queue = $1 AND subject = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, queue);
	stmt_bind_int(q, 2, subject);
	return stmt_run(q, why);
}

/* ---- each by itself ---- */

struct part {
	aside_one one;
	int64_t id, now_ms;
};

static bool part_do(struct tx *tx, void *ctx, struct fail *why)
{
	const struct part *p = ctx;
	return p->one(tx, p->id, p->now_ms, why);
}

/* Memory is a row's: each has an arena of its own. */
static bool is_the_machines(const struct fail *reason)
{
	return fail_row(reason->code)->again && reason->code != FAIL_MEMORY;
}

static bool each(struct tx *tx, enum aside_queue queue, struct part *p, struct fail *why)
{
	struct fail reason;
	if (!tx_part(tx, part_do, p, &reason, why))
		return false;
	if (reason.code == FAIL_NONE)
		return done(tx, queue, p->id, why);
	if (!is_the_machines(&reason))
		return set_aside(tx, queue, p->id, &reason, p->now_ms, why);
	*why = reason;
	return false;
}

bool aside_each(struct tx *tx, enum aside_queue queue, const struct aside_due *due, aside_one one, int64_t now_ms, struct fail *why)
{
	for (int i = 0; i < due->count; i++) {
		struct part p = { one, due->ids[i], now_ms };
		if (!each(tx, queue, &p, why))
			return false;
	}
	return true;
}

/* ---- reading ---- */

bool aside_list(struct tx *tx, int64_t region, int64_t queue, int64_t subject, struct aside *out, int most, int *count, struct arena *a, struct fail *why)
{
	struct region_bounds b = region_bounds(region);
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT queue, subject, division, tries, next_ms, made_ms, name, reason FROM pay_aside WHERE (queue, subject) > ($1, $2)"
		" AND (division BETWEEN $3 AND $4 OR division BETWEEN $5 AND $6) ORDER BY queue, subject LIMIT $7", why);
	*count = 0;
	if (q == NULL)
		return false;
	const int64_t numbers[] = { queue, subject, b.six_first, b.six_last, b.nine_first, b.nine_last, most };
	for (int i = 0; i < 7; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	for (; *count < most && stmt_row(q, why); ++*count) {
		int64_t n[6];
		stmt_ints(q, 0, 6, n);
		out[*count] = (struct aside){ n[0], n[1], n[2], n[3], n[4], n[5], str_copy(a, stmt_text(q, 6)), str_copy(a, stmt_text(q, 7)) };
	}
	return why->code == FAIL_NONE && (!a->refused || FAILS(why, MEMORY, "rows that are set aside"));
}

/* ---- watching ---- */

void aside_watch_open(void)
{
	for (int i = 0; i < QUEUES; i++)
		metric_label(M_payments_aside, i, queues[i].text.at);
}

static bool forget(struct tx *tx, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "DELETE FROM pay_aside WHERE next_ms < $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms - FORGOTTEN_AFTER_MS);
	return stmt_run(q, why);
}

bool aside_watch(struct tx *tx, int64_t now_ms, struct fail *why)
{
	int64_t count[QUEUES] = { 0 };
	if (!forget(tx, now_ms, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT queue, COUNT(*) FROM pay_aside GROUP BY queue", why);
	if (q == NULL)
		return false;
	while (stmt_row(q, why))
		count[row_of(stmt_int(q, 0))] = stmt_int(q, 1);
	for (int i = 0; i < QUEUES && why->code == FAIL_NONE; i++)
		metric_set(M_payments_aside, i, count[i]);
	return why->code == FAIL_NONE;
}
