/* store/blob_folder.c - blobs as files, each durable before anyone is told of it.
 *
 * A file lies in blobs/xx/yy, by the last two bytes of its name, which are random. While it is written it ends in ".part". The end is: sync the file, move it
 * (never onto another), sync the folders up to the state folder: one of them may be as new as the file, and another writer's. */
#include "store/blob_inside.h"

#include "base/fault.h"
#include "base/mailbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_CHARS = 2 * ID_BYTES, PATH_BYTES = 1200, BUCKETS = 1 << 16, LOOKS_MAX = 256, UPWARD = 4 /* yy, xx, blobs, the state folder */ };

struct file_writer {
	struct blob_writer face;
	int fd;
	char part[PATH_BYTES];
};

struct file_reader {
	struct blob_reader face;
	int fd;
};

/* ---- paths ---- */

static void path_of(const struct blobs *b, struct id name, const char *end, char out[PATH_BYTES])
{
	char place[BLOB_PLACE_BYTES];
	blob_place_text(name, place);
	snprintf(out, PATH_BYTES, "%s/%s%s", b->folder, place, end);
}

static bool refused(struct fail *why, const char *doing, const char *path)
{
	enum fail_code code = errno == ENOSPC || errno == EDQUOT ? FAIL_STORE_FULL : FAIL_STORE;
	return fail_note(why, code, __FILE__, __LINE__, "%s %s: %s", doing, path, strerror(errno));
}

static void up(char path[PATH_BYTES])
{
	*strrchr(path, '/') = '\0';
}

static bool folder_make(const char *path, struct fail *why)
{
	return mkdir(path, 0700) == 0 || errno == EEXIST || refused(why, "mkdir", path);
}

static bool folders_make(const struct blobs *b, struct id name, struct fail *why)
{
	char yy[PATH_BYTES], xx[PATH_BYTES];
	path_of(b, name, "", yy);
	up(yy);
	strcpy(xx, yy);
	up(xx);
	return folder_make(b->folder, why) && folder_make(xx, why) && folder_make(yy, why);
}

/* ---- writing ---- */

