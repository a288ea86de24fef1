/* store/dialect.h - portable DDL to what SQLite takes. The rules stand on top of schema/0001_store.sql.
 * Thread: any; pure. */
#ifndef STORE_DIALECT_H
#define STORE_DIALECT_H
#include "base/fail.h"
#include "base/str.h"

struct dialect {
	struct str rest; /* starts as the whole text */
	int body;        /* starts as 0: the text both understand */
};

/* Writes the next statement for SQLite into `out`, without its end mark; nothing written: none left. */
MUST_USE bool dialect_next(struct dialect *d, struct buf *out, struct fail *why);
#endif
