/* services/voices/voice_inside.h - what voice.c and voice_clock.c share. */
#ifndef SERVICES_VOICE_INSIDE_H
#define SERVICES_VOICE_INSIDE_H
#include "services/voices/voice.h"

struct voice_note {
	int64_t voice, what, state, by_kind, by_id, clock, department, region, made_ms;
	bool has_due;
	int32_t due, day;
};
/* The event and its fact; *id is its row. */
MUST_USE bool voice_note(struct tx *tx, const struct voice_note *n, int64_t *id, struct fail *why);
#endif
