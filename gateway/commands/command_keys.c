/* gateway/commands/command_keys.c - `siban keys`: for whoever keeps the keys, and on the day one of them may have been seen. */
#include "base/clock.h"
#include "base/json.h"
#include "gateway/commands/command.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { KEYS_MAX = 64, PROGRESS_EVERY_MS = 200, COLUMN_BYTES = 40 };

/* NULL: said why. */
static json_t *ask(struct control *k, const char *target, int *code)
{
	struct fail why;
	char *answer = NULL;
	json_t *j = NULL;
	fail_clear(&why);
	int status = control_ask(k, target, "application/json", STR(""), &answer, &why);
	if (status == 0)
		*code = tell_failure("keys", &why);
	else if (status >= 300 || (j = json_loads(answer, 0, NULL)) == NULL)
		*code = tell_answer("keys", status, answer);
	if (status >= 300) {
		DROP(json) json_t *problem = json_loads(answer, 0, NULL);
		json_t *values = json_object_get(problem, "values");
		if (values != NULL)
			fprintf(stderr, "       %" PRId64 " values lie under it\n", (int64_t)json_integer_value(values));
	}
	free(answer);
	return j;
}

/* ---- list ---- */

struct tally {
	int count;
	struct { int64_t id, values; } keys[KEYS_MAX];
};

static void tally_add(struct tally *t, int64_t id, int64_t values)
{
	int i = 0;
	while (i < t->count && t->keys[i].id != id)
		i++;
	if (i == KEYS_MAX)
		return; /* more keys than there can be: what is damaged shows elsewhere */
	if (i == t->count)
		t->count++;
	t->keys[i].id = id;
	t->keys[i].values += values;
}

static bool count_column(struct control *k, size_t column, struct tally *t, int *code)
{
	char target[256], after[192] = "";
	do {
		snprintf(target, sizeof(target), "/control/keys/count?column=%zu%s%s", column, *after != '\0' ? "&after=" : "", after);
		DROP(json) json_t *j = ask(k, target, code);
		if (j == NULL)
			return false;
		size_t i;
		json_t *count;
		json_array_foreach(json_object_get(j, "counts"), i, count)
			tally_add(t, number_in(count, "id"), number_in(count, "values"));
		snprintf(after, sizeof(after), "%s", text_in(j, "after"));
	} while (*after != '\0');
	return true;
}

static int64_t values_of(const struct tally *t, int64_t id)
{
	for (int i = 0; i < t->count; i++)
		if (t->keys[i].id == id)
			return t->keys[i].values;
	return 0;
}

static int list(struct control *k)
{
	int code = 0;
	struct tally t = { 0 };
	size_t i;
	json_t *key;
	DROP(json) json_t *j = ask(k, "/control/keys/list", &code);
	if (j == NULL)
		return code;
	for (size_t column = 0; column < json_array_size(json_object_get(j, "columns")); column++)
		if (!count_column(k, column, &t, &code))
			return code;
	printf("%5s  %-6s  %-17s  %-16s  %-7s  %s\n", "id", "kind", "algorithm", "fingerprint", "state", "values");
	json_array_foreach(json_object_get(j, "keys"), i, key) {
		bool is_cipher = strcmp(text_in(key, "kind"), "cipher") == 0;
		printf("%5" PRId64 "  %-6s  %-17s  %-16s  %-7s  ", number_in(key, "id"), text_in(key, "kind"), is_cipher ? text_in(key, "algorithm") : "hmac-sha256",
		       text_in(key, "fingerprint"), text_in(key, "state"));
		if (is_cipher)
			printf("%" PRId64 "\n", values_of(&t, number_in(key, "id")));
		else
			puts("-");
	}
	return 0;
}

/* ---- add, retire ---- */

static int add(struct control *k, bool is_index, const char *algorithm)
{
	char target[128];
	int code = 0;
	DROP(json) json_t *before = ask(k, "/control/keys/list", &code); /* the gateway takes up what an exchange left, e.g. an empty place */
	if (before == NULL)
		return code;
	snprintf(target, sizeof(target), "/control/keys/add?kind=%s%s%.40s", is_index ? "index" : "cipher", algorithm != NULL ? "&algorithm=" : "",
		 algorithm != NULL ? algorithm : "");
	DROP(json) json_t *j = ask(k, target, &code);
	if (j == NULL)
		return code;
	printf("%s key %" PRId64 " is %s, fingerprint %s\nBack up the key file now, then run siban keys rotate.\n", text_in(j, "kind"), number_in(j, "id"),
	       text_in(j, "state"), text_in(j, "fingerprint"));
	if (strcmp(text_in(j, "state"), "kept") == 0) /* other nodes may write this database: nothing uses it before they can have it */
		printf("With several gateways: copy the key file to each of them first. The rotation takes the key up; a gateway without it will refuse to write.\n");
	return 0;
}

