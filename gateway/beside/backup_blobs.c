/* gateway/beside/backup_blobs.c - why a digest is made though each chunk is sealed: who restores has to know before he begins, and may not have the keys beside him. */
#include "gateway/beside/backup_blobs.h"

#include "base/hash.h"
#include "base/log.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAMES_ROWS = 256, NAMES_FIRST = 1024, COPY_BYTES = 64 << 10, PATH_BYTES = BACKUP_PATH_BYTES + 64, HEX = 2 * SHA256_BYTES, NAMES_TOLD = 20,
       LINE_BYTES = HEX + 2 + 6 + BLOB_PLACE_BYTES /* DIGEST, two spaces, blobs/PLACE, a newline */ };

static const char list_name[] = "blobs.sha256", prefix[] = "  blobs/";

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

static inline void file_dropper(FILE **f)
{
	if (*f != NULL)
		fclose(*f);
}

static bool is_stopped(struct backup_progress *p, struct fail *why)
{
	return atomic_load(&p->stop) && !FAILS(why, STOPPING, "the blobs are given up");
}

/* All that was written below it is on the disk then: of a hundred thousand files one by one a backup would have no end. */
static bool disk_synced(const char *folder, struct fail *why)
{
	DROP(fd) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return (fd >= 0 && syncfs(fd) == 0) || refused(why, "syncfs", folder);
}

/* ---- which there are ---- */

static bool add_name(struct backup_names *n, struct str name, struct fail *why)
{
	if (name.len != ID_BYTES)
		return FAILS(why, SEALED, "the row of a blob is damaged");
	if (n->count == n->room) {
		size_t room = n->room > 0 ? 2 * n->room : NAMES_FIRST;
		struct id *more = realloc(n->at, room * sizeof(*more));
		if (more == NULL)
			return FAILS(why, MEMORY, "names of %zu blobs", room);
		n->at = more;
		n->room = room;
	}
	memcpy(n->at[n->count++].bytes, name.at, ID_BYTES);
	return true;
}

static bool read_some(struct tx *tx, struct backup_names *n, struct fail *why)
{
	static const struct id none;
	const struct id *last = n->count > 0 ? &n->at[n->count - 1] : &none;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT name FROM blob_name WHERE name > $1 ORDER BY name LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, last->bytes, ID_BYTES);
	stmt_bind_int(q, 2, NAMES_ROWS);
	while (stmt_row(q, why))
		if (!add_name(n, stmt_blob(q, 0), why))
			return false;
	return why->code == FAIL_NONE;
}

bool backup_names_read(struct tx *tx, struct backup_names *out, struct fail *why)
{
	size_t before;
	do {
		before = out->count;
		if (!read_some(tx, out, why))
			return false;
	} while (out->count - before == NAMES_ROWS);
	return true;
}

void backup_names_drop(struct backup_names *n)
{
	free(n->at);
	*n = (struct backup_names){ 0 };
}

/* ---- one file ---- */

/* Reads `from` to its end; `to` -1: only for the digest. */
static bool copy_bytes(int from, int to, const char *path, struct backup_progress *p, int64_t *bytes, char hex[BACKUP_DIGEST_BYTES], struct fail *why)
{
	char piece[COPY_BYTES];
	uint8_t digest[SHA256_BYTES];
	struct sha256_run *run = sha256_begin();
	bool ok = true;
	*bytes = 0;
	for (ssize_t n; ok && (n = read(from, piece, sizeof(piece))) != 0;) {
		ok = n > 0 ? !is_stopped(p, why) : errno == EINTR || refused(why, "read", path);
		for (ssize_t at = 0, put; ok && to >= 0 && at < n; at += put > 0 ? put : 0)
			if ((put = write(to, piece + at, (size_t)(n - at))) < 0)
				ok = errno == EINTR || refused(why, "write", path);
		if (ok && n > 0)
			sha256_more(run, (struct str){ piece, (size_t)n });
		*bytes += n > 0 ? n : 0;
	}
	sha256_end(run, digest);
	hex_text(digest, sizeof(digest), hex);
	return ok;
}

static bool folder_make(const char *path, struct fail *why)
{
	return mkdir(path, 0700) == 0 || errno == EEXIST || refused(why, "mkdir", path);
}

/* The folders of folder/blobs/xx/yy/NAME. */
static bool folders_make(const char *folder, const char *place, struct fail *why)
{
	char path[PATH_BYTES];
	static const int depths[] = { 0, 2, 5 }; /* of "", "xx", "xx/yy" */
	for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
		snprintf(path, sizeof(path), "%s/blobs/%.*s", folder, depths[i], place);
		if (!folder_make(path, why))
			return false;
	}
	return true;
}

