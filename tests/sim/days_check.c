/* tests/sim/days_check.c - what is written, held against the model. */
#include "days.h"

#include "services/cases/case_state.h"
#include "services/voices/voice.h"

#include <string.h>

struct row {
	int64_t n[12];
};

static bool row_by_text(struct days *d, const char *sql, const char *key, int count, struct row *out)
{
	struct tx tx;
	struct fail why;
	bool found = false;
	fail_clear(&why);
	if (!reader_begin(d->eye, &tx, &why))
		return false;
	{
		DROP(stmt) struct stmt *q = tx_query(&tx, sql, &why);
		if (q != NULL) {
			stmt_bind_text(q, 1, str_c(key));
			found = stmt_row(q, &why);
			for (int i = 0; found && i < count; i++)
				out->n[i] = stmt_int(q, i);
		}
	}
	if (why.code != FAIL_NONE)
		days_wrong(d, "%s: %s", sql, why.log);
	return found;
}

static bool row_by_key(struct days *d, const char *sql, const char *prefix, const char *text, int count, struct row *out)
{
	struct tx tx;
	struct fail why;
	struct id key;
	bool found = false;
	fail_clear(&why);
	if (!id_from_text(str_c(text), prefix, &key) || !reader_begin(d->eye, &tx, &why))
		return false;
	{
		DROP(stmt) struct stmt *q = tx_query(&tx, sql, &why);
		if (q != NULL) {
			stmt_bind_blob(q, 1, key.bytes, ID_BYTES);
			found = stmt_row(q, &why);
			for (int i = 0; found && i < count; i++)
				out->n[i] = stmt_int(q, i);
		}
	}
	if (why.code != FAIL_NONE)
		days_wrong(d, "%s: %s", sql, why.log);
	return found;
}

/* ---- visits ---- */

/* A hold whose time is over is over, whether anybody has noticed or not. */
static const char *visit_state(const struct days *d, int64_t state, int64_t held_until)
{
	static const char *const words[] = { "?", "held", "booked", "expired", "cancelled", "attended", "missed" };
	return state == 1 && held_until <= d->now ? "expired" : words[state];
}

void days_check_visit(struct days *d, const struct d_visit *v)
{
	struct row r;
	const char *must = strcmp(v->state, "held") == 0 && !d_is_live_hold(v, d->now) ? "expired" : v->state;
	if (!row_by_key(d, "SELECT state, held_until_ms, starts_ms, ends_ms, people, moves, person, (SELECT COUNT(*) FROM booking_seat s WHERE s.booking = b.id) FROM booking b WHERE key = $1",
		"bk", v->id, 8, &r)) {
		days_wrong(d, "visit %s is gone", v->id);
		return;
	}
	const char *is = visit_state(d, r.n[0], r.n[1]);
	if (strcmp(is, must) != 0 || r.n[2] != v->starts || r.n[3] != v->ends || r.n[4] != v->people || r.n[5] != v->moves || r.n[6] != v->person + 1)
		days_wrong(d, "visit %s is %s at %lld, %lld moves; it must be %s at %lld, %d moves", v->id, is, (long long)r.n[2], (long long)r.n[5], must, (long long)v->starts, v->moves);
	if (r.n[7] != v->seat_count)
		days_wrong(d, "visit %s has %lld seats, it must have %d", v->id, (long long)r.n[7], v->seat_count);
}

static int64_t group_row(struct days *d, int group)
{
	static int64_t rows[D_GROUPS];
	if (rows[group] == 0)
		rows[group] = days_row_of(d, "SELECT id FROM booking_group WHERE letter = $1", group == 0 ? "B" : "C");
	return rows[group];
}

/* Of each hour to come: free as the counters say is free as the model says, once overdue holds are given back. */
static void check_slots(struct days *d)
{
	for (int group = 0; group < D_GROUPS; group++)
		for (int day = d->made_for_day; day <= d_last_day(d->made_for_day); day++)
			for (int slot = 0; slot < D_SLOTS_A_DAY && d_is_workday(day); slot++) {
				struct d_seat s = { group, day, slot };
				int64_t starts = d_slot_starts(day, slot), group_id = group_row(d, group);
				int64_t free = days_number(d, "SELECT capacity - held - booked FROM booking_slot WHERE grp = $1 AND starts_ms = $2", group_id, starts);
				int64_t overdue = days_number(d, "SELECT COUNT(*) FROM booking_seat x JOIN booking b ON b.id = x.booking AND b.state = 1 JOIN booking_slot s ON s.id = x.slot"
					" WHERE b.held_until_ms <= $1 AND s.starts_ms * 10 + s.grp = $2", d->now, starts * 10 + group_id);
				if (free + overdue != d_free(d, &s, NULL))
					days_wrong(d, "group %d, day %d, hour %d: %lld seats are free, it must be %d", group, day, slot, (long long)(free + overdue), d_free(d, &s, NULL));
			}
}

static void check_wait(struct days *d, const struct d_wait *w)
{
	static const char *const words[] = { "?", "waiting", "offered", "taken", "left", "over" };
	struct row r;
	if (!row_by_key(d, "SELECT state, person FROM booking_wait WHERE key = $1", "bw", w->id, 2, &r) || strcmp(words[r.n[0]], w->state) != 0)
		days_wrong(d, "who waits as %s is %s, it must be %s", w->id, words[r.n[0]], w->state);
}

