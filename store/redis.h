/* store/redis.h - the expiring store's batches as bytes for Redis 6 and later (RESP2), and its answers as bytes come in. A codec: no socket here.
 *
 * A batch is one EVALSHA of one script, which is what makes it all at once and one round trip; a server that does not know the script says NOSCRIPT
 * and gets the whole text. Every key is a hash of v (the value) and n (a count, tries left, or a fencing token), named <prefix><CLASS>:<key>.
 * A Redis Cluster would want all keys of a batch in one slot: it is not supported, Sentinel is.
 * Thread: a reader belongs to its connection. */
#ifndef STORE_REDIS_H
#define STORE_REDIS_H
#include "base/log.h"
#include "store/expiring.h"

struct redis_reader;

enum { REDIS_PREFIX_MAX = 32 };

/* A command as bytes, malloc'd by the library: given back by redis_bytes_drop. */
struct redis_bytes {
	char *at;
	size_t len;
};
void redis_bytes_drop(struct redis_bytes *b);

enum { REDIS_DIGEST_BYTES = 41 };
/* `digest` is what the server said of redis_load; NULL sends the script's whole text. */
MUST_USE bool redis_batch(const char *prefix, const struct expiring_batch *b, const char *digest, struct redis_bytes *out, struct fail *why);
MUST_USE bool redis_load(struct redis_bytes *out, struct fail *why); /* SCRIPT LOAD, once per connection */
MUST_USE bool redis_auth(struct str user, struct secret password, struct redis_bytes *out, struct fail *why); /* user.len 0: the password alone */
MUST_USE bool redis_select(int64_t database, struct redis_bytes *out, struct fail *why);
/* Of a Sentinel: where the master of this name is. */
MUST_USE bool redis_master_of(struct str name, struct redis_bytes *out, struct fail *why);
MUST_USE bool redis_role(struct redis_bytes *out, struct fail *why); /* FINE: a master; REFUSED: a replica, or no Redis for data at all */
MUST_USE bool redis_ping(struct redis_bytes *out, struct fail *why);
MUST_USE bool redis_publish(const char *prefix, const char *channel, struct str text, struct redis_bytes *out, struct fail *why);
MUST_USE bool redis_subscribe(const char *prefix, const char *const *channels, int count, struct redis_bytes *out, struct fail *why);

enum redis_kind {
	REDIS_SAYS_NOTHING,   /* no whole answer yet */
	REDIS_SAYS_FINE,      /* of AUTH, SELECT, PING, PUBLISH, SUBSCRIBE, and of ROLE by a master */
	REDIS_SAYS_PLACE,     /* of redis_master_of: host and port */
	REDIS_SAYS_LOADED,    /* of redis_load: `text` is the script's digest */
	REDIS_SAYS_BATCH,     /* for redis_fill */
	REDIS_SAYS_NOSCRIPT,  /* it was restarted or flushed: send the batch again, whole, and load again */
	REDIS_SAYS_REFUSED,   /* no: READONLY after a failover, LOADING, NOAUTH, OOM, …: `text` is its word; also a replica's ROLE, and nothing at all */
	REDIS_SAYS_MESSAGE,   /* published by somebody: channel and text */
	REDIS_SAYS_NONSENSE,  /* not RESP: close the connection */
};

struct redis_answer {
	enum redis_kind kind;
	struct str channel, text; /* valid until the next redis_next; the channel without its prefix */
	struct str host;          /* of PLACE, and: */
	int port;
};

struct redis_reader *redis_reader_make(const char *prefix, struct fail *why);
void redis_reader_drop(struct redis_reader *r);
MUST_USE bool redis_feed(struct redis_reader *r, const void *bytes, size_t len); /* false: not RESP or no memory: close */
void redis_next(struct redis_reader *r, struct redis_answer *out);
/* The answer REDIS_SAYS_BATCH just taken, into the batch it belongs to. false: it does not fit it: nonsense, close. */
MUST_USE bool redis_fill(struct redis_reader *r, struct expiring_batch *b);
#endif
