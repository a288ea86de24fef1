/* base/form.h - a body of application/x-www-form-urlencoded, as OAuth speaks it: names with values, each once, and nobody minds a name he does not know.
 *
 * Thread: any; pure.
 * Source: WHATWG URL 5.1; RFC 6749 3.2: a parameter without a value is as if it were not there, one given twice is refused, an unknown one is ignored. */
#ifndef BASE_FORM_H
#define BASE_FORM_H
#include "base/arena.h"
#include "base/fail.h"
#include "base/str.h"

enum { FORM_PAIRS_MAX = 64 };

struct form_field {
	const char *name;
	bool required;
	size_t max;      /* code points */
	size_t offset;   /* of a struct str in `out` */
};

/* Fills `out` (zeroed by the caller; what is absent stays {NULL, 0}); values are decoded into `a`. Fails: BAD_REQUEST not a form, too many pairs; FIELD too
 * long or given twice; FIELD_MISSING; MEMORY. Pointers are "/name". */
MUST_USE bool form_take(struct str body, const struct form_field *fields, size_t count, void *out, struct arena *a, struct fail *why);
#endif
