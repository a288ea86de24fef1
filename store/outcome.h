/* store/outcome.h - what a client was told, kept under its Idempotency-Key in the same transaction as what was done.
 *
 * A key is (principal, route, SHA-256 of the header's value) in a day's bucket; the body's digest tells a retry from a reuse. The digest is
 * keyed by the caller, since a body holds what can be tried out; so is the text sealed, by whoever knows how: here it is bytes.
 * Thread: the write lane for put and find_for_write. */
#ifndef STORE_OUTCOME_H
#define STORE_OUTCOME_H
#include "base/hash.h"
#include "base/request.h"
#include "store/store.h"

struct outcome_key {
	int32_t who_kind;
	int64_t who_id;
	int32_t route;                     /* route_number(): stable over releases, from the route's name */
	uint8_t key[SHA256_BYTES];
	uint8_t body[SHA256_BYTES];        /* target and body */
	const uint8_t (*older)[SHA256_BYTES]; /* the same under keys of former days: a repeat may come after a change of keys */
	int older_count;
};

struct outcome_text {
	uint8_t at[168];                   /* struct outcome's text, sealed */
	size_t len;                        /* 0: there was none */
};

enum outcome_found { OUTCOME_NEW, OUTCOME_REPEATED, OUTCOME_OTHER_BODY, OUTCOME_FAILED /* why is noted */ };

/* Looks into tomorrow's (a clock may be set back), today's and yesterday's buckets, and further back while kept. REPEATED fills `out`,
 * but for its text, and `text`. */
enum outcome_found outcome_find(struct tx *tx, const struct outcome_key *k, int64_t now_ms, struct outcome *out, struct outcome_text *text, struct fail *why);
/* o->text is not looked at. */
MUST_USE bool outcome_put(struct tx *tx, const struct outcome_key *k, int64_t now_ms, const struct outcome *o, const struct outcome_text *text, struct fail *why);
/* Deletes up to `rows_max` outcomes older than `hours`, oldest first; *deleted == rows_max: there may be more. From then on
 * outcome_find looks back that far. In a write transaction. */
MUST_USE bool outcome_purge(struct tx *tx, int64_t now_ms, int64_t hours, int rows_max, int64_t *deleted, struct fail *why);
#endif
