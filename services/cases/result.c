/* services/cases/result.c - one row beside a case; what was handed out is never changed again. */
#include "services/cases/result.h"

#include "store/store.h"

#include <assert.h>
#include <stdio.h>

struct str result_decision_name(int64_t decision)
{
	return decision == RESULT_GRANTED ? STR("granted") : STR("refused");
}

/* ---- reading ---- */

static bool digest_of(struct stmt *q, int column, uint8_t to[SHA256_BYTES])
{
	struct str bytes = stmt_is_null(q, column) ? STR_NONE : stmt_blob(q, column);
	if (bytes.len != SHA256_BYTES)
		return false;
	memcpy(to, bytes.at, SHA256_BYTES);
	return true;
}

bool result_of(struct tx *tx, int64_t case_id, struct arena *a, struct result *out, bool *found, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT id, decision, version, COALESCE(blob, 0), bytes, made_ms, changed_ms, COALESCE(code_ms, 0), COALESCE(code_by, 0), COALESCE(code_mandate, 0), COALESCE(handed_ms, 0),"
		" COALESCE(handed_by, 0), COALESCE(handed_to, 0), COALESCE(handed_mandate, 0), collect, document_no, place, sha256, code FROM case_result WHERE case_id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, case_id);
	*found = stmt_row(q, why);
	if (!*found)
		return why->code == FAIL_NONE;
	int64_t n[15];
	stmt_ints(q, 0, 15, n);
	*out = (struct result){ .id = n[0], .case_id = case_id, .decision = n[1], .version = n[2], .blob = n[3], .bytes = n[4], .made_ms = n[5], .changed_ms = n[6], .code_ms = n[7],
				.code_by = n[8], .code_mandate = n[9], .handed_ms = n[10], .handed_by = n[11], .handed_to = n[12], .handed_mandate = n[13], .collect = n[14] != 0,
				.document_no = str_copy(a, stmt_text(q, 15)), .place = stmt_is_null(q, 16) ? STR("") : str_copy(a, stmt_text(q, 16)) };
	out->has_sha256 = digest_of(q, 17, out->sha256);
	if (!digest_of(q, 18, out->code))
		out->code_ms = 0;
	return (out->document_no.at != NULL && out->place.at != NULL) || FAILS(why, MEMORY, "a result");
}

bool result_decided(struct tx *tx, int64_t case_id, int64_t *decision, struct fail *why)
{
	/* decided_ok and decided_no */
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT event FROM case_event WHERE case_id = $1 AND event IN (14, 15) ORDER BY seq DESC LIMIT 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, case_id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, RESULT_STATE, "case %lld is not decided", (long long)case_id);
	*decision = stmt_int(q, 0) == CASE_EVENT_DECIDED_OK ? RESULT_GRANTED : RESULT_REFUSED;
	return true;
}

/* ---- given ---- */

static void bind_said(struct stmt *q, const struct result *to)
{
	stmt_bind_int(q, 1, to->decision);
	stmt_bind_text(q, 2, to->document_no);
	if (to->has_sha256)
		stmt_bind_blob(q, 3, to->sha256, SHA256_BYTES);
	else
		stmt_bind_null(q, 3);
	stmt_bind_int(q, 4, to->collect);
	stmt_bind_text(q, 5, to->place.len > 0 ? to->place : STR_NONE);
}

static bool insert(struct tx *tx, const struct result *to, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO case_result (decision, document_no, sha256, collect, place, id, case_id, version, bytes, made_ms, changed_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, 1, 0, $8, $9)", why);
	if (q == NULL)
		return false;
	bind_said(q, to);
	stmt_bind_int(q, 6, to->id);
	stmt_bind_int(q, 7, to->case_id);
	stmt_bind_int(q, 8, to->made_ms);
	stmt_bind_int(q, 9, to->changed_ms);
	return stmt_run(q, why);
}

/* What lies elsewhere, or not at all any more, is not collected by the code of before. */
static bool update(struct tx *tx, const struct result *to, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"UPDATE case_result SET decision = $1, document_no = $2, sha256 = $3, collect = $4, place = $5, version = version + 1, changed_ms = $6, code = NULL, code_ms = NULL"
		" WHERE id = $7 AND handed_ms IS NULL", why);
	if (q == NULL)
		return false;
	bind_said(q, to);
	stmt_bind_int(q, 6, to->changed_ms);
	stmt_bind_int(q, 7, to->id);
	return stmt_run(q, why) && (tx_changes(tx) == 1 || FAILS(why, RESULT_STATE, "result %lld was handed out", (long long)to->id));
}

/* A digest that came with the document is not taken back by saying nothing. */
static bool says_the_same(const struct result *a, const struct result *b)
{
	return a->decision == b->decision && str_eq(a->document_no, b->document_no) && a->collect == b->collect && str_eq(a->place, b->place) &&
	       (!b->has_sha256 || (a->has_sha256 && memcmp(a->sha256, b->sha256, SHA256_BYTES) == 0));
}

