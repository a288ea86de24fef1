/* Goal: an effect's token is asked for once however often the notifier looks, and the notifier hears when it is there or may be asked for again, and otherwise not: no effect is forgotten, none
 * spins.
 * Method: a source of tokens and a notifier of the test's in place of theirs; what is asked, what is told, and when it wants to be stepped again are read after each turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gateway/outside/effect_tokens.h"
#include "services/money/nontax_account.h"
#include <string.h>

enum { CALL_MS = 5000, T0 = 1000000 };

/* ---- whom it speaks to ---- */

static struct {
	struct token_want *waiting;
	const struct token_given *at_once; /* NULL: later */
	const struct fail *fails_at_once;
	int wanted, news, refused;
	int64_t call_ms, mono_ms;
	uint64_t refused_number;
	const struct needs_source *face;
} world;

static struct effect_tokens tokens;
static struct notifier *const notifier = (struct notifier *)&world; /* only told, never looked into */

void __wrap_notifier_news(struct notifier *n);
void __wrap_notifier_news(struct notifier *n)
{
	assert_ptr_equal(n, notifier);
	world.news++;
}

void __wrap_notifier_needs(struct notifier *n, const struct needs_source *source);
void __wrap_notifier_needs(struct notifier *n, const struct needs_source *source)
{
	assert_ptr_equal(n, notifier);
	world.face = source;
}

static void ends(struct token_want *w, const struct token_given *given, const struct fail *why)
{
	w->ok = given != NULL;
	if (given != NULL)
		w->given = *given;
	else
		w->why = *why;
	world.waiting = NULL;
	w->done(w);
}

void __wrap_provider_tokens_want(struct provider_tokens *p, struct token_want *w, int64_t call_ms, int64_t mono_ms);
void __wrap_provider_tokens_want(struct provider_tokens *p, struct token_want *w, int64_t call_ms, int64_t mono_ms)
{
	(void)p;
	assert_null(world.waiting); /* a want is one's own until it is over */
	assert_ptr_equal(w->source, &wechat_nontax_token);
	assert_int_equal(w->until_ms, mono_ms + call_ms);
	world.wanted++;
	world.call_ms = call_ms;
	world.mono_ms = mono_ms;
	world.waiting = w;
	if (world.at_once != NULL || world.fails_at_once != NULL)
		ends(w, world.at_once, world.fails_at_once);
}

void __wrap_provider_tokens_refused(struct provider_tokens *p, const struct token_source *source, uint64_t number);
void __wrap_provider_tokens_refused(struct provider_tokens *p, const struct token_source *source, uint64_t number)
{
	(void)p;
	assert_ptr_equal(source, &wechat_nontax_token);
	world.refused++;
	world.refused_number = number;
}

/* ---- the notifier's side ---- */

static const struct token_given first = { .token = { { "T1", 2 } }, .number = 1 }, second = { .token = { { "T2", 2 } }, .number = 2 };

static bool get(enum account a, struct token_given *out)
{
	*out = (struct token_given){ .number = 0 };
	return world.face->get(world.face->ctx, NEEDS_ACCESS_TOKEN, a, out);
}

static bool gets(const struct token_given *want)
{
	struct token_given out;
	if (!get(ACCOUNT_wechat_nontax, &out))
		return want == NULL;
	return want != NULL && out.number == want->number && str_eq(out.token.secret, want->token.secret);
}

static int begin(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	effect_tokens_join(&tokens, (struct provider_tokens *)&world, notifier);
	assert_int_equal(effect_tokens_step(&tokens, CALL_MS, T0), INT64_MAX);
	return 0;
}

static void there_at_once(void **state)
{
	(void)state;
	world.at_once = &first;
	assert_true(gets(&first));
	assert_int_equal(world.call_ms, CALL_MS);
	assert_int_equal(world.mono_ms, T0);
	world.at_once = &second; /* it was exchanged meanwhile: nothing is kept here */
	assert_true(gets(&second));
	assert_int_equal(world.news, 0); /* whoever asked has it */
	world.at_once = NULL;
	assert_true(gets(NULL)); /* it is being fetched anew: the one before is not given any more */
}

static void fetched_once(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		assert_true(gets(NULL));
	assert_int_equal(world.wanted, 1);
	assert_int_equal(world.news, 0);
	assert_int_equal(effect_tokens_step(&tokens, CALL_MS, T0 + 10), INT64_MAX);
	ends(world.waiting, &first, NULL);
	assert_int_equal(world.news, 1); /* nobody who asked is there any more */
	world.at_once = &first;
	assert_true(gets(&first));
	assert_int_equal(world.wanted, 2);
	assert_int_equal(world.news, 1);
}

static void asked_for_again_when_it_may_be(void **state)
{
	(void)state;
	static const struct { const char *name; int retry_after_s; int64_t pause_ms; bool at_once; } rows[] = {
		{ "fails later, says when", 7, 7000, false }, { "fails later, says nothing", 0, 1000, false }, { "fails at once, says when", 3, 3000, true }, { "fails at once, says nothing", 0, 1000, true },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin(state);
		struct fail why;
		fail_clear(&why);
		why.code = FAIL_PEER_AWAY;
		why.retry_after_s = rows[i].retry_after_s;
		world.fails_at_once = rows[i].at_once ? &why : NULL;
		if (!gets(NULL))
			fail_msg("%s: there is no token", rows[i].name);
		if (!rows[i].at_once)
			ends(world.waiting, NULL, &why);
		assert_int_equal(world.news, rows[i].at_once ? 0 : 1);
		world.fails_at_once = NULL;
		int news = world.news;
		for (int64_t ms = 0; ms < rows[i].pause_ms; ms += rows[i].pause_ms / 4) { /* meanwhile nobody is asked and nobody woken, and the wake-up is not forgotten */
			assert_int_equal(effect_tokens_step(&tokens, CALL_MS, T0 + ms), T0 + rows[i].pause_ms);
			assert_true(gets(NULL));
		}
		assert_int_equal(world.wanted, 1);
		assert_int_equal(world.news, news);
		assert_int_equal(effect_tokens_step(&tokens, CALL_MS, T0 + rows[i].pause_ms), INT64_MAX);
		if (world.news != news + 1)
			fail_msg("%s: told %d times that it may be asked for again", rows[i].name, world.news - news);
		world.at_once = &second;
		assert_true(gets(&second));
		assert_int_equal(effect_tokens_step(&tokens, CALL_MS, T0 + rows[i].pause_ms + 1), INT64_MAX);
		assert_int_equal(world.news, news + 1);
	}
}

static void refused_and_nobodys(void **state)
{
	(void)state;
	struct token_given out;
	world.at_once = &first;
	for (enum account a = 0; a < ACCOUNTS; a++)
		if (a != ACCOUNT_wechat_nontax) {
			assert_false(get(a, &out)); /* no account has another's */
			world.face->refused(world.face->ctx, a, 9);
		}
	assert_int_equal(world.wanted + world.refused, 0);
	world.face->refused(world.face->ctx, ACCOUNT_wechat_nontax, 41);
	assert_int_equal(world.refused, 1);
	assert_int_equal(world.refused_number, 41);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup(f, begin)
	const struct CMUnitTest tests[] = { CASE(there_at_once), CASE(fetched_once), CASE(asked_for_again_when_it_may_be), CASE(refused_and_nobodys) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
