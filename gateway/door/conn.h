/* gateway/door/conn.h - a connection, below any protocol: socket, TLS, what is still to be written, patience; and the door it came through.
 *
 * Bytes that came go to ops->input; what is to be said is said in ops->output, once all input of the turn was taken. What lanes and timers add is
 * said at the loop's turn's end. A protocol never closes its connection itself (it may be deep in a library's callback): it calls
 * conn_finish, and the end comes with its turn.
 * Thread: the loop's. Owns: its fd, SSL and the protocol's state. */
#ifndef GATEWAY_DOOR_CONN_H
#define GATEWAY_DOOR_CONN_H
#include "gateway/door/address_caps.h"
#include "gateway/door/conn_count.h"
#include "gateway/door/deadline.h"
#include "gateway/door/door.h"
#include "gateway/door/h1_parse.h"
#include "gateway/door/slab.h"
#include "gateway/requests/route.h"
#include <uv.h>

struct conn;
struct ssl_st;

enum { DOOR_IN_BYTES = 32 << 10, DOOR_OUT_BYTES = 64 << 10 };

struct conn_ops {
	void (*input)(struct conn *c, const uint8_t *at, size_t len);
	void (*output)(struct conn *c);        /* its turn: say what there is to say */
	enum deadline_kind (*waits_for)(const struct conn *c); /* asked when nothing is left to write; a new kind begins now */
	void (*peer_ended)(struct conn *c);    /* nothing more will come */
	void (*expired)(struct conn *c, enum deadline_kind kind);
	void (*drain)(struct conn *c);         /* the gateway stops: finish what runs, begin nothing */
	bool (*may_read)(const struct conn *c);
	void (*drop)(struct conn *c);          /* give up everything, tasks included */
};

enum conn_phase { CONN_HANDSHAKE, CONN_OPEN, CONN_FINISHING, CONN_LINGER, CONN_CLOSED };

struct conn {
	struct link link;        /* first: of the door's conns */
	struct link dirty, again; /* the door's lists of this turn and the next */
	struct deadline deadline;
	struct door *door;
	const struct conn_ops *ops;
	void *state;             /* the protocol's */
	struct ssl_st *ssl;      /* NULL: in the clear */
	struct certified *certified; /* NULL: where client certificates are not asked for */
	int fd, interest;        /* what uv_poll watches now */
	enum face face;
	enum proto proto;
	enum conn_phase phase;
	bool eof;                /* the peer will send no more */
	bool blocked;            /* the socket takes no more; out waits */
	bool failed;             /* the socket is dead */
	bool spoke;              /* some byte of a request or preface has come */
	bool capped;             /* address_key is to be left */
	enum conn_end end;
	const char *why;         /* for the log */
	uint64_t address_key;
	uint8_t *out;            /* what could not be written yet: out_at .. out_len */
	size_t out_at, out_len, out_cap;
	size_t lingered;
	int64_t requests;
	int peer_len;
	char peer[ADDRESS_TEXT_BYTES];
	uv_poll_t poll;
};

struct listener {
	uv_poll_t poll;
	struct door *door;
	int fd;
	enum face face;
	bool open, paused;
};

struct door {
	struct loop *loop;
	struct door_tls *tls;
	struct listener public, admin, control, frames;
	struct link conns, inside; /* public and frames; admin and control */
	struct link dirty, again;
	struct deadlines deadlines;
	uv_timer_t tick, pause;
	uv_idle_t again_idle;
	int handles;               /* not yet closed; the door is freed after the last */
	int64_t pause_ms, paused_at_ms, last_refusal_ms;
	bool ticking, draining, closed;
	char control_path[1100];
	struct h1_limits h1_limits, h1_limits_inside;
	struct slab slab;          /* nghttp2's memory */
	struct link spare_streams; /* h2.c's */
	int spare_stream_count;
	uint8_t in[DOOR_IN_BYTES], out[DOOR_OUT_BYTES];
};

void conn_open(struct door *d, int fd, enum face face, const struct sockaddr_storage *from);
void conn_become(struct conn *c, enum proto proto); /* what it speaks, for the gauges */
void conn_write(struct conn *c, const void *at, size_t len); /* as much as the socket takes now; the rest waits in `out` */
void conn_queue(struct conn *c, const void *at, size_t len); /* to `out`, to be written in its turn */
static inline size_t conn_waiting(const struct conn *c) { return c->out_len - c->out_at; }
void conn_dirty(struct conn *c);                             /* has something to say: conn_turn by the loop's turn's end */
void conn_again(struct conn *c);                             /* has something to read that poll cannot see */
void conn_finish(struct conn *c, enum conn_end end, const char *why); /* after what is to be written: say goodbye and linger */
void conn_close(struct conn *c, enum conn_end end, const char *why);  /* now; never from inside the protocol */
void conn_turn(struct conn *c);                              /* write, then look whether this is the end */
static inline int64_t door_now_ms(const struct door *d) { return (int64_t)uv_now(d->loop->uv); }
static inline void conn_wait(struct conn *c, enum deadline_kind kind) { deadline_set(&c->door->deadlines, &c->deadline, kind, door_now_ms(c->door)); }
void door_handle_closed(struct door *d);
#endif
