/* auth/audit.c - why this exists: who may do much must be able to show that he did no more. */
#include "auth/audit.h"
#include "auth/vault.h"
#include "store/fact.h"
#include <assert.h>

static const struct audit_word acts[] = {
#define ACT(name, number, text, zh) { number, text, zh },
#define SUBJECT(name, number, text, zh)
#include "auth/audit.def"
#undef ACT
#undef SUBJECT
}, subjects[] = {
#define ACT(name, number, text, zh)
#define SUBJECT(name, number, text, zh) { number, text, zh },
#include "auth/audit.def"
#undef ACT
#undef SUBJECT
};

/* ---- writing ---- */

static bool insert(struct tx *tx, const struct audit_actor *by, const struct audit *a, int64_t id, int64_t fact, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO audit (id, fact, made_ms, request_id, actor_kind, actor_id, for_kind, for_id, act, subject_kind, subject_id, result, detail)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_int(q, 2, fact);
	stmt_bind_int(q, 3, by->now_ms);
	stmt_bind_text(q, 4, str_c(by->request_id));
	stmt_bind_int(q, 5, by->kind);
	stmt_bind_int(q, 6, by->id);
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
static void content_of(struct fact_content *c, const struct audit_actor *by, const struct audit *a, int64_t id, int64_t fact)
{
	fact_content(c, fact_row_of(FACT_AUDIT));
	fact_int(c, fact);
	fact_int(c, id);
	fact_int(c, by->now_ms);
	fact_text(c, str_c(by->request_id));
	fact_int(c, by->kind);
	fact_int(c, by->id);
	fact_int(c, a->for_kind);
	fact_int(c, a->for_id);
	fact_int(c, a->act);
	fact_int(c, a->subject);
	fact_int(c, a->subject_id);
	fact_int(c, a->result);
	fact_bytes(c, a->detail);
}

static bool add(struct tx *tx, const struct audit_actor *by, const struct audit *a, int64_t id, struct fail *why)
{
	int64_t fact;
	struct fact_content c;
	if (!fact_next(tx, &fact, why) || !insert(tx, by, a, id, fact, why))
		return false;
	content_of(&c, by, a, id, fact);
	struct fact f = { FACT_AUDIT, .ref_a = id, .department = a->department, .region = a->region, .made_ms = by->now_ms };
	return fact_add(tx, fact, &f, &c, why);
}

static bool add_with_reason(struct tx *tx, const struct request *r, const struct audit_actor *by, struct audit a, int64_t id, struct fail *why)
{
	char bytes[AUDIT_REASON_BYTES + VAULT_OVERHEAD_MAX];
	struct buf sealed = { .at = bytes, .cap = sizeof(bytes) };
	uint8_t salt[32];
	assert(a.detail.at == NULL && a.reason.len <= AUDIT_REASON_BYTES);
	request_bytes(r, "audit.detail", salt);
	if (!vault_seal("audit.detail", id, a.reason, salt, &sealed, why))
		return false;
	a.detail = buf_text(&sealed);
	return add(tx, by, &a, id, why);
}

bool audit_add(struct tx *tx, const struct request *r, const struct audit *given, struct fail *why)
{
	struct audit_actor by = { r->who.kind, r->who.id, r->now_ms, r->id };
	struct audit a = *given;
	int64_t id;
	if (a.for_kind == 0 && r->who.acting_for != 0) {
		a.for_kind = WHO_CITIZEN;
		a.for_id = r->who.acting_for;
	}
	if (!tx_next_id(tx, "audit", &id, why))
		return false;
	return a.reason.at != NULL ? add_with_reason(tx, r, &by, a, id, why) : add(tx, &by, &a, id, why);
}

bool audit_add_of(struct tx *tx, const struct audit_actor *by, const struct audit *a, struct fail *why)
{
	int64_t id;
	assert(a->reason.at == NULL);
	return tx_next_id(tx, "audit", &id, why) && add(tx, by, a, id, why);
}

/* ---- words ---- */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct audit_word *numbered(const struct audit_word *words, size_t count, int64_t number)
{
	for (size_t i = 0; i < count; i++)
		if (words[i].number == number)
			return &words[i];
	return NULL;
}

static const struct audit_word *named(const struct audit_word *words, size_t count, struct str text)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(text, str_c(words[i].text)))
			return &words[i];
	return NULL;
}

const struct audit_word *audit_act_word(int64_t number)
{
	return numbered(acts, COUNT(acts), number);
}

const struct audit_word *audit_act_named(struct str text)
{
	return named(acts, COUNT(acts), text);
}

const struct audit_word *audit_subject_word(int64_t number)
{
	return numbered(subjects, COUNT(subjects), number);
}

const struct audit_word *audit_subject_named(struct str text)
{
	return named(subjects, COUNT(subjects), text);
}
