/* tests/unit/http_peer.h - a small peer in this process that misbehaves as the path says, a resolver of our own (getaddrinfo is replaced), so that a slow name and
 * a name that points inside are rows like any other, and calls that end when they end. */
#ifndef TESTS_HTTP_PEER_H
#define TESTS_HTTP_PEER_H
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

enum { LONG_MS = 60000, SHORT_MS = 200, AT_ONCE = 64 };

/* ---- the peer ---- */

static int peer_port, dead_port;
static _Atomic int peer_connections, peer_requests, peer_open, peer_pieces; /* pieces: less than a request came, and then nothing */

struct head {
	char text[8192];
	size_t len, body_len;
	char method[8], path[64];
};

/* A whole request. false: the other side has gone. */
static inline bool read_request(int fd, struct head *h)
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

static inline bool say(int fd, const char *text)
{
	return send(fd, text, strlen(text), MSG_NOSIGNAL) > 0;
}

static inline void wait_until_gone(int fd)
{
	char c;
	while (recv(fd, &c, 1, 0) > 0)
		;
}

static inline bool answer(int fd, const struct head *h, int nth)
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

static inline void *peer_serve(void *ctx)
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

static inline void *peer_accept(void *ctx)
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

static inline int listen_somewhere(int *port)
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
	char body[16384], content_type[64], retry_after[32], kept[2][32];
};

static inline void on_done(struct transport_job *job)
{
	struct call *c = (struct call *)job;
	const struct http_answer *a = &job->answer;
	assert_false(c->done);
	c->done = true;
	snprintf(c->body, sizeof(c->body), "%.*s", STR_ARG(a->body));
	snprintf(c->content_type, sizeof(c->content_type), "%.*s", STR_ARG(a->content_type));
	snprintf(c->retry_after, sizeof(c->retry_after), "%.*s", STR_ARG(a->retry_after));
	for (int i = 0; i < 2; i++)
		snprintf(c->kept[i], sizeof(c->kept[i]), "%.*s", STR_ARG(a->kept[i]));
}

static inline void url_of(char out[256], const char *host, int port, const char *path)
{
	snprintf(out, 256, "http://%s:%d%s", host, port, path);
}

static inline void prepare(struct call *c, enum method method, const char *url, const char *body, int64_t timeout_ms)
{
	memset(c, 0, sizeof(*c));
	c->job.call = (struct http_call){ .method = method, .url = str_c(url), .body = str_c(body), .timeout_ms = timeout_ms };
	c->job.done = on_done;
}

static inline void carry(struct http_multi *m, struct call *c)
{
	struct transport *t = http_multi_transport(m);
	t->begin(t, &c->job);
	assert_false(c->done);
	while (!c->done)
		http_multi_step(m, LONG_MS);
}

static struct http_multi *opened;

static inline struct http_multi *make(void)
{
	struct fail why;
	fail_clear(&why);
	opened = http_multi_make(&config, &why);
	assert_non_null(opened);
	return opened;
}

static inline void drop(struct http_multi *m)
{
	http_multi_drop(m);
	opened = NULL;
}

static inline void set_config(void)
{
	config_defaults(&config);
	config.development = true;
	config.outside_calls = AT_ONCE;
}

/* Of a test that failed: its connections would be waited for by those that come after it. */
static inline int clean_up(void **state)
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

static inline int peer_begin(void **state)
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
	return 0;
}
#endif
