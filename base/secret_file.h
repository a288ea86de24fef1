/* base/secret_file.h - a key that somebody else gave us, out of a file.
 * Thread: any.
 * Owns:   the bytes are the caller's, given back with secret_drop, which wipes them. */
#ifndef BASE_SECRET_FILE_H
#define BASE_SECRET_FILE_H
#include "base/fail.h"
#include "base/log.h"

enum { SECRET_FILE_MAX = 4096 };

/* Without spaces and line ends at either side. `name` is a path, mode 0600; without a "/" it is a credential that systemd laid into
 * $CREDENTIALS_DIRECTORY. Fails: CONFIG not there, empty, too long or readable for others; SYSTEM. */
MUST_USE bool secret_read(const char *name, struct secret *out, struct fail *why);
void secret_drop(struct secret *s);
#endif
