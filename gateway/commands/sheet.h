/* gateway/commands/sheet.h - a table for an office: CSV on stdout, or a workbook.
 *
 * CSV has a byte order mark, CRLF and quotes, because that is what a spreadsheet opens; a text that it might take for a formula begins with a quote mark. In
 * both, texts stay texts, long numbers among them.
 * Thread: one at a time.
 * Owns:   a sheet is its opener's until sheet_close. */
#ifndef GATEWAY_COMMANDS_SHEET_H
#define GATEWAY_COMMANDS_SHEET_H
#include "base/fail.h"

struct sheet;

/* workbook NULL: CSV on stdout. A workbook's rows lie in a file without a name until it is closed, so it may have as many as a spreadsheet takes; made_ms is when it says it was made,
 * 0: now. NULL: why is SYSTEM or MEMORY. */
struct sheet *sheet_open(const char *workbook, const char *name, int64_t made_ms, struct fail *why);
/* Cells of a row, from left to right. */
void sheet_text(struct sheet *s, const char *text);
void sheet_number(struct sheet *s, int64_t n);
void sheet_hundredths(struct sheet *s, int64_t n);  /* 1234: 12.34 */
void sheet_nothing(struct sheet *s);
void sheet_row(struct sheet *s);                    /* the next row begins */
/* false: not all of it was written; why is SYSTEM. */
MUST_USE bool sheet_close(struct sheet *s, struct fail *why);
#endif
