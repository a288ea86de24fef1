/* base/log.h - events, not sentences: one JSON line per event, always with the request it belongs to.
 *
 *   {"t":"2026-11-23T08:00:00.000+08:00","lvl":"info","ev":"case_moved","req":"rq_01J…","case":12,"to":"accepted"}
 *
 * A row of events.def names the event, its level and its fields. A value is one of the constructors below; there is none
 * for `struct secret`, so a secret in a log line is a compile error. Text is escaped: one event is one line whatever it holds.
 *
 * Lines gather in a buffer per thread and leave with log_flush (each loop turn, each batch) or at 32 KiB, by one write(2).
 * ERROR and above leave at once. When stderr is journald's, lines carry the "<n>" priority prefix.
 * Thread: any. */
#ifndef BASE_LOG_H
#define BASE_LOG_H
#include "base/fail.h"
#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_NOTICE, LOG_WARN, LOG_ERROR };

enum event {
#define EVENT(name, level, fields) EV_##name,
#include "base/events.def"
#undef EVENT
	EV_COUNT
};

/* Bytes that must not reach a log, a metric, an error text or a core's obvious places. Read .secret only where it is used. */
struct secret {
	struct str secret;
};

struct log_value {
	enum { LOG_STR, LOG_PLAIN, LOG_INT, LOG_BOOL } kind;
	struct str text;
	int64_t number;
};

#define L_STR(s) ((struct log_value){ .kind = LOG_STR, .text = (s) })
#define L_C(c) ((struct log_value){ .kind = LOG_STR, .text = str_c(c) })
#define L_PLAIN(s) ((struct log_value){ .kind = LOG_PLAIN, .text = (s) }) /* short words of our own tables, known to need no escaping */
#define L_INT(n) ((struct log_value){ .kind = LOG_INT, .number = (n) })
#define L_BOOL(b) ((struct log_value){ .kind = LOG_BOOL, .number = (b) })

/* Writes event `name` with one value per field of its row (asserted). `request_id` may be STR_NONE outside any request. */
#define LOG_EVENT(name, request_id, ...) \
	log_event(EV_##name, (request_id), (struct log_value[]){ __VA_ARGS__ }, sizeof((struct log_value[]){ __VA_ARGS__ }) / sizeof(struct log_value))
#define LOG_EVENT0(name, request_id) log_event(EV_##name, (request_id), NULL, 0)
void log_event(enum event e, struct str request_id, const struct log_value *values, size_t count);
/* The same line, kept by whoever does not know yet whether it is true: LOG_KEPT_MAX bytes at `at` are enough for it, its texts are cut to fit. Gives its length; 0: below the level. */
enum { LOG_KEPT_MAX = 2048 };
size_t log_keep(char *at, enum event e, struct str request_id, const struct log_value *values, size_t count);
void log_kept(struct str lines); /* writes what was kept, and leaves at once */
/* A failure with its file, line and log text, as event request_failed. */
void log_fail(struct str request_id, const struct fail *why);

void log_open(int fd, enum log_level least); /* at start; default is stderr and INFO */
void log_level_set(enum log_level least);
void log_flush(void);                        /* the calling thread's lines */
bool log_level_from(struct str name, enum log_level *out);
#endif
