/* Goal: with Redis stopped, hung, empty, refusing or mad, whoever asks is answered by the deadline and by the rule of keys.def, and when it is well again
 * all is as before. Method: a real redis-server that is killed, stopped and flushed; a server of our own that talks nonsense or nothing. */
#include "redis_server.h"

#include "base/clock.h"
#include "gateway/expiring/redis_link.h"

#include <uv.h>

enum { DEADLINE_MS = 50 };

static uv_loop_t loop;
static struct redis_settings settings;
static struct expiring *memory;
static int answered;

static void done(struct expiring_batch *b)
{
	(void)b;
	answered++;
}

static struct expiring *open_link_to(const char *path, const char *password)
{
	struct fail why;
	fail_clear(&why);
	settings = (struct redis_settings){ .path = str_c(path), .password = { str_c(password) }, .prefix = "l:", .deadline_ms = DEADLINE_MS };
	assert_int_equal(uv_loop_init(&loop), 0);
	memory = expiring_memory(&why);
	struct expiring *x = redis_link_open(&loop, &settings, memory, &why);
	assert_non_null(x);
	return x;
}

static struct expiring *open_link(void)
{
	return open_link_to(redis_server.path, NULL);
}

static void turn(void)
{
	uv_run(&loop, UV_RUN_NOWAIT);
	poll(NULL, 0, 1);
}

static void until_up(struct expiring *x, bool up)
{
	while (redis_link_is_up(x) != up)
		turn();
}

static void close_all(struct expiring *x)
{
	expiring_close(x);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	expiring_close(memory);
}

static struct expiring_op *ask(struct expiring *x, struct expiring_op o)
{
	static struct expiring_batch b;
	b = (struct expiring_batch){ .count = 1, .op = { o }, .done = done };
	int before = answered;
	if (!expiring_run(x, &b))
		while (answered == before)
			turn();
	return &b.op[0];
}

#define OP(v, c, k, ...) ((struct expiring_op){ .verb = EXPIRING_##v, .class = KEY_##c, .key = STR(k), __VA_ARGS__ })

static void asks_and_pipelines(void **state)
{
	(void)state;
	struct expiring *x = open_link();
	until_up(x, true);
	assert_int_equal(ask(x, OP(PUT, OTP, "a", .value = STR("v")))->end, EXPIRING_OK);
	enum { MANY = 500 };
	static struct expiring_batch many[MANY];
	int before = answered;
	for (int i = 0; i < MANY; i++) {
		many[i] = (struct expiring_batch){ .count = 2, .op = { OP(GET, OTP, "a"), OP(COUNT, OTP_PHONE, "n", .limit = MANY) }, .done = done };
		assert_false(expiring_run(x, &many[i]));
	}
	while (answered < before + MANY)
		turn();
	for (int i = 0; i < MANY; i++) {
		if (many[i].op[0].end == EXPIRING_AWAY)
			continue; /* a busy machine may be late for some; none may be wrong */
		assert_int_equal(many[i].op[0].end, EXPIRING_OK);
		assert_int_equal(many[i].op[1].number, i + 1);
	}
	close_all(x);
}

static void hung(void **state)
{
	(void)state;
	struct expiring *x = open_link();
	until_up(x, true);
	assert_int_equal(ask(x, OP(PUT, OTP, "h", .value = STR("v")))->end, EXPIRING_OK);
	kill(redis_server.pid, SIGSTOP);
	assert_int_equal(ask(x, OP(GET, OTP, "h"))->end, EXPIRING_AWAY); /* by the deadline */
	struct expiring_batch b = { .count = 2, .op = { OP(GET, OTP, "h"), OP(COUNT, RATE, "r", .limit = 2) }, .done = done };
	assert_true(expiring_run(x, &b)); /* the next waits for nothing */
	assert_int_equal(b.op[0].end, EXPIRING_AWAY);
	assert_int_equal(b.op[1].end, EXPIRING_OK); /* LOCAL: this node counts on its own */
	assert_int_equal(ask(x, OP(COUNT, RATE, "r", .limit = 2))->number, 2);
	assert_int_equal(ask(x, OP(COUNT, RATE, "r", .limit = 2))->end, EXPIRING_NO);
	kill(redis_server.pid, SIGCONT);
	until_up(x, true);
	struct expiring_op *o;
	while ((o = ask(x, OP(GET, OTP, "h")))->end == EXPIRING_AWAY)
		turn();
	assert_int_equal(o->end, EXPIRING_OK);
	close_all(x);
}

