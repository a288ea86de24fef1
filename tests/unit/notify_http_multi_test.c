/* Goal: a call ends exactly once, in time, and its end tells the truth about what may have happened; nobody inside our wall can be reached; and
 * after ten thousand calls nothing is left over.
 * Method: real sockets to a small peer in this process that misbehaves as the path says, and a resolver of our own (getaddrinfo is replaced), so that a
 * slow name and a name that points inside are rows like any other. */
#include "notify/http_multi.h"

#include "base/fault.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

enum { LONG_MS = 60000, SHORT_MS = 200, SOAK_CALLS = 10000, SOAK_AT_ONCE = 64 };

/* ---- the peer ---- */

static int peer_port, dead_port;
static _Atomic int peer_connections, peer_requests, peer_open, peer_pieces; /* pieces: less than a request came, and then nothing */

struct head {
	char text[8192];
	size_t len, body_len;
	char method[8], path[64];
};

/* A whole request. false: the other side has gone. */
static bool read_request(int fd, struct head *h)
{
	char *end = NULL;
	h->len = 0;
	while (end == NULL) {
		ssize_t n = recv(fd, h->text + h->len, sizeof(h->text) - 1 - h->len, 0);
		if (n <= 0)
			return false;
		h->len += (size_t)n;
		h->text[h->len] = '\0';
		end = strstr(h->text, "\r\n\r\n");
	}
	char *length = strcasestr(h->text, "\r\ncontent-length:");
	h->body_len = length != NULL ? strtoul(length + 17, NULL, 10) : 0;
	while (h->len < (size_t)(end + 4 - h->text) + h->body_len) {
		ssize_t n = recv(fd, h->text + h->len, sizeof(h->text) - 1 - h->len, 0);
		if (n <= 0)
			return false;
		h->len += (size_t)n;
	}
	h->text[h->len] = '\0';
	return sscanf(h->text, "%7s %63s", h->method, h->path) == 2;
}

static bool say(int fd, const char *text)
{
	return send(fd, text, strlen(text), MSG_NOSIGNAL) > 0;
}

static void wait_until_gone(int fd)
{
	char c;
	while (recv(fd, &c, 1, 0) > 0)
		;
}

static bool answer(int fd, const struct head *h, int nth)
{
	char out[9000];
	if (strcmp(h->path, "/hang") == 0)
		return wait_until_gone(fd), false;
	if (strcmp(h->path, "/close") == 0 || (strcmp(h->path, "/once") == 0 && nth > 0))
		return false;
	if (strcmp(h->path, "/half") == 0)
		return say(fd, "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"half\":"), false;
	if (strcmp(h->path, "/rubbish") == 0)
		return say(fd, "220 mail.test ESMTP\r\n"), wait_until_gone(fd), false;
	if (strcmp(h->path, "/huge") == 0) {
		if (!say(fd, "HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n"))
			return false;
		memset(out, 'x', sizeof(out));
		while (send(fd, out, sizeof(out), MSG_NOSIGNAL) > 0)
			;
		return false;
	}
	if (strcmp(h->path, "/headers") == 0) {
		say(fd, "HTTP/1.1 200 OK\r\n");
		while (say(fd, "x-more: and more\r\n"))
			;
		return false;
	}
	if (strcmp(h->path, "/drip") == 0) {
		say(fd, "HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n");
		while (say(fd, "x"))
			usleep(1000); /* the peer's own manner, nobody waits for it */
		return false;
	}
	if (strcmp(h->path, "/redirect") == 0)
		return say(fd, "HTTP/1.1 302 Found\r\nlocation: /ok\r\ncontent-length: 0\r\n\r\n");
	if (strcmp(h->path, "/early") == 0)
		return say(fd, "HTTP/1.1 103 Early Hints\r\nretry-after: 9\r\n\r\nHTTP/1.1 503 No\r\nretry-after: 7\r\ncontent-type: text/x\r\ncontent-length: 2\r\n\r\nno");
	int n = snprintf(out, sizeof(out), "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: %zu\r\n\r\n%s", h->len, h->text);
	return n > 0 && say(fd, out);
}

