/* gateway/expiring/epoch.c - sessions and persons by their row ids, in and out of the channels. What is published comes back to whoever said it: the word of a person bears
 * its node, so that nobody looks twice. */
#include "gateway/expiring/epoch.h"
#include "base/ids.h"
#include "gateway/expiring/forgetting.h"
#include "gateway/expiring/redis_link.h"
#include "store/expiring.h"
#include "store/store.h"
#include <stdio.h>

static void heard(void *ctx, struct str text)
{
	struct store *s = ctx;
	int64_t session;
	if (str_to_i64(text, 1, INT64_MAX, &session))
		store_heard(s, ROW_SESSION, (uint64_t)session);
	else
		store_heard_all(s); /* EXPIRING_ALL, or a word of a newer version: to forget too much is never wrong */
}

static int64_t node; /* drawn at the start */

/* "NODE PERSON", or EXPIRING_ALL */
static void heard_person(void *ctx, struct str text)
{
	struct gateway *g = ctx;
	struct str from, whom;
	int64_t said_by, person = 0;
	if (str_cut(text, ' ', &from, &whom)) {
		if (!str_to_i64(from, 1, INT64_MAX, &said_by) || said_by == node)
			return;
		if (!str_to_i64(whom, 0, INT64_MAX, &person))
			person = 0;
	}
	hub_news(&g->hub, &(struct news){ NEWS_PERSON_ELSEWHERE, person }, 1, false);
}

void epoch_hear(struct gateway *g)
{
	random_bytes(&node, sizeof(node));
	node = (node & INT64_MAX) | 1;
	expiring_hear(g->memory, CHANNEL_EPOCH, heard, g->store);
	expiring_hear(g->memory, CHANNEL_PERSON, heard_person, g);
}

void epoch_want(struct loop *l)
{
	if (l->index != 0 || l->gateway->redis == NULL)
		return;
	hub_want(&l->news, NEWS_SESSION, 1);
	hub_want(&l->news, NEWS_PERSON, 1);
}

void epoch_tell(struct loop *l, int64_t session)
{
	char text[24];
	if (l->index != 0 || l->gateway->redis == NULL)
		return;
	int len = session == 0 ? snprintf(text, sizeof(text), "%s", EXPIRING_ALL) : snprintf(text, sizeof(text), "%lld", (long long)session);
	expiring_publish(l->expiring, CHANNEL_EPOCH, (struct str){ text, (size_t)len });
}

void epoch_tell_person(struct loop *l, int64_t person)
{
	char text[48];
	if (l->index != 0 || l->gateway->redis == NULL)
		return;
	int len = snprintf(text, sizeof(text), "%lld %lld", (long long)node, (long long)person);
	expiring_publish(l->expiring, CHANNEL_PERSON, (struct str){ text, (size_t)len });
}

bool epoch_is_deaf(const struct loop *l)
{
	return l->gateway->redis != NULL && !redis_link_is_up(l->expiring);
}