static void killed_and_empty(void **state)
{
	(void)state;
	struct expiring *x = open_link();
	until_up(x, true);
	assert_int_equal(ask(x, OP(PUT, OTP, "k", .value = STR("v")))->end, EXPIRING_OK);
	static struct expiring_batch flying;
	flying = (struct expiring_batch){ .count = 1, .op = { OP(GET, OTP, "k") }, .done = done };
	int before = answered;
	redis_server_kill();
	if (!expiring_run(x, &flying))
		while (answered == before)
			turn();
	assert_int_equal(flying.op[0].end, EXPIRING_AWAY);
	until_up(x, false);
	assert_int_equal(ask(x, OP(GET, OTP, "k"))->end, EXPIRING_AWAY);
	redis_server_run();
	until_up(x, true);
	assert_int_equal(ask(x, OP(GET, OTP, "k"))->end, EXPIRING_ABSENT);
	close_all(x);
}

static void script_forgotten(void **state)
{
	(void)state;
	struct expiring *x = open_link();
	until_up(x, true);
	redis_server_say("SCRIPT FLUSH");
	assert_int_equal(ask(x, OP(PUT, OTP, "s", .value = STR("v")))->end, EXPIRING_OK);
	redis_server_say("FLUSHALL");
	assert_int_equal(ask(x, OP(GET, OTP, "s"))->end, EXPIRING_ABSENT);
	close_all(x);
}

static void a_replica_refuses(void **state)
{
	(void)state;
	struct expiring *x = open_link();
	until_up(x, true);
	redis_server_say("REPLICAOF 127.0.0.1 1");
	assert_int_equal(ask(x, OP(PUT, OTP, "w", .value = STR("v")))->end, EXPIRING_AWAY);
	redis_server_say("REPLICAOF NO ONE");
	until_up(x, true);
	struct expiring_op *o;
	while ((o = ask(x, OP(PUT, OTP, "w", .value = STR("v"))))->end == EXPIRING_AWAY)
		turn();
	assert_int_equal(o->end, EXPIRING_OK);
	close_all(x);
}

static void wrong_password(void **state)
{
	(void)state;
	redis_server_say("CONFIG SET requirepass right");
	struct expiring *x = open_link_to(redis_server.path, "wrong");
	for (int i = 0; i < 200; i++) {
		turn();
		assert_false(redis_link_is_up(x));
	}
	assert_int_equal(ask(x, OP(GET, OTP, "p"))->end, EXPIRING_AWAY);
	settings.password = (struct secret){ STR("right") };
	settings.database = 3;
	until_up(x, true);
	assert_int_equal(ask(x, OP(GET, OTP, "p"))->end, EXPIRING_ABSENT);
	close_all(x);
	redis_server_kill(); /* and with it its password */
	redis_server_run();
}

static void heard(void *ctx, struct str text)
{
	if (str_eq(text, STR("revoked 7")))
		++*(int *)ctx;
}

static void published(void **state)
{
	(void)state;
	static const char *const channels[] = { "epoch", "other" };
	struct fail why;
	int times = 0;
	fail_clear(&why);
	struct expiring *x = open_link();
	expiring_hear(x, "epoch", heard, &times);
	struct redis_ear *ear = redis_ear_open(&loop, &settings, memory, channels, 2, &why);
	assert_non_null(ear);
	until_up(x, true);
	while (times == 0) { /* the ear may still be on its way */
		expiring_publish(x, "epoch", STR("revoked 7"));
		turn();
	}
	redis_ear_close(ear);
	close_all(x);
}

