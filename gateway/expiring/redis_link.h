/* gateway/expiring/redis_link.h - the expiring store's way to Redis: one connection of one loop, with a deadline for every batch.
 *
 *   down -> connecting -> greeting -> up        any trouble leads back to down, and after a pause with jitter to connecting
 *
 * With sentinels each connecting begins with the question where the master is (redis_seek.h), so a failover costs what a lost connection costs: a server that was
 * demoted says READONLY, and is left.
 *
 * While it is not up, or the server has let a deadline pass and not answered since, batches end AWAY at once: nobody waits 50 ms for a dead
 * server but the first. Operations of LOCAL classes are then done in this node's memory.
 * Thread: the loop's. Close it before the loop ends; its handles then close in the loop's last turns. */
#ifndef GATEWAY_EXPIRING_REDIS_LINK_H
#define GATEWAY_EXPIRING_REDIS_LINK_H
#include "base/log.h"
#include "store/expiring.h"
#include <uv.h>

struct tls_trust; /* gateway/outside/tls_client.h */

struct redis_settings {
	struct str path;          /* of a UNIX socket; len 0: host and port */
	struct str host;          /* an address or a name */
	int port;
	struct str user;
	struct secret password;   /* at NULL: no AUTH */
	int64_t database;
	bool is_tls;              /* and then whom to trust: */
	struct tls_trust *trust;
	struct str sentinels;     /* host[:port],… to be asked where the master is; len 0: path or host is it */
	struct str master;        /* its name there */
	struct secret sentinel_password; /* at NULL: no AUTH with them */
	const char *prefix;       /* of every key, at most REDIS_PREFIX_MAX - 1 bytes */
	int64_t deadline_ms;      /* of a batch */
};

/* "redis[s]://[user@]host[:port][/database]", "sentinel[s]://[user@]host[:port],…/master[/database]" or "unix:/path[?database]" into `out`, which points into `url`. NULL: fine; else what is wrong with it. */
MUST_USE const char *redis_settings_from(struct str url, struct redis_settings *out);

/* The next of the sentinels behind *at (0: the first) into out->host and port; after the last comes the first. */
void redis_settings_sentinel(const struct redis_settings *s, size_t *at, struct redis_settings *out);

/* The settings and `memory` must outlive it. Starts connecting; the first answer is perhaps AWAY. */
struct expiring *redis_link_open(uv_loop_t *uv, const struct redis_settings *s, struct expiring *memory, struct fail *why);
/* Hears published texts and gives them to whoever called expiring_hear on `memory`; one per process. */
struct redis_ear;
struct redis_ear *redis_ear_open(uv_loop_t *uv, const struct redis_settings *s, struct expiring *memory, const char *const *channels, int count, struct fail *why);
void redis_ear_close(struct redis_ear *e);
bool redis_link_is_up(const struct expiring *x);
#endif
