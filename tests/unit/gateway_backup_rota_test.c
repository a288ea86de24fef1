/* Goal: the folder tells when the next backup is due; older ones go when there are more than should stay, the last whole one never, and nothing that is not ours.
 * Method: folders with manifests written by hand. */
#include "gateway/beside/backup_rota.h"

#include "base/clock.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define NOW_MS INT64_C(1795420800000) /* 2026-11-23T16:00:00+08:00 */
static const char manifest[] = "{\"format\":1,\"siban\":\"0.1.0\",\"made_at\":\"2026-11-23T16:00:00.000+08:00\",\"schema\":1,\"commit\":1,\"database\":{\"file\":\"siban.db\",\"bytes\":1,"
	"\"sha256\":\"x\"},\"keys\":\"\",\"seal\":{\"seq\":0,\"chain\":\"\"}}";

static char folder[64];

static void put(const char *name, const char *file, const char *text)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
	snprintf(path, sizeof(path), "%s/%s/%s", folder, name, file);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void whole(const char *name)
{
	put(name, "siban.db", "x");
	put(name, "manifest.json", manifest);
}

static bool is_there(const char *name)
{
	char path[256];
	struct stat st;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return stat(path, &st) == 0;
}

static int begin(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/siban-rota-XXXXXX");
	return mkdtemp(folder) == NULL;
}

static int end(void **state)
{
	char command[128];
	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static void a_name_is_a_time(void **state)
{
	(void)state;
	char name[BACKUP_NAME_BYTES];
	backup_name(NOW_MS + 123, name);
	assert_string_equal(name, "siban-20261123-160000");
	assert_int_equal(backup_newest_ms(folder), 0);
	assert_int_equal(backup_newest_ms("/nowhere/at/all"), 0);
	whole(name);
	whole("siban-20261122-160000");
	whole("siban-20261131-160000"); /* no such day */
	whole("copy-20271123-160000");
	put("siban-20261124-160000", "siban.db", "x"); /* no manifest: not whole */
	put("siban-20261125-160000", "manifest.json", "{}");
	assert_true(backup_newest_ms(folder) == NOW_MS);
}

static void what_goes_and_what_stays(void **state)
{
	(void)state;
	whole("siban-20261120-160000");
	whole("siban-20261121-160000");
	whole("siban-20261122-160000");
	whole("siban-20261123-160000");
	whole("before-the-upgrade");
	put("siban-20261124-160000", "siban.db", "half");
	assert_int_equal(backup_rota_keep(folder, 3), 1);
	assert_true(!is_there("siban-20261120-160000") && is_there("siban-20261121-160000"));
	put("siban-20261121-160000", "notes.txt", "mine"); /* somebody's own: his file stays */
	assert_int_equal(backup_rota_keep(folder, 0), 1);
	assert_true(is_there("siban-20261121-160000/notes.txt") && !is_there("siban-20261122-160000"));
	assert_int_equal(backup_rota_keep(folder, 1), 0);
	assert_true(is_there("siban-20261123-160000/manifest.json") && is_there("before-the-upgrade/siban.db") && is_there("siban-20261124-160000/siban.db"));
}

static void half_made_ones_go(void **state)
{
	(void)state;
	whole("siban-20261123-160000");
	put("siban-20261124-160000.partial", "siban.db", "half");
	put("mine.partial", "siban.db", "half");
	backup_rota_prepare(folder);
	assert_true(is_there("siban-20261123-160000/manifest.json") && is_there("mine.partial") && !is_there("siban-20261124-160000.partial"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_name_is_a_time, begin, end), cmocka_unit_test_setup_teardown(what_goes_and_what_stays, begin, end),
		cmocka_unit_test_setup_teardown(half_made_ones_go, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
