/* tests/migrated.h - a store with its schema, without fifty schema files each time: the first of a process on SQLite is migrated, those after it begin as copies of
 * its file. What is about migrating itself calls store_open; on PostgreSQL so does this, and a test makes its databases from a template. */
#ifndef TESTS_MIGRATED_H
#define TESTS_MIGRATED_H
#include "store/sqlite.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* The file as a first opening left it; the hash of the seal stands in it. */
static struct {
	unsigned char *at; /* kept until the process ends */
	sqlite3_int64 len;
	int64_t seal_hash;
} migrated_first;

/* Where there is a database already, it stays. */
static inline bool migrated_copy(const struct config *config, struct fail *why)
{
	char path[sizeof config->state_dir + 16];
	snprintf(path, sizeof path, "%s/siban.db", config->state_dir);
	if (migrated_first.at == NULL || migrated_first.seal_hash != config->seal_hash || access(path, F_OK) == 0)
		return true;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && write(fd, migrated_first.at, (size_t)migrated_first.len) == migrated_first.len;
	if (fd >= 0)
		close(fd);
	return ok || FAILS(why, STORE, "the copy of a migrated database cannot be written: %s", path);
}

/* store_open with STORE_MIGRATE. */
static inline struct store *migrated_open(const struct config *config, struct fail *why)
{
	bool embedded = config->store_url[0] == '\0';
	if (embedded && !migrated_copy(config, why))
		return NULL;
	struct store *s = store_open(config, STORE_MIGRATE, why);
	if (s != NULL && embedded && migrated_first.at == NULL) {
		migrated_first.at = sqlite3_serialize(s->writer->db, "main", &migrated_first.len, 0);
		migrated_first.seal_hash = config->seal_hash;
	}
	return s;
}
#endif
