/* services/applying/media.h - a picture or document that a stranger hands in, judged and cleaned while it streams by: memory is this struct, whatever the size.
 *
 * What it is follows from its first bytes, never from its name or what its sender calls it. Its structure is walked to the end: what a walk cannot follow is
 * refused, because whoever looks at it later uses a decoder that may be less careful. What comes out is less than what went in:
 *   JPEG  without APPn and COM segments (EXIF with place and camera, thumbnails, maker notes) and without anything behind EOI; how the picture is to be turned is
 *         said again in an EXIF segment that says nothing else; APP14 (how colours are coded) stays
 *   PNG   only the chunks that make the picture, each with its CRC right; no text, time, EXIF, animation, or unknown ones
 *   PDF   as it is; refused when it is encrypted, or names script, launching, embedded files or forms that run
 * A document that a department gives (media_begin_document) is judged in the same way and kept as it is, because a signature over it holds only over its very bytes; it may also be
 *   OFD   a package that names OFD.xml (GB/T 33190); refused when it is encrypted, or would be unreasonably large unpacked
 * Pictures are bounded by what they would need when decoded (MEDIA_SIDE_MAX, MEDIA_PIXELS_MAX): a few kilobytes can name a picture of gigabytes.
 * Names inside a PDF's compressed object streams are not seen here: that is a virus scanner's work (gateway/outside/scanner.h).
 * Thread: any; pure.
 * Source: ITU-T T.81 B, EXIF 2.3, PNG (W3C 2003) 5 and 11, ISO 32000-1 7.2 and 7.5. */
#ifndef SERVICES_MEDIA_H
#define SERVICES_MEDIA_H
#include "base/fail.h"
#include "base/str.h"

enum media_kind { MEDIA_NONE, MEDIA_JPEG, MEDIA_PNG, MEDIA_PDF, MEDIA_OFD /* of a document only */ };
enum { MEDIA_SIDE_MAX = 20000, MEDIA_PIXELS_MAX = 50000000, MEDIA_HELD_MAX = 1024, MEDIA_TOKEN_MAX = 32 };

typedef bool (*media_out)(void *ctx, struct str piece, struct fail *why);

struct media {
	enum media_kind kind;
	int64_t bytes;                /* taken so far */
	int32_t width, height;        /* of a picture, when they are known */
	media_out out;
	void *ctx;
	bool is_document;             /* what comes out is what went in */
	/* the walk's own */
	int state;
	uint32_t left, crc, told_crc; /* of a segment or chunk */
	bool keeps;
	uint8_t marker, type[4];
	uint8_t held[MEDIA_HELD_MAX]; /* what must be seen whole before it is judged */
	size_t held_len, want;
	bool has_size, has_data, is_over, has_plte, data_over;
	int64_t objects, ends;        /* PDF */
	int depth;
	char token[MEDIA_TOKEN_MAX];
	size_t token_len;
	bool escapes, has_eof, has_startxref, expects_offset;
	int64_t xref_at;
	size_t matched;
	int64_t at, begins_at, unpacked; /* OFD */
};

void media_begin(struct media *m, media_out out, void *ctx);
void media_begin_document(struct media *m, media_out out, void *ctx);
/* Fails: MEDIA with the fact reason; what `out` fails with. */
MUST_USE bool media_feed(struct media *m, struct str piece, struct fail *why);
MUST_USE bool media_end(struct media *m, struct fail *why); /* nothing more comes */
struct str media_type(enum media_kind kind); /* "image/jpeg" */
enum media_kind media_kind_of(struct str type); /* as media_type says; MEDIA_NONE: it is none of these */
#endif
