/* Goal: behind Sentinels a failover costs a moment in which each class of keys.def follows its row, and then the link is at the new master, whatever that still
 * knows: also when it is empty. A sentinel that is dead, does not know the name or says something old is passed over.
 * Method: two real redis-servers and a real sentinel; the master is exchanged by word, and then killed; the new one is emptied. */
#include "redis_server.h"

#include "base/clock.h"
#include "gateway/expiring/redis_link.h"

#include <arpa/inet.h>
#include <uv.h>

enum { DEADLINE_MS = 200, PATIENCE_MS = 60000, SERVERS = 2, DEAD_PORT = 1 };
#define PASSWORD "right"
#define WATCHWORD "watch"

static struct server {
	int port;
	pid_t pid;
} servers[SERVERS], sentinel;

static char folder[64], url[160];
static uv_loop_t loop;
static struct redis_settings settings;
static struct expiring *memory;
static int answered;

/* ---- the outside ---- */

static int socket_to(int port, bool listens)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && (listens ? bind(fd, (struct sockaddr *)&at, sizeof at) : connect(fd, (struct sockaddr *)&at, sizeof at)) == 0)
		return fd;
	close(fd);
	return -1;
}

static int free_port(void)
{
	struct sockaddr_in at;
	socklen_t len = sizeof at;
	int fd = socket_to(0, true);
	assert_true(fd >= 0 && getsockname(fd, (struct sockaddr *)&at, &len) == 0);
	close(fd);
	return ntohs(at.sin_port);
}

/* What it answers to a line; "" while it does not. */
static const char *say(int port, const char *password, const char *line)
{
	static char text[512];
	int fd = socket_to(port, false), n = snprintf(text, sizeof text, "AUTH %s\r\n%s\r\n", password, line);
	const char *last = "";
	if (fd < 0)
		return last;
	if (write(fd, text, (size_t)n) == n && shutdown(fd, SHUT_WR) == 0) {
		size_t got = 0;
		for (ssize_t r; got < sizeof text - 1 && (r = read(fd, text + got, sizeof text - 1 - got)) > 0;)
			got += (size_t)r;
		text[got] = '\0';
		char *after = strstr(text, "\r\n");
		last = after != NULL ? after + 2 : "";
	}
	close(fd);
	return last;
}

static void until_says(int port, const char *password, const char *line, const char *word)
{
	const char *said = "";
	for (int64_t by = clock_mono_ms() + PATIENCE_MS; strstr(said = say(port, password, line), word) == NULL; poll(NULL, 0, 20))
		if (clock_mono_ms() > by)
			fail_msg("%s: %s", line, said);
}

static void run(struct server *s, const char *name, const char *conf)
{
	char path[96];
	snprintf(path, sizeof path, "%s/%s.conf", folder, name);
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	fprintf(f, "bind 127.0.0.1\nport %d\ndir %s\nlogfile %s/%s.log\n%s", s->port, folder, folder, name, conf);
	fclose(f);
	s->pid = fork();
	if (s->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execlp("redis-server", "redis-server", path, s == &sentinel ? "--sentinel" : "--protected-mode no", (char *)NULL);
		_exit(127);
	}
}

static int start_all(void **state)
{
	(void)state;
	char conf[512];
	strcpy(folder, "/tmp/siban-sentinel-XXXXXX");
	assert_non_null(mkdtemp(folder));
	for (int i = 0; i < SERVERS; i++) {
		servers[i].port = free_port();
		int n = snprintf(conf, sizeof conf, "save \"\"\nrequirepass " PASSWORD "\nmasterauth " PASSWORD "\nrepl-diskless-sync-delay 0\n");
		if (i > 0)
			snprintf(conf + n, sizeof conf - (size_t)n, "replicaof 127.0.0.1 %d\n", servers[0].port);
		run(&servers[i], i == 0 ? "one" : "two", conf);
		until_says(servers[i].port, PASSWORD, "PING", "PONG");
	}
	until_says(servers[1].port, PASSWORD, "INFO replication", "master_link_status:up");
	sentinel.port = free_port();
	snprintf(conf, sizeof conf, "requirepass " WATCHWORD "\nsentinel monitor main 127.0.0.1 %d 1\nsentinel auth-pass main " PASSWORD "\nsentinel down-after-milliseconds main 300\n"
		"sentinel failover-timeout main 5000\n", servers[0].port);
	run(&sentinel, "sentinel", conf);
	until_says(sentinel.port, WATCHWORD, "SENTINEL REPLICAS main", "runid"); /* it knows of the other one */
	return 0;
}

