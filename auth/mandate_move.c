/* auth/mandate_move.c - yes, no, and over: one function moves a mandate, and audits it. */
#include "auth/mandate_inside.h"
#include "auth/audit.h"
#include "auth/tenancy.h"
#include "base/hash.h"
#include <assert.h>

/* The row's own state is asked again: of two who decide at once one wins. */
static bool move(struct tx *tx, const struct request *r, struct mandate *m, enum mandate_state to, enum mandate_by by, struct fail *why)
{
	if (!mandate_may_become(m->state, to)) {
		FAILS(why, MANDATE_STATE, "mandate %lld is in state %d", (long long)m->id, (int)m->state);
		fail_fact_text(why, "state", mandate_state_text(m->state));
		return false;
	}
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE mandate SET state = $1, accepted_by = $2, ends_ms = $3, changed_ms = $4 WHERE id = $5 AND state = $6", why);
		if (q == NULL)
			return false;
		m->ends_ms = to == MANDATE_ACTIVE ? m->until_ms : m->ends_ms;
		stmt_bind_int(q, 1, to);
		stmt_bind_int(q, 2, by);
		stmt_bind_int(q, 3, m->ends_ms);
		stmt_bind_int(q, 4, r->now_ms);
		stmt_bind_int(q, 5, m->id);
		stmt_bind_int(q, 6, m->state);
		if (!stmt_run(q, why))
			return false;
		if (tx_changes(tx) != 1)
			return FAILS(why, MANDATE_STATE, "mandate %lld was moved meanwhile", (long long)m->id);
	}
	m->state = to;
	m->accepted_by = by;
	return mandate_audited(tx, r, m, 200, why);
}

/* One whose time is over but which is not marked yet still holds its place in the index: it is marked now. A company has one representative, whoever he was. */
static bool make_place(struct tx *tx, const struct request *r, const struct mandate *m, struct fail *why)
{
	struct mandate older;
	if (m->kind == MANDATE_REPRESENTATIVE && !tx_lock_row(tx, "mandate.representative", m->giver, why))
		return false;
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT " MANDATE_COLUMNS " FROM mandate WHERE giver = $1 AND (holder = $2 OR kind = 5) AND kind = $3 AND state = 2", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, m->giver);
		stmt_bind_int(q, 2, m->holder);
		stmt_bind_int(q, 3, m->kind);
		if (!stmt_row(q, why))
			return why->code == FAIL_NONE;
		mandate_fill(q, INT64_MIN, &older);
	}
	return move(tx, r, &older, MANDATE_REVOKED, older.accepted_by, why);
}

static bool may_accept(const struct request *r, const struct mandate *m, enum mandate_by by, struct fail *why)
{
	const struct mandate_row *row = mandate_row(m->kind);
	bool is_holder = r->who.kind == WHO_CITIZEN && mandate_is_holder(&r->who, m), is_giver = r->who.kind == WHO_CITIZEN && mandate_is_giver(&r->who, m);
	bool is_his_way = by == BY_CODE || by == BY_AUTHORITY ? is_holder : by == BY_SESSION ? is_giver : by == BY_WINDOW && r->who.kind == WHO_STAFF;
	if (!is_his_way || (row->accepted >> by & 1) == 0 || m->giver == 0)
		return FAILS(why, FORBIDDEN, "mandate %lld is not accepted this way", (long long)m->id);
	return by != BY_SESSION || mandate_level_is(r, row->giver_level, why);
}

bool mandate_accept(struct tx *tx, const struct request *r, struct mandate *m, enum mandate_by by, struct fail *why)
{
	assert(by != BY_NOBODY);
	if (!may_accept(r, m, by, why))
		return false;
	if (m->state == MANDATE_OFFERED && !make_place(tx, r, m, why))
		return false;
	return move(tx, r, m, MANDATE_ACTIVE, by, why);
}

bool mandate_refuse(struct tx *tx, const struct request *r, struct mandate *m, struct fail *why)
{
	if (r->who.kind != WHO_CITIZEN || !mandate_is_giver(&r->who, m))
		return FAILS(why, FORBIDDEN, "mandate %lld is not his to refuse", (long long)m->id);
	return move(tx, r, m, MANDATE_REFUSED, BY_NOBODY, why);
}

bool mandate_revoke(struct tx *tx, const struct request *r, struct mandate *m, struct fail *why)
{
	bool is_side = r->who.kind == WHO_CITIZEN && (mandate_is_holder(&r->who, m) || mandate_is_giver(&r->who, m));
	return (is_side || FAILS(why, FORBIDDEN, "mandate %lld is not his", (long long)m->id)) && move(tx, r, m, MANDATE_REVOKED, m->accepted_by, why);
}

