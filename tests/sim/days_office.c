/* tests/sim/days_office.c - cases, drafts, ratings and tickets: deeds of an office. */
#include "days_inside.h"

#include "services/handlers.h"

/* ---- cases and drafts ---- */

/* Where there is no end to it, mostly: a case that goes on is worth more than one that is over. */
static const char *some_event(struct days *d, const char *const *may, int count)
{
	static const char *const ends[] = { "not_accepted", "returned", "withdrawn", "aborted", NULL };
	const char *event = may[rng_below(&d->rng, count)];
	for (int tries = 0; tries < 3 && is_one_of(event, ends); tries++)
		event = may[rng_below(&d->rng, count)];
	return event;
}

static const char *event_for(struct days *d, const char *state)
{
	const char *any, *may[20];
	int count = 0, all = 0;
	for (; d_case_event(all) != NULL; all++)
		if (d_case_after(state, d_case_event(all)) != NULL)
			may[count++] = d_case_event(all);
	any = d_case_event(rng_below(&d->rng, all));
	return count > 0 && rng_percent(&d->rng, 90) ? some_event(d, may, count) : any;
}

#define APPLICANT "621299199006150131"

/* What an event may want, with a last day; for what it turns somebody away; or nothing. */
static const char *demand_with(const char *event)
{
	static const char *const asks[] = { "pre_returned", "correct_pre_asked", "correct_asked", NULL }, *const refuses[] = { "not_accepted", "returned", "decided_no", NULL };
	return is_one_of(event, asks) ? ",\"demand\":{\"days\":5,\"items\":[{\"condition\":1,\"reason\":\"不符合\"}]}"
		: is_one_of(event, refuses) ? ",\"demand\":{\"items\":[{\"condition\":1,\"reason\":\"不符合\"}]}"
		: is(event, "accepted") ? ",\"demand\":{\"days\":5,\"items\":[{\"material\":2,\"reason\":\"后补\"}]}" : NULL;
}

/* Whoever applied here is told what is wanted of him and for what he is turned away; whose papers are all there is not accepted without some. */
static bool owes_a_demand(const struct d_case *c, const char *event)
{
	return c->applied && demand_with(event) != NULL && !(is(event, "accepted") && c->has_file);
}

/* What is awaited is awaited until it is said to have come, or the case is at its end. */
static void case_moved(const struct days *d, struct d_case *c, const char *event, const char *state, bool demands)
{
	static const char *const open[] = { "accepted", "special", "paused", "correct", NULL };
	if (c->over_at == 0 && d_case_is_over(state))
		c->over_at = d->now;
	c->state = state;
	c->seq++;
	if (is(event, "accepted"))
		c->file_awaited = demands;
	if (is(event, "followed") || !is_one_of(state, open))
		c->file_awaited = false;
}

/* Mostly one that was applied for here: it is awaited more of. */
static int some_case(struct days *d)
{
	int i = -1;
	for (int tries = 0; tries < 4 && (i < 0 || !d->cases[i].applied); tries++)
		i = some(d, 0, d->case_count);
	return i;
}

