/* notify/http_frame.c - why this exists: the bureau's provincial system speaks frames over TCP, and whether something may have left must be told as truly as of HTTP. */
#include "notify/http_frame.h"

#include "base/clock.h"
#include "base/fault.h"
#include "channels/nontax_frame.h"
#include "notify/reach.h"
#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { UNHEARD_MS = 30000, READ_FIRST_BYTES = 4096, URL_BYTES_MAX = 320 };

enum wire_state { WIRE_FREE, WIRE_CONNECTING, WIRE_SENDING, WIRE_READING };

struct wire {
	enum wire_state state;
	CURL *easy;
	struct transport_job *job;
	curl_socket_t fd;
	size_t sent;
	char *in;              /* of the answer */
	size_t in_len, in_cap;
	bool may_be_private, refused_address;
	char error[CURL_ERROR_SIZE];
};

struct http_frames {
	CURLM *multi;
	const struct config *config;
	void (*tell)(void *ctx, struct transport_job *job);
	void *ctx;
	struct wire wires[HTTP_FRAMES_MAX];
	struct transport_job *first, **last; /* who waits for a wire */
	size_t waiting, running;
};

struct http_frames *http_frames_make(CURLM *multi, void (*tell)(void *ctx, struct transport_job *job), void *ctx)
{
	struct http_frames *f = calloc(1, sizeof(*f));
	if (f == NULL)
		return NULL;
	f->multi = multi;
	f->tell = tell;
	f->ctx = ctx;
	f->last = &f->first;
	return f;
}

void http_frames_config(struct http_frames *f, const struct config *c)
{
	f->config = c;
}

void http_frames_drop(struct http_frames *f)
{
	assert(f == NULL || http_frames_open(f) == 0);
	free(f);
}

size_t http_frames_open(const struct http_frames *f)
{
	return f->waiting + f->running;
}

/* ---- addresses ---- */

bool http_frame_is(const struct transport_job *job)
{
	return str_starts(job->call.url, STR("frame://")) || str_starts(job->call.url, STR("frames://"));
}

/* As libcurl knows it: http means that it connects, https that it shakes hands besides. */
static bool wire_url(const struct transport_job *job, char out[URL_BYTES_MAX])
{
	struct str url = job->call.url;
	bool has_tls = str_starts(url, STR("frames://"));
	size_t at = has_tls ? sizeof("frames://") - 1 : sizeof("frame://") - 1;
	int n = snprintf(out, URL_BYTES_MAX, "%s%.*s/", has_tls ? "https://" : "http://", (int)(url.len - at), url.at + at);
	return n > 0 && n < URL_BYTES_MAX;
}

static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct wire *w = ctx;
	(void)purpose;
	if (!w->may_be_private && !reach_is_public(&to->addr)) {
		w->refused_address = true;
		return CURL_SOCKET_BAD;
	}
	int fd = socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
	unsigned unheard = UNHEARD_MS;
	if (fd < 0)
		return CURL_SOCKET_BAD;
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unheard, sizeof(unheard));
	return fd;
}

/* ---- a wire's life ---- */

static void wire_free(struct http_frames *f, struct wire *w)
{
	if (w->easy != NULL) {
		curl_multi_remove_handle(f->multi, w->easy); /* closes the connection: nobody else can use it */
		curl_easy_cleanup(w->easy);
	}
	free(w->in);
	*w = (struct wire){ .state = WIRE_FREE };
}

/* Told while the wire still has the answer's bytes, and freed after. */
static void wire_end(struct http_frames *f, struct wire *w, enum http_end end, bool is_late, const char *error)
{
	struct transport_job *job = w->job;
	if (end == HTTP_ANSWERED && fault_hit(FAULT_outside_answer)) {
		end = HTTP_UNCLEAR;
		error = "lost by a fault switch";
	}
	job->answer = (struct http_answer){ .end = end, .status = end == HTTP_ANSWERED ? 200 : 0, .is_late = is_late, .body = end == HTTP_ANSWERED ? (struct str){ w->in, w->in_len } : STR_NONE };
	snprintf(job->answer.error, sizeof(job->answer.error), "%s", end == HTTP_ANSWERED ? "" : w->refused_address ? "the address is not public" : error);
	f->running--;
	f->tell(f->ctx, job);
	wire_free(f, w);
}

