/* services/booking/hold.c - the two deeds, and `siban hold list`. */
#include "services/booking/hold.h"
#include "auth/audit.h"
#include "auth/retention.h"
#include "auth/tenancy.h"
#include "auth/vault.h"
#include "base/json.h"
#include "services/cases/case_number.h"
#include "services/handlers.h"
#include "services/services.h"
#include <assert.h>

enum { REASON_MIN = 4, REASON_MAX = 150, REASON_BYTES = 4 * REASON_MAX };

/* ---- the payload ---- */

struct wish {
	struct str reason;
};

static bool wish_from(enum proposal_kind kind, struct str payload, struct arena *a, struct wish *w, struct fail *why)
{
	static const struct json_field fields[] = { { "reason", JSON_F_TEXT, true, REASON_MIN, REASON_MAX, offsetof(struct wish, reason), check_plain_text } };
	*w = (struct wish){ STR_NONE };
	DROP(json) json_t *body = json_read(payload, why);
	return body != NULL && json_take(body, fields, kind == PROPOSAL_HOLD_PLACE ? 1 : 0, JSON_REFUSE_UNKNOWN, "", w, a, why);
}

static bool check(enum proposal_kind kind, struct str payload, struct arena *a, struct fail *why)
{
	struct wish w;
	return wish_from(kind, payload, a, &w, why);
}

/* ---- the case it is named by ---- */

struct named {
	int64_t person, region, department;
	char case_no[CASE_NUMBER_BYTES];
};

static bool case_read(struct tx *tx, int64_t id, struct named *n, bool *found, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT person, region, department, case_no FROM cases WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	*found = stmt_row(q, why);
	if (!*found)
		return why->code == FAIL_NONE;
	*n = (struct named){ .person = stmt_int(q, 0), .region = stmt_int(q, 1), .department = stmt_int(q, 2) };
	struct str no = stmt_text(q, 3);
	assert(no.len == CASE_NUMBER_LENGTH);
	memcpy(n->case_no, no.at, no.len);
	return true;
}

static bool find(struct tx *tx, struct request *r, struct str name, const struct proposal_new *wish, int64_t *subject, struct fail *why)
{
	(void)r;
	struct named n;
	char number[CASE_NUMBER_BYTES];
	bool found = false;
	if (case_number_parse(name, subject, number) && !case_read(tx, *subject, &n, &found, why))
		return false;
	return (found && strcmp(number, n.case_no) == 0 && region_is_within(wish->region, n.region)) || FAILS_FIELD(why, FIELD, "/subject", "no such case in that region");
}

static bool name(struct tx *tx, int64_t subject, char out[PROPOSAL_SUBJECT_MAX], struct fail *why)
{
	struct named n;
	bool found;
	_Static_assert((int)CASE_NUMBER_BYTES < (int)PROPOSAL_SUBJECT_MAX, "a case number fits");
	if (!case_read(tx, subject, &n, &found, why))
		return false;
	memcpy(out, found ? n.case_no : "", found ? sizeof(n.case_no) : 1);
	return true;
}

static bool subject_of(struct tx *tx, const struct proposal *p, struct named *n, struct fail *why)
{
	bool found;
	return case_read(tx, p->subject, n, &found, why) && (found || FAILS(why, NOT_FOUND, "case %lld", (long long)p->subject));
}

static bool audited(struct tx *tx, const struct request *r, enum audit_act act, const struct proposal *p, const struct named *n, struct fail *why)
{
	struct audit a = { act, AUDIT_OF_CASE, p->subject, .result = 200, .department = n->department, .region = n->region };
	return audit_add(tx, r, &a, why);
}

/* ---- place ---- */

