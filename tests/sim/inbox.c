/* tests/sim/inbox.c - what people are told: each event once in the stream, each message once in the inbox, one bell for each where there is a phone. */
#include "world.h"

/* The states that a person is told about in words. */
static const char words[] = "pre_returned correct_pre not_accepted accepted correct decided_ok decided_no done returned aborted delivered";

static bool has_words(const char *state)
{
	size_t len = strlen(state);
	for (const char *at = words; (at = strstr(at, state)) != NULL; at += len)
		if ((at == words || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
			return true;
	return false;
}

static struct stmt *query(struct world *w, struct tx *tx, const char *sql_literal)
{
	struct fail why;
	fail_clear(&why);
	struct stmt *q = tx_query(tx, sql_literal, &why);
	if (q == NULL)
		world_wrong(w, "%s: %s", sql_literal, why.log);
	return q;
}

static bool row(struct world *w, struct stmt *q)
{
	struct fail why;
	fail_clear(&why);
	bool is_row = q != NULL && stmt_row(q, &why);
	if (why.code != FAIL_NONE)
		world_wrong(w, "reading: %s", why.log);
	return is_row;
}

static void expect_none(struct world *w, struct tx *tx, const char *what, const char *sql_literal)
{
	DROP(stmt) struct stmt *q = query(w, tx, sql_literal);
	if (row(w, q))
		world_wrong(w, "%s: %lld", what, (long long)stmt_int(q, 0));
}

void inbox_check_case(struct world *w, struct tx *tx, const struct known_case *c, int64_t id)
{
	DROP(stmt) struct stmt *q = query(w, tx,
		"SELECT s.n, (SELECT count(*) FROM message m WHERE m.case_id = s.ref AND m.cause = s.n AND m.person = s.person) FROM stream_event s"
		" WHERE s.kind = 3 AND s.ref = $1 ORDER BY s.person, s.seq");
	int seq = 0;
	if (q == NULL)
		return;
	stmt_bind_int(q, 1, id);
	if (model_part(c->happened[1].deed->department, c->happened[1].deed->ref) != NULL) {
		if (row(w, q))
			world_wrong(w, "case %lld is a part, and its person is told of it", (long long)id);
		return;
	}
	while (row(w, q) && seq < c->count) {
		seq++;
		if (stmt_int(q, 0) != seq)
			world_wrong(w, "case %lld: the stream tells of event %lld where %d is due", (long long)id, (long long)stmt_int(q, 0), seq);
		if (stmt_int(q, 1) != has_words(c->happened[seq].state))
			world_wrong(w, "case %lld, event %d, %s: %lld messages", (long long)id, seq, c->happened[seq].state, (long long)stmt_int(q, 1));
	}
	if (seq != c->count)
		world_wrong(w, "case %lld: the stream tells of %d events, %d have happened", (long long)id, seq, c->count);
}

void inbox_check(struct world *w, struct tx *tx)
{
	expect_none(w, tx, "a stream with a gap, of person",
		"SELECT p.id FROM person p WHERE p.stream_seq <> (SELECT count(*) FROM stream_event s WHERE s.person = p.id)"
		" OR p.stream_seq <> (SELECT coalesce(max(s.seq), 0) FROM stream_event s WHERE s.person = p.id)");
	expect_none(w, tx, "unread messages counted wrongly, of person",
		"SELECT p.id FROM person p WHERE p.unread <> (SELECT count(*) FROM message m WHERE m.person = p.id AND m.read_ms IS NULL)");
	expect_none(w, tx, "a message that the stream does not tell of",
		"SELECT m.id FROM message m WHERE NOT EXISTS (SELECT 1 FROM stream_event s WHERE s.person = m.person AND s.seq = m.seq AND s.kind = 1 AND s.ref = m.id)");
	expect_none(w, tx, "not one bell for a message, of person",
		"SELECT m.person FROM message m WHERE (SELECT count(*) FROM effect e WHERE e.message = m.id) <>"
		" (SELECT count(*) FROM person p WHERE p.id = m.person AND (p.phone_hash_a IS NOT NULL OR p.phone_hash_b IS NOT NULL))");
	expect_none(w, tx, "a bell for no message", "SELECT e.id FROM effect e WHERE e.message > 0 AND NOT EXISTS (SELECT 1 FROM message m WHERE m.id = e.message)");
}
