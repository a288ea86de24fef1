/* auth/mask.c - why this exists: whoever shows a personal value shows it in the same way, and no more of it. */
#include "auth/mask.h"
#include "auth/document.h"

enum { PHONE_LENGTH = 11, PHONE_OPEN_BEFORE = 3, PHONE_OPEN_AFTER = 4, NAME_BOTH_ENDS = 3 /* characters from which on the last one is shown too */ };

static void stars(struct buf *out, size_t count)
{
	while (count-- > 0)
		buf_char(out, '*');
}

void mask_name(enum identity_kind kind, struct str name, struct buf *out)
{
	if (kind == IDENTITY_ORGANISATION) {
		buf_str(out, name);
		return;
	}
	size_t count = str_utf8_length(name);
	if (count < 2) {
		stars(out, count);
		return;
	}
	size_t first = str_utf8_char(name.at, name.len), last = name.len - 1;
	while (last > first && ((unsigned char)name.at[last] & 0xc0) == 0x80) /* back to the last character's first byte */
		last--;
	buf_add(out, name.at, first);
	stars(out, count < NAME_BOTH_ENDS ? count - 1 : count - 2);
	if (count >= NAME_BOTH_ENDS)
		buf_add(out, name.at + last, name.len - last);
}

void mask_phone(struct str phone, struct buf *out)
{
	if (phone.len != PHONE_LENGTH) {
		stars(out, phone.len);
		return;
	}
	buf_add(out, phone.at, PHONE_OPEN_BEFORE);
	stars(out, PHONE_LENGTH - PHONE_OPEN_BEFORE - PHONE_OPEN_AFTER);
	buf_add(out, phone.at + PHONE_LENGTH - PHONE_OPEN_AFTER, PHONE_OPEN_AFTER);
}

/* What is shorter is no such number, and nothing of it is shown. */
static size_t shortest(enum identity_kind kind)
{
	return kind == IDENTITY_PASSPORT ? 5 : kind == IDENTITY_HM_TRAVEL || kind == IDENTITY_TW_TRAVEL ? 8 : 15;
}

void mask_number(enum identity_kind kind, struct str number, struct buf *out)
{
	if (kind == IDENTITY_ORGANISATION) {
		buf_str(out, number);
		return;
	}
	number = document_number(kind, number).bare;
	if (number.len < shortest(kind)) {
		stars(out, number.len);
		return;
	}
	buf_add(out, number.at, 1);
	stars(out, number.len - 2);
	buf_add(out, number.at + number.len - 1, 1);
}
