/* tests/sim/hearing.c - every answer is read, and held against the model. */
#include "actors.h"

#include "base/json.h"
#include <assert.h>
#include <stdlib.h>

/* ---- parts of an answer ---- */

static const char *text_of(const json_t *j, const char *name)
{
	const char *s = json_string_value(json_object_get(j, name));
	return s != NULL ? s : "";
}

static int number_of(const json_t *j, const char *name)
{
	return (int)json_integer_value(json_object_get(j, name));
}

static void expect_text(struct world *w, const struct door_answer *a, const json_t *j, const char *name, const char *wanted)
{
	if (strcmp(text_of(j, name), wanted) != 0)
		world_wrong(w, "%s must be %s: %.300s", name, wanted, a->body.at);
}

static void expect_number(struct world *w, const struct door_answer *a, const json_t *j, const char *name, int wanted)
{
	if (number_of(j, name) != wanted)
		world_wrong(w, "%s must be %d: %.300s", name, wanted, a->body.at);
}

static bool expect_status(struct world *w, const struct door_answer *a, int status, const char *code)
{
	if (a->status == status && strcmp(a->code, code) == 0)
		return true;
	bool excuse = a->status == 503 && strcmp(a->code, "store_unavailable") == 0 && w->fault_is_armed;
	if (!excuse)
		world_wrong(w, "must be %d %s, is %d: %.300s", status, code, a->status, a->body.at);
	return false;
}

static bool is_joint(int department, int ref)
{
	return model_is_whole(department, ref) || model_part(department, ref) != NULL;
}

/* A number, once told, is the case's for ever; and it is nobody else's. */
static void learn_number(struct world *w, int department, int ref, const char *case_no)
{
	struct known_case *c = &w->model.cases[department][ref];
	if (c->case_no[0] != '\0') {
		if (strcmp(c->case_no, case_no) != 0)
			world_wrong(w, "case %d-%d was %s and is %s", department, ref, c->case_no, case_no);
		return;
	}
	for (int d = 0; d < MODEL_DEPARTMENTS; d++)
		for (int r = 0; r < MODEL_REFS; r++)
			if (strcmp(w->model.cases[d][r].case_no, case_no) == 0 && !(is_joint(department, ref) && is_joint(d, r)))
				world_wrong(w, "%s is two cases", case_no);
	const char *whole_no = w->model.cases[0][MODEL_WHOLE].case_no;
	if (model_part(department, ref) != NULL && strcmp(whole_no, case_no) != 0)
		world_wrong(w, "a part of %s is called %s", whole_no, case_no);
	if (strlen(case_no) + 1 > sizeof c->case_no || strncmp(case_no, "LN621202", 8) != 0)
		world_wrong(w, "not a case number: %s", case_no);
	snprintf(c->case_no, sizeof c->case_no, "%s", case_no);
}

/* ---- departments ---- */

static void hear_taken(struct world *w, const struct post *p, const struct door_answer *a)
{
	struct fail why;
	const struct ruling *v = &p->ruling;
	char id[MODEL_TEXT], ref[MODEL_TEXT];
	fail_clear(&why);
	DROP(json) json_t *j = json_read(a->body, &why);
	snprintf(id, sizeof id, "E%d-%d", p->deed->department, p->deed->id);
	snprintf(ref, sizeof ref, "D%d-%d", v->department, v->ref);
	expect_text(w, a, j, "result", v->result);
	expect_text(w, a, j, "event_id", id);
	expect_text(w, a, j, "case_ref", ref);
	expect_number(w, a, j, "seq", v->seq);
	if (strcmp(v->result, "held") == 0) {
		expect_number(w, a, j, "awaiting_seq", v->next_seq);
		return;
	}
	expect_text(w, a, j, "state", v->state);
	expect_text(w, a, j, "status", model_status(v->state));
	expect_number(w, a, j, "next_seq", v->next_seq);
	learn_number(w, v->department, v->ref, text_of(j, "case_no"));
	const json_t *released = json_object_get(j, "released"), *refused = json_object_get(j, "refused");
	int count = v->released_from > 0 ? v->released_to - v->released_from + 1 : 0;
	if ((int)json_array_size(released) != count || (count > 0 && json_integer_value(json_array_get(released, 0)) != v->released_from))
		world_wrong(w, "released must be %d from %d on: %.300s", count, v->released_from, a->body.at);
	if (json_array_size(refused) != (v->refused_id >= 0))
		world_wrong(w, "refused: %.300s", a->body.at);
	snprintf(id, sizeof id, "E%d-%d", p->deed->department, v->refused_id);
	if (v->refused_id >= 0)
		expect_text(w, a, json_array_get(refused, 0), "event_id", id);
}

