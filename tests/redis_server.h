/* tests/redis_server.h - a real redis-server on a socket of its own, and the expiring store's Redis codec behind a blocking connection. */
#ifndef TESTS_REDIS_SERVER_H
#define TESTS_REDIS_SERVER_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/redis.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
	char folder[64], path[96];
	pid_t pid;
} redis_server;

static inline int redis_connect(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	strcpy(to.sun_path, redis_server.path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Starts it in its folder, and waits until it listens. */
static inline void redis_server_run(void)
{
	redis_server.pid = fork();
	if (redis_server.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that dies takes it along */
		execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", redis_server.path, "--save", "", "--appendonly", "no", "--dir",
		       redis_server.folder, "--logfile", "redis.log", (char *)NULL);
		_exit(127);
	}
	for (int fd = -1; fd < 0;) { /* until it listens, or is gone */
		int status;
		if (waitpid(redis_server.pid, &status, WNOHANG) != 0)
			fail_msg("redis-server did not start");
		fd = redis_connect();
		if (fd >= 0)
			close(fd);
		else
			poll(NULL, 0, 5);
	}
}

static inline int redis_server_start(void **state)
{
	(void)state;
	strcpy(redis_server.folder, "/tmp/siban-redis-XXXXXX");
	assert_non_null(mkdtemp(redis_server.folder));
	snprintf(redis_server.path, sizeof redis_server.path, "%s/redis.sock", redis_server.folder);
	redis_server_run();
	return 0;
}

static inline void redis_server_kill(void)
{
	kill(redis_server.pid, SIGKILL);
	waitpid(redis_server.pid, NULL, 0);
	unlink(redis_server.path);
}

/* One word of the operator's, answered with +… or :… */
static inline void redis_server_say(const char *line)
{
	char text[128], answer[64] = "";
	int fd = redis_connect(), n = snprintf(text, sizeof text, "%s\r\n", line);
	assert_int_equal(write(fd, text, (size_t)n), n);
	assert_true(read(fd, answer, sizeof answer - 1) > 0);
	if (answer[0] != '+' && answer[0] != ':')
		fail_msg("%s: %s", line, answer);
	close(fd);
}

static inline int redis_server_stop(void **state)
{
	(void)state;
	char command[128];
	redis_server_kill();
	snprintf(command, sizeof command, "rm -rf '%s'", redis_server.folder);
	return system(command);
}

/* ---- a body of the expiring store that waits for each answer ---- */

struct redis_waiting {
	struct expiring face;
	int fd;
	struct redis_reader *reader;
	char digest[REDIS_DIGEST_BYTES];
};

static inline void redis_write(int fd, struct redis_bytes *b)
{
	for (size_t done = 0; done < b->len;) {
		ssize_t n = write(fd, b->at + done, b->len - done);
		assert_true(n > 0);
		done += (size_t)n;
	}
	redis_bytes_drop(b);
}

static inline void redis_await(struct redis_waiting *w, struct redis_answer *out)
{
	char bytes[7]; /* answers must come together from any pieces */
	for (redis_next(w->reader, out); out->kind == REDIS_SAYS_NOTHING; redis_next(w->reader, out)) {
		ssize_t n = read(w->fd, bytes, sizeof bytes);
		assert_true(n > 0);
		assert_true(redis_feed(w->reader, bytes, (size_t)n));
	}
}

static inline bool redis_waiting_run(struct expiring *x, struct expiring_batch *b)
{
	struct redis_waiting *w = (struct redis_waiting *)x;
	struct redis_bytes out;
	struct redis_answer answer;
	struct fail why;
	fail_clear(&why);
	assert_true(redis_batch("t:", b, w->digest[0] != '\0' ? w->digest : NULL, &out, &why));
	redis_write(w->fd, &out);
	redis_await(w, &answer);
	if (answer.kind != REDIS_SAYS_BATCH)
		fail_msg("redis says %d: %.*s", (int)answer.kind, STR_ARG(answer.text));
	assert_true(redis_fill(w->reader, b));
	return true;
}

static inline void redis_waiting_close(struct expiring *x)
{
	struct redis_waiting *w = (struct redis_waiting *)x;
	close(w->fd);
	redis_reader_drop(w->reader);
	free(w);
}

/* Empty at each start; every other one uses the script's digest, the rest its text. */
static inline struct expiring *redis_blocking(struct fail *why)
{
	static int made;
	struct redis_waiting *w = calloc(1, sizeof *w);
	struct redis_bytes out;
	struct redis_answer answer;
	assert_non_null(w);
	w->face = (struct expiring){ .run = redis_waiting_run, .close = redis_waiting_close };
	w->fd = redis_connect();
	w->reader = redis_reader_make("t:", why);
	assert_true(w->fd >= 0 && w->reader != NULL);
	static const char flush[] = "*1\r\n$8\r\nFLUSHALL\r\n";
	assert_int_equal(write(w->fd, flush, sizeof flush - 1), sizeof flush - 1);
	redis_await(w, &answer);
	assert_int_equal(answer.kind, REDIS_SAYS_FINE);
	if (made++ % 2 == 0)
		return &w->face;
	assert_true(redis_load(&out, why));
	redis_write(w->fd, &out);
	redis_await(w, &answer);
	assert_int_equal(answer.kind, REDIS_SAYS_LOADED);
	memcpy(w->digest, answer.text.at, REDIS_DIGEST_BYTES - 1);
	return &w->face;
}

static inline void redis_pass(int64_t ms)
{
	char text[512], script[] = "for _, k in ipairs(redis.call('KEYS', '*')) do local t = redis.call('PTTL', k) if t > 0 then redis.call('PEXPIRE', k, t - ARGV[1]) end end return 1";
	char number[24];
	if (ms == 0)
		return;
	int digits = snprintf(number, sizeof number, "%lld", (long long)ms);
	int n = snprintf(text, sizeof text, "*4\r\n$4\r\nEVAL\r\n$%zu\r\n%s\r\n$1\r\n0\r\n$%d\r\n%s\r\n", sizeof script - 1, script, digits, number);
	int fd = redis_connect();
	assert_int_equal(write(fd, text, (size_t)n), n);
	char answer[8] = "";
	assert_int_equal(read(fd, answer, 4), 4);
	assert_memory_equal(answer, ":1\r\n", 4);
	close(fd);
}
#endif
