/* tests/bench/h2client.c - an HTTP/2 client for measuring, because h2load walks its list of targets from the start in every
 * connection and so asks for few keys, in lock-step. This one draws each key uniformly, per connection, and can also
 *
 *   keep a fixed rate (-r), timing each request from the moment it was due, so that a stall is counted for all who waited;
 *   post (-b), with @ID@ in body and headers replaced by a number that grows;
 *   check (-k) that a 200 answer holds the last segment of the path it was asked by.
 *
 * One thread, epoll, one TLS write per turn. Prints one JSON object; exit code 1 when a request was lost or an answer was not 2xx.
 *
 * h2client [-c connections] [-m streams] [-n requests | -t seconds] [-r per-second] [-i file-of-keys] [-p path-prefix] [-H "name: value"]…
 *          [-b body-file] [-a first-id] [-s seed] [-T give-up-seconds] [-k] host port */
#include "tests/bench/measure.h"
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEADERS_MAX = 16, STREAMS_MAX = 1000, CONNECTIONS_MAX = 20000, OUT_BYTES = 16384, STATUS_MAX = 1000, TEXT_MAX = 2048 };

struct stream {
	struct stream *next; /* free list */
	int64_t began_ns;
	int status;
	bool holds_key;      /* -k: the body was seen to hold it */
	const char *key;
	size_t key_len;
	char body[TEXT_MAX];
	size_t body_len, body_at;
};

struct connection {
	int fd;
	SSL *ssl;
	nghttp2_session *h2;
	struct stream *streams, *spare;
	int in_flight;
	uint64_t random;
	uint8_t out[OUT_BYTES];
	size_t out_len, out_at;
	bool wants_write, dead;
};

static struct {
	const char *host, *port, *prefix, *key_file, *body_file;
	const char *header_names[HEADERS_MAX], *header_values[HEADERS_MAX];
	int header_count, connections, streams;
	int64_t requests, seconds, rate, give_up_s;
	uint64_t seed, next_id;
	bool check;
} ask = { .prefix = "", .connections = 1, .streams = 1, .requests = INT64_MAX, .give_up_s = 120, .seed = 1 };

static struct {
	char *text;
	const char **at;
	size_t *len;
	size_t count;
} keys;

static struct {
	int64_t sent, answered, lost, wrong, body_bytes;
	int64_t by_status[STATUS_MAX];
	struct latencies latencies;
	int64_t began_ns, ended_ns, next_due_ns;
	bool no_more;
} run;

