/* store/sqlite.h - what the files of this room share about SQLite; nobody above includes it.
 *
 * Connections are opened NOMUTEX: each belongs to one thread at a time.
 * Codes:  an `int rc` is an extended SQLite result code; `struct fail` is made from it by sqlite_fails alone. */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H
#include "base/hash.h"
#include "store/store.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

enum { GENERATIONS = 65536, STMT_PARAMS_MAX = 64, APPLICATION_ID = 0x5349424e /* "SIBN" */ };

enum control { CONTROL_BEGIN, CONTROL_BEGIN_WRITE, CONTROL_COMMIT, CONTROL_ROLLBACK, CONTROL_SAVEPOINT, CONTROL_RELEASE, CONTROL_ROLLBACK_TO, CONTROL_COUNT };

struct store {
	char folder[1025], path[1040], lock_path[1040];
	int lock_fd;                       /* -1: not held */
	enum store_mode mode;
	int schema;
	int64_t cache_kib, busy_ms, wal_pages;
	enum hash_kind seal_hash;          /* of facts and seals; meta "seal.hash" says the same */
	_Atomic int64_t outcome_hours;     /* how far back outcome_find looks */

	/* The order in which a commit shows: the database, then commit_number, then generations, then done(). See rowcache.c. */
	_Alignas(64) _Atomic uint64_t commit_number;
	_Atomic uint32_t epoch;            /* stands for all generations at once */
	_Atomic uint32_t *generations;     /* by the low bits of a row's mark */

	news_fn listen;                    /* NULL: nobody */
	void *listen_ctx;

	_Atomic int refused;               /* enum fail_code of the last write transaction, FAIL_NONE after a success */
	_Atomic int64_t refused_ns;

	pthread_mutex_t readers_lock;
	struct connection *readers;        /* those that may hold a snapshot */

	pthread_mutex_t write_lock;        /* for store_write */
	struct connection *writer;
	pthread_mutex_t health_lock;
	struct connection *health;

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
	sqlite3_stmt *q;
	struct connection *connection;
	const char *key;                   /* the literal's address */
	struct stmt *twin;                 /* a second copy, for when this one is in use and asked again */
	uint64_t params, bound;            /* bit n-1 for $n */
	bool in_use, stepped, done;
};

struct connection {
	struct store *store;
	sqlite3 *db;
	sqlite3_stmt *control[CONTROL_COUNT];
	struct stmt **statements;          /* open addressing, by literal address; a power of two */
	size_t statement_slots, statement_count;
	int open;                          /* statements not dropped yet */
	bool writes;

	/* readers */
	bool in_snapshot;
	uint64_t snapshot_number;          /* commit number loaded before the snapshot was taken: the snapshot holds at least that */
	_Atomic int64_t snapshot_ns;       /* when it began; 0: none */
	struct rowcache *rows[ROW_KINDS];  /* NULL: off */
	struct connection *next, **back;   /* in store->readers */
};

/* -- connections (sqlite.c) */
/* SQLite, set up for this process. The store sees to it; a test that brings a file system of its own says so first, and registers it after. */
void sqlite_ready(void);
enum connection_kind { CONNECTION_READ, CONNECTION_WRITE, CONNECTION_CHECKPOINT };
struct connection *connection_open(struct store *s, enum connection_kind kind, int *rc, struct fail *why);
MUST_USE bool connection_wal(struct connection *c, struct fail *why); /* the file remembers it */
int connection_control(struct connection *c, enum control which); /* SQLITE_OK or what went wrong */
MUST_USE bool connection_exec(struct connection *c, const char *sql, struct fail *why);
int64_t connection_pragma(struct connection *c, const char *sql, int *rc); /* the first column of the first row */
/* Notes what `rc` means to a request. `doing` is for the log. Always false. */
bool sqlite_fails(struct connection *c, int rc, const char *doing, struct fail *why);
enum fail_code sqlite_meaning(int rc);

/* -- statements (statement.c) */
void connection_finalize(struct connection *c);

/* -- one write transaction (commit.c) */
enum commit_end { COMMIT_DONE, COMMIT_REFUSED /* rolled back, why noted */, COMMIT_STOPPED /* store_stop_hook was called and came back */ };
MUST_USE bool write_begin(struct connection *c, struct fail *why);
/* What a transaction says to the rest of the process when it is committed. */
struct news_list {
	struct news *at;
	size_t count, max;
	bool all;
};
struct commit_notes {
	const uint64_t *touched;
	size_t touched_count;
	bool touched_all;
	const struct news_list *news;
};
enum commit_end write_commit(struct connection *c, const struct commit_notes *notes, struct fail *why);
void write_rollback(struct connection *c);
void store_stop(const char *doing, int rc); /* says so, and ends the process through store_stop_hook */

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
#endif
