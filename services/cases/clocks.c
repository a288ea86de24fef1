/* services/cases/clocks.c - the table clocks.def, and what a light is called. */
#include "services/cases/case_clock.h"

#include <assert.h>

enum { CLOCK_OF_ANY = false, CLOCK_OF_WHOLE = true };

#define IN(state) (1u << CASE_##state)
static const struct clock_kind_row kinds[CLOCK_KINDS] = {
#define CLOCK(number, name, text, runs, stands, anew, of, days, zh, en) [number] = { STR(text), { STR(zh), STR(en) }, (runs), (stands), anew, CLOCK_OF_##of, CLOCK_DAYS_##days },
#include "services/cases/clocks.def"
#undef CLOCK
};
#undef IN

const struct clock_kind_row *clock_kind_row(enum clock_kind k)
{
	assert(k > CLOCK_NONE_SHOWN && k < CLOCK_KINDS);
	return &kinds[k];
}

enum clock_phase clock_phase_in(enum clock_kind k, enum case_state s)
{
	const struct clock_kind_row *row = clock_kind_row(k);
	return (row->runs >> s & 1) != 0 ? CLOCK_RUNS : (row->stands >> s & 1) != 0 ? CLOCK_STANDS : CLOCK_STOPPED;
}

struct str clock_what_name(int64_t what)
{
	static const struct str names[] = { [CLOCK_TOLD_YELLOW] = STR("yellow"), [CLOCK_TOLD_ORANGE] = STR("orange"), [CLOCK_TOLD_RED] = STR("red"),
					    [CLOCK_IN_TIME] = STR("stopped_in_time"), [CLOCK_LATE] = STR("stopped_late") };
	return names[what];
}

struct str light_name(enum light l)
{
	static const struct str names[] = { [LIGHT_GREEN] = STR("green"), [LIGHT_YELLOW] = STR("yellow"), [LIGHT_ORANGE] = STR("orange"),
					    [LIGHT_RED] = STR("red"), [LIGHT_STANDING] = STR("standing"), [LIGHT_PENDING] = STR("pending") };
	return names[l];
}

enum light light_on(int32_t today, bool has_due, int32_t due, int32_t yellow, bool standing)
{
	if (!has_due)
		return standing ? LIGHT_STANDING : LIGHT_PENDING;
	return today > due ? LIGHT_RED : today == due ? LIGHT_ORANGE : today >= yellow ? LIGHT_YELLOW : LIGHT_GREEN;
}
