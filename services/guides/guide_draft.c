/* services/guides/guide_draft.c - a draft is a row; what it becomes is decided by two people. */
#include "services/guides/guide_draft.h"

#include "auth/audit.h"
#include "auth/staff.h"
#include "auth/tenancy.h"
#include "services/services.h"

/* $1: the number of guide_publish. What was thrown away is not there. Ends where a condition begins. */
#define COLUMNS                                                                                                                              \
	"SELECT d.id, d.key, CASE WHEN d.state = 2 THEN 3 WHEN EXISTS (SELECT 1 FROM proposal p WHERE p.kind = $1 AND p.subject = d.id AND p.state = 1)" \
	" THEN 2 ELSE 1 END, d.department, d.region, COALESCE(d.based_on, 0), COALESCE(d.guide, 0), d.made_ms, d.changed_ms,"                 \
	" COALESCE(b.version, 0), COALESCE(v.version, 0), COALESCE((SELECT x.id FROM matter m JOIN guide x ON x.matter = m.id"                \
	" JOIN catalogue_load l ON l.id = x.load AND l.state = 2 WHERE m.code = d.code ORDER BY x.version DESC LIMIT 1), 0),"                 \
	" d.code, d.name, o.code, o.name FROM guide_draft d JOIN department o ON o.id = d.department"                                         \
	" LEFT JOIN guide b ON b.id = d.based_on LEFT JOIN guide v ON v.id = d.guide WHERE d.thrown_ms IS NULL AND "

/* ---- reading ---- */

static bool fill(struct stmt *q, struct arena *a, struct guide_draft *d, struct fail *why)
{
	*d = (struct guide_draft){ .id = stmt_int(q, 0), .state = (enum draft_state)stmt_int(q, 2), .department = stmt_int(q, 3), .region = stmt_int(q, 4),
				   .based_on = stmt_int(q, 5), .guide = stmt_int(q, 6), .made_ms = stmt_int(q, 7), .changed_ms = stmt_int(q, 8),
				   .based_on_version = stmt_int(q, 9), .version = stmt_int(q, 10), .newest = stmt_int(q, 11),
				   .code = str_copy(a, stmt_text(q, 12)), .name = str_copy(a, stmt_text(q, 13)),
				   .department_code = str_copy(a, stmt_text(q, 14)), .department_name = str_copy(a, stmt_text(q, 15)) };
	memcpy(d->key.bytes, stmt_blob(q, 1).at, ID_BYTES);
	return (d->code.at != NULL && d->name.at != NULL && d->department_code.at != NULL && d->department_name.at != NULL) || FAILS(why, MEMORY, "a draft");
}

static bool one(struct stmt *q, struct arena *a, struct guide_draft *out, bool *found, struct fail *why)
{
	*found = stmt_row(q, why);
	return *found ? fill(q, a, out, why) : why->code == FAIL_NONE;
}

bool draft_by_key(struct tx *tx, struct id key, struct arena *a, struct guide_draft *out, bool *found, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, COLUMNS "d.key = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, PROPOSAL_GUIDE_PUBLISH);
	stmt_bind_blob(q, 2, key.bytes, ID_BYTES);
	return one(q, a, out, found, why);
}

static bool draft_by_id(struct tx *tx, int64_t id, struct arena *a, struct guide_draft *out, bool *found, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, COLUMNS "d.id = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, PROPOSAL_GUIDE_PUBLISH);
	stmt_bind_int(q, 2, id);
	return one(q, a, out, found, why);
}

json_t *draft_body(struct tx *tx, int64_t id, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT body FROM guide_draft WHERE id = $1", why);
	if (q == NULL)
		return NULL;
	stmt_bind_int(q, 1, id);
	if (stmt_row(q, why))
		return json_read(stmt_text(q, 0), why);
	(void)(why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "draft %lld", (long long)id));
	return NULL;
}

