/* services/import.h - tables of the catalogue as CSV: which columns, what may stand in them, and how a line becomes a row.
 * Thread: import_check any; import_apply the write lane. */
#ifndef SERVICES_IMPORT_H
#define SERVICES_IMPORT_H
#include "base/arena.h"
#include "base/fail.h"
#include "base/str.h"

struct tx;
struct import_kind;

struct import {
	const struct import_kind *kind;
	struct str text;    /* a header line, then rows */
	int64_t line;       /* the file's line number of the first row: errors speak of the file, not of the chunk */
	bool is_dry;        /* judge, write nothing */
	int64_t rows, changed;
};

const struct import_kind *import_kind_from(struct str name); /* regions, departments, matters, calendar; NULL: none of them */
int import_kind_number(const struct import_kind *kind); /* 1, 2, 3, 4 in that order */
/* Form only. Fails: IMPORT with facts line, column (a name, or a number where the table itself is broken), reason. */
MUST_USE bool import_check(struct import *i, struct arena *a, struct fail *why);
/* Checks what the lines refer to, and writes what differs, by natural key. Fails as above. */
MUST_USE bool import_apply(struct tx *tx, struct import *i, struct arena *a, struct fail *why);
#endif
