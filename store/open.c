/* store/open.c - why this exists: before anything is served, one place makes sure that the folder is ours alone, that the file
 * is a siban database and whole, and that its schema is the one this program was built for. */
#include "store/sqlite.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/rowcache.h"
#include "store/sealer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { REFUSED_FOR_MS = 5000, FREE_BYTES_MIN = 1 << 20 };

static bool folder_ready(const struct store *s, struct fail *why)
{
	struct stat st;
	if (stat(s->folder, &st) != 0)
		return FAILS(why, STORE, "state.dir: %s; make it with mkdir -m 700: %s", strerror(errno), s->folder);
	if (!S_ISDIR(st.st_mode))
		return FAILS(why, STORE, "state.dir is not a folder: %s", s->folder);
	if (s->mode != STORE_INSPECT && access(s->folder, W_OK | X_OK) != 0)
		return FAILS(why, STORE, "state.dir is not writable for this user; chown it: %s", s->folder);
	return true;
}

static struct flock whole_file(short type)
{
	return (struct flock){ .l_type = type, .l_whence = SEEK_SET };
}

/* An open file description's lock: it goes with the process however that ends, and not when some library closes the file. */
static int lock_file(const char *path, const char *folder, struct fail *why)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		FAILS(why, STORE, "%s: %s", strerror(errno), path);
		return -1;
	}
	struct flock lock = whole_file(F_WRLCK);
	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return fd;
	if (errno == EAGAIN || errno == EACCES)
		FAILS(why, STORE, "another siban holds this folder; stop it, or use its control socket: %s", folder);
	else
		FAILS(why, STORE, "cannot lock (%s): %s", strerror(errno), path);
	close(fd);
	return -1;
}

static bool lock_folder(struct store *s, struct fail *why)
{
	return s->mode == STORE_INSPECT || (s->lock_fd = lock_file(s->lock_path, s->folder, why)) >= 0;
}

int store_lock(const struct config *c, struct fail *why)
{
	char path[1040];
	snprintf(path, sizeof path, "%s/siban.lock", c->state_dir);
	return lock_file(path, c->state_dir, why);
}

bool store_is_locked(const struct config *c)
{
	char path[1040];
	snprintf(path, sizeof path, "%s/siban.lock", c->state_dir);
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false; /* nobody who may write here has been here */
	struct flock lock = whole_file(F_WRLCK);
	bool locked = fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
	close(fd);
	return locked;
}

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

static bool schema_ready(struct store *s, struct connection *c, struct fail *why)
{
	const struct migration *list;
	size_t count = migrations_built_in(&list);
	if (!is_ours(s, c, why) || (s->mode != STORE_INSPECT && !(connection_wal(c, why) && settle_log(s, c, why))))
		return false;
	if (s->mode == STORE_MIGRATE)
		return whole(s, c, why) && schema_migrate(c, list, count, &s->schema, why);
	enum schema_found found = schema_check(c, list, count, &s->schema, why);
	if (s->mode == STORE_INSPECT) { /* looks at anything; the caller asks for the version */
		if (why->code == FAIL_SCHEMA)
			fail_clear(why);
		return why->code == FAIL_NONE;
	}
	if (found == SCHEMA_BEHIND)
		return FAILS(why, SCHEMA, "schema %d, this siban needs %d; run siban migrate", s->schema, list[count - 1].number);
	return found == SCHEMA_CURRENT;
}

static bool open_writer(struct store *s, struct fail *why)
{
	int rc;
	s->writer = connection_open(s, CONNECTION_WRITE, &rc, why);
	if (s->writer == NULL)
		return why->code == FAIL_MEMORY ? false : plainly(s, NULL, rc, why);
	return true;
}

static bool seal_apply(struct tx *tx, void *may_write, struct fail *why)
{
	return seal_hash_match(tx, (int)tx->connection->store->seal_hash, *(bool *)may_write, why);
}

/* What was sealed with one hash cannot be gone on with by another; who only looks takes it as it was done. */
static bool seal_ready(struct store *s, struct connection *c, struct fail *why)
{
	bool may_write = s->mode == STORE_MIGRATE;
	struct tx tx = { .connection = c };
	if (s->mode == STORE_INSPECT)
		return !store_is_current(s) || seal_hash_read(&tx, &s->seal_hash, why);
	return may_write ? store_write(s, seal_apply, &may_write, why) : seal_apply(&tx, &may_write, why);
}

