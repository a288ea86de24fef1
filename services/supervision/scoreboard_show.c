/* services/supervision/scoreboard_show.c - the scoreboard's pages: POST /control/scoreboard for the operator's table, GET /v1/staff/scoreboard and …/ranking for supervisors, GET /v1/scoreboard and
 * …/ranking for everybody: of a month that is over, and nothing that says what one person said. */
#include "base/day.h"
#include "services/handlers.h"
#include "services/services.h"
#include "services/supervision/case_tally.h"
#include "services/supervision/scoreboard.h"

static bool day_query(struct request *r, const char *name, int32_t *out, struct fail *why)
{
	struct str text;
	if (!request_query(r, name, &text, why))
		return false;
	return (text.at != NULL && day_from_text(text, out)) || FAILS_FIELD(why, QUERY, name, "a date");
}

static bool span_parse(struct request *r, struct board_look *l, struct fail *why)
{
	if (!day_query(r, "from", &l->from, why) || !day_query(r, "to", &l->to, why))
		return false;
	return l->from <= l->to || FAILS_FIELD(why, QUERY, "to", "before from");
}

/* ---- what a line says ---- */

static void place_out(struct json_out *j, const struct board_line *line)
{
	json_add_region_code(j, "region", line->region);
	json_add_text(j, "department", line->name);
}

static void tally_members(struct json_out *j, const struct board_line *line)
{
	json_add_number(j, "trips", line->tallies[TALLY_TRIP]);
	json_add_number(j, "asked_before_acceptance", line->tallies[TALLY_ASKED_BEFORE]);
	json_add_number(j, "asked", line->tallies[TALLY_ASKED]);
	json_add_number(j, "ended", line->tallies[TALLY_ENDED]);
	json_add_number(j, "ended_within", line->ended_within);
	json_add_number(j, "trips_of_ended", line->trips_of_ended);
	json_add_number(j, "added_requirements", line->tallies[TALLY_ADDED]);
	json_add_number(j, "asked_again", line->tallies[TALLY_ASKED_AGAIN]);
	json_add_number(j, "supplements_over", line->tallies[TALLY_SUPPLEMENT_OVER]);
}

static int64_t rated(const struct board_line *line)
{
	return line->levels[1] + line->levels[2] + line->levels[3] + line->levels[4] + line->levels[5];
}

static void rating_members(struct json_out *j, const struct board_line *line)
{
	static const char *const names[] = { "", "very_dissatisfied", "dissatisfied", "fairly_satisfied", "satisfied", "very_satisfied" };
	json_add_number(j, "count", rated(line));
	for (int level = 1; level <= 5; level++)
		json_add_number(j, names[level], line->levels[level]);
	json_add_number(j, "marked_wrong", line->marked_wrong);
}

static void voice_members(struct json_out *j, const struct board_line *line)
{
	json_add_number(j, "accepted", line->received);
	json_add_number(j, "in_time", line->answers.in_time);
	json_add_number(j, "late", line->answers.late);
	json_add_number(j, "urged", line->urged);
	json_add_number(j, "answers_satisfied", line->satisfied);
	json_add_number(j, "answers_dissatisfied", line->dissatisfied);
}

static bool has_tallies(const struct board_line *line)
{
	for (int what = 0; what < 8; what++)
		if (line->tallies[what] != 0)
			return true;
	return false;
}

static bool has_voices(const struct board_line *line)
{
	return line->received + line->answers.in_time + line->answers.late + line->urged + line->satisfied + line->dissatisfied != 0;
}

static void kept_members(struct json_out *j, int kind, const struct board_kept *k)
{
	json_add_text(j, "kind", clock_kind_row((enum clock_kind)kind)->name);
	json_add_number(j, "in_time", k->in_time);
	json_add_number(j, "late", k->late);
	json_add_number(j, "days_taken", k->days_taken);
}

/* ---- the operator's table ---- */

