/* gateway/requests/peers.h - how much each peer that requests ask may be asked at once, and whether it is worth asking at all.
 *
 *   closed -> open after FAILURES_MAX in a row, for 1 s, twice as long each time it fails again, at most a minute
 *   open -> one may try when that is over; it decides
 *
 * So a dead peer costs a request no time, and a slow one holds a bounded number of them.
 * Thread: its owner's. */
#ifndef GATEWAY_REQUESTS_PEERS_H
#define GATEWAY_REQUESTS_PEERS_H
#include "channels/ask.h"

enum { PEERS_MAX = 512, PEER_FAILURES_MAX = 5, PEER_OPEN_FIRST_MS = 1000, PEER_OPEN_MOST_MS = 60000 };

struct peer {
	char name[PEER_NAME_MAX + 1];
	int in_flight, failures;
	bool trying;            /* the one that decides is under way */
	int64_t open_until_ms;  /* 0: closed */
	int64_t open_ms;
};

struct peers {
	struct peer at[PEERS_MAX];
	int count;
};

/* One more is asked of it. NULL: not now; *again_ms: when it may be worth trying. */
struct peer *peers_enter(struct peers *all, struct str name, int64_t in_flight_max, int64_t now_ms, int64_t *again_ms);
/* It has ended. again_ms > 0: the peer itself said when to come back. */
void peers_leave(struct peer *p, bool well, int64_t again_ms, int64_t now_ms);
#endif
