/* gateway/gateway.h - what the loops share: store, committer, lanes, limits. Put together once, taken apart in reverse.
 *
 * Thread: fields are read only between start and stop, but for the atomics. */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H
#include "base/config.h"
#include "base/fail.h"
#include "gateway/beside/relay.h"
#include "gateway/loops/hub.h"
#include "gateway/loops/loop.h"
#include <stdatomic.h>

struct store;
struct committer;
struct checkpointer;
struct lanes;
struct blob_clearer;
struct reconciler;
struct errands;
struct hasher;
struct ratelimit;
struct door_tls;
struct kept_config;
struct poller;
struct jobs;
struct expiring;
struct redis_settings;
struct redis_ear;
struct outside;
struct nodes;

struct gateway {
	_Atomic(const struct config *) config; /* swapped whole by a reload; old ones live until the end */
	const char *config_path;               /* NULL: defaults and overrides only */
	char *const *overrides;                /* "name=value" of the command line, NULL-terminated */
	struct store *store;
	struct hub hub;                        /* hears of every commit */
	struct relay relay;                    /* and tells other nodes */
	struct committer *committer;
	struct checkpointer *checkpointer;
	struct lanes *lanes;
	struct hasher *hasher;                 /* where the CPU lane's passwords are hashed */
	struct blob_clearer *blob_clearer;
	struct reconciler *reconciler;
	struct errands *errands;               /* of live streams; NULL: the database is in this process */
	struct errands *tables;                /* of bodies that are made while they are sent: one thread, a piece for each in turn */
	struct indexer *indexer;
	struct nodes *nodes;                   /* NULL: the database is in this process, and nobody else's */
	struct outside *outside;               /* NULL: nobody speaks to the outside (the simulator's own) */
	struct jobs *jobs;                     /* on the first poller's loop */
	struct ratelimit *ratelimit;
	struct expiring *memory;               /* what may be forgotten, of this process */
	struct redis_settings *redis;          /* of all nodes: NULL, there is no Redis */
	struct redis_ear *ear;                 /* on the first poller's loop */
	struct door_tls *tls;
	struct kept_config *kept;              /* from reloads */
	struct poller *pollers;
	int poller_count;
	atomic_bool ready, stopping;
	atomic_int pollers_alive;
	int64_t started_ns;
};

/* Everything from the store to listening sockets; true: connections are being served. */
MUST_USE bool gateway_start(struct gateway *g, const struct config *c, struct fail *why);
void gateway_stop(struct gateway *g); /* drains within timeout.stop, then takes apart what start put together */
/* Reads the configuration again. Writes what changed and what needs a restart. false: wrong lines, nothing changed. */
bool gateway_reload(struct gateway *g, char *changed, size_t changed_max, char *refused, size_t refused_max, struct config_wrongs *wrongs);
#endif