static bool copy_file(int from, const char *to, struct backup_progress *p, int64_t *bytes, char hex[BACKUP_DIGEST_BYTES], struct fail *why)
{
	DROP(fd) int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	return (fd >= 0 || refused(why, "open", to)) && copy_bytes(from, fd, to, p, bytes, hex, why);
}

/* ---- writing ---- */

static void tell_missing(struct id name, struct backup_blobs *m)
{
	char hex[2 * ID_BYTES + 1];
	hex_text(name.bytes, sizeof(name.bytes), hex);
	if (m->missing++ < NAMES_TOLD)
		LOG_EVENT(backup_blob_missing, STR_NONE, L_C(hex));
}

/* Another disk, or a file system without second names, gets a copy. */
static bool take_one(struct blobs *b, struct id name, const char *folder, struct backup_progress *p, FILE *list, struct backup_blobs *m, struct fail *why)
{
	char place[BLOB_PLACE_BYTES], from[PATH_BYTES + BACKUP_PATH_BYTES], to[PATH_BYTES], hex[BACKUP_DIGEST_BYTES];
	int64_t bytes;
	blob_place_text(name, place);
	snprintf(from, sizeof(from), "%s/%s", blobs_folder(b), place);
	snprintf(to, sizeof(to), "%s/blobs/%s", folder, place);
	DROP(fd) int fd = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT) {
		tell_missing(name, m);
		return true;
	}
	if (fd < 0)
		return refused(why, "open", from);
	if (!folders_make(folder, place, why))
		return false;
	bool is_linked = link(from, to) == 0;
	if (!(is_linked ? copy_bytes(fd, -1, from, p, &bytes, hex, why) : copy_file(fd, to, p, &bytes, hex, why)))
		return false;
	m->count++;
	m->bytes += bytes;
	return fprintf(list, "%s%s%s\n", hex, prefix, place) == LINE_BYTES || refused(why, "write", list_name);
}

static bool take_all(struct blobs *b, const struct backup_names *n, const char *folder, struct backup_progress *p, const char *path, struct backup_blobs *m,
		     struct fail *why)
{
	DROP(file) FILE *list = fopen(path, "wxe");
	if (list == NULL)
		return refused(why, "open", path);
	for (size_t i = 0; i < n->count; i++) {
		if (is_stopped(p, why) || !take_one(b, n->at[i], folder, p, list, m, why))
			return false;
		atomic_store(&p->done_blobs, (int64_t)i + 1);
	}
	return fflush(list) == 0 || refused(why, "write", path);
}

