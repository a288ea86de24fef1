/* auth/rotation.h - a change of keys while everything goes on: old values are sealed anew and indexes filled anew, a bite at a time.
 *
 * `siban keys rotate` asks for one bite after the other (services/control/control_keys.c). Each is one small write transaction that leaves a marker in
 * meta, so that whoever asks next goes on there, after a kill or a full disk too. What is written meanwhile is under the new keys already.
 *   1. each RESEALED column of sealed_columns.def, row by row
 *   2. when an index key is next: its column is filled from the sealed facts; one transaction changes the roles of the two; the old is emptied
 * Thread: a step and a retirement in the write lane, a count in any read. */
#ifndef AUTH_ROTATION_H
#define AUTH_ROTATION_H
#include "base/arena.h"
#include "store/store.h"

enum { ROTATION_NAME_BYTES = 32, ROTATION_KEYS_MAX = 24 };

/* A place in a table's order: by id, or by the five columns of an outcome's key. */
struct row_key {
	int64_t n[4];
	uint8_t hash[32];
};

struct rotation_step {
	char what[ROTATION_NAME_BYTES]; /* a column's place, "index.fill", "index.empty"; "" when all is over */
	int64_t looked_at, changed;     /* rows of this bite */
	int64_t at, last;               /* how far, of how much; last 0: cannot be said */
	bool is_over;
};

/* One bite. `salt`: 16 bytes of the request's randomness. Fails: SEALED a value that does not open: its row is named, and it must be dealt with first. */
MUST_USE bool rotation_step(struct tx *tx, const uint8_t salt[16], struct rotation_step *out, struct fail *why);

/* How many values lie under which key. */
struct rotation_count {
	int column;              /* of sealed_columns.def, counted from 0 */
	struct row_key after;    /* where to go on */
	bool is_over;            /* of this column */
	int count;
	struct { int id; int64_t values; } keys[ROTATION_KEYS_MAX];
};
extern const int rotation_columns;
const char *rotation_column_name(int column);
struct rotation_count rotation_count_begin(int column);
/* Goes on behind c->after for up to `rows` rows, adding to c. */
MUST_USE bool rotation_count(struct tx *tx, struct rotation_count *c, int rows, struct fail *why);
/* Values under this key in all columns. */
MUST_USE bool rotation_values_under(struct tx *tx, int id, int64_t *values, struct fail *why);
#endif
