/* gateway/commands/command_audit.c - `siban audit export`: the record of acts as lines of JSON on stdout, for a supervisor elsewhere.
 *
 * The last line is the head of the chain when the export began. Given to `siban seal verify --from` at any later time it shows that nothing up to there was
 * changed since; so does the seal_seq:chain of any line. */
#include "base/clock.h"
#include "base/json.h"
#include "gateway/commands/command.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROGRESS_EVERY_MS = 200, TIME_TEXT = 64 };

struct export {
	struct control *control;
	char from[TIME_TEXT], to[TIME_TEXT]; /* of the query, "" without */
	int64_t rows, began_ms, said_ms;
};

/* A day begins in Asia/Shanghai. The plus of an offset means a space in a query. */
static bool time_parse(const char *text, const char *name, char out[TIME_TEXT])
{
	char whole[RFC3339_BYTES + 1];
	int64_t ms;
	int len = snprintf(whole, sizeof(whole), "%s%s", text, strlen(text) == 10 ? "T00:00:00+08:00" : "");
	if (len >= (int)sizeof(whole) || !time_from_rfc3339(str_c(whole), &ms)) {
		fprintf(stderr, "siban audit export: --%s takes a day such as 2026-11-01 or a time such as 2026-11-01T08:00:00+08:00\n", name);
		return false;
	}
	char *plus = strchr(whole, '+');
	if (plus != NULL)
		snprintf(out, TIME_TEXT, "&%s=%.*s%%2B%s", name, (int)(plus - whole), whole, plus + 1);
	else
		snprintf(out, TIME_TEXT, "&%s=%s", name, whole);
	return true;
}

static void progress(struct export *e, int64_t at, int64_t end, bool is_last)
{
	int64_t now_ms = clock_mono_ms(), took_ms = now_ms - e->began_ms;
	if (!is_last && now_ms - e->said_ms < PROGRESS_EVERY_MS)
		return;
	e->said_ms = now_ms;
	fprintf(stderr, "\rseal %" PRId64 " of %" PRId64 ", %" PRId64 " rows, %" PRId64 " rows/s  %s", at, end, e->rows, e->rows * 1000 / (took_ms > 0 ? took_ms : 1),
		is_last ? "\n" : "");
}

/* Up to the head of when we began: who goes on acting cannot keep us here. */
static bool print_items(struct export *e, const json_t *items, int64_t end)
{
	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *item = json_array_get(items, i);
		if (json_integer_value(json_object_get(item, "seal_seq")) > end)
			return false;
		json_dumpf(item, stdout, JSON_COMPACT);
		putchar('\n');
		e->rows++;
	}
	return true;
}

static int export_all(struct export *e)
{
	int code = 0;
	int64_t after = 0;
	DROP(json) json_t *head = control_json(e->control, "audit export", "/control/seal/head", STR(""), &code);
	if (head == NULL)
		return code;
	int64_t end = json_integer_value(json_object_get(head, "seq"));
	for (bool more = end > 0; more;) {
		char target[64 + 2 * TIME_TEXT];
		snprintf(target, sizeof(target), "/control/audit?after=%" PRId64 "%s%s", after, e->from, e->to);
		DROP(json) json_t *page = control_json(e->control, "audit export", target, STR(""), &code);
		if (page == NULL)
			return code;
		after = json_integer_value(json_object_get(page, "after"));
		more = print_items(e, json_object_get(page, "items"), end) && json_is_true(json_object_get(page, "more")) && after < end;
		progress(e, more ? after : end, end, !more);
	}
	printf("{\"head\":\"%" PRId64 ":%s\",\"rows\":%" PRId64 "}\n", end, json_string_value(json_object_get(head, "chain")), e->rows);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	fputs("siban audit export: could not write all of it\n", stderr);
	return 1;
}

int command_audit(struct command_line *l)
{
	struct fail why;
	struct export e = { .began_ms = clock_mono_ms() };
	fail_clear(&why);
	if (l->word_count != 1 || strcmp(l->words[0], "export") != 0) {
		fputs("siban audit: needs: export [--from DAY] [--to DAY]\n", stderr);
		return 2;
	}
	if ((l->from != NULL && !time_parse(l->from, "from", e.from)) || (l->to != NULL && !time_parse(l->to, "to", e.to)))
		return 2;
	e.control = control_open(&l->config, &why);
	if (e.control == NULL)
		return tell_failure("audit export", &why);
	int code = export_all(&e);
	control_close(e.control);
	return code;
}
