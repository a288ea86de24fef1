/* Goal: whatever database stands behind the store, a schema file was applied or it was not; nothing starts on one that says something else; and two nodes
 * that start at once do it once. What only a server can be (in another alphabet, somebody else's, without rights) is refused with what to do.
 * Method: lists of files of our own on an empty database of each kind, spoiled in one way per row; processes that race and die. */
#include "postgres_server.h"
#include "store_fixture.h"

#include "store/pg_session.h"

#include <fcntl.h>
#include <libpq-fe.h>

enum { NODES = 4 };

/* ---- two databases ---- */

static struct fixture f;
static char name[32]; /* of PostgreSQL's database */
static PGconn *beside;

static void sqlite_empty(void)
{
	fixture_make(&f, NULL);
	fixture_raw(&f, "DROP TABLE schema_migration; DROP TABLE meta");
}

static void sqlite_raw(const char *sql) { fixture_raw(&f, sql); }
static int64_t sqlite_number(const char *sql) { return fixture_number(&f, sql); }

static void postgres_settings(const char *role)
{
	fixture_folder(&f);
	f.config.development = true; /* the server keeps nothing over a power failure */
	postgres_url_as(role, name, f.config.store_url);
}

/* One database for all, because a new one costs more than a test. */
static void postgres_empty(void)
{
	strcpy(name, "mine");
	postgres_settings("siban");
	postgres_raw(name, "DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION siban; GRANT USAGE ON SCHEMA public TO PUBLIC");
	FIXTURE_OK(&f, fixture_open(&f, STORE_INSPECT));
	beside = postgres_connect("postgres", name);
}

static void postgres_beside(const char *sql) { postgres_do(beside, sql); }
static int64_t postgres_count(const char *sql) { return postgres_number(beside, sql); }

static const struct body {
	const char *name;
	void (*empty)(void), (*raw)(const char *sql);
	int64_t (*number)(const char *sql);
	const char *tables; /* counts a and b */
} bodies[] = {
	{ "SQLite", sqlite_empty, sqlite_raw, sqlite_number, "SELECT count(*) FROM sqlite_schema WHERE name IN ('a', 'b')" },
	{ "PostgreSQL", postgres_empty, postgres_beside, postgres_count, "SELECT count(*) FROM pg_class WHERE relname IN ('a', 'b')" },
};
static const struct body *body;

static void drop(void)
{
	fixture_drop(&f);
	PQfinish(beside);
	beside = NULL;
}

/* ---- files ---- */

#define FIRST { 1, "0001_a.sql", "CREATE TABLE schema_migration (\n number BIGINT PRIMARY KEY, name VARCHAR(64), sha256 BYTEA, applied_at_ms BIGINT);\n" \
                                 "CREATE TABLE a (\n id BIGINT PRIMARY KEY, v VARCHAR(9));\n" }

#define SECOND { 2, "0002_b.sql", "CREATE TABLE b (\n id BIGINT PRIMARY KEY,\n a BIGINT REFERENCES a (id));\n" }

static const struct migration good[] = { FIRST, SECOND };
static const struct migration fails_late[] = { FIRST, { 2, "0002_b.sql", "CREATE TABLE b (i BIGINT);\nINSERT INTO a (id) VALUES (7);\nCREATE TABLE c (i BIGINT REFERENCES a (nothing));\n" } };
static const struct migration deferrable[] = { FIRST, { 2, "0002_b.sql", "CREATE TABLE b (a BIGINT REFERENCES a (id) DEFERRABLE INITIALLY DEFERRED);\n" } };
static const struct migration other_first[] = { { 1, "0001_a.sql", "CREATE TABLE other (id BIGINT);\n" }, SECOND };
static const struct migration cut_off[] = { FIRST, { 2, "0002_b.sql", "CREATE TABLE b (i BIGINT);\n-- postgres:\nSELECT pg_terminate_backend(pg_backend_pid());\n-- end\n" } };
static const struct migration waits[] = { FIRST, { 2, "0002_b.sql", "CREATE TABLE b (i BIGINT);\n-- postgres:\nSELECT pg_advisory_xact_lock(77);\n-- end\nCREATE TABLE c (i BIGINT);\n" } };

