/* store/fact.h - what happened and must be provable: one row beside the row it stands for, in the same transaction.
 *
 * The writer gives the content of the row it writes, column by column as facts.def lists them; verification reads the same columns back.
 * The row keeps its fact's id (column fact), so both ways are point reads. A fact is not in any order yet: the sealer gives it one.
 * Thread: the write lane for fact_next and fact_add; any for the rest. */
#ifndef STORE_FACT_H
#define STORE_FACT_H
#include "base/hash.h"
#include "store/store.h"

enum fact_kind {
#define FACT(name, number, text, feed, columns, row, after) FACT_##name = number,
#include "store/facts.def"
#undef FACT
};

enum fact_feed { FACT_FEED_NOBODY, FACT_FEED_DEPARTMENT, FACT_FEED_SUPERVISED };

struct fact_row {
	enum fact_kind kind;
	const char *name;    /* "case_event" */
	enum fact_feed feed;
	const char *columns;
	const char *row, *after;
};
extern const struct fact_row fact_rows[];
extern const int fact_row_count;
const struct fact_row *fact_row_of(int64_t kind); /* NULL: a number we do not know */
const struct fact_row *fact_row_named(struct str name);

/* The canonical content of a row: each value with its type and its length before it, so that no two rows read the same. */
enum { FACT_COLUMNS_MAX = 16, FACT_HEAD_BYTES = 9 };
struct fact_content {
	const struct fact_row *row;
	int columns;
	size_t parts_count;
	struct str parts[1 + 2 * FACT_COLUMNS_MAX];
	char heads[1 + FACT_COLUMNS_MAX][FACT_HEAD_BYTES];
};
void fact_content(struct fact_content *c, const struct fact_row *row);
/* The next column; asserts that facts.def says the same. Bytes are not copied: they must live until the digest is made. */
void fact_int(struct fact_content *c, int64_t v);
void fact_no_int(struct fact_content *c);                /* a NULL where an integer may stand */
void fact_text(struct fact_content *c, struct str s);  /* at NULL: NULL */
void fact_bytes(struct fact_content *c, struct str s); /* likewise */

struct fact {
	enum fact_kind kind;
	int64_t ref_a, ref_b;
	int64_t department, region; /* 0: none */
	int64_t made_ms;
};
/* The id that fact_add must be given next in this transaction: the row is written with it. */
MUST_USE bool fact_next(struct tx *tx, int64_t *id, struct fail *why);
MUST_USE bool fact_add(struct tx *tx, int64_t id, const struct fact *f, const struct fact_content *c, struct fail *why);

/* The digest of the row as it stands now. *found false: there is none. */
MUST_USE bool fact_digest_now(struct tx *tx, const struct fact_row *row, int64_t ref_a, int64_t ref_b, bool *found, uint8_t digest[HASH_BYTES],
			      struct fail *why);
#endif
