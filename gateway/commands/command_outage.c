/* gateway/commands/command_outage.c - `siban outage declare`: days on which we could not serve. They are public and stay. */
#include "base/json.h"
#include "gateway/commands/command.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int command_outage(struct command_line *l)
{
	struct fail why;
	char *answer = NULL;
	int code = 0;
	fail_clear(&why);
	if (l->word_count != 2 || strcmp(l->words[0], "declare") != 0 || l->from == NULL || l->to == NULL) {
		fputs("siban outage: needs: declare --from DAY --to DAY [--region CODE] REASON\n", stderr);
		return 2;
	}
	DROP(json) json_t *body = json_pack("{s:s,s:s,s:s}", "from", l->from, "to", l->to, "reason", l->words[1]);
	if (l->region != NULL && body != NULL)
		json_object_set_new(body, "region", json_string(l->region));
	char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
	struct control *k = text == NULL ? NULL : control_open(&l->config, &why);
	int status = k == NULL ? 0 : control_ask(k, "/control/outages", "application/json", str_c(text), &answer, &why);
	if (status == 0)
		code = tell_failure("outage declare", &why);
	else if (status >= 300)
		code = tell_answer("outage declare", status, answer);
	else
		puts("declared; the limits it covered are made anew within a minute, and GET /v1/outages shows it to everybody");
	control_close(k);
	free(text);
	free(answer);
	return code;
}
