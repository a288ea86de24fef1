/* gateway/live/live.h - who is connected and wants to be told: the live streams of one loop, whatever they speak (SSE, WebSocket).
 *
 * A stream holds a place, not a queue: the number of the last event it was given. When its person's stream has grown (the hub's news), or when there
 * is room again, the rows behind that place are read and given. So a slow reader costs nothing but time, a reconnect is a place, and a lost
 * hint is made good by the next heartbeat.
 * Thread: the loop's; seats are counted over all loops behind a lock, once per stream. */
#ifndef GATEWAY_LIVE_LIVE_H
#define GATEWAY_LIVE_LIVE_H
#include "base/request.h"
#include "gateway/loops/link.h"

struct loop;
struct live;
struct live_table;

enum live_kind { LIVE_SSE, LIVE_WS, LIVE_KINDS };
enum live_end { LIVE_GONE /* the peer went */, LIVE_TOKEN, LIVE_STOPPING, LIVE_SILENT, LIVE_SLOW, LIVE_RUDE, LIVE_ENDS };

/* None of these may leave the table from inside but `end`, which must. */
struct live_ops {
	enum live_kind kind;
	bool (*is_full)(const struct live *v);  /* no more now; it will say live_hungry when there is room */
	void (*event)(struct live *v, int64_t seq, struct str kind, struct str data);
	bool (*beat)(struct live *v);           /* a sign of life for the peer. false: the peer itself gives none */
	void (*end)(struct live *v, enum live_end why); /* says goodbye */
};

struct live {
	struct link person_link;                /* first: of its person's bucket */
	struct link hungry_link, beat_link, seat_link;
	const struct live_ops *ops;
	struct live_table *table;
	int64_t person, token, after;           /* after: the last event given */
	int64_t beat_ms, full_ms;               /* of the loop's clock: the last beat; since when it takes nothing, 0: it takes */
	enum lang lang;
	bool told;                              /* news came since it was last served */
	bool beats;                             /* its token is to be looked at, by an errand */
};

struct live_table *live_make(struct loop *l); /* NULL: out of memory */
void live_drop(struct live_table *t);         /* empty */

/* Takes a seat. The caller has set ops, lang and after. Fails: STREAMS the person, BUSY the node has all it may have. */
MUST_USE bool live_enter(struct live_table *t, struct live *v, const struct principal *who, struct fail *why);
void live_leave(struct live *v, enum live_end why);
void live_hungry(struct live *v);             /* it may be given more */
/* Goes to another place: what was missed there comes again. */
void live_resume(struct live *v, int64_t after);

void live_news(struct live_table *t, int64_t person); /* the person's stream has grown; 0: anybody's may have */
void live_serve(struct live_table *t);        /* gives what there is to those who are hungry; before the turn's end */
void live_again(struct live_table *t);        /* at the turn's very end: is somebody hungry still, the loop turns once more */
void live_tick(struct live_table *t);         /* heartbeats, tokens that ran out, readers that stand still */
void live_end_all(struct live_table *t, enum live_end why);
void live_count_names(void);                  /* registers the metrics' labels; once */
#endif
