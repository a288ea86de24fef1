/* Goal: the HTTP/1.1 parser takes what RFC 9112 allows, refuses what two parsers could read differently (the smuggling set), holds
 * its limits, and gives the same events however its input is cut.
 * Method: a table of inputs and the events they must give; each row is fed whole, byte by byte, and cut in two at every place. */
#include "fuzz/h1_events.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static const struct h1_limits limits = { 64, 512, 8, true };

#define OK "GET / HTTP/1.1\r\nhost: a\r\n"
#define POST "POST / HTTP/1.1\r\nhost: a\r\n"
#define BAD " wrong bad_request"
#define GOT "GET / HTTP/1.1 host=a length=0 keep"
#define X16 "xxxxxxxxxxxxxxxx"

static const struct { const char *name, *in, *want; } cases[] = {
	/* what must work */
	{ "plain", OK "\r\n", GOT " done\n" },
	{ "names to lower case, values trimmed", "GET /a?b=%20 HTTP/1.1\r\nHOST:a:8443\r\nX-Y: \t v w \t\r\nEmpty:\r\nBlank:  \r\n\r\n",
		"GET /a?b=%20 HTTP/1.1 host=a:8443 length=0 keep {x-y: v w} {empty: } {blank: } done\n" },
	{ "bytes above 0x7f in a value", OK "x: \xe4\xb8\xad\r\n\r\n", GOT " {x: \xe4\xb8\xad} done\n" },
	{ "one empty line before", "\r\n" OK "\r\n", GOT " done\n" },
	{ "pipelined", OK "\r\n" OK "\r\n", GOT " done\n" GOT " done\n" },
	{ "length", POST "content-length: 5\r\n\r\nhelloGET", "POST / HTTP/1.1 host=a length=5 keep {content-length: 5} body \"hello\" done\n" },
	{ "length zero", POST "content-length: 0\r\n\r\n", "POST / HTTP/1.1 host=a length=0 keep {content-length: 0} done\n" },
	{ "chunked", POST "transfer-encoding: Chunked\r\n\r\n5\r\nhello\r\n1;a=\"b\"\r\n!\r\n0\r\n\r\n" OK "\r\n",
		"POST / HTTP/1.1 host=a length=-1 keep {transfer-encoding: Chunked} body \"hello!\" done\n" GOT " done\n" },
	{ "trailers are read and dropped", POST "transfer-encoding: chunked\r\n\r\n0\r\nx: y\r\nhost: b\r\n\r\n",
		"POST / HTTP/1.1 host=a length=-1 keep {transfer-encoding: chunked} done\n" },
	{ "leading zeros in a chunk size", POST "transfer-encoding: chunked\r\n\r\n0000000A\r\n0123456789\r\n0\r\n\r\n",
		"POST / HTTP/1.1 host=a length=-1 keep {transfer-encoding: chunked} body \"0123456789\" done\n" },
	{ "close", OK "Connection: foo, Close\r\n\r\n", "GET / HTTP/1.1 host=a length=0 {connection: foo, Close} done\n" },
	{ "1.0", "GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.0 host= length=0 done\n" },
	{ "1.0 keep-alive", "GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n", "GET / HTTP/1.0 host= length=0 keep {connection: keep-alive} done\n" },
	{ "expect", POST "content-length: 1\r\nexpect: 100-Continue\r\n\r\nx",
		"POST / HTTP/1.1 host=a length=1 keep expects {content-length: 1} {expect: 100-Continue} body \"x\" done\n" },
	{ "1.0 ignores expect", "GET / HTTP/1.0\r\nexpect: 100-continue\r\n\r\n", "GET / HTTP/1.0 host= length=0 {expect: 100-continue} done\n" },
	{ "absolute form", "GET https://A/x?y HTTP/1.1\r\nhost: a\r\n\r\n", "GET /x?y HTTP/1.1 host=a length=0 keep done\n" },
	{ "absolute form, no path", "GET https://a HTTP/1.1\r\nhost: a\r\n\r\n", "GET / HTTP/1.1 host=a length=0 keep done\n" },
	{ "options *", "OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n", "OPTIONS * HTTP/1.1 host=a length=0 keep done\n" },
	{ "upgrade is just a field", OK "upgrade: h2c\r\n\r\n", GOT " {upgrade: h2c} done\n" },
	{ "IPv6 host", "GET / HTTP/1.1\r\nhost: [::1]:8443\r\n\r\n", "GET / HTTP/1.1 host=[::1]:8443 length=0 keep done\n" },
	{ "unknown method", "BREW / HTTP/1.1\r\nhost: a\r\n\r\n", "BREW / HTTP/1.1 host=a length=0 keep done\n" },
	{ "not complete", OK, "" },
	/* request line */
	{ "bare LF", "GET / HTTP/1.1\nhost: a\r\n\r\n", BAD },
	{ "two empty lines before", "\r\n\r\n" OK "\r\n", BAD },
	{ "LF before", "\n" OK "\r\n", BAD },
	{ "blank before", " " OK "\r\n", BAD },
	{ "two spaces", "GET  / HTTP/1.1\r\nhost: a\r\n\r\n", BAD },
	{ "tab", "GET\t/ HTTP/1.1\r\nhost: a\r\n\r\n", BAD },
	{ "space at the line's end", "GET / HTTP/1.1 \r\nhost: a\r\n\r\n", BAD },
	{ "no version", "GET /\r\n\r\n", BAD },
	{ "HTTP/2.0", "GET / HTTP/2.0\r\nhost: a\r\n\r\n", BAD },
	{ "HTTP/1.2", "GET / HTTP/1.2\r\nhost: a\r\n\r\n", BAD },
	{ "http/1.1", "GET / http/1.1\r\nhost: a\r\n\r\n", BAD },
	{ "HTTP/1.10", "GET / HTTP/1.10\r\nhost: a\r\n\r\n", BAD },
	{ "h2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", BAD },
	{ "method is not a token", "G(T / HTTP/1.1\r\nhost: a\r\n\r\n", BAD },
	{ "method too long", "ABCDEFGHIJKLMNOPQRSTUVWXYZ / HTTP/1.1\r\nhost: a\r\n\r\n", BAD },
	{ "no slash", "GET a HTTP/1.1\r\nhost: a\r\n\r\n", BAD },
	{ "* for GET", "GET * HTTP/1.1\r\nhost: a\r\n\r\n", BAD },
	{ "authority form", "CONNECT a:443 HTTP/1.1\r\nhost: a\r\n\r\n", BAD },
	{ "fragment", "GET /#x HTTP/1.1\r\nhost: a\r\n\r\n", BAD },
	{ "byte above 0x7f in the target", "GET /\xe4 HTTP/1.1\r\nhost: a\r\n\r\n", BAD },
	{ "DEL in the target", "GET /\x7f HTTP/1.1\r\nhost: a\r\n\r\n", BAD },
	{ "absolute form of another scheme", "GET http://a/ HTTP/1.1\r\nhost: a\r\n\r\n", BAD },
	{ "absolute form of another host", "GET https://b/ HTTP/1.1\r\nhost: a\r\n\r\n", BAD },
	{ "absolute form with userinfo", "GET https://u@a/ HTTP/1.1\r\nhost: a\r\n\r\n", BAD },
	{ "absolute form, query without path", "GET https://a?x HTTP/1.1\r\nhost: a\r\n\r\n", BAD },
	{ "target too long", "GET /" X16 X16 X16 X16 " HTTP/1.1\r\nhost: a\r\n\r\n", " wrong target_too_long" },
	/* fields */
	{ "space before the colon", OK "x : y\r\n\r\n", BAD },
	{ "tab before the colon", OK "x\t: y\r\n\r\n", BAD },
	{ "folded", OK "x: y\r\n z\r\n\r\n", BAD },
	{ "folded first", "GET / HTTP/1.1\r\n host: a\r\n\r\n", BAD },
	{ "no colon", OK "x\r\n\r\n", BAD },
	{ "no name", OK ": y\r\n\r\n", BAD },
	{ "LF after a value", OK "x: y\n\r\n", BAD },
	{ "CR inside a value", OK "x: y\rz\r\n\r\n", BAD },
	{ "control character in a value", OK "x: \x01\r\n\r\n", BAD },
	{ "DEL in a value", OK "x: \x7f\r\n\r\n", BAD },
	{ "name is not a token", OK "x{: y\r\n\r\n", BAD },
	{ "CR CR LF", OK "\r\r\n", BAD },
	{ "too many bytes", OK "x: " X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 "\r\n\r\n",
		" wrong headers_too_large" },
	{ "too many fields", OK "b:\r\nc:\r\nd:\r\ne:\r\nf:\r\ng:\r\nh:\r\ni:\r\n\r\n", " wrong headers_too_large" },
	/* host */
	{ "no host", "GET / HTTP/1.1\r\n\r\n", BAD },
	{ "two hosts", OK "host: a\r\n\r\n", BAD },
	{ "empty host", "GET / HTTP/1.1\r\nhost:\r\n\r\n", BAD },
	{ "userinfo in host", "GET / HTTP/1.1\r\nhost: u@a\r\n\r\n", BAD },
	{ "list in host", "GET / HTTP/1.1\r\nhost: a, b\r\n\r\n", BAD },
	{ "path in host", "GET / HTTP/1.1\r\nhost: a/b\r\n\r\n", BAD },
	{ "port is not a number", "GET / HTTP/1.1\r\nhost: a:x\r\n\r\n", BAD },
	{ "port too large", "GET / HTTP/1.1\r\nhost: a:65536\r\n\r\n", BAD },
	/* where the message ends: the smuggling set */
	{ "length and chunked", POST "content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", BAD },
	{ "chunked and length", POST "transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n", BAD },
	{ "two lengths", POST "content-length: 5\r\ncontent-length: 6\r\n\r\nhello", BAD },
	{ "two equal lengths", POST "content-length: 5\r\ncontent-length: 5\r\n\r\nhello", BAD },
	{ "list of lengths", POST "content-length: 5, 5\r\n\r\nhello", BAD },
	{ "+5", POST "content-length: +5\r\n\r\nhello", BAD },
	{ "-5", POST "content-length: -5\r\n\r\nhello", BAD },
	{ "0x5", POST "content-length: 0x5\r\n\r\nhello", BAD },
	{ "5 5", POST "content-length: 5 5\r\n\r\nhello", BAD },
	{ "empty length", POST "content-length:\r\n\r\n", BAD },
	{ "length of 19 digits", POST "content-length: 9999999999999999999\r\n\r\n", BAD },
	{ "length_with_underscore is another field", POST "content_length: 5\r\n\r\n", "POST / HTTP/1.1 host=a length=0 keep {content_length: 5} done\n" },
	{ "identity", POST "transfer-encoding: identity\r\n\r\n", BAD },
	{ "gzip, chunked", POST "transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", BAD },
	{ "chunked, chunked", POST "transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n", BAD },
	{ "xchunked", POST "transfer-encoding: xchunked\r\n\r\n0\r\n\r\n", BAD },
	{ "chunked twice", POST "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", BAD },
	{ "chunked, vertical tab", POST "transfer-encoding: \x0b" "chunked\r\n\r\n0\r\n\r\n", BAD },
	{ "chunked in 1.0", "POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", BAD },
	{ "two expectations", POST "expect: 100-continue\r\nexpect: 100-continue\r\n\r\n", " wrong expectation_failed" },
	{ "another expectation", POST "expect: 200-ok\r\n\r\n", " wrong expectation_failed" },
#define CHUNKED POST "transfer-encoding: chunked\r\n\r\n"
#define CHUNKED_GOT "POST / HTTP/1.1 host=a length=-1 keep {transfer-encoding: chunked}"
	{ "chunk size with 0x", CHUNKED "0x5\r\nhello\r\n0\r\n\r\n", CHUNKED_GOT BAD },
	{ "chunk size with sign", CHUNKED "+5\r\nhello\r\n0\r\n\r\n", CHUNKED_GOT BAD },
	{ "blank before a chunk size", CHUNKED " 5\r\nhello\r\n0\r\n\r\n", CHUNKED_GOT BAD },
	{ "blank after a chunk size", CHUNKED "5 \r\nhello\r\n0\r\n\r\n", CHUNKED_GOT BAD },
	{ "no chunk size", CHUNKED "\r\nhello\r\n0\r\n\r\n", CHUNKED_GOT BAD },
	{ "chunk size of 9 digits", CHUNKED "000000005\r\nhello\r\n0\r\n\r\n", CHUNKED_GOT BAD },
	{ "LF after a chunk size", CHUNKED "5\nhello\r\n0\r\n\r\n", CHUNKED_GOT BAD },
	{ "LF in an extension", CHUNKED "5;a\nhello\r\n0\r\n\r\n", CHUNKED_GOT BAD },
	{ "chunk longer than it says", CHUNKED "5\r\nhello!\r\n0\r\n\r\n", CHUNKED_GOT " body \"hello\"" BAD },
	{ "LF after a chunk", CHUNKED "5\r\nhello\n0\r\n\r\n", CHUNKED_GOT " body \"hello\"" BAD },
	{ "folded trailer", CHUNKED "0\r\nx: y\r\n z\r\n\r\n", CHUNKED_GOT BAD },
	{ "too many trailers", CHUNKED "0\r\na:\r\nb:\r\nc:\r\nd:\r\ne:\r\nf:\r\ng:\r\nh:\r\ni:\r\n\r\n", CHUNKED_GOT " wrong headers_too_large" },
};

