/* notify/ladder.c - why this exists: when to try again is the one thing about the outside that is ours to decide, so it stands alone and is tested alone. */
#include "notify/ladder.h"

enum { SPREAD = 16 /* effects of one moment come back over a sixteenth of their wait, not as one */ };

static int64_t wait_of(const struct effect_kind *kind, const struct effect_view *e, int64_t n)
{
	int64_t last = kind->rungs - 1, wait = kind->wait_s[(n < last ? n : last) - 1] * INT64_C(1000);
	return wait + wait / SPREAD * (e->id % SPREAD) / SPREAD;
}

static struct effect_move stays(const struct effect_view *e, enum effect_state to, const struct judgement *j)
{
	return (struct effect_move){ .to = to, .due_ms = e->due_ms, .rung = e->rung, .code = j->code, .ref = j->ref[0] != '\0' ? j->ref : NULL };
}

/* Up the ladder; `otherwise`: when it ends here. */
static struct effect_move again(const struct effect_kind *kind, const struct effect_view *e, const struct judgement *j, int64_t now_ms, int64_t expiry_now_ms,
				enum effect_state otherwise)
{
	struct effect_move m = stays(e, EFFECT_DUE, j);
	int64_t wait = e->rung < kind->rungs ? wait_of(kind, e, e->rung > 0 ? e->rung : 1) : 0;
	if (wait < j->again_after_ms)
		wait = j->again_after_ms;
	m.due_ms = now_ms + wait;
	if (e->rung >= kind->rungs || expiry_now_ms + wait >= e->expires_ms)
		m.to = otherwise;
	return m;
}

/* It is not known whether anything happened, and the receiver has to be asked (again). */
static struct effect_move ask(const struct effect_kind *kind, const struct effect_view *e, const struct judgement *j, int64_t now_ms, int64_t expiry_now_ms)
{
	struct effect_move m = stays(e, EFFECT_SENDING, j);
	int64_t wait = wait_of(kind, e, e->asks > 0 ? e->asks : 1);
	if (wait < j->again_after_ms)
		wait = j->again_after_ms;
	m.asks = e->asks + 1;
	m.due_ms = now_ms + wait;
	if (expiry_now_ms + wait >= e->expires_ms)
		m = stays(e, EFFECT_UNKNOWN, j);
	return m;
}

static struct effect_move unknown(const struct effect_kind *kind, const struct effect_view *e, const struct judgement *j, int64_t now_ms, int64_t expiry_now_ms)
{
	switch (kind->crash) {
	case CRASH_RESEND:
		return again(kind, e, j, now_ms, expiry_now_ms, EFFECT_UNKNOWN);
	case CRASH_ASK:
		return ask(kind, e, j, now_ms, expiry_now_ms);
	case CRASH_STOP:
		break;
	}
	return stays(e, EFFECT_UNKNOWN, j);
}

struct effect_move ladder_next(const struct effect_kind *kind, const struct effect_view *e, const struct judgement *j, int64_t now_ms, int64_t expiry_now_ms)
{
	struct effect_move m = stays(e, EFFECT_UNKNOWN, j);
	switch (j->verdict) {
	case VERDICT_DONE:
		m.to = EFFECT_DONE;
		return m;
	case VERDICT_FAILED:
		m.to = EFFECT_FAILED;
		return m;
	case VERDICT_AGAIN:
		if (e->asks == 0)
			return again(kind, e, j, now_ms, expiry_now_ms, EFFECT_FAILED);
		/* the receiver does not know of it: the attempt that went astray is made once more, at once */
		m = again(kind, e, j, now_ms, expiry_now_ms, EFFECT_FAILED);
		if (m.to == EFFECT_DUE)
			m.due_ms = now_ms + j->again_after_ms;
		return m;
	case VERDICT_STOP:
		if (e->asks > 0)
			return ask(kind, e, j, now_ms, expiry_now_ms);
		m.to = EFFECT_HELD;
		m.held_by = HELD_BY_ACCOUNT;
		m.rung = e->rung - 1; /* nothing was sent */
		return m;
	case VERDICT_UNKNOWN:
		break;
	}
	return unknown(kind, e, j, now_ms, expiry_now_ms);
}

struct effect_move ladder_after_crash(const struct effect_kind *kind, const struct effect_view *e, int64_t now_ms)
{
	struct effect_move m = { .to = EFFECT_UNKNOWN, .due_ms = now_ms, .rung = e->rung, .code = "crashed" };
	if (kind->crash == CRASH_RESEND) {
		m.to = EFFECT_DUE;
		m.rung = e->rung > 0 ? e->rung - 1 : 0; /* that it was us who died is no reason to give up sooner */
	} else if (kind->crash == CRASH_ASK) {
		m.to = EFFECT_SENDING;
		m.asks = 1;
	}
	return m;
}
