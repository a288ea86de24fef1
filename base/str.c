/* base/str.c - why this exists: text from strangers is looked at here by rules that are strict and the same everywhere. */
#include "base/str.h"

#include "base/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

static unsigned char lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool str_eq_nocase(struct str a, struct str b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.at[i]) != lower(b.at[i]))
			return false;
	return true;
}

bool str_starts(struct str s, struct str prefix)
{
	return s.len >= prefix.len && str_eq((struct str){ s.at, prefix.len }, prefix);
}

bool str_ends(struct str s, struct str suffix)
{
	return s.len >= suffix.len && (suffix.len == 0 || memcmp(s.at + s.len - suffix.len, suffix.at, suffix.len) == 0);
}

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

struct str str_trim(struct str s)
{
	while (s.len > 0 && blank(s.at[0])) {
		s.at++;
		s.len--;
	}
	while (s.len > 0 && blank(s.at[s.len - 1]))
		s.len--;
	return s;
}

bool str_cut(struct str s, char at, struct str *before, struct str *after)
{
	const char *found = s.len == 0 ? NULL : memchr(s.at, at, s.len);
	if (found == NULL) {
		*before = s;
		*after = STR_NONE;
		return false;
	}
	size_t len = (size_t)(found - s.at);
	*before = (struct str){ s.at, len };
	*after = (struct str){ found + 1, s.len - len - 1 };
	return true;
}

bool str_to_i64(struct str s, int64_t min, int64_t max, int64_t *out)
{
	bool minus = s.len > 0 && s.at[0] == '-';
	size_t i = minus ? 1 : 0;
	if (i == s.len)
		return false;
	int64_t v = 0; /* gathered below zero, where INT64_MIN has room */
	for (; i < s.len; i++) {
		if (s.at[i] < '0' || s.at[i] > '9')
			return false;
		int digit = s.at[i] - '0';
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, digit, &v))
			return false;
	}
	if (!minus && __builtin_sub_overflow(0, v, &v))
		return false;
	if (v < min || v > max)
		return false;
	*out = v;
	return true;
}

