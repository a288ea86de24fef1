/* services/control/import.h - the catalogue as files: tables as CSV, guides as lines of JSON; what may stand in them, and how a line becomes a row.
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
	bool is_last;       /* the file ends with this chunk; what is seen only as a whole is seen now */
	int64_t now_ms;
	void **judged;      /* of lines of JSON: what import_check left for import_apply, in its arena */
	int64_t *judged_at; /* their line numbers */
	int64_t judged_count;
	void *lines;        /* what the kind remembers of the lines before (import_kind.among); NULL: nothing */
	int64_t rows, changed;
};

const struct import_kind *import_kind_from(struct str name); /* NULL: no such file */
int import_kind_number(const struct import_kind *kind); /* from 1, for the audit */
int64_t import_first_line(const struct import_kind *kind); /* 2 behind a table's header, 1 in lines of JSON */
/* Form only. Fails: IMPORT with facts line, column (a name, a number where the table itself is broken, or a JSON pointer), reason. */
MUST_USE bool import_check(struct import *i, struct arena *a, struct fail *why);
/* Checks what the lines refer to, and writes what differs, by natural key. Fails as above. */
/* After import_check of the same, with the arena still there. */
MUST_USE bool import_apply(struct tx *tx, struct import *i, struct arena *a, struct fail *why);
#endif
