/* tests/sim/days_steps.c - what people and clerks do, one deed at a time; most of it sense, some of it not. */
#include "days_inside.h"

#include "base/day.h"
#include "services/handlers.h"

#include <assert.h>

enum { ALL_AT = 250 /* steps between looks at everything */ };

static const char *const matter_codes[D_MATTERS] = { "M1", "M2", "M3" };

/* Mostly one in that state. */
static int some_visit(struct days *d, const char *state)
{
	int i = -1;
	for (int tries = 0; tries < 12; tries++) {
		i = some(d, d->visits_from, d->visit_count);
		if (i < 0 || (is(d->visits[i].state, state) && (!is(state, "held") || d_is_live_hold(&d->visits[i], d->now))))
			break;
	}
	return i;
}

/* ---- visits ---- */

static int64_t some_start(struct days *d)
{
	int day = today(d) + rng_below(&d->rng, rng_percent(&d->rng, 80) ? 4 : 10);
	for (int i = 0; i < 3 && !d_is_workday(day) && rng_percent(&d->rng, 90); i++)
		day++;
	return d_slot_starts(day, rng_below(&d->rng, D_SLOTS_A_DAY + (rng_percent(&d->rng, 5) ? 1 : 0))) + (rng_percent(&d->rng, 2) ? 60000 : 0);
}

static void hold(struct days *d)
{
	char body[200], at[RFC3339_BYTES];
	struct d_visit v = { .person = rng_below(&d->rng, D_PERSONS), .people = rng_percent(&d->rng, 75) ? 1 : 1 + rng_below(&d->rng, D_PEOPLE_MAX), .matter_count = 1, .state = "held" };
	int64_t starts = some_start(d);
	v.matters[0] = rng_below(&d->rng, D_MATTERS);
	if (rng_percent(&d->rng, 20)) {
		v.matter_count = 2;
		v.matters[1] = v.matters[0] == 2 ? rng_below(&d->rng, 2) : 2;
	}
	if (v.people > 1 || v.matter_count > 1)
		days_expire(d); /* a hold that is over, and not given back yet, may send a family or a trip another way: nobody promised which */
	struct reasons must = d_may_hold(d, &v, starts);
	time_text(starts, at);
	snprintf(body, sizeof(body), "{\"hall\":\"H1\",\"matters\":\"%s%s%s\",\"starts_at\":\"%s\",\"people\":%d}", matter_codes[v.matters[0]], v.matter_count > 1 ? "," : "",
		 v.matter_count > 1 ? matter_codes[v.matters[1]] : "", at, v.people);
	days_ask(d, "/v1/holds", NULL, body);
	days_as_citizen(d, v.person);
	const char *said = days_do(d, &hold_create);
	days_judge(d, body, &must, said);
	if (said != NULL || d->wrong[0] != '\0')
		return;
	assert(d->visit_count < D_MANY);
	snprintf(v.id, sizeof(v.id), "%.*s", D_TEXT - 1, d->r.outcome.text);
	v.held_until = d->now + 10 * 60000;
	d->visits[d->visit_count++] = v;
	days_check_visit(d, &d->visits[d->visit_count - 1]);
}

static void confirm(struct days *d)
{
	static const char *const names[] = { "{}", "{}", "{\"names\":\"张三,李四\"}", "{\"names\":\"张三,李四,王五\"}" };
	int i = some_visit(d, "held");
	if (i < 0)
		return;
	struct d_visit *v = &d->visits[i];
	int who = rng_percent(&d->rng, 95) ? v->person : rng_below(&d->rng, D_PERSONS), named = rng_percent(&d->rng, 95) ? v->people : 1 + rng_below(&d->rng, D_PEOPLE_MAX);
	struct reasons must = { 0 };
	if (who != v->person)
		reason(&must, "not_found");
	if (named != v->people) {
		reason(&must, "invalid_field");
		reason(&must, "missing_field");
	}
	if (is(v->state, "held") && !d_is_live_hold(v, d->now))
		reason(&must, "hold_expired");
	else if (!is(v->state, "held"))
		reason(&must, is(v->state, "expired") ? "hold_expired" : "not_a_hold");
	days_ask(d, "/v1/bookings/x/confirm", v->id, names[named]);
	days_as_citizen(d, who);
	const char *said = days_do(d, &booking_confirm);
	days_judge(d, "confirm", &must, said);
	if (said == NULL)
		v->state = "booked";
	days_check_visit(d, v);
}

