/* base/json_write.c - why this exists: answers are written by appending; a tree of nodes for 400 bytes would cost more than
 * the request. */
#include "base/json.h"

#include "base/clock.h"
#include "base/json_escape.h"

#include <assert.h>

static const char hex[] = "0123456789abcdef";

/* 1: goes as it is. ASCII but for quote, backslash and controls; DEL counts as a control. */
static const bool plain[256] = {
	[0x20] = true, [0x21] = true,
#define P4(n) [n] = true, [(n) + 1] = true, [(n) + 2] = true, [(n) + 3] = true
	[0x23] = true, P4(0x24), P4(0x28), P4(0x2c), P4(0x30), P4(0x34), P4(0x38), P4(0x3c), P4(0x40), P4(0x44), P4(0x48), P4(0x4c),
	P4(0x50), P4(0x54), [0x58] = true, [0x59] = true, [0x5a] = true, [0x5b] = true, [0x5d] = true, [0x5e] = true, [0x5f] = true,
	P4(0x60), P4(0x64), P4(0x68), P4(0x6c), P4(0x70), P4(0x74), P4(0x78), [0x7c] = true, [0x7d] = true, [0x7e] = true,
#undef P4
};

static size_t unicode_escape(unsigned point, char out[6])
{
	memcpy(out, "\\u00", 4);
	out[4] = hex[point >> 4 & 15];
	out[5] = hex[point & 15];
	return 6;
}

/* One character that is not plain; returns the bytes written, at most 6. */
static size_t escape_one(const unsigned char *at, size_t left, char out[6], size_t *taken)
{
	unsigned char c = at[0];
	*taken = 1;
	if (c >= 0x80) {
		size_t len = str_utf8_char((const char *)at, left);
		if (len == 0) {
			memcpy(out, "\xef\xbf\xbd", 3); /* U+FFFD */
			return 3;
		}
		*taken = len;
		if (c == 0xc2 && at[1] < 0xa0) /* C1 controls steer terminals as ESC does */
			return unicode_escape(at[1], out);
		memcpy(out, at, len);
		return len;
	}
	char short_form = c == '"' ? '"' : c == '\\' ? '\\' : c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\t' ? 't' : '\0';
	if (short_form == '\0')
		return unicode_escape(c, out);
	out[0] = '\\';
	out[1] = short_form;
	return 2;
}

/* Whether one of eight bytes may need a look; now and then it says so of eight that need none. */
static inline bool some_not_plain(uint64_t eight)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
	uint64_t quote = eight ^ ones * '"', slash = eight ^ ones * '\\', del = eight ^ ones * 0x7f;
	return ((eight | (eight - ones * 0x20) | (quote - ones) | (slash - ones) | (del - ones)) & tops) != 0;
}

/* Three bytes that are one character, as nearly all Chinese text is; E0 and ED have rules of their own. */
static inline bool is_common_3(const unsigned char *at, size_t left)
{
	return at[0] >= 0xe1 && at[0] <= 0xef && at[0] != 0xed && left >= 3 && (at[1] & 0xc0) == 0x80 && (at[2] & 0xc0) == 0x80;
}

