/* notify/http_slot.c - what is asked of libcurl for one call, what it may ask back meanwhile, and what became of it. */
#include "notify/http_slot.h"

#include "base/fault.h"
#include "notify/reach.h"
#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	ANSWER_MAX_DEFAULT = 64 << 10, ANSWER_FIRST = 4096, ANSWER_KEPT_MAX = 256 << 10, ANSWER_HEADER_BYTES_MAX = 64 << 10,
	UNHEARD_MS = 15000,         /* what we sent and the peer's kernel never acknowledged: the connection is dead, not slow */
	IDLE_CONNECTION_S = 60, CONNECTION_LIFE_S = 600,
};

/* ---- what libcurl asks while it works ---- */

static size_t give_body(char *to, size_t size, size_t count, void *ctx)
{
	struct http_slot *s = ctx;
	struct str body = s->job->call.body;
	size_t n = body.len - s->sent_of_body;
	if (n > size * count)
		n = size * count;
	if (n > 0)
		memcpy(to, body.at + s->sent_of_body, n);
	s->sent_of_body += n;
	return n;
}

/* libcurl rewinds a body to send the whole request again on another connection. The peer may have acted on the first: no. */
static int refuse_rewind(void *ctx, curl_off_t offset, int origin)
{
	(void)ctx, (void)offset, (void)origin;
	return CURL_SEEKFUNC_FAIL;
}

static bool answer_room(struct http_slot *s, size_t need)
{
	if (need <= s->body_cap)
		return true;
	size_t cap = s->body_cap == 0 ? ANSWER_FIRST : s->body_cap * 2;
	while (cap < need)
		cap *= 2;
	char *at = realloc(s->body, cap);
	if (at == NULL)
		return false;
	s->body = at;
	s->body_cap = cap;
	return true;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *ctx)
{
	struct http_slot *s = ctx;
	size_t max = s->job->call.answer_max > 0 ? s->job->call.answer_max : ANSWER_MAX_DEFAULT, len = size * count;
	s->too_large = s->body_len + len > max;
	if (s->too_large || !answer_room(s, s->body_len + len))
		return 0;
	memcpy(s->body + s->body_len, bytes, len);
	s->body_len += len;
	return len;
}

static void keep_header(struct str line, struct str name, char *to, size_t max)
{
	struct str before, value;
	if (!str_cut(line, ':', &before, &value) || !str_eq_nocase(before, name))
		return;
	while (value.len > 0 && (value.at[value.len - 1] == '\r' || value.at[value.len - 1] == '\n'))
		value.len--;
	value = str_trim(value);
	if (value.len < max) {
		memcpy(to, value.at, value.len);
		to[value.len] = '\0';
	}
}

static void forget_headers(struct http_slot *s)
{
	s->content_type[0] = s->retry_after[0] = '\0';
	for (int i = 0; i < HTTP_KEEPS_MAX; i++)
		s->kept[i][0] = '\0';
}

static void keep_wanted(struct http_slot *s, struct str line)
{
	const char *const *keeps = s->job->call.keeps;
	for (int i = 0; keeps != NULL && keeps[i] != NULL; i++) {
		assert(i < HTTP_KEEPS_MAX);
		keep_header(line, str_c(keeps[i]), s->kept[i], sizeof(s->kept[i]));
	}
}

static size_t take_header(char *bytes, size_t size, size_t count, void *ctx)
{
	struct http_slot *s = ctx;
	struct str line = { bytes, size * count };
	s->header_bytes += line.len;
	s->too_large = s->header_bytes > ANSWER_HEADER_BYTES_MAX;
	if (s->too_large)
		return 0;
	if (str_starts(line, STR("HTTP/"))) /* the last head counts, not a 103's */
		forget_headers(s);
	keep_wanted(s, line);
	keep_header(line, STR("content-type"), s->content_type, sizeof(s->content_type));
	keep_header(line, STR("retry-after"), s->retry_after, sizeof(s->retry_after));
	return line.len;
}

static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct http_slot *s = ctx;
	(void)purpose;
	if (!s->may_be_private && !reach_is_public(&to->addr)) {
		s->refused_address = true;
		return CURL_SOCKET_BAD;
	}
	int fd = socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol), on = 1;
	unsigned unheard = UNHEARD_MS;
	if (fd < 0)
		return CURL_SOCKET_BAD;
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unheard, sizeof(unheard)); /* or a vanished peer's connection swallows call after call */
	http_cork_add(s->cork, fd);
	return fd;
}

