/* Goal: a call ends exactly once, in time, and its end tells the truth about what may have happened; after ten thousand calls nothing is left over.
 * Method: real sockets to the peer of http_peer.h. Where a call may go: notify_http_multi_wall_test.c. */
#include "http_peer.h"

enum { SOAK_CALLS = 10000 };

static void ends(void **state)
{
	(void)state;
	static const struct {
		const char *path, *body;
		enum method method;
		int64_t timeout_ms;
		enum http_end end;
		int status;
	} cases[] = {
		{ "/ok", NULL, METHOD_GET, LONG_MS, HTTP_ANSWERED, 200 },
		{ "/ok", "{\"a\":1}", METHOD_POST, LONG_MS, HTTP_ANSWERED, 200 },
		{ "/ok", NULL, METHOD_POST, LONG_MS, HTTP_ANSWERED, 200 },
		{ "/ok", "x", METHOD_PUT, LONG_MS, HTTP_ANSWERED, 200 },
		{ "/ok", NULL, METHOD_DELETE, LONG_MS, HTTP_ANSWERED, 200 },
		{ "/redirect", NULL, METHOD_GET, LONG_MS, HTTP_ANSWERED, 302 },
		{ "/early", NULL, METHOD_GET, LONG_MS, HTTP_ANSWERED, 503 },
		{ "/hang", "x", METHOD_POST, SHORT_MS, HTTP_UNCLEAR, 0 },
		{ "/hang", NULL, METHOD_GET, SHORT_MS, HTTP_UNCLEAR, 0 },
		{ "/drip", NULL, METHOD_GET, SHORT_MS, HTTP_UNCLEAR, 0 },
		{ "/close", "x", METHOD_POST, LONG_MS, HTTP_UNCLEAR, 0 },
		{ "/half", "x", METHOD_POST, LONG_MS, HTTP_UNCLEAR, 0 },
		{ "/rubbish", "x", METHOD_POST, LONG_MS, HTTP_UNCLEAR, 0 },
		{ "/huge", NULL, METHOD_GET, LONG_MS, HTTP_TOO_LARGE, 200 },
		{ "/headers", NULL, METHOD_GET, LONG_MS, HTTP_TOO_LARGE, 200 },
	};
	struct http_multi *m = make();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static struct call c;
		char url[256], line[64];
		int before = peer_requests;
		url_of(url, "127.0.0.1", peer_port, cases[i].path);
		prepare(&c, cases[i].method, url, cases[i].body, cases[i].timeout_ms);
		static const char *const keeps[] = { "x-nothing", "retry-after", NULL };
		c.job.call.keeps = strcmp(cases[i].path, "/early") == 0 ? keeps : NULL;
		carry(m, &c);
		while (peer_requests == before) /* something left; the peer may not have come to it yet */
			sched_yield();
		if (c.job.answer.end != cases[i].end || c.job.answer.status != cases[i].status || peer_requests - before != 1)
			fail_msg("row %zu %s: end %d status %d \"%s\", %d requests", i, cases[i].path, (int)c.job.answer.end, c.job.answer.status, c.job.answer.error,
				 peer_requests - before);
		assert_true((c.job.answer.end == HTTP_ANSWERED) == (c.job.answer.error[0] == '\0'));
		assert_true(c.job.answer.is_late == (cases[i].timeout_ms == SHORT_MS));
		static const char *const names[] = { [METHOD_GET] = "GET", [METHOD_POST] = "POST", [METHOD_PUT] = "PUT", [METHOD_DELETE] = "DELETE" };
		snprintf(line, sizeof(line), "%s /ok HTTP/1.1\r\n", names[cases[i].method]);
		if (strcmp(cases[i].path, "/ok") == 0)
			assert_true(strstr(c.body, line) == c.body);
		if (cases[i].body != NULL && cases[i].end == HTTP_ANSWERED)
			assert_true(str_ends(str_c(c.body), str_c(cases[i].body)) && strstr(c.body, "application/x-www-form-urlencoded") == NULL);
		if (strcmp(cases[i].path, "/early") == 0)
			assert_true(strcmp(c.retry_after, "7") == 0 && strcmp(c.content_type, "text/x") == 0 && strcmp(c.body, "no") == 0);
		assert_true(c.kept[0][0] == '\0' && strcmp(c.kept[1], strcmp(cases[i].path, "/early") == 0 ? "7" : "") == 0);
	}
	assert_int_equal(http_multi_open(m), 0);
	drop(m);
}

