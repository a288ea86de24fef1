/* base/log.c - why this exists: a log that costs a few hundred nanoseconds a line, never mixes two lines and never lets what
 * a stranger sent look like a line of ours.
 *
 * What a row of events.def contributes is put together once, at the first line; a line is then copied from pieces into the
 * thread's buffer. Buffers leave under one mutex, because two threads' writes to a pipe may mix above PIPE_BUF. */
#include "base/log.h"

#include "base/clock.h"
#include "base/json_escape.h"
#include "base/metrics.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	BUFFER_BYTES = 32768,
	LINE_MAX_BYTES = 8192, /* a line's texts are cut to stay below */
	FIELDS_MAX = 10,
	FIELD_BYTES = 64,      /* kept free for each field to come: its name, quotes and a number or a plain word */
	PLAIN_MAX = 31,
	STALL_MS = 100,        /* a full pipe set to non-blocking may drain this long before lines are lost */
};

static const struct {
	const char *name, *fields;
	enum log_level level;
} events[EV_COUNT] = {
#define EVENT(event_name, event_level, event_fields) [EV_##event_name] = { #event_name, event_fields, LOG_##event_level },
#include "base/events.def"
#undef EVENT
};

static const struct {
	struct str name, priority; /* priority as journald reads it, syslog(3) */
} levels[] = {
	[LOG_DEBUG] = { { "debug", 5 }, { "<7>", 3 } },   [LOG_INFO] = { { "info", 4 }, { "<6>", 3 } },
	[LOG_NOTICE] = { { "notice", 6 }, { "<5>", 3 } }, [LOG_WARN] = { { "warn", 4 }, { "<4>", 3 } },
	[LOG_ERROR] = { { "error", 5 }, { "<3>", 3 } },
};

/* What never changes of an event's line: `","lvl":"info","ev":"access"` and `,"method":` and so on. */
static struct {
	char head[80];
	size_t head_len, count;
	struct {
		char text[FIELD_BYTES - 30];
		size_t len;
	} names[FIELDS_MAX];
} pieces[EV_COUNT];

