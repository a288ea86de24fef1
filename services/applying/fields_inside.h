/* services/applying/fields_inside.h - the rows of field_kinds.def, for fields.c. Thread: any. */
#ifndef SERVICES_FIELDS_INSIDE_H
#define SERVICES_FIELDS_INSIDE_H
#include "services/applying/fields.h"

enum answer { ANSWER_TEXT, ANSWER_NUMBER, ANSWER_YES_NO };
enum bounds { BOUNDS_NOTHING, BOUNDS_LENGTH, BOUNDS_VALUE };

typedef bool (*answer_check)(const struct field *f, const json_t *answer);

struct field_kind {
	struct str text;
	enum answer answer;
	enum bounds bounds;
	int64_t most;
	answer_check check;
	const char *wrong; /* the reason when check says no */
};

struct field_pattern {
	struct str text;
	bool (*check)(struct str s);
};

enum {
#define KIND(name, ...) FIELD_KIND_##name,
#define PATTERN(...)
#include "services/applying/field_kinds.def"
#undef KIND
#undef PATTERN
};

const struct field_kind *field_kind_named(struct str text);       /* NULL: there is none */
const struct field_pattern *field_pattern_named(struct str text);
bool field_is_kind(const struct field *f, int kind);
static inline struct str field_text(const json_t *answer) { return (struct str){ json_string_value(answer), json_string_length(answer) }; }
#endif
