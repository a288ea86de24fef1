/* tests/sim/model.c - see model.h. */
#include "model.h"

#include <assert.h>
#include <string.h>

enum { FUTURE_MS = 5 * 60 * 1000, WAITING_MAX = 50, HOUR_MS = 3600000 };

/* How a case goes on, in words: after which states an event may come, and where it leads. */
static const struct move {
	const char *event, *leads_to, *after;
} moves[] = {
	{ "submitted", "submitted", "nothing pre_returned" },
	{ "pre_returned", "pre_returned", "submitted" },
	{ "received", "received", "nothing submitted" },
	{ "correct_pre_asked", "correct_pre", "submitted received" },
	{ "correct_pre_done", "received", "correct_pre" },
	{ "not_accepted", "not_accepted", "submitted received correct_pre" },
	{ "accepted", "accepted", "submitted received" },
	{ "correct_asked", "correct", "accepted" },
	{ "correct_done", "accepted", "correct" },
	{ "special_started", "special", "accepted" },
	{ "special_ended", "accepted", "special" },
	{ "paused", "paused", "accepted" },
	{ "resumed", "accepted", "paused" },
	{ "decided_ok", "decided_ok", "accepted" },
	{ "decided_no", "decided_no", "accepted" },
	{ "done", "done", "decided_ok decided_no" },
	{ "returned", "returned", "submitted pre_returned received correct_pre accepted correct special paused" },
	{ "withdrawn", "withdrawn", "submitted pre_returned received correct_pre accepted correct special paused" },
	{ "aborted", "aborted", "submitted pre_returned received correct_pre accepted correct special paused decided_ok decided_no" },
	{ "delivered", "delivered", "done" },
	{ "extended", "accepted", "accepted" },
};
enum { MOVES = sizeof moves / sizeof moves[0] };

static const struct { const char *status, *states; } shown[] = {
	{ "submitted", "submitted" },
	{ "checking", "received" },
	{ "needs_you", "pre_returned correct_pre correct" },
	{ "in_progress", "accepted special paused" },
	{ "decided", "decided_ok decided_no" },
	{ "done", "done" },
	{ "closed", "not_accepted returned withdrawn aborted" },
	{ "delivered", "delivered" },
};

static bool is_among(const char *word, const char *words)
{
	size_t len = strlen(word);
	for (const char *at = words; (at = strstr(at, word)) != NULL; at += len)
		if ((at == words || at[-1] == ' ') && (at[len] == '\0' || at[len] == ' '))
			return true;
	return false;
}

static const char *moved(const char *state, int event)
{
	return is_among(state, moves[event].after) ? moves[event].leads_to : NULL;
}

int model_event_count(void)
{
	return MOVES;
}

const char *model_event_name(int event)
{
	return moves[event].event;
}

int model_event_leading_on(const char *state, unsigned chance)
{
	for (unsigned i = 0; i < MOVES; i++)
		if (moved(state, (int)((i + chance) % MOVES)) != NULL)
			return (int)((i + chance) % MOVES);
	return -1;
}

const char *model_status(const char *state)
{
	for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
		if (is_among(state, shown[i].states))
			return shown[i].status;
	assert(!"a state without a status");
	return "";
}

/* ---- several departments ---- */

bool model_is_whole(int department, int ref)
{
	return department == 0 && ref == MODEL_WHOLE;
}

const char *model_part(int department, int ref)
{
	return department == 1 && ref == MODEL_WHOLE ? "land" : department == 0 && ref == MODEL_PLAN ? "plan" : NULL;
}

static bool is_decided(const struct known_case *c)
{
	return is_among(c->state, "not_accepted decided_ok decided_no done returned withdrawn aborted delivered");
}

static bool is_over(const char *state)
{
	return is_among(state, "not_accepted returned withdrawn aborted");
}

/* May it, for the others of its joint case? */
static bool others_allow(const struct model *m, const struct known_case *c, int event)
{
	const struct known_case *whole = &m->cases[0][MODEL_WHOLE], *land = &m->cases[1][MODEL_WHOLE], *plan = &m->cases[0][MODEL_PLAN];
	if (c == whole)
		return !is_among(moves[event].leads_to, "decided_ok decided_no") || (is_decided(land) && is_decided(plan));
	if (c == land || c == plan)
		return !is_over(whole->state) || is_decided(c) || is_over(moves[event].leads_to);
	return true;
}

static bool part_may_begin(const struct model *m, const struct known_case *c)
{
	const struct known_case *plan = &m->cases[0][MODEL_PLAN];
	return is_among(m->cases[0][MODEL_WHOLE].state, "accepted correct special paused") && (c != plan || is_decided(&m->cases[1][MODEL_WHOLE]));
}

