/* gateway/expiring/redis_seek.h - asks the sentinels, one after the other, where the master is, until one knows.
 *
 * A connection to each as redis_wire.h makes them, with its limits and pauses; closed when the answer is there. What a sentinel says may be old: who connects by it
 * asks that server for its role, and asks the next sentinel when it was wrong.
 * Thread: the loop's. */
#ifndef GATEWAY_EXPIRING_REDIS_SEEK_H
#define GATEWAY_EXPIRING_REDIS_SEEK_H
#include "gateway/expiring/redis_link.h"

struct redis_seek;
typedef void (*redis_found)(void *ctx, struct str host, int port);

/* *at: behind the sentinel that was asked last, 0 at first; it moves. `found` is called once, and has to close this. */
struct redis_seek *redis_seek_open(uv_loop_t *uv, const struct redis_settings *s, size_t *at, redis_found found, void *ctx, struct fail *why);
void redis_seek_close(struct redis_seek *k); /* NULL is fine */
#endif
