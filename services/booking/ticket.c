/* services/booking/ticket.c - short enough for a small code, and one form for one ticket: what decodes to the same bytes otherwise is refused. */
#include "services/booking/ticket.h"
#include <string.h>

enum { AT_BOOKING = 4, AT_STARTS = 20, AT_MINUTES = 24, AT_PEOPLE = 26, AT_MOVES = 27, AT_HALL = 28, MS_A_MINUTE = 60000 };
enum { SIGNATURE_TEXT = 86, BITS = 6, BYTE_MAX = 255, WORD_MAX = 65535 };
#define VERSION "SB1."

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* ---- base64url ---- */

static size_t text_of(const uint8_t *bytes, size_t len, char *out)
{
	size_t n = 0;
	uint32_t bits = 0;
	int count = 0;
	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | bytes[i];
		for (count += 8; count >= BITS; count -= BITS)
			out[n++] = digits[bits >> (count - BITS) & 63];
	}
	if (count > 0)
		out[n++] = digits[bits << (BITS - count) & 63];
	return n;
}

/* -1: not of that form, or longer than `max`; the bits that are left over must be 0. */
static int64_t bytes_of(struct str text, uint8_t *out, size_t max)
{
	size_t n = 0;
	uint32_t bits = 0;
	int count = 0;
	for (size_t i = 0; i < text.len; i++) {
		const char *at = memchr(digits, text.at[i], sizeof(digits) - 1);
		if (at == NULL)
			return -1;
		bits = (bits << BITS | (uint32_t)(at - digits)) & 0xffff;
		count += BITS;
		if (count < 8)
			continue;
		count -= 8;
		if (n == max)
			return -1;
		out[n++] = (uint8_t)(bits >> count);
	}
	return count >= BITS || (bits & ((1u << count) - 1)) != 0 ? -1 : (int64_t)n;
}

/* ---- the body ---- */

static void big_endian(uint8_t *at, int bytes, int64_t v)
{
	for (int i = bytes - 1; i >= 0; i--, v >>= 8)
		at[i] = (uint8_t)v;
}

static int64_t of_big_endian(const uint8_t *at, int bytes)
{
	int64_t v = 0;
	for (int i = 0; i < bytes; i++)
		v = v << 8 | at[i];
	return v;
}

bool ticket_write(const struct ticket *t, char out[TICKET_TEXT_MAX], struct fail *why)
{
	uint8_t body[TICKET_BODY_MAX], signature[TICKET_SIGNATURE_BYTES];
	struct ticket_key keys[KEYRING_INDEX_MAX];
	int count;
	size_t hall = strlen(t->hall), len = sizeof(VERSION) - 1;
	if (!ticket_keys(keys, &count, why))
		return false;
	memcpy(body, keys[0].id, TICKET_KEY_ID_BYTES);
	memcpy(body + AT_BOOKING, t->booking.bytes, ID_BYTES);
	big_endian(body + AT_STARTS, 4, t->starts_ms / MS_A_MINUTE);
	big_endian(body + AT_MINUTES, 2, t->minutes < WORD_MAX ? t->minutes : WORD_MAX);
	body[AT_PEOPLE] = (uint8_t)t->people;
	body[AT_MOVES] = (uint8_t)(t->moves < BYTE_MAX ? t->moves : BYTE_MAX);
	memcpy(body + AT_HALL, t->hall, hall);
	memcpy(out, VERSION, len);
	len += text_of(body, AT_HALL + hall, out + len);
	if (!ticket_sign((struct str){ out, len }, signature, why))
		return false;
	out[len++] = '.';
	len += text_of(signature, sizeof(signature), out + len);
	out[len] = '\0';
	return true;
}

static bool is_code(const uint8_t *at, int64_t len)
{
	if (len < 1 || len > TICKET_HALL_MAX)
		return false;
	for (int64_t i = 0; i < len; i++)
		if (at[i] <= 0x20 || at[i] >= 0x7f)
			return false;
	return true;
}

bool ticket_parse(struct str text, struct ticket *out, struct ticket_parts *parts)
{
	uint8_t body[TICKET_BODY_MAX];
	struct str rest, body_text, signature;
	if (text.len >= TICKET_TEXT_MAX || !str_starts(text, STR(VERSION)))
		return false;
	rest = (struct str){ text.at + sizeof(VERSION) - 1, text.len - (sizeof(VERSION) - 1) };
	if (!str_cut(rest, '.', &body_text, &signature) || signature.len != SIGNATURE_TEXT)
		return false;
	int64_t len = bytes_of(body_text, body, sizeof(body));
	if (!is_code(body + AT_HALL, len - AT_HALL) || bytes_of(signature, parts->signature, TICKET_SIGNATURE_BYTES) != TICKET_SIGNATURE_BYTES)
		return false;
	*out = (struct ticket){ .starts_ms = of_big_endian(body + AT_STARTS, 4) * MS_A_MINUTE, .minutes = of_big_endian(body + AT_MINUTES, 2), .people = body[AT_PEOPLE],
				.moves = body[AT_MOVES] };
	memcpy(out->booking.bytes, body + AT_BOOKING, ID_BYTES);
	memcpy(out->hall, body + AT_HALL, (size_t)(len - AT_HALL));
	memcpy(parts->key, body, TICKET_KEY_ID_BYTES);
	parts->is_signed = (struct str){ text.at, sizeof(VERSION) - 1 + body_text.len };
	return true;
}

bool ticket_read(struct str text, struct ticket *out)
{
	struct ticket_parts p;
	return ticket_parse(text, out, &p) && ticket_verifies(p.key, p.is_signed, p.signature);
}
