/* tests/sim/providers.h - the world outside, replayed: what providers did, and what they said they did.
 *
 * It outlives siban's processes. A call is under way until it is answered; a crash leaves it so that nobody here knows whether it was acted on.
 * Answers are recorded ones (answers/). Thread: one. */
#ifndef SIM_PROVIDERS_H
#define SIM_PROVIDERS_H
#include "notify/transport.h"
#include "rng.h"

enum { PROVIDER_KEY_BYTES = 32, PROVIDER_DEEDS_MAX = 512 };

struct provider_deed {
	char key[PROVIDER_KEY_BYTES];
	int calls, done;              /* how often it was asked to, and how often it did */
	uint64_t body;                /* a hash: the same key must always say the same */
};

void providers_begin(void);           /* reads the answers; once */
void providers_clear(void);           /* a new life */
struct transport *providers_transport(void);
/* Told of every call that leaves, before it is under way. */
void providers_watch(void (*called)(void *ctx, const char *key, bool is_question), void *ctx);
bool providers_is_under_way(const char *key);
/* One call that is under way ends. NULL: none was. Otherwise the answer's name; is_well: all is well today. */
const char *providers_answer(struct rng *rng, bool is_well);
void providers_lose_caller(struct rng *rng); /* the process that waited is gone; what was under way was perhaps done */
const struct provider_deed *providers_deed(const char *key); /* NULL: never heard of it */
void providers_each(void (*see)(void *ctx, const struct provider_deed *d), void *ctx);
#endif
