/* auth/audit_read.h - the record of acts, read in the order in which it was sealed: by those who supervise, and by whom it is about.
 *
 * A place is the number of a seal, and nothing ever appears before it: no row is skipped, none comes twice. Times are those of sealing, within about a
 * second of the deed: they only grow along the chain, and the chain vouches for them.
 * Every row comes with its seal's chain: SEQ:CHAIN is a head that `siban seal verify --from` knows.
 * Thread: whoever holds the transaction. */
#ifndef AUTH_AUDIT_READ_H
#define AUTH_AUDIT_READ_H
#include "auth/audit.h"
#include "base/hash.h"
#include "store/store.h"

/* What is read at most for one answer: a filter that fits little must not hold a reader up (measured 2026-11: 1 ms). */
enum { AUDIT_SCAN_MAX = 2000 };

struct audit_filter {
	int64_t act;                       /* of audit.def; 0 any */
	int64_t actor_kind, actor_id;      /* enum who; kind 0 any, id 0 any of its kind; whoever acted for him counts */
	int64_t subject_kind, subject_id;  /* -1 any; id 0 any of its kind */
	int64_t from_ms, to_ms;            /* sealed at or after, and before; 0 no end */
	int64_t region;                    /* of whoever reads: 0 everything; else what lies in it, and from a prefecture also what lies nowhere */
};

struct audit_row {
	int64_t seq, sealed_ms, id, made_ms, act, subject_kind, subject_id, actor_kind, actor_id, for_kind, for_id, result;
	struct str request_id, detail;     /* in the arena; detail opened, at NULL: none */
	uint8_t chain[HASH_BYTES];
};

/* Rows behind seal *at, at most `most`; *at moves to the last that was looked at. *more: ask again. */
MUST_USE bool audit_read(struct tx *tx, struct arena *a, const struct audit_filter *f, int64_t *at, struct audit_row *rows, int most, int *count, bool *more,
			 struct fail *why);
/* What a row's detail says, into the arena. Fails: SEALED. */
MUST_USE bool audit_detail(struct arena *a, int64_t id, struct str detail, struct str *out, struct fail *why);
#endif
