/* services/applying/media.c - which walk it is, and what the walks have in common. */
#include "services/applying/media.h"
#include "services/applying/media_inside.h"

#include <assert.h>

enum { MAGIC_BYTES = 8 };

static const struct {
	struct str magic, type;
	const struct media_walk *walk;
} rows[] = {
	[MEDIA_JPEG] = { { "\xff\xd8\xff", 3 }, { "image/jpeg", 10 }, &media_jpeg },
	[MEDIA_PNG] =  { { "\x89PNG\r\n\x1a\n", 8 }, { "image/png", 9 }, &media_png },
	[MEDIA_PDF] =  { { "%PDF-", 5 }, { "application/pdf", 15 }, &media_pdf },
	[MEDIA_OFD] =  { { "PK\3\4", 4 }, { "application/ofd", 15 }, &media_ofd },
};

struct str media_type(enum media_kind kind)
{
	assert(kind > MEDIA_NONE && kind <= MEDIA_OFD);
	return rows[kind].type;
}

enum media_kind media_kind_of(struct str type)
{
	for (int kind = MEDIA_JPEG; kind <= MEDIA_OFD; kind++)
		if (str_eq(rows[kind].type, type))
			return (enum media_kind)kind;
	return MEDIA_NONE;
}

bool media_refuse(struct fail *why, const char *reason)
{
	FAILS(why, MEDIA, "%s", reason);
	if (why->code == FAIL_MEDIA && why->fact_count == 0)
		fail_fact_text(why, "reason", reason);
	return false;
}

bool media_size(struct media *m, int64_t width, int64_t height, struct fail *why)
{
	if (width < 1 || height < 1)
		return media_refuse(why, "no_size");
	if (width > MEDIA_SIDE_MAX || height > MEDIA_SIDE_MAX || width * height > MEDIA_PIXELS_MAX)
		return media_refuse(why, "too_many_pixels");
	m->width = (int32_t)width;
	m->height = (int32_t)height;
	return true;
}

bool media_put(struct media *m, const void *at, size_t len, struct fail *why)
{
	return len == 0 || m->is_document || m->out(m->ctx, (struct str){ at, len }, why);
}

bool media_hold(struct media *m, struct str *piece)
{
	assert(m->want <= MEDIA_HELD_MAX);
	size_t n = m->want - m->held_len < piece->len ? m->want - m->held_len : piece->len;
	if (n > 0)
		memcpy(m->held + m->held_len, piece->at, n);
	m->held_len += n;
	*piece = (struct str){ piece->at + n, piece->len - n };
	return m->held_len == m->want;
}

void media_begin(struct media *m, media_out out, void *ctx)
{
	*m = (struct media){ .out = out, .ctx = ctx, .want = MAGIC_BYTES };
}

void media_begin_document(struct media *m, media_out out, void *ctx)
{
	media_begin(m, out, ctx);
	m->is_document = true;
}

static const char *none_of(const struct media *m)
{
	return m->is_document ? "neither_jpeg_png_pdf_nor_ofd" : "neither_jpeg_png_nor_pdf";
}

static bool choose(struct media *m, struct fail *why)
{
	struct str begins = { (const char *)m->held, m->held_len };
	for (int kind = MEDIA_JPEG; kind <= (m->is_document ? MEDIA_OFD : MEDIA_PDF); kind++)
		if (str_starts(begins, rows[kind].magic))
			m->kind = (enum media_kind)kind;
	return m->kind != MEDIA_NONE || media_refuse(why, none_of(m));
}

static bool walk(struct media *m, struct str piece, struct fail *why)
{
	if (m->kind != MEDIA_NONE)
		return rows[m->kind].walk->feed(m, piece, why);
	if (!media_hold(m, &piece))
		return true;
	if (!choose(m, why))
		return false;
	uint8_t begins[MAGIC_BYTES];
	memcpy(begins, m->held, sizeof begins);
	m->held_len = m->want = 0;
	return rows[m->kind].walk->feed(m, (struct str){ (const char *)begins, sizeof begins }, why) && rows[m->kind].walk->feed(m, piece, why);
}

bool media_feed(struct media *m, struct str piece, struct fail *why)
{
	m->bytes += (int64_t)piece.len;
	return walk(m, piece, why) && (!m->is_document || piece.len == 0 || m->out(m->ctx, piece, why));
}

bool media_end(struct media *m, struct fail *why)
{
	if (m->kind == MEDIA_NONE)
		return media_refuse(why, m->bytes == 0 ? "empty" : none_of(m));
	return rows[m->kind].walk->end(m, why);
}