bool draft_list(struct tx *tx, struct request *r, enum draft_state state, int64_t below, struct guide_draft *out, int most, int *count, struct fail *why)
{
	struct region_bounds b = region_bounds(r->who.region);
	int64_t department;
	*count = 0;
	if (!staff_department(tx, r->who.id, &department, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, COLUMNS
		"d.id < $2 AND (d.region BETWEEN $3 AND $4 OR d.region BETWEEN $5 AND $6) AND (d.department = $7 OR $7 = 0) ORDER BY d.id DESC", why);
	if (q == NULL)
		return false;
	const int64_t binds[] = { PROPOSAL_GUIDE_PUBLISH, below, b.six_first, b.six_last, b.nine_first, b.nine_last, department };
	for (int i = 0; i < 7; i++)
		stmt_bind_int(q, i + 1, binds[i]);
	while (*count < most && stmt_row(q, why)) {
		if (state != 0 && stmt_int(q, 2) != state)
			continue;
		if (!fill(q, &r->arena, &out[(*count)++], why))
			return false;
	}
	return why->code == FAIL_NONE;
}

/* ---- whose it is ---- */

bool draft_is_seen(const struct principal *who)
{
	return proposal_is_seen(who, PROPOSAL_GUIDE_PUBLISH);
}

bool draft_is_his(struct tx *tx, const struct request *r, int64_t region, int64_t department, bool *is_so, struct fail *why)
{
	int64_t own;
	if (!staff_department(tx, r->who.id, &own, why))
		return false;
	*is_so = region_is_within(r->who.region, region) && (own == 0 || own == department);
	return true;
}

/* ---- writing ---- */

static bool wrong(struct fail *why, const char *pointer, const char *reason)
{
	FAILS_FIELD(why, FIELD, pointer, "guide: %s", reason);
	fail_fact_text(why, "reason", reason);
	return false;
}

static bool may_write(struct tx *tx, struct request *r, const struct guide *g, int64_t department, const struct guide_head *head, struct fail *why)
{
	bool is_his;
	if (!region_is_within(r->who.region, g->region))
		return wrong(why, "/region", "beyond_your_region");
	if (!draft_is_his(tx, r, g->region, department, &is_his, why))
		return false;
	if (!is_his)
		return wrong(why, "/department", "not_your_department");
	if (head->matter != 0 && !draft_is_his(tx, r, head->region, head->department, &is_his, why))
		return false;
	return is_his || wrong(why, "/code", "not_your_matter");
}

static bool insert(struct tx *tx, const struct request *r, const struct guide *g, int64_t id, struct id key, int64_t department, int64_t based_on, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO guide_draft (id, key, state, maker, code, name, department, region, based_on, guide, made_ms, changed_ms, body)"
		" VALUES ($1, $2, 1, $3, $4, $5, $6, $7, $8, NULL, $9, $10, $11)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_blob(q, 2, key.bytes, ID_BYTES);
	stmt_bind_int(q, 3, r->who.id);
	stmt_bind_text(q, 4, g->code);
	stmt_bind_text(q, 5, g->name);
	stmt_bind_int(q, 6, department);
	stmt_bind_int(q, 7, g->region);
	if (based_on != 0)
		stmt_bind_int(q, 8, based_on);
	else
		stmt_bind_null(q, 8);
	stmt_bind_int(q, 9, r->now_ms);
	stmt_bind_int(q, 10, r->now_ms);
	stmt_bind_text(q, 11, g->text);
	return stmt_run(q, why);
}

bool draft_write(struct tx *tx, struct request *r, const struct guide *g, const uint8_t random[32], struct id *key, struct fail *why)
{
	struct guide_head head;
	int64_t id, department;
	*key = id_make(r->now_ms, random);
	if (!guide_refers(tx, g, &department, why) || !guide_head(tx, g->code, &head, why) || !may_write(tx, r, g, department, &head, why) ||
	    !tx_next_id(tx, "guide_draft", &id, why))
		return false;
	struct audit a = { AUDIT_GUIDE_WRITTEN, AUDIT_OF_GUIDE_DRAFT, id, .result = 201, .department = department, .region = g->region };
	return insert(tx, r, g, id, *key, department, head.newest, why) && audit_add(tx, r, &a, why);
}

/* ---- thrown away ---- */

static bool is_writer(struct tx *tx, const struct request *r, int64_t id, bool *is_so, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM guide_draft WHERE id = $1 AND maker = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_int(q, 2, r->who.id);
	*is_so = stmt_row(q, why);
	return why->code == FAIL_NONE;
}

/* The row stays, empty: proposals that were refused name it. */
static bool empty(struct tx *tx, const struct request *r, int64_t id, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE guide_draft SET thrown_ms = $1, body = '{}' WHERE id = $2 AND state = 1 AND thrown_ms IS NULL", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, r->now_ms);
	stmt_bind_int(q, 2, id);
	return stmt_run(q, why) && (tx_changes(tx) == 1 || FAILS(why, CONFLICT, "draft %lld was published meanwhile", (long long)id));
}

bool draft_throw(struct tx *tx, struct request *r, const struct guide_draft *d, struct fail *why)
{
	bool found, is_so;
	struct guide_draft now;
	if (!tx_lock_row(tx, "guide_draft", d->id, why) || !draft_by_id(tx, d->id, &r->arena, &now, &found, why) || !is_writer(tx, r, d->id, &is_so, why))
		return false;
	if (!found)
		return FAILS(why, NOT_FOUND, "draft %lld was thrown away meanwhile", (long long)d->id);
	if (!is_so && !right_is_held(&r->who, proposal_row(PROPOSAL_GUIDE_PUBLISH)->checks))
		return FAILS(why, FORBIDDEN, "draft %lld is another's", (long long)d->id);
	if (now.state != DRAFT_WRITTEN)
		return FAILS(why, CONFLICT, "draft %lld is in state %d", (long long)d->id, (int)now.state);
	struct audit a = { AUDIT_GUIDE_THROWN, AUDIT_OF_GUIDE_DRAFT, d->id, .result = 204, .department = now.department, .region = now.region };
	return empty(tx, r, d->id, why) && audit_add(tx, r, &a, why);
}

/* ---- publish ---- */

static bool nothing_in_it(enum proposal_kind kind, struct str payload, struct arena *a, struct fail *why)
{
	(void)kind;
	DROP(json) json_t *body = json_read(payload, why);
	return body != NULL && json_take(body, NULL, 0, JSON_REFUSE_UNKNOWN, "", NULL, a, why);
}

static bool publish_find(struct tx *tx, struct request *r, struct str name, const struct proposal_new *wish, int64_t *subject, struct fail *why)
{
	struct guide_draft d = { .id = 0 };
	struct id key;
	bool found = false, is_his = false;
	if (id_from_text(name, DRAFT_PREFIX, &key) && !draft_by_key(tx, key, &r->arena, &d, &found, why))
		return false;
	if (found && (!tx_lock_row(tx, "guide_draft", d.id, why) || !draft_by_id(tx, d.id, &r->arena, &d, &found, why)))
		return false;
	if (found && !draft_is_his(tx, r, d.region, d.department, &is_his, why))
		return false;
	*subject = d.id;
	if (!is_his || !region_is_within(wish->region, d.region))
		return FAILS_FIELD(why, FIELD, "/subject", "no such draft in that region");
	if (d.state == DRAFT_PUBLISHED)
		return FAILS(why, CONFLICT, "draft %lld is published", (long long)d.id);
	return !draft_is_outdated(&d) || FAILS(why, GUIDE_OUTDATED, "draft %lld", (long long)d.id);
}

static bool publish_name(struct tx *tx, int64_t subject, char out[PROPOSAL_SUBJECT_MAX], struct fail *why)
{
	struct id key;
	_Static_assert((int)ID_TEXT_BYTES <= (int)PROPOSAL_SUBJECT_MAX, "an id fits");
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT key FROM guide_draft WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, subject);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "draft %lld", (long long)subject);
	memcpy(key.bytes, stmt_blob(q, 0).at, ID_BYTES);
	id_text(key, DRAFT_PREFIX, out);
	return true;
}

