/* store/pg_session.h - what the files of the PostgreSQL body share; nobody above includes it.
 *
 * A session is what a `struct connection` has behind it: a wire to the server (pg.h) that may break and be replaced, and what was prepared on it. It
 * connects when it is first needed. A server that is away is asked by one thread only, the watch (pg_watch.c): who needs it waits a moment, since most
 * absences are restarts, and is then told at once. So a dead database costs a request no more than that moment, and is back in use within a second of its
 * return.
 *
 * Every statement's values and rows travel in binary: numbers as eight bytes, texts and bytes as they are. Our tables know BIGINT, VARCHAR and BYTEA alone,
 * most of what we read is sealed bytes, and those would come twice as long as text, to be copied once more.
 *
 * Isolation: a write transaction is READ COMMITTED unless its job says otherwise (committer.h). What must not be broken is held by a constraint or by the row of the thing itself (UPDATE first, or
 * tx_lock), never by the level: SERIALIZABLE made one in eight fail after twenty tries where two strangers met on a row (measured). A read is REPEATABLE READ,
 * READ ONLY: one moment for all its statements.
 *
 * `store.prepared = off` is for PgBouncer in transaction mode, where a session's settings and prepared statements are another client's at the next
 * transaction: then nothing is prepared, and the time limits are said anew in each.
 *
 * A COMMIT whose answer was lost: the transaction's number, known since its beginning, is asked for on another wire (pg_xact_status). After a crash the
 * server may give a number that it had not yet written down to somebody else, whose fate would be told as ours; its statistics begin anew then, so their age
 * says whether its word counts. If it does not, nobody knows, and the request fails as STORE: its Idempotency-Key finds out at the repeat. */
#ifndef STORE_PG_SESSION_H
#define STORE_PG_SESSION_H
#include "base/config.h"
#include "store/committer.h"
#include "store/inside.h"
#include "store/pg.h"

#define PG_ALONE "6001400826668469829" /* "SIBALONE"; shared by every write transaction, held by tx_alone */

struct pg_watch;

struct pg_store {
	char url[1025], name[160];         /* name: without its secrets, for the log */
	char *password;                    /* NULL: none of ours */
	bool prepared;
	int64_t statement_ms, lock_ms;
	bool waits_long;                   /* for migrate: no statement of its own is too long */
	_Atomic int64_t away_ms;           /* monotonic: since when the server is known not to answer; 0: it does */
	_Atomic bool schema_gone;          /* the watch's word */
	struct pg_watch *watch;            /* NULL: each session looks for itself */
};

struct pg_session {
	struct pg wire;
	enum isolation isolation;          /* of the next write transaction */
	unsigned wires;                    /* how many there were: what was prepared on an older one is gone */
	unsigned names;                    /* of prepared statements */
	int64_t changes;
	bool is_watch;                     /* asks a server that is away, for all others */
	bool again;                        /* the transaction that failed did nothing, and may do so at once */
	int tries;
	bool collided;                     /* with a unique key, once */
	char xid[24];                      /* of the open write transaction */
	char life[40];                     /* of the server, when it began */
	char keys[72], keys_seen[72];      /* a digest of the rows that store_follow is about: in this transaction, and when they were last taken up */
	unsigned dice;                     /* for jitter */
};

/* -- the server (pg_open.c) */
MUST_USE bool pg_store_open(struct store *s, const struct config *c, struct fail *why);
void pg_store_close(struct store *s);
const char *pg_store_name(const struct store *s);

/* -- sessions (pg_session.c) */
struct connection *pg_connection(struct store *s, enum connection_kind kind, struct fail *why); /* does not connect yet */
void pg_session_close(struct connection *c);
MUST_USE bool pg_session_ready(struct connection *c, struct fail *why); /* connected, or STORE */
MUST_USE bool pg_session_run(struct connection *c, const char *text, struct fail *why);
MUST_USE bool pg_session_number(struct connection *c, const char *text, int64_t *out, bool *found, struct fail *why);
void pg_is_back(struct pg_store *s);          /* it answers */
void pg_session_failed(struct connection *c); /* a statement did: may the transaction be run again? */
void pg_settled(struct connection *c);        /* the request is over, whatever came of it: the next one has its tries */
void pg_pause(struct connection *c, int ms);  /* about so long: those who met do not meet again */

/* -- transactions (pg_transaction.c) */
MUST_USE bool pg_snapshot(struct connection *c, struct fail *why);
void pg_snapshot_end(struct connection *c);
MUST_USE bool pg_write_begin(struct connection *c, struct fail *why);
enum commit_end pg_write_commit(struct connection *c, const struct commit_notes *notes, struct fail *why);
void pg_write_rollback(struct connection *c);
/* At the beginning of a write transaction, before anything else. */
MUST_USE bool pg_match(struct tx *tx, struct fail *why);
/* After a refusal: the same may be tried again, now; it has waited a moment. false: no, or too often. */
bool pg_again(struct connection *c);

/* -- schema (pg_migrate.c) */
MUST_USE bool pg_schema_made(struct connection *c, bool *made, struct fail *why); /* SCHEMA: the database is another program's */
MUST_USE bool pg_migration_lock(struct connection *c, struct fail *why);          /* until the open transaction ends */
MUST_USE bool pg_none_deferred(struct connection *c, struct fail *why);
MUST_USE bool pg_rights_suffice(struct connection *c, struct fail *why);          /* to serve: SCHEMA, with what to GRANT */

/* -- the watch (pg_watch.c) */
struct pg_watch *pg_watch_start(struct store *s, struct fail *why);
void pg_watch_stop(struct pg_watch *w);
void pg_watch_says(struct store *s, struct fail *why); /* notes what is wrong with the server, as it was a moment ago */

/* -- statements (pg_statement.c): the faces of statement.c under their names */
MUST_USE bool pg_prepare(struct stmt *s, const char *sql, struct fail *why);
void pg_reset(struct stmt *s);
void pg_finish(struct stmt *s);
void pg_bind_int(struct stmt *s, int n, int64_t v);
void pg_bind_text(struct stmt *s, int n, struct str text);
void pg_bind_bytes(struct stmt *s, int n, const void *at, size_t len);
bool pg_row(struct stmt *s, struct fail *why);
int64_t pg_int(struct stmt *s, int column);
struct str pg_bytes(struct stmt *s, int column);
bool pg_is_null(struct stmt *s, int column);
const char *pg_text_of(struct stmt *s);
int64_t pg_changes(const struct connection *c);
#endif
