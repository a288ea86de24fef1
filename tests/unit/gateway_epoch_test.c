/* Goal: a session that another node ended opens nothing here as soon as its epoch is heard; until then the row cache may still say what it knew; words nobody
 * knows make everything be looked up again. And what ends here is told, by the first loop, when there is somebody to tell.
 * Method: the row is changed without being touched, as another node's commit would change it; then the channel speaks. */
#include "login_world.h"

#include "gateway/expiring/epoch.h"
#include "gateway/expiring/forgetting.h"
#include "gateway/expiring/redis_link.h"

static struct gateway gateway;

static bool elsewhere(struct tx *tx, void *ctx, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE session SET ended_ms = 1, end_reason = 2 WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, *(int64_t *)ctx);
	return stmt_run(q, why);
}

static void ended_elsewhere(struct world *w, int64_t session)
{
	struct fail why;
	fail_clear(&why);
	world_must(store_write(w->store, elsewhere, &session, &why), &why);
}

static void heard(void **state)
{
	struct world *w = *state;
	struct principal who;
	char text[TEXT];
	struct tokens a = login(w, PHONE, DEVICE), b = login(w, OTHER_PHONE, DEVICE), c = login(w, "13900000003", DEVICE);
	int64_t first = who_is(w, a.access).session, second = who_is(w, b.access).session;
	who_is(w, c.access);
	gateway = (struct gateway){ .store = w->store, .memory = w->expiring };
	epoch_hear(&gateway);
	ended_elsewhere(w, first);
	ended_elsewhere(w, second);
	assert_true(is_good(w, a.access, &who)); /* cached, and nobody has said anything: what the test is about */
	int len = snprintf(text, sizeof(text), "%lld", (long long)first);
	expiring_publish(w->expiring, CHANNEL_EPOCH, (struct str){ text, (size_t)len });
	assert_false(is_good(w, a.access, &who));
	assert_true(is_good(w, b.access, &who)); /* of another session nothing was said */
	expiring_publish(w->expiring, CHANNEL_EPOCH, STR("all"));
	assert_false(is_good(w, b.access, &who));
	who_is(w, c.access);
}

/* ---- telling ---- */

static char told[TEXT];

static void publish(struct expiring *x, const char *channel, struct str text)
{
	(void)x;
	assert_string_equal(channel, CHANNEL_EPOCH);
	snprintf(told, sizeof(told), "%.*s", STR_ARG(text));
}

static void said(void **state)
{
	(void)state;
	struct redis_settings redis = { .port = 1 };
	struct expiring body = { .publish = publish };
	struct gateway alone = { .store = NULL }, many = { .redis = &redis };
	struct loop first = { .gateway = &many, .expiring = &body }, second = { .index = 1, .gateway = &many, .expiring = &body }, single = { .gateway = &alone, .expiring = &body };
	epoch_tell(&single, 7);
	epoch_tell(&second, 7);
	assert_string_equal(told, "");
	epoch_tell(&first, 7);
	assert_string_equal(told, "7");
	epoch_tell(&first, 0);
	assert_string_equal(told, "all");
}

int main(void)
{
	const struct CMUnitTest tests[] = { LOGIN_CASE(heard), cmocka_unit_test(said) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