/* Every reader judges by the time already (mandate_fill): this only keeps the index of open ones short, and nobody's deed is in it. */
bool mandate_expire(struct tx *tx, int64_t now_ms, struct mandate *ended, int max, int *count, struct fail *why)
{
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT " MANDATE_COLUMNS " FROM mandate WHERE state IN (1, 2) AND ends_ms <= $1 ORDER BY ends_ms LIMIT $2", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, now_ms);
		stmt_bind_int(q, 2, max);
		for (*count = 0; stmt_row(q, why);)
			mandate_fill(q, INT64_MIN, &ended[(*count)++]);
	}
	for (int i = 0; i < *count && why->code == FAIL_NONE; i++) {
		DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE mandate SET state = 5, changed_ms = $1 WHERE id = $2 AND state = $3", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, now_ms);
		stmt_bind_int(q, 2, ended[i].id);
		stmt_bind_int(q, 3, ended[i].state);
		if (!stmt_run(q, why))
			return false;
		if (tx_changes(tx) != 1) /* somebody was quicker */
			ended[i].state = MANDATE_EXPIRED;
	}
	return why->code == FAIL_NONE;
}

bool mandate_use(struct tx *tx, const struct request *r, struct mandate *m, bool *is_noted, bool *is_first, struct fail *why)
{
	if (!mandate_by_id(tx, r->who.mandate, r->now_ms, m, why))
		return false;
	*is_noted = m->state == MANDATE_ACTIVE && m->used_ms <= r->now_ms - MANDATE_USE_NOTED_MS;
	*is_first = *is_noted && m->used_ms == 0;
	if (!*is_noted)
		return true; /* another request of the same day was quicker, or it is over */
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE mandate SET used_ms = $1 WHERE id = $2 AND used_ms = $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, r->now_ms);
	stmt_bind_int(q, 2, m->id);
	stmt_bind_int(q, 3, m->used_ms);
	if (!stmt_run(q, why))
		return false;
	if (tx_changes(tx) != 1)
		*is_noted = *is_first = false;
	struct audit a = { AUDIT_MANDATE_USED, AUDIT_OF_MANDATE, m->id, .result = 200, .for_kind = WHO_CITIZEN, .for_id = m->giver };
	return !*is_noted || audit_add(tx, r, &a, why);
}

enum { END_BITE = 50 };

static bool open_since(struct tx *tx, int64_t person, int64_t since_ms, struct mandate *out, int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT " MANDATE_COLUMNS " FROM mandate WHERE (giver = $1 OR holder = $1) AND state IN (1, 2) AND changed_ms >= $2"
		" ORDER BY id LIMIT $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, person);
	stmt_bind_int(q, 2, since_ms);
	stmt_bind_int(q, 3, END_BITE);
	for (*count = 0; stmt_row(q, why);)
		mandate_fill(q, INT64_MIN, &out[(*count)++]);
	return why->code == FAIL_NONE;
}

bool mandate_end_since(struct tx *tx, const struct request *r, int64_t person, int64_t since_ms, struct fail *why)
{
	struct mandate open[END_BITE];
	int count;
	do {
		if (!open_since(tx, person, since_ms, open, &count, why))
			return false;
		for (int i = 0; i < count; i++)
			if (!move(tx, r, &open[i], MANDATE_REVOKED, open[i].accepted_by, why))
				return false;
	} while (count == END_BITE);
	return true;
}

/* ---- at a window ---- */

bool mandate_at_window(struct tx *tx, const struct request *r, struct id key, struct mandate *out, struct fail *why)
{
	if (!mandate_by_key(tx, key, r->now_ms, out, why))
		return false;
	return (out->id != 0 && r->who.kind == WHO_STAFF && out->region != 0 && region_is_within(r->who.region, out->region)) ||
	       FAILS(why, NOT_FOUND, "no mandate for this window");
}

static bool says_the_same(struct tx *tx, const struct mandate *m, const struct identity *giver, struct str name, bool *same, struct fail *why)
{
	char text[MANDATE_SAID_BYTES];
	struct mandate_said said;
	bool ok = mandate_said(tx, m->id, text, &said, why);
	*same = ok && said.kind == giver->kind && str_eq(said.number, str_c(giver->number)) && str_eq(said.name, name);
	wipe(text, sizeof(text));
	return ok;
}

/* A name that departments gave stays: it may be spelt as the card spells it only since today. */
static bool name_if_none(struct tx *tx, int64_t person, struct str name, const uint8_t salt[16], struct fail *why)
{
	char text[PERSON_FACTS_BYTES];
	struct person_facts facts, newer = { .name = name };
	bool ok = person_facts_get(tx, person, text, &facts, why), has_name = ok && facts.name.at != NULL;
	wipe(text, sizeof(text));
	return ok && (has_name || person_facts_merge(tx, person, &newer, salt, why));
}

bool mandate_papers(struct tx *tx, const struct request *r, struct mandate *m, const struct identity *giver, struct str name, const uint8_t salt[16], struct fail *why)
{
	int64_t person;
	bool same;
	if (!says_the_same(tx, m, giver, name, &same, why))
		return false;
	if (!same)
		return FAILS(why, MANDATE_PAPERS, "mandate %lld names somebody else", (long long)m->id);
	if (m->giver != 0)
		return true;
	if (!person_find_or_make(tx, giver->kind, str_c(giver->number), r->now_ms, &person, why) || !name_if_none(tx, person, name, salt, why))
		return false;
	if (person == m->holder)
		return FAILS(why, MANDATE_PAPERS, "mandate %lld is its holder's own", (long long)m->id);
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE mandate SET giver = $1 WHERE id = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, person);
	stmt_bind_int(q, 2, m->id);
	m->giver = person;
	return stmt_run(q, why);
}
