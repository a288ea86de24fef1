/* Goal: whatever stops the sealer at whatever moment, the chain is as long as its last commit, dense and whole, and the next run goes on to
 * the very chain that an undisturbed one makes. Method: fail the n-th statement for n = 1, 2, … until a run passes; kill the process between
 * and inside its transactions. */
#include "seal_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

enum { FACTS = 11, BITE = 4, N_MAX = 500 };

static struct fixture f;
static uint8_t undisturbed[HASH_BYTES];
static int nowhere;

static int undisturbed_run(void **state)
{
	(void)state;
	nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	fixture_make(&f, NULL);
	seal_make_facts(&f, FACTS);
	while (seal_some(&f, SEAL_NOW, BITE) > 0)
		;
	memcpy(undisturbed, seal_read_head(&f).chain, HASH_BYTES);
	fixture_drop(&f);
	return nowhere < 0;
}

static void goes_on_to_the_same_end(void)
{
	int64_t sealed = fixture_number(&f, "SELECT count(*) FROM seal");
	seal_invariants(&f, sealed);
	while (seal_some(&f, SEAL_NOW, BITE) > 0)
		;
	seal_invariants(&f, FACTS);
	assert_memory_equal(seal_read_head(&f).chain, undisturbed, HASH_BYTES);
}

static void nth_statement(void **state)
{
	(void)state;
	bool untouched = false;
	for (int n = 1; !untouched; n++) {
		char text[32];
		assert_true(n < N_MAX);
		fixture_make(&f, NULL);
		log_open(nowhere, LOG_ERROR);
		seal_make_facts(&f, FACTS);
		snprintf(text, sizeof text, "store_step=%d", n);
		assert_true(fault_set(str_c(text)));
		int64_t sealed = 0;
		bool ok = true;
		for (struct seal_step s = { SEAL_NOW, BITE, BITE }; ok && s.sealed > 0; sealed += ok ? s.sealed : 0) {
			fail_clear(&f.why);
			ok = store_write(f.store, seal_step, &s, &f.why);
		}
		untouched = fault_count(FAULT_store_step) < n;
		fault_clear_all();
		assert_int_equal(ok, untouched);
		assert_true(ok || f.why.code == FAIL_STORE);
		assert_int_equal(fixture_number(&f, "SELECT count(*) FROM seal"), sealed); /* of the bite that failed: nothing */
		goes_on_to_the_same_end();
		log_open(2, LOG_ERROR);
		fixture_drop(&f);
	}
}

/* Seals `whole` bites, writes the next without committing it, and dies. */
static bool seal_and_die(struct tx *tx, void *ctx, struct fail *why)
{
	if (!seal_step(tx, ctx, why))
		return false;
	kill(getpid(), SIGKILL);
	return true;
}

static void killed_between_and_inside(void **state)
{
	(void)state;
	for (int whole = 0; whole <= FACTS / BITE; whole++) {
		fixture_make(&f, NULL);
		seal_make_facts(&f, FACTS);
		fixture_close(&f);
		pid_t pid = fork();
		if (pid == 0) {
			if (!fixture_open(&f, STORE_SERVE))
				_exit(1);
			struct seal_step s = { SEAL_NOW, BITE, 0 };
			for (int i = 0; i < whole; i++)
				if (!store_write(f.store, seal_step, &s, &f.why))
					_exit(2);
			(void)!store_write(f.store, seal_and_die, &s, &f.why);
			_exit(3);
		}
		int status;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		FIXTURE_OK(&f, fixture_open(&f, STORE_SERVE));
		assert_int_equal(fixture_number(&f, "SELECT count(*) FROM seal"), whole * BITE);
		goes_on_to_the_same_end();
		fixture_drop(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(nth_statement), cmocka_unit_test(killed_between_and_inside) };
	return cmocka_run_group_tests(tests, undisturbed_run, NULL);
}
