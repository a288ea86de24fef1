/* Goal: one event is one JSON line whatever it holds; no line is mixed with another or lost without being counted.
 * Method: the log writes into a file or a pipe; each line is parsed back; threads write at once and end. */
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the log has written, by lines. */
struct written {
	int fd;
	char *text;
	size_t len, lines;
};

static void open_log(struct written *w, enum log_level least)
{
	char name[] = "/tmp/siban-log-XXXXXX";
	w->fd = mkstemp(name);
	assert_true(w->fd >= 0);
	unlink(name);
	log_open(w->fd, least);
}

static void read_log(struct written *w)
{
	log_flush();
	struct stat st;
	assert_int_equal(fstat(w->fd, &st), 0);
	w->len = (size_t)st.st_size;
	w->text = malloc(w->len + 1);
	assert_non_null(w->text);
	assert_int_equal(pread(w->fd, w->text, w->len, 0), w->len);
	w->text[w->len] = '\0';
	w->lines = 0;
	for (size_t i = 0; i < w->len; i++)
		w->lines += w->text[i] == '\n';
}

static void close_log(struct written *w)
{
	log_open(STDERR_FILENO, LOG_ERROR);
	close(w->fd);
	free(w->text);
}

static json_t *line_json(struct str *left)
{
	struct str line;
	struct fail why = { .code = FAIL_NONE };
	assert_true(str_cut(*left, '\n', &line, left));
	for (size_t i = 0; i < line.len; i++)
		assert_true((unsigned char)line.at[i] >= 0x20 && line.at[i] != 0x7f);
	json_t *j = json_read(line, &why);
	if (j == NULL)
		fail_msg("%s: %.*s", why.log, STR_ARG(line));
	return j;
}

static const char *text_of(const json_t *j, const char *name)
{
	return json_string_value(json_object_get(j, name));
}

static void a_line(void **state)
{
	(void)state;
	struct written w;
	open_log(&w, LOG_INFO);
	LOG_EVENT(access, STR("rq_1"), L_PLAIN(STR("GET")), L_PLAIN(STR("case_show")), L_INT(200), L_INT(-412), L_INT(INT64_MAX), L_C("h2"), L_C("citizen"), L_BOOL(true));
	LOG_EVENT(stopped, STR_NONE, L_INT(7));
	LOG_EVENT(conn_closed, STR_NONE, L_C("h2"), L_C("too low a level"), L_INT(1));
	read_log(&w);
	assert_int_equal(w.lines, 2);
	struct str left = { w.text, w.len };
	DROP(json) json_t *j = line_json(&left);
	int64_t t;
	assert_true(time_from_rfc3339(str_c(text_of(j, "t")), &t) && llabs(t - clock_wall_ms()) < 60000);
	assert_string_equal(text_of(j, "lvl"), "info");
	assert_string_equal(text_of(j, "ev"), "access");
	assert_string_equal(text_of(j, "req"), "rq_1");
	assert_string_equal(text_of(j, "method"), "GET");
	assert_string_equal(text_of(j, "route"), "case_show");
	assert_string_equal(text_of(j, "who"), "citizen");
	assert_int_equal(json_integer_value(json_object_get(j, "bytes")), -412);
	assert_true(json_integer_value(json_object_get(j, "us")) == INT64_MAX);
	assert_true(json_is_true(json_object_get(j, "replayed")));
	DROP(json) json_t *second = line_json(&left);
	assert_string_equal(text_of(second, "lvl"), "notice");
	assert_null(json_object_get(second, "req"));
	assert_int_equal(json_integer_value(json_object_get(second, "ms")), 7);
	close_log(&w);
}

