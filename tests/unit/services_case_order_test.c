/* Goal: in whatever order, how often and with whatever nonsense between them a department's events come, the timeline is the one it meant.
 * Method: 2,000 plans drawn from a seed, each sent out of order, repeated, beside wrong ones; then the rows are held against the plan. */
#include "tests/unit/services_world.h"
#include "services/cases/case_journal.h"
#include "services/cases/case_state.h"
#include "services/services.h"

#define APPLICANT "\"matter\":\"M1\",\"region\":\"621202\",\"applicant\":{\"id_type\":\"resident\",\"id_number\":\"" RESIDENT "\"}"

enum { INTERLEAVINGS = 2000, PATH_MAX_EVENTS = 24, BATCH = 50 };

struct plan { /* what the department means to say about one case */
	char ref[16];
	int count;
	enum case_event events[PATH_MAX_EVENTS + 1]; /* by seq */
	enum case_state states[PATH_MAX_EVENTS + 1]; /* after seq */
	bool is_heard[PATH_MAX_EVENTS + 1];          /* answered 200, 201 or 202: not to be sent again */
};

static uint64_t random_state = 1;

static int any(int below)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (int)((random_state >> 33) % (uint64_t)below);
}

static bool may(enum case_state s, enum case_event e, enum case_state *to)
{
	struct fail why;
	fail_clear(&why);
	return case_move(s, e, to, &why);
}

static void plan_make(struct plan *p, int number)
{
	memset(p, 0, sizeof(*p));
	snprintf(p->ref, sizeof(p->ref), "I%d", number);
	int want = 1 + any(PATH_MAX_EVENTS);
	for (int tries = 0; p->count < want && tries < 2000; tries++) {
		enum case_event e = (enum case_event)(1 + any(CASE_EVENT_COUNT - 1));
		enum case_state to;
		/* ends are rare, or every path would be short */
		if (may(p->states[p->count], e, &to) && (case_state_row(to)->mover != CASE_MOVER_NOBODY || any(40) == 0)) {
			p->count++;
			p->events[p->count] = e;
			p->states[p->count] = to;
		}
	}
}

struct sending {
	struct world *w;
	struct plan *plans;
	int count;
};

/* One request inside the batch's transaction, as the committer does it: behind a savepoint, so that a failure undoes itself alone. */
static int send(struct tx *tx, struct world *w, const struct plan *p, int seq, enum case_event e, bool is_wrong)
{
	char body[512];
	struct fail why;
	snprintf(body, sizeof(body), "{\"event_id\":\"%s-%d-%s\",\"case_ref\":\"%s\",\"seq\":%d,\"event\":\"%s\",\"occurred_at\":\"2026-11-23T15:00:00+08:00\"%s%s%s}",
		 p->ref, seq, is_wrong ? case_event_row(e)->name.at : "right", p->ref, seq, case_event_row(e)->name.at, seq == 1 ? "," : "", seq == 1 ? APPLICANT : "",
		 e == CASE_EVENT_EXTENDED ? ",\"extend_days\":5,\"document\":\"延〔1〕号\"" : "");
	world_ask(w, METHOD_POST, "/v1/department/events", NULL, body);
	w->r.who = (struct principal){ .kind = WHO_DEPARTMENT, .id = 1, .test_key = true };
	assert_true(department_event_post.parse(&w->r, &w->r.why));
	fail_clear(&why);
	struct stmt *q = tx_query(tx, "SAVEPOINT one", &why);
	assert_true(q != NULL && stmt_run(q, &why));
	stmt_drop(q);
	tx->touched_count = 0;
	bool ok = department_event_post.apply(tx, &w->r, &w->r.why);
	if (!ok) {
		q = tx_query(tx, "ROLLBACK TO one", &why);
		assert_true(q != NULL && stmt_run(q, &why));
		stmt_drop(q);
	}
	q = tx_query(tx, "RELEASE one", &why);
	assert_true(q != NULL && stmt_run(q, &why));
	stmt_drop(q);
	if (!ok)
		return fail_row(w->r.why.code)->http;
	assert_true(department_event_post.render(&w->r, &w->r.why));
	return w->r.reply.status;
}

