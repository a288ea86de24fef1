/* gateway/door/h1_inside.h - what h1.c (requests and answers) and h1_feed.c (answers that go on) share. Thread: the loop's. */
#ifndef GATEWAY_DOOR_H1_INSIDE_H
#define GATEWAY_DOOR_H1_INSIDE_H
#include "gateway/door/conn.h"
#include "gateway/door/exchange.h"

enum h1_fed { FED_NOT, FED_CHUNKS, FED_PLAIN, FED_TUNNEL };

struct h1 {
	struct exchange exchange; /* first */
	struct conn *c;
	struct h1_parser parser;
	struct task *task;        /* NULL: none, or answered */
	bool wants_body;
	bool replied;             /* the answer lies in the task, not yet written */
	bool answered;            /* written; what is left of the request is read past */
	bool complete;            /* nothing of the request is to come */
	bool has_room;            /* a sink that was full takes more */
	bool last;                /* the connection ends after this answer */
	enum h1_fed fed;          /* the answer goes on */
	int64_t body_began_ms;
	char *in;                 /* what came and could not be taken yet: in_at .. in_len */
	size_t in_at, in_len, in_cap;
};

/* h1.c */
static inline void h1_queue_str(struct conn *c, struct str s) { conn_queue(c, s.at, s.len); }
void h1_queue_head(struct conn *c, const struct answer *a); /* but for the connection's own fields and the empty line */
void h1_answer_is_written(struct h1 *h);
void h1_next_request(struct h1 *h);

/* h1_feed.c */
void h1_feed_begin(struct h1 *h);  /* the head of an answer that goes on */
void h1_feed_output(struct h1 *h); /* the turn's end */
void h1_feed_more(struct exchange *x, const struct str *parts, int count);
size_t h1_feed_waiting(const struct exchange *x);
void h1_feed_taken(struct exchange *x);
void h1_feed_end(struct exchange *x, bool cut);
#endif
