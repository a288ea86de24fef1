/* Goal: the expiring store means the same whatever body it has. Method: rows of operations and what must come out, run against each body; time
 * passes by the body's own means (memory: the clock is replaced; redis: a real redis-server whose keys are all brought nearer to their end). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "store/expiring.h"
#include "redis_server.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static int64_t now_ms = 1000000;

static int64_t fake_wall(void *ctx) { (void)ctx; return now_ms; }
static int64_t fake_mono(void *ctx) { (void)ctx; return now_ms * 1000000; }
static const struct clock fake = { fake_wall, fake_mono, NULL };

struct body {
	const char *name;
	struct expiring *(*make)(struct fail *why);
	void (*pass)(int64_t ms);
};

static void pass_fake(int64_t ms) { now_ms += ms; }

static const struct body bodies[] = { { "memory", expiring_memory, pass_fake }, { "redis", redis_blocking, redis_pass } };

static struct expiring_batch batch;

static struct expiring_op *run(struct expiring *x, struct expiring_op o)
{
	batch.count = 1;
	batch.all_or_nothing = false;
	batch.op[0] = o;
	assert_true(expiring_run(x, &batch));
	return &batch.op[0];
}

#define ROW(v, k, ...) { .verb = EXPIRING_##v, .class = KEY_OTP, .key = { k, sizeof(k) - 1 }, __VA_ARGS__ }
#define OP(v, k, ...) ((struct expiring_op)ROW(v, k, __VA_ARGS__))

/* ---- one operation after the other; `pass` ms go by before each ---- */

struct step {
	int64_t pass;
	struct expiring_op op;
	enum expiring_end end;
	int64_t number;      /* -1: not looked at */
	const char *out;     /* NULL: not looked at */
};

static const struct step steps[] = {
	{ 0, ROW(GET, "a"), EXPIRING_ABSENT, -1, NULL },
	{ 0, ROW(PUT, "a", .value = { "one", 3 }, .ttl_ms = 10000), EXPIRING_OK, -1, NULL },
	{ 0, ROW(GET, "a"), EXPIRING_OK, -1, "one" },
	{ 0, ROW(ADD, "a", .value = { "two", 3 }), EXPIRING_NO, -1, NULL },
	{ 9000, ROW(GET, "a"), EXPIRING_OK, -1, "one" },
	{ 1000, ROW(GET, "a"), EXPIRING_ABSENT, -1, NULL },
	{ 0, ROW(ADD, "a", .value = { "two", 3 }), EXPIRING_OK, -1, NULL },
	{ 0, ROW(PUT, "a", .value = { "three", 5 }), EXPIRING_OK, -1, NULL },
	{ 0, ROW(GET, "a"), EXPIRING_OK, -1, "three" },
	{ 0, ROW(TAKE, "a", .value = { "two", 3 }), EXPIRING_NO, -1, NULL },
	{ 0, ROW(TAKE, "a", .value = { "three", 5 }), EXPIRING_OK, -1, NULL },
	{ 0, ROW(TAKE, "a", .value = { "three", 5 }), EXPIRING_ABSENT, -1, NULL },
	{ 0, ROW(DROP, "a"), EXPIRING_ABSENT, -1, NULL },
	/* another class is another key */
	{ 0, ROW(PUT, "a", .value = { "x", 1 }), EXPIRING_OK, -1, NULL },
	{ 0, { .verb = EXPIRING_GET, .class = KEY_OTP_PHONE, .key = { "a", 1 } }, EXPIRING_ABSENT, -1, NULL },
	{ 0, ROW(DROP, "a"), EXPIRING_OK, -1, NULL },
	/* counting: the life is the first one's */
	{ 0, ROW(COUNT, "n", .limit = 3, .ttl_ms = 10000), EXPIRING_OK, 1, NULL },
	{ 5000, ROW(COUNT, "n", .limit = 3, .ttl_ms = 10000), EXPIRING_OK, 2, NULL },
	{ 0, ROW(COUNT, "n", .limit = 3, .ttl_ms = 10000), EXPIRING_OK, 3, NULL },
	{ 0, ROW(COUNT, "n", .limit = 3, .ttl_ms = 10000), EXPIRING_NO, 3, NULL },
	{ 0, ROW(COUNT, "n", .limit = 4, .ttl_ms = 10000), EXPIRING_OK, 4, NULL },
	{ 5000, ROW(COUNT, "n", .limit = 3, .ttl_ms = 10000), EXPIRING_OK, 1, NULL },
	{ 0, ROW(COUNT, "none", .limit = 0), EXPIRING_NO, 0, NULL },
	/* a code and its tries live and die together */
	{ 0, ROW(PUT, "c", .value = { "123456", 6 }, .limit = 3), EXPIRING_OK, -1, NULL },
	{ 0, ROW(TRY, "c", .value = { "000000", 6 }), EXPIRING_NO, 2, NULL },
	{ 0, ROW(TRY, "c", .value = { "12345", 5 }), EXPIRING_NO, 1, NULL },
	{ 0, ROW(TRY, "c", .value = { "123456", 6 }), EXPIRING_OK, -1, NULL },
	{ 0, ROW(TRY, "c", .value = { "123456", 6 }), EXPIRING_ABSENT, -1, NULL },
	{ 0, ROW(PUT, "c", .value = { "123456", 6 }, .limit = 2), EXPIRING_OK, -1, NULL },
	{ 0, ROW(TRY, "c", .value = { "1", 1 }), EXPIRING_NO, 1, NULL },
	{ 0, ROW(TRY, "c", .value = { "2", 1 }), EXPIRING_NO, 0, NULL },
	{ 0, ROW(TRY, "c", .value = { "123456", 6 }), EXPIRING_ABSENT, -1, NULL },
	/* a value may be empty, a key may hold any bytes */
	{ 0, ROW(PUT, "z\0y", .value = { "", 0 }), EXPIRING_OK, -1, NULL },
	{ 0, ROW(GET, "z\0y"), EXPIRING_OK, -1, "" },
	{ 0, ROW(GET, "z\0x"), EXPIRING_ABSENT, -1, NULL },
	/* no key outlives its class */
	{ 0, ROW(PUT, "d", .value = { "v", 1 }), EXPIRING_OK, -1, NULL },
	{ 5 * 60000 - 5000, ROW(GET, "d"), EXPIRING_OK, -1, "v" },
	{ 5000, ROW(GET, "d"), EXPIRING_ABSENT, -1, NULL },
};