/* Whoever opened it may be another call's by now; the cork is everybody's. */
static int close_socket(void *cork, curl_socket_t fd)
{
	http_cork_remove(cork, fd);
	return close(fd);
}

/* ---- setting up a call ---- */

static const char *const method_names[METHOD_COUNT] = {
	[METHOD_GET] = "GET", [METHOD_POST] = "POST", [METHOD_PUT] = "PUT", [METHOD_DELETE] = "DELETE",
};

static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (memchr("()<>@,;:\\\"/[]?={}", s.at[i], 17) != NULL)
			return false;
	return str_is_visible_ascii(s);
}

static bool is_header_value(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (((unsigned char)s.at[i] < 0x20 && s.at[i] != '\t') || s.at[i] == 0x7f)
			return false;
	return true;
}

/* "Name: value", and "Name;", which is how libcurl is told to send an empty one. Not by printf: that was a quarter of what setting a call up cost. */
static char *put_line(char *to, struct str name, struct str value)
{
	memcpy(to, name.at, name.len);
	to += name.len;
	if (value.len > 0) {
		memcpy(to, ": ", 2);
		memcpy(to + 2, value.at, value.len);
		to += 2 + value.len;
	} else {
		*to++ = ';';
	}
	*to++ = '\0';
	return to;
}

static bool lines_room(struct http_slot *s, size_t need)
{
	if (need <= s->lines_cap)
		return true;
	char *at = realloc(s->lines, need);
	if (at == NULL)
		return false;
	s->lines = at;
	s->lines_cap = need;
	return true;
}

/* libcurl reads a list and does not ask who made it: ours lies in the slot. */
static const char *add_headers(struct http_slot *s)
{
	static char no_expect[] = "Expect:", no_type[] = "Content-Type:"; /* no guesses of libcurl's */
	const struct http_call *c = &s->job->call;
	size_t bytes = 0;
	bool has_type = false;
	int n = 0;
	for (int i = 0; i < c->header_count; i++) {
		struct str name = c->headers[i].name;
		assert(is_token(name) && !str_eq_nocase(name, STR("host")) && !str_eq_nocase(name, STR("content-length")));
		if (!is_header_value(c->headers[i].value))
			return "a header's value has a control character";
		bytes += name.len + c->headers[i].value.len + 3;
		has_type = has_type || str_eq_nocase(name, STR("content-type"));
	}
	if (!lines_room(s, bytes))
		return "no memory for the headers";
	char *to = s->lines;
	for (int i = 0; i < c->header_count; i++) {
		s->headers[n++].data = to;
		to = put_line(to, c->headers[i].name, str_trim(c->headers[i].value));
	}
	s->headers[n++].data = no_expect;
	if (!has_type)
		s->headers[n++].data = no_type;
	for (int i = 0; i < n; i++)
		s->headers[i].next = i + 1 < n ? &s->headers[i + 1] : NULL;
	curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, s->headers);
	return NULL;
}

static struct http_shape shape_of(const struct http_slot *s, const struct http_rules *rules)
{
	const struct http_call *c = &s->job->call;
	return (struct http_shape){ rules->number, c->method, c->body.len > 0, str_starts(c->url, STR("https:")) };
}

/* What a call has in common with others of its shape. */
static void set_shape(struct http_slot *s)
{
	const struct http_shape *shape = &s->shape;
	CURL *e = s->easy;
	assert(method_names[shape->method] != NULL);
	/* Calls to one host wait for its first handshake rather than make a connection each. Without TLS nothing would end that wait but an answer. */
	curl_easy_setopt(e, CURLOPT_PIPEWAIT, shape->has_tls ? 1L : 0L);
	if (shape->method == METHOD_GET && !shape->has_body)
		return;
	curl_easy_setopt(e, CURLOPT_POST, 1L);
	curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, method_names[shape->method]);
	curl_easy_setopt(e, CURLOPT_READFUNCTION, give_body);
	curl_easy_setopt(e, CURLOPT_READDATA, s);
	curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, refuse_rewind);
	curl_easy_setopt(e, CURLOPT_SEEKDATA, s);
	/* Without a body there is nothing to rewind, so nothing stops the repetition but a connection that was never used. */
	curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, shape->has_body ? 0L : 1L);
}

