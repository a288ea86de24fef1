/* store/pg_transaction.c - why this exists: a transaction on a server may end without our hearing how, and that must be found out rather than guessed. */
#include "store/pg_session.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/metrics.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { FATE_WAIT_MS = 5000, FATE_PAUSE_MS = 50, BEGIN_TRIES = 2 };

/* -- beginning */

static const char begin_read[] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
static const char *const begin_write[ISOLATIONS] = {
	[ISOLATION_READ_COMMITTED] = "BEGIN ISOLATION LEVEL READ COMMITTED",
	[ISOLATION_REPEATABLE_READ] = "BEGIN ISOLATION LEVEL REPEATABLE READ",
	[ISOLATION_SERIALIZABLE] = "BEGIN ISOLATION LEVEL SERIALIZABLE",
};
/* The lock is a statement of its own: what the next one sees was committed before the lock was given. */
static const char whose[] = "SELECT pg_advisory_xact_lock_shared(" PG_ALONE "); SELECT pg_current_xact_id(), (SELECT stats_reset FROM pg_stat_wal)";
static const char keys[] = ", (SELECT encode(sha256(string_agg(value, '\\x0a' ORDER BY name)), 'hex') FROM meta WHERE name IN ('index_slots', 'vault_keys'))";

/* The limits are the session's, or, where sessions are shared, this transaction's. */
static void begin_text(const struct connection *c, char *text, size_t size)
{
	const struct pg_store *s = c->store->pg;
	int n = snprintf(text, size, "%s", c->writes ? begin_write[c->pg->isolation] : begin_read);
	if (!s->prepared)
		n += snprintf(text + n, size - (size_t)n, "; SET LOCAL statement_timeout = %lld; SET LOCAL lock_timeout = %lld; SET LOCAL idle_in_transaction_session_timeout = %lld",
			(long long)s->statement_ms, (long long)s->lock_ms, (long long)s->statement_ms);
	if (c->writes)
		snprintf(text + n, size - (size_t)n, "; %s%s", whose, c->store->match != NULL ? keys : "");
}

static void note_whose(struct pg_session *p, const PGresult *r)
{
	p->xid[0] = p->life[0] = p->keys[0] = '\0';
	if (PQntuples(r) != 1 || PQnfields(r) < 2)
		return;
	snprintf(p->xid, sizeof p->xid, "%s", PQgetvalue(r, 0, 0));
	snprintf(p->life, sizeof p->life, "%s", PQgetvalue(r, 0, 1));
	if (PQnfields(r) > 2)
		snprintf(p->keys, sizeof p->keys, "%s", PQgetvalue(r, 0, 2));
}

/* Leaves the wire without a transaction, or closes it. */
static void end(struct connection *c, const char *text)
{
	struct fail why;
	fail_clear(&why);
	struct pg *wire = &c->pg->wire;
	if (wire->conn != NULL && PQtransactionStatus(wire->conn) != PQTRANS_IDLE && !pg_run(wire, text, &why))
		pg_close(wire);
}

static bool sent_begin(struct connection *c, struct fail *why)
{
	char text[768];
	struct pg_session *p = c->pg;
	begin_text(c, text, sizeof text);
	if (PQsendQuery(p->wire.conn, text) == 0) {
		pg_fails(&p->wire, NULL, "beginning a transaction", why);
		pg_close(&p->wire);
		return false;
	}
	PGresult *r = pg_answer(&p->wire, "beginning a transaction", why);
	if (r == NULL)
		return false;
	bool ok = PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_TUPLES_OK;
	if (ok)
		note_whose(p, r);
	else
		pg_fails(&p->wire, r, "beginning a transaction", why);
	PQclear(r);
	if (!ok)
		end(c, "ROLLBACK");
	return ok;
}

/* A wire that broke while nobody used it shows here: another one, then, before anybody is told. */
static bool begin(struct connection *c, struct fail *why)
{
	for (int i = 0; i < BEGIN_TRIES; i++) {
		struct fail reason;
		fail_clear(&reason);
		if (!pg_session_ready(c, why))
			return false;
		if (sent_begin(c, &reason))
			return true;
		if (pg_is_alive(&c->pg->wire) || i + 1 == BEGIN_TRIES) {
			if (why->code == FAIL_NONE)
				*why = reason;
			return false;
		}
	}
	return false;
}

/* -- a read */

bool pg_snapshot(struct connection *c, struct fail *why)
{
	return begin(c, why);
}

void pg_snapshot_end(struct connection *c)
{
	end(c, "COMMIT");
}

/* -- a write */

bool pg_write_begin(struct connection *c, struct fail *why)
{
	c->pg->again = false;
	if (fault_hit(FAULT_store_begin)) {
		FAILS(why, STORE, "a transaction cannot begin (fault switch)");
	} else if (begin(c, why)) {
		return true;
	}
	store_refused(c->store, c->pg->wire.state, why);
	return false;
}

bool pg_match(struct tx *tx, struct fail *why)
{
	struct pg_session *p = tx->connection->pg;
	store_match_fn match = tx->connection->store->match;
	if (match == NULL || strcmp(p->keys, p->keys_seen) == 0)
		return true;
	if (!match(tx, why))
		return false;
	memcpy(p->keys_seen, p->keys, sizeof p->keys_seen);
	return true;
}