static char *body_text;
static int poll_fd;

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* splitmix64: https://prng.di.unimi.it/splitmix64.c */
static uint64_t draw(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static void keys_read(const char *path)
{
	size_t size, cap = 0;
	keys.text = file_text(path, &size);
	for (char *line = keys.text, *end; line < keys.text + size; line = end + 1) {
		end = strchr(line, '\n');
		if (end == NULL)
			end = keys.text + size;
		if (end == line)
			continue;
		if (keys.count == cap) {
			cap = cap == 0 ? 1024 : cap * 2;
			keys.at = realloc(keys.at, cap * sizeof *keys.at);
			keys.len = realloc(keys.len, cap * sizeof *keys.len);
			if (keys.at == NULL || keys.len == NULL)
				die("out of memory for %zu keys", cap);
		}
		keys.at[keys.count] = line;
		keys.len[keys.count++] = (size_t)(end - line);
	}
	if (keys.count == 0)
		die("%s holds no key", path);
}

/* Copies `from` with every @ID@ replaced. */
static size_t filled(char *to, size_t max, const char *from, uint64_t id)
{
	size_t len = 0;
	for (const char *mark; (mark = strstr(from, "@ID@")) != NULL; from = mark + 4)
		len += (size_t)snprintf(to + len, max - len, "%.*s%llu", (int)(mark - from), from, (unsigned long long)id);
	len += (size_t)snprintf(to + len, max - len, "%s", from);
	if (len >= max)
		die("a body or header is longer than %zu bytes", max);
	return len;
}

static ssize_t body_read(nghttp2_session *h2, int32_t id, uint8_t *to, size_t max, uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
	(void)h2, (void)id, (void)ctx;
	struct stream *s = source->ptr;
	size_t n = s->body_len - s->body_at < max ? s->body_len - s->body_at : max;
	memcpy(to, s->body + s->body_at, n);
	s->body_at += n;
	if (s->body_at == s->body_len)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static nghttp2_nv nv(const char *name, const char *value, size_t len)
{
	return (nghttp2_nv){ (uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name), len, NGHTTP2_NV_FLAG_NONE };
}

static void send_one(struct connection *c, int64_t began_ns)
{
	struct stream *s = c->spare;
	c->spare = s->next;
	s->began_ns = began_ns;
	s->status = 0;
	s->holds_key = false;
	s->body_at = 0;
	char path[TEXT_MAX], headers[HEADERS_MAX][TEXT_MAX];
	s->key = "";
	s->key_len = 0;
	if (keys.count > 0) {
		size_t n = (size_t)(draw(&c->random) % keys.count);
		s->key = keys.at[n];
		s->key_len = keys.len[n];
	}
	size_t path_len = (size_t)snprintf(path, sizeof path, "%s%.*s", ask.prefix, (int)s->key_len, s->key);
	uint64_t id = ask.next_id++;
	nghttp2_nv list[HEADERS_MAX + 6];
	size_t count = 0;
	list[count++] = nv(":method", body_text != NULL ? "POST" : "GET", body_text != NULL ? 4 : 3);
	list[count++] = nv(":scheme", "https", 5);
	list[count++] = nv(":authority", ask.host, strlen(ask.host));
	list[count++] = nv(":path", path, path_len);
	for (int i = 0; i < ask.header_count; i++)
		list[count++] = nv(ask.header_names[i], headers[i], filled(headers[i], TEXT_MAX, ask.header_values[i], id));
	nghttp2_data_provider body = { .source.ptr = s, .read_callback = body_read };
	if (body_text != NULL)
		s->body_len = filled(s->body, sizeof s->body, body_text, id);
	if (nghttp2_submit_request(c->h2, NULL, list, count, body_text != NULL ? &body : NULL, s) < 0)
		die("a request cannot be submitted");
	c->in_flight++;
	run.sent++;
}

static int on_header(nghttp2_session *h2, const nghttp2_frame *frame, const uint8_t *name, size_t name_len, const uint8_t *value, size_t value_len,
		     uint8_t flags, void *ctx)
{
	(void)flags, (void)ctx;
	struct stream *s = nghttp2_session_get_stream_user_data(h2, frame->hd.stream_id);
	if (s != NULL && name_len == 7 && memcmp(name, ":status", 7) == 0 && value_len == 3)
		s->status = atoi((const char *)value);
	return 0;
}

static int on_data(nghttp2_session *h2, uint8_t flags, int32_t id, const uint8_t *data, size_t len, void *ctx)
{
	(void)flags, (void)ctx;
	struct stream *s = nghttp2_session_get_stream_user_data(h2, id);
	run.body_bytes += (int64_t)len;
	if (ask.check && s != NULL && memmem(data, len, s->key, s->key_len) != NULL)
		s->holds_key = true;
	return 0;
}

static int on_close(nghttp2_session *h2, int32_t id, uint32_t error, void *ctx)
{
	struct connection *c = ctx;
	struct stream *s = nghttp2_session_get_stream_user_data(h2, id);
	if (s == NULL)
		return 0;
	if (error != NGHTTP2_NO_ERROR || s->status == 0) {
		run.lost++;
	} else {
		run.ended_ns = now_ns();
		run.answered++;
		run.by_status[s->status]++;
		latency_note(&run.latencies, run.ended_ns - s->began_ns);
		if (ask.check && s->status == 200 && !s->holds_key)
			run.wrong++;
	}
	c->in_flight--;
	s->next = c->spare;
	c->spare = s;
	return 0;
}

static void connection_open(struct connection *c, SSL_CTX *tls, const struct addrinfo *to, const nghttp2_session_callbacks *calls, int index)
{
	c->fd = socket(to->ai_family, SOCK_STREAM, 0);
	if (c->fd < 0 || connect(c->fd, to->ai_addr, to->ai_addrlen) != 0)
		die("connection %d to %s:%s: %s", index, ask.host, ask.port, strerror(errno));
	int one = 1;
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	c->ssl = SSL_new(tls);
	SSL_set_fd(c->ssl, c->fd);
	SSL_set_tlsext_host_name(c->ssl, ask.host);
	if (SSL_connect(c->ssl) != 1)
		die("connection %d: TLS: %s", index, ERR_error_string(ERR_get_error(), NULL));
	fcntl(c->fd, F_SETFL, fcntl(c->fd, F_GETFL) | O_NONBLOCK);
	c->random = ask.seed * 0x100000001b3 + (uint64_t)index;
	c->streams = calloc((size_t)ask.streams, sizeof *c->streams);
	if (c->streams == NULL || nghttp2_session_client_new(&c->h2, calls, c) != 0)
		die("out of memory");
	for (int i = 0; i < ask.streams; i++) {
		c->streams[i].next = c->spare;
		c->spare = &c->streams[i];
	}
	nghttp2_settings_entry settings[] = { { NGHTTP2_SETTINGS_ENABLE_PUSH, 0 }, { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 24 } };
	nghttp2_submit_settings(c->h2, NGHTTP2_FLAG_NONE, settings, 2);
	nghttp2_session_set_local_window_size(c->h2, NGHTTP2_FLAG_NONE, 0, 1 << 30);
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };
	if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &e) != 0)
		die("epoll: %s", strerror(errno));
}