static void wire_broken(struct http_frames *f, struct wire *w, bool is_late, const char *error)
{
	wire_end(f, w, w->sent > 0 ? HTTP_UNCLEAR : HTTP_NOT_SENT, is_late, error);
}

static const char *set_up(struct http_frames *f, struct wire *w)
{
	const struct config *c = f->config;
	char url[URL_BYTES_MAX];
	struct str host;
	if (fault_hit(FAULT_outside_send))
		return "kept back by a fault switch";
	if (!wire_url(w->job, url) || (host = reach_url_host(str_c(url))).at == NULL)
		return "not an address that can be called";
	if ((w->easy = curl_easy_init()) == NULL)
		return "no memory for a handle";
	w->may_be_private = c->development || reach_is_listed(str_c(c->outside_private_hosts), host);
	curl_easy_setopt(w->easy, CURLOPT_URL, url);
	curl_easy_setopt(w->easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(w->easy, CURLOPT_PRIVATE, NULL);
	curl_easy_setopt(w->easy, CURLOPT_ERRORBUFFER, w->error);
	curl_easy_setopt(w->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(w->easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(w->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(w->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(w->easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(w->easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	curl_easy_setopt(w->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(w->easy, CURLOPT_SSL_ENABLE_ALPN, 0L); /* it is no HTTP that follows */
	curl_easy_setopt(w->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (c->outside_ca_file[0] != '\0')
		curl_easy_setopt(w->easy, CURLOPT_CAINFO, c->outside_ca_file);
	curl_easy_setopt(w->easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(w->easy, CURLOPT_OPENSOCKETDATA, w);
	return curl_multi_add_handle(f->multi, w->easy) == CURLM_OK ? NULL : "libcurl does not take the call";
}

static struct wire *free_wire(struct http_frames *f)
{
	for (int i = 0; i < HTTP_FRAMES_MAX; i++)
		if (f->wires[i].state == WIRE_FREE)
			return &f->wires[i];
	return NULL;
}

void http_frames_begin(struct http_frames *f, struct transport_job *job)
{
	job->next = NULL;
	*f->last = job;
	f->last = &job->next;
	f->waiting++;
}

static struct transport_job *take_waiting(struct http_frames *f)
{
	struct transport_job *job = f->first;
	f->first = job->next;
	if (f->first == NULL)
		f->last = &f->first;
	f->waiting--;
	return job;
}

size_t http_frames_start(struct http_frames *f)
{
	size_t tried = 0;
	struct wire *w;
	for (size_t n = f->waiting; n > 0 && (w = free_wire(f)) != NULL; n--, tried++) {
		*w = (struct wire){ .state = WIRE_CONNECTING, .job = take_waiting(f), .fd = CURL_SOCKET_BAD };
		f->running++;
		const char *wrong = set_up(f, w);
		if (wrong != NULL)
			wire_broken(f, w, false, wrong);
	}
	return tried;
}

/* ---- bytes ---- */

static void send_more(struct http_frames *f, struct wire *w)
{
	struct str frame = w->job->call.body;
	while (w->sent < frame.len) {
		size_t n = 0;
		CURLcode code = curl_easy_send(w->easy, frame.at + w->sent, frame.len - w->sent, &n);
		w->sent += n;
		if (code == CURLE_AGAIN)
			return;
		if (code != CURLE_OK) {
			wire_broken(f, w, false, curl_easy_strerror(code));
			return;
		}
	}
	w->state = WIRE_READING;
}

static bool room(struct wire *w, size_t need)
{
	if (need <= w->in_cap)
		return true;
	char *in = realloc(w->in, need);
	if (in == NULL)
		return false;
	w->in = in;
	w->in_cap = need;
	return true;
}

/* How far to read now: the head first, then exactly what it announces. 0: no more, the call has ended. */
static size_t wanted(struct http_frames *f, struct wire *w)
{
	int64_t length = nontax_frame_length((struct str){ w->in, w->in_len });
	size_t most = w->job->call.answer_max > 0 ? w->job->call.answer_max : NONTAX_FRAME_MAX;
	if (length < 0)
		wire_end(f, w, HTTP_UNCLEAR, false, "what came is no frame");
	else if ((size_t)length > most)
		wire_end(f, w, HTTP_TOO_LARGE, false, "the answer is longer than it may be");
	else if (length > 0 && (size_t)length == w->in_len)
		wire_end(f, w, HTTP_ANSWERED, false, "");
	else
		return length == 0 ? NONTAX_FRAME_HEAD : (size_t)length;
	return 0;
}

static void read_more(struct http_frames *f, struct wire *w)
{
	for (size_t want; (want = wanted(f, w)) > 0;) {
		size_t n = 0;
		if (!room(w, want)) {
			wire_end(f, w, HTTP_UNCLEAR, false, "no memory for the answer");
			return;
		}
		CURLcode code = curl_easy_recv(w->easy, w->in + w->in_len, want - w->in_len, &n);
		if (code == CURLE_AGAIN)
			return;
		if (code != CURLE_OK || n == 0) {
			wire_end(f, w, HTTP_UNCLEAR, false, code != CURLE_OK ? curl_easy_strerror(code) : "the peer ended in the middle of it");
			return;
		}
		w->in_len += n;
	}
}

bool http_frames_connected(struct http_frames *f, CURL *easy, CURLcode code)
{
	for (int i = 0; i < HTTP_FRAMES_MAX; i++) {
		struct wire *w = &f->wires[i];
		if (w->state != WIRE_CONNECTING || w->easy != easy)
			continue;
		if (code != CURLE_OK || curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &w->fd) != CURLE_OK || w->fd == CURL_SOCKET_BAD)
			wire_broken(f, w, false, w->error[0] != '\0' ? w->error : curl_easy_strerror(code));
		else
			w->state = WIRE_SENDING;
		return true;
	}
	return false;
}

/* ---- turns ---- */

static int64_t late_at(const struct transport_job *job)
{
	return job->began_ms + job->call.timeout_ms;
}

static void sweep_waiting(struct http_frames *f, int64_t now_ms)
{
	for (size_t n = f->waiting; n > 0; n--) {
		struct transport_job *job = take_waiting(f);
		if (late_at(job) > now_ms) {
			http_frames_begin(f, job);
			continue;
		}
		job->answer = (struct http_answer){ .end = HTTP_NOT_SENT, .is_late = true };
		snprintf(job->answer.error, sizeof(job->answer.error), "no wire was free in time");
		f->tell(f->ctx, job);
	}
}

void http_frames_move(struct http_frames *f, int64_t now_ms)
{
	for (int i = 0; i < HTTP_FRAMES_MAX && f->running > 0; i++) {
		struct wire *w = &f->wires[i];
		if (w->state == WIRE_SENDING)
			send_more(f, w);
		if (w->state == WIRE_READING)
			read_more(f, w);
		if (w->state != WIRE_FREE && late_at(w->job) <= now_ms)
			wire_broken(f, w, true, "no answer in time");
	}
	if (f->waiting > 0)
		sweep_waiting(f, now_ms);
}

unsigned http_frames_wires(const struct http_frames *f, struct curl_waitfd out[HTTP_FRAMES_MAX])
{
	unsigned n = 0;
	for (int i = 0; i < HTTP_FRAMES_MAX && f->running > 0; i++)
		if (f->wires[i].state == WIRE_SENDING || f->wires[i].state == WIRE_READING)
			out[n++] = (struct curl_waitfd){ .fd = f->wires[i].fd, .events = f->wires[i].state == WIRE_SENDING ? CURL_WAIT_POLLOUT : CURL_WAIT_POLLIN };
	return n;
}

int64_t http_frames_late_ms(const struct http_frames *f)
{
	int64_t first = INT64_MAX;
	for (int i = 0; i < HTTP_FRAMES_MAX && f->running > 0; i++)
		if (f->wires[i].state != WIRE_FREE && late_at(f->wires[i].job) < first)
			first = late_at(f->wires[i].job);
	for (const struct transport_job *job = f->first; job != NULL; job = job->next)
		if (late_at(job) < first)
			first = late_at(job);
	return first;
}

void http_frames_end_all(struct http_frames *f, const char *why)
{
	for (int i = 0; i < HTTP_FRAMES_MAX; i++)
		if (f->wires[i].state != WIRE_FREE)
			wire_broken(f, &f->wires[i], false, why);
	while (f->first != NULL) {
		struct transport_job *job = take_waiting(f);
		job->answer = (struct http_answer){ .end = HTTP_NOT_SENT };
		snprintf(job->answer.error, sizeof(job->answer.error), "%s", why);
		f->tell(f->ctx, job);
	}
}
