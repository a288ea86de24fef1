/* Goal: the table allows what practice allows and nothing else. Method: every pair of state and event against a list written by
 * hand, apart from the table; the texts' presence; the size of the facts; the same words in docs/openapi.yaml. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "services/cases/case_state.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

/* "state: event>state …" */
static const char *const expected[] = {
	"none: submitted>submitted received>received",
	"submitted: pre_returned>pre_returned received>received correct_pre_asked>correct_pre not_accepted>not_accepted accepted>accepted"
	" returned>returned withdrawn>withdrawn aborted>aborted",
	"pre_returned: submitted>submitted returned>returned withdrawn>withdrawn aborted>aborted",
	"received: correct_pre_asked>correct_pre not_accepted>not_accepted accepted>accepted returned>returned withdrawn>withdrawn aborted>aborted",
	"correct_pre: correct_pre_done>received not_accepted>not_accepted returned>returned withdrawn>withdrawn aborted>aborted",
	"not_accepted:",
	"accepted: correct_asked>correct special_started>special paused>paused decided_ok>decided_ok decided_no>decided_no returned>returned"
	" withdrawn>withdrawn aborted>aborted extended>accepted followed>accepted",
	"correct: correct_done>accepted returned>returned withdrawn>withdrawn aborted>aborted",
	"special: special_ended>accepted returned>returned withdrawn>withdrawn aborted>aborted",
	"paused: resumed>accepted returned>returned withdrawn>withdrawn aborted>aborted",
	"decided_ok: done>done aborted>aborted",
	"decided_no: done>done aborted>aborted",
	"done: delivered>delivered",
	"returned:", "withdrawn:", "aborted:", "delivered:",
};

static void every_pair(void **state)
{
	(void)state;
	assert_int_equal(sizeof(expected) / sizeof(expected[0]), CASE_STATE_COUNT);
	for (int s = 0; s < CASE_STATE_COUNT; s++) {
		char line[512], allowed[112] = "";
		size_t len = (size_t)snprintf(line, sizeof(line), "%s:", case_state_name((enum case_state)s).at);
		for (int e = 1; e < CASE_EVENT_COUNT; e++) {
			struct fail why;
			enum case_state to;
			fail_clear(&why);
			if (case_move((enum case_state)s, (enum case_event)e, &to, &why)) {
				len += (size_t)snprintf(line + len, sizeof(line) - len, " %s>%s", case_event_row((enum case_event)e)->name.at, case_state_name(to).at);
				continue;
			}
			assert_int_equal(why.code, FAIL_ILLEGAL_MOVE);
			assert_string_equal(why.facts[0].name, "state");
			assert_string_equal(why.facts[0].text, case_state_name((enum case_state)s).at);
			assert_string_equal(why.facts[1].name, "allowed");
			snprintf(allowed, sizeof(allowed), "%s", why.facts[1].text);
		}
		assert_string_equal(line, expected[s]);
		/* the fact tells the same */
		char want[512] = "";
		const char *at = strchr(expected[s], ' ');
		while (at != NULL) {
			size_t name = strcspn(at + 1, ">");
			snprintf(want + strlen(want), sizeof(want) - strlen(want), "%s%.*s", want[0] != '\0' ? "," : "", (int)name, at + 1);
			at = strchr(at + 1, ' ');
		}
		assert_string_equal(allowed, want);
	}
}

static void texts(void **state)
{
	(void)state;
	for (int s = 1; s < CASE_STATE_COUNT; s++) {
		const struct case_state_row *row = case_state_row((enum case_state)s);
		for (int lang = LANG_ZH; lang <= LANG_EN; lang++) {
			assert_true(row->text[lang].len > 0 && row->advice[lang].len > 0 && case_status_row(row->status)->text[lang].len > 0);
			assert_true(str_is_utf8(row->text[lang]) && str_is_utf8(row->advice[lang]));
		}
		/* the public is asked for something exactly where the applicant moves the case on */
		assert_int_equal(row->mover == CASE_MOVER_APPLICANT, row->status == CASE_STATUS_NEEDS_YOU);
		assert_int_equal(row->next == CASE_NEXT_SUPPLEMENT, row->status == CASE_STATUS_NEEDS_YOU);
	}
	enum case_event e;
	for (int n = 1; n < CASE_EVENT_COUNT; n++) {
		assert_true(case_event_from(case_event_row((enum case_event)n)->name, &e));
		assert_int_equal(e, n);
	}
	assert_false(case_event_from(STR("Accepted"), &e));
	assert_false(case_event_from(STR(""), &e));
}

/* ---- the contract speaks of the same words ---- */

static char *contract_without_space(void)
{
	FILE *f = fopen(SIBAN_SOURCE_DIR "/docs/openapi.yaml", "rb");
	assert_non_null(f);
	char *text = calloc(1, 1 << 20);
	size_t len = 0;
	for (int c = fgetc(f); c != EOF && len < (1 << 20) - 1; c = fgetc(f))
		if (!isspace(c))
			text[len++] = (char)c;
	fclose(f);
	return text;
}

static struct str status_name(int n) { return case_status_row((enum case_status)n)->name; }
static struct str state_name(int n) { return case_state_row((enum case_state)n)->name; }
static struct str event_name(int n) { return case_event_row((enum case_event)n)->name; }

static void contract(void **state)
{
	(void)state;
	static const struct {
		int count;
		struct str (*name)(int n);
	} lists[] = { { CASE_STATUS_COUNT, status_name }, { CASE_STATE_COUNT, state_name }, { CASE_EVENT_COUNT, event_name } };
	char *text = contract_without_space();
	for (size_t l = 0; l < sizeof(lists) / sizeof(lists[0]); l++) {
		char want[512] = "enum:[";
		for (int n = 1; n < lists[l].count; n++)
			snprintf(want + strlen(want), sizeof(want) - strlen(want), "%s%s", lists[l].name(n).at, n == lists[l].count - 1 ? "]" : ",");
		if (strstr(text, want) == NULL)
			fail_msg("docs/openapi.yaml has no %s", want);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_pair), cmocka_unit_test(texts), cmocka_unit_test(contract) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
