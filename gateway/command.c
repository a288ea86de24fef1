/* gateway/command.c - the commands that are not `serve`. */
#include "gateway/command.h"
#include "auth/keyring.h"
#include "base/json.h"
#include "base/str.h"
#include "gateway/machine.h"
#include "gateway/route.h"
#include "services/handlers.h"
#include "store/store.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHUNK_BYTES = 256 << 10, LINE_BYTES_MAX = 2 * CHUNK_BYTES, FILE_BYTES_MAX = 256 << 20 };

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
		printf("database is at schema %d in %s\n", store_schema_version(s), l->config.state_dir);
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
	printf(" %s %s%s\n", row->faces & FACE_PUBLIC ? "public" : row->faces & FACE_ADMIN ? "admin" : "control", row->scope != 0 ? mandate_scope_text(row->scope) : "-",
		row->idempotent ? " key" : "");
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

/* ---- import: the whole file is checked before the first row is written ---- */

static char *read_file(const char *path, size_t *len, struct fail *why)
{
	FILE *f = fopen(path, "rb");
	if (f == NULL) {
		FAILS(why, SYSTEM, "%s: %s", path, strerror(errno));
		return NULL;
	}
	char *at = NULL;
	*len = 0;
	for (size_t cap = 0, n = 1; n > 0; *len += n) {
		if (*len + CHUNK_BYTES > cap) {
			cap = cap * 2 + CHUNK_BYTES;
			char *more = cap <= FILE_BYTES_MAX * 2u ? realloc(at, cap) : NULL;
			if (more == NULL) {
				FAILS(why, MEMORY, "%s is too large", path);
				break;
			}
			at = more;
		}
		n = fread(at + *len, 1, CHUNK_BYTES, f);
	}
	if (ferror(f))
		FAILS(why, SYSTEM, "%s: %s", path, strerror(errno));
	fclose(f);
	if (why->code != FAIL_NONE) {
		free(at);
		return NULL;
	}
	return at;
}

/* The end of the rows that fit into one chunk: a line's end outside quotes. */
static size_t chunk_end(const char *at, size_t from, size_t len, int64_t *lines)
{
	size_t end = from;
	bool quoted = false;
	int64_t seen = 0;
	*lines = 0;
	for (size_t i = from; i < len; i++) {
		if (i - from > LINE_BYTES_MAX) /* a quote nobody closed: the gateway will say in which line, of a piece it can take */
			return end > from ? end : i;
		if (at[i] == '"')
			quoted = !quoted;
		if (at[i] != '\n')
			continue;
		seen++;
		if (quoted)
			continue;
		if ((i + 1 - from > CHUNK_BYTES || seen >= IMPORT_ROWS_MAX) && end > from)
			return end;
		end = i + 1;
		*lines = seen;
	}
	return end == from || !quoted ? len : end;
}

struct import {
	struct control *control;
	const char *kind;
	char *file;
	size_t len, header_end;
	bool dry;
	int64_t rows, changed;
};

static bool send_chunk(struct import *im, size_t from, size_t to, int64_t line, int *code)
{
	struct fail why;
	fail_clear(&why);
	char target[128], *answer = NULL;
	snprintf(target, sizeof(target), "/control/imports/%s?line=%lld&dry=%d", im->kind, (long long)line, im->dry);
	size_t len = im->header_end + (to - from);
	char *body = malloc(len + 1);
	if (body == NULL) {
		FAILS(&why, MEMORY, "a chunk of %zu bytes", len);
		*code = tell_failure("import", &why);
		return false;
	}
	memcpy(body, im->file, im->header_end);
	memcpy(body + im->header_end, im->file + from, to - from);
	int status = control_ask(im->control, target, "text/csv", (struct str){ body, len }, &answer, &why);
	free(body);
	if (status == 0)
		*code = tell_failure("import", &why);
	else if (status >= 300)
		*code = tell_answer("import", status, answer);
	else {
		json_t *j = json_loads(answer, 0, NULL);
		im->rows += json_integer_value(json_object_get(j, "rows"));
		im->changed += json_integer_value(json_object_get(j, "changed"));
		json_decref(j);
	}
	free(answer);
	return status > 0 && status < 300;
}

static bool pass_over_file(struct import *im, bool dry, int *code)
{
	im->dry = dry;
	im->rows = im->changed = 0;
	int64_t line = 2, lines;
	size_t from = im->header_end;
	do { /* once at least: a file without a row may still be a wrong file */
		size_t to = chunk_end(im->file, from, im->len, &lines);
		if (!send_chunk(im, from, to, line, code))
			return false;
		from = to;
		line += lines;
		fprintf(stderr, "\r%s %s: %lld rows", dry ? "checked" : "imported", im->kind, (long long)im->rows);
	} while (from < im->len);
	fputc('\n', stderr);
	return true;
}

int command_import(struct command_line *l)
{
	struct fail why;
	fail_clear(&why);
	if (l->word_count != 2) {
		fputs("siban import: needs a kind (regions, departments, matters, calendar) and a file\n", stderr);
		return 2;
	}
	struct import im = { .kind = l->words[0] };
	im.file = read_file(l->words[1], &im.len, &why);
	if (im.file == NULL)
		return tell_failure("import", &why);
	const char *line_end = memchr(im.file, '\n', im.len);
	im.header_end = line_end == NULL ? im.len : (size_t)(line_end - im.file) + 1;
	im.control = control_open(&l->config, &why);
	int code = 0;
	if (im.control == NULL)
		code = tell_failure("import", &why);
	else if (pass_over_file(&im, true, &code) && pass_over_file(&im, false, &code))
		printf("%s: %lld rows, %lld changed\n", im.kind, (long long)im.rows, (long long)im.changed);
	control_close(im.control);
	free(im.file);
	return code;
}
