/* services/control/csv.h - RFC 4180, strictly: what is not plainly a table is refused with its line.
 *
 * LF or CRLF, a byte order mark at the very start, quotes around any field, "" inside them, line breaks inside them. Refused: a
 * quote inside a bare field, text after a closing quote, a lone CR, NUL, invalid UTF-8, too many fields.
 * Thread: any. Owns: fields point into the input, or into the arena where "" had to be undone. */
#ifndef SERVICES_CSV_H
#define SERVICES_CSV_H
#include "base/arena.h"
#include "base/fail.h"
#include "base/str.h"

struct csv {
	struct str in;
	size_t at;
	int64_t next_line;
	int64_t line;       /* of the row last read: where it began */
	struct arena *arena;
};

enum csv_got { CSV_ROW, CSV_END, CSV_WRONG };

void csv_open(struct csv *c, struct str text, int64_t first_line, struct arena *a);
/* CSV_WRONG: why is IMPORT with facts line, column (a number from 1) and reason, or MEMORY. */
enum csv_got csv_row(struct csv *c, struct str *fields, int max, int *count, struct fail *why);
#endif
