/* services/applying/media_ofd.c - a ZIP package whose directory names OFD.xml. What it holds is packed with sizes that are told behind it, so a file that streams by is judged by its directory: where one
 * begins is guessed, and believed when it leads, entry by entry, to the end of the file and says itself where it began. A package within the package leads elsewhere. What was taken for an
 * entry is not looked at again: that four bytes in ten million are such a mark, and the directory begins in the next few, does not happen.
 * Source: GB/T 33190-2016 7.1; PKWARE APPNOTE 6.3.3, 4.3.12 and 4.3.16. */
#include "services/applying/media_inside.h"

enum { AT_CONTENT, AT_ENTRY, AT_REST, AT_OVER };
enum { MARK_BYTES = 4, ENTRY_BYTES = 46, END_BYTES = 22, NAME_MAX_BYTES = 512 };
#define UNPACKED_MAX (INT64_C(256) << 20) /* a few kilobytes can name gigabytes */
#define ENTRY_MARK "PK\1\2"
#define END_MARK "PK\5\6"

static uint32_t le16(const uint8_t *at) { return (uint32_t)at[1] << 8 | at[0]; }
static uint32_t le32(const uint8_t *at) { return le16(at + 2) << 16 | le16(at); }

static void await(struct media *m, int state, size_t want)
{
	m->state = state;
	m->want = want;
}

static void scan_again(struct media *m)
{
	await(m, AT_CONTENT, 0);
	m->held_len = m->matched = 0;
}

/* A directory may begin behind these four bytes. */
static void directory_begins(struct media *m)
{
	m->begins_at = m->at - MARK_BYTES;
	m->objects = m->unpacked = 0;
	m->has_data = false;
	memcpy(m->held, ENTRY_MARK, MARK_BYTES);
	m->held_len = MARK_BYTES;
	await(m, AT_ENTRY, ENTRY_BYTES);
}

static bool content_take(struct media *m, uint8_t byte)
{
	static const char mark[] = ENTRY_MARK;
	m->matched = byte == (uint8_t)mark[m->matched] ? m->matched + 1 : byte == 'P';
	if (m->matched == MARK_BYTES)
		directory_begins(m);
	return true;
}

static bool entry_named(struct media *m, struct fail *why)
{
	struct str name = { (const char *)m->held + ENTRY_BYTES, m->want - ENTRY_BYTES };
	if (le16(m->held + 8) & 1)
		return media_refuse(why, "encrypted");
	if (name.len == 0 || name.at[0] == '/' || memchr(name.at, '\\', name.len) != NULL || memmem(name.at, name.len, "..", 2) != NULL)
		return media_refuse(why, "broken_package");
	m->has_data |= str_eq(name, STR("OFD.xml"));
	m->unpacked += le32(m->held + 24);
	if (m->unpacked > UNPACKED_MAX)
		return media_refuse(why, "too_large_unpacked");
	m->objects++;
	m->left = le16(m->held + 30) + le16(m->held + 32);
	m->held_len = 0;
	await(m, m->left > 0 ? AT_REST : AT_ENTRY, MARK_BYTES);
	return true;
}

static bool end_is_right(const struct media *m)
{
	const uint8_t *e = m->held;
	return le32(e + 4) == 0 && le16(e + 8) == le16(e + 10) && le16(e + 10) == m->objects && le32(e + 12) == m->at - END_BYTES - m->begins_at && le32(e + 16) == m->begins_at &&
	       le16(e + 20) == 0;
}

/* What was awaited is there: a mark, an entry's head, its name, or the end. */
static bool held_take(struct media *m, struct fail *why)
{
	bool is_entry = memcmp(m->held, ENTRY_MARK, MARK_BYTES) == 0, is_end = memcmp(m->held, END_MARK, MARK_BYTES) == 0;
	if (m->want == MARK_BYTES && (is_entry || is_end)) {
		m->want = is_entry ? ENTRY_BYTES : END_BYTES;
		return true;
	}
	if (is_entry && m->want == ENTRY_BYTES && le16(m->held + 28) <= NAME_MAX_BYTES) {
		m->want = ENTRY_BYTES + le16(m->held + 28);
		return m->want > ENTRY_BYTES || entry_named(m, why);
	}
	if (is_entry && m->want > ENTRY_BYTES)
		return entry_named(m, why);
	if (is_end && end_is_right(m))
		m->state = AT_OVER;
	else
		scan_again(m);
	return true;
}

static bool byte_take(struct media *m, uint8_t byte, struct fail *why)
{
	m->at++;
	switch (m->state) {
	case AT_ENTRY:
		m->held[m->held_len++] = byte;
		return m->held_len < m->want || held_take(m, why);
	case AT_REST:
		if (--m->left == 0)
			await(m, AT_ENTRY, MARK_BYTES);
		return true;
	case AT_OVER:
		scan_again(m);
		return content_take(m, byte);
	default:
		return content_take(m, byte);
	}
}

static bool feed(struct media *m, struct str piece, struct fail *why)
{
	for (size_t i = 0; i < piece.len; i++)
		if (!byte_take(m, (uint8_t)piece.at[i], why))
			return false;
	return true;
}

static bool end(struct media *m, struct fail *why)
{
	if (m->state != AT_OVER)
		return media_refuse(why, "broken_package");
	return m->has_data || media_refuse(why, "neither_jpeg_png_pdf_nor_ofd");
}

const struct media_walk media_ofd = { feed, end };