static void end(struct server *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
}

static int stop_all(void **state)
{
	(void)state;
	char command[128];
	end(&sentinel);
	end(&servers[0]);
	end(&servers[1]);
	snprintf(command, sizeof command, "rm -rf '%s'", folder);
	return system(command);
}

/* ---- the link ---- */

static void done(struct expiring_batch *b)
{
	(void)b;
	answered++;
}

static struct expiring *open_link(const char *at, const char *watchword)
{
	struct fail why;
	fail_clear(&why);
	snprintf(url, sizeof url, "%s", at);
	settings = (struct redis_settings){ .password = { STR(PASSWORD) }, .sentinel_password = { str_c(watchword) }, .prefix = "s:", .deadline_ms = DEADLINE_MS };
	assert_null(redis_settings_from(str_c(url), &settings));
	assert_int_equal(uv_loop_init(&loop), 0);
	memory = expiring_memory(&why);
	struct expiring *x = redis_link_open(&loop, &settings, memory, &why);
	assert_non_null(x);
	return x;
}

static void turn(void)
{
	uv_run(&loop, UV_RUN_NOWAIT);
	poll(NULL, 0, 1);
}

static void until_up(struct expiring *x, bool up)
{
	for (int64_t by = clock_mono_ms() + PATIENCE_MS; redis_link_is_up(x) != up; turn())
		assert_true(clock_mono_ms() < by);
}

static void close_all(struct expiring *x)
{
	expiring_close(x);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	expiring_close(memory);
}

static struct expiring_op *ask(struct expiring *x, enum expiring_verb verb, int class)
{
	static struct expiring_batch b;
	b = (struct expiring_batch){ .count = 1, .op = { { .verb = verb, .class = (enum key_class)class, .key = STR("k"), .value = STR("v"), .limit = 5 } }, .done = done };
	int before = answered;
	if (!expiring_run(x, &b))
		while (answered == before)
			turn();
	return &b.op[0];
}

/* A busy machine is late now and then. */
static struct expiring_op *ask_surely(struct expiring *x, enum expiring_verb verb, int class)
{
	struct expiring_op *o;
	for (int64_t by = clock_mono_ms() + PATIENCE_MS; (o = ask(x, verb, class))->end == EXPIRING_AWAY || !redis_link_is_up(x); turn())
		assert_true(clock_mono_ms() < by);
	return o;
}

static void put_all(struct expiring *x)
{
	for (int c = 0; c < KEY_CLASSES; c++)
		assert_int_equal(ask_surely(x, EXPIRING_PUT, c)->end, EXPIRING_OK);
}

static int master(void)
{
	for (int i = 0; i < SERVERS; i++)
		if (strstr(say(servers[i].port, PASSWORD, "ROLE"), "master") != NULL)
			return i;
	return -1;
}

static void good_url(char out[160])
{
	snprintf(out, 160, "sentinel://127.0.0.1:%d,127.0.0.1:%d/main/2", DEAD_PORT, sentinel.port);
}

/* ---- what happens ---- */

static void found(void **state)
{
	(void)state;
	char at[160];
	good_url(at);
	struct expiring *x = open_link(at, WATCHWORD);
	until_up(x, true);
	assert_int_equal(ask_surely(x, EXPIRING_PUT, KEY_OTP)->end, EXPIRING_OK);
	assert_int_equal(ask_surely(x, EXPIRING_GET, KEY_OTP)->end, EXPIRING_OK);
	close_all(x);
}

