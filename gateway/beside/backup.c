/* gateway/beside/backup.c - why this exists: a file that somebody finds years later must say by itself what it is, whether it is whole, and which keys open it. */
#include "gateway/beside/backup.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "gateway/machine.h"
#include "store/meta.h"
#include "store/sealer.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MANIFEST_FORMAT = 2, FORMAT_WITHOUT_BLOBS = 1, MANIFEST_BYTES_MAX = 16384, BLOB_SCHEMA = 21 /* older ones have no table of blobs */ };

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

bool folder_sync(const char *path, struct fail *why)
{
	DROP(fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return (fd >= 0 && fsync(fd) == 0) || refused(why, "fsync", path);
}

/* ---- the digest ---- */

static bool digest(const char *path, int64_t *bytes, char hex[BACKUP_DIGEST_BYTES], struct fail *why)
{
	uint8_t out[SHA256_BYTES];
	struct stat st;
	DROP(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) != 0)
		return refused(why, "open", path);
	*bytes = st.st_size;
	void *at = st.st_size > 0 ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
	if (at == MAP_FAILED)
		return refused(why, "mmap", path);
	sha256((struct str){ at, (size_t)st.st_size }, out);
	if (at != NULL)
		munmap(at, (size_t)st.st_size);
	hex_text(out, sizeof(out), hex);
	return true;
}

bool backup_file_fits(const char *path, const struct backup_manifest *m, struct fail *why)
{
	int64_t bytes;
	char hex[BACKUP_DIGEST_BYTES];
	if (!digest(path, &bytes, hex, why))
		return false;
	if (bytes != m->bytes)
		return FAILS(why, STORE, "the backup is not whole: %lld bytes, its manifest says %lld; take another", (long long)bytes, (long long)m->bytes);
	return strcmp(hex, m->sha256) == 0 || FAILS(why, STORE, "the backup was altered: sha256 %s, its manifest says %s; take another", hex, m->sha256);
}

/* ---- the manifest ---- */

static bool look_into(struct store *s, struct tx *tx, struct backup_manifest *m, struct fail *why)
{
	struct seal head;
	int64_t len;
	snprintf(m->siban, sizeof(m->siban), "%s", SIBAN_VERSION);
	time_rfc3339(clock_wall_ms(), m->made_at);
	m->schema = store_schema_version(s);
	m->commit = (int64_t)store_commit_number(s);
	if (!meta_get(tx, STR("vault_keys"), m->keys, sizeof(m->keys) - 1, &len, why))
		return false;
	m->keys[len > 0 ? len : 0] = '\0';
	if (!store_is_current(s))
		return true; /* before an upgrade: what older schemas have of seals is not known here */
	if (!seal_head(tx, &head, why))
		return false;
	m->seal_seq = head.seq;
	hex_text(head.chain, sizeof(head.chain), m->seal_chain);
	return true;
}

static bool write_all(const char *path, const char *text, struct fail *why)
{
	size_t len = strlen(text);
	DROP(fd) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	return (fd >= 0 && write(fd, text, len) == (ssize_t)len && fsync(fd) == 0) || refused(why, "write", path);
}

static bool write_manifest(const char *path, const struct backup_manifest *m, struct fail *why)
{
	json_t *j = json_pack("{s:i s:s s:s s:I s:I s:{s:s s:I s:s} s:{s:I s:I s:I s:s} s:s s:{s:I s:s}}", "format", MANIFEST_FORMAT, "siban", m->siban, "made_at",
			      m->made_at, "schema", (json_int_t)m->schema, "commit", (json_int_t)m->commit, "database", "file", "siban.db", "bytes",
			      (json_int_t)m->bytes, "sha256", m->sha256, "blobs", "count", (json_int_t)m->blobs.count, "bytes", (json_int_t)m->blobs.bytes, "missing",
			      (json_int_t)m->blobs.missing, "list_sha256", m->blobs.list_sha256, "keys", m->keys, "seal", "seq", (json_int_t)m->seal_seq, "chain",
			      m->seal_chain);
	char *text = j != NULL ? json_dumps(j, JSON_INDENT(2)) : NULL; /* people will read it */
	json_decref(j);
	bool ok = text != NULL ? write_all(path, text, why) : FAILS(why, MEMORY, "a manifest");
	free(text);
	return ok;
}

static bool take_blobs(const json_t *j, struct backup_manifest *m)
{
	const char *list;
	json_int_t count, bytes, missing;
	if (json_unpack((json_t *)j, "{s:{s:I s:I s:I s:s}}", "blobs", "count", &count, "bytes", &bytes, "missing", &missing, "list_sha256", &list) != 0)
		return false;
	m->has_blobs = true;
	m->blobs = (struct backup_blobs){ .count = count, .bytes = bytes, .missing = missing };
	snprintf(m->blobs.list_sha256, sizeof(m->blobs.list_sha256), "%s", list);
	return true;
}

