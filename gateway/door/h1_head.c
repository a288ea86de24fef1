/* gateway/door/h1_head.c - where a message ends and whom it is for must have one reading only: RFC 9112 3.2, 6 and 11.2. */
#include "gateway/door/h1_head.h"
#include "gateway/door/http_rules.h"

struct seen {
	int hosts, lengths, codings;
	bool close, keep_alive;
	struct str expect;
};

static void read_connection(struct str value, struct seen *seen)
{
	while (value.len > 0) {
		struct str one, rest;
		str_cut(value, ',', &one, &rest);
		one = str_trim(one);
		seen->close = seen->close || str_eq_nocase(one, STR("close"));
		seen->keep_alive = seen->keep_alive || str_eq_nocase(one, STR("keep-alive"));
		value = rest;
	}
}

static bool read_field(struct h1_parser *p, struct str name, struct str value, struct seen *seen)
{
	switch (name.len) {
	case 4:
		if (str_eq(name, STR("host"))) {
			seen->hosts++;
			p->authority = value;
		}
		return true;
	case 6:
		if (str_eq(name, STR("expect"))) {
			if (seen->expect.at != NULL)
				return FAILS(&p->wrong, EXPECTATION, "two Expect fields");
			seen->expect = value;
		}
		return true;
	case 10:
		if (str_eq(name, STR("connection")))
			read_connection(value, seen);
		return true;
	case 14:
		if (!str_eq(name, STR("content-length")))
			return true;
		if (seen->lengths++ > 0)
			return FAILS(&p->wrong, BAD_REQUEST, "two Content-Length fields");
		return http_length(value, &p->length) || FAILS(&p->wrong, BAD_REQUEST, "Content-Length is not a number");
	case 17:
		if (!str_eq(name, STR("transfer-encoding")))
			return true;
		if (seen->codings++ > 0)
			return FAILS(&p->wrong, BAD_REQUEST, "two Transfer-Encoding fields");
		return str_eq_nocase(value, STR("chunked")) || FAILS(&p->wrong, BAD_REQUEST, "a Transfer-Encoding other than chunked");
	default:
		return true;
	}
}

static bool judge_host(struct h1_parser *p, const struct seen *seen)
{
	if (seen->hosts > 1)
		return FAILS(&p->wrong, BAD_REQUEST, "two Host fields");
	if (seen->hosts == 0 && p->minor == 0)
		return true;
	if (seen->hosts == 0)
		return FAILS(&p->wrong, BAD_REQUEST, "no Host");
	return http_authority_is_valid(p->authority) || FAILS(&p->wrong, BAD_REQUEST, "Host is not a host");
}

/* absolute-form becomes origin-form; its authority must not say other than Host. */
static bool judge_target(struct h1_parser *p)
{
	static const struct str scheme = { "https://", 8 };
	struct str t = p->target;
	if (t.at[0] == '/')
		return true;
	if (str_eq(t, STR("*")))
		return str_eq(p->method, STR("OPTIONS")) || FAILS(&p->wrong, BAD_REQUEST, "* is for OPTIONS");
	if (!p->limits->secure || t.len <= scheme.len || !str_eq_nocase((struct str){ t.at, scheme.len }, scheme))
		return FAILS(&p->wrong, BAD_REQUEST, "the target is not in origin form");
	size_t end = scheme.len;
	while (end < t.len && t.at[end] != '/' && t.at[end] != '?')
		end++;
	struct str authority = { t.at + scheme.len, end - scheme.len };
	if (!str_eq_nocase(authority, p->authority))
		return FAILS(&p->wrong, BAD_REQUEST, "the target's authority is not Host");
	p->target = (struct str){ t.at + end, t.len - end };
	if (p->target.len == 0)
		p->target = STR("/");
	return p->target.at[0] == '/' || FAILS(&p->wrong, BAD_REQUEST, "the target has no path");
}

static bool judge_length(struct h1_parser *p, const struct seen *seen)
{
	if (seen->codings == 0)
		return true;
	if (seen->lengths > 0)
		return FAILS(&p->wrong, BAD_REQUEST, "Content-Length beside Transfer-Encoding");
	if (p->minor == 0)
		return FAILS(&p->wrong, BAD_REQUEST, "Transfer-Encoding in HTTP/1.0");
	p->length = -1;
	return true;
}

bool h1_head_judge(struct h1_parser *p)
{
	struct seen seen = { 0 };
	for (size_t i = 0; i < p->field_count; i++)
		if (!read_field(p, h1_name(p, i), h1_value(p, i), &seen))
			return false;
	if (!judge_host(p, &seen) || !judge_target(p) || !judge_length(p, &seen))
		return false;
	p->keep_alive = !seen.close && (p->minor == 1 || seen.keep_alive);
	if (seen.expect.at != NULL && p->minor == 1) {
		if (!str_eq_nocase(seen.expect, STR("100-continue")))
			return FAILS(&p->wrong, EXPECTATION, "an expectation other than 100-continue");
		p->expects_continue = true;
	}
	return true;
}