static void connection_end(struct connection *c)
{
	run.lost += c->in_flight;
	c->in_flight = 0;
	c->dead = true;
	epoll_ctl(poll_fd, EPOLL_CTL_DEL, c->fd, NULL);
}

static void connection_read(struct connection *c)
{
	uint8_t in[OUT_BYTES];
	for (;;) {
		int n = SSL_read(c->ssl, in, sizeof in);
		if (n <= 0) {
			if (SSL_get_error(c->ssl, n) != SSL_ERROR_WANT_READ)
				connection_end(c);
			return;
		}
		if (nghttp2_session_mem_recv(c->h2, in, (size_t)n) < 0) {
			connection_end(c);
			return;
		}
	}
}

static void wait_for(struct connection *c, bool write)
{
	if (c->wants_write == write)
		return;
	c->wants_write = write;
	struct epoll_event e = { .events = EPOLLIN | (write ? (uint32_t)EPOLLOUT : 0), .data.ptr = c };
	epoll_ctl(poll_fd, EPOLL_CTL_MOD, c->fd, &e);
}

static void connection_write(struct connection *c)
{
	for (;;) {
		while (c->out_len < OUT_BYTES / 2) {
			const uint8_t *bytes;
			ssize_t n = nghttp2_session_mem_send(c->h2, &bytes);
			if (n <= 0)
				break;
			if ((size_t)n > OUT_BYTES - c->out_len)
				die("a frame of %zd bytes does not fit", n);
			memcpy(c->out + c->out_len, bytes, (size_t)n);
			c->out_len += (size_t)n;
		}
		if (c->out_at == c->out_len) {
			wait_for(c, false);
			return;
		}
		int n = SSL_write(c->ssl, c->out + c->out_at, (int)(c->out_len - c->out_at));
		if (n <= 0) {
			if (SSL_get_error(c->ssl, n) == SSL_ERROR_WANT_WRITE)
				wait_for(c, true);
			else
				connection_end(c);
			return;
		}
		c->out_at += (size_t)n;
		if (c->out_at == c->out_len)
			c->out_at = c->out_len = 0;
	}
}

static bool may_send(void)
{
	if (ask.seconds > 0 && now_ns() - run.began_ns > ask.seconds * 1000000000)
		run.no_more = true;
	return !run.no_more && run.sent < ask.requests;
}

/* Closed loop: every free stream asks again. Fixed rate: what is due is spread over the connections; what finds none free waits, and its clock runs. */
static void refill(struct connection *all)
{
	static int turn;
	if (ask.rate == 0) {
		for (int i = 0; i < ask.connections; i++)
			while (!all[i].dead && all[i].spare != NULL && may_send())
				send_one(&all[i], now_ns());
		return;
	}
	for (int tried = 0; tried < ask.connections && run.next_due_ns <= now_ns() && may_send();) {
		struct connection *c = &all[turn++ % ask.connections];
		if (c->dead || c->spare == NULL) {
			tried++;
			continue;
		}
		tried = 0;
		send_one(c, run.next_due_ns);
		run.next_due_ns += 1000000000 / ask.rate;
	}
}

static void serve(struct connection *all)
{
	struct epoll_event events[256];
	run.began_ns = run.next_due_ns = now_ns();
	for (;;) {
		refill(all);
		int alive = 0, busy = 0;
		for (int i = 0; i < ask.connections; i++) {
			if (!all[i].dead)
				connection_write(&all[i]);
			alive += !all[i].dead;
			busy += all[i].in_flight > 0;
		}
		if (alive == 0 || (busy == 0 && !may_send()))
			return;
		int64_t wait_ns = ask.rate > 0 && may_send() ? run.next_due_ns - now_ns() : 200000000;
		if (wait_ns < 0)
			wait_ns = 0;
		struct timespec wait = { wait_ns / 1000000000, wait_ns % 1000000000 };
		int n = epoll_pwait2(poll_fd, events, 256, &wait, NULL);
		for (int i = 0; i < n; i++)
			connection_read(events[i].data.ptr);
		if (now_ns() - run.began_ns > ask.give_up_s * 1000000000) {
			for (int i = 0; i < ask.connections; i++)
				run.lost += all[i].in_flight;
			return;
		}
	}
}

