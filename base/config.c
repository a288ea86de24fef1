/* base/config.c - why this exists: an operator who made three mistakes shall be told all three, with line numbers, before
 * anything starts. */
#include "base/config.h"

#include "base/config_inside.h"
#include "base/config_rows.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

void config_say(struct config_wrongs *wrongs, int line, struct str name, const char *format, ...)
{
	int index = wrongs->count++;
	if (index >= CONFIG_WRONGS_MAX)
		return;
	struct config_wrong *w = &wrongs->at[index];
	w->line = line;
	snprintf(w->name, sizeof w->name, "%.*s", (int)(name.len < sizeof w->name ? name.len : sizeof w->name - 1), name.len > 0 ? name.at : "");
	va_list args;
	va_start(args, format);
	vsnprintf(w->why, sizeof w->why, format, args);
	va_end(args);
}

void config_wrong_add(struct config_wrongs *wrongs, const char *name, const char *why)
{
	config_say(wrongs, 0, str_c(name), "%s", why);
}

void config_defaults(struct config *c)
{
	memset(c, 0, sizeof *c);
	for (size_t i = 0; i < config_row_count; i++) {
		const struct config_row *row = &config_rows[i];
		char *to = (char *)c + row->offset;
		switch (row->kind) {
		case CONFIG_KIND_INT:
			*(int64_t *)(void *)to = row->fallback;
			break;
		case CONFIG_KIND_BOOL:
			*(bool *)to = row->fallback != 0;
			break;
		case CONFIG_KIND_WORD:
			*(int *)(void *)to = (int)row->fallback;
			break;
		case CONFIG_KIND_TEXT:
			assert(strlen(row->text) <= (size_t)row->max);
			memcpy(to, row->text, strlen(row->text) + 1);
			break;
		}
	}
}

/* -- one value */

struct place {
	int line;
	struct str name;
	struct config_wrongs *wrongs;
};

static const char *hint(struct str value)
{
	return value.len > 0 && memchr(value.at, '#', value.len) != NULL ? "; a comment needs a line of its own" : "";
}

static bool put_int(const struct config_row *row, struct str value, void *to, const struct place *p)
{
	int64_t v;
	if (!str_to_i64(value, INT64_MIN, INT64_MAX, &v))
		config_say(p->wrongs, p->line, p->name, "not a whole number%s", hint(value));
	else if (v < row->min || v > row->max)
		config_say(p->wrongs, p->line, p->name, "out of range: %" PRId64 " to %" PRId64 "%s%s", row->min, row->max, row->unit[0] != '\0' ? " " : "", row->unit);
	else
		return *(int64_t *)to = v, true;
	return false;
}

static bool put_bool(struct str value, void *to, const struct place *p)
{
	bool yes = str_eq(value, STR("true"));
	if (yes || str_eq(value, STR("false")))
		return *(bool *)to = yes, true;
	config_say(p->wrongs, p->line, p->name, "not \"true\" or \"false\"%s", hint(value));
	return false;
}

static bool put_word(const struct config_row *row, struct str value, void *to, const struct place *p)
{
	for (int i = 0; config_word(row, i).len > 0; i++)
		if (str_eq(value, config_word(row, i)))
			return *(int *)to = i, true;
	config_say(p->wrongs, p->line, p->name, "not one of %s%s", row->text, hint(value));
	return false;
}

static bool put_text(const struct config_row *row, struct str value, char *to, const struct place *p)
{
	if (value.len > (size_t)row->max) {
		config_say(p->wrongs, p->line, p->name, "longer than %" PRId64 " bytes", row->max);
		return false;
	}
	for (size_t i = 0; i < value.len; i++) {
		if ((unsigned char)value.at[i] >= 0x20 && value.at[i] != 0x7f)
			continue;
		config_say(p->wrongs, p->line, p->name, "holds a control character");
		return false;
	}
	if (value.len > 0)
		memcpy(to, value.at, value.len);
	to[value.len] = '\0';
	return true;
}

static bool put_value(struct config *c, const struct config_row *row, struct str value, const struct place *p)
{
	char *to = (char *)c + row->offset;
	switch (row->kind) {
	case CONFIG_KIND_INT:
		return put_int(row, value, to, p);
	case CONFIG_KIND_BOOL:
		return put_bool(value, to, p);
	case CONFIG_KIND_WORD:
		return put_word(row, value, to, p);
	case CONFIG_KIND_TEXT:
		return put_text(row, value, to, p);
	}
	return false;
}

/* -- names */

/* Letters to insert, remove or change (Levenshtein); names are short, longer ones are simply far. */
static size_t distance(struct str a, struct str b)
{
	enum { LONGEST = 48 };
	if (a.len > LONGEST || b.len > LONGEST)
		return LONGEST;
	size_t row[LONGEST + 1];
	for (size_t j = 0; j <= b.len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t corner = row[0];
		row[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			size_t change = corner + (a.at[i - 1] != b.at[j - 1]);
			corner = row[j];
			size_t step = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
			row[j] = change < step ? change : step;
		}
	}
	return row[b.len];
}

static const struct config_row *nearest(struct str name)
{
	const struct config_row *best = NULL;
	size_t least = name.len / 3 + 2;
	for (size_t i = 0; i < config_row_count; i++) {
		size_t far = distance(name, str_c(config_rows[i].name));
		if (far >= least)
			continue;
		least = far;
		best = &config_rows[i];
	}
	return best;
}