static int retire(struct control *k, const char *id)
{
	char target[64];
	int code = 0;
	snprintf(target, sizeof(target), "/control/keys/retire?id=%.20s", id);
	DROP(json) json_t *j = ask(k, target, &code);
	if (j == NULL)
		return code;
	printf("key %" PRId64 " is out of the key file\n", number_in(j, "id"));
	return 0;
}

/* ---- rotate ---- */

struct rotation {
	char what[COLUMN_BYTES];       /* "" at the beginning */
	int64_t looked_at, changed;    /* in it */
	int64_t began_ms, said_ms;
};

static void progress(struct rotation *o, const json_t *j, bool is_last)
{
	int64_t now_ms = clock_mono_ms(), took_ms = now_ms - o->began_ms, at = number_in(j, "at"), last = number_in(j, "last");
	if (!is_last && now_ms - o->said_ms < PROGRESS_EVERY_MS)
		return;
	o->said_ms = now_ms;
	fprintf(stderr, "\r%s: %" PRId64 " rows", o->what, o->looked_at);
	if (last > 0)
		fprintf(stderr, " (%" PRId64 " %%)", is_last || at >= last ? 100 : at * 100 / last);
	fprintf(stderr, ", %" PRId64 " rows/s  %s", o->looked_at * 1000 / (took_ms > 0 ? took_ms : 1), is_last ? "\n" : "");
}

static void column_end(struct rotation *o, const json_t *j)
{
	if (o->what[0] == '\0')
		return;
	progress(o, j, true);
	printf("%s: %" PRId64 " rows, %" PRId64 " changed\n", o->what, o->looked_at, o->changed);
}

/* Others write meanwhile: between two bites we stand back for as long as the last one took. */
static void stand_back(int64_t took_ns)
{
	struct timespec t = { .tv_sec = took_ns / 1000000000, .tv_nsec = took_ns % 1000000000 };
	nanosleep(&t, NULL);
}

static int rotate(struct control *k)
{
	struct rotation o = { .what = "" };
	int code = 0;
	for (bool is_end = false; !is_end;) {
		int64_t began_ns = clock_mono_ns();
		DROP(json) json_t *j = ask(k, "/control/keys/rotate", &code);
		if (j == NULL) {
			fputs("       nothing is lost: siban keys rotate goes on where it stopped\n", stderr);
			return code;
		}
		int64_t took_ns = clock_mono_ns() - began_ns;
		if (strcmp(o.what, text_in(j, "what")) != 0) {
			column_end(&o, j);
			o = (struct rotation){ .began_ms = clock_mono_ms() };
			snprintf(o.what, sizeof(o.what), "%s", text_in(j, "what"));
		}
		o.looked_at += number_in(j, "looked_at");
		o.changed += number_in(j, "changed");
		is_end = json_is_true(json_object_get(j, "end"));
		if (is_end)
			column_end(&o, j);
		else
			progress(&o, j, false);
		if (!is_end)
			stand_back(took_ns);
	}
	puts("everything lies under the current keys");
	return 0;
}

/* ---- the command ---- */

static int usage(void)
{
	fputs("siban keys: needs one of: list, add --cipher [aes-256-gcm|sm4-cbc-hmac-sm3], add --index, rotate, retire ID\n", stderr);
	return 2;
}

int command_keys(struct command_line *l)
{
	struct fail why;
	fail_clear(&why);
	const char *verb = l->word_count > 0 ? l->words[0] : "";
	bool is_add = strcmp(verb, "add") == 0, is_retire = strcmp(verb, "retire") == 0, is_list = strcmp(verb, "list") == 0, is_rotate = strcmp(verb, "rotate") == 0;
	bool is_right = is_add ? l->cipher != l->index && l->word_count <= (l->index ? 1 : 2)
		: !l->cipher && !l->index && (is_retire ? l->word_count == 2 : (is_list || is_rotate) && l->word_count == 1);
	if (!is_right)
		return usage();
	struct control *k = control_open(&l->config, &why);
	if (k == NULL)
		return tell_failure("keys", &why);
	int code = is_list ? list(k) : is_add ? add(k, l->index, l->word_count > 1 ? l->words[1] : NULL) : is_rotate ? rotate(k) : retire(k, l->words[1]);
	control_close(k);
	return code;
}
