/* store/part.c - why this exists: on PostgreSQL the first statement that fails ends its transaction, and on SQLite what was half written stays; a savepoint is the way back on both. */
#include "store/part.h"

#include "store/pg_session.h"
#include "store/sqlite.h"

#include <assert.h>

enum step { STEP_BEGIN, STEP_KEEP, STEP_UNDO };

static bool sqlite_step(struct connection *c, enum step step, struct fail *why)
{
	static const enum control controls[] = { [STEP_BEGIN] = CONTROL_PART, [STEP_KEEP] = CONTROL_PART_KEEP, [STEP_UNDO] = CONTROL_PART_UNDO };
	if (step != STEP_BEGIN && sqlite3_get_autocommit(c->db))
		return FAILS(why, STORE, "the transaction was rolled back under one of its parts");
	int rc = connection_control(c, controls[step]);
	if (rc == SQLITE_OK && step == STEP_UNDO)
		rc = connection_control(c, CONTROL_PART_KEEP);
	return rc == SQLITE_OK || sqlite_fails(c, rc, "a part of a transaction", why);
}

static bool pg_step(struct connection *c, enum step step, struct fail *why)
{
	static const char *const texts[] = { [STEP_BEGIN] = "SAVEPOINT part", [STEP_KEEP] = "RELEASE SAVEPOINT part", [STEP_UNDO] = "ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part" };
	return pg_session_run(c, texts[step], why);
}

static bool step(struct connection *c, enum step step, struct fail *why)
{
	return c->pg != NULL ? pg_step(c, step, why) : sqlite_step(c, step, why);
}

/* Whoever met another is run again as a whole, from the beginning. */
static bool is_over(const struct connection *c)
{
	return c->pg != NULL && c->pg->again;
}

bool tx_part(struct tx *tx, tx_part_fn part, void *ctx, struct fail *reason, struct fail *why)
{
	struct connection *c = tx->connection;
	struct news_list told = *tx->news;
	int64_t touched = tx->touched_count;
	assert(tx->writes && c->open == 0);
	fail_clear(reason);
	if (!step(c, STEP_BEGIN, why))
		return false;
	bool ok = part(tx, ctx, reason);
	assert(c->open == 0 && "a part left a statement open");
	assert((ok || reason->code != FAIL_NONE) && "a part says no without a reason");
	if (ok)
		return step(c, STEP_KEEP, why);
	if (is_over(c)) {
		*why = *reason;
		return false;
	}
	*tx->news = told;
	tx->touched_count = touched;
	return step(c, STEP_UNDO, why);
}