static bool insert(struct tx *tx, const struct request *r, const struct proposal *p, const struct named *n, struct str reason, struct fail *why)
{
	char bytes[REASON_BYTES + VAULT_OVERHEAD_MAX];
	struct buf sealed = { .at = bytes, .cap = sizeof(bytes) };
	uint8_t salt[32];
	int64_t id;
	request_bytes(r, "legal hold", salt);
	if (!tx_next_id(tx, "legal_hold", &id, why) || !vault_seal("legal_hold.reason", id, reason, salt, &sealed, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO legal_hold (id, person, case_id, reason, placed_ms, placed_by, released_ms, released_by)"
		" VALUES ($1, $2, $3, $4, $5, $6, NULL, NULL)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_int(q, 2, n->person);
	stmt_bind_int(q, 3, p->subject);
	stmt_bind_blob(q, 4, sealed.at, sealed.len);
	stmt_bind_int(q, 5, r->now_ms);
	stmt_bind_int(q, 6, p->id);
	return stmt_run(q, why);
}

static bool place(struct tx *tx, struct request *r, const struct proposal *p, struct fail *why)
{
	struct wish w;
	struct named n;
	bool is_held;
	if (!wish_from(PROPOSAL_HOLD_PLACE, p->payload, &r->arena, &w, why) || !subject_of(tx, p, &n, why) || !retention_is_held(tx, n.person, &is_held, why))
		return false;
	if (is_held)
		return FAILS(why, CONFLICT, "there is an open hold");
	return insert(tx, r, p, &n, w.reason, why) && audited(tx, r, AUDIT_HOLD_PLACED, p, &n, why);
}

/* ---- release ---- */

static bool release(struct tx *tx, struct request *r, const struct proposal *p, struct fail *why)
{
	struct named n;
	if (!subject_of(tx, p, &n, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE legal_hold SET released_ms = $1, released_by = $2 WHERE person = $3 AND released_ms IS NULL", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, r->now_ms);
	stmt_bind_int(q, 2, p->id);
	stmt_bind_int(q, 3, n.person);
	return stmt_run(q, why) && (tx_changes(tx) == 1 || FAILS(why, CONFLICT, "there is no open hold")) && audited(tx, r, AUDIT_HOLD_RELEASED, p, &n, why);
}

void hold_deeds_compose(void)
{
	static const struct proposal_deed place_deed = { check, find, name, place, NULL }, release_deed = { check, find, name, release, NULL };
	proposal_compose(PROPOSAL_HOLD_PLACE, &place_deed);
	proposal_compose(PROPOSAL_HOLD_RELEASE, &release_deed);
}

/* ---- list: open ones, for the operator ---- */

enum { LISTED_MAX = 200, ITEM_BYTES = 512 };

struct list {
	int64_t after;
	bool is_more;
	struct buf items;
};

static bool list_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "after", NULL };
	struct list *l = request_state(r, sizeof(*l), why);
	return l != NULL && request_query_only(r, names, why) && query_number(r, "after", 0, INT64_MAX, 0, &l->after, why);
}

static bool item_out(struct json_out *j, struct request *r, struct stmt *q, struct fail *why)
{
	struct buf reason;
	int64_t id = stmt_int(q, 0);
	buf_init(&reason, &r->arena, REASON_BYTES + VAULT_OVERHEAD_MAX);
	if (!vault_open("legal_hold.reason", id, stmt_blob(q, 1), &reason, why))
		return false;
	json_put_object(j);
	json_add_number(j, "id", id);
	json_add_text(j, "case_no", stmt_text(q, 2));
	json_add_text(j, "reason", buf_text(&reason));
	json_add_time(j, "placed_at", stmt_int(q, 3));
	json_add_text(j, "maker", stmt_text(q, 4));
	json_add_text(j, "checker", stmt_text(q, 5));
	json_put_object_end(j);
	return true;
}

static bool list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct list *l = r->state;
	buf_init(&l->items, &r->arena, ITEM_BYTES);
	struct json_out j = json_begin(&l->items);
	int count = 0;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT h.id, h.reason, c.case_no, h.placed_ms, m.account, k.account FROM legal_hold h JOIN cases c ON c.id = h.case_id"
		" JOIN proposal p ON p.id = h.placed_by JOIN staff m ON m.id = p.maker JOIN staff k ON k.id = p.checker"
		" WHERE h.released_ms IS NULL AND h.id > $1 ORDER BY h.id LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, l->after);
	stmt_bind_int(q, 2, LISTED_MAX + 1);
	json_put_array(&j);
	for (; stmt_row(q, why); count++) {
		l->is_more = count == LISTED_MAX;
		if (l->is_more)
			break;
		if (!item_out(&j, r, q, why))
			return false;
		l->after = stmt_int(q, 0);
	}
	json_put_array_end(&j);
	return why->code == FAIL_NONE && (json_end(&j) || FAILS(why, MEMORY, "holds"));
}

static bool list_render(struct request *r, struct fail *why)
{
	const struct list *l = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_put_name(&j, "items");
	json_put_members(&j, buf_text(&l->items)); /* written in look */
	json_add_number(&j, "after", l->after);
	json_add_boolean(&j, "more", l->is_more);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_hold_list = { .parse = list_parse, .look = list_look, .render = list_render };
