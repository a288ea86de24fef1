/* services/cases/case_lookup.c - a case's status for whoever holds the slip: case number, or the department and its own number, and the ID number's last four.
 *
 * Nobody may learn from the answer, its bytes or its time whether a number exists. So every question does the same: one index
 * descent that ends on some row, its person's facts opened, comparisons of fixed length, one verdict at the end. What is compared is the
 * sealed number itself: a stored hash of four characters could be tried out by whoever gets hold of its key.
 *
 * What does not fit here is asked of the department's own system where it has one, whether we know the case or not: how long that takes says nothing
 * about us, and what it answers is the department's to say. */
#include "auth/keyring.h"
#include "auth/person.h"
#include "base/ids.h"
#include "channels/ask.h"
#include "channels/department.h"
#include "services/cases/case_number.h"
#include "services/cases/case_state.h"
#include "services/departments/department_system.h"
#include "services/handlers.h"
#include "services/services.h"
#include "store/store.h"
#include <assert.h>

enum { LAST4 = DEPARTMENT_LAST4, CASE_NO_TEXT_MAX = 32, KEEP_MS = 60000, KEEP_NO_MS = 10000 };

struct lookup {
	struct str case_no_text, department, case_ref, id_last4;
	bool by_ref;                     /* by the department's own number */
	char case_no[CASE_NUMBER_BYTES];
	int64_t id;
	char last4[LAST4];
	const struct department_system *system; /* who is asked; NULL: nobody */

	/* what was found: here, or there */
	bool is_from_peer;
	char found_no[CASE_NUMBER_BYTES];
	struct str matter, department_text;
	enum case_state state;
	int64_t updated_ms;
};

static bool check_ref(struct str s, struct fail *why)
{
	(void)why;
	return s.len <= DEPARTMENT_REF_MAX && is_plain_text(s);
}

#define AT(member) offsetof(struct lookup, member)
static const struct json_field lookup_fields[] = {
	{ "case_no", JSON_F_TEXT, false, 1, CASE_NO_TEXT_MAX, AT(case_no_text), NULL },
	{ "department", JSON_F_TEXT, false, DEPARTMENT_CODE_LENGTH, DEPARTMENT_CODE_LENGTH, AT(department), check_visible_ascii },
	{ "case_ref", JSON_F_TEXT, false, 1, DEPARTMENT_REF_MAX, AT(case_ref), check_ref },
	{ "id_last4", JSON_F_TEXT, true, LAST4, LAST4, AT(id_last4), check_visible_ascii },
};

/* ---- parse ---- */

static uint64_t rate_key(const struct str *parts, size_t count)
{
	uint8_t digest[SHA256_BYTES];
	uint64_t key;
	keyring_index("rate", parts, count, digest); /* keyed: nobody can make another's number collide with his */
	memcpy(&key, digest, sizeof(key));
	return key == 0 ? 1 : key;
}

static void parse_number(struct request *r, struct lookup *l)
{
	struct str asked = str_trim(l->case_no_text); /* each nonsense counts for itself: one person's slip must not lock out another's */
	if (case_number_parse(asked, &l->id, l->case_no)) {
		asked = (struct str){ l->case_no, CASE_NUMBER_LENGTH };
	} else {
		l->id = CASE_SERIALS; /* no such row: the descent ends on the last one */
		memset(l->case_no, '?', CASE_NUMBER_LENGTH);
	}
	r->rate_key = rate_key(&asked, 1);
}

static bool parse_ref(struct request *r, struct lookup *l, struct fail *why)
{
	if (l->case_no_text.at != NULL)
		return FAILS_FIELD(why, FIELD, "/case_no", "by this number or by the department's, not both");
	if (l->department.at == NULL || l->case_ref.at == NULL)
		return FAILS_FIELD(why, FIELD_MISSING, l->department.at == NULL ? "/department" : "/case_ref", "one is no use without the other");
	struct str asked[] = { l->department, l->case_ref };
	l->by_ref = true;
	r->rate_key = rate_key(asked, 2);
	return true;
}

static bool case_lookup_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	struct lookup *l = request_state(r, sizeof(*l), why);
	if (l == NULL || !request_query_only(r, no_query, why) || !request_json(r, lookup_fields, sizeof(lookup_fields) / sizeof(lookup_fields[0]), l, why))
		return false;
	if (l->department.at != NULL || l->case_ref.at != NULL) {
		if (!parse_ref(r, l, why))
			return false;
	} else if (l->case_no_text.at == NULL) {
		return FAILS_FIELD(why, FIELD_MISSING, "/case_no", "neither a case number nor a department's");
	} else {
		parse_number(r, l);
	}
	for (int i = 0; i < LAST4; i++) {
		char c = l->id_last4.at[i];
		l->last4[i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
	}
	return true;
}

/* ---- look ---- */

#define LOOKUP_SELECT "SELECT c.case_no, c.state, c.updated_ms, n.matter_name, c.person, p.facts, c.case_ref, c.parts, c.id FROM cases c" \
	" JOIN case_names n ON n.id = c.names JOIN person p ON p.id = c.person"

static struct stmt *nearest(struct tx *tx, const struct lookup *l, struct fail *why)
{
	struct stmt *q = l->by_ref
		? tx_query(tx, LOOKUP_SELECT " WHERE c.department = (SELECT id FROM department WHERE code = $1) AND c.case_ref <= $2"
			" ORDER BY c.case_ref DESC LIMIT 1", why)
		: tx_query(tx, LOOKUP_SELECT " WHERE c.id <= $1 ORDER BY c.id DESC LIMIT 1", why);
	if (q != NULL && l->by_ref) {
		stmt_bind_text(q, 1, l->department);
		stmt_bind_text(q, 2, l->case_ref);
	} else if (q != NULL) {
		stmt_bind_int(q, 1, l->id);
	}
	return q;
}

