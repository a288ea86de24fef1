/* gateway/requests/intake.c - two buffers and a turn: the loop fills one while a lane empties the other. */
#include "gateway/requests/intake.h"
#include "base/log.h"
#include "gateway/gateway.h"
#include "gateway/door/headers.h"
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

struct intake {
	struct intake *next;      /* of those that are open */
	int64_t who_id;
	enum who who_kind;
	bool is_counted;
	char *fill, *out;
	size_t fill_len, out_len, total;
	enum fail_code doom;      /* what it is refused for, noted when the task is home: till then r.why is a lane's */
	bool is_admitting, ended, out_is_last, begun, dropping, dropped, doomed, is_whole;
};

static struct {
	pthread_mutex_t lock;
	struct intake *open;
	int count;
} all = { PTHREAD_MUTEX_INITIALIZER, NULL, 0 };

/* ---- how many ---- */

static bool count_in(struct task *t, struct fail *why)
{
	struct intake *in = t->intake;
	int of_one = 0;
	in->who_kind = t->r.who.kind;
	in->who_id = t->r.who.id;
	pthread_mutex_lock(&all.lock);
	for (const struct intake *o = all.open; o != NULL; o = o->next)
		of_one += o->who_kind == in->who_kind && o->who_id == in->who_id;
	bool has_room = of_one < INTAKES_OF_ONE && all.count < INTAKES_MAX;
	if (has_room) {
		in->next = all.open;
		all.open = in;
		all.count++;
		in->is_counted = true;
	}
	pthread_mutex_unlock(&all.lock);
	if (has_room)
		return true;
	return of_one < INTAKES_OF_ONE ? FAILS(why, BUSY, "%d uploads", INTAKES_MAX) : FAILS(why, UPLOADS, "%d uploads of one", of_one);
}

static void count_out(struct intake *in)
{
	pthread_mutex_lock(&all.lock);
	for (struct intake **at = &all.open; in->is_counted && *at != NULL; at = &(*at)->next)
		if (*at == in) {
			*at = in->next;
			all.count--;
			in->is_counted = false;
			break;
		}
	pthread_mutex_unlock(&all.lock);
}

/* ---- in ---- */

static bool is_of_media(const struct request *r)
{
	static const char *const types[] = { "image/jpeg", "image/png", "application/pdf", "application/ofd", "application/octet-stream" };
	struct str type = header_media_type(r->known[HEADER_CONTENT_TYPE]);
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (str_eq_nocase(type, str_c(types[i])))
			return true;
	return false;
}

static bool is_welcome(struct task *t, struct fail *why)
{
	return (is_of_media(&t->r) || FAILS(why, MEDIA_TYPE, "content-type")) && count_in(t, why);
}

bool intake_begin(struct task *t, struct fail *why)
{
	struct intake *in = calloc(1, sizeof *in);
	if (in == NULL)
		return FAILS(why, MEMORY, "an intake");
	t->intake = in;
	in->fill = malloc(INTAKE_BUFFER_BYTES);
	if (in->fill == NULL)
		return FAILS(why, MEMORY, "an intake");
	if (!t->admit_later)
		return is_welcome(t, why);
	in->is_admitting = true;
	return task_depart(t, LANE_READ);
}

/* What a piece costs is written into the sink's own failure; what the way there costs is told here. */
static void go_to_lane(struct task *t)
{
	if (task_depart(t, LANE_BLOB))
		return;
	if (t->intake->begun && !t->intake->dropped)
		t->r.route->handler->sink->drop(&t->r);
	t->intake->dropped = true;
	if (t->exchange != NULL)
		task_fail(t);
}

static void drop_it(struct task *t)
{
	t->intake->dropping = true;
	go_to_lane(t);
}

static void note_doom(struct task *t)
{
	if (t->intake->doomed)
		fail_note(&t->r.why, t->intake->doom, __FILE__, __LINE__, "after %zu bytes", t->intake->total);
}

