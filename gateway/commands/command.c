/* gateway/commands/command.c - the commands that are not `serve`. */
#include "gateway/commands/command.h"
#include "auth/keyring.h"
#include "base/json.h"
#include "base/str.h"
#include "gateway/machine.h"
#include "gateway/expiring/redis_link.h"
#include "gateway/requests/route.h"
#include "services/handlers.h"
#include "store/store.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int tell_failure(const char *doing, const struct fail *why)
{
	fprintf(stderr, "siban: %s: %s\n", doing, why->log[0] != '\0' ? why->log : fail_row(why->code)->title_en);
	if (why->log[0] == '\0')
		fprintf(stderr, "       %s\n", fail_row(why->code)->advice_en);
	return 1;
}

void tell_wrongs(const struct config_wrongs *wrongs)
{
	for (int i = 0; i < wrongs->count && i < CONFIG_WRONGS_MAX; i++) {
		const struct config_wrong *w = &wrongs->at[i];
		if (w->line > 0)
			fprintf(stderr, "siban: line %d: %s: %s\n", w->line, w->name, w->why);
		else
			fprintf(stderr, "siban: %s: %s\n", w->name, w->why);
	}
	fprintf(stderr, "siban: %d thing%s wrong in the configuration\n", wrongs->count, wrongs->count == 1 ? "" : "s");
}

/* ---- check ---- */

/* Addresses that only this floor can read. */
static bool addresses_are_good(const struct config *c, struct config_wrongs *wrongs)
{
	struct redis_settings s = { .port = 0 };
	const char *wrong = c->expiring_url[0] != '\0' ? redis_settings_from(str_c(c->expiring_url), &s) : NULL;
	if (wrong != NULL)
		config_wrong_add(wrongs, "expiring.url", wrong);
	return wrong == NULL;
}

int command_check(struct command_line *l)
{
	static struct config_wrongs wrongs;
	if (l->sample || l->reference) {
		(l->sample ? config_sample : config_reference)(stdout);
		return 0;
	}
	config_defaults(&l->config);
	bool ok = config_read(&l->config, l->config_path, &wrongs);
	for (char **o = l->overrides; *o != NULL; o++)
		ok = config_override(&l->config, *o, &wrongs) && ok;
	ok = config_consistent(&l->config, &wrongs) && ok;
	ok = addresses_are_good(&l->config, &wrongs) && ok;
	if (!ok) {
		tell_wrongs(&wrongs);
		return 1;
	}
	config_print(&l->config, stdout);
	fputs("the configuration is good\n", stderr);
	return 0;
}

/* ---- migrate ---- */

static bool has_key(struct store *s, bool *has, struct fail *why)
{
	struct tx tx;
	struct connection *c = store_reader(s, 0, why);
	bool ok = c != NULL && reader_begin(c, &tx, why) && keyring_is_noted(&tx, has, why);
	connection_close(c);
	return ok;
}

int command_migrate(struct command_line *l)
{
	struct fail why;
	fail_clear(&why);
	struct store *s = store_open(&l->config, STORE_MIGRATE, &why);
	if (s == NULL)
		return tell_failure("migrate", &why);
	bool has = false;
	bool ok = has_key(s, &has, &why) && keyring_open(&l->config, !has, &why) && services_start(s, &l->config, true, &why);
	if (ok)
		printf("database is at schema %d: %s\n", store_schema_version(s), store_place(s));
	store_close(s);
	keyring_close();
	return ok ? 0 : tell_failure("migrate", &why);
}

/* ---- version ---- */

static void print_route(const struct route *row)
{
	static const char *const owners[] = { [OWNER_NONE] = "-", [OWNER_CALLER] = "caller", [OWNER_PERSON] = "person", [OWNER_DEPARTMENT] = "department",
		[OWNER_REGION] = "region" };
	const char *comma = "";
	printf("%s %s %s %d %s %s ", row->name, method_name(row->method).at, row->path, (int)row->level,
		row->right == RIGHT_NONE ? "-" : right_row(row->right)->text, owners[row->owner]);
	for (int bit = 0; bit < WHO_BITS; bit++)
		if (row->who >> bit & 1) {
			printf("%s%s", comma, who_name((enum who)(1 << bit)).at);
			comma = ",";
		}
	printf(" %s %s%s%s\n", row->faces & FACE_PUBLIC ? "public" : row->faces & FACE_ADMIN ? "admin" : row->faces & FACE_FRAMES ? "frames" : "control", row->scope != 0 ? mandate_scope_text(row->scope) : "-",
		row->idempotent ? " key" : "", row->handler->wants_certificate ? " certificate" : "");
}

int command_version(struct command_line *l)
{
	if (!l->routes) {
		printf("siban %s\n", SIBAN_VERSION);
		return 0;
	}
	for (int i = 0; i < route_count; i++)
		print_route(&routes[i]);
	return 0;
}

/* ---- answers of the control socket, in words ---- */

int tell_answer(const char *doing, int status, const char *answer)
{
	json_t *j = json_loads(answer, 0, NULL);
	const char *title = "", *detail = "", *pointer = "";
	json_int_t line = 0;
	const char *reason = "";
	json_t *column = NULL; /* a name, or a number where the table itself is broken */
	if (json_unpack(j, "{s?s s?s s?s s?I s?o s?s}", "title", &title, "detail", &detail, "pointer", &pointer, "line", &line, "column", &column,
			"reason", &reason) != 0)
		fprintf(stderr, "siban: %s: status %d: %s\n", doing, status, answer);
	else if (line > 0 && json_is_integer(column))
		fprintf(stderr, "siban: %s: line %lld, field %lld: %s\n", doing, (long long)line, (long long)json_integer_value(column), reason);
	else if (line > 0)
		fprintf(stderr, "siban: %s: line %lld, %s: %s\n", doing, (long long)line, json_is_string(column) ? json_string_value(column) : "", reason);
	else if (reason[0] != '\0')
		fprintf(stderr, "siban: %s: %s%s%s: %s\n       %s\n", doing, title, pointer[0] != '\0' ? " " : "", pointer, reason, detail);
	else
		fprintf(stderr, "siban: %s: %s %s\n       %s\n", doing, title, pointer, detail);
	json_decref(j);
	return 1;
}

/* ---- token ---- */

int command_token(struct command_line *l)
{
	struct fail why;
	fail_clear(&why);
	if (!l->dev || (l->citizen == NULL) == (l->department == NULL)) {
		fputs("siban token: needs --dev and one of --citizen ID_NUMBER, --department CODE\n", stderr);
		return 2;
	}
	json_t *body = l->citizen != NULL ? json_pack("{s:s,s:s}", "kind", "citizen", "id_number", l->citizen)
		: json_pack("{s:s,s:s}", "kind", "department", "department", l->department);
	if (l->hours != NULL)
		json_object_set_new(body, "hours", json_integer(strtoll(l->hours, NULL, 10)));
	char *text = json_dumps(body, JSON_COMPACT), *answer = NULL;
	json_decref(body);
	struct control *k = control_open(&l->config, &why);
	int status = k == NULL ? 0 : control_ask(k, "/control/tokens", "application/json", str_c(text), &answer, &why);
	int code;
	if (status == 0)
		code = tell_failure("token", &why);
	else if (status >= 300)
		code = tell_answer("token", status, answer);
	else {
		json_t *j = json_loads(answer, 0, NULL);
		const char *token = json_string_value(json_object_get(j, "token"));
		code = token != NULL && puts(token) >= 0 ? 0 : 1;
		json_decref(j);
	}
	control_close(k);
	free(text);
	free(answer);
	return code;
}
