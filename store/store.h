/* store/store.h - the one face of SQL: a transaction, a statement, and nothing that shows which database it is.
 *
 * SQL texts are literals (their address is the statement cache's key), portable to SQLite 3.40 and PostgreSQL 15: $1, $2, … in
 * order of first appearance, integers for milliseconds and fen, no date functions. A test scans them all, and has both databases prepare them. What stands in a
 * comment that begins with "postgres:" is read by PostgreSQL alone, as FOR UPDATE SKIP LOCKED.
 *
 * Which of the two is meant says store.url (inside.h has the two bodies). On SQLite there is one writer, and a point read waits for nothing. On PostgreSQL
 * several write at once (tx_lock), ids have gaps, every statement is a round trip, and the first that fails ends its transaction: nothing can be
 * asked after it.
 *
 * Thread: a tx and its statements belong to the thread that holds the connection.
 * Owns:   a store owns its files; a tx belongs to whoever opened it; text and blobs read from a row are valid until the
 *         statement's next step or drop: copy what must last.
 * Errors: STORE run the request again; STORE_FULL; CONFLICT a constraint said no; MEMORY. */
#ifndef STORE_STORE_H
#define STORE_STORE_H
#include "base/config.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/str.h"

struct store;      /* an opened database: its path, its lock, its commit number */
struct connection; /* one database connection with its statement cache */
struct stmt;

struct news_list;

struct tx {
	struct connection *connection;
	bool writes;
	struct news_list *news;     /* of tx_tell and tx_say; NULL in a read */
	int64_t touched_count;      /* keys of tx_touch in this request */
	uint64_t touched[8];
};

/* -- statements (in every handler) */
struct stmt *tx_query(struct tx *tx, const char *sql_literal, struct fail *why); /* NULL: why is noted */
void stmt_drop(struct stmt *q); /* NULL is fine; resets it for its next use */
static inline void stmt_dropper(struct stmt **q) { stmt_drop(*q); }
void stmt_bind_int(struct stmt *q, int n, int64_t v);   /* n counts from 1, as in $1 */
void stmt_bind_text(struct stmt *q, int n, struct str s); /* at == NULL binds NULL; the bytes must live until the drop */
void stmt_bind_blob(struct stmt *q, int n, const void *at, size_t len);
void stmt_bind_null(struct stmt *q, int n);
bool stmt_row(struct stmt *q, struct fail *why);        /* true: a row. false: none left (why->code is FAIL_NONE) or failed */
MUST_USE bool stmt_run(struct stmt *q, struct fail *why); /* to the end; rows are passed over */
void stmt_ints(struct stmt *q, int first, int count, int64_t *to); /* columns side by side; 0 for NULL, as stmt_int */
int64_t stmt_int(struct stmt *q, int column);           /* columns count from 0 */
struct str stmt_text(struct stmt *q, int column);
struct str stmt_blob(struct stmt *q, int column);
bool stmt_is_null(struct stmt *q, int column);
int64_t tx_changes(struct tx *tx);                      /* rows changed by the last finished statement */
/* The id the next row of `table_literal` will have. Inside a write transaction only. */
MUST_USE bool tx_next_id(struct tx *tx, const char *table_literal, int64_t *id, struct fail *why);
/* From here to the transaction's end nobody else holds the same name: for what is read first and then written by what was read, where neither a constraint
 * nor an UPDATE of the thing's own row can hold it. Before what it protects is read. On SQLite there is one writer, and nobody waits. A collision
 * with a unique key needs no lock: the transaction is run once more, and finds what the other wrote. */
MUST_USE bool tx_lock(struct tx *tx, const char *kind_literal, struct str name, struct fail *why);
MUST_USE bool tx_lock_row(struct tx *tx, const char *kind_literal, int64_t id, struct fail *why);
/* From here to the transaction's end no statement waits longer than this for what another transaction holds: it fails then, as STORE. On SQLite nobody waits. */
MUST_USE bool tx_wait(struct tx *tx, int64_t most_ms, struct fail *why);
/* From here to its end no other write transaction runs, on any node: for what touches everything and comes seldom, such as imports and changes of keys. */
MUST_USE bool tx_alone(struct tx *tx, struct fail *why);

/* -- the row cache (embedded store): small rows by (kind, key), dropped when a committed write touched the key */
enum row_kind { ROW_TOKEN, ROW_SESSION, ROW_CASE, ROW_CASE_NAMES, ROW_KINDS };
enum { ROW_TOKEN_BYTES_MAX = 72, ROW_SESSION_BYTES_MAX = 104, ROW_CASE_BYTES_MAX = 768, ROW_CASE_NAMES_BYTES_MAX = 1024 }; /* what lies behind a kind */
const void *tx_cached(struct tx *tx, enum row_kind kind, uint64_t key);         /* valid until the next tx_cache of its kind. NULL: read it */
void *tx_cache(struct tx *tx, enum row_kind kind, uint64_t key, size_t bytes); /* after a look: room for the row, filled at once. NULL: not kept */
void tx_touch(struct tx *tx, enum row_kind kind, uint64_t key);                                    /* in apply, for every changed row of a cached kind */

