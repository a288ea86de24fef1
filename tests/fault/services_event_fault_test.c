/* Goal: whatever fails inside a department's post, nothing of it stays, the reason is one that may be tried again, and the repetition
 * does the whole thing. Method: fail the n-th statement step, n = 1, 2, … until the post passes; then give it
 * n times 32 bytes of memory until they suffice. After each failure all rows are as before. */
#include "tests/unit/joint_world.h"
#include "tests/write_faults.h"

#define EVENT(id, seq, name, more)                                                                                             \
	"{\"event_id\":\"" id "\",\"case_ref\":\"F\",\"seq\":" seq ",\"event\":\"" name "\",\"occurred_at\":\"2026-11-23T15:00:00+08:00\"" more "}"
#define OPENING ",\"matter\":\"M1\",\"region\":\"621202\",\"applicant\":{\"id_type\":\"resident\",\"id_number\":\"" RESIDENT "\"}"

static const char opening[] = EVENT("f1", "1", "submitted", OPENING);

/* What is posted, by whom, and what its answer says. */
static struct {
	const char *body, *says;
	int64_t department;
} posted;

static int begin(void **state)
{
	world_make(state);
	world_import_small(*state);
	/* two wait for the opening, and a third will be refused: the post below has the most to do */
	world_expect(*state, world_post(*state, 1, EVENT("f2", "2", "received", "")));
	world_expect(*state, world_post(*state, 1, EVENT("f3", "3", "accepted", ",\"note\":\"已受理\"")));
	world_expect(*state, world_post(*state, 1, EVENT("f4", "4", "done", "")));
	posted.body = opening;
	posted.says = "\"next_seq\":4";
	posted.department = 1;
	return 0;
}

/* What waits for the opening wants something. */
static int begin_demand(void **state)
{
	world_make(state);
	world_import_small(*state);
	world_expect(*state, world_post(*state, 1, EVENT("f2", "2", "correct_pre_asked", ",\"demand\":{\"days\":5,\"items\":[{\"name\":\"居委会证明\",\"reason\":\"没有\"},{\"material\":1,\"reason\":\"过期\"}]}")));
	world_expect(*state, world_post(*state, 1, EVENT("f3", "3", "correct_pre_done", "")));
	world_expect(*state, world_post(*state, 1, EVENT("f4", "4", "done", "")));
	posted.body = opening;
	posted.says = "\"next_seq\":4";
	posted.department = 1;
	return 0;
}

/* The first event of a part of a joint case, with one that waits for it and one that will be refused. */
static int begin_part(void **state)
{
	static char body[512];
	char number[32];
	world_make(state);
	joint_import(*state);
	joint_open(*state, number);
	world_expect(*state, world_post(*state, 2, EVENT("f2", "2", "accepted", "")));
	world_expect(*state, world_post(*state, 2, EVENT("f4", "3", "done", "")));
	snprintf(body, sizeof body, EVENT("f1", "1", "received", ",\"whole\":\"%s\",\"part\":\"land\""), number);
	posted.body = body;
	posted.says = "\"next_seq\":3";
	posted.department = 2;
	return 0;
}

/* The whole ends, and clocks of a part with it. */
static int begin_end(void **state)
{
	char number[32];
	world_make(state);
	joint_import(*state);
	joint_open(*state, number);
	world_expect(*state, joint_event(*state, 2, number, "land", 1, "received", "2026-11-20", ""));
	world_expect(*state, joint_event(*state, 1, number, "fees", 1, "received", "2026-11-20", ""));
	world_expect(*state, joint_event(*state, 1, number, "fees", 2, "accepted", "2026-11-20", ""));
	posted.body = JOINT_EVENT("w3", "W", "3", "withdrawn", "2026-11-23", "");
	posted.says = "\"next_seq\":4";
	posted.department = 1;
	return 0;
}

static bool apply_only(struct tx *tx, void *ctx, struct fail *why)
{
	struct world *w = ctx;
	return department_event_post.apply(tx, &w->r, why);
}

/* Everything from parse to render. */
static bool run(struct world *w)
{
	return department_event_post.parse(&w->r, &w->r.why) && store_write(w->store, apply_only, w, &w->r.why) &&
	       department_event_post.render(&w->r, &w->r.why);
}

static void ask(struct world *w)
{
	world_ask(w, METHOD_POST, "/v1/department/events", NULL, posted.body);
	w->r.who = (struct principal){ .kind = WHO_DEPARTMENT, .id = posted.department, .test_key = true };
}

static bool post_with_switch(struct world *w, int n)
{
	char setting[64];
	snprintf(setting, sizeof(setting), "store_step=%d", n);
	ask(w);
	assert_true(fault_set(str_c(setting)));
	bool ok = run(w);
	fault_clear_all();
	return ok;
}

/* Leaves `n` times 32 bytes in the arena's only chunk. */
static bool post_with_memory(struct world *w, int n)
{
	ask(w);
	struct arena *a = &w->r.arena;
	while (a->end - a->at >= 32 * (ptrdiff_t)n + 16)
		assert_non_null(arena_alloc(a, 16));
	a->cap = a->used;
	return run(w);
}

static void each(struct world *w, bool (*post)(struct world *w, int n), int at_least)
{
	char *before = wf_rows(w);
	int n = 1;
	while (!post(w, n)) {
		if (!fail_row(w->r.why.code)->again)
			fail_msg("%d: %s: %s", n, fail_row(w->r.why.code)->name, w->r.why.log);
		char *after = wf_rows(w);
		if (strcmp(after, before) != 0) { /* an answer that could not be written, after COMMIT: the repetition tells */
			assert_int_equal(w->r.why.code, FAIL_MEMORY);
			free(after);
			break;
		}
		free(after);
		assert_true(++n < 1000);
	}
	print_message("%d failures\n", n - 1);
	assert_true(n > at_least);
	free(before);
	ask(w);
	assert_true(run(w) || w->r.why.code == FAIL_NONE);
	assert_true(body_has(w, posted.says));
	assert_true(strstr(posted.body, "w3") != NULL || strstr(world_rows(w, WORLD_HELD).at, "|f4|") != NULL);
}

static void statements(void **state)
{
	each(*state, post_with_switch, 15);
}

static void memory(void **state)
{
	each(*state, post_with_memory, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(statements, begin, world_end),
		cmocka_unit_test_setup_teardown(memory, begin, world_end),
		cmocka_unit_test_setup_teardown(statements, begin_demand, world_end),
		cmocka_unit_test_setup_teardown(memory, begin_demand, world_end),
		cmocka_unit_test_setup_teardown(statements, begin_part, world_end),
		cmocka_unit_test_setup_teardown(memory, begin_part, world_end),
		cmocka_unit_test_setup_teardown(statements, begin_end, world_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