/* Nobody can be reached: surely nothing was sent, whatever was sent with the same handle before. */
static void not_sent(void **state)
{
	(void)state;
	struct http_multi *m = make();
	static struct call c;
	char url[256];
	static const char *const wrong_urls[] = { "file:///etc/passwd", "gopher://127.0.0.1/", "ftp://127.0.0.1/", "http://u:p@127.0.0.1/", "http://127.0.0.1/\r\nx: y", "http://none.test/" };
	url_of(url, "127.0.0.1", peer_port, "/ok");
	prepare(&c, METHOD_POST, url, "x", LONG_MS);
	carry(m, &c);
	assert_int_equal(c.job.answer.end, HTTP_ANSWERED);
	for (size_t i = 0; i < sizeof(wrong_urls) / sizeof(wrong_urls[0]); i++) {
		prepare(&c, METHOD_POST, wrong_urls[i], "x", LONG_MS);
		carry(m, &c);
		assert_int_equal(c.job.answer.end, HTTP_NOT_SENT);
		assert_true(c.job.answer.error[0] != '\0');
	}
	url_of(url, "127.0.0.1", dead_port, "/ok");
	prepare(&c, METHOD_POST, url, "x", LONG_MS);
	carry(m, &c);
	assert_int_equal(c.job.answer.end, HTTP_NOT_SENT);
	url_of(url, "127.0.0.1", peer_port, "/ok");
	prepare(&c, METHOD_POST, url, "x", LONG_MS);
	carry(m, &c);
	assert_int_equal(c.job.answer.end, HTTP_ANSWERED);
	/* TLS with somebody who does not speak it: our hello left, but nothing of the request. */
	snprintf(url, sizeof(url), "https://127.0.0.1:%d/ok", peer_port);
	prepare(&c, METHOD_POST, url, "x", SHORT_MS);
	carry(m, &c);
	assert_int_equal(c.job.answer.end, HTTP_NOT_SENT);
	drop(m);
}

static void headers(void **state)
{
	(void)state;
	struct http_multi *m = make();
	static struct call c;
	char url[256];
	static const struct { const char *value; bool sent; } cases[] = {
		{ "plain", true }, { "", true }, { "\xe5\x8a\x9e", true }, { "a\r\nx-evil: 1", false }, { "a\nb", false }, { "a\x7f", false },
	};
	url_of(url, "127.0.0.1", peer_port, "/ok?q=%2e%2e/../x");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char line[64];
		prepare(&c, METHOD_GET, url, NULL, LONG_MS);
		c.job.call.headers[c.job.call.header_count++] = (struct header){ STR("x-mark"), str_c(cases[i].value) };
		c.job.call.headers[c.job.call.header_count++] = (struct header){ STR("Content-Type"), STR("text/y") };
		carry(m, &c);
		assert_int_equal(c.job.answer.end, cases[i].sent ? HTTP_ANSWERED : HTTP_NOT_SENT);
		if (!cases[i].sent)
			continue;
		snprintf(line, sizeof(line), "\r\nx-mark:%s%s\r\n", cases[i].value[0] != '\0' ? " " : "", cases[i].value);
		assert_non_null(strstr(c.body, line));
		assert_non_null(strstr(c.body, "\r\nContent-Type: text/y\r\n"));
		assert_non_null(strstr(c.body, "GET /ok?q=%2e%2e/../x HTTP/1.1"));
	}
	char nul[] = "a\0b";
	prepare(&c, METHOD_GET, url, NULL, LONG_MS);
	c.job.call.headers[c.job.call.header_count++] = (struct header){ STR("x-mark"), { nul, 3 } };
	carry(m, &c);
	assert_int_equal(c.job.answer.end, HTTP_NOT_SENT);
	drop(m);
}

/* The kept connection dies with our second request in it. That POST is not sent again (libcurl connects anew, and then may not rewind), and its
 * end says that the peer may have acted. */
static void never_twice(void **state)
{
	(void)state;
	struct http_multi *m = make();
	static struct call c;
	char url[256];
	static const struct { const char *body; enum http_end second; int requests; } cases[] = {
		{ "pay", HTTP_UNCLEAR, 2 },
		{ NULL, HTTP_ANSWERED, 2 }, /* nothing to rewind: a fresh connection each time */
	};
	url_of(url, "127.0.0.1", peer_port, "/once");
	while (peer_open > 0) /* of the tests before */
		sched_yield();
	int pieces = peer_pieces;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int requests = peer_requests;
		for (int n = 0; n < 2; n++) {
			prepare(&c, METHOD_POST, url, cases[i].body, LONG_MS);
			carry(m, &c);
			assert_int_equal(c.job.answer.end, n == 0 ? HTTP_ANSWERED : cases[i].second);
		}
		assert_int_equal(peer_requests - requests, cases[i].requests);
	}
	drop(m);
	while (peer_open > 0)
		sched_yield();
	assert_int_equal(peer_pieces, pieces);
}

