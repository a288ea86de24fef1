/* base/mailbox.h - how threads talk: a list swapped under a mutex, one wake-up per burst.
 *
 * Thread: any thread posts; one thread takes, and takes everything.
 * Owns:   nothing; a letter belongs to the poster until posted, to the taker after. */
#ifndef BASE_MAILBOX_H
#define BASE_MAILBOX_H
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct letter {
	struct letter *next; /* embedded first in what is sent; CONTAINER gets the rest */
};

#define CONTAINER(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

struct mailbox {
	pthread_mutex_t lock;
	pthread_cond_t filled;      /* for takers that sleep (mailbox_wait) */
	struct letter *head, **tail;
	size_t count, max;          /* max 0: unbounded */
	bool closed;
	void (*wake)(void *ctx);    /* called outside the lock when the box turns from empty to filled; may be NULL */
	void *wake_ctx;
};

void mailbox_init(struct mailbox *m, size_t max, void (*wake)(void *), void *ctx);
bool mailbox_post(struct mailbox *m, struct letter *l);  /* false: full or closed, the letter is still the caller's */
void mailbox_post_always(struct mailbox *m, struct letter *l); /* for answers: ignores max and closed */
struct letter *mailbox_take(struct mailbox *m);          /* the whole list, oldest first, or NULL; never waits */
struct letter *mailbox_wait(struct mailbox *m);          /* as take, but sleeps until there is some; NULL: closed and empty */
struct letter *mailbox_wait_one(struct mailbox *m);      /* for pools: one letter; NULL: closed and empty */
void mailbox_close(struct mailbox *m);                   /* posts fail from now on; waiters drain and leave */
size_t mailbox_count(struct mailbox *m);
void mailbox_drop(struct mailbox *m);                    /* asserts that it is empty */
#endif