/* The same key is told the same, to the byte, for as long as it is kept. */
static void hear_same(struct world *w, const struct post *p, const struct door_answer *a)
{
	const struct kept *k = model_kept(&w->model, p->deed->department, p->key);
	assert(k != NULL);
	char **told = &w->told[k - w->model.kept];
	if (*told == NULL) {
		*told = strdup(a->body.at);
		assert(*told != NULL);
	} else if (strcmp(*told, a->body.at) != 0) {
		world_wrong(w, "key %d was told %.200s and now %.200s", p->key, *told, a->body.at);
	}
}

/* Answered before it reached the committer. */
static void hear_at_the_door(struct world *w, const struct post *p, const struct door_answer *a)
{
	if (strcmp(a->code, "idempotency_key_in_use") == 0) {
		if (!p->is_second || a->retry_after <= 0)
			world_wrong(w, "key %d is not in use", p->key);
	} else if (!(a->status == 503 && w->fault_is_armed)) {
		world_wrong(w, "key %d: %d %.300s", p->key, a->status, a->body.at);
	}
}

static void hear_post(struct world *w, struct post *p, const struct door_answer *a)
{
	p->is_home = true;
	world_note(w, "key %d hears %d %s%s", p->key, a->status, a->body.at, a->is_replayed ? " again" : "");
	if (!p->is_settled) {
		hear_at_the_door(w, p, a);
		return;
	}
	p->is_heard = p->ruling.status < 500;
	if (a->status != p->ruling.status || strcmp(a->code, p->ruling.code != NULL ? p->ruling.code : "") != 0)
		world_wrong(w, "key %d: must be %d %s, is %d %.300s", p->key, p->ruling.status, p->ruling.code != NULL ? p->ruling.code : "", a->status, a->body.at);
	else if (a->is_replayed != p->is_replayed)
		world_wrong(w, "key %d: is it a repeat?", p->key);
	else if (p->ruling.code == NULL) {
		hear_taken(w, p, a);
		hear_same(w, p, a);
	}
}

/* ---- citizens ---- */

/* The parts of a whole as they stand, when nothing was committed since it was asked. */
static void hear_parts(struct world *w, const struct inquiry *q, const struct door_answer *a, const json_t *j)
{
	const struct known_case *const of[] = { &w->model.cases[1][MODEL_WHOLE], &w->model.cases[0][MODEL_PLAN] };
	const json_t *parts = json_object_get(j, "parts");
	if (!model_is_whole(q->department, q->ref)) {
		if (parts != NULL)
			world_wrong(w, "a case of one department has parts: %.300s", a->body.at);
		return;
	}
	if (json_array_size(parts) != 2)
		world_wrong(w, "two parts, not: %.300s", a->body.at);
	for (size_t i = 0; i < 2 && q->commits_then == w->commits; i++)
		expect_text(w, a, json_array_get(parts, i), "state", of[i]->count > 0 ? of[i]->state : "");
}

