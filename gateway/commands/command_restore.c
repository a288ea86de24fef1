/* gateway/commands/command_restore.c - `siban restore FOLDER [--to STATE]`: a backup is looked over, brought to this version, and put in the place of the
 * database; all that was to be done outside waits until an operator has looked.
 *
 *   STATE/restoring/siban.db    the copy, while it is looked over, and blobs/ beside it; nothing else is touched until all is fine
 *   STATE/siban.db.before-…     the database that stood there before, with its log; blobs.before-… is its blobs
 *
 * `siban restore` without a folder is the half of it that is left when the database is PostgreSQL's, whose own tools have brought it back. */
#include "auth/audit.h"
#include "auth/keyring.h"
#include "base/clock.h"
#include "gateway/beside/backup.h"
#include "gateway/commands/command.h"
#include "notify/effect_act.h"
#include "services/handlers.h"
#include "store/seal_check.h"
#include "store/sealer.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COPY_BYTES = 64 << 10, STAMP_BYTES = 32, RESTORE_PATH_BYTES = 1400, LOOK_EVERY_US = 100000 };

struct restore {
	const char *folder;
	struct config config, work;      /* of the state folder; of the folder in it where the copy is looked over */
	struct backup_manifest manifest;
	char to[RESTORE_PATH_BYTES], copy[RESTORE_PATH_BYTES], aside[RESTORE_PATH_BYTES + STAMP_BYTES];
	char blobs_to[RESTORE_PATH_BYTES], blobs_copy[RESTORE_PATH_BYTES], blobs_aside[RESTORE_PATH_BYTES + STAMP_BYTES];
	struct backup_progress progress;
	int lock;
	int schema;
	int64_t held;
	bool had_one;
};

static bool refused(struct fail *why, const char *doing, const char *path)
{
	enum fail_code code = errno == ENOSPC || errno == EDQUOT ? FAIL_STORE_FULL : FAIL_SYSTEM;
	return fail_note(why, code, __FILE__, __LINE__, "%s %s: %s", doing, path, strerror(errno));
}

static inline void fd_dropper(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* ---- the copy ---- */

static void sweep(const struct restore *r)
{
	static const char *const names[] = { "siban.db", "siban.db-wal", "siban.db-shm", "siban.lock" };
	char path[RESTORE_PATH_BYTES];
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/restoring/%s", r->config.state_dir, names[i]);
		unlink(path);
	}
	(void)backup_blobs_remove(r->work.state_dir);
	rmdir(r->work.state_dir);
}

static bool copy_bytes(int from, int to, const char *path, struct fail *why)
{
	char piece[COPY_BYTES];
	for (ssize_t n; (n = read(from, piece, sizeof(piece))) != 0;) {
		if (n < 0)
			return refused(why, "read", path);
		for (ssize_t at = 0, put; at < n; at += put)
			if ((put = write(to, piece + at, (size_t)(n - at))) < 0)
				return refused(why, "write", path);
	}
	return fsync(to) == 0 || refused(why, "fsync", path);
}

static void *show_progress(void *ctx)
{
	struct restore *r = ctx;
	while (!atomic_load(&r->progress.stop)) {
		usleep(LOOK_EVERY_US);
		fprintf(stderr, "\rcopied %" PRId64 " of %" PRId64 " blobs", atomic_load(&r->progress.done_blobs), atomic_load(&r->progress.total_blobs));
	}
	fputc('\n', stderr);
	return NULL;
}

static bool copy_blobs(struct restore *r, struct fail *why)
{
	pthread_t thread;
	bool shows = r->manifest.blobs.count > 0 && isatty(STDERR_FILENO) && pthread_create(&thread, NULL, show_progress, r) == 0;
	bool ok = backup_blobs_restore(r->folder, &r->manifest.blobs, r->work.state_dir, &r->progress, why);
	atomic_store(&r->progress.stop, true);
	if (shows)
		pthread_join(thread, NULL);
	return ok;
}

