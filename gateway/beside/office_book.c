/* gateway/beside/office_book.c - why a file without a name: libxlsxwriter 1.1.4 writes to a path, and nothing of a payment office shall be left in a folder. */
#include "gateway/beside/office_book.h"

#include "gateway/commands/sheet.h"
#include "services/money/office_sheet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct office_book {
	int fd;
	int64_t at, bytes;    /* of what was closed: read so far, and all of it */
	struct sheet *sheet;  /* NULL: closed */
};

static void book_drop(struct office_book *b)
{
	struct fail ignored;
	if (b == NULL)
		return;
	fail_clear(&ignored);
	if (b->sheet != NULL && !sheet_close(b->sheet, &ignored))
		errno = 0; /* nobody wants it any more */
	if (b->fd >= 0)
		close(b->fd);
	free(b);
}

static struct office_book *book_open(const char *name, int64_t made_ms, struct fail *why)
{
	char path[64];
	struct office_book *b = calloc(1, sizeof *b);
	if (b == NULL || (b->fd = memfd_create("workbook", MFD_CLOEXEC)) < 0) {
		free(b);
		FAILS(why, MEMORY, "a workbook: %s", strerror(errno));
		return NULL;
	}
	snprintf(path, sizeof path, "/proc/self/fd/%d", b->fd);
	b->sheet = sheet_open(path, name, made_ms, why);
	if (b->sheet != NULL)
		return b;
	book_drop(b);
	return NULL;
}

static bool book_close(struct office_book *b, struct fail *why)
{
	struct sheet *sheet = b->sheet;
	struct stat st;
	b->sheet = NULL;
	if (!sheet_close(sheet, why))
		return false;
	if (fstat(b->fd, &st) != 0)
		return FAILS(why, SYSTEM, "a workbook: %s", strerror(errno));
	b->bytes = st.st_size;
	return true;
}

static bool book_read(struct office_book *b, struct buf *out, int64_t most, struct fail *why)
{
	int64_t left = b->bytes - b->at, len = left < most ? left : most;
	char *to = buf_room(out, (size_t)len);
	if (to == NULL)
		return FAILS(why, MEMORY, "%lld bytes of a workbook", (long long)len);
	if (pread(b->fd, to, (size_t)len, b->at) != len)
		return FAILS(why, SYSTEM, "a workbook: %s", strerror(errno));
	out->len += (size_t)len;
	b->at += len;
	return true;
}

static bool book_is_over(const struct office_book *b)
{
	return b->at == b->bytes;
}

static void book_text(struct office_book *b, const char *text)
{
	sheet_text(b->sheet, text);
}

static void book_number(struct office_book *b, int64_t n)
{
	sheet_number(b->sheet, n);
}

static void book_fen(struct office_book *b, int64_t fen)
{
	sheet_hundredths(b->sheet, fen);
}

static void book_row(struct office_book *b)
{
	sheet_row(b->sheet);
}

void office_book_compose(void)
{
	static const struct office_maker maker = { book_open, book_text, book_number, book_fen, book_row, book_close, book_read, book_is_over, book_drop };
	office_compose(&maker);
}
