/* store/inside.h - what stands behind store.h, whichever database it is; nobody above this room includes it.
 *
 * There are two bodies: SQLite (sqlite*.c, sqlite.h: the database is a file of ours) and PostgreSQL (pg*.c, pg.h, pg_session.h: it is a server). A store, a
 * connection and a statement say whose they are by `pg`: NULL is SQLite. The faces (open.c, statement.c, reader.c, write.c, committer.c) ask that once
 * per call and call on. There is no table of functions: a release build sees through the question to SQLite, where a read's instructions are counted,
 * and a call to PostgreSQL costs a thousand times more than the question. */
#ifndef STORE_INSIDE_H
#define STORE_INSIDE_H
#include "base/hash.h"
#include "store/store.h"

#include <pthread.h>
#include <stdatomic.h>

struct sqlite3;
struct sqlite3_stmt;
struct pg_store;   /* pg_session.h */
struct pg_session;
struct pg_stmt;    /* pg_statement.c */

enum { GENERATIONS = 65536, STMT_PARAMS_MAX = 64, CONTROLS_MAX = 10 };

struct store {
	struct pg_store *pg;               /* NULL: SQLite */
	char folder[1025], lock_path[1040];
	int lock_fd;                       /* -1: not held */
	enum store_mode mode;
	int schema;
	enum hash_kind seal_hash;          /* of facts and seals; meta "seal.hash" says the same */
	_Atomic int64_t outcome_hours;     /* how far back outcome_find looks */

	/* The order in which a commit shows: the database, then commit_number, then generations, then done(). See rowcache.c. */
	_Alignas(64) _Atomic uint64_t commit_number;
	_Atomic uint32_t epoch;            /* stands for all generations at once */
	_Atomic uint32_t *generations;     /* by the low bits of a row's mark */

	news_fn listen;                    /* NULL: nobody */
	void *listen_ctx;

	store_match_fn match;              /* NULL: nobody follows */
	_Atomic int refused;               /* enum fail_code of the last write transaction, FAIL_NONE after a success */
	_Atomic int64_t refused_ns;

	pthread_mutex_t write_lock;        /* for store_write */
	struct connection *writer;
	pthread_mutex_t health_lock;
	struct connection *health;

	/* -- SQLite's alone from here on */
	char path[1040];
	int64_t cache_kib, busy_ms, wal_pages;

	pthread_mutex_t readers_lock;
	struct connection *readers;        /* those that may hold a snapshot */

	/* The gate between write transactions and the restart of the log: the checkpointer asks, writers let it through. */
	pthread_mutex_t gate_lock;
	pthread_cond_t gate_moved;
	int writing;
	bool moving;

	_Atomic int64_t wal_frames;        /* after the last commit */
	_Atomic int64_t checkpoint_at;     /* frames at which the checkpointer is woken */
	pthread_mutex_t wal_lock;
	pthread_cond_t wal_changed;
	bool wal_grown;
};

struct stmt {
	struct sqlite3_stmt *q;            /* SQLite's */
	struct pg_stmt *pg;                /* or PostgreSQL's; the other is NULL */
	struct connection *connection;
	const char *key;                   /* the literal's address */
	struct stmt *twin;                 /* a second copy, for when this one is in use and asked again */
	uint64_t params, bound;            /* bit n-1 for $n */
	bool in_use, stepped, done;
};

struct connection {
	struct store *store;
	struct sqlite3 *db;                /* SQLite's */
	struct pg_session *pg;             /* or PostgreSQL's */
	struct stmt **statements;          /* open addressing, by literal address; a power of two */
	size_t statement_slots, statement_count;
	int open;                          /* statements not dropped yet */
	bool writes;

	/* readers */
	bool in_snapshot;
	uint64_t snapshot_number;          /* commit number loaded before the snapshot was taken: the snapshot holds at least that */
	struct rowcache *rows[ROW_KINDS];  /* NULL: off */

	/* -- SQLite's alone from here on */
	struct sqlite3_stmt *control[CONTROLS_MAX];
	_Atomic int64_t snapshot_ns;       /* when it began; 0: none */
	struct connection *next, **back;   /* in store->readers */
};

/* -- connections (open.c) */
enum connection_kind { CONNECTION_READ, CONNECTION_WRITE, CONNECTION_CHECKPOINT };
MUST_USE bool connection_exec(struct connection *c, const char *sql, struct fail *why);

/* -- statements (statement.c) */
void connection_finalize(struct connection *c);

/* -- one write transaction (write.c) */
enum commit_end { COMMIT_DONE, COMMIT_REFUSED /* rolled back, why noted */, COMMIT_STOPPED /* store_stop_hook was called and came back */ };
/* What a transaction says to the rest of the process when it is committed. */
struct news_list {
	struct news *at;
	size_t count, max;
	bool all;
	char *lines;      /* of tx_say */
	size_t lines_len, lines_max;
};
enum { LINES_ALONE_MAX = 8 * LOG_KEPT_MAX }; /* of one transaction */
struct commit_notes {
	const uint64_t *touched;
	size_t touched_count;
	bool touched_all;
	const struct news_list *news;
};
MUST_USE bool write_begin(struct connection *c, struct fail *why);
enum commit_end write_commit(struct connection *c, const struct commit_notes *notes, struct fail *why);
void write_rollback(struct connection *c);
/* After COMMIT, in this order: readers learn that there is something new, and caches what; the news is told by store_tell, when nothing is held any more. */
void store_publish(struct store *s, const struct commit_notes *notes);
void store_tell(struct store *s, const struct news_list *l);
void store_refused(struct store *s, const char *code, const struct fail *why); /* a write was: /readyz says so for a while */

/* -- folder, lock, schema (open.c, migrate.c) */
struct migration {
	int number;
	const char *name, *text;
};
enum schema_found { SCHEMA_CURRENT, SCHEMA_BEHIND, SCHEMA_BAD /* why is noted */ };
size_t migrations_built_in(const struct migration **list);
/* Compares what was applied with `list`; *version is the last number applied, 0 for an empty database. */
enum schema_found schema_check(struct connection *c, const struct migration *list, size_t count, int *version, struct fail *why);
/* Applies what is missing, each file in a transaction of its own. */
MUST_USE bool schema_migrate(struct connection *c, const struct migration *list, size_t count, int *version, struct fail *why);
/* Runs portable DDL in the open transaction. */
MUST_USE bool schema_script(struct connection *c, const char *text, struct fail *why);
/* What every body does with its schema when it opens, once it is sure that the database is siban's. */
MUST_USE bool schema_ready(struct store *s, struct connection *c, struct fail *why);
#endif