static bool may(const struct model *m, const struct known_case *c, int event)
{
	return moved(c->state, event) != NULL && others_allow(m, c, event);
}

/* What the guides promise; five and ten days are what the law gives for acceptance and delivery. */
static struct terms terms_of(const struct deed *d)
{
	const char *part = model_part(d->department, d->ref);
	if (part != NULL)
		return (struct terms){ .acceptance = 5, .promised = strcmp(part, "land") == 0 ? 2 : 3 };
	if (model_is_whole(d->department, d->ref))
		return (struct terms){ 5, 6, 30, 10 };
	return d->department == 0 ? (struct terms){ 5, 3, 15, 10 } : (struct terms){ 5, 5, 30, 10 };
}

int model_extension(const struct deed *d)
{
	return strcmp(moves[d->event].event, "extended") == 0 ? 1 + d->id % 10 : 0;
}

void model_clear(struct model *m, int64_t keep_hours)
{
	memset(m, 0, sizeof *m);
	m->keep_hours = keep_hours;
	for (int d = 0; d < MODEL_DEPARTMENTS; d++)
		for (int r = 0; r < MODEL_REFS; r++)
			m->cases[d][r].state = "nothing";
}

/* ---- one deed ---- */

static struct ruling refused(int status, const char *code)
{
	return (struct ruling){ .status = status, .code = code, .refused_id = -1 };
}

static struct ruling taken(const struct known_case *c, const struct deed *d, int status, const char *result)
{
	return (struct ruling){ .status = status, .result = result, .state = c->state, .seq = d->seq, .next_seq = c->count + 1, .refused_id = -1,
				 .department = d->department, .ref = d->ref };
}

static bool is_same(const struct deed *a, const struct deed *b)
{
	return a->ref == b->ref && a->seq == b->seq && a->event == b->event && a->note == b->note && a->occurred_ms == b->occurred_ms &&
	       (a->seq != 1 || (a->person == b->person && a->foreign_matter == b->foreign_matter && a->whole_is_named == b->whole_is_named));
}

/* An event id is one event, in all cases of its department. */
static const struct deed *heard_of(const struct model *m, const struct deed *d, bool *has_happened, const char **refused_in)
{
	*has_happened = false;
	*refused_in = NULL;
	for (int r = 0; r < MODEL_REFS; r++) {
		const struct known_case *c = &m->cases[d->department][r];
		for (int seq = 1; seq <= c->count; seq++)
			if (c->happened[seq].deed->id == d->id) {
				*has_happened = true;
				return c->happened[seq].deed;
			}
	}
	for (int r = 0; r < MODEL_REFS; r++) {
		const struct known_case *c = &m->cases[d->department][r];
		for (int i = 0; i < c->waiting_count; i++)
			if (c->waiting[i].deed->id == d->id) {
				*refused_in = c->waiting[i].refused_in;
				return c->waiting[i].deed;
			}
	}
	return NULL;
}

static struct ruling again(const struct known_case *c, const struct deed *d, const struct deed *known, bool has_happened, const char *refused_in)
{
	if (!is_same(known, d))
		return refused(409, "event_id_reused");
	if (has_happened)
		return taken(c, d, 200, "repeated");
	if (refused_in == NULL)
		return taken(c, d, 202, "held");
	return d->seq <= c->count ? refused(409, "seq_taken") : refused(409, "illegal_move");
}

/* With the whole ends what its parts have begun: nothing of it is owed any more. */
static void parts_stop(struct model *m, const struct known_case *whole, int day)
{
	static const struct terms none;
	struct known_case *const parts[] = { &m->cases[1][MODEL_WHOLE], &m->cases[0][MODEL_PLAN] };
	for (int i = 0; i < 2; i++)
		if (parts[i]->count > 0 && !is_decided(parts[i]))
			timing_event(&parts[i]->timing, &m->almanac, &none, whole->state, day, 0);
}

static void happens(struct model *m, struct known_case *c, const struct deed *d, int64_t received_ms)
{
	struct terms terms = terms_of(d);
	c->state = moved(c->state, d->event);
	c->happened[++c->count] = (struct happened){ d, c->state, received_ms, ++m->order };
	timing_event(&c->timing, &m->almanac, &terms, c->state, timing_day(d->occurred_ms), model_extension(d));
	if (model_is_whole(d->department, d->ref) && is_over(c->state))
		parts_stop(m, c, timing_day(d->occurred_ms));
}

