/* base/str.h - text as (pointer, length), and text that grows in an arena.
 *
 * A struct str never owns and never promises a NUL. A struct buf grows inside an arena; when the arena's cap is reached
 * it stops growing and remembers that (`buf_ok`), so that callers check once, at the end.
 *
 * Thread: any. */
#ifndef BASE_STR_H
#define BASE_STR_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct arena; /* base/arena.h */

struct str {
	const char *at;
	size_t len;
};

#define STR(literal) ((struct str){ "" literal "", sizeof(literal) - 1 })
#define STR_NONE ((struct str){ NULL, 0 })
#define STR_ARG(s) (int)(s).len, (s).at /* for "%.*s" */

static inline struct str str_c(const char *c) { return c == NULL ? STR_NONE : (struct str){ c, strlen(c) }; } /* of a C string; NULL gives STR_NONE */
static inline bool str_eq(struct str a, struct str b) { return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0); }
bool str_eq_nocase(struct str a, struct str b); /* ASCII only */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
struct str str_trim(struct str s);                        /* spaces and tabs at both ends */
bool str_cut(struct str s, char at, struct str *before, struct str *after); /* at the first `at`; false: not there, before = s, after empty */
bool str_to_i64(struct str s, int64_t min, int64_t max, int64_t *out); /* decimal, optional '-', nothing else; no overflow */
bool str_is_utf8(struct str s);                           /* strict: no overlong, surrogate, > U+10FFFF */
size_t str_utf8_char(const char *at, size_t left);        /* bytes of the one character at `at` (left > 0); 0: not UTF-8 */
size_t str_utf8_length(struct str s);                     /* code points of valid UTF-8 */
bool str_is_visible_ascii(struct str s);                  /* every byte 0x21..0x7e, and at least one */
int64_t str_hex(struct str s, uint8_t *out, size_t max);  /* hex to bytes; -1: not hex or too long */
void hex_text(const uint8_t *bytes, size_t len, char *out); /* 2*len characters and a NUL */
struct str str_copy(struct arena *a, struct str s);       /* at == NULL: over the arena's cap */
char *str_c_copy(struct arena *a, struct str s);          /* with a NUL, for a library's door; NULL: over the cap */
bool str_same_secret(struct str a, struct str b);         /* constant time for equal lengths */

struct buf {
	struct arena *arena;
	char *at;
	size_t len, cap;
	bool lost; /* something did not fit */
};

void buf_init(struct buf *b, struct arena *a, size_t first); /* first: bytes to start with */
void buf_add(struct buf *b, const void *bytes, size_t len);
static inline void buf_str(struct buf *b, struct str s) { buf_add(b, s.at, s.len); }
void buf_int(struct buf *b, int64_t v);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline bool buf_ok(const struct buf *b) { return !b->lost; }
static inline struct str buf_text(const struct buf *b) { return (struct str){ b->at, b->len }; }
char *buf_more(struct buf *b, size_t len); /* buf_room, when it is full or nearly so */
/* Room for `len` more bytes, or NULL (and lost). The caller writes there and adds to b->len itself. */
static inline char *buf_room(struct buf *b, size_t len)
{
	return !b->lost && len < b->cap - b->len ? b->at + b->len : buf_more(b, len);
}
static inline void buf_char(struct buf *b, char c)
{
	char *to = buf_room(b, 1);
	if (to == NULL)
		return;
	*to = c;
	b->len++;
}

extern const char two_digits[100][3]; /* "00" to "99" */
size_t i64_text(int64_t v, char out[21]); /* decimal digits into out, no NUL; returns how many */
#endif
