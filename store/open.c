/* store/open.c - why this exists: before anything is served, one place makes sure that the folder is ours alone and that the database's schema
 * is the one this program was built for. */
#include "store/pg_session.h"
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

bool schema_ready(struct store *s, struct connection *c, struct fail *why)
{
	const struct migration *list;
	size_t count = migrations_built_in(&list);
	if (s->mode == STORE_MIGRATE)
		return schema_migrate(c, list, count, &s->schema, why);
	enum schema_found found = schema_check(c, list, count, &s->schema, why);
	if (s->mode == STORE_INSPECT) { /* looks at anything; the caller asks for the version */
		if (why->code == FAIL_SCHEMA)
			fail_clear(why);
		return why->code == FAIL_NONE;
	}
	if (found == SCHEMA_BEHIND)
		return FAILS(why, SCHEMA, "schema %d, this siban needs %d; run siban migrate", s->schema, list[count - 1].number);
	return found == SCHEMA_CURRENT && (c->pg == NULL || pg_rights_suffice(c, why));
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
	bool ok = folder_ready(s, why) && lock_folder(s, why);
	if (c->store_url[0] == '\0')
		ok = ok && sqlite_open(s, why) && seal_ready(s, s->writer, why) && (s->health = connection_open(s, CONNECTION_READ, &rc, why)) != NULL;
	else
		ok = ok && pg_store_open(s, c, why) && seal_ready(s, s->writer, why) && (mode != STORE_SERVE || (s->pg->watch = pg_watch_start(s, why)) != NULL);
	if (!ok) {
		store_close(s);
		return NULL;
	}
	rowcache_label();
	LOG_EVENT(store_opened, STR_NONE, L_C(store_place(s)), L_INT(s->schema));
	return s;
}

void store_close(struct store *s)
{
	if (s == NULL)
		return;
	if (s->pg != NULL)
		pg_watch_stop(s->pg->watch);
	connection_close(s->health);
	connection_close(s->writer);
	if (s->pg != NULL)
		pg_store_close(s);
	if (s->lock_fd >= 0)
		close(s->lock_fd); /* and with it the lock; the file stays, as another may be waiting on it */
	free(s->generations);
	free(s);
}

const char *store_place(const struct store *s)
{
	return s->pg != NULL ? pg_store_name(s) : s->path;
}

bool store_is_embedded(const struct store *s)
{
	return s->pg == NULL;
}

void connection_close(struct connection *c)
{
	if (c == NULL)
		return;
	reader_end(c);
	connection_finalize(c);
	for (int kind = 0; kind < ROW_KINDS; kind++)
		rowcache_free(c->rows[kind]);
	c->pg != NULL ? pg_session_close(c) : sqlite_close(c);
	free(c);
}

bool connection_exec(struct connection *c, const char *sql, struct fail *why)
{
	if (c->pg != NULL)
		return pg_session_run(c, sql, why);
	int rc = sqlite3_exec(c->db, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK || sqlite_fails(c, rc, "running a script", why);
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

static void look(struct store *s, struct fail *why)
{
	struct tx tx;
	pthread_mutex_lock(&s->health_lock);
	struct stmt *q = reader_begin(s->health, &tx, why) ? tx_query(&tx, "SELECT number FROM schema_migration WHERE number = $1", why) : NULL;
	if (q != NULL) {
		stmt_bind_int(q, 1, s->schema);
		if (!stmt_row(q, why))
			FAILS(why, STORE, "the schema is gone");
	}
	stmt_drop(q);
	reader_end(s->health);
	pthread_mutex_unlock(&s->health_lock);
}

/* A server is looked at by its watch: who asks is a loop, and must not wait. */
bool store_healthy(struct store *s, struct fail *why)
{
	if (s->pg == NULL)
		look(s, why);
	else
		pg_watch_says(s, why);
	return why->code == FAIL_NONE && writes_welcome(s, why);
}
