/* Goal: no letter is lost, doubled or out of its poster's order; a full or closed box refuses; one wake-up per burst.
 * Method: by hand first, then four posters against one taker and against a pool (also under ThreadSanitizer). */
#include "base/mailbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { POSTERS = 4, LETTERS = 20000 };

struct note {
	struct letter letter;
	int from, number;
};

static void count_wake(void *ctx)
{
	atomic_fetch_add((_Atomic int *)ctx, 1);
}

static void by_hand(void **state)
{
	(void)state;
	_Atomic int wakes = 0;
	struct mailbox m;
	struct note notes[4] = { { .number = 0 }, { .number = 1 }, { .number = 2 }, { .number = 3 } };
	mailbox_init(&m, 2, count_wake, &wakes);
	assert_null(mailbox_take(&m));
	assert_true(mailbox_post(&m, &notes[0].letter) && mailbox_post(&m, &notes[1].letter));
	assert_false(mailbox_post(&m, &notes[2].letter));
	mailbox_post_always(&m, &notes[2].letter);
	assert_int_equal(mailbox_count(&m), 3);
	assert_int_equal(wakes, 1);
	struct letter *l = mailbox_take(&m);
	for (int i = 0; i < 3; i++, l = l->next)
		assert_int_equal(CONTAINER(l, struct note, letter)->number, i);
	assert_null(l);
	assert_true(mailbox_post(&m, &notes[3].letter));
	assert_int_equal(wakes, 2);
	mailbox_close(&m);
	assert_false(mailbox_post(&m, &notes[0].letter));
	mailbox_post_always(&m, &notes[0].letter);
	assert_ptr_equal(mailbox_wait_one(&m), &notes[3].letter);
	assert_ptr_equal(mailbox_wait(&m), &notes[0].letter);
	assert_null(mailbox_wait(&m));
	assert_null(mailbox_wait_one(&m));
	mailbox_drop(&m);
}

struct poster {
	struct mailbox *box;
	struct note *notes;
	int from;
};

static void *posts(void *ctx)
{
	struct poster *p = ctx;
	for (int i = 0; i < LETTERS; i++) {
		p->notes[i] = (struct note){ .from = p->from, .number = i };
		while (!mailbox_post(p->box, &p->notes[i].letter))
			sched_yield(); /* bounded box: the taker makes room */
	}
	return NULL;
}

static struct note *start(struct mailbox *box, struct poster posters[POSTERS], pthread_t threads[POSTERS])
{
	struct note *notes = calloc((size_t)POSTERS * LETTERS, sizeof *notes);
	assert_non_null(notes);
	for (int i = 0; i < POSTERS; i++) {
		posters[i] = (struct poster){ .box = box, .notes = notes + (size_t)i * LETTERS, .from = i };
		assert_int_equal(pthread_create(&threads[i], NULL, posts, &posters[i]), 0);
	}
	return notes;
}

static void one_taker(void **state)
{
	(void)state;
	_Atomic int wakes = 0;
	struct mailbox m;
	struct poster posters[POSTERS];
	pthread_t threads[POSTERS];
	mailbox_init(&m, 500, count_wake, &wakes);
	struct note *notes = start(&m, posters, threads);
	int next[POSTERS] = { 0 }, got = 0, bursts = 0;
	while (got < POSTERS * LETTERS) {
		struct letter *l = mailbox_wait(&m);
		assert_non_null(l);
		bursts++;
		for (; l != NULL; l = l->next, got++) {
			struct note *n = CONTAINER(l, struct note, letter);
			assert_int_equal(n->number, next[n->from]++);
		}
	}
	for (int i = 0; i < POSTERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(wakes, bursts); /* every burst was begun by one wake-up */
	mailbox_drop(&m);
	free(notes);
}

static _Atomic int taken[POSTERS * LETTERS];

static void *takes_one_by_one(void *ctx)
{
	struct letter *l;
	while ((l = mailbox_wait_one(ctx)) != NULL) {
		struct note *n = CONTAINER(l, struct note, letter);
		atomic_fetch_add_explicit(&taken[n->from * LETTERS + n->number], 1, memory_order_relaxed);
	}
	return NULL;
}

static void a_pool(void **state)
{
	(void)state;
	struct mailbox m;
	struct poster posters[POSTERS];
	pthread_t threads[POSTERS], pool[3];
	mailbox_init(&m, 0, NULL, NULL);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&pool[i], NULL, takes_one_by_one, &m), 0);
	struct note *notes = start(&m, posters, threads);
	for (int i = 0; i < POSTERS; i++)
		pthread_join(threads[i], NULL);
	mailbox_close(&m); /* the pool drains what is there and leaves */
	for (int i = 0; i < 3; i++)
		pthread_join(pool[i], NULL);
	for (int i = 0; i < POSTERS * LETTERS; i++)
		assert_int_equal(taken[i], 1);
	mailbox_drop(&m);
	free(notes);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(by_hand), cmocka_unit_test(one_taker), cmocka_unit_test(a_pool) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
