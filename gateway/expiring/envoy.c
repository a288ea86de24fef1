/* gateway/expiring/envoy.c - one letter per batch, there and back. */
#include "gateway/expiring/envoy.h"
#include <assert.h>
#include <stdlib.h>

struct envoy {
	struct expiring face;        /* first */
	struct mailbox *to;
	struct mailbox home;
};

struct errand {
	struct letter letter;
	struct envoy *from;
	struct expiring_batch *theirs, batch;
};

static void ended(struct expiring_batch *b)
{
	struct errand *one = CONTAINER(b, struct errand, batch);
	mailbox_post_always(&one->from->home, &one->letter);
}

static bool run(struct expiring *x, struct expiring_batch *b)
{
	struct envoy *e = (struct envoy *)x;
	struct errand *one = malloc(sizeof(*one));
	if (one == NULL)
		return true; /* AWAY, as the face has set it */
	one->from = e;
	one->theirs = b;
	one->batch = *b;
	one->batch.done = ended;
	if (mailbox_post(e->to, &one->letter))
		return false;
	free(one);
	return true;
}

static void no_publish(struct expiring *x, const char *channel, struct str text)
{
	(void)x, (void)channel, (void)text;
	assert(!"an errand is a batch");
}

static void no_hear(struct expiring *x, const char *channel, expiring_heard_fn heard, void *ctx)
{
	(void)x, (void)channel, (void)heard, (void)ctx;
	assert(!"an errand is a batch");
}

static void no_close(struct expiring *x)
{
	(void)x; /* envoy_drop */
}

struct envoy *envoy_make(struct loop *to, void (*wake)(void *ctx), void *wake_ctx)
{
	struct envoy *e = calloc(1, sizeof(*e));
	if (e == NULL)
		return NULL;
	e->face = (struct expiring){ run, no_publish, no_hear, no_close };
	e->to = &to->envoys;
	mailbox_init(&e->home, 0, wake, wake_ctx);
	return e;
}

struct expiring *envoy_face(struct envoy *e)
{
	return &e->face;
}

void envoy_home(struct envoy *e)
{
	for (struct letter *next, *at = mailbox_take(&e->home); at != NULL; at = next) {
		struct errand *one = CONTAINER(at, struct errand, letter);
		struct expiring_batch *theirs = one->theirs;
		void (*done)(struct expiring_batch *) = theirs->done;
		next = at->next;
		*theirs = one->batch;
		theirs->done = done;
		free(one);
		done(theirs);
	}
}

static void forget_all(struct mailbox *m)
{
	for (struct letter *next, *at = mailbox_take(m); at != NULL; at = next) {
		next = at->next;
		free(CONTAINER(at, struct errand, letter));
	}
}

void envoy_drop(struct envoy *e)
{
	if (e == NULL)
		return;
	forget_all(&e->home);
	mailbox_drop(&e->home);
	free(e);
}

void envoy_run(struct loop *l)
{
	for (struct letter *next, *at = mailbox_take(&l->envoys); at != NULL; at = next) {
		struct errand *one = CONTAINER(at, struct errand, letter);
		next = at->next;
		if (expiring_run(l->expiring, &one->batch))
			ended(&one->batch);
	}
}

void envoy_forget(struct loop *l)
{
	forget_all(&l->envoys);
}
