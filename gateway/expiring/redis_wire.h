/* gateway/expiring/redis_wire.h - a connection to Redis that comes back by itself: connect, greet, then bytes both ways.
 *
 * Greeting is AUTH, SELECT, of whom a sentinel named ROLE, and the caller's first words, answered each with yes before `up` is called. After trouble it pauses (50 ms doubling to 5 s,
 * with jitter so that nodes do not come back in step) and connects anew.
 * Thread: the loop's. */
#ifndef GATEWAY_EXPIRING_REDIS_WIRE_H
#define GATEWAY_EXPIRING_REDIS_WIRE_H
#include "gateway/expiring/redis_link.h"
#include "store/redis.h"

enum wire_state { WIRE_DOWN, WIRE_CONNECTING, WIRE_GREETING, WIRE_UP, WIRE_CLOSING };

struct redis_wire;

struct wire_user {
	const char *whom;                                                      /* for the log: "redis", "sentinel" */
	void (*before)(void *user);                                            /* each connecting: the settings may name another place now; NULL: never */
	bool (*greet)(void *user, struct redis_bytes *out, struct fail *why); /* the last word of the greeting, e.g. SCRIPT LOAD */
	void (*up)(void *user, const struct redis_answer *greeted);
	void (*answer)(void *user, const struct redis_answer *a);              /* never NOTHING or NONSENSE */
	void (*down)(void *user);                                              /* what was asked will not be answered */
};

struct redis_wire *redis_wire_open(uv_loop_t *uv, const struct redis_settings *s, const struct wire_user *ops, void *user, struct fail *why);
enum wire_state redis_wire_state(const struct redis_wire *w);
struct redis_reader *redis_wire_reader(struct redis_wire *w);
void redis_wire_send(struct redis_wire *w, struct redis_bytes *b);  /* takes the bytes; only when up */
void redis_wire_restart(struct redis_wire *w, const char *why);    /* this server is no good any more: down, pause, again */
void redis_wire_close(struct redis_wire *w);                       /* frees it when its handles are closed; nothing is called any more */
#endif
