/* services/voices/rating_invitation.c - a row for each case that is over; settled is settled, whether somebody was told or there was no reason to. */
#include "services/voices/rating_invitation.h"

#include "auth/keyring.h"
#include "notify/message.h"
#include "services/cases/case_names.h"
#include "services/people/erasure.h"
#include "services/services.h"
#include "services/voices/rating.h"
#include "store/store.h"

#include <assert.h>

enum { BITE_MAX = 50, ARENA_BYTES = 64 * 1024 };
#define HOUR_MS INT64_C(3600000)

bool invitation_note(struct tx *tx, const struct case_file *c, struct fail *why)
{
	if (c->pen == NULL || c->parts < 0 || !rating_is_due(c->state))
		return true;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO rating_invitation (case_id, due_ms) VALUES ($1, $2) ON CONFLICT (case_id) DO NOTHING", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, c->id);
	stmt_bind_int(q, 2, c->now_ms + services_config()->ratings_invite_hours * HOUR_MS);
	return stmt_run(q, why);
}

/* ---- when its time has come ---- */

static bool due_now(struct tx *tx, int64_t now_ms, int64_t most, int64_t cases[BITE_MAX], int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT case_id FROM rating_invitation WHERE due_ms <= $1 ORDER BY due_ms, case_id LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, most < BITE_MAX ? most : BITE_MAX);
	for (*count = 0; stmt_row(q, why); ++*count)
		cases[*count] = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

/* *first false: another node was quicker. */
static bool settle(struct tx *tx, int64_t case_id, bool *first, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE rating_invitation SET due_ms = NULL WHERE case_id = $1 AND due_ms IS NOT NULL", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, case_id);
	if (!stmt_run(q, why))
		return false;
	*first = tx_changes(tx) == 1;
	return true;
}

static bool wants_to_be_forgotten(struct tx *tx, int64_t person, bool *is_so, struct fail *why)
{
	struct erasure e;
	if (!erasure_last(tx, person, &e, why))
		return false;
	*is_so = e.state != ERASURE_NONE && e.state != ERASURE_TAKEN_BACK;
	return true;
}

struct invited {
	int64_t case_id, person, names;
	char number[CASE_NUMBER_BYTES];
	bool is_due; /* nobody has rated it, and it is to be rated still */
};

/* Whoever rates it at this moment waits, or was first. */
static bool read_one(struct tx *tx, int64_t case_id, struct invited *to, struct fail *why)
{
	if (!tx_lock_row(tx, "case.rating", case_id, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT c.person, c.names, c.case_no, c.state, COALESCE(g.id, 0) FROM cases c LEFT JOIN rating g ON g.case_id = c.id WHERE c.id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, case_id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, STORE, "case %lld is gone", (long long)case_id);
	*to = (struct invited){ .case_id = case_id, .person = stmt_int(q, 0), .names = stmt_int(q, 1),
				.is_due = stmt_int(q, 4) == 0 && rating_is_due((enum case_state)stmt_int(q, 3)) };
	struct str number = stmt_text(q, 2);
	assert(number.len == CASE_NUMBER_LENGTH);
	memcpy(to->number, number.at, number.len);
	return true;
}

/* The same bytes when the transaction is run again. */
static bool invite(struct tx *tx, const struct invited *i, int64_t now_ms, struct arena *a, struct fail *why)
{
	struct case_names names;
	uint8_t random[32];
	char id[21];
	const struct str parts[] = { { id, i64_text(i->case_id, id) } };
	struct case_telling t = { .person = i->person, .case_id = i->case_id, .template = TEMPLATE_rating_invited, .case_no = str_c(i->number) };
	keyring_index("rating invitation", parts, 1, random);
	if (!case_names_read(tx, i->names, &names, why))
		return false;
	t.matter_name = case_names_get(&names, CASE_NAME_MATTER);
	return message_case_told(tx, &t, now_ms, random, a, why);
}

static bool one(struct tx *tx, int64_t case_id, int64_t now_ms, struct arena *a, struct fail *why)
{
	struct invited i;
	bool first, forgotten;
	if (!settle(tx, case_id, &first, why))
		return false;
	if (!first)
		return true;
	if (!read_one(tx, case_id, &i, why) || !wants_to_be_forgotten(tx, i.person, &forgotten, why))
		return false;
	return !i.is_due || forgotten || invite(tx, &i, now_ms, a, why);
}

bool invitations_send(struct tx *tx, int64_t now_ms, int64_t most, int64_t *settled, struct fail *why)
{
	int64_t cases[BITE_MAX];
	int count;
	if (!due_now(tx, now_ms, most, cases, &count, why))
		return false;
	for (int i = 0; i < count; i++) {
		struct arena a;
		arena_init(&a, ARENA_BYTES);
		bool ok = one(tx, cases[i], now_ms, &a, why);
		arena_free(&a);
		if (!ok)
			return false;
	}
	*settled = count;
	return true;
}