void days_case_event(struct days *d)
{
	char body[520], at[RFC3339_BYTES];
	int i = rng_percent(&d->rng, 20) ? -1 : some_case(d);
	struct d_case fresh = { .department = 1 + rng_below(&d->rng, D_DEPARTMENTS), .person = D_PERSONS, .state = "nothing" }, *c = i < 0 ? &fresh : &d->cases[i];
	struct reasons must = { 0 };
	if (i < 0)
		snprintf(fresh.ref, sizeof(fresh.ref), "T-%lld", (long long)d->steps);
	const char *event = event_for(d, c->state), *after = d_case_after(c->state, event);
	const char *demand = rng_percent(&d->rng, 75) ? demand_with(event) : NULL, *extension = is(event, "extended") ? ",\"extend_days\":2,\"document\":\"延期决定书1号\"" : "";
	if (after == NULL)
		reason(&must, "illegal_move");
	if (demand == NULL && owes_a_demand(c, event))
		reason(&must, "missing_field");
	time_text(d->now, at);
	snprintf(body, sizeof(body), "{\"event_id\":\"e-%lld\",\"case_ref\":\"%s\",\"seq\":%d,\"event\":\"%s\",\"occurred_at\":\"%s\"%s%s%s%s%s%s%s}", (long long)d->steps, c->ref, c->seq + 1, event, at,
		 demand != NULL ? demand : "", extension,
		 i < 0 ? ",\"region\":\"621202\",\"matter\":\"" : "", i < 0 ? (c->department == 1 ? "M2" : "M3") : "",
		 i < 0 ? "\",\"applicant\":{\"id_type\":\"resident\",\"id_number\":\"" : "", i < 0 ? APPLICANT : "", i < 0 ? "\"}" : "");
	days_ask(d, "/v1/department/events", NULL, body);
	days_as_department(d, c->department);
	const char *said = days_do(d, &department_event_post);
	days_judge(d, event, &must, said);
	if (said != NULL)
		return;
	case_moved(d, c, event, after, demand != NULL);
	if (i < 0) {
		snprintf(c->number, sizeof(c->number), "%.25s", d->r.outcome.text);
		d->cases[d->case_count++] = *c;
	}
}

void days_draft(struct days *d)
{
	struct d_draft a = { .person = rng_below(&d->rng, D_PERSONS), .edition = 1, .case_index = -1 };
	struct reasons must = { 0 };
	int open = 0;
	for (int i = 0; i < d->draft_count; i++)
		open += d->drafts[i].person == a.person && !d->drafts[i].is_gone && d->drafts[i].case_index < 0;
	if (open >= 20)
		reason(&must, "too_many_drafts");
	days_ask(d, "/v1/applications", NULL, "{\"matter\":\"M1\",\"region\":\"621202\"}");
	days_as_citizen(d, a.person);
	const char *said = days_do(d, &application_create);
	days_judge(d, "draft", &must, said);
	if (said != NULL)
		return;
	snprintf(a.id, sizeof(a.id), "%.*s", D_TEXT - 1, d->r.outcome.text);
	d->drafts[d->draft_count++] = a;
}

/* A draft, or its case waits for its applicant. */
static bool is_open_to_him(const struct days *d, const struct d_draft *a)
{
	static const char *const waits[] = { "pre_returned", "correct_pre", "correct", NULL };
	return a->case_index < 0 || is_one_of(d->cases[a->case_index].state, waits);
}

static bool is_awaited(const struct days *d, const struct d_draft *a)
{
	return a->case_index >= 0 && is(d->cases[a->case_index].state, "accepted") && d->cases[a->case_index].file_awaited;
}

/* Mostly one that is there; of those, one whose case awaits a file. */
static int some_draft(struct days *d)
{
	int i = -1;
	for (int tries = 0; tries < 12; tries++) {
		i = some(d, 0, d->draft_count);
		if (i < 0 || (!d->drafts[i].is_gone && (tries >= 8 || is_awaited(d, &d->drafts[i]))))
			break;
	}
	return i;
}

void days_save(struct days *d)
{
	static struct header if_match;
	static char edition_text[24], body[80];
	int i = some(d, 0, d->draft_count), edition, answer = 1 + rng_below(&d->rng, 9);
	if (i < 0)
		return;
	struct d_draft *a = &d->drafts[i];
	struct reasons must = { 0 };
	edition = rng_percent(&d->rng, 80) ? a->edition : 1 + rng_below(&d->rng, a->edition + 1);
	if (a->is_gone)
		reason(&must, "not_found");
	if (!is_open_to_him(d, a))
		reason(&must, "application_state");
	if (edition != a->edition && answer != a->answer)
		reason(&must, "precondition_failed");
	snprintf(edition_text, sizeof(edition_text), "\"%d\"", edition);
	snprintf(body, sizeof(body), "{\"answers\":{\"owner\":\"答%d\"}}", answer);
	days_ask(d, "/v1/applications/x", a->id, body);
	if_match = (struct header){ STR("if-match"), str_c(edition_text) };
	d->r.headers = &if_match;
	d->r.header_count = 1;
	days_as_citizen(d, a->person);
	const char *said = days_do(d, &application_save);
	days_judge(d, "save", &must, said);
	if (said == NULL && answer != a->answer) {
		a->edition++;
		a->answer = answer;
	}
}