bool result_give(struct tx *tx, const struct result *to, int64_t now_ms, struct arena *a, struct result *out, bool *changed, struct fail *why)
{
	struct result old;
	bool found;
	if (!result_of(tx, to->case_id, a, &old, &found, why))
		return false;
	*changed = !found || !says_the_same(&old, to);
	*out = found ? old : *to;
	if (!*changed)
		return true;
	out->decision = to->decision;
	out->document_no = to->document_no;
	out->collect = to->collect;
	out->place = to->place;
	out->changed_ms = now_ms;
	if (to->has_sha256 && found && old.blob != 0 && memcmp(old.sha256, to->sha256, SHA256_BYTES) != 0)
		return FAILS(why, RESULT_STATE, "the document that was uploaded is another");
	if (to->has_sha256) {
		memcpy(out->sha256, to->sha256, SHA256_BYTES);
		out->has_sha256 = true;
	}
	out->version = found ? old.version + 1 : 1;
	if (found)
		return update(tx, out, why);
	out->made_ms = now_ms;
	return tx_next_id(tx, "case_result", &out->id, why) && insert(tx, out, why);
}

bool result_document(struct tx *tx, const struct result *r, int64_t blob, int64_t bytes, const uint8_t sha256[SHA256_BYTES], int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE case_result SET blob = $1, bytes = $2, sha256 = $3, version = version + 1, changed_ms = $4 WHERE id = $5 AND handed_ms IS NULL", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, blob);
	stmt_bind_int(q, 2, bytes);
	stmt_bind_blob(q, 3, sha256, SHA256_BYTES);
	stmt_bind_int(q, 4, now_ms);
	stmt_bind_int(q, 5, r->id);
	return stmt_run(q, why) && (tx_changes(tx) == 1 || FAILS(why, RESULT_STATE, "result %lld was handed out", (long long)r->id));
}

/* ---- handed out ---- */

void pickup_digits(const uint8_t random[32], char out[PICKUP_DIGITS + 1])
{
	uint64_t n = 0;
	for (int i = 0; i < 8; i++)
		n = n << 8 | random[i];
	snprintf(out, PICKUP_DIGITS + 1, "%06llu", (unsigned long long)(n % 1000000)); /* uneven by less than one in ten to the thirteenth */
}

int pickup_digests(int64_t case_id, const char *digits, uint8_t out[KEYRING_INDEX_MAX][SHA256_BYTES])
{
	char number[21];
	const struct str parts[] = { { number, i64_text(case_id, number) }, str_c(digits) };
	return keyring_index_all("pickup", parts, 2, out);
}

bool pickup_make(struct tx *tx, const struct result *r, const char *digits, const struct principal *who, int64_t now_ms, struct fail *why)
{
	uint8_t digests[KEYRING_INDEX_MAX][SHA256_BYTES];
	pickup_digests(r->case_id, digits, digests);
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE case_result SET code = $1, code_ms = $2, code_by = $3, code_mandate = $4 WHERE id = $5 AND collect = 1 AND handed_ms IS NULL", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, digests[0], SHA256_BYTES);
	stmt_bind_int(q, 2, now_ms);
	stmt_bind_int(q, 3, who->id);
	if (who->mandate != 0)
		stmt_bind_int(q, 4, who->mandate);
	else
		stmt_bind_null(q, 4);
	stmt_bind_int(q, 5, r->id);
	return stmt_run(q, why) && (tx_changes(tx) == 1 || FAILS(why, RESULT_STATE, "nothing lies ready"));
}

bool pickup_opens(const struct result *r, const char *digits, int64_t now_ms)
{
	uint8_t digests[KEYRING_INDEX_MAX][SHA256_BYTES];
	bool same = false;
	if (r->code_ms == 0 || now_ms >= r->code_ms + PICKUP_LIFE_MS)
		return false;
	int count = pickup_digests(r->case_id, digits, digests);
	for (int i = 0; i < count; i++)
		same |= str_same_secret((struct str){ (const char *)digests[i], SHA256_BYTES }, (struct str){ (const char *)r->code, SHA256_BYTES });
	return same;
}

bool result_hand_out(struct tx *tx, const struct result *r, int64_t staff, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"UPDATE case_result SET handed_ms = $1, handed_by = $2, handed_to = code_by, handed_mandate = code_mandate, code = NULL, code_ms = NULL WHERE id = $3 AND handed_ms IS NULL"
		" AND code_ms = $4", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, staff);
	stmt_bind_int(q, 3, r->id);
	stmt_bind_int(q, 4, r->code_ms);
	return stmt_run(q, why) && (tx_changes(tx) == 1 || FAILS(why, RESULT_STATE, "result %lld was handed out", (long long)r->id));
}
