/* base/request.c - what handlers do to a request, so that no handler does it in its own way. */
#include "base/request.h"
#include "base/hash.h"
#include <assert.h>
#include <stddef.h>

enum { PAGE_LIMIT_DEFAULT = 20, PAGE_LIMIT_MAX = 100, CURSOR_BYTES = 24, CURSOR_TEXT = 32 };

static uint8_t cursor_keys[CURSOR_KEYS_MAX][16];
static int cursor_key_count = 1;

#define WORD(text) { text, sizeof(text) - 1 }
static const struct { enum who kind; struct str name; } whos[WHO_BITS] = {
	{ WHO_ANYONE, WORD("anyone") }, { WHO_CITIZEN, WORD("citizen") }, { WHO_DEPARTMENT, WORD("department") }, { WHO_OPERATOR, WORD("operator") },
	{ WHO_STAFF, WORD("staff") }, { WHO_PARTNER, WORD("partner") }, { WHO_TERMINAL, WORD("terminal") },
};

struct str who_name(enum who kind)
{
	for (int i = 0; i < WHO_BITS; i++)
		if (whos[i].kind == kind)
			return whos[i].name;
	return STR("");
}

enum who who_named(struct str name)
{
	for (int i = 0; i < WHO_BITS; i++)
		if (str_eq(name, whos[i].name))
			return whos[i].kind;
	return 0;
}

void request_clear(struct request *r)
{
	struct arena arena = r->arena;
	memset(r, 0, offsetof(struct request, reply.headers));
	r->arena = arena;
	fail_clear(&r->why);
}

bool request_certify(struct request *r, const struct certified *c)
{
	struct certified *kept = c != NULL ? arena_alloc(&r->arena, sizeof(*kept) + c->host.len) : NULL;
	if (kept == NULL)
		return c == NULL;
	*kept = *c;
	memcpy(kept + 1, c->host.at, c->host.len);
	kept->host.at = (const char *)(kept + 1);
	r->certified = kept;
	return true;
}

const uint8_t *request_certificate(const struct request *r)
{
	const struct certified *c = r->certified;
	return c != NULL && c->is_shown && c->until_ms > r->now_ms ? c->fingerprint : NULL;
}

static const struct {
	struct str name;
	int next; /* another of the same length, or HEADERS_KNOWN */
} known_headers[HEADERS_KNOWN] = {
	[HEADER_ACCEPT_LANGUAGE] = { { "accept-language", 15 }, HEADER_IDEMPOTENCY_KEY },
	[HEADER_AUTHORIZATION] = { { "authorization", 13 }, HEADER_IF_NONE_MATCH },
	[HEADER_CONTENT_TYPE] = { { "content-type", 12 }, HEADER_ACTING_FOR },
	[HEADER_IDEMPOTENCY_KEY] = { { "idempotency-key", 15 }, HEADERS_KNOWN },
	[HEADER_IF_NONE_MATCH] = { { "if-none-match", 13 }, HEADERS_KNOWN },
	[HEADER_SEC_FETCH_MODE] = { { "sec-fetch-mode", 14 }, HEADERS_KNOWN },
	[HEADER_TRACEPARENT] = { { "traceparent", 11 }, HEADERS_KNOWN },
	[HEADER_ACTING_FOR] = { { "x-acting-for", 12 }, HEADERS_KNOWN },
};

enum { KNOWN_SHORTEST = 11, KNOWN_LONGEST = 15 };

static const uint8_t known_by_length[KNOWN_LONGEST - KNOWN_SHORTEST + 1] = {
	HEADER_TRACEPARENT, HEADER_CONTENT_TYPE, HEADER_AUTHORIZATION, HEADER_SEC_FETCH_MODE, HEADER_ACCEPT_LANGUAGE,
};

static bool has_one_meaning(int known)
{
	return known == HEADER_AUTHORIZATION || known == HEADER_CONTENT_TYPE || known == HEADER_IDEMPOTENCY_KEY || known == HEADER_ACTING_FOR;
}

