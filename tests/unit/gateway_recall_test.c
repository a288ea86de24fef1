/* Goal: what a handler wants of the expiring store is asked for between parse and look, answered at once or later, and judged by the handler; what ends
 * AWAY is refused by the row of its class before any handler sees it; a client that left meanwhile is told nothing.
 * Method: a route of the real table with a handler of our own; a body of the expiring store that answers when the test says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gateway/gateway.h"
#include "gateway/requests/task.h"
#include "store/expiring.h"
#include <stdlib.h>

/* ---- the store: ends as the test says, now or when it is told to ---- */

static struct expiring_batch *held;
static bool is_slow;
static enum expiring_end ends;

static void answer(struct expiring_batch *b)
{
	for (int i = 0; i < b->count; i++)
		b->op[i].end = ends;
}

static bool run(struct expiring *x, struct expiring_batch *b)
{
	(void)x;
	held = b;
	if (!is_slow)
		answer(b);
	return !is_slow;
}

static struct expiring body = { .run = run };

/* ---- the handler ---- */

static int wanted;           /* operations; 0: nothing to recall */
static enum key_class class;
static char trace[16];       /* the stages that ran, a letter each */

static void note(char stage)
{
	size_t len = strlen(trace);
	trace[len] = stage;
	trace[len + 1] = '\0';
}

static bool parse(struct request *r, struct fail *why)
{
	(void)r;
	(void)why;
	note('p');
	return true;
}

static bool recall(struct request *r, struct expiring_batch *b, struct fail *why)
{
	(void)why;
	note('r');
	assert_int_equal(b->count, 0);
	for (; b->count < wanted; b->count++)
		b->op[b->count] = (struct expiring_op){ .verb = EXPIRING_GET, .class = class, .key = { (const char *)r->seed, sizeof(r->seed) } };
	return true;
}

static bool recalled(struct request *r, const struct expiring_batch *b, struct fail *why)
{
	(void)r;
	note('d');
	return b->op[0].end != EXPIRING_NO || FAILS(why, RATE, "no");
}

static bool render(struct request *r, struct fail *why)
{
	(void)why;
	note('e');
	r->reply.status = 204;
	return true;
}

static bool settles;

static void settle(const struct request *r, struct expiring_batch *b)
{
	note('s');
	assert_int_equal(b->count, 0);
	if (settles)
		b->op[b->count++] = (struct expiring_op){ .verb = EXPIRING_DROP, .class = KEY_LOGIN_TRIES, .key = { (const char *)r->seed, sizeof(r->seed) } };
}

static const struct handler settling = { .parse = parse, .settle = settle, .render = render };
static const struct handler handler = { .parse = parse, .recall = recall, .recalled = recalled, .render = render };

/* ---- the machine around it ---- */

static struct gateway gateway;
static struct config config;
static struct loop loop;
static int replies, status;
static int64_t retry_after;

static void reply(struct exchange *x, struct task *t)
{
	(void)x;
	replies++;
	status = t->r.reply.status;
	retry_after = 0;
	for (int i = 0; i < t->r.reply.header_count; i++)
		if (str_eq(t->r.reply.headers[i].name, STR("retry-after")))
			assert_true(str_to_i64(t->r.reply.headers[i].value, 1, 3600, &retry_after));
	task_free(t);
}

static const struct exchange_ops ops = { .reply = reply };
static struct exchange exchange = { .ops = &ops };

static struct task *begin(int count, enum key_class of, bool slow, enum expiring_end end)
{
	wanted = count;
	class = of;
	is_slow = slow;
	ends = end;
	held = NULL;
	trace[0] = '\0';
	replies = 0;
	struct task *t = task_begin(&loop, FACE_PUBLIC, &exchange);
	assert_non_null(t);
	t->r.route = &routes[0];
	t->stage = STAGE_BODY;
	return t;
}

static int make(void **state)
{
	(void)state;
	config_defaults(&config);
	config.log_access = false;
	atomic_store(&gateway.config, &config);
	loop = (struct loop){ .gateway = &gateway, .config = &config, .expiring = &body };
	mailbox_init(&loop.mail, 0, NULL, NULL);
	routes[0].handler = &handler;
	routes[0].stages = route_stages(&routes[0]);
	return 0;
}

