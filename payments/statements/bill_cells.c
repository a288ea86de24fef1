/* payments/statements/bill_cells.c - what stands in a cell is what its column allows and nothing else: whatever else it might mean is for a person to find out. */
#include "payments/statements/bill_inside.h"

#include "base/day.h"
#include "base/json.h"
#include "payments/fen.h"

#include <string.h>

#define HEADER_OF(text) { text, sizeof(text) - 1 }
const struct bill_column bill_columns[] = {
#define COLUMN(source, header, kind, into, need) { BILL_##source, HEADER_OF(header), BILL_KIND_##kind, offsetof(struct bill_line, into), BILL_##need },
#define SUMMARY(...)
#include "payments/statements/bill_columns.def"
#undef COLUMN
#undef SUMMARY
};
const struct bill_column bill_sums[] = {
#define COLUMN(...)
#define SUMMARY(source, header, kind, into) { BILL_##source, HEADER_OF(header), BILL_KIND_##kind, offsetof(struct bill_totals, into), BILL_MAYBE },
#include "payments/statements/bill_columns.def"
#undef COLUMN
#undef SUMMARY
};
const int bill_column_count = sizeof(bill_columns) / sizeof(bill_columns[0]), bill_sum_count = sizeof(bill_sums) / sizeof(bill_sums[0]);

static const struct {
	enum bill_source source;
	size_t into;
	struct str word;
	int64_t means;
} words[] = {
#define WORD(source, into, word, means) { BILL_##source, offsetof(struct bill_line, into), HEADER_OF(word), means },
#include "payments/statements/bill_words.def"
#undef WORD
};
enum { WORDS = sizeof(words) / sizeof(words[0]) };

bool bill_refuse(int64_t line, const char *column, const char *reason, struct fail *why)
{
	FAILS(why, IMPORT, "a statement's line %lld: %s", (long long)line, reason);
	if (line > 0)
		fail_fact_number(why, "line", line);
	if (column != NULL)
		fail_fact_text(why, "column", column);
	fail_fact_text(why, "reason", reason);
	return false;
}

/* ---- kinds: NULL, or what is wrong ---- */

static const char *text_take(struct str cell, struct str *out)
{
	*out = STR("");
	if (cell.len == 0 || str_eq(cell, STR("0")))
		return NULL;
	if (cell.len > BILL_TEXT_MAX)
		return "too_long";
	if (!str_is_visible_ascii(cell))
		return "not_ascii";
	*out = cell;
	return NULL;
}

static const char *signed_take(struct str cell, int64_t *out)
{
	bool minus = str_starts(cell, STR("-"));
	if (minus)
		cell = (struct str){ cell.at + 1, cell.len - 1 };
	if (!fen_from_yuan(cell, out))
		return "not_an_amount";
	*out = minus ? -*out : *out;
	return NULL;
}

static bool digits(const char *at, int count, int64_t *out)
{
	*out = 0;
	for (int i = 0; i < count; i++) {
		if (at[i] < '0' || at[i] > '9')
			return false;
		*out = *out * 10 + (at[i] - '0');
	}
	return true;
}

/* Yuan are fen_from_yuan's; the decimals beyond its two are read here. */
static const char *fee_take(struct str cell, int64_t *out)
{
	enum { DECIMALS = 5 };
	struct str yuan, rest;
	bool minus = str_starts(cell, STR("-"));
	int64_t whole, part = 0;
	if (minus)
		cell = (struct str){ cell.at + 1, cell.len - 1 };
	bool has_point = str_cut(cell, '.', &yuan, &rest);
	if (!fen_from_yuan(yuan, &whole) || (has_point && (rest.len == 0 || rest.len > DECIMALS || !digits(rest.at, (int)rest.len, &part))))
		return "not_a_fee";
	for (size_t i = rest.len; i < DECIMALS; i++)
		part *= 10;
	*out = whole * 1000 + part;
	*out = minus ? -*out : *out;
	return NULL;
}

