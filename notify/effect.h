/* notify/effect.h - a deed outside: a row written in the transaction of its cause, done after COMMIT by the notifier.
 *
 *   due -> sending -> done | failed | unknown        held: until an operator releases it        cancelled: by an operator, before it was sent
 *
 * Effects of one subject are done one after the other, in the order of their ids: one has the turn, the others wait (effect.waits).
 * `sending` is committed before the call, so that after a crash it is known that something may have left. What happens to it then is
 * the kind's crash rule (effects.def): RESENT with the same key, ASKED about, or STOPPED AND SHOWN.
 * Where several nodes share a database, `sending` names its owner. Owner, attempt and question together are the number of the lease: whatever is written
 * about an attempt is written on condition that they are still these, so that a node which was thought dead writes over nobody.
 * Thread: whoever holds the transaction. Payloads are sealed here. */
#ifndef NOTIFY_EFFECT_H
#define NOTIFY_EFFECT_H
#include "base/ids.h"
#include "notify/effect_kind.h"
#include "store/store.h"

/* Numbers are in the database. */
enum effect_state { EFFECT_DUE = 1, EFFECT_SENDING = 2, EFFECT_DONE = 3, EFFECT_FAILED = 4, EFFECT_UNKNOWN = 5, EFFECT_HELD = 6, EFFECT_CANCELLED = 7 };
enum effect_receipt { RECEIPT_NONE = 0, RECEIPT_ARRIVED = 1, RECEIPT_LOST = 2 };
enum effect_held_by {
	HELD_BY_NOBODY = 0,
	HELD_BY_RESTORE = 1,   /* the database comes from a backup: what was sent since then is not known */
	HELD_BY_ACCOUNT = 2,   /* the provider takes nothing of this account */
	HELD_BY_SUBJECT = 3,   /* the one before it in its subject failed or is unknown */
	HELD_BY_SEAL = 4,      /* its payload cannot be opened */
};

enum { SUBJECT_BYTES_MAX = 64, EFFECT_PAYLOAD_MAX = 16384, EFFECT_KEY_BYTES = ID_TEXT_BYTES };

struct effect_new {
	int32_t kind;             /* KIND_… of effects.def */
	int64_t person;           /* 0: about nobody */
	int64_t message;          /* message row id whose rung it is; 0 none */
	struct str subject;       /* in order, one in flight; len 0: none */
	struct str payload;       /* JSON for the codec, in clear */
	int64_t due_ms;           /* 0: now */
	int64_t expires_ms;       /* 0: the kind's own life */
};

/* Writes the row and tells the notifier (NEWS_EFFECT_DUE). `random` is 16 bytes that differ for each effect of a request: derive them
 * from request.random (effect_random). */
MUST_USE bool effect_add(struct tx *tx, const struct effect_new *e, int64_t now_ms, const uint8_t random[16], int64_t *id, struct fail *why);
/* Another payload in the place of the one it has: of an effect that is over, when what it held must not be kept. */
MUST_USE bool effect_payload_put(struct tx *tx, int64_t id, struct str payload, const uint8_t random[16], struct fail *why);
/* The n-th effect's random bytes of a request. */
void effect_random(const uint8_t request_random[32], int n, uint8_t out[16]);

struct effect_view {
	int64_t id, person, message, attempts, rung, asks, due_ms, expires_ms, done_ms, made_ms, changed_ms; /* as in store/schema/0004_effects.sql */
	int64_t owner;            /* the node at whose hands it is (store/node.h); 0 nobody's, or there is one only */
	int32_t kind;
	enum effect_state state;
	enum effect_held_by held_by;
	enum effect_receipt receipt;
	bool waits;               /* another of its subject has the turn */
	struct id key;            /* effect_key_text gives it as the receiver knows it */
	char subject[SUBJECT_BYTES_MAX + 1], code[65], ref[97];
	struct str said;          /* of the attempt that has just done it, and for who follows only: what the receiver said (struct judgement); at NULL: nothing, or it is not known any more */
};
/* *found false: no such effect. The payload is not opened. */
MUST_USE bool effect_get(struct tx *tx, int64_t id, struct effect_view *out, bool *found, struct fail *why);
MUST_USE bool effect_get_by_key(struct tx *tx, struct id key, struct effect_view *out, bool *found, struct fail *why);
/* For statements of one's own: the columns of a view, in the order in which effect_view_read wants them from 0. */
#define EFFECT_COLUMN_LIST \
	"id, key, kind, state, subject, waits, held_by, person, message, attempts, rung, asks, due_ms, expires_ms, done_ms, receipt, code, ref, made_ms, changed_ms, owner"
enum { EFFECT_COLUMNS = 21 };
void effect_view_read(struct stmt *q, struct effect_view *out);
/* Nobody else of this subject comes or goes until the transaction's end. */
MUST_USE bool effect_subject_lock(struct tx *tx, struct str subject, struct fail *why);
/* Somebody of this subject has the turn. With the lock. */
MUST_USE bool effect_subject_taken(struct tx *tx, struct str subject, bool *taken, struct fail *why);

/* What follows from an effect of this kind that is over, or whose receipt came: in the same transaction. `e` is as it is now. Composed in gateway/. */
typedef bool (*effect_follow_fn)(struct tx *tx, const struct effect_view *e, int64_t now_ms, struct fail *why);
void effect_follow(int32_t kind, effect_follow_fn follow); /* before threads start; NULL: nothing */
/* The same of one that is not over and becomes due again, after a try or an operator's look: whoever knows that it must not go out any more cancels it. */
void effect_follow_again(int32_t kind, effect_follow_fn follow);

void effect_key_text(struct id key, char out[EFFECT_KEY_BYTES]); /* "ef_01JD…" */
bool effect_key_from_text(struct str s, struct id *out);
const char *effect_state_name(enum effect_state s); /* "due" */
/* Its latest attempt has begun, at due_ms, and is not over. It has no row in effect_attempt, as little as the one that did it (done_ms > 0). */
bool effect_is_under_way(const struct effect_view *e);
bool effect_is_over(enum effect_state s); /* done, failed, unknown, cancelled: whoever waits may go on */
#endif