/* ---- a server that is none ---- */

static void mad_server(void **state)
{
	(void)state;
	static const char *const says[] = { "", "HTTP/1.1 400 Bad Request\r\n\r\n", "*1000000\r\n", "+OK\r\n", ":1\r\n:2\r\n", "$5\r\nhello\r\n" };
	char path[96];
	snprintf(path, sizeof path, "%s/mad.sock", redis_server.folder);
	for (size_t i = 0; i < sizeof says / sizeof says[0]; i++) {
		struct sockaddr_un at = { .sun_family = AF_UNIX };
		strcpy(at.sun_path, path);
		unlink(path);
		int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), fds[64], count = 0;
		assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
		assert_int_equal(listen(listener, 8), 0);
		struct expiring *x = open_link_to(path, NULL);
		for (int t = 0; t < 150; t++) {
			int fd = count < 64 ? accept(listener, NULL, NULL) : -1;
			if (fd >= 0) {
				fds[count++] = fd;
				assert_int_equal(write(fd, says[i], strlen(says[i])), strlen(says[i]));
			}
			turn();
			assert_int_equal(ask(x, OP(TRY, OTP, "m", .value = STR("1")))->end, EXPIRING_AWAY);
		}
		assert_true(count >= 1);
		close_all(x);
		while (count > 0)
			close(fds[--count]);
		close(listener);
	}
}

/* A server that is gone without a word: whoever only listens would never miss it. */
static void nobody_speaks(void **state)
{
	(void)state;
	static const char *const channels[] = { "epoch" };
	static const char subscribed[] = "*3\r\n$9\r\nsubscribe\r\n$12\r\nl:news:epoch\r\n:1\r\n";
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct fail why;
	char path[96];
	fail_clear(&why);
	snprintf(path, sizeof path, "%s/silent.sock", redis_server.folder);
	strcpy(at.sun_path, path);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), fds[8], count = 0;
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(listener, 8), 0);
	settings = (struct redis_settings){ .path = str_c(path), .prefix = "l:", .deadline_ms = DEADLINE_MS };
	assert_int_equal(uv_loop_init(&loop), 0);
	memory = expiring_memory(&why);
	struct redis_ear *ear = redis_ear_open(&loop, &settings, memory, channels, 1, &why);
	assert_non_null(ear);
	for (int64_t by = clock_mono_ms() + 20000; count < 3; turn()) {
		int fd = accept(listener, NULL, NULL);
		assert_true(clock_mono_ms() < by);
		if (fd < 0)
			continue;
		fds[count++] = fd;
		assert_int_equal(write(fd, subscribed, sizeof subscribed - 1), sizeof subscribed - 1);
	}
	redis_ear_close(ear);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	expiring_close(memory);
	while (count > 0)
		close(fds[--count]);
	close(listener);
}

static void closed_in_flight(void **state)
{
	(void)state;
	struct expiring *x = open_link();
	until_up(x, true);
	static struct expiring_batch b[3];
	int before = answered;
	kill(redis_server.pid, SIGSTOP);
	for (int i = 0; i < 3; i++) {
		b[i] = (struct expiring_batch){ .count = 1, .op = { OP(GET, OTP, "f") }, .done = done };
		assert_false(expiring_run(x, &b[i]));
	}
	close_all(x);
	assert_int_equal(answered, before + 3);
	kill(redis_server.pid, SIGCONT);
}

