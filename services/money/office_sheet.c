/* services/money/office_sheet.c - why long numbers get a tab: 28 digits that a spreadsheet has rounded are nobody's payment any more. */
#include "services/money/office_sheet.h"

#include "base/arena.h"
#include "payments/fen.h"
#include "payments/statements/bill.h"

#include <assert.h>
#include <iconv.h>

enum { LONG_DIGITS = 11, TEXT_MAX = 256, REST_BYTES = 64 << 10 };

static const struct office_maker *maker;

void office_compose(const struct office_maker *m)
{
	maker = m;
}

bool office_open(struct office_sheet *s, enum office_as as, const char *name, int64_t made_ms, struct fail *why)
{
	*s = (struct office_sheet){ .as = as };
	if (as != OFFICE_XLSX)
		return true;
	if (maker == NULL)
		return FAILS(why, SYSTEM, "nobody makes workbooks here");
	s->book = maker->open(name, made_ms, why);
	return s->book != NULL;
}

void office_into(struct office_sheet *s, struct buf *out)
{
	s->out = out;
	if (s->as == OFFICE_CSV && !s->is_begun)
		buf_str(out, STR("\xef\xbb\xbf"));
	s->is_begun = true;
}

void office_drop(struct office_sheet *s)
{
	if (s->book != NULL)
		maker->drop(s->book);
	s->book = NULL;
}

static void begin_cell(struct office_sheet *s)
{
	if (s->column++ > 0)
		buf_char(s->out, ',');
}

static bool is_long_number(struct str s)
{
	size_t digits = 0;
	while (digits < s.len && s.at[digits] >= '0' && s.at[digits] <= '9')
		digits++;
	return digits == s.len && digits >= LONG_DIGITS;
}

void office_text(struct office_sheet *s, struct str text)
{
	if (s->book != NULL) {
		char bytes[TEXT_MAX];
		size_t len = text.len < sizeof bytes ? text.len : sizeof bytes - 1;
		memcpy(bytes, text.at != NULL ? text.at : "", len);
		bytes[len] = '\0';
		maker->text(s->book, bytes);
		return;
	}
	begin_cell(s);
	buf_char(s->out, '"');
	if (bill_wants_guard(text))
		buf_char(s->out, '\'');
	else if (is_long_number(text))
		buf_char(s->out, '\t');
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] == '"')
			buf_char(s->out, '"');
		buf_char(s->out, text.at[i]);
	}
	buf_char(s->out, '"');
}

void office_number(struct office_sheet *s, int64_t n)
{
	if (s->book != NULL) {
		maker->number(s->book, n);
		return;
	}
	begin_cell(s);
	buf_int(s->out, n);
}

void office_fen(struct office_sheet *s, int64_t fen)
{
	char text[FEN_TEXT_BYTES];
	if (s->book != NULL) {
		maker->fen(s->book, fen);
		return;
	}
	begin_cell(s);
	buf_add(s->out, text, fen_yuan(fen, text));
}

void office_row(struct office_sheet *s)
{
	if (s->book != NULL) {
		maker->row(s->book);
		return;
	}
	while (s->column < s->width)
		begin_cell(s);
	buf_str(s->out, STR("\r\n"));
	s->column = 0;
}

void office_line(struct office_sheet *s, struct str line)
{
	buf_str(s->out, line);
}

void office_heads(struct office_sheet *s, const char *const *heads, int count)
{
	for (int i = 0; i < count; i++)
		office_text(s, str_c(heads[i]));
	office_row(s);
	s->width = count;
}

/* UTF-8 becomes GB18030, which has every letter there is, without a state between two pieces: up to four bytes for each of ours, and never more than twice as many. */
static bool to_gb(struct buf *out, struct arena *a, struct fail *why)
{
	size_t in_left = out->len, room = 2 * out->len + 4, out_left = room;
	char *in = out->at, *to = arena_alloc(a, room), *at = to;
	iconv_t cd = to != NULL ? iconv_open("GB18030", "UTF-8") : (iconv_t)-1;
	if (to == NULL)
		return FAILS(why, MEMORY, "%zu bytes of GB18030", room);
	if (cd == (iconv_t)-1)
		return FAILS(why, SYSTEM, "GB18030 is not here");
	bool ok = iconv(cd, &in, &in_left, &at, &out_left) != (size_t)-1 && in_left == 0;
	iconv_close(cd);
	if (!ok)
		return FAILS(why, SYSTEM, "not GB18030");
	out->at = to;
	out->len = out->cap = room - out_left;
	return true;
}

bool office_piece(struct office_sheet *s, struct arena *a, struct fail *why)
{
	if (!buf_ok(s->out))
		return FAILS(why, MEMORY, "a piece of a table");
	return s->as == OFFICE_CSV || s->as == OFFICE_XLSX || s->out->len == 0 || to_gb(s->out, a, why);
}

bool office_end(struct office_sheet *s, struct fail *why)
{
	s->is_over = s->book == NULL;
	return s->book == NULL || maker->close(s->book, why);
}

bool office_rest(struct office_sheet *s, struct fail *why)
{
	if (!maker->read(s->book, s->out, REST_BYTES, why))
		return false;
	s->is_over = maker->is_over(s->book);
	return true;
}
