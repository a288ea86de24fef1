/* gateway/commands/command_hold.c - `siban hold list`: of whom nothing may be deleted, why, and which two said so. Placing and releasing takes two people, and whoever has the
 * command line is one. */
#include "base/json.h"
#include "gateway/commands/command.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int list(struct control *k)
{
	int code = 0;
	int64_t after = 0, count = 0;
	for (bool more = true; more;) {
		char target[64];
		snprintf(target, sizeof(target), "/control/holds?after=%" PRId64, after);
		DROP(json) json_t *j = control_json(k, "hold", target, STR(""), &code);
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