static const char *fen12_take(struct str cell, int64_t *out)
{
	bool minus = str_starts(cell, STR("-"));
	if (cell.len != 12 || !digits(cell.at + minus, 12 - minus, out))
		return "not_an_amount";
	*out = minus ? -*out : *out;
	return NULL;
}

static const char *count_take(struct str cell, int64_t *out)
{
	if (str_ends(cell, STR(".0")))
		cell.len -= 2;
	return str_to_i64(cell, 0, INT64_C(1) << 40, out) ? NULL : "not_a_number";
}

static bool clock_take(int64_t hour, int64_t minute, int64_t second, int32_t on, int64_t *ms)
{
	*ms = day_begins_ms(on) + ((hour * 60 + minute) * 60 + second) * 1000;
	return hour < 24 && minute < 60 && second < 60;
}

/* "MMDDhhmmss": of the year that brings it nearest to the statement's day. */
static int32_t yearless(int32_t day, int64_t month, int64_t in_month)
{
	int year, m, d;
	day_civil(day, &year, &m, &d);
	if (month - m > 6)
		year--;
	else if (m - month > 6)
		year++;
	return month < 1 || month > 12 || in_month < 1 || in_month > month_days(year, (int)month) ? -1 : day_from_civil(year, (int)month, (int)in_month);
}

static const char *time_take(struct str cell, int32_t day, int64_t *ms)
{
	static const char wrong[] = "not_a_time";
	int64_t n[5];
	int32_t on;
	const char *c = cell.at;
	if (cell.len == 10 && c[4] != '-') {
		for (int i = 0; i < 5; i++)
			if (!digits(c + 2 * i, 2, &n[i]))
				return wrong;
		on = yearless(day, n[0], n[1]);
		return on >= 0 && clock_take(n[2], n[3], n[4], on, ms) ? NULL : wrong;
	}
	bool is_plain = cell.len == 8 || cell.len == 14;
	if (!is_plain && cell.len != 10 && (cell.len != 19 || c[10] != ' ' || c[13] != ':' || c[16] != ':'))
		return wrong;
	const char plain[] = { c[0], c[1], c[2], c[3], '-', c[4], c[5], '-', c[6], c[7] };
	if (!day_from_text((struct str){ is_plain ? plain : c, sizeof plain }, &on))
		return wrong;
	if (cell.len == 8 || cell.len == 10) {
		*ms = day_begins_ms(on);
		return NULL;
	}
	int step = is_plain ? 2 : 3, from = is_plain ? 8 : 11;
	return digits(c + from, 2, &n[0]) && digits(c + from + step, 2, &n[1]) && digits(c + from + 2 * step, 2, &n[2]) && clock_take(n[0], n[1], n[2], on, ms) ? NULL : wrong;
}

static const char *word_take(const struct bill_column *c, struct str cell, int64_t *out)
{
	for (int i = 0; i < WORDS; i++)
		if (words[i].source == c->source && words[i].into == c->at && (str_eq(words[i].word, cell) || str_eq(words[i].word, STR("*")))) {
			*out = words[i].means;
			return NULL;
		}
	return "unknown_word";
}

bool bill_cell_take(const struct bill_column *c, struct str cell, int32_t day, int64_t line, void *base, struct fail *why)
{
	void *to = (char *)base + c->at;
	const char *wrong = NULL;
	switch (c->kind) {
	case BILL_KIND_TEXT: wrong = text_take(cell, to); break;
	case BILL_KIND_YUAN: wrong = fen_from_yuan(cell, to) ? NULL : "not_an_amount"; break;
	case BILL_KIND_SIGNED: wrong = signed_take(cell, to); break;
	case BILL_KIND_FEE: wrong = fee_take(cell, to); break;
	case BILL_KIND_TIME: wrong = time_take(cell, day, to); break;
	case BILL_KIND_WORD: wrong = word_take(c, cell, to); break;
	case BILL_KIND_MONEY: wrong = str_eq(cell, STR("CNY")) ? NULL : "other_money"; break;
	case BILL_KIND_FEN12: wrong = fen12_take(cell, to); break;
	case BILL_KIND_COUNT: wrong = count_take(cell, to); break;
	}
	return wrong == NULL || bill_refuse(line, c->header.at, wrong, why);
}

