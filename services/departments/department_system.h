/* services/departments/department_system.h - which departments answer for their own cases, where, and under which key.
 *
 * A file of lines "CODE URL KEYFILE"; # begins a comment. A key file is read as any secret is (base/secret_file.h).
 * Thread: load and close on one thread at a time; find from any. A table that was in force stays until close: some request may still read it.
 * Owns:   the keys' bytes. */
#ifndef SERVICES_DEPARTMENT_SYSTEM_H
#define SERVICES_DEPARTMENT_SYSTEM_H
#include "base/fail.h"
#include "base/log.h"

enum { DEPARTMENT_CODE_LENGTH = 18 };

struct department_system {
	char code[DEPARTMENT_CODE_LENGTH + 1];
	char peer[32];             /* "department/…": its name among the peers */
	struct str url;
	struct secret key;
};

/* "" : there is none. Fails: CONFIG with the line; then what was in force stays so. */
MUST_USE bool department_systems_load(const char *path, struct fail *why);
const struct department_system *department_system_find(struct str code); /* NULL: it has none */
void department_systems_close(void);
#endif
