/* tests/sim/checks.c - the rows of the database beside the rows of the model. */
#include "world.h"

#include "base/hash.h"
#include "base/request.h"
#include "gateway/requests/route.h"
#include "store/sqlite.h"

/* The numbers of states and events in the database, which never change. */
static const char *const state_words[] = {
	"nothing", "submitted", "pre_returned", "received", "correct_pre", "not_accepted", "accepted", "correct", "special", "paused", "decided_ok",
	"decided_no", "done", "returned", "withdrawn", "aborted", "delivered",
};
enum { STATES = sizeof state_words / sizeof state_words[0] };

static const char *state_word(int64_t number)
{
	return number >= 0 && number < STATES ? state_words[number] : "?";
}

static bool begin(struct world *w, struct tx *tx)
{
	struct fail why;
	fail_clear(&why);
	if (reader_begin(w->machine.eye, tx, &why))
		return true;
	world_wrong(w, "cannot be read: %s", why.log);
	return false;
}

static void end(struct world *w)
{
	reader_end(w->machine.eye);
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
	bool is_row = stmt_row(q, &why);
	if (why.code != FAIL_NONE)
		world_wrong(w, "reading: %s", why.log);
	return is_row;
}

static int64_t number(struct world *w, struct tx *tx, const char *sql_literal)
{
	DROP(stmt) struct stmt *q = query(w, tx, sql_literal);
	return q != NULL && row(w, q) ? stmt_int(q, 0) : -1;
}

/* ---- one case ---- */

static bool is_event_id(struct str s, const struct deed *d)
{
	char text[MODEL_TEXT];
	int n = snprintf(text, sizeof text, "E%d-%d", d->department, d->id);
	return str_eq(s, (struct str){ text, (size_t)n });
}

static void check_events(struct world *w, struct tx *tx, const struct known_case *c, int64_t id)
{
	DROP(stmt) struct stmt *q = query(w, tx, "SELECT seq, event_id, event, state, occurred_ms, received_ms FROM case_event WHERE case_id = $1 ORDER BY seq");
	int seq = 0;
	if (q == NULL)
		return;
	stmt_bind_int(q, 1, id);
	while (row(w, q)) {
		const struct happened *h = &c->happened[++seq];
		if (seq > c->count) {
			world_wrong(w, "event %d of case %lld never happened", seq, (long long)id);
			return;
		}
		if (stmt_int(q, 0) != seq || !is_event_id(stmt_text(q, 1), h->deed) || stmt_int(q, 2) != h->deed->event + 1 ||
		    strcmp(state_word(stmt_int(q, 3)), h->state) != 0 || stmt_int(q, 4) != h->deed->occurred_ms || stmt_int(q, 5) != h->received_ms)
			world_wrong(w, "event %d of case %lld is not what happened", seq, (long long)id);
	}
	if (seq != c->count)
		world_wrong(w, "case %lld has %d events, %d have happened", (long long)id, seq, c->count);
}

static void check_waiting(struct world *w, struct tx *tx, int department, int ref)
{
	const struct known_case *c = &w->model.cases[department][ref];
	char text[MODEL_TEXT];
	int found = 0;
	DROP(stmt) struct stmt *q = query(w, tx, "SELECT event_id, seq, refused_in, received_ms FROM held_event WHERE department = $1 AND case_ref = $2");
	if (q == NULL)
		return;
	snprintf(text, sizeof text, "D%d-%d", department, ref);
	stmt_bind_int(q, 1, department + 1);
	stmt_bind_text(q, 2, str_c(text));
	for (; row(w, q); found++) {
		bool is_one = false;
		for (int i = 0; i < c->waiting_count; i++) {
			const struct waiting *wait = &c->waiting[i];
			const char *refused = wait->refused_in != NULL ? wait->refused_in : "nothing";
			is_one |= is_event_id(stmt_text(q, 0), wait->deed) && stmt_int(q, 1) == wait->deed->seq &&
				  strcmp(state_word(stmt_int(q, 2)), refused) == 0 && stmt_int(q, 3) == wait->received_ms;
		}
		if (!is_one)
			world_wrong(w, "%.*s does not wait for case %s", STR_ARG(stmt_text(q, 0)), text);
	}
	if (found != c->waiting_count)
		world_wrong(w, "%d wait for case %s, it must be %d", found, text, c->waiting_count);
}