static int report(void)
{
	const struct latencies *l = &run.latencies;
	latency_sort(&run.latencies);
	double seconds = (double)(run.ended_ns - run.began_ns) / 1e9;
	printf("{\"sent\":%lld,\"answered\":%lld,\"lost\":%lld,\"wrong\":%lld,\"seconds\":%.4f,\"per_second\":%.0f,\"body_bytes\":%lld,",
	       (long long)run.sent, (long long)run.answered, (long long)run.lost, (long long)run.wrong, seconds,
	       seconds > 0 ? (double)run.answered / seconds : 0, (long long)run.body_bytes);
	printf("\"p50_us\":%u,\"p90_us\":%u,\"p99_us\":%u,\"p999_us\":%u,\"max_us\":%u,\"status\":{", latency_percentile(l, 0.5), latency_percentile(l, 0.9), latency_percentile(l, 0.99),
	       latency_percentile(l, 0.999), latency_percentile(l, 1));
	const char *comma = "";
	bool all_good = run.lost == 0 && run.wrong == 0 && run.answered > 0;
	for (int i = 0; i < STATUS_MAX; i++) {
		if (run.by_status[i] == 0)
			continue;
		printf("%s\"%d\":%lld", comma, i, (long long)run.by_status[i]);
		comma = ",";
		all_good = all_good && i >= 200 && i < 300;
	}
	printf("}}\n");
	return all_good ? 0 : 1;
}

static void header_add(char *text)
{
	char *colon = strchr(text, ':');
	if (colon == NULL || ask.header_count == HEADERS_MAX)
		die("-H \"name: value\", at most %d", HEADERS_MAX);
	*colon++ = '\0';
	ask.header_names[ask.header_count] = text;
	ask.header_values[ask.header_count++] = colon + strspn(colon, " ");
}

static void arguments(int argc, char **argv)
{
	for (int o; (o = getopt(argc, argv, "c:m:n:t:r:i:p:H:b:a:s:T:k")) != -1;) {
		switch (o) {
		case 'c': ask.connections = atoi(optarg); break;
		case 'm': ask.streams = atoi(optarg); break;
		case 'n': ask.requests = atoll(optarg); break;
		case 't': ask.seconds = atoll(optarg); break;
		case 'r': ask.rate = atoll(optarg); break;
		case 'i': ask.key_file = optarg; break;
		case 'p': ask.prefix = optarg; break;
		case 'H': header_add(optarg); break;
		case 'b': ask.body_file = optarg; break;
		case 'a': ask.next_id = strtoull(optarg, NULL, 10); break;
		case 's': ask.seed = strtoull(optarg, NULL, 10); break;
		case 'T': ask.give_up_s = atoll(optarg); break;
		case 'k': ask.check = true; break;
		default: die("see the top of h2client.c");
		}
	}
	if (argc - optind != 2 || ask.connections < 1 || ask.connections > CONNECTIONS_MAX || ask.streams < 1 || ask.streams > STREAMS_MAX)
		die("see the top of h2client.c");
	if (ask.requests == INT64_MAX && ask.seconds == 0)
		die("-n or -t is needed");
	ask.host = argv[optind];
	ask.port = argv[optind + 1];
}

int main(int argc, char **argv)
{
	arguments(argc, argv);
	if (ask.key_file != NULL)
		keys_read(ask.key_file);
	size_t body_len;
	if (ask.body_file != NULL)
		body_text = file_text(ask.body_file, &body_len);
	SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
	struct addrinfo *to;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	if (tls == NULL || getaddrinfo(ask.host, ask.port, &hints, &to) != 0)
		die("%s:%s is no address", ask.host, ask.port);
	SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION);
	SSL_CTX_set_alpn_protos(tls, (const uint8_t *)"\x02h2", 3);
	SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	nghttp2_session_callbacks *calls;
	nghttp2_session_callbacks_new(&calls);
	nghttp2_session_callbacks_set_on_header_callback(calls, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(calls, on_close);
	poll_fd = epoll_create1(EPOLL_CLOEXEC);
	struct connection *all = calloc((size_t)ask.connections, sizeof *all);
	if (all == NULL)
		die("out of memory");
	for (int i = 0; i < ask.connections; i++)
		connection_open(&all[i], tls, to, calls, i);
	serve(all);
	for (int i = 0; i < ask.connections; i++) {
		nghttp2_session_del(all[i].h2);
		SSL_free(all[i].ssl);
		close(all[i].fd);
		free(all[i].streams);
	}
	freeaddrinfo(to);
	nghttp2_session_callbacks_del(calls);
	SSL_CTX_free(tls);
	free(all);
	int code = report();
	free(run.latencies.us);
	free(keys.at);
	free(keys.len);
	free(keys.text);
	free(body_text);
	return code;
}
