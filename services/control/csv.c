/* services/control/csv.c - tables come from spreadsheets; a silent misreading of one would move people's cases to wrong departments. */
#include "services/control/csv.h"

void csv_open(struct csv *c, struct str text, int64_t first_line, struct arena *a)
{
	*c = (struct csv){ .in = text, .next_line = first_line, .arena = a };
	if (str_starts(text, STR("\xef\xbb\xbf")))
		c->at = 3;
}

static enum csv_got wrong(const struct csv *c, int column, const char *reason, struct fail *why)
{
	FAILS(why, IMPORT, "csv line %lld field %d: %s", (long long)c->line, column, reason);
	fail_fact_number(why, "line", c->line);
	fail_fact_number(why, "column", column);
	fail_fact_text(why, "reason", reason);
	return CSV_WRONG;
}

/* The text between the quotes, with "" undone. */
static bool unquoted(struct csv *c, struct str raw, bool has_doubled, struct str *out, struct fail *why)
{
	*out = raw;
	if (!has_doubled)
		return true;
	char *to = arena_alloc(c->arena, raw.len);
	if (to == NULL)
		return FAILS(why, MEMORY, "csv field of %zu bytes", raw.len);
	size_t n = 0;
	for (size_t i = 0; i < raw.len; i++) {
		to[n++] = raw.at[i];
		if (raw.at[i] == '"')
			i++; /* its twin */
	}
	*out = (struct str){ to, n };
	return true;
}

/* c->at is behind the opening quote. */
static const char *quoted_field(struct csv *c, struct str *raw, bool *has_doubled)
{
	size_t from = c->at;
	*has_doubled = false;
	for (; c->at < c->in.len; c->at++) {
		char ch = c->in.at[c->at];
		if (ch == '\n')
			c->next_line++;
		if (ch != '"')
			continue;
		if (c->at + 1 < c->in.len && c->in.at[c->at + 1] == '"') {
			*has_doubled = true;
			c->at++;
			continue;
		}
		*raw = (struct str){ c->in.at + from, c->at - from };
		c->at++;
		return NULL;
	}
	return "quote_not_closed";
}

static const char *bare_field(struct csv *c, struct str *raw)
{
	size_t from = c->at;
	while (c->at < c->in.len && c->in.at[c->at] != ',' && c->in.at[c->at] != '\n' && c->in.at[c->at] != '\r') {
		if (c->in.at[c->at] == '"')
			return "stray_quote";
		c->at++;
	}
	*raw = (struct str){ c->in.at + from, c->at - from };
	return NULL;
}

static enum csv_got field(struct csv *c, struct str *out, int column, struct fail *why)
{
	struct str raw = STR_NONE;
	bool has_doubled = false;
	const char *reason;
	if (c->at < c->in.len && c->in.at[c->at] == '"') {
		c->at++;
		reason = quoted_field(c, &raw, &has_doubled);
	} else {
		reason = bare_field(c, &raw);
	}
	if (reason != NULL)
		return wrong(c, column, reason, why);
	if (raw.len > 0 && memchr(raw.at, '\0', raw.len) != NULL)
		return wrong(c, column, "nul", why);
	if (!str_is_utf8(raw))
		return wrong(c, column, "not_utf8", why);
	return unquoted(c, raw, has_doubled, out, why) ? CSV_ROW : CSV_WRONG;
}

enum csv_got csv_row(struct csv *c, struct str *fields, int max, int *count, struct fail *why)
{
	*count = 0;
	c->line = c->next_line;
	if (c->at >= c->in.len)
		return CSV_END;
	for (;;) {
		if (*count == max)
			return wrong(c, *count + 1, "too_many_fields", why);
		if (field(c, &fields[*count], *count + 1, why) == CSV_WRONG)
			return CSV_WRONG;
		(*count)++;
		if (c->at >= c->in.len)
			return CSV_ROW;
		char end = c->in.at[c->at++];
		if (end == ',')
			continue;
		if (end == '\r' && c->at < c->in.len && c->in.at[c->at] == '\n')
			end = c->in.at[c->at++];
		if (end != '\n')
			return wrong(c, *count, end == '\r' ? "lone_cr" : "text_after_quote", why);
		c->next_line++;
		return CSV_ROW;
	}
}