static const struct {
	const char *name;
	size_t before;                /* so many of `good` are applied first */
	const char *spoil;
	const struct migration *list; /* of two */
	const char *refusal;          /* NULL: applied */
	int version, tables;
} rows[] = {
	{ "fresh", 0, NULL, good, NULL, 2, 2 },
	{ "again", 2, NULL, good, NULL, 2, 2 },
	{ "one behind", 1, NULL, good, NULL, 2, 2 },
	{ "newer", 2, "INSERT INTO schema_migration (number) VALUES (9)", good, "made by a newer siban (schema 9, this one knows 2); run that version", 2, 2 },
	{ "edited", 2, "UPDATE schema_migration SET sha256 = NULL WHERE number = 1", good, "schema file 0001_a.sql is not the one that was applied", 0, 2 },
	{ "another's first", 1, NULL, other_first, "schema file 0001_a.sql is not the one that was applied", 0, 1 },
	{ "a gap", 2, "DELETE FROM schema_migration WHERE number = 1", good, "out of order", 0, 2 },
	{ "fails in the middle", 0, NULL, fails_late, "nothing", 1, 1 },
	{ "deferrable", 0, NULL, deferrable, "DEFERRABLE", 1, 1 },
	{ "cut off in the middle", 0, NULL, cut_off, "", 1, 1 },
};

static void files(void **state)
{
	(void)state;
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	for (size_t b = 0; b < sizeof bodies / sizeof bodies[0]; b++)
		for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
			int version;
			body = &bodies[b];
			if (rows[i].list == cut_off && b == 0)
				continue; /* there is no wire to cut */
			body->empty();
			log_open(nowhere, LOG_ERROR);
			FIXTURE_OK(&f, rows[i].before == 0 || schema_migrate(f.store->writer, good, rows[i].before, &version, &f.why));
			if (rows[i].spoil != NULL)
				body->raw(rows[i].spoil);
			fail_clear(&f.why);
			bool ok = schema_migrate(f.store->writer, rows[i].list, 2, &version, &f.why);
			if (ok != (rows[i].refusal == NULL) || (!ok && strstr(f.why.log, rows[i].refusal) == NULL) || version != rows[i].version)
				fail_msg("%s, %s: schema %d, \"%s\"", body->name, rows[i].name, version, f.why.log);
			if (body->number(body->tables) != rows[i].tables || body->number("SELECT count(*) FROM a") != 0)
				fail_msg("%s, %s: half a file was applied", body->name, rows[i].name);
			if (!ok && version == 1) /* and it can be gone on with */
				FIXTURE_OK(&f, schema_migrate(f.store->writer, good, 2, &version, &f.why));
			log_open(2, LOG_ERROR);
			drop();
		}
	close(nowhere);
}

/* ---- a table that others refer to is written anew ---- */

enum { WAYS = 57 };

#define BLOB(open) open "616263'"
/* Each of them writes three bytes in its own way. */
#define WAYS_IN(blob) \
	"INSERT INTO person (id, facts, kind, made_ms) VALUES (1, " blob ", 0, 1);" \
	"INSERT INTO login (id, kind, hash_a, value, person, level, made_ms, seen_ms) VALUES (1, 1, " blob ", " blob ", 1, 1, 1, 1);" \
	"INSERT INTO login (id, kind, hash_a, value, person, level, made_ms, seen_ms, key, more) VALUES (2, 2, " blob ", " blob ", 1, 2, 1, 1, " blob ", " blob ");" \
	"INSERT INTO session (id, key, kind, principal_id, login, name, level, level3_until_ms, rights, region, made_ms, seen_ms, expires_ms, end_reason)" \
	" VALUES (1, " blob ", 2, 1, 2, " blob ", 1, 0, 0, 0, 1, 1, 2, 0)"

static void referred_to(void **state)
{
	(void)state;
	static const char *const ways_in[] = { WAYS_IN(BLOB("x'")), WAYS_IN(BLOB("'\\x")) };
	for (size_t b = 0; b < sizeof bodies / sizeof bodies[0]; b++) {
		int version;
		const struct migration *list;
		size_t count = migrations_built_in(&list);
		body = &bodies[b];
		if (b == 0)
			fixture_make(&f, NULL);
		else
			postgres_empty();
		FIXTURE_OK(&f, schema_migrate(f.store->writer, list, count, &version, &f.why));
		body->raw(ways_in[b]);
		while (list[count - 1].number > WAYS)
			count--;
		body->raw("DELETE FROM schema_migration WHERE number >= 57"); /* once more, now that there are rows */
		FIXTURE_OK(&f, schema_migrate(f.store->writer, list, count, &version, &f.why));
		assert_int_equal(version, WAYS);
		assert_int_equal(body->number("SELECT count(*) FROM session s JOIN login l ON l.id = s.login WHERE l.kind = 2 AND l.key = s.key AND l.more = l.value AND l.hash_a = l.key"), 1);
		assert_int_equal(body->number("SELECT count(*) FROM login"), 2);
		body->raw("INSERT INTO login (id, kind, hash_a, value, person, level, made_ms, seen_ms) SELECT 3, 4, hash_a, value, person, 1, 1, 1 FROM login WHERE id = 1");
		assert_int_equal(body->number("SELECT count(*) FROM login WHERE kind = 4"), 1);
		drop();
	}
}