static void send_right(struct tx *tx, struct world *w, struct plan *p, int seq)
{
	int status = send(tx, w, p, seq, p->events[seq], false);
	/* refused only where a wrong one sits at its seq, waiting for the gap to close */
	if (status == 409)
		assert_true(w->r.why.code == FAIL_SEQ_TAKEN && !p->is_heard[seq]);
	else
		assert_true(status == 200 || status == 201 || status == 202);
	if (status != 409)
		p->is_heard[seq] = true;
}

/* An event that the state before it does not allow: never applied, whether it comes early or in its turn. */
static void send_wrong(struct tx *tx, struct world *w, struct plan *p, int seq)
{
	enum case_state to;
	enum case_event e = (enum case_event)(1 + any(CASE_EVENT_COUNT - 1));
	if (may(p->states[seq - 1], e, &to))
		return;
	int status = send(tx, w, p, seq, e, true);
	assert_true(status == 202 || (status == 409 && w->r.why.code != FAIL_EVENT_REUSED));
}

static bool send_all(struct tx *tx, void *ctx, struct fail *why)
{
	struct sending *s = ctx;
	(void)why;
	for (int i = 0; i < s->count; i++) {
		struct plan *p = &s->plans[i];
		for (int n = any(3 * p->count); n > 0; n--) {
			int seq = 1 + any(p->count);
			if (any(6) == 0)
				send_wrong(tx, s->w, p, seq);
			else
				send_right(tx, s->w, p, seq);
		}
		for (int seq = 1; seq <= p->count; seq++) /* then what was never accepted, in order: nothing that was accepted is repeated */
			if (!p->is_heard[seq])
				send_right(tx, s->w, p, seq);
	}
	tx->touched_count = 0;
	return true;
}

static void compare(struct tx *tx, const struct plan *p)
{
	struct fail why;
	int seq = 0;
	fail_clear(&why);
	struct stmt *q = tx_query(tx, "SELECT e.seq, e.event, e.state, e.event_id, c.state, c.last_seq FROM case_event e JOIN cases c ON c.id = e.case_id"
				      " WHERE c.case_ref = $1 ORDER BY e.seq", &why);
	stmt_bind_text(q, 1, str_c(p->ref));
	while (stmt_row(q, &why)) {
		char id[64];
		seq++;
		snprintf(id, sizeof(id), "%.15s-%d-right", p->ref, seq);
		assert_int_equal(stmt_int(q, 0), seq);
		assert_int_equal(stmt_int(q, 1), p->events[seq]);
		assert_int_equal(stmt_int(q, 2), p->states[seq]);
		assert_true(str_eq(stmt_text(q, 3), str_c(id)));
		assert_int_equal(stmt_int(q, 4), p->states[p->count]);
		assert_int_equal(stmt_int(q, 5), p->count);
	}
	stmt_drop(q);
	assert_int_equal(why.code, FAIL_NONE);
	assert_int_equal(seq, p->count);
	q = tx_query(tx, "SELECT COUNT(*) FROM held_event WHERE case_ref = $1 AND refused_in = 0 AND seq <= $2", &why);
	stmt_bind_text(q, 1, str_c(p->ref));
	stmt_bind_int(q, 2, p->count);
	assert_true(stmt_row(q, &why));
	assert_int_equal(stmt_int(q, 0), 0);
	stmt_drop(q);
}

static void interleavings(void **state)
{
	struct world *w = *state;
	struct plan plans[BATCH];
	int64_t events = 0;
	for (int done = 0; done < INTERLEAVINGS; done += BATCH) {
		struct sending s = { w, plans, BATCH };
		struct fail why;
		struct tx tx;
		fail_clear(&why);
		for (int i = 0; i < BATCH; i++)
			plan_make(&plans[i], done + i);
		world_must(store_write(w->store, send_all, &s, &why), &why);
		world_must(reader_begin(w->reader, &tx, &why), &why);
		for (int i = 0; i < BATCH; i++) {
			compare(&tx, &plans[i]);
			events += plans[i].count;
		}
		reader_end(w->reader);
	}
	print_message("%d interleavings, %lld events\n", INTERLEAVINGS, (long long)events);
	assert_true(events > INTERLEAVINGS * 5);
}

static int begin(void **state)
{
	world_make(state);
	world_import_small(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(interleavings, begin, world_end) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
