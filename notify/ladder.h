/* notify/ladder.h - what becomes of an effect after a verdict: the kind's ladder, its life and its crash rule. Pure.
 *
 * Source: effects.def. */
#ifndef NOTIFY_LADDER_H
#define NOTIFY_LADDER_H
#include "notify/effect_move.h"

/* After an attempt, or (e->asks > 0) after a question about one. `expiry_now_ms` is the time by which nothing dies too early, when clocks disagree. */
struct effect_move ladder_next(const struct effect_kind *kind, const struct effect_view *e, const struct judgement *j, int64_t now_ms, int64_t expiry_now_ms);
/* It was sending when the process died. */
struct effect_move ladder_after_crash(const struct effect_kind *kind, const struct effect_view *e, int64_t now_ms);
#endif
