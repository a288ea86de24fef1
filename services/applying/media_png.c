/* services/applying/media_png.c - chunks: the four that must be, and the few more that say how the picture looks. Everything else is left out.
 * Source: PNG (W3C 2003) 5.3 to 5.6, 11.2, 11.3. */
#include "services/applying/media_inside.h"

enum { AT_SIGNATURE, AT_HEAD, AT_HOLD, AT_DATA, AT_CRC, AT_OVER };
enum { SIGNATURE_BYTES = 8, HEAD_BYTES = 8, CRC_BYTES = 4, IHDR_BYTES = 13, CHUNK_MAX = 0x7fffffff };

/* most: the longest it may be */
static const struct {
	char type[5];
	uint32_t most;
} kept[] = {
	{ "IHDR", IHDR_BYTES }, { "PLTE", 768 }, { "IDAT", CHUNK_MAX }, { "IEND", 0 }, { "tRNS", 256 }, { "gAMA", 4 }, { "cHRM", 32 }, { "sRGB", 1 }, { "sBIT", 4 },
	{ "bKGD", 6 }, { "pHYs", 9 },
};

/* Four bits at a time: the table is small enough to be written down. */
static uint32_t crc_more(uint32_t crc, const void *bytes, size_t len)
{
	static const uint32_t table[16] = { 0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
					    0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c };
	const uint8_t *at = bytes;
	for (size_t i = 0; i < len; i++) {
		crc ^= at[i];
		crc = table[crc & 15] ^ crc >> 4;
		crc = table[crc & 15] ^ crc >> 4;
	}
	return crc;
}

static bool is_type(const struct media *m, const char *type)
{
	return memcmp(m->type, type, 4) == 0;
}

static int row_of(const struct media *m)
{
	for (int i = 0; i < (int)(sizeof kept / sizeof kept[0]); i++)
		if (is_type(m, kept[i].type))
			return i;
	return -1;
}

static void await(struct media *m, int state, size_t want)
{
	m->state = state;
	m->held_len = 0;
	m->want = want;
}

/* ---- heads ---- */

static bool order_fits(struct media *m, struct fail *why)
{
	bool is_data = is_type(m, "IDAT");
	if (is_type(m, "IHDR") == m->has_size)
		return media_refuse(why, m->has_size ? "two_heads" : "no_head");
	if ((is_data && m->data_over) || (is_type(m, "PLTE") && (m->has_plte || m->has_data)))
		return media_refuse(why, "chunks_out_of_order");
	m->data_over |= m->has_data && !is_data;
	m->has_data |= is_data;
	m->has_plte |= is_type(m, "PLTE");
	return !is_type(m, "IEND") || m->has_data || media_refuse(why, "no_picture");
}

static bool head_take(struct media *m, struct fail *why)
{
	m->left = media_u32(m->held);
	memcpy(m->type, m->held + 4, 4);
	for (int i = 0; i < 4; i++)
		if (!((m->type[i] | 0x20) >= 'a' && (m->type[i] | 0x20) <= 'z'))
			return media_refuse(why, "broken_chunk");
	int row = row_of(m);
	bool is_critical = !(m->type[0] & 0x20);
	if (m->left > CHUNK_MAX || (row < 0 && is_critical) || (row >= 0 && m->left > kept[row].most))
		return media_refuse(why, "broken_chunk");
	if (!order_fits(m, why))
		return false;
	m->keeps = row >= 0;
	m->crc = crc_more(0xffffffffu, m->type, 4);
	if (m->keeps && !media_put(m, m->held, HEAD_BYTES, why))
		return false;
	if (!is_type(m, "IHDR")) {
		await(m, m->left > 0 ? AT_DATA : AT_CRC, CRC_BYTES);
		return true;
	}
	await(m, AT_HOLD, IHDR_BYTES);
	return m->left == IHDR_BYTES || media_refuse(why, "broken_chunk");
}

/* Which depths a colour type may have: 11.2.2, as bits 1 << depth. */
static uint32_t depths_of(uint8_t colour)
{
	static const uint32_t depths[] = { [0] = 1u << 1 | 1u << 2 | 1u << 4 | 1u << 8 | 1u << 16, [2] = 1u << 8 | 1u << 16, [3] = 1u << 1 | 1u << 2 | 1u << 4 | 1u << 8,
					   [4] = 1u << 8 | 1u << 16, [6] = 1u << 8 | 1u << 16 };
	return colour < sizeof depths / sizeof depths[0] ? depths[colour] : 0;
}

static bool header_take(struct media *m, struct fail *why)
{
	const uint8_t *at = m->held;
	m->has_size = true;
	m->crc = crc_more(m->crc, at, IHDR_BYTES);
	if (at[8] > 16 || !(depths_of(at[9]) >> at[8] & 1) || at[10] != 0 || at[11] != 0 || at[12] > 1)
		return media_refuse(why, "broken_head");
	if (!media_size(m, media_u32(at), media_u32(at + 4), why) || !media_put(m, at, IHDR_BYTES, why))
		return false;
	await(m, AT_CRC, CRC_BYTES);
	return true;
}

static bool data_more(struct media *m, struct str *piece, struct fail *why)
{
	size_t n = m->left < piece->len ? m->left : piece->len;
	if (m->keeps && !media_put(m, piece->at, n, why))
		return false;
	m->crc = crc_more(m->crc, piece->at, n);
	*piece = (struct str){ piece->at + n, piece->len - n };
	m->left -= (uint32_t)n;
	if (m->left == 0)
		await(m, AT_CRC, CRC_BYTES);
	return true;
}

static bool crc_take(struct media *m, struct fail *why)
{
	if (media_u32(m->held) != (m->crc ^ 0xffffffffu))
		return media_refuse(why, "wrong_checksum");
	if (m->keeps && !media_put(m, m->held, CRC_BYTES, why))
		return false;
	m->is_over = is_type(m, "IEND");
	await(m, m->is_over ? AT_OVER : AT_HEAD, HEAD_BYTES);
	return true;
}

static bool step(struct media *m, struct str *piece, struct fail *why)
{
	switch (m->state) {
	case AT_SIGNATURE:
		m->want = SIGNATURE_BYTES;
		if (!media_hold(m, piece))
			return true;
		if (!media_put(m, m->held, SIGNATURE_BYTES, why))
			return false;
		await(m, AT_HEAD, HEAD_BYTES);
		return true;
	case AT_HEAD: return !media_hold(m, piece) || head_take(m, why);
	case AT_HOLD: return !media_hold(m, piece) || header_take(m, why);
	case AT_DATA: return data_more(m, piece, why);
	case AT_CRC:  return !media_hold(m, piece) || crc_take(m, why);
	default:
		*piece = (struct str){ piece->at + piece->len, 0 }; /* behind IEND: nobody's business */
		return true;
	}
}

static bool feed(struct media *m, struct str piece, struct fail *why)
{
	while (piece.len > 0)
		if (!step(m, &piece, why))
			return false;
	return true;
}

static bool end(struct media *m, struct fail *why)
{
	return m->is_over || media_refuse(why, "ends_early");
}

const struct media_walk media_png = { feed, end };
