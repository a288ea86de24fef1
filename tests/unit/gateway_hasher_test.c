/* Goal: a password's verdict is right whatever becomes of the process that hashes it, and that process has nothing it could give away. Method: this
 * program is its own helper, and in other modes one that dies with the question in its hand, talks nonsense, or never answers; each asks the same rows.
 * What a helper gave away is read from /proc. */
#include "gateway/beside/hasher.h"
#include "auth/password.h"
#include "base/clock.h"
#include "gateway/beside/hasher_talk.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sched.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECRET(text) ((struct secret){ STR(text) })
enum { PATIENT_MS = 60000 };

static char cheap[PASSWORD_TEXT_BYTES]; /* of "Window-17" */

static int setup(void **state)
{
	(void)state;
	assert_true(password_ready());
	return crypto_pwhash_str_alg(cheap, "Window-17", 9, 1, 8192, crypto_pwhash_ALG_ARGON2ID13);
}

static struct hasher *started(const char *verb, int64_t patience_ms)
{
	struct fail why;
	fail_clear(&why);
	struct hasher *h = hasher_start(&(struct hasher_how){ .helpers = 1, .patience_ms = patience_ms, .verb = verb, .is_loud = true }, &why);
	assert_non_null(h);
	return h;
}

static void asks_the_rows(void)
{
	static const struct { const char *password; bool is_right; } rows[] = { { "Window-17", true }, { "Window-18", false }, { "", false } };
	struct fail why;
	bool is_right, is_old;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fail_clear(&why);
		assert_true(password_check((struct secret){ str_c(rows[i].password) }, cheap, &is_right, &is_old, &why));
		assert_int_equal(is_right, rows[i].is_right);
		assert_int_equal(is_old, rows[i].is_right); /* it was made more cheaply than today's */
	}
	assert_true(password_check(SECRET("x"), "no such text", &is_right, &is_old, &why));
	assert_false(is_right);
}

static void a_helper_answers(void **state)
{
	(void)state;
	static const uint8_t salt[16] = "0123456789abcdef";
	char there[PASSWORD_TEXT_BYTES], here[PASSWORD_TEXT_BYTES], longest[HASHER_PASSWORD_BYTES + 1];
	struct fail why;
	bool is_right, is_old;
	fail_clear(&why);
	struct hasher *h = started(NULL, PATIENT_MS);
	asks_the_rows();
	assert_true(password_hash(SECRET("窗口Window-17"), salt, there, &why));
	memset(longest, 'x', sizeof(longest));
	assert_int_equal(hasher_count(h, HASHER_ANSWERED), 5);
	assert_true(password_check((struct secret){ { longest, sizeof(longest) } }, cheap, &is_right, &is_old, &why)); /* fits no question, and is judged all the same */
	assert_false(is_right);
	assert_int_equal(hasher_count(h, HASHER_ANSWERED), 5);
	hasher_stop(h);
	assert_true(password_hash(SECRET("窗口Window-17"), salt, here, &why));
	assert_string_equal(there, here);
}

static void misbehaving(void **state)
{
	(void)state;
	static const struct { const char *verb; int64_t patience_ms; enum hasher_end end; } rows[] = {
		{ "dies", PATIENT_MS, HASHER_LOST }, { "nonsense", PATIENT_MS, HASHER_NONSENSE }, { "short", PATIENT_MS, HASHER_NONSENSE },
		{ "another", PATIENT_MS, HASHER_NONSENSE }, { "mute", 20, HASHER_LATE }, { "no_memory", PATIENT_MS, HASHER_LOST },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct hasher *h = started(rows[i].verb, rows[i].patience_ms);
		asks_the_rows();
		if (hasher_count(h, rows[i].end) < 1 || hasher_count(h, HASHER_ANSWERED) != 0)
			fail_msg("%s: %d ended so, %d answered", rows[i].verb, (int)hasher_count(h, rows[i].end), (int)hasher_count(h, HASHER_ANSWERED));
		assert_int_equal(hasher_count(h, rows[i].end) + hasher_count(h, HASHER_RESTING), 4);
		hasher_stop(h);
	}
}

static void killed_while_idle(void **state)
{
	(void)state;
	struct hasher *h = started(NULL, PATIENT_MS);
	asks_the_rows();
	pid_t first = hasher_pid(h, 0);
	siginfo_t how;
	assert_int_equal(kill(first, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)first, &how, WEXITED | WNOWAIT), 0);
	asks_the_rows();
	assert_int_not_equal(hasher_pid(h, 0), first);
	assert_int_equal(hasher_count(h, HASHER_ANSWERED), 8); /* a new one, and no question was lost */
	hasher_stop(h);
}

static bool says(pid_t pid, const char *line)
{
	char path[64], text[4096];
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	size_t n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	return strstr(text, line) != NULL;
}

static void has_nothing_to_give_away(void **state)
{
	(void)state;
	struct fail why;
	fail_clear(&why);
	struct hasher *h = started(NULL, PATIENT_MS);
	asks_the_rows(); /* it is past its beginning */
	pid_t pid = hasher_pid(h, 0);
	assert_true(says(pid, "\nNoNewPrivs:\t1\n"));
	assert_true(says(pid, "\nSeccomp:\t2\n"));
	hasher_stop(h);
	assert_int_not_equal(kill(pid, 0), 0); /* and is gone when it is not wanted any more */

	h = hasher_start(&(struct hasher_how){ .helpers = 1, .patience_ms = PATIENT_MS }, &why);
	assert_non_null(h);
	int64_t until = clock_mono_ns() + PATIENT_MS * 1000000LL;
	while (sched_getscheduler(hasher_pid(h, 0)) != SCHED_IDLE && clock_mono_ns() < until)
		sched_yield();
	assert_int_equal(sched_getscheduler(hasher_pid(h, 0)), SCHED_IDLE);
	hasher_stop(h);
}

static void ends_well_when_the_gateway_is_gone(void **state)
{
	(void)state;
	int pair[2], status;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (dup2(pair[1], STDIN_FILENO) == STDIN_FILENO)
			execl("/proc/self/exe", "siban", "hasher", "loud", NULL);
		_exit(127);
	}
	close(pair[0]);
	close(pair[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* -- helpers that fail, each in its own way, until the test lets go of them */

static int misbehave(const char *verb)
{
	struct hasher_question q;
	while (recv(STDIN_FILENO, &q, sizeof(q), 0) == (ssize_t)sizeof(q)) {
		struct hasher_answer a = { .number = q.number, .is_done = 1, .is_right = 1 };
		size_t size = sizeof(a);
		if (strcmp(verb, "dies") == 0)
			return 0;
		if (strcmp(verb, "mute") == 0)
			continue;
		if (strcmp(verb, "nonsense") == 0)
			memset(&a, 0xa5, sizeof(a));
		if (strcmp(verb, "short") == 0)
			size = 6;
		if (strcmp(verb, "another") == 0)
			a.number++;
		if (strcmp(verb, "no_memory") == 0)
			a.is_done = 0;
		if (send(STDIN_FILENO, &a, size, MSG_NOSIGNAL) < 0)
			return 0;
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return strcmp(argv[1], "hasher") == 0 ? hasher_live(argc > 2) : misbehave(argv[1]);
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_helper_answers), cmocka_unit_test(misbehaving), cmocka_unit_test(killed_while_idle),
		cmocka_unit_test(has_nothing_to_give_away), cmocka_unit_test(ends_well_when_the_gateway_is_gone) };
	return cmocka_run_group_tests(tests, setup, NULL);
}
