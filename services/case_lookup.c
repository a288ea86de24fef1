/* services/case_lookup.c - a case's status for whoever holds the slip: case number and the ID number's last four.
 *
 * Nobody may learn from the answer, its bytes or its time whether a number exists. So every question does the same: one index
 * descent that ends on some row, its person's facts opened, comparisons of fixed length, one verdict at the end. What is compared is the
 * sealed number itself: a stored hash of four characters could be tried out by whoever gets hold of its key. */
#include "auth/keyring.h"
#include "auth/person.h"
#include "services/case_number.h"
#include "services/case_state.h"
#include "services/handlers.h"
#include "services/services.h"
#include "store/store.h"
#include <assert.h>

enum { LAST4 = 4, CASE_NO_TEXT_MAX = 32 };

struct lookup {
	struct str case_no_text, id_last4;
	char case_no[CASE_NUMBER_BYTES];
	int64_t id;
	char last4[LAST4];
	/* the row where the descent ended */
	char found_no[CASE_NUMBER_LENGTH];
	enum case_state state;
	int64_t updated_ms;
	struct str matter;
};

static const struct json_field lookup_fields[] = {
	{ "case_no", JSON_F_TEXT, true, 1, CASE_NO_TEXT_MAX, offsetof(struct lookup, case_no_text), NULL },
	{ "id_last4", JSON_F_TEXT, true, LAST4, LAST4, offsetof(struct lookup, id_last4), check_visible_ascii },
};

static uint64_t rate_key(struct str case_no)
{
	uint8_t digest[SHA256_BYTES];
	uint64_t key;
	keyring_index("rate", &case_no, 1, digest); /* keyed: nobody can make another's number collide with his */
	memcpy(&key, digest, sizeof(key));
	return key == 0 ? 1 : key;
}

static bool case_lookup_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	struct lookup *l = request_state(r, sizeof(*l), why);
	if (l == NULL || !request_query_only(r, no_query, why) || !request_json(r, lookup_fields, sizeof(lookup_fields) / sizeof(lookup_fields[0]), l, why))
		return false;
	struct str asked = str_trim(l->case_no_text); /* each nonsense counts for itself: one person's slip must not lock out another's */
	if (case_number_parse(asked, &l->id, l->case_no)) {
		asked = (struct str){ l->case_no, CASE_NUMBER_LENGTH };
	} else {
		l->id = CASE_SERIALS; /* no such row: the descent ends on the last one */
		memset(l->case_no, '?', CASE_NUMBER_LENGTH);
	}
	for (int i = 0; i < LAST4; i++) {
		char c = l->id_last4.at[i];
		l->last4[i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
	}
	r->rate_key = rate_key(asked);
	return true;
}

static bool case_lookup_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct lookup *l = r->state;
	char stored[LAST4] = { 0 };
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT c.case_no, c.state, c.updated_ms, n.matter_name, c.person, p.facts FROM cases c"
		" JOIN case_names n ON n.id = c.names JOIN person p ON p.id = c.person WHERE c.id <= $1 ORDER BY c.id DESC LIMIT 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, l->id);
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
	}
	if (why->code != FAIL_NONE)
		return false;
	bool fits = str_same_secret((struct str){ l->last4, LAST4 }, (struct str){ stored, LAST4 });
	fits &= str_same_secret((struct str){ l->case_no, CASE_NUMBER_LENGTH }, (struct str){ l->found_no, CASE_NUMBER_LENGTH });
	return fits || FAILS(why, LOOKUP, "no match");
}

static bool case_lookup_render(struct request *r, struct fail *why)
{
	const struct lookup *l = r->state;
	const struct case_status_row *status = case_status_of(l->state);
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_text(&j, "case_no", (struct str){ l->found_no, CASE_NUMBER_LENGTH });
	json_put_name(&j, "matter");
	json_put_object(&j);
	json_add_text(&j, "name", l->matter);
	json_put_object_end(&j);
	json_add_text(&j, "status", status->name);
	json_add_text(&j, "status_text", status->text[r->lang]);
	json_add_time(&j, "updated_at", l->updated_ms);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler case_lookup = { .parse = case_lookup_parse, .look = case_lookup_look, .render = case_lookup_render };