static bool take_manifest(const json_t *j, struct backup_manifest *m)
{
	const char *siban, *made_at, *sha, *keys, *chain;
	json_int_t format, schema, commit, bytes, seq;
	if (json_unpack((json_t *)j, "{s:I s:s s:s s:I s:I s:{s:I s:s} s:s s:{s:I s:s}}", "format", &format, "siban", &siban, "made_at", &made_at, "schema", &schema,
			"commit", &commit, "database", "bytes", &bytes, "sha256", &sha, "keys", &keys, "seal", "seq", &seq, "chain", &chain) != 0 ||
	    (format != MANIFEST_FORMAT && format != FORMAT_WITHOUT_BLOBS) || strlen(keys) >= sizeof(m->keys))
		return false;
	*m = (struct backup_manifest){ .schema = schema, .commit = commit, .bytes = bytes, .seal_seq = seq };
	snprintf(m->siban, sizeof(m->siban), "%s", siban);
	snprintf(m->made_at, sizeof(m->made_at), "%s", made_at);
	snprintf(m->sha256, sizeof(m->sha256), "%s", sha);
	snprintf(m->seal_chain, sizeof(m->seal_chain), "%s", chain);
	snprintf(m->keys, sizeof(m->keys), "%s", keys);
	return format == FORMAT_WITHOUT_BLOBS || take_blobs(j, m);
}

bool backup_read(const char *folder, struct backup_manifest *out, struct fail *why)
{
	char path[BACKUP_PATH_BYTES + 32], text[MANIFEST_BYTES_MAX];
	struct fail wrong;
	fail_clear(&wrong);
	snprintf(path, sizeof(path), "%s/manifest.json", folder);
	DROP(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? FAILS(why, CONFIG, "%s is no backup: it has no manifest.json", folder) : refused(why, "open", path);
	ssize_t len = read(fd, text, sizeof(text));
	if (len < 0)
		return refused(why, "read", path);
	DROP(json) json_t *j = len < (ssize_t)sizeof(text) ? json_read((struct str){ text, (size_t)len }, &wrong) : NULL;
	return (j != NULL && take_manifest(j, out)) || FAILS(why, CONFIG, "%s is not the manifest of a backup that this siban knows", path);
}

/* ---- writing ---- */

/* The snapshot ends before the blobs are copied: while it lasts the log grows. */
static bool write_database(struct store *s, const char *file, struct backup_progress *p, struct backup_manifest *m, struct backup_names *names, struct fail *why)
{
	struct tx tx;
	struct connection *reader = store_reader(s, 0, why);
	bool ok = reader != NULL && reader_begin(reader, &tx, why) && look_into(s, &tx, m, why) && store_backup(reader, file, p, why) &&
		  (store_schema_version(s) < BLOB_SCHEMA || backup_names_read(&tx, names, why));
	if (reader != NULL)
		connection_close(reader);
	return ok && digest(file, &m->bytes, m->sha256, why);
}

static bool write_held(struct store *s, struct blobs *b, const char *folder, struct backup_progress *p, struct backup_manifest *m, struct fail *why)
{
	char file[BACKUP_PATH_BYTES + 48];
	struct backup_names names = { 0 };
	snprintf(file, sizeof(file), "%s/siban.db", folder);
	bool ok = write_database(s, file, p, m, &names, why) && backup_blobs_write(b, &names, folder, p, &m->blobs, why);
	backup_names_drop(&names);
	return ok;
}

static bool write_into(struct store *s, const char *folder, struct backup_progress *p, struct backup_manifest *m, struct fail *why)
{
	char manifest[BACKUP_PATH_BYTES + 48];
	struct blobs_claim held = { -1 };
	struct blobs *b = blobs_open(s, blob_body_of(s), why);
	bool ok = b != NULL && blobs_hold(b, &held, why) && write_held(s, b, folder, p, m, why);
	blobs_let_go(&held);
	blobs_close(b);
	m->has_blobs = ok;
	snprintf(manifest, sizeof(manifest), "%s/manifest.json", folder);
	return ok && write_manifest(manifest, m, why) && folder_sync(folder, why);
}

bool backup_remove(const char *folder)
{
	static const char *const names[] = { "manifest.json", "siban.db" };
	char path[BACKUP_PATH_BYTES + 48];
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		if (unlink(path) != 0 && errno != ENOENT)
			return false;
	}
	return backup_blobs_remove(folder) && rmdir(folder) == 0;
}

static void parent_of(const char *path, char out[BACKUP_PATH_BYTES])
{
	snprintf(out, BACKUP_PATH_BYTES, "%s", path);
	char *slash = strrchr(out, '/');
	if (slash == NULL)
		snprintf(out, BACKUP_PATH_BYTES, ".");
	else
		slash[slash == out] = '\0';
}

bool backup_write(struct store *s, const char *folder, struct backup_progress *p, struct backup_manifest *out, struct fail *why)
{
	char partial[BACKUP_PATH_BYTES + 16], parent[BACKUP_PATH_BYTES];
	struct stat st;
	memset(out, 0, sizeof(*out));
	if (strlen(folder) >= BACKUP_PATH_BYTES || folder[0] == '\0')
		return FAILS(why, CONFIG, "not a folder's name");
	if (lstat(folder, &st) == 0)
		return FAILS(why, CONFLICT, "%s is there already; a backup replaces nothing: name another folder", folder);
	snprintf(partial, sizeof(partial), "%s.partial", folder);
	parent_of(folder, parent);
	if (mkdir(partial, 0700) != 0)
		return errno == EEXIST ? FAILS(why, CONFLICT, "%s is there: another backup is at work, or one was cut off; remove it then", partial)
				       : refused(why, "mkdir", partial);
	bool ok = write_into(s, partial, p, out, why);
	if (ok && renameat2(AT_FDCWD, partial, AT_FDCWD, folder, RENAME_NOREPLACE) != 0)
		ok = refused(why, "rename to", folder);
	if (!ok)
		(void)backup_remove(partial); /* what cannot go now is named by the next */
	return ok && folder_sync(parent, why);
}