static bool list_digest(const char *path, struct backup_progress *p, char hex[BACKUP_DIGEST_BYTES], struct fail *why)
{
	int64_t bytes;
	DROP(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return (fd >= 0 || refused(why, "open", path)) && copy_bytes(fd, -1, path, p, &bytes, hex, why);
}

bool backup_blobs_write(struct blobs *b, const struct backup_names *n, const char *folder, struct backup_progress *p, struct backup_blobs *out, struct fail *why)
{
	char path[PATH_BYTES];
	*out = (struct backup_blobs){ 0 };
	atomic_store(&p->total_blobs, (int64_t)n->count);
	if (n->count == 0)
		return true;
	snprintf(path, sizeof(path), "%s/%s", folder, list_name);
	return take_all(b, n, folder, p, path, out, why) && list_digest(path, p, out->list_sha256, why) && disk_synced(folder, why);
}

/* ---- restoring ---- */

struct listed {
	char sha256[BACKUP_DIGEST_BYTES], place[BLOB_PLACE_BYTES];
};

static bool take_line(const char *line, struct listed *l)
{
	struct id name;
	uint8_t digest[SHA256_BYTES];
	if (strlen(line) != LINE_BYTES || line[LINE_BYTES - 1] != '\n' || str_hex((struct str){ line, HEX }, digest, sizeof(digest)) != SHA256_BYTES ||
	    memcmp(line + HEX, prefix, sizeof(prefix) - 1) != 0)
		return false;
	memcpy(l->place, line + HEX + sizeof(prefix) - 1, BLOB_PLACE_BYTES - 1);
	l->place[BLOB_PLACE_BYTES - 1] = '\0';
	hex_text(digest, sizeof(digest), l->sha256);
	return blob_place_read(str_c(l->place), &name);
}

static bool bring_one(const char *folder, const struct listed *l, const char *to, struct backup_progress *p, int64_t *bytes, struct fail *why)
{
	char source[PATH_BYTES], copy[PATH_BYTES], hex[BACKUP_DIGEST_BYTES];
	snprintf(source, sizeof(source), "%s/blobs/%s", folder, l->place);
	snprintf(copy, sizeof(copy), "%s/blobs/%s", to, l->place);
	DROP(fd) int from = open(source, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (from < 0)
		return errno == ENOENT || errno == ENOTDIR ? FAILS(why, STORE, "the backup is not whole: blobs/%s is missing; take another", l->place)
							   : refused(why, "open", source);
	if (!folders_make(to, l->place, why) || !copy_file(from, copy, p, bytes, hex, why))
		return false;
	return strcmp(hex, l->sha256) == 0 ||
	       FAILS(why, STORE, "the backup was altered: blobs/%s has sha256 %s, its list says %s; take another", l->place, hex, l->sha256);
}

static bool bring_all(const char *folder, const struct backup_blobs *m, FILE *list, const char *to, struct backup_progress *p, struct fail *why)
{
	char line[LINE_BYTES + 2];
	struct listed l;
	int64_t bytes, count = 0, all = 0;
	for (; fgets(line, sizeof(line), list) != NULL; count++) {
		if (!take_line(line, &l))
			return FAILS(why, STORE, "the backup was altered: line %lld of %s; take another", (long long)count + 1, list_name);
		if (!bring_one(folder, &l, to, p, &bytes, why))
			return false;
		all += bytes;
		atomic_store(&p->done_blobs, count + 1);
	}
	return (count == m->count && all == m->bytes) ||
	       FAILS(why, STORE, "the backup is not whole: %lld blobs of %lld bytes, its manifest says %lld of %lld; take another", (long long)count, (long long)all,
		     (long long)m->count, (long long)m->bytes);
}

bool backup_blobs_restore(const char *folder, const struct backup_blobs *m, const char *to, struct backup_progress *p, struct fail *why)
{
	char path[PATH_BYTES], hex[BACKUP_DIGEST_BYTES];
	atomic_store(&p->total_blobs, m->count);
	if (m->list_sha256[0] == '\0')
		return true;
	snprintf(path, sizeof(path), "%s/%s", folder, list_name);
	if (!list_digest(path, p, hex, why))
		return false;
	if (strcmp(hex, m->list_sha256) != 0)
		return FAILS(why, STORE, "the backup was altered: %s has sha256 %s, its manifest says %s; take another", list_name, hex, m->list_sha256);
	DROP(file) FILE *list = fopen(path, "re");
	return (list != NULL || refused(why, "open", path)) && bring_all(folder, m, list, to, p, why) && disk_synced(to, why);
}

bool backup_blobs_fit(struct tx *tx, const char *state, const struct backup_blobs *m, struct fail *why)
{
	struct backup_names n = { 0 };
	char place[BLOB_PLACE_BYTES] = "", path[PATH_BYTES];
	int64_t missing = 0;
	bool ok = backup_names_read(tx, &n, why);
	for (size_t i = 0; ok && i < n.count; i++) {
		blob_place_text(n.at[i], place);
		snprintf(path, sizeof(path), "%s/blobs/%s", state, place);
		if (access(path, F_OK) == 0)
			continue;
		missing++;
		if (missing <= NAMES_TOLD)
			fprintf(stderr, "       blobs/%s is not there: a row of the database speaks of it\n", place);
	}
	backup_names_drop(&n);
	return ok && (missing == m->missing || FAILS(why, STORE, "%lld blobs are missing, %lld were missing when the backup was made; take another", (long long)missing,
						     (long long)m->missing));
}

/* ---- removing ---- */

static bool empty(const char *path, int depth);

static bool is_ours(const char *name, int depth)
{
	uint8_t bytes[ID_BYTES];
	size_t len = depth > 0 ? 1 : ID_BYTES;
	return strlen(name) == 2 * len && str_hex(str_c(name), bytes, len) == (int64_t)len;
}

static bool remove_child(const char *path, int depth)
{
	return depth > 0 ? empty(path, depth - 1) && rmdir(path) == 0 : unlink(path) == 0;
}

/* depth: how many levels of folders are below. What is not named as ours stays, and keeps its folder. */
static bool empty(const char *path, int depth)
{
	char child[PATH_BYTES + 8];
	DIR *d = opendir(path);
	bool ok = d != NULL || errno == ENOENT;
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
		if (is_ours(e->d_name, depth)) {
			snprintf(child, sizeof(child), "%s/%s", path, e->d_name);
			ok = remove_child(child, depth) && ok;
		}
	if (d != NULL)
		closedir(d);
	return ok;
}

bool backup_blobs_remove(const char *folder)
{
	char path[PATH_BYTES];
	snprintf(path, sizeof(path), "%s/%s", folder, list_name);
	bool ok = unlink(path) == 0 || errno == ENOENT;
	snprintf(path, sizeof(path), "%s/blobs", folder);
	return empty(path, 2) && (rmdir(path) == 0 || errno == ENOENT) && ok;
}