static struct h1_events events;

static const char *run(const char *in, size_t len, size_t first, size_t step)
{
	struct h1_parser p;
	h1_parser_init(&p, &limits);
	events.len = 0;
	events.in_body = false;
	events.text[0] = '\0';
	bool on = first == 0 || h1_events_feed(&events, &p, in, first);
	for (size_t at = first; at < len && on; at += step)
		on = h1_events_feed(&events, &p, in + at, len - at < step ? len - at : step);
	h1_parser_free(&p);
	return events.text;
}

static void table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *in = cases[i].in;
		size_t len = strlen(in);
		print_message("%s\n", cases[i].name);
		/* "length" has a following request that is not complete: its bytes are taken and give nothing yet. */
		assert_string_equal(run(in, len, 0, len), cases[i].want);
		assert_string_equal(run(in, len, 0, 1), cases[i].want);
		for (size_t cut = 1; cut < len; cut++)
			assert_string_equal(run(in, len, cut, len), cases[i].want);
	}
}

static void nul_bytes(void **state)
{
	(void)state;
	static const struct { const char *in; size_t len; } inputs[] = {
		{ "GET /\0 HTTP/1.1\r\n", 17 }, { "GET / HTTP/1.1\r\nho\0st: a\r\n", 26 }, { "GET / HTTP/1.1\r\nhost: a\0\r\n", 26 },
	};
	for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++)
		assert_string_equal(run(inputs[i].in, inputs[i].len, 0, inputs[i].len), BAD);
}

/* Chunk extensions may not be a way to send without end. */
static void endless_extension(void **state)
{
	(void)state;
	struct h1_parser p;
	h1_parser_init(&p, &limits);
	events.len = 0;
	assert_true(h1_events_feed(&events, &p, CHUNKED "1;", strlen(CHUNKED "1;")));
	int pieces = 0;
	while (h1_events_feed(&events, &p, X16, 16))
		assert_true(++pieces < 1000);
	assert_int_equal(p.wrong.code, FAIL_BAD_REQUEST);
	h1_parser_free(&p);
}

/* What a refusal leaves: the parser stays wrong whatever follows. */
static void wrong_is_final(void **state)
{
	(void)state;
	struct h1_parser p;
	h1_parser_init(&p, &limits);
	events.len = 0;
	assert_false(h1_events_feed(&events, &p, " ", 1));
	struct h1_step s = h1_step(&p, OK "\r\n", strlen(OK "\r\n"));
	assert_int_equal(s.event, H1_WRONG);
	assert_int_equal(s.used, 0);
	h1_parser_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(nul_bytes),
		cmocka_unit_test(endless_extension),
		cmocka_unit_test(wrong_is_final),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