struct showing {
	struct board_look look;
	int limit;
	bool has_cursor;
	struct board board;
};

static bool control_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "from", "to", "after", "generation", NULL };
	struct showing *s = request_state(r, sizeof(*s), why);
	return s != NULL && request_query_only(r, names, why) && span_parse(r, &s->look, why) && query_number(r, "after", 0, INT64_MAX, 0, &s->look.after, why) &&
	       query_number(r, "generation", 0, INT64_MAX, 0, &s->look.generation, why);
}

static bool board_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct showing *s = r->state;
	s->look.root = r->who.kind == WHO_STAFF ? r->who.region : 0;
	return board_read(tx, &s->look, &r->arena, &s->board, why);
}

enum list { ROWS, TALLIES, RATINGS, VOICES };

static void line_out(struct json_out *j, enum list what, const struct board_line *line)
{
	bool is_there = what == TALLIES ? has_tallies(line) : what == RATINGS ? rated(line) + line->marked_wrong > 0 : has_voices(line);
	if (!is_there)
		return;
	json_put_object(j);
	place_out(j, line);
	if (what == TALLIES)
		tally_members(j, line);
	else if (what == RATINGS)
		rating_members(j, line);
	else
		voice_members(j, line);
	json_put_object_end(j);
}

static void clocks_out(struct json_out *j, const struct board_line *line)
{
	for (int kind = 1; kind < CLOCK_KINDS; kind++) {
		if (line->clocks[kind].in_time + line->clocks[kind].late == 0)
			continue;
		json_put_object(j);
		place_out(j, line);
		kept_members(j, kind, &line->clocks[kind]);
		json_put_object_end(j);
	}
}

static bool control_render(struct request *r, struct fail *why)
{
	static const char *const lists[] = { [ROWS] = "rows", [TALLIES] = "tallies", [RATINGS] = "ratings", [VOICES] = "voices" };
	const struct showing *s = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	for (int what = ROWS; what <= VOICES; what++) {
		json_put_name(&j, lists[what]);
		json_put_array(&j);
		for (int i = 0; i < s->board.count; i++)
			if (what == ROWS)
				clocks_out(&j, &s->board.lines[i]);
			else
				line_out(&j, (enum list)what, &s->board.lines[i]);
		json_put_array_end(&j);
	}
	json_add_boolean(&j, "more", s->board.more);
	json_add_number(&j, "after", s->board.last);
	json_add_number(&j, "generation", s->look.generation);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_scoreboard = { .parse = control_parse, .look = board_look, .render = control_render };

/* ---- a supervisor's pages (晒成绩单) ---- */

static bool staff_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "from", "to", "cursor", "limit", NULL };
	struct showing *s = request_state(r, sizeof(*s), why);
	struct cursor from = { 0, 0 };
	if (s == NULL || !request_query_only(r, names, why) || !span_parse(r, &s->look, why) || !request_page(r, &from, &s->has_cursor, &s->limit, why))
		return false;
	s->look.generation = from.at;
	s->look.after = from.id;
	return true;
}

static bool staff_render(struct request *r, struct fail *why)
{
	const struct showing *s = r->state;
	struct json_out j = reply_list(r);
	for (int i = 0; i < s->board.count; i++) {
		const struct board_line *line = &s->board.lines[i];
		json_put_object(&j);
		place_out(&j, line);
		json_put_name(&j, "limits");
		json_put_array(&j);
		for (int kind = 1; kind < CLOCK_KINDS; kind++) {
			json_put_object(&j);
			kept_members(&j, kind, &line->clocks[kind]);
			json_put_object_end(&j);
		}
		json_put_array_end(&j);
		json_put_name(&j, "tallies");
		json_put_object(&j);
		tally_members(&j, line);
		json_put_object_end(&j);
		json_put_name(&j, "ratings");
		json_put_object(&j);
		rating_members(&j, line);
		json_put_object_end(&j);
		json_put_name(&j, "voices");
		json_put_object(&j);
		voice_members(&j, line);
		json_put_object_end(&j);
		json_put_object_end(&j);
	}
	struct cursor next = { s->look.generation, s->board.last };
	return reply_list_end(r, &j, s->board.more ? &next : NULL, why);
}