static void cancel(struct days *d)
{
	int i = some(d, d->visits_from, d->visit_count);
	if (i < 0)
		return;
	struct d_visit *v = &d->visits[i];
	struct reasons must = { 0 };
	if (!(d_is_live_hold(v, d->now) || is(v->state, "booked")) || v->starts <= d->now)
		reason(&must, "booking_state");
	days_ask(d, "/v1/bookings/x/cancel", v->id, "{\"reason\":\"no_time\"}");
	days_as_citizen(d, v->person);
	const char *said = days_do(d, &booking_cancel);
	days_judge(d, "cancel", &must, said);
	if (said == NULL)
		v->state = "cancelled";
	days_check_visit(d, v);
}

static void reschedule(struct days *d)
{
	char body[80], at[RFC3339_BYTES];
	struct d_visit moved;
	int i = some_visit(d, "booked");
	if (i < 0)
		return;
	struct d_visit *v = &d->visits[i];
	int64_t starts = some_start(d);
	days_expire(d);
	struct reasons must = d_may_move(d, v, starts, &moved);
	time_text(starts, at);
	snprintf(body, sizeof(body), "{\"starts_at\":\"%s\"}", at);
	days_ask(d, "/v1/bookings/x/reschedule", v->id, body);
	days_as_citizen(d, v->person);
	const char *said = days_do(d, &booking_reschedule);
	days_judge(d, "reschedule", &must, said);
	if (said == NULL) {
		moved.moves = v->moves + 1;
		*v = moved;
	}
	days_check_visit(d, v);
}

static void excuse(struct days *d)
{
	int i = -1;
	for (int tries = 0; tries < 6 && d->visit_count > 0; tries++) {
		i = rng_below(&d->rng, d->visit_count);
		if (is(d->visits[i].state, "missed") && !d->visits[i].is_excused)
			break;
	}
	if (i < 0)
		return;
	struct d_visit *v = &d->visits[i];
	struct reasons must = { 0 };
	if (!is(v->state, "missed"))
		reason(&must, "booking_state");
	days_ask(d, "/v1/hall/bookings/x/excuse", v->id, NULL);
	days_as_staff(d, D_CLERK);
	const char *said = days_do(d, &hall_excuse);
	days_judge(d, "excuse", &must, said);
	if (said == NULL)
		v->is_excused = true;
}

/* ---- the waiting list ---- */

static void join(struct days *d)
{
	char body[160], from[DAY_TEXT_BYTES], to[DAY_TEXT_BYTES];
	int first = today(d) + rng_below(&d->rng, 4), last = first + rng_below(&d->rng, 4);
	struct d_wait w = { .person = rng_below(&d->rng, D_PERSONS), .matter = rng_below(&d->rng, D_MATTERS), .people = rng_percent(&d->rng, 80) ? 1 : 2, .visit = -1,
			    .from = d_slot_starts(first, 0) - 9 * D_HOUR, .to = d_slot_starts(last + 1, 0) - 9 * D_HOUR, .state = "waiting" };
	struct reasons must = { 0 };
	for (int i = d->waits_from; i < d->wait_count; i++)
		if (d->waits[i].person == w.person && d->waits[i].matter == w.matter && (is(d->waits[i].state, "waiting") || is(d->waits[i].state, "offered")))
			reason(&must, "conflict");
	day_text(first, from);
	day_text(last, to);
	snprintf(body, sizeof(body), "{\"hall\":\"H1\",\"matter\":\"%s\",\"from\":\"%s\",\"to\":\"%s\",\"people\":%d}", matter_codes[w.matter], from, to, w.people);
	days_ask(d, "/v1/waitlist", NULL, body);
	days_as_citizen(d, w.person);
	const char *said = days_do(d, &waitlist_join);
	days_judge(d, body, &must, said);
	if (said != NULL)
		return;
	snprintf(w.id, sizeof(w.id), "%.*s", D_TEXT - 1, d->r.outcome.text);
	d->waits[d->wait_count++] = w;
}

static void leave(struct days *d)
{
	int i = some(d, d->waits_from, d->wait_count);
	if (i < 0)
		return;
	struct d_wait *w = &d->waits[i];
	struct reasons must = { 0 };
	if (!is(w->state, "waiting"))
		reason(&must, "booking_state");
	days_ask(d, "/v1/waitlist/x", w->id, NULL);
	days_as_citizen(d, w->person);
	const char *said = days_do(d, &waitlist_leave);
	days_judge(d, "leave", &must, said);
	if (said == NULL)
		w->state = "left";
}