/* -- news: what others of this process must look at, told after COMMIT and only then */
enum news_kind {
	NEWS_SESSION,        /* key: the session that was raised or ended: other nodes must look again */
	NEWS_PERSON,         /* key: the person whose stream has grown */
	NEWS_PERSON_ELSEWHERE, /* the same, heard from another node: it is not told on. 0: everybody's may have */
	NEWS_EFFECT_DUE,     /* key: the effect that was written or released */
	NEWS_EFFECT_ENDED,   /* key: the effect that is over */
	NEWS_KINDS
};
struct news {
	enum news_kind kind;
	int64_t key;
};
void tx_tell(struct tx *tx, enum news_kind kind, int64_t key); /* in apply; a transaction that rolls back tells nothing */
/* The same for the log: a line about this transaction's rows. apply may be run again, and what it did may be undone; what is written after COMMIT is true, and said once. Where no more fits it
 * is written at once. */
#define TX_SAY(tx, name, ...) \
	tx_say((tx), EV_##name, (struct log_value[]){ __VA_ARGS__ }, sizeof((struct log_value[]){ __VA_ARGS__ }) / sizeof(struct log_value))
void tx_say(struct tx *tx, enum event e, const struct log_value *values, size_t count);
/* Once, before writers start. Called on the committing thread, of which PostgreSQL has several, after COMMIT and before the jobs' done(): must only post letters. `all`: there was more
 * news than fits, so everybody must look. News is a hint about committed rows; after a restart there is none, and whoever listens reads the table. */
typedef void (*news_fn)(void *ctx, const struct news *news, size_t count, bool all);
void store_listen(struct store *s, news_fn listen, void *ctx);

/* -- opening (gateway/, tests/) */
enum store_mode { STORE_SERVE, STORE_MIGRATE, STORE_INSPECT };
/* Opens or makes <state_dir>/siban.db, or connects to store.url; takes the state folder's lock (siban.lock) except for INSPECT, checks schema and integrity marks.
 * SERVE needs the current schema; MIGRATE brings it up. Fails: SCHEMA newer, damaged or not migrated; STORE unreadable, read-only,
 * locked by another daemon; `why->log` says which file and what to do. */
struct store *store_open(const struct config *c, enum store_mode mode, struct fail *why);
void store_close(struct store *s);
bool store_is_locked(const struct config *c);   /* does a daemon hold the folder? */
/* Holds the folder without opening what is in it, for whoever exchanges that. Closing the descriptor lets go. -1: why is noted. */
int store_lock(const struct config *c, struct fail *why);
const char *store_place(const struct store *s); /* for people: its file, or its server and database without their secrets */
int store_schema_version(const struct store *s);
bool store_is_embedded(const struct store *s); /* in this process: point reads never wait, rows may be cached. false: a server's */
bool store_is_current(const struct store *s);   /* this program's schema: for INSPECT, which opens any */
MUST_USE bool store_healthy(struct store *s, struct fail *why); /* for /readyz: a read works and writes are not refused */

struct connection *store_reader(struct store *s, int row_cache_rows, struct fail *why); /* a read connection for one thread; rows cached of each kind */
void reader_cache(struct connection *c, enum row_kind kind, int rows); /* another size for one kind, before its first snapshot */
void connection_close(struct connection *c);
/* A read transaction on the newest commit: begins one if none is open, renews it if a commit was published since. */
MUST_USE bool reader_begin(struct connection *c, struct tx *tx, struct fail *why);
void reader_end(struct connection *c);          /* ends the snapshot; at the end of each loop turn or job */

/* One write transaction now, on the caller's thread, without a committer: for migrate, offline commands and unit tests. */
MUST_USE bool store_write(struct store *s, bool (*apply)(struct tx *tx, void *ctx, struct fail *why), void *ctx, struct fail *why);

/* Another node changed this row, and says so: caches here forget it, and the next reader takes a new snapshot. Any thread. */
void store_heard(struct store *s, enum row_kind kind, uint64_t key);
void store_heard_all(struct store *s); /* the same for every row: news was lost */

/* Where several nodes write one database: `match` takes up what another has changed in the rows of meta by which keys are chosen ("vault_keys", "index_slots"). It
 * is called in a write transaction, before anything else is done there, whenever they differ from what this connection saw last; so no row is written by
 * what is over. Who changes them does it alone (tx_alone). Several threads may be in it at once. Set it before there is a committer. */
typedef bool (*store_match_fn)(struct tx *tx, struct fail *why);
void store_follow(struct store *s, store_match_fn match);
bool tx_is_shared(const struct tx *tx); /* other nodes may write this database */

uint64_t store_commit_number(const struct store *s); /* published after COMMIT; acquire */
#endif
