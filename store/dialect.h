/* store/dialect.h - one schema text to what SQLite or PostgreSQL takes. The rules stand on top of schema/0001_store.sql.
 * Thread: any; pure. */
#ifndef STORE_DIALECT_H
#define STORE_DIALECT_H
#include "base/fail.h"
#include "base/str.h"

enum dialect_body { DIALECT_SQLITE, DIALECT_POSTGRES };
enum { DIALECT_TABLE_NAME_MAX = 48 };

struct dialect {
	struct str rest;         /* starts as the whole text */
	enum dialect_body body;  /* for whom */
	int block;               /* starts as 0: the text both understand */
	char numbered[DIALECT_TABLE_NAME_MAX + 1]; /* the table whose sequence is next; "": none */
};

/* Writes the next statement into `out`, without its end mark; nothing written: none left. */
MUST_USE bool dialect_next(struct dialect *d, struct buf *out, struct fail *why);
#endif
