/* gateway/door/h1_parse.c - own parser, because the ones at hand forgive too much: what is forgiven here and read otherwise by a proxy in
 * front of us is a way to smuggle a request past it. The judgement of a complete head is in h1_head.c. */
#include "gateway/door/h1_parse.h"
#include "gateway/door/h1_head.h"
#include "gateway/door/http_rules.h"
#include <stdlib.h>

enum {
	METHOD_BYTES_MAX = 24,
	CHUNK_DIGITS_MAX = 8,
	EXTENSION_BYTES_MAX = 4096, /* in all chunks of a body together */
	TEXT_FIRST = 512,
	FIELDS_FIRST = 16,
};

enum state {
	START, START_LF, METHOD, TARGET, VERSION, LINE_LF, FIELD, NAME, BEFORE_VALUE, VALUE, VALUE_LF, SECTION_LF,
	BODY, CHUNK_SIZE, CHUNK_EXTENSION, CHUNK_LF, CHUNK_DATA, CHUNK_DATA_CR, CHUNK_DATA_LF, DONE, WRONG,
};

void h1_parser_init(struct h1_parser *p, const struct h1_limits *limits)
{
	memset(p, 0, sizeof(*p));
	p->limits = limits;
}

void h1_parser_next(struct h1_parser *p)
{
	struct h1_parser fresh = { .limits = p->limits, .text = p->text, .fields = p->fields, .text_cap = p->text_cap, .field_cap = p->field_cap };
	*p = fresh;
}

void h1_parser_free(struct h1_parser *p)
{
	free(p->text);
	free(p->fields);
	p->text = NULL;
	p->fields = NULL;
	p->text_cap = p->field_cap = 0;
}

#define WRONGS(p, code, ...) (FAILS(&(p)->wrong, code, __VA_ARGS__), (p)->state = WRONG, false)

static bool put(struct h1_parser *p, char c)
{
	if (p->text_len == p->text_cap) {
		size_t cap = p->text_cap == 0 ? TEXT_FIRST : p->text_cap * 2;
		char *text = realloc(p->text, cap);
		if (text == NULL)
			return WRONGS(p, MEMORY, "head of %zu bytes", cap);
		p->text = text;
		p->text_cap = cap;
	}
	p->text[p->text_len++] = c;
	return true;
}

/* ---- request line ---- */

static bool on_method(struct h1_parser *p, char c)
{
	if (c == ' ' && p->text_len > 0) {
		p->token_at = p->text_len;
		p->state = TARGET;
		return true;
	}
	if (http_token_bytes[(uint8_t)c] == 0 || p->text_len == METHOD_BYTES_MAX)
		return WRONGS(p, BAD_REQUEST, "byte 0x%02x in the method", (uint8_t)c);
	return put(p, c);
}

static bool on_target(struct h1_parser *p, char c)
{
	size_t len = p->text_len - p->token_at;
	if (c == ' ' && len > 0) {
		p->target_len = len;
		p->state = VERSION;
		return true;
	}
	uint8_t byte = (uint8_t)c;
	if (byte <= 0x20 || byte >= 0x7f || byte == '#')
		return WRONGS(p, BAD_REQUEST, "byte 0x%02x in the target", byte);
	if (len == p->limits->target_bytes_max)
		return WRONGS(p, TARGET_TOO_LONG, "more than %zu bytes", len);
	return put(p, c);
}

static bool on_version(struct h1_parser *p, char c)
{
	static const char version[] = "HTTP/1.";
	int at = p->version_at++;
	if (at < 7 && c == version[at])
		return true;
	if (at == 7 && (c == '0' || c == '1')) {
		p->minor = c - '0';
		return true;
	}
	if (at == 8 && c == '\r') {
		p->state = LINE_LF;
		return true;
	}
	return WRONGS(p, BAD_REQUEST, "not HTTP/1.0 or HTTP/1.1");
}

/* ---- fields, of the head and of trailers ---- */

static bool count_header_byte(struct h1_parser *p)
{
	return ++p->header_bytes <= p->limits->header_bytes_max || WRONGS(p, HEADERS_TOO_LARGE, "more than %zu bytes", p->limits->header_bytes_max);
}