/* The same question with one load, where four bytes can be read. */
static inline bool is_common_run(const unsigned char *at)
{
	uint32_t four;
	memcpy(&four, at, 4);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (four & 0xc0c0f0u) == 0x8080e0u && at[0] != 0xe0 && at[0] != 0xed;
#else
	return is_common_3(at, 4);
#endif
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
/* A third of eight such characters; `firsts` has a 1 in each byte where one begins. */
static inline bool is_common_third(uint64_t eight, uint64_t firsts)
{
	const uint64_t rest = UINT64_C(0x0101010101010101) ^ firsts;
	uint64_t low = eight & firsts * 0x0f; /* of E1..EF; neither 0 nor D */
	uint64_t not_0 = low + firsts * 0x0f, not_d = (low ^ firsts * 0x0d) + firsts * 0x0f;
	return (eight & (firsts * 0xf0 | rest * 0xc0)) == (firsts * 0xe0 | rest * 0x80) && (not_0 & not_d & firsts * 0x10) == firsts * 0x10;
}

/* Copies eight characters at once when they are all of that kind. */
static inline bool copy_common_eight(const unsigned char *at, char *out)
{
	uint64_t w[3];
	memcpy(w, at, sizeof w);
	if (!is_common_third(w[0], UINT64_C(0x0001000001000001)) || !is_common_third(w[1], UINT64_C(0x0100000100000100)) ||
	    !is_common_third(w[2], UINT64_C(0x0000010000010000)))
		return false;
	memcpy(out, w, sizeof w);
	return true;
}
#else
static inline bool copy_common_eight(const unsigned char *at, char *out)
{
	(void)at, (void)out;
	return false;
}
#endif

size_t json_escape(struct str s, char *out, size_t max, size_t *taken)
{
	const unsigned char *at = (const unsigned char *)s.at;
	size_t in = 0, len = 0;
	while (in < s.len) {
		uint64_t eight;
		while (s.len - in >= 24 && max - len >= 24 && copy_common_eight(at + in, out + len)) {
			in += 24;
			len += 24;
		}
		while (s.len - in >= 4 && max - len >= 4 && is_common_run(at + in)) {
			memcpy(out + len, at + in, 4); /* the fourth byte is written over by what comes next */
			in += 3;
			len += 3;
		}
		if (in == s.len)
			break;
		size_t began = in;
		while (s.len - in >= 8 && max - len >= 8 && (memcpy(&eight, at + in, 8), !some_not_plain(eight))) {
			memcpy(out + len, &eight, 8);
			in += 8;
			len += 8;
		}
		if (in > began && s.len - in >= 8)
			continue;
		if (in == s.len)
			break;
		/* A short rest behind eight or more bytes: look at the last eight once more rather than at each. */
		if (in >= 8 && s.len - in < 8 && max - len >= s.len - in && (memcpy(&eight, at + s.len - 8, 8), !some_not_plain(eight))) {
			memcpy(out + len, at + in, s.len - in);
			len += s.len - in;
			in = s.len;
			break;
		}
		if (plain[at[in]] && len < max) {
			out[len++] = s.at[in++];
			continue;
		}
		if (is_common_3(at + in, s.len - in) && max - len >= 3) {
			memcpy(out + len, at + in, 3);
			in += 3;
			len += 3;
			continue;
		}
		char one[6];
		size_t used, bytes = escape_one(at + in, s.len - in, one, &used);
		if (bytes > max - len)
			break;
		memcpy(out + len, one, bytes);
		len += bytes;
		in += used;
	}
	*taken = in;
	return len;
}

bool json_end(struct json_out *j)
{
	assert(j->depth == 0);
	return buf_ok(j->to);
}

static void value(struct json_out *j)
{
	if (j->comma)
		buf_char(j->to, ',');
	j->comma = true;
}

static void open_with(struct json_out *j, char c)
{
	value(j);
	buf_char(j->to, c);
	j->depth++;
	j->comma = false;
}

static void close_with(struct json_out *j, char c)
{
	assert(j->depth > 0);
	buf_char(j->to, c);
	j->depth--;
	j->comma = true;
}

void json_put_object(struct json_out *j)
{
	open_with(j, '{');
}

void json_put_object_end(struct json_out *j)
{
	close_with(j, '}');
}

void json_put_array(struct json_out *j)
{
	open_with(j, '[');
}

void json_put_array_end(struct json_out *j)
{
	close_with(j, ']');
}

/* ,"name": into `at`, which has room for it. Returns its end. */
static char *name_into(struct json_out *j, char *at, struct str name)
{
	if (j->comma)
		*at++ = ',';
	*at++ = '"';
	memcpy(at, name.at, name.len);
	at += name.len;
	*at++ = '"';
	*at++ = ':';
	return at;
}

enum { AROUND_NAME = 4 /* comma, quotes, colon */, AROUND_TEXT = 3 /* comma and quotes */, ONE_ESCAPE = 6 /* the longest */ };

void json_put_name_of(struct json_out *j, struct str name)
{
	char *at = buf_room(j->to, name.len + AROUND_NAME);
	if (at == NULL)
		return;
	j->to->len += (size_t)(name_into(j, at, name) - at);
	j->comma = false;
}

/* The rest of a text that escapes made longer than the room it was given, and the closing quote. */
static void text_rest(struct json_out *j, struct str s)
{
	size_t taken;
	for (; s.len > 0; s.at += taken, s.len -= taken) {
		char *at = buf_room(j->to, s.len + ONE_ESCAPE);
		if (at == NULL)
			return;
		j->to->len += json_escape(s, at, s.len + ONE_ESCAPE, &taken);
	}
	buf_char(j->to, '"');
}

/* "text" into `at`, which has s.len + ONE_ESCAPE + 2 bytes of room from the buffer's end on. */
static void text_into(struct json_out *j, const char *from, char *at, struct str s)
{
	size_t taken;
	*at++ = '"';
	at += json_escape(s, at, s.len + ONE_ESCAPE, &taken);
	j->comma = true;
	if (taken == s.len) {
		*at++ = '"';
		j->to->len += (size_t)(at - from);
		return;
	}
	j->to->len += (size_t)(at - from);
	text_rest(j, (struct str){ s.at + taken, s.len - taken });
}

static char *room_for_text(struct json_out *j, struct str s, size_t more)
{
	if (s.len <= SIZE_MAX / 2)
		return buf_room(j->to, s.len + AROUND_TEXT + ONE_ESCAPE + more);
	j->to->lost = true;
	return NULL;
}

void json_put_text(struct json_out *j, struct str s)
{
	char *from = room_for_text(j, s, 0), *at = from;
	if (from == NULL)
		return;
	if (j->comma)
		*at++ = ',';
	text_into(j, from, at, s);
}

void json_put_number(struct json_out *j, int64_t v)
{
	value(j);
	buf_int(j->to, v);
}

void json_put_boolean(struct json_out *j, bool v)
{
	value(j);
	buf_str(j->to, v ? STR("true") : STR("false"));
}

void json_put_nothing(struct json_out *j)
{
	value(j);
	buf_str(j->to, STR("null"));
}

void json_put_members(struct json_out *j, struct str written)
{
	value(j);
	buf_str(j->to, written);
}

void json_put_time(struct json_out *j, int64_t ms)
{
	value(j);
	char *at = buf_room(j->to, RFC3339_BYTES + 1);
	if (at == NULL)
		return;
	*at = '"';
	size_t len = time_rfc3339(ms, at + 1);
	at[len + 1] = '"';
	j->to->len += len + 2;
}

void json_add_text_of(struct json_out *j, struct str name, struct str s)
{
	char *from = room_for_text(j, s, name.len + AROUND_NAME);
	if (from != NULL)
		text_into(j, from, name_into(j, from, name), s);
}

#ifdef SIBAN_FAULTS
static bool is_plain(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.at[i] < 0x80 && !plain[(unsigned char)s.at[i]])
			return false;
	return str_is_utf8(s);
}
#endif

void json_add_plain_of(struct json_out *j, struct str name, struct str s)
{
#ifdef SIBAN_FAULTS
	assert(is_plain(s));
#endif
	char *from = room_for_text(j, s, name.len + AROUND_NAME);
	if (from == NULL)
		return;
	char *at = name_into(j, from, name);
	*at++ = '"';
	memcpy(at, s.at, s.len);
	at += s.len;
	*at++ = '"';
	j->to->len += (size_t)(at - from);
	j->comma = true;
}

void json_add_number(struct json_out *j, const char *name, int64_t v)
{
	json_put_name(j, name);
	json_put_number(j, v);
}

void json_add_boolean(struct json_out *j, const char *name, bool v)
{
	json_put_name(j, name);
	json_put_boolean(j, v);
}

void json_add_time(struct json_out *j, const char *name, int64_t ms)
{
	json_put_name(j, name);
	json_put_time(j, ms);
}

void json_add_nothing(struct json_out *j, const char *name)
{
	json_put_name(j, name);
	json_put_nothing(j);
}
