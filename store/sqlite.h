/* store/sqlite.h - what the files of the SQLite body share; nobody above includes it.
 *
 * Connections are opened NOMUTEX: each belongs to one thread at a time.
 * Codes:  an `int rc` is an extended SQLite result code; `struct fail` is made from it by sqlite_fails alone. */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H
#include "store/inside.h"

#include <sqlite3.h>

enum { APPLICATION_ID = 0x5349424e /* "SIBN" */ };

enum control { CONTROL_BEGIN, CONTROL_BEGIN_WRITE, CONTROL_COMMIT, CONTROL_ROLLBACK, CONTROL_SAVEPOINT, CONTROL_RELEASE, CONTROL_ROLLBACK_TO, CONTROL_PART, CONTROL_PART_KEEP,
	       CONTROL_PART_UNDO, CONTROL_COUNT };
_Static_assert((int)CONTROL_COUNT <= (int)CONTROLS_MAX, "a connection has room for its controls");

/* -- connections (sqlite.c) */
/* SQLite, set up for this process. The store sees to it; a test that brings a file system of its own says so first, and registers it after. */
void sqlite_ready(void);
struct connection *connection_open(struct store *s, enum connection_kind kind, int *rc, struct fail *why);
MUST_USE bool connection_wal(struct connection *c, struct fail *why); /* the file remembers it */
int connection_control(struct connection *c, enum control which); /* SQLITE_OK or what went wrong */
int64_t connection_pragma(struct connection *c, const char *sql, int *rc); /* the first column of the first row */
void sqlite_close(struct connection *c); /* its database; the rest is open.c's */
/* Notes what `rc` means to a request. `doing` is for the log. Always false. */
bool sqlite_fails(struct connection *c, int rc, const char *doing, struct fail *why);
enum fail_code sqlite_meaning(int rc);

/* -- statements (sqlite_statement.c): the faces of statement.c under their names */
MUST_USE bool sqlite_prepare(struct stmt *s, const char *sql, struct fail *why);
void sqlite_reset(struct stmt *s);
void sqlite_finish(struct stmt *s);
void sqlite_bind_int(struct stmt *s, int n, int64_t v);
void sqlite_bind_text(struct stmt *s, int n, struct str text);
void sqlite_bind_bytes(struct stmt *s, int n, const void *at, size_t len);
bool sqlite_row(struct stmt *s, struct fail *why);
int64_t sqlite_int(struct stmt *s, int column);
struct str sqlite_bytes(struct stmt *s, int column);
bool sqlite_is_null(struct stmt *s, int column);
const char *sqlite_text_of(struct stmt *s);

/* -- snapshots (sqlite_reader.c) */
void sqlite_reader_enter(struct connection *c); /* into store->readers */
void sqlite_reader_leave(struct connection *c);
MUST_USE bool sqlite_snapshot(struct connection *c, struct fail *why);
void sqlite_snapshot_end(struct connection *c);

/* -- one write transaction (sqlite_commit.c) */
MUST_USE bool sqlite_write_begin(struct connection *c, struct fail *why);
enum commit_end sqlite_write_commit(struct connection *c, const struct commit_notes *notes, struct fail *why);
void sqlite_write_rollback(struct connection *c);
void store_stop(const char *doing, int rc); /* says so, and ends the process through store_stop_hook */

/* -- schema (sqlite_migrate.c) */
MUST_USE bool sqlite_schema_made(struct connection *c, bool *made, struct fail *why);
MUST_USE bool sqlite_mark(struct connection *c, struct fail *why); /* the file as siban's */
MUST_USE bool sqlite_none_deferred(struct connection *c, struct fail *why);

/* -- opening (sqlite_open.c) */
MUST_USE bool sqlite_open(struct store *s, struct fail *why); /* the writer's connection, and a schema that fits */
#endif
