/* services/cases/clocks.c - the table clocks.def. */
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
