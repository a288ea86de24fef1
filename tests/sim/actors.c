/* tests/sim/actors.c - departments that repeat, overtake and contradict themselves; citizens who ask; and what each must hear. */
#include "actors.h"

#include "base/clock.h"
#include "base/json.h"
#include <assert.h>
#include <stdlib.h>

enum { KEYS_PER_DEED = 4, LATE_MS = 7 * 60 * 1000, PAGE = 100 };

static const char *const numbers[MODEL_PERSONS] = { "621299199006150131", "62129919850101006X", "91621299MA0000015U" };

struct post *actors_post_of(const struct asked *a)
{
	struct inquiry *q = asked_own(a);
	return q->post;
}

static const char *ref_text(int department, int ref, char out[MODEL_TEXT])
{
	snprintf(out, MODEL_TEXT, "D%d-%d", department, ref);
	return out;
}

static struct asked *ask(struct world *w, int loop, const struct asking *q, const struct inquiry *inquiry)
{
	struct inquiry *own = malloc(sizeof *own);
	assert(own != NULL && w->asked_count < WORLD_ASKED_MAX);
	*own = *inquiry;
	own->commits_then = w->commits;
	struct asked *a = door_ask(&w->machine.loops[loop], q, &w->rng, own);
	w->asked[w->asked_count++] = a;
	return a;
}

/* ---- departments: what happened? ---- */

static int a_note(struct world *w)
{
	return rng_percent(&w->rng, 30) ? 1 + rng_below(&w->rng, 9) : 0;
}

static struct deed *new_deed(struct world *w, int department, int ref, int seq, int event)
{
	struct deed *d = &w->deeds[w->deed_count];
	*d = (struct deed){ .department = department, .ref = ref, .id = w->deed_count, .seq = seq, .event = event, .note = a_note(w),
			    .occurred_ms = w->machine.wall_ms - rng_below(&w->rng, LATE_MS), .person = rng_below(&w->rng, MODEL_PERSONS),
			    .foreign_matter = seq == 1 && rng_percent(&w->rng, 3) };
	d->whole_is_named = seq == 1 && model_part(department, ref) != NULL && w->model.cases[0][MODEL_WHOLE].case_no[0] != '\0' && !rng_percent(&w->rng, 3);
	if (rng_percent(&w->rng, 1))
		d->occurred_ms = w->machine.wall_ms + LATE_MS;
	w->deed_count++;
	return d;
}

/* What this case would be if all that was ever told of it were true: the department knows more than siban has heard. */
static int last_seq_told(struct world *w, int department, int ref)
{
	int last = w->model.cases[department][ref].count;
	for (int i = 0; i < w->deed_count; i++)
		if (w->deeds[i].department == department && w->deeds[i].ref == ref && w->deeds[i].seq > last)
			last = w->deeds[i].seq;
	return last;
}

static int event_called(const char *name)
{
	int event = 0;
	while (strcmp(model_event_name(event), name) != 0)
		event++;
	return event;
}

/* What a department that works does next: most cases would end early by chance alone. */
static int work_on(struct world *w, const char *state, int otherwise)
{
	static const struct { const char *state, *events[5]; } ways[] = {
		{ "submitted", { "accepted", "accepted", "received", "correct_pre_asked", "accepted" } },
		{ "received", { "accepted", "accepted", "accepted", "accepted", "correct_pre_asked" } },
		{ "accepted", { "correct_asked", "special_started", "paused", "extended", "decided_ok" } },
		{ "correct", { "correct_done", "correct_done", "correct_done", "correct_done", "withdrawn" } },
		{ "special", { "special_ended", "special_ended", "special_ended", "special_ended", "aborted" } },
		{ "paused", { "resumed", "resumed", "resumed", "resumed", "returned" } },
		{ "decided_ok", { "done", "done", "done", "done", "aborted" } },
	};
	int chance = rng_below(&w->rng, 5);
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
		if (strcmp(state, ways[i].state) == 0)
			return event_called(ways[i].events[chance]);
	return otherwise;
}

