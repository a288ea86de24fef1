/* tests/fuzz/h1_events.h - the events of a run of the HTTP/1.1 parser as text, for tests that compare runs.
 *
 *   GET /a HTTP/1.1 host=a length=0 keep {accept: x} body "..." done
 * Pieces of a body are joined; a run ends at the first wrong byte, which shows as "wrong <slug>". */
#ifndef TESTS_FUZZ_H1_EVENTS_H
#define TESTS_FUZZ_H1_EVENTS_H
#include "gateway/door/h1_parse.h"
#include <stdio.h>

enum { H1_EVENTS_BYTES = 1 << 18 };

struct h1_events {
	size_t len;
	bool in_body;
	char text[H1_EVENTS_BYTES];
};

static void say(struct h1_events *e, const void *at, size_t len)
{
	if (len > sizeof(e->text) - 1 - e->len)
		len = sizeof(e->text) - 1 - e->len;
	if (len > 0)
		memcpy(e->text + e->len, at, len);
	e->len += len;
	e->text[e->len] = '\0';
}

static void say_c(struct h1_events *e, const char *text)
{
	say(e, text, strlen(text));
}

static void say_head(struct h1_events *e, const struct h1_parser *p)
{
	char line[128];
	say(e, p->method.at, p->method.len);
	say_c(e, " ");
	say(e, p->target.at, p->target.len);
	snprintf(line, sizeof(line), " HTTP/1.%d host=", p->minor);
	say_c(e, line);
	say(e, p->authority.at, p->authority.len);
	snprintf(line, sizeof(line), " length=%lld%s%s", (long long)p->length, p->keep_alive ? " keep" : "", p->expects_continue ? " expects" : "");
	say_c(e, line);
	for (size_t i = 0; i < p->field_count; i++) {
		struct str name = h1_name(p, i), value = h1_value(p, i);
		if (str_eq(name, STR("host")))
			continue;
		say_c(e, " {");
		say(e, name.at, name.len);
		say_c(e, ": ");
		say(e, value.at, value.len);
		say_c(e, "}");
	}
}

static void end_body(struct h1_events *e)
{
	if (e->in_body)
		say_c(e, "\"");
	e->in_body = false;
}

/* One piece of input. false: the parser has given up. */
static bool h1_events_feed(struct h1_events *e, struct h1_parser *p, const char *at, size_t len)
{
	for (;;) {
		struct h1_step s = h1_step(p, at, len);
		at += s.used;
		len -= s.used;
		switch (s.event) {
		case H1_MORE:
			return true;
		case H1_HEAD:
			say_head(e, p);
			break;
		case H1_BODY:
			if (!e->in_body)
				say_c(e, " body \"");
			e->in_body = true;
			say(e, s.body.at, s.body.len);
			break;
		case H1_DONE:
			end_body(e);
			say_c(e, " done\n");
			h1_parser_next(p);
			break;
		case H1_WRONG:
			end_body(e);
			say_c(e, " wrong ");
			say_c(e, fail_row(p->wrong.code)->slug);
			return false;
		}
	}
}
#endif
