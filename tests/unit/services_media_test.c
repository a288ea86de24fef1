/* Goal: whatever pieces a file comes in, the same is kept or the same is refused; what is kept has nothing in it that was to go, and is taken again as it is.
 * Method: small files made here, fed whole and byte by byte; what comes out is compared literally. */
#include "services/applying/media.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define BYTES(literal) { literal, sizeof(literal) - 1 }

struct kept {
	size_t len;
	char at[4096];
};

static bool keep(void *ctx, struct str piece, struct fail *why)
{
	struct kept *k = ctx;
	(void)why;
	assert_true(k->len + piece.len <= sizeof k->at);
	memcpy(k->at + k->len, piece.at, piece.len);
	k->len += piece.len;
	return true;
}

static bool as_document;

/* NULL: taken. */
static const char *judge(struct str file, size_t step, struct kept *k, struct media *m)
{
	static char reason[112];
	struct fail why;
	fail_clear(&why);
	k->len = 0;
	(as_document ? media_begin_document : media_begin)(m, keep, k);
	bool ok = true;
	for (size_t at = 0; at < file.len && ok; at += step)
		ok = media_feed(m, (struct str){ file.at + at, file.len - at < step ? file.len - at : step }, &why);
	if (ok && media_end(m, &why))
		return NULL;
	assert_int_equal(why.code, FAIL_MEDIA);
	assert_int_equal(why.fact_count, 1);
	snprintf(reason, sizeof reason, "%s", why.facts[0].text);
	return reason;
}

#define SOI "\xff\xd8"
#define JFIF "\xff\xe0\x00\x10JFIF\0\1\1\0\0\1\0\1\0\0"
#define EXIF_LITTLE(turned) "\xff\xe1\x00\x22" "Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0" turned "\0\0\0\0\0\0\0"
#define EXIF_SAID(turned) "\xff\xe1\x00\x22" "Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0" turned "\0\0\0\0\0\0"
#define COMMENT "\xff\xfe\x00\x06secr"
#define MAKER "\xff\xed\x00\x08maker!"
#define FRAME "\xff\xc0\x00\x0b\x08\x00\x10\x00\x20\x01\x01\x11\x00"
#define SCAN "\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" "da\xff\x00ta\xff\xd3more"
#define EOI "\xff\xd9"
#define SIGNATURE "\x89PNG\r\n\x1a\n"
#define IHDR "\0\0\0\x0dIHDR\0\0\0\1\0\0\0\1\x08\0\0\0\0\x3a\x7e\x9b\x55"
#define IDAT "\0\0\0\x0aIDAT\x78\x9c\x63\x60\0\0\0\2\0\1\x48\xaf\xa4\x71"
#define IEND "\0\0\0\0IEND\xae\x42\x60\x82"

