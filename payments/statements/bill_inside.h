/* payments/statements/bill_inside.h - what the parts of the reader share: a line of text becomes cells, cells become a struct bill_line. Nobody outside payments/statements/ includes it.
 * Thread: as bill.h says. */
#ifndef PAYMENTS_STATEMENTS_BILL_INSIDE_H
#define PAYMENTS_STATEMENTS_BILL_INSIDE_H
#include "base/json.h"
#include "payments/statements/bill.h"

enum bill_kind { BILL_KIND_TEXT, BILL_KIND_YUAN, BILL_KIND_SIGNED, BILL_KIND_FEE, BILL_KIND_TIME, BILL_KIND_WORD, BILL_KIND_MONEY, BILL_KIND_FEN12, BILL_KIND_COUNT };
enum bill_layout { BILL_TICKED, BILL_PIPES, BILL_TABLE, BILL_RECORDS };
enum bill_letters { BILL_UTF8, BILL_EITHER };
enum bill_need { BILL_MAYBE, BILL_NEEDED };

struct bill_format {
	enum bill_source source;
	struct str text, zh;
	enum bill_layout layout;
	enum bill_letters letters;
	int32_t early, late;
	bool proves;
};

struct bill_column {
	enum bill_source source;
	struct str header;
	enum bill_kind kind;
	size_t at; /* in struct bill_line, of a sum in struct bill_totals */
	enum bill_need need;
};
extern const struct bill_column bill_columns[], bill_sums[];
extern const int bill_column_count, bill_sum_count;

struct bill_cells {
	struct str at[BILL_COLUMNS_MAX];
	int count;
};

/* What stands under each column of the file; NULL: nothing we want. */
struct bill_map {
	const struct bill_column *at[BILL_COLUMNS_MAX];
	int count;
	struct str names; /* as struct bill_want has it */
};

/* Of the header's cells. `names`: as struct bill_want has it. Fails: IMPORT, reason no_column, column_twice, many_columns. */
MUST_USE bool bill_map_make(const struct bill_format *f, const struct bill_column *rows, int count, struct str names, const struct bill_cells *header, int64_t line,
			    struct bill_map *out, struct fail *why);

/* The cells of a line, which they point into; quotes are undone in place. Fails: IMPORT. */
MUST_USE bool bill_split(enum bill_layout layout, char *text, size_t len, int64_t line, struct bill_cells *out, struct fail *why);
/* Each cell by its column into *l, which was cleared. */
MUST_USE bool bill_cells_take(const struct bill_map *map, const struct bill_cells *cells, int32_t day, struct bill_line *l, struct fail *why);
/* A cell alone, into what begins at `base`. */
MUST_USE bool bill_cell_take(const struct bill_column *c, struct str cell, int32_t day, int64_t line, void *base, struct fail *why);
/* An object of JSON: its members by the columns' names. *object is the caller's to drop, and holds what l's texts point to. */
MUST_USE bool bill_record_take(const struct bill_format *f, struct str text, int32_t day, struct bill_line *l, json_t **object, struct fail *why);

/* column NULL: the whole line, or the whole file at line 0. */
bool bill_refuse(int64_t line, const char *column, const char *reason, struct fail *why);
#endif
