/* services/voices/voice_tables.c - the tables of voices as data. */
#include "services/voices/voice.h"
#include <assert.h>

enum { FILED = true, RATED = false, TO_ITS_DEPARTMENT = true, TO_BE_ASSIGNED = false, SHOWN = true, NEVER = false };
#define WORDS(text) { text, sizeof(text) - 1 }

static const struct voice_kind_row kinds[VOICE_KINDS] = {
#define KIND(number, name_, text_, from, of_case, speaker, zh, en) [number] = { WORDS(text_), { WORDS(zh), WORDS(en) }, from, of_case, speaker },
#include "services/voices/voice_kinds.def"
#undef KIND
};

static const struct voice_state_row states[VOICE_STATES] = {
#define STATE(number, name_, text_, zh, en) [number] = { WORDS(text_), { WORDS(zh), WORDS(en) } },
#include "services/voices/voice_states.def"
#undef STATE
};

#define IN(state) (1u << VOICE_IS_##state)
#define NEW (1u << VOICE_IS_NEW)
enum { VOICE_IS_STAYS = VOICE_IS_NEW, TEMPLATE_NOTHING = 0 };
enum { SELF = VOICE_BY_SELF, PERSON = VOICE_BY_PERSON, OPERATOR = VOICE_BY_OPERATOR, DEPARTMENT = VOICE_BY_DEPARTMENT, SUPERVISOR = VOICE_BY_SUPERVISOR, PROPOSAL = VOICE_BY_PROPOSAL };
enum { TEXT = VOICE_WANTS_TEXT, PLACE = VOICE_WANTS_PLACE, CALL = VOICE_WANTS_CALL };

static const struct voice_event_row events[VOICE_EVENTS] = {
#define EVENT(number, name, text_, from_, to_, by_, wants_, told_, zh_)                                                                  \
	[number] = { .text = WORDS(text_), .zh = WORDS(zh_), .from = from_, .to = (enum voice_state)VOICE_IS_##to_, .by = by_, .wants = wants_, \
		     .told = (enum message_template)TEMPLATE_##told_ },
#include "services/voices/voice_events.def"
#undef EVENT
};

const struct voice_kind_row *voice_kind_row(enum voice_kind k)
{
	assert((int)k > 0 && k < VOICE_KINDS);
	return &kinds[k];
}

const struct voice_state_row *voice_state_row(enum voice_state s)
{
	assert(s > VOICE_IS_NEW && s < VOICE_STATES);
	return &states[s];
}

const struct voice_event_row *voice_event_row(enum voice_event e)
{
	assert((int)e > 0 && e < VOICE_EVENTS);
	return &events[e];
}

enum voice_kind voice_kind_from(struct str text)
{
	for (int k = 1; k < VOICE_KINDS; k++)
		if (kinds[k].is_filed && str_eq(kinds[k].text, text))
			return (enum voice_kind)k;
	return (enum voice_kind)0;
}

enum voice_state voice_state_from(struct str text)
{
	for (int s = 1; s < VOICE_STATES; s++)
		if (str_eq(states[s].text, text))
			return (enum voice_state)s;
	return VOICE_IS_NEW;
}

enum voice_event voice_event_from(struct str text)
{
	for (int e = 1; e < VOICE_EVENTS; e++)
		if (str_eq(events[e].text, text))
			return (enum voice_event)e;
	return (enum voice_event)0;
}

bool voice_is_over(enum voice_state s)
{
	return s >= VOICE_IS_CLOSED;
}

bool voice_may_move(enum voice_state s, enum voice_event e, enum voice_state *to)
{
	const struct voice_event_row *row = voice_event_row(e);
	*to = row->to == VOICE_IS_NEW ? s : row->to;
	return (row->from >> s & 1) != 0;
}
