/* Goal: what a PostgreSQL server says becomes the right failure, and one that says nothing is given up in time.
 * Method: rows of SQLSTATEs; then sockets of our own where nobody listens, and where somebody listens and never answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/pg.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PATIENCE_MS = 150, LATE_MS = 5000 };

static const struct { const char *state; enum fail_code code; bool retry; } rows[] = {
	{ "40001", FAIL_STORE, true },       /* serialization_failure */
	{ "40P01", FAIL_STORE, true },       /* deadlock_detected */
	{ "40003", FAIL_STORE, false },      /* statement_completion_unknown */
	{ "23505", FAIL_CONFLICT, false },   /* unique_violation */
	{ "23503", FAIL_CONFLICT, false },   /* foreign_key_violation */
	{ "P0001", FAIL_CONFLICT, false },   /* raise_exception */
	{ "53100", FAIL_STORE_FULL, false }, /* disk_full */
	{ "53300", FAIL_STORE, false },      /* too_many_connections */
	{ "42501", FAIL_STORE, false },      /* insufficient_privilege */
	{ "42601", FAIL_INTERNAL, false },   /* syntax_error */
	{ "42P01", FAIL_INTERNAL, false },   /* undefined_table */
	{ "22021", FAIL_INTERNAL, false },   /* character_not_in_repertoire */
	{ "25006", FAIL_STORE, false },      /* read_only_sql_transaction */
	{ "25P02", FAIL_STORE, false },      /* in_failed_sql_transaction */
	{ "57P01", FAIL_STORE, false },      /* admin_shutdown */
	{ "57014", FAIL_STORE, false },      /* query_canceled */
	{ "08006", FAIL_STORE, false },      /* connection_failure */
	{ "", FAIL_STORE, false },
	{ "ZZ999", FAIL_STORE, false },
};

static void meanings(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (pg_meaning(rows[i].state) != rows[i].code || pg_may_retry(rows[i].state) != rows[i].retry)
			fail_msg("%s", rows[i].state);
}

static void refused(const char *folder, const char *words)
{
	char url[128];
	struct pg p;
	struct fail why;
	fail_clear(&why);
	snprintf(url, sizeof url, "postgresql:///siban?host=%s&user=siban", folder);
	int64_t began = clock_mono_ms();
	assert_false(pg_open(&p, url, NULL, PATIENCE_MS, &why));
	assert_true(clock_mono_ms() - began < LATE_MS);
	assert_int_equal(why.code, FAIL_STORE);
	if (strstr(why.log, words) == NULL)
		fail_msg("\"%s\" says nothing of \"%s\"", why.log, words);
	assert_false(pg_is_alive(&p));
	fail_clear(&why);
	assert_false(pg_run(&p, "SELECT 1", &why)); /* a closed one is asked in vain, and nothing worse */
	assert_int_equal(why.code, FAIL_STORE);
	pg_close(&p);
}

static void nobody_there(void **state)
{
	(void)state;
	char folder[] = "/tmp/siban-pg-XXXXXX", path[64];
	assert_non_null(mkdtemp(folder));
	refused(folder, "connecting to PostgreSQL");
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	snprintf(path, sizeof path, "%s/.s.PGSQL.5432", folder);
	strcpy(at.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(fd, 4), 0);
	refused(folder, "no answer in 150 ms"); /* as a server that was stopped */
	close(fd);
	unlink(path);
	rmdir(folder);
}

int main(void)
{
	log_level_set(LOG_ERROR);
	const struct CMUnitTest tests[] = { cmocka_unit_test(meanings), cmocka_unit_test(nobody_there) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
