/* auth/audit_read.c - why this exists: a record nobody reads deters nobody. */
#include "auth/audit_read.h"
#include "auth/tenancy.h"
#include "auth/vault.h"
#include "store/sealer.h"

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool audit_detail(struct arena *a, int64_t id, struct str detail, struct str *out, struct fail *why)
{
	*out = STR_NONE;
	if (detail.len == 0)
		return true;
	if (is_letter(detail.at[0])) {
		*out = str_copy(a, detail);
		return out->at != NULL || FAILS(why, MEMORY, "a detail of %zu bytes", detail.len);
	}
	struct buf b;
	buf_init(&b, a, detail.len + 1);
	bool ok = vault_open("audit.detail", id, detail, &b, why);
	*out = buf_text(&b);
	return ok;
}

/* Columns of the statement in audit_read. */
enum { C_SEQ, C_SEALED, C_CHAIN, C_REGION, C_ID, C_MADE, C_REQUEST, C_ACTOR_KIND, C_ACTOR, C_FOR_KIND, C_FOR, C_ACT, C_SUBJECT_KIND, C_SUBJECT, C_RESULT, C_DETAIL };

static bool is_seen(int64_t root, int64_t region)
{
	return root == 0 || (region == 0 ? root % 100 == 0 && root < 1000000 : region_is_within(root, region));
}

static bool is_his(struct stmt *q, const struct audit_filter *f, int kind, int id)
{
	return stmt_int(q, kind) == f->actor_kind && (f->actor_id == 0 || stmt_int(q, id) == f->actor_id);
}

static bool fits(struct stmt *q, const struct audit_filter *f)
{
	if (stmt_is_null(q, C_ID) || !is_seen(f->region, stmt_int(q, C_REGION)))
		return false;
	if (f->act != 0 && stmt_int(q, C_ACT) != f->act)
		return false;
	if (f->actor_kind != 0 && !is_his(q, f, C_ACTOR_KIND, C_ACTOR) && !is_his(q, f, C_FOR_KIND, C_FOR))
		return false;
	return f->subject_kind < 0 || (stmt_int(q, C_SUBJECT_KIND) == f->subject_kind && (f->subject_id == 0 || stmt_int(q, C_SUBJECT) == f->subject_id));
}

static bool row_of(struct arena *a, struct stmt *q, struct audit_row *to, struct fail *why)
{
	*to = (struct audit_row){
		.seq = stmt_int(q, C_SEQ), .sealed_ms = stmt_int(q, C_SEALED), .id = stmt_int(q, C_ID), .made_ms = stmt_int(q, C_MADE), .act = stmt_int(q, C_ACT),
		.subject_kind = stmt_int(q, C_SUBJECT_KIND), .subject_id = stmt_int(q, C_SUBJECT), .actor_kind = stmt_int(q, C_ACTOR_KIND), .actor_id = stmt_int(q, C_ACTOR),
		.for_kind = stmt_int(q, C_FOR_KIND), .for_id = stmt_int(q, C_FOR), .result = stmt_int(q, C_RESULT), .request_id = str_copy(a, stmt_text(q, C_REQUEST)),
	};
	struct str chain = stmt_blob(q, C_CHAIN);
	if (chain.len != sizeof(to->chain))
		return FAILS(why, INTERNAL, "the chain of seal %lld has %zu bytes", (long long)to->seq, chain.len);
	memcpy(to->chain, chain.at, sizeof(to->chain));
	if (to->request_id.at == NULL)
		return FAILS(why, MEMORY, "a row of the audit");
	return audit_detail(a, to->id, stmt_blob(q, C_DETAIL), &to->detail, why);
}

bool audit_read(struct tx *tx, struct arena *a, const struct audit_filter *f, int64_t *at, struct audit_row *rows, int most, int *count, bool *more, struct fail *why)
{
	int64_t first = 0;
	int looked_at = 0;
	if (f->from_ms != 0 && !seal_before(tx, f->from_ms, &first, why))
		return false;
	*at = *at > first ? *at : first;
	*count = 0;
	*more = false;
	/* kind 2 is FACT_AUDIT */
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT s.seq, s.sealed_ms, s.chain, f.region, a.id, a.made_ms, a.request_id, a.actor_kind, a.actor_id, a.for_kind, a.for_id, a.act, a.subject_kind,"
		" a.subject_id, a.result, a.detail FROM seal s JOIN fact f ON f.id = s.fact LEFT JOIN audit a ON f.kind = 2 AND a.id = f.ref_a"
		" WHERE s.seq > $1 ORDER BY s.seq LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, *at);
	stmt_bind_int(q, 2, AUDIT_SCAN_MAX + 1);
	while (stmt_row(q, why)) {
		if (f->to_ms != 0 && stmt_int(q, C_SEALED) >= f->to_ms)
			return true;
		*more = looked_at++ == AUDIT_SCAN_MAX || *count == most;
		if (*more)
			return true;
		if (fits(q, f) && !row_of(a, q, &rows[(*count)++], why))
			return false;
		*at = stmt_int(q, C_SEQ);
	}
	return why->code == FAIL_NONE;
}
