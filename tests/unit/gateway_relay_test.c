/* Goal: what is committed here is told to the other nodes, gathered and in as few messages as it takes; what they tell goes to whoever waits here, and what we said ourselves
 * comes back to nobody. Nothing is told where the database is a file.
 * Method: messages are caught where Redis would take them, and spoken into the memory's channel as if Redis had brought them. */
#include "store_fixture.h"

#include "gateway/gateway.h"
#include "store/expiring.h"

enum { MESSAGES_MAX = 16 };

static struct pg_store server;
static struct store store;
static struct gateway gateway;
static struct loop first, second;
static struct hub_box box;
static struct expiring body;
static char told[MESSAGES_MAX][EXPIRING_VALUE_MAX + 1];
static int told_count, rings, dues;

static void publish(struct expiring *x, const char *channel, struct str text)
{
	(void)x;
	assert_string_equal(channel, CHANNEL_NEWS);
	assert_true(told_count < MESSAGES_MAX && text.len <= EXPIRING_VALUE_MAX);
	snprintf(told[told_count++], sizeof(told[0]), "%.*s", STR_ARG(text));
}

static void ring(void *ctx)
{
	(void)ctx;
	rings++;
}

static void due(void *ctx)
{
	(void)ctx;
	dues++;
}

static int begin(void **state)
{
	struct fail why;
	(void)state;
	fail_clear(&why);
	store = (struct store){ .pg = &server };
	gateway = (struct gateway){ .store = &store };
	body = (struct expiring){ .publish = publish };
	first = (struct loop){ .gateway = &gateway, .expiring = &body };
	second = (struct loop){ .index = 1, .gateway = &gateway, .expiring = &body };
	mailbox_init(&first.mail, 0, ring, NULL);
	memset(&box, 0, sizeof(box));
	hub_add_box(&gateway.hub, &box, ring, NULL);
	hub_add_ear(&gateway.hub, NEWS_EFFECT_DUE, due, NULL);
	hub_want(&box, NEWS_EFFECT_ENDED, 1);
	told_count = rings = dues = 0;
	gateway.memory = expiring_memory(&why);
	assert_non_null(gateway.memory);
	relay_open(&gateway);
	relay_hear(&gateway);
	relay_join(&first);
	return 0;
}

static int end(void **state)
{
	(void)state;
	relay_leave(&first);
	expiring_close(gateway.memory);
	mailbox_drop(&first.mail);
	return 0;
}

static void commits(const struct news *news, size_t count, bool all)
{
	relay_news(&gateway, news, count, all);
}

static const char *words(int n)
{
	assert_true(n < told_count);
	assert_int_equal(strspn(told[n], "0123456789abcdef"), 16);
	return told[n] + 16;
}

static void what_is_committed_is_told(void **state)
{
	(void)state;
	static const struct news one[] = { { NEWS_EFFECT_DUE, 5 }, { NEWS_EFFECT_ENDED, 7 }, { NEWS_PERSON, 8 } }, two[] = { { NEWS_EFFECT_DUE, 6 }, { NEWS_EFFECT_ENDED, 12 }, { NEWS_SESSION, 3 } };
	commits(one, 3, false);
	commits(two, 3, false);
	assert_int_equal(dues, 2); /* here at once */
	relay_tell(&second);       /* is nobody's way */
	assert_int_equal(told_count, 0);
	relay_tell(&first);
	assert_int_equal(told_count, 1);
	assert_string_equal(words(0), " d0 e7 e12");
	relay_tell(&first);
	assert_int_equal(told_count, 1);
	commits(NULL, 0, true);
	relay_tell(&first);
	assert_string_equal(words(1), " d0 e0");
	relay_leave(&first);
	commits(one, 3, false);
	relay_tell(&first);
	assert_int_equal(told_count, 2);
}

static void many_take_several_messages(void **state)
{
	(void)state;
	int count = 0;
	for (int i = 0; i < RELAY_NEWS; i++)
		commits(&(struct news){ NEWS_EFFECT_ENDED, INT64_MAX - i }, 1, false);
	relay_tell(&first);
	assert_true(told_count > 1);
	for (int i = 0; i < told_count; i++)
		for (const char *at = words(i); (at = strchr(at, 'e')) != NULL; at++)
			assert_true(strtoll(at + 1, NULL, 10) == INT64_MAX - count++);
	assert_int_equal(count, RELAY_NEWS);
	told_count = 0;
	for (int i = 0; i <= RELAY_NEWS; i++)
		commits(&(struct news){ NEWS_EFFECT_ENDED, i + 1 }, 1, false);
	relay_tell(&first);
	assert_int_equal(told_count, 1);
	assert_string_equal(words(0), " e0");
}

static void hears(const char *text)
{
	expiring_publish(gateway.memory, CHANNEL_NEWS, str_c(text));
}

static void what_others_tell_is_news_here(void **state)
{
	(void)state;
	const struct news *news;
	bool all;
	hears("0123456789abcdef d0 e12 e7");
	assert_int_equal(dues, 1);
	assert_int_equal(hub_take(&box, &news, &all), 2);
	assert_true(!all && news[0].kind == NEWS_EFFECT_ENDED && news[0].key == 12 && news[1].kind == NEWS_EFFECT_ENDED && news[1].key == 7);
	relay_tell(&first); /* it is not told any further */
	assert_int_equal(told_count, 0);

	commits(&(struct news){ NEWS_EFFECT_ENDED, 9 }, 1, false);
	(void)hub_take(&box, &news, &all);
	relay_tell(&first);
	hears(told[0]); /* Redis brings it back to us, too */
	assert_int_equal(hub_take(&box, &news, &all), 0);
	assert_false(all);
}

static void strange_words(void **state)
{
	static const char *const rows[] = { "0123456789abcdef *", "0123456789abcdef p4", "0123456789abcdef e", "0123456789abcdef e-1", "0123456789abcdef  ", "0123456789abcdef e99999999999999999999" };
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct news *news;
		bool all;
		hears(rows[i]);
		size_t count = hub_take(&box, &news, &all);
		if (count != 1 || news[0].kind != NEWS_EFFECT_ENDED || news[0].key != 0) /* everybody looks */
			fail_msg("\"%s\"", rows[i]);
	}
	dues = 0;
	hears(EXPIRING_ALL); /* something was missed */
	assert_int_equal(dues, 1);
	hears("nonsense");
	hears("");
	assert_int_equal(dues, 3);
}

static void a_file_is_nobody_elses(void **state)
{
	(void)state;
	relay_leave(&first);
	store.pg = NULL;
	relay_join(&first);
	commits(&(struct news){ NEWS_EFFECT_DUE, 5 }, 1, false);
	relay_tell(&first);
	assert_int_equal(told_count, 0);
	assert_int_equal(dues, 1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = { CASE(what_is_committed_is_told), CASE(many_take_several_messages), CASE(what_others_tell_is_news_here), CASE(strange_words),
		CASE(a_file_is_nobody_elses) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
