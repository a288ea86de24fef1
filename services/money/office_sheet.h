/* services/money/office_sheet.h - a table for an office, cell by cell, as whatever its program opens: CSV (byte order mark and CRLF, or GB18030), or a workbook.
 *
 *   open → (into → rows → piece)* → end → (into → rest)* until is_over → drop
 *
 * It is given away in pieces while it grows, so it may be of any length; a workbook's bytes come when its last row is written. What a spreadsheet would take for a formula, full-width signs too, begins with
 * a quote mark (payments/statements/bill.h takes it away again), what it would take for a long number and round with a tab: texts stay texts. The workbook is made above (gateway/beside/office_book.h), because its library is there.
 * Thread: one at a time. Owns: a sheet is its holder's, from office_open to office_drop. */
#ifndef SERVICES_OFFICE_SHEET_H
#define SERVICES_OFFICE_SHEET_H
#include "base/fail.h"
#include "base/str.h"

enum office_as { OFFICE_CSV, OFFICE_GB18030, OFFICE_XLSX, OFFICE_PLAIN /* GB18030 without commas: a layout's own lines */ };
enum { OFFICE_WORKBOOK_ROWS = 200000 /* what is packed in a few seconds; a spreadsheet takes 1048576 */ };

struct office_book; /* gateway/beside/office_book.c */
struct office_maker {
	struct office_book *(*open)(const char *name, int64_t made_ms, struct fail *why);
	void (*text)(struct office_book *b, const char *text);
	void (*number)(struct office_book *b, int64_t n);
	void (*fen)(struct office_book *b, int64_t fen);
	void (*row)(struct office_book *b);
	bool (*close)(struct office_book *b, struct fail *why);
	bool (*read)(struct office_book *b, struct buf *out, int64_t most, struct fail *why); /* the next bytes of one that is closed */
	bool (*is_over)(const struct office_book *b); /* there are no more */
	void (*drop)(struct office_book *b); /* NULL is fine */
};
void office_compose(const struct office_maker *maker); /* at start, once */

struct office_sheet {
	enum office_as as;
	struct buf *out;
	struct office_book *book;
	int column, width;       /* width: of the head; rows are filled up to it */
	bool is_begun, is_over;  /* is_over: nothing of it is left to give away */
};
/* made_ms: when a workbook says it was made, so that the same table has the same bytes. */
MUST_USE bool office_open(struct office_sheet *s, enum office_as as, const char *name, int64_t made_ms, struct fail *why);
void office_into(struct office_sheet *s, struct buf *out); /* where the next piece goes */
void office_text(struct office_sheet *s, struct str text);
void office_number(struct office_sheet *s, int64_t n);
void office_fen(struct office_sheet *s, int64_t fen);
void office_row(struct office_sheet *s);
void office_heads(struct office_sheet *s, const char *const *heads, int count);
void office_line(struct office_sheet *s, struct str line); /* of OFFICE_PLAIN: one, with its end */
/* The rows since office_into are in its letters now; of a workbook nothing is there yet. Fails: MEMORY, SYSTEM. */
MUST_USE bool office_piece(struct office_sheet *s, struct arena *a, struct fail *why);
MUST_USE bool office_end(struct office_sheet *s, struct fail *why); /* no more rows */
MUST_USE bool office_rest(struct office_sheet *s, struct fail *why); /* of a workbook: its next bytes */
void office_drop(struct office_sheet *s); /* at any time */
#endif
