/* gateway/command_hold.c - `siban hold list`: of whom nothing may be deleted, why, and which two said so. Placing and releasing takes two people, and whoever has the
 * command line is one. */
#include "base/json.h"
#include "gateway/command.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text_in(const json_t *j, const char *name)
{
	const char *text = json_string_value(json_object_get(j, name));
	return text != NULL ? text : "";
}

static json_t *ask(struct control *k, int64_t after, int *code)
{
	struct fail why;
	char *answer = NULL, target[64];
	json_t *j = NULL;
	fail_clear(&why);
	snprintf(target, sizeof(target), "/control/holds?after=%" PRId64, after);
	int status = control_ask(k, target, "application/json", STR(""), &answer, &why);
	if (status == 0)
		*code = tell_failure("hold", &why);
	else if (status >= 300 || (j = json_loads(answer, 0, NULL)) == NULL)
		*code = tell_answer("hold", status, answer);
	free(answer);
	return j;
}

static int list(struct control *k)
{
	int code = 0;
	int64_t after = 0, count = 0;
	for (bool more = true; more;) {
		DROP(json) json_t *j = ask(k, after, &code);
		if (j == NULL)
			return code;
		const json_t *items = json_object_get(j, "items");
		for (size_t i = 0; i < json_array_size(items); i++, count++) {
			const json_t *h = json_array_get(items, i);
			printf("%s  %s  by %s and %s  %s\n", text_in(h, "case_no"), text_in(h, "placed_at"), text_in(h, "maker"), text_in(h, "checker"), text_in(h, "reason"));
		}
		after = json_integer_value(json_object_get(j, "after"));
		more = json_is_true(json_object_get(j, "more"));
	}
	printf("%" PRId64 " holds\n", count);
	return 0;
}

int command_hold(struct command_line *l)
{
	struct fail why;
	fail_clear(&why);
	if (l->word_count != 1 || strcmp(l->words[0], "list") != 0) {
		fputs("siban hold: needs: list. A hold is placed and released by two members of staff: POST /v1/staff/proposals, kind hold_place or hold_release, subject a case\n",
		      stderr);
		return 2;
	}
	struct control *k = control_open(&l->config, &why);
	if (k == NULL)
		return tell_failure("hold", &why);
	int code = list(k);
	control_close(k);
	return code;
}
