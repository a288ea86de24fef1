/* gateway/commands/command_effects.c - `siban effects`: for whoever is asked why a text did not come, and may send it again. */
#include "base/json.h"
#include "gateway/commands/command.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int usage(void)
{
	fputs("siban effects: list [--state due|sending|done|failed|unknown|held|cancelled] [--kind KIND]\n"
	      "               show ID | release ID | release --all-restored | replay ID [--again] | cancel ID\n"
	      "               accounts | resume ACCOUNT | send KIND JSON\n", stderr);
	return 2;
}

static bool is_number(const char *text)
{
	int64_t n;
	return text != NULL && str_to_i64(str_c(text), 1, INT64_MAX, &n);
}

/* ---- list ---- */

static void print_line(const json_t *e)
{
	const char *held = text_in(e, "held_by");
	bool waits = json_is_true(json_object_get(e, "waits"));
	printf("%-8" PRId64 " %-11s %-9s %s  tries %" PRId64 "  %s%s%s%s\n", number_in(e, "id"), text_in(e, "kind"), text_in(e, "state"), text_in(e, "changed_at"),
	       number_in(e, "attempts"), text_in(e, "code"), held[0] != '\0' ? "  held by " : "", held, waits ? "  waits for its turn" : "");
}

static int list(struct control *k, const struct command_line *l)
{
	int code = 0;
	int64_t before = 0, count = 0;
	do {
		char target[200], at[40] = "";
		if (before > 0)
			snprintf(at, sizeof(at), "&before=%" PRId64, before);
		snprintf(target, sizeof(target), "/control/effects/list?%s%.20s%s%.40s%s", l->state != NULL ? "state=" : "", l->state != NULL ? l->state : "",
			 l->kind != NULL ? (l->state != NULL ? "&kind=" : "kind=") : "", l->kind != NULL ? l->kind : "",
			 l->state == NULL && l->kind == NULL && at[0] != '\0' ? at + 1 : at);
		DROP(json) json_t *j = control_json(k, "effects", target, STR(""), &code);
		if (j == NULL)
			return code;
		const json_t *items = json_object_get(j, "items");
		for (size_t i = 0; i < json_array_size(items); i++, count++)
			print_line(json_array_get(items, i));
		before = number_in(j, "before");
	} while (before > 0);
	printf("%" PRId64 " effects\n", count);
	return 0;
}

/* ---- show ---- */

static void print_known(const json_t *e, const char *name)
{
	const json_t *v = json_object_get(e, name);
	if (json_is_string(v) && json_string_length(v) > 0)
		printf("%-11s %s\n", name, json_string_value(v));
	else if (json_is_integer(v) && json_integer_value(v) > 0)
		printf("%-11s %" PRId64 "\n", name, (int64_t)json_integer_value(v));
}

static int show(struct control *k, const char *id)
{
	static const char *const names[] = { "id", "key", "kind", "state", "held_by", "subject", "person", "message", "phone", "template", "code", "ref", "receipt",
					     "made_at", "due_at", "expires_at", "changed_at" };
	char target[80];
	int code = 0;
	snprintf(target, sizeof(target), "/control/effects/show/%s", id);
	DROP(json) json_t *j = control_json(k, "effects", target, STR(""), &code);
	if (j == NULL)
		return code;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		print_known(j, names[i]);
	const json_t *tries = json_object_get(j, "tries");
	for (size_t i = json_array_size(tries); i-- > 0;) {
		const json_t *t = json_array_get(tries, i);
		const char *ended = text_in(t, "ended_at");
		printf("try %-7" PRId64 " %s  %s  %s %s\n", number_in(t, "n"), text_in(t, "began_at"), ended[0] != '\0' ? ended : "no end known", text_in(t, "verdict"),
		       text_in(t, "code"));
	}
	return 0;
}

/* ---- acts ---- */

static int act(struct control *k, const char *word, const char *query)
{
	int64_t rows = 0;
	bool more = true;
	while (more) {
		char target[160];
		int code = 0;
		snprintf(target, sizeof(target), "/control/effects/act/%s%s%s", word, query[0] != '\0' ? "?" : "", query);
		DROP(json) json_t *j = control_json(k, "effects", target, STR(""), &code);
		if (j == NULL)
			return code;
		rows += number_in(j, "rows");
		more = json_is_true(json_object_get(j, "more"));
	}
	printf("%s: %" PRId64 " effects\n", word, rows);
	return 0;
}

static int act_on(struct control *k, const struct command_line *l, const char *word, const char *id)
{
	char query[80];
	if (!is_number(id))
		return usage();
	snprintf(query, sizeof(query), "id=%s%s", id, l->again ? "&again=1" : "");
	return act(k, word, query);
}

static int resume(struct control *k, const char *account)
{
	char query[80];
	snprintf(query, sizeof(query), "account=%.40s", account);
	return act(k, "resume", query);
}

static int accounts(struct control *k)
{
	int code = 0;
	DROP(json) json_t *j = control_json(k, "effects", "/control/accounts", STR(""), &code);
	if (j == NULL)
		return code;
	const json_t *items = json_object_get(j, "items");
	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *a = json_array_get(items, i);
		bool configured = json_is_true(json_object_get(a, "configured"));
		const char *breaker = text_in(a, "breaker"), *stopped = text_in(a, "stopped_at");
		printf("%-12s %-15s breaker %-9s in flight %" PRId64 "/%" PRId64 "%s%s%s%s\n", text_in(a, "account"), configured ? "configured" : "not configured",
		       breaker[0] != '\0' ? breaker : "-", number_in(a, "in_flight"), number_in(a, "in_flight_max"), stopped[0] != '\0' ? "  STOPPED since " : "",
		       stopped, stopped[0] != '\0' ? ": " : "", text_in(a, "code"));
	}
	return 0;
}

static int send_one(struct control *k, const char *kind, const char *payload)
{
	char target[80];
	int code = 0;
	snprintf(target, sizeof(target), "/control/effects/send/%.40s", kind);
	DROP(json) json_t *j = control_json(k, "effects", target, str_c(payload), &code);
	if (j == NULL)
		return code;
	printf("effect %" PRId64 "\n", number_in(j, "id"));
	return 0;
}

static int run(struct control *k, const struct command_line *l)
{
	const char *word = l->words[0], *what = l->word_count > 1 ? l->words[1] : NULL;
	if (strcmp(word, "list") == 0 && what == NULL)
		return list(k, l);
	if (strcmp(word, "accounts") == 0 && what == NULL)
		return accounts(k);
	if (strcmp(word, "release") == 0 && what == NULL && l->all_restored)
		return act(k, "release-restored", "");
	if (strcmp(word, "send") == 0 && l->word_count == 3)
		return send_one(k, what, l->words[2]);
	if (what == NULL || l->word_count != 2)
		return usage();
	if (strcmp(word, "show") == 0)
		return is_number(what) ? show(k, what) : usage();
	if (strcmp(word, "resume") == 0)
		return resume(k, what);
	if (strcmp(word, "release") == 0 || strcmp(word, "replay") == 0 || strcmp(word, "cancel") == 0)
		return act_on(k, l, word, what);
	return usage();
}

int command_effects(struct command_line *l)
{
	struct fail why;
	fail_clear(&why);
	if (l->word_count == 0)
		return usage();
	struct control *k = control_open(&l->config, &why);
	if (k == NULL)
		return tell_failure("effects", &why);
	int code = run(k, l);
	control_close(k);
	return code;
}
