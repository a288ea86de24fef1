/* tests/sim/office.c - what goes on behind the counters: days go by, limits are made anew and their lights told, the operator declares outages, closes the place for
 * a day and loads next year's notice; and what must be so of every clock, of everything told about it, and of the scoreboard that is counted from that. */
#include "world.h"

#include "base/day.h"
#include "base/json.h"
#include "gateway/requests/task.h"
#include "services/cases/case_clock.h"
#include "services/handlers.h"

#include <stdlib.h>

enum { DAY_MS = 86400000, NIGHTS_MAX_DAYS = 22, BITES_MAX = 400, REGION = 621202, FOUNDED_CALENDAR_ROWS = 1 };

static const char *const departments[MODEL_DEPARTMENTS] = { "陇南市市场监督管理局", "陇南市自然资源局" };
static const char *const kind_words[TIMERS] = { "acceptance", "promised", "statutory", "delivery" };

static int today_of(const struct world *w)
{
	return timing_day(w->machine.wall_ms);
}

static bool is_gone(const struct world *w)
{
	return ram_vfs_is_dead() || w->machine.must_stop;
}

static int64_t number(struct world *w, struct tx *tx, const char *sql_literal)
{
	struct fail why;
	fail_clear(&why);
	DROP(stmt) struct stmt *q = tx_query(tx, sql_literal, &why);
	if (q != NULL && stmt_row(q, &why))
		return stmt_int(q, 0);
	world_wrong(w, "%s: %s", sql_literal, why.log);
	return -1;
}

static bool look_begin(struct world *w, struct tx *tx)
{
	struct fail why;
	fail_clear(&why);
	if (reader_begin(w->machine.eye, tx, &why))
		return true;
	world_wrong(w, "cannot be read: %s", why.log);
	return false;
}

/* ---- nights ---- */

void office_night(struct world *w)
{
	int days = 1 + rng_below(&w->rng, 3);
	if (w->machine.wall_ms > WORLD_BEGIN_MS + NIGHTS_MAX_DAYS * (int64_t)DAY_MS)
		return; /* tokens are good for a month */
	world_note(w, "%d nights go by", days);
	machine_pass(&w->machine, days * (int64_t)DAY_MS * 1000000);
	for (int i = 0; i < MACHINE_LOOPS; i++)
		loop_turn_end(&w->machine.loops[i]);
}

/* ---- the operator ---- */

struct order {
	const struct handler *handler;
	struct request *r;
};

static bool order_apply(struct tx *tx, void *ctx, struct fail *why)
{
	const struct order *o = ctx;
	memset(&o->r->outcome, 0, sizeof o->r->outcome);
	return o->handler->apply(tx, o->r, why);
}

static void request_make(struct world *w, struct request *r, const char *target, const char *param, const char *body)
{
	struct str path, query;
	memset(r, 0, sizeof *r);
	arena_init(&r->arena, 8 << 20);
	r->method = METHOD_POST;
	r->target = str_copy(&r->arena, str_c(target));
	str_cut(r->target, '?', &path, &query);
	r->path = path;
	r->query = query;
	if (param != NULL)
		r->params[0] = str_copy(&r->arena, str_c(param));
	if (body != NULL)
		r->body = str_copy(&r->arena, str_c(body));
	r->who.kind = WHO_OPERATOR;
	r->now_ms = w->machine.wall_ms;
	snprintf(r->id, sizeof r->id, "rq_OFFICE");
}

/* What is known of days becomes `then`, unless the process ends meanwhile: then the next one shows which it was. */
static void order(struct world *w, const struct handler *h, const char *target, const char *param, const char *body, const struct almanac *then)
{
	static struct request r;
	request_make(w, &r, target, param, body);
	rng_fill(&w->rng, r.random, sizeof r.random);
	bool ok = (h->parse == NULL || h->parse(&r, &r.why)) && store_write(w->machine.gateway.store, order_apply, &(struct order){ h, &r }, &r.why);
	world_note(w, "%s %s%s", target, body, ok ? "" : ": not kept");
	if (is_gone(w)) {
		w->almanac_attempted = *then;
		w->almanac_is_unsure = true;
	} else if (ok) {
		w->model.almanac = *then;
	} else {
		world_wrong(w, "%s is refused: %s", target, r.why.log);
	}
	arena_free(&r.arena);
}

