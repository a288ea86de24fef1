/* store/expiring.h - what may be forgotten: one-time codes, counters, caches, locks. Memory on one node, Redis on several, one meaning.
 *
 * A batch is up to eight operations on different keys, run in order, all at once: nobody sees half of it. With `all_or_nothing`, a single NO leaves
 * everything as it was, and the others end UNDONE. On Redis a batch is one round trip (one script); if its answer is not there by the deadline every operation ends AWAY, and the key's row in
 * keys.def says what that means. A batch that is AWAY may have happened.
 *
 * Thread: run from the thread that owns the face (`struct expiring`: one per loop); done comes on the same thread.
 * Owns:   the batch stays the caller's memory until it has ended; keys and values are copied.
 * Units:  milliseconds. */
#ifndef STORE_EXPIRING_H
#define STORE_EXPIRING_H
#include "base/fail.h"
#include "base/str.h"

enum key_class {
#define KEY(name, ...) KEY_##name,
#include "store/keys.def"
#undef KEY
	KEY_CLASSES
};
enum key_away { KEY_AWAY_REFUSE, KEY_AWAY_LOCAL, KEY_AWAY_SQL };

struct key_row {
	const char *name;
	int64_t life_ms;             /* no key of this class lives longer */
	int64_t most;                /* on one node; beyond it new ones end AWAY */
	enum key_away away;
};
const struct key_row *key_row(enum key_class c);

enum expiring_verb {
	EXPIRING_GET,                /* -> out */
	EXPIRING_PUT,                /* value, ttl */
	EXPIRING_ADD,                /* value, ttl, unless it is there: NO */
	EXPIRING_DROP,
	EXPIRING_TAKE,               /* drops it if its value is `value`; another value: NO */
	EXPIRING_COUNT,              /* one more, if that is at most `limit`: -> number; else NO and nothing is counted. ttl from the first */
	EXPIRING_TRY,                /* the value given: dropped, OK. Another: one try less of the `limit` it was put with; NO, number = tries left; none left: dropped */
	EXPIRING_LOCK,               /* value names the holder, ttl: -> number, a fencing token that only grows. Another's: NO. TAKE gives it back */
	EXPIRING_VERBS
};
enum expiring_end { EXPIRING_OK, EXPIRING_ABSENT, EXPIRING_NO, EXPIRING_UNDONE, EXPIRING_AWAY };
enum { EXPIRING_OPS_MAX = 8, EXPIRING_KEY_MAX = 128, EXPIRING_VALUE_MAX = 1024 };

struct expiring_op {
	enum expiring_verb verb;
	enum key_class class;
	struct str key;              /* of the class; at most EXPIRING_KEY_MAX bytes, any bytes */
	struct str value;
	int64_t ttl_ms;              /* 0: the class's life */
	int64_t limit;               /* COUNT; PUT and ADD for a later TRY */

	enum expiring_end end;
	int64_t number;
	int64_t left_ms;             /* until it expires; of GET, COUNT (also NO), TRY, LOCK (also NO) */
	size_t out_len;
	char out[EXPIRING_VALUE_MAX];
};

struct expiring_batch {
	int count;
	bool all_or_nothing;         /* no TRY in such a batch */
	struct expiring_op op[EXPIRING_OPS_MAX];
	void (*done)(struct expiring_batch *b); /* not called when expiring_run says true */
};

struct expiring;
/* true: it has ended, the answers are in it. false: done will be called. */
MUST_USE bool expiring_run(struct expiring *x, struct expiring_batch *b);
/* Tells every node, this one too: a hint that may be lost, backed by a look into the database. At most EXPIRING_VALUE_MAX bytes. Whoever could not say or hear for a while
 * gets EXPIRING_ALL told on the channel when he can again: to look at everything. */
#define EXPIRING_ALL "all"
void expiring_publish(struct expiring *x, const char *channel, struct str text);
/* Before publishing begins. Called on whatever thread the news comes in: must only post. */
typedef void (*expiring_heard_fn)(void *ctx, struct str text);
void expiring_hear(struct expiring *x, const char *channel, expiring_heard_fn heard, void *ctx);
void expiring_close(struct expiring *x);

/* The memory of one node, shared by all its faces: one lock, every operation O(1). */
struct expiring *expiring_memory(struct fail *why);

/* What a body implements. */
struct expiring {
	bool (*run)(struct expiring *x, struct expiring_batch *b);
	void (*publish)(struct expiring *x, const char *channel, struct str text);
	void (*hear)(struct expiring *x, const char *channel, expiring_heard_fn heard, void *ctx);
	void (*close)(struct expiring *x);
};
#endif