/* Each is another file: the same again would be the one that is there. */
void days_upload(struct days *d)
{
	char body[120];
	int i = some_draft(d);
	if (i < 0)
		return;
	struct d_draft *a = &d->drafts[i];
	struct reasons must = { 0 };
	if (a->case_index < 0 && rng_percent(&d->rng, 70))
		return; /* it may follow */
	if (a->is_gone)
		reason(&must, "not_found");
	if (!is_open_to_him(d, a) && !is_awaited(d, a))
		reason(&must, "application_state");
	snprintf(body, sizeof(body), "%%PDF-1.4\n1 0 obj\n(%lld)\nendobj\nstartxref\n9\n%%%%EOF", (long long)d->steps);
	days_ask(d, "/v1/applications/x/materials/2", a->id, body);
	d->r.params[1] = STR("2");
	days_as_citizen(d, a->person);
	const char *said = days_do(d, &material_upload);
	days_judge(d, "upload", &must, said);
	if (said != NULL)
		return;
	a->edition++;
	a->has_file = a->has_new_file = true;
}

/* What handing in is called then, and where it leads. */
static const char *handing_in(const struct days *d, const struct d_draft *a)
{
	const char *state = a->case_index < 0 ? "nothing" : d->cases[a->case_index].state;
	return is(state, "correct_pre") ? "correct_pre_done" : is(state, "correct") ? "correct_done" : is(state, "accepted") ? "followed" : "submitted";
}

static void handed_in(const struct days *d, struct d_draft *a, struct d_case *c, const char *event)
{
	case_moved(d, c, event, d_case_after(c->state, event), false);
	c->has_file = a->has_file;
	a->has_new_file = false;
	a->edition++;
}

void days_submit(struct days *d)
{
	int i = some_draft(d);
	if (i < 0)
		return;
	struct d_draft *a = &d->drafts[i];
	struct d_case c = { .person = a->person, .department = 1, .applied = true, .state = "nothing" };
	struct reasons must = { 0 };
	if (a->is_gone)
		reason(&must, "not_found");
	if (a->answer == 0)
		reason(&must, "invalid_form");
	if (!is_open_to_him(d, a) && !is_awaited(d, a))
		reason(&must, "application_state");
	if (is_awaited(d, a) && !a->has_new_file)
		reason(&must, "invalid_form");
	days_ask(d, "/v1/applications/x/submit", a->id, NULL);
	days_as_citizen(d, a->person);
	const char *said = days_do(d, &application_submit);
	days_judge(d, handing_in(d, a), &must, said);
	if (said != NULL)
		return;
	if (a->case_index >= 0) {
		handed_in(d, a, &d->cases[a->case_index], handing_in(d, a));
		return;
	}
	handed_in(d, a, &c, "submitted");
	snprintf(c.number, sizeof(c.number), "%.25s", d->r.outcome.text);
	snprintf(c.ref, sizeof(c.ref), "%s", c.number);
	a->case_index = d->case_count;
	d->cases[d->case_count++] = c;
}

void days_discard_or_withdraw(struct days *d)
{
	int i = some(d, 0, d->draft_count);
	if (i < 0)
		return;
	struct d_draft *a = &d->drafts[i];
	struct reasons must = { 0 };
	bool withdraws = a->case_index >= 0;
	struct d_case *c = withdraws ? &d->cases[a->case_index] : NULL;
	if (a->is_gone)
		reason(&must, "not_found");
	if (withdraws && d_case_after(c->state, "withdrawn") == NULL) {
		reason(&must, "illegal_move");
		reason(&must, "application_state");
	}
	days_ask(d, "/v1/applications/x", a->id, NULL);
	days_as_citizen(d, a->person);
	const char *said = days_do(d, withdraws ? &application_withdraw : &application_discard);
	days_judge(d, withdraws ? "withdraw" : "discard", &must, said);
	if (said != NULL)
		return;
	if (!withdraws) {
		a->is_gone = true;
		return;
	}
	case_moved(d, c, "withdrawn", "withdrawn", false);
}

