/* gateway/command_scoreboard.c - `siban scoreboard --from DAY --to DAY [--xlsx FILE]`: how departments and counties kept their limits, as a table. */
#include "base/day.h"
#include "base/json.h"
#include "gateway/command.h"
#include "gateway/sheet.h"
#include <stdio.h>
#include <stdlib.h>

static void row_out(struct sheet *s, const json_t *row, const char *measure, int64_t in_time, int64_t late, int64_t count, int64_t days)
{
	int64_t stopped = in_time + late;
	sheet_text(s, json_string_value(json_object_get(row, "region")));
	sheet_text(s, json_string_value(json_object_get(row, "department")));
	sheet_text(s, measure);
	sheet_number(s, count);
	sheet_number(s, in_time);
	sheet_number(s, late);
	if (stopped > 0) {
		sheet_hundredths(s, in_time * 10000 / stopped);
		sheet_hundredths(s, days * 100 / stopped);
	} else {
		sheet_nothing(s);
		sheet_nothing(s);
	}
	sheet_row(s);
}

static void rows_out(struct sheet *s, const json_t *page)
{
	size_t i;
	const json_t *row;
	json_array_foreach(json_object_get(page, "rows"), i, row) {
		int64_t in_time = json_integer_value(json_object_get(row, "in_time")), late = json_integer_value(json_object_get(row, "late"));
		row_out(s, row, json_string_value(json_object_get(row, "kind")), in_time, late, in_time + late,
			json_integer_value(json_object_get(row, "days_taken")));
	}
	json_array_foreach(json_object_get(page, "supplements"), i, row)
		row_out(s, row, "supplements_asked", 0, 0, json_integer_value(json_object_get(row, "count")), 0);
}

static void heading(struct sheet *s)
{
	static const char *const columns[] = { "region", "department", "measure", "count", "in_time", "late", "in_time_percent", "days_on_average" };
	for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
		sheet_text(s, columns[i]);
	sheet_row(s);
}

static int pages_out(struct control *k, struct sheet *s, const char *from, const char *to)
{
	int64_t after = 0;
	int code = 0;
	for (bool more = true; more;) {
		char target[128];
		snprintf(target, sizeof target, "/control/scoreboard?from=%s&to=%s&after=%lld", from, to, (long long)after);
		DROP(json) json_t *page = control_json(k, "scoreboard", target, STR(""), &code);
		if (page == NULL)
			return code;
		rows_out(s, page);
		more = json_is_true(json_object_get(page, "more"));
		after = json_integer_value(json_object_get(page, "after"));
	}
	return 0;
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
	struct sheet *s = sheet_open(l->xlsx, "scoreboard", &why);
	if (s == NULL) {
		control_close(k);
		return tell_failure("scoreboard", &why);
	}
	heading(s);
	int code = pages_out(k, s, l->from, l->to);
	if (!sheet_close(s, &why))
		code = tell_failure("scoreboard", &why);
	control_close(k);
	return code;
}
