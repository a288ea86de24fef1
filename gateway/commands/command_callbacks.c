/* gateway/commands/command_callbacks.c - `siban callbacks`: for whoever is asked why somebody paid and his order does not say so. */
#include "base/json.h"
#include "gateway/commands/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int list(struct control *k)
{
	int64_t after = 0, count = 0;
	do {
		char target[96] = "/control/callbacks/list";
		int code = 0;
		if (after > 0)
			snprintf(target, sizeof(target), "/control/callbacks/list?after=%" PRId64, after);
		DROP(json) json_t *j = control_json(k, "callbacks", target, STR(""), &code);
		if (j == NULL)
			return code;
		const json_t *items = json_object_get(j, "items");
		for (size_t i = 0; i < json_array_size(items); i++, count++) {
			const json_t *c = json_array_get(items, i);
			printf("%-8" PRId64 " %-10s %-20s %s  came %s  tries %" PRId64 "  next %s  %s\n", number_in(c, "id"), text_in(c, "platform"), text_in(c, "word"), text_in(c, "event"),
			       text_in(c, "came_at"), number_in(c, "tries"), text_in(c, "due_at"), text_in(c, "reason"));
		}
		after = number_in(j, "after");
	} while (after > 0);
	printf("%" PRId64 " callbacks wait\n", count);
	return 0;
}

static int again(struct control *k)
{
	int code = 0;
	DROP(json) json_t *j = control_json(k, "callbacks", "/control/callbacks/again", STR(""), &code);
	if (j == NULL)
		return code;
	printf("again: %" PRId64 " callbacks\n", number_in(j, "rows"));
	return 0;
}

int command_callbacks(struct command_line *l)
{
	struct fail why;
	fail_clear(&why);
	bool is_list = l->word_count == 1 && strcmp(l->words[0], "list") == 0, is_again = l->word_count == 1 && strcmp(l->words[0], "again") == 0;
	if (!is_list && !is_again) {
		fputs("siban callbacks: needs: list | again\n", stderr);
		return 2;
	}
	struct control *k = is_list ? control_open_to_look(&l->config, &why) : control_open(&l->config, &why);
	if (k == NULL)
		return tell_failure("callbacks", &why);
	int code = is_list ? list(k) : again(k);
	control_close(k);
	return code;
}
