/* gateway/commands/command_client.c - `siban client`: systems that speak for a department or a courier company, and their keys and certificates. A secret is printed once. */
#include "base/json.h"
#include "gateway/commands/command.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int usage(void)
{
	fputs("siban client: add (--department CODE | --partner CODE) NAME [--scope \"A B\"] [--networks CIDR,…] [--test]\n"
	      "              allow CLIENT CIDR,… (\"\" from anywhere)\n"
	      "              key add CLIENT [--days N] | key revoke CLIENT KEY\n"
	      "              cert add CLIENT PEMFILE | cert revoke CLIENT KEY\n"
	      "              list | disable CLIENT | enable CLIENT\n", stderr);
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

/* Takes the body, which may be NULL. *code is 0 when the answer was a good one; it may be NULL then. */
static json_t *answer_to(struct control *k, const char *target, json_t *body, int *code)
{
	*code = 0;
	json_t *j = body != NULL ? control_json_of(k, "client", target, body, code) : control_json(k, "client", target, STR(""), code);
	json_decref(body);
	return j;
}

/* Takes the body. */
static int ask(struct command_line *l, const char *target, json_t *body)
{
	struct fail why;
	int code;
	fail_clear(&why);
	struct control *k = control_open(&l->config, &why);
	if (k == NULL) {
		json_decref(body);
		return tell_failure("client", &why);
	}
	DROP(json) json_t *j = answer_to(k, target, body, &code);
	print_answer(j);
	control_close(k);
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

static int certificate_add(struct command_line *l)
{
	struct fail why;
	size_t len;
	fail_clear(&why);
	char *pem = file_read(l->words[3], &len, &why);
	if (pem == NULL)
		return tell_failure("client", &why);
	json_t *text = json_stringn(pem, len); /* NULL: not UTF-8 */
	free(pem);
	return ask(l, "/control/clients/certs/add", json_pack("{s:s,s:o}", "client", l->words[2], "certificate", text != NULL ? text : json_string("")));
}

static int disable(struct command_line *l)
{
	return ask(l, "/control/clients/disable", json_pack("{s:s}", "client", l->words[1]));
}

static int enable(struct command_line *l)
{
	return ask(l, "/control/clients/enable", json_pack("{s:s}", "client", l->words[1]));
}

/* ---- list ---- */

static void print_client(const json_t *c)
{
	size_t i;
	json_t *k;
	const char *department = text_in(c, "department"), *disabled = text_in(c, "disabled_at");
	printf("%s  %s %s  %s%s%s%s  [%s]  from %s\n", text_in(c, "client"), department[0] != '\0' ? "department" : "partner",
	       department[0] != '\0' ? department : text_in(c, "partner"), text_in(c, "name"), json_is_true(json_object_get(c, "test_key")) ? "  test" : "",
	       disabled[0] != '\0' ? "  disabled since " : "", disabled, text_in(c, "scope"), text_in(c, "networks")[0] != '\0' ? text_in(c, "networks") : "anywhere");
	json_array_foreach(json_object_get(c, "keys"), i, k)
		printf("  key %-6" JSON_INTEGER_FORMAT " %-11s until %s  used %s\n", json_integer_value(json_object_get(k, "key")), text_in(k, "kind"), text_in(k, "expires_at"),
		       text_in(k, "used_at")[0] != '\0' ? text_in(k, "used_at") : "never");
}

static int list(struct command_line *l)
{
	struct fail why;
	int code = 0;
	int64_t after = 0;
	fail_clear(&why);
	struct control *k = control_open(&l->config, &why);
	if (k == NULL)
		return tell_failure("client", &why);
	do {
		char target[64];
		size_t i;
		json_t *row;
		snprintf(target, sizeof(target), "/control/clients/list?after=%" PRId64, after);
		DROP(json) json_t *j = answer_to(k, target, NULL, &code);
		json_array_foreach(json_object_get(j, "items"), i, row)
			print_client(row);
		after = json_integer_value(json_object_get(j, "after"));
	} while (code == 0 && after != 0);
	control_close(k);
	return code;
}

static const struct {
	const char *word, *second; /* NULL: none */
	int words;
	int (*run)(struct command_line *l);
} acts[] = {
	{ "list", NULL, 1, list }, { "add", NULL, 2, add }, { "allow", NULL, 3, allow }, { "disable", NULL, 2, disable }, { "enable", NULL, 2, enable },
	{ "key", "add", 3, key_add }, { "key", "revoke", 4, key_revoke }, { "cert", "add", 4, certificate_add }, { "cert", "revoke", 4, key_revoke },
};

int command_client(struct command_line *l)
{
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		if (l->word_count == acts[i].words && strcmp(l->words[0], acts[i].word) == 0 &&
		    (acts[i].second == NULL || strcmp(l->words[1], acts[i].second) == 0))
			return acts[i].run(l);
	return usage();
}