/* A case as it stood at one moment between the question and the answer. */
static void hear_case(struct world *w, const struct inquiry *q, const struct door_answer *a, const json_t *j)
{
	const struct known_case *c = &w->model.cases[q->department][q->ref];
	int seq = number_of(j, "last_seq");
	if (seq < q->count_then || seq > c->count || seq < 1) {
		world_wrong(w, "last_seq is %d, between %d and %d have happened", seq, q->count_then, c->count);
		return;
	}
	expect_text(w, a, j, "state", c->happened[seq].state);
	expect_text(w, a, j, "status", model_status(c->happened[seq].state));
	expect_text(w, a, j, "case_no", c->case_no);
	hear_parts(w, q, a, j);
}

/* What has happened to the case and, when it is a whole, to its parts, in that order. Returns how much. */
static int all_that_happened(struct world *w, int department, int ref, const struct happened *out[3 * MODEL_SEQS], const char *part[3 * MODEL_SEQS])
{
	const struct known_case *of[3] = { &w->model.cases[department][ref], &w->model.cases[1][MODEL_WHOLE], &w->model.cases[0][MODEL_PLAN] };
	const char *const names[3] = { "", model_part(1, MODEL_WHOLE), model_part(0, MODEL_PLAN) };
	int next[3] = { 1, 1, 1 }, count = 0, sources = model_is_whole(department, ref) ? 3 : 1;
	for (;; count++) {
		int first = -1;
		for (int i = 0; i < sources; i++)
			if (next[i] <= of[i]->count && (first < 0 || of[i]->happened[next[i]].order < of[first]->happened[next[first]].order))
				first = i;
		if (first < 0)
			return count;
		out[count] = &of[first]->happened[next[first]++];
		part[count] = names[first];
	}
}

static void hear_events(struct world *w, const struct inquiry *q, const struct door_answer *a, const json_t *j)
{
	const struct happened *all[3 * MODEL_SEQS];
	const char *part[3 * MODEL_SEQS];
	const json_t *items = json_object_get(j, "items");
	int happened = all_that_happened(w, q->department, q->ref, all, part), count = (int)json_array_size(items), least = q->count_then + q->parts_then;
	char note[MODEL_TEXT];
	if (count < least || count > happened)
		world_wrong(w, "%d events, between %d and %d have happened", count, least, happened);
	for (int i = 0; i < count && w->wrong[0] == '\0'; i++) {
		const json_t *item = json_array_get(items, (size_t)i);
		const struct happened *h = all[i];
		snprintf(note, sizeof note, "note %d", h->deed->note);
		expect_number(w, a, item, "seq", h->deed->seq);
		expect_text(w, a, item, "part", part[i]);
		expect_text(w, a, item, "event", model_event_name(h->deed->event));
		expect_text(w, a, item, "state", h->state);
		expect_text(w, a, item, "note", h->deed->note != 0 ? note : "");
	}
}

static void hear_list(struct world *w, const struct inquiry *q, const struct door_answer *a, const json_t *j)
{
	const json_t *items = json_object_get(j, "items");
	int known = 0, found = 0;
	for (int d = 0; d < MODEL_DEPARTMENTS; d++)
		for (int r = 0; r < MODEL_REFS; r++) {
			const struct known_case *c = &w->model.cases[d][r];
			if (model_part(d, r) != NULL)
				continue; /* the whole is listed */
			known += c->count > 0 && c->person == q->person;
			for (size_t i = 0; c->case_no[0] != '\0' && i < json_array_size(items); i++) {
				if (strcmp(text_of(json_array_get(items, i), "case_no"), c->case_no) != 0)
					continue;
				found++;
				if (c->person != q->person)
					world_wrong(w, "%s is somebody else's", c->case_no);
			}
		}
	if ((int)json_array_size(items) > known)
		world_wrong(w, "%d cases of %d: %.300s", (int)json_array_size(items), known, a->body.at);
	if (q->commits_then == w->commits && (int)json_array_size(items) != known)
		world_wrong(w, "%d cases, and %d were acknowledged", (int)json_array_size(items), known);
	if (found > (int)json_array_size(items))
		world_wrong(w, "a case is listed twice");
}