/* What became of what was offered: booked, or gone. */
static void offers_end(struct days *d)
{
	for (int i = d->waits_from; i < d->wait_count; i++) {
		struct d_wait *w = &d->waits[i];
		if (!is(w->state, "offered") || d_is_live_hold(&d->visits[w->visit], d->now))
			continue;
		const char *s = d->visits[w->visit].state;
		w->state = is(s, "booked") || is(s, "attended") || is(s, "missed") ? "taken" : "over";
	}
}

/* The first hour of his days at which all of them find a seat. */
static bool first_free(const struct days *d, const struct d_wait *w, struct d_visit *v)
{
	for (int day = d->made_for_day; day <= d_last_day(d->made_for_day); day++)
		for (int slot = 0; slot < D_SLOTS_A_DAY; slot++) {
			int64_t starts = d_slot_starts(day, slot);
			if (starts >= w->from && starts < w->to && starts >= d->now && starts > d->now + d_notice(d_group_of(w->matter)) && d_plan(d, v, starts, NULL))
				return true;
		}
	return false;
}

/* In the order of the line. Who may not have it for what he has booked himself is out; nobody else is kept from it by that. */
static void offer_seats(struct days *d)
{
	for (int i = d->waits_from; i < d->wait_count; i++) {
		struct d_wait *w = &d->waits[i];
		struct d_visit v = { .person = w->person, .people = w->people, .matter_count = 1, .matters = { w->matter }, .state = "held" };
		if (!is(w->state, "waiting"))
			continue;
		if (w->to <= d->now) {
			w->state = "over";
			continue;
		}
		if (!first_free(d, w, &v))
			continue;
		struct reasons against = d_may_hold(d, &v, v.starts);
		if (against.count > 0) {
			w->state = "over";
			continue;
		}
		v.held_until = d->now + 15 * 60000;
		w->state = "offered";
		w->visit = d->visit_count;
		d->visits[d->visit_count++] = v;
	}
}

static bool name_of_offer(struct tx *tx, struct d_visit *v, const struct d_wait *w)
{
	struct fail why;
	struct id key;
	fail_clear(&why);
	if (!id_from_text(str_c(w->id), "bw", &key))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT b.key FROM booking_wait w JOIN booking b ON b.id = w.booking WHERE w.key = $1", &why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, key.bytes, ID_BYTES);
	if (!stmt_row(q, &why))
		return false;
	memcpy(key.bytes, stmt_blob(q, 0).at, ID_BYTES);
	id_text(key, "bk", v->id);
	return true;
}

/* How the holds that were offered are called, nobody is told but their persons. */
static void name_offers(struct days *d)
{
	struct tx tx;
	struct fail why;
	fail_clear(&why);
	for (int i = d->waits_from; i < d->wait_count && d->wrong[0] == '\0'; i++) {
		struct d_wait *w = &d->waits[i];
		if (w->visit < 0 || d->visits[w->visit].id[0] != '\0')
			continue;
		bool found = reader_begin(d->eye, &tx, &why) && name_of_offer(&tx, &d->visits[w->visit], w);
		if (!found)
			days_wrong(d, "who waits as %s must have an offer", w->id);
	}
}

/* ---- the hall ---- */

static void checkin(struct days *d)
{
	char body[120];
	struct d_number n = { .day = today(d), .rank = 3, .visit = -1, .state = "waiting" };
	struct reasons must = { 0 };
	int i = rng_percent(&d->rng, 70) ? some_visit(d, "booked") : -1, priority = rng_percent(&d->rng, 10);
	if (i >= 0) {
		const struct d_visit *v = &d->visits[i];
		if (!is(v->state, "booked") || (int)((v->starts + 8 * D_HOUR) / D_DAY) != today(d))
			reason(&must, "booking_state");
		n.group = v->group;
		n.rank = d->now >= v->starts - 15 * 60000 && d->now <= v->starts + 15 * 60000 ? 2 : 3;
		snprintf(body, sizeof(body), "{\"hall\":\"H1\",\"booking\":\"%s\",\"priority\":%s}", v->id, priority ? "true" : "false");
	} else {
		n.group = rng_below(&d->rng, D_GROUPS);
		snprintf(body, sizeof(body), "{\"hall\":\"H1\",\"window\":\"%s\",\"priority\":%s}", n.group == 0 ? "commerce" : "real_estate", priority ? "true" : "false");
	}
	n.rank = priority ? 1 : n.rank;
	days_ask(d, "/v1/hall/checkins", NULL, body);
	days_as_staff(d, D_CLERK);
	const char *said = days_do(d, &hall_checkin);
	days_judge(d, body, &must, said);
	if (said != NULL)
		return;
	if (i >= 0)
		d->visits[i].state = "attended";
	n.visit = i;
	snprintf(n.id, sizeof(n.id), "%.*s", D_TEXT - 1, d->r.outcome.text);
	d->numbers[d->number_count++] = n;
}

