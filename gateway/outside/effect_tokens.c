/* gateway/outside/effect_tokens.c - why this exists: an effect waits for its token without anybody who waits for it, and must not be forgotten when there was none. */
#include "gateway/outside/effect_tokens.h"

#include "services/money/nontax_account.h"

static const struct token_source *const sources[ACCOUNTS] = { [ACCOUNT_wechat_nontax] = &wechat_nontax_token };

static void came(struct token_want *w)
{
	struct effect_token *one = CONTAINER(w, struct effect_token, want);
	struct effect_tokens *t = w->ctx;
	one->is_wanted = false;
	one->is_there = w->ok;
	one->given = w->given;
	if (!w->ok)
		one->again_ms = t->mono_ms + (w->why.retry_after_s > 0 ? w->why.retry_after_s : 1) * INT64_C(1000);
	if (!one->is_asked)
		notifier_news(t->notifier);
}

static bool get(void *ctx, enum effect_needs need, enum account a, struct token_given *out)
{
	struct effect_tokens *t = ctx;
	struct effect_token *one = &t->of[a];
	(void)need;
	if (sources[a] == NULL || one->is_wanted || one->again_ms > t->mono_ms)
		return false;
	one->is_wanted = one->is_asked = true;
	one->is_there = false;
	one->want = (struct token_want){ .source = sources[a], .until_ms = t->mono_ms + t->call_ms, .done = came, .ctx = t };
	provider_tokens_want(t->tokens, &one->want, t->call_ms, t->mono_ms);
	one->is_asked = false;
	*out = one->given;
	return one->is_there;
}

static void refused(void *ctx, enum account a, uint64_t number)
{
	struct effect_tokens *t = ctx;
	if (sources[a] != NULL)
		provider_tokens_refused(t->tokens, sources[a], number);
}

void effect_tokens_join(struct effect_tokens *t, struct provider_tokens *tokens, struct notifier *n)
{
	*t = (struct effect_tokens){ .face = { .get = get, .refused = refused, .ctx = t }, .tokens = tokens, .notifier = n };
	notifier_needs(n, &t->face);
}

int64_t effect_tokens_step(struct effect_tokens *t, int64_t call_ms, int64_t mono_ms)
{
	int64_t due_ms = INT64_MAX;
	t->call_ms = call_ms;
	t->mono_ms = mono_ms;
	for (int i = 0; i < ACCOUNTS; i++) {
		struct effect_token *one = &t->of[i];
		if (one->again_ms == 0)
			continue;
		if (one->again_ms <= mono_ms) {
			one->again_ms = 0;
			notifier_news(t->notifier);
		} else if (one->again_ms < due_ms) {
			due_ms = one->again_ms;
		}
	}
	return due_ms;
}
