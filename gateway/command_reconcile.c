/* gateway/command_reconcile.c - siban reconcile: statements brought from a file, a day looked at, held beside our books again, closed. */
#include "gateway/command.h"
#include "base/day.h"
#include "base/json.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TARGET_BYTES = 192, WAITS = 1200, WAIT_NS = 100000000 };

static bool day_of_line(const struct command_line *l)
{
	int32_t day;
	return l->day != NULL && day_from_text(str_c(l->day), &day);
}

static int load(struct command_line *l, struct control *k)
{
	struct fail why;
	char target[TARGET_BYTES], *answer = NULL;
	size_t len;
	int code = 1;
	fail_clear(&why);
	char *file = file_read(l->words[1], &len, &why);
	if (file == NULL)
		return tell_failure("reconcile", &why);
	snprintf(target, sizeof target, "/control/reconciliation/files?source=%.32s&day=%s&replaces=%d", l->source, l->day, l->replaces);
	int status = control_ask(k, target, "application/octet-stream", (struct str){ file, len }, &answer, &why);
	free(file);
	if (status == 0)
		return tell_failure("reconcile", &why);
	if (status >= 300) {
		code = tell_answer("reconcile", status, answer);
	} else {
		DROP(json) json_t *j = json_loads(answer, 0, NULL);
		printf("%s %s: %" PRId64 " lines, %" PRId64 " fen paid, %" PRId64 " fen back, %s\n%s\n", text_in(j, "source"), text_in(j, "day"), number_in(j, "lines"),
		       number_in(j, "payment_fen"), number_in(j, "refund_fen"), status == 201 ? "taken" : "here already", text_in(j, "digest"));
		code = 0;
	}
	free(answer);
	return code;
}

static void say(const json_t *day)
{
	size_t i;
	const json_t *row;
	json_array_foreach(json_object_get(day, "sources"), i, row)
		printf("%-14s %-12s ours %" PRId64 ", theirs %" PRId64 ", matched %" PRId64 ", open %" PRId64 ", queued %" PRId64 ", settled %" PRId64 "%s%s\n", text_in(row, "source"),
		       text_in(row, "state"), number_in(row, "ours"), number_in(row, "theirs"), number_in(row, "matched"), number_in(row, "open"), number_in(row, "queued"),
		       number_in(row, "settled"), *text_in(row, "reason") != '\0' ? ", failed: " : "", text_in(row, "reason"));
	json_array_foreach(json_object_get(day, "differences"), i, row)
		printf("  %-16s %-8s %" PRId64 ", ours %" PRId64 " fen, theirs %" PRId64 " fen, %s, %" PRId64 " days\n", text_in(row, "kind"), text_in(row, "state"), number_in(row, "count"),
		       number_in(row, "ours_fen"), number_in(row, "theirs_fen"), text_in(row, "owner"), number_in(row, "age_days"));
	printf("%s: %" PRId64 " unexplained\n", text_in(day, "day"), number_in(day, "unexplained"));
}

static bool is_busy(const json_t *day)
{
	size_t i;
	const json_t *row;
	json_array_foreach(json_object_get(day, "sources"), i, row)
		if ((strcmp(text_in(row, "state"), "asked") == 0 && *text_in(row, "reason") == '\0') || strcmp(text_in(row, "state"), "under_way") == 0)
			return true;
	return false;
}

/* `waits`: until nothing is under way any more. 3: something is unexplained. */
static int status(struct command_line *l, struct control *k, bool waits)
{
	char target[TARGET_BYTES];
	int code = 0;
	snprintf(target, sizeof target, "/control/reconciliation/days?day=%s", l->day);
	for (int i = 0;; i++) {
		DROP(json) json_t *day = control_json(k, "reconcile", target, STR(""), &code);
		if (day == NULL)
			return code;
		if (!waits || !is_busy(day) || i == WAITS) {
			say(day);
			return number_in(day, "unexplained") > 0 ? 3 : 0;
		}
		nanosleep(&(struct timespec){ .tv_nsec = WAIT_NS }, NULL);
	}
}

static int run(struct command_line *l, struct control *k)
{
	char target[TARGET_BYTES];
	int code = 0;
	snprintf(target, sizeof target, "/control/reconciliation/runs?day=%s", l->day);
	DROP(json) json_t *asked = control_json(k, "reconcile", target, STR(""), &code);
	return asked == NULL ? code : status(l, k, true);
}

int command_reconcile(struct command_line *l)
{
	struct fail why;
	fail_clear(&why);
	bool loads = l->word_count == 2 && strcmp(l->words[0], "load") == 0 && l->source != NULL;
	bool runs = l->word_count == 1 && strcmp(l->words[0], "run") == 0, looks = l->word_count == 1 && strcmp(l->words[0], "status") == 0;
	if ((!loads && !runs && !looks) || !day_of_line(l)) {
		fputs("siban reconcile: needs: load FILE --source SOURCE --day YYYY-MM-DD [--replaces], status --day YYYY-MM-DD, or run --day YYYY-MM-DD\n", stderr);
		return 2;
	}
	struct control *k = control_open(&l->config, &why);
	if (k == NULL)
		return tell_failure("reconcile", &why);
	int code = loads ? load(l, k) : runs ? run(l, k) : status(l, k, false);
	control_close(k);
	return code;
}
