/* notify/effect_move.h - the only place where an effect changes: what its state, its turn, its attempt and its followers see is one transaction.
 *
 * Thread: the write lane. */
#ifndef NOTIFY_EFFECT_MOVE_H
#define NOTIFY_EFFECT_MOVE_H
#include "base/arena.h"
#include "channels/codec.h"
#include "notify/effect.h"

/* Where an effect goes. Made by ladder.h for attempts, by hand for operators. */
struct effect_move {
	enum effect_state to;
	enum effect_held_by held_by; /* HELD */
	int64_t due_ms;              /* DUE: the next attempt; SENDING: the next question */
	int64_t rung, asks;
	int64_t done_ms;             /* DONE by the attempt that is under way: now */
	const char *code, *ref;      /* NULL: as they are */
};
/* Carries an effect from the state in `e` there, out of its owner's hands, hands on the turn of its subject, tells who listens and follows. `e` is changed with it. *moved false:
 * somebody was quicker, nothing was changed. */
MUST_USE bool effect_move(struct tx *tx, struct effect_view *e, const struct effect_move *m, int64_t now_ms, bool *moved, struct fail *why);

/* Which of a kind are due and nobody else is at, the longest due first, `most` at most: held to the transaction's end. For nodes that share a database. */
MUST_USE bool effect_free(struct tx *tx, int32_t kind, bool is_ask, int64_t due_by_ms, int most, int64_t *ids, int *count, struct fail *why);
/* Due becomes sending, and an attempt of `owner` (0: there is one node) begins, at now_ms: before anything leaves. The sealed payload is copied into `a`. *marked false: it is not due any
 * more, or was too late (`expired_before_ms`) and has failed: then `out` is as it is now. */
MUST_USE bool effect_mark(struct tx *tx, int64_t id, int64_t owner, int64_t now_ms, int64_t expired_before_ms, struct effect_view *out, struct str *sealed, struct arena *a,
			  bool *marked, struct fail *why);
/* Reads what a question to the receiver needs, when it is due by then; it is `owner`'s now. */
MUST_USE bool effect_take_for_ask(struct tx *tx, int64_t id, int64_t owner, int64_t due_by_ms, struct effect_view *out, struct str *sealed, struct arena *a, bool *found,
				  struct fail *why);
/* Before an attempt's end is written down: it is still as in `e`, and stays so. *ours false: its lease was over, and another has decided about it. */
MUST_USE bool effect_still(struct tx *tx, const struct effect_view *e, bool *ours, struct fail *why);
/* A question that nobody asks any more. */
MUST_USE bool effect_ask_again(struct tx *tx, const struct effect_view *e, struct fail *why);
/* Writes down that the attempt under way did not do it; before the effect moves. ended_ms 0: the process died meanwhile. */
MUST_USE bool effect_attempt_failed(struct tx *tx, const struct effect_view *e, enum verdict verdict, int http_status, const char *code, int64_t ended_ms,
				 struct fail *why);

/* What a platform said of an effect later. The first final word counts; one that was unknown is done now. *news false: nothing new. */
MUST_USE bool effect_receipt(struct tx *tx, struct effect_view *e, enum effect_receipt r, const char *code, int64_t now_ms, bool *news, struct fail *why);

/* The account takes nothing any more, until account_resume. */
MUST_USE bool account_stop(struct tx *tx, enum account a, const char *code, int64_t now_ms, struct fail *why);
#endif
