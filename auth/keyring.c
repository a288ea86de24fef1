/* auth/keyring.c - one secret, opened once, used by everything that must recognise a person without knowing them. */
#include "auth/keyring.h"
#include "base/ids.h"
#include "store/meta.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_BYTES = 32, PATH_BYTES = 1200 };

static uint8_t index_key[KEY_BYTES];
static bool is_open;

static inline void fd_dropper(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static bool refused(struct fail *why, const char *doing, const char *path)
{
	return FAILS(why, SYSTEM, "%s %s: %s", doing, path, strerror(errno));
}

/* 1 read, 0 absent, -1 why is noted. */
static int key_read(const char *path, struct fail *why)
{
	DROP(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return 0;
	struct stat st;
	if (fd < 0 || fstat(fd, &st) != 0) {
		refused(why, "open", path);
		return -1;
	}
	if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0 || st.st_size != KEY_BYTES) {
		FAILS(why, CONFIG, "%s: want a file of %d bytes that only its owner may read (chmod 600)", path, KEY_BYTES);
		return -1;
	}
	ssize_t n = read(fd, index_key, KEY_BYTES);
	if (n != KEY_BYTES) {
		refused(why, "read", path);
		return -1;
	}
	return 1;
}

static bool folder_sync(const char *folder, struct fail *why)
{
	DROP(fd) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return (fd >= 0 && fsync(fd) == 0) || refused(why, "fsync", folder);
}

/* Written beside its place, synced, then linked there: a crash leaves no half key, and two makers cannot both win. */
static bool key_make(const char *folder, const char *path, struct fail *why)
{
	char draft[PATH_BYTES + 32];
	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		return refused(why, "mkdir", folder);
	snprintf(draft, sizeof(draft), "%s.%ld", path, (long)getpid());
	random_bytes(index_key, KEY_BYTES);
	bool ok = false;
	{
		DROP(fd) int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		ok = fd >= 0 && write(fd, index_key, KEY_BYTES) == KEY_BYTES && fsync(fd) == 0;
		if (!ok)
			refused(why, "write", draft);
	}
	if (ok && link(draft, path) != 0)
		ok = refused(why, "link", path);
	if (unlink(draft) != 0 && ok)
		ok = refused(why, "unlink", draft);
	return ok && folder_sync(folder, why);
}

bool keyring_open(const struct config *c, bool make_if_absent, struct fail *why)
{
	char folder[PATH_BYTES], path[PATH_BYTES + 16];
	snprintf(folder, sizeof(folder), "%s/keys", c->state_dir);
	snprintf(path, sizeof(path), "%s/index.key", folder);
	int found = key_read(path, why);
	if (found < 0)
		return false;
	if (found == 0 && !make_if_absent)
		return FAILS(why, CONFIG, "%s is not there: restore it from its backup, or run siban migrate on a new database", path);
	if (found == 0 && !key_make(folder, path, why))
		return false;
	is_open = true;
	return true;
}

void keyring_close(void)
{
	OPENSSL_cleanse(index_key, sizeof(index_key));
	is_open = false;
}

void keyring_fingerprint(char out[17])
{
	uint8_t digest[SHA256_BYTES];
	keyring_index("fingerprint", NULL, 0, digest);
	hex_text(digest, 8, out);
}

bool keyring_is_noted(struct tx *tx, bool *is_noted, struct fail *why)
{
	char stored[17];
	int64_t len;
	if (!meta_get(tx, STR("index_key"), stored, sizeof(stored), &len, why))
		return false;
	*is_noted = len >= 0;
	return true;
}

bool keyring_match(struct tx *tx, struct fail *why)
{
	char ours[17], stored[sizeof(ours)];
	int64_t len;
	keyring_fingerprint(ours);
	if (!meta_get(tx, STR("index_key"), stored, sizeof(stored), &len, why))
		return false;
	if (len >= 0)
		return str_eq((struct str){ stored, (size_t)len }, str_c(ours)) ||
		       FAILS(why, CONFIG, "keys/index.key is not the key this database was made with");
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM person LIMIT 1", why);
		if (q == NULL)
			return false;
		if (stmt_row(q, why))
			return FAILS(why, CONFIG, "the database has persons but no mark of their key");
		if (why->code != FAIL_NONE)
			return false;
	}
	return !tx->writes || meta_put(tx, STR("index_key"), ours, strlen(ours), why);
}

static void length_bytes(size_t len, char out[8])
{
	for (int i = 0; i < 8; i++)
		out[i] = (char)((uint64_t)len >> (8 * i));
}

void keyring_index(const char *purpose, const struct str *parts, size_t count, uint8_t out[SHA256_BYTES])
{
	assert(is_open && count <= KEYRING_PARTS_MAX);
	/* each part behind its length: ("ab","c") and ("a","bc") differ */
	char lengths[KEYRING_PARTS_MAX + 1][8];
	struct str all[2 * (KEYRING_PARTS_MAX + 1)];
	for (size_t i = 0; i <= count; i++) {
		struct str part = i == 0 ? str_c(purpose) : parts[i - 1];
		length_bytes(part.len, lengths[i]);
		all[2 * i] = (struct str){ lengths[i], sizeof(lengths[i]) };
		all[2 * i + 1] = part;
	}
	hmac_sha256((struct str){ (const char *)index_key, KEY_BYTES }, all, 2 * (count + 1), out);
}
