/* gateway/outside/provider_tokens.h - the access tokens of platforms: one copy here, the same on all nodes, fetched once however many want it.
 *
 *   nothing  -> looking   another node may have it: the expiring store holds it sealed, and a lock says who fetches
 *            -> fetching  here, or elsewhere: then it is looked for again after a moment
 *            -> there     for all who wait
 *   there, nearly over (by a few minutes, with jitter): still given, and fetched anew meanwhile
 *   there, but the platform refused it: looked for once more. When the same comes again that is an alarm, and after the pause it is tried once more
 *   failed   -> for a second, twice as long each time, at most a minute, nobody fetches; who wants it then is told the reason
 *
 * The platform is always asked for the token everybody has, never to force another. Nothing of a token is in a log or an error.
 * Thread: its owner's, the one that speaks to the outside; effects that need one want it here too (notify/notifier.h, needs_source). */
#ifndef GATEWAY_OUTSIDE_PROVIDER_TOKENS_H
#define GATEWAY_OUTSIDE_PROVIDER_TOKENS_H
#include "channels/ask.h"
#include "gateway/loops/link.h"
#include "notify/transport.h"

struct expiring; /* store/expiring.h */
struct provider_tokens;

struct token_want {
	struct link link;
	const struct token_source *source;
	uint64_t stale;                        /* as in a question */
	int64_t until_ms;                      /* monotonic: then it ends without one */
	void (*done)(struct token_want *w);    /* exactly once, perhaps before provider_tokens_want returns */
	void *ctx;                             /* the wanter's */
	bool ok;
	struct token_given given;              /* when ok, until done returns */
	struct fail why;                       /* when not */
};

struct provider_tokens *provider_tokens_make(struct transport *http); /* NULL: no memory */
/* What the nodes share: `x` ends its batches on this thread. Without one each node asks for itself. */
void provider_tokens_share(struct provider_tokens *p, struct expiring *x);
void provider_tokens_want(struct provider_tokens *p, struct token_want *w, int64_t call_ms, int64_t mono_ms); /* call_ms: how long a fetch may take */
void provider_tokens_refused(struct provider_tokens *p, const struct token_source *source, uint64_t number); /* as a want's stale, when nothing is wanted at once */
int64_t provider_tokens_step(struct provider_tokens *p, int64_t mono_ms); /* when it wants to be stepped again; INT64_MAX: when something ends */
bool provider_tokens_quiet(const struct provider_tokens *p);              /* nobody waits, nothing is being fetched */
void provider_tokens_drop(struct provider_tokens *p);
#endif