static struct waiting *whose_turn(struct known_case *c)
{
	for (int i = 0; i < c->waiting_count; i++)
		if (c->waiting[i].refused_in == NULL && c->waiting[i].deed->seq == c->count + 1)
			return &c->waiting[i];
	return NULL;
}

/* Those who waited for this one come after it, in order, until one may not. */
static void release(struct model *m, struct known_case *c, struct ruling *v)
{
	for (struct waiting *w; (w = whose_turn(c)) != NULL;) {
		if (!may(m, c, w->deed->event)) {
			w->refused_in = c->state;
			v->refused_id = w->deed->id;
			return;
		}
		happens(m, c, w->deed, w->received_ms);
		if (v->released_from == 0)
			v->released_from = c->count;
		v->released_to = c->count;
		*w = c->waiting[--c->waiting_count];
	}
}

static struct ruling wait_for_turn(struct known_case *c, const struct deed *d, int64_t now_ms)
{
	int waiting = 0;
	for (int i = 0; i < c->waiting_count; i++) {
		waiting += c->waiting[i].refused_in == NULL;
		if (c->waiting[i].refused_in == NULL && c->waiting[i].deed->seq == d->seq)
			return refused(409, "seq_taken");
	}
	if (waiting == WAITING_MAX)
		return refused(409, "too_many_held");
	c->waiting[c->waiting_count++] = (struct waiting){ d, NULL, now_ms };
	return taken(c, d, 202, "held");
}

static struct ruling judge(struct model *m, const struct deed *d, int64_t now_ms)
{
	struct known_case *c = &m->cases[d->department][d->ref];
	bool has_happened;
	const char *refused_in;
	if (d->occurred_ms > now_ms + FUTURE_MS)
		return refused(422, "invalid_field");
	const struct deed *known = heard_of(m, d, &has_happened, &refused_in);
	if (known != NULL)
		return again(c, d, known, has_happened, refused_in);
	if (d->seq <= c->count)
		return refused(409, "seq_taken");
	if (d->seq > c->count + 1)
		return wait_for_turn(c, d, now_ms);
	bool is_part = model_part(d->department, d->ref) != NULL;
	if (moved(c->state, d->event) == NULL)
		return refused(409, "illegal_move");
	if (d->seq == 1 && (is_part ? !d->whole_is_named : d->foreign_matter))
		return refused(422, "invalid_field");
	if (!others_allow(m, c, d->event) || (d->seq == 1 && is_part && !part_may_begin(m, c)))
		return refused(409, "illegal_move");
	if (d->seq == 1) {
		c->person = is_part ? m->cases[0][MODEL_WHOLE].person : d->person;
		c->opened_ms = now_ms;
	}
	c->updated_ms = now_ms;
	happens(m, c, d, now_ms);
	struct ruling v = taken(c, d, 201, "applied");
	release(m, c, &v);
	v.state = c->state;
	v.next_seq = c->count + 1;
	return v;
}

/* ---- under a key ---- */

static struct kept *find_kept(struct model *m, int department, int key)
{
	for (int i = m->kept_count; i-- > 0;) /* the last: one that was forgotten may have been made again */
		if (m->kept[i].department == department && m->kept[i].key == key)
			return &m->kept[i];
	return NULL;
}

const struct kept *model_kept(const struct model *m, int department, int key)
{
	return find_kept((struct model *)m, department, key);
}

int model_kept_times(const struct model *m, int department, int key)
{
	int times = 0;
	for (int i = 0; i < m->kept_count; i++)
		times += m->kept[i].department == department && m->kept[i].key == key;
	return times;
}

static bool may_be_forgotten(const struct model *m, const struct kept *k, int64_t now_ms)
{
	return now_ms - k->made_ms >= m->keep_hours * HOUR_MS;
}

struct ruling model_post(struct model *m, int key, const struct deed *d, int64_t now_ms, bool key_is_known)
{
	const struct kept *k = find_kept(m, d->department, key);
	if (k != NULL && (key_is_known || !may_be_forgotten(m, k, now_ms)))
		return k->deed == d ? k->ruling : refused(422, "idempotency_key_reused");
	struct ruling v = judge(m, d, now_ms);
	if (v.code == NULL) {
		assert(m->kept_count < MODEL_DEEDS);
		m->kept[m->kept_count++] = (struct kept){ d->department, key, d, v, now_ms };
	}
	return v;
}

bool model_would_keep(const struct model *m, int key, const struct deed *d, int64_t now_ms, bool *is_sure)
{
	static struct model copy;
	copy = *m;
	*is_sure = model_kept(m, d->department, key) == NULL;
	(void)model_post(&copy, key, d, now_ms, false);
	return copy.kept_count > m->kept_count;
}