static void declare_outage(struct world *w)
{
	char body[160], from[DAY_TEXT_BYTES], to[DAY_TEXT_BYTES];
	struct almanac then = w->model.almanac;
	static const char *const regions[] = { "", "\"region\":\"621202\",", "\"region\":\"621200\"," };
	int last = today_of(w) - rng_below(&w->rng, 2), first = last - rng_below(&w->rng, 4);
	if (then.outage_count == TIMING_OUTAGES)
		return;
	then.outages[then.outage_count++] = (struct days){ first, last };
	day_text(first, from);
	day_text(last, to);
	snprintf(body, sizeof body, "{%s\"from\":\"%s\",\"to\":\"%s\",\"reason\":\"机房断电检修\"}", regions[rng_below(&w->rng, 3)], from, to);
	order(w, &control_outage_declare, "/control/outages", NULL, body, &then);
}

#define CALENDAR_HEAD "date,kind,name,source,region\n"

static void close_a_day(struct world *w)
{
	char body[160], text[DAY_TEXT_BYTES];
	struct almanac then = w->model.almanac;
	int day = today_of(w) + 1 + rng_below(&w->rng, 6);
	if (then.closure_count == TIMING_CLOSURES || !timing_works(&then, day) || timing_day(w->machine.wall_ms + 8 * (int64_t)DAY_MS) > day_from_civil(2026, 12, 31))
		return;
	then.closures[then.closure_count++] = day;
	day_text(day, text);
	snprintf(body, sizeof body, CALENDAR_HEAD "%s,off,防汛停办,市政府通知,621202\n", text);
	order(w, &control_import, "/control/imports/calendar", "calendar", body, &then);
}

static void load_next_year(struct world *w)
{
	struct almanac then = w->model.almanac;
	if (then.knows_next_year)
		return;
	then.knows_next_year = true;
	order(w, &control_import, "/control/imports/calendar", "calendar", CALENDAR_HEAD "2027-01-01,off,元旦,模拟通知,\n2027-01-03,work,调休,模拟通知,\n", &then);
}

void office_declare(struct world *w)
{
	static void (*const ways[])(struct world *w) = { declare_outage, declare_outage, close_a_day, load_next_year };
	if (!w->fault_is_armed) /* nobody repeats an order here */
		ways[rng_below(&w->rng, 4)](w);
}

static void almanac_find_out(struct world *w, struct tx *tx)
{
	int64_t outages = number(w, tx, "SELECT count(*) FROM outage"), days = number(w, tx, "SELECT count(*) FROM calendar_day");
	const struct almanac *a = &w->almanac_attempted;
	if (!w->almanac_is_unsure)
		return;
	w->almanac_is_unsure = false;
	if (outages != a->outage_count || days != FOUNDED_CALENDAR_ROWS + a->closure_count + (a->knows_next_year ? 2 : 0))
		return;
	world_note(w, "the order had been committed");
	w->model.almanac = *a;
}

/* ---- the jobs ---- */

struct bite {
	bool tells;
	int32_t today;
	int64_t now_ms, most, rows;
};

static bool bite_apply(struct tx *tx, void *ctx, struct fail *why)
{
	struct bite *b = ctx;
	return b->tells ? clocks_tell(tx, b->today, b->now_ms, b->most, &b->rows, why) : clocks_renew(tx, b->most, &b->rows, why);
}

/* Until there is nothing left to do. false: the process has ended, or something is wrong. */
static bool job(struct world *w, bool tells)
{
	struct bite b = { .tells = tells, .today = today_of(w), .now_ms = w->machine.wall_ms, .most = 1 + rng_below(&w->rng, 5), .rows = 1 };
	for (int i = 0; b.rows > 0; i++) {
		struct fail why;
		fail_clear(&why);
		bool ok = store_write(w->machine.gateway.store, bite_apply, &b, &why);
		if (is_gone(w))
			return false;
		if (!ok || i == BITES_MAX) {
			world_wrong(w, "the job that %s does not end: %s", tells ? "tells lights" : "makes limits anew", why.log);
			return false;
		}
		world_note(w, "%s %lld", tells ? "told" : "made anew", (long long)b.rows);
	}
	return true;
}

