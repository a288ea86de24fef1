/* Goal: the HTTP/1.1 parser never crashes, never reads past its input, and gives the same events however its input is cut.
 * Method: the first two bytes seed how the rest is cut; one run takes it whole, one byte by byte, one in pieces. */
#include "h1_events.h"
#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct h1_limits limits = { 128, 1024, 12, true };
static struct h1_events whole, bytes, pieces;

/* Each piece is a copy of its own, so that AddressSanitizer sees a read beyond it. */
static bool feed_copy(struct h1_events *e, struct h1_parser *p, const uint8_t *at, size_t len)
{
	char *copy = malloc(len + (len == 0));
	assert(copy != NULL);
	memcpy(copy, at, len);
	bool on = h1_events_feed(e, p, copy, len);
	free(copy);
	return on;
}

static void run(struct h1_events *e, const uint8_t *at, size_t len, uint32_t seed, size_t piece_max)
{
	struct h1_parser p;
	h1_parser_init(&p, &limits);
	e->len = 0;
	e->text[0] = '\0';
	e->in_body = false;
	bool on = true;
	while (len > 0 && on) {
		seed = seed * 1664525 + 1013904223;
		size_t n = piece_max == 0 ? len : 1 + (seed >> 8) % piece_max;
		if (n > len)
			n = len;
		on = feed_copy(e, &p, at, n);
		at += n;
		len -= n;
	}
	h1_parser_free(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	uint32_t seed = (uint32_t)data[0] << 8 | data[1];
	run(&whole, data + 2, size - 2, 0, 0);
	run(&bytes, data + 2, size - 2, 0, 1);
	run(&pieces, data + 2, size - 2, seed, 1 + seed % 64);
	if (whole.len != bytes.len || memcmp(whole.text, bytes.text, whole.len) != 0 || whole.len != pieces.len ||
	    memcmp(whole.text, pieces.text, whole.len) != 0)
		abort();
	return 0;
}