static void one_by_one(void **state)
{
	(void)state;
	for (size_t b = 0; b < sizeof bodies / sizeof bodies[0]; b++) {
		struct fail why;
		fail_clear(&why);
		struct expiring *x = bodies[b].make(&why);
		assert_non_null(x);
		for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
			const struct step *s = &steps[i];
			bodies[b].pass(s->pass);
			struct expiring_op *o = run(x, s->op);
			if (o->end != s->end || (s->number >= 0 && o->number != s->number) ||
			    (s->out != NULL && (o->out_len != strlen(s->out) || memcmp(o->out, s->out, o->out_len) != 0)))
				fail_msg("%s, step %zu: end %d, number %lld", bodies[b].name, i, o->end, (long long)o->number);
		}
		expiring_close(x);
	}
}

static void locks_are_fenced(void **state)
{
	(void)state;
	for (size_t b = 0; b < sizeof bodies / sizeof bodies[0]; b++) {
		struct fail why;
		fail_clear(&why);
		struct expiring *x = bodies[b].make(&why);
		int64_t first = run(x, OP(LOCK, "l", .value = { "me", 2 }, .ttl_ms = 10000))->number;
		assert_true(first > 0);
		struct expiring_op *other = run(x, OP(LOCK, "l", .value = { "you", 3 }, .ttl_ms = 10000));
		assert_int_equal(other->end, EXPIRING_NO);
		assert_true(other->left_ms > 0 && other->left_ms <= 10000);
		bodies[b].pass(10000);
		int64_t second = run(x, OP(LOCK, "l", .value = { "you", 3 }, .ttl_ms = 10000))->number;
		assert_true(second > first);
		assert_int_equal(run(x, OP(TAKE, "l", .value = { "me", 2 }))->end, EXPIRING_NO); /* too late to give it back */
		assert_int_equal(run(x, OP(TAKE, "l", .value = { "you", 3 }))->end, EXPIRING_OK);
		assert_true(run(x, OP(LOCK, "l", .value = { "me", 2 }))->number > second);
		expiring_close(x);
	}
}

static void all_or_nothing(void **state)
{
	(void)state;
	for (size_t b = 0; b < sizeof bodies / sizeof bodies[0]; b++) {
		struct fail why;
		fail_clear(&why);
		struct expiring *x = bodies[b].make(&why);
		static const enum expiring_end want[3][3] = {
			{ EXPIRING_OK, EXPIRING_OK, EXPIRING_OK },
			{ EXPIRING_OK, EXPIRING_OK, EXPIRING_OK },
			{ EXPIRING_UNDONE, EXPIRING_NO, EXPIRING_UNDONE },
		};
		for (int round = 0; round < 3; round++) {
			char code[2] = { (char)('0' + round), '\0' };
			batch = (struct expiring_batch){ .count = 3, .all_or_nothing = true };
			batch.op[0] = OP(COUNT, "day", .limit = 10);
			batch.op[1] = OP(COUNT, "address", .limit = 2);
			batch.op[2] = OP(PUT, "code", .value = { code, 1 });
			assert_true(expiring_run(x, &batch));
			for (int i = 0; i < 3; i++)
				assert_int_equal(batch.op[i].end, want[round][i]);
		}
		assert_int_equal(run(x, OP(COUNT, "day", .limit = 10))->number, 3); /* the refused one did not count */
		assert_memory_equal(run(x, OP(GET, "code"))->out, "1", 1);
		expiring_close(x);
	}
}

