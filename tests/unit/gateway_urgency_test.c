/* Goal: a loop asks for short slices and a greater share, takes what it is given, and goes on where it is given nothing.
 * Method: the call in a process of its own, as root where the test is, and as somebody who may not; the kernel says what came of it. */
#include "gateway/loops/urgency.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

enum { NOBODY = 65534 };

struct attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

/* Slices of one's own came with Linux 6.12. */
static bool has_slices(void)
{
	struct utsname u;
	int major = 0, minor = 0;
	return uname(&u) == 0 && sscanf(u.release, "%d.%d", &major, &minor) == 2 && (major > 6 || (major == 6 && minor >= 12));
}

/* What the process that asks ends with: 0, or which thing was not as it should be. */
static int asked(int32_t nice_wanted)
{
	struct attributes a = { 0 };
	urgency_ask();
	if (syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0U) != 0)
		return 1;
	if (a.nice != nice_wanted)
		return 2;
	return has_slices() && a.runtime != 100000 ? 3 : 0;
}

static int ends_with(int (*life)(void))
{
	int status;
	pid_t pid = fork();
	if (pid == 0)
		_exit(life());
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int denied(void)
{
	const struct rlimit none = { 0, 0 };
	int usual = getpriority(PRIO_PROCESS, 0);
	if (setrlimit(RLIMIT_NICE, &none) != 0 || (geteuid() == 0 && setuid(NOBODY) != 0))
		return 4;
	return asked(usual);
}

/* Root in a container may be refused, too. */
static int as_may_be(void)
{
	int usual = getpriority(PRIO_PROCESS, 0);
	bool is_granted = setpriority(PRIO_PROCESS, 0, -10) == 0;
	if (is_granted && setpriority(PRIO_PROCESS, 0, usual) != 0)
		return 4;
	return asked(is_granted ? -10 : usual);
}

static void a_greater_share(void **state)
{
	(void)state;
	assert_int_equal(ends_with(as_may_be), 0);
}

static void short_slices_alone(void **state)
{
	(void)state;
	assert_int_equal(ends_with(denied), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_greater_share), cmocka_unit_test(short_slices_alone) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
