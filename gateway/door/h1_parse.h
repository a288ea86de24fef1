/* gateway/door/h1_parse.h - a strict, incremental HTTP/1.1 request parser (RFC 9112): bytes in, events out.
 *
 * Every byte is judged when it comes, with no look-ahead: so however the bytes are cut, the events are the same. What another parser
 * on the way might read differently (bare LF, folded lines, two lengths, a space before a colon …) is refused, never repaired.
 *
 *   for (;;) {
 *       struct h1_step s = h1_step(&p, at, len);   at += s.used; len -= s.used;
 *       H1_MORE: all bytes are used; come back with more      H1_HEAD: p.method … p.fields may be read
 *       H1_BODY: s.body is a piece of the body                H1_DONE: call h1_parser_next, then go on
 *       H1_WRONG: p.wrong says why; the connection cannot be used any more
 *   }
 *
 * Thread: any. Owns: the head's text, until h1_parser_next or h1_parser_free. */
#ifndef GATEWAY_DOOR_H1_PARSE_H
#define GATEWAY_DOOR_H1_PARSE_H
#include "base/fail.h"
#include "base/request.h"

struct h1_limits {
	size_t target_bytes_max, header_bytes_max, header_count_max; /* header bytes: names, values and 32 per field */
	bool secure; /* https: the only scheme an absolute-form target may have; else none is taken */
};

enum h1_event { H1_MORE, H1_HEAD, H1_BODY, H1_DONE, H1_WRONG };

struct h1_step {
	enum h1_event event;
	size_t used;
	struct str body;
};

struct h1_field {
	uint32_t name, name_len, value, value_len; /* in text */
};

struct h1_parser {
	const struct h1_limits *limits;
	/* the head, valid from H1_HEAD to h1_parser_next */
	char *text;                 /* all names (lower case) and values, one after another */
	struct h1_field *fields;
	size_t field_count;
	struct str method, target, authority; /* target in origin form or "*"; authority as it came, empty without Host */
	int minor;                  /* HTTP/1.minor */
	int64_t length;             /* content-length; 0: no body; -1: chunked */
	bool keep_alive, expects_continue;
	struct fail wrong;          /* after H1_WRONG */

	/* between calls */
	int state;
	bool begun;                 /* some byte of this request has come */
	bool skipped_empty_line, in_trailers;
	size_t text_len, text_cap, field_cap, header_bytes, header_count;
	size_t token_at, target_len; /* the target, in text */
	size_t value_end;           /* of the current value, but for trailing blanks */
	int version_at, digits;
	uint64_t left;              /* bytes of body or chunk to come */
	size_t extension_bytes;     /* of all chunks */
};

void h1_parser_init(struct h1_parser *p, const struct h1_limits *limits);
struct h1_step h1_step(struct h1_parser *p, const char *at, size_t len);
void h1_parser_next(struct h1_parser *p);
void h1_parser_free(struct h1_parser *p);
static inline bool h1_parser_is_fresh(const struct h1_parser *p) { return !p->begun; }
static inline struct str h1_name(const struct h1_parser *p, size_t i) { return (struct str){ p->text + p->fields[i].name, p->fields[i].name_len }; }
static inline struct str h1_value(const struct h1_parser *p, size_t i) { return (struct str){ p->text + p->fields[i].value, p->fields[i].value_len }; }
#endif