bool request_know_headers(struct request *r)
{
	bool clear = true;
	for (size_t i = 0; i < r->header_count; i++) {
		const struct header *h = &r->headers[i];
		if (h->name.len < KNOWN_SHORTEST || h->name.len > KNOWN_LONGEST)
			continue;
		int k = known_by_length[h->name.len - KNOWN_SHORTEST];
		while (k < HEADERS_KNOWN && !str_eq(known_headers[k].name, h->name))
			k = known_headers[k].next;
		if (k == HEADERS_KNOWN)
			continue;
		if (r->known[k].at == NULL)
			r->known[k] = h->value;
		else if (has_one_meaning(k))
			clear = false;
	}
	return clear;
}

struct str request_header(const struct request *r, struct str name)
{
	for (size_t i = 0; i < r->header_count; i++)
		if (str_eq(r->headers[i].name, name))
			return r->headers[i].value;
	return STR_NONE;
}

/* ---- query ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

void buf_percent(struct buf *to, struct str s)
{
	static const char hex[] = "0123456789ABCDEF";
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];
		bool is_plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' || c == '.' || c == '_' || c == '~'; /* RFC 3986 2.3 */
		if (!is_plain) {
			buf_char(to, '%');
			buf_char(to, hex[c >> 4]);
		}
		buf_char(to, is_plain ? (char)c : hex[c & 15]);
	}
}

struct str percent_decoded(struct arena *a, struct str s, bool form)
{
	char *to = arena_alloc(a, s.len + 1);
	if (to == NULL)
		return STR_NONE;
	size_t n = 0;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];
		if (c == '%') {
			if (i + 2 >= s.len)
				return STR_NONE;
			int high = hex_digit(s.at[i + 1]), low = hex_digit(s.at[i + 2]);
			if (high < 0 || low < 0)
				return STR_NONE;
			c = (char)(high * 16 + low);
			i += 2;
		} else if (c == '+' && form) {
			c = ' ';
		}
		if (c == '\0')
			return STR_NONE;
		to[n++] = c;
	}
	struct str out = { to, n };
	return str_is_utf8(out) ? out : STR_NONE;
}

/* Steps through "a=1&b=2". false at the end. */
static bool query_next(struct str *rest, struct str *name, struct str *value)
{
	while (rest->len > 0) {
		struct str pair, after;
		str_cut(*rest, '&', &pair, &after);
		*rest = after;
		if (pair.len == 0)
			continue;
		str_cut(pair, '=', name, value);
		return true;
	}
	return false;
}

bool request_query(struct request *r, const char *name, struct str *out, struct fail *why)
{
	struct str rest = r->query, at_name, at_value, want = str_c(name);
	*out = STR_NONE;
	while (query_next(&rest, &at_name, &at_value)) {
		if (!str_eq(at_name, want))
			continue;
		if (out->at != NULL)
			return FAILS_FIELD(why, QUERY, name, "given twice");
		*out = percent_decoded(&r->arena, at_value, true);
		if (out->at == NULL)
			return FAILS_FIELD(why, QUERY, name, "badly encoded");
	}
	return true;
}

bool request_query_only(struct request *r, const char *const *names, struct fail *why)
{
	struct str rest = r->query, at_name, at_value;
	while (query_next(&rest, &at_name, &at_value)) {
		const char *const *n = names;
		while (*n != NULL && !str_eq(at_name, str_c(*n)))
			n++;
		if (*n == NULL) {
			char shown[FAIL_POINTER_MAX];
			size_t len = at_name.len < sizeof(shown) - 1 && str_is_visible_ascii(at_name) ? at_name.len : 0;
			memcpy(shown, at_name.at, len);
			shown[len] = '\0';
			return FAILS_FIELD(why, QUERY, shown, "unknown parameter");
		}
	}
	return true;
}

/* ---- body and answer ---- */