/* Of the joint case: its whole until that is accepted, then mostly a part of it. */
static void whose_part(struct world *w, int *department, int *ref)
{
	const struct known_case *whole = &w->model.cases[0][MODEL_WHOLE];
	bool is_under_way = strcmp(whole->state, "accepted") == 0 && whole->case_no[0] != '\0';
	*department = is_under_way && rng_percent(&w->rng, 50);
	*ref = is_under_way && *department == 0 && rng_percent(&w->rng, 40) ? MODEL_PLAN : MODEL_WHOLE;
}

static const struct deed *invent(struct world *w)
{
	int department = rng_below(&w->rng, MODEL_DEPARTMENTS), ref = rng_below(&w->rng, MODEL_REFS), chance = rng_below(&w->rng, 100);
	bool is_joint = rng_percent(&w->rng, 35); /* it has three who tell of it, and they mostly do it well: else it would not come far */
	if (is_joint)
		whose_part(w, &department, &ref);
	if (is_joint && rng_percent(&w->rng, 75))
		chance = 99;
	const struct known_case *c = &w->model.cases[department][ref];
	int event = model_event_leading_on(c->state, (unsigned)rng_below(&w->rng, rng_percent(&w->rng, 85) ? MODEL_ENDING_EVENTS : model_event_count()));
	int seq = c->count + 1;
	if (is_joint && model_is_whole(department, ref) && w->model.cases[1][MODEL_WHOLE].count > 0 && rng_percent(&w->rng, 25))
		event = event_called("withdrawn");
	else if (is_joint || rng_percent(&w->rng, 45))
		event = work_on(w, c->state, event);
	if (chance < 15 || event < 0)
		event = rng_below(&w->rng, model_event_count()); /* whatever */
	if (chance >= 15 && chance < 40)
		seq = c->count + 2 + rng_below(&w->rng, 3);      /* too early */
	else if (chance >= 40 && chance < 50)
		seq = last_seq_told(w, department, ref) + 1;
	else if (chance >= 50 && chance < 55)
		seq = 1 + rng_below(&w->rng, seq);               /* too late */
	if (seq > MODEL_SEQS - 6)
		return NULL;
	return new_deed(w, department, ref, seq, event);
}

/* The same event id with something else in it. */
static const struct deed *contradict(struct world *w, const struct deed *d)
{
	struct deed *other = &w->deeds[w->deed_count++];
	*other = *d;
	other->note = d->note + 1;
	return other;
}

static const char *matter_of(const struct deed *d)
{
	static const char *const matters[MODEL_DEPARTMENTS] = { "M0", "M1" };
	if (model_is_whole(d->department, d->ref) && !d->foreign_matter)
		return "J";
	return matters[d->foreign_matter ? 1 - d->department : d->department];
}

static void body_of(const struct deed *d, const char *whole_no, char *out, size_t size)
{
	char when[RFC3339_BYTES], ref[MODEL_TEXT];
	const char *part = model_part(d->department, d->ref);
	time_rfc3339(d->occurred_ms, when);
	int n = snprintf(out, size, "{\"event_id\":\"E%d-%d\",\"case_ref\":\"%s\",\"seq\":%d,\"event\":\"%s\",\"occurred_at\":\"%s\"", d->department, d->id,
			 ref_text(d->department, d->ref, ref), d->seq, model_event_name(d->event), when);
	if (d->note != 0)
		n += snprintf(out + n, size - (size_t)n, ",\"note\":\"note %d\"", d->note);
	if (model_extension(d) > 0)
		n += snprintf(out + n, size - (size_t)n, ",\"extend_days\":%d,\"document\":\"document %d\"", model_extension(d), d->id);
	if (d->seq == 1 && part != NULL)
		n += snprintf(out + n, size - (size_t)n, ",\"whole\":\"%s\",\"part\":\"%s\"", d->whole_is_named ? whole_no : "LN62120220261123000000001", part);
	else if (d->seq == 1)
		n += snprintf(out + n, size - (size_t)n, ",\"matter\":\"%s\",\"region\":\"621202\",\"applicant\":{\"id_type\":\"%s\",\"id_number\":\"%s\"}",
			      matter_of(d), d->person == 2 ? "uscc" : "resident", numbers[d->person]);
	snprintf(out + n, size - (size_t)n, "}");
}

