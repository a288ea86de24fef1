/* services/applying/media_jpeg.c - markers and segments; between them, after SOS, coded data up to the next marker that is none of its own.
 * Source: ITU-T T.81 B.1, B.2; EXIF 2.3 4.5, 4.6.4 (orientation). */
#include "services/applying/media_inside.h"

enum { SOI = 0xd8, EOI = 0xd9, SOS = 0xda, DHT = 0xc4, JPG = 0xc8, DAC = 0xcc, APP0 = 0xe0, APP1 = 0xe1, APP14 = 0xee, APP15 = 0xef, COM = 0xfe, TEM = 0x01 };
enum { AT_BEGIN, AT_MARK, AT_MARKER, AT_LENGTH, AT_HOLD, AT_SEGMENT, AT_DATA, AT_DATA_MARK, AT_OVER };
enum { LENGTH_BYTES = 2, FRAME_BYTES = 5 /* precision, height, width */, EXIF_HEAD = 6, ORIENTATION = 0x0112, TURNED_MAX = 8 };

static bool is_frame(uint8_t marker)
{
	return marker >= 0xc0 && marker <= 0xcf && marker != DHT && marker != JPG && marker != DAC;
}

static bool is_restart(uint8_t marker)
{
	return marker >= 0xd0 && marker <= 0xd7;
}

static bool is_kept(uint8_t marker)
{
	return !((marker > APP0 && marker <= APP15 && marker != APP14) || marker == COM);
}

/* ---- how it is to be turned ---- */

static uint32_t tiff(const uint8_t *at, int bytes, bool little)
{
	uint32_t v = 0;
	for (int i = 0; i < bytes; i++)
		v |= (uint32_t)at[i] << (little ? 8 * i : 8 * (bytes - 1 - i));
	return v;
}

/* Of a TIFF's first directory, as far as it is held. 0: it does not say, or what it says cannot be followed. */
static uint32_t orientation_in(const uint8_t *at, size_t len)
{
	if (len < 14 || !((at[0] == 'I' && at[1] == 'I') || (at[0] == 'M' && at[1] == 'M')))
		return 0;
	bool little = at[0] == 'I';
	size_t directory = tiff(at + 4, 4, little);
	if (tiff(at + 2, 2, little) != 42 || directory > len - 2)
		return 0;
	size_t count = tiff(at + directory, 2, little);
	for (size_t i = 0, entry = directory + 2; i < count && entry + 12 <= len; i++, entry += 12)
		if (tiff(at + entry, 2, little) == ORIENTATION) {
			uint32_t turned = tiff(at + entry + 8, 2, little);
			return turned <= TURNED_MAX ? turned : 0;
		}
	return 0;
}

