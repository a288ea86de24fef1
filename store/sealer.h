/* store/sealer.h - gives committed facts their order, and chains their hashes.
 *
 * A business transaction writes no chain and no "latest" row: two strangers would wait for each other. It adds a fact; a job of its own
 * (gateway/beside/jobs.c), each second, seals what is committed: seq 1, 2, 3 … without a gap, and
 *
 *   chain = H("siban seal 1", chain before, seq, sealed_ms, feed's department, fact's id, kind, ref_a, ref_b, department, region, made_ms, digest)
 *
 * with numbers as 8 bytes, big end first, and 32 zero bytes before seq 1. H is the database's: meta "seal.hash", fixed by migrate. Feeds page
 * by seq. Whoever wrote a head (seq and chain) down elsewhere can show later that nothing before it was changed, added or taken away.
 *
 * On SQLite the sealer takes facts in the order of their ids, and misses none: there is one committer, a fact's id is the largest plus one in
 * its transaction, so ids are dense and no fact can come to be committed behind one that is.
 * On PostgreSQL one may: who took a smaller number may commit later. So the sealer notes a horizon, meta "seal.horizon", in a moment in which no other
 * transaction writes (tx_alone): below it every number is a fact or will never be one. Up to there it seals in the order of ids, beside everybody else; then
 * it notes the next.
 * Thread: the transaction's; sealer_apply the write lane's. */
#ifndef STORE_SEALER_H
#define STORE_SEALER_H
#include "base/hash.h"
#include "store/store.h"

struct seal {
	int64_t seq;         /* 0: nothing is sealed yet, chain is zeros */
	int64_t fact, department, sealed_ms;
	uint8_t chain[HASH_BYTES];
};

/* Facts in one transaction, which may hold the write lane for 5 ms: each brings two to six rows with it, its place in the feeds among them (measured 2026-11: 500 facts some
 * 1,200 rows, 3 to 7 ms of a debug build). About as many as a full batch of the committer brings in, so that sealing, one bite a batch, keeps up with whatever load. */
enum { SEAL_ROWS_MAX = 400 };

/* Seals the oldest unsealed facts, `rows_max` at most; *sealed == rows_max: there may be more. Runs again to the same rows. */
MUST_USE bool sealer_apply(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *sealed, struct fail *why);

MUST_USE bool seal_head(struct tx *tx, struct seal *out, struct fail *why); /* the last */
/* The number of the last that was given before `ms`; 0: none was. */
MUST_USE bool seal_before(struct tx *tx, int64_t ms, int64_t *seq, struct fail *why);
/* What is behind the head. *oldest_ms is when the first of them was made; 0 when there is none. */
MUST_USE bool seal_waiting(struct tx *tx, const struct seal *head, int64_t *count, int64_t *oldest_ms, struct fail *why);
enum hash_kind seal_hash(struct tx *tx);

/* A fact as its seal sees it. */
struct sealed_fact {
	int64_t id, kind, ref_a, ref_b, department, region, made_ms;
	struct str digest;
};
/* The chain of `s`, from the one before it; s->chain is what it writes. */
void seal_chain(enum hash_kind hash, const uint8_t before[HASH_BYTES], struct seal *s, const struct sealed_fact *f);

/* At the opening: the hash this database is sealed with. migrate (`may_write`) notes the configuration's in a database that has none.
 * Fails: CONFIG another word than the configuration's, or libcrypto has none; SCHEMA never migrated. */
MUST_USE bool seal_hash_match(struct tx *tx, int configured, bool may_write, struct fail *why);
MUST_USE bool seal_hash_read(struct tx *tx, enum hash_kind *out, struct fail *why); /* whatever it is; fails likewise */
#endif
