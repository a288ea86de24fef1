/* store/sqlite_open.c - why this exists: before anything is served, one place makes sure that the file is a siban database and whole, and that
 * what its log holds is on the disk. */
#include "store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file is made by us, so that nobody else may read it; SQLite gives the log the same rights. */
static bool file_ready(const struct store *s, struct fail *why)
{
	struct stat st;
	if (stat(s->path, &st) != 0) {
		if (errno != ENOENT)
			return FAILS(why, STORE, "%s: %s", strerror(errno), s->path);
		if (s->mode != STORE_MIGRATE)
			return FAILS(why, SCHEMA, "there is no database yet; run siban migrate: %s", s->path);
		int fd = open(s->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		int folder = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		bool ok = fd >= 0 && folder >= 0 && fsync(folder) == 0;
		int error = errno;
		if (fd >= 0)
			close(fd);
		if (folder >= 0)
			close(folder);
		return ok || FAILS(why, STORE, "cannot be made (%s): %s", strerror(error), s->path);
	}
	if (!S_ISREG(st.st_mode))
		return FAILS(why, STORE, "is not a regular file; move it away: %s", s->path);
	if (access(s->path, s->mode == STORE_INSPECT ? R_OK : R_OK | W_OK) != 0)
		return FAILS(why, STORE, "%s for this user; chown it: %s", errno == EACCES || errno == EROFS ? "is read-only" : strerror(errno), s->path);
	return true;
}

/* In plain words, for the person who has to do something. The notes of lower layers are replaced. */
static bool plainly(struct store *s, struct connection *c, int rc, struct fail *why)
{
	static const struct { int rc; const char *words; } rows[] = {
		{ SQLITE_NOTADB, "is not a database; move it away and restore a backup" },
		{ SQLITE_CORRUPT, "is damaged; keep a copy of it and its -wal, and restore a backup" },
		{ SQLITE_READONLY, "is read-only, or its folder is; give siban the right to write" },
		{ SQLITE_CANTOPEN, "cannot be opened; see to the rights of the file, its -wal, its -shm and the folder" },
		{ SQLITE_BUSY, "is held by another program; stop that one" },
	};
	fail_clear(why);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (rows[i].rc == (rc & 0xff))
			return FAILS(why, STORE, "%s: %s", rows[i].words, s->path);
	sqlite_fails(c, rc, "opening the database", why);
	return false;
}

static bool whole(struct store *s, struct connection *c, struct fail *why)
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(c->db, "PRAGMA quick_check(1)", -1, &q, NULL);
	if (rc == SQLITE_OK && (rc = sqlite3_step(q)) == SQLITE_ROW) {
		const char *said = (const char *)sqlite3_column_text(q, 0);
		rc = said != NULL && strcmp(said, "ok") == 0 ? SQLITE_OK : SQLITE_CORRUPT;
	}
	sqlite3_finalize(q);
	return rc == SQLITE_OK || plainly(s, c, rc, why);
}

static bool is_ours(struct store *s, struct connection *c, struct fail *why)
{
	int rc, rc_tables;
	int64_t id = connection_pragma(c, "PRAGMA application_id", &rc);
	int64_t tables = connection_pragma(c, "SELECT count(*) FROM sqlite_schema", &rc_tables);
	if (rc != SQLITE_OK || rc_tables != SQLITE_OK)
		return plainly(s, c, rc != SQLITE_OK ? rc : rc_tables, why);
	if (id == APPLICATION_ID || (id == 0 && tables == 0))
		return true;
	return FAILS(why, SCHEMA, "belongs to another program (application id %lld); move it away: %s", (long long)id, s->path);
}

/* What recovery finds in the log may be in the system's memory only: the process before us died between its write and its sync, or ended because the
 * sync failed, after which the system calls those pages clean and never writes them. So the log is written once more as it is, and synced, before anyone
 * reads from it: else a power failure takes back what was told since, and what is committed behind a gap goes with it. (The simulator finds both.) */
static int write_log_again(sqlite3_file *log)
{
	char piece[8192];
	sqlite3_int64 size = 0, at = 0;
	int rc = log->pMethods->xFileSize(log, &size);
	for (; rc == SQLITE_OK && at < size; at += (sqlite3_int64)sizeof piece) {
		int len = size - at < (sqlite3_int64)sizeof piece ? (int)(size - at) : (int)sizeof piece;
		rc = log->pMethods->xRead(log, piece, len, at);
		if (rc == SQLITE_OK)
			rc = log->pMethods->xWrite(log, piece, len, at);
	}
	return rc == SQLITE_OK && size > 0 ? log->pMethods->xSync(log, SQLITE_SYNC_FULL) : rc;
}

/* With the writer's lock, so that no other program adds to the log meanwhile. */
static bool settle_log(struct store *s, struct connection *c, struct fail *why)
{
	sqlite3_file *log = NULL;
	int rc = connection_control(c, CONTROL_BEGIN_WRITE);
	if (rc != SQLITE_OK)
		return plainly(s, c, rc, why);
	rc = sqlite3_file_control(c->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
	if (rc == SQLITE_OK && log->pMethods != NULL)
		rc = write_log_again(log);
	int ended = connection_control(c, CONTROL_ROLLBACK);
	if (rc == SQLITE_OK)
		rc = ended;
	return rc == SQLITE_OK || plainly(s, c, rc, why);
}

static bool open_writer(struct store *s, struct fail *why)
{
	int rc;
	s->writer = connection_open(s, CONNECTION_WRITE, &rc, why);
	if (s->writer == NULL)
		return why->code == FAIL_MEMORY ? false : plainly(s, NULL, rc, why);
	return true;
}

bool sqlite_open(struct store *s, struct fail *why)
{
	if (!file_ready(s, why) || !open_writer(s, why) || !is_ours(s, s->writer, why))
		return false;
	if (s->mode != STORE_INSPECT && !(connection_wal(s->writer, why) && settle_log(s, s->writer, why)))
		return false;
	return (s->mode != STORE_MIGRATE || whole(s, s->writer, why)) && schema_ready(s, s->writer, why);
}
