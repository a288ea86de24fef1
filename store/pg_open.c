/* store/pg_open.c - why this exists: a server is somebody else's, so what siban promises in its name (what was acknowledged stays) is looked up before
 * anything is served. */
#include "store/pg_session.h"

#include "base/secret_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION_LEAST = 150000 };

/* Host and database, without user, password and parameters. */
static void name_it(struct pg_store *p)
{
	struct str url = str_c(p->url), scheme, rest, user, place;
	if (!str_cut(url, '/', &scheme, &rest))
		rest = url;
	while (rest.len > 0 && rest.at[0] == '/')
		rest = (struct str){ rest.at + 1, rest.len - 1 };
	if (str_cut(rest, '@', &user, &place))
		rest = place;
	str_cut(rest, '?', &place, &user);
	snprintf(p->name, sizeof p->name, "postgresql://%.*s", STR_ARG(place));
}

static bool read_password(struct pg_store *p, const char *file, struct fail *why)
{
	struct secret s;
	if (file[0] == '\0')
		return true;
	if (!secret_read(file, &s, why))
		return false;
	p->password = strndup(s.secret.at, s.secret.len);
	secret_drop(&s);
	return p->password != NULL || FAILS(why, MEMORY, "no memory for a password");
}

/* What must be so, by a question whose answer is a number; 1: it is. */
static const struct { const char *question, *words; bool always; } promises[] = {
	{ "SELECT (current_setting('server_encoding') = 'UTF8')::int", "the database's encoding is not UTF8; make it with createdb -T template0 -E UTF8 --locale=C", true },
	/* Lists go on behind the last text they showed, and SQLite compares bytes. C.UTF-8 does so in some C libraries only. */
	{ "SELECT count(*) FROM pg_database WHERE datname = current_database() AND datlocprovider = 'c' AND datcollate IN ('C', 'POSIX')",
	  "the database sorts texts as a language does, and siban needs them by their bytes; make it with createdb -T template0 -E UTF8 --locale=C", true },
	{ "SELECT (current_setting('synchronous_commit') <> 'off')::int", "synchronous_commit is off: what was acknowledged could be lost; set it on", false },
	{ "SELECT (current_setting('fsync') = 'on')::int", "fsync is off: what was acknowledged could be lost; set it on", false },
	{ "SELECT (current_setting('full_page_writes') = 'on')::int", "full_page_writes is off: a crash could leave torn pages; set it on", false },
};

static bool keeps_promises(struct connection *c, bool development, struct fail *why)
{
	struct pg *wire = &c->pg->wire;
	if (PQserverVersion(wire->conn) < VERSION_LEAST)
		return FAILS(why, STORE, "PostgreSQL %d is too old; this siban needs 15", PQserverVersion(wire->conn) / 10000);
	for (size_t i = 0; i < sizeof promises / sizeof promises[0]; i++) {
		int64_t holds;
		bool found;
		if (!pg_number(wire, promises[i].question, &holds, &found, why))
			return false;
		if (holds != 1 && (promises[i].always || !development))
			return FAILS(why, STORE, "%s", promises[i].words);
	}
	return true;
}

bool pg_store_open(struct store *s, const struct config *c, struct fail *why)
{
	struct pg_store *p = calloc(1, sizeof *p);
	if (p == NULL)
		return FAILS(why, MEMORY, "no memory for the store");
	s->pg = p;
	p->waits_long = s->mode == STORE_MIGRATE;
	p->statement_ms = p->waits_long ? 0 : c->store_statement_ms;
	p->lock_ms = p->waits_long ? 0 : c->store_lock_ms;
	p->prepared = c->store_prepared;
	snprintf(p->url, sizeof p->url, "%s", c->store_url);
	name_it(p);
	return read_password(p, c->store_password_file, why) && (s->writer = pg_connection(s, CONNECTION_WRITE, why)) != NULL &&
	       pg_session_ready(s->writer, why) && keeps_promises(s->writer, c->development, why) && schema_ready(s, s->writer, why);
}

void pg_store_close(struct store *s)
{
	if (s->pg->password != NULL)
		explicit_bzero(s->pg->password, strlen(s->pg->password));
	free(s->pg->password);
	explicit_bzero(s->pg->url, sizeof s->pg->url);
	free(s->pg);
}

const char *pg_store_name(const struct store *s)
{
	return s->pg->name;
}
