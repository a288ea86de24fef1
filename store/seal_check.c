/* store/seal_check.c - why this exists: a chain that nobody checks proves nothing. */
#include "store/seal_check.h"

static const struct { const char *word, *prose; } wrongs[SEAL_WRONG_COUNT] = {
	[SEAL_FINE] = { "", "" },
#define X(name, word, prose) [SEAL_WRONG_##name] = { word, prose },
	SEAL_WRONGS(X)
#undef X
};

const char *seal_wrong_word(enum seal_wrong w)
{
	return wrongs[w].word;
}

const char *seal_wrong_prose(enum seal_wrong w)
{
	return wrongs[w].prose;
}

/* -- along the chain */

static bool wrong_at(struct seal_walk *w, enum seal_wrong what, int64_t seq)
{
	w->wrong = what;
	w->wrong_seq = seq;
	return true; /* that it is wrong is what we wanted to know */
}

static bool same_bytes(struct str stored, const uint8_t ours[HASH_BYTES])
{
	return str_eq(stored, (struct str){ (const char *)ours, HASH_BYTES });
}

/* Where a walk begins must be what it was when somebody noted it. */
static bool begin(struct tx *tx, struct seal_walk *w, struct fail *why)
{
	if (w->at.seq == 0)
		return true;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT fact, chain FROM seal WHERE seq = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, w->at.seq);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && wrong_at(w, SEAL_WRONG_NO_SUCH_HEAD, w->at.seq);
	w->at.fact = stmt_int(q, 0);
	return same_bytes(stmt_blob(q, 1), w->at.chain) || wrong_at(w, SEAL_WRONG_OTHER_HEAD, w->at.seq);
}

/* Between two facts that were sealed one after the other there is none (sealer.h says why). */
static bool is_between(struct tx *tx, int64_t after, int64_t before, bool *found, struct fail *why)
{
	*found = false;
	if (before <= after + 1)
		return true;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM fact WHERE id > $1 AND id < $2 ORDER BY id LIMIT 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, after);
	stmt_bind_int(q, 2, before);
	*found = stmt_row(q, why);
	return why->code == FAIL_NONE;
}

/* Is the row behind the fact what it was? */
static bool judge_row(struct tx *tx, struct seal_walk *w, const struct sealed_fact *f, int64_t seq, struct fail *why)
{
	uint8_t now[HASH_BYTES];
	bool found;
	const struct fact_row *row = fact_row_of(f->kind);
	if (row == NULL) /* the chain vouches for the kind, so a newer siban has sealed this database */
		return FAILS(why, SCHEMA, "seq %lld is of kind %lld, which this siban does not know", (long long)seq, (long long)f->kind);
	if (!fact_digest_now(tx, row, f->ref_a, f->ref_b, &found, now, why))
		return false;
	if (found && same_bytes(f->digest, now))
		return true;
	w->kind = f->kind;
	w->ref_a = f->ref_a;
	w->ref_b = f->ref_b;
	return wrong_at(w, found ? SEAL_WRONG_ROW_CHANGED : SEAL_WRONG_ROW_GONE, seq);
}

enum { SEAL_SEQ, SEAL_FACT, SEAL_DEPARTMENT, SEALED_MS, SEAL_CHAIN, FACT_ID, FACT_KIND, FACT_REF_A, FACT_REF_B, FACT_DEPARTMENT, FACT_REGION, FACT_MADE, FACT_DIGEST };

static bool judge(struct tx *tx, struct seal_walk *w, struct stmt *q, struct fail *why)
{
	bool found;
	struct seal s = { .seq = stmt_int(q, SEAL_SEQ), .fact = stmt_int(q, SEAL_FACT), .department = stmt_int(q, SEAL_DEPARTMENT),
			  .sealed_ms = stmt_int(q, SEALED_MS) };
	struct sealed_fact f = { stmt_int(q, FACT_ID), stmt_int(q, FACT_KIND), stmt_int(q, FACT_REF_A), stmt_int(q, FACT_REF_B),
				 stmt_int(q, FACT_DEPARTMENT), stmt_int(q, FACT_REGION), stmt_int(q, FACT_MADE), stmt_blob(q, FACT_DIGEST) };
	if (s.seq != w->at.seq + 1)
		return wrong_at(w, SEAL_WRONG_SEAL_GONE, w->at.seq + 1);
	if (stmt_is_null(q, FACT_ID))
		return wrong_at(w, SEAL_WRONG_FACT_GONE, s.seq);
	seal_chain(seal_hash(tx), w->at.chain, &s, &f);
	if (!same_bytes(stmt_blob(q, SEAL_CHAIN), s.chain))
		return wrong_at(w, SEAL_WRONG_CHAIN, s.seq);
	if (!is_between(tx, w->at.fact, f.id, &found, why))
		return false;
	if (found)
		return wrong_at(w, SEAL_WRONG_FACT_UNSEALED, s.seq);
	if (!judge_row(tx, w, &f, s.seq, why))
		return false;
	if (w->wrong == SEAL_FINE)
		w->at = s;
	return true;
}

bool seal_walk(struct tx *tx, struct seal_walk *w, int64_t rows_max, struct fail *why)
{
	w->wrong = SEAL_FINE;
	w->wrong_seq = w->kind = w->ref_a = w->ref_b = w->rows = 0;
	w->is_end = false;
	if (!begin(tx, w, why) || w->wrong != SEAL_FINE)
		return why->code == FAIL_NONE;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT s.seq, s.fact, s.department, s.sealed_ms, s.chain, f.id, f.kind, f.ref_a, f.ref_b, f.department, f.region, f.made_ms, f.digest"
		" FROM seal s LEFT JOIN fact f ON f.id = s.fact WHERE s.seq > $1 ORDER BY s.seq LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, w->at.seq);
	stmt_bind_int(q, 2, rows_max);
	for (; w->wrong == SEAL_FINE && stmt_row(q, why); w->rows++)
		if (!judge(tx, w, q, why))
			return false;
	w->is_end = w->wrong == SEAL_FINE && w->rows < rows_max;
	return why->code == FAIL_NONE;
}

/* -- over the rows */

static bool stands_for(struct tx *tx, const struct seal_rows *w, int64_t fact, bool *is_so, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT kind, ref_a, ref_b FROM fact WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, fact);
	*is_so = stmt_row(q, why) && stmt_int(q, 0) == w->kind->kind && stmt_int(q, 1) == w->ref_a && stmt_int(q, 2) == w->ref_b;
	return why->code == FAIL_NONE;
}

bool seal_rows(struct tx *tx, struct seal_rows *w, int64_t rows_max, struct fail *why)
{
	bool is_so = true;
	w->wrong = SEAL_FINE;
	w->rows = 0;
	DROP(stmt) struct stmt *q = tx_query(tx, w->kind->after, why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, w->ref_a);
	stmt_bind_int(q, 2, w->ref_b);
	stmt_bind_int(q, 3, rows_max);
	for (; is_so && stmt_row(q, why); w->rows++) {
		w->ref_a = stmt_int(q, 0);
		w->ref_b = stmt_int(q, 1);
		if (!stands_for(tx, w, stmt_int(q, 2), &is_so, why))
			return false;
	}
	if (!is_so)
		w->wrong = SEAL_WRONG_ROW_UNKNOWN;
	w->is_end = is_so && w->rows < rows_max;
	return why->code == FAIL_NONE;
}
