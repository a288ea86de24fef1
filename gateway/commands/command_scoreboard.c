/* gateway/commands/command_scoreboard.c - `siban scoreboard --from DAY --to DAY [--xlsx FILE]`: how departments and counties kept their limits, as a table. */
#include "base/day.h"
#include "base/json.h"
#include "gateway/commands/command.h"
#include "gateway/commands/sheet.h"
#include <stdio.h>
#include <stdlib.h>

struct measured {
	const char *measure;
	int64_t count, in_time, late, days, trips;
	bool has_share, has_days, has_trips;
};

static void share_out(struct sheet *s, bool has, int64_t part, int64_t of)
{
	if (has && of > 0)
		sheet_hundredths(s, part * 100 / of);
	else
		sheet_nothing(s);
}

static void row_out(struct sheet *s, const json_t *row, const struct measured *m)
{
	int64_t both = m->in_time + m->late;
	sheet_text(s, json_string_value(json_object_get(row, "region")));
	sheet_text(s, json_string_value(json_object_get(row, "department")));
	sheet_text(s, m->measure);
	sheet_number(s, m->count);
	sheet_number(s, m->in_time);
	sheet_number(s, m->late);
	share_out(s, m->has_share, m->in_time * 100, both);
	share_out(s, m->has_days, m->days, both);
	share_out(s, m->has_trips, m->trips, both);
	sheet_row(s);
}

static int64_t number_of(const json_t *row, const char *name)
{
	return json_integer_value(json_object_get(row, name));
}

/* Of ended cases "in time" is: with no more trips than promised. */
static void tally_out(struct sheet *s, const json_t *row)
{
	int64_t ended = number_of(row, "ended"), within = number_of(row, "ended_within");
	const struct measured rows[] = {
		{ .measure = "supplements_asked_before_acceptance", .count = number_of(row, "asked_before_acceptance") },
		{ .measure = "supplements_asked", .count = number_of(row, "asked") },
		{ .measure = "supplements_asked_again", .count = number_of(row, "asked_again") },
		{ .measure = "supplements_over", .count = number_of(row, "supplements_over") },
		{ .measure = "added_requirements", .count = number_of(row, "added_requirements") },
		{ .measure = "trips", .count = number_of(row, "trips") },
		{ .measure = "ended_within_promised_trips", .count = ended, .in_time = within, .late = ended - within, .trips = number_of(row, "trips_of_ended"),
		  .has_share = true, .has_trips = true },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (rows[i].count > 0)
			row_out(s, row, &rows[i]);
}

/* Of ratings "in time" is: not poor. */
static void rating_out(struct sheet *s, const json_t *row)
{
	int64_t poor = number_of(row, "very_dissatisfied") + number_of(row, "dissatisfied"), count = number_of(row, "count");
	const struct measured rows[] = {
		{ .measure = "ratings_not_poor", .count = count, .in_time = count - poor, .late = poor, .has_share = true },
		{ .measure = "poor_ratings_marked_wrong", .count = number_of(row, "marked_wrong") },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (rows[i].count > 0)
			row_out(s, row, &rows[i]);
}

/* Answers: in time; and, once more, those that satisfied. */
static void voice_out(struct sheet *s, const json_t *row)
{
	int64_t in_time = number_of(row, "in_time"), late = number_of(row, "late"), yes = number_of(row, "answers_satisfied"), no = number_of(row, "answers_dissatisfied");
	const struct measured rows[] = {
		{ .measure = "voices_answered", .count = in_time + late, .in_time = in_time, .late = late, .has_share = true },
		{ .measure = "voices_satisfied", .count = yes + no, .in_time = yes, .late = no, .has_share = true },
		{ .measure = "voices_urged", .count = number_of(row, "urged") },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (rows[i].count > 0)
			row_out(s, row, &rows[i]);
}

static void rows_out(struct sheet *s, const json_t *page)
{
	size_t i;
	const json_t *row;
	json_array_foreach(json_object_get(page, "rows"), i, row) {
		struct measured m = { .measure = json_string_value(json_object_get(row, "kind")), .in_time = number_of(row, "in_time"), .late = number_of(row, "late"),
				      .days = number_of(row, "days_taken"), .has_share = true, .has_days = true };
		m.count = m.in_time + m.late;
		row_out(s, row, &m);
	}
	json_array_foreach(json_object_get(page, "tallies"), i, row)
		tally_out(s, row);
	json_array_foreach(json_object_get(page, "ratings"), i, row)
		rating_out(s, row);
	json_array_foreach(json_object_get(page, "voices"), i, row)
		voice_out(s, row);
}

static void heading(struct sheet *s)
{
	static const char *const columns[] = { "region", "department", "measure", "count", "in_time", "late", "in_time_percent", "days_on_average", "trips_on_average" };
	for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
		sheet_text(s, columns[i]);
	sheet_row(s);
}

static int pages_out(struct control *k, struct sheet *s, const char *from, const char *to)
{
	int64_t after = 0, generation = 0;
	int code = 0;
	for (bool more = true; more;) {
		char target[160];
		snprintf(target, sizeof target, "/control/scoreboard?from=%s&to=%s&after=%lld&generation=%lld", from, to, (long long)after, (long long)generation);
		DROP(json) json_t *page = control_json(k, "scoreboard", target, STR(""), &code);
		if (page == NULL)
			return code;
		rows_out(s, page);
		more = json_is_true(json_object_get(page, "more"));
		after = json_integer_value(json_object_get(page, "after"));
		generation = json_integer_value(json_object_get(page, "generation")); /* of the first page: what happens meanwhile is on none */
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
	struct sheet *s = sheet_open(l->xlsx, "scoreboard", 0, &why);
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