static void hear_department(struct world *w, const struct inquiry *q, const struct door_answer *a, const json_t *j)
{
	const struct known_case *c = &w->model.cases[q->department][q->ref];
	if (q->commits_then != w->commits)
		return; /* what waited then need not wait now */
	int waiting = 0;
	for (int i = 0; i < c->waiting_count; i++)
		waiting += c->waiting[i].refused_in == NULL;
	expect_number(w, a, j, "last_seq", c->count);
	expect_number(w, a, j, "next_seq", c->count + 1);
	expect_text(w, a, j, "state", c->count > 0 ? c->state : "");
	if ((int)json_array_size(json_object_get(j, "held")) != waiting || (int)json_array_size(json_object_get(j, "refused")) != c->waiting_count - waiting)
		world_wrong(w, "%d wait and %d were refused: %.300s", waiting, c->waiting_count - waiting, a->body.at);
}

static void hear_read(struct world *w, const struct inquiry *q, const struct door_answer *a)
{
	const struct known_case *c = &w->model.cases[q->department][q->ref];
	struct fail why;
	fail_clear(&why);
	world_note(w, "%d hears %d %s", q->person, a->status, a->body.at);
	DROP(json) json_t *j = json_read(a->body, &why);
	bool is_known = c->case_no[0] != '\0', is_own = is_known && c->person == q->person;
	bool is_awaited = c->count > 0 || c->waiting_count > 0;
	/* A number that was learned between question and answer was not in the question. */
	bool was_known = is_known && q->case_was_known;
	switch (q->kind) {
	case ASK_POST:
		break;
	case ASK_SHOW:
	case ASK_EVENTS:
		if (!(was_known && is_own))
			expect_status(w, a, 404, "not_found");
		else if (expect_status(w, a, 200, ""))
			(q->kind == ASK_SHOW ? hear_case : hear_events)(w, q, a, j);
		break;
	case ASK_LIST:
		if (expect_status(w, a, 200, ""))
			hear_list(w, q, a, j);
		break;
	case ASK_LOOKUP:
		if (!(was_known && is_own))
			expect_status(w, a, 404, "case_lookup_failed");
		else if (expect_status(w, a, 200, "") && q->commits_then == w->commits)
			expect_text(w, a, j, "status", model_status(c->state));
		break;
	case ASK_DEPARTMENT:
		if (q->commits_then != w->commits && a->status == 404)
			break;
		if (expect_status(w, a, is_awaited ? 200 : 404, is_awaited ? "" : "not_found") && is_awaited)
			hear_department(w, q, a, j);
		break;
	case ASK_STRANGER:
		expect_status(w, a, 403, "forbidden");
		break;
	case ASK_FORGER:
		expect_status(w, a, 401, "invalid_token");
		break;
	}
}

/* ---- all of them ---- */

static void forget(struct world *w, int at)
{
	struct asked *a = w->asked[at];
	free(asked_own(a));
	door_forget(a);
	w->asked[at] = w->asked[--w->asked_count];
}

void hearing_all(struct world *w)
{
	for (int i = 0; i < w->asked_count && w->wrong[0] == '\0';) {
		struct asked *a = w->asked[i];
		const struct door_answer *answer = asked_answer(a);
		struct inquiry *q = asked_own(a);
		if (answer != NULL && q->post != NULL)
			hear_post(w, q->post, answer);
		else if (answer != NULL)
			hear_read(w, q, answer);
		if (answer != NULL || (asked_hung_up(a) && !asked_is_write(a) && (q->post == NULL || q->post->is_home)))
			forget(w, i);
		else
			i++;
	}
}

void hearing_forget(struct world *w)
{
	while (w->asked_count > 0)
		forget(w, 0);
	for (int i = 0; i < w->post_count; i++)
		w->posts[i].is_home = true;
}