void pg_write_rollback(struct connection *c)
{
	end(c, "ROLLBACK");
}

enum fate { FATE_COMMITTED, FATE_ROLLED_BACK, FATE_OPEN, FATE_UNKNOWN };

static enum fate fate_of(const PGresult *r, const char *life)
{
	if (PQresultStatus(r) != PGRES_TUPLES_OK || PQntuples(r) != 1 || PQgetisnull(r, 0, 0) || strcmp(PQgetvalue(r, 0, 1), life) != 0)
		return FATE_UNKNOWN; /* too long ago, or the server has crashed since and may have given that number to another */
	const char *said = PQgetvalue(r, 0, 0);
	return strcmp(said, "committed") == 0 ? FATE_COMMITTED : strcmp(said, "aborted") == 0 ? FATE_ROLLED_BACK : FATE_OPEN;
}

static enum fate ask_fate(struct connection *c, const char *xid, const char *life, struct fail *why)
{
	char text[128];
	struct pg *wire = &c->pg->wire;
	if (!pg_session_ready(c, why))
		return FATE_UNKNOWN;
	snprintf(text, sizeof text, "SELECT pg_xact_status('%s'::xid8), (SELECT stats_reset FROM pg_stat_wal)", xid);
	PGresult *r = PQsendQuery(wire->conn, text) != 0 ? pg_answer(wire, "asking what became of a transaction", why) : NULL;
	enum fate fate = r != NULL ? fate_of(r, life) : FATE_OPEN;
	PQclear(r);
	return fate;
}

/* The server may still be at it: a broken wire does not stop a COMMIT. */
static enum fate find_fate(struct connection *c)
{
	char xid[sizeof c->pg->xid], life[sizeof c->pg->life];
	struct fail why;
	fail_clear(&why);
	memcpy(xid, c->pg->xid, sizeof xid);
	memcpy(life, c->pg->life, sizeof life);
	enum fate fate = FATE_UNKNOWN;
	for (int64_t until = clock_mono_ms() + FATE_WAIT_MS; xid[0] != '\0';) {
		fate = ask_fate(c, xid, life, &why);
		if (fate != FATE_OPEN || clock_mono_ms() >= until)
			break;
		pg_pause(c, FATE_PAUSE_MS);
	}
	static const char *const words[] = { "committed", "rolled back", "still open", "unknown" };
	LOG_EVENT(commit_lost, STR_NONE, L_C(xid), L_C(words[fate]));
	return fate;
}

/* COMMIT of a transaction that failed before says ROLLBACK. */
static enum fate fate_by_answer(struct connection *c, PGresult *r, struct fail *why)
{
	if (PQresultStatus(r) != PGRES_COMMAND_OK) {
		pg_fails(&c->pg->wire, r, "committing", why);
		pg_session_failed(c);
		return FATE_ROLLED_BACK;
	}
	if (strcmp(PQcmdStatus(r), "COMMIT") == 0)
		return FATE_COMMITTED;
	FAILS(why, STORE, "the transaction was rolled back under the request");
	return FATE_ROLLED_BACK;
}

static enum fate commit(struct connection *c, struct fail *why)
{
	struct pg *wire = &c->pg->wire;
	if (!pg_is_alive(wire)) {
		pg_session_failed(c);
		FAILS(why, STORE, "the connection broke before the commit");
		return FATE_ROLLED_BACK;
	}
	if (fault_hit(FAULT_store_full)) {
		FAILS(why, STORE_FULL, "the server's disk is full (fault switch)");
		pg_write_rollback(c);
		return FATE_ROLLED_BACK;
	}
	bool lost = fault_hit(FAULT_store_commit);
	struct fail reason;
	fail_clear(&reason);
	PGresult *r = PQsendQuery(wire->conn, "COMMIT") != 0 ? pg_answer(wire, "committing", &reason) : NULL;
	if (r != NULL && !lost) {
		enum fate fate = fate_by_answer(c, r, why);
		PQclear(r);
		return fate;
	}
	PQclear(r);
	pg_close(wire);
	enum fate fate = find_fate(c);
	if (fate == FATE_ROLLED_BACK) {
		c->pg->again = true;
		FAILS(why, STORE, "the connection broke in the commit, which was not done");
	} else if (fate != FATE_COMMITTED) {
		FAILS(why, STORE, "nobody knows whether transaction %s was committed", c->pg->xid);
	}
	return fate;
}

enum commit_end pg_write_commit(struct connection *c, const struct commit_notes *notes, struct fail *why)
{
	struct store *s = c->store;
	int64_t began = clock_mono_ns();
	enum fate fate = commit(c, why);
	if (fate == FATE_ROLLED_BACK) {
		if (!c->pg->again)
			store_refused(s, c->pg->wire.state, why);
		pg_write_rollback(c);
		return COMMIT_REFUSED;
	}
	metric_observe(M_commit_seconds, 0, clock_mono_ns() - began);
	metric_add(M_commits, 0, fate == FATE_COMMITTED);
	pg_settled(c);
	store_publish(s, notes); /* where nobody knows, too: who looks again for nothing has lost nothing */
	store_tell(s, notes->news);
	return fate == FATE_COMMITTED ? COMMIT_DONE : COMMIT_REFUSED;
}
