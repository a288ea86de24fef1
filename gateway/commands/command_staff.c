/* gateway/commands/command_staff.c - `siban staff`: the first administrators, and who there is. */
#include "base/json.h"
#include "gateway/commands/command.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int tell_invitation(const json_t *j, const char *account)
{
	printf("%s\n", text_in(j, "invitation"));
	fprintf(stderr, "This is the invitation of %s, shown once, good until %s.\n"
		"Hand it to the person alone. With it, POST /v1/staff/activate {\"code\", \"password\"} makes the account and answers the secret of an authenticator app;\n"
		"then POST /v1/staff/login {\"account\", \"password\", \"totp\"}. Lost? siban staff again --account %s\n", account, text_in(j, "expires_at"), account);
	return 0;
}

static int invite(struct control *k, const char *target, const char *account, json_t *body)
{
	int code = 1;
	DROP(json) json_t *owned = body;
	DROP(json) json_t *j = control_json_of(k, "staff", target, owned, &code);
	return j == NULL ? code : tell_invitation(j, account);
}

static void print_row(const json_t *row)
{
	size_t i;
	json_t *role;
	printf("%-32s  %-8s  %-9s  ", text_in(row, "account"), text_in(row, "state"), text_in(row, "region"));
	json_array_foreach(json_object_get(row, "roles"), i, role)
		printf("%s%s", i > 0 ? "," : "", json_string_value(role));
	printf("  %s\n", text_in(row, "name"));
}

static int list(struct control *k)
{
	int64_t after = 0;
	int code = 1;
	printf("%-32s  %-8s  %-9s  %s  %s\n", "account", "state", "region", "roles", "name");
	do {
		char target[64];
		size_t i;
		json_t *row;
		snprintf(target, sizeof(target), "/control/staff/list?after=%" PRId64, after);
		DROP(json) json_t *j = control_json(k, "staff", target, STR(""), &code);
		if (j == NULL)
			return code;
		json_array_foreach(json_object_get(j, "items"), i, row)
			print_row(row);
		after = json_integer_value(json_object_get(j, "after"));
	} while (after != 0);
	return 0;
}

static int certificate(struct control *k, const char *account, const char *path)
{
	struct fail why;
	size_t len;
	int code = 1;
	char *pem = NULL, *answer = NULL;
	fail_clear(&why);
	if (strcmp(path, "none") != 0 && (pem = file_read(path, &len, &why)) == NULL)
		return tell_failure("staff", &why);
	DROP(json) json_t *body = json_pack("{s:s}", "account", account);
	if (pem != NULL && json_object_set_new(body, "certificate", json_stringn(pem, len)) != 0)
		FAILS(&why, FIELD, "%s is not PEM", path);
	free(pem);
	char *text = why.code == FAIL_NONE ? json_dumps(body, JSON_COMPACT) : NULL;
	int status = text != NULL ? control_ask(k, "/control/staff/certificate", "application/json", str_c(text), &answer, &why) : 0;
	if (status == 0)
		code = tell_failure("staff", &why);
	else
		code = status >= 300 ? tell_answer("staff", status, answer) : 0;
	free(text);
	free(answer);
	return code;
}

int command_staff(struct command_line *l)
{
	struct fail why;
	const char *verb = l->word_count == 1 ? l->words[0] : "";
	bool is_certificate = l->word_count == 2 && strcmp(l->words[0], "certificate") == 0 && l->account != NULL;
	bool is_add = strcmp(verb, "add") == 0 && l->first && l->account != NULL && l->person_name != NULL && l->role != NULL && l->region != NULL;
	bool is_again = strcmp(verb, "again") == 0 && l->account != NULL, is_list = strcmp(verb, "list") == 0;
	fail_clear(&why);
	if (!is_add && !is_again && !is_list && !is_certificate) {
		fputs("siban staff: needs one of: list, add --first --account A --name NAME --role system_admin|security_admin|audit_admin --region CODE, again --account A,\n"
		      "             certificate --account A PEMFILE|none\n", stderr);
		return 2;
	}
	struct control *k = control_open(&l->config, &why);
	if (k == NULL)
		return tell_failure("staff", &why);
	int code = is_list ? list(k)
		: is_certificate ? certificate(k, l->account, l->words[1])
		: is_add ? invite(k, "/control/staff/add", l->account, json_pack("{s:s,s:s,s:s,s:s}", "account", l->account, "name", l->person_name, "role", l->role,
			"region", l->region))
		: invite(k, "/control/staff/again", l->account, json_pack("{s:s}", "account", l->account));
	control_close(k);
	return code;
}
