/* gateway/commands/sheet.c - two ways to write the same cells. */
#include "gateway/commands/sheet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xlsxwriter.h>

enum { COLUMN_WIDTH = 18, COLUMNS_WIDE = 12 };

struct sheet {
	lxw_workbook *book;   /* NULL: CSV */
	lxw_worksheet *page;
	uint32_t row;
	uint16_t column;
	bool lost;            /* something was not written */
};

static bool book_open(struct sheet *s, const char *path, const char *name, int64_t made_ms)
{
	lxw_workbook_options options = { .constant_memory = LXW_TRUE };
	lxw_doc_properties said = { .created = made_ms / 1000 };
	s->book = workbook_new_opt(path, &options);
	s->page = s->book == NULL ? NULL : workbook_add_worksheet(s->book, name);
	if (s->page == NULL || (made_ms > 0 && workbook_set_properties(s->book, &said) != LXW_NO_ERROR))
		return false;
	worksheet_set_column(s->page, 0, COLUMNS_WIDE, COLUMN_WIDTH, NULL);
	worksheet_freeze_panes(s->page, 1, 0);
	return true;
}

struct sheet *sheet_open(const char *workbook, const char *name, int64_t made_ms, struct fail *why)
{
	struct sheet *s = calloc(1, sizeof *s);
	if (s == NULL || (workbook != NULL && !book_open(s, workbook, name, made_ms))) {
		FAILS(why, MEMORY, "no memory for a table");
		free(s);
		return NULL;
	}
	if (workbook == NULL)
		fputs("\xef\xbb\xbf", stdout);
	return s;
}

static void comma(struct sheet *s)
{
	if (s->column > 0)
		putchar(',');
}

static void csv_text(const char *text)
{
	putchar('"');
	if (text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL)
		putchar('\'');
	for (; *text != '\0'; text++) {
		if (*text == '"')
			putchar('"');
		putchar(*text);
	}
	putchar('"');
}

void sheet_text(struct sheet *s, const char *text)
{
	if (s->book != NULL) {
		s->lost |= worksheet_write_string(s->page, s->row, s->column, text, NULL) != LXW_NO_ERROR;
	} else {
		comma(s);
		csv_text(text);
	}
	s->column++;
}

void sheet_number(struct sheet *s, int64_t n)
{
	if (s->book != NULL) {
		s->lost |= worksheet_write_number(s->page, s->row, s->column, (double)n, NULL) != LXW_NO_ERROR;
	} else {
		comma(s);
		printf("%lld", (long long)n);
	}
	s->column++;
}

void sheet_hundredths(struct sheet *s, int64_t n)
{
	if (s->book != NULL) {
		s->lost |= worksheet_write_number(s->page, s->row, s->column, (double)n / 100, NULL) != LXW_NO_ERROR;
	} else {
		comma(s);
		printf("%s%lld.%02lld", n < 0 ? "-" : "", (long long)llabs(n) / 100, (long long)llabs(n) % 100);
	}
	s->column++;
}

void sheet_nothing(struct sheet *s)
{
	if (s->book == NULL)
		comma(s);
	s->column++;
}

void sheet_row(struct sheet *s)
{
	if (s->book == NULL)
		fputs("\r\n", stdout);
	s->row++;
	s->column = 0;
}

bool sheet_close(struct sheet *s, struct fail *why)
{
	bool ok = s->book != NULL ? workbook_close(s->book) == LXW_NO_ERROR : fflush(stdout) == 0 && !ferror(stdout);
	ok = ok && !s->lost;
	free(s);
	return ok || FAILS(why, SYSTEM, "the table could not be written; is there room, and may the folder be written to?");
}
