/* notify/effect_act.h - what an operator may do with effects: release, replay, cancel, resume an account. Each in small bites.
 *
 * Thread: the write lane. */
#ifndef NOTIFY_EFFECT_ACT_H
#define NOTIFY_EFFECT_ACT_H
#include "notify/effect.h"

enum effect_act_what {
	EFFECT_RELEASE,      /* id: held -> due */
	EFFECT_RELEASE_RESTORED, /* all that a restore held, EFFECT_ACT_ROWS at a time */
	EFFECT_REPLAY,       /* id: failed or unknown -> due, with the same key */
	EFFECT_CANCEL,       /* id: due or held -> cancelled */
	EFFECT_RESUME,       /* account: its stop is lifted, and what it held is released, EFFECT_ACT_ROWS at a time */
};
enum { EFFECT_ACT_ROWS = 100 };

struct effect_act {
	enum effect_act_what what;
	int64_t id, now_ms;
	enum account account;
	bool may_be_twice;   /* REPLAY of a kind whose receiver cannot know a repeat: the operator has said that he knows */
	int64_t rows;        /* out: how many were changed; EFFECT_ACT_ROWS: there may be more */
};

/* Fails: NOT_FOUND; EFFECT_STATE with fact "state"; EFFECT_TWICE a replay that might send twice and was not told to. */
MUST_USE bool effect_act_apply(struct tx *tx, void *act, struct fail *why);
/* A database comes from a backup, and nobody knows what was sent since: all that is open is held until EFFECT_RELEASE_RESTORED. Turns stay as they are. */
MUST_USE bool effect_hold_restored(struct tx *tx, int64_t now_ms, int64_t *held, struct fail *why);
#endif
