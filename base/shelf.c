/* base/shelf.c - a count of readers for each thing; a mutex for the moment in which somebody takes one. */
#include "base/shelf.h"

#include <pthread.h>
#include <stdlib.h>

struct shelved {
	void *at;
	void (*drop)(void *at);
	int holders; /* readers, and the shelf itself */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct shelved *there[SHELVES];

void shelf_give(struct shelved *held)
{
	if (held == NULL)
		return;
	pthread_mutex_lock(&lock);
	int left = --held->holders;
	pthread_mutex_unlock(&lock);
	if (left > 0)
		return;
	held->drop(held->at);
	free(held);
}

bool shelf_put(enum shelf s, void *at, void (*drop)(void *at), struct fail *why)
{
	struct shelved *new = at == NULL ? NULL : malloc(sizeof *new);
	if (at != NULL && new == NULL) {
		drop(at);
		return FAILS(why, MEMORY, "a place on the shelf");
	}
	if (new != NULL)
		*new = (struct shelved){ at, drop, 1 };
	pthread_mutex_lock(&lock);
	struct shelved *old = there[s];
	there[s] = new;
	pthread_mutex_unlock(&lock);
	shelf_give(old);
	return true;
}

const void *shelf_take(enum shelf s, struct shelved **held)
{
	pthread_mutex_lock(&lock);
	*held = there[s];
	if (*held != NULL)
		(*held)->holders++;
	pthread_mutex_unlock(&lock);
	return *held != NULL ? (*held)->at : NULL;
}