/* ---- what reached which account ---- */

enum { ACCOUNTS = 66 };

/* As it was before, with what a day's fund flow left in it. Trade, fee, refund, returned fee, withdrawn, other: the first four were posted. */
#define KEPT_SO_FAR "DROP TABLE recon_flow; DROP TABLE recon_settlement; DELETE FROM schema_migration WHERE number >= 66;" \
	"CREATE TABLE recon_settlement (source BIGINT, day BIGINT, business BIGINT, lines BIGINT, fen BIGINT, step BIGINT, PRIMARY KEY (source, day, business));" \
	"INSERT INTO recon_settlement (source, day, business, lines, fen, step) VALUES (2, 20000, 1, 2, 1000000, 1), (2, 20000, 2, 2, -6000, 1), (2, 20000, 3, 1, -700, 2)," \
	" (2, 20000, 4, 1, 4, 2), (2, 20000, 5, 1, -900000, 3), (2, 20000, 6, 1, 500, 1);"

static void posted_before(void **state)
{
	(void)state;
	for (size_t b = 0; b < sizeof bodies / sizeof bodies[0]; b++) {
		int version;
		const struct migration *list;
		size_t count = migrations_built_in(&list);
		body = &bodies[b];
		if (b == 0)
			fixture_make(&f, NULL);
		else
			postgres_empty();
		FIXTURE_OK(&f, schema_migrate(f.store->writer, list, count, &version, &f.why));
		FIXTURE_OK(&f, store_write(f.store, fixture_run_script, (void *)(uintptr_t)KEPT_SO_FAR, &f.why));
		while (list[count - 1].number > ACCOUNTS)
			count--;
		FIXTURE_OK(&f, schema_migrate(f.store->writer, list, count, &version, &f.why));
		assert_int_equal(version, ACCOUNTS);
		assert_int_equal(body->number("SELECT COUNT(*) FROM recon_settlement WHERE channel = 3 AND merchant = '' AND account = ''"), 6);
		assert_int_equal(body->number("SELECT SUM(fen) FROM recon_settlement WHERE business <= 4"), 1000000 - 6000 - 700 + 4);
		assert_int_equal(body->number("SELECT SUM(lines) FROM recon_settlement WHERE business <= 4"), 6);
		assert_int_equal(body->number("SELECT COUNT(*) FROM recon_settlement WHERE business > 4 AND fen = 0 AND lines = 0"), 2);
		assert_int_equal(body->number("SELECT MAX(step) FROM recon_settlement"), 3);
		drop();
	}
}

/* ---- several nodes ---- */

/* Runs `migrate` in a process of its own, as a node does. */
static pid_t node(bool (*migrate)(void))
{
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		log_open(open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_ERROR);
		_exit(migrate() ? 0 : 1);
	}
	return pid;
}

