/* services/cases/case_state.c - a case moves by the table or not at all. */
#include "services/cases/case_state.h"
#include <assert.h>
#include <stdio.h>

#define CASE_STATUS(number, name, text, zh, en) [number] = { STR(text), { STR(zh), STR(en) } },
#define CASE_STATE(...)
#define CASE_EVENT(...)
static const struct case_status_row statuses[CASE_STATUS_COUNT] = {
#include "services/cases/case_state.def"
};
#undef CASE_STATUS
#undef CASE_STATE

#define CASE_STATUS(...)
#define CASE_STATE(number, name, text, status, mover, next, zh, en, advice_zh, advice_en) \
	[number] = { STR(text), { STR(zh), STR(en) }, CASE_STATUS_##status, CASE_MOVER_##mover, CASE_NEXT_##next, { STR(advice_zh), STR(advice_en) } },
static const struct case_state_row states[CASE_STATE_COUNT] = {
#include "services/cases/case_state.def"
};
#undef CASE_STATE
#undef CASE_EVENT

#define IN(state) (1u << CASE_##state)
#define OPENING (1u << CASE_NONE)
#define OPEN (IN(SUBMITTED) | IN(PRE_RETURNED) | IN(RECEIVED) | IN(CORRECT_PRE) | IN(ACCEPTED) | IN(CORRECT) | IN(SPECIAL) | IN(PAUSED))
#define CASE_STATE(...)
#define CASE_EVENT(number, name, text, to, from, zh) [number] = { STR(text), STR(zh), CASE_##to, (from) },
static const struct case_event_row events[CASE_EVENT_COUNT] = {
#include "services/cases/case_state.def"
};

const struct case_status_row *case_status_row(enum case_status s)
{
	assert((int)s > 0 && s < CASE_STATUS_COUNT);
	return &statuses[s];
}

const struct case_state_row *case_state_row(enum case_state s)
{
	assert((int)s > CASE_NONE && s < CASE_STATE_COUNT);
	return &states[s];
}

const struct case_event_row *case_event_row(enum case_event e)
{
	assert((int)e > 0 && e < CASE_EVENT_COUNT);
	return &events[e];
}

const struct case_status_row *case_status_of(enum case_state s)
{
	return case_status_row(case_state_row(s)->status);
}

struct str case_next_name(enum case_next n)
{
	static const struct str names[] = { STR("wait"), STR("supplement"), STR("collect"), STR("none") };
	assert((size_t)n < sizeof(names) / sizeof(names[0]));
	return names[n];
}

struct str case_state_name(enum case_state s)
{
	return s == CASE_NONE ? STR("none") : case_state_row(s)->name;
}

bool case_state_from(struct str name, enum case_state *out)
{
	for (int n = CASE_NONE + 1; n < CASE_STATE_COUNT; n++)
		if (str_eq(case_state_row((enum case_state)n)->name, name)) {
			*out = (enum case_state)n;
			return true;
		}
	return false;
}

bool case_event_from(struct str name, enum case_event *out)
{
	for (int e = 1; e < CASE_EVENT_COUNT; e++)
		if (str_eq(events[e].name, name)) {
			*out = (enum case_event)e;
			return true;
		}
	return false;
}

/* No hole in the numbers; every state can be reached; a state nobody moves on has no way out, and any other has one. */
static bool table_is_sane(void)
{
	uint32_t reached = OPENING, left = 0;
	for (int e = 1; e < CASE_EVENT_COUNT; e++) {
		assert(events[e].name.len > 0 && events[e].to != CASE_NONE && events[e].from != 0);
		reached |= 1u << events[e].to;
		left |= events[e].from;
	}
	for (int s = 1; s < CASE_STATE_COUNT; s++) {
		assert(states[s].name.len > 0 && statuses[states[s].status].name.len > 0);
		assert((reached >> s & 1) == 1);
		assert((left >> s & 1) == (states[s].mover != CASE_MOVER_NOBODY));
	}
	return true;
}

bool case_illegal(enum case_state state, enum case_event event, uint32_t without, struct fail *why)
{
	char allowed[sizeof(why->facts[0].text)];
	size_t len = 0;
	allowed[0] = '\0';
	for (int e = 1; e < CASE_EVENT_COUNT; e++)
		if ((events[e].from >> state & 1) != 0 && (without >> e & 1) == 0) {
			assert(len + events[e].name.len + 2 <= sizeof(allowed)); /* the longest list is a unit test's */
			len += (size_t)snprintf(allowed + len, sizeof(allowed) - len, "%s%s", len > 0 ? "," : "", events[e].name.at);
		}
	FAILS(why, ILLEGAL_MOVE, "%s from %s", events[event].name.at, case_state_name(state).at);
	fail_fact_text(why, "state", case_state_name(state).at);
	fail_fact_text(why, "allowed", allowed);
	return false;
}

bool case_move(enum case_state state, enum case_event event, enum case_state *to, struct fail *why)
{
	static _Atomic bool is_sane; /* set to the same value by whoever comes first */
	assert((int)state >= 0 && state < CASE_STATE_COUNT && (int)event > 0 && event < CASE_EVENT_COUNT);
	if (!is_sane)
		is_sane = table_is_sane();
	if ((events[event].from >> state & 1) == 0)
		return case_illegal(state, event, 0, why);
	*to = events[event].to;
	return true;
}