const struct handler staff_scoreboard = { .parse = staff_parse, .look = board_look, .render = staff_render };

/* ---- who is best (效能排名) ---- */

enum { SHARES = 10001 /* of a cursor's at: generation and share */ };

struct ranking {
	struct board_look look;
	enum board_measure by;
	int64_t share;
	int limit, count;
	struct board_rank ranks[];
};

/* What is asked in the query besides the span, which is in `look`. */
static bool ranking_begin(struct request *r, const struct board_look *look, struct fail *why)
{
	struct cursor from = { 0, 0 };
	bool has_cursor;
	int limit;
	struct str by;
	if (!request_query(r, "by", &by, why) || !request_page(r, &from, &has_cursor, &limit, why))
		return false;
	if (board_measure_from(by) == BOARD_BY_NOTHING)
		return FAILS_FIELD(why, QUERY, "by", "satisfaction or in_time");
	struct ranking *k = request_state(r, sizeof(*k) + (size_t)(limit + 1) * sizeof(k->ranks[0]), why);
	if (k == NULL)
		return false;
	*k = (struct ranking){ .look = *look, .by = board_measure_from(by), .share = has_cursor ? from.at % SHARES : -1, .limit = limit };
	k->look.generation = from.at / SHARES;
	k->look.after = from.id;
	return true;
}

static bool ranking_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "from", "to", "by", "cursor", "limit", NULL };
	struct board_look look = { .from = 0 };
	return request_query_only(r, names, why) && span_parse(r, &look, why) && ranking_begin(r, &look, why);
}

static bool ranking_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct ranking *k = r->state;
	k->look.root = r->who.kind == WHO_STAFF ? r->who.region : 0;
	return board_ranking(tx, &k->look, k->by, k->share, &r->arena, k->ranks, k->limit + 1, &k->count, why);
}

static bool ranking_render(struct request *r, struct fail *why)
{
	const struct ranking *k = r->state;
	bool more = k->count > k->limit;
	int shown = more ? k->limit : k->count;
	struct json_out j = reply_list(r);
	for (int i = 0; i < shown; i++) {
		json_put_object(&j);
		json_put_name(&j, "department");
		json_put_object(&j);
		json_add_text(&j, "code", k->ranks[i].code);
		json_add_text(&j, "name", k->ranks[i].name);
		json_put_object_end(&j);
		json_add_number(&j, "count", k->ranks[i].count);
		json_add_number(&j, "good", k->ranks[i].good);
		json_add_number(&j, "share_basis_points", k->ranks[i].share);
		json_put_object_end(&j);
	}
	struct cursor next = { 0, 0 };
	if (more)
		next = (struct cursor){ k->look.generation * SHARES + k->ranks[shown - 1].share, k->ranks[shown - 1].department };
	return reply_list_end(r, &j, more ? &next : NULL, why);
}

const struct handler staff_ranking = { .parse = ranking_parse, .look = ranking_look, .render = ranking_render };

/* ---- what everybody may see ---- */

/* ?month=2026-10; without one the last that is over. */
static bool month_parse(struct request *r, struct board_look *l, struct fail *why)
{
	char first[DAY_TEXT_BYTES];
	struct str text;
	int year, month, in_month;
	int32_t today = day_of(r->now_ms);
	day_civil(today, &year, &month, &in_month);
	int32_t last = today - in_month;
	day_civil(last, &year, &month, &in_month);
	day_text(last - in_month + 1, first);
	if (!request_query(r, "month", &text, why))
		return false;
	if (text.at != NULL && text.len == sizeof("2026-10") - 1)
		memcpy(first, text.at, text.len);
	if ((text.at != NULL && text.len != sizeof("2026-10") - 1) || !day_from_text(str_c(first), &l->from))
		return FAILS_FIELD(why, QUERY, "month", "a month");
	day_civil(l->from, &year, &month, &in_month);
	l->to = l->from + month_days(year, month) - 1;
	return l->to <= last || FAILS_FIELD(why, QUERY, "month", "it is not over");
}

