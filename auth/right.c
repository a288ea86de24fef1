/* auth/right.c - the two tables, and the two questions that are asked of them. */
#include "auth/right.h"
#include <assert.h>

static const struct level_row levels[LEVEL_COUNT] = {
#define LEVEL(name, number, text, zh, step, prose) [LEVEL_##name] = { text, zh, step },
#include "auth/levels.def"
#undef LEVEL
};

static const struct right_row rights[RIGHT_COUNT] = {
#define RIGHT(name, bit, holders, text, zh) [RIGHT_##name] = { holders, text, zh },
#include "auth/rights.def"
#undef RIGHT
};
_Static_assert(RIGHT_COUNT <= 63, "rights are bits of a BIGINT");

const struct level_row *level_row(int level)
{
	assert(level >= 0 && level < LEVEL_COUNT);
	return &levels[level];
}

bool level_suffices(const struct principal *who, int needed, int64_t now_ms)
{
	if (needed == LEVEL_L3)
		return who->level >= LEVEL_L2 && who->level3_until_ms > now_ms;
	return who->level >= needed;
}

const struct right_row *right_row(enum right right)
{
	assert(right < RIGHT_COUNT);
	return &rights[right];
}

enum right right_from(struct str text)
{
	for (int i = RIGHT_NONE + 1; i < RIGHT_COUNT; i++)
		if (str_eq(text, str_c(rights[i].text)))
			return (enum right)i;
	return RIGHT_NONE;
}

uint64_t rights_all(enum who kind)
{
	uint64_t all = 0;
	for (int i = RIGHT_NONE + 1; i < RIGHT_COUNT; i++)
		if (rights[i].holders & (int)kind)
			all |= UINT64_C(1) << i;
	return all;
}

void rights_text(uint64_t held, struct buf *out)
{
	size_t before = out->len;
	for (int i = RIGHT_NONE + 1; i < RIGHT_COUNT; i++)
		if (held >> i & 1) {
			buf_str(out, out->len > before ? STR(" ") : STR(""));
			buf_str(out, str_c(right_row((enum right)i)->text));
		}
}

bool right_is_held(const struct principal *who, enum right right)
{
	return right == RIGHT_NONE || (who->rights >> right & 1) != 0;
}