static void for_each_case(struct world *w, void (*what)(struct world *w, struct known_case *c))
{
	for (int d = 0; d < MODEL_DEPARTMENTS; d++)
		for (int r = 0; r < MODEL_REFS; r++)
			what(w, &w->model.cases[d][r]);
}

static void renew(struct world *w, struct known_case *c)
{
	timing_renew(&c->timing, &w->model.almanac);
}

static void tell(struct world *w, struct known_case *c)
{
	for (int i = 0; i < TIMERS; i++) {
		int light = timing_untold(&c->timing, &w->model.almanac, i, w->telling_day);
		if (light != 0)
			timing_tell(&c->timing, i, light, w->telling_day);
	}
}

static void check_clocks(struct world *w);

void office_jobs(struct world *w)
{
	if (w->fault_is_armed || !job(w, false))
		return;
	for_each_case(w, renew);
	w->telling_day = today_of(w);
	if (!job(w, true))
		return; /* which of them were told is found out by the next process */
	for_each_case(w, tell);
	w->telling_day = 0;
	if (w->wrong[0] == '\0')
		check_clocks(w);
}

/* ---- what is written ---- */

static int64_t id_of(struct tx *tx, int department, int ref)
{
	char text[MODEL_TEXT];
	struct fail why;
	fail_clear(&why);
	snprintf(text, sizeof text, "D%d-%d", department, ref);
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM cases WHERE department = $1 AND case_ref = $2", &why);
	if (q == NULL)
		return 0;
	stmt_bind_int(q, 1, department + 1);
	stmt_bind_text(q, 2, str_c(text));
	return stmt_row(q, &why) ? stmt_int(q, 0) : 0;
}

/* Everything told of a case, kind by kind, in order. With `adopts`, lights of telling_day that the model does not know of are taken to have been told. */
static void told_compare(struct world *w, struct tx *tx, struct known_case *c, int64_t id, bool adopts)
{
	int next[TIMERS] = { 0 };
	struct timing *t = &c->timing;
	struct fail why;
	fail_clear(&why);
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT kind, what, day, begun FROM clock_event WHERE case_id = $1 ORDER BY id", &why);
	if (q == NULL) {
		world_wrong(w, "told: %s", why.log);
		return;
	}
	stmt_bind_int(q, 1, id);
	while (stmt_row(q, &why)) {
		struct told is = { (int)stmt_int(q, 0), (int)stmt_int(q, 1), (int)stmt_int(q, 2), (int)stmt_int(q, 3) };
		int *n = &next[is.kind - 1];
		while (*n < t->told_count && t->told[*n].kind != is.kind)
			++*n;
		if (adopts && *n >= t->told_count && is.day == w->telling_day && timing_untold(t, &w->model.almanac, is.kind - 1, is.day) == is.what)
			timing_tell(t, is.kind - 1, is.what, is.day);
		const struct told *must = *n < t->told_count ? &t->told[*n] : NULL;
		if (must == NULL || must->what != is.what || must->day != is.day || must->begun != is.begun) {
			world_wrong(w, "case %lld, %s: told %d on day %d (begun %d), it must be %d on day %d", (long long)id, kind_words[is.kind - 1], is.what, is.day, is.begun,
				    must == NULL ? 0 : must->what, must == NULL ? 0 : must->day);
			return;
		}
		++*n;
	}
	for (int i = 0; i < t->told_count; i++)
		if (i >= next[t->told[i].kind - 1])
			world_wrong(w, "case %lld, %s: %d of day %d was never told", (long long)id, kind_words[t->told[i].kind - 1], t->told[i].what, t->told[i].day);
}