static void doom(struct task *t, enum fail_code code)
{
	t->intake->doomed = true;
	t->intake->doom = code;
	if (t->away)
		return;
	note_doom(t);
	drop_it(t);
}

static void send_off(struct task *t)
{
	struct intake *in = t->intake;
	char *emptied = in->out != NULL ? in->out : malloc(INTAKE_BUFFER_BYTES);
	if (emptied == NULL) {
		doom(t, FAIL_MEMORY);
		return;
	}
	in->out = in->fill;
	in->out_len = in->fill_len;
	in->fill = emptied;
	in->fill_len = 0;
	in->out_is_last = in->ended;
	go_to_lane(t);
}

void intake_take(struct task *t, const void *bytes, size_t len)
{
	struct intake *in = t->intake;
	in->total += len;
	if (in->doomed)
		return;
	if (in->total > t->r.route->body_max) {
		doom(t, FAIL_BODY_TOO_LARGE);
		return;
	}
	if (in->fill_len + len > INTAKE_BUFFER_BYTES) {
		doom(t, FAIL_MEMORY);
		return;
	}
	memcpy(in->fill + in->fill_len, bytes, len);
	in->fill_len += len;
	if (!t->away && in->fill_len >= INTAKE_PIECE_BYTES)
		send_off(t);
}

void intake_end(struct task *t)
{
	t->intake->ended = true;
	if (!t->away && !t->intake->doomed)
		send_off(t);
}

bool task_is_full(const struct task *t)
{
	return t->intake != NULL && t->away && !t->intake->doomed && t->intake->fill_len >= INTAKE_PIECE_BYTES;
}

bool task_is_away(const struct task *t)
{
	return t->intake != NULL && t->away;
}

int64_t task_patience_ms(const struct task *t)
{
	return t->intake != NULL ? (int64_t)(t->intake->total / INTAKE_BYTES_PER_MS) : 0;
}

/* ---- in a lane ---- */

bool intake_work(struct task *t, struct connection *reader, struct fail *why)
{
	struct intake *in = t->intake;
	const struct body_sink *sink = t->r.route->handler->sink;
	if (reader != NULL)
		return admit_early(t, reader, why);
	if (in->dropping) {
		sink->drop(&t->r);
		return true;
	}
	in->begun = true;
	bool ok = sink->take(&t->r, (struct str){ in->out, in->out_len }, why) && (!in->out_is_last || sink->end(&t->r, why));
	if (!ok)
		sink->drop(&t->r);
	in->dropped = !ok;
	in->is_whole = ok && in->out_is_last;
	return ok;
}

/* ---- home ---- */

static bool needs_drop(const struct intake *in)
{
	return in->begun && !in->dropped;
}

bool intake_abandon(struct task *t)
{
	if (t->stage != STAGE_BODY || !needs_drop(t->intake))
		return false;
	drop_it(t);
	return t->away;
}

bool intake_home(struct task *t)
{
	struct intake *in = t->intake;
	in->dropped |= in->dropping;
	note_doom(t);
	if (in->is_admitting) {
		in->is_admitting = false;
		t->admit_later = false;
		t->failed = t->failed || !is_welcome(t, &t->r.why);
	}
	if (t->exchange == NULL) {
		task_abandon(t);
		return false;
	}
	if (in->doomed && needs_drop(in)) {
		drop_it(t);
		return false;
	}
	if (t->failed || in->doomed) {
		task_fail(t);
		return false;
	}
	if (in->is_whole)
		return true;
	if (in->ended || in->fill_len >= INTAKE_PIECE_BYTES)
		send_off(t);
	if (!in->ended && t->stage == STAGE_BODY)
		t->exchange->ops->room(t->exchange);
	return false;
}

void intake_free(struct task *t)
{
	struct intake *in = t->intake;
	if (in == NULL)
		return;
	t->r.route->handler->sink->drop(&t->r);
	count_out(in);
	free(in->fill);
	free(in->out);
	free(in);
	t->intake = NULL;
}
