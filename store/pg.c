/* store/pg.c - why this exists: libpq waits as long as the network does. Here each answer has a deadline, and each of PostgreSQL's codes becomes a
 * failure of ours. */
#include "store/pg.h"

#include "base/clock.h"
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT_MS_MAX = 2000 };

/* -- what it means */

/* The longest prefix that fits; https://www.postgresql.org/docs/15/errcodes-appendix.html */
static const struct { const char *state; enum fail_code code; bool needs_operator; const char *advice; } meanings[] = {
	{ "",      FAIL_STORE,      false, "the server is away, or lets nobody in" },
	{ "08",    FAIL_STORE,      false, "the connection broke" },
	{ "0A",    FAIL_INTERNAL,   false, NULL },
	{ "22",    FAIL_INTERNAL,   false, NULL },
	{ "23",    FAIL_CONFLICT,   false, NULL },
	{ "25",    FAIL_STORE,      false, "the transaction was rolled back under the request" },
	{ "25006", FAIL_STORE,      true,  "the server is read-only: a standby, or default_transaction_read_only" },
	{ "28",    FAIL_STORE,      true,  "the server refuses this user; see to the role, its password and pg_hba.conf" },
	{ "3D",    FAIL_STORE,      true,  "there is no such database; make it with createdb" },
	{ "3F",    FAIL_STORE,      true,  "there is no such schema; see to search_path" },
	{ "40",    FAIL_STORE,      false, "two transactions met; run it again" },
	{ "42",    FAIL_INTERNAL,   false, NULL },
	{ "42501", FAIL_STORE,      true,  "the role has not the right to do this; make it the owner of siban's tables, or GRANT what is missing" },
	{ "53",    FAIL_STORE,      true,  "the server has run out of something" },
	{ "53100", FAIL_STORE_FULL, true,  "the server's disk is full" },
	{ "53300", FAIL_STORE,      true,  "the server takes no more connections; raise max_connections, or lower store.pool and store.readers" },
	{ "54",    FAIL_INTERNAL,   false, NULL },
	{ "55P03", FAIL_STORE,      false, "waited too long for a lock" },
	{ "57",    FAIL_STORE,      false, "the server is stopping or starting" },
	{ "57014", FAIL_STORE,      false, "the statement took too long" },
	{ "58",    FAIL_STORE,      true,  "the server's disk fails" },
	{ "P0001", FAIL_CONFLICT,   false, NULL }, /* RAISE EXCEPTION: our triggers say no */
	{ "XX",    FAIL_STORE,      true,  "the server found itself or its files damaged" },
};

static size_t meaning_of(const char *state)
{
	size_t best = 0, best_len = 0, count = sizeof meanings / sizeof meanings[0];
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(meanings[i].state);
		if (len > best_len && strncmp(state, meanings[i].state, len) == 0) {
			best = i;
			best_len = len;
		}
	}
	return best; /* a class nobody heard of: as if it did not answer */
}

enum fail_code pg_meaning(const char *state)
{
	return meanings[meaning_of(state)].code;
}

bool pg_may_retry(const char *state)
{
	return strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0;
}

static void note_state(struct pg *p, const char *state)
{
	memset(p->state, 0, sizeof p->state);
	if (state != NULL)
		memcpy(p->state, state, strnlen(state, sizeof p->state - 1));
}

/* A server that refuses a connection gives its reason no field: the code stands in the text, "…FATAL:  3D000: database …", because pg_open asks for all
 * that is known. NULL: nobody said no, nobody answered. */
