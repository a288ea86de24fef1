/* base/config.h - every knob is a row of config.def; sample file, reference page and checks come from the rows.
 *
 * The file is INI: "name = value" lines, names as in the rows ("listen.port"), # comments. A start names every wrong line at
 * once. Values are copied; a reload makes a new struct config and the rows say which fields may differ.
 * Thread: load before threads start; afterwards read only. */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H
#include "base/str.h"
#include <stdio.h>

struct config {
#define CONFIG_INT(field, name, min, max, fallback, unit, reload, prose) int64_t field;
#define CONFIG_BOOL(field, name, fallback, reload, prose) bool field;
#define CONFIG_TEXT(field, name, bytes_max, fallback, reload, prose) char field[(bytes_max) + 1];
#define CONFIG_WORD(field, name, words, fallback, reload, prose) int field; /* index into words "a|b|c" */
#include "base/config.def"
#undef CONFIG_INT
#undef CONFIG_BOOL
#undef CONFIG_TEXT
#undef CONFIG_WORD
};

/* One thing wrong with a configuration. */
struct config_wrong {
	int line;          /* 0: not from a line */
	char name[64];
	char why[160];
};

enum { CONFIG_WRONGS_MAX = 64 };

struct config_wrongs {
	int count; /* may exceed the array; only the first are kept */
	struct config_wrong at[CONFIG_WRONGS_MAX];
};

void config_defaults(struct config *c);
/* Reads `path` over what `c` holds. false: `wrongs` names every wrong line; it is added to, so zero it before the first call.
 * path NULL: only defaults, always true. */
bool config_read(struct config *c, const char *path, struct config_wrongs *wrongs);
/* One "name=value" from the command line, noted as line 0. */
bool config_override(struct config *c, const char *name_is_value, struct config_wrongs *wrongs);
/* One more, found by somebody else: line 0. */
void config_wrong_add(struct config_wrongs *wrongs, const char *name, const char *why);
/* What no single row can see (certificate without key, production with development tokens, …). */
bool config_consistent(const struct config *c, struct config_wrongs *wrongs);
/* Copies reloadable fields of `next` into `now`; writes the names of changed and of refused (not reloadable) fields, comma separated. */
void config_reload(struct config *now, const struct config *next, char *changed, size_t changed_max, char *refused, size_t refused_max);
void config_sample(FILE *to);    /* a commented file with all defaults */
void config_reference(FILE *to); /* a Markdown page */
void config_print(const struct config *c, FILE *to); /* what is in force; secrets are paths, so nothing is hidden */
#endif