/* Of the best rank who came first. */
static struct d_number *first_in_line(struct days *d, int group)
{
	struct d_number *first = NULL;
	for (int i = d->numbers_from; i < d->number_count; i++) {
		struct d_number *n = &d->numbers[i];
		if (n->group == group && n->day == today(d) && is(n->state, "waiting") && (first == NULL || n->rank < first->rank))
			first = n;
	}
	return first;
}

static void call(struct days *d)
{
	char body[100];
	int group = rng_below(&d->rng, D_GROUPS);
	struct d_number *first = first_in_line(d, group);
	struct reasons must = { 0 };
	if (first == NULL)
		reason(&must, "not_found");
	snprintf(body, sizeof(body), "{\"hall\":\"H1\",\"window\":\"%s\",\"desk\":\"3号\"}", group == 0 ? "commerce" : "real_estate");
	days_ask(d, "/v1/hall/queue/call", NULL, body);
	days_as_staff(d, D_CLERK);
	const char *said = days_do(d, &hall_queue_call);
	days_judge(d, body, &must, said);
	if (said != NULL || first == NULL)
		return;
	if (!is(d->r.outcome.text, first->id))
		days_wrong(d, "%s was called before %s", d->r.outcome.text, first->id);
	first->state = "called";
	first->calls = 1;
}

static bool name_of_number(struct tx *tx, const struct d_visit *v, struct d_number *n)
{
	struct fail why;
	struct id key;
	fail_clear(&why);
	if (!id_from_text(str_c(v->id), "bk", &key))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT n.key FROM queue_number n JOIN booking b ON b.id = n.booking JOIN booking_group g ON g.id = n.grp WHERE b.key = $1 AND g.letter = $2", &why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, key.bytes, ID_BYTES);
	stmt_bind_text(q, 2, n->group == 0 ? STR("B") : STR("C"));
	if (!stmt_row(q, &why))
		return false;
	memcpy(key.bytes, stmt_blob(q, 0).at, ID_BYTES);
	id_text(key, "qn", n->id);
	return true;
}

/* A trip goes on: whoever is done at one window has a number at the other, if he had none yet. */
static void next_stop(struct days *d, const struct d_number *done)
{
	struct tx tx;
	struct fail why;
	const struct d_visit *v = done->visit < 0 ? NULL : &d->visits[done->visit];
	struct d_number n = { .day = done->day, .rank = done->rank, .visit = done->visit, .group = 1 - done->group, .state = "waiting" };
	if (v == NULL || v->matter_count < 2 || done->group != v->group)
		return;
	fail_clear(&why);
	bool found = reader_begin(d->eye, &tx, &why) && name_of_number(&tx, v, &n);
	if (!found)
		days_wrong(d, "visit %s must go on at its second window", v->id);
	d->numbers[d->number_count++] = n;
}

static void deed_at_number(struct days *d)
{
	static const struct handler *const handlers[] = { &hall_queue_recall, &hall_queue_skip, &hall_queue_back, &hall_queue_done };
	int i = some(d, d->numbers_from, d->number_count), what = rng_below(&d->rng, 4);
	if (i < 0)
		return;
	struct d_number *n = &d->numbers[i];
	struct reasons must = { 0 };
	bool may = what == 0 ? is(n->state, "called") && n->calls < 3 : what == 2 ? is(n->state, "skipped") && n->skips <= 1 : is(n->state, "called");
	if (!may)
		reason(&must, "booking_state");
	days_ask(d, "/v1/hall/queue/x", n->id, NULL);
	days_as_staff(d, D_CLERK);
	const char *said = days_do(d, handlers[what]);
	days_judge(d, "a number", &must, said);
	if (said != NULL)
		return;
	n->calls += what == 0;
	n->skips += what == 1;
	n->rank = what == 2 ? 4 : n->rank;
	n->state = what == 1 ? "skipped" : what == 2 ? "waiting" : what == 3 ? "done" : n->state;
	if (what == 3)
		next_stop(d, n);
}

