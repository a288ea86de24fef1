/* gateway/command_client.c - `siban client`: systems that speak for a department or a courier company, and their keys. A secret is printed once. */
#include "base/json.h"
#include "gateway/command.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int usage(void)
{
	fputs("siban client: add (--department CODE | --partner CODE) NAME [--scope \"A B\"] [--networks CIDR,…] [--test]\n"
	      "              allow CLIENT CIDR,… (\"\" from anywhere)\n"
	      "              key add CLIENT [--days N] | key revoke CLIENT KEY\n", stderr);
	return 2;
}

static void add_text(json_t *body, const char *name, const char *text)
{
	if (text != NULL)
		json_object_set_new(body, name, json_string(text));
}

static void print_answer(const json_t *j)
{
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)j, name, value) {
		if (json_is_string(value))
			printf("%s %s\n", name, json_string_value(value));
		else
			printf("%s %" JSON_INTEGER_FORMAT "\n", name, json_integer_value(value));
	}
}

/* Takes the body. */
static int ask(struct command_line *l, const char *target, json_t *body)
{
	struct fail why;
	char *answer = NULL, *text = json_dumps(body, JSON_COMPACT);
	int code = 0;
	fail_clear(&why);
	json_decref(body);
	struct control *k = control_open(&l->config, &why);
	int status = k == NULL || text == NULL ? 0 : control_ask(k, target, "application/json", str_c(text), &answer, &why);
	if (status == 0)
		code = tell_failure("client", &why);
	else if (status >= 300)
		code = tell_answer("client", status, answer);
	else if (status != 204) {
		DROP(json) json_t *j = json_loads(answer, 0, NULL);
		print_answer(j);
	}
	control_close(k);
	free(text);
	free(answer);
	return code;
}

static int add(struct command_line *l)
{
	json_t *body = json_pack("{s:s}", "name", l->words[1]);
	add_text(body, "department", l->department);
	add_text(body, "partner", l->partner);
	add_text(body, "scope", l->scope);
	add_text(body, "networks", l->networks);
	if (l->test)
		json_object_set_new(body, "test_key", json_true());
	return ask(l, "/control/clients/add", body);
}

static int key_add(struct command_line *l)
{
	json_t *body = json_pack("{s:s}", "client", l->words[2]);
	if (l->days != NULL)
		json_object_set_new(body, "days", json_integer(strtoll(l->days, NULL, 10)));
	return ask(l, "/control/clients/keys/add", body);
}

static int key_revoke(struct command_line *l)
{
	return ask(l, "/control/clients/keys/revoke", json_pack("{s:s,s:I}", "client", l->words[2], "key", (json_int_t)strtoll(l->words[3], NULL, 10)));
}

static int allow(struct command_line *l)
{
	return ask(l, "/control/clients/allow", json_pack("{s:s,s:s}", "client", l->words[1], "networks", l->words[2]));
}

static const struct {
	const char *word, *second; /* NULL: none */
	int words;
	int (*run)(struct command_line *l);
} acts[] = {
	{ "add", NULL, 2, add }, { "allow", NULL, 3, allow }, { "key", "add", 3, key_add }, { "key", "revoke", 4, key_revoke },
};

int command_client(struct command_line *l)
{
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		if (l->word_count == acts[i].words && strcmp(l->words[0], acts[i].word) == 0 &&
		    (acts[i].second == NULL || strcmp(l->words[1], acts[i].second) == 0))
			return acts[i].run(l);
	return usage();
}