static void strangers_text(void **state)
{
	(void)state;
	static char huge[100000];
	memset(huge, 'x', sizeof huge);
	static char controls[5000];
	memset(controls, 1, sizeof controls);
	const struct str texts[] = {
		STR("\"},\"ev\":\"forged\",{\""), STR("a\r\n{\"ev\":\"forged\"}\n"), STR("\x1b[31mred\x1b[0m\x07"), STR("\xc2\x9b\x33\x31m"),
		STR("\xff\xfe\xc0\xaf\xed\xa0\x80"), STR("\\"), STR("\\\""), STR("\xe5\x8a\x9e\xe4\xbb\xb6"), STR(""), STR_NONE,
		{ huge, sizeof huge }, { controls, sizeof controls }, { "\xf0\x9f\x98", 3 }, { "<3>", 3 },
	};
	enum { COUNT = sizeof texts / sizeof texts[0] };
	struct written w;
	open_log(&w, LOG_INFO);
	for (size_t i = 0; i < COUNT; i++) {
		LOG_EVENT(conn_refused, STR_NONE, L_STR(texts[i]));
		LOG_EVENT(access, STR("rq_1"), L_STR(texts[i]), L_STR(texts[i]), L_INT(INT64_MIN), L_INT(INT64_MIN), L_INT(INT64_MIN), L_STR(texts[i]),
			  L_STR(texts[i]), L_BOOL(false));
	}
	read_log(&w);
	assert_int_equal(w.lines, 2 * COUNT);
	struct str left = { w.text, w.len };
	for (size_t i = 0; i < COUNT; i++) {
		DROP(json) json_t *j = line_json(&left);
		DROP(json) json_t *access = line_json(&left);
		assert_string_equal(text_of(j, "ev"), "conn_refused");
		assert_string_equal(text_of(access, "ev"), "access");
		assert_true(json_is_false(json_object_get(access, "replayed")));
		if (str_is_utf8(texts[i]) && texts[i].len > 0 && texts[i].len < 1000)
			assert_true(str_eq(texts[i], str_c(text_of(j, "why"))));
		if (texts[i].len > 50000)
			assert_true(str_ends(str_c(text_of(j, "why")), STR("\xe2\x80\xa6")));
	}
	close_log(&w);
}

static void a_failure(void **state)
{
	(void)state;
	struct written w;
	open_log(&w, LOG_INFO);
	struct fail why = { .code = FAIL_NONE };
	FAILS(&why, STORE, "disk \"%d\"", 1);
	log_fail(STR("rq_2"), &why);
	read_log(&w);
	struct str left = { w.text, w.len };
	DROP(json) json_t *j = line_json(&left);
	assert_string_equal(text_of(j, "ev"), "request_failed");
	assert_string_equal(text_of(j, "code"), "store_unavailable");
	assert_string_equal(text_of(j, "file"), "unit/base_log_test.c");
	assert_string_equal(text_of(j, "why"), "disk \"1\"");
	close_log(&w);
}

static void errors_leave_at_once(void **state)
{
	(void)state;
	struct written w;
	struct stat st;
	open_log(&w, LOG_WARN);
	LOG_EVENT(conn_refused, STR_NONE, L_C("waits"));
	assert_int_equal(fstat(w.fd, &st), 0);
	assert_int_equal(st.st_size, 0);
	LOG_EVENT(listen_failed, STR_NONE, L_C("::"), L_C("in use"));
	assert_int_equal(fstat(w.fd, &st), 0);
	assert_true(st.st_size > 100);
	read_log(&w);
	assert_int_equal(w.lines, 2);
	close_log(&w);
	enum log_level level;
	assert_true(log_level_from(STR("warn"), &level) && level == LOG_WARN);
	assert_false(log_level_from(STR("loud"), &level));
}

static void journal_prefix(void **state)
{
	(void)state;
	struct written w = { .fd = -1 };
	char name[] = "/tmp/siban-log-XXXXXX", stream[64];
	struct stat st;
	w.fd = mkstemp(name);
	unlink(name);
	assert_int_equal(fstat(w.fd, &st), 0);
	snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_open(w.fd, LOG_INFO);
	LOG_EVENT(stopped, STR_NONE, L_INT(1));
	LOG_EVENT(conn_refused, STR_NONE, L_C("x"));
	read_log(&w);
	assert_memory_equal(w.text, "<5>{\"t\":", 8);
	assert_memory_equal(strchr(w.text, '\n') + 1, "<4>{\"t\":", 8);
	unsetenv("JOURNAL_STREAM");
	close_log(&w);
}

