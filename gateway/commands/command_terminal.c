/* gateway/commands/command_terminal.c - `siban terminal`: the self-service machines of halls, each with a certificate of its own. */
#include "base/json.h"
#include "gateway/commands/command.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int usage(void)
{
	fputs("siban terminal: list | add NAME PLACE REGION PEMFILE | revoke TERMINAL\n"
	      "                PLACE is what citizens are shown when they read the terminal's code: hall, floor, machine\n", stderr);
	return 2;
}

static int list(struct control *k)
{
	int64_t after = 0;
	int code = 0;
	do {
		char target[64];
		size_t i;
		json_t *row;
		snprintf(target, sizeof(target), "/control/terminals/list?after=%" PRId64, after);
		DROP(json) json_t *j = control_json(k, "terminal", target, STR(""), &code);
		json_array_foreach(json_object_get(j, "items"), i, row)
			printf("%s  %-7s  until %s  %s  %s  %s\n", text_in(row, "id"), text_in(row, "state"), text_in(row, "expires_at"), text_in(row, "region"), text_in(row, "name"),
			       text_in(row, "place"));
		after = json_integer_value(json_object_get(j, "after"));
	} while (code == 0 && after != 0);
	return code;
}

static int add(struct control *k, char **words)
{
	struct fail why;
	size_t len;
	int code = 0;
	fail_clear(&why);
	char *pem = file_read(words[4], &len, &why);
	if (pem == NULL)
		return tell_failure("terminal", &why);
	json_t *text = json_stringn(pem, len); /* NULL: not UTF-8 */
	free(pem);
	DROP(json) json_t *body = json_pack("{s:s,s:s,s:s,s:o}", "name", words[1], "place", words[2], "region", words[3], "certificate", text != NULL ? text : json_string(""));
	DROP(json) json_t *j = control_json_of(k, "terminal", "/control/terminals/add", body, &code);
	if (j != NULL)
		printf("terminal %s\nexpires_at %s\n", text_in(j, "terminal"), text_in(j, "expires_at"));
	return code;
}

static int revoke(struct control *k, char **words)
{
	int code = 0;
	DROP(json) json_t *body = json_pack("{s:s}", "terminal", words[1]);
	DROP(json) json_t *j = control_json_of(k, "terminal", "/control/terminals/revoke", body, &code);
	if (j != NULL)
		printf("sessions_ended %" JSON_INTEGER_FORMAT "\n", json_integer_value(json_object_get(j, "sessions_ended")));
	return code;
}

int command_terminal(struct command_line *l)
{
	struct fail why;
	const char *verb = l->word_count > 0 ? l->words[0] : "";
	bool is_list = strcmp(verb, "list") == 0 && l->word_count == 1, is_add = strcmp(verb, "add") == 0 && l->word_count == 5;
	bool is_revoke = strcmp(verb, "revoke") == 0 && l->word_count == 2;
	fail_clear(&why);
	if (!is_list && !is_add && !is_revoke)
		return usage();
	struct control *k = control_open(&l->config, &why);
	if (k == NULL)
		return tell_failure("terminal", &why);
	int code = is_list ? list(k) : is_add ? add(k, l->words) : revoke(k, l->words);
	control_close(k);
	return code;
}