static void *peer_serve(void *ctx)
{
	int fd = (int)(intptr_t)ctx;
	struct head h = { .len = 0 };
	bool goes_on = true;
	for (int nth = 0; goes_on && read_request(fd, &h); nth++) {
		atomic_fetch_add(&peer_requests, 1);
		goes_on = answer(fd, &h, nth);
		h.len = 0;
	}
	if (h.len > 0)
		atomic_fetch_add(&peer_pieces, 1);
	close(fd);
	atomic_fetch_sub(&peer_open, 1);
	return NULL;
}

static void *peer_accept(void *ctx)
{
	pthread_t thread;
	for (int fd; (fd = accept((int)(intptr_t)ctx, NULL, NULL)) >= 0;) {
		atomic_fetch_add(&peer_connections, 1);
		atomic_fetch_add(&peer_open, 1);
		pthread_create(&thread, NULL, peer_serve, (void *)(intptr_t)fd);
		pthread_detach(thread);
	}
	return NULL;
}

static int listen_somewhere(int *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && getsockname(fd, (struct sockaddr *)&at, &len) == 0);
	*port = ntohs(at.sin_port);
	return fd;
}

/* ---- the resolver ---- */

static pthread_mutex_t slow_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t slow_over = PTHREAD_COND_INITIALIZER;
static bool slow = true;
static _Atomic int slow_asked;

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
	static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	pthread_mutex_lock(&slow_lock);
	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	if (node != NULL && strcmp(node, "slow.test") == 0) {
		slow_asked++;
		while (slow)
			pthread_cond_wait(&slow_over, &slow_lock);
	}
	pthread_mutex_unlock(&slow_lock);
	if (node != NULL && strstr(node, ".test") != NULL)
		node = strcmp(node, "metadata.test") == 0 ? "169.254.169.254" : strcmp(node, "none.test") == 0 ? NULL : "127.0.0.1";
	return node == NULL ? EAI_NONAME : real(node, service, hints, out);
}

/* ---- calls ---- */

static struct config config;

struct call {
	struct transport_job job;
	bool done;
	char body[16384], content_type[64], retry_after[32];
};

static void on_done(struct transport_job *job)
{
	struct call *c = (struct call *)job;
	const struct http_answer *a = &job->answer;
	assert_false(c->done);
	c->done = true;
	snprintf(c->body, sizeof(c->body), "%.*s", STR_ARG(a->body));
	snprintf(c->content_type, sizeof(c->content_type), "%.*s", STR_ARG(a->content_type));
	snprintf(c->retry_after, sizeof(c->retry_after), "%.*s", STR_ARG(a->retry_after));
}

static void url_of(char out[256], const char *host, int port, const char *path)
{
	snprintf(out, 256, "http://%s:%d%s", host, port, path);
}

static void prepare(struct call *c, enum method method, const char *url, const char *body, int64_t timeout_ms)
{
	memset(c, 0, sizeof(*c));
	c->job.call = (struct http_call){ .method = method, .url = str_c(url), .body = str_c(body), .timeout_ms = timeout_ms };
	c->job.done = on_done;
}

static void carry(struct http_multi *m, struct call *c)
{
	struct transport *t = http_multi_transport(m);
	t->begin(t, &c->job);
	assert_false(c->done);
	while (!c->done)
		http_multi_step(m, LONG_MS);
}

static struct http_multi *opened;

static struct http_multi *make(void)
{
	struct fail why;
	fail_clear(&why);
	opened = http_multi_make(&config, &why);
	assert_non_null(opened);
	return opened;
}

static void drop(struct http_multi *m)
{
	http_multi_drop(m);
	opened = NULL;
}

static void set_config(void)
{
	config_defaults(&config);
	config.development = true;
	config.outside_calls = SOAK_AT_ONCE;
}

/* Of a test that failed: its connections would be waited for by those that come after it. */
static int clean_up(void **state)
{
	(void)state;
	if (opened != NULL) {
		http_multi_end_all(opened);
		drop(opened);
	}
	fault_clear_all();
	set_config();
	return 0;
}