static bool begin_field(struct h1_parser *p)
{
	p->header_bytes += 32;
	if (++p->header_count > p->limits->header_count_max)
		return WRONGS(p, HEADERS_TOO_LARGE, "more than %zu fields", p->limits->header_count_max);
	p->state = NAME;
	if (p->in_trailers)
		return true;
	if (p->field_count == p->field_cap) {
		size_t cap = p->field_cap == 0 ? FIELDS_FIRST : p->field_cap * 2;
		struct h1_field *fields = realloc(p->fields, cap * sizeof(*fields));
		if (fields == NULL)
			return WRONGS(p, MEMORY, "%zu fields", cap);
		p->fields = fields;
		p->field_cap = cap;
	}
	p->fields[p->field_count].name = (uint32_t)p->text_len;
	return true;
}

static bool on_name(struct h1_parser *p, char c)
{
	if (c == ':') {
		if (!p->in_trailers)
			p->fields[p->field_count].name_len = (uint32_t)(p->text_len - p->fields[p->field_count].name);
		p->state = BEFORE_VALUE;
		return true;
	}
	char lower = (char)http_token_bytes[(uint8_t)c];
	if (lower == 0)
		return WRONGS(p, BAD_REQUEST, "byte 0x%02x in a field's name", (uint8_t)c);
	return count_header_byte(p) && (p->in_trailers || put(p, lower));
}

static bool on_field(struct h1_parser *p, char c)
{
	if (c == '\r') {
		p->state = SECTION_LF;
		return true;
	}
	if (c == ' ' || c == '\t')
		return WRONGS(p, BAD_REQUEST, "a folded line");
	if (c == ':')
		return WRONGS(p, BAD_REQUEST, "a field without a name");
	return begin_field(p) && on_name(p, c);
}

static bool on_value(struct h1_parser *p, char c)
{
	uint8_t byte = (uint8_t)c;
	bool blank = c == ' ' || c == '\t';
	if (p->state == BEFORE_VALUE) {
		if (blank)
			return count_header_byte(p);
		p->state = VALUE;
		p->value_end = p->text_len;
		if (!p->in_trailers)
			p->fields[p->field_count].value = (uint32_t)p->text_len;
	}
	if (c == '\r') {
		p->state = VALUE_LF;
		return true;
	}
	if ((byte < 0x20 && c != '\t') || byte == 0x7f)
		return WRONGS(p, BAD_REQUEST, "byte 0x%02x in a field's value", byte);
	if (!count_header_byte(p))
		return false;
	if (p->in_trailers)
		return true;
	if (!put(p, c))
		return false;
	if (!blank)
		p->value_end = p->text_len;
	return true;
}

static bool end_field(struct h1_parser *p)
{
	p->state = FIELD;
	if (p->in_trailers)
		return true;
	struct h1_field *f = &p->fields[p->field_count++];
	f->value_len = (uint32_t)(p->value_end - f->value);
	return true;
}

/* ---- chunks ---- */

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool on_chunk_size(struct h1_parser *p, char c)
{
	int digit = hex(c);
	if (digit >= 0) {
		if (++p->digits > CHUNK_DIGITS_MAX)
			return WRONGS(p, BAD_REQUEST, "a chunk size of more than %d digits", CHUNK_DIGITS_MAX);
		p->left = p->left * 16 + (uint64_t)digit;
		return true;
	}
	if (p->digits == 0 || (c != '\r' && c != ';'))
		return WRONGS(p, BAD_REQUEST, "byte 0x%02x in a chunk size", (uint8_t)c);
	p->state = c == ';' ? CHUNK_EXTENSION : CHUNK_LF;
	return true;
}

static bool on_extension(struct h1_parser *p, char c)
{
	uint8_t byte = (uint8_t)c;
	if (c == '\r') {
		p->state = CHUNK_LF;
		return true;
	}
	if ((byte < 0x20 && c != '\t') || byte == 0x7f)
		return WRONGS(p, BAD_REQUEST, "byte 0x%02x in a chunk extension", byte);
	return ++p->extension_bytes <= EXTENSION_BYTES_MAX || WRONGS(p, BAD_REQUEST, "chunk extensions of more than %d bytes", EXTENSION_BYTES_MAX);
}