bool request_json(struct request *r, const struct json_field *fields, size_t count, void *out, struct fail *why)
{
	DROP(json) json_t *body = json_read(r->body, why);
	if (body == NULL)
		return false;
	bool lenient = r->who.kind == WHO_DEPARTMENT && !r->who.test_key;
	return json_take(body, fields, count, lenient ? JSON_IGNORE_UNKNOWN : JSON_REFUSE_UNKNOWN, "", out, &r->arena, why);
}

void request_bytes(const struct request *r, const char *purpose, uint8_t out[32])
{
	struct str parts[] = { str_c(purpose), { (const char *)r->random, sizeof(r->random) } };
	_Static_assert(SHA256_BYTES == 32, "one digest");
	hash_parts(HASH_SHA256, parts, 2, out);
}

void *request_state(struct request *r, size_t bytes, struct fail *why)
{
	r->state = arena_zalloc(&r->arena, bytes);
	if (r->state == NULL)
		FAILS(why, MEMORY, "state of %zu bytes", bytes);
	return r->state;
}

struct json_out reply_json(struct request *r, int status)
{
	r->reply.status = status;
	r->reply.content_type = "application/json";
	buf_init(&r->reply.body, &r->arena, 768);
	return json_begin(&r->reply.body);
}

bool reply_json_end(struct request *r, struct json_out *j, struct fail *why)
{
	(void)r;
	return json_end(j) || FAILS(why, MEMORY, "the answer outgrew the request's arena");
}

void reply_json_text(struct request *r, int status, struct str json)
{
	r->reply.status = status;
	r->reply.content_type = "application/json";
	r->reply.body = (struct buf){ .arena = &r->arena, .at = (char *)(uintptr_t)json.at, .len = json.len, .cap = json.len };
}

void reply_header(struct request *r, const char *name, struct str value)
{
	assert(r->reply.header_count < REPLY_HEADERS_MAX);
	r->reply.headers[r->reply.header_count++] = (struct header){ str_c(name), value };
}

/* ---- pages ---- */

void request_cursor_keys(const uint8_t keys[][16], int count)
{
	assert(count >= 1 && count <= CURSOR_KEYS_MAX);
	memcpy(cursor_keys, keys, (size_t)count * sizeof(cursor_keys[0]));
	cursor_key_count = count;
}

/* The query without its place in the list: what a cursor is bound to, and what the next link repeats. */
static bool query_without_place(struct request *r, struct buf *to)
{
	struct str rest = r->query, name, value;
	while (query_next(&rest, &name, &value)) {
		if (str_eq(name, STR("cursor")) || str_eq(name, STR("limit")))
			continue;
		if (to->len > 0)
			buf_char(to, '&');
		buf_str(to, name);
		buf_char(to, '=');
		buf_str(to, value);
	}
	return buf_ok(to);
}

static uint64_t cursor_mark(struct request *r, const uint8_t place[16], const uint8_t key[16])
{
	struct buf b;
	buf_init(&b, &r->arena, 128);
	buf_add(&b, place, 16);
	buf_add(&b, &r->who.kind, sizeof(r->who.kind));
	buf_add(&b, &r->who.id, sizeof(r->who.id));
	buf_add(&b, &r->who.acting_for, sizeof(r->who.acting_for));
	buf_str(&b, r->path);
	buf_char(&b, '?');
	struct buf q;
	buf_init(&q, &r->arena, 64);
	if (!query_without_place(r, &q))
		return 0;
	buf_str(&b, buf_text(&q));
	return buf_ok(&b) ? siphash(key, b.at, b.len) : 0;
}

static void put64(uint8_t *to, uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		to[i] = (uint8_t)v;
}

static uint64_t get64(const uint8_t *at)
{
	uint64_t v = 0;
	for (int i = 0; i < 8; i++)
		v = v << 8 | at[i];
	return v;
}

