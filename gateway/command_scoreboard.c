/* gateway/command_scoreboard.c - `siban scoreboard --from DAY --to DAY`: how departments and counties kept their limits, as a table for a spreadsheet.
 *
 * CSV with a byte order mark, CRLF and quotes, because that is what an office's spreadsheet opens; a text that a spreadsheet might take for a formula
 * begins with a quote mark. */
#include "base/day.h"
#include "base/json.h"
#include "gateway/command.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void cell(const char *text)
{
	bool is_formula = strchr("=+-@\t\r", text[0]) != NULL && text[0] != '\0';
	putchar('"');
	if (is_formula)
		putchar('\'');
	for (; *text != '\0'; text++) {
		if (*text == '"')
			putchar('"');
		putchar(*text);
	}
	putchar('"');
}

static void row_out(const json_t *row, const char *measure, int64_t in_time, int64_t late, int64_t count, int64_t days)
{
	int64_t stopped = in_time + late;
	cell(json_string_value(json_object_get(row, "region")));
	putchar(',');
	cell(json_string_value(json_object_get(row, "department")));
	printf(",%s,%lld,%lld,%lld,", measure, (long long)count, (long long)in_time, (long long)late);
	if (stopped > 0)
		printf("%lld.%02lld,%lld.%lld\r\n", (long long)(in_time * 100 / stopped), (long long)(in_time * 10000 / stopped % 100), (long long)(days / stopped),
		       (long long)(days * 10 / stopped % 10));
	else
		printf(",\r\n");
}

static void rows_out(const json_t *page)
{
	size_t i;
	const json_t *row;
	json_array_foreach(json_object_get(page, "rows"), i, row) {
		int64_t in_time = json_integer_value(json_object_get(row, "in_time")), late = json_integer_value(json_object_get(row, "late"));
		row_out(row, json_string_value(json_object_get(row, "kind")), in_time, late, in_time + late, json_integer_value(json_object_get(row, "days_taken")));
	}
	json_array_foreach(json_object_get(page, "supplements"), i, row)
		row_out(row, "supplements_asked", 0, 0, json_integer_value(json_object_get(row, "count")), 0);
}

static int pages_out(struct control *k, const char *from, const char *to)
{
	int64_t after = 0;
	int code = 0;
	for (bool more = true; more;) {
		struct fail why;
		char target[128], *answer = NULL;
		fail_clear(&why);
		snprintf(target, sizeof target, "/control/scoreboard?from=%s&to=%s&after=%lld", from, to, (long long)after);
		int status = control_ask(k, target, "application/json", STR(""), &answer, &why);
		DROP(json) json_t *page = status == 200 ? json_loads(answer, 0, NULL) : NULL;
		if (page == NULL)
			code = status == 0 ? tell_failure("scoreboard", &why) : tell_answer("scoreboard", status, answer);
		free(answer);
		if (page == NULL)
			return code;
		rows_out(page);
		more = json_is_true(json_object_get(page, "more"));
		after = json_integer_value(json_object_get(page, "after"));
	}
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}

int command_scoreboard(struct command_line *l)
{
	struct fail why;
	int32_t day;
	fail_clear(&why);
	if (l->from == NULL || l->to == NULL || !day_from_text(str_c(l->from), &day) || !day_from_text(str_c(l->to), &day)) {
		fputs("siban scoreboard: needs --from DAY and --to DAY, such as 2026-11-01\n", stderr);
		return 2;
	}
	struct control *k = control_open(&l->config, &why);
	if (k == NULL)
		return tell_failure("scoreboard", &why);
	fputs("\xef\xbb\xbf" "region,department,measure,count,in_time,late,in_time_percent,days_on_average\r\n", stdout);
	int code = pages_out(k, l->from, l->to);
	control_close(k);
	return code;
}
