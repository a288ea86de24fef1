/* store/backup.c - why this exists: SQLite's online copy begins again whenever somebody else commits, unless its source holds a snapshot; and the file
 * that it writes must be on the disk before anyone calls it a backup. */
#include "store/backup.h"

#include "base/fault.h"
#include "store/sqlite.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { STEP_PAGES = 64 /* 256 KiB */ };

static bool refused(struct fail *why, const char *path, int rc)
{
	return fail_note(why, sqlite_meaning(rc), __FILE__, __LINE__, "%s: %s", path, sqlite3_errstr(rc));
}

static bool make_file(const char *path, struct fail *why)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return FAILS(why, SYSTEM, "%s: %s", path, strerror(errno));
	close(fd);
	return true;
}

static bool sync_file(const char *path, struct fail *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool ok = fd >= 0 && fsync(fd) == 0;
	int error = errno;
	if (fd >= 0)
		close(fd);
	return ok || FAILS(why, SYSTEM, "fsync %s: %s", path, strerror(error));
}

static bool steps(sqlite3_backup *b, const char *path, struct backup_progress *p, struct fail *why)
{
	for (int rc = SQLITE_OK; rc != SQLITE_DONE;) {
		if (atomic_load(&p->stop))
			return FAILS(why, STOPPING, "%s is given up", path);
		rc = fault_hit(FAULT_backup) ? SQLITE_FULL : sqlite3_backup_step(b, STEP_PAGES);
		if (rc != SQLITE_OK && rc != SQLITE_DONE)
			return refused(why, path, rc);
		atomic_store(&p->total_pages, sqlite3_backup_pagecount(b));
		atomic_store(&p->done_pages, sqlite3_backup_pagecount(b) - sqlite3_backup_remaining(b));
	}
	return true;
}

/* The copy is no database in use: it needs no journal, and is synced once at its end. */
static bool copy(sqlite3 *from, sqlite3 *to, const char *path, struct backup_progress *p, struct fail *why)
{
	int rc = sqlite3_exec(to, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", NULL, NULL, NULL);
	sqlite3_backup *b = rc == SQLITE_OK ? sqlite3_backup_init(to, "main", from, "main") : NULL;
	if (b == NULL)
		return refused(why, path, rc != SQLITE_OK ? rc : sqlite3_extended_errcode(to));
	bool ok = steps(b, path, p, why);
	rc = sqlite3_backup_finish(b);
	return ok && (rc == SQLITE_OK || refused(why, path, rc));
}

static bool pin(struct connection *reader, struct fail *why)
{
	int rc;
	assert(reader->in_snapshot);
	connection_pragma(reader, "SELECT count(*) FROM sqlite_schema", &rc); /* BEGIN takes no snapshot, the first read does */
	return rc == SQLITE_OK || sqlite_fails(reader, rc, "beginning a backup", why);
}

bool store_backup(struct connection *reader, const char *path, struct backup_progress *p, struct fail *why)
{
	sqlite3 *to = NULL;
	if (reader->pg != NULL)
		return FAILS(why, SERVER_BACKUP, "PostgreSQL keeps the database, blobs and all: use pg_basebackup with archived WAL, or pg_dump; when it is back, siban restore"
						 " without a folder");
	if (!pin(reader, why) || !make_file(path, why))
		return false;
	int rc = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	bool ok = rc == SQLITE_OK ? copy(reader->db, to, path, p, why) : refused(why, path, rc);
	sqlite3_close(to);
	return ok && sync_file(path, why);
}

static bool says(struct connection *c, const char *pragma, const char *wanted, struct fail *why)
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(c->db, pragma, -1, &q, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(q);
	const char *said = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(q, 0) : NULL;
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		sqlite_fails(c, rc, pragma, why);
	else if ((said == NULL) != (wanted == NULL) || (said != NULL && strcmp(said, wanted) != 0))
		FAILS(why, STORE, "%s: %s", pragma, said != NULL ? said : "nothing");
	sqlite3_finalize(q);
	return why->code == FAIL_NONE;
}

bool store_verify(struct connection *reader, struct fail *why)
{
	if (reader->pg != NULL)
		return FAILS(why, SERVER_BACKUP, "the database is not a file of ours");
	return says(reader, "PRAGMA integrity_check(1)", "ok", why) && says(reader, "PRAGMA foreign_key_check", NULL, why);
}
