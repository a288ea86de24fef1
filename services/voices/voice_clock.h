/* services/voices/voice_clock.h - until when a voice must be accepted and answered (限时办结): services/voices/voice_clocks.def, counted as the clocks of cases are (services/cases/day_clock.h), by the
 * same calendar and outages. Each light that changes and each clock that stops is an event of the voice, and a fact.
 * Thread: the write lane, but for voice_light. */
#ifndef SERVICES_VOICE_CLOCK_H
#define SERVICES_VOICE_CLOCK_H
#include "services/cases/day_clock.h"
#include "services/voices/voice.h"

enum voice_clock {
#define CLOCK(number, name, ...) VOICE_CLOCK_##name = number,
#include "services/voices/voice_clocks.def"
#undef CLOCK
	VOICE_CLOCKS
};
enum { VOICE_TOLD_CLOCK = 100 }; /* and enum clock_what: what of a clock's event */
struct str voice_clock_name(enum voice_clock k);
/* Pure: does it begin, run on or stand stopped in this state? */
bool voice_clock_begins(enum voice_clock k, enum voice_state s);
bool voice_clock_runs(enum voice_clock k, enum voice_state s);

/* What an event does to both: the voice is as it is after it. */
struct voice_tick {
	const struct voice *voice;
	int32_t day;
	int64_t now_ms, extend_days;
};
MUST_USE bool voice_clocks_move(struct tx *tx, const struct voice_tick *t, struct fail *why);
MUST_USE bool voice_clocks_tell(struct tx *tx, int32_t today, int64_t now_ms, int64_t most, int64_t *told, struct fail *why);
MUST_USE bool voice_clocks_renew(struct tx *tx, int64_t most, int64_t *renewed, struct fail *why);

/* The one that runs: never two do. kind 0: none. */
struct voice_due {
	enum voice_clock kind;
	bool has_due;
	int32_t due, yellow;
};
#endif