static void addresses(void **state)
{
	(void)state;
	static const struct { const char *url; bool fine; const char *host, *path, *user; int port; int64_t database; } rows[] = {
		{ "redis://127.0.0.1:6380/2", true, "127.0.0.1", "", "", 6380, 2 },
		{ "redis://gw@cache.example", true, "cache.example", "", "gw", 6379, 0 },
		{ "redis://[::1]:7000", true, "::1", "", "", 7000, 0 },
		{ "unix:/run/redis.sock?1", true, "", "/run/redis.sock", "", 0, 1 },
		{ "rediss://gw@cache.example:6390/1", true, "cache.example", "", "gw", 6390, 1 },
		{ "rediss://", false, NULL, NULL, NULL, 0, 0 },
		{ "redis://[::1]x7000", false, NULL, NULL, NULL, 0, 0 },
		{ "redis://", false, NULL, NULL, NULL, 0, 0 },
		{ "redis://h:0", false, NULL, NULL, NULL, 0, 0 },
		{ "redis://h:99999", false, NULL, NULL, NULL, 0, 0 },
		{ "redis://user:password@h", false, NULL, NULL, NULL, 0, 0 },
		{ "http://h", false, NULL, NULL, NULL, 0, 0 },
		{ "redis://h/x", false, NULL, NULL, NULL, 0, 0 },
		{ "sentinel://gw@a:1,[::1],c/main/4", true, "", "", "gw", 0, 4 },
		{ "sentinel://a/", false, NULL, NULL, NULL, 0, 0 },
		{ "sentinel://a,/main", false, NULL, NULL, NULL, 0, 0 },
		{ "sentinel://a,:1/main", false, NULL, NULL, NULL, 0, 0 },
		{ "sentinel://a:x/main", false, NULL, NULL, NULL, 0, 0 },
		{ "sentinel:///main", false, NULL, NULL, NULL, 0, 0 },
		{ "sentinel://a/main/x", false, NULL, NULL, NULL, 0, 0 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct redis_settings s = { .prefix = "" };
		const char *wrong = redis_settings_from(str_c(rows[i].url), &s);
		if ((wrong == NULL) != rows[i].fine)
			fail_msg("%s: %s", rows[i].url, wrong != NULL ? wrong : "fine");
		if (!rows[i].fine)
			continue;
		assert_true(str_eq(s.host, str_c(rows[i].host)) && str_eq(s.path, str_c(rows[i].path)) && str_eq(s.user, str_c(rows[i].user)));
		assert_int_equal(s.database, rows[i].database);
		assert_int_equal(s.is_tls, strncmp(rows[i].url, "rediss:", 7) == 0);
		assert_true(rows[i].port == 0 || s.port == rows[i].port);
	}
}

static void sentinels_in_turn(void **state)
{
	(void)state;
	static const struct { const char *host; int port; } wanted[] = { { "a", 1 }, { "::1", 26379 }, { "c", 26379 }, { "a", 1 } };
	struct redis_settings s = { .prefix = "" }, one = { .prefix = "" };
	size_t at = 0;
	assert_null(redis_settings_from(STR("sentinels://a:1,[::1],c/main"), &s));
	assert_true(s.is_tls && str_eq(s.master, STR("main")));
	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
		redis_settings_sentinel(&s, &at, &one);
		assert_true(str_eq(one.host, str_c(wanted[i].host)));
		assert_int_equal(one.port, wanted[i].port);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses), cmocka_unit_test(sentinels_in_turn), cmocka_unit_test(asks_and_pipelines), cmocka_unit_test(hung), cmocka_unit_test(killed_and_empty),
		cmocka_unit_test(script_forgotten), cmocka_unit_test(a_replica_refuses), cmocka_unit_test(wrong_password), cmocka_unit_test(published),
		cmocka_unit_test(mad_server), cmocka_unit_test(nobody_speaks), cmocka_unit_test(closed_in_flight),
	};
	log_level_set(LOG_ERROR);
	signal(SIGPIPE, SIG_IGN); /* as serve does */
	return cmocka_run_group_tests(tests, redis_server_start, redis_server_stop);
}