static void check_number(struct days *d, const struct d_number *n)
{
	static const char *const words[] = { "?", "waiting", "called", "done", "skipped" };
	struct row r;
	if (!row_by_key(d, "SELECT state, rank, calls, skips FROM queue_number WHERE key = $1", "qn", n->id, 4, &r) || strcmp(words[r.n[0]], n->state) != 0 || r.n[1] != n->rank ||
	    r.n[2] != n->calls || r.n[3] != n->skips)
		days_wrong(d, "number %s is %s, rank %lld, called %lld times; it must be %s, %d, %d", n->id, words[r.n[0]], (long long)r.n[1], (long long)r.n[2], n->state, n->rank, n->calls);
}

/* ---- cases, drafts, voices ---- */

static void check_case(struct days *d, const struct d_case *c)
{
	struct row r = { { 0 } };
	if (!row_by_text(d, "SELECT state, last_seq, person, (SELECT COALESCE(MAX(g.level), 0) FROM rating g WHERE g.case_id = c.id),"
		" (SELECT COUNT(*) FROM case_event e WHERE e.case_id = c.id), (SELECT COUNT(*) FROM message m WHERE m.case_id = c.id AND m.case_id > 0 AND m.template = 55)"
		" FROM cases c WHERE case_no = $1", c->number, 6, &r)) {
		days_wrong(d, "case %s is gone", c->number);
		return;
	}
	const char *is = case_state_name((enum case_state)r.n[0]).at;
	if (strcmp(is, c->state) != 0 || r.n[1] != c->seq || r.n[4] != c->seq || r.n[2] != c->person + 1 || r.n[3] != c->level)
		days_wrong(d, "case %s is %s, seq %lld, level %lld; it must be %s, %d, %d", c->number, is, (long long)r.n[1], (long long)r.n[3], c->state, c->seq, c->level);
	if (r.n[5] != c->is_invited)
		days_wrong(d, "of case %s somebody was asked %lld times to rate it, it must be %d", c->number, (long long)r.n[5], c->is_invited);
}

static void check_draft(struct days *d, const struct d_draft *a)
{
	struct row r = { { 0 } };
	bool found = row_by_key(d, "SELECT state, edition FROM application WHERE key = $1", "ap", a->id, 2, &r);
	if (found == a->is_gone || (found && ((r.n[0] == 2) != (a->case_index >= 0) || r.n[1] != a->edition)))
		days_wrong(d, "draft %s: there %d, state %lld, edition %lld; it must be edition %d", a->id, found, (long long)r.n[0], (long long)r.n[1], a->edition);
}

void days_check_voice(struct days *d, const struct d_voice *v)
{
	struct row r = { { 0 } };
	if (!row_by_text(d, "SELECT state, COALESCE(department, 0), is_complex, reopened, calls, (SELECT COUNT(*) FROM voice_clock k WHERE k.voice = v.id AND k.phase = 1)"
		" FROM voice v WHERE number = $1", v->number, 6, &r)) {
		days_wrong(d, "voice %s is gone", v->number);
		return;
	}
	const char *is = voice_state_row((enum voice_state)r.n[0])->text.at;
	bool is_running = strcmp(v->state, "received") == 0 || strcmp(v->state, "assigned") == 0 || strcmp(v->state, "handling") == 0;
	if (strcmp(is, v->state) != 0 || r.n[1] != v->department || r.n[2] != v->is_complex || r.n[3] != v->reopened || r.n[4] != v->calls || r.n[5] > 1 || (r.n[5] == 1 && !is_running))
		days_wrong(d, "voice %s is %s at %lld, calls %lld, %lld clocks; it must be %s at %d, calls %d", v->number, is, (long long)r.n[1], (long long)r.n[4], (long long)r.n[5], v->state,
			   v->department, v->calls);
}

/* Those that something may still happen to; at the end of a life, with `from` 0, all. */
enum { RECENT = 60 };

static int from_of(int count, bool all)
{
	return all || count < RECENT ? 0 : count - RECENT;
}

void days_check_all(struct days *d)
{
	bool all = d->steps % 5000 == 0;
	for (int i = all ? 0 : d->visits_from; i < d->visit_count && d->wrong[0] == '\0'; i++)
		days_check_visit(d, &d->visits[i]);
	check_slots(d);
	for (int i = all ? 0 : d->waits_from; i < d->wait_count && d->wrong[0] == '\0'; i++)
		check_wait(d, &d->waits[i]);
	for (int i = all ? 0 : d->numbers_from; i < d->number_count && d->wrong[0] == '\0'; i++)
		check_number(d, &d->numbers[i]);
	for (int i = from_of(d->case_count, all); i < d->case_count && d->wrong[0] == '\0'; i++)
		check_case(d, &d->cases[i]);
	for (int i = from_of(d->draft_count, all); i < d->draft_count && d->wrong[0] == '\0'; i++)
		check_draft(d, &d->drafts[i]);
	for (int i = from_of(d->voice_count, all); i < d->voice_count && d->wrong[0] == '\0'; i++)
		days_check_voice(d, &d->voices[i]);
}