static bool make_copy(struct restore *r, struct fail *why)
{
	char source[BACKUP_PATH_BYTES + 32];
	snprintf(source, sizeof(source), "%s/siban.db", r->folder);
	sweep(r); /* of one that was cut off: the folder is ours, we hold its lock */
	if (mkdir(r->work.state_dir, 0700) != 0)
		return refused(why, "mkdir", r->work.state_dir);
	DROP(fd) int from = open(source, O_RDONLY | O_CLOEXEC);
	if (from < 0)
		return refused(why, "open", source);
	DROP(fd) int to = open(r->copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (to < 0)
		return refused(why, "open", r->copy);
	return copy_bytes(from, to, r->copy, why) && backup_file_fits(r->copy, &r->manifest, why) &&
	       (!r->manifest.has_blobs || copy_blobs(r, why));
}

/* ---- is it what it should be? ---- */

static bool seals_fit(struct tx *tx, const struct backup_manifest *m, struct fail *why)
{
	struct seal_walk w = { .is_end = false };
	char chain[BACKUP_DIGEST_BYTES];
	while (!w.is_end && w.wrong == SEAL_FINE)
		if (!seal_walk(tx, &w, SEAL_CHECK_ROWS_MAX, why))
			return false;
	if (w.wrong != SEAL_FINE)
		return FAILS(why, STORE, "the seal is broken at %" PRId64 ": %s; take another backup", w.wrong_seq, seal_wrong_prose(w.wrong));
	hex_text(w.at.chain, sizeof(w.at.chain), chain);
	return m->seal_chain[0] == '\0' || (w.at.seq == m->seal_seq && strcmp(chain, m->seal_chain) == 0) ||
	       FAILS(why, STORE, "the seal ends at %" PRId64 ":%s, the manifest says %" PRId64 ":%s; take another backup", w.at.seq, chain, m->seal_seq, m->seal_chain);
}

static bool read_it_all(struct restore *r, struct store *s, struct fail *why)
{
	struct tx tx;
	struct connection *c = store_reader(s, 0, why);
	bool ok = c != NULL && reader_begin(c, &tx, why) && store_verify(c, why) && seals_fit(&tx, &r->manifest, why) &&
		  (!r->manifest.has_blobs || backup_blobs_fit(&tx, r->work.state_dir, &r->manifest.blobs, why));
	if (c != NULL)
		connection_close(c);
	return ok;
}

static bool hold_effects(struct tx *tx, void *ctx, struct fail *why)
{
	struct restore *r = ctx;
	char from[96];
	int len = snprintf(from, sizeof(from), "%s %s, sealed up to %" PRId64, r->folder != NULL ? "the backup of" : "the server's own backup, met", r->manifest.made_at,
			   r->manifest.seal_seq);
	struct audit_actor by = { WHO_OPERATOR, 0, clock_wall_ms(), "restore" };
	struct audit a = { AUDIT_RESTORED, AUDIT_OF_NOTHING, 0, .result = 200, .detail = { from, (size_t)len } };
	return effect_hold_restored(tx, by.now_ms, &r->held, why) && audit_add_of(tx, &by, &a, why);
}

/* Opening it for migrate says whether it is ours, not newer and not damaged, and brings an older one here; services_start, whether the keys are its own. */
static bool look_over(struct restore *r, struct fail *why)
{
	struct store *s = store_open(&r->work, STORE_MIGRATE, why);
	bool ok = s != NULL && services_start(s, &r->work, true, why) && read_it_all(r, s, why) && store_write(s, hold_effects, r, why);
	if (ok)
		r->schema = store_schema_version(s);
	store_close(s); /* the last connection moves the log into the file */
	struct stat st;
	char log[RESTORE_PATH_BYTES + 8];
	snprintf(log, sizeof(log), "%s-wal", r->copy);
	return ok && (stat(log, &st) != 0 || st.st_size == 0 || FAILS(why, STORE, "%s: the log was not moved into the database", log));
}

/* ---- into its place ---- */

static bool both_names(const char *from, const char *to, struct fail *why)
{
	return link(from, to) == 0 || errno == ENOENT || refused(why, "link", from);
}

static bool forget_name(const char *path, struct fail *why)
{
	return unlink(path) == 0 || errno == ENOENT || refused(why, "unlink", path);
}

/* The old database and its log first get their new names, then lose the old ones: the database before the log, so that never a log lies beside a database
 * that is not its own. Cut off here, there is no database, which serve says, and the old one is whole under its new name. */
static bool move_aside(struct restore *r, struct fail *why)
{
	char log[RESTORE_PATH_BYTES + 8], log_aside[RESTORE_PATH_BYTES + STAMP_BYTES + 8], shared[RESTORE_PATH_BYTES + 8];
	struct stat st;
	r->had_one = lstat(r->to, &st) == 0;
	snprintf(log, sizeof(log), "%s-wal", r->to);
	snprintf(log_aside, sizeof(log_aside), "%s-wal", r->aside);
	snprintf(shared, sizeof(shared), "%s-shm", r->to);
	return both_names(r->to, r->aside, why) && both_names(log, log_aside, why) && folder_sync(r->config.state_dir, why) && forget_name(r->to, why) &&
	       forget_name(log, why) && forget_name(shared, why) && folder_sync(r->config.state_dir, why);
}

/* After the database: without one nobody serves, so no row can be without its bytes meanwhile. */
static bool put_blobs_in_place(struct restore *r, struct fail *why)
{
	if (!r->manifest.has_blobs)
		return true;
	if (rename(r->blobs_to, r->blobs_aside) != 0 && errno != ENOENT)
		return refused(why, "rename", r->blobs_to);
	return rename(r->blobs_copy, r->blobs_to) == 0 || errno == ENOENT || refused(why, "rename", r->blobs_copy);
}

static bool put_in_place(struct restore *r, struct fail *why)
{
	char stamp[STAMP_BYTES];
	time_rfc3339(clock_wall_ms(), stamp);
	snprintf(r->aside, sizeof(r->aside), "%s.before-%.10s-%.2s%.2s%.2s", r->to, stamp, stamp + 11, stamp + 14, stamp + 17);
	snprintf(r->blobs_aside, sizeof(r->blobs_aside), "%s%s", r->blobs_to, r->aside + strlen(r->to));
	struct stat st;
	if (lstat(r->aside, &st) == 0 || lstat(r->blobs_aside, &st) == 0)
		return FAILS(why, CONFLICT, "%s is there already; wait a second", r->aside);
	return move_aside(r, why) && put_blobs_in_place(r, why) && (rename(r->copy, r->to) == 0 || refused(why, "rename", r->copy)) && folder_sync(r->config.state_dir, why);
}

/* ---- the command ---- */

static void tell_wanted_keys(const struct restore *r)
{
	fprintf(stderr, "       the database was written with these keys (number and fingerprint); keys/vault.keys must have them:\n");
	for (struct str rest = str_c(r->manifest.keys), line; rest.len > 0;) {
		str_cut(rest, '\n', &line, &rest);
		fprintf(stderr, "         %.*s\n", STR_ARG(line));
	}
}

static bool prepare(struct restore *r, struct command_line *l, struct fail *why)
{
	r->folder = l->words[0];
	r->config = r->work = l->config;
	if (l->config.store_url[0] != '\0')
		return FAILS(why, SERVER_BACKUP, "store.url names a PostgreSQL; bring it back with its own tools, then: siban restore without a folder");
	if (strlen(r->folder) >= BACKUP_PATH_BYTES)
		return FAILS(why, CONFIG, "the folder's name is too long");
	if (l->to != NULL && snprintf(r->config.state_dir, sizeof(r->config.state_dir), "%s", l->to) >= (int)sizeof(r->config.state_dir))
		return FAILS(why, CONFIG, "--to: too long");
	if (snprintf(r->work.state_dir, sizeof(r->work.state_dir), "%s/restoring", r->config.state_dir) >= (int)sizeof(r->work.state_dir))
		return FAILS(why, CONFIG, "state.dir is too long");
	snprintf(r->to, sizeof(r->to), "%s/siban.db", r->config.state_dir);
	snprintf(r->copy, sizeof(r->copy), "%s/siban.db", r->work.state_dir);
	snprintf(r->blobs_to, sizeof(r->blobs_to), "%s/blobs", r->config.state_dir);
	snprintf(r->blobs_copy, sizeof(r->blobs_copy), "%s/blobs", r->work.state_dir);
	return backup_read(r->folder, &r->manifest, why) && (r->lock = store_lock(&r->config, why)) >= 0;
}

static void tell_next(const struct restore *r)
{
	printf("restored %s of %s into %s, schema %d", r->folder, r->manifest.made_at, r->to, r->schema);
	if (r->schema != r->manifest.schema)
		printf(" (the backup's was %" PRId64 ")", r->manifest.schema);
	printf("\n");
	if (r->had_one)
		printf("The database that was there is %s; remove it when you no longer need it%s.\n", r->aside,
		       r->manifest.has_blobs && access(r->blobs_aside, F_OK) == 0 ? ", and its blobs beside it" : "");
	if (r->manifest.has_blobs)
		printf("%" PRId64 " blobs of %" PRId64 " bytes, each with its digest.\n", r->manifest.blobs.count, r->manifest.blobs.bytes);
	else
		printf("This backup is of a siban that left the blobs to its operator: copy the blobs/ that was kept with it into %s.\n", r->config.state_dir);
	if (r->manifest.blobs.missing > 0)
		printf("%" PRId64 " blobs, named above, were lost before it was made; look for them in older backups.\n", r->manifest.blobs.missing);
	printf("What was accepted after %s is not in it.\n", r->manifest.made_at);
	printf("%" PRId64 " open effects are held. Next: siban serve; look at them with siban effects list --state held; then siban effects release --all-restored\n", r->held);
}

/* ---- PostgreSQL, brought back by its own tools ---- */

static bool bodies_fit(struct tx *tx, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT b.name FROM blob_name b WHERE NOT EXISTS (SELECT 1 FROM blob_body y WHERE y.name = b.name AND y.is_whole = 1) LIMIT 1", why);
	if (q == NULL)
		return false;
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	char hex[2 * ID_BYTES + 1];
	hex_text((const uint8_t *)stmt_blob(q, 0).at, ID_BYTES, hex);
	return FAILS(why, STORE, "blob %s is missing: the database is not of one moment", hex);
}

static bool read_server(struct restore *r, struct store *s, struct fail *why)
{
	struct tx tx;
	struct seal head;
	struct connection *c = store_reader(s, 0, why);
	bool ok = c != NULL && reader_begin(c, &tx, why) && seals_fit(&tx, &r->manifest, why) && bodies_fit(&tx, why) && seal_head(&tx, &head, why);
	if (ok)
		r->manifest.seal_seq = head.seq;
	if (c != NULL)
		connection_close(c);
	return ok;
}

static bool meet_server(struct restore *r, struct fail *why)
{
	struct store *s = store_open(&r->config, STORE_MIGRATE, why);
	bool ok = s != NULL && services_start(s, &r->config, true, why) && read_server(r, s, why) && store_write(s, hold_effects, r, why);
	store_close(s);
	return ok;
}

static int restore_server(struct command_line *l, struct restore *r)
{
	struct fail why;
	fail_clear(&why);
	r->config = l->config;
	time_rfc3339(clock_wall_ms(), r->manifest.made_at);
	bool ok = keyring_open(&r->config, false, &why) && meet_server(r, &why);
	keyring_close();
	if (!ok)
		return tell_failure("restore", &why);
	printf("the database is whole and sealed up to %" PRId64 ".\n%" PRId64 " open effects are held. Next: siban serve; look at them with siban effects list --state held;"
	       " then siban effects release --all-restored\n", r->manifest.seal_seq, r->held);
	return 0;
}

int command_restore(struct command_line *l)
{
	static struct restore r;
	struct fail why;
	fail_clear(&why);
	memset(&r, 0, sizeof(r));
	r.lock = -1;
	if (l->word_count == 0 && l->to == NULL && l->config.store_url[0] != '\0')
		return restore_server(l, &r);
	if (l->word_count != 1) {
		fputs("siban restore: needs a backup's folder, and --to STATE unless state.dir of the configuration is meant\n", stderr);
		return 2;
	}
	bool is_ours = prepare(&r, l, &why);
	bool ok = is_ours && keyring_open(&r.config, false, &why) && make_copy(&r, &why) && look_over(&r, &why) && put_in_place(&r, &why);
	if (is_ours)
		sweep(&r);
	if (r.lock >= 0)
		close(r.lock);
	keyring_close();
	if (ok)
		tell_next(&r);
	else
		tell_failure("restore", &why);
	if (!ok && why.code == FAIL_CONFIG && r.manifest.keys[0] != '\0')
		tell_wanted_keys(&r);
	return ok ? 0 : 1;
}
