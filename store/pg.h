/* store/pg.h - one connection to a PostgreSQL server, and what its answers mean to us; nobody above includes it.
 *
 * libpq is spoken in store/pg*.c and nowhere else. It is used without its own waiting: every call here sends, then polls with a deadline,
 * because a server that hangs (stopped, or cut off without a word) never answers, and whoever waits for it must still be let go. What was
 * asked when the deadline came is not known to have been done or not: the connection is closed, and only another one can tell.
 * Thread: a connection belongs to one thread at a time.
 * Errors: STORE the server is away, is too slow, or refused to serve (`state` says which); STORE_FULL; CONFLICT a constraint or a trigger said no;
 *         INTERNAL text it cannot read: ours. Texts of the server that may hold a row's values are kept out of `why`. */
#ifndef STORE_PG_H
#define STORE_PG_H
#include "base/fail.h"

#include <libpq-fe.h>

enum { PG_STATE_BYTES = 6 };

struct pg {
	PGconn *conn;
	char state[PG_STATE_BYTES];  /* SQLSTATE of the last failure; "" none, or one that never reached the server */
	int64_t answer_ms;           /* how long one answer may take */
};

/* `url` is libpq's (postgresql://user@host:port/name?sslmode=…); `password` NULL or "": the URL's, or what the server asks none for. */
MUST_USE bool pg_open(struct pg *p, const char *url, const char *password, int64_t answer_ms, struct fail *why);
void pg_close(struct pg *p);     /* fine on a zeroed one, and twice */
bool pg_is_alive(const struct pg *p); /* as far as is known without asking */

/* Runs a text of one or several statements, e.g. BEGIN or a schema file's DDL; rows are passed over. */
MUST_USE bool pg_run(struct pg *p, const char *text, struct fail *why);
/* The first column of the first row as a number; *found false: there is no row, or it is NULL. */
MUST_USE bool pg_number(struct pg *p, const char *text, int64_t *out, bool *found, struct fail *why);
/* Waits for what was sent, to its end: the last result, whatever it says. NULL: the connection is gone, why is noted. */
PGresult *pg_answer(struct pg *p, const char *doing, struct fail *why);

/* Notes what `r` (NULL: the connection itself) says to a request. `doing` is for the log. Always false. */
bool pg_fails(struct pg *p, const PGresult *r, const char *doing, struct fail *why);
enum fail_code pg_meaning(const char *state);
/* The same transaction may be run again at once: two met in a way that neither caused (serialization, deadlock). */
bool pg_may_retry(const char *state);
#endif