static void begin_chunk(struct h1_parser *p)
{
	p->state = CHUNK_SIZE;
	p->left = 0;
	p->digits = 0;
}

/* ---- the machine ---- */

static bool on_lf(struct h1_parser *p)
{
	switch ((enum state)p->state) {
	case START_LF:
		p->state = START;
		return true;
	case LINE_LF:
		p->state = FIELD;
		return true;
	case VALUE_LF:
		return end_field(p);
	case CHUNK_LF:
		p->in_trailers = p->left == 0;
		p->state = p->in_trailers ? FIELD : CHUNK_DATA;
		return true;
	case CHUNK_DATA_LF:
		begin_chunk(p);
		return true;
	default:
		p->state = DONE; /* SECTION_LF, after trailers */
		return true;
	}
}

static bool on_start(struct h1_parser *p, char c)
{
	/* RFC 9112 2.2: one empty line before the request is forgiven; old clients send it after a POST. */
	if (c == '\r' && !p->skipped_empty_line) {
		p->skipped_empty_line = true;
		p->state = START_LF;
		return true;
	}
	p->state = METHOD;
	return on_method(p, c);
}

static bool on_byte(struct h1_parser *p, char c)
{
	switch ((enum state)p->state) {
	case START:           return on_start(p, c);
	case METHOD:          return on_method(p, c);
	case TARGET:          return on_target(p, c);
	case VERSION:         return on_version(p, c);
	case FIELD:           return on_field(p, c);
	case NAME:            return on_name(p, c);
	case BEFORE_VALUE:
	case VALUE:           return on_value(p, c);
	case CHUNK_SIZE:      return on_chunk_size(p, c);
	case CHUNK_EXTENSION: return on_extension(p, c);
	case CHUNK_DATA_CR:
		p->state = CHUNK_DATA_LF;
		return c == '\r' || WRONGS(p, BAD_REQUEST, "no CRLF after a chunk");
	default:
		return c == '\n' ? on_lf(p) : WRONGS(p, BAD_REQUEST, "no LF after CR");
	}
}

static struct h1_step body_piece(struct h1_parser *p, const char *at, size_t len, size_t used)
{
	size_t n = len - used < p->left ? len - used : (size_t)p->left;
	p->left -= n;
	if (p->left == 0)
		p->state = p->state == BODY ? DONE : CHUNK_DATA_CR;
	return (struct h1_step){ H1_BODY, used + n, { at + used, n } };
}

/* The head is complete: what it says together. */
static enum h1_event end_head(struct h1_parser *p)
{
	size_t method_len = p->token_at;
	p->method = (struct str){ p->text, method_len };
	p->target = (struct str){ p->text + method_len, p->target_len };
	if (!h1_head_judge(p)) {
		p->state = WRONG;
		return H1_WRONG;
	}
	if (p->length < 0)
		begin_chunk(p);
	else
		p->state = p->length > 0 ? BODY : DONE;
	if (p->length > 0)
		p->left = (uint64_t)p->length;
	p->header_bytes = p->header_count = 0; /* trailers have the caps to themselves */
	return H1_HEAD;
}

struct h1_step h1_step(struct h1_parser *p, const char *at, size_t len)
{
	size_t used = 0;
	while (p->state != WRONG && p->state != DONE && used < len) {
		if (p->state == BODY || p->state == CHUNK_DATA)
			return body_piece(p, at, len, used);
		char c = at[used++];
		p->begun = true;
		if (p->state == SECTION_LF && c == '\n' && !p->in_trailers)
			return (struct h1_step){ end_head(p), used, STR_NONE };
		if (!on_byte(p, c))
			break;
	}
	enum h1_event event = p->state == WRONG ? H1_WRONG : p->state == DONE ? H1_DONE : H1_MORE;
	return (struct h1_step){ event, used, STR_NONE };
}
