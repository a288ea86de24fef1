/* auth/audit.c - why this exists: who may do much must be able to show that he did no more. */
#include "auth/audit.h"
#include "store/fact.h"

static bool insert(struct tx *tx, const struct request *r, const struct audit *a, int64_t id, int64_t fact, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO audit (id, fact, made_ms, request_id, actor_kind, actor_id, for_kind, for_id, act, subject_kind, subject_id, result, detail)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_int(q, 2, fact);
	stmt_bind_int(q, 3, r->now_ms);
	stmt_bind_text(q, 4, str_c(r->id));
	stmt_bind_int(q, 5, r->who.kind);
	stmt_bind_int(q, 6, r->who.id);
	stmt_bind_int(q, 7, a->for_kind);
	stmt_bind_int(q, 8, a->for_id);
	stmt_bind_int(q, 9, a->act);
	stmt_bind_int(q, 10, a->subject);
	stmt_bind_int(q, 11, a->subject_id);
	stmt_bind_int(q, 12, a->result);
	stmt_bind_blob(q, 13, a->detail.at, a->detail.len);
	return stmt_run(q, why);
}

/* In the order of store/facts.def. */
static void content_of(struct fact_content *c, const struct request *r, const struct audit *a, int64_t id, int64_t fact)
{
	fact_content(c, fact_row_of(FACT_AUDIT));
	fact_int(c, fact);
	fact_int(c, id);
	fact_int(c, r->now_ms);
	fact_text(c, str_c(r->id));
	fact_int(c, r->who.kind);
	fact_int(c, r->who.id);
	fact_int(c, a->for_kind);
	fact_int(c, a->for_id);
	fact_int(c, a->act);
	fact_int(c, a->subject);
	fact_int(c, a->subject_id);
	fact_int(c, a->result);
	fact_bytes(c, a->detail);
}

bool audit_add(struct tx *tx, const struct request *r, const struct audit *given, struct fail *why)
{
	int64_t id, fact;
	struct fact_content c;
	struct audit filled = *given, *a = &filled;
	if (a->for_kind == 0 && r->who.acting_for != 0) {
		a->for_kind = WHO_CITIZEN;
		a->for_id = r->who.acting_for;
	}
	if (!fact_next(tx, &fact, why) || !tx_next_id(tx, "audit", &id, why) || !insert(tx, r, a, id, fact, why))
		return false;
	content_of(&c, r, a, id, fact);
	struct fact f = { FACT_AUDIT, .ref_a = id, .department = a->department, .region = a->region, .made_ms = r->now_ms };
	return fact_add(tx, fact, &f, &c, why);
}