static struct blob_writer *create(struct blobs *b, struct id name, struct fail *why)
{
	char whole[PATH_BYTES];
	struct file_writer *w = calloc(1, sizeof *w);
	if (w == NULL) {
		FAILS(why, MEMORY, "a writer of a blob");
		return NULL;
	}
	w->face = (struct blob_writer){ b, name };
	path_of(b, name, ".part", w->part);
	path_of(b, name, "", whole);
	if (!folders_make(b, name, why)) {
		free(w);
		return NULL;
	}
	bool is_taken = access(whole, F_OK) == 0;
	w->fd = is_taken ? -1 : open(w->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (w->fd >= 0)
		return &w->face;
	if (is_taken || errno == EEXIST)
		FAILS(why, CONFLICT, "%s is there", whole);
	else
		refused(why, "open", w->part);
	free(w);
	return NULL;
}

static bool write_piece(struct blob_writer *face, struct str piece, struct fail *why)
{
	struct file_writer *w = CONTAINER(face, struct file_writer, face);
	while (piece.len > 0) {
		ssize_t n = write(w->fd, piece.at, piece.len);
		if (fault_hit(FAULT_blob_write)) {
			n = -1;
			errno = ENOSPC;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return refused(why, "write", w->part);
		piece = (struct str){ piece.at + n, piece.len - (size_t)n };
	}
	return true;
}

static int sync_fd(int fd)
{
	if (fault_hit(FAULT_blob_sync)) {
		errno = EIO;
		return -1;
	}
	return fsync(fd);
}

static bool folder_synced(const char *path, struct fail *why)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = (fd >= 0 && sync_fd(fd) == 0) || refused(why, "fsync", path);
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool moved(struct file_writer *w, struct fail *why)
{
	char path[PATH_BYTES];
	path_of(w->face.blobs, w->face.name, "", path);
	if (sync_fd(w->fd) != 0)
		return refused(why, "fsync", w->part);
	if (renameat2(AT_FDCWD, w->part, AT_FDCWD, path, RENAME_NOREPLACE) != 0)
		return errno == EEXIST ? FAILS(why, CONFLICT, "%s is there", path) : refused(why, "rename to", path);
	snprintf(w->part, sizeof w->part, "%s", path); /* what a failure from here on takes away */
	for (int i = 0; i < UPWARD; i++) {
		up(path);
		if (!folder_synced(path, why))
			return false;
	}
	return true;
}

static bool finish(struct blob_writer *face, struct fail *why)
{
	struct file_writer *w = CONTAINER(face, struct file_writer, face);
	bool ok = moved(w, why);
	if (!ok)
		unlink(w->part);
	close(w->fd);
	free(w);
	return ok;
}

static void give_up(struct blob_writer *face)
{
	struct file_writer *w = CONTAINER(face, struct file_writer, face);
	unlink(w->part);
	close(w->fd);
	free(w);
}

/* ---- reading ---- */

static struct blob_reader *open_whole(struct blobs *b, struct id name, struct fail *why)
{
	char path[PATH_BYTES];
	struct stat st;
	struct file_reader *r = calloc(1, sizeof *r);
	if (r == NULL) {
		FAILS(why, MEMORY, "a reader of a blob");
		return NULL;
	}
	path_of(b, name, "", path);
	r->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (r->fd >= 0 && fstat(r->fd, &st) == 0) {
		r->face = (struct blob_reader){ b, name, st.st_size };
		return &r->face;
	}
	if (errno == ENOENT)
		blob_is_missing(name, why);
	else
		refused(why, "open", path);
	if (r->fd >= 0)
		close(r->fd);
	free(r);
	return NULL;
}

static bool read_range(struct blob_reader *face, int64_t at, void *to, size_t len, struct fail *why)
{
	struct file_reader *r = CONTAINER(face, struct file_reader, face);
	for (size_t got = 0; got < len;) {
		ssize_t n = pread(r->fd, (char *)to + got, len - got, at + (int64_t)got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return FAILS(why, STORE, "reading a blob: %s", strerror(errno));
		if (n == 0)
			return FAILS(why, SEALED, "a blob became shorter while it was read");
		got += (size_t)n;
	}
	return true;
}

static void close_reader(struct blob_reader *face)
{
	struct file_reader *r = CONTAINER(face, struct file_reader, face);
	close(r->fd);
	free(r);
}

/* ---- removing, walking ---- */

static bool remove_both(struct blobs *b, struct id name, struct fail *why)
{
	static const char *const ends[] = { "", ".part" };
	char path[PATH_BYTES];
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		path_of(b, name, ends[i], path);
		if (unlink(path) != 0 && errno != ENOENT)
			return refused(why, "unlink", path);
	}
	return true;
}

static bool name_of(const char *file, struct id *name, bool *is_whole)
{
	size_t len = strlen(file);
	*is_whole = len == NAME_CHARS;
	return (*is_whole || (len > NAME_CHARS && strcmp(file + NAME_CHARS, ".part") == 0)) &&
	       str_hex((struct str){ file, NAME_CHARS }, name->bytes, sizeof name->bytes) == ID_BYTES;
}

static bool visit_all(DIR *d, blob_visit visit, void *ctx, struct fail *why)
{
	struct id name;
	bool is_whole;
	for (struct dirent *e; errno = 0, (e = readdir(d)) != NULL;)
		if (name_of(e->d_name, &name, &is_whole) && !visit(ctx, name, is_whole, why))
			return false;
	return errno == 0 || FAILS(why, STORE, "reading a folder of blobs: %s", strerror(errno));
}

static DIR *bucket_open(const struct blobs *b, int bucket, struct fail *why)
{
	char path[PATH_BYTES];
	snprintf(path, sizeof path, "%s/%02x/%02x", b->folder, bucket >> 8, bucket & 0xff);
	DIR *d = opendir(path);
	if (d == NULL && errno != ENOENT)
		refused(why, "open", path);
	return d;
}

static bool has_row_of_buckets(const struct blobs *b, int bucket)
{
	char path[PATH_BYTES];
	snprintf(path, sizeof path, "%s/%02x", b->folder, bucket >> 8);
	return access(path, F_OK) == 0;
}

static bool scan(struct blobs *b, struct blob_place *place, blob_visit visit, void *ctx, struct fail *why)
{
	int bucket = place->at[ID_BYTES - 2] << 8 | place->at[ID_BYTES - 1];
	DIR *d = NULL;
	for (int looks = 0; looks < LOOKS_MAX && bucket < BUCKETS && d == NULL && why->code == FAIL_NONE; looks++)
		if (bucket % 256 == 0 && !has_row_of_buckets(b, bucket))
			bucket += 256;
		else
			d = bucket_open(b, bucket++, why);
	bool ok = why->code == FAIL_NONE && (d == NULL || visit_all(d, visit, ctx, why));
	if (d != NULL)
		closedir(d);
	place->at[ID_BYTES - 2] = (uint8_t)(bucket >> 8); /* behind the last: 0 */
	place->at[ID_BYTES - 1] = (uint8_t)bucket;
	return ok;
}

/* ---- held, or cleared ---- */

/* A lock of the open folder: it is seen by other threads and other processes, and goes with its descriptor. */
static bool claim(struct blobs *b, bool is_turn, struct blobs_claim *out, struct fail *why)
{
	out->fd = open(b->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (out->fd < 0)
		return errno == ENOENT || refused(why, "open", b->folder); /* the first blob is to come, and nothing so young is cleared */
	while (flock(out->fd, is_turn ? LOCK_EX | LOCK_NB : LOCK_SH) != 0)
		if (errno != EINTR) {
			bool is_held = errno == EWOULDBLOCK;
			bool ok = is_held ? FAILS(why, CONFLICT, "a backup refers to the blobs") : refused(why, "flock", b->folder);
			blobs_let_go(out);
			return ok;
		}
	return true;
}

const struct blob_kind blob_folder = {
	.create = create, .write = write_piece, .finish = finish, .abort = give_up, .open = open_whole,
	.read = read_range, .close = close_reader, .remove = remove_both, .scan = scan, .claim = claim,
};
