/* gateway/door/frames.c - why this exists: the bureau does not only answer. A frame becomes a request like any other, so that lanes, limits and retries are those of every write. */
#include "gateway/door/frames.h"

#include "auth/network.h"
#include "channels/nontax_frame.h"
#include "gateway/door/conn.h"
#include "gateway/door/exchange.h"
#include "gateway/door/tls.h"
#include <stdlib.h>

enum { FRAME_IN_MAX = 64 << 10 /* what we are told is a kilobyte */, IN_FIRST_BYTES = 2048 };

struct frames {
	struct exchange exchange; /* first */
	struct conn *c;
	struct task *task;        /* NULL: none is under way */
	bool replied;
	char *in;
	size_t in_len, in_cap;
	size_t used;              /* of `in`, by the frame under way */
};

/* ---- frames in ---- */

static bool fill(struct frames *f, struct request *r)
{
	struct conn *c = f->c;
	char *peer = arena_alloc(&r->arena, (size_t)c->peer_len + 1);
	if (peer == NULL)
		return false;
	memcpy(peer, c->peer, (size_t)c->peer_len);
	r->http_major = 1;
	r->method = METHOD_POST;
	r->target = STR("/frames");
	r->peer = (struct str){ peer, (size_t)c->peer_len };
	return request_certify(r, c->certified);
}

static void take(struct frames *f, size_t len)
{
	struct conn *c = f->c;
	f->used = len;
	f->task = task_begin(c->door->loop, FACE_FRAMES, &f->exchange);
	if (f->task == NULL || !fill(f, task_request(f->task))) {
		conn_finish(c, END_MEMORY, "memory");
		return;
	}
	c->requests++;
	if (task_head(f->task, (int64_t)len) && task_body(f->task, f->in, len))
		task_end(f->task);
}

/* The next whole frame, if there is one; what is none ends the connection. */
static void look(struct frames *f)
{
	if (f->task != NULL || f->c->phase != CONN_OPEN)
		return;
	int64_t len = nontax_frame_length((struct str){ f->in, f->in_len });
	if (len < 0 || len > FRAME_IN_MAX)
		conn_finish(f->c, END_PROTOCOL, "not a frame");
	else if (len > 0 && (size_t)len <= f->in_len)
		take(f, (size_t)len);
}

static void on_input(struct conn *c, const uint8_t *at, size_t len)
{
	struct frames *f = c->state;
	if (f->in_len + len > f->in_cap) {
		size_t cap = f->in_len + len < IN_FIRST_BYTES ? IN_FIRST_BYTES : f->in_len + len;
		char *in = realloc(f->in, cap);
		if (in == NULL) {
			conn_finish(c, END_MEMORY, "memory");
			return;
		}
		f->in = in;
		f->in_cap = cap;
	}
	memcpy(f->in + f->in_len, at, len);
	f->in_len += len;
	look(f);
}

/* ---- and answers out ---- */

static void on_reply(struct exchange *x, struct task *t)
{
	struct frames *f = (struct frames *)x;
	(void)t;
	f->replied = true;
	conn_dirty(f->c);
}

/* Whatever went wrong is no answer: who hears none says it again. */
static void answer(struct frames *f)
{
	struct answer a;
	task_answer(f->task, &a);
	if (a.status == 200)
		conn_queue(f->c, a.body.at, a.body.len);
	else
		conn_finish(f->c, END_NORMAL, "a frame that gets no answer");
	task_free(f->task);
	f->task = NULL;
	f->replied = false;
	f->in_len -= f->used;
	memmove(f->in, f->in + f->used, f->in_len);
	if (f->c->door->draining)
		conn_finish(f->c, END_NORMAL, "stopping");
}

static void on_output(struct conn *c)
{
	struct frames *f = c->state;
	if (f->replied)
		answer(f);
	look(f);
	if (f->replied) /* refused before it came to a lane */
		conn_dirty(c);
	else if (c->eof && f->task == NULL)
		conn_finish(c, END_NORMAL, "the peer ended");
}

static enum deadline_kind waits_for(const struct conn *c)
{
	const struct frames *f = c->state;
	return f->task != NULL ? DEADLINE_NONE : f->in_len > 0 ? DEADLINE_BODY : DEADLINE_IDLE;
}

static void on_expired(struct conn *c, enum deadline_kind kind)
{
	conn_finish(c, kind == DEADLINE_BODY ? END_BODY_TIMEOUT : END_NORMAL, kind == DEADLINE_BODY ? "half a frame" : "idle");
}

static void on_peer_ended(struct conn *c)
{
	conn_dirty(c);
}

static void on_drain(struct conn *c)
{
	if (((struct frames *)c->state)->task == NULL)
		conn_finish(c, END_NORMAL, "stopping");
}

static bool may_read(const struct conn *c)
{
	const struct frames *f = c->state;
	return f->task == NULL && f->in_len < FRAME_IN_MAX;
}

static void on_drop(struct conn *c)
{
	struct frames *f = c->state;
	if (f->task != NULL && f->replied)
		task_free(f->task);
	else if (f->task != NULL)
		task_abandon(f->task);
	free(f->in);
	free(f);
	c->state = NULL;
}

/* ---- the beginning ---- */

bool frames_open(struct conn *c)
{
	static const struct exchange_ops exchange_ops = { .reply = on_reply };
	static const struct conn_ops ops = { .input = on_input, .output = on_output, .waits_for = waits_for, .peer_ended = on_peer_ended, .expired = on_expired, .drain = on_drain,
		.may_read = may_read, .drop = on_drop };
	struct frames *f = calloc(1, sizeof(*f));
	if (f == NULL)
		return false;
	f->exchange.ops = &exchange_ops;
	f->c = c;
	c->state = f;
	c->ops = &ops;
	return true;
}

/* Without a list nobody may. */
static bool is_listed(const struct conn *c)
{
	struct network_list list;
	struct fail why;
	fail_clear(&why);
	return network_list_read(str_c(c->door->loop->config->finance_frame_networks), &list, &why) && list.count > 0 &&
	       network_list_holds(&list, (struct str){ c->peer, (size_t)c->peer_len });
}

bool frames_begin(struct conn *c)
{
	if (!is_listed(c)) {
		c->failed = true;
		c->end = END_STRANGER;
		c->why = "from no network of finance.frame.networks";
		return false;
	}
	if (c->door->loop->config->finance_frame_listen_tls) {
		c->ssl = tls_frames_session(c->door->tls, c->fd);
		return c->ssl != NULL;
	}
	c->phase = CONN_OPEN;
	conn_become(c, PROTO_FRAMES);
	return frames_open(c);
}