static bool is_under_way(const struct world *w, const struct post *p)
{
	for (int i = 0; i < w->post_count; i++) {
		const struct post *o = &w->posts[i];
		if (o != p && !o->is_home && o->key == p->key && o->deed->department == p->deed->department)
			return true;
	}
	return false;
}

static void post(struct world *w, const struct deed *d, int key)
{
	char body[768], key_text[32];
	if (w->post_count == WORLD_POSTS_MAX || w->asked_count == WORLD_ASKED_MAX || d == NULL)
		return;
	struct post *p = &w->posts[w->post_count++];
	*p = (struct post){ .deed = d, .key = key, .loop = rng_below(&w->rng, MACHINE_LOOPS) };
	p->is_second = is_under_way(w, p);
	body_of(d, w->model.cases[0][MODEL_WHOLE].case_no, body, sizeof body);
	snprintf(key_text, sizeof key_text, "\"key-%08d\"", key);
	w->counts.posts++;
	world_note(w, "key %d: department %d tells %s", key, d->department, body);
	struct asking q = { METHOD_POST, "/v1/department/events", w->department_token[d->department], key_text, body, false };
	struct asked *a = ask(w, p->loop, &q, &(struct inquiry){ .kind = ASK_POST, .post = p, .department = d->department, .ref = d->ref });
	if (!asked_is_write(a))
		return; /* answered already: actors_hear */
	p->now_ms = asked_now_ms(a);
	p->asked_mono_ms = w->machine.mono_ns / 1000000;
	if (p->is_second)
		world_wrong(w, "key %d is under way twice", key);
}

static bool has_room(const struct world *w)
{
	return w->deed_count < MODEL_DEEDS - 2 && w->model.kept_count < MODEL_DEEDS - WORLD_ASKED_MAX;
}

void actors_post(struct world *w)
{
	int chance = rng_below(&w->rng, 100);
	if (!has_room(w))
		return;
	if (w->post_count == 0 || chance < 70) {
		post(w, invent(w), ++w->key_count);
		return;
	}
	const struct post *old = &w->posts[rng_below(&w->rng, w->post_count)];
	const struct kept *k = model_kept(&w->model, old->deed->department, old->key);
	if (chance < 85)
		post(w, old->deed, old->key);                    /* a repeat */
	else if (chance < 92)
		post(w, old->deed, ++w->key_count);              /* the same deed, told anew */
	else if (chance < 96)
		post(w, contradict(w, old->deed), ++w->key_count);
	else if (k != NULL && w->machine.wall_ms - k->made_ms < INT64_C(3600000))
		post(w, contradict(w, k->deed), old->key);       /* the key, used for something else */
}

void actors_repeat_unheard(struct world *w)
{
	int first = w->post_count > 0 ? rng_below(&w->rng, w->post_count) : 0;
	for (int n = 0, i = 0; i < w->post_count && n < 3 && has_room(w); i++) {
		struct post *p = &w->posts[(first + i) % w->post_count];
		if (p->is_heard || !p->is_home)
			continue;
		p->is_heard = true; /* the repeat's answer is its own */
		post(w, p->deed, p->key);
		n++;
	}
}

void actors_hang_up(struct world *w)
{
	if (w->asked_count == 0)
		return;
	struct asked *a = w->asked[rng_below(&w->rng, w->asked_count)];
	if (asked_answer(a) != NULL || asked_hung_up(a))
		return;
	world_note(w, "somebody hangs up");
	door_hang_up(a);
}