static bool draft_published(struct tx *tx, const struct request *r, int64_t id, int64_t guide, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE guide_draft SET state = 2, guide = $1, changed_ms = $2 WHERE id = $3 AND state = 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, guide);
	stmt_bind_int(q, 2, r->now_ms);
	stmt_bind_int(q, 3, id);
	return stmt_run(q, why) && (tx_changes(tx) == 1 || FAILS(why, CONFLICT, "draft %lld is published", (long long)id));
}

/* Departments, regions and halls may be gone since it was written: it is judged once more. */
static bool guide_published(struct tx *tx, struct request *r, const struct guide_draft *d, int64_t *guide, struct fail *why)
{
	struct guide g;
	struct guide_new n = { .guide = &g, .load = LOAD_ONE_BY_ONE, .state = GUIDE_PUBLISHED, .now_ms = r->now_ms };
	bool changed;
	DROP(json) json_t *body = draft_body(tx, d->id, why);
	return body != NULL && guide_take(body, &g, &r->arena, why) && guide_matter(tx, &n, why) &&
	       guide_put(tx, &n, guide, &changed, why);
}

/* The approving transaction is alone (proposal_approve), so no load is flipped between the look and the deed. */
static bool publish(struct tx *tx, struct request *r, const struct proposal *p, struct fail *why)
{
	struct guide_draft d;
	bool found;
	int64_t guide;
	if (!draft_by_id(tx, p->subject, &r->arena, &d, &found, why))
		return false;
	if (!found || !region_is_within(p->region, d.region))
		return FAILS(why, NOT_FOUND, "draft %lld", (long long)p->subject);
	if (draft_is_outdated(&d))
		return FAILS(why, GUIDE_OUTDATED, "draft %lld", (long long)d.id);
	if (!guide_published(tx, r, &d, &guide, why))
		return false;
	struct audit a = { AUDIT_GUIDE_PUBLISHED, AUDIT_OF_GUIDE, guide, .result = 200, .department = d.department, .region = d.region };
	return draft_published(tx, r, d.id, guide, why) && audit_add(tx, r, &a, why);
}

