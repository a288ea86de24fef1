/* Goal: a part's clocks are its own, of the length its guide says, and stop with the whole; what decides waits for what is open; a part that was refused is decided;
 * nothing of a part reaches its applicant. Method: the joint matter of joint_world.h and the shipped calendar of 2026. */
#include "tests/unit/joint_world.h"
#include "base/day.h"
#include "services/cases/case_clock.h"

static char *file_text(const char *name)
{
	static char text[1 << 16];
	char path[512];
	snprintf(path, sizeof(path), "%s/data/%s", SIBAN_SOURCE_DIR, name);
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	size_t len = fread(text, 1, sizeof(text) - 1, f);
	text[len] = '\0';
	fclose(f);
	return text;
}

static char number[32];

static void begin(struct world *w)
{
	joint_import(w);
	world_import(w, "calendar", file_text("calendar.csv"));
	joint_open(w, number);
}

struct asked {
	const char *ref;
	char text[512];
};

static bool look(struct tx *tx, void *ctx, struct fail *why)
{
	struct asked *a = ctx;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT k.kind, k.phase, k.due, k.broken FROM case_clock k JOIN cases c ON c.id = k.case_id WHERE c.case_ref = $1 ORDER BY k.kind", why);
	assert_non_null(q);
	stmt_bind_text(q, 1, str_c(a->ref));
	a->text[0] = '\0';
	while (stmt_row(q, why)) {
		char due[DAY_TEXT_BYTES] = "-";
		if (!stmt_is_null(q, 2))
			day_text((int32_t)stmt_int(q, 2), due);
		size_t len = strlen(a->text);
		snprintf(a->text + len, sizeof a->text - len, "%s%s:%lld:%s%s", len > 0 ? " " : "", clock_kind_row((enum clock_kind)stmt_int(q, 0))->name.at, (long long)stmt_int(q, 1), due,
			 stmt_int(q, 3) != 0 ? "!" : "");
	}
	return why->code == FAIL_NONE;
}

/* Clocks as kind:phase:due, "!" behind one that was broken. */
static void expect_clocks(struct world *w, const char *ref, const char *want)
{
	struct asked a = { .ref = ref };
	struct fail why;
	fail_clear(&why);
	assert_true(store_write(w->store, look, &a, &why));
	assert_string_equal(a.text, want);
}

static void clocks_of_parts(void **state)
{
	struct world *w = *state;
	begin(w);
	expect_clocks(w, "W", "acceptance:3:2026-03-09 promised:1:2026-03-16 statutory:1:2026-04-14");
	world_expect(w, joint_event(w, 2, number, "land", 1, "received", "2026-03-03", ""));
	world_expect(w, joint_event(w, 2, number, "land", 2, "accepted", "2026-03-04", ""));
	expect_clocks(w, "land", "acceptance:3:2026-03-10 promised:1:2026-03-09");
	/* its own pause and extension, which the whole does not feel */
	world_expect(w, joint_event(w, 2, number, "land", 3, "paused", "2026-03-05", ""));
	expect_clocks(w, "land", "acceptance:3:2026-03-10 promised:2:-");
	world_expect(w, joint_event(w, 2, number, "land", 4, "resumed", "2026-03-10", ""));
	expect_clocks(w, "land", "acceptance:3:2026-03-10 promised:1:2026-03-11");
	world_expect(w, joint_event(w, 2, number, "land", 5, "extended", "2026-03-10", ",\"extend_days\":2,\"document\":\"陇自然资延〔2026〕1号\""));
	expect_clocks(w, "land", "acceptance:3:2026-03-10 promised:1:2026-03-13");
	expect_clocks(w, "W", "acceptance:3:2026-03-09 promised:1:2026-03-16 statutory:1:2026-04-14");
	world_expect(w, joint_event(w, 2, number, "land", 6, "decided_ok", "2026-03-16", ""));
	expect_clocks(w, "land", "acceptance:3:2026-03-10 promised:3:2026-03-13!"); /* no delivery: the whole delivers */
}

static void the_end_of_the_whole(void **state)
{
	struct world *w = *state;
	begin(w);
	world_expect(w, joint_event(w, 2, number, "land", 1, "received", "2026-03-03", ""));
	world_expect(w, joint_event(w, 1, number, "fees", 1, "received", "2026-03-03", ""));
	world_expect(w, joint_event(w, 1, number, "fees", 2, "accepted", "2026-03-03", ""));
	world_expect(w, joint_event(w, 1, number, "fees", 3, "paused", "2026-03-04", ""));
	world_expect(w, world_post(w, 1, JOINT_EVENT("w3", "W", "3", "withdrawn", "2026-03-12", "")));
	expect_clocks(w, "land", "acceptance:3:2026-03-10!");
	expect_clocks(w, "fees", "acceptance:3:2026-03-10 promised:3:2026-03-16"); /* it stood from the 5th to the 11th */
	expect_code(w, joint_event(w, 2, number, "land", 2, "accepted", "2026-03-12", ""), FAIL_ILLEGAL_MOVE, "");
	expect_code(w, joint_event(w, 1, number, "fees", 4, "resumed", "2026-03-12", ""), FAIL_ILLEGAL_MOVE, "");
	world_expect(w, joint_event(w, 1, number, "fees", 4, "returned", "2026-03-13", ""));
	expect_clocks(w, "fees", "acceptance:3:2026-03-10 promised:3:2026-03-16");
}