static void check_case(struct world *w, struct tx *tx, int department, int ref)
{
	const struct known_case *c = &w->model.cases[department][ref];
	char text[MODEL_TEXT];
	int64_t id = 0;
	snprintf(text, sizeof text, "D%d-%d", department, ref);
	{
		DROP(stmt) struct stmt *q = query(w, tx, "SELECT id, case_no, state, last_seq, opened_ms, updated_ms FROM cases WHERE department = $1 AND case_ref = $2");
		if (q == NULL)
			return;
		stmt_bind_int(q, 1, department + 1);
		stmt_bind_text(q, 2, str_c(text));
		bool is_there = row(w, q);
		if (is_there != (c->count > 0)) {
			world_wrong(w, "case %s %s", text, is_there ? "was never opened" : "is gone");
			return;
		}
		if (is_there) {
			id = stmt_int(q, 0);
			if (strcmp(state_word(stmt_int(q, 2)), c->state) != 0 || stmt_int(q, 3) != c->count || stmt_int(q, 4) != c->opened_ms ||
			    stmt_int(q, 5) != c->updated_ms || (c->case_no[0] != '\0' && !str_eq(stmt_text(q, 1), str_c(c->case_no))))
				world_wrong(w, "case %s is not as it must be: %s, %lld events", text, state_word(stmt_int(q, 2)), (long long)stmt_int(q, 3));
		}
	}
	if (id > 0) {
		check_events(w, tx, c, id);
		inbox_check_case(w, tx, c, id);
		office_check_case(w, tx, &w->model.cases[department][ref], id);
	}
	check_waiting(w, tx, department, ref);
}

/* ---- all of them ---- */

static void check_counts(struct world *w, struct tx *tx)
{
	int64_t events = 0, cases = 0, waiting = 0;
	for (int d = 0; d < MODEL_DEPARTMENTS; d++)
		for (int r = 0; r < MODEL_REFS; r++) {
			const struct known_case *c = &w->model.cases[d][r];
			events += c->count;
			cases += c->count > 0;
			waiting += c->waiting_count;
		}
	const struct { const char *what; int64_t is, must; } rows[] = {
		{ "cases", number(w, tx, "SELECT count(*) FROM cases"), cases },
		{ "events", number(w, tx, "SELECT count(*) FROM case_event"), events },
		{ "waiting events", number(w, tx, "SELECT count(*) FROM held_event"), waiting },
		{ "kept answers", number(w, tx, "SELECT count(*) FROM outcome"), w->model.kept_count },
		{ "broken sums", number(w, tx, "SELECT count(*) FROM cases c WHERE last_seq <> (SELECT count(*) FROM case_event e WHERE e.case_id = c.id)"), 0 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (rows[i].is != rows[i].must)
			world_wrong(w, "%lld %s, it must be %lld", (long long)rows[i].is, rows[i].what, (long long)rows[i].must);
}

void checks_all(struct world *w)
{
	struct tx tx;
	if (!begin(w, &tx))
		return;
	for (int d = 0; d < MODEL_DEPARTMENTS; d++)
		for (int r = 0; r < MODEL_REFS; r++)
			check_case(w, &tx, d, r);
	check_counts(w, &tx);
	inbox_check(w, &tx);
	office_check(w, &tx);
	sealing_check(w, &tx);
	errands_check(w, &tx);
	end(w);
}

void checks_case(struct world *w, int department, int ref)
{
	struct tx tx;
	if (!begin(w, &tx))
		return;
	check_case(w, &tx, department, ref);
	end(w);
}

static void check_whole(struct world *w, struct tx *tx)
{
	DROP(stmt) struct stmt *q = query(w, tx, "PRAGMA integrity_check");
	if (q != NULL && (!row(w, q) || !str_eq(stmt_text(q, 0), STR("ok"))))
		world_wrong(w, "integrity: %.*s", STR_ARG(stmt_text(q, 0)));
	DROP(stmt) struct stmt *f = query(w, tx, "PRAGMA foreign_key_check");
	if (f != NULL && row(w, f))
		world_wrong(w, "foreign key: %.*s", STR_ARG(stmt_text(f, 0)));
}

void checks_whole(struct world *w)
{
	struct tx tx;
	if (!begin(w, &tx))
		return;
	check_whole(w, &tx);
	end(w);
}

/* ---- one key ---- */

static int count_outcomes(struct world *w, struct tx *tx, int department, int key)
{
	char text[32];
	uint8_t hash[SHA256_BYTES];
	int n = snprintf(text, sizeof text, "key-%08d", key);
	sha256((struct str){ text, (size_t)n }, hash);
	DROP(stmt) struct stmt *q = query(w, tx, "SELECT count(*) FROM outcome WHERE who_kind = 4 AND who_id = $1 AND key_hash = $2");
	if (q == NULL)
		return 0;
	stmt_bind_int(q, 1, department + 1);
	stmt_bind_blob(q, 2, hash, sizeof hash);
	return row(w, q) ? (int)stmt_int(q, 0) : 0;
}

int checks_outcomes(struct world *w, int department, int key)
{
	struct tx tx;
	if (!begin(w, &tx))
		return 0;
	int count = count_outcomes(w, &tx, department, key);
	end(w);
	return count;
}
