/* gateway/loops/loop.c - a loop's turn as requests feel it: letters from the lanes, and at the end a snapshot that nobody needs any more. */
#include "gateway/loops/loop.h"

#include "base/clock.h"
#include "base/log.h"
#include "gateway/expiring/epoch.h"
#include "gateway/expiring/envoy.h"
#include "gateway/loops/errands.h"
#include "gateway/live/live.h"
#include "gateway/requests/task.h"
#include <stdlib.h>

enum { CASE_NAMES_KEPT = 4096 /* every matter in every region of a prefecture; memory only for what was read */ };

bool loop_open(struct loop *l, struct gateway *g, int index, void (*wake)(void *ctx), void *wake_ctx, struct fail *why)
{
	*l = (struct loop){ .index = index, .gateway = g, .config = atomic_load(&g->config), .expiring = g->memory };
	mailbox_init(&l->mail, 0, wake, wake_ctx);
	mailbox_init(&l->errands, 0, wake, wake_ctx);
	mailbox_init(&l->envoys, 0, wake, wake_ctx);
	parking_init(&l->parking);
	hub_add_box(&g->hub, &l->news, wake, wake_ctx);
	if (store_is_embedded(g->store)) {
		l->reader = store_reader(g->store, (int)l->config->row_cache, why);
		if (l->reader == NULL)
			return false;
		reader_cache(l->reader, ROW_TOKEN, (int)l->config->token_cache);
		reader_cache(l->reader, ROW_SESSION, (int)l->config->token_cache);
		reader_cache(l->reader, ROW_CASE_NAMES, CASE_NAMES_KEPT);
	}
	l->live = live_make(l);
	return l->live != NULL || FAILS(why, MEMORY, "live streams of loop %d", index);
}

int64_t loop_now_ms(struct loop *l)
{
	if (!l->now_fresh) {
		l->now_ms = clock_wall_ms();
		l->now_fresh = true;
	}
	return l->now_ms;
}

static void person_news(struct loop *l, const struct news *n)
{
	live_news(l->live, n->key);
	if (n->kind == NEWS_PERSON)
		epoch_tell_person(l, n->key);
}

static void take_news(struct loop *l)
{
	const struct news *news;
	bool all;
	size_t count = hub_take(&l->news, &news, &all);
	for (size_t i = 0; i < count && !all; i++)
		if (news[i].kind == NEWS_EFFECT_ENDED)
			park_news(l, news[i].key);
		else if (news[i].kind == NEWS_PERSON || news[i].kind == NEWS_PERSON_ELSEWHERE)
			person_news(l, &news[i]);
		else if (news[i].kind == NEWS_SESSION)
			epoch_tell(l, news[i].key);
	if (all) {
		park_news(l, 0);
		live_news(l->live, 0);
		epoch_tell(l, 0);
		epoch_tell_person(l, 0);
	}
}

int64_t loop_due_ms(struct loop *l)
{
	return park_due_ms(l);
}

void loop_tick(struct loop *l, int64_t mono_ms)
{
	park_tick(l, mono_ms);
}

void loop_letters(struct loop *l)
{
	struct letter *next, *at = mailbox_take(&l->mail);
	for (; at != NULL; at = next) {
		next = at->next;
		task_home(CONTAINER(at, struct task, letter));
	}
	errands_home(l);
	envoy_run(l);
	take_news(l);
	relay_tell(l);
}

void loop_ring(struct loop *l)
{
	l->mail.wake(l->mail.wake_ctx);
}

void loop_turn_end(struct loop *l)
{
	if (l->reader != NULL)
		reader_end(l->reader);
	log_flush();
	l->now_fresh = false;
}

void loop_close(struct loop *l)
{
	while (l->spare != NULL) {
		struct task *t = l->spare;
		l->spare = t->next;
		arena_free(&t->r.arena);
		free(t);
	}
	if (l->reader != NULL)
		connection_close(l->reader);
	live_drop(l->live);
	envoy_forget(l);
	mailbox_drop(&l->envoys);
	mailbox_drop(&l->mail);
	mailbox_drop(&l->errands);
	log_flush();
}
