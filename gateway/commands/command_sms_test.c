/* gateway/commands/command_sms_test.c - `siban sms-test`: one text to one phone, and in plain words what became of it. */
#include "base/json.h"
#include "gateway/commands/command.h"
#include <stdio.h>
#include <stdlib.h>

static json_t *body_of(const struct command_line *l)
{
	json_t *params = json_object();
	for (int i = 1; i < l->word_count; i++) {
		char *is = strchr(l->words[i], '=');
		if (is == NULL || is == l->words[i]) {
			json_decref(params);
			return NULL;
		}
		*is = '\0';
		json_object_set_new(params, l->words[i], json_string(is + 1));
	}
	return json_pack("{s:s,s:o}", "phone", l->words[0], "params", params);
}

static int tell(const json_t *j)
{
	const char *text = json_string_value(json_object_get(j, "text")), *ref = json_string_value(json_object_get(j, "ref")), *state = json_string_value(json_object_get(j, "state"));
	long long id = (long long)json_integer_value(json_object_get(j, "id"));
	printf("%s\n", text != NULL ? text : "");
	if (ref != NULL && ref[0] != '\0')
		printf("BizId %s\n", ref);
	printf("siban effects show %lld\n", id);
	return state != NULL && strcmp(state, "done") == 0 ? 0 : 1;
}

int command_sms_test(struct command_line *l)
{
	struct fail why;
	char *answer = NULL;
	json_t *body = l->word_count > 0 ? body_of(l) : NULL;
	if (body == NULL) {
		fputs("siban sms-test: needs PHONE, and the template's variables as NAME=VALUE\n", stderr);
		return 2;
	}
	fail_clear(&why);
	char *text = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	struct control *k = control_open(&l->config, &why);
	int status = k == NULL ? 0 : control_ask(k, "/control/sms-tests", "application/json", str_c(text), &answer, &why), code;
	if (status == 0) {
		code = tell_failure("sms-test", &why);
	} else if (status >= 300) {
		code = tell_answer("sms-test", status, answer);
	} else {
		DROP(json) json_t *j = json_loads(answer, 0, NULL);
		code = tell(j);
	}
	control_close(k);
	free(answer);
	free(text);
	return code;
}