/* What was begun before has arrived there, since its connections come in order. */
static void peer_is_reached(void)
{
	static struct call c;
	char url[256];
	struct http_multi *m = make();
	url_of(url, "127.0.0.1", peer_port, "/ok");
	prepare(&c, METHOD_GET, url, NULL, LONG_MS);
	carry(m, &c);
	assert_int_equal(c.job.answer.end, HTTP_ANSWERED);
	drop(m);
}

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

/* A name that does not resolve in time ends its own call, on time, and holds up no other; the thread that asks is not waited for. */
static void slow_name(void **state)
{
	(void)state;
	struct http_multi *m = make();
	struct transport *t = http_multi_transport(m);
	static struct call late, other;
	char url[256], ok[256];
	url_of(url, "slow.test", peer_port, "/ok");
	url_of(ok, "peer.test", peer_port, "/ok");
	prepare(&late, METHOD_POST, url, "x", 300);
	prepare(&other, METHOD_GET, ok, NULL, LONG_MS);
	t->begin(t, &late.job);
	carry(m, &other);
	assert_int_equal(other.job.answer.end, HTTP_ANSWERED);
	while (!late.done)
		http_multi_step(m, LONG_MS);
	assert_int_equal(late.job.answer.end, HTTP_NOT_SENT);
	drop(m);
	while (slow_asked == 0)
		sched_yield();
	pthread_mutex_lock(&slow_lock);
	slow = false;
	pthread_cond_broadcast(&slow_over);
	pthread_mutex_unlock(&slow_lock);
}

static void inside_is_out_of_reach(void **state)
{
	(void)state;
	peer_is_reached();
	config.development = false;
	snprintf(config.outside_private_hosts, sizeof(config.outside_private_hosts), "listed.test");
	struct http_multi *m = make();
	static struct call c;
	static const char *const hosts[] = { "127.0.0.1", "0x7f.1", "2130706433", "0177.0.0.1", "0", "inside.test", "metadata.test", "[::1]", "[::ffff:127.0.0.1]", "localhost" };
	int before = peer_connections;
	char url[256];
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		url_of(url, hosts[i], peer_port, "/ok");
		prepare(&c, METHOD_POST, url, "x", LONG_MS);
		carry(m, &c);
		if (c.job.answer.end != HTTP_NOT_SENT || strstr(c.job.answer.error, "not public") == NULL)
			fail_msg("%s: end %d \"%s\"", hosts[i], (int)c.job.answer.end, c.job.answer.error);
	}
	assert_int_equal(peer_connections, before);
	url_of(url, "listed.test", peer_port, "/ok");
	prepare(&c, METHOD_POST, url, "x", LONG_MS);
	carry(m, &c);
	assert_int_equal(c.job.answer.end, HTTP_ANSWERED);
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
	static struct call calls[SOAK_AT_ONCE * 2];
	int connections = peer_connections;
	soak.multi = make();
	url_of(soak.urls[0], "127.0.0.1", peer_port, "/ok");
	url_of(soak.urls[1], "127.0.0.1", peer_port, "/close");
	url_of(soak.urls[2], "127.0.0.1", dead_port, "/ok");
	url_of(soak.urls[3], "127.0.0.1", peer_port, "/huge");
	for (int i = 0; i < SOAK_AT_ONCE * 2; i++)
		soak_begin(&calls[i]);
	while (soak.done < SOAK_CALLS) {
		http_multi_step(soak.multi, LONG_MS);
		assert_true(peer_open <= config.outside_connections_per_host + SOAK_AT_ONCE); /* what we closed the peer may not have noticed yet */
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
	(void)state;
	pthread_t thread;
	signal(SIGPIPE, SIG_IGN);
	set_config();
	int fd = listen_somewhere(&peer_port);
	assert_int_equal(listen(fd, 256), 0);
	listen_somewhere(&dead_port); /* bound and not listening: nobody else gets it, and it refuses */
	pthread_create(&thread, NULL, peer_accept, (void *)(intptr_t)fd);
	pthread_detach(thread);
	fds_at_start = fds_open();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_teardown(name, clean_up)
		TEST(ends), TEST(not_sent), TEST(slow_name), TEST(inside_is_out_of_reach), TEST(headers), TEST(never_twice), TEST(switches), TEST(queue_and_stop), TEST(wake),
		TEST(soak_leaves_nothing),
#undef TEST
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
