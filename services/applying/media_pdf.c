/* services/applying/media_pdf.c - the tokens of a PDF, outside of strings and streams: what it names, whether its objects end, and whether it ends where it says.
 * Source: ISO 32000-1 7.2 (tokens), 7.3.5 (names and their #xx), 7.5 (structure). */
#include "services/applying/media_inside.h"

enum { AT_TOKENS, AT_STRING, AT_STRING_ESCAPE, AT_COMMENT, AT_STREAM };
enum { VERSION_BYTES = 8, DEPTH_MAX = 500 };

/* Names that make a reader do something, or hide something from whoever looks. */
static const struct { const char *name, *reason; } refused[] = {
	{ "/JavaScript", "runs_script" }, { "/JS", "runs_script" },           { "/Launch", "launches" },        { "/EmbeddedFile", "embeds_files" },
	{ "/EmbeddedFiles", "embeds_files" }, { "/RichMedia", "embeds_files" }, { "/XFA", "runs_script" },      { "/Encrypt", "encrypted" },
	{ "/GoToE", "embeds_files" },     { "/SubmitForm", "sends_forms" },   { "/ImportData", "embeds_files" },
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\0';
}

static bool is_delimiter(char c)
{
	return memchr("()<>[]{}/%", c, 10) != NULL && c != '\0';
}

static int hex_of(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

/* A name's #xx are undone: they are how one hides. Returns the length. */
static size_t name_plain(const char *token, size_t len, char out[MEDIA_TOKEN_MAX + 1])
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++) {
		int high = i + 2 < len && token[i] == '#' ? hex_of(token[i + 1]) : -1, low = high >= 0 ? hex_of(token[i + 2]) : -1;
		out[n++] = low >= 0 ? (char)(high << 4 | low) : token[i];
		i += low >= 0 ? 2 : 0;
	}
	out[n] = '\0';
	return n;
}

static bool name_judge(struct media *m, struct fail *why)
{
	char name[MEDIA_TOKEN_MAX + 1];
	(void)name_plain(m->token, m->token_len, name);
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
		if (strcmp(name, refused[i].name) == 0)
			return media_refuse(why, refused[i].reason);
	return true;
}

static bool token_end(struct media *m, struct fail *why)
{
	struct str t = { m->token, m->token_len };
	m->token_len = 0;
	if (t.len == 0)
		return true;
	if (t.at[0] == '/') {
		m->token_len = t.len;
		bool ok = name_judge(m, why);
		m->token_len = 0;
		return ok;
	}
	if (m->expects_offset) {
		m->expects_offset = false;
		m->has_startxref = str_to_i64(t, 0, INT64_C(1) << 40, &m->xref_at);
		return m->has_startxref || media_refuse(why, "broken_end");
	}
	m->objects += str_eq(t, STR("obj"));
	m->ends += str_eq(t, STR("endobj"));
	m->expects_offset = str_eq(t, STR("startxref"));
	if (str_eq(t, STR("stream"))) {
		m->state = AT_STREAM;
		m->matched = 0;
	}
	return m->ends <= m->objects || media_refuse(why, "broken_objects");
}

/* A token longer than any we know is cut: only its beginning could be known, and it is not. */
static void token_more(struct media *m, char c)
{
	if (m->token_len < MEDIA_TOKEN_MAX)
		m->token[m->token_len++] = c;
}

static bool at_token(struct media *m, char c, struct fail *why)
{
	if (!is_space(c) && !is_delimiter(c)) {
		token_more(m, c);
		return true;
	}
	if (!token_end(m, why))
		return false;
	if (m->state == AT_STREAM)
		return true;
	if (c == '/')
		token_more(m, c);
	else if (c == '(')
		m->state = AT_STRING, m->depth = 1;
	else if (c == '%')
		m->state = AT_COMMENT, m->matched = 0, m->has_eof = false;
	return true;
}

static bool at_string(struct media *m, char c, struct fail *why)
{
	if (m->state == AT_STRING_ESCAPE) {
		m->state = AT_STRING;
		return true;
	}
	if (c == '\\')
		m->state = AT_STRING_ESCAPE;
	m->depth += c == '(' ? 1 : c == ')' ? -1 : 0;
	if (m->depth == 0)
		m->state = AT_TOKENS;
	return m->depth <= DEPTH_MAX || media_refuse(why, "broken_objects");
}

static void at_comment(struct media *m, char c)
{
	static const char eof[] = "%EOF";
	if (c == '\r' || c == '\n') {
		m->state = AT_TOKENS;
		return;
	}
	m->matched = m->matched < 4 && c == eof[m->matched] ? m->matched + 1 : m->matched == 4 && c == ' ' ? 4 : 99;
	m->has_eof = m->matched == 4;
}

/* Its length may be anywhere in the file, so it ends where its word stands. */
static void at_stream(struct media *m, char c)
{
	static const char word[] = "endstream";
	m->matched = c == word[m->matched] ? m->matched + 1 : c == word[0] ? 1 : 0;
	if (m->matched == sizeof word - 1) {
		m->matched = 0;
		m->state = AT_TOKENS;
	}
}

static bool feed(struct media *m, struct str piece, struct fail *why)
{
	if (!media_put(m, piece.at, piece.len, why))
		return false;
	for (size_t i = 0; i < piece.len; i++) {
		char c = piece.at[i];
		switch (m->state) {
		case AT_TOKENS:
			if (!at_token(m, c, why))
				return false;
			break;
		case AT_COMMENT: at_comment(m, c); break;
		case AT_STREAM:  at_stream(m, c); break;
		default:
			if (!at_string(m, c, why))
				return false;
			break;
		}
		if (m->state != AT_COMMENT && !is_space(c) && c != '\n')
			m->has_eof = false;
	}
	return true;
}

static bool end(struct media *m, struct fail *why)
{
	if (m->state == AT_TOKENS && !token_end(m, why))
		return false;
	if (m->state == AT_STREAM || m->state == AT_STRING || m->objects == 0 || m->objects != m->ends)
		return media_refuse(why, "broken_objects");
	if (!m->has_eof || !m->has_startxref || m->xref_at >= m->bytes)
		return media_refuse(why, "broken_end");
	return true;
}

const struct media_walk media_pdf = { feed, end };
