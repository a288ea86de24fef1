/* gateway/commands/command_answer.c - a command's question, and its answer as JSON: what went wrong is said here, in the same words for all. */
#include "base/json.h"
#include "gateway/commands/command.h"
#include <stdlib.h>

json_t *control_json(struct control *k, const char *doing, const char *target, struct str body, int *code)
{
	struct fail why;
	char *answer = NULL;
	json_t *j = NULL;
	fail_clear(&why);
	int status = control_ask(k, target, "application/json", body, &answer, &why);
	if (status == 0)
		*code = tell_failure(doing, &why);
	else if (status != 204 && (status >= 300 || (j = json_loads(answer, 0, NULL)) == NULL))
		*code = tell_answer(doing, status, answer);
	free(answer);
	return j;
}

json_t *control_json_of(struct control *k, const char *doing, const char *target, const json_t *body, int *code)
{
	char *text = json_dumps(body, JSON_COMPACT);
	json_t *j = control_json(k, doing, target, text != NULL ? str_c(text) : STR(""), code);
	free(text);
	return j;
}

const char *text_in(const json_t *j, const char *name)
{
	const char *text = json_string_value(json_object_get(j, name));
	return text != NULL ? text : "";
}

int64_t number_in(const json_t *j, const char *name)
{
	return json_integer_value(json_object_get(j, name));
}