/* ---- ratings and tickets ---- */

static void voice_add(struct days *d, struct d_voice v)
{
	snprintf(v.number, sizeof(v.number), "%.15s", d->r.outcome.text);
	d->voices[d->voice_count++] = v;
	days_check_voice(d, &d->voices[d->voice_count - 1]);
}

void days_rate(struct days *d)
{
	char body[80];
	int i = some(d, 0, d->case_count), level = 1 + rng_below(&d->rng, 5);
	if (i < 0)
		return;
	struct d_case *c = &d->cases[i];
	int who = rng_percent(&d->rng, 90) ? c->person : rng_below(&d->rng, D_PERSONS);
	struct reasons must = { 0 };
	if (who != c->person)
		reason(&must, "not_found");
	if (!d_case_is_over(c->state))
		reason(&must, "not_over_yet");
	if (c->level != 0)
		reason(&must, "rated_already");
	snprintf(body, sizeof(body), "{\"level\":%d,\"text\":\"话%d\"}", level, level);
	days_ask(d, "/v1/cases/x/rating", c->number, body);
	days_as_citizen(d, who);
	const char *said = days_do(d, &rating_create);
	days_judge(d, "rate", &must, said);
	if (said != NULL)
		return;
	c->level = level;
	if (level <= 2)
		voice_add(d, (struct d_voice){ .person = c->person, .department = c->department, .case_index = i, .kind = "rating", .state = "assigned" });
	else if (d->r.outcome.text[0] != '\0')
		days_wrong(d, "a work order for level %d", level);
}

void days_say(struct days *d)
{
	static const char *const kinds[] = { "consult", "suggest", "complain", "report" };
	char body[200];
	struct d_voice v = { .person = rng_below(&d->rng, D_PERSONS), .case_index = -1, .kind = kinds[rng_below(&d->rng, 4)], .state = "received" };
	struct reasons must = { 0 };
	int open = 0;
	for (int i = 0; i < d->voice_count; i++)
		open += d->voices[i].person == v.person && !is(d->voices[i].kind, "rating") &&
			(is(d->voices[i].state, "received") || is(d->voices[i].state, "assigned") || is(d->voices[i].state, "handling") || is(d->voices[i].state, "answered"));
	if (open >= 20)
		reason(&must, "too_many_voices");
	snprintf(body, sizeof(body), "{\"kind\":\"%s\",\"text\":\"窗口没有人\",\"region\":\"621202\"}", v.kind);
	days_ask(d, "/v1/tickets", NULL, body);
	days_as_citizen(d, v.person);
	const char *said = days_do(d, &voice_create);
	days_judge(d, body, &must, said);
	if (said == NULL)
		voice_add(d, v);
}

enum actor { BY_DEPARTMENT_1 = 1, BY_DEPARTMENT_2, BY_HOTLINE, BY_SUPERVISOR };

/* Whose is it to do? */
static void turn_stands_against(const struct d_voice *v, enum actor who, const char *event, struct reasons *r)
{
	static const char *const departments[] = { "handed_over", "returned", "accepted", "complex", "called", "answered", NULL },
				  *const operators[] = { "assigned", "called", "satisfied", "reopened", "dissatisfied", "refused", "withdrawn", NULL };
	bool is_department = who == BY_DEPARTMENT_1 || who == BY_DEPARTMENT_2;
	if (is_department && v->department != (int)who)
		reason(r, "not_found");
	else if (!(is_department ? is_one_of(event, departments) : who == BY_HOTLINE ? is_one_of(event, operators) : is(event, "urged")))
		reason(r, "forbidden");
}