void actors_loop_turned(struct world *w, int loop)
{
	for (int i = 0; i < w->asked_count; i++) {
		struct asked *a = w->asked[i];
		struct post *p = actors_post_of(a);
		if (p != NULL && asked_hung_up(a) && !asked_is_write(a) && p->loop == loop)
			p->is_home = true;
	}
}

/* ---- citizens: where is my case? ---- */

static const char *a_case_no(struct world *w, int department, int ref)
{
	const char *no = w->model.cases[department][ref].case_no;
	return no[0] != '\0' ? no : "LN6212022026112300000001X";
}

/* Events of what the case has besides: of parts, when it is the whole. */
static int parts_count(const struct world *w, int department, int ref)
{
	return model_is_whole(department, ref) ? w->model.cases[1][MODEL_WHOLE].count + w->model.cases[0][MODEL_PLAN].count : 0;
}

void actors_ask(struct world *w)
{
	char target[96], body[96], own_ref[MODEL_TEXT];
	static const enum asked_kind kinds[] = { ASK_SHOW, ASK_SHOW, ASK_SHOW, ASK_SHOW, ASK_EVENTS, ASK_EVENTS, ASK_LIST, ASK_LOOKUP, ASK_DEPARTMENT, ASK_DEPARTMENT,
						 ASK_STRANGER, ASK_FORGER };
	bool is_news = w->last_taken != NULL && rng_percent(&w->rng, 60); /* whoever hears that something happened looks */
	int department = is_news ? w->last_taken->department : rng_below(&w->rng, MODEL_DEPARTMENTS);
	int ref = is_news ? w->last_taken->ref : rng_below(&w->rng, MODEL_REFS);
	enum asked_kind kind = kinds[rng_below(&w->rng, sizeof kinds / sizeof kinds[0])];
	if (kind != ASK_DEPARTMENT && model_part(department, ref) != NULL) { /* citizens know of the whole alone */
		department = 0;
		ref = MODEL_WHOLE;
	}
	const struct known_case *c = &w->model.cases[department][ref];
	int person = rng_percent(&w->rng, 70) ? c->person : rng_below(&w->rng, MODEL_PERSONS);
	struct asking q = { METHOD_GET, target, w->person_token[person], NULL, NULL, false };
	struct inquiry i = { .kind = kind, .person = person, .department = department, .ref = ref, .count_then = c->count, .parts_then = parts_count(w, department, ref),
			     .case_was_known = c->case_no[0] != '\0' };
	if (w->asked_count == WORLD_ASKED_MAX)
		return;
	switch (i.kind) {
	case ASK_POST:
	case ASK_SHOW:
		snprintf(target, sizeof target, "/v1/cases/%s", a_case_no(w, department, ref));
		break;
	case ASK_EVENTS:
		snprintf(target, sizeof target, "/v1/cases/%s/events?limit=%d", a_case_no(w, department, ref), PAGE);
		break;
	case ASK_LIST:
		snprintf(target, sizeof target, "/v1/cases?limit=%d", PAGE);
		break;
	case ASK_LOOKUP:
		q = (struct asking){ METHOD_POST, "/v1/case-lookups", NULL, NULL, body, false };
		snprintf(body, sizeof body, "{\"case_no\":\"%s\",\"id_last4\":\"%s\"}", a_case_no(w, department, ref), numbers[person] + 14);
		break;
	case ASK_DEPARTMENT:
		q.token = w->department_token[department];
		snprintf(target, sizeof target, "/v1/department/cases/%s", ref_text(department, ref, own_ref));
		break;
	case ASK_STRANGER:
		q.token = w->department_token[department]; /* of another kind */
		snprintf(target, sizeof target, "/v1/cases");
		break;
	case ASK_FORGER:
		q.token = "sbc_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
		snprintf(target, sizeof target, "/v1/cases");
		break;
	}
	w->counts.reads++;
	world_note(w, "%d asks %s %s", person, q.target, q.body != NULL ? q.body : "");
	ask(w, rng_below(&w->rng, MACHINE_LOOPS), &q, &i);
}