/* Unicode 15, table 3-7. */
size_t str_utf8_char(const char *text, size_t left)
{
	const unsigned char *at = (const unsigned char *)text;
	unsigned char c = at[0];
	if (c < 0x80)
		return 1;
	if (c < 0xc2)
		return 0;
	size_t len = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	if (c > 0xf4 || len > left)
		return 0;
	unsigned char low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
	unsigned char high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
	if (at[1] < low || at[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

/* Three bytes in the middle of their plane, as nearly all of Chinese are; the edges are left to str_utf8_char. */
static inline bool is_usual(const unsigned char *at)
{
	return at[0] >= 0xe1 && at[0] <= 0xec && (at[1] & 0xc0) == 0x80 && (at[2] & 0xc0) == 0x80;
}

bool str_is_utf8(struct str s)
{
	const unsigned char *at = (const unsigned char *)s.at, *end = at + s.len;
	while (at < end) {
		uint64_t eight;
		if (end - at >= (ptrdiff_t)sizeof eight) {
			memcpy(&eight, at, sizeof eight);
			if ((eight & UINT64_C(0x8080808080808080)) == 0) {
				at += sizeof eight;
				continue;
			}
		}
		while (at < end && *at < 0x80)
			at++;
		if (end - at >= 3 && is_usual(at)) {
			at += 3;
			continue;
		}
		if (at == end)
			break;
		size_t len = str_utf8_char((const char *)at, (size_t)(end - at));
		if (len == 0)
			return false;
		at += len;
	}
	return true;
}

size_t str_utf8_length(struct str s)
{
	size_t points = 0;
	for (size_t i = 0; i < s.len; i++)
		points += ((unsigned char)s.at[i] & 0xc0) != 0x80;
	return points;
}

static inline uint64_t word_at(const char *at)
{
	uint64_t eight;
	memcpy(&eight, at, sizeof eight);
	return eight;
}

/* Whether one of eight bytes is not 0x21..0x7e. Exact: a borrow can only come out of a byte that is not visible itself. */
static inline bool some_not_visible(uint64_t eight)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
	return ((eight | (eight - ones * 0x21) | ((eight ^ ones * 0x7f) - ones)) & tops) != 0;
}

bool str_is_visible_ascii(struct str s)
{
	size_t i = 0;
	for (; s.len - i >= 8; i += 8)
		if (some_not_visible(word_at(s.at + i)))
			return false;
	if (i > 0) /* the rest, together with bytes that were looked at already */
		return !some_not_visible(word_at(s.at + s.len - 8));
	for (; i < s.len; i++)
		if (s.at[i] < 0x21 || s.at[i] > 0x7e)
			return false;
	return s.len > 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	unsigned char l = lower(c);
	return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

int64_t str_hex(struct str s, uint8_t *out, size_t max)
{
	if (s.len % 2 != 0 || s.len / 2 > max)
		return -1;
	for (size_t i = 0; i < s.len; i += 2) {
		int high = hex_digit(s.at[i]), low = hex_digit(s.at[i + 1]);
		if (high < 0 || low < 0)
			return -1;
		out[i / 2] = (uint8_t)(high << 4 | low);
	}
	return (int64_t)(s.len / 2);
}

void hex_text(const uint8_t *bytes, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < len; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = '\0';
}

struct str str_copy(struct arena *a, struct str s)
{
	char *at = arena_alloc(a, s.len);
	if (at == NULL)
		return STR_NONE;
	if (s.len > 0)
		memcpy(at, s.at, s.len);
	return (struct str){ at, s.len };
}

char *str_c_copy(struct arena *a, struct str s)
{
	char *at = s.len == SIZE_MAX ? NULL : arena_alloc(a, s.len + 1);
	if (at == NULL)
		return NULL;
	if (s.len > 0)
		memcpy(at, s.at, s.len);
	at[s.len] = '\0';
	return at;
}

/* The compiler must not find out what this is, or it could leave the loop at the first difference. */
static inline uint64_t unforeseen(uint64_t v)
{
	__asm__ volatile("" : "+r"(v));
	return v;
}

bool str_same_secret(struct str a, struct str b)
{
	if (a.len != b.len)
		return false;
	uint64_t differ = 0;
	size_t i = 0;
	for (; a.len - i >= 8; i += 8)
		differ |= unforeseen(word_at(a.at + i) ^ word_at(b.at + i));
	for (; i < a.len; i++)
		differ |= unforeseen((unsigned char)(a.at[i] ^ b.at[i]));
	return differ == 0;
}

/* Two digits at a time: a division less for each pair. */
#define TENS(t) t "0", t "1", t "2", t "3", t "4", t "5", t "6", t "7", t "8", t "9"
const char two_digits[100][3] = { TENS("0"), TENS("1"), TENS("2"), TENS("3"), TENS("4"), TENS("5"), TENS("6"), TENS("7"), TENS("8"), TENS("9") };
#undef TENS

size_t i64_text(int64_t v, char out[21])
{
	static const uint64_t tens[] = { 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000,
		1000000000000, 10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000, 1000000000000000000, UINT64_MAX };
	uint64_t left = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	size_t more = 0; /* digits beside the first */
	while (left >= tens[more])
		more++;
	size_t len = (v < 0) + 1 + more;
	char *at = out + len; /* backwards from the last digit */
	for (; left >= 100; left /= 100)
		memcpy(at -= 2, two_digits[left % 100], 2);
	if (left >= 10)
		memcpy(at - 2, two_digits[left], 2);
	else
		at[-1] = (char)('0' + left);
	if (v < 0)
		out[0] = '-';
	return len;
}

/* -- growing text */

void buf_init(struct buf *b, struct arena *a, size_t first)
{
	*b = (struct buf){ .arena = a };
	if (first == 0)
		return;
	b->at = arena_alloc(a, first);
	b->lost = b->at == NULL;
	b->cap = b->lost ? 0 : first;
}

/* Doubles while the arena has room for that, else takes just what is needed. */
static bool buf_grow(struct buf *b, size_t need)
{
	struct arena *a = b->arena;
	size_t twice = b->cap > SIZE_MAX / 2 ? need : 2 * b->cap;
	size_t want = twice > need ? twice : need;
	if (want < 64)
		want = 64;
	if (arena_extend(a, b->at, b->cap, want)) {
		b->cap = want;
		return true;
	}
	if (want > a->cap - a->used && want > (size_t)(a->end - a->at))
		want = need;
	if (arena_extend(a, b->at, b->cap, want)) {
		b->cap = want;
		return true;
	}
	char *at = arena_alloc(a, want);
	if (at == NULL)
		return false;
	if (b->len > 0)
		memcpy(at, b->at, b->len);
	b->at = at;
	b->cap = want;
	return true;
}

char *buf_more(struct buf *b, size_t len)
{
	bool fits = b->at != NULL && len <= b->cap - b->len;
	if (!b->lost && !fits && (len > SIZE_MAX - b->len || !buf_grow(b, b->len + len)))
		b->lost = true;
	return b->lost ? NULL : b->at + b->len;
}

void buf_add(struct buf *b, const void *bytes, size_t len)
{
	if (len == 0)
		return;
	char *to = buf_room(b, len);
	if (to == NULL)
		return;
	memcpy(to, bytes, len);
	b->len += len;
}

void buf_int(struct buf *b, int64_t v)
{
	char *to = buf_room(b, 21);
	if (to != NULL)
		b->len += i64_text(v, to);
}

void buf_printf(struct buf *b, const char *format, ...)
{
	if (b->lost)
		return;
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	size_t room = b->cap - b->len;
	int len = vsnprintf(room > 0 ? b->at + b->len : NULL, room, format, args);
	va_end(args);
	assert(len >= 0);
	if ((size_t)len >= room && buf_room(b, (size_t)len + 1) != NULL) /* vsnprintf insists on its NUL */
		(void)vsnprintf(b->at + b->len, (size_t)len + 1, format, again);
	va_end(again);
	if (!b->lost)
		b->len += (size_t)len;
}