static const char *refusal(const struct pg *p)
{
	const char *at = PQerrorMessage(p->conn);
	while ((at = strstr(at, ":  ")) != NULL) {
		at += 3;
		if (strspn(at, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == PG_STATE_BYTES - 1 && at[PG_STATE_BYTES - 1] == ':')
			return at;
	}
	return NULL;
}

/* Class 22 quotes the value it could not take; a name of a constraint or table is no secret. */
static const char *words_of(const struct pg *p, const PGresult *r)
{
	const char *text = r != NULL ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : PQerrorMessage(p->conn), *refused = r == NULL ? refusal(p) : NULL;
	if (refused != NULL)
		text = refused + PG_STATE_BYTES + 1;
	if (strncmp(p->state, "22", 2) == 0)
		return "a value it cannot take";
	const char *said = text != NULL ? strstr(text, "FATAL:") : NULL; /* before it, where the server was sought */
	return said != NULL ? said : text != NULL && *text != '\0' ? text : "no answer";
}

bool pg_fails(struct pg *p, const PGresult *r, const char *doing, struct fail *why)
{
	note_state(p, r != NULL ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : refusal(p));
	size_t m = meaning_of(p->state);
	const char *words = words_of(p, r), *advice = meanings[m].advice;
	int len = (int)strcspn(words, "\n");
	if (meanings[m].needs_operator) {
		char text[256];
		snprintf(text, sizeof text, "%s: %.*s", advice, len, words);
		LOG_EVENT(store_failed, STR_NONE, L_C(doing), L_C(p->state), L_C(text));
	}
	if (advice == NULL)
		return fail_note(why, meanings[m].code, __FILE__, __LINE__, "%s: %.*s (%s)", doing, len, words, p->state);
	return fail_note(why, meanings[m].code, __FILE__, __LINE__, "%s: %s: %.*s (%s)", doing, advice, len, words, p->state);
}

/* -- waiting */

/* false: not before `until_ms`, or the socket is none. */
static bool ready(const struct pg *p, short events, int64_t until_ms)
{
	struct pollfd fd = { .fd = PQsocket(p->conn), .events = events };
	for (;;) {
		int64_t left = until_ms - clock_mono_ms();
		if (fd.fd < 0 || left <= 0)
			return false;
		int n = poll(&fd, 1, (int)left);
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
	}
}

/* Nobody knows what became of what was asked: this connection will never say. */
static bool given_up(struct pg *p, int64_t ms, const char *doing, struct fail *why)
{
	pg_close(p);
	note_state(p, NULL);
	return FAILS(why, STORE, "%s: no answer in %lld ms", doing, (long long)ms);
}

/* Everything that was sent leaves, and everything that was asked comes. The server may answer before it has read all, so both at once. */
static bool arrives(struct pg *p, int64_t until_ms)
{
	int unsent = PQflush(p->conn);
	while (unsent == 1 || PQisBusy(p->conn)) {
		if (!ready(p, unsent == 1 ? POLLIN | POLLOUT : POLLIN, until_ms))
			return false;
		if (PQconsumeInput(p->conn) == 0)
			return true; /* broken: PQgetResult says so */
		if (unsent == 1)
			unsent = PQflush(p->conn);
	}
	return true;
}

static bool broke(struct pg *p, const char *doing, struct fail *why)
{
	pg_fails(p, NULL, doing, why);
	pg_close(p);
	return false;
}

PGresult *pg_answer(struct pg *p, const char *doing, struct fail *why)
{
	int64_t until_ms = clock_mono_ms() + p->answer_ms;
	PGresult *last = NULL;
	for (;;) {
		if (!arrives(p, until_ms)) {
			PQclear(last);
			given_up(p, p->answer_ms, doing, why);
			return NULL;
		}
		PGresult *r = PQgetResult(p->conn);
		if (r == NULL)
			break;
		if (last != NULL && PQresultStatus(last) == PGRES_FATAL_ERROR) {
			PQclear(r); /* what went wrong first is the reason */
			continue;
		}
		PQclear(last);
		last = r;
	}
	if (last == NULL || PQstatus(p->conn) == CONNECTION_BAD) {
		if (last != NULL && PQresultErrorField(last, PG_DIAG_SQLSTATE) != NULL) {
			pg_fails(p, last, doing, why); /* "the administrator has ended this connection" */
			pg_close(p);
		} else {
			broke(p, doing, why);
		}
		PQclear(last);
		return NULL;
	}
	return last;
}

/* -- opening */

static void no_notice(void *ctx, const PGresult *r)
{
	(void)ctx;
	(void)r; /* libpq would print it on stderr, which is the log's */
}

static bool reach(struct pg *p, struct fail *why)
{
	int64_t ms = p->answer_ms < CONNECT_MS_MAX ? p->answer_ms : CONNECT_MS_MAX, until_ms = clock_mono_ms() + ms;
	for (PostgresPollingStatusType next = PGRES_POLLING_WRITING; next != PGRES_POLLING_OK; next = PQconnectPoll(p->conn)) {
		if (next == PGRES_POLLING_FAILED)
			return broke(p, "connecting to PostgreSQL", why);
		if (!ready(p, next == PGRES_POLLING_READING ? POLLIN : POLLOUT, until_ms))
			return given_up(p, ms, "connecting to PostgreSQL", why);
	}
	return true;
}

bool pg_open(struct pg *p, const char *url, const char *password, int64_t answer_ms, struct fail *why)
{
	const char *const names[] = { "dbname", "password", "client_encoding", "fallback_application_name", NULL };
	const char *const values[] = { url, password, "UTF8", "siban", NULL };
	*p = (struct pg){ .answer_ms = answer_ms };
	p->conn = PQconnectStartParams(names, values, 1);
	if (p->conn == NULL)
		return FAILS(why, MEMORY, "no memory for a database connection");
	if (PQstatus(p->conn) == CONNECTION_BAD)
		return broke(p, "connecting to PostgreSQL", why);
	PQsetNoticeReceiver(p->conn, no_notice, NULL);
	PQsetErrorVerbosity(p->conn, PQERRORS_VERBOSE);
	if (!reach(p, why))
		return false;
	PQsetErrorVerbosity(p->conn, PQERRORS_DEFAULT);
	if (PQsetnonblocking(p->conn, 1) != 0)
		return broke(p, "connecting to PostgreSQL", why);
	return true;
}

void pg_close(struct pg *p)
{
	PQfinish(p->conn);
	p->conn = NULL;
}

bool pg_is_alive(const struct pg *p)
{
	return p->conn != NULL && PQstatus(p->conn) == CONNECTION_OK;
}

/* -- asking */

static PGresult *ask(struct pg *p, const char *text, const char *doing, struct fail *why)
{
	if (p->conn == NULL) {
		note_state(p, NULL);
		FAILS(why, STORE, "%s: there is no connection", doing);
		return NULL;
	}
	if (PQsendQuery(p->conn, text) == 0) {
		broke(p, doing, why);
		return NULL;
	}
	PGresult *r = pg_answer(p, doing, why);
	if (r == NULL)
		return NULL;
	ExecStatusType status = PQresultStatus(r);
	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY)
		return r;
	pg_fails(p, r, doing, why);
	PQclear(r);
	return NULL;
}

bool pg_run(struct pg *p, const char *text, struct fail *why)
{
	PGresult *r = ask(p, text, "running a text", why);
	PQclear(r);
	return r != NULL;
}

bool pg_number(struct pg *p, const char *text, int64_t *out, bool *found, struct fail *why)
{
	PGresult *r = ask(p, text, "asking for a number", why);
	if (r == NULL)
		return false;
	*found = PQntuples(r) > 0 && PQnfields(r) > 0 && !PQgetisnull(r, 0, 0);
	*out = *found ? strtoll(PQgetvalue(r, 0, 0), NULL, 10) : 0;
	PQclear(r);
	return true;
}