static struct store *make(const struct config *c, enum store_mode mode, struct fail *why)
{
	struct store *s = aligned_alloc(64, (sizeof *s + 63) / 64 * 64);
	if (s == NULL) {
		FAILS(why, MEMORY, "no memory for the store");
		return NULL;
	}
	memset(s, 0, sizeof *s);
	s->generations = calloc(GENERATIONS, sizeof *s->generations);
	if (s->generations == NULL) {
		free(s);
		FAILS(why, MEMORY, "no memory for the store");
		return NULL;
	}
	s->mode = mode;
	s->lock_fd = -1;
	s->seal_hash = (enum hash_kind)c->seal_hash;
	s->cache_kib = c->store_cache_kib;
	s->busy_ms = c->store_busy_ms;
	s->wal_pages = c->store_wal_pages;
	atomic_init(&s->outcome_hours, c->outcome_hours);
	atomic_init(&s->commit_number, 1);
	atomic_init(&s->checkpoint_at, c->store_wal_pages);
	snprintf(s->folder, sizeof s->folder, "%s", c->state_dir);
	snprintf(s->path, sizeof s->path, "%s/siban.db", c->state_dir);
	snprintf(s->lock_path, sizeof s->lock_path, "%s/siban.lock", c->state_dir);
	pthread_mutex_init(&s->readers_lock, NULL);
	pthread_mutex_init(&s->write_lock, NULL);
	pthread_mutex_init(&s->health_lock, NULL);
	pthread_mutex_init(&s->gate_lock, NULL);
	pthread_cond_init(&s->gate_moved, NULL);
	pthread_mutex_init(&s->wal_lock, NULL);
	pthread_cond_init(&s->wal_changed, NULL);
	return s;
}

struct store *store_open(const struct config *c, enum store_mode mode, struct fail *why)
{
	struct store *s = make(c, mode, why);
	if (s == NULL)
		return NULL;
	int rc;
	bool ok = folder_ready(s, why) && lock_folder(s, why) && file_ready(s, why) && open_writer(s, why) && schema_ready(s, s->writer, why) && seal_ready(s, s->writer, why) &&
	          (s->health = connection_open(s, CONNECTION_READ, &rc, why)) != NULL;
	if (!ok) {
		store_close(s);
		return NULL;
	}
	rowcache_label();
	LOG_EVENT(store_opened, STR_NONE, L_C(s->path), L_INT(s->schema));
	return s;
}

void store_close(struct store *s)
{
	if (s == NULL)
		return;
	connection_close(s->health);
	connection_close(s->writer);
	if (s->lock_fd >= 0)
		close(s->lock_fd); /* and with it the lock; the file stays, as another may be waiting on it */
	free(s->generations);
	free(s);
}

bool store_is_current(const struct store *s)
{
	const struct migration *list;
	size_t count = migrations_built_in(&list);
	return s->schema == list[count - 1].number;
}

int store_schema_version(const struct store *s)
{
	return s->schema;
}

/* A write was refused a moment ago, or the disk that was full then still is. Whoever asks must not be made to wait for a write
 * of its own, and a gateway that is given no more requests must still come back: hence the look at the disk. */
static bool writes_welcome(struct store *s, struct fail *why)
{
	enum fail_code code = (enum fail_code)atomic_load(&s->refused);
	if (code == FAIL_NONE)
		return true;
	struct statvfs disk;
	bool full = statvfs(s->folder, &disk) == 0 && (uint64_t)disk.f_bavail * disk.f_frsize < FREE_BYTES_MIN;
	if (clock_mono_ns() - atomic_load(&s->refused_ns) > REFUSED_FOR_MS * INT64_C(1000000) && !(code == FAIL_STORE_FULL && full))
		return true;
	return code == FAIL_STORE_FULL ? FAILS(why, STORE_FULL, "the disk is full: %s", s->folder)
	                               : FAILS(why, STORE, "the last write was refused (%s)", fail_row(code)->name);
}

bool store_healthy(struct store *s, struct fail *why)
{
	pthread_mutex_lock(&s->health_lock);
	struct tx tx = { .connection = s->health };
	struct stmt *q = tx_query(&tx, "SELECT number FROM schema_migration WHERE number = $1", why);
	if (q != NULL) {
		stmt_bind_int(q, 1, s->schema);
		if (!stmt_row(q, why))
			FAILS(why, STORE, "the schema is gone");
	}
	stmt_drop(q);
	pthread_mutex_unlock(&s->health_lock);
	return why->code == FAIL_NONE && writes_welcome(s, why);
}