/* ---- many at once: exactly one wins, no count is lost ---- */

enum { RACERS = 8, ROUNDS = 500 };

static struct expiring *shared;
static int wins[ROUNDS];

static void *race(void *ctx)
{
	(void)ctx;
	struct expiring_batch *b = calloc(1, sizeof *b);
	for (int i = 0; i < ROUNDS; i++) {
		char key[16];
		snprintf(key, sizeof key, "r%d", i);
		b->count = 2;
		b->op[0] = (struct expiring_op){ .verb = EXPIRING_TRY, .class = KEY_OTP, .key = str_c(key), .value = STR("right") };
		b->op[1] = (struct expiring_op){ .verb = EXPIRING_COUNT, .class = KEY_OTP_PHONE, .key = STR("all"), .limit = 1000000 };
		if (!expiring_run(shared, b))
			abort();
		if (b->op[0].end == EXPIRING_OK)
			__atomic_fetch_add(&wins[i], 1, __ATOMIC_RELAXED);
	}
	free(b);
	return NULL;
}

static void one_winner(void **state)
{
	(void)state;
	pthread_t threads[RACERS];
	struct fail why;
	fail_clear(&why);
	shared = expiring_memory(&why);
	for (int i = 0; i < ROUNDS; i++) {
		char key[16];
		snprintf(key, sizeof key, "r%d", i);
		run(shared, (struct expiring_op){ .verb = EXPIRING_PUT, .class = KEY_OTP, .key = str_c(key), .value = STR("right"), .limit = 5 });
	}
	for (int i = 0; i < RACERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, race, NULL), 0);
	for (int i = 0; i < RACERS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < ROUNDS; i++)
		assert_int_equal(wins[i], 1);
	assert_int_equal(run(shared, (struct expiring_op){ .verb = EXPIRING_COUNT, .class = KEY_OTP_PHONE, .key = STR("all"), .limit = 1000000 })->number, RACERS * ROUNDS + 1);
	expiring_close(shared);
}

/* ---- bounds ---- */

static void bounded_and_swept(void **state)
{
	(void)state;
	struct fail why;
	fail_clear(&why);
	struct expiring *x = expiring_memory(&why);
	int64_t most = key_row(KEY_SINGLE_FLIGHT)->most;
	struct expiring_op add = { .verb = EXPIRING_ADD, .class = KEY_SINGLE_FLIGHT };
	char key[32];
	for (int64_t i = 0; i <= most; i++) {
		snprintf(key, sizeof key, "k%lld", (long long)i);
		add.key = str_c(key);
		assert_int_equal(run(x, add)->end, i < most ? EXPIRING_OK : EXPIRING_AWAY);
	}
	/* full is full for that class alone, and only until they expire */
	assert_int_equal(run(x, OP(PUT, "other"))->end, EXPIRING_OK);
	pass_fake(key_row(KEY_SINGLE_FLIGHT)->life_ms);
	for (int i = 0; i < 1 << 16; i++) /* each operation sweeps two buckets of 2^17 */
		run(x, OP(GET, "nothing"));
	assert_int_equal(run(x, add)->end, EXPIRING_OK);
	expiring_close(x);
}

static void hear(void *ctx, struct str text)
{
	*(size_t *)ctx += text.len;
}

static void published(void **state)
{
	(void)state;
	struct fail why;
	fail_clear(&why);
	struct expiring *x = expiring_memory(&why);
	size_t a = 0, b = 0, c = 0;
	expiring_hear(x, "epoch", hear, &a);
	expiring_hear(x, "epoch", hear, &b);
	expiring_hear(x, "else", hear, &c);
	expiring_publish(x, "epoch", STR("12345"));
	assert_int_equal(a, 5);
	assert_int_equal(b, 5);
	assert_int_equal(c, 0);
	expiring_close(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_by_one), cmocka_unit_test(locks_are_fenced), cmocka_unit_test(all_or_nothing), cmocka_unit_test(one_winner),
		cmocka_unit_test(bounded_and_swept), cmocka_unit_test(published),
	};
	clock_replace(&fake);
	return cmocka_run_group_tests(tests, redis_server_start, redis_server_stop);
}