void office_check_case(struct world *w, struct tx *tx, struct known_case *c, int64_t id)
{
	told_compare(w, tx, c, id, false);
}

void office_find_out(struct world *w)
{
	struct tx tx;
	if (!look_begin(w, &tx))
		return;
	almanac_find_out(w, &tx);
	for (int d = 0; d < MODEL_DEPARTMENTS && w->telling_day != 0; d++)
		for (int r = 0; r < MODEL_REFS; r++) {
			int64_t id = id_of(&tx, d, r);
			if (id > 0 && w->model.cases[d][r].count > 0)
				told_compare(w, &tx, &w->model.cases[d][r], id, true);
		}
	w->telling_day = 0;
	reader_end(w->machine.eye);
}

static void check_clock(struct world *w, struct stmt *q, int64_t id, const struct timer *c, int kind)
{
	bool has_due = !stmt_is_null(q, 4);
	int due = has_due ? (int)stmt_int(q, 4) : 0;
	if (stmt_int(q, 1) != (int64_t)c->phase || stmt_int(q, 2) != c->begun || stmt_int(q, 3) != c->days || has_due != c->has_last || (has_due && due != c->last))
		world_wrong(w, "case %lld, %s: phase %lld, begun %lld, %lld days, last %d; it must be %d, %d, %d, %d", (long long)id, kind_words[kind], (long long)stmt_int(q, 1),
			    (long long)stmt_int(q, 2), (long long)stmt_int(q, 3), has_due ? due : -1, (int)c->phase, c->begun, c->days, c->has_last ? c->last : -1);
}

/* Of those that are not over the promise, else the first there is. -1: none. */
static int shown_timer(const struct timing *t)
{
	static const int order_shown[TIMERS] = { 1, 0, 2, 3 };
	for (int i = 0; i < TIMERS; i++) {
		enum timer_phase phase = t->timers[order_shown[i]].phase;
		if (phase == TIMER_RUNS || phase == TIMER_STANDS)
			return order_shown[i];
	}
	return -1;
}

static void check_shown(struct world *w, struct tx *tx, const struct timing *t, int64_t id)
{
	int timer = shown_timer(t);
	struct fail why;
	fail_clear(&why);
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT clock, clock_due FROM cases WHERE id = $1", &why);
	if (q == NULL)
		return;
	stmt_bind_int(q, 1, id);
	if (!stmt_row(q, &why))
		return;
	bool has_due = !stmt_is_null(q, 1), must_have = timer >= 0 && t->timers[timer].has_last;
	if (stmt_int(q, 0) != timer + 1 || has_due != must_have || (has_due && stmt_int(q, 1) != t->timers[timer].last))
		world_wrong(w, "case %lld shows clock %lld until %lld, it must be %d", (long long)id, (long long)stmt_int(q, 0), (long long)stmt_int(q, 1), timer + 1);
}

static void check_clocks_of(struct world *w, struct tx *tx, const struct known_case *c, int64_t id)
{
	int found = 0, must = 0;
	struct fail why;
	fail_clear(&why);
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT kind, phase, begun, days + extended, due FROM case_clock WHERE case_id = $1", &why);
	if (q == NULL)
		return;
	stmt_bind_int(q, 1, id);
	for (; stmt_row(q, &why); found++)
		check_clock(w, q, id, &c->timing.timers[stmt_int(q, 0) - 1], (int)stmt_int(q, 0) - 1);
	for (int i = 0; i < TIMERS; i++)
		must += c->timing.timers[i].phase != TIMER_NONE;
	if (found != must)
		world_wrong(w, "case %lld has %d clocks, it must have %d", (long long)id, found, must);
	check_shown(w, tx, &c->timing, id);
}

static void check_clocks(struct world *w)
{
	struct tx tx;
	if (!look_begin(w, &tx))
		return;
	for (int d = 0; d < MODEL_DEPARTMENTS; d++)
		for (int r = 0; r < MODEL_REFS; r++) {
			int64_t id = id_of(&tx, d, r);
			if (id > 0)
				check_clocks_of(w, &tx, &w->model.cases[d][r], id);
			if (id > 0)
				told_compare(w, &tx, &w->model.cases[d][r], id, false);
		}
	reader_end(w->machine.eye);
}

