/* base/mailbox.c - why this exists: the one way two threads meet. A list under a mutex; the taker takes all of it at once. */
#include "base/mailbox.h"

#include <assert.h>

void mailbox_init(struct mailbox *m, size_t max, void (*wake)(void *), void *ctx)
{
	*m = (struct mailbox){ .max = max, .wake = wake, .wake_ctx = ctx };
	m->tail = &m->head;
	int failed = pthread_mutex_init(&m->lock, NULL) | pthread_cond_init(&m->filled, NULL);
	assert(failed == 0);
	(void)failed;
}

static bool post(struct mailbox *m, struct letter *l, bool always)
{
	pthread_mutex_lock(&m->lock);
	if (!always && (m->closed || (m->max > 0 && m->count >= m->max))) {
		pthread_mutex_unlock(&m->lock);
		return false;
	}
	bool was_empty = m->head == NULL;
	l->next = NULL;
	*m->tail = l;
	m->tail = &l->next;
	m->count++;
	/* Read here: once the letter is in, the taker may close the box and give it up before we are back. */
	void (*wake)(void *) = was_empty ? m->wake : NULL;
	void *wake_ctx = m->wake_ctx;
	pthread_cond_signal(&m->filled); /* each letter, not each burst: a pool's other sleepers take the next ones */
	pthread_mutex_unlock(&m->lock);
	if (wake != NULL)
		wake(wake_ctx);
	return true;
}

bool mailbox_post(struct mailbox *m, struct letter *l)
{
	return post(m, l, false);
}

void mailbox_post_always(struct mailbox *m, struct letter *l)
{
	(void)post(m, l, true);
}

static struct letter *all(struct mailbox *m)
{
	struct letter *list = m->head;
	m->head = NULL;
	m->tail = &m->head;
	m->count = 0;
	return list;
}

struct letter *mailbox_take(struct mailbox *m)
{
	pthread_mutex_lock(&m->lock);
	struct letter *list = all(m);
	pthread_mutex_unlock(&m->lock);
	return list;
}

static void sleep_while_empty(struct mailbox *m)
{
	while (m->head == NULL && !m->closed)
		pthread_cond_wait(&m->filled, &m->lock);
}

struct letter *mailbox_wait(struct mailbox *m)
{
	pthread_mutex_lock(&m->lock);
	sleep_while_empty(m);
	struct letter *list = all(m);
	pthread_mutex_unlock(&m->lock);
	return list;
}

struct letter *mailbox_wait_one(struct mailbox *m)
{
	pthread_mutex_lock(&m->lock);
	sleep_while_empty(m);
	struct letter *one = m->head;
	if (one != NULL) {
		m->head = one->next;
		if (m->head == NULL)
			m->tail = &m->head;
		m->count--;
		one->next = NULL;
	}
	pthread_mutex_unlock(&m->lock);
	return one;
}

void mailbox_close(struct mailbox *m)
{
	pthread_mutex_lock(&m->lock);
	m->closed = true;
	pthread_cond_broadcast(&m->filled);
	pthread_mutex_unlock(&m->lock);
}

size_t mailbox_count(struct mailbox *m)
{
	pthread_mutex_lock(&m->lock);
	size_t count = m->count;
	pthread_mutex_unlock(&m->lock);
	return count;
}

void mailbox_drop(struct mailbox *m)
{
	assert(m->head == NULL);
	pthread_cond_destroy(&m->filled);
	pthread_mutex_destroy(&m->lock);
}
