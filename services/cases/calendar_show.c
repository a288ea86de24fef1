/* services/cases/calendar_show.c - GET /v1/calendar/:year: which days are not what their weekday says, and by which notice; so that an app can count as we do. */
#include "services/cases/calendar.h"
#include "services/handlers.h"
#include "services/services.h"

enum { YEAR_MIN = 1970, YEAR_MAX = 2199, DAYS_MAX = 366 };

struct shown_day {
	int32_t day;
	bool works;
	int64_t region;
	struct str name, source;
};

struct calendar_view {
	int year, count;
	int64_t region;
	int32_t working_days;
	struct shown_day days[DAYS_MAX];
};

static bool calendar_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "region", NULL };
	struct str text;
	int64_t year;
	struct calendar_view *v = request_state(r, sizeof(*v), why);
	if (v == NULL || !request_query_only(r, names, why) || !request_query(r, "region", &text, why))
		return false;
	if (text.at != NULL && !region_code_from(text, &v->region))
		return FAILS_FIELD(why, QUERY, "region", "not a region code");
	if (!str_to_i64(r->params[0], YEAR_MIN, YEAR_MAX, &year))
		return FAILS(why, NOT_FOUND, "not a year");
	v->year = (int)year;
	return true;
}

static bool days_read(struct tx *tx, struct request *r, struct calendar_view *v, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT day, works, region, name, source FROM calendar_day WHERE (region = 0 OR region = $1) AND day >= $2 AND day < $3 ORDER BY day, region", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, v->region);
	stmt_bind_int(q, 2, day_from_civil(v->year, 1, 1));
	stmt_bind_int(q, 3, day_from_civil(v->year + 1, 1, 1));
	while (v->count < DAYS_MAX && stmt_row(q, why)) {
		struct shown_day *d = &v->days[v->count++];
		*d = (struct shown_day){ (int32_t)stmt_int(q, 0), stmt_int(q, 1) != 0, stmt_int(q, 2), str_copy(&r->arena, stmt_text(q, 3)),
			str_copy(&r->arena, stmt_text(q, 4)) };
		if (d->name.at == NULL || d->source.at == NULL)
			return FAILS(why, MEMORY, "a holiday's name");
	}
	return why->code == FAIL_NONE;
}

static bool calendar_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct calendar_view *v = r->state;
	struct workdays w;
	int64_t version;
	int32_t first = day_from_civil(v->year, 1, 1), last = day_from_civil(v->year, 12, 31);
	if (!calendar_load(tx, v->region, &w, why) || !calendar_version(tx, &version, why))
		return false;
	if (!workdays_know(&w, first))
		return FAILS(why, NOT_FOUND, "the calendar of %d is not known yet", v->year);
	v->working_days = workdays_rank(&w, last) - workdays_rank(&w, first - 1);
	uint64_t mixed = version_mix(0, &version, sizeof version);
	mixed = version_mix(mixed, &v->year, sizeof v->year);
	r->version = version_mix(mixed, &v->region, sizeof v->region);
	return days_read(tx, r, v, why);
}

static bool calendar_render(struct request *r, struct fail *why)
{
	const struct calendar_view *v = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_number(&j, "year", v->year);
	json_add_number(&j, "working_days", v->working_days);
	json_put_name(&j, "days");
	json_put_array(&j);
	for (int i = 0; i < v->count; i++) {
		char date[DAY_TEXT_BYTES];
		day_text(v->days[i].day, date);
		json_put_object(&j);
		json_add_text(&j, "date", str_c(date));
		json_add_boolean(&j, "works", v->days[i].works);
		json_add_text(&j, "name", v->days[i].name);
		json_add_text(&j, "source", v->days[i].source);
		if (v->days[i].region == REGION_EVERYWHERE)
			json_add_nothing(&j, "region");
		else
			json_add_region_code(&j, "region", v->days[i].region);
		json_put_object_end(&j);
	}
	json_put_array_end(&j);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler calendar_show = { .parse = calendar_parse, .look = calendar_look, .render = calendar_render };