static void stays_down(const char *at, const char *watchword)
{
	struct expiring *x = open_link(at, watchword);
	for (int64_t by = clock_mono_ms() + 300; clock_mono_ms() < by; turn())
		assert_false(redis_link_is_up(x));
	assert_int_equal(ask(x, EXPIRING_GET, KEY_OTP)->end, EXPIRING_AWAY);
	close_all(x);
}

static void not_found(void **state)
{
	(void)state;
	char at[160];
	good_url(at);
	stays_down(at, "wrong");
	snprintf(at, sizeof at, "sentinel://127.0.0.1:%d/another", sentinel.port);
	stays_down(at, WATCHWORD);
	snprintf(at, sizeof at, "sentinel://127.0.0.1:%d/main", servers[0].port); /* a Redis that is no sentinel */
	stays_down(at, PASSWORD);
	snprintf(at, sizeof at, "sentinel://127.0.0.1:%d/main", DEAD_PORT);
	stays_down(at, WATCHWORD);
}

/* By word: the old master goes on living, as a replica. */
static void exchanged(void **state)
{
	(void)state;
	char at[160];
	good_url(at);
	struct expiring *x = open_link(at, WATCHWORD);
	until_up(x, true);
	put_all(x);
	int before = master();
	until_says(sentinel.port, WATCHWORD, "SENTINEL FAILOVER main", "+OK");
	for (int64_t by = clock_mono_ms() + PATIENCE_MS; strstr(say(servers[before].port, PASSWORD, "ROLE"), "slave") == NULL; turn())
		assert_true(clock_mono_ms() < by);
	assert_int_equal(ask_surely(x, EXPIRING_PUT, KEY_OTP)->end, EXPIRING_OK); /* where it can be written */
	assert_int_equal(master(), 1 - before);
	close_all(x);
}

static void killed_and_the_next_is_empty(void **state)
{
	(void)state;
	char at[160];
	good_url(at);
	struct expiring *x = open_link(at, WATCHWORD);
	until_up(x, true);
	put_all(x);
	int before = master();
	assert_in_range(before, 0, 1);
	end(&servers[before]);
	until_up(x, false);
	for (int c = 0; c < KEY_CLASSES; c++) {
		bool is_local = key_row((enum key_class)c)->away == KEY_AWAY_LOCAL;
		struct expiring_op *o = ask(x, EXPIRING_GET, c);
		if (redis_link_is_up(x) || o->end != (is_local ? EXPIRING_ABSENT : EXPIRING_AWAY))
			fail_msg("%s: %d", key_row((enum key_class)c)->name, (int)o->end);
		assert_int_equal(ask(x, EXPIRING_COUNT, c)->end, is_local ? EXPIRING_OK : EXPIRING_AWAY);
	}
	until_says(servers[1 - before].port, PASSWORD, "ROLE", "master");
	until_says(servers[1 - before].port, PASSWORD, "FLUSHALL", "+OK");
	until_up(x, true);
	for (int c = 0; c < KEY_CLASSES; c++) {
		if (ask_surely(x, EXPIRING_GET, c)->end != EXPIRING_ABSENT)
			fail_msg("%s is there", key_row((enum key_class)c)->name);
		assert_int_equal(ask_surely(x, EXPIRING_TRY, c)->end, EXPIRING_ABSENT); /* a code of before is none, and no try is given anew */
		assert_int_equal(ask_surely(x, EXPIRING_LOCK, c)->end, EXPIRING_OK);
	}
	close_all(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found), cmocka_unit_test(not_found), cmocka_unit_test(exchanged), cmocka_unit_test(killed_and_the_next_is_empty),
	};
	log_level_set(LOG_ERROR);
	signal(SIGPIPE, SIG_IGN); /* as serve does */
	return cmocka_run_group_tests(tests, start_all, stop_all);
}