/* ---- withdraw ---- */

enum { REASON_MIN = 4, REASON_MAX = 150, VERSION_MAX = 1000000 };

struct wish {
	int64_t version;
	struct str reason;
};

static bool wish_from(struct str payload, struct arena *a, struct wish *w, struct fail *why)
{
	static const struct json_field fields[] = {
		{ "version", JSON_F_INT, true, 1, VERSION_MAX, offsetof(struct wish, version), NULL },
		{ "reason", JSON_F_TEXT, true, REASON_MIN, REASON_MAX, offsetof(struct wish, reason), check_plain_text },
	};
	*w = (struct wish){ .version = 0 };
	DROP(json) json_t *body = json_read(payload, why);
	return body != NULL && json_take(body, fields, sizeof(fields) / sizeof(fields[0]), JSON_REFUSE_UNKNOWN, "", w, a, why);
}

static bool withdraw_check(enum proposal_kind kind, struct str payload, struct arena *a, struct fail *why)
{
	struct wish w;
	(void)kind;
	return wish_from(payload, a, &w, why);
}

static bool withdraw_find(struct tx *tx, struct request *r, struct str name, const struct proposal_new *wish, int64_t *subject, struct fail *why)
{
	struct guide_head head;
	bool is_his = false;
	if (!guide_head(tx, name, &head, why) || (head.newest != 0 && !draft_is_his(tx, r, head.region, head.department, &is_his, why)))
		return false;
	*subject = head.matter;
	return (is_his && head.state == GUIDE_PUBLISHED && region_is_within(wish->region, head.region)) ||
	       FAILS_FIELD(why, FIELD, "/subject", "no matter with a published guide in that region");
}

static bool withdraw_name(struct tx *tx, int64_t subject, char out[PROPOSAL_SUBJECT_MAX], struct fail *why)
{
	_Static_assert((int)GUIDE_CODE_MAX < (int)PROPOSAL_SUBJECT_MAX, "a code fits");
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT code FROM matter WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, subject);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "matter %lld", (long long)subject);
	struct str code = stmt_text(q, 0);
	memcpy(out, code.at, code.len);
	out[code.len] = '\0';
	return true;
}

static bool withdraw(struct tx *tx, struct request *r, const struct proposal *p, struct fail *why)
{
	struct wish w;
	struct guide_head head;
	char code[PROPOSAL_SUBJECT_MAX];
	if (!wish_from(p->payload, &r->arena, &w, why) || !withdraw_name(tx, p->subject, code, why) || !guide_head(tx, str_c(code), &head, why))
		return false;
	if (!region_is_within(p->region, head.region))
		return FAILS(why, NOT_FOUND, "matter %lld has moved beyond the proposal's region", (long long)p->subject);
	if (head.version != w.version || head.state != GUIDE_PUBLISHED)
		return FAILS(why, GUIDE_OUTDATED, "version %lld of matter %lld is not its current one", (long long)w.version, (long long)p->subject);
	struct audit a = { AUDIT_GUIDE_WITHDRAWN, AUDIT_OF_GUIDE, head.newest, .result = 200, .reason = w.reason, .department = head.department,
			   .region = head.region };
	return guide_move(tx, head.newest, GUIDE_WITHDRAWN, r->now_ms, why) && audit_add(tx, r, &a, why);
}

void guide_deeds_compose(void)
{
	static const struct proposal_deed publish_deed = { nothing_in_it, publish_find, publish_name, publish, NULL },
					  withdraw_deed = { withdraw_check, withdraw_find, withdraw_name, withdraw, NULL };
	proposal_compose(PROPOSAL_GUIDE_PUBLISH, &publish_deed);
	proposal_compose(PROPOSAL_GUIDE_WITHDRAW, &withdraw_deed);
}