static void voice_happened(struct days *d, struct d_voice *v, const char *event, int department)
{
	v->state = d_voice_after(v, event);
	v->is_complex |= is(event, "complex");
	v->calls = is(event, "reopened") ? 0 : v->calls + is(event, "called");
	v->reopened |= is(event, "reopened");
	if (is(event, "returned"))
		v->department = 0;
	if (department != 0)
		v->department = department;
	if (is(event, "answered"))
		v->answered_on = today(d);
}

static void state_stands_against(const struct d_voice *v, const char *event, struct reasons *r)
{
	if (!d_voice_allows(v->state, event) || (is(event, "complex") && v->is_complex) || (is(event, "reopened") && v->reopened) || (is(event, "withdrawn") && is(v->kind, "rating")))
		reason(r, "voice_state");
}

void days_voice_move(struct days *d)
{
	static const char *const events[] = { "assigned", "accepted", "called", "answered", "accepted", "called", "answered", "urged", "complex", "handed_over", "returned", "refused", "satisfied",
		"reopened", "dissatisfied", "withdrawn" };
	static const char *const codes[] = { "", "11621299000000000G", "12621299TE5T000167" };
	char body[200];
	int i = some(d, 0, d->voice_count);
	if (i < 0)
		return;
	struct d_voice *v = &d->voices[i];
	const char *event = events[rng_below(&d->rng, 16)];
	bool has_text = rng_percent(&d->rng, 92), goes = is(event, "assigned") || is(event, "handed_over");
	int to = goes && rng_percent(&d->rng, 92) ? 1 + rng_below(&d->rng, 2) : 0;
	enum actor who = rng_percent(&d->rng, 15) ? (enum actor)(1 + rng_below(&d->rng, 4))
		: is(event, "urged") ? BY_SUPERVISOR : is(event, "assigned") || is(event, "refused") || is(event, "satisfied") || is(event, "reopened") || is(event, "dissatisfied") || is(event, "withdrawn")
		? BY_HOTLINE : v->department != 0 ? (enum actor)v->department : BY_HOTLINE;
	struct reasons must = { 0 };
	turn_stands_against(v, who, event, &must);
	state_stands_against(v, event, &must);
	bool wants_text = !is(event, "assigned") && !is(event, "accepted") && !is(event, "satisfied") && !is(event, "dissatisfied") && !is(event, "withdrawn");
	if ((wants_text && !has_text) || (goes && to == 0))
		reason(&must, "missing_field");
	if (to != 0 && to == v->department)
		reason(&must, "invalid_field");
	if (is(event, "answered") && is(v->kind, "rating") && v->calls == 0)
		reason(&must, "call_first");
	snprintf(body, sizeof(body), "{\"event\":\"%s\"%s%s%s%s}", event, has_text ? ",\"text\":\"说明\"" : "", to != 0 ? ",\"department\":\"" : "", codes[to], to != 0 ? "\"" : "");
	days_ask(d, "/v1/x", v->number, body);
	if (who == BY_DEPARTMENT_1 || who == BY_DEPARTMENT_2)
		days_as_department(d, (int)who);
	else
		days_as_staff(d, who == BY_HOTLINE ? D_HOTLINE : D_SUPERVISOR);
	const char *said = days_do(d, &office_voice_move);
	days_judge(d, body, &must, said);
	if (said == NULL)
		voice_happened(d, v, event, to);
	days_check_voice(d, v);
}

void days_feedback(struct days *d)
{
	int i = some(d, 0, d->voice_count);
	if (i < 0)
		return;
	struct d_voice *v = &d->voices[i];
	bool satisfied = rng_percent(&d->rng, 50);
	const char *event = satisfied ? "satisfied" : v->reopened ? "dissatisfied" : "reopened";
	struct reasons must = { 0 };
	state_stands_against(v, event, &must);
	days_ask(d, "/v1/tickets/x/feedback", v->number, satisfied ? "{\"satisfied\":true}" : "{\"satisfied\":false,\"text\":\"没有解决\"}");
	days_as_citizen(d, v->person);
	const char *said = days_do(d, &voice_feedback);
	days_judge(d, event, &must, said);
	if (said == NULL)
		voice_happened(d, v, event, 0);
	days_check_voice(d, v);
}
