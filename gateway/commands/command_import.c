/* gateway/commands/command_import.c - siban import: the whole file is checked before the first row is written, and goes to the gateway in chunks. */
#include "gateway/commands/command.h"
#include "base/json.h"
#include "services/handlers.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CHUNK_BYTES = 256 << 10, LINES_BYTES = 64 << 10 /* of JSON: dearer than a table's */, LINE_BYTES_MAX = 2 * CHUNK_BYTES, FILE_BYTES_MAX = 256 << 20, INDEX_TRIES = 600, INDEX_PAUSE_NS = 50000000 };

char *file_read(const char *path, size_t *len, struct fail *why)
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

struct import {
	struct control *control;
	const char *kind;
	char *file;
	size_t len, header_end;
	bool is_lines, dry; /* lines of JSON, without a header */
	int64_t rows, changed;
};

/* The end of the rows that fit into one chunk: a line's end, and in a table one outside quotes. */
static size_t chunk_end(const struct import *im, size_t from, int64_t *lines)
{
	const char *at = im->file;
	size_t len = im->len;
	size_t end = from;
	bool quoted = false;
	int64_t seen = 0;
	*lines = 0;
	for (size_t i = from; i < len; i++) {
		if (i - from > LINE_BYTES_MAX) /* a quote nobody closed: the gateway will say in which line, of a piece it can take */
			return end > from ? end : i;
		if (at[i] == '"' && !im->is_lines)
			quoted = !quoted;
		if (at[i] != '\n')
			continue;
		seen++;
		if (quoted)
			continue;
		if ((i + 1 - from > (im->is_lines ? LINES_BYTES : CHUNK_BYTES) || seen >= (im->is_lines ? IMPORT_LINES_MAX : IMPORT_ROWS_MAX)) && end > from)
			return end;
		end = i + 1;
		*lines = seen;
	}
	return end == from || !quoted ? len : end;
}

static bool send_chunk(struct import *im, size_t from, size_t to, int64_t line, int *code)
{
	struct fail why;
	fail_clear(&why);
	char target[128], *answer = NULL;
	snprintf(target, sizeof(target), "/control/imports/%s?line=%lld&dry=%d&last=%d", im->kind, (long long)line, im->dry, to == im->len);
	size_t len = im->header_end + (to - from);
	char *body = malloc(len + 1);
	if (body == NULL) {
		FAILS(&why, MEMORY, "a chunk of %zu bytes", len);
		*code = tell_failure("import", &why);
		return false;
	}
	memcpy(body, im->file, im->header_end);
	memcpy(body + im->header_end, im->file + from, to - from);
	int status = control_ask(im->control, target, im->is_lines ? "application/x-ndjson" : "text/csv", (struct str){ body, len }, &answer, &why);
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
	int64_t line = im->is_lines ? 1 : 2, lines;
	size_t from = im->header_end;
	do { /* once at least: a file without a row may still be a wrong file */
		size_t to = chunk_end(im, from, &lines);
		if (!send_chunk(im, from, to, line, code))
			return false;
		from = to;
		line += lines;
		fprintf(stderr, "\r%s %s: %lld rows", dry ? "checked" : "imported", im->kind, (long long)im->rows);
	} while (from < im->len);
	fputc('\n', stderr);
	return true;
}

/* What was imported is found when this returns, or it says so. Without a gateway nothing searches. */
static void await_index(struct import *im)
{
	int64_t wanted = 0;
	int code;
	for (int i = 0; i < INDEX_TRIES; i++) {
		DROP(json) json_t *now = control_json(im->control, "import", "/control/index", STR(""), &code);
		if (now == NULL || number_in(now, "index") == 0)
			return;
		wanted = wanted != 0 ? wanted : number_in(now, "catalogue");
		if (number_in(now, "index") >= wanted)
			return;
		nanosleep(&(struct timespec){ .tv_nsec = INDEX_PAUSE_NS }, NULL);
	}
	fprintf(stderr, "siban import: all of it is in, but the search does not know it yet (generation %lld)\n", (long long)wanted);
}

int command_import(struct command_line *l)
{
	struct fail why;
	fail_clear(&why);
	if (l->word_count != 2) {
		fputs("siban import: needs a kind (regions, departments, matters, calendar, halls, windows, guides, notices, pay_notices) and a file\n", stderr);
		return 2;
	}
	struct import im = { .kind = l->words[0], .is_lines = strcmp(l->words[0], "guides") == 0 || strcmp(l->words[0], "pay_notices") == 0 };
	im.file = file_read(l->words[1], &im.len, &why);
	if (im.file == NULL)
		return tell_failure("import", &why);
	const char *line_end = memchr(im.file, '\n', im.len);
	im.header_end = im.is_lines ? 0 : line_end == NULL ? im.len : (size_t)(line_end - im.file) + 1;
	im.control = control_open(&l->config, &why);
	int code = 0;
	if (strcmp(im.kind, "calendar") == 0)
		fputs("calendar: by the right to open the database's files, and on record; of the staff it takes two (calendar_year)\n", stderr);
	if (im.control == NULL)
		code = tell_failure("import", &why);
	else if (pass_over_file(&im, true, &code) && pass_over_file(&im, false, &code)) {
		await_index(&im);
		printf("%s: %lld rows, %lld changed\n", im.kind, (long long)im.rows, (long long)im.changed);
	}
	control_close(im.control);
	free(im.file);
	return code;
}