static void fact(struct world *w, const char *name, const char *want)
{
	for (int i = 0; i < w->r.why.fact_count; i++)
		if (strcmp(w->r.why.facts[i].name, name) == 0) {
			assert_string_equal(w->r.why.facts[i].text, want);
			return;
		}
	fail_msg("no %s", name);
}

static void what_waits_for_what(void **state)
{
	struct world *w = *state;
	begin(w);
	expect_code(w, joint_event(w, 2, number, "plan", 1, "received", "2026-03-03", ""), FAIL_ILLEGAL_MOVE, "");
	fact(w, "open_parts", "land");
	world_expect(w, joint_event(w, 2, number, "land", 1, "submitted", "2026-03-03", ""));
	world_expect(w, joint_event(w, 2, number, "land", 2, "not_accepted", "2026-03-04", "")); /* refused is decided */
	world_expect(w, joint_event(w, 2, number, "plan", 1, "received", "2026-03-04", ""));
	expect_code(w, world_post(w, 1, JOINT_EVENT("w3", "W", "3", "decided_no", "2026-03-05", "")), FAIL_ILLEGAL_MOVE, "");
	fact(w, "open_parts", "plan,fees");
	fact(w, "state", "accepted");
	world_expect(w, joint_event(w, 2, number, "plan", 2, "aborted", "2026-03-05", ""));
	world_expect(w, joint_event(w, 1, number, "fees", 1, "received", "2026-03-05", ""));
	world_expect(w, joint_event(w, 1, number, "fees", 2, "accepted", "2026-03-05", ""));
	world_expect(w, joint_event(w, 1, number, "fees", 3, "decided_ok", "2026-03-05", ""));
	world_expect(w, world_post(w, 1, JOINT_EVENT("w3", "W", "3", "decided_no", "2026-03-05", "")));
}

/* What a whole is pinned to holds for its parts, whatever has been published since. */
static void the_version_of_its_opening(void **state)
{
	struct world *w = *state;
	begin(w);
	json_t *g = joint_guide();
	joint_set(g, "parts", "[{\"code\":\"other\",\"name\":\"另一环节\",\"department\":\"" DEPARTMENT_B "\",\"days\":9},{\"code\":\"land\",\"name\":\"用地核查\",\"department\":\"" DEPARTMENT_B
		  "\",\"days\":9}]");
	char *text = json_dumps(g, JSON_COMPACT);
	world_import(w, "guides", text);
	free(text);
	json_decref(g);
	world_expect(w, joint_event(w, 2, number, "land", 1, "received", "2026-03-03", ""));
	world_expect(w, joint_event(w, 2, number, "land", 2, "accepted", "2026-03-03", ""));
	expect_clocks(w, "land", "acceptance:3:2026-03-10 promised:1:2026-03-06");
	expect_code(w, joint_event(w, 2, number, "other", 1, "received", "2026-03-03", ""), FAIL_FIELD, "/whole");
}

static void nothing_of_a_part_is_told(void **state)
{
	struct world *w = *state;
	begin(w);
	char before[4096];
	snprintf(before, sizeof before, "%.*s", STR_ARG(world_rows(w, WORLD_MESSAGES)));
	size_t stream = world_rows(w, WORLD_STREAM).len;
	world_expect(w, joint_event(w, 2, number, "land", 1, "received", "2026-03-03", ""));
	world_expect(w, joint_event(w, 2, number, "land", 2, "accepted", "2026-03-04", ""));
	struct str after = world_rows(w, WORLD_MESSAGES);
	assert_true(before[0] != '\0' && str_eq(after, str_c(before)));
	assert_int_equal(world_rows(w, WORLD_STREAM).len, stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(clocks_of_parts, world_make, world_end),
		cmocka_unit_test_setup_teardown(the_end_of_the_whole, world_make, world_end),
		cmocka_unit_test_setup_teardown(what_waits_for_what, world_make, world_end),
		cmocka_unit_test_setup_teardown(the_version_of_its_opening, world_make, world_end),
		cmocka_unit_test_setup_teardown(nothing_of_a_part_is_told, world_make, world_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
