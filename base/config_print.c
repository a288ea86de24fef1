/* base/config_print.c - why this exists: sample file, reference page and "what is in force" come from the same rows that
 * are read, so that none of them can be out of date. */
#include "base/config_rows.h"

#include <assert.h>
#include <inttypes.h>

const struct config_row config_rows[] = {
#define CONFIG_INT(field, name, min, max, fallback, unit, reload, prose) \
	{ CONFIG_KIND_INT, name, offsetof(struct config, field), min, max, fallback, NULL, unit, reload, prose },
#define CONFIG_BOOL(field, name, fallback, reload, prose) \
	{ CONFIG_KIND_BOOL, name, offsetof(struct config, field), 0, 1, fallback, NULL, "", reload, prose },
#define CONFIG_TEXT(field, name, bytes_max, fallback, reload, prose) \
	{ CONFIG_KIND_TEXT, name, offsetof(struct config, field), 0, bytes_max, 0, fallback, "", reload, prose },
#define CONFIG_WORD(field, name, words, fallback, reload, prose) \
	{ CONFIG_KIND_WORD, name, offsetof(struct config, field), 0, 0, fallback, words, "", reload, prose },
#include "base/config.def"
#undef CONFIG_INT
#undef CONFIG_BOOL
#undef CONFIG_TEXT
#undef CONFIG_WORD
};
const size_t config_row_count = sizeof config_rows / sizeof config_rows[0];

struct str config_word(const struct config_row *row, int64_t index)
{
	struct str left = str_c(row->text), word = STR_NONE;
	for (int64_t i = 0; i <= index; i++) {
		if (left.len == 0)
			return STR_NONE;
		str_cut(left, '|', &word, &left);
	}
	return word;
}

const char *config_value(const struct config_row *row, const struct config *c, char out[CONFIG_VALUE_BYTES])
{
	const char *from = (const char *)c + row->offset;
	switch (row->kind) {
	case CONFIG_KIND_INT:
		snprintf(out, CONFIG_VALUE_BYTES, "%" PRId64, *(const int64_t *)(const void *)from);
		return out;
	case CONFIG_KIND_BOOL:
		return *(const bool *)from ? "true" : "false";
	case CONFIG_KIND_WORD:
		snprintf(out, CONFIG_VALUE_BYTES, "%.*s", STR_ARG(config_word(row, *(const int *)(const void *)from)));
		return out;
	case CONFIG_KIND_TEXT:
		return from;
	}
	assert(!"a kind of config_row");
	return "";
}

/* "listen.port" to "listen"; a name without a dot is "general". */
static struct str group(const struct config_row *row)
{
	struct str before, after;
	return str_cut(str_c(row->name), '.', &before, &after) ? before : STR("general");
}

/* What may be said: "1 to 65535 ms", "true or false", "debug|info", "at most 64 bytes". */
static void print_bounds(const struct config_row *row, FILE *to, const char *bar)
{
	switch (row->kind) {
	case CONFIG_KIND_INT:
		fprintf(to, "%" PRId64 " to %" PRId64 "%s%s", row->min, row->max, row->unit[0] != '\0' ? " " : "", row->unit);
		return;
	case CONFIG_KIND_BOOL:
		fputs("true or false", to);
		return;
	case CONFIG_KIND_TEXT:
		fprintf(to, "text, at most %" PRId64 " bytes", row->max);
		return;
	case CONFIG_KIND_WORD:
		for (const char *at = row->text; *at != '\0'; at++)
			if (*at == '|')
				fputs(bar, to);
			else
				fputc(*at, to);
		return;
	}
}

/* Calls `print` for each row with the defaults, group by group in the order in which the groups first appear. */
static void by_group(FILE *to, void (*open)(struct str, FILE *), void (*print)(const struct config_row *, const struct config *, FILE *))
{
	struct config defaults;
	config_defaults(&defaults);
	for (size_t i = 0; i < config_row_count; i++) {
		struct str g = group(&config_rows[i]);
		bool first = true;
		for (size_t j = 0; j < i && first; j++)
			first = !str_eq(g, group(&config_rows[j]));
		if (!first)
			continue;
		open(g, to);
		for (size_t j = i; j < config_row_count; j++)
			if (str_eq(g, group(&config_rows[j])))
				print(&config_rows[j], &defaults, to);
	}
}

static void sample_group(struct str name, FILE *to)
{
	fprintf(to, "\n# ---- %.*s\n", STR_ARG(name));
}

static void sample_row(const struct config_row *row, const struct config *defaults, FILE *to)
{
	char value[CONFIG_VALUE_BYTES];
	fprintf(to, "\n# %s\n# ", row->prose);
	print_bounds(row, to, ", ");
	const char *text = config_value(row, defaults, value);
	fprintf(to, "%s\n%s =%s%s\n", row->reload ? "; a reload takes it over" : "", row->name, text[0] != '\0' ? " " : "", text);
}

void config_sample(FILE *to)
{
	fputs("# Configuration of siban: every setting with its default. A line is \"name = value\"; a comment has a line of its own.\n"
	      "# Check a file with: siban check --config FILE\n",
	      to);
	by_group(to, sample_group, sample_row);
}

static void reference_group(struct str name, FILE *to)
{
	fprintf(to, "\n## %.*s\n\n| name | default | allowed | reload | meaning |\n|---|---|---|---|---|\n", STR_ARG(name));
}

static void reference_row(const struct config_row *row, const struct config *defaults, FILE *to)
{
	char value[CONFIG_VALUE_BYTES];
	const char *text = config_value(row, defaults, value), *tick = text[0] != '\0' ? "`" : "";
	fprintf(to, "| `%s` | %s%s%s | ", row->name, tick, text[0] != '\0' ? text : "empty", tick);
	print_bounds(row, to, ", ");
	fprintf(to, " | %s | %s |\n", row->reload ? "yes" : "restart", row->prose);
}

void config_reference(FILE *to)
{
	fputs("# Configuration\n\n"
	      "The file is read by `siban serve --config FILE`. Each line is `name = value`; empty lines and lines that begin with `#` are\n"
	      "skipped. A setting that is not named keeps its default. `--set name=value` on the command line wins over the file.\n"
	      "All wrong lines are named at once by `siban check --config FILE`, and nothing starts until none is left.\n\n"
	      "Where the column *reload* says yes, a changed value is taken over by a reload; the others need a restart.\n"
	      "This page is written by `siban check --reference`; a commented file with all defaults by `siban check --sample`.\n",
	      to);
	by_group(to, reference_group, reference_row);
}

void config_print(const struct config *c, FILE *to)
{
	char value[CONFIG_VALUE_BYTES];
	for (size_t i = 0; i < config_row_count; i++)
		fprintf(to, "%s = %s\n", config_rows[i].name, config_value(&config_rows[i], c, value));
}
