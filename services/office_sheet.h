/* services/office_sheet.h - a table for an office, cell by cell, as whatever its program opens: CSV (byte order mark and CRLF, or GB18030), or a workbook.
 *
 * What a spreadsheet would take for a formula begins with a quote mark, what it would take for a long number and round with a tab: texts stay texts. The workbook is made above
 * (gateway/office_book.h), because its library is there.
 * Thread: one at a time. Owns: a sheet lies in the request's arena. */
#ifndef SERVICES_OFFICE_SHEET_H
#define SERVICES_OFFICE_SHEET_H
#include "base/fail.h"
#include "base/str.h"

enum office_as { OFFICE_CSV, OFFICE_GB18030, OFFICE_XLSX, OFFICE_PLAIN /* GB18030 without commas: a layout's own lines */ };

struct office_book; /* gateway/office_book.c */
struct office_maker {
	struct office_book *(*open)(const char *name, struct fail *why);
	void (*text)(struct office_book *b, const char *text);
	void (*number)(struct office_book *b, int64_t n);
	void (*fen)(struct office_book *b, int64_t fen);
	void (*row)(struct office_book *b);
	bool (*close)(struct office_book *b, struct buf *out, struct fail *why); /* it is gone either way */
	void (*drop)(struct office_book *b); /* NULL is fine */
};
void office_compose(const struct office_maker *maker); /* at start, once */

struct office_sheet {
	enum office_as as;
	struct buf *out;
	struct office_book *book;
	int column;
	int64_t rows;
};
MUST_USE bool office_open(struct office_sheet *s, enum office_as as, const char *name, struct buf *out, struct fail *why);
void office_text(struct office_sheet *s, struct str text);
void office_number(struct office_sheet *s, int64_t n);
void office_fen(struct office_sheet *s, int64_t fen);
void office_row(struct office_sheet *s);
void office_heads(struct office_sheet *s, const char *const *heads, int count);
/* The whole of it is in `out`; the sheet is gone either way. Fails: MEMORY, SYSTEM. */
MUST_USE bool office_close(struct office_sheet *s, struct arena *a, struct fail *why);
void office_drop(struct office_sheet *s); /* after a failure */
#endif