/* ---- the scoreboard: counted once more from what the model knows ---- */

struct score {
	int kept, broken, taken;
};

static struct score score_of(const struct world *w, int department, int kind)
{
	struct score s = { 0 };
	for (int r = 0; r < MODEL_REFS; r++) {
		const struct timing *t = &w->model.cases[department][r].timing;
		for (int i = 0; i < t->told_count; i++) {
			if (t->told[i].kind != kind || t->told[i].what < TOLD_KEPT)
				continue;
			s.kept += t->told[i].what == TOLD_KEPT;
			s.broken += t->told[i].what == TOLD_BROKEN;
			s.taken += t->told[i].day - t->told[i].begun;
		}
	}
	return s;
}

static int supplements_of(const struct world *w, int department)
{
	int count = 0;
	for (int r = 0; r < MODEL_REFS; r++) {
		const struct known_case *c = &w->model.cases[department][r];
		for (int seq = 1; seq <= c->count; seq++)
			count += strcmp(c->happened[seq].state, "correct") == 0;
	}
	return count;
}

static const json_t *line_of(const json_t *list, const char *department, const char *kind)
{
	size_t i;
	const json_t *line;
	json_array_foreach(list, i, line)
		if (strcmp(json_string_value(json_object_get(line, "department")), department) == 0 &&
		    (kind == NULL || strcmp(json_string_value(json_object_get(line, "kind")), kind) == 0))
			return line;
	return NULL;
}

static int number_in(const json_t *line, const char *name)
{
	return line == NULL ? 0 : (int)json_integer_value(json_object_get(line, name));
}

static void compare_board(struct world *w, const json_t *board)
{
	const json_t *rows = json_object_get(board, "rows");
	for (int d = 0; d < MODEL_DEPARTMENTS; d++) {
		for (int k = 0; k < TIMERS; k++) {
			const json_t *line = line_of(rows, departments[d], kind_words[k]);
			struct score s = score_of(w, d, k + 1), is = { number_in(line, "in_time"), number_in(line, "late"), number_in(line, "days_taken") };
			if (s.kept != is.kept || s.broken != is.broken || s.taken != is.taken)
				world_wrong(w, "scoreboard, department %d, %s: %d kept, %d broken, %d days; it must be %d, %d, %d", d, kind_words[k], is.kept, is.broken, is.taken,
					    s.kept, s.broken, s.taken);
		}
		int asked = number_in(line_of(json_object_get(board, "tallies"), departments[d], NULL), "asked");
		if (asked != supplements_of(w, d))
			world_wrong(w, "scoreboard, department %d: %d supplements, it must be %d", d, asked, supplements_of(w, d));
	}
}

static void count_told(struct world *w, struct known_case *c)
{
	for (int i = 0; i < c->timing.told_count; i++) {
		int what = c->timing.told[i].what;
		*(what < TOLD_KEPT ? &w->counts.lights : what == TOLD_KEPT ? &w->counts.kept : &w->counts.broken) += 1;
	}
}

void office_count(struct world *w)
{
	for_each_case(w, count_told);
}

void office_check(struct world *w, struct tx *tx)
{
	static struct request r;
	char target[96], from[DAY_TEXT_BYTES], to[DAY_TEXT_BYTES];
	const struct handler *h = &control_scoreboard;
	day_text(timing_day(WORLD_BEGIN_MS) - 2, from);
	day_text(today_of(w) + 2, to);
	snprintf(target, sizeof target, "/control/scoreboard?from=%s&to=%s", from, to);
	request_make(w, &r, target, NULL, NULL);
	if (!h->parse(&r, &r.why) || !h->look(tx, &r, &r.why) || !h->render(&r, &r.why)) {
		world_wrong(w, "the scoreboard: %s", r.why.log);
	} else {
		DROP(json) json_t *board = json_read(buf_text(&r.reply.body), &r.why);
		compare_board(w, board);
	}
	arena_free(&r.arena);
}