static void switches(void **state)
{
	(void)state;
	struct http_multi *m = make();
	static struct call c;
	char url[256];
	static const struct { const char *set; enum http_end end; int requests; } cases[] = {
		{ "outside_send=1", HTTP_NOT_SENT, 0 }, { "outside_answer=1", HTTP_UNCLEAR, 1 }, { "outside_send=", HTTP_ANSWERED, 1 },
	};
	url_of(url, "127.0.0.1", peer_port, "/ok");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int before = peer_requests;
		assert_true(fault_set(str_c(cases[i].set)));
		prepare(&c, METHOD_POST, url, "x", LONG_MS);
		carry(m, &c);
		assert_int_equal(c.job.answer.end, cases[i].end);
		assert_int_equal(peer_requests - before, cases[i].requests);
	}
	fault_clear_all();
	drop(m);
}

/* More calls than slots wait their turn, and whoever waits in vain was not sent. Stopping tells everybody. */
static void queue_and_stop(void **state)
{
	(void)state;
	config.outside_calls = 2;
	struct http_multi *m = make();
	struct transport *t = http_multi_transport(m);
	static struct call calls[6];
	char hang[256], ok[256];
	url_of(hang, "127.0.0.1", peer_port, "/hang");
	url_of(ok, "127.0.0.1", peer_port, "/ok");
	int before = peer_requests;
	for (int i = 0; i < 6; i++) {
		prepare(&calls[i], METHOD_POST, i < 2 ? hang : ok, "x", i == 2 ? SHORT_MS : LONG_MS);
		t->begin(t, &calls[i].job);
	}
	assert_int_equal(http_multi_open(m), 6);
	while (peer_requests - before < 2 || !calls[2].done) /* the first two have both slots, the third gives up */
		http_multi_step(m, 10);
	assert_int_equal(calls[2].job.answer.end, HTTP_NOT_SENT);
	http_multi_end_all(m);
	for (int i = 0; i < 6; i++)
		assert_true(calls[i].done && calls[i].job.answer.end == (i < 2 ? HTTP_UNCLEAR : HTTP_NOT_SENT));
	assert_int_equal(http_multi_open(m), 0);
	drop(m);
}

static void wake(void **state)
{
	(void)state;
	struct http_multi *m = make();
	http_multi_wake(m);
	http_multi_step(m, 3600000); /* would outlast the test */
	drop(m);
}

/* ---- ten thousand ---- */

static int fds_at_start;

static int fds_open(void)
{
	int count = 0;
	DIR *d = opendir("/proc/self/fd");
	assert_non_null(d);
	while (readdir(d) != NULL)
		count++;
	closedir(d);
	return count;
}

static struct {
	struct http_multi *multi;
	int begun, done, answered;
	char urls[4][256];
} soak;

static void soak_begin(struct call *c);

static void soak_done(struct transport_job *job)
{
	struct call *c = (struct call *)job;
	soak.done++;
	soak.answered += job->answer.end == HTTP_ANSWERED;
	if (soak.begun < SOAK_CALLS)
		soak_begin(c);
}

static void soak_begin(struct call *c)
{
	struct transport *t = http_multi_transport(soak.multi);
	int n = soak.begun++;
	prepare(c, n % 2 == 0 ? METHOD_POST : METHOD_GET, soak.urls[n % 50 == 0 ? 1 : n % 50 == 1 ? 2 : n % 50 == 2 ? 3 : 0], n % 2 == 0 ? "x" : NULL, LONG_MS);
	c->job.done = soak_done;
	t->begin(t, &c->job);
}

static void soak_leaves_nothing(void **state)
{
	(void)state;
	static struct call calls[AT_ONCE * 2];
	int connections = peer_connections;
	soak.multi = make();
	url_of(soak.urls[0], "127.0.0.1", peer_port, "/ok");
	url_of(soak.urls[1], "127.0.0.1", peer_port, "/close");
	url_of(soak.urls[2], "127.0.0.1", dead_port, "/ok");
	url_of(soak.urls[3], "127.0.0.1", peer_port, "/huge");
	for (int i = 0; i < AT_ONCE * 2; i++)
		soak_begin(&calls[i]);
	while (soak.done < SOAK_CALLS) {
		http_multi_step(soak.multi, LONG_MS);
		assert_true(peer_open <= config.outside_connections_per_host + AT_ONCE); /* what we closed the peer may not have noticed yet */
	}
	assert_int_equal(http_multi_open(soak.multi), 0);
	assert_int_equal(soak.answered, SOAK_CALLS * 47 / 50);
	/* one for each of the 400 that broke theirs, one more where libcurl tried to repeat it, and the kept ones */
	assert_in_range(peer_connections - connections, 1, 600 + 2 * config.outside_connections_per_host);
	drop(soak.multi);
	while (fds_open() != fds_at_start) /* the peer's threads close theirs in a moment; what we leaked stays */
		sched_yield();
}

static int set_up(void **state)
{
	peer_begin(state);
	fds_at_start = fds_open();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_teardown(name, clean_up)
		TEST(ends), TEST(not_sent), TEST(headers), TEST(never_twice), TEST(switches), TEST(queue_and_stop), TEST(wake), TEST(soak_leaves_nothing),
#undef TEST
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