static bool public_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "month", "cursor", "limit", NULL };
	struct showing *s = request_state(r, sizeof(*s), why);
	struct cursor from = { 0, 0 };
	if (s == NULL || !request_query_only(r, names, why) || !month_parse(r, &s->look, why) || !request_page(r, &from, &s->has_cursor, &s->limit, why))
		return false;
	s->look.generation = from.at;
	s->look.after = from.id;
	return true;
}

static bool public_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct showing *s = r->state;
	if (!board_look(tx, r, why))
		return false;
	board_by_department(&s->board);
	return true;
}

/* Hundredths of a percent, and of a level. */
static void public_ratings(struct json_out *j, const struct board_line *line)
{
	int64_t count = rated(line), sum = 0;
	if (count < services_config()->scoreboard_least) {
		json_add_nothing(j, "ratings");
		return;
	}
	for (int level = 1; level <= 5; level++)
		sum += level * line->levels[level];
	json_put_name(j, "ratings");
	json_put_object(j);
	json_add_number(j, "count", count);
	json_add_number(j, "average_hundredths", sum * 100 / count);
	json_add_number(j, "satisfied_basis_points", (line->levels[3] + line->levels[4] + line->levels[5]) * 10000 / count);
	json_put_object_end(j);
}

static void public_limits(struct json_out *j, const struct board_line *line)
{
	json_put_name(j, "limits");
	json_put_array(j);
	for (int kind = 1; kind < CLOCK_KINDS; kind++) {
		const struct board_kept *k = &line->clocks[kind];
		if (k->in_time + k->late == 0)
			continue;
		json_put_object(j);
		json_add_plain(j, "kind", clock_kind_row((enum clock_kind)kind)->name);
		json_add_number(j, "in_time", k->in_time);
		json_add_number(j, "late", k->late);
		json_add_number(j, "in_time_basis_points", k->in_time * 10000 / (k->in_time + k->late));
		json_put_object_end(j);
	}
	json_put_array_end(j);
}

static void public_line(struct json_out *j, const struct board_line *line)
{
	json_put_object(j);
	json_put_name(j, "department");
	json_put_object(j);
	json_add_text(j, "code", line->code);
	json_add_text(j, "name", line->name);
	json_put_object_end(j);
	public_ratings(j, line);
	public_limits(j, line);
	json_put_name(j, "cases");
	json_put_object(j);
	json_add_number(j, "ended", line->tallies[TALLY_ENDED]);
	json_add_number(j, "ended_within", line->ended_within);
	json_add_number(j, "trips_of_ended", line->trips_of_ended);
	json_add_number(j, "added_requirements", line->tallies[TALLY_ADDED]);
	json_put_object_end(j);
	json_put_object_end(j);
}

static bool public_render(struct request *r, struct fail *why)
{
	const struct showing *s = r->state;
	struct json_out j = reply_list(r);
	for (int i = 0; i < s->board.count; i++)
		public_line(&j, &s->board.lines[i]);
	struct cursor next = { s->look.generation, s->board.last };
	return reply_list_end(r, &j, s->board.more ? &next : NULL, why);
}

static bool public_ranking_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "month", "by", "cursor", "limit", NULL };
	struct board_look look = { .least = services_config()->scoreboard_least };
	return request_query_only(r, names, why) && month_parse(r, &look, why) && ranking_begin(r, &look, why);
}

const struct handler scoreboard_show = { .parse = public_parse, .look = public_look, .render = public_render };
const struct handler scoreboard_ranking = { .parse = public_ranking_parse, .look = ranking_look, .render = ranking_render };
