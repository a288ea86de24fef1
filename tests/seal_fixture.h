/* tests/seal_fixture.h - facts to seal, for tests of the store: audit rows, because they refer to nothing. */
#ifndef TESTS_SEAL_FIXTURE_H
#define TESTS_SEAL_FIXTURE_H
#include "store_fixture.h"

#include "store/seal_check.h"

#define SEAL_NOW INT64_C(1795420800000)

static inline bool seal_audit_row(struct tx *tx, int64_t id, int64_t fact, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO audit (id, fact, made_ms, request_id, actor_kind, actor_id, for_kind, for_id, act, subject_kind, subject_id, result, detail)"
		" VALUES ($1, $2, $3, 'rq_T', 8, 0, 2, 7, 1, 1, $4, 201, NULL)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_int(q, 2, fact);
	stmt_bind_int(q, 3, SEAL_NOW + id);
	stmt_bind_int(q, 4, 100 + id);
	return stmt_run(q, why);
}

/* One audit row and its fact. */
static inline bool seal_one_fact(struct tx *tx, struct fail *why)
{
	int64_t fact, id;
	if (!fact_next(tx, &fact, why) || !tx_next_id(tx, "audit", &id, why) || !seal_audit_row(tx, id, fact, why))
		return false;
	int64_t columns[] = { 8, 0, 2, 7, 1, 1, 100 + id, 201 };
	struct fact_content c;
	fact_content(&c, fact_row_of(FACT_AUDIT));
	fact_int(&c, fact);
	fact_int(&c, id);
	fact_int(&c, SEAL_NOW + id);
	fact_text(&c, STR("rq_T"));
	for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
		fact_int(&c, columns[i]);
	fact_bytes(&c, STR_NONE);
	struct fact f = { FACT_AUDIT, .ref_a = id, .department = 3, .region = 621200, .made_ms = SEAL_NOW + id };
	return fact_add(tx, fact, &f, &c, why);
}

static inline bool seal_facts(struct tx *tx, void *count, struct fail *why)
{
	for (int i = 0; i < *(int *)count; i++)
		if (!seal_one_fact(tx, why))
			return false;
	return true;
}

struct seal_step {
	int64_t now_ms, rows_max, sealed;
};
static inline bool seal_step(struct tx *tx, void *ctx, struct fail *why)
{
	struct seal_step *s = ctx;
	return sealer_apply(tx, s->now_ms, s->rows_max, &s->sealed, why);
}

static inline void seal_make_facts(struct fixture *f, int count)
{
	FIXTURE_OK(f, store_write(f->store, seal_facts, &count, &f->why));
}

static inline int64_t seal_some(struct fixture *f, int64_t now_ms, int64_t rows_max)
{
	struct seal_step s = { now_ms, rows_max, 0 };
	FIXTURE_OK(f, store_write(f->store, seal_step, &s, &f->why));
	return s.sealed;
}

static inline struct seal seal_read_head(struct fixture *f)
{
	struct seal head = { 0 };
	struct tx tx = { 0 };
	struct connection *c = store_reader(f->store, 0, &f->why);
	FIXTURE_OK(f, c != NULL && reader_begin(c, &tx, &f->why) && seal_head(&tx, &head, &f->why));
	connection_close(c);
	return head;
}

/* The whole chain in pieces of `rows_max`, from `from` on (NULL: from the first). */
static inline struct seal_walk seal_walk_all(struct fixture *f, const struct seal *from, int64_t rows_max)
{
	struct seal_walk w = { .wrong = SEAL_FINE };
	struct tx tx = { 0 };
	if (from != NULL)
		w.at = *from;
	struct connection *c = store_reader(f->store, 0, &f->why);
	int64_t rows = 0;
	FIXTURE_OK(f, c != NULL && reader_begin(c, &tx, &f->why));
	do {
		FIXTURE_OK(f, seal_walk(&tx, &w, rows_max, &f->why));
		rows += w.rows;
	} while (w.wrong == SEAL_FINE && !w.is_end);
	w.rows = rows;
	connection_close(c);
	return w;
}

static inline struct seal_rows seal_rows_all(struct fixture *f, enum fact_kind kind, int64_t rows_max)
{
	struct seal_rows w = { .kind = fact_row_of(kind), .ref_a = INT64_MIN, .ref_b = INT64_MIN };
	struct tx tx = { 0 };
	struct connection *c = store_reader(f->store, 0, &f->why);
	int64_t rows = 0;
	FIXTURE_OK(f, c != NULL && reader_begin(c, &tx, &f->why));
	do {
		FIXTURE_OK(f, seal_rows(&tx, &w, rows_max, &f->why));
		rows += w.rows;
	} while (w.wrong == SEAL_FINE && !w.is_end);
	w.rows = rows;
	connection_close(c);
	return w;
}

/* The last lines of every test here: numbers are dense, every fact up to the head is sealed once, in order, and all of it verifies. */
static inline void seal_invariants(struct fixture *f, int64_t sealed)
{
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM seal"), sealed);
	assert_int_equal(fixture_number(f, "SELECT coalesce(max(seq), 0) FROM seal"), sealed);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM seal WHERE fact <> seq"), 0); /* ids are dense as well */
	struct seal_walk w = seal_walk_all(f, NULL, 7);
	if (w.wrong != SEAL_FINE)
		fail_msg("seq %lld: %s", (long long)w.wrong_seq, seal_wrong_word(w.wrong));
	assert_int_equal(w.rows, sealed);
	struct seal head = seal_read_head(f);
	assert_int_equal(w.at.seq, head.seq);
	assert_memory_equal(w.at.chain, head.chain, HASH_BYTES);
	assert_int_equal(seal_rows_all(f, FACT_AUDIT, 5).wrong, SEAL_FINE);
}
#endif