static int64_t fake_ms;
static int64_t fake_wall(void *ctx) { (void)ctx; return fake_ms; }
static int64_t fake_mono(void *ctx) { (void)ctx; return fake_ms * 1000000; }

static void the_cached_time_is_right(void **state)
{
	(void)state;
	static const int64_t times[] = { 999, 1000, 1001, 1999, 1000, 5, 1795392000000, 1795392000100, 1795392000099, 1795391999999, -1, -500, -1001, 0 };
	struct clock fake = { fake_wall, fake_mono, NULL };
	struct written w;
	open_log(&w, LOG_INFO);
	clock_replace(&fake);
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		fake_ms = times[i];
		LOG_EVENT(stopped, STR_NONE, L_INT(1));
	}
	clock_replace(NULL);
	read_log(&w);
	struct str left = { w.text, w.len };
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		char want[RFC3339_BYTES];
		time_rfc3339(times[i], want);
		DROP(json) json_t *j = line_json(&left);
		assert_string_equal(text_of(j, "t"), want);
	}
	close_log(&w);
}

enum { WRITERS = 4, WRITTEN = 3000 };

static void *writes(void *ctx)
{
	for (int i = 0; i < WRITTEN; i++)
		LOG_EVENT(case_moved, STR("rq_x"), L_INT(*(int *)ctx), L_INT(i), L_C("accepted"), L_C("to"));
	return NULL; /* no flush: the thread's end does it */
}

static void threads_do_not_mix(void **state)
{
	(void)state;
	struct written w;
	pthread_t threads[WRITERS];
	int ids[WRITERS], next[WRITERS] = { 0 };
	open_log(&w, LOG_INFO);
	for (int i = 0; i < WRITERS; i++) {
		ids[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, writes, &ids[i]), 0);
	}
	for (int i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	read_log(&w);
	assert_int_equal(w.lines, WRITERS * WRITTEN);
	struct str left = { w.text, w.len };
	for (int i = 0; i < WRITERS * WRITTEN; i++) {
		DROP(json) json_t *j = line_json(&left);
		int id = (int)json_integer_value(json_object_get(j, "case"));
		assert_int_equal(json_integer_value(json_object_get(j, "seq")), next[id]++);
	}
	close_log(&w);
}

static void what_is_lost_is_counted(void **state)
{
	(void)state;
	int ends[2];
	assert_int_equal(pipe2(ends, O_NONBLOCK), 0); /* nobody reads: it fills */
	int64_t before = metric_read(M_log_lost, 0);
	log_open(ends[1], LOG_INFO);
	enum { LINES = 2000 };
	for (int i = 0; i < LINES; i++)
		LOG_EVENT(conn_refused, STR_NONE, L_C("a line that nobody takes, long enough for the pipe to fill"));
	log_flush();
	int64_t lost = metric_read(M_log_lost, 0) - before;
	assert_in_range(lost, 1, LINES - 1);
	size_t room = 1 << 20, len = 0;
	char *text = malloc(room);
	ssize_t got;
	while ((got = read(ends[0], text + len, room - len)) > 0)
		len += (size_t)got;
	LOG_EVENT(stopped, STR_NONE, L_INT(1)); /* begins a line of its own, even after one was cut */
	log_flush();
	while ((got = read(ends[0], text + len, room - len)) > 0)
		len += (size_t)got;
	struct str left = { text, len }, line, last = STR_NONE;
	int64_t whole = 0;
	while (str_cut(left, '\n', &line, &left)) {
		whole += str_ends(line, STR("}"));
		last = line;
	}
	struct fail why = { .code = FAIL_NONE };
	DROP(json) json_t *j = json_read(last, &why);
	assert_string_equal(text_of(j, "ev"), "stopped");
	assert_int_equal(whole + lost, LINES + 1);
	free(text);
	log_open(STDERR_FILENO, LOG_ERROR);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line),         cmocka_unit_test(strangers_text),           cmocka_unit_test(a_failure),
		cmocka_unit_test(journal_prefix), cmocka_unit_test(the_cached_time_is_right), cmocka_unit_test(errors_leave_at_once),
		cmocka_unit_test(threads_do_not_mix), cmocka_unit_test(what_is_lost_is_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
