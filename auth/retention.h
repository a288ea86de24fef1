/* auth/retention.h - retention.def at work: what is over goes after its time, and what its person wants forgotten goes at once, unless the law keeps it.
 *
 * Nothing of a person under a legal hold (table legal_hold) is deleted or erased.
 * Thread: the write lane, but for retention_is_held. */
#ifndef AUTH_RETENTION_H
#define AUTH_RETENTION_H
#include "store/store.h"

enum retention_erasure { RETENTION_RUN, RETENTION_EMPTY, RETENTION_KEPT };

struct retention_class {
	const char *name, *table;
	int days;                    /* 0: no purge of ours */
	enum retention_erasure erasure;
	const char *what[2], *basis[2]; /* by enum lang */
	const char *purge, *erase;
};
extern const struct retention_class retention_classes[];
extern const int retention_class_count;

/* One bite: what is over, of every class, `rows_max` together. */
MUST_USE bool retention_purge(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why);
/* One bite of what erasure takes of this person. *rows < rows_max: nothing is left, but for what is on its way outside (then *is_over is false). */
MUST_USE bool retention_erase(struct tx *tx, int64_t person, int64_t rows_max, int64_t *rows, bool *is_over, struct fail *why);
MUST_USE bool retention_is_held(struct tx *tx, int64_t person, bool *is_held, struct fail *why);
#endif
