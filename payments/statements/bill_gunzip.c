/* payments/statements/bill_gunzip.c - why it counts what goes in: the ratio is all that tells a bomb from a bill before the memory or the disk is gone. */
#include "payments/statements/bill_gunzip.h"

#include <stdlib.h>
#include <zlib.h>

enum { OUT_BYTES = 64 << 10, GZIP_ONLY = 16 + MAX_WBITS };

struct gunzip {
	z_stream z;
	gunzip_out out;
	void *ctx;
	int64_t in_bytes, out_bytes;
	bool is_whole;
	unsigned char bytes[OUT_BYTES];
};

static bool refuse(const char *reason, struct fail *why)
{
	FAILS(why, IMPORT, "gzip: %s", reason);
	fail_fact_text(why, "reason", reason);
	return false;
}

struct gunzip *gunzip_begin(gunzip_out out, void *ctx, struct fail *why)
{
	struct gunzip *g = calloc(1, sizeof *g);
	if (g == NULL || inflateInit2(&g->z, GZIP_ONLY) != Z_OK) {
		free(g);
		FAILS(why, MEMORY, "gunzip");
		return NULL;
	}
	g->out = out;
	g->ctx = ctx;
	return g;
}

static bool give(struct gunzip *g, struct fail *why)
{
	size_t len = OUT_BYTES - g->z.avail_out;
	g->out_bytes += (int64_t)len;
	if (g->out_bytes > GUNZIP_FREE_BYTES && g->out_bytes / GUNZIP_RATIO_MAX > g->in_bytes)
		return refuse("zip_bomb", why);
	return len == 0 || g->out(g->ctx, (struct str){ (const char *)g->bytes, len }, why);
}

bool gunzip_feed(struct gunzip *g, struct str piece, struct fail *why)
{
	unsigned char *in = (unsigned char *)piece.at; /* zlib wants it so; it does not write there */
	if (g->is_whole)
		return piece.len == 0 || refuse("behind_gzip", why);
	g->z.next_in = in;
	g->z.avail_in = (unsigned)piece.len;
	g->in_bytes += (int64_t)piece.len;
	do {
		g->z.next_out = g->bytes;
		g->z.avail_out = OUT_BYTES;
		int rc = inflate(&g->z, Z_NO_FLUSH);
		if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
			return refuse("not_gzip", why);
		if (!give(g, why))
			return false;
		g->is_whole = rc == Z_STREAM_END;
	} while (!g->is_whole && g->z.avail_out == 0);
	return g->z.avail_in == 0 || refuse("behind_gzip", why);
}

bool gunzip_is_whole(const struct gunzip *g)
{
	return g->is_whole;
}

void gunzip_drop(struct gunzip *g)
{
	if (g == NULL)
		return;
	inflateEnd(&g->z);
	free(g);
}