/* Their word for one of ours, put back: what has no pair is ours already. */
static struct str own_word(struct str names, struct str header, struct str cell)
{
	struct str rest = names, pair, ours, theirs, column, word;
	while (rest.len > 0) {
		str_cut(rest, ',', &pair, &rest);
		if (str_cut(pair, '=', &ours, &theirs) && str_cut(ours, '/', &column, &word) && str_eq(str_trim(column), header) && str_eq(str_trim(theirs), cell))
			return str_trim(word);
	}
	return cell;
}

bool bill_cells_take(const struct bill_map *map, const struct bill_cells *cells, int32_t day, struct bill_line *l, struct fail *why)
{
	if (cells->count != map->count)
		return bill_refuse(l->line, NULL, cells->count < map->count ? "cells_missing" : "too_many_cells", why);
	for (int i = 0; i < map->count; i++) {
		const struct bill_column *c = map->at[i];
		if (c == NULL)
			continue;
		struct str cell = map->names.len > 0 && c->kind == BILL_KIND_WORD ? own_word(map->names, c->header, cells->at[i]) : cells->at[i];
		if (!bill_cell_take(c, cell, day, l->line, l, why))
			return false;
	}
	return true;
}

bool bill_record_take(const struct bill_format *f, struct str text, int32_t day, struct bill_line *l, json_t **object, struct fail *why)
{
	struct fail parse = { .code = FAIL_NONE };
	*object = json_read(text, &parse);
	if (!json_is_object(*object))
		return bill_refuse(l->line, NULL, parse.code == FAIL_MEMORY ? "memory" : "not_json", why);
	for (int i = 0; i < bill_column_count; i++) {
		const struct bill_column *c = &bill_columns[i];
		const json_t *member = c->source == f->source ? json_object_get(*object, c->header.at) : NULL;
		if (c->source != f->source || (json_is_null(member) && c->need == BILL_MAYBE) || (member == NULL && c->need == BILL_MAYBE))
			continue;
		if (!json_is_string(member))
			return bill_refuse(l->line, c->header.at, member == NULL ? "no_column" : "not_a_text", why);
		if (!bill_cell_take(c, (struct str){ json_string_value(member), json_string_length(member) }, day, l->line, l, why))
			return false;
	}
	return true;
}

/* ---- a line's cells ---- */

/* The comma behind which the next cell begins. NULL: there is none. */
static const char *tick_cut(const char *at, const char *end)
{
	const char *cut = memchr(at, ',', (size_t)(end - at));
	while (cut != NULL && (cut + 1 == end || cut[1] != '`'))
		cut = cut + 1 < end ? memchr(cut + 1, ',', (size_t)(end - cut - 1)) : NULL;
	return cut;
}

static bool ticks(char *text, size_t len, int64_t line, struct bill_cells *out, struct fail *why)
{
	bool is_header = len > 0 && text[0] != '`';
	const char *at = text + !is_header, *end = text + len;
	for (;;) {
		const char *cut = is_header ? memchr(at, ',', (size_t)(end - at)) : tick_cut(at, end);
		if (out->count == BILL_COLUMNS_MAX)
			return bill_refuse(line, NULL, "too_many_cells", why);
		out->at[out->count++] = (struct str){ at, (size_t)((cut != NULL ? cut : end) - at) };
		if (cut == NULL)
			return true;
		at = cut + (is_header ? 1 : 2);
	}
}

static bool bars(char *text, size_t len, int64_t line, struct bill_cells *out, struct fail *why)
{
	const char *at = text, *end = text + len;
	for (;;) {
		const char *cut = memchr(at, '|', (size_t)(end - at));
		if (out->count == BILL_COLUMNS_MAX)
			return bill_refuse(line, NULL, "too_many_cells", why);
		out->at[out->count++] = str_trim((struct str){ at, (size_t)((cut != NULL ? cut : end) - at) });
		if (cut == NULL)
			return true;
		at = cut + 1;
	}
}