/* ---- time ---- */

/* A day after its end whoever has not rated it is asked to, and never again. */
static void invitations(struct days *d)
{
	for (int i = 0; i < d->case_count; i++) {
		struct d_case *c = &d->cases[i];
		if (c->over_at == 0 || c->is_settled || d->now < c->over_at + D_DAY)
			continue;
		c->is_settled = true;
		c->is_invited = c->level == 0;
	}
}

/* What the clock itself does, in the model, in the order of the jobs. */
static void clock_does(struct days *d)
{
	d->made_for_day = today(d);
	for (int i = d->visits_from; i < d->visit_count; i++) {
		struct d_visit *v = &d->visits[i];
		if (is(v->state, "held") && d->now >= v->held_until)
			v->state = "expired";
		if (is(v->state, "booked") && d->now >= v->ends + 15 * 60000)
			v->state = "missed";
	}
	offers_end(d);
	offer_seats(d);
	for (int i = 0; i < d->voice_count; i++)
		if (is(d->voices[i].state, "answered") && d->voices[i].answered_on < today(d) - 7)
			d->voices[i].state = "closed";
	invitations(d);
	while (d->visits_from < d->visit_count && (int)((d->visits[d->visits_from].starts + 8 * D_HOUR) / D_DAY) < today(d) - 1 && !is(d->visits[d->visits_from].state, "booked"))
		d->visits_from++;
	while (d->waits_from < d->wait_count && !is(d->waits[d->waits_from].state, "waiting") && !is(d->waits[d->waits_from].state, "offered"))
		d->waits_from++;
	while (d->numbers_from < d->number_count && d->numbers[d->numbers_from].day < today(d))
		d->numbers_from++;
}

/* 23:59:59 */
static int64_t last_second(const struct days *d)
{
	return d_slot_starts(today(d) + 1, 0) - 9 * D_HOUR - 1000;
}

static void time_passes(struct days *d)
{
	int64_t before = today(d);
	int how = rng_below(&d->rng, 1000);
	d->now += how < 800 ? rng_below(&d->rng, 120) * 1000 : how < 980 ? rng_below(&d->rng, 15 * 60) * 1000 : how < 989 ? rng_below(&d->rng, 2 * 3600) * 1000 : 0;
	if (how >= 989 && how < 992 && d->now < last_second(d)) /* and from there over midnight, step by step */
		d->now = last_second(d);
	if (how >= 992) /* the next morning */
		d->now = d_slot_starts(today(d) + 1, 0) - 20 * 60000;
	if (before == today(d) && rng_percent(&d->rng, 70))
		return;
	days_note(d, "the clock");
	days_jobs(d);
	clock_does(d);
	name_offers(d);
}

static const struct { int percent; void (*deed)(struct days *d); } deeds[] = {
	{ 17, hold }, { 12, confirm }, { 4, cancel }, { 4, reschedule }, { 3, join }, { 2, leave }, { 7, checkin }, { 4, call }, { 5, deed_at_number }, { 10, days_case_event }, { 3, days_draft }, { 4, days_save },
	{ 3, days_upload }, { 3, days_submit }, { 3, excuse }, { 1, days_discard_or_withdraw }, { 4, days_rate }, { 2, days_say }, { 7, days_voice_move }, { 3, days_feedback },
};

static void one_step(struct days *d)
{
	int n = rng_below(&d->rng, 100);
	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
		if (n < deeds[i].percent) {
			deeds[i].deed(d);
			return;
		}
		n -= deeds[i].percent;
	}
}

bool days_live(struct days *d, uint64_t seed, int64_t steps)
{
	d->rng.state = seed;
	days_jobs(d);
	clock_does(d);
	for (d->steps = 1; d->steps <= steps && d->wrong[0] == '\0'; d->steps++) {
		time_passes(d);
		one_step(d);
		if (d->steps % ALL_AT == 0)
			days_check_all(d);
	}
	if (d->wrong[0] == '\0') {
		d->steps = 0; /* all of it */
		days_check_all(d);
		d->steps = steps;
	}
	return d->wrong[0] == '\0';
}