struct lines {
	int64_t second, time_ms; /* what time_text shows */
	size_t len;
	char time_text[RFC3339_BYTES];
	char bytes[BUFFER_BYTES];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_end;
static _Thread_local struct lines *mine;
static _Atomic int least_level = LOG_INFO;
static pthread_mutex_t door = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static int out_fd = STDERR_FILENO;
static bool torn;    /* the last write ended inside a line */
static bool stalled; /* the last write found nobody reading: wait for it no more */
static _Atomic bool to_journal;

bool log_level_from(struct str name, enum log_level *out)
{
	for (int i = LOG_DEBUG; i <= LOG_ERROR; i++) {
		if (!str_eq(name, levels[i].name))
			continue;
		*out = (enum log_level)i;
		return true;
	}
	return false;
}

void log_level_set(enum log_level least)
{
	atomic_store_explicit(&least_level, (int)least, memory_order_relaxed);
}

/* systemd tells device and inode of the stream it reads (systemd.exec(5)); a redirected stderr is another one. */
static bool is_journal(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	if (stream == NULL || fstat(fd, &st) != 0)
		return false;
	char want[64];
	snprintf(want, sizeof want, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(stream, want) == 0;
}

/* -- leaving */

static int64_t count_lines(const char *at, size_t len)
{
	int64_t count = 0;
	for (const char *end = at + len; at < end && (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++)
		count++;
	return count;
}

/* Whether the descriptor may take more soon. */
static bool drains(int error)
{
	if (error == EINTR)
		return true;
	struct pollfd wait = { .fd = out_fd, .events = POLLOUT };
	return (error == EAGAIN || error == EWOULDBLOCK) && poll(&wait, 1, stalled ? 0 : STALL_MS) > 0 && (wait.revents & POLLOUT) != 0;
}

/* Returns how many bytes did not leave. */
static size_t push(const char *at, size_t len)
{
	while (len > 0) {
		ssize_t sent = write(out_fd, at, len);
		if (sent < 0 && !drains(errno)) {
			stalled = true;
			break;
		}
		if (sent > 0) {
			at += sent;
			len -= (size_t)sent;
			stalled = false;
		}
	}
	return len;
}

static void leave(struct lines *l)
{
	if (l->len == 0)
		return;
	pthread_mutex_lock(&door);
	size_t left = l->len;
	if (!torn || push("\n", 1) == 0) {
		left = push(l->bytes, l->len);
		torn = left > 0 && left < l->len && l->bytes[l->len - left - 1] != '\n';
	}
	pthread_mutex_unlock(&door);
	if (left > 0)
		metric_add(M_log_lost, 0, count_lines(l->bytes + l->len - left, left));
	l->len = 0;
}

void log_flush(void)
{
	if (mine != NULL)
		leave(mine);
}

static void thread_ended(void *lines)
{
	leave(lines);
	free(lines);
	mine = NULL;
}

static void write_pieces(int e)
{
	struct str level = levels[events[e].level].name;
	int len = snprintf(pieces[e].head, sizeof pieces[e].head, "\",\"lvl\":\"%.*s\",\"ev\":\"%s\"", STR_ARG(level), events[e].name);
	assert(len > 0 && (size_t)len < sizeof pieces[e].head);
	pieces[e].head_len = (size_t)len;
	struct str left = str_c(events[e].fields), name;
	while (left.len > 0) {
		size_t i = pieces[e].count++;
		assert(i < FIELDS_MAX);
		str_cut(left, ',', &name, &left);
		len = snprintf(pieces[e].names[i].text, sizeof pieces[e].names[i].text, ",\"%.*s\":", STR_ARG(name));
		assert(len > 0 && (size_t)len < sizeof pieces[e].names[i].text);
		pieces[e].names[i].len = (size_t)len;
	}
}

static void start(void)
{
	for (int e = 0; e < EV_COUNT; e++)
		write_pieces(e);
	atomic_store(&to_journal, is_journal(STDERR_FILENO));
	if (pthread_key_create(&thread_end, thread_ended) != 0 || atexit(log_flush) != 0)
		abort();
}

void log_open(int fd, enum log_level least)
{
	pthread_once(&once, start);
	log_flush();
	pthread_mutex_lock(&door);
	out_fd = fd;
	torn = stalled = false;
	pthread_mutex_unlock(&door);
	atomic_store(&to_journal, is_journal(fd));
	log_level_set(least);
}

/* -- one line */

static struct lines *my_lines(void)
{
	if (mine != NULL)
		return mine;
	pthread_once(&once, start);
	struct lines *l = malloc(sizeof *l);
	if (l == NULL)
		return NULL;
	if (pthread_setspecific(thread_end, l) != 0) {
		free(l);
		return NULL;
	}
	l->len = 0;
	l->second = INT64_MIN;
	mine = l;
	return l;
}

static inline char *put(char *at, const char *text, size_t len)
{
	memcpy(at, text, len);
	return at + len;
}

static char *put_time(char *at, struct lines *l)
{
	int64_t now = clock_wall_ms(), second = now / 1000;
	if (second != l->second || now < 0) {
		time_rfc3339(now, l->time_text);
		l->second = second;
		l->time_ms = now;
	} else if (now != l->time_ms) { /* "2026-11-23T08:00:00.000+08:00": only the three digits differ */
		int ms = (int)(now % 1000);
		l->time_text[20] = (char)('0' + ms / 100);
		l->time_text[21] = (char)('0' + ms / 10 % 10);
		l->time_text[22] = (char)('0' + ms % 10);
		l->time_ms = now;
	}
	return put(at, l->time_text, RFC3339_BYTES - 1);
}

/* `end` is where this text must have ended, its closing quote included. */
static char *put_text(char *at, const char *end, struct str s)
{
	size_t taken = s.len;
	*at++ = '"';
	at += json_escape(s, at, (size_t)(end - at) - 4, &taken);
	if (taken < s.len)
		at = put(at, "\xe2\x80\xa6", 3); /* an ellipsis: there was more */
	*at++ = '"';
	return at;
}

/* A number's room is enough for it. */
static char *put_plain(char *at, struct str s)
{
	assert(s.len <= PLAIN_MAX);
#ifdef SIBAN_FAULTS
	assert(s.len == 0 || (str_is_visible_ascii(s) && memchr(s.at, '"', s.len) == NULL && memchr(s.at, '\\', s.len) == NULL));
#endif
	*at++ = '"';
	at = put(at, s.at, s.len);
	*at++ = '"';
	return at;
}

static char *put_value(char *at, const char *end, const struct log_value *v)
{
	if (v->kind == LOG_STR)
		return put_text(at, end, v->text);
	if (v->kind == LOG_PLAIN)
		return put_plain(at, v->text);
	if (v->kind == LOG_BOOL)
		return v->number != 0 ? put(at, "true", 4) : put(at, "false", 5);
	return at + i64_text(v->number, at);
}

/* One line of at most `room` bytes, of which FIELD_BYTES a field are for what is no text. */
static char *put_line(char *at, size_t room, struct lines *l, enum event e, struct str request_id, const struct log_value *values, size_t count)
{
	assert(count == pieces[e].count);
	const char *end = at + room - FIELD_BYTES - count * FIELD_BYTES;
	if (atomic_load_explicit(&to_journal, memory_order_relaxed))
		at = put(at, levels[events[e].level].priority.at, 3);
	at = put_time(put(at, "{\"t\":\"", 6), l);
	memcpy(at, pieces[e].head, sizeof pieces[e].head);
	at += pieces[e].head_len;
	if (request_id.len > 0) {
		assert(request_id.len <= PLAIN_MAX && "an id of ours");
		at = put(at, ",\"req\":\"", 8);
		at = put(at, request_id.at, request_id.len);
		*at++ = '"';
	}
	for (size_t i = 0; i < count; i++, end += FIELD_BYTES) {
		memcpy(at, pieces[e].names[i].text, sizeof pieces[e].names[i].text); /* a fixed length is quicker, and FIELD_BYTES has room */
		at += pieces[e].names[i].len;
		at = put_value(at, end + FIELD_BYTES, &values[i]);
	}
	return put(at, "}\n", 2);
}

/* NULL: it is below the level, or there is no memory. */
static struct lines *lines_for(enum event e)
{
	assert(e >= 0 && e < EV_COUNT);
	if ((int)events[e].level < atomic_load_explicit(&least_level, memory_order_relaxed))
		return NULL;
	struct lines *l = my_lines();
	if (l == NULL)
		metric_add(M_log_lost, 0, 1);
	return l;
}

void log_event(enum event e, struct str request_id, const struct log_value *values, size_t count)
{
	struct lines *l = lines_for(e);
	if (l == NULL)
		return;
	if (BUFFER_BYTES - l->len < LINE_MAX_BYTES)
		leave(l);
	l->len = (size_t)(put_line(l->bytes + l->len, LINE_MAX_BYTES, l, e, request_id, values, count) - l->bytes);
	assert(l->len <= BUFFER_BYTES);
	if (events[e].level >= LOG_ERROR)
		leave(l);
}

size_t log_keep(char *at, enum event e, struct str request_id, const struct log_value *values, size_t count)
{
	struct lines *l = lines_for(e);
	return l == NULL ? 0 : (size_t)(put_line(at, LOG_KEPT_MAX, l, e, request_id, values, count) - at);
}

void log_kept(struct str lines)
{
	struct lines *l = lines.len > 0 ? my_lines() : NULL;
	if (l == NULL)
		return;
	for (struct str line; lines.len > 0;) {
		str_cut(lines, '\n', &line, &lines);
		if (BUFFER_BYTES - l->len < LINE_MAX_BYTES)
			leave(l);
		char *end = put(l->bytes + l->len, line.at, line.len);
		*end++ = '\n';
		l->len = (size_t)(end - l->bytes);
	}
	leave(l);
}

/* "/home/build/siban/base/log.c" to "base/log.c": room and file are enough to find it. */
static struct str short_file(const char *file)
{
	struct str s = str_c(file);
	int slashes = 0;
	for (size_t i = s.len; i > 0; i--)
		if (s.at[i - 1] == '/' && ++slashes == 2)
			return (struct str){ s.at + i, s.len - i };
	return s;
}

void log_fail(struct str request_id, const struct fail *why)
{
	assert(why->code != FAIL_NONE);
	LOG_EVENT(request_failed, request_id, L_C(fail_row(why->code)->slug), L_STR(short_file(why->file)), L_INT(why->line), L_C(why->log));
}