bool bill_wants_guard(struct str text)
{
	static const char *const begins[] = { "=", "+", "-", "@", "\t", "\r", "\n", "'", "＝", "＋", "－", "＠" };
	for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++)
		if (str_starts(text, str_c(begins[i])))
			return true;
	return false;
}

/* What kept a spreadsheet from reckoning with a text is none of it: a tab beside a long number, or a quote mark before what would be a formula (services/money/office_sheet.h). */
static struct str unguarded(struct str cell)
{
	if (str_starts(cell, STR("\t")))
		cell = (struct str){ cell.at + 1, cell.len - 1 };
	if (str_ends(cell, STR("\t"))) /* some banks have it behind */
		cell.len--;
	if (!str_starts(cell, STR("'")))
		return cell;
	struct str rest = { cell.at + 1, cell.len - 1 };
	return bill_wants_guard(rest) ? rest : cell;
}

/* A cell in quotes, "" undone in place; *at goes behind it. */
static const char *quoted(char **at, const char *end, struct str *out)
{
	char *from = ++*at, *to = from;
	for (; *at < end; (*at)++) {
		if (**at == '"' && (*at + 1 == end || (*at)[1] != '"')) {
			(*at)++;
			*out = unguarded((struct str){ from, (size_t)(to - from) });
			return *at == end || **at == ',' ? NULL : "text_after_quote";
		}
		if (**at == '"')
			(*at)++;
		*to++ = **at;
	}
	return "quote_not_closed";
}

static bool commas(char *text, size_t len, int64_t line, struct bill_cells *out, struct fail *why)
{
	char *at = text, *end = text + len;
	for (;;) {
		if (out->count == BILL_COLUMNS_MAX)
			return bill_refuse(line, NULL, "too_many_cells", why);
		struct str *cell = &out->at[out->count++];
		if (at < end && *at == '"') {
			const char *wrong = quoted(&at, end, cell);
			if (wrong != NULL)
				return bill_refuse(line, NULL, wrong, why);
		} else {
			char *cut = memchr(at, ',', (size_t)(end - at));
			*cell = str_trim((struct str){ at, (size_t)((cut != NULL ? cut : end) - at) });
			at = cut != NULL ? cut : end;
		}
		if (at == end)
			return true;
		at++;
	}
}

bool bill_split(enum bill_layout layout, char *text, size_t len, int64_t line, struct bill_cells *out, struct fail *why)
{
	out->count = 0;
	return layout == BILL_TICKED ? ticks(text, len, line, out, why) : layout == BILL_PIPES ? bars(text, len, line, out, why) : commas(text, len, line, out, why);
}

/* ---- the header ---- */

/* A column's name in this file: another one where `names` gives it. */
static struct str name_of(struct str header, struct str names)
{
	struct str rest = names, pair, ours, theirs;
	while (rest.len > 0) {
		str_cut(rest, ',', &pair, &rest);
		if (str_cut(pair, '=', &ours, &theirs) && str_eq(str_trim(ours), header))
			return str_trim(theirs);
	}
	return header;
}

bool bill_map_make(const struct bill_format *f, const struct bill_column *rows, int count, struct str names, const struct bill_cells *header, int64_t line,
		   struct bill_map *out, struct fail *why)
{
	*out = (struct bill_map){ .count = header->count, .names = names };
	for (int i = 0; i < count; i++) {
		const struct bill_column *c = &rows[i];
		struct str name = name_of(c->header, names);
		bool found = false;
		for (int j = 0; c->source == f->source && j < header->count; j++) {
			if (!str_eq(header->at[j], name))
				continue;
			if (found || out->at[j] != NULL)
				return bill_refuse(line, c->header.at, "column_twice", why);
			out->at[j] = c;
			found = true;
		}
		bool is_needed = c->need == BILL_NEEDED || name.at != c->header.at; /* whoever gives it a name counts on it */
		if (c->source == f->source && !found && is_needed)
			return bill_refuse(line, c->header.at, "no_column", why);
	}
	return true;
}
