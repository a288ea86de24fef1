/* base/json.h - JSON in by jansson behind strict limits, JSON out by appending.
 *
 * In: UTF-8 without BOM, no duplicate names, depth and size limited before jansson sees a byte, no NaN, no lone surrogate, no
 * NUL in text, integers within int64. A row of `struct json_field` per member turns an object into a C struct; whatever is
 * wrong is told with a pointer to the member (and the facts min, max where a bound was broken).
 * Out: a writer on a struct buf (json_put_…, json_add_…: jansson owns the plain names); commas are its business, balance is the
 * caller's (asserted at json_end).
 * Thread: any. */
#ifndef BASE_JSON_H
#define BASE_JSON_H
#include "base/fail.h"
#include "base/str.h"
#include <jansson.h>

enum { JSON_DEPTH_MAX = 16, JSON_BYTES_MAX = 1 << 20, JSON_VALUES_MAX = 100000 /* jansson needs some 220 bytes for "{}" */ };

static inline void json_dropper(json_t **j) { json_decref(*j); }

/* The whole text is one value. NULL: `why` is BAD_JSON (with fact "line"), BODY_TOO_LARGE or MEMORY. Caller drops: DROP(json) json_t *j. */
json_t *json_read(struct str text, struct fail *why);

enum json_kind { JSON_F_TEXT, JSON_F_INT, JSON_F_BOOL, JSON_F_TIME /* RFC 3339 to int64 ms */, JSON_F_OBJECT /* json_t *, borrowed */ };

struct json_field {
	const char *name;
	enum json_kind kind;
	bool required;
	int64_t min, max;  /* INT: value; TEXT: code points; both 0: no bounds */
	size_t offset;     /* of a struct str, int64_t, bool, int64_t, json_t * in `out` */
	bool (*check)(struct str text, struct fail *why); /* TEXT, optional: a false answer becomes FIELD unless it noted a reason */
};

enum json_unknown { JSON_REFUSE_UNKNOWN, JSON_IGNORE_UNKNOWN };

/* Fills `out` (zeroed by the caller; absent optional members stay zero, text stays {NULL,0}); null counts as absent.
 * Text is copied into `a`. `at` is the pointer of `object` itself, "" for the root.
 * Fails: FIELD, FIELD_MISSING, FIELD_UNKNOWN with pointer; MEMORY; BAD_REQUEST when `object` is no object. */
MUST_USE bool json_take(const json_t *object, const struct json_field *fields, size_t count, enum json_unknown unknown,
			const char *at, void *out, struct arena *a, struct fail *why);

struct json_out {
	struct buf *to;
	uint32_t depth;
	bool comma;
};

static inline struct json_out json_begin(struct buf *to) { return (struct json_out){ to, 0, false }; }
bool json_end(struct json_out *j); /* asserts balance; false: it did not fit */
void json_put_object(struct json_out *j);
void json_put_object_end(struct json_out *j);
void json_put_array(struct json_out *j);
void json_put_array_end(struct json_out *j);
void json_put_name_of(struct json_out *j, struct str name);
static inline void json_put_name(struct json_out *j, const char *literal) { json_put_name_of(j, str_c(literal)); } /* a name that needs no escaping */
void json_put_text(struct json_out *j, struct str s);                 /* escaped; invalid UTF-8 becomes U+FFFD */
void json_put_number(struct json_out *j, int64_t v);
void json_put_boolean(struct json_out *j, bool v);
void json_put_nothing(struct json_out *j);
void json_put_time(struct json_out *j, int64_t ms);                   /* RFC 3339, +08:00 */
void json_put_members(struct json_out *j, struct str written);        /* "a":1,"b":2 of an object, as this writer wrote them before */
/* name and value in one */
void json_add_text_of(struct json_out *j, struct str name, struct str s);
static inline void json_add_text(struct json_out *j, const char *name, struct str s) { json_add_text_of(j, str_c(name), s); }
/* Text of our own tables, known to need no escaping (asserted where fault switches are compiled in). */
void json_add_plain_of(struct json_out *j, struct str name, struct str s);
static inline void json_add_plain(struct json_out *j, const char *name, struct str s) { json_add_plain_of(j, str_c(name), s); }
void json_add_number(struct json_out *j, const char *name, int64_t v);
void json_add_boolean(struct json_out *j, const char *name, bool v);
void json_add_time(struct json_out *j, const char *name, int64_t ms);
void json_add_nothing(struct json_out *j, const char *name);
#endif
