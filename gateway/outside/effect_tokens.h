/* gateway/outside/effect_tokens.h - the access tokens that effects need (notify/notifier.h, needs_source), out of provider_tokens.h: which account's is whose, and when one that could not be had is
 * asked for again.
 * Thread: the outside's. */
#ifndef GATEWAY_OUTSIDE_EFFECT_TOKENS_H
#define GATEWAY_OUTSIDE_EFFECT_TOKENS_H
#include "gateway/outside/provider_tokens.h"
#include "notify/notifier.h"

struct effect_tokens {
	struct needs_source face;
	struct provider_tokens *tokens;
	struct notifier *notifier;
	int64_t call_ms, mono_ms;        /* of this step */
	struct effect_token {
		struct token_want want;
		bool is_wanted, is_there, is_asked; /* is_asked: whoever asks is still there, and sees the end himself */
		struct token_given given;
		int64_t again_ms;        /* 0: nothing has failed lately */
	} of[ACCOUNTS];
};

void effect_tokens_join(struct effect_tokens *t, struct provider_tokens *tokens, struct notifier *n);
/* Before the notifier's own; returns when it wants to be stepped again, INT64_MAX: when something ends. */
int64_t effect_tokens_step(struct effect_tokens *t, int64_t call_ms, int64_t mono_ms);
#endif