static const struct {
	struct str file;
	const char *reason; /* NULL: taken, and this is kept */
	struct str kept;
} rows[] = {
	{ BYTES(SOI JFIF FRAME SCAN EOI), NULL, BYTES(SOI JFIF FRAME SCAN EOI) },
	{ BYTES(SOI EXIF_LITTLE("\6") COMMENT MAKER FRAME SCAN EOI "a film"), NULL, BYTES(SOI EXIF_SAID("\6") FRAME SCAN EOI) },
	{ BYTES(SOI EXIF_LITTLE("\1") FRAME SCAN EOI), NULL, BYTES(SOI FRAME SCAN EOI) },
	{ BYTES(SOI EXIF_LITTLE("\x63") FRAME SCAN EOI), NULL, BYTES(SOI FRAME SCAN EOI) },
	{ BYTES(SOI FRAME SCAN COMMENT SCAN EOI), NULL, BYTES(SOI FRAME SCAN SCAN EOI) },
	{ BYTES(SOI JFIF SCAN EOI), "data_before_its_frame", BYTES("") },
	{ BYTES(SOI JFIF FRAME FRAME SCAN EOI), "two_frames", BYTES("") },
	{ BYTES(SOI JFIF FRAME EOI), "no_picture", BYTES("") },
	{ BYTES(SOI JFIF FRAME SCAN), "ends_early", BYTES("") },
	{ BYTES(SOI JFIF "\xff\xc0\x00\x0b\x08\xff\xff\xff\xff\x01\x01\x11\x00" SCAN EOI), "too_many_pixels", BYTES("") },
	{ BYTES(SOI JFIF "\xff\xc0\x00\x0b\x08\x00\x00\x00\x20\x01\x01\x11\x00" SCAN EOI), "no_size", BYTES("") },
	{ BYTES(SOI "\xff\xe1\x00\x01" FRAME SCAN EOI), "broken_segment", BYTES("") },
	{ BYTES(SOI JFIF "xx" FRAME SCAN EOI), "broken_marker", BYTES("") },
	{ BYTES(SIGNATURE IHDR IDAT IEND "behind"), NULL, BYTES(SIGNATURE IHDR IDAT IEND) },
	{ BYTES(SIGNATURE IDAT IHDR IEND), "no_head", BYTES("") },
	{ BYTES(SIGNATURE IHDR IHDR), "two_heads", BYTES("") },
	{ BYTES(SIGNATURE IHDR IEND), "no_picture", BYTES("") },
	{ BYTES(SIGNATURE IHDR "\0\0\0\0IDA7"), "broken_chunk", BYTES("") },
	{ BYTES(SIGNATURE IHDR IDAT), "ends_early", BYTES("") },
	{ BYTES(""), "empty", BYTES("") },
	{ BYTES("%PDF-1."), "neither_jpeg_png_nor_pdf", BYTES("") },
	{ BYTES("%PDF-1.4\n1 0 obj\n<< /A (a \\) b (c)) >>\nendobj\nstartxref\n9\n%%EOF"), NULL, BYTES("%PDF-1.4\n1 0 obj\n<< /A (a \\) b (c)) >>\nendobj\nstartxref\n9\n%%EOF") },
	{ BYTES("%PDF-1.4\n1 0 obj\n(/JS)\nendobj\nstartxref\n9\n%%EOF"), NULL, BYTES("%PDF-1.4\n1 0 obj\n(/JS)\nendobj\nstartxref\n9\n%%EOF") },
	{ BYTES("%PDF-1.4\n1 0 obj<</JS 2>>endobj\nstartxref\n9\n%%EOF"), "runs_script", BYTES("") },
	{ BYTES("%PDF-1.4\n1 0 obj<</J#61v#61Script 2>>endobj\nstartxref\n9\n%%EOF"), "runs_script", BYTES("") },
	{ BYTES("%PDF-1.4\n1 0 obj<</Encrypt 2>>endobj\nstartxref\n9\n%%EOF"), "encrypted", BYTES("") },
	{ BYTES("%PDF-1.4\n1 0 obj stream\n/JS endstream endobj\nstartxref\n9\n%%EOF\n\n"), NULL, BYTES("%PDF-1.4\n1 0 obj stream\n/JS endstream endobj\nstartxref\n9\n%%EOF\n\n") },
	{ BYTES("%PDF-1.4\n1 0 obj stream\n/JS"), "broken_objects", BYTES("") },
	{ BYTES("%PDF-1.4\n1 0 obj endobj endobj\nstartxref\n9\n%%EOF"), "broken_objects", BYTES("") },
	{ BYTES("%PDF-1.4\n1 0 obj endobj\nstartxref\n999\n%%EOF"), "broken_end", BYTES("") },
	{ BYTES("%PDF-1.4\n1 0 obj endobj\nstartxref\n9\n%%EOF more"), "broken_end", BYTES("") },
};

static void whole_and_in_pieces(void **state)
{
	static struct kept k, again;
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (size_t step = 1; step <= 4096; step = step * 3 + 1) {
			struct media m;
			const char *reason = judge(rows[i].file, step, &k, &m);
			if ((reason == NULL) != (rows[i].reason == NULL) || (reason != NULL && strcmp(reason, rows[i].reason) != 0))
				fail_msg("row %zu in steps of %zu: %s", i, step, reason == NULL ? "taken" : reason);
			if (reason != NULL)
				continue;
			if (k.len != rows[i].kept.len || memcmp(k.at, rows[i].kept.at, k.len) != 0)
				fail_msg("row %zu in steps of %zu keeps %zu bytes", i, step, k.len);
			assert_null(judge((struct str){ k.at, k.len }, 7, &again, &m));
			assert_int_equal(again.len, k.len);
			assert_memory_equal(again.at, k.at, k.len);
		}
}

static void what_png_chunks_weigh(void **state)
{
	static struct kept k;
	struct media m;
	char file[] = SIGNATURE IHDR IDAT IEND;
	(void)state;
	for (size_t at = 8; at < sizeof file - 1; at++) { /* any byte but the signature's, changed: noticed, by the checksum if by nothing else */
		file[at] ^= 1;
		assert_non_null(judge((struct str){ file, sizeof file - 1 }, 4096, &k, &m));
		file[at] ^= 1;
	}
	assert_null(judge((struct str){ file, sizeof file - 1 }, 4096, &k, &m));
	assert_true(m.kind == MEDIA_PNG && m.width == 1 && m.height == 1);
}

/* ---- a department's document ---- */

static size_t put(char *to, const char *mark, const uint32_t *words, const int *sizes, int count)
{
	size_t len = 4;
	memcpy(to, mark, 4);
	for (int i = 0; i < count; i++)
		for (int k = 0; k < sizes[i]; k++)
			to[len++] = (char)(words[i] >> 8 * k);
	return len;
}

