/* notify/effect_kind.c - why this exists: effects.def is for people; this is the same for the program. */
#include "notify/effect_kind.h"

#define EFFECT(number, name, transport, codec, account, needs, crash, after, priority, life_s, ...) static const int32_t ladder_##name[] = { __VA_ARGS__ };
#include "notify/effects.def"
#undef EFFECT

const struct effect_kind effect_kinds[EFFECT_KINDS] = {
#define EFFECT(n, word, carrier, codec, whose, need, rule, then, urgency, life_s, ...)                                                        \
	{ .number = n, .name = #word, .transport = TRANSPORT_##carrier, .account = ACCOUNT_##whose, .needs = NEEDS_##need,                   \
	  .crash = CRASH_##rule, .after = AFTER_##then, .priority = urgency, .life_ms = life_s * INT64_C(1000),                               \
	  .rungs = (int)(sizeof(ladder_##word) / sizeof(ladder_##word[0])) + 1, .wait_s = ladder_##word },
#include "notify/effects.def"
#undef EFFECT
};

const struct effect_kind *effect_kind_of(int32_t number)
{
	for (int i = 0; i < EFFECT_KINDS; i++)
		if (effect_kinds[i].number == number)
			return &effect_kinds[i];
	return NULL;
}

const struct effect_kind *effect_kind_named(struct str name)
{
	for (int i = 0; i < EFFECT_KINDS; i++)
		if (str_eq(name, str_c(effect_kinds[i].name)))
			return &effect_kinds[i];
	return NULL;
}