static void until_waiting(const char *key, int64_t nodes)
{
	char sql[160];
	snprintf(sql, sizeof sql, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = %s", key);
	while (postgres_number(beside, sql) < nodes)
		poll(NULL, 0, 5);
}

static bool built_in(void)
{
	struct fixture mine;
	fixture_folder(&mine);
	mine.config.development = true;
	strcpy(mine.config.store_url, f.config.store_url);
	bool ok = fixture_open(&mine, STORE_MIGRATE);
	if (!ok)
		fprintf(stderr, "%s\n", mine.why.log);
	fixture_drop(&mine);
	return ok;
}

static void two_at_once(void **state)
{
	(void)state;
	pid_t nodes[NODES];
	postgres_empty();
	postgres_do(beside, "SELECT pg_advisory_lock(1397309006)"); /* so that none is first */
	for (int i = 0; i < NODES; i++)
		nodes[i] = node(built_in);
	until_waiting("1397309006", NODES);
	postgres_do(beside, "SELECT pg_advisory_unlock(1397309006)");
	for (int i = 0; i < NODES; i++) {
		int status;
		assert_int_equal(waitpid(nodes[i], &status, 0), nodes[i]);
		assert_int_equal(status, 0);
	}
	const struct migration *list;
	assert_int_equal(postgres_number(beside, "SELECT count(*) FROM schema_migration"), migrations_built_in(&list));
	drop();
}

static bool waiting_file(void)
{
	int version;
	struct fixture mine;
	fixture_folder(&mine);
	mine.config.development = true;
	strcpy(mine.config.store_url, f.config.store_url);
	return fixture_open(&mine, STORE_INSPECT) && schema_migrate(mine.store->writer, waits, 2, &version, &mine.why);
}

static void killed(void **state)
{
	(void)state;
	int version, status;
	postgres_empty();
	postgres_do(beside, "SELECT pg_advisory_lock(77)");
	pid_t pid = node(waiting_file);
	until_waiting("77", 1); /* in the middle of the second file */
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	postgres_do(beside, "SELECT pg_advisory_unlock(77)");
	FIXTURE_OK(&f, schema_migrate(f.store->writer, good, 2, &version, &f.why));
	assert_int_equal(version, 2);
	assert_int_equal(postgres_number(beside, "SELECT count(*) FROM pg_class WHERE relname = 'c'"), 0);
	drop();
}

/* ---- what only a server can be ---- */

static const struct {
	const char *name, *as, *database, *first; /* what the superuser says in it first; NULL: nothing */
	enum store_mode mode;
	const char *refusal;                      /* NULL: opens */
} servers[] = {
	{ "Latin letters", "siban", "latin", NULL, STORE_MIGRATE, "encoding is not UTF8; make it with" },
	{ "another alphabet", "siban", "alphabet", NULL, STORE_MIGRATE, "sorts texts as a language does" },
	{ "no database", "siban", "nowhere", NULL, STORE_MIGRATE, "createdb" },
	{ "no role", "stranger", "mine", NULL, STORE_MIGRATE, "refuses this user" },
	{ "another's", "siban", "mine", "CREATE TABLE theirs (i INT)", STORE_MIGRATE, "belongs to another program" },
	{ "may make nothing", "guest", "mine", "DROP TABLE theirs", STORE_MIGRATE, "has not the right" },
	{ "not migrated", "siban", "mine", NULL, STORE_SERVE, "run siban migrate" },
	{ "good", "siban", "mine", NULL, STORE_MIGRATE, NULL },
	{ "may read nothing", "guest", "mine", NULL, STORE_SERVE, "has not the right" },
	{ "may only read", "guest", "mine", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest", STORE_SERVE, "may not read and write all" },
	{ "may not count", "guest", "mine", "GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO guest", STORE_SERVE, "may not use all of siban's sequences" },
	{ "may do what it must", "guest", "mine", "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO guest", STORE_SERVE, NULL },
};

static void server(void **state)
{
	(void)state;
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	postgres_empty();
	drop();
	postgres_raw("postgres", "CREATE ROLE guest LOGIN");
	postgres_raw("postgres", "CREATE DATABASE latin OWNER siban TEMPLATE template0 ENCODING 'LATIN1'");
	postgres_raw("postgres", "CREATE DATABASE alphabet OWNER siban TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'und'");
	for (size_t i = 0; i < sizeof servers / sizeof servers[0]; i++) {
		if (servers[i].first != NULL)
			postgres_raw(servers[i].database, servers[i].first);
		strcpy(name, servers[i].database);
		postgres_settings(servers[i].as);
		log_open(nowhere, LOG_ERROR);
		bool ok = fixture_open(&f, servers[i].mode);
		if (ok != (servers[i].refusal == NULL) || (!ok && (strstr(f.why.log, servers[i].refusal) == NULL || (f.why.code != FAIL_SCHEMA && f.why.code != FAIL_STORE))))
			fail_msg("%s: %d \"%s\"", servers[i].name, f.why.code, f.why.log);
		log_open(2, LOG_ERROR);
		fixture_drop(&f);
	}
	close(nowhere);
}

static int start(void **state)
{
	postgres_server_start(state);
	postgres_raw("postgres", "CREATE DATABASE mine OWNER siban TEMPLATE template0");
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(files), cmocka_unit_test(referred_to), cmocka_unit_test(posted_before), cmocka_unit_test(two_at_once), cmocka_unit_test(killed), cmocka_unit_test(server) };
	return cmocka_run_group_tests(tests, start, postgres_server_stop);
}
