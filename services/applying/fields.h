/* services/applying/fields.h - the form of a matter (申请表): which fields its guide lists, and whether answers fit them.
 *
 * A form is the member "form" of a guide: objects with key, label, type (field_kinds.def) and required; min and max, pattern, choices where the type has them;
 * depends_on {field, is}: it is asked for only when an earlier choice or yes_no was answered so. Answers are one object, by key. A field that is not asked for
 * must not be answered: what nobody asked is not taken.
 * A draft may be half done: FIELDS_DRAFT refuses only what could not be kept (unknown names, wrong JSON, too long) and lists the rest; FIELDS_WHOLE is for handing in.
 * What is judged is form alone: whether a number is somebody's, or a division exists, the database or an authority knows.
 * Thread: any; pure. */
#ifndef SERVICES_FIELDS_H
#define SERVICES_FIELDS_H
#include "base/arena.h"
#include "base/json.h"
#include "base/request.h"

enum { FIELDS_MAX = 60, FIELD_CHOICES_MAX = 40, FIELD_KEY_MAX = 32, FIELD_WRONG_MAX = 32, ANSWERS_BYTES_MAX = 16 * 1024 };

struct field_kind;
struct field_pattern;

struct field {
	struct str key, label, type_text, pattern_text, help;
	int64_t min, max;                    /* both 0: no bounds of its own */
	bool required;
	/* made of these */
	const struct field_kind *kind;
	const struct field_pattern *pattern; /* NULL: none */
	const json_t *choices;               /* of {value, label}; lives as long as what fields_take was given */
	int depends_on;                      /* an earlier field, -1: always asked for */
	struct str depends_is;
};

struct fields {
	int count;
	struct field of[FIELDS_MAX];
};

/* `items` is a guide's "form". Fails as json_take does, with pointers below "/form". */
MUST_USE bool fields_take(const json_t *items, struct fields *out, struct arena *a, struct fail *why);

enum fields_how { FIELDS_DRAFT, FIELDS_WHOLE };

/* Writes what is wrong into `wrong` (room for FIELD_WRONG_MAX, the first ones), pointers below "/answers" in the arena. For FIELDS_DRAFT also what would be wrong when
 * handed in. false: FORM with r->wrong set, answers that cannot be taken; MEMORY. */
MUST_USE bool fields_judge(const struct fields *f, const json_t *answers, enum fields_how how, struct request *r, struct wrong_field *wrong, int *count, struct fail *why);

/* Is this field asked for, by these answers? */
bool field_is_asked(const struct fields *f, int field, const json_t *answers);
/* Answers to the fields that these two forms have in common, with the same type: a draft goes over to a newer form. NULL: MEMORY. Caller drops. */
json_t *fields_carry(const struct fields *to, const json_t *answers);
#endif
