/* gateway/door/exchange.h - where the front door and the runtime meet: one request on its way in, one answer on its way out.
 *
 * The door (h1.c, h2.c) owns an exchange per request or stream. The runtime owns a task per exchange. Order of calls, all on the
 * loop's thread:
 *
 *   task_begin        the door gets a task with an empty arena, copies method, target, headers into it
 *   task_head         the head is complete: the runtime routes and admits. true: go on, with the body if there is one.
 *                     false: it is answered; drop the body's bytes (h1: read past them or close).
 *   task_body *       in any pieces. false: too much, answered.
 *   task_end          the request is complete, body or none; never called after a false.
 *   ops->reply        exactly once, from inside any call above or later: the answer lies in task->r.reply.
 *   task_free         by the door, when the last byte of the answer was handed over (or the exchange died after reply)
 * or
 *   task_abandon      instead of task_free, when the exchange dies before reply. The runtime finishes what it began and tells nobody.
 *
 * task_refuse answers for the door where the protocol itself was violated but an HTTP answer is still possible (400, 414, 431 …);
 * it may stand anywhere before task_end.
 *
 * An answer that goes on (a live stream, a tunnel) has a feed: the runtime hangs it on the exchange before ops->reply. The door writes the
 * head without a length, frees the task, and from then on exchange and feed hold each other:
 *
 *   feed -> door    more: queue these bytes    waiting: how many have not left yet    taken: the tunnel takes bytes again
 *                   end: nothing follows; the feed is forgotten and not called again
 *   door -> feed    started: the head is on its way    room: what waited has left    bytes, ended: what the peer says in a tunnel
 *                   gone: the exchange is dead; the feed frees itself, and says nothing more */
#ifndef GATEWAY_DOOR_EXCHANGE_H
#define GATEWAY_DOOR_EXCHANGE_H
#include "base/request.h"
#include "gateway/requests/route.h"

struct loop; /* gateway/loops/loop.h */
struct task;
struct exchange;

struct exchange_ops {
	void (*reply)(struct exchange *x, struct task *t);
	void (*room)(struct exchange *x); /* more of a body that goes to a sink */
	void (*more)(struct exchange *x, const struct str *parts, int count); /* one after another; copied */
	size_t (*waiting)(const struct exchange *x);
	void (*taken)(struct exchange *x);
	void (*end)(struct exchange *x, bool cut); /* cut: what waits is of no use any more */
};

struct feed;

struct feed_ops {
	void (*started)(struct feed *f);
	void (*room)(struct feed *f);
	void (*gone)(struct feed *f);
	/* of a tunnel only */
	void (*bytes)(struct feed *f, const void *at, size_t len); /* all are taken; but mind the backlog */
	size_t (*backlog)(const struct feed *f);                    /* taken and not yet gone on: the door reads no more while there is some */
	void (*ended)(struct feed *f);                              /* the peer will say no more */
};

struct feed {
	const struct feed_ops *ops;
	struct exchange *x;
};

struct exchange {
	const struct exchange_ops *ops;
	struct feed *feed; /* NULL: the answer ends with its body */
	bool peer_ended;   /* h1: it will say no more. It may wait for the answer, or be gone: it is not kept waiting for what is done outside */
};

/* The request inside a task: the door fills the upper half of it before task_head. */
struct request *task_request(struct task *t);
struct task *task_begin(struct loop *l, enum face face, struct exchange *x); /* NULL: out of memory; reset the stream or close */
bool task_head(struct task *t, int64_t content_length); /* -1: unknown (chunked, or h2 without content-length), 0: no body follows */
bool task_body(struct task *t, const void *bytes, size_t len);
/* Of a body that goes to a sink (gateway/requests/intake.h). Full: the door brings no more until ops->room; nobody is timed while a piece is away. */
bool task_is_full(const struct task *t);
bool task_is_away(const struct task *t);
int64_t task_patience_ms(const struct task *t); /* beside the body's time: what it brought so far buys it */
void task_end(struct task *t);
void task_refuse(struct task *t, enum fail_code code, const char *why_for_the_log);
void task_peer_ended(struct task *t); /* after exchange.peer_ended was set: if it is parked it is answered now, with what is so */
void task_abandon(struct task *t);
void task_free(struct task *t);

/* The answer, ready to be written: fixed headers are put together once, for both protocols.
 * Names are lower case. content-length is the door's business, as are connection, keep-alive and transfer-encoding.
 * `body` is empty for HEAD (body_length still says what GET would send), 204 and 304. `never_index` marks values that change with each answer. */
enum { ANSWER_HEADERS_MAX = 24 };
struct answer_header {
	struct str name, value;
	bool never_index;
};
struct answer {
	int status;
	struct str body;
	size_t body_length;   /* for content-length; SIZE_MAX: send none (204, 304, what goes on) */
	int count;
	struct answer_header headers[ANSWER_HEADERS_MAX];
};
void task_answer(struct task *t, struct answer *out);
#endif
