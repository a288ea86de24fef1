/* gateway/epoch.c - sessions by their row ids, in and out of the channel. */
#include "gateway/epoch.h"
#include "gateway/forgetting.h"
#include "store/expiring.h"
#include "store/store.h"
#include <stdio.h>

static const char EVERYTHING[] = "all";

static void heard(void *ctx, struct str text)
{
	struct store *s = ctx;
	int64_t session;
	if (str_to_i64(text, 1, INT64_MAX, &session))
		store_heard(s, ROW_SESSION, (uint64_t)session);
	else
		store_heard_all(s); /* "all", or a word of a newer version: to forget too much is never wrong */
}

void epoch_hear(struct gateway *g)
{
	expiring_hear(g->memory, CHANNEL_EPOCH, heard, g->store);
}

void epoch_want(struct loop *l)
{
	if (l->index == 0 && l->gateway->redis != NULL)
		hub_want(&l->news, NEWS_SESSION, 1);
}

void epoch_tell(struct loop *l, int64_t session)
{
	char text[24];
	if (l->index != 0 || l->gateway->redis == NULL)
		return;
	int len = session == 0 ? snprintf(text, sizeof(text), "%s", EVERYTHING) : snprintf(text, sizeof(text), "%lld", (long long)session);
	expiring_publish(l->expiring, CHANNEL_EPOCH, (struct str){ text, (size_t)len });
}