static bool cursor_read(struct request *r, struct str text, struct cursor *out)
{
	uint8_t bytes[CURSOR_BYTES];
	if (text.len != CURSOR_TEXT || base64url_bytes(text, bytes, sizeof(bytes)) != CURSOR_BYTES)
		return false;
	uint64_t mark = 0;
	for (int i = 0; i < cursor_key_count && mark != get64(bytes + 16); i++)
		mark = cursor_mark(r, bytes, cursor_keys[i]);
	if (mark == 0 || mark != get64(bytes + 16))
		return false;
	*out = (struct cursor){ (int64_t)get64(bytes), (int64_t)get64(bytes + 8) };
	return true;
}

bool request_page(struct request *r, struct cursor *from, bool *has_cursor, int *limit, struct fail *why)
{
	struct str text;
	int64_t n = PAGE_LIMIT_DEFAULT;
	if (!request_query(r, "limit", &text, why))
		return false;
	if (text.at != NULL && !str_to_i64(text, 1, PAGE_LIMIT_MAX, &n))
		return FAILS_FIELD(why, QUERY, "limit", "not 1..%d", PAGE_LIMIT_MAX);
	*limit = (int)n;
	if (!request_query(r, "cursor", &text, why))
		return false;
	*has_cursor = text.at != NULL;
	if (*has_cursor && !cursor_read(r, text, from))
		return FAILS_FIELD(why, CURSOR, "cursor", "not one of ours for this list");
	return true;
}

static void add_cursor(struct request *r, struct json_out *j, const struct cursor *next, char text[CURSOR_TEXT + 1])
{
	uint8_t bytes[CURSOR_BYTES];
	put64(bytes, (uint64_t)next->at);
	put64(bytes + 8, (uint64_t)next->id);
	put64(bytes + 16, cursor_mark(r, bytes, cursor_keys[0]));
	base64url_text(bytes, sizeof(bytes), text);
	json_add_text(j, "next_cursor", str_c(text));
}

static void add_link(struct request *r, const char *cursor_text)
{
	struct buf link, q;
	buf_init(&link, &r->arena, 160);
	buf_init(&q, &r->arena, 64);
	struct str limit, rest = r->query, name, value;
	query_without_place(r, &q);
	buf_char(&link, '<');
	struct str raw_path, raw_query;
	str_cut(r->target, '?', &raw_path, &raw_query);
	buf_str(&link, raw_path);
	buf_char(&link, '?');
	buf_str(&link, buf_text(&q));
	if (q.len > 0)
		buf_char(&link, '&');
	for (limit = STR_NONE; query_next(&rest, &name, &value);)
		if (str_eq(name, STR("limit")))
			limit = value;
	if (limit.at != NULL) {
		buf_str(&link, STR("limit="));
		buf_str(&link, limit);
		buf_char(&link, '&');
	}
	buf_str(&link, STR("cursor="));
	buf_str(&link, str_c(cursor_text));
	buf_str(&link, STR(">; rel=\"next\""));
	if (buf_ok(&link) && buf_ok(&q))
		reply_header(r, "link", buf_text(&link));
}

void reply_page(struct request *r, struct json_out *j, const struct cursor *next)
{
	char text[CURSOR_TEXT + 1];
	if (next == NULL) {
		json_add_nothing(j, "next_cursor");
		return;
	}
	add_cursor(r, j, next, text);
	add_link(r, text);
}

struct json_out reply_list(struct request *r)
{
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_put_name(&j, "items");
	json_put_array(&j);
	return j;
}

bool reply_list_end(struct request *r, struct json_out *j, const struct cursor *next, struct fail *why)
{
	json_put_array_end(j);
	reply_page(r, j, next);
	json_put_object_end(j);
	return reply_json_end(r, j, why);
}

bool reply_feed_end(struct request *r, struct json_out *j, const struct cursor *next, bool more, struct fail *why)
{
	char text[CURSOR_TEXT + 1];
	json_put_array_end(j);
	json_add_boolean(j, "more", more);
	add_cursor(r, j, next, text);
	if (more)
		add_link(r, text);
	json_put_object_end(j);
	return reply_json_end(r, j, why);
}