static void set_rules(struct http_slot *s, const struct config *c)
{
	CURL *e = s->easy;
	curl_easy_setopt(e, CURLOPT_PRIVATE, s);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, s->error);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L); /* giving a call up does not wait for the resolver's thread */
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(e, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L); /* as it was signed */
	curl_easy_setopt(e, CURLOPT_USERAGENT, "siban");
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, (long)IDLE_CONNECTION_S);
	curl_easy_setopt(e, CURLOPT_MAXLIFETIME_CONN, (long)CONNECTION_LIFE_S);
	curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (c->outside_ca_file[0] != '\0')
		curl_easy_setopt(e, CURLOPT_CAINFO, c->outside_ca_file); /* the folder of the machine's authorities counts as before */
	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, s);
	curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
	curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, s->cork);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, s);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, s);
}

static const char *set_url(struct http_slot *s, const struct config *c)
{
	struct str text = s->job->call.url, host = reach_url_host(text);
	if (host.at == NULL)
		return "not a URL that can be called";
	char *url = malloc(text.len + 1);
	if (url == NULL)
		return "no memory for the URL";
	memcpy(url, text.at, text.len);
	url[text.len] = '\0';
	s->may_be_private = c->development || reach_is_listed(str_c(c->outside_private_hosts), host);
	CURLcode code = curl_easy_setopt(s->easy, CURLOPT_URL, url); /* copied */
	free(url);
	return code == CURLE_OK ? NULL : "no memory for the URL";
}

/* Most calls are like the last one, and its two dozen options need not be said again. The counters of a handle begin anew with each transfer. */
static void keep_shape(struct http_slot *s, const struct http_rules *rules)
{
	struct http_shape shape = shape_of(s, rules);
	if (s->shape.rules == shape.rules && s->shape.method == shape.method && s->shape.has_body == shape.has_body && s->shape.has_tls == shape.has_tls)
		return;
	curl_easy_reset(s->easy); /* kept connections are the multi's */
	s->shape = shape;
	set_rules(s, rules->config);
	set_shape(s);
}

const char *http_slot_set_up(struct http_slot *s, const struct http_rules *rules)
{
	const char *wrong;
	if (fault_hit(FAULT_outside_send))
		return "kept back by a fault switch";
	if (s->easy == NULL && (s->easy = curl_easy_init()) == NULL)
		return "no memory for a handle";
	keep_shape(s, rules);
	if ((wrong = set_url(s, rules->config)) != NULL || (wrong = add_headers(s)) != NULL)
		return wrong;
	curl_easy_setopt(s->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)s->job->call.body.len);
	return NULL;
}

/* ---- what became of it ---- */

static struct str text_or_none(const char *text)
{
	return text[0] != '\0' ? str_c(text) : STR_NONE;
}

/* request_size counts what libcurl handed to the connection, over all its tries. */
static bool something_left(struct http_slot *s)
{
	long bytes = 0;
	curl_easy_getinfo(s->easy, CURLINFO_REQUEST_SIZE, &bytes);
	return bytes > 0 || s->sent_of_body > 0;
}

void http_slot_answer(struct http_slot *s, bool whole, const char *error)
{
	struct http_answer *a = &s->job->answer;
	long status = 0;
	curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
	bool lost = fault_hit(FAULT_outside_answer);
	*a = (struct http_answer){ .end = s->too_large ? HTTP_TOO_LARGE : HTTP_ANSWERED, .status = (int)status,
		.body = { s->body_len > 0 ? s->body : "", s->body_len }, .content_type = text_or_none(s->content_type),
		.retry_after = text_or_none(s->retry_after) };
	for (int i = 0; i < HTTP_KEEPS_MAX; i++)
		a->kept[i] = text_or_none(s->kept[i]);
	if (s->too_large) {
		snprintf(a->error, sizeof(a->error), "the answer is longer than it may be");
		a->body = STR_NONE;
	}
	if (!whole || lost)
		s->shape.rules = 0; /* libcurl counts in the handle how often it tried again: begin anew */
	if (lost || (!s->too_large && (!whole || status < 200))) {
		*a = (struct http_answer){ .end = something_left(s) ? HTTP_UNCLEAR : HTTP_NOT_SENT };
		snprintf(a->error, sizeof(a->error), "%s", lost ? "lost by a fault switch" : s->refused_address ? "the address is not public" : error);
	}
}

void http_slot_clear(struct http_slot *s)
{
	s->sent_of_body = s->body_len = s->header_bytes = 0;
	s->refused_address = s->too_large = false;
	forget_headers(s);
	s->error[0] = '\0';
	if (s->body_cap > ANSWER_KEPT_MAX) {
		free(s->body);
		s->body = NULL;
		s->body_cap = 0;
	}
}

void http_slot_free(struct http_slot *s)
{
	if (s->easy != NULL)
		curl_easy_cleanup(s->easy);
	free(s->body);
	free(s->lines);
}