static const struct config_row *find(struct str name)
{
	for (size_t i = 0; i < config_row_count; i++)
		if (str_eq(name, str_c(config_rows[i].name)))
			return &config_rows[i];
	return NULL;
}

static const struct config_row *find_or_say(const struct place *p)
{
	const struct config_row *row = find(p->name), *near = row == NULL ? nearest(p->name) : NULL;
	if (near != NULL)
		config_say(p->wrongs, p->line, p->name, "no such name; is \"%s\" meant?", near->name);
	else if (row == NULL)
		config_say(p->wrongs, p->line, p->name, "no such name");
	return row;
}

/* -- a file */

enum { ROWS_MAX = 256 };

static void read_line(struct config *c, struct str line, int number, int *seen, struct config_wrongs *wrongs)
{
	struct str name, value;
	if (line.len > 0 && line.at[line.len - 1] == '\r')
		line.len--;
	line = str_trim(line);
	if (line.len == 0 || line.at[0] == '#')
		return;
	bool cut = str_cut(line, '=', &name, &value);
	struct place p = { number, str_trim(name), wrongs };
	if (memchr(line.at, '\0', line.len) != NULL || !str_is_utf8(line)) {
		config_say(wrongs, number, STR_NONE, "not UTF-8 text");
		return;
	}
	if (!cut || p.name.len == 0) {
		config_say(wrongs, number, p.name, line.at[0] == '[' ? "sections are not used; names are whole, as in \"listen.port\"" : "not \"name = value\"");
		return;
	}
	const struct config_row *row = find_or_say(&p);
	if (row == NULL)
		return;
	int *first = &seen[row - config_rows];
	if (*first != 0) {
		config_say(wrongs, number, p.name, "given before, in line %d", *first);
		return;
	}
	*first = number;
	(void)put_value(c, row, str_trim(value), &p);
}

bool config_read(struct config *c, const char *path, struct config_wrongs *wrongs)
{
	if (path == NULL)
		return true;
	assert(config_row_count <= ROWS_MAX);
	int before = wrongs->count, number = 0, seen[ROWS_MAX] = { 0 };
	FILE *file = fopen(path, "re");
	if (file == NULL) {
		config_say(wrongs, 0, str_c(path), "cannot be opened: %s", strerror(errno));
		return false;
	}
	char *text = NULL;
	size_t room = 0;
	ssize_t len;
	while ((len = getline(&text, &room, file)) >= 0) {
		struct str line = { text, (size_t)len };
		if (line.len > 0 && line.at[line.len - 1] == '\n')
			line.len--;
		if (number++ == 0 && str_starts(line, STR("\xef\xbb\xbf"))) { /* some editors begin a file so */
			line.at += 3;
			line.len -= 3;
		}
		read_line(c, line, number, seen, wrongs);
	}
	if (!feof(file))
		config_say(wrongs, number, str_c(path), "cannot be read: %s", strerror(errno));
	free(text);
	fclose(file);
	return wrongs->count == before;
}

bool config_override(struct config *c, const char *name_is_value, struct config_wrongs *wrongs)
{
	struct str name, value;
	bool cut = str_cut(str_c(name_is_value), '=', &name, &value);
	struct place p = { 0, str_trim(name), wrongs };
	if (!cut || p.name.len == 0) {
		config_say(wrongs, 0, p.name, "not name=value");
		return false;
	}
	const struct config_row *row = find_or_say(&p);
	return row != NULL && put_value(c, row, str_trim(value), &p);
}

/* -- reload */

static bool same(const struct config_row *row, const struct config *a, const struct config *b)
{
	const char *one = (const char *)a + row->offset, *two = (const char *)b + row->offset;
	switch (row->kind) {
	case CONFIG_KIND_INT:
		return memcmp(one, two, sizeof(int64_t)) == 0;
	case CONFIG_KIND_BOOL:
		return memcmp(one, two, sizeof(bool)) == 0;
	case CONFIG_KIND_WORD:
		return memcmp(one, two, sizeof(int)) == 0;
	case CONFIG_KIND_TEXT:
		return strcmp(one, two) == 0;
	}
	return false;
}

static size_t size_of(const struct config_row *row)
{
	switch (row->kind) {
	case CONFIG_KIND_INT:
		return sizeof(int64_t);
	case CONFIG_KIND_BOOL:
		return sizeof(bool);
	case CONFIG_KIND_WORD:
		return sizeof(int);
	case CONFIG_KIND_TEXT:
		return (size_t)row->max + 1;
	}
	return 0;
}

/* Appends whole names only; a list that is full ends with "…". */
static void list(char *to, size_t max, const char *name)
{
	static const char more[] = ",\xe2\x80\xa6";
	size_t len = strlen(to), need = strlen(name) + (len > 0);
	if (len + need + sizeof more <= max)
		snprintf(to + len, max - len, "%s%s", len > 0 ? "," : "", name);
	else if (len + sizeof more <= max && !str_ends(str_c(to), str_c(more)))
		memcpy(to + len, more, sizeof more);
}

void config_reload(struct config *now, const struct config *next, char *changed, size_t changed_max, char *refused, size_t refused_max)
{
	assert(changed_max > 0 && refused_max > 0);
	changed[0] = refused[0] = '\0';
	for (size_t i = 0; i < config_row_count; i++) {
		const struct config_row *row = &config_rows[i];
		if (same(row, now, next))
			continue;
		if (!row->reload) {
			list(refused, refused_max, row->name);
			continue;
		}
		memcpy((char *)now + row->offset, (const char *)next + row->offset, size_of(row));
		list(changed, changed_max, row->name);
	}
}