static bool turned_put(struct media *m, struct fail *why)
{
	uint8_t segment[] = { 0xff, APP1, 0, 34, 'E', 'x', 'i', 'f', 0, 0, 'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0 };
	if (m->held_len < EXIF_HEAD || memcmp(m->held, "Exif\0", EXIF_HEAD) != 0)
		return true;
	segment[29] = (uint8_t)orientation_in(m->held + EXIF_HEAD, m->held_len - EXIF_HEAD);
	return segment[29] < 2 || m->has_plte || ((m->has_plte = true) && media_put(m, segment, sizeof segment, why)); /* has_plte: said once */
}

/* ---- segments ---- */

static bool segment_begin(struct media *m, struct fail *why)
{
	uint32_t length = media_u16(m->held);
	uint8_t head[] = { 0xff, m->marker, m->held[0], m->held[1] };
	if (length < LENGTH_BYTES)
		return media_refuse(why, "broken_segment");
	m->left = length - LENGTH_BYTES;
	m->keeps = is_kept(m->marker);
	m->held_len = 0;
	m->want = 0;
	if (is_frame(m->marker)) {
		if (m->left < FRAME_BYTES || m->has_size)
			return media_refuse(why, m->has_size ? "two_frames" : "broken_segment");
		m->want = FRAME_BYTES;
	} else if (m->marker == APP1) {
		m->want = m->left < MEDIA_HELD_MAX ? m->left : MEDIA_HELD_MAX;
	} else if (m->marker == SOS && !m->has_size) {
		return media_refuse(why, "data_before_its_frame");
	}
	m->state = m->want > 0 ? AT_HOLD : AT_SEGMENT;
	return !m->keeps || media_put(m, head, sizeof head, why);
}

static bool held_judge(struct media *m, struct fail *why)
{
	m->left -= (uint32_t)m->held_len;
	m->state = AT_SEGMENT;
	if (m->marker == APP1)
		return turned_put(m, why);
	m->has_size = true;
	return media_size(m, media_u16(m->held + 3), media_u16(m->held + 1), why) && media_put(m, m->held, m->held_len, why);
}

static bool segment_more(struct media *m, struct str *piece, struct fail *why)
{
	size_t n = m->left < piece->len ? m->left : piece->len;
	if (m->keeps && !media_put(m, piece->at, n, why))
		return false;
	*piece = (struct str){ piece->at + n, piece->len - n };
	m->left -= (uint32_t)n;
	if (m->left == 0) {
		m->has_data |= m->marker == SOS;
		m->state = m->marker == SOS ? AT_DATA : AT_MARK;
	}
	return true;
}

/* ---- markers ---- */

static bool marker_take(struct media *m, uint8_t marker, struct fail *why)
{
	uint8_t pair[] = { 0xff, marker };
	m->marker = marker;
	if (marker == EOI) {
		m->is_over = true;
		m->state = AT_OVER;
		return (m->has_size && m->has_data) || media_refuse(why, "no_picture") ? media_put(m, pair, 2, why) : false;
	}
	if (marker == SOI || marker == 0 || marker == TEM || is_restart(marker) || marker < 0xc0)
		return media_refuse(why, "broken_marker");
	m->state = AT_LENGTH;
	m->held_len = 0;
	m->want = LENGTH_BYTES;
	return true;
}

/* Coded data goes through in runs; FF 00 and restarts belong to it. */
static bool data_more(struct media *m, struct str *piece, struct fail *why)
{
	const char *mark = memchr(piece->at, 0xff, piece->len);
	size_t n = mark != NULL ? (size_t)(mark - piece->at) : piece->len;
	if (!media_put(m, piece->at, n, why))
		return false;
	*piece = (struct str){ piece->at + n, piece->len - n };
	if (mark != NULL) {
		*piece = (struct str){ piece->at + 1, piece->len - 1 };
		m->state = AT_DATA_MARK;
	}
	return true;
}

static bool data_mark(struct media *m, uint8_t next, struct fail *why)
{
	uint8_t pair[] = { 0xff, next };
	if (next == 0xff)
		return true; /* a fill byte */
	if (next != 0 && !is_restart(next))
		return marker_take(m, next, why);
	m->state = AT_DATA;
	return media_put(m, pair, 2, why);
}

static uint8_t taken(struct str *piece)
{
	uint8_t byte = (uint8_t)piece->at[0];
	*piece = (struct str){ piece->at + 1, piece->len - 1 };
	return byte;
}

static bool step(struct media *m, struct str *piece, struct fail *why)
{
	switch (m->state) {
	case AT_BEGIN:
		m->want = 2;
		if (!media_hold(m, piece))
			return true;
		m->state = AT_MARK;
		return media_put(m, m->held, 2, why);
	case AT_MARK:
		m->state = AT_MARKER;
		return taken(piece) == 0xff || media_refuse(why, "broken_marker");
	case AT_MARKER: {
		uint8_t marker = taken(piece);
		return marker == 0xff || marker_take(m, marker, why);
	}
	case AT_LENGTH:
		return !media_hold(m, piece) || segment_begin(m, why);
	case AT_HOLD:
		return !media_hold(m, piece) || held_judge(m, why);
	case AT_SEGMENT:
		return segment_more(m, piece, why);
	case AT_DATA:
		return data_more(m, piece, why);
	case AT_DATA_MARK:
		return data_mark(m, taken(piece), why);
	default:
		*piece = (struct str){ piece->at + piece->len, 0 }; /* behind EOI: nobody's business */
		return true;
	}
}

static bool feed(struct media *m, struct str piece, struct fail *why)
{
	while (piece.len > 0) {
		if (!step(m, &piece, why))
			return false;
		if (m->state == AT_SEGMENT && m->left == 0 && !segment_more(m, &(struct str){ "", 0 }, why))
			return false;
	}
	return true;
}

static bool end(struct media *m, struct fail *why)
{
	return m->is_over || media_refuse(why, "ends_early");
}

const struct media_walk media_jpeg = { feed, end };