/* One entry, its content, the directory, the end; as PKWARE's note has them. */
static struct str package(char to[512], const char *name, const char *content, uint32_t flags, uint32_t unpacked, uint32_t moved)
{
	static const int local[] = { 2, 2, 2, 4, 4, 4, 4, 2, 2 }, entry[] = { 2, 2, 2, 2, 4, 4, 4, 4, 2, 2, 2, 2, 2, 4, 4 }, end[] = { 2, 2, 2, 2, 4, 4, 2 };
	uint32_t name_len = (uint32_t)strlen(name), len = (uint32_t)strlen(content);
	size_t at = put(to, "PK\3\4", (const uint32_t[]){ 20, flags, 0, 0, 0, len, unpacked, name_len, 0 }, local, 9);
	at += (size_t)sprintf(to + at, "%s%s", name, content);
	size_t begins = at;
	at += put(to + at, "PK\1\2", (const uint32_t[]){ 20, 20, flags, 0, 0, 0, len, unpacked, name_len, 3, 0, 0, 0, 0, 0 }, entry, 15);
	at += (size_t)sprintf(to + at, "%sext", name);
	at += put(to + at, "PK\5\6", (const uint32_t[]){ 0, 0, 1, 1, (uint32_t)(at - begins), (uint32_t)begins + moved, 0 }, end, 7);
	return (struct str){ to, at };
}

static void documents(void **state)
{
	(void)state;
	static const struct { const char *name, *content; uint32_t flags, unpacked, moved; const char *reason; } packages[] = {
		{ "OFD.xml", "<ofd/>", 8, 6, 0, NULL },
		{ "OFD.xml", "PPK\1\2 is only said here, as is PK\5\6: what seems to be the head of an entry leads nowhere", 0, 6, 0, NULL },
		{ "word/document.xml", "<w/>", 0, 6, 0, "neither_jpeg_png_pdf_nor_ofd" },
		{ "OFD.xml", "<ofd/>", 1, 6, 0, "encrypted" },
		{ "OFD.xml", "<ofd/>", 0, 0xffffffffu, 0, "too_large_unpacked" },
		{ "OFD.xml", "<ofd/>", 0, 6, 1, "broken_package" },
		{ "../OFD.xml", "<ofd/>", 0, 6, 0, "broken_package" },
		{ "/OFD.xml", "<ofd/>", 0, 6, 0, "broken_package" },
	};
	static const struct { struct str file; const char *reason; } others[] = {
		{ BYTES(SOI EXIF_LITTLE("\6") COMMENT MAKER FRAME SCAN EOI), NULL }, { BYTES(SIGNATURE IHDR IDAT IEND), NULL },
		{ BYTES("%PDF-1.4\n1 0 obj\n(/JS)\nendobj\nstartxref\n9\n%%EOF"), NULL }, { BYTES("%PDF-1.4\n1 0 obj<</JS 2>>endobj\nstartxref\n9\n%%EOF"), "runs_script" },
		{ BYTES(SOI JFIF FRAME EOI), "no_picture" }, { BYTES("GIF89a, or so"), "neither_jpeg_png_pdf_nor_ofd" }, { BYTES("PK\3\4 and no more"), "broken_package" },
	};
	enum { PACKAGES = sizeof packages / sizeof packages[0], OTHERS = sizeof others / sizeof others[0] };
	as_document = true;
	for (size_t i = 0; i < PACKAGES + OTHERS; i++)
		for (size_t step = 1; step <= 64; step += 9) {
			char bytes[512];
			struct kept k;
			struct media m;
			struct str file = i >= PACKAGES ? others[i - PACKAGES].file
				: package(bytes, packages[i].name, packages[i].content, packages[i].flags, packages[i].unpacked, packages[i].moved);
			const char *want = i >= PACKAGES ? others[i - PACKAGES].reason : packages[i].reason, *reason = judge(file, step, &k, &m);
			if ((reason == NULL) != (want == NULL) || (reason != NULL && strcmp(reason, want) != 0))
				fail_msg("document %zu in steps of %zu: %s", i, step, reason == NULL ? "taken" : reason);
			if (reason == NULL && (k.len != file.len || memcmp(k.at, file.at, k.len) != 0))
				fail_msg("document %zu in steps of %zu is not what it was", i, step);
		}
	char bytes[512];
	struct kept k;
	struct media m;
	struct str file = package(bytes, "OFD.xml", "<ofd/>", 0, 6, 0);
	bytes[file.len] = '!'; /* more behind its end */
	assert_string_equal(judge((struct str){ file.at, file.len + 1 }, 5, &k, &m), "broken_package");
	as_document = false;
	assert_string_equal(judge(file, 5, &k, &m), "neither_jpeg_png_nor_pdf"); /* applicants bring none */
	assert_true(media_kind_of(STR("application/ofd")) == MEDIA_OFD && media_kind_of(STR("text/html")) == MEDIA_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(whole_and_in_pieces), cmocka_unit_test(what_png_chunks_weigh), cmocka_unit_test(documents) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