/* What a department's system would call a bad question. */
static bool can_be_last4(const struct lookup *l)
{
	for (int i = 0; i < LAST4; i++)
		if (!(l->last4[i] >= '0' && l->last4[i] <= '9') && !(l->last4[i] >= 'A' && l->last4[i] <= 'Z'))
			return false;
	return true;
}

/* What was found is a part: its applicant asks after the whole, whose number it bears. */
static bool whole_look(struct tx *tx, struct lookup *l, int64_t part, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT w.state, w.updated_ms FROM case_part p JOIN cases w ON w.id = p.whole WHERE p.part = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, part);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, STORE, "case %lld is a part of nothing", (long long)part);
	l->state = (enum case_state)stmt_int(q, 0);
	l->updated_ms = stmt_int(q, 1);
	return true;
}

static bool case_lookup_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct lookup *l = r->state;
	char stored[LAST4] = { 0 };
	bool fits = false;
	int64_t part = 0;
	DROP(stmt) struct stmt *q = nearest(tx, l, why);
	if (q == NULL)
		return false;
	if (stmt_row(q, why)) {
		struct str no = stmt_text(q, 0);
		assert(no.len == CASE_NUMBER_LENGTH);
		memcpy(l->found_no, no.at, CASE_NUMBER_LENGTH);
		l->state = (enum case_state)stmt_int(q, 1);
		l->updated_ms = stmt_int(q, 2);
		l->matter = str_copy(&r->arena, stmt_text(q, 3));
		if (l->matter.at == NULL)
			return FAILS(why, MEMORY, "a name");
		if (!person_last4(stmt_int(q, 4), stmt_blob(q, 5), stored, why))
			return false;
		part = stmt_int(q, 7) < 0 ? stmt_int(q, 8) : 0;
		fits = l->by_ref ? str_same_secret(l->case_ref, stmt_text(q, 6))
			: str_same_secret((struct str){ l->case_no, CASE_NUMBER_LENGTH }, (struct str){ l->found_no, CASE_NUMBER_LENGTH });
	}
	if (why->code != FAIL_NONE)
		return false;
	fits &= str_same_secret((struct str){ l->last4, LAST4 }, (struct str){ stored, LAST4 });
	if (fits && part != 0)
		return whole_look(tx, l, part, why);
	l->system = fits || !l->by_ref || !can_be_last4(l) ? NULL : department_system_find(l->department);
	return fits || l->system != NULL || FAILS(why, LOOKUP, "no match");
}

/* ---- ask ---- */

static bool ask_build(struct request *r, struct question *q, struct fail *why)
{
	struct lookup *l = r->state;
	char id[ID_TEXT_BYTES];
	if (l->system == NULL)
		return true;
	struct str last4 = { l->last4, LAST4 }, id_text_copy = str_copy(&r->arena, (struct str){ id, id_text(id_make(r->now_ms, r->random), "q", id) });
	struct department_question question = { .base = l->system->url, .case_ref = l->case_ref, .last4 = last4, .key = l->system->key, .id = id_text_copy,
		.now_ms = r->now_ms };
	if (id_text_copy.at == NULL)
		return FAILS(why, MEMORY, "a question's id");
	struct buf b;
	buf_init(&b, &r->arena, l->case_ref.len + LAST4 + 1);
	buf_str(&b, last4);
	buf_str(&b, l->case_ref);
	q->peer = str_c(l->system->peer);
	q->keep_key = buf_text(&b);
	q->keep_ms = KEEP_MS;
	q->keep_no_ms = KEEP_NO_MS;
	return department_build(&question, &r->arena, &q->call, why);
}

static bool ask_judge(struct request *r, const struct http_answer *answer, struct fail *why)
{
	struct lookup *l = r->state;
	struct department_case c;
	switch (department_judge(l->case_ref, answer, &r->arena, &c, why)) {
	case DEPARTMENT_NO_SUCH:
		return FAILS(why, LOOKUP, "no match there either");
	case DEPARTMENT_BROKEN:
		return false;
	case DEPARTMENT_FOUND:
		break;
	}
	if (!case_state_from(c.state, &l->state) || !is_plain_text(c.matter_name) || !is_plain_text(c.status_text))
		return FAILS(why, PEER_NONSENSE, "a state nobody knows, or text with control characters");
	l->matter = c.matter_name;
	l->department_text = c.status_text;
	l->updated_ms = c.updated_ms;
	l->is_from_peer = true;
	return true;
}

static const struct ask lookup_ask = { .build = ask_build, .judge = ask_judge };

/* ---- render ---- */

static bool case_lookup_render(struct request *r, struct fail *why)
{
	const struct lookup *l = r->state;
	const struct case_status_row *status = case_status_of(l->state);
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	if (l->is_from_peer)
		json_add_nothing(&j, "case_no");
	else
		json_add_text(&j, "case_no", (struct str){ l->found_no, CASE_NUMBER_LENGTH });
	if (l->by_ref)
		json_add_text(&j, "case_ref", l->case_ref);
	json_put_name(&j, "matter");
	json_put_object(&j);
	json_add_text(&j, "name", l->matter);
	json_put_object_end(&j);
	json_add_text(&j, "status", status->name);
	json_add_text(&j, "status_text", status->text[r->lang]);
	if (l->department_text.len > 0)
		json_add_text(&j, "department_text", l->department_text);
	json_add_time(&j, "updated_at", l->updated_ms);
	json_add_plain(&j, "source", l->is_from_peer ? STR("department") : STR("gateway"));
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler case_lookup = { .parse = case_lookup_parse, .look = case_lookup_look, .ask = &lookup_ask, .render = case_lookup_render };
