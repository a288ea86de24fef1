/* Goal: what a start finds in the log is there to stay, and so is what is committed behind it. After a sync that failed, or a death between write and
 * sync, the system shows pages that the disk may never get.
 * Method: a COMMIT whose sync fails; the next process; what it shows must survive a power failure, and so must a commit of its own. */
#include "machine.h"

#include "ram_disk.h"
#include "store/meta.h"
#include "store/sqlite.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

enum { SEEDS = 100 };

static struct machine machine;

static char before[] = "before", unsure[] = "unsure", behind[] = "behind";

static bool put(struct tx *tx, void *name, struct fail *why)
{
	static const char bytes[] = "0123456789abcdef";
	return meta_put(tx, str_c(name), bytes, sizeof bytes, why);
}

static bool shows(struct store *s, const char *name)
{
	struct fail why;
	struct tx tx;
	char bytes[64];
	int64_t len = -1;
	fail_clear(&why);
	struct connection *c = store_reader(s, 0, &why);
	assert_non_null(c);
	assert_true(reader_begin(c, &tx, &why));
	assert_true(meta_get(&tx, str_c(name), bytes, sizeof bytes, &len, &why));
	connection_close(c);
	return len > 0;
}

static struct store *opened(void)
{
	struct fail why;
	fail_clear(&why);
	struct store *s = store_open(&machine.config, STORE_SERVE, &why);
	if (s == NULL)
		fail_msg("%s", why.log);
	return s;
}

/* A process that ends because a sync failed; the next one. */
static struct store *after_failed_sync(const struct ram_image *founded, uint64_t seed)
{
	struct fail why;
	fail_clear(&why);
	ram_vfs_reset(seed);
	ram_vfs_load(founded);
	struct store *s = opened();
	assert_true(store_write(s, put, before, &why));
	ram_vfs_fail(RAM_SYNC, 1, SQLITE_IOERR_FSYNC, 1);
	machine.must_stop = false;
	assert_false(store_write(s, put, unsure, &why));
	assert_true(machine.must_stop);
	ram_vfs_crash(RAM_KILLED);
	store_close(s);
	return opened();
}

static struct store *after_power_failure(struct store *s)
{
	ram_vfs_crash(RAM_POWER_LOST);
	store_close(s);
	return opened();
}

static void test_what_is_shown_stays(void **state)
{
	int shown = 0;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct store *s = after_failed_sync(*state, seed);
		bool is_shown = shows(s, unsure);
		shown += is_shown;
		s = after_power_failure(s);
		assert_true(shows(s, before));
		assert_int_equal(shows(s, unsure), is_shown);
		store_close(s);
	}
	assert_true(shown > 0); /* else nothing was tried */
}

static void test_what_is_committed_behind_it_stays(void **state)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct fail why;
		fail_clear(&why);
		struct store *s = after_failed_sync(*state, seed);
		assert_true(store_write(s, put, behind, &why));
		s = after_power_failure(s);
		assert_true(shows(s, before) && shows(s, behind));
		store_close(s);
	}
}

static int found(void **state)
{
	struct fail why;
	fail_clear(&why);
	machine_begin(&machine);
	ram_vfs_reset(1);
	assert_true(machine_migrate(&machine, &why));
	*state = ram_vfs_save();
	return 0;
}

static int disband(void **state)
{
	ram_vfs_reset(0);
	ram_image_drop(*state);
	machine_end(&machine);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_what_is_shown_stays), cmocka_unit_test(test_what_is_committed_behind_it_stays) };
	return cmocka_run_group_tests(tests, found, disband);
}