static int unmake(void **state)
{
	(void)state;
	assert_int_equal(loop.tasks_open, 0);
	for (struct task *t; (t = loop.spare) != NULL; free(t)) {
		loop.spare = t->next;
		arena_free(&t->r.arena);
	}
	mailbox_drop(&loop.mail);
	return 0;
}

/* ---- the tests ---- */

static const struct {
	const char *name;
	int count;
	enum key_class class;
	enum expiring_end end;
	const char *trace;
	int status;
} rows[] = {
	{ "nothing to recall",           0, KEY_OTP,     EXPIRING_OK,     "pre",  204 },
	{ "it is there",                 1, KEY_OTP,     EXPIRING_OK,     "prde", 204 },
	{ "it is absent",                8, KEY_OTP,     EXPIRING_ABSENT, "prde", 204 },
	{ "the handler says no",         1, KEY_OTP,     EXPIRING_NO,     "prd",  429 },
	{ "away, and it guards a secret", 1, KEY_OTP,    EXPIRING_AWAY,   "pr",   503 },
	{ "away, and the database knows", 1, KEY_SESSION, EXPIRING_AWAY,  "prde", 204 },
	{ "even memory is full",         1, KEY_RATE,    EXPIRING_AWAY,   "pr",   503 },
};

static void by_the_table(void **state)
{
	(void)state;
	for (int slow = 0; slow < 2; slow++)
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			struct task *t = begin(rows[i].count, rows[i].class, slow, rows[i].end);
			task_end(t);
			assert_int_equal(held != NULL, rows[i].count > 0);
			if (slow && held != NULL) {
				assert_int_equal(replies, 0);
				assert_true(t->away);
				answer(held);
				held->done(held);
			}
			assert_string_equal(trace, rows[i].trace);
			assert_int_equal(replies, 1);
			assert_int_equal(status, rows[i].status);
			assert_int_equal(retry_after > 0, rows[i].status == 503 || rows[i].status == 429);
		}
}

/* Now or later, with or without an answer: what was committed is rendered. */
static void settled(void **state)
{
	(void)state;
	static const enum expiring_end all[] = { EXPIRING_OK, EXPIRING_ABSENT, EXPIRING_NO, EXPIRING_AWAY };
	routes[0].handler = &settling;
	routes[0].stages = route_stages(&routes[0]);
	for (int slow = 0; slow < 2; slow++)
		for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
			for (int some = 0; some < 2; some++) {
				settles = some;
				struct task *t = begin(0, KEY_LOGIN_TRIES, slow, all[i]);
				task_end(t);
				assert_int_equal(held != NULL, some);
				if (slow && held != NULL) {
					assert_int_equal(replies, 0);
					answer(held);
					held->done(held);
				}
				assert_string_equal(trace, "pse");
				assert_int_equal(status, 204);
			}
	routes[0].handler = &handler;
	routes[0].stages = route_stages(&routes[0]);
}

static void client_gone(void **state)
{
	(void)state;
	struct task *t = begin(1, KEY_OTP, true, EXPIRING_OK);
	task_end(t);
	task_abandon(t);
	assert_int_equal(loop.tasks_open, 1); /* the store still writes into it */
	answer(held);
	held->done(held);
	assert_int_equal(replies, 0);
	assert_string_equal(trace, "pr");
	assert_int_equal(loop.tasks_open, 0);
}

static void seeds_differ(void **state)
{
	(void)state;
	uint8_t first[STAMP_RANDOM];
	for (int i = 0; i < 2; i++) {
		struct task *t = begin(1, KEY_OTP, true, EXPIRING_OK);
		task_end(t);
		if (i == 0)
			memcpy(first, t->r.seed, sizeof(first));
		else
			assert_memory_not_equal(first, t->r.seed, sizeof(first));
		held->done(held);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(by_the_table), cmocka_unit_test(settled), cmocka_unit_test(client_gone), cmocka_unit_test(seeds_differ) };
	return cmocka_run_group_tests(tests, make, unmake);
}
